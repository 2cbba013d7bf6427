# shellcheck shell=bash
# shellcheck disable=SC2034 # the other files read what is set here
# The lines of the documents of image and model. What passes here means the same to a shell with and without quotes.

# Which image, and the oldest NCCL that it may carry; which model, of which revision, and a secret for the hub that it
# comes from. What the image is to be built from, the builder's words in base64, and its repository as a tar.gz, where no
# host has what was built so. The hosts that are to have it besides this one.
image='' minimum_nccl='' model='' revision=main token_base64=''
build_commit='' source_base64=''
declare -a targets=() build_arguments=()

read_own_line() {
	local model_id='^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$' folder='^(/[A-Za-z0-9._@+-]+)+$'
	case $1 in
	image) [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._/:@-]*$ ]] && image=$2 ;;
	nccl) [[ $2 =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] && minimum_nccl=$2 ;;
	model) [[ $2 =~ $model_id || $2 =~ $folder ]] && model=$2 ;;
	revision) [[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._/-]*$ && $2 != *..* ]] && revision=$2 ;;
	target) [[ $2 =~ ^[a-z0-9][a-z0-9-]*$ ]] && targets+=("$2") ;;
	token) [[ $2 =~ ^[A-Za-z0-9+/]+=*$ ]] && token_base64=$2 ;;
	build) [[ $2 =~ ^[0-9a-f]{40}$ ]] && build_commit=$2 ;;
	argument) [[ $2 =~ ^[A-Za-z0-9+/]+=*$ ]] && build_arguments+=("$2") ;;
	source) [[ $2 =~ ^[A-Za-z0-9+/]+=*$ ]] && source_base64+=$2 ;;
	*) return 1 ;;
	esac
}
