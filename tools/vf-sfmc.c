/* vf-sfmc -- send e-mail jobs through Marketing Cloud, and say what became of each. */
#include "base/date.h"
#include "sfmc.h"

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

static const char *const reasons[] = { "bad-job", NULL };

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

/* The token, and the last look at the clock. */
static int
before_start(void *arg, struct vf_send *s, struct vf_error *err)
{
	struct mailer *m = arg;
	struct batch *batch = s->user;
	int64_t now = vf_date_now_ms();

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
		.arg = m, .source = sfmc_source, .start = before_start, .judge = sfmc_judge, .result = sfmc_result, .idle = idle,
		.stopping = vf_stopping }, err);
	return m->sender == NULL ? -1 : 0;
}

static void
finish(struct mailer *m)
{
	sfmc_results_free(m);
	vf_sender_free(m->sender);
	sfmc_jobs_free(m);
	vf_http_free(m->http);
	sfmc_token_free(&m->token);
	vf_buf_free(&m->url);
}

/* The run ends before its time: whoever was read and not given to the sender has a line too. */
static void
leave_rest(struct mailer *m)
{
	static const struct vf_send nothing;
	static struct batch last;
	struct vf_error why = m->run->err;
	int rc = 0;

	while (rc == 0 && sfmc_is_left(m)) {
		rc = sfmc_next_left(m, &last);
		if (rc < 0 || last.text.n == 0)
			continue;
		last.job[0].status = VF_DELIVERY_UNSENT;
		last.job[0].detail = "stopped";
		rc = sfmc_put_result(m, &nothing, &last, 0);
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
	sfmc_put_stats(&m);
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
