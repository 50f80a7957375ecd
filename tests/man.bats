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
	local ready=$BATS_FILE_TMPDIR/ready program page
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
	for page in $(pages); do
		mkdir "$BATS_FILE_TMPDIR/examples/$page.d"
		"$PYTHON3" "$VF_SRCDIR/tests/man-examples.py" "$VF_SRCDIR/man/$page" "$BATS_FILE_TMPDIR/examples/$page.d"
	done
	for program in "${others[@]}"; do
		ln -s "$(type -P "$program")" "$BATS_FILE_TMPDIR/programs/$program"
	done
}

teardown_file() {
	stop_moto
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL
}

tools() {
	local sources=("$VF_SRCDIR"/tools/vf-*.c)
	sources=("${sources[@]##*/}")
	echo "${sources[@]%.c}"
}

# Of the tools and of the whole: the pages that have examples.
pages() {
	local pages=("$VF_SRCDIR"/man/*.1 "$VF_SRCDIR/man/vf.7")
	echo "${pages[@]##*/}"
}

# Snippets of a page in its order: PAGE.d/1.sh and on.
snippets() {
	local n
	for ((n = 1; ; n++)); do
		[[ -e $BATS_FILE_TMPDIR/examples/$1.d/$n.sh ]] || break
		echo "$BATS_FILE_TMPDIR/examples/$1.d/$n.sh"
	done
}

# A reader such as head may leave before the end: its writer's SIGPIPE is no failure.
ends_well() {
	[[ $2 -eq 0 ]] || { [[ $2 -eq 141 ]] && tail -n 1 "$1" | grep -q '| head\b'; }
}

# run_page PAGE: its examples in turn, each in the folder as the one before left it. Says which fail.
run_page() {
	local snippet rc bad=0
	cp -Rp "$BATS_FILE_TMPDIR/ready" "$1.work"
	for snippet in $(snippets "$1"); do
		rc=0
		(cd "$1.work" && PATH=$VF_BINDIR:$BATS_FILE_TMPDIR/programs bash -euo pipefail "$snippet") </dev/null >"$snippet.log" 2>&1 || rc=$?
		ends_well "$snippet" "$rc" && continue
		bad=1
		printf '# %s, example %s: exit %d\n' "$1" "$(basename "$snippet" .sh)" "$rc"
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

@test "man pages: two examples or more, the last one a pipeline" {
	local page of_page bad=0
	for page in $(pages); do
		mapfile -t of_page < <(snippets "$page")
		[[ ${#of_page[@]} -ge 2 ]] || { echo "$page: fewer than two examples"; bad=1; continue; }
		grep -qE '(^|[^|])\|($|[^|])' "${of_page[-1]}" || { echo "$page: the last example has no pipe"; bad=1; }
	done
	[ "$bad" -eq 0 ]
}

# squeezed: without empty lines, blanks at the ends, and more than one blank between words.
squeezed() {
	sed -e 's/[[:blank:]]\+/ /g; s/^ //; s/ $//' -e '/^$/d'
}

@test "man pages: what runs is what man shows" {
	local page snippet shown
	for page in $(pages); do
		shown=$(mandoc -T utf8 -O width=500 "$VF_SRCDIR/man/$page" | col -bx | sed -n '/^EXAMPLES/,/^SEE ALSO/p' | squeezed)
		for snippet in $(snippets "$page"); do
			[[ $shown == *"$(squeezed <"$snippet")"* ]] || { echo "$page: not shown:"; cat "$snippet"; false; }
		done
	done
}

@test "man pages: the extractor undoes escapes, and refuses what it does not know" {
	mkdir out
	printf '%s\n' '.Sh DESCRIPTION' '.Bd -literal' 'no' '.Ed' '.Sh EXAMPLES' '.\" a comment' \
		'.Bd -literal -offset indent' 'printf \(dqa\en\(dq \e' "	\\-- x \\(aq\\(ti\\(ha\\(ga\\(aq" '\&.hidden' '.Ed' 'words' \
		'.Dl vf-codegen \-n  2' '.Sh SEE ALSO' '.Dl no' >page
	run --separate-stderr "$PYTHON3" "$VF_SRCDIR/tests/man-examples.py" page out
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(ls out)" = $'1.sh\n2.sh' ]
	[ "$(cat out/1.sh)" = "printf \"a\\n\" \\
	-- x '~^\`'
.hidden" ]
	[ "$(cat out/2.sh)" = 'vf-codegen -n 2' ]
	refused ':3: an escape that is not known here: \[u2014]' '.Sh EXAMPLES' '.Bd -literal' 'a \[u2014]' '.Ed'
	refused ':3: a macro or request in a literal block' '.Sh EXAMPLES' '.Bd -literal' '.Xr vf 7' '.Ed'
	refused ':2: a block that is not literal' '.Sh EXAMPLES' '.Bd -ragged' 'a' '.Ed'
	refused ':3: a block that never ends' '.Sh EXAMPLES' '.Bd -literal' 'a'
	refused ":2: .Dl: a quote or a macro's name; use .Bd -literal" '.Sh EXAMPLES' '.Dl vf-seed Ar x'
}

# refused CAUSE LINE...: the extractor's word on a page of these lines.
refused() {
	local cause=$1
	shift
	printf '%s\n' "$@" >page
	run --separate-stderr "$PYTHON3" "$VF_SRCDIR/tests/man-examples.py" page out
	[ "$status" -eq 1 ]
	[ "$stderr" = "page$cause" ]
}

# reasons TOOL: the words of the array that its table names, from the tool's source or wherever that array is.
reasons() {
	local source=$VF_SRCDIR/tools/$1.c name
	name=$(sed -n 's/^\t\.reasons = \([a-z_]*\),$/\1/p' "$source")
	[[ -n $name ]] || return 0
	cat "$source" "$VF_SRCDIR"/tools/*.c "$VF_SRCDIR"/libvf/*/*.c |
		awk -v start="^(static )?const char \\*const ${name}\\\\[" '$0 ~ start { on = 1 } on { print } on && /NULL/ { exit }' |
		grep -oE '"[a-z-]+"' | tr -d '"'
}

@test "man pages: a tool's reject reasons are explained in its page" {
	local tool word words n=0
	for tool in $(tools); do
		words=$(reasons "$tool")
		if grep -q '\.reasons = ' "$VF_SRCDIR/tools/$tool.c"; then
			[ -n "$words" ] || { echo "$tool: no reasons found in the source"; false; }
		fi
		for word in $words; do
			grep -qxF ".It Cm $word" "$VF_SRCDIR/man/$tool.1" || { echo "$tool.1: no $word"; false; }
			n=$((n + 1))
		done
	done
	[ "$n" -gt 20 ]
	[[ " $(reasons vf-score | tr '\n' ' ') " == *" bad-score "*" duplicate-fan "* ]]
}

@test "man pages: every tool is in vf(7), in README's table and in NEWS" {
	local tool bad=0
	for tool in $(tools); do
		grep -qxF ".It Xr $tool 1" "$VF_SRCDIR/man/vf.7" || { echo "vf.7: no $tool"; bad=1; }
		grep -qE "^\| \`$tool\` \|" "$VF_SRCDIR/README.md" || { echo "README.md: no $tool"; bad=1; }
		grep -qE "\b$tool\b" "$VF_SRCDIR/NEWS" || { echo "NEWS: no $tool"; bad=1; }
		[[ -s $VF_SRCDIR/man/$tool.1 ]] || { echo "no page $tool.1"; bad=1; }
	done
	[ "$bad" -eq 0 ]
}
