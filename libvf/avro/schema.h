/*
 * avro/schema.h -- an Avro schema: its text judged and made a tree, its Parsing
 * Canonical Form and fingerprint.
 *
 * Judged by the rules of the Avro specification: names, names given twice,
 * unions, recursion.  The tree, its slices and its defaults belong to the
 * schema and live until vf_schema_free(); nothing in it changes after
 * vf_schema_parse(), so that threads may share it.
 *
 * libavro's parser is not used: it refuses valid schemas (empty unions,
 * {"type": {...}}), takes wrong ones (two fields of one name) and drops logical
 * types and defaults.  tests/unit/test-schema-libavro.c compares the two.
 */
#ifndef VF_AVRO_SCHEMA_H
#define VF_AVRO_SCHEMA_H

#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

#define VF_SCHEMA_MAX ((size_t)1 << 20)		/* bytes of text */
#define VF_SCHEMA_DEPTH 64			/* types inside types */
#define VF_SCHEMA_NAMED_MAX 2000		/* records, enums and fixeds */
#define VF_SCHEMA_ENDLESS UINT64_MAX		/* ->least of a type that no datum can have */

/* The primitive types first, in the order of vf_schema_kind_names. */
enum vf_schema_kind {
	VF_AVRO_NULL,
	VF_AVRO_BOOLEAN,
	VF_AVRO_INT,
	VF_AVRO_LONG,
	VF_AVRO_FLOAT,
	VF_AVRO_DOUBLE,
	VF_AVRO_BYTES,
	VF_AVRO_STRING,
	VF_AVRO_RECORD,
	VF_AVRO_ENUM,
	VF_AVRO_FIXED,
	VF_AVRO_ARRAY,
	VF_AVRO_MAP,
	VF_AVRO_UNION,
	VF_AVRO_KINDS
};

extern const char *const vf_schema_kind_names[VF_AVRO_KINDS + 1];

struct vf_schema_type;

struct vf_schema_field {
	struct vf_slice name;
	const struct vf_schema_type *type;
	bool has_default;
	const struct vf_json *fallback;		/* its `default`: not judged here; NULL also for a default of null */
};

struct vf_schema_type {
	enum vf_schema_kind kind;
	bool millis;				/* a long of logicalType timestamp-millis */
	struct vf_slice name;			/* full name of a record, enum or fixed; else empty */
	size_t named;				/* number of a record, enum or fixed, in order of definition */
	size_t n;				/* fields, symbols, branches; bytes of a fixed */
	struct vf_schema_field *fields;		/* record */
	struct vf_slice *symbols;		/* enum */
	const struct vf_schema_type **types;	/* branches of a union; items of an array, values of a map: types[0] */
	uint64_t least;				/* bytes of its shortest datum, or VF_SCHEMA_ENDLESS; 0: all are empty */
};

struct vf_schema;

/* name stands for the text in errors (VF_ERR_CONFIG, with the JSON path). */
struct vf_schema *vf_schema_parse(struct vf_slice text, const char *name, struct vf_error *);
struct vf_schema *vf_schema_load(const char *path, struct vf_error *);
void vf_schema_free(struct vf_schema *);

const struct vf_schema_type *vf_schema_root(const struct vf_schema *);
size_t vf_schema_named(const struct vf_schema *);	/* how many records, enums and fixeds */

/* The name of a record, enum or fixed without its namespace; empty for other types. */
struct vf_slice vf_schema_short_name(const struct vf_schema_type *);

/* Its text as it was given, less insignificant white space: what goes into a file's metadata. */
struct vf_slice vf_schema_text(const struct vf_schema *);
/* Parsing Canonical Form. Schemas of equal form read each other's data. */
struct vf_slice vf_schema_canonical(const struct vf_schema *);
bool vf_schema_equal(const struct vf_schema *, const struct vf_schema *);

/* CRC-64-AVRO of the canonical form. */
uint64_t vf_schema_fingerprint(const struct vf_schema *);
/* As avro-tools prints it: 16 hex digits, lowest byte first, and a NUL. */
void vf_schema_fingerprint_hex(const struct vf_schema *, char out[17]);

#endif
