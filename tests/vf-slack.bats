#!/usr/bin/env bats
# Alerts and summaries in Slack, against a stand-in that holds messages to Slack's limits.
load helper

setup_file() {
	untraced
	cd "$BATS_FILE_TMPDIR" || return 1
	"$PYTHON3" "$VF_SRCDIR/tests/stand-ins/slack" --port-file port --account account 3>&- >/dev/null 2>&1 &
	echo $! >pid
	wait_until 60 test -s port
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
}

# slack [WORD...]: `hook` is a webhook of its own that treats one request after the other as the words say.
slack() {
	local IFS=+
	: >"$BATS_FILE_TMPDIR/account"
	ln -sf "$BATS_FILE_TMPDIR/account" account
	printf 'http://127.0.0.1:%s/hook/%s/%s\n' "$(cat "$BATS_FILE_TMPDIR/port")" "${*:-ok}" "$BATS_TEST_NUMBER" >hook
}

# account FILTER: jq over what the stand-in was asked.
account() {
	jq -rs "$1" account
}

@test "vf-slack: without a webhook it prints" {
	stats_line vf-score 19156 18915 241 >st
	try vf-slack st
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = 'vf: c1
• vf-score: in 19,156, out 18,915, rejected 241 (bad-score 241)' ]
	try vf-slack --title 'the night run' -o message <<<'merged 12 files'
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(cat message)" = 'vf: the night run
merged 12 files' ]
}

@test "vf-slack: a step that failed is an alert, and so is one that is named" {
	stats_line vf-sms 10 3 0 '{"exit":75,"waveId":"w1"}' >st
	try vf-slack st
	[ "$status" -eq 0 ]
	[ "$output" = 'ALERT: c1
✗ vf-sms, wave w1: exit 75; in 10, out 3, rejected 0' ]
	# With --step or --reason and no operand standard input is left alone: here it never ends.
	mkfifo never
	exec 5<>never
	try timeout 20 vf-slack --step fetch --reason 'cannot fetch scores.txt' <&5
	exec 5>&-
	[ "$status" -eq 0 ]
	[ "$output" = 'ALERT: a step failed
✗ step fetch: cannot fetch scores.txt' ]
	try vf-slack --alert <<<'look at this'
	[ "${lines[0]}" = 'ALERT: a step failed' ]
}

@test "vf-slack: nothing to say is no message" {
	slack
	try vf-slack --webhook-file hook </dev/null
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ ! -s account ]
}

@test "vf-slack: a message in Slack's form, from the webhook file or the environment" {
	slack
	stats_line vf-score 100 89 10 >st
	stats_line 'vf-<x>&' 5 5 0 >>st
	try vf-slack --webhook-file hook --stats stats st
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(account '.[0] | .status, .type, .message.text')" = '200
application/json
ALERT: c1
✗ vf-score: 100 in, but 89 out + 10 rejected + 0 held = 99; in 100, out 89, rejected 10 (bad-score 10)' ]
	[ "$(account '.[0].message.blocks | map(.type) | join(" ")')" = 'header section' ]
	[ "$(account '.[0].message.blocks[1].text.text' | tail -n 1)" = '• vf-&lt;x&gt;&amp;: in 5, out 5, rejected 0' ]
	[ "$(stats_get message.tries stats)" -eq 1 ]
	[ "$(stats_get alerts.sent stats)" -eq 1 ]
	[ "$(stats_get alerts.timed stats)" -eq 1 ]
	stats_conserved stats
	VF_SLACK_WEBHOOK=$(cat hook) try vf-slack <<<'two'
	[ "$status" -eq 0 ]
	[ "$(account 'length')" -eq 2 ]
}

@test "vf-slack: whatever Slack says the exit status is 0, with one line that does not name the webhook" {
	local word want
	while read -r word want; do
		slack "$word"
		try timeout 30 vf-slack --webhook-file hook --timeout 1200ms --stats stats --alert <<<'hello'
		[ "$status" -eq 0 ]
		[ -z "$output" ]
		echo "$word: $stderr"
		[[ $stderr == "vf-slack: Slack did not take the message: $want"* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[[ $stderr != *127.0.0.1* && $stderr != */hook* ]]
		[ "$(stats_get alerts.failed stats)" -eq 1 ]
		[ "$(stats_get exit stats)" -eq 0 ]
	done <<-'END'
		404 http-404 no_service (1 tries)
		403 http-403 action_prohibited (1 tries)
		500 http-500 (
		429-long http-429 rate_limited (1 tries)
		429-none http-429 rate_limited (
		slow timeout (1 tries)
		reset reset (
		cut cut (
		garbage garbled (
	END
}

@test "vf-slack: a service that is not there, or a name that is none, takes no longer than the time-out" {
	echo http://127.0.0.1:1/hook >hook
	try timeout 20 vf-slack --webhook-file hook --timeout 1s <<<'hello'
	[ "$status" -eq 0 ]
	[[ $stderr == 'vf-slack: Slack did not take the message: connect ('* ]]
	echo http://slack.invalid/hook >hook
	try timeout 20 vf-slack --webhook-file hook --timeout 1s <<<'hello'
	[ "$status" -eq 0 ]
	[ "${#stderr_lines[@]}" -eq 1 ]
}

@test "vf-slack: throttled or in trouble, it tries again when Slack says, or soon" {
	slack 429 500 reset ok
	try vf-slack --webhook-file hook --stats stats <<<'hello'
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(account 'map(.status) | join(" ")')" = '429 500 0 200' ]
	[ "$(stats_get message.tries stats)" -eq 4 ]
	[ "$(account 'map(.message.blocks[1].text.text) | unique | join(" ")')" = hello ]
}

@test "vf-slack: two alerts within a second both arrive" {
	slack strict
	vf-slack --webhook-file hook --step a --reason b &
	vf-slack --webhook-file hook --step c --reason d
	wait "$!"
	[ "$(account 'map(select(.status == 200)) | length')" -eq 2 ]
}

@test "vf-slack: a flood of alerts is one message within Slack's limits, and says what it left out" {
	slack
	for i in {1..400}; do
		printf '{"tool":"vf-t%d","in":1000,"out":990,"rejected":10,"reasons":{"r":10},"exit":%d,"input":["%d"]}\n' \
			$((i % 60)) $((i % 2)) "$i"
	done >st
	{
		cat st
		tags=$(printf '<&>%.0s' {1..300})
		for i in {1..300}; do
			printf '<!channel> & line %d %s\n' "$i" "$tags"
		done
	} >all
	try vf-slack --webhook-file hook all
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(account 'map(.status) | join(" ")')" = 200 ]
	[[ $(account '.[0].message.blocks[-1].text.text') == *' more lines' ]]
	[[ $(account '.[0].message.blocks[1].text.text') == *'(7 times): exit 1'* ]]
}

@test "vf-slack: no address and no phone number gets through" {
	slack
	printf '%s\n' 'cannot send to jo.doe@example.com' 'nor to +1 (212) 555-0123, sorry' '{"tool":1}' >text
	stats_line vf-filter 3 2 1 '{"reasons":{"x@example.com":1},"campaignId":"+12125550123"}' >>text
	try vf-slack --webhook-file hook --step 's@example.com' --reason 'r +12125550123' --title 't@example.com' text
	[ "$status" -eq 0 ]
	[ "$(account 'map(.status) | join(" ")')" = 200 ]
	run ! grep -qE 'example\.com|555|2125' account
	[ "$(vf-slack text | sed -n 2,3p)" = 'cannot send to [address]
nor to [number], sorry' ]
}

@test "vf-slack: one run of a file with many" {
	stats_line vf-score 5 5 0 >st
	stats_line vf-score 7 7 0 '{"run":"r2"}' >>st
	try vf-slack --run r2 st
	[ "$output" = 'vf: c1
• vf-score: in 7, out 7, rejected 0' ]
}

@test "vf-slack: odd input is text: CRLF, BOM, NUL, bytes that are no UTF-8, an over-long line, a torn stats line" {
	slack
	{
		printf '\357\273\277one\r\ntwo\0two\r\nthr\377ee\n{"tool":"vf-score","in":5,"ou\n'
		head -c 2000000 /dev/zero | tr '\0' x
		printf '\nlast'
	} >text
	try vf-slack --webhook-file hook --stats stats text
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(account 'map(.status) | join(" ")')" = 200 ]
	[ "$(account '.[0].message.blocks[1].text.text' | sed -n '1,2p;$p')" = 'one
two?two
last' ]
	[ "$(stats_get in stats)" -eq 6 ]
}

@test "vf-slack: SIGTERM while Slack is slow ends it at once" {
	slack slow
	vf-slack --webhook-file hook --timeout 25s --alert <<<'hello' 2>err 3>&- &
	local pid=$! status=0 began=$SECONDS
	wait_until 10 test -s account
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	((SECONDS - began < 15))
}

@test "vf-slack: wrong usage and a webhook that is none are exit 2, an unreadable operand exit 1" {
	try vf-slack --webhook-file none </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-slack: none: No such file or directory' ]
	: >empty
	try vf-slack --webhook-file empty </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-slack: empty: empty' ]
	VF_SLACK_WEBHOOK='ftp://secret.example' try vf-slack </dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == 'vf-slack: VF_SLACK_WEBHOOK: '* && $stderr != *secret* ]]
	try vf-slack nowhere
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-slack: nowhere: No such file or directory' ]
}

# bats test_tags=long
@test "scripts: a summary of what was done, an alert of what failed; neither a dead Slack nor a missing one changes anything" {
	slack
	printf 'globalUserId,score,email\na,0.96,jo.doe@example.com\nb,2,x@example.com\n' >in.csv
	echo '{"id":"c1","name":"C","markets":[],"waves":[]}' >config.json
	VF_RUN_ID=r7 VF_SLACK_WEBHOOK=$(cat hook) run "$VF_SRCDIR/examples/score-file.sh" --campaign config.json --to out in.csv
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(account 'map(.status) | join(" ")')" = 200 ]
	[[ $(account '.[0].message.text') == *'c1, score-file.sh (r7.'* ]]
	[[ $(account '.[0].message.blocks[1].text.text') == *'• vf-score: in 2, out 1, rejected 1 (bad-score 1)'* ]]
	VF_SLACK_WEBHOOK=$(cat hook) run "$VF_SRCDIR/examples/score-file.sh" --campaign config.json --to out --max-rejects 0 in.csv
	[ "$status" -eq 3 ]
	[[ $output == *'ALERT step=score-filter'* ]]
	[[ $(account '.[1].message.blocks[1].text.text') == '✗ step score-filter: exit status 3'* ]]
	[ "$(account 'length')" -eq 2 ]
	run ! grep -q 'example\.com' account
	VF_SLACK_WEBHOOK=http://127.0.0.1:1/none run "$VF_SRCDIR/examples/score-file.sh" --campaign config.json --to out2 in.csv
	[ "$status" -eq 0 ]
	[ -s out2/scored/in.csv ]
}
