# shellcheck shell=bash
# The live state of netdevs: how it is, how it should be, and the way from one to the other.
#
# One line a netdev, the form that snapshots keep on disk too (a contract between our releases):
#
#   NETDEV LINK MTU LINKLOCAL AUTOMATIC ADDR_GEN_MODE DISABLE_IPV6 MANAGED ADDRESSES
#
# LINK: up | down | absent (nothing follows). LINKLOCAL: the fe80:: addresses, joined by commas, or none. AUTOMATIC:
# some | none: addresses by DHCP or router advertisement. ADDR_GEN_MODE, DISABLE_IPV6: the kernel's IPv6 settings.
# MANAGED: what NetworkManager says: managed | unmanaged | external (it only looks on). ADDRESSES: the others, joined by
# commas, each a CIDR with what `ip address add` needs to make it again, joined by =; or none.
# In a wish, and where there is nothing to know, - stands for whatever it is.

# Prints the line of the netdev $1; with "managed" as $2 the form of a snapshot.
live_line() {
	local netdev=$1 link=down flags mtu linklocal automatic=none generation=- disabled=- managed=- addresses family rest
	if [[ ! -e /sys/class/net/$netdev ]]; then
		printf '%s absent\n' "$netdev"
		return 0
	fi
	read -r flags <"/sys/class/net/$netdev/flags"
	((flags & 1)) && link=up
	read -r mtu <"/sys/class/net/$netdev/mtu"
	if [[ -d /proc/sys/net/ipv6/conf/$netdev ]]; then
		read -r generation <"/proc/sys/net/ipv6/conf/$netdev/addr_gen_mode"
		read -r disabled <"/proc/sys/net/ipv6/conf/$netdev/disable_ipv6"
	fi
	linklocal='' addresses=''
	while read -r _ _ family rest; do
		case "$family $rest" in
		*\ dynamic\ * | *\ mngtmpaddr\ *) automatic=some ;;
		inet6\ *\ scope\ link\ *) linklocal+=,${rest%% *} ;;
		*) addresses+=,$(address_recipe "$rest") ;;
		esac
	done < <(ip -o address show dev "$netdev")
	if [[ ${2-} == managed ]]; then
		managed=$(managed_by_networkmanager "$netdev")
		automatic=-
	fi
	linklocal=${linklocal#,}
	# NetworkManager makes and drops these as the attempts at DHCP of its own profiles come and go.
	if [[ $managed == trying ]]; then
		managed=managed
		linklocal=-
	fi
	addresses=${addresses#,}
	printf '%s %s %s %s %s %s %s %s %s\n' \
		"$netdev" "$link" "$mtu" "${linklocal:-none}" "$automatic" "$generation" "$disabled" "$managed" "${addresses:-none}"
}

# Prints what makes the address again that `ip -o address` shows as $1: its CIDR and the words that matter.
address_recipe() {
	local words recipe i
	read -r -a words <<<"${1%%\\*}"
	recipe=${words[0]}
	for ((i = 1; i < ${#words[@]}; i++)); do
		case ${words[i]} in
		brd | metric | peer) recipe+="=${words[i]}=${words[i + 1]}" ;;
		scope) [[ ${words[i + 1]} == global ]] || recipe+="=scope=${words[i + 1]}" ;;
		noprefixroute) recipe+="=noprefixroute" ;;
		esac
	done
	printf '%s' "$recipe"
}

managed_by_networkmanager() {
	local state
	if command -v nmcli >/dev/null && state=$(nmcli -g GENERAL.STATE device show "$1" 2>/dev/null); then
		case $state in
		10\ *) printf unmanaged ;;
		*externally*) printf external ;;
		100\ *) printf managed ;;
		*) printf trying ;;
		esac
	else
		printf -- -
	fi
}

# Says whether NetworkManager is on its way to a state of the netdev in the wanted line $1: neither unmanaged (10), where
# every netdev is for a moment after its start, nor connected (100).
networkmanager_works_on() {
	local netdev managed state
	read -r netdev _ _ _ _ _ _ managed _ <<<"$1"
	command -v nmcli >/dev/null || return 1
	state=$(systemctl show --property=ActiveState --value NetworkManager)
	[[ $state != inactive && $state != failed ]] || return 1
	state=$(nmcli -g GENERAL.STATE device show "$netdev" 2>/dev/null) || return 0
	[[ $state != 100\ * && ($state != 10\ * || $managed == managed) ]]
}

# Prints the lines of the named netdevs as a snapshot: what comes and goes by itself is left out.
live_lines() {
	local netdev
	for netdev in "$@"; do live_line "$netdev" managed; done
}

# Prints the addresses of a line without what made them.
cidrs_of() {
	local address
	for address in ${1//,/ }; do
		[[ $address == none ]] || printf '%s ' "${address%%=*}"
	done
}

# Prints how live state differs from the wanted lines $1: "NETDEV what: found this, wanted that", one a line.
live_differences() {
	local line
	while read -r line; do
		# A netdev that was absent then is nothing that we could put back.
		[[ $line == *\ absent ]] || differences_of "$line"
	done <<<"$1"
}

differences_of() {
	local wanted found netdev ask='' names=('' link MTU '' '' addr_gen_mode disable_ipv6 NetworkManager) i
	read -r -a wanted <<<"$1"
	netdev=${wanted[0]}
	[[ ${wanted[7]} == - ]] || ask=managed
	read -r -a found < <(live_line "$netdev" "$ask")
	if [[ ${found[1]} == absent ]]; then
		printf '%s: found absent, wanted present; check its cable\n' "$netdev"
		return 0
	fi
	for i in 1 2 5 6 7; do
		[[ ${wanted[i]} == - || ${wanted[i]} == "${found[i]}" ]] ||
			printf '%s %s: found %s, wanted %s\n' "$netdev" "${names[i]}" "${found[i]}" "${wanted[i]}"
	done
	[[ ${wanted[3]} == - ]] || differences_of_addresses "$netdev" 'link-local address' "${found[3]}" "${wanted[3]}"
	[[ ${wanted[4]} == - || ${wanted[4]} == "${found[4]}" ]] || printf '%s: found an automatic address, wanted none\n' "$netdev"
	differences_of_addresses "$netdev" address "${found[8]}" "${wanted[8]}"
}

differences_of_addresses() {
	local netdev=$1 what=$2 here wish address
	[[ $3 != "$4" ]] || return 0
	here=$(cidrs_of "$3")
	wish=$(cidrs_of "$4")
	# shellcheck disable=SC2086 # each CIDR is an argument
	for address in $(words_without "$here" $wish); do
		printf '%s %s: found none, wanted %s\n' "$netdev" "$what" "$address"
	done
	# shellcheck disable=SC2086 # each CIDR is an argument
	for address in $(words_without "$wish" $here); do
		printf '%s %s: found %s, wanted none\n' "$netdev" "$what" "$address"
	done
}

# Does by hand, on the netdevs that differ from the wanted lines $1, what netplan's renderers left undone; with
# "patient" as $2 not where NetworkManager is still at work. (It takes an address that it finds there before it
# activates a profile for somebody else's, and never activates it.)
fix_live() {
	local line
	while read -r line; do
		[[ $line != *\ absent && -e /sys/class/net/${line%% *} && -n $(differences_of "$line") ]] || continue
		[[ ${2-} != patient ]] || ! networkmanager_works_on "$line" || continue
		# What can't be done now is tried again: the caller looks at the outcome.
		fix_netdev "$line" >/dev/null 2>&1 || true
	done <<<"$1"
}

fix_netdev() {
	local netdev link mtu linklocal automatic generation disabled managed recipes recipe cidr found
	read -r netdev link mtu linklocal automatic generation disabled managed recipes <<<"$1"
	case "$managed $(managed_by_networkmanager "$netdev")" in
	managed\ unmanaged) nmcli device set "$netdev" managed yes || true ;;
	# `device connect` would choose the profile that NetworkManager made up when it found addresses on its start.
	managed\ external) nmcli --wait 5 connection up "netplan-$netdev" || nmcli --wait 5 device connect "$netdev" || true ;;
	unmanaged\ managed | unmanaged\ external | unmanaged\ trying) nmcli device set "$netdev" managed no || true ;;
	esac
	ip link set dev "$netdev" mtu "$mtu" || true
	[[ $disabled == - ]] || write_setting "$netdev" disable_ipv6 "$disabled"
	[[ $generation == - ]] || write_setting "$netdev" addr_gen_mode "$generation"
	# Without a mode of its own choice the kernel would make the address again at the next link change.
	[[ $linklocal != none || $generation != - ]] || write_setting "$netdev" addr_gen_mode 1
	[[ $automatic == - ]] || ip address flush dev "$netdev" dynamic || true
	ip link set dev "$netdev" "$link" || true
	[[ $linklocal == - ]] || recipes=$linklocal,$recipes
	read -r -a found < <(live_line "$netdev")
	[[ $linklocal != - ]] || found[3]=none
	# shellcheck disable=SC2046 # each CIDR is an argument
	for cidr in $(words_without "$(cidrs_of "$recipes")" $(cidrs_of "${found[3]},${found[8]}")); do
		ip address del "$cidr" dev "$netdev" || true
	done
	for recipe in ${recipes//,/ }; do
		# shellcheck disable=SC2086 # the words of the recipe are arguments
		[[ $recipe == none ]] || ip address add ${recipe//=/ } dev "$netdev" || true
	done
}

write_setting() {
	local file=/proc/sys/net/ipv6/conf/$1/$2 found
	[[ -w $file ]] || return 0
	read -r found <"$file"
	[[ $found == "$3" ]] || printf '%s\n' "$3" >"$file" || true
}

# Waits until live state is as the lines $1 want it and stays so: the renderers work on after `netplan apply`.
# They have 1 s to do it themselves, then fix_live helps, once a second, and patiently for 8 s. Fails after 15 s.
make_live() {
	local wish=$1 began=$SECONDS tries right=0 patience=patient
	for ((tries = 1; SECONDS - began < 15; tries++)); do
		if [[ -z $(live_differences "$wish") ]]; then
			((++right < 3)) || return 0
		else
			right=0
			((SECONDS - began < 8)) || patience=''
			((tries % 4 != 0)) || fix_live "$wish" "$patience"
		fi
		sleep 0.25
	done
	return 1
}
