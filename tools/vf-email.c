/* vf-email -- make the e-mail jobs of a wave. */
#include "base/keyset.h"
#include "base/text.h"
#include "frame.h"
#include "recipients.h"

#define JOB_MAX ((size_t)256 << 10)	/* bytes of a job: what a queue takes */

struct options {
	const char *template, *subject, *text, *tz;
	struct vf_list suppress;
};

static const struct vf_option options[] = {
	{ "template", 0, VF_PATH, offsetof(struct options, template), "FILE", "the message in HTML (needed)" },
	{ "subject", 0, VF_TEXT, offsetof(struct options, subject), "TEXT", "its subject, or @FILE that holds it (needed)" },
	{ "text", 0, VF_PATH, offsetof(struct options, text), "FILE", "the message as plain text" },
	{ "suppress", 0, VF_LIST, offsetof(struct options, suppress), "FILE",
		"who opted out: addresses and ids, one a line (repeatable)" },
	{ "tz", 0, VF_TEXT, offsetof(struct options, tz), "ZONE", "time zone of fans whose market has none (UTC)" },
	{ 0 },
};

/* The recipients' faults in their order, then our own. */
enum { FAULT = VF_REJECT_TOOL - 1, DUPLICATE_FAN = FAULT + VF_RECIPIENT_NO_CODE + 1, TOO_BIG };
static const char *const reasons[] = { "missing-user", "no-wave", "bad-address", "suppressed", "tm-code", "no-code",
	"duplicate-fan", "too-big", NULL };

struct mailer {
	struct vf_run *run;
	struct vf_recipients to;
	struct vf_template *html, *subject, *text;
	struct vf_file *out;
	struct vf_keyset *seen;
	struct vf_buf head;		/* `","campaignId":…,"globalUserId":"`: the same for a wave */
	struct vf_buf job;
};

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;

	(void)in;
	if (opt->template == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--template FILE is needed");
	if (opt->subject == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--subject TEXT is needed");
	return 0;
}

/* A subject is one line of text: a header is made of it. */
static int
open_subject(struct mailer *m, const char *subject)
{
	struct vf_slice text = vf_slice_str(subject);
	const char *name = "--subject";

	if (subject[0] == '@') {
		name = subject + 1;
		if (vf_lists_read(&m->to.lists, name, &text) < 0 ||
			vf_lists_note(&m->to.lists, "subject", name, vf_slice("", 0), VF_LISTS_UNCOUNTED) < 0)
			return -1;
	}
	m->subject = vf_recipients_template_text(&m->to, text, name, VF_TEMPLATE_JSON | VF_TEMPLATE_CHOMP);
	if (m->subject == NULL)
		return -1;
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n -= text.n > 1 && text.p[text.n - 2] == '\r' ? 2 : 1;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return vf_error(&m->run->err, VF_ERR_CONFIG, "%s: a subject is one line without control characters", name);
	return text.n > 0 ? 0 : vf_error(&m->run->err, VF_ERR_CONFIG, "%s: an empty subject", name);
}

static int
start(struct mailer *m, const struct options *opt)
{
	struct vf_run *run = m->run;

	if (vf_recipients_open(&m->to, run, "email", &opt->suppress, opt->tz) < 0)
		return -1;
	m->html = vf_recipients_template(&m->to, opt->template, VF_TEMPLATE_HTML | VF_TEMPLATE_JSON);
	if (m->html == NULL || open_subject(m, opt->subject) < 0)
		return -1;
	if (opt->text != NULL && (m->text = vf_recipients_template(&m->to, opt->text, VF_TEMPLATE_JSON)) == NULL)
		return -1;
	m->seen = vf_keyset_new(0, 0, &run->err);
	if (m->seen == NULL)
		return -1;
	m->job.max = JOB_MAX + 1;
	m->out = vf_output_file(run, run->output, VF_FILE_PRIVATE);
	return m->out == NULL ? -1 : 0;
}

static int
set_head(struct mailer *m, const struct vf_recipient *rec)
{
	struct vf_buf *b = &m->head;

	vf_buf_clear(b);
	vf_buf_add_str(b, "\",\"campaignId\":");
	vf_text_add_json(b, vf_slice_str(m->run->campaign->id));
	vf_buf_add_str(b, ",\"campaignName\":");
	vf_text_add_json(b, m->to.campaign_name);
	vf_buf_add_str(b, ",\"waveId\":");
	vf_text_add_json(b, rec->wave);
	vf_buf_addf(b, ",\"waveDate\":\"%s\",\"globalUserId\":", rec->notify_text);
	return b->failed ? vf_error_nomem(&m->run->err) : 0;
}

/* The job and its LF in ->job; false when it does not fit. */
static bool
make_job(struct mailer *m, const struct vf_recipient *rec)
{
	const struct vf_slice *values = m->to.values;
	struct vf_buf *b = &m->job;

	vf_buf_clear(b);
	vf_buf_add(b, "{\"jobId\":\"", 10);
	vf_buf_add(b, rec->key, VF_MESSAGE_ID_HEX);
	vf_buf_add_slice(b, vf_buf_slice(&m->head));
	vf_text_add_json(b, rec->id);
	vf_buf_add_str(b, ",\"to\":");
	vf_text_add_json(b, rec->to);
	vf_buf_add_str(b, ",\"subject\":\"");
	vf_template_render(m->subject, values, b);
	vf_buf_add_str(b, "\",\"html\":\"");
	vf_template_render(m->html, values, b);
	vf_buf_add_str(b, "\",\"text\":\"");
	if (m->text != NULL)
		vf_template_render(m->text, values, b);
	vf_buf_add_str(b, "\",\"code\":");
	vf_text_add_json(b, rec->code);
	vf_buf_add(b, "}\n", 2);
	return !b->failed;
}

/* Why no job is written, 0 when one was, -1. */
static int
take(struct mailer *m, const struct vf_row *row)
{
	struct vf_recipient rec;
	unsigned char fresh;
	struct vf_key key;

	if (row->reject != 0)
		return row->reject;
	vf_recipient_read(&m->to, row, &rec);
	if (rec.new_wave && set_head(m, &rec) < 0)
		return -1;
	if (rec.fault != VF_RECIPIENT_OK)
		return FAULT + (int)rec.fault;
	/* One message a fan and wave: the first that can be sent. */
	key = vf_keyset_key(m->seen, vf_slice(rec.key, VF_MESSAGE_ID_HEX));
	if (!make_job(m, &rec))
		return TOO_BIG;
	if (vf_keyset_add(m->seen, &key, 1, &fresh, NULL, &m->run->err) < 0)
		return -1;
	if (!fresh)
		return DUPLICATE_FAN;
	if (vf_file_write(m->out, m->job.p, m->job.n, &m->run->err) < 0)
		return -1;
	m->run->out_count++;
	return 0;
}

static int
make_all(struct mailer *m, const struct options *opt)
{
	const struct vf_row *rows;
	int n;

	if (start(m, opt) < 0)
		return -1;
	while ((n = vf_in_batch(m->run->in, &rows, &m->run->err)) > 0) {
		for (int i = 0; i < n; i++) {
			int why = take(m, &rows[i]);

			if (why < 0 || (why > 0 && vf_reject(m->run, &rows[i], why, NULL) < 0))
				return -1;
		}
		if (vf_stopping())
			return vf_stopped(m->run);
	}
	return n;
}

static int
run(struct vf_run *run)
{
	static struct mailer m;
	int rc;

	m.run = run;
	rc = make_all(&m, run->options);
	vf_recipients_free(&m.to);
	vf_template_free(m.html);
	vf_template_free(m.subject);
	vf_template_free(m.text);
	vf_keyset_free(m.seen);
	vf_buf_free(&m.head);
	vf_buf_free(&m.job);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-email",
	.purpose = "Make the e-mail jobs of a wave: one line of JSON for each fan.",
	.options = options,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT | VF_WANT_CAMPAIGN | VF_WANT_WAVE,
	.reasons = reasons,
	.check = check,
	.run = run,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
