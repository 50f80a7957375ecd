# What the tests of send-wave.sh share: a prepared wave in a tree, runs, and the account of the stand-in (service.bash).
# shellcheck shell=bash
# shellcheck disable=SC2154	# url, status and stderr are set elsewhere

# make_tree N: t/, a campaign's tree with the wave w1 of N fans, prepared; every tenth has no phone.
make_tree() {
	umask 077
	cat >config.json <<-'JSON'
		{"id":"c1","name":"The Presale","markets":[{"id":"NYC","timezone":"America/New_York"},{"id":"LAX","timezone":"America/Los_Angeles"}],
		 "waves":[{"id":"w1","notifyDate":"2027-06-01T02:00:00Z"},{"id":"w2","notifyDate":"2027-07-01T02:00:00Z"}]}
	JSON
	{
		echo globalUserId,email,phone,phoneConfirmed,market,code,codeType
		seq 1 "$1" | awk '{ printf "f%09x,fan%d@example.com,%s,true,%s,CODE%05d,generated\n", $1, $1,
			$1 % 10 ? sprintf("+1212555%04d", $1) : "", $1 % 2 ? "NYC" : "LAX", $1 }'
	} >assigned.csv
	mkdir -p t/waves t/state/waves/w1
	install -m 600 config.json t/config.json
	vf-wave -c config.json --wave w1 --now 2027-01-01T00:00:00Z --out t/waves/w1 assigned.csv
	vf-attempt --status t/state/waves/w1/status.json --step prepare -c config.json --wave w1 --set prepared >/dev/null
	echo 'Your code for {{campaignName}}: {{code}}' >sms.txt
	echo '+12125550003' >optout.txt
	: >account.txt
}

# wave [OPTION]...: send-wave.sh for SMS, at a time at which it may be sent.
wave() {
	"$examples/send-wave.sh" --to "${tree:-t}" --wave w1 --url "$url" --sms-template sms.txt --suppress optout.txt \
		--now 2027-06-01T02:00:00Z --retries 0 --wait 0 --poll 0.3 "$@"
}

# wave_job [OPTION]...: the same for the background: the process is the script itself, so that signals reach it.
wave_job() {
	exec "$examples/send-wave.sh" --to t --wave w1 --url "$url" --sms-template sms.txt --suppress optout.txt --early \
		--retries 0 --wait 0 --poll 0.3 --rate 20 --concurrency 5 "$@"
}

state() { jq -r .state t/waves/w1/status.json; }

accepted() { wc -l <account.txt; }

# nobody_twice: no key and no phone was taken twice.
nobody_twice() {
	[ -z "$(awk '{ print $2 }' account.txt | sort | uniq -d)" ] && [ -z "$(awk '{ print $3 }' account.txt | sort | uniq -d)" ]
}

# as_accounted: who has the result `sent` is who the service took, no more and no fewer.
as_accounted() {
	local want
	want=$("$PYTHON3" -c '
import csv
phone = {row["globalUserId"]: row["phone"] for row in csv.DictReader(open("t/waves/w1/sms.csv"))}
for row in csv.DictReader(open("t/waves/w1/sms-results.csv")):
    if row["status"] == "sent":
        print(phone[row["globalUserId"]])' | sort)
	[ "$want" = "$(awk '{ print $3 }' account.txt | sort)" ]
}

has_accepted() { [ "$(accepted)" -ge "$1" ]; }
