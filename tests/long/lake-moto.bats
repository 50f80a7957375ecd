#!/usr/bin/env bats
# The lake's scripts with the real aws-cli against moto's S3 and SQS, killed at every step and run again while late files
# arrive: nobody ever sees a record twice, and in the end each is seen once.
#
# A step is a request that changes an object or a message, or takes one. A run from a prepared lake is first watched to its
# end: before each step, and at the end, moto-serve.py reads the table and says in which state lake and queue are. Then the
# run is killed in each state, script and aws-cli: in turn before the step that would leave it, and after the step that led to
# it, whose answer is lost. The runs after the kill are watched, too.
# bats file_tags=long
load ../helper
load ../aws

examples=$VF_SRCDIR/examples
day=2026-12-05

setup_file() {
	untraced
	start_moto --queues merged --unchecked
	as_ops
	moto make-bucket warm
	export AWS_DEFAULT_REGION=us-east-1
	local at="--endpoint-url $MOTO_URL" thing="--bucket warm --key y" file=$BATS_FILE_TMPDIR/x
	echo x >"$file"
	start_aws "$at s3 cp $file s3://warm/a/x" "$at s3 mv s3://warm/a/x s3://warm/a/y" "$at s3 mv --recursive s3://warm/a/ s3://warm/ --include y" \
		"$at s3api head-object $thing" "$at s3api get-object $thing $file" "$at s3api put-object $thing --body $file" \
		"$at s3api list-objects-v2 --bucket warm" "$at s3 rm s3://warm/y" "$at sqs receive-message --queue-url $MOTO_URL/123456789012/merged"
}

teardown_file() {
	stop_aws
	stop_moto
}

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	export AWS_ENDPOINT_URL=$MOTO_URL
	lake=s3://bucket/lake queue=$MOTO_URL/123456789012/merged held=bucket/lake/registration/merged
	aws_function
}

# run_script SCRIPT [KILL]: watched, and killed there; in a session of its own, whose leader is the script.
run_script() {
	local command status=0
	case $1 in
	merge) command=("$examples/merge.sh" daily "$day" --lake "$lake" --queue "$queue") ;;
	archive) command=("$examples/archive-merged.sh" --break-claim --lake "$lake" --queue "$queue") ;;
	archive-newest) command=("$examples/archive-merged.sh" --break-claim --lake "$lake" --message newest.json) ;;
	esac
	moto watch "$held" "${2:-never}" "$PWD/pid" "$CLI_WORKER"
	setsid --wait bash -c 'echo $$ >pid; exec "$@"' - "${command[@]}" >out 2>&1 3>&- || status=$?
	cat out >>outs
	watched=$(moto watched "$held") || return 1
	runs=$((runs + 1))
	return "$status"
}

# recover SCRIPT LAST TURN: after the kill a late file comes, and the scripts run again. When merge.sh was killed, and in
# every other turn, the late file is merged, too, and the newest message comes first.
recover() {
	local seen keys
	moto show-again "$held"
	moto register "$held" "dt=$day/z.avro" 3 "$(($2 - 2))"
	if [[ $1 == merge ]] || (($3 % 2 == 0)); then
		run_script merge || return 1
		moto newest "$held" >newest.json
		run_script archive-newest || return 1
	fi
	run_script archive || return 1
	seen=$(moto table "$held")
	[ "$seen" = "${all[*]:0:$2 + 1}" ] || { echo "seen: $seen"; return 1; }
	# Nothing is left behind: no hidden object, no message.
	[ "$(moto count "$queue")" -eq 0 ] || { echo "messages are left"; return 1; }
	keys=$(moto keys "$held")
	[[ " $keys" != *' lake/registration/'*(dt=*([^/ ])/)_* ]] || { echo "left: $keys"; return 1; }
}

# every_step SCRIPT LAST STATES: of these at least there are.
every_step() {
	local states i turn=0 side status before=0 after=0
	local -A known=()
	moto save "$held" "$1"
	run_script "$1" || { cat outs; return 1; }
	read -ra states <<<"$watched"
	for ((i = 0; i < ${#states[@]}; i++)); do
		[[ -z ${known[${states[i]}]:-} ]] || continue
		known[${states[i]}]=1
		if ((i == 0 || (turn % 2 == 0 && i < ${#states[@]} - 1))); then
			side=before-$((i + 1)) before=$((before + 1))
		else
			side=after-$i after=$((after + 1))
		fi
		moto restore "$held" "$1"
		status=0
		run_script "$1" "$side" || status=$?
		[ "$status" -eq 137 ] || { echo "$1 was not killed $side: $status"; tail -n 20 outs; return 1; }
		recover "$1" "$2" "$((turn++))" || { echo "$1, killed $side"; tail -n 20 outs; return 1; }
	done
	echo "# $1: $((${#states[@]} - 1)) steps, ${#known[@]} states, $before kills before and $after after a step" | tee -a kills
	[ "${#known[@]}" -ge "$3" ]
}

@test "lake: with aws-cli and moto, killed at every step, late files in between: each record once, never twice" {
	local runs=0 all watched
	moto make-bucket bucket
	# A day that was merged before, and two new files.
	moto register "$held" "dt=$day/old.avro" 3 0
	run_script merge || { cat outs "$BATS_FILE_TMPDIR"/*.log; false; }
	run_script archive
	moto register "$held" "dt=$day/a.avro" 3 3
	moto register "$held" "dt=$day/b.avro" 3 6
	moto save "$held" base
	mapfile -t all < <(printf 'nf%d\n' {0..11} | LC_ALL=C sort)
	every_step merge 11 4
	# Two merges that share sources wait to be archived.
	moto restore "$held" base
	run_script merge
	moto register "$held" "dt=$day/c.avro" 3 9
	run_script merge
	mapfile -t all < <(printf 'nf%d\n' {0..14} | LC_ALL=C sort)
	every_step archive 14 15
	cat kills >&3
	echo "$runs runs"
}
