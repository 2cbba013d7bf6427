# shellcheck shell=bash
# shellcheck disable=SC2034 # the other files read what is set here
# What the hosts of a deployment tell each other on port 29499, whoever asks: a line for each rank that a host has,
#
#   DEPLOYMENT RANK STATUS STARTED MEETING RESTARTS
#
# and `end`. STATUS is Docker's word, or `missing`, `unknown` where Docker is silent, `meeting` for a head that waits for its
# workers before it starts. STARTED names one life of the container: the first digits of its id, and when it started by its
# own host's clock; it is compared for equality alone. MEETING is for a head the one in which it waits or has started, for a
# worker the one that it is fresh for in this life, - for none: a life that began while that head didn't run. RESTARTS counts
# Docker's own since somebody last started it.

deployments_folder=/var/lib/spark-mesh-deployments
memory_folder=/run/spark-mesh-ranks
status_port=29499

# By address, what its host answered; no entry where none did.
declare -A answers=()

# Asks all addresses at once. Each has 3 s to say it all; a third of what it says is a stranger's anyway.
ask_hosts() {
	local address fd text
	local -A asked=()
	answers=()
	for address; do
		[[ -z ${asked[$address]-} ]] || continue
		# shellcheck disable=SC2016 # for the other bash to expand
		exec {fd}< <(timeout 3 bash -c 'exec 3<>"/dev/tcp/$1/$2" && head -c 16384 <&3' ask "$address" "$status_port" 2>/dev/null | tr -d '\0' || true)
		asked[$address]=$fd
	done
	for address in "${!asked[@]}"; do
		fd=${asked[$address]}
		text=$(cat <&"$fd")
		exec {fd}<&-
		[[ $text == end || $text == *$'\n'end ]] && answers[$address]=$text
	done
	return 0
}

# Sets rank_status, rank_started, rank_meeting and rank_restarts to what the host at address $1 answered of rank $3 of the
# deployment $2: the status is `silent` where it didn't.
read_answer() {
	local line life='[0-9a-f]{12}/[0-9A-Z:.+-]{1,40}' pattern
	pattern="^$2 $3 ([a-z]{1,20}) (-|$life) (-|[0-9a-f]{16}) ([0-9]{1,9})$"
	rank_status=silent rank_started=- rank_meeting=- rank_restarts=0
	[[ -n ${answers[$1]-} ]] || return 0
	rank_status=missing
	while IFS= read -r line; do
		[[ $line =~ $pattern ]] || continue
		rank_status=${BASH_REMATCH[1]} rank_started=${BASH_REMATCH[2]} rank_meeting=${BASH_REMATCH[3]} rank_restarts=${BASH_REMATCH[4]}
	done <<<"${answers[$1]}"
}

# Sets late to the ranks of workers of the deployment $1, at the addresses by rank, that by the answers aren't fresh for the
# meeting $2.
find_late() {
	local number
	late=()
	# shellcheck disable=SC2154 # the caller's
	for number in "${!addresses[@]}"; do
		((number > 0)) || continue
		read_answer "${addresses[number]}" "$1" "$number"
		[[ $rank_status == running && $rank_meeting == "$2" ]] || late+=("$number")
	done
}

# A name for a meeting that no other has.
new_meeting() {
	printf '%08x%08x\n' "$SRANDOM" "$SRANDOM"
}

# Keeps that the life $2 of the own rank of $1 is in the meeting $3, for which the ranks that follow were late.
remember_meeting() {
	mkdir -p "$memory_folder/$1"
	printf '%s\n' "${*:2}" | write_file "$memory_folder/$1/meeting" 0644
}
