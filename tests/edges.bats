#!/usr/bin/env bats
# One loop over all tools: what DESIGN 3 promises of every command line. The cases, and which of them failed, are
# edges.py's; a function's name there is the rule.
load helper

edges() {
	"$PYTHON3" "$VF_SRCDIR/tests/edges.py" "$1" "$BATS_TEST_TMPDIR"
}

@test "all tools: --help, --version, unknown options, on a full disk and a closed stdout, and what the pages say of them" {
	edges all
}

@test "filters: what is read: nothing, a header, no such column or file, a directory, CRLF, a mark, bad records" {
	edges input
}

@test "filters: where it goes: a full disk, closed outputs, signals, one file for several, links, devices" {
	edges output
}

@test "filters: --column, --max-rejects, --log, odd file names, rejects on stderr, a second run" {
	edges options
}
