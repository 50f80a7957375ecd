#!/usr/bin/env bats
# examples/email-worker.sh: jobs from moto's queue to Marketing Cloud's stand-in, which keeps an account of what it took.
load helper
load aws
load campaign
load worker

setup_file() {
	start_moto --queues run,part,down,term
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
	[ "$(find t -type f -perm /077)" = "" ]
	[ -z "$(find t/state/email-worker -name 'results.*')" ]
	nothing_left t
}

@test "email-worker: a recipient who is refused stays in the queue and has a line; others are not held up" {
	cloud
	jobs part 1 5 w1 | sed 's/fan3@/bad3@/' >in
	queue_jobs part in
	run --separate-stderr worker part --until-empty
	[ "$status" -eq 0 ]
	[ "$(accepted part | wc -l)" -eq 4 ]
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = '1 failed 4 sent' ]
	jq -e '.delivery | .statuses == {"failed": 1, "sent": 4} and .causes == {"failed": {"refused": 1}} and .attempted == 5' \
		t/c1/stats/email-w1.ndjson
	[ "$(left_in part)" -eq 1 ]
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
	cloud 429 ok
	jobs term 1 8 w1 >in
	queue_jobs term in
	worker_job term 2>err.txt 3>&- &
	pid=$!
	wait_until 30 asked 429
	kill -TERM "$pid"
	wait "$pid" || status=$?
	cat err.txt >&2
	[ "$status" -eq 75 ]
	[[ $(cat err.txt) == *"stopped by SIGTERM"* ]]
	no_personal_data "$(cat err.txt)"
	[ "$(accepted term | wc -l)" -gt 0 ]
	# Sent by the account, sent by the results, gone from the queue: the same number.
	[ "$(statuses_of t/c1/waves/w1/email-results.csv)" = "$(accepted term | wc -l) sent" ]
	[ "$(left_in term)" -eq $((8 - $(accepted term | wc -l))) ]
	nothing_left t
}
