# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# The netplan program: a file is judged before it is put in place, and applied where no broken session can stop it.

# Fails unless netplan takes its folders with the text $1 as our file; works in the new folder $2.
check_netplan() {
	local text=$1 root=$2 folder name complaint
	mkdir -p "$root"
	for folder in lib etc run; do
		mkdir -p "$root/$folder"
		if [[ -d /$folder/netplan ]]; then cp -a "/$folder/netplan" "$root/$folder/"; fi
	done
	mkdir -p "$root$netplan_folder"
	for name in $(names_to_release); do rm -f "$root$netplan_folder/$name"; done
	for name in $(moves_due); do move_file "$name" "$root$netplan_folder"; done
	printf '%s\n' "$text" >"$root$netplan_file"
	chmod 0600 "$root$netplan_file"
	if ! complaint=$(netplan generate --root-dir "$root" 2>&1); then
		fail "$netplan_file: netplan refuses it ($(one_line <<<"${complaint//"$root"/}")); nothing was changed"
	fi
	rm -rf -- "$root"
}

# Prints the names of the other files that CX7 definitions are still to be moved out of. Fails where one is not what it
# was when the move was planned.
moves_due() {
	local name found
	for name in "${!move_after[@]}"; do
		[[ ${move_after[$name]} != = ]] || continue
		if [[ ! -e $netplan_folder/$name ]]; then
			[[ ${move_after[$name]} == - ]] || fail "$netplan_folder/$name: found no file, wanted the one that was read; run the command again"
			continue
		fi
		[[ ! -L $netplan_folder/$name ]] || fail "$netplan_folder/$name is a symbolic link; put a plain file there, or move its CX7 definitions out by hand"
		read -r found _ < <(sha256sum <"$netplan_folder/$name")
		if [[ $found == "${move_before[$name]}" ]]; then
			printf '%s\n' "$name"
		elif [[ ${move_after[$name]} == - ]] || ! cmp -s "$netplan_folder/$name" <(base64 -d 2>/dev/null <<<"${move_after[$name]}"); then
			fail "$netplan_folder/$name was changed since it was read; run the command again"
		fi
	done
}

# Moves the CX7 definitions out of the file $1, in the folder $2: its other text stays, with its mode and owner.
move_file() {
	local target=$2/$1 temporary
	if [[ ${move_after[$1]} == - ]]; then
		remove_file "$target"
		return 0
	fi
	temporary=$(temporary_of "$target")
	cp -aT --remove-destination -- "$target" "$temporary"
	base64 -d <<<"${move_after[$1]}" >"$temporary"
	put_in_place "$target"
}

# Has netplan tell the renderers what is to hold from their next start on, and NetworkManager from the next time that it
# activates a profile: when a cable comes back it would take up the old one.
generate_netplan() {
	netplan generate >"$tx/apply.log" 2>&1 || return 1
	timeout 10 nmcli connection reload >/dev/null 2>&1 || true
}

# Runs `netplan apply` in a unit of its own, so that it ends well even if it cuts the session that asked
# for it. Its words are kept in the transaction's folder.
apply_netplan() {
	local networkmanager
	networkmanager=$(systemctl show --property=ActiveState --value NetworkManager)
	systemd-run --quiet --wait --collect --unit="spark-mesh-apply-$transaction-$SRANDOM" \
		--property=RuntimeMaxSec=60 --setenv=LC_ALL=C \
		--property=StandardOutput="truncate:$tx/apply.log" --property=StandardError="truncate:$tx/apply.log" \
		netplan apply </dev/null >/dev/null 2>&1 || return 1
	# netplan has asked for NetworkManager's start and not waited. An address that is set by hand before it looks, it
	# would take for somebody else's, and make a profile of its own for it.
	[[ $networkmanager != active ]] || timeout 20 systemctl start NetworkManager || true
}
