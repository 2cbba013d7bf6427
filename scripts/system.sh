# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# system and unsystem: what the mesh looks after on a host besides its network, each part only where it is declared.
#
# In $system_folder (a folder of its own, for the network's goes first at a destroy, by the scripts that committed it):
#   record.json   what the last run left, readable to all
#   original/     what was there before we touched it first: a copy of the file NAME, or NAME.absent where there was
#                 none, in docker the user and whether he was a member, and in earlyoom what its unit was

system_folder=/var/lib/spark-mesh-system
original=$system_folder/original
sudoers_file=/etc/sudoers.d/spark-mesh
logind_file=/etc/systemd/logind.conf.d/90-spark-mesh.conf

# Whether this run made a difference, and whether it made the user a member of docker.
changed=no joined=no

# Makes what is declared true and gives back what isn't. Safe to run again wherever it was cut short.
system() {
	lock_host
	refuse_other_stack "$system_folder/record.json"
	# A create that fails is in no state: nobody would come to undo it.
	[[ -e $system_folder/record.json ]] || trap 'undo_system $?' EXIT
	trap 'exit 143' TERM HUP INT
	mkdir -p "$system_folder"
	(umask 077 && mkdir -p "$original")
	if [[ $docker_group == yes ]]; then join_docker; else leave_docker; fi
	if [[ $remove_ipc == no ]]; then keep_ipc; else release_ipc; fi
	if [[ -n $earlyoom_arguments ]]; then guard_memory; else release_memory; fi
	# Last, as it is taken away last: what comes before it may need it.
	if ((${#sudo_operations[@]} > 0)); then allow_operations; else give_back "$sudoers_file"; fi
	write_record
	trap - EXIT
	[[ $joined == no ]] ||
		printf '%s: %s is a member of docker from the next login on; sessions that are open keep the groups they have\n' "$host" "$user"
}

unsystem() {
	[[ -e $system_folder ]] || return 0
	lock_host
	refuse_other_stack "$system_folder/record.json"
	leave_system
}

# Leaves this host's system as we found it. The sudoers file goes last, for without it nobody may come again.
leave_system() {
	leave_docker
	release_ipc
	release_memory
	give_back "$sudoers_file"
	rm -rf -- "$system_folder"
	sync "${system_folder%/*}"
	forget_lock
}

undo_system() {
	set +e
	trap '' PIPE HUP INT TERM
	trap - ERR EXIT
	leave_system
	exit "$1"
}

join_docker() {
	local kept=''
	getent group docker >/dev/null ||
		fail 'group docker: found none, wanted one; install Docker, or take dockerGroup out of spark-mesh:system'
	[[ ! -e $original/docker ]] || kept=$(<"$original/docker")
	if [[ ${kept% *} != "$user" ]]; then
		leave_docker
		if in_docker "$user"; then kept=member; else kept=outside; fi
		printf '%s %s\n' "$user" "$kept" | write_file "$original/docker" 0600
	fi
	if ! in_docker "$user"; then
		gpasswd -a "$user" docker >/dev/null
		changed=yes joined=yes
	fi
}

# Takes out the user whom we put in; one who was a member before us stays.
leave_docker() {
	local member before
	[[ -e $original/docker ]] || return 0
	read -r member before <"$original/docker"
	if [[ $before == outside ]] && in_docker "$member"; then gpasswd -d "$member" docker >/dev/null; fi
	remove_file "$original/docker"
	changed=yes
}

in_docker() {
	[[ " $(id -nG -- "$1" 2>/dev/null) " == *' docker '* ]]
}

# Puts the sudoers file in place if visudo takes it, and lets it stay if sudo does as it says.
allow_operations() {
	local text complaint
	command -v visudo >/dev/null || fail 'visudo not found; install sudo, or take sudoers out of spark-mesh:system'
	text=$(render_sudoers)
	printf '%s\n' "$text" | write_file "$system_folder/sudoers" 0600
	complaint=$(visudo -c -f "$system_folder/sudoers" 2>&1) ||
		fail "$sudoers_file: visudo refuses it ($(one_line <<<"$complaint")); it was not put in place"
	rm -f -- "$system_folder/sudoers"
	put_file "$sudoers_file" 0440 "$text"
	if ! complaint=$(runuser -u "$user" -- sudo -k -n bash -s "${sudo_operations[0]}" </dev/null 2>&1); then
		give_back "$sudoers_file"
		fail "$sudoers_file: sudo asks $user all the same ($(one_line <<<"$complaint")); it was taken away again;" \
			'see that /etc/sudoers includes /etc/sudoers.d, and that no later rule asks for a password'
	fi
}

# In quotes the name is a user's in any case, never an alias or ALL.
render_sudoers() {
	local bash commands
	bash=$(type -P bash)
	printf -v commands ", $bash -s %s" "${sudo_operations[@]}"
	printf '# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.\n'
	printf '# Each of these reads its program from standard input, and so may do all that root may.\n'
	printf '"%s" ALL=(root) NOPASSWD: %s\n' "$user" "${commands#, }"
}

# Has logind leave a user's shared memory alone when the last session ends. It takes up new settings without a restart.
keep_ipc() {
	put_folder "${logind_file%/*}"
	put_file "$logind_file" 0644 $'# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.\n[Login]\nRemoveIPC=no'
	logind_runs || return 0
	logind_keeps_ipc || reload_logind
	retry_until $((SECONDS + 5)) logind_keeps_ipc ||
		fail "logind: RemoveIPC: found yes 5 s after it read $logind_file, wanted no; see which other file sets it: systemd-analyze cat-config systemd/logind.conf"
}

release_ipc() {
	if [[ -e $original/${logind_file##*/} || -e $original/${logind_file##*/}.absent ]]; then
		give_back "$logind_file"
		! logind_runs || reload_logind
	fi
	give_back_folder "${logind_file%/*}"
}

logind_runs() {
	systemctl is-active --quiet systemd-logind
}

reload_logind() {
	changed=yes
	systemctl kill --signal=HUP systemd-logind
}

logind_keeps_ipc() {
	[[ $(busctl --timeout=5 get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager RemoveIPC) == 'b false' ]]
}

# Makes the folder $1, and keeps that there was none.
put_folder() {
	[[ ! -e $1 ]] || return 0
	: >"$original/${1##*/}.absent"
	mkdir -p "$1"
}

# Takes away the folder $1 if we made it and nobody else uses it.
give_back_folder() {
	[[ -e $original/${1##*/}.absent ]] || return 0
	rmdir --ignore-fail-on-non-empty -- "$1" || true
	remove_file "$original/${1##*/}.absent"
}

# Writes the text $3 to the file $1 with mode $2, and keeps what was there first.
put_file() {
	local path=$1 mode=$2 text=$3 kept=$original/${1##*/}
	[[ ! -L $path ]] || fail "$path is a symbolic link; take it away, then run the command again"
	if [[ ! -e $kept && ! -e $kept.absent ]]; then
		# A file that is ours already was left by a run whose memory is lost.
		if [[ ! -e $path ]] || cmp -s "$path" - <<<"$text"; then : >"$kept.absent"; else copy_file "$path" "$kept"; fi
		sync "$original"
	fi
	if cmp -s "$path" - <<<"$text" && [[ $(stat -c '%a %U %G' "$path") == "${mode#0} root root" ]]; then return 0; fi
	printf '%s\n' "$text" | write_file "$path" "$mode"
	changed=yes
}

# Puts back what was at $1 before we wrote there, byte for byte with mode, owner and times.
give_back() {
	local path=$1 kept=$original/${1##*/}
	if [[ -e $kept.absent ]]; then
		remove_file "$path"
	elif [[ -e $kept ]]; then
		copy_file "$kept" "$path"
	else
		return 0
	fi
	rm -f -- "$kept" "$kept.absent"
	changed=yes
}

# A new id with each difference that was made: the note of the next one differs by it.
write_record() {
	local transaction
	transaction=$(json_value "$system_folder/record.json" transaction)
	if [[ -z $transaction || $changed == yes ]] || ! cmp -s "$system_folder/record.json" - <<<"$(render_record "$transaction")"; then
		transaction=$(TZ=UTC0 printf '%(%Y%m%dT%H%M%S)T-%08x' -1 "$SRANDOM")
		render_record "$transaction" | write_file "$system_folder/record.json" 0644
	fi
}

# One key a line, so that json_value finds them.
render_record() {
	local file separator=''
	printf '{\n  "version": 1,\n  "host": "%s",\n  "stack": "%s",\n  "transaction": "%s",\n  "digest": "%s",\n  "payload": "%s",\n' \
		"$host" "$stack" "$1" "$digest" "$payload"
	printf '  "files": ['
	for file in "$sudoers_file" "$logind_file" "$earlyoom_file"; do
		[[ -e $original/${file##*/} || -e $original/${file##*/}.absent ]] || continue
		printf '%s\n    %s' "$separator" "$(render_file "$file")"
		separator=,
	done
	printf '\n  ]\n}\n'
}
