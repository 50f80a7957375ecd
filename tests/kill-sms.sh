#!/usr/bin/env bash
# Kills vf-sms at random moments of a wave and runs it again, until it is through: once without and once with
# --idempotent. Nothing survives a kill but the state folder. The stand-in's account says who was accepted.
# Usage: kill-sms.sh [FANS [KILLS]]; TEST_SEED repeats a run's moments.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VF_SRCDIR=${VF_SRCDIR:-$(dirname "$here")}
BATS_TEST_TMPDIR=${BATS_TEST_TMPDIR:-$(mktemp -d "${TMPDIR:-/tmp}/vf-kill-sms.XXXXXX")}
bats_require_minimum_version() { :; }
# shellcheck source=tests/helper.bash
. "$here/helper.bash"
# shellcheck source=tests/service.bash
. "$here/service.bash"

fans=${1:-5000}
kills=${2:-50}
seed=${TEST_SEED:-$(date +%s)}
RANDOM=$seed
echo "TEST_SEED=$seed"
trap stop_service EXIT

# How many the service took.
accepted() {
	if [[ -e account.txt ]]; then wc -l <account.txt; else echo 0; fi
}

# loop OPTION...: the wave, killed `kills` times at moments spread over its length.
loop() {
	local target killed=0 within=0 whole=0 before after
	rm -rf state scratch
	mkdir state
	while [[ $whole -eq 0 ]]; do
		rm -rf scratch
		mkdir scratch
		before=$(accepted)
		vf-sms -c config.json --wave w1 --url "$url" --template sms.txt --journal state/journal --rate "$rate" \
			--concurrency 50 -o scratch/out.csv --stats scratch/stats.json "$@" in.csv 2>scratch/err.txt 3>&- &
		pid=$!
		if [[ $killed -lt $kills ]]; then
			# Some requests further, and then any moment of the next milliseconds: before or after a journal write.
			target=$((before + RANDOM % (fans / kills) + 1))
			while [[ $(accepted) -lt $target ]] && kill -0 "$pid" 2>/dev/null; do
				sleep 0.002
			done
			sleep "0.0$(printf '%05d' $((RANDOM % 20000)))"
			kill -KILL "$pid" 2>/dev/null && killed=$((killed + 1))
		fi
		if wait "$pid"; then
			whole=1
		fi 2>/dev/null
		after=$(accepted)
		[[ $after -eq $before || $after -eq $fans || $whole -eq 1 ]] || within=$((within + 1))
	done
	echo "${*:-plain}: killed $killed times, $within of them between the first and the last request"
	[[ $within -ge $((kills * 8 / 10)) ]] || { echo "too few kills hit the wave: $within of $kills"; return 1; }
}

# What holds in any case.
judge() {
	"$PYTHON3" - "$1" <<-'PY'
		import collections, csv, hashlib, sys
		idempotent = sys.argv[1] == "yes"
		fans = [row["globalUserId"] for row in csv.DictReader(open("in.csv"))]
		rows = list(csv.DictReader(open("scratch/out.csv")))
		assert sorted(row["globalUserId"] for row in rows) == sorted(fans), "one line for every record"
		keys = {hashlib.blake2b("\0".join(["c1", "w1", "sms", fan]).encode(), digest_size=16).hexdigest(): fan for fan in fans}
		accepted = collections.Counter(keys[line.split()[1]] for line in open("account.txt"))
		asked = collections.Counter(keys[line.split()[1]] for line in open("requests.txt"))
		statuses = collections.Counter(row["status"] for row in rows)
		for row in rows:
		    fan = row["globalUserId"]
		    assert row["status"] in ("sent", "unknown"), row
		    assert accepted[fan] >= 1 or row["status"] == "unknown", "neither accepted nor unknown"
		    assert row["status"] != "sent" or accepted[fan] == 1, "sent, and accepted %d times" % accepted[fan]
		    assert accepted[fan] <= 1, "accepted twice"
		    if not idempotent:
		        assert asked[fan] <= 1, "requested again"
		if idempotent:
		    assert statuses == {"sent": len(fans)}, statuses
		print("idempotent:" if idempotent else "plain:", dict(statuses), "unknown but accepted:",
		      sum(row["status"] == "unknown" and accepted[row["globalUserId"]] for row in rows))
	PY
}

mkdir -p "$BATS_TEST_TMPDIR/kill"
cd "$BATS_TEST_TMPDIR/kill"
make_wave "$fans"
rate=$((fans / 3))			# so that the loop, slow as it is, meets the wave
start_service --delay 0.005
loop
judge no
stop_service
rm account.txt requests.txt
start_service --delay 0.005 --idempotent
loop --idempotent --retries 10
judge yes
