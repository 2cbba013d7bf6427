# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the files around this one read and set the rest
# The watch's rules and memory, apart from what it does (scripts/ranks.sh tells of both).

# What a worker does: sets REPLY to join, wait, or why it starts anew. $1 its status, $2 the epoch that it has joined in this
# life, $3 and $4 the head's status and life.
decide_worker() {
	REPLY='wait'
	[[ $1 == running ]] || return 0
	case $3 in
	running)
		if [[ $2 == - ]]; then
			REPLY='join'
		elif [[ $2 != "$4" ]]; then
			REPLY='rank 0 has'
		fi
		;;
	silent | unknown) ;;
	*) [[ $2 == - ]] || REPLY="rank 0 is $3" ;;
	esac
}

# What a running head makes of a worker: sets REPLY to wait, remember, alive, absent, or died. $1 the epoch, $2 the life that
# the worker joined it in, - for none; then its status, life, epoch and restarts as it says.
judge_worker() {
	REPLY='wait'
	if [[ $2 == - ]]; then
		[[ $3 == running && $5 == "$1" ]] || return 0
		# One that Docker had to start again may have met us in the life before, sooner than we looked.
		if (($6 == 0)); then REPLY=remember; else REPLY=died; fi
	elif [[ $3 == running && $4 == "$2" ]]; then
		REPLY=alive
	# A container that was made anew is a deploy at work, which comes to the head last.
	elif [[ $3 == missing || $3 == removing || $3 == unknown || $3 == silent || ${4%%/*} != "${2%%/*}" ]]; then
		REPLY=absent
	else
		REPLY=died
	fi
}

# Sets joined to the lives of the workers that joined the own epoch, by rank.
recall_workers() {
	local number life
	[[ -e $memory_folder/$1/workers ]] || return 0
	{
		read -r life
		[[ $life == "${own_started[$1]}" ]] || return 0
		while read -r number life; do joined[number]=$life; done
	} <"$memory_folder/$1/workers"
}

# Sets fresh, by rank, to the lives that remember_fresh kept.
recall_fresh() {
	local number life
	[[ -e $memory_folder/$1/fresh ]] || return 0
	while read -r number life; do fresh[number]=$life; done <"$memory_folder/$1/fresh"
}

remember_workers() {
	local number
	{
		printf '%s\n' "${own_started[$1]}"
		for number in "${!joined[@]}"; do printf '%s %s\n' "$number" "${joined[number]}"; done
	} | write_file "$memory_folder/$1/workers" 0644
}
