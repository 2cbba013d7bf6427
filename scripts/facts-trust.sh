# shellcheck shell=bash
# What the login user's ~/.ssh says of SSH trust; goes before facts.sh and uses its functions.

# Sets REPLY to the JSON of it, to null where ~/.ssh can't be looked at.
json_trust() {
	local HOME folder own name path fields mode owner type ctime key='' stats=() paths=() list=''
	# Without HOME bash asks passwd, which is what ssh and sshd go by.
	unset HOME
	folder=~/.ssh
	own=$folder/spark-mesh
	REPLY=null
	[[ ! -e $folder || -d $folder && -r $folder && -x $folder ]] || return 0

	for name in "" /authorized_keys /known_hosts /config /spark-mesh /spark-mesh/id_ed25519 /spark-mesh/id_ed25519.pub; do
		path=$folder$name
		if [[ -e $path ]]; then
			paths+=("$path")
		elif [[ -L $path ]]; then
			list+="${list:+,}{\"path\":\"~/.ssh$name\",\"mode\":\"777\",\"owner\":\"\",\"type\":\"symbolic link\",\"ctime\":\"\"}"
		fi
	done
	((${#paths[@]} == 0)) || mapfile -d '' -t stats < <(stat -L --printf '%a|%U|%F|%.9Z|%n\0' -- "${paths[@]}")
	for fields in "${stats[@]}"; do
		IFS='|' read -r -d '' mode owner type ctime path <<<"$fields"
		path=${path%$'\n'}
		json_string "$owner"
		list+="${list:+,}{\"path\":\"~/.ssh${path#"$folder"}\",\"mode\":\"$mode\",\"owner\":$REPLY,\"type\":\"$type\",\"ctime\":\"$ctime\"}"
	done
	fields="{\"stats\":[$list],\"blocks\":{"
	json_block "$folder/authorized_keys" && fields+="\"authorized_keys\":$REPLY"
	json_block "$folder/known_hosts" && fields+=",\"known_hosts\":$REPLY"
	json_block "$folder/config" && fields+=",\"config\":$REPLY},"
	[[ -f $own/id_ed25519.pub && -r $own/id_ed25519.pub ]] && IFS= read -r -n 200 key <"$own/id_ed25519.pub"
	REPLY=null
	[[ $key =~ ^ssh-ed25519\ [A-Za-z0-9+/]+=* ]] && json_string "${BASH_REMATCH[0]}"
	fields+="\"publicKey\":$REPLY"
	if [[ -f $own/id_ed25519 ]]; then fields+=',"privateKey":true'; else fields+=',"privateKey":false'; fi
	if [[ -e $own/rotate ]]; then fields+=',"rotate":true'; else fields+=',"rotate":false'; fi
	json_file "$own/record.json"
	REPLY="$fields,\"record\":$REPLY}"
}

# Sets REPLY to the JSON string of our block in the file $1, to null where there is none, and to false where it can't be told
# what is ours.
json_block() {
	local lines=() line block='' state=before
	REPLY=null
	[[ -f $1 ]] || return 0
	read_file "$1" || return 0
	line=$REPLY REPLY=null
	[[ $line == *'# BEGIN spark-mesh:'* || $line == *'# END spark-mesh'* ]] || return 0
	mapfile -t lines <<<"${line%$'\n'}"
	REPLY=false
	for line in "${lines[@]}"; do
		if [[ $line == '# BEGIN spark-mesh:'* ]]; then
			[[ $state == before ]] || return 0
			state=inside
		elif [[ $line == '# END spark-mesh' ]]; then
			[[ $state == inside ]] || return 0
			state=after
			block+=$line$'\n'
		fi
		[[ $state != inside ]] || block+=$line$'\n'
	done
	case $state in
	before) REPLY=null ;;
	after) json_string "$block" ;;
	esac
}
