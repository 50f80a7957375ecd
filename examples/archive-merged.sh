#!/bin/bash
# archive-merged.sh -- for each "merge completed": put the sources away, then bring the merged object into sight.
# shellcheck source=lake.sh
. "${BASH_SOURCE[0]%"${BASH_SOURCE[0]##*/}"}./lake.sh"

usage() {
	cat <<'END'
Usage: archive-merged.sh --lake LAKE (--queue QUEUE | --message FILE) [OPTION...]

Takes the messages of merge.sh. For each: the merged object must be there, still
hidden, with the manifest's digest, and the sources as they were merged; then exactly
the manifest's sources move to LAKE/merged/registration/KIND-PERIOD-SET/, and the
merged object gets the name under which readers see it. In between readers may miss
rows; they never see them twice. Running it again goes on where a killed run stopped.

When the merged object is missing or wrong, a source has vanished, or the object is
over 1.2 GB, nothing moves, the message stays, and the exit status is 1. A merge
whose sources were meanwhile archived with another (late files came, it was done
twice) or replaced is superseded: its hidden object goes, its message too; what it
held is, or will be, in another. A merge that a killed run left half moved is finished
before anything else of its day or month moves, whichever message comes first.

      --lake LAKE        s3://BUCKET/KEY or a plain folder
      --queue QUEUE      an SQS queue's URL, or the plain folder that merge.sh writes to
      --message FILE     this one message instead
      --break-claim      take the claim over from a run that is gone, and say whose it was
  -h, --help             this text

One at a time works on a lake: LAKE/registration/_claim.json.
Environment: VF_EXECUTION_ID, VF_BINDIR, TMPDIR (S3: room for a merged object),
AWS_ENDPOINT_URL.
Exit: 0 all messages done, or none; 1 something was refused; 2 usage; 75 run it
again (interrupted, or another run holds the lake).
END
}

vf_args "$@"
set -- "${vf_argv[@]}"
lake='' queue='' message='' break=''
while (($# > 0)); do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--lake) vf_value "$@"; lake=$2; shift 2 ;;
	--queue) vf_value "$@"; queue=$2; shift 2 ;;
	--message) vf_value "$@"; message=$2; shift 2 ;;
	--break-claim) break=1; shift ;;
	*) vf_usage_error "unknown option $1" ;;
	esac
done
[[ -n $lake ]] || vf_usage_error "--lake is needed"
[[ -n $queue && -z $message ]] || [[ -z $queue && -n $message ]] || vf_usage_error "--queue or --message is needed"
lake_is_sqs "$queue" || [[ -z $queue ]] || { vf_abs "${queue%/}"; queue=$REPLY; }
[[ -z $message || -r $message ]] || vf_usage_error "$message: cannot be read"
lake_open "$lake"

done_count=0 superseded=0 refused=0
declare -A settled=()		# KIND PERIOD: 0, or 1: a merge of it is half moved and cannot be finished
declare -A others=()		# KIND PERIOD: other merges' objects were hidden there

# refuse REASON -- nothing was moved; the message stays.
refuse() {
	vf_alert archive "$kind $period $set: $1"
	refused=$((refused + 1))
}

# What a message must say before anything is done by it: kinds, names and numbers, and paths below the table. What is in it
# goes to $vf_stage/plan, a line each: manifest KIND PERIOD SET; output HIDDEN VISIBLE DIGEST SIZE RECORDS; source PATH SIZE
# DIGEST ETAG.
check_manifest() {
	jq -r --arg type "$lake_type" --arg lake "$lake" '
		def day: test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"); def month: test("^[0-9]{4}-[0-9]{2}$");
		def whole: type == "number" and . == floor and . >= 0 and . < 1e15;
		. as $m | "dt=\(.period)/" as $folder |
		if (.table == $type) and (.set | test("^[0-9a-f]{12}$")) and
		((.kind == "daily" and (.period | day)) or (.kind == "monthly" and (.period | month))) and
		(.outputs | length > 0) and (.sources | length > 0) and
		all(.outputs[]; (.hidden | startswith($folder + "_" + $m.kind + "-" + $m.set)) and (.visible == (.hidden | sub("/_"; "/"))) and
			(.hidden | test("^dt=[0-9-]+/_[A-Za-z0-9._-]+\\.avro$")) and (.size | whole) and (.records | whole) and
			(.blake2b | test("^[0-9a-f]{64}$"))) and
		all(.sources[]; (.path | test("^dt=[0-9-]+/[A-Za-z0-9][A-Za-z0-9._=+-]*\\.avro$")) and (.path | startswith("dt=\($m.period)")) and
			(.size | whole) and (.etag // "-" | test("^[0-9A-Za-z-]+$")) and
			# Of what Athena read only the ETag is known.
			((.blake2b // "" | test("^[0-9a-f]{64}$")) or
			 (.blake2b == null and ($lake | startswith("s3://")) and (.etag // "" | length >= 8))))
		then ["manifest", .kind, .period, .set],
			(.outputs[] | ["output", .hidden, .visible, .blake2b, .size, .records]),
			(.sources[] | ["source", .path, .size, (.blake2b // "-"), (.etag // "-")]) | @tsv
		else error("none of ours") end' "$1" >"$vf_stage/plan" 2>/dev/null
}

# read_message N -- its manifest to $vf_stage/manifest.json; sets kind, period and set. Fails when it is none of ours.
read_message() {
	local body=$vf_stage/messages/$1.json path
	kind='-' period='-' set='-'
	if jq -e '.manifest' "$body" >"$vf_stage/manifest.json" 2>/dev/null; then
		use_manifest
		return
	fi
	path=$(jq -r '.manifestPath // ""' "$body" 2>/dev/null) || return 1
	[[ $path =~ ^dt=([0-9-]+)/_(daily|monthly)-([0-9a-f]{12})\.json$ ]] || return 1
	load_manifest "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
}

# load_manifest KIND PERIOD SET -- the one that is stored: beside the hidden object, or, when it is done, with the sources.
load_manifest() {
	local path
	for path in "$lake_table/dt=$2/_$1-$3.json" "$lake_archive/$1-$2-$3/_manifest.json"; do
		vf_exists "$path" || continue
		vf_fetch "$path" "$vf_stage/manifest.json"
		use_manifest
		return
	done
	return 1
}

use_manifest() {
	check_manifest "$vf_stage/manifest.json" || return 1
	IFS=$'\t' read -r _ kind period set <"$vf_stage/plan"
	hidden_manifest=$lake_table/dt=$period/_$kind-$set.json
	own=$lake_archive/$kind-$period-$set
}

# right_outputs -- each is there with its digest, hidden, or in sight already (a run was killed after that).
right_outputs() {
	local what hidden visible digest rest
	while IFS=$'\t' read -r what hidden visible digest rest; do
		[[ $what == output ]] || continue
		right_output "$hidden" "$digest" || right_output "$visible" "$digest" || return 1
	done <"$vf_stage/plan"
}

right_output() {
	lake_digest "$lake_table/$1" </dev/null || return 1
	[[ $REPLY == "$2" ]]
}

# When the same files were merged again, the object is that of the manifest stored beside it.
find_outputs() {
	right_outputs && return 0
	vf_exists "$hidden_manifest" || return 1
	vf_fetch "$hidden_manifest" "$vf_stage/manifest.new"
	check_manifest "$vf_stage/manifest.new" || return 1
	[[ $(head -n 1 "$vf_stage/plan") == "manifest"$'\t'"$kind"$'\t'"$period"$'\t'"$set" ]] || return 1
	right_outputs || return 1
	mv -- "$vf_stage/manifest.new" "$vf_stage/manifest.json"
}

# judge_sources -- sorts the manifest's sources into files of the staging folder: to-move, moved, replaced, gone.
judge_sources() {
	local path size digest etag now_size now_etag put_away
	lake_list "dt=$period" "$vf_stage/present"
	lake_list_below "$own" dt= "$vf_stage/put-away"
	for path in to-move moved replaced gone; do
		: >"$vf_stage/$path"
	done
	while IFS=$'\t' read -r path size digest etag now_size now_etag put_away; do
		if [[ $now_size == "$size" ]] && is_same "$path" "$digest" "$etag" "$now_etag"; then
			echo "$path" >>"$vf_stage/to-move"
		elif [[ $put_away == "$size" ]]; then
			echo "$path" >>"$vf_stage/moved"
		elif [[ $now_size != - ]]; then
			echo "$path" >>"$vf_stage/replaced"
		else
			echo "$path" >>"$vf_stage/gone"
		fi
	done < <(awk -F '\t' -v OFS='\t' -v present="$vf_stage/present" -v put="$vf_stage/put-away" '
			BEGIN {
				while ((getline <present) > 0) { size[$1] = $2; etag[$1] = $3 }
				while ((getline <put) > 0) away[$1] = $2
			}
			$1 == "source" {
				print $2, $3, $4, $5, ($2 in size ? size[$2] : "-"), ($2 in etag ? etag[$2] : "-"), ($2 in away ? away[$2] : "-")
			}' "$vf_stage/plan")
}

# is_same PATH DIGEST ETAG NOW_ETAG -- by the ETag in S3, by the bytes on disk.
is_same() {
	if vf_is_s3 "$lake_table"; then
		[[ $3 == "$4" ]]
	else
		lake_digest "$lake_table/$1"
		[[ $REPLY == "$2" ]]
	fi
}

# Everything that is gone lies in another merge's folder: what it held is not lost with our object.
archived_elsewhere() {
	local kinds path
	: >"$vf_stage/elsewhere"
	for kinds in daily monthly; do
		lake_list_below "$lake_archive" "$kinds-${period:0:7}" "$vf_stage/others"
		cut -f 1 "$vf_stage/others" | sed 's,^[^/]*/,,' >>"$vf_stage/elsewhere"
	done
	while read -r path; do
		grep -qxF -e "$path" "$vf_stage/elsewhere" || return 1
	done <"$vf_stage/gone"
}

remove() {
	if vf_is_s3 "$1"; then
		vf_aws s3 rm --only-show-errors "$1"
	else
		rm -f -- "$1"
	fi
}

drop_hidden() {
	local what hidden rest
	while IFS=$'\t' read -r what hidden rest; do
		[[ $what != output ]] || remove "$lake_table/$hidden" </dev/null
	done <"$vf_stage/plan"
	remove "$hidden_manifest"
}

# What is about to happen is written down before it does: settle() finds it when this run is killed.
move_sources() {
	vf_store "$vf_stage/manifest.json" "$hidden_manifest"
	lake_move "$lake_table" "$own" "$vf_stage/to-move"
}

show_outputs() {
	local what hidden visible rest
	while IFS=$'\t' read -r what hidden visible rest; do
		if [[ $what == output ]] && vf_exists "$lake_table/$hidden"; then
			lake_rename "$lake_table/$hidden" "$lake_table/$visible" || return 1
		fi
	done <"$vf_stage/plan"
}

# planned -- sets largest, the size of the largest output, and what there is in all: records and files.
planned() {
	read -r largest records files < <(exec awk -F '\t' '
		$1 == "output" { records += $6; if ($5 > largest + 0) largest = $5 }
		$1 == "source" { files++ }
		END { printf "%d %d %d\n", largest, records, files }' "$vf_stage/plan")
}

# archive -- one manifest, from where it stands to the end. 0: the message is dealt with; 1: it stays.
archive() {
	local largest records files
	if vf_exists "$own/_manifest.json"; then
		drop_hidden	# the run that did it may have been killed before it did that
		vf_say "$kind $period $set: done before"
		return 0
	fi
	planned
	if ((largest > lake_limit)); then
		refuse "over 1.2 GB: the sources stay"
		return 1
	fi
	judge_sources
	if [[ -s $vf_stage/replaced || -s $vf_stage/gone ]]; then
		superseded_or_not
		return
	fi
	if ! find_outputs; then
		refuse "the merged object is missing or not what was merged: nothing moves"
		return 1
	fi
	vf_step move move_sources
	judge_sources
	[[ ! -s $vf_stage/to-move && ! -s $vf_stage/replaced && ! -s $vf_stage/gone ]] ||
		vf_fail move "$kind $period $set: a source was replaced while it was moved; the merged object stays hidden"
	vf_step show show_outputs
	vf_store "$vf_stage/manifest.json" "$own/_manifest.json"
	remove "$hidden_manifest"
	done_count=$((done_count + 1))
	vf_say "$kind $period $set: $files files, $records records in sight as one"
}

superseded_or_not() {
	if [[ -s $vf_stage/moved ]]; then
		refuse "some of its sources are put away, others have vanished or changed: see $kind-$period-$set in merged/"
		return 1
	fi
	if ! archived_elsewhere; then
		refuse "a source has vanished, and no other merge has it: nothing moves"
		return 1
	fi
	drop_hidden
	superseded=$((superseded + 1))
	vf_say "$kind $period $set: superseded: its sources are in another merge, or were replaced"
}

# list_hidden KIND PERIOD -- KIND PERIOD SET SUFFIX of what is hidden, of all merges that may share a source with such a one.
list_hidden() {
	local below=''
	[[ $1 == monthly ]] || below=/_
	lake_list "dt=$2$below" "$vf_stage/hidden"
	if [[ $1 == daily ]]; then
		lake_list "dt=${2:0:7}/_monthly-" "$vf_stage/hidden-monthly"
		[[ ! -s $vf_stage/hidden-monthly ]] || cat "$vf_stage/hidden-monthly" >>"$vf_stage/hidden"
	fi
	sed -nE 's,^dt=([0-9-]+)/_(daily|monthly)-([0-9a-f]{12})[0-9-]*\.(json|avro)\t.*,\2 \1 \3 \4,p' "$vf_stage/hidden" | LC_ALL=C sort -u
}

# settle -- finishes what killed runs left half moved. Else another merge could take the rest of the sources, and what
# was moved would never come into sight: it lies in an object that has lost its turn. Nobody but us moves: once a run will do.
settle() {
	local key="$kind $period" mine=$set k p s suffix line sets
	[[ -z ${settled[$key]:-} ]] || return "${settled[$key]}"
	settled[$key]=0
	list_hidden "$kind" "$period" >"$vf_stage/hidden-sets"
	mapfile -t sets <"$vf_stage/hidden-sets"
	for line in "${sets[@]}"; do
		read -r k p s suffix <<<"$line"
		[[ "$k $p $s" != "$key $mine" ]] || continue
		others[$key]=1
		[[ $suffix == json ]] || continue
		lake_list_below "$lake_archive/$k-$p-$s" '' "$vf_stage/begun"
		[[ -s $vf_stage/begun ]] || continue
		if ! load_manifest "$k" "$p" "$s" || ! archive; then
			settled[$key]=1
		fi
	done
	return "${settled[$key]}"
}

# sweep KIND PERIOD -- hidden objects that have lost their turn and for which no message came: merge.sh was killed before
# it sent one. Those whose sources are all in sight stay: the message may be on its way.
sweep() {
	local k p s suffix line sets
	list_hidden "$1" "$2" >"$vf_stage/hidden-sets"
	mapfile -t sets <"$vf_stage/hidden-sets"
	for line in "${sets[@]}"; do
		read -r k p s suffix <<<"$line"
		if [[ $suffix == avro ]]; then
			# Without its manifest nobody can say what it is: merge.sh stores that first.
			[[ " ${sets[*]} " == *" $k $p $s json "* ]] || remove_objects "$k" "$p" "$s"
			continue
		fi
		load_manifest "$k" "$p" "$s" || continue
		# A message that does not hold the manifest still needs it.
		(($(wc -c <"$vf_stage/manifest.json") < 150000)) || continue
		judge_sources
		if [[ -s $vf_stage/replaced || -s $vf_stage/gone ]] && [[ ! -s $vf_stage/moved ]] && archived_elsewhere; then
			drop_hidden
			vf_say "$k $p $s: dropped: its sources are in another merge, or were replaced"
		fi
	done
}

# remove_objects KIND PERIOD SET
remove_objects() {
	local path rest
	while IFS=$'\t' read -r path rest; do
		[[ $path != "dt=$2/_$1-$3"*.avro ]] || remove "$lake_table/$path"
	done <"$vf_stage/hidden"
}

# settle() may have read other manifests meanwhile.
read_again() { [[ -z ${others["$kind $period"]:-} ]] || read_message "$1"; }

take_messages() {
	local n
	for n in "$vf_stage"/messages/*.json; do
		n=${n##*/}
		n=${n%.json}
		if ! read_message "$n"; then
			refuse "a message that is none of merge.sh's, or whose manifest is not there"
		elif ! settle; then
			read_message "$n"
			refuse "another merge is half moved and cannot be finished: see above"
		elif read_again "$n" && archive; then
			[[ -z $queue ]] || lake_ack "$queue" "$n"
		fi
	done
}

vf_begin archive-merged
vf_need jq b2sum
vf_need_conditional "$lake"
vf_claim_lock=$lake_table/.claim.lock
vf_claim_what='this lake'
vf_claim "$lake_table/_claim.json" "$break"
vf_step_now=archive
if [[ -n $message ]]; then
	mkdir -- "$vf_stage/messages"
	cp -- "$message" "$vf_stage/messages/0.json"
	take_messages
else
	while lake_receive "$queue"; do
		take_messages
	done
fi
for key in "${!others[@]}"; do
	# shellcheck disable=SC2086	# two words
	sweep $key
done
printf '{"result":"archived","done":%d,"superseded":%d,"refused":%d}\n' "$done_count" "$superseded" "$refused"
((refused == 0))
