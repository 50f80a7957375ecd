#include "record/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/text.h"

#define BLOCK ((size_t)256 << 10)
#define KEEP_LONG ((size_t)64 << 10)	/* of a line that is too long: what a reject line can show */
#define MAX_MAX ((uint32_t)64 << 20)

struct operand {
	const char *path;		/* "-": standard input */
	const char *name;		/* for messages */
	int fd;				/* kept open from the start: standard input, a pipe; else -1 */
};

struct vf_lines {
	struct operand *ops;
	int nops;
	uint32_t max;
	const struct vf_slice *names;
	int nnames;
	uint64_t size;			/* of all operands, 0 when one has none */

	/* the operand that is being read */
	int cur;			/* its number; nops: all are done */
	int fd;				/* -1: not begun */
	bool eof, top;			/* no more bytes will come; nothing was taken yet */
	uint64_t lineno;		/* of the line at `at` */
	char *block;
	size_t room;			/* bytes of block */
	size_t at, n;			/* what is not handed out yet: block[at..n) */
	size_t looked;			/* block[at..looked) holds no line end */

	/* a line that is too long, on its way out */
	bool skipping, skipped;		/* its end is not seen yet; is seen */
	bool skip_cr;			/* its last byte so far is a CR */
	uint64_t skip_size;
	struct vf_buf longline;		/* its start */

	struct vf_row *rows;
	struct vf_json_value *values;	/* nnames for each row */
	uint64_t records, bytes;
};

static int
open_operand(const struct operand *op, struct vf_error *err)
{
	int fd;

	if (op->fd >= 0)
		return op->fd;
	do
		fd = open(op->path, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR && !vf_file_stopping());
	return fd < 0 ? vf_error_errno(err, op->name) : fd;
}

/* What kind of thing the operand is; a regular file is closed again, so that many of them need one descriptor. */
static int
classify(struct vf_lines *l, struct operand *op, bool *sized, struct vf_error *err)
{
	bool is_stdin = strcmp(op->path, "-") == 0;
	struct stat st;
	off_t start;
	int fd = is_stdin ? STDIN_FILENO : open_operand(op, err);

	if (fd < 0)
		return -1;
	op->fd = fd;
	if (fstat(fd, &st) < 0)
		return vf_error_errno(err, op->name);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return vf_error_errno(err, op->name);
	}
	if (!S_ISREG(st.st_mode)) {
		vf_file_widen_pipe(fd);
		*sized = false;
		return 0;
	}
	start = lseek(fd, 0, SEEK_CUR);
	l->size += (uint64_t)(st.st_size > start ? st.st_size - start : 0);
	if (!is_stdin) {
		close(fd);
		op->fd = -1;
	}
	return 0;
}

struct vf_lines *
vf_lines_open(const struct vf_lines_options *opt, struct vf_error *err)
{
	static const char *const just_stdin[] = { "-" };
	const char *const *paths = opt->npaths > 0 ? opt->paths : just_stdin;
	struct vf_lines *l = NULL;
	bool sized = true;
	int i;

	if (opt->npaths > UINT16_MAX) {		/* a row has 16 bits for its file's number */
		vf_error(err, VF_ERR_CONFIG, "more than %d files", UINT16_MAX);
		return NULL;
	}
	l = calloc(1, sizeof *l);
	if (l == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	l->fd = -1;
	l->nops = opt->npaths > 0 ? opt->npaths : 1;
	l->max = opt->max == 0 ? VF_LINES_MAX : opt->max < MAX_MAX ? opt->max : MAX_MAX;
	l->names = opt->members;
	l->nnames = opt->nmembers;
	l->room = BLOCK;
	l->ops = calloc((size_t)l->nops, sizeof *l->ops);
	l->block = malloc(l->room);
	l->rows = malloc(VF_LINES_BATCH * sizeof *l->rows);
	l->values = calloc(VF_LINES_BATCH * ((size_t)l->nnames + 1), sizeof *l->values);
	for (i = 0; l->ops != NULL && i < l->nops; i++)
		l->ops[i] = (struct operand){ .path = paths[i], .fd = -1,
			.name = strcmp(paths[i], "-") == 0 ? "stdin" : paths[i] };
	if (l->ops == NULL || l->block == NULL || l->rows == NULL || l->values == NULL) {
		vf_error_nomem(err);
		vf_lines_free(l);
		return NULL;
	}
	for (i = 0; i < l->nops; i++)
		if (classify(l, &l->ops[i], &sized, err) < 0) {
			vf_lines_free(l);
			return NULL;
		}
	if (!sized)
		l->size = 0;
	return l;
}

static void
end(struct vf_lines *l)
{
	if (l->fd >= 0 && l->fd != l->ops[l->cur].fd)
		close(l->fd);
	l->fd = -1;
}

void
vf_lines_free(struct vf_lines *l)
{
	if (l == NULL)
		return;
	if (l->ops != NULL && l->cur < l->nops)
		end(l);
	for (int i = 0; l->ops != NULL && i < l->nops; i++)
		if (l->ops[i].fd > STDIN_FILENO)
			close(l->ops[i].fd);
	free(l->ops);
	free(l->block);
	free(l->rows);
	free(l->values);
	vf_buf_free(&l->longline);
	free(l);
}

/* Begins the operand at hand, unless it is begun. */
static int
begin(struct vf_lines *l, struct vf_error *err)
{
	if (l->fd >= 0)
		return 0;
	l->fd = open_operand(&l->ops[l->cur], err);
	if (l->fd < 0)
		return -1;
	l->at = l->n = l->looked = 0;
	l->eof = false;
	l->top = true;
	l->lineno = 1;
	return 0;
}

/* Moves what is left to the front and sees that there is room behind it. */
static int
make_room(struct vf_lines *l, struct vf_error *err)
{
	size_t left = l->n - l->at;
	char *p;

	if (l->at > 0) {
		memmove(l->block, l->block + l->at, left);
		l->looked -= l->at;
		l->at = 0;
		l->n = left;
	}
	if (left <= l->room / 2)
		return 0;
	p = realloc(l->block, l->room * 2);
	if (p == NULL)
		return vf_error_nomem(err);
	l->block = p;
	l->room *= 2;
	return 0;
}

/* Of a line that is too long, what is in the block is passed over, to its LF or the end of the file. */
static void
skip(struct vf_lines *l)
{
	const char *p = l->block + l->at, *lf = memchr(p, '\n', l->n - l->at);
	size_t n = lf != NULL ? (size_t)(lf - p) : l->n - l->at;

	if (n > 0)
		l->skip_cr = p[n - 1] == '\r';
	l->skip_size += n;
	l->at += n + (lf != NULL);
	l->looked = l->at;
	if (lf == NULL && !l->eof)
		return;
	l->skip_size -= lf != NULL && l->skip_cr;
	l->skipping = false;
	l->skipped = true;
}

/* Byte order marks and empty lines go before anybody waits for what follows them. */
static void
pass_empty(struct vf_lines *l)
{
	const char *p;
	size_t left;

	for (;;) {
		p = l->block + l->at;
		left = l->n - l->at;
		if (l->top && left >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
			l->at += 3;
		} else if (left > 0 && (p[0] == '\n' || (p[0] == '\r' && left > 1 && p[1] == '\n'))) {
			l->at += p[0] == '\r' ? 2 : 1;
			l->lineno++;
			l->top = false;
		} else {
			break;
		}
	}
	if (l->looked < l->at)
		l->looked = l->at;
}

/* 1 when the operand at hand has a row to give, or ends; 0 when more bytes are needed, -1. */
static int
ready(struct vf_lines *l, struct vf_error *err)
{
	const char *lf;

	if (l->skipping)
		skip(l);
	if (l->skipped)
		return 1;
	if (!l->skipping)
		pass_empty(l);
	if (l->eof)
		return 1;
	lf = l->skipping ? NULL : memchr(l->block + l->looked, '\n', l->n - l->looked);
	if (lf != NULL)
		return 1;
	l->looked = l->n;
	/* The CR before the line end does not count. */
	if (l->n - l->at <= (size_t)l->max + 1)
		return 0;
	vf_buf_clear(&l->longline);
	if (vf_buf_add(&l->longline, l->block + l->at, KEEP_LONG < l->max ? KEEP_LONG : l->max) < 0)
		return vf_error_nomem(err);
	l->skipping = true;
	l->skip_cr = false;
	l->skip_size = 0;
	skip(l);
	return 0;
}

static int
read_more(struct vf_lines *l, struct vf_error *err)
{
	ssize_t got;

	if (make_room(l, err) < 0)
		return -1;
	got = vf_file_read(l->fd, l->block + l->n, l->room - l->n, l->ops[l->cur].name, err);
	if (got < 0)
		return -1;
	l->n += (size_t)got;
	l->bytes += (uint64_t)got;
	l->eof = got == 0;
	return 0;
}

/* The same, after going on to the next operand where one has ended; 1 at the end of all, too. */
static int
settle(struct vf_lines *l, struct vf_error *err)
{
	int rc;

	while (l->cur < l->nops) {
		if (begin(l, err) < 0)
			return -1;
		rc = ready(l, err);
		if (rc <= 0 || l->skipped || l->at < l->n)
			return rc;
		end(l);
		l->cur++;
	}
	return 1;
}

/* 1 when a read would not wait, 0 when it would still after ms, -1. */
static int
readable(int fd, int ms, const char *name, struct vf_error *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int rc = poll(&p, 1, ms);

	if (rc < 0)
		return errno == EINTR ? 0 : vf_error_errno(err, name);
	return rc > 0;
}

int
vf_lines_wait(struct vf_lines *l, int ms, struct vf_error *err)
{
	uint64_t until = vf_clock_ns() + (uint64_t)(ms > 0 ? ms : 0) * 1000000u, now;
	int rc, left = ms;

	while (l->cur < l->nops) {
		if ((rc = settle(l, err)) != 0)
			return rc;
		if ((rc = readable(l->fd, left, l->ops[l->cur].name, err)) <= 0)
			return rc;
		if (read_more(l, err) < 0)
			return -1;
		now = vf_clock_ns();
		left = now < until ? (int)((until - now) / 1000000u) : 0;
	}
	return 1;
}

int
vf_lines_fd(const struct vf_lines *l)
{
	return l->fd;
}

/* What is wrong with a line, worst first; a good one gives its members. */
static uint16_t
judge(const struct vf_lines *l, struct vf_slice line, struct vf_json_value *values)
{
	if (line.n > l->max)
		return VF_REJECT_TOO_LONG;
	if (memchr(line.p, '\0', line.n) != NULL)
		return VF_REJECT_NUL_BYTE;
	if (!vf_text_utf8(line))
		return VF_REJECT_BAD_UTF8;
	return vf_json_pick(line, l->names, l->nnames, values) ? VF_REJECT_NONE : VF_REJECT_BAD_JSON;
}

/* Rows of the lines in the block, up to a full batch. */
static int
make_rows(struct vf_lines *l)
{
	int n = 0;

	while (n < VF_LINES_BATCH && l->at < l->n) {
		const char *p = l->block + l->at, *lf = memchr(p, '\n', l->n - l->at);
		size_t len = lf != NULL ? (size_t)(lf - p) : l->n - l->at;

		if (lf == NULL && !l->eof)
			break;
		l->top = false;
		l->at += len + (lf != NULL);
		if (lf != NULL && len > 0 && p[len - 1] == '\r')
			len--;
		if (len > 0) {
			l->rows[n] = (struct vf_row){ .base = l->block, .start = (uint32_t)(p - l->block),
				.len = (uint32_t)len, .size = len, .lineno = l->lineno, .lines = 1,
				.file = (uint16_t)l->cur };
			l->rows[n].reject = judge(l, vf_slice(p, len), l->values + (size_t)n * (size_t)l->nnames);
			n++;
		}
		l->lineno++;
	}
	l->looked = l->at;
	return n;
}

int
vf_lines_batch(struct vf_lines *l, const struct vf_row **rows, struct vf_error *err)
{
	int n;

	*rows = l->rows;
	while ((n = settle(l, err)) == 0)
		if (read_more(l, err) < 0)
			return -1;
	if (n < 0 || l->cur == l->nops)
		return n < 0 ? -1 : 0;
	if (l->skipped) {
		l->skipped = l->top = false;
		l->rows[0] = (struct vf_row){ .base = l->longline.p, .len = (uint32_t)l->longline.n,
			.size = l->skip_size, .lineno = l->lineno++, .lines = 1, .file = (uint16_t)l->cur,
			.reject = VF_REJECT_TOO_LONG };
		n = 1;
	} else {
		n = make_rows(l);
	}
	l->records += (uint64_t)n;
	return n;
}

const struct vf_json_value *
vf_lines_members(const struct vf_lines *l, const struct vf_row *row)
{
	return l->values + (size_t)(row - l->rows) * (size_t)l->nnames;
}

uint64_t
vf_lines_records(const struct vf_lines *l)
{
	return l->records;
}

uint64_t
vf_lines_bytes(const struct vf_lines *l)
{
	return l->bytes;
}

uint64_t
vf_lines_size(const struct vf_lines *l)
{
	return l->size;
}

int
vf_lines_files(const struct vf_lines *l)
{
	return l->nops;
}

const char *
vf_lines_name(const struct vf_lines *l, int file)
{
	return l->ops[file].name;
}

struct vf_lines_out {
	struct vf_file *file;
	uint64_t written;
};

struct vf_lines_out *
vf_lines_create(const char *path, unsigned flags, struct vf_error *err)
{
	struct vf_lines_out *out = calloc(1, sizeof *out);

	if (out == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	out->file = vf_file_create(path, flags, err);
	if (out->file == NULL) {
		free(out);
		return NULL;
	}
	return out;
}

int
vf_lines_put(struct vf_lines_out *out, struct vf_slice text, struct vf_error *err)
{
	if (vf_file_write(out->file, text.p, text.n, err) < 0 || vf_file_write(out->file, "\n", 1, err) < 0)
		return -1;
	out->written++;
	return 0;
}

int
vf_lines_flush(struct vf_lines_out *out, struct vf_error *err)
{
	return vf_file_flush(out->file, err);
}

uint64_t
vf_lines_written(const struct vf_lines_out *out)
{
	return out->written;
}

int
vf_lines_commit(struct vf_lines_out *out, struct vf_error *err)
{
	return vf_file_commit(out->file, err);
}

void
vf_lines_out_free(struct vf_lines_out *out)
{
	if (out == NULL)
		return;
	vf_file_free(out->file);
	free(out);
}
