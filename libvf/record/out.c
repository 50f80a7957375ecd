#include "record/out.h"

#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/buf.h"
#include "base/digester.h"
#include "base/text.h"

#define BLOCK ((size_t)256 << 10)
/* What every row takes is compiled into one function, what few take is kept out of it. */
#define INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))

/* A column of the input that is not passed on as it is. */
struct edit {
	int column;
	int set;			/* index into the values; -1: the column is left out */
};

struct vf_out {
	struct vf_file *file;
	struct edit *edits;		/* by column */
	int nedits;
	int *appended;			/* sets that are no columns of the input */
	int nappended, nsets;
	int columns;			/* of the input */
	int width;			/* columns of the output */
	bool drops, plain;
	size_t block;
	int (*before)(void *, struct vf_error *);
	void *arg;
	struct vf_buf buf;
	struct vf_digester *digester;	/* with options.digest */
	struct vf_digest digest;
	struct vf_buf other;		/* what was handed over before, until it is digested */
	uint64_t ticket;
	uint64_t records;
};

static bool
listed(const char *const *list, struct vf_slice name)
{
	for (; list != NULL && *list != NULL; list++)
		if (vf_slice_is(name, *list))
			return true;
	return false;
}

/* A column name; the first is quoted when it would make the file begin like one with a byte order mark. */
static void
put_name(struct vf_buf *b, struct vf_slice name)
{
	bool mark = b->n == 0 && name.n >= 3 && memcmp(name.p, "\xef\xbb\xbf", 3) == 0;

	if (mark && !vf_text_csv_needs_quotes(name)) {
		vf_buf_add_char(b, '"');
		vf_buf_add_slice(b, name);
		vf_buf_add_char(b, '"');
	} else {
		vf_text_add_csv(b, name);
	}
}

static int
find_set(const char *const *sets, struct vf_slice name)
{
	for (int i = 0; sets[i] != NULL; i++)
		if (vf_slice_is(name, sets[i]))
			return i;
	return -1;
}

/* Which columns are replaced, left out or appended; writes the header line into the buffer. */
static int
plan(struct vf_out *out, const struct vf_out_options *opt)
{
	static const struct vf_header none;
	const struct vf_header *h = opt->header != NULL ? opt->header : &none;
	int nsets = 0;

	while (opt->sets[nsets] != NULL)
		nsets++;
	out->nsets = nsets;
	out->columns = h->n;
	out->edits = calloc((size_t)h->n + 1, sizeof *out->edits);
	out->appended = calloc((size_t)nsets + 1, sizeof *out->appended);
	if (out->edits == NULL || out->appended == NULL)
		return -1;
	for (int c = 0; c < h->n; c++) {
		int set = find_set(opt->sets, h->names[c]);

		if (set < 0 && listed(opt->drops, h->names[c])) {
			out->edits[out->nedits++] = (struct edit){ c, -1 };
			out->drops = true;
			continue;
		}
		if (set >= 0)
			out->edits[out->nedits++] = (struct edit){ c, set };
		if (out->width++ > 0)
			vf_buf_add_char(&out->buf, ',');
		put_name(&out->buf, h->names[c]);
	}
	for (int i = 0; i < nsets; i++) {
		if (opt->header != NULL && vf_header_find(h, opt->sets[i]) >= 0)
			continue;
		out->appended[out->nappended++] = i;
		if (out->width++ > 0)
			vf_buf_add_char(&out->buf, ',');
		vf_text_add_csv(&out->buf, vf_slice_str(opt->sets[i]));
	}
	if (out->width == 1 && out->buf.n == 0)
		vf_buf_add_str(&out->buf, "\"\"");
	return vf_buf_add_char(&out->buf, '\n');
}

struct vf_out *
vf_out_open(const struct vf_out_options *opt, struct vf_error *err)
{
	struct vf_out *out = calloc(1, sizeof *out);

	if (out == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	out->plain = opt->plain;
	out->block = opt->block > 0 ? opt->block : BLOCK;
	out->before = opt->before;
	out->arg = opt->arg;
	vf_digest_init(&out->digest);
	if (vf_buf_reserve(&out->buf, out->block + out->block / 16) < 0 || plan(out, opt) < 0)
		vf_error_nomem(err);
	else if ((!opt->digest || (out->digester = vf_digester_new(err)) != NULL) &&
		(out->file = vf_file_create(opt->path, opt->flags, err)) != NULL)
		return out;
	vf_out_free(out);
	return NULL;
}

/*
 * All of these write at `to`, where there is room, and return the end: where
 * they stand is kept out of memory, which every byte written might be.
 *
 * Pieces of up to 256 bytes are moved without a call and without a loop, whose
 * end would be guessed wrong: two halves, which overlap.
 */
static INLINE char *
put_halves(char *to, const char *p, size_t n, size_t half)
{
	memcpy(to, p, half);
	memcpy(to + n - half, p + n - half, half);
	return to + n;
}

static INLINE char *
put(char *to, const char *p, size_t n)
{
	if (n > 64) {
		if (n <= 128)
			return put_halves(to, p, n, 64);
		if (n <= 256)
			return put_halves(to, p, n, 128);
		memcpy(to, p, n);
	} else if (n >= 32) {
		return put_halves(to, p, n, 32);
	} else if (n >= 16) {
		return put_halves(to, p, n, 16);
	} else if (n >= 8) {
		return put_halves(to, p, n, 8);
	} else if (n > 4) {
		return put_halves(to, p, n, 4);
	} else if (n > 1) {		/* the bands are of three and four letters, in no order */
		return put_halves(to, p, n, 2);
	} else if (n == 1) {
		*to = *p;
	}
	return to + n;
}

static NOINLINE char *
put_quoted(char *to, struct vf_slice v)
{
	*to++ = '"';
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '"')
			*to++ = '"';		/* every quote twice */
		*to++ = v.p[i];
	}
	*to++ = '"';
	return to;
}

/* v as a field. */
static INLINE char *
put_value(char *to, struct vf_slice v, bool plain)
{
	if (!plain && vf_text_csv_needs_quotes(v))
		return put_quoted(to, v);
	return put(to, v.p, v.n);
}

static inline bool
is_raw(const struct vf_row *row, int column, struct vf_slice v)
{
	struct vf_slice raw = vf_row_raw(row, column);

	return v.p == raw.p && v.n == raw.n;
}

/* The usual case: comma-separated, nothing left out.  Between the edits the raw bytes go over in one piece. */
static INLINE char *
put_edited(const struct vf_out *out, const struct vf_row *row, const struct vf_slice *v, char *to)
{
	const char *from = row->base + row->start, *end = from + row->len;

	for (int i = 0; i < out->nedits; i++) {
		const struct edit *e = &out->edits[i];
		struct vf_slice raw;

		if (is_raw(row, e->column, v[e->set]))
			continue;
		raw = vf_row_raw(row, e->column);
		to = put(to, from, (size_t)(raw.p - from));
		to = put_value(to, v[e->set], out->plain);
		from = raw.p + raw.n;
	}
	return put(to, from, (size_t)(end - from));
}

/* Field by field: another delimiter, or columns are left out. */
static NOINLINE char *
put_fields(const struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, char *to)
{
	bool first = true;
	int e = 0;

	for (int c = 0; c < out->columns; c++) {
		const struct edit *edit = e < out->nedits && out->edits[e].column == c ? &out->edits[e++] : NULL;
		struct vf_slice raw = vf_row_raw(row, c);

		if (edit != NULL && edit->set < 0)
			continue;
		if (!first)
			*to++ = ',';
		first = false;
		if (edit != NULL && !is_raw(row, c, v[edit->set]))
			to = put_value(to, v[edit->set], out->plain);
		else if (delimiter == ',')
			to = put(to, raw.p, raw.n);
		else
			to = put_value(to, vf_row_value(row, c), false);
	}
	return to;
}

/* The end of a line that begins at start and has room for three bytes more: a blank line would be no record. */
static INLINE char *
end_line(const struct vf_out *out, char *start, char *to)
{
	if (to == start && out->width == 1)
		to = put(to, "\"\"", 2);
	*to++ = '\n';
	return to;
}

/* A record and its LF behind what is in b, which gets room for it: its end, not yet counted in b->n; NULL: no memory. */
static INLINE char *
render(const struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, struct vf_buf *b)
{
	size_t room = 8 + 3 * (size_t)out->nsets;
	char *to, *start;

	if (row != NULL)
		room += row->len + (delimiter == ',' ? 0 : row->len + 2 * (size_t)out->columns);
	for (int i = 0; i < out->nsets; i++)
		room += 2 * v[i].n;
	if (b->size - b->n < room && vf_buf_reserve(b, room) < 0)
		return NULL;
	to = start = b->p + b->n;
	if (row != NULL)
		to = delimiter == ',' && !out->drops ? put_edited(out, row, v, to) :
			put_fields(out, row, delimiter, v, to);
	for (int i = 0; i < out->nappended; i++) {
		if (i > 0 || out->width > out->nappended)
			*to++ = ',';
		to = put_value(to, v[out->appended[i]], out->plain);
	}
	return end_line(out, start, to);
}

/* The buffer is digested while the other one is filled. */
static void
digest(struct vf_out *out)
{
	struct vf_buf full = out->buf;

	vf_digester_wait(out->digester, out->ticket);
	out->ticket = vf_digester_add(out->digester, &out->digest, full.p, full.n);
	out->buf = out->other;
	out->other = full;
}

/* What is in the buffer goes to the file, which may still keep it. */
static int
hand_over(struct vf_out *out, struct vf_error *err)
{
	if (out->before != NULL && out->buf.n > 0 && out->before(out->arg, err) < 0)
		return -1;
	if (vf_file_write(out->file, out->buf.p, out->buf.n, err) < 0)
		return -1;
	if (out->digester != NULL)
		digest(out);
	vf_buf_clear(&out->buf);
	return 0;
}

/* A line is complete, and ends at end. */
static INLINE int
add_line(struct vf_out *out, const char *end, struct vf_error *err)
{
	out->buf.n = (size_t)(end - out->buf.p);
	out->records++;
	return out->buf.n >= out->block ? hand_over(out, err) : 0;
}

int
vf_out_put(struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, struct vf_error *err)
{
	char *end = render(out, row, delimiter, v, &out->buf);

	return end == NULL ? vf_error_nomem(err) : add_line(out, end, err);
}

/* Copies 16 bytes; a bit for each that may need more than that: comma, quote, and all up to CR (LF and NUL among them). */
#ifdef __SSE2__
static INLINE uint64_t
copy16(char *to, const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i odd = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')), _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));

	_mm_storeu_si128((__m128i *)(void *)to, v);
	odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_min_epu8(v, _mm_set1_epi8('\r'))));
	return (uint64_t)(uint32_t)_mm_movemask_epi8(odd);
}
#else
static INLINE uint64_t
copy16(char *to, const char *p)
{
	memcpy(to, p, 16);
	return 0xffff;
}
#endif

/*
 * A value that is shorter than VF_OUT_PAD and stands for itself: 16, 32 or 64
 * bytes are copied and looked at at once, what is beyond the value masked out.
 * NULL: it is another.
 */
static INLINE char *
put_short(char *to, struct vf_slice v)
{
	uint64_t odd;

	if (v.n >= VF_OUT_PAD)
		return NULL;
	odd = copy16(to, v.p);
	if (v.n > 16)
		odd |= copy16(to + 16, v.p + 16) << 16;
	if (v.n > 32)
		odd |= copy16(to + 32, v.p + 32) << 32 | copy16(to + 48, v.p + 48) << 48;
	return (odd & (((uint64_t)1 << v.n) - 1)) == 0 ? to + v.n : NULL;
}

/* Is one of the bytes LF, CR or NUL? */
static bool
breaks(struct vf_slice v)
{
	return v.n > 0 && (memchr(v.p, '\n', v.n) != NULL || memchr(v.p, '\r', v.n) != NULL || memchr(v.p, '\0', v.n) != NULL);
}

/* Any value at the place `to` of the buffer, and `room` behind it; NULL: no memory. */
static NOINLINE char *
put_any(struct vf_buf *b, const char *to, struct vf_slice v, size_t room)
{
	size_t before = b->n, at = (size_t)(to - b->p);
	int rc;

	b->n = at;
	rc = vf_buf_reserve(b, 2 * v.n + 2 + room);
	b->n = before;
	return rc < 0 ? NULL : put_value(b->p + at, v, false);
}

int
vf_out_put_padded(struct vf_out *out, const struct vf_slice *v, size_t *unfit, struct vf_error *err)
{
	const size_t room = (size_t)out->nsets * (VF_OUT_PAD + 1) + 3;
	struct vf_buf *b = &out->buf;
	char *to;

	if (b->size - b->n < room && vf_buf_reserve(b, room) < 0)
		return vf_error_nomem(err);
	to = b->p + b->n;
	for (int i = 0; i < out->nsets; i++) {
		char *end;

		if (i > 0)
			*to++ = ',';
		end = put_short(to, v[i]);
		if (__builtin_expect(end == NULL, 0)) {
			if (breaks(v[i])) {
				*unfit = (size_t)i;
				return 1;
			}
			if ((end = put_any(b, to, v[i], room)) == NULL)
				return vf_error_nomem(err);
		}
		to = end;
	}
	return add_line(out, end_line(out, b->p + b->n, to), err);
}

int
vf_out_render(struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, struct vf_buf *b,
	struct vf_error *err)
{
	char *end;

	vf_buf_clear(b);
	end = render(out, row, delimiter, v, b);
	if (end == NULL)
		return vf_error_nomem(err);
	b->n = (size_t)(end - b->p) - 1;
	return 0;
}

uint64_t
vf_out_records(const struct vf_out *out)
{
	return out->records;
}

int
vf_out_flush(struct vf_out *out, struct vf_error *err)
{
	return hand_over(out, err) < 0 ? -1 : vf_file_flush(out->file, err);
}

void
vf_out_digest(struct vf_out *out, char hex[VF_DIGEST_HEX + 1])
{
	struct vf_digest d;

	vf_digester_wait(out->digester, out->ticket);
	d = out->digest;
	vf_digest_add(&d, out->buf.p, out->buf.n);
	vf_digest_hex(&d, hex);
}

int
vf_out_commit(struct vf_out *out, struct vf_error *err)
{
	return hand_over(out, err) < 0 || vf_file_commit(out->file, err) < 0 ? -1 : 0;
}

void
vf_out_free(struct vf_out *out)
{
	if (out == NULL)
		return;
	vf_digester_free(out->digester);
	vf_file_free(out->file);
	free(out->edits);
	free(out->appended);
	vf_buf_free(&out->buf);
	vf_buf_free(&out->other);
	free(out);
}
