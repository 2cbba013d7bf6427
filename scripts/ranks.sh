# shellcheck shell=bash
# shellcheck disable=SC2154 # the files before this one set the rest
# The watch over the ranks of this host, so that all ranks of a deployment meet again whichever of them has died. A program
# of its own that deploy installs:
#
#   ranks watch    looks every 2 s at the own containers and at what the other hosts answer, and acts
#   ranks answer   prints what this host has, for whoever asks (scripts/status.sh), and reads nothing
#
# The rules. Ranks can meet only when each of them is a process that has met nobody: a headless rank hangs on a dead head, and
# a head answers /health as if a dead worker were there. So a head leads its workers through meetings, each with a name of its
# own (status.sh):
#   Head: a worker has died, or was not to be seen for 30 s, or the head began a life by itself, at a boot or by Docker: it
#   calls a meeting. It stops, then requests fail at once instead of hanging; waits until every worker is fresh for that
#   meeting, or for 30 s; and starts.
#   Worker: sees a head that waits in a meeting that it isn't fresh for: it starts anew. It is fresh in that life if the head
#   still waits then.
# So whoever is fresh for the meeting in which a head started can't have met another. A worker that was late is met anew when
# it comes: without it nothing was loaded.
# Who was stopped by hand stays so. No head calls twice within 10 s, and no worker starts anew twice so for one meeting.
#
# Memory:
#   $memory_folder/NAME/meeting       STARTED MEETING, then ranks that were late: the meeting of a life. Lost at a boot, as lives are
#   $deployments_folder/NAME/called   MEETING that a stopped head waits in: at a boot, too, it is to be started

calm_seconds=10
absence_seconds=30
meeting_seconds=30

# Own ranks by deployment.
declare -A own_rank=() own_container=() own_status=() own_started=() own_restarts=() own_meeting=() own_late=()
# Seconds of uptime: when a worker was last seen, by `DEPLOYMENT RANK MEETING`; when a wait for workers began, by
# `DEPLOYMENT MEETING`; when we last acted, by DEPLOYMENT.
declare -A seen_at=() waits_since=() acted_at=()
# The meeting that a worker last started anew for, by deployment.
declare -A acted_for=()

main() {
	case ${1-} in
	watch | answer) "$1" ;;
	*) fail 'usage: ranks watch|answer' ;;
	esac
}

answer() {
	local name
	look_at_own
	for name in "${!own_rank[@]}"; do
		printf '%s %s %s %s %s %s\n' "$name" "${own_rank[$name]}" "${own_status[$name]}" "${own_started[$name]}" "${own_meeting[$name]}" "${own_restarts[$name]}"
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
	local folder name line text silence=missing
	local pattern='^/([^ ]+) ([a-z]+) ([^ ]+) ([0-9]+)$'
	local -A name_of=()
	own_rank=() own_container=() own_status=() own_started=() own_restarts=() own_meeting=() own_late=()
	for folder in "$deployments_folder"/*/; do
		name=${folder%/}
		name=${name##*/}
		if [[ -e ${folder}record.json ]]; then
			own_rank[$name]=$(json_value "${folder}record.json" rank)
			own_container[$name]=$(json_value "${folder}record.json" container)
			name_of[${own_container[$name]}]=$name
		# A head that is deployed for the first time waits for its workers before it has a record.
		elif [[ -e ${folder}called ]]; then
			own_rank[$name]=0
		fi
	done
	((${#own_rank[@]} > 0)) || return 0
	if ((${#own_container[@]} > 0)); then
		text=$(timeout 10 docker container inspect --format '{{.Name}} {{.State.Status}} {{slice .Id 0 12}}/{{.State.StartedAt}} {{.RestartCount}}' \
			-- "${own_container[@]}" 2>&1) || [[ -n $text ]] || silence=unknown
	fi
	while IFS= read -r line; do
		[[ -z $line || $line =~ $pattern || $line == *'No such container'* ]] || silence=unknown
	done <<<"${text-}"
	for name in "${!own_rank[@]}"; do
		own_status[$name]=$silence own_started[$name]=- own_restarts[$name]=0 own_meeting[$name]=- own_late[$name]=''
	done
	while IFS= read -r line; do
		[[ $line =~ $pattern ]] || continue
		name=${name_of[${BASH_REMATCH[1]}]-}
		[[ -n $name ]] || continue
		own_status[$name]=${BASH_REMATCH[2]} own_started[$name]=${BASH_REMATCH[3]} own_restarts[$name]=${BASH_REMATCH[4]}
	done <<<"${text-}"
	for name in "${!own_rank[@]}"; do recall_meeting "$name"; done
}

# The meeting of another life counts no more, and of a head that isn't running the one that it called.
recall_meeting() {
	local life='' meeting='' late=''
	if [[ -e $deployments_folder/$1/called && ${own_status[$1]} != running && ${own_status[$1]} != unknown ]]; then
		own_status[$1]=meeting
		own_meeting[$1]=$(<"$deployments_folder/$1/called")
	elif [[ -e $memory_folder/$1/meeting ]]; then
		read -r life meeting late <"$memory_folder/$1/meeting" || true
		if [[ $life == "${own_started[$1]}" && -n $meeting ]]; then own_meeting[$1]=$meeting own_late[$1]=$late; fi
	fi
}

attend_worker() {
	local addresses hosts
	read_addresses "$1"
	read_answer "${addresses[0]}" "$1" 0
	decide_worker "${own_status[$1]}" "${own_meeting[$1]}" "$rank_status" "$rank_meeting"
	if [[ $REPLY == start && (${acted_for[$1]-} != "$rank_meeting" || $(seconds_since_act "$1") -ge $calm_seconds) ]]; then
		acted_for[$1]=$rank_meeting
		act "$1" start_anew "$rank_meeting" "${addresses[0]}"
	fi
}

attend_head() {
	case ${own_status[$1]} in
	meeting) attend_meeting "$1" ;;
	running) attend_running "$1" ;;
	esac
}

attend_running() {
	local addresses hosts number key why=''
	read_addresses "$1"
	((${#addresses[@]} > 1)) || return 0
	if [[ ${own_meeting[$1]} == - ]]; then
		why='it began by itself, and workers may have met another'
	fi
	for number in "${!addresses[@]}"; do
		((number > 0 && ${#why} == 0)) || continue
		key="$1 $number ${own_meeting[$1]}"
		read_answer "${addresses[number]}" "$1" "$number"
		judge_worker "${own_meeting[$1]}" "$number" "${own_late[$1]}" "$rank_status" "$rank_meeting"
		case $REPLY in
		alive) seen_at[$key]=$(uptime_seconds) ;;
		absent)
			: "${seen_at[$key]:=$(uptime_seconds)}"
			(($(uptime_seconds) - seen_at[$key] < absence_seconds)) || why="rank $number on ${hosts[number]} was not to be seen for $absence_seconds s: $rank_status"
			;;
		died) why="rank $number on ${hosts[number]} died: ${rank_status/#running/started again}" ;;
		came) why="rank $number on ${hosts[number]} is there now" ;;
		esac
	done
	if [[ -n $why ]]; then
		(($(seconds_since_act "$1") < calm_seconds)) || act "$1" call_meeting "$why"
	elif [[ -e $deployments_folder/$1/called ]]; then
		act "$1" forget_call
	fi
}

attend_meeting() {
	local addresses hosts late key="$1 ${own_meeting[$1]}"
	# Without a container a deploy is at work, or has failed.
	[[ ${own_started[$1]} != - ]] || return 0
	read_addresses "$1"
	find_late "$1" "${own_meeting[$1]}"
	: "${waits_since[$key]:=$(uptime_seconds)}"
	if ((${#late[@]} == 0 || $(uptime_seconds) - waits_since[$key] >= meeting_seconds)); then act "$1" hold_meeting "${late[@]}"; fi
}

# Does $2 to the deployment $1, with the words that follow, unless an operation is at work on it.
act() {
	local name=$1
	if (
		# shellcheck disable=SC2034 # of take_lock
		lock_file=/run/spark-mesh-deployment-$name.lock
		take_lock 0 || exit 1
		still_as_judged "$name" || exit 1
		"$2" "$name" "${@:3}" || printf '%s: %s: docker could not: see the journal of docker.service\n' "$host" "$name"
	); then
		acted_at[$name]=$(uptime_seconds)
	fi
}

# An operation that has just ended may have made another container.
still_as_judged() {
	local judged="${own_status[$1]} ${own_started[$1]} ${own_meeting[$1]}"
	look_at_own
	[[ "${own_status[$1]-} ${own_started[$1]-} ${own_meeting[$1]-}" == "$judged" ]]
}

# Starts the worker of $1 anew for the meeting $2 of the head at $3. Whoever starts anew has nothing to save, and one that hangs
# would not listen.
start_anew() {
	printf '%s: %s: rank %s starts anew: rank 0 waits for it\n' "$host" "$1" "${own_rank[$1]}"
	timeout 60 docker restart --time 3 "${own_container[$1]}" >/dev/null || return 1
	look_at_own
	ask_hosts "$3"
	read_answer "$3" "$1" 0
	# A head that runs by now may have met the life before.
	if [[ $rank_status == meeting && $rank_meeting == "$2" ]]; then remember_meeting "$1" "${own_started[$1]}" "$2"; fi
}

call_meeting() {
	printf '%s: %s: rank 0 starts anew: %s\n' "$host" "$1" "$2"
	new_meeting | write_file "$deployments_folder/$1/called" 0644 &&
		timeout 60 docker stop --time 3 "${own_container[$1]}" >/dev/null
}

# Starts the head of $1, without the ranks that follow.
hold_meeting() {
	local meeting=${own_meeting[$1]}
	timeout 60 docker start "${own_container[$1]}" >/dev/null || return 1
	look_at_own
	remember_meeting "$1" "${own_started[$1]}" "$meeting" "${@:2}"
	forget_call "$1"
}

forget_call() {
	rm -f -- "$deployments_folder/$1/called"
}

# Seconds since we last did something to $1, very many where we never did.
seconds_since_act() {
	printf '%s' "$(($(uptime_seconds) - ${acted_at[$1]:--999999}))"
}

uptime_seconds() {
	local now
	read -r now _ </proc/uptime
	printf '%s' "${now%.*}"
}
main "$@"
