#!/usr/bin/env bash
# The place where a lab's cables meet: a namespace in which each cable or switch is a bridge, and
# the management network, a bridge beside the control machine's own interfaces.
#
#   panel.sh up PANEL MANAGEMENT CIDR <bridges     one bridge name a line
#   panel.sh more PANEL MANAGEMENT <bridges        ... to be there too
#   panel.sh down PANEL MANAGEMENT
set -euo pipefail
export LC_ALL=C

verb=$1
panel=$2
management=$3

down() {
	if [[ -e /run/netns/$panel ]]; then ip netns del "$panel"; fi
	if ip link show dev "$management" >/dev/null 2>&1; then ip link del dev "$management"; fi
}

add_bridges() {
	while read -r bridge; do
		if ip -n "$panel" link show dev "$bridge" >/dev/null 2>&1; then continue; fi
		ip -n "$panel" link add name "$bridge" mtu 9216 type bridge mcast_snooping 0
		ip -n "$panel" link set dev "$bridge" up
	done
}

case $verb in
up)
	down
	ip link add name "$management" type bridge mcast_snooping 0
	ip addr add "$4" dev "$management"
	ip link set dev "$management" up
	ip netns add "$panel"
	ip netns exec "$panel" bash -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
	add_bridges
	;;
more) add_bridges ;;
down) down ;;
*)
	echo "panel.sh: found $verb, wanted up, more or down" >&2
	exit 2
	;;
esac
