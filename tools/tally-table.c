/* tally-table.c -- the report as text: columns that line up. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tally.h"

#define CELL 64
#define SHORT 36		/* characters of a name that are shown */
#define COLUMNS 16

struct row {
	char cell[COLUMNS][CELL];
};

/* Rows are kept until all widths are known. */
struct table {
	int columns;
	unsigned left;		/* bit c: column c is of words, and starts at its left */
	struct row *rows;
	size_t n, size;
	bool failed;
};

/* A cell's text: what could move the cursor is shown as `?`; a long one keeps its end, which tells more. */
static void
put_cell(char cell[CELL], const char *text, size_t more)
{
	size_t n = strlen(text), out = 0;

	if (n > SHORT) {
		text += n - SHORT;
		while (((unsigned char)*text & 0xc0) == 0x80)
			text++;
		cell[out++] = '*';
	}
	if (n == 0)
		cell[out++] = '-';
	for (; *text != '\0'; text++)
		cell[out++] = (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text;
	cell[out] = '\0';
	if (more > 0)
		snprintf(cell + out, CELL - out, " +%zu", more);
}

static void
put_number(char cell[CELL], uint64_t n)
{
	snprintf(cell, CELL, "%" PRIu64, n);
}

/* Characters, not bytes. */
static int
width_of(const char *text)
{
	int n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* An empty row, valid until the next one is asked for. */
static struct row *
add_row(struct table *t)
{
	static struct row nowhere;
	struct row *rows;

	if (t->n == t->size) {
		rows = reallocarray(t->rows, t->size * 2 + 16, sizeof(*rows));
		if (rows == NULL) {
			t->failed = true;
			return &nowhere;
		}
		t->rows = rows;
		t->size = t->size * 2 + 16;
	}
	t->rows[t->n] = (struct row){ 0 };
	return &t->rows[t->n++];
}

static void
start_table(struct table *t, unsigned left, const char *const *heads)
{
	struct row *row;

	*t = (struct table){ .left = left };
	row = add_row(t);
	for (; heads[t->columns] != NULL; t->columns++)
		snprintf(row->cell[t->columns], CELL, "%s", heads[t->columns]);
}

static void
finish_table(struct table *t, struct vf_buf *b)
{
	int width[COLUMNS] = { 0 }, last = t->columns - 1;

	for (size_t i = 0; i < t->n; i++)
		for (int c = 0; c < t->columns; c++)
			if (width_of(t->rows[i].cell[c]) > width[c])
				width[c] = width_of(t->rows[i].cell[c]);
	for (size_t i = 0; i < t->n; i++)
		for (int c = 0; c <= last; c++) {
			const char *text = t->rows[i].cell[c];
			int pad = width[c] - width_of(text);
			bool left = (t->left >> c & 1) != 0;

			if (left)
				vf_buf_add_str(b, text);
			if (c < last || !left)	/* no blanks at the end of a line */
				vf_buf_addf(b, "%*s", pad, "");
			if (!left)
				vf_buf_add_str(b, text);
			vf_buf_add_str(b, c < last ? "  " : "\n");
		}
	b->failed |= t->failed;
	free(t->rows);
}

static void
add_steps(struct vf_buf *b, const struct vf_tally *tally, size_t first, size_t end)
{
	static const char *const heads[] = { "step", "campaign", "wave", "input", "in", "out", "rejected", "held", "exit",
		"seconds", "check", NULL };
	struct table t;

	start_table(&t, 0x40f, heads);
	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &tally->steps[i];
		struct row *row = add_row(&t);

		put_cell(row->cell[0], s->tool, 0);
		put_cell(row->cell[1], s->campaign, 0);
		put_cell(row->cell[2], s->wave, 0);
		put_cell(row->cell[3], tally_base_name(s->first_input), s->ninputs > 0 ? s->ninputs - 1 : 0);
		put_number(row->cell[4], s->in);
		put_number(row->cell[5], s->out);
		put_number(row->cell[6], s->rejected);
		put_number(row->cell[7], s->unselected + s->deferred);
		put_number(row->cell[8], s->exit);
		snprintf(row->cell[9], CELL, "%.1f", s->seconds);
		snprintf(row->cell[10], CELL, "%s", tally_step_word(s));
	}
	finish_table(&t, b);
}

static void
add_chain(struct vf_buf *b, const struct report *r, size_t first, size_t end)
{
	for (int i = 0; i + 1 < r->nchain; i++) {
		const char *from = r->chain[i], *to = r->chain[i + 1];
		struct vf_tally_link link = vf_tally_link(&r->tally, first, end, from, to);

		vf_buf_addf(b, "%s -> %s: %" PRIu64 " out, %" PRIu64 " in: %s\n", from, to, link.out, link.in,
			tally_link_word(link));
	}
}

static void
put_seconds(char cell[CELL], const struct vf_delivery *d, double q)
{
	if (d->latencies == 0)
		snprintf(cell, CELL, "-");
	else
		snprintf(cell, CELL, "%.3f", (double)vf_delivery_quantile(d, q) / 1e6);
}

static void
add_waves(struct vf_buf *b, const struct vf_tally *tally)
{
	static const char *const heads[] = { "wave", "campaign", "channel", "results", "attempted", "sent", "failed", "unknown",
		"deferred", "suppressed", "other", "p50", "p95", "p99", "rate/s", NULL };
	static const int own[] = { VF_DELIVERY_SENT, VF_DELIVERY_FAILED, VF_DELIVERY_UNKNOWN, VF_DELIVERY_DEFERRED,
		VF_DELIVERY_SUPPRESSED };
	struct table t;

	start_table(&t, 7, heads);
	for (size_t i = 0; i < tally->ndeliveries; i++) {
		const struct vf_tally_delivery *e = tally->deliveries[i];
		const struct vf_delivery *d = &e->d;
		struct row *row = add_row(&t);
		uint64_t other = d->results;

		put_cell(row->cell[0], e->wave, 0);
		put_cell(row->cell[1], e->campaign, 0);
		put_cell(row->cell[2], d->channel, 0);
		put_number(row->cell[3], d->results);
		put_number(row->cell[4], d->attempted);
		for (int k = 0; k < 5; k++) {
			put_number(row->cell[5 + k], d->statuses[own[k]]);
			other -= d->statuses[own[k]];
		}
		put_number(row->cell[10], other);
		put_seconds(row->cell[11], d, 0.50);
		put_seconds(row->cell[12], d, 0.95);
		put_seconds(row->cell[13], d, 0.99);
		snprintf(row->cell[14], CELL, "%.1f", vf_delivery_rate(d));
	}
	finish_table(&t, b);
}

/* Why, of each status that is not `sent`: the most frequent first. */
static void
add_causes(struct vf_buf *b, const struct vf_tally_delivery *e)
{
	const struct vf_delivery *d = &e->d;
	char wave[CELL];

	put_cell(wave, e->wave, 0);
	for (int s = 0; s < VF_DELIVERY_STATUSES; s++) {
		bool done[VF_DELIVERY_CAUSES] = { 0 };
		const char *sep = ":";

		for (;;) {
			int best = -1;

			for (int i = 0; i < d->ncauses; i++)
				if (!done[i] && d->causes[i].status == (enum vf_delivery_status)s &&
					(best < 0 || d->causes[i].n > d->causes[best].n))
					best = i;
			if (best < 0)
				break;
			if (*sep == ':')
				vf_buf_addf(b, "%s %s %s", wave, d->channel, vf_delivery_status_names[s]);
			vf_buf_addf(b, "%s %s %" PRIu64, sep, d->causes[best].word, d->causes[best].n);
			done[best] = true;
			sep = ",";
		}
		if (*sep == ',')
			vf_buf_add_char(b, '\n');
	}
}

static void
add_metrics(struct vf_buf *b, const struct report *r)
{
	static const char *const heads[] = { "metric", "target", "value", "verdict", NULL };
	struct table t;

	start_table(&t, 0xb, heads);
	for (int i = 0; i < VF_METRICS; i++) {
		struct row *row = add_row(&t);

		snprintf(row->cell[0], CELL, "%s", r->metrics[i].name);
		snprintf(row->cell[1], CELL, "%s", r->metrics[i].target);
		snprintf(row->cell[2], CELL, "%s", *r->metrics[i].value != '\0' ? r->metrics[i].value : "-");
		snprintf(row->cell[3], CELL, "%s", vf_verdict_names[r->metrics[i].verdict]);
	}
	finish_table(&t, b);
	vf_buf_add_char(b, '\n');
	for (int i = 0; i < VF_METRICS; i++)
		vf_buf_addf(b, "%s: %s\n", r->metrics[i].name, r->metrics[i].basis);
}

void
tally_table(struct vf_buf *b, const struct report *r)
{
	char name[RUN_NAME];

	for (size_t first = 0, end; first < r->tally.nsteps; first = end) {
		end = vf_tally_run_end(&r->tally, first);
		tally_run_name(name, r->tally.steps[first].run);
		vf_buf_addf(b, "%s%s\n", first > 0 ? "\n" : "", name);
		add_steps(b, &r->tally, first, end);
		add_chain(b, r, first, end);
	}
	if (r->tally.ndeliveries > 0) {
		vf_buf_add_str(b, "\nnotifications\n");
		add_waves(b, &r->tally);
		for (size_t i = 0; i < r->tally.ndeliveries; i++)
			add_causes(b, r->tally.deliveries[i]);
	}
	if (r->opt->metrics) {
		vf_buf_add_str(b, r->tally.nsteps > 0 ? "\nmetrics\n" : "metrics\n");
		add_metrics(b, r);
	}
}
