#!/usr/bin/env bash
# Asks for a new mesh key of this host, which the next `pulumi up` makes: leaves a note beside the key that there is.
#
# Sent to `bash -s` over SSH, behind a line that sets `mark`. Prints behind the mark JSON that says what came of it.
set -uo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
# Without HOME bash asks passwd, which is what sshd goes by.
unset HOME
folder=~/.ssh/spark-mesh
outcome=asked
if [[ ! -f $folder/id_ed25519 ]]; then
	outcome=noKey
elif [[ -e $folder/rotate ]]; then
	outcome=already
elif ! touch -- "$folder/rotate" 2>/dev/null; then
	outcome=unwritable
fi
# shellcheck disable=SC2154 # mark is the session's
printf '\n%s.{"sparkMeshFacts":1,"rotation":"%s"}\n' "$mark" "$outcome"
