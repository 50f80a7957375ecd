/* drawing.c -- what vf-draw and vf-audit share: the seed, rows into the draw, and the drawn as rows. */
#include "drawing.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/num.h"

const char *const vf_drawing_reasons[] = { "missing-user", "bad-band", "below-bands", "bad-market", "no-limit",
	NULL };
const char *const vf_drawing_sets[] = { "drawPosition", NULL };

int
vf_drawing_seed(struct vf_run *run, const char *path, unsigned char seed[VF_DRAW_SEED_LEN])
{
	const char *text = path == NULL ? vf_env("VF_DRAW_SEED") : NULL;
	struct vf_buf b = { 0 };
	int rc = 0;

	if (path == NULL && text == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "a seed is needed: --seed-file FILE or VF_DRAW_SEED");
	if (path == NULL) {
		if (!vf_draw_seed_parse(vf_slice_str(text), seed))
			rc = vf_error(&run->err, VF_ERR_CONFIG, "VF_DRAW_SEED: not 64 hex digits");
		return rc;
	}
	if (vf_file_slurp(path, 4096, &b, &run->err) < 0) {
		run->err.kind = VF_ERR_CONFIG;
		rc = -1;
	} else if (!vf_draw_seed_parse(vf_buf_slice(&b), seed)) {
		rc = vf_error(&run->err, VF_ERR_CONFIG, "%s: not a seed: 64 hex digits and a line end", path);
	}
	if (b.p != NULL)
		sodium_memzero(b.p, b.size);
	vf_buf_free(&b);
	return rc;
}

struct vf_draw *
vf_drawing_new(struct vf_run *run, const struct vf_drawing_key *of, const struct vf_draw_options *options,
	char commitment[VF_DIGEST_HEX + 1])
{
	unsigned char seed[VF_DRAW_SEED_LEN], k[VF_DIGEST_LEN];
	struct vf_draw_options with = *options;
	struct vf_draw *draw;

	if (vf_drawing_seed(run, of->seed_file, seed) < 0)
		return NULL;
	vf_draw_commitment(seed, commitment);
	vf_draw_derive(k, seed, of->campaign, of->wave, of->beacon);
	sodium_memzero(seed, sizeof(seed));
	with.k = k;
	draw = vf_draw_new(&with, &run->err);
	sodium_memzero(k, sizeof(k));
	return draw;
}

/* Rows in */

int
vf_drawing_columns(struct vf_run *run, bool market_needed, struct vf_drawing_columns *columns)
{
	const struct vf_header *header = vf_in_header(run->in);

	if ((columns->id = vf_header_need(header, "globalUserId", &run->err)) < 0
		|| (columns->band = vf_header_need(header, "band", &run->err)) < 0)
		return -1;
	columns->market = vf_header_find(header, "market");
	if (columns->market < 0 && market_needed)
		return vf_header_need(header, "market", &run->err);
	return 0;
}

static void
make_fan(struct vf_draw_fan *fan, const struct vf_row *row, const struct vf_drawing_columns *columns, char delimiter)
{
	enum vf_band band;

	fan->id = vf_slice_trim(vf_row_value(row, columns->id));
	fan->market = columns->market >= 0 ? vf_slice_trim(vf_row_value(row, columns->market)) : vf_slice(NULL, 0);
	fan->line = vf_row_line(row);
	fan->lineno = row->lineno;
	fan->file = row->file;
	fan->delimiter = delimiter;
	fan->band = vf_band_parse(vf_slice_trim(vf_row_value(row, columns->band)), &band) ? (uint8_t)band : VF_BANDS;
}

static int
read_batch(struct vf_run *run, const struct vf_drawing_columns *columns, struct vf_draw *draw,
	const struct vf_row *rows, int n)
{
	static struct vf_draw_fan fans[VF_BATCH_MAX];
	char delimiter = vf_in_delimiter(run->in, rows[0].file);
	size_t nfans = 0, k = 0;

	for (int i = 0; i < n; i++)
		if (rows[i].reject == 0)
			make_fan(&fans[nfans++], &rows[i], columns, delimiter);
	if (vf_draw_add(draw, fans, nfans, &run->err) < 0)
		return -1;
	for (int i = 0; i < n; i++) {
		int why = rows[i].reject;

		if (why == 0 && fans[k].verdict != VF_DRAW_CANDIDATE)
			why = VF_REJECT_TOOL + fans[k].verdict - VF_DRAW_MISSING_USER;
		if (rows[i].reject == 0)
			k++;
		if (why != 0 && vf_reject(run, &rows[i], why, NULL) < 0)
			return -1;
	}
	return 0;
}

int
vf_drawing_read(struct vf_run *run, const struct vf_drawing_columns *columns, struct vf_draw *draw)
{
	const struct vf_row *rows;
	int n;

	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		if (read_batch(run, columns, draw, rows, n) < 0)
			return -1;
		if (vf_stopping())
			return vf_stopped(run);
	}
	return n;
}

int
vf_drawing_finish(struct vf_run *run, struct vf_draw *draw)
{
	struct vf_draw_twice twice;
	int rc = vf_draw_finish(draw, &twice, &run->err);

	if (rc > 0)
		return vf_error(&run->err, VF_ERR_FAILED, "%s:%" PRIu64 ": the same globalUserId as %s:%" PRIu64,
			vf_in_name(run->in, twice.file[0]), twice.lineno[0], vf_in_name(run->in, twice.file[1]),
			twice.lineno[1]);
	return rc;
}

int
vf_drawing_entrants(struct vf_run *run, struct vf_manifest *m)
{
	int n = vf_in_files(run->in);

	m->entrants = calloc((size_t)n + 1, sizeof(*m->entrants));
	if (m->entrants == NULL)
		return vf_error_nomem(&run->err);
	for (int i = 0; i < n; i++) {
		struct vf_manifest_file *e = &m->entrants[m->nentrants++];

		e->name = vf_slice_str(vf_in_name(run->in, i));
		e->records = vf_in_file_records(run->in, i);
		vf_in_digest(run->in, i, e->blake2b);
	}
	return 0;
}

/* Rows out */

int
vf_drawing_writer_init(struct vf_drawing_writer *w, struct vf_run *run)
{
	w->run = run;
	w->appends = vf_header_find(vf_in_header(run->in), vf_drawing_sets[0]) < 0;
	w->csv = vf_csv_new(&run->err);
	return w->csv == NULL ? -1 : 0;
}

void
vf_drawing_writer_clear(struct vf_drawing_writer *w)
{
	vf_csv_free(w->csv);
	w->csv = NULL;
}

static int
make_row(struct vf_drawing_writer *w, struct vf_slice line, char delimiter, struct vf_row *row)
{
	*row = (struct vf_row){ .base = line.p, .len = (uint32_t)line.n, .size = line.n };
	if (w->appends && delimiter == ',')
		return 0;
	vf_csv_clear(w->csv);
	return vf_csv_row(w->csv, line, delimiter, row, &w->run->err) < 0 ? -1 : 0;
}

int
vf_drawing_put(struct vf_drawing_writer *w, struct vf_out *out, struct vf_slice line, char delimiter,
	uint64_t position)
{
	char digits[20];
	struct vf_slice value = vf_slice(digits, vf_num_put_u64(digits, position));
	struct vf_row row;

	if (make_row(w, line, delimiter, &row) < 0)
		return -1;
	return vf_out_put(out, &row, delimiter, &value, &w->run->err);
}

int
vf_drawing_render(struct vf_drawing_writer *w, struct vf_out *out, struct vf_slice line, char delimiter,
	uint64_t position, struct vf_buf *to)
{
	char digits[20];
	struct vf_slice value = vf_slice(digits, vf_num_put_u64(digits, position));
	struct vf_row row;

	if (make_row(w, line, delimiter, &row) < 0)
		return -1;
	return vf_out_render(out, &row, delimiter, &value, to, &w->run->err);
}

int
vf_drawing_write(struct vf_drawing_writer *w, struct vf_draw *draw, struct vf_out *out)
{
	struct vf_drawn fan;

	while (vf_draw_next(draw, &fan)) {
		if (vf_drawing_put(w, out, fan.line, fan.delimiter, fan.position) < 0)
			return -1;
		if (fan.position % 4096 == 0 && vf_stopping())
			return vf_stopped(w->run);
	}
	return 0;
}
