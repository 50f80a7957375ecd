#!/usr/bin/env bats
# Completion in bash, asked as readline asks: COMP_WORDS and COMP_CWORD in, COMPREPLY out.
load helper

setup() {
	untraced
	mkdir "$BATS_TEST_TMPDIR/here"
	cd "$BATS_TEST_TMPDIR/here" || return 1
	mkdir folder
	trap '' PIPE		# as some terminals start a shell
	touch scores.txt 'two words.csv' config.json
	# shellcheck source=../completions/vf.bash
	. "$VF_SRCDIR/completions/vf.bash"
	tools=("$VF_SRCDIR"/tools/vf-*.c)
	tools=("${tools[@]##*/}")
	tools=("${tools[@]%.c}")
	# Which function completes which tool.
	local line form='^complete .* -F ([^ ]+) ([^ ]+)$'
	declare -gA completes=()
	complete -p >../complete
	while IFS= read -r line; do
		[[ ! $line =~ $form ]] || completes[${BASH_REMATCH[2]}]=${BASH_REMATCH[1]}
	done <../complete
}

# complete_words WORD...: sets COMPREPLY to the candidates for the last word, sorted; quietly, or it fails.
complete_words() {
	local one i
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	"${completes[$1]}" "$1" "${@: -1}" "${@: -2:1}" 2>../noise
	[[ ! -s ../noise ]] || { echo "$*:"; cat ../noise; return 1; }
	for ((one = 1; one < ${#COMPREPLY[@]}; one++)); do
		set -- "${COMPREPLY[one]}"
		for ((i = one; i > 0; i--)); do
			[[ ${COMPREPLY[i - 1]} > $1 ]] || break
			COMPREPLY[i]=${COMPREPLY[i - 1]}
		done
		COMPREPLY[i]=$1
	done
}

# offers EXPECTED WORD...: EXPECTED has | between candidates.
offers() {
	local want=$1 got
	shift
	complete_words "$@" || return 1
	printf -v got '|%s' "${COMPREPLY[@]}"
	[[ ${got:1} == "$want" ]] || { printf '%s\nwanted: %s\noffered: %s\n' "$*" "$want" "${got:1}"; return 1; }
}

@test "completion: every tool has it; a dash offers all options of --help, and those alone" {
	local tool line want form='^ +(-., )?(--[a-z-]+) '
	[ "${#tools[@]}" -ge 19 ]
	for tool in "${tools[@]}"; do
		[ -n "${completes[$tool]-}" ] || { echo "none for $tool"; false; }
		"$tool" --help >help
		want=()
		while IFS= read -r line; do
			[[ ! $line =~ $form ]] || want+=("${BASH_REMATCH[2]}")
		done <help
		rm help
		[ "${#want[@]}" -ge 7 ]
		complete_words "$tool" --
		[ "${#COMPREPLY[@]}" -eq "${#want[@]}" ]
		# In the order of --help or not: each is there, and as many.
		for line in "${want[@]}"; do
			[[ " ${COMPREPLY[*]} " == *" $line "* ]] || { echo "$tool: no $line"; false; }
		done
		want=("${COMPREPLY[@]}")
		complete_words "$tool" -
		[ "${COMPREPLY[*]}" = "${want[*]}" ]
	done
	offers '--max-rejects' vf-score --max
	offers '--email-blacklist|--email-whitelist|--exclude' vf-filter scores.txt --e
	offers '' vf-score --email
}

@test "completion: an option's value is a file, a folder, one of its words, or nothing that can be known" {
	local all_files='config.json|folder|scores.txt|two words.csv'
	# Files where --help says FILE, for the long form, the letter and the =.
	offers 'scores.txt' vf-score -o s
	offers 'scores.txt' vf-score --output s
	offers 'scores.txt' vf-score --output = s
	offers "$all_files" vf-score --output =
	offers "$all_files" vf-filter --exclude ''
	offers 'two words.csv' vf-audit --result tw
	offers 'folder' vf-wave --out ''
	# Words.
	offers 'json|text' vf-score --log ''
	offers 'json' vf-draw --log = j
	offers 'TM|external|generated' vf-assign --code-type ''
	offers 'held' vf-attempt --set h
	offers 'deflate|null|snappy' vf-merge --codec ''
	offers 'registration' vf-merge --type ''
	offers 'prepared' vf-attempt --then prep
	offers 'partial|planned|prepared' vf-attempt --from p
	# Nothing where a number or another free text belongs.
	offers '' vf-draw --limit ''
	offers '' vf-codegen -n ''
	offers '' vf-score -d ''
	offers '' vf-score --max-rejects = ''
}

@test "completion: operands are files, also behind a flag and behind --, or the tool's verbs and then files" {
	local all_files='config.json|folder|scores.txt|two words.csv'
	offers "$all_files" vf-score ''
	offers 'scores.txt' vf-score --ranks s
	offers 'scores.txt' vf-score -- s
	offers '' vf-score -- --ra
	offers '' vf-codegen ''
	# Verbs.
	offers 'commit|new' vf-seed ''
	offers 'new' vf-seed --stats st ne
	offers 'scores.txt' vf-seed commit sc
	offers "$all_files" vf-seed new ''
	offers 'code-assignment|selection' vf-events ''
	offers 'selection' vf-events -c config.json se
	offers 'scores.txt' vf-events selection sc
	offers 'put' vf-kinesis --key id ''
	offers 'receive' vf-sqs re
	# The command of vf-attempt behind --, then files.
	offers '' vf-attempt --step prepare ''
	complete_words vf-attempt --step prepare -- vf-sc
	[[ " ${COMPREPLY[*]} " == *' vf-score '* ]]
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
