#!/usr/bin/env bats
# What vf-sqs does when it is killed: against moto, behind a proxy that answers slowly.
# bats file_tags=long
load ../helper
load ../aws

setup_file() {
	start_moto --queues kill
}

teardown_file() {
	stop_moto
}

teardown() {
	stop_proxy
}

# Killed at random moments and started again with the journal it left. The queue is read by boto3.
@test "vf-sqs: SIGKILL at random moments of send: every job is queued, twice only when its answer was lost" {
	local seed=${TEST_SEED:-$RANDOM}
	echo "TEST_SEED=$seed"
	cd "$BATS_TEST_TMPDIR"
	as_ops
	start_proxy --seed "$seed" --slow 0.1
	seq -f '{"jobId":"j%.0f","to":"fan@example.com"}' 1 240 >in
	run --separate-stderr "$PYTHON3" - "$seed" 12 vf-sqs --queue-url "$MOTO_URL/123456789012/kill" --endpoint-url "$PROXY_URL" \
		--journal j --concurrency 4 send in <<-'EOF'
	import collections, json, os, random, subprocess, sys, time, urllib.request

	chance, kills, command = random.Random(int(sys.argv[1])), int(sys.argv[2]), sys.argv[3:]
	jobs = [json.loads(line)["jobId"] for line in open("in")]
	unsettled = collections.Counter()       # of a job: kills that left it with an intent and no outcome

	def requests():
	    return os.path.exists("account") and open("account").read().count("\n") or 0

	def queued():
	    """The journal's jobs, as far as its lines are whole: under way, and in the queue."""
	    lines = open("j").read().split("\n")[1:-1]
	    done = {line.split(",")[1] for line in lines if line.startswith("queued,")}
	    return {line.split(",")[1] for line in lines if line.startswith("intent,")} - done, done

	killed = hit = 0
	while True:
	    before = requests()
	    run = subprocess.Popen(command, stderr=open("err", "w"))
	    if killed < kills:
	        target = before + chance.randint(0, len(jobs) // 10 // kills * 2)
	        while requests() < target and run.poll() is None:
	            time.sleep(0.001)
	        time.sleep(chance.random() * 0.05)
	        run.kill()
	    status = run.wait()
	    if status == 0:
	        break
	    if status != -9:
	        sys.exit("status %d: %s" % (status, open("err").read()))
	    killed += 1
	    under_way = queued()[0] if os.path.exists("j") else set()
	    unsettled.update(under_way)
	    hit += len(under_way) > 0
	if queued() != (set(), set(jobs)):
	    sys.exit("the journal does not say of each job that it is queued")
	url = os.environ["MOTO_URL"]
	held = urllib.request.urlopen(url + "/of-tests/queue", (url + "/123456789012/kill\x1f").encode()).read()
	copies = collections.Counter(json.loads(line)["jobId"] for line in held.splitlines())
	forgotten = [job for job in jobs if copies[job] == 0]
	surplus = [job for job in copies if copies[job] > 1 + unsettled[job]]
	print("killed %d times, %d with jobs under way; %d jobs unsettled once or more, %d in the queue more than once"
	    % (killed, hit, len(unsettled), sum(n > 1 for n in copies.values())))
	if forgotten or surplus:
	    sys.exit("forgotten: %s; more often than answers were lost: %s" % (forgotten, surplus))
	sys.exit(0 if killed == kills and hit >= kills // 2 and max(copies.values()) > 1 else "too few kills hit the run")
	EOF
	echo "$output" "$stderr"
	[ "$status" -eq 0 ]
}
