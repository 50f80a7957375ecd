#!/usr/bin/env bats
# Random damaged files, recounted by an independent reader (tests/reference.py).
load helper

setup() {
	untraced
}

# The seeds are fixed here, so that a failure comes back; tests/long/recount.bats takes new ones.
recount() {
	try "$PYTHON3" "$VF_SRCDIR/tests/recount.py" --dir "$BATS_TEST_TMPDIR" --seed "$1" --count "$2"
	echo "$output"
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[[ $output == *" 0 seeds differ" ]]
}

@test "recount: every record of damaged files is out or rejected, as the model says (seeds 1 to 20)" {
	recount 1 20
}

# bats test_tags=long
@test "recount: the same on forty others (seeds 21 to 60)" {
	recount 21 40
}

@test "recount: the model itself tells a lost record: a tool that drops the last one is found out" {
	cat >"$BATS_TEST_TMPDIR/lossy" <<-'END'
		#!/bin/sh
		vf-score "$@" | sed '$d'
	END
	chmod +x "$BATS_TEST_TMPDIR/lossy"
	try "$PYTHON3" "$VF_SRCDIR/tests/recount.py" --tool "$BATS_TEST_TMPDIR/lossy" \
		--dir "$BATS_TEST_TMPDIR/lost" --seed 1 --count 10
	[ "$status" -eq 1 ]
	[[ $output == *"the model says"* ]]
}

# bats test_tags=long
@test "recount: the sample's scored file comes out as the model says" {
	try "$PYTHON3" "$VF_SRCDIR/tests/reference.py" score "$VF_SRCDIR/examples/sample/scores.txt"
	[ "$status" -eq 0 ]
	echo "$output" >"$BATS_TEST_TMPDIR/want"
	vf-score --rejects "$BATS_TEST_TMPDIR/rejects.csv" "$VF_SRCDIR/examples/sample/scores.txt" >"$BATS_TEST_TMPDIR/got"
	same_files "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/want"
	[ "$(echo "$stderr" | wc -l)" -eq "$(csv_records "$BATS_TEST_TMPDIR/rejects.csv")" ]
}

@test "recount: the sample's generator makes the committed sample again, byte for byte" {
	"$PYTHON3" "$VF_SRCDIR/examples/sample/generate.py" --out "$BATS_TEST_TMPDIR/again"
	for name in config.json scores.txt blacklist.txt whitelist.txt optout.txt; do
		same_files "$BATS_TEST_TMPDIR/again/$name" "$VF_SRCDIR/examples/sample/$name"
	done
}
