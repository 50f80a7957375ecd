/* vf-kinesis -- put records into a stream, each at least once, in order by key. */
#include <stdlib.h>

#include "base/text.h"
#include "kinesis.h"
#include "net/kinesis-answer.h"

#define BATCH_BYTES ((size_t)5 << 20)		/* of a request's records, keys included */
#define LINE_BYTES ((uint32_t)2 << 20)		/* up to here a line is too-large, beyond it too-long */
#define HELD_BYTES ((size_t)48 << 20)		/* of records that are read and not delivered */
#define ANSWER_MAX ((size_t)1 << 20)		/* 500 results with their messages */

static const struct options defaults = { .concurrency = 4, .retries = 10, .timeout = 30000 };

static const struct vf_option options[] = {
	{ "stream", 0, VF_TEXT, offsetof(struct options, stream), "NAME", "the stream" },
	{ "key", 0, VF_TEXT, offsetof(struct options, key), "FIELD", "the member that is the partition key" },
	{ "concurrency", 0, VF_U64, offsetof(struct options, concurrency), "N", "requests at once (4)" },
	{ "retries", 0, VF_U64, offsetof(struct options, retries), "N", "tries of a request after the first (10)" },
	{ "timeout", 0, VF_DURATION, offsetof(struct options, timeout), "S", "for a request, all in all (30s)" },
	{ "region", 0, VF_TEXT, offsetof(struct options, region), "NAME", "the AWS region" },
	{ "endpoint-url", 0, VF_TEXT, offsetof(struct options, endpoint), "URL", "where the service is" },
	{ 0 },
};

static const char *const verbs[] = { "put", NULL };
static const char *const reasons[] = { "too-large", "bad-key", "undeliverable", NULL };

static struct vf_slice key_member;
static struct put put;

static int
check(struct vf_run *run, void *options_, struct vf_lines_options *lines)
{
	struct options *opt = options_;

	if (opt->stream == NULL || opt->stream[0] == '\0')
		return vf_error(&run->err, VF_ERR_CONFIG, "--stream NAME is needed");
	if (opt->key == NULL || opt->key[0] == '\0')
		return vf_error(&run->err, VF_ERR_CONFIG, "--key FIELD is needed: the member that is the partition key");
	if (opt->concurrency < 1 || opt->concurrency > 200)
		return vf_error(&run->err, VF_ERR_CONFIG, "--concurrency: 1 to 200");
	if (opt->retries > 1000)
		return vf_error(&run->err, VF_ERR_CONFIG, "--retries: at most 1000");
	if (opt->timeout == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--timeout: more than 0");
	key_member = vf_slice_str(opt->key);
	lines->members = &key_member;
	lines->nmembers = 1;
	lines->max = LINE_BYTES;
	return 0;
}

/* The request of a batch as it is now. */
static int
make_body(struct put *p, struct vf_send *r)
{
	const struct batch *b = r->user;

	vf_buf_clear(&r->text);
	vf_buf_add_str(&r->text, "{\"StreamName\":");
	vf_text_add_json(&r->text, vf_slice_str(p->opt->stream));
	vf_buf_add_str(&r->text, ",\"Records\":[");
	for (int i = 0; i < b->n; i++) {
		vf_buf_add_str(&r->text, i > 0 ? ",{\"Data\":\"" : "{\"Data\":\"");
		vf_text_add_base64(&r->text, vf_inflight_data(b->records[i]));
		vf_buf_add_str(&r->text, "\",\"PartitionKey\":");
		vf_text_add_json(&r->text, vf_inflight_key(b->records[i]));
		vf_buf_add_char(&r->text, '}');
	}
	vf_buf_add_str(&r->text, "]}");
	r->call.body = vf_buf_slice(&r->text);
	return r->text.failed ? vf_error_nomem(&p->run->err) : 0;
}

/* Each struct of the sender has a batch of its own, from its first request on. */
static struct batch *
batch_of(struct put *p, struct vf_send *r)
{
	if (r->user == NULL)
		r->user = &p->batches[p->nbatches++];
	return r->user;
}

static int
source(void *arg, struct vf_send *r, int *fd, struct vf_error *err)
{
	struct put *p = arg;
	struct vf_inflight_record *next;
	struct batch *b;
	size_t bytes = 0;

	if (kinesis_read(p) < 0) {
		*err = p->run->err;
		return -1;
	}
	if (vf_inflight_ready(p->pool) == 0) {
		if (p->unavailable || (p->ended && vf_inflight_count(p->pool) == 0))
			return 0;
		/* Keys are busy, or the input has nothing just now. */
		*fd = p->ended || p->nrows > 0 || vf_inflight_full(p->pool) ? -1 : vf_lines_fd(p->run->lines);
		return VF_SEND_LATER;
	}
	b = batch_of(p, r);
	b->n = 0;
	while (b->n < BATCH_RECORDS && (next = vf_inflight_peek(p->pool)) != NULL && bytes + next->bytes.n <= BATCH_BYTES) {
		bytes += next->bytes.n;
		b->records[b->n++] = vf_inflight_take(p->pool);
	}
	if (make_body(p, r) == 0)
		return 1;
	*err = p->run->err;
	while (b->n > 0)
		kinesis_lose(p, b->records[--b->n], "memory");
	return -1;
}

static int
start(void *arg, struct vf_send *r, struct vf_error *err)
{
	struct put *p = arg;

	p->requests++;
	if (r->attempts > 0)
		p->resent += (uint64_t)((const struct batch *)r->user)->n;
	return vf_aws_prepare(p->aws, &r->call, "X-Amz-Target: Kinesis_20131202.PutRecords", err);
}

/* Takes the delivered records out of the batch; -1 when the answer is not one about this batch. */
static int
sift(struct put *p, struct vf_send *r, struct batch *b)
{
	bool taken[BATCH_RECORDS];
	char word[VF_KINESIS_WORD];
	int sum = vf_kinesis_answer_read(vf_buf_slice(&r->call.answer), b->n, taken, word), kept = 0;

	if (sum < 0)
		return -1;
	for (int i = 0; i < b->n; i++) {
		if (taken[i])
			vf_inflight_delivered(p->pool, b->records[i]);
		else
			b->records[kept++] = b->records[i];
	}
	p->run->out_count += (uint64_t)sum;
	b->n = kept;
	if (kept > 0)
		snprintf(r->detail, sizeof r->detail, "%s", word);
	return 0;
}

static enum vf_send_verdict
judge(void *arg, struct vf_send *r)
{
	struct put *p = arg;
	struct batch *b = r->user;
	enum vf_send_verdict verdict = vf_aws_judge(p->aws, r);

	if (verdict != VF_SEND_DONE)
		return verdict;
	if (sift(p, r, b) < 0) {
		snprintf(r->detail, sizeof r->detail, "bad-answer");
		return VF_SEND_UNSURE;
	}
	if (b->n == 0)
		return VF_SEND_DONE;
	p->partial++;
	/* Without memory the body stays that of all: then those delivered are sent again, and the answer does not fit. */
	if (make_body(p, r) < 0)
		return VF_SEND_NEVER;
	return VF_SEND_AGAIN;
}

static int
result(void *arg, struct vf_send *r, struct vf_error *err)
{
	struct put *p = arg;
	struct batch *b = r->user;
	int rc = 0;

	if (b->n == 0)
		return 0;
	/* Tries are spent: the service is the cause, not the record, and more would fare no better. */
	if (r->outcome != VF_SEND_REFUSED)
		p->unavailable = true;
	for (int i = 0; i < b->n; i++)
		if (kinesis_lose(p, b->records[i], r->detail) < 0)
			rc = -1;
	b->n = 0;
	if (rc < 0)
		*err = p->run->err;
	return rc;
}

static void
figures(struct put *p, const struct vf_sender *sender)
{
	struct vf_run *run = p->run;

	vf_stat_str(run, "stream", p->opt->stream);
	vf_stat_u64(run, "requests", p->requests);
	vf_stat_u64(run, "partial", p->partial);
	vf_stat_u64(run, "resent", p->resent);
	vf_stat_u64(run, "throttled", vf_sender_counts(sender)->throttled);
	vf_stat_u64(run, "credentialFetches", vf_aws_fetches(p->aws));
}

static int
send_all(struct put *p, struct vf_http *http)
{
	const struct options *opt = p->opt;
	struct vf_run *run = p->run;
	unsigned concurrency = (unsigned)opt->concurrency;
	struct vf_sender *sender = vf_sender_new(&(struct vf_sender_options){
		.http = http, .concurrency = concurrency, .waiting = concurrency, .retries = (unsigned)opt->retries,
		.backoff_ms = 100, .backoff_max_ms = 10000, .idempotent = true, .arg = p, .source = source, .start = start,
		.judge = judge, .result = result, .stopping = vf_stopping }, &run->err);
	struct vf_error err = { 0 };
	int rc;

	if (sender == NULL)
		return -1;
	rc = vf_sender_run(sender, &err);
	if (kinesis_drop_rest(p) < 0 && rc == 0)
		rc = -1;
	else if (rc < 0)
		run->err = err;
	figures(p, sender);
	vf_sender_free(sender);
	if (rc == 0 && p->undelivered > 0) {
		vf_warn(run, "%llu records were not delivered: run again", (unsigned long long)p->undelivered);
		run->exit_status = 75;
	}
	return rc;
}

static int
run_kinesis(struct vf_run *run)
{
	const struct options *opt = run->options;
	struct vf_http *http = NULL;
	int rc = -1;

	put = (struct put){ .run = run, .opt = opt };
	put.aws = vf_aws_open(&(struct vf_aws_options){ .service = "kinesis", .region = opt->region, .endpoint = opt->endpoint,
		.json = "1.1", .env = vf_env, .stopping = vf_stopping }, &run->err);
	if (put.aws != NULL)
		http = vf_http_new(&(struct vf_http_options){ .connections = (unsigned)opt->concurrency,
			.total_ms = opt->timeout, .answer_max = ANSWER_MAX }, &run->err);
	if (http != NULL)
		put.pool = vf_inflight_new(BATCH_RECORDS * (size_t)(4 * opt->concurrency + 2), HELD_BYTES, &run->err);
	put.batches = calloc((size_t)(2 * opt->concurrency), sizeof *put.batches);
	if (put.batches == NULL)
		vf_error_nomem(&run->err);
	else if (put.pool != NULL)
		rc = send_all(&put, http);
	vf_http_free(http);
	vf_aws_free(put.aws);
	vf_inflight_free(put.pool);
	free(put.batches);
	vf_buf_free(&put.key);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-kinesis",
	.purpose = "Put records into a Kinesis stream: each at least once, those of a key in order.",
	.operands = "put [FILE ...]",
	.verbs = verbs,
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_NDJSON,
	.reasons = reasons,
	.check_lines = check,
	.run = run_kinesis,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
