#!/bin/bash
# lake.sh -- the data lake as merge.sh and archive-merged.sh see it: paths, lists, messages. Sourced by both, not run.
#
#   LAKE/registration/dt=2026-12-05/NAME.avro        a day's files: what Athena's table reads
#   LAKE/registration/dt=2026-12-05/_daily-SET.avro  merged and hidden: Athena skips names that start with _
#   LAKE/registration/dt=2026-12-05/_daily-SET.json  its manifest
#   LAKE/registration/dt=2026-12-05/daily-SET.avro   in sight, in place of its sources
#   LAKE/registration/dt=2026-12/monthly-SET.avro    the same for a month: a partition of its own
#   LAKE/merged/registration/daily-2026-12-05-SET/dt=2026-12-05/NAME.avro    the sources, put away
#   LAKE/merged/registration/daily-2026-12-05-SET/_manifest.json             written last: it is done
#
# SET is 12 hex digits of the digest of the source set: paths and contents.

# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lib.sh"

lake_type=registration
# shellcheck disable=SC2034	# archive-merged.sh reads it
lake_limit=1200000000
lake_moves=300		# names a call of mv or `aws s3 mv`: its command line is bounded

# lake_open LAKE -- an absolute path or s3://, without the slash at its end.
lake_open() {
	vf_abs "${1%/}"
	lake=$REPLY
	lake_table=$lake/$lake_type
	# shellcheck disable=SC2034
	lake_archive=$lake/merged/$lake_type
	vf_is_s3 "$lake" || vf_name_parts
}

# lake_is_day DATE -- there is such a day.
lake_is_day() {
	local y m d
	[[ $1 =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})$ ]] || return 1
	y=$((10#${BASH_REMATCH[1]})) m=$((10#${BASH_REMATCH[2]})) d=$((10#${BASH_REMATCH[3]}))
	((m >= 1 && m <= 12 && d >= 1)) || return 1
	if ((m == 2)); then
		((d <= (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : 28)))
	else
		((d <= 30 + (m + m / 8) % 2))
	fi
}

# lake_tidy FOLDER... -- takes away the half-written files that killed runs left there. S3 shows none.
lake_tidy() { vf_is_s3 "$lake" || vf_drop_parts "$@"; }

# lake_list PREFIX FILE -- the objects below the table whose names begin so: path below the table, size, ETag (or -),
# separated by tabs, in byte order.
lake_list() {
	lake_list_below "$lake_table" "$1" "$2"
}

# lake_list_below ROOT PREFIX FILE
lake_list_below() {
	local key names
	if vf_is_s3 "$1"; then
		vf_place "$1"
		key=$vf_key
		vf_aws s3api list-objects-v2 --bucket "$vf_bucket" --prefix "$key/$2" >"$vf_stage/aws/list" ||
			vf_fail list "cannot list $2"
		# No object at all is an empty answer, for most.
		[[ -s $vf_stage/aws/list ]] || {
			: >"$3"
			return
		}
		jq -rn --arg root "$key/" '[inputs.Contents[]? | [(.Key | ltrimstr($root)), .Size, (.ETag | ltrimstr("\"") | rtrimstr("\""))]] | sort | .[] | @tsv' \
			"$vf_stage/aws/list" >"$3"
		return
	fi
	# Only where they may be: a lake is large.
	[[ ! -d $1 || -r $1 ]] || vf_fail list "cannot list $2"
	names=("$1/$2"*)
	[[ -e ${names[0]} ]] || {
		: >"$3"
		return
	}
	{
		cd -- "$1"
		exec find "${names[@]#"$1/"}" -ignore_readdir_race -type f -printf '%p\t%s\t-\n'
	} | LC_ALL=C sort >"$3"
}

# lake_find PREFIX -- the names alone, into lake_found.
lake_find() {
	local path rest LC_ALL=C
	lake_found=()
	if vf_is_s3 "$lake"; then
		lake_list "$1" "$vf_stage/found"
		while IFS=$'\t' read -r path rest; do
			lake_found+=("$path")
		done <"$vf_stage/found"
		return
	fi
	for path in "$lake_table/$1"* "$lake_table/$1"*/*; do
		[[ ! -f $path ]] || lake_found+=("${path#"$lake_table/"}")
	done
}

# lake_digest PATH -- BLAKE2b-256 of an object or file, in REPLY; fails when it is not there.
lake_digest() {
	REPLY=''
	if vf_is_s3 "$1"; then
		vf_fetch_if "$1" "$vf_stage/digested" || return 1
		lake_b2 "$vf_stage/digested"
		: >"$vf_stage/digested"
	else
		[[ -f $1 ]] || return 1
		lake_b2 "$1"
	fi
}

# lake_b2 FILE -- in REPLY.
lake_b2() { read -r REPLY _ < <(exec b2sum -l 256 <"$1"); }

# lake_rename FROM TO -- a whole object at any moment. S3 copies and deletes.
lake_rename() {
	if vf_is_s3 "$1"; then
		vf_aws s3 mv --only-show-errors "$1" "$2"
	else
		[[ -d ${2%/*} ]] || mkdir -p -- "${2%/*}"
		mv -f -- "$1" "$2"
		sync -- "${2%/*}"
	fi
}

# lake_move FROM TO PATH... -- from below one root to below another. Few calls for many objects: the paths are in order.
lake_move() {
	local from=$1 to=$2 path folder='' names=()
	shift 2
	for path; do
		if ((${#names[@]} > 0)) && [[ ${path%/*} != "$folder" || ${#names[@]} -ge $lake_moves ]]; then
			lake_move_names "$from/$folder" "$to/$folder" "${names[@]}"
			names=()
		fi
		folder=${path%/*}
		names+=("${path##*/}")
	done
	((${#names[@]} == 0)) || lake_move_names "$from/$folder" "$to/$folder" "${names[@]}"
}

# lake_move_names FROM TO NAME... -- from one folder to another.
lake_move_names() {
	local from=$1 to=$2 name args=()
	shift 2
	if vf_is_s3 "$from"; then
		for name; do
			args+=(--include "$name")
		done
		vf_aws s3 mv --only-show-errors --recursive "$from/" "$to/" --exclude '*' "${args[@]}" </dev/null
	else
		[[ -d $to ]] || mkdir -p -- "$to"
		mv -f -t "$to" -- "${@/#/"$from/"}"
	fi
}

# A name that is no pattern, no option and no path of its own.
lake_plain_path() { [[ $1 =~ ^dt=[0-9-]+/[A-Za-z0-9][A-Za-z0-9._=+-]*\.avro$ ]]; }

# Messages: an SQS queue by its URL, or a folder with a file for each.

lake_is_sqs() { [[ $1 == http://* || $1 == https://* ]]; }

# lake_send QUEUE FILE NAME
lake_send() {
	if lake_is_sqs "$1"; then
		vf_aws sqs send-message --queue-url "$1" --message-body "file://$2" >"$vf_stage/aws/sent" ||
			vf_fail message "cannot send the message"
	else
		vf_store "$2" "$1/$3.json"
	fi
}

# lake_receive QUEUE -- fills $vf_stage/in/ with N.json (the body) and N.handle, from 0, lake_messages of them: at most
# ten. Fails when there is none.
declare -A lake_seen=()
lake_receive() {
	local n=0 file body handle LC_ALL=C
	lake_messages=0
	if lake_is_sqs "$1"; then
		vf_aws sqs receive-message --queue-url "$1" --max-number-of-messages 10 --visibility-timeout 900 \
			>"$vf_stage/aws/received" || vf_fail message "cannot receive messages"
		[[ -s $vf_stage/aws/received ]] || return 1
		# JSON holds no NUL: a body that does is none.
		jq -j '.Messages[]? | .Body, .ReceiptHandle | (split("\u0000") | if length > 1 then "?" else .[0] // "" end) + "\u0000"' "$vf_stage/aws/received" >"$vf_stage/aws/messages"
		while IFS= read -rd '' body && IFS= read -rd '' handle; do
			printf '%s\n' "$body" >"$vf_stage/in/$n.json"
			printf '%s\n' "$handle" >"$vf_stage/in/$n.handle"
			n=$((n + 1))
		done <"$vf_stage/aws/messages"
	else
		for file in "$1"/[!.]*.json; do
			[[ -f $file && -z ${lake_seen[$file]:-} ]] || continue
			lake_seen[$file]=1
			! IFS= read -rd '' body <"$file" || body='?'
			printf %s "$body" >"$vf_stage/in/$n.json"
			printf '%s\n' "$file" >"$vf_stage/in/$n.handle"
			n=$((n + 1))
			((n < 10)) || break
		done
	fi
	# shellcheck disable=SC2034
	lake_messages=$n
	((n > 0))
}

# lake_ack QUEUE N -- this message is dealt with.
lake_ack() {
	local handle
	IFS= read -r handle <"$vf_stage/in/$2.handle"
	if lake_is_sqs "$1"; then
		vf_aws sqs delete-message --queue-url "$1" --receipt-handle "$handle" >/dev/null ||
			vf_fail message "cannot delete a message"
	else
		rm -f -- "$handle"
	fi
}
