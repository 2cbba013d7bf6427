# shellcheck shell=bash
# What Docker on a Spark has of the deployments; goes after facts.sh and http.sh and uses their functions. Everything is
# asked at once in the background, bounded in time, and its answers are collected where they are wanted.

# Words that docker_begin was given, and where the answers to them come from.
docker_images=() docker_ports=() docker_models=() docker_endpoints=()

# Data, one a line up to `end`: `image REFERENCE`, `model REVISION_OR_- ID_OR_FOLDER`, `port NUMBER`, and
# `endpoint DEPLOYMENT ADDRESS PORT` for a head that is asked for a completion where it runs on this host.
docker_begin() {
	local line
	docker_images=() docker_ports=() docker_models=() docker_endpoints=()
	while IFS= read -r line && [[ $line != end ]]; do
		case $line in
		"image "*) docker_images+=("${line#image }") ;;
		"model "*) docker_models+=("${line#model }") ;;
		"port "*) [[ ${line#port } =~ ^[0-9]{1,5}$ ]] && docker_ports+=("${line#port }") ;;
		"endpoint "*) docker_endpoints+=("${line#endpoint }") ;;
		esac
	done
	# Without HOME bash asks passwd, as everywhere.
	unset HOME
	HOME=~
	export HOME
	exec {docker_engine_fd}< <(docker_engine </dev/null)
	exec {docker_models_fd}< <(docker_models_there </dev/null)
	exec {docker_ports_fd}< <(ss -Hltn </dev/null)
	exec {docker_watch_fd}< <(timeout 5 systemctl show --value --property=LoadState,ActiveState spark-mesh-ranks.service spark-mesh-ranks.socket </dev/null)
}

# Prints ok, missing, denied or down; then, where it is ok, one a line: what Docker says of each container of a deployment,
# and of each image that was asked about and is there; what the endpoints answer whose head runs here; and
# `engine ROOT RUNTIME...` where that matters. Each call of docker takes a fiftieth of a second of a core, so there are few.
docker_engine() {
	local list id state name rank answers_fd ids=() running=' ' objects=() answers=()
	if ! type -P docker >/dev/null; then
		printf 'missing\n'
		return 0
	fi
	if ! list=$(timeout 5 docker ps --all --no-trunc --filter label=spark-mesh.deployment \
		--format '{{.ID}} {{.State}} {{.Label "spark-mesh.rank"}} {{.Label "spark-mesh.deployment"}}' 2>&1); then
		if [[ $list == *'permission denied'* ]]; then printf 'denied\n'; else printf 'down\n'; fi
		return 0
	fi
	printf 'ok\n'
	while read -r id state rank name; do
		[[ -z $id ]] || ids+=("$id")
		[[ $state != running || $rank != 0 ]] || running+="$name "
	done <<<"$list"
	exec {answers_fd}< <(docker_endpoints_answer "$running" </dev/null)
	if ((${#ids[@]} + ${#docker_images[@]} > 0)); then
		mapfile -t objects < <(timeout 5 docker inspect --format '{{json .}}' -- "${ids[@]}" "${docker_images[@]}")
		((${#objects[@]} == 0)) || printf '%s\n' "${objects[@]}"
	fi
	# The folder of images counts where one is lacking, the runtimes where nothing else tells of the GPU.
	if ((${#objects[@]} < ${#ids[@]} + ${#docker_images[@]})) || ! nvidia_files_there; then
		# shellcheck disable=SC2016 # docker's own variables
		timeout 5 docker info --format 'engine {{.DockerRootDir}}{{range $name, $_ := .Runtimes}} {{$name}}{{end}}'
	fi
	mapfile -t answers <&"$answers_fd"
	((${#answers[@]} == 0)) || printf '%s\n' "${answers[@]}"
}

# Whether files of the NVIDIA Container Toolkit tell that containers get at the GPU.
nvidia_files_there() {
	local path
	for path in /etc/cdi/nvidia*.{yaml,json} /var/run/cdi/nvidia*.{yaml,json}; do return 0; done
	type -P nvidia-container-runtime-hook >/dev/null
}

# Prints a JSON object for each model: the record beside it, files and bytes of what is there, and the first link in it
# that a container can't follow.
docker_models_there() {
	local line revision name folder place commit record count leaves cache=$HOME/.cache/huggingface
	for line in "${docker_models[@]}"; do
		read -r revision name <<<"$line"
		record=null place='' leaves=''
		if [[ $name == /* ]]; then
			folder=$name
		else
			folder=hub/models--${name//\//--}
			[[ $revision == - ]] && revision=main
			record=$(file_inside "$cache" "$folder/.spark-mesh-${revision//\//--}.json")
			commit=$revision
			if [[ $record =~ \"commit\":\ \"([0-9A-Za-z_.-]+)\" ]]; then
				commit=${BASH_REMATCH[1]}
			else
				REPLY=$(file_inside "$cache" "$folder/refs/$revision")
				[[ -z $REPLY ]] || commit=${REPLY%%$'\n'*}
			fi
			if [[ -n $record ]]; then json_string "$record" && record=$REPLY; else record=null; fi
			[[ $commit =~ ^[0-9A-Za-z_.-]+$ && $commit != .* ]] || commit=none
			folder=$folder/snapshots/$commit
			place=$(cd -P -- "$cache" && printf '%s/%s' "$PWD" "$folder")
			leaves=$(leaving_link "$cache" "${folder%/snapshots/*}" "$revision" "$commit")
			folder=$cache/$folder
			read -r revision _ <<<"$line"
		fi
		count=$(count_model "$folder" "$place")
		json_string "$name" && name=$REPLY
		json_string "$revision" && revision=$REPLY
		json_string "$leaves"
		printf '{"id":%s,"revision":%s,"record":%s,"leaves":%s,%s}\n' "$name" "$revision" "$record" "$REPLY" "$count"
	done
}

# Prints the first 64 KiB of the regular file $2 below the folder $1, nothing where there is none. A container may have
# written what is below that folder: no link is followed there, neither on the way nor at the end of it.
file_inside() {
	local root
	cd -P -- "$1" && root=$PWD && cd -P -- "${2%/*}" && [[ $PWD == "$root/${2%/*}" ]] || return 0
	dd if="./${2##*/}" iflag=nofollow,nonblock,fullblock bs=65536 count=1 status=none | tr -d '\0'
}

# Prints files and bytes of the model in the folder $1, which is $2 below itself where it has to be no link. A link in it
# counts where it is one of the hub's own, to ../../blobs/HEX, for a blob that is a regular file; nothing is followed. No
# model has more than 20000 files, or is deeper than 8 folders.
count_model() {
	(
		cd -P -- "$1" && [[ -z $2 || $PWD == "$2" ]] || exit 0
		{
			[[ $PWD != */snapshots/* ]] || timeout 20 find ../../blobs -maxdepth 1 -type f -printf 'b %f %s\n'
			timeout 20 find . -maxdepth 8 ! -name '.spark-mesh*' '(' -type f -printf 'f %s\n' -o -type l -printf 'l %d %l\n' ')'
		} | head -n 40000
	) | awk '
		$1 == "b" { size[$2] = $3 }
		$1 == "f" { files++; bytes += $2 }
		$1 == "l" {
			link = $3
			for (up = 0; substr(link, 1, 3) == "../"; up++) link = substr(link, 4)
			blob = substr(link, 7)
			if (NF == 3 && up == $2 + 1 && substr(link, 1, 6) == "blobs/" && blob in size) { files++; bytes += size[blob] }
		}
		END { printf "\"files\":%d,\"bytes\":%.0f", files, bytes }'
}

# Prints the first link on the way to the files of the commit $4, the revision $3, in the folder $2 below the cache $1 whose
# end is outside of the cache, where a container has nothing else; the folder of the commit with a slash behind it for one
# among its files. Nothing where there is none.
leaving_link() {
	(
		cd -P -- "$1" || exit 0
		for path in hub "$2" "$2"/{refs,"refs/$3",blobs,snapshots} "$2/snapshots/$4"; do
			[[ -L $path ]] || continue
			target=$(readlink -m -- "$path")
			[[ $(readlink -- "$path") != /* && $target == "$PWD"/* ]] || { printf '%s' "$path" && exit 0; }
		done
		[[ ! -d $2/snapshots/$4 ]] || timeout 20 find "$2/snapshots/$4" -maxdepth 8 -type l -printf '%d %l\n' | head -n 40000 | awk -v folder="$2/snapshots/$4/" '
			{
				link = substr($0, length($1) + 2)
				for (up = 0; substr(link, 1, 3) == "../"; up++) link = substr(link, 4)
				# Four folders up is the cache.
				if (substr(link, 1, 1) == "/" || up > $1 + 3) { printf "%s", folder; exit }
			}'
	)
}

# Prints a JSON object for each endpoint whose head's container is among the names $1, which have spaces around them.
docker_endpoints_answer() {
	local line
	for line in "${docker_endpoints[@]}"; do
		# shellcheck disable=SC2086 # three words
		[[ $1 != *" ${line%% *} "* ]] || docker_endpoint $line &
	done
	wait
}

docker_endpoint() {
	local name=$1 state=error detail='' served_model http_status http_body
	if http_model "$2" "$3" 5 && http_completion "$2" "$3" "$served_model" 20; then
		state=answered
	else
		case $http_status in
		refused | silent) state=$http_status ;;
		*) detail="HTTP status $http_status: ${http_body:0:200}" ;;
		esac
	fi
	json_string "$name" && name=$REPLY
	json_string "$detail"
	printf '{"deployment":%s,"state":"%s","detail":%s}\n' "$name" "$state" "$REPLY"
}

# Sets REPLY to the JSON list of the objects given.
json_list() {
	printf -v REPLY '%s,' "$@"
	REPLY="[${REPLY%,}]"
}

# Sets REPLY to the bytes that are free at $1 or the next folder above it that can be looked at, to null where none can.
json_free() {
	local path=$1 free
	REPLY=null
	while ! free=$(df --output=avail --block-size=1 -- "$path"); do
		[[ $path == /*/* ]] || return 0
		path=${path%/*}
	done
	free=${free##*[!0-9]}
	REPLY=${free:-null}
}

# Sets REPLY to the folders of the caches, below the home, that are there and that the login user can't write to.
json_unwritable() {
	local folder list=''
	for folder in .cache .cache/huggingface .cache/huggingface/hub; do
		[[ ! -d $HOME/$folder || -w $HOME/$folder ]] || list+="${list:+,}\"~/$folder\""
	done
	REPLY="[$list]"
}

docker_pass() {
	local document words=() lines=() line state=down nvidia=false list path name containers=() images=() models=() endpoints=()
	mapfile -t lines <&"$docker_engine_fd"
	for line in "${lines[@]}"; do
		case $line in
		ok | missing | denied | down) state=$line ;;
		'engine '*) read -r -a words <<<"${line#engine }" ;;
		'{"deployment":'*) endpoints+=("$line") ;;
		*'"RepoTags":'*) images+=("$line") ;;
		*) containers+=("$line") ;;
		esac
	done
	document="{\"sparkMeshFacts\":1,\"docker\":\"$state\""
	if [[ " ${words[*]:1} " == *' nvidia '* ]] || nvidia_files_there; then nvidia=true; fi
	json_free "${words[0]:-/var/lib/docker}" && document+=",\"nvidia\":$nvidia,\"rootFree\":$REPLY"
	json_string "$HOME" && document+=",\"home\":$REPLY"
	json_unwritable && document+=",\"unwritable\":$REPLY"
	json_free "$HOME" && document+=",\"homeFree\":$REPLY"
	while read -r name line _; do
		[[ $name != MemTotal: ]] || document+=",\"memory\":$((line * 1024))"
	done </proc/meminfo
	document+=",\"now\":$EPOCHSECONDS"
	json_list "${containers[@]}" && document+=",\"containers\":$REPLY"
	json_list "${images[@]}" && document+=",\"images\":$REPLY"
	mapfile -t models <&"$docker_models_fd"
	json_list "${models[@]}" && document+=",\"models\":$REPLY"
	list=$(cat <&"$docker_ports_fd")
	json_ports_listening "$list" && document+=",\"ports\":$REPLY"
	json_list "${endpoints[@]}" && document+=",\"endpoints\":$REPLY"
	list=
	for path in /var/lib/spark-mesh-deployments/*/record.json; do
		name=${path%/*}
		json_string "${name##*/}" && list+="${list:+,}{\"deployment\":$REPLY"
		json_file "$path" && list+=",\"record\":$REPLY}"
	done
	document+=",\"records\":[$list]"
	state=missing
	mapfile -t lines <&"$docker_watch_fd"
	# Of either unit a line each, and an empty one between them.
	case ${lines[*]} in
	'loaded active  loaded active') state=active ;;
	*loaded*) state=inactive ;;
	esac
	say_answer "$document,\"watch\":\"$state\"}"
}

# Sets REPLY to whether somebody listens on each port that was asked about, by the table $1 that ss prints.
json_ports_listening() {
	local port list=
	for port in "${docker_ports[@]}"; do
		if [[ $1 =~ :${port}[[:space:]] ]]; then REPLY=true; else REPLY=false; fi
		list+="${list:+,}{\"port\":$port,\"listening\":$REPLY}"
	done
	REPLY="[$list]"
}
