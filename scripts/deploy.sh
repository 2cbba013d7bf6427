# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# deploy and undeploy: one rank of a deployment, in a container on this host.
#
# In $deployments_folder (root, readable to all):
#   ranks             the watch over all ranks of this host
#   NAME/record.json  what the last run left, with all of the container's environment: readable to those who may ask
#                     Docker, which tells it anyway; without it the watch doesn't look
#   NAME/peers        lines `RANK HOST ADDRESS`
#   NAME/start.sh, NAME/mods/...  what the container mounts

# How long a container has to live to count as started, and fresh workers are waited for, in seconds.
alive_seconds=2
fresh_seconds=30

deploy() {
	local folder=$deployments_folder/$deployment image='' id output meeting='' late=()
	check_document
	check_reach
	lock_deployment
	refuse_other_stack "$folder/record.json"
	# A create that fails is in no state: nobody would come to undo it.
	[[ -e $folder/record.json ]] || trap 'undo_deploy $?' EXIT
	trap 'exit 143' TERM HUP INT
	find_docker
	refuse_foreign_container
	find_image
	end_undeclared
	write_deployment
	make_folders
	(lock_units && install_watch "${peers[rank]#* }")
	remove_containers
	[[ $rank != 0 ]] || await_workers
	output=$(docker run --pull never --label "spark-mesh.stack=$stack" --label "spark-mesh.image=$image" \
		--env-file <(printf '%s\n' "${variables[@]}") "${options[@]}" "$reference" "${words[@]}" 2>&1) ||
		fail_start "$(last_line "$output")"
	id=$(docker container inspect --format '{{.Id}}' -- "$container")
	[[ -z $meeting ]] || enter_meeting "$id"
	await_life
	write_record
	trap - EXIT
	printf '%s\n' "$id" >&3
}

undeploy() {
	local folder=$deployments_folder/$deployment
	lock_deployment
	refuse_other_stack "$folder/record.json"
	leave_deployment
}

# What this stack declares no more has the port and the memory that we need, and the engine deletes it last.
end_undeclared() {
	local record other
	for record in "$deployments_folder"/*/record.json; do
		[[ -e $record && $(json_value "$record" stack) == "$stack" ]] || continue
		other=${record%/*}
		other=${other##*/}
		[[ " $deployment ${beside[*]} " == *" $other "* ]] || end_other "$other"
	done
}

end_other() {
	local deployment=$1 lock_file
	lock_deployment
	leave_deployment
	printf '%s: %s: ended, for it is declared no more\n' "$host" "$deployment"
}

# Containers go before the folder that they mount; where Docker is dead, all else goes all the same.
leave_deployment() {
	local left=''
	if ! type -P docker >/dev/null; then
		printf '%s: docker: found no such command; whatever containers %s had are left alone\n' "$host" "$deployment"
	elif ! remove_containers; then
		left=yes
	fi
	rm -rf -- "${deployments_folder:?}/$deployment" "${memory_folder:?}/$deployment"
	(lock_units && remove_last)
	rm -f -- "$lock_file"
	[[ -z $left ]] ||
		fail "docker: found no answer, wanted the containers of $deployment removed; all else of it is; start Docker (systemctl start docker), then run the command again"
}

# What is left without any deployment goes too.
remove_last() {
	local other
	for other in "$deployments_folder"/*/; do
		[[ ! -e $other ]] || return 0
	done
	if [[ -e $deployments_folder || -e $units_folder/$watch_unit ]]; then remove_watch; fi
	rm -f -- "$lock_file"
}

undo_deploy() {
	set +e
	trap '' PIPE HUP INT TERM
	trap - ERR EXIT
	# Why it failed stays the last that is said.
	(leave_deployment) >/dev/null 2>&1
	exit "$1"
}

check_document() {
	local index
	for index in "${!arguments[@]}"; do
		# A line's end at the end of a word stays.
		arguments[index]=$(base64 -d <<<"${arguments[index]}" && printf x)
		arguments[index]=${arguments[index]%x}
	done
	[[ ${arguments[0]-} == run && -n ${peers[rank]-} && -n ${peers[0]-} ]] || fail 'the document is incomplete'
	part_arguments
}

lock_deployment() {
	lock_file=/run/spark-mesh-deployment-$deployment.lock
	take_lock 60 || fail "another spark-mesh operation is at work on $deployment here; wait for it, then run the command again"
}

# In a shell of its own, which lets go when it ends.
lock_units() {
	lock_file=/run/spark-mesh-ranks.lock
	take_lock 60 || fail 'another spark-mesh operation is at work here; wait for it, then run the command again'
}

find_docker() {
	local answer
	type -P docker >/dev/null || fail 'docker: found no such command, wanted Docker Engine; install it, then run the command again'
	answer=$(timeout 30 docker version --format '{{.Server.Version}}' 2>&1) ||
		fail "docker: found no answer ($(one_line <<<"$answer")), wanted a running daemon; start it (systemctl start docker), then run the command again"
}

refuse_foreign_container() {
	local owner
	owner=$(docker container inspect --format '{{index .Config.Labels "spark-mesh.deployment"}}/{{index .Config.Labels "spark-mesh.stack"}}' -- "$container" 2>/dev/null) || return 0
	[[ $owner == "$deployment/$stack" ]] && return 0
	[[ $owner == "$deployment/"?* ]] &&
		fail "container $container: found stack ${owner#*/}'s, wanted none or our own; destroy the one that is to let go, or name this deployment otherwise"
	fail "container $container: found one that spark-mesh didn't make, wanted none; remove it (docker rm --force $container) or name this deployment otherwise"
}

# Sets image to the id of the image that the arguments name.
find_image() {
	image=$(docker image inspect --format '{{.Id}}' -- "$reference" 2>/dev/null) ||
		fail "image $reference: found none here, wanted it before its container; run the command again"
}

write_deployment() {
	local path mode text index
	mkdir -p "$folder" "$memory_folder"
	chmod 0755 "$deployments_folder" "$folder"
	rm -rf -- "$folder/mods" "$folder/start.sh"
	for text in "${files[@]}"; do
		read -r path mode text <<<"$text"
		[[ $text != - ]] || text=''
		mkdir -p -- "$(dirname -- "$folder/$path")"
		base64 -d <<<"$text" | write_file "$folder/$path" "$mode"
	done
	for index in "${!peers[@]}"; do printf '%s %s\n' "$index" "${peers[index]}"; done | write_file "$folder/peers" 0644
}

# Docker would make them root's.
make_folders() {
	local path complaint
	[[ ${#folders[@]} == 0 || -n $user ]] || fail 'the document is incomplete'
	for path in "${folders[@]}"; do
		complaint=$(runuser -u "$user" -- mkdir -p -- "$path" 2>&1) ||
			fail "$path: found no way for $user to make it ($(one_line <<<"$complaint")), wanted a folder of $user's; see who owns the folders above it"
	done
}

# All of this deployment and stack, under whatever name. Fails where Docker doesn't answer.
remove_containers() {
	local ids
	ids=$(timeout 30 docker ps --all --quiet --filter "label=spark-mesh.deployment=$deployment" --filter "label=spark-mesh.stack=$stack") &&
		if [[ -n $ids ]]; then
			# shellcheck disable=SC2086 # one word an id
			timeout 120 docker rm --force --volumes $ids >/dev/null
		fi
}

# Calls the workers to a meeting, as the watch does (ranks.sh): they may have met the head that went before us.
await_workers() {
	local end=$((SECONDS + fresh_seconds)) addresses=("${peers[@]#* }")
	((${#addresses[@]} > 1)) || return 0
	meeting=$(new_meeting)
	write_file "$folder/called" 0644 <<<"$meeting"
	while ask_hosts "${addresses[@]:1}" && find_late "$deployment" "$meeting" && ((${#late[@]} > 0 && SECONDS < end)); do
		sleep 1
	done
}

# The head's container $1 has started.
enter_meeting() {
	local started
	started=$(docker container inspect --format '{{.State.StartedAt}}' -- "$1")
	remember_meeting "$deployment" "${1:0:12}/$started" "$meeting" "${late[@]}"
	rm -f -- "$folder/called"
}

# One that ends at once would be started again and again. A worker may end once, with the head that is about to go.
await_life() {
	local end=$((SECONDS + alive_seconds)) state before=''
	while :; do
		state=$(docker container inspect --format '{{.State.Status}} {{.RestartCount}}' -- "$container")
		[[ $state == 'running 0' || ($rank != 0 && $state =~ ^(running|restarting)\ [01]$) ]] ||
			fail_start "within $alive_seconds s"
		[[ $state == "${before:=$state}" ]] || end=$((SECONDS + alive_seconds))
		before=$state
		((SECONDS <= end)) || return 0
		sleep 0.5
	done
}

# Removes a container that didn't start, for the reason $1, after its last words.
fail_start() {
	local lines
	lines=$(docker logs --tail 20 -- "$container" 2>&1) || lines=''
	docker rm --force --volumes -- "$container" >/dev/null 2>&1 || true
	if [[ -n $lines ]]; then
		printf '%s: %s: %s\n' "$host" "$container" "${lines//$'\n'/$'\n'"$host: $container: "}"
		fail "container $container: found it ended at its start ($1: $(last_line "$lines")), wanted it running; its last lines are above; correct the recipe, then run the command again"
	fi
	fail "container $container: found it not started ($1), wanted it running; correct the recipe or the host, then run the command again"
}

last_line() {
	local text=${1%$'\n'}
	one_line <<<"${text##*$'\n'}"
}

write_record() {
	local path=$folder/record.json temporary
	temporary=$(temporary_of "$path")
	rm -f -- "$temporary"
	(umask 077 && render_record >"$temporary")
	chgrp -- "$(docker_group)" "$temporary"
	chmod 0640 "$temporary"
	put_in_place "$path"
}

# Prints the id of the group that may ask Docker.
docker_group() {
	stat -L -c %g -- /var/run/docker.sock 2>/dev/null || printf '0\n'
}

# One key a line, so that json_value finds them.
render_record() {
	printf '{\n  "version": 1,\n  "host": "%s",\n  "stack": "%s",\n  "transaction": "%s",\n' \
		"$host" "$stack" "$(TZ=UTC0 printf '%(%Y%m%dT%H%M%S)T-%08x' -1 "$SRANDOM")"
	printf '  "deployment": "%s",\n  "rank": %d,\n  "container": "%s",\n  "digest": "%s",\n  "payload": "%s"\n}\n' \
		"$deployment" "$rank" "$container" "$digest" "$payload"
}
