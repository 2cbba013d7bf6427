#!/usr/bin/env bash
# Makes a fresh root file system one that every virtual Spark can start from: what differs between
# hosts is added by files.ts. Run by mmdebstrap as a customize hook, with the root as its argument.
set -euo pipefail
root=$1

chroot "$root" /bin/bash -s <<'INSIDE'
set -euo pipefail
useradd --create-home --shell /bin/bash --groups sudo nvidia
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
: >/etc/resolv.conf
mkdir -p /var/log/journal

systemctl disable ssh.socket >/dev/null 2>&1 || true
systemctl enable ssh.service
# Which of the two a host starts is its own affair.
systemctl disable systemd-networkd.service systemd-networkd-wait-online.service \
	NetworkManager.service NetworkManager-dispatcher.service NetworkManager-wait-online.service
# Something always waits for the network on DGX OS: so a missing cable's delay can be seen here.
systemctl add-wants multi-user.target network-online.target

# What would work on the control machine's kernel, or does nothing for a short-lived host.
systemctl mask sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
	dev-hugepages.mount console-getty.service systemd-modules-load.service systemd-binfmt.service \
	apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer
mkdir -p /etc/systemd/system/systemd-udev-trigger.service.d
cat >/etc/systemd/system/systemd-udev-trigger.service.d/lab.conf <<'UNIT'
[Service]
ExecStart=
ExecStart=udevadm trigger --type=devices --action=add --subsystem-match=net
UNIT

if [[ -x /usr/sbin/dockerd ]]; then
	usermod --append --groups docker nvidia
	systemctl disable docker-registry.service 2>/dev/null
	mkdir -p /etc/docker
	cat >/etc/docker/daemon.json <<'JSON'
{
  "bridge": "none",
  "iptables": false,
  "ip-forward": false,
  "storage-driver": "overlay2",
  "default-runtime": "lab",
  "runtimes": { "lab": { "path": "/usr/local/sbin/lab-runc" } }
}
JSON
	# dockerd offers --gpus where this hook exists; there is no GPU for it to pass on.
	printf '#!/bin/sh\nexit 0\n' >/usr/bin/nvidia-container-runtime-hook
	chmod 0755 /usr/bin/nvidia-container-runtime-hook
fi
INSIDE

here=$(dirname "${BASH_SOURCE[0]}")
install -m 0755 "$here/nvidia-smi.sh" "$root/usr/bin/nvidia-smi"
install -m 0755 "$here/runc.sh" "$root/usr/local/sbin/lab-runc"
