#!/bin/bash
# send-wave.sh -- tell the fans of a prepared wave: SMS through the SMS service, e-mail jobs into the queue.
# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lib.sh"

usage() {
	cat <<'END'
Usage: send-wave.sh --to TREE --wave ID --suppress FILE... CHANNEL... [OPTION...]
       send-wave.sh --to TREE --wave ID --hold | --release | --status

Sends the wave that prepare-wave.sh stored in TREE/waves/ID. Reads the configuration
again and refuses (exit 2) before the wave's notify date, after its codes have run
out, and when the configuration has another notify date than the wave was prepared
for. Fetches the opt-out lists fresh, renders every message before the first one is
sent, then sends SMS and queues e-mail. Running it again is safe: the journals in
VF_STATE_DIR say who was told, and only the rest is sent.

Results (waves/ID/sms-results.csv, stats/send-ID.ndjson) are stored however the run
ends. The wave's status goes prepared -> sending -> sent; partial when fans are left
(outside their hours, or --first), with nextWindowAt when that is known.

A channel is SMS or e-mail, or both:
      --url URL              the SMS service, with
      --sms-template FILE    the SMS text
      --queue-url URL        the queue of e-mail jobs, with
      --email-template FILE  the message in HTML, and
      --subject TEXT|@FILE   its subject
      --email-text FILE      the message as plain text

      --suppress FILE        opt-outs as of now: a phone stops SMS, an address e-mail,
                             an id both; may be repeated; --no-suppress says that there are none
  -c, --campaign C.json      the configuration; default: TREE/config.json
      --to TREE              the campaign's tree: s3://BUCKET/KEY or a folder
      --wave ID              the wave
      --early                before the notify date, too
      --now T                what to take for now
      --first N              only the first N records of each channel: a canary. The rest
                             is sent by a run without it, with the same journals
      --max-segments N       refuse texts of more parts (1)
      --rate N, --concurrency N, --window HH:MM-HH:MM, --tz ZONE, --token-file FILE,
      --timeout S, --idempotent, --retry-failed           as in vf-sms(1)
      --retries N            more tries after the first (2)
      --wait S               seconds between tries (60)
      --poll S               look for --hold so often (5)
      --again                a wave that is sent: send what is not known to be sent
      --break-claim          take the claim over from a run that is gone, and say whose it was
      --hold                 stop sending: what is on its way is finished, state held, exit 4;
                             nothing is sent until
      --release              lifts it; then run it again
      --status               how many are sent and left, how fast, and who is at it
  -h, --help                 this text

Environment: VF_STATE_DIR (journals and status live there; default for a plain TREE:
TREE/state), VF_EXECUTION_ID or VF_RUN_ID, VF_SLACK_WEBHOOK, VF_BINDIR, VF_DATADIR,
TMPDIR, AWS_ENDPOINT_URL, and AWS credentials for the queue.
Exit: 0 sent, or all that can be sent now; 1 failed; 2 usage or configuration, nothing
was sent; 4 held; 75 run it again (interrupted, a service is down, or another run
holds the wave).
END
}

vf_args "$@"
set -- "${vf_argv[@]}"
argv=("$@")
campaign='' to='' wave='' url='' queue='' sms_template='' html='' subject='' text='' early='' now='' first='' segments=1
suppress=() no_suppress='' retries=2 wait=60 poll=5 again='' break='' verb=send body='' sms_args=() tz_args=()
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	-c | --campaign) vf_value "$@"; campaign=$2; shift 2 ;;
	--to) vf_value "$@"; to=$2; shift 2 ;;
	--wave) vf_value "$@"; wave=$2; shift 2 ;;
	--url) vf_value "$@"; url=$2; shift 2 ;;
	--sms-template) vf_value "$@"; sms_template=$2; shift 2 ;;
	--queue-url) vf_value "$@"; queue=$2; shift 2 ;;
	--email-template) vf_value "$@"; html=$2; shift 2 ;;
	--subject) vf_value "$@"; subject=$2; shift 2 ;;
	--email-text) vf_value "$@"; text=$2; shift 2 ;;
	--suppress) vf_value "$@"; suppress+=("$2"); shift 2 ;;
	--no-suppress) no_suppress=1; shift ;;
	--early) early=1; shift ;;
	--now) vf_value "$@"; now=$2; shift 2 ;;
	--first) vf_value "$@"; first=$2; shift 2 ;;
	--max-segments) vf_value "$@"; segments=$2; shift 2 ;;
	--rate | --concurrency | --window | --timeout) vf_value "$@"; sms_args+=("$1" "$2"); shift 2 ;;
	--token-file) vf_value "$@"; vf_abs "$2"; sms_args+=("$1" "$REPLY"); shift 2 ;;
	--tz) vf_value "$@"; tz_args=("$1" "$2"); shift 2 ;;
	--idempotent | --retry-failed) sms_args+=("$1"); shift ;;
	--retries) vf_value "$@"; retries=$2; shift 2 ;;
	--wait) vf_value "$@"; wait=$2; shift 2 ;;
	--poll) vf_value "$@"; poll=$2; shift 2 ;;
	--again) again=1; shift ;;
	--break-claim) break=1; shift ;;
	--hold | --release | --status) verb=${1#--}; shift ;;
	--body) body=1; shift ;;		# what vf-attempt runs: not for people
	-*) vf_usage_error "unknown option $1" ;;
	*) vf_usage_error "no operand is taken: $1" ;;
	esac
done
[[ -n $to && -n $wave ]] || vf_usage_error "--to and --wave are needed"
vf_plain_id "$wave" || vf_usage_error "--wave: letters, digits, dot, dash and underscore: it names a folder"
[[ ${first:-1} =~ ^[1-9][0-9]*$ ]] || vf_usage_error "--first: a whole number"
[[ $poll =~ ^[0-9]+(\.[0-9]+)?$ ]] || vf_usage_error "--poll: seconds"
if [[ $verb == send ]]; then
	[[ -n $url || -n $queue ]] || vf_usage_error "a channel is needed: --url with --sms-template, --queue-url with --email-template"
	[[ ${url:+1} == "${sms_template:+1}" ]] || vf_usage_error "--url and --sms-template go together"
	[[ -z $queue || (-n $html && -n $subject) ]] || vf_usage_error "--queue-url needs --email-template and --subject"
	[[ -n $queue || -z $html$subject$text ]] || vf_usage_error "--email-template needs --queue-url"
	((${#suppress[@]} > 0)) || [[ -n $no_suppress ]] || vf_usage_error "--suppress FILE: who opted out by now? (--no-suppress: nobody)"
fi
vf_abs "${to%/}"
to=$REPLY
vf_abs "${campaign:-$to/config.json}"
campaign=$REPLY
vf_wave=$wave
at=$to/waves/$wave

# Time and hold -------------------------------------------------------------------------------------------------

seconds_of() { date -u -d "$1" +%s; }

# Exit 2 for a wave whose time has not come, or is over, or is not the one it was prepared for.
judge_time() {
	local whose notify valid_to config t
	IFS=$'\t' read -r whose notify valid_to config < <(jq -r --arg wave "$wave" --slurpfile config "$vf_stage/config.json" \
		'["\(.campaignId) \(.waveId)", .notifyDate // "-", .validTo // "-", ($config[0].waves[] | select(.id == $wave).notifyDate // "")] | @tsv' \
		"$vf_stage/manifest.json") || :
	[[ $whose == "$vf_campaign $wave" ]] || vf_fail time "the manifest is of another campaign or wave" 2
	[[ $notify != - && $valid_to != - ]] || vf_fail time "the manifest lacks notifyDate or validTo: prepare the wave again" 2
	t=$(seconds_of "${now:-now}") || vf_fail time "--now: not a time" 2
	if [[ -n $config && $(seconds_of "$config") != "$(seconds_of "$notify")" ]]; then
		vf_fail time "the configuration says $config, the wave was prepared for $notify: prepare it again" 2
	fi
	((t < $(seconds_of "$valid_to"))) || vf_fail time "the wave's codes have run out" 2
	[[ -n $early ]] || ((t >= $(seconds_of "$notify"))) ||
		vf_fail time "the notify date $notify has not come (--early sends all the same)" 2
}

# A look that fails is no hold: sending goes on, and the next look may succeed.
is_held() { (vf_exists "$at/hold.json") 2>/dev/null; }

hold() {
	vf_my_claim | jq '{owner, host, time}' >"$vf_stage/hold.json"
	vf_store "$vf_stage/hold.json" "$at/hold.json"
	vf_say "held: what runs now ends within a minute, nothing is sent until --release"
}

release() {
	if vf_is_s3 "$at"; then
		vf_aws s3 rm --only-show-errors "$at/hold.json" || vf_fail release "cannot remove the hold"
	else
		rm -f -- "$at/hold.json"
	fi
	if [[ $(state_of) == held ]]; then
		set_state "$(anything_sent && echo partial || echo prepared)"
	fi
	vf_say "released: run send-wave.sh again"
}

# The status ----------------------------------------------------------------------------------------------------

state_of() { jq -r '.state // "planned"' "$status_file" 2>/dev/null || echo planned; }

set_state() {
	vf-attempt --status "$status_file" --step send -c "$vf_stage/config.json" --wave "$wave" --set "$1" >/dev/null
	vf_store "$status_file" "$at/status.json"
}

# Figures of the sending beside what vf-attempt keeps, whose keys it leaves alone.
note_figures() {
	jq --slurpfile s "$journals/sending.json" '. + ($s[0] | {sending: del(.nextWindowAt, .state), nextWindowAt})' "$status_file" \
		>"$vf_stage/status.json"
	vf_store "$vf_stage/status.json" "$status_file"
}

# A journal's first line is about the journal.
anything_sent() {
	local name
	for name in sms email; do
		[[ $(wc -l <"$journals/$name.journal") -le 1 ]] || return 0
	done 2>/dev/null
	return 1
}

# However the run ended: the wave is not `sending` when nobody sends.
settle_wave() {
	[[ $(state_of) == sending ]] || return 0
	if [[ -e $journals/sending.json ]]; then
		note_figures
		set_state "$(jq -r .state "$journals/sending.json")"
	else
		set_state "$(anything_sent && echo partial || echo "$before")"
	fi
}

fetch_status() {
	if [[ ! -e $status_file ]] && vf_exists "$at/status.json"; then
		vf_fetch "$at/status.json" "$status_file"
	fi
}

# Sent, left, rate of the last minute, owner: from the journals, which are written as messages go out. Whom the opt-outs
# stopped is known when a run has ended: until then they count as left.
show_status() {
	local sms email
	vf_fetch "$at/manifest.json" "$vf_stage/manifest.json"
	sms=$(journal_figures sms)
	email=$(journal_figures email)
	if vf_exists "$at/claim.json"; then
		vf_fetch "$at/claim.json" "$vf_stage/claim.json"
	else
		echo null >"$vf_stage/claim.json"
	fi
	jq -n --arg state "$(state_of)" --argjson held "$(is_held && echo true || echo false)" --argjson sms "$sms" \
		--argjson email "$email" --slurpfile owner "$vf_stage/claim.json" --slurpfile m "$vf_stage/manifest.json" \
		--slurpfile s <(jq -c . "$status_file" 2>/dev/null || echo '{}') '
		def figures($f; $name; $stopped): $f + {suppressed: $stopped,
			left: ([($m[0].files[$name].records // 0) - $f.sent - $f.failed - $f.unknown - $stopped, 0] | max)};
		$s[0].sending as $ended |
		{state: $state, held: $held, sms: figures($sms; "sms.csv"; $ended.sms.suppressed // 0),
		 email: figures($email; "email.csv"; $ended.email.suppressed // 0), nextWindowAt: $s[0].nextWindowAt, owner: ($owner[0] | if . then {owner, host, execution, time} else null end)}'
}

# Keys by their last line; the time at which it was sent, or queued, is the only time in a line.
journal_figures() {
	local file=$journals/$1.journal
	[[ -e $file ]] || file=/dev/null
	awk -F, -v since="$(date -u -d '-60 seconds' +%Y-%m-%dT%H:%M:%SZ)" '
		NR > 1 && $2 != "" { last[$2] = $1 }
		($1 == "sent" || $1 == "queued") && match($0, /,20[0-9][0-9]-[0-9-]*T[0-9:.]*Z/) { recent += substr($0, RSTART + 1, RLENGTH - 1) >= since }
		END { for (key in last) n[last[key]]++
			printf "{\"sent\":%d,\"failed\":%d,\"unknown\":%d,\"underWay\":%d,\"ratePerSecond\":%.1f}\n",
				n["sent"] + n["queued"], n["failed"], n["unknown"], n["intent"], recent / 60 }' "$file"
}

# The steps -----------------------------------------------------------------------------------------------------

fetch_all() {
	local name n=0 list
	vf_step_now=fetch
	jq -r '.files | to_entries[] | select(.key == "sms.csv" or .key == "email.csv") | "\(.value.blake2b)  \(.key)"' \
		"$vf_stage/manifest.json" >"$vf_stage/digests"
	for name in sms.csv email.csv; do
		vf_fetch "$at/$name" "$vf_stage/$name"
	done
	(cd -- "$vf_stage" && b2sum --quiet --strict -c digests >&2) ||
		vf_fail fetch "the wave's files are not those of its manifest: prepare it again"
	suppress_args=()
	for list in "${suppress[@]}"; do
		n=$((n + 1))
		vf_fetch "$list" "$vf_stage/lists/$n-${list##*/}"
		suppress_args+=(--suppress "lists/$n-${list##*/}")
	done
	[[ -z $sms_template ]] || vf_fetch "$sms_template" "$vf_stage/sms.txt"
	[[ -z $html ]] || vf_fetch "$html" "$vf_stage/email.html"
	[[ -z $text ]] || vf_fetch "$text" "$vf_stage/email.txt"
	if [[ $subject == @* ]]; then
		vf_fetch "${subject#@}" "$vf_stage/subject.txt"
		subject=@subject.txt
	fi
}

# No record spans lines between tools: the first records are the first lines.
choose() { head -n "$((${first:-999999999} + 1))" "$1"; }

common=(-c config.json --wave "$wave")

dry_run() {
	cd -- "$vf_stage"
	vf-sms "${common[@]}" "${tz_args[@]}" --template sms.txt "${suppress_args[@]}" --max-segments "$segments" --dry-run \
		--rejects /dev/null -o dry-run.csv to-sms.csv
}

make_jobs() {
	cd -- "$vf_stage"
	vf-email "${common[@]}" "${tz_args[@]}" --template email.html --subject "$subject" ${text:+--text email.txt} \
		"${suppress_args[@]}" --stats stats.ndjson --rejects rejects.csv -o jobs.ndjson to-email.csv
}

# Results are written in place, not into a file that appears at the end: they are wanted when a run is cut short, too.
send_sms() {
	cd -- "$vf_stage"
	exec vf-sms "${common[@]}" "${tz_args[@]}" --template sms.txt "${suppress_args[@]}" --max-segments "$segments" --url "$url" \
		"${sms_args[@]}" --journal "$journals/sms.journal" --stats stats.ndjson --rejects rejects.csv -o /dev/fd/7 to-sms.csv \
		7>sms-results.csv
}

queue_email() {
	cd -- "$vf_stage"
	exec vf-sqs send "${common[@]}" --queue-url "$queue" --journal "$journals/email.journal" --stats stats.ndjson --rejects rejects.csv \
		-o /dev/null jobs.ndjson
}

# vf_step for a step that --hold ends: SIGTERM, so that the tool finishes what is on its way.
step_until_held() {
	local ticker ended
	vf_step_now=$1
	shift
	vf_status=0
	set -m
	"$@" </dev/null &
	vf_child=$!
	set +m
	while :; do
		sleep "$poll" &
		ticker=$!
		vf_status=0
		wait -n -p ended "$vf_child" "$ticker" || vf_status=$?
		[[ $ended == "$ticker" ]] || break
		if is_held; then
			vf_say "held by an operator: finishing what is on its way"
			kill -TERM -- "-$vf_child" 2>/dev/null || :
			vf_status=0
			wait "$vf_child" || vf_status=$?
			vf_child=''
			write_figures held
			vf_fail "$vf_step_now" "held by an operator" 4
		fi
	done
	kill "$ticker" 2>/dev/null || :
	vf_child=''
	((vf_status == 0)) || vf_fail "$vf_step_now" "exit status $vf_status" "$vf_status"
}

# What a run that ends early leaves is told, too: its lines go before those that are stored already.
store_results() {
	local new=$vf_stage/sms-results.csv old=$vf_stage/sms-results.old
	vf_step_now=store
	if [[ -s $new ]]; then
		# The last line may be torn.
		[[ -z $(tail -c 1 "$new") ]] || sed -i '$d' "$new"
		if (($(wc -l <"$new") < $(wc -l <"$vf_stage/sms.csv"))) && vf_exists "$at/sms-results.csv"; then
			vf_fetch "$at/sms-results.csv" "$old"
			awk -F, 'NR == FNR { seen[$1] = 1; print; next } FNR > 1 && !($1 in seen)' "$new" "$old" >"$new.all"
			mv -- "$new.all" "$new"
		fi
		vf_store "$new" "$at/sms-results.csv"
	fi
	[[ ! -s $vf_stage/stats.ndjson ]] || vf_store "$vf_stage/stats.ndjson" "$to/stats/send-$wave.ndjson"
	[[ ! -s $vf_stage/rejects.csv ]] || vf_store "$vf_stage/rejects.csv" "$to/rejects/send-$wave.csv"
	[[ -e $journals/sending.json ]] || write_figures partial
}

# write_figures STATE -- for the outer run, which keeps the status: sent, left and when to go on.
write_figures() {
	local sms=$vf_stage/sms-results.csv left=0 again
	[[ -s $sms ]] || sms=/dev/null
	# Failed for now: their tries were used up, and the next run takes them up again.
	again=$(awk -F, 'NR > 1 { last[$2] = $1 } END { for (key in last) n += last[key] == "again"; print n + 0 }' \
		"$journals/sms.journal" 2>/dev/null || echo 0)
	left=$(($(wc -l <"$vf_stage/sms.csv") - 1))
	[[ -n $url ]] || left=0
	awk -F, -v left="$left" -v again="$again" 'NR > 1 { n[$2]++ } END {
		n["failed"] -= again < n["failed"] ? again : n["failed"]
		done = n["sent"] + n["failed"] + n["suppressed"] + n["unknown"]
		printf "{\"sent\":%d,\"failed\":%d,\"unknown\":%d,\"suppressed\":%d,\"deferred\":%d,\"left\":%d}\n",
			n["sent"], n["failed"], n["unknown"], n["suppressed"], n["deferred"], left - done }' "$sms" |
		jq -c --arg state "$1" --argjson queued "$(queued)" \
			--slurpfile stats <(cat "$vf_stage/stats.ndjson" 2>/dev/null || :) \
			--argjson unqueued "$([[ -z $queue ]] && echo 0 || echo $(($(wc -l <"$vf_stage/email.csv") - $(wc -l <"$vf_stage/to-email.csv"))))" '
			([$stats[] | select(.tool == "vf-sms")] | last) as $last |
			([$stats[] | select(.tool == "vf-email")] | last | .reasons.suppressed // 0) as $stopped |
			{sms: ., email: {queued: $queued, suppressed: $stopped, left: $unqueued}, nextWindowAt: ($last.nextWindowAt // null),
			 state: (if $state != "" then $state elif .left > 0 or $unqueued > 0 then "partial" else "sent" end)}' \
			>"$journals/sending.json.new"
	mv -- "$journals/sending.json.new" "$journals/sending.json"
}

queued() {
	jq -s '[.[] | select(.tool == "vf-sqs")] | last | .out // 0' "$vf_stage/stats.ndjson" 2>/dev/null || echo 0
}

# To people: what the steps counted, and what is left.
tell() {
	local line
	line=$(jq -r '"\(.state): sms \(.sms.sent) sent, \(.sms.failed) failed, \(.sms.unknown) unknown, \(.sms.suppressed) suppressed, " +
		"\(.sms.left) left; e-mail \(.email.queued) queued, \(.email.suppressed) suppressed, \(.email.left) left" +
		(if .nextWindowAt then "; go on at \(.nextWindowAt)" else "" end)' "$journals/sending.json")
	vf_say "wave $wave $line"
	printf '%s wave %s %s\n' "$vf_campaign" "$wave" "$line" >"$vf_stage/summary.txt"
	vf_tell "$vf_stage/summary.txt"
}

run_body() {
	if is_held; then
		vf_fail hold "held by an operator since $(jq -r .time "$at/hold.json" 2>/dev/null || echo -)" 4
	fi
	fetch_all
	choose "$vf_stage/sms.csv" >"$vf_stage/to-sms.csv"
	choose "$vf_stage/email.csv" >"$vf_stage/to-email.csv"
	# Everything that can be wrong with a message is found before the first one leaves.
	[[ -z $url ]] || vf_step sms-dry-run dry_run
	[[ -z $queue ]] || vf_step email-jobs make_jobs
	vf_last=store_results
	[[ -z $url ]] || step_until_held sms send_sms
	[[ -z $queue ]] || step_until_held email queue_email
	vf_step_now=conservation
	[[ -z $url ]] || vf_step conservation vf_conserve vf-sms
	[[ -z $queue ]] || vf_step conservation vf_conserve vf-email,vf-sqs
	write_figures ''
	tell
}

# The outer run -------------------------------------------------------------------------------------------------

attempt() {
	exec vf-attempt --status "$status_file" --step send -c "$vf_stage/config.json" --wave "$wave" --retries "$retries" \
		--wait "$wait" -- "${BASH_SOURCE[0]}" --body "${argv[@]}"
}

run_outer() {
	vf_need_conditional "$to"
	vf_claim "$at/claim.json" "$break"
	fetch_status
	before=$(state_of)
	case $before in
	prepared | triggered | partial | failed) ;;
	sending) before=partial ;;		# by a run that was killed
	held) ! is_held || vf_fail hold "held by an operator: --release first" 4 ;;
	sent)
		if [[ -z $again ]]; then
			vf_say "wave $wave is sent (--again sends what is not known to be sent)"
			return
		fi
		;;
	*) vf_fail state "the wave is $before, not prepared" 2 ;;
	esac
	! is_held || vf_fail hold "held by an operator: --release first" 4
	rm -f -- "$journals/sending.json"
	vf_last=settle_wave
	set_state sending
	# Each run has all its tries: a hold or a signal is no failure of the wave.
	if jq -e .steps.send "$status_file" >/dev/null; then
		vf-attempt --status "$status_file" --step send -c "$vf_stage/config.json" --wave "$wave" --reset >/dev/null
	fi
	vf_step_now=attempt
	vf_wait attempt
	((vf_status == 0)) || vf_fail send "exit status $vf_status" "$vf_status"
}

vf_patience=100		# the SMS in flight have 20 seconds, then results are stored
vf_begin "send-$wave${body:+.$$}"
vf_find_tools || :
vf_need vf-score vf-attempt jq
vf_config "$campaign"
vf_need_wave "$wave" "${campaign##*/}"
vf_state_of "$to"
journals=$vf_state/waves/$wave
status_file=$journals/status.json
if [[ $verb == send ]]; then
	vf_need ${url:+vf-sms} ${queue:+vf-email vf-sqs} vf-tally b2sum
	vf_exists "$at/manifest.json" || vf_fail fetch "this tree has no such wave: prepare it first" 2
	vf_fetch "$at/manifest.json" "$vf_stage/manifest.json"
	judge_time
	if [[ -n $body ]]; then
		run_body
	else
		run_outer
	fi
else
	fetch_status
	case $verb in
	hold) hold ;;
	release) release ;;
	status) show_status ;;
	esac
fi
