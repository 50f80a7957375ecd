#!/usr/bin/env bats
# One loop over all tools: what DESIGN 3 promises of every command line.
load helper

# Every tool there is, by its man page.
all_tools() {
	local pages=("$VF_SRCDIR"/man/vf-*.1)
	pages=("${pages[@]##*/}")
	echo "${pages[@]%.1}"
}

# Tools that read CSV and write CSV to standard output, with what they need besides the input.
filters=(vf-score vf-filter vf-draw vf-assign)

setup_file() {
	mkdir "$BATS_FILE_TMPDIR/ready"
	cd "$BATS_FILE_TMPDIR/ready" || return 1
	cat >config.json <<-'EOF'
		{"id":"c1","markets":[{"id":"NYC","limit":100000}],"waves":[{"id":"w1","notifyDate":"2027-06-01T12:00:00Z"}]}
	EOF
	printf '%064d\n' 7 >seed
	chmod 600 seed
	{ echo code; seq -f 'C%011.0f' 1 20000; } >codes.csv
	records 2 >good.csv
}

setup() {
	cp -a "$BATS_FILE_TMPDIR/ready/." "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return 1
}

# records N: N good records that every filter takes.
records() {
	echo globalUserId,email,market,score,band
	seq -f 'nf%.0f,fan%.0f@example.com,NYC,0.500000,low' 1 "$1" 2>/dev/null ||
		seq 1 "$1" | sed 's/.*/nf&,fan&@example.com,NYC,0.500000,low/'
}

# tool_args TOOL: sets `args`, the least it needs. Each call takes a new ledger.
tool_args() {
	case $1 in
	vf-score) args=(vf-score) ;;
	vf-filter) args=(vf-filter --no-disposable) ;;
	vf-draw) args=(vf-draw -c config.json --wave w1 --seed-file seed) ;;
	vf-assign)
		ledgers=$((${ledgers:-0} + 1))
		args=(vf-assign -c config.json --wave w1 --codes codes.csv --ledger "ledger$ledgers.csv")
		;;
	*) return 1 ;;
	esac
}

holds_something() {
	[ -n "$(ls -A "$1")" ]
}

one_line() {
	[ "$(wc -l <<<"$stderr")" -eq 1 ] && [ -n "$stderr" ]
}

@test "all tools: --help goes to stdout, --version names the tool, both fail on a full disk" {
	local tool
	for tool in $(all_tools); do
		run --separate-stderr "$tool" --help
		[ "$status" -eq 0 ]
		[[ $output == "Usage: $tool "* ]]
		[ -z "$stderr" ]
		run --separate-stderr "$tool" --version
		[ "$status" -eq 0 ]
		[[ $output == "$tool (vf) "* ]]
		run --separate-stderr sh -c "$tool --help >/dev/full"
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: stdout: No space left on device" ]
		run --separate-stderr sh -c "$tool --version >&-"
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: stdout: Bad file descriptor" ]
	done
}

@test "all tools: an unknown option is exit 2 and one line" {
	local tool
	for tool in $(all_tools); do
		run --separate-stderr "$tool" --no-such-option </dev/null
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "$tool: --no-such-option is no option of this tool; see $tool --help" ]
		run --separate-stderr "$tool" --stats
		[ "$status" -eq 2 ]
		[ "$stderr" = "$tool: --stats needs a value; see $tool --help" ]
		run --separate-stderr "$tool" --help=yes
		[ "$status" -eq 2 ]
		one_line
	done
}

@test "all tools: --help and the man page agree about the options" {
	local tool
	for tool in $(all_tools); do
		# Of the last two lines, which name the common options, each word that is one.
		"$tool" --help >help
		{ grep -oE -- '--[a-z][a-z-]+ ' help | tr -d ' '; tail -n 2 help | grep -oE -- '--[a-z-]+'; } | sort -u >help.txt
		mandoc -T utf8 "$VF_SRCDIR/man/$tool.1" | col -b | sed -n '/DESCRIPTION/,/EXIT STATUS/p' |
			grep -oE '^ +-.*' | grep -oE -- '--[a-z][a-z-]+' | sort -u >man.txt
		echo "--max-rejects" | sort -u - man.txt -o man.txt
		diff help.txt man.txt || { echo "$tool"; false; }
	done
}

@test "all tools: a letter means one option everywhere" {
	local tool
	for tool in $(all_tools); do
		"$tool" --help | sed -nE 's/^  -([A-Za-z]), --([a-z-]+).*/\1 \2/p'
	done | sort -u >letters
	[ "$(cut -d' ' -f1 letters | uniq -d)" = "" ]
	[ "$(cut -d' ' -f2 letters | sort | uniq -d)" = "" ]
}

@test "all tools: the reject words and the exit status stand in the man page" {
	local tool
	for tool in $(all_tools); do
		for code in 0 1 2 75; do
			grep -qE "^\.It( Sy)? $code\b" "$VF_SRCDIR/man/$tool.1" || { echo "$tool $code"; false; }
		done
		grep -qE '^\.Sh EXAMPLES' "$VF_SRCDIR/man/$tool.1"
	done
}

@test "filters: an empty input is exit 1, a header alone is an empty stream" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" </dev/null
		[ "$status" -eq 1 ]
		[ -z "$output" ]
		[ "$stderr" = "$tool: stdin: empty: there is no header" ]
		tool_args "$tool"
		run --separate-stderr "${args[@]}" < <(head -n 1 good.csv)
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == globalUserId,* ]]
		[ -z "$stderr" ]
	done
}

@test "filters: a missing column is exit 2 and named" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" <<<$'id,email,market,score,band\na,a@example.com,NYC,1,high'
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[[ $stderr == "$tool: stdin: no column globalUserId"* ]]
		one_line
	done
}

@test "filters: a missing file, a directory, an unreadable path are exit 1 and one line" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" nowhere.csv
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: nowhere.csv: No such file or directory" ]
		run --separate-stderr "${args[@]}" .
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: .: Is a directory" ]
		run --separate-stderr "${args[@]}" < .
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: stdin: Is a directory" ]
		run --separate-stderr "${args[@]}" good.csv nowhere.csv
		[ "$status" -eq 1 ]
		[ -z "$output" ]
	done
}

@test "filters: a full disk, at stdout, -o, --stats and --rejects" {
	local tool
	records 20000 >many.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr sh -c '"$@" good.csv >/dev/full' - "${args[@]}"
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: stdout: No space left on device" ]
		tool_args "$tool"
		run --separate-stderr "${args[@]}" -o /dev/full many.csv
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: /dev/full: No space left on device" ]
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --stats /dev/full good.csv
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: /dev/full: No space left on device" ]
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --rejects /dev/full -o out.csv <<<$'globalUserId,email,market,score,band\nx'
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: /dev/full: No space left on device" ]
		[ ! -e out.csv ]
	done
}

@test "filters: a closed stdout is exit 1" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr sh -c '"$@" good.csv >&-' - "${args[@]}"
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: stdout: Bad file descriptor" ]
	done
}

@test "filters: a closed pipe ends them by SIGPIPE, quietly, with a stats line" {
	local tool
	records 200000 >many.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		[ "$tool" != vf-assign ] || seq -f 'C%011.0f' 20001 300000 >>codes.csv
		run --separate-stderr bash -c '"$@" --stats s.json many.csv | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"' - "${args[@]}"
		[ "$status" -eq 141 ]
		[ -z "$stderr" ]
		[ "$(stats_get exit s.json)" = 141 ]
		rm s.json
	done
}

@test "filters: SIGTERM is exit 75, SIGINT ends by the signal, and nothing is left behind" {
	local tool pid status
	for tool in "${filters[@]}"; do
		for sig in TERM INT; do
			tool_args "$tool"
			rm -rf work fifo && mkdir work && mkfifo fifo
			# A shell that starts a job in the background makes it ignore SIGINT: env sets that right.
			env --default-signal=INT,TERM "${args[@]}" --stats s.json -o work/out.csv fifo 2>err.txt 3>&- &
			pid=$!
			exec 7>fifo
			cat good.csv >&7
			wait_until 10 holds_something work
			kill -"$sig" "$pid"
			status=0
			wait "$pid" || status=$?
			exec 7>&-
			case $sig in
			TERM) [ "$status" -eq 75 ] && [ "$(stats_get exit s.json)" = 75 ] ;;
			INT) [ "$status" -eq 130 ] && [ "$(stats_get exit s.json)" = 130 ] ;;
			esac || { echo "$tool $sig: $status"; cat err.txt; false; }
			[ -z "$(ls -A work)" ]
			rm -f s.json
		done
	done
}

@test "filters: CRLF, a byte order mark and a missing last line end change nothing" {
	local tool
	sed 's/$/\r/' good.csv >crlf.csv
	{ printf '\xef\xbb\xbf'; head -c -1 good.csv; } >bom.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool" && "${args[@]}" good.csv >plain.out
		tool_args "$tool" && "${args[@]}" crlf.csv >crlf.out
		tool_args "$tool" && "${args[@]}" bom.csv >bom.out
		[ "$(wc -l <plain.out)" -eq 3 ]
		same_files plain.out crlf.out
		same_files plain.out bom.out
	done
}

@test "filters: bad records of every kind are rejected one at a time, and all is accounted for" {
	local tool
	{
		head -n 2 good.csv
		printf 'nf\0a,fan@example.com,NYC,0.5,low\n'
		printf 'nfb,\xff@example.com,NYC,0.5,low\n'
		printf 'nfc,"fan"c@example.com,NYC,0.5,low\n'
		printf 'nfd,"fan\n@example.com",NYC,0.5,low\n'
		printf 'nfe,fan@example.com,NYC\n'
		printf 'nff,'
		head -c 1100000 /dev/zero | tr '\0' x
		printf ',NYC,0.5,low\n'
		printf 'nfg,fan\rg@example.com,NYC,0.5,low\n'
		tail -n 1 good.csv
	} >bad.csv
	for tool in "${filters[@]}"; do
		rm -f r.csv s.json
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --rejects r.csv --stats s.json bad.csv
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -eq 3 ]
		[ -z "$stderr" ]
		[ "$(reject_lines r.csv)" = '3 nul-byte
4 bad-utf8
5 bad-quote
6 line-break
8 field-count
9 too-long
10 line-break' ]
		[ "$(csv_get detail r.csv | paste -sd,)" = ',,,2,,1100016,1' ]
		[ "$(stats_get in s.json)" = 9 ]
		[ "$(stats_get rejected s.json)" = 7 ]
		stats_conserved s.json
		[ "$(wc -l <r.csv)" -eq 8 ]
		[ "$(wc -c <r.csv)" -lt 70000 ]
	done
}

@test "filters: --rejects /dev/null and --stats /dev/null are taken" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --rejects /dev/null --stats /dev/null <<<$'globalUserId,email,market,score,band\nx'
		[ "$status" -eq 0 ]
		[ -z "$stderr" ]
		[ -c /dev/null ]
	done
}

@test "filters: --stats - and --rejects - go to standard output" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --stats - --rejects - -o out.csv <<<$'globalUserId,email,market,score,band\nx'
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = tool,file,line,reason,detail,record ]
		[ "${lines[1]}" = "$tool,stdin,2,field-count,,x" ]
		[ "$(jq -r .tool <<<"${lines[2]}")" = "$tool" ]
		[ ! -e - ]
	done
}

@test "filters: --stats and --rejects into the file that is standard output overwrite nothing" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		{
			echo before
			"${args[@]}" --stats - --rejects /dev/stdout -o out.csv <<<$'globalUserId,email,market,score,band\nx'
			echo after
		} >all.txt
		[ "$(sed -n '1p;2p;3p;5p' all.txt)" = "before
tool,file,line,reason,detail,record
$tool,stdin,2,field-count,,x
after" ]
		[ "$(sed -n 4p all.txt | jq -r .tool)" = "$tool" ]
		# Together with the records they would be neither.
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --rejects - good.csv
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "$tool: --rejects: standard output has the records; give them -o" ]
	done
}

@test "filters: a file that is read cannot be appended to as well" {
	local tool name
	for tool in "${filters[@]}"; do
		for name in --rejects --stats; do
			cp good.csv both.csv
			tool_args "$tool"
			run --separate-stderr "${args[@]}" "$name" ./both.csv -o out.csv both.csv
			[ "$status" -eq 2 ]
			[ "$stderr" = "$tool: both.csv: read and, as $name, written to" ]
			[ ! -e out.csv ]
			[ "$name" = --stats ] || same_files both.csv good.csv
		done
		cp good.csv both.csv
		tool_args "$tool"
		run --separate-stderr sh -c '"$@" both.csv >>both.csv' - "${args[@]}"
		[ "$status" -eq 2 ]
		[ "$stderr" = "$tool: both.csv: read and, as standard output, written to" ]
		same_files both.csv good.csv
		# To replace it is no fault.
		tool_args "$tool"
		run --separate-stderr "${args[@]}" -o both.csv both.csv
		[ "$status" -eq 0 ]
		[ "$(csv_records both.csv)" -eq 2 ]
	done
}

@test "filters: a file name may hold anything: messages and reject lines stay lines of UTF-8" {
	local tool name=$'a\nb\e\xff\\.csv'
	printf 'globalUserId,email,market,score,band\nx\n' >"$name"
	for tool in "${filters[@]}"; do
		rm -f r.csv s.json
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --rejects r.csv --stats s.json "$name"
		[ "$status" -eq 0 ]
		[ "$(tail -n +2 r.csv)" = "$tool,"$'a\\nb\e\\xFF\\\\.csv,2,field-count,,x' ]
		jq -e '.input | length == 1' s.json
		tool_args "$tool"
		run --separate-stderr "${args[@]}" "no$name"
		[ "$status" -eq 1 ]
		[ "$stderr" = "$tool: noa\\nb\\x1B\\xFF\\.csv: No such file or directory" ]
	done
}

@test "filters: more files than a record can name are exit 2" {
	local names
	mapfile -t names < <(seq 65536 | sed 's/.*/good.csv/')
	run --separate-stderr env -i "$(command -v vf-score)" "${names[@]}"
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "$stderr" = "vf-score: more than 65535 files" ]
}

@test "filters: --max-rejects is judged at the end, and then -o does not appear" {
	local tool
	{ cat good.csv; echo x; } >bad.csv
	for tool in "${filters[@]}"; do
		for limit in 0 33% 0.5%; do
			tool_args "$tool"
			run --separate-stderr "${args[@]}" --rejects /dev/null --max-rejects "$limit" -o out.csv bad.csv
			[ "$status" -eq 3 ]
			[ "$stderr" = "$tool: 1 of 3 records rejected: more than --max-rejects $limit" ]
			[ ! -e out.csv ]
		done
		for limit in 1 34% 100%; do
			tool_args "$tool"
			run --separate-stderr "${args[@]}" --rejects /dev/null --max-rejects "$limit" -o out.csv bad.csv
			[ "$status" -eq 0 ]
			[ "$(csv_records out.csv)" -eq 2 ]
			rm out.csv
		done
		tool_args "$tool"
		for limit in many 0x10% 1e1% 101% % -1; do
			run --separate-stderr "${args[@]}" --max-rejects "$limit" bad.csv
			[ "$status" -eq 2 ]
			one_line
		done
	done
}

@test "filters: without --rejects the first few are named on stderr, without a person's data" {
	local tool
	{ cat good.csv; yes 'only,secret@example.com' | head -n 9; } >bad.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" bad.csv
		[ "$status" -eq 0 ]
		[ "$(head -n 1 <<<"$stderr")" = "$tool: bad.csv:4: rejected: field-count" ]
		[ "$(wc -l <<<"$stderr")" -eq 6 ]
		[ "$(tail -n 1 <<<"$stderr")" = "$tool: 9 rejected: field-count 9 (--rejects FILE keeps them)" ]
		[[ $stderr != *secret* ]]
	done
}

@test "filters: several writers share one stats file and one rejects file" {
	local i pids=()
	{ cat good.csv; seq 1 3000; } >bad.csv
	for i in 1 2 3 4 5 6 7 8; do
		vf-score --stats s.json --rejects r.csv -o "out$i" bad.csv 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(jq -c .in s.json | sort | uniq -c | tr -s ' ')" = " 8 3002" ]
	[ "$(csv_records r.csv)" -eq 24000 ]
	[ "$(grep -c '^tool,file' r.csv)" -eq 1 ]
	[ "$(csv_get reason r.csv | sort -u)" = field-count ]
	stats_conserved s.json
}

@test "filters: -o is whole or nothing, follows links, keeps devices, and leaves no temporary" {
	local tool
	for tool in "${filters[@]}"; do
		rm -rf work && mkdir work
		echo old >work/target
		ln -s target work/link
		tool_args "$tool"
		run --separate-stderr "${args[@]}" -o work/link nowhere.csv
		[ "$status" -eq 1 ]
		[ "$(cat work/target)" = old ]
		tool_args "$tool"
		run --separate-stderr "${args[@]}" -o work/link good.csv
		[ "$status" -eq 0 ]
		[ -L work/link ]
		[ "$(csv_records work/target)" -eq 2 ]
		[ "$(find work -mindepth 1 | wc -l)" -eq 2 ]
		tool_args "$tool"
		run --separate-stderr "${args[@]}" -o /dev/stdout good.csv
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -eq 3 ]
		run --separate-stderr "${args[@]}" -o no/such/folder good.csv
		[ "$status" -eq 1 ]
		one_line
	done
}

@test "filters: headers that differ are exit 2, naming the file" {
	local tool
	sed '1s/market,score/score,market/' good.csv >other.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" good.csv other.csv
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "$stderr" = "$tool: other.csv:1: the header differs from that of good.csv" ]
	done
}

@test "filters: --column renames, and two equal names are exit 2" {
	local tool
	sed '1s/globalUserId/uid/' good.csv >renamed.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --column globalUserId=uid renamed.csv
		[ "$status" -eq 0 ]
		[[ ${lines[0]} == globalUserId,email,* ]]
		run --separate-stderr "${args[@]}" --column globalUserId=nothing renamed.csv
		[ "$status" -eq 2 ]
		one_line
		run --separate-stderr "${args[@]}" --column email=uid renamed.csv
		[ "$status" -eq 2 ]
		[ "$stderr" = "$tool: renamed.csv:1: columns 1 and 2 have the same name" ]
	done
}

@test "filters: --column names columns as the file does: two may change places, none is named twice" {
	local tool order
	sed '1s/.*/globalUserId,market,email,score,band/' good.csv >swapped.csv
	for tool in "${filters[@]}"; do
		tool_args "$tool" && "${args[@]}" good.csv >plain.out
		for order in "email=market market=email" "market=email email=market"; do
			tool_args "$tool"
			"${args[@]}" --column "${order% *}" --column "${order#* }" swapped.csv >swapped.out
			same_files plain.out swapped.out
		done
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --column a=score --column b=score good.csv
		[ "$status" -eq 2 ]
		[ "$stderr" = "$tool: good.csv:1: --column names column score twice" ]
	done
}

@test "filters: --log json makes every message an object" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		run --separate-stderr "${args[@]}" --log json nowhere.csv
		[ "$status" -eq 1 ]
		[ "$(jq -r '.tool + " " + .level + " " + .message' <<<"$stderr")" = \
			"$tool error nowhere.csv: No such file or directory" ]
	done
}

@test "filters: a second run on its own output is byte-identical" {
	local tool
	for tool in "${filters[@]}"; do
		tool_args "$tool"
		"${args[@]}" good.csv >one.csv
		"${args[@]}" one.csv >two.csv
		same_files one.csv two.csv
	done
}
