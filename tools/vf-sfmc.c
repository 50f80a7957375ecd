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
#include "frame.h"
#include "net/sender.h"
#include "sfmc-token.h"

#define BATCH_MAX 500			/* recipients with attributes that the service takes at once */
#define BODY_MAX ((size_t)2 << 20)	/* bytes of a request beyond which no further recipient is added */
#define KEY_MAX 100			/* of a messageKey */
#define WAVES_MAX 256			/* that a stats line tells apart */

struct options {
	const char *definition, *auth_url, *rest_url, *secret_file, *ca_file;
	uint64_t batch, concurrency, rate, timeout, retries, stop_after;
};

static const struct options defaults = { .batch = BATCH_MAX, .concurrency = 4, .timeout = 30000, .retries = 5, .stop_after = 20 };

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

/* Members of a job, and of the message around it. */
enum { JOB, CAMPAIGN, CAMPAIGN_NAME, WAVE, WAVE_DATE, USER, TO, SUBJECT, HTML, TEXT, CODE, BODY, RECEIPT, VISIBLE, MEMBERS };
static const struct vf_slice members[MEMBERS] = {
	VF_SLICE("jobId"), VF_SLICE("campaignId"), VF_SLICE("campaignName"), VF_SLICE("waveId"), VF_SLICE("waveDate"),
	VF_SLICE("globalUserId"), VF_SLICE("to"), VF_SLICE("subject"), VF_SLICE("html"), VF_SLICE("text"), VF_SLICE("code"),
	VF_SLICE("body"), VF_SLICE("receiptHandle"), VF_SLICE("visibleUntil"),
};
/* What the message's template may use. */
static const struct attribute {
	const char *name;
	int member;
} attributes[] = {
	{ "HTMLBody", HTML }, { "Subject", SUBJECT }, { "TextBody", TEXT }, { "Code", CODE }, { "CampaignId", CAMPAIGN },
	{ "CampaignName", CAMPAIGN_NAME }, { "WaveId", WAVE }, { "WaveDate", WAVE_DATE },
};

/* Of one message, until its result is written: parts of the batch's buffers, JSON text as it came. */
struct job {
	size_t head, head_n;		/* `"jobId":"…","campaignId":…` */
	size_t key, key_n;		/* the job's id within that, without quotes */
	size_t recipient, recipient_n;	/* its part of the request */
	int64_t visible_ms;		/* 0: for ever */
	struct wave *wave;
	enum vf_delivery_status status;
	const char *detail;		/* a word that lives long, or NULL: the request's */
	uint64_t errorcode;		/* of the recipient */
};

/* What one request carries; stays with the sender's struct. */
struct batch {
	struct job job[BATCH_MAX];
	size_t n;
	struct vf_buf heads, recipients;
	unsigned refused;		/* tokens */
	uint64_t token;			/* which one it went with */
	bool expired;
	char request_id[64];
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

	lines->members = members;
	lines->nmembers = MEMBERS;
	if (opt->definition == NULL || opt->definition[0] == '\0')
		return vf_error(&run->err, VF_ERR_CONFIG, "--definition KEY is needed");
	if (opt->batch == 0 || opt->batch > BATCH_MAX)
		return vf_error(&run->err, VF_ERR_CONFIG, "--batch: 1 to %d", BATCH_MAX);
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

	plain(campaign, sizeof(campaign), &job[CAMPAIGN]);
	plain(name, sizeof(name), &job[WAVE]);
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
put_result(struct mailer *m, const struct vf_send *s, const struct batch *batch, const struct job *j)
{
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
	vf_buf_add(b, batch->heads.p + j->head, j->head_n);
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
	struct vf_slice keys[BATCH_MAX];
	uint64_t refused[BATCH_MAX];
	bool good;

	for (size_t i = 0; i < batch->n; i++)
		keys[i] = vf_slice(batch->heads.p + batch->job[i].key, batch->job[i].key_n);
	good = vf_sfmc_answer_read(answer, keys, batch->n, refused, batch->request_id);
	for (size_t i = 0; i < batch->n; i++) {
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
	if (code == VF_SFMC_DUPLICATE && batch->n == 1)
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
	for (size_t i = 0; i < batch->n; i++) {
		const struct job *j = &batch->job[i];
		struct single *one = malloc(sizeof(*one) + j->head_n + j->recipient_n);

		if (one == NULL)
			return vf_error_nomem(&m->run->err);
		one->next = NULL;
		one->job = *j;
		memcpy(one->text, batch->heads.p + j->head, j->head_n);
		memcpy(one->text + j->head_n, batch->recipients.p + j->recipient, j->recipient_n);
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
	if (s->outcome == VF_SEND_REFUSED && batch->n > 1 && s->call.status == 400)
		return split(m, batch);
	for (size_t i = 0; i < batch->n; i++) {
		struct job *j = &batch->job[i];

		if (s->outcome != VF_SEND_SENT || j->errorcode == 0)
			j->status = of[s->outcome];
		if (s->outcome == VF_SEND_HELD) {
			j->status = batch->expired ? VF_DELIVERY_EXPIRED : VF_DELIVERY_UNSENT;
			j->detail = batch->expired ? "past-visibility" : "stopped";
		}
		if (put_result(m, s, batch, j) < 0)
			return -1;
	}
	return 0;
}

/* Jobs ------------------------------------------------------------------------- */

static bool
is_text(const struct vf_json_value *v)
{
	return v->kind == VF_JSON_STRING && v->raw.n > 0;
}

static void
add_member(struct vf_buf *b, const char *before, const char *name, const struct vf_json_value *v)
{
	vf_buf_addf(b, "%s\"%s\":\"", before, name);
	vf_buf_add_slice(b, v->raw);
	vf_buf_add_char(b, '"');
}

/* A job's result line begins with its ids, and the request has its recipient. */
static int
put_job(struct mailer *m, struct batch *batch, const struct vf_json_value *job, const struct vf_json_value *message)
{
	struct job *j = &batch->job[batch->n];
	struct vf_buf *b = &batch->heads;
	const char *sep = "";

	*j = (struct job){ .head = b->n, .recipient = batch->recipients.n };
	vf_buf_add_str(b, "\"jobId\":\"");
	j->key = b->n;
	j->key_n = job[JOB].raw.n;
	vf_buf_add_slice(b, job[JOB].raw);
	vf_buf_add_char(b, '"');
	for (int i = 0; i < MEMBERS; i++)
		if ((i == CAMPAIGN || i == WAVE || i == USER) && job[i].kind == VF_JSON_STRING)
			add_member(b, ",", members[i].p, &job[i]);
	if (message[RECEIPT].kind == VF_JSON_STRING)
		add_member(b, ",", "receiptHandle", &message[RECEIPT]);
	j->head_n = b->n - j->head;

	b = &batch->recipients;
	add_member(b, "{", "contactKey", &job[USER]);
	add_member(b, ",", "to", &job[TO]);
	add_member(b, ",", "messageKey", &job[JOB]);
	vf_buf_add_str(b, ",\"attributes\":{");
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (job[attributes[i].member].kind == VF_JSON_STRING) {
			add_member(b, sep, attributes[i].name, &job[attributes[i].member]);
			sep = ",";
		}
	vf_buf_add_str(b, "}}");
	j->recipient_n = b->n - j->recipient;
	j->wave = find_wave(m, job);
	if (j->wave == NULL || batch->heads.failed || b->failed)
		return vf_error_nomem(&m->run->err);
	batch->n++;
	return 0;
}

static bool
has_key(const struct batch *batch, struct vf_slice key)
{
	for (size_t i = 0; i < batch->n; i++)
		if (vf_slice_eq(key, vf_slice(batch->heads.p + batch->job[i].key, batch->job[i].key_n)))
			return true;
	return false;
}

/*
 * One line: a job, a message with a job in it, or neither: rejected.  1: its job
 * stands in the batch already, and the service must not get both at once.
 */
static int
take_row(struct mailer *m, struct batch *batch, const struct vf_row *row)
{
	const struct vf_json_value *message, *job;
	struct vf_json_value inner[MEMBERS];
	char text[64];
	int64_t visible = 0;
	struct job *j;

	if (row->reject != 0)
		return vf_reject(m->run, row, row->reject, NULL);
	message = job = vf_lines_members(m->run->lines, row);
	if (message[BODY].kind == VF_JSON_OBJECT) {
		if (!vf_json_pick(message[BODY].raw, members, MEMBERS, inner))
			return vf_reject(m->run, row, BAD_JOB, "body");
		job = inner;
	} else if (message[BODY].kind != VF_JSON_ABSENT) {
		return vf_reject(m->run, row, BAD_JOB, "body");
	}
	for (int i = 0; i < MEMBERS; i++)
		if ((i == JOB || i == USER || i == TO || i == SUBJECT || i == HTML) && !is_text(&job[i]))
			return vf_reject(m->run, row, BAD_JOB, members[i].p);
	if (job[JOB].raw.n > KEY_MAX || job[JOB].escaped)
		return vf_reject(m->run, row, BAD_JOB, "jobId");
	if (message[VISIBLE].kind == VF_JSON_STRING) {
		plain(text, sizeof(text), &message[VISIBLE]);
		if (!vf_date_parse_ms(vf_slice_str(text), &visible))
			return vf_reject(m->run, row, BAD_JOB, "visibleUntil");
	}
	if (has_key(batch, job[JOB].raw))
		return 1;
	if (put_job(m, batch, job, message) < 0)
		return -1;
	j = &batch->job[batch->n - 1];
	j->visible_ms = visible;
	if (visible > 0 && now_ms() >= visible) {
		static const struct vf_send nothing;

		/* Somebody else may have it by now: said so, and not sent. */
		j->status = VF_DELIVERY_EXPIRED;
		j->detail = "past-visibility";
		batch->n--;
		batch->recipients.n = j->recipient;
		if (put_result(m, &nothing, batch, j) < 0)
			return -1;
		batch->heads.n = j->head;
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
		m->batches = m->nbatches % 64 > 0 ? m->batches : reallocarray(m->batches, m->nbatches + 64, sizeof(struct batch *));
		if (m->batches == NULL) {
			free(batch);
			return vf_error_nomem(&m->run->err);
		}
		s->user = m->batches[m->nbatches++] = batch;
	}
	batch->n = 0;
	batch->refused = 0;
	batch->expired = false;
	batch->request_id[0] = '\0';
	vf_buf_clear(&batch->heads);
	vf_buf_clear(&batch->recipients);
	return 0;
}

/* Fills the batch from the input as far as that does not wait; 1: it has jobs, 0: the input ended, 2: none yet. */
static int
fill(struct mailer *m, struct batch *batch)
{
	struct vf_error *err = &m->run->err;

	while (batch->n < m->opt->batch && batch->recipients.n < BODY_MAX) {
		int rc;

		while (m->row < m->nrows && batch->n < m->opt->batch && batch->recipients.n < BODY_MAX) {
			rc = take_row(m, batch, &m->rows[m->row]);
			if (rc != 0)
				return rc;
			m->row++;
		}
		if (m->row < m->nrows)
			break;
		if (m->ended)
			return batch->n > 0;
		rc = vf_lines_wait(m->run->lines, 0, err);
		if (rc <= 0)
			return rc < 0 ? -1 : batch->n > 0 ? 1 : 2;
		m->row = 0;
		m->nrows = vf_lines_batch(m->run->lines, &m->rows, err);
		if (m->nrows < 0)
			return -1;
		m->ended = m->nrows == 0;
	}
	return 1;
}

static void
take_single(struct mailer *m, struct batch *batch)
{
	struct single *one = m->singles;

	m->singles = one->next;
	if (m->singles == NULL)
		m->last_single = &m->singles;
	batch->job[0] = one->job;
	batch->job[0].key -= one->job.head;
	batch->job[0].head = batch->job[0].recipient = 0;
	vf_buf_add(&batch->heads, one->text, one->job.head_n);
	vf_buf_add(&batch->recipients, one->text + one->job.head_n, one->job.recipient_n);
	batch->n = 1;
	free(one);
}

static int
source(void *arg, struct vf_send *s, int *fd, struct vf_error *err)
{
	struct mailer *m = arg;
	struct batch *batch;
	const char *sep = "";
	int rc = 1;

	if (make_batch(m, s) < 0)
		return -1;
	batch = s->user;
	if (m->singles != NULL)
		take_single(m, batch);
	else
		rc = fill(m, batch);
	if (rc == 2) {
		*fd = vf_lines_fd(m->run->lines);
		return VF_SEND_LATER;
	}
	/* At the end of the input a request under way may still come back to be split. */
	if (rc <= 0)
		return rc == 0 && m->given > 0 ? VF_SEND_LATER : rc;
	vf_buf_add_str(&s->text, "{\"definitionKey\":");
	vf_text_add_json(&s->text, vf_slice_str(m->opt->definition));
	vf_buf_add_str(&s->text, ",\"recipients\":[");
	for (size_t i = 0; i < batch->n; i++, sep = ",") {
		vf_buf_add_str(&s->text, sep);
		vf_buf_add(&s->text, batch->recipients.p + batch->job[i].recipient, batch->job[i].recipient_n);
	}
	vf_buf_add_str(&s->text, "]}");
	if (s->text.failed || batch->recipients.failed || batch->heads.failed)
		return vf_error_nomem(err);
	s->call.body = vf_buf_slice(&s->text);
	s->weight = (uint32_t)batch->n;
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

	for (size_t i = 0; i < batch->n; i++)
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
		vf_buf_free(&m->batches[i]->heads);
		vf_buf_free(&m->batches[i]->recipients);
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
		last.n = 0;
		vf_buf_clear(&last.heads);
		vf_buf_clear(&last.recipients);
		if (m->singles != NULL)
			take_single(m, &last);
		else
			rc = take_row(m, &last, &m->rows[m->row++]);
		if (rc < 0 || last.n == 0)
			continue;
		last.job[0].status = VF_DELIVERY_UNSENT;
		last.job[0].detail = "stopped";
		rc = put_result(m, &nothing, &last, &last.job[0]);
	}
	vf_buf_free(&last.heads);
	vf_buf_free(&last.recipients);
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
