# shellcheck shell=bash
# The last lines of the program: what follows them on stdin is the document.

main() {
	case $1 in
	stage | verify | commit | undo | release) read_document digest netplan_file netplan_base64 mesh_base64 ;;
	deploy | undeploy) read_document digest deployment rank container program_base64 ;;
	ready) read_document deployment container endpoint ;;
	image) read_document image ;;
	model) read_document image model ;;
	*) fail "no such operation: $1" ;;
	esac
	# Results go to descriptor 3 at the very end; whatever else is printed on the way is for stderr.
	exec 3>&1 1>&2 </dev/null
	trap '' PIPE
	"$1"
}
main "$@"
