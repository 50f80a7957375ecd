#!/usr/bin/env bats
# Against moto, which checks signatures, and behind a proxy that fails on purpose.
load helper
load aws

setup_file() {
	untraced
	start_moto --streams one:1,two:2
}

teardown_file() {
	stop_moto
}

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
	put=(vf-kinesis --key id --stats s.json put)
}

teardown() {
	stop_proxy
}

# events N [KEYS]: N records, numbered, of KEYS keys in turn.
events() {
	"$PYTHON3" -c '
import sys
n, keys = int(sys.argv[1]), int(sys.argv[2])
for i in range(n):
    print("{\"id\":\"k%d\",\"n\":%d}" % (i % keys, i))' "$1" "${2:-1000000}"
}

# new_stream NAME SHARDS
new_stream() {
	moto make-stream "$1" "$2"
}

records_of() {
	moto stream "$1"
}

# each_once FILE STREAM: every line of FILE is there, once, byte for byte.
each_once() {
	records_of "$2" | cut -d' ' -f3- | sort >got
	sort "$1" | cmp - got
}

# in_order STREAM: first arrivals of each key have rising n. Prints how many records are there beyond the first ones.
in_order() {
	records_of "$1" | "$PYTHON3" -c '
import json, sys
last, seen, again = {}, set(), 0
for line in sys.stdin:
    shard, key, data = line.rstrip("\n").split(" ", 2)
    n = json.loads(data)["n"]
    if n in seen:
        again += 1
        continue
    seen.add(n)
    if n < last.get(key, -1):
        sys.exit(f"{key}: {n} after {last[key]}")
    last[key] = n
print(again)'
}

@test "vf-kinesis: every record arrives once, as it stands, under its key" {
	printf '{"id":"a b","x":[1,{"id":"forged"}], "t":"caf\xc3\xa9"}\r\n\n{"id":7}\n{"id":"\\u00e9\\n"}' >in
	new_stream forms 1
	try "${put[@]}" --stream forms in
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(stats_get in s.json) $(stats_get out s.json) $(stats_get requests s.json)" = "3 3 1" ]
	records_of forms >got
	[ "$(cut -d' ' -f2- got | sed -n 1p)" = $'a b {"id":"a b","x":[1,{"id":"forged"}], "t":"caf\xc3\xa9"}' ]
	[ "$(cut -d' ' -f2- got | sed -n 2p)" = '7 {"id":7}' ]
	grep -q '{"id":"\\u00e9\\n"}' got
}

@test "vf-kinesis: thousands in batches of 500, from a pipe too" {
	events 3100 >in
	new_stream many 2
	try "${put[@]}" --stream many in
	[ "$status" -eq 0 ]
	[ "$(stats_get requests s.json) $(stats_get out s.json)" = "7 3100" ]
	each_once in many
	new_stream piped 1
	events 1700 | "${put[@]}" --stream piped
	[ "$(stats_get out s.json)" = 1700 ]
	[ "$(records_of piped | wc -l)" -eq 1700 ]
}

@test "vf-kinesis: those of a key wait for each other" {
	events 400 40 >in
	new_stream keyed 1
	try "${put[@]}" --stream keyed --concurrency 8 in
	[ "$status" -eq 0 ]
	each_once in keyed
	[ "$(in_order keyed)" = 0 ]
}

@test "vf-kinesis: rejects what cannot be a record, and all is accounted for" {
	{
		printf '{"id":"ok"}\nnot json\n{"x":1}\n{"id":""}\n{"id":null}\n{"id":["a"]}\n'
		printf '{"id":"%0257d"}\n{"id":"%0256d"}\n{"id":1,"id":2}\n{"id":"\xff"}\n{"id":"a\0"}\n' 0 0
		"$PYTHON3" -c 'print("{\"id\":\"b\",\"x\":\"" + "x" * (1 << 20) + "\"}"); print("{\"id\":\"c\",\"x\":\"" + "x" * (3 << 20) + "\"}")'
	} >in
	new_stream rejects 1
	try "${put[@]}" --stream rejects --rejects r.csv in
	[ "$status" -eq 0 ]
	[ "$(reject_lines r.csv)" = '2 bad-json
3 bad-key
4 bad-key
5 bad-key
6 bad-key
7 bad-key
9 bad-json
10 bad-utf8
11 nul-byte
12 too-large
13 too-long' ]
	[ "$(stats_get in s.json) $(stats_get out s.json) $(stats_get rejected s.json)" = "13 2 11" ]
	stats_conserved s.json
	[ "$(records_of rejects | wc -l)" -eq 2 ]
}

@test "vf-kinesis: a record of just 1 MiB goes, and large ones share requests of 5 MiB" {
	"$PYTHON3" -c '
for i in range(7):
    head = "{\"id\":\"%d\",\"x\":\"" % i
    print(head + "x" * ((1 << 20) - 1 - len(head) - 2) + "\"}")' >in
	new_stream large 1
	try "${put[@]}" --stream large in
	[ "$status" -eq 0 ]
	[ "$(stats_get out s.json) $(stats_get requests s.json)" = "7 2" ]
	each_once in large
}

@test "vf-kinesis: what a pipe has is sent at once, without waiting for more" {
	local pid
	new_stream trickle 1
	mkfifo fifo
	"${put[@]}" --stream trickle fifo 2>err 3>&- &
	pid=$!
	exec 7>fifo
	echo '{"id":"a","n":1}' >&7
	wait_until 20 eval '[ "$(records_of trickle | wc -l)" -eq 1 ]'
	printf '{"id":"a","n":2}\n{"id":"b"' >&7
	wait_until 20 eval '[ "$(records_of trickle | wc -l)" -eq 2 ]'
	echo ',"n":3}' >&7
	exec 7>&-
	wait "$pid"
	[ "$(records_of trickle | wc -l)" -eq 3 ]
}

@test "vf-kinesis: an empty input is an empty stream, and needs credentials all the same" {
	try "${put[@]}" --stream one </dev/null
	[ "$status" -eq 0 ]
	[ "$(stats_get requests s.json)" = 0 ]
	unset AWS_ACCESS_KEY_ID
	try "${put[@]}" --stream one </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-kinesis: no AWS credentials: neither in the environment, nor a profile, nor a container's" ]
	unset AWS_REGION
	try "${put[@]}" --stream one </dev/null
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-kinesis: no AWS region: "* ]]
}

@test "vf-kinesis: usage" {
	try vf-kinesis put --key id </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-kinesis: --stream NAME is needed" ]
	try vf-kinesis put --stream one </dev/null
	[ "$status" -eq 2 ]
	try vf-kinesis --stream one --key id get </dev/null
	[ "$status" -eq 2 ]
	try "${put[@]}" --stream one --concurrency 0 </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-kinesis: --concurrency: 1 to 200" ]
	try "${put[@]}" --stream one --endpoint-url ftp://x </dev/null
	[ "$status" -eq 2 ]
	try "${put[@]}" --stream one nowhere.ndjson
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-kinesis: nowhere.ndjson: No such file or directory" ]
}

@test "vf-kinesis: a wrong secret, a stranger, and a stream that is not there end the run at once" {
	events 2000 >in
	AWS_SECRET_ACCESS_KEY=wrong try "${put[@]}" --stream one --rejects r.csv in
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-kinesis: the service refuses us: "* ]]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(stats_get out s.json)" = 0 ]
	stats_conserved s.json
	AWS_ACCESS_KEY_ID=$MOTO_NOBODY_KEY AWS_SECRET_ACCESS_KEY=$MOTO_NOBODY_SECRET try \
		"${put[@]}" --stream one --rejects r.csv in
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-kinesis: the service refuses us: "* ]]
	try "${put[@]}" --stream none --rejects r.csv in
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-kinesis: the service refuses us: ResourceNotFoundException" ]
	stats_conserved s.json
}

@test "vf-kinesis: a profile of the shared credentials file" {
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION
	mkdir .aws
	printf '# keys\n[other]\naws_access_key_id = AK\r\naws_secret_access_key = x\n[ops]\r\naws_access_key_id=%s\nAWS_SECRET_ACCESS_KEY = %s \n' \
		"$MOTO_KEY" "$MOTO_SECRET" >.aws/credentials
	printf '[profile ops]\nregion = us-east-1\ns3 =\n  region = nowhere\n' >.aws/config
	AWS_PROFILE=ops try "${put[@]}" --stream two <<<'{"id":"profile"}'
	[ "$status" -eq 0 ]
	records_of two | grep -q profile
	AWS_PROFILE=none try "${put[@]}" --region us-east-1 --stream two <<<'{"id":"profile"}'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-kinesis: AWS_PROFILE: the shared credentials file has no such profile with keys" ]
}

@test "vf-kinesis: a container's credentials, renewed in mid-run, and when the service calls them expired" {
	local pid
	start_proxy --sessions "$MOTO_SESSIONS" --ttl 3
	new_stream container 1
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	export AWS_ENDPOINT_URL=$PROXY_URL AWS_CONTAINER_CREDENTIALS_FULL_URI=$PROXY_URL/credentials
	try "${put[@]}" --stream container <<<'{"id":"a","n":-1}'
	[ "$status" -eq 75 ]
	[ "$stderr" = "vf-kinesis: container credentials: http-401" ]
	echo secret-of-the-task >token
	export AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$PWD/token
	mkfifo fifo
	"${put[@]}" --stream container fifo 2>err 3>&- &
	pid=$!
	exec 7>fifo
	for n in 0 1 2 3 4 5 6 7 8 9; do
		echo "{\"id\":\"a\",\"n\":$n}" >&7
		sleep 0.5
	done
	exec 7>&-
	wait "$pid"
	[ "$(records_of container | wc -l)" -eq 10 ]
	[ "$(in_order container)" = 0 ]
	[ "$(stats_get credentialFetches s.json)" -ge 2 ]
	[ "$(stats_get credentialFetches s.json)" -le 8 ]
	AWS_CONTAINER_CREDENTIALS_FULL_URI=http://203.0.113.1/x try "${put[@]}" --stream container </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-kinesis: AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https:// nor of this machine" ]
}

# bats test_tags=long
@test "vf-kinesis: behind a service that throttles, fails, fails in part, hangs up and is slow" {
	local seed=${TEST_SEED:-$RANDOM} again lost
	echo "TEST_SEED=$seed"
	start_proxy --seed "$seed" --throttle 0.12 --unavailable 0.1 --drop-before 0.08 --drop-after 0.06 --slow 0.05 \
		--partial 0.3 --garbled 0.04
	events 6000 700 >in
	new_stream storm 2
	try "${put[@]}" --endpoint-url "$PROXY_URL" --stream storm --concurrency 6 --retries 60 in
	echo "$stderr"
	[ "$status" -eq 0 ]
	[ "$(stats_get in s.json) $(stats_get out s.json)" = "6000 6000" ]
	[ "$(records_of storm | cut -d' ' -f3- | sort -u | wc -l)" -eq 6000 ]
	again=$(in_order storm)
	# Only what was acted on without an answer may be there twice, and all of that was sent again.
	lost=$(jq -s '[.[] | select(.fault == "drop_after" or .fault == "garbled") | .batch | length] | add // 0' account)
	[ "$again" -eq "$lost" ]
	[ "$(jq -r 'select(.fault == "partial") | .fault' account | wc -l)" -eq "$(stats_get partial s.json)" ]
	[ "$(jq -r .fault account | sort -u | wc -l)" -ge 6 ]
	# Only what failed is sent again: requests of new and of failed records add up.
	[ "$(jq -s '[.[] | .batch | length] | add' account)" -eq $((6000 + $(stats_get resent s.json))) ]
}

@test "vf-kinesis: what cannot be delivered is rejected, makes exit 75, and later ones of its key do not overtake" {
	start_proxy --throttle 1
	events 3000 100 >in
	try "${put[@]}" --endpoint-url "$PROXY_URL" --stream one --retries 1 --rejects r.csv in
	[ "$status" -eq 75 ]
	[[ $stderr == "vf-kinesis: "*" records were not delivered: run again" ]]
	[ "$(stats_get out s.json)" = 0 ]
	[ "$(stats_get in s.json)" = "$(stats_get reasons.undeliverable s.json)" ]
	stats_conserved s.json
	[ "$(csv_get detail r.csv | sort -u | head -n 1)" = ProvisionedThroughputExceededEx ]
	[ "$(csv_get record r.csv | sort -u | wc -l)" = "$(stats_get rejected s.json)" ]
}

@test "vf-kinesis: SIGTERM lets what is under way finish, and is exit 75" {
	local pid status=0
	start_proxy --slow 1
	new_stream stopped 1
	mkfifo fifo
	"${put[@]}" --endpoint-url "$PROXY_URL" --stream stopped --rejects r.csv fifo 2>err 3>&- &
	pid=$!
	exec 7>fifo
	events 300 >&7
	wait_until 20 test -s account
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s.json)" = 75 ]
	stats_conserved s.json
	[ "$(stats_get out s.json)" -gt 0 ]
	[ "$(records_of stopped | wc -l)" -eq "$(stats_get out s.json)" ]
}

@test "vf-kinesis: nothing that was in a record or a secret gets to stderr" {
	start_proxy --throttle 1
	echo '{"id":"nf-secret","email":"secret@example.com"}' >in
	try "${put[@]}" --endpoint-url "$PROXY_URL" --stream one --retries 0 in
	[ "$status" -eq 75 ]
	[[ $stderr != *secret* && $stderr != *"$MOTO_SECRET"* ]]
	run ! grep -q "$MOTO_SECRET" s.json
}
