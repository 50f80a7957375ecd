/*
 * record/scan.h -- where delimiters and line ends stand in a block, and which
 * 64-byte chunks hold something that needs a closer look.
 *
 * Quotes mean nothing here: a row whose chunks hold a quote is looked at again
 * by its reader.
 */
#ifndef VF_RECORD_SCAN_H
#define VF_RECORD_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
	VF_SCAN_QUOTE = 1 << 0,
	VF_SCAN_NUL = 1 << 1,
	VF_SCAN_CR = 1 << 2,		/* a CR that no LF follows, or that ends the chunk */
	VF_SCAN_HIGH = 1 << 3,		/* a byte over 0x7f */
};

#define VF_SCAN_CHUNK 64

/* A chunk with flags: few have any, so they are a list. */
struct vf_scan_mark {
	uint32_t end;			/* the offset behind the chunk */
	uint32_t flags;			/* VF_SCAN_* */
};

struct vf_scan {
	uint32_t *pos;			/* offsets of delimiters and LFs, in order */
	uint32_t *line;			/* line[i]: index in pos of the i-th LF */
	struct vf_scan_mark *marks;	/* in order; behind the last a chunk that no offset reaches */
	size_t npos, nlines;
	const struct vf_scan_mark *mark;	/* how far vf_scan_flags() has come */
	size_t room;			/* bytes of block the arrays are made for */
};

/* Room for blocks of up to n bytes: 8 bytes for each, touched only as far as used. */
int vf_scan_reserve(struct vf_scan *, size_t n, struct vf_error *);
void vf_scan_free(struct vf_scan *);

/* Indexes p[0..n); 64 readable bytes must follow p + n. n is at most what was reserved. */
void vf_scan_block(struct vf_scan *, const char *p, size_t n, char delimiter);

/* The flags of all chunks that bytes [from, to] touch.  `from` never falls from one call to the next. */
static inline unsigned
vf_scan_flags(struct vf_scan *s, uint32_t from, uint32_t to)
{
	unsigned flags = 0;

	while (s->mark->end <= from)
		s->mark++;
	for (const struct vf_scan_mark *m = s->mark; m->end - VF_SCAN_CHUNK <= to; m++)
		flags |= m->flags;
	return flags;
}

#endif
