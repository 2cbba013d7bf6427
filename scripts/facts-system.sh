# shellcheck shell=bash
# What facts.sh tells of a Spark's system besides its network: the login user's membership of docker, and the files of
# scripts/system.sh.

# Sets REPLY to our sudoers file as json_files shows it, a list of one or none; null where its folder can't be searched.
json_sudoers() {
	local file=/etc/sudoers.d/spark-mesh
	REPLY=null
	[[ ! -d ${file%/*} || -x ${file%/*} ]] || return 0
	if [[ -e $file ]]; then json_files "$1" "$file"; else REPLY=[]; fi
}

# Sets REPLY to our drop-in for earlyoom and, where it is there, to what systemd says of the unit; null where earlyoom is
# not installed.
json_earlyoom() {
	local file=/etc/systemd/system/earlyoom.service.d/90-spark-mesh-earlyoom.conf key value document active='' enabled=''
	REPLY=null
	type -P earlyoom >/dev/null || return 0
	if [[ -e $file ]]; then
		while IFS='=' read -r key value; do
			case $key in
			ActiveState) active=$value ;;
			UnitFileState) enabled=$value ;;
			esac
		done < <(timeout 2 systemctl show --property ActiveState,UnitFileState earlyoom.service)
		json_files contents "$file"
	else
		REPLY=[]
	fi
	document="{\"dropIn\":$REPLY"
	json_string "$active" && document+=",\"active\":$REPLY"
	json_string "$enabled" && REPLY="$document,\"enabled\":$REPLY}"
}

# Sets REPLY to the host program's files and their sha256 sums, in one order: what an operation or a rollback would run.
json_programs() {
	local files=(/var/lib/spark-mesh/program-*) sum sums='' list
	REPLY='{"files":[],"sums":[]}'
	((${#files[@]} > 0)) || return 0
	json_files stat "${files[@]}" && list=$REPLY
	while read -r sum _; do sums+="${sums:+,}\"${sum#\\}\""; done < <(timeout 2 sha256sum -- "${files[@]}")
	REPLY="{\"files\":$list,\"sums\":[$sums]}"
}

# Sets REPLY to what is asked of every host, declared or not.
json_system() {
	local name gid docker=null keeps=null file=/etc/systemd/logind.conf.d/90-spark-mesh.conf document
	# What this session may is what a later one may: every session of ours is a new login.
	while IFS=: read -r name _ gid _; do
		[[ $name == docker ]] || continue
		docker=false
		[[ " ${GROUPS[*]} " == *" $gid "* ]] && docker=true
	done </etc/group
	json_string "${USER:-$(id -un)}" && document="{\"user\":$REPLY,\"docker\":$docker"
	json_sudoers stat && document+=",\"sudoers\":$REPLY"
	if [[ -e $file ]]; then json_files contents "$file"; else REPLY=[]; fi
	document+=",\"logind\":$REPLY"
	# Whether logind has taken it up.
	if [[ $REPLY != "[]" ]]; then
		case $(busctl --timeout=2 get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager RemoveIPC) in
		'b true') keeps=false ;;
		'b false') keeps=true ;;
		esac
	fi
	document+=",\"keepsIpc\":$keeps"
	json_earlyoom && document+=",\"earlyoom\":$REPLY"
	json_programs && document+=",\"programs\":$REPLY"
	json_file /var/lib/spark-mesh/system/record.json && REPLY="$document,\"record\":$REPLY}"
}
