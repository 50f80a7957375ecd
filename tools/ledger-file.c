/* ledger-file.c -- a code ledger on disk: locked, read, shown, added to. */
#include "ledger-file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define BLOCK ((size_t)1 << 20)
#define WINDOW ((size_t)64 << 10)	/* read again when lines are asked for in file order */
#define SLACK 7				/* a seventh more room makes look-ups twice as fast: 44 bytes a line in all */

struct vf_ledger_file {
	struct vf_log *log;
	struct vf_ledger *state;
	struct vf_buf scratch;
	bool dirty;			/* lines were added since the last sync */

	/* A piece of the file as it is on disk, to show lines. */
	char window[WINDOW];
	uint64_t at;
	size_t n;
};

static int
load(struct vf_run *run, struct vf_ledger_file *f, char *block)
{
	const int fd = vf_log_fd(f->log);
	const char *path = vf_log_path(f->log);
	size_t n = 0, used;
	ssize_t r;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return vf_error_errno(&run->err, path);
	while ((r = vf_file_read(fd, block + n, BLOCK - n, path, &run->err)) > 0) {
		n += (size_t)r;
		if (vf_ledger_load(f->state, vf_slice(block, n), &used, &run->err) < 0)
			return -1;
		n -= used;
		memmove(block, block + used, n);
		if (vf_stopping())
			return vf_stopped(run);
	}
	if (r == 0 && n > 0)
		return vf_error(&run->err, VF_ERR_FAILED, "%s: changed while it was locked", path);
	return (int)r;
}

/* How many lines there are, by the length of the first ones. */
static uint64_t
count_lines(const struct vf_ledger_file *f, char *block)
{
	ssize_t n = pread(vf_log_fd(f->log), block, BLOCK, 0);
	uint64_t lines = 0;
	struct stat st;

	for (ssize_t i = 0; i < n; i++)
		lines += block[i] == '\n';
	if (lines == 0 || fstat(vf_log_fd(f->log), &st) < 0)
		return 0;
	return (uint64_t)((double)st.st_size / (double)n * (double)lines);
}

static int
open_file(struct vf_run *run, struct vf_ledger_file *f, const char *path, struct vf_slice campaign, uint64_t wait_ms,
	uint64_t more)
{
	uint64_t cut = 0, lines;
	char *block;
	int rc;

	f->log = vf_log_owned(path, VF_LEDGER_HEADER, wait_ms, &cut, &run->err);
	if (f->log == NULL)
		return -1;
	if (cut > 0)
		vf_warn(run, "%s: a torn last line of %" PRIu64 " bytes was cut off", path, cut);
	block = malloc(BLOCK);
	if (block == NULL)
		return vf_error_nomem(&run->err);
	lines = count_lines(f, block) + more;
	f->state = vf_ledger_new(path, campaign, lines + lines / SLACK, &run->err);
	rc = f->state != NULL ? load(run, f, block) : -1;
	free(block);
	return rc;
}

struct vf_ledger_file *
vf_ledger_file_open(struct vf_run *run, const char *path, struct vf_slice campaign, uint64_t wait_ms, uint64_t more)
{
	struct vf_ledger_file *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		vf_error_nomem(&run->err);
		return NULL;
	}
	if (open_file(run, f, path, campaign, wait_ms, more) == 0)
		return f;
	vf_ledger_file_free(f);
	return NULL;
}

void
vf_ledger_file_free(struct vf_ledger_file *f)
{
	if (f == NULL)
		return;
	vf_ledger_free(f->state);
	vf_buf_free(&f->scratch);
	vf_log_free(f->log);
	free(f);
}

struct vf_ledger *
vf_ledger_file_state(struct vf_ledger_file *f)
{
	return f->state;
}

/* The end of the window's line at `offset`, or NULL when it is not all there. */
static const char *
window_line(const struct vf_ledger_file *f, uint64_t offset)
{
	size_t skip = (size_t)(offset - f->at);

	if (offset < f->at || offset >= f->at + f->n)
		return NULL;
	return memchr(f->window + skip, '\n', f->n - skip);
}

int
vf_ledger_file_line(struct vf_ledger_file *f, uint64_t offset, struct vf_slice fan, struct vf_ledger_line *line,
	struct vf_error *err)
{
	const char *end = window_line(f, offset), *start;

	if (end == NULL) {
		/* Lines asked for in file order are worth a large read, others are not. */
		bool near = offset >= f->at && offset - f->at <= 2 * WINDOW;
		ssize_t r = pread(vf_log_fd(f->log), f->window, near ? WINDOW : VF_LEDGER_LINE_MAX + 1, (off_t)offset);

		if (r < 0)
			return vf_error_errno(err, vf_log_path(f->log));
		f->at = offset;
		f->n = (size_t)r;
		end = window_line(f, offset);
	}
	start = f->window + (offset - f->at);
	if (end == NULL || vf_ledger_parse(vf_slice(start, (size_t)(end - start)), line, &f->scratch) != NULL ||
		!vf_slice_eq(line->fan, fan))
		return vf_error(err, VF_ERR_FAILED, "%s: changed while it was locked", vf_log_path(f->log));
	return 0;
}

int
vf_ledger_file_add(struct vf_ledger_file *f, struct vf_slice line, struct vf_error *err)
{
	f->dirty = true;
	return vf_log_line(f->log, vf_slice(line.p, line.n - 1), err);
}

int
vf_ledger_file_flush(struct vf_ledger_file *f, struct vf_error *err)
{
	return vf_log_flush(f->log, err);
}

int
vf_ledger_file_sync(struct vf_ledger_file *f, struct vf_error *err)
{
	if (f->dirty && vf_log_sync(f->log, err) < 0)
		return -1;
	f->dirty = false;
	return 0;
}
