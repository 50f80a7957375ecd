/* tally-plot.c -- inline SVG: a bar, messages over time, and how long answers took. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/date.h"
#include "tally-html.h"

/* The plots' own units; the page scales them to a phone's width or half a desk's. */
#define WIDTH 380
#define HEIGHT 190
#define LEFT 40
#define RIGHT 370
#define TOP 24
#define BOTTOM 160
#define BARS 48				/* of the latency plot, at most */

void
plot_bar(struct vf_buf *b, uint64_t n, uint64_t of, const char *class)
{
	double width = of > 0 ? fmin(100.0 * (double)n / (double)of, 100) : 0;

	if (n > 0 && width < 0.4)
		width = 0.4;		/* a few of many are still to be seen */
	vf_buf_addf(b, "<svg class=\"bar\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<rect class=\"track\" width=\"100\" height=\"10\"/>"
		"<rect class=\"%s\" width=\"%.2f\" height=\"10\"/></svg>", class, width);
}

static void
start(struct vf_buf *b, const char *id, const char *title)
{
	vf_buf_addf(b, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-t %s-d\">\n"
		"<title id=\"%s-t\">%s</title>\n<desc id=\"%s-d\">", WIDTH, HEIGHT, id, id, id, title, id);
}

/* The smallest that is not below v of numbers whose half is as easy to read, with a power of ten. */
static double
round_up(double v)
{
	static const double easy[] = { 1, 1.5, 2, 3, 4, 5, 6, 8, 10 };
	double p = v > 0 ? pow(10, floor(log10(v))) : 1;
	size_t i = 0;

	while (i < sizeof(easy) / sizeof(*easy) - 1 && easy[i] * p < v)
		i++;
	return easy[i] * p;
}

static double
y_of(double v, double top)
{
	return BOTTOM - (BOTTOM - TOP) * v / top;
}

static void
axis_text(struct vf_buf *b, double x, double y, const char *anchor, const char *text)
{
	vf_buf_addf(b, "<text class=\"axis\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text);
}

/* Lines at 0, half and top, with what they stand for. */
static void
y_axis(struct vf_buf *b, double top, const char *unit)
{
	char text[32];

	for (int i = 0; i <= 2; i++) {
		double v = top * i / 2, y = y_of(v, top);

		vf_buf_addf(b, "<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", i == 0 ? "base" : "grid", LEFT, y,
			RIGHT, y);
		snprintf(text, sizeof(text), "%.4g", v);
		axis_text(b, LEFT - 5, y + 3.5, "end", text);
	}
	axis_text(b, LEFT - 5, TOP - 11, "start", unit);
}

/* Over time ------------------------------------------------------------------ */

enum { FAILED, UNKNOWN, SENT, SERIES };

/* A step's values, one upon the other: up to and with series s. */
static double
stacked(const struct vf_delivery_point *p, int s)
{
	double v = (double)p->failed;

	if (s >= UNKNOWN)
		v += (double)p->unknown;
	return s >= SENT ? v + (double)p->sent : v;
}

/* One series as an outline of steps, from its own top back along the top of the one below. */
static void
series(struct vf_buf *b, const struct vf_delivery *d, int s, const char *class, double top)
{
	double step = (double)(RIGHT - LEFT) / d->npoints, per = (double)d->step;

	vf_buf_addf(b, "<path class=\"%s\" d=\"M%d %.1f", class, LEFT, y_of(0, top));
	for (int i = 0; i < d->npoints; i++) {
		double y = y_of(stacked(&d->points[i], s) / per, top);

		vf_buf_addf(b, "V%.1fH%.1f", y, LEFT + step * (i + 1));
	}
	for (int i = d->npoints - 1; i >= 0; i--) {
		double y = y_of(s > FAILED ? stacked(&d->points[i], s - 1) / per : 0, top);

		vf_buf_addf(b, "V%.1fH%.1f", y, LEFT + step * i);
	}
	vf_buf_add_str(b, "Z\"/>\n");
}

/* What stands below the axis: the time of day, or the date when it is about days. */
static void
time_text(char text[16], int64_t at, int64_t span)
{
	char date[VF_DATE_LEN + 1];

	vf_date_put(date, at);
	if (span >= 2 * 86400)
		snprintf(text, 16, "%.10s", date);
	else
		snprintf(text, 16, "%.*s", span < 600 ? 8 : 5, date + 11);
}

void
plot_time(struct vf_buf *b, const struct vf_delivery *d, const char *id)
{
	int64_t span = d->npoints * d->step;
	char from[VF_DATE_LEN + 1], to[VF_DATE_LEN + 1], text[16];
	double max = 0, top;

	for (int i = 0; i < d->npoints; i++)
		max = fmax(max, stacked(&d->points[i], SENT) / (double)d->step);
	top = round_up(max);
	vf_date_put(from, d->start);
	vf_date_put(to, d->start + span);
	start(b, id, "Messages a second, over time");
	vf_buf_addf(b, "From %s to %s, in steps of %" PRId64 " s: sent, unknown and failed upon each other.</desc>\n", from, to,
		d->step);
	y_axis(b, top, "per second");
	series(b, d, SENT, "sent", top);
	series(b, d, UNKNOWN, "unknown", top);
	series(b, d, FAILED, "failed", top);
	for (int i = 0; i <= 2; i++) {
		time_text(text, d->start + span * i / 2, span);
		axis_text(b, LEFT + (double)(RIGHT - LEFT) * i / 2, BOTTOM + 16, i == 0 ? "start" : i == 1 ? "middle" : "end", text);
	}
	vf_buf_add_str(b, "</svg>\n");
}

/* Latency -------------------------------------------------------------------- */

/* Where a number of microseconds stands between the ends, on a logarithmic scale. */
struct scale {
	double low, high;		/* log2 of the ends */
};

static double
x_of(const struct scale *s, double us)
{
	double at = (log2(us > 1 ? us : 1) - s->low) / (s->high - s->low);

	return LEFT + (RIGHT - LEFT) * fmin(fmax(at, 0), 1);
}

/* Buckets' middles, as vf_delivery keeps them. */
static double
middle_of(size_t i)
{
	double low = i < 64 ? (double)i : ldexp((double)(i % 64 + 64), (int)(i / 64) - 1);
	double width = i < 64 ? 0 : ldexp(1, (int)(i / 64) - 1);

	return low + width / 2;
}

static void
time_label(char *text, size_t size, double us)
{
	if (us < 1000)
		snprintf(text, size, "%.3g \302\265s", us);
	else if (us < 1e6)
		snprintf(text, size, "%.3g ms", us / 1e3);
	else
		snprintf(text, size, "%.3g s", us / 1e6);
}

/* 1, 2 and 5 of each power of ten where there is room, at least the ends. */
static void
x_axis(struct vf_buf *b, const struct scale *s)
{
	static const double of_ten[] = { 1, 2, 5 };
	double last = -100;
	char text[32];

	for (double p = 1; p < 1e11; p *= 10)
		for (int i = 0; i < 3; i++) {
			double us = p * of_ten[i], x;

			if (log2(us) < s->low - 0.01 || log2(us) > s->high + 0.01)
				continue;
			x = x_of(s, us);
			/* The last one's text ends at the edge, and so needs more room before it. */
			if (x - last < (x > RIGHT - 15 ? 62 : 42) || (i > 0 && s->high - s->low > 12))
				continue;
			vf_buf_addf(b, "<line class=\"base\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x, BOTTOM, x, BOTTOM + 4);
			time_label(text, sizeof(text), us);
			axis_text(b, x, BOTTOM + 16, x < LEFT + 15 ? "start" : x > RIGHT - 15 ? "end" : "middle", text);
			last = x;
		}
}

static void
mark(struct vf_buf *b, const struct scale *s, const struct vf_delivery *d, double q, const char *name, double y)
{
	double x = x_of(s, (double)vf_delivery_quantile(d, q));
	bool right = x > RIGHT - 40;

	vf_buf_addf(b, "<line class=\"mark\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%d\"/>\n", x, y - 8, x, BOTTOM);
	vf_buf_addf(b, "<text class=\"label\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", right ? x - 3 : x + 3, y,
		right ? "end" : "start", name);
}

void
plot_latency(struct vf_buf *b, const struct vf_delivery *d, const char *id)
{
	struct scale s = { floor(log2((double)d->latency_min + 1) * 2) / 2, ceil(log2((double)d->latency_max + 1) * 2) / 2 };
	uint64_t bars[BARS] = { 0 };
	double max = 0, top, width;
	int n;

	if (s.high - s.low < 2) {	/* all alike: still a plot, not a wall */
		s.low -= 1;
		s.high += 1;
	}
	n = (int)((s.high - s.low) * 8);
	n = n > BARS ? BARS : n;
	width = (double)(RIGHT - LEFT) / n;
	for (size_t i = 0; i < VF_DELIVERY_BUCKETS; i++)
		if (d->buckets[i] > 0) {
			int at = (int)((x_of(&s, middle_of(i)) - LEFT) / width);

			bars[at < n ? at : n - 1] += d->buckets[i];
		}
	for (int i = 0; i < n; i++)
		max = fmax(max, (double)bars[i]);
	top = round_up(max);
	start(b, id, "How long the answers took");
	vf_buf_add_str(b, "How many requests were answered after how long, on a logarithmic scale, "
		"with the median and the 95th and 99th percentile.</desc>\n");
	y_axis(b, top, "requests");
	for (int i = 0; i < n; i++)
		if (bars[i] > 0)
			vf_buf_addf(b, "<rect class=\"sent\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
				LEFT + width * i + width * 0.08, y_of((double)bars[i], top), width * 0.84,
				BOTTOM - y_of((double)bars[i], top));
	mark(b, &s, d, 0.50, "p50", TOP - 2);
	mark(b, &s, d, 0.95, "p95", TOP + 8);
	mark(b, &s, d, 0.99, "p99", TOP + 18);
	x_axis(b, &s);
	vf_buf_add_str(b, "</svg>\n");
}
