#!/bin/bash
# email-worker.sh -- takes e-mail jobs from the queue, hands them to Marketing Cloud, and keeps the results.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
	cat <<'END'
Usage: email-worker.sh --queue-url URL --trees ROOT [OPTION...] -- VF-SFMC-OPTION...

Runs `vf-sqs receive | vf-sfmc | vf-sqs delete`: a job leaves the queue when Marketing
Cloud took it; one that was not taken comes back when its visibility ends. What
became of every job is stored in ROOT/CAMPAIGN/waves/WAVE/email-results.csv every
minute and at the end, and counted in ROOT/CAMPAIGN/stats/email-WAVE.ndjson, which
the wave's report reads. ROOT/CAMPAIGN is the campaign's tree: s3:// or a folder.

Any number of workers may share a queue and a VF_STATE_DIR. Killing one loses nothing.

      --queue-url URL        the queue
      --trees ROOT           the folder of the campaigns' trees
      --until-empty          end when the queue is empty (default: until SIGTERM)
      --max N                end after N jobs
      --visibility S         how long a job is ours (600)
      --every S              store results so often (60)
  -h, --help                 this text

All options after -- go to vf-sfmc(1), which needs its definition key and credentials.

Environment: VF_STATE_DIR (the results that were not stored yet; default for a plain
ROOT: ROOT/state), VF_EXECUTION_ID, VF_BINDIR, TMPDIR, AWS_ENDPOINT_URL, AWS
credentials, and what vf-sfmc reads.
Exit: 0 the queue is empty; 1 failed; 2 usage or configuration; 75 stopped by SIGTERM.
END
}

vf_args "$@"
set -- "${vf_argv[@]}"
queue='' trees='' every=60 receive_args=() visibility=600
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--queue-url) vf_value "$@"; queue=$2; shift 2 ;;
	--trees) vf_value "$@"; trees=$2; shift 2 ;;
	--until-empty) receive_args+=("$1"); shift ;;
	--max) vf_value "$@"; receive_args+=("$1" "$2"); shift 2 ;;
	--visibility) vf_value "$@"; visibility=$2; shift 2 ;;
	--every) vf_value "$@"; every=$2; shift 2 ;;
	--) shift; break ;;
	*) vf_usage_error "unknown option $1 (vf-sfmc's go after --)" ;;
	esac
done
[[ -n $queue && -n $trees ]] || vf_usage_error "--queue-url and --trees are needed"
[[ $every =~ ^[0-9]+(\.[0-9]+)?$ ]] || vf_usage_error "--every: seconds"
trees=$(vf_abs "${trees%/}")

# Whatever the pipeline's parts do: what vf-sfmc said is in results.ndjson before vf-sqs delete reads it.
work() {
	cd -- "$vf_stage"
	local statuses
	set +e
	vf-sqs receive --queue-url "$queue" --visibility "$visibility" "${receive_args[@]}" --stats stats.ndjson |
		vf-sfmc --stats stats.ndjson --rejects rejects.csv "$@" | tee -a results.ndjson |
		vf-sqs delete --queue-url "$queue" --stats stats.ndjson >/dev/null
	statuses=("${PIPESTATUS[@]}")
	set -e
	vf_worst "${statuses[@]}"
}

# One line a result, the same columns for all: ids, status and cause, no address.
as_csv() {
	jq -r 'select(.campaignId and .waveId and .jobId) |
		[.campaignId, .waveId, .jobId, .globalUserId, .status, .httpStatus, .requestId, .detail] |
		map(. // "" | tostring) | @tsv' "$1"
}

# The whole lines of results.ndjson that were not stored yet go to their waves.
store_results() {
	local file=$vf_stage/results.ndjson new=$vf_stage/new.ndjson size campaign wave
	[[ -s $file ]] || return 0
	tail -c "+$((stored + 1))" "$file" >"$new"
	# Only what ends in a line end: the rest is still being written.
	[[ -z $(tail -c 1 "$new") ]] || sed -i '$d' "$new"
	size=$(wc -c <"$new")
	((size > 0)) || return 0
	as_csv "$new" >"$vf_stage/new.tsv"
	cut -f 1,2 "$vf_stage/new.tsv" | LC_ALL=C sort -u >"$vf_stage/waves"
	while IFS=$'\t' read -r campaign wave; do
		if vf_plain_id "$campaign" && vf_plain_id "$wave"; then
			store_wave "$campaign" "$wave"
		fi
	done <"$vf_stage/waves"
	stored=$((stored + size))
}

# The results of a wave so far, in the state folder that all workers share; a job's last line counts.
store_wave() {
	local dir=$state/$1/waves/$2 at=$trees/$1
	mkdir -p -- "$dir"
	(
		flock 8
		if [[ ! -s $dir/email-results.tsv ]]; then
			: >"$dir/email-results.tsv"
		fi
		awk -F '\t' -v campaign="$1" -v wave="$2" '$1 == campaign && $2 == wave' "$vf_stage/new.tsv" |
			cut -f 3- >>"$dir/email-results.tsv"
		{
			echo jobId,globalUserId,status,httpStatus,requestId,detail
			awk -F '\t' '!($1 in at) { order[++n] = $1 } { at[$1] = $0 } END { for (i = 1; i <= n; i++) print at[order[i]] }' \
				"$dir/email-results.tsv" | tr -d '",' | tr '\t' ,
		} >"$vf_stage/email-results.csv"
		vf_store "$vf_stage/email-results.csv" "$at/waves/$2/email-results.csv"
		count_results "$1" "$2" >"$vf_stage/email-stats.ndjson"
		vf_store "$vf_stage/email-stats.ndjson" "$at/stats/email-$2.ndjson"
	) 8>>"$dir/email.lock"
}

# A stats line of the wave's e-mail: every job that was taken from the queue, by status.
count_results() {
	awk -F, -v campaign="$1" -v wave="$2" -v run="$VF_RUN_ID" '
		NR > 1 { n++; s[$3]++ }
		END { printf "{\"tool\":\"email-worker\",\"run\":\"%s\",\"campaignId\":\"%s\",\"waveId\":\"%s\",", run, campaign, wave
			printf "\"in\":%d,\"out\":%d,\"rejected\":0,\"reasons\":{},\"exit\":0,\"statuses\":{", n, n
			for (k in s) printf "%s\"%s\":%d", sep++ ? "," : "", k, s[k]
			print "}}" }' "$vf_stage/email-results.csv"
}

run_worker() {
	local ticker ended
	vf_step_now=worker
	set -m
	work "$@" </dev/null &
	vf_child=$!
	set +m
	while :; do
		sleep "$every" &
		ticker=$!
		vf_status=0
		wait -n -p ended "$vf_child" "$ticker" || vf_status=$?
		[[ $ended == "$ticker" ]] || break
		store_results
	done
	kill "$ticker" 2>/dev/null || :
	vf_child=''
	store_results
	((vf_status == 0)) || vf_fail worker "exit status $vf_status" "$vf_status"
}

vf_patience=100
vf_begin email-worker
vf_need vf-sqs vf-sfmc jq
if [[ -n ${VF_STATE_DIR:-} ]]; then
	state=$(vf_abs "$VF_STATE_DIR")
elif vf_is_s3 "$trees"; then
	vf_say "VF_STATE_DIR must name a folder that outlives this task"
	exit 2
else
	state=$trees/state
fi
stored=0
vf_last=store_results
run_worker "$@"
