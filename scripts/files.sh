# shellcheck shell=bash
# Files that survive a power cut: the whole new text or the whole old one, and never a third thing. Chained, so that
# nothing takes its name after a failure, however the caller judges that.

# Where a file is written before it takes its name; netplan reads only what ends in .yaml.
temporary_of() {
	printf '%s/.%s.spark-mesh' "${1%/*}" "${1##*/}"
}

# Gives the written temporary file its name. The text reaches the disk before the name, and the name
# before anything that is done next.
put_in_place() {
	local temporary
	temporary=$(temporary_of "$1")
	sync "$temporary" && mv -fT -- "$temporary" "$1" && sync "${1%/*}"
}

# Writes stdin to the file $1 with mode $2.
write_file() {
	local temporary
	temporary=$(temporary_of "$1")
	rm -f -- "$temporary" && (umask 077 && cat >"$temporary") && chmod "$2" "$temporary" && put_in_place "$1"
}

# Copies the file $1 to $2 with its mode, owner and times.
copy_file() {
	local temporary
	temporary=$(temporary_of "$2")
	cp -aT --remove-destination -- "$1" "$temporary"
	put_in_place "$2"
}

# Removes the file $1; safe where it is gone already.
remove_file() {
	rm -f -- "$1"
	if [[ -d ${1%/*} ]]; then sync "${1%/*}"; fi
}

# Prints the value of the key $2 in the JSON file $1, which we wrote ourselves with one key a line and
# values that need no escapes; nothing where there is no such file or key.
json_value() {
	local line pattern='^  "'$2'": "?([^"]*[^",])"?,?$'
	[[ -f $1 ]] || return 0
	while IFS= read -r line; do
		if [[ $line =~ $pattern ]]; then
			printf '%s' "${BASH_REMATCH[1]}"
			return 0
		fi
	done <"$1"
}

# Prints $1 as a JSON string.
json_string() {
	local text=$1 out='' character code i
	for ((i = 0; i < ${#text}; i++)); do
		character=${text:i:1}
		case $character in
		'"' | \\) out+="\\$character" ;;
		[[:cntrl:]])
			printf -v code '\\u%04x' "'$character"
			out+=$code
			;;
		*) out+=$character ;;
		esac
	done
	printf '"%s"' "$out"
}

# Prints the file $1 for a record: its stat, and the hash that holds as long as the stat does.
render_file() {
	local mode owner size inode ctime sha256
	read -r mode owner size inode ctime < <(stat -L -c '%a %U:%G %s %i %.9Z' -- "$1")
	read -r sha256 _ < <(sha256sum <"$1")
	printf '{ "path": %s, "mode": "%s", "owner": %s, "size": %s, "inode": %s, "ctime": "%s", "sha256": "%s" }' \
		"$(json_string "$1")" "$mode" "$(json_string "$owner")" "$size" "$inode" "$ctime" "$sha256"
}
