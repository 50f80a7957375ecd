#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
}

one_line() {
	[ "$(wc -l <<<"$stderr")" -eq 1 ] && [ -n "$stderr" ]
}

@test "vf-codegen: makes so many codes of the default alphabet, no two alike" {
	try vf-codegen -n 5000
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[0]}" = code ]
	[ "${#lines[@]}" -eq 5001 ]
	[ "$(tail -n +2 <<<"$output" | grep -cvE '^[23456789CDFGHJKMNPQRTVWX]{12}$')" = 0 ]
	[ "$(sort -u <<<"$output" | wc -l)" -eq 5001 ]
}

@test "vf-codegen: two runs have no code in common" {
	vf-codegen -n 2000 | tail -n +2 >a
	vf-codegen -n 2000 | tail -n +2 >b
	[ "$(sort a b | uniq -d | wc -l)" -eq 0 ]
}

@test "vf-codegen: no codes at all is a header" {
	try vf-codegen -n 0 --stats s.json
	[ "$status" -eq 0 ]
	[ "$output" = code ]
	[ -z "$stderr" ]
	[ "$(stats_get out s.json)" = 0 ]
}

@test "vf-codegen: --length counts the random characters, --prefix comes in front" {
	try vf-codegen -n 3 --length 20 --prefix VIP-
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(tail -n +2 <<<"$output" | grep -cE '^VIP-[23456789CDFGHJKMNPQRTVWX]{20}$')" -eq 3 ]
}

@test "vf-codegen: each named alphabet has the characters of its name" {
	local name set
	while read -r name set; do
		try vf-codegen -n 400 --length 20 --alphabet "$name"
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		# 8,000 characters: each of them is there.
		[ "$(tail -n +2 <<<"$output" | fold -w 1 | sort -u | tr -d '\n')" = "$set" ] || { echo "$name"; false; }
	done <<-'EOF'
		default 23456789CDFGHJKMNPQRTVWX
		digits 0123456789
		hex 0123456789ABCDEF
		letters ABCDEFGHIJKLMNOPQRSTUVWXYZ
		alnum 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ
		base32 234567ABCDEFGHIJKLMNOPQRSTUVWXYZ
		base32-crockford 0123456789ABCDEFGHJKMNPQRSTVWXYZ
	EOF
}

@test "vf-codegen: an alphabet of one's own, in its own order of characters" {
	try vf-codegen -n 50 --length 40 --alphabet 'xz-#'
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(tail -n +2 <<<"$output" | fold -w 1 | sort -u | tr -d '\n')" = '#-xz' ]
}

@test "vf-codegen: an alphabet that makes bad codes is exit 2, with the reason" {
	local chars
	for chars in 'ABCA' 'AbB' 'AB,C' 'AB"C' "AB'C" 'AB C' 'ABÉ' 'AB[C' 'A' '' 'AB€'; do
		try vf-codegen -n 1 --length 60 --alphabet "$chars"
		[ "$status" -eq 2 ] || { echo "$chars"; false; }
		[ -z "$output" ]
		one_line
		[[ $stderr == "vf-codegen: alphabet: "* ]]
	done
	try vf-codegen -n 1 --prefix 'A B'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-codegen: prefix: character 2 cannot be in a code (ASCII of GSM-7 basic without comma, quotes and space can)" ]
	for length in 0 65 18446744073709551615; do
		try vf-codegen -n 1 --length "$length"
		[ "$status" -eq 2 ]
		[ "$stderr" = "vf-codegen: length: a code has 1 to 64 characters, prefix included" ]
	done
	try vf-codegen -n 1 --length 62 --prefix ABC
	[ "$status" -eq 2 ]
	one_line
}

@test "vf-codegen: -n is needed, operands are not taken" {
	try vf-codegen
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-codegen: -n N is needed" ]
	try vf-codegen -n many
	[ "$status" -eq 2 ]
	one_line
	try vf-codegen -n 1 extra
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	one_line
}

@test "vf-codegen: a code space under 2^30 x N is refused, at its exact boundary" {
	try vf-codegen -n 1024 --alphabet hex --length 10
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1025 ]
	try vf-codegen -n 1025 --alphabet hex --length 10 -o codes.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ ! -e codes.csv ]
	one_line
	[[ $stderr == "vf-codegen: 40.0 bits are too few for 1025 codes: "*"--allow-guessable)" ]]
	try vf-codegen -n 1025 --alphabet hex --length 10 --allow-guessable
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1026 ]
}

@test "vf-codegen: a whole small space is made, each code once, and one more is refused" {
	try vf-codegen -n 1000 --alphabet digits --length 3 --allow-guessable
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(tail -n +2 <<<"$output" | sort)" = "$(seq -w 0 999)" ]
	try vf-codegen -n 1001 --alphabet digits --length 3 --allow-guessable
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-codegen: there are not 1001 such codes left" ]
}

@test "vf-codegen: --exclude leaves out the codes of ledgers and of files, in any column" {
	{ echo code,note; seq -f '%03g,x' 0 99; } >old.csv
	{
		echo globalUserId,code,codeType,campaignId,waveId,assignedAt
		seq 100 199 | sed 's/.*/nf&,&,generated,c1,w1,2026-12-01T10:00:00Z/'
	} >ledger.csv
	for i in 5 6; do echo "nf10$i,10$i,void,c1,w1,2026-12-01T10:00:00Z"; done >>ledger.csv
	try vf-codegen -n 800 --alphabet digits --length 3 --allow-guessable --exclude old.csv \
		--exclude ledger.csv --stats s.json
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(tail -n +2 <<<"$output" | sort)" = "$(seq 200 999)" ]
	[ "$(stats_get excluded s.json)" = 200 ]
	try vf-codegen -n 801 --alphabet digits --length 3 --allow-guessable --exclude old.csv --exclude ledger.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-codegen: there are not 801 such codes left" ]
}

@test "vf-codegen: a ledger's torn last line is passed over, other damage is exit 2 with the line" {
	{
		echo globalUserId,code,codeType,campaignId,waveId,assignedAt
		echo nf1,111,generated,c1,w1,2026-12-01T10:00:00Z
		printf 'nf2,222,gener'
	} >ledger.csv
	try vf-codegen -n 999 --alphabet digits --length 3 --allow-guessable --exclude ledger.csv
	[ "$status" -eq 0 ]
	[ "$(tail -n +2 <<<"$output" | sort)" = "$(seq -w 0 999 | grep -vx 111)" ]
	echo >>ledger.csv
	try vf-codegen -n 1 --exclude ledger.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-codegen: ledger.csv:3: cannot be read as a record" ]
	echo nf3,333,generated,c1,w1,2026-12-01T10:00:00Z >>ledger.csv
	printf 'nf4,444' >>ledger.csv
	try vf-codegen -n 1 --exclude ledger.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-codegen: ledger.csv:3: cannot be read as a record" ]
	printf 'code,x\n1' >plain.csv
	try vf-codegen -n 1 --exclude plain.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-codegen: plain.csv:2: cannot be read as a record" ]
}

@test "vf-codegen: an exclude file without column code is exit 2, a missing one a failure" {
	echo codes >x.csv
	try vf-codegen -n 1 --exclude x.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == "vf-codegen: x.csv: no column code"* ]]
	try vf-codegen -n 1 --exclude nowhere.csv
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-codegen: nowhere.csv: No such file or directory" ]
}

@test "vf-codegen: -o is whole or nothing, and private" {
	mkdir work && cd work
	umask 022
	try vf-codegen -n 10 -o codes.csv
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	[ "$(stat -c %a codes.csv)" = 600 ]
	[ "$(csv_records codes.csv)" -eq 10 ]
	try vf-codegen -n 100000 -o /dev/full
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-codegen: /dev/full: No space left on device" ]
	try sh -c 'vf-codegen -n 10 >/dev/full'
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-codegen: stdout: No space left on device" ]
	[ "$(ls -A)" = codes.csv ]
}

@test "vf-codegen: a closed pipe ends it by SIGPIPE, quietly; SIGTERM is exit 75 and leaves nothing" {
	try bash -c 'vf-codegen -n 3000000 --stats s.json | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"'
	[ "$status" -eq 141 ]
	[ -z "$stderr" ]
	[ "$(stats_get exit s.json)" = 141 ]
	mkdir work
	env --default-signal=TERM vf-codegen -n 20000000 --stats s.json -o work/codes.csv 2>err.txt 3>&- &
	local pid=$! status=0
	wait_until 10 sh -c 'test -n "$(ls -A work)"'
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s.json)" = 75 ]
	[ -z "$(ls -A work)" ]
}

@test "vf-codegen: the stats have bits and guessOdds" {
	vf-codegen -n 1024 --alphabet hex --length 10 --stats s.json -o /dev/null
	[ "$(stats_get bits s.json)" = 40.00 ] || [ "$(stats_get bits s.json)" = 40 ]
	[ "$(stats_get guessOdds s.json)" = 1073741824 ]
	[ "$(stats_get in s.json)" = 0 ]
	[ "$(stats_get out s.json)" = 1024 ]
	[ "$(stats_get rejected s.json)" = 0 ]
	# Codes that are excluded are valid too: with them a guess hits more often.
	{ echo code; seq -f '%010g' 1 1024; } >old.csv
	vf-codegen -n 1024 --alphabet hex --length 10 --exclude old.csv --stats s.json -o /dev/null
	[ "$(stats_get guessOdds s.json)" = 536870912 ]
	vf-codegen -n 1 --stats s.json -o /dev/null
	[ "$(stats_get bits s.json)" = 55.02 ]
}
