#!/usr/bin/env bats
# vf-merge: what goes in comes out, once and in order; what is damaged, different or too large is refused whole.
load helper

setup() {
	untraced
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
}

avro() {
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" "$@"
}

# refused COMMAND...: exit 1, one line on stderr, and no file but those that were there.
refused() {
	local before
	before=$(ls -A)
	try "$@"
	[ "$status" -eq 1 ] || { echo "status $status: $stderr"; return 1; }
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[ "$(ls -A)" = "$before" ]
}

@test "vf-merge: the records of all files, once, in their order, under the first one's codec" {
	local pair codec
	for pair in null:deflate deflate:snappy snappy:null null:null; do
		codec=${pair%:*}
		avro make a.avro --records 300 --block 200 --codec "$codec"
		avro make b.avro --records 140 --first 300 --block 20 --codec "${pair#*:}"
		avro make c.avro --records 1 --first 440 --codec "$codec"
		rm -f s.json
		try vf-merge --stats s.json -o out.avro a.avro b.avro c.avro
		[ "$status" -eq 0 ]
		[ -z "$output$stderr" ]
		[ "$(avro head out.avro | jq -c '[.codec,.blocks,.records]')" = "[\"$codec\",10,441]" ]
		cmp <(avro dump a.avro b.avro c.avro) <(avro dump out.avro)
		[ "$(jq -c '[.in,.out,.files,.refused,.parts,.exit]' s.json)" = '[441,441,3,0,1,0]' ]
		[ "$(stats_get bytes s.json)" = "$(stat -c %s out.avro)" ]
	done
}

@test "vf-merge: blocks of the output's codec are copied as they are, the marker is new each time" {
	avro make a.avro --records 300 --codec deflate
	vf-merge -o one.avro a.avro
	vf-merge -o two.avro a.avro
	[ "$(stat -c %s one.avro)" -eq "$(stat -c %s two.avro)" ]
	run ! cmp -s one.avro two.avro
	"$PYTHON3" - <<-'EOF'
		a, one = (open(name, "rb").read() for name in ("a.avro", "one.avro"))
		block = a.split(b"0123456789abcdef")[1]
		assert block in one and b"0123456789abcdef" not in one
		assert one[-16:] == one[one.index(block) - 16:one.index(block)]
	EOF
}

# bytes_of FILE: its bytes, without the marker that is new each time.
bytes_of() {
	"$PYTHON3" -c 'import sys; d = open(sys.argv[1], "rb").read(); sys.stdout.buffer.write(d.replace(d[-16:], b"-" * 16))' "$1"
}

@test "vf-merge: workers change no byte but the marker's" {
	local n codec
	# Blocks that are compressed; checked and copied; inflated and stored plain; of all kinds in one run.
	avro make a.avro --records 3000 --block 50
	avro make b.avro --records 3000 --first 3000 --block 50 --codec deflate
	avro make c.avro --records 500 --first 6000 --block 25 --codec snappy
	for codec in deflate null; do
		for n in 1 2 8; do
			vf-merge --codec "$codec" --threads "$n" -o "$codec.$n.avro" a.avro b.avro c.avro
			bytes_of "$codec.$n.avro" >"$n.bytes"
		done
		cmp 1.bytes 2.bytes
		cmp 1.bytes 8.bytes
	done
	avro dump a.avro b.avro c.avro >records
	avro dump deflate.8.avro | cmp records
	avro dump null.8.avro | cmp records
}

@test "vf-merge: --strict refuses what zlib, and with it the readers of other languages, does not inflate" {
	local n
	avro make a.avro --records 3000 --block 50 --codec deflate
	avro dump a.avro >records
	avro loose loose.avro
	vf-merge -o out.avro a.avro loose.avro
	try avro dump out.avro
	[ "$status" -ne 0 ]
	[[ $stderr == *"too many length or distance symbols" ]]
	for n in 1 2; do
		try vf-merge --strict --threads "$n" -o strict.avro a.avro loose.avro
		[ "$status" -eq 1 ]
		[[ $stderr == 'vf-merge: loose.avro: the block at byte '*': the deflate stream is damaged: too many length or distance symbols' ]]
		[ ! -e strict.avro ]
		vf-merge --strict --threads "$n" -o sound.avro a.avro
		avro dump sound.avro | cmp records
	done
}

@test "vf-merge: workers change no word about a damaged file: the first fault of each, in the order of the files" {
	local n
	avro make a.avro --records 4000 --block 50 --codec deflate
	"$PYTHON3" - <<-'EOF'
		import os, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		good = avro.block(10, b"".join(map(avro.registration, range(10))), "deflate")
		more = avro.block(11, b"".join(map(avro.registration, range(10))), "deflate")
		torn = avro.put_long(10) + avro.put_bytes(avro.store(b"x" * 40, "deflate")[:-3]) + avro.SYNC
		for name, blocks in (("middle", [good] * 50 + [more, torn] + [good] * 50), ("first", [torn] + [good] * 9 + [more]), ("sound", [good] * 50)):
		    with open(name + ".avro", "wb") as out:
		        out.write(avro.header(avro.SCHEMA, "deflate") + b"".join(blocks))
		print(len(avro.header(avro.SCHEMA, "deflate")) + 50 * len(good), file=open("where", "w"))
	EOF
	for n in 1 2 8; do
		try vf-merge --threads "$n" --stats s.json -o out.avro a.avro middle.avro sound.avro
		[ "$status" -eq 1 ]
		[ "$stderr" = "vf-merge: middle.avro: the block at byte $(<where): record 11: id: ends in the middle" ]
		# All that is sound was counted: a, 50 blocks of the damaged one, sound.
		[ "$(jq -c '[.in,.out,.refused]' s.json)" = '[5000,0,1]' ]
		rm s.json
		try vf-merge --threads "$n" -o out.avro a.avro middle.avro first.avro sound.avro
		[ "$status" -eq 1 ]
		printf '%s\n' "$stderr" >"$n.err"
		[ ! -e out.avro ]
	done
	[[ $(sed -n 2p 1.err) == "vf-merge: first.avro: the block at byte "*": the deflate stream is damaged or cut off" ]]
	[ "$(sed -n 3p 1.err)" = "vf-merge: 2 of 4 files refused: nothing is written" ]
	cmp 1.err 2.err
	cmp 1.err 8.err
}

@test "vf-merge: empty files, files of no blocks, a block of nothing, a single file" {
	local size
	avro make none.avro --records 0
	avro make some.avro --records 3
	vf-merge -o out.avro none.avro
	[ "$(avro head out.avro | jq .records)" = 0 ]
	"$PYTHON3" - <<-'EOF'
		import sys
		sys.path.insert(0, f'{__import__("os").environ["VF_SRCDIR"]}/tests')
		import avro
		with open("gap.avro", "wb") as out:
		    out.write(avro.header(avro.SCHEMA, "null") + avro.block(1, avro.registration(7)) + avro.block(0, b"") + avro.block(1, avro.registration(8)))
	EOF
	vf-merge -o out.avro none.avro gap.avro some.avro
	# Some readers stop at a block of nothing: it is left out.
	[ "$(avro head out.avro | jq -c '[.blocks,.records]')" = '[3,5]' ]
	cmp <(avro dump gap.avro some.avro) <(avro dump out.avro)
	# Nor does it count for the size.
	size=$(stat -c %s out.avro)
	vf-merge --max-size "$size" -o out.avro none.avro gap.avro some.avro
	refused vf-merge --max-size $((size - 1)) -o nowhere/other.avro none.avro gap.avro some.avro
	[ "$stderr" = "vf-merge: the merged file would have $size bytes, more than the $((size - 1)) of --max-size" ]
	: >empty.avro
	refused vf-merge -o other.avro some.avro empty.avro
	[ "$stderr" = "vf-merge: empty.avro: empty: an Avro file has a header" ]
}

@test "vf-merge: the first file's own metadata stays, another's does not" {
	"$PYTHON3" - <<-'EOF'
		import os, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		avro.make("a.avro", meta=[("team", b"lake"), ("empty", b"")])
		avro.make("b.avro", meta=[("other", b"x")])
	EOF
	vf-merge -o out.avro a.avro b.avro
	[ "$(avro head out.avro | jq -c .meta)" = '["empty","team"]' ]
}

@test "vf-merge: another schema is named and refused, other documentation is not" {
	avro make a.avro
	avro make doc.avro --schema '{"type": "record", "name": "example.Registration", "doc": "x", "fields": [
		{"name": "id", "type": {"type": "string"}, "default": "-"}, {"type": "double", "name": "score"}, {"name": "market", "type": ["null", "string"]}]}'
	vf-merge -o out.avro a.avro doc.avro
	[ "$(avro head out.avro | jq .records)" = 20 ]
	avro make b.avro --schema '{"type":"record","name":"Registration","namespace":"example","fields":[{"name":"id","type":"string"}]}'
	refused vf-merge -o out2.avro a.avro b.avro
	[[ $stderr =~ ^'vf-merge: b.avro: another schema (fingerprint '[0-9a-f]{16}') than the first file'\''s ('[0-9a-f]{16}')'$ ]]
	avro make bad.avro --schema '{"type":"record"'
	refused vf-merge -o out2.avro a.avro bad.avro
	[[ $stderr == "vf-merge: bad.avro:"* ]]
}

@test "vf-merge: --schema decides what all must be, and the text that the output gets" {
	local text='{"type":"record","name":"Registration","namespace":"example","doc":"mine","fields":[{"name":"id","type":"string"},{"name":"score","type":"double"},{"name":"market","type":["null","string"],"default":null}]}'
	avro make a.avro
	printf '%s\n' "$text" >mine.avsc
	vf-merge --schema mine.avsc -o out.avro a.avro
	grep -aqF '"doc":"mine"' out.avro
	printf '"string"\n' >other.avsc
	refused vf-merge --schema other.avsc -o out2.avro a.avro
	[ "$stderr" = "vf-merge: a.avro: its schema is not the one of --schema" ]
	printf '{"type":"nothing"}\n' >bad.avsc
	try vf-merge --schema bad.avsc -o out2.avro a.avro
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-merge: bad.avsc: "* ]]
}

@test "vf-merge: --type registration is a record Registration in any namespace; no other type there is" {
	avro make a.avro
	vf-merge --type registration -o out.avro a.avro
	avro make b.avro --records 0 --schema '{"type":"record","name":"Selection","fields":[]}'
	refused vf-merge --type registration -o other.avro b.avro
	[ "$stderr" = "vf-merge: b.avro: its schema is not a record Registration" ]
	vf-merge -o any.avro b.avro
	avro make c.avro --records 0 --schema '"string"'
	refused vf-merge --type registration -o other.avro c.avro
	try vf-merge --type selection -o other.avro b.avro
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-merge: --type: registration is the only one" ]
}

@test "vf-merge: a size equal to the limit is allowed, one byte more is refused with nothing written" {
	local size
	avro make a.avro --records 500
	avro make b.avro --records 500 --first 500
	vf-merge -o out.avro a.avro b.avro
	size=$(stat -c %s out.avro)
	rm out.avro
	vf-merge --max-size "$size" -o out.avro a.avro b.avro
	rm out.avro
	refused vf-merge --max-size $((size - 1)) --manifest m.json -o out.avro a.avro b.avro
	[ "$stderr" = "vf-merge: the merged file would have $size bytes, more than the $((size - 1)) of --max-size" ]
	refused vf-merge --codec deflate --max-size 1KB -o out.avro a.avro b.avro
	[[ $stderr == "vf-merge: the merged file would have at least "*" bytes, more than the 1000 of --max-size" ]]
	refused vf-merge --max-size 100 -o out.avro a.avro
	try vf-merge --max-size 1.2XB -o out.avro a.avro
	[ "$status" -eq 2 ]
	try vf-merge --max-size 0 -o out.avro a.avro
	[ "$status" -eq 2 ]
}

@test "vf-merge: a limit that the sizes break is found before the temporary file is begun" {
	avro make a.avro --records 500
	mkdir readonly
	# The folder does not exist: opening the output would be another error.
	refused vf-merge --max-size 1KB -o nowhere/out.avro a.avro
	[[ $stderr == *"more than the 1000 of --max-size" ]]
}

@test "vf-merge: --split writes parts within the limit, all records in order" {
	local codec part
	for codec in null deflate; do
		avro make a.avro --records 4000 --block 200
		avro make b.avro --records 3000 --first 4000 --block 150
		rm -f -- *.000?.avro
		vf-merge --codec "$codec" --split --max-size 20KB --manifest m.json -o out.avro b.avro a.avro
		[ ! -e out.avro ]
		[ "$(jq '.outputs | length' m.json)" -gt 2 ]
		for part in out.000?.avro; do
			[ "$(stat -c %s "$part")" -le 20000 ]
		done
		[ "$(jq -r '.outputs[].path' m.json)" = "$(ls out.000?.avro)" ]
		cmp <(avro dump b.avro a.avro) <(avro dump out.000?.avro)
	done
	vf-merge --split -o whole a.avro
	cmp <(avro dump a.avro) <(avro dump whole.0001.avro)
	refused vf-merge --split --max-size 3KB -o small a.avro
	[[ $stderr == "vf-merge: a block of "*" bytes does not fit into the 3000 of --max-size" ]]
}

@test "vf-merge: a part that a longer run left behind is not taken for one of this run's" {
	avro make a.avro --records 4000 --block 200
	vf-merge --split --max-size 30KB -o out a.avro
	[ -e out.0002.avro ]
	refused vf-merge --split -o out a.avro
	[ "$stderr" = "vf-merge: out.0002.avro: left by an earlier run, which had more parts: remove it" ]
}

@test "vf-merge: the manifest has path, size, records and BLAKE2b-256 of the output and of every source" {
	local f
	avro make a.avro --records 1200
	avro make 'b "q".avro' --records 5 --codec deflate
	vf-merge --manifest m.json -o out.avro a.avro 'b "q".avro'
	[ "$(jq -c '[.codec, (.schema | length), (.outputs | length), [.sources[].path]]' m.json)" = '["null",16,1,["a.avro","b \"q\".avro"]]' ]
	for f in a.avro 'b "q".avro' out.avro; do
		jq -e --arg path "$f" --argjson size "$(stat -c %s "$f")" --argjson records "$(avro head "$f" | jq .records)" \
			--arg digest "$(b2sum -l 256 "$f" | cut -d' ' -f1)" \
			'(.outputs + .sources)[] | select(. == {path: $path, size: $size, records: $records, blake2b: $digest})' m.json
	done
}

@test "vf-merge: thousands of files in one run, with few descriptors, from a list" {
	"$PYTHON3" - <<-'EOF'
		import os, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		os.mkdir("many")
		for i in range(3000):
		    avro.make(f"many/{i:04d}.avro", records=3, first=3 * i, codec=("null", "deflate")[i % 2])
	EOF
	ls many/* >list
	try bash -c 'ulimit -n 16; vf-merge --files-from list --manifest m.json -o out.avro'
	[ "$status" -eq 0 ]
	[ "$(avro dump out.avro | jq -r .id | sha256sum)" = "$(seq -f 'nf%.0f' 0 8999 | sha256sum)" ]
	[ "$(jq '.sources | length' m.json)" = 3000 ]
	sed 's/$/\r/' list | head -n 3 >crlf
	{ cat crlf; echo; } | vf-merge --files-from - -o few.avro
	[ "$(avro head few.avro | jq .records)" = 9 ]
	: >nothing
	try vf-merge --files-from nothing -o none.avro
	[ "$status" -eq 2 ]
	[ "$stderr" = "vf-merge: nothing: no files to merge" ]
}

@test "vf-merge: --dry-run checks everything and writes nothing" {
	avro make a.avro --records 100
	try vf-merge --dry-run --stats s.json a.avro
	[ "$status" -eq 0 ]
	[ "$(ls)" = $'a.avro\ns.json' ]
	[ "$(jq -c '[.in,.out]' s.json)" = '[100,100]' ]
	refused vf-merge --dry-run --max-size 500 a.avro
	head -c 1000 a.avro >cut.avro
	refused vf-merge --dry-run a.avro cut.avro
	[[ $stderr == "vf-merge: cut.avro: byte "* ]]
}

@test "vf-merge: a file given twice, by whatever name, is exit 2" {
	avro make a.avro
	ln -s a.avro link.avro
	try vf-merge -o out.avro a.avro link.avro
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-merge: "*": the same file as "* ]]
	[ ! -e out.avro ]
}

@test "vf-merge: pipes and standard input" {
	avro make a.avro --records 10
	avro make b.avro --records 10 --first 10
	vf-merge -o out.avro <(cat a.avro) - <b.avro
	cmp <(avro dump a.avro b.avro) <(avro dump out.avro)
	vf-merge -o - a.avro b.avro | cat >piped.avro
	cmp <(avro dump out.avro) <(avro dump piped.avro)
}

@test "vf-merge: a folder, an absent file, a read error are refused by name, never exit 0" {
	avro make a.avro
	mkdir folder
	refused vf-merge -o out.avro a.avro folder
	[ "$stderr" = "vf-merge: folder: Is a directory" ]
	refused vf-merge -o out.avro a.avro nowhere.avro
	[ "$stderr" = "vf-merge: nowhere.avro: No such file or directory" ]
	refused vf-merge -o out.avro a.avro /proc/self/mem
	[[ $stderr == "vf-merge: /proc/self/mem: "*"error"* ]]
	refused bash -c 'vf-merge -o out.avro - <folder'
	[ "$stderr" = "vf-merge: stdin: Is a directory" ]
}

@test "vf-merge: every refused file is named, then how many there were" {
	avro make a.avro
	head -c 100 a.avro >b.avro
	echo text >c.avro
	try vf-merge --stats s.json -o out.avro a.avro b.avro c.avro nowhere.avro
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-merge: b.avro: byte 100: the file is cut off here
vf-merge: c.avro: not an Avro container file
vf-merge: nowhere.avro: No such file or directory
vf-merge: 3 of 4 files refused: nothing is written" ]
	[ "$(jq -c '[.files,.refused,.out,.exit]' s.json)" = '[4,3,0,1]' ]
	[ ! -e out.avro ]
}

@test "vf-merge: damage inside a block is found by the walk, in every file that has it" {
	"$PYTHON3" - <<-'EOF'
		import os, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		good = avro.registration(1)
		for name, count, data in (("more", 2, good), ("fewer", 1, good + good), ("index", 1, good[:-4] + b"\x04"), ("none", 0, good)):
		    for codec in ("null", "deflate"):
		        with open(f"{name}-{codec}.avro", "wb") as out:
		            out.write(avro.header(avro.SCHEMA, codec) + avro.block(count, data, codec))
	EOF
	avro make good.avro
	local f
	for f in more fewer index none; do
		refused vf-merge -o out.avro good.avro "$f-null.avro"
		[[ $stderr == "vf-merge: $f-null.avro: the block at byte "* ]]
		refused vf-merge -o out.avro good.avro "$f-deflate.avro"
		[[ $stderr == "vf-merge: $f-deflate.avro: the block at byte "* ]]
	done
	try vf-merge -o out.avro more-null.avro good.avro index-null.avro
	[ "$status" -eq 1 ]
	[[ $stderr == *"vf-merge: 2 of 3 files refused: nothing is written" ]]
}

@test "vf-merge: every start of a file, and every byte of it changed: refused, or sound and as many records" {
	"$PYTHON3" - <<-'EOF' >report
		import os, subprocess, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		words = open("words", "w+")
		for codec in ("deflate", "snappy"):
		    cuts = [avro.header('"string"', codec)]
		    for names in (b"ab", b"cde"):
		        cuts.append(cuts[-1] + avro.block(len(names), b"".join(avro.put_bytes(bytes([n])) for n in names), codec))
		    whole = cuts.pop()
		    with open("whole.avro", "wb") as out:
		        out.write(whole)
		    files = []
		    # What both files begin with is cut and changed in the first: the second time from the codec's name on.
		    first = len(os.path.commonprefix([whole, other])) if codec == "snappy" else 0
		    other = whole
		    for n in range(first, len(whole)):
		        if whole[:n] not in cuts:
		            files.append(("cut", n, whole[:n]))
		    for n in range(first, len(whole)):
		        files.append(("flip", n, whole[:n] + bytes([whole[n] ^ 0x15]) + whole[n + 1:]))
		    passed = 0
		    for what, n, data in files:
		        with open("x.avro", "wb") as out:
		            out.write(data)
		        words.seek(0)
		        words.truncate()
		        status = subprocess.call(["vf-merge", "-o", "out.avro", "x.avro"], stderr=words)
		        words.seek(0)
		        said = words.read()
		        assert status in (0, 1), (what, n, status, said)
		        if status == 1:
		            assert said.startswith("vf-merge: x.avro:") and said.count("\n") == 1, (what, n, said)
		            assert not os.path.exists("out.avro"), (what, n)
		            continue
		        assert what == "flip", (what, n)
		        passed += 1
		        # Only a value may differ: the container is sound and the records are as many; snappy has a checksum.
		        meta, blocks = avro.read("out.avro")
		        assert sum(count for count, _ in blocks) == 5, n
		        if codec == "snappy":
		            assert [data for _, data in blocks] == [data for _, data in avro.read("whole.avro")[1]], n
		        os.unlink("out.avro")
		    print(codec, len(files), passed)
	EOF
	cat report
	[ "$(wc -l <report)" -eq 2 ]
}

@test "vf-merge: a source that changes between the looks is refused" {
	avro make a.avro --records 10
	avro make b.avro --records 10
	mkfifo late
	# The pipe holds the first look at the third file up; meanwhile the second one changes.
	vf-merge -o out.avro a.avro b.avro late 2>err 3>&- &
	local pid=$!
	exec 7>late
	avro make c.avro --records 1
	sleep 0.1
	avro make b.avro --records 12
	cat c.avro >&7
	exec 7>&-
	local status=0
	wait "$pid" || status=$?
	[ "$status" -eq 1 ]
	[ "$(cat err)" = "vf-merge: b.avro: the file changed while it was read" ]
	[ ! -e out.avro ]
}

# bats test_tags=long
@test "vf-merge: a zip bomb is bounded: 130 MiB out of a block" {
	"$PYTHON3" - <<-'EOF'
		import os, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		with open("bomb.avro", "wb") as out:
		    out.write(avro.header('"bytes"', "deflate") + avro.block(1, avro.put_long(130 << 20) + bytes(130 << 20), "deflate"))
	EOF
	refused vf-merge -o out.avro bomb.avro
	[ "$stderr" = "vf-merge: bomb.avro: the block at byte 61: the block inflates to more than 134217728 bytes" ]
}

# bats test_tags=long
@test "vf-merge: memory is constant" {
	sanitized && return 0	# the sanitizers' memory is no measure
	avro make a.avro --records 300 --block 10
	tee {1..300}.copy <a.avro >/dev/null
	printf '%s\n' ./*.copy >list
	# 64 MB of address space for data would not hold what 300 open files, or all of them, need at once.
	try bash -c 'ulimit -d 16384; vf-merge --files-from list -o out.avro'
	[ "$status" -eq 0 ]
	[ "$(avro head out.avro | jq .records)" = 90000 ]
}

@test "vf-merge: usage" {
	avro make a.avro
	usage() {
		try vf-merge "${@:2}"
		[ "$status" -eq 2 ] && [ "$stderr" = "vf-merge: $1" ] || { echo "$status $stderr"; return 1; }
		[ ! -e out.avro ]
	}
	usage 'no files to merge' -o out.avro
	usage '-o FILE is needed, or --dry-run' a.avro
	usage '--codec: null, deflate or snappy' --codec zstandard -o out.avro a.avro
	usage '--threads: 1 to 64' --threads 0 -o out.avro a.avro
	usage '--split needs a name for -o' --split -o - a.avro
	usage '--dry-run and --manifest do not go together' --dry-run --manifest m.json a.avro
}

@test "vf-merge: a full disk, a closed stdout, a reader that goes away" {
	avro make a.avro --records 30000
	try vf-merge -o /dev/full a.avro
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-merge: /dev/full: No space left on device" ]
	try vf-merge --manifest /dev/full -o out.avro a.avro
	[ "$status" -eq 1 ]
	[ "$stderr" = "vf-merge: /dev/full: No space left on device" ]
	[ ! -e out.avro ]
	try sh -c 'vf-merge -o - a.avro >&-'
	[ "$status" -eq 1 ]
	try bash -c 'vf-merge --stats s.json -o - a.avro | head -c 1 >/dev/null; exit "${PIPESTATUS[0]}"'
	[ "$status" -eq 141 ]
	[ -z "$stderr" ]
	[ "$(stats_get exit s.json)" = 141 ]
}

@test "vf-merge: SIGTERM is exit 75 and nothing is left" {
	mkfifo late
	mkdir work
	avro make a.avro
	vf-merge -o work/out.avro a.avro late 2>err 3>&- &
	local pid=$! status=0
	exec 7>late
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(cat err)" = "vf-merge: interrupted by SIGTERM: the output is not complete" ]
	[ -z "$(ls -A work)" ]
}

@test "vf-merge: SIGTERM while workers are busy is exit 75, at once" {
	local i
	mkfifo sink
	avro make a.avro --records 100000 --codec deflate
	for i in 1 2 3 4 5 6 7 8; do
		cp a.avro "$i.copy"
	done
	exec 7<>sink
	vf-merge --threads 2 --codec null --stats s.json -o sink ./*.copy 2>err 3>&- &
	local pid=$! status=0
	# Something was written, and the rest of 18 MB is more than the pipe takes.
	head -c 1 <&7 >/dev/null
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(cat err)" = "vf-merge: interrupted by SIGTERM: the output is not complete" ]
	[ "$(stats_get exit s.json)" = 75 ]
}
