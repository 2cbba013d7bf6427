# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Snapshots: what was, kept so that it can be put back exactly.
#
# A snapshot is a folder (a contract between our releases): files/NAME is a copy of the file NAME, netplan's or our
# sysctl file, absent/NAME says that there was none, live holds the netdevs' lines as live.sh describes them.

# Prints the path of the file that snapshots call $1.
path_of() {
	if [[ $1 == "${sysctl_file##*/}" ]]; then printf '%s' "$sysctl_file"; else printf '%s/%s' "$netplan_folder" "$1"; fi
}

# Takes a snapshot into the folder $1 of the files that $2 names and of the netdevs that follow.
take_snapshot() {
	local folder=$1 names=$2 name path
	shift 2
	mkdir -p "$folder"
	(umask 077 && mkdir -p "$folder/files" "$folder/absent")
	for name in $names; do
		path=$(path_of "$name")
		if [[ -e $path ]]; then
			cp -aT -- "$path" "$folder/files/$name"
		else
			: >"$folder/absent/$name"
		fi
	done
	live_lines "$@" >"$folder/live"
}

# Takes the snapshot of what we are going to touch for the first time: of everything on the first visit, later of a
# file or a netdev that the wish names anew.
keep_original() {
	local original=$state_folder/original name netdev new=() new_names=()
	if [[ ! -e $original ]]; then
		rm -rf -- "$original.new"
		take_snapshot "$original.new" "$(names_wished)" "${netdevs[@]}"
		: >"$tx/first"
		find "$original.new" "$tx" -exec sync {} +
		mv -T -- "$original.new" "$original"
		chmod 0700 "$original"
	else
		for name in $(names_wished); do
			[[ -e $original/files/$name || -e $original/absent/$name ]] || new_names+=("$name")
		done
		if ((${#new_names[@]} > 0)); then
			take_snapshot "$tx/original" "${new_names[*]}"
			if [[ " ${new_names[*]} " == *" ${sysctl_file##*/} "* ]]; then
				with_arp_now "$original/live" | write_file "$original/live" 0600
			fi
			cp -aT -- "$tx/original/files" "$original/files"
			cp -aT -- "$tx/original/absent" "$original/absent"
		fi
		for netdev in "${netdevs[@]}"; do
			grep -q "^$netdev " "$original/live" || new+=("$netdev")
		done
		if ((${#new[@]} > 0)); then
			{ cat "$original/live" && live_lines "${new[@]}"; } | write_file "$original/live" 0600
		fi
		find "$original" -exec sync {} +
	fi
	sync "$state_folder"
}

# Prints the lines $1 of live state with the ARP settings of now: until we have a sysctl file they are somebody else's.
with_arp_now() {
	local line
	while read -r -a line; do
		[[ ${line[1]} == absent || ! -e /sys/class/net/${line[0]} ]] || line[7]=$(arp_settings "${line[0]}")
		printf '%s\n' "${line[*]}"
	done <"$1"
}

# Prints the names of the files that the wish has something to say about.
names_wished() {
	{
		printf '%s\n' "${netplan_file##*/}" "${!move_after[@]}"
		[[ -z $sysctl_base64 ]] || printf '%s\n' "${sysctl_file##*/}"
	} | sort
}

# Prints the names of the files that we have ever written and not given back.
names_kept() {
	local saved
	for saved in "$state_folder"/original/files/* "$state_folder"/original/absent/*; do
		[[ ! -e $saved ]] || printf '%s\n' "${saved##*/}"
	done
}

# Prints those of them that the wish no longer names: they get their original back.
names_to_release() {
	local kept wished
	kept=$(names_kept)
	wished=$(names_wished | tr '\n' ' ')
	# shellcheck disable=SC2086 # one word a name
	words_without "${wished% }" $kept
}

names_of_interest() {
	{ names_kept && names_wished; } | sort -u
}

# Prints the netdevs of the wish and those that we changed before.
netdevs_of_interest() {
	{
		[[ ! -e $state_folder/original/live ]] || cut -d ' ' -f 1 "$state_folder/original/live"
		printf '%s\n' "${netdevs[@]}"
	} | sort -u
}

# Whether netplan's files were changed by being put back.
files_changed=no

# Puts the files of the snapshot $1 back, all or those that are named, byte for byte with mode, owner and times.
restore_files() {
	local snapshot=$1 saved name target
	shift
	for saved in "$snapshot"/files/* "$snapshot"/absent/*; do
		name=${saved##*/}
		target=$(path_of "$name")
		[[ -e $saved ]] || continue
		[[ $# == 0 || " $* " == *" $name "* ]] || continue
		rm -f -- "$(temporary_of "$target")"
		if [[ $saved == "$snapshot"/absent/* ]]; then
			[[ -e $target ]] || continue
			[[ $target == "$sysctl_file" ]] || files_changed=yes
			remove_file "$target"
		elif ! cmp -s -- "$saved" "$target"; then
			[[ $target == "$sysctl_file" ]] || files_changed=yes
			copy_file "$saved" "$target"
		elif [[ $(stat -c '%a %u %g' "$saved") != "$(stat -c '%a %u %g' "$target")" ]]; then
			copy_file "$saved" "$target"
		fi
	done
}

# Prints the snapshot $1's lines of live state. A netdev that was absent then and came since is to be as one that nobody
# configured: with no address, and in the hands in which the others were.
live_to_restore() {
	local netdev rest generation=0 disabled=0 arp=- managed=-
	while read -r netdev _ _ _ _ rest; do
		[[ -z $rest ]] || read -r generation disabled arp managed _ <<<"$rest"
	done < <(live_kept "$1")
	while read -r netdev rest; do
		if [[ $rest == absent && -e /sys/class/net/$netdev ]]; then rest="- 1500 - - $generation $disabled $arp $managed none"; fi
		printf '%s %s\n' "$netdev" "$rest"
	done < <(live_kept "$1")
}

# Prints the lines of the snapshot $1 with ARP settings only where it has our sysctl file too, there or not: without it
# they were never ours.
live_kept() {
	local line
	while read -r -a line; do
		[[ ${line[1]} == absent || -e $1/files/${sysctl_file##*/} || -e $1/absent/${sysctl_file##*/} ]] || line[7]=-
		printf '%s\n' "${line[*]}"
	done <"$1/live"
}

# Makes live state as the lines $1 of a snapshot say, as far as it can be; says what it couldn't.
restore_live() {
	local differences netdev addresses
	set_arp "$1"
	differences=$(live_differences "$1")
	[[ $files_changed == yes || -n $differences ]] || return 0
	# Where it was not to be seen which addresses a renderer brings, ours at least go; it brings its own again.
	while read -r netdev _ _ _ _ _ _ _ _ addresses; do
		[[ $addresses != - ]] || ip address flush dev "$netdev" scope global || true
	done <<<"$1"
	rm -f -- "$udev_rules"
	release_from_networkmanager "$1"
	apply_netplan || printf '%s: netplan apply failed while putting the network back: %s\n' "$host" "$(one_line <"$tx/apply.log")" >&2
	# What a renderer no longer has in hand it leaves as it is.
	fix_live "$1" patient
	make_live "$1" || printf '%s: not as it was: %s\n' "$host" "$(live_differences "$1" | one_line)" >&2
}

# Before the network starts there is nothing to apply: netplan's generator ran before us, so it runs again. udev
# may have judged the netdevs by what was just taken away: by its MTU, and by who manages them.
restore_before_network() {
	local netdev link mtu
	rm -f -- "$udev_rules"
	set_arp "$(live_kept "$tx")"
	netplan generate || true
	udevadm control --reload || true
	while read -r netdev link mtu _; do
		[[ $link != absent && -e /sys/class/net/$netdev ]] || continue
		ip link set dev "$netdev" mtu "$mtu" || true
		udevadm trigger --action=change "/sys/class/net/$netdev" || true
	done <"$tx/live"
}
