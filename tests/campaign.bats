#!/usr/bin/env bats
# Whole campaigns by examples/campaign.sh, every fan's fate recomputed by tests/reference.py.
load helper
load campaign

setup_file() {
	# A small one that went well, for the tests that go on from there.
	base=$BATS_FILE_TMPDIR/base
	make_campaign 21 800 "$base/c"
	equal_limits "$base/c" 12
	run_campaign "$base/c" "$base/out" >"$base/said" 2>&1 || cat "$base/said" >&2
}

# from_base: a copy of the small campaign: $scratch/c, out.
from_base() {
	cp -a "$BATS_FILE_TMPDIR/base/." "$scratch"
}

@test "campaign: two campaigns from random seeds, every fan's fate recomputed" {
	seed_of_test
	for k in 0 1; do
		make_campaign $((seed + k)) 2500 "$scratch/c$k"
		run --separate-stderr run_campaign "$scratch/c$k" "$scratch/out$k"
		echo "$stderr" >&2
		[ "$status" -eq 0 ]
		no_personal_data "$output$stderr"
		model_agrees "$scratch/c$k" "$scratch/out$k"
		one_code_each "$scratch/out$k/ledger.csv"
	done
}

@test "campaign: ranks, a maximum per phone and per mailbox, recomputed" {
	seed_of_test
	make_campaign "$seed" 1500 "$scratch/c" --ranks
	run_campaign "$scratch/c" "$scratch/out" --max-per-phone 2 --max-per-email 1 >/dev/null
	model_agrees "$scratch/c" "$scratch/out" --max-per-phone 2 --max-per-email 1
}

@test "campaign: the model finds a winner who was swapped for a loser" {
	from_base
	model_agrees "$scratch/c" "$scratch/out"
	sed -i '2d' "$scratch/out/waves/w1/drawn.csv"
	run model_agrees "$scratch/c" "$scratch/out"
	[ "$status" -eq 1 ]
	[[ $output == *"w1/drawn.csv differs"* ]]
}

@test "campaign: a second run changes no wave, no ledger line and no seed" {
	from_base
	(cd "$scratch/out" && find waves scored state/ledger.csv state/seed ledger.csv config.json -type f ! -name status.json -print0 |
		sort -z | xargs -0 sha256sum) >"$scratch/before"
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out"
	[ "$status" -eq 0 ]
	(cd "$scratch/out" && sha256sum --quiet -c "$scratch/before")
	model_agrees "$scratch/c" "$scratch/out"
	[ "$(names_in "$scratch/out/stats")" = "score-scores.ndjson wave-w1.ndjson wave-w2.ndjson" ]
}

@test "campaign: a stored wave file that was touched is found out by its digest, a stored draw by the audit" {
	from_base
	sed -i '$d' "$scratch/out/waves/w2/sms.csv"
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out"
	[ "$status" -eq 1 ]
	[[ $stderr == *"ALERT step=check-w2"* ]]
	cp "$BATS_FILE_TMPDIR/base/out/waves/w2/sms.csv" "$scratch/out/waves/w2/sms.csv"
	sed -i '$d' "$scratch/out/waves/w1/drawn.csv"
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out" --wave w1
	[ "$status" -eq 1 ]
	[[ $stderr == *"result-differs"*"ALERT step=check-w1"* ]]
}

@test "campaign: preparing once more with a raised limit keeps every code and adds fans" {
	make_campaign 31 800 "$scratch/c"
	one_wave "$scratch/c"
	jq '.markets[].limit = 10' "$scratch/c/config.json" >"$scratch/c/low"
	jq '.markets[].limit = 15' "$scratch/c/config.json" >"$scratch/c/high"
	cp "$scratch/c/low" "$scratch/c/config.json"
	run_campaign "$scratch/c" "$scratch/out" >/dev/null
	cp "$scratch/out/ledger.csv" "$scratch/ledger.low"
	cp "$scratch/c/high" "$scratch/c/config.json"
	run_campaign "$scratch/c" "$scratch/out" --again >/dev/null
	cmp -n "$(stat -c %s "$scratch/ledger.low")" "$scratch/ledger.low" "$scratch/out/ledger.csv"
	[ "$(wc -l <"$scratch/out/ledger.csv")" -gt "$(wc -l <"$scratch/ledger.low")" ]
	model_agrees "$scratch/c" "$scratch/out"
}

@test "campaign: killed after codes were given out and run again, it comes to the same end" {
	from_base
	cp "$scratch/out/state/seed" "$scratch/seed"
	killed_and_run_again "$scratch/c" "$scratch/out" vf-assign after
}

@test "campaign: a step that fails is tried three times, stores nothing, and says which step it was" {
	make_campaign 41 500 "$scratch/c"
	one_wave "$scratch/c"
	tools_with vf-wave <<-END
		#!/usr/bin/env bash
		[[ "\$*" != *--stats* ]] && exec @REAL@ "\$@"
		echo try >>"$scratch/tries"
		exit 1
	END
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out"
	[ "$status" -eq 1 ]
	[ "$(wc -l <"$scratch/tries")" -eq 3 ]
	[[ $stderr == *"ALERT step=wave"* ]]
	no_personal_data "$output$stderr"
	[ "$(names_in "$scratch/out/waves/w1")" = status.json ]
	[ ! -e "$scratch/out/ledger.csv" ]
	[ ! -e "$scratch/out/stats/wave-w1.ndjson" ]
	[ "$(jq -r .steps.prepare.state "$scratch/out/waves/w1/status.json")" != running ]
	nothing_left "$scratch/out"
	# The cause is mended; the tries are used up until an operator says so.
	VF_BINDIR=$(dirname "$(readlink "$VF_BINDIR/vf-score")")
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out"
	[ "$status" -eq 1 ]
	vf-attempt --status "$scratch/out/state/waves/w1/status.json" --step prepare --reset
	run_campaign "$scratch/c" "$scratch/out" >/dev/null
	model_agrees "$scratch/c" "$scratch/out"
	one_code_each "$scratch/out/ledger.csv"
}

@test "campaign: a record that gets lost on the way stops the wave before anything is stored" {
	make_campaign 51 500 "$scratch/c"
	equal_limits "$scratch/c" 12
	one_wave "$scratch/c"
	tools_with vf-assign <<-'END'
		#!/usr/bin/env bash
		# Loses the last record of its input: its own counts are right.
		for file; do :; done
		sed -i '$d' "$file"
		exec @REAL@ "$@"
	END
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out"
	[ "$status" -eq 1 ]
	[[ $stderr == *"ALERT step=conservation"* ]]
	[ "$(names_in "$scratch/out/waves/w1")" = status.json ]
}

@test "campaign: codes of a partner are taken from a file; placeholders need none" {
	make_campaign 61 400 "$scratch/c"
	equal_limits "$scratch/c" 5
	one_wave "$scratch/c"
	jq '.codeType = "external"' "$scratch/c/config.json" >"$scratch/c/x"
	mv "$scratch/c/x" "$scratch/c/config.json"
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out"
	[ "$status" -eq 2 ]
	[[ $stderr == *"external needs --codes"* ]]
	{ echo code; seq -f 'PARTNER%04g' 1 200; } >"$scratch/codes.csv"
	run_campaign "$scratch/c" "$scratch/out" --codes "$scratch/codes.csv" >/dev/null
	model_agrees "$scratch/c" "$scratch/out"
	[ "$(tail -n +2 "$scratch/out/ledger.csv" | cut -d, -f2 | grep -vc '^PARTNER')" -eq 0 ]
	jq '.codeType = "TM" | .id = "tm-one"' "$scratch/c/config.json" >"$scratch/c/x"
	mv "$scratch/c/x" "$scratch/c/config.json"
	run_campaign "$scratch/c" "$scratch/out-tm" >/dev/null
	[ "$(csv_get code "$scratch/out-tm/waves/w1/codes.csv" | sort -u)" = TM ]
}

@test "campaign: a notify date too near is refused before any code is given out" {
	make_campaign 71 300 "$scratch/c"
	run --separate-stderr run_campaign "$scratch/c" "$scratch/out" --now 2028-06-01T00:00:00Z
	[ "$status" -eq 2 ]
	[[ $stderr == *"step=date"* ]]
	[ ! -s "$scratch/out/state/ledger.csv" ]
	run_campaign "$scratch/c" "$scratch/out" --now 2028-06-01T00:00:00Z --late --wave w1 >/dev/null
	[ -e "$scratch/out/waves/w1/manifest.json" ]
}
