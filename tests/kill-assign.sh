#!/usr/bin/env bash
# kill-assign.sh FANS: kills vf-assign at random moments, VF_KILLS times, and
# checks after each that the ledger lost, changed and doubled nothing, and that
# every row that came out has its line in the ledger. Works in the current folder.
set -euo pipefail

fans=$1
kills=${VF_KILLS:-10}
seed=${VF_TEST_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed (VF_TEST_SEED=$seed repeats its moments)"

fail() {
	echo "kill $kill_now: $*" >&2
	exit 1
}

echo '{"id":"c1","markets":[],"waves":[]}' >config.json
{ echo code; seq -f 'A%08.0f' 1 $((fans + 100)); } >codes.csv
# 16 MiB of records: rows leave in blocks of 4 MiB, and kills come between them.
printf -v pad '%*s' $(((16 << 20) / fans)) ''
{ echo globalUserId,note; seq 1 "$fans" | sed "s/.*/nf&,${pad// /x}/"; } >in.csv
assign=(vf-assign -c config.json --wave w1 --codes codes.csv --ledger ledger.csv)
: >before.csv

# How long a whole run takes, in milliseconds: kills fall within it.
start=$(date +%s%N)
vf-assign -c config.json --wave w1 --codes codes.csv --ledger try.csv -o /dev/null in.csv
took=$((($(date +%s%N) - start) / 1000000 + 5))

for ((kill_now = 1; kill_now <= kills; kill_now++)); do
	"${assign[@]}" in.csv >out.csv 2>err.txt 3>&- &
	pid=$!
	sleep "$(awk -v r="$RANDOM" -v t="$took" 'BEGIN { printf "%.4f", r / 32768 * t / 1000 }')"
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	[[ -e ledger.csv ]] || continue
	# What was acknowledged stays as it was: whole lines of before are the file's start.
	head -c "$(stat -c %s before.csv)" ledger.csv | cmp -s - before.csv || fail "an earlier line changed"
	# The whole lines that there are now; a torn one is cut by the next run.
	size=$(stat -c %s ledger.csv)
	torn=$(tail -c 300 ledger.csv | awk 'BEGIN { RS = "\n" } { last = $0 } END { print length(last) }')
	[[ $(tail -c 1 ledger.csv | od -An -tu1 | tr -d ' ') != 10 ]] || torn=0
	head -c $((size - torn)) ledger.csv >before.csv
	[[ $(tail -n +2 before.csv | cut -d, -f1 | sort | uniq -d | wc -l) -eq 0 ]] || fail "a fan with two codes"
	[[ $(tail -n +2 before.csv | cut -d, -f2 | sort | uniq -d | wc -l) -eq 0 ]] || fail "a code for two fans"
	# Rows that came out whole: fan and code stand in the ledger.
	grep -a ',generated$' out.csv | awk -F, '{ print $1 "," $3 }' | LC_ALL=C sort >rows.txt || true
	tail -n +2 before.csv | cut -d, -f1,2 | LC_ALL=C sort >held.txt
	[[ $(LC_ALL=C comm -23 rows.txt held.txt | wc -l) -eq 0 ]] || fail "a row came out that the ledger does not have"
	[[ $(($(wc -l <before.csv) - 1)) -ge $fans ]] || continue
	# All were assigned: start anew, so that later kills meet work.
	rm ledger.csv
	: >before.csv
done

"${assign[@]}" -o done.csv in.csv 2>err.txt
[[ $(tail -n +2 done.csv | wc -l) -eq $fans ]] || fail "not every fan has a code at the end"
[[ $(tail -n +2 ledger.csv | cut -d, -f2 | sort -u | wc -l) -eq $fans ]] || fail "codes at the end"
"${assign[@]}" -o again.csv in.csv
cmp done.csv again.csv || fail "a second run differs"
