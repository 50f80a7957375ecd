/*
 * record/row.h -- one record as it stands in the reader's block.
 *
 * A row, its slices and its values live until the next vf_in_batch() or
 * vf_in_free(); to keep one, copy its line (vf_csv_row() makes a row of a line
 * again).  A row whose `reject` is set has a line and a line number only, and so
 * has a row of NDJSON: no field may be asked of it.
 */
#ifndef VF_RECORD_ROW_H
#define VF_RECORD_ROW_H

#include <stdint.h>

#include "base/slice.h"

/* Why the reader rejects a record (DESIGN 2), worst first; tools number their own reasons from VF_REJECT_TOOL. */
enum vf_reject {
	VF_REJECT_NONE,
	VF_REJECT_TOO_LONG,
	VF_REJECT_NUL_BYTE,
	VF_REJECT_BAD_UTF8,
	VF_REJECT_BAD_QUOTE,
	VF_REJECT_LINE_BREAK,
	VF_REJECT_FIELD_COUNT,
	VF_REJECT_BAD_JSON,		/* a line of NDJSON that is no JSON object */
	VF_REJECT_TOOL,
};

struct vf_row {
	const char *base;		/* what `start` and `end` count from */
	uint32_t start, len;		/* the raw bytes without line end, byte order mark, or last CR */
	const uint32_t *end;		/* end[i]: offset after raw field i */
	const struct vf_slice *values;	/* of a row that holds a quote: its unquoted fields; else NULL */
	uint64_t lineno;		/* line of its file on which it starts, from 1 */
	uint64_t size;			/* bytes of the whole record; over len only when too long to keep */
	uint32_t lines;			/* lines it spans: 1 but for line-break */
	uint16_t file;			/* operand number, from 0 */
	uint16_t reject;		/* enum vf_reject */
};

static inline struct vf_slice
vf_row_line(const struct vf_row *r)
{
	return vf_slice(r->base + r->start, r->len);
}

/* Field i as it is written in the input, quotes included. */
static inline struct vf_slice
vf_row_raw(const struct vf_row *r, int i)
{
	uint32_t a = i > 0 ? r->end[i - 1] + 1 : r->start;

	return vf_slice(r->base + a, r->end[i] - a);
}

/* What field i means. */
static inline struct vf_slice
vf_row_value(const struct vf_row *r, int i)
{
	return r->values != NULL ? r->values[i] : vf_row_raw(r, i);
}

#endif
