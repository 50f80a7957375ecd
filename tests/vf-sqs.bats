#!/usr/bin/env bats
# Against moto, which checks signatures, and behind a proxy that fails on purpose.
load helper
load aws

setup_file() {
	untraced
	start_moto --queues forms,packs,again,storm,cycle,stop,keep
}

teardown_file() {
	stop_moto
}

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
}

teardown() {
	stop_proxy
}

# sqs QUEUE ARGUMENT...: one run on that queue.
sqs() {
	vf-sqs --queue-url "$MOTO_URL/123456789012/$1" --stats s.json "${@:2}"
}

# held QUEUE: what boto3 gets out of the queue.
held() {
	moto queue "$MOTO_URL/123456789012/$1"
}

jobs_of() {
	seq -f '{"jobId":"j%.0f","to":"fan@example.com"}' 1 "$1"
}

@test "vf-sqs: send queues each line as it stands; a second run queues nothing" {
	printf '{"jobId":"a b","t":"\\u00e9 caf\xc3\xa9 \\"x\\""}\r\n\n{"n":1}\n{"jobId":"j1"}\n{"jobId":"j1","again":true}\nbad\n' >in
	try sqs forms --journal j --rejects r.csv send in
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(reject_lines r.csv)" = $'5 duplicate-job\n6 bad-json' ]
	[ "$(stats_get in s.json) $(stats_get out s.json) $(stats_get rejected s.json)" = "5 3 2" ]
	printf 'sent,torn' >>j
	try sqs forms --journal j --rejects /dev/null send in
	[ "$status" -eq 0 ]
	[ "$stderr" = "vf-sqs: j: a last line of 9 bytes was torn, and is cut off" ]
	[ "$(stats_get out s.json) $(stats_get queuedBefore s.json) $(stats_get requests s.json)" = "3 3 0" ]
	stats_conserved s.json
	held forms | sort >got
	printf '{"jobId":"a b","t":"\\u00e9 caf\xc3\xa9 \\"x\\""}\n{"n":1}\n{"jobId":"j1"}\n' | sort | cmp - got
}

@test "vf-sqs: ten messages or 256 KiB a request; more than that is too-large" {
	"$PYTHON3" -c '
for i, n in enumerate([262144, 262145, 130000, 130000, 130000] + [50] * 23):
    head = "{\"jobId\":\"j%d\",\"x\":\"" % i
    print(head + "x" * (n - len(head) - 2) + "\"}")' >in
	try sqs packs --journal j --rejects r.csv send in
	[ "$status" -eq 0 ]
	[ "$(reject_lines r.csv)" = '2 too-large' ]
	[ "$(stats_get out s.json) $(stats_get requests s.json)" = "27 5" ]
	[ "$(held packs | wc -l)" -eq 27 ]
}

@test "vf-sqs: a job of the journal alone that was under way is queued again" {
	jobs_of 3 >in
	printf 'vf-journal/1,-,-,queue\nintent,j1\nintent,j2\nqueued,j2,\n' >j
	chmod 600 j
	try sqs again --journal j send in
	[ "$status" -eq 0 ]
	[ "$(stats_get out s.json) $(stats_get queuedBefore s.json)" = "3 1" ]
	[ "$(held again | jq -r .jobId | sort | paste -sd,)" = j1,j3 ]
	try sqs again --journal j --wave w2 send in
	[ "$status" -eq 2 ]
}

# bats test_tags=long
@test "vf-sqs: behind a service that fails in every way, each job is queued, and twice only without an answer" {
	local seed=${TEST_SEED:-$RANDOM} lost
	echo "TEST_SEED=$seed"
	start_proxy --seed "$seed" --throttle 0.1 --unavailable 0.1 --drop-before 0.08 --drop-after 0.08 --partial 0.2
	jobs_of 200 >in
	try sqs storm --endpoint-url "$PROXY_URL" --journal j --retries 60 send in
	[ "$status" -eq 0 ]
	[ "$(stats_get in s.json) $(stats_get out s.json)" = "200 200" ]
	held storm | jq -r .jobId >got
	[ "$(sort -u got | wc -l)" -eq 200 ]
	lost=$(jq -s '[.[] | select(.fault == "drop_after") | .batch | length] | add // 0' account)
	[ "$(wc -l <got)" -eq $((200 + lost)) ]
	[ "$(jq -r 'select(.fault == "partial") | .fault' account | wc -l)" -gt 0 ]
	[ "$(grep -c '^queued,' j)" -eq 200 ]
}

@test "vf-sqs: receive, and delete what was sent; the rest comes again" {
	jobs_of 25 >in
	sqs cycle --journal j send in
	moto send "$MOTO_URL/123456789012/cycle" 'no json' $'[1,\n2]' $'{"a":\n"b"}' '1,"b":2'
	try sqs cycle --wait 0 --until-empty --visibility 3s -o got.ndjson receive
	[ "$status" -eq 0 ]
	[ "$(wc -l <got.ndjson)" -eq 29 ]
	[ "$(stats_get in s.json) $(stats_get out s.json)" = "29 29" ]
	[ "$(stat -c %a got.ndjson)" = 600 ]
	[ "$(jq -c '.body | select(type != "object" or .jobId == null)' got.ndjson | sort)" = "$(printf '%s\n' '"1,\"b\":2"' '"no json"' '[1,2]' '{"a":"b"}' | sort)" ]
	[ "$(jq -r '(.visibleUntil | fromdate) - (.receivedAt | fromdate)' got.ndjson | sort -u)" = 3 ]
	jq -c '{receiptHandle, status: (if ((.body | objects | .jobId) // "") == "j7" then "failed" else "sent" end)}' got.ndjson >results
	echo '{"status":"sent"}' >>results
	try sqs cycle --rejects r.csv delete results
	[ "$status" -eq 0 ]
	[ "$(reject_lines r.csv)" = '30 no-receipt' ]
	[ "$(stats_get in s.json) $(stats_get out s.json) $(stats_get deferred s.json)" = "30 28 1" ]
	stats_conserved s.json
	sleep 3
	try sqs cycle --wait 0 --until-empty receive
	[ "$(jq -r .body.jobId <<<"$output")" = j7 ]
}

@test "vf-sqs: --max stops, SIGTERM stops after what is under way, and both are told apart" {
	local pid status=0
	jobs_of 12 >in
	sqs stop --journal j send in
	try sqs stop --wait 0 --max 4 receive
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 4 ]
	vf-sqs --queue-url "$MOTO_URL/123456789012/stop" --stats s.json --wait 1 receive >out 2>err 3>&- &
	pid=$!
	wait_until 20 eval '[ "$(wc -l <out)" -eq 8 ]'
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	[ "$(wc -l <out)" -eq 8 ]
	[ "$(stats_get out s.json)" = 8 ]
}

@test "vf-sqs: what cannot be queued is rejected and makes exit 75; a later run queues it" {
	start_proxy --throttle 1
	jobs_of 30 >in
	try sqs keep --endpoint-url "$PROXY_URL" --journal j --retries 1 --rejects r.csv send in
	[ "$status" -eq 75 ]
	[ "$(stats_get out s.json)" = 0 ]
	stats_conserved s.json
	try sqs keep --journal j send in
	[ "$status" -eq 0 ]
	[ "$(held keep | sort -u | wc -l)" -eq 30 ]
}

@test "vf-sqs: usage, a queue that is not there, and who may not" {
	try vf-sqs send </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-sqs: --queue-url URL is needed" ]
	try sqs forms send </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-sqs: --journal FILE goes with send, and send needs it" ]
	try sqs forms --wait 21 receive
	[ "$status" -eq 2 ]
	try sqs forms receive in.ndjson
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-sqs: receive reads no files; see vf-sqs --help" ]
	try sqs forms --max 3 delete </dev/null
	[ "$status" -eq 2 ]
	try sqs none --wait 0 --until-empty receive
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-sqs: the service refuses us: "* ]]
	AWS_SECRET_ACCESS_KEY=wrong try sqs forms --wait 0 --until-empty receive
	[ "$status" -eq 1 ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ -z "$output" ]
}
