#!/usr/bin/env bash
# Works the cables of virtual Sparks.
#
#   cables.sh attach NETNS <netdevs   netdevs appear in the network namespace at that path
#   cables.sh detach <netdevs         netdevs vanish, as a ConnectX-7 does without its cable
#   cables.sh dark <netdevs           netdevs stay and lose carrier
#   cables.sh light <netdevs          ... and get it back
#
# Each line of stdin is one netdev, tab separated:
#   SPACE NETDEV MAC OUTER BRIDGE FAR
# The netdev is one end of a veth pair. Its other end, OUTER, is a port of BRIDGE in the namespace
# SPACE ("-": the one we run in). FAR is the outer end of the netdev at the other end of the cable:
# a cable has carrier when both its ends exist. FAR "-" is a switch, which always answers; FAR "!"
# is a cable that carries nothing.
set -euo pipefail
export LC_ALL=C

in_space() {
	local space=$1
	shift
	if [[ $space == - ]]; then "$@"; else ip netns exec "$space" "$@"; fi
}

exists() {
	in_space "$1" ip link show dev "$2" >/dev/null 2>&1
}

attach() {
	local netns=$1 space=$2 netdev=$3 mac=$4 outer=$5 bridge=$6
	unless_gone "$space" "$outer" del dev "$outer"
	in_space "$space" ip link add name "$outer" mtu 9216 type veth \
		peer name "$netdev" mtu 1500 address "$mac" netns "$netns"
	in_space "$space" ip link set dev "$outer" master "$bridge"
	nsenter --net="$netns" ip link set dev "$netdev" up
}

light() {
	local space=$1 outer=$2 far=$3
	case $far in
	-) in_space "$space" ip link set dev "$outer" up ;;
	!) ;;
	*)
		# The end that comes second brings both up, so two hosts may do this at once.
		if exists "$space" "$far"; then
			unless_gone "$space" "$far" set dev "$far" up
			in_space "$space" ip link set dev "$outer" up
			# It may have vanished meanwhile; at its return it is the end that comes second.
			exists "$space" "$far" || dark "$space" "$outer"
		fi
		;;
	esac
}

dark() {
	local space=$1 link=$2
	unless_gone "$space" "$link" set dev "$link" down
}

detach() {
	local space=$1 outer=$2 far=$3
	unless_gone "$space" "$outer" del dev "$outer"
	if [[ $far != [-!] ]]; then dark "$space" "$far"; fi
}

# Runs `ip link` on a link, which may be gone: a dying namespace takes both ends of a pair along, at any moment.
unless_gone() {
	local space=$1 link=$2 complaint
	shift 2
	if ! complaint=$(in_space "$space" ip link "$@" 2>&1) && exists "$space" "$link"; then
		printf '%s\n' "$complaint" >&2
		return 1
	fi
}

# One at a time: hosts that go and come work on each other's ends.
exec 9<"${BASH_SOURCE[0]}"
flock 9

verb=$1
netns=${2-}
while IFS=$'\t' read -r space netdev mac outer bridge far; do
	case $verb in
	attach)
		attach "$netns" "$space" "$netdev" "$mac" "$outer" "$bridge"
		light "$space" "$outer" "$far"
		;;
	detach) detach "$space" "$outer" "$far" ;;
	dark) dark "$space" "$outer" ;;
	light) light "$space" "$outer" "$far" ;;
	*)
		echo "cables.sh: found $verb, wanted attach, detach, dark or light" >&2
		exit 2
		;;
	esac
done
