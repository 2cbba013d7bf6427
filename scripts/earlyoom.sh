# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what is set here and not read, and the other way round, is another file's
# What system and unsystem do about earlyoom: a drop-in for its unit, which runs, and starts with the host.

earlyoom_file=/etc/systemd/system/earlyoom.service.d/90-spark-mesh-earlyoom.conf

# Has earlyoom run with our arguments, now and after every boot.
guard_memory() {
	local unit
	unit=$(earlyoom_unit LoadState)
	[[ $unit == loaded ]] ||
		fail "earlyoom.service: found $unit, wanted loaded; install earlyoom and unmask its unit, or take earlyoom out of spark-mesh:system"
	[[ -e $original/earlyoom ]] ||
		printf '%s %s\n' "$(earlyoom_unit UnitFileState)" "$(earlyoom_unit ActiveState)" | write_file "$original/earlyoom" 0600
	put_folder "${earlyoom_file%/*}"
	put_file "$earlyoom_file" 0644 "$(render_earlyoom)"
	if earlyoom_guards; then return 0; fi
	changed=yes
	systemctl daemon-reload
	enable_earlyoom enable
	systemctl restart earlyoom.service
	retry_until $((SECONDS + 5)) earlyoom_guards ||
		fail "earlyoom.service: found $(earlyoom_unit ActiveState) with other arguments or none 5 s after its start, wanted active with those of $earlyoom_file;" \
			'see which other file sets them: systemctl cat earlyoom, and what it says: journalctl -u earlyoom'
}

# Gives the unit back as it was: its files, whether it starts with the host, and whether it runs.
release_memory() {
	local enabled active
	[[ -e $original/earlyoom ]] || return 0
	read -r enabled active <"$original/earlyoom"
	give_back "$earlyoom_file"
	give_back_folder "${earlyoom_file%/*}"
	systemctl daemon-reload
	# Not where somebody removed or masked it.
	if [[ $(earlyoom_unit LoadState) == loaded ]]; then
		if [[ $enabled == enabled ]]; then enable_earlyoom enable; else enable_earlyoom disable; fi
		if [[ $active == active ]]; then systemctl restart earlyoom.service; else systemctl stop earlyoom.service; fi
	fi
	remove_file "$original/earlyoom"
	changed=yes
}

# The package's unit reads /etc/default/earlyoom, which wins over an Environment as long as it is read.
render_earlyoom() {
	printf '# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.\n'
	printf '[Service]\nEnvironmentFile=\nEnvironment="EARLYOOM_ARGS=%s"' "$earlyoom_arguments"
}

# The package has a System V script besides, whose links are none of ours.
enable_earlyoom() {
	SYSTEMCTL_SKIP_SYSV=1 systemctl --quiet "$1" earlyoom.service
}

earlyoom_guards() {
	[[ $(earlyoom_unit UnitFileState) == enabled && $(earlyoom_unit ActiveState) == active ]] &&
		[[ $(earlyoom_unit NeedDaemonReload) == no ]] &&
		[[ $(earlyoom_command) == */earlyoom\ "$earlyoom_arguments" ]]
}

earlyoom_unit() {
	systemctl show --property "$1" --value earlyoom.service
}

# Prints what it runs as, its words separated by one space.
earlyoom_command() {
	local words=()
	mapfile -d '' -t words <"/proc/$(earlyoom_unit MainPID)/cmdline" || true
	printf '%s' "${words[*]}"
}
