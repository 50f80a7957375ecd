# What the tests of the lake share: a lake on disk or in S3 (the stand-in, or moto by TEST_S3=moto), and who sees what.
# shellcheck shell=bash
# shellcheck disable=SC2034	# the tests read what it sets

examples=$VF_SRCDIR/examples
scratch=$BATS_TEST_TMPDIR
day=2026-12-05

# plain_lake, s3_lake: sets lake, queue and root, the folder that holds the lake's files.
plain_lake() {
	lake=$scratch/lake root=$scratch/lake queue=$scratch/queue
	mkdir -p "$root" "$queue"
}

s3_lake() {
	export VF_STANDIN_S3=$scratch/s3 PATH=$VF_SRCDIR/tests/stand-ins:$PATH
	lake=s3://bucket/lake root=$scratch/s3/bucket/lake queue=https://sqs.example.com/1/merged
	mkdir -p "$root"
}

# start_reader FOLDER [TABLE STATE...]: the one that makes and reads the lake's files, at work until its parent ends.
start_reader() {
	export READER=$1
	mkfifo "$READER/ask" "$READER/answer"
	"$PYTHON3" -E -S "$VF_SRCDIR/tests/lake-reader.py" "$@" 2>"$READER/reader" 3>&- &
}

stop_reader() { [[ ! -p ${READER:-}/ask ]] || echo quit 1<>"$READER/ask"; }

# asked WORD...: lake-reader.py's answer, in REPLY.
asked() {
	echo "$*" >"$READER/ask"
	read -r REPLY <"$READER/answer"
}

# source_file DAY NAME RECORDS FIRST: a file of registrations nf<FIRST>...
source_file() { asked make "$root/registration/dt=$1/$2" "$3" "$4"; }

# sees FIRST-LAST...: exactly these ids are seen by a reader of the table: names with _ or . are hidden from it.
sees() {
	asked sees "$root/registration" "$@"
	[ "$REPLY" = right ] || { echo "not $*: $REPLY"; return 1; }
}

merge() { "$examples/merge.sh" "$@" --lake "$lake" --queue "$queue"; }

archive() { "$examples/archive-merged.sh" --lake "$lake" --queue "$queue" "$@"; }

# table: the names of all files of the lake, in REPLY.
table() {
	asked files "$root"
	names=$REPLY
}

# unchanged: as the last `table` said.
unchanged() {
	local before=$names
	table
	[ "$REPLY" = "$before" ] || { echo "was: $before"; echo "is: $REPLY"; return 1; }
}

# set_of LINE: the set in a result, in `set`.
set_of() {
	[[ $1 =~ \"set\":\"([0-9a-f]{12})\" ]] && set=${BASH_REMATCH[1]}
}
