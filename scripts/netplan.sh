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
	printf '%s\n' "$text" >"$root$netplan_file"
	chmod 0600 "$root$netplan_file"
	if ! complaint=$(netplan generate --root-dir "$root" 2>&1); then
		fail "$netplan_file: netplan refuses it ($(one_line <<<"${complaint//"$root"/}")); nothing was changed"
	fi
	rm -rf -- "$root"
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
