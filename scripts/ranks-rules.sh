# shellcheck shell=bash
# shellcheck disable=SC2034 # the files around this one read what is set here
# The watch's rules, apart from what it does (scripts/ranks.sh tells of both).

# What a worker does: sets REPLY to wait or start. $1 its status, $2 the meeting that it is fresh for in this life, $3 and $4
# the head's status and meeting; - is none.
decide_worker() {
	REPLY='wait'
	if [[ $1 == running && $3 == meeting && $4 != - && $2 != "$4" ]]; then REPLY='start'; fi
}

# What a running head makes of a worker: sets REPLY to alive, absent, died, wait, or came for one that was late. $1 the
# head's meeting, $2 the worker's rank, $3 the ranks that were late for it; then its status and meeting as it says.
judge_worker() {
	local is_late=no
	[[ " $3 " != *" $2 "* ]] || is_late=yes
	case $4:$is_late in
	running:*)
		if [[ $5 == "$1" ]]; then REPLY='alive'; elif [[ $is_late == yes ]]; then REPLY='came'; else REPLY='died'; fi
		;;
	*:yes) REPLY='wait' ;;
	missing:* | removing:* | unknown:* | silent:*) REPLY='absent' ;;
	*) REPLY='died' ;;
	esac
}
