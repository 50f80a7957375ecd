/* tools/sqs.h -- what the parts of vf-sqs know about each other; no other tool includes it. */
#ifndef VF_TOOLS_SQS_H
#define VF_TOOLS_SQS_H

#include "frame.h"
#include "net/aws.h"
#include "net/journal.h"
#include "net/sqs-answer.h"

#define BATCH_BYTES ((size_t)256 << 10)		/* of a batch's messages, and of one */

enum verb { SEND, RECEIVE, DELETE };

struct options {
	const char *queue, *journal, *endpoint, *region;
	uint64_t concurrency, retries, timeout, visibility, max, wait;
	bool until_empty;
};

enum { TOO_LARGE = VF_REJECT_TOOL, DUPLICATE_JOB, NO_RECEIPT, REFUSED, UNDELIVERABLE };

/* What the journal knows of a job. */
enum { QUEUED, FAILED };

/* One message of a request. */
struct entry {
	struct vf_buf bytes;		/* the line, then its key (send) or receipt handle (delete) */
	size_t line;
	uint64_t lineno;
	uint16_t file;
};

struct batch {
	struct entry entries[VF_SQS_BATCH];
	int n;
};

struct queue {
	struct vf_run *run;
	const struct options *opt;
	enum verb verb;
	struct vf_aws *aws;
	struct vf_journal *journal;
	struct batch *batches;
	unsigned nbatches;
	const struct vf_row *row;	/* what was read and not yet looked at: nrows from here on */
	int nrows;
	bool ended, unavailable;
	struct entry next;		/* did not fit the last batch; next.bytes.n 0: none */
	struct vf_buf text;
	struct vf_lines_out *out;
	struct vf_buf line;		/* of a message that was received */
	const char *received, *until;	/* of the answer at hand */
	int empty;			/* receives in a row that gave nothing */
	uint64_t undelivered, requests, before, kept;
};

static inline struct vf_slice
sqs_line(const struct entry *e)
{
	return vf_slice(e->bytes.p, e->line);
}

/* The key of a job, or the receipt handle of a message. */
static inline struct vf_slice
sqs_rest(const struct entry *e)
{
	return vf_slice(e->bytes.p + e->line, e->bytes.n - e->line);
}

/* sqs-lines.c: lines into entries. -1 with run->err. */

/* The members that send and delete look at, for vf_lines_options. */
extern const struct vf_slice sqs_job_members[1], sqs_result_members[2];
/* The next entry: 1, 0 at the end, VF_SEND_LATER when the input would wait, -1. */
int sqs_next_entry(struct queue *, struct entry *);
int sqs_reject_entry(struct queue *, const struct entry *, int reason, const char *detail);
/* What was read and will not be sent any more is accounted for. 0, -1. */
int sqs_drop_rest(struct queue *);

/* sqs-batch.c and sqs-receive.c: the sender's functions. */

int sqs_batch_source(void *queue, struct vf_send *, int *fd, struct vf_error *);
int sqs_batch_prepare(void *queue, struct vf_send *const *, size_t n, struct vf_error *);
int sqs_batch_sync(void *queue, struct vf_error *);
enum vf_send_verdict sqs_batch_judge(void *queue, struct vf_send *);
int sqs_batch_result(void *queue, struct vf_send *, struct vf_error *);

int sqs_receive_source(void *queue, struct vf_send *, int *fd, struct vf_error *);
enum vf_send_verdict sqs_receive_judge(void *queue, struct vf_send *);
int sqs_receive_result(void *queue, struct vf_send *, struct vf_error *);

#endif
