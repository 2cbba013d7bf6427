# shellcheck shell=bash
# The last lines of the program: what follows them on stdin is the document.

main() {
	read_document
	# Results go to descriptor 3 at the very end; whatever else is printed on the way is for stderr.
	exec 3>&1 1>&2 </dev/null
	trap '' PIPE
	case $1 in
	stage | verify | commit | undo | release) "$1" ;;
	*) fail "no such operation: $1" ;;
	esac
}
main "$@"
