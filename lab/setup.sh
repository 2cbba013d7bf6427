#!/usr/bin/env bash
# Makes a bare clone ready for `npm run demo`, `npm test` and `npm run check`: system packages and node modules.
# Quiet and quick where nothing is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# command:package. What virtual Sparks need besides a shell; shellcheck is for `npm run check`, the last three for the
# stand-in for vLLM.
readonly NEEDS=(
  mmdebstrap:mmdebstrap systemd-nspawn:systemd-container ip:iproute2 ssh:openssh-client ssh-keygen:openssh-client
  nsenter:util-linux mount:mount ping:iputils-ping ps:procps strace:strace shellcheck:shellcheck
  tcc:tcc ld:binutils python3:python3
)

missing=()
for need in "${NEEDS[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
if ((${#missing[@]} > 0)); then
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "missing packages; run: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# npm writes node_modules/.package-lock.json last, so it is older than the lockfile exactly when an install is due.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  echo "installing node modules" >&2
  npm ci --silent >&2
fi
