#ifndef _GNU_SOURCE
#define _GNU_SOURCE			/* memrchr */
#endif
#include "record/in.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digester.h"
#include "base/file.h"
#include "base/text.h"
#include "record/csv.h"
#include "record/scan.h"

#define BLOCK ((size_t)256 << 10)
#define WINDOW ((size_t)32 << 10)	/* of it that is indexed at a time: with its index and rows it stays in the first cache */
#define SPARES 3			/* blocks that wait for their digest while others are filled */
#define PAD 64				/* readable bytes behind a block, for the scanner and the last LF */
#define KEEP_LONG ((size_t)64 << 10)	/* of a record that is too long: what a reject line can show */

struct operand {
	const char *path;		/* "-": standard input */
	const char *name;		/* for messages */
	int fd;				/* kept open from the start: standard input, a pipe, a spool; else -1 */
	bool seekable;			/* read from `start`, again if need be */
	off_t start;
	bool begun;			/* a pipe whose header was read: go on with head, at lineno */
	struct vf_buf head;
	uint64_t lineno;
	char delimiter;
	uint64_t records;
	struct vf_digest digest;
};

struct vf_in {
	struct vf_in_options opt;
	struct operand *ops;
	int nops;
	struct vf_header header;
	struct vf_buf names;		/* the header's names, each with a NUL */
	uint64_t size;			/* of all operands, 0 when one has none */
	bool whole_lines;		/* a last line without LF is left out */

	/* the operand that is being read */
	int cur;			/* its number; nops: all are done */
	int fd;				/* -1: not begun */
	bool eof, top;			/* no more bytes will come; nothing was taken yet */
	uint64_t lineno;		/* of the line at `at` */
	struct block {
		char *p;
		size_t room;		/* bytes, PAD not counted */
		uint64_t ticket;	/* of its last bytes at the digester */
	} spares[SPARES];		/* with options.digest: blocks that were read before, in turn */
	size_t turn;
	struct vf_digester *digester;
	char *block;
	size_t room;
	uint64_t ticket;
	size_t at, n;			/* what is not handed out yet: block[at..n) */
	size_t whole;			/* lines end in block[at..whole); at or before `at` when none does */
	size_t want;			/* a quoted record needs this many bytes in the block, or the end */

	/* the index of a part of the block and how far rows were made of it */
	bool indexed;
	struct vf_scan scan;
	size_t window;			/* where in the block the index begins */
	size_t next_line;		/* the line of the index that starts at `at` */

	struct vf_row *rows;
	struct vf_csv *csv;
	struct vf_buf longline;		/* the start of a record that is too long */
	uint64_t records, bytes;
};

static int
open_operand(const struct operand *op, struct vf_error *err)
{
	struct stat st;
	int fd;

	if (op->fd >= 0)
		return op->fd;
	do
		fd = open(op->path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR && !vf_file_stopping());
	if (fd < 0)
		return vf_error_errno(err, op->name);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		errno = EISDIR;
		return vf_error_errno(err, op->name);
	}
	return fd;
}

/* Reads once more into the block, which has room: bytes got, 0 at the end, -1. */
static ssize_t
read_more(struct vf_in *in, struct vf_error *err)
{
	struct operand *op = &in->ops[in->cur];
	const char *lf;
	ssize_t got;

	if (op->head.n > 0) {
		size_t n = op->head.n < in->room - in->n ? op->head.n : in->room - in->n;

		memcpy(in->block + in->n, op->head.p, n);
		memmove(op->head.p, op->head.p + n, op->head.n - n);
		op->head.n -= n;
		got = (ssize_t)n;
	} else {
		got = vf_file_read(in->fd, in->block + in->n, in->room - in->n, op->name, err);
		if (got < 0)
			return -1;
		in->bytes += (uint64_t)got;
		if (in->digester != NULL)
			in->ticket = vf_digester_add(in->digester, &op->digest, in->block + in->n, (size_t)got);
	}
	if (got == 0)
		in->eof = true;
	lf = memrchr(in->block + in->n, '\n', (size_t)got);
	if (lf != NULL)
		in->whole = (size_t)(lf - in->block) + 1;
	in->n += (size_t)got;
	return got;
}

/* A read would wait for bytes to come. */
static bool
would_wait(const struct vf_in *in)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };

	return in->ops[in->cur].head.n == 0 && poll(&p, 1, 0) < 1;
}

/* Whether the block is the end of a file whose last line end is missing. */
static bool
missing_lf(const struct vf_in *in)
{
	return in->eof && in->n > in->at && in->block[in->n - 1] != '\n';
}

static int
grow_block(struct vf_in *in, size_t room, struct vf_error *err)
{
	char *p;

	if (room <= in->room)
		return 0;
	if (in->digester != NULL)
		vf_digester_wait(in->digester, in->ticket);
	p = realloc(in->block, room + PAD);
	if (p == NULL)
		return vf_error_nomem(err);
	in->block = p;
	in->room = room;
	return 0;
}

/* Another block becomes the one that is read into, `left` bytes of this one its first. */
static int
change_block(struct vf_in *in, size_t left, struct vf_error *err)
{
	struct block *next = &in->spares[in->turn++ % SPARES], old = { in->block, in->room, in->ticket };

	vf_digester_wait(in->digester, next->ticket);
	if (next->room < in->room) {
		free(next->p);
		next->room = 0;
		next->p = malloc(in->room + PAD);
		if (next->p == NULL)
			return vf_error_nomem(err);
		next->room = in->room;
	}
	memcpy(next->p, in->block + in->at, left);
	in->block = next->p;
	in->room = next->room;
	*next = old;
	return 0;
}

/* Moves what is left to the front, so that there is room behind it. */
static int
make_room(struct vf_in *in, struct vf_error *err)
{
	size_t left = in->n - in->at;

	if (in->at > 0) {
		if (in->digester != NULL && change_block(in, left, err) < 0)
			return -1;
		if (in->digester == NULL)
			memmove(in->block, in->block + in->at, left);
		in->whole = in->whole > in->at ? in->whole - in->at : 0;
		in->at = 0;
		in->n = left;
	}
	return left > in->room / 2 ? grow_block(in, in->room * 2, err) : 0;
}

/*
 * Reads until the block holds a line end and `want` bytes, or the file ends,
 * or it is clear that the record is too long.  Nothing left at all: the end.
 */
static int
fill(struct vf_in *in, struct vf_error *err)
{
	if (make_room(in, err) < 0)
		return -1;
	while (!in->eof && (in->whole == 0 || in->n < in->want) && in->n <= VF_RECORD_MAX + 1) {
		if (in->n == in->room && grow_block(in, in->room * 2, err) < 0)
			return -1;
		if (in->opt.no_wait && would_wait(in))
			return VF_IN_LATER;
		if (read_more(in, err) < 0)
			return -1;
	}
	in->want = 0;
	if (in->whole_lines && in->eof)
		in->n = in->whole;
	if (missing_lf(in)) {
		/* Put in, but not counted. */
		in->block[in->n] = '\n';
		in->whole = in->n + 1;
	}
	return 0;
}

/* Indexes what comes next of the block's whole lines; there is one at least. */
static int
index_window(struct vf_in *in, struct vf_error *err)
{
	const char *p = in->block + in->at, *lf;
	size_t n = in->whole - in->at;

	if (n > WINDOW) {
		lf = memrchr(p, '\n', WINDOW);
		if (lf == NULL)
			lf = memchr(p + WINDOW, '\n', n - WINDOW);
		n = (size_t)(lf - p) + 1;
	}
	if (vf_scan_reserve(&in->scan, n, err) < 0)
		return -1;
	vf_scan_block(&in->scan, p, n, in->ops[in->cur].delimiter);
	in->window = in->at;
	in->next_line = 0;
	in->indexed = true;
	return 0;
}

/* The delimiter of DESIGN 2: the most frequent outside quotes. */
static char
find_delimiter(struct vf_slice line)
{
	static const char candidates[] = { ',', '\t', '|', ';' };
	size_t counts[sizeof candidates] = { 0 };
	bool quoted = false;
	size_t best = 0;

	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		for (size_t c = 0; !quoted && c < sizeof candidates; c++)
			counts[c] += line.p[i] == candidates[c];
	}
	for (size_t c = 1; c < sizeof candidates; c++)
		if (counts[c] > counts[best])
			best = c;
	return candidates[best];
}

/* The first line that is not empty, without its line end, and where the next starts; 0 when there is none. */
static int
first_line(struct vf_in *in, struct vf_slice *line, size_t *after, struct vf_error *err)
{
	for (;;) {
		const char *p = in->block + in->at, *lf;
		size_t n;

		lf = memchr(p, '\n', in->n - in->at);
		if (lf == NULL && !in->eof) {
			if (in->n - in->at > VF_RECORD_MAX + 1)
				return vf_error(err, VF_ERR_CONFIG, "%s:%ju: the header is longer than %u bytes",
					in->ops[in->cur].name, (uintmax_t)in->lineno, VF_RECORD_MAX);
			if (make_room(in, err) < 0 || read_more(in, err) < 0)
				return -1;
			continue;
		}
		/* A mark that was put before a mark goes too: none is ever written. */
		if (in->top && in->n - in->at >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
			in->at += 3;
			continue;
		}
		in->top = false;
		n = lf != NULL ? (size_t)(lf - p) : in->n - in->at;
		*after = in->at + n + (lf != NULL);
		if (lf != NULL && n > 0 && p[n - 1] == '\r')
			n--;
		*line = vf_slice(p, n);
		if (n > 0)
			return 1;
		if (lf == NULL)
			return 0;
		in->at = *after;
		in->lineno++;
	}
}

/* Fields of a header line as names: counted in *n, added NUL-ended to names. */
static int
parse_names(struct vf_in *in, struct vf_slice line, char delimiter, const char *where, struct vf_buf *names, int *n,
	struct vf_error *err)
{
	struct vf_row row;

	if (memchr(line.p, '\0', line.n) != NULL || memchr(line.p, '\r', line.n) != NULL || !vf_text_utf8(line))
		return vf_error(err, VF_ERR_CONFIG, "%s: the header holds a NUL, a bare CR or bytes that are no UTF-8", where);
	*n = vf_csv_row(in->csv, line, delimiter, &row, err);
	if (*n < 0)
		return -1;
	if (*n == 0)
		return vf_error(err, VF_ERR_CONFIG, "%s: bad quoting in the header", where);
	vf_buf_clear(names);
	for (int i = 0; i < *n; i++) {
		vf_buf_add_slice(names, vf_row_value(&row, i));
		vf_buf_add_char(names, '\0');
	}
	vf_csv_clear(in->csv);
	return names->failed ? vf_error_nomem(err) : 0;
}

static int
by_name(const void *a_, const void *b_)
{
	const struct vf_slice *const *a = a_, *const *b = b_;
	int c = vf_slice_cmp(**a, **b);

	return c != 0 ? c : (*a > *b) - (*a < *b);
}

/* No two columns of one name. Sorted, since a header of 1 MiB may name half a million. */
static int
check_twice(const struct vf_header *h, const char *where, struct vf_error *err)
{
	const struct vf_slice **sorted = malloc((size_t)h->n * sizeof *sorted);
	int rc = 0;

	if (sorted == NULL)
		return vf_error_nomem(err);
	for (int i = 0; i < h->n; i++)
		sorted[i] = &h->names[i];
	qsort(sorted, (size_t)h->n, sizeof *sorted, by_name);
	for (int i = 1; i < h->n && rc == 0; i++)
		if (vf_slice_eq(*sorted[i - 1], *sorted[i]))
			rc = vf_error(err, VF_ERR_CONFIG, "%s: columns %d and %d have the same name", where,
				(int)(sorted[i - 1] - h->names) + 1, (int)(sorted[i] - h->names) + 1);
	free(sorted);
	return rc;
}

/* CANON=ACTUAL: the column that the file calls ACTUAL is called CANON from here on, whatever other aliases say. */
static int
apply_aliases(struct vf_in *in, const char *where, struct vf_error *err)
{
	struct vf_header *h = &in->header;
	struct vf_slice *actual = malloc((size_t)h->n * sizeof *actual);
	int rc = actual == NULL ? vf_error_nomem(err) : 0;

	for (int i = 0; i < h->n && rc == 0; i++)
		actual[i] = h->names[i];
	for (int i = 0; i < in->opt.naliases && rc == 0; i++) {
		const char *alias = in->opt.aliases[i], *eq = strchr(alias, '=');
		int col = 0;

		if (eq == NULL || eq == alias) {
			rc = vf_error(err, VF_ERR_CONFIG, "--column %s: not CANON=ACTUAL", alias);
			break;
		}
		while (col < h->n && !vf_slice_is(actual[col], eq + 1))
			col++;
		if (col == h->n)
			rc = vf_error(err, VF_ERR_CONFIG, "%s: no column %s, which --column names", where, eq + 1);
		else if (h->names[col].p != actual[col].p)
			rc = vf_error(err, VF_ERR_CONFIG, "%s: --column names column %s twice", where, eq + 1);
		else
			h->names[col] = vf_slice(alias, (size_t)(eq - alias));
	}
	free(actual);
	return rc;
}

/* Takes the names as the stream's header. */
static int
set_header(struct vf_in *in, int n, const char *where, struct vf_error *err)
{
	const char *p = in->names.p;

	in->header.n = n;
	in->header.file = in->ops[0].name;
	in->header.names = calloc((size_t)n, sizeof *in->header.names);
	if (in->header.names == NULL)
		return vf_error_nomem(err);
	for (int i = 0; i < n; i++) {
		in->header.names[i] = vf_slice_str(p);
		p += in->header.names[i].n + 1;
	}
	if (check_twice(&in->header, where, err) < 0 || apply_aliases(in, where, err) < 0)
		return -1;
	return check_twice(&in->header, where, err);
}

/* The header of the operand that was just begun: the first sets the stream's, the others must have the same. */
static int
read_header(struct vf_in *in, struct vf_error *err)
{
	struct operand *op = &in->ops[in->cur];
	struct vf_buf names = { 0 };
	struct vf_slice line;
	char where[512];
	size_t after = 0;
	int n, rc;

	rc = first_line(in, &line, &after, err);
	if (rc < 0)
		return -1;
	if (rc == 0 && in->opt.columns == NULL)
		return vf_error(err, VF_ERR_FAILED, "%s: empty: there is no header", op->name);
	op->delimiter = in->opt.delimiter != 0 ? in->opt.delimiter : rc > 0 ? find_delimiter(line) : ',';
	in->indexed = false;
	if (in->opt.columns != NULL)
		return 0;
	snprintf(where, sizeof where, "%s:%ju", op->name, (uintmax_t)in->lineno);
	in->at = after;
	in->lineno++;
	if (in->header.names == NULL)
		return parse_names(in, line, op->delimiter, where, &in->names, &n, err) < 0 ? -1 :
			set_header(in, n, where, err);
	rc = parse_names(in, line, op->delimiter, where, &names, &n, err);
	if (rc == 0 && !vf_slice_eq(vf_buf_slice(&names), vf_buf_slice(&in->names)))
		rc = vf_error(err, VF_ERR_CONFIG, "%s: the header differs from that of %s", where, in->ops[0].name);
	vf_buf_free(&names);
	return rc;
}

/* Opens operand number cur and reads its header, or goes on with a pipe whose header was read. */
static int
begin(struct vf_in *in, struct vf_error *err)
{
	struct operand *op = &in->ops[in->cur];

	in->at = in->n = in->whole = in->want = 0;
	in->eof = in->indexed = false;
	in->fd = open_operand(op, err);
	if (in->fd < 0)
		return -1;
	in->lineno = op->lineno;
	if (op->begun)
		return 0;
	if (op->seekable && lseek(in->fd, op->start, SEEK_SET) < 0)
		return vf_error_errno(err, op->name);
	vf_digest_init(&op->digest);
	op->records = 0;
	in->top = true;
	return read_header(in, err);
}

static void
end(struct vf_in *in)
{
	if (in->digester != NULL)
		vf_digester_wait(in->digester, in->ticket);
	if (in->fd >= 0 && in->fd != in->ops[in->cur].fd)
		close(in->fd);
	in->fd = -1;
}

/* Reads the header of operand cur, then leaves it as if nothing had been read, but for a pipe's own bytes. */
static int
look_ahead(struct vf_in *in, struct vf_error *err)
{
	struct operand *op = &in->ops[in->cur];
	uint64_t bytes = in->bytes;

	if (begin(in, err) < 0)
		return -1;
	if (op->seekable) {
		in->bytes = bytes;
	} else {
		op->begun = true;
		op->lineno = in->lineno;
		if (vf_buf_add(&op->head, in->block + in->at, in->n - in->at) < 0)
			return vf_error_nomem(err);
	}
	end(in);
	return 0;
}

/* What kind of thing the operand is: can it be read again, how large is it, does it have to be spooled. */
static int
classify(struct vf_in *in, struct operand *op, bool *sized, struct vf_error *err)
{
	bool is_stdin = strcmp(op->path, "-") == 0;
	struct stat st;
	int fd, spool;

	fd = is_stdin ? STDIN_FILENO : open_operand(op, err);
	if (fd < 0)
		return -1;
	op->fd = fd;
	if (fstat(fd, &st) < 0)
		return vf_error_errno(err, op->name);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return vf_error_errno(err, op->name);
	}
	op->seekable = S_ISREG(st.st_mode);
	if (op->seekable) {
		op->start = lseek(fd, 0, SEEK_CUR);
		in->size += (uint64_t)(st.st_size > op->start ? st.st_size - op->start : 0);
		if (!is_stdin) {
			close(fd);
			op->fd = -1;
		}
		return 0;
	}
	if (!in->opt.no_wait)
		vf_file_widen_pipe(fd);
	*sized = false;
	if (!in->opt.rewindable)
		return 0;
	spool = vf_file_spool_from(fd, op->name, in->opt.spool_dir, err);
	if (spool < 0)
		return -1;
	if (!is_stdin)
		close(fd);
	op->fd = spool;
	op->seekable = true;
	return 0;
}

static int
open_all(struct vf_in *in, struct vf_error *err)
{
	bool sized = true;
	int n;

	if (vf_scan_reserve(&in->scan, WINDOW, err) < 0)
		return -1;
	if (in->opt.columns != NULL &&
		(parse_names(in, vf_slice_str(in->opt.columns), ',', "--columns", &in->names, &n, err) < 0 ||
		set_header(in, n, "--columns", err) < 0))
		return -1;
	for (in->cur = 0; in->cur < in->nops; in->cur++)
		if (classify(in, &in->ops[in->cur], &sized, err) < 0)
			return -1;
	if (!sized)
		in->size = 0;
	for (in->cur = 0; in->cur < in->nops; in->cur++)
		if (look_ahead(in, err) < 0)
			return -1;
	in->cur = 0;
	return 0;
}

struct vf_in *
vf_in_open(const struct vf_in_options *opt, struct vf_error *err)
{
	static const char *const just_stdin[] = { "-" };
	struct vf_in *in = calloc(1, sizeof *in);

	if (in == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	if (opt->npaths > UINT16_MAX) {		/* a row has 16 bits for its file's number */
		vf_error(err, VF_ERR_CONFIG, "more than %d files", UINT16_MAX);
		free(in);
		return NULL;
	}
	in->opt = *opt;
	if (opt->npaths == 0) {
		in->opt.paths = just_stdin;
		in->opt.npaths = 1;
	}
	in->fd = -1;
	in->room = BLOCK;
	in->nops = in->opt.npaths;
	in->ops = calloc((size_t)in->nops, sizeof *in->ops);
	in->block = malloc(in->room + PAD);
	in->rows = malloc(VF_BATCH_MAX * sizeof *in->rows);
	in->csv = vf_csv_new(err);
	for (int i = 0; in->ops != NULL && i < in->nops; i++) {
		in->ops[i] = (struct operand){ .path = in->opt.paths[i], .fd = -1, .lineno = 1 };
		in->ops[i].name = strcmp(in->opt.paths[i], "-") == 0 ? "stdin" : in->opt.paths[i];
	}
	if (in->ops == NULL || in->block == NULL || in->rows == NULL || in->csv == NULL)
		vf_error_nomem(err);
	else if ((!opt->digest || (in->digester = vf_digester_new(err)) != NULL) && open_all(in, err) == 0)
		return in;
	vf_in_free(in);
	return NULL;
}

int
vf_in_fd(const struct vf_in *in)
{
	return in->fd;
}

void
vf_in_free(struct vf_in *in)
{
	if (in == NULL)
		return;
	if (in->ops != NULL && in->cur < in->nops)
		end(in);
	vf_digester_free(in->digester);
	for (int i = 0; i < SPARES; i++)
		free(in->spares[i].p);
	for (int i = 0; in->ops != NULL && i < in->nops; i++) {
		if (in->ops[i].fd > STDIN_FILENO)
			close(in->ops[i].fd);
		vf_buf_free(&in->ops[i].head);
	}
	free(in->ops);
	free(in->block);
	free(in->rows);
	free(in->header.names);
	vf_buf_free(&in->names);
	vf_buf_free(&in->longline);
	vf_scan_free(&in->scan);
	vf_csv_free(in->csv);
	free(in);
}

void
vf_in_whole_lines(struct vf_in *in)
{
	in->whole_lines = true;
}

int
vf_in_rewind(struct vf_in *in, struct vf_error *err)
{
	if (in->cur < in->nops)
		end(in);
	for (int i = 0; i < in->nops; i++)
		if (!in->ops[i].seekable)
			return vf_error(err, VF_ERR_FAILED, "%s: cannot be read twice", in->ops[i].name);
	in->cur = 0;
	in->records = in->bytes = 0;
	return 0;
}

/* The fields of a well-formed quoted record of one line: 1, or -1. */
static int
take_fields(struct vf_in *in, struct vf_row *row, struct vf_error *err)
{
	struct vf_row fields;
	int n = vf_csv_row(in->csv, vf_row_line(row), in->ops[in->cur].delimiter, &fields, err);

	if (n < 0)
		return -1;
	if (n != in->header.n)		/* the two readers of quotes do not agree: never seen */
		return 1;
	row->base = fields.base;
	row->start = fields.start;
	row->end = fields.end;
	row->values = fields.values;
	row->reject = VF_REJECT_NONE;
	return 1;
}

/* A quoted record: where it ends, in bytes and lines, and what is wrong with it. */
static int
quoted(struct vf_in *in, struct vf_row *row, unsigned flags, size_t *after, struct vf_error *err)
{
	size_t avail = in->n - in->at, n = avail < VF_RECORD_MAX + 2 ? avail : VF_RECORD_MAX + 2, len;
	const char *p = in->block + in->at;
	char delimiter = in->ops[in->cur].delimiter;
	enum vf_csv_span span;
	uint32_t lines;
	int count;

	span = vf_csv_span(p, n, n < avail || !in->eof, delimiter, &len, &lines, &count);
	if (span == VF_CSV_NEED_MORE && n == avail && n < VF_RECORD_MAX + 2) {
		in->want = 2 * n;
		return 0;
	}
	row->reject = VF_REJECT_BAD_QUOTE;
	if (span != VF_CSV_WHOLE || len > VF_RECORD_MAX || (lines > 1 && count != in->header.n))
		return 1;
	if (lines > 1) {
		struct vf_slice whole = { p, len };

		*after = in->at - in->window + len + (len < avail && p[len] == '\r') + 1;
		row->len = (uint32_t)len;
		row->size = len;
		row->lines = lines;
		row->reject = memchr(p, '\0', len) != NULL ? VF_REJECT_NUL_BYTE :
			!vf_text_utf8(whole) ? VF_REJECT_BAD_UTF8 : VF_REJECT_LINE_BREAK;
		return 1;
	}
	if ((flags & VF_SCAN_CR) != 0 && memchr(p, '\r', len) != NULL)
		row->reject = VF_REJECT_LINE_BREAK;
	else if (count != in->header.n)
		row->reject = VF_REJECT_FIELD_COUNT;
	else
		return take_fields(in, row, err);
	return 1;
}

/*
 * A row whose chunks hold something unusual, at in->at: 1, 0 when more bytes are
 * needed first, -1.  *after, where the next record starts, counts from the window.
 */
static int
look_closer(struct vf_in *in, struct vf_row *row, unsigned flags, size_t *after, struct vf_error *err)
{
	struct vf_slice line = vf_row_line(row);

	if (line.n > VF_RECORD_MAX)
		row->reject = VF_REJECT_TOO_LONG;
	else if ((flags & VF_SCAN_NUL) != 0 && memchr(line.p, '\0', line.n) != NULL)
		row->reject = VF_REJECT_NUL_BYTE;
	else if ((flags & VF_SCAN_HIGH) != 0 && !vf_text_utf8(line))
		row->reject = VF_REJECT_BAD_UTF8;
	else if ((flags & VF_SCAN_QUOTE) != 0 && memchr(line.p, '"', line.n) != NULL)
		return quoted(in, row, flags, after, err);
	else if ((flags & VF_SCAN_CR) != 0 && memchr(line.p, '\r', line.n) != NULL)
		row->reject = VF_REJECT_LINE_BREAK;
	return 1;
}

/* Rows out of the index, up to a full batch: how many, -1. */
static int
make_rows(struct vf_in *in, struct vf_error *err)
{
	uint32_t *pos = in->scan.pos, *line = in->scan.line, columns = (uint32_t)in->header.n;
	const char *base = in->block + in->window;
	uint16_t file = (uint16_t)in->cur;
	uint64_t lineno = in->lineno;
	size_t k = in->next_line, at = in->at - in->window, end = in->n - in->window;
	int n = 0, rc = 1;

	while (n < VF_BATCH_MAX && k < in->scan.nlines) {
		uint32_t first = k > 0 ? line[k - 1] + 1 : 0, last = line[k];
		uint32_t start = (uint32_t)at, stop = pos[last], len = stop - start, lines = 1;
		unsigned flags = vf_scan_flags(&in->scan, start, stop);
		size_t after = (size_t)stop + 1;
		struct vf_row *row = &in->rows[n];

		if (stop == end)
			flags |= VF_SCAN_CR;	/* no line end: a CR before it stands alone */
		else if (len > 0 && base[stop - 1] == '\r')
			len--;
		if (len > 0) {
			*row = (struct vf_row){ .base = base, .start = start, .len = len, .size = len,
				.end = pos + first, .lineno = lineno, .lines = 1, .file = file };
			row->reject = last - first + 1 == columns ? VF_REJECT_NONE : VF_REJECT_FIELD_COUNT;
			pos[last] = start + len;
			if (flags != 0 || len > VF_RECORD_MAX) {
				in->at = in->window + at;
				rc = look_closer(in, row, flags, &after, err);
				if (rc <= 0)
					break;
				lines = row->lines;
			}
			n++;
		}
		at = after;
		lineno += lines;
		k += lines;
	}
	in->at = in->window + (at < end ? at : end);
	in->lineno = lineno;
	in->next_line = k;
	in->indexed = rc > 0 && k < in->scan.nlines;
	return rc < 0 ? -1 : n;
}

/* The record at `at` is longer than the block may grow: its start is kept, the rest skipped up to the next LF. */
static int
skip_long(struct vf_in *in, struct vf_error *err)
{
	uint64_t size = 0;
	bool cr = false;
	const char *lf;

	vf_buf_clear(&in->longline);
	if (vf_buf_add(&in->longline, in->block + in->at, KEEP_LONG) < 0)
		return vf_error_nomem(err);
	while ((lf = memchr(in->block + in->at, '\n', in->n - in->at)) == NULL) {
		if (in->n > in->at)
			cr = in->block[in->n - 1] == '\r';
		size += in->n - in->at;
		in->at = in->n;
		if (in->eof)
			break;
		if (make_room(in, err) < 0 || read_more(in, err) < 0)
			return -1;
	}
	if (lf != NULL) {
		size_t n = (size_t)(lf - (in->block + in->at));

		if (n > 0)
			cr = lf[-1] == '\r';
		size += n - cr;
		in->at += n + 1;
	}
	in->rows[0] = (struct vf_row){ .base = in->longline.p, .len = (uint32_t)in->longline.n, .size = size,
		.lineno = in->lineno++, .lines = 1, .file = (uint16_t)in->cur, .reject = VF_REJECT_TOO_LONG };
	in->indexed = false;
	return 1;
}

int
vf_in_batch(struct vf_in *in, const struct vf_row **rows, struct vf_error *err)
{
	int n;

	vf_csv_clear(in->csv);
	*rows = in->rows;
	while (in->cur < in->nops) {
		if (in->fd < 0 && begin(in, err) < 0)
			return -1;
		if (!in->indexed && (in->whole <= in->at || in->n - in->at < in->want) && (n = fill(in, err)) < 0)
			return n;
		if (in->at == in->n) {
			end(in);
			in->cur++;
			continue;
		}
		if (in->whole <= in->at)
			n = skip_long(in, err);
		else
			n = in->indexed || index_window(in, err) == 0 ? make_rows(in, err) : -1;
		if (n < 0)
			return -1;
		if (n > 0) {
			in->records += (uint64_t)n;
			in->ops[in->cur].records += (uint64_t)n;
			return n;
		}
	}
	return 0;
}

const struct vf_header *
vf_in_header(const struct vf_in *in)
{
	return &in->header;
}

uint64_t
vf_in_records(const struct vf_in *in)
{
	return in->records;
}

uint64_t
vf_in_bytes(const struct vf_in *in)
{
	return in->bytes;
}

uint64_t
vf_in_size(const struct vf_in *in)
{
	return in->size;
}

int
vf_in_files(const struct vf_in *in)
{
	return in->nops;
}

const char *
vf_in_name(const struct vf_in *in, int file)
{
	return in->ops[file].name;
}

char
vf_in_delimiter(const struct vf_in *in, int file)
{
	return in->ops[file].delimiter;
}

uint64_t
vf_in_file_records(const struct vf_in *in, int file)
{
	return in->ops[file].records;
}

void
vf_in_digest(const struct vf_in *in, int file, char hex[VF_DIGEST_HEX + 1])
{
	struct vf_digest d = in->ops[file].digest;

	vf_digest_hex(&d, hex);
}
