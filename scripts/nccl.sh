# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# Which NCCL the containers of an image load. An older one than a ring needs ignores what it is told, without a word.

# Prints the number of the version and the path: of torch's own library first, then of the one that the loader finds.
nccl_program='
import ctypes, glob, os, sys
own = [path for folder in sys.path for path in glob.glob(os.path.join(folder, "nvidia/nccl/lib/libnccl.so.2"))]
for path in own + ["libnccl.so.2"]:
    try:
        library = ctypes.CDLL(path)
    except OSError:
        continue
    version = ctypes.c_int()
    library.ncclGetVersion(ctypes.byref(version))
    print(version.value, path)
    break
else:
    print(0, "none")
'

check_nccl() {
	local said number path status=0
	[[ -n $minimum_nccl ]] || return 0
	begin_container
	said=$(docker run --rm --name "$(container_name)" --network none --log-driver none --entrypoint python3 "$1" \
		-c "$nccl_program" 2>"$work/nccl.log") || status=$?
	[[ $status == 0 && $said =~ ^[0-9]+\ . ]] ||
		fail "image $image: NCCL: could not be asked ($(last_line "$work/nccl.log")), wanted $minimum_nccl or newer; use an image that runs python3"
	read -r number path <<<"$said"
	((number > 0)) ||
		fail "image $image: NCCL: found no libnccl.so.2, wanted $minimum_nccl or newer; use an image that has it"
	((number >= $(nccl_number "$minimum_nccl"))) ||
		fail "image $image: NCCL: found $(nccl_version "$number") at $path, wanted $minimum_nccl or newer: older ones ignore what a ring needs; use a newer image"
}

# The number that NCCL gives to a version since 2.9, and the version of a number, also an older one.
nccl_number() {
	local major minor patch
	IFS=. read -r major minor patch <<<"$1"
	printf '%d' $((10#$major * 10000 + 10#$minor * 100 + 10#$patch))
}

nccl_version() {
	local -i major=10000
	if (($1 < 10000)); then major=1000; fi
	printf '%d.%d.%d' $(($1 / major)) $(($1 % major / 100)) $(($1 % 100))
}
