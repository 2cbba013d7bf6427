#!/bin/bash
# runc for virtual Sparks. A machine that is itself a container or a small VM may lack CAP_SYS_RESOURCE,
# and then nobody on it can raise a limit: `docker run --ulimit memlock=-1`, which RDMA needs and every
# launcher passes, would fail. There such limits are dropped from what runc reads; elsewhere nothing is.
set -euo pipefail

sys_resource=$((1 << 24))
effective=$((16#$(sed -n 's/^CapEff:\t//p' /proc/self/status)))

drop_limits() {
	local file=$1 path=$2
	jq --argjson path "$path" 'if getpath($path + ["rlimits"]) then delpaths([$path + ["rlimits"]]) else . end' \
		"$file" >"$file.lab"
	cat "$file.lab" >"$file"
	rm "$file.lab"
}

if ((!(effective & sys_resource))); then
	previous=
	for argument in "$@"; do
		case $previous in
		--bundle) drop_limits "$argument/config.json" '["process"]' ;;
		--process) drop_limits "$argument" '[]' ;;
		esac
		previous=$argument
	done
fi
exec /usr/sbin/runc "$@"
