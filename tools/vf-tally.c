/* vf-tally -- do the counts of the steps add up, in each and from one to the next? */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"
#include "fan/tally.h"
#include "frame.h"

#define BLOCK ((size_t)64 << 10)
#define LONGEST ((size_t)1 << 20)	/* line */
#define CHAIN_MAX 64
#define SHOWN 20			/* bad lines named one by one */

struct options {
	const char *expect, *run;
	bool json;
};

#define AT(member) offsetof(struct options, member)
static const struct vf_option options[] = {
	{ "expect", 0, VF_TEXT, AT(expect), "TOOL,TOOL...", "the chain: what one writes the next one reads" },
	{ "run", 0, VF_TEXT, AT(run), "ID", "look at the lines of this run alone (VF_RUN_ID)" },
	{ "json", 0, VF_FLAG, AT(json), NULL, "print JSON, not a table" },
	{ 0 },
};
#undef AT

struct report {
	struct vf_run *run;
	const struct options *opt;
	struct vf_tally tally;
	char *chain_text, *chain[CHAIN_MAX];
	int nchain;
	struct vf_buf out;		/* the table or the JSON */
	struct vf_buf violations;	/* as JSON texts with commas */
	uint64_t nviolations, bad_lines;
};

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

/* One thing that does not hold: a line on stderr, and for --json. */
static void
violation(struct report *r, const char *where, struct vf_buf *text)
{
	struct vf_buf b = { 0 };

	vf_buf_addf(&b, "%s: ", where);
	vf_buf_add_slice(&b, vf_buf_slice(text));
	for (size_t i = 0; i < b.n; i++)
		if ((unsigned char)b.p[i] < 0x20 || b.p[i] == 0x7f)
			b.p[i] = '?';	/* a tool's or a run's name, as somebody wrote it */
	if (r->nviolations++ > 0)
		vf_buf_add_char(&r->violations, ',');
	vf_text_add_json(&r->violations, vf_buf_slice(&b));
	if (vf_buf_terminate(&b) == 0)
		vf_warn(r->run, "%s", b.p);
	vf_buf_free(&b);
	vf_buf_clear(text);
}

static int
take_line(struct report *r, struct vf_slice line, const char *name, uint64_t lineno)
{
	struct vf_error *err = &r->run->err;

	if (vf_slice_trim(line).n == 0)
		return 0;
	r->run->in_count++;
	if (vf_tally_add(&r->tally, line, r->opt->run, name, lineno, err) == 0) {
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

/* Whole lines of buf are taken and leave it; at the end of the file the last one too. */
static int
take_lines(struct report *r, struct vf_buf *buf, const char *name, uint64_t *lineno, bool last)
{
	size_t at = 0;

	while (at < buf->n) {
		const char *lf = memchr(buf->p + at, '\n', buf->n - at);
		size_t n = lf != NULL ? (size_t)(lf - buf->p) - at : buf->n - at;

		if (lf == NULL && !last && n <= LONGEST)
			break;
		if (n > LONGEST)
			return vf_error(&r->run->err, VF_ERR_FAILED, "%s:%" PRIu64 ": longer than 1 MiB", name,
				*lineno + 1);
		if (take_line(r, vf_slice(buf->p + at, n), name, ++*lineno) < 0)
			return -1;
		at += n + (lf != NULL);
	}
	memmove(buf->p, buf->p + at, buf->n - at);
	buf->n -= at;
	return 0;
}

static int
read_fd(struct report *r, int fd, const char *name)
{
	struct vf_error *err = &r->run->err;
	struct vf_buf buf = { 0 };
	uint64_t lineno = 0;
	ssize_t n = -1;

	for (;;) {
		if (vf_buf_reserve(&buf, BLOCK) < 0) {
			n = vf_error_nomem(err);
			break;
		}
		n = vf_stopping() ? vf_stopped(r->run) : vf_file_read(fd, buf.p + buf.n, BLOCK, name, err);
		if (n < 0)
			break;
		buf.n += (size_t)n;
		if (take_lines(r, &buf, name, &lineno, n == 0) < 0)
			n = -1;
		if (n <= 0)
			break;
	}
	vf_buf_free(&buf);
	return n < 0 ? -1 : 0;
}

static int
read_operand(struct report *r, const char *path)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return read_fd(r, STDIN_FILENO, "stdin");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return vf_error_errno(&r->run->err, path);
	rc = read_fd(r, fd, path);
	close(fd);
	return rc;
}

static int
read_all(struct report *r)
{
	struct vf_run *run = r->run;

	if (run->noperands == 0)
		return read_operand(r, "-");
	for (int i = 0; i < run->noperands; i++)
		if (read_operand(r, run->operands[i]) < 0)
			return -1;
	return 0;
}

enum { STEP, CAMPAIGN, WAVE, INPUT, IN, OUT, REJECTED, HELD, EXIT, SECONDS, VERDICT, COLUMNS };
#define CELL 48
#define SHORT 36		/* characters of a name that are shown */

struct row {
	char cell[COLUMNS][CELL];
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

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static void
fill_row(struct row *row, const struct vf_tally_step *s)
{
	put_cell(row->cell[STEP], s->tool, 0);
	put_cell(row->cell[CAMPAIGN], s->campaign, 0);
	put_cell(row->cell[WAVE], s->wave, 0);
	put_cell(row->cell[INPUT], base_name(s->first_input), s->ninputs > 0 ? s->ninputs - 1 : 0);
	put_number(row->cell[IN], s->in);
	put_number(row->cell[OUT], s->out);
	put_number(row->cell[REJECTED], s->rejected);
	put_number(row->cell[HELD], s->unselected + s->deferred);
	put_number(row->cell[EXIT], s->exit);
	snprintf(row->cell[SECONDS], CELL, "%.1f", s->seconds);
	snprintf(row->cell[VERDICT], CELL, "%s", s->exit != 0 ? "FAILED" : vf_tally_step_ok(s, NULL) ? "ok" : "LOST");
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

static void
add_row(struct vf_buf *b, const struct row *row, const int width[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++) {
		int pad = width[c] - width_of(row->cell[c]);
		bool left = c <= INPUT || c == VERDICT;

		if (left)
			vf_buf_add_str(b, row->cell[c]);
		if (c < VERDICT)	/* no blanks at the end of a line */
			vf_buf_addf(b, "%*s", pad, "");
		if (!left)
			vf_buf_add_str(b, row->cell[c]);
		vf_buf_add_str(b, c < VERDICT ? "  " : "\n");
	}
}

static int
add_run_table(struct report *r, size_t first, size_t end)
{
	static const struct row head = { { "step", "campaign", "wave", "input", "in", "out", "rejected", "held", "exit",
		"seconds", "check" } };
	struct row *rows = calloc(end - first + 1, sizeof(*rows));
	int width[COLUMNS] = { 0 };

	if (rows == NULL)
		return vf_error_nomem(&r->run->err);
	rows[0] = head;
	for (size_t i = first; i < end; i++)
		fill_row(&rows[i - first + 1], &r->tally.steps[i]);
	for (size_t i = 0; i <= end - first; i++)
		for (int c = 0; c < COLUMNS; c++)
			if (width_of(rows[i].cell[c]) > width[c])
				width[c] = width_of(rows[i].cell[c]);
	for (size_t i = 0; i <= end - first; i++)
		add_row(&r->out, &rows[i], width);
	free(rows);
	return 0;
}

/* Puts `name` of a run at the start of a message. */
static void
run_name(char name[CELL + 8], const char *run)
{
	char cell[CELL];

	put_cell(cell, run, 0);
	snprintf(name, CELL + 8, *run != '\0' ? "run %s" : "no run", cell);
}

/* The chain through one run: judged, and shown in either form. */
static void
judge_chain(struct report *r, size_t first, size_t end, const char *run)
{
	struct vf_buf text = { 0 };
	char name[CELL + 8];

	run_name(name, run);
	for (int i = 0; i < r->nchain; i++) {
		struct vf_tally_link here = vf_tally_link(&r->tally, first, end, r->chain[i], "");

		if (!here.from) {
			vf_buf_addf(&text, "%s: no stats line", r->chain[i]);
			violation(r, name, &text);
		}
	}
	for (int i = 0; i + 1 < r->nchain; i++) {
		const char *from = r->chain[i], *to = r->chain[i + 1];
		struct vf_tally_link link = vf_tally_link(&r->tally, first, end, from, to);
		bool ok = vf_tally_link_ok(link);

		if (link.from && link.to && !ok) {
			vf_buf_addf(&text, "%s wrote %" PRIu64 " records, %s read %" PRIu64, from, link.out, to, link.in);
			violation(r, name, &text);
		}
		if (r->opt->json) {
			vf_buf_addf(&r->out, "%s{\"from\":", i > 0 ? "," : "");
			vf_text_add_json(&r->out, vf_slice_str(from));
			vf_buf_add_str(&r->out, ",\"to\":");
			vf_text_add_json(&r->out, vf_slice_str(to));
			vf_buf_addf(&r->out, ",\"out\":%" PRIu64 ",\"in\":%" PRIu64 ",\"ok\":%s}", link.out, link.in,
				ok ? "true" : "false");
		} else {
			vf_buf_addf(&r->out, "%s -> %s: %" PRIu64 " out, %" PRIu64 " in: %s\n", from, to, link.out,
				link.in, ok ? "ok" : link.from && link.to ? "LOST" : "MISSING");
		}
	}
	vf_buf_free(&text);
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

static void
add_member(struct vf_buf *b, const char *before, const char *key, const char *text)
{
	vf_buf_addf(b, "%s\"%s\":", before, key);
	if (*text != '\0')
		vf_text_add_json(b, vf_slice_str(text));
	else
		vf_buf_add_str(b, "null");
}

static void
add_json_steps(struct vf_buf *b, const struct vf_tally *t, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &t->steps[i];

		add_member(b, i > first ? ",{" : "{", "tool", s->tool);
		add_member(b, ",", "campaignId", s->campaign);
		add_member(b, ",", "waveId", s->wave);
		vf_buf_addf(b, ",\"input\":%s,\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"rejected\":%" PRIu64
			",\"unselected\":%" PRIu64 ",\"deferred\":%" PRIu64 ",\"reasons\":%s,\"exit\":%" PRIu64
			",\"seconds\":%.3f,\"ok\":%s}", s->input, s->in, s->out, s->rejected, s->unselected,
			s->deferred, s->reasons, s->exit, s->seconds, vf_tally_step_ok(s, NULL) ? "true" : "false");
	}
}

static int
add_run(struct report *r, size_t first, size_t end, const char *run)
{
	struct vf_buf *b = &r->out;
	char name[CELL + 8];

	if (r->opt->json) {
		add_member(b, first > 0 ? ",{" : "{", "run", run);
		vf_buf_add_str(b, ",\"steps\":[");
		add_json_steps(b, &r->tally, first, end);
		vf_buf_add_str(b, "],\"chain\":[");
	} else {
		run_name(name, run);
		vf_buf_addf(b, "%s%s\n", first > 0 ? "\n" : "", name);
		if (add_run_table(r, first, end) < 0)
			return -1;
	}
	judge_steps(r, first, end);
	judge_chain(r, first, end, run);
	if (r->opt->json)
		vf_buf_add_str(b, "]}");
	return 0;
}

/* A wanted run of which nothing is there lost everything. */
static void
judge_nothing(struct report *r)
{
	struct vf_buf text = { 0 };
	char name[CELL + 8];

	run_name(name, r->opt->run != NULL ? r->opt->run : "");
	vf_buf_add_str(&text, "no stats lines");
	violation(r, r->opt->run != NULL ? name : "input", &text);
	vf_buf_free(&text);
}

static int
judge(struct report *r)
{
	const struct vf_tally *t = &r->tally;
	struct vf_buf text = { 0 };

	if (r->opt->json)
		vf_buf_add_str(&r->out, "{\"runs\":[");
	for (size_t first = 0, end; first < t->nsteps; first = end) {
		end = vf_tally_run_end(t, first);
		if (add_run(r, first, end, t->steps[first].run) < 0)
			return -1;
	}
	if (t->nsteps == 0)
		judge_nothing(r);
	if (r->bad_lines > 0) {
		vf_buf_addf(&text, "%" PRIu64 " lines are no stats lines, or torn", r->bad_lines);
		violation(r, "input", &text);
	}
	vf_buf_free(&text);
	if (r->opt->json) {
		vf_buf_addf(&r->out, "],\"ok\":%s,\"violations\":[", r->nviolations == 0 ? "true" : "false");
		vf_buf_add_slice(&r->out, vf_buf_slice(&r->violations));
		vf_buf_add_str(&r->out, "]}\n");
	}
	return r->out.failed || r->violations.failed ? vf_error_nomem(&r->run->err) : 0;
}

static int
work(struct report *r)
{
	struct vf_file *file;

	if (parse_chain(r) < 0 || read_all(r) < 0)
		return -1;
	vf_tally_settle(&r->tally);
	if (judge(r) < 0)
		return -1;
	file = vf_output_file(r->run, r->run->output, 0);
	if (file == NULL || vf_file_write(file, r->out.p, r->out.n, &r->run->err) < 0)
		return -1;
	r->run->exit_status = r->nviolations > 0;
	return 0;
}

static int
run_tally(struct vf_run *run)
{
	struct report r = { .run = run, .opt = run->options };
	int rc = work(&r);

	vf_tally_clear(&r.tally);
	vf_buf_free(&r.out);
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
