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
daily) [[ $period =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}$ && $(date -u -d "$period" +%F 2>/dev/null) == "$period" ]] || vf_usage_error "a day is needed: daily 2026-12-05" ;;
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
	: >"$1"
	while IFS=$'\t' read -r path rest; do
		case $kind:$path in
		*/_* | */.* | *:*/*/*) continue ;;
		daily:"dt=$period/daily-"*) continue ;;
		daily:"dt=$period/"*.avro | monthly:"dt=$period-"??/*.avro) ;;
		*) continue ;;
		esac
		lake_plain_path "$path" || vf_fail list "a name that is not allowed: letters, digits and . _ = + - are" 1
		printf '%s\t%s\n' "$path" "$rest" >>"$1"
	done <"$vf_stage/listed"
}

fetch_sources() {
	local folder skip=(--exclude '_*' --exclude '.*')
	[[ $kind != daily ]] || skip+=(--exclude 'daily-*')
	cut -f 1 "$vf_stage/sources" >"$vf_stage/paths"
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
	vf-merge --type "$lake_type" --max-size "$max_size" "${merge_args[@]}" --files-from "$vf_stage/paths" \
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

# The manifest of the lake: paths below the table, and the sources' ETags.
make_manifest() {
	jq --arg kind "$kind" --arg period "$period" --arg set "$set" --arg type "$lake_type" \
		--rawfile sources "$vf_stage/sources" '
		($sources | split("\n") | map(select(. != "") | split("\t") | {key: .[0], value: .[2]}) | from_entries) as $etags |
		"dt=\($period)/" as $folder | "\($kind)-\($set)" as $name | (.outputs | length > 1) as $several |
		{kind: $kind, period: $period, set: $set, table: $type, schema, codec,
		 outputs: [.outputs[] | "\($name)\(if $several then "-" + (.path | sub("[.]avro$"; "") | .[-4:]) else "" end).avro" as $name |
			{hidden: "\($folder)_\($name)", visible: "\($folder)\($name)", size, records, blake2b}],
		 sources: [.sources[] | . + {etag: $etags[.path]}]}' "$vf_stage/merged.json" >"$vf_stage/manifest.json"
}

# Nobody replaced a source while it was fetched and merged.
check_sources() {
	list_sources "$vf_stage/again"
	# Late files may have come: they are not ours. Ours must be as they were.
	[[ -z $(LC_ALL=C comm -23 "$vf_stage/sources" "$vf_stage/again") ]] || vf_fail sources "files changed while they were merged" 75
}

# In the order of the manifest's outputs.
merged_files() {
	if [[ $engine == athena ]]; then
		jq -r '.outputs[].path' "$vf_stage/merged.json"
	else
		echo "$vf_stage/merged.avro"
	fi
}

# Each object is stored and read back: its digest, and every record of it once more.
store_objects() {
	local file hidden digest records
	paste <(merged_files) <(jq -r '.outputs[] | [.hidden, .blake2b, .records] | @tsv' "$vf_stage/manifest.json") >"$vf_stage/to-store"
	while IFS=$'\t' read -r file hidden digest records; do
		vf_step_now=store
		vf_store "$file" "$lake_table/$hidden"
		vf_fetch "$lake_table/$hidden" "$vf_stage/back.avro"
		lake_b2 "$vf_stage/back.avro"
		[[ $REPLY == "$digest" ]] || vf_fail read-back "what was stored is not what was merged"
		vf_step read-back check_back "$records"
		rm -f -- "$vf_stage/back.avro" "$vf_stage/back.ndjson"
	done <"$vf_stage/to-store"
}

check_back() {
	cd -- "$vf_stage"
	vf-merge --dry-run --type "$lake_type" --max-size "$max_size" --stats back.ndjson back.avro
	[[ $(jq .in back.ndjson) == "$1" ]]
}

# The message holds the manifest, or only says where it is when a queue would not take it.
make_message() {
	local stored
	stored=dt=$period/_$kind-$set.json
	jq -c --arg path "$stored" '{event: "merge completed", table, kind, period, set, manifestPath: $path, manifest: .}' \
		"$vf_stage/manifest.json" >"$vf_stage/message.json"
	if (($(wc -c <"$vf_stage/message.json") > 200000)); then
		jq -c 'del(.manifest)' "$vf_stage/message.json" >"$vf_stage/message.short"
		mv -- "$vf_stage/message.short" "$vf_stage/message.json"
	fi
}

# statistics RESULT
statistics() {
	local sources
	sources=$(wc -l <"$vf_stage/sources")
	[[ -e $vf_stage/stats.ndjson ]] || : >"$vf_stage/stats.ndjson"
	# Athena's files that came back are not the sources.
	jq -nc --arg result "$1" --arg kind "$kind" --arg period "$period" --arg set "${set:-}" --arg engine "$engine" --argjson sources "$sources" \
		'(last(inputs | select(.tool == "vf-merge")) // {}) as $s |
		 {result: $result, kind: $kind, period: $period, set: (if $set == "" then null else $set end),
		  files: (if $engine == "athena" then $sources else $s.files // 0 end), records: ($s.out // 0), bytes: ($s.bytes // 0), refused: ($s.refused // 0)}' "$vf_stage/stats.ndjson"
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
	athena_totals
	athena_sources
fi
check_sources
[[ -n $set ]] || name_set
make_manifest
vf_step_now=store
# The manifest first: killed in between, no object is left of which nobody knows what it holds.
vf_store "$vf_stage/manifest.json" "$lake_table/dt=$period/_$kind-$set.json"
store_objects
make_message
vf_step_now=message
lake_send "$queue" "$vf_stage/message.json" "$kind-$period-$set"
statistics merged
