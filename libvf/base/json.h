/*
 * base/json.h -- JSON documents, read with checked getters that name the JSON
 * path in their errors (`config.json: $.waves[2].notifyDate: not a date`).
 * The only module that includes jansson.
 *
 * A document is owned by the caller and freed with vf_json_free(); values got
 * from it are borrowed and live as long as the document.
 */
#ifndef VF_BASE_JSON_H
#define VF_BASE_JSON_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct vf_json;				/* a value; opaque */

/* Reads a whole file of at most max bytes; duplicate keys are refused. kind of error: VF_ERR_CONFIG. */
struct vf_json *vf_json_load(const char *path, size_t max, struct vf_error *);
struct vf_json *vf_json_parse(struct vf_slice text, const char *name, struct vf_error *);
/* The same for text that may be any value, a bare string or number too. */
struct vf_json *vf_json_parse_any(struct vf_slice text, const char *name, struct vf_error *);
void vf_json_free(struct vf_json *);

/* Where a value stands, for error texts: made on the stack, `at` points to its parent's or is NULL. */
struct vf_json_at {
	const struct vf_json_at *up;
	const char *file;		/* set in the root only */
	const char *key;		/* or NULL for an array element */
	size_t index;
	const struct vf_json *value;
};

struct vf_json_at vf_json_root(const struct vf_json *, const char *file);
/* A member or element as a place; its ->value is NULL when absent or null. */
struct vf_json_at vf_json_member(const struct vf_json_at *, const char *key);
struct vf_json_at vf_json_element(const struct vf_json_at *, size_t index);

/* Getters: 1 and the value, 0 when absent or null (the value is untouched), -1 when of another type. */
int vf_json_get_str(const struct vf_json_at *, struct vf_slice *, struct vf_error *);
int vf_json_get_bool(const struct vf_json_at *, bool *, struct vf_error *);
int vf_json_get_u64(const struct vf_json_at *, uint64_t *, struct vf_error *);
int vf_json_get_i64(const struct vf_json_at *, int64_t *, struct vf_error *);
int vf_json_get_double(const struct vf_json_at *, double *, struct vf_error *);
int vf_json_get_array(const struct vf_json_at *, size_t *count, struct vf_error *);
int vf_json_get_object(const struct vf_json_at *, struct vf_error *);
/* Walks an object's keys in file order: fn returns 0 to go on, -1 with the error filled to stop. */
int vf_json_each(const struct vf_json_at *, int (*fn)(void *, const char *key, const struct vf_json_at *, struct vf_error *),
	void *, struct vf_error *);

/* Fills the error with `file: $.path: cause`, kind VF_ERR_CONFIG; returns -1. */
int vf_json_fail(const struct vf_json_at *, struct vf_error *, const char *cause);

/* Appends the value as compact JSON text, keys in file order. */
int vf_json_add(struct vf_buf *, const struct vf_json *);

#endif
