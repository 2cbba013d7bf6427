#!/usr/bin/env bash
# Makes a bare clone ready for `npm run demo`, `npm test` and `npm run check`: system packages, node modules, Python's tools.
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

# What checks and tests the host program; the program itself needs Python alone.
readonly VENV=host/.venv

install_packages() {
  if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "missing packages; run: sudo apt-get install --no-install-recommends $*" >&2
    exit 1
  fi
  echo "installing $*" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

missing=()
for need in "${NEEDS[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
((${#missing[@]} == 0)) || install_packages "${missing[@]}"

if [[ ! $VENV/done -nt host/requirements.txt ]]; then
  echo "installing what checks the host program" >&2
  python3 -m venv --clear "$VENV" >/dev/null 2>&1 || {
    install_packages python3-venv
    python3 -m venv --clear "$VENV"
  }
  "$VENV/bin/pip" install --quiet --disable-pip-version-check --requirement host/requirements.txt >&2
  touch "$VENV/done"
fi

# npm writes node_modules/.package-lock.json last, so it is older than the lockfile exactly when an install is due.
if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  echo "installing node modules" >&2
  npm ci --silent >&2
fi
