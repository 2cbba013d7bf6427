# shellcheck shell=bash
# shellcheck disable=SC2034 # the other files read what is set here
# What every operation stands on: strict mode, where things are, how a failure is said.
set -Eeuo pipefail
shopt -s inherit_errexit
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

# The host's name in the mesh, once the document is read.
host=$HOSTNAME
netplan_folder=/etc/netplan
# Written by netplan's generator, and left there by it when no netplan file asks for any rule any more.
udev_rules=/run/udev/rules.d/90-netplan.rules
sysctl_file=/etc/sysctl.d/90-spark-mesh.conf
state_folder=/var/lib/spark-mesh
lock_folder=/run/spark-mesh
lock_file=$lock_folder/lock
boot_unit=/etc/systemd/system/spark-mesh-rollback.service
boot_wants=/etc/systemd/system/sysinit.target.wants

# Ends the operation with a message. Status 3 tells every shell above that it was said already, so that
# it stays the last line of stderr.
fail() {
	printf '%s: %s\n' "$host" "$*" >&2 || true
	exit 3
}

fail_unforeseen() {
	local status=$1 command=$2
	[[ $status == 3 ]] || printf '%s: "%s" failed with status %s\n' "$host" "${command%%$'\n'*}" "$status" >&2 || true
	exit 3
}
trap 'fail_unforeseen "$?" "$BASH_COMMAND"' ERR

# Prints seconds since the epoch as UTC.
show_time() {
	TZ=UTC0 printf '%(%Y-%m-%dT%H:%M:%SZ)T' "$1"
}

# Prints stdin as one short line.
one_line() {
	local text
	text=$(tr -s '\n\t ' ' ')
	text=${text% }
	printf '%s' "${text:0:300}"
}

# Prints those of the words that are not among the words of $1, one a line.
words_without() {
	local without=" $1 " word
	shift
	for word in "$@"; do
		[[ $without == *" $word "* ]] || printf '%s\n' "$word"
	done
}

# Runs a command until it succeeds, or until the time $1 on bash's SECONDS.
retry_until() {
	local end=$1
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.3
	done
}
