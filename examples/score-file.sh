#!/bin/bash
# score-file.sh -- a scored or ranked file into a campaign's tree: vf-score | vf-filter.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	cat <<'END'
Usage: score-file.sh --campaign C.json --to TREE [OPTION...] FILE...

Scores, bands and filters FILE... and stores, after all of it succeeded:
TREE/scored/NAME.csv, TREE/rejects/score-NAME.csv, TREE/stats/score-NAME.ndjson
and TREE/config.json. TREE and every FILE: s3://BUCKET/KEY or a plain path.
A second run replaces what the first stored.

  -c, --campaign C.json      the campaign's configuration
      --to TREE              the campaign's tree
      --name NAME            name of the results; default: the first FILE's name without its ending
      --ranks                the column rank is to be read; found out when there is rank and no score
      --allow-duplicates     keep later records of a fan
      --max-rejects N|P%     more rejects than this in a step: exit 3, nothing is stored
  -h, --help                 this text
END
	vf_filter_help
	cat <<'END'
Environment: VF_RUN_ID, VF_BINDIR, VF_DATADIR, TMPDIR, AWS_ENDPOINT_URL.
Exit: 0 stored; 1 failed; 2 usage or configuration; 3 too many rejects; 75 run it again.
END
}

campaign='' to='' name='' ranks='' score_args=() reject_args=()
vf_args "$@"
set -- "${vf_argv[@]}"
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	-c | --campaign) vf_value "$@"; campaign=$2; shift 2 ;;
	--to) vf_value "$@"; to=$2; shift 2 ;;
	--name) vf_value "$@"; name=$2; shift 2 ;;
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
to=$(vf_abs "${to%/}")
name=${name:-${1##*/}}
name=${name%.*}
vf_plain_id "$name" || vf_usage_error "--name: letters, digits, dot, dash and underscore"

# rank and no score among the columns of the first line, whatever the delimiter.
has_ranks() {
	local names
	names=$(head -c 1048576 "$1" | head -n 1 | tr -d '\r"\357\273\277\000' | tr '\t|;' ',,,')
	[[ ,$names, == *,rank,* && ,$names, != *,score,* ]]
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

vf_begin "score-$name"
vf_need vf-score vf-filter vf-tally jq
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
[[ -e $vf_stage/rejects.csv ]] || echo tool,file,line,reason,detail,record >"$vf_stage/rejects.csv"

# The result last: what is in scored/ has its rejects and stats beside it.
vf_step_now=store
vf_store "$vf_stage/config.json" "$to/config.json"
vf_store "$vf_stage/rejects.csv" "$to/rejects/score-$name.csv"
vf_store "$vf_stage/stats.ndjson" "$to/stats/score-$name.ndjson"
vf_store "$vf_stage/scored.csv" "$to/scored/$name.csv"
vf_say "stored scored/$name.csv ($(vf_counts))"
vf_tell --timeout 10s
