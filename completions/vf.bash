# Completion of the vf tools in bash. What a tool takes is read from its own
# --help, so there is little to keep up here but the list at the end.
#
# Installed where bash-completion looks for it, under every tool's name;
# without that package: source this file.
# shellcheck shell=bash

# _vf_options TOOL: a line for each option: --name, its letter or `-', its value's name or `-'.
_vf_options() {
	local line form='^ +(-(.), )?(--[a-z][a-z-]*)( ([^ ]+))? '
	while IFS= read -r line; do
		[[ $line =~ $form ]] || continue
		printf '%s %s %s\n' "${BASH_REMATCH[3]}" "${BASH_REMATCH[2]:--}" "${BASH_REMATCH[5]:--}"
	done < <("$1" --help 2>/dev/null)
}

# _vf_value TOOL OPTION: what --help calls the option's value. Fails when it takes none.
_vf_value() {
	local name letter value found=-
	while read -r name letter value; do	# to the end: the writer must not meet a closed pipe
		[[ $2 != "$name" && $2 != "-$letter" ]] || found=$value
	done < <(_vf_options "$1")
	[[ $found != - ]] && printf '%s\n' "$found"
}

# _vf_reply WORD COMPGEN-ARGUMENT...: the candidates that begin with WORD.
_vf_reply() {
	mapfile -t COMPREPLY < <(compgen "${@:2}" -- "$1")
}

_vf_files() {
	_vf_reply "$1" "${2:--f}"
	compopt -o filenames 2>/dev/null
}

# Nothing to offer, and no file names instead.
_vf_nothing() {
	compopt +o default +o bashdefault 2>/dev/null
	COMPREPLY=()
}

# _vf_values NAME WORD: values, by what --help calls them.
_vf_values() {
	case $1 in
	FILE | DRAWN) _vf_files "$2" ;;
	DIR) _vf_files "$2" -d ;;
	FORMAT) _vf_reply "$2" -W 'text json' ;;
	CODEC) _vf_reply "$2" -W 'null deflate snappy' ;;
	KIND) _vf_reply "$2" -W registration ;;
	TYPE) _vf_reply "$2" -W 'generated external TM' ;;
	STATE*) _vf_reply "$2" -W 'planned prepared triggered sending partial sent held failed' ;;
	*) _vf_nothing ;;
	esac
}

# _vf_verb WORD VERB...: one of the verbs, and files once there is one.
_vf_verb() {
	local verb
	for verb in "${@:2}"; do
		if [[ " ${COMP_WORDS[*]:1:COMP_CWORD - 1} " == *" $verb "* ]]; then
			_vf_files "$1"
			return
		fi
	done
	_vf_reply "$1" -W "${*:2}"
}

# _vf_operands TOOL WORD: files, but for tools that take none, and the first word of those that take a verb.
_vf_operands() {
	case $1 in
	vf-attempt | vf-codegen) _vf_nothing ;;
	vf-events) _vf_verb "$2" selection code-assignment ;;
	vf-kinesis) _vf_verb "$2" put ;;
	vf-seed) _vf_verb "$2" new commit ;;
	vf-sqs) _vf_verb "$2" send receive delete ;;
	*) _vf_files "$2" ;;
	esac
}

# _vf_after_dashes TOOL WORD LAST: behind `--' there are no options; LAST is the word before.
_vf_after_dashes() {
	if [[ $1 != vf-attempt ]]; then
		_vf_operands "$1" "$2"
	elif [[ $3 == -- ]]; then
		_vf_reply "$2" -c
	else
		_vf_files "$2"
	fi
}

_vf() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} tool=${COMP_WORDS[0]##*/} value
	COMPREPLY=()
	# --stats=FILE reaches us as three words.
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ " ${COMP_WORDS[*]:1:COMP_CWORD - 1} " == *' -- '* ]]; then
		_vf_after_dashes "$tool" "$cur" "$prev"
	elif [[ $prev == -* ]] && value=$(_vf_value "${COMP_WORDS[0]}" "$prev"); then
		_vf_values "$value" "$cur"
	elif [[ $cur == -* ]]; then
		_vf_reply "$cur" -W "$(_vf_options "${COMP_WORDS[0]}" | cut -d ' ' -f 1)"
	else
		_vf_operands "$tool" "$cur"
	fi
}

# When nothing is found bash's own completion goes on: it knows ~, variables and quotes.
complete -o bashdefault -o default -F _vf vf-assign vf-attempt vf-audit vf-avro vf-codegen vf-draw vf-email vf-events \
	vf-filter vf-kinesis vf-merge vf-score vf-seed vf-sfmc vf-slack vf-sms vf-sqs vf-tally vf-wave
