# What the tests of whole campaigns share: random campaigns, runs, the model's judgement.
# shellcheck shell=bash
# shellcheck disable=SC2154	# status and stderr are set by bats' run

examples=$VF_SRCDIR/examples
sample=$examples/sample
scratch=$BATS_TEST_TMPDIR
now=2027-01-15T12:00:00Z	# before every notify date that generate.py draws

# make_campaign SEED FANS FOLDER [OPTION]...: config.json, scores.txt and lists, drawn from SEED.
make_campaign() {
	"$PYTHON3" "$sample/generate.py" --vary --seed "$1" --fans "$2" --out "$3" "${@:4}"
}

# seed_of_test: TEST_SEED, or a new one; printed, so that a failure can be had again.
seed_of_test() {
	seed=${TEST_SEED:-$((RANDOM * 32768 + RANDOM))}
	echo "# seed $seed (TEST_SEED=$seed repeats it)" >&3
}

# equal_limits FOLDER N: every market draws N in every wave.
equal_limits() {
	jq --argjson n "$2" '.markets[].limit = $n | .waves |= map(del(.limits, .markets))' "$1/config.json" >"$1/config.new"
	mv "$1/config.new" "$1/config.json"
}

# one_wave FOLDER: the campaign's first wave alone, for all markets.
one_wave() {
	jq '.waves |= [.[0] | del(.limits, .markets)]' "$1/config.json" >"$1/config.new"
	mv "$1/config.new" "$1/config.json"
}

lists_of() {
	lists=(--blacklist "$1/blacklist.txt" --whitelist "$1/whitelist.txt" --opt-out "$1/optout.txt")
}

# run_campaign FOLDER OUT [OPTION]...: without pauses between tries.
run_campaign() {
	lists_of "$1"
	"$examples/campaign.sh" --campaign "$1/config.json" --scores "$1/scores.txt" --out "$2" --now "$now" --wait 0 \
		"${lists[@]}" "${@:3}"
}

# model_agrees FOLDER OUT [OPTION]...: every fan's fate, recomputed from the inputs, the seed and nothing else.
model_agrees() {
	lists_of "$1"
	"$PYTHON3" "$VF_SRCDIR/tests/reference.py" campaign --config "$1/config.json" --scores "$1/scores.txt" \
		--seed-file "$2/state/seed" --out-of "$2" "${lists[@]}" \
		--disposable "$VF_DATADIR/disposable-domains.txt" --relay "$VF_DATADIR/relay-domains.txt" "${@:3}"
}

# tools_with NAME: a folder of links to the real tools, in which NAME is what stdin says (@REAL@: the real one).
tools_with() {
	local tool dir
	dir=$scratch/tools-$1-$RANDOM
	mkdir "$dir"
	for tool in "$VF_BINDIR"/vf-*; do
		[[ ! -x $tool || -d $tool ]] || ln -s "$tool" "$dir/${tool##*/}"
	done
	rm -f "$dir/$1"
	sed "s,@REAL@,$VF_BINDIR/$1,g" >"$dir/$1"
	chmod +x "$dir/$1"
	VF_BINDIR=$dir
}

# fans_of FILE: what a wave file says of its fans, less the codes: they are random.
fans_of() {
	"$PYTHON3" -c '
import csv, sys
for row in csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8")):
    row.pop("code", None)
    print(sorted(row.items()))
' "$1"
}

# same_campaign A B: the same fans in the same files and order.
same_campaign() {
	local wave name
	for wave in "$1"/waves/*/; do
		wave=$(basename "$wave")
		for name in entrants drawn unselected; do
			same_files "$1/waves/$wave/$name.csv" "$2/waves/$wave/$name.csv" || return 1
		done
		for name in sms email codes; do
			diff <(fans_of "$1/waves/$wave/$name.csv") <(fans_of "$2/waves/$wave/$name.csv") || return 1
		done
		[ "$(jq -r .state "$2/waves/$wave/status.json")" = prepared ] || return 1
	done
	same_files "$1/scored/scores.csv" "$2/scored/scores.csv"
}

# one_code_each LEDGER: no fan twice, no code twice.
one_code_each() {
	[ -z "$(tail -n +2 "$1" | cut -d, -f1 | sort | uniq -d)" ] && [ -z "$(tail -n +2 "$1" | cut -d, -f2 | sort | uniq -d)" ]
}

# names_in FOLDER: what is in it, in order, on one line.
names_in() {
	find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | paste -sd ' ' -
}

# nothing_left: no staging folder, no temporary file.
nothing_left() {
	[ -z "$(find "$TMPDIR" -maxdepth 1 -name 'vf-stage.*')" ] && [ -z "$(find "$1" -name '.*.??????')" ]
}

# no_personal_data: nothing like an address, a phone or an id of a fan in what people see.
no_personal_data() {
	! grep -nE '[A-Za-z0-9._+-]+@[A-Za-z0-9-]+\.|\+1[2-9][0-9]{9}|\bf[0-9a-f]{9}\b' <<<"$1"
}

# killed_and_run_again CAMPAIGN WHOLE TOOL before|after: the first call of TOOL for a wave, before or after its work,
# brings SIGKILL to all that is above it: prepare-wave.sh, vf-attempt, prepare-wave.sh. Then once more, undisturbed:
# the end has to be that of WHOLE, which ran through with the same seed.
killed_and_run_again() {
	local out=$scratch/out-$3-$4 real=$VF_BINDIR
	tools_with "$3" <<-END
		#!/usr/bin/env bash
		if [[ ! -e $out.killed ]] && tr '\\0' ' ' <"/proc/\$PPID/cmdline" | grep -q prepare-wave; then
			touch "$out.killed"
			[[ $4 == before ]] || @REAL@ "\$@"
			pid=\$PPID
			while tr '\\0' ' ' <"/proc/\$pid/cmdline" | grep -q -e prepare-wave -e vf-attempt; do
				pids+=" \$pid"
				pid=\$(sed 's/.*) [^ ]* //; s/ .*//' "/proc/\$pid/stat")
			done
			kill -KILL \$pids
			exit 1
		fi
		exec @REAL@ "\$@"
	END
	run --separate-stderr run_campaign "$1" "$out" --seed-file "$scratch/seed"
	[ "$status" -ne 0 ] || return 1
	[ -e "$out.killed" ] || return 1
	[ ! -e "$out/waves/w1/manifest.json" ] || return 1
	run --separate-stderr run_campaign "$1" "$out" --seed-file "$scratch/seed"
	echo "$3: $stderr" >&2
	[ "$status" -eq 0 ] || return 1
	VF_BINDIR=$real
	same_campaign "$2" "$out" && one_code_each "$out/ledger.csv"
}
