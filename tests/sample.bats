#!/usr/bin/env bats
# The bundled sample campaign, as README's first command runs it.
load helper
load campaign

setup_file() {
	status=0
	"$VF_SRCDIR/examples/campaign.sh" --out "$BATS_FILE_TMPDIR/out" >"$BATS_FILE_TMPDIR/stdout" \
		2>"$BATS_FILE_TMPDIR/stderr" || status=$?
	echo "$status" >"$BATS_FILE_TMPDIR/status"
}

@test "campaign: the bundled sample runs alone, and every fan's fate is what the model says" {
	local out=$BATS_FILE_TMPDIR/out said
	said=$(cat "$BATS_FILE_TMPDIR/stdout" "$BATS_FILE_TMPDIR/stderr")
	echo "$said" >&2
	[ "$(cat "$BATS_FILE_TMPDIR/status")" -eq 0 ]
	no_personal_data "$said"
	[[ $said == *"Everything is in $out"* ]]
	model_agrees "$sample" "$out"
	# The tree is the one that the design shows, with nothing else in it.
	[ "$(names_in "$out")" = "config.json lake ledger.csv rejects report.html scored state stats waves" ]
	# Merged, its source put away; a second run leaves it alone.
	[ "$(cd "$out/lake/registration" && find . -name '*.avro' | wc -l)" -eq 1 ]
	[ "$(vf-avro --decode "$out"/lake/registration/dt=2027-03-01/daily-*.avro | csv_records)" = "$(csv_records "$out/scored/scores.csv")" ]
	[ "$(names_in "$out/waves")" = "w1 w2" ]
	[ "$(names_in "$out/waves/w1")" = \
		"codes.csv draw.json drawn.csv email-preview.ndjson email.csv entrants.csv manifest.json sms-preview.csv sms.csv status.json unselected.csv wave.zip" ]
	[ "$(unzip -Z1 "$out/waves/w1/wave.zip" | sort | paste -sd ' ' -)" = "codes.csv email.csv manifest.json sms.csv" ]
	[ "$(find "$out" -type f -perm /077)" = "" ]
	# Both checks of both draws said so.
	[ "$(grep -c '^the manifest holds' "$BATS_FILE_TMPDIR/stdout")" -eq 2 ]
	[ "$(grep -c '^the draw holds' "$BATS_FILE_TMPDIR/stdout")" -eq 2 ]
	[ -z "$(find "$BATS_FILE_TMPDIR" -maxdepth 1 -name 'vf-stage.*')" ]
}

@test "campaign: every kind of bad record and every rule is in the sample" {
	local out=$BATS_FILE_TMPDIR/out
	# missing FIELD FILE NAME...: those that were not counted once. `none` never is: so it is seen that there was an answer.
	missing() {
		jq -rs --arg field "$1" '[.[][$field] // {} | to_entries[] | select(.value > 0).key] as $there | $ARGS.positional - $there | .[]' \
			"$2" --args "${@:3}"
	}
	[ "$(missing reasons "$out/stats/score-scores.ndjson" too-long nul-byte bad-utf8 bad-quote line-break field-count missing-user \
		bad-score duplicate-fan bad-email blacklisted disposable-domain bad-phone intl-phone unreachable none)" = none ]
	[ "$(missing tags "$out/stats/score-scores.ndjson" phone-unconfirmed phone-unverified no-phone no-email relay-email sms-opt-out email-opt-out none)" = none ]
	[ "$(missing reasons "$out/stats/wave-w2.ndjson" excluded below-bands bad-market no-limit none)" = none ]
	[ "$(grep -c forged "$out/ledger.csv")" -eq 0 ]
}
