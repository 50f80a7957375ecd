#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	cat >config.json <<-'EOF'
		{"id":"c1","name":"Tom & \"Co\" — Tour","markets":[{"id":"NYC","timezone":"America/New_York"},{"id":"TYO","timezone":"Asia/Tokyo"},
		 {"id":"XX"}],"waves":[{"id":"w1","notifyDate":"2026-12-05T23:30:00-05:00"},{"id":"w2"}]}
	EOF
	echo '<p>{{firstName}}: <b>{{code}}</b></p>' >t.html
	cat >in.csv <<-'EOF'
		globalUserId,firstName,email,market,code,codeType
		f1,"O'Neil & ""Sons"" <b>",Zoe@Example.COM,NYC,ABC234,generated
		f2,Zoë,two@example.org,TYO,DEF567,external
	EOF
}

# email [OPTION...]: with what it always needs.
email() {
	vf-email -c config.json --wave w1 --template t.html --subject 'Your code' "$@"
}

holds_something() {
	[ -n "$(ls -A "$1")" ]
}

# key FAN [WAVE]: the key of an e-mail, by Python.
key() {
	"$PYTHON3" -c '
import hashlib, sys
print(hashlib.blake2b("\0".join(["c1", sys.argv[2], "email", sys.argv[1]]).encode(), digest_size=16).hexdigest())' "$1" "${2:-w1}"
}

@test "vf-email: one job a fan, with the keys of the contract in their order" {
	try email in.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(jq -rc 'keys_unsorted | join(",")' <<<"${lines[0]}")" = \
		jobId,campaignId,campaignName,waveId,waveDate,globalUserId,to,subject,html,text,code ]
	[ "$(jq -r .jobId <<<"$output")" = "$(key f1; key f2)" ]
	jq -es '.[0] | .campaignId == "c1" and .campaignName == "Tom & \"Co\" — Tour" and .waveId == "w1" and
		.waveDate == "2026-12-06T04:30:00Z" and .globalUserId == "f1" and .to == "Zoe@example.com" and
		.subject == "Your code" and .text == "" and .code == "ABC234"' <<<"$output"
}

@test "vf-email: values are escaped in HTML, and as they are in text and subject" {
	echo '{{firstName}} | {{{firstName}}} | {{campaignName}}' >t.html
	printf '{{firstName}}\n\n{{code}}\n' >t.txt
	try email --text t.txt --subject 'For {{firstName}}' in.csv
	[ "$status" -eq 0 ]
	jq -es '.[0] | .html == "O&#39;Neil &amp; &quot;Sons&quot; &lt;b&gt; | O'"'"'Neil & \"Sons\" <b> | Tom &amp; &quot;Co&quot; — Tour\n" and
		.text == "O'"'"'Neil & \"Sons\" <b>\n\nABC234\n" and .subject == "For O'"'"'Neil & \"Sons\" <b>"' <<<"$output"
	jq -es '.[1] | .html == "Zoë | Zoë | Tom &amp; &quot;Co&quot; — Tour\n" and .subject == "For Zoë"' <<<"$output"
}

@test "vf-email: {{waveDate}} is the date in the market's zone, else in --tz, else in UTC" {
	echo '{{waveId}} {{campaignId}} {{waveDate}}' >t.html
	printf 'globalUserId,email,market\na,a@example.com,NYC\nb,b@example.com,TYO\nc,c@example.com,XX\nd,d@example.com,\ne,e@example.com,other\n' >zones.csv
	[ "$(email zones.csv | jq -r '.html[:-1]' | paste -sd,)" = \
		'w1 c1 2026-12-05,w1 c1 2026-12-06,w1 c1 2026-12-06,w1 c1 2026-12-06,w1 c1 2026-12-06' ]
	[ "$(email --tz America/Los_Angeles zones.csv | jq -r '.html[:-1]' | cut -d ' ' -f 3 | paste -sd,)" = \
		'2026-12-05,2026-12-06,2026-12-05,2026-12-05,2026-12-05' ]
	try email --tz Mars/Olympus in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: --tz: time zone Mars/Olympus: not in /usr/share/zoneinfo' ]
	try email --tz ../../etc/passwd in.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	sed -i s,Asia/Tokyo,Asia/Nowhere, config.json
	try email in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: configuration: $.markets[1].timezone: time zone Asia/Nowhere: not in /usr/share/zoneinfo' ]
}

@test "vf-email: the wave is --wave or the record's, the notify date the record's or the configuration's" {
	echo '{{waveId}}' >t.html
	cat >waves.csv <<-'EOF'
		globalUserId,email,waveId,notifyDate
		a,a@example.com,w1,2027-01-01T00:00:00Z
		b,b@example.com,w1,
		c,c@example.com,w9,2027-01-02T02:00:00+02:00
		d,d@example.com,w2,
		e,e@example.com,,2027-01-01T00:00:00Z
		f,f@example.com,w1,tomorrow
		a,a@example.com,w9,2027-01-02T02:00:00+02:00
	EOF
	try vf-email -c config.json --template t.html --subject s --rejects r.csv waves.csv
	[ "$status" -eq 0 ]
	[ "$(jq -r '"\(.globalUserId) \(.waveId) \(.waveDate) \(.html[:-1])"' <<<"$output")" = 'a w1 2027-01-01T00:00:00Z w1
b w1 2026-12-06T04:30:00Z w1
c w9 2027-01-02T00:00:00Z w9
a w9 2027-01-02T00:00:00Z w9' ]
	[ "$(jq -r .jobId <<<"$output")" = "$(key a; key b; key c w9; key a w9)" ]
	[ "$(reject_lines r.csv)" = '5 no-wave
6 no-wave
7 no-wave' ]
	try vf-email -c config.json --template t.html --subject s in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: in.csv: no column waveId: --wave ID is needed' ]
	try vf-email -c config.json --wave w2 --template t.html --subject s in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: in.csv: no column notifyDate, and the configuration has none for wave w2' ]
}

@test "vf-email: what cannot be told is rejected with its reason, and all is accounted for" {
	printf 'optout@example.org\nf9\n+12125550100\n' >sup
	cat >bad.csv <<-'EOF'
		globalUserId,firstName,email,market,code,codeType
		f1,A,one@example.org,NYC,C1,generated
		,B,two@example.org,NYC,C2,generated
		null,B,two@example.org,NYC,C2,generated
		f3,C,three@@example.org,NYC,C3,generated
		f4,D,,NYC,C4,generated
		f5,E,OptOut@example.org,NYC,C5,generated
		f9,F,nine@example.org,NYC,C6,generated
		f6,G,six@example.org,NYC,TM,TM
		f7,H,seven@example.org,NYC,,generated
		f1,A,one@example.org,NYC,C1,generated
		f8,"I
		J",eight@example.org,NYC,C8,generated
	EOF
	try email --suppress sup --rejects r.csv --stats s.json bad.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(jq -r .globalUserId <<<"$output")" = f1 ]
	[ "$(reject_lines r.csv)" = '3 missing-user
4 missing-user
5 bad-address
6 bad-address
7 suppressed
8 suppressed
9 tm-code
10 no-code
11 duplicate-fan
12 line-break' ]
	stats_conserved s.json
	[ "$(stats_get in s.json)" = 11 ]
	[ "$(stats_get out s.json)" = 1 ]
	[ "$(stats_get campaignId s.json)$(stats_get waveId s.json)" = c1w1 ]
	[ "$(jq -r '.lists[].kind' s.json | paste -sd,)" = suppress,template ]
}

@test "vf-email: the first record that can be sent counts, and TM is no fault where no code is used" {
	printf 'globalUserId,email,code,codeType\na,bad,X,generated\na,a@example.com,X,generated\nb,b@example.com,TM,TM\nc,c@example.com,,\n' >x.csv
	echo hello >t.html
	try email --rejects /dev/null x.csv
	[ "$status" -eq 0 ]
	[ "$(jq -r '"\(.globalUserId) \(.code)"' <<<"$output")" = $'a X\nb \nc ' ]
}

@test "vf-email: a job over 256 KiB is too-big, one of exactly that size is not" {
	local size
	printf 'globalUserId,email,x\na,a@example.com,\n' >x.csv
	echo '{{x}}' >t.html
	size=$(($(email x.csv | wc -c) - 1))
	{ printf 'globalUserId,email,x\na,a@example.com,'; head -c $((262144 - size)) /dev/zero | tr '\0' y; echo; } >fits.csv
	try email --rejects r.csv -o out fits.csv
	[ "$status" -eq 0 ]
	[ "$(wc -c <out)" -eq 262145 ]
	sed 's/y$/yy/' fits.csv >over.csv
	try email --rejects r.csv over.csv
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(reject_lines r.csv)" = '2 too-big' ]
	# Room for six bytes for each byte of a value is not there, and not needed.
	{ printf 'globalUserId,email,x\na,a@example.com,'; head -c 100000 /dev/zero | tr '\0' z; echo; } >guess.csv
	[ "$(email guess.csv | wc -l)" -eq 1 ]
}

@test "vf-email: a template with a fault is exit 2 before the first job, naming file and line" {
	printf '<p>\n{{nobody}}\n' >t.html
	try email in.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = 'vf-email: t.html:2: {{nobody}}: no column and no value of this name' ]
	echo '{{code}' >t.html
	try email -o out in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: t.html:1: not as many braces close as open' ]
	[ ! -e out ]
	echo ok >t.html
	try email --subject '{{code}} {{x}}' in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: --subject:1: {{x}}: no column and no value of this name' ]
	echo '{code}}' >t.txt
	try email --text t.txt in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: t.txt:1: braces close that were not opened' ]
	try email --text nowhere.txt in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: nowhere.txt: No such file or directory' ]
}

@test "vf-email: a subject is one line, from the command line or a file" {
	printf 'Code for {{firstName}}\r\n' >subject
	try email --subject @subject in.csv
	[ "$status" -eq 0 ]
	[ "$(jq -r .subject <<<"${lines[1]}")" = 'Code for Zoë' ]
	printf 'two\nlines\n' >subject
	try email --subject @subject in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: subject: a subject is one line without control characters' ]
	try email --subject $'a\tb' in.csv
	[ "$status" -eq 2 ]
	try email --subject '' in.csv
	[ "$status" -eq 2 ]
	: >subject
	try email --subject @subject in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: subject: an empty subject' ]
}

@test "vf-email: what it cannot do without is exit 2" {
	try vf-email -c config.json --wave w1 --subject s in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: --template FILE is needed' ]
	try vf-email -c config.json --wave w1 --template t.html in.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-email: --subject TEXT is needed' ]
	try vf-email --wave w1 --template t.html --subject s in.csv
	[ "$status" -eq 2 ]
	try email <<<$'globalUserId,phone,firstName,code\na,+12125550100,A,X'
	[ "$status" -eq 2 ]
	[[ $stderr == 'vf-email: stdin: no column email'* ]]
	try email <<<$'email,firstName,code\na@example.com,A,X'
	[ "$status" -eq 2 ]
	[[ $stderr == 'vf-email: stdin: no column globalUserId'* ]]
	echo 'not@an@address' >sup
	try email --suppress sup in.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr != *not@an* ]]
}

@test "vf-email: no input is exit 1, a header alone makes no job" {
	try email </dev/null
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-email: stdin: empty: there is no header' ]
	try email < <(head -n 1 in.csv)
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
}

@test "vf-email: CRLF, a byte order mark, tabs and a missing line end change nothing" {
	email in.csv >plain
	sed 's/$/\r/' in.csv >crlf.csv
	{ printf '\xef\xbb\xbf'; head -c -1 in.csv; } >bom.csv
	"$PYTHON3" -c 'import csv, sys; csv.writer(sys.stdout, delimiter="\t").writerows(csv.reader(open("in.csv")))' >tabs.csv
	email crlf.csv | cmp - plain
	email bom.csv | cmp - plain
	email tabs.csv | cmp - plain
	sed 's/globalUserId/id/; s/email/mail/' in.csv >names.csv
	email --column globalUserId=id --column email=mail names.csv | cmp - plain
}

@test "vf-email: bad bytes are rejected one at a time" {
	{ head -n 2 in.csv; printf 'nf\0a,A,a@example.com,NYC,C,\nnfb,\xff,b@example.com,NYC,C,\nnfc,C,c@example.com\nnfd,'
		head -c 1100000 /dev/zero | tr '\0' x; printf ',d@example.com,NYC,C,\n'; tail -n 1 in.csv; } >bad.csv
	try email --rejects r.csv --stats s.json bad.csv
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(reject_lines r.csv)" = '3 nul-byte
4 bad-utf8
5 field-count
6 too-long' ]
	stats_conserved s.json
}

@test "vf-email: full disk, closed stdout, a reader that leaves" {
	{ head -n 1 in.csv; seq 100000 | sed 's/.*/nf&,A,fan&@example.com,NYC,C,generated/'; } >many.csv
	try sh -c 'vf-email -c config.json --wave w1 --template t.html --subject s in.csv >/dev/full'
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-email: stdout: No space left on device' ]
	try sh -c 'vf-email -c config.json --wave w1 --template t.html --subject s in.csv >&-'
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-email: stdout: Bad file descriptor' ]
	try bash -c 'vf-email -c config.json --wave w1 --template t.html --subject s --stats s.json many.csv | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"'
	[ "$status" -eq 141 ]
	[ -z "$stderr" ]
	[ "$(stats_get exit s.json)" = 141 ]
}

@test "vf-email: SIGTERM is exit 75 and leaves nothing behind; -o is private and whole" {
	local pid status=0
	mkdir work
	mkfifo fifo
	vf-email -c config.json --wave w1 --template t.html --subject s --stats s.json -o work/out fifo 2>err.txt 3>&- &
	pid=$!
	exec 7>fifo
	cat in.csv >&7
	wait_until 10 holds_something work
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s.json)" = 75 ]
	[ -z "$(ls -A work)" ]
	email -o work/out in.csv
	[ "$(stat -c %a work/out)" = 600 ]
	email in.csv | cmp - work/out
}

@test "vf-email: no personal data on stderr" {
	{ cat in.csv; echo 'f3,Secret Person,not-an-address-555-0123,NYC,SECRETCODE,generated'; } >bad.csv
	try email -o /dev/null bad.csv
	[ "$status" -eq 0 ]
	[[ $stderr == *bad-address* ]]
	[[ $stderr != *Secret* && $stderr != *555* && $stderr != *SECRET* && $stderr != *f3* ]]
}
