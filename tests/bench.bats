#!/usr/bin/env bats
# The benches' own half, on little data: that it runs, not how fast.
load helper

setup() {
	"${CC:-cc}" -O1 -o "$TMPDIR/generate" "$VF_SRCDIR/tests/bench/generate.c"
}

@test "generate: the same bytes for the same arguments, others for another seed" {
	"$TMPDIR/generate" -n 2000 >"$TMPDIR/a"
	"$TMPDIR/generate" -n 2000 >"$TMPDIR/b"
	"$TMPDIR/generate" -n 2000 --seed 2 >"$TMPDIR/c"
	same_files "$TMPDIR/a" "$TMPDIR/b"
	run ! cmp -s "$TMPDIR/a" "$TMPDIR/c"
	[ "$(csv_header "$TMPDIR/a")" = globalUserId,email,phone,market,score,phoneConfirmed,registeredAt ]
	[ "$(csv_records "$TMPDIR/a")" -eq 2000 ]
}

@test "generate: ranks are 1 to N, each once" {
	"$TMPDIR/generate" -n 3000 --ranked --malformed 0 >"$TMPDIR/ranked"
	csv_get rank "$TMPDIR/ranked" | sort -n >"$TMPDIR/got"
	seq 3000 >"$TMPDIR/want"
	same_files "$TMPDIR/got" "$TMPDIR/want"
}

@test "generate: vf-score takes every record that is not spoilt on purpose" {
	"$TMPDIR/generate" -n 20000 --malformed 0 --non-ascii 30000 >"$TMPDIR/clean"
	"$TMPDIR/generate" -n 20000 --malformed 5000 --duplicates 5000 >"$TMPDIR/spoilt"
	run --separate-stderr vf-score --stats "$TMPDIR/stats" -o "$TMPDIR/out" "$TMPDIR/clean"
	[ "$status" -eq 0 ]
	[ "$(stats_get rejected "$TMPDIR/stats")" -eq 0 ]
	run --separate-stderr vf-score --stats "$TMPDIR/stats" -o "$TMPDIR/out" "$TMPDIR/spoilt"
	[ "$status" -eq 0 ]
	stats_conserved "$TMPDIR/stats"
	[ "$(stats_get reasons.duplicate-fan "$TMPDIR/stats")" -gt 50 ]
	[ "$(stats_get reasons.field-count "$TMPDIR/stats")" -gt 20 ]
	[ "$(stats_get reasons.bad-score "$TMPDIR/stats")" -gt 5 ]
	[ "$(stats_get reasons.missing-user "$TMPDIR/stats")" -gt 5 ]
}

@test "bench: every work of ours runs and is in the table" {
	local bench=("$PYTHON3" "$VF_SRCDIR/tests/bench/run" --dir "$TMPDIR/bench" --bindir "$VF_BINDIR" --peers '')
	"${bench[@]}" --list >"$TMPDIR/list"
	[ "$(wc -l <"$TMPDIR/list")" -ge 16 ]
	run --separate-stderr "${bench[@]}" --records 5000 --runs 1 --json "$TMPDIR/figures.json"
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	diff "$TMPDIR/list" <(jq -r '.results[] | .work + ": " + (.figures | keys_unsorted | join(", "))' "$TMPDIR/figures.json")
	jq -e 'all(.results[].figures[]; .nullMedian > 0 and .fileMedian > 0 and .out > 0)' "$TMPDIR/figures.json"
}
