#!/usr/bin/env bash
# Succeeds where every ConnectX-7 link of the host can be heard on. Run as root inside it, by lab.ts.
#
# A link-local address is no address before the kernel has made sure, for up to 2 s, that nobody else has
# it. A netdev without carrier waits for none, nor does one that is told to make none of its own.
set -uo pipefail
shopt -s nullglob

for path in /sys/class/net/en*np*; do
	netdev=${path##*/}
	settings=/proc/sys/net/ipv6/conf/$netdev
	read -r carrier 2>/dev/null <"$path/carrier" || continue
	[[ $carrier == 1 ]] || continue
	[[ -z $(ip -6 -o address show dev "$netdev" tentative) ]] || exit 1
	[[ $(<"$settings/disable_ipv6") == 1 || $(<"$settings/addr_gen_mode") == 1 ]] ||
		[[ -n $(ip -6 -o address show dev "$netdev" scope link) ]] || exit 1
done
