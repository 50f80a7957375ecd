#include "record/out.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"

#define BLOCK ((size_t)256 << 10)

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
	int nappended;
	int columns;			/* of the input */
	int width;			/* columns of the output */
	bool drops, plain;
	struct vf_buf buf;
	bool digesting;
	struct vf_digest digest;
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
	out->digesting = opt->digest;
	out->plain = opt->plain;
	vf_digest_init(&out->digest);
	if (vf_buf_reserve(&out->buf, BLOCK) < 0 || plan(out, opt) < 0)
		vf_error_nomem(err);
	else if ((out->file = vf_file_create(opt->path, opt->flags, err)) != NULL)
		return out;
	vf_out_free(out);
	return NULL;
}

/* There is room.  Short pieces are moved without a call and without a loop, whose end would be guessed wrong. */
static inline void
put(struct vf_buf *b, const char *p, size_t n)
{
	char *to = b->p + b->n;

	b->n += n;
	if (n > 32) {
		memcpy(to, p, n);
	} else if (n >= 16) {
		memcpy(to, p, 16);
		memcpy(to + n - 16, p + n - 16, 16);
	} else if (n >= 8) {
		memcpy(to, p, 8);
		memcpy(to + n - 8, p + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, p, 4);
		memcpy(to + n - 4, p + n - 4, 4);
	} else if (n > 0) {
		to[0] = p[0];
		to[n / 2] = p[n / 2];
		to[n - 1] = p[n - 1];
	}
}

/* v as a field; there is room for it and for every quote to be doubled. */
static inline void
put_value(struct vf_buf *b, struct vf_slice v, bool plain)
{
	if (!plain && vf_text_csv_needs_quotes(v))
		vf_text_add_csv(b, v);
	else
		put(b, v.p, v.n);
}

/* The usual case: comma-separated, nothing left out.  Between the edits the raw bytes go over in one piece. */
static void
put_edited(const struct vf_out *out, const struct vf_row *row, const struct vf_slice *v, struct vf_buf *b)
{
	const char *from = row->base + row->start;

	for (int i = 0; i < out->nedits; i++) {
		struct vf_slice raw = vf_row_raw(row, out->edits[i].column), new = v[out->edits[i].set];

		if (new.p == raw.p && new.n == raw.n)
			continue;
		put(b, from, (size_t)(raw.p - from));
		put_value(b, new, out->plain);
		from = raw.p + raw.n;
	}
	put(b, from, (size_t)(row->base + row->start + row->len - from));
}

/* Field by field: another delimiter, or columns are left out. */
static void
put_fields(const struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v,
	struct vf_buf *b)
{
	bool first = true;
	int e = 0;

	for (int c = 0; c < out->columns; c++) {
		const struct edit *edit = e < out->nedits && out->edits[e].column == c ? &out->edits[e++] : NULL;
		struct vf_slice raw = vf_row_raw(row, c);

		if (edit != NULL && edit->set < 0)
			continue;
		if (!first)
			vf_buf_add_char(b, ',');
		first = false;
		if (edit != NULL && (v[edit->set].p != raw.p || v[edit->set].n != raw.n))
			put_value(b, v[edit->set], out->plain);
		else if (delimiter == ',')
			put(b, raw.p, raw.n);
		else
			put_value(b, vf_row_value(row, c), false);
	}
}

static int
render(const struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, struct vf_buf *b,
	struct vf_error *err)
{
	size_t start = b->n, room = 8;

	if (row != NULL)
		room += row->len + (delimiter == ',' ? 0 : row->len + 2 * (size_t)out->columns);
	for (int i = 0; i < out->nappended; i++)
		room += 2 * v[out->appended[i]].n + 3;
	for (int i = 0; i < out->nedits; i++)
		if (out->edits[i].set >= 0)
			room += 2 * v[out->edits[i].set].n + 3;
	if (b->size - b->n < room && vf_buf_reserve(b, room) < 0)
		return vf_error_nomem(err);
	if (row != NULL && delimiter == ',' && !out->drops)
		put_edited(out, row, v, b);
	else if (row != NULL)
		put_fields(out, row, delimiter, v, b);
	for (int i = 0; i < out->nappended; i++) {
		if (i > 0 || out->width > out->nappended)
			b->p[b->n++] = ',';
		put_value(b, v[out->appended[i]], out->plain);
	}
	if (b->n == start && out->width == 1)
		put(b, "\"\"", 2);
	return 0;
}

/* What is in the buffer goes to the file, which may still keep it. */
static int
hand_over(struct vf_out *out, struct vf_error *err)
{
	if (out->digesting)
		vf_digest_add(&out->digest, out->buf.p, out->buf.n);
	if (vf_file_write(out->file, out->buf.p, out->buf.n, err) < 0)
		return -1;
	vf_buf_clear(&out->buf);
	return 0;
}

int
vf_out_put(struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, struct vf_error *err)
{
	if (render(out, row, delimiter, v, &out->buf, err) < 0)
		return -1;
	out->buf.p[out->buf.n++] = '\n';
	out->records++;
	return out->buf.n >= BLOCK / 2 ? hand_over(out, err) : 0;
}

int
vf_out_render(struct vf_out *out, const struct vf_row *row, char delimiter, const struct vf_slice *v, struct vf_buf *b,
	struct vf_error *err)
{
	vf_buf_clear(b);
	return render(out, row, delimiter, v, b, err);
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
	struct vf_digest d = out->digest;

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
	vf_file_free(out->file);
	free(out->edits);
	free(out->appended);
	vf_buf_free(&out->buf);
	free(out);
}
