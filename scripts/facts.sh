#!/usr/bin/env bash
# What a Spark is right now, read without changing anything.
#
# Sent to `bash -s` over SSH, whose standard input stays open: then a call of first_pass or second_pass
# with its data in the lines after it, up to the line `end`. Each pass prints JSON that starts with
# {"sparkMeshFacts":VERSION, behind the session's mark, which is in `mark`. No line here may need more than
# bash, coreutils and iproute2; few processes, for they are what a settled preview waits for.
#
# Not `set -e`: whatever can't be read is told as missing, and what that means is decided elsewhere.
set -uo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
shopt -s nullglob
# Standard error is ssh's own: what it says there tells why a session failed.
exec 2>/dev/null

# shellcheck disable=SC2154 # the line before this script sets the mark
# Prints the answer $1 in lines of its own behind the mark, `.` after that of the last and `+` after that of each before
# it. A profile may have left a line unfinished, or print still: a line that is one write stays whole.
say_answer() {
	local rest=$1
	while ((${#rest} > 3000)); do
		printf '\n%s+%s\n' "$mark" "${rest:0:3000}"
		rest=${rest:3000}
	done
	printf '\n%s.%s\n' "$mark" "$rest"
}

# Sets REPLY to the JSON string of $1, control characters escaped.
json_string() {
	local text=$1 code char escaped
	text=${text//\\/\\\\}
	text=${text//\"/\\\"}
	text=${text//$'\n'/\\n}
	if [[ $text == *[$'\001'-$'\037']* ]]; then
		for ((code = 1; code < 32; code++)); do
			printf -v char '\\x%02x' "$code"
			printf -v char '%b' "$char"
			printf -v escaped '\\u%04x' "$code"
			text=${text//"$char"/"$escaped"}
		done
	fi
	REPLY="\"$text\""
}

# Sets REPLY to the JSON string of a file's contents, to null where there is no file, and to false where
# it can't be read or is a link: ours is none.
json_file() {
	REPLY=null
	[[ -e $1 || -L $1 ]] || return 0
	REPLY=false
	[[ ! -L $1 ]] && read_file "$1" && json_string "$REPLY"
	return 0
}

# Sets REPLY to the text of the regular file $1, and fails with REPLY=false where it can't be read or is longer than 4 MiB:
# what others may write must not fill our memory, and nothing that we ask for is so long.
read_file() {
	local limit=4194304 text=''
	if [[ -f $1 && -r $1 ]]; then
		IFS= read -r -d '' -n "$limit" text <"$1"
		if ((${#text} < limit)); then
			REPLY=$text
			return 0
		fi
	fi
	REPLY=false
	return 1
}

# Sets REPLY to the JSON string of a file's first 64 bytes, "" where it can't be read, and to null where there is no file.
json_head() {
	REPLY=null
	[[ -e $1 ]] || return 0
	REPLY=
	[[ -f $1 && -r $1 ]] && IFS= read -r -d '' -n 64 REPLY <"$1"
	json_string "$REPLY"
}

# Sets REPLY to the first line of a file in /sys or /proc, "" where it can't be read: some say so only then.
first_line() {
	REPLY=
	[[ -r $1 ]] && IFS= read -r REPLY <"$1"
	return 0
}

# Sets REPLY to `true` where the unit $1 runs, or failing cgroups where a process is called $2.
json_running() {
	local root process
	REPLY=true
	for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		[[ -d $root/system.slice/$1 ]] && return 0
	done
	for root in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
		if [[ -d $root/system.slice ]]; then
			REPLY=false
			return 0
		fi
	done
	for process in /proc/[0-9]*; do
		first_line "$process/comm"
		if [[ $REPLY == "$2" ]]; then
			REPLY=true
			return 0
		fi
	done
	REPLY=false
}

# Sets REPLY to what /sys knows of every netdev whose name may be a ConnectX-7's.
json_ports() {
	local path netdev driver port switch ignore announce device list=
	for path in /sys/class/net/en*np*; do
		netdev=${path##*/}
		driver=
		[[ -d $path/device/driver ]] && cd -P "$path/device/driver" && driver=${PWD##*/}
		first_line "$path/phys_port_name" && json_string "$REPLY" && port=$REPLY
		first_line "$path/phys_switch_id" && json_string "$REPLY" && switch=$REPLY
		json_string "$netdev" && list+="${list:+,}{\"netdev\":$REPLY"
		first_line "/proc/sys/net/ipv4/conf/$netdev/arp_ignore" && json_string "$REPLY" && ignore=$REPLY
		first_line "/proc/sys/net/ipv4/conf/$netdev/arp_announce" && json_string "$REPLY" && announce=$REPLY
		json_string "$driver" && list+=",\"driver\":$REPLY,\"portName\":$port,\"switchId\":$switch"
		list+=",\"arpIgnore\":$ignore,\"arpAnnounce\":$announce"
		for device in /sys/class/infiniband/*; do
			[[ -e $device/device/net/$netdev ]] || continue
			json_string "${device##*/}" && list+=",\"roceDevice\":$REPLY"
			first_line "$device/ports/1/state" && json_string "$REPLY" && list+=",\"rdmaState\":$REPLY"
			break
		done
		list+="}"
	done
	cd /
	REPLY="[$list]"
}

# Sets REPLY to the files $2... as stat shows them, with their contents in base64 where $1 is `contents`.
json_files() {
	local with=$1 file stats=() fields list=
	shift
	if (($# > 0)); then
		mapfile -d '' -t stats < <(stat -L --printf '%a %U:%G %s %i %.9Z %n\0' -- "$@")
	fi
	for fields in "${stats[@]}"; do
		local mode owner size inode ctime
		read -r mode owner size inode ctime file <<<"${fields//$'\n'/$'\001'}"
		file=${file//$'\001'/$'\n'}
		json_string "$file" && list+="${list:+,}{\"path\":$REPLY"
		json_string "$owner"
		list+=",\"mode\":\"$mode\",\"owner\":$REPLY,\"size\":$size,\"inode\":$inode,\"ctime\":\"$ctime\""
		# A longer one is no netplan file of anybody's, and is not sent.
		[[ $with == contents ]] && ((size <= 1048576)) && list+=",\"contents\":\"$(base64 -w0 -- "$file")\""
		list+="}"
	done
	REPLY="[$list]"
}

# Sets REPLY to netplan's files and our sysctl file, $1 as for json_files; null where a folder of netplan's can't be listed.
json_network_files() {
	local folder files
	for folder in /etc/netplan /run/netplan /usr/lib/netplan; do
		if [[ -e $folder && ! (-r $folder && -x $folder) ]]; then
			REPLY=null
			return 0
		fi
	done
	files=(/etc/netplan/*.yaml /run/netplan/*.yaml /usr/lib/netplan/*.yaml)
	if [[ -f /etc/sysctl.d/90-spark-mesh.conf ]]; then files+=(/etc/sysctl.d/90-spark-mesh.conf); fi
	json_files "$1" "${files[@]}"
}

# Data: the addresses of the other Sparks, one a line.
first_pass() {
	local line peers=() batch
	begin_profiles
	while IFS= read -r line && [[ $line != end ]]; do peers+=("$line"); done

	printf -v batch 'addr show\nroute show\n'
	# Last and forced, for a peer that no route leads to ends a batch and prints nothing.
	for line in "${peers[@]}"; do batch+="route get $line"$'\n'; done
	local answers=() kernel hostname machine nvidia mlx5 connection document
	mapfile -t answers < <(ip -j -force -batch - <<<"$batch")
	printf -v document '%s,' "${answers[@]}"
	document="{\"sparkMeshFacts\":1,\"ip\":[${document%,}]"
	first_line /proc/sys/kernel/hostname && json_string "$REPLY" && hostname=$REPLY
	first_line /proc/sys/kernel/osrelease && json_string "$REPLY" && kernel=$REPLY
	first_line /etc/machine-id && json_string "$REPLY" && machine=$REPLY
	first_line /proc/driver/nvidia/version && json_string "$REPLY" && nvidia=$REPLY
	first_line /sys/module/mlx5_core/version && json_string "$REPLY" && mlx5=$REPLY
	json_string "${SSH_CONNECTION-}" && connection=$REPLY
	document+=",\"hostname\":$hostname,\"machineId\":$machine,\"kernel\":$kernel,\"nvidia\":$nvidia,\"mlx5\":$mlx5,\"connection\":$connection"
	json_head /etc/nvidia/cx7-hotplug-enabled && document+=",\"hotplug\":$REPLY"
	json_ports && document+=",\"ports\":$REPLY"
	json_network_files stat && document+=",\"files\":$REPLY"
	if type -P netplan >/dev/null; then document+=',"netplan":true'; else document+=',"netplan":false'; fi
	json_running NetworkManager.service NetworkManager && document+=",\"networkManager\":$REPLY"
	json_running systemd-networkd.service systemd-network && document+=",\"networkd\":$REPLY"
	json_system && document+=",\"system\":$REPLY"
	json_file /var/lib/spark-mesh/record.json && document+=",\"record\":$REPLY"
	json_file /var/lib/spark-mesh/armed.json && document+=",\"armed\":$REPLY"
	json_file /var/lib/spark-mesh/rolled-back.json && document+=",\"rolledBack\":$REPLY"
	json_trust && document+=",\"trust\":$REPLY"
	json_profiles && document+=",\"profiles\":$REPLY"
	say_answer "$document}"
}

# Sets `sudo` to what sudo does here, `shown` to the network's files with their contents and `sudoers` to our sudoers
# file, `root` to what json_root says, all null where sudo shows none. $1: the password, "" where none is configured; it goes to sudo's standard input
# alone.
ask_sudo() {
	local password=$1 answer program
	program="exec 2>/dev/null; shopt -s nullglob; $(declare -f json_string json_files json_network_files json_sudoers json_root)"
	program+=$'\n{ json_network_files contents; printf "%s\\n" "$REPLY"; json_sudoers contents; printf "%s\\n" "$REPLY"; json_root; printf "%s\\n" "$REPLY"; } </dev/null'
	shown=null sudoers=null root=null
	sudo=passwordless
	if ((EUID == 0)); then
		answer=$(bash -s facts <<<"$program")
	elif answer=$(sudo -n bash -s facts <<<"$program"); then
		:
	elif [[ -z $password ]]; then
		sudo=refused
	# A second question, where the password is wrong, finds the end of the pipe: one attempt.
	elif ! answer=$(printf '%s\n' "$password" | sudo -S -p '' -v 2>&1); then
		sudo=refused
		[[ $answer == *"try again"* || $answer == *[Ii]"ncorrect"* ]] && sudo=wrongPassword
	else
		sudo=password
		# -k makes it ask, so that it and not bash takes the first line.
		answer=$(printf '%s\n' "$password" "$program" | sudo -k -S -p '' bash -s facts) || sudo=refused
	fi
	if [[ $answer == *\[*$'\n'\[*$'\n{'* ]]; then
		root=${answer##*$'\n'}
		answer=${answer%$'\n'*}
		sudoers=${answer##*$'\n'}
		answer=${answer%$'\n'*}
		# sudo's lecture may stand before it.
		shown=${answer##*$'\n'}
	fi
}

# Sets REPLY to what only root can tell besides: the folders that `up` writes to and can't, and the first that netplan has
# against its files. It reads them all for `get`, changes nothing, and says FILE:LINE:COLUMN.
json_root() {
	local folder complaint list=''
	for folder in /etc/netplan /var/lib /etc/systemd/system; do
		[[ ! -d $folder || -w $folder ]] || list+="${list:+,}\"$folder\""
	done
	complaint=$(timeout 10 netplan get 2>&1 >/dev/null)
	json_string "${complaint:0:1000}" && REPLY="{\"unwritable\":[$list],\"netplan\":$REPLY}"
}

# Prints `NETDEV ADDRESS` where ADDRESS answers on NETDEV. One lost packet is no silence.
answers_ping() {
	local tries
	for ((tries = 0; tries < 2; tries++)); do
		ping -n -q -c 1 -W 1 -I "$1" "$2" </dev/null >/dev/null || continue
		printf '%s %s\n' "$1" "$2"
		return 0
	done
}

# Prints `NETDEV ADDRESS` for every address that answers on NETDEV's link, our own aside. While a link that has just come
# up looks whether its link-local address is taken, it neither asks nor answers: so ours is waited for, and a silence,
# which may be the other end's, is asked about again.
answers_multicast() {
	local line address own seen=" " tries
	for ((tries = 0; tries < 30; tries++)); do
		own=$(ip -6 -o addr show dev "$1" scope link)
		[[ $own == *" tentative "* ]] || break
		sleep 0.1
	done
	for ((tries = 0; tries < 3; tries++)); do
		while IFS= read -r line; do
			[[ $line =~ from\ (fe80:[0-9a-f:]+) ]] || continue
			address=${BASH_REMATCH[1]}
			[[ $address == *: ]] && address=${address%:}
			[[ $seen == *" $address "* || $own == *" $address/"* ]] && continue
			# An answer alone leaves no neighbour entry behind; a question does.
			ping -6 -n -q -c 1 -W 1 "$address%$1" </dev/null >/dev/null || continue
			seen+="$address "
			printf '%s %s\n' "$1" "$address"
		done < <(ping -6 -n -c 2 -w 2 "ff02::1%$1" </dev/null)
		[[ -n $own && $seen == " " ]] || return 0
	done
}

# Asks each NETDEV for its ADDRESS, `NETDEV ADDRESS` an argument: the question alone leaves the MAC of whoever has the
# address in the neighbour table, though no answer may find its way back.
look_for() {
	local line
	for line; do
		ping -n -q -c 1 -W 1 -I "${line% *}" "${line#* }" </dev/null >/dev/null &
	done
	wait
}

# Sets REPLY to the JSON of the lines `NETDEV ADDRESS` in $1.
json_places() {
	local netdev address list=
	while read -r netdev address; do
		[[ -n $netdev ]] || continue
		json_string "$netdev" && list+="${list:+,}{\"netdev\":$REPLY"
		json_string "$address" && list+=",\"address\":$REPLY}"
	done <<<"$1"
	REPLY="[$list]"
}

# Data, one a line: `sudo` to read netplan's files, `password TEXT` for it, `ping NETDEV ADDRESS`, `multicast NETDEV`
# to look for neighbours that have no known address, `look NETDEV ADDRESS` for whoever has that address there, and
# `else NETDEV ADDRESS` for one who may be there instead where nobody answered on NETDEV.
second_pass() {
	local line password='' wanted=() looks=() others=() asked=false sudo=notAsked shown=null sudoers=null root=null
	local netdev address answered='' looked='' neighbours=()
	while IFS= read -r line && [[ $line != end ]]; do
		case $line in
		sudo) asked=true ;;
		"password "*) password=${line#password } ;;
		"look "*) looks+=("${line#look }") ;;
		"else "*) others+=("${line#else }") ;;
		*) wanted+=("$line") ;;
		esac
	done
	if ((${#wanted[@]} + ${#looks[@]} > 0)); then
		answered=$(
			look_for "${looks[@]}" &
			for line in "${wanted[@]}"; do
				read -r line netdev address <<<"$line"
				case $line in
				ping) answers_ping "$netdev" "$address" & ;;
				multicast) answers_multicast "$netdev" & ;;
				esac
			done
			wait
		)
		for line in "${!others[@]}"; do
			[[ $'\n'$answered == *$'\n'"${others[line]% *} "* ]] && unset 'others[line]'
		done
		(look_for "${others[@]}")
		printf -v looked '%s\n' "${looks[@]}" "${others[@]}"
		# All of them: `ip -j neigh show to ADDRESS dev NETDEV` leaves the netdev out.
		mapfile -t neighbours < <(ip -j neigh)
	fi
	$asked && ask_sudo "$password"
	json_places "$answered" && answered=$REPLY
	json_places "$looked" && looked=$REPLY
	printf -v line '%s,' "${neighbours[@]}"
	say_answer "{\"sparkMeshFacts\":1,\"sudo\":\"$sudo\",\"files\":$shown,\"sudoers\":$sudoers,\"root\":$root,\"answered\":$answered,\"looked\":$looked,\"neighbours\":[${line%,}]}"
}
