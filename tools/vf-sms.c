/* vf-sms -- send the messages of a wave, and say what became of each. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/json-pick.h"
#include "base/keyset.h"
#include "base/text.h"
#include "fan/fan.h"
#include "fan/result.h"
#include "frame.h"
#include "net/journal.h"
#include "net/sender.h"
#include "recipients.h"

#define LOOKS 1024			/* records passed over before answers are looked at again */
#define TOKEN_MAX ((size_t)8 << 10)
#define CONCURRENCY_MAX 10000
#define SPARE_FDS 64			/* besides the connections: files, and what libcurl uses */

struct options {
	const char *url, *template, *journal, *rate_unit, *window, *tz, *token_file, *ca_file;
	struct vf_list suppress;
	uint64_t concurrency, rate, timeout, retries, stop_after, max_segments, lock_wait;
	bool idempotent, retry_failed, dry_run;
};

static const struct vf_option options[] = {
	{ "url", 0, VF_TEXT, offsetof(struct options, url), "URL", "where the SMS service takes messages (needed)" },
	{ "template", 0, VF_PATH, offsetof(struct options, template), "FILE", "the text of the message (needed)" },
	{ "journal", 0, VF_PATH, offsetof(struct options, journal), "FILE",
		"what was sent before, and is sent now: one file a wave (needed)" },
	{ "concurrency", 0, VF_U64, offsetof(struct options, concurrency), "N", "requests under way at once, at most (200)" },
	{ "rate", 0, VF_U64, offsetof(struct options, rate), "N", "starts a second, at most (200); 0: no limit" },
	{ "rate-unit", 0, VF_TEXT, offsetof(struct options, rate_unit), "UNIT",
		"what --rate counts: messages (default) or segments" },
	{ "timeout", 0, VF_DURATION, offsetof(struct options, timeout), "TIME", "for one request, all in all (30s)" },
	{ "retries", 0, VF_U64, offsetof(struct options, retries), "N", "tries after the first (5)" },
	{ "idempotent", 0, VF_FLAG, offsetof(struct options, idempotent), NULL,
		"the service takes a key once: send again what is unknown" },
	{ "retry-failed", 0, VF_FLAG, offsetof(struct options, retry_failed), NULL,
		"send again what an earlier run was refused for good" },
	{ "window", 0, VF_TEXT, offsetof(struct options, window), "HH:MM-HH:MM",
		"send at these hours of the recipient only, defer the others" },
	{ "tz", 0, VF_TEXT, offsetof(struct options, tz), "ZONE", "time zone of fans whose market has none" },
	{ "suppress", 0, VF_LIST, offsetof(struct options, suppress), "FILE",
		"who opted out: phones and ids, one a line (repeatable)" },
	{ "stop-after", 0, VF_U64, offsetof(struct options, stop_after), "N",
		"give up after so many failures in a row (200); 0: never" },
	{ "max-segments", 0, VF_U64, offsetof(struct options, max_segments), "N",
		"refuse to start when a message has more parts" },
	{ "token-file", 0, VF_PATH, offsetof(struct options, token_file), "FILE", "bearer token for the service" },
	{ "ca-file", 0, VF_PATH, offsetof(struct options, ca_file), "FILE", "authorities to trust (PEM), instead of the system's" },
	{ "lock-wait", 0, VF_DURATION, offsetof(struct options, lock_wait), "TIME", "wait at most so long for the journal (60s)" },
	{ "dry-run", 0, VF_FLAG, offsetof(struct options, dry_run), NULL, "send nothing: print the messages" },
	{ 0 },
};

static const struct options defaults = {
	.concurrency = 200, .rate = 200, .timeout = 30000, .retries = 5, .stop_after = 200, .lock_wait = 60000,
};
enum { MISSING_USER = VF_REJECT_TOOL };
static const char *const reasons[] = { "missing-user", NULL };

/* What the journal knows of a message; AGAIN: it was not acted on, the next run sends it. */
enum { SENT, FAILED, AGAIN, UNKNOWN };
static const struct vf_journal_status journal_statuses[] = {
	{ "sent", true }, { "failed", false }, { "again", false }, { "unknown", false }, { NULL, false },
};

/* A message under way: what its result line needs. */
struct job {
	char fan[VF_JOURNAL_KEY_MAX];
	size_t nfan;
	uint64_t prior;			/* tries of earlier runs */
	uint32_t segments;
	const struct vf_zone *zone;
	bool intended;			/* the journal has its intent */
	bool outside;			/* its window had closed when its turn came */
	struct vf_slice message_id;	/* in the answer, or in id */
	struct vf_buf id;
};

struct wave {
	struct vf_run *run;
	const struct options *opt;
	struct vf_recipients to;
	struct vf_template *template;
	struct vf_hours hours;
	bool by_segments;
	struct vf_buf wave_id;		/* of the journal, and so of all messages */
	struct vf_journal *journal;
	struct vf_keyset *seen;		/* without a journal */
	struct vf_http *http;
	struct vf_sender *sender;
	struct job *jobs;
	size_t njobs, jobs_max;
	struct vf_file *out;
	struct vf_buf token, line, body, tail;	/* tail: of the request, the same for a wave */
	struct vf_delivery delivery;
	uint64_t known, unknown, again;	/* results out of the journal; left to look after, and to send */
	int64_t next_window;		/* the first time at which a deferred message may go; 0: none is */

	/* The batch at hand: ask[i] is about row i when it is to be asked. */
	const struct vf_row *rows;
	int n, at;
	struct vf_journal_ask asks[VF_BATCH_MAX];
	int16_t ask_of[VF_BATCH_MAX];	/* -1: none */
};

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;
	struct vf_error *err = &run->err;
	struct vf_hours hours;

	if (opt->template == NULL)
		return vf_error(err, VF_ERR_CONFIG, "--template FILE is needed");
	if (!opt->dry_run && (opt->url == NULL || opt->journal == NULL))
		return vf_error(err, VF_ERR_CONFIG, "%s is needed", opt->url == NULL ? "--url URL" : "--journal FILE");
	if (opt->url != NULL && vf_http_check_url(opt->url, "--url", err) < 0)
		return -1;
	if (opt->rate_unit != NULL && strcmp(opt->rate_unit, "messages") != 0 && strcmp(opt->rate_unit, "segments") != 0)
		return vf_error(err, VF_ERR_CONFIG, "--rate-unit: messages or segments");
	if (opt->concurrency == 0 || opt->concurrency > CONCURRENCY_MAX)
		return vf_error(err, VF_ERR_CONFIG, "--concurrency: from 1 to %d", CONCURRENCY_MAX);
	if (opt->rate > 1000000 || opt->retries > 1000)
		return vf_error(err, VF_ERR_CONFIG, opt->retries > 1000 ? "--retries: at most 1000" : "--rate: at most 1000000");
	if (opt->timeout == 0)
		return vf_error(err, VF_ERR_CONFIG, "--timeout: more than nothing");
	if (opt->window != NULL && !vf_hours_parse(vf_slice_str(opt->window), &hours))
		return vf_error(err, VF_ERR_CONFIG, "--window: not hours of a day (08:00-21:00)");
	in->no_wait = !opt->dry_run;
	in->rewindable = opt->max_segments > 0;
	return 0;
}

/* Results */

static int
put_line(struct wave *w, struct vf_slice line)
{
	struct vf_error *err = &w->run->err;

	return vf_file_write(w->out, line.p, line.n, err) < 0 ? -1 : vf_file_write(w->out, "\n", 1, err);
}

/* Counts a result; the detail of one that was sent is no cause. */
static void
count(struct wave *w, const struct vf_result *r, int64_t finished_ms, bool known)
{
	char cause[VF_DELIVERY_CAUSE_LEN + 1];

	snprintf(cause, sizeof(cause), "%.*s", (int)r->detail.n, r->detail.p);
	vf_delivery_add(&w->delivery, &(struct vf_delivery_event){ .status = r->status,
		.cause = cause[0] != '\0' ? cause : NULL, .http_status = r->http_status, .attempts = (unsigned)r->attempts,
		.segments = r->segments, .latency_us = r->us, .finished_ms = finished_ms, .known = known });
	if (r->status == VF_DELIVERY_DEFERRED)
		w->run->held++;
	else
		w->run->out_count++;
	w->unknown += r->status == VF_DELIVERY_UNKNOWN;
}

/* Adds the message itself, in a dry run: its encoding, and its text on one line. */
static void
add_message(struct vf_buf *b, const struct vf_buf *body, const struct vf_sms_size *size)
{
	struct vf_buf text = { 0 };

	vf_buf_add_char(b, ',');
	if (size != NULL) {
		vf_buf_add_str(b, vf_sms_encoding_names[size->encoding]);
		if (vf_text_add_escaped(&text, vf_buf_slice(body)) < 0)
			b->failed = true;
	}
	vf_buf_add_char(b, ',');
	vf_text_add_csv(b, vf_buf_slice(&text));
	vf_buf_free(&text);
}

/* A result without a request, or of a dry run. */
static int
settle(struct wave *w, struct vf_slice fan, enum vf_delivery_status status, const char *detail, uint64_t attempts,
	const struct vf_sms_size *size)
{
	struct vf_result r = { .fan = fan, .status = status, .attempts = attempts, .detail = vf_slice_str(detail),
		.segments = size != NULL ? size->segments : 0 };

	vf_buf_clear(&w->line);
	vf_result_put(&w->line, &r);
	if (w->opt->dry_run)
		add_message(&w->line, &w->body, size);
	if (w->line.failed)
		return vf_error_nomem(&w->run->err);
	count(w, &r, 0, false);
	return put_line(w, vf_buf_slice(&w->line));
}

/* The line that the journal has: it goes out as it is. */
static int
settle_known(struct wave *w, const struct vf_journal_ask *ask, struct vf_slice line)
{
	struct vf_result r;

	if (!vf_result_get(line, &r) || !vf_slice_eq(r.fan, ask->key))
		return vf_error(&w->run->err, VF_ERR_CONFIG, "%s: a line of it is no result of this tool", w->opt->journal);
	w->known++;
	count(w, &r, r.finished * 1000, true);
	return put_line(w, line);
}

/* What an earlier run left: 1 when that settles it, 0 when it is to be sent after *prior tries, -1. */
static int
settle_earlier(struct wave *w, const struct vf_journal_ask *ask, uint64_t *prior)
{
	struct vf_slice line;
	struct vf_result r;

	if (ask->standing == VF_JOURNAL_NONE)
		return 0;
	if (ask->standing == VF_JOURNAL_INTENT) {
		/* It may have left, and the run that sent it was killed. */
		*prior = 1;
		if (w->opt->idempotent)
			return 0;
		w->known++;
		return settle(w, ask->key, VF_DELIVERY_UNKNOWN, "interrupted", 1, NULL) < 0 ? -1 : 1;
	}
	if (vf_journal_payload(w->journal, ask->where, ask->key, &line, &w->run->err) < 0)
		return -1;
	if (ask->standing == SENT || (ask->standing == FAILED && !w->opt->retry_failed) ||
		(ask->standing == UNKNOWN && !w->opt->idempotent))
		return settle_known(w, ask, line) < 0 ? -1 : 1;
	*prior = vf_result_get(line, &r) ? r.attempts : 0;
	return 0;
}

/* The service's own id of the message, in its answer. */
static bool
pick_message_id(struct job *job, struct vf_slice answer)
{
	static const struct vf_slice name = VF_SLICE("messageId");
	struct vf_json_value v;

	job->message_id = vf_slice("", 0);
	if (!vf_text_utf8(answer) || !vf_json_pick(answer, &name, 1, &v))
		return false;
	vf_buf_clear(&job->id);
	if (v.kind == VF_JSON_NUMBER)
		job->message_id = v.raw;
	else if (v.kind != VF_JSON_STRING || vf_json_pick_text(&v, &job->id, &job->message_id) < 1)
		return false;
	return job->message_id.n > 0;
}

/* A 2xx without the id that the contract promises is no answer of this service. */
static enum vf_send_verdict
judge(void *arg, struct vf_send *s)
{
	enum vf_send_verdict verdict = vf_send_judge(s);
	struct job *job = s->user;
	bool named = s->call.fault == VF_HTTP_OK && pick_message_id(job, vf_buf_slice(&s->call.answer));

	(void)arg;
	if (verdict != VF_SEND_DONE) {
		job->message_id.n = 0;
	} else if (s->call.status <= 299 && !named) {
		snprintf(s->detail, sizeof(s->detail), "bad-answer");
		return VF_SEND_UNSURE;
	}
	return verdict;
}

static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
note_deferred(struct wave *w, const struct vf_zone *zone)
{
	int64_t next = vf_hours_next(&w->hours, zone, vf_date_now());

	if (w->next_window == 0 || next < w->next_window)
		w->next_window = next;
}

static int
result(void *arg, struct vf_send *s, struct vf_error *err)
{
	static const struct { enum vf_delivery_status status; int journal; } of[] = {
		[VF_SEND_SENT] = { VF_DELIVERY_SENT, SENT }, [VF_SEND_REFUSED] = { VF_DELIVERY_FAILED, FAILED },
		[VF_SEND_EXHAUSTED] = { VF_DELIVERY_FAILED, AGAIN }, [VF_SEND_UNKNOWN] = { VF_DELIVERY_UNKNOWN, UNKNOWN },
		[VF_SEND_HELD] = { VF_DELIVERY_UNSENT, AGAIN },
	};
	struct wave *w = arg;
	struct job *job = s->user;
	bool held = s->outcome == VF_SEND_HELD, asked = s->attempts > 0;
	int64_t now = wall_ms();
	struct vf_result r = { .fan = vf_slice(job->fan, job->nfan), .status = of[s->outcome].status,
		.attempts = job->prior + s->attempts, .http_status = asked ? s->call.status : 0, .message_id = job->message_id,
		.segments = job->segments, .finished = asked ? now / 1000 : 0, .detail = vf_slice_str(s->detail) };

	if (asked && s->call.ended_ns > s->call.started_ns)
		r.us = (s->call.ended_ns - s->call.started_ns) / 1000;
	if (held && job->outside) {
		r.status = VF_DELIVERY_DEFERRED;
		note_deferred(w, job->zone);
	}
	w->again += s->outcome == VF_SEND_EXHAUSTED;
	vf_buf_clear(&w->line);
	vf_result_put(&w->line, &r);
	if (w->line.failed)
		return vf_error_nomem(err);
	/* The journal's line goes to the disk with the next group; until then the intent there says `unknown'. */
	if (job->intended && vf_journal_outcome(w->journal, r.fan, of[s->outcome].journal, vf_buf_slice(&w->line), err) < 0)
		return -1;
	count(w, &r, asked ? now : 0, false);
	if (put_line(w, vf_buf_slice(&w->line)) == 0)
		return 0;
	*err = w->run->err;
	return -1;
}

/* Sending */

static int
prepare(void *arg, struct vf_send *const *sends, size_t n, struct vf_error *err)
{
	struct wave *w = arg;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		struct job *job = sends[i]->user;

		if (sends[i]->attempts > 0)
			continue;
		if (vf_journal_intent(w->journal, vf_slice(job->fan, job->nfan), err) < 0)
			return -1;
		job->intended = any = true;
	}
	return any ? vf_journal_sync(w->journal, err) : 0;
}

/* The last look at the clock before it leaves: a pause may have been long. */
static int
before_start(void *arg, struct vf_send *s, struct vf_error *err)
{
	struct wave *w = arg;
	struct job *job = s->user;

	(void)err;
	if (w->opt->window == NULL || vf_hours_open(&w->hours, job->zone, vf_date_now()))
		return 0;
	job->outside = true;
	snprintf(s->detail, sizeof(s->detail), "window");
	return 1;
}

static int
idle(void *arg, struct vf_error *err)
{
	struct wave *w = arg;

	if (w->journal != NULL && vf_journal_dirty(w->journal) && vf_journal_sync(w->journal, err) < 0)
		return -1;
	return vf_file_flush(w->out, err);
}

static int
set_tail(struct wave *w, const struct vf_recipient *rec)
{
	struct vf_buf *b = &w->tail;

	vf_buf_clear(b);
	vf_buf_add_str(b, ",\"campaignId\":");
	vf_text_add_json(b, vf_slice_str(w->run->campaign->id));
	vf_buf_add_str(b, ",\"campaignName\":");
	vf_text_add_json(b, w->to.campaign_name);
	vf_buf_add_str(b, ",\"waveId\":");
	vf_text_add_json(b, rec->wave);
	vf_buf_addf(b, ",\"waveDate\":\"%s\"", rec->notify_text);
	return b->failed ? vf_error_nomem(&w->run->err) : 0;
}

/* The request of a message whose text is in ->body. */
static int
fill(struct wave *w, const struct vf_recipient *rec, const struct vf_sms_size *size, uint64_t prior, struct vf_send *s)
{
	struct vf_buf *b = &s->text;
	struct job *job = s->user;
	size_t body;

	if (job == NULL)
		s->user = job = &w->jobs[w->njobs++];
	vf_buf_add_str(b, "{\"to\":");
	vf_text_add_json(b, rec->to);
	vf_buf_add_str(b, ",\"body\":");
	vf_text_add_json(b, vf_buf_slice(&w->body));
	vf_buf_add_slice(b, vf_buf_slice(&w->tail));
	if (rec->code.n > 0) {
		vf_buf_add_str(b, ",\"code\":");
		vf_text_add_json(b, rec->code);
	}
	vf_buf_add_str(b, ",\"clientReference\":\"");
	vf_buf_add(b, rec->key, VF_MESSAGE_ID_HEX);
	vf_buf_add(b, "\"}", 2);
	body = b->n;
	vf_buf_add_str(b, "Idempotency-Key: ");
	vf_buf_add(b, rec->key, VF_MESSAGE_ID_HEX + 1);
	if (b->failed)
		return vf_error_nomem(&w->run->err);
	s->call.url = w->opt->url;
	s->call.body = vf_slice(b->p, body);
	s->call.headers[0] = b->p + body;
	s->weight = w->by_segments ? size->segments : 1;
	*job = (struct job){ .nfan = rec->id.n, .prior = prior, .segments = size->segments, .zone = rec->zone, .id = job->id };
	memcpy(job->fan, rec->id.p, rec->id.n);
	return 1;
}

static int
render(struct wave *w, struct vf_sms_size *size)
{
	vf_buf_clear(&w->body);
	if (vf_template_render(w->template, w->to.values, &w->body) < 0)
		return vf_error(&w->run->err, VF_ERR_FAILED, "%s: a message over 1 MiB", w->opt->template);
	*size = vf_sms_measure(vf_buf_slice(&w->body));
	return 0;
}

/* One record: 1 when *s is to be sent, 0 when it is settled, -1. */
static int
take(struct wave *w, const struct vf_row *row, const struct vf_journal_ask *ask, bool again, struct vf_send *s)
{
	struct vf_recipient rec;
	struct vf_sms_size size;
	uint64_t prior = 0;
	int rc;

	if (row->reject != 0)
		return vf_reject(w->run, row, row->reject, NULL);
	vf_recipient_read(&w->to, row, &rec);
	if (rec.fault == VF_RECIPIENT_MISSING_USER)
		return vf_reject(w->run, row, MISSING_USER, NULL);
	if ((rec.new_wave || w->tail.n == 0) && rec.fault != VF_RECIPIENT_NO_WAVE && set_tail(w, &rec) < 0)
		return -1;
	if (again)
		return settle(w, rec.id, VF_DELIVERY_FAILED, "duplicate-fan", 0, NULL);
	if (ask != NULL && (rc = settle_earlier(w, ask, &prior)) != 0)
		return rc < 0 ? -1 : 0;
	if (rec.fault == VF_RECIPIENT_SUPPRESSED)
		return settle(w, rec.id, VF_DELIVERY_SUPPRESSED, "opt-out", prior, NULL);
	if (rec.fault != VF_RECIPIENT_OK)
		return settle(w, rec.id, VF_DELIVERY_FAILED, vf_recipient_fault_word(rec.fault), prior, NULL);
	if (!vf_slice_eq(rec.wave, vf_buf_slice(&w->wave_id)))
		return settle(w, rec.id, VF_DELIVERY_FAILED, "other-wave", prior, NULL);
	if (w->opt->window != NULL && !rec.has_zone)
		return settle(w, rec.id, VF_DELIVERY_FAILED, "no-timezone", prior, NULL);
	if (render(w, &size) < 0)
		return -1;
	if (w->opt->window != NULL && !vf_hours_open(&w->hours, rec.zone, vf_date_now())) {
		note_deferred(w, rec.zone);
		return settle(w, rec.id, VF_DELIVERY_DEFERRED, "window", prior, &size);
	}
	if (w->opt->dry_run)
		return settle(w, rec.id, VF_DELIVERY_DRY_RUN, "", prior, &size);
	return fill(w, &rec, &size, prior, s);
}

static struct vf_slice
column(const struct vf_row *row, int i)
{
	return row->reject == 0 && i >= 0 ? vf_slice_trim(vf_row_value(row, i)) : vf_slice("", 0);
}

/* The wave that all messages are of: --wave, or that of the first record which has one. */
static int
find_wave(struct wave *w)
{
	struct vf_slice id = { "", 0 };

	if (w->run->wave != NULL)
		id = vf_slice_str(w->run->wave);
	for (int i = 0; id.n == 0 && i < w->n; i++)
		id = column(&w->rows[i], w->to.wave);
	if (id.n == 0)
		return 0;
	if (vf_buf_add_slice(&w->wave_id, id) < 0 || vf_buf_terminate(&w->wave_id) < 0)
		return vf_error_nomem(&w->run->err);
	vf_stat_ids(w->run, w->run->campaign->id, w->wave_id.p);
	return 0;
}

static int
open_journal(struct wave *w)
{
	const struct vf_journal_options o = {
		.path = w->opt->journal, .campaign = vf_slice_str(w->run->campaign->id),
		.wave = vf_buf_slice(&w->wave_id), .channel = VF_SLICE("sms"), .statuses = journal_statuses,
		.wait_ms = w->opt->lock_wait,
	};
	uint64_t cut;

	w->journal = vf_journal_open(&o, &cut, &w->run->err);
	if (w->journal != NULL && cut > 0)
		vf_note(w->run, "%s: a last line of %" PRIu64 " bytes was torn, and is cut off", o.path, cut);
	return w->journal == NULL ? -1 : 0;
}

/* Which ids of the batch were there before, in this run or an earlier one. */
static int
ask_batch(struct wave *w)
{
	size_t n = 0;

	for (int i = 0; i < w->n; i++) {
		struct vf_slice id = column(&w->rows[i], w->to.id);

		w->ask_of[i] = -1;
		if (!vf_fan_id_ok(id))
			continue;
		w->ask_of[i] = (int16_t)n;
		w->asks[n++] = (struct vf_journal_ask){ .key = id, .standing = VF_JOURNAL_NONE };
	}
	if (w->journal != NULL)
		return vf_journal_ask(w->journal, w->asks, n, &w->run->err);
	for (size_t i = 0; i < n; i++) {
		struct vf_key key = vf_keyset_key(w->seen, w->asks[i].key);
		unsigned char fresh;

		if (vf_keyset_add(w->seen, &key, 1, &fresh, NULL, &w->run->err) < 0)
			return -1;
		w->asks[i].again = !fresh;
	}
	return 0;
}

/* As vf_in_batch(). */
static int
next_batch(struct wave *w)
{
	w->at = 0;
	w->n = 0;
	w->n = vf_in_batch(w->run->in, &w->rows, &w->run->err);
	if (w->n <= 0) {
		int rc = w->n;

		w->n = 0;
		return rc;
	}
	if (w->wave_id.n == 0 && find_wave(w) < 0)
		return -1;
	if (!w->opt->dry_run && w->journal == NULL && w->wave_id.n > 0 && open_journal(w) < 0)
		return -1;
	return ask_batch(w) < 0 ? -1 : 1;
}

static int
take_next(struct wave *w, struct vf_send *s)
{
	int i = w->at++, k = w->ask_of[i];

	return take(w, &w->rows[i], k >= 0 ? &w->asks[k] : NULL, k >= 0 && w->asks[k].again, s);
}

static int
source(void *arg, struct vf_send *s, int *fd, struct vf_error *err)
{
	struct wave *w = arg;
	int rc;

	for (int looks = 0; looks < LOOKS; looks++) {
		if (w->at == w->n) {
			rc = next_batch(w);
			if (rc == VF_IN_LATER) {
				*fd = vf_in_fd(w->run->in);
				return VF_SEND_LATER;
			}
			if (rc == 0)
				return 0;
			if (rc < 0)
				goto failed;
		}
		rc = take_next(w, s);
		if (rc < 0)
			goto failed;
		if (rc > 0)
			return 1;
	}
	*fd = VF_SEND_SOON;
	return VF_SEND_LATER;
failed:
	*err = w->run->err;
	return -1;
}

/* The run */

/* No message is sent when one would cost more than was said. */
static int
check_segments(struct wave *w)
{
	struct vf_run *run = w->run;
	const struct vf_row *rows;
	int n;

	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		for (int i = 0; i < n; i++) {
			struct vf_recipient rec;
			struct vf_sms_size size;

			if (rows[i].reject != 0)
				continue;
			vf_recipient_read(&w->to, &rows[i], &rec);
			if (rec.fault != VF_RECIPIENT_OK)
				continue;
			if (render(w, &size) < 0)
				return -1;
			if (size.segments > w->opt->max_segments)
				return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": a message of %" PRIu32
					" segments (%s): more than --max-segments %" PRIu64, vf_in_name(run->in, rows[i].file),
					rows[i].lineno, size.segments, vf_sms_encoding_names[size.encoding], w->opt->max_segments);
		}
		if (vf_stopping())
			return vf_stopped(run);
	}
	return n < 0 ? -1 : vf_in_rewind(run->in, &run->err);
}

/* A window without a time zone would be somebody else's hours. */
static int
check_zones(const struct wave *w)
{
	const struct vf_campaign *c = w->run->campaign;

	if (w->opt->window == NULL || w->opt->tz != NULL)
		return 0;
	if (w->to.market < 0 || c->nmarkets == 0)
		return vf_error(&w->run->err, VF_ERR_CONFIG, "--window: --tz ZONE is needed where there are no markets");
	for (size_t i = 0; i < c->nmarkets; i++)
		if (c->markets[i].timezone == NULL)
			return vf_error(&w->run->err, VF_ERR_CONFIG,
				"--window: --tz ZONE is needed: market %s of the configuration has no timezone", c->markets[i].id);
	return 0;
}

/* `Authorization: Bearer …`, or nothing. */
static int
read_token(struct wave *w)
{
	struct vf_error *err = &w->run->err;
	struct vf_buf text = { 0 };
	const char *from = "VF_SMS_TOKEN";
	struct vf_slice token = { "", 0 };
	int rc = 0;

	if (w->opt->token_file != NULL) {
		from = w->opt->token_file;
		rc = vf_file_slurp(from, TOKEN_MAX, &text, err);
		if (rc < 0)
			err->kind = VF_ERR_CONFIG;
		token = vf_buf_slice(&text);
		while (token.n > 0 && (token.p[token.n - 1] == '\n' || token.p[token.n - 1] == '\r'))
			token.n--;
	} else if (vf_env(from) != NULL) {
		token = vf_slice_str(vf_env(from));
	}
	for (size_t i = 0; rc == 0 && i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] > '~')
			rc = vf_error(err, VF_ERR_CONFIG, "%s: not a token: one line of printable ASCII without blanks", from);
	if (rc == 0 && w->opt->token_file != NULL && token.n == 0)
		rc = vf_error(err, VF_ERR_CONFIG, "%s: empty", from);
	if (rc == 0 && token.n > 0 && (vf_buf_add_str(&w->token, "Authorization: Bearer ") < 0 ||
		vf_buf_add_slice(&w->token, token) < 0 || vf_buf_terminate(&w->token) < 0))
		rc = vf_error_nomem(err);
	vf_buf_free(&text);
	return rc;
}

/* A connection each, and some files: the soft limit is raised as far as that needs. */
static int
make_descriptors(const struct wave *w)
{
	rlim_t need = (rlim_t)w->opt->concurrency + SPARE_FDS;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= need)
		return 0;
	r.rlim_cur = r.rlim_max < need ? r.rlim_max : need;
	if (r.rlim_cur < need || setrlimit(RLIMIT_NOFILE, &r) < 0)
		return vf_error(&w->run->err, VF_ERR_CONFIG, "--concurrency %" PRIu64 ": only %ju open files are allowed",
			w->opt->concurrency, (uintmax_t)r.rlim_max);
	return 0;
}

static int
open_service(struct wave *w)
{
	const struct options *opt = w->opt;
	const char *headers[] = { "Content-Type: application/json", "Accept: application/json", NULL, NULL };
	struct vf_error *err = &w->run->err;

	if (read_token(w) < 0 || make_descriptors(w) < 0)
		return -1;
	if (w->token.n > 0)
		headers[2] = w->token.p;
	w->http = vf_http_new(&(struct vf_http_options){ .connections = (unsigned)opt->concurrency, .total_ms = opt->timeout,
		.connect_ms = opt->timeout < 10000 ? opt->timeout : 10000, .ca_file = opt->ca_file, .headers = headers,
		.stopping = vf_stopping }, err);
	if (w->http == NULL)
		return -1;
	w->sender = vf_sender_new(&(struct vf_sender_options){ .http = w->http, .concurrency = (unsigned)opt->concurrency,
		.rate = (double)opt->rate, .retries = (unsigned)opt->retries, .stop_after = opt->stop_after,
		.idempotent = opt->idempotent, .arg = w, .source = source, .prepare = prepare, .start = before_start,
		.judge = judge, .result = result, .idle = idle, .stopping = vf_stopping }, err);
	if (w->sender == NULL)
		return -1;
	w->jobs_max = 4 * (size_t)opt->concurrency;
	w->jobs = calloc(w->jobs_max, sizeof(*w->jobs));
	return w->jobs == NULL ? vf_error_nomem(err) : 0;
}

static int
start(struct wave *w)
{
	struct vf_run *run = w->run;
	const struct options *opt = w->opt;
	const char *header = opt->dry_run ? VF_RESULT_HEADER ",encoding,body\n" : VF_RESULT_HEADER "\n";

	w->body.max = (size_t)1 << 20;
	w->by_segments = opt->rate_unit != NULL && strcmp(opt->rate_unit, "segments") == 0;
	if (opt->window != NULL)
		(void)vf_hours_parse(vf_slice_str(opt->window), &w->hours);
	if (vf_recipients_open(&w->to, run, "sms", &opt->suppress, opt->tz) < 0 || check_zones(w) < 0)
		return -1;
	w->template = vf_recipients_template(&w->to, opt->template, VF_TEMPLATE_CHOMP);
	if (w->template == NULL || (opt->max_segments > 0 && check_segments(w) < 0))
		return -1;
	if (opt->dry_run ? (w->seen = vf_keyset_new(0, 0, &run->err)) == NULL : open_service(w) < 0)
		return -1;
	w->out = vf_output_file(run, run->output, VF_FILE_PRIVATE);
	return w->out == NULL ? -1 : vf_file_write(w->out, header, strlen(header), &run->err);
}

static int
dry_run(struct wave *w)
{
	int rc;

	while ((rc = next_batch(w)) > 0) {
		while (w->at < w->n)
			if (take_next(w, NULL) < 0)
				return -1;
		if (vf_stopping())
			return vf_stopped(w->run);
	}
	return rc;
}

/* What was sent is on disk, and what was said can be read, however the run ended. */
static int
close_all(struct wave *w, int rc)
{
	struct vf_error err = { 0 };

	if (w->journal != NULL && vf_journal_close(w->journal, &err) < 0 && rc == 0) {
		w->run->err = err;
		rc = -1;
	}
	if (w->out != NULL && rc < 0 && w->run->err.kind != VF_ERR_PIPE)
		(void)vf_file_flush(w->out, &err);
	return rc;
}

static void
report(struct wave *w)
{
	const struct vf_sender_counts *c = w->sender != NULL ? vf_sender_counts(w->sender) : NULL;
	struct vf_buf json = { 0 };
	char next[VF_DATE_LEN + 1];

	w->delivery.throttled = c != NULL ? c->throttled : 0;
	w->delivery.cumulative = w->known > 0;
	if (vf_delivery_put(&json, &w->delivery) == 0)
		vf_stat_json(w->run, "delivery", vf_buf_slice(&json));
	vf_buf_free(&json);
	vf_stat_u64(w->run, "deferred", w->run->held);
	vf_stat_u64(w->run, "known", w->known);
	if (c != NULL) {
		vf_stat_u64(w->run, "requests", c->started);
		vf_stat_u64(w->run, "underWayMax", c->under_way_max);
	}
	if (w->next_window != 0) {
		vf_date_put(next, w->next_window);
		vf_stat_str(w->run, "nextWindowAt", next);
	}
	if (w->unknown > 0)
		vf_warn(w->run, "%" PRIu64 " unknown: the service may have taken them%s", w->unknown,
			w->opt->idempotent ? "" : " (a run with --idempotent asks it again)");
	if (w->again > 0)
		vf_warn(w->run, "%" PRIu64 " failed for now: run again to send them", w->again);
}

static int
run_sms(struct vf_run *run)
{
	static struct wave w;
	int rc;

	w = (struct wave){ .run = run, .opt = run->options };
	vf_delivery_init(&w.delivery, "sms");
	rc = start(&w);
	if (rc == 0)
		rc = w.opt->dry_run ? dry_run(&w) : vf_sender_run(w.sender, &run->err);
	rc = close_all(&w, rc);
	report(&w);
	vf_sender_free(w.sender);
	vf_http_free(w.http);
	vf_journal_free(w.journal);
	vf_keyset_free(w.seen);
	vf_template_free(w.template);
	vf_recipients_free(&w.to);
	for (size_t i = 0; i < w.njobs; i++)
		vf_buf_free(&w.jobs[i].id);
	free(w.jobs);
	vf_buf_free(&w.wave_id);
	vf_buf_free(&w.token);
	vf_buf_free(&w.line);
	vf_buf_free(&w.body);
	vf_buf_free(&w.tail);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-sms",
	.purpose = "Send the messages of a wave, and say what became of each.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT | VF_WANT_CAMPAIGN | VF_WANT_WAVE,
	.reasons = reasons,
	.check = check,
	.run = run_sms,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
