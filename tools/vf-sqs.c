/* vf-sqs -- jobs into a queue, out of it, and done with. */
#include <stdlib.h>

#include "service.h"
#include "sqs.h"

#define LINE_BYTES ((uint32_t)1 << 20)
#define ANSWER_MAX ((size_t)4 << 20)		/* ten messages of 256 KiB, escaped */
#define WAIT_MAX 20				/* seconds a receive may wait, by the service's rule */

static const char *const verbs[] = { "send", "receive", "delete", NULL };

static const struct options defaults = { .concurrency = 4, .retries = 10, .timeout = 30000, .visibility = 600000,
	.wait = UINT64_MAX };

static const struct vf_option options[] = {
	{ "queue-url", 0, VF_TEXT, offsetof(struct options, queue), "URL", "the queue" },
	{ "journal", 0, VF_PATH, offsetof(struct options, journal), "FILE", "send: what is queued, for a restart" },
	{ "visibility", 0, VF_DURATION, offsetof(struct options, visibility), "S",
		"receive: how long nobody else gets the message (600)" },
	{ "max", 0, VF_U64, offsetof(struct options, max), "N", "receive: stop after N messages" },
	{ "wait", 0, VF_DURATION, offsetof(struct options, wait), "S", "receive: how long a request waits for messages (20)" },
	{ "until-empty", 0, VF_FLAG, offsetof(struct options, until_empty), NULL, "receive: stop when the queue has no more" },
	{ "concurrency", 0, VF_U64, offsetof(struct options, concurrency), "N", "send, delete: requests at once (4)" },
	{ "retries", 0, VF_U64, offsetof(struct options, retries), "N", "tries of a request after the first (10)" },
	{ "timeout", 0, VF_DURATION, offsetof(struct options, timeout), "S", "for a request, beyond its wait (30s)" },
	{ "region", 0, VF_TEXT, offsetof(struct options, region), "NAME", "the AWS region" },
	{ "endpoint-url", 0, VF_TEXT, offsetof(struct options, endpoint), "URL", "where the service is" },
	{ 0 },
};

static const char *const reasons[] = { "too-large", "duplicate-job", "no-receipt", "refused", "undeliverable", NULL };

static const struct vf_journal_status statuses[] = { { "queued", true }, { "failed", false }, { NULL, false } };

static int
check(struct vf_run *run, void *options_, struct vf_lines_options *lines)
{
	struct options *opt = options_;
	bool receive = run->verb == RECEIVE;

	if (opt->queue == NULL || vf_http_check_url(opt->queue, "--queue-url", &run->err) < 0)
		return opt->queue != NULL ? -1 : vf_error(&run->err, VF_ERR_CONFIG, "--queue-url URL is needed");
	if ((run->verb == SEND) != (opt->journal != NULL))
		return vf_error(&run->err, VF_ERR_CONFIG, "--journal FILE goes with send, and send needs it");
	if (!receive && (opt->until_empty || opt->max > 0 || opt->wait != UINT64_MAX))
		return vf_error(&run->err, VF_ERR_CONFIG, "--max, --wait and --until-empty go with receive");
	if (opt->wait == UINT64_MAX)
		opt->wait = WAIT_MAX * 1000;
	if (opt->wait > WAIT_MAX * 1000)
		return vf_error(&run->err, VF_ERR_CONFIG, "--wait: at most %d s", WAIT_MAX);
	if (opt->visibility < 1000 || opt->visibility > 43200000)
		return vf_error(&run->err, VF_ERR_CONFIG, "--visibility: 1 s to 12 h");
	if (opt->concurrency < 1 || opt->concurrency > 200)
		return vf_error(&run->err, VF_ERR_CONFIG, "--concurrency: 1 to 200");
	if (opt->retries > 1000 || opt->timeout == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--retries: at most 1000; --timeout: more than 0");
	run->no_input = receive;
	lines->max = LINE_BYTES;
	lines->members = run->verb == SEND ? sqs_job_members : sqs_result_members;
	lines->nmembers = run->verb == SEND ? 1 : 2;
	return 0;
}

static int
start(void *arg, struct vf_send *r, struct vf_error *err)
{
	static const char *const targets[] = { "X-Amz-Target: AmazonSQS.SendMessageBatch",
		"X-Amz-Target: AmazonSQS.ReceiveMessage", "X-Amz-Target: AmazonSQS.DeleteMessageBatch" };
	struct queue *q = arg;

	q->requests++;
	return vf_aws_prepare(q->aws, &r->call, targets[q->verb], err);
}

static int
run_sender(struct queue *q, struct vf_http *http)
{
	bool receive = q->verb == RECEIVE;
	unsigned concurrency = receive ? 1 : (unsigned)q->opt->concurrency;
	struct vf_run *run = q->run;
	struct vf_error err = { 0 };
	struct vf_sender *sender = vf_sender_new(&(struct vf_sender_options){
		.http = http, .concurrency = concurrency, .waiting = concurrency, .retries = (unsigned)q->opt->retries,
		.backoff_ms = 100, .backoff_max_ms = 10000, .idempotent = true,
		.drain_ms = receive ? q->opt->wait + 5000 : 20000, .source = receive ? sqs_receive_source : sqs_batch_source,
		.prepare = q->verb == SEND ? sqs_batch_prepare : NULL, .sync = q->verb == SEND ? sqs_batch_sync : NULL, .start = start,
		.judge = receive ? sqs_receive_judge : sqs_batch_judge,
		.result = receive ? sqs_receive_result : sqs_batch_result, .arg = q, .stopping = vf_stopping }, &run->err);
	int rc;

	if (sender == NULL)
		return -1;
	rc = vf_sender_run(sender, &err);
	if (!receive && sqs_drop_rest(q) < 0 && rc == 0)
		rc = -1;
	else if (rc < 0)
		run->err = err;
	vf_sender_free(sender);
	if (q->journal != NULL && vf_journal_close(q->journal, rc < 0 ? &err : &run->err) < 0)
		rc = -1;
	if (rc == 0 && q->undelivered > 0) {
		vf_warn(run, "%llu messages were not %s: run again", (unsigned long long)q->undelivered,
			q->verb == SEND ? "queued" : "deleted");
		run->exit_status = 75;
	}
	return rc;
}

static int
open_journal(struct queue *q)
{
	struct vf_run *run = q->run;

	q->journal = vf_service_journal(run, &(struct vf_journal_options){ .path = q->opt->journal,
		.campaign = vf_slice_str(run->campaign != NULL ? run->campaign->id : "-"),
		.wave = vf_slice_str(run->wave != NULL ? run->wave : "-"), .channel = vf_slice_str("queue"),
		.statuses = statuses, .wait_ms = 60000 });
	return q->journal == NULL ? -1 : 0;
}

static void
free_batches(struct queue *q)
{
	for (unsigned i = 0; i < q->nbatches; i++)
		for (int k = 0; k < VF_SQS_BATCH; k++)
			vf_buf_free(&q->batches[i].entries[k].bytes);
	free(q->batches);
	vf_buf_free(&q->next.bytes);
	vf_buf_free(&q->line);
	vf_buf_free(&q->text);
}

static int
run_sqs(struct vf_run *run)
{
	static struct queue queue;
	struct queue *q = &queue;
	const struct options *opt = run->options;
	struct vf_http *http = NULL;
	int rc = -1;

	*q = (struct queue){ .run = run, .opt = opt, .verb = (enum verb)run->verb };
	q->batches = calloc((size_t)(2 * opt->concurrency), sizeof *q->batches);
	if (q->batches == NULL)
		return vf_error_nomem(&run->err);
	q->aws = vf_aws_open(&(struct vf_aws_options){ .service = "sqs", .region = opt->region, .endpoint = opt->endpoint,
		.json = "1.0", .env = vf_env, .stopping = vf_stopping }, &run->err);
	if (q->aws != NULL && (q->verb != SEND || open_journal(q) == 0) &&
		(q->verb != RECEIVE || (q->out = vf_output_lines(run, NULL, VF_FILE_PRIVATE)) != NULL))
		http = vf_http_new(&(struct vf_http_options){ .connections = (unsigned)opt->concurrency,
			.total_ms = opt->timeout + (q->verb == RECEIVE ? opt->wait : 0), .answer_max = ANSWER_MAX }, &run->err);
	if (http != NULL)
		rc = run_sender(q, http);
	vf_stat_str(run, "verb", verbs[q->verb]);
	vf_stat_u64(run, "requests", q->requests);
	if (q->verb == SEND)
		vf_stat_u64(run, "queuedBefore", q->before);
	if (q->verb == DELETE)
		vf_stat_u64(run, "deferred", q->kept);
	vf_http_free(http);
	vf_aws_free(q->aws);
	vf_journal_free(q->journal);
	free_batches(q);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-sqs",
	.purpose = "Put jobs into an SQS queue, get them, and delete those that are done.",
	.operands = "send|receive|delete [FILE ...]",
	.verbs = verbs,
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_NDJSON | VF_WANT_OUTPUT | VF_WANT_WAVE,
	.reasons = reasons,
	.check_lines = check,
	.run = run_sqs,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
