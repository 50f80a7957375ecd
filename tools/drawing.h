/*
 * tools/drawing.h -- what vf-draw and vf-audit share: seed and limits from
 * their files, rows into the draw, and those drawn back into rows.
 */
#ifndef VF_TOOLS_DRAWING_H
#define VF_TOOLS_DRAWING_H

#include "fan/draw.h"
#include "fan/manifest.h"
#include "frame.h"
#include "record/csv.h"

/* 32 bytes from a seed file, or from VF_DRAW_SEED when path is NULL. Wipe them after use. */
int vf_drawing_seed(struct vf_run *, const char *path, unsigned char seed[VF_DRAW_SEED_LEN]);

/* What the key of a draw is made of. */
struct vf_drawing_key {
	const char *seed_file;		/* NULL: VF_DRAW_SEED */
	struct vf_slice campaign, wave, beacon;
};

/*
 * A draw with that key (options.k is not looked at), and the commitment of its
 * seed.  Seed and key are wiped before this returns.  NULL with run->err.
 */
struct vf_draw *vf_drawing_new(struct vf_run *, const struct vf_drawing_key *, const struct vf_draw_options *,
	char commitment[VF_DIGEST_HEX + 1]);

/* drawing-limits.c */

/* Where limits come from, in this order; nothing of it given: the campaign configuration. */
struct vf_drawing_limits {
	bool has_limit;
	uint64_t limit;			/* --limit: for all */
	const char *file;		/* --limits: CSV market,limit */
};

#define VF_DRAWING_LIMIT_MAX ((uint64_t)INT64_MAX)	/* what JSON readers take */

/* wave NULL: all markets. */
int vf_drawing_set_limits(struct vf_run *, const struct vf_drawing_limits *, const struct vf_wave_config *wave,
	struct vf_draw *);
/* The wave's configuration: NULL when there is no campaign, wave or list of waves; -1: the list has no such wave. */
int vf_drawing_wave(struct vf_run *, const char *id, const struct vf_wave_config **);

/* drawing.c: rows in. */

/* The columns of the input that the draw reads. */
struct vf_drawing_columns {
	int id, band, market;		/* market -1: there is none */
};

/* market_needed false: without the column all compete in one draw. */
int vf_drawing_columns(struct vf_run *, bool market_needed, struct vf_drawing_columns *);

/* Reject reasons of a tool that draws, in the order of enum vf_draw_verdict. */
extern const char *const vf_drawing_reasons[];

/* All records of the input into the draw, or rejected. */
int vf_drawing_read(struct vf_run *, const struct vf_drawing_columns *, struct vf_draw *);
/* vf_draw_finish(); a fan who is there twice is an error that names both lines. */
int vf_drawing_finish(struct vf_run *, struct vf_draw *);
/* The manifest's list of entrants' files, of an input that was read to its end: names are borrowed from it. */
int vf_drawing_entrants(struct vf_run *, struct vf_manifest *);

/* drawing.c: rows out. */

/* The one column that the draw sets. */
extern const char *const vf_drawing_sets[];

/* Makes rows of lines again and gives them their position; clear it at the end. */
struct vf_drawing_writer {
	struct vf_run *run;
	struct vf_csv *csv;
	bool appends;			/* no drawPosition yet: the fields of a comma-separated line do not matter */
};

int vf_drawing_writer_init(struct vf_drawing_writer *, struct vf_run *);
void vf_drawing_writer_clear(struct vf_drawing_writer *);
int vf_drawing_put(struct vf_drawing_writer *, struct vf_out *, struct vf_slice line, char delimiter,
	uint64_t position);
/* The same line into memory. */
int vf_drawing_render(struct vf_drawing_writer *, struct vf_out *, struct vf_slice line, char delimiter,
	uint64_t position, struct vf_buf *);
/* All that a finished draw gives. */
int vf_drawing_write(struct vf_drawing_writer *, struct vf_draw *, struct vf_out *);

#endif
