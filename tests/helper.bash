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

export VF_SRCDIR VF_BINDIR VF_DATADIR PYTHON3
# Scripts that say python3 get the same one: a version manager's wrapper may take a second to start.
[[ $PYTHON3 != /* || $(type -P python3) == "$PYTHON3" ]] || PATH=${PYTHON3%/*}:$PATH
export PATH=$VF_BINDIR:$PATH LC_ALL=C.UTF-8
export TMPDIR=${BATS_TEST_TMPDIR:-${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}}}
# A sanitizer's report must never pass for a tool's own exit status.
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99:handle_sigill=1}
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

# csv_get COLUMN [FILE]: that column's values, one a line, by Python's reader.
csv_get() {
	"$PYTHON3" -c '
import csv, sys
csv.field_size_limit(1 << 30)
stream = open(sys.argv[2], newline="", encoding="utf-8") if len(sys.argv) > 2 else open(0, newline="", encoding="utf-8")
for row in csv.DictReader(stream):
    print(row[sys.argv[1]])
' "$@"
}

# stats_get KEY FILE [TOOL]: a value of the last stats line (of TOOL); KEY may be a path: reasons.missing-user
stats_get() {
	# A key that is not there prints null.
	jq -rsc --arg key "$1" --arg tool "${3:-}" \
		'map(select($tool == "" or .tool == $tool)) | last | getpath($key | split("."))' "$2"
}

# stats_conserved FILE: every line of FILE holds in = out + rejected + held. Prints the lines that do not.
stats_conserved() {
	[[ -s $1 ]] || return 1
	jq -ce 'select(.tool != "vf-codegen" and .tool != "vf-entries")
		| select(.in != .out + .rejected + (.unselected // 0) + (.deferred // 0))' "$1" && return 1
	return 0
}

# reject_lines FILE: "line reason" of each reject, sorted by line.
reject_lines() {
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
