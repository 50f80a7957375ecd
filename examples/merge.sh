#!/bin/bash
# merge.sh -- a day's or a month's files of the lake into one, hidden until archive-merged.sh has put its sources away.
# shellcheck source=lake.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lake.sh"

usage() {
	cat <<'END'
Usage: merge.sh daily|monthly DATE --lake LAKE --queue QUEUE [OPTION...]

Merges the files of a day (DATE 2026-12-05) or of a month (2026-12), every record
checked, into one object that is hidden from readers, checks it by reading it back,
and sends the message "merge completed" with the manifest. archive-merged.sh takes
the message, puts the sources away and brings the merged object into sight. The
sources stay where they are until then, and for good when anything is refused.

A day's files are LAKE/registration/dt=DATE/*.avro but those merged before; a month's
are all files of its days, merged or not. The merged object is named by its source
set: the same files replace it, late files make a second one. Running it again is
always safe.

      --lake LAKE        s3://BUCKET/KEY or a plain folder
      --queue QUEUE      an SQS queue's URL, or a plain folder that gets a file
      --max-size SIZE    the most bytes of the merged object (1.2GB)
      --codec CODEC      null, deflate or snappy (the first file's)
      --threads N        workers that inflate, check and compress (1)
      --engine ENGINE    local (default), or athena: Athena reads the sources, for a lake in
                         S3 that outgrows one machine (examples/README.md); with it:
      --database NAME    of the lake's table (default)
      --table NAME       the lake's table (registration)
      --workgroup NAME   Athena's workgroup (primary)
      --results URL      where Athena puts its answers: s3://...; else the workgroup's place
      --wait S           give a statement up after so many seconds (1800)
  -h, --help             this text

The last line on standard output is JSON: what was merged, files, records, bytes,
refused files.
Environment: VF_BINDIR, TMPDIR (S3: room for the sources and the merged object),
AWS_ENDPOINT_URL.
Exit: 0 merged, or nothing to merge; 1 failed or refused: nothing is stored; 2 usage;
75 run it again (interrupted, or the files changed meanwhile).
END
}

vf_args "$@"
set -- "${vf_argv[@]}"
kind='' period='' lake='' queue='' max_size=1.2GB merge_args=()
engine=local database=default table=registration workgroup=primary results='' patience=1800
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--lake) vf_value "$@"; lake=$2; shift 2 ;;
	--queue) vf_value "$@"; queue=$2; shift 2 ;;
	--max-size) vf_value "$@"; max_size=$2; shift 2 ;;
	--engine) vf_value "$@"; engine=$2; shift 2 ;;
	--database) vf_value "$@"; database=$2; shift 2 ;;
	--table) vf_value "$@"; table=$2; shift 2 ;;
	--workgroup) vf_value "$@"; workgroup=$2; shift 2 ;;
	--results) vf_value "$@"; results=${2%/}/; shift 2 ;;
	--wait) vf_value "$@"; patience=$2; shift 2 ;;
	--codec | --threads) vf_value "$@"; merge_args+=("$1" "$2"); shift 2 ;;
	-*) vf_usage_error "unknown option $1" ;;
	*)
		if [[ -z $kind ]]; then kind=$1; elif [[ -z $period ]]; then period=$1; else vf_usage_error "what is $1?"; fi
		shift
		;;
	esac
done
case $kind in
daily) lake_is_day "$period" || vf_usage_error "a day is needed: daily 2026-12-05" ;;
monthly) [[ $period =~ ^[0-9]{4}-(0[1-9]|1[0-2])$ ]] || vf_usage_error "a month is needed: monthly 2026-12" ;;
*) vf_usage_error "daily or monthly is needed" ;;
esac
[[ -n $lake && -n $queue ]] || vf_usage_error "--lake and --queue are needed"
lake_is_sqs "$queue" || { vf_abs "${queue%/}"; queue=$REPLY; }
lake_open "$lake"
case $engine in
local) ;;
athena)
	# shellcheck source=lake-athena.sh
	. "$vf_here/lake-athena.sh"
	athena_open
	merge_args+=(--split)
	;;
*) vf_usage_error "--engine is local or athena" ;;
esac

# list_sources FILE -- what a reader sees of the period, and is not merged for it already.
list_sources() {
	local path rest
	lake_list "dt=$period" "$vf_stage/listed"
	while IFS=$'\t' read -r path rest; do
		case $kind:$path in
		*/_* | */.* | *:*/*/*) continue ;;
		daily:"dt=$period/daily-"*) continue ;;
		daily:"dt=$period/"*.avro | monthly:"dt=$period-"??/*.avro) ;;
		*) continue ;;
		esac
		lake_plain_path "$path" || vf_fail list "a name that is not allowed: letters, digits and . _ = + - are" 1
		printf '%s\t%s\n' "$path" "$rest"
	done <"$vf_stage/listed" >"$1"
}

fetch_sources() {
	local folder path rest skip=(--exclude '_*' --exclude '.*')
	[[ $kind != daily ]] || skip+=(--exclude 'daily-*')
	while IFS=$'\t' read -r path rest; do
		printf '%s\n' "$path"
	done <"$vf_stage/sources" >"$vf_stage/paths"
	if ! vf_is_s3 "$lake"; then
		source_root=$lake_table
		return
	fi
	source_root=$vf_stage/in
	while read -r folder; do
		mkdir -p -- "$source_root/$folder"
		vf_aws s3 cp --only-show-errors --recursive "$lake_table/$folder/" "$source_root/$folder/" "${skip[@]}" </dev/null || vf_fail fetch "cannot fetch the files of $folder"
	done < <(sed 's,/.*,,' "$vf_stage/paths" | LC_ALL=C sort -u)
}

merge_sources() {
	cd -- "$source_root"
	vf-merge --strict --type "$lake_type" --max-size "$max_size" "${merge_args[@]}" --files-from "$vf_stage/paths" \
		--stats "$vf_stage/stats.ndjson" --manifest "$vf_stage/merged.json" -o "$vf_stage/merged.avro"
}

# The digest of the source set: what was read, under which paths. Athena's sources are not read here: their list is it. Sets set.
name_set() {
	local of=$vf_stage/sources REPLY
	if [[ $engine != athena ]]; then
		of=$vf_stage/set
		jq -r '[.sources[] | "\(.blake2b)  \(.path)"] | sort | .[]' "$vf_stage/merged.json" >"$of"
	fi
	lake_b2 "$of"
	set=${REPLY:0:12}
}

# The manifest of the lake: paths below the table, and the sources' ETags. The message holds it, or only says where it is
# when a queue would not take it. Sets to_store: FILE HIDDEN DIGEST RECORDS of each output.
make_manifest() {
	local lines
	mapfile -t lines < <(jq -rc --arg kind "$kind" --arg period "$period" --arg set "$set" --arg type "$lake_type" \
		--arg whole "$([[ $engine == athena ]] || echo "$vf_stage/merged.avro")" --rawfile sources "$vf_stage/sources" '
		($sources | split("\n") | map(select(. != "") | split("\t") | {key: .[0], value: .[2]}) | from_entries) as $etags |
		"dt=\($period)/" as $folder | "\($kind)-\($set)" as $name | (.outputs | length > 1) as $several |
		[.outputs[].path | if $whole != "" then $whole else . end] as $files |
		{kind: $kind, period: $period, set: $set, table: $type, schema, codec,
		 outputs: [.outputs[] | "\($name)\(if $several then "-" + (.path | sub("[.]avro$"; "") | .[-4:]) else "" end).avro" as $name |
			{hidden: "\($folder)_\($name)", visible: "\($folder)\($name)", size, records, blake2b}],
		 sources: [.sources[] | . + {etag: $etags[.path]}]} as $manifest |
		{event: "merge completed", table: $type, $kind, $period, $set, manifestPath: "\($folder)_\($name).json"} as $message |
		$manifest, ($message + {$manifest} | if tojson | utf8bytelength > 200000 then $message else . end),
		($manifest.outputs | to_entries[] | [$files[.key], .value.hidden, .value.blake2b, .value.records] | @tsv)' "$vf_stage/merged.json")
	((${#lines[@]} > 2)) || vf_fail manifest "cannot make the manifest"
	printf '%s\n' "${lines[0]}" >"$vf_stage/manifest.json"
	printf '%s\n' "${lines[1]}" >"$vf_stage/message.json"
	to_store=("${lines[@]:2}")
}

# Nobody replaced a source while it was fetched and merged.
check_sources() {
	local before after
	list_sources "$vf_stage/again"
	mapfile -t before <"$vf_stage/sources"
	mapfile -t after <"$vf_stage/again"
	[[ "${before[*]}" != "${after[*]}" ]] || return 0
	# Late files may have come: they are not ours. Ours must be as they were.
	[[ -z $(LC_ALL=C comm -23 "$vf_stage/sources" "$vf_stage/again") ]] || vf_fail sources "files changed while they were merged" 75
}

# Each object is stored and read back: its digest, and every record of it once more.
store_objects() {
	local line file hidden digest records back REPLY
	for line in "${to_store[@]}"; do
		IFS=$'\t' read -r file hidden digest records <<<"$line"
		vf_step_now=store
		vf_store "$file" "$lake_table/$hidden"
		back=$lake_table/$hidden
		if vf_is_s3 "$lake"; then
			back=$vf_stage/back.avro
			vf_fetch "$lake_table/$hidden" "$back"
		fi
		lake_b2 "$back"
		[[ $REPLY == "$digest" ]] || vf_fail read-back "what was stored is not what was merged"
		vf_step read-back check_back "$back" "$records"
	done
}

check_back() {
	local lines REPLY
	cd -- "$vf_stage"
	vf-merge --dry-run --type "$lake_type" --max-size "$max_size" --stats back.ndjson "$1"
	mapfile -t lines <back.ndjson
	count_of in "${lines[-1]}"
	[[ $REPLY == "$2" ]]
}

# statistics RESULT
statistics() {
	local line='' sources files records bytes refused REPLY
	[[ ! -e $vf_stage/stats.ndjson ]] || IFS= read -r line <"$vf_stage/stats.ndjson" || :
	count_of files "$line"
	files=$REPLY
	if [[ $engine == athena ]]; then
		# Its files that came back are not the sources.
		mapfile -t sources <"$vf_stage/sources"
		files=${#sources[@]}
	fi
	count_of out "$line"
	records=$REPLY
	count_of bytes "$line"
	bytes=$REPLY
	count_of refused "$line"
	refused=$REPLY
	printf '{"result":"%s","kind":"%s","period":"%s","set":%s,"files":%d,"records":%d,"bytes":%d,"refused":%d}\n' \
		"$1" "$kind" "$period" "${set:+\"}${set:-null}${set:+\"}" "$files" "$records" "$bytes" "$refused"
}

# count_of KEY LINE -- a number of vf-merge's stats line, in REPLY; 0 when it is not there.
count_of() {
	REPLY=0
	[[ ! $2 =~ \"$1\":([0-9]+) ]] || REPLY=${BASH_REMATCH[1]}
}

set=''
vf_begin "merge-$kind-$period"
vf_need vf-merge jq b2sum
vf_step_now=list
list_sources "$vf_stage/sources"
if [[ ! -s $vf_stage/sources ]]; then
	vf_say "$kind $period: nothing to merge"
	statistics nothing
	exit 0
fi
if [[ $engine == athena ]]; then
	name_set
	athena_merge
else
	fetch_sources
fi
vf_step_now=merge
vf_wait merge_sources
if ((vf_status != 0)); then
	statistics refused
	vf_fail merge "not merged: exit status $vf_status; the sources stay" "$vf_status"
fi
if [[ $engine == athena ]]; then
	athena_sources
fi
check_sources
[[ -n $set ]] || name_set
lake_tidy "$lake_table/dt=$period" "$queue"
make_manifest
vf_step_now=store
# The manifest first: killed in between, no object is left of which nobody knows what it holds.
vf_store "$vf_stage/manifest.json" "$lake_table/dt=$period/_$kind-$set.json"
store_objects
vf_step_now=message
lake_send "$queue" "$vf_stage/message.json" "$kind-$period-$set"
statistics merged
