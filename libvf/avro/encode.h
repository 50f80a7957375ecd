/*
 * avro/encode.h -- text values to the bytes of a record, by a schema compiled
 * once.  Knows no rows: the caller brings one slice for each field.
 *
 * A field may be a string, bytes, int, long (timestamp-millis: RFC 3339 text),
 * float, double, boolean, enum, an array of strings (`a;b;c`), or a union of
 * one of these alone or with null.  Empty text is null where null is allowed,
 * else the empty string, bytes or array, else it does not fit.  Blanks around
 * a value that is no string, bytes or array do not count.
 */
#ifndef VF_AVRO_ENCODE_H
#define VF_AVRO_ENCODE_H

#include "avro/schema.h"
#include "base/buf.h"

struct vf_encode;

/*
 * The schema must outlive it.  present[i] says whether field i will have
 * values; one that will not gets its default, or null: a field with neither,
 * of a type that text cannot be (of a present field), or a schema that is no
 * record is VF_ERR_CONFIG, named.
 */
struct vf_encode *vf_encode_new(const struct vf_schema *, const bool *present, const char *name, struct vf_error *);
void vf_encode_free(struct vf_encode *);

/*
 * Appends one record; values[i] is the text of field i, UTF-8; of an absent
 * field it is empty.  0; 1: a value does not fit, *field is its index and
 * nothing was appended; -1: no memory, or the buffer's cap.
 */
int vf_encode_put(const struct vf_encode *, const struct vf_slice *values, struct vf_buf *, size_t *field);

#endif
