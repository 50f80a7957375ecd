/* vf-score -- validate scores and put each fan into a band. */
#include "base/keyset.h"
#include "base/num.h"
#include "fan/fan.h"
#include "fan/score.h"
#include "frame.h"

struct options {
	bool allow_duplicates, ranks, no_header;
	const char *columns;
	uint64_t of;
};

#define OF_INPUT UINT64_MAX		/* as many ranks as the input has records */
static const struct options defaults = { .of = OF_INPUT };

static const struct vf_option options[] = {
	{ "allow-duplicates", 0, VF_FLAG, offsetof(struct options, allow_duplicates), NULL,
		"keep later records of a fan" },
	{ "ranks", 0, VF_FLAG, offsetof(struct options, ranks), NULL,
		"make the score of the column rank (1 is best)" },
	{ "of", 0, VF_U64, offsetof(struct options, of), "N", "with --ranks: ranks go from 1 to N" },
	{ "no-header", 0, VF_FLAG, offsetof(struct options, no_header), NULL,
		"the input has no header line; --columns names its columns" },
	{ "columns", 0, VF_TEXT, offsetof(struct options, columns), "A,B,C", "with --no-header: the column names" },
	{ 0 },
};

static const char *const sets[] = { "score", "band", NULL };
enum { MISSING_USER = VF_REJECT_TOOL, BAD_SCORE, BAD_RANK, DUPLICATE_FAN };
static const char *const reasons[] = { "missing-user", "bad-score", "bad-rank", "duplicate-fan", NULL };

/* What a run needs besides the input; the arrays are for one batch. */
struct scorer {
	const struct options *opt;
	struct vf_run *run;
	struct vf_out *out;
	struct vf_bands bands;
	int id, value, score;		/* columns; score -1: there is none yet */
	uint64_t ranks;			/* ranks go from 1 to this */
	struct vf_keyset *seen;		/* NULL: duplicates are allowed */
	uint64_t counts[VF_BANDS];
	struct vf_slice words[VF_BANDS];	/* the bands' */
	uint32_t millionths[VF_BATCH_MAX];
	uint16_t why[VF_BATCH_MAX];
	bool as_is[VF_BATCH_MAX];	/* the score stands in the record as it is written */
	struct vf_key keys[VF_BATCH_MAX];
	unsigned char fresh[VF_BATCH_MAX];
};

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	struct options *opt = options_;

	if (opt->no_header != (opt->columns != NULL))
		return vf_error(&run->err, VF_ERR_CONFIG, "--no-header and --columns go together");
	if (opt->of != OF_INPUT && !opt->ranks)
		return vf_error(&run->err, VF_ERR_CONFIG, "--of goes with --ranks");
	if (opt->of == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--of: at least 1");
	in->columns = opt->columns;
	in->rewindable = opt->ranks && opt->of == OF_INPUT;
	return 0;
}

/* Why row i is rejected, or 0 and its score. */
static int
judge(struct scorer *s, const struct vf_row *row, int i, struct vf_slice id)
{
	struct vf_slice value = vf_slice_trim(vf_row_value(row, s->value));

	if (!vf_fan_id_ok(id))
		return MISSING_USER;
	s->as_is[i] = false;
	if (s->opt->ranks)
		return vf_score_of_rank(value, s->ranks, &s->millionths[i]) ? 0 : BAD_RANK;
	if (vf_num_six_places(value, &s->millionths[i])) {
		s->as_is[i] = vf_row_raw(row, s->value).n == value.n;
		return 0;
	}
	return vf_num_millionths(value, &s->millionths[i]) ? 0 : BAD_SCORE;
}

static int
put(struct scorer *s, const struct vf_row *row, int i, char delimiter)
{
	enum vf_band band = vf_band_of(&s->bands, s->millionths[i]);
	struct vf_slice v[2];
	char text[8];

	s->counts[band]++;
	if (s->as_is[i]) {
		v[0] = vf_row_raw(row, s->value);
	} else {
		vf_num_put_millionths(text, s->millionths[i]);
		v[0] = vf_slice(text, sizeof text);
		if (s->score >= 0 && vf_slice_eq(vf_row_raw(row, s->score), v[0]))
			v[0] = vf_row_raw(row, s->score);
	}
	v[1] = s->words[band];
	return vf_out_put(s->out, row, delimiter, v, &s->run->err);
}

/* The batch judged, then its ids looked up all at once, then written. */
static int
score_batch(struct scorer *s, const struct vf_row *rows, int n)
{
	char delimiter = vf_in_delimiter(s->run->in, rows[0].file);
	size_t nkeys = 0, k = 0;

	for (int i = 0; i < n; i++) {
		struct vf_slice id;

		s->why[i] = rows[i].reject;
		if (rows[i].reject != 0)
			continue;
		id = vf_slice_trim(vf_row_value(&rows[i], s->id));
		s->why[i] = (uint16_t)judge(s, &rows[i], i, id);
		if (s->why[i] == 0 && s->seen != NULL)
			s->keys[nkeys++] = vf_keyset_key(s->seen, id);
	}
	if (s->seen != NULL && vf_keyset_add(s->seen, s->keys, nkeys, s->fresh, NULL, &s->run->err) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		if (s->why[i] == 0 && s->seen != NULL && !s->fresh[k++])
			s->why[i] = DUPLICATE_FAN;
		if (s->why[i] != 0 ? vf_reject(s->run, &rows[i], s->why[i], NULL) < 0 :
			put(s, &rows[i], i, delimiter) < 0)
			return -1;
	}
	return 0;
}

/* How many ids to make room for: the size of the input in records like those of its first batch. */
static uint64_t
expect(const struct vf_in *in, const struct vf_row *rows, int n)
{
	uint64_t bytes = 1, records;

	for (int i = 0; i < n; i++)
		bytes += rows[i].size + 1;
	records = (uint64_t)((double)vf_in_size(in) / (double)bytes * n);
	return records < (uint64_t)1 << 26 ? records : (uint64_t)1 << 26;
}

/* Every record counts as a rank, rejected ones included. */
static int
count_records(struct vf_run *run, uint64_t *count)
{
	const struct vf_row *rows;
	int n;

	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0)
		if (vf_stopping())
			return vf_stopped(run);
	*count = vf_in_records(run->in);
	return n < 0 ? -1 : vf_in_rewind(run->in, &run->err);
}

static int
start(struct scorer *s)
{
	const struct vf_header *h = vf_in_header(s->run->in);
	struct vf_run *run = s->run;

	s->id = vf_header_need(h, "globalUserId", &run->err);
	if (s->id < 0)
		return -1;
	if (!s->opt->ranks && vf_header_find(h, "score") < 0 && vf_header_find(h, "rank") >= 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "%s: no column score, but rank: use --ranks", h->file);
	s->value = vf_header_need(h, s->opt->ranks ? "rank" : "score", &run->err);
	if (s->value < 0)
		return -1;
	s->score = vf_header_find(h, "score");
	if (run->campaign != NULL)
		s->bands = run->campaign->bands;
	for (int i = 0; i < VF_BANDS; i++)
		s->words[i] = vf_slice_str(vf_band_names[i]);
	s->ranks = s->opt->of;
	if (s->opt->ranks && s->ranks == OF_INPUT && count_records(run, &s->ranks) < 0)
		return -1;
	s->out = vf_output(run, &(struct vf_out_options){ .header = h, .sets = sets, .flags = VF_FILE_PRIVATE,
		.plain = true });
	return s->out == NULL ? -1 : 0;
}

static int
run_score(struct vf_run *run)
{
	static struct scorer s;
	const struct vf_row *rows;
	int n = -1;

	s = (struct scorer){ .opt = run->options, .run = run, .bands = VF_BANDS_DEFAULT };
	if (start(&s) < 0)
		return -1;
	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		if (s.seen == NULL && !s.opt->allow_duplicates &&
			(s.seen = vf_keyset_new(0, expect(run->in, rows, n), &run->err)) == NULL)
			n = -1;
		else if (score_batch(&s, rows, n) < 0)
			n = -1;
		else if (vf_stopping())
			n = vf_stopped(run);
		if (n < 0)
			break;
	}
	vf_stat_counts(run, "bands", vf_band_names, s.counts, VF_BANDS);
	vf_keyset_free(s.seen);
	return n;
}

static const struct vf_tool tool = {
	.name = "vf-score",
	.purpose = "Validate scores (or make them of ranks) and put each fan into a band.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT,
	.reasons = reasons,
	.check = check,
	.run = run_score,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
