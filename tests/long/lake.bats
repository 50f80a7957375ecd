#!/usr/bin/env bats
# The lake's scripts, killed at every step and run again while late files arrive: nobody ever sees a record twice,
# and in the end each is seen once.
#
# A run from a prepared lake is first watched to its end: before each step that may change the lake (on disk a call of a
# program, in S3 an object or message that is put, taken or removed) a reader looks, and says which state it is in: what
# the step before left. Then the run is killed before the first step in each state: before another step in the same state
# the kill would leave the same. In S3 it is killed in every state, on disk in every second, the first or the second
# drawn: there a file that is half written makes a state of its own beside each that S3 knows. Two lakes are at work at
# once. The runs after the kill are watched, too.
# bats file_tags=long
load ../helper
load ../lake

setup() {
	mkdir "$scratch/shim" "$scratch/real"
	# A step: the reader looks; the script and its step are killed instead of the N-th.
	cat >"$scratch/shim/step" <<-'EOF'
		read -r n <"$WORK/counter"
		echo $((++n)) >"$WORK/counter"
		echo "$n ${0##*/} $*" >"$WORK/ask"
		read -r state <"$WORK/answer"
		echo "$n $state" >>"$WORK/points"
		[[ $n -ne $KILL_AT ]] || { read -r pid <"$WORK/pid"; kill -KILL "$pid" 0; }
	EOF
	cat >"$scratch/shim/shim" <<-EOF
		#!/bin/bash
		. "$scratch/shim/step"
		exec "$scratch/real/\${0##*/}" "\$@"
	EOF
	chmod +x "$scratch/shim/shim"
}

teardown() {
	local work
	for work in "$BATS_TEST_TMPDIR"/w?; do	# not $scratch, which is a worker's by now
		[ ! -p "$work/ask" ] || echo quit 1<>"$work/ask"
	done
}

# shimmed PROGRAM...: these, behind the shim.
shimmed() {
	local program
	for program; do
		ln -s "$(type -P "$program")" "$scratch/real/$program"
		ln -s shim "$scratch/shim/$program"
	done
}

# enter WORKER: its own lake, with its reader.
enter() {
	export WORK=$scratch/w$1 KILL_AT=0
	mkdir "$WORK"
	scratch=$WORK
	"${kind}_lake"
	mkfifo "$WORK/ask" "$WORK/answer"
	: >"$WORK/looks"
	"$PYTHON3" "$VF_SRCDIR/tests/lake-reader.py" "$WORK" "$root/registration" "$root" "$WORK/queue" "$WORK/s3.queue" 2>"$WORK/reader" 3>&- &
}

# save NAME, restore NAME: the whole lake and its queue.
save() {
	mkdir "$shared/$1"
	(cd "$WORK" && cp -a lake queue s3 s3.queue "$shared/$1" 2>/dev/null) || :
}

restore() {
	(cd "$WORK" && rm -rf lake queue s3 s3.queue && cp -a "$shared/$1/." .)
}

# run_script SCRIPT [OPTION...]: behind the shim, in a session of its own: with the script its step's group is killed, and
# nothing else. SCRIPT may be archive-newest: the message that came last, alone.
run_script() {
	local command status=0
	case $1 in
	merge) command=("$examples/merge.sh" daily "$day" --lake "$lake" --queue "$queue") ;;
	archive) command=("$examples/archive-merged.sh" --break-claim --lake "$lake" --queue "$queue") ;;
	archive-newest) command=("$examples/archive-merged.sh" --break-claim --lake "$lake" --message "$2") ;;
	esac
	echo 0 >"$WORK/counter"
	: >"$WORK/points"
	VF_STANDIN_STEP=$shims/step PATH=$shims:$PATH setsid --wait bash -c 'echo $$ >"$WORK/pid"; exec "$@"' - "${command[@]}" >>"$WORK/out" 2>&1 3>&- || status=$?
	return "$status"
}

ask() {
	local answer
	echo "$*" >"$WORK/ask"
	read -r answer <"$WORK/answer"
	echo "$answer"
}

# show_again: what SQS does with messages that were received and not deleted.
show_again() {
	local file
	for file in "$WORK"/s3.queue/*/*.taken; do
		[ ! -e "$file" ] || mv "$file" "${file%.taken}.json"
	done
}

# recover SCRIPT LAST TURN: after the kill a late file comes, and the scripts run again. When merge.sh was killed, and in
# every other turn, the late file is merged, too, and the newest message comes first.
recover() {
	local newest
	KILL_AT=0
	show_again
	cp "$shared/late-$2" "$root/registration/dt=$day/z.avro"
	if [[ $1 == merge ]] || (($3 % 2 == 0)); then
		run_script merge || return 1
		newest=$(find "$WORK/queue" "$WORK/s3.queue" -name '*.json' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1)
		run_script archive-newest "${newest#* }" || return 1
	fi
	run_script archive || return 1
	[ "$(ask final 0 "$2")" = right ] || return 1
	# Nothing is left behind: no hidden object, no message. (On disk, files half written: nobody reads a name with a dot.)
	[ -z "$(find "$root/registration" "$WORK/queue" "$WORK/s3.queue" -type f ! -name '.*' ! -path "$root/registration/dt=*/[!_]*" 2>/dev/null)" ]
}

# kills SCRIPT LAST WORKER: those of $shared/kills that are this worker's.
kills() {
	local n status turn=$3
	while read -r n; do
		restore "$1"
		KILL_AT=$n status=0
		run_script "$1" || status=$?
		[ "$status" -eq 137 ] || { echo "$1 was not killed at $n: $status"; return 1; }
		recover "$1" "$2" "$((turn++))" || { echo "$1, killed at $n"; tail -n 20 "$WORK/out"; find "$root" | sort; return 1; }
	done < <(awk -v worker="$3" 'NR % 2 == worker { print $1 }' "$shared/kills")
}

# every_step SCRIPT LAST
every_step() {
	local other
	save "$1"
	source_file "$day" z.avro 3 "$(($2 - 2))"
	mv "$root/registration/dt=$day/z.avro" "$shared/late-$2"
	run_script "$1" || { cat "$WORK/out" "$WORK/reader"; return 1; }
	awk '!($2 in seen) { seen[$2]; print $1 }' "$WORK/points" >"$shared/states"
	[ "$(wc -l <"$shared/states")" -ge "$3" ]
	awk -v kind="$kind" -v odd="$((seed % 2))" 'kind == "s3" || NR % 2 == odd' "$shared/states" >"$shared/kills"
	echo "$1: $(wc -l <"$WORK/points") steps, $(wc -l <"$shared/states") states, $(wc -l <"$shared/kills") kills"
	(enter_again 2 && kills "$1" "$2" 0) &
	other=$!
	kills "$1" "$2" 1
	wait "$other"
}

enter_again() {
	scratch=$shared
	if [ -e "$shared/w$1" ]; then
		export WORK=$shared/w$1 KILL_AT=0
		scratch=$WORK
		"${kind}_lake"
	else
		enter "$1"
	fi
}

both_scripts() {
	kind=$1 shared=$scratch shims=$scratch/shim
	enter 1
	# A day that was merged before, and two new files.
	source_file "$day" old.avro 3 0
	merge daily "$day" >"$WORK/out" 2>&1
	archive >>"$WORK/out" 2>&1
	source_file "$day" a.avro 3 3
	source_file "$day" b.avro 3 6
	save base
	every_step merge 11 3
	# Two merges that share sources wait to be archived.
	restore base
	KILL_AT=0
	merge daily "$day" >"$WORK/out" 2>&1
	source_file "$day" c.avro 3 9
	merge daily "$day" >>"$WORK/out" 2>&1
	every_step archive 14 10
	cat "$shared"/w?/reader
	[ "$(cat "$shared"/w?/looks | wc -l)" -gt 300 ]
	run grep twice "$shared"/w?/looks
	[ "$status" -eq 1 ]
}

@test "lake: killed at every second step on disk, late files in between: each record once, never twice" {
	seed=${TEST_SEED:-$RANDOM}
	echo "# seed $seed (TEST_SEED=$seed repeats it)" >&3
	shimmed mv dd cp rm
	both_scripts plain
}

@test "lake: killed at every step in S3, late files in between: each record once, never twice" {
	both_scripts s3
}
