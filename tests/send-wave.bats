#!/usr/bin/env bats
# examples/send-wave.sh: a prepared wave, sent to a stand-in of the SMS service that keeps its own account.
load helper
load service
load campaign
load wave

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
	stop_service
}

@test "send-wave: tells every fan once, stores the results, and leaves a sent wave alone" {
	make_tree 60
	start_service
	run --separate-stderr wave
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	no_personal_data "$stderr"
	[[ $stderr == *"wave w1 sent: sms 53 sent, 0 failed, 0 unknown, 1 suppressed, 0 left"* ]]
	[ "$(accepted)" -eq 53 ]
	nobody_twice
	as_accounted
	[ "$(csv_records t/waves/w1/sms-results.csv)" -eq 54 ]
	[ "$(state)" = sent ]
	[ "$(jq -r .sending.sms.sent t/waves/w1/status.json)" = 53 ]
	[ "$("$examples/send-wave.sh" --to t --wave w1 --status | jq -c '[.sms | .sent, .suppressed, .left]')" = '[53,1,0]' ]
	[ "$(stats_get out t/stats/send-w1.ndjson vf-sms)" = 54 ]
	[ ! -e t/waves/w1/claim.json ]
	[ "$(find t -type f -perm /077)" = "" ]
	nothing_left t
	run --separate-stderr wave
	[ "$status" -eq 0 ]
	[[ $stderr == *"wave w1 is sent"* ]]
	cp t/waves/w1/sms-results.csv before.csv
	run --separate-stderr wave --again
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 53 ]
	[ "$(sort before.csv)" = "$(sort t/waves/w1/sms-results.csv)" ]
}

@test "send-wave: not before the notify date, not after the codes have run out, not for another date" {
	make_tree 20
	start_service
	for late in 2027-06-01T01:59:59Z 2028-06-01T02:00:00Z; do
		run --separate-stderr wave --now "$late"
		[ "$status" -eq 2 ]
		[[ $stderr == *"ALERT step=time"* ]]
	done
	[ "$(accepted)" -eq 0 ]
	[ ! -e t/waves/w1/sms-results.csv ]
	# The configuration is read again, from where it is now.
	sed -i 's/2027-06-01T02:00:00Z/2027-06-01T03:00:00Z/' config.json
	run --separate-stderr wave -c config.json --early
	[ "$status" -eq 2 ]
	[[ $stderr == *"the wave was prepared for 2027-06-01T02:00:00Z"* ]]
	# The same instant, written otherwise, is the same.
	sed -i 's/2027-06-01T03:00:00Z/2027-05-31T22:00:00-04:00/' config.json
	run --separate-stderr wave -c config.json --now 2027-05-31T00:00:00Z --early
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 17 ]
}

@test "send-wave: what it cannot do is exit 2, and nothing is sent" {
	make_tree 20
	start_service
	for words in '' '--to t --wave w1' "--to t --wave w1 --url $url --sms-template sms.txt" "--to t --wave w1 --url $url --suppress optout.txt" \
		"--to t --wave w1 --queue-url $url --suppress optout.txt" '--to t --wave ../w --status' '--to t --wave w1 --first 0 --status' \
		'--to t --wave w1 --colour red' '--to t --wave w9 --status' '--to t --wave w1 x'; do
		# shellcheck disable=SC2086
		run --separate-stderr "$examples/send-wave.sh" $words
		[ "$status" -eq 2 ] || { echo "$words: $status $stderr"; false; }
		[ -z "$output" ]
	done
	vf-attempt --status t/state/waves/w1/status.json --step prepare -c config.json --wave w1 --set planned >/dev/null
	run --separate-stderr wave
	[ "$status" -eq 2 ]
	[[ $stderr == *"the wave is planned, not prepared"* ]]
	cp t/waves/w1/manifest.json whole.json
	vf-attempt --status t/state/waves/w1/status.json --step prepare -c config.json --wave w1 --set prepared >/dev/null
	for key in notifyDate validTo; do
		jq "del(.$key)" whole.json >t/waves/w1/manifest.json
		run --separate-stderr wave
		[ "$status" -eq 2 ]
		[[ $stderr == *"the manifest lacks notifyDate or validTo"* ]]
	done
	rm t/waves/w1/manifest.json
	run --separate-stderr wave
	[ "$status" -eq 2 ]
	[ "$(accepted)" -eq 0 ]
	nothing_left t
}

@test "send-wave: a message of more parts than allowed is refused before the first is sent" {
	make_tree 20
	start_service
	printf '{{campaignName}}: “{{code}}” %0100d\n' 0 >sms.txt
	run --separate-stderr wave
	[ "$status" -eq 2 ]
	[[ $stderr == *"a message of 2 segments"* ]]
	no_personal_data "$stderr"
	[ "$(accepted)" -eq 0 ]
	[ "$(state)" = prepared ]
	run --separate-stderr wave --max-segments 2
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 17 ]
	[ "$(state)" = sent ]
}

@test "send-wave: a canary first, then the rest with the same journal; opt-outs as of now" {
	make_tree 100
	start_service
	run --separate-stderr wave --first 10
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 9 ]
	[ "$(state)" = partial ]
	[ "$(jq -r .sending.sms.left t/waves/w1/status.json)" = 80 ]
	[ "$(csv_records t/waves/w1/sms-results.csv)" -eq 10 ]
	# Somebody opts out after the canary.
	echo '+12125550099' >>optout.txt
	run --separate-stderr wave
	[ "$status" -eq 0 ]
	[ "$(accepted)" -eq 88 ]
	run ! grep -q 5550099 account.txt
	[ "$(state)" = sent ]
	nobody_twice
	as_accounted
	[ "$(csv_records t/waves/w1/sms-results.csv)" -eq 90 ]
}
