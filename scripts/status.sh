# shellcheck shell=bash
# shellcheck disable=SC2034 # the other files read what is set here
# What the hosts of a deployment tell each other on port 29499, whoever asks: a line for each rank that a host has,
#
#   DEPLOYMENT RANK STATUS STARTED JOINED RESTARTS
#
# and `end`. STATUS is Docker's word, or `missing`, `unknown` where Docker is silent, `meeting` for a head that waits for its
# workers before it starts. STARTED names one life of the container: the first digits of its id, and when it started by its
# own host's clock; it is compared for equality alone. The head's is the epoch; JOINED is the epoch that a rank has joined in
# this life, - for none. RESTARTS counts Docker's own since somebody last started it.

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

# Sets rank_status, rank_started, rank_joined and rank_restarts to what the host at address $1 answered of rank $3 of the
# deployment $2: the status is `silent` where it didn't.
read_answer() {
	local line life='[0-9a-f]{12}/[0-9A-Z:.+-]{1,40}' pattern
	pattern="^$2 $3 ([a-z]{1,20}) (-|$life) (-|$life) ([0-9]{1,9})$"
	rank_status=silent rank_started=- rank_joined=- rank_restarts=0
	[[ -n ${answers[$1]-} ]] || return 0
	rank_status=missing
	while IFS= read -r line; do
		[[ $line =~ $pattern ]] || continue
		rank_status=${BASH_REMATCH[1]} rank_started=${BASH_REMATCH[2]} rank_joined=${BASH_REMATCH[3]} rank_restarts=${BASH_REMATCH[4]}
	done <<<"${answers[$1]}"
}

# True where, by the answers, no worker of the deployment $1 at the addresses that follow by rank from 1 has joined a head in
# its present life: whoever has must start anew to meet another. Who is not running, or not there, will be.
workers_are_fresh() {
	local name=$1 number=0 address
	shift
	for address; do
		number=$((number + 1))
		read_answer "$address" "$name" "$number"
		[[ $rank_joined == - || $rank_status != running ]] || return 1
	done
}

# Keeps the lives in which workers, at the addresses in addresses by rank, wait for a head that is about to start: they have
# met nobody, however they began.
remember_fresh() {
	local number
	mkdir -p "$memory_folder/$1"
	# shellcheck disable=SC2154 # the caller's
	for number in "${!addresses[@]}"; do
		read_answer "${addresses[number]}" "$1" "$number"
		printf '%s %s\n' "$number" "$rank_started"
	done | write_file "$memory_folder/$1/fresh" 0644
}
