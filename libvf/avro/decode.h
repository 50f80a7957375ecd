/*
 * avro/decode.h -- the bytes of records to text values, by a schema compiled
 * once: the inverse of avro/encode.  Knows no rows: the caller gets one slice
 * for each field.
 *
 * Fields may be what avro/encode makes.  null, the empty string and the empty
 * array are empty text; numbers are in their shortest form.  What no text can
 * say does not fit: bytes that are no UTF-8, a `;` in an array's string, an
 * instant outside the years 0000 to 9999.
 */
#ifndef VF_AVRO_DECODE_H
#define VF_AVRO_DECODE_H

#include "avro/schema.h"
#include "base/buf.h"

struct vf_decode;

/* The schema must outlive it. A field of another type, or a schema that is no record: VF_ERR_CONFIG, named. */
struct vf_decode *vf_decode_new(const struct vf_schema *, const char *name, struct vf_error *);
void vf_decode_free(struct vf_decode *);

/* As many bytes may be read from where a value begins, however short it is. */
#define VF_DECODE_PAD 64

/*
 * The record at the start of bytes, which vf_walk_block() found whole (nothing
 * outside them is read in any case; strings are not checked to be UTF-8 again).
 * *size is what it takes.  0, and values[i] holds until the next call and as
 * long as bytes; 1: field *field does not fit, the values are not filled; -1:
 * bytes that are no record, no memory.
 */
int vf_decode_next(struct vf_decode *, struct vf_slice bytes, struct vf_slice *values, size_t *size, size_t *field,
	struct vf_error *);

#endif
