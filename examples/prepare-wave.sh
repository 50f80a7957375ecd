#!/bin/bash
# prepare-wave.sh -- the files of one wave: filter, draw, audit, codes, ledger, wave, zip; under vf-attempt.
# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lib.sh"

usage() {
	cat <<'END'
Usage: prepare-wave.sh --to TREE --wave ID --seed-file FILE [OPTION...] [SCORED...]

Draws a wave from TREE/scored/*.csv (or from SCORED...), gives every fan drawn one
code, and stores TREE/waves/ID/: entrants, drawn, unselected, sms, email and codes
.csv, wave.zip, draw.json, manifest.json, status.json; TREE/rejects/wave-ID.csv,
TREE/stats/wave-ID.ndjson and a copy of the ledger. Data first, manifests last,
nothing before all of it succeeded. TREE: s3://BUCKET/KEY or a plain folder.

Runs under vf-attempt: one try and two more; a wave that is prepared is left alone.
The same seed draws the same fans again, and the ledger keeps every code with its
fan, so running it again is always safe. Give the same lists as to score-file.sh,
or newer ones: tags are judged again.

  -c, --campaign C.json      the configuration; default: TREE/config.json
      --to TREE              the campaign's tree
      --wave ID              the wave
      --seed-file FILE       the draw's seed (vf-seed new); it stays out of the tree
      --beacon HEX           the public beacon that the draw was announced with
      --codes FILE           codes to give out (CSV with code); default: made by vf-codegen;
                             needed for codeType external, not used for TM
      --notify-date T        instead of the configuration's
      --now T                what to take for now when the notify date is judged
      --late                 allow less than a day until the notify date
      --retries N            more tries after the first (2)
      --wait S               seconds between tries (60)
      --again                prepare a wave once more that is prepared: a raised limit, new opt-outs
      --break-claim          take the claim over from a run that is gone, and say whose it was
  -h, --help                 this text
END
	vf_filter_help
	cat <<'END'
Environment: VF_STATE_DIR (the ledger and the status live there; default for a plain
TREE: TREE/state), VF_EXECUTION_ID or VF_RUN_ID (who we are: a claim lets the same
execution in again), VF_BINDIR, VF_DATADIR, TMPDIR, AWS_ENDPOINT_URL.
Exit: 0 prepared; 1 failed; 2 usage or configuration; 3 too many rejects; 75 run it
again (interrupted, or another run holds the wave).
END
}

vf_args "$@"
set -- "${vf_argv[@]}"
argv=("$@")
campaign='' to='' wave='' seed='' codes='' retries=2 wait=60 again='' break='' body='' draw_args=() wave_args=()
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	-c | --campaign) vf_value "$@"; campaign=$2; shift 2 ;;
	--to) vf_value "$@"; to=$2; shift 2 ;;
	--wave) vf_value "$@"; wave=$2; shift 2 ;;
	--seed-file) vf_value "$@"; seed=$2; shift 2 ;;
	--beacon) vf_value "$@"; draw_args+=("$1" "$2"); shift 2 ;;
	--codes) vf_value "$@"; codes=$2; shift 2 ;;
	--notify-date | --now) vf_value "$@"; wave_args+=("$1" "$2"); shift 2 ;;
	--late) wave_args+=("$1"); shift ;;
	--retries) vf_value "$@"; retries=$2; shift 2 ;;
	--wait) vf_value "$@"; wait=$2; shift 2 ;;
	--again) again=1; shift ;;
	--break-claim) break=1; shift ;;
	--body) body=1; shift ;;		# what vf-attempt runs: not for people
	--) shift; break ;;
	-*) vf_filter_option "$@" || vf_usage_error "unknown option $1"; shift "$vf_taken" ;;
	*) break ;;
	esac
done
[[ -n $to && -n $wave && -n $seed ]] || vf_usage_error "--to, --wave and --seed-file are needed"
vf_plain_id "$wave" || vf_usage_error "--wave: letters, digits, dot, dash and underscore: it names a folder"
[[ -r $seed ]] || vf_usage_error "$seed: cannot be read"
vf_abs "${to%/}"
to=$REPLY
vf_abs "$seed"
seed=$REPLY
vf_abs "${campaign:-$to/config.json}"
campaign=$REPLY
vf_wave=$wave

# The steps -----------------------------------------------------------------------------------------------------
# Each runs in the staging folder. Tools with lasting effects read a named file that came from -o.

logs=(--stats ../stats.ndjson --rejects ../rejects.csv)

make_entrants() {
	cd -- "$vf_stage/in"
	# The fans of other waves. Our own stay: after a try that failed they hold codes, and must be drawn again.
	# From the end: an id or a code may not hold a comma, but only we write the last two columns.
	awk -F, -v wave="$wave" 'NR == 1 || $(NF - 1) != wave' "$ledger" >../others.csv
	exec vf-filter -c ../config.json "${logs[@]}" "${vf_filter[@]}" --exclude ../others.csv -o ../entrants.csv -- "${inputs[@]}"
}

draw_wave() {
	cd -- "$vf_stage"
	exec vf-draw -c config.json --wave "$wave" --seed-file "$seed" "${draw_args[@]}" --stats stats.ndjson --rejects rejects.csv \
		--manifest draw.json --unselected unselected.csv -o drawn.csv entrants.csv
}

audit_draw() {
	cd -- "$vf_stage"
	exec vf-audit --manifest draw.json --seed-file "$seed" --result drawn.csv --rejects /dev/null entrants.csv >&2
}

# The notify date is judged before codes are given out, on a stream without records.
judge_date() {
	cd -- "$vf_stage"
	exec vf-wave -c config.json --wave "$wave" "${wave_args[@]}" --out judged <<<globalUserId,email,phone,code,codeType
}

make_codes() {
	cd -- "$vf_stage"
	local n
	# No record spans lines between tools, so lines are records.
	n=$(($(wc -l <drawn.csv) - 1))
	if ((n == 0)); then
		echo code >new-codes.csv
	else
		exec vf-codegen -c config.json -n "$n" --exclude "$ledger" --stats stats.ndjson -o new-codes.csv
	fi
}

assign_codes() {
	cd -- "$vf_stage"
	local args=(--tm)
	[[ $vf_code_type == TM ]] || args=(--codes new-codes.csv --code-type "$vf_code_type")
	exec vf-assign -c config.json --wave "$wave" "${args[@]}" --ledger "$ledger" --stats stats.ndjson --rejects rejects.csv \
		-o assigned.csv drawn.csv
}

# Whoever holds a code of this wave should be among those drawn. When lists or limits changed
# between tries some may not be: they keep the code, get no message, and somebody should know.
count_left_out() {
	cd -- "$vf_stage"
	local held drawn
	read -r held drawn < <(awk -F, -v wave="$wave" 'FILENAME == ARGV[1] { held += FNR > 1 && $(NF - 1) == wave && $(NF - 3) != "void"; next }
		END { print held + 0, FNR - 1 }' "$ledger" assigned.csv)
	if ((held > drawn)); then
		vf_alert left-out "$((held - drawn)) fans hold a code of this wave and are no longer drawn"
	fi
}

write_wave() {
	cd -- "$vf_stage"
	exec vf-wave -c config.json --wave "$wave" "${wave_args[@]}" --stats stats.ndjson --rejects rejects.csv --out wave assigned.csv
}

zip_wave() {
	cd -- "$vf_stage/wave"
	local files=(codes.csv sms.csv email.csv manifest.json)
	# The same bytes again for the same wave: the only time in the archive is the wave's.
	TZ=UTC touch -d "$(jq -r '[.. | .notifyDate? // empty][0] // "2000-01-01T00:00:00Z"' manifest.json)" "${files[@]}"
	TZ=UTC exec zip -q -X ../wave.zip "${files[@]}"
}

store_wave() {
	local at=$to/waves/$wave
	cd -- "$vf_stage"
	vf_store_in "$at" entrants.csv drawn.csv unselected.csv wave/{codes,sms,email}.csv wave.zip
	vf_store "$vf_stage/rejects.csv" "$to/rejects/wave-$wave.csv"
	vf_store "$vf_stage/stats.ndjson" "$to/stats/wave-$wave.ndjson"
	store_ledger
	vf_store_in "$at" draw.json wave/manifest.json
}

# The copy in S3 is shared: it is replaced only while it is the one that we saw.
store_ledger() {
	local args=(--if-none-match '*')
	if ! vf_is_s3 "$to"; then
		vf_store "$ledger" "$to/ledger.csv"
		return
	fi
	[[ -z $ledger_etag ]] || args=(--if-match "$ledger_etag")
	vf_place "$to"
	vf_aws s3api put-object --bucket "$vf_bucket" --key "$vf_key/ledger.csv" --body "$ledger" "${args[@]}" \
		>"$vf_stage/aws/ledger" || vf_fail store "the stored ledger changed under us" 75
}

# What vf-attempt runs --------------------------------------------------------------------------------------------

fetch_all() {
	local name
	vf_step_now=fetch
	inputs=()
	if (($# == 0)); then
		vf_list "$to/scored" >"$vf_stage/names" || vf_fail fetch "cannot list scored/"
		while read -r name; do
			[[ $name != *.csv ]] || set -- "$@" "$to/scored/$name"
		done <"$vf_stage/names"
	fi
	(($# > 0)) || vf_fail fetch "nothing in scored/" 2
	for name; do
		vf_input "$name"
		inputs+=("$vf_input_name")
	done
	vf_filter_ready
	[[ -z $codes ]] || vf_fetch "$codes" "$vf_stage/new-codes.csv"
	open_ledger
	need_opt_out
}

# The ledger in the state folder is the one that counts; when that folder is new, the stored copy is where to go on.
open_ledger() {
	ledger=$vf_state/ledger.csv
	ledger_etag=''
	if vf_exists "$to/ledger.csv"; then
		! vf_is_s3 "$to" || ledger_etag=$(jq -r .ETag "$vf_stage/aws/head")
		if [[ ! -e $ledger ]]; then
			vf_say "no ledger in the state folder: going on from the stored copy"
			vf_fetch "$to/ledger.csv" "$ledger.new"
			mv -- "$ledger.new" "$ledger"
		fi
	fi
	if [[ ! -s $ledger ]]; then
		echo globalUserId,code,codeType,campaignId,waveId,assignedAt >"$vf_stage/no-ledger.csv"
	fi
}

# Filtering again without the opt-out list would take the opt-out tags away again.
need_opt_out() {
	local name
	[[ -z $vf_has_opt_out ]] || return 0
	for name in "${inputs[@]}"; do
		if grep -q -e 'sms-opt-out' -e 'email-opt-out' "$vf_stage/in/$name"; then
			vf_say "$name was made with an opt-out list: give --opt-out here too, its tags are judged again"
			exit 2
		fi
	done
}

run_body() {
	local status_file=$vf_state/waves/$wave/status.json
	[[ ! -s $status_file ]] || vf_store "$status_file" "$to/waves/$wave/status.json"
	fetch_all "$@"
	[[ -s $ledger ]] || ledger_or_empty=$vf_stage/no-ledger.csv
	vf_step filter with_ledger make_entrants
	vf_step draw draw_wave
	vf_step audit audit_draw
	vf_step date judge_date
	if [[ $vf_code_type == generated && -z $codes ]]; then
		vf_step codes with_ledger make_codes
	elif [[ $vf_code_type == external && -z $codes ]]; then
		vf_fail codes "codeType external needs --codes" 2
	fi
	vf_step assign assign_codes
	vf_step left-out count_left_out
	vf_step wave write_wave
	vf_step zip zip_wave
	vf_step conservation vf_conserve vf-filter,vf-draw,vf-assign,vf-wave
	vf_step_now=store
	store_wave
	vf_counts
	vf_say "stored waves/$wave/ ($REPLY)"
	vf_tell --timeout 10s
}

# A ledger that is not there yet reads as one without lines.
ledger_or_empty=''
with_ledger() {
	ledger=${ledger_or_empty:-$ledger}
	"$@"
}

# The outer run -------------------------------------------------------------------------------------------------

attempt() {
	local args=(--status "$vf_state/waves/$wave/status.json" --step prepare)
	if [[ -n $again ]]; then
		vf-attempt "${args[@]}" -c "$vf_stage/config.json" --wave "$wave" --set planned
		vf-attempt "${args[@]}" -c "$vf_stage/config.json" --wave "$wave" --reset
	fi
	exec vf-attempt "${args[@]}" -c "$vf_stage/config.json" --wave "$wave" --from planned --then prepared \
		--retries "$retries" --wait "$wait" -- "${BASH_SOURCE[0]}" --body "${argv[@]}"
}

run_outer() {
	local status_file=$vf_state/waves/$wave/status.json stored=$to/waves/$wave/status.json
	vf_need_conditional "$to"
	vf_claim "$to/waves/$wave/claim.json" "$break"
	if [[ ! -e $status_file ]] && vf_exists "$stored"; then
		vf_fetch "$stored" "$status_file"
	fi
	vf_step_now=attempt
	vf_wait attempt
	vf_step_now=store
	[[ ! -s $status_file ]] || vf_store "$status_file" "$stored"
	((vf_status == 0)) || vf_fail prepare "not prepared: exit status $vf_status" "$vf_status"
	vf_exists "$to/waves/$wave/manifest.json" ||
		vf_fail prepare "the status says prepared, but this tree has no such wave: --again, or another VF_STATE_DIR"
}

vf_begin "wave-$wave${body:+.$$}"
vf_need vf-score vf-filter vf-draw vf-audit vf-codegen vf-assign vf-wave vf-attempt vf-tally jq zip
vf_config "$campaign"
vf_need_wave "$wave" "${campaign##*/}"
vf_state_of "$to"
if [[ -n $body ]]; then
	run_body "$@"
else
	run_outer
fi
