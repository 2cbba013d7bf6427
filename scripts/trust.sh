# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# trust and distrust: our blocks in the login user's SSH files. They run as that user.

# What has a new text beside it.
prepared=()

# Makes the blocks and modes what the document says, and records that. All that is new is written beside its target before
# the first takes its name: on a full disk nothing has changed.
trust() {
	local name target block targets=()
	find_home
	if [[ $(public_key) != "$public_key" ]] || ! key_is_whole; then
		fail "$(shown "$key_file"): found another key pair than the one that the other hosts are told of; run the command again"
	fi
	trap 'rm -f -- "${temporaries[@]}"' EXIT
	open_home
	for name in "${ssh_files[@]}"; do
		target=$(target_of "$name")
		targets+=("$target")
		block=block_$name
		find_block "$target"
		prepare "$target" new_bytes "$target" "${!block}"
	done
	prepare "$own_folder/record.json" trust_record
	rename_prepared
	for target in "$ssh_folder" "${targets[@]}"; do keep_closed "$target"; done
	keep_mode 700 "$own_folder"
	keep_mode 644 "$key_file.pub"
	keep_mode 600 "$own_folder/record.json"
}

# Takes our blocks out again and removes what we made. The folder goes last, so that a run that was cut short can follow.
distrust() {
	local name target state mode
	find_home
	[[ -d $ssh_folder ]] || return 0
	refuse_other_stack "$own_folder/record.json"
	if [[ -d $own_folder ]]; then lock_home; fi
	trap 'rm -f -- "${temporaries[@]}"' EXIT
	for name in "${ssh_files[@]}"; do
		find_block "$ssh_folder/$name"
		((block_last > 0)) || continue
		target=$(target_of "$name")
		prepare "$target" new_bytes "$target" ''
	done
	rename_prepared
	[[ -d $own_folder ]] || return 0
	while read -r state name mode; do
		case $state in
		absent) remove_empty "$name" ;;
		mode) restore_mode "$name" "$mode" ;;
		esac
	done < <(cat -- "$own_folder/original" 2>/dev/null || true)
	forget_home
}

# Prints where the bytes of ~/.ssh/$1 are: a symbolic link is followed to a plain file of the user's.
target_of() {
	local path=$ssh_folder/$1 target
	target=$(readlink -m -- "$path")
	if [[ -L $path || -e $path ]] && [[ ! -f $target || ! -O $target || ! -r $target ]]; then
		fail "$(shown "$path"): found $(stat -L -c 'a %F of %U with mode %a' -- "$path" 2>/dev/null || printf 'a link to nothing')," \
			"wanted a regular file that $(id -un) owns and can read; put that right, then run the command again"
	fi
	if [[ -L $path ]]; then printf '%s' "$target"; else printf '%s' "$path"; fi
}

# Prints the block $2, which comes in base64, and then the bytes of the file $1 that are not ours.
new_bytes() {
	base64 -d <<<"$2" && foreign_bytes "$1"
}

# One key a line, so that json_value finds them.
trust_record() {
	printf '{\n  "version": 1,\n  "host": "%s",\n  "stack": "%s",\n  "publicKey": "%s",\n  "peers": %s\n}\n' \
		"$host" "$stack" "$public_key" "$(base64 -d <<<"$peers_base64" | tr -d '\n')"
}

# Writes beside the file $1 what a command prints, where that is not in it already.
prepare() {
	local target=$1 temporary
	shift
	! cmp -s <("$@" 2>/dev/null || true) "$target" || return 0
	temporary=$(temporary_of "$target")
	temporaries+=("$temporary")
	write_home "$target" write_beside "$temporary" "$target" "$@"
	prepared+=("$target")
}

# Writes to the file $1 what a command prints, with the owner and the mode of the file $2, less what sshd refuses.
write_beside() {
	local temporary=$1 target=$2
	shift 2
	rm -f -- "$temporary" && (umask 077 && "$@" >"$temporary") || return 1
	[[ ! -e $target ]] || cp -T --attributes-only --preserve=mode,ownership -- "$target" "$temporary" || return 1
	chmod go-w -- "$temporary" && sync "$temporary"
}

rename_prepared() {
	local target
	for target in "${prepared[@]}"; do write_home "$target" put_in_place "$target"; done
}

# sshd and ssh refuse what others can write.
keep_closed() {
	local mode
	mode=$(stat -L -c %a -- "$1")
	(((8#$mode & 8#022) == 0)) || write_home "$1" chmod go-w -- "$1"
}

# Removes the file ~/.ssh/$1, which we made, unless it holds something by now. ~/.ssh itself, called ssh, is for the end.
remove_empty() {
	local path=$ssh_folder/$1
	[[ $1 != ssh && -f $path && ! -L $path && ! -s $path ]] || return 0
	write_home "$path" remove_file "$path"
}

# Gives ~/.ssh/$1, or ~/.ssh itself, the mode $2 again, if it has the one that we made of that.
restore_mode() {
	local path=$ssh_folder/$1 mode
	if [[ $1 == ssh ]]; then path=$ssh_folder; fi
	[[ -e $path ]] || return 0
	mode=$(stat -L -c %a -- "$path")
	[[ $mode == "$2" ]] || ((8#$mode != (8#$2 & ~8#022))) || write_home "$path" chmod "$2" -- "$path"
}
