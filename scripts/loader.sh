# shellcheck shell=bash
# Reads three lines from stdin behind this text - the sudo password, the payload, the transactions - and
# runs the payload as the user who logged in or as root:
#
#   exec bash -s user|root OPERATION <loader.sh and the three lines
#
# FROZEN: every stack's state holds this text, and a changed text would run every command of every mesh
# again. What may change between releases travels in the payload: base64 of a gzip of a bash script and
# the document that it reads from its own stdin.
#
# What is asked of sudo is `bash -s OPERATION` and nothing else, so that a sudoers file can allow it word for word.
# The password is only ever written to a pipe by a builtin: it is in no argument, environment or file.
spark_mesh_load() {
	set -euo pipefail
	export LC_ALL=C
	local privilege=$1 operation=$2 user=${USER:-$(id -un)} password payload transactions answer
	IFS= read -r password && IFS= read -r payload && IFS= read -r transactions
	[[ $operation =~ ^[a-z]+$ && $payload =~ ^[A-Za-z0-9+/]+=*$ && $transactions =~ ^[A-Za-z0-9\ -]*$ ]]

	# The two values are proven free of anything that a shell would expand.
	spark_mesh_program() {
		printf "payload='%s'\ntransactions='%s'\n" "$payload" "$transactions"
		printf '%s' "$payload" | base64 -d | gzip -dc
	}
	spark_mesh_refuse() {
		local host
		host=$(spark_mesh_program | sed -n 's/^host \([a-z0-9-]*\)$/\1/p') || true
		printf '%s: %s\n' "${host:-$HOSTNAME}" "$1" >&2
		exit 1
	}

	if [[ $privilege != root || $EUID == 0 ]]; then
		spark_mesh_program | bash -s "$operation"
	elif sudo -n bash -s "$operation" </dev/null 2>/dev/null; then
		spark_mesh_program | sudo -n bash -s "$operation"
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
		if sudo -n bash -s "$operation" </dev/null 2>/dev/null; then
			spark_mesh_program | sudo -n bash -s "$operation"
		else
			# sudo remembers nothing here. -k makes it ask, so that it and not bash takes the first line.
			{
				printf '%s\n' "$password"
				spark_mesh_program
			} | sudo -k -S -p '' bash -s "$operation"
		fi
	fi
}
spark_mesh_load "$@"
