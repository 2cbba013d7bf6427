# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the other files read what is set here, and set the rest
# Blocks: our lines in the SSH files of the login user, between two markers. All other bytes there are not ours.

# The files of ~/.ssh that get a block.
ssh_files=(authorized_keys known_hosts config)

# Sets `block_first` and `block_last` to the numbers of our lines in the file $1, the markers among them; both 0 where there
# are none. Fails where it can't be told what is ours.
find_block() {
	local number line began=0 damaged=no
	block_first=0 block_last=0
	[[ -f $1 ]] || return 0
	while IFS=: read -r number line; do
		if [[ $line == '# BEGIN'* ]] && ((began == 0 && block_first == 0)); then
			began=$number
		elif [[ $line == '# END'* ]] && ((began > 0)); then
			block_first=$began block_last=$number began=0
		else
			damaged=yes
		fi
	done < <(grep -aE -n '^# (BEGIN spark-mesh:|END spark-mesh$)' -- "$1" || true)
	if [[ $damaged == yes ]] || ((began > 0)); then
		fail "$(shown "$1"): found lines \"# BEGIN spark-mesh\" and \"# END spark-mesh\", wanted one of each in this order;" \
			'take them out by hand with the lines between them that are not yours, then run the command again'
	fi
}

# Prints the bytes of the file $1 that are not ours, after find_block: nothing where there is no file.
foreign_bytes() {
	[[ -e $1 ]] || return 0
	if ((block_last == 0)); then
		cat -- "$1"
	else
		head -n "$((block_first - 1))" -- "$1" && tail -n "+$((block_last + 1))" -- "$1"
	fi
}
