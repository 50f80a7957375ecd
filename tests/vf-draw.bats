#!/usr/bin/env bats
# vf-draw: byte for byte as the contract says; the order is computed again here by Python's hashlib.
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	printf '%064d\n' 7 >seed
}

# expected LIMIT[,MARKET=LIMIT...] CAMPAIGN WAVE BEACON FILE...: the records drawn, without a reader of ours:
# plain CSV, columns globalUserId first, market second, band third.
expected() {
	"$PYTHON3" - "$@" <<-'PYTHON'
		import hashlib, sys
		limits, campaign, wave, beacon, *files = sys.argv[1:]
		limits = dict(l.split("=") for l in limits.split(","))
		seed = bytes.fromhex("%064d" % 7)
		k = hashlib.blake2b("\0".join(("vf-draw/1", campaign, wave, beacon)).encode(), key=seed, digest_size=32).digest()
		rows = []
		for file in files:
		    for line in open(file).read().split("\n")[1:]:
		        fields = line.split(",")
		        if line and fields[2] in ("high", "mid", "low") and fields[1] in limits:
		            key = hashlib.blake2b(k + fields[0].encode(), digest_size=16).digest()
		            rows.append((fields[1].encode(), ("high", "mid", "low").index(fields[2]), key, fields[0], line))
		place, market = 0, None
		for row in sorted(rows):
		    place = place + 1 if row[0] == market else 1
		    market = row[0]
		    if place <= int(limits[market.decode()]):
		        print("%s,%d" % (row[4], place))
	PYTHON
}

# make_fans N RANDOM [COLUMNS]: fans in three markets and all bands, ids made of the number.
make_fans() {
	"$PYTHON3" - "$@" <<-'PYTHON'
		import random, sys
		n, r = int(sys.argv[1]), random.Random(int(sys.argv[2]))
		print("globalUserId,market,band,email")
		for i in range(n):
		    print("fan-%d,%s,%s,f%d@example.com" % (r.randrange(10) + 10 * i, r.choice(("NYC", "LAX", "CHI")),
		        r.choice(("high", "mid", "low", "low", "none")), i))
	PYTHON
}

@test "vf-draw: bands first, then the keyed hash of the id; position in the market" {
	make_fans 900 1 >fans.csv
	try vf-draw --seed-file seed --limit 150 --rejects rejects.csv -o drawn.csv fans.csv
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -z "$stderr" ]
	[ "$(csv_header drawn.csv)" = globalUserId,market,band,email,drawPosition ]
	expected NYC=150,LAX=150,CHI=150 "" "" "" fans.csv >expected.csv
	[ "$(wc -l <expected.csv)" -eq 450 ]
	same_files <(tail -n +2 drawn.csv) expected.csv
}

@test "vf-draw: campaign, wave, beacon and seed all change the order" {
	make_fans 300 2 >fans.csv
	echo '{"id":"spring","markets":[{"id":"NYC","limit":20},{"id":"LAX","limit":10},{"id":"CHI","limit":99}],"waves":[{"id":"w1"}]}' >c.json
	vf-draw -c c.json --seed-file seed fans.csv 2>/dev/null | tail -n +2 >campaign.csv
	vf-draw -c c.json --wave w1 --seed-file seed fans.csv 2>/dev/null | tail -n +2 >wave.csv
	vf-draw -c c.json --wave w1 --beacon C0FFEE --seed-file seed fans.csv 2>/dev/null | tail -n +2 >beacon.csv
	same_files campaign.csv <(expected NYC=20,LAX=10,CHI=99 spring "" "" fans.csv)
	same_files wave.csv <(expected NYC=20,LAX=10,CHI=99 spring w1 "" fans.csv)
	same_files beacon.csv <(expected NYC=20,LAX=10,CHI=99 spring w1 c0ffee fans.csv)
	vf-draw -c c.json --wave w1 --beacon c0ffee --seed-file <(printf '%064d\n' 8) fans.csv 2>/dev/null | tail -n +2 >seed.csv
	for pair in "campaign wave" "wave beacon" "beacon seed"; do
		run ! cmp -s "${pair% *}.csv" "${pair#* }.csv"
	done
}

@test "vf-draw: the seed may come from the environment" {
	make_fans 100 3 >fans.csv
	vf-draw --limit 9 --seed-file seed -o a.csv fans.csv 2>/dev/null
	VF_DRAW_SEED=$(cat seed) try vf-draw --limit 9 -o b.csv --rejects /dev/null fans.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	same_files a.csv b.csv
}

@test "vf-draw: each kind of record that cannot be drawn is rejected by its word" {
	cat >fans.csv <<-'EOF'
		globalUserId,market,band
		a,NYC,high
		b,NYC,none
		c,,low
		d,LAX,low
		e,NYC,gold
		f g,NYC,low
		null,NYC,low
		,NYC,low
		g,NYC
		h,LAX,none
		i, NYC , mid
	EOF
	printf 'market,limit\nNYC,5\n' >limits.csv
	try vf-draw --seed-file seed --limits limits.csv --rejects rejects.csv --stats stats fans.csv
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,market,band,drawPosition
a,NYC,high,1
i, NYC , mid,2' ]
	[ -z "$stderr" ]
	[ "$(reject_lines rejects.csv)" = '3 below-bands
4 bad-market
5 no-limit
6 bad-band
7 missing-user
8 missing-user
9 missing-user
10 field-count
11 below-bands' ]
	stats_conserved stats
	[ "$(stats_get markets stats)" = '{"NYC":{"high":1,"mid":1,"low":0,"drawn":2}}' ]
	[ "$(stats_get unselected stats)" = 0 ]
	[ "$(stats_get reasons.missing-user stats)" = 3 ]
}

@test "vf-draw: any order of the input, any number of files, any delimiter: the same draw" {
	make_fans 600 4 >fans.csv
	vf-draw --seed-file seed --limit 40 --rejects /dev/null --unselected rest.csv -o drawn.csv fans.csv
	(csv_header fans.csv && tail -n +2 fans.csv | sort -R --random-source=<(yes)) >shuffled.csv
	vf-draw --seed-file seed --limit 40 --rejects /dev/null --unselected rest2.csv -o drawn2.csv shuffled.csv
	same_files drawn.csv drawn2.csv
	same_files rest.csv rest2.csv
	(csv_header fans.csv && tail -n 250 fans.csv) >part2.csv
	(head -n 351 fans.csv | tr , '|') >part1.csv
	vf-draw --seed-file seed --limit 40 --rejects /dev/null --unselected rest2.csv part2.csv - <part1.csv >drawn2.csv
	same_files drawn.csv drawn2.csv
	same_files rest.csv rest2.csv
}

@test "vf-draw: draws of the parts of a split file, drawn again together, are the draw of the whole" {
	make_fans 2000 5 >fans.csv
	vf-draw --seed-file seed --beacon 1f --limit 70 --rejects /dev/null -o whole.csv fans.csv
	csv_header fans.csv >header
	tail -n +2 fans.csv | split -n r/7 - part.
	for part in part.*; do
		cat header "$part" | vf-draw --seed-file seed --beacon 1f --limit 70 --rejects /dev/null -o "drawn.$part" -
	done
	vf-draw --seed-file seed --beacon 1f --limit 70 -o merged.csv drawn.part.*
	same_files whole.csv merged.csv
	vf-draw --seed-file seed --beacon 1f --limit 70 -o again.csv whole.csv
	same_files whole.csv again.csv
}

@test "vf-draw: a raised limit keeps all earlier winners and their positions" {
	make_fans 800 6 >fans.csv
	vf-draw --seed-file seed --limit 30 --rejects /dev/null -o low.csv --unselected standby.csv fans.csv
	vf-draw --seed-file seed --limit 90 --rejects /dev/null -o high.csv fans.csv
	[ "$(csv_records low.csv)" -eq 90 ]
	[ "$(sort low.csv high.csv | uniq -d | wc -l)" -eq 91 ]
	# The standby list, in its order, is who comes next.
	awk -F, 'NR == 1 || $NF <= 90' standby.csv >next.csv
	same_files <(sort low.csv next.csv | uniq) <(sort high.csv)
}

@test "vf-draw: --unselected keeps the others, in order, with positions that go on; the drawn are the same" {
	make_fans 500 7 >fans.csv
	printf 'market,limit\nNYC,20\nLAX,0\nCHI,9999\n' >limits.csv
	vf-draw --seed-file seed --limits limits.csv --rejects /dev/null -o drawn.csv fans.csv
	try vf-draw --seed-file seed --limits limits.csv --rejects /dev/null --unselected rest.csv --stats stats \
		-o drawn2.csv fans.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	same_files drawn.csv drawn2.csv
	stats_conserved stats
	[ "$(stats_get unselected stats)" -eq "$(csv_records rest.csv)" ]
	expected NYC=9999,LAX=9999,CHI=9999 "" "" "" fans.csv >all.csv
	same_files <(tail -qn +2 drawn.csv rest.csv | sort) <(sort all.csv)
	same_files <(tail -n +2 rest.csv) <(grep -vxFf <(tail -n +2 drawn.csv) all.csv)
	[ "$(stat -c %a rest.csv drawn.csv | sort -u)" = 600 ]
}

# bats test_tags=long
@test "vf-draw: a standby list that does not fit in memory is sorted on disk" {
	"$PYTHON3" -c '
print("globalUserId,market,band,filler")
for i in range(60000):
    print("f%d,M%d,%s,%s" % (i, i % 3, ("high", "mid", "low")[i % 7 % 3], "x" * 2000))' >fans.csv
	vf-draw --seed-file seed --limit 50 --unselected rest.csv -o drawn.csv fans.csv
	[ "$(csv_records drawn.csv)" -eq 150 ]
	[ "$(csv_records rest.csv)" -eq 59850 ]
	expected M0=99999,M1=99999,M2=99999 "" "" "" fans.csv | awk -F, '$NF > 50' >expected.csv
	same_files <(tail -n +2 rest.csv) expected.csv
	rm fans.csv rest.csv expected.csv
}

@test "vf-draw: a column drawPosition is replaced where it stands; other columns pass byte for byte" {
	cat >fans.csv <<-'EOF'
		drawPosition,note,globalUserId,band
		9,"a, ""quoted"" one",a,high
		,"needless",b,low
		"x", blanks ,c,mid
	EOF
	try vf-draw --seed-file seed --limit 2 --unselected rest.csv fans.csv
	[ "$status" -eq 0 ]
	[ "$output" = 'drawPosition,note,globalUserId,band
1,"a, ""quoted"" one",a,high
2, blanks ,c,mid' ]
	[ "$(cat rest.csv)" = 'drawPosition,note,globalUserId,band
3,"needless",b,low' ]
}

@test "vf-draw: without a column market all compete in one draw, with --limit only" {
	printf 'globalUserId,band\na,low\nb,high\nc,none\n' >fans.csv
	try vf-draw --seed-file seed --limit 1 --rejects /dev/null --manifest m.json fans.csv
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,band,drawPosition
b,high,1' ]
	[ "$(jq -c '[.limits, .markets]' m.json)" = '[{"":1},{"":{"high":1,"mid":0,"low":1,"drawn":1}}]' ]
	printf 'market,limit\nNYC,5\n' >limits.csv
	try vf-draw --seed-file seed --limits limits.csv fans.csv
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[[ $stderr == "vf-draw: fans.csv: "*market* ]]
}

@test "vf-draw: a limit of 0 draws nobody, one over the input everybody" {
	make_fans 60 8 >fans.csv
	try vf-draw --seed-file seed --limit 0 --rejects /dev/null --stats stats fans.csv
	[ "$status" -eq 0 ]
	[ "$output" = globalUserId,market,band,email,drawPosition ]
	stats_conserved stats
	vf-draw --seed-file seed --limit 10000000 --rejects /dev/null -o all.csv fans.csv
	[ "$(csv_records all.csv)" -eq "$(grep -cE ',(high|mid|low),' fans.csv)" ]
}

@test "vf-draw: waves[].limits come before markets[].limit, and a wave's markets are the only ones" {
	make_fans 300 9 >fans.csv
	cat >c.json <<-'EOF'
		{"id":"c","markets":[{"id":"NYC","limit":7},{"id":"LAX","limit":8},{"id":"CHI"}],
		 "waves":[{"id":"w1","markets":["NYC","LAX"],"limits":{"NYC":3}},{"id":"w2","limits":{"CHI":5}}]}
	EOF
	counts() { csv_get market drawn.csv | sort | uniq -c | tr -s ' \n' ' '; }
	vf-draw -c c.json --wave w1 --seed-file seed --rejects rejects.csv -o drawn.csv fans.csv
	[ "$(counts)" = " 8 LAX 3 NYC " ]
	[ "$(grep -c ,no-limit, rejects.csv)" -eq "$(grep -cE 'CHI,(high|mid|low)' fans.csv)" ]
	vf-draw -c c.json --wave w2 --seed-file seed --rejects /dev/null -o drawn.csv fans.csv
	[ "$(counts)" = " 5 CHI 8 LAX 7 NYC " ]
	vf-draw -c c.json --wave w1 --limit 2 --seed-file seed --rejects /dev/null -o drawn.csv fans.csv
	[ "$(counts)" = " 2 LAX 2 NYC " ]
	printf 'limit,market\n1,CHI\n1,LAX\n' >limits.csv
	vf-draw -c c.json --wave w1 --limits limits.csv --seed-file seed --rejects /dev/null -o drawn.csv fans.csv
	[ "$(counts)" = " 1 LAX " ]
	try vf-draw -c c.json --wave w3 --seed-file seed fans.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-draw: the campaign configuration has no wave w3" ]
}

@test "vf-draw: one id twice in a market is a failure that names both lines and not the id" {
	printf 'globalUserId,market,band\nsecret-id,NYC,high\nb,NYC,low\nsecret-id,LAX,low\n' >a.csv
	printf 'globalUserId,market,band\nc,NYC,low\nsecret-id,NYC,low\n' >b.csv
	try vf-draw --seed-file seed --limit 1 -o drawn.csv a.csv
	[ "$status" -eq 0 ]
	rm drawn.csv
	for limit in 0 1 3; do
		try vf-draw --seed-file seed --limit "$limit" --manifest m.json -o drawn.csv a.csv b.csv
		[ "$status" -eq 1 ]
		[ -z "$output" ]
		[ "$stderr" = "vf-draw: b.csv:3: the same globalUserId as a.csv:2" ]
		[ ! -e drawn.csv ]
		[ ! -e m.json ]
	done
}

@test "vf-draw: in a market far over its limit a fan who is drawn twice is found, with --unselected and without" {
	make_fans 3000 10 >fans.csv
	vf-draw --seed-file seed --limit 20 --rejects /dev/null -o drawn.csv fans.csv
	IFS=, read -r id market band rest < <(sed -n 21p drawn.csv)
	echo "$id,$market,$band,again" >>fans.csv
	for more in "" "--unselected rest.csv"; do
		# shellcheck disable=SC2086
		try vf-draw --seed-file seed --limit 20 --rejects /dev/null $more -o again.csv fans.csv
		[ "$status" -eq 1 ]
		[[ $stderr == "vf-draw: fans.csv:3002: the same globalUserId as fans.csv:"* ]]
		[[ $stderr != *"$id"* ]]
		[ ! -e again.csv ]
		[ ! -e rest.csv ]
	done
}

@test "vf-draw: the manifest says what was drawn from what" {
	make_fans 200 11 >a.csv
	(csv_header a.csv && echo 'x,NYC,mid,x@example.com') >b.csv
	cat >c.json <<-'EOF'
		{"id":"spring \"tour\"","bands":{"high":0.9,"mid":0.5,"low":0.125},
		 "markets":[{"id":"NYC","limit":4},{"id":"LAX","limit":500},{"id":"Zürich","limit":1}],"waves":[{"id":"w1"}]}
	EOF
	try vf-draw -c c.json --wave w1 --beacon AB12 --seed-file seed --rejects /dev/null --manifest m.json \
		-o drawn.csv a.csv b.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	try "$PYTHON3" - <<-'PYTHON'
		import hashlib, json
		digest = lambda f: hashlib.blake2b(open(f, "rb").read(), digest_size=32).hexdigest()
		count = lambda m: {b: sum(open(f).read().count(",%s,%s," % (m, b)) for f in ("a.csv", "b.csv")) for b in ("high", "mid", "low")}
		nyc, lax = count("NYC"), count("LAX")
		expected = {
		    "algorithm": "vf-draw/1", "campaignId": 'spring "tour"', "waveId": "w1",
		    "bands": {"high": 0.9, "mid": 0.5, "low": 0.125},
		    "limits": {"NYC": 4, "LAX": 500, "Z\u00fcrich": 1},
		    "commitment": hashlib.blake2b(bytes.fromhex("%064d" % 7), digest_size=32).hexdigest(),
		    "beacon": "ab12",
		    "markets": {"NYC": dict(nyc, drawn=4), "LAX": dict(lax, drawn=sum(lax.values())),
		                "Z\u00fcrich": {"high": 0, "mid": 0, "low": 0, "drawn": 0}},
		    "entrants": [{"file": "a.csv", "records": 200, "blake2b": digest("a.csv")},
		                 {"file": "b.csv", "records": 1, "blake2b": digest("b.csv")}],
		    "result": {"records": 4 + sum(lax.values()), "blake2b": digest("drawn.csv")},
		}
		found = json.load(open("m.json", encoding="utf-8"))
		assert list(found) == ["algorithm", "campaignId", "waveId", "bands", "limits", "commitment", "beacon", "markets",
		                       "entrants", "result"], list(found)
		assert found == expected, (found, expected)
	PYTHON
	[ "$status" -eq 0 ]
}

@test "vf-draw: the manifest of a pipe has the digests of what went through" {
	make_fans 100 12 >fans.csv
	vf-draw --limit 3 --seed-file seed --rejects /dev/null --manifest a.json -o a.csv fans.csv
	# shellcheck disable=SC2002
	cat fans.csv | vf-draw --limit 3 --seed-file seed --rejects /dev/null --manifest b.json | cat >b.csv
	same_files a.csv b.csv
	[ "$(jq -c '.entrants[0].file' b.json)" = '"stdin"' ]
	same_files <(jq 'del(.entrants[0].file)' a.json) <(jq 'del(.entrants[0].file)' b.json)
}

@test "vf-draw: a draw that is refused leaves no result and no manifest" {
	printf 'globalUserId,market,band\na,NYC,high\nb,NYC,none\n' >fans.csv
	try vf-draw --limit 3 --seed-file seed --max-rejects 0 --rejects /dev/null --manifest m.json \
		--unselected rest.csv -o drawn.csv fans.csv
	[ "$status" -eq 3 ]
	[ ! -e drawn.csv ] && [ ! -e m.json ] && [ ! -e rest.csv ]
}

@test "vf-draw: a manifest that cannot be written leaves no result" {
	make_fans 50 13 >fans.csv
	try vf-draw --limit 3 --seed-file seed --rejects /dev/null --manifest /dev/full -o drawn.csv fans.csv
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-draw: /dev/full: No space left on device" ]
	[ ! -e drawn.csv ]
}

@test "vf-draw: what is missing or contradictory on the command line is exit 2 before any output" {
	printf 'globalUserId,market,band\na,NYC,high\n' >fans.csv
	printf 'market,limit\nNYC,1\n' >limits.csv
	refused() {
		try vf-draw -o out.csv "${@:2}" fans.csv
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "vf-draw: $1" ]
		[ ! -e out.csv ]
	}
	refused "a seed is needed: --seed-file FILE or VF_DRAW_SEED" --limit 1
	refused "limits are needed: -c, --limits or --limit" --seed-file seed
	refused "--limit and --limits do not go together" --seed-file seed --limit 1 --limits limits.csv
	refused "--beacon: not hex digits" --seed-file seed --limit 1 --beacon 0x12
	refused "missing: No such file or directory" --seed-file missing --limit 1
	refused "limits.csv: not a seed: 64 hex digits and a line end" --seed-file limits.csv --limit 1
	VF_DRAW_SEED=12 try "VF_DRAW_SEED: not 64 hex digits" --limit 1
	refused "--limit: over 9223372036854775807" --seed-file seed --limit 9223372036854775808
}

@test "vf-draw: a limits file with a fault is exit 2, naming its line" {
	printf 'globalUserId,market,band\na,NYC,high\n' >fans.csv
	refused() {
		# shellcheck disable=SC2059
		printf "$1" >limits.csv
		try vf-draw --seed-file seed --limits limits.csv -o out.csv fans.csv
		[ "$status" -eq 2 ]
		[ "$stderr" = "vf-draw: limits.csv:$2" ]
		[ ! -e out.csv ]
	}
	refused 'market,limit\nNYC,1\nLAX,-1\n' "3: the limit is not a whole number"
	refused 'market,limit\nNYC,1.5\n' "2: the limit is not a whole number"
	refused 'market,limit\n\nNYC,\n' "3: the limit is not a whole number"
	refused 'market,limit\n,1\n' "2: no market"
	refused 'market,limit\nNYC,1\nLAX,2\nNYC,1\n' "4: a market is there twice"
	refused 'market,limit\nNYC,1,2\n' "2: a bad record"
	printf 'limit,note,market\r\n2,"a, b",NYC\r\n' >limits.csv
	try vf-draw --seed-file seed --limits limits.csv fans.csv
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = a,NYC,high,1 ]
}

@test "vf-draw: a header without records is a valid draw of nobody" {
	try vf-draw --seed-file seed --limit 3 --manifest m.json <<<globalUserId,market,band
	[ "$status" -eq 0 ]
	[ "$output" = globalUserId,market,band,drawPosition ]
	[ "$(jq -c '[.limits, .markets, .result.records]' m.json)" = '[{},{},0]' ]
}

@test "vf-draw: --column reads another name and puts the canonical one into the result" {
	printf 'id,city,band\na,NYC,high\n' >fans.csv
	try vf-draw --seed-file seed --limit 3 --column globalUserId=id --column market=city fans.csv
	[ "$status" -eq 0 ]
	[ "$output" = 'globalUserId,market,band,drawPosition
a,NYC,high,1' ]
}

@test "vf-draw: an output that cannot be flushed leaves no other behind" {
	cd "$BATS_TEST_TMPDIR"
	printf '%064d\n' 1 >seed
	printf 'globalUserId,market,band\na,NYC,high\nb,NYC,high\n' >in.csv
	try vf-draw --seed-file seed --limit 1 -o drawn.csv --unselected /dev/full in.csv
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-draw: /dev/full: No space left on device" ]
	[ ! -e drawn.csv ]
	[ "$(find . -name '.drawn*' | wc -l)" -eq 0 ]
}
