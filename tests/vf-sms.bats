#!/usr/bin/env bats
load helper
load service

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
	stop_service
}

@test "vf-sms: every message is asked for as the OpenAPI document says, and has its result" {
	make_wave 300
	start_service --validate --token secret-token
	printf 'secret-token\n' >token
	sms --token-file token --rate 0 --concurrency 20 -o out.csv in.csv
	stop_service
	[ "$(csv_header out.csv)" = globalUserId,status,attempts,httpStatus,messageId,segments,finishedAt,seconds,detail ]
	[ "$(statuses)" = "300 sent" ]
	[ "$(csv_get globalUserId out.csv | sort)" = "$(csv_get globalUserId in.csv | sort)" ]
	[ "$(csv_get attempts out.csv | sort -u)" = 1 ]
	[ "$(csv_get messageId out.csv | sort -u | wc -l)" -eq 300 ]
	[ "$(summary accepted)" = 300 ]
	[ "$(summary invalid)" = 0 ]
	[ "$(stat -c %a out.csv journal)" = $'600\n600' ]
	[ "$(stats_get delivery.statuses.sent stats.json)" = 300 ]
	[ "$(stats_get waveId stats.json)" = '"w1"' ] || [ "$(stats_get waveId stats.json)" = w1 ]
	stats_conserved stats.json
	# The key is what the contract says, by another implementation of the hash.
	"$PYTHON3" - <<-'PY'
		import csv, hashlib
		keys = {line.split()[1]: line.split()[2] for line in open("account.txt")}
		for row in csv.DictReader(open("in.csv")):
		    key = hashlib.blake2b("\0".join(["c1", "w1", "sms", row["globalUserId"]]).encode(), digest_size=16).hexdigest()
		    assert keys.pop(key) == row["phone"]
		assert not keys
	PY
}

@test "vf-sms: the stand-in's validator refuses what the document does not allow" {
	make_wave 1
	start_service --validate
	run curl -s -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' -H 'Idempotency-Key: 00' -d '{}' "$url"
	[ "$output" = 400 ]
	stop_service
	[ "$(summary invalid)" = 1 ]
}

@test "vf-sms: each misbehaviour has its outcome, and a restart sends exactly the rest" {
	make_wave 18
	start_service --script '503,500,reset,half,json,html,no-id,http10,429,close,400,409,404,408,425,502,silent'
	sms --rate 100 --concurrency 1 --retries 0 --timeout 300ms -o out.csv in.csv 2>err.txt
	[ "$(csv_get detail out.csv | paste -sd,)" = \
		http-503,http-500,reset,cut,bad-answer,bad-answer,bad-answer,,http-429,,http-400,http-409,http-404,http-408,http-425,http-502,timeout, ]
	[ "$(csv_get status out.csv | paste -sd,)" = \
		failed,unknown,unknown,unknown,unknown,unknown,unknown,sent,failed,sent,failed,sent,failed,failed,failed,unknown,unknown,sent ]
	[ "$(cat err.txt)" = 'vf-sms: 8 unknown: the service may have taken them (a run with --idempotent asks it again)
vf-sms: 4 failed for now: run again to send them' ]
	wait_until 5 test "$(wc -l <requests.txt)" -eq 18
	# Those tried in vain again; what was refused or is unknown not.
	sms --rate 0 -o two.csv in.csv 2>/dev/null
	[ "$(wc -l <requests.txt)" -eq 22 ]
	[ "$(statuses two.csv)" = '2 failed 8 sent 8 unknown' ]
	[ "$(grep ^nf1, two.csv | cut -d, -f 2-4)" = sent,2,202 ]
	# What is known is written as it was.
	[ "$(grep -c -xFf two.csv out.csv)" -eq 15 ]
	[ "$(stats_get known stats.json)" = 14 ]
	sms --rate 0 --retry-failed -o three.csv in.csv 2>/dev/null
	[ "$(wc -l <requests.txt)" -eq 24 ]
	sms --rate 0 --idempotent -o four.csv in.csv
	[ "$(wc -l <requests.txt)" -eq 32 ]
	[ "$(statuses four.csv)" = '18 sent' ]
	sms --rate 0 -o five.csv in.csv
	[ "$(wc -l <requests.txt)" -eq 32 ]
	[ "$(sort four.csv)" = "$(sort five.csv)" ]
	stats_conserved stats.json
}

@test "vf-sms: --idempotent tries again under the same key, and 409 says that it is there" {
	make_wave 40
	start_service --idempotent --chance 'reset=0.2,accept-reset=0.2,accept-500=0.1,503=0.1' --seed 7
	sms --rate 0 --idempotent --retries 20 -o out.csv in.csv
	stop_service
	[ "$(statuses)" = '40 sent' ]
	[ "$(summary accepted)" = 40 ]
	[ "$(cut -d' ' -f2 account.txt | sort -u | wc -l)" -eq 40 ]
	[ "$(csv_get httpStatus out.csv | sort -u | paste -sd,)" = 202,409 ]
}

@test "vf-sms: a request that leaves on a kept connection that dies is not sent twice" {
	make_wave 200
	start_service --chance 'close=0.2,accept-reset=0.2' --seed 3
	sms --rate 0 --concurrency 4 -o out.csv in.csv 2>/dev/null
	[ "$(cut -d' ' -f2 account.txt | sort | uniq -d)" = '' ]
	[ "$(csv_get status out.csv | sort -u | paste -sd,)" = sent,unknown ]
	[ "$(cut -d' ' -f2 requests.txt | sort | uniq -d)" = '' ]
}

@test "vf-sms: what is not fit to be sent is never requested, and has its line or its reject" {
	make_wave 2
	cat >>in.csv <<-'EOF'
		nf1,+12120000001,NYC,C1,generated
		nf3,212-555-0100,NYC,C3,generated
		nf4,,NYC,C4,generated
		nf5,+12120000005,NYC,TM,TM
		nf6,+12120000006,NYC,,generated
		,+12120000007,NYC,C7,generated
		nf8,short
		nf9,+12120000009,NYC,C9,generated
		nf10,+12120000010,NYC,C10,generated
	EOF
	printf '# opted out\nnf9\n+12120000010\n' >optout.txt
	start_service
	sms --suppress optout.txt --rejects rejects.csv -o out.csv in.csv
	stop_service
	[ "$(tail -n +2 out.csv | cut -d, -f1,2,3,9 | sort)" = 'nf1,failed,0,duplicate-fan
nf1,sent,1,
nf10,suppressed,0,opt-out
nf2,sent,1,
nf3,failed,0,bad-address
nf4,failed,0,bad-address
nf5,failed,0,tm-code
nf6,failed,0,no-code
nf9,suppressed,0,opt-out' ]
	[ "$(reject_lines rejects.csv)" = $'9 missing-user\n10 field-count' ]
	[ "$(summary requests)" = 2 ]
	stats_conserved stats.json
	echo 'Hello' >sms.txt
	rm journal
	start_service
	sms -o out.csv --rejects /dev/null in.csv
	[ "$(statuses)" = '3 failed 6 sent' ]
	# A fan who opted out after the message was sent was sent to.
	sms -o out.csv --rejects /dev/null --suppress optout.txt in.csv
	[ "$(statuses)" = '3 failed 6 sent' ]
}

@test "vf-sms: Retry-After stops everything, in seconds and as a date; too long a pause is exit 75" {
	make_wave 30
	start_service --script 'ok*5,429:1'
	sms --rate 100 --concurrency 4 -o out.csv in.csv
	stop_service
	[ "$(statuses)" = '30 sent' ]
	# After the answer those that were under way end, then nothing comes for a second.
	awk '{ if (NR > 1 && $1 - last > 0.9) pauses++; last = $1 } END { exit pauses != 1 }' requests.txt
	[ "$(stats_get delivery.throttled stats.json)" = 1 ]
	rm journal requests.txt
	start_service --script 503:+2
	sms --rate 0 --concurrency 1 -o out.csv in.csv
	stop_service
	awk 'NR == 2 { exit !($1 - last > 0.5) } { last = $1 }' requests.txt
	[ "$(statuses)" = '30 sent' ]
	rm journal
	start_service --script '503:86400'
	try sms --concurrency 1 in.csv
	[ "$status" -eq 75 ]
	[ "$(tail -n 1 <<<"$stderr")" = 'vf-sms: the service asks to wait for 86400 s' ]
}

@test "vf-sms: 401 in mid-run ends it with exit 1, and a run with a good token goes on" {
	make_wave 60
	start_service --script 'ok*20,401*100'
	try sms --concurrency 4 --rate 0 -o out.csv in.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *'vf-sms: the service refuses us: http-401' ]]
	[ ! -e out.csv ]
	stop_service
	[ "$(summary requests)" -lt 30 ]
	start_service
	sms --rate 0 -o out.csv in.csv
	[ "$(statuses)" = '60 sent' ]
	[ "$(cut -d' ' -f2 account.txt | sort | uniq -d)" = '' ]
}

@test "vf-sms: --stop-after counts failures in a row, and what was refused stays refused" {
	make_wave 100
	start_service --script '400*4,ok,400*95'
	try sms --concurrency 1 --rate 0 --stop-after 5 in.csv
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-sms: 5 failures in a row, the last one: http-400' ]
	[ "$(wc -l <requests.txt)" -eq 10 ]
	[ "$(grep -c ',failed,' <<<"$output")" -eq 9 ]
}

# bats test_tags=long
@test "vf-sms: at most the rate and one in any second, most of it over time, and concurrency is reached, never exceeded" {
	make_wave 300
	start_service --delay 0.2
	sms --rate 100 --concurrency 30 -o out.csv in.csv
	stop_service
	[ "$(stats_get underWayMax stats.json)" -le 30 ]
	# By what the service saw, to which a request may be late: a few more in a second, not many.
	"$PYTHON3" - <<-'PY'
		times = sorted(float(line.split()[0]) for line in open("requests.txt"))
		assert len(times) == 300, len(times)
		assert 2.95 <= times[-1] - times[0] <= 3.6, times[-1] - times[0]
		busiest = max(sum(1 for t in times if start <= t <= start + 1) for start in times)
		assert busiest <= 104, busiest
	PY
	rm journal
	start_service --delay 0.2
	sms --rate 0 --concurrency 30 -o out.csv in.csv
	stop_service
	[ "$(summary underWay)" = 30 ]
	[ "$(stats_get underWayMax stats.json)" = 30 ]
}

@test "vf-sms: --rate-unit segments counts parts" {
	make_wave 40
	printf '%0200d {{code}}\n' 0 >sms.txt
	start_service
	sms --rate 100 --rate-unit segments -o out.csv in.csv
	[ "$(csv_get segments out.csv | sort -u)" = 2 ]
	"$PYTHON3" - <<-'PY'
		times = sorted(float(line.split()[0]) for line in open("requests.txt"))
		assert times[-1] - times[0] >= 0.75, times[-1] - times[0]
	PY
}

@test "vf-sms: outside the window of the market's zone a message is deferred, and counted as held back" {
	make_wave 4
	local here there open
	here=$(TZ=America/New_York date +%H)
	there=$(TZ=America/Los_Angeles date +%H)
	# An hour that is open in New York and closed in Los Angeles, three hours behind.
	open=$here:00-$(printf '%02d' $((10#$here + 1))):00
	start_service
	sms --window "$open" -o out.csv in.csv
	[ "$here" != "$there" ]
	[ "$(tail -n +2 out.csv | cut -d, -f1,2,3,9 | sort)" = 'nf1,sent,1,
nf2,deferred,0,window
nf3,sent,1,
nf4,deferred,0,window' ]
	[ "$(stats_get in stats.json) $(stats_get out stats.json) $(stats_get deferred stats.json)" = '4 2 2' ]
	stats_conserved stats.json
	[ "$(date -u -d "$(stats_get nextWindowAt stats.json | tr -d '"')" +%s)" -gt "$(date +%s)" ]
	# Without a window they go, and the others are not sent again.
	sms -o out.csv in.csv
	[ "$(statuses)" = '4 sent' ]
	[ "$(cut -d' ' -f2 account.txt | sort | uniq -d)" = '' ]
	sed -i 's/LA/SF/' in.csv
	rm journal
	sms --window "$open" -o out.csv in.csv
	[ "$(statuses)" = '2 failed 2 sent' ]
	[ "$(csv_get detail out.csv | sort | paste -sd,)" = ',,no-timezone,no-timezone' ]
	sed -i 's/,"timezone":"[^"]*"//g' config.json
	try sms --window "$open" in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-sms: --window: --tz ZONE is needed: market NYC of the configuration has no timezone' ]
}

@test "vf-sms: --dry-run shows the messages, by another alphabet too, and needs no service" {
	make_wave 2
	printf '{{code}} für „{{campaignName}}“\nam {{waveDate}} \\o/\n' >sms.txt
	try vf-sms --dry-run -c config.json --wave w1 --template sms.txt in.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = 'globalUserId,status,attempts,httpStatus,messageId,segments,finishedAt,seconds,detail,encoding,body
nf1,dry-run,0,,,1,,,,UCS-2,C000001 für „The Presale“\nam 2027-05-31 \\o/
nf2,dry-run,0,,,1,,,,UCS-2,C000002 für „The Presale“\nam 2027-05-31 \\o/' ]
	echo '{{code}}, {{waveId}}' >sms.txt
	echo 'nf2,+12120000001,NYC,C1,generated' >>in.csv
	try vf-sms --dry-run -c config.json --wave w1 --template sms.txt in.csv
	[ "${lines[1]}" = 'nf1,dry-run,0,,,1,,,,GSM-7,"C000001, w1"' ]
	[ "${lines[3]}" = 'nf2,failed,0,,,,,,duplicate-fan,,' ]
}

@test "vf-sms: --max-segments refuses before the first message, from a pipe too" {
	make_wave 50
	printf '%0150d {{code}} {{note}}' 0 >sms.txt
	sed -i '1s/$/,note/; 2,$s/$/,x/; 40s/x$/one part more than was said/' in.csv
	start_service
	try sms --max-segments 1 in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-sms: in.csv:40: a message of 2 segments (GSM-7): more than --max-segments 1' ]
	try sms --max-segments 1 < <(cat in.csv)
	[ "$status" -eq 2 ]
	[ ! -e journal ]
	[ ! -s requests.txt ]
	sms --max-segments 2 --rate 0 -o out.csv < <(cat in.csv)
	[ "$(statuses)" = '50 sent' ]
}

@test "vf-sms: SIGTERM starts nothing more, waits for what is under way, and is exit 75" {
	make_wave 500
	start_service --delay 0.3
	sms_job --rate 200 --concurrency 20 in.csv >out.csv 2>err.txt 3>&- &
	pid=$!
	wait_until 10 test -s account.txt
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	[ "$(cat err.txt)" = 'vf-sms: interrupted by SIGTERM: the output is not complete' ]
	[ "$(stats_get exit stats.json)" = 75 ]
	# Everything that left has its answer.
	[ "$(csv_get status out.csv | grep -cx sent)" -eq "$(wc -l <account.txt)" ]
	run ! grep -q unknown out.csv
	sms --rate 0 -o out.csv in.csv
	[ "$(statuses)" = '500 sent' ]
	[ "$(cut -d' ' -f2 account.txt | sort | uniq -d)" = '' ]
}

# bats test_tags=long
@test "vf-sms: killed at any moment and run again, nobody known sent is sent again, and every record has its line" {
	"$VF_SRCDIR/tests/kill-sms.sh" 300 4 >log.txt || { cat log.txt; false; }
}

@test "vf-sms: answers are not kept waiting by a pipe, and results come while it is open" {
	make_wave 6
	start_service
	mkfifo fifo
	sms_job fifo >out.csv 3>&- &
	pid=$!
	exec 7>fifo
	head -n 4 in.csv >&7
	wait_until 10 grep -q ^nf3,sent, out.csv
	printf 'nf4,+12120000004,LA,C4' >&7
	sleep 0.2
	[ "$(wc -l <out.csv)" -eq 4 ]
	printf ',generated\n\n\n' >&7
	wait_until 10 grep -q ^nf4,sent, out.csv
	exec 7>&-
	wait "$pid"
	[ "$(statuses)" = '4 sent' ]
}

@test "vf-sms: a journal belongs to one wave, and to one run at a time" {
	make_wave 3
	start_service --delay 4
	sms_job -o out.csv in.csv 3>&- &
	pid=$!
	wait_until 10 test -s journal
	try sms --lock-wait 100ms in.csv
	[ "$status" -eq 75 ]
	wait "$pid"
	sed -i 's/w1/w2/' config.json
	try vf-sms -c config.json --wave w2 --url "$url" --template sms.txt --journal journal in.csv
	[ "$status" -eq 2 ]
	[[ $stderr == 'vf-sms: journal: the journal of c1,w1,sms '* ]]
	echo 'nonsense,nf1,x' >>journal
	sed -i 's/w2/w1/' config.json
	try sms in.csv
	[ "$status" -eq 2 ]
	[[ $stderr == 'vf-sms: journal:'*': a status that is not known here' ]]
}

@test "vf-sms: without --wave the records say it, and those of another wave are not sent" {
	make_wave 3
	sed -i '1s/$/,waveId,notifyDate/; 2,$s/$/,w7,2027-06-01T00:00:00Z/; 4s/w7/w8/' in.csv
	start_service
	vf-sms -c config.json --url "$url" --template sms.txt --journal journal --stats stats.json -o out.csv in.csv
	[ "$(tail -n +2 out.csv | cut -d, -f1,2,9 | sort)" = $'nf1,sent,\nnf2,sent,\nnf3,failed,other-wave' ]
	[ "$(head -n 1 journal)" = vf-journal/1,c1,w7,sms ]
	[ "$(jq -r .waveId stats.json)" = w7 ]
}

@test "vf-sms: a certificate that cannot be trusted ends the run; --ca-file names whom to trust" {
	make_wave 5
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \
		-addext 'subjectAltName=IP:127.0.0.1' 2>/dev/null
	start_service --tls cert.pem key.pem
	url=https${url#http}
	try sms in.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *'vf-sms: the service refuses us: certificate' ]]
	[ ! -s requests.txt ]
	sms --ca-file cert.pem -o out.csv in.csv
	[ "$(statuses)" = '5 sent' ]
	url=https://localhost:${url##*:}
	rm journal
	try sms --ca-file cert.pem in.csv
	[ "$status" -eq 1 ]
}

@test "vf-sms: proxies of the environment are not used" {
	make_wave 2
	start_service
	http_proxy=http://127.0.0.1:1 HTTP_PROXY=http://127.0.0.1:1 all_proxy=http://127.0.0.1:1 sms -o out.csv in.csv
	[ "$(statuses)" = '2 sent' ]
}

@test "vf-sms: usage and configuration are exit 2, and nothing is sent" {
	local args
	make_wave 2
	url=http://127.0.0.1:1/
	for args in '--rate-unit parts' '--concurrency 0' '--concurrency 10001' '--timeout 0' '--window 8-21' \
		'--token-file nowhere' '--suppress nowhere' '--tz Mars/Olympus' '--rate 1000001' '--url ftp://x/' '--url http://u:p@x/'; do
		# shellcheck disable=SC2086
		try sms --column market=code --column code=market $args in.csv
		[ "$status" -eq 2 ] || { echo "$args: $status $stderr"; false; }
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr != *u:p@* ]]
	done
	for args in '--template sms.txt --journal j' '--template sms.txt --url http://x/' '--url http://x/ --journal j'; do
		# shellcheck disable=SC2086
		try vf-sms -c config.json --wave w1 $args in.csv
		[ "$status" -eq 2 ]
		[[ $stderr == *' is needed' ]]
	done
	echo '{{nobody}}' >sms.txt
	try sms in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-sms: sms.txt:1: {{nobody}}: no column and no value of this name' ]
	[ ! -e journal ]
}

@test "vf-sms: an empty stream, CRLF, a byte order mark, a missing last line end" {
	make_wave 3
	start_service
	head -n 1 in.csv >empty.csv
	sms -o out.csv empty.csv
	[ "$(wc -l <out.csv)" -eq 1 ]
	try sms /dev/null
	[ "$status" -eq 1 ]
	{ printf '\xef\xbb\xbf'; sed 's/$/\r/' in.csv | head -c -2; } >crlf.csv
	sms -o out.csv crlf.csv
	[ "$(statuses)" = '3 sent' ]
	[ "$(stats_get in stats.json)" = 3 ]
}

@test "vf-sms: a full disk and a closed reader stop it before more leaves, and nothing is forgotten" {
	make_wave 3000
	start_service
	try bash -c '"$@" --rate 500 >/dev/full' - vf-sms -c config.json --wave w1 --url "$url" --template sms.txt \
		--journal journal in.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *'vf-sms: stdout: No space left on device' ]]
	[ "$(wc -l <account.txt)" -lt 1000 ]
	try bash -c '"$@" --rate 500 | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"' - vf-sms -c config.json \
		--wave w1 --url "$url" --template sms.txt --journal journal in.csv
	[ "$status" -eq 141 ]
	[ -z "$stderr" ]
	[ "$(wc -l <account.txt)" -lt 2500 ]
	sms --rate 0 -o out.csv in.csv
	[ "$(statuses)" = '3000 sent' ]
	[ "$(wc -l <account.txt)" -eq 3000 ]
}

@test "vf-sms: no phone, code or id of a fan gets onto stderr" {
	make_wave 30
	start_service --chance 'reset=0.3,400=0.3,503=0.2'
	sms --rate 0 --retries 1 -o out.csv in.csv 2>err.txt || true
	run ! grep -qE '\+1212|C0000|nf[0-9]' err.txt
}
