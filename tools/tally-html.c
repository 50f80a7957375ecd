/*
 * tally-html.c -- the report as one page that needs nothing else: no script, no
 * font, no picture from elsewhere.  Bars stand in table cells, so that a table
 * is its own plot and reads well on a phone, on paper and aloud.
 */
#include <inttypes.h>
#include <string.h>

#include "base/date.h"
#include "tally-html.h"

/* The campaigns that the steps name, each once; a few of many. */
static void
add_title(struct vf_buf *b, const struct report *r)
{
	const char *shown[8];
	int n = 0;

	for (size_t i = 0; i < r->tally.nsteps && n < 8; i++) {
		bool known = *r->tally.steps[i].campaign == '\0';

		for (int k = 0; k < n; k++)
			known |= strcmp(shown[k], r->tally.steps[i].campaign) == 0;
		if (known)
			continue;
		vf_buf_add_str(b, n > 0 ? ", " : "");
		html_text(b, r->tally.steps[i].campaign);
		shown[n++] = r->tally.steps[i].campaign;
	}
	if (n == 0)
		vf_buf_add_str(b, "Campaign report");
}

/* From when to when the steps ran. */
static void
add_when(struct vf_buf *b, const struct report *r)
{
	int64_t from = 0, to = 0;
	char text[VF_DATE_LEN + 1];

	for (size_t i = 0; i < r->tally.nsteps; i++) {
		int64_t at = r->tally.steps[i].started;

		if (at > 0 && (from == 0 || at < from))
			from = at;
		if (at + (int64_t)r->tally.steps[i].seconds > to)
			to = at + (int64_t)r->tally.steps[i].seconds;
	}
	if (from == 0)
		return;
	vf_date_put(text, from);
	vf_buf_addf(b, "<p class=\"soft\">Steps from <time datetime=\"%s\">%.10s %.5s</time>", text, text, text + 11);
	vf_date_put(text, to);
	vf_buf_addf(b, " to <time datetime=\"%s\">%.10s %.5s</time> UTC.</p>\n", text, text, text + 11);
}

static void
add_verdict(struct vf_buf *b, const struct report *r)
{
	bool good = r->nviolations == 0;

	vf_buf_addf(b, "<section class=\"verdict%s\"><p>", good ? "" : " no");
	if (good)
		vf_buf_add_str(b, "\342\234\223 Every record is accounted for.");
	else
		vf_buf_add_str(b, "\342\234\227 Not everything is accounted for.");
	vf_buf_add_str(b, "</p>");
	if (!good) {
		vf_buf_add_str(b, "\n<ul>\n");
		for (const char *v = tally_violation(r, NULL); v != NULL; v = tally_violation(r, v)) {
			vf_buf_add_str(b, "<li>");
			html_text(b, v);
			vf_buf_add_str(b, "</li>\n");
		}
		vf_buf_add_str(b, "</ul>\n");
	} else {
		vf_buf_add_str(b, "\n<p class=\"soft\">In each step, records in = out + rejected + held");
		vf_buf_add_str(b, r->nchain > 1 ? ", and each read what the one before it wrote.</p>\n" : ".</p>\n");
	}
	vf_buf_add_str(b, "</section>\n");
}

static void
add_tile(struct vf_buf *b, const char *name, uint64_t n)
{
	vf_buf_addf(b, "<div><dt>%s</dt><dd>", name);
	html_count(b, n);
	vf_buf_add_str(b, "</dd></div>\n");
}

/* The figures that people ask for first, of all campaigns and waves together. */
static void
add_tiles(struct vf_buf *b, const struct report *r)
{
	static const struct tile {
		const char *name, *stage;
	} tiles[] = {
		{ "Scored", "scored" }, { "Eligible", "eligible" }, { "Drawn", "drawn" }, { "SMS sent", "SMS sent" },
		{ "E-mail queued", "e-mail queued" }, { "E-mail sent", "e-mail sent" },
	};
	int reached = 0, measured = 0;

	vf_buf_add_str(b, "<dl class=\"tiles\">\n");
	for (size_t i = 0; i < sizeof(tiles) / sizeof(*tiles); i++) {
		uint64_t n = 0;
		bool any = false;

		for (size_t k = 0; k < r->overview.nstages; k++)
			if (strcmp(r->overview.stages[k].name, tiles[i].stage) == 0) {
				n += r->overview.stages[k].n;
				any = true;
			}
		if (any)
			add_tile(b, tiles[i].name, n);
	}
	for (int i = 0; i < VF_METRICS; i++) {
		reached += r->metrics[i].verdict == VF_METRIC_OK;
		measured += r->metrics[i].verdict != VF_METRIC_NOT_MEASURED;
	}
	vf_buf_addf(b, "<div><dt>Metrics reached</dt><dd>%d <small>of %d</small></dd></div>\n</dl>\n", reached, measured);
}

static void
add_funnel(struct vf_buf *b, const struct vf_overview *o)
{
	const struct vf_stage *s = o->stages, *first = s;
	uint64_t most = 0;

	if (o->nstages == 0)
		return;
	vf_buf_add_str(b, "<section id=\"funnel\"><h2>From registration to message</h2>\n<table>\n"
		"<caption>Records after each stage; the share is of the group's first stage.</caption>\n"
		"<thead><tr><th scope=\"col\">stage</th><th scope=\"col\" class=\"n\">records</th>"
		"<th scope=\"col\" class=\"n\">share</th><th scope=\"col\"><span class=\"soft\">plot</span></th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < o->nstages; i++)
		most = s[i].n > most ? s[i].n : most;
	for (size_t i = 0; i < o->nstages; i++) {
		bool sent = strstr(s[i].name, "sent") != NULL || strstr(s[i].name, "queued") != NULL;

		if (i == 0 || strcmp(s[i].campaign, first->campaign) != 0 || strcmp(s[i].wave, first->wave) != 0) {
			first = &s[i];
			html_group_row(b, s[i].campaign, s[i].wave, 4);
		}
		vf_buf_addf(b, "<tr><th scope=\"row\">%s</th>", s[i].name);
		html_count_cell(b, s[i].n);
		html_percent_cell(b, s[i].n, first->n);
		html_bar_cell(b, s[i].n, most, sent ? "sent" : "open");
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "</tbody>\n</table></section>\n");
}

static void
add_reasons(struct vf_buf *b, const struct vf_overview *o)
{
	const struct vf_why *w = o->why;
	uint64_t most = 0;

	if (o->nwhy == 0)
		return;
	vf_buf_add_str(b, "<section id=\"reasons\"><h2>Why records were rejected</h2>\n<table>\n"
		"<thead><tr><th scope=\"col\">reason</th><th scope=\"col\">step</th><th scope=\"col\" class=\"n\">records</th>"
		"<th scope=\"col\"><span class=\"soft\">plot</span></th></tr></thead>\n<tbody>\n");
	for (size_t i = 0; i < o->nwhy; i++)
		most = w[i].n > most ? w[i].n : most;
	for (size_t i = 0; i < o->nwhy; i++) {
		if (i == 0 || strcmp(w[i].campaign, w[i - 1].campaign) != 0 || strcmp(w[i].wave, w[i - 1].wave) != 0)
			html_group_row(b, w[i].campaign, w[i].wave, 4);
		vf_buf_add_str(b, "<tr><th scope=\"row\">");
		html_text(b, w[i].word);
		vf_buf_add_str(b, "</th>");
		vf_buf_add_str(b, "<td class=\"t\">");
		html_text(b, w[i].tool);
		vf_buf_add_str(b, "</td>");
		html_count_cell(b, w[i].n);
		html_bar_cell(b, w[i].n, most, "failed");
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "</tbody>\n</table></section>\n");
}

static void
add_metrics(struct vf_buf *b, const struct report *r)
{
	static const char *const class[] = { "ok", "no", "none" };
	static const char *const sign[] = { "\342\234\223 ", "\342\234\227 ", "" };

	vf_buf_add_str(b, "<section id=\"metrics\"><h2>Success metrics</h2>\n<table>\n<thead><tr>"
		"<th scope=\"col\">metric</th><th scope=\"col\" class=\"n\">value</th>"
		"<th scope=\"col\">verdict</th></tr></thead>\n<tbody>\n");
	for (int i = 0; i < VF_METRICS; i++) {
		const struct vf_metric *m = &r->metrics[i];

		if (i == 0 || strcmp(m->group, r->metrics[i - 1].group) != 0)
			vf_buf_addf(b, "</tbody>\n<tbody><tr><th scope=\"rowgroup\" colspan=\"3\">%s</th></tr>\n", m->group);
		vf_buf_addf(b, "<tr><th scope=\"row\">%s<small>", m->name);
		html_text(b, m->basis);
		vf_buf_addf(b, "</small></th><td class=\"n\">%s<small>target ", *m->value != '\0' ? m->value : "\342\200\223");
		html_text(b, m->target);
		vf_buf_addf(b, "</small></td><td class=\"%s\">%s%s</td></tr>\n", class[m->verdict], sign[m->verdict],
			vf_verdict_names[m->verdict]);
	}
	vf_buf_add_str(b, "</tbody>\n</table></section>\n");
}

void
tally_html(struct vf_buf *b, const struct report *r)
{
	char now[VF_DATE_LEN + 1];

	vf_date_put(now, vf_date_now());
	vf_buf_add_str(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
		"<meta name=\"referrer\" content=\"no-referrer\"/>\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n<title>");
	add_title(b, r);
	vf_buf_add_str(b, " \342\200\223 campaign report</title>\n<style>\n");
	vf_buf_add_str(b, html_style);
	vf_buf_add_str(b, "</style>\n</head>\n<body>\n<header><h1>");
	add_title(b, r);
	vf_buf_add_str(b, "</h1>\n");
	add_when(b, r);
	vf_buf_add_str(b, "</header>\n<main>\n");
	add_verdict(b, r);
	add_tiles(b, r);
	add_funnel(b, &r->overview);
	for (size_t i = 0; i < r->tally.ndeliveries; i++)
		html_delivery(b, r->tally.deliveries[i], i);
	add_reasons(b, &r->overview);
	add_metrics(b, r);
	html_steps(b, r);
	vf_buf_addf(b, "</main>\n<footer><p>Made from %" PRIu64 " stats lines by vf-tally %s on <time>%s</time>. "
		"It holds counts only, no personal data.</p></footer>\n</body>\n</html>\n", r->tally.lines, PACKAGE_VERSION, now);
}
