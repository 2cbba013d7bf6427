# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# ready: waits, as the login user on the head's host, until a deployment answers a completion; a rank that has died ends the
# wait in seconds.

# How often a line says what is waited for, how long a host may be silent, and a completion take, in seconds.
line_seconds=5
silence_seconds=30
completion_seconds=60

ready() {
	local begin=$SECONDS said=-$line_seconds address=${endpoint% *} port=${endpoint#* } waiting
	local -A lives=() deaths=() ended=() silent=()
	[[ -n ${peers[0]-} && $ready_seconds != 0 ]] || fail 'the document is incomplete'
	while ((SECONDS - begin < ready_seconds)); do
		ask_hosts "${peers[@]#* }"
		judge_ranks
		if [[ -z $waiting ]] && http_model "$address" "$port" 5; then
			await_completion
			printf 'http://%s/v1\n' "$(shown_endpoint)" >&3
			return 0
		fi
		case $http_status in
		401 | 403)
			printf '%s: %s: asks for an API key: no completion was asked for\n' "$host" "$deployment"
			printf 'http://%s/v1\n' "$(shown_endpoint)" >&3
			return 0
			;;
		esac
		if ((SECONDS - said >= line_seconds)); then
			said=$SECONDS
			printf '%s: waiting for %s: %s, %d s of %d s: %s\n' "$host" "$deployment" \
				"${waiting:-ranks are loading}" "$((SECONDS - begin))" "$ready_seconds" "$(head_line)"
		fi
		sleep 1
	done
	fail_rank 0 "found no answer within $ready_seconds s, wanted a model served at http://$(shown_endpoint)/v1"
}

# Sets waiting to what keeps the ranks from meeting, if anything does; ends the wait for one that is dead.
judge_ranks() {
	local number name
	waiting='' http_status=''
	for number in "${!peers[@]}"; do
		name=${peers[number]% *}
		read_answer "${peers[number]#* }" "$deployment" "$number"
		if [[ $rank_status == silent || $rank_status == unknown ]]; then
			: "${silent[$number]:=$SECONDS}"
			((SECONDS - silent[$number] < silence_seconds)) || fail_silent "$number"
			waiting="rank $number on $name is not to be seen"
			continue
		fi
		unset "silent[$number]"
		case $rank_status in
		running | restarting | meeting) ended[$number]=0 ;;
		# Between its end and its start a restarted one looks ended too.
		*)
			ended[$number]=$((${ended[$number]-0} + 1))
			((ended[$number] < 4)) || fail_rank "$number" "found $rank_status, wanted it running"
			;;
		esac
		# Docker's restarts count as deaths; the watch's own set the count back.
		if [[ -n ${lives[$number]-} && ${lives[$number]} != "$rank_started" && $rank_restarts -gt 0 ]]; then
			deaths[$number]=$((${deaths[$number]-0} + 1))
			((deaths[$number] < 2)) || fail_rank "$number" 'found it ended twice, wanted it running'
		fi
		lives[$number]=$rank_started
		[[ $rank_status == running ]] || waiting="rank $number on $name is $rank_status"
	done
}

await_completion() {
	printf '%s: %s: %s is served; asking for a completion\n' "$host" "$deployment" "$served_model"
	http_completion "$address" "$port" "$served_model" "$completion_seconds" && return 0
	fail_rank 0 "found no completion of $served_model within $completion_seconds s ($http_status: $(one_line <<<"$http_body")), wanted one"
}

# Ends with what was found of rank $1, after its last words.
fail_rank() {
	local number=$1 name=${peers[$1]% *} lines
	lines=$(rank_logs "$number" 20)
	printf '%s: rank %s: %s\n' "$name" "$number" "${lines//$'\n'/$'\n'"$name: rank $number: "}"
	fail "$deployment: rank $number on $name: $2; its last lines are above; correct the recipe or the host, then run the command again"
}

fail_silent() {
	local name=${peers[$1]% *} address=${peers[$1]#* }
	fail "$deployment: rank $1 on $name: found no status at $address port $status_port for $silence_seconds s, wanted it; see that $name runs, that no firewall closes the port between the Sparks, and systemctl status spark-mesh-ranks.socket there"
}

# Prints the last $2 lines of rank $1, or where to find them.
rank_logs() {
	local name=${container%0}$1 lines
	if [[ $1 == 0 ]]; then
		lines=$(timeout 10 docker logs --tail "$2" -- "$name" 2>&1)
	else
		lines=$(timeout 10 ssh -o BatchMode=yes -o ConnectTimeout=5 -- "${peers[$1]% *}" docker logs --tail "$2" "$name" 2>&1)
	fi || lines="can't be read from here (${lines##*$'\n'}); see docker logs $name on ${peers[$1]% *}"
	printf '%s' "$lines" | tr -d '\0-\010\013-\037'
}

head_line() {
	local line
	line=$(rank_logs 0 1)
	one_line <<<"${line##*$'\n'}"
}

shown_endpoint() {
	local shown=${endpoint% *}
	[[ $shown != *:* ]] || shown="[$shown]"
	printf '%s:%s' "$shown" "${endpoint#* }"
}
