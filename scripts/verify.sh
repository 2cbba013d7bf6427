# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# verify: looks at the mesh from this host, over a session that began after every stage. Needs no root.

verify() {
	local failures
	refuse_rolled_back
	failures=$(
		for link in "${links[@]}"; do
			# shellcheck disable=SC2086 # the words of the link are arguments
			check_link $link &
		done
		while read -r probe; do
			# shellcheck disable=SC2086 # the words of the probe are arguments
			[[ -z $probe ]] || check_probe $probe &
		done < <(armed_probes)
		check_logins &
		wait
	)
	[[ -z $failures ]] || {
		printf '%s\n' "$failures" >&2
		exit 3
	}
}

refuse_rolled_back() {
	local rolled_back
	rolled_back=$(json_value "$state_folder/rolled-back.json" transaction)
	[[ -z $rolled_back || " $transactions " != *" $rolled_back "* ]] || fail "$(rolled_back_message "$rolled_back")"
}

armed_probes() {
	local armed
	armed=$(json_value "$state_folder/armed.json" transaction)
	if [[ -n $armed && -r $state_folder/tx/$armed/probes ]]; then cat "$state_folder/tx/$armed/probes"; fi
}

# A management address that NetworkManager has in hand may be gone for a second, so each probe has some.
check_probe() {
	local address=$1 name=$2
	retry_until $((SECONDS + 8)) answers "$address" ||
		printf '%s: %s (%s) answered before the change and has not for 8 s; the change will be rolled back\n' "$host" "$address" "$name"
}

# Fails unless full-size packets pass unfragmented and the planned neighbour answers them.
check_link() {
	local netdev=$1 own=$2 peer=$3 wanted=${4,,} name=$5 found
	if ! retry_until $((SECONDS + 10)) large_ping "$netdev" "$own" "$peer"; then
		printf '%s: %s to %s: %s\n' "$host" "$netdev" "$name" "$(why_no_ping "$netdev" "$own" "$peer")"
		return 0
	fi
	[[ $wanted == - ]] || retry_until $((SECONDS + 10)) answered_by "$netdev" "$own" "$peer" "$wanted" || {
		found=$(mac_of "$peer" "$netdev")
		printf '%s: %s: %s is answered by MAC %s, wanted %s (%s); check which cable goes where\n' \
			"$host" "$netdev" "$peer" "${found:-unknown}" "$wanted" "$name"
	}
}

# The kernel needs 8 s to give up a MAC that no longer answers, and learns another only where something is sent.
answered_by() {
	large_ping "$1" "$2" "$3" && [[ $(mac_of "$3" "$1") == "$4" ]]
}

mac_of() {
	ip neigh show to "$1" dev "$2" | sed -n 's/.* lladdr \([^ ]*\).*/\1/p'
}

# From the netdev's address, not bound to the netdev: which of ours the answer comes in on is for the peer to see to.
large_ping() {
	ping -n -q -c 1 -W 1 -M "do" -s $((netdev_mtu[$1] - 28)) -I "$2" "$3" </dev/null >/dev/null 2>&1
}

why_no_ping() {
	local netdev=$1 own=$2 peer=$3 wanted=${netdev_mtu[$1]} found carrier=0
	if [[ ! -e /sys/class/net/$netdev ]]; then
		printf 'found absent, wanted present; check the cable'
		return 0
	fi
	read -r found <"/sys/class/net/$netdev/mtu"
	# A netdev that is down has no carrier to read.
	read -r carrier 2>/dev/null <"/sys/class/net/$netdev/carrier" || true
	if ((found < wanted)); then
		printf 'found MTU %s, wanted %s; run the command again' "$found" "$wanted"
	elif [[ $carrier != 1 ]]; then
		printf 'no carrier; check the cable and that the other end is up'
	elif ping -n -q -c 1 -W 1 -I "$own" "$peer" </dev/null >/dev/null 2>&1; then
		printf '%s answers a small ping but none of %s bytes; check the MTU of the other end and of what is between' "$peer" "$wanted"
	else
		printf '%s does not answer within 10 s; check the cable, and the other end' "$peer"
	fi
}
