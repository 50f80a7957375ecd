#!/usr/bin/env bats
# Many more damaged files than in check, from a seed of the day that is printed.
# bats file_tags=long
load ../helper

@test "recount: two hundred damaged files from new seeds come out as the model says" {
	local seed=${TEST_SEED:-$((RANDOM * 32768 + RANDOM + 100000))}
	echo "# seed $seed (TEST_SEED=$seed repeats it)" >&3
	try "$PYTHON3" "$VF_SRCDIR/tests/recount.py" --dir "$BATS_TEST_TMPDIR" --seed "$seed" --count 200
	echo "$output"
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
}
