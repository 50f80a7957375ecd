#!/usr/bin/env bats
# bats file_tags=long
load ../helper

# Kills vf-attempt, and sometimes its command, at random moments and starts it again, a hundred waves long:
# the command never runs twice at once, never more often than tries are allowed, and the status is always whole.
@test "vf-attempt: SIGKILL at random moments never costs or gives a try" {
	cd "$BATS_TEST_TMPDIR"
	run "$PYTHON3" - <<-'EOF'
	import json, os, random, signal, subprocess, sys, time

	seed = random.randrange(1 << 30)
	print("seed", seed)
	random.seed(seed)
	command = """echo start >> runs
	mkdir busy || echo twice >> bad
	sleep 0.0%d
	rmdir busy
	exit 1"""

	def state():
	    try:
	        with open("s.json") as f:
	            return json.load(f)["steps"].get("prepare", {})
	    except FileNotFoundError:
	        return {}

	for wave in range(100):
	    for name in ("s.json", "runs"):
	        if os.path.exists(name):
	            os.unlink(name)
	    for _ in range(200):
	        p = subprocess.Popen(["vf-attempt", "--status", "s.json", "--step", "prepare", "--then", "prepared",
	            "--wait", "0", "--", "sh", "-c", command % random.randrange(10, 99)], stderr=subprocess.DEVNULL)
	        if random.random() < 0.7:
	            time.sleep(random.random() * 0.08)
	            p.send_signal(signal.SIGKILL)
	            step = state()      # always a whole document
	            if step.get("state") == "running" and random.random() < 0.5:
	                try:
	                    os.kill(step["process"]["pid"], signal.SIGKILL)
	                    # What the killed command left behind goes with it, once nobody can be in it any more.
	                    while subprocess.run(["flock", "-n", "s.json.lock", "true"]).returncode != 0:
	                        time.sleep(0.01)
	                    if os.path.isdir("busy"):
	                        os.rmdir("busy")
	                except ProcessLookupError:
	                    pass
	        p.wait()
	        if state().get("state") == "exhausted":
	            break
	        time.sleep(0.01)
	    else:
	        sys.exit("never exhausted")
	    tries = len(open("runs").readlines()) if os.path.exists("runs") else 0
	    history = state()["history"]
	    if tries > 3 or len(history) != 3 or [t["attempt"] for t in history] != [1, 2, 3]:
	        sys.exit("wave %d: %d runs, history %r" % (wave, tries, history))
	    if os.path.exists("bad"):
	        sys.exit("wave %d: two at once" % wave)
	EOF
	echo "$output"
	[ "$status" -eq 0 ]
}
