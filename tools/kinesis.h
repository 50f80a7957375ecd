/* tools/kinesis.h -- what the parts of vf-kinesis know about each other; no other tool includes it. */
#ifndef VF_TOOLS_KINESIS_H
#define VF_TOOLS_KINESIS_H

#include "frame.h"
#include "net/aws.h"
#include "net/inflight.h"

#define BATCH_RECORDS 500
#define RECORD_BYTES ((size_t)1 << 20)		/* of one, its key included */

struct options {
	const char *stream, *key, *endpoint, *region;
	uint64_t concurrency, retries, timeout;
};

enum { TOO_LARGE = VF_REJECT_TOOL, BAD_KEY, UNDELIVERABLE };

/* The records of one request, in the order of its answer's results. */
struct batch {
	struct vf_inflight_record *records[BATCH_RECORDS];
	int n;
};

struct put {
	struct vf_run *run;
	const struct options *opt;
	struct vf_aws *aws;
	struct vf_inflight *pool;
	struct batch *batches;
	unsigned nbatches;
	const struct vf_row *row;		/* what was read and not yet looked at: nrows from here on */
	int nrows;
	bool ended;				/* the input */
	bool unavailable;			/* a request was given up: no more is read */
	struct vf_buf key;
	uint64_t undelivered, requests, resent, partial;
};

/* kinesis-read.c. Each is 0, or -1 with run->err. */

/* Reads while there is something to read at once, and room for it: into the pool, or rejected. */
int kinesis_read(struct put *);
/* A record that was taken will not be delivered: it and what waits for it are rejected. */
int kinesis_lose(struct put *, struct vf_inflight_record *, const char *why);
/* What was read and will not be sent any more is accounted for. */
int kinesis_drop_rest(struct put *);

#endif
