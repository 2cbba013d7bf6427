# shellcheck shell=bash
# Reads five lines from stdin behind this text - the sudo password, the host's name in the mesh, the digest of the program, the
# spec, the transactions - and runs the program as the user who logged in or as root:
#
#   exec bash -s user|root OPERATION <loader.sh and the five lines
#
# `arrive` does nothing. `install` brings the program: its spec is the file in base64, or nothing where it is there already.
# `leave` is for whichever program came last, and there is nothing to do where there is none.
#
# FROZEN: every stack's state holds this text, and a changed text would run every command of every mesh again.
#
# What is asked of sudo is the program's file and OPERATION, or `bash -s install`, and nothing else, so that a sudoers file can
# allow it word for word. The password is only ever written to a pipe by a builtin: it is in no argument, environment or file.
spark_mesh_load() {
	set -euo pipefail
	export LC_ALL=C
	local privilege=$1 operation=$2 user=${USER:-$(id -un)} folder=/var/lib/spark-mesh answer each command=()
	local password host program spec transactions
	IFS= read -r password && IFS= read -r host && IFS= read -r program && IFS= read -r spec && IFS= read -r transactions
	[[ $operation =~ ^[a-z]+$ && $host =~ ^[a-z0-9-]+$ && $program =~ ^[0-9a-f]{64}$|^newest$ ]]
	[[ $transactions =~ ^[A-Za-z0-9\ -]*$ && ($operation != install || $spec =~ ^[A-Za-z0-9+/]*=*$) ]]

	[[ $operation != arrive && ($operation != install || -n $spec) ]] || return 0

	spark_mesh_refuse() {
		printf '%s: %s\n' "$host" "$1" >&2
		exit 1
	}
	# As root: the whole file under its name, or none.
	spark_mesh_install() {
		set -euo pipefail
		umask 022
		local folder=$1 digest=$2 new=$1/.program.spark-mesh found
		mkdir -p "$folder"
		chmod 0755 "$folder"
		rm -f "$new"
		base64 -d <<<"$3" >"$new"
		read -r found _ < <(sha256sum "$new")
		[[ $found == "$digest" ]]
		chmod 0755 "$new"
		sync "$new"
		mv -fT "$new" "$folder/program-$digest"
		sync "$folder"
	}
	spark_mesh_input() {
		if [[ $operation == install ]]; then
			declare -f spark_mesh_install
			printf "spark_mesh_install '%s' '%s' '%s'\n" "$folder" "$program" "$spec"
		else
			printf '%s\n%s\n' "$spec" "$transactions"
		fi
	}

	if [[ $operation == install ]]; then
		[[ -x /usr/bin/python3 ]] || spark_mesh_refuse "/usr/bin/python3: found none, wanted Python 3.10 or newer; sudo apt install python3"
		command=(bash -s install)
	else
		if [[ $program == newest ]]; then
			for each in "$folder"/program-*; do
				[[ ! $each -nt $folder/program-$program ]] || program=${each##*/program-}
			done
			[[ $program != newest ]] || return 0
		fi
		command=("$folder/program-$program" "$operation")
		[[ -x ${command[0]} ]] || spark_mesh_refuse "${command[0]}: found none, wanted the program of spark-mesh; run \`pulumi up\` again"
	fi

	if [[ $privilege != root || $EUID == 0 ]]; then
		spark_mesh_input | "${command[@]}"
	elif sudo -n "${command[@]}" </dev/null 2>/dev/null; then
		spark_mesh_input | sudo -n "${command[@]}"
	elif [[ -z $password ]]; then
		spark_mesh_refuse "passwordless sudo not available: set spark-mesh:sudoPassword, or allow $user to run sudo without a password"
	else
		# At the end of its input sudo asks no second time: a wrong password is one failed login, not three.
		if ! answer=$(printf '%s\n' "$password" | sudo -S -p '' -v 2>&1); then
			case $answer in
			*incorrect*password* | *try\ again*)
				spark_mesh_refuse "sudo password refused for $user: correct spark-mesh:sudoPassword, or the entry for this host in spark-mesh:sudoPasswords"
				;;
			esac
			spark_mesh_refuse "sudo does not let $user become root: ${answer##*$'\n'}"
		fi
		if sudo -n "${command[@]}" </dev/null 2>/dev/null; then
			spark_mesh_input | sudo -n "${command[@]}"
		else
			# sudo remembers nothing here. -k makes it ask, so that it and not the program takes the first line.
			{
				printf '%s\n' "$password"
				spark_mesh_input
			} | sudo -k -S -p '' "${command[@]}"
		fi
	fi
}
spark_mesh_load "$@"
