#include "avro/decode.h"

#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "avro/varint.h"
#include "base/date.h"
#include "base/num.h"
#include "base/text.h"

struct column {
	enum { NOTHING, STRING, BYTES, INT, MILLIS, FLOAT, DOUBLE, BOOLEAN, ENUM, STRINGS } kind;
	unsigned branches;		/* of the union it is in; 0: none */
	unsigned value;			/* which of them is not null */
	const struct vf_schema_type *type;
};

struct vf_decode {
	struct column *columns;
	size_t n;
	struct vf_buf list;		/* an array's strings, joined */
};

/* Room that a record is begun with, for each field: any number or instant, or a text of up to SHORT bytes; and a comma. */
#define SHORT 64
#define FIELD (SHORT + 1)
_Static_assert(FIELD > VF_NUM_REAL && FIELD > VF_DATE_MS_LEN, "room for every number");

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
	if (d != NULL)
		d->columns = calloc(root->n, sizeof *d->columns);
	if (d == NULL || d->columns == NULL) {
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
	vf_buf_free(&d->list);
	free(d);
}

/* Is one of the bytes LF, CR or NUL? */
static bool
breaks(struct vf_slice s)
{
	return s.n > 0 && (memchr(s.p, '\n', s.n) != NULL || memchr(s.p, '\r', s.n) != NULL || memchr(s.p, '\0', s.n) != NULL);
}

static inline const unsigned char *
number(const unsigned char *p, const unsigned char *end, int64_t *v)
{
	int n;

	if (p < end && *p < 0x80) {
		*v = (int64_t)(*p >> 1) ^ -(int64_t)(*p & 1);
		return p + 1;
	}
	n = vf_varint_get(p, end, v);
	return n > 0 ? p + n : NULL;
}

static inline const unsigned char *
string(const unsigned char *p, const unsigned char *end, struct vf_slice *s)
{
	int64_t n;

	p = number(p, end, &n);
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

/* A line that is being written. */
struct line {
	struct vf_buf *b;		/* with room for FIELD bytes times `fields` behind `to`, when a field begins */
	size_t fields;
	char *to;
	bool fits;			/* the field that is written */
};

/* Any text as a field; false: no memory. */
static __attribute__((noinline)) bool
put_any(struct line *l, struct vf_slice s)
{
	l->fits = !breaks(s);
	l->b->n = (size_t)(l->to - l->b->p);
	if (vf_text_add_csv(l->b, s) < 0 || vf_buf_reserve(l->b, l->fields * FIELD) < 0)
		return false;
	l->to = l->b->p + l->b->n;
	return true;
}

/* Copies 16 bytes; a bit for each that may need more than that: comma, quote, and all up to CR (LF and NUL among them). */
#ifdef __SSE2__
static inline uint64_t
copy16(char *to, const unsigned char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')), _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));

	_mm_storeu_si128((__m128i *)(void *)to, v);
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_min_epu8(v, _mm_set1_epi8('\r'))));
	return (uint64_t)(uint32_t)_mm_movemask_epi8(odd);
}
#else
static inline uint64_t
copy16(char *to, const unsigned char *p)
{
	memcpy(to, p, 16);
	return 0xffff;
}
#endif

/*
 * A string as a field.  Most are of under 64 bytes and stand for themselves:
 * 32 or 64 bytes are copied and looked at at once, what is beyond the string
 * masked out.
 */
static inline const unsigned char *
put_string(struct line *l, const unsigned char *p, const unsigned char *end)
{
	struct vf_slice s;

	if (end - p > SHORT && (*p & 0x81) == 0) {
		size_t n = *p >> 1;
		uint64_t odd = copy16(l->to, p + 1) | copy16(l->to + 16, p + 17) << 16;

		if (n > 32)
			odd |= copy16(l->to + 32, p + 33) << 32 | copy16(l->to + 48, p + 49) << 48;
		if ((odd & (((uint64_t)1 << n) - 1)) == 0) {
			l->to += n;
			return p + 1 + n;
		}
	}
	p = string(p, end, &s);
	return p != NULL && put_any(l, s) ? p : NULL;
}

/* Symbols are names, which need no quotes. */
static inline bool
put_symbol(struct line *l, struct vf_slice s)
{
	if (s.n > SHORT)
		return put_any(l, s);
	memcpy(l->to, s.p, s.n);
	l->to += s.n;
	return true;
}

/* An array's strings, joined by `;`. */
static const unsigned char *
put_strings(struct vf_decode *d, struct line *l, const unsigned char *p, const unsigned char *end)
{
	bool fits = true, first = true;
	struct vf_slice item;
	int64_t n, size;

	vf_buf_clear(&d->list);
	for (;;) {
		p = number(p, end, &n);
		if (p == NULL || n == 0)
			break;
		if (n < 0) {
			p = number(p, end, &size);
			n = n == INT64_MIN ? INT64_MAX : -n;
		}
		for (; n > 0 && p != NULL; n--) {
			p = string(p, end, &item);
			if (p == NULL)
				break;
			fits = fits && memchr(item.p, ';', item.n) == NULL;
			if (!first)
				vf_buf_add_char(&d->list, ';');
			first = false;
			vf_buf_add_slice(&d->list, item);
		}
		if (p == NULL)
			break;
	}
	if (p == NULL || d->list.failed || (!first && !put_any(l, vf_buf_slice(&d->list))))
		return NULL;
	l->fits = l->fits && fits;
	return p;
}

static size_t
put_i64(char *out, int64_t v)
{
	size_t n = v < 0;

	out[0] = '-';
	return n + vf_num_put_u64(out + n, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* One value; what follows it, or NULL: the bytes are no value, or no memory. */
static inline const unsigned char *
put_value(struct vf_decode *d, const struct column *c, struct line *l, const unsigned char *p, const unsigned char *end)
{
	static const char booleans[2][8] = { "false", "true" };
	struct vf_slice s;
	uint64_t raw;
	uint32_t raw4;
	double real;
	float real4;
	size_t n;
	int64_t v;

	if (c->branches > 0) {
		p = number(p, end, &v);
		if (p == NULL || (uint64_t)v >= c->branches)
			return NULL;
		if ((uint64_t)v != c->value)
			return p;
	}
	switch (c->kind) {
	case STRING:
		return put_string(l, p, end);
	case BYTES:
		p = string(p, end, &s);
		if (p == NULL || !put_any(l, s))
			return NULL;
		l->fits = l->fits && vf_text_utf8(s);
		return p;
	case INT:
		p = number(p, end, &v);
		if (p != NULL)
			l->to += put_i64(l->to, v);
		return p;
	case MILLIS:
		p = number(p, end, &v);
		if (p != NULL) {
			n = vf_date_put_ms(l->to, v);
			l->to += n;
			l->fits = n > 0;
		}
		return p;
	case FLOAT:
		if (end - p < 4)
			return NULL;
		raw4 = bits4(p);
		memcpy(&real4, &raw4, sizeof real4);
		l->to += vf_num_put_float(l->to, real4);
		return p + 4;
	case DOUBLE:
		if (end - p < 8)
			return NULL;
		raw = bits8(p);
		memcpy(&real, &raw, sizeof real);
		l->to += vf_num_put_double(l->to, real);
		return p + 8;
	case BOOLEAN:
		if (p == end || *p > 1)
			return NULL;
		memcpy(l->to, booleans[*p], sizeof booleans[0]);
		l->to += 5 - *p;
		return p + 1;
	case ENUM:
		p = number(p, end, &v);
		return p != NULL && (uint64_t)v < c->type->n && put_symbol(l, c->type->symbols[v]) ? p : NULL;
	case STRINGS:
		return put_strings(d, l, p, end);
	case NOTHING:
	default:
		return p;
	}
}

int
vf_decode_next(struct vf_decode *d, struct vf_slice bytes, struct vf_buf *b, size_t *size, size_t *field, struct vf_error *err)
{
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n;
	struct line l = { .b = b, .fields = d->n };
	size_t before = b->n;
	bool unfit = false;

	if (b->size - b->n < d->n * FIELD && vf_buf_reserve(b, d->n * FIELD) < 0)
		return vf_error_nomem(err);
	l.to = b->p + b->n;
	for (size_t i = 0; i < d->n; i++) {
		if (i > 0)
			*l.to++ = ',';
		l.fits = true;
		p = put_value(d, &d->columns[i], &l, p, end);
		if (p == NULL) {
			bool failed = b->failed || d->list.failed;

			b->n = before;
			return failed ? vf_error_nomem(err) : vf_error(err, VF_ERR_FAILED, "bytes that are no record");
		}
		if (!l.fits && !unfit) {
			unfit = true;
			*field = i;
		}
	}
	b->n = unfit ? before : (size_t)(l.to - b->p);
	*size = (size_t)(p - (const unsigned char *)bytes.p);
	return unfit;
}
