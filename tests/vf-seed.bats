#!/usr/bin/env bats
# vf-seed: a secret made once, and the commitment that is published for it.
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "vf-seed: new makes a file of 64 hex digits that only its owner can read" {
	umask 022
	try vf-seed new seed
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -z "$stderr" ]
	[ "$(stat -c %a seed)" = 600 ]
	[ "$(wc -c <seed)" -eq 65 ]
	grep -qxE '[0-9a-f]{64}' seed
}

@test "vf-seed: two seeds differ" {
	vf-seed new a
	vf-seed new b
	run ! cmp -s a b
}

@test "vf-seed: new never replaces a file, an empty one or a link either" {
	vf-seed new seed
	cp seed before
	: >empty
	ln -s nowhere link
	for file in seed empty link; do
		try vf-seed new "$file"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "vf-seed: $file: is there already; a seed is never replaced" ]
	done
	cmp seed before
	[ ! -s empty ]
	[ ! -e nowhere ]
}

@test "vf-seed: new into a folder that is not there fails and says so" {
	try vf-seed new nowhere/seed
	[ "$status" -eq 1 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-seed: nowhere/seed: No such file or directory" ]
}

@test "vf-seed: commit prints BLAKE2b-256 of the 32 bytes, as hashlib has it" {
	vf-seed new seed
	try vf-seed commit seed
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$output" = "$("$PYTHON3" -c '
import hashlib
print(hashlib.blake2b(bytes.fromhex(open("seed").read()), digest_size=32).hexdigest())')" ]
}

@test "vf-seed: commit reads capital digits, and a seed without its line end" {
	printf '%064d\n' 0 >zeros
	printf '%064d' 0 >bare
	printf 'ABCDEFabcdef%052d\n' 7 >mixed
	printf 'abcdefabcdef%052d\n' 7 >lower
	[ "$(vf-seed commit zeros)" = "$(vf-seed commit bare)" ]
	[ "$(vf-seed commit mixed)" = "$(vf-seed commit lower)" ]
	[ "$(vf-seed commit zeros)" = 89eb0d6a8a691dae2cd15ed0369931ce0a949ecafa5c3f93f8121833646e15c3 ]
}

@test "vf-seed: commit refuses what is no seed and does not show it" {
	printf '%063d\n' 0 >short
	printf '%065d\n' 0 >long
	printf '%063dg\n' 0 >letter
	printf '%064d\r\n' 0 >crlf
	printf '%064d\n\n' 0 >lines
	: >empty
	for file in short letter empty crlf lines long; do
		try vf-seed commit "$file"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[[ $stderr == "vf-seed: $file: "* ]]
		[[ $stderr != *000* ]]
	done
}

@test "vf-seed: commit of a file that is not there, or a folder, is a configuration error" {
	try vf-seed commit missing
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-seed: missing: No such file or directory" ]
	try vf-seed commit .
	[ "$status" -eq 2 ]
	[[ $stderr == "vf-seed: .: "* ]]
}

@test "vf-seed: anything but new FILE or commit FILE is a usage error" {
	for args in "" "new" "commit" "new a b" "show a" "a"; do
		# shellcheck disable=SC2086
		try vf-seed $args
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "vf-seed: new FILE or commit FILE; see vf-seed --help" ]
	done
	[ ! -e a ]
}

@test "vf-seed: the commitment that cannot be written is a failure" {
	vf-seed new seed
	try bash -c 'vf-seed commit seed >/dev/full'
	[ "$status" -eq 1 ]
	[[ $stderr == "vf-seed: stdout: No space left on device" ]]
}
