#!/usr/bin/env bats
# Completion in bash, asked as readline asks: COMP_WORDS and COMP_CWORD in, COMPREPLY out.
load helper

setup() {
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here" || return 1
	mkdir folder
	trap '' PIPE		# as some terminals start a shell
	touch scores.txt 'two words.csv' config.json
	# shellcheck source=../completions/vf.bash
	. "$VF_SRCDIR/completions/vf.bash"
}

# complete_words WORD...: the candidates for the last word, a line each, sorted.
complete_words() {
	local function
	function=$(complete -p "$1" | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	"$function" "$1" "${@: -1}" "${@: -2:1}"
	[[ ${#COMPREPLY[@]} -eq 0 ]] || printf '%s\n' "${COMPREPLY[@]}" | sort
}

# offers EXPECTED WORD...: EXPECTED has | between candidates.
offers() {
	local want=$1 got
	shift
	got=$(complete_words "$@" 2>../noise | paste -sd '|')
	[[ ! -s ../noise ]] || { cat ../noise; return 1; }
	[[ $got == "$want" ]] || { printf '%s\nwanted: %s\noffered: %s\n' "$*" "$want" "$got"; return 1; }
}

all_files='config.json|folder|scores.txt|two words.csv'

@test "completion: every tool has it" {
	local source
	for source in "$VF_SRCDIR"/tools/vf-*.c; do
		complete -p "$(basename "$source" .c)"
	done
}

@test "completion: a dash offers all options of --help, and those alone" {
	local source tool
	for source in "$VF_SRCDIR"/tools/vf-*.c; do
		tool=$(basename "$source" .c)
		"$tool" --help | sed -nE 's/^ +(-., )?(--[a-z-]+) .*/\2/p' | sort >want
		[ "$(wc -l <want)" -ge 7 ]
		complete_words "$tool" -- >got
		diff want got
		complete_words "$tool" - >got
		diff want got
	done
	offers '--max-rejects' vf-score --max
	offers '--email-blacklist|--email-whitelist|--exclude' vf-filter scores.txt --e
	offers '' vf-score --email
}

@test "completion: file names where --help says FILE, for the long form, the letter and the =" {
	offers 'scores.txt' vf-score -o s
	offers 'scores.txt' vf-score --output s
	offers 'scores.txt' vf-score --output = s
	offers "$all_files" vf-score --output =
	offers "$all_files" vf-filter --exclude ''
	offers 'two words.csv' vf-audit --result tw
	offers 'folder' vf-wave --out ''
}

@test "completion: the words of options that take words" {
	offers 'json|text' vf-score --log ''
	offers 'json' vf-draw --log = j
	offers 'TM|external|generated' vf-assign --code-type ''
	offers 'held' vf-attempt --set h
	offers 'deflate|null|snappy' vf-merge --codec ''
	offers 'registration' vf-merge --type ''
	offers 'prepared' vf-attempt --then prep
	offers 'partial|planned|prepared' vf-attempt --from p
}

@test "completion: nothing where a number or another free text belongs" {
	offers '' vf-draw --limit ''
	offers '' vf-codegen -n ''
	offers '' vf-score -d ''
	offers '' vf-score --max-rejects = ''
}

@test "completion: operands are files, also behind a flag and behind --" {
	offers "$all_files" vf-score ''
	offers 'scores.txt' vf-score --ranks s
	offers 'scores.txt' vf-score -- s
	offers '' vf-score -- --ra
	offers '' vf-codegen ''
}

@test "completion: the words of vf-seed, then files" {
	offers 'commit|new' vf-seed ''
	offers 'new' vf-seed --stats st ne
	offers 'scores.txt' vf-seed commit sc
	offers "$all_files" vf-seed new ''
}

@test "completion: the words of tools that can do several things" {
	offers 'code-assignment|selection' vf-events ''
	offers 'selection' vf-events -c config.json se
	offers 'scores.txt' vf-events selection sc
	offers 'put' vf-kinesis --key id ''
	offers 'receive' vf-sqs re
}

@test "completion: the command of vf-attempt behind --, then files" {
	offers '' vf-attempt --step prepare ''
	complete_words vf-attempt --step prepare -- vf-sc >got
	grep -qx vf-score got
	offers 'scores.txt' vf-attempt --step prepare -- cp sc
}

@test "completion: a tool that is not there offers no options and makes no noise" {
	COMP_WORDS=(./nowhere/vf-score --st)
	COMP_CWORD=1
	COMPREPLY=(left from before)
	_vf >noise 2>&1
	[ ! -s noise ]
	[ "${#COMPREPLY[@]}" -eq 0 ]
}
