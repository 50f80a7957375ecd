#include "avro/decode.h"

#include <stdlib.h>

#include "avro/varint.h"
#include "base/date.h"
#include "base/num.h"
#include "base/text.h"

struct column {
	enum { NOTHING, STRING, BYTES, INT, MILLIS, FLOAT, DOUBLE, BOOLEAN, ENUM, STRINGS } kind;
	unsigned branches;		/* of the union it is in; 0: none */
	unsigned value;			/* which of them is not null */
	const struct vf_schema_type *type;
	char text[VF_DECODE_PAD];	/* a number, an instant, or what may not be read beyond where it is */
};

/* An array of the record that is decoded. */
struct list {
	size_t start;			/* where in `texts` */
	struct vf_slice *value;		/* what it becomes, once `texts` moves no more */
};

struct vf_decode {
	struct column *columns;
	size_t n;
	struct list *lists;
	size_t nlists;
	struct vf_buf texts;		/* theirs, one after the other */
};

_Static_assert(VF_DECODE_PAD >= VF_NUM_REAL && VF_DECODE_PAD >= VF_DATE_MS_LEN, "room for every number");

static int
plan(struct column *c, const struct vf_schema_field *f, const char *name, struct vf_error *err)
{
	static const int kinds[VF_AVRO_KINDS] = { [VF_AVRO_BOOLEAN] = BOOLEAN, [VF_AVRO_INT] = INT, [VF_AVRO_LONG] = INT,
		[VF_AVRO_FLOAT] = FLOAT, [VF_AVRO_DOUBLE] = DOUBLE, [VF_AVRO_BYTES] = BYTES, [VF_AVRO_STRING] = STRING,
		[VF_AVRO_ENUM] = ENUM };
	const struct vf_schema_type *t = f->type;

	if (t->kind == VF_AVRO_UNION && (t->n == 1 || (t->n == 2 && (t->types[0]->kind == VF_AVRO_NULL ||
		t->types[1]->kind == VF_AVRO_NULL)))) {
		c->branches = (unsigned)t->n;
		c->value = t->n == 2 && t->types[0]->kind == VF_AVRO_NULL;
		t = t->types[c->value];
	}
	c->type = t;
	c->kind = t->millis ? MILLIS : (unsigned)kinds[t->kind];
	if (t->kind == VF_AVRO_ARRAY && t->types[0]->kind == VF_AVRO_STRING)
		c->kind = STRINGS;
	if (c->kind == NOTHING && t->kind != VF_AVRO_NULL)
		return vf_error(err, VF_ERR_CONFIG, "%s: field %.*s: a type that text cannot be: %s", name,
			(int)(f->name.n < 200 ? f->name.n : 200), f->name.p, vf_schema_kind_names[t->kind]);
	return 0;
}

struct vf_decode *
vf_decode_new(const struct vf_schema *s, const char *name, struct vf_error *err)
{
	const struct vf_schema_type *root = vf_schema_root(s);
	struct vf_decode *d;

	if (root->kind != VF_AVRO_RECORD || root->n == 0) {
		vf_error(err, VF_ERR_CONFIG, "%s: a schema of records with fields is needed, this is one of %s", name,
			root->kind == VF_AVRO_RECORD ? "empty records" : vf_schema_kind_names[root->kind]);
		return NULL;
	}
	d = calloc(1, sizeof *d);
	if (d != NULL) {
		d->columns = calloc(root->n, sizeof *d->columns);
		d->lists = calloc(root->n, sizeof *d->lists);
	}
	if (d == NULL || d->columns == NULL || d->lists == NULL) {
		vf_error_nomem(err);
		vf_decode_free(d);
		return NULL;
	}
	for (; d->n < root->n; d->n++)
		if (plan(&d->columns[d->n], &root->fields[d->n], name, err) < 0) {
			vf_decode_free(d);
			return NULL;
		}
	return d;
}

void
vf_decode_free(struct vf_decode *d)
{
	if (d == NULL)
		return;
	free(d->columns);
	free(d->lists);
	vf_buf_free(&d->texts);
	free(d);
}

static inline const unsigned char *
string(const unsigned char *p, const unsigned char *end, struct vf_slice *s)
{
	int64_t n;

	p = vf_varint_next(p, end, &n);
	if (p == NULL || n < 0 || n > end - p)
		return NULL;
	*s = vf_slice((const char *)p, (size_t)n);
	return p + n;
}

/* Numbers of IEEE 754 come lowest byte first; compilers know this for one load. */
static inline uint32_t
bits4(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t
bits8(const unsigned char *p)
{
	return bits4(p) | (uint64_t)bits4(p + 4) << 32;
}

/* What may be read beyond where it stands, as it is; else its copy. */
static inline struct vf_slice
padded(struct vf_slice s, size_t readable, char text[VF_DECODE_PAD])
{
	if (readable >= VF_DECODE_PAD || s.n >= VF_DECODE_PAD)
		return s;
	memcpy(text, s.p, s.n);
	return vf_slice(text, s.n);
}

/* The array's strings joined by `;`, at the end of d->texts; *fits tells whether that says what the array says. */
static const unsigned char *
strings(struct vf_decode *d, const unsigned char *p, const unsigned char *end, bool *fits)
{
	struct vf_slice item;
	bool first = true;
	int64_t n, size;

	for (;;) {
		p = vf_varint_next(p, end, &n);
		if (p == NULL || n == 0)
			return p;
		if (n < 0) {
			p = vf_varint_next(p, end, &size);
			n = n == INT64_MIN ? INT64_MAX : -n;
		}
		for (; n > 0 && p != NULL; n--) {
			p = string(p, end, &item);
			if (p == NULL)
				break;
			*fits = *fits && memchr(item.p, ';', item.n) == NULL;
			if (!first)
				vf_buf_add_char(&d->texts, ';');
			first = false;
			vf_buf_add_slice(&d->texts, item);
		}
		if (p == NULL)
			return NULL;
	}
}

static size_t
put_i64(char *out, int64_t v)
{
	size_t n = v < 0;

	out[0] = '-';
	return n + vf_num_put_u64(out + n, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* One value; what follows it, or NULL: the bytes are no value. */
static inline const unsigned char *
value(struct vf_decode *d, struct column *c, const unsigned char *p, const unsigned char *end, struct vf_slice *s, bool *fits)
{
	static const char booleans[2][VF_DECODE_PAD] = { "false", "true" };
	char *text = c->text;
	uint64_t raw;
	uint32_t raw4;
	double real;
	float real4;
	int64_t v;

	*s = vf_slice(text, 0);
	if (c->branches > 0) {
		p = vf_varint_next(p, end, &v);
		if (p == NULL || (uint64_t)v >= c->branches)
			return NULL;
		if ((uint64_t)v != c->value)
			return p;
	}
	switch (c->kind) {
	case STRING:
	case BYTES:
		p = string(p, end, s);
		if (p == NULL)
			return NULL;
		*fits = c->kind == STRING || vf_text_utf8(*s);
		*s = padded(*s, (size_t)(end - p) + s->n, text);
		return p;
	case INT:
		p = vf_varint_next(p, end, &v);
		if (p != NULL)
			s->n = put_i64(text, v);
		return p;
	case MILLIS:
		p = vf_varint_next(p, end, &v);
		if (p != NULL) {
			s->n = vf_date_put_ms(text, v);
			*fits = s->n > 0;
		}
		return p;
	case FLOAT:
		if (end - p < 4)
			return NULL;
		raw4 = bits4(p);
		memcpy(&real4, &raw4, sizeof real4);
		s->n = vf_num_put_float(text, real4);
		return p + 4;
	case DOUBLE:
		if (end - p < 8)
			return NULL;
		raw = bits8(p);
		memcpy(&real, &raw, sizeof real);
		s->n = vf_num_put_double(text, real);
		return p + 8;
	case BOOLEAN:
		if (p == end || *p > 1)
			return NULL;
		*s = vf_slice(booleans[*p], 5u - *p);
		return p + 1;
	case ENUM:
		p = vf_varint_next(p, end, &v);
		if (p == NULL || (uint64_t)v >= c->type->n)
			return NULL;
		*s = padded(c->type->symbols[v], 0, text);
		return p;
	case STRINGS:
		d->lists[d->nlists++] = (struct list){ d->texts.n, s };
		return strings(d, p, end, fits);
	case NOTHING:
	default:
		return p;
	}
}

static int
point_at_lists(struct vf_decode *d)
{
	size_t end = d->texts.n;

	if (vf_buf_reserve(&d->texts, VF_DECODE_PAD) < 0 || d->texts.failed)
		return -1;
	for (; d->nlists > 0; d->nlists--) {
		const struct list *l = &d->lists[d->nlists - 1];

		*l->value = vf_slice(d->texts.p + l->start, end - l->start);
		end = l->start;
	}
	return 0;
}

int
vf_decode_next(struct vf_decode *d, struct vf_slice bytes, struct vf_slice *values, size_t *size, size_t *field,
	struct vf_error *err)
{
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n;
	struct column *const last = d->columns + d->n;
	bool unfit = false;

	d->nlists = 0;
	vf_buf_clear(&d->texts);
	for (struct column *c = d->columns; c < last; c++) {
		bool fits = true;

		p = value(d, c, p, end, values++, &fits);
		if (p == NULL)
			return vf_error(err, VF_ERR_FAILED, "bytes that are no record");
		if (!fits && !unfit) {
			unfit = true;
			*field = (size_t)(c - d->columns);
		}
	}
	if (d->nlists > 0 && point_at_lists(d) < 0)
		return vf_error_nomem(err);
	*size = (size_t)(p - (const unsigned char *)bytes.p);
	return unfit;
}
