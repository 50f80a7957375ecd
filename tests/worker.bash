# What the tests of email-worker.sh share: jobs in moto's queue, Marketing Cloud's stand-in, runs. Needs aws.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154	# examples is set by campaign.bash

start_cloud() {
	"$PYTHON3" "$VF_SRCDIR/tests/stand-ins/sfmc" --port-file "$BATS_FILE_TMPDIR/port" --account "$BATS_FILE_TMPDIR/account" \
		>/dev/null 2>&1 3>&- &
	export CLOUD_PID=$!
	wait_until 60 test -s "$BATS_FILE_TMPDIR/port"
}

stop_cloud() {
	[[ -z ${CLOUD_PID:-} ]] || kill "$CLOUD_PID" 2>/dev/null || :
}

worker_setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	as_ops
	export AWS_ENDPOINT_URL=$MOTO_URL VF_SFMC_CLIENT_ID=id-1 VF_SFMC_CLIENT_SECRET=secret-1
	: >"$BATS_FILE_TMPDIR/account"
	mkdir t
}

# cloud [WORD...]: as in vf-sfmc.bats.
cloud() {
	local IFS=+
	VF_SFMC_AUTH_URL=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")/${*:-ok}/$BATS_TEST_NUMBER-$((++clouds))
	export VF_SFMC_AUTH_URL
}

# jobs PREFIX FROM TO WAVE
jobs() {
	seq "$2" "$3" | awk -v p="$1" -v wave="$4" '{
		printf "{\"jobId\":\"%s-%d\",\"campaignId\":\"c1\",\"waveId\":\"%s\",\"globalUserId\":\"f%09x\",", p, $1, wave, $1
		printf "\"to\":\"fan%d@example.com\",\"subject\":\"Your code\",\"html\":\"<p>CODE%d</p>\",\"code\":\"CODE%d\"}\n", $1, $1, $1 }'
}

url_of() { echo "$MOTO_URL/123456789012/$1"; }

queue_jobs() { vf-sqs --queue-url "$(url_of "$1")" --journal "$1.journal" send "$2"; }

# worker QUEUE [OPTION]... [-- VF-SFMC-OPTION...]
worker() {
	local queue=$1 options=()
	shift
	while (($# > 0)) && [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	"$examples/email-worker.sh" --queue-url "$(url_of "$queue")" --trees "${trees:-t}" --wait 1 "${options[@]}" -- \
		--definition wave-mail "${@:2}"
}

# worker_job QUEUE [OPTION]...: the same for the background, until SIGTERM: the process is the script itself.
worker_job() {
	exec "$examples/email-worker.sh" --queue-url "$(url_of "$1")" --trees t --wait 1 "${@:2}" -- --definition wave-mail
}

# worker_session QUEUE [OPTION]... -- VF-SFMC-OPTION...: the same in a session of its own, whose number is the process's.
worker_session() {
	local queue=$1
	shift
	exec setsid "$examples/email-worker.sh" --queue-url "$(url_of "$queue")" --trees t --wait 1 "${@}" --definition wave-mail
}

# kill_session PID: all of it, those that are just being made too.
kill_session() {
	local pids
	while pids=$(ps -o pid=,stat= -s "$1" | awk '$2 !~ /^Z/ { print $1 }') && [[ -n $pids ]]; do
		# shellcheck disable=SC2086	# one word a process
		kill -KILL $pids 2>/dev/null || :
		sleep 0.02
	done
}

# receiving_ended: the worker's vf-sqs receive has left its stats line.
receiving_ended() { grep -qs '"tool":"vf-sqs"' "$TMPDIR"/vf-stage.*/stats.ndjson; }

# has_results N FILE
has_results() { [[ -e $2 ]] && (($(csv_records "$2") >= $1)); }

is_empty() { [[ $(left_in "$1") -eq 0 ]] || { sleep 0.5; return 1; }; }

# accepted PREFIX: the jobs that Marketing Cloud took, once a time it was taken.
accepted() { jq -r --arg p "$1-" 'select(.accepted) | .accepted | select(startswith($p))' "$BATS_FILE_TMPDIR/account" | sort; }

# asked_keys PREFIX: the jobs that it was asked to take, once a time it was asked.
asked_keys() { jq -r --arg p "$1-" '.keys // [] | .[] | select(startswith($p))' "$BATS_FILE_TMPDIR/account" | sort; }

# asked_by WORKER: the worker with that part in its address has asked for something.
asked_by() { grep -q "\"keys\": .*\"of\": \"$1\"" "$BATS_FILE_TMPDIR/account"; }

# asked WORD: a request was answered so.
asked() { grep -q "\"word\": \"$1\"" "$BATS_FILE_TMPDIR/account"; }

# left QUEUE: what may be received at once. left_in QUEUE: how many there are, under way or not.
left() { moto queue "$(url_of "$1")"; }
left_in() { moto count "$(url_of "$1")"; }

statuses_of() {
	local file
	for file; do
		csv_get status "$file"
	done | sort | uniq -c | awk '{ print $1, $2 }' | paste -sd ' '
}
