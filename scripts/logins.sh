# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Logins: whether this host's user gets to the others by SSH, with nothing but what is installed in ~/.ssh.

# Checks each login of the document, and each peer by its name alone, in any order: a mesh that began with one and the same
# peer would be turned away by its sshd. Eight at once.
check_logins() {
	local checks worker i
	((${#logins[@]} > 0)) || return 0
	mapfile -t checks < <({
		printf '%s\n' "${logins[@]}"
		printf '%s\n' "${logins[@]%% *}" | sort -u
	} | shuf)
	for worker in {0..7}; do
		# shellcheck disable=SC2086 # the words of the login are arguments
		for ((i = worker; i < ${#checks[@]}; i += 8)); do check_login ${checks[i]}; done &
	done
	wait
}

# Says why the peer $1 can't be logged in to over the address $2, or by its name where there is none. sshd turns away what
# comes while it is busy, and an address may blink: so that has some seconds.
check_login() {
	local peer=$1 address=${2-} said end=$((SECONDS + 8)) passing='closed|reset|timed out|refused|No route|unreachable'
	until said=$(log_in "${address:-$peer}" 2>&1); do
		said=$(tail -n 1 <<<"$said" | tr -cd '[:print:]')
		said=${said%.}
		if [[ ! $said =~ $passing ]] || ((SECONDS >= end)); then
			printf '%s: ssh to %s%s: %s; %s\n' "$host" "$peer" "${address:+ over $address}" \
				"${said:-no answer within 20 s}" "$(login_remedy "$peer" "$said")"
			return 0
		fi
		sleep "0.$((RANDOM % 800 + 200))"
	done
}

# A connection of its own, past any that the user's config shares. Less than INFO would not say that it was closed.
log_in() {
	timeout 20 ssh -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=4 -o ConnectionAttempts=1 \
		-o ControlPath=none -o LogLevel=INFO -- "$1" true </dev/null
}

login_remedy() {
	case $2 in
	*'erification failed'*) printf 'compare the host key of %s with the pinned one: npx spark-mesh trust %s' "$1" "$1" ;;
	*'ermission denied'*) printf 'see on %s why its sshd refused: journalctl -u ssh' "$1" ;;
	*) printf 'check that sshd of %s listens there, and what is between' "$1" ;;
	esac
}
