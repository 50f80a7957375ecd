/* vf-slack -- tell people in Slack: alerts and summaries from stats lines or text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "fan/notice.h"
#include "frame.h"
#include "net/http.h"

#define WEBHOOK_MAX 2048
#define TEXT_KEPT 1000			/* bytes of a line of text */
#define SECOND UINT64_C(1000000000)
#define WORD_MAX 40			/* of Slack's answer */

struct options {
	const char *title, *step, *reason, *webhook_file, *run;
	uint64_t timeout_ms;
	bool alert;
};

static const struct options defaults = { .timeout_ms = 10000 };

#define AT(member) offsetof(struct options, member)
static const struct vf_option options[] = {
	{ "alert", 0, VF_FLAG, AT(alert), NULL, "it is an alert although no line tells of a failure" },
	{ "step", 0, VF_TEXT, AT(step), "NAME", "alert: the step that failed" },
	{ "reason", 0, VF_TEXT, AT(reason), "TEXT", "alert: why" },
	{ "title", 0, VF_TEXT, AT(title), "TEXT", "heading of the message (the campaign)" },
	{ "run", 0, VF_TEXT, AT(run), "ID", "look at the stats lines of this run alone" },
	{ "webhook-file", 0, VF_PATH, AT(webhook_file), "FILE", "where the webhook's URL stands (VF_SLACK_WEBHOOK)" },
	{ "timeout", 0, VF_DURATION, AT(timeout_ms), "TIME", "longest time to spend with Slack in all (10s)" },
	{ 0 },
};
#undef AT

struct teller {
	struct vf_run *run;
	const struct options *opt;
	struct vf_tally tally;
	struct vf_notice notice;
	char *texts[VF_NOTICE_TEXTS];
	struct vf_buf url, message;
	uint64_t deadline;		/* vf_clock_ns() */
	unsigned tries;
	struct vf_http_call call;
	bool sent, wanted;		/* Slack took it; there is a webhook */
	char why[96];			/* it did not */
};

/* The webhook's URL is a secret: out of a file or the environment, and never in a message. */
static int
find_webhook(struct teller *t)
{
	const char *env = vf_env("VF_SLACK_WEBHOOK"), *name = "VF_SLACK_WEBHOOK";
	struct vf_error *err = &t->run->err;

	if (t->opt->webhook_file != NULL) {
		name = t->opt->webhook_file;
		if (vf_file_slurp(name, WEBHOOK_MAX, &t->url, err) < 0) {
			err->kind = err->kind == VF_ERR_FAILED ? VF_ERR_CONFIG : err->kind;
			return -1;
		}
	} else if (env != NULL) {
		vf_buf_add_str(&t->url, env);
	}
	while (t->url.n > 0 && strchr(" \t\r\n", t->url.p[t->url.n - 1]) != NULL)
		t->url.n--;
	if (vf_buf_terminate(&t->url) < 0)
		return vf_error_nomem(err);
	t->wanted = t->url.n > 0;
	if (!t->wanted && t->opt->webhook_file != NULL)
		return vf_error(err, VF_ERR_CONFIG, "%s: empty", name);
	return t->wanted ? vf_http_check_url(t->url.p, name, err) : 0;
}

/* A line that is a stats line, or one of text. */
static int
take_row(struct teller *t, const struct vf_row *row)
{
	struct vf_slice line = vf_row_line(row);
	struct vf_error *err = &t->run->err;
	size_t n = line.n < TEXT_KEPT ? line.n : TEXT_KEPT;

	t->run->in_count++;
	t->run->out_count++;
	if (row->reject == 0) {
		if (vf_tally_add(&t->tally, line, t->opt->run, vf_lines_name(t->run->lines, row->file), row->lineno, err) == 0)
			return 0;
		if (err->kind != VF_ERR_CONFIG)
			return -1;
		err->kind = VF_ERR_NONE;
	}
	while (n > 0 && n < line.n && ((unsigned char)line.p[n] & 0xc0) == 0x80)
		n--;
	if (t->notice.ntexts < VF_NOTICE_TEXTS) {
		char *copy = malloc(n + 1);

		if (copy == NULL)
			return vf_error_nomem(err);
		memcpy(copy, line.p, n);
		t->texts[t->notice.ntexts] = copy;
		t->notice.texts[t->notice.ntexts] = vf_slice(copy, n);
	}
	t->notice.ntexts++;
	return 0;
}

static int
read_all(struct teller *t)
{
	struct vf_run *run = t->run;
	const struct vf_row *rows;
	int n;

	if (run->noperands == 0 && (t->opt->step != NULL || t->opt->reason != NULL))
		return 0;	/* all is said: nobody has to close our standard input */
	run->lines = vf_lines_open(&(struct vf_lines_options){ .paths = (const char *const *)run->operands,
		.npaths = run->noperands }, &run->err);
	if (run->lines == NULL)
		return -1;
	while ((n = vf_lines_batch(run->lines, &rows, &run->err)) > 0) {
		for (int i = 0; i < n; i++)
			if (take_row(t, &rows[i]) < 0)
				return -1;
		if (vf_stopping())
			return vf_stopped(run);
	}
	return n;
}

/* Slack answers errors with one plain word; what is none is not shown. */
static void
note_why(struct teller *t)
{
	const struct vf_http_call *c = &t->call;
	const char *p = c->answer.p;
	size_t n = c->answer.n;

	if (c->fault != VF_HTTP_OK)
		snprintf(t->why, sizeof(t->why), "%s", vf_http_fault_names[c->fault]);
	else
		snprintf(t->why, sizeof(t->why), "http-%u", c->status);
	for (size_t i = 0; i < n; i++)
		if (n > WORD_MAX || !((p[i] >= 'a' && p[i] <= 'z') || p[i] == '_'))
			return;
	if (n > 0 && c->fault == VF_HTTP_OK)
		snprintf(t->why + strlen(t->why), sizeof(t->why) - strlen(t->why), " %.*s", (int)n, p);
}

/* Waits, for a call's end or just so; false when the time is over. */
static int
wait_until(struct teller *t, struct vf_http *http, uint64_t until, bool for_call, bool *in_time)
{
	uint64_t now;

	*in_time = true;
	while ((now = vf_clock_ns()) < until && !(for_call && vf_http_next(http) != NULL)) {
		bool readable;

		if (vf_stopping())
			return vf_stopped(t->run);
		if (vf_http_wait(http, until - now, -1, &readable, &t->run->err) < 0)
			return -1;
	}
	*in_time = now < until;
	return 0;
}

/* One try: 1 it is done with, whatever came of it; 0 another may help, after *pause ns; -1. */
static int
try_once(struct teller *t, struct vf_http *http, uint64_t *pause)
{
	struct vf_http_call *c = &t->call;
	bool in_time;

	vf_buf_clear(&c->answer);
	t->tries++;
	if (vf_http_start(http, c, &t->run->err) < 0 || wait_until(t, http, t->deadline, true, &in_time) < 0)
		return -1;
	if (!in_time) {
		vf_http_cancel(http, c);
		snprintf(t->why, sizeof(t->why), "timeout");
		return 1;
	}
	note_why(t);
	t->sent = c->fault == VF_HTTP_OK && c->status >= 200 && c->status < 300;
	if (t->sent || c->fault == VF_HTTP_CERTIFICATE || c->fault == VF_HTTP_LOCAL ||
		(c->fault == VF_HTTP_OK && c->status < 500 && c->status != 429 && c->status != 408))
		return 1;
	/* A message that is there twice is better than one that is not there. */
	*pause = SECOND / 2 << (t->tries < 5 ? t->tries - 1 : 4);
	if (c->status == 429 && *pause < SECOND)
		*pause = SECOND;
	if (c->retry_after_ms >= 0)
		*pause = (uint64_t)c->retry_after_ms * 1000000;
	return 0;
}

static int
talk(struct teller *t, struct vf_http *http)
{
	uint64_t pause = 0;
	int rc = 0;

	t->call.url = t->url.p;
	t->call.body = vf_buf_slice(&t->message);
	t->call.headers[0] = "Content-Type: application/json";
	t->deadline = vf_clock_ns() + t->opt->timeout_ms * 1000000;
	while ((rc = try_once(t, http, &pause)) == 0) {
		uint64_t now = vf_clock_ns();
		bool in_time;

		if (now >= t->deadline || pause >= t->deadline - now)
			return 0;
		if (wait_until(t, http, now + pause, false, &in_time) < 0)
			return -1;
	}
	return rc < 0 ? -1 : 0;
}

static int
send_message(struct teller *t)
{
	struct vf_http *http;
	int rc;

	if (vf_notice_json(&t->message, &t->notice) < 0)
		return vf_error_nomem(&t->run->err);
	http = vf_http_new(&(struct vf_http_options){ .connect_ms = t->opt->timeout_ms, .total_ms = t->opt->timeout_ms,
		.answer_max = 4096 }, &t->run->err);
	if (http == NULL)
		return -1;
	rc = talk(t, http);
	vf_http_free(http);
	if (rc == 0 && !t->sent)
		vf_warn(t->run, "Slack did not take the message: %s (%u tries)", t->why, t->tries);
	return rc;
}

static int
print_message(struct teller *t)
{
	struct vf_file *file = vf_output_file(t->run, t->run->output, 0);

	if (file == NULL)
		return -1;
	if (vf_notice_text(&t->message, &t->notice) < 0)
		return vf_error_nomem(&t->run->err);
	return vf_file_write(file, t->message.p, t->message.n, &t->run->err);
}

/* What vf-tally makes the delay of alerts and the time to detection of. */
static void
put_stats(struct teller *t)
{
	bool alert = t->wanted && vf_notice_alert(&t->notice);
	double now = (double)vf_date_now(), lags = 0, longest = 0, detection = 0;
	uint64_t timed = 0;
	char text[256];

	for (size_t i = 0; t->sent && i < t->tally.nsteps; i++) {
		const struct vf_tally_step *s = &t->tally.steps[i];
		double lag = now - (double)s->started - s->seconds;

		if (s->started == 0 || vf_tally_step_ok(s, NULL) || s->exit == 141)
			continue;
		lag = lag > 0 ? lag : 0;
		timed++;
		lags += lag;
		longest = lag > longest ? lag : longest;
		detection += now > (double)s->started ? now - (double)s->started : 0;
	}
	snprintf(text, sizeof(text), "{\"sent\":%d,\"failed\":%d,\"timed\":%" PRIu64
		",\"lagSum\":%.3f,\"lagMax\":%.3f,\"detectionSum\":%.3f}", alert && t->sent, alert && !t->sent, timed, lags, longest,
		detection);
	vf_stat_json(t->run, "alerts", vf_slice_str(text));
	snprintf(text, sizeof(text), "{\"sent\":%s,\"tries\":%u,\"httpStatus\":%u}", t->sent ? "true" : "false", t->tries,
		t->call.status);
	vf_stat_json(t->run, "message", vf_slice_str(text));
}

static int
run_slack(struct vf_run *run)
{
	static struct teller t;
	int rc;

	t = (struct teller){ .run = run, .opt = run->options };
	t.notice = (struct vf_notice){ .tally = &t.tally, .title = t.opt->title, .step = t.opt->step, .reason = t.opt->reason,
		.alert = t.opt->alert };
	rc = find_webhook(&t) < 0 || read_all(&t) < 0 ? -1 : 0;
	if (rc == 0) {
		vf_tally_settle(&t.tally);
		if (run->in_count > 0 || vf_notice_alert(&t.notice))	/* nothing to say is no message */
			rc = t.wanted ? send_message(&t) : print_message(&t);
		put_stats(&t);
	}
	vf_tally_clear(&t.tally);
	for (size_t i = 0; i < VF_NOTICE_TEXTS; i++)
		free(t.texts[i]);
	vf_buf_free(&t.url);
	vf_buf_free(&t.message);
	vf_http_call_free(&t.call);
	vf_lines_free(run->lines);
	run->lines = NULL;
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-slack",
	.purpose = "Tell people in Slack: alerts and summaries from stats lines or text.",
	.operands = "[FILE ...]",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_OPERANDS | VF_WANT_OUTPUT,
	.run = run_slack,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
