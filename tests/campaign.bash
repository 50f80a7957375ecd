# What the tests of whole campaigns share: random campaigns, runs, the model's judgement.
# shellcheck shell=bash
# shellcheck disable=SC2154	# status and stderr are set by bats' run

examples=$VF_SRCDIR/examples
sample=$examples/sample
scratch=$BATS_TEST_TMPDIR
now=2027-01-15T12:00:00Z	# before every notify date that generate.py draws

# make_campaign SEED FANS FOLDER [OPTION]...: config.json, scores.txt and lists, drawn from SEED. Of the disposable domains
# each 50th and all that are drawn: to read the whole list takes the tools and the model longer than all the rest, and the
# sample is run with that.
make_campaign() {
	"$PYTHON3" "$sample/generate.py" --vary --seed "$1" --fans "$2" --out "$3" "${@:4}"
	awk 'NR % 50 == 0 || /^(mailinator|guerrillamail|yopmail|sharklasers)\.com$/' "$VF_DATADIR/disposable-domains.txt" \
		>"$3/disposable.txt"
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
	[[ ! -e $1/disposable.txt ]] || lists+=(--disposable "$1/disposable.txt")
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
	[[ -e $1/disposable.txt ]] || lists+=(--disposable "$VF_DATADIR/disposable-domains.txt")
	"$PYTHON3" "$VF_SRCDIR/tests/reference.py" campaign --config "$1/config.json" --scores "$1/scores.txt" \
		--seed-file "$2/state/seed" --out-of "$2" "${lists[@]}" --relay "$VF_DATADIR/relay-domains.txt" "${@:3}"
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

# same_campaign A B: the same fans in the same files and order. Codes are random.
same_campaign() {
	"$PYTHON3" -I -S - "$1" "$2" <<-'END'
		import csv, json, os, sys
		a, b = sys.argv[1:]

		def whole(path):
		    with open(path, "rb") as file:
		        return file.read()

		def fans(path):
		    with open(path, newline="", encoding="utf-8") as file:
		        return [{k: v for k, v in row.items() if k != "code"} for row in csv.DictReader(file)]

		def same(read, path):
		    if read(f"{a}/{path}") != read(f"{b}/{path}"):
		        sys.exit(f"{path} differs in {a} and {b}")

		waves = os.listdir(a + "/waves")
		if not waves:
		    sys.exit(f"{a}: no wave")
		for wave in waves:
		    for name in "entrants", "drawn", "unselected":
		        same(whole, f"waves/{wave}/{name}.csv")
		    for name in "sms", "email", "codes":
		        same(fans, f"waves/{wave}/{name}.csv")
		    if json.loads(whole(f"{b}/waves/{wave}/status.json"))["state"] != "prepared":
		        sys.exit(f"{b}: {wave} is not prepared")
		same(whole, "scored/scores.csv")
	END
}

# one_code_each LEDGER: no fan twice, no code twice.
one_code_each() {
	awk -F, 'NR > 1 && (fans[$1]++ || codes[$2]++) { twice = 1 } END { exit !(NR > 0) || twice }' "$1"
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

# prepare_w1 FOLDER OUT [OPTION]...: prepare-wave.sh alone, for the wave w1 of what is scored in OUT.
prepare_w1() {
	lists_of "$1"
	"$examples/prepare-wave.sh" --campaign "$1/config.json" --to "$2" --wave w1 --now "$now" --wait 0 "${lists[@]}" "${@:3}"
}

# killed_and_run_again CAMPAIGN WHOLE TOOL before|after [SCORED]: the first call of TOOL for a wave, before or after its work,
# brings SIGKILL to all that is above it: prepare-wave.sh, vf-attempt, prepare-wave.sh. Then once more, undisturbed:
# the end has to be that of WHOLE, which ran through with the same seed. Whole campaigns are run, or, in a copy of the tree
# SCORED, prepare-wave.sh alone.
killed_and_run_again() {
	local out=$scratch/out-$3-$4 real=$VF_BINDIR work=run_campaign
	if [[ -n ${5:-} ]]; then
		work=prepare_w1
		cp -a "$5" "$out"
	fi
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
	run --separate-stderr "$work" "$1" "$out" --seed-file "$scratch/seed"
	[ "$status" -ne 0 ] || return 1
	[ -e "$out.killed" ] || return 1
	[ ! -e "$out/waves/w1/manifest.json" ] || return 1
	run --separate-stderr "$work" "$1" "$out" --seed-file "$scratch/seed"
	echo "$3: $stderr" >&2
	[ "$status" -eq 0 ] || return 1
	VF_BINDIR=$real
	same_campaign "$2" "$out" && one_code_each "$out/ledger.csv"
}
