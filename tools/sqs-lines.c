/* sqs-lines.c -- vf-sqs's input: jobs to be queued, or results of messages to be deleted, one entry each. */
#include "base/hash.h"
#include "base/json-pick.h"
#include "sqs.h"

const struct vf_slice sqs_job_members[1] = { VF_SLICE("jobId") };
const struct vf_slice sqs_result_members[2] = { VF_SLICE("status"), VF_SLICE("receiptHandle") };

int
sqs_reject_entry(struct queue *q, const struct entry *e, int reason, const char *detail)
{
	struct vf_row row = { .base = e->bytes.p, .len = (uint32_t)e->line, .size = e->line, .lineno = e->lineno, .lines = 1,
		.file = e->file };

	q->undelivered += reason == UNDELIVERABLE;
	return vf_reject(q->run, &row, reason, detail);
}

static int
fill_entry(struct queue *q, struct entry *e, const struct vf_row *row, struct vf_slice rest)
{
	vf_buf_clear(&e->bytes);
	vf_buf_add_slice(&e->bytes, vf_row_line(row));
	vf_buf_add_slice(&e->bytes, rest);
	e->line = row->len;
	e->lineno = row->lineno;
	e->file = row->file;
	return e->bytes.failed ? vf_error_nomem(&q->run->err) : 1;
}

/* A job's key: its jobId where that can be one, else the hash of the line. */
static struct vf_slice
job_key(struct queue *q, const struct vf_row *row, const struct vf_json_value *id, char hex[33])
{
	unsigned char hash[16];
	struct vf_slice s;

	vf_buf_clear(&q->text);
	if (vf_json_pick_text(id, &q->text, &s) == 1 && s.n > 0 && s.n <= VF_JOURNAL_KEY_MAX) {
		size_t i = 0;

		while (i < s.n && s.p[i] > ' ' && s.p[i] <= '~' && s.p[i] != ',' && s.p[i] != '"')
			i++;
		if (i == s.n)
			return s;
	}
	crypto_generichash_blake2b(hash, sizeof hash, (const unsigned char *)row->base + row->start, row->len, NULL, 0);
	vf_hex_put(hex, hash, sizeof hash);
	return vf_slice(hex, 32);
}

/* A line of jobs: 1 and the entry, 0 when it is dealt with, -1. */
static int
take_job(struct queue *q, struct entry *e, const struct vf_row *row)
{
	struct vf_journal_ask ask = { 0 };
	char hex[33];

	if (row->len > BATCH_BYTES)
		return vf_reject(q->run, row, TOO_LARGE, NULL);
	ask.key = job_key(q, row, vf_lines_members(q->run->lines, row), hex);
	if (vf_journal_ask(q->journal, &ask, 1, &q->run->err) < 0)
		return -1;
	if (ask.again)
		return vf_reject(q->run, row, DUPLICATE_JOB, NULL);
	if (ask.standing == QUEUED) {
		q->before++;
		q->run->out_count++;
		return 0;
	}
	return fill_entry(q, e, row, ask.key);
}

/* A line of results: what was sent is deleted from the queue, the rest comes back by itself. */
static int
take_result(struct queue *q, struct entry *e, const struct vf_row *row)
{
	const struct vf_json_value *v = vf_lines_members(q->run->lines, row);
	struct vf_slice s;

	if (v[0].kind != VF_JSON_STRING || !vf_slice_is(v[0].raw, "sent")) {
		q->kept++;
		q->run->held++;
		return 0;
	}
	vf_buf_clear(&q->text);
	if (vf_json_pick_text(&v[1], &q->text, &s) != 1 || s.n == 0)
		return vf_reject(q->run, row, NO_RECEIPT, NULL);
	return fill_entry(q, e, row, s);
}

int
sqs_next_entry(struct queue *q, struct entry *e)
{
	struct vf_run *run = q->run;
	int rc;

	for (;;) {
		if (q->nrows == 0) {
			if (q->ended || q->unavailable)
				return 0;
			if ((rc = vf_lines_wait(run->lines, 0, &run->err)) <= 0)
				return rc < 0 ? -1 : VF_SEND_LATER;
			if ((q->nrows = vf_lines_batch(run->lines, &q->row, &run->err)) < 0)
				return -1;
			q->ended = q->nrows == 0;
			continue;
		}
		q->nrows--;
		rc = q->row->reject != 0 ? vf_reject(run, q->row, q->row->reject, NULL) :
			q->verb == SEND ? take_job(q, e, q->row) : take_result(q, e, q->row);
		q->row++;
		if (rc != 0)
			return rc;
	}
}

int
sqs_drop_rest(struct queue *q)
{
	int rc = q->next.bytes.n > 0 ? sqs_reject_entry(q, &q->next, UNDELIVERABLE, "stopped") : 0;

	for (; q->nrows > 0; q->nrows--, q->row++) {
		q->undelivered += q->row->reject == 0;
		if (vf_reject(q->run, q->row, q->row->reject != 0 ? q->row->reject : UNDELIVERABLE,
			q->row->reject != 0 ? NULL : "stopped") < 0)
			rc = -1;
	}
	return rc;
}
