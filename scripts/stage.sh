# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# stage: makes the wish true on this host, with the way back armed. Prints the id of the transaction that
# verify and commit are to confirm, or of the one in force where there was nothing to do.

stage() {
	local text wanted file_right=no sysctl_right=no differences moves name
	check_host
	lock_host
	settle_ownership stage
	trap 'undo_stage $?' EXIT
	trap 'exit 143' TERM HUP INT
	text=$(base64 -d <<<"$netplan_base64")
	wanted=$(wanted_live)
	if file_holds "$netplan_file" "$text" 600; then file_right=yes; fi
	if [[ -z $sysctl_base64 ]] || file_holds "$sysctl_file" "$(base64 -d <<<"$sysctl_base64")" 644; then sysctl_right=yes; fi
	moves=$(moves_due)
	differences=$(live_differences "$wanted")
	if [[ $file_right == yes && $sysctl_right == yes && -z $moves && -z $differences && -z $(names_to_release) ]] &&
		[[ $(json_value "$state_folder/record.json" digest) == "$digest" ]]; then
		trap - EXIT
		printf '%s' "$(json_value "$state_folder/record.json" transaction)" >&3
		return 0
	fi

	begin_transaction stage
	passing_probes >"$tx/probes" &
	check_netplan "$text" "$tx/check"
	wait $!
	arm
	if [[ $file_right == no ]]; then printf '%s\n' "$text" | write_file "$netplan_file" 0600; fi
	if [[ $sysctl_right == no ]]; then base64 -d <<<"$sysctl_base64" | write_file "$sysctl_file" 0644; fi
	for name in $moves; do move_file "$name" "$netplan_folder"; done
	# shellcheck disable=SC2046 # one word a name
	if [[ -n $(names_to_release) ]]; then restore_files "$state_folder/original" $(names_to_release); fi
	# netplan has no part in it.
	set_arp "$wanted"
	differences=$(live_differences "$wanted")
	if [[ $files_changed == no ]] && mendable_beside_networkmanager "$differences"; then
		fix_live "$wanted"
		differences=$(live_differences "$wanted")
	fi
	if [[ -z $differences && $files_changed == no ]]; then
		# The links are as wished already: to apply would disturb them for nothing.
		generate_netplan || fail "netplan generate failed: $(one_line <"$tx/apply.log"); put back as it was"
	else
		apply_netplan || fail "netplan apply failed: $(one_line <"$tx/apply.log"); put back as it was"
		if ! make_live "$wanted"; then
			differences=$(live_differences "$wanted")
			fail "${differences%%$'\n'*} 15 s after netplan apply; put back as it was"
		fi
	fi
	[[ -z $sysctl_base64 ]] || relearn_peers
	[[ $(json_value "$state_folder/armed.json" transaction) == "$transaction" ]] ||
		fail "transaction $transaction took longer than confirmSeconds ($confirm_seconds) and was rolled back; allow more"
	trap - EXIT
	printf '%s' "$transaction" >&3
}

# Says whether the file $1 has the text $2 and a newline after it, the mode $3, and is root's.
file_holds() {
	cmp -s "$1" - <<<"$2" && [[ $(stat -c '%a %U %G' "$1") == "$3 root root" ]]
}

# The lines that live state should have: the wish's netdevs, and of those that it no longer names the original, as long
# as they are there: a port may be out of the wish because its plug was moved to another. So with the ARP settings of one
# that it leaves alone now and didn't before.
wanted_live() {
	local netdev rest arp
	local -A former_arp=()
	if [[ -e $state_folder/original/live ]]; then
		while read -r netdev _ _ _ _ _ _ arp _; do former_arp[$netdev]=$arp; done < <(live_to_restore "$state_folder/original")
	fi
	for netdev in "${netdevs[@]}"; do
		if [[ ! -e /sys/class/net/$netdev ]]; then
			printf '%s absent\n' "$netdev"
			continue
		fi
		arp=${netdev_arp[$netdev]}
		[[ $arp != - ]] || arp=${former_arp[$netdev]:--}
		printf '%s up %s none none - - %s - %s\n' "$netdev" "${netdev_mtu[$netdev]}" "$arp" "${netdev_address[$netdev]}=brd=+"
	done
	[[ -e $state_folder/original/live ]] || return 0
	while read -r netdev rest; do
		[[ -n ${netdev_mtu[$netdev]-} || ! -e /sys/class/net/$netdev ]] || printf '%s %s\n' "$netdev" "$rest"
	done < <(live_kept "$state_folder/original")
}

# Prints the netdevs whose peer is to answer. Another may be absent, for without a cable a port leaves PCI: the file names
# it, and nothing live is asked of it.
linked_netdevs() {
	local link
	for link in "${links[@]}"; do printf '%s\n' "${link%% *}"; done
}

check_host() {
	local netdev tool
	for tool in netplan systemd-run flock ip; do
		command -v "$tool" >/dev/null || fail "$tool not found; install it, then run the command again"
	done
	[[ ! -L $netplan_file ]] || fail "$netplan_file is a symbolic link; put a plain file there, or set spark-mesh:network.netplanFile"
	[[ -z $sysctl_base64 || ! -L $sysctl_file ]] || fail "$sysctl_file is a symbolic link; put a plain file there, or none"
	for netdev in $(linked_netdevs); do
		[[ -e /sys/class/net/$netdev ]] || fail "$netdev: found absent, wanted present; check its cable, then run the command again"
	done
}

# A stage that fails leaves nothing behind: no resource would be there to undo it.
undo_stage() {
	set +e
	trap '' PIPE HUP INT TERM
	trap - ERR EXIT
	if [[ -n $transaction && $(json_value "$state_folder/armed.json" transaction) == "$transaction" ]]; then
		bash "$tx/rollback" stage >/dev/null 2>&1 ||
			printf '%s: transaction %s could not be rolled back now and is still armed\n' "$host" "$transaction" >&2
	else
		forget_orphans
	fi
	# On a first visit nothing is left to remember.
	if [[ ! -e $state_folder/record.json && ! -e $state_folder/armed.json && ! -e $state_folder/original ]]; then
		forget_network
		forget_lock
	fi
	exit "$1"
}
