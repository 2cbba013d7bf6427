# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Copies of a model between this host and others: by rsync, which goes on where it was cut short.

# Prints the paths in the folder $1 that the commit $2 at the revision $3 is made of, less those of other commits. A server's
# container may write there: what leads out of the folder is no part of a model, and ends this with its path.
list_files() {
	local path target blob
	cd -- "$1" || return
	[[ ! -f refs/$3 ]] || printf '%s\n' "refs/$3"
	find "snapshots/$2" ! -type d -printf '%p\n%l\n' | while IFS= read -r path && IFS= read -r target; do
		printf '%s\n' "$path"
		[[ -n $target ]] || continue
		blob=${target##*/}
		[[ $target =~ ^(\.\./)+blobs/[A-Za-z0-9._-]+$ && $blob != .* && -f blobs/$blob && ! -L blobs/$blob && ! -L blobs ]] || {
			printf '%s\n' "$path leads out of the model" >&2
			return 1
		}
		printf 'blobs/%s\n' "$blob"
	done
}
portable+=(list_files)

# Copies from $1 to $2, each a path here or HOST:PATH: the files that $3 lists, or all without a list. A half file stays
# under its name: what begin_copy wrote is why it counts for nothing. A folder of somebody's own has his links followed.
copy_files() {
	local -a what=(--recursive --copy-unsafe-links)
	[[ -z $3 ]] || what=(--files-from="$3" --safe-links)
	rsync --links --perms --times --inplace "${what[@]}" --exclude='.spark-mesh*' \
		--info=progress2 --rsh="ssh ${ssh_options[*]}" -- "$1/" "$2/"
}

# Copies the model from this host to the target $1; prints nothing where it is complete there then.
send_model() {
	at "$1" begin_copy "$folder" "$begun_file" "$commit"
	copy_files "$folder" "$1:$folder" "$list" >"$work/$1.rsync"
	at "$1" end_copy "$folder" "$begun_file" "$part" "$commit" "$files" "$bytes"
}

# Copies the model from the target $1 to this host.
receive_model() {
	at "$1" list_files "$folder" "$commit" "$revision" >"$list"
	begin_copy "$folder" "$begun_file" "$commit"
	copy_files "$1:$folder" "$folder" "$list" >"$work/$host.rsync"
	end_copy "$folder" "$begun_file" "$part" "$commit" "$files" "$bytes"
}

# Says how far the copy to or from the target $1 is, which is the job $2.
say_model_copy() {
	local way="to $1" whole
	[[ $2 != "$host" ]] || way="from $1"
	whole=$(tail -c 200 "$work/$2.rsync" 2>/dev/null | tr '\r' '\n' | tail -n 1) || true
	read -r whole _ <<<"$whole"
	whole=${whole//,/}
	[[ $whole =~ ^[0-9]+$ ]] || return 0
	say_bytes "$2" "$3" "$whole" "$bytes" "model $model: $way"
}

# Keeps a fault where the disk of $1 has no room for what is yet to come.
judge_model_room() {
	local free begun
	read -r _ _ _ _ free begun <<<"${answers[$1]}"
	judge_room "$1" "$free" $((bytes - begun)) "model $model" "where $(shown_folder) is"
}

shown_folder() {
	# shellcheck disable=SC2088 # not to be expanded
	if [[ $folder == /* ]]; then printf '%s' "$folder"; else printf '%s' "~/$folder"; fi
}

# The fault of the copy to the host $1, if it is not complete; $2 is where it came from.
judge_model_copy() {
	local counts log=$work/$1.log status=${ended[$1]}
	counts=$(<"$work/$1.out")
	if grep -qi 'no space left' "$log"; then
		add_fault "$1" "model $model: found no space left where $(shown_folder) is, wanted room for $(show_bytes "$bytes") in all;" \
			'free some, then run the command again to go on'
	elif grep -q 'rsync: command not found' "$log"; then
		add_fault "$1" "model $model: found no rsync there or on $2, wanted it on both; install it: sudo apt install rsync"
	elif grep -q 'Permission denied\( (13)\)\?$' "$log"; then
		add_fault "$1" "model $model: found no right for the login user to write $(shown_folder), wanted it; give it to that user: chown"
	elif [[ $status == 0 && -n $counts ]]; then
		add_fault "$1" "model $model: found ${counts% *} files of ${counts#* } bytes in $(shown_folder) after the copy," \
			"wanted $files of $bytes, as on $2; take away what is not the model's, then run the command again"
	elif [[ $status != 0 ]]; then
		# rsync's words for a connection that broke.
		[[ $status != 1[02] ]] || status=255
		add_peer_fault "$1" "$status" "model $model: could not be copied from $2"
	fi
}
