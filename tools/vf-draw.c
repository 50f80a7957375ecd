/* vf-draw -- the fair draw: the best `limit` candidates of each market by band and secret draw key. */
#include "base/sorter.h"
#include "drawing.h"

#define STANDBY_MEMORY ((size_t)64 << 20)	/* for --unselected; what is more goes to $TMPDIR */

struct options {
	const char *seed_file, *beacon, *limits, *manifest, *unselected;
	uint64_t limit;
};

#define NO_LIMIT UINT64_MAX
static const struct options defaults = { .limit = NO_LIMIT };

static const struct vf_option options[] = {
	{ "seed-file", 0, VF_PATH, offsetof(struct options, seed_file), "FILE",
		"the secret seed: 64 hex digits (or VF_DRAW_SEED)" },
	{ "beacon", 0, VF_TEXT, offsetof(struct options, beacon), "HEX", "public randomness mixed into the draw" },
	{ "limit", 0, VF_U64, offsetof(struct options, limit), "N", "how many to draw in every market" },
	{ "limits", 0, VF_PATH, offsetof(struct options, limits), "FILE",
		"CSV market,limit instead of the configuration's" },
	{ "manifest", 0, VF_PATH, offsetof(struct options, manifest), "FILE",
		"what was drawn from what, for vf-audit" },
	{ "unselected", 0, VF_PATH, offsetof(struct options, unselected), "FILE",
		"those not drawn, in order: the standby list" },
	{ 0 },
};

struct drawing {
	const struct options *opt;
	struct vf_run *run;
	struct vf_drawing_columns columns;
	struct vf_draw *draw;
	struct vf_out *drawn, *unselected;
	struct vf_file *manifest;
	struct vf_sorter *standby;
	struct vf_buf key, value;	/* of a record on its way into `standby` */
	struct vf_drawing_writer writer;
	char beacon[VF_DRAW_BEACON_MAX + 1];
	char commitment[VF_DIGEST_HEX + 1];
};

static int
check(struct vf_run *run, void *opt_, struct vf_in_options *in)
{
	const struct options *opt = opt_;
	char beacon[VF_DRAW_BEACON_MAX + 1];

	if (opt->limit != NO_LIMIT && opt->limits != NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--limit and --limits do not go together");
	if (opt->limit == NO_LIMIT && opt->limits == NULL && run->campaign == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "limits are needed: -c, --limits or --limit");
	if (opt->beacon != NULL && !vf_draw_beacon_parse(vf_slice_str(opt->beacon), beacon))
		return vf_error(&run->err, VF_ERR_CONFIG, "--beacon: not hex digits");
	in->digest = opt->manifest != NULL;
	return 0;
}

/* The standby list */

/* A key whose byte order is the order of the list: market, band, draw key, id; then input order. */
static int
add_loser(void *drawing, const struct vf_drawn *fan, struct vf_error *err)
{
	struct drawing *d = drawing;
	unsigned char where[10];

	for (int i = 0; i < 2; i++)
		where[i] = (unsigned char)(fan->file >> (8 - 8 * i));
	for (int i = 0; i < 8; i++)
		where[2 + i] = (unsigned char)(fan->lineno >> (56 - 8 * i));
	d->run->held++;
	vf_buf_clear(&d->key);
	vf_buf_clear(&d->value);
	vf_buf_add_slice(&d->key, fan->market);
	vf_buf_add_char(&d->key, '\0');
	vf_buf_add_char(&d->key, (char)fan->band);
	vf_buf_add(&d->key, fan->key, sizeof(fan->key));
	vf_buf_add_slice(&d->key, fan->id);
	vf_buf_add_char(&d->key, '\0');
	vf_buf_add(&d->key, where, sizeof(where));
	vf_buf_add_char(&d->value, fan->delimiter);
	vf_buf_add_slice(&d->value, fan->line);
	if (d->key.failed || d->value.failed)
		return vf_error_nomem(err);
	return vf_sorter_add(d->standby, vf_buf_slice(&d->key), vf_buf_slice(&d->value), err);
}

/* Positions go on where the market's winners end: a raised limit draws in just this order. */
static int
write_standby(struct drawing *d)
{
	struct vf_slice key, value;
	struct vf_draw_market market = { 0 };
	uint64_t position = 0, n = 0;
	size_t next = 0;
	int rc;

	if (vf_sorter_finish(d->standby, &d->run->err) < 0)
		return -1;
	while ((rc = vf_sorter_next(d->standby, &key, &value, &d->run->err)) > 0) {
		struct vf_slice name = vf_slice(key.p, strlen(key.p)), line = vf_slice(value.p + 1, value.n - 1);

		while (next == 0 || !vf_slice_eq(name, market.name)) {
			vf_draw_market(d->draw, next++, &market);
			position = market.drawn;
		}
		if (vf_drawing_put(&d->writer, d->unselected, line, value.p[0], ++position) < 0)
			return -1;
		if (++n % 4096 == 0 && vf_stopping())
			return vf_stopped(d->run);
	}
	return rc;
}

/* Start */

static int
new_draw(struct drawing *d, bool one_market)
{
	const struct vf_run *run = d->run;
	struct vf_drawing_key of = { .seed_file = d->opt->seed_file,
		.campaign = vf_slice_str(run->campaign != NULL ? run->campaign->id : ""),
		.wave = vf_slice_str(run->wave != NULL ? run->wave : "") };

	if (d->opt->beacon != NULL)
		vf_draw_beacon_parse(vf_slice_str(d->opt->beacon), d->beacon);
	of.beacon = vf_slice_str(d->beacon);
	d->draw = vf_drawing_new(d->run, &of, &(struct vf_draw_options){ .one_market = one_market,
		.loser = d->opt->unselected != NULL ? add_loser : NULL, .context = d }, d->commitment);
	return d->draw == NULL ? -1 : 0;
}

/* In the order in which they are to appear: data, then the manifest. */
static int
open_outputs(struct drawing *d)
{
	const struct options *opt = d->opt;
	struct vf_out_options out = { .header = vf_in_header(d->run->in), .sets = vf_drawing_sets,
		.flags = VF_FILE_PRIVATE, .digest = opt->manifest != NULL };

	if ((d->drawn = vf_output(d->run, &out)) == NULL)
		return -1;
	if (opt->unselected != NULL) {
		out.path = opt->unselected;
		out.digest = false;
		if ((d->unselected = vf_output(d->run, &out)) == NULL
			|| (d->standby = vf_sorter_new(STANDBY_MEMORY, vf_env("TMPDIR"), &d->run->err)) == NULL)
			return -1;
	}
	if (opt->manifest != NULL && (d->manifest = vf_output_file(d->run, opt->manifest, 0)) == NULL)
		return -1;
	return vf_drawing_writer_init(&d->writer, d->run);
}

static int
start(struct drawing *d)
{
	const struct vf_drawing_limits limits = { d->opt->limit != NO_LIMIT, d->opt->limit, d->opt->limits };
	const struct vf_wave_config *wave;

	if (vf_drawing_wave(d->run, d->run->wave, &wave) < 0)
		return -1;
	if (vf_drawing_columns(d->run, !limits.has_limit || (wave != NULL && wave->nmarkets > 0), &d->columns) < 0)
		return -1;
	if (new_draw(d, d->columns.market < 0) < 0)
		return -1;
	/* Even without candidates a draw without markets has its one. */
	if (d->columns.market < 0 && vf_draw_limit(d->draw, vf_slice("", 0), limits.limit, &d->run->err) < 0)
		return -1;
	if (vf_drawing_set_limits(d->run, &limits, wave, d->draw) < 0)
		return -1;
	return open_outputs(d);
}

/* End */

static int
write_manifest(struct drawing *d, struct vf_manifest *m)
{
	const struct vf_campaign *campaign = d->run->campaign;
	struct vf_buf b = { 0 };
	int rc;

	m->campaign = vf_slice_str(campaign != NULL ? campaign->id : "");
	m->wave = vf_slice_str(d->run->wave != NULL ? d->run->wave : "");
	m->beacon = vf_slice_str(d->beacon);
	m->bands = campaign != NULL ? campaign->bands : (struct vf_bands)VF_BANDS_DEFAULT;
	memcpy(m->commitment, d->commitment, sizeof(m->commitment));
	m->result.records = vf_out_records(d->drawn);
	vf_out_digest(d->drawn, m->result.blake2b);
	if (vf_drawing_entrants(d->run, m) < 0)
		return -1;
	rc = vf_manifest_add(&b, m) < 0 ? vf_error_nomem(&d->run->err)
					: vf_file_write(d->manifest, b.p, b.n, &d->run->err);
	vf_buf_free(&b);
	return rc;
}

/* What was held back is counted where it is seen to be left over: candidate by candidate, or here in its market. */
static int
report(struct drawing *d)
{
	struct vf_manifest m = { 0 };
	struct vf_buf b = { 0 };
	int rc;

	if ((rc = vf_manifest_markets(&m, d->draw, &d->run->err)) == 0) {
		for (size_t i = 0; i < m.nmarkets && d->standby == NULL; i++)
			d->run->held += m.markets[i].candidates[0] + m.markets[i].candidates[1]
				+ m.markets[i].candidates[2] - m.markets[i].drawn;
		vf_manifest_add_markets(&b, &m);
		vf_stat_json(d->run, "markets", vf_buf_slice(&b));
		vf_stat_u64(d->run, "unselected", d->run->held);
		vf_stat_str(d->run, "commitment", d->commitment);
		rc = b.failed ? vf_error_nomem(&d->run->err) : 0;
	}
	if (rc == 0 && d->manifest != NULL)
		rc = write_manifest(d, &m);
	vf_manifest_clear(&m);
	vf_buf_free(&b);
	return rc;
}

static int
run_draw(struct vf_run *run)
{
	struct drawing d = { .opt = run->options, .run = run };
	int rc = start(&d);

	if (rc == 0)
		rc = vf_drawing_read(run, &d.columns, d.draw);
	if (rc == 0)
		rc = vf_drawing_finish(run, d.draw);
	if (rc == 0)
		rc = vf_drawing_write(&d.writer, d.draw, d.drawn);
	if (rc == 0 && d.standby != NULL)
		rc = write_standby(&d);
	if (rc == 0)
		rc = report(&d);
	vf_drawing_writer_clear(&d.writer);
	vf_sorter_free(d.standby);
	vf_buf_free(&d.key);
	vf_buf_free(&d.value);
	vf_draw_free(d.draw);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-draw",
	.purpose = "Draw fans fairly: in each market by band and secret draw key, up to its limit.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT | VF_WANT_WAVE,
	.reasons = vf_drawing_reasons,
	.check = check,
	.run = run_draw,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
