/* fan/tally.c -- stats lines in, verdict out. */
#include "fan/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

#define COUNT_MAX ((uint64_t)1 << 50)	/* so that no sum of thousands of lines overflows */

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
held_count(const struct vf_json_at *root, const char *key, uint64_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, key);

	return get_count(&at, to, err) < 0 ? -1 : 0;
}

static int
add_reason(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	uint64_t n = 0, *sum = arg;

	(void)key;
	if (get_count(at, &n, err) < 0)
		return -1;
	*sum += n;
	return *sum > COUNT_MAX ? vf_json_fail(at, err, "too big for a count") : 0;
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
read_step(struct vf_tally_step *s, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at tool = vf_json_member(root, "tool");
	struct vf_json_at reasons = vf_json_member(root, "reasons");
	struct vf_json_at seconds = vf_json_member(root, "seconds");

	if (get_text(root, "tool", &s->tool, err) < 0 || get_text(root, "run", &s->run, err) < 0 ||
		get_text(root, "campaignId", &s->campaign, err) < 0 || get_text(root, "waveId", &s->wave, err) < 0)
		return -1;
	if (s->tool[0] == '\0')
		return vf_json_fail(&tool, err, "missing");
	if (need_count(root, "in", &s->in, err) < 0 || need_count(root, "out", &s->out, err) < 0 ||
		need_count(root, "rejected", &s->rejected, err) < 0 || need_count(root, "exit", &s->exit, err) < 0 ||
		held_count(root, "unselected", &s->unselected, err) < 0 ||
		held_count(root, "deferred", &s->deferred, err) < 0 ||
		vf_json_get_double(&seconds, &s->seconds, err) < 0)
		return -1;
	if (vf_json_each(&reasons, add_reason, &s->reasoned, err) < 0)
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

int
vf_tally_add(struct vf_tally *t, struct vf_slice text, const char *run, const char *file, uint64_t line,
	struct vf_error *err)
{
	struct vf_tally_step s = { .file = file, .line = line, .order = t->lines };
	struct vf_json_at root;
	struct vf_json *doc;
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
	rc = vf_json_get_object(&root, err) < 0 ? -1 : read_step(&s, &root, err);
	vf_json_free(doc);
	if (rc < 0 || strcmp(s.tool, "vf-tally") == 0 || (run != NULL && strcmp(s.run, run) != 0)) {
		clear_step(&s);
		return rc;
	}
	t->lines++;
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

void
vf_tally_settle(struct vf_tally *t)
{
	size_t n = 0;

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
}

size_t
vf_tally_run_end(const struct vf_tally *t, size_t first)
{
	size_t end = first;

	while (end < t->nsteps && t->steps[end].run_order == t->steps[first].run_order)
		end++;
	return end;
}

static bool
is_source(const struct vf_tally_step *s)
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
	else if (s->in != sum && !is_source(s))
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
	*t = (struct vf_tally){ 0 };
}
