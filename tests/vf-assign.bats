#!/usr/bin/env bats
load helper

header=globalUserId,code,codeType,campaignId,waveId,assignedAt

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	cat >config.json <<-'EOF'
		{"id":"c1","markets":[{"id":"NYC"}],"waves":[{"id":"w1","notifyDate":"2027-06-01T12:00:00Z"},{"id":"w2"}]}
	EOF
	codes A 1 100 >codes.csv
	assign=(vf-assign -c config.json --wave w1 --codes codes.csv --ledger ledger.csv)
}

# codes PREFIX FROM TO: a file of codes.
codes() {
	echo code
	seq -f "$1%05g" "$2" "$3"
}

# fans FROM TO: records.
fans() {
	echo globalUserId,email
	seq "$1" "$2" | sed 's/.*/nf&,fan&@example.com/'
}

one_line() {
	[ "$(wc -l <<<"$stderr")" -eq 1 ] && [ -n "$stderr" ]
}

# The ledger's lines without header and time.
lines_of() {
	tail -n +2 "${1:-ledger.csv}" | cut -d, -f1-5
}

# No code for two fans, no two codes for a fan, every line whole.
ledger_is_sound() {
	[ "$(head -n 1 ledger.csv)" = "$header" ]
	[ "$(tail -c 1 ledger.csv | od -An -c | tr -d ' ')" = '\n' ]
	[ "$(tail -n +2 ledger.csv | cut -d, -f1 | sort | uniq -d | wc -l)" -eq 0 ]
	[ "$(tail -n +2 ledger.csv | cut -d, -f2 | sort | uniq -d | wc -l)" -eq 0 ]
	[ "$(tail -n +2 ledger.csv | grep -cvE '^[^,]+,[^,]+,generated,c1,w[0-9],[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$')" = 0 ]
}

@test "vf-assign: each fan gets the next code, and a line in the ledger" {
	try "${assign[@]}" --stats s.json < <(fans 1 3)
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,email,code,codeType
nf1,fan1@example.com,A00001,generated
nf2,fan2@example.com,A00002,generated
nf3,fan3@example.com,A00003,generated' ]
	[ -z "$stderr" ]
	[ "$(head -n 1 ledger.csv)" = "$header" ]
	[ "$(lines_of)" = 'nf1,A00001,generated,c1,w1
nf2,A00002,generated,c1,w1
nf3,A00003,generated,c1,w1' ]
	ledger_is_sound
	[ "$(stat -c %a ledger.csv)" = 600 ]
	[ "$(stats_get assigned s.json)" = 3 ]
	[ "$(stats_get campaignId s.json)" = c1 ]
	[ "$(stats_get waveId s.json)" = w1 ]
	stats_conserved s.json
}

@test "vf-assign: a second run, on the input or on its own output, gives the same bytes and no new line" {
	fans 1 50 >in.csv
	"${assign[@]}" -o one.csv in.csv
	cp ledger.csv ledger.before
	"${assign[@]}" -o two.csv --stats s.json in.csv
	"${assign[@]}" -o three.csv one.csv
	same_files one.csv two.csv
	same_files one.csv three.csv
	same_files ledger.csv ledger.before
	[ "$(stats_get kept s.json)" = 50 ]
	[ "$(stats_get assigned s.json)" = 0 ]
}

@test "vf-assign: a fan of an earlier wave keeps code and wave" {
	"${assign[@]}" -o one.csv < <(fans 1 3)
	try vf-assign -c config.json --wave w2 --codes codes.csv --ledger ledger.csv --stats s.json < <(fans 2 4)
	[ "$status" -eq 0 ]
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "A00002 A00003 A00004" ]
	[ "$(lines_of | tail -n 1)" = nf4,A00004,generated,c1,w2 ]
	[ "$(lines_of | sed -n 2p)" = nf2,A00002,generated,c1,w1 ]
	[ "$(stats_get otherWave s.json)" = 2 ]
	ledger_is_sound
}

@test "vf-assign: two records of one fan get the same code, in one batch and over many" {
	{ fans 1 3; echo nf2,again@example.com; fans 4 9000 | tail -n +2; echo nf2,last@example.com; } >in.csv
	codes B 1 9500 >many.csv
	vf-assign -c config.json --codes many.csv --ledger ledger.csv --wave w1 -o out.csv --stats s.json in.csv
	[ "$(grep '^nf2,' out.csv)" = 'nf2,fan2@example.com,B00002,generated
nf2,again@example.com,B00002,generated
nf2,last@example.com,B00002,generated' ]
	[ "$(csv_records ledger.csv)" -eq 9000 ]
	[ "$(csv_records out.csv)" -eq 9002 ]
	stats_conserved s.json
	ledger_is_sound
}

@test "vf-assign: codes that the ledger has, and codes twice in the file, are passed over" {
	"${assign[@]}" -o /dev/null < <(fans 1 2)
	printf 'note,code\nx,A00002\n,B1\n,B1\n, B2 \n,A00001\n,B1\n"y","B3"\n' >mixed.csv
	try vf-assign -c config.json --wave w1 --codes mixed.csv --ledger ledger.csv < <(fans 3 5)
	[ "$status" -eq 0 ]
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "B1 B2 B3" ]
	[ -z "$stderr" ]
	ledger_is_sound
}

@test "vf-assign: --codes may be given again" {
	codes B 1 2 >b.csv
	codes C 1 2 >c.csv
	try vf-assign -c config.json --wave w1 --codes b.csv --codes c.csv --ledger ledger.csv < <(fans 1 4)
	[ "$status" -eq 0 ]
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "B00001 B00002 C00001 C00002" ]
}

@test "vf-assign: a codes file with a bad code is exit 2 with its line, before anything is assigned" {
	local bad
	fans 1 2 >in.csv
	for bad in '' ' ' 'A B' '"A,B"' '"A""B"' "$(printf '%065d' 0)" 'É1' TM 'A,B' '"A'; do
		{ codes D 1 6000; echo "x$bad" | sed 's/^x//'; codes E 1 5 | tail -n +2; } >bad.csv
		# An empty line is no record: the empty code is a record of one empty field.
		[ -n "$bad" ] || sed -i '6002s/.*/""/' bad.csv
		rm -f ledger.csv
		try vf-assign -c config.json --codes bad.csv --ledger ledger.csv -o out.csv in.csv
		[ "$status" -eq 2 ] || { echo "$bad"; false; }
		one_line
		[[ $stderr == "vf-assign: bad.csv:6002: "* ]]
		[ ! -e ledger.csv ]
		[ ! -e out.csv ]
	done
	echo codes >bad.csv
	try vf-assign --codes bad.csv --ledger ledger.csv in.csv
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-assign: bad.csv: no column code"* ]]
}

@test "vf-assign: a code of 64 characters is taken" {
	printf 'code\n%064d\n' 7 >long.csv
	try vf-assign --codes long.csv --ledger ledger.csv <<<$'globalUserId\nnf1'
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = "nf1,$(printf '%064d' 7),generated" ]
}

@test "vf-assign: out of codes is exit 1, the rest is no-code, and more codes let it go on" {
	fans 1 10 >in.csv
	codes A 1 4 >few.csv
	try vf-assign -c config.json --wave w1 --codes few.csv --ledger ledger.csv --stats s.json --rejects r.csv \
		-o out.csv in.csv
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-assign: out of codes: 6 records have none; what was assigned is in ledger.csv, run again with more codes" ]
	[ ! -e out.csv ]
	[ "$(csv_records ledger.csv)" -eq 4 ]
	[ "$(reject_lines r.csv)" = "$(seq -f '%g no-code' 6 11)" ]
	[ "$(stats_get reasons.no-code s.json)" = 6 ]
	[ "$(stats_get exit s.json)" = 1 ]
	stats_conserved s.json
	try "${assign[@]}" -o out.csv in.csv
	[ "$status" -eq 0 ]
	[ "$(csv_get code out.csv | paste -sd' ')" = "$(seq -f 'A%05g' 1 10 | paste -sd' ')" ]
	ledger_is_sound
}

@test "vf-assign: a record without a good globalUserId is missing-user and takes no code" {
	try "${assign[@]}" --rejects r.csv --stats s.json <<-'EOF'
		globalUserId
		nf1
		null
		n f
		 nf2 
	EOF
	[ "$status" -eq 0 ]
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "A00001 A00002" ]
	[ "$(reject_lines r.csv)" = '3 missing-user
4 missing-user' ]
	[ "$(lines_of | tail -n 1)" = nf2,A00002,generated,c1,w1 ]
	stats_conserved s.json
}

@test "vf-assign: the code type comes from the option, else the configuration, else it is generated" {
	try vf-assign --codes codes.csv --ledger l1.csv <<<$'globalUserId\nnf1'
	[ "${lines[1]}" = nf1,A00001,generated ]
	[ "$(lines_of l1.csv)" = nf1,A00001,generated,, ]
	echo '{"id":"c1","codeType":"external","markets":[],"waves":[]}' >external.json
	try vf-assign -c external.json --codes codes.csv --ledger l2.csv <<<$'globalUserId\nnf1'
	[ "${lines[1]}" = nf1,A00001,external ]
	try vf-assign -c external.json --code-type generated --codes codes.csv --ledger l3.csv <<<$'globalUserId\nnf1'
	[ "${lines[1]}" = nf1,A00001,generated ]
	try vf-assign --code-type void --codes codes.csv --ledger l4.csv <<<$'globalUserId\nnf1'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-assign: --code-type: generated, external or TM" ]
}

@test "vf-assign: --tm gives everybody the placeholder, and it is in the ledger" {
	echo '{"id":"c1","codeType":"TM","markets":[],"waves":[]}' >tm.json
	try vf-assign -c config.json --wave w1 --tm --ledger ledger.csv < <(fans 1 2)
	[ "$status" -eq 0 ]
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "TM TM" ]
	[ "$(csv_get codeType <<<"$output" | paste -sd' ')" = "TM TM" ]
	try vf-assign -c tm.json --wave w1 --ledger ledger.csv < <(fans 2 3)
	[ "$status" -eq 0 ]
	[ "$(lines_of)" = 'nf1,TM,TM,c1,w1
nf2,TM,TM,c1,w1
nf3,TM,TM,c1,w1' ]
	# Once a placeholder, always: no run gives them another.
	try "${assign[@]}" < <(fans 3 4)
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "TM A00001" ]
	[ "$(csv_get codeType <<<"$output" | paste -sd' ')" = "TM generated" ]
	try vf-assign --tm --codes codes.csv --ledger ledger.csv < <(fans 1 2)
	[ "$status" -eq 2 ]
	one_line
	try vf-assign --tm --code-type external --ledger ledger.csv < <(fans 1 2)
	[ "$status" -eq 2 ]
	one_line
}

@test "vf-assign: --ledger and --codes are needed" {
	try vf-assign --codes codes.csv < <(fans 1 2)
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-assign: --ledger FILE is needed" ]
	try vf-assign --ledger ledger.csv < <(fans 1 2)
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-assign: --codes FILE is needed" ]
	[ ! -e ledger.csv ]
}

@test "vf-assign: a refused code stays used, and its fan gets another" {
	"${assign[@]}" -o /dev/null < <(fans 1 3)
	echo nf2,A00002,void,c1,w1,2026-12-02T10:00:00Z >>ledger.csv
	try "${assign[@]}" < <(fans 1 4)
	[ "$status" -eq 0 ]
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "A00001 A00004 A00003 A00005" ]
	try "${assign[@]}" < <(fans 1 4)
	[ "$(csv_get code <<<"$output" | paste -sd' ')" = "A00001 A00004 A00003 A00005" ]
}

# refuse LINE-TEXT MESSAGE: a ledger of one good line and this one is exit 2 and stays as it is.
refuse() {
	printf '%s\n' "$header" nf1,A00001,generated,c1,w1,2026-12-01T10:00:00Z "$1" >ledger.csv
	cp ledger.csv ledger.before
	try "${assign[@]}" -o out.csv < <(fans 1 2)
	[ "$status" -eq 2 ] || { echo "taken: $1"; false; }
	[ "$stderr" = "vf-assign: ledger.csv:3: $2" ] || { echo "$stderr"; false; }
	[ ! -e out.csv ]
	same_files ledger.csv ledger.before
}

@test "vf-assign: a ledger that contradicts itself is exit 2, naming the line and no person" {
	local t=2026-12-01T10:00:00Z
	refuse "nf2,A00001,generated,c1,w1,$t" "this code stands in an earlier line"
	refuse "nf1,A00002,generated,c1,w1,$t" "this fan has a code by an earlier line"
	refuse "nf1,TM,TM,c1,w1,$t" "this fan has a code by an earlier line"
	refuse "nf1,A00001,generated,c1,w1,$t" "this code stands in an earlier line"
	refuse "nf2,A00002,generated,c2,w1,$t" "belongs to another campaign"
	refuse "nf2,A00002,paper,c1,w1,$t" "codeType is none of generated, external, TM, void"
	refuse "nf2,A00002,TM,c1,w1,$t" "codeType TM and the placeholder TM go together"
	refuse "nf2,TM,generated,c1,w1,$t" "codeType TM and the placeholder TM go together"
	refuse "nf2,A00002,generated,c1,w1,soon" "assignedAt is not a date"
	refuse "nf2,A00002,generated,c1,$t" "not six fields"
	refuse "nf2,A00002,generated,c1,w1,$t,x" "not six fields"
	refuse "" "not six fields"
	refuse "nf2,A0 2,generated,c1,w1,$t" "not a code"
	refuse "null,A00002,generated,c1,w1,$t" "not a valid globalUserId"
	refuse "nf2,A00002,void,c1,w1,$t" "void, but this is not the code that the fan has"
	refuse "nf1,A00002,void,c1,w1,$t" "void, but this is not the code that the fan has"
}

@test "vf-assign: a file that is no ledger is exit 2 and not touched" {
	fans 1 5 >ledger.csv
	cp ledger.csv ledger.before
	try "${assign[@]}" < <(fans 1 2)
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-assign: ledger.csv:1: not a ledger: the header is not $header" ]
	[ -z "$output" ]
	same_files ledger.csv ledger.before
}

@test "vf-assign: without -c a ledger of a campaign is another campaign's" {
	"${assign[@]}" -o /dev/null < <(fans 1 2)
	try vf-assign --codes codes.csv --ledger ledger.csv < <(fans 1 2)
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-assign: ledger.csv:2: belongs to another campaign" ]
}

@test "vf-assign: a torn last line is cut off, said, and its code free again" {
	"${assign[@]}" -o /dev/null < <(fans 1 2)
	printf 'nf3,A00003,gen' >>ledger.csv
	try "${assign[@]}" < <(fans 4 4)
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = nf4,fan4@example.com,A00003,generated ]
	[ "$stderr" = "vf-assign: ledger.csv: a torn last line of 14 bytes was cut off" ]
	[ "$(csv_records ledger.csv)" -eq 3 ]
	ledger_is_sound
	# Even when all but the LF was there: it was never acknowledged.
	printf 'nf5,A00005,generated,c1,w1,2026-12-01T10:00:00Z' >>ledger.csv
	try "${assign[@]}" < <(fans 6 6)
	[ "${lines[1]}" = nf6,fan6@example.com,A00004,generated ]
	# And when it was the header.
	printf 'globalUserId,co' >ledger.csv
	try "${assign[@]}" < <(fans 1 1)
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = nf1,fan1@example.com,A00001,generated ]
	ledger_is_sound
}

@test "vf-assign: a torn line of megabytes is cut as well" {
	"${assign[@]}" -o /dev/null < <(fans 1 2)
	head -c 3000000 /dev/zero | tr '\0' x >>ledger.csv
	try "${assign[@]}" < <(fans 1 2)
	[ "$status" -eq 0 ]
	[ "$(csv_records ledger.csv)" -eq 2 ]
	ledger_is_sound
}

@test "vf-assign: while another holds the ledger it waits, at most --lock-wait, then exit 75" {
	"${assign[@]}" -o /dev/null < <(fans 1 2)
	exec 8<ledger.csv
	flock 8
	try "${assign[@]}" --lock-wait 0 -o out.csv < <(fans 3 4) 8<&-
	[ "$status" -eq 75 ]
	one_line
	[[ $stderr == "vf-assign: ledger.csv: "* ]]
	[ ! -e out.csv ]
	try "${assign[@]}" --lock-wait 200ms -o out.csv < <(fans 3 4)
	[ "$status" -eq 75 ]
	"${assign[@]}" --lock-wait 30 -o out.csv 3>&- 8<&- < <(fans 3 4) &
	local pid=$!
	flock -u 8
	exec 8<&-
	wait "$pid"
	[ "$(csv_records out.csv)" -eq 2 ]
	ledger_is_sound
}

@test "vf-assign: two at once give no code twice and no fan two codes" {
	local i n=0 pids=()
	codes A 1 6000 >codes.csv
	fans 1 3000 >a.csv
	fans 1500 4500 >b.csv
	for i in a b a b; do
		n=$((n + 1))
		"${assign[@]}" -o "$i$n.out" "$i.csv" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(csv_records ledger.csv)" -eq 4500 ]
	ledger_is_sound
	same_files a1.out a3.out
	same_files b2.out b4.out
	# Whoever is in both outputs has the same code in both.
	[ "$(cat a1.out b2.out | sort -u | wc -l)" -eq 4501 ]
}

@test "vf-assign: SIGTERM drains: exit 75, what was given is in the ledger, and a second run goes on" {
	codes A 1 9000 >codes.csv
	mkfifo fifo
	env --default-signal=TERM "${assign[@]}" --stats s.json fifo >out.csv 2>err.txt 3>&- &
	local pid=$! status=0
	exec 7>fifo
	fans 1 8000 >&7
	wait_until 10 test -s ledger.csv
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s.json)" = 75 ]
	ledger_is_sound
	"${assign[@]}" -o all.csv < <(fans 1 8000)
	[ "$(csv_records all.csv)" -eq 8000 ]
	[ "$(csv_records ledger.csv)" -eq 8000 ]
	ledger_is_sound
}

# bats test_tags=long
@test "vf-assign: killed anywhere, again and again: no line changes, nothing is given twice, all is found again" {
	try "$PYTHON3" "$VF_SRCDIR/tests/kill.py" assign 8000 12
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}
