# What tests of tools that talk to the SMS service share: the stand-in on a port of its own, and a wave for it.
# shellcheck shell=bash

# start_service [OPTION]...: the stand-in, with its account in account.txt, requests.txt and summary.json; sets `url`.
start_service() {
	rm -f port
	"$VF_SRCDIR/tests/stand-ins/sms" --account account.txt --requests requests.txt --summary summary.json \
		--port-file port "$@" >/dev/null 2>service.err 3>&- &
	service=$!
	wait_until 20 test -s port || { cat service.err >&2; return 1; }
	url=http://127.0.0.1:$(cat port)/messages
}

stop_service() {
	[[ -n ${service:-} ]] || return 0
	kill "$service" 2>/dev/null || true
	wait "$service" 2>/dev/null || true
	service=
}

# summary KEY: a figure of the stand-in that has ended.
summary() {
	jq -r ".$1" summary.json
}

# make_wave N: config.json, sms.txt and in.csv with N fans of two markets.
make_wave() {
	cat >config.json <<-'JSON'
		{"id":"c1","name":"The Presale","markets":[{"id":"NYC","timezone":"America/New_York"},{"id":"LA","timezone":"America/Los_Angeles"}],
		"waves":[{"id":"w1","notifyDate":"2027-06-01T02:00:00Z"}]}
	JSON
	echo 'Your code for {{campaignName}}: {{code}}' >sms.txt
	{
		echo globalUserId,phone,market,code,codeType
		seq 1 "$1" | awk '{ printf "nf%d,+1212%07d,%s,C%06d,generated\n", $1, $1, $1 % 2 ? "NYC" : "LA", $1 }'
	} >in.csv
}

# sms [OPTION]...: vf-sms on the wave, results in out.csv, everything else as given.
sms() {
	vf-sms -c config.json --wave w1 --url "$url" --template sms.txt --journal journal --stats stats.json "$@"
}

# sms_job [OPTION]...: the same for the background: the process is vf-sms itself, so that signals reach it.
sms_job() {
	exec vf-sms -c config.json --wave w1 --url "$url" --template sms.txt --journal journal --stats stats.json "$@"
}

# statuses [FILE]: `3 sent` and so on, in byte order of the words.
statuses() {
	csv_get status "${1:-out.csv}" | sort | uniq -c | awk '{ print $1, $2 }' | paste -sd' '
}
