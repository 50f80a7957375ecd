#!/usr/bin/env bats
# The manual pages: every example runs, every reject word is explained, every tool is in the lists.
load helper
load aws

# What examples may take for granted beside the bundled sample (examples/sample):
#   scored.csv entrants.csv    the sample, scored and filtered
#   seed draw.json drawn.csv   the draw of wave w1
#   codes.csv ledger.csv assigned.csv   its codes
#   registration.avsc selection.avsc code-assignment.avsc   the lake's schemas
#   day1.avro day2.avro        800 registrations
#   moto as AWS, with a stream campaign-events and a queue jobs, whose URL is $QUEUE_URL
# And which programs besides ours: Debian's essential ones, and what ./bootstrap installs.
others=(awk b2sum basename bash cat cmp cp cut date diff dirname env find grep gunzip gzip head jq ls mkdir mv paste printf
	python3 rm sed seq sh sleep sort split tail tar tee test touch tr uniq unzip wc xargs zip)

setup_file() {
	untraced
	local ready=$BATS_FILE_TMPDIR/ready files
	mkdir "$ready"
	cp "$VF_SRCDIR"/examples/sample/*.txt "$VF_SRCDIR"/examples/sample/config.json \
		"$VF_SRCDIR"/examples/schemas/*.avsc "$ready"
	chmod -R u+w "$ready"
	cd "$ready" || return 1
	(umask 077 && printf '%064d\n' 7 >seed)
	vf-score -c config.json --rejects /dev/null -o scored.csv scores.txt
	vf-filter -c config.json --rejects /dev/null --email-blacklist blacklist.txt -o entrants.csv scored.csv
	vf-draw -c config.json --wave w1 --seed-file seed --rejects /dev/null --manifest draw.json -o drawn.csv entrants.csv
	vf-codegen -n 5000 -o codes.csv
	vf-assign -c config.json --wave w1 --codes codes.csv --ledger ledger.csv -o assigned.csv drawn.csv
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" make day1.avro --records 500 --codec deflate
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" make day2.avro --records 300 --first 500
	start_moto --streams campaign-events:2 --queues jobs
	export QUEUE_URL=$MOTO_URL/123456789012/jobs
	mkdir "$BATS_FILE_TMPDIR/examples" "$BATS_FILE_TMPDIR/programs"
	mapfile -t files < <(pages)
	"$PYTHON3" "$VF_SRCDIR/tests/man-examples.py" "${files[@]/#/$VF_SRCDIR/man/}" "$BATS_FILE_TMPDIR/examples"
	mapfile -t files < <(type -P "${others[@]}")
	[[ ${#files[@]} -eq ${#others[@]} ]] || { echo "not all are there: ${others[*]}" >&2; return 1; }
	ln -s -t "$BATS_FILE_TMPDIR/programs" "${files[@]}"
}

teardown_file() {
	stop_moto
}

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
}

# Of the tools and of the whole: the pages that have examples.
pages() {
	local pages=("$VF_SRCDIR"/man/*.1 "$VF_SRCDIR/man/vf.7")
	printf '%s\n' "${pages[@]##*/}"
}

# A reader such as head may leave before the end: its writer's SIGPIPE is no failure.
ends_well() {
	[[ $2 -eq 0 ]] || { [[ $2 -eq 141 ]] && tail -n 1 "$1" | grep -q '| head\b'; }
}

# run_page PAGE: its examples in turn, each in the folder as the one before left it. Says which fail.
run_page() {
	local snippet n rc bad=0
	cp -Rp "$BATS_FILE_TMPDIR/ready" "$1.work"
	for ((n = 1; ; n++)); do
		snippet=$BATS_FILE_TMPDIR/examples/$1.d/$n.sh rc=0
		[[ -e $snippet ]] || break
		(cd "$1.work" && PATH=$VF_BINDIR:$BATS_FILE_TMPDIR/programs bash -euo pipefail "$snippet") </dev/null >"$snippet.log" 2>&1 || rc=$?
		ends_well "$snippet" "$rc" && continue
		bad=1
		printf '# %s, example %s: exit %d\n' "$1" "$n" "$rc"
		cat "$snippet" "$snippet.log"
	done
	return "$bad"
}

@test "man pages: every example runs as it stands there" {
	local page bad=0
	for page in $(pages); do
		run_page "$page" || bad=1
	done
	[ "$bad" -eq 0 ]
}

@test "man pages: two examples or more, as man shows them; every reason explained; every tool in vf(7), README, NEWS" {
	"$PYTHON3" "$VF_SRCDIR/tests/man-pages.py" "$VF_SRCDIR" "$BATS_FILE_TMPDIR/examples"
}

@test "man pages: the extractor undoes escapes, and refuses what it does not know" {
	local faults=''
	mkdir out
	printf '%s\n' '.Sh DESCRIPTION' '.Bd -literal' 'no' '.Ed' '.Sh EXAMPLES' '.\" a comment' \
		'.Bd -literal -offset indent' 'printf \(dqa\en\(dq \e' "	\\-- x \\(aq\\(ti\\(ha\\(ga\\(aq" '\&.hidden' '.Ed' 'words' \
		'.Dl vf-codegen \-n  2' '.Sh SEE ALSO' '.Dl no' >page
	faulty one 'an escape that is not known here: \[u2014]' 3 '.Bd -literal' 'a \[u2014]' '.Ed'
	faulty two 'a macro or request in a literal block' 3 '.Bd -literal' '.Xr vf 7' '.Ed'
	faulty three 'a block that is not literal' 2 '.Bd -ragged' 'a' '.Ed'
	faulty four 'a block that never ends' 3 '.Bd -literal' 'a'
	faulty five ".Dl: a quote or a macro's name; use .Bd -literal" 2 '.Dl vf-seed Ar x'
	run --separate-stderr "$PYTHON3" "$VF_SRCDIR/tests/man-examples.py" page one two three four five out
	[ "$status" -eq 1 ]
	[ "$stderr"$'\n' = "$faults" ]
	[ "$(cd out && echo */*)" = 'page.d/1.sh page.d/2.sh' ]
	[ "$(<out/page.d/1.sh)" = "printf \"a\\n\" \\
	-- x '~^\`'
.hidden" ]
	[ "$(<out/page.d/2.sh)" = 'vf-codegen -n 2' ]
}

# faulty PAGE CAUSE LINE TEXT...: makes a page of these lines of examples; `faults` gets the extractor's word on it.
faulty() {
	printf '%s\n' '.Sh EXAMPLES' "${@:4}" >"$1"
	faults+="$1:$3: $2"$'\n'
}
