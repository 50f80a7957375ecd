#!/bin/bash
# score-file.sh -- a scored or ranked file into a campaign's tree, the data lake and the selection stream.
# shellcheck source=lake.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lake.sh"

usage() {
	cat <<'END'
Usage: score-file.sh --campaign C.json --to TREE [OPTION...] FILE...

Scores, bands and filters FILE... and stores, after all of it succeeded:
TREE/scored/NAME.csv, TREE/rejects/score-NAME.csv, TREE/stats/score-NAME.ndjson
and TREE/config.json. TREE, LAKE and every FILE: s3://BUCKET/KEY or a plain path.
With --lake the eligible fans also go into the data lake as Avro, and with --stream
their selections into a Kinesis stream, both out of what is stored in scored/.

A second run replaces what the first stored: the lake's object keeps the day of its
first run (TREE/scored/NAME.lake.json), and is left alone once it was merged and put away;
an event that was told before is the same event again.

  -c, --campaign C.json      the campaign's configuration
      --to TREE              the campaign's tree
      --name NAME            name of the results; default: the first FILE's name without its ending
      --lake LAKE            the data lake: LAKE/registration/dt=DAY/CAMPAIGN-NAME.avro
      --lake-date DAY        the day under which a first run stores (today, UTC)
      --schema FILE          of the lake's object (schemas/registration.avsc)
      --stream NAME          the Kinesis stream of selections
      --ranks                the column rank is to be read; found out when there is rank and no score
      --allow-duplicates     keep later records of a fan
      --max-rejects N|P%     more rejects than this in a step: exit 3, nothing is stored
  -h, --help                 this text
END
	vf_filter_help
	cat <<'END'
Environment: VF_RUN_ID, VF_BINDIR, VF_DATADIR, TMPDIR, AWS_ENDPOINT_URL; credentials as
in vf-kinesis(1).
Exit: 0 stored; 1 failed; 2 usage or configuration; 3 too many rejects; 75 run it again.
END
}

campaign='' to='' name='' ranks='' lake='' lake_date='' schema=$vf_here/schemas/registration.avsc stream=''
score_args=() reject_args=()
vf_args "$@"
set -- "${vf_argv[@]}"
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	-c | --campaign) vf_value "$@"; campaign=$2; shift 2 ;;
	--to) vf_value "$@"; to=$2; shift 2 ;;
	--name) vf_value "$@"; name=$2; shift 2 ;;
	--lake) vf_value "$@"; lake=$2; shift 2 ;;
	--lake-date) vf_value "$@"; lake_date=$2; shift 2 ;;
	--schema) vf_value "$@"; schema=$2; shift 2 ;;
	--stream) vf_value "$@"; stream=$2; shift 2 ;;
	--ranks) ranks=1; shift ;;
	--allow-duplicates) score_args+=("$1"); shift ;;
	--max-rejects) vf_value "$@"; reject_args=("$1" "$2"); shift 2 ;;
	--) shift; break ;;
	-*) vf_filter_option "$@" || vf_usage_error "unknown option $1"; shift "$vf_taken" ;;
	*) break ;;
	esac
done
[[ -n $campaign && -n $to ]] || vf_usage_error "--campaign and --to are needed"
(($# > 0)) || vf_usage_error "which file?"
vf_abs "${to%/}"
to=$REPLY
name=${name:-${1##*/}}
name=${name%.*}
vf_plain_id "$name" || vf_usage_error "--name: letters, digits, dot, dash and underscore"
[[ -z $lake_date || $lake_date =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}$ ]] || vf_usage_error "--lake-date: a day, as 2027-03-01"
[[ -z $lake ]] || vf_is_s3 "$schema" || [[ -r $schema ]] || vf_usage_error "--schema: $schema: cannot be read"

# rank and no score among the columns of the first line, whatever the delimiter.
has_ranks() {
	local line=''
	IFS= read -r -n 1048576 line <"$1" || :
	line=${line#$'\xef\xbb\xbf'} line=${line//[$'\r"']/} line=,${line//[$'\t|;']/,},
	[[ $line == *,rank,* && $line != *,score,* ]]
}

score_and_filter() {
	cd -- "$vf_stage/in"
	local status=()
	set +e
	vf-score -c ../config.json --stats ../stats.ndjson --rejects ../rejects.csv "${reject_args[@]}" "${score_args[@]}" \
		-- "${inputs[@]}" |
		vf-filter -c ../config.json --stats ../stats.ndjson --rejects ../rejects.csv "${reject_args[@]}" "${vf_filter[@]}" \
			-o ../scored.csv
	status=("${PIPESTATUS[@]}")
	vf_worst "${status[@]}"
}

# The eligible fans in the forms of lake and stream. Both are read from the file that scored/ gets.
make_avro() {
	cd -- "$vf_stage"
	exec vf-avro --schema schema.avsc --codec deflate -c config.json --stats stats.ndjson --rejects rejects.csv -o lake.avro scored.csv
}

make_events() {
	cd -- "$vf_stage"
	exec vf-events -c config.json --stats stats.ndjson --rejects rejects.csv -o selection.ndjson selection scored.csv
}

put_events() {
	cd -- "$vf_stage"
	exec vf-kinesis put --stream "$stream" --key globalUserId --stats stats.ndjson --rejects rejects.csv selection.ndjson
}

# Where in the lake this file's object is, or goes: the day of the first run is kept in the tree, so that a
# run on another day replaces it. Sets lake_path.
lake_place() {
	local marker=$to/scored/$name.lake.json
	lake_path=dt=${lake_date:-$(date -u +%Y-%m-%d)}/$vf_campaign-$name.avro
	if vf_exists "$marker"; then
		vf_fetch "$marker" "$vf_stage/lake.json"
		lake_path=$(jq -er '.path | strings' "$vf_stage/lake.json") || vf_fail lake "scored/$name.lake.json does not say where its object is"
		lake_plain_path "$lake_path" || vf_fail lake "scored/$name.lake.json does not say where its object is"
		[[ -z $lake_date || $lake_path == "dt=$lake_date/"* ]] ||
			vf_fail lake "this file is in the lake under another day (${lake_path%/*})" 2
	else
		jq -n --arg path "$lake_path" '{path: $path}' >"$vf_stage/lake.json"
		vf_store "$vf_stage/lake.json" "$marker"
	fi
}

# An object that is no longer at its place may have been merged and put away: its records are in the merged one.
lake_put_away() {
	! vf_exists "$lake_table/$lake_path" || return 1
	lake_list_below "$lake_archive" '' "$vf_stage/archived"
	cut -f 1 "$vf_stage/archived" | grep -qFe "/$lake_path"
}

store_in_lake() {
	lake_open "$lake"
	lake_place
	if lake_put_away; then
		vf_say "the lake has $lake_path merged and put away: left alone; a correction needs another --name"
	else
		vf_store "$vf_stage/lake.avro" "$lake_table/$lake_path"
	fi
}

vf_begin "score-$name"
vf_need vf-score vf-filter vf-tally jq ${lake:+vf-avro} ${stream:+vf-events} ${stream:+vf-kinesis}
vf_step_now=fetch
vf_config "$campaign"
inputs=()
for file; do
	vf_input "$file"
	inputs+=("$vf_input_name")
done
vf_filter_ready
if [[ -n $ranks ]] || has_ranks "$vf_stage/in/${inputs[0]}"; then
	score_args+=(--ranks)
fi

vf_step score-filter score_and_filter
vf_step conservation vf_conserve vf-score,vf-filter
if [[ -n $lake ]]; then
	vf_fetch "$schema" "$vf_stage/schema.avsc"
	vf_step avro make_avro
	vf_step conservation vf_conserve vf-filter,vf-avro
fi
if [[ -n $stream ]]; then
	vf_step events make_events
	vf_step conservation vf_conserve vf-filter,vf-events
fi
[[ -e $vf_stage/rejects.csv ]] || echo tool,file,line,reason,detail,record >"$vf_stage/rejects.csv"

# The result last: what is in scored/ has its rejects and stats beside it.
vf_step_now=store
vf_store "$vf_stage/config.json" "$to/config.json"
vf_store "$vf_stage/rejects.csv" "$to/rejects/score-$name.csv"
vf_store "$vf_stage/stats.ndjson" "$to/stats/score-$name.ndjson"
vf_store "$vf_stage/scored.csv" "$to/scored/$name.csv"
[[ -z $lake ]] || store_in_lake
if [[ -n $stream ]]; then
	vf_step stream put_events
	vf_step conservation vf_conserve vf-events,vf-kinesis
	vf_step_now=store
	vf_store "$vf_stage/rejects.csv" "$to/rejects/score-$name.csv"
	vf_store "$vf_stage/stats.ndjson" "$to/stats/score-$name.ndjson"
fi
vf_counts
vf_say "stored scored/$name.csv ($REPLY)"
vf_tell --timeout 10s
