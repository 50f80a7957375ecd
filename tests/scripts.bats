#!/usr/bin/env bats
# The scripts in examples/: options, staging, storing, claims, S3. Whole campaigns are in campaign.bats.
#
# S3 is the stand-in tests/stand-ins/aws (a folder); TEST_S3=moto runs the same tests
# against moto and the real aws-cli, where those are installed.
load helper
load aws
load campaign

setup() {
	s3=$scratch/s3
	in=$scratch/c
}

teardown() {
	[[ -z ${moto_pid:-} ]] || kill "$moto_pid"
}

# start_s3: an empty bucket `bucket`.
start_s3() {
	export VF_STATE_DIR=$scratch/state-dir
	if [[ ${TEST_S3:-} == moto ]]; then
		local port
		port=$("$PYTHON3" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
		"$(aws_python)" -m moto.server -H 127.0.0.1 -p "$port" >"$scratch/moto.log" 2>&1 3>&- &
		moto_pid=$!
		export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
		wait_until 20 aws --endpoint-url "$AWS_ENDPOINT_URL" s3 mb s3://bucket >/dev/null
	else
		export VF_STANDIN_S3=$s3 PATH=$VF_SRCDIR/tests/stand-ins:$PATH
		mkdir -p "$s3/bucket"
	fi
}

put() { aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} s3 cp --only-show-errors "$1" "$2"; }

keys() {
	if [[ -n ${VF_STANDIN_S3:-} ]]; then
		(cd "$s3/bucket" && find . -type f -printf '%P\n') | LC_ALL=C sort
	else
		aws --endpoint-url "$AWS_ENDPOINT_URL" s3 ls --recursive s3://bucket | awk '{ print $4 }' | LC_ALL=C sort
	fi
}

# A campaign of 300 fans, and its tree with the fans scored, once for all tests.
setup_file() {
	in=$BATS_FILE_TMPDIR/c
	make_campaign 101 300 "$in"
	jq '.options = {} | del(.bands) | .markets[].limit = 5 | .waves |= map(del(.limits, .markets))' "$in/config.json" >"$in/x"
	mv "$in/x" "$in/config.json"
	lists_of "$in"
	score "$BATS_FILE_TMPDIR/t"
}

small_campaign() {
	cp -a "$BATS_FILE_TMPDIR/c" "$in"
	lists_of "$in"
}

# scored_campaign TREE: the same, and what score-file.sh stores of it.
scored_campaign() {
	small_campaign
	if [[ $1 != s3://* ]]; then
		cp -a "$BATS_FILE_TMPDIR/t" "$1"
	elif [[ -n ${VF_STANDIN_S3:-} ]]; then
		cp -a "$BATS_FILE_TMPDIR/t" "$s3/${1#s3://}"
	else
		score "$1"
	fi
}

score() { "$examples/score-file.sh" -c "$in/config.json" --to "$1" "${lists[@]}" "${@:2}" "$in/scores.txt"; }

prepare() {
	[[ -e $scratch/seed ]] || vf-seed new "$scratch/seed" >/dev/null
	"$examples/prepare-wave.sh" --to "$1" --wave "${wave:-w1}" --seed-file "$scratch/seed" --now "$now" --wait 0 "${lists[@]}" "${@:2}"
}

@test "scripts: each says what it does with --help, on stdout, and names every option it takes" {
	for script in archive-merged.sh campaign.sh email-worker.sh merge.sh prepare-wave.sh score-file.sh send-wave.sh; do
		run --separate-stderr "$examples/$script" --help
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		[[ $output == "Usage: $script "* ]]
		while read -r option; do
			[[ $option == --body || $output == *"$option"* ]] || {
				echo "$script: $option is not in --help" >&2
				return 1
			}
		done < <(grep -E '^	-.*\)' "$examples/$script" | grep -oE -e '--[a-z][a-z-]+')
	done
	run --separate-stderr "$examples/lib.sh" --help
	[ "$status" -eq 0 ]
	[ -n "$output" ]
	run --separate-stderr "$PYTHON3" "$examples/recheck-draw.py" --help
	[ "$status" -eq 0 ]
}

@test "README: the first pipeline works when it is pasted" {
	mkdir -p "$scratch/top/examples"
	cp -r "$sample" "$scratch/top/examples/sample"
	chmod -R u+w "$scratch/top/examples/sample"	# a copy of a read-only tree is one
	sed -n '/^## A first pipeline/,/^Between/s/^    //p' "$VF_SRCDIR/README.md" |
		sed "s,\$PWD/build/tools,$VF_BINDIR,; s,\$PWD/data,$VF_DATADIR," >"$scratch/pasted"
	[ "$(grep -c vf- "$scratch/pasted")" -ge 6 ]
	cd "$scratch/top"
	run --separate-stderr bash -euo pipefail "$scratch/pasted"
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	[[ $output == *"the manifest holds"* ]]
	[ "$(csv_records "$scratch/top/out/drawn.csv")" -gt 2000 ]
}

@test "scripts: an unknown option, a missing one, a missing value: one line and exit 2" {
	small_campaign
	for words in "score-file.sh --colour red x" "score-file.sh x" "score-file.sh --to" "prepare-wave.sh --to x" \
		"prepare-wave.sh --frobnicate" "campaign.sh --scores x" "campaign.sh --frobnicate" "campaign.sh --campaign" \
		"prepare-wave.sh --to x --wave ../w --seed-file $in/config.json"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$examples/"$words
		echo "$words: $status $stderr" >&2
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -le 2 ]
	done
	run --separate-stderr "$examples/score-file.sh" -c "$scratch/none.json" --to "$scratch/t" "$in/scores.txt"
	[ "$status" -eq 2 ]
	run --separate-stderr "$examples/score-file.sh" -c "$in/config.json" --to "$scratch/t" "$scratch/none.txt"
	[ "$status" -eq 2 ]
	[ ! -e "$scratch/t" ]
	nothing_left "$scratch"
}

@test "scripts: a configuration that is not right is named as it was given, in one line, before anything is made" {
	small_campaign
	jq '.markets[0].limit = "5"' "$in/config.json" >"$scratch/type.json"
	printf '{"id":"x",' >"$scratch/torn.json"
	jq 'del(.id)' "$in/config.json" >"$scratch/id.json"
	for name in type torn id; do
		run --separate-stderr "$examples/campaign.sh" --campaign "$scratch/$name.json" --scores "$in/scores.txt" --out "$scratch/o"
		echo "$name: $status $stderr" >&2
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[[ $stderr == "vf-score: $scratch/$name.json:"* ]]
		[ ! -e "$scratch/o" ]
	done
	nothing_left "$scratch"
}

@test "score-file: a producer that dies half way stores nothing, though its consumer saw a good end of input" {
	small_campaign
	tools_with vf-score <<-'END'
		#!/usr/bin/env bash
		[[ " $* " != *" --no-header "* ]] || exec @REAL@ "$@"	# the look at the configuration
		@REAL@ "$@" | head -n 100
		exit 1
	END
	run --separate-stderr score "$scratch/t"
	[ "$status" -eq 1 ]
	[[ $stderr == *"ALERT step=score-filter"* ]]
	no_personal_data "$stderr"
	[ ! -e "$scratch/t" ]
	nothing_left "$scratch"
}

@test "score-file: a consumer that dies stores nothing" {
	small_campaign
	tools_with vf-filter <<-'END'
		#!/usr/bin/env bash
		head -n 5 >/dev/null
		kill -KILL $$
	END
	run --separate-stderr score "$scratch/t"
	[ "$status" -eq 1 ]
	[ ! -e "$scratch/t" ]
	nothing_left "$scratch"
}

@test "score-file: a tool that loses a record and says it is well stores nothing" {
	small_campaign
	tools_with vf-score <<-'END'
		#!/usr/bin/env bash
		set -o pipefail
		@REAL@ "$@" | sed '$d'
	END
	run --separate-stderr score "$scratch/t"
	[ "$status" -eq 1 ]
	[[ $stderr == *"ALERT step=conservation"*"counts: vf-score in"* ]]
	[ ! -e "$scratch/t" ]
}

@test "score-file: more rejects than --max-rejects is exit 3 and stores nothing" {
	small_campaign
	run --separate-stderr score "$scratch/t" --max-rejects 0
	[ "$status" -eq 3 ]
	[ ! -e "$scratch/t" ]
	score "$scratch/t" --max-rejects=99%
	[ -s "$scratch/t/scored/scores.csv" ]
}

@test "score-file: a second run replaces, and never adds" {
	small_campaign
	score "$scratch/t"
	(cd "$scratch/t" && find . -type f ! -path ./stats/\* -print0 | sort -z | xargs -0 sha256sum) >"$scratch/before"
	score "$scratch/t"
	(cd "$scratch/t" && sha256sum --quiet -c "$scratch/before")
	[ "$(wc -l <"$scratch/t/stats/score-scores.ndjson")" -eq 2 ]
	[ "$(find "$scratch/t" -type f | wc -l)" -eq 4 ]
}

@test "score-file: ranks are found out from the header, whatever the delimiter, quotes and byte order mark" {
	small_campaign
	for head in 'globalUserId,rank,email' 'globalUserId|rank|email' '"globalUserId";"rank";"email"' $'\xef\xbb\xbfglobalUserId\trank\temail\r'; do
		printf '%s\nu1,2,a@example.com\n' "$head" | sed '2s/,/\t/g' >"$scratch/ranked.txt"
		case $head in
		*\|*) sed -i '2s/\t/|/g' "$scratch/ranked.txt" ;;
		*\;*) sed -i '2s/\t/;/g' "$scratch/ranked.txt" ;;
		*,*) sed -i '2s/\t/,/g' "$scratch/ranked.txt" ;;
		esac
		echo >>"$scratch/ranked.txt"
		rm -rf "$scratch/t"
		run --separate-stderr "$examples/score-file.sh" -c "$in/config.json" --to "$scratch/t" "$scratch/ranked.txt"
		[ "$status" -eq 0 ]
		[ "$(jq -s '.[0].reasons["bad-rank"]' "$scratch/t/stats/score-ranked.ndjson")" -eq 1 ]
	done
	printf 'globalUserId,rank,score,email\nu1,9,0.5,a@example.com\n' >"$scratch/both.txt"
	"$examples/score-file.sh" -c "$in/config.json" --to "$scratch/t" "$scratch/both.txt"
	[ "$(csv_get score "$scratch/t/scored/both.csv")" = 0.500000 ]
}

@test "score-file: two files of one name are both read, and rejects name the right one" {
	small_campaign
	mkdir "$scratch/a" "$scratch/b"
	printf 'globalUserId,score,email\nu1,0.5,a@example.com\n' >"$scratch/a/part.txt"
	printf 'globalUserId,score,email\nu2,x,b@example.com\n' >"$scratch/b/part.txt"
	"$examples/score-file.sh" -c "$in/config.json" --to "$scratch/t" --name both "$scratch/a/part.txt" "$scratch/b/part.txt"
	[ "$(csv_get globalUserId "$scratch/t/scored/both.csv")" = u1 ]
	[ "$(csv_get file "$scratch/t/rejects/score-both.csv")" = _part.txt ]
}

@test "score-file: SIGTERM ends every part of the pipeline, stores nothing, exits 75" {
	small_campaign
	tools_with vf-filter <<-END
		#!/usr/bin/env bash
		echo \$\$ >"$scratch/filter.pid"
		exec sleep 60
	END
	score "$scratch/t" 2>"$scratch/err" 3>&- &
	pid=$!
	wait_until 20 test -s "$scratch/filter.pid"
	# The function runs in a subshell: the script is its child.
	kill -TERM "$(pgrep -P "$pid" || echo "$pid")"
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 75 ]
	run kill -0 "$(cat "$scratch/filter.pid")"
	[ "$status" -ne 0 ]
	grep -q 'stopped by SIGTERM' "$scratch/err"
	[ ! -e "$scratch/t" ]
	nothing_left "$scratch"
}

@test "prepare-wave: opt-outs in the scored file and no --opt-out is refused: their tags would be lost" {
	scored_campaign "$scratch/t"
	grep -q 'opt-out' "$scratch/t/scored/scores.csv"
	lists=()
	run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 2 ]
	[[ $stderr == *"--opt-out"* ]]
	[ "$(names_in "$scratch/t/waves/w1")" = status.json ]
}

@test "prepare-wave: a wave that is not in the configuration, an unreadable seed: exit 2" {
	scored_campaign "$scratch/t"
	wave=w9
	run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 2 ]
	[[ $stderr == *"no wave w9"* ]]
	run --separate-stderr "$examples/prepare-wave.sh" --to "$scratch/t" --wave w1 --seed-file "$scratch/none"
	[ "$status" -eq 2 ]
}

@test "prepare-wave: while another run holds the claim it is 75 and names the holder; --break-claim takes it over" {
	scored_campaign "$scratch/t"
	mkdir -p "$scratch/t/waves/w1"
	echo '{"owner":"ana","host":"elsewhere","execution":"exec-7","time":"2027-01-01T00:00:00Z","pid":1,"started":"1"}' \
		>"$scratch/t/waves/w1/claim.json"
	run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 75 ]
	[[ $stderr == *"ana on elsewhere, execution exec-7"* ]]
	[ "$(names_in "$scratch/t/waves/w1")" = claim.json ]
	run --separate-stderr prepare "$scratch/t" --break-claim
	[ "$status" -eq 0 ]
	[[ $stderr == *"breaking the claim of ana on elsewhere, execution exec-7"* ]]
	[ ! -e "$scratch/t/waves/w1/claim.json" ]
	[ -e "$scratch/t/waves/w1/manifest.json" ]
}

@test "prepare-wave: the same execution comes back to its claim; one left by a dead process of this host is taken over" {
	scored_campaign "$scratch/t"
	mkdir -p "$scratch/t/waves/w1" "$scratch/t/waves/w2"
	echo '{"owner":"ana","host":"elsewhere","execution":"exec-7","time":"2027-01-01T00:00:00Z","pid":1,"started":"1"}' \
		>"$scratch/t/waves/w1/claim.json"
	VF_EXECUTION_ID=exec-7 run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 0 ]
	left_claim() {
		jq -n --arg host "${2:-$(hostname)}" --arg space "$1" '{owner: "bo", host: $host, space: $space, execution: "old",
			time: "2027-01-01T00:00:00Z", pid: 1, started: "99"}' >"$scratch/t/waves/w2/claim.json"
	}
	wave=w2
	left_claim 'pid:[another container]'
	run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 75 ]
	# What the environment says of the host's name does not count.
	left_claim "$(readlink /proc/self/ns/pid)" another-host
	HOSTNAME=another-host run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 75 ]
	left_claim "$(readlink /proc/self/ns/pid)"
	run --separate-stderr prepare "$scratch/t"
	[ "$status" -eq 0 ]
	[[ $stderr == *"is left over"* ]]
}

@test "prepare-wave: of eight at once on one wave the claim lets one in; the wave is prepared once" {
	scored_campaign "$scratch/t"
	vf-seed new "$scratch/seed" >/dev/null
	local k pids=()
	for k in 1 2 3 4 5 6 7 8; do
		prepare "$scratch/t" >"$scratch/log.$k" 2>&1 3>&- &
		pids+=($!)
	done
	local good=0 busy=0 rc
	for k in "${pids[@]}"; do
		rc=0
		wait "$k" || rc=$?
		case $rc in
		0) good=$((good + 1)) ;;
		75) busy=$((busy + 1)) ;;
		esac
	done
	echo "$good good, $busy busy" >&2
	[ $((good + busy)) -eq 8 ]
	[ "$good" -ge 1 ]
	[ "$(cat "$scratch"/log.* | grep -c 'stored waves/w1/')" -eq 1 ]
	one_code_each "$scratch/t/ledger.csv"
	[ "$(csv_records "$scratch/t/ledger.csv")" -eq "$(csv_records "$scratch/t/waves/w1/drawn.csv")" ]
}

# slow_draw: vf-draw says that it is there and waits for the file `go`.
slow_draw() {
	tools_with vf-draw <<-END
		#!/usr/bin/env bash
		echo \$\$ >"$scratch/draw.pid"
		until [[ -e "$scratch/go" ]]; do sleep 0.05; done
		exec @REAL@ "\$@"
	END
}

@test "prepare-wave: SIGTERM reaches the step at work; nothing is stored, the claim goes, 75, and the next run ends it" {
	scored_campaign "$scratch/t"
	vf-seed new "$scratch/seed" >/dev/null
	slow_draw
	"$examples/prepare-wave.sh" --to "$scratch/t" --wave w1 --seed-file "$scratch/seed" --now "$now" --wait 0 "${lists[@]}" \
		2>"$scratch/err" 3>&- &
	pid=$!
	wait_until 60 test -s "$scratch/draw.pid"
	[ -e "$scratch/t/waves/w1/claim.json" ]
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	cat "$scratch/err" >&2
	[ "$status" -eq 75 ]
	run kill -0 "$(cat "$scratch/draw.pid")"
	[ "$status" -ne 0 ]
	[ "$(names_in "$scratch/t/waves/w1")" = status.json ]
	nothing_left "$scratch/t"
	touch "$scratch/go"
	prepare "$scratch/t"
	[ -e "$scratch/t/waves/w1/manifest.json" ]
}

@test "prepare-wave: killed with its step still at work, the next run does not start beside it: 75; then it ends well" {
	scored_campaign "$scratch/t"
	vf-seed new "$scratch/seed" >/dev/null
	slow_draw
	"$examples/prepare-wave.sh" --to "$scratch/t" --wave w1 --seed-file "$scratch/seed" --now "$now" --wait 0 "${lists[@]}" \
		2>"$scratch/err" 3>&- &
	pid=$!
	wait_until 60 test -s "$scratch/draw.pid"
	kill -KILL "$pid"
	wait "$pid" || :
	run --separate-stderr prepare "$scratch/t"
	echo "$stderr" >&2
	[ "$status" -eq 75 ]
	[[ $stderr == *"is left over"* ]]
	touch "$scratch/go"
	# What was left runs to its end by itself; after that there is nothing to do, or all of it again.
	again() { prepare "$scratch/t" 2>>"$scratch/err"; }
	wait_until 60 again
	[ -e "$scratch/t/waves/w1/manifest.json" ]
	one_code_each "$scratch/t/ledger.csv"
	[ "$(csv_records "$scratch/t/ledger.csv")" -eq "$(csv_records "$scratch/t/waves/w1/drawn.csv")" ]
}

@test "prepare-wave: an empty state folder goes on from the stored ledger: nobody gets a second code" {
	scored_campaign "$scratch/t"
	prepare "$scratch/t"
	cp "$scratch/t/ledger.csv" "$scratch/before"
	rm -r "$scratch/t/state"
	run --separate-stderr prepare "$scratch/t" --again
	[ "$status" -eq 0 ]
	[[ $stderr == *"going on from the stored copy"* ]]
	same_files "$scratch/before" "$scratch/t/ledger.csv"
}

@test "s3: a whole campaign with every path in a bucket; the same tree, the same fates as on disk" {
	start_s3
	small_campaign
	for name in config.json scores.txt blacklist.txt whitelist.txt optout.txt; do
		put "$in/$name" "s3://bucket/in/$name"
	done
	run --separate-stderr "$examples/campaign.sh" --campaign s3://bucket/in/config.json --scores s3://bucket/in/scores.txt \
		--out s3://bucket/camp --now "$now" --wait 0 --blacklist s3://bucket/in/blacklist.txt --whitelist s3://bucket/in/whitelist.txt \
		--opt-out s3://bucket/in/optout.txt
	echo "$stderr" >&2
	[ "$status" -eq 0 ]
	calls=$(($(wc -l <"$s3.log" 2>/dev/null || echo 0) - 5))
	[ "$(keys | grep -c '^camp/')" -eq 30 ]
	[ "$(keys | grep -c claim)" -eq 0 ]
	mkdir "$scratch/t"
	keys | grep '^camp/' | while read -r key; do
		mkdir -p "$scratch/t/$(dirname "${key#camp/}")"
		put "s3://bucket/$key" "$scratch/t/${key#camp/}"
		chmod 600 "$scratch/t/${key#camp/}"
	done
	ln -s "$VF_STATE_DIR/$(jq -r .id "$in/config.json")" "$scratch/t/state"
	model_agrees "$in" "$scratch/t"
	nothing_left "$scratch"
	if [[ -n ${VF_STANDIN_S3:-} ]]; then	# a call costs most of a second: never one a record
		[ "$calls" -lt 90 ]
	fi
}

@test "s3: AWS_ENDPOINT_URL goes onto every command line: Debian's aws-cli does not read it" {
	[[ ${TEST_S3:-} != moto ]] || return 0
	start_s3
	export AWS_ENDPOINT_URL=http://127.0.0.1:9
	small_campaign
	put "$in/scores.txt" s3://bucket/scores.txt
	"$examples/score-file.sh" -c "$in/config.json" --to s3://bucket/camp s3://bucket/scores.txt
	[ "$(wc -l <"$s3.log")" -ge 5 ]
	[ "$(grep -vc -e '--endpoint-url http://127.0.0.1:9 ' "$s3.log")" -eq 0 ]
}

@test "s3: an aws-cli without conditional writes is refused where codes are given out, and only there" {
	[[ ${TEST_S3:-} != moto ]] || return 0
	start_s3
	export VF_STANDIN_OLD=1
	scored_campaign s3://bucket/camp
	run --separate-stderr prepare s3://bucket/camp
	[ "$status" -eq 2 ]
	[[ $stderr == *"--if-none-match"* ]]
	[ "$(keys | grep -c waves)" -eq 0 ]
}

@test "s3: without VF_STATE_DIR there is no place for a ledger: exit 2" {
	start_s3
	scored_campaign s3://bucket/camp
	unset VF_STATE_DIR
	run --separate-stderr prepare s3://bucket/camp
	[ "$status" -eq 2 ]
	[[ $stderr == *VF_STATE_DIR* ]]
}

@test "s3: what cannot be stored is a failure; the manifest is not there, and the next run ends it" {
	[[ ${TEST_S3:-} != moto ]] || return 0
	start_s3
	scored_campaign s3://bucket/camp
	VF_STANDIN_FAIL=wave.zip run --separate-stderr prepare s3://bucket/camp --retries 0
	[ "$status" -eq 1 ]
	[[ $stderr == *"ALERT step=store"* ]]
	[ "$(keys | grep -c -e manifest.json -e draw.json -e claim.json)" -eq 0 ]
	vf-attempt --status "$VF_STATE_DIR/$(jq -r .id "$in/config.json")/waves/w1/status.json" --step prepare --reset
	prepare s3://bucket/camp
	[ "$(keys | grep -c manifest.json)" -eq 1 ]
	one_code_each "$s3/bucket/camp/ledger.csv"
}

@test "s3: a look-up that fails is not taken for an object that is not there" {
	[[ ${TEST_S3:-} != moto ]] || return 0
	start_s3
	scored_campaign s3://bucket/camp
	VF_STANDIN_FAIL=head-object run --separate-stderr prepare s3://bucket/camp --retries 0
	[ "$status" -eq 1 ]
	[ ! -e "$VF_STATE_DIR/$(jq -r .id "$in/config.json")/ledger.csv" ]
}

@test "s3: another run's claim object is respected, broken only when told, and taken back by its own execution" {
	start_s3
	scored_campaign s3://bucket/camp
	echo '{"owner":"ana","host":"elsewhere","execution":"exec-7","time":"2027-01-01T00:00:00Z"}' >"$scratch/claim"
	put "$scratch/claim" s3://bucket/camp/waves/w1/claim.json
	put "$scratch/claim" s3://bucket/camp/waves/w2/claim.json
	run --separate-stderr prepare s3://bucket/camp
	[ "$status" -eq 75 ]
	[[ $stderr == *"ana on elsewhere, execution exec-7"* ]]
	run --separate-stderr prepare s3://bucket/camp --break-claim
	[ "$status" -eq 0 ]
	[[ $stderr == *"breaking the claim of ana"* ]]
	wave=w2
	VF_EXECUTION_ID=exec-7 run --separate-stderr prepare s3://bucket/camp
	[ "$status" -eq 0 ]
	[ "$(keys | grep -c claim)" -eq 0 ]
}

@test "s3: a ledger that somebody else stored in between is not overwritten" {
	[[ ${TEST_S3:-} != moto ]] || return 0
	start_s3
	scored_campaign s3://bucket/camp
	prepare s3://bucket/camp
	tools_with vf-wave <<-END
		#!/usr/bin/env bash
		echo "x,y,generated,other,w1,2027-01-01T00:00:00Z" >>"$s3/bucket/camp/ledger.csv"
		exec @REAL@ "\$@"
	END
	cp "$s3/bucket/camp/ledger.csv" "$scratch/before"
	wave=w2
	run --separate-stderr prepare s3://bucket/camp --retries 0
	[ "$status" -eq 75 ]
	[[ $stderr == *"ledger changed under us"* ]]
	[ "$(keys | grep -c 'w2/manifest.json')" -eq 0 ]
}
