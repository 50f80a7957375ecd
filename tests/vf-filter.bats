#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# filter ARGS...: vf-filter with rejects and stats kept; no disposable list, to be quick.
filter() {
	rm -f r.csv st.json
	try vf-filter --no-disposable --rejects r.csv --stats st.json "$@"
}

# campaign OPTIONS-JSON: c.json with these options.
campaign() {
	printf '{"id":"c1","name":"Tour","options":%s}\n' "$1" >c.json
}

# reasons: "line reason" of the last filter, on one line.
reasons() {
	reject_lines r.csv | paste -sd ' '
}

@test "vf-filter: address, phone, region and tags are set in normal form" {
	filter <<-'EOF'
		globalUserId,email,phone,phoneConfirmed,note
		nf1,Jo.Ann@EXAMPLE.Com,(212) 555-0100,true,"a, b"
		nf2, jo@bücher.example ,+1 416 555 0101,TRUE,""
		nf3,jo@example.org,2125550102,true,plain
	EOF
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,email,phone,phoneConfirmed,note,phoneRegion,tags
nf1,Jo.Ann@example.com,+12125550100,true,"a, b",US,
nf2,jo@xn--bcher-kva.example,+14165550101,TRUE,"",CA,
nf3,jo@example.org,+12125550102,true,plain,US,' ]
	[ -z "$stderr" ]
	[ "$(stats_get in st.json)" = 3 ]
	[ "$(stats_get out st.json)" = 3 ]
}

@test "vf-filter: a second run on its own output changes nothing" {
	local in='globalUserId|tags|email|phone|phoneConfirmed|phoneRegion
nf1|vip;no-phone;x|Jo@Example.com||false|GB
nf2||a@duck.com| +1 (212) 555 0100 |true|
nf3|relay-email|""|+15555550101|maybe|
nf4|"a;b"|jo@example.com|2125550102|true|US
nf5|;|jo@example.com|2125550102|true|US
'
	printf 'jo@example.com\n+15555550101\n' >out.txt
	filter --opt-out out.txt -o one.csv - <<<"$in"
	[ "$status" -eq 0 ]
	[ "$(csv_get tags one.csv)" = 'relay-email
a;b;email-opt-out
;;email-opt-out' ]
	[ "$(reasons)" = "2 unreachable 4 unreachable" ]
	filter --opt-out out.txt -o two.csv one.csv
	[ "$status" -eq 0 ]
	[ "$(stats_get rejected st.json)" = 0 ]
	same_files one.csv two.csv
}

@test "vf-filter: every reason, with the file's line and nothing of the record in the detail" {
	printf 'globalUserId\nnf3\n' >gone.csv
	printf 'bad@example.com\n' >black.txt
	printf 'throwaway.example\n' >disposable.txt
	campaign '{"requireConfirmedPhone":true}'
	rm -f r.csv
	try vf-filter -c c.json --rejects r.csv --stats st.json --exclude gone.csv --email-blacklist black.txt \
		--disposable disposable.txt --max-per-phone 1 --max-per-email 1 <<-'EOF'
		globalUserId,email,phone,phoneConfirmed
		nf0,jo@example.com,2125550100,true
		null,jo2@example.com,2125550102,true
		nf3,jo3@example.com,2125550103,true
		nf4,jo4@example,2125550104,true
		nf5,bad@example.com,2125550105,true
		nf6,jo6@a.throwaway.example,2125550106,true
		nf7,jo7@example.com,555,true
		nf8,jo8@example.com,+46701740605,true
		nf9,jo9@example.com,2125550109,false
		nf10,,,true
		nf11,jo11@example.com,2125550100,true
		nf12,jo@example.com,2125550112,true
		nf13,jo13@example.com
	EOF
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,email,phone,phoneConfirmed,phoneRegion,tags
nf0,jo@example.com,+12125550100,true,US,' ]
	[ -z "$stderr" ]
	# With a confirmed phone required, who has none is phone-unconfirmed before unreachable.
	[ "$(reasons)" = "3 missing-user 4 excluded 5 bad-email 6 blacklisted 7 disposable-domain 8 bad-phone 9 intl-phone 10 phone-unconfirmed 11 phone-unconfirmed 12 too-many-per-phone 13 too-many-per-email 14 field-count" ]
	[ "$(csv_get detail r.csv | sort -u)" = "
not a phone number
the domain has one label only" ]
	stats_conserved st.json
	[ "$(stats_get reasons.too-many-per-email st.json)" = 1 ]
}

@test "vf-filter: the first rule that fails names the reason" {
	printf 'globalUserId\nnf1\nnull\n' >gone.csv
	printf '.example\n' >black.txt
	printf '.example\n' >disposable.txt
	campaign '{"requireConfirmedPhone":true}'
	# Each line fails at its rule and at every later one that it can fail as well.
	filter -c c.json --exclude gone.csv --email-blacklist black.txt <<-'EOF'
		globalUserId,email,phone,phoneConfirmed
		null,bad,bad,no
		nf1,bad,bad,no
		nf2,bad,bad,no
		nf3,jo@a.example,bad,no
		nf4,jo@b.org,bad,no
		nf5,jo@b.org,+46701740605,no
		nf6,jo@b.org,2125550100,no
		nf7,,,no
	EOF
	[ "$(reasons)" = "2 missing-user 3 excluded 4 bad-email 5 blacklisted 6 bad-phone 7 intl-phone 8 phone-unconfirmed 9 phone-unconfirmed" ]
	rm r.csv
	# blacklisted before disposable-domain, disposable-domain before bad-phone
	try vf-filter --rejects r.csv --email-blacklist black.txt --disposable disposable.txt <<-'EOF'
		globalUserId,email,phone
		nf1,jo@a.example,bad
	EOF
	[ "$(reasons)" = "2 blacklisted" ]
	rm r.csv
	try vf-filter --rejects r.csv --disposable disposable.txt <<-'EOF'
		globalUserId,email,phone
		nf1,jo@a.example,bad
	EOF
	[ "$(reasons)" = "2 disposable-domain" ]
}

@test "vf-filter: unreachable comes before the counts, and too-many-per-phone before too-many-per-email" {
	filter --max-per-phone 1 --max-per-email 1 <<-'EOF'
		globalUserId,email,phone
		nf1,jo@example.com,2125550100
		nf2,jo@example.com,2125550100
		nf3,,
		nf4,,
	EOF
	[ "$(reasons)" = "3 too-many-per-phone 4 unreachable 5 unreachable" ]
}

@test "vf-filter: every tag" {
	printf '+12125550101\njo4@example.com\n' >out.txt
	filter --opt-out out.txt <<-'EOF'
		globalUserId,email,phone,phoneConfirmed
		nf1,jo1@example.com,2125550100,false
		nf2,jo2@example.com,+15555550100,true
		nf3,jo3@example.com,2125550101,true
		nf4,jo4@example.com,2125550104,true
		nf5,,2125550105,true
		nf6,jo6@duck.com,,true
		nf7,jo7@a.mozmail.com,2125550107,
	EOF
	[ "$status" -eq 0 ]
	[ "$(csv_get tags <<<"$output")" = 'phone-unconfirmed
phone-unverified
sms-opt-out
email-opt-out
no-email
phone-unconfirmed;no-phone;relay-email
phone-unconfirmed;relay-email' ]
	[ "$(stats_get tags st.json)" = '{"phone-unconfirmed":3,"phone-unverified":1,"no-phone":1,"no-email":1,"relay-email":2,"sms-opt-out":1,"email-opt-out":1}' ]
}

@test "vf-filter: other tags stay in place, ours are made anew in the order of the design" {
	filter <<-'EOF'
		globalUserId,tags,email,phone
		nf1,email-opt-out;vip;no-phone;b,,2125550100
		nf2,vip,jo@example.com,2125550100
		nf3,no-email,jo@example.com,2125550100
		nf4,"x,y;relay-email",jo@duck.com,2125550100
	EOF
	[ "$output" = 'globalUserId,tags,email,phone,phoneRegion
nf1,vip;b;no-email,,+12125550100,US
nf2,vip,jo@example.com,+12125550100,US
nf3,,jo@example.com,+12125550100,US
nf4,"x,y;relay-email",jo@duck.com,+12125550100,US' ]
}

@test "vf-filter: columns that the input lacks are neither checked nor made" {
	campaign '{"requireConfirmedPhone":true}'
	filter -c c.json <<-'EOF'
		globalUserId,email,market
		nf1,Jo@EXAMPLE.com,NYC
		nf2,,NYC
	EOF
	[ "$output" = 'globalUserId,email,market,tags
nf1,Jo@example.com,NYC,' ]
	[ "$(reasons)" = "3 unreachable" ]
	[ "$(stats_get lists st.json | jq -c 'map(.kind)')" = '["relay"]' ]
	filter <<-'EOF'
		globalUserId,phone
		nf1,2125550100
		nf2,
	EOF
	[ "$output" = 'globalUserId,phone,phoneRegion,tags
nf1,+12125550100,US,' ]
	[ "$(reasons)" = "3 unreachable" ]
	[ "$(stats_get lists st.json | jq -c 'map(.kind)')" = '["phone-metadata"]' ]
}

@test "vf-filter: an old phoneRegion is made anew where it stands" {
	filter <<-'EOF'
		globalUserId,phoneRegion,phone,email
		nf1,GB,2125550100,
		nf2,GB,,jo@example.com
	EOF
	[ "$output" = 'globalUserId,phoneRegion,phone,email,tags
nf1,US,+12125550100,,no-email
nf2,,,jo@example.com,no-phone' ]
}

@test "vf-filter: the whitelist lifts blacklisted and disposable-domain and nothing else" {
	printf '.example.com\n' >black.txt
	printf 'example.net\n' >disposable.txt
	printf 'good@example.com\n@fine.example.com\ngood@example.net\n*@ok-*.example.net\n' >white.txt
	try vf-filter --rejects r.csv --email-blacklist black.txt --email-whitelist white.txt \
		--disposable disposable.txt <<-'EOF'
		globalUserId,email,phone
		nf1,good@example.com,
		nf2,bad@example.com,
		nf3,any@fine.example.com,
		nf4,any@a.fine.example.com,
		nf5,good@example.net,
		nf6,bad@example.net,
		nf7,any@ok-1.example.net,
		nf8,good@example.com,555
		nf9,good@.example.com,
	EOF
	[ "$status" -eq 0 ]
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "nf1 nf3 nf5 nf7" ]
	[ "$(reasons)" = "3 blacklisted 5 blacklisted 7 disposable-domain 9 bad-phone 10 bad-email" ]
}

@test "vf-filter: list lines match at label boundaries, the disposable list everything below a domain" {
	printf 'one.example\n@two.example\n.three.example\n*@promo-*.example\n' >black.txt
	printf 'mailinator.com\n' >disposable.txt
	try vf-filter --rejects r.csv --email-blacklist black.txt --disposable disposable.txt <<-'EOF'
		globalUserId,email,market
		nf1,x@one.example,M
		nf2,x@a.one.example,M
		nf3,x@notone.example,M
		nf4,x@two.example,M
		nf5,x@a.two.example,M
		nf6,x@three.example,M
		nf7,x@a.b.three.example,M
		nf8,x@notthree.example,M
		nf9,x@promo-7.example,M
		nf10,x@a.b.mailinator.com,M
		nf11,x@notmailinator.com,M
	EOF
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "nf2 nf3 nf5 nf8 nf11" ]
	[ "$(reasons)" = "2 blacklisted 5 blacklisted 7 blacklisted 8 blacklisted 10 blacklisted 11 disposable-domain" ]
}

@test "vf-filter: the installed disposable list is used unless told otherwise; relay services never are disposable" {
	local in='globalUserId,email
nf1,x@a.b.mailinator.com
nf2,x@privaterelay.appleid.com
nf3,x@gmail.com
'
	try vf-filter --rejects r.csv --stats st.json - <<<"$in"
	[ "$output" = 'globalUserId,email,tags
nf2,x@privaterelay.appleid.com,relay-email
nf3,x@gmail.com,' ]
	[ "$(reasons)" = "2 disposable-domain" ]
	[ "$(stats_get lists st.json | jq -r '.[0].version')" = "$(sed -n 's/^# version: //p' "$VF_DATADIR/disposable-domains.txt")" ]
	filter - <<<"$in"
	[ "$(csv_records <<<"$output")" = 3 ]
	printf 'privaterelay.appleid.com\n' >disposable.txt
	try vf-filter --disposable disposable.txt - <<<"$in"
	[ "$(csv_records <<<"$output")" = 3 ]
	[ -z "$stderr" ]
}

@test "vf-filter: international phones are rejected by region, not by calling code, unless the campaign allows them" {
	local in='globalUserId,email,phone
us,a@example.com,+12125550100
ca,b@example.com,+14165550101
se,c@example.com,+46701740605
bs,d@example.com,+12423570000
'
	filter - <<<"$in"
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "us ca" ]
	[ "$(reasons)" = "4 intl-phone 5 intl-phone" ]
	campaign '{"homeRegions":["SE"]}'
	filter -c c.json - <<<"$in"
	[ "$(csv_get phoneRegion <<<"$output" | paste -sd ' ')" = "SE" ]
	campaign '{"allowIntlPhones":true}'
	filter -c c.json - <<<"$in"
	[ "$(csv_get phoneRegion <<<"$output" | paste -sd ' ')" = "US CA SE BS" ]
	[ "$(stats_get campaignId st.json)" = c1 ]
}

@test "vf-filter: --region is for numbers without +" {
	campaign '{"allowIntlPhones":true}'
	filter -c c.json --region SE <<-'EOF'
		globalUserId,phone
		nf1,070-174 06 05
		nf2,+12125550100
		nf3,212 555 0100
	EOF
	[ "$(csv_get phone <<<"$output" | head -n 2 | paste -sd ' ')" = "+46701740605 +12125550100" ]
	[ "$(csv_get phoneRegion <<<"$output" | head -n 2 | paste -sd ' ')" = "SE US" ]
}

@test "vf-filter: toll-free and premium numbers are bad-phone; --strict-phone makes unassigned ones so" {
	local in='globalUserId,email,phone
nf1,a@example.com,8005550100
nf2,b@example.com,9005550100
nf3,c@example.com,+15555550100
nf4,d@example.com,2125550100
nf5,e@example.com,212555010
nf6,f@example.com,1-212-GOOD-FAN
'
	filter - <<<"$in"
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "nf3 nf4" ]
	[ "$(csv_get tags <<<"$output" | paste -sd ' ')" = "phone-unverified " ]
	[ "$(csv_get detail r.csv | sort | uniq -c | tr -s ' ' | paste -sd '|')" = " 2 a toll-free or premium-rate number| 2 not a phone number" ]
	filter --strict-phone - <<<"$in"
	[ "$(csv_get globalUserId <<<"$output")" = "nf4" ]
	[ "$(reasons)" = "2 bad-phone 3 bad-phone 4 bad-phone 6 bad-phone 7 bad-phone" ]
}

@test "vf-filter: only true confirms a phone, in whatever case; anything else is a tag or a reason" {
	local in='globalUserId,phone,phoneConfirmed
nf1,2125550100,true
nf2,2125550100, True
nf3,2125550100,false
nf4,2125550100,
nf5,2125550100,1
nf6,2125550100,yes
'
	filter - <<<"$in"
	[ "$(csv_get tags <<<"$output" | paste -sd ' ')" = "  phone-unconfirmed phone-unconfirmed phone-unconfirmed phone-unconfirmed" ]
	campaign '{"requireConfirmedPhone":true}'
	filter -c c.json - <<<"$in"
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "nf1 nf2" ]
	[ "$(stats_get reasons.phone-unconfirmed st.json)" = 4 ]
}

@test "vf-filter: an opt-out closes a channel; who has none left is unreachable" {
	printf '# stop\n+12125550100\r\nJo@Example.com  # asked in May\nnf9\n\n' >out.txt
	printf '+12125550105\n' >more.txt
	filter --opt-out out.txt --opt-out more.txt <<-'EOF'
		globalUserId,email,phone
		nf1,a@example.com,212-555-0100
		nf2,jo@EXAMPLE.com,2125550101
		nf3,jo@example.com,2125550100
		nf4,jo@example.com,
		nf5,,2125550105
		nf9,b@example.com,2125550109
		nf99,jo+x@example.com,2125550110
	EOF
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "nf1 nf2 nf99" ]
	[ "$(csv_get tags <<<"$output" | paste -sd ' ')" = "sms-opt-out email-opt-out " ]
	[ "$(reasons)" = "4 unreachable 5 unreachable 6 unreachable 7 unreachable" ]
	[ "$(csv_get detail r.csv | sort -u)" = "opted out" ]
	[ "$(stats_get lists st.json | jq -c 'map(select(.kind == "opt-out")) | map([.file, .entries])')" = '[["out.txt",3],["more.txt",1]]' ]
}

@test "vf-filter: a phone that opts out may be written as in the phone column; digits alone are an id, and said" {
	printf '212-555-0100\n(212) 555-0101\n+1 212.555.0102\n+44 7400 123456\n2125550103\n' >out.txt
	filter --opt-out out.txt <<-'EOF'
		globalUserId,email,phone
		nf0,a@example.com,2125550100
		nf1,a@example.com,2125550101
		nf2,a@example.com,2125550102
		nf3,a@example.com,2125550103
		2125550103,a@example.com,2125550104
	EOF
	[ "$status" -eq 0 ]
	[ "$stderr" = 'vf-filter: --opt-out: lines of digits alone that may be phones, taken for ids: 1; a phone is written with +' ]
	[ "$(csv_get tags <<<"$output" | paste -sd ' ')" = "sms-opt-out sms-opt-out sms-opt-out " ]
	[ "$(reasons)" = "6 unreachable" ]
}

@test "vf-filter: --exclude takes ledgers and any CSV, by whatever delimiter" {
	cat >ledger.csv <<-'EOF'
		globalUserId,code,codeType,campaignId,waveId,assignedAt
		nf1,AAAA,generated,c1,w1,2026-11-01T00:00:00Z
		nf2,BBBB,generated,c1,w1,2026-11-01T00:00:00Z
		nf2,BBBB,void,c1,w1,2026-11-02T00:00:00Z
		nf3,CCCC,generated,c1,w1,2026-11-01T00:00:00Z
		nf3,CCCC,void,c1,w1,2026-11-02T00:00:00Z
		nf3,DDDD,generated,c1,w1,2026-11-03T00:00:00Z
	EOF
	printf 'a\tglobalUserId\n1\tnf4\n2\t nf5 \n3\tnf2x\n4\t\n' >other.tsv
	filter --exclude ledger.csv --exclude other.tsv <<-'EOF'
		globalUserId,email
		nf1,a@example.com
		nf2,b@example.com
		nf3,c@example.com
		nf4,d@example.com
		nf5,e@example.com
		nf6,f@example.com
	EOF
	[ "$(csv_get globalUserId <<<"$output" | paste -sd ' ')" = "nf2 nf6" ]
	[ "$(stats_get reasons st.json)" = '{"excluded":4}' ]
	[ "$(stats_get lists st.json | jq -c 'map(select(.kind == "exclude")) | map([.file, .entries])')" = '[["ledger.csv",6],["other.tsv",4]]' ]
	# A void line takes back what its own ledger said, not what another file says.
	printf 'globalUserId\nnf2\n' >also.csv
	filter --exclude also.csv --exclude ledger.csv <<<$'globalUserId,email\nnf2,b@example.com'
	[ "$(reasons)" = "2 excluded" ]
	filter --exclude ledger.csv --exclude also.csv <<<$'globalUserId,email\nnf2,b@example.com'
	[ "$(reasons)" = "2 excluded" ]
}

@test "vf-filter: --max-per-phone and --max-per-email keep the first N in input order" {
	local in='globalUserId,email,phone
nf1,a@example.com,2125550100
nf2,b@example.com,+1 212 555 0100
nf3,c@example.com,(212) 555-0100
nf4,j.o@gmail.com,
nf5,JO+x@gmail.com,
nf6,jo@googlemail.com,
nf7,j.o@example.com,
nf8,jo@example.com,
nf9,jo+x@example.com,
nf10,,2125550111
nf11,,2125550112
'
	filter - <<<"$in"
	[ "$(stats_get rejected st.json)" = 0 ]
	filter --max-per-phone 2 --max-per-email 1 - <<<"$in"
	[ "$(reasons)" = "4 too-many-per-phone 6 too-many-per-email 7 too-many-per-email 10 too-many-per-email" ]
	filter --max-per-email 2 - <<<"$in"
	[ "$(reasons)" = "7 too-many-per-email" ]
}

@test "vf-filter: only those who passed every earlier rule count" {
	printf 'globalUserId\nnf1\n' >gone.csv
	filter --max-per-phone 1 --exclude gone.csv <<-'EOF'
		globalUserId,email,phone
		nf1,a@example.com,2125550100
		nf2,bad,2125550100
		nf3,c@example.com,2125550100
		nf4,d@example.com,2125550100
	EOF
	[ "$(csv_get globalUserId <<<"$output")" = "nf3" ]
	[ "$(reasons)" = "2 excluded 3 bad-email 5 too-many-per-phone" ]
}

@test "vf-filter: counts hold across batches and whatever the repetition" {
	"$PYTHON3" -c '
print("globalUserId,email,phone")
for i in range(30000):
    print(f"nf{i},fan{i % 7000}@example.com,2125550{100 + i % 90}")' >many.csv
	filter --max-per-email 3 -o out.csv many.csv
	[ "$status" -eq 0 ]
	[ "$(csv_records out.csv)" = 21000 ]
	[ "$(csv_get email out.csv | sort | uniq -c | tr -s ' ' | cut -d ' ' -f 2 | sort -u)" = 3 ]
	filter --max-per-phone 11 -o out.csv many.csv
	[ "$(csv_records out.csv)" = 990 ]
	head -n 991 many.csv | csv_get globalUserId >want
	csv_get globalUserId out.csv >got
	same_files want got
}

@test "vf-filter: reads any delimiter, renamed columns, several files, and writes one CSV" {
	printf 'id;mail;n\nnf1;Jo@EXAMPLE.com;"a;b"\nnf2;jo@example.com ;1,5\n' >a.csv
	printf 'id;mail;n\r\nnf3;x@example.org;z\r\n' >b.csv
	filter --column globalUserId=id --column email=mail a.csv b.csv
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,email,n,tags
nf1,Jo@example.com,a;b,
nf2,jo@example.com,"1,5",
nf3,x@example.org,z,' ]
}

@test "vf-filter: the stats name every list with its version and digest" {
	printf '# version: 7\nexample.net\n' >white.txt
	printf 'example.org\n\n# x\n' >black.txt
	printf 'example.com\n' >disposable.txt
	try vf-filter --stats st.json --email-whitelist white.txt --email-blacklist black.txt \
		--disposable disposable.txt <<<$'globalUserId,email,phone\nnf1,jo@example.biz,2125550100'
	[ "$status" -eq 0 ]
	[ "$(stats_get lists st.json | jq -c '.[0:3] | map([.kind,.file,.version,.entries])')" = \
		'[["email-whitelist","white.txt","7",1],["email-blacklist","black.txt",null,1],["disposable","disposable.txt",null,1]]' ]
	[ "$(stats_get lists st.json | jq -r '.[4].kind')" = phone-metadata ]
	stats_get lists st.json | jq -r '.[] | [.file, .blake2b] | @tsv' >got
	"$PYTHON3" -c '
import hashlib, sys
for path in sys.argv[1:]:
    print(path, hashlib.blake2b(open(path, "rb").read(), digest_size=32).hexdigest(), sep="\t")' \
		white.txt black.txt disposable.txt "$VF_DATADIR/relay-domains.txt" "$VF_DATADIR/phone-metadata.txt" >want
	same_files want got
	[ "$(stats_get lists st.json | jq -r '.[4].version')" != null ]
}

@test "vf-filter: --phone-metadata replaces the installed file" {
	cat "$VF_DATADIR/phone-metadata.txt" >mine.txt
	filter --phone-metadata mine.txt <<<$'globalUserId,phone\nnf1,2125550100'
	[ "$status" -eq 0 ]
	[ "$(stats_get lists st.json | jq -r '.[0].file')" = mine.txt ]
	printf 'no metadata\n' >mine.txt
	filter --phone-metadata mine.txt <<<$'globalUserId,phone\nnf1,2125550100'
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-filter: mine.txt:1: "* ]]
	[ -z "$output" ]
}

@test "vf-filter: a bad list line is exit 2 and names file and line, not the value" {
	local option
	printf 'example.com\nnot a domain\n' >list.txt
	for option in --email-whitelist --email-blacklist --disposable; do
		try vf-filter "$option" list.txt <<<$'globalUserId,email\nnf1,jo@example.com'
		[ "$status" -eq 2 ]
		[ "$stderr" = "vf-filter: list.txt:2: not a domain, an address or a glob" ]
		[ -z "$output" ]
	done
	printf 'nf1\n+1 212 555 0100 000000\n' >list.txt
	filter --opt-out list.txt <<<$'globalUserId,email\nnf1,jo@example.com'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-filter: list.txt:2: not a phone number: + and at most 15 digits" ]
	printf 'globalUserId,code\nnf1,A\nnf2\n' >list.txt
	filter --exclude list.txt <<<$'globalUserId,email\nnf1,jo@example.com'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-filter: list.txt:3: a malformed record" ]
	[ -z "$output" ]
	for ((i = 0; i < 1001; i++)); do echo "*@p$i-*.example"; done >list.txt
	filter --email-blacklist list.txt <<<$'globalUserId,email\nnf1,jo@example.com'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-filter: list.txt:1001: more than 1000 globs in a list" ]
}

@test "vf-filter: faults of usage and configuration are exit 2 and write nothing" {
	local in=$'globalUserId,email,phone\nnf1,jo@example.com,2125550100'
	refused() {
		try vf-filter -o out.csv "$@"
		[ "$status" -eq 2 ] || { echo "status $status: $*"; false; }
		[ -n "$stderr" ]
		[ -z "$output" ]
		[ ! -e out.csv ]
	}
	refused --max-per-phone 0 <<<"$in"
	refused --max-per-email 0 <<<"$in"
	refused --max-per-email many <<<"$in"
	refused --region usa <<<"$in"
	refused --region us <<<"$in"
	refused --region QQ <<<"$in"
	refused --disposable x.txt --no-disposable <<<"$in"
	refused --email-blacklist missing.txt <<<"$in"
	refused --opt-out missing.txt <<<"$in"
	refused --exclude missing.csv <<<"$in"
	refused --phone-metadata missing.txt <<<"$in"
	refused <<<$'globalUserId,market\nnf1,NYC'
	[[ $stderr == "vf-filter: stdin: no column email or phone" ]]
	refused <<<$'email,phone\njo@example.com,2125550100'
	printf 'code\nA\n' >codes.csv
	refused --exclude codes.csv <<<"$in"
	printf '{"id":"c1","options":{"allowIntlPhones":"yes"}}' >c.json
	refused -c c.json <<<"$in"
}

@test "vf-filter: a header without records is a valid empty stream" {
	filter <<<'globalUserId,email,phone'
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,email,phone,phoneRegion,tags' ]
	[ -z "$stderr" ]
	[ "$(stats_get in st.json)" = 0 ]
}

@test "vf-filter: output holds addresses and phones, so it is created for its owner alone" {
	filter -o out.csv <<<$'globalUserId,email\nnf1,jo@example.com'
	[ "$status" -eq 0 ]
	[ "$(stat -c %a out.csv)" = 600 ]
}

@test "vf-filter: no personal data goes to stderr" {
	try vf-filter --no-disposable <<<$'globalUserId,email,phone\nnf1,secret-jo@nowhere,\nnf2,jo@example.com,secret'
	[ "$status" -eq 0 ]
	[[ $stderr == *"stdin:2: rejected: bad-email"* ]]
	[[ $stderr != *secret* ]]
}

@test "vf-filter: --exclude passes over the torn last line of a ledger, which was never acknowledged" {
	local header=globalUserId,code,codeType,campaignId,waveId,assignedAt
	printf '%s\nnf1,AAA,generated,c1,w1,2026-01-01T00:00:00Z\nnf2,BBB,gener' "$header" >"$BATS_TEST_TMPDIR/torn.csv"
	try vf-filter --exclude "$BATS_TEST_TMPDIR/torn.csv" --rejects "$BATS_TEST_TMPDIR/r.csv" \
		<<<$'globalUserId,email\nnf1,a@example.com\nnf2,b@example.com'
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(csv_get globalUserId <<<"$output")" = nf2 ]
	[ "$(csv_get reason "$BATS_TEST_TMPDIR/r.csv")" = excluded ]
	printf 'nf2,BBB,generated,c1,w1,2026-01-01T00:00:00Z' >"$BATS_TEST_TMPDIR/line"
	{ echo "$header"; cat "$BATS_TEST_TMPDIR/line"; } >"$BATS_TEST_TMPDIR/whole.csv"
	try vf-filter --exclude "$BATS_TEST_TMPDIR/whole.csv" <<<$'globalUserId,email\nnf2,b@example.com'
	[ "$status" -eq 0 ]
	[ "$(csv_get globalUserId <<<"$output")" = nf2 ]
}
