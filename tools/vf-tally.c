/* vf-tally -- do the counts of the steps add up, in each and from one to the next? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/lines.h"
#include "tally.h"

#define SHOWN 20			/* bad lines named one by one */
#define SHORT 36			/* characters of a run's name that are shown */

#define AT(member) offsetof(struct options, member)
static const struct vf_option options[] = {
	{ "expect", 0, VF_TEXT, AT(expect), "TOOL,TOOL...", "the chain: what one writes the next one reads" },
	{ "run", 0, VF_TEXT, AT(run), "ID", "look at the lines of this run alone (VF_RUN_ID)" },
	{ "metrics", 0, VF_FLAG, AT(metrics), NULL, "tell of each success metric whether it was reached" },
	{ "json", 0, VF_FLAG, AT(json), NULL, "print JSON, not a table" },
	{ "html", 0, VF_PATH, AT(html), "FILE", "write a page with plots too, whole or not at all" },
	{ 0 },
};
#undef AT

/* --expect into its words: two or more, none twice. */
static int
parse_chain(struct report *r)
{
	char *rest;

	if (r->opt->expect == NULL)
		return 0;
	r->chain_text = rest = strdup(r->opt->expect);
	if (rest == NULL)
		return vf_error_nomem(&r->run->err);
	for (char *word; (word = strsep(&rest, ",")) != NULL; r->chain[r->nchain++] = word) {
		if (*word == '\0' || r->nchain == CHAIN_MAX)
			return vf_error(&r->run->err, VF_ERR_CONFIG, "--expect: tools with commas between them");
		for (int i = 0; i < r->nchain; i++)
			if (strcmp(r->chain[i], word) == 0)
				return vf_error(&r->run->err, VF_ERR_CONFIG, "--expect: a tool is named twice");
	}
	return 0;
}

/* One thing that does not hold: a line on stderr, and for the report. */
static void
violation(struct report *r, const char *where, struct vf_buf *text)
{
	size_t at = r->violations.n;

	vf_buf_addf(&r->violations, "%s: ", where);
	vf_buf_add_slice(&r->violations, vf_buf_slice(text));
	vf_buf_add_char(&r->violations, '\0');
	vf_buf_clear(text);
	if (r->violations.failed)
		return;
	for (size_t i = at; i + 1 < r->violations.n; i++)
		if ((unsigned char)r->violations.p[i] < 0x20 || r->violations.p[i] == 0x7f)
			r->violations.p[i] = '?';	/* a tool's or a run's name, as somebody wrote it */
	r->nviolations++;
	vf_warn(r->run, "%s", r->violations.p + at);
}

const char *
tally_violation(const struct report *r, const char *last)
{
	const char *next = last != NULL ? last + strlen(last) + 1 : r->violations.p;

	return next == NULL || next == r->violations.p + r->violations.n ? NULL : next;
}

/* One line, whatever its reader says of it: the tally knows best what is no stats line. */
static int
take_line(struct report *r, const struct vf_row *row, const char *name)
{
	struct vf_error *err = &r->run->err;
	struct vf_slice line = vf_row_line(row);

	if (row->reject == VF_REJECT_TOO_LONG)
		return vf_error(err, VF_ERR_FAILED, "%s:%" PRIu64 ": longer than 1 MiB", name, row->lineno);
	if (vf_slice_trim(line).n == 0)
		return 0;
	r->run->in_count++;
	if (vf_tally_add(&r->tally, line, r->opt->run, name, row->lineno, err) == 0) {
		r->run->out_count++;
		return 0;
	}
	if (err->kind != VF_ERR_CONFIG)
		return -1;
	if (r->bad_lines++ < SHOWN)
		vf_warn(r->run, "%s", err->text);
	err->kind = VF_ERR_NONE;
	return 0;
}

static int
read_all(struct report *r)
{
	struct vf_run *run = r->run;
	struct vf_lines *lines = vf_lines_open(&(struct vf_lines_options){ .paths = (const char *const *)run->operands,
		.npaths = run->noperands }, &run->err);
	const struct vf_row *row;
	int n = lines != NULL ? 1 : -1;

	while (n > 0) {
		n = vf_stopping() ? vf_stopped(run) : vf_lines_batch(lines, &row, &run->err);
		for (int i = 0; i < n; i++)
			if (take_line(r, row + i, vf_lines_name(lines, row[i].file)) < 0)
				n = -1;
	}
	vf_lines_free(lines);
	return n;
}

void
tally_run_name(char name[RUN_NAME], const char *run)
{
	size_t n = strlen(run);
	const char *end = n > SHORT ? run + n - SHORT : run;

	/* The end of a long one tells more. */
	while (((unsigned char)*end & 0xc0) == 0x80)
		end++;
	snprintf(name, RUN_NAME, "%s%s%s", n > 0 ? "run " : "no run", n > SHORT ? "*" : "", end);
	for (char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

const char *
tally_step_word(const struct vf_tally_step *s)
{
	return s->exit != 0 ? "FAILED" : vf_tally_step_ok(s, NULL) ? "ok" : "LOST";
}

const char *
tally_link_word(struct vf_tally_link link)
{
	return vf_tally_link_ok(link) ? "ok" : link.from && link.to ? "LOST" : "MISSING";
}

const char *
tally_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void
judge_steps(struct report *r, size_t first, size_t end)
{
	struct vf_buf text = { 0 };

	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &r->tally.steps[i];
		char where[512];

		vf_buf_addf(&text, "%s%s%s: ", s->tool, *s->wave != '\0' ? ", wave " : "", s->wave);
		snprintf(where, sizeof(where), "%.480s:%" PRIu64, s->file, s->line);
		if (!vf_tally_step_ok(s, &text))
			violation(r, where, &text);
		vf_buf_clear(&text);
	}
	vf_buf_free(&text);
}

/* The chain through one run. */
static void
judge_chain(struct report *r, size_t first, size_t end)
{
	struct vf_buf text = { 0 };
	char name[RUN_NAME];

	tally_run_name(name, r->tally.steps[first].run);
	for (int i = 0; i < r->nchain; i++)
		if (!vf_tally_link(&r->tally, first, end, r->chain[i], "").from) {
			vf_buf_addf(&text, "%s: no stats line", r->chain[i]);
			violation(r, name, &text);
		}
	for (int i = 0; i + 1 < r->nchain; i++) {
		const char *from = r->chain[i], *to = r->chain[i + 1];
		struct vf_tally_link link = vf_tally_link(&r->tally, first, end, from, to);

		if (link.from && link.to && !vf_tally_link_ok(link)) {
			vf_buf_addf(&text, "%s wrote %" PRIu64 " records, %s read %" PRIu64, from, link.out, to, link.in);
			violation(r, name, &text);
		}
	}
	vf_buf_free(&text);
}

/* A wanted run of which nothing is there lost everything. */
static void
judge_nothing(struct report *r)
{
	struct vf_buf text = { 0 };
	char name[RUN_NAME];

	tally_run_name(name, r->opt->run != NULL ? r->opt->run : "");
	vf_buf_add_str(&text, "no stats lines");
	violation(r, r->opt->run != NULL ? name : "input", &text);
	vf_buf_free(&text);
}

static void
judge(struct report *r)
{
	const struct vf_tally *t = &r->tally;
	struct vf_buf text = { 0 };

	for (size_t first = 0, end; first < t->nsteps; first = end) {
		end = vf_tally_run_end(t, first);
		judge_steps(r, first, end);
		judge_chain(r, first, end);
	}
	if (t->nsteps == 0)
		judge_nothing(r);
	if (r->bad_lines > 0) {
		vf_buf_addf(&text, "%" PRIu64 " lines are no stats lines, or torn", r->bad_lines);
		violation(r, "input", &text);
	}
	vf_buf_free(&text);
}

static int
write_report(struct report *r, const char *path, void (*make)(struct vf_buf *, const struct report *))
{
	struct vf_buf b = { 0 };
	struct vf_file *file = vf_output_file(r->run, path, 0);
	int rc = -1;

	if (file == NULL)
		return -1;
	make(&b, r);
	if (b.failed)
		vf_error_nomem(&r->run->err);
	else
		rc = vf_file_write(file, b.p, b.n, &r->run->err);
	vf_buf_free(&b);
	return rc;
}

static int
work(struct report *r)
{
	const char *html = r->opt->html, *output = r->run->output;

	if (parse_chain(r) < 0 || read_all(r) < 0)
		return -1;
	vf_tally_settle(&r->tally);
	vf_metrics_make(r->metrics, &r->tally);
	if (vf_overview_make(&r->overview, &r->tally, &r->run->err) < 0)
		return -1;
	judge(r);
	if (r->violations.failed)
		return vf_error_nomem(&r->run->err);
	/* Standard output is for one of the two. */
	if ((html == NULL || strcmp(html, "-") != 0 || output != NULL) &&
		write_report(r, output, r->opt->json ? tally_json : tally_table) < 0)
		return -1;
	if (html != NULL && write_report(r, html, tally_html) < 0)
		return -1;
	r->run->exit_status = r->nviolations > 0;
	return 0;
}

static int
run_tally(struct vf_run *run)
{
	struct report r = { .run = run, .opt = run->options };
	int rc = work(&r);

	vf_overview_clear(&r.overview);
	vf_tally_clear(&r.tally);
	vf_buf_free(&r.violations);
	free(r.chain_text);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-tally",
	.purpose = "Tell from stats lines whether every record is accounted for.",
	.operands = "[FILE ...]",
	.options = options,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_OPERANDS | VF_WANT_OUTPUT,
	.run = run_tally,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
