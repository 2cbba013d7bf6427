# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# image: the same image on this host and all targets. It comes from where one has it, from its registry, or from what
# builds it, and goes to the others over ssh; docker knows an image when it has all of it, and so a run that was cut short
# leaves nothing.

# Of the image: the name on every host, and what this host has of it. The targets that are to get it.
reference='' id='' image_bytes=0
copies=()

image() {
	local target
	begin_fetch
	reference=$(local_name "$image")
	ask_all image_state "$reference"
	for target in "$host" "${targets[@]}"; do judge_docker "$target" "${answers[$target]%% *}"; done
	end_with_faults
	name_build
	if ! has_image "$host"; then bring_image; fi
	read -r id image_bytes _ <<<"${answers[$host]}"
	check_nccl "$id"
	for target in "${targets[@]}"; do
		[[ ${answers[$target]%% *} == "$id" ]] || copies+=("$target")
	done
	if ((${#copies[@]} > 0)); then send_image; fi
	printf '%s\n' "$id" >&3
}

# Whether the host $1 has the image; one that was built from something else is another one.
has_image() {
	local found label
	read -r found _ _ label <<<"${answers[$1]}"
	[[ $found == sha256:* && (-z $build || $label == "$build") ]]
}

# Gets the image from a target that has it, else by building or pulling it.
bring_image() {
	local target
	for target in "${targets[@]}"; do
		has_image "$target" || continue
		read -r _ image_bytes _ <<<"${answers[$target]}"
		judge_image_room "$host"
		end_with_faults
		start_job "$host" "say_image_copy $target" receive_image "$target"
		await_jobs
		[[ ${ended[$host]} == 0 ]] || add_peer_fault "$target" "${ended[$host]}" "image $image: could not be sent to $host"
		break
	done
	end_with_faults
	if [[ ! -v ended[$host] ]]; then
		if [[ -n $build ]]; then build_image; else pull_image; fi
	fi
	answers["$host"]=$(image_state "$reference")
	has_image "$host" || fail "image $image: found none after it was fetched, wanted one; run the command again"
}

pull_image() {
	# What a registry calls by its digest may be here already.
	if [[ $reference == "$image" ]] || ! docker tag "$image" "$reference" 2>/dev/null; then
		start_job "$host" say_pull docker pull "$image"
		await_jobs
		[[ ${ended[$host]} == 0 ]] || fail "image $image: docker pull: $(last_line "$work/$host.log"); $(pull_remedy "$(<"$work/$host.log")")"
		[[ $reference == "$image" ]] || docker tag "$image" "$reference"
	fi
}

pull_remedy() {
	case $1 in
	*'no space left'*) printf 'free some space where Docker keeps its images' ;;
	*denied* | *unauthorized* | *'no basic auth'*) printf 'check the name, or log in to its registry on %s: docker login' "$host" ;;
	*'manifest unknown'* | *'not found'*) printf 'correct the image that the recipe names' ;;
	*toomanyrequests*) printf 'wait, or log in to its registry on %s: docker login' "$host" ;;
	*) printf 'check the way from %s to the registry, or load the image there: docker load' "$host" ;;
	esac
}

say_pull() {
	local all whole
	all=$(grep -c ': Pulling fs layer' "$work/$host.out") || true
	whole=$(grep -c ': Pull complete' "$work/$host.out") || true
	say "image $image: docker pull: $whole of $all layers"
}

# Docker unpacks what it is given beside the image that comes of it.
judge_image_room() {
	local free
	read -r _ _ free _ <<<"${answers[$1]}"
	judge_room "$1" "$free" $((2 * image_bytes)) "image $image" 'where Docker keeps images'
}

# Sends the image to all that lack it. Docker writes it out to its own folder first: so it is asked once for all.
send_image() {
	local target free
	read -r _ _ free _ <<<"$(image_state "$reference")"
	judge_room "$host" "$free" "$image_bytes" "image $image: docker save" 'where Docker keeps images'
	for target in "${copies[@]}"; do judge_image_room "$target"; done
	end_with_faults
	for target in "${copies[@]}"; do
		mkfifo -- "$work/$target.pipe"
		start_job "$target" "say_image_copy $target" load_image "$target"
	done
	start_job "$host" : save_image
	await_jobs
	if [[ ${ended[$host]} != 0 ]] && ! grep -q 'broken pipe' "$work/$host.log"; then
		fail "image $image: docker save: $(last_line "$work/$host.log"); run the command again"
	fi
	for target in "${copies[@]}"; do judge_image_copy "$target"; done
	end_with_faults
}

# One target that goes away doesn't end the copies to others.
save_image() {
	local -a pipes=("${copies[@]/#/$work/}")
	pipes=("${pipes[@]/%/.pipe}")
	docker save "$reference" | tee --output-error=warn-nopipe -- "${pipes[@]}" >/dev/null
}

load_image() {
	printf '%s' "$BASHPID" >"$work/$1.pid"
	exec ssh "${own_connection[@]}" "${ssh_options[@]}" -- "$1" "docker load --quiet >/dev/null && docker image inspect --format '{{.Id}}' $reference" <"$work/$1.pipe"
}

receive_image() {
	{
		printf '%s' "$BASHPID" >"$work/$1.pid"
		exec ssh "${own_connection[@]}" "${ssh_options[@]}" -- "$1" docker save "$reference" </dev/null
	} | docker load --quiet
}

# Says how far the copy of the image to or from the target $1 is, which is the job $2.
say_image_copy() {
	local bytes way="to $1"
	[[ $2 != "$host" ]] || way="from $1"
	bytes=$(bytes_read "$(<"$work/$1.pid")" 2>/dev/null) || return 0
	if ((bytes < 1 << 20)); then
		say "image $image: $way: docker save prepares it"
		return 0
	fi
	say_bytes "$2" "$3" "$bytes" "$image_bytes" "image $image: $way"
}

# All hosts have to have the same image now. The copy tells the id that it became.
judge_image_copy() {
	local copied said
	copied=$(<"$work/$1.out")
	said=$(last_line "$work/$1.log")
	if [[ $said == *'no space left'* ]]; then
		judge_room "$1" 0 $((2 * image_bytes)) "image $image" 'where Docker keeps images'
	elif [[ ${ended[$1]} != 0 ]]; then
		add_peer_fault "$1" "${ended[$1]}" "image $image: could not be copied from $host"
	elif [[ $copied != "$id" ]]; then
		add_fault "$1" "image $image: found id $copied after the copy, wanted $id; see that all hosts keep images the same way: docker info"
	fi
}
