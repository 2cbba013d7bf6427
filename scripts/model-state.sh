# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# What a host has of a model; these functions also run on other hosts. A model of the hub is where its own tools keep it,
# below the user's ~/.cache/huggingface/hub: refs/REVISION names a commit, snapshots/COMMIT links into blobs. In that folder
# are of ours, for each revision (a contract between our releases, and with facts):
#   .spark-mesh-REVISION.json   what is there in whole: commit, files and bytes
#   .spark-mesh-REVISION.begun  the commit that is being fetched, - for one that nobody knows yet
# A model that is a folder has only .spark-mesh.begun in it, on hosts that it is copied to.

portable+=(model_state folder_state count_files commit_of is_whole begin_copy end_copy own_file free_bytes json_value
	temporary_of put_in_place write_file)

# Prints the state of the folder $1 as a model of the hub at the revision $2: STATE COMMIT FILES BYTES FREE BEGUN. The
# state is complete (as recorded), found (whole, without a record) or absent; BEGUN are bytes that a copy of this commit
# has brought already.
model_state() {
	local folder=$1 revision=$2 commit counts record begun state=absent bytes=0
	commit=$(commit_of "$folder" "$revision")
	counts=$(count_files "$folder/snapshots/$commit")
	record=$(own_file "$folder" "$revision" json)
	begun=$(own_file "$folder" "$revision" begun)
	if [[ -e $begun ]]; then
		bytes=$(count_files "$folder/blobs")
		bytes=${bytes#* }
	elif [[ -e $record && "$(json_value "$record" commit) $(json_value "$record" files) $(json_value "$record" bytes)" == "$commit $counts" ]]; then
		state=complete
	elif is_whole "$folder" "$commit"; then
		state=found
	fi
	printf '%s %s %s %s %s' "$state" "${commit:--}" "$counts" "$(free_bytes "$PWD/$folder")" "$bytes"
}

# Prints the same of a model that is the folder $1; it is found where anything is in it.
folder_state() {
	local counts state=absent
	counts=$(count_files "$1")
	[[ $counts == '0 '* || -e $1/.spark-mesh.begun ]] || state=found
	printf '%s - %s %s %s' "$state" "$counts" "$(free_bytes "$1")" "${counts#* }"
}

# The file of ours about the revision $2 in the folder $1.
own_file() {
	printf '%s/.spark-mesh-%s.%s' "$1" "${2//\//--}" "$3"
}

# Prints files and bytes below $1, links followed, without those of ours.
count_files() {
	local -i files=0 bytes=0 size
	while read -r size; do
		files+=1
		bytes+=$size
	done < <(find -L "$1" -type f ! -name '.spark-mesh*' -printf '%s\n' 2>/dev/null || true)
	printf '%d %d' "$files" "$bytes"
}

# Prints the commit of the revision $2, as the folder $1 knows it.
commit_of() {
	local commit=''
	if [[ $2 =~ ^[0-9a-f]{40}$ ]]; then
		commit=$2
	elif [[ -f $1/refs/$2 ]]; then
		read -r commit <"$1/refs/$2" || true
	fi
	[[ ! $commit =~ ^[0-9a-f]{40}$ ]] || printf '%s' "$commit"
}

# Says whether a commit that somebody else fetched is all there, as far as the files tell.
is_whole() {
	local folder=$1/snapshots/$2 index shard
	[[ -n $2 && -e $folder/config.json ]] || return 1
	[[ -z $(find "$1/blobs" -name '*.incomplete' -print -quit 2>/dev/null) && -z $(find "$folder" -xtype l -print -quit) ]] || return 1
	[[ -n $(find -L "$folder" -regex '.*\.\(safetensors\|bin\|pt\|pth\|gguf\)' -print -quit) ]] || return 1
	for index in "$folder"/*.safetensors.index.json; do
		[[ -e $index ]] || continue
		while read -r shard; do
			[[ -e $folder/$shard ]] || return 1
		done < <(grep -o '"[^"]*\.safetensors"' "$index" | tr -d '"' | sort -u)
	done
}

# What is fetched to the folder $1 counts for nothing from here on: $2 is the file that says so, $3 the commit. An earlier
# record goes first.
begin_copy() {
	mkdir -p -- "$1"
	rm -f -- "${2%.begun}.json" "$2"
	printf '%s\n' "$3" >"$2"
}

# Has the folder $1 count as complete, if it has the files $5 and the bytes $6 below its part $3; $2 is what begin_copy
# wrote and $4 the commit, - for a model that is a folder.
end_copy() {
	local counts
	counts=$(count_files "$1/$3")
	if [[ $counts != "$5 $6" ]]; then
		printf '%s' "$counts"
		return 0
	fi
	[[ $4 == - ]] || printf '{\n  "version": 1,\n  "commit": "%s",\n  "files": %s,\n  "bytes": %s\n}\n' "$4" "$5" "$6" |
		write_file "${2%.begun}.json" 0644
	rm -f -- "$2"
}
