#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "vf-tally: a table of the steps, with the counts of each" {
	{
		stats_line vf-score 100 90 10 '{"input":["/data/scored.txt","b.txt"]}'
		stats_line vf-filter 90 80 10
		stats_line vf-draw 80 30 5 '{"unselected":45,"waveId":"w1"}'
	} > st
	try vf-tally st
	[ "$status" -eq 0 ]
	[ "$output" = 'run r1
step       campaign  wave  input           in  out  rejected  held  exit  seconds  check
vf-score   c1        -     scored.txt +1  100   90        10     0     0      0.2  ok
vf-filter  c1        -     stdin           90   80        10     0     0      0.2  ok
vf-draw    c1        w1    stdin           80   30         5    45     0      0.2  ok' ]
	[ -z "$stderr" ]
}

@test "vf-tally: reads real stats lines from a file or standard input" {
	printf 'globalUserId,score\na,1\nb,2\n' | VF_RUN_ID=r7 vf-score --stats st --rejects /dev/null -o /dev/null
	try vf-tally --json < st
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.ok, .runs[0].run, (.runs[0].steps[0] | .tool, .in, .out, .rejected, .reasons, .ok)]' <<< "$output")" = \
		'[true,"r7","vf-score",2,1,1,{"bad-score":1},true]' ]
	try vf-tally - < st
	[ "$status" -eq 0 ]
	try vf-tally -o report st
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	grep -q '^vf-score .* ok$' report
}

@test "vf-tally: a step that lost a record is named, by file and line" {
	{
		stats_line vf-score 100 90 10
		stats_line vf-filter 90 79 10 '{"waveId":"w1"}'
	} > st
	try vf-tally st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: st:2: vf-filter, wave w1: 90 in, but 79 out + 10 rejected + 0 held = 89' ]
	[[ ${lines[3]} == *' LOST' ]]
	try vf-tally --json st
	[ "$status" -eq 1 ]
	[ "$(jq -c '[.ok, (.violations | length), [.runs[0].steps[].ok]]' <<< "$output")" = '[false,1,[true,false]]' ]
}

@test "vf-tally: held classes count: unselected and deferred" {
	stats_line vf-draw 10 3 0 '{"unselected":7}' > st
	stats_line vf-sms 10 3 0 '{"deferred":7}' >> st
	run vf-tally st
	[ "$status" -eq 0 ]
	stats_line vf-draw 10 3 0 '{"unselected":6}' > st
	run vf-tally st
	[ "$status" -eq 1 ]
}

@test "vf-tally: sources have nothing to account for; others may not make records" {
	stats_line vf-codegen 0 500 0 > st
	try vf-tally st
	[ "$status" -eq 0 ]
	stats_line vf-filter 0 500 0 > st
	try vf-tally st
	[ "$status" -eq 1 ]
	stats_line vf-codegen 7 500 0 > st
	try vf-tally st
	[ "$status" -eq 1 ]
}

@test "vf-tally: reasons that do not make the rejected are a fault" {
	stats_line vf-score 10 7 3 '{"reasons":{"bad-score":1,"missing-user":1}}' > st
	try vf-tally st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: st:1: vf-score: 3 rejected, but the reasons make 2' ]
}

@test "vf-tally: a step that failed is shown, whatever its counts" {
	stats_line vf-score 10 3 0 '{"exit":1}' > st
	stats_line vf-filter 3 3 0 '{"exit":75}' >> st
	try vf-tally st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: st:1: vf-score: exit 1
vf-tally: st:2: vf-filter: exit 75' ]
	[[ ${lines[2]} == *' FAILED' ]]
}

@test "vf-tally: --expect: what one step writes the next one reads" {
	{
		stats_line vf-score 100 90 10
		stats_line vf-filter 90 80 10
		stats_line vf-draw 80 30 0 '{"unselected":50}'
	} > st
	try vf-tally --expect vf-score,vf-filter,vf-draw st
	[ "$status" -eq 0 ]
	[ "${lines[-2]}" = 'vf-score -> vf-filter: 90 out, 90 in: ok' ]
	[ "${lines[-1]}" = 'vf-filter -> vf-draw: 80 out, 80 in: ok' ]
	stats_line vf-draw 79 29 0 '{"unselected":50}' >> st
	try vf-tally --expect vf-score,vf-filter,vf-draw st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: run r1: vf-filter wrote 80 records, vf-draw read 79' ]
	try vf-tally --json --expect vf-score,vf-filter,vf-draw st
	[ "$status" -eq 1 ]
	[ "$(jq -c '.runs[0].chain' <<< "$output")" = '[{"from":"vf-score","to":"vf-filter","out":90,"in":90,"ok":true},{"from":"vf-filter","to":"vf-draw","out":80,"in":79,"ok":false}]' ]
}

@test "vf-tally: --expect: a missing line is a failure, in each run" {
	stats_line vf-score 10 10 0 > st
	try vf-tally --expect vf-score,vf-filter st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: run r1: vf-filter: no stats line' ]
	[ "${lines[-1]}" = 'vf-score -> vf-filter: 10 out, 0 in: MISSING' ]
	stats_line vf-filter 10 10 0 >> st
	run vf-tally --expect vf-score,vf-filter st
	[ "$status" -eq 0 ]
	stats_line vf-score 7 7 0 '{"run":"r2"}' >> st
	try vf-tally --expect vf-score,vf-filter st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: run r2: vf-filter: no stats line' ]
	try vf-tally --run r1 --expect vf-score,vf-filter st
	[ "$status" -eq 0 ]
	try vf-tally --run r3 st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: run r3: no stats lines' ]
}

@test "vf-tally: nothing at all is no proof" {
	try vf-tally < /dev/null
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: input: no stats lines' ]
	try vf-tally --json < /dev/null
	[ "$status" -eq 1 ]
	[ "$(jq -c . <<< "$output")" = \
		'{"runs":[],"stages":[],"reasons":[],"deliveries":[],"ok":false,"violations":["input: no stats lines"]}' ]
}

@test "vf-tally: of one tool, run and input the last line counts" {
	{
		stats_line vf-score 10 4 0 '{"exit":1}'
		stats_line vf-filter 10 10 0
		stats_line vf-score 10 10 0
	} > st
	try vf-tally --expect vf-score,vf-filter st
	[ "$status" -eq 0 ]
	[ "$(grep -c '^vf-score  ' <<< "$output")" -eq 1 ]
}

@test "vf-tally: several inputs and several waves of a step are summed" {
	{
		stats_line vf-score 10 10 0 '{"input":["a"]}'
		stats_line vf-score 20 20 0 '{"input":["b"]}'
		stats_line vf-draw 12 12 0 '{"waveId":"w1"}'
		stats_line vf-draw 18 18 0 '{"waveId":"w2"}'
	} > st
	try vf-tally --expect vf-score,vf-draw st
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = 'vf-score -> vf-draw: 30 out, 30 in: ok' ]
}

@test "vf-tally: a torn line, or one that is no stats line, is named by file and line" {
	{
		stats_line vf-score 10 10 0
		printf '{"tool":"vf-filter","in":5\n\n'
		echo '{"tool":"vf-filter","in":"5","out":5,"rejected":0,"exit":0}'
		echo '{"tool":"vf-filter","in":5,"rejected":0,"exit":0}'
		echo '[]'
		echo '{"in":5}'
	} > st
	printf '{"tool":"vf-draw","in":5,"out' >> st
	try vf-tally st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: st:2: no stats line, or a torn one
vf-tally: st:4: $.in: not a whole number of 0 or more
vf-tally: st:5: $.out: missing
vf-tally: st:6: $: not an object
vf-tally: st:7: $.tool: missing
vf-tally: st:8: no stats line, or a torn one
vf-tally: input: 6 lines are no stats lines, or torn' ]
	[ "${#lines[@]}" -eq 3 ]
}

@test "vf-tally: a missing last newline, CRLF, many runs and long lines are no fault" {
	{
		stats_line vf-score 1 1 0 '{"run":"r1"}'
		stats_line vf-score 2 2 0 '{"run":"r2"}' | sed 's/$/\r/'
		stats_line vf-filter 1 1 0 '{"run":"r1"}'
		stats_line vf-score 3 3 0 "{\"run\":null,\"extra\":\"$(printf 'x%.0s' {1..90000})\"}"
	} > st
	truncate -s -1 st
	try vf-tally st
	[ "$status" -eq 0 ]
	[ "$(grep -E '^(run|no run)' <<< "$output" | tr '\n' ' ')" = 'run r1 run r2 no run ' ]
}

@test "vf-tally: bytes that are no stats end in one line each, not in a crash" {
	seed=$RANDOM
	echo "# seed $seed"
	"$PYTHON3" - "$seed" > st <<-'EOF'
	import random, sys
	r = random.Random(int(sys.argv[1]))
	good = b'{"tool":"vf-score","run":"r","in":10,"out":9,"rejected":1,"reasons":{"bad-score":1},"exit":0}'
	for _ in range(2000):
	    line = bytearray(good)
	    for _ in range(r.randint(1, 4)):
	        line[r.randrange(len(line))] = r.randrange(256)
	    sys.stdout.buffer.write(bytes(line).replace(b"\n", b" ") + b"\n")
	EOF
	try vf-tally st
	[ "$status" -eq 1 ]
	[[ $stderr == *"lines are no stats lines, or torn" ]]
	head -c 3000000 /dev/zero | tr '\0' '[' > st
	try vf-tally st
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: st:1: longer than 1 MiB' ]
}

@test "vf-tally: names in stats lines cannot move the cursor" {
	stats_line 'vf-\u001b[2Jx' 5 4 0 '{"run":"a\u001bb"}' > st
	try vf-tally st
	[ "$status" -eq 1 ]
	[[ $output$stderr != *$'\e'* ]]
}

@test "vf-tally: with --log json what does not hold is a warning, and that it could not look is an error" {
	stats_line vf-score 100 89 10 > st
	echo '{"torn' >> st
	stats_line vf-filter 88 88 0 >> st
	try vf-tally --log json --expect vf-score,vf-filter,vf-draw st
	[ "$status" -eq 1 ]
	[ "$(jq -r '.tool + " " + .level + " " + .message' <<< "$stderr")" = \
'vf-tally warning st:2: no stats line, or a torn one
vf-tally warning st:1: vf-score: 100 in, but 89 out + 10 rejected + 0 held = 99
vf-tally warning run r1: vf-draw: no stats line
vf-tally warning run r1: vf-score wrote 89 records, vf-filter read 88
vf-tally warning input: 1 lines are no stats lines, or torn' ]
	[ "${lines[0]}" = 'run r1' ]
	try vf-tally --log json none
	[ "$status" -eq 1 ]
	[ "$(jq -r .level <<< "$stderr")" = error ]
	[ -z "$output" ]
}

@test "vf-tally: its own lines do not count" {
	stats_line vf-score 5 5 0 > st
	run vf-tally --stats st --expect vf-score,vf-filter st
	[ "$status" -eq 1 ]
	stats_line vf-filter 5 5 0 >> st
	try vf-tally --stats st --expect vf-score,vf-filter st
	[ "$status" -eq 0 ]
	[ "$(grep -c '"vf-tally"' st)" -eq 2 ]
}

# What vf-sms, vf-sqs and vf-sfmc said of a wave, and how it had been prepared.
sent() {
	cat "$VF_SRCDIR/tests/fuzz/corpus/tally/campaign" "$VF_SRCDIR/tests/fuzz/corpus/tally/sent"
}

@test "vf-tally: what became of the notifications, by wave and channel, and why" {
	sent > st
	try vf-tally st
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "$(sed -n '/^notifications/,$p' <<< "$output")" = 'notifications
wave  campaign            channel      results  attempted   sent  failed  unknown  deferred  suppressed  other    p50    p95    p99  rate/s
w1    harbor-lights-2027  sms            12073      12000  11833     103       68        12          57      0  0.084  0.185  0.334   200.0
w1    harbor-lights-2027  email-queue     2743       2739   2739       4        0         0           0      0  0.012  0.027  0.053   912.7
w1    harbor-lights-2027  email           2743       2739   2689      38       16         0           0      0  0.424  0.922  1.401     1.5
w1 sms failed: retries-exhausted 37, http-400 37, http-404 25, bad-address 4
w1 sms unknown: reset 39, timeout 29
w1 sms deferred: outside-window 12
w1 sms suppressed: opt-out 57
w1 email-queue failed: bad-address 4
w1 email failed: http-400 18, bounced 16, bad-address 4
w1 email unknown: timeout 16' ]
	try vf-tally --json st
	[ "$status" -eq 0 ]
	[ "$(jq -c '.deliveries[0] | .waveId, .delivery.statuses.sent, .delivery.causes.unknown' <<< "$output" | paste -sd ' ')" = \
		'"w1" 11833 {"reset":39,"timeout":29}' ]
	[ "$(jq -c '[.stages[] | select(.waveId == "w1") | .records]' <<< "$output")" = '[17928,2780,2780,2771,11833,2739,2689]' ]
	[ "$(jq -c '.reasons[0]' <<< "$output")" = \
		'{"campaignId":"harbor-lights-2027","waveId":"w1","tool":"vf-draw","reason":"below-bands","records":1795}' ]
}

@test "vf-tally: a wave that was gone on with counts once; a worker's messages add up" {
	sent > st
	# The next run of vf-sms knows what the first one did from its journal; the worker has none.
	sent | jq -c 'select(.tool == "vf-sms" or .tool == "vf-sfmc") | .run = "later"' >> st
	try vf-tally --json st
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.deliveries[].delivery | .channel, .results]' <<< "$output")" = '["sms",12073,"email-queue",2743,"email",5486]' ]
}

@test "vf-tally: --metrics: each with target, value and verdict, and what is not measured says why" {
	sent > st
	try vf-tally --metrics st
	[ "$status" -eq 0 ]
	[ "$(grep -cE ' (ok|missed|not measured)$' <<< "$(sed -n '/^metrics/,/^$/p' <<< "$output")")" -eq 15 ]
	grep -q '^valid numbers an SMS was sent to  *> 98 %  *99.90 %  *ok$' <<< "$output"
	grep -q '^SMS requests a second, without throttling  *200/s  *200.0/s  *missed$' <<< "$output"
	grep -q '^scored file to Kinesis  *< 5 min  *-  *not measured$' <<< "$output"
	grep -q '^scored file to Kinesis: no run with lines of both vf-score and vf-kinesis$' <<< "$output"
	try vf-tally --metrics --json st
	[ "$status" -eq 0 ]
	[ "$(jq -c '[.metrics[] | select(.verdict == "not measured" and .value == null)] | length' <<< "$output")" -eq 7 ]
	[ "$(jq -c '.metrics[] | select(.id == "email-queued") | [.target, .value, .number, .verdict]' <<< "$output")" = \
		'["100 %","99.85 %",99.85,"missed"]' ]
}

# page FILE...: the page and the JSON of the same lines say the same; the page is in `page`.
page() {
	vf-tally --json --metrics --html page -o json "$@" || [ $? -eq 1 ]
	"$PYTHON3" "$VF_SRCDIR/tests/report.py" page json
}

@test "vf-tally: --html: a well-formed page that needs nothing else, with the figures of the JSON" {
	sent > st
	try page st
	[ "$status" -eq 0 ]
	[ -z "$output$stderr" ]
	grep -q 'Every record is accounted for' page
	[ "$(grep -c '<svg class="plot"' page)" -eq 6 ]
	[ "$(stat -c %s page)" -lt 200000 ]
	try vf-tally --html - st
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = '<!DOCTYPE html>' ]
	[[ $output != *$'\n'notifications* ]]
}

@test "vf-tally: --html: nothing, failures, and one message alone are pages too" {
	try page /dev/null
	[ "$status" -eq 0 ]
	[ "$stderr" = 'vf-tally: input: no stats lines' ]
	grep -q 'Not everything is accounted for' page
	stats_line vf-score 100 90 9 > st
	stats_line vf-filter 89 80 9 '{"exit":1}' >> st
	stats_line vf-sms 1 1 0 '{"delivery":{"channel":"sms","results":1,"attempted":1,"attempts":1,"statuses":{"sent":1},"causes":{},
		"latency":{"count":1,"min":0.000001,"max":0.000001,"p50":0.000001,"p95":0.000001,"p99":0.000001,"sum":0.000001,"buckets":[[1,1]]},
		"timeline":{"start":"2026-12-05T20:00:00Z","step":1,"sent":[1],"failed":[0],"unknown":[0]}}}' >> st
	try page --expect vf-score,vf-filter st
	[ "$status" -eq 0 ]
	[ "${#stderr_lines[@]}" -eq 3 ]
	run ! grep -qE '(nan|inf)\b' page
}

@test "vf-tally: --html: what stands in the lines is text, whatever it looks like" {
	stats_line vf-score 5 4 1 '{"campaignId":"</h1><script>alert(1)</script>&amp;\"\u001b","waveId":"<img src=//x>",
		"run":"\u0027><svg onload=x>","input":["<b>.csv"],"reasons":{"<i>":1}}' > st
	stats_line '</td><script>' 5 4 0 >> st
	try page st
	[ "$status" -eq 0 ]
	run ! grep -q -e '<script' -e '<img' -e '<b>' -e $'\e' page
	grep -qF '&lt;/h1&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&quot;?' page
}

# bats test_tags=long
@test "vf-tally: --html: random campaigns' pages say what their JSON says" {
	seed=${TEST_SEED:-$RANDOM}
	echo "TEST_SEED=$seed"
	"$PYTHON3" - "$seed" > st <<-'EOF'
	import json, random, sys
	r = random.Random(int(sys.argv[1]))
	words = ["bad-email", "unreachable", "no-code", "a", "z-9"]
	def counts(n):
	    return {w: r.randint(0, n) for w in r.sample(words, r.randint(0, 5))}
	def delivery():
	    statuses = {w: r.choice([0, 0, 3, 10**r.randint(0, 7)]) for w in ("sent", "failed", "unknown", "deferred", "suppressed", "expired")}
	    causes = counts(50)
	    statuses["failed"] = sum(causes.values())
	    n = r.randint(1, 200)
	    low = sorted({64 << r.randint(0, 24) for _ in range(r.randint(1, 40))})
	    per = [[u, r.randint(1, 10**r.randint(0, 6))] for u in low]
	    total = sum(c for _, c in per)
	    d = {"channel": r.choice(["sms", "email", "email-queue", "push"]), "cumulative": r.random() < .5, "statuses": statuses,
	         "results": sum(statuses.values()), "attempted": statuses["sent"], "attempts": statuses["sent"], "throttled": r.randint(0, 2),
	         "causes": {"failed": causes}, "rate": {"gaps": r.randint(0, 9), "ms": r.randint(0, 9000)},
	         "latency": {"count": total, "min": low[0] / 1e6, "max": low[-1] / 1e6, "sum": total / 1e3, "buckets": per},
	         "timeline": {"start": "2026-12-05T20:00:00Z", "step": r.choice([1, 5, 3600]),
	                      **{k: [r.randint(0, 9) for _ in range(n)] for k in ("sent", "failed", "unknown")}}}
	    for k in r.sample(["latency", "timeline"], r.randint(0, 1)):
	        d[k] = None
	    return d
	for i in range(60):
	    tool = r.choice(["vf-score", "vf-filter", "vf-draw", "vf-assign", "vf-wave", "vf-sms", "vf-x"])
	    n, out, reasons = 10**r.randint(0, 7), r.randint(0, 10**6), counts(1000)
	    line = {"tool": tool, "run": r.choice("abc"), "campaignId": r.choice(["c1", None]), "waveId": r.choice(["w1", "w2", None]),
	            "startedAt": "2026-12-05T20:00:%02dZ" % r.randint(0, 59), "seconds": r.random() * 100, "input": [r.choice("fg")],
	            "in": out + sum(reasons.values()) + (r.random() < .1), "out": out, "rejected": sum(reasons.values()), "reasons": reasons,
	            "exit": r.choice([0, 0, 0, 1])}
	    if r.random() < .2:
	        line["delivery"] = delivery()
	    if r.random() < .1:
	        line["deliveries"] = [{"waveId": "w3", "delivery": delivery()}]
	    print(json.dumps(line))
	EOF
	try page st
	echo "$output $stderr"
	[ "$status" -eq 0 ]
}

@test "vf-tally: --html appears whole or not at all" {
	sent > st
	echo before > page
	try vf-tally --html page none
	[ "$status" -eq 1 ]
	[ "$(cat page)" = before ]
	try vf-tally --html nowhere/page st
	[ "$status" -eq 1 ]
	try vf-tally --html /dev/full st
	[ "$status" -eq 1 ]
	[[ $stderr == 'vf-tally: /dev/full: No space left on device' ]]
}

@test "vf-tally: wrong usage is exit 2, an unreadable file exit 1" {
	for args in '--expect a,,b' '--expect a,b,a' '--expect ,' '--html' '--page x'; do
		# shellcheck disable=SC2086
		try vf-tally $args
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
	done
	try vf-tally none
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: none: No such file or directory' ]
	try vf-tally .
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-tally: .: Is a directory' ]
}
