#!/usr/bin/env bats
# score-file.sh into the data lake and the selection stream (moto's Kinesis, signatures checked).
load helper
load campaign
load aws

setup_file() {
	start_moto --streams selections:2,later:1
}

teardown_file() {
	stop_moto
}

setup() {
	in=$scratch/c
	lake=$scratch/lake
	make_campaign 77 300 "$in"
	lists_of "$in"
}

score() { "$examples/score-file.sh" -c "$in/config.json" --to "$scratch/t" "${lists[@]}" "$@" "$in/scores.txt"; }

objects() { (cd "$lake" && find . -name '*.avro' -printf '%P\n' | LC_ALL=C sort); }

campaign_id() { jq -r .id "$in/config.json"; }

@test "score-file: the lake gets the fans of scored/, all of them, checked and conserved" {
	score --lake "$lake" --lake-date 2027-03-01
	object=$lake/registration/dt=2027-03-01/$(campaign_id)-scores.avro
	[ "$(objects)" = "${object#"$lake/"}" ]
	vf-avro --check "$object" >"$scratch/check"
	vf-avro --decode "$object" >"$scratch/decoded"
	[ "$(csv_records "$scratch/decoded")" -gt 50 ]
	diff <(csv_get globalUserId "$scratch/t/scored/scores.csv") <(csv_get globalUserId "$scratch/decoded")
	diff <(csv_get email "$scratch/t/scored/scores.csv") <(csv_get email "$scratch/decoded")
	[ "$(csv_get campaignId "$scratch/decoded" | sort -u)" = "$(campaign_id)" ]
	[ "$(stats_get out "$scratch/t/stats/score-scores.ndjson" vf-avro)" = "$(csv_records "$scratch/t/scored/scores.csv")" ]
	stats_conserved "$scratch/t/stats/score-scores.ndjson"
}

@test "score-file: a run on another day replaces the lake's object where it is" {
	score --lake "$lake" --lake-date 2027-03-01
	before=$(objects)
	head -n 40 "$in/scores.txt" >"$in/short" && mv "$in/short" "$in/scores.txt"
	score --lake "$lake"
	[ "$(objects)" = "$before" ]
	[ "$(vf-avro --decode "$lake/$before" | csv_records)" = "$(csv_records "$scratch/t/scored/scores.csv")" ]
	run --separate-stderr score --lake "$lake" --lake-date 2027-03-02
	[ "$status" -eq 2 ]
	[[ $stderr == *"under another day"* ]]
	[ "$(objects)" = "$before" ]
}

@test "score-file: what was merged and put away is left alone, what never arrived is stored" {
	score --lake "$lake" --lake-date 2027-03-01
	object=dt=2027-03-01/$(campaign_id)-scores.avro
	archived=$lake/merged/registration/daily-2027-03-01-0123456789ab/$object
	mkdir -p "${archived%/*}"
	mv "$lake/registration/$object" "$archived"
	run --separate-stderr score --lake "$lake"
	[ "$status" -eq 0 ]
	[[ $stderr == *"merged and put away: left alone"* ]]
	[ ! -e "$lake/registration/$object" ]
	# A run that was killed between its note of the place and the object itself.
	rm "$archived"
	score --lake "$lake"
	[ "$(objects)" = "registration/$object" ]
}

@test "score-file: a schema that the fans do not fit stores nothing" {
	jq '(.fields[] | select(.name == "email")).type = "string" | .fields += [{name: "shoeSize", type: "int"}]' \
		"$examples/schemas/registration.avsc" >"$scratch/other.avsc"
	run --separate-stderr score --lake "$lake" --schema "$scratch/other.avsc"
	[ "$status" -eq 2 ]
	[[ $stderr == *shoeSize* ]]
	[ ! -e "$scratch/t/scored/scores.csv" ]
	[ ! -e "$lake" ]
}

@test "score-file: the stream gets one selection a fan, and the same events when it is run again" {
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
	score --stream selections
	n=$(csv_records "$scratch/t/scored/scores.csv")
	[ "$(stats_get out "$scratch/t/stats/score-scores.ndjson" vf-kinesis)" -eq "$n" ]
	stats_conserved "$scratch/t/stats/score-scores.ndjson"
	score --stream selections
	moto stream selections | cut -d " " -f 3- >"$scratch/read"
	[ "$(jq -r .eventId "$scratch/read" | wc -l)" -eq $((2 * n)) ]
	[ "$(jq -r .eventId "$scratch/read" | sort -u | wc -l)" -eq "$n" ]
	[ "$(jq -r .globalUserId "$scratch/read" | sort -u)" = "$(csv_get globalUserId "$scratch/t/scored/scores.csv" | sort -u)" ]
}

@test "score-file: a stream that is not there ends the run; what is stored is whole, and a later run goes on" {
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
	run --separate-stderr score --stream nowhere
	[ "$status" -ne 0 ]
	[[ $stderr == *"ALERT step=stream"* ]]
	[ "$(csv_records "$scratch/t/scored/scores.csv")" -gt 50 ]
	score --stream later
	[ "$(stats_get exit "$scratch/t/stats/score-scores.ndjson" vf-kinesis)" -eq 0 ]
}
