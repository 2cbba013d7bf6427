# shellcheck shell=bash
# shellcheck disable=SC2034 # the other files read what is set here
# The lines of a document that is about one rank of a deployment.

# What the document said. Peers by rank as `HOST ADDRESS`, 0 being the head; the ports of the head where ranks meet; this
# stack's other deployments here; files as `PATH MODE BASE64`.
deployment='' rank='' container='' program_base64='' endpoint=''
declare -i ready_seconds=0
declare -a peers=() meeting_ports=() beside=() folders=() files=() arguments=()

read_own_line() {
	local words base64='^[A-Za-z0-9+/]+=*$' name='^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$' address='^[0-9A-Fa-f.:]+$'
	local component='[A-Za-z0-9@_=+,~.-]*[A-Za-z0-9@_=+,~-][A-Za-z0-9@_=+,~.-]*'
	read -r -a words <<<"$2"
	case $1 in
	deployment) [[ $2 =~ $name ]] && deployment=$2 ;;
	rank) [[ $2 =~ ^[0-9]{1,3}$ ]] && rank=$2 ;;
	container) [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$ ]] && container=$2 ;;
	peer)
		[[ ${#words[@]} == 3 && ${words[0]} =~ ^(0|[1-9][0-9]{0,2})$ && ${words[1]} =~ ^[a-z0-9][a-z0-9-]*$ ]] &&
			[[ ${words[2]} =~ $address ]] && peers[words[0]]="${words[1]} ${words[2]}"
		;;
	meeting) [[ $2 =~ ^[1-9][0-9]{0,4}$ ]] && meeting_ports+=("$2") ;;
	beside) [[ $2 =~ $name ]] && beside+=("$2") ;;
	folder) [[ $2 =~ ^/[^[:cntrl:]]+$ ]] && folders+=("$2") ;;
	file)
		[[ ${#words[@]} == 3 && ${words[0]} =~ ^$component(/$component)*$ && ${words[1]} =~ ^0?[0-7]{3}$ ]] &&
			[[ ${words[2]} =~ ^(-|[A-Za-z0-9+/]+=*)$ ]] && files+=("$2")
		;;
	program) [[ $2 =~ $base64 ]] && program_base64=$2 ;;
	argument) [[ -z $2 || $2 =~ $base64 ]] && arguments+=("$2") ;;
	endpoint) [[ ${#words[@]} == 2 && ${words[0]} =~ $address && ${words[1]} =~ ^[1-9][0-9]{0,4}$ ]] && endpoint=$2 ;;
	limit) [[ $2 =~ ^[1-9][0-9]{0,5}$ ]] && ready_seconds=$2 ;;
	*) return 1 ;;
	esac
}
