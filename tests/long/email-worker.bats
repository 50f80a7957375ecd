#!/usr/bin/env bats
# examples/email-worker.sh: jobs from moto's queue to Marketing Cloud's stand-in, which keeps an account of what it took.
# bats file_tags=long
load ../helper
load ../aws
load ../campaign
load ../worker

setup_file() {
	start_moto --queues run,part,undeleted,down,term,many,s3,kill
	start_cloud
}

teardown_file() {
	stop_moto
	stop_cloud
}

setup() {
	worker_setup
}

@test "email-worker: every job is sent once and leaves the queue; results of several runs add up" {
	cloud
	jobs run 1 12 w1 >in
	jobs run 13 20 w2 >>in
	queue_jobs run in
	run --separate-stderr worker run --max 10
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv t/c1/waves/w2/email-results.csv)" = '10 sent' ]
	run --separate-stderr worker run --until-empty
	[ "$status" -eq 0 ]
	no_personal_data "$stderr"
	[ "$(accepted run | wc -l)" -eq 20 ]
	[ -z "$(accepted run | uniq -d)" ]
	[ -z "$(left run)" ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = '12 sent' ]
	[ "$(statuses_of t/c1/waves/w2/email-results.csv)" = '8 sent' ]
	run --separate-stderr vf-tally t/c1/stats/email-w1.ndjson t/c1/stats/email-w2.ndjson
	echo "$output$stderr" >&2
	[ "$status" -eq 0 ]
	grep -q '^w1 .* email  *12  *12  *12 ' <<<"$output"
	grep -q '^w2 .* email  *8  *8  *8 ' <<<"$output"
	# Figures that a tool of C reads back: latencies, when, how fast.
	vf-tally --json t/c1/stats/email-w1.ndjson >tally.json
	jq -e '[.. | objects | .latency? // empty | .count? // empty] | max == 12' tally.json
	jq -e '.delivery | .latency.count == 12 and .latency.p50 > 0 and (.timeline.sent | add) == 12 and .rate.gaps > 0 and
		(.latency | .min <= .p50 and .p50 <= .p95 and .p95 <= .p99 and .p99 <= .max)' t/c1/stats/email-w1.ndjson
	[ "$(find t -type f -perm /077)" = "" ]
	[ -z "$(find t/state/email-worker -name 'results.*')" ]
	nothing_left t
}

@test "email-worker: a recipient who is refused stays in the queue and has a line; others are not held up" {
	cloud
	jobs part 1 5 w1 | sed 's/fan3@/bad3@/' >in
	echo '{"jobId":"part-9","campaignId":"c1","waveId":"w1","globalUserId":"f9"}' >>in
	queue_jobs part in
	run --separate-stderr worker part --until-empty
	[ "$status" -eq 0 ]
	[ "$(accepted part | wc -l)" -eq 4 ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = '1 failed 4 sent' ]
	jq -e '.delivery | .statuses == {"failed": 1, "sent": 4} and .causes == {"failed": {"refused": 1}} and .attempted == 5' \
		t/c1/stats/email-w1.ndjson
	# What is no job stays, too, and is told in a file that outlives the worker.
	[[ $stderr == *"rejects.csv in the state folder"* ]]
	no_personal_data "$stderr"
	[ "$(csv_get reason t/state/email-worker/rejects.csv)" = bad-job ]
	[ "$(left_in part)" -eq 2 ]
}

@test "email-worker: what was sent and could not be deleted is kept by name, and sent twice to nobody" {
	cloud
	jobs undeleted 1 4 w1 >in
	queue_jobs undeleted in
	tools_with vf-sqs <<-'SH'
		#!/bin/sh
		[ "$1" != delete ] || set -- "$@" --endpoint-url http://127.0.0.1:9 --retries 0
		exec @REAL@ "$@"
	SH
	run --separate-stderr worker undeleted --until-empty --visibility 2
	echo "$stderr" >&2
	[ "$status" -ne 0 ]
	no_personal_data "$stderr"
	[ "$(csv_get tool t/state/email-worker/rejects.csv | sort | uniq -c | xargs)" = '4 vf-sqs' ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = '4 sent' ]
	[ "$(left_in undeleted)" -eq 4 ]
	export VF_BINDIR
	VF_BINDIR=$(dirname "$(command -v vf-score)")
	worker_job undeleted 2>>err.txt 3>&- &
	local pid=$!
	wait_until 30 is_empty undeleted
	kill -TERM "$pid"
	wait "$pid" || [ $? -eq 75 ]
	[ "$(accepted undeleted | uniq | wc -l)" -eq 4 ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = '4 sent' ]
}

@test "email-worker: with Marketing Cloud down no job leaves the queue, and people are told" {
	cloud 503
	jobs down 1 3 w1 >in
	queue_jobs down in
	run --separate-stderr worker down --until-empty -- --retries 1 --stop-after 1
	echo "$stderr" >&2
	[ "$status" -eq 1 ]
	[[ $stderr == *"ALERT step=worker"*"counts:"* ]]
	no_personal_data "$stderr"
	[ "$(accepted down | wc -l)" -eq 0 ]
	[ "$(left_in down)" -eq 3 ]
	nothing_left t
}

@test "email-worker: SIGTERM takes no more jobs, finishes those it has, stores, and ends with 75" {
	local pid status=0
	cloud 429 429 ok
	jobs term 1 8 w1 >in
	jobs term 9 11 w1 >late
	queue_jobs term in
	worker_job term 2>err.txt 3>&- &
	pid=$!
	wait_until 30 asked 429
	kill -TERM "$pid"
	# What comes after the receiving ended is not for it.
	wait_until 30 receiving_ended
	queue_jobs term late
	wait "$pid" || status=$?
	cat err.txt >&2
	[ "$status" -eq 75 ]
	[[ $(cat err.txt) == *"stopped by SIGTERM"* ]]
	no_personal_data "$(cat err.txt)"
	[ "$(accepted term | wc -l)" -gt 0 ]
	# Sent by the account, sent by the results, gone from the queue: the same number.
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = "$(accepted term | wc -l) sent" ]
	[ "$(left_in term)" -eq $((11 - $(accepted term | wc -l))) ]
	accepted term >taken
	! grep -q -e '-9$' -e '-1[01]$' taken || return 1
	[ -z "$(find t/state/email-worker -name 'results.*')" ]
	nothing_left t
}

# Two at once, while results are stored every half second.
@test "email-worker: workers share a queue, results of all are stored while they run, SIGTERM ends each" {
	local first second status=0
	cloud
	jobs many 1 60 w1 >in
	queue_jobs many in
	worker_job many --every 0.5 2>first.txt 3>&- &
	first=$!
	worker_job many --every 0.5 2>second.txt 3>&- &
	second=$!
	wait_until 60 has_results 60 t/c1/waves/w1/email-results.csv
	kill -0 "$first" "$second"
	kill -TERM "$first" "$second"
	wait "$first" || status=$?
	cat first.txt second.txt >&2
	[ "$status" -eq 75 ]
	status=0
	wait "$second" || status=$?
	[ "$status" -eq 75 ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = '60 sent' ]
	[ "$(asked_keys many | wc -l)" -eq 60 ]
	[ "$(accepted many | uniq | wc -l)" -eq 60 ]
	[ "$(left_in many)" -eq 0 ]
	[ -z "$(find t/state/email-worker -name 'results.*')" ]
	nothing_left t
}

@test "email-worker: trees in S3 get results and figures as folders do" {
	cloud
	moto make-bucket trees
	jobs s3 1 3 w1 >in
	queue_jobs s3 in
	trees=s3://trees/all run --separate-stderr worker s3 --until-empty
	[ "$status" -eq 2 ]
	[[ $stderr == *"VF_STATE_DIR must name a folder"* ]]
	export VF_STATE_DIR=$PWD/state
	trees=s3://trees/all run --separate-stderr worker s3 --until-empty
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	moto object trees all/c1/waves/w1/email-results.csv >results.csv
	[ "$(statuses_of results.csv)" = '3 sent' ]
	moto object trees all/c1/stats/email-w1.ndjson >stats.ndjson
	jq -e '.delivery.statuses.sent == 3' stats.ndjson
	[ "$(left_in s3)" -eq 0 ]
}

# A container that dies: every process of the worker at once, and its scratch space with it.
@test "email-worker: SIGKILL at random moments loses no job, and asks again only for what was under way" {
	local i n=400 kills=15 pid last moment
	seed_of_test
	RANDOM=$seed
	jobs kill 1 "$n" w1 >in
	queue_jobs kill in
	mkdir scratch
	for ((i = 0; i < kills; i++)); do
		cloud lag	# so that answers are on their way when it dies
		TMPDIR=$PWD/scratch worker_session kill --visibility 3 --every 0.5 -- --rate 30 --batch 5 --concurrency 2 \
			2>>err.txt 3>&- &
		pid=$!
		# A third of them while it starts; the others while it works.
		moment=$(awk -v r="$RANDOM" 'BEGIN { printf "%.3f", r / 32768 * 1.2 }')
		((i % 3 == 0)) || wait_until 3 asked_by "$BATS_TEST_NUMBER-$clouds" || :
		sleep "$moment"
		kill_session "$pid"
		wait "$pid" || :
		rm -rf scratch/*
	done
	cloud
	last=$clouds
	worker_session kill --visibility 3 --every 0.5 -- 2>last.txt 3>&- &
	pid=$!
	wait_until 90 is_empty kill
	kill -TERM "$pid"
	i=0
	wait "$pid" || i=$?
	cat last.txt >&2
	[ "$i" -eq 75 ]
	no_personal_data "$(cat err.txt last.txt)"
	[ "$(accepted kill | uniq | wc -l)" -eq "$n" ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = "$n sent" ]
	[ "$(csv_get jobId t/c1/waves/w1/email-results.csv | sort -u | wc -l)" -eq "$n" ]
	[ -z "$(find t/state/email-worker -name 'results.*')" ]
	"$PYTHON3" "$VF_SRCDIR/tests/worker-account.py" "$BATS_FILE_TMPDIR/account" kill "$BATS_TEST_NUMBER-$last" >account.txt ||
		{ cat account.txt >&2; return 1; }
	sed 's/^/# /' account.txt >&3
}
