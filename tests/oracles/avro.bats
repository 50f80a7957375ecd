#!/usr/bin/env bats
# Avro files between vf-avro and other people's readers and writers: python3-avro, avsc, Apache's Java library.
load ../helper

setup_file() {
	local here=$VF_SRCDIR/tests/oracles jars=/usr/share/java
	export VF_ORACLES=$VF_BUILDDIR/oracles
	export CLASSPATH=$VF_ORACLES/classes
	for jar in avro jackson-core-asl jackson-mapper-asl slf4j-api slf4j-nop snappy-java commons-compress avro-guava-dependencies; do
		[ -e "$jars/$jar.jar" ] || { echo "$jars/$jar.jar is missing (Debian: libavro-java)"; return 1; }
		CLASSPATH+=:$jars/$jar.jar
	done
	mkdir -p "$VF_ORACLES/classes"
	javac -nowarn -d "$VF_ORACLES/classes" "$here/AvroFile.java"
	export VF_NODE_MODULES=$VF_ORACLES/node_modules
	[ -e "$VF_ORACLES/complete" ]		# the makefile fetched them: make check-oracles

	cd "$BATS_FILE_TMPDIR" || return 1
	seed=${SEED:-$RANDOM$RANDOM}
	echo "# SEED=$seed" >&3
	by_python make 2000 "$seed" >records.csv
	by_python plain records.csv >records.plain
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return 1
	schema=$VF_SRCDIR/tests/oracles/avro.avsc
}

# Debian's own interpreter has python3-avro.
by_python() {
	/usr/bin/python3 "$VF_SRCDIR/tests/oracles/avrofile.py" "$@"
}

by_avsc() {
	node "$VF_SRCDIR/tests/oracles/avrofile.mjs" "$@"
}

# Each of its runs is short: what is compiled quickly and collected by one thread takes half the time.
by_java() {
	java -Xmx1g -XX:TieredStopAtLevel=1 -XX:+UseSerialGC AvroFile "$@"
}

# Who knows which codec.
pairs() {
	printf '%s\n' 'python null' 'python deflate' 'avsc null' 'avsc deflate' 'java null' 'java deflate' 'java snappy'
}

@test "avro: what vf-avro writes the others read: every codec and type, blocks of one record and of many" {
	local who codec size
	for size in 1 20KB 64MB; do
		for codec in null deflate snappy; do
			vf-avro --schema "$schema" --codec "$codec" --block-size "$size" records.csv >ours.avro
			while read -r who known; do
				[ "$known" = "$codec" ] || continue
				"by_$who" read ours.avro >theirs.plain
				same_files records.plain theirs.plain || { echo "$who $codec $size"; false; }
			done < <(pairs)
		done
	done
}

@test "avro: what the others write vf-avro reads: every codec and type, blocks of one record and of many" {
	local who codec size
	while read -r who codec; do
		for size in '' 1 1000000; do
			"by_$who" write "$schema" "$codec" records.plain theirs.avro $size
			vf-avro --check theirs.avro >checked
			[ "$(tail -n 1 checked | cut -d, -f3,5)" = "$codec,2000" ]
			vf-avro --decode theirs.avro >back.csv
			by_python plain back.csv >back.plain
			same_files records.plain back.plain || { echo "$who $codec $size"; false; }
			# What is in the form of --decode stays in it.
			vf-avro --schema "$schema" back.csv | vf-avro --decode | cmp - back.csv
		done
	done < <(pairs)
}

@test "avro: files without records, both ways" {
	local who codec
	head -n 1 records.csv >none.csv
	: >none.plain
	while read -r who codec; do
		vf-avro --schema "$schema" --codec "$codec" none.csv >ours.avro
		"by_$who" read ours.avro >theirs.plain
		[ ! -s theirs.plain ]
		"by_$who" write "$schema" "$codec" none.plain theirs.avro
		vf-avro --decode theirs.avro | cmp - none.csv
	done < <(pairs)
}

@test "avro: a block of 100,000 records, and records of megabytes, both ways" {
	local who codec
	{ head -n 1 records.csv; for _ in {1..50}; do tail -n +2 records.csv; done; } >many.csv
	for _ in {1..50}; do cat records.plain; done >many.plain
	"$PYTHON3" - <<-'PYTHON'
		head = "big\tblob\t1\t\\N\t\\N\t00000000\t\\N\tlow\t\t\\N\t0\t\\N\t"
		open("large.plain", "w").writelines(head + c * 5_000_000 + "\n" for c in "xyz")
		open("megabyte.csv", "w").writelines([open("records.csv").readline()] + [f"{c * 1_000_000},,1,,,0,,low,,,1970-01-01T00:00:00Z,,\n" for c in "xyz"])
	PYTHON
	vf-avro --schema "$schema" --codec deflate --block-size 64MB many.csv >many.avro
	vf-avro --schema "$schema" --codec deflate --block-size 64MB megabyte.csv >megabyte.avro
	by_python plain megabyte.csv >megabyte.plain
	[ "$(vf-avro --check many.avro | tail -n 1 | cut -d, -f5)" = 100000 ]
	for who in avsc java; do
		"by_$who" read many.avro | cmp - many.plain
		"by_$who" read megabyte.avro | cmp - megabyte.plain
	done
	by_python read megabyte.avro | cmp - megabyte.plain
	by_java write "$schema" snappy many.plain theirs.avro 100000
	[ "$(vf-avro --check theirs.avro | tail -n 1 | cut -d, -f4,5)" = 1,100000 ]
	vf-avro --decode theirs.avro >back.csv
	cmp back.csv <(vf-avro --decode many.avro)
	while read -r who codec; do
		"by_$who" write "$schema" "$codec" large.plain theirs.avro
		[ "$(vf-avro --check theirs.avro | tail -n 1 | cut -d, -f5)" = 3 ]
	done < <(pairs)
}

@test "avro: numbers are written as JavaScript writes them" {
	echo '{"type":"record","name":"R","fields":[{"name":"score","type":["null","double"]}]}' >score.avsc
	"$PYTHON3" -c '
import random, struct, sys
rnd = random.Random(int(sys.argv[1]))
print("score")
for i in range(100000):
    v = struct.unpack("d", rnd.randbytes(8))[0] if i % 2 else rnd.randrange(10 ** 9) / 10 ** rnd.randrange(12)
    print(repr(v) if v == v and abs(v) != float("inf") else "0")' "${SEED:-7}" >scores.csv
	vf-avro --schema score.avsc scores.csv >scores.avro
	vf-avro --decode scores.avro >back.csv
	run by_avsc text scores.avro back.csv
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "100000 numbers, 0 differ" ]
}

@test "avro: Java makes the same canonical forms and fingerprints" {
	cat "$VF_SRCDIR"/examples/schemas/*.avsc "$schema" | jq -c . >schemas.txt
	cat >>schemas.txt <<-'LINES'
		{"type":"record","name":"L","doc":"d","aliases":["K"],"fields":[{"name":"v","type":{"type":"int"},"order":"ignore"},{"name":"next","type":["null","L"],"default":null}]}
		{"type":"record","name":"a.R","fields":[{"name":"x","type":{"type":"fixed","name":"F","size":3}},{"name":"y","type":{"type":"map","values":"F"}},{"name":"z","type":{"type":"enum","name":"b.E","symbols":["S","T"]}},{"name":"w","type":["b.E","a.F","string"]}]}
		{"type":"record","name":"R","namespace":"n.m","fields":[{"name":"i","type":{"type":"record","name":"I","namespace":"","fields":[]}},{"name":"j","type":{"type":"array","items":"string"}}]}
	LINES
	by_java form schemas.txt >theirs
	while read -r line; do
		echo "$line" >one.avsc
		by_python header one.avsc >one.avro
		vf-avro --check one.avro | tail -n 1 | cut -d, -f2
	done <schemas.txt >ours
	cut -d' ' -f1 theirs | diff ours -
}
