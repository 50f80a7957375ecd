/*
 * tally-html.c -- the report as one page that needs nothing else: no script, no
 * font, no picture from elsewhere.  Bars stand in table cells, so that a table
 * is its own plot and reads well on a phone, on paper and aloud.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/date.h"
#include "tally.h"

static const char style[] =
"*{box-sizing:border-box}\n"
":root{--ink:#1c2430;--soft:#5a6675;--page:#f5f6f8;--card:#fff;--rule:#dde2e8;--track:#edf0f3;--good:#12704f;--bad:#b3261e;"
"--sent:#2c6bb3;--failed:#c8501e;--unknown:#d9a514;--open:#8a94a1;color-scheme:light dark}\n"
"@media(prefers-color-scheme:dark){:root{--ink:#e7ebf0;--soft:#a0abb8;--page:#12161b;--card:#1b2128;--rule:#323b46;"
"--track:#272f38;--good:#5fcf9f;--bad:#ff8a80;--sent:#6ea8e6;--failed:#ee8150;--unknown:#e6c04a;--open:#7b8794}}\n"
"body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',"
"sans-serif}\n"
"main,header,footer{max-width:68rem;margin:0 auto;padding:0 1rem}\n"
"header{padding-top:1.75rem}\n"
"h1{font-size:1.6rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}\n"
"h2{font-size:1.2rem;margin:0 0 .5rem}\nh3{font-size:1rem;margin:1.25rem 0 .4rem;overflow-wrap:anywhere}\n"
"p{margin:.4rem 0}\n.soft{color:var(--soft);font-size:.9rem}\n"
"section{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:1rem 1.1rem;margin:1rem 0}\n"
".verdict{border-left:.4rem solid var(--good)}\n.verdict.no{border-left-color:var(--bad)}\n"
".verdict p:first-child{font-size:1.15rem;font-weight:600;margin:0}\n"
".verdict ul{margin:.5rem 0 0;padding-left:1.2rem;overflow-wrap:anywhere}\n"
".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1rem 0;padding:0}\n"
".tiles div{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:.6rem .8rem}\n"
".tiles dt{color:var(--soft);font-size:.85rem}\n.tiles dd{margin:0;font-size:1.5rem;font-weight:600;line-height:1.25;"
"font-variant-numeric:tabular-nums}\n.tiles small{font-size:.85rem;font-weight:400;color:var(--soft)}\n"
"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}\n"
"caption{text-align:left;color:var(--soft);font-size:.9rem;padding:0 0 .3rem}\n"
"th,td{text-align:left;padding:.28rem .6rem .28rem 0;border-bottom:1px solid var(--rule);vertical-align:middle}\n"
"tr:last-child>*{border-bottom:0}\n"
"thead th{color:var(--soft);font-weight:600;font-size:.82rem;white-space:nowrap}\n"
"tbody th{font-weight:400}\ntd.n,th.n{text-align:right;white-space:nowrap}\n"
"th[scope=rowgroup]{font-weight:600;padding-top:.8rem;overflow-wrap:anywhere}\n"
"td.b{width:48%;padding-right:0}\n"
".wide{overflow-x:auto}\n.wide table{min-width:100%;width:auto}\n.wide th,.wide td{white-space:nowrap}\n"
".bar{display:block;width:100%;height:.85rem;border-radius:.2rem}\n"
".track{fill:var(--track)}\n.sent{fill:var(--sent)}\n.failed{fill:var(--failed)}\n.unknown{fill:var(--unknown)}\n.open{fill:var(--open)}\n"
".plots{margin-top:1.25rem;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(18rem,100%),1fr));gap:1rem}\n"
"figure{margin:0;max-width:32rem}\nfigcaption{font-size:.9rem;font-weight:600}\n.plot{display:block;width:100%;height:auto}\n"
".plot text{font-size:11.5px;fill:var(--soft)}\n.plot .label{fill:var(--ink);font-weight:600}\n"
".grid{stroke:var(--rule);stroke-width:.7}\n.base{stroke:var(--soft);stroke-width:1}\n"
".mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 2}\n"
".key{font-size:.85rem;color:var(--soft);margin:.1rem 0}\n.key span{margin-right:.9rem;white-space:nowrap}\n"
".key svg{width:.75rem;height:.75rem;margin-right:.3rem;border-radius:.15rem;vertical-align:-.05rem}\n"
"details{margin:.6rem 0 0}\nsummary{cursor:pointer;color:var(--soft);font-size:.9rem}\n"
".ok{color:var(--good);font-weight:600;white-space:nowrap}\n.no{color:var(--bad);font-weight:600;white-space:nowrap}\n"
".none{color:var(--soft);white-space:nowrap}\n"
"footer{color:var(--soft);font-size:.85rem;padding-bottom:2rem}\n"
"td.t{white-space:nowrap;color:var(--soft)}\ntbody small{display:block;color:var(--soft);font-size:.82rem;line-height:1.3}\n"
"@media(max-width:34rem){td.b{width:26%}section{padding:.8rem}table{font-size:.86rem}th,td{padding-right:.45rem}.none{white-space:normal}}\n"
"@media print{:root{--ink:#000;--soft:#444;--page:#fff;--card:#fff;--rule:#bbb;--track:#eee;--good:#12704f;--bad:#b3261e;"
"--sent:#2c6bb3;--failed:#c8501e;--unknown:#d9a514;--open:#8a94a1;color-scheme:light}\n"
"*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\n"
"body{font-size:10.5pt}main,header,footer{max-width:none;padding:0}section{border:0;padding:0;margin:.8rem 0 1.2rem}\n"
".verdict{padding-left:.8rem}tr,figure,.tiles div{break-inside:avoid}h2,h3{break-after:avoid}.wide{overflow:visible}"
".wide table{font-size:8pt}}\n"
"@page{margin:14mm}\n";

/* Text of others, fit for an element or a quoted attribute. */
static void
put_text(struct vf_buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			vf_buf_add_str(b, "&amp;");
			break;
		case '<':
			vf_buf_add_str(b, "&lt;");
			break;
		case '>':
			vf_buf_add_str(b, "&gt;");
			break;
		case '"':
			vf_buf_add_str(b, "&quot;");
			break;
		case '\'':
			vf_buf_add_str(b, "&#39;");
			break;
		default:
			vf_buf_add_char(b, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
		}
}

/* A count for people, with its value for programs. */
static void
put_count(struct vf_buf *b, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	vf_buf_addf(b, "<data value=\"%s\">", digits);
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			vf_buf_add_char(b, ',');
		vf_buf_add_char(b, digits[i]);
	}
	vf_buf_add_str(b, "</data>");
}

static void
count_cell(struct vf_buf *b, uint64_t n)
{
	vf_buf_add_str(b, "<td class=\"n\">");
	put_count(b, n);
	vf_buf_add_str(b, "</td>");
}

static void
seconds_cell(struct vf_buf *b, double s)
{
	vf_buf_addf(b, "<td class=\"n\"><data value=\"%.3f\">%.*f s</data></td>", s, s < 10 ? 3 : 1, s);
}

static void
percent_cell(struct vf_buf *b, uint64_t n, uint64_t of)
{
	bool few = n > 0 && (double)n * 1000 < (double)of;

	if (of == 0)
		vf_buf_add_str(b, "<td class=\"n none\">\342\200\223</td>");
	else
		vf_buf_addf(b, "<td class=\"n soft\">%s%.1f %%</td>", few ? "&lt; " : "", few ? 0.1 : 100.0 * (double)n / (double)of);
}

static void
text_cell(struct vf_buf *b, const char *text)
{
	vf_buf_add_str(b, "<td>");
	put_text(b, *text != '\0' ? text : "\342\200\223");
	vf_buf_add_str(b, "</td>");
}

static void
word_cell(struct vf_buf *b, const char *word, bool good)
{
	vf_buf_addf(b, "<td class=\"%s\">%s %s</td>", good ? "ok" : "no", good ? "\342\234\223" : "\342\234\227", word);
}

/* `campaign, wave w` over a group of rows. */
static void
group_row(struct vf_buf *b, const char *campaign, const char *wave, int columns)
{
	vf_buf_addf(b, "</tbody>\n<tbody><tr><th scope=\"rowgroup\" colspan=\"%d\">", columns);
	put_text(b, *campaign != '\0' ? campaign : "no campaign");
	if (*wave != '\0') {
		vf_buf_add_str(b, ", wave ");
		put_text(b, wave);
	}
	vf_buf_add_str(b, "</th></tr>\n");
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
			put_text(b, v);
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
	put_count(b, n);
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
			group_row(b, s[i].campaign, s[i].wave, 4);
		}
		vf_buf_addf(b, "<tr><th scope=\"row\">%s</th>", s[i].name);
		count_cell(b, s[i].n);
		percent_cell(b, s[i].n, first->n);
		vf_buf_add_str(b, "<td class=\"b\">");
		plot_bar(b, s[i].n, most, sent ? "sent" : "open");
		vf_buf_add_str(b, "</td></tr>\n");
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
			group_row(b, w[i].campaign, w[i].wave, 4);
		vf_buf_add_str(b, "<tr><th scope=\"row\">");
		put_text(b, w[i].word);
		vf_buf_add_str(b, "</th>");
		vf_buf_add_str(b, "<td class=\"t\">");
		put_text(b, w[i].tool);
		vf_buf_add_str(b, "</td>");
		count_cell(b, w[i].n);
		vf_buf_add_str(b, "<td class=\"b\">");
		plot_bar(b, w[i].n, most, "failed");
		vf_buf_add_str(b, "</td></tr>\n");
	}
	vf_buf_add_str(b, "</tbody>\n</table></section>\n");
}

/* Notifications -------------------------------------------------------------- */

static const char *
channel_name(const char *channel)
{
	return strcmp(channel, "sms") == 0 ? "SMS" : strcmp(channel, "email") == 0 ? "e-mail" :
		strcmp(channel, "email-queue") == 0 ? "e-mail queue" : channel;
}

static const char *
status_class(int s)
{
	return s == VF_DELIVERY_SENT ? "sent" : s == VF_DELIVERY_FAILED ? "failed" : s == VF_DELIVERY_UNKNOWN ? "unknown" : "open";
}

static void
add_statuses(struct vf_buf *b, const struct vf_delivery *d)
{
	vf_buf_add_str(b, "<table>\n<thead><tr><th scope=\"col\">result</th><th scope=\"col\" class=\"n\">fans</th>"
		"<th scope=\"col\" class=\"n\">share</th><th scope=\"col\"><span class=\"soft\">plot</span></th></tr></thead>\n<tbody>\n");
	for (int s = 0; s < VF_DELIVERY_STATUSES; s++) {
		if (d->statuses[s] == 0 && s > VF_DELIVERY_UNKNOWN)
			continue;
		vf_buf_addf(b, "<tr><th scope=\"row\">%s</th>", vf_delivery_status_names[s]);
		count_cell(b, d->statuses[s]);
		percent_cell(b, d->statuses[s], d->results);
		vf_buf_add_str(b, "<td class=\"b\">");
		plot_bar(b, d->statuses[s], d->results, status_class(s));
		vf_buf_add_str(b, "</td></tr>\n");
		for (int i = 0; i < d->ncauses; i++)
			if (d->causes[i].status == (enum vf_delivery_status)s) {
				vf_buf_addf(b, "<tr><th scope=\"row\" class=\"soft\">\302\240\302\240%s</th>", d->causes[i].word);
				count_cell(b, d->causes[i].n);
				percent_cell(b, d->causes[i].n, d->results);
				vf_buf_add_str(b, "<td class=\"b\">");
				plot_bar(b, d->causes[i].n, d->results, status_class(s));
				vf_buf_add_str(b, "</td></tr>\n");
			}
	}
	vf_buf_add_str(b, "</tbody>\n</table>\n");
}

static void
add_key(struct vf_buf *b, const char *class)
{
	vf_buf_addf(b, "<span><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"%s\" width=\"10\" height=\"10\"/></svg>%s</span>",
		class, class);
}

static void
add_time_table(struct vf_buf *b, const struct vf_delivery *d)
{
	char at[VF_DATE_LEN + 1];

	vf_buf_add_str(b, "<details><summary>the plot's figures</summary><div class=\"wide\"><table>\n<thead><tr>"
		"<th scope=\"col\">from</th><th scope=\"col\" class=\"n\">sent</th><th scope=\"col\" class=\"n\">failed</th>"
		"<th scope=\"col\" class=\"n\">unknown</th></tr></thead>\n<tbody>\n");
	for (int i = 0; i < d->npoints; i++) {
		const struct vf_delivery_point *p = &d->points[i];

		if (p->sent == 0 && p->failed == 0 && p->unknown == 0)
			continue;
		vf_date_put(at, d->start + i * d->step);
		vf_buf_addf(b, "<tr><th scope=\"row\"><time>%s</time></th>", at);
		count_cell(b, p->sent);
		count_cell(b, p->failed);
		count_cell(b, p->unknown);
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "</tbody>\n</table></div></details>\n");
}

static void
add_latency_table(struct vf_buf *b, const struct vf_delivery *d)
{
	static const struct row {
		const char *name;
		double q;
	} rows[] = { { "median (p50)", 0.50 }, { "p95", 0.95 }, { "p99", 0.99 } };

	vf_buf_add_str(b, "<table>\n<tbody>\n");
	for (size_t i = 0; i < 3; i++) {
		vf_buf_addf(b, "<tr><th scope=\"row\">%s</th>", rows[i].name);
		seconds_cell(b, (double)vf_delivery_quantile(d, rows[i].q) / 1e6);
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "<tr><th scope=\"row\">longest</th>");
	seconds_cell(b, (double)d->latency_max / 1e6);
	vf_buf_add_str(b, "</tr>\n</tbody>\n</table>\n");
}

static void
add_plots(struct vf_buf *b, const struct vf_delivery *d, size_t n)
{
	char id[32], from[VF_DATE_LEN + 1];

	vf_buf_add_str(b, "<div class=\"plots\">\n");
	if (d->npoints > 0) {
		vf_date_put(from, d->start);
		vf_buf_addf(b, "<figure><figcaption>Messages a second, %.10s (UTC)</figcaption>\n<p class=\"key\">", from);
		add_key(b, "sent");
		add_key(b, "unknown");
		add_key(b, "failed");
		vf_buf_add_str(b, "</p>\n");
		snprintf(id, sizeof(id), "time-%zu", n);
		plot_time(b, d, id);
		add_time_table(b, d);
		vf_buf_add_str(b, "</figure>\n");
	}
	if (d->latencies > 0) {
		vf_buf_add_str(b, "<figure><figcaption>How long the answers took</figcaption>\n<p class=\"key\">logarithmic</p>\n");
		snprintf(id, sizeof(id), "latency-%zu", n);
		plot_latency(b, d, id);
		add_latency_table(b, d);
		vf_buf_add_str(b, "</figure>\n");
	}
	vf_buf_add_str(b, "</div>\n");
}

static void
add_delivery(struct vf_buf *b, const struct vf_tally_delivery *e, size_t n)
{
	const struct vf_delivery *d = &e->d;
	double rate = vf_delivery_rate(d);

	vf_buf_add_str(b, "<section class=\"delivery\"><h2>");
	put_text(b, channel_name(d->channel));
	vf_buf_add_str(b, *e->wave != '\0' ? ", wave " : "");
	put_text(b, e->wave);
	vf_buf_add_str(b, "</h2>\n<p class=\"soft\">");
	if (*e->campaign != '\0') {
		put_text(b, e->campaign);
		vf_buf_add_str(b, ": ");
	}
	put_count(b, d->attempted);
	vf_buf_add_str(b, " of ");
	put_count(b, d->results);
	vf_buf_add_str(b, " attempted, in ");
	put_count(b, d->attempts);
	vf_buf_add_str(b, " requests");
	if (rate > 0)
		vf_buf_addf(b, ", <data value=\"%.1f\">%.1f</data> results a second", rate, rate);
	if (d->throttled > 0) {
		vf_buf_add_str(b, "; ");
		put_count(b, d->throttled);
		vf_buf_add_str(b, " answers asked to slow down");
	}
	vf_buf_add_str(b, ".</p>\n");
	add_statuses(b, d);
	if (d->npoints > 0 || d->latencies > 0)
		add_plots(b, d, n);
	vf_buf_add_str(b, "</section>\n");
}

/* Metrics and steps ---------------------------------------------------------- */

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
		put_text(b, m->basis);
		vf_buf_addf(b, "</small></th><td class=\"n\">%s<small>target ", *m->value != '\0' ? m->value : "\342\200\223");
		put_text(b, m->target);
		vf_buf_addf(b, "</small></td><td class=\"%s\">%s%s</td></tr>\n", class[m->verdict], sign[m->verdict],
			vf_verdict_names[m->verdict]);
	}
	vf_buf_add_str(b, "</tbody>\n</table></section>\n");
}

static void
add_chain(struct vf_buf *b, const struct report *r, size_t first, size_t end)
{
	if (r->nchain < 2)
		return;
	vf_buf_add_str(b, "<p class=\"soft\">");
	for (int i = 0; i + 1 < r->nchain; i++) {
		struct vf_tally_link link = vf_tally_link(&r->tally, first, end, r->chain[i], r->chain[i + 1]);
		bool good = vf_tally_link_ok(link);

		put_text(b, r->chain[i]);
		vf_buf_add_str(b, " wrote ");
		put_count(b, link.out);
		vf_buf_add_str(b, ", ");
		put_text(b, r->chain[i + 1]);
		vf_buf_add_str(b, " read ");
		put_count(b, link.in);
		vf_buf_addf(b, ": <span class=\"%s\">%s</span>%s", good ? "ok" : "no", tally_link_word(link),
			i + 2 < r->nchain ? "; " : ".</p>\n");
	}
}

static void
add_run(struct vf_buf *b, const struct report *r, size_t first, size_t end)
{
	char name[RUN_NAME];

	tally_run_name(name, r->tally.steps[first].run);
	vf_buf_add_str(b, "<h3>");
	put_text(b, name);
	vf_buf_add_str(b, "</h3>\n<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\">wave</th>"
		"<th scope=\"col\">input</th><th scope=\"col\" class=\"n\">in</th><th scope=\"col\" class=\"n\">out</th>"
		"<th scope=\"col\" class=\"n\">rejected</th><th scope=\"col\" class=\"n\">held</th><th scope=\"col\" class=\"n\">time</th>"
		"<th scope=\"col\">check</th></tr></thead>\n<tbody>\n");
	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &r->tally.steps[i];
		const char *slash = strrchr(s->first_input, '/');

		vf_buf_add_str(b, "<tr><th scope=\"row\">");
		put_text(b, s->tool);
		vf_buf_add_str(b, "</th>");
		text_cell(b, s->about);
		text_cell(b, slash != NULL && slash[1] != '\0' ? slash + 1 : s->first_input);
		count_cell(b, s->in);
		count_cell(b, s->out);
		count_cell(b, s->rejected);
		count_cell(b, s->unselected + s->deferred);
		seconds_cell(b, s->seconds);
		word_cell(b, tally_step_word(s), vf_tally_step_ok(s, NULL));
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "</tbody>\n</table></div>\n");
	add_chain(b, r, first, end);
}

static void
add_runs(struct vf_buf *b, const struct report *r)
{
	if (r->tally.nsteps == 0)
		return;
	vf_buf_add_str(b, "<section id=\"steps\"><h2>Every step of every run</h2>\n");
	for (size_t first = 0, end; first < r->tally.nsteps; first = end) {
		end = vf_tally_run_end(&r->tally, first);
		add_run(b, r, first, end);
	}
	vf_buf_add_str(b, "</section>\n");
}

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
		put_text(b, r->tally.steps[i].campaign);
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
	vf_buf_add_str(b, style);
	vf_buf_add_str(b, "</style>\n</head>\n<body>\n<header><h1>");
	add_title(b, r);
	vf_buf_add_str(b, "</h1>\n");
	add_when(b, r);
	vf_buf_add_str(b, "</header>\n<main>\n");
	add_verdict(b, r);
	add_tiles(b, r);
	add_funnel(b, &r->overview);
	for (size_t i = 0; i < r->tally.ndeliveries; i++)
		add_delivery(b, r->tally.deliveries[i], i);
	add_reasons(b, &r->overview);
	add_metrics(b, r);
	add_runs(b, r);
	vf_buf_addf(b, "</main>\n<footer><p>Made from %" PRIu64 " stats lines by vf-tally %s on <time>%s</time>. "
		"It holds counts only, no personal data.</p></footer>\n</body>\n</html>\n", r->tally.lines, PACKAGE_VERSION, now);
}
