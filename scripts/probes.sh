# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Probes: addresses that answered before a change and so must answer after it.

# Prints which answer now, of the peers' management addresses and the default gateways: "ADDRESS NAME", one a line.
passing_probes() {
	local gateway probe
	{
		if ((${#probes[@]} > 0)); then printf '%s\n' "${probes[@]}"; fi
		ip -4 route show default | while read -r _ _ gateway _; do printf '%s default-gateway\n' "$gateway"; done
	} | sort -u | {
		while read -r probe; do
			# shellcheck disable=SC2015 # a probe that fails prints nothing
			(answers "${probe%% *}" && printf '%s\n' "$probe" || true) &
		done
		wait
	}
}

# One answer to four pings within a second.
answers() {
	ping -n -q -c 1 -i 0.25 -w 1 "$1" </dev/null >/dev/null 2>&1
}

# Says whether each probe of the transaction answers within 8 s.
probes_pass() {
	local address
	while read -r address _; do
		retry_until $((SECONDS + 8)) answers "$address" || return 1
	done <"$tx/probes"
}
