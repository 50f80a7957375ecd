#!/usr/bin/env bats
# The lake's scripts on a plain folder, killed at every second step and run again while late files arrive: nobody ever sees
# a record twice, and in the end each is seen once. (In S3, at every step: lake-moto.bats.)
#
# A run from a prepared lake is first watched to its end: before each step that may change the lake (a call of a program)
# a reader looks, and says which state it is in: what the step before left. Then the run is killed before the first step in
# each second state, the first or the second drawn: before another step in the same state the kill would leave the same.
# Two lakes are at work at once. The runs after the kill are watched, too.
# bats file_tags=long
load ../helper
load ../lake

setup() {
	untraced
}

teardown() {
	for READER in "$BATS_TEST_TMPDIR"/w?; do
		stop_reader
	done
}

# enter WORKER: its own lake, with its reader, who is there already the second time.
enter() {
	export WORK=$shared/w$1 READER=$shared/w$1 KILL_AT=0
	scratch=$WORK
	mkdir -p "$WORK"
	plain_lake
	[ -p "$WORK/ask" ] || start_reader "$WORK" "$root/registration" "$root" "$queue"
}

# A step: the reader looks; instead of the N-th the script and its step's group are killed, and nothing else.
step() {
	local n state
	[[ " $*" == *[\ =]"$WORK"/@(lake|queue)/* ]] || return 0
	read -r n <"$WORK/counter"
	echo $((++n)) >"$WORK/counter"
	echo "kill $n $*" >"$WORK/ask"
	read -r state <"$WORK/answer"
	echo "$n $state" >>"$WORK/points"
	[[ $n -ne $KILL_AT ]] || kill -KILL $$ 0
}

# The programs that change the lake. Of several files mv moves one after the other.
# shellcheck disable=SC2317	# the scripts call them
steps() {
	dd() { step dd "$@"; command dd "$@"; }
	cp() { step cp "$@"; command cp "$@"; }
	rm() { step rm "$@"; command rm "$@"; }
	mv() {
		local file
		if [[ $2 != -t ]]; then
			step mv "$@"
			command mv "$@"
			return
		fi
		for file in "${@:5}"; do
			step mv "${@:1:4}" "$file"
			command mv "${@:1:4}" "$file"
		done
	}
	export -f step dd cp rm mv
}

# run_script SCRIPT [MESSAGE]: in a session of its own. SCRIPT may be archive-newest: the message that came last, alone.
run_script() {
	local command
	case $1 in
	merge) command=("$examples/merge.sh" daily "$day" --lake "$lake" --queue "$queue") ;;
	archive) command=("$examples/archive-merged.sh" --break-claim --lake "$lake" --queue "$queue") ;;
	archive-newest) command=("$examples/archive-merged.sh" --break-claim --lake "$lake" --message "$2") ;;
	esac
	echo 0 >"$WORK/counter"
	: >"$WORK/points"
	(steps && exec setsid --wait "${command[@]}" >>"$WORK/out" 2>&1 3>&-)
}

# recover SCRIPT LAST TURN: after the kill a late file comes, and the scripts run again. When merge.sh was killed, and in
# every other turn, the late file is merged, too, and the newest message comes first.
recover() {
	local file newest=''
	KILL_AT=0
	source_file "$day" z.avro 3 "$(($2 - 2))"
	if [[ $1 == merge ]] || (($3 % 2 == 0)); then
		run_script merge || return 1
		for file in "$queue"/*.json; do
			[[ -n $newest && ! $file -nt $newest ]] || newest=$file
		done
		run_script archive-newest "$newest" || return 1
	fi
	run_script archive || return 1
	sees "0-$2" || return 1
	# Nothing is left behind: no hidden object, no message, no file half written.
	table
	[[ " $REPLY" != *@(/_daily|/_claim|/.)* ]] || return 1
	asked files "$queue"
	[ -z "$REPLY" ]
}

# kills SCRIPT LAST WORKER: those of $shared/kills that are this worker's.
kills() {
	local n status turn=$3 worker=0
	while read -r n _; do
		((worker++ % 2 == $3)) || continue
		asked restore "$shared/$1"
		KILL_AT=$n status=0
		run_script "$1" || status=$?
		[ "$status" -eq 137 ] || { echo "$1 was not killed at $n: $status"; return 1; }
		recover "$1" "$2" "$((turn++))" || { echo "$1, killed at $n: $REPLY"; tail -n 20 "$WORK/out"; return 1; }
	done <"$shared/kills"
}

# every_second_step SCRIPT LAST STATES: of these at least there are.
every_second_step() {
	local other
	asked save "$shared/$1"
	run_script "$1" || { cat "$WORK/out" "$WORK/reader"; return 1; }
	awk '!($2 in seen) { seen[$2]; print }' "$WORK/points" >"$shared/states"
	awk -v odd="$((seed % 2))" 'NR % 2 == odd' "$shared/states" >"$shared/kills"
	wc -l "$WORK/points" "$shared/states" "$shared/kills"
	[ "$(wc -l <"$shared/states")" -ge "$3" ]
	(enter 2 && kills "$1" "$2" 0) &
	other=$!
	kills "$1" "$2" 1
	wait "$other"
}

@test "lake: killed at every second step on disk, late files in between: each record once, never twice" {
	seed=${TEST_SEED:-$RANDOM} shared=$scratch
	echo "# seed $seed (TEST_SEED=$seed repeats it)" >&3
	enter 2
	enter 1
	# A day that was merged before, and two new files.
	source_file "$day" old.avro 3 0
	merge daily "$day" >"$WORK/out" 2>&1
	archive >>"$WORK/out" 2>&1
	source_file "$day" a.avro 3 3
	source_file "$day" b.avro 3 6
	asked save "$shared/base"
	every_second_step merge 11 3
	# Two merges that share sources wait to be archived.
	asked restore "$shared/base"
	KILL_AT=0
	merge daily "$day" >"$WORK/out" 2>&1
	source_file "$day" c.avro 3 9
	merge daily "$day" >>"$WORK/out" 2>&1
	every_second_step archive 14 10
	cat "$shared"/w?/reader
	mapfile -t looks < <(cat "$shared"/w?/looks)
	echo "${#looks[@]} looks"
	[ "${#looks[@]}" -gt 100 ]
	[[ "${looks[*]}" != *twice* ]]
}
