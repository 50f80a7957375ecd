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
manifest='' outputs=() sources=()	# what is worked on
to_move=() moved=() replaced=() gone=()
declare -A settled=()		# KIND PERIOD: 0, or 1: a merge of it is half moved and cannot be finished
declare -A others=()		# KIND PERIOD: other merges' objects were hidden there

# refuse REASON -- nothing was moved; the message stays.
refuse() {
	vf_alert archive "$kind $period $set: $1"
	refused=$((refused + 1))
}

# read_manifest FILE -- what a message must say before anything is done by it: kinds, names and numbers, and paths below the
# table. FILE is the message or the manifest itself. Sets lines: the manifest, then of what is in it a line each: manifest
# KIND PERIOD SET; output HIDDEN VISIBLE DIGEST SIZE RECORDS; source PATH SIZE DIGEST ETAG. Of a message without a manifest
# lines is the path where that is, in quotes.
read_manifest() {
	mapfile -t lines < <(jq -rc --arg type "$lake_type" --arg lake "$lake" '
		def day: test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"); def month: test("^[0-9]{4}-[0-9]{2}$");
		def whole: type == "number" and . == floor and . >= 0 and . < 1e15;
		if .event then .manifest // {path: .manifestPath} else . end |
		. as $m | "dt=\(.period)/" as $folder |
		if .path then .path | tojson elif (.table == $type) and (.set | test("^[0-9a-f]{12}$")) and
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
		then ., ((["manifest", .kind, .period, .set],
			(.outputs[] | ["output", .hidden, .visible, .blake2b, .size, .records]),
			(.sources[] | ["source", .path, .size, (.blake2b // "-"), (.etag // "-")])) | @tsv)
		else error("none of ours") end' "$1" 2>/dev/null)
	((${#lines[@]} > 0))
}

# read_message N -- makes its manifest the one that is worked on. Fails when it is none of ours.
read_message() {
	local lines
	kind='-' period='-' set='-'
	read_manifest "$vf_stage/in/$1.json" || return 1
	if ((${#lines[@]} > 1)); then
		use_manifest
		return
	fi
	[[ ${lines[0]} =~ ^\"dt=([0-9-]+)/_(daily|monthly)-([0-9a-f]{12})\.json\"$ ]] || return 1
	load_manifest "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
}

# load_manifest KIND PERIOD SET -- the one that is stored: beside the hidden object, or, when it is done, with the sources.
load_manifest() {
	local path lines
	for path in "$lake_table/dt=$2/_$1-$3.json" "$lake_archive/$1-$2-$3/_manifest.json"; do
		vf_fetch_if "$path" "$vf_stage/fetched.json" || continue
		read_manifest "$vf_stage/fetched.json" && [[ ${lines[1]-} == "manifest"$'\t'"$1"$'\t'"$2"$'\t'"$3" ]] && use_manifest
		return
	done
	return 1
}

# use_manifest -- of lines: sets kind, period, set, outputs and sources, what there is in all, and the file manifest.json.
use_manifest() {
	local line size count
	IFS=$'\t' read -r _ kind period set <<<"${lines[1]}"
	manifest=${lines[0]}
	printf '%s\n' "$manifest" >"$vf_stage/manifest.json"
	hidden_manifest=$lake_table/dt=$period/_$kind-$set.json
	own=$lake_archive/$kind-$period-$set
	outputs=() sources=() largest=0 records=0
	for line in "${lines[@]:2}"; do
		if [[ $line == source* ]]; then
			sources+=("${line#*$'\t'}")
			continue
		fi
		outputs+=("${line#*$'\t'}")
		IFS=$'\t' read -r _ _ _ _ size count <<<"$line"
		records=$((records + count)) largest=$((size > largest ? size : largest))
	done
}

# right_outputs -- each is there with its digest, hidden, or in sight already (a run was killed after that).
right_outputs() {
	local line hidden visible digest
	for line in "${outputs[@]}"; do
		IFS=$'\t' read -r hidden visible digest _ <<<"$line"
		right_output "$hidden" "$digest" || right_output "$visible" "$digest" || return 1
	done
}

right_output() {
	lake_digest "$lake_table/$1" </dev/null || return 1
	[[ $REPLY == "$2" ]]
}

# When the same files were merged again, the object is that of the manifest stored beside it.
find_outputs() {
	right_outputs && return 0
	load_manifest "$kind" "$period" "$set" && right_outputs
}

# judge_sources -- sorts the manifest's sources by what has become of them: to_move (as they were merged), moved, replaced, gone.
judge_sources() {
	local path size digest etag line
	local -A now=() put_away=()
	if vf_is_s3 "$lake"; then
		look_at_objects
	else
		look_at_files
	fi
	to_move=() moved=() replaced=() gone=()
	for line in "${sources[@]}"; do
		IFS=$'\t' read -r path size digest etag <<<"$line"
		! vf_is_s3 "$lake" || digest="$size $etag"
		if [[ ${now[$path]-} == "$digest" ]]; then
			to_move+=("$path")
		elif [[ ${put_away[$path]-} == "$size" ]]; then
			moved+=("$path")
		elif [[ -n ${now[$path]-} ]]; then
			replaced+=("$path")
		else
			gone+=("$path")
		fi
	done
}

# In S3 an object is known by its size and ETag: into now; into put_away the sizes of those that are.
look_at_objects() {
	local path size etag
	lake_list "dt=$period" "$vf_stage/present"
	while IFS=$'\t' read -r path size etag; do
		now[$path]="$size $etag"
	done <"$vf_stage/present"
	lake_list_below "$own" dt= "$vf_stage/put-away"
	while IFS=$'\t' read -r path size etag; do
		put_away[$path]=$size
	done <"$vf_stage/put-away"
}

# On disk a file is known by its bytes.
look_at_files() {
	local path digest size line i names=() away=()
	for line in "${sources[@]}"; do
		path=${line%%$'\t'*}
		[[ ! -f $lake_table/$path ]] || names+=("$path") now[$path]=-
		[[ ! -f $own/$path ]] || away+=("$path")
	done
	for ((i = 0; i < ${#names[@]}; i += lake_moves)); do
		while read -r digest path; do
			now[$path]=$digest
		done < <(cd -- "$lake_table" && exec b2sum -l 256 -- "${names[@]:i:lake_moves}")
	done
	for ((i = 0; i < ${#away[@]}; i += lake_moves)); do
		while read -r size path; do
			put_away[$path]=$size
		done < <(cd -- "$own" && exec stat -c '%s %n' -- "${away[@]:i:lake_moves}")
	done
}

# Everything that is gone lies in another merge's folder: what it held is not lost with our object.
archived_elsewhere() {
	local kinds path
	local -A elsewhere=()
	for kinds in daily monthly; do
		lake_list_below "$lake_archive" "$kinds-${period:0:7}" "$vf_stage/others"
		while IFS=$'\t' read -r path _; do
			elsewhere[${path#*/}]=1
		done <"$vf_stage/others"
	done
	for path in "${gone[@]}"; do
		[[ -n ${elsewhere[$path]-} ]] || return 1
	done
}

# remove PATH... -- in this order.
remove() {
	local path
	if ! vf_is_s3 "$1"; then
		rm -f -- "$@"
		return
	fi
	for path; do
		vf_aws s3 rm --only-show-errors "$path" </dev/null
	done
}

# The manifest last: without it nobody can say what a hidden object is.
drop_hidden() {
	local hidden=("${outputs[@]%%$'\t'*}")
	remove "${hidden[@]/#/"$lake_table/"}" "$hidden_manifest"
}

# What is about to happen is written down before it does: settle() finds it when this run is killed.
move_sources() {
	vf_store "$vf_stage/manifest.json" "$hidden_manifest"
	lake_move "$lake_table" "$own" "${to_move[@]}"
}

show_outputs() {
	local line hidden visible
	for line in "${outputs[@]}"; do
		IFS=$'\t' read -r hidden visible _ <<<"$line"
		if vf_exists "$lake_table/$hidden"; then
			lake_rename "$lake_table/$hidden" "$lake_table/$visible" || return 1
		fi
	done
}

# archive -- one manifest, from where it stands to the end. 0: the message is dealt with; 1: it stays.
archive() {
	if vf_exists "$own/_manifest.json"; then
		drop_hidden	# the run that did it may have been killed before it did that
		vf_say "$kind $period $set: done before"
		return 0
	fi
	if ((largest > lake_limit)); then
		refuse "over 1.2 GB: the sources stay"
		return 1
	fi
	judge_sources
	if ((${#replaced[@]} + ${#gone[@]} > 0)); then
		superseded_or_not
		return
	fi
	if ! find_outputs; then
		refuse "the merged object is missing or not what was merged: nothing moves"
		return 1
	fi
	vf_step move move_sources
	judge_sources
	((${#moved[@]} == ${#sources[@]})) ||
		vf_fail move "$kind $period $set: a source was replaced while it was moved; the merged object stays hidden"
	vf_step show show_outputs
	vf_store "$vf_stage/manifest.json" "$own/_manifest.json"
	remove "$hidden_manifest"
	done_count=$((done_count + 1))
	vf_say "$kind $period $set: ${#sources[@]} files, $records records in sight as one"
}

superseded_or_not() {
	if ((${#moved[@]} > 0)); then
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

# list_hidden KIND PERIOD -- what is hidden, of all merges that may share a source with such a one: sets hidden_files, and
# hidden_sets, KIND PERIOD SET SUFFIX of each kind of them.
list_hidden() {
	local path one lake_found hidden
	local -A listed=()
	lake_find "dt=$2/_"
	hidden=("${lake_found[@]}")
	if [[ $1 == daily ]]; then
		lake_find "dt=${2:0:7}/_monthly-"
	else
		lake_find "dt=$2-"
	fi
	hidden_sets=() hidden_files=()
	for path in "${hidden[@]}" "${lake_found[@]}"; do
		[[ $path =~ ^dt=([0-9-]+)/_(daily|monthly)-([0-9a-f]{12})[0-9-]*\.(json|avro)$ ]] || continue
		hidden_files+=("$path")
		one="${BASH_REMATCH[2]} ${BASH_REMATCH[1]} ${BASH_REMATCH[3]} ${BASH_REMATCH[4]}"
		[[ -n ${listed[$one]-} ]] || hidden_sets+=("$one")
		listed[$one]=1
	done
}

# settle -- finishes what killed runs left half moved. Else another merge could take the rest of the sources, and what
# was moved would never come into sight: it lies in an object that has lost its turn. Nobody but us moves: once a run will do.
settle() {
	local key="$kind $period" mine=$set k p s suffix line hidden_sets hidden_files
	[[ -z ${settled[$key]:-} ]] || return "${settled[$key]}"
	settled[$key]=0
	lake_tidy "$lake_table/dt=$period" "$lake_archive/$kind-$period"-*
	list_hidden "$kind" "$period"
	for line in "${hidden_sets[@]}"; do
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
	local k p s suffix line hidden_sets hidden_files
	list_hidden "$1" "$2"
	for line in "${hidden_sets[@]}"; do
		read -r k p s suffix <<<"$line"
		if [[ $suffix == avro ]]; then
			# Without its manifest nobody can say what it is: merge.sh stores that first.
			[[ " ${hidden_sets[*]} " == *" $k $p $s json "* ]] || remove_objects "$k" "$p" "$s"
			continue
		fi
		load_manifest "$k" "$p" "$s" || continue
		# A message that does not hold the manifest still needs it.
		((${#manifest} < 150000)) || continue
		judge_sources
		if ((${#replaced[@]} + ${#gone[@]} > 0 && ${#moved[@]} == 0)) && archived_elsewhere; then
			drop_hidden
			vf_say "$k $p $s: dropped: its sources are in another merge, or were replaced"
		fi
	done
}

# remove_objects KIND PERIOD SET
remove_objects() {
	local path paths=()
	for path in "${hidden_files[@]}"; do
		[[ $path != "dt=$2/_$1-$3"*.avro ]] || paths+=("$lake_table/$path")
	done
	remove "${paths[@]}"
}

# settle() may have read other manifests meanwhile.
read_again() { [[ -z ${others["$kind $period"]:-} ]] || read_message "$1"; }

take_messages() {
	local n
	for ((n = 0; n < lake_messages; n++)); do
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
	cp -- "$message" "$vf_stage/in/0.json"
	lake_messages=1
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
