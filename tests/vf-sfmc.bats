#!/usr/bin/env bats
# E-mail jobs through Marketing Cloud, against a stand-in that follows its API and keeps an account of what it took.
load helper

setup_file() {
	untraced
	cd "$BATS_FILE_TMPDIR" || return 1
	"$PYTHON3" "$VF_SRCDIR/tests/stand-ins/sfmc" --port-file port --account account 3>&- >/dev/null 2>&1 &
	echo $! >pid
	wait_until 60 test -s port
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	export VF_SFMC_CLIENT_ID=id-1 VF_SFMC_CLIENT_SECRET=secret-1
	: >"$BATS_FILE_TMPDIR/account"
	ln -s "$BATS_FILE_TMPDIR/account" account
}

# cloud [WORD...]: the stand-in makes this trouble, one word for each request, the last one for all that follow.
cloud() {
	local IFS=+
	VF_SFMC_AUTH_URL=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")/${*:-ok}/$BATS_TEST_NUMBER-$((++clouds))
	export VF_SFMC_AUTH_URL
}

# jobs FROM TO [MEMBERS]: jobs of these numbers; MEMBERS (`,"a":1`) go before the last bracket.
jobs() {
	seq "$1" "$2" | awk -v t="t$BATS_TEST_NUMBER" -v more="${3:-}" '{
		printf "{\"jobId\":\"%s-%d\",\"campaignId\":\"c1\",\"campaignName\":\"C \\\"1\\\"\",\"waveId\":\"w1\",", t, $1
		printf "\"waveDate\":\"2026-12-05\",\"globalUserId\":\"f%d\",\"to\":\"fan%d@example.com\",\"subject\":\"Your code\",", $1, $1
		printf "\"html\":\"<p>\\u00e9 &amp; CODE%d</p>\",\"text\":\"CODE%d\",\"code\":\"CODE%d\"%s}\n", $1, $1, $1, more }'
}

# messages TIME: jobs as vf-sqs receive gives them.
messages() {
	jq -c --arg until "$1" '{messageId: ("m-" + .jobId), receiptHandle: ("r/" + .jobId + "=="), receivedAt: "2026-01-01T00:00:00Z",
		visibleUntil: $until, body: .}'
}

accepted() {
	jq -r 'select(.accepted) | .accepted' account | sort
}

# results FILTER: of the results in `out`.
results() {
	jq -rs "$1" out
}

@test "vf-sfmc: jobs go in batches, each with its key and attributes; one result a job" {
	cloud
	jobs 1 1203 >in
	try vf-sfmc --definition wave-mail --stats st -o out in
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(jq -s 'map(select(.recipients) | .recipients) | sort' -c account)" = '[203,500,500]' ]
	[ "$(accepted | uniq | wc -l)" -eq 1203 ]
	[ "$(results 'map(.status) | unique | join(" ")')" = sent ]
	[ "$(results 'map(.jobId) | unique | length')" -eq 1203 ]
	[ "$(results 'map(select(.globalUserId == "f7")) | .[0] | .seconds |= (. >= 0) | del(.finishedAt, .requestId) | tojson')" = \
		"{\"jobId\":\"t$BATS_TEST_NUMBER-7\",\"campaignId\":\"c1\",\"waveId\":\"w1\",\"globalUserId\":\"f7\",\"status\":\"sent\",\"httpStatus\":202,\"attempts\":1,\"seconds\":true,\"detail\":\"\"}" ]
	[[ $(results '.[0].requestId') == req-* ]]
	[ "$(jq -c 'select(.accepted == "t'"$BATS_TEST_NUMBER"'-7") | [.to, .attributes]' account)" = \
		'["fan7@example.com",{"HTMLBody":"<p>é &amp; CODE7</p>","Subject":"Your code","TextBody":"CODE7","Code":"CODE7","CampaignId":"c1","CampaignName":"C \"1\"","WaveId":"w1","WaveDate":"2026-12-05"}]' ]
	stats_conserved st
	[ "$(stats_get deliveries st | jq -c '.[0] | [.campaignId, .waveId, .delivery.statuses.sent, .delivery.channel]')" = '["c1","w1",1203,"email"]' ]
	vf-tally st | grep -q '^w1 .* email  *1203  *1203  *1203 '
}

@test "vf-sfmc: received messages keep their receipt; those past their visibility are not sent" {
	cloud
	jobs 1 3 | messages 2099-01-01T00:00:00Z >in
	jobs 4 5 | messages 2020-01-01T00:00:00Z >>in
	try vf-sfmc --definition wave-mail --stats st -o out in
	[ "$status" -eq 0 ]
	[ "$(accepted | wc -l)" -eq 3 ]
	[ "$(results 'map(select(.status == "sent") | .receiptHandle) | sort | join(" ")')" = \
		"r/t$BATS_TEST_NUMBER-1== r/t$BATS_TEST_NUMBER-2== r/t$BATS_TEST_NUMBER-3==" ]
	[ "$(results 'map(select(.status == "expired") | .detail + .globalUserId) | sort | join(" ")')" = 'past-visibilityf4 past-visibilityf5' ]
	stats_conserved st
}

@test "vf-sfmc: a message whose visibility ends while Marketing Cloud asks to wait is not sent" {
	cloud 429
	jobs 1 2 | messages "$(date -u -d '+2 seconds' +%FT%TZ)" >in
	try vf-sfmc --definition wave-mail -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(.status) | join(" ")')" = 'expired expired' ]
	[ "$(accepted | wc -l)" -eq 0 ]
}

@test "vf-sfmc: a recipient that is refused fails alone" {
	cloud
	jobs 1 3 >in
	jobs 4 4 | sed 's/fan4@/bad@/' >>in
	try vf-sfmc --definition wave-mail -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(select(.status == "failed")) | .[0] | [.globalUserId, .errorcode, .httpStatus, .detail] | tojson')" = '["f4",108,202,"refused"]' ]
	[ "$(results 'map(select(.status == "sent")) | length')" -eq 3 ]
	[ "$(accepted | wc -l)" -eq 3 ]
}

# bats test_tags=long
@test "vf-sfmc: throttled (50100), blocked (50200) or in trouble, the same messages are sent again, once" {
	jobs 1 40 >in
	for words in '429 50200 500 ok' 'reset 503 lost ok' 'lost html ok'; do
		: >account
		# shellcheck disable=SC2086
		cloud $words
		try vf-sfmc --definition wave-mail --concurrency 1 --stats st -o out in
		echo "$words: $stderr"
		[ "$status" -eq 0 ]
		[ "$(jq -r 'select(.word) | .word' account | paste -sd ' ')" = "$words" ]
		[ "$(accepted | uniq -d | wc -l)" -eq 0 ]
		[ "$(results 'map(.status) | unique | join(" ")')" = sent ]
		[ "$(results 'map(.attempts) | unique | join(" ")')" = "$(wc -w <<<"$words")" ]
	done
	[ "$(stats_get deliveries st | jq '.[0].delivery.statuses.sent')" -eq 40 ]
}

@test "vf-sfmc: a messageKey that Marketing Cloud has already (109110) was sent, however it says so" {
	jobs 1 3 >in
	cloud lost
	try vf-sfmc --definition wave-mail --retries 0 -o out in
	[ "$(results 'map(.status) | unique | join(",")')" = unknown ]
	[ "$(accepted | wc -l)" -eq 3 ]
	# Another run, whose requests fail as a whole, and then one by one.
	cloud 400-errors
	try vf-sfmc --definition wave-mail -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(.status) | join(",")')" = sent,sent,sent ]
	[ "$(jq -r 'select(.recipients) | .recipients' account | paste -sd ' ')" = '3 3 1 1 1' ]
	# Twice in one input: never both in one request, of which nothing could be told.
	{ jobs 1 4; jobs 4 4; } >in
	: >account
	cloud
	try vf-sfmc --definition wave-mail --concurrency 1 -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(.status) | unique | join(",")')" = sent ]
	[ "$(results length)" -eq 5 ]
	[ "$(jq -r 'select(.recipients) | .recipients' account | paste -sd ' ')" = '4 1' ]
	[ "$(accepted | wc -l)" -eq 1 ]
}

@test "vf-sfmc: when the tries are spent the jobs have failed, or nobody knows" {
	cloud 503
	jobs 1 2 >in
	try vf-sfmc --definition wave-mail --retries 1 -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(.status + " " + .detail) | unique | join(",")')" = 'failed http-503' ]
	cloud lost
	try vf-sfmc --definition wave-mail --retries 1 -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(.status) | unique | join(",")')" = unknown ]
}

@test "vf-sfmc: the token is renewed before it ends, and when it is refused" {
	cloud short-tokens ok
	{
		jobs 1 1
		sleep 2.2
		jobs 2 2
	} | vf-sfmc --definition wave-mail -o out 3>&-
	[ "$(results 'map(.status) | join(" ")')" = 'sent sent' ]
	[ "$(jq -s 'map(select(.token == true)) | length' account)" -eq 2 ]
	: >account
	cloud 401 ok
	jobs 3 3 | vf-sfmc --definition wave-mail -o out
	[ "$(results 'map(.status) | join(" ")')" = sent ]
	[ "$(jq -s 'map(select(.token == true)) | length' account)" -eq 2 ]
}

@test "vf-sfmc: who is not let in stops: exit 1, a line for every job, no secret shown" {
	jobs 1 900 >in
	for word in 401 403 no-token; do
		cloud "$word"
		rm -f st
		try vf-sfmc --definition wave-mail --concurrency 1 --stats st in
		[ "$status" -eq 1 ]
		[ "${#lines[@]}" -eq 900 ]
		stats_conserved st
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr == 'vf-sfmc: '* ]]
		[[ $stderr != *secret-1* && $stderr != *token[0-9]* && $stderr != *@* ]]
		[ "$(accepted | wc -l)" -eq 0 ]
	done
}

@test "vf-sfmc: a request that is refused as a whole is asked for one by one" {
	cloud 400-many
	jobs 1 12 >in
	jobs 13 13 | sed 's/fan13@/bad@/' >>in
	try vf-sfmc --definition wave-mail -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(select(.status == "sent")) | length')" -eq 12 ]
	[ "$(results 'map(select(.status == "failed") | .globalUserId) | join(" ")')" = f13 ]
	[ "$(results 'map(.jobId) | unique | length')" -eq 13 ]
	[ "$(accepted | wc -l)" -eq 12 ]
	# An unknown definition refuses each.
	try vf-sfmc --definition other --stop-after 0 -o out in
	[ "$status" -eq 0 ]
	[ "$(results 'map(.status + .detail) | unique | join(" ")')" = failedhttp-400 ]
}

@test "vf-sfmc: a job without what it needs is rejected by name, and nothing of it is shown" {
	cloud
	{
		jobs 1 1
		jobs 2 2 | jq -c 'del(.html)'
		jobs 3 3 | jq -c '.jobId = "x" * 101'
		jobs 4 4 | jq -c '.to = 7'
		printf '%s\n' '{"body":"text","receiptHandle":"r"}' '{"body":{"jobId":"a"}}' 'no json' '[]'
		jobs 5 5 | messages yesterday
	} >in
	try vf-sfmc --definition wave-mail --stats st --rejects rejects -o out in
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(results 'map(.globalUserId) | join(" ")')" = f1 ]
	[ "$(reject_lines rejects | paste -sd,)" = '2 bad-job,3 bad-job,4 bad-job,5 bad-job,6 bad-job,7 bad-json,8 bad-json,9 bad-job' ]
	stats_conserved st
	jobs 2 2 | jq -c 'del(.html)' >in
	try vf-sfmc --definition wave-mail in
	[[ $stderr != *example.com* && $stderr != *CODE* ]]
}

@test "vf-sfmc: results are out while more jobs are waited for" {
	cloud
	mkfifo pipe
	vf-sfmc --definition wave-mail <pipe >out 3>&- &
	local pid=$!
	exec 4>pipe
	jobs 1 1 >&4
	wait_until 30 test -s out
	jobs 2 2 >&4
	exec 4>&-
	wait "$pid"
	[ "$(results 'map(.status) | join(" ")')" = 'sent sent' ]
}

@test "vf-sfmc: SIGTERM: what is under way is finished, the rest is said to be unsent, exit 75" {
	cloud 503
	jobs 1 600 >in
	vf-sfmc --definition wave-mail --concurrency 1 --retries 100 --stats st in >out 3>&- 2>err &
	local pid=$! status=0
	wait_until 30 grep -q '"word"' account
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	[ "$(results 'map(.status) | unique | join(" ")')" = unsent ]
	[ "$(results length)" -eq 600 ]
	[ "$(stats_get exit st)" -eq 75 ]
	stats_conserved st
}

@test "vf-sfmc: empty input is nothing to do, and asks for no token" {
	cloud
	try vf-sfmc --definition wave-mail --stats st </dev/null
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ ! -s account ]
	stats_conserved st
}

@test "vf-sfmc: wrong usage is exit 2, and no secret is taken from the command line" {
	cloud
	try vf-sfmc </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-sfmc: --definition KEY is needed' ]
	for args in '--batch 0' '--batch 501' '--concurrency 0' '--timeout 1ms' '--rest-url nowhere' '--secret-file none' '--client-secret x'; do
		# shellcheck disable=SC2086
		try vf-sfmc --definition wave-mail $args </dev/null
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	unset VF_SFMC_CLIENT_SECRET
	try vf-sfmc --definition wave-mail </dev/null
	[ "$status" -eq 2 ]
	echo '{"client_id":"id-1","client_secret":"secret-1","account_id":"7"}' >secret
	jobs 1 1 >in
	try vf-sfmc --definition wave-mail --secret-file secret -o out in
	[ "$status" -eq 0 ]
	[ "$(results '.[0].status')" = sent ]
}
