#include "avro/encode.h"

#include <stdlib.h>

#include "avro/varint.h"
#include "base/date.h"
#include "base/num.h"

/* How a field is made; one that has no values is a constant.  INT and what follows is not text: blanks around it do not count. */
enum kind { END, CONSTANT, STRING, BYTES, STRINGS, INT, LONG, MILLIS, FLOAT, DOUBLE, BOOLEAN, ENUM };

struct column {
	enum kind kind;
	bool choice, nullable;			/* in a union; with null */
	unsigned char branch, null;		/* the union's index of the value, and of null, as bytes */
	size_t at, n;				/* of a constant: its bytes in `constants` */
	struct symbol *symbols;			/* of an enum, sorted */
	size_t nsymbols;
};

struct symbol {
	struct vf_slice name;
	int64_t index;
};

struct vf_encode {
	struct column *columns;		/* behind the last END */
	size_t n;
	struct vf_buf constants;
};

/* How deep a default may go: a record's default may hold records of its own type. */
#define DEFAULT_DEPTH 64

/* Room that a record is begun with for each value: twice a text of up to SHORT bytes (it may be all `;`), branch, length, count, end. */
#define SHORT 64
#define ROOM (2 * SHORT + 2 * VF_VARINT_MAX + 2)

static void
add_long(struct vf_buf *b, int64_t v)
{
	unsigned char bytes[VF_VARINT_MAX];

	vf_buf_add(b, bytes, vf_varint_put(bytes, v));
}

/* Numbers of IEEE 754 go lowest byte first; compilers make one store of it. */
static inline void
put_bits4(unsigned char *p, uint32_t bits)
{
	p[0] = (unsigned char)bits;
	p[1] = (unsigned char)(bits >> 8);
	p[2] = (unsigned char)(bits >> 16);
	p[3] = (unsigned char)(bits >> 24);
}

static inline size_t
put_double(unsigned char *p, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	put_bits4(p, (uint32_t)bits);
	put_bits4(p + 4, (uint32_t)(bits >> 32));
	return 8;
}

static inline size_t
put_float(unsigned char *p, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof bits);
	put_bits4(p, bits);
	return 4;
}

/* ---- defaults: JSON to bytes ---- */

static int add_default(struct vf_buf *, const struct vf_json_at *, const struct vf_schema_type *, int depth, struct vf_error *);

/* Bytes and fixed: each character is one byte, up to U+00FF. */
static int
add_latin1(struct vf_buf *b, struct vf_slice s, const struct vf_schema_type *t)
{
	struct vf_buf bytes = { 0 };
	int rc = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > 0xc3)
			rc = -1;
		else if (c >= 0xc0)
			vf_buf_add_char(&bytes, (char)(c << 6 | ((unsigned char)s.p[++i] & 0x3f)));
		else
			vf_buf_add_char(&bytes, (char)c);
	}
	if (t->kind == VF_AVRO_FIXED ? bytes.n != t->n : false)
		rc = -1;
	if (t->kind == VF_AVRO_BYTES)
		add_long(b, (int64_t)bytes.n);
	vf_buf_add_slice(b, vf_buf_slice(&bytes));
	vf_buf_free(&bytes);
	return rc;
}

static int
add_text_default(struct vf_buf *b, const struct vf_json_at *at, const struct vf_schema_type *t, struct vf_error *err)
{
	struct vf_slice s;
	int rc = vf_json_get_str(at, &s, err);

	if (rc <= 0)
		return rc < 0 ? -1 : vf_json_fail(at, err, "not a string");
	switch (t->kind) {
	case VF_AVRO_STRING:
		add_long(b, (int64_t)s.n);
		vf_buf_add_slice(b, s);
		return 0;
	case VF_AVRO_ENUM:
		for (size_t i = 0; i < t->n; i++)
			if (vf_slice_eq(s, t->symbols[i])) {
				add_long(b, (int64_t)i);
				return 0;
			}
		return vf_json_fail(at, err, "not a symbol of the enum");
	default:
		return add_latin1(b, s, t) < 0 ? vf_json_fail(at, err, "not bytes of its type") : 0;
	}
}

static int
add_number_default(struct vf_buf *b, const struct vf_json_at *at, const struct vf_schema_type *t, struct vf_error *err)
{
	unsigned char bytes[8];
	int64_t v = 0;
	double d = 0;
	int rc = t->kind == VF_AVRO_INT || t->kind == VF_AVRO_LONG ? vf_json_get_i64(at, &v, err) :
		vf_json_get_double(at, &d, err);

	if (rc <= 0)
		return rc < 0 ? -1 : vf_json_fail(at, err, "not a number");
	if (t->kind == VF_AVRO_INT && (v < INT32_MIN || v > INT32_MAX))
		return vf_json_fail(at, err, "not an int");
	if (t->kind == VF_AVRO_INT || t->kind == VF_AVRO_LONG)
		add_long(b, v);
	else
		vf_buf_add(b, bytes, t->kind == VF_AVRO_FLOAT ? put_float(bytes, (float)d) : put_double(bytes, d));
	return 0;
}

struct entries {
	struct vf_buf *out;
	const struct vf_schema_type *type;
	int depth;
	int64_t n;
};

static int
add_entry(void *entries_, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct entries *e = entries_;

	e->n++;
	add_long(e->out, (int64_t)strlen(key));
	vf_buf_add_str(e->out, key);
	return add_default(e->out, at, e->type, e->depth, err);
}

/* Arrays and maps: the items of one block, and the end. */
static int
add_blocks_default(struct vf_buf *b, const struct vf_json_at *at, const struct vf_schema_type *t, int depth,
	struct vf_error *err)
{
	struct vf_buf items = { 0 };
	struct entries e = { &items, t->types[0], depth, 0 };
	size_t n = 0;
	int rc = t->kind == VF_AVRO_MAP ? vf_json_get_object(at, err) : vf_json_get_array(at, &n, err);

	if (rc == 0)
		rc = vf_json_fail(at, err, t->kind == VF_AVRO_MAP ? "not an object" : "not an array");
	if (rc > 0 && t->kind == VF_AVRO_MAP)
		rc = vf_json_each(at, add_entry, &e, err) < 0 ? -1 : 1;
	for (size_t i = 0; i < n && rc > 0; i++) {
		struct vf_json_at each = vf_json_element(at, i);

		rc = add_default(&items, &each, t->types[0], depth, err) < 0 ? -1 : 1;
	}
	n = t->kind == VF_AVRO_MAP ? (size_t)e.n : n;
	if (rc > 0 && n > 0) {
		add_long(b, (int64_t)n);
		vf_buf_add_slice(b, vf_buf_slice(&items));
	}
	add_long(b, 0);
	vf_buf_free(&items);
	return rc < 0 ? -1 : 0;
}

/* The member where it is there, else the field's own default. */
static int
add_record_default(struct vf_buf *b, const struct vf_json_at *at, const struct vf_schema_type *t, int depth,
	struct vf_error *err)
{
	if (vf_json_get_object(at, err) <= 0)
		return vf_json_fail(at, err, "not an object");
	for (size_t i = 0; i < t->n; i++) {
		char name[256];
		struct vf_json_at member;

		if (t->fields[i].name.n >= sizeof name)
			return vf_json_fail(at, err, "a field name of over 255 bytes");
		memcpy(name, t->fields[i].name.p, t->fields[i].name.n);
		name[t->fields[i].name.n] = '\0';
		member = vf_json_member(at, name);
		if (member.value == NULL && t->fields[i].has_default)
			member.value = t->fields[i].fallback;
		if (add_default(b, &member, t->fields[i].type, depth, err) < 0)
			return -1;
	}
	return 0;
}

/* By the specification the first branch; where that cannot be, the first that can. */
static int
add_union_default(struct vf_buf *b, const struct vf_json_at *at, const struct vf_schema_type *t, int depth,
	struct vf_error *err)
{
	size_t start = b->n;

	for (size_t i = 0; i < t->n; i++) {
		add_long(b, (int64_t)i);
		if (add_default(b, at, t->types[i], depth, err) == 0)
			return 0;
		b->n = start;
	}
	return vf_json_fail(at, err, "not of a type of its union");
}

static int
add_default(struct vf_buf *b, const struct vf_json_at *at, const struct vf_schema_type *t, int depth, struct vf_error *err)
{
	bool v;
	int rc;

	if (depth++ == DEFAULT_DEPTH)
		return vf_json_fail(at, err, "nested too deeply");
	switch (t->kind) {
	case VF_AVRO_NULL:
		return at->value == NULL ? 0 : vf_json_fail(at, err, "not null");
	case VF_AVRO_BOOLEAN:
		rc = vf_json_get_bool(at, &v, err);
		if (rc <= 0)
			return rc < 0 ? -1 : vf_json_fail(at, err, "not true or false");
		vf_buf_add_char(b, v);
		return 0;
	case VF_AVRO_INT:
	case VF_AVRO_LONG:
	case VF_AVRO_FLOAT:
	case VF_AVRO_DOUBLE:
		return add_number_default(b, at, t, err);
	case VF_AVRO_RECORD:
		return add_record_default(b, at, t, depth, err);
	case VF_AVRO_ARRAY:
	case VF_AVRO_MAP:
		return add_blocks_default(b, at, t, depth, err);
	case VF_AVRO_UNION:
		return add_union_default(b, at, t, depth, err);
	default:
		return add_text_default(b, at, t, err);
	}
}

/* ---- how each field is made ---- */

static int
by_name(const void *a, const void *b)
{
	return vf_slice_cmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

static int
sort_symbols(struct column *c, const struct vf_schema_type *t, struct vf_error *err)
{
	c->symbols = calloc(t->n + 1, sizeof *c->symbols);
	if (c->symbols == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < t->n; i++)
		c->symbols[i] = (struct symbol){ t->symbols[i], (int64_t)i };
	c->nsymbols = t->n;
	qsort(c->symbols, t->n, sizeof *c->symbols, by_name);
	return 0;
}

static int
fail(const struct vf_schema_field *f, const char *name, struct vf_error *err, const char *cause)
{
	return vf_error(err, VF_ERR_CONFIG, "%s: field %.*s: %s", name, (int)(f->name.n < 200 ? f->name.n : 200), f->name.p,
		cause);
}

/* A field with values: which text makes it. */
static int
plan_values(struct column *c, const struct vf_schema_field *f, const char *name, struct vf_error *err)
{
	static const int kinds[VF_AVRO_KINDS] = { [VF_AVRO_BOOLEAN] = BOOLEAN, [VF_AVRO_INT] = INT, [VF_AVRO_LONG] = LONG,
		[VF_AVRO_FLOAT] = FLOAT, [VF_AVRO_DOUBLE] = DOUBLE, [VF_AVRO_BYTES] = BYTES, [VF_AVRO_STRING] = STRING,
		[VF_AVRO_ENUM] = ENUM };
	const struct vf_schema_type *t = f->type;

	if (t->kind == VF_AVRO_UNION && t->n >= 1 && t->n <= 2) {
		size_t value = t->n == 2 && t->types[0]->kind == VF_AVRO_NULL;

		c->choice = true;
		c->nullable = t->n == 2;
		if (t->n == 2 && t->types[!value]->kind != VF_AVRO_NULL)
			return fail(f, name, err, "a union that text cannot be");
		c->branch = (unsigned char)(2 * value);
		c->null = (unsigned char)(2 - 2 * value);
		t = t->types[value];
	}
	if (t->kind == VF_AVRO_ARRAY && t->types[0]->kind == VF_AVRO_STRING) {
		c->kind = STRINGS;
	} else if (kinds[t->kind] != END) {
		c->kind = t->millis ? MILLIS : (unsigned)kinds[t->kind];
	} else {
		return vf_error(err, VF_ERR_CONFIG, "%s: field %.*s: a type that text cannot be: %s", name,
			(int)(f->name.n < 200 ? f->name.n : 200), f->name.p, vf_schema_kind_names[t->kind]);
	}
	return c->kind == ENUM ? sort_symbols(c, t, err) : 0;
}

/* A field without values: its default, else null. */
static int
plan_constant(struct vf_encode *e, struct column *c, const struct vf_schema_field *f, const char *name, struct vf_error *err)
{
	struct vf_json_at at = vf_json_root(f->fallback, "default");
	struct vf_error why = { 0 };

	c->kind = CONSTANT;
	c->at = e->constants.n;
	/* Without a default, null is tried as one. */
	if (add_default(&e->constants, &at, f->type, 0, &why) < 0)
		return fail(f, name, err, f->has_default ? "its default is not of its type" : "no column, and no default");
	c->n = e->constants.n - c->at;
	return e->constants.failed ? vf_error_nomem(err) : 0;
}

struct vf_encode *
vf_encode_new(const struct vf_schema *s, const bool *present, const char *name, struct vf_error *err)
{
	const struct vf_schema_type *root = vf_schema_root(s);
	struct vf_encode *e;
	int rc = 0;

	if (root->kind != VF_AVRO_RECORD) {
		vf_error(err, VF_ERR_CONFIG, "%s: a schema of records is needed, this is one of %s", name,
			vf_schema_kind_names[root->kind]);
		return NULL;
	}
	e = calloc(1, sizeof *e);
	if (e == NULL || (e->columns = calloc(root->n + 1, sizeof *e->columns)) == NULL) {
		vf_error_nomem(err);
		vf_encode_free(e);
		return NULL;
	}
	for (; e->n < root->n && rc == 0; e->n++)
		rc = present[e->n] ? plan_values(&e->columns[e->n], &root->fields[e->n], name, err) :
			plan_constant(e, &e->columns[e->n], &root->fields[e->n], name, err);
	if (rc < 0) {
		vf_encode_free(e);
		return NULL;
	}
	return e;
}

void
vf_encode_free(struct vf_encode *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; e->columns != NULL && i < e->n; i++)
		free(e->columns[i].symbols);
	free(e->columns);
	vf_buf_free(&e->constants);
	free(e);
}

/* ---- records: there is room for the constants and for ROOM bytes a value where a value is put ---- */

static inline size_t
room(const struct vf_encode *e)
{
	return e->constants.n + e->n * ROOM;
}

/* The place p of the buffer, with room for a text of n bytes as well; NULL: no memory. */
static __attribute__((noinline)) unsigned char *
more_room(const struct vf_encode *e, struct vf_buf *b, const unsigned char *p, size_t n)
{
	b->n = (size_t)(p - (unsigned char *)b->p);
	return vf_buf_reserve(b, room(e) + 2 * n) < 0 ? NULL : (unsigned char *)b->p + b->n;
}

/*
 * Short pieces are moved without a call and without a loop, whose end would be
 * guessed wrong: in two, or in four, parts that may lie upon each other.
 */
static inline __attribute__((always_inline)) void
copy(unsigned char *to, const char *p, size_t n)
{
	if (n > 64) {
		memcpy(to, p, n);
	} else if (n >= 16) {
		size_t second = n < 32 ? n - 16 : 16, third = n - 16 - second;

		memcpy(to, p, 16);
		memcpy(to + second, p + second, 16);
		memcpy(to + third, p + third, 16);
		memcpy(to + n - 16, p + n - 16, 16);
	} else if (n >= 8) {
		memcpy(to, p, 8);
		memcpy(to + n - 8, p + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, p, 4);
		memcpy(to + n - 4, p + n - 4, 4);
	} else if (n > 0) {
		to[0] = (unsigned char)p[0];
		to[n / 2] = (unsigned char)p[n / 2];
		to[n - 1] = (unsigned char)p[n - 1];
	}
}

static inline __attribute__((always_inline)) unsigned char *
put_string(unsigned char *p, struct vf_slice s)
{
	if (s.n < 64)
		*p++ = (unsigned char)(s.n << 1);
	else
		p += vf_varint_put(p, (int64_t)s.n);
	copy(p, s.p, s.n);
	return p + s.n;
}

/* `a;b;c` as one block; each `;` and the start make room for a length, a longer one fits in the second half. */
static unsigned char *
put_strings(unsigned char *p, struct vf_slice s)
{
	int64_t n = 1;

	if (s.n > 0) {
		const char *end = s.p + s.n, *semicolon;

		for (const char *q = s.p; (q = memchr(q, ';', (size_t)(end - q))) != NULL; q++)
			n++;
		p += vf_varint_put(p, n);
		for (const char *q = s.p; n > 0; n--, q = semicolon + 1) {
			semicolon = n > 1 ? memchr(q, ';', (size_t)(end - q)) : end;
			p = put_string(p, vf_slice(q, (size_t)(semicolon - q)));
		}
	}
	*p++ = 0;
	return p;
}

/* The symbol's index, or -1. */
static int64_t
find_symbol(const struct column *c, struct vf_slice s)
{
	size_t low = 0, high = c->nsymbols;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = vf_slice_cmp(c->symbols[middle].name, s);

		if (order == 0)
			return c->symbols[middle].index;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

/*
 * What follows the value, or NULL: it does not fit, or no memory.  The kind is
 * the column's, known to each place that this is compiled into.
 */
static inline __attribute__((always_inline)) unsigned char *
put_value(const struct vf_encode *e, const struct column *c, enum kind kind, struct vf_buf *b, unsigned char *p, struct vf_slice s)
{
	double d;
	float f;
	int64_t v;

	if (s.n == 0 && c->nullable) {
		*p = c->null;
		return p + 1;
	}
	if (kind <= STRINGS && s.n > SHORT && (p = more_room(e, b, p, s.n)) == NULL)
		return NULL;
	*p = c->branch;
	p += c->choice;
	switch (kind) {
	case CONSTANT:
		if (c->n > 0)
			memcpy(p, e->constants.p + c->at, c->n);
		return p + c->n;
	case STRING:
	case BYTES:
		return put_string(p, s);
	case STRINGS:
		return put_strings(p, s);
	case INT:
		if (!vf_num_i64(s, &v) || v < INT32_MIN || v > INT32_MAX)
			return NULL;
		return p + vf_varint_put(p, v);
	case LONG:
		return vf_num_i64(s, &v) ? p + vf_varint_put(p, v) : NULL;
	case MILLIS:
		return vf_date_parse_ms(s, &v) ? p + vf_varint_put(p, v) : NULL;
	case FLOAT:
		return vf_num_float(s, &f) ? p + put_float(p, f) : NULL;
	case DOUBLE:
		return vf_num_double(s, &d) ? p + put_double(p, d) : NULL;
	case BOOLEAN:
		*p = vf_slice_is(s, "true");
		return *p != 0 || vf_slice_is(s, "false") ? p + 1 : NULL;
	case ENUM:
	default:
		v = find_symbol(c, s);
		return v >= 0 ? p + vf_varint_put(p, v) : NULL;
	}
}

/* The same without the blanks around the text; NULL: there are none, or they count. */
static __attribute__((noinline)) unsigned char *
put_trimmed(const struct vf_encode *e, const struct column *c, struct vf_buf *b, unsigned char *p, struct vf_slice s)
{
	struct vf_slice trimmed = vf_slice_trim(s);

	return c->kind < INT || trimmed.n == s.n ? NULL : put_value(e, c, c->kind, b, p, trimmed);
}

/*
 * From each kind of value a jump of its own leads to the next one's: which
 * follows which is the schema's, and so the processor guesses it.
 */
#define NEXT() \
	do { \
		p = next; \
		value++; \
		goto *ways[(++c)->kind]; \
	} while (0)
#define WAY(k) \
	way_##k: \
		if ((next = put_value(e, c, k, b, p, *value)) == NULL) \
			goto again; \
		NEXT()

int
vf_encode_put(const struct vf_encode *e, const struct vf_slice *value, struct vf_buf *b, size_t *field)
{
	static const void *const ways[] = { [END] = &&done, [CONSTANT] = &&way_CONSTANT, [STRING] = &&way_STRING, [BYTES] = &&way_BYTES,
		[STRINGS] = &&way_STRINGS, [INT] = &&way_INT, [LONG] = &&way_LONG, [MILLIS] = &&way_MILLIS, [FLOAT] = &&way_FLOAT,
		[DOUBLE] = &&way_DOUBLE, [BOOLEAN] = &&way_BOOLEAN, [ENUM] = &&way_ENUM };
	const struct column *c = e->columns;
	const size_t before = b->n;
	unsigned char *p, *next;

	if (b->size - b->n < room(e) && vf_buf_reserve(b, room(e)) < 0)
		return -1;
	p = (unsigned char *)b->p + b->n;
	goto *ways[c->kind];
	WAY(CONSTANT);
	WAY(STRING);
	WAY(BYTES);
	WAY(STRINGS);
	WAY(INT);
	WAY(LONG);
	WAY(MILLIS);
	WAY(FLOAT);
	WAY(DOUBLE);
	WAY(BOOLEAN);
	WAY(ENUM);
again:
	if ((next = put_trimmed(e, c, b, p, *value)) != NULL)
		NEXT();
	b->n = before;
	*field = (size_t)(c - e->columns);
	return b->failed ? -1 : 1;
done:
	b->n = (size_t)(p - (unsigned char *)b->p);
	return 0;
}
