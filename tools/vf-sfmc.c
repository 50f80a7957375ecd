/* vf-sfmc -- send e-mail jobs through Marketing Cloud, and say what became of each. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/date.h"
#include "base/json-pick.h"
#include "base/text.h"
#include "fan/delivery.h"
#include "fan/sfmc-answer.h"
#include "fan/sfmc-batch.h"
#include "frame.h"
#include "net/sender.h"
#include "sfmc-token.h"

#define WAVES_MAX 256			/* that a stats line tells apart */

struct options {
	const char *definition, *auth_url, *rest_url, *secret_file, *ca_file;
	uint64_t batch, concurrency, rate, timeout, retries, stop_after;
};

static const struct options defaults = { .batch = VF_SFMC_BATCH_MAX, .concurrency = 4, .timeout = 30000, .retries = 5, .stop_after = 20 };

#define AT(member) offsetof(struct options, member)
static const struct vf_option options[] = {
	{ "definition", 0, VF_TEXT, AT(definition), "KEY", "the send definition that the messages belong to (needed)" },
	{ "auth-url", 0, VF_TEXT, AT(auth_url), "URL", "where tokens are given out (VF_SFMC_AUTH_URL)" },
	{ "rest-url", 0, VF_TEXT, AT(rest_url), "URL", "where the API is; default: what the token's answer says" },
	{ "secret-file", 0, VF_PATH, AT(secret_file), "FILE", "JSON: client_id, client_secret, account_id (VF_SFMC_CLIENT_ID, ...)" },
	{ "batch", 0, VF_U64, AT(batch), "N", "messages a request, at most (500)" },
	{ "concurrency", 0, VF_U64, AT(concurrency), "N", "requests under way at once, at most (4)" },
	{ "rate", 0, VF_U64, AT(rate), "N", "messages a second, at most; 0: no limit (0)" },
	{ "timeout", 0, VF_DURATION, AT(timeout), "TIME", "for one request, all in all (30s)" },
	{ "retries", 0, VF_U64, AT(retries), "N", "tries after the first (5)" },
	{ "stop-after", 0, VF_U64, AT(stop_after), "N", "give up after so many failed requests in a row (20); 0: never" },
	{ "ca-file", 0, VF_PATH, AT(ca_file), "FILE", "authorities to trust (PEM), instead of the system's" },
	{ 0 },
};
#undef AT

enum { BAD_JOB = VF_REJECT_TOOL };
static const char *const reasons[] = { "bad-job", NULL };

/* Of one message, until its result is written; its text is in the batch. */
struct job {
	int64_t visible_ms;		/* 0: for ever */
	struct wave *wave;
	enum vf_delivery_status status;
	const char *detail;		/* a word that lives long, or NULL: the request's */
	uint64_t errorcode;		/* of the recipient */
};

/* What one request carries; stays with the sender's struct. */
struct batch {
	struct vf_sfmc_batch text;
	struct job job[VF_SFMC_BATCH_MAX];
	unsigned refused;		/* tokens */
	uint64_t token;			/* which one it went with */
	bool expired;
	char request_id[VF_SFMC_REQUEST_ID];
};

/* Figures of one wave. */
struct wave {
	char campaign[136], wave[136];
	struct vf_delivery d;
};

/* One recipient of a request that was refused as a whole: it is asked for alone. */
struct single {
	struct single *next;
	struct job job;
	size_t head_n, recipient_n, key_n;
	char text[];			/* its head, then its recipient */
};

struct mailer {
	struct vf_run *run;
	const struct options *opt;
	struct vf_http *http;
	struct vf_sender *sender;
	struct sfmc_token token;
	struct vf_buf url, line;
	struct vf_lines_out *out;
	const struct vf_row *rows;
	int nrows, row;
	bool ended;
	struct single *singles, **last_single;
	size_t given;			/* batches whose result is not back */
	struct batch **batches;
	size_t nbatches;
	struct wave **waves;
	size_t nwaves;
};

static int64_t
now_ms(void)
{
	struct timeval tv;

	gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

static int
check(struct vf_run *run, void *options_, struct vf_lines_options *lines)
{
	const struct options *opt = options_;

	lines->members = vf_sfmc_members;
	lines->nmembers = VF_SFMC_MEMBERS;
	if (opt->definition == NULL || opt->definition[0] == '\0')
		return vf_error(&run->err, VF_ERR_CONFIG, "--definition KEY is needed");
	if (opt->batch == 0 || opt->batch > VF_SFMC_BATCH_MAX)
		return vf_error(&run->err, VF_ERR_CONFIG, "--batch: 1 to %d", VF_SFMC_BATCH_MAX);
	if (opt->concurrency == 0 || opt->concurrency > 100)
		return vf_error(&run->err, VF_ERR_CONFIG, "--concurrency: 1 to 100");
	if (opt->timeout < 100 || opt->timeout > 3600000)
		return vf_error(&run->err, VF_ERR_CONFIG, "--timeout: 100ms to 1h");
	if (opt->retries > 1000)
		return vf_error(&run->err, VF_ERR_CONFIG, "--retries: 0 to 1000");
	return 0;
}

/* Figures ---------------------------------------------------------------------- */

/* A short string's meaning as C text; empty when it is none, or too long. */
static void
plain(char *to, size_t size, const struct vf_json_value *v)
{
	struct vf_buf b = { 0 };
	struct vf_slice s = { "", 0 };

	to[0] = '\0';
	if (vf_json_pick_text(v, &b, &s) == 1 && s.n < size)
		snprintf(to, size, "%.*s", (int)s.n, s.p);
	vf_buf_free(&b);
}

/* The figures of a job's wave; of more waves than a line may tell the last place has the rest. */
static struct wave *
find_wave(struct mailer *m, const struct vf_json_value *job)
{
	char campaign[sizeof(((struct wave *)0)->campaign)], name[sizeof(((struct wave *)0)->wave)];
	struct wave *w;

	plain(campaign, sizeof(campaign), &job[VF_SFMC_CAMPAIGN]);
	plain(name, sizeof(name), &job[VF_SFMC_WAVE]);
	for (size_t i = m->nwaves; i-- > 0;)
		if (strcmp(m->waves[i]->wave, name) == 0 && strcmp(m->waves[i]->campaign, campaign) == 0)
			return m->waves[i];
	if (m->nwaves == WAVES_MAX)
		return m->waves[WAVES_MAX - 1];
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	if (m->nwaves < WAVES_MAX - 1) {
		memcpy(w->campaign, campaign, sizeof(campaign));
		memcpy(w->wave, name, sizeof(name));
	}
	vf_delivery_init(&w->d, "email");
	m->waves[m->nwaves++] = w;
	return w;
}

static void
put_stats(struct mailer *m)
{
	struct vf_buf b = { 0 };

	if (m->sender != NULL && m->nwaves > 0)
		m->waves[0]->d.throttled = vf_sender_counts(m->sender)->throttled;
	vf_buf_add_char(&b, '[');
	for (size_t i = 0; i < m->nwaves; i++) {
		struct wave *w = m->waves[i];

		vf_buf_add_str(&b, i > 0 ? ",{\"campaignId\":" : "{\"campaignId\":");
		vf_text_add_json(&b, vf_slice_str(w->campaign));
		vf_buf_add_str(&b, ",\"waveId\":");
		vf_text_add_json(&b, vf_slice_str(w->wave));
		vf_buf_add_str(&b, ",\"delivery\":");
		vf_delivery_put(&b, &w->d);
		vf_buf_add_char(&b, '}');
	}
	vf_buf_add_char(&b, ']');
	if (!b.failed)
		vf_stat_json(m->run, "deliveries", vf_buf_slice(&b));
	vf_stat_u64(m->run, "tokens", m->token.number);
	vf_buf_free(&b);
}

/* Results ---------------------------------------------------------------------- */

static int
put_result(struct mailer *m, const struct vf_send *s, const struct batch *batch, size_t i)
{
	const struct job *j = &batch->job[i];
	struct vf_delivery_event e = { .status = j->status, .http_status = s->call.status, .attempts = s->attempts,
		.finished_ms = now_ms() };
	const char *detail = j->detail != NULL ? j->detail : j->status == VF_DELIVERY_SENT ? "" : s->detail;
	char at[VF_DATE_LEN + 1];
	struct vf_buf *b = &m->line;

	if (s->attempts > 0)
		e.latency_us = (s->call.ended_ns - s->call.started_ns) / 1000;
	if (*detail != '\0')
		e.cause = detail;
	vf_delivery_add(&j->wave->d, &e);
	vf_date_put(at, e.finished_ms / 1000);
	vf_buf_clear(b);
	vf_buf_add_char(b, '{');
	vf_buf_add_slice(b, vf_sfmc_batch_head(&batch->text, i));
	vf_buf_addf(b, ",\"status\":\"%s\",\"httpStatus\":", vf_delivery_status_names[j->status]);
	if (s->attempts > 0 && s->call.status > 0)
		vf_buf_add_u64(b, s->call.status);
	else
		vf_buf_add_str(b, "null");
	vf_buf_add_str(b, ",\"requestId\":");
	vf_text_add_json(b, vf_slice_str(s->attempts > 0 ? batch->request_id : ""));
	if (j->errorcode > 0)
		vf_buf_addf(b, ",\"errorcode\":%" PRIu64, j->errorcode);
	vf_buf_addf(b, ",\"attempts\":%u,\"finishedAt\":\"%s\"", s->attempts, at);
	if (s->attempts > 0)
		vf_buf_addf(b, ",\"seconds\":%" PRIu64 ".%06" PRIu64, e.latency_us / 1000000, e.latency_us % 1000000);
	vf_buf_addf(b, ",\"detail\":\"%s\"}", detail);
	return b->failed ? vf_error_nomem(&m->run->err) : vf_lines_put(m->out, vf_buf_slice(b), &m->run->err);
}

/* A 2xx names those that were not taken; an earlier answer may have said otherwise. False: it is no such answer. */
static bool
read_answer(struct batch *batch, struct vf_slice answer)
{
	struct vf_slice keys[VF_SFMC_BATCH_MAX];
	uint64_t refused[VF_SFMC_BATCH_MAX];
	bool good;

	for (size_t i = 0; i < batch->text.n; i++)
		keys[i] = vf_sfmc_batch_key(&batch->text, i);
	good = vf_sfmc_answer_read(answer, keys, batch->text.n, refused, batch->request_id);
	for (size_t i = 0; i < batch->text.n; i++) {
		struct job *j = &batch->job[i];

		j->errorcode = refused[i];
		j->detail = refused[i] > 0 ? "refused" : NULL;
		if (refused[i] > 0)
			j->status = VF_DELIVERY_FAILED;
	}
	return good;
}

static enum vf_send_verdict
judge(void *arg, struct vf_send *s)
{
	struct mailer *m = arg;
	struct batch *batch = s->user;
	enum vf_send_verdict verdict = vf_send_judge(s);
	uint64_t code = 0;

	if (s->call.fault == VF_HTTP_OK && s->call.status >= 400)
		code = vf_sfmc_answer_code(vf_buf_slice(&s->call.answer));
	if (code == VF_SFMC_THROTTLED || code == VF_SFMC_BLOCKED) {	/* throttled, or blocked for a while, whatever the status */
		snprintf(s->detail, sizeof(s->detail), "sfmc-%" PRIu64, code);
		return VF_SEND_AGAIN;
	}
	/* An earlier try, or an earlier run, whose answer was lost. */
	if (code == VF_SFMC_DUPLICATE && batch->text.n == 1)
		return VF_SEND_DONE;
	/* A token may end before its time: a second one that is refused too tells that it is not the token. */
	if (s->call.fault == VF_HTTP_OK && s->call.status == 401 && batch->refused++ == 0) {
		if (batch->token == m->token.number)
			m->token.renew_ns = 0;
		return VF_SEND_AGAIN;
	}
	if (verdict == VF_SEND_DONE && s->call.status < 300 && !read_answer(batch, vf_buf_slice(&s->call.answer))) {
		snprintf(s->detail, sizeof(s->detail), "bad-answer");
		return VF_SEND_UNSURE;
	}
	return verdict;
}

/* A request of many that is refused for good may be so for one of them: each is asked for alone. */
static int
split(struct mailer *m, const struct batch *batch)
{
	for (size_t i = 0; i < batch->text.n; i++) {
		struct vf_slice head = vf_sfmc_batch_head(&batch->text, i), recipient = vf_sfmc_batch_recipient(&batch->text, i);
		struct single *one = malloc(sizeof(*one) + head.n + recipient.n);

		if (one == NULL)
			return vf_error_nomem(&m->run->err);
		one->next = NULL;
		one->job = batch->job[i];
		one->head_n = head.n;
		one->recipient_n = recipient.n;
		one->key_n = vf_sfmc_batch_key(&batch->text, i).n;
		memcpy(one->text, head.p, head.n);
		memcpy(one->text + head.n, recipient.p, recipient.n);
		*m->last_single = one;
		m->last_single = &one->next;
	}
	return 0;
}

static int
result(void *arg, struct vf_send *s, struct vf_error *err)
{
	static const enum vf_delivery_status of[] = { [VF_SEND_SENT] = VF_DELIVERY_SENT, [VF_SEND_REFUSED] = VF_DELIVERY_FAILED,
		[VF_SEND_EXHAUSTED] = VF_DELIVERY_FAILED, [VF_SEND_UNKNOWN] = VF_DELIVERY_UNKNOWN,
		[VF_SEND_HELD] = VF_DELIVERY_UNSENT };
	struct mailer *m = arg;
	struct batch *batch = s->user;

	(void)err;
	m->given--;
	if (s->outcome == VF_SEND_REFUSED && batch->text.n > 1 && s->call.status == 400)
		return split(m, batch);
	for (size_t i = 0; i < batch->text.n; i++) {
		struct job *j = &batch->job[i];

		if (s->outcome != VF_SEND_SENT || j->errorcode == 0)
			j->status = of[s->outcome];
		if (s->outcome == VF_SEND_HELD) {
			j->status = batch->expired ? VF_DELIVERY_EXPIRED : VF_DELIVERY_UNSENT;
			j->detail = batch->expired ? "past-visibility" : "stopped";
		}
		if (put_result(m, s, batch, i) < 0)
			return -1;
	}
	return 0;
}

/* Jobs ------------------------------------------------------------------------- */

/*
 * One line: a job, a message with a job in it, or neither: rejected.  1: its job
 * stands in the batch already, and the service must not get both at once.
 */
static int
take_row(struct mailer *m, struct batch *batch, const struct vf_row *row)
{
	const struct vf_json_value *message, *job;
	struct vf_json_value inner[VF_SFMC_MEMBERS];
	const char *lacks;
	char text[64];
	int64_t visible = 0;
	struct job *j;

	if (row->reject != 0)
		return vf_reject(m->run, row, row->reject, NULL);
	message = job = vf_lines_members(m->run->lines, row);
	if (message[VF_SFMC_BODY].kind == VF_JSON_OBJECT) {
		if (!vf_json_pick(message[VF_SFMC_BODY].raw, vf_sfmc_members, VF_SFMC_MEMBERS, inner))
			return vf_reject(m->run, row, BAD_JOB, "body");
		job = inner;
	} else if (message[VF_SFMC_BODY].kind != VF_JSON_ABSENT) {
		return vf_reject(m->run, row, BAD_JOB, "body");
	}
	lacks = vf_sfmc_job_lacks(job);
	if (lacks != NULL)
		return vf_reject(m->run, row, BAD_JOB, lacks);
	if (message[VF_SFMC_VISIBLE].kind == VF_JSON_STRING) {
		plain(text, sizeof(text), &message[VF_SFMC_VISIBLE]);
		if (!vf_date_parse_ms(vf_slice_str(text), &visible))
			return vf_reject(m->run, row, BAD_JOB, "visibleUntil");
	}
	if (vf_sfmc_batch_has(&batch->text, job[VF_SFMC_JOB].raw))
		return 1;
	j = &batch->job[batch->text.n];
	*j = (struct job){ .visible_ms = visible, .wave = find_wave(m, job) };
	if (j->wave == NULL || vf_sfmc_batch_add(&batch->text, job, message) < 0)
		return vf_error_nomem(&m->run->err);
	if (visible > 0 && now_ms() >= visible) {
		static const struct vf_send nothing;

		/* Somebody else may have it by now: said so, and not sent. */
		j->status = VF_DELIVERY_EXPIRED;
		j->detail = "past-visibility";
		if (put_result(m, &nothing, batch, batch->text.n - 1) < 0)
			return -1;
		vf_sfmc_batch_drop(&batch->text);
	}
	return 0;
}

static int
make_batch(struct mailer *m, struct vf_send *s)
{
	struct batch *batch = s->user;

	if (batch == NULL) {
		batch = calloc(1, sizeof(*batch));
		if (batch == NULL)
			return vf_error_nomem(&m->run->err);
		if (m->nbatches % 64 == 0) {
			struct batch **more = reallocarray(m->batches, m->nbatches + 64, sizeof(*more));

			if (more == NULL) {
				free(batch);
				return vf_error_nomem(&m->run->err);
			}
			m->batches = more;
		}
		s->user = m->batches[m->nbatches++] = batch;
	}
	vf_sfmc_batch_clear(&batch->text);
	batch->refused = 0;
	batch->expired = false;
	batch->request_id[0] = '\0';
	return 0;
}

/* Fills the batch from the input as far as that does not wait; 1: it has jobs, 0: the input ended, 2: none yet. */
static int
fill(struct mailer *m, struct batch *batch)
{
	struct vf_error *err = &m->run->err;

	while (!vf_sfmc_batch_full(&batch->text, m->opt->batch)) {
		int rc;

		while (m->row < m->nrows && !vf_sfmc_batch_full(&batch->text, m->opt->batch)) {
			rc = take_row(m, batch, &m->rows[m->row]);
			if (rc != 0)
				return rc;
			m->row++;
		}
		if (m->row < m->nrows)
			break;
		if (m->ended)
			return batch->text.n > 0;
		rc = vf_lines_wait(m->run->lines, 0, err);
		if (rc <= 0)
			return rc < 0 ? -1 : batch->text.n > 0 ? 1 : 2;
		m->row = 0;
		m->nrows = vf_lines_batch(m->run->lines, &m->rows, err);
		if (m->nrows < 0)
			return -1;
		m->ended = m->nrows == 0;
	}
	return 1;
}

/* 0, or -1 with the error filled. */
static int
take_single(struct mailer *m, struct batch *batch)
{
	struct single *one = m->singles;
	int rc;

	m->singles = one->next;
	if (m->singles == NULL)
		m->last_single = &m->singles;
	batch->job[0] = one->job;
	rc = vf_sfmc_batch_copy(&batch->text, vf_slice(one->text, one->head_n), vf_slice(one->text + one->head_n, one->recipient_n),
		one->key_n);
	free(one);
	return rc < 0 ? vf_error_nomem(&m->run->err) : 0;
}

static int
source(void *arg, struct vf_send *s, int *fd, struct vf_error *err)
{
	struct mailer *m = arg;
	struct batch *batch;
	int rc = 1;

	if (make_batch(m, s) < 0)
		return -1;
	batch = s->user;
	if (m->singles == NULL)
		rc = fill(m, batch);
	else if (take_single(m, batch) < 0)
		return -1;
	if (rc == 2) {
		*fd = vf_lines_fd(m->run->lines);
		return VF_SEND_LATER;
	}
	/* At the end of the input a request under way may still come back to be split. */
	if (rc <= 0)
		return rc == 0 && m->given > 0 ? VF_SEND_LATER : rc;
	if (vf_sfmc_batch_put(&s->text, &batch->text, vf_slice_str(m->opt->definition)) < 0)
		return vf_error_nomem(err);
	s->call.body = vf_buf_slice(&s->text);
	s->weight = (uint32_t)batch->text.n;
	m->given++;
	return 1;
}

/* The token, and the last look at the clock. */
static int
before_start(void *arg, struct vf_send *s, struct vf_error *err)
{
	struct mailer *m = arg;
	struct batch *batch = s->user;
	int64_t now = now_ms();

	for (size_t i = 0; i < batch->text.n; i++)
		batch->expired |= batch->job[i].visible_ms > 0 && now >= batch->job[i].visible_ms;
	if (batch->expired)
		return 1;
	if (sfmc_token_ready(&m->token, m->http, err) < 0)
		return -1;
	vf_buf_clear(&m->url);
	vf_buf_addf(&m->url, "%s/messaging/v1/email/messages/", m->token.rest.p);
	if (vf_buf_terminate(&m->url) < 0)
		return vf_error_nomem(err);
	batch->token = m->token.number;
	s->call.url = m->url.p;
	s->call.headers[0] = m->token.header.p;
	s->call.headers[1] = "Content-Type: application/json";
	return 0;
}

static int
idle(void *arg, struct vf_error *err)
{
	struct mailer *m = arg;

	return vf_lines_flush(m->out, err);
}

static int
start(struct mailer *m)
{
	const struct options *opt = m->opt;
	struct vf_error *err = &m->run->err;

	m->waves = calloc(WAVES_MAX, sizeof(struct wave *));
	if (m->waves == NULL)
		return vf_error_nomem(err);
	if (sfmc_token_init(&m->token, opt->auth_url, opt->rest_url, opt->secret_file, err) < 0)
		return -1;
	m->http = vf_http_new(&(struct vf_http_options){ .connections = (unsigned)opt->concurrency + 1,
		.total_ms = opt->timeout, .answer_max = (size_t)1 << 20, .ca_file = opt->ca_file, .stopping = vf_stopping }, err);
	if (m->http == NULL)
		return -1;
	m->out = vf_output_lines(m->run, NULL, VF_FILE_PRIVATE);
	if (m->out == NULL)
		return -1;
	m->sender = vf_sender_new(&(struct vf_sender_options){ .http = m->http, .concurrency = (unsigned)opt->concurrency,
		.rate = (double)opt->rate, .retries = (unsigned)opt->retries, .stop_after = opt->stop_after,
		.idempotent = true,	/* the service takes a messageKey once in 72 hours */
		.arg = m, .source = source, .start = before_start, .judge = judge, .result = result, .idle = idle,
		.stopping = vf_stopping }, err);
	return m->sender == NULL ? -1 : 0;
}

static void
finish(struct mailer *m)
{
	for (size_t i = 0; i < m->nwaves; i++)
		free(m->waves[i]);
	free(m->waves);
	while (m->singles != NULL) {
		struct single *one = m->singles;

		m->singles = one->next;
		free(one);
	}
	vf_sender_free(m->sender);
	for (size_t i = 0; i < m->nbatches; i++) {
		vf_sfmc_batch_free(&m->batches[i]->text);
		free(m->batches[i]);
	}
	free(m->batches);
	vf_http_free(m->http);
	sfmc_token_free(&m->token);
	vf_buf_free(&m->url);
	vf_buf_free(&m->line);
}

/* The run ends before its time: whoever was read and not given to the sender has a line too. */
static void
leave_rest(struct mailer *m)
{
	static const struct vf_send nothing;
	static struct batch last;
	struct vf_error why = m->run->err;
	int rc = 0;

	while (rc == 0 && (m->singles != NULL || m->row < m->nrows)) {
		vf_sfmc_batch_clear(&last.text);
		rc = m->singles != NULL ? take_single(m, &last) : take_row(m, &last, &m->rows[m->row++]);
		if (rc < 0 || last.text.n == 0)
			continue;
		last.job[0].status = VF_DELIVERY_UNSENT;
		last.job[0].detail = "stopped";
		rc = put_result(m, &nothing, &last, 0);
	}
	vf_sfmc_batch_free(&last.text);
	if (rc == 0)
		vf_lines_flush(m->out, &m->run->err);
	m->run->err = why;
}

static int
run_sfmc(struct vf_run *run)
{
	static struct mailer m;
	int rc;

	m = (struct mailer){ .run = run, .opt = run->options };
	m.last_single = &m.singles;
	rc = start(&m);
	if (rc == 0)
		rc = vf_sender_run(m.sender, &run->err);
	if (rc < 0 && m.out != NULL)
		leave_rest(&m);
	put_stats(&m);
	finish(&m);
	if (rc < 0 && run->err.kind == VF_ERR_STOPPED)
		return vf_stopped(run);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-sfmc",
	.purpose = "Send e-mail jobs through Marketing Cloud, and say what became of each.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_NDJSON | VF_WANT_OUTPUT,
	.reasons = reasons,
	.check_lines = check,
	.run = run_sfmc,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
