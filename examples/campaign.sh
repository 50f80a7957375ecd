#!/bin/bash
# campaign.sh -- a whole campaign on one machine: from scored file to wave files.
# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lib.sh"

usage() {
	cat <<'END'
Usage: campaign.sh [--out DIR]
       campaign.sh --campaign C.json --scores FILE... --out TREE [OPTION...]

Alone: builds what is missing and runs the bundled sample campaign into ./out.
With --campaign: runs yours. Scores and filters (score-file.sh), prepares each wave
in the order of the configuration (prepare-wave.sh), checks every draw with vf-audit
and with recheck-draw.py, and proves that no record was lost (vf-tally).

Running it again is safe: the seed, the ledger and prepared waves stay as they are,
so nobody gets a second code.

With templates it renders the messages of each wave, and sends none of them:
waves/W/sms-preview.csv and email-preview.ndjson are what send-wave.sh would send.

  -c, --campaign C.json      the campaign's configuration
      --scores FILE          scored or ranked text; may be repeated
      --out TREE             the campaign's tree: s3://BUCKET/KEY or a folder (./out)
      --wave ID              this wave only; may be repeated
      --seed-file FILE       the draw's seed; default: one made by vf-seed, kept in the state folder
      --name NAME            name of the scored file in the tree; default: that of the first --scores
      --sms-template FILE    the SMS text
      --email-template FILE  the e-mail in HTML, with
      --subject TEXT|@FILE   its subject
      --ranks, --allow-duplicates, --max-rejects N|P%, --lake LAKE, --lake-date DAY,
      --stream NAME                                        as in score-file.sh
      --beacon HEX, --codes FILE, --notify-date T, --now T, --late, --retries N, --wait S,
      --again, --break-claim                               as in prepare-wave.sh
  -h, --help                 this text
END
	vf_filter_help
	cat <<'END'
Environment: VF_STATE_DIR (seed, ledger and status; default for a plain TREE: TREE/state),
VF_EXECUTION_ID, VF_BINDIR, VF_DATADIR, TMPDIR, AWS_ENDPOINT_URL.
Exit: as in vf(7); what stopped a step is what stops this script.
END
}

vf_args "$@"
set -- "${vf_argv[@]}"
sample_day=2027-03-01
campaign='' out=out seed='' scores=() waves=() score_args=() wave_args=() list_args=() sample=''
sms_template='' html='' subject='' opt_outs=() lake=''
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	-c | --campaign) vf_value "$@"; campaign=$2; shift 2 ;;
	--scores) vf_value "$@"; scores+=("$2"); shift 2 ;;
	--out) vf_value "$@"; out=$2; shift 2 ;;
	--wave) vf_value "$@"; waves+=("$2"); shift 2 ;;
	--seed-file) vf_value "$@"; seed=$2; shift 2 ;;
	--sms-template) vf_value "$@"; sms_template=$2; shift 2 ;;
	--email-template) vf_value "$@"; html=$2; shift 2 ;;
	--subject) vf_value "$@"; subject=$2; shift 2 ;;
	--lake) vf_value "$@"; lake=$2; shift 2 ;;
	--name | --max-rejects | --lake-date | --stream) vf_value "$@"; score_args+=("$1" "$2"); shift 2 ;;
	--ranks | --allow-duplicates) score_args+=("$1"); shift ;;
	--beacon | --codes | --notify-date | --now | --retries | --wait) vf_value "$@"; wave_args+=("$1" "$2"); shift 2 ;;
	--late | --again | --break-claim) wave_args+=("$1"); shift ;;
	-*)
		vf_filter_option "$@" || vf_usage_error "unknown option $1"
		list_args+=("${@:1:vf_taken}")
		[[ $1 != --opt-out ]] || opt_outs+=("$2")
		shift "$vf_taken"
		;;
	*) vf_usage_error "no operand is taken: --scores $1?" ;;
	esac
done
if [[ -z $campaign ]]; then
	((${#scores[@]} == 0)) || vf_usage_error "--scores needs --campaign"
	sample=$vf_here/sample
	campaign=$sample/config.json
	scores=("$sample/scores.txt")
	list_args+=(--blacklist "$sample/blacklist.txt" --whitelist "$sample/whitelist.txt" --opt-out "$sample/optout.txt")
	opt_outs+=("$sample/optout.txt")
	sms_template=${sms_template:-$sample/sms.txt}
	html=${html:-$sample/email.html}
	subject=${subject:-@$sample/subject.txt}
	# The sample's notify dates are fixed, and so is its "now": it must run in any year.
	wave_args=(--now "${sample_day}T12:00:00Z" "${wave_args[@]}")
	lake=${lake:-$out/lake}
	score_args+=(--lake-date "$sample_day")
fi
[[ -z $lake ]] || { vf_abs "$lake"; score_args+=(--lake "$REPLY"); }
[[ ${html:+1} == "${subject:+1}" ]] || vf_usage_error "--email-template and --subject go together"
((${#scores[@]} > 0)) || vf_usage_error "--scores: which file?"
vf_abs "${out%/}"
out=$REPLY

# The parts -------------------------------------------------------------------------------------------------------

tools=(vf-score vf-filter vf-seed vf-draw vf-audit vf-codegen vf-assign vf-wave vf-attempt vf-tally vf-sms vf-email vf-avro vf-merge)

build_what_is_missing() {
	local tool missing=''
	vf_find_tools || :
	for tool in "${tools[@]}"; do
		command -v "$tool" >/dev/null || missing=$tool
	done
	[[ -n $missing ]] || return 0
	[[ -x $vf_here/../bootstrap ]] || {
		vf_say "$missing is not installed, and there is no bootstrap to build them"
		exit 2
	}
	vf_say "building the tools (bootstrap)"
	"$vf_here/../bootstrap" >&2
}

# A seed is made once and kept; what binds the operator is its commitment, published before registration closes.
choose_seed() {
	seed=${seed:-$vf_state/seed}
	if [[ ! -e $seed ]]; then
		vf-seed new "$seed" >/dev/null
	fi
	printf 'Draw commitment (publish it before registration closes): %s\n' "$(vf-seed commit "$seed")"
}

run_part() {
	printf '\n== %s\n' "$1" >&2
	shift
	vf_wait "$@"
	((vf_status == 0)) || {
		vf_told
		exit "$vf_status"
	}
}

# A wave as it stands in the tree: its files by their digests, its draw by our tool and by a stock Python.
check_wave() {
	local wave=$1 at=$vf_stage/check-$1
	mkdir -- "$at"
	cd -- "$at"
	vf_fetch_from "$out/waves/$wave" manifest.json draw.json entrants.csv drawn.csv codes.csv sms.csv email.csv
	vf_check_manifest .
	vf-audit --manifest draw.json --seed-file "$seed" --result drawn.csv --rejects /dev/null entrants.csv
	exec python3 "$vf_here/recheck-draw.py" --manifest draw.json --seed-file "$seed" --result drawn.csv entrants.csv
}

check_waves() {
	local wave
	for wave in "${waves[@]}"; do
		vf_step "check-$wave" check_wave "$wave"
		vf_step "preview-$wave" preview_wave "$wave"
	done
}

# What would be sent, to be looked at before it is: nothing leaves this machine.
preview_wave() {
	local wave=$1 at=$vf_stage/check-$1 list args=()
	[[ -n $sms_template$html ]] || return 0
	for list in "${opt_outs[@]}"; do
		vf_fetch "$list" "$at/suppress-${#args[@]}"
		args+=(--suppress "$at/suppress-${#args[@]}")
	done
	if [[ -n $sms_template ]]; then
		vf_fetch "$sms_template" "$at/sms.txt"
		vf-sms -c "$vf_stage/config.json" --wave "$wave" --template "$at/sms.txt" "${args[@]}" --dry-run \
			--stats "$at/stats.ndjson" --rejects "$at/rejects.csv" -o "$at/sms-preview.csv" "$at/sms.csv"
		vf_store "$at/sms-preview.csv" "$out/waves/$wave/sms-preview.csv"
	fi
	if [[ -n $html ]]; then
		vf_fetch "$html" "$at/email.html"
		if [[ $subject == @* ]]; then
			vf_fetch "${subject#@}" "$at/subject.txt"
			subject=@$at/subject.txt
		fi
		vf-email -c "$vf_stage/config.json" --wave "$wave" --template "$at/email.html" --subject "$subject" "${args[@]}" \
			--stats "$at/stats.ndjson" --rejects "$at/rejects.csv" -o "$at/email-preview.ndjson" "$at/email.csv"
		vf_store "$at/email-preview.ndjson" "$out/waves/$wave/email-preview.ndjson"
	fi
	[[ ! -e $at/stats.ndjson ]] || vf-tally "$at/stats.ndjson" >/dev/null
}

# How many messages, and how many parts: what an SMS costs.
show_previews() {
	local wave at
	for wave in "${waves[@]}"; do
		at=$vf_stage/check-$wave
		[[ ! -s $at/sms-preview.csv ]] || awk -F, -v wave="$wave" 'NR > 1 && $2 == "dry-run" { n++; parts += $6 }
			END { printf "  wave %s: %d SMS in %d parts (dry run)\n", wave, n, parts }' "$at/sms-preview.csv"
		[[ ! -s $at/email-preview.ndjson ]] ||
			printf '  wave %s: %d e-mail jobs (dry run)\n' "$wave" "$(wc -l <"$at/email-preview.ndjson")"
	done
}

# What runs every night on a lake, for the sample's day.
merge_sample() {
	run_part "the day's files of the lake" "$vf_here/merge.sh" daily "$sample_day" --lake "$lake" --queue "$vf_state/merged"
	run_part "the merged file in their place" "$vf_here/archive-merged.sh" --lake "$lake" --queue "$vf_state/merged"
}

fetch_stats() {
	local name names=()
	mkdir -- "$vf_stage/stats"
	vf_list "$out/stats" >"$vf_stage/names"
	while read -r name; do
		[[ $name != *.ndjson ]] || names+=("$name")
	done <"$vf_stage/names"
	cd -- "$vf_stage/stats"
	vf_fetch_from "$out/stats" "${names[@]}"
}

show_tally() {
	local name alerts=()
	(fetch_stats)
	for name in "$vf_stage"/stats/*.ndjson; do
		printf '\n%s\n' "${name##*/}"
		vf-tally "$name" || vf_fail tally "records are missing in ${name##*/}"
	done
	# All runs on one page, for those who were not there; with what was alerted, and how soon.
	[[ ! -s $vf_state/alerts.ndjson ]] || alerts=("$vf_state/alerts.ndjson")
	vf-tally --metrics --html "$vf_stage/report.html" -o "$vf_stage/report.txt" "$vf_stage"/stats/*.ndjson "${alerts[@]}" ||
		vf_fail tally "records are missing"
	vf_store "$vf_stage/report.html" "$out/report.html"
}

# count_records WAVE -- the records of its drawn, unselected, sms and email.csv, in counts.
count_records() {
	local line
	counts=('?' '?' '?' '?')
	vf_is_s3 "$out" && return
	counts=()
	while read -r line _; do
		counts+=($((line - 1)))
	done < <(cd -- "$out/waves/$1" && exec wc -l drawn.csv unselected.csv sms.csv email.csv)
}

say_where() {
	local wave first=${waves[0]} counts
	printf '\nEverything is in %s\n' "$out"
	printf '  scored/                 eligible fans, normalised\n'
	printf '  rejects/, stats/        every record that was refused, and the counts of every step\n'
	for wave in "${waves[@]}"; do
		count_records "$wave"
		printf '  waves/%s/  %6s drawn, %s standing by, %s sms, %s e-mail; draw.json, manifest.json, wave.zip, status.json\n' \
			"$wave" "${counts[@]:0:4}"
	done
	[[ -z $lake ]] || printf '  %-22s  the eligible fans as Avro, for the data lake\n' "${lake##*/}/"
	printf '  report.html             what came of it, on one page for a browser\n'
	printf '  ledger.csv              who has which code; the one that counts is in %s\n' "$vf_state"
	vf_is_s3 "$out" && return
	cat <<END

How to look at it:
  column -s, -t <$out/waves/$first/sms.csv | less -S
  less -S $out/waves/$first/sms-preview.csv          the messages, as they would be sent
  head -n 1 $out/waves/$first/email-preview.ndjson | jq -r .html
  tail -n +2 $out/rejects/score-*.csv | cut -d, -f1,4 | sort | uniq -c | sort -rn
  vf-attempt --status $vf_state/waves/$first/status.json --show
  jq . $out/waves/$first/draw.json
END
	[[ -z $sample ]] || printf '  vf-avro --decode %s/registration/*/daily-*.avro | less -S\n' "$lake"
}

build_what_is_missing
vf_need "${tools[@]}" jq zip python3
vf_begin campaign
vf_step_now=fetch
vf_config "$campaign"
vf_state_of "$out"
if ((${#waves[@]} == 0)); then
	waves=("${vf_waves[@]}")
fi
choose_seed

run_part "score and filter" "$vf_here/score-file.sh" --campaign "$campaign" --to "$out" "${score_args[@]}" \
	"${list_args[@]}" -- "${scores[@]}"
for wave in "${waves[@]}"; do
	run_part "wave $wave" "$vf_here/prepare-wave.sh" --campaign "$campaign" --to "$out" --wave "$wave" --seed-file "$seed" \
		"${wave_args[@]}" "${list_args[@]}"
done
[[ -z $sample ]] || merge_sample
printf '\n== checks\n' >&2
check_waves
show_previews
show_tally
say_where
