# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Who answers for an address on a switch. Both twins of a port are on one segment there, and left to itself the kernel
# answers on either for the addresses of both.

# Prints the netdev $1's own arp_ignore/arp_announce.
arp_settings() {
	local ignore announce folder=/proc/sys/net/ipv4/conf/$1
	if [[ -d $folder ]]; then
		read -r ignore <"$folder/arp_ignore"
		read -r announce <"$folder/arp_announce"
		printf '%s/%s' "$ignore" "$announce"
	else
		printf -- -
	fi
}

# Sets the ARP settings of the lines $1 of live state.
set_arp() {
	local netdev arp
	while read -r netdev _ _ _ _ _ _ arp _; do
		[[ $arp == */* ]] || continue
		write_setting ipv4 "$netdev" arp_ignore "${arp%/*}"
		write_setting ipv4 "$netdev" arp_announce "${arp#*/}"
	done <<<"$1"
}

# Forgets which MACs answered for the peers' addresses, and asks anew: an old answer may be the wrong twin's. Our question
# is heard by all, and has each of them learn our own MAC again, so that the last one to be staged mends all the others.
relearn_peers() {
	local link netdev own peer
	for link in "${links[@]}"; do
		read -r netdev own peer _ <<<"$link"
		ip neighbour flush to "$peer" dev "$netdev" || true
		(ping -n -q -c 1 -w 1 -I "$own" "$peer" </dev/null >/dev/null 2>&1 || true) &
	done
	wait
}
