# shellcheck shell=bash
# shellcheck disable=SC2154 # the document and the files before this one set the rest
# What an image is built from, and how: by the build-and-copy.sh of a repository, which makes an image of the name that
# it is given. A label then says what it was built from, on every host that the image is copied to. A run that was cut
# short leaves an image without the label, and what docker keeps of a build makes the next one short.

# What the image is to be built from, as its label says it; empty where it isn't to be built.
build=''
builder='build-and-copy.sh'

name_build() {
	local word words=''
	[[ -n $build_commit ]] || return 0
	for word in "${build_arguments[@]}"; do
		word=$(base64 -d <<<"$word")
		words+=${words:+,}$(json_string "$word")
	done
	build="{\"commit\":\"$build_commit\",\"arguments\":[$words]}"
}

build_image() {
	local folder=$HOME/.cache/spark-mesh/build before after label
	[[ -n $source_base64 ]] || fail "image $image: found none that was built from $build, and not what builds it; run the command again"
	read -r before _ <<<"${answers[$host]}"
	unpack_source "$folder"
	start_job "$host" say_build run_builder "$folder/$build_commit"
	await_jobs
	[[ ${ended[$host]} == 0 ]] || fail_build
	read -r after _ _ label <<<"$(image_state "$reference")"
	# What was built from something else, and is the same still, wasn't built now.
	[[ $after == sha256:* && ($after != "$before" || -z $label || $label == "$build") ]] ||
		fail "image $image: $builder: found no image of that name after it, wanted one; see that it heeds -t, and correct build_args"
	label_image "$after"
	rm -rf -- "$folder"
	rmdir --ignore-fail-on-non-empty -- "${folder%/*}"
}

# Of a build that failed the folder stays, with what the builder keeps in it; that of another commit doesn't.
unpack_source() {
	local other
	mkdir -p -- "$1/$build_commit"
	for other in "$1"/*; do
		[[ $other == "$1/$build_commit" ]] || rm -rf -- "$other"
	done
	base64 -d <<<"$source_base64" | tar --extract --gzip --directory "$1/$build_commit"
}

run_builder() {
	local word words=()
	for word in "${build_arguments[@]}"; do words+=("$(base64 -d <<<"$word")"); done
	cd -- "$1" || return
	exec bash "$builder" -t "$reference" "${words[@]}" </dev/null >&2 3>&-
}

say_build() {
	say "image $image: $builder: $(last_line "$work/$1.log")"
}

fail_build() {
	local log=$work/$host.log
	tail -n 20 -- "$log" | tr '\r' '\n' | tr -cd '[:print:]\n' | sed "s/^/$host: $builder: /" >&2
	fail "image $image: $builder: found it ended with status ${ended[$host]} ($(last_line "$log")), wanted an image; $(build_remedy "$(<"$log")")"
}

build_remedy() {
	case $1 in
	*'no space left'*) printf 'free some space where Docker keeps its images: docker system df' ;;
	*'Unknown parameter'*) printf "correct the recipe's build_args, or build a commit that knows them" ;;
	*buildx*) printf 'install docker-buildx-plugin on %s' "$host" ;;
	*'ould not resolve'* | *'emporary failure'* | *'imeout'* | *'onnection refused'*) printf 'check the way from %s to what it downloads, then run the command again' "$host" ;;
	*) printf 'its last lines stand above: correct build_args or the commit, or run the command again' ;;
	esac
}

# Gives the image of the id $1 the label, which makes it another one, and removes what has no name then.
label_image() {
	local said names
	said=$(BUILDX_BUILDER=default BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build --quiet \
		--label "spark-mesh.build=$build" --tag "$reference" - <<<"FROM $reference" 2>&1) ||
		fail "image $image: docker build: $(one_line <<<"$said"); run the command again"
	names=$(docker image inspect --format '{{len .RepoTags}}{{len .RepoDigests}}' "$1")
	# Docker may keep it as a part of the other.
	[[ $names != 00 ]] || docker rmi "$1" >/dev/null 2>&1 || true
}
