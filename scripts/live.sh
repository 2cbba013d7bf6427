# shellcheck shell=bash
# The live state of netdevs: how it is, how it should be, and the way from one to the other.
#
# One line a netdev, the form that snapshots keep on disk too (a contract between our releases):
#
#   NETDEV LINK MTU LINKLOCAL AUTOMATIC ADDR_GEN_MODE DISABLE_IPV6 ARP MANAGED ADDRESSES
#
# LINK: up | down | absent (nothing follows). LINKLOCAL: the fe80:: addresses, joined by commas, or none. AUTOMATIC:
# some | none: addresses by DHCP or router advertisement. ADDR_GEN_MODE, DISABLE_IPV6: the kernel's IPv6 settings. ARP: its
# arp_ignore/arp_announce of this netdev. MANAGED: what NetworkManager says: managed | unmanaged | external (it only looks
# on). ADDRESSES: the others, joined by commas, each a CIDR with what `ip address add` needs to make it again, joined by =;
# or none. In a wish, and where there is nothing to know, - stands for whatever it is.

# Prints the line of the netdev $1; with "snapshot" as $2 less what comes and goes by itself.
live_line() {
	local netdev=$1 link=down flags mtu linklocal automatic=none generation=- disabled=- arp=- managed=- addresses family rest
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
	arp=$(arp_settings "$netdev")
	linklocal='' addresses=''
	while read -r _ _ family rest; do
		case "$family $rest" in
		*\ dynamic\ * | *\ mngtmpaddr\ *) automatic=some ;;
		inet6\ *\ scope\ link\ *) linklocal+=,${rest%% *} ;;
		*) addresses+=,$(address_recipe "$rest") ;;
		esac
	done < <(ip -o address show dev "$netdev")
	linklocal=${linklocal#,} addresses=${addresses#,}
	linklocal=${linklocal:-none} addresses=${addresses:-none}
	if [[ ${2-} == snapshot ]]; then
		automatic=-
		managed=$(managed_by_networkmanager "$netdev")
		# NetworkManager makes and drops these as the attempts at DHCP of its own profiles come and go.
		if [[ $managed == trying ]]; then managed=managed linklocal=-; fi
		# What a renderer brings with the carrier can't be seen without.
		if lacks_carrier "$netdev"; then linklocal=${linklocal/#none/-} addresses=${addresses/#none/-}; fi
	fi
	printf '%s %s %s %s %s %s %s %s %s %s\n' \
		"$netdev" "$link" "$mtu" "$linklocal" "$automatic" "$generation" "$disabled" "$arp" "$managed" "$addresses"
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

# Says whether the netdev $1 is up and its cable carries nothing.
lacks_carrier() {
	local carrier
	# One that is down has no carrier to read.
	read -r carrier 2>/dev/null <"/sys/class/net/$1/carrier" && [[ $carrier == 0 ]]
}

# Prints the lines of the named netdevs as a snapshot.
live_lines() {
	local netdev
	ask_networkmanager
	for netdev in "$@"; do live_line "$netdev" snapshot; done
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
	[[ ! $1 =~ \ (managed|unmanaged|external)\  ]] || ask_networkmanager
	while read -r line; do
		# A netdev that was absent then is nothing that we could put back.
		[[ $line == *\ absent ]] || differences_of "$line"
	done <<<"$1"
}

differences_of() {
	local wanted found netdev names=('' link MTU '' '' addr_gen_mode disable_ipv6 arp_ignore/arp_announce NetworkManager) i
	read -r -a wanted <<<"$1"
	netdev=${wanted[0]}
	read -r -a found < <(live_line "$netdev")
	if [[ ${found[1]} == absent ]]; then
		printf '%s: found absent, wanted present; check its cable\n' "$netdev"
		return 0
	fi
	[[ ${wanted[8]} == - ]] || found[8]=$(managed_by_networkmanager "$netdev")
	[[ ${found[8]} != trying ]] || found[8]=managed
	for i in 1 2 5 6 7 8; do
		[[ ${wanted[i]} == - || ${wanted[i]} == "${found[i]}" ]] ||
			printf '%s %s: found %s, wanted %s\n' "$netdev" "${names[i]}" "${found[i]}" "${wanted[i]}"
	done
	[[ ${wanted[4]} == - || ${wanted[4]} == "${found[4]}" ]] || printf '%s: found an automatic address, wanted none\n' "$netdev"
	differences_of_addresses "$1" 'link-local address' "${found[3]}" "${wanted[3]}"
	differences_of_addresses "$1" address "${found[9]}" "${wanted[9]}"
}

differences_of_addresses() {
	local netdev=${1%% *} what=$2 here wish address
	[[ $4 != - && $3 != "$4" ]] || return 0
	here=$(cidrs_of "$3")
	wish=$(cidrs_of "$4")
	if ! renderer_waits "$1"; then
		# shellcheck disable=SC2086 # each CIDR is an argument
		for address in $(words_without "$here" $wish); do
			printf '%s %s: found none, wanted %s\n' "$netdev" "$what" "$address"
		done
	fi
	# shellcheck disable=SC2086 # each CIDR is an argument
	for address in $(words_without "$wish" $here); do
		printf '%s %s: found %s, wanted none\n' "$netdev" "$what" "$address"
	done
}

# Says whether the addresses of the wanted line $1 are a renderer's, who brings them with the carrier: those of the mesh,
# whose kernel settings are any, and those of NetworkManager.
renderer_waits() {
	local netdev generation managed
	read -r netdev _ _ _ _ generation _ _ managed _ <<<"$1"
	[[ $generation == - || $managed == managed ]] && lacks_carrier "$netdev"
}

# Does by hand, on the netdevs that differ from the wanted lines $1, what netplan's renderers left undone; with
# "patient" as $2 not where NetworkManager is still at work. (It takes an address that it finds there before it
# activates a profile for somebody else's, and never activates it.)
fix_live() {
	local line netdev managed
	ask_networkmanager
	while read -r line; do
		read -r netdev _ _ _ _ _ _ _ managed _ <<<"$line"
		[[ $line != *\ absent && -e /sys/class/net/$netdev && -n $(differences_of "$line") ]] || continue
		[[ ${2-} != patient ]] || ! networkmanager_works_on "$netdev" "$managed" || continue
		# What can't be done now is tried again: the caller looks at the outcome.
		fix_netdev "$line" >/dev/null 2>&1 || true
	done <<<"$1"
}

fix_netdev() {
	local netdev link mtu linklocal automatic generation disabled managed addresses recipe cidr found wish='' here=''
	read -r netdev link mtu linklocal automatic generation disabled _ managed addresses <<<"$1"
	hand_to_networkmanager "$netdev" "$managed" || true
	ip link set dev "$netdev" mtu "$mtu" || true
	[[ $disabled == - ]] || write_setting ipv6 "$netdev" disable_ipv6 "$disabled"
	[[ $generation == - ]] || write_setting ipv6 "$netdev" addr_gen_mode "$generation"
	# Without a mode of its own choice the kernel would make the address again at the next link change.
	[[ $linklocal != none || $generation != - ]] || write_setting ipv6 "$netdev" addr_gen_mode 1
	[[ $automatic == - ]] || ip address flush dev "$netdev" dynamic || true
	[[ $link == - ]] || ip link set dev "$netdev" "$link" || true
	read -r -a found < <(live_line "$netdev")
	if [[ $linklocal != - ]]; then wish+=,$linklocal here+=,${found[3]}; fi
	if [[ $addresses != - ]]; then wish+=,$addresses here+=,${found[9]}; fi
	# shellcheck disable=SC2046 # each CIDR is an argument
	for cidr in $(words_without "$(cidrs_of "$wish")" $(cidrs_of "$here")); do
		ip address del "$cidr" dev "$netdev" || true
	done
	! renderer_waits "$1" || return 0
	for recipe in ${wish//,/ }; do
		# shellcheck disable=SC2086 # the words of the recipe are arguments
		[[ $recipe == none ]] || ip address add ${recipe//=/ } dev "$netdev" || true
	done
}

# Sets $3 of the netdev $2 to $4; $1 is ipv4 or ipv6.
write_setting() {
	local file=/proc/sys/net/$1/conf/$2/$3 found
	[[ -w $file ]] || return 0
	read -r found <"$file"
	[[ $found == "$4" ]] || printf '%s\n' "$4" >"$file" || true
}

# Waits until live state is as the lines $1 want it and stays so: the renderers work on after `netplan apply`.
# They have up to 1 s to do it themselves, then fix_live helps now and again, and patiently for 8 s. Fails after 15 s.
make_live() {
	local wish=$1 began=$SECONDS tries right=0 patience=patient
	for ((tries = 1; SECONDS - began < 15; tries++)); do
		if [[ -z $(live_differences "$wish") ]]; then
			((++right < 3)) || return 0
		else
			right=0
			((SECONDS - began < 8)) || patience=''
			((SECONDS == began || tries % 5 != 0)) || fix_live "$wish" "$patience"
		fi
		sleep 0.1
	done
	return 1
}

# Says whether the differences $1 are MTUs and link-local addresses of NetworkManager's netdevs and no others. It leaves
# them alone while a profile is active, so they are mended by hand; `netplan apply` would restart it, and take the other
# addresses away for a moment. (networkd keeps them.)
mendable_beside_networkmanager() {
	local netdev what
	[[ -n $1 ]] || return 1
	ask_networkmanager
	while read -r netdev what; do
		[[ $what == 'link-local address: found '* || $what == 'MTU: found '* ]] || return 1
		[[ $(managed_by_networkmanager "$netdev") == managed ]] || return 1
	done <<<"$1"
}
