#!/usr/bin/env bats
# The lake's scripts, killed at every step and run again while late files arrive: nobody ever sees a record twice,
# and in the end each is seen once.
load ../helper
load ../lake

setup() {
	# Programs that change something, behind a counter: the script and its step are killed instead of the N-th call.
	# A reader looks before and after each call.
	mkdir "$scratch/shim"
	cat >"$scratch/shim/shim" <<-'EOF'
		#!/bin/bash
		name=${0##*/}
		look() { "$LOOK" >>"$LOOKS" || echo "twice at $name $*" >>"$LOOKS"; }
		n=$(($(cat "$COUNTER") + 1))
		echo "$n" >"$COUNTER"
		look "$@"
		[[ $n -ne $KILL_AT ]] || kill -KILL "$(cat "$SCRIPT_PID")" 0
		"$REAL/$name" "$@" || exit
		look "$@"
	EOF
	chmod +x "$scratch/shim/shim"
	cat >"$scratch/look" <<-'EOF'
		#!/usr/bin/python3
		import glob, os, sys
		sys.path.insert(0, os.environ["VF_SRCDIR"] + "/tests")
		import avro
		seen = set()
		for name in glob.glob(os.environ["LAKE_ROOT"] + "/registration/*/[!_.]*.avro"):
		    try:
		        ids = [record["id"] for record in avro.records(name)]
		    except FileNotFoundError:
		        continue
		    if seen & set(ids) or len(set(ids)) != len(ids):
		        sys.exit(1)
		    seen.update(ids)
		print(len(seen))
	EOF
	chmod +x "$scratch/look"
	export LOOK=$scratch/look LOOKS=$scratch/looks COUNTER=$scratch/counter SCRIPT_PID=$scratch/pid REAL=$scratch/real
	mkdir "$REAL"
}

# shimmed PROGRAM...: these, behind the counter.
shimmed() {
	local program
	for program; do
		ln -s "$(type -P "$program")" "$REAL/$program"
		ln -s shim "$scratch/shim/$program"
	done
	export LAKE_ROOT=$root
}

# killed_at N SCRIPT ARGUMENT...: status 0 when it ended before its N-th call.
killed_at() {
	local status=0
	export KILL_AT=$1
	echo 0 >"$COUNTER"
	# In a session of its own: with the script its step's process group goes, and nothing else.
	PATH=$scratch/shim:$PATH setsid --wait bash -c 'echo $$ >"$SCRIPT_PID"; exec "$@"' - "${@:2}" >/dev/null 2>>"$scratch/err" || status=$?
	sleep 0.05
	return "$status"
}

# show_again: what SQS does with messages that were received and not deleted.
show_again() {
	local file
	for file in "$scratch"/s3.queue/*/*.taken; do
		[ ! -e "$file" ] || mv "$file" "${file%.taken}.json"
	done
}

# every_step: kills merge.sh, then archive-merged.sh, before each of their calls in turn; a late file comes before each run.
every_step() {
	local n script first=0
	for script in merge archive; do
		for ((n = 1; n < 60; n++)); do
			source_file "$day" "f$first.avro" 3 "$first"
			first=$((first + 3))
			if [[ $script == merge ]]; then
				killed_at "$n" "$examples/merge.sh" daily "$day" --lake "$lake" --queue "$queue" && break
			else
				merge daily "$day" >/dev/null
				killed_at "$n" "$examples/archive-merged.sh" --lake "$lake" --queue "$queue" --break-claim && break
			fi
			show_again
		done
		[ "$n" -gt 3 ]
		[ "$n" -lt 60 ]
	done
	archive --break-claim >/dev/null
	merge daily "$day" >/dev/null
	archive >/dev/null
	cmp <(visible) <(ids 0 $((first - 1)))
	[ -z "$(find "$root/registration" -name '_daily*')" ]
	[ -s "$LOOKS" ]
	run grep twice "$LOOKS"
	[ "$status" -eq 1 ]
}

@test "lake: killed at every step on disk, late files in between: each record once, never twice" {
	plain_lake
	shimmed mv cp rm
	every_step
}

@test "lake: killed at every step in S3, late files in between: each record once, never twice" {
	s3_lake
	shimmed aws
	every_step
}
