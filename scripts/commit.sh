# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# commit: confirms the transaction that was staged, and records what is true from now on.

commit() {
	local armed recorded
	lock_host
	transaction=$transactions
	[[ $transaction =~ ^[0-9TZ]+-[0-9a-f]+$ ]] || fail "commit needs the id of one transaction, found \"$transactions\""
	tx=$state_folder/tx/$transaction
	armed=$(json_value "$state_folder/armed.json" transaction)
	recorded=$(json_value "$state_folder/record.json" transaction)
	if [[ $armed == "$transaction" ]]; then
		confirm
	elif [[ $recorded == "$transaction" ]]; then
		write_record
	else
		fail "$(rolled_back_message "$transaction")"
	fi
}

# From here on original/ stays: the next thing that can be lost is the rollback, and then it is all there is. The record
# is ready before the rollback is disarmed, so that little can come between the two.
confirm() {
	local kept=$state_folder/original name
	render_record | write_file "$state_folder/record.json.new" 0644
	rm -f -- "$tx/first"
	sync "$tx"
	disarm
	mv -fT -- "$state_folder/record.json.new" "$state_folder/record.json"
	sync "$state_folder"
	for name in $(names_to_release); do rm -f -- "$kept/files/$name" "$kept/absent/$name"; done
	rm -f -- "$state_folder/rolled-back.json"
	rm -rf -- "$tx"
}

write_record() {
	local record
	record=$(render_record)
	[[ $record == "$(<"$state_folder/record.json")" ]] || printf '%s\n' "$record" | write_file "$state_folder/record.json" 0644
}

# One key a line, so that json_value finds them.
render_record() {
	local file separator=''
	printf '{\n  "version": 1,\n  "host": "%s",\n  "stack": "%s",\n  "transaction": "%s",\n  "digest": "%s",\n  "payload": "%s",\n' \
		"$host" "$stack" "$transaction" "$digest" "$payload"
	printf '  "mesh": %s,\n  "files": [' "$(base64 -d <<<"$mesh_base64" | tr -d '\n')"
	for file in /etc/netplan/*.yaml /run/netplan/*.yaml /usr/lib/netplan/*.yaml ${sysctl_base64:+"$sysctl_file"}; do
		[[ -f $file ]] || continue
		printf '%s\n    %s' "$separator" "$(render_file "$file")"
		separator=,
	done
	printf '\n  ]\n}\n'
}

# Prints why the transaction $1 is not there to be confirmed.
rolled_back_message() {
	local at cause
	if [[ $(json_value "$state_folder/rolled-back.json" transaction) == "$1" ]]; then
		at=$(json_value "$state_folder/rolled-back.json" at)
		cause=$(json_value "$state_folder/rolled-back.json" cause)
		# shellcheck disable=SC2016 # the backquotes are for the reader
		printf 'transaction %s was rolled back at %s (%s); run `pulumi up` again' "$1" "$(show_time "$at")" "$cause"
	else
		# shellcheck disable=SC2016 # the backquotes are for the reader
		printf 'transaction %s is neither armed nor committed here; run `pulumi up` again' "$1"
	fi
}
