# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Who may work here: one operation at a time, and one stack.

# Waits up to $1 s for the lock $lock_file and holds it until this process ends.
take_lock() {
	local lock
	while :; do
		[[ -d ${lock_file%/*} ]] || mkdir -m 0700 -- "${lock_file%/*}" 2>/dev/null || true
		exec {lock}>>"$lock_file"
		flock -w "$1" "$lock" || {
			exec {lock}>&-
			return 1
		}
		# Who ends the last thing of ours removes the file: who waited for the removed one holds nothing.
		[[ ! $lock_file -ef /proc/self/fd/$lock ]] || return 0
		exec {lock}>&-
	done
}

lock_host() {
	take_lock 30 || fail 'another spark-mesh operation is at work here; wait for it, then run the command again'
}

# Where nothing of the network's is left, neither is the lock.
forget_lock() {
	[[ -e $state_folder ]] || rm -rf -- "$lock_folder"
}

# Fails where the record $1 is another stack's.
refuse_other_stack() {
	local owner
	owner=$(json_value "$1" stack)
	[[ -z $owner || $owner == "$stack" ]] ||
		fail "belongs to stack $owner, found by stack $stack; destroy the one that is to let go, or take this host out of it"
}
