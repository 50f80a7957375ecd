#!/usr/bin/env bats
# merge.sh and archive-merged.sh: a day's files become one, and a reader sees each record once.
load helper
load lake

setup_file() { start_reader "$BATS_FILE_TMPDIR"; }

teardown_file() { stop_reader; }

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
}

both() {
	local kind
	for kind in plain s3; do
		rm -rf "$scratch/lake" "$scratch/queue" "$scratch/s3" "$scratch/s3.queue" "$scratch/s3.log"
		"${kind}_lake"
		"$1" || { echo "$kind"; return 1; }
	done
}

whole_day() {
	source_file "$day" a.avro 30 0
	source_file "$day" b.avro 20 30
	source_file 2026-12-06 c.avro 5 900
	try merge daily "$day"
	[ "$status" -eq 0 ]
	[[ $output == '{"result":"merged",'*'"files":2,"records":50,'*'"refused":0}' ]]
	set_of "$output"
	# Hidden until its sources are put away.
	[ -e "$root/registration/dt=$day/_daily-$set.avro" ]
	sees 0-49 900-904
	try archive
	[ "$status" -eq 0 ]
	[ "$output" = '{"result":"archived","done":1,"superseded":0,"refused":0}' ]
	table
	[ "$REPLY" = "merged/registration/daily-$day-$set/_manifest.json merged/registration/daily-$day-$set/dt=$day/a.avro \
merged/registration/daily-$day-$set/dt=$day/b.avro registration/dt=$day/daily-$set.avro registration/dt=2026-12-06/c.avro" ]
	sees 0-49 900-904
	# Nothing is left to do, for either.
	try archive
	[ "$status" -eq 0 ]
	[[ $output == *'"done":0,'* ]]
	try merge daily "$day"
	[ "$status" -eq 0 ]
	[[ $output == '{"result":"nothing",'*'"set":null,'* ]]
}

@test "lake: a day is merged, archived, and seen once" {
	both whole_day
}

late_files() {
	source_file "$day" a.avro 10 0
	merge daily "$day" >/dev/null
	source_file "$day" late.avro 10 10
	# Merged again before the first is archived: the second holds both, and is superseded.
	merge daily "$day" >/dev/null
	try archive
	[ "$status" -eq 0 ]
	[ "$output" = '{"result":"archived","done":1,"superseded":1,"refused":0}' ]
	sees 0-19
	merge daily "$day" >/dev/null
	archive >/dev/null
	sees 0-19
	# Whichever came first in sight: all records, and no hidden object is left.
	table
	[[ $REPLY != *registration/dt=$day/@(_daily|late.avro)* ]]
}

@test "lake: late files make a second object, and an overtaken merge is dropped" {
	both late_files
}

# What a run leaves that was killed while it moved the sources: some are put away, some are not.
half_moved() {
	source_file "$day" a.avro 10 0
	source_file "$day" b.avro 10 10
	try merge daily "$day"
	set_of "$output"
	mkdir -p "$root/merged/registration/daily-$day-$set/dt=$day"
	mv "$root/registration/dt=$day/a.avro" "$root/merged/registration/daily-$day-$set/dt=$day/"
	source_file "$day" late.avro 10 20
	try merge daily "$day"
	set_of "$output"
	# The second merge has b, too, and its message comes first.
	"$examples/archive-merged.sh" --lake "$lake" --message "$queue/daily-$day-$set.json"
	archive >/dev/null
	merge daily "$day" >/dev/null
	archive >/dev/null
	sees 0-29
	table
	[[ $REPLY != */_daily* ]]
}

@test "lake: a merge left half moved is finished before another takes its sources" {
	plain_lake	# in S3: tests/long
	half_moved
}

@test "lake: what a dead run was writing is cleared away, what another may be writing is not" {
	plain_lake
	local host space line fields name where dead kept
	read -r host </proc/sys/kernel/hostname
	space=$(readlink /proc/self/ns/pid)
	read -r line </proc/$$/stat
	read -ra fields <<<"${line##*) }"
	name=.a.json.$host~${space//[!0-9]/}~$$
	source_file "$day" a.avro 10 0
	for where in "$root/registration/dt=$day" "$queue"; do
		dead+=("$where/$name~1.part")
		kept+=("$where/$name~${fields[19]}.part" "$where/.a.json.elsewhere~1~$$~1.part" "$where/.a.json.part")
	done
	touch "${dead[@]}" "${kept[@]}"
	try merge daily "$day"
	[ "$status" -eq 0 ]
	for name in "${dead[@]}"; do [ ! -e "$name" ] || { echo "$name"; false; }; done
	set_of "$output"
	where=$root/merged/registration/daily-$day-$set
	dead=("${dead[0]}" "$where/${dead[0]##*/}")
	kept+=("$where/${kept[0]##*/}")
	mkdir -p "$where"
	touch "${dead[@]}" "${kept[@]}"
	try archive
	[ "$status" -eq 0 ]
	for name in "${dead[@]}"; do [ ! -e "$name" ] || { echo "$name"; false; }; done
	for name in "${kept[@]}"; do [ -e "$name" ] || { echo "$name"; false; }; done
	sees 0-9
}

@test "lake: the same sources replace the merged object, and one message of two does" {
	plain_lake
	source_file "$day" a.avro 10 0
	try merge daily "$day"
	set_of "$output"
	cp "$queue"/*.json "$scratch/first.json"
	try merge daily "$day"
	[[ $output == *"\"set\":\"$set\""* ]]
	table
	[ "$REPLY" = "registration/dt=$day/_daily-$set.avro registration/dt=$day/_daily-$set.json registration/dt=$day/a.avro" ]
	# The message of the first, whose object was replaced: the manifest beside it is the one that counts.
	"$examples/archive-merged.sh" --lake "$lake" --message "$scratch/first.json"
	sees 0-9
	try archive
	[ "$status" -eq 0 ]
	[ -z "$(ls "$queue")" ]
	sees 0-9
}

@test "lake: a month takes its days, merged or not, into a partition of its own" {
	plain_lake
	source_file 2026-12-01 a.avro 10 0
	source_file 2026-12-31 b.avro 10 10
	source_file 2027-01-01 c.avro 10 20
	merge daily 2026-12-01 >/dev/null
	archive >/dev/null
	source_file 2026-12-01 late.avro 5 30
	try merge monthly 2026-12
	[ "$status" -eq 0 ]
	[[ $output == *'"files":3,"records":25,'* ]]
	archive >/dev/null
	sees 0-34
	set_of "$output"
	table
	[[ " $REPLY" == *" registration/dt=2026-12/monthly-$set.avro registration/dt=2027-01-01/c.avro" ]]
	[[ " $REPLY" != *" registration/dt=2026-12-"* ]]
}

damaged_object() {
	source_file "$day" a.avro 10 0
	try merge daily "$day"
	set_of "$output"
	hidden=$root/registration/dt=$day/_daily-$set.avro
	cp "$hidden" keep.avro
	for what in gone changed cut; do
		case $what in
		gone) rm "$hidden" ;;
		changed) sed 's/nf/ng/' keep.avro >"$hidden"; printf x >>"$hidden" ;;
		cut) head -c 100 keep.avro >"$hidden" ;;
		esac
		# SQS would show the message again when its time is over.
		[ "$lake" = "$scratch/lake" ] || rename_taken
		table
		try archive
		[ "$status" -eq 1 ]
		[[ $stderr == *"missing or not what was merged: nothing moves"* ]]
		[[ $output == *'"refused":1}' ]]
		unchanged
	done
	cp keep.avro "$hidden"
	[ "$lake" = "$scratch/lake" ] || rename_taken
	archive >/dev/null
	sees 0-9
}

rename_taken() {
	local file
	for file in "$scratch"/s3.queue/merged/*.taken; do
		[ ! -e "$file" ] || mv "$file" "${file%.taken}.json"
	done
}

@test "lake: a merged object that is missing, changed or cut moves nothing, and the message stays" {
	both damaged_object
}

@test "lake: a source that vanished or was replaced" {
	plain_lake
	source_file "$day" a.avro 10 0
	source_file "$day" b.avro 10 10
	merge daily "$day" >/dev/null
	mv "$root/registration/dt=$day/a.avro" "$scratch/a.avro"
	table
	try archive
	[ "$status" -eq 1 ]
	[[ $stderr == *"a source has vanished, and no other merge has it: nothing moves"* ]]
	unchanged
	mv "$scratch/a.avro" "$root/registration/dt=$day/a.avro"
	source_file "$day" b.avro 12 10
	try archive
	[ "$status" -eq 0 ]
	[[ $output == *'"superseded":1,'* ]]
	table
	[ "$REPLY" = "registration/dt=$day/a.avro registration/dt=$day/b.avro" ]
	merge daily "$day" >/dev/null
	archive >/dev/null
	sees 0-21
}

@test "lake: over the limit, damaged or of another schema: refused and reported, the sources stay" {
	plain_lake
	source_file "$day" a.avro 1000 0
	table
	try merge daily "$day" --max-size 1KB
	[ "$status" -eq 1 ]
	[[ $stderr == *"more than the 1000 of --max-size"*"the sources stay"* ]]
	[[ $output == '{"result":"refused",'* ]]
	unchanged
	head -c 500 "$root/registration/dt=$day/a.avro" >"$root/registration/dt=$day/b.avro"
	try merge daily "$day"
	[ "$status" -eq 1 ]
	[[ $stderr == *"vf-merge: dt=$day/b.avro: byte "* ]]
	[[ $output == *'"files":2,'*'"refused":1}' ]]
	[ -z "$(ls "$queue")" ]
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" make "$root/registration/dt=$day/b.avro" --records 0 --schema '"string"'
	try merge daily "$day"
	[ "$status" -eq 1 ]
	# What the lake's readers could not inflate.
	rm "$root/registration/dt=$day/a.avro"
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" loose "$root/registration/dt=$day/b.avro"
	try merge daily "$day"
	[ "$status" -eq 1 ]
	[[ $stderr == *"vf-merge: dt=$day/b.avro: the block at byte "*"too many length or distance symbols"* ]]
}

@test "lake: an object of more than 1.2 GB in a message is refused" {
	plain_lake
	source_file "$day" a.avro 10 0
	merge daily "$day" >/dev/null
	jq -c '.manifest.outputs[0].size = 1200000001' "$queue"/*.json >"$scratch/m.json"
	try "$examples/archive-merged.sh" --lake "$lake" --message "$scratch/m.json"
	[ "$status" -eq 1 ]
	[[ $stderr == *"over 1.2 GB: the sources stay"* ]]
	sees 0-9
}

@test "lake: a message that is none is refused, whatever it says" {
	plain_lake
	source_file "$day" a.avro 10 0
	merge daily "$day" >/dev/null
	local bad n=0
	mkdir "$scratch/bad"
	while IFS= read -r bad; do
		n=$((n + 1))
		echo "$bad" >"$scratch/bad/$n.json"
	done < <(jq -c '(.manifest.sources[0].path = "../../etc/passwd"), (.manifest.outputs[0].hidden = "dt=2026-12-05/a.avro"),
		(.manifest.set = "x"), (.manifest.sources = []), (del(.manifest) | .manifestPath = "/etc/passwd"),
		(del(.manifest) | .manifestPath = "x\nmanifest\tdaily\t2026-12-05\t0123456789ab"), [], "text"' "$queue"/*.json)
	[ "$n" -eq 8 ]
	{ cat "$queue"/*.json; printf '\0'; } >"$scratch/bad/9.json"
	table
	try "$examples/archive-merged.sh" --lake "$lake" --queue "$scratch/bad"
	[ "$status" -eq 1 ]
	[[ $output == *'"done":0,"superseded":0,"refused":9}' ]]
	refusals=("${stderr_lines[@]##*"none of merge.sh's"*}")
	[ "${#stderr_lines[@]}" -eq 9 ]
	[[ ${refusals[*]} != *[![:space:]]* ]]
	unchanged
	asked files "$scratch/bad"
	[ "$REPLY" = '1.json 2.json 3.json 4.json 5.json 6.json 7.json 8.json 9.json' ]
	jq -c 'del(.manifest)' "$queue"/*.json >"$scratch/m.json"
	"$examples/archive-merged.sh" --lake "$lake" --message "$scratch/m.json"
	sees 0-9
}

@test "lake: one archives at a time" {
	plain_lake
	mkdir -p "$root/registration"
	printf '{"owner":"x","host":"elsewhere","execution":"other","time":"2026-12-05T00:00:00Z"}' >"$root/registration/_claim.json"
	try archive
	[ "$status" -eq 75 ]
	[[ $stderr == *"this lake is claimed by x on elsewhere"* ]]
	archive --break-claim
	[ ! -e "$root/registration/_claim.json" ]
}

@test "lake: few calls of aws for many files" {
	s3_lake
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		source_file "$day" "f$i.avro" 2 $((2 * i))
	done
	merge daily "$day" >/dev/null
	archive >/dev/null
	sees 2-25
	[ "$(wc -l <"$scratch/s3.log")" -lt 30 ]
}

@test "lake: usage" {
	local words
	for words in 'merge.sh daily 2026-12' 'merge.sh daily 2026-02-30 --lake x --queue y' 'merge.sh monthly 2026-13 --lake x --queue y' \
		'merge.sh weekly 2026-12 --lake x --queue y' 'merge.sh daily 2026-12-05 --queue y' 'merge.sh daily 2026-12-05 --lake x --queue y --no' \
		'archive-merged.sh --lake x' 'archive-merged.sh --queue x' 'archive-merged.sh --lake x --queue y --message z'; do
		# shellcheck disable=SC2086
		try "$examples/"$words
		[ "$status" -eq 2 ] || { echo "$words"; false; }
		[ -z "$output" ]
	done
}

@test "athena: the table is the schema's, and usage" {
	s3_lake
	schema=$examples/schemas/registration.avsc
	sql=$VF_SRCDIR/examples/athena/registration.sql
	sed -n "/^WITH SERDE/,/^}')/p" "$sql" | sed -e "1s/.*/{/" -e "\$s/.*/}/" >"$scratch/literal"
	diff <(jq -S 'del(.. | .doc?)' "$scratch/literal") <(jq -S 'del(.. | .doc?)' "$schema")
	diff <(sed -n '/^CREATE/,/^)/p' "$sql" | sed '1d;$d' | tr -d , | awk '{ print $1, $2 }') \
		<(jq -r '.fields[] | .name + " " + (.type | if type == "array" then .[1] elif type == "object" then "array<" + .items + ">" else . end)' "$schema")
	local words
	for words in "--lake $scratch/plain" '--lake s3://b/k%27' '--database a-b' '--table x;y' '--workgroup a/b' '--wait 0' '--wait x' '--results /tmp' '--engine hive'; do
		# shellcheck disable=SC2086
		try "$examples/merge.sh" daily "$day" --queue "$queue" --lake "$lake" --engine athena $words
		[ "$status" -eq 2 ] || { echo "$words"; false; }
	done
}
