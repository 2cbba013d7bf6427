# shellcheck shell=bash
# A question to an OpenAI-compatible server by bash alone. Works with `set -e` and without.

# Asks ADDRESS $1, port $2, for path $3 within $4 s: a GET, or a POST of the JSON $5. Sets http_status (000 for none,
# `refused`, `silent`) and http_body, at most 64 KiB of it and never taken for anything but text.
http_ask() {
	local text status=0 body=${5-} method=GET host=$1
	[[ -z $body ]] || method=POST
	[[ $host != *:* ]] || host="[$host]"
	printf -v text '%s %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s' \
		"$method" "$3" "$host" "$2" "${#body}" "$body"
	# shellcheck disable=SC2016 # for the other bash to expand
	text=$(timeout "$4" bash -c 'exec 2>/dev/null 3<>"/dev/tcp/$1/$2" || exit 7; printf "%s" "$3" >&3; head -c 65536 <&3' ask "$1" "$2" "$text" </dev/null 2>/dev/null | tr -d '\0\r'; exit "${PIPESTATUS[0]}") || status=$?
	http_status=000 http_body=''
	case $status in
	7 | 1) http_status=refused ;;
	124 | 137) http_status=silent ;;
	esac
	if [[ $text =~ ^HTTP/1\.[01]\ ([0-9]{3}) ]]; then
		http_status=${BASH_REMATCH[1]}
		[[ $text != *$'\n\n'* ]] || http_body=${text#*$'\n\n'}
	fi
}

# Sets served_model to the first model that the server names, as JSON has it between the quotes.
http_model() {
	served_model=''
	http_ask "$1" "$2" /v1/models "$3"
	[[ $http_status == 200 && $http_body =~ \"id\"[[:space:]]*:[[:space:]]*\"([^\"[:cntrl:]]{1,500})\" ]] && served_model=${BASH_REMATCH[1]}
	[[ -n $served_model && $served_model != *\\ ]]
}

# Asks for a completion of one token within $4 s, of the model $3 as http_model names it. True where it is answered.
http_completion() {
	http_ask "$1" "$2" /v1/completions "$4" "{\"model\":\"$3\",\"prompt\":\"Hello\",\"max_tokens\":1}"
	[[ $http_status == 200 && $http_body == *'"choices"'* ]]
}
