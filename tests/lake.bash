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

# source_file DAY NAME RECORDS FIRST: a file of registrations nf<FIRST>...
source_file() {
	mkdir -p "$root/registration/dt=$1"
	"$PYTHON3" "$VF_SRCDIR/tests/avro.py" make "$root/registration/dt=$1/.$2" --records "$3" --first "$4" --codec deflate
	mv "$root/registration/dt=$1/.$2" "$root/registration/dt=$1/$2"
}

# visible: the ids that a reader of the table sees, sorted: names with _ or . are hidden from it.
visible() {
	find "$root/registration" -type f -name '[!_.]*.avro' -exec "$PYTHON3" "$VF_SRCDIR/tests/avro.py" dump {} + | jq -r .id | LC_ALL=C sort
}

# ids FIRST LAST
ids() { seq -f 'nf%.0f' "$1" "$2" | LC_ALL=C sort; }

merge() { "$examples/merge.sh" "$@" --lake "$lake" --queue "$queue"; }

archive() { "$examples/archive-merged.sh" --lake "$lake" --queue "$queue" "$@"; }

table() { (cd "$root" && find . -type f -printf '%P\n' | grep -v -e '/\.claim.lock$' | LC_ALL=C sort); }
