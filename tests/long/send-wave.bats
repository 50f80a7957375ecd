#!/usr/bin/env bats
# examples/send-wave.sh interrupted, held and killed, and on S3. The rest is in tests/send-wave.bats.
# bats file_tags=long
load ../helper
load ../service
load ../campaign
load ../wave

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	s3=$scratch/s3
}

teardown() {
	stop_service
	[[ -z ${slack:-} ]] || kill "$slack" 2>/dev/null || true
}

@test "send-wave: --hold drains and ends with 4, --release and a new run send exactly the rest" {
	local pid status=0 held
	make_tree 200
	start_service
	wave_job 2>err.txt 3>&- &
	pid=$!
	wait_until 60 has_accepted 10
	"$examples/send-wave.sh" --to t --wave w1 --hold 2>/dev/null
	wait "$pid" || status=$?
	cat err.txt >&2
	[ "$status" -eq 4 ]
	no_personal_data "$(cat err.txt)"
	[ "$(state)" = held ]
	held=$(accepted)
	[ "$held" -lt 179 ]
	as_accounted
	run --separate-stderr wave
	[ "$status" -eq 4 ]
	[ "$(accepted)" -eq "$held" ]
	run --separate-stderr "$examples/send-wave.sh" --to t --wave w1 --status
	[ "$status" -eq 0 ]
	jq -e --argjson n "$held" '.state == "held" and .held and .sms.sent == $n and .owner == null' <<<"$output"
	run --separate-stderr "$examples/send-wave.sh" --to t --wave w1 --release
	[ "$status" -eq 0 ]
	[ "$(state)" = partial ]
	run --separate-stderr wave --rate 0
	[ "$status" -eq 0 ]
	[ "$(state)" = sent ]
	[ "$(accepted)" -eq 179 ]
	nobody_twice
	as_accounted
	nothing_left t
}

@test "send-wave: SIGTERM ends with 75 and stores what is known; the next run sends exactly the rest" {
	local pid status=0
	make_tree 200
	start_service
	wave_job 2>err.txt 3>&- &
	pid=$!
	wait_until 60 has_accepted 10
	kill -TERM "$pid"
	wait "$pid" || status=$?
	cat err.txt >&2
	[ "$status" -eq 75 ]
	no_personal_data "$(cat err.txt)"
	[ "$(state)" = partial ]
	[ "$(accepted)" -lt 179 ]
	as_accounted
	[ ! -e t/waves/w1/claim.json ]
	nothing_left t
	run --separate-stderr wave --rate 0
	[ "$status" -eq 0 ]
	[ "$(state)" = sent ]
	[ "$(accepted)" -eq 179 ]
	nobody_twice
	as_accounted
}

@test "send-wave: SIGKILL of everything leaves nobody told twice, and who may have been told is unknown" {
	local pid
	make_tree 200
	start_service
	wave_job >/dev/null 2>&1 3>&- &
	wait_until 60 has_accepted 10
	for pid in $(pgrep -f "vf-sms .*$url") $(pgrep -f "send-wave.sh .*$url"); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf "$TMPDIR"/vf-stage.*
	[ "$(jq -r .state t/state/waves/w1/status.json)" = sending ]
	run --separate-stderr wave --rate 0
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[[ $stderr == *"is left over: its process is gone"* ]]
	[ "$(state)" = sent ]
	nobody_twice
	# Whoever was taken is sent or unknown, and all are accounted for.
	"$PYTHON3" - <<-'PY'
		import csv
		phone = {row["globalUserId"]: row["phone"] for row in csv.DictReader(open("t/waves/w1/sms.csv"))}
		result = {row["globalUserId"]: row["status"] for row in csv.DictReader(open("t/waves/w1/sms-results.csv"))}
		taken = {line.split()[2] for line in open("account.txt")}
		assert result.keys() == phone.keys()
		for fan, status in result.items():
		    assert status in ("sent", "unknown", "suppressed"), status
		    assert status != "sent" or phone[fan] in taken
		    assert phone[fan] not in taken or status != "suppressed" or phone[fan] == "+12125550003"
	PY
}

@test "send-wave: a service that is down leaves the wave partial; when it is back the same fans are told" {
	make_tree 20
	url=http://127.0.0.1:9/messages
	run --separate-stderr wave --timeout 1
	echo "$stderr" >&2
	[ "$(state)" = partial ]
	[ "$(jq -r .sending.sms.left t/waves/w1/status.json)" = 17 ]
	no_personal_data "$stderr"
	start_service
	run --separate-stderr wave
	[ "$status" -eq 0 ]
	[ "$(state)" = sent ]
	[ "$(accepted)" -eq 17 ]
	as_accounted
}

@test "send-wave: one run a wave: another's claim is 75 and names the holder" {
	make_tree 20
	start_service
	jq -n '{owner: "ops", host: "elsewhere", execution: "e1", time: "2027-06-01T02:00:00Z", pid: 1, started: "1", space: "x"}' \
		>t/waves/w1/claim.json
	run --separate-stderr wave
	[ "$status" -eq 75 ]
	[[ $stderr == *"claimed by ops on elsewhere"* ]]
	[ "$(accepted)" -eq 0 ]
	[ "$(jq -r .state t/state/waves/w1/status.json)" = prepared ]
	run --separate-stderr "$examples/send-wave.sh" --to t --wave w1 --status
	[ "$(jq -r .owner.host <<<"$output")" = elsewhere ]
	run --separate-stderr wave --break-claim
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 17 ]
}

@test "send-wave: from S3 and back, the journal in VF_STATE_DIR" {
	make_tree 20
	start_service
	export VF_STANDIN_S3=$s3 PATH=$VF_SRCDIR/tests/stand-ins:$PATH
	mkdir -p "$s3/bucket/c"
	cp -r t/config.json t/waves "$s3/bucket/c/"
	vf-attempt --status "$s3/bucket/c/waves/w1/status.json" --step prepare -c config.json --wave w1 --set prepared >/dev/null
	tree=s3://bucket/c
	run --separate-stderr wave
	[ "$status" -eq 2 ]
	[[ $stderr == *VF_STATE_DIR* ]]
	export VF_STATE_DIR=$scratch/state
	run --separate-stderr wave
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 17 ]
	[ "$(jq -r .state "$s3/bucket/c/waves/w1/status.json")" = sent ]
	[ "$(csv_records "$s3/bucket/c/waves/w1/sms-results.csv")" -eq 18 ]
	[ -s "$scratch/state/c1/waves/w1/sms.journal" ]
	[ ! -e "$s3/bucket/c/waves/w1/claim.json" ]
	run --separate-stderr "$examples/send-wave.sh" --to "$tree" --wave w1 --status
	[ "$(jq -r .sms.sent <<<"$output")" = 17 ]
}

@test "send-wave: files that are not the manifest's are not sent" {
	make_tree 20
	start_service
	echo 'f999999999,+12125559999,true,NYC,X,generated,c1,w1,,,' >>t/waves/w1/sms.csv
	run --separate-stderr wave
	[ "$status" -eq 1 ]
	no_personal_data "$stderr"
	[ "$(accepted)" -eq 0 ]
	[ "$(state)" = prepared ]
}

@test "send-wave: outside their hours fans are deferred: partial, with the next opening" {
	make_tree 40
	start_service
	# An hour that is neither now nor in ten minutes, anywhere in these two zones.
	local hour
	hour=$(date -u -d '+8 hours' +%H)
	run --separate-stderr wave --window "$hour:00-$hour:01"
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[ "$(state)" = partial ]
	[ "$(accepted)" -eq 0 ]
	[ "$(jq -r .sending.sms.deferred t/waves/w1/status.json)" = 35 ]
	[[ $(jq -r .nextWindowAt t/waves/w1/status.json) == 20*T*Z ]]
	run --separate-stderr wave
	[ "$status" -eq 0 ]
	[ "$(state)" = sent ]
	[ "$(jq -r .nextWindowAt t/waves/w1/status.json)" = null ]
	[ "$(accepted)" -eq 35 ]
}

@test "send-wave: Slack is told of a failure and of the end, without a fan's data; when it fails the wave is sent all the same" {
	make_tree 20
	start_service
	"$PYTHON3" "$VF_SRCDIR/tests/stand-ins/slack" --port-file slack.port --account slack.account >/dev/null 2>&1 3>&- &
	slack=$!
	wait_until 20 test -s slack.port
	VF_SLACK_WEBHOOK=http://127.0.0.1:$(cat slack.port)/hook
	export VF_SLACK_WEBHOOK
	run --separate-stderr wave --now 2027-05-01T00:00:00Z
	[ "$status" -eq 2 ]
	[ "$(jq -s length slack.account)" = 1 ]
	[[ $(jq -r .message.text slack.account) == *"ALERT: c1, wave w1"*"has not come"* ]]
	run --separate-stderr wave --first 5
	[ "$status" -eq 0 ]
	[ "$(jq -s length slack.account)" = 2 ]
	[[ $(jq -rs '.[1].message.text' slack.account) == *"partial: sms 4 sent"* ]]
	# An alert about a step that has figures: how long it took to tell is kept, for vf-tally.
	run --separate-stderr wave --token-file no-such-file
	echo "$stderr" >&2
	[ "$status" -eq 2 ]
	[ "$(jq -s length slack.account)" -ge 3 ]
	[ "$(jq -s 'map(.alerts.timed) | add' t/state/alerts.ndjson)" -ge 1 ]
	vf-tally --json --metrics t/state/alerts.ndjson >tally.json
	jq -e '.metrics[] | select(.id == "alert-delay") | .verdict == "ok" and .number < 60' tally.json
	no_personal_data "$(cat slack.account t/state/alerts.ndjson)"
	kill "$slack"
	run --separate-stderr wave
	[ "$status" -eq 0 ]
	[ "$(state)" = sent ]
	[ "$(accepted)" -eq 17 ]
}
