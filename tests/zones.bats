#!/usr/bin/env bats
# base/zone against another reader of the same files: Python's zoneinfo.
load helper

setup() {
	untraced
}

@test "zones: offsets, changes and next openings are those that Python's zoneinfo gives" {
	run "$PYTHON3" "$VF_SRCDIR/tests/zones.py" "$VF_BUILDDIR/tests/unit/test-zone"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *' questions, 0 wrong' ]]
}
