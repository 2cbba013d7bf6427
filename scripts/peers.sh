# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # the document and the files before this one set the rest
# What the other hosts are asked, and how they are reached: by ssh, which our block in ~/.ssh/config sends over a CX7 link.

# Past any connection that the user's config shares. AES is in the processor; a dead peer is one that says nothing for 30 s.
ssh_options=(
	-T -c 'aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,chacha20-poly1305@openssh.com'
	-o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10 -o ConnectionAttempts=2 -o Compression=no
	-o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o LogLevel=INFO
)

# Before the others for what is to read its input itself, which tells how far it is: the first of an option counts.
own_connection=(-o ControlMaster=no -o ControlPath=none)

# Has all else that a host is asked, and all that is copied to it, share one connection, which ends with the operation. Its
# socket has to fit a path of 108 bytes, of which ssh takes 17 for itself.
share_connections() {
	local target longest=0
	for target in "${targets[@]}"; do ((longest >= ${#target})) || longest=${#target}; done
	if [[ $work =~ ^[A-Za-z0-9/._-]+$ ]] && ((${#work} + longest < 80)); then
		ssh_options+=(-o ControlMaster=auto -o "ControlPath=$work/%n.ssh" -o ControlPersist=30)
	else
		ssh_options+=("${own_connection[@]}")
	fi
}

end_connections() {
	local socket
	for socket in "$work"/*.ssh; do
		[[ ! -S $socket ]] || ssh -o ControlPath="$socket" -O exit -- "${socket##*/}" 2>/dev/null
	done
}

# What goes wrong with any host, a line each: the other hosts go on.
faults=()

# Keeps a fault of the host $1.
add_fault() {
	local of=$1
	shift
	faults+=("$of: $*")
}

# Ends the operation where there are faults; the last line is one too.
end_with_faults() {
	((${#faults[@]} == 0)) && return 0
	printf '%s\n' "${faults[@]}" >&2 || true
	exit 3
}

# Runs a function of this program, with its words, on the host $1, this one or another. There it finds the functions that
# are named in $portable, and nothing else of this program.
at() {
	local where=$1
	shift
	if [[ $where == "$host" ]]; then
		"$@" </dev/null
	else
		ssh "${ssh_options[@]}" -- "$where" exec bash -s <<<"set -euo pipefail; export LC_ALL=C; umask 022
$(declare -f "${portable[@]}")
{ ${*@Q}; } </dev/null; exit"
	fi
}

# Runs a function with its words on this host and all targets at once, as `at` does, and keeps what it prints in
# answers[HOST]; a host that can't say is a fault.
declare -A answers=()
ask_all() {
	local where status
	local -A asked=()
	for where in "$host" "${targets[@]}"; do
		(
			trap - ERR EXIT
			at "$where" "$@"
		) >"$work/$where.answer" 2>"$work/$where.log" &
		asked[$where]=$!
	done
	for where in "$host" "${targets[@]}"; do
		status=0
		wait "${asked[$where]}" || status=$?
		answers[$where]=$(<"$work/$where.answer")
		[[ $status == 0 ]] || add_peer_fault "$where" "$status" 'could not be asked'
	done
	end_with_faults
}

# Keeps the fault of what ended with the status $2 on the host $1, by its log: ssh's own, or else the words $3.
add_peer_fault() {
	local where=$1 status=$2 said
	said=$(last_line "$work/$where.log")
	if [[ $status == 255 ]]; then
		# A shared connection that broke says nothing where it was used.
		[[ -n $said && $said != rsync* ]] || said='the connection broke'
		add_fault "$host" "ssh to $where: ${said#ssh: }; $(login_remedy "$where" "$said")"
	else
		add_fault "$where" "$3: ${said:-ended with status $status}; run the command again"
	fi
}

# Prints the last line of a file that says anything, for people; what rsync says of itself goes behind what others say,
# and where docker has more to read isn't said.
last_line() {
	local lines said
	lines=$(tr '\r' '\n' <"$1" | tr -cd '[:print:]\n' | grep -v "^ *$\|^See 'docker ") || true
	said=$(grep -v '^rsync' <<<"$lines" | tail -n 1) || true
	one_line <<<"${said:-${lines##*$'\n'}}"
}

# Prints free bytes where $1 is, or will be.
free_bytes() {
	local path=$1
	while [[ ! -e $path && $path == */* ]]; do path=${path%/*}; done
	df --output=avail -B1 -- "${path:-/}" 2>/dev/null | tail -n 1 | tr -d ' '
}
