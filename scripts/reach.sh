# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Whether TCP gets from this host to those of the other ranks, which open ports to each other at random: asked before
# anything is started. Nobody listens there yet: a connection that is refused at once has arrived. A firewall that refuses
# in the same words (nftables' plain reject, a reset) can't be told from that.

# How long an answer may take, in seconds.
reach_seconds=3

# Ends the operation where a firewall, or the network, is in the way to another rank's host.
check_reach() {
	local number said
	said=$(
		for number in "${!peers[@]}"; do
			[[ $number == "$rank" ]] || judge_reach "$number" &
		done
		wait
	)
	[[ -n $said ]] || return 0
	sort <<<"$said" >&2 || true
	exit 3
}

# Prints the faults of the way to the host of rank $1, one for all ports where the same was found. What ranks are given
# by their kernel is shown by both ends of its range; ranks meet on the head alone.
judge_reach() {
	local port found
	local -a ports
	local -A closed=()
	read -r -a ports </proc/sys/net/ipv4/ip_local_port_range
	ports+=("$status_port")
	[[ $1 != 0 ]] || ports+=("${meeting_ports[@]}")
	while read -r port found; do
		[[ $found == open ]] || closed[$found]+=" $port"
	done < <({
		for port in "${ports[@]}"; do ask_port "${peers[$1]#* }" "$port" & done
		wait
	} | sort -n)
	# shellcheck disable=SC2086 # one word a port
	for found in "${!closed[@]}"; do reach_fault "$1" "$found" ${closed[$found]}; done
}

# Prints the port $2 and what became of a connection to it at the address $1: open, silent, or bash's last words.
ask_port() {
	local status=0 said
	# shellcheck disable=SC2016 # for the other bash to expand
	said=$(timeout "$reach_seconds" bash -c 'exec 3<>"/dev/tcp/$1/$2"' ask "$1" "$2" 2>&1 </dev/null) || status=$?
	case $status:$said in
	0:* | *': Connection refused') said=open ;;
	124:* | *': Connection timed out') said=silent ;;
	esac
	printf '%s %s\n' "$2" "${said##*: }"
}

# Prints the fault of the way to rank $1 where $2 was found of the ports that follow.
reach_fault() {
	local name=${peers[$1]% *} address=${peers[$1]#* } found=$2 what='TCP port' wanted='it open to the Sparks'
	local remedy="see that $name is up, and open its firewall to ${peers[rank]#* } (sudo ufw allow proto tcp from ${peers[rank]#* }, or the same in its nftables rules)"
	shift 2
	if (($# > 1)); then what='TCP ports' wanted='them open to the Sparks'; fi
	case $found in
	'No route to host' | silent)
		# Who is on no cable answers not even for its address.
		if [[ $(ip neigh show to "$address") == *@(FAILED|INCOMPLETE)* ]]; then
			printf '%s: %s (%s): found no such host on the network, wanted it up; see its power, its cable and its address\n' "$host" "$name" "$address"
			return 0
		fi
		if [[ $found == silent ]]; then found="no answer within $reach_seconds s"; else found="a refusal on the way ($found)"; fi
		;;
	'Network is unreachable') remedy="see the routes here: ip route get $address" ;;
	esac
	local shown="$*"
	printf '%s: %s %s of %s (%s): found %s, wanted %s; %s\n' "$host" "$what" "${shown// /, }" "$name" "$address" "$found" "$wanted" "$remedy"
}
