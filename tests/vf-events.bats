#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	echo '{"id":"c1"}' >c.json
	events=(vf-events -c c.json --now 2027-03-01T12:00:00Z)
}

# event_id PART...: the hash that the manual page names, by Python.
event_id() {
	"$PYTHON3" -c 'import hashlib, sys; print(hashlib.blake2b("\0".join(sys.argv[1:]).encode(), digest_size=16).hexdigest())' "$@"
}

@test "vf-events: a selection is one line with its members in order" {
	local id
	id=$(event_id selection c1 '' nf1 NYC 0.950000 high 'no-phone;x')
	try "${events[@]}" selection <<-'EOT'
		globalUserId,market,score,band,tags
		nf1,NYC,0.95,high,no-phone;x
	EOT
	[ "$status" -eq 0 ]
	[ "$output" = '{"eventId":"'"$id"'","type":"selection","campaignId":"c1","globalUserId":"nf1","market":"NYC","score":0.950000,"band":"high","tags":["no-phone","x"],"occurredAt":"2027-03-01T12:00:00Z"}' ]
	[ -z "$stderr" ]
}

@test "vf-events: a code assignment too, dates in UTC" {
	local id
	id=$(event_id code-assignment c1 w1 nf1)
	try "${events[@]}" code-assignment <<-'EOT'
		globalUserId,code,codeType,waveId,validFrom,validTo
		nf1,ABC,generated,w1,2027-03-04T10:00:00-05:00,2028-03-05T15:00:00Z
	EOT
	[ "$status" -eq 0 ]
	[ "$output" = '{"eventId":"'"$id"'","type":"code-assignment","campaignId":"c1","waveId":"w1","globalUserId":"nf1","code":"ABC","codeType":"generated","validFrom":"2027-03-04T15:00:00Z","validTo":"2028-03-05T15:00:00Z","occurredAt":"2027-03-01T12:00:00Z"}' ]
}

@test "vf-events: what is missing or empty is null, and tags are an empty array" {
	try "${events[@]}" selection <<<$'globalUserId,market\n nf1 , '
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.globalUserId,.market,.score,.band,.tags]' <<<"$output")" = '["nf1",null,null,null,[]]' ]
	[ "$(jq -r .eventId <<<"$output")" = "$(event_id selection c1 '' nf1 '' '' '' '')" ]
}

@test "vf-events: a replay is the same event, a correction and another wave are others" {
	local head=globalUserId,market,score,band,tags
	"${events[@]}" selection <<<"$head"$'\nnf1,NYC,0.5,low,' >a
	vf-events -c c.json selection <<<"$head"$'\nnf1,NYC,0.500000,low,' >b
	"${events[@]}" selection <<<"$head"$'\nnf1,NYC,0.51,low,' >c
	"${events[@]}" selection <<<"$head"$'\nnf1,NYC,0.5,low,x' >d
	"${events[@]}" --wave w2 selection <<<"$head"$'\nnf1,NYC,0.5,low,' >e
	[ "$(jq -r .eventId a)" = "$(jq -r .eventId b)" ]
	[ "$(cat a b c d e | jq -r .eventId | sort -u | wc -l)" -eq 4 ]
	[[ $(jq -r .occurredAt b) =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$ ]]
}

@test "vf-events: rejects what is no event, and all is accounted for" {
	try "${events[@]}" --rejects r --stats s code-assignment <<-'EOT'
		globalUserId,code,codeType,validTo
		,ABC,generated,
		nf1,TM,TM,
		nf2,,generated,
		nf3,ABC,void,
		nf4,ABC,generated,tomorrow
		nf5,ABC
		nf6,ABC,generated,
	EOT
	[ "$status" -eq 0 ]
	[ "$(jq -r .globalUserId <<<"$output")" = nf6 ]
	[ "$(reject_lines r)" = '2 missing-user
3 tm-code
4 no-code
5 no-code
6 bad-date
7 field-count' ]
	[ "$(stats_get in s) $(stats_get out s) $(stats_get rejected s) $(stats_get type s) $(stats_get campaignId s)" = "7 1 6 code-assignment c1" ]
	stats_conserved s
	try "${events[@]}" --rejects r2 selection <<<$'globalUserId,score\nnf1,2\nnf2,1'
	[ "$(reject_lines r2)" = '2 bad-score' ]
	[ "$(jq -r .globalUserId <<<"$output")" = nf2 ]
}

@test "vf-events: text of every kind is JSON" {
	printf 'globalUserId,market,tags\nnf1,"a ""quoted"" \\ \x01 caf\xc3\xa9",a;;b" \nnf2,"say ""x""", p ; q ;\n' >in.csv
	try "${events[@]}" --rejects r selection in.csv
	[ "$status" -eq 0 ]
	[ "$(jq -c .tags <<<"$output")" = '["p","q"]' ]
	[ "$(reject_lines r)" = '2 bad-quote' ]
	printf 'globalUserId,market\nnf1,"a ""quoted"" \\ \x01 caf\xc3\xa9"\n' | "${events[@]}" selection >out
	[ "$(jq -r .market out)" = "$(printf 'a "quoted" \\ \x01 caf\xc3\xa9')" ]
	[ "$(wc -l <out)" -eq 1 ]
}

@test "vf-events: says what to do when it is not told" {
	try "${events[@]}" </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-events: what to do is missing; see vf-events --help" ]
	try "${events[@]}" selections </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-events: the first operand is nothing this tool can do; see vf-events --help" ]
	try vf-events selection </dev/null
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-events: -c FILE is needed: the campaign configuration" ]
	try "${events[@]}" code-assignment <<<$'globalUserId\nnf1'
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-events: stdin: no column code"* ]]
}

@test "vf-events: edges: empty, header only, CRLF, mark, a closed pipe, a full disk, -o" {
	try "${events[@]}" selection </dev/null
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-events: stdin: empty: there is no header" ]
	try "${events[@]}" selection <<<globalUserId
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	printf '\xef\xbb\xbfglobalUserId\r\nnf1' | "${events[@]}" selection >crlf
	printf 'globalUserId\nnf1\n' | "${events[@]}" selection >plain
	same_files crlf plain
	{ echo globalUserId; seq -f nf%.0f 1 200000; } >many.csv
	try bash -c '"$@" --stats s selection many.csv | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"' - "${events[@]}"
	[ "$status" -eq 141 ]
	[ -z "$stderr" ]
	[ "$(stats_get exit s)" = 141 ]
	try sh -c '"$@" selection many.csv >/dev/full' - "${events[@]}"
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-events: stdout: No space left on device" ]
	try sh -c '"$@" selection many.csv >&-' - "${events[@]}"
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-events: stdout: Bad file descriptor" ]
	try "${events[@]}" -o out.ndjson selection many.csv nowhere.csv
	[ "$status" -eq 1 ]
	[ ! -e out.ndjson ]
	try "${events[@]}" -o out.ndjson --max-rejects 0 selection <<<$'globalUserId\nnf1\nnull'
	[ "$status" -eq 3 ]
	[ ! -e out.ndjson ]
	try "${events[@]}" -o out.ndjson selection many.csv
	[ "$status" -eq 0 ]
	[ "$(wc -l <out.ndjson)" -eq 200000 ]
	[ "$(stat -c %a out.ndjson)" = 600 ]
	[ "$(jq -r .eventId out.ndjson | sort -u | wc -l)" -eq 200000 ]
}

@test "vf-events: SIGTERM is exit 75 and leaves nothing" {
	local pid status=0
	mkdir work && mkfifo fifo
	"${events[@]}" --stats s -o work/out selection fifo 2>err 3>&- &
	pid=$!
	exec 7>fifo
	echo globalUserId >&7
	wait_until 10 eval '[ -n "$(ls -A work)" ]'
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s)" = 75 ]
	[ -z "$(ls -A work)" ]
}
