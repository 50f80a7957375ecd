#!/usr/bin/env bats
# Kill loops, long enough to hit every moment of a run many times.
# bats file_tags=long
load ../helper

@test "vf-assign: killed 100 times over 30,000 fans: no line changes, nothing is given twice" {
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr "$PYTHON3" "$VF_SRCDIR/tests/kill.py" assign 30000 100
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "vf-wave: killed 120 times while it replaces: the folder is whole all the time" {
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr "$PYTHON3" "$VF_SRCDIR/tests/kill.py" wave 20000 120
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "vf-assign: twelve at once, some of them killed, give no code twice and no fan two codes" {
	cd "$BATS_TEST_TMPDIR"
	local i pids=()
	echo '{"id":"c1","markets":[],"waves":[]}' >config.json
	{ echo code; seq -f 'A%08.0f' 1 40000; } >codes.csv
	for i in $(seq 12); do
		{ echo globalUserId; seq $((i * 2000)) $((i * 2000 + 8000)) | sed 's/^/nf/'; } >"in$i.csv"
	done
	for i in $(seq 12); do
		vf-assign -c config.json --wave w1 --codes codes.csv --ledger ledger.csv -o "out$i.csv" "in$i.csv" 3>&- 2>/dev/null &
		pids+=($!)
	done
	sleep 0.1
	for i in 2 5 8; do
		kill -KILL "${pids[i]}" 2>/dev/null || true
	done
	for i in "${pids[@]}"; do
		wait "$i" || true
	done
	for i in $(seq 12); do
		vf-assign -c config.json --wave w1 --codes codes.csv --ledger ledger.csv -o "last$i.csv" "in$i.csv"
		[ ! -e "out$i.csv" ] || same_files "out$i.csv" "last$i.csv"
	done
	[ "$(csv_records ledger.csv)" -eq 30001 ]
	[ "$(tail -n +2 ledger.csv | cut -d, -f1 | sort -u | wc -l)" -eq 30001 ]
	[ "$(tail -n +2 ledger.csv | cut -d, -f2 | sort -u | wc -l)" -eq 30001 ]
}

@test "vf-sms: killed 50 times over a wave of 5,000, without and with --idempotent: nobody forgotten, nobody asked twice" {
	cd "$BATS_TEST_TMPDIR"
	run --separate-stderr "$VF_SRCDIR/tests/kill-sms.sh" 5000 50
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}
