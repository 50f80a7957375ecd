/*
 * record/csv.h -- one bounded record that holds a quote: is it well formed,
 * where do its fields end, what do they mean.  The only module that includes
 * libcsv, which is given one record at a time, in strict mode.
 */
#ifndef VF_RECORD_CSV_H
#define VF_RECORD_CSV_H

#include "base/error.h"
#include "record/row.h"

struct vf_csv;				/* a parser and an arena for the fields it found */

struct vf_csv *vf_csv_new(struct vf_error *);
void vf_csv_free(struct vf_csv *);
void vf_csv_clear(struct vf_csv *);	/* empties the arena: all rows and fields it gave are gone */

/*
 * How far the record that starts at p goes, by the quoting rules of DESIGN 2.
 * `more` says that bytes may follow the n given.
 */
enum vf_csv_span {
	VF_CSV_WHOLE,		/* well formed: *len bytes without line end, *lines lines, *fields fields */
	VF_CSV_BAD_QUOTE,	/* a stray quote, or one that never closes: the record is its first line */
	VF_CSV_NEED_MORE,	/* cannot be told from these bytes; only when `more` */
};
enum vf_csv_span vf_csv_span(const char *p, size_t n, bool more, char delimiter, size_t *len, uint32_t *lines,
	int *fields);

/*
 * The fields of one record of one line, without its line end: fills row->end, row->values
 * (when it holds a quote), base, start, len in arena memory that lives until
 * vf_csv_clear(); the bytes themselves are borrowed.  Returns the number of
 * fields, 0 when the quoting is bad, -1 out of memory.
 */
int vf_csv_row(struct vf_csv *, struct vf_slice line, char delimiter, struct vf_row *, struct vf_error *);

#endif
