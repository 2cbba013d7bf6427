# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # the document and the files before this one set the rest
# What is asked of Docker, on this host and others.

# Functions that run on other hosts too.
portable=(docker_says image_state free_bytes)

# Prints what a docker command says, or one word of what is wrong with Docker itself: nocli, denied, down.
docker_says() {
	local said
	if ! command -v docker >/dev/null; then
		printf 'nocli'
	elif said=$(docker "$@" 2>&1); then
		printf '%s' "$said"
	else
		case $said in
		*'permission denied'*) printf 'denied' ;;
		*'annot connect to the Docker daemon'*) printf 'down' ;;
		*) return 1 ;;
		esac
	fi
}

# Prints the id of the image $1, its bytes, the free bytes where Docker keeps images, and what it was built from if a label
# says so: `none 0 FREE` where there is no such image, or the word of docker_says.
image_state() {
	local root state id size label format='{{.Id}} {{.Size}}'
	# Neither is there in every image.
	format+='{{with .Config}}{{with .Labels}}{{with index . "spark-mesh.build"}} {{.}}{{end}}{{end}}{{end}}'
	root=$(docker_says info --format '{{.DockerRootDir}}') || root=down
	case $root in
	nocli | denied | down) printf '%s 0 0' "$root" ;;
	*)
		state=$(docker_says image inspect --format "$format" "$1") || state='none 0'
		# A label that we didn't write may have lines.
		read -r id size label <<<"$state"
		printf '%s %s %s %s' "$id" "$size" "$(free_bytes "$root")" "$label"
		;;
	esac
}

# The name under which every host knows the image. A digest is lost where an image is copied, and so becomes a tag.
local_name() {
	if [[ $1 =~ ^([^@]*[^@:/])@sha256:([0-9a-f]{64})$ ]]; then
		local name=${BASH_REMATCH[1]} digest=${BASH_REMATCH[2]}
		[[ ! ${name##*/} =~ : ]] || name=${name%:*}
		printf '%s:sha256-%s' "$name" "$digest"
	else
		printf '%s' "$1"
	fi
}

# The fault of the host $1 whose Docker said the word $2, if that is one.
judge_docker() {
	local user
	user=$(id -un)
	case $2 in
	nocli) add_fault "$1" 'docker: found none, wanted Docker Engine; install it, then run the command again' ;;
	denied)
		add_fault "$1" "docker: found no permission for the login user ($user here), wanted a member of the group docker;" \
			'set spark-mesh:system: { dockerGroup: true }'
		;;
	down) add_fault "$1" 'docker: found no daemon that answers, wanted one; see there: systemctl status docker' ;;
	esac
}

# The one container at a time that the user's operation on this host runs.
container_name() {
	printf 'spark-mesh-fetch-%s' "$EUID"
}

# A docker client that was killed leaves its container at work: a run ends its own, and that of one that couldn't.
container_begun=no
begin_container() {
	container_begun=yes
	docker rm --force "$(container_name)" >/dev/null 2>&1 || true
}

end_container() {
	[[ $container_begun == no ]] || docker rm --force "$(container_name)" >/dev/null 2>&1 || true
}

# Keeps a fault where the bytes $3 are more than the free ones $2 of the host $1; $4 is for what, $5 says where.
judge_room() {
	[[ -z $2 ]] || (($2 >= $3)) ||
		add_fault "$1" "$4: found $(show_bytes "$2") free $5, wanted $(show_bytes "$3"); free some, then run the command again"
}
