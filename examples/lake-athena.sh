#!/bin/bash
# lake-athena.sh -- merge.sh's second engine: Athena reads the many small files, and few come back. Sourced by merge.sh, not run.
#
# UNLOAD writes several files into LAKE/unload/KIND-PERIOD-SET/RUN/, of a schema of its own: columns in small letters, all
# nullable. So what comes back is read by vf-avro, written in the lake's schema and merged by vf-merge: from there
# on it is what the local engine makes. The sources' contents do not come here: they are known by ETag and size.
# shellcheck shell=bash disable=SC2154,SC2034	# merge.sh sets its options and reads what is set here

athena_folder=$vf_here/athena
athena_schema=$vf_here/schemas/registration.avsc
athena_room=200000		# bytes of paths in a statement: Athena takes 262,144 in all
athena_query='' athena_target=''

athena_open() {
	[[ $lake =~ ^s3://[a-z0-9.-]+/[A-Za-z0-9._/=+-]+$ ]] || vf_usage_error "--engine athena needs a lake in S3: s3://BUCKET/KEY, of plain letters"
	[[ $database =~ ^[a-z0-9_]+$ && $table =~ ^[a-z0-9_]+$ ]] || vf_usage_error "--database and --table are names of small letters, digits and _"
	[[ $workgroup =~ ^[A-Za-z0-9._-]+$ ]] || vf_usage_error "--workgroup: letters, digits, dot, dash and underscore"
	[[ -z $results ]] || vf_is_s3 "$results" || vf_usage_error "--results is an s3:// address"
	[[ $patience =~ ^[1-9][0-9]{0,4}$ ]] || vf_usage_error "--wait is a number of seconds"
}

# However the run ends: nothing goes on in Athena, nothing is left below unload/.
athena_last() {
	[[ -z $athena_query ]] || vf_aws athena stop-query-execution --query-execution-id "$athena_query" >/dev/null || :
	[[ -z $athena_target ]] || vf_aws s3 rm --only-show-errors --recursive "${athena_target%/*}/" || :
}

# athena_statement NAME -- the statement with its words put in, to $vf_stage/NAME.sql.
athena_statement() {
	local text
	text=$(grep -v '^--' "$athena_folder/$1.sql")
	text=${text//@DATABASE@/"$database"}
	text=${text//@TABLE@/"$table"}
	text=${text//@COLUMNS@/"$columns"}
	text=${text//@ADDED@/"$added"}
	text=${text//@PARTITIONS@/"$partitions"}
	text=${text//@SOURCES@/"$sources"}
	text=${text//@TARGET@/"$athena_target/$batch/"}
	printf '%s\n' "$text" >"$vf_stage/$1.sql"
}

# athena_run NAME -- the statement, until it has ended; no longer than --wait. Its id stays in athena_done.
athena_run() {
	local state why REPLY pause=0 deadline=$((SECONDS + patience)) args
	vf_step_now=$1
	args=(--query-string "file://$vf_stage/$1.sql" --query-execution-context "Database=$database" --work-group "$workgroup")
	[[ -z $results ]] || args+=(--result-configuration "OutputLocation=$results")
	vf_aws athena start-query-execution "${args[@]}" >"$vf_stage/aws/started" || vf_fail "$1" "cannot start the statement in Athena"
	athena_word QueryExecutionId "$vf_stage/aws/started"
	athena_query=$REPLY
	[[ -n $athena_query ]] || vf_fail "$1" "Athena gave the statement no id"
	while :; do
		vf_aws athena get-query-execution --query-execution-id "$athena_query" >"$vf_stage/aws/query" || vf_fail "$1" "cannot ask how the statement stands"
		athena_word State "$vf_stage/aws/query"
		case $REPLY in
		SUCCEEDED) break ;;
		QUEUED | RUNNING) ;;
		*)
			state=$REPLY
			# Athena's reason may quote a record: only the name of the error is told.
			athena_word StateChangeReason "$vf_stage/aws/query"
			why=${REPLY%%[!A-Z_]*}
			athena_query=''
			vf_fail "$1" "Athena says $state${why:+, $why}; the sources stay"
			;;
		esac
		((SECONDS < deadline)) || vf_fail "$1" "no end after $patience seconds: stopped; the sources stay" 75
		((pause == 0)) || sleep "$pause"
		pause=$((pause < 5 ? pause + 1 : 5))
	done
	athena_done=$athena_query athena_query=''
}

# athena_word KEY FILE -- the word that the value of this key starts with in an answer, in REPLY. In a text that Athena
# repeats, like the statement, the quotes are escaped and no key.
athena_word() {
	local answer word='\"'$1'\": *\"([A-Za-z0-9_-]*)'
	IFS= read -rd '' answer <"$2" || :
	REPLY=''
	[[ ! $answer =~ $word ]] || REPLY=${BASH_REMATCH[1]}
}

# athena_split -- the sources in parts whose paths fit into a statement: $vf_stage/batch.N
athena_split() {
	awk -F '\t' -v root="$lake_table/" -v room="$athena_room" -v stage="$vf_stage" '
		{ size += length(root $1) + 4 }
		NR == 1 || size > room { n++; size = length(root $1) + 4 }
		{ print $1 >(stage "/batch." n) }' "$vf_stage/sources"
}

# quoted FILE -- its lines as SQL texts. They hold no quotes: lake_plain_path.
quoted() { sed "s,.*,'&'," "$1" | paste -sd , -; }

# athena_merge -- parts of the lake's schema in $vf_stage/in, their names in paths, the sources with their counts in counted.
athena_merge() {
	local batch part=0 columns added partitions sources path rest
	athena_target=$lake/unload/$kind-$period-$set/$VF_RUN_ID
	# What a killed run left there is nobody's: what it wrote was not merged, and it wrote under another name.
	vf_aws s3 rm --only-show-errors --recursive "${athena_target%/*}/" || vf_fail clean "cannot clear ${athena_target%/*}"
	vf_last=athena_last
	# As vf-avro writes and reads lists: a semicolon between.
	columns=$(jq -r '[.fields[] | if (.type | type == "object") and .type.type == "array" then "array_join(\(.name), chr(59)) AS \(.name)" else .name end] | join(", ")' "$athena_schema")
	added=$({ cut -d / -f 1 "$vf_stage/sources"; echo "dt=$period"; } | LC_ALL=C sort -u |
		sed "s,^dt=\\(.*\\),PARTITION (dt = '\\1') LOCATION '$lake_table/dt=\\1/',")
	batch=0 partitions='' sources=''
	athena_statement partitions
	athena_run partitions
	athena_split
	: >"$vf_stage/counts"
	while [[ -e $vf_stage/batch.$((batch + 1)) ]]; do
		batch=$((batch + 1))
		partitions=$(sed 's,/.*,,; s,^dt=,,' "$vf_stage/batch.$batch" | LC_ALL=C sort -u >"$vf_stage/dates" && quoted "$vf_stage/dates")
		sources=$(sed "s,^,$lake_table/," "$vf_stage/batch.$batch" >"$vf_stage/objects" && quoted "$vf_stage/objects")
		athena_statement count
		athena_run count
		vf_aws athena get-query-results --query-execution-id "$athena_done" >"$vf_stage/aws/results" || vf_fail count "cannot read the counts"
		jq -r --arg root "$lake_table/" '.ResultSet.Rows[1:][] | [.Data[].VarCharValue] | [(.[0] | ltrimstr($root)), .[1]] | @tsv' \
			"$vf_stage/aws/results" >>"$vf_stage/counts"
		athena_statement unload
		athena_run unload
	done
	athena_counted
	vf_step_now=fetch
	lake_list_below "$athena_target" '' "$vf_stage/unloaded"
	source_root=$vf_stage/in
	: >"$vf_stage/paths"
	while IFS=$'\t' read -r path rest; do
		part=$((part + 1))
		vf_fetch "$athena_target/$path" "$vf_stage/unloaded.avro" </dev/null
		vf_step unloaded athena_back "$source_root/part-$part.avro"
		printf 'part-%s.avro\n' "$part" >>"$vf_stage/paths"
	done <"$vf_stage/unloaded"
	rm -f -- "$vf_stage/unloaded.avro"
	vf_step_now=merge
	[[ -s $vf_stage/paths ]] || vf_fail merge "none of the sources holds a record; they stay"
}

# Every source must have been seen. One without records gives no row: it is fetched and must really have none.
athena_counted() {
	local path size etag records stats REPLY
	LC_ALL=C sort -o "$vf_stage/counts" "$vf_stage/counts"
	LC_ALL=C join -t $'\t' -a 1 -e - -o 0,1.2,1.3,2.2 "$vf_stage/sources" "$vf_stage/counts" >"$vf_stage/counted"
	while IFS=$'\t' read -r path size etag records; do
		[[ $records == - ]] || continue
		vf_fetch "$lake_table/$path" "$vf_stage/empty.avro" </dev/null
		vf_step count vf-merge --dry-run --type "$lake_type" --stats "$vf_stage/empty.ndjson" "$vf_stage/empty.avro"
		mapfile -t stats <"$vf_stage/empty.ndjson"
		count_of in "${stats[-1]}"
		[[ $REPLY == 0 ]] || vf_fail count "Athena does not see $path, which holds records: is it the right table?"
	done <"$vf_stage/counted"
	sed -i 's,-$,0,' "$vf_stage/counted"
}

# athena_back FILE -- one of UNLOAD's files, checked and written in the lake's schema. Columns are found without regard to case.
athena_back() {
	local names
	# How many there are to be, then those that are there.
	mapfile -t names < <(vf-avro --print-schema "$vf_stage/unloaded.avro" |
		jq -r --slurpfile ours "$athena_schema" '($ours[0].fields | length), ([.fields[].name] as $theirs | $ours[0].fields[].name as $name |
			$theirs[] | select(ascii_downcase == ($name | ascii_downcase)) | "--column=\($name)=\(.)")')
	((${#names[@]} == ${names[0]:-0} + 1)) || {
		vf_say "what Athena wrote does not have the columns of $lake_type"
		return 1
	}
	vf-avro --decode "$vf_stage/unloaded.avro" | vf-avro --schema "$athena_schema" --codec deflate --max-rejects 0 "${names[@]:1}" -o "$1"
}

# The manifest's sources are the lake's, not the files that came back; and they hold as many records as Athena counted.
athena_sources() {
	local counted merged
	jq --rawfile counted "$vf_stage/counted" '.sources = [$counted | split("\n")[] | select(. != "") | split("\t") |
		{path: .[0], size: (.[1] | tonumber), records: (.[3] | tonumber), blake2b: null}]' "$vf_stage/merged.json" >"$vf_stage/merged.new"
	read -r counted merged < <(jq -r '"\([.sources[].records] | add) \([.outputs[].records] | add)"' "$vf_stage/merged.new")
	[[ $counted == "$merged" ]] || vf_fail merge "Athena wrote $merged records of $counted: nothing is stored; the sources stay"
	mv -- "$vf_stage/merged.new" "$vf_stage/merged.json"
}
