/* fan/tally.c -- stats lines in, verdict out. */
#include "fan/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/json.h"

#define COUNT_MAX ((uint64_t)1 << 50)	/* so that no sum of thousands of lines overflows */
#define WAVES_MAX 256			/* delivery figures in one line */

/* Steps that make records: nothing goes in. */
static const char *const sources[] = { "vf-codegen", "vf-entries", "vf-pacman", "vf-sqs" };

static void
clear_step(struct vf_tally_step *s)
{
	free(s->tool);
	free(s->run);
	free(s->campaign);
	free(s->wave);
	free(s->input);
	free(s->first_input);
	free(s->reasons);
	for (size_t i = 0; i < s->nwhy; i++)
		free(s->why[i].name);
	free(s->why);
	*s = (struct vf_tally_step){ 0 };
}

static int
get_text(const struct vf_json_at *root, const char *key, char **to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, key);
	struct vf_slice text = { "", 0 };

	if (vf_json_get_str(&at, &text, err) < 0)
		return -1;
	*to = strndup(text.p, text.n);
	return *to == NULL ? vf_error_nomem(err) : 0;
}

static int
get_count(const struct vf_json_at *at, uint64_t *to, struct vf_error *err)
{
	int rc = vf_json_get_u64(at, to, err);

	if (rc > 0 && *to > COUNT_MAX)
		return vf_json_fail(at, err, "too big for a count");
	return rc;
}

static int
need_count(const struct vf_json_at *root, const char *key, uint64_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, key);
	int rc = get_count(&at, to, err);

	return rc == 0 ? vf_json_fail(&at, err, "missing") : rc;
}

static int
maybe_count(const struct vf_json_at *root, const char *key, uint64_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, key);

	return get_count(&at, to, err) < 0 ? -1 : 0;
}

static int
add_reason(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_tally_step *s = arg;
	struct vf_tally_count *why;
	uint64_t n = 0;

	if (get_count(at, &n, err) < 0)
		return -1;
	s->reasoned += n;
	if (s->reasoned > COUNT_MAX)
		return vf_json_fail(at, err, "too big for a count");
	if ((s->nwhy & (s->nwhy - 1)) == 0) {	/* full: it doubles at each power of two */
		why = reallocarray(s->why, s->nwhy > 0 ? s->nwhy * 2 : 1, sizeof(*why));
		if (why == NULL)
			return vf_error_nomem(err);
		s->why = why;
	}
	s->why[s->nwhy].name = strdup(key);
	s->why[s->nwhy].n = n;
	return s->why[s->nwhy++].name == NULL ? vf_error_nomem(err) : 0;
}

uint64_t
vf_tally_reason(const struct vf_tally_step *s, const char *word)
{
	for (size_t i = 0; i < s->nwhy; i++)
		if (strcmp(s->why[i].name, word) == 0)
			return s->why[i].n;
	return 0;
}

static int
get_json(const struct vf_json_at *at, char **to, struct vf_error *err)
{
	struct vf_buf b = { 0 };

	if (vf_json_add(&b, at->value) < 0 || vf_buf_terminate(&b) < 0) {
		vf_buf_free(&b);
		return vf_error_nomem(err);
	}
	*to = b.p;
	return 0;
}

static int
get_input(struct vf_tally_step *s, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "input");
	struct vf_json_at e = vf_json_element(&at, 0);
	struct vf_slice name = { "", 0 };

	if (vf_json_get_array(&at, &s->ninputs, err) < 0 || vf_json_get_str(&e, &name, err) < 0)
		return -1;
	s->first_input = strndup(name.p, name.n);
	return s->first_input == NULL ? vf_error_nomem(err) : get_json(&at, &s->input, err);
}

static int
get_started(struct vf_tally_step *s, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "startedAt");
	struct vf_slice text;
	int rc = vf_json_get_str(&at, &text, err);

	if (rc > 0 && !vf_date_parse(text, &s->started))
		return vf_json_fail(&at, err, "not a time");
	return rc < 0 ? -1 : 0;
}

static int
get_time(const struct vf_json_at *up, const char *key, double *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);

	if (vf_json_get_double(&at, to, err) < 0)
		return -1;
	return *to >= 0 && *to <= 1e9 ? 0 : vf_json_fail(&at, err, "not a time that can be");
}

static int
get_alerts(struct vf_tally_alerts *a, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "alerts");

	if (vf_json_get_object(&at, err) < 0 || maybe_count(&at, "sent", &a->sent, err) < 0 ||
		maybe_count(&at, "failed", &a->failed, err) < 0 || maybe_count(&at, "timed", &a->timed, err) < 0)
		return -1;
	return get_time(&at, "lagSum", &a->lag_sum, err) < 0 || get_time(&at, "lagMax", &a->lag_max, err) < 0 ||
		get_time(&at, "detectionSum", &a->detection_sum, err) < 0 ? -1 : 0;
}

/* The figures of single tools; others may have keys of these names that mean something else. */
static int
read_figures(struct vf_tally_step *s, const struct vf_json_at *root, struct vf_error *err)
{
	if (strcmp(s->tool, "vf-attempt") == 0)
		return maybe_count(root, "attempt", &s->attempt, err);
	if (strcmp(s->tool, "vf-wave") == 0)
		return maybe_count(root, "sms", &s->sms, err) < 0 ? -1 : maybe_count(root, "email", &s->email, err);
	if (strcmp(s->tool, "vf-slack") == 0)
		return get_alerts(&s->alerts, root, err);
	return 0;
}

static int
read_step(struct vf_tally_step *s, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at tool = vf_json_member(root, "tool");
	struct vf_json_at reasons = vf_json_member(root, "reasons");

	if (get_text(root, "tool", &s->tool, err) < 0 || get_text(root, "run", &s->run, err) < 0 ||
		get_text(root, "campaignId", &s->campaign, err) < 0 || get_text(root, "waveId", &s->wave, err) < 0)
		return -1;
	if (s->tool[0] == '\0')
		return vf_json_fail(&tool, err, "missing");
	if (need_count(root, "in", &s->in, err) < 0 || need_count(root, "out", &s->out, err) < 0 ||
		need_count(root, "rejected", &s->rejected, err) < 0 || need_count(root, "exit", &s->exit, err) < 0 ||
		maybe_count(root, "unselected", &s->unselected, err) < 0 ||
		maybe_count(root, "deferred", &s->deferred, err) < 0 ||
		get_time(root, "seconds", &s->seconds, err) < 0 || get_started(s, root, err) < 0)
		return -1;
	if (vf_json_each(&reasons, add_reason, s, err) < 0 || read_figures(s, root, err) < 0)
		return -1;
	return get_input(s, root, err) < 0 ? -1 : get_json(&reasons, &s->reasons, err);
}

static int
grow(struct vf_tally *t, struct vf_error *err)
{
	struct vf_tally_step *steps;

	if (t->nsteps < t->size)
		return 0;
	steps = reallocarray(t->steps, t->size * 2 + 16, sizeof(*steps));
	if (steps == NULL)
		return vf_error_nomem(err);
	t->steps = steps;
	t->size = t->size * 2 + 16;
	return 0;
}

static void
free_delivery(struct vf_tally_delivery *e)
{
	if (e == NULL)
		return;
	free(e->tool);
	free(e->campaign);
	free(e->wave);
	free(e->input);
	free(e);
}

/* One set of delivery figures; ids that are not beside them are the line's. */
static int
add_delivery(struct vf_tally *t, const struct vf_tally_step *s, const struct vf_json_at *ids, const struct vf_json_at *at,
	struct vf_error *err)
{
	struct vf_tally_delivery *e, **list;
	struct vf_json_at campaign = vf_json_member(ids, "campaignId"), wave = vf_json_member(ids, "waveId");
	struct vf_slice c = vf_slice_str(s->campaign), w = vf_slice_str(s->wave);

	if (vf_json_get_str(&campaign, &c, err) < 0 || vf_json_get_str(&wave, &w, err) < 0)
		return -1;
	if (t->ndeliveries == t->deliveries_size) {
		list = reallocarray(t->deliveries, t->deliveries_size * 2 + 16, sizeof(*list));
		if (list == NULL)
			return vf_error_nomem(err);
		t->deliveries = list;
		t->deliveries_size = t->deliveries_size * 2 + 16;
	}
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return vf_error_nomem(err);
	t->deliveries[t->ndeliveries++] = e;
	e->order = s->order;
	e->tool = strdup(s->tool);
	e->input = strdup(s->input);
	e->campaign = strndup(c.p, c.n);
	e->wave = strndup(w.p, w.n);
	if (e->tool == NULL || e->input == NULL || e->campaign == NULL || e->wave == NULL)
		return vf_error_nomem(err);
	vf_delivery_init(&e->d, "");
	return vf_delivery_get(&e->d, at, err) < 0 ? -1 : 0;
}

/* `delivery` of a line, or `deliveries`: [{"campaignId","waveId","delivery"}]. */
static int
add_deliveries(struct vf_tally *t, const struct vf_tally_step *s, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at one = vf_json_member(root, "delivery"), many = vf_json_member(root, "deliveries");
	size_t n = 0;

	if (one.value != NULL && add_delivery(t, s, root, &one, err) < 0)
		return -1;
	if (vf_json_get_array(&many, &n, err) < 0)
		return -1;
	if (n > WAVES_MAX)
		return vf_json_fail(&many, err, "more waves than a line may have");
	for (size_t i = 0; i < n; i++) {
		struct vf_json_at e = vf_json_element(&many, i), d = vf_json_member(&e, "delivery");

		if (vf_json_get_object(&e, err) < 0 || add_delivery(t, s, &e, &d, err) < 0)
			return -1;
	}
	return 0;
}

static void
drop_deliveries(struct vf_tally *t, size_t from)
{
	while (t->ndeliveries > from)
		free_delivery(t->deliveries[--t->ndeliveries]);
}

int
vf_tally_add(struct vf_tally *t, struct vf_slice text, const char *run, const char *file, uint64_t line,
	struct vf_error *err)
{
	struct vf_tally_step s = { .file = file, .line = line, .order = t->lines };
	struct vf_json_at root;
	struct vf_json *doc;
	size_t ndeliveries = t->ndeliveries;
	char where[512];
	int rc;

	if (grow(t, err) < 0)
		return -1;
	snprintf(where, sizeof(where), "%.480s:%" PRIu64, file, line);
	doc = vf_json_parse(text, "", err);
	if (doc == NULL && err->kind == VF_ERR_CONFIG)
		return vf_error(err, VF_ERR_CONFIG, "%s: no stats line, or a torn one", where);
	if (doc == NULL)
		return -1;
	root = vf_json_root(doc, where);
	rc = vf_json_get_object(&root, err) < 0 || read_step(&s, &root, err) < 0 ? -1 : 0;
	if (rc < 0 || strcmp(s.tool, "vf-tally") == 0 || (run != NULL && strcmp(s.run, run) != 0)) {
		vf_json_free(doc);
		clear_step(&s);
		return rc;
	}
	rc = add_deliveries(t, &s, &root, err);
	vf_json_free(doc);
	if (rc < 0) {
		drop_deliveries(t, ndeliveries);
		clear_step(&s);
		return rc;
	}
	t->lines++;
	t->left += s.exit == 141;
	t->failed += s.exit != 0 && s.exit != 141;
	t->steps[t->nsteps++] = s;
	return 0;
}

static int
compare_same(const struct vf_tally_step *a, const struct vf_tally_step *b)
{
	int c = strcmp(a->run, b->run);

	if (c == 0)
		c = strcmp(a->tool, b->tool);
	if (c == 0)
		c = strcmp(a->campaign, b->campaign);
	if (c == 0)
		c = strcmp(a->wave, b->wave);
	return c != 0 ? c : strcmp(a->input, b->input);
}

static int
by_identity(const void *x, const void *y)
{
	const struct vf_tally_step *a = x, *b = y;
	int c = compare_same(a, b);

	return c != 0 ? c : (a->order > b->order) - (a->order < b->order);
}

static int
by_run(const void *x, const void *y)
{
	const struct vf_tally_step *a = x, *b = y;

	if (a->run_order != b->run_order)
		return a->run_order < b->run_order ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* Steps that are sorted by run learn the order of the first line of theirs. */
static void
mark_runs(struct vf_tally *t)
{
	for (size_t i = 0, end; i < t->nsteps; i = end) {
		size_t first = t->steps[i].order;

		for (end = i; end < t->nsteps && strcmp(t->steps[end].run, t->steps[i].run) == 0; end++)
			if (t->steps[end].order < first)
				first = t->steps[end].order;
		for (size_t k = i; k < end; k++)
			t->steps[k].run_order = first;
	}
}

/* A step without a wave in a run about one wave is about that wave: the filter before a draw. */
static void
mark_waves(struct vf_tally *t)
{
	for (size_t first = 0, end; first < t->nsteps; first = end) {
		const char *only = "";
		bool many = false;

		end = vf_tally_run_end(t, first);
		for (size_t i = first; i < end; i++) {
			const char *wave = t->steps[i].wave;

			many |= *only != '\0' && *wave != '\0' && strcmp(only, wave) != 0;
			only = *wave != '\0' ? wave : only;
		}
		for (size_t i = first; i < end; i++)
			t->steps[i].about = *t->steps[i].wave != '\0' || many ? t->steps[i].wave : only;
	}
}

/* SMS, then e-mail as it goes: into the queue, and out of it. */
static int
rank_of(const char *channel)
{
	static const char *const order[] = { "sms", "email-queue", "email" };
	int i = 0;

	while (i < 3 && strcmp(channel, order[i]) != 0)
		i++;
	return i;
}

static int
compare_about(const struct vf_tally_delivery *a, const struct vf_tally_delivery *b)
{
	int c = strcmp(a->campaign, b->campaign);

	if (c == 0)
		c = strcmp(a->wave, b->wave);
	if (c == 0)
		c = rank_of(a->d.channel) - rank_of(b->d.channel);
	return c != 0 ? c : strcmp(a->d.channel, b->d.channel);
}

/* Of one tool and input, together; the one that counts among cumulative figures is last. */
static int
by_about(const void *x, const void *y)
{
	const struct vf_tally_delivery *a = *(struct vf_tally_delivery *const *)x;
	const struct vf_tally_delivery *b = *(struct vf_tally_delivery *const *)y;
	int c = compare_about(a, b);

	if (c == 0)
		c = strcmp(a->tool, b->tool);
	if (c == 0)
		c = strcmp(a->input, b->input);
	if (c == 0)
		c = a->d.cumulative - b->d.cumulative;
	if (c == 0 && a->d.cumulative)
		c = (a->d.results > b->d.results) - (a->d.results < b->d.results);
	return c != 0 ? c : (a->order > b->order) - (a->order < b->order);
}

static bool
superseded(const struct vf_tally_delivery *a, const struct vf_tally_delivery *b)
{
	return a->d.cumulative && b->d.cumulative && compare_about(a, b) == 0 && strcmp(a->tool, b->tool) == 0 &&
		strcmp(a->input, b->input) == 0;
}

static void
settle_deliveries(struct vf_tally *t)
{
	struct vf_tally_delivery **list = t->deliveries;
	size_t n = 0, left = 0;

	if (t->ndeliveries == 0)
		return;
	qsort(list, t->ndeliveries, sizeof(struct vf_tally_delivery *), by_about);
	for (size_t i = 0; i < t->ndeliveries; i++)
		if (i + 1 < t->ndeliveries && superseded(list[i], list[i + 1]))
			free_delivery(list[i]);
		else
			list[left++] = list[i];
	for (size_t i = 0; i < left; i++)
		if (n > 0 && compare_about(list[n - 1], list[i]) == 0) {
			vf_delivery_merge(&list[n - 1]->d, &list[i]->d);
			free_delivery(list[i]);
		} else {
			list[n++] = list[i];
		}
	t->ndeliveries = n;
}

void
vf_tally_settle(struct vf_tally *t)
{
	size_t n = 0;

	settle_deliveries(t);
	if (t->nsteps == 0)
		return;
	qsort(t->steps, t->nsteps, sizeof(*t->steps), by_identity);
	mark_runs(t);
	for (size_t i = 0; i < t->nsteps; i++)
		if (i + 1 < t->nsteps && compare_same(&t->steps[i], &t->steps[i + 1]) == 0)
			clear_step(&t->steps[i]);
		else
			t->steps[n++] = t->steps[i];
	t->nsteps = n;
	qsort(t->steps, t->nsteps, sizeof(*t->steps), by_run);
	mark_waves(t);
}

size_t
vf_tally_run_end(const struct vf_tally *t, size_t first)
{
	size_t end = first;

	while (end < t->nsteps && t->steps[end].run_order == t->steps[first].run_order)
		end++;
	return end;
}

bool
vf_tally_is_source(const struct vf_tally_step *s)
{
	for (size_t i = 0; s->in == 0 && i < sizeof(sources) / sizeof(*sources); i++)
		if (strcmp(s->tool, sources[i]) == 0)
			return true;
	return false;
}

bool
vf_tally_step_ok(const struct vf_tally_step *s, struct vf_buf *cause)
{
	struct vf_buf none = { 0 }, *b = cause != NULL ? cause : &none;
	uint64_t held = s->unselected + s->deferred, sum = s->out + s->rejected + held;
	bool ok = false;

	if (s->exit != 0)
		vf_buf_addf(b, "exit %" PRIu64, s->exit);
	else if (s->in != sum && !vf_tally_is_source(s))
		vf_buf_addf(b, "%" PRIu64 " in, but %" PRIu64 " out + %" PRIu64 " rejected + %" PRIu64 " held = %" PRIu64,
			s->in, s->out, s->rejected, held, sum);
	else if (s->reasoned != s->rejected)
		vf_buf_addf(b, "%" PRIu64 " rejected, but the reasons make %" PRIu64, s->rejected, s->reasoned);
	else
		ok = true;
	vf_buf_free(&none);
	return ok;
}

struct vf_tally_link
vf_tally_link(const struct vf_tally *t, size_t first, size_t end, const char *from, const char *to)
{
	struct vf_tally_link link = { 0 };

	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &t->steps[i];

		if (strcmp(s->tool, from) == 0) {
			link.from = true;
			link.out += s->out;
		}
		if (strcmp(s->tool, to) == 0) {
			link.to = true;
			link.in += s->in;
		}
	}
	return link;
}

bool
vf_tally_link_ok(struct vf_tally_link link)
{
	return link.from && link.to && link.out == link.in;
}

void
vf_tally_clear(struct vf_tally *t)
{
	for (size_t i = 0; i < t->nsteps; i++)
		clear_step(&t->steps[i]);
	free(t->steps);
	drop_deliveries(t, 0);
	free(t->deliveries);
	*t = (struct vf_tally){ 0 };
}
