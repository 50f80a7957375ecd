/* sqs-batch.c -- vf-sqs send and delete: entries into requests, and what became of each. */
#include "base/date.h"
#include "base/text.h"
#include "sqs.h"

static void
swap_entries(struct entry *a, struct entry *b)
{
	struct entry e = *a;

	*a = *b;
	*b = e;
}

static int
make_body(struct queue *q, struct vf_send *r)
{
	const struct batch *b = r->user;
	struct vf_buf *t = &r->text;

	vf_buf_clear(t);
	vf_buf_add_str(t, "{\"QueueUrl\":");
	vf_text_add_json(t, vf_slice_str(q->opt->queue));
	vf_buf_add_str(t, ",\"Entries\":[");
	for (int i = 0; i < b->n; i++) {
		vf_buf_addf(t, "%s{\"Id\":\"%d\",", i > 0 ? "," : "", i);
		vf_buf_add_str(t, q->verb == SEND ? "\"MessageBody\":" : "\"ReceiptHandle\":");
		vf_text_add_json(t, q->verb == SEND ? sqs_line(&b->entries[i]) : sqs_rest(&b->entries[i]));
		vf_buf_add_char(t, '}');
	}
	vf_buf_add_str(t, "]}");
	r->call.body = vf_buf_slice(t);
	return t->failed ? vf_error_nomem(&q->run->err) : 0;
}

int
sqs_batch_source(void *arg, struct vf_send *r, int *fd, struct vf_error *err)
{
	struct queue *q = arg;
	struct batch *b;
	size_t bytes = 0;
	int rc = 1;

	if (r->user == NULL)
		r->user = &q->batches[q->nbatches++];
	b = r->user;
	b->n = 0;
	if (q->next.bytes.n > 0) {
		swap_entries(&b->entries[b->n++], &q->next);
		vf_buf_clear(&q->next.bytes);
		bytes = b->entries[0].line;
	}
	while (b->n < VF_SQS_BATCH && (rc = sqs_next_entry(q, &b->entries[b->n])) == 1) {
		bytes += b->entries[b->n].line;
		if (b->n > 0 && bytes > BATCH_BYTES) {
			swap_entries(&b->entries[b->n], &q->next);
			break;
		}
		b->n++;
	}
	if (rc >= 0 && b->n > 0)
		rc = make_body(q, r) < 0 ? -1 : 1;
	if (rc == VF_SEND_LATER)
		*fd = vf_lines_fd(q->run->lines);
	if (rc >= 0)
		return rc;
	*err = q->run->err;
	for (int i = 0; i < b->n; i++)
		sqs_reject_entry(q, &b->entries[i], UNDELIVERABLE, "stopped");
	return -1;
}

/* Before a message may be in the queue, the journal says that it may be. */
int
sqs_batch_prepare(void *arg, struct vf_send *const *r, size_t n, struct vf_error *err)
{
	struct queue *q = arg;

	for (size_t i = 0; i < n; i++) {
		const struct batch *b = r[i]->user;

		for (int k = 0; r[i]->attempts == 0 && k < b->n; k++)
			if (vf_journal_intent(q->journal, sqs_rest(&b->entries[k]), err) < 0)
				return -1;
	}
	return !vf_journal_dirty(q->journal) ? 0 : vf_journal_sync_begin(q->journal, err) < 0 ? -1 : 1;
}

int
sqs_batch_sync(void *arg, struct vf_error *err)
{
	struct queue *q = arg;

	return vf_journal_sync_end(q->journal, err);
}

enum vf_send_verdict
sqs_batch_judge(void *arg, struct vf_send *r)
{
	struct queue *q = arg;
	enum vf_send_verdict verdict = vf_aws_judge(q->aws, r);
	enum vf_sqs_verdict said[VF_SQS_BATCH];
	struct batch *b = r->user;
	char now[VF_DATE_LEN + 1];
	int kept = 0;
	bool whole;

	if (verdict != VF_SEND_DONE)
		return verdict;
	/* What the answer tells of counts; the rest is unknown and, where that is harmless, tried again. */
	whole = vf_sqs_answer_read(vf_buf_slice(&r->call.answer), (size_t)b->n, said);
	snprintf(r->detail, sizeof r->detail, "%s", whole ? "failed" : "bad-answer");
	vf_date_put(now, vf_date_now());
	for (int i = 0; i < b->n; i++) {
		struct entry *e = &b->entries[i];
		bool ok = true;

		if (said[i] == VF_SQS_DONE) {
			q->run->out_count++;
			ok = q->verb != SEND || vf_journal_outcome(q->journal, sqs_rest(e), QUEUED, vf_slice_str(now), &q->run->err) == 0;
		} else if (said[i] == VF_SQS_REFUSED) {
			ok = sqs_reject_entry(q, e, REFUSED, NULL) == 0 && (q->verb != SEND ||
				vf_journal_outcome(q->journal, sqs_rest(e), FAILED, vf_slice_str(now), &q->run->err) == 0);
		} else {
			swap_entries(&b->entries[kept++], e);
		}
		if (!ok)
			q->unavailable = true;
	}
	b->n = kept;
	if (kept == 0) {
		r->detail[0] = '\0';
		return VF_SEND_DONE;
	}
	return make_body(q, r) < 0 ? VF_SEND_NEVER : VF_SEND_AGAIN;
}

int
sqs_batch_result(void *arg, struct vf_send *r, struct vf_error *err)
{
	struct queue *q = arg;
	struct batch *b = r->user;
	int rc = 0;

	if (b->n > 0 && r->outcome != VF_SEND_REFUSED)
		q->unavailable = true;
	for (int i = 0; i < b->n; i++)
		if (sqs_reject_entry(q, &b->entries[i], UNDELIVERABLE, r->detail) < 0)
			rc = -1;
	b->n = 0;
	/* A journal or a rejects file that cannot be written ends the run. */
	if (rc < 0 || q->run->err.kind != VF_ERR_NONE) {
		*err = q->run->err;
		return -1;
	}
	return 0;
}
