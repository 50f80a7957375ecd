/* vf-sms -- send the messages of a wave, and say what became of each. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json-pick.h"
#include "base/keyset.h"
#include "base/text.h"
#include "service.h"
#include "sms.h"

#define CONCURRENCY_MAX 10000

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
static const char *const reasons[] = { "missing-user", NULL };

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

/* The service's answers */

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

/* Around a request */

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
	return !any ? 0 : vf_journal_sync_begin(w->journal, err) < 0 ? -1 : 1;
}

static int
sync_intents(void *arg, struct vf_error *err)
{
	struct wave *w = arg;

	return vf_journal_sync_end(w->journal, err);
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

/* The run */

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

static int
open_service(struct wave *w)
{
	const struct options *opt = w->opt;
	const char *headers[] = { "Content-Type: application/json", "Accept: application/json", NULL, NULL };
	struct vf_error *err = &w->run->err;

	if (vf_service_token(w->run, opt->token_file, "VF_SMS_TOKEN", &w->token) < 0 ||
		vf_service_descriptors(w->run, opt->concurrency) < 0)
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
		.idempotent = opt->idempotent, .arg = w, .source = sms_source, .prepare = prepare, .sync = sync_intents, .start = before_start,
		.judge = judge, .result = sms_result, .idle = idle, .stopping = vf_stopping }, err);
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
	if (w->template == NULL || (opt->max_segments > 0 && sms_check_segments(w) < 0))
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

	while ((rc = sms_next_batch(w)) > 0) {
		while (w->at < w->n)
			if (sms_take(w, NULL) < 0)
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
