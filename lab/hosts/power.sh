#!/usr/bin/env bash
# One virtual Spark, from power on to power off: started by power.ts in mount and pid namespaces of
# its own, so that ending this process ends the host and everything it mounted.
#
#   power.sh ROOTFS HOST_DIR CGROUP
#
# HOST_DIR holds what makes this host: upper/ (its changes to ROOTFS), name, machine-id, netdevs
# (for cables.sh), infiniband/ (its RoCE devices), chpasswd (NAME:PASSWORD, may be empty); and
# where the host has Docker, docker/; and where it sees something of this machine, shares (lines of
# FROM, tab, TO).
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

main() {
	local rootfs=$1 dir=$2 cgroup=$3
	local name netns=$dir/netns
	name=$(<"$dir/name")

	# nspawn puts its payload below its own cgroup: in a shared one, hosts share their units' processes.
	mkdir -p "$cgroup"
	echo $$ >"$cgroup/cgroup.procs"

	mount -t overlay -o "lowerdir=$rootfs,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"
	chroot "$dir/root" chpasswd <"$dir/chpasswd"

	local options=(
		--quiet --directory="$dir/root" --machine="$name" --uuid="$(<"$dir/machine-id")"
		--register=no --keep-unit --console=read-only --resolv-conf=off --timezone=off --link-journal=no
		--kill-signal=SIGRTMIN+3
		--network-namespace-path="$netns"
		--capability=all --drop-capability=CAP_SYS_MODULE --drop-capability=CAP_SYS_TIME
		--system-call-filter="add_key keyctl bpf"
		--bind-ro="$here/init.sh:/usr/lib/spark-mesh-lab/init"
		--bind="$dir/infiniband:/usr/lib/spark-mesh-lab/infiniband"
	)
	if [[ -e $dir/shares ]]; then
		local from to
		while IFS=$'\t' read -r from to; do
			# A colon in a path has to be told from the one between the paths.
			options+=(--bind-ro="${from//:/\\:}:${to//:/\\:}")
		done <"$dir/shares"
	fi
	if [[ -d $dir/docker ]]; then options+=(--bind="$dir/docker:/var/lib/docker"); fi

	# Without the first systemd 257 does not start where the machine has cgroups v1; the second lets
	# sysctl inside reach the network's settings, and only those.
	export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=network

	# A reboot gives real NICs a new life: no address, MTU, neighbour or hand-made interface survives.
	local status=133
	while [[ $status == 133 ]]; do
		: >"$netns"
		unshare --net="$netns" true
		# What the kernel forbids in a new namespace and every distribution allows: ping without root.
		nsenter --net="$netns" bash -c 'echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range'
		"$here/cables.sh" attach "$netns" <"$dir/netdevs"
		status=0
		systemd-nspawn "${options[@]}" /usr/lib/spark-mesh-lab/init </dev/null || status=$?
		"$here/cables.sh" detach <"$dir/netdevs"
		umount "$netns"
	done
	return "$status"
}

main "$@"
exit
