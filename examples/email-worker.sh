#!/bin/bash
# email-worker.sh -- takes e-mail jobs from the queue, hands them to Marketing Cloud, and keeps the results.
# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lib.sh"

usage() {
	cat <<'END'
Usage: email-worker.sh --queue-url URL --trees ROOT [OPTION...] -- VF-SFMC-OPTION...

Runs `vf-sqs receive | vf-sfmc | vf-sqs delete`: a job leaves the queue when Marketing
Cloud took it; one that was not taken comes back when its visibility ends (give the
queue a dead-letter queue, for those that are never taken). What became of every job
is stored in ROOT/CAMPAIGN/waves/WAVE/email-results.csv every minute and at the end,
and counted in ROOT/CAMPAIGN/stats/email-WAVE.ndjson, which the wave's report reads.
ROOT/CAMPAIGN is the campaign's tree: s3:// or a folder.

Any number of workers may share a queue and a VF_STATE_DIR. There each keeps what it
did, and results add up under a lock: a job counts once, as sent when any try of any
worker was, else as its last try. Killing a worker loses no job, and the next worker
stores what it had not stored. SIGTERM stops taking jobs; what was taken is finished.
What is no job, and what was sent and could not be deleted, is appended to
email-worker/rejects.csv in VF_STATE_DIR.

      --queue-url URL        the queue
      --trees ROOT           the folder of the campaigns' trees
      --until-empty          end when the queue is empty (default: until SIGTERM)
      --max N                end after N jobs
      --wait S               how long a request waits for jobs (20)
      --visibility S         how long a job is ours (600)
      --every S              store results so often (60)
  -h, --help                 this text

All options after -- go to vf-sfmc(1), which needs its definition key and credentials.

Environment: VF_STATE_DIR (what every worker did; default for a plain ROOT:
ROOT/state), VF_EXECUTION_ID, VF_BINDIR, TMPDIR, AWS_ENDPOINT_URL, AWS
credentials, and what vf-sfmc reads.
Exit: 0 the queue is empty, or --max reached; 1 failed; 2 usage or configuration;
75 run it again (stopped by SIGTERM, or a service is down).
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
	--max | --wait) vf_value "$@"; receive_args+=("$1" "$2"); shift 2 ;;
	--visibility) vf_value "$@"; visibility=$2; shift 2 ;;
	--every) vf_value "$@"; every=$2; shift 2 ;;
	--) shift; break ;;
	*) vf_usage_error "unknown option $1 (vf-sfmc's go after --)" ;;
	esac
done
[[ -n $queue && -n $trees ]] || vf_usage_error "--queue-url and --trees are needed"
[[ $every =~ ^[0-9]+(\.[0-9]+)?$ ]] || vf_usage_error "--every: seconds"
vf_abs "${trees%/}"
trees=$REPLY

# What vf-sfmc rejected, and deletions that failed, of all workers: they outlive us, too; rejects.csv is an append file.
# Our own lines outlive us as well: a file that no worker holds a lock on is a dead one's, for the next to store.
open_lines() {
	lines_dir=$state/email-worker
	mkdir -p -- "$lines_dir"
	exec 6>>"$lines_dir/lock"
	flock 6		# between making a file and locking it nobody may look
	lines=$(mktemp "$lines_dir/results.XXXXXXXX")
	exec 7>>"$lines"
	flock -n 7
	exec 6>&-
	rejects=$lines_dir/rejects.csv
	rejects_before=$(reject_lines)
}

reject_lines() { if [[ -e $rejects ]]; then wc -l <"$rejects"; else echo 0; fi; }

# SIGTERM is for vf-sqs receive alone: the others end with their input, and finish what was taken. The lines are in
# the file before vf-sqs delete reads them, and the file is locked while any of these lives.
work() {
	cd -- "$vf_stage"
	local statuses
	trap '' TERM
	set +e
	(
		trap - TERM
		exec vf-sqs receive --queue-url "$queue" --visibility "$visibility" "${receive_args[@]}" --stats stats.ndjson
	) |
		vf-sfmc --stats stats.ndjson --rejects "$rejects" "$@" |
		tee /dev/fd/8 8>&1 >>"$lines" |
		vf-sqs delete --queue-url "$queue" --stats stats.ndjson --rejects "$rejects" >/dev/null
	statuses=("${PIPESTATUS[@]}")
	set -e
	vf_worst "${statuses[@]}"
}

# Ids, status, how and why: the same columns for all, no address. What is no whole line is left out.
as_tsv() {
	jq -rR 'fromjson? | objects | select(.campaignId and .waveId and .jobId) |
		[.campaignId, .waveId, .jobId, .globalUserId, .status, .httpStatus, .requestId, .attempts, .finishedAt, .seconds, .detail] |
		map(. // "" | tostring) | @tsv'
}

# store_file FILE FROM -- its whole lines after that many bytes go to their waves; sets stored_now to where it came.
# Called where set -e does not hold: each step is looked at.
store_file() {
	local new=$vf_stage/new.ndjson campaign wave
	stored_now=$2
	tail -c "+$(($2 + 1))" "$1" >"$new" || return 1
	[[ -s $new ]] || return 0
	# Only what ends in a line end: the rest is still being written.
	[[ -z $(tail -c 1 "$new") ]] || sed -i '$d' "$new" || return 1
	as_tsv <"$new" >"$vf_stage/new.tsv" || return 1
	cut -f 1,2 "$vf_stage/new.tsv" | LC_ALL=C sort -u >"$vf_stage/waves" || return 1
	while IFS=$'\t' read -r campaign wave; do
		if vf_plain_id "$campaign" && vf_plain_id "$wave"; then
			store_wave "$campaign" "$wave" || return 1
		fi
	done <"$vf_stage/waves"
	stored_now=$(($2 + $(wc -c <"$new")))
}

# One wave's new lines join those of all workers, and what they come to is stored: under the wave's lock, so that
# the last to store has seen everybody's. Lines that are there already change nothing.
store_wave() {
	local dir=$state/$1/waves/$2 at=$trees/$1
	mkdir -p -- "$dir" || return 1
	(
		flock 6 || exit 1
		# A line that a killed worker tore is ended first.
		[[ ! -s $dir/email-results.tsv || -z $(tail -c 1 "$dir/email-results.tsv") ]] || echo >>"$dir/email-results.tsv"
		awk -F '\t' -v campaign="$1" -v wave="$2" '$1 == campaign && $2 == wave' "$vf_stage/new.tsv" |
			cut -f 3- >>"$dir/email-results.tsv" || exit 1
		awk -F '\t' 'NF != 9 { next }
			!($1 in at) { order[++n] = $1 }
			!($1 in at) || $3 == "sent" || !sent[$1] { at[$1] = $0; sent[$1] = $3 == "sent" }
			END { for (i = 1; i <= n; i++) print at[order[i]] }' "$dir/email-results.tsv" >"$vf_stage/wave.tsv" || exit 1
		as_csv <"$vf_stage/wave.tsv" >"$vf_stage/email-results.csv" || exit 1
		count_results "$1" "$2" <"$vf_stage/wave.tsv" >"$vf_stage/email-stats.ndjson" || exit 1
		vf_store "$vf_stage/email-results.csv" "$at/waves/$2/email-results.csv"
		vf_store "$vf_stage/email-stats.ndjson" "$at/stats/email-$2.ndjson"
	) 6>>"$dir/email.lock"
}

as_csv() {
	awk -F '\t' 'function quoted(s) { if (s ~ /[",]/) { gsub(/"/, "\"\"", s); return "\"" s "\"" } return s }
		BEGIN { print "jobId,globalUserId,status,httpStatus,requestId,attempts,finishedAt,seconds,detail" }
		{ for (i = 1; i <= NF; i++) printf "%s%s", quoted($i), i < NF ? "," : "\n" }'
}

# A stats line of the wave's e-mail, all of it so far: vf-tally takes the newest of such lines, not their sum. Latency,
# timeline and rate are as a tool writes them under `delivery`; a minute without results is no time at work.
count_results() {
	jq -cnR --arg campaign "$1" --arg wave "$2" --arg run "$VF_RUN_ID" '
		def bucket: if . < 64 then . else pow(2; logb - 6) as $width | (. / $width | floor) * $width end;
		def rank($q): .[(length * $q | ceil) - 1] / 1000000;
		def latency: sort | if length == 0 then null else
			{count: length, min: (.[0] / 1000000), p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: (.[-1] / 1000000),
			 sum: (add / 1000000), buckets: (group_by(bucket) | map([(.[0] | bucket), length]))} end;
		def row($status; $start; $step; $n):
			reduce (.[] | select(.status == $status) | (.at - $start) / $step | floor) as $i ([range($n) | 0]; .[$i] += 1);
		def timeline: if length == 0 then null else
			(map(.at) | {first: min, last: max}) as $t |
			first([1, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400, 864000, 8640000, 86400000][] |
				select((($t.last / . | floor) - ($t.first / . | floor)) < 200)) as $step |
			($t.first - $t.first % $step) as $start | ((($t.last - $start) / $step | floor) + 1) as $n |
			{start: ($start | todate), step: $step, sent: row("sent"; $start; $step; $n),
			 failed: row("failed"; $start; $step; $n), unknown: row("unknown"; $start; $step; $n)} end;
		def rate: map(.at) | sort | [range(1; length) as $i | .[$i] - .[$i - 1] | select(. <= 60)] |
			{gaps: length, ms: ((add // 0) * 1000)} |
			{perSecond: (if .ms > 0 then .gaps * 1000 / .ms * 10 | round | . / 10 else 0 end), gaps, ms};
		[inputs | split("\t") | {status: .[2], attempts: (.[5] | tonumber? // 0), at: (.[6] | fromdate? // null),
			us: (.[7] | tonumber? // null | if . then [. * 1000000 | round, 8589934591] | min else null end),
			cause: (if .[8] == "" then null else .[8] end)}] as $r |
		($r | map(select(.cause))) as $why |
		($r | map(select(.attempts > 0 and .at))) as $requested |
		{tool: "email-worker", run: $run, campaignId: $campaign, waveId: $wave, in: ($r | length), out: ($r | length),
		 rejected: 0, reasons: {}, exit: 0,
		 delivery: {channel: "email", cumulative: true, results: ($r | length),
			attempted: ($r | map(select(.attempts > 0)) | length),
			statuses: ($r | group_by(.status) | map({key: .[0].status, value: length}) | from_entries),
			causes: ($why | group_by(.status) | map({key: .[0].status,
				value: (group_by(.cause) | map({key: .[0].cause, value: length}) | from_entries)}) | from_entries),
			attempts: ($r | map(.attempts) | add // 0), segments: 0, throttled: 0, rate: ($requested | rate),
			latency: ($r | map(.us | select(. != null)) | latency), timeline: ($requested | timeline)}}'
}

# Dead workers' lines, then ours. A failure is alerted, and the lines stay where they are for the next time.
store_results() {
	local file
	for file in "$lines_dir"/results.*; do
		[[ $file != "$lines" && -e $file ]] || continue
		adopt "$file" || return 1
	done
	store_file "$lines" "$(cat "$vf_stage/stored" 2>/dev/null || echo 0)" || return 1
	echo "$stored_now" >"$vf_stage/stored"
}

adopt() {
	# shellcheck disable=SC2094	# it is open for its lock
	(
		flock 6 || exit 1
		flock -n 5 || exit 0
		[[ -e $1 ]] || exit 0
		store_file "$1" 0 || exit 1
		rm -f -- "$1"
	) 5<"$1" 6>>"$lines_dir/lock"
}

# However the run ends; our file goes when all of it is stored and nobody writes to it any more.
last_results() {
	local now
	now=$(reject_lines)
	((now == rejects_before)) || vf_say "jobs were rejected, or sent and not deleted: email-worker/rejects.csv in the state folder"
	store_results || return 1
	(($(cat "$vf_stage/stored") != $(wc -c <"$lines"))) || rm -f -- "$lines"
}

run_worker() {
	local ticker ended
	vf_step_now=worker
	set -m
	work "$@" </dev/null &
	vf_child=$!
	set +m
	while :; do
		sleep "$every" 7>&- &
		ticker=$!
		vf_status=0
		wait -n -p ended "$vf_child" "$ticker" || vf_status=$?
		[[ $ended == "$ticker" ]] || break
		(store_results) || vf_say "results were not stored; they are kept in VF_STATE_DIR"
	done
	kill "$ticker" 2>/dev/null || :
	vf_child=''
	((vf_status == 0)) || vf_fail worker "exit status $vf_status" "$vf_status"
	vf_step_now=store
	(last_results) || vf_fail store "results were not stored; they are kept in VF_STATE_DIR"
	vf_last=''
}

vf_patience=100		# the requests under way and their tries; then the rest comes back to the queue
vf_begin email-worker
vf_need vf-sqs vf-sfmc jq flock
if [[ -n ${VF_STATE_DIR:-} ]]; then
	vf_abs "$VF_STATE_DIR"
	state=$REPLY
elif vf_is_s3 "$trees"; then
	vf_say "VF_STATE_DIR must name a folder that outlives this task"
	exit 2
else
	state=$trees/state
fi
open_lines
vf_last=last_results
run_worker "$@"
