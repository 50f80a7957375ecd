#include "record/csv.h"

#include <csv.h>
#include <stdlib.h>

#include "record/in.h"

/*
 * The arena is a list of chunks that are kept from batch to batch.  A row's
 * parts come out of one piece, so what was handed out never moves.
 */
struct chunk {
	struct chunk *next;
	size_t size, used;
	_Alignas(16) char bytes[];
};

struct vf_csv {
	struct csv_parser parser;
	struct chunk *first, *current;
};

#define CHUNK_SIZE ((size_t)64 << 10)

static int
no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static int
start_parser(struct vf_csv *csv)
{
	if (csv_init(&csv->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		return -1;
	csv_set_space_func(&csv->parser, no_space);
	csv_set_blk_size(&csv->parser, 4096);
	return 0;
}

struct vf_csv *
vf_csv_new(struct vf_error *err)
{
	struct vf_csv *csv = calloc(1, sizeof *csv);

	if (csv == NULL || start_parser(csv) < 0) {
		free(csv);
		vf_error_nomem(err);
		return NULL;
	}
	return csv;
}

void
vf_csv_free(struct vf_csv *csv)
{
	if (csv == NULL)
		return;
	csv_free(&csv->parser);
	for (struct chunk *c = csv->first, *next; c != NULL; c = next) {
		next = c->next;
		free(c);
	}
	free(csv);
}

void
vf_csv_clear(struct vf_csv *csv)
{
	for (struct chunk *c = csv->first; c != NULL && c->used != 0; c = c->next)
		c->used = 0;
	csv->current = csv->first;
}

static void *
take(struct vf_csv *csv, size_t n)
{
	struct chunk *c = csv->current;
	void *p;

	n = (n + 15) & ~(size_t)15;
	while (c != NULL && c->size - c->used < n && c->next != NULL)
		c = c->next;
	if (c == NULL || c->size - c->used < n) {
		size_t size = n > CHUNK_SIZE ? n : CHUNK_SIZE;
		struct chunk *fresh = malloc(sizeof *fresh + size);

		if (fresh == NULL)
			return NULL;
		*fresh = (struct chunk){ .size = size };
		if (c != NULL)
			c->next = fresh;
		else
			csv->first = fresh;
		c = fresh;
	}
	csv->current = c;
	p = c->bytes + c->used;
	c->used += n;
	return p;
}

/* What follows a closing quote at p[i]: a delimiter, a line end, or the end of what there is. */
static bool
closes(const char *p, size_t n, size_t i, char delimiter)
{
	return i + 1 == n || p[i + 1] == delimiter || p[i + 1] == '\n' ||
		(p[i + 1] == '\r' && i + 2 < n && p[i + 2] == '\n');
}

/* Whether the bytes end before it can be told what the quote at p[i] is. */
static bool
undecided(const char *p, size_t n, size_t i)
{
	return i + 1 == n || (p[i + 1] == '\r' && i + 2 == n);
}

/* From just behind an opening quote at p[i - 1] to the closing one: its index, or n when there is none. */
static size_t
closing_quote(const char *p, size_t n, size_t i)
{
	const char *q;

	while (i < n && (q = memchr(p + i, '"', n - i)) != NULL) {
		i = (size_t)(q - p);
		if (i + 1 == n || p[i + 1] != '"')
			return i;
		i += 2;
	}
	return n;
}

enum vf_csv_span
vf_csv_span(const char *p, size_t n, bool more, char delimiter, size_t *len, uint32_t *lines, int *fields)
{
	size_t i = 0, close;

	for (*fields = 1;; ++*fields) {				/* at the start of a field */
		if (i < n && p[i] == '"') {
			close = closing_quote(p, n, i + 1);
			if (more && (close == n || undecided(p, n, close)))
				return VF_CSV_NEED_MORE;
			if (close == n || !closes(p, n, close, delimiter))
				return VF_CSV_BAD_QUOTE;
			i = close + 1;
		} else {
			while (i < n && p[i] != delimiter && p[i] != '\n' && p[i] != '"')
				i++;
			if (i < n && p[i] == '"')
				return VF_CSV_BAD_QUOTE;
		}
		if (i < n && p[i] == delimiter) {
			i++;
			continue;
		}
		if (i == n && more)
			return VF_CSV_NEED_MORE;
		break;
	}
	/* At an LF, at the CR of a CR LF behind a closing quote, or at the end. */
	*len = i > 0 && i < n && p[i] == '\n' && p[i - 1] == '\r' ? i - 1 : i;
	*lines = 1;
	for (const char *q = p; (q = memchr(q, '\n', *len - (size_t)(q - p))) != NULL; q++)
		++*lines;
	return VF_CSV_WHOLE;
}

/* The offsets after each raw field into end (room for max); the number of fields, 0 when the quoting is bad. */
static int
split(struct vf_slice line, char delimiter, uint32_t *end, int max, bool *doubled)
{
	size_t i = 0;
	int n = 0;

	*doubled = false;
	for (;;) {
		if (i < line.n && line.p[i] == '"') {
			size_t close = closing_quote(line.p, line.n, i + 1);

			if (close == line.n || (close + 1 < line.n && line.p[close + 1] != delimiter))
				return 0;
			*doubled |= memchr(line.p + i + 1, '"', close - i - 1) != NULL;
			i = close + 1;
		} else {
			while (i < line.n && line.p[i] != delimiter && line.p[i] != '"')
				i++;
			if (i < line.n && line.p[i] == '"')
				return 0;
		}
		if (n < max)
			end[n] = (uint32_t)i;
		n++;
		if (i == line.n)
			return n;
		i++;
	}
}

/* Collects libcsv's fields of one record. */
struct fields {
	char *bytes;
	struct vf_slice *values;
	int n, max;
};

static void
on_field(void *s, size_t n, void *data)
{
	struct fields *f = data;

	if (f->n < f->max) {
		memcpy(f->bytes, s, n);
		f->values[f->n] = vf_slice(f->bytes, n);
		f->bytes += n;
	}
	f->n++;
}

/* The values by libcsv; false when it does not agree about the number of fields. */
static bool
parse(struct vf_csv *csv, struct vf_slice line, char delimiter, struct fields *f)
{
	size_t done;
	bool ok;

	csv_set_delim(&csv->parser, (unsigned char)delimiter);
	done = csv_parse(&csv->parser, line.p, line.n, on_field, NULL, f);
	ok = done == line.n && csv_fini(&csv->parser, on_field, NULL, f) == 0 && f->n == f->max;
	if (!ok) {				/* an error leaves the parser in mid-record */
		csv_free(&csv->parser);
		start_parser(csv);
	}
	return ok;
}

/* The values of a record without a doubled quote lie in its own bytes. */
static void
borrow(struct vf_slice line, const uint32_t *end, int n, struct vf_slice *values)
{
	uint32_t from = 0;

	for (int i = 0; i < n; i++) {
		struct vf_slice raw = { line.p + from, end[i] - from };

		if (raw.n > 0 && raw.p[0] == '"')
			raw = vf_slice(raw.p + 1, raw.n - 2);
		values[i] = raw;
		from = end[i] + 1;
	}
}

int
vf_csv_row(struct vf_csv *csv, struct vf_slice line, char delimiter, struct vf_row *row, struct vf_error *err)
{
	bool quoted = line.n > 0 && memchr(line.p, '"', line.n) != NULL, doubled;
	struct fields f = { 0 };
	uint32_t *end;
	int n = 1;

	for (size_t i = 0; i < line.n; i++)
		n += line.p[i] == delimiter;
	end = take(csv, (size_t)n * sizeof *end);
	if (end == NULL)
		return vf_error_nomem(err);
	n = split(line, delimiter, end, n, &doubled);
	row->base = line.p;
	row->start = 0;
	row->len = (uint32_t)line.n;
	row->size = line.n;
	row->end = end;
	row->values = NULL;
	if (n == 0 || !quoted)
		return n;
	f.max = n;
	f.values = take(csv, (size_t)n * sizeof *f.values);
	if (f.values == NULL)
		return vf_error_nomem(err);
	if (!doubled) {
		borrow(line, end, n, f.values);
	} else {
		f.bytes = take(csv, line.n);
		if (f.bytes == NULL)
			return vf_error_nomem(err);
		if (!parse(csv, line, delimiter, &f))
			return 0;
	}
	row->values = f.values;
	return n;
}
