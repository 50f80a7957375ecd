#!/usr/bin/env bats
# examples/send-wave.sh: the e-mail part of a wave, rendered and queued in moto's queue.
# bats file_tags=long
load ../helper
load ../aws
load ../campaign
load ../wave

setup_file() {
	start_moto --queues mail
}

teardown_file() {
	stop_moto
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
	make_tree 20
	echo '<p>{{campaignName}}: <b>{{code}}</b></p>' >email.html
	printf '%s\n' fan4@example.com +12125550003 >optout.txt
}

# mail QUEUE [OPTION]...: send-wave.sh for e-mail, at a time at which it may be sent.
mail() {
	"$examples/send-wave.sh" --to t --wave w1 --queue-url "$MOTO_URL/123456789012/$1" --email-template email.html \
		--subject 'Your code' --suppress optout.txt --now 2027-06-01T02:00:00Z --retries 0 --wait 0 --poll 0.3 "${@:2}"
}

queue() { moto "$1" "$MOTO_URL/123456789012/$2"; }

@test "send-wave: e-mail jobs are queued once each, by a canary, the rest, and again" {
	run --separate-stderr mail mail --first 5
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[ "$(state)" = partial ]
	[ "$(queue count mail)" -eq 4 ]
	run --separate-stderr mail mail
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	no_personal_data "$stderr"
	[[ $stderr == *"wave w1 sent: "*"e-mail 19 queued, 1 suppressed, 0 left"* ]]
	[ "$(state)" = sent ]
	[ "$(jq -c .sending.email t/waves/w1/status.json)" = '{"queued":19,"suppressed":1,"left":0}' ]
	[ "$(stats_get out t/stats/send-w1.ndjson vf-email)" -eq 19 ]
	[ "$(csv_get reason t/rejects/send-w1.csv | sort -u)" = suppressed ]
	run --separate-stderr mail mail --again
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[ "$(queue count mail)" -eq 19 ]
	run --separate-stderr "$examples/send-wave.sh" --to t --wave w1 --status
	echo "$output" >&2
	[ "$status" -eq 0 ]
	jq -e '.state == "sent" and .email.sent == 19 and .email.left == 0 and .email.ratePerSecond > 0 and .sms.sent == 0' <<<"$output"
	queue queue mail >jobs.ndjson
	[ "$(jq -r .jobId jobs.ndjson | sort -u | wc -l)" -eq 19 ]
	[ "$(jq -r '.to + " " + .code' jobs.ndjson | sort)" = "$(seq 1 20 | grep -vx 4 | awk '{ printf "fan%d@example.com CODE%05d\n", $1, $1 }' | sort)" ]
	jq -se 'all(.[]; .campaignId == "c1" and .waveId == "w1" and .subject == "Your code" and (.code as $c | .html | contains($c)))' jobs.ndjson
	nothing_left t
}
