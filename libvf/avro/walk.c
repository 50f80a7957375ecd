#include "avro/walk.h"

#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "avro/varint.h"
#include "base/text.h"

enum code {
	OP_END,			/* a datum is complete */
	OP_SKIP,		/* n bytes of any value */
	OP_BOOLEAN,
	OP_INT,
	OP_LONG,
	OP_BYTES,
	OP_STRING,
	OP_ENUM,		/* an index under n */
	OP_OPTION,		/* a union of null (index n, 0 or 1) and the ops up to `to` */
	OP_OPTION_STRING,	/* a union of null (index n) and string */
	OP_UNION,		/* an index under n; its ops start at table[to + index] */
	OP_JUMP,		/* to */
	OP_ITEMS,		/* the blocks of an array; its item's ops follow, then OP_NEXT */
	OP_ENTRIES,		/* the blocks of a map */
	OP_NEXT,		/* an item is complete; n: the op that opened the blocks */
	OP_NOTHINGS,		/* the blocks of an array whose items have no bytes */
	OP_STRINGS,		/* the blocks of an array of strings */
	OP_CALL,		/* the ops of a named type, at to */
	OP_RETURN,
	OP_FAIL,		/* no datum of this type can be */
};

struct op {
	uint32_t code, to;
	uint64_t n;
	struct vf_slice field;	/* of the outermost record, for messages */
};

/* Ops at the most; a schema of VF_SCHEMA_MAX bytes cannot reach it but by hostile nesting of unions. */
#define OPS_MAX ((size_t)1 << 20)

struct vf_walk {
	struct op *ops;
	size_t nops, ops_room;
	uint32_t *table;
	size_t ntable, table_room;
	uint64_t least;			/* bytes of the shortest datum */
};

struct compiler {
	struct vf_walk *w;
	struct vf_slice field;
	uint32_t *at;			/* of each named type: where its ops start, 0: nowhere yet */
	const struct vf_schema_type **wanted;	/* named types that are called and not compiled yet */
	size_t nwanted;
	bool *is_wanted, *defined;
	bool inlined;			/* a definition's ops stand where it is used first */
	struct vf_error *err;
};

static int
grow(void **p, size_t *room, size_t n, size_t size, struct vf_error *err)
{
	size_t more = *room == 0 ? 64 : 2 * *room;
	void *fresh;

	if (n < *room)
		return 0;
	if (n >= OPS_MAX)
		return vf_error(err, VF_ERR_CONFIG, "the schema is too big");
	fresh = realloc(*p, more * size);
	if (fresh == NULL)
		return vf_error_nomem(err);
	*p = fresh;
	*room = more;
	return 0;
}

/* Adds an op; *index tells where. */
static int
emit(struct compiler *c, enum code code, uint64_t n, size_t *index)
{
	struct vf_walk *w = c->w;
	void *ops = w->ops;

	if (grow(&ops, &w->ops_room, w->nops, sizeof *w->ops, c->err) < 0)
		return -1;
	w->ops = ops;
	w->ops[w->nops] = (struct op){ .code = code, .n = n, .field = c->field };
	if (index != NULL)
		*index = w->nops;
	w->nops++;
	return 0;
}

static int compile(struct compiler *c, const struct vf_schema_type *t);

/* Bytes of any value after bytes of any value are one op. */
static int
emit_skip(struct compiler *c, uint64_t n)
{
	return n == 0 ? 0 : emit(c, OP_SKIP, n, NULL);
}

static int
compile_union(struct compiler *c, const struct vf_schema_type *t)
{
	struct vf_walk *w = c->w;
	size_t head, base = w->ntable, *jumps;
	void *table;
	int rc = 0;

	if (t->n == 2 && (t->types[0]->kind == VF_AVRO_NULL || t->types[1]->kind == VF_AVRO_NULL)) {
		bool second = t->types[1]->kind == VF_AVRO_NULL;

		if (t->types[!second]->kind == VF_AVRO_STRING)
			return emit(c, OP_OPTION_STRING, second, NULL);
		if (emit(c, OP_OPTION, second, &head) < 0 || compile(c, t->types[!second]) < 0)
			return -1;
		w->ops[head].to = (uint32_t)w->nops;
		return 0;
	}
	if (emit(c, OP_UNION, t->n, &head) < 0)
		return -1;
	w->ops[head].to = (uint32_t)base;
	for (size_t i = 0; i < t->n; i++) {
		table = w->table;
		if (grow(&table, &w->table_room, w->ntable, sizeof *w->table, c->err) < 0)
			return -1;
		w->table = table;
		w->table[w->ntable++] = 0;
	}
	jumps = malloc((t->n + 1) * sizeof *jumps);
	if (jumps == NULL)
		return vf_error_nomem(c->err);
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		w->table[base + i] = (uint32_t)w->nops;
		if (compile(c, t->types[i]) < 0 || emit(c, OP_JUMP, 0, &jumps[i]) < 0)
			rc = -1;
	}
	for (size_t i = 0; i < t->n && rc == 0; i++)
		w->ops[jumps[i]].to = (uint32_t)w->nops;
	free(jumps);
	return rc;
}

static int
compile_blocks(struct compiler *c, const struct vf_schema_type *t)
{
	size_t head, next;

	if (t->kind == VF_AVRO_ARRAY && t->types[0]->least == 0)
		return emit(c, OP_NOTHINGS, 0, NULL);
	if (t->kind == VF_AVRO_ARRAY && t->types[0]->kind == VF_AVRO_STRING)
		return emit(c, OP_STRINGS, 0, NULL);
	if (emit(c, t->kind == VF_AVRO_ARRAY ? OP_ITEMS : OP_ENTRIES, 0, &head) < 0 || compile(c, t->types[0]) < 0 ||
		emit(c, OP_NEXT, head, &next) < 0)
		return -1;
	/* What an item takes at least, so that a count can be held against the bytes that are left. */
	c->w->ops[head].n = t->types[0]->least == VF_SCHEMA_ENDLESS ? UINT64_MAX : t->types[0]->least +
		(t->kind == VF_AVRO_MAP);
	c->w->ops[head].to = (uint32_t)c->w->nops;
	return 0;
}

static int
compile_fields(struct compiler *c, const struct vf_schema_type *t)
{
	bool outermost = c->field.p == NULL;

	for (size_t i = 0; i < t->n; i++) {
		if (outermost)
			c->field = t->fields[i].name;
		if (compile(c, t->fields[i].type) < 0)
			return -1;
	}
	if (outermost)
		c->field = vf_slice(NULL, 0);
	return 0;
}

/* In the main program a record stands where it is defined; what comes back by name, recursion too, is called. */
static int
compile_record(struct compiler *c, const struct vf_schema_type *t)
{
	size_t call;

	if (c->inlined && !c->defined[t->named]) {
		c->defined[t->named] = true;
		return compile_fields(c, t);
	}
	if (!c->is_wanted[t->named]) {
		c->is_wanted[t->named] = true;
		c->wanted[c->nwanted++] = t;
	}
	if (emit(c, OP_CALL, t->named, &call) < 0)
		return -1;
	return 0;
}

static int
compile(struct compiler *c, const struct vf_schema_type *t)
{
	if (t->least == VF_SCHEMA_ENDLESS)
		return emit(c, OP_FAIL, 0, NULL);
	switch (t->kind) {
	case VF_AVRO_NULL:
		return 0;
	case VF_AVRO_BOOLEAN:
		return emit(c, OP_BOOLEAN, 0, NULL);
	case VF_AVRO_INT:
		return emit(c, OP_INT, 0, NULL);
	case VF_AVRO_LONG:
		return emit(c, OP_LONG, 0, NULL);
	case VF_AVRO_FLOAT:
		return emit_skip(c, 4);
	case VF_AVRO_DOUBLE:
		return emit_skip(c, 8);
	case VF_AVRO_BYTES:
		return emit(c, OP_BYTES, 0, NULL);
	case VF_AVRO_STRING:
		return emit(c, OP_STRING, 0, NULL);
	case VF_AVRO_RECORD:
		return compile_record(c, t);
	case VF_AVRO_ENUM:
		return emit(c, OP_ENUM, t->n, NULL);
	case VF_AVRO_FIXED:
		return emit_skip(c, t->n);
	case VF_AVRO_ARRAY:
	case VF_AVRO_MAP:
		return compile_blocks(c, t);
	case VF_AVRO_UNION:
	default:
		return compile_union(c, t);
	}
}

/* The main program, then each named type that it calls, and those that they call. */
static int
compile_all(struct compiler *c, const struct vf_schema_type *root)
{
	struct vf_walk *w = c->w;

	c->inlined = true;
	if (compile(c, root) < 0 || emit(c, OP_END, 0, NULL) < 0)
		return -1;
	c->inlined = false;
	c->field = vf_slice("", 0);
	while (c->nwanted > 0) {
		const struct vf_schema_type *t = c->wanted[--c->nwanted];

		c->at[t->named] = (uint32_t)w->nops;
		if (compile_fields(c, t) < 0 || emit(c, OP_RETURN, 0, NULL) < 0)
			return -1;
	}
	for (size_t i = 0; i < w->nops; i++)
		if (w->ops[i].code == OP_CALL)
			w->ops[i].to = c->at[w->ops[i].n];
	return 0;
}

struct vf_walk *
vf_walk_new(const struct vf_schema *s, struct vf_error *err)
{
	size_t named = vf_schema_named(s) + 1;
	struct compiler c = { .err = err };
	int rc;

	c.w = calloc(1, sizeof *c.w);
	c.at = calloc(named, sizeof *c.at);
	c.wanted = calloc(named, sizeof *c.wanted);
	c.is_wanted = calloc(named, sizeof *c.is_wanted);
	c.defined = calloc(named, sizeof *c.defined);
	if (c.w == NULL || c.at == NULL || c.wanted == NULL || c.is_wanted == NULL || c.defined == NULL) {
		rc = vf_error_nomem(err);
	} else {
		rc = compile_all(&c, vf_schema_root(s));
		c.w->least = vf_schema_root(s)->least;
	}
	free(c.at);
	free(c.wanted);
	free(c.is_wanted);
	free(c.defined);
	if (rc < 0) {
		vf_walk_free(c.w);
		return NULL;
	}
	return c.w;
}

void
vf_walk_free(struct vf_walk *w)
{
	if (w == NULL)
		return;
	free(w->ops);
	free(w->table);
	free(w);
}

/* An array or a map that is being read, or a call that will return. */
struct frame {
	uint64_t left;			/* items of this block */
	const unsigned char *stop;	/* where this block said it ends; NULL: it did not say */
	size_t back;			/* of a call: the op after it */
};

/* Why a walk failed, as one of the texts below. */
static const char cut[] = "ends in the middle";
static const char number[] = "not a number of its type";
static const char length[] = "a length that the block does not hold";
static const char text[] = "not UTF-8";
static const char items[] = "a count that the block does not hold";
static const char size[] = "a size that its items do not have";
static const char deep[] = "nested too deeply";

/* A number of which only the end matters: at most max bytes, the last of them (if there) at most top. */
static inline const unsigned char *
skip_varint(const unsigned char *p, const unsigned char *end, int max, unsigned top)
{
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* Of eight bytes the first without its high bit ends it; before the last that is allowed it may be anything. */
	if (__builtin_expect(end - p >= 8, 1)) {
		uint64_t word;

		memcpy(&word, p, sizeof word);
		word = ~word & 0x8080808080808080u;
		if (word != 0 && __builtin_ctzll(word) / 8 + 1 < max)
			return p + __builtin_ctzll(word) / 8 + 1;
	}
#endif
	for (int i = 1; p < end; i++) {
		unsigned char b = *p++;

		if (i == max && b > top)
			return NULL;
		if (b < 0x80)
			return p;
	}
	return NULL;
}

/* The index in a union of two, or NULL. */
static inline const unsigned char *
option(const unsigned char *p, const unsigned char *end, int64_t *v, const char **why)
{
	p = vf_varint_next(p, end, v);
	if (p != NULL && (uint64_t)*v > 1) {
		*why = "no branch of its union";
		return NULL;
	}
	return p;
}

#ifdef __SSE2__
static inline uint64_t
high16(const unsigned char *p)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
}

/* Which of the 32 bytes at p are not ASCII. */
static inline uint64_t
high_bits(const unsigned char *p)
{
	return high16(p) | high16(p + 16) << 16;
}
#else
static inline uint64_t
high_bits(const unsigned char *p)
{
	uint64_t word, high = 0;

	for (size_t i = 0; i < 32; i += 8) {
		memcpy(&word, p + i, sizeof word);
		high |= (word & 0x8080808080808080u) != 0 ? (uint64_t)0xff << i : 0;
	}
	return high;
}
#endif

/* What follows a string or bytes, or NULL with the cause. */
static const unsigned char *
long_string(const unsigned char *p, const unsigned char *end, bool utf8, const char **why)
{
	int64_t n;

	p = vf_varint_next(p, end, &n);
	if (p == NULL || n < 0 || n > end - p) {
		*why = p == NULL ? cut : length;
		return NULL;
	}
	if (utf8 && !vf_text_utf8(vf_slice((const char *)p, (size_t)n))) {
		*why = text;
		return NULL;
	}
	return p + n;
}

/* Most are ASCII of under 64 bytes: a look at 32 or 64 bytes, what is beyond the string masked out: no other length to branch on. */
static inline const unsigned char *
string(const unsigned char *p, const unsigned char *end, const char **why)
{
	if (__builtin_expect(end - p > 64, 1) && (*p & 0x81) == 0) {
		size_t n = *p >> 1;
		uint64_t high = high_bits(p + 1);

		if (n > 32)
			high |= high_bits(p + 33) << 32;
		if ((high & (((uint64_t)1 << n) - 1)) == 0)
			return p + 1 + n;
	}
	return long_string(p, end, true, why);
}

/* The head of a block of items: its count (0: the last one was read) and, where given, its end. What follows it, or NULL. */
static const unsigned char *
long_head(const unsigned char *p, const unsigned char *end, struct frame *f, const char **why)
{
	int64_t n = 0, bytes = 0;

	f->stop = NULL;
	p = vf_varint_next(p, end, &n);
	if (p != NULL && n < 0) {
		p = vf_varint_next(p, end, &bytes);
		if (p != NULL && (n == INT64_MIN || bytes < 0 || bytes > end - p)) {
			*why = items;
			return NULL;
		}
		n = -n;
		f->stop = p != NULL ? p + bytes : NULL;
	}
	if (p == NULL)
		*why = cut;
	f->left = (uint64_t)n;
	return p;
}

/* Most are of one byte: few items, or none. */
static inline const unsigned char *
block_head(const unsigned char *p, const unsigned char *end, struct frame *f, const char **why)
{
	if (p < end && (*p & 0x81) == 0) {
		f->stop = NULL;
		f->left = *p >> 1;
		return p + 1;
	}
	return long_head(p, end, f, why);
}

/* The same for items that take at least `least` bytes (over 0) each: as many as are left must do. */
static inline const unsigned char *
block_of(const unsigned char *p, const unsigned char *end, uint64_t least, struct frame *f, const char **why)
{
	p = block_head(p, end, f, why);
	if (p != NULL && f->left > 0 && f->left > (uint64_t)((f->stop != NULL ? f->stop : end) - p) / least) {
		*why = items;
		return NULL;
	}
	return p;
}

/* An array of items that have no bytes: nothing to walk but the heads. */
static const unsigned char *
nothings(const unsigned char *p, const unsigned char *end, uint64_t *allowed, const char **why)
{
	struct frame f;

	while ((p = block_head(p, end, &f, why)) != NULL && f.left > 0) {
		if (f.left > *allowed || (f.stop != NULL && f.stop != p)) {
			*why = f.left > *allowed ? "too many items without bytes" : size;
			return NULL;
		}
		*allowed -= f.left;
	}
	return p;
}

static const unsigned char *
strings(const unsigned char *p, const unsigned char *end, const char **why)
{
	struct frame f;

	while ((p = block_of(p, end, 1, &f, why)) != NULL && f.left > 0) {
		for (; p != NULL && f.left > 0; f.left--)
			p = string(p, end, why);
		if (p == NULL)
			return NULL;
		if (f.stop != NULL && f.stop != p) {
			*why = size;
			return NULL;
		}
	}
	return p;
}

static int
fail(const struct op *op, uint64_t datum, const char *why, struct vf_error *err)
{
	if (op->field.n > 0)
		return vf_error(err, VF_ERR_FAILED, "record %llu: %.*s: %s", (unsigned long long)datum + 1,
			(int)(op->field.n < 100 ? op->field.n : 100), op->field.p, why);
	return vf_error(err, VF_ERR_FAILED, "record %llu: %s", (unsigned long long)datum + 1, why);
}

/*
 * From each op a jump of its own leads to the next one's: which follows which
 * is the schema's, and so the processor guesses it.
 */
#define GO()	goto *at[op->code]
#define NEXT() \
	do { \
		if (__builtin_expect(p == NULL, 0)) \
			goto failed; \
		op++; \
		GO(); \
	} while (0)

/* The program, count times.  Ops that fail set `why`; p is NULL or they leave. */
static int
walk(const struct vf_walk *w, uint64_t count, const unsigned char *p, const unsigned char *end, struct vf_error *err)
{
	static const void *const at[] = { [OP_END] = &&op_end, [OP_SKIP] = &&op_skip, [OP_BOOLEAN] = &&op_boolean,
		[OP_INT] = &&op_int, [OP_LONG] = &&op_long, [OP_BYTES] = &&op_bytes, [OP_STRING] = &&op_string,
		[OP_ENUM] = &&op_enum, [OP_OPTION] = &&op_option, [OP_OPTION_STRING] = &&op_option_string,
		[OP_UNION] = &&op_union, [OP_JUMP] = &&op_jump, [OP_ITEMS] = &&op_items, [OP_ENTRIES] = &&op_entries,
		[OP_NEXT] = &&op_next, [OP_NOTHINGS] = &&op_nothings, [OP_STRINGS] = &&op_strings,
		[OP_CALL] = &&op_call, [OP_RETURN] = &&op_return, [OP_FAIL] = &&op_fail };
	struct frame frames[VF_WALK_DEPTH + 1], *f = frames, *const top = frames + VF_WALK_DEPTH;
	uint64_t datum = 0, allowed = VF_WALK_EMPTY_MAX;
	const struct op *op = w->ops, *outer = op;
	const char *why = cut;
	int64_t v;

	GO();
op_end:
	if (++datum == count)
		goto finished;
	op = w->ops;
	GO();
op_skip:
	p = (uint64_t)(end - p) < op->n ? NULL : p + op->n;
	NEXT();
op_boolean:
	if (p < end && *p > 1)
		why = "not a boolean";
	p = p < end && *p <= 1 ? p + 1 : NULL;
	NEXT();
op_int:
	p = skip_varint(p, end, 5, 15);
	if (p == NULL)
		why = number;
	NEXT();
op_long:
	p = skip_varint(p, end, VF_VARINT_MAX, 1);
	if (p == NULL)
		why = number;
	NEXT();
op_bytes:
	p = long_string(p, end, false, &why);
	NEXT();
op_string:
	p = string(p, end, &why);
	NEXT();
op_enum:
	p = vf_varint_next(p, end, &v);
	if (p != NULL && (uint64_t)v >= op->n) {
		why = "no symbol of its enum";
		goto failed;
	}
	NEXT();
op_option:
	p = option(p, end, &v, &why);
	if (p != NULL && (uint64_t)v == op->n) {
		op = w->ops + op->to;
		GO();
	}
	NEXT();
op_option_string:
	p = option(p, end, &v, &why);
	if (p != NULL && (uint64_t)v != op->n)
		p = string(p, end, &why);
	NEXT();
op_union:
	p = vf_varint_next(p, end, &v);
	if (p != NULL && (uint64_t)v < op->n) {
		op = w->ops + w->table[op->to + (uint64_t)v];
		GO();
	}
	if (p != NULL)
		why = "no branch of its union";
	goto failed;
op_jump:
	op = w->ops + op->to;
	GO();
op_items:
op_entries:
	if (f == top) {
		why = deep;
		goto failed;
	}
	p = block_of(p, end, op->n, ++f, &why);
	if (p != NULL && f->left == 0) {
		f--;
		op = w->ops + op->to;
		GO();
	}
	if (p != NULL && op->code == OP_ENTRIES)
		p = string(p, end, &why);
	NEXT();
op_next:
	outer = w->ops + op->n;
	if (--f->left == 0) {
		if (f->stop != NULL && f->stop != p) {
			why = size;
			goto failed;
		}
		p = block_of(p, end, outer->n, f, &why);
		if (p != NULL && f->left == 0) {
			f--;
			NEXT();
		}
	}
	if (p != NULL && outer->code == OP_ENTRIES)
		p = string(p, end, &why);
	if (p == NULL)
		goto failed;
	op = outer + 1;
	GO();
op_nothings:
	p = nothings(p, end, &allowed, &why);
	NEXT();
op_strings:
	if (f == top) {
		why = deep;
		goto failed;
	}
	p = strings(p, end, &why);
	NEXT();
op_call:
	if (f == top) {
		why = deep;
		goto failed;
	}
	(++f)->back = (size_t)(op + 1 - w->ops);
	op = w->ops + op->to;
	GO();
op_return:
	op = w->ops + (f--)->back;
	GO();
op_fail:
	why = "no datum of its type can be";
failed:
	return fail(op, datum, why, err);
finished:
	if (p != end)
		return vf_error(err, VF_ERR_FAILED, "%zu bytes after the last record", (size_t)(end - p));
	return 0;
}

int
vf_walk_block(const struct vf_walk *w, uint64_t count, struct vf_slice bytes, struct vf_error *err)
{
	const unsigned char *p = (const unsigned char *)bytes.p;

	if (w->least == 0 ? count > VF_WALK_EMPTY_MAX : count > bytes.n / w->least)
		return vf_error(err, VF_ERR_FAILED, "more records than its bytes can hold");
	if (count == 0 || w->least == 0)
		return bytes.n == 0 ? 0 : vf_error(err, VF_ERR_FAILED, "bytes where no record is");
	return walk(w, count, p, p + bytes.n, err);
}
