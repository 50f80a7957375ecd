#!/bin/bash
# lib.sh -- what the scripts share: finding the tools, staging, fetch and store,
# steps, alerts, claims, the exit trap. Sourced by the scripts, not run.
#
# A path is s3://BUCKET/KEY or a plain path, alike everywhere. Nothing here ever
# puts a secret or a fan's data on a command line or on stderr.
#
# Exit statuses of the scripts are those of the tools (vf(7)), and 4: held by an operator.

# shellcheck disable=SC2034	# the scripts that source this read what it sets
set -euo pipefail
umask 077		# codes, phones and addresses go through these files

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
	sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
	exit 0
fi

vf_script=${0##*/}
vf_here=${BASH_SOURCE[0]%/*}
vf_here=${vf_here%/.}
[[ $vf_here == /* ]] || vf_here=$PWD/$vf_here
vf_alerted='' vf_stage='' vf_child='' vf_claimed='' vf_campaign='' vf_wave='' vf_step_now=start
read -r vf_host </proc/sys/kernel/hostname	# HOSTNAME may be inherited from elsewhere, and claims hang on it
vf_part=''		# vf_name_parts: the end of an unfinished file's name
vf_patience=25		# seconds that a step has to end in once it was told to
vf_space=''
vf_last=''		# a function to call before the staging folder goes, however the run ends

# Messages ------------------------------------------------------------------------------------------------------

vf_say() { printf '%s: %s\n' "$vf_script" "$*" >&2; }

vf_usage_error() {
	vf_say "$*"
	vf_say "try '$vf_script --help'"
	exit 2
}

# vf_args "$@" -- fills vf_argv: --name=value as two words, up to --.
vf_args() {
	vf_argv=()
	while (($# > 0)); do
		case $1 in
		--) vf_argv+=("$@"); return ;;
		--[a-z]*=*) vf_argv+=("${1%%=*}" "${1#*=}") ;;
		*) vf_argv+=("$1") ;;
		esac
		shift
	done
}

# vf_value OPTION VALUE... -- the option has its value.
vf_value() {
	[[ -n ${2-} ]] || vf_usage_error "$1 needs a value"
}

# The counts of this run so far, from the stats lines: numbers and reject words only. In REPLY: a shell of its own would
# be most of what that takes, here as in the others that answer so.
vf_counts() {
	local stats=$vf_stage/stats.ndjson
	REPLY=''
	[[ -n $vf_stage && -s $stats ]] || return 0
	REPLY=$(jq -rs 'map("\(.tool) in \(.in // 0) out \(.out // 0) rejected \(.rejected // 0)" +
		(if (.exit // 0) != 0 then " exit \(.exit)" else "" end)) | join("; ")' "$stats" 2>/dev/null) || :
}

# vf_tell OPTION... [FILE...] -- to Slack, with this run's stats, where there is a webhook; whatever Slack says, the run
# goes on.
vf_tell() {
	local stats=()
	[[ -n ${VF_SLACK_WEBHOOK:-} ]] || return 0
	command -v vf-slack >/dev/null || {
		vf_say "vf-slack is not installed: nobody is told in Slack"
		return 0
	}
	[[ -z $vf_stage || ! -s $vf_stage/stats.ndjson ]] || stats=("$vf_stage/stats.ndjson")
	vf-slack --title "${vf_campaign:+$vf_campaign, }${vf_wave:+wave $vf_wave, }$vf_script${VF_RUN_ID:+ ($VF_RUN_ID)}" \
		"$@" "${stats[@]}" </dev/null >&2 ||
		vf_say "vf-slack failed; the run goes on"
}

# Somebody else, a part of this run, told of the failure that ends it.
vf_told() { vf_alerted=1; }

# vf_alert STEP REASON -- for people on call: step, reason, counts; no personal data.
vf_alert() {
	local log=() REPLY
	vf_alerted=1
	vf_counts
	printf '%s: ALERT step=%s reason="%s" campaign=%s wave=%s run=%s%s\n' "$vf_script" "$1" "$2" \
		"${vf_campaign:--}" "${vf_wave:--}" "${VF_RUN_ID:--}" "${REPLY:+ counts: $REPLY}" >&2
	# By these lines vf-tally --metrics knows how long after the failure people were told.
	[[ ! -d ${vf_state:-} ]] || log=(--stats "$vf_state/alerts.ndjson")
	vf_tell --alert --step "$1" --reason "$2" "${log[@]}"
}

# vf_fail STEP REASON [STATUS] -- alert and leave; nothing of this run is stored.
vf_fail() {
	local status=${3:-1}
	case $status in
	1 | 2 | 3 | 4 | 75) ;;
	*) status=1 ;;
	esac
	vf_alert "$1" "$2"
	exit "$status"
}

# The tools -----------------------------------------------------------------------------------------------------

# Puts the tools on PATH: VF_BINDIR, else the build folder beside these scripts, else PATH as it is.
vf_find_tools() {
	local dir
	for dir in "${VF_BINDIR:-}" "$vf_here/../build/tools" "$vf_here/../build"; do
		[[ -n $dir && -x $dir/vf-score ]] || continue
		[[ $dir == /* ]] || dir=$PWD/$dir
		PATH=$dir:$PATH
		# Tools that are not installed find their data in the source tree.
		if [[ -z ${VF_DATADIR:-} && -f $vf_here/../data/phone-metadata.txt && -f $vf_here/../configure.ac ]]; then
			VF_DATADIR=$vf_here/../data
			export VF_DATADIR
		fi
		export PATH
		return 0
	done
	command -v vf-score >/dev/null
}

vf_need() {
	local tool
	vf_find_tools || :
	for tool; do
		command -v "$tool" >/dev/null || {
			vf_say "$tool is not on PATH, in VF_BINDIR or in the build folder"
			exit 2
		}
	done
}

# A run of a script ---------------------------------------------------------------------------------------------

# vf_begin PART -- run id, staging folder, traps. The run id names this part of the caller's run:
# stats of one pipeline share it, stats of two do not.
vf_begin() {
	local now
	TZ=UTC0 printf -v now '%(%y%m%dT%H%M%S)T' -1
	VF_EXECUTION_ID=${VF_EXECUTION_ID:-${VF_RUN_ID:-$now-$((RANDOM * 32768 + RANDOM))}}
	VF_RUN_ID=$VF_EXECUTION_ID.$1
	export VF_EXECUTION_ID VF_RUN_ID
	trap 'vf_at_exit $?' EXIT
	trap 'vf_on_signal TERM' TERM
	trap 'vf_on_signal INT' INT
	trap 'vf_on_signal HUP' HUP
	# mkdir takes no folder that is there already, whoever made it.
	printf -v vf_stage '%s/vf-stage.%08x' "${TMPDIR:-/tmp}" $((SRANDOM & 0xffffffff))
	[[ $vf_stage == /* ]] || vf_stage=$PWD/$vf_stage
	mkdir -- "$vf_stage" "$vf_stage/in" "$vf_stage/lists" "$vf_stage/aws" || {
		vf_stage=''
		exit 1
	}
}

vf_at_exit() {
	local status=$1
	trap - EXIT
	trap '' TERM INT HUP
	vf_stop_child
	vf_last_words
	[[ -z $vf_claimed ]] || vf_unclaim || :
	[[ -z $vf_stage ]] || rm -rf -- "$vf_stage"
	exit "$status"
}

# In a shell of its own: whatever happens there, the run ends as it was about to.
vf_last_words() {
	local words=$vf_last
	vf_last=''
	[[ -z $words ]] || ("$words") || vf_say "$words failed"
}

vf_stop_child() {
	local group=$vf_child tick
	[[ -n $group ]] || return 0
	vf_child=''
	kill -TERM -- "-$group" 2>/dev/null || return 0
	# The first of the group may end before the others have put away what they were at, or after them.
	for ((tick = 0; tick < vf_patience * 20; tick++)); do
		kill -0 -- "-$group" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL -- "-$group" 2>/dev/null || :
	wait "$group" 2>/dev/null || :
}

vf_on_signal() {
	trap '' TERM INT HUP
	vf_stop_child
	vf_alert "$vf_step_now" "stopped by SIG$1"
	# TERM is an orderly stop: safe to run again. The others end the script as they would have.
	[[ $1 == TERM ]] && exit 75
	vf_raise=$1
	trap - EXIT
	vf_last_words
	[[ -z $vf_claimed ]] || vf_unclaim || :
	rm -rf -- "${vf_stage:?}"
	trap - "$vf_raise"
	kill "-$vf_raise" $$
}

# vf_wait COMMAND... -- in a process group of its own, so that a signal to us ends all of it. Status in vf_status.
vf_wait() {
	vf_status=0
	set -m
	"$@" </dev/null &
	vf_child=$!
	set +m
	wait "$vf_child" || vf_status=$?
	vf_child=''
}

# vf_step NAME COMMAND... -- the command (or function) must succeed, or the run ends here with its status. A function runs in
# a shell of its own: it may end in an exec.
vf_step() {
	vf_step_now=$1
	shift
	vf_wait "$@"
	((vf_status == 0)) || vf_fail "$vf_step_now" "exit status $vf_status" "$vf_status"
}

# vf_worst STATUS... -- of a pipeline's statuses the one that tells why: a SIGPIPE is what another's failure did.
vf_worst() {
	local status worst=0
	for status; do
		if ((status != 0)) && { ((worst == 0)) || ((worst == 141)); }; then
			worst=$status
		fi
	done
	return "$worst"
}

# vf_conserve TOOL[,TOOL...] -- nothing was lost in this run's stats, in each step and along the chain.
vf_conserve() {
	exec vf-tally --expect "$1" "$vf_stage/stats.ndjson" >"$vf_stage/tally.txt"
}

# vf_check_manifest FOLDER -- the files that its manifest.json lists are there and are those bytes.
vf_check_manifest() {
	jq -er '.files | to_entries[] | "\(.value.blake2b)  \(.key)"' "$1/manifest.json" >"$1/digests"
	(cd -- "$1" && exec b2sum --quiet --strict -c digests)
}

# Fetch and store -----------------------------------------------------------------------------------------------

vf_is_s3() { [[ $1 == s3://* ]]; }

# vf_abs PATH -- a plain path as an absolute one, in REPLY; s3:// stays.
vf_abs() {
	REPLY=$1
	vf_is_s3 "$1" || [[ $1 == /* ]] || REPLY=$PWD/$1
}

# aws-cli 2 of Debian 12 ignores AWS_ENDPOINT_URL: said on the command line it works in all.
vf_aws() { aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"; }

# vf_place s3://BUCKET/KEY -- vf_bucket and vf_key.
vf_place() {
	vf_bucket=${1#s3://}
	vf_key=${vf_bucket#*/}
	vf_bucket=${vf_bucket%%/*}
}

# vf_fetch FROM FILE
vf_fetch() {
	if vf_is_s3 "$1"; then
		vf_aws s3 cp --only-show-errors "$1" "$2" || vf_fail fetch "cannot fetch ${1##*/}"
	else
		cp -- "$1" "$2" || vf_fail fetch "cannot read ${1##*/}"
	fi
}

# vf_fetch_if FROM FILE -- 0 fetched, 1 not there; anything else ends the run.
vf_fetch_if() {
	local said=$vf_stage/aws/fetch.err
	if ! vf_is_s3 "$1"; then
		[[ -e $1 ]] || return 1
		vf_fetch "$1" "$2"
		return
	fi
	vf_aws s3 cp --only-show-errors "$1" "$2" 2>"$said" && return 0
	grep -q -F -e '(404)' -e '(NoSuchKey)' "$said" && return 1
	cat "$said" >&2
	vf_fail fetch "cannot fetch ${1##*/}"
}

# vf_exists PATH -- 0 there, 1 not; anything else (no rights, no network) ends the run: it is no "not there".
vf_exists() {
	local answer=$vf_stage/aws/head
	if ! vf_is_s3 "$1"; then
		[[ -e $1 ]]
		return
	fi
	vf_place "$1"
	vf_aws s3api head-object --bucket "$vf_bucket" --key "$vf_key" >"$answer" 2>"$answer.err" && return 0
	grep -q -e '404' -e NoSuchKey -e 'Not Found' "$answer.err" && return 1
	cat "$answer.err" >&2
	vf_fail fetch "cannot look at ${1##*/}"
}

# vf_list FOLDER -- the names in it, one per line, in byte order.
vf_list() {
	if vf_is_s3 "$1"; then
		vf_aws s3 ls "${1%/}/" | awk '$1 != "PRE" { sub(/^[^ ]+ +[^ ]+ +[0-9]+ /, ""); print }' | LC_ALL=C sort
	else
		local LC_ALL=C path
		[[ -d $1 && -r $1 && -x $1 ]] || {
			vf_say "${1##*/}/ cannot be read"
			return 1
		}
		for path in "$1"/*; do
			[[ ! -f $path || -L $path ]] || printf '%s\n' "${path##*/}"
		done
	fi
}

# vf_store FILE TO -- whole or not at all: an object appears when it is complete, a file is renamed into place.
vf_store() {
	local dir tmp
	if vf_is_s3 "$2"; then
		vf_aws s3 cp --only-show-errors "$1" "$2" || vf_fail store "cannot store ${2##*/}"
		return
	fi
	case $2 in
	*/*) dir=${2%/*}/ ;;
	*) dir='' ;;
	esac
	[[ -d ${dir:-.} ]] || mkdir -p -- "$dir"
	if [[ -n $vf_part ]]; then
		tmp=$dir.${2##*/}.$vf_part
	else
		printf -v tmp '%s.%s.%06x' "$dir" "${2##*/}" $((SRANDOM & 0xffffff))
	fi
	if ! { dd if="$1" of="$tmp" bs=1M conv=excl,fsync status=none && mv -f -- "$tmp" "$2"; }; then
		rm -f -- "$tmp"
		vf_fail store "cannot store ${2##*/}"
	fi
}

# vf_name_parts -- from here on vf_store's unfinished files say whose they are, so that vf_drop_parts knows a dead run's.
vf_name_parts() {
	local REPLY
	vf_started $$
	vf_part=$REPLY
	vf_pid_space
	vf_part=$vf_host~${REPLY//[!0-9]/}~$$~$vf_part.part
}

# vf_drop_parts FOLDER... -- those of runs on this host that are gone.
vf_drop_parts() {
	local folder file ours=${vf_part%~*~*} REPLY
	for folder; do
		for file in "$folder"/.*."$ours"~*~*.part; do
			[[ -f $file && $file =~ ~([0-9]+)~([0-9]+)\.part$ ]] || continue
			vf_started "${BASH_REMATCH[1]}"
			[[ $REPLY == "${BASH_REMATCH[2]}" ]] || rm -f -- "$file"
		done
	done
}

# vf_fetch_from FOLDER NAME... -- into the current folder, under their own names.
vf_fetch_from() {
	local from=$1 name
	shift
	if vf_is_s3 "$from"; then
		for name; do
			vf_fetch "$from/$name" "$name"
		done
	else
		cp -- "${@/#/"$from/"}" . || vf_fail fetch "cannot read a file of ${from##*/}/"
	fi
}

# vf_store_in FOLDER FILE... -- each whole or not at all, under its own name and in this order; a few processes for all.
vf_store_in() {
	local to=$1 file tmp staged=()
	shift
	if vf_is_s3 "$to"; then
		for file; do
			vf_store "$file" "$to/${file##*/}"
		done
		return
	fi
	printf -v tmp '%s/.store.%06x' "$to" $((SRANDOM & 0xffffff))
	for file; do
		staged+=("$tmp/${file##*/}")
	done
	if ! { mkdir -p -- "$tmp" && cp -- "$@" "$tmp" && sync -- "${staged[@]}" && mv -f -t "$to" -- "${staged[@]}" && rmdir -- "$tmp"; }; then
		rm -rf -- "$tmp"
		vf_fail store "cannot store into ${to##*/}/"
	fi
}

# vf_input PATH -- an operand under its own name in the staging folder's in/; sets vf_input_name.
# The tools run there, so that rejects and manifests name files as people do.
vf_input() {
	local name=${1##*/}
	while [[ -e $vf_stage/in/$name || -L $vf_stage/in/$name ]]; do
		name=_$name
	done
	vf_input_name=$name
	if vf_is_s3 "$1"; then
		vf_fetch "$1" "$vf_stage/in/$name"
	else
		[[ -r $1 ]] || {
			vf_say "$1: cannot be read"
			exit 2
		}
		vf_abs "$1"
		ln -s -- "$REPLY" "$vf_stage/in/$name"
	fi
}

# Options that go to vf-filter ----------------------------------------------------------------------------------

vf_filter_help() {
	cat <<'END'
Options for vf-filter (FILE: s3:// or a plain path; all lists may be repeated):
      --blacklist FILE       addresses, domains and patterns that may not take part
      --whitelist FILE       goes before the blacklist and the disposable domains
      --opt-out FILE         a phone stops SMS, an address stops e-mail, an id both
      --disposable FILE      instead of the installed list of disposable domains
      --no-disposable        do not look for disposable domains
      --exclude FILE         fans that may not take part: a ledger, or CSV with globalUserId
      --region CC            region of phones without a calling code (US)
      --strict-phone         reject numbers that are possible but not valid
      --max-per-phone N      at most N fans a phone
      --max-per-email N      at most N fans a mailbox
END
}

vf_filter_args=() vf_has_opt_out=''

# vf_filter_option OPTION [VALUE] -- 0 when it is one of them; vf_taken says how many words it was.
vf_filter_option() {
	vf_taken=2
	case $1 in
	--blacklist | --whitelist | --opt-out | --disposable | --exclude)
		vf_value "$@"
		[[ $1 != --opt-out ]] || vf_has_opt_out=1
		vf_abs "$2"
		vf_filter_args+=("${1/#--[bw]*list/--email-${1#--}}" "@$REPLY")
		;;
	--region | --max-per-phone | --max-per-email)
		vf_value "$@"
		vf_filter_args+=("$1" "$2")
		;;
	--no-disposable | --strict-phone)
		vf_taken=1
		vf_filter_args+=("$1")
		;;
	*) return 1 ;;
	esac
}

# Fetches the lists that are objects and makes vf_filter what vf-filter is called with.
vf_filter_ready() {
	local arg n=0
	vf_filter=()
	for arg in "${vf_filter_args[@]}"; do
		if [[ $arg == @s3://* ]]; then
			n=$((n + 1))
			vf_fetch "${arg#@}" "$vf_stage/lists/$n-${arg##*/}"
			arg=$vf_stage/lists/$n-${arg##*/}
		fi
		vf_filter+=("${arg#@}")
	done
}

# The configuration ---------------------------------------------------------------------------------------------

# vf_config PATH -- fetched to the staging folder and checked as a whole, before anything is made; sets vf_campaign,
# vf_code_type and vf_waves.
vf_config() {
	local shown=$1 words
	vf_is_s3 "$1" || [[ -r $1 ]] || {
		vf_say "$1: cannot be read"
		exit 2
	}
	vf_fetch "$1" "$vf_stage/config.json"
	! vf_is_s3 "$1" || shown=$vf_stage/config.json
	vf-score -c "$shown" --no-header --columns globalUserId,score -o /dev/null </dev/null || exit 2
	words=$(jq -r 'if (.id | type) == "string" then .id, .codeType // "generated", .waves[]?.id else error end' \
		"$vf_stage/config.json" 2>/dev/null) || {
		vf_say "${1##*/}: \$.id: no campaign id"
		exit 2
	}
	mapfile -t vf_waves <<<"$words"
	vf_campaign=${vf_waves[0]} vf_code_type=${vf_waves[1]} vf_waves=("${vf_waves[@]:2}")
	vf_plain_id "$vf_campaign" || {
		vf_say "${1##*/}: \$.id: an id of letters, digits, dot, dash and underscore is needed: it names folders"
		exit 2
	}
}

# vf_need_wave ID FILE -- the configuration, which is called so, has it.
vf_need_wave() {
	local wave
	for wave in "${vf_waves[@]}"; do
		[[ $wave != "$1" ]] || return 0
	done
	vf_usage_error "$2: no wave $1"
}

vf_plain_id() { [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$ ]]; }

# Where the ledger and the working copy of the status live: VF_STATE_DIR, which outlives the task.
# A plain tree may hold it itself; for s3:// it must be named. The folder is made, the wave's in it too.
vf_state_of() {
	if [[ -n ${VF_STATE_DIR:-} ]]; then
		vf_abs "$VF_STATE_DIR"
		vf_state=$REPLY/$vf_campaign
	elif vf_is_s3 "$1"; then
		vf_say "VF_STATE_DIR must name a folder that outlives this task (ledger and status live there)"
		exit 2
	else
		vf_state=$1/state
	fi
	[[ -d $vf_state${vf_wave:+/waves/$vf_wave} ]] || mkdir -p -- "$vf_state${vf_wave:+/waves/$vf_wave}"
}

# Claims --------------------------------------------------------------------------------------------------------
# One object per campaign and wave says who is at work on it. Made so that it cannot be there before:
# --if-none-match '*' in S3, O_EXCL on disk. The same execution may come back to its own claim.

# The aws-cli must know conditional writes: Debian's 2.9.19 would silently do without.
vf_need_conditional() {
	local skeleton
	vf_is_s3 "$1" || return 0
	skeleton=$(vf_aws s3api put-object --generate-cli-skeleton) || vf_fail claim "the aws command does not work" 2
	[[ $skeleton == *IfNoneMatch* ]] || {
		vf_say "this aws-cli has no --if-none-match and --if-match: claims would not hold; take 1.35, 2.22 or later"
		exit 2
	}
}

vf_my_claim() {
	local time owner='\u' started execution REPLY
	TZ=UTC0 printf -v time '%(%Y-%m-%dT%H:%M:%SZ)T' -1
	owner=${owner@P}	# the user's name as a prompt shows it
	[[ $owner != *' '* ]] || owner=$UID
	vf_json "$VF_EXECUTION_ID"
	execution=$REPLY
	vf_started $$
	started=$REPLY
	vf_pid_space
	printf '{\n  "owner": "%s",\n  "host": "%s",\n  "execution": %s,\n  "time": "%s",\n  "pid": %d,\n  "started": "%s",\n  "space": "%s"\n}\n' \
		"$owner" "$vf_host" "$execution" "$time" $$ "$started" "$REPLY"
}

# vf_json TEXT -- as a JSON string, in REPLY.
vf_json() {
	local i part out=''
	REPLY=${1//\\/\\\\}
	REPLY=${REPLY//\"/\\\"}
	if [[ $REPLY == *[$'\1'-$'\37']* ]]; then
		for ((i = 0; i < ${#REPLY}; i++)); do
			part=${REPLY:i:1}
			[[ $part != [$'\1'-$'\37'] ]] || printf -v part '\\u%04x' "'$part"
			out+=$part
		done
		REPLY=$out
	fi
	REPLY=\"$REPLY\"
}

# vf_started PID -- when it started, as the kernel counts, in REPLY: tells a process from a later one of the same number.
vf_started() {
	local line fields
	REPLY=''
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 0
	read -ra fields <<<"${line##*) }"
	REPLY=${fields[19]}
}

# Containers of one host count their processes apart: which of them, in REPLY.
vf_pid_space() {
	vf_space=${vf_space:-$(readlink /proc/self/ns/pid)} || :
	REPLY=$vf_space
}

vf_claim_holder() {
	jq -r '"\(.owner) on \(.host), execution \(.execution), since \(.time)"' "$1" 2>/dev/null || echo 'unknown'
}

# vf_claim PATH BREAK -- ours, or the run ends with 75 naming the holder. BREAK not empty: taken from the holder.
vf_claim() {
	local mine=$vf_stage/claim.mine theirs=$vf_stage/claim.theirs
	vf_step_now=claim
	vf_my_claim >"$mine"
	if vf_is_s3 "$1"; then
		vf_claim_object "$1" "$2" "$mine" "$theirs"
	else
		[[ -d ${1%/*} ]] || mkdir -p -- "${1%/*}"
		vf_claim_file "$1" "$2" "$mine" "$theirs"
	fi
	vf_claimed=$1
}

vf_claim_held() {	# PATH THEIRS
	vf_say "${vf_claim_what:-this wave} is claimed by $(vf_claim_holder "$2"); if that is over: --break-claim"
	vf_fail claim "claimed by another run" 75
}

# True when the claim's process ran on this host and is gone: nobody can come back to it.
vf_claim_stale() {
	local host pid started REPLY
	{ IFS= read -r host && read -r pid && IFS= read -r started; } < <(jq -r '"\(.host) \(.space)", .pid // 0, .started // ""' "$1" 2>/dev/null) ||
		return 1
	vf_pid_space
	[[ $host == "$vf_host $REPLY" && $pid =~ ^[1-9][0-9]*$ && -n $started ]] || return 1
	vf_started "$pid"
	[[ $REPLY != "$started" ]]
}

vf_claim_file() {
	local path=$1 break=$2 mine=$3 theirs=$4 claim
	IFS= read -rd '' claim <"$mine" || :
	if (set -o noclobber && printf '%s' "$claim" >"$path") 2>/dev/null; then
		return
	fi
	[[ -e $path ]] || vf_fail claim "cannot write the claim"
	# Taking over is itself one at a time: without the lock two could both remove the other's.
	exec 9>>"${vf_claim_lock:-${vf_state:-}/waves/$vf_wave/claim.lock}"
	flock 9
	cat "$path" >"$theirs" 2>/dev/null || : >"$theirs"
	if [[ $(jq -r '.execution // ""' "$theirs" 2>/dev/null) != "$VF_EXECUTION_ID" ]]; then
		if [[ -n $break ]]; then
			vf_say "breaking the claim of $(vf_claim_holder "$theirs")"
		elif vf_claim_stale "$theirs"; then
			vf_say "the claim of $(vf_claim_holder "$theirs") is left over: its process is gone"
		elif [[ -e $path ]]; then
			vf_claim_held "$path" "$theirs"
		fi
	fi
	cat "$mine" >"$path.new"
	mv -f -- "$path.new" "$path"
	exec 9>&-
}

vf_claim_object() {
	local path=$1 break=$2 mine=$3 theirs=$4 bucket key etag
	vf_place "$path"
	bucket=$vf_bucket key=$vf_key
	if vf_aws s3api put-object --bucket "$bucket" --key "$key" --body "$mine" --if-none-match '*' \
		>"$vf_stage/aws/claim" 2>"$vf_stage/aws/claim.err"; then
		return
	fi
	grep -q -e PreconditionFailed -e ConditionalRequestConflict "$vf_stage/aws/claim.err" || {
		cat "$vf_stage/aws/claim.err" >&2
		vf_fail claim "cannot write the claim"
	}
	vf_aws s3api get-object --bucket "$bucket" --key "$key" "$theirs" >"$vf_stage/aws/claim" ||
		vf_fail claim "the claim changed under us" 75
	if [[ $(jq -r '.execution // ""' "$theirs" 2>/dev/null) != "$VF_EXECUTION_ID" ]]; then
		[[ -n $break ]] || vf_claim_held "$path" "$theirs"
		vf_say "breaking the claim of $(vf_claim_holder "$theirs")"
	fi
	# Only the claim that we saw is replaced, no newer one.
	etag=$(jq -r '.ETag' "$vf_stage/aws/claim")
	vf_aws s3api put-object --bucket "$bucket" --key "$key" --body "$mine" --if-match "$etag" \
		>"$vf_stage/aws/claim" 2>"$vf_stage/aws/claim.err" || vf_fail claim "the claim changed under us" 75
}

# Removes our claim, and only ours.
vf_unclaim() {
	local path=$vf_claimed theirs=$vf_stage/claim.theirs mine its
	vf_claimed=''
	if vf_is_s3 "$path"; then
		vf_aws s3 cp --only-show-errors "$path" "$theirs" 2>/dev/null || return 0
	else
		theirs=$path
		[[ -r $path ]] || return 0
	fi
	IFS= read -rd '' mine <"$vf_stage/claim.mine" || :
	IFS= read -rd '' its <"$theirs" || :
	[[ $its == "$mine" ]] || return 0
	if vf_is_s3 "$path"; then
		vf_place "$path"
		vf_aws s3api delete-object --bucket "$vf_bucket" --key "$vf_key" >/dev/null
	else
		rm -f -- "$path"
	fi
}
