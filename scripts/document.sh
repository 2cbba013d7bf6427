# shellcheck shell=bash
# shellcheck disable=SC2034 # the other files read what is set here
# Reads the desired document: lines of a key and its value, each validated before anything is done with it. A document is
# about the network and read by operations of root, or about a deployment.

# What the document said. Links, probes and logins are kept as the lines they came in. Of the other netplan files that CX7
# definitions are moved out of: the sha256 of the text before, and the text after, in base64; - for no file any more, =
# where nothing is to be done because it was done before. Of a netdev's ARP settings, - for those that are left alone.
stack='' operator='' digest='' netplan_file='' netplan_base64='' sysctl_base64='' mesh_base64=''
declare -i confirm_seconds=0
declare -a netdevs=() links=() probes=()
declare -A netdev_mtu=() netdev_address=() netdev_arp=() move_before=() move_after=()
declare -a logins=()
# The login user, whose folders a rank's container gets.
user=''

# Reads it all; the variables that are named have to have a value then.
read_document() {
	local key rest name
	while read -r key rest; do
		read_line "$key" "$rest" || read_own_line "$key" "$rest" ||
			fail "the document has a line that this script can't read: $key"
	done
	for name in stack operator "$@"; do
		[[ -n ${!name} ]] || fail 'the document is incomplete'
	done
}

# Fails on anything that it doesn't know: scripts and document come from one release.
read_line() {
	local words owner='^[A-Za-z0-9][A-Za-z0-9 ._/@:-]*$' base64='^[A-Za-z0-9+/]+=*$'
	local netdev='^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$' address='^[A-Za-z0-9][A-Za-z0-9.:_-]*$' cidr='^[0-9.]+/[0-9]+$'
	read -r -a words <<<"$2"
	case $1 in
	spark-mesh) [[ $2 == 1 ]] ;;
	host) [[ $2 =~ ^[a-z0-9-]+$ ]] && host=$2 ;;
	stack) [[ $2 =~ $owner ]] && stack=$2 ;;
	operator) [[ $2 =~ $owner ]] && operator=$2 ;;
	confirmSeconds) [[ $2 =~ ^[1-9][0-9]*$ ]] && confirm_seconds=$2 ;;
	digest) [[ $2 =~ ^[0-9a-f]+$ ]] && digest=$2 ;;
	netplanFile) [[ $2 =~ ^/etc/netplan/[A-Za-z0-9][A-Za-z0-9_.-]*\.yaml$ ]] && netplan_file=$2 ;;
	netplan) [[ $2 =~ $base64 ]] && netplan_base64=$2 ;;
	sysctl) [[ $2 =~ $base64 ]] && sysctl_base64=$2 ;;
	mesh) [[ $2 =~ $base64 ]] && mesh_base64=$2 ;;
	netdev)
		[[ ${#words[@]} == 4 && ${words[0]} =~ $netdev && ${words[1]} =~ ^[0-9]+$ && ${words[2]} =~ $cidr ]] &&
			[[ ${words[3]} =~ ^(-|[0-9]+/[0-9]+)$ ]] || return 1
		netdevs+=("${words[0]}")
		netdev_mtu[${words[0]}]=${words[1]}
		netdev_address[${words[0]}]=${words[2]}
		netdev_arp[${words[0]}]=${words[3]}
		;;
	link)
		[[ ${#words[@]} == 5 && ${words[0]} =~ $netdev && ${words[1]} =~ $address && ${words[2]} =~ $address ]] &&
			[[ ${words[3]} =~ ^(-|[0-9a-fA-F:]{17})$ ]] && links+=("$2")
		;;
	move)
		[[ ${#words[@]} == 3 && ${words[0]} =~ ^[A-Za-z0-9][A-Za-z0-9_.-]*\.yaml$ ]] &&
			[[ ${words[1]} =~ ^(=|[0-9a-f]{64})$ && ${words[2]} =~ ^([-=]|[A-Za-z0-9+/]+=*)$ ]] || return 1
		move_before[${words[0]}]=${words[1]}
		move_after[${words[0]}]=${words[2]}
		;;
	probe) [[ ${#words[@]} == 2 && ${words[0]} =~ $address ]] && probes+=("$2") ;;
	login)
		[[ ${#words[@]} == 2 && ${words[0]} =~ ^[a-z0-9][a-z0-9-]*$ && ${words[1]} =~ $address ]] && logins+=("$2")
		;;
	user) [[ $2 =~ ^[A-Za-z0-9_][A-Za-z0-9._@+-]*$ ]] && user=$2 ;;
	*) return 1 ;;
	esac
}

# A program whose documents have lines of their own has another in place of this. It is no part of read_line, whose local
# variables would hide those that it sets.
read_own_line() {
	return 1
}
