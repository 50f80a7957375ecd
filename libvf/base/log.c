/*
 * base/log.c -- append files of whole lines.
 *
 * A group of lines is one write(2) at the end of the file, under the lock.
 * What a full disk leaves of it is cut off again before the lock is given
 * back.  Only a writer that was killed in the middle of a write can leave a
 * torn last line: in a shared log the next writer ends it with an LF, so that
 * its own lines stand alone and a reader can name the torn one; an owned log
 * cuts it off at open.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define GROUP	((size_t)64 << 10)	/* collected lines that make a write worth while */

struct vf_log {
	char *path;
	char *header;		/* or NULL */
	int fd;
	bool regular;		/* and opened by its own name; else: no lock, no look at what is there */
	bool owned;		/* the lock is held from open to free */
	bool fresh;		/* not regular, and nothing is in it yet */
	atomic_bool failed;
	struct vf_buf lines;	/* whole lines not yet written */
};

/* errno as an error; a log is never standard output, so EPIPE is a plain failure. */
static int
fail(const struct vf_log *log, struct vf_error *err)
{
	vf_error_errno(err, log->path);
	err->kind = VF_ERR_FAILED;
	return -1;
}

static int
open_regular(struct vf_log *log, struct vf_error *err)
{
	do
		log->fd = open(log->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	while (log->fd < 0 && errno == EINTR && !vf_file_stopping());
	return log->fd < 0 ? fail(log, err) : 0;
}

/*
 * A device or a pipe, or one of our own descriptors (/dev/stdout): what it has
 * open may be a file, but others write there too, from its place on.
 */
static int
open_special(struct vf_log *log, struct vf_error *err)
{
	struct stat st;
	int rc = vf_file_open_special(log->path, &log->fd, err);

	if (rc > 0)
		log->fresh = fstat(log->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
			(fcntl(log->fd, F_GETFL) & O_APPEND) == 0;
	return rc;
}

static int
open_log(struct vf_log *log, struct vf_error *err)
{
	struct stat st;
	int rc;

	if (log->owned) {
		if (stat(log->path, &st) == 0 && !S_ISREG(st.st_mode))
			return vf_error(err, VF_ERR_CONFIG, "%s: not a regular file", log->path);
		rc = 0;
	} else if ((rc = open_special(log, err)) < 0) {
		return -1;
	}
	log->regular = rc == 0;
	return log->regular ? open_regular(log, err) : 0;
}

static struct vf_log *
new_log(const char *path, const char *header, bool owned, struct vf_error *err)
{
	struct vf_log *log = calloc(1, sizeof(*log));

	if (log != NULL) {
		log->fd = -1;
		log->owned = owned;
		log->path = strdup(path);
		log->header = header != NULL ? strdup(header) : NULL;
	}
	if (log == NULL || log->path == NULL || (header != NULL && log->header == NULL)) {
		vf_error_nomem(err);
		vf_log_free(log);
		return NULL;
	}
	return log;
}

struct vf_log *
vf_log_shared(const char *path, const char *header, struct vf_error *err)
{
	struct vf_log *log = new_log(path, header, false, err);

	if (log != NULL && open_log(log, err) < 0) {
		vf_log_free(log);
		return NULL;
	}
	return log;
}

/* Offset after the last LF; 0 when there is none. */
static int
after_last_line(const struct vf_log *log, off_t size, off_t *end, struct vf_error *err)
{
	char block[8192];

	for (*end = size; *end > 0;) {
		size_t n = *end < (off_t)sizeof(block) ? (size_t)*end : sizeof(block);
		ssize_t r = pread(log->fd, block, n, *end - (off_t)n);
		const char *lf;

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return fail(log, err);
		if ((size_t)r < n)
			return vf_error(err, VF_ERR_FAILED, "%s: shrank while it was read", log->path);
		lf = memrchr(block, '\n', n);
		*end -= (off_t)n;
		if (lf != NULL) {
			*end += lf - block + 1;
			break;
		}
	}
	return 0;
}

/* One group at the end of a regular file whose lock is held: all of it, or nothing. */
static int
append(const struct vf_log *log, off_t size, const struct vf_buf *group, struct vf_error *err)
{
	size_t done = 0;
	int cause;

	while (done < group->n) {
		ssize_t w = write(log->fd, group->p + done, group->n - done);

		if (w < 0 && errno != EINTR)
			break;
		if (w > 0)
			done += (size_t)w;
	}
	if (done == group->n)
		return 0;
	cause = errno;
	if (done > 0 && ftruncate(log->fd, size) < 0) {
		/* A torn line stays; whoever comes next deals with it as said above. */
	}
	errno = cause;
	return fail(log, err);
}

/* What has to stand before our lines: the header of an empty file, the LF a killed writer owes. */
static int
lead_in(const struct vf_log *log, off_t size, struct vf_buf *group, struct vf_error *err)
{
	char last = '\n';

	if (size == 0 && log->header != NULL)
		vf_buf_addf(group, "%s\n", log->header);
	else if (size > 0 && pread(log->fd, &last, 1, size - 1) < 0)
		return fail(log, err);
	if (last != '\n')
		vf_buf_add_char(group, '\n');
	vf_buf_add_slice(group, vf_buf_slice(&log->lines));
	return group->failed ? vf_error_nomem(err) : 0;
}

static int
append_shared(const struct vf_log *log, struct vf_error *err)
{
	struct vf_buf group = { 0 };
	struct stat st;
	int rc;

	if (vf_file_lock(log->fd, log->path, UINT64_MAX, err) < 0)
		return -1;
	if (fstat(log->fd, &st) < 0)
		rc = fail(log, err);
	else
		rc = lead_in(log, st.st_size, &group, err);
	if (rc == 0)
		rc = append(log, st.st_size, &group, err);
	flock(log->fd, LOCK_UN);
	vf_buf_free(&group);
	return rc;
}

static int
append_owned(const struct vf_log *log, struct vf_error *err)
{
	struct stat st;

	if (fstat(log->fd, &st) < 0)
		return fail(log, err);
	return append(log, st.st_size, &log->lines, err);
}

static int
write_special(struct vf_log *log, struct vf_error *err)
{
	struct vf_buf group = { 0 };
	int rc;

	if (log->fresh && log->header != NULL)
		vf_buf_addf(&group, "%s\n", log->header);
	vf_buf_add_slice(&group, vf_buf_slice(&log->lines));
	rc = group.failed ? vf_error_nomem(err) : vf_file_write_all(log->fd, group.p, group.n, log->path, err);
	log->fresh = false;
	vf_buf_free(&group);
	return rc;
}

int
vf_log_flush(struct vf_log *log, struct vf_error *err)
{
	int rc;

	if (log->failed)
		return vf_error(err, VF_ERR_FAILED, "%s: an earlier write failed", log->path);
	if (log->lines.n == 0)
		return 0;
	rc = !log->regular ? write_special(log, err) : log->owned ? append_owned(log, err) : append_shared(log, err);
	if (rc < 0)
		log->failed = true;
	vf_buf_clear(&log->lines);
	return rc;
}

int
vf_log_line(struct vf_log *log, struct vf_slice line, struct vf_error *err)
{
	if (log->lines.n > 0 && log->lines.n + line.n + 1 > GROUP && vf_log_flush(log, err) < 0)
		return -1;
	if (vf_buf_reserve(&log->lines, line.n + 1) < 0)
		return vf_error_nomem(err);
	vf_buf_add_slice(&log->lines, line);
	vf_buf_add_char(&log->lines, '\n');
	return 0;
}

int
vf_log_sync_flushed(struct vf_log *log, struct vf_error *err)
{
	while (log->regular && fdatasync(log->fd) < 0)
		if (errno != EINTR) {
			log->failed = true;
			return fail(log, err);
		}
	return 0;
}

int
vf_log_sync(struct vf_log *log, struct vf_error *err)
{
	return vf_log_flush(log, err) < 0 ? -1 : vf_log_sync_flushed(log, err);
}

int
vf_log_close(struct vf_log *log, struct vf_error *err)
{
	int fd = log->fd, rc;

	if (fd < 0)
		return 0;
	rc = vf_log_flush(log, err);
	log->fd = -1;
	if (close(fd) < 0 && errno != EINTR && rc == 0)
		rc = fail(log, err);
	return rc;
}

void
vf_log_free(struct vf_log *log)
{
	if (log == NULL)
		return;
	if (log->fd >= 0)
		close(log->fd);
	vf_buf_free(&log->lines);
	free(log->header);
	free(log->path);
	free(log);
}

int
vf_log_fd(const struct vf_log *log)
{
	return log->fd;
}

const char *
vf_log_path(const struct vf_log *log)
{
	return log->path;
}

/* True when the path still names the file that is open. */
static bool
still_there(const struct vf_log *log, const struct stat *open_st)
{
	struct stat st;

	return stat(log->path, &st) == 0 && st.st_dev == open_st->st_dev && st.st_ino == open_st->st_ino;
}

/* The lock of the file that the path names once the lock is held. */
static int
own(struct vf_log *log, uint64_t wait_ms, struct stat *st, struct vf_error *err)
{
	for (int i = 0; i < 100; i++) {
		if (open_log(log, err) < 0 || vf_file_lock(log->fd, log->path, wait_ms, err) < 0)
			return -1;
		if (fstat(log->fd, st) < 0)
			return fail(log, err);
		if (still_there(log, st))
			return 0;
		close(log->fd);
		log->fd = -1;
	}
	return vf_error(err, VF_ERR_TEMPORARY, "%s: replaced again and again", log->path);
}

/* Cuts the torn tail; an empty file gets its header, and its name and header are put on disk. */
static int
repair(struct vf_log *log, off_t size, uint64_t *cut, struct vf_error *err)
{
	off_t end;

	if (after_last_line(log, size, &end, err) < 0)
		return -1;
	if (end < size && ftruncate(log->fd, end) < 0)
		return fail(log, err);
	if (cut != NULL)
		*cut = (uint64_t)(size - end);
	if (end > 0)
		return end < size ? vf_log_sync(log, err) : 0;
	if (log->header != NULL && vf_log_line(log, vf_slice_str(log->header), err) < 0)
		return -1;
	if (vf_log_sync(log, err) < 0)
		return -1;
	return vf_file_sync_folder(log->path, err);
}

struct vf_log *
vf_log_owned(const char *path, const char *header, uint64_t wait_ms, uint64_t *cut, struct vf_error *err)
{
	struct vf_log *log = new_log(path, header, true, err);
	struct stat st;

	if (log == NULL)
		return NULL;
	if (own(log, wait_ms, &st, err) < 0 || repair(log, st.st_size, cut, err) < 0) {
		vf_log_free(log);
		return NULL;
	}
	return log;
}
