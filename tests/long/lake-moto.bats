#!/usr/bin/env bats
# The lake's scripts with the real aws-cli against moto's S3 and SQS: killed at the steps that matter, a late file in
# between. Every step, against the stand-in, is in lake.bats.
# bats file_tags=long
load ../helper
load ../aws

examples=$VF_SRCDIR/examples
day=2026-12-05

setup_file() {
	start_moto --queues merged --unchecked
	# The aws-cli beside moto, itself, loaded once: what of it the scripts use is called before, with nobody to answer.
	AWS_MAX_ATTEMPTS=1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1 \
		"$MOTO_PYTHON" "$VF_SRCDIR/tests/stand-ins/aws-serve.py" "$BATS_FILE_TMPDIR/aws" \
		"--endpoint-url http://127.0.0.1:9 s3 cp $VF_SRCDIR/README.md s3://bucket/x" \
		'--endpoint-url http://127.0.0.1:9 s3api list-objects-v2 --bucket bucket' \
		'--endpoint-url http://127.0.0.1:9 sqs receive-message --queue-url http://127.0.0.1:9/1/merged' \
		>"$BATS_FILE_TMPDIR/aws.log" 2>&1 3>&- &
	export AWS_SERVER=$!
	wait_until 60 test -S "$BATS_FILE_TMPDIR/aws" || { cat "$BATS_FILE_TMPDIR/aws.log"; return 1; }
}

teardown_file() {
	[[ -z ${AWS_SERVER:-} ]] || { kill "$AWS_SERVER" && wait "$AWS_SERVER"; } || :
	stop_moto
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL AWS_DEFAULT_REGION=us-east-1
	lake=s3://bucket/lake queue=$MOTO_URL/123456789012/merged
	mkdir shim
	# What aws-cli moves is looked at before and after; messages come back after a second; at the first call whose words
	# match KILL_AT the script and its step are killed, at HALF after one object of it.
	export LOOKS=$PWD/looks SCRIPT_PID=$PWD/pid AWS_SOCKET=$BATS_FILE_TMPDIR/aws
	cat >shim/aws <<-'SHIM'
		#!/bin/bash
		real=("$PYTHON3" -I -S "$VF_SRCDIR/tests/stand-ins/aws-serve.py" --call "$AWS_SOCKET")
		look() {	# the ids that a reader of the table sees; none twice
			local ids
			ids=$(moto table bucket lake/registration/) &&
				[[ -z $(tr ' ' '\n' <<<"$ids" | uniq -d) ]] || ids="wrong at $*: $ids"
			echo "$ids" >>"$LOOKS"
		}
		die() { look "$@"; kill -KILL "$(<"$SCRIPT_PID")" 0; }
		if [[ -n $HALF && "$*" =~ $HALF ]]; then
			words=("$@")
			while [[ ${words[-2]} == --include && ${words[-4]} == --include ]]; do
				words=("${words[@]:0:${#words[@]} - 2}")
			done
			"${real[@]}" "${words[@]}"
			die "$@"
		fi
		[[ -z $KILL_AT || ! "$*" =~ $KILL_AT ]] || die "$@"
		[[ "$*" != *' mv '* ]] || look "$@"
		"${real[@]}" "${@/#900/1}" || exit
		[[ "$*" != *' mv '* ]] || look "$@"
	SHIM
	chmod +x shim/aws
	export -f moto
	: >looks
	aws_cli s3 mb s3://bucket >/dev/null
}

aws_cli() { "$PYTHON3" -I -S "$VF_SRCDIR/tests/stand-ins/aws-serve.py" --call "$AWS_SOCKET" "$@"; }

# source_file NAME RECORDS FIRST
source_file() {
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" make "$1" --records "$2" --first "$3" --codec deflate
	aws_cli s3 cp --only-show-errors "$1" "$lake/registration/dt=$day/$1"
}

# scripted STATUS KILL_AT HALF SCRIPT ARGUMENT...: in a session of its own: the kill takes the script's step with it.
scripted() {
	local want=$1 status=0
	export KILL_AT=$2 HALF=$3
	PATH=$PWD/shim:$PATH setsid --wait bash -c 'echo $$ >"$SCRIPT_PID"; exec "$@"' - "$examples/$4" "${@:5}" \
		--lake "$lake" --queue "$queue" >>out 2>&1 3>&- || status=$?
	[ "$status" -eq "$want" ] || { echo "$4: $status, not $want"; tail -n 20 out; return 1; }
}

merge() { scripted "$1" "$2" '' merge.sh daily "$day"; }
archive() { scripted "$1" "$2" "$3" archive-merged.sh --break-claim; }

@test "lake: with aws-cli and moto, killed at every step that matters, a late file in between: each record once" {
	source_file f0.avro 3 0
	source_file f1.avro 3 3
	merge 137 'sqs send-message'
	source_file late.avro 2 6
	merge 0 ''
	archive 137 '' 's3 mv .*--recursive'
	archive 137 's3 mv [^ ]* [^ ]*/_daily-' ''
	archive 137 'sqs delete-message' ''
	archive 0 '' ''
	cat looks
	[ "$(wc -l <looks)" -ge 6 ]
	[ "$(grep -c wrong looks)" -eq 0 ]
	[ "$(moto table bucket lake/registration/)" = 'nf0 nf1 nf2 nf3 nf4 nf5 nf6 nf7' ]
	# One object, nothing hidden, no message; the sources are put away, each once.
	aws_cli s3 ls --recursive "$lake/" | awk '{ print $4 }' >left
	cat left
	[ "$(grep -c '\.avro$' left)" -eq $((1 + 3)) ]
	[ "$(grep -c '^lake/registration/dt=[^/]*/daily-[0-9a-f]*\.avro$' left)" -eq 1 ]
	[ "$(grep -c '^lake/merged/.*/\(f0\|f1\|late\)\.avro$' left)" -eq 3 ]
	[ "$(grep -c '/_daily-' left)" -eq 0 ]
	[ "$(moto count "$queue")" -eq 0 ]
}
