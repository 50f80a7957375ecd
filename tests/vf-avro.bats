#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	schemas=$VF_SRCDIR/examples/schemas
	cat >fan.avsc <<-'JSON'
		{"type":"record","name":"Fan","fields":[
			{"name":"id","type":"string"},
			{"name":"note","type":["null","string"],"default":null},
			{"name":"n","type":"int"},
			{"name":"big","type":["long","null"]},
			{"name":"score","type":["null","double"]},
			{"name":"ratio","type":"float"},
			{"name":"ok","type":["null","boolean"]},
			{"name":"band","type":{"type":"enum","name":"Band","symbols":["low","mid","high"]}},
			{"name":"tags","type":{"type":"array","items":"string"}},
			{"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}]}]}
	JSON
	cat >fans.csv <<-'CSV'
		id,note,n,big,score,ratio,ok,band,tags,at
		a,,1,,,0.5,,low,,
		b,"x, ""y""",-2147483648,9223372036854775807,0.1,1e-7,true,mid,t1;t2,2026-12-05T20:00:00Z
		é,zoë,0,-1,-0,3.4028235e+38,false,high,t,1970-01-01T00:00:00.001Z
		d, blanks ,7,0,1.7976931348623157e+308,NaN,true,low,a;;b;,9999-12-31T23:59:59.999Z
	CSV
	echo '{"type":"record","name":"R","fields":[{"name":"id","type":"string"}]}' >id.avsc
}

holds_something() {
	[ -n "$(ls -A work)" ]
}

@test "vf-avro: every type goes to Avro and back byte for byte, with every codec and size of block" {
	local codec size
	for codec in null deflate snappy; do
		for size in 1 100 64MB; do
			vf-avro --schema fan.avsc --codec "$codec" --block-size "$size" fans.csv >out.avro
			vf-avro --decode out.avro >back.csv
			same_files fans.csv back.csv
		done
	done
}

@test "vf-avro: values in other forms become the same values in one" {
	try sh -c 'vf-avro --schema fan.avsc | vf-avro --decode' <<-'CSV'
		at|tags|band|ok|ratio|score|big|n|note|id
		2026-12-05T15:00:00.5-05:00|x| mid | true|5E-1|1.50|007|-0|"a;b"|"p|q"
	CSV
	[ "$status" -eq 0 ]
	[ "$output" = 'id,note,n,big,score,ratio,ok,band,tags,at
p|q,a;b,0,7,1.5,0.5,true,mid,x,2026-12-05T20:00:00.500Z' ]
	[ -z "$stderr" ]
}

@test "vf-avro: a value that does not fit is rejected by its field's name" {
	try vf-avro --schema fan.avsc --rejects r.csv --stats s -o out.avro <<-'CSV'
		id,note,n,big,score,ratio,ok,band,tags,at
		a,,x,,,0.5,,low,,
		b,,2147483648,,,0.5,,low,,
		c,,,,,0.5,,low,,
		d,,1,1.5,,0.5,,low,,
		e,,1,,1e400,0.5,,low,,
		f,,1,,,,,low,,
		g,,1,,,0.5,yes,low,,
		h,,1,,,0.5,,none,,
		i,,1,,,0.5,,low,,yesterday
		j,,1,,,0.5,,low,
		k,,1,,,0.5,,low,,
	CSV
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(cut -d, -f3-5 r.csv)" = 'line,reason,detail
2,schema,n
3,schema,n
4,schema,n
5,schema,big
6,schema,score
7,schema,ratio
8,schema,ok
9,schema,band
10,schema,at
11,field-count,' ]
	[ "$(vf-avro --decode out.avro | cut -d, -f1 | paste -sd ' ')" = 'id k' ]
	[ "$(stats_get in s) $(stats_get out s) $(stats_get rejected s) $(stats_get reasons.schema s)" = '11 1 10 9' ]
	stats_conserved s
}

@test "vf-avro: a field without a column takes its default, else null, or nothing is processed" {
	cat >d.avsc <<-'JSON'
		{"type":"record","name":"R","fields":[{"name":"id","type":"string"},
			{"name":"a","type":"string","default":"none"},{"name":"b","type":["null","int"]},{"name":"c","type":["int","null"],"default":7}]}
	JSON
	try sh -c 'vf-avro --schema d.avsc | vf-avro --decode' <<<$'id\nx'
	[ "$status" -eq 0 ]
	[ "$output" = $'id,a,b,c\nx,none,,7' ]
	[ -z "$stderr" ]
	try vf-avro --schema d.avsc -o out.avro <<<$'a\nx'
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-avro: d.avsc: field id: no column, and no default' ]
	[ ! -e out.avro ]
}

@test "vf-avro: columns that are no field are left out, and named" {
	try sh -c 'vf-avro --schema id.avsc -o out.avro && vf-avro --decode out.avro' <<<$'id,x,y z\n1,2,3'
	[ "$status" -eq 0 ]
	[ "$output" = $'id\n1' ]
	[ "$stderr" = 'vf-avro: not in the schema, left out: x, y z' ]
}

@test "vf-avro: campaignId and waveId come from the command line where the records have none" {
	echo '{"id":"c1"}' >config.json
	echo '{"type":"record","name":"R","fields":[{"name":"campaignId","type":"string"},{"name":"waveId","type":["null","string"]},{"name":"id","type":"string"}]}' >c.avsc
	[ "$(vf-avro --schema c.avsc -c config.json --wave w1 <<<$'id\n1' | vf-avro --decode)" = $'campaignId,waveId,id\nc1,w1,1' ]
	[ "$(vf-avro --schema c.avsc -c config.json <<<$'campaignId,id\nother,1' | vf-avro --decode)" = $'campaignId,waveId,id\nother,,1' ]
}

@test "vf-avro: the sample campaign's eligible fans are Registrations, and come back as they were" {
	vf-score --rejects /dev/null "$VF_SRCDIR/examples/sample/scores.txt" |
		vf-filter -c "$VF_SRCDIR/examples/sample/config.json" --rejects /dev/null -o filtered.csv
	try vf-avro --schema "$schemas/registration.avsc" -c "$VF_SRCDIR/examples/sample/config.json" --codec deflate \
		--stats s -o lake.avro filtered.csv
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(stats_get rejected s)" = 0 ]
	[ "$(stats_get out s)" = "$(csv_records filtered.csv)" ]
	vf-avro --decode lake.avro >back.csv
	"$PYTHON3" -c '
import csv
a, b = (list(csv.DictReader(open(name, newline="", encoding="utf-8"))) for name in ("filtered.csv", "back.csv"))
assert len(a) == len(b) > 10000
for x, y in zip(a, b):
    assert float(x.pop("score")) == float(y.pop("score"))
    assert y.pop("campaignId") == "harbor-lights-2027" and x == y, (x, y)'
}

@test "vf-avro: the lake's other schemas take what the campaign makes" {
	echo '{"id":"c1"}' >config.json
	try sh -c "vf-avro --schema '$schemas/selection.avsc' -c config.json | vf-avro --decode" \
		<<<$'globalUserId,market,score,band,tags\nnf1,NYC,0.95,high,'
	[ "$output" = $'eventId,campaignId,globalUserId,market,score,band,tags,occurredAt\n,c1,nf1,NYC,0.95,high,,' ]
	try sh -c "vf-avro --schema '$schemas/code-assignment.avsc' | vf-avro --decode" \
		<<<$'globalUserId,code,codeType,campaignId,waveId,validFrom,validTo\nnf1,X7,generated,c1,w1,2026-12-04T20:00:00Z,2027-12-05T20:00:00Z'
	[ "$output" = 'eventId,campaignId,waveId,globalUserId,code,codeType,validFrom,validTo,occurredAt
,c1,w1,nf1,X7,generated,2026-12-04T20:00:00Z,2027-12-05T20:00:00Z,' ]
	[ -z "$stderr" ]
}

@test "vf-avro: a header alone is a file without records, and one again" {
	vf-avro --schema id.avsc <<<id >empty.avro
	try vf-avro --decode empty.avro
	[ "$status" -eq 0 ]
	[ "$output" = id ]
	try vf-avro --check empty.avro
	[[ ${lines[1]} == empty.avro,*,null,0,0,* ]]
	try vf-avro --schema id.avsc -o none.avro </dev/null
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-avro: stdin: empty: there is no header' ]
	[ ! -e none.avro ]
}

@test "vf-avro: --check tells what a file holds" {
	vf-avro --schema id.avsc --codec snappy --block-size 1 <<<$'id\n1\n2\n3' >a.avro
	vf-avro --schema id.avsc <<<$'id\n1' >b.avro
	cp b.avro c.avro
	try vf-avro --check a.avro b.avro - <c.avro
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${lines[0]}" = file,fingerprint,codec,blocks,records,bytes ]
	[ "${lines[1]}" = "a.avro,471c65bc73231226,snappy,3,3,$(stat -c %s a.avro)" ] || { echo "$output"; false; }
	[ "${lines[2]}" = "b.avro,471c65bc73231226,null,1,1,$(stat -c %s b.avro)" ]
	[ "${lines[3]}" = "stdin,471c65bc73231226,null,1,1,$(stat -c %s b.avro)" ]
}

@test "vf-avro: --check names every damaged file and shows the good ones" {
	vf-avro --schema id.avsc <<<$'id\n1' >good.avro
	head -c -1 good.avro >cut.avro
	echo 'id' >text.avro
	mkdir folder
	try vf-avro --check --stats s cut.avro good.avro text.avro folder
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == good.avro,* ]]
	[ "$(wc -l <<<"$stderr")" -eq 3 ]
	[[ $stderr == 'vf-avro: cut.avro: '*$'\nvf-avro: text.avro: '*$'\nvf-avro: folder: '* ]]
	[ "$(stats_get in s) $(stats_get out s) $(stats_get damaged s) $(stats_get exit s)" = '4 1 3 1' ]
}

@test "vf-avro: --print-schema shows the schema with its comments and defaults" {
	vf-avro --schema "$schemas/registration.avsc" <<<'globalUserId,campaignId' >out.avro
	try vf-avro --print-schema out.avro
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	jq -e --slurpfile schema "$schemas/registration.avsc" '. == $schema[0]' <<<"$output"
}

@test "vf-avro: files of one canonical form are decoded as one stream, others are refused before the first record" {
	vf-avro --schema id.avsc <<<$'id\n1' >a.avro
	jq -c '.fields[0].doc = "other"' id.avsc >doc.avsc
	vf-avro --schema doc.avsc --codec deflate <<<$'id\n2' >b.avro
	vf-avro --schema fan.avsc fans.csv >c.avro
	[ "$(vf-avro --decode a.avro b.avro a.avro | paste -sd ' ')" = 'id 1 2 1' ]
	[ "$(vf-avro --decode a.avro - <b.avro | paste -sd ' ')" = 'id 1 2' ]
	try vf-avro --decode -o out.csv a.avro c.avro
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-avro: c.avro: another schema than the files before' ]
	[ ! -e out.csv ]
	try vf-avro --decode -o out.csv a.avro - <c.avro
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-avro: stdin: another schema than the files before' ]
	[ ! -e out.csv ]
}

@test "vf-avro: what a line of CSV cannot say is rejected when decoding" {
	"$PYTHON3" - <<-'PYTHON'
		def long(n):
		    n <<= 1
		    out = b""
		    while n > 127:
		        out += bytes([n & 127 | 128]); n >>= 7
		    return out + bytes([n])
		def text(s):
		    return long(len(s)) + s
		schema = b'{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"tags","type":{"type":"array","items":"string"}}]}'
		records = [(b"a", [b"x", b"y"]), (b"line\nbreak", []), (b"nul\0", []), (b"b", [b"semi;colon"]), (b"c", []), (b"return\r", [])]
		data = b"".join(text(i) + (long(len(t)) + b"".join(map(text, t)) if t else b"") + b"\0" for i, t in records)
		marker = bytes(range(16))
		open("in.avro", "wb").write(b"Obj\1" + long(1) + text(b"avro.schema") + text(schema) + b"\0" + marker
		    + long(len(records)) + text(data) + marker)
	PYTHON
	try vf-avro --decode --rejects r.csv --stats s in.avro
	[ "$status" -eq 0 ]
	[ "$output" = $'id,tags\na,x;y\nc,' ]
	[ -z "$stderr" ]
	[ "$(cut -d, -f1-5 r.csv)" = 'tool,file,line,reason,detail
vf-avro,in.avro,2,schema,id
vf-avro,in.avro,3,schema,id
vf-avro,in.avro,4,schema,tags
vf-avro,in.avro,6,schema,id' ]
	stats_conserved s
	try vf-avro --decode --max-rejects 3 -o out.csv in.avro
	[ "$status" -eq 3 ]
	[ ! -e out.csv ]
}

@test "vf-avro: the same records give the same blocks whatever the number of workers" {
	{ echo id; seq 1 100000; } >in.csv
	for n in 0 1 3; do
		vf-avro --schema id.avsc --codec deflate --block-size 20KB --threads "$n" in.csv >"$n.avro"
		# The marker is the last 16 bytes, and stands behind the header and each block.
		"$PYTHON3" -c 'import sys; b = open(sys.argv[1], "rb").read(); sys.stdout.buffer.write(b.replace(b[-16:], b"marker"))' "$n.avro" >"$n.bytes"
	done
	same_files 0.bytes 1.bytes
	same_files 0.bytes 3.bytes
	vf-avro --decode 3.avro | cmp - in.csv
	[ "$(vf-avro --check 3.avro | tail -n 1 | cut -d, -f4)" -gt 20 ]
}

@test "vf-avro: two files of one second have different markers" {
	vf-avro --schema id.avsc <<<$'id\n1' >a.avro
	vf-avro --schema id.avsc <<<$'id\n1' >b.avro
	run cmp -s a.avro b.avro
	[ "$status" -eq 1 ]
}

@test "vf-avro: records of a megabyte pass" {
	{ echo id; head -c 1000000 /dev/zero | tr '\0' x; echo; echo; head -c 1048576 /dev/zero | tr '\0' y; echo; } >in.csv
	vf-avro --schema id.avsc --codec deflate in.csv >out.avro
	vf-avro --decode out.avro | grep -v '^$' | cmp - <(grep -v '^$' in.csv)
}

@test "vf-avro: what a schema cannot be is exit 2 and one line" {
	local schema
	while read -r schema; do
		echo "$schema" >bad.avsc
		try vf-avro --schema bad.avsc -o out.avro <<<$'id\n1'
		[ "$status" -eq 2 ] || { echo "$schema"; false; }
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == 'vf-avro: bad.avsc:'* ]]
		[ ! -e out.avro ]
	done <<-'LINES'
		{
		"string"
		{"type":"record","name":"R","fields":[]} x
		{"type":"record","name":"R","fields":[{"name":"id","type":"strin"}]}
		{"type":"record","name":"R","fields":[{"name":"id","type":{"type":"map","values":"string"}}]}
		{"type":"record","name":"R","fields":[{"name":"id","type":["null","int","string"]}]}
		{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"x","type":"R"}]}
		{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"id","type":"string"}]}
	LINES
	try vf-avro --schema missing.avsc <<<$'id\n1'
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-avro: missing.avsc: No such file or directory' ]
}

@test "vf-avro: the options that do not go together are exit 2" {
	local args
	while read -r -a args; do
		try vf-avro "${args[@]}" </dev/null
		[ "$status" -eq 2 ] || { echo "${args[*]}"; false; }
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
	done <<-'LINES'
		fans.csv
		--schema fan.avsc --decode
		--decode --check
		--decode --codec null
		--check --threads 2
		--decode --delimiter tab
		--decode --column a=b
		--print-schema a b
		--schema fan.avsc --codec lzma
		--schema fan.avsc --block-size 0
		--schema fan.avsc --block-size 65MB
		--schema fan.avsc --threads 65
	LINES
}

@test "vf-avro: CSV is read as by every tool: CRLF, a byte order mark, NUL, a record that is too long" {
	printf '\xef\xbb\xbfid\r\n1\r\nn\0l\r\n' >in.csv
	{ head -c 1048577 /dev/zero | tr '\0' x; echo; echo 2; } >>in.csv
	try vf-avro --schema id.avsc --rejects r.csv -o out.avro in.csv
	[ "$status" -eq 0 ]
	[ "$(vf-avro --decode out.avro | paste -sd ' ')" = 'id 1 2' ]
	[ "$(reject_lines r.csv)" = $'3 nul-byte\n4 too-long' ]
}

@test "vf-avro: a file that is cut or changed is an error line and no output" {
	local size n
	vf-avro --schema id.avsc --codec deflate --block-size 1 <<<$'id\n1\n2' >in.avro
	size=$(stat -c %s in.avro)
	for n in 0 3 4 40 $((size - 40)) $((size - 17)) $((size - 1)); do
		head -c "$n" in.avro >bad.avro
		try vf-avro --decode -o out.csv bad.avro
		[ "$status" -eq 1 ] || { echo "$n"; false; }
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == 'vf-avro: bad.avro: '* ]]
		[ ! -e out.csv ]
	done
	{ head -c $((size - 20)) in.avro; echo; tail -c 19 in.avro; } >bad.avro
	try vf-avro --decode bad.avro
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "vf-avro: --check refuses what zlib does not inflate, --decode reads what can be read" {
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" loose loose.avro
	[ "$(vf-avro --decode loose.avro)" = $'id,score,market\nnf0,0,\nnf1,0.001,M1\nnf2,0.002,M2' ]
	try vf-avro --check loose.avro
	[ "$status" -eq 1 ]
	[[ $stderr == 'vf-avro: loose.avro: the block at byte '*': the deflate stream is damaged: too many length or distance symbols' ]]
}

@test "vf-avro: a full disk, a closed pipe, a closed standard output" {
	{ echo id; seq 1 300000; } >in.csv
	try sh -c 'vf-avro --schema id.avsc in.csv >/dev/full'
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-avro: stdout: No space left on device' ]
	try sh -c 'vf-avro --schema id.avsc in.csv >&-'
	[ "$status" -eq 1 ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	# shellcheck disable=SC2016
	try bash -c 'vf-avro --schema id.avsc in.csv --stats s | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"'
	[ "$output" = 141 ]
	[ -z "$stderr" ]
	[ "$(stats_get exit s)" = 141 ]
	vf-avro --schema id.avsc in.csv >in.avro
	try sh -c 'vf-avro --decode in.avro >/dev/full'
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-avro: stdout: No space left on device' ]
	# shellcheck disable=SC2016
	try bash -c 'vf-avro --decode in.avro | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"'
	[ "$output" = 141 ]
	[ -z "$stderr" ]
}

@test "vf-avro: SIGTERM is exit 75, nothing stays behind" {
	local pid status=0
	mkdir work
	mkfifo pipe
	env --default-signal=TERM vf-avro --schema id.avsc --stats s -o work/out.avro pipe 2>err 3>&- &
	pid=$!
	exec 7>pipe
	{ echo id; seq 1 10; } >&7
	wait_until 10 holds_something
	kill -TERM "$pid"
	wait "$pid" || status=$?
	exec 7>&-
	[ "$status" -eq 75 ]
	[ "$(stats_get exit s)" = 75 ]
	[ "$(cat err)" = 'vf-avro: interrupted by SIGTERM: the output is not complete' ]
	[ -z "$(ls -A work)" ]
}
