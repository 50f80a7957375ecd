/* sqs-receive.c -- vf-sqs receive: messages out of the queue, a line each. */
#include "base/date.h"
#include "base/text.h"
#include "sqs.h"

int
sqs_receive_source(void *arg, struct vf_send *r, int *fd, struct vf_error *err)
{
	struct queue *q = arg;
	uint64_t left = q->opt->max > 0 ? q->opt->max - q->run->out_count : VF_SQS_BATCH;

	(void)fd;
	/* An empty answer may come from one of the queue's servers that happens to have nothing: two in a row count. */
	if (left == 0 || (q->opt->until_empty && q->empty >= 2))
		return 0;
	vf_buf_addf(&r->text, "{\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":%d,\"VisibilityTimeout\":%d,\"QueueUrl\":",
		(int)(left < VF_SQS_BATCH ? left : VF_SQS_BATCH), (int)(q->opt->wait / 1000), (int)(q->opt->visibility / 1000));
	vf_text_add_json(&r->text, vf_slice_str(q->opt->queue));
	vf_buf_add_char(&r->text, '}');
	r->call.body = vf_buf_slice(&r->text);
	return r->text.failed ? vf_error_nomem(err) : 1;
}

static int
write_message(void *arg, const struct vf_sqs_message *m, struct vf_error *err)
{
	struct queue *q = arg;

	vf_buf_clear(&q->line);
	vf_sqs_message_put(&q->line, &q->text, m, q->received, q->until);
	if (q->line.failed || q->text.failed)
		return vf_error_nomem(err);
	if (vf_lines_put(q->out, vf_buf_slice(&q->line), err) < 0)
		return -1;
	q->run->in_count++;
	q->run->out_count++;
	return 0;
}

int
sqs_receive_result(void *arg, struct vf_send *r, struct vf_error *err)
{
	char received[VF_DATE_LEN + 1], until[VF_DATE_LEN + 1];
	struct queue *q = arg;
	int64_t now = vf_date_now();
	int count;

	if (r->outcome == VF_SEND_HELD)
		return 0;
	if (r->outcome != VF_SEND_SENT)
		return vf_error(err, VF_ERR_TEMPORARY, "receive: %s", r->detail);
	vf_date_put(received, now);
	vf_date_put(until, now + (int64_t)(q->opt->visibility / 1000));
	q->received = received;
	q->until = until;
	count = vf_sqs_answer_messages(vf_buf_slice(&r->call.answer), write_message, q, err);
	if (count < 0)
		return -1;
	q->empty = count == 0 ? q->empty + 1 : 0;
	/* Whoever reads them has until visibleUntil: at once. */
	return vf_lines_flush(q->out, err);
}

enum vf_send_verdict
sqs_receive_judge(void *arg, struct vf_send *r)
{
	return vf_aws_judge(((const struct queue *)arg)->aws, r);
}
