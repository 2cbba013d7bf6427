# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# The units of the watch over a host's ranks (scripts/ranks.sh): with the first deployment they come, with the last they go.

units_folder=/etc/systemd/system
watch_unit=spark-mesh-ranks.service
answer_socket=spark-mesh-ranks.socket
answer_unit=spark-mesh-ranks@.service

# Puts the program and its units in place, and has them run as they are now.
install_watch() {
	local changed=no address=$1 output
	base64 -d <<<"$program_base64" >"$memory_folder/program"
	put_changed "$deployments_folder/ranks" 0755 <"$memory_folder/program"
	rm -f -- "$memory_folder/program"
	put_changed "$units_folder/$watch_unit" 0644 < <(render_watch_unit)
	put_changed "$units_folder/$answer_unit" 0644 < <(render_answer_unit)
	put_changed "$units_folder/$answer_socket" 0644 < <(render_answer_socket "$address")
	if [[ $changed == yes ]]; then
		systemctl daemon-reload
		systemctl stop "$answer_socket" "$watch_unit" 2>/dev/null || true
	fi
	output=$(systemctl enable --quiet --now "$answer_socket" "$watch_unit" 2>&1) || true
	# Socket first: a port that somebody else has is the one thing that can be in its way.
	systemctl is-active --quiet "$answer_socket" ||
		fail "port $status_port on $address: found no way to listen there ($(one_line <<<"$output")), wanted it for the ranks' status;" \
			"see who has it: ss -ltnp sport = :$status_port"
	systemctl is-active --quiet "$watch_unit" ||
		fail "$watch_unit: found not running ($(one_line <<<"$output")), wanted active; see journalctl -u $watch_unit"
}

# Writes stdin to the file $1 with mode $2 where it says something else; notes that in `changed`.
put_changed() {
	local text
	text=$(cat)
	! cmp -s "$1" - <<<"$text" || return 0
	write_file "$1" "$2" <<<"$text"
	changed=yes
}

remove_watch() {
	systemctl disable --quiet --now "$answer_socket" "$watch_unit" 2>/dev/null || true
	systemctl stop 'spark-mesh-ranks@*.service' 2>/dev/null || true
	rm -f -- "$units_folder/$watch_unit" "$units_folder/$answer_unit" "$units_folder/$answer_socket"
	systemctl daemon-reload
	systemctl reset-failed 'spark-mesh-ranks*' 2>/dev/null || true
	rm -rf -- "$deployments_folder" "$memory_folder"
	sync "${deployments_folder%/*}"
}

render_origin() {
	printf '# Written by spark-mesh: "pulumi up" puts it back as it is here, "pulumi destroy" takes it away.'
}

# Root's uid opens Docker's socket without any capability.
render_hardening() {
	cat <<-UNIT
		CapabilityBoundingSet=
		NoNewPrivileges=yes
		PrivateTmp=yes
		ProtectHome=yes
		ProtectSystem=strict
		ProtectKernelTunables=yes
		ProtectControlGroups=yes
		RestrictSUIDSGID=yes
	UNIT
}

render_watch_unit() {
	cat <<-UNIT
		$(render_origin)
		[Unit]
		Description=Ranks of spark-mesh deployments meet again after one has died
		After=docker.service network-online.target
		StartLimitIntervalSec=0

		[Service]
		ExecStart=/bin/bash $deployments_folder/ranks watch
		Restart=always
		RestartSec=2
		RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
		ReadWritePaths=/run $deployments_folder
		$(render_hardening)

		[Install]
		WantedBy=multi-user.target
	UNIT
}

# Whatever comes over the connection is never read.
render_answer_unit() {
	cat <<-UNIT
		$(render_origin)
		[Unit]
		Description=Status of the ranks on this host, for one who asks
		CollectMode=inactive-or-failed

		[Service]
		ExecStart=/bin/bash $deployments_folder/ranks answer
		StandardInput=null
		StandardOutput=socket
		StandardError=journal
		LogLevelMax=warning
		RuntimeMaxSec=15
		RestrictAddressFamilies=AF_UNIX
		$(render_hardening)
	UNIT
}

render_answer_socket() {
	local address=$1
	[[ $address != *:* ]] || address="[$address]"
	cat <<-UNIT
		$(render_origin)
		[Unit]
		Description=Port where this host tells the status of its ranks

		[Socket]
		ListenStream=$address:$status_port
		FreeBind=yes
		Accept=yes
		MaxConnections=64
		TriggerLimitIntervalSec=0

		[Install]
		WantedBy=sockets.target
	UNIT
}
