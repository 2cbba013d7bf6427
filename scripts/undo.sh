# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# undo and release: destroy in two steps, the second over a new connection.

# Restores what was before our first write ever, with the way back to the mesh armed. If nobody comes for the release,
# the timer looks whether what answered before still does: then it finishes, else it goes back. (A dead host stops
# a destroy between the two steps, and the others are to be clean all the same.)
undo() {
	[[ -e $state_folder ]] || return 0
	lock_host
	settle_ownership undo
	if [[ -e $state_folder/original ]]; then restore_original; else forget_lock; fi
}

# Seconds until a host that nobody released decides for itself. Short, so that hosts beside a dead one are clean when
# their destroy ends; release comes sooner where all are alive.
readonly undo_confirm_seconds=10

restore_original() {
	# shellcheck disable=SC2034 # for arm
	local -i confirm_seconds=$undo_confirm_seconds
	trap 'undo_stage $?' EXIT
	trap 'exit 143' TERM HUP INT
	begin_transaction undo
	passing_probes >"$tx/probes"
	arm
	restore_files "$state_folder/original"
	restore_live "$(live_to_restore "$state_folder/original")"
	trap - EXIT
}

# Leaves nothing of us on the host. Where no undo came before (there was no commit to delete), or where it was rolled
# back since, the whole undo happens here, and the probes stand in for the new connection.
release() {
	local armed
	[[ -e $state_folder ]] || return 0
	lock_host
	# Whoever had the lock may have ended all there was.
	[[ -e $state_folder ]] || {
		forget_lock
		return 0
	}
	armed=$(json_value "$state_folder/armed.json" transaction)
	if [[ -n $armed && $(<"$state_folder/tx/$armed/kind") == undo ]] &&
		[[ $(json_value "$state_folder/armed.json" stack) == "$stack" ]]; then
		transaction=$armed
		tx=$state_folder/tx/$transaction
		forget_everything
		return 0
	fi
	settle_ownership release
	if [[ -e $state_folder/original ]]; then
		restore_original
		probes_pass || fail_release
	fi
	forget_everything
}

fail_release() {
	bash "$tx/rollback" release >/dev/null 2>&1 || true
	fail 'what answered before the network was put back does not answer now; the mesh is back, check the management network'
}
