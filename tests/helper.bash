# What every .bats file loads: the built tools first on PATH, a clean
# environment, and the few words that many tests share.
#
# Under "make check" the environment names the folders (VF_SRCDIR, VF_BINDIR,
# VF_DATADIR). By hand, "bats tests/vf-score.bats" takes build/ beside tests/.
# shellcheck shell=bash

bats_require_minimum_version 1.5.0

VF_SRCDIR=${VF_SRCDIR:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
VF_BINDIR=${VF_BINDIR:-$VF_SRCDIR/build}
VF_DATADIR=${VF_DATADIR:-$VF_SRCDIR/data}
PYTHON3=${PYTHON3:-$(PATH=/usr/bin:$PATH type -P python3)}
[[ -x $VF_BINDIR/vf-score || ! -x $VF_BINDIR/tools/vf-score ]] || VF_BINDIR=$VF_BINDIR/tools

for _name in "${!VF_@}" "${!AWS_@}"; do
	case $_name in
	VF_SRCDIR | VF_BINDIR | VF_DATADIR | VF_BUILDDIR | VF_NODE_MODULES) ;;
	*) unset "$_name" ;;
	esac
done
unset _name TZ COLUMNS LINES POSIXLY_CORRECT

# Modules of the source tree leave no compiled files beside them.
export VF_SRCDIR VF_BINDIR VF_DATADIR PYTHON3 PYTHONDONTWRITEBYTECODE=1
# Scripts that say python3 get the same one: a version manager's wrapper may take a second to start.
[[ $PYTHON3 != /* || $(type -P python3) == "$PYTHON3" ]] || PATH=${PYTHON3%/*}:$PATH
export PATH=$VF_BINDIR:$PATH LC_ALL=C.UTF-8
export TMPDIR=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}}}
# A sanitizer's report must never pass for a tool's own exit status.
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99}
# LeakSanitizer takes longer than most tools run: it looks for leaks in unit programs, in edges.bats (each tool, each way
# to end) and in one of eight tests elsewhere.
[[ ${BATS_TEST_FILENAME-} == */edges.bats ]] || ((${BATS_TEST_NUMBER:-1} % 8 == 1)) || ASAN_OPTIONS+=:detect_leaks=0
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-exitcode=99:print_stacktrace=1}

# Is this a build with --enable-sanitizers? (Limits of memory mean nothing there.)
sanitized() {
	grep -q __asan_init "$VF_BINDIR/vf-score"
}

# csv_header [FILE]: the header line.
csv_header() {
	head -n 1 "${1:--}"
}

# csv_records [FILE]: how many records follow the header.
csv_records() {
	tail -n +2 "${1:--}" | wc -l
}

# try COMMAND...: sets status, output, lines, stderr and stderr_lines (none empty) as "run --separate-stderr" does, with
# one process instead of four: half of the time of a suite of small tools went into those. A function gets a subshell.
# shellcheck disable=SC2034	# the tests read what it sets
try() {
	local - out=$BATS_TEST_TMPDIR/.out err=$BATS_TEST_TMPDIR/.err IFS=$'\n'
	status=0 output='' stderr=''
	if declare -F "$1" >/dev/null; then
		("$@") >"$out" 2>"$err" || status=$?
	else
		"$@" >"$out" 2>"$err" || status=$?
	fi
	[[ ! -s $out ]] || IFS= read -rd '' output <"$out" || :
	[[ ! -s $err ]] || IFS= read -rd '' stderr <"$err" || :
	while [[ ${output: -1} == $'\n' ]]; do output=${output:0:-1}; done
	while [[ ${stderr: -1} == $'\n' ]]; do stderr=${stderr:0:-1}; done
	set -f
	# shellcheck disable=SC2206	# they are to be split
	lines=($output) stderr_lines=($stderr)
}

# plain_csv [FILE]: sets `csv` to the text of a small file or of standard input; false when it has quotes, is longer, or is no
# file: what bash cannot take apart. Then a standard input goes on behind `csv`.
plain_csv() {
	csv=''
	[[ $# -eq 0 || -f $1 ]] && { IFS= read -rN 65536 csv <"${1:-/dev/stdin}" || :; } && [[ ${#csv} -lt 65536 && $csv != *[\"$'\r']* ]]
}

# csv_get COLUMN [FILE]: that column's values, one a line; where there are quotes, by Python's reader.
csv_get() {
	local csv header row i
	if plain_csv "${@:2}"; then
		while IFS=, read -ra row; do
			if [[ -z ${header:-} ]]; then
				header=yes
				for ((i = 0; i < ${#row[@]}; i++)); do
					[[ ${row[i]} != "$1" ]] || break
				done
				[[ $i -lt ${#row[@]} ]] || { echo "no column $1 in ${2:-the input}" >&2; return 1; }
			else
				printf '%s\n' "${row[i]-}"
			fi
		done <<<"${csv%$'\n'}"
		return
	fi
	{ [[ $# -eq 2 ]] || { printf %s "$csv"; cat; }; } | "$PYTHON3" -c '
import csv, sys
csv.field_size_limit(1 << 30)
stream = open(sys.argv[2], newline="", encoding="utf-8") if len(sys.argv) > 2 else open(0, newline="", encoding="utf-8")
for row in csv.DictReader(stream):
    print(row[sys.argv[1]])
' "$@"
}

# stats_line TOOL IN OUT REJECTED [MORE]: a stats line of a run r1 of a campaign c1. MORE is an object whose keys take the
# place of the line's own; it may be broken into lines.
stats_line() {
	local more=${5:-{\}} reasons={} key value line=''
	[[ $4 -eq 0 ]] || reasons="{\"bad-score\":$4}"
	while read -r key value; do
		[[ $more == *"\"$key\":"* ]] || line+="\"$key\":$value,"
	done <<-EOF
		tool "$1"
		version "0.1.0"
		run "r1"
		campaignId "c1"
		waveId null
		startedAt "2026-01-01T00:00:00Z"
		seconds 0.25
		input ["stdin"]
		in $2
		out $3
		rejected $4
		reasons $reasons
		exit 0
	EOF
	more=${more//[$'\n\t']/}
	more=${more#\{}
	[[ $more != \}* ]] || line=${line%,}
	printf '{%s%s\n' "$line" "$more"
}

# stats_counts LINE: sets counts to in, out, rejected and exit of a stats line, which has them in this order.
stats_counts() {
	[[ $1 =~ ,\"in\":([0-9]+),\"out\":([0-9]+),\"rejected\":([0-9]+),\"reasons\":\{[^}]*\},\"exit\":([0-9]+)[,}] ]] &&
		counts=("${BASH_REMATCH[@]:1}")
}

# stats_get KEY FILE [TOOL]: a value of the last stats line (of TOOL); KEY may be a path: reasons.missing-user
stats_get() {
	local -A place=([in]=0 [out]=1 [rejected]=2 [exit]=3)
	local line last='' counts
	if [[ -n ${place[$1]-} ]]; then
		while IFS= read -r line; do
			[[ -n ${3:-} && $line != *"\"tool\":\"$3\""* ]] || last=$line
		done <"$2"
		stats_counts "$last" || return 1
		echo "${counts[${place[$1]}]}"
		return
	fi
	# A key that is not there prints null.
	jq -rsc --arg key "$1" --arg tool "${3:-}" \
		'map(select($tool == "" or .tool == $tool)) | last | getpath($key | split("."))' "$2"
}

# stats_conserved FILE: every line of FILE holds in = out + rejected + held. Prints the lines that do not.
stats_conserved() {
	local line counts bad=''
	[[ -s $1 ]] || return 1
	while IFS= read -r line || [[ -n $line ]]; do
		[[ $line != *'"tool":"vf-'@(codegen|entries)'"'* ]] || continue
		if [[ $line == *'"deferred":'* ]]; then
			jq -e '.in == .out + .rejected + .deferred' <<<"$line" >/dev/null || { bad=yes; printf '%s\n' "$line"; }
			continue
		fi
		stats_counts "$line" || counts=(1 0 0)
		[[ ! $line =~ ,\"unselected\":([0-9]+) ]] || ((counts[1] += BASH_REMATCH[1]))
		((counts[0] == counts[1] + counts[2])) || { bad=yes; printf '%s\n' "$line"; }
	done <"$1"
	[[ -z $bad ]]
}

# reject_lines FILE: "line reason" of each reject, sorted by line.
reject_lines() {
	local csv line reason
	if plain_csv "$1"; then
		while IFS=, read -r _ _ line reason _; do
			[[ -z $line ]] || printf '%s %s\n' "$line" "$reason"
		done <<<"${csv#*$'\n'}" | sort -n
		return
	fi
	"$PYTHON3" -c '
import csv, sys
csv.field_size_limit(1 << 30)
rows = csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8"))
for line, reason in sorted((int(row["line"]), row["reason"]) for row in rows):
    print(line, reason)
' "$1"
}

# nap SECONDS: sleeps without a process: nothing ever comes through that pipe. Changes $!, as wait_until does.
nap() {
	[[ -n ${_pipe:-} ]] || exec {_pipe}<> <(:)
	read -rt "$1" -u "$_pipe" _ || :
}

# wait_until SECONDS COMMAND...: polls; fails when it never became true.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[[ $SECONDS -le $deadline ]] || return 1
		nap 0.02
	done
}

# same_files A B: byte for byte; shows the first difference.
same_files() {
	cmp "$1" "$2" || { diff -a "$1" "$2" | head -n 5 >&2; return 1; }
}

# untraced: in setup and setup_file. bats runs a trap of some twenty commands before each command, 0.4 ms, in functions,
# loops and subshells too; after this only before those of the test itself, which still shows the line that failed.
untraced() {
	set +T
}
