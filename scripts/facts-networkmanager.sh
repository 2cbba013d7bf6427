# shellcheck shell=bash
# Connections that NetworkManager has from a person or a tool, in files of its own: netplan didn't write them.

# Has NetworkManager asked in the background, where a folder of its own has a connection, or can't be listed: most hosts
# have none, and don't wait for it.
begin_profiles() {
	local folder=/etc/NetworkManager/system-connections files
	files=("$folder"/* /usr/lib/NetworkManager/system-connections/*)
	profiles_fd=
	((${#files[@]} > 0)) || [[ -d $folder && ! (-r $folder && -x $folder) ]] || return 0
	type -P nmcli >/dev/null || return 0
	exec {profiles_fd}< <(list_profiles </dev/null)
}

# Prints, in nmcli's terse form, a line `profile UUID:TYPE:DEVICE:FILE:NAME` for each connection, and `detail FIELD:VALUE`
# for what those of Ethernet that are not active are bound to.
list_profiles() {
	local line type device rest uuid words=()
	while IFS= read -r line; do
		printf 'profile %s\n' "$line"
		IFS=: read -r uuid type device rest <<<"$line"
		[[ $type == 802-3-ethernet && -z $device && $rest == /* && $rest != /run/* ]] && words+=(uuid "$uuid")
	done < <(timeout 3 nmcli -t -f UUID,TYPE,DEVICE,FILENAME,NAME connection show | head -n 200)
	((${#words[@]} == 0)) ||
		timeout 3 nmcli -t -f connection.uuid,connection.interface-name,connection.autoconnect,802-3-ethernet.mac-address \
			connection show "${words[@]}" | while IFS= read -r line; do printf 'detail %s\n' "$line"; done
}

# Sets REPLY to the JSON string of those lines, "" where NetworkManager wasn't asked.
json_profiles() {
	local said=''
	[[ -z $profiles_fd ]] || IFS= read -r -d '' said <&"$profiles_fd"
	json_string "$said"
}
