#!/usr/bin/env bash
# kill-wave.sh RECORDS KILLS: kills vf-wave --replace at random moments; the
# folder must be one of the two whole waves each time. Works in the current folder.
set -euo pipefail

records=$1 kills=$2
seed=${VF_TEST_SEED:-$RANDOM}
RANDOM=$seed
echo "seed $seed (VF_TEST_SEED=$seed repeats its moments)"

echo '{"id":"c1","markets":[],"waves":[]}' >config.json
for name in a b; do
	{
		echo globalUserId,email,phone,code,codeType
		seq 1 "$records" | sed "s/.*/$name&,fan&@example.com,+12125550101,A&,generated/"
	} >"$name.csv"
done
wave=(vf-wave -c config.json --wave w1 --notify-date 2027-06-01T12:00:00Z --now 2027-01-01T00:00:00Z --out wave --replace)

start=$(date +%s%N)
for name in b a; do
	"${wave[@]}" "$name.csv"
	cp -r wave "whole-$name"
done
took=$((($(date +%s%N) - start) / 2000000 + 2))

for ((i = 0; i < kills; i++)); do
	name=$([[ $((i % 2)) -eq 0 ]] && echo b || echo a)
	"${wave[@]}" "$name.csv" 3>&- &
	pid=$!
	sleep "$(awk -v r="$RANDOM" -v t="$took" 'BEGIN { printf "%.4f", r / 32768 * t / 1000 }')"
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	diff -rq wave whole-a >/dev/null || diff -rq wave whole-b >/dev/null || {
		echo "kill $i: the folder is neither wave" >&2
		exit 1
	}
done
"${wave[@]}" a.csv
diff -r wave whole-a
[[ -z $(find . -maxdepth 1 -name '.vf-wave*') ]] || {
	echo "temporary folders are left" >&2
	exit 1
}
