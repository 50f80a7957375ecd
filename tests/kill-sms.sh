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

# loop OPTION...: the wave, killed `kills` times at moments spread over its length, then left to end.
loop() {
	rm -rf state scratch
	mkdir state
	"$PYTHON3" - "$fans" "$kills" "$RANDOM" "$@" -- vf-sms -c config.json --wave w1 --url "$url" --template sms.txt \
		--journal state/journal --rate "$rate" --concurrency 50 -o scratch/out.csv --stats scratch/stats.json "$@" in.csv <<-'PY'
		import os, random, shutil, subprocess, sys, time
		fans, kills, seed = map(int, sys.argv[1:4])
		options, command = sys.argv[4:sys.argv.index("--", 4)], sys.argv[sys.argv.index("--", 4) + 1:]
		chance = random.Random(seed)
		killed = within = 0

		def accepted():
		    try:
		        with open("account.txt", "rb") as stream:
		            line = len(stream.readline())
		        return os.path.getsize("account.txt") // line if line else 0
		    except FileNotFoundError:
		        return 0

		while True:
		    shutil.rmtree("scratch", ignore_errors=True)
		    os.mkdir("scratch")
		    before = accepted()
		    with open("scratch/err.txt", "wb") as err:
		        run = subprocess.Popen(command, stderr=err, close_fds=True)
		    if killed < kills:
		        # Some requests further, and then any moment of the next: before, in or after a write to the journal.
		        target = before + chance.randint(1, max(1, fans // kills))
		        while accepted() < target and run.poll() is None:
		            time.sleep(0.0005)
		        time.sleep(chance.random() * 0.01)
		        if run.poll() is None:
		            run.kill()
		            killed += 1
		            within += before < accepted() < fans
		    status = run.wait()
		    if status == 0:
		        break
		    if status != -9:
		        sys.exit("status %d: %s" % (status, open("scratch/err.txt").read()))
		print(" ".join(options) or "plain", "killed %d times, %d of them between the first and the last request" % (killed, within))
		sys.exit(0 if within >= kills * 0.8 else "too few kills hit the wave")
	PY
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
