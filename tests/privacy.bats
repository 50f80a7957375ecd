#!/usr/bin/env bats
# No phone, address, id or code of the sample's fans in anything that people or logs see: all messages (text and
# JSON), all stats lines, all alerts, of every tool that reads fans and of the scripts, in good runs and in bad ones.
load helper
load campaign

# said COMMAND...: both streams of a command whose output is no data go into the log; its status does not matter.
said() {
	"$@" >>"$scratch/log" 2>&1 </dev/null || :
}

# told COMMAND...: the same for one whose standard output is data.
told() {
	"$@" >/dev/null 2>>"$scratch/log" </dev/null || :
}

@test "all that is said and counted in a campaign, and in runs that go wrong, names no fan" {
	cd "$scratch"
	said "$examples/campaign.sh" --out "$scratch/out"
	grep -q 'Everything is in' log
	at=out/waves/w1
	printf '%064d\n' 7 >seed
	printf 'Your code: {{code}}\n' >sms.txt
	printf '<p>{{code}}</p>\n' >email.html
	for log in text json; do
		common=(-c "$sample/config.json" --log "$log" --stats stats.ndjson)
		told vf-score "${common[@]}" "$sample/scores.txt"
		told vf-filter "${common[@]}" --email-blacklist "$sample/blacklist.txt" --opt-out "$sample/optout.txt" "$sample/scores.txt"
		told vf-draw "${common[@]}" --wave w1 --seed-file seed "$at/entrants.csv" "$at/entrants.csv"
		told vf-draw "${common[@]}" --wave w1 --seed-file seed "$sample/scores.txt"
		told vf-audit --log "$log" --stats stats.ndjson --manifest "$at/draw.json" --seed-file seed --result "$at/drawn.csv" "$at/entrants.csv"
		told vf-assign "${common[@]}" --wave w1 --codes "$at/codes.csv" --ledger out/ledger.csv "$at/drawn.csv"
		told vf-assign "${common[@]}" --wave w1 --codes "$at/sms.csv" --ledger "$at/sms.csv" "$at/drawn.csv"
		told vf-wave "${common[@]}" --wave w1 --late --out "wave-$log" "$at/codes.csv"
		told vf-events "${common[@]}" selection "$at/entrants.csv" "$at/codes.csv"
		told vf-avro --schema "$examples/schemas/registration.avsc" "${common[@]}" "$sample/scores.txt"
		told vf-avro --decode --log "$log" --stats stats.ndjson "$at/sms.csv"
		told vf-sms "${common[@]}" --wave w1 --template sms.txt --dry-run "$at/sms.csv" "$at/email.csv"
		told vf-sms "${common[@]}" --wave w1 --template sms.txt --url http://127.0.0.1:9/ --retries 0 --stop-after 5 \
			--journal "sms-$log" "$at/sms.csv"
		told vf-email "${common[@]}" --wave w1 --template email.html --subject '{{code}}' --suppress "$sample/optout.txt" "$at/email.csv"
		told vf-email "${common[@]}" --wave w1 --template email.html --subject '{{code}}' "$at/sms.csv"
		told vf-kinesis --log "$log" --stats stats.ndjson --stream s --key globalUserId --endpoint-url http://127.0.0.1:9 --region x \
			--retries 0 put "$at/email-preview.ndjson" "$at/sms.csv"
		told vf-sqs --log "$log" --stats stats.ndjson --queue-url http://127.0.0.1:9/1/q --journal "q-$log" send "$at/sms.csv"
		told vf-tally --log "$log" "$at/sms.csv" stats.ndjson
	done
	cat stats.ndjson out/stats/*.ndjson out/state/waves/*/status.json out/report.html >>log
	"$PYTHON3" "$VF_SRCDIR/tests/secrets.py" "$sample/scores.txt" out/ledger.csv >secrets.list
	# It is no empty promise: there is enough to be found, and it would be found.
	[ "$(wc -l <secrets.list)" -gt 20000 ]
	[ "$(wc -l <log)" -gt 150 ]
	[ "$(grep -cFf secrets.list "$at/sms.csv")" -gt 1000 ]
	grep -nFf secrets.list log | cut -d: -f1 | head -n 5 >found
	[ ! -s found ] || {
		echo "lines of the log that name a fan: $(paste -sd' ' found)" >&2
		false
	}
}
