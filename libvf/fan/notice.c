/* fan/notice.c -- what people are told of a run. */
#include "fan/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define TEXT_MAX 9000			/* of all sections; Slack's limit for the whole is 10,000 characters */
#define SECTION_MAX 2900		/* 3,000 */
#define LINE_MAX 600
#define TITLE_MAX 140			/* a header holds 150 */
#define STEPS_MAX 25			/* lines about steps, of each kind */
#define REASONS_MAX 4			/* named on a line */

/* Lines, each ended by LF, before any escaping. */
struct lines {
	struct vf_buf text;
	size_t start;			/* of the line in the making */
};

/* Masking -------------------------------------------------------------------- */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What an address may hold beside its @: all that is no blank, bracket, quote or list sign. */
static bool
of_address(char c)
{
	return (unsigned char)c > ' ' && strchr("<>()[]{}\",;:=|`", c) == NULL;
}

/* The digits of a number that starts with + at p, blanks, dots, dashes and brackets between them allowed; 0: none. */
static size_t
number_length(const char *p, const char *end)
{
	const char *last = p;
	int digits = 0;

	for (const char *q = p + 1; q < end && (is_digit(*q) || strchr(" .-()", *q) != NULL); q++)
		if (is_digit(*q)) {
			digits++;
			last = q;
		}
	return digits >= 7 ? (size_t)(last - p) + 1 : 0;
}

int
vf_notice_mask(struct vf_buf *b, struct vf_slice text)
{
	const char *p = text.n > 0 ? text.p : "", *end = p + text.n;

	while (p < end) {
		const char *word = p, *at = NULL;
		size_t n = *p == '+' ? number_length(p, end) : 0;

		if (n > 0) {
			vf_buf_add_str(b, "[number]");
			p += n;
			continue;
		}
		if (!of_address(*p)) {
			vf_buf_add_char(b, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
			p++;
			continue;
		}
		for (; p < end && of_address(*p) && (p == word || *p != '+' || at != NULL || number_length(p, end) == 0); p++)
			if (*p == '@' && p > word && p + 1 < end && of_address(p[1]))
				at = p;
		if (at != NULL)
			vf_buf_add_str(b, "[address]");
		else
			for (; word < p; word++)
				vf_buf_add_char(b, *word == 0x7f ? '?' : *word);
	}
	return b->failed ? -1 : 0;
}

/* Lines ---------------------------------------------------------------------- */

/* Ends a line; one that is too long is cut between characters. */
static void
end_line(struct lines *l)
{
	size_t n = l->text.n - l->start;

	if (n > LINE_MAX) {
		n = LINE_MAX;
		while (n > 0 && ((unsigned char)l->text.p[l->start + n] & 0xc0) == 0x80)
			n--;
		l->text.n = l->start + n;
		vf_buf_add_str(&l->text, "\342\200\246");
	}
	vf_buf_add_char(&l->text, '\n');
	l->start = l->text.n;
}

static void
add_masked(struct lines *l, const char *text)
{
	vf_notice_mask(&l->text, vf_slice_str(text));
}

/* A count for people. */
static void
add_count(struct lines *l, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			vf_buf_add_char(&l->text, ',');
		vf_buf_add_char(&l->text, digits[i]);
	}
}

/* Steps of the same tool and wave, as one. */
struct group {
	const struct vf_tally_step *first;
	uint64_t n, in, out, rejected, held, exit;
	bool good;
};

static bool
same_group(const struct group *g, const struct vf_tally_step *s, bool good)
{
	return g->good == good && strcmp(g->first->tool, s->tool) == 0 && strcmp(g->first->about, s->about) == 0;
}

/* Groups in the order of their first steps; *n of them, NULL without memory. */
static struct group *
make_groups(const struct vf_tally *t, size_t *n)
{
	struct group *groups = calloc(t->nsteps + 1, sizeof(*groups));

	*n = 0;
	for (size_t i = 0; groups != NULL && i < t->nsteps; i++) {
		const struct vf_tally_step *s = &t->steps[i];
		bool good = vf_tally_step_ok(s, NULL) || s->exit == 141;
		struct group *g = groups;

		/* A run has few tools and waves; of a history of thousands only the first ones are told. */
		while (g < groups + *n && !same_group(g, s, good))
			g++;
		if (g == groups + *n) {
			if (*n > 2000)
				continue;
			*g = (struct group){ .first = s, .good = good };
			(*n)++;
		}
		g->n++;
		g->in += s->in;
		g->out += s->out;
		g->rejected += s->rejected;
		g->held += s->unselected + s->deferred;
		g->exit = s->exit;
	}
	return groups;
}

/* The most frequent reasons of a group, over all its steps: good ones or bad ones. */
static void
add_reasons(struct lines *l, const struct vf_tally *t, const struct group *g)
{
	struct vf_tally_count top[REASONS_MAX] = { 0 };
	uint64_t others = g->rejected;

	/* One step's reasons stand for the group: the fullest one's. */
	const struct vf_tally_step *best = g->first;

	for (size_t i = 0; i < t->nsteps; i++)
		if (same_group(g, &t->steps[i], vf_tally_step_ok(&t->steps[i], NULL) || t->steps[i].exit == 141) &&
			t->steps[i].rejected > best->rejected)
			best = &t->steps[i];
	for (size_t i = 0; i < best->nwhy; i++)
		for (int k = 0; k < REASONS_MAX; k++)
			if (best->why[i].n > top[k].n) {
				memmove(top + k + 1, top + k, (size_t)(REASONS_MAX - 1 - k) * sizeof(*top));
				top[k] = best->why[i];
				break;
			}
	for (int k = 0; k < REASONS_MAX && top[k].n > 0; k++) {
		vf_buf_add_str(&l->text, k == 0 ? " (" : ", ");
		add_masked(l, top[k].name);
		vf_buf_add_char(&l->text, ' ');
		add_count(l, top[k].n);
		others -= top[k].n < others ? top[k].n : others;
	}
	if (top[0].n > 0) {
		if (others > 0) {
			vf_buf_add_str(&l->text, ", others ");
			add_count(l, others);
		}
		vf_buf_add_char(&l->text, ')');
	}
}

static void
add_group(struct lines *l, const struct vf_tally *t, const struct group *g)
{
	struct vf_buf cause = { 0 };

	vf_buf_add_str(&l->text, g->good ? "\342\200\242 " : "\342\234\227 ");
	add_masked(l, g->first->tool);
	if (*g->first->about != '\0') {
		vf_buf_add_str(&l->text, ", wave ");
		add_masked(l, g->first->about);
	}
	if (g->n > 1)
		vf_buf_addf(&l->text, " (%" PRIu64 " times)", g->n);
	vf_buf_add_str(&l->text, ": ");
	if (!g->good) {
		vf_tally_step_ok(g->first, &cause);
		vf_buf_add_slice(&l->text, vf_buf_slice(&cause));
		vf_buf_add_str(&l->text, "; ");
		vf_buf_free(&cause);
	}
	vf_buf_add_str(&l->text, "in ");
	add_count(l, g->in);
	vf_buf_add_str(&l->text, ", out ");
	add_count(l, g->out);
	vf_buf_add_str(&l->text, ", rejected ");
	add_count(l, g->rejected);
	add_reasons(l, t, g);
	if (g->held > 0) {
		vf_buf_add_str(&l->text, ", held ");
		add_count(l, g->held);
	}
	end_line(l);
}

static int
add_groups(struct lines *l, const struct vf_tally *t, bool good)
{
	size_t n, shown = 0, more = 0;
	struct group *groups = make_groups(t, &n);

	if (groups == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (groups[i].good == good && shown < STEPS_MAX) {
			add_group(l, t, &groups[i]);
			shown++;
		} else if (groups[i].good == good) {
			more++;
		}
	if (more > 0) {
		vf_buf_addf(&l->text, "and %zu more steps", more);
		end_line(l);
	}
	free(groups);
	return 0;
}

/* `SMS, wave w1: 11,833 of 12,073 sent; failed 103 (…), unknown 68; p50 0.084 s, …` */
static void
add_delivery(struct lines *l, const struct vf_tally_delivery *e)
{
	const struct vf_delivery *d = &e->d;

	vf_buf_add_str(&l->text, "\342\200\242 ");
	add_masked(l, strcmp(d->channel, "sms") == 0 ? "SMS" : d->channel);
	if (*e->wave != '\0') {
		vf_buf_add_str(&l->text, ", wave ");
		add_masked(l, e->wave);
	}
	vf_buf_add_str(&l->text, ": ");
	add_count(l, d->statuses[VF_DELIVERY_SENT]);
	vf_buf_add_str(&l->text, " of ");
	add_count(l, d->results);
	vf_buf_add_str(&l->text, " sent");
	for (int s = VF_DELIVERY_FAILED; s < VF_DELIVERY_STATUSES; s++) {
		int best = -1;

		if (d->statuses[s] == 0)
			continue;
		vf_buf_addf(&l->text, ", %s ", vf_delivery_status_names[s]);
		add_count(l, d->statuses[s]);
		for (int i = 0; i < d->ncauses; i++)
			if (d->causes[i].status == (enum vf_delivery_status)s && (best < 0 || d->causes[i].n > d->causes[best].n))
				best = i;
		if (best >= 0) {
			vf_buf_addf(&l->text, " (%s ", d->causes[best].word);
			add_count(l, d->causes[best].n);
			vf_buf_add_str(&l->text, d->causes[best].n < d->statuses[s] ? ", \342\200\246)" : ")");
		}
	}
	if (d->latencies > 0)
		vf_buf_addf(&l->text, "; p50 %.3f s, p95 %.3f s, p99 %.3f s", (double)vf_delivery_quantile(d, 0.50) / 1e6,
			(double)vf_delivery_quantile(d, 0.95) / 1e6, (double)vf_delivery_quantile(d, 0.99) / 1e6);
	if (vf_delivery_rate(d) > 0)
		vf_buf_addf(&l->text, "; %.1f a second", vf_delivery_rate(d));
	end_line(l);
}

bool
vf_notice_alert(const struct vf_notice *n)
{
	bool alert = n->alert || n->step != NULL || n->reason != NULL;

	for (size_t i = 0; !alert && i < n->tally->nsteps; i++)
		alert = !vf_tally_step_ok(&n->tally->steps[i], NULL) && n->tally->steps[i].exit != 141;
	return alert;
}

/* The title, without emphasis; NUL-ended. */
static void
make_title(char title[TITLE_MAX + 8], const struct vf_notice *n)
{
	const char *name = n->title;
	struct vf_buf b = { 0 };
	size_t len;

	for (size_t i = 0; name == NULL && i < n->tally->nsteps; i++)
		if (*n->tally->steps[i].campaign != '\0')
			name = n->tally->steps[i].campaign;
	vf_buf_add_str(&b, vf_notice_alert(n) ? "ALERT" : "vf");
	vf_buf_add_str(&b, ": ");
	vf_notice_mask(&b, vf_slice_str(name != NULL ? name : vf_notice_alert(n) ? "a step failed" : "summary"));
	len = b.n > TITLE_MAX ? TITLE_MAX : b.n;
	while (len > 0 && len < b.n && ((unsigned char)b.p[len] & 0xc0) == 0x80)
		len--;
	snprintf(title, TITLE_MAX + 8, "%.*s", (int)len, b.p != NULL ? b.p : "");
	vf_buf_free(&b);
}

static int
make_lines(struct lines *l, const struct vf_notice *n)
{
	const struct vf_tally *t = n->tally;

	if (n->step != NULL || n->reason != NULL) {
		vf_buf_add_str(&l->text, "\342\234\227 ");
		if (n->step != NULL) {
			vf_buf_add_str(&l->text, "step ");
			add_masked(l, n->step);
		}
		vf_buf_add_str(&l->text, n->step != NULL && n->reason != NULL ? ": " : "");
		add_masked(l, n->reason != NULL ? n->reason : "");
		end_line(l);
	}
	if (add_groups(l, t, false) < 0)
		return -1;
	for (size_t i = 0; i < n->ntexts && i < VF_NOTICE_TEXTS; i++) {
		vf_notice_mask(&l->text, n->texts[i]);
		end_line(l);
	}
	if (n->ntexts > VF_NOTICE_TEXTS) {
		vf_buf_addf(&l->text, "and %zu more lines", n->ntexts - VF_NOTICE_TEXTS);
		end_line(l);
	}
	for (size_t i = 0; i < t->ndeliveries && i < STEPS_MAX; i++)
		add_delivery(l, t->deliveries[i]);
	if (t->ndeliveries > STEPS_MAX) {
		vf_buf_addf(&l->text, "and %zu more waves", t->ndeliveries - STEPS_MAX);
		end_line(l);
	}
	return add_groups(l, t, true) < 0 || l->text.failed ? -1 : 0;
}

int
vf_notice_text(struct vf_buf *b, const struct vf_notice *n)
{
	struct lines l = { 0 };
	char title[TITLE_MAX + 8];
	int rc = make_lines(&l, n);

	make_title(title, n);
	vf_buf_addf(b, "%s\n", title);
	vf_buf_add_slice(b, vf_buf_slice(&l.text));
	vf_buf_free(&l.text);
	return rc < 0 || b->failed ? -1 : 0;
}

/* Slack ---------------------------------------------------------------------- */

/* One line as Slack wants it. */
static void
escape(struct vf_buf *b, const char *p, const char *end)
{
	for (; p < end; p++)
		if (*p == '&')
			vf_buf_add_str(b, "&amp;");
		else if (*p == '<')
			vf_buf_add_str(b, "&lt;");
		else if (*p == '>')
			vf_buf_add_str(b, "&gt;");
		else
			vf_buf_add_char(b, *p);
}

struct sections {
	struct vf_buf *json;
	struct vf_buf text;		/* of the section in the making */
	size_t total, left;		/* escaped bytes so far; lines that did not fit */
};

static void
end_section(struct sections *s)
{
	if (s->text.n == 0)
		return;
	vf_buf_add_str(s->json, ",{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
	vf_text_add_json(s->json, vf_buf_slice(&s->text));
	vf_buf_add_str(s->json, "}}");
	vf_buf_clear(&s->text);
}

static void
add_to_section(struct sections *s, struct vf_slice line)
{
	if (s->left > 0 || s->total + line.n + 1 > TEXT_MAX - 40) {
		s->left++;
		return;
	}
	if (s->text.n + line.n + 1 > SECTION_MAX)
		end_section(s);
	if (s->text.n > 0)
		vf_buf_add_char(&s->text, '\n');
	vf_buf_add_slice(&s->text, line);
	s->total += line.n + 1;
}

int
vf_notice_json(struct vf_buf *b, const struct vf_notice *n)
{
	struct sections s = { .json = b };
	struct vf_buf line = { 0 };
	struct lines l = { 0 };
	char title[TITLE_MAX + 8];
	int rc = make_lines(&l, n);

	make_title(title, n);
	/* `text` is what a notification on a phone shows: the title and the first line. */
	escape(&line, title, title + strlen(title));
	if (l.text.n > 0) {
		vf_buf_add_char(&line, '\n');
		escape(&line, l.text.p, memchr(l.text.p, '\n', l.text.n));
	}
	vf_buf_add_str(b, "{\"text\":");
	vf_text_add_json(b, vf_buf_slice(&line));
	vf_buf_addf(b, ",\"blocks\":[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"emoji\":true,\"text\":");
	vf_buf_clear(&line);
	vf_buf_addf(&line, "%s%s", vf_notice_alert(n) ? ":rotating_light: " : "", title);
	vf_text_add_json(b, vf_buf_slice(&line));
	vf_buf_add_str(b, "}}");
	s.total = line.n;
	for (size_t at = 0; at < l.text.n;) {
		const char *p = l.text.p + at, *lf = memchr(p, '\n', l.text.n - at);

		vf_buf_clear(&line);
		escape(&line, p, lf);
		add_to_section(&s, vf_buf_slice(&line));
		at = (size_t)(lf - l.text.p) + 1;
	}
	if (s.left > 0) {
		vf_buf_addf(&s.text, "\nand %zu more lines", s.left);
	}
	end_section(&s);
	vf_buf_add_str(b, "]}");
	rc = rc < 0 || b->failed || line.failed || s.text.failed ? -1 : 0;
	vf_buf_free(&line);
	vf_buf_free(&s.text);
	vf_buf_free(&l.text);
	return rc;
}
