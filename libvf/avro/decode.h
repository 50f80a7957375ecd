/*
 * avro/decode.h -- the bytes of records to lines of CSV, by a schema compiled
 * once: the inverse of avro/encode.
 *
 * Fields may be what avro/encode makes.  null, the empty string and the empty
 * array are empty text; numbers are in their shortest form.  What one line of
 * text cannot say does not fit: line breaks, NUL, bytes that are no UTF-8, a
 * `;` in an array's string, an instant outside the years 0000 to 9999.
 */
#ifndef VF_AVRO_DECODE_H
#define VF_AVRO_DECODE_H

#include "avro/schema.h"
#include "base/buf.h"

struct vf_decode;

/* The schema must outlive it. A field of another type, or a schema that is no record: VF_ERR_CONFIG, named. */
struct vf_decode *vf_decode_new(const struct vf_schema *, const char *name, struct vf_error *);
void vf_decode_free(struct vf_decode *);

/*
 * The record at the start of bytes, which vf_walk_block() found whole (nothing
 * outside them is read in any case; strings are not checked to be UTF-8 again).
 * *size is what it takes.  0: its fields were added to the buffer, with commas
 * between them and quoted where they must be; 1: field *field does not fit; -1:
 * bytes that are no record, no memory.  The buffer's contents are then as before.
 */
int vf_decode_next(struct vf_decode *, struct vf_slice bytes, struct vf_buf *, size_t *size, size_t *field, struct vf_error *);

#endif
