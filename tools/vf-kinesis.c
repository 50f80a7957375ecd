/* vf-kinesis -- put records into a stream, each at least once, in order by key. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>

#include "base/date.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "frame.h"
#include "net/aws.h"
#include "net/inflight.h"

#define BATCH_RECORDS 500
#define BATCH_BYTES ((size_t)5 << 20)		/* of a request's records, keys included */
#define RECORD_BYTES ((size_t)1 << 20)		/* of one, its key included */
#define LINE_BYTES ((uint32_t)2 << 20)		/* up to here a line is too-large, beyond it too-long */
#define KEY_CHARS 256
#define HELD_BYTES ((size_t)48 << 20)		/* of records that are read and not delivered */
#define ANSWER_MAX ((size_t)1 << 20)		/* 500 results with their messages */

struct options {
	const char *stream, *key, *endpoint, *region;
	uint64_t concurrency, retries, timeout;
};

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
enum { TOO_LARGE = VF_REJECT_TOOL, BAD_KEY, UNDELIVERABLE };
static const char *const reasons[] = { "too-large", "bad-key", "undeliverable", NULL };

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
	const char *why;			/* the detail of the records that are lost just now */
	uint64_t undelivered, requests, resent, partial;
};

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

/* The partition key of a line: a text or number of 1 to 256 characters. */
static bool
partition_key(struct put *p, const struct vf_json_value *v, struct vf_slice *key)
{
	size_t chars = 0;

	vf_buf_clear(&p->key);
	if (v->kind == VF_JSON_NUMBER)
		*key = v->raw;
	else if (vf_json_pick_text(v, &p->key, key) != 1)
		return false;
	for (size_t i = 0; i < key->n; i++)
		chars += ((unsigned char)key->p[i] & 0xc0) != 0x80;
	return chars >= 1 && chars <= KEY_CHARS;
}

/* A record that will not be delivered, as far as its reject line needs it. */
static int
lost(void *arg, const struct vf_inflight_record *r)
{
	struct put *p = arg;
	struct vf_row row = { .base = r->bytes.p, .len = (uint32_t)r->data, .size = r->data, .lineno = r->lineno, .lines = 1,
		.file = r->file };

	p->undelivered++;
	return vf_reject(p->run, &row, UNDELIVERABLE, p->why);
}

/* One line: rejected, or on its way. */
static int
admit(struct put *p, const struct vf_row *row)
{
	struct vf_slice key = { 0 }, line = vf_row_line(row);
	int rc;

	if (row->reject != 0)
		return vf_reject(p->run, row, row->reject, NULL);
	if (!partition_key(p, vf_lines_members(p->run->lines, row), &key))
		return vf_reject(p->run, row, line.n > RECORD_BYTES ? TOO_LARGE : BAD_KEY, NULL);
	if (line.n + key.n > RECORD_BYTES)
		return vf_reject(p->run, row, TOO_LARGE, NULL);
	rc = vf_inflight_add(p->pool, line, key, row->lineno, row->file, &p->run->err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	p->undelivered++;
	return vf_reject(p->run, row, UNDELIVERABLE, "earlier-lost");
}

/* Reads while there is something to read at once, and room for it. 1, or -1. */
static int
read_some(struct put *p)
{
	struct vf_run *run = p->run;
	int rc;

	while (!p->unavailable && vf_inflight_ready(p->pool) < BATCH_RECORDS && !vf_inflight_full(p->pool)) {
		if (p->nrows == 0) {
			if (p->ended || (rc = vf_lines_wait(run->lines, 0, &run->err)) == 0)
				break;
			if (rc < 0 || (p->nrows = vf_lines_batch(run->lines, &p->row, &run->err)) < 0)
				return -1;
			p->ended = p->nrows == 0;
			continue;
		}
		p->nrows--;
		if (admit(p, p->row++) < 0)
			return -1;
	}
	return 1;
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

	if (read_some(p) < 0) {
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
	for (p->why = "memory"; b->n > 0;)
		vf_inflight_lost(p->pool, b->records[--b->n], lost, p);
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

/* A result's error as a word for reject lines; letters only, whatever the service wrote. */
static void
take_error(char out[32], struct vf_slice error)
{
	size_t n = 0;

	while (n < 31 && n < error.n && ((error.p[n] | 0x20) >= 'a' && (error.p[n] | 0x20) <= 'z')) {
		out[n] = error.p[n];
		n++;
	}
	out[n] = '\0';
}

/* Results with a sequence number, by the look of it: nearly all answers tell of no failure and need no tree. */
static int
count_results(struct vf_slice text)
{
	static const char word[] = "\"SequenceNumber\"";
	const char *at;
	int n = 0;

	while ((at = memmem(text.p, text.n, word, sizeof(word) - 1)) != NULL) {
		n++;
		at += sizeof(word) - 1;
		text = vf_slice(at, text.n - (size_t)(at - text.p));
	}
	return n;
}

/* Takes the delivered records out of the batch; -1 when the answer is not one about this batch. */
static int
sift(struct put *p, struct vf_send *r, struct batch *b)
{
	static const struct vf_slice names[] = { VF_SLICE("FailedRecordCount") };
	struct vf_slice text = vf_buf_slice(&r->call.answer), error[BATCH_RECORDS] = { 0 };
	struct vf_json_value failed;
	struct vf_json_at root, results;
	struct vf_error ignored;
	struct vf_json *doc;
	size_t count = 0;
	int rc = -1, kept = 0, n = b->n;

	if (!vf_json_pick(text, names, 1, &failed))
		return -1;
	if (vf_slice_is(failed.raw, "0") && count_results(text) == n) {
		for (int i = 0; i < n; i++)
			vf_inflight_delivered(p->pool, b->records[i]);
		p->run->out_count += (uint64_t)n;
		b->n = 0;
		return 0;
	}
	doc = vf_json_parse(text, "answer", &ignored);
	if (doc == NULL)
		return -1;
	root = vf_json_root(doc, "answer");
	results = vf_json_member(&root, "Records");
	if (vf_json_get_array(&results, &count, &ignored) != 1 || count != (size_t)n)
		goto done;
	for (int i = 0; i < n; i++) {
		struct vf_json_at one = vf_json_element(&results, (size_t)i), code, sequence;
		struct vf_slice s = { 0 };

		code = vf_json_member(&one, "ErrorCode");
		sequence = vf_json_member(&one, "SequenceNumber");
		if (vf_json_get_str(&code, &error[i], &ignored) < 0 || vf_json_get_str(&sequence, &s, &ignored) < 0 ||
			(error[i].n == 0 && s.n == 0))
			goto done;
	}
	for (int i = 0; i < n; i++) {
		if (error[i].n == 0) {
			vf_inflight_delivered(p->pool, b->records[i]);
			p->run->out_count++;
		} else {
			take_error(r->detail, error[i]);
			b->records[kept++] = b->records[i];
		}
	}
	b->n = kept;
	rc = 0;
done:
	vf_json_free(doc);
	return rc;
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
	p->why = r->detail;
	/* Tries are spent: the service is the cause, not the record, and more would fare no better. */
	if (r->outcome != VF_SEND_REFUSED)
		p->unavailable = true;
	for (int i = 0; i < b->n; i++)
		if (vf_inflight_lost(p->pool, b->records[i], lost, p) < 0)
			rc = -1;
	b->n = 0;
	if (rc < 0)
		*err = p->run->err;
	return rc;
}

/* What was read and will not be sent any more is accounted for. */
static int
drop_rest(struct put *p)
{
	struct vf_inflight_record *r;
	int rc = 0;

	p->why = "stopped";
	while ((r = vf_inflight_take(p->pool)) != NULL)
		if (vf_inflight_lost(p->pool, r, lost, p) < 0)
			rc = -1;
	for (; p->nrows > 0; p->nrows--, p->row++) {
		p->undelivered += p->row->reject == 0;
		if (vf_reject(p->run, p->row, p->row->reject != 0 ? p->row->reject : UNDELIVERABLE,
			p->row->reject != 0 ? NULL : p->why) < 0)
			rc = -1;
	}
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
	if (drop_rest(p) < 0 && rc == 0)
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
