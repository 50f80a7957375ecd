#!/usr/bin/env bats
# vf-audit and examples/recheck-draw.py: two programs that share no code have to say the same.
# shellcheck disable=SC2154 # stderr_lines is set by run --separate-stderr
load helper

setup_file() {
	untraced
	mkdir "$BATS_FILE_TMPDIR/ready"
	cd "$BATS_FILE_TMPDIR/ready" || return 1
	printf '%064d\n' 7 >seed
	printf '%064d\n' 8 >other-seed
	cat >c.json <<-'EOF'
		{"id":"spring","markets":[{"id":"NYC","limit":20},{"id":"LAX","limit":30},{"id":"CHI","limit":5000},{"id":"SEA","limit":3}],
		 "waves":[{"id":"w1","limits":{"NYC":25}}]}
	EOF
	printf 'market,limit\nNYC,25\nLAX,30\nCHI,5000\nSEA,3\n' >limits.csv
	"$PYTHON3" >a.csv - <<-'PYTHON'
		import random
		r = random.Random(1)
		print("globalUserId,email,market,band,note")
		for i in range(400):
		    print("fan-%d,f%d@example.com,%s,%s,%s" % (i, i, r.choice(("NYC", "LAX", "CHI", "PHX")),
		        r.choice(("high", "mid", "low", "none")), r.choice(("", '"a, ""b"""', "x"))))
		print('bad,record')
		print('stray"quote,x,NYC,high,')
		print('"open,x,NYC,high,')
		print('s,"two')
		print('lines",NYC,high,')
	PYTHON
	(csv_header a.csv && tail -n +150 a.csv | head -n 50 | sed 's/^fan-/late-/') >b.csv
	vf-draw -c c.json --wave w1 --beacon c0ffee --seed-file seed --manifest m.json --rejects /dev/null -o drawn.csv a.csv b.csv
}

setup() {
	untraced
	cp -p "$BATS_FILE_TMPDIR"/ready/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return 1
}

# holds ARGS...: both say that the draw holds.
holds() {
	try vf-audit --rejects /dev/null "$@"
	[ "$status" -eq 0 ]
	[[ $output == "the manifest holds: "* ]]
	[ "${#lines[@]}" -eq 1 ]
	[ -z "$stderr" ]
	try "$PYTHON3" "$VF_SRCDIR/examples/recheck-draw.py" "$@"
	[ "$status" -eq 0 ]
	[[ $output == "the draw holds: "* ]]
	[ -z "$stderr" ]
}

# differs WORD:WHERE ARGS...: both say so, in one line, first thing, with exit 1.
differs() {
	try vf-audit --rejects /dev/null "${@:2}"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ $stderr == "vf-audit: $1"* ]]
	[[ $stderr != *$'\n'* ]]
	try "$PYTHON3" "$VF_SRCDIR/examples/recheck-draw.py" "${@:2}"
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[[ $stderr == "recheck-draw.py: $1"* ]]
	[[ $stderr != *$'\n'* ]]
}

# change FILTER: the manifest, changed, as changed.json
change() {
	jq "$1" m.json >changed.json
}

usual=(--manifest m.json --seed-file seed --result drawn.csv a.csv b.csv)

@test "vf-audit: an honest draw holds" {
	holds "${usual[@]}"
	try vf-audit "${usual[@]}"
	[ "$output" = "the manifest holds: 2 entrants' files, 4 markets, $(jq '[.markets[] | .high + .mid + .low] | add' m.json) candidates, $(csv_records drawn.csv) drawn" ]
}

@test "vf-audit: it holds against the limits that were announced" {
	holds --limits limits.csv "${usual[@]}"
	try vf-audit -c c.json --rejects /dev/null "${usual[@]}"
	[ "$status" -eq 0 ]
}

@test "vf-audit: files of other names are those of the manifest in its order" {
	mv a.csv x.csv
	mv b.csv y.csv
	holds --manifest m.json --seed-file seed --result drawn.csv x.csv y.csv
	differs "entrants-differ: y.csv: " --manifest m.json --seed-file seed --result drawn.csv y.csv x.csv
	try vf-audit --rejects /dev/null --manifest m.json --seed-file seed --result drawn.csv - y.csv <x.csv
	[ "$status" -eq 0 ]
	run "$PYTHON3" "$VF_SRCDIR/examples/recheck-draw.py" --manifest m.json --seed-file seed --result drawn.csv - y.csv <x.csv
	[ "$status" -eq 0 ]
}

@test "vf-audit: a wrong seed is seed-differs" {
	differs "seed-differs: m.json: " --manifest m.json --seed-file other-seed --result drawn.csv a.csv b.csv
	try vf-audit "${usual[@]/seed/other-seed}"
	[[ $stderr != *0000000000* ]]
}

@test "vf-audit: another commitment than the published one is seed-differs" {
	vf-draw -c c.json --wave w1 --beacon c0ffee --seed-file other-seed --manifest m2.json --rejects /dev/null -o d2.csv a.csv b.csv
	differs "seed-differs: m2.json: " --manifest m2.json --seed-file seed --result d2.csv a.csv b.csv
}

@test "vf-audit: a changed limit is limits-differ" {
	change '.limits.NYC = 26'
	differs "limits-differ: changed.json: market NYC: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	change '.limits.CHI = 10'
	differs "limits-differ: changed.json: market CHI: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	change 'del(.limits.LAX)'
	differs "limits-differ: changed.json: market LAX: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	change '.limits.PHX = 1'
	differs "limits-differ: changed.json: market PHX: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	change '.markets.LAX.drawn = 31'
	differs "limits-differ: changed.json: market LAX: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
}

@test "vf-audit: a draw under other limits than those announced is limits-differ" {
	sed -i 's/LAX,30/LAX,29/' limits.csv
	differs "limits-differ: m.json: market LAX: " --limits limits.csv "${usual[@]}"
	sed -i 's/LAX,29/LAX,30/; /CHI/d' limits.csv
	differs "limits-differ: m.json: market CHI: " --limits limits.csv "${usual[@]}"
	printf 'LAS,4\nCHI,5000\n' >>limits.csv
	differs "limits-differ: m.json: market LAS: " --limits limits.csv "${usual[@]}"
	jq '.waves[0].limits.NYC = 24' c.json >c2.json
	try vf-audit -c c2.json "${usual[@]}"
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-audit: limits-differ: m.json: market NYC: "* ]]
	jq '.bands = {"high":0.9,"mid":0.8,"low":0.22}' c.json >c2.json
	try vf-audit -c c2.json "${usual[@]}"
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-audit: limits-differ: m.json: "*bands* ]]
	try vf-audit --limit 30 "${usual[@]}"
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-audit: limits-differ: m.json: market CHI: "* ]]
}

@test "vf-audit: a missing, added or changed entrant is entrants-differ" {
	cp b.csv b0.csv
	sed -i 7d b.csv
	differs "entrants-differ: b.csv: 49 records, the manifest has 50" "${usual[@]}"
	(cat b0.csv && echo new-1,n@example.com,NYC,high,) >b.csv
	differs "entrants-differ: b.csv: 51 records, the manifest has 50" "${usual[@]}"
	sed '9s/@example/@exbmple/' b0.csv >b.csv
	differs "entrants-differ: b.csv: " "${usual[@]}"
	differs "entrants-differ: m.json: " --manifest m.json --seed-file seed --result drawn.csv a.csv
	differs "entrants-differ: b0.csv: " "${usual[@]:0:7}" b0.csv b0.csv
}

@test "vf-audit: candidates that the manifest counts otherwise are entrants-differ" {
	change '.markets.NYC.low += 1'
	differs "entrants-differ: changed.json: market NYC: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
}

@test "vf-audit: a swapped, missing, added or changed winner is result-differs, naming the line" {
	cp drawn.csv good.csv
	n=$(wc -l <good.csv)
	sed '7{h;d};8{G}' good.csv >drawn.csv
	differs "result-differs: drawn.csv:7: " "${usual[@]}"
	sed 's/^\(fan-[0-9]*,\)f\([^,]*,NYC.*,25\)$/\1g\2/' good.csv >drawn.csv
	line=$(cmp good.csv drawn.csv | sed 's/.* //')
	differs "result-differs: drawn.csv:$line: " "${usual[@]}"
	loser=$(tail -n +2 b.csv | grep 'NYC,low' | tail -n 1)
	sed "12s/.*/$loser,11/" good.csv >drawn.csv
	differs "result-differs: drawn.csv:12: " "${usual[@]}"
	sed '$d' good.csv >drawn.csv
	differs "result-differs: drawn.csv:$n: the file ends, the draw goes on" "${usual[@]}"
	(cat good.csv && tail -n 1 good.csv) >drawn.csv
	differs "result-differs: drawn.csv:$((n + 1)): the draw ends, the file goes on" "${usual[@]}"
	sed '1s/note/nota/' good.csv >drawn.csv
	differs "result-differs: drawn.csv:1: " "${usual[@]}"
	: >drawn.csv
	try vf-audit --rejects /dev/null "${usual[@]}"
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-audit: result-differs: drawn.csv:2: the file ends, the draw goes on" ]]
	printf '%s' "$(cat good.csv)" >drawn.csv
	differs "result-differs: " "${usual[@]}"
}

@test "vf-audit: a manifest whose result is of another file is result-differs" {
	change '.result.blake2b |= sub("^.."; "00")'
	differs "result-differs: changed.json: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	change '.result.records += 1'
	differs "result-differs: changed.json: " --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
}

@test "vf-audit: another campaign, wave or beacon in the manifest gives another draw" {
	for key in campaignId waveId beacon; do
		change ".$key = \"ab\""
		differs "result-differs: drawn.csv:" --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	done
	change '.campaignId = "autumn"'
	try vf-audit -c c.json --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-audit: changed.json: the manifest of another campaign" ]
}

@test "vf-audit: a draw without markets, a draw of nobody and a draw of a draw hold too" {
	cut -d, -f1,4 b.csv >plain.csv
	vf-draw --limit 3 --seed-file seed --manifest m.json --rejects /dev/null -o drawn.csv plain.csv
	holds --manifest m.json --seed-file seed --result drawn.csv plain.csv
	vf-draw --limit 2 --seed-file seed --manifest m.json -o drawn2.csv drawn.csv
	holds --manifest m.json --seed-file seed --result drawn2.csv drawn.csv
	head -n 1 plain.csv >nobody.csv
	vf-draw --limit 3 --seed-file seed --manifest m.json -o drawn.csv nobody.csv
	holds --manifest m.json --seed-file seed --result drawn.csv nobody.csv
	head -n 1 a.csv >nobody.csv
	vf-draw --limit 3 --seed-file seed --manifest m.json -o drawn.csv nobody.csv
	holds --manifest m.json --seed-file seed --result drawn.csv nobody.csv
}

@test "vf-audit: other delimiters and column names are read as vf-draw read them" {
	tr , '|' <b.csv | sed '1s/globalUserId/fan/' >pipes.csv
	vf-draw --limit 4 --seed-file seed --column globalUserId=fan --manifest m.json --rejects /dev/null -o drawn.csv pipes.csv
	holds --column globalUserId=fan --manifest m.json --seed-file seed --result drawn.csv pipes.csv
}

@test "vf-audit: what is no manifest, or lacks a part, is exit 2 with its place" {
	refused() {
		try vf-audit --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[[ $stderr == "vf-audit: changed.json: $1"* ]]
		try "$PYTHON3" "$VF_SRCDIR/examples/recheck-draw.py" --manifest changed.json --seed-file seed \
			--result drawn.csv a.csv b.csv
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	}
	change '.algorithm = "vf-draw/2"'
	refused "\$.algorithm: not vf-draw/1"
	change 'del(.commitment)'
	refused "\$.commitment: missing"
	change '.limits = [1]'
	refused "\$.limits: not an object"
	change '.limits.NYC = "25"'
	refused "\$.limits.NYC: "
	change 'del(.markets.LAX.mid)'
	refused "\$.markets.LAX.mid: missing"
	change 'del(.entrants)'
	refused "\$.entrants: missing"
	change '.result.blake2b = "12"'
	try vf-audit --manifest changed.json --seed-file seed --result drawn.csv a.csv b.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-audit: changed.json: \$.result.blake2b: not 64 hex digits" ]
}

@test "vf-audit: what is missing on the command line is exit 2" {
	try vf-audit --seed-file seed --result drawn.csv a.csv b.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-audit: --manifest and --result are needed" ]
	try vf-audit --manifest m.json --result drawn.csv a.csv b.csv
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-audit: a seed is needed: --seed-file FILE or VF_DRAW_SEED" ]
	VF_DRAW_SEED=$(cat seed) try vf-audit --rejects /dev/null --manifest m.json --result drawn.csv a.csv b.csv
	[ "$status" -eq 0 ]
	try vf-audit --manifest m.json --seed-file seed --result missing.csv a.csv b.csv
	[ "$status" -eq 1 ]
	[[ $stderr == *"vf-audit: missing.csv: No such file or directory" ]]
}

# damaged_alike ROUND...: vf-draw, vf-audit and recheck-draw.py read a damaged file of each alike.
damaged_alike() {
	local round
	cat >damage.py <<-'PYTHON'
		import random, sys
		r = random.Random(int(sys.argv[1]))
		d = r.choice(",,|;\t")
		def field(v):
		    k = r.random()
		    return '"%s"' % v if k < 0.1 else '"%s%s""x"' % (v, d) if k < 0.13 else v
		lines = [d.join(("globalUserId", "market", "band", "note"))]
		for i in range(r.randrange(1, 60)):
		    line = d.join(field(v) for v in ("fan-%d" % i, r.choice(("NYC", "LAX", "", "X Y")),
		        r.choice(("high", "mid", "low", "none", "zz")), r.choice(("", "\u00e9", "n"))))
		    if r.random() < 0.1:
		        at = r.randrange(len(line) + 1)
		        line = line[:at] + r.choice(('"', '""', "\n", "\r", "\0", '"\n"', "\udcff", d, '"' + d, " ")) + line[at:]
		    lines.append(line)
		    if r.random() < 0.03:
		        lines.append("")
		text = r.choice(("\n", "\r\n")).join(lines) + r.choice(("", "\n", "\r", "\r\n"))
		sys.stdout.buffer.write(r.choice((b"", b"\xef\xbb\xbf")) + text.encode("utf-8", "surrogateescape"))
	PYTHON
	first=$RANDOM
	for round; do
		echo "random seed $((first + round))"
		"$PYTHON3" damage.py $((first + round)) >damaged.csv
		try vf-draw --limit $((round * round % 40)) --seed-file seed --manifest m.json --rejects /dev/null \
			-o drawn.csv damaged.csv
		# Damage can make two ids the same; then there is no draw.
		if [[ $status -eq 1 && $stderr == *"the same globalUserId"* ]]; then
			continue
		fi
		[ "$status" -eq 0 ]
		holds --manifest m.json --seed-file seed --result drawn.csv damaged.csv
	done
}

@test "vf-audit: damaged files are read alike by the three programs" {
	damaged_alike 1 4 7
}

# bats test_tags=long
@test "vf-audit: twelve more damaged files are read alike by the three programs" {
	damaged_alike {0..11}
}

@test "both: columns that --column makes change places, after more than one byte order mark" {
	local swap=(--column band=market --column market=band)
	{ printf '\xef\xbb\xbf\xef\xbb\xbf'; sed '1s/market,band/band,market/' a.csv; } >swapped.csv
	vf-draw -c c.json --wave w1 --seed-file seed --manifest m.json --rejects /dev/null "${swap[@]}" -o drawn.csv swapped.csv
	[ "$(csv_records drawn.csv)" -gt 100 ]
	holds --manifest m.json --seed-file seed --result drawn.csv "${swap[@]}" swapped.csv
}

@test "recheck-draw.py: --fan shows one fan's key and place, drawn or not" {
	vf-draw -c c.json --wave w1 --beacon c0ffee --seed-file seed --unselected rest.csv --rejects /dev/null -o d.csv a.csv b.csv
	fan() {
		try "$PYTHON3" "$VF_SRCDIR/examples/recheck-draw.py" --manifest m.json --seed-file seed --fan "$1" a.csv b.csv
	}
	id=$(sed -n 4p d.csv | cut -d, -f1)
	market=$(sed -n 4p d.csv | "$PYTHON3" -c 'import csv, sys; print(next(csv.reader(sys.stdin))[2])')
	fan "$id"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} =~ ^draw\ key\ [0-9a-f]{32}$ ]]
	[[ ${lines[1]} == "market $market: band high, place 3, limit "*": drawn" ]]
	[ "${#lines[@]}" -eq 2 ]
	id=$(tail -n 1 rest.csv | cut -d, -f1)
	place=$(tail -n 1 rest.csv | sed 's/.*,//')
	fan "$id"
	[ "$status" -eq 0 ]
	[[ ${lines[1]} == "market NYC: band low, place $place, limit 25: not drawn" ]]
	fan nobody
	[ "$status" -eq 1 ]
	[ "${lines[1]}" = "not among the entrants" ]
}

@test "recheck-draw.py: --help says what it checks" {
	try "$PYTHON3" "$VF_SRCDIR/examples/recheck-draw.py" --help
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	for word in seed-differs limits-differ entrants-differ result-differs --fan --limits; do
		[[ $output == *"$word"* ]]
	done
}
