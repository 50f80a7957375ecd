#!/usr/bin/env bats
load helper

setup() {
	untraced
	cd "$BATS_TEST_TMPDIR" || return 1
	# One step `prepare' from planned to prepared, without a pause between tries.
	prepare=(--status s.json --step prepare --from planned --then prepared --wait 0)
}

teardown() {
	# A command that outlived a failed test.
	[ ! -s child ] || kill -KILL "$(cat child)" 2> /dev/null || true
}

attempt() {
	vf-attempt "${prepare[@]}" "$@"
}

# status PATH: a value of the status file.
status_get() {
	jq -rc "$1" s.json
}

# A command that fails N times with STATUS, then succeeds; each run leaves a line in runs.
flaky() {
	cat > flaky <<-EOF
	#!/bin/sh
	echo run >> runs
	[ "\$(wc -l < runs)" -gt $1 ] || exit $2
	EOF
	chmod +x flaky
}

runs() {
	wc -l < runs
}

@test "vf-attempt: a command that succeeds moves the wave, and is not run again" {
	flaky 0 1
	try attempt -- ./flaky
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ -z "$stderr" ]
	[ "$(status_get '[.state, .steps.prepare.state, .steps.prepare.attempt, .steps.prepare.maxAttempts, .steps.prepare.exit]')" = '["prepared","done",1,3,0]' ]
	[ "$(status_get '.steps.prepare | .startedAt, .endedAt' | grep -cE '^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$')" -eq 2 ]
	try attempt -- ./flaky
	[ "$status" -eq 0 ]
	[ "$stderr" = 'vf-attempt: step prepare: the wave is prepared already' ]
	[ "$(runs)" -eq 1 ]
}

@test "vf-attempt: output, input and arguments of the command pass through untouched" {
	try attempt -- sh -c 'cat; printf "%s|" "$@"; echo err >&2' sh -h --status "a b" <<< 'from stdin'
	[ "$status" -eq 0 ]
	[ "$output" = 'from stdin
-h|--status|a b|' ]
	[ "$stderr" = 'err' ]
}

@test "vf-attempt: first try and two retries on exit 1, then exhausted until --reset" {
	flaky 99 1
	try attempt -- ./flaky
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-attempt: step prepare: try 1 of 3: exit 1
vf-attempt: step prepare: try 2 of 3: exit 1
vf-attempt: step prepare: try 3 of 3: exit 1: exhausted' ]
	[ "$(runs)" -eq 3 ]
	[ "$(status_get '[.state, .steps.prepare.state, .steps.prepare.attempt]')" = '["failed","exhausted",3]' ]
	[ "$(status_get '[.steps.prepare.history[] | [.attempt, .exit]]')" = '[[1,1],[2,1],[3,1]]' ]

	try attempt -- ./flaky
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-attempt: step prepare: exhausted after 3 tries; look into it, then --reset' ]
	[ "$(runs)" -eq 3 ]

	try vf-attempt --status s.json --reset
	[ "$status" -eq 0 ]
	[ "$(status_get '[.state, .steps.prepare.attempt]')" = '["planned",0]' ]
	rm runs
	flaky 1 1
	run attempt -- ./flaky
	[ "$status" -eq 0 ]
	[ "$(status_get '[.state, .steps.prepare.attempt, (.steps.prepare.history | length)]')" = '["prepared",2,5]' ]
}

@test "vf-attempt: it succeeds on the third try" {
	flaky 2 75
	try attempt -- ./flaky
	[ "$status" -eq 0 ]
	[ "$(runs)" -eq 3 ]
	[ "$(status_get '[.state, .steps.prepare.state, .steps.prepare.attempt]')" = '["prepared","done",3]' ]
	[ "$(status_get '[.steps.prepare.history[].exit]')" = '[75,75,0]' ]
}

@test "vf-attempt: tries are counted across processes" {
	flaky 99 3
	for try in 1 2 3; do
		try attempt -- ./flaky
		[ "$status" -eq 3 ]
		[ "$(status_get .steps.prepare.attempt)" -eq "$try" ]
	done
	[ "$(status_get '[.state, .steps.prepare.state]')" = '["failed","exhausted"]' ]
	try attempt -- ./flaky
	[ "$status" -eq 1 ]
	[ "$(runs)" -eq 3 ]
}

@test "vf-attempt: exit 2, 3 and unknown ones are never retried; 1, 75 and signals are" {
	for code in 2 3 4 9 126; do
		rm -f s.json runs
		flaky 99 "$code"
		try attempt -- ./flaky
		[ "$status" -eq "$code" ]
		[ "$(runs)" -eq 1 ]
		[ "$stderr" = "vf-attempt: step prepare: try 1 of 3: exit $code: not to be tried again as it is" ]
		[ "$(status_get '[.state, .steps.prepare.state]')" = '["planned","failed"]' ]
	done
	for code in 1 75; do
		rm -f s.json runs
		flaky 99 "$code"
		try attempt -- ./flaky
		[ "$status" -eq "$code" ]
		[ "$(runs)" -eq 3 ]
	done
	rm -f s.json runs
	try attempt -- sh -c 'echo run >> runs; kill -KILL $$'
	[ "$status" -eq 1 ]
	[ "$(runs)" -eq 3 ]
	[ "$(status_get '.steps.prepare.history[2] | [.exit, .signal]')" = '[137,9]' ]
	[ "${stderr_lines[2]}" = 'vf-attempt: step prepare: try 3 of 3: signal 9: exhausted' ]
}

@test "vf-attempt: --retries 0 is one try" {
	flaky 99 1
	run attempt --retries 0 -- ./flaky
	[ "$status" -eq 1 ]
	[ "$(runs)" -eq 1 ]
	[ "$(status_get '[.state, .steps.prepare.state, .steps.prepare.maxAttempts]')" = '["failed","exhausted",1]' ]
}

@test "vf-attempt: elsewhere than --from is exit 2, and nothing runs" {
	flaky 0 1
	try vf-attempt --status s.json --step send --from triggered --then sent -- ./flaky
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: step send: the wave is planned, not triggered' ]
	[ ! -e runs ]
	[ ! -e s.json ]
	vf-attempt --status s.json --set partial
	try vf-attempt --status s.json --step send --from triggered,partial --then sent -- ./flaky
	[ "$status" -eq 0 ]
	[ "$(status_get .state)" = sent ]
}

@test "vf-attempt: a wave that is held or failed needs to be named by --from" {
	flaky 0 1
	vf-attempt --status s.json --set held
	try vf-attempt --status s.json --step x -- ./flaky
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: step x: the wave is held' ]
	[ ! -e runs ]
	run vf-attempt --status s.json --step x --from held -- ./flaky
	[ "$status" -eq 0 ]
	[ "$(status_get .state)" = held ]
}

@test "vf-attempt: a step without --then leaves the wave's state alone, and may be done again" {
	flaky 99 1
	run vf-attempt --status s.json --step zip --wait 0 --retries 1 -- ./flaky
	[ "$status" -eq 1 ]
	[ "$(status_get '[.state, .steps.zip.state]')" = '["planned","exhausted"]' ]
	vf-attempt --status s.json --reset --step zip
	run vf-attempt --status s.json --step zip -- true
	[ "$status" -eq 0 ]
	run vf-attempt --status s.json --step zip --retries 0 -- true
	[ "$status" -eq 0 ]
	[ "$(status_get '[.state, .steps.zip.state, .steps.zip.attempt]')" = '["planned","done",1]' ]
}

@test "vf-attempt: a command that cannot be started is exit 2 and no try" {
	try attempt -- ./nothing
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: ./nothing: No such file or directory' ]
	[ "$(status_get '[.state, (.steps | length)]')" = '["planned",0]' ]
	flaky 0 1
	chmod -x flaky
	try attempt -- ./flaky
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: ./flaky: Permission denied' ]
}

@test "vf-attempt: a run killed by SIGKILL together with its command counts as a failed try" {
	vf-attempt "${prepare[@]}" -- sh -c 'echo $$ > child; exec sleep 100' 3>&- &
	victim=$!
	wait_until 10 test -s child
	wait_until 10 grep -q '"running"' s.json
	[ "$(status_get '.steps.prepare | [.state, .attempt, .process.pid]')" = "[\"running\",1,$(cat child)]" ]
	kill -KILL "$victim" "$(cat child)"
	wait "$victim" || true
	flaky 0 1
	try attempt -- ./flaky
	[ "$status" -eq 0 ]
	[ "$stderr" = 'vf-attempt: step prepare: try 1 of 3 was lost: its process is gone' ]
	[ "$(status_get '.steps.prepare | [.state, .attempt]')" = '["done",2]' ]
	[ "$(status_get '[.steps.prepare.history[] | [.attempt, .exit, .cause]]')" = '[[1,null,"lost"],[2,0,null]]' ]
}

@test "vf-attempt: three runs killed by SIGKILL leave no try" {
	for _ in 1 2 3; do
		rm -f child
		vf-attempt "${prepare[@]}" -- sh -c 'echo $$ > child; exec sleep 100' 3>&- &
		victim=$!
		wait_until 10 test -s child
		kill -KILL "$victim" "$(cat child)"
		wait "$victim" || true
	done
	flaky 0 1
	try attempt -- ./flaky
	[ "$status" -eq 1 ]
	[ "${stderr_lines[1]}" = 'vf-attempt: step prepare: exhausted after 3 tries; look into it, then --reset' ]
	[ ! -e runs ]
	[ "$(status_get '[.state, .steps.prepare.state]')" = '["failed","exhausted"]' ]
}

@test "vf-attempt: while a command outlives a killed vf-attempt no second one starts" {
	vf-attempt "${prepare[@]}" -- sh -c 'echo $$ > child; exec sleep 100' 3>&- &
	victim=$!
	wait_until 10 test -s child
	kill -KILL "$victim"
	wait "$victim" || true
	flaky 0 1
	try attempt -- ./flaky
	[ "$status" -eq 75 ]
	[ "$stderr" = 'vf-attempt: s.json: another vf-attempt, or the command it ran, is at work' ]
	[ ! -e runs ]
	# A copy of the status elsewhere has another lock, but names the process.
	mkdir copy
	cp s.json copy/
	try vf-attempt --status copy/s.json --step prepare -- ./flaky
	[ "$status" -eq 75 ]
	[ "$stderr" = "vf-attempt: copy/s.json: step prepare is running as process $(cat child)" ]
	kill -KILL "$(cat child)"
	wait_until 10 attempt -- ./flaky
	[ "$(status_get .state)" = prepared ]
}

@test "vf-attempt: a running step of another host or boot counts as failed" {
	jq -n '{state:"planned", steps:{prepare:{state:"running", attempt:1, maxAttempts:3, startedAt:"2026-01-01T00:00:00Z",
		process:{pid:1, startTicks:1, bootId:"x", host:"elsewhere"}}}}' > s.json
	flaky 0 1
	try attempt -- ./flaky
	[ "$status" -eq 0 ]
	[ "$(status_get '[.steps.prepare.history[] | [.attempt, .startedAt == "2026-01-01T00:00:00Z", .cause]]')" = '[[1,true,"lost"],[2,false,null]]' ]
}

@test "vf-attempt: of many at once one runs the command, the others are told to come again" {
	cat > cmd <<-'EOF'
	#!/bin/sh
	echo run >> runs
	until [ -e go ]; do sleep 0.02; done
	EOF
	chmod +x cmd
	for i in 1 2 3 4 5 6; do
		{ rc=0; attempt -- ./cmd 2> "err.$i" || rc=$?; echo "$rc" > "rc.$i"; } 3>&- &
	done
	refused() { [ "$(cat rc.? 2> /dev/null | wc -l)" -eq 5 ]; }
	wait_until 20 refused
	[ "$(cat rc.? | sort -u)" = 75 ]
	touch go
	wait
	[ "$(runs)" -eq 1 ]
	[ "$(cat rc.? | sort | tr '\n' ' ')" = '0 75 75 75 75 75 ' ]
	[ "$(status_get .state)" = prepared ]
}

@test "vf-attempt: SIGTERM is passed on; the try is recorded as interrupted; exit 75" {
	vf-attempt "${prepare[@]}" -- sh -c 'trap "echo got >> trapped; exit 1" TERM; echo > up; while :; do sleep 0.02; done' 2> err 3>&- &
	pid=$!
	wait_until 10 test -e up
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" -eq 75 ]
	[ "$(cat trapped)" = got ]
	[ "$(status_get '.steps.prepare | [.state, .attempt, .exit, .history[0].cause]')" = '["failed",1,1,"interrupted"]' ]
	[ "$(status_get .state)" = planned ]
}

@test "vf-attempt: SIGTERM to a command that ends well all the same is a success" {
	vf-attempt "${prepare[@]}" -- sh -c 'trap "exit 0" TERM; echo > up; while :; do sleep 0.02; done' 3>&- &
	pid=$!
	wait_until 10 test -e up
	kill -TERM "$pid"
	wait "$pid"
	[ "$(status_get '[.state, .steps.prepare.state]')" = '["prepared","done"]' ]
}

@test "vf-attempt: SIGTERM ends the pause between tries; the next process goes on counting" {
	flaky 99 1
	vf-attempt --status s.json --step prepare --from planned --then prepared --wait 1d -- ./flaky 2> err 3>&- &
	pid=$!
	wait_until 10 test -s err
	kill -TERM "$pid"
	rc=0
	wait "$pid" || rc=$?
	[ "$rc" -eq 75 ]
	[ "$(runs)" -eq 1 ]
	run attempt -- ./flaky
	[ "$status" -eq 1 ]
	[ "$(runs)" -eq 3 ]
}

@test "vf-attempt: SIGINT reaches the command and ends vf-attempt by the same signal" {
	run "$PYTHON3" - <<-'EOF'
	import os, signal, subprocess, time
	signal.signal(signal.SIGINT, signal.SIG_DFL)
	p = subprocess.Popen(["vf-attempt", "--status", "s.json", "--step", "prepare", "--then", "prepared", "--wait", "0",
	    "--", "sh", "-c", "trap 'echo got > trapped; exit 1' INT; echo > up; while :; do sleep 0.02; done"])
	while not os.path.exists("up"):
	    time.sleep(0.02)
	p.send_signal(signal.SIGINT)
	print(p.wait())
	EOF
	[ "${lines[-1]}" = -2 ]
	[ "$(cat trapped)" = got ]
	[ "$(status_get '.steps.prepare.history[0].cause')" = interrupted ]
}

@test "vf-attempt: the command has the default signals" {
	try attempt -- "$PYTHON3" -c '
import signal
# Python itself ignores SIGPIPE and SIGXFSZ: ask the kernel what it was started with.
import re
ignored = int(re.search(r"SigIgn:\s+(\w+)", open("/proc/%d/status" % __import__("os").getppid()).read()).group(1), 16)
print(bool(ignored >> (signal.SIGPIPE - 1) & 1))'
	[ "$status" -eq 0 ]
	try vf-attempt --status t.json --step x -- grep -E '^Sig(Ign|Blk)' /proc/self/status
	[ "$status" -eq 0 ]
	for line in "${lines[@]}"; do
		mask=$((16#${line##*[[:space:]]}))
		# neither SIGPIPE (13), SIGTERM (15), SIGCHLD (17) nor SIGXFSZ (25)
		[ $((mask & (1 << 12 | 1 << 14 | 1 << 16 | 1 << 24))) -eq 0 ]
	done
}

@test "vf-attempt: campaign and wave come from -c and --wave, and must stay the same" {
	echo '{"id":"c1","waves":[{"id":"w1"},{"id":"w2"}]}' > c.json
	try attempt -c c.json --wave w1 --stats st -- true
	[ "$status" -eq 0 ]
	[ "$(status_get '[.campaignId, .waveId]')" = '["c1","w1"]' ]
	[ "$(jq -c '[.tool, .campaignId, .waveId, .step, .attempt, .state, .exit]' st)" = '["vf-attempt","c1","w1","prepare",1,"prepared",0]' ]
	try attempt -c c.json --wave w2 -- true
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: s.json: the status of another wave' ]
	echo '{"id":"c2"}' > c2.json
	try attempt -c c2.json -- true
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: s.json: the status of another campaign' ]
	try attempt -c c.json --wave w9 -- true
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: --wave: the campaign has no such wave; see vf-attempt --help' ]
}

@test "vf-attempt: --set and --show are for operators" {
	try vf-attempt --status s.json --show
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-attempt: s.json: No such file or directory' ]
	for state in planned prepared triggered sending partial sent held failed; do
		try vf-attempt --status s.json --set "$state"
		[ "$status" -eq 0 ]
		try vf-attempt --status s.json --show
		[ "$status" -eq 0 ]
		[ "$(jq -r .state <<< "$output")" = "$state" ]
		[ "$output" = "$(cat s.json)" ]
	done
	try vf-attempt --status s.json --set 'done'
	[ "$status" -eq 2 ]
	[[ $stderr == 'vf-attempt: --set: not one of planned, prepared, '* ]]
	try vf-attempt --status s.json --reset --step nothing
	[ "$status" -eq 0 ]
	[ "$stderr" = 'vf-attempt: step nothing: not tried yet' ]
}

@test "vf-attempt: keys of others in the status stay" {
	echo '{"state":"planned","note":{"by":["ops",1]},"steps":{"other":{"state":"done","attempt":1,"maxAttempts":3}}}' > s.json
	run attempt -- true
	[ "$status" -eq 0 ]
	[ "$(status_get '[.note.by[0], .steps.other.state, .state]')" = '["ops","done","prepared"]' ]
}

@test "vf-attempt: what is no status is exit 2, and stays as it is" {
	while IFS= read -r text; do
		printf '%s' "$text" > s.json
		try attempt -- touch ran
		[ "$status" -eq 2 ]
		[[ $stderr == vf-attempt:\ s.json:* ]]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[ "$(cat s.json)" = "$text" ]
		[ ! -e ran ]
	done <<-'EOF'
	{"state":"planned"
	[]
	{}
	{"state":"lost"}
	{"state":5}
	{"state":"planned","steps":[]}
	{"state":"planned","steps":{"prepare":5}}
	{"state":"planned","steps":{"prepare":{}}}
	{"state":"planned","steps":{"prepare":{"state":"new"}}}
	{"state":"planned","steps":{"prepare":{"state":"done","attempt":-1}}}
	{"state":"planned","steps":{"prepare":{"state":"done","startedAt":"yesterday"}}}
	{"state":"planned","steps":{"prepare":{"state":"done","history":{}}}}
	EOF
	: > s.json
	try attempt -- touch ran
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: s.json:1: empty' ]
}

@test "vf-attempt: wrong usage is exit 2" {
	for args in '' '--step x true' '--status s.json' '--status s.json true' '--status s.json --set held true' \
		'--status s.json --show --reset' '--status s.json --step x/y true' '--status s.json --step x --from nowhere true' \
		'--status s.json --step x --from planned, true' '--status s.json --step x --then there true' \
		'--status s.json --step x --retries many true' '--status s.json --step x --wait 18446744073709551s true' '--status s.json --step x --retries 1001 true' \
		'--status s.json --step x --wait soon true'; do
		# shellcheck disable=SC2086
		try vf-attempt $args
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 1 ]
		[ ! -e s.json ]
	done
}

@test "vf-attempt: a status that cannot be written is exit 1, and the command does not run" {
	mkdir dir
	ln -s /dev/full dir/s.json
	try vf-attempt --status dir/s.json --step x -- touch ran
	[ "$status" -ne 0 ]
	[ ! -e ran ]
	try vf-attempt --status none/s.json --step x -- touch ran
	[ "$status" -eq 1 ]
	[ "$stderr" = 'vf-attempt: none/s.json.lock: No such file or directory' ]
	[ ! -e ran ]
	try vf-attempt --status dir --step x -- touch ran
	[ "$status" -eq 2 ]
	[ "$stderr" = 'vf-attempt: dir: Is a directory' ]
	[ ! -e ran ]
}

# bats test_tags=long
@test "vf-attempt: of a hundred tries and more the latest are kept" {
	run attempt --retries 119 -- false
	[ "$status" -eq 1 ]
	[ "$(status_get '[.steps.prepare.attempt, (.steps.prepare.history | length), .steps.prepare.history[0].attempt]')" = '[120,100,21]' ]
}
