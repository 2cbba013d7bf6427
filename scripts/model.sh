# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# model: the same model on this host and all targets, fetched once: from where a host has it, else from its hub.

# Where the model is, from the home or from /, which of it counts, what says that it is on its way, and of it the commit,
# files and bytes.
folder='' part='' begun_file='' commit=- files=0 bytes=0
# A file with the paths that the copies are of; none for all.
list=''

model() {
	local target state
	local -a copies=()
	cd -- "$HOME" || exit
	begin_fetch
	if [[ $model == /* ]]; then find_folder; else find_model; fi
	for target in "${targets[@]}"; do
		state=${answers[$target]}
		[[ $model == /* || $state != "complete $commit $files $bytes "* ]] || continue
		judge_model_room "$target"
		copies+=("$target")
	done
	end_with_faults
	for target in "${copies[@]}"; do start_job "$target" "say_model_copy $target" send_model "$target"; done
	await_jobs
	for target in "${copies[@]}"; do judge_model_copy "$target" "$host"; done
	end_with_faults
	printf '%s %s %s\n' "$commit" "$files" "$bytes" >&3
}
# A model that is a folder, and has to be on this host.
find_folder() {
	folder=$model
	begun_file=$folder/.spark-mesh.begun
	ask_all folder_state "$folder"
	[[ ${answers[$host]%% *} == found ]] ||
		fail "model $model: found no file there, wanted the model; put it there, then run the command again"
	read -r _ _ files bytes _ <<<"${answers[$host]}"
}

# A model of the hub.
find_model() {
	local state
	folder=.cache/huggingface/hub/models--${model//\//--}
	begun_file=$(own_file "$folder" "$revision" begun)
	ask_all model_state "$folder" "$revision"
	read -r state commit files bytes _ <<<"${answers[$host]}"
	if [[ $state == absent ]]; then bring_model; fi
	if [[ $state != complete ]]; then record_model; fi
	part=snapshots/$commit
	list=$work/list
	(list_files "$folder" "$commit" "$revision") >"$list" 2>"$work/list.log" ||
		fail "model $model: found $(last_line "$work/list.log"), wanted links to its own blobs alone; see who made it, remove ~/$folder, and run the command again"
}

# Gets the model from a target that has it, else from the hub.
bring_model() {
	local target state from=''
	for target in "${targets[@]}"; do
		state=${answers[$target]%% *}
		if [[ $state == complete || ($state == found && -z $from) ]]; then from=$target; fi
		[[ $state != complete ]] || break
	done
	if [[ -z $from ]]; then
		download_model
		return 0
	fi
	read -r _ commit files bytes _ <<<"${answers[$from]}"
	part=snapshots/$commit
	list=$work/list
	judge_model_room "$host"
	end_with_faults
	start_job "$host" "say_model_copy $from" receive_model "$from"
	await_jobs
	judge_model_copy "$host" "$from"
	end_with_faults
}

# Has what is in the folder count as the model.
record_model() {
	commit=$(commit_of "$folder" "$revision")
	part=snapshots/$commit
	read -r files bytes < <(count_files "$folder/$part" && printf '\n')
	[[ -n $commit && $files != 0 ]] ||
		fail "model $model: found no file of revision $revision after it was fetched, wanted all; run the command again"
	write_cache end_copy "$folder" "$begun_file" "$part" "$commit" "$files" "$bytes"
}

# Runs a command that writes to the folder of the model on this host.
write_cache() {
	local said
	said=$("$@" 2>&1) ||
		fail "model $model: ~/$folder can't be written: ${said##*: }; give it to $(id -un) (chown), with room on its disk, and run the command again"
}

download_model() {
	judge_docker "$host" "$(docker_says version --format '{{.Server.Version}}')"
	end_with_faults
	write_cache begin_copy "$folder" "$begun_file" -
	begin_container
	start_job "$host" say_download run_download
	await_jobs
	[[ ${ended[$host]} == 0 ]] || fail "model $model: $(download_fault)"
}

# The token goes to the container by its stdin and stays there in a file in memory: it is in no argument and in no
# environment, and docker inspect doesn't show it.
run_download() {
	# shellcheck disable=SC2016 # expanded there
	local program='
		IFS= read -r token || true
		if [ -n "$token" ]; then
			export HF_TOKEN_PATH=/run/spark-mesh/token
			(umask 077 && printf %s "$token" >"$HF_TOKEN_PATH")
		fi
		exec hf download "$@"'
	local -a words=("$model")
	[[ $revision == main ]] || words+=(--revision "$revision")
	base64 -d <<<"$token_base64" | docker run --rm --interactive --pull never --name "$(container_name)" --log-driver none \
		--network host --user "$(id -u):$(id -g)" --tmpfs /run/spark-mesh:mode=1777,size=64k \
		--volume "$HOME/.cache/huggingface:/hf" --env HF_HOME=/hf --env HF_HUB_CACHE=/hf/hub --env HF_HUB_OFFLINE=0 --env HOME=/tmp \
		--entrypoint sh "$(local_name "$image")" -c "$program" sh "${words[@]}"
}

say_download() {
	local bytes
	read -r bytes _ < <(du --summarize --block-size=1 "$folder/blobs" 2>/dev/null || true) || return 0
	say_bytes "$1" "$2" "$bytes" 0 "model $model: download"
}

# What the hub's own tool fails with, and what to do.
download_fault() {
	case $(<"$work/$host.log") in
	*'no space left'* | *'No space left'*) printf 'found no space left in ~/%s; free some, then run the command again to go on' "$folder" ;;
	*'No such image'*) printf 'found no image %s here, wanted it for its hf; run the command again' "$image" ;;
	*'hf: not found'* | *'executable file not found'*) printf 'found no hf in the image %s, wanted one; use an image with huggingface_hub 0.34 or newer' "$image" ;;
	*'evision Not Found'* | *RevisionNotFound*) printf 'found no revision %s on the hub; correct the recipe'"'"'s model_revision' "$revision" ;;
	*'epository Not Found'* | *RepositoryNotFound*)
		printf 'found none of that name on the hub, or a private one; correct the recipe'"'"'s model, or set spark-mesh:hfToken'
		;;
	*GatedRepo* | *' 401 '* | *' 403 '* | *restricted* | *nauthorized*)
		if [[ -z $token_base64 ]]; then
			printf 'found a gated model and no token, wanted a token that may read it; set spark-mesh:hfToken'
		else
			printf 'found a token that may not read it, wanted one that may; accept the terms of the model on the hub, or correct spark-mesh:hfToken'
		fi
		;;
	*)
		printf 'hf download: %s; check the way from %s to the hub, then run the command again to go on' "$(last_line "$work/$host.log")" "$host"
		;;
	esac
}
