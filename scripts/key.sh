# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# The login user's folder ~/.ssh/spark-mesh, and in it the host's own key pair. Its functions run as that user: nothing is
# ever written to a home with root's rights.
#
# In the folder (mode 0700; a contract between our releases):
#   id_ed25519, id_ed25519.pub  the key pair; its private half never leaves this host
#   record.json                 the last `trust`
#   original                    what was there before our first write: a line `absent NAME` or `mode NAME MODE` for ~/.ssh,
#                               called ssh, and for each file in it that gets a block
#   rotate                      there while a new key pair is asked for
#   lock                        held by every operation

# What is written beside its target and has not taken its name yet.
temporaries=()
made_ssh_folder=no first_visit=no

# Sets where things are. Without HOME bash asks passwd, which is what ssh and sshd go by.
find_home() {
	unset HOME
	export HOME=~
	ssh_folder=$HOME/.ssh
	own_folder=$ssh_folder/spark-mesh
	key_file=$own_folder/id_ed25519
	lock_file=$own_folder/lock
}

# A path below the home, for people.
shown() {
	# shellcheck disable=SC2088 # not to be expanded
	printf '%s' "~${1#"$HOME"}"
}

# Runs a command that writes to the home at the path $1. What it says last is the fault: that is not ours to mend.
write_home() {
	local path=$1 said
	shift
	said=$("$@" 2>&1 | tr -d '\r') ||
		fail "$(shown "$path") can't be written: ${said##*: }; make it writable, with room on its disk, and run the command again"
}

# Makes the folder on a first visit, and holds its lock until this shell ends.
open_home() {
	local original
	if [[ ! -e $ssh_folder ]]; then
		write_home "$ssh_folder" mkdir -m 0700 -- "$ssh_folder"
		made_ssh_folder=yes
	fi
	[[ -d $ssh_folder && -O $ssh_folder ]] ||
		fail "$(shown "$ssh_folder"): found a $(stat -L -c '%F of %U' -- "$ssh_folder"), wanted a directory of $(id -un); put that right, then run the command again"
	[[ -d $own_folder ]] || write_home "$own_folder" mkdir -m 0700 -- "$own_folder"
	lock_home
	refuse_other_stack "$own_folder/record.json"
	if [[ ! -e $own_folder/original ]]; then
		original=$(original_lines)
		temporaries+=("$(temporary_of "$own_folder/original")")
		write_home "$own_folder/original" write_file "$own_folder/original" 0600 <<<"$original"
	fi
}

lock_home() {
	write_home "$lock_file" open_for_append "$lock_file"
	lock_host
}

open_for_append() {
	: >>"$1"
}

# Prints what is there before us. A file with nothing in it but our block is ours: the folder was removed since.
original_lines() {
	local name path
	if [[ $made_ssh_folder == yes ]]; then printf 'absent ssh\n'; else printf 'mode ssh %s\n' "$(stat -L -c %a -- "$ssh_folder")"; fi
	for name in "${ssh_files[@]}"; do
		path=$ssh_folder/$name
		find_block "$path"
		if [[ ! -e $path ]] || { ((block_last > 0)) && cmp -s <(foreign_bytes "$path" 2>/dev/null || true) /dev/null; }; then
			printf 'absent %s\n' "$name"
		else
			printf 'mode %s %s\n' "$name" "$(stat -L -c %a -- "$path")"
		fi
	done
}

# Prints "made" or "kept", and the public key of this host. A key pair is kept while it is whole, is the one that the
# record speaks of, and nobody asked for a new one.
make_key() {
	local recorded
	find_home
	[[ -e $own_folder ]] || first_visit=yes
	trap 'end_key $?' EXIT
	open_home
	recorded=$(json_value "$own_folder/record.json" publicKey)
	if [[ ! -e $own_folder/rotate ]] && key_is_whole && [[ -z $recorded || $recorded == "$(public_key)" ]]; then
		printf 'kept %s' "$(public_key)"
	else
		write_key
		printf 'made %s' "$(public_key)"
	fi
}

# A key pair that could not be made leaves nothing of it, and nothing at all on a first visit.
end_key() {
	trap - ERR EXIT
	set +e
	rm -f -- "${temporaries[@]}"
	if [[ $1 != 0 && $first_visit == yes ]]; then (forget_home) 2>/dev/null; fi
	exit "$1"
}

# Makes a key pair beside the old one. Between the two renames the halves differ, which the next run mends.
write_key() {
	local private public
	private=$(temporary_of "$key_file")
	public=$(temporary_of "$key_file.pub")
	temporaries+=("$private" "$private.pub" "$public")
	rm -f -- "${temporaries[@]}"
	write_home "$key_file" ssh-keygen -q -t ed25519 -N '' -C "spark-mesh:$host" -f "$private"
	write_home "$key_file.pub" mv -T -- "$private.pub" "$public"
	write_home "$key_file" put_in_place "$key_file"
	write_home "$key_file.pub" put_in_place "$key_file.pub"
	write_home "$own_folder" rm -f -- "$own_folder/rotate"
}

# Says whether both halves are there and belong together. ssh-keygen reads no private half that others can read.
key_is_whole() {
	local type='' key=''
	[[ -f $key_file && -n $(public_key) ]] || return 1
	keep_mode 600 "$key_file"
	read -r type key _ < <(ssh-keygen -y -P '' -f "$key_file" 2>/dev/null || true) || return 1
	[[ "$type $key" == "$(public_key)" ]]
}

# Prints the public half without its comment, nothing where there is none.
public_key() {
	local type='' key=''
	[[ ! -f $key_file.pub ]] || read -r type key _ <"$key_file.pub" || true
	[[ $type != ssh-ed25519 || ! $key =~ ^[A-Za-z0-9+/]+=*$ ]] || printf '%s %s' "$type" "$key"
}

# Gives the path $2 the mode $1, where it has another.
keep_mode() {
	[[ $(stat -L -c %a -- "$2") == "$1" ]] || write_home "$2" chmod "$1" -- "$2"
}

# Removes a key pair that no `trust` ever told the others of.
forget_key() {
	find_home
	[[ -d $own_folder && ! -e $own_folder/record.json ]] || return 0
	lock_home
	forget_home
}

# Removes our folder, and ~/.ssh where we made it and nothing else is in it.
forget_home() {
	if grep -qxs 'absent ssh' "$own_folder/original"; then made_ssh_folder=yes; fi
	write_home "$own_folder" rm -rf -- "$own_folder"
	if [[ $made_ssh_folder == yes ]]; then write_home "$ssh_folder" rmdir --ignore-fail-on-non-empty -- "$ssh_folder"; fi
}
