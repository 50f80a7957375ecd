/* drawing-limits.c -- how many may be drawn in each market: from --limit, --limits or the configuration. */
#include <inttypes.h>

#include "base/num.h"
#include "drawing.h"

static int
set_limit(struct vf_run *run, struct vf_draw *draw, const struct vf_wave_config *wave, struct vf_slice market,
	uint64_t limit)
{
	if (limit > VF_DRAWING_LIMIT_MAX)
		return vf_error(&run->err, VF_ERR_CONFIG, "a limit over %" PRIu64, VF_DRAWING_LIMIT_MAX);
	return vf_campaign_in_wave(wave, market) ? vf_draw_limit(draw, market, limit, &run->err) : 0;
}

/* A line of --limits; what is wrong with one is wrong with the whole. */
static int
add_limit_row(struct vf_run *run, struct vf_draw *draw, const struct vf_wave_config *wave, const struct vf_row *row,
	const int columns[2], const char *file)
{
	struct vf_slice market;
	uint64_t limit;
	int rc;

	if (row->reject != 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": a bad record", file, row->lineno);
	market = vf_slice_trim(vf_row_value(row, columns[0]));
	if (market.n == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": no market", file, row->lineno);
	if (!vf_num_u64(vf_slice_trim(vf_row_value(row, columns[1])), &limit))
		return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": the limit is not a whole number", file,
			row->lineno);
	rc = set_limit(run, draw, wave, market, limit);
	if (rc > 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": a market is there twice", file,
			row->lineno);
	return rc < 0 && run->err.kind == VF_ERR_CONFIG ? vf_error_prefix(&run->err, file) : rc;
}

static int
read_limits(struct vf_run *run, const char *file, const struct vf_wave_config *wave, struct vf_draw *draw)
{
	const struct vf_in_options options = { .paths = &file, .npaths = 1 };
	struct vf_in *in = vf_in_open(&options, &run->err);
	const struct vf_row *rows;
	int columns[2] = { -1, -1 }, n = -1;

	if (in != NULL && (columns[0] = vf_header_need(vf_in_header(in), "market", &run->err)) >= 0
		&& (columns[1] = vf_header_need(vf_in_header(in), "limit", &run->err)) >= 0)
		while ((n = vf_in_batch(in, &rows, &run->err)) > 0) {
			int rc = 0;

			for (int i = 0; i < n && rc >= 0; i++)
				rc = add_limit_row(run, draw, wave, &rows[i], columns, file);
			if (rc < 0) {
				n = -1;
				break;
			}
		}
	vf_in_free(in);
	/* Nothing was processed yet, whatever failed. */
	if (n < 0 && run->err.kind == VF_ERR_FAILED)
		run->err.kind = VF_ERR_CONFIG;
	return n;
}

/* waves[].limits first: a market keeps the first limit it is given. */
static int
configured_limits(struct vf_run *run, const struct vf_wave_config *wave, struct vf_draw *draw)
{
	const struct vf_campaign *c = run->campaign;

	for (size_t i = 0; wave != NULL && i < wave->nlimits; i++)
		if (set_limit(run, draw, wave, vf_slice_str(wave->limits[i].market), wave->limits[i].limit) < 0)
			return -1;
	for (size_t i = 0; i < c->nmarkets; i++)
		if (c->markets[i].has_limit
			&& set_limit(run, draw, wave, vf_slice_str(c->markets[i].id), c->markets[i].limit) < 0)
			return -1;
	return 0;
}

int
vf_drawing_set_limits(struct vf_run *run, const struct vf_drawing_limits *limits, const struct vf_wave_config *wave,
	struct vf_draw *draw)
{
	if (limits->file != NULL)
		return read_limits(run, limits->file, wave, draw);
	if (!limits->has_limit)
		return configured_limits(run, wave, draw);
	if (limits->limit > VF_DRAWING_LIMIT_MAX)
		return vf_error(&run->err, VF_ERR_CONFIG, "--limit: over %" PRIu64, VF_DRAWING_LIMIT_MAX);
	if (wave == NULL || wave->nmarkets == 0) {
		vf_draw_limit_all(draw, limits->limit);
		return 0;
	}
	for (size_t i = 0; i < wave->nmarkets; i++)
		if (vf_draw_limit(draw, vf_slice_str(wave->markets[i]), limits->limit, &run->err) < 0)
			return -1;
	return 0;
}

int
vf_drawing_wave(struct vf_run *run, const char *id, const struct vf_wave_config **wave)
{
	*wave = NULL;
	if (run->campaign == NULL || id == NULL || run->campaign->nwaves == 0)
		return 0;
	if ((*wave = vf_campaign_wave(run->campaign, id)) == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "the campaign configuration has no wave %s", id);
	return 0;
}
