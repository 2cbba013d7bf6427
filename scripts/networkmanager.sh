# shellcheck shell=bash
# NetworkManager, where there is one: what it makes of netdevs, and how it takes them in hand and lets go of them.

# What it last said of every netdev, "NETDEV:STATE" a line. Asked once for all of them: it is slow to answer.
networkmanager_says=''

ask_networkmanager() {
	networkmanager_says=$(nmcli -t -f DEVICE,STATE device 2>/dev/null) || networkmanager_says=''
}

networkmanager_state() {
	local line
	while read -r line; do
		[[ $line != "$1":* ]] || printf '%s' "${line#*:}"
	done <<<"$networkmanager_says"
}

# Prints the netdev's word in a line of live state; "trying" where NetworkManager is not done with it.
managed_by_networkmanager() {
	case $(networkmanager_state "$1") in
	'') printf -- - ;;
	unmanaged) printf unmanaged ;;
	*externally*) printf external ;;
	connected) printf managed ;;
	*) printf trying ;;
	esac
}

# Says whether NetworkManager is on its way to a state of the netdev $1 that is to be $2 in the end. Every netdev is
# unmanaged for a moment after its start; without carrier one stays unavailable; it lets go of none by itself.
networkmanager_works_on() {
	case $(networkmanager_state "$1") in
	'' | connected*) return 1 ;;
	unmanaged) [[ $2 == managed ]] ;;
	unavailable) ! lacks_carrier "$1" ;;
	*) [[ $2 != external && $2 != unmanaged ]] ;;
	esac
}

# Makes the netdev $1 managed, unmanaged or external, as $2 says.
hand_to_networkmanager() {
	case "$2 $(managed_by_networkmanager "$1")" in
	managed\ unmanaged) nmcli device set "$1" managed yes ;;
	# `device connect` would choose the profile that NetworkManager made up when it found addresses on its start.
	managed\ external) nmcli --wait 5 connection up "netplan-$1" || nmcli --wait 5 device connect "$1" ;;
	# Then it finds the addresses that are set next to be somebody else's.
	external\ managed | external\ trying) nmcli --wait 5 device disconnect "$1" ;;
	unmanaged\ managed | unmanaged\ external | unmanaged\ trying) nmcli device set "$1" managed no ;;
	esac
}

# `netplan apply` restarts NetworkManager before udev has forgotten that it was to manage our netdevs, and it then makes
# profiles of its own for them that stay. So where it managed none of those in the lines $1 before, udev and then
# NetworkManager are told first.
release_from_networkmanager() {
	local netdev managed released=()
	while read -r netdev _ _ _ _ _ _ _ managed _; do
		[[ $managed != managed ]] || return 0
		[[ $managed != unmanaged ]] || released+=("/sys/class/net/$netdev")
	done <<<"$1"
	((${#released[@]} > 0)) || return 0
	netplan generate || true
	udevadm control --reload || true
	udevadm trigger --settle --action=change "${released[@]}" || true
	nmcli connection reload || true
} >/dev/null 2>&1
