# For tests against AWS's stand-in: moto with signatures checked, and a proxy that makes it fail.
# shellcheck shell=bash

# The Python that has moto: configure's, one on PATH, or the one that ./bootstrap --tests made; itself, not its wrapper.
aws_python() {
	local python
	while read -r python; do
		# Without loading it: that takes half a second.
		! "$python" -c 'import sys, importlib.util as u; sys.exit(not u.find_spec("moto") or print(sys.executable))' 2>/dev/null ||
			return 0
	done < <(echo "$PYTHON3"; type -aP python3; echo "${XDG_CACHE_HOME:-$HOME/.cache}/vf-tests/moto-5.2.1/bin/python3")
	echo "no Python has moto: ./bootstrap --tests installs it" >&2
	return 1
}

# start_moto [OPTION...]: in setup_file; exports MOTO_URL, MOTO_KEY, MOTO_SECRET, MOTO_PID.
start_moto() {
	local name
	MOTO_PYTHON=$(aws_python) || return 1
	export MOTO_PYTHON
	"$MOTO_PYTHON" "$VF_SRCDIR/tests/stand-ins/moto-serve.py" "$BATS_FILE_TMPDIR/moto.ready" "$@" \
		>"$BATS_FILE_TMPDIR/moto.log" 2>&1 3>&- &
	export MOTO_PID=$!
	wait_until 60 test -e "$BATS_FILE_TMPDIR/moto.ready" || { cat "$BATS_FILE_TMPDIR/moto.log" >&2; return 1; }
	# shellcheck source=/dev/null
	. "$BATS_FILE_TMPDIR/moto.ready"
	for name in "${!MOTO_@}"; do
		export "${name?}"
	done
}

stop_moto() {
	[[ -z ${MOTO_PID:-} ]] || kill "$MOTO_PID" 2>/dev/null || :
}

# moto WORD ARGUMENT...: what moto holds, in the words of moto-serve.py.
moto() {
	local LC_ALL=C socket status body line
	printf -v body '%s\x1f' "${@:2}"
	line=${MOTO_URL#http://}
	exec {socket}<>"/dev/tcp/${line/://}"
	printf 'POST /of-tests/%s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s' "$1" ${#body} "$body" >&"$socket"
	read -r _ status _ <&"$socket"
	while IFS= read -r line <&"$socket" && [[ $line != $'\r' ]]; do
		:
	done
	if [[ $status == 200 ]]; then
		cat <&"$socket"
	else
		cat <&"$socket" >&2
	fi
	exec {socket}>&-
	[[ $status == 200 ]]
}

# start_aws [WORDS...]: in setup_file, with moto there; aws-cli as aws-serve.py has it. Exports CLI_PORT, CLI_WORKER.
start_aws() {
	local ready=$BATS_FILE_TMPDIR/aws.ready
	"$MOTO_PYTHON" "$VF_SRCDIR/tests/stand-ins/aws-serve.py" "$ready" "$@" >"$BATS_FILE_TMPDIR/aws.log" 2>&1 3>&- &
	export CLI_SERVER=$! CLI_PORT CLI_WORKER
	wait_until 60 eval "[[ -e \$ready ]] || ! kill -0 $CLI_SERVER 2>/dev/null"
	[[ -e $ready ]] || { cat "$BATS_FILE_TMPDIR/aws.log" >&2; return 1; }
	# shellcheck source=/dev/null
	. "$ready"
}

stop_aws() {
	[[ -z ${CLI_SERVER:-} ]] || kill "$CLI_SERVER" 2>/dev/null || :
}

# aws_function: makes `aws` that server's, for scripts, too: a function that starts no process.
# shellcheck disable=SC2317	# they call it
aws_function() {
	aws() {
		local LC_ALL=C socket status out err text
		exec {socket}<>"/dev/tcp/127.0.0.1/$CLI_PORT"
		printf '%s\0' $# "$PWD" "$@" >&"$socket"
		read -r status out err <&"$socket"
		[[ $out == 0 ]] || { IFS= read -rN "$out" text <&"$socket" && printf %s "$text"; }
		[[ $err == 0 ]] || { IFS= read -rN "$err" text <&"$socket" && printf %s "$text" >&2; }
		exec {socket}>&-
		return "$status"
	}
	export -f aws
}

# start_proxy [OPTION...]: in a test; sets PROXY_URL, PROXY_PID; its account is $BATS_TEST_TMPDIR/account.
start_proxy() {
	rm -f "$BATS_TEST_TMPDIR/proxy.ready"
	"$MOTO_PYTHON" "$VF_SRCDIR/tests/stand-ins/aws-proxy.py" "$BATS_TEST_TMPDIR/proxy.ready" "$BATS_TEST_TMPDIR/account" \
		--target "$MOTO_URL" --key "$MOTO_KEY" --secret "$MOTO_SECRET" "$@" >"$BATS_TEST_TMPDIR/proxy.log" 2>&1 3>&- &
	PROXY_PID=$!
	wait_until 30 test -e "$BATS_TEST_TMPDIR/proxy.ready" || { cat "$BATS_TEST_TMPDIR/proxy.log" >&2; return 1; }
	# shellcheck source=/dev/null
	. "$BATS_TEST_TMPDIR/proxy.ready"
}

stop_proxy() {
	[[ -z ${PROXY_PID:-} ]] || kill "$PROXY_PID" 2>/dev/null || :
}

# as_ops: the user's credentials in the environment.
as_ops() {
	export AWS_ACCESS_KEY_ID=$MOTO_KEY AWS_SECRET_ACCESS_KEY=$MOTO_SECRET AWS_REGION=us-east-1 HOME=${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}
}
