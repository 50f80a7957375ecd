/* vf-codegen -- make access codes that nobody can guess, no two alike. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fan/codes.h"
#include "fan/ledger.h"
#include "frame.h"
#include "ledger-file.h"

#define BLOCK ((size_t)256 << 10)
#define GUESS_BITS 30			/* a guess must be at least 2^30 times more likely to miss */
#define COUNT_UNSET UINT64_MAX

struct options {
	uint64_t count, length;
	const char *alphabet, *prefix;
	struct vf_list exclude;
	bool allow_guessable;
};

static const struct vf_option options[] = {
	{ "count", 'n', VF_U64, offsetof(struct options, count), "N", "how many codes (needed)" },
	{ "length", 0, VF_U64, offsetof(struct options, length), "N", "random characters in a code (12)" },
	{ "alphabet", 0, VF_TEXT, offsetof(struct options, alphabet), "NAME|CHARS",
		"default, digits, hex, letters, alnum, base32, base32-crockford, or the characters" },
	{ "prefix", 0, VF_TEXT, offsetof(struct options, prefix), "P", "in front of the random characters" },
	{ "exclude", 0, VF_LIST, offsetof(struct options, exclude), "FILE",
		"make no code that is in this ledger, or CSV with column code (repeatable)" },
	{ "allow-guessable", 0, VF_FLAG, offsetof(struct options, allow_guessable), NULL,
		"even when the codes are too few to be safe from guessing" },
	{ 0 },
};

static const struct options defaults = { .count = COUNT_UNSET, .length = 12, .alphabet = "default", .prefix = "" };

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;
	struct vf_code_format format;

	(void)in;
	if (opt->count == COUNT_UNSET)
		return vf_error(&run->err, VF_ERR_CONFIG, "-n N is needed");
	if (run->noperands > 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "no operands are taken");
	if (vf_code_format_init(&format, opt->alphabet, opt->length, opt->prefix, &run->err) < 0)
		return -1;
	if (!opt->allow_guessable && !vf_code_space_holds(&format, opt->count, GUESS_BITS))
		return vf_error(&run->err, VF_ERR_CONFIG, "%.1f bits are too few for %" PRIu64 " codes: one guess in %.0f "
			"would hit; make them longer (or say --allow-guessable)", vf_code_bits(&format), opt->count,
			vf_code_guess_odds(&format, opt->count));
	return 0;
}

static int
exclude_rows(struct vf_run *run, struct vf_in *in, struct vf_codes *codes)
{
	static struct vf_slice list[VF_BATCH_MAX];
	const struct vf_row *rows;
	int column = vf_header_need(vf_in_header(in), "code", &run->err), n;

	if (column < 0)
		return -1;
	if (vf_ledger_file_is(vf_in_header(in)))
		vf_in_whole_lines(in);
	while ((n = vf_in_batch(in, &rows, &run->err)) > 0) {
		for (int i = 0; i < n; i++) {
			if (rows[i].reject != 0)
				return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": cannot be read as a record",
					vf_in_name(in, 0), rows[i].lineno);
			list[i] = vf_slice_trim(vf_row_value(&rows[i], column));
		}
		if (vf_codes_exclude(codes, list, (size_t)n, &run->err) < 0)
			return -1;
		if (vf_stopping())
			return vf_stopped(run);
	}
	return n;
}

static int
exclude_file(struct vf_run *run, const char *path, struct vf_codes *codes)
{
	struct vf_in *in = vf_in_open(&(struct vf_in_options){ .paths = &path, .npaths = 1 }, &run->err);
	int rc = in != NULL ? exclude_rows(run, in, codes) : -1;

	vf_in_free(in);
	return rc;
}

/* All codes, a block at a time. */
static int
make(struct vf_run *run, struct vf_codes *codes, struct vf_file *out, char *block)
{
	const struct options *opt = run->options;
	const size_t line = vf_codes_line(codes);
	ssize_t n;

	while (run->out_count < opt->count) {
		uint64_t want = opt->count - run->out_count;

		n = vf_codes_make(codes, block, want < BLOCK / line ? (size_t)want : BLOCK / line, &run->err);
		if (n < 0 || vf_file_write(out, block, (size_t)n * line, &run->err) < 0)
			return -1;
		run->out_count += (uint64_t)n;
		if (vf_stopping())
			return vf_stopped(run);
	}
	return 0;
}

static void
add_figures(struct vf_run *run, const struct vf_code_format *format, uint64_t live)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%.2f", vf_code_bits(format));

	vf_stat_json(run, "bits", vf_slice(text, (size_t)n));
	n = snprintf(text, sizeof(text), "%.0f", vf_code_guess_odds(format, live));
	vf_stat_json(run, "guessOdds", vf_slice(text, (size_t)n));
}

static int
work(struct vf_run *run, const struct vf_code_format *format, struct vf_codes *codes)
{
	const struct options *opt = run->options;
	struct vf_file *out;
	uint64_t excluded;
	char *block;
	int rc;

	for (int i = 0; i < opt->exclude.n; i++)
		if (exclude_file(run, opt->exclude.v[i], codes) < 0)
			return -1;
	excluded = vf_codes_excluded(codes);
	vf_stat_u64(run, "excluded", excluded);
	add_figures(run, format, opt->count + excluded);
	if (opt->count + excluded < excluded || !vf_code_space_holds(format, opt->count + excluded, 0))
		return vf_error(&run->err, VF_ERR_CONFIG, "there are not %" PRIu64 " such codes left", opt->count);
	out = vf_output_file(run, run->output, VF_FILE_PRIVATE);
	if (out == NULL || vf_file_write(out, "code\n", 5, &run->err) < 0)
		return -1;
	block = malloc(BLOCK);
	rc = block == NULL ? vf_error_nomem(&run->err) : make(run, codes, out, block);
	free(block);
	return rc;
}

static int
run_codegen(struct vf_run *run)
{
	const struct options *opt = run->options;
	struct vf_code_format format;
	struct vf_codes *codes;
	int rc;

	if (vf_code_format_init(&format, opt->alphabet, opt->length, opt->prefix, &run->err) < 0)
		return -1;
	codes = vf_codes_new(&format, opt->count, &run->err);
	rc = codes != NULL ? work(run, &format, codes) : -1;
	vf_codes_free(codes);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-codegen",
	.purpose = "Make random access codes that cannot be guessed, no two alike.",
	.operands = "",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_OUTPUT | VF_WANT_OPERANDS,
	.check = check,
	.run = run_codegen,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
