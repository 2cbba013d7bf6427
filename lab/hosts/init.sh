#!/bin/bash
# The first process of a virtual Spark: shows it its own network devices and RoCE devices in /sys, and a device for them,
# then becomes systemd. nspawn's /sys is the parent's, with the parent's interfaces.
set -euo pipefail

new=/run/spark-mesh-lab/sys
classes=/run/spark-mesh-lab/classes
mkdir -p "$new" "$classes"
mount -t sysfs sysfs "$new"
mount -o remount,rw "$new"
mount -t sysfs sysfs "$classes"
mount --rbind /sys/fs/cgroup "$new/fs/cgroup"

# sysfs takes no new folder, so its classes are bound into one that does.
mount -t tmpfs -o mode=0755 tmpfs "$new/class"
for class in "$classes"/class/*; do
	[[ ${class##*/} == infiniband ]] && continue
	mkdir "$new/class/${class##*/}"
	mount --bind "$class" "$new/class/${class##*/}"
done
mkdir "$new/class/infiniband"
mount --bind /usr/lib/spark-mesh-lab/infiniband "$new/class/infiniband"

# Private first, or taking the old places away would take the new ones with them.
mount --make-rprivate "$new"
umount "$classes"
mount --rbind "$new" /sys
umount -l "$new"
rmdir "$new" "$classes" /run/spark-mesh-lab

# What `docker run --device /dev/infiniband` passes on; reading it gives nothing.
mkdir -p /dev/infiniband
mknod -m 0666 /dev/infiniband/uverbs0 c 1 3
exec /usr/lib/systemd/systemd
