/* tally-html-delivery.c -- what became of the messages of one channel and wave: results, rate, latency. */
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "tally-html.h"

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

/* How many of the fans, to the end of the row. */
static void
add_share(struct vf_buf *b, const struct vf_delivery *d, uint64_t n, int status)
{
	html_count_cell(b, n);
	html_percent_cell(b, n, d->results);
	html_bar_cell(b, n, d->results, status_class(status));
	vf_buf_add_str(b, "</tr>\n");
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
		add_share(b, d, d->statuses[s], s);
		for (int i = 0; i < d->ncauses; i++)
			if (d->causes[i].status == (enum vf_delivery_status)s) {
				vf_buf_addf(b, "<tr><th scope=\"row\" class=\"soft\">\302\240\302\240%s</th>", d->causes[i].word);
				add_share(b, d, d->causes[i].n, s);
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
		html_count_cell(b, p->sent);
		html_count_cell(b, p->failed);
		html_count_cell(b, p->unknown);
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
		html_seconds_cell(b, (double)vf_delivery_quantile(d, rows[i].q) / 1e6);
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "<tr><th scope=\"row\">longest</th>");
	html_seconds_cell(b, (double)d->latency_max / 1e6);
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

void
html_delivery(struct vf_buf *b, const struct vf_tally_delivery *e, size_t n)
{
	const struct vf_delivery *d = &e->d;
	double rate = vf_delivery_rate(d);

	vf_buf_add_str(b, "<section class=\"delivery\"><h2>");
	html_text(b, channel_name(d->channel));
	vf_buf_add_str(b, *e->wave != '\0' ? ", wave " : "");
	html_text(b, e->wave);
	vf_buf_add_str(b, "</h2>\n<p class=\"soft\">");
	if (*e->campaign != '\0') {
		html_text(b, e->campaign);
		vf_buf_add_str(b, ": ");
	}
	html_count(b, d->attempted);
	vf_buf_add_str(b, " of ");
	html_count(b, d->results);
	vf_buf_add_str(b, " attempted, in ");
	html_count(b, d->attempts);
	vf_buf_add_str(b, " requests");
	if (rate > 0)
		vf_buf_addf(b, ", <data value=\"%.1f\">%.1f</data> results a second", rate, rate);
	if (d->throttled > 0) {
		vf_buf_add_str(b, "; ");
		html_count(b, d->throttled);
		vf_buf_add_str(b, " answers asked to slow down");
	}
	vf_buf_add_str(b, ".</p>\n");
	add_statuses(b, d);
	if (d->npoints > 0 || d->latencies > 0)
		add_plots(b, d, n);
	vf_buf_add_str(b, "</section>\n");
}
