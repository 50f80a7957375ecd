#!/usr/bin/env bats
# The parts of SMS texts, by Perl's own table of the alphabet.
load ../helper

@test "segments: all code points of the BMP and 10,000 random texts are sized as Encode::GSM0338 and the split rules say" {
	run perl "$VF_SRCDIR/tests/oracles/segments.pl" "${VF_BINDIR%/tools}/tests/unit/test-message" 10000 ${SEED:+"$SEED"}
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *' texts, 0 wrong' ]]
}
