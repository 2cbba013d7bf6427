#!/bin/bash
# A stand-in for nvidia-smi on virtual Sparks: it answers what tools ask to recognise a DGX Spark.
# There is no GPU here.
set -euo pipefail

answer() {
	case $1 in
	name | gpu_name) echo "NVIDIA GB10" ;;
	compute_cap) echo "12.1" ;;
	driver_version) echo "580.142" ;;
	count) echo 1 ;;
	index) echo 0 ;;
	*) echo "[N/A]" ;;
	esac
}

for argument in "$@"; do
	case $argument in
	--query-gpu=*)
		IFS=, read -ra fields <<<"${argument#*=}"
		line=
		for field in "${fields[@]}"; do line+=", $(answer "$field")"; done
		echo "${line#, }"
		exit 0
		;;
	-L | --list-gpus)
		echo "GPU 0: NVIDIA GB10 (virtual)"
		exit 0
		;;
	esac
done
echo "NVIDIA-SMI 580.142 (stand-in)   NVIDIA GB10   no GPU on a virtual Spark"
