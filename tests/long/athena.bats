#!/usr/bin/env bats
# merge.sh --engine athena, against a stand-in that runs its statements over the same Avro (tests/stand-ins/athena.py).
# bats file_tags=long
load ../helper
load ../lake

schema=$VF_SRCDIR/examples/schemas/registration.avsc

setup_file() { start_reader "$BATS_FILE_TMPDIR"; }

teardown_file() { stop_reader; }

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	s3_lake
}

# registrations FILE RECORDS FIRST: fans nf<FIRST>..., with nulls and tags.
registrations() {
	[[ $1 != */* ]] || mkdir -p "${1%/*}"
	seq "$3" "$(($3 + $2 - 1))" | awk 'BEGIN { print "globalUserId,campaignId,market,email,phoneConfirmed,score,band,tags" }
		{ printf "nf%d,c1,%s,f%d@example.com,%s,%.6f,%s,%s\n", $1, $1 % 3 ? "NYC" : "", $1, $1 % 2 ? "true" : "", $1 / 1000, $1 % 5 ? "high" : "", $1 % 4 ? "new;opted-in" : "" }' |
		vf-avro --schema "$schema" --codec snappy -o "$1"
}

# two_files: a.avro and b.avro of the day, as CSV in `whole`. They are made once.
two_files() {
	local made=$BATS_FILE_TMPDIR/made
	if [ ! -e "$made/whole" ]; then
		registrations "$made/a.avro" 30 0
		registrations "$made/b.avro" 20 30
		records "$made"/[ab].avro >"$made/whole"
	fi
	mkdir -p "$root/registration/dt=$day"
	cp "$made"/[ab].avro "$root/registration/dt=$day"
	cp "$made/whole" .
}

records() {
	local file
	for file; do
		{ read -r _ && cat; } < <(exec vf-avro --decode "$file")
	done | LC_ALL=C sort
}

seen() { records "$root"/registration/*/[!_.]*.avro; }

athena() { merge "$@" --engine athena --database vf; }

# refused STATUS TEXT: so it ended, nothing is stored or sent, the sources are where they were, nothing is left below unload/.
refused() {
	[ "$status" -eq "$1" ]
	[[ $stderr == *"$2"* ]] || { echo "$stderr"; return 1; }
	[[ $stderr != *@example.com* ]]
	unchanged
	asked files "$scratch/s3.queue"
	[ -z "$REPLY" ]
}

@test "athena: a day is merged by Athena, archived, and seen once, value by value" {
	two_files
	registrations "$root/registration/dt=2026-12-06/other.avro" 5 900
	vf-avro --schema "$schema" -o "$root/registration/dt=$day/empty.avro" <<<globalUserId,campaignId
	try athena daily "$day" --workgroup night --results s3://bucket/results
	echo "$stderr"
	[ "$status" -eq 0 ]
	[[ $output == '{"result":"merged",'*'"files":3,"records":50,'*'"refused":0}' ]]
	set_of "$output"
	# The manifest: sources with Athena's counts and the listing's ETags, and no digest.
	[ "$(jq -c '[.sources[] | [.path, .records, .blake2b, (.etag | length)]]' "$root/registration/dt=$day/_daily-$set.json")" = \
		"[[\"dt=$day/a.avro\",30,null,32],[\"dt=$day/b.avro\",20,null,32],[\"dt=$day/empty.avro\",0,null,32]]" ]
	vf-merge --dry-run --schema "$schema" "$root/registration/dt=$day/_daily-$set.avro"
	grep -q -- '--work-group night --result-configuration OutputLocation=s3://bucket/results/' "$scratch/s3.log"
	archive >/dev/null
	asked files "$root/registration"
	[ "$REPLY" = "dt=$day/daily-$set.avro dt=2026-12-06/other.avro" ]
	asked files "$root/unload"
	[ -z "$REPLY" ]
	records "$root/registration/dt=$day"/*.avro | cmp - whole
}

@test "athena: the month's partition is added, and its days' merged files are sources" {
	two_files
	athena daily "$day" >/dev/null
	archive >/dev/null
	registrations "$root/registration/dt=2026-12-31/c.avro" 5 50
	try athena monthly 2026-12
	[ "$status" -eq 0 ]
	[[ $output == *'"files":2,"records":55,'* ]]
	set_of "$output"
	[ "$(jq -r 'keys | join(" ")' "$scratch/s3.athena/partitions")" = "2026-12 $day 2026-12-31" ]
	archive >/dev/null
	asked files "$root/registration"
	[ "$REPLY" = "dt=2026-12/monthly-$set.avro" ]
	[ "$(seen | cut -d , -f 1 | sort -u | wc -l)" -eq 55 ]
}

@test "athena: a file that comes while the statement runs is not in it, and is merged the next time" {
	two_files
	registrations late.avro 10 50
	VF_STANDIN_ATHENA=late VF_STANDIN_LATE=late.avro try athena daily "$day"
	[ "$status" -eq 0 ]
	[[ $output == *'"files":2,"records":50,'* ]]
	archive >/dev/null
	seen | cmp - <(LC_ALL=C sort whole <(records late.avro))
	athena daily "$day" >/dev/null
	archive >/dev/null
	seen | cmp - <(LC_ALL=C sort whole <(records late.avro))
	[ ! -e "$root/registration/dt=$day/late.avro" ]
}

@test "athena: failed, cancelled, not ended in time: the sources stay, nothing is left, no fan is named" {
	two_files
	table
	# The statements are: 1 partitions, 2 count, 3 UNLOAD.
	VF_STANDIN_ATHENA=fail-3 try athena daily "$day"
	refused 1 'Athena says FAILED, HIVE_BAD_DATA; the sources stay'
	rm -r "$scratch/s3.athena"
	VF_STANDIN_ATHENA=cancel-2 try athena daily "$day"
	refused 1 'Athena says CANCELLED'
	rm -r "$scratch/s3.athena"
	VF_STANDIN_ATHENA=hang-1 try athena daily "$day" --wait 1
	refused 75 'no end after 1 seconds: stopped; the sources stay'
	[ "$(<"$scratch/s3.athena/stopped")" = 1 ]
	VF_STANDIN_FAIL=start-query try athena daily "$day"
	refused 1 'cannot start the statement'
}

@test "athena: a record that Athena loses, a source that it does not see, a source that is replaced" {
	two_files
	table
	VF_STANDIN_ATHENA=lose try athena daily "$day"
	refused 1 'Athena wrote 49 records of 50'
	VF_STANDIN_ATHENA=blind try athena daily "$day"
	refused 1 "Athena does not see dt=$day/a.avro, which holds records"
	registrations other.avro 30 100
	VF_STANDIN_ATHENA=replace VF_STANDIN_LATE=other.avro try athena daily "$day"
	refused 75 'files changed while they were merged'
}

@test "athena: what a killed run left below unload/ goes, and more than --max-size becomes several objects" {
	two_files
	try athena daily "$day" --max-size 3KB --codec null
	[ "$status" -eq 0 ]
	set_of "$output"
	[ -e "$root/registration/dt=$day/_daily-$set-0001.avro" ]
	[ -e "$root/registration/dt=$day/_daily-$set-0002.avro" ]
	mkdir -p "$root/unload/daily-$day-$set/gone/1"
	echo left >"$root/unload/daily-$day-$set/gone/1/x"
	athena daily "$day" --max-size 3KB --codec null >/dev/null
	asked files "$root/unload"
	[ -z "$REPLY" ]
	archive >/dev/null
	seen | cmp - whole
	asked files "$root/registration"
	[[ " $REPLY" == *" dt=$day/daily-$set-0001.avro dt=$day/daily-$set-0002.avro"* && $REPLY != */_* ]]
}

@test "athena: more paths than a statement holds go in parts, each of exactly its files" {
	local i name
	name=$(printf 'x%.0s' {1..180})
	for i in 1 2 3 4 5 6; do
		registrations "$root/registration/dt=$day/$name-$i.avro" 2 $((2 * i))
	done
	sed 's/^athena_room=.*/athena_room=700/' "$examples/lake-athena.sh" >lake-athena.sh
	cp -r "$examples"/{athena,schemas,lake.sh,lib.sh,merge.sh} .
	try ./merge.sh daily "$day" --lake "$lake" --queue "$queue" --engine athena
	[ "$status" -eq 0 ]
	[[ $output == *'"files":6,"records":12,'* ]]
	[ "$(grep -l UNLOAD "$scratch/s3.athena"/*.sql | wc -l)" -eq 3 ]
}
