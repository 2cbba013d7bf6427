# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # the document sets arguments; deploy.sh reads what is set here
# The words of `docker run`, parted at the image: the first of them that is no option, nor an option's value.

# What `docker run` is told of a variable goes to it in a file of lines, for every user of the host can read its command
# line. A line can't hold line breaks, nor 64 KiB.
longest_line=60000

# The image's name, options before it, words after it, and lines NAME=VALUE.
reference='' options=() words=() variables=()

part_arguments() {
	local index=1 word value
	options=() variables=()
	while [[ ${arguments[index]-} == -* ]]; do
		word=${arguments[index]}
		case $word in
		--detach | --privileged | --init | --*=*)
			options+=("$word")
			index=$((index + 1))
			continue
			;;
		esac
		value=${arguments[index + 1]-}
		if [[ $word == --env && $value == *=* && $value != *[$'\n\r']* ]] && ((${#value} < longest_line)); then
			variables+=("$value")
		else
			options+=("$word" "$value")
		fi
		index=$((index + 2))
	done
	reference=${arguments[index]-}
	words=("${arguments[@]:index + 1}")
	[[ -n $reference ]] || fail 'the document is incomplete'
}
