#!/usr/bin/env bash
# Runs inside a rank's container, as its first process: applies mods, once, and becomes the server.
#
#   start.sh [--mod NAME]... [--own VARIABLE]... -- [BEFORE... --] SERVER...
#
# Mods lie beside this file. BEFORE runs to its end first, on every start; VARIABLEs are what vLLM must not carry over
# Ray to other ranks.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
mods_folder=/workspace/mods
# In the container's own layer: a restart finds them, a new container doesn't.
done_file=/workspace/.spark-mesh-mods-applied
begun_file=/workspace/.spark-mesh-mods-begun

# A mod is not safe to run twice, and neither is one that stopped half-way.
apply_mods() {
	local mod
	[[ $# -gt 0 && ! -e $done_file ]] || return 0
	if [[ -e $begun_file ]]; then
		printf 'spark-mesh: mod %s failed in this container; it needs a new one\n' "$(<"$begun_file")" >&2
		exit 1
	fi
	mkdir -p "$mods_folder"
	for mod in "$@"; do
		printf '%s\n' "$mod" >"$begun_file"
		cp -R "$here/mods/$mod" "$mods_folder/"
		# The server starts in this folder and looks here for what a mod leaves in it.
		(
			export WORKSPACE_DIR=$PWD
			cd "$mods_folder/$mod"
			chmod +x run.sh
			./run.sh
		)
	done
	mv "$begun_file" "$done_file"
}

# vLLM's own list of what stays with each rank.
keep_own() {
	local folder=${VLLM_CONFIG_ROOT:-$HOME/.config/vllm} names
	[[ $# -gt 0 ]] || return 0
	printf -v names '"%s", ' "$@"
	mkdir -p "$folder"
	printf '[%s]\n' "${names%, }" >"$folder/ray_non_carry_over_env_vars.json"
}

mods=() own=() before=()
while [[ $1 != -- ]]; do
	case $1 in
	--mod) mods+=("$2") ;;
	--own) own+=("$2") ;;
	*)
		printf 'spark-mesh: start.sh: no such option: %s\n' "$1" >&2
		exit 2
		;;
	esac
	shift 2
done
shift
for word in "$@"; do
	[[ $word == -- ]] || continue
	while [[ $1 != -- ]]; do
		before+=("$1")
		shift
	done
	shift
	break
done

# Output of mods is the container's log, like the server's.
apply_mods "${mods[@]}"
keep_own "${own[@]}"
[[ ${#before[@]} == 0 ]] || "${before[@]}"
exec "$@"
