#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	cat >config.json <<-'EOF'
		{"id":"c1","markets":[{"id":"NYC"}],"waves":[
			{"id":"w1","notifyDate":"2027-06-01T12:00:00-04:00"},
			{"id":"dst","notifyDate":"2027-03-14T12:00:00-04:00"},
			{"id":"leap","notifyDate":"2028-02-29T12:00:00Z"},
			{"id":"open"}]}
	EOF
	cat >in.csv <<-'EOF'
		globalUserId,email,phone,phoneConfirmed,phoneRegion,market,tags,code,codeType
		nf1,a@example.com,+12125550101,true,US,NYC,,A1,generated
		nf2,b@example.com,+12125550102,true,US,NYC,sms-opt-out,A2,generated
		nf3,c@example.com,+12125550103,true,US,NYC,email-opt-out,A3,generated
		nf4,d@example.com,+12125550104,false,US,NYC,phone-unconfirmed,A4,generated
		nf5,,+12125550105,true,US,NYC,no-email,A5,external
		nf6,f@example.com,,,,NYC,no-phone,TM,TM
		nf7,g@example.com,+12125550107,true,US,NYC,sms-opt-out;email-opt-out,A7,generated
		nf8,,+12125550108,false,US,NYC,phone-unconfirmed;no-email,A8,generated
	EOF
	wave=(vf-wave -c config.json --wave w1 --now 2027-01-01T00:00:00Z)
}

one_line() {
	[ "$(wc -l <<<"$stderr")" -eq 1 ] && [ -n "$stderr" ]
}

# How many temporary folders there are.
temps() {
	find . -maxdepth 1 -name '.vf-wave.*' | wc -l
}

# ids FILE: its fans on one line.
ids() {
	csv_get globalUserId "$1" | paste -sd' '
}

# manifest PATH: a value of the manifest.
manifest() {
	jq -r "$1" "${2:-out}/manifest.json"
}

# The folder is whole: four files, each with the records and the digest that the manifest says.
folder_is_whole() {
	"$PYTHON3" - "${1:-out}" <<-'EOF'
		import hashlib, json, os, sys
		assert sorted(os.listdir(sys.argv[1])) == ["codes.csv", "email.csv", "manifest.json", "sms.csv"]
		os.chdir(sys.argv[1])
		for name, said in json.load(open("manifest.json"))["files"].items():
		    data = open(name, "rb").read()
		    assert data.count(b"\n") - 1 == said["records"], name
		    assert hashlib.blake2b(data, digest_size=32).hexdigest() == said["blake2b"], name
	EOF
}

@test "vf-wave: every fan goes where he can be told, and the columns are set" {
	try "${wave[@]}" --out out --stats s.json --rejects r.csv in.csv
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(ids out/codes.csv)" = "nf1 nf2 nf3 nf4 nf5 nf6" ]
	[ "$(ids out/sms.csv)" = "nf1 nf3 nf5" ]
	[ "$(ids out/email.csv)" = "nf1 nf2 nf4 nf6" ]
	[ "$(head -n 2 out/codes.csv)" = 'globalUserId,email,phone,phoneConfirmed,phoneRegion,market,tags,code,codeType,campaignId,waveId,notifyDate,validFrom,validTo
nf1,a@example.com,+12125550101,true,US,NYC,,A1,generated,c1,w1,2027-06-01T16:00:00Z,2027-05-31T16:00:00Z,2028-06-01T16:00:00Z' ]
	[ "$(head -n 2 out/sms.csv)" = 'globalUserId,phone,phoneConfirmed,phoneRegion,market,tags,code,codeType,campaignId,waveId,notifyDate,validFrom,validTo
nf1,+12125550101,true,US,NYC,,A1,generated,c1,w1,2027-06-01T16:00:00Z,2027-05-31T16:00:00Z,2028-06-01T16:00:00Z' ]
	[ "$(head -n 2 out/email.csv)" = 'globalUserId,email,market,tags,code,codeType,campaignId,waveId,notifyDate,validFrom,validTo
nf1,a@example.com,NYC,,A1,generated,c1,w1,2027-06-01T16:00:00Z,2027-05-31T16:00:00Z,2028-06-01T16:00:00Z' ]
	[ "$(reject_lines r.csv)" = '8 unreachable
9 unreachable' ]
	[ "$(stats_get out s.json)" = 6 ]
	[ "$(stats_get sms s.json)" = 3 ]
	[ "$(stats_get email s.json)" = 4 ]
	[ "$(stats_get waveId s.json)" = w1 ]
	stats_conserved s.json
	folder_is_whole
}

@test "vf-wave: smsUnconfirmed lets unconfirmed phones have an SMS" {
	jq '.options.smsUnconfirmed = true' config.json >c2.json
	try vf-wave -c c2.json --wave w1 --now 2027-01-01T00:00:00Z --out out --rejects r.csv in.csv
	[ "$status" -eq 0 ]
	[ "$(ids out/sms.csv)" = "nf1 nf3 nf4 nf5 nf8" ]
	[ "$(reject_lines r.csv)" = '8 unreachable' ]
}

@test "vf-wave: the manifest has campaign, wave, window, records and digests, and the same input gives the same bytes" {
	"${wave[@]}" --out out --rejects /dev/null in.csv
	"${wave[@]}" --out out2 --rejects /dev/null in.csv
	[ "$(manifest .campaignId)" = c1 ]
	[ "$(manifest .waveId)" = w1 ]
	[ "$(manifest .notifyDate)" = 2027-06-01T16:00:00Z ]
	[ "$(manifest .validFrom)" = 2027-05-31T16:00:00Z ]
	[ "$(manifest .validTo)" = 2028-06-01T16:00:00Z ]
	[ "$(wc -l <out/manifest.json)" -eq 1 ]
	folder_is_whole
	diff -r out out2
}

@test "vf-wave: a second run on its own codes.csv gives the same bytes" {
	"${wave[@]}" --out out --rejects /dev/null in.csv
	"${wave[@]}" --out out2 out/codes.csv
	diff -r out out2
}

@test "vf-wave: folder 0700, files 0600, whatever the umask" {
	umask 000
	"${wave[@]}" --out out --rejects /dev/null in.csv
	[ "$(stat -c %a out)" = 700 ]
	[ "$(stat -c %a out/* | sort -u)" = 600 ]
}

@test "vf-wave: less than 86,400 seconds ahead is refused, exactly that is not" {
	try vf-wave -c config.json --wave w1 --now 2027-05-31T16:00:01Z --out out in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: the notify date 2027-06-01T16:00:00Z is less than 86400 seconds ahead (--late allows it)" ]
	[ -z "$output" ]
	[ -z "$(find . -name 'out*' -o -name '.vf*')" ]
	try vf-wave -c config.json --wave w1 --now 2027-05-31T16:00:01Z --late --out late --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
	try vf-wave -c config.json --wave w1 --now 2027-05-31T16:00:00Z --out out --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
	diff -r out late
	# Without --now it is the clock that counts.
	try vf-wave -c config.json --wave w1 --notify-date 2020-01-01T00:00:00Z --out past in.csv
	[ "$status" -eq 2 ]
	try vf-wave -c config.json --wave w1 --notify-date 2999-01-01T00:00:00Z --out future --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
}

@test "vf-wave: a day is 86,400 seconds when clocks change, and a year is a year by the calendar" {
	# In New York 14 March 2027 has 23 hours: noon the day before is 82,800 s ahead.
	try vf-wave -c config.json --wave dst --now 2027-03-13T12:00:00-05:00 --out dst in.csv
	[ "$status" -eq 2 ]
	try vf-wave -c config.json --wave dst --now 2027-03-13T11:00:00-05:00 --out dst --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
	[ "$(manifest '.validFrom + " " + .validTo' dst)" = "2027-03-13T16:00:00Z 2028-03-14T16:00:00Z" ]
	vf-wave -c config.json --wave leap --now 2027-03-13T12:00:00Z --out leap --rejects /dev/null in.csv
	[ "$(manifest '.validFrom + " " + .validTo' leap)" = "2028-02-28T12:00:00Z 2029-02-28T12:00:00Z" ]
	vf-wave -c config.json --wave w1 --notify-date 2028-02-29T23:00:00-05:00 --now 2027-03-13T12:00:00Z --out edge \
		--rejects /dev/null in.csv
	[ "$(manifest '.validFrom + " " + .validTo' edge)" = "2028-02-29T04:00:00Z 2029-03-01T04:00:00Z" ]
}

@test "vf-wave: the notify date is the option's, else the configuration's, else exit 2" {
	try "${wave[@]}" --notify-date 2027-07-01T00:00:00+02:00 --out out --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
	[ "$(manifest .notifyDate)" = 2027-06-30T22:00:00Z ]
	try vf-wave -c config.json --wave open --out out2 in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: the configuration has no notifyDate for wave open: --notify-date is needed" ]
	try vf-wave -c config.json --wave w9 --out out2 in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: the configuration has no wave w9: --notify-date is needed" ]
	try "${wave[@]}" --notify-date tomorrow --out out2 in.csv
	[ "$status" -eq 2 ]
	one_line
	try vf-wave -c config.json --wave w1 --notify-date 9999-06-01T00:00:00Z --out out2 in.csv
	[ "$status" -eq 2 ]
	one_line
	[ ! -e out2 ]
}

@test "vf-wave: -c, --wave and --out are needed, and the columns" {
	try vf-wave --wave w1 --out out in.csv
	[ "$status" -eq 2 ]
	one_line
	try vf-wave -c config.json --out out in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: --wave ID is needed" ]
	try vf-wave -c config.json --wave w1 in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: --out DIR is needed" ]
	for column in globalUserId code codeType; do
		sed "1s/\b$column\b/x/" in.csv >bad.csv
		try "${wave[@]}" --out out bad.csv
		[ "$status" -eq 2 ]
		[[ $stderr == "vf-wave: bad.csv: no column $column"* ]]
	done
	try "${wave[@]}" --out out <<<$'globalUserId,code,codeType\nnf1,A1,generated'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: stdin: no column email or phone" ]
	[ ! -e out ]
}

@test "vf-wave: one channel's column is enough" {
	try "${wave[@]}" --out out <<<$'globalUserId,code,codeType,phone\nnf1,A1,generated,+12125550101'
	[ "$status" -eq 0 ]
	[ "$(csv_records out/sms.csv)" -eq 1 ]
	[ "$(csv_records out/email.csv)" -eq 0 ]
	[ "$(csv_header out/email.csv)" = globalUserId,code,codeType,campaignId,waveId,notifyDate,validFrom,validTo ]
	folder_is_whole
}

@test "vf-wave: no records make a whole folder of headers" {
	try "${wave[@]}" --out out < <(head -n 1 in.csv)
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	folder_is_whole
}

@test "vf-wave: a record without fan or code is missing-user or no-code" {
	try "${wave[@]}" --out out --rejects r.csv --stats s.json <<-'EOF'
		globalUserId,code,codeType,email
		null,A1,generated,a@example.com
		nf2,,generated,b@example.com
		nf3,A3,void,c@example.com
		nf4, A4 ,generated, d@example.com 
		nf5,A5,generated
		nf6,A6,generated,
		nf7,A7,generated, 
	EOF
	[ "$status" -eq 0 ]
	[ "$(reject_lines r.csv)" = '2 missing-user
3 no-code
4 no-code
6 field-count
7 unreachable
8 unreachable' ]
	[ "$(sed -n 2p out/email.csv)" = "nf4, A4 ,generated, d@example.com ,c1,w1,2027-06-01T16:00:00Z,2027-05-31T16:00:00Z,2028-06-01T16:00:00Z" ]
	stats_conserved s.json
}

@test "vf-wave: an existing folder is refused, --replace replaces it whole" {
	"${wave[@]}" --out out --rejects /dev/null in.csv
	cp -r out before
	try "${wave[@]}" --out out in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: $PWD/out: is there already (--replace replaces it)" ]
	diff -r out before
	head -n 3 in.csv >less.csv
	try "${wave[@]}" --out out --replace less.csv
	[ "$status" -eq 0 ]
	[ "$(ids out/codes.csv)" = "nf1 nf2" ]
	folder_is_whole
	[ "$(temps)" -eq 0 ]
	# And with nothing to replace.
	try "${wave[@]}" --out new --replace less.csv
	[ "$status" -eq 0 ]
	diff -r out new
}

@test "vf-wave: --replace does not take away what it did not make" {
	mkdir out other
	echo precious >out/sms-results.csv
	try "${wave[@]}" --out out --replace in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: $PWD/out: not replaced: it holds sms-results.csv, which was not made here" ]
	[ "$(cat out/sms-results.csv)" = precious ]
	mkdir other/sms.csv
	try "${wave[@]}" --out other --replace in.csv
	[ "$status" -eq 2 ]
	echo file >file
	try "${wave[@]}" --out file --replace in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-wave: $PWD/file: is there, and no folder" ]
	# An empty folder may be replaced.
	mkdir empty
	try "${wave[@]}" --out empty/ --replace --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
	folder_is_whole empty
}

@test "vf-wave: a link to a folder stays a link; a parent that is not there is a failure" {
	mkdir -p store/real
	ln -s store/real link
	try "${wave[@]}" --out link --replace --rejects /dev/null in.csv
	[ "$status" -eq 0 ]
	[ -L link ]
	folder_is_whole store/real
	try "${wave[@]}" --out no/such/folder in.csv
	[ "$status" -eq 1 ]
	one_line
}

@test "vf-wave: a failed run leaves nothing, and what was there before" {
	"${wave[@]}" --out out --rejects /dev/null in.csv
	cp -r out before
	try "${wave[@]}" --out new nowhere.csv
	[ "$status" -eq 1 ]
	try "${wave[@]}" --out out --replace --rejects /dev/null --max-rejects 1 in.csv
	[ "$status" -eq 3 ]
	try "${wave[@]}" --out new --rejects /dev/full in.csv
	[ "$status" -eq 1 ]
	# A disk that fills up while the files are written.
	{ head -n 1 in.csv; seq 1 20000 | sed 's/.*/nf&,fan&@example.com,+12125550101,true,US,NYC,,A&,generated/'; } >many.csv
	try bash -c 'trap "" XFSZ; ulimit -f 100; exec "$@"' - "${wave[@]}" --out new many.csv
	[ "$status" -eq 1 ]
	one_line
	diff -r out before
	[ ! -e new ]
	[ "$(temps)" -eq 0 ]
}

@test "vf-wave: SIGTERM is exit 75 and leaves nothing" {
	mkfifo fifo
	env --default-signal=TERM "${wave[@]}" --out out --stats s.json fifo 2>err.txt 3>&- &
	local pid=$! status=0
	exec 7>fifo
	cat in.csv >&7
	wait_until 10 eval '[ "$(temps)" -gt 0 ]'
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s.json)" = 75 ]
	[ ! -e out ]
	[ "$(temps)" -eq 0 ]
}

@test "vf-wave: a killed run leaves no wave, and the next run clears away what it left" {
	mkfifo fifo
	"${wave[@]}" --out out fifo 2>err.txt 3>&- &
	local pid=$!
	exec 7>fifo
	cat in.csv >&7
	wait_until 10 eval '[ "$(temps)" -gt 0 ]'
	# While it lives its folder is not touched.
	"${wave[@]}" --out other --rejects /dev/null in.csv
	[ "$(temps)" -eq 1 ]
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	exec 7>&-
	[ ! -e out ]
	[ "$(temps)" -eq 1 ]
	"${wave[@]}" --out out --rejects /dev/null in.csv
	folder_is_whole
	[ "$(temps)" -eq 0 ]
}

# bats test_tags=long
@test "vf-wave: killed at any moment while it replaces, the folder is whole all the time" {
	try "$PYTHON3" "$VF_SRCDIR/tests/kill.py" wave 5000 8
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}
