/* vf-sqs -- jobs into a queue, out of it, and done with. */
#include <stdlib.h>

#include "base/date.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "frame.h"
#include "net/aws.h"
#include "net/journal.h"

#define BATCH 10
#define BATCH_BYTES ((size_t)256 << 10)		/* of a batch's messages, and of one */
#define LINE_BYTES ((uint32_t)1 << 20)
#define ANSWER_MAX ((size_t)4 << 20)		/* ten messages of 256 KiB, escaped */
#define WAIT_MAX 20				/* seconds a receive may wait, by the service's rule */

enum verb { SEND, RECEIVE, DELETE };
static const char *const verbs[] = { "send", "receive", "delete", NULL };

struct options {
	const char *queue, *journal, *endpoint, *region;
	uint64_t concurrency, retries, timeout, visibility, max, wait;
	bool until_empty;
};

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

enum { TOO_LARGE = VF_REJECT_TOOL, DUPLICATE_JOB, NO_RECEIPT, REFUSED, UNDELIVERABLE };
static const char *const reasons[] = { "too-large", "duplicate-job", "no-receipt", "refused", "undeliverable", NULL };

static const struct vf_slice send_members[] = { VF_SLICE("jobId") };
static const struct vf_slice delete_members[] = { VF_SLICE("status"), VF_SLICE("receiptHandle") };
static const struct vf_journal_status statuses[] = { { "queued", true }, { "failed", false }, { NULL, false } };
enum { QUEUED, FAILED };

/* One message of a request. */
struct entry {
	struct vf_buf bytes;		/* the line, then its key (send) or receipt handle (delete) */
	size_t line;
	uint64_t lineno;
	uint16_t file;
};

struct batch {
	struct entry entries[BATCH];
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
	int empty;			/* receives in a row that gave nothing */
	uint64_t undelivered, requests, before, kept;
};

static struct queue q;

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
	lines->members = run->verb == SEND ? send_members : delete_members;
	lines->nmembers = run->verb == SEND ? 1 : 2;
	return 0;
}

/* --- send and delete: lines into batches -------------------------------------------------------------------------- */

static struct vf_slice
line_of(const struct entry *e)
{
	return vf_slice(e->bytes.p, e->line);
}

/* The key of a job, or the receipt handle of a message. */
static struct vf_slice
rest_of(const struct entry *e)
{
	return vf_slice(e->bytes.p + e->line, e->bytes.n - e->line);
}

static int
reject_entry(const struct entry *e, int reason, const char *detail)
{
	struct vf_row row = { .base = e->bytes.p, .len = (uint32_t)e->line, .size = e->line, .lineno = e->lineno, .lines = 1,
		.file = e->file };

	q.undelivered += reason == UNDELIVERABLE;
	return vf_reject(q.run, &row, reason, detail);
}

static int
fill_entry(struct entry *e, const struct vf_row *row, struct vf_slice rest)
{
	vf_buf_clear(&e->bytes);
	vf_buf_add_slice(&e->bytes, vf_row_line(row));
	vf_buf_add_slice(&e->bytes, rest);
	e->line = row->len;
	e->lineno = row->lineno;
	e->file = row->file;
	return e->bytes.failed ? vf_error_nomem(&q.run->err) : 1;
}

/* A job's key: its jobId where that can be one, else the hash of the line. */
static struct vf_slice
job_key(const struct vf_row *row, const struct vf_json_value *id, char hex[33])
{
	unsigned char hash[16];
	struct vf_slice s;

	vf_buf_clear(&q.text);
	if (vf_json_pick_text(id, &q.text, &s) == 1 && s.n > 0 && s.n <= VF_JOURNAL_KEY_MAX) {
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
take_job(struct entry *e, const struct vf_row *row)
{
	struct vf_journal_ask ask = { 0 };
	char hex[33];

	if (row->len > BATCH_BYTES)
		return vf_reject(q.run, row, TOO_LARGE, NULL);
	ask.key = job_key(row, vf_lines_members(q.run->lines, row), hex);
	if (vf_journal_ask(q.journal, &ask, 1, &q.run->err) < 0)
		return -1;
	if (ask.again)
		return vf_reject(q.run, row, DUPLICATE_JOB, NULL);
	if (ask.standing == QUEUED) {
		q.before++;
		q.run->out_count++;
		return 0;
	}
	return fill_entry(e, row, ask.key);
}

/* A line of results: what was sent is deleted from the queue, the rest comes back by itself. */
static int
take_result(struct entry *e, const struct vf_row *row)
{
	const struct vf_json_value *v = vf_lines_members(q.run->lines, row);
	struct vf_slice s;

	if (v[0].kind != VF_JSON_STRING || !vf_slice_is(v[0].raw, "sent")) {
		q.kept++;
		q.run->held++;
		return 0;
	}
	vf_buf_clear(&q.text);
	if (vf_json_pick_text(&v[1], &q.text, &s) != 1 || s.n == 0)
		return vf_reject(q.run, row, NO_RECEIPT, NULL);
	return fill_entry(e, row, s);
}

/* The next entry: 1, 0 at the end, VF_SEND_LATER when the input would wait, -1. */
static int
next_entry(struct entry *e)
{
	struct vf_run *run = q.run;
	int rc;

	for (;;) {
		if (q.nrows == 0) {
			if (q.ended || q.unavailable)
				return 0;
			if ((rc = vf_lines_wait(run->lines, 0, &run->err)) <= 0)
				return rc < 0 ? -1 : VF_SEND_LATER;
			if ((q.nrows = vf_lines_batch(run->lines, &q.row, &run->err)) < 0)
				return -1;
			q.ended = q.nrows == 0;
			continue;
		}
		q.nrows--;
		rc = q.row->reject != 0 ? vf_reject(run, q.row, q.row->reject, NULL) :
			q.verb == SEND ? take_job(e, q.row) : take_result(e, q.row);
		q.row++;
		if (rc != 0)
			return rc;
	}
}

static void
swap_entries(struct entry *a, struct entry *b)
{
	struct entry e = *a;

	*a = *b;
	*b = e;
}

static int
make_body(struct vf_send *r)
{
	const struct batch *b = r->user;
	struct vf_buf *t = &r->text;

	vf_buf_clear(t);
	vf_buf_add_str(t, "{\"QueueUrl\":");
	vf_text_add_json(t, vf_slice_str(q.opt->queue));
	vf_buf_add_str(t, ",\"Entries\":[");
	for (int i = 0; i < b->n; i++) {
		vf_buf_addf(t, "%s{\"Id\":\"%d\",", i > 0 ? "," : "", i);
		vf_buf_add_str(t, q.verb == SEND ? "\"MessageBody\":" : "\"ReceiptHandle\":");
		vf_text_add_json(t, q.verb == SEND ? line_of(&b->entries[i]) : rest_of(&b->entries[i]));
		vf_buf_add_char(t, '}');
	}
	vf_buf_add_str(t, "]}");
	r->call.body = vf_buf_slice(t);
	return t->failed ? vf_error_nomem(&q.run->err) : 0;
}

static int
source(void *arg, struct vf_send *r, int *fd, struct vf_error *err)
{
	struct batch *b;
	size_t bytes = 0;
	int rc = 1;

	(void)arg;
	if (r->user == NULL)
		r->user = &q.batches[q.nbatches++];
	b = r->user;
	b->n = 0;
	if (q.next.bytes.n > 0) {
		swap_entries(&b->entries[b->n++], &q.next);
		vf_buf_clear(&q.next.bytes);
		bytes = b->entries[0].line;
	}
	while (b->n < BATCH && (rc = next_entry(&b->entries[b->n])) == 1) {
		bytes += b->entries[b->n].line;
		if (b->n > 0 && bytes > BATCH_BYTES) {
			swap_entries(&b->entries[b->n], &q.next);
			break;
		}
		b->n++;
	}
	if (rc >= 0 && b->n > 0)
		rc = make_body(r) < 0 ? -1 : 1;
	if (rc == VF_SEND_LATER)
		*fd = vf_lines_fd(q.run->lines);
	if (rc >= 0)
		return rc;
	*err = q.run->err;
	for (int i = 0; i < b->n; i++)
		reject_entry(&b->entries[i], UNDELIVERABLE, "stopped");
	return -1;
}

/* Before a message may be in the queue, the journal says that it may be. */
static int
prepare(void *arg, struct vf_send *const *r, size_t n, struct vf_error *err)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		const struct batch *b = r[i]->user;

		for (int k = 0; r[i]->attempts == 0 && k < b->n; k++)
			if (vf_journal_intent(q.journal, rest_of(&b->entries[k]), err) < 0)
				return -1;
	}
	return vf_journal_dirty(q.journal) ? vf_journal_sync(q.journal, err) : 0;
}

static int
start(void *arg, struct vf_send *r, struct vf_error *err)
{
	static const char *const targets[] = { "X-Amz-Target: AmazonSQS.SendMessageBatch",
		"X-Amz-Target: AmazonSQS.ReceiveMessage", "X-Amz-Target: AmazonSQS.DeleteMessageBatch" };

	(void)arg;
	q.requests++;
	return vf_aws_prepare(q.aws, &r->call, targets[q.verb], err);
}

/* What an answer says of each entry: '.' nothing, 's' done, 'r' refused, 'f' failed for now. */
static int
read_results(const struct vf_send *r, int n, char said[BATCH])
{
	static const char *const lists[] = { "Successful", "Failed" };
	struct vf_error ignored;
	struct vf_json *doc = vf_json_parse(vf_buf_slice(&r->call.answer), "answer", &ignored);
	struct vf_json_at root;
	int known = 0;

	memset(said, '.', BATCH);
	if (doc == NULL)
		return -1;
	root = vf_json_root(doc, "answer");
	for (int l = 0; l < 2; l++) {
		struct vf_json_at list = vf_json_member(&root, lists[l]);
		size_t count = 0;

		if (vf_json_get_array(&list, &count, &ignored) < 0)
			count = 0;
		for (size_t i = 0; i < count; i++) {
			struct vf_json_at one = vf_json_element(&list, i), id = vf_json_member(&one, "Id"),
				fault = vf_json_member(&one, "SenderFault");
			struct vf_slice s;
			uint64_t at;
			bool ours = false;

			if (vf_json_get_str(&id, &s, &ignored) != 1 || !vf_num_u64(s, &at) || at >= (uint64_t)n || said[at] != '.')
				continue;
			(void)vf_json_get_bool(&fault, &ours, &ignored);
			said[at] = l == 0 ? 's' : ours ? 'r' : 'f';
			known++;
		}
	}
	vf_json_free(doc);
	return known == n ? 0 : -1;
}

static enum vf_send_verdict
judge(void *arg, struct vf_send *r)
{
	enum vf_send_verdict verdict = vf_aws_judge(q.aws, r);
	struct batch *b = r->user;
	char said[BATCH], now[VF_DATE_LEN + 1];
	int kept = 0;

	(void)arg;
	if (verdict != VF_SEND_DONE)
		return verdict;
	/* What the answer tells of counts; the rest is unknown and, where that is harmless, tried again. */
	snprintf(r->detail, sizeof r->detail, "%s", read_results(r, b->n, said) < 0 ? "bad-answer" : "failed");
	vf_date_put(now, vf_date_now());
	for (int i = 0; i < b->n; i++) {
		struct entry *e = &b->entries[i];
		bool ok = true;

		if (said[i] == 's') {
			q.run->out_count++;
			ok = q.verb != SEND || vf_journal_outcome(q.journal, rest_of(e), QUEUED, vf_slice_str(now), &q.run->err) == 0;
		} else if (said[i] == 'r') {
			ok = reject_entry(e, REFUSED, NULL) == 0 && (q.verb != SEND ||
				vf_journal_outcome(q.journal, rest_of(e), FAILED, vf_slice_str(now), &q.run->err) == 0);
		} else {
			swap_entries(&b->entries[kept++], e);
		}
		if (!ok)
			q.unavailable = true;
	}
	b->n = kept;
	if (kept == 0) {
		r->detail[0] = '\0';
		return VF_SEND_DONE;
	}
	return make_body(r) < 0 ? VF_SEND_NEVER : VF_SEND_AGAIN;
}

static int
result(void *arg, struct vf_send *r, struct vf_error *err)
{
	struct batch *b = r->user;
	int rc = 0;

	(void)arg;
	if (b->n > 0 && r->outcome != VF_SEND_REFUSED)
		q.unavailable = true;
	for (int i = 0; i < b->n; i++)
		if (reject_entry(&b->entries[i], UNDELIVERABLE, r->detail) < 0)
			rc = -1;
	b->n = 0;
	/* A journal or a rejects file that cannot be written ends the run. */
	if (rc < 0 || q.run->err.kind != VF_ERR_NONE) {
		*err = q.run->err;
		return -1;
	}
	return 0;
}

static int
drop_rest(void)
{
	int rc = q.next.bytes.n > 0 ? reject_entry(&q.next, UNDELIVERABLE, "stopped") : 0;

	for (; q.nrows > 0; q.nrows--, q.row++) {
		q.undelivered += q.row->reject == 0;
		if (vf_reject(q.run, q.row, q.row->reject != 0 ? q.row->reject : UNDELIVERABLE,
			q.row->reject != 0 ? NULL : "stopped") < 0)
			rc = -1;
	}
	return rc;
}

/* --- receive ------------------------------------------------------------------------------------------------------- */

static int
receive_source(void *arg, struct vf_send *r, int *fd, struct vf_error *err)
{
	uint64_t left = q.opt->max > 0 ? q.opt->max - q.run->out_count : BATCH;

	(void)arg;
	(void)fd;
	/* An empty answer may come from one of the queue's servers that happens to have nothing: two in a row count. */
	if (left == 0 || (q.opt->until_empty && q.empty >= 2))
		return 0;
	vf_buf_addf(&r->text, "{\"MaxNumberOfMessages\":%d,\"WaitTimeSeconds\":%d,\"VisibilityTimeout\":%d,\"QueueUrl\":",
		(int)(left < BATCH ? left : BATCH), (int)(q.opt->wait / 1000), (int)(q.opt->visibility / 1000));
	vf_text_add_json(&r->text, vf_slice_str(q.opt->queue));
	vf_buf_add_char(&r->text, '}');
	r->call.body = vf_buf_slice(&r->text);
	return r->text.failed ? vf_error_nomem(err) : 1;
}

/* The body as it is when it is JSON, on one line; else as a text. */
static void
add_body(struct vf_buf *line, struct vf_slice body)
{
	static const struct vf_slice names[] = { VF_SLICE("b") };
	struct vf_slice core = body;
	struct vf_json_value v;
	size_t start = line->n;

	while (core.n > 0 && strchr(" \t\r\n", core.p[0]) != NULL && core.p[0] != '\0')
		core = vf_slice(core.p + 1, core.n - 1);
	while (core.n > 0 && strchr(" \t\r\n", core.p[core.n - 1]) != NULL && core.p[core.n - 1] != '\0')
		core.n--;
	vf_buf_clear(&q.text);
	vf_buf_add_str(&q.text, "{\"b\":");
	vf_buf_add_slice(&q.text, core);
	vf_buf_add_char(&q.text, '}');
	/* One value and no more: what was picked is all of it. */
	if (!q.text.failed && vf_json_pick(vf_buf_slice(&q.text), names, 1, &v) &&
		v.raw.n + (v.kind == VF_JSON_STRING ? 2 : 0) == core.n) {
		vf_buf_add_slice(line, core);
		for (size_t i = start; i < line->n; i++)
			if (line->p[i] == '\n' || line->p[i] == '\r')
				line->p[i] = ' ';
		return;
	}
	vf_text_add_json(line, body);
}

static int
write_message(const struct vf_json_at *m, const char *received, const char *until, struct vf_error *err)
{
	struct vf_json_at id = vf_json_member(m, "MessageId"), handle = vf_json_member(m, "ReceiptHandle"),
		body = vf_json_member(m, "Body");
	struct vf_slice i = { 0 }, h = { 0 }, b = { 0 };
	static struct vf_buf line;
	int rc;

	if (vf_json_get_str(&id, &i, err) < 0 || vf_json_get_str(&handle, &h, err) != 1 || vf_json_get_str(&body, &b, err) != 1)
		return vf_error(err, VF_ERR_FAILED, "the service's answer holds a message without receipt handle or body");
	vf_buf_clear(&line);
	vf_buf_add_str(&line, "{\"messageId\":");
	vf_text_add_json(&line, i);
	vf_buf_add_str(&line, ",\"receiptHandle\":");
	vf_text_add_json(&line, h);
	vf_buf_addf(&line, ",\"receivedAt\":\"%s\",\"visibleUntil\":\"%s\",\"body\":", received, until);
	add_body(&line, b);
	vf_buf_add_char(&line, '}');
	rc = line.failed ? vf_error_nomem(err) : vf_lines_put(q.out, vf_buf_slice(&line), err);
	vf_buf_free(&line);
	if (rc == 0) {
		q.run->in_count++;
		q.run->out_count++;
	}
	return rc;
}

static int
receive_result(void *arg, struct vf_send *r, struct vf_error *err)
{
	char received[VF_DATE_LEN + 1], until[VF_DATE_LEN + 1];
	struct vf_json_at root, list;
	struct vf_json *doc;
	int64_t now = vf_date_now();
	size_t count = 0;
	int rc = 0;

	(void)arg;
	if (r->outcome == VF_SEND_HELD)
		return 0;
	if (r->outcome != VF_SEND_SENT)
		return vf_error(err, VF_ERR_TEMPORARY, "receive: %s", r->detail);
	vf_date_put(received, now);
	vf_date_put(until, now + (int64_t)(q.opt->visibility / 1000));
	doc = vf_json_parse(vf_buf_slice(&r->call.answer), "the service's answer", err);
	if (doc == NULL) {
		err->kind = VF_ERR_FAILED;
		return -1;
	}
	root = vf_json_root(doc, "the service's answer");
	list = vf_json_member(&root, "Messages");
	rc = vf_json_get_array(&list, &count, err) < 0 ? -1 : 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct vf_json_at one = vf_json_element(&list, i);

		rc = write_message(&one, received, until, err);
	}
	q.empty = count == 0 ? q.empty + 1 : 0;
	vf_json_free(doc);
	/* Whoever reads them has until visibleUntil: at once. */
	return rc == 0 ? vf_lines_flush(q.out, err) : rc;
}

static enum vf_send_verdict
receive_judge(void *arg, struct vf_send *r)
{
	(void)arg;
	return vf_aws_judge(q.aws, r);
}

/* ------------------------------------------------------------------------------------------------------------------- */

static int
run_sender(struct vf_http *http)
{
	bool receive = q.verb == RECEIVE;
	unsigned concurrency = receive ? 1 : (unsigned)q.opt->concurrency;
	struct vf_run *run = q.run;
	struct vf_error err = { 0 };
	struct vf_sender *sender = vf_sender_new(&(struct vf_sender_options){
		.http = http, .concurrency = concurrency, .waiting = concurrency, .retries = (unsigned)q.opt->retries,
		.backoff_ms = 100, .backoff_max_ms = 10000, .idempotent = true,
		.drain_ms = receive ? q.opt->wait + 5000 : 20000, .source = receive ? receive_source : source,
		.prepare = q.verb == SEND ? prepare : NULL, .start = start, .judge = receive ? receive_judge : judge,
		.result = receive ? receive_result : result, .stopping = vf_stopping }, &run->err);
	int rc;

	if (sender == NULL)
		return -1;
	rc = vf_sender_run(sender, &err);
	if (!receive && drop_rest() < 0 && rc == 0)
		rc = -1;
	else if (rc < 0)
		run->err = err;
	vf_sender_free(sender);
	if (q.journal != NULL && vf_journal_close(q.journal, rc < 0 ? &err : &run->err) < 0)
		rc = -1;
	if (rc == 0 && q.undelivered > 0) {
		vf_warn(run, "%llu messages were not %s: run again", (unsigned long long)q.undelivered,
			q.verb == SEND ? "queued" : "deleted");
		run->exit_status = 75;
	}
	return rc;
}

static int
open_journal(void)
{
	const struct vf_run *run = q.run;
	uint64_t cut;

	q.journal = vf_journal_open(&(struct vf_journal_options){ .path = q.opt->journal,
		.campaign = vf_slice_str(run->campaign != NULL ? run->campaign->id : "-"),
		.wave = vf_slice_str(run->wave != NULL ? run->wave : "-"), .channel = vf_slice_str("queue"),
		.statuses = statuses, .wait_ms = 60000 }, &cut, &q.run->err);
	return q.journal == NULL ? -1 : 0;
}

static void
free_batches(void)
{
	for (unsigned i = 0; i < q.nbatches; i++)
		for (int k = 0; k < BATCH; k++)
			vf_buf_free(&q.batches[i].entries[k].bytes);
	free(q.batches);
	vf_buf_free(&q.next.bytes);
	vf_buf_free(&q.text);
}

static int
run_sqs(struct vf_run *run)
{
	const struct options *opt = run->options;
	struct vf_http *http = NULL;
	int rc = -1;

	q = (struct queue){ .run = run, .opt = opt, .verb = (enum verb)run->verb };
	q.batches = calloc((size_t)(2 * opt->concurrency), sizeof *q.batches);
	if (q.batches == NULL)
		return vf_error_nomem(&run->err);
	q.aws = vf_aws_open(&(struct vf_aws_options){ .service = "sqs", .region = opt->region, .endpoint = opt->endpoint,
		.json = "1.0", .env = vf_env, .stopping = vf_stopping }, &run->err);
	if (q.aws != NULL && (q.verb != SEND || open_journal() == 0) &&
		(q.verb != RECEIVE || (q.out = vf_output_lines(run, NULL, VF_FILE_PRIVATE)) != NULL))
		http = vf_http_new(&(struct vf_http_options){ .connections = (unsigned)opt->concurrency,
			.total_ms = opt->timeout + (q.verb == RECEIVE ? opt->wait : 0), .answer_max = ANSWER_MAX }, &run->err);
	if (http != NULL)
		rc = run_sender(http);
	vf_stat_str(run, "verb", verbs[q.verb]);
	vf_stat_u64(run, "requests", q.requests);
	if (q.verb == SEND)
		vf_stat_u64(run, "queuedBefore", q.before);
	if (q.verb == DELETE)
		vf_stat_u64(run, "deferred", q.kept);
	vf_http_free(http);
	vf_aws_free(q.aws);
	vf_journal_free(q.journal);
	free_batches();
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
