# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # the document and the files before this one set the rest
# Long work: one operation at a time, jobs side by side, and a line about each every 5 s.

# A folder for what jobs say, gone with the operation.
work=''
# Of each running job by its name: its process group, what says how far it is, and the bytes of its last line.
declare -A jobs=() progress=() bytes_before=()

# Holds the user's lock on this host until the end, which it also sees to.
begin_fetch() {
	mkdir -p -- "$HOME/.cache"
	lock_file=$HOME/.cache/spark-mesh-fetch.lock
	until take_lock 5; do say 'waiting for another spark-mesh operation that fetches here'; done
	trap 'end_fetch $?' EXIT
	trap 'exit 143' TERM HUP INT
	work=$HOME/.cache/spark-mesh-fetch
	rm -rf -- "$work"
	mkdir -m 0700 -- "$work"
	share_connections
}

end_fetch() {
	local name
	trap - ERR EXIT
	trap '' HUP INT TERM
	set +e
	for name in "${!jobs[@]}"; do kill -- "-${jobs[$name]}" 2>/dev/null; done
	end_container
	end_connections
	rm -rf -- "$work"
	rm -f -- "$lock_file"
	exit "$1"
}

# Says where things are. Where nobody listens any more, that is the end of the operation.
say() {
	printf '%s: %s\n' "$host" "$*" >&2
}

# Starts the job $1: a function with its words. $2 says how far it is, and gets its name and the seconds since the last line.
start_job() {
	local job=$1
	progress[$job]=$2
	bytes_before[$job]=0
	shift 2
	# In a group of its own, so that all of it can be ended.
	set -m
	(
		trap - ERR EXIT
		# Nothing of an operation that was killed ends its jobs: each looks every second whether it is still there.
		sh -c "tail --pid=$$ --follow /dev/null; kill 0" >/dev/null 2>&1 3>&- &
		"$@"
	) >"$work/$job.out" 2>"$work/$job.log" &
	set +m
	jobs[$job]=$!
}

# Waits for all jobs, and has each say every 5 s how far it is; ended[NAME] is then its status.
declare -A ended=()
await_jobs() {
	local tick='' name status last=$SECONDS
	while ((${#jobs[@]} > 0)); do
		if [[ -z $tick ]]; then
			# Nobody waits for its end after ours.
			sleep 5 >/dev/null 2>&1 3>&- &
			tick=$!
		fi
		wait -n "${jobs[@]}" "$tick" || true
		for name in "${!jobs[@]}"; do
			! kill -0 "${jobs[$name]}" 2>/dev/null || continue
			status=0
			wait "${jobs[$name]}" || status=$?
			ended[$name]=$status
			# What looked whether we are still there.
			kill -- "-${jobs[$name]}" 2>/dev/null || true
			unset "jobs[$name]"
		done
		! kill -0 "$tick" 2>/dev/null || continue
		# shellcheck disable=SC2086 # a function with its words
		for name in "${!jobs[@]}"; do ${progress[$name]} "$name" $((SECONDS - last)); done
		last=$SECONDS tick=''
	done
}

# Says how many bytes of how many, 0 for nobody knows, a job has done, and the speed since its last line $2 s ago.
say_bytes() {
	local name=$1 seconds=$2 bytes=$3 total=$4 of=''
	local -i speed
	shift 4
	speed=$(((bytes - bytes_before[$name]) / (seconds > 0 ? seconds : 1)))
	bytes_before[$name]=$bytes
	if ((total > 0)); then
		# An archive is a little more than what is in it.
		bytes=$((bytes < total ? bytes : total))
		of=" of $(show_bytes "$total")"
	fi
	say "$*: $(show_bytes "$bytes")$of, $(show_bytes $((speed > 0 ? speed : 0)))/s"
}

# Prints bytes for people: 512 B, 1.2 GiB, 800 MiB.
show_bytes() {
	local -i bytes=$1 tenths
	local unit
	tenths=$((bytes * 10))
	for unit in B KiB MiB GiB TiB; do
		if ((tenths < 10240)) || [[ $unit == TiB ]]; then break; fi
		tenths=$((tenths / 1024))
	done
	if ((tenths < 100)) && [[ $unit != B ]]; then
		printf '%d.%d %s' $((tenths / 10)) $((tenths % 10)) "$unit"
	else
		printf '%d %s' $((tenths / 10)) "$unit"
	fi
}

# Prints what a process has read so far. What goes through a pipe can be told by nothing else.
bytes_read() {
	local key value
	while read -r key value; do
		[[ $key != rchar: ]] || printf '%s' "$value"
	done <"/proc/$1/io"
}
