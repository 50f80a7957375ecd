#!/usr/bin/env bats
load helper

setup() {
	untraced
}

@test "vf-score: sets score and band, and lets unknown columns pass byte for byte" {
	try vf-score <<-'EOF'
		globalUserId,note,score
		nf1,"a, needlessly ""quoted"" one",0.95
		nf2, blanks are data ,8e-1
		nf3,,.22
		nf4,x,0
	EOF
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,note,score,band
nf1,"a, needlessly ""quoted"" one",0.950000,high
nf2, blanks are data ,0.800000,mid
nf3,,0.220000,low
nf4,x,0.000000,none' ]
	[ -z "$stderr" ]
}

@test "vf-score: the band comes from the rounded score" {
	try vf-score <<-'EOF'
		globalUserId,score
		a,0.9499995
		b,0.9499994999999999999999999999
		c,0.7999995
		d,0.2199994
		e,0.2199995
		f,1
		g,1e0
		h,0.0000005
	EOF
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,score,band
a,0.950000,high
b,0.949999,mid
c,0.800000,mid
d,0.219999,none
e,0.220000,low
f,1.000000,high
g,1.000000,high
h,0.000001,none' ]
}

@test "vf-score: what is no decimal number from 0 to 1 is a bad-score" {
	local bad
	for bad in '' ' ' 1.0000001 -0.1 nan inf 0x1 0,5 1e1 0.5.1 '0.5 x' '٠٫٥' 2 1e99999999999 +; do
		try vf-score --rejects "$BATS_TEST_TMPDIR/r" <<<$'globalUserId|score\nnf1|'"$bad"
		[ "$status" -eq 0 ]
		[ "$output" = "globalUserId,score,band" ] || { echo "taken: $bad"; false; }
	done
	[ "$(csv_get reason "$BATS_TEST_TMPDIR/r" | sort | uniq -c | tr -s ' ')" = " 15 bad-score" ]
}

@test "vf-score: a globalUserId that cannot be one is missing-user" {
	try vf-score --rejects "$BATS_TEST_TMPDIR/r" <<-'EOF'
		globalUserId|score
		|0.5
		null|0.5
		undefined|0.5
		with space|0.5
		with;semicolon|0.5
		with,comma|0.5
		é|0.5
		 trimmed |0.5
		nullable|0.5
	EOF
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,score,band
 trimmed ,0.500000,low
nullable,0.500000,low' ]
	[ "$(reject_lines "$BATS_TEST_TMPDIR/r" | cut -d' ' -f2 | uniq -c | tr -s ' ')" = ' 7 missing-user' ]
}

@test "vf-score: an id of 128 bytes is one, of 129 is not" {
	local id
	id=$(printf '%0128d' 0)
	try vf-score --rejects /dev/null <<<$'globalUserId,score\n'"$id"$',0.5\n0'"$id,0.5"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	[ "${lines[1]}" = "$id,0.500000,low" ]
}

@test "vf-score: the first good record of a fan wins" {
	try vf-score --rejects "$BATS_TEST_TMPDIR/r" --stats "$BATS_TEST_TMPDIR/s" <<-'EOF'
		globalUserId,score
		a,nope
		a,0.3
		a,0.9
		b,0.1
		 a ,0.5
	EOF
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,score,band
a,0.300000,low
b,0.100000,none' ]
	[ "$(reject_lines "$BATS_TEST_TMPDIR/r")" = '2 bad-score
4 duplicate-fan
6 duplicate-fan' ]
	[ "$(stats_get in "$BATS_TEST_TMPDIR/s")" = 5 ]
	[ "$(stats_get out "$BATS_TEST_TMPDIR/s")" = 2 ]
	[ "$(stats_get reasons.duplicate-fan "$BATS_TEST_TMPDIR/s")" = 2 ]
	stats_conserved "$BATS_TEST_TMPDIR/s"
}

@test "vf-score: duplicates are found across files and batches" {
	local dir=$BATS_TEST_TMPDIR
	{ echo globalUserId,score; seq -f 'fan%.0f,0.5' 1 30000; } >"$dir/a"
	{ echo globalUserId,score; seq -f 'fan%.0f,0.5' 20001 40000; } >"$dir/b"
	try vf-score -o "$dir/out" --rejects "$dir/r" "$dir/a" "$dir/b"
	[ "$status" -eq 0 ]
	[ "$(csv_records "$dir/out")" -eq 40000 ]
	[ "$(csv_get file "$dir/r" | sort -u)" = "$dir/b" ]
	[ "$(csv_records "$dir/r")" -eq 10000 ]
	cut -d, -f1 "$dir/out" | tail -n +2 | cmp - <(seq -f 'fan%.0f' 1 40000)
}

@test "vf-score: --allow-duplicates keeps them" {
	try vf-score --allow-duplicates <<<$'globalUserId,score\na,0.5\na,0.5'
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "vf-score: --ranks counts every record of a file, a pipe, or what --of says" {
	local input=$'globalUserId,rank\na,1\nb,2\nc,2\nd,4\n,5\nf,7\ng,x\nh,0' expected
	expected='globalUserId,rank,score,band
a,1,1.000000,high
b,2,0.875000,mid
c,2,0.875000,mid
d,4,0.625000,low
f,7,0.250000,low'
	echo "$input" >"$BATS_TEST_TMPDIR/in"
	try vf-score --ranks --rejects "$BATS_TEST_TMPDIR/r" "$BATS_TEST_TMPDIR/in"
	[ "$status" -eq 0 ]
	[ "$output" = "$expected" ]
	[ "$(reject_lines "$BATS_TEST_TMPDIR/r")" = $'6 missing-user\n8 bad-rank\n9 bad-rank' ]
	[ "$(vf-score --ranks --rejects /dev/null <"$BATS_TEST_TMPDIR/in")" = "$expected" ]
	[ "$(vf-score --ranks --rejects /dev/null < <(cat "$BATS_TEST_TMPDIR/in"))" = "$expected" ]
	try vf-score --ranks --of 3 --rejects /dev/null "$BATS_TEST_TMPDIR/in"
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,rank,score,band
a,1,1.000000,high
b,2,0.666666,low
c,2,0.666666,low' ]
	try vf-score --ranks --of 0 "$BATS_TEST_TMPDIR/in"
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-score: --of: at least 1" ]
}

@test "vf-score: a rank column without --ranks is pointed out" {
	try vf-score <<<$'globalUserId,rank\na,1'
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-score: stdin: no column score, but rank: use --ranks" ]
}

@test "vf-score: the configuration's bands hold" {
	echo '{"id":"c1","bands":{"high":0.5,"mid":0.4,"low":0.3}}' >"$BATS_TEST_TMPDIR/c.json"
	try vf-score -c "$BATS_TEST_TMPDIR/c.json" --stats "$BATS_TEST_TMPDIR/s" \
		<<<$'globalUserId,score\na,0.5\nb,0.4\nc,0.3\nd,0.2'
	[ "$status" -eq 0 ]
	[ "$(csv_get band <<<"$output" | paste -sd' ')" = 'high mid low none' ]
	[ "$(stats_get campaignId "$BATS_TEST_TMPDIR/s")" = c1 ]
	[ "$(jq -c .bands "$BATS_TEST_TMPDIR/s")" = '{"high":1,"mid":1,"low":1,"none":1}' ]
}

@test "vf-score: headerless text gets its columns from --columns" {
	try vf-score --no-header --columns globalUserId,market,score <<<$'a\tNYC\t0.5\nb\tLA\t1'
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,market,score,band
a,NYC,0.500000,low
b,LA,1.000000,high' ]
	try vf-score --no-header <<<'a,1'
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-score: --no-header and --columns go together" ]
}

@test "vf-score: a second run on its own output changes nothing" {
	vf-score <<<$'globalUserId;band;score;note\na;x;5e-1;"q;""uo"""\nb;;0.123456;plain' >"$BATS_TEST_TMPDIR/one"
	vf-score "$BATS_TEST_TMPDIR/one" >"$BATS_TEST_TMPDIR/two"
	[ "$(head -n 2 "$BATS_TEST_TMPDIR/one" | tail -n 1)" = 'a,low,0.500000,"q;""uo"""' ]
	same_files "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "vf-score: a header of 150,000 columns is read, and two equal names far apart in it are found" {
	{ seq -f 'c%.0f' 1 150000 | paste -sd,; } >"$BATS_TEST_TMPDIR/names"
	{ printf 'globalUserId,score,'; cat "$BATS_TEST_TMPDIR/names"; } >"$BATS_TEST_TMPDIR/wide"
	try vf-score "$BATS_TEST_TMPDIR/wide"
	[ "$status" -eq 0 ]
	[[ $output == globalUserId,score,c1,*,c150000,band ]]
	sed 's/c149999/c2/' "$BATS_TEST_TMPDIR/wide" >"$BATS_TEST_TMPDIR/twice"
	try vf-score "$BATS_TEST_TMPDIR/twice"
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-score: $BATS_TEST_TMPDIR/twice:1: columns 4 and 150001 have the same name" ]
}
