# shellcheck shell=bash
# shellcheck disable=SC2154 # the files before this one set the rest
# The watch over the ranks of this host, so that all ranks of a deployment meet again whichever of them has died. A program
# of its own that deploy installs:
#
#   ranks watch    looks every 2 s at the own containers and at what the other hosts answer, and acts
#   ranks answer   prints what this host has, for whoever asks (scripts/status.sh), and reads nothing
#
# The rules. Ranks can meet only when each of them is a process that has met nobody: a headless rank hangs on a dead head, and
# a head answers /health as if a dead worker were there. So the head's life is the epoch that workers join.
#   Worker: joins the first head that it sees running in its own life. The head is another than it joined, or is not
#   running: it starts anew, to be fresh for the next.
#   Head: a worker that had joined died, or was not to be seen for 30 s: it stops, waits until all workers are fresh, and
#   starts; then requests fail at once instead of hanging.
# A life of the head that nobody saw, shorter than 2 s, is no epoch: ranks take longer to meet.
# Who was stopped by hand stays so, and no rank is restarted twice within 10 s.
#
# Memory in $memory_folder/NAME, lost at a boot as the lives are:
#   joined    STARTED EPOCH   a worker's own life, and what it joined
#   workers   EPOCH, then RANK STARTED of each worker that had joined it
#   fresh     RANK STARTED of the workers when the head's watch last started it
#   acted     uptime in seconds of the last restart
# and in $deployments_folder/NAME/meeting, for a boot must not forget that we are to start what we stopped: an empty file.

calm_seconds=10
absence_seconds=30
meeting_seconds=30

# Own ranks by deployment.
declare -A own_rank=() own_container=() own_status=() own_started=() own_restarts=() own_joined=()
# Seconds of uptime at which a worker was last seen alive, by `DEPLOYMENT RANK STARTED`.
declare -A seen_alive=()

main() {
	case ${1-} in
	watch | answer) "$1" ;;
	*) fail 'usage: ranks watch|answer' ;;
	esac
}

answer() {
	local name status
	look_at_own
	for name in "${!own_rank[@]}"; do
		status=${own_status[$name]}
		[[ ! -e $deployments_folder/$name/meeting || $status == running ]] || status=meeting
		printf '%s %s %s %s %s %s\n' "$name" "${own_rank[$name]}" "$status" "${own_started[$name]}" "${own_joined[$name]}" "${own_restarts[$name]}"
	done
	printf 'end\n'
}

watch() {
	while :; do
		watch_once
		sleep 2
	done
}

watch_once() {
	local name addresses=() all=()
	look_at_own
	for name in "${!own_rank[@]}"; do
		read_addresses "$name"
		if [[ ${own_rank[$name]} == 0 ]]; then all+=("${addresses[@]:1}"); else all+=("${addresses[0]}"); fi
	done
	ask_hosts "${all[@]}"
	for name in "${!own_rank[@]}"; do
		mkdir -p "$memory_folder/$name"
		if [[ ${own_rank[$name]} == 0 ]]; then attend_head "$name"; else attend_worker "$name"; fi
	done
}

# Sets addresses and hosts to all ranks' of the deployment $1, by rank.
read_addresses() {
	local number name address
	addresses=() hosts=()
	while read -r number name address; do
		addresses[number]=$address hosts[number]=$name
	done <"$deployments_folder/$1/peers"
}

# Reads the records of this host, and what Docker says of their containers.
look_at_own() {
	local record name line text silence=missing
	local pattern='^/([^ ]+) ([a-z]+) ([^ ]+) ([0-9]+)$'
	local -A name_of=()
	own_rank=() own_container=() own_status=() own_started=() own_restarts=() own_joined=()
	for record in "$deployments_folder"/*/record.json; do
		[[ -e $record ]] || continue
		name=${record%/*}
		name=${name##*/}
		own_rank[$name]=$(json_value "$record" rank)
		own_container[$name]=$(json_value "$record" container)
		name_of[${own_container[$name]}]=$name
	done
	((${#own_rank[@]} > 0)) || return 0
	text=$(timeout 10 docker container inspect --format '{{.Name}} {{.State.Status}} {{slice .Id 0 12}}/{{.State.StartedAt}} {{.RestartCount}}' \
		-- "${own_container[@]}" 2>&1) || [[ -n $text ]] || silence=unknown
	while IFS= read -r line; do
		[[ -z $line || $line =~ $pattern || $line == *'No such container'* ]] || silence=unknown
	done <<<"$text"
	for name in "${!own_rank[@]}"; do
		own_status[$name]=$silence own_started[$name]=- own_restarts[$name]=0 own_joined[$name]=-
	done
	while IFS= read -r line; do
		[[ $line =~ $pattern ]] || continue
		name=${name_of[${BASH_REMATCH[1]}]-}
		[[ -n $name ]] || continue
		own_status[$name]=${BASH_REMATCH[2]} own_started[$name]=${BASH_REMATCH[3]} own_restarts[$name]=${BASH_REMATCH[4]}
		recall_joined "$name"
	done <<<"$text"
}

# What was joined in another life counts no more.
recall_joined() {
	local life='' epoch=''
	[[ ! -e $memory_folder/$1/joined ]] || read -r life epoch <"$memory_folder/$1/joined" || true
	if [[ $life == "${own_started[$1]}" && -n $epoch ]]; then own_joined[$1]=$epoch; fi
}

attend_worker() {
	local addresses hosts
	read_addresses "$1"
	read_answer "${addresses[0]}" "$1" 0
	decide_worker "${own_status[$1]}" "${own_joined[$1]}" "$rank_status" "$rank_started"
	case $REPLY in
	wait) ;;
	join) printf '%s %s\n' "${own_started[$1]}" "$rank_started" | write_file "$memory_folder/$1/joined" 0644 ;;
	*) act "$1" start_anew "$REPLY" ;;
	esac
}

attend_head() {
	local name=$1 number key why=''
	local -a addresses hosts joined=() before fresh=()
	if [[ -e $deployments_folder/$name/meeting ]]; then
		attend_meeting "$name"
		return 0
	fi
	[[ ${own_status[$name]} == running ]] || return 0
	recall_workers "$name"
	recall_fresh "$name"
	before=("${joined[@]}")
	read_addresses "$name"
	for number in "${!addresses[@]}"; do
		((number > 0)) || continue
		read_answer "${addresses[number]}" "$name" "$number"
		[[ ${fresh[number]-} != "$rank_started" ]] || rank_restarts=0
		judge_worker "${own_started[$name]}" "${joined[number]:--}" "$rank_status" "$rank_started" "$rank_joined" "$rank_restarts"
		key="$name $number ${joined[number]-}"
		case $REPLY in
		remember) joined[number]=$rank_started ;;
		alive) seen_alive[$key]=$(uptime_seconds) ;;
		absent)
			: "${seen_alive[$key]:=$(uptime_seconds)}"
			(($(uptime_seconds) - seen_alive[$key] < absence_seconds)) || why="rank $number on ${hosts[number]} was not to be seen for $absence_seconds s: $rank_status"
			;;
		died) why="rank $number on ${hosts[number]} died: $rank_status" ;;
		esac
	done
	[[ "${joined[*]}" == "${before[*]}" ]] || remember_workers "$name"
	[[ -z $why ]] || act "$name" begin_meeting "$why"
}

# A head that we stopped starts when no worker is left that has met somebody, or when one takes too long.
attend_meeting() {
	local addresses hosts
	if [[ ${own_status[$1]} == running || ${own_status[$1]} == missing ]]; then
		rm -f -- "$deployments_folder/$1/meeting"
		return 0
	fi
	[[ ${own_status[$1]} != unknown ]] || return 0
	read_addresses "$1"
	if workers_are_fresh "$1" "${addresses[@]:1}" || (($(seconds_since_act "$1") >= meeting_seconds)); then
		remember_fresh "$1"
		act "$1" end_meeting
	fi
}

# Does $2 to the deployment $1 unless an operation is at work on it or it was acted on a moment ago; $3 says why.
act() {
	local name=$1
	(($(seconds_since_act "$name") >= calm_seconds)) || return 0
	(
		# shellcheck disable=SC2034 # of take_lock
		lock_file=/run/spark-mesh-deployment-$name.lock
		take_lock 0 || exit 0
		still_as_judged "$name" || exit 0
		[[ -z ${3-} ]] || printf '%s: %s: rank %s starts anew: %s\n' "$host" "$name" "${own_rank[$name]}" "$3"
		uptime_seconds >"$memory_folder/$name/acted"
		"$2" "$name" || printf '%s: %s: docker could not: see the journal of docker.service\n' "$host" "$name"
	)
}

# An operation that has just ended may have made another container.
still_as_judged() {
	local status=${own_status[$1]} started=${own_started[$1]}
	look_at_own
	[[ ${own_status[$1]-} == "$status" && ${own_started[$1]-} == "$started" ]]
}

# Whoever starts anew has nothing to save, and one that hangs would not listen.
start_anew() {
	timeout 60 docker restart --time 3 "${own_container[$1]}" >/dev/null
}

begin_meeting() {
	: | write_file "$deployments_folder/$1/meeting" 0644 &&
		timeout 60 docker stop --time 3 "${own_container[$1]}" >/dev/null
}

end_meeting() {
	timeout 60 docker start "${own_container[$1]}" >/dev/null && rm -f -- "$deployments_folder/$1/meeting"
}

# Seconds since the last restart, very many where there was none since the boot.
seconds_since_act() {
	local acted=-999999
	[[ ! -e $memory_folder/$1/acted ]] || acted=$(<"$memory_folder/$1/acted")
	printf '%s' "$(($(uptime_seconds) - acted))"
}

uptime_seconds() {
	local now
	read -r now _ </proc/uptime
	printf '%s' "${now%.*}"
}
main "$@"
