# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# A transaction: who may change this host, the armed rollback.
#
# In $state_folder (root, world-readable but for the copies of files):
#   record.json       the last commit
#   armed.json        a change that is not confirmed yet, with a timer and a boot unit beside it
#   rolled-back.json  the last rollback
#   original/         snapshot from before our first write ever; destroy restores it
#   tx/ID/            snapshot from before the change ID, and the program that restores it

# The transaction at work, and its folder.
transaction='' tx=''

# Fails where another stack owns this host or has an unconfirmed change here; an unconfirmed change of our
# own is rolled back. An undo is nobody's but the stack's: only a destroy begins one.
settle_ownership() {
	local armed armed_stack armed_operator until
	refuse_other_stack "$state_folder/record.json"
	armed=$(json_value "$state_folder/armed.json" transaction)
	[[ -n $armed ]] || return 0
	armed_stack=$(json_value "$state_folder/armed.json" stack)
	armed_operator=$(json_value "$state_folder/armed.json" operator)
	until=$(json_value "$state_folder/armed.json" until)
	# The timer of one that is long over was lost; what it should have done is due.
	if [[ $armed_stack != "$stack" || $armed_operator != "$operator" ]] && ((EPOCHSECONDS < until + 60)); then
		fail "transaction $armed of stack $armed_stack by $armed_operator is not confirmed yet;" \
			"unless it is, it will be rolled back at $(show_time "$until"); run the command again after that"
	fi
	bash "$state_folder/tx/$armed/rollback" "${1:-stage}" >/dev/null 2>&1 ||
		fail "transaction $armed can't be rolled back; see $state_folder/tx/$armed and repair $netplan_folder by hand"
}

# Begins a transaction: its folder and its snapshot. Called under the lock.
begin_transaction() {
	forget_orphans
	transaction=$(TZ=UTC0 printf '%(%Y%m%dT%H%M%S)T-%08x' -1 "$SRANDOM")
	tx=$state_folder/tx/$transaction
	mkdir -p "$tx"
	chmod 0755 "$state_folder" "$state_folder/tx" "$tx"
	printf '%s\n' "$1" >"$tx/kind"
	keep_original
	# shellcheck disable=SC2046 # one word a name
	take_snapshot "$tx" "$(names_of_interest)" $(netdevs_of_interest)
}

# What a stage left that was killed before it armed anything: nothing on this host changed yet.
forget_orphans() {
	local orphan
	for orphan in "$state_folder"/tx/*; do
		[[ -e $orphan ]] || continue
		systemctl stop "spark-mesh-rollback-${orphan##*/}".{timer,service} 2>/dev/null || true
		if [[ -e $orphan/first ]]; then rm -rf -- "$state_folder/original"; fi
		rm -rf -- "$orphan"
	done
}

# Arms the rollback: a timer, a unit for the next boot, and the file that says so. All that it needs is
# on disk before the first of them is.
arm() {
	write_rollback_program
	find "$tx" -exec sync {} +
	sync "$state_folder/tx" "$state_folder"
	systemd-run --quiet --collect --unit="spark-mesh-rollback-$transaction" \
		--on-active="$confirm_seconds" --timer-property=AccuracySec=1s \
		--property=Restart=on-failure --property=RestartSec=10 --property=RestartPreventExitStatus=127 \
		/bin/bash "$tx/rollback" timer </dev/null >/dev/null 2>&1 || fail 'systemd-run armed no rollback; nothing was changed'
	mkdir -p "$boot_wants"
	render_boot_unit | write_file "$boot_unit" 0644
	ln -sfn "$boot_unit" "$boot_wants/${boot_unit##*/}"
	sync "$boot_wants"
	render_armed | write_file "$state_folder/armed.json" 0644
}

# With the mesh that is to be: until the first commit nothing else knows the wiring, and our own file ends its discovery.
render_armed() {
	printf '{\n  "version": 1,\n  "host": "%s",\n  "transaction": "%s",\n  "stack": "%s",\n  "operator": "%s",\n  "until": %d,\n' \
		"$host" "$transaction" "$stack" "$operator" "$((EPOCHSECONDS + confirm_seconds))"
	printf '  "mesh": %s\n}\n' "$(base64 -d <<<"$mesh_base64" | tr -d '\n')"
}

# Only netplan's renderers may not start before it; udev may, or a /var of its own would never be mounted. What sysctl.d
# says is read before it, or would come after it.
render_boot_unit() {
	cat <<-UNIT
		[Unit]
		Description=Put back a network change that was not confirmed before the host went down
		DefaultDependencies=no
		ConditionPathExists=$state_folder/armed.json
		RequiresMountsFor=$state_folder $netplan_folder
		After=systemd-remount-fs.service systemd-sysctl.service
		Wants=network-pre.target
		Before=network-pre.target systemd-networkd.service NetworkManager.service sysinit.target

		[Service]
		Type=oneshot
		TimeoutStartSec=60
		ExecStart=/bin/bash $tx/rollback boot
	UNIT
}

# Writes the program that puts everything back: these same functions, with what they need to know.
write_rollback_program() {
	{
		printf '#!/bin/bash\nset -Eeuo pipefail\nshopt -s inherit_errexit\numask 022\n'
		declare -p LC_ALL PATH host stack netplan_folder sysctl_file udev_rules state_folder lock_folder lock_file boot_unit boot_wants transaction tx files_changed
		declare -f
		# shellcheck disable=SC2016 # for the program to expand
		printf 'roll_back "$1"\n'
	} >"$tx/rollback"
}

# Confirms: from the moment that armed.json is gone nothing will be rolled back. $1 is the rollback's cause, if it is one
# that disarms itself. Another stops it: it may have begun just now, and then waits for the lock.
disarm() {
	local unit=spark-mesh-rollback-$transaction
	remove_file "$state_folder/armed.json"
	rm -f -- "$boot_unit" "$boot_wants/${boot_unit##*/}"
	case ${1-} in
	boot) ;;
	timer) systemctl stop "$unit.timer" || true ;;
	*) systemctl stop "$unit.timer" "$unit.service" || true ;;
	esac 2>/dev/null
}

# Puts back what was before this transaction. $1 is the cause: timer, boot, or the operation that asked for it and
# holds the lock. Safe to run again after it was cut short: armed.json goes last.
roll_back() {
	local cause=$1 first=no
	trap '' PIPE HUP
	# Whoever holds the lock longer than all its limits together hangs, and has lost his right.
	[[ $cause != timer ]] || take_lock 120 || true
	[[ ! -e $tx/first ]] || first=yes
	if [[ $(json_value "$state_folder/armed.json" transaction) == "$transaction" ]]; then
		if [[ $cause == timer && $(<"$tx/kind") == undo ]] && probes_pass; then
			forget_everything timer
			return 0
		fi
		restore_files "$tx"
		if [[ $cause == boot ]]; then restore_before_network; else restore_live "$(live_to_restore "$tx")"; fi
		printf '{\n  "version": 1,\n  "transaction": "%s",\n  "at": %d,\n  "cause": "%s"\n}\n' \
			"$transaction" "$EPOCHSECONDS" "$cause" | write_file "$state_folder/rolled-back.json" 0644
		disarm "$cause"
		[[ $cause == boot ]] || systemctl daemon-reload || true
	fi
	[[ $first == no ]] || rm -rf -- "$state_folder/original"
	rm -rf -- "$tx"
	forget_lock
}

# Removes what the network's operations keep; the folder is not theirs alone.
forget_network() {
	rm -rf -- "$state_folder"/{record.json,record.json.new,armed.json,rolled-back.json,original,original.new,tx}
	rmdir --ignore-fail-on-non-empty -- "$state_folder"
	sync "${state_folder%/*}"
}

# Leaves the host as if we had never been there; what we changed on it is put back already. $1 as for disarm.
forget_everything() {
	disarm "${1-}"
	forget_network
	systemctl daemon-reload || true
	forget_lock
}
