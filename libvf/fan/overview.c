/* fan/overview.c -- what a campaign came to, over all its runs. */
#include "fan/overview.h"

#include <stdlib.h>

/* A stage is a figure of a tool's line. */
static const struct stage {
	const char *name, *tool;
	bool in;			/* what went in, not what came out */
	bool of_wave;			/* only where a wave is known; else only where none is */
} stages[] = {
	{ "scored", "vf-score", true, false },
	{ "valid scores", "vf-score", false, false },
	{ "eligible", "vf-filter", false, false },
	{ "entrants", "vf-draw", true, true },
	{ "drawn", "vf-draw", false, true },
	{ "with a code", "vf-assign", false, true },
	{ "in wave files", "vf-wave", false, true },
};

static const struct channel {
	const char *name, *channel;
} channels[] = {
	{ "SMS sent", "sms" },
	{ "e-mail queued", "email-queue" },
	{ "e-mail sent", "email" },
};

/* In which order tools are told of; others come after them, by name. */
static const char *const chain[] = { "vf-score", "vf-entries", "vf-join", "vf-filter", "vf-draw", "vf-assign", "vf-wave",
	"vf-email" };

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static int
compare_about(const struct vf_tally_step *a, const struct vf_tally_step *b)
{
	int c = strcmp(a->campaign, b->campaign);

	if (c == 0)
		c = strcmp(a->about, b->about);
	return c != 0 ? c : strcmp(a->tool, b->tool);
}

static int
by_about(const void *x, const void *y)
{
	const struct vf_tally_step *a = *(const struct vf_tally_step *const *)x, *b = *(const struct vf_tally_step *const *)y;
	int c = compare_about(a, b);

	if (c == 0)
		c = strcmp(a->input, b->input);
	return c != 0 ? c : (a->order > b->order) - (a->order < b->order);
}

/* The lines that count, sorted; *n of them. */
static const struct vf_tally_step **
take_steps(const struct vf_tally *t, size_t *n, struct vf_error *err)
{
	const struct vf_tally_step **items = calloc(t->nsteps + 1, sizeof(const struct vf_tally_step *));
	size_t all = 0;

	*n = 0;
	if (items == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	for (size_t i = 0; i < t->nsteps; i++)
		if (t->steps[i].exit == 0)
			items[all++] = &t->steps[i];
	qsort(items, all, sizeof(const struct vf_tally_step *), by_about);
	for (size_t i = 0; i < all; i++)
		if (i + 1 == all || compare_about(items[i], items[i + 1]) != 0 ||
			strcmp(items[i]->input, items[i + 1]->input) != 0)
			items[(*n)++] = items[i];
	return items;
}

static void
add_stage(struct vf_overview *o, const char *campaign, const char *wave, const char *name, uint64_t n)
{
	struct vf_stage *last = o->nstages > 0 ? &o->stages[o->nstages - 1] : NULL;

	if (last != NULL && last->name == name && strcmp(last->wave, wave) == 0 && strcmp(last->campaign, campaign) == 0)
		last->n += n;
	else
		o->stages[o->nstages++] = (struct vf_stage){ campaign, wave, name, n };
}

/* The stages of one campaign and wave, whose steps are [first, end). */
static void
add_stages(struct vf_overview *o, const struct vf_tally_step *const *items, size_t first, size_t end)
{
	for (size_t s = 0; s < COUNT(stages); s++)
		for (size_t i = first; i < end; i++) {
			const struct vf_tally_step *step = items[i];

			if (strcmp(step->tool, stages[s].tool) == 0 && (*items[i]->about != '\0') == stages[s].of_wave)
				add_stage(o, step->campaign, items[i]->about, stages[s].name,
					stages[s].in ? step->in : step->out);
		}
}

/* Deliveries are sorted by campaign and wave too, but not every wave that has one has other steps. */
static void
add_sent(struct vf_overview *o, const struct vf_tally *t, const char *campaign, const char *wave)
{
	for (size_t c = 0; c < COUNT(channels); c++)
		for (size_t i = 0; i < t->ndeliveries; i++) {
			const struct vf_tally_delivery *d = t->deliveries[i];

			if (strcmp(d->campaign, campaign) == 0 && strcmp(d->wave, wave) == 0 &&
				strcmp(d->d.channel, channels[c].channel) == 0)
				add_stage(o, d->campaign, d->wave, channels[c].name,
					d->d.statuses[VF_DELIVERY_SENT]);
		}
}

static int
compare_tools(const char *a, const char *b)
{
	size_t i = 0, k = 0;

	while (i < COUNT(chain) && strcmp(chain[i], a) != 0)
		i++;
	while (k < COUNT(chain) && strcmp(chain[k], b) != 0)
		k++;
	return i != k ? (i > k) - (i < k) : strcmp(a, b);
}

static int
by_reason(const void *x, const void *y)
{
	const struct vf_why *a = x, *b = y;
	int c = strcmp(a->campaign, b->campaign);

	if (c == 0)
		c = strcmp(a->wave, b->wave);
	if (c == 0)
		c = strcmp(a->tool, b->tool);
	return c != 0 ? c : strcmp(a->word, b->word);
}

static int
by_count(const void *x, const void *y)
{
	const struct vf_why *a = x, *b = y;
	int c = strcmp(a->campaign, b->campaign);

	if (c == 0)
		c = strcmp(a->wave, b->wave);
	if (c == 0)
		c = compare_tools(a->tool, b->tool);
	if (c == 0)
		c = (a->n < b->n) - (a->n > b->n);
	return c != 0 ? c : strcmp(a->word, b->word);
}

static void
add_reasons(struct vf_overview *o, const struct vf_tally_step *const *items, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < items[i]->nwhy; k++)
			if (items[i]->why[k].n > 0)
				o->why[o->nwhy++] = (struct vf_why){ items[i]->campaign, items[i]->about,
					items[i]->tool, items[i]->why[k].name, items[i]->why[k].n };
	if (o->nwhy == 0)
		return;
	qsort(o->why, o->nwhy, sizeof(*o->why), by_reason);
	for (size_t i = 0; i < o->nwhy; i++)
		if (left > 0 && by_reason(&o->why[left - 1], &o->why[i]) == 0)
			o->why[left - 1].n += o->why[i].n;
		else
			o->why[left++] = o->why[i];
	o->nwhy = left;
	qsort(o->why, o->nwhy, sizeof(*o->why), by_count);
}

static int
compare_ids(const char *campaign, const char *wave, const char *c2, const char *w2)
{
	int c = strcmp(campaign, c2);

	return c != 0 ? c : strcmp(wave, w2);
}

/* Campaigns and waves of both lists in order, each once: of the steps, and of the deliveries. */
static void
merge_stages(struct vf_overview *o, const struct vf_tally *t, const struct vf_tally_step *const *items, size_t n)
{
	size_t i = 0, d = 0, end;

	while (i < n || d < t->ndeliveries) {
		const char *campaign = i < n ? items[i]->campaign : t->deliveries[d]->campaign;
		const char *wave = i < n ? items[i]->about : t->deliveries[d]->wave;

		if (d < t->ndeliveries && compare_ids(t->deliveries[d]->campaign, t->deliveries[d]->wave, campaign, wave) < 0) {
			campaign = t->deliveries[d]->campaign;
			wave = t->deliveries[d]->wave;
		}
		for (end = i; end < n && compare_ids(items[end]->campaign, items[end]->about, campaign, wave) == 0; end++)
			;
		add_stages(o, items, i, end);
		add_sent(o, t, campaign, wave);
		i = end;
		while (d < t->ndeliveries &&
			compare_ids(t->deliveries[d]->campaign, t->deliveries[d]->wave, campaign, wave) == 0)
			d++;
	}
}

int
vf_overview_make(struct vf_overview *o, const struct vf_tally *t, struct vf_error *err)
{
	size_t n, reasons = 0;
	const struct vf_tally_step **items = take_steps(t, &n, err);

	*o = (struct vf_overview){ 0 };
	if (items == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		reasons += items[i]->nwhy;
	o->stages = calloc(n * 2 + t->ndeliveries + 1, sizeof(*o->stages));	/* vf-score and vf-draw make two */
	o->why = calloc(reasons + 1, sizeof(*o->why));
	if (o->stages == NULL || o->why == NULL) {
		free(items);
		vf_overview_clear(o);
		return vf_error_nomem(err);
	}
	merge_stages(o, t, items, n);
	add_reasons(o, items, n);
	free(items);
	return 0;
}

void
vf_overview_clear(struct vf_overview *o)
{
	free(o->stages);
	free(o->why);
	*o = (struct vf_overview){ 0 };
}
