/* base/file.c -- whole-or-nothing output files, spools, small whole files. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	((size_t)32 << 10)	/* larger ones get larger pages, which a host that takes free memory back has to find anew */
#define DIRECT	((size_t)64 << 10)	/* written as it is when nothing is waiting before it */
#define PIPE	(1 << 20)
#define LINKS	40		/* symbolic links followed, as the kernel does */
#define NAME_CUT 200		/* bytes of the target's name kept in the temporary name: NAME_MAX is 255 */
#define POLL_MS 50
#define PATIENCE 100		/* interruptions of a wait that a stop flag does not end at once */

struct vf_file {
	char *name;		/* for messages */
	char *target, *temp;	/* NULL when written in place */
	int fd;
	bool is_stdout;		/* a reader that went away is VF_ERR_PIPE, not a failure */
	bool failed, settled, done;
	size_t n;		/* bytes in block */
	char *block;
};

static const volatile sig_atomic_t *stop_flag;

void
vf_file_stop_on(const volatile sig_atomic_t *stop)
{
	stop_flag = stop;
}

bool
vf_file_stopping(void)
{
	return stop_flag != NULL && *stop_flag != 0;
}

static int
interrupted(struct vf_error *err, const char *name)
{
	return vf_error(err, VF_ERR_STOPPED, "%s: interrupted", name);
}

/* errno as an error.  A pipe other than standard output that lost its reader is a plain failure. */
static int
fail(struct vf_error *err, const char *name, bool is_stdout)
{
	vf_error_errno(err, name);
	if (err->kind == VF_ERR_PIPE && !is_stdout)
		err->kind = VF_ERR_FAILED;
	return -1;
}

static int
write_all(int fd, const char *p, size_t n, const char *name, bool is_stdout, struct vf_error *err)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno != EINTR)
			return fail(err, name, is_stdout);
		if (w > 0) {
			p += w;
			n -= (size_t)w;
		}
		/* EINTR, or a signal in the middle of a write that had begun. */
		if (n > 0 && vf_file_stopping())
			return interrupted(err, name);
	}
	return 0;
}

int
vf_file_write_all(int fd, const void *p, size_t n, const char *name, struct vf_error *err)
{
	return write_all(fd, p, n, name, fd == STDOUT_FILENO, err);
}

ssize_t
vf_file_read(int fd, void *p, size_t n, const char *name, struct vf_error *err)
{
	for (;;) {
		ssize_t r = read(fd, p, n);

		if (r >= 0)
			return r;
		if (errno != EINTR)
			return fail(err, name, false);
		if (vf_file_stopping())
			return interrupted(err, name);
	}
}

/* open(2) that is tried again after a signal which does not stop us (a FIFO waits for its reader here). */
static int
open_retry(const char *path, int flags, mode_t mode, const char *name, struct vf_error *err)
{
	for (;;) {
		int fd = open(path, flags | O_CLOEXEC, mode);

		if (fd >= 0)
			return fd;
		if (errno != EINTR)
			return fail(err, name, false);
		if (vf_file_stopping())
			return interrupted(err, name);
	}
}

/* N of a path that is written /dev/fd/N or one of its other names; -1 for all else. */
static int
own_fd(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };
	char mine[40];
	const char *digits = NULL;
	long n;
	char *end;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (strncmp(path, folders[i], strlen(folders[i])) == 0)
			digits = path + strlen(folders[i]);
	snprintf(mine, sizeof(mine), "/proc/%ld/fd/", (long)getpid());
	if (strncmp(path, mine, strlen(mine)) == 0)
		digits = path + strlen(mine);
	if (digits == NULL || digits[0] < '0' || digits[0] > '9')
		return -1;
	errno = 0;
	n = strtol(digits, &end, 10);
	return *end == '\0' && errno == 0 && n <= INT_MAX ? (int)n : -1;
}

/* What one symbolic link at path says, as a path of its own; NULL with errno. */
static char *
link_step(const char *path)
{
	char text[PATH_MAX];
	ssize_t n = readlink(path, text, sizeof(text) - 1);
	const char *slash = strrchr(path, '/');
	char *to;

	if (n < 0)
		return NULL;
	text[n] = '\0';
	if (text[0] == '/' || slash == NULL)
		return strdup(text);
	if (asprintf(&to, "%.*s%s", (int)(slash - path + 1), path, text) < 0)
		return NULL;
	return to;
}

/*
 * The path behind all symbolic links at its end; what a dangling link names is
 * the answer.  Stops early at /dev/fd/N: the kernel's link there is no path.
 */
static char *
resolve(const char *path, struct vf_error *err)
{
	char *at = strdup(path), *to;
	struct stat st;

	for (int i = 0; at != NULL; i++) {
		if (own_fd(at) >= 0 || lstat(at, &st) < 0 || !S_ISLNK(st.st_mode))
			return at;
		to = i < LINKS ? link_step(at) : (errno = ELOOP, NULL);
		if (to == NULL)
			fail(err, path, false);
		free(at);
		at = to;
		if (to == NULL)
			return NULL;
	}
	vf_error_nomem(err);
	return NULL;
}

/* As vf_file_open_special(), with the path behind the links given too. */
static int
open_special(const char *path, const char *resolved, int *fd, struct vf_error *err)
{
	struct stat st;
	int n = own_fd(resolved);

	if (n >= 0) {
		*fd = fcntl(n, F_DUPFD_CLOEXEC, 3);
		return *fd < 0 ? fail(err, path, false) : 1;
	}
	if (stat(resolved, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return fail(err, path, false);
	}
	if (S_ISREG(st.st_mode))
		return 0;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return fail(err, path, false);
	}
	*fd = open_retry(resolved, O_WRONLY | O_NOCTTY, 0, path, err);
	return *fd < 0 ? -1 : 1;
}

int
vf_file_open_special(const char *path, int *fd, struct vf_error *err)
{
	char *resolved = resolve(path, err);
	int rc;

	if (resolved == NULL)
		return -1;
	rc = open_special(path, resolved, fd, err);
	free(resolved);
	return rc;
}

/* Six letters that nobody can foresee; a poor source only costs a second try, O_EXCL guards. */
static void
random_suffix(char *p)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	unsigned char r[6];

	if (getrandom(r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r)) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		for (size_t i = 0; i < sizeof(r); i++)
			r[i] = (unsigned char)(((unsigned long)t.tv_nsec >> (4 * i)) ^ (unsigned long)getpid());
	}
	for (size_t i = 0; i < sizeof(r); i++)
		p[i] = letters[r[i] & 63];
}

/*
 * Opens `.NAME.XXXXXX` beside f->target.  The kernel applies the umask (and a
 * folder's default ACL) to 0666, so that it need not be asked for.
 */
static int
open_temp(struct vf_file *f, unsigned flags, struct vf_error *err)
{
	const char *slash = strrchr(f->target, '/');
	const char *base = slash != NULL ? slash + 1 : f->target;
	int folder = (int)(base - f->target);
	mode_t mode = (flags & VF_FILE_PRIVATE) != 0 ? 0600 : 0666;

	if (*base == '\0') {
		errno = *f->target == '\0' ? ENOENT : EISDIR;
		return fail(err, f->name, false);
	}
	if (strlen(base) > NAME_MAX) {
		errno = ENAMETOOLONG;
		return fail(err, f->name, false);
	}
	if (asprintf(&f->temp, "%.*s.%.*s.XXXXXX", folder, f->target, NAME_CUT, base) < 0) {
		f->temp = NULL;
		return vf_error_nomem(err);
	}
	for (int i = 0; i < 100; i++) {
		random_suffix(f->temp + strlen(f->temp) - 6);
		f->fd = open(f->temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST && errno != EINTR)
			break;
	}
	fail(err, f->name, false);
	free(f->temp);
	f->temp = NULL;
	return -1;
}

static int
open_target(struct vf_file *f, unsigned flags, struct vf_error *err)
{
	int rc;

	f->target = resolve(f->name, err);
	if (f->target == NULL)
		return -1;
	rc = open_special(f->name, f->target, &f->fd, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return open_temp(f, flags, err);
	f->is_stdout = own_fd(f->target) == STDOUT_FILENO;
	free(f->target);
	f->target = NULL;
	return 0;
}

struct vf_file *
vf_file_create(const char *path, unsigned flags, struct vf_error *err)
{
	struct vf_file *f = calloc(1, sizeof(*f));
	bool out = path == NULL || strcmp(path, "-") == 0;

	if (f != NULL) {
		f->fd = -1;
		f->block = malloc(BLOCK);
		f->name = strdup(out ? "stdout" : path);
	}
	if (f == NULL || f->block == NULL || f->name == NULL) {
		vf_error_nomem(err);
		vf_file_free(f);
		return NULL;
	}
	if (out) {
		f->fd = STDOUT_FILENO;
		f->is_stdout = true;
	} else if (open_target(f, flags, err) < 0) {
		vf_file_free(f);
		return NULL;
	}
	return f;
}

static int
put(struct vf_file *f, const char *p, size_t n, struct vf_error *err)
{
	if (f->failed)
		return vf_error(err, VF_ERR_FAILED, "%s: an earlier write failed", f->name);
	if (write_all(f->fd, p, n, f->name, f->is_stdout, err) < 0) {
		f->failed = true;
		return -1;
	}
	return 0;
}

int
vf_file_flush(struct vf_file *f, struct vf_error *err)
{
	size_t n = f->n;

	f->n = 0;
	return put(f, f->block, n, err);
}

int
vf_file_write(struct vf_file *f, const void *data, size_t n, struct vf_error *err)
{
	const char *p = data;
	size_t room = BLOCK - f->n;

	if (f->n == 0 && n >= DIRECT)
		return put(f, p, n, err);
	if (n < room) {
		if (n > 0)
			memcpy(f->block + f->n, p, n);
		f->n += n;
		return 0;
	}
	if (f->n > 0) {		/* fill up, so that whole blocks are written */
		memcpy(f->block + f->n, p, room);
		f->n = BLOCK;
		if (vf_file_flush(f, err) < 0)
			return -1;
		p += room;
		n -= room;
	}
	if (n >= BLOCK) {
		if (put(f, p, n - n % BLOCK, err) < 0)
			return -1;
		p += n - n % BLOCK;
		n %= BLOCK;
	}
	if (n > 0)
		memcpy(f->block, p, n);
	f->n = n;
	return 0;
}

/* Some file systems cannot sync what they have nothing to sync for. */
static int
sync_fd(int fd, const char *name, struct vf_error *err)
{
	while (fsync(fd) < 0) {
		if (errno == EINVAL || errno == ENOTSUP || errno == EROFS)
			return 0;
		if (errno != EINTR)
			return fail(err, name, false);
	}
	return 0;
}

int
vf_file_sync_folder(const char *path, struct vf_error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path + 1));
	int fd, rc;

	if (folder == NULL)
		return vf_error_nomem(err);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A folder that may be written but not read cannot be synced: the file itself is. */
	rc = fd >= 0 ? sync_fd(fd, folder, err) : errno == EACCES ? 0 : fail(err, folder, false);
	if (fd >= 0)
		close(fd);
	free(folder);
	return rc;
}

/* Closes once; an error of close(2) is a write that failed (NFS, quotas), EINTR is none on Linux. */
static int
close_checked(struct vf_file *f, struct vf_error *err)
{
	int fd = f->fd;

	f->fd = -1;
	if (close(fd) < 0 && errno != EINTR)
		return fail(err, f->name, f->is_stdout);
	return 0;
}

static int
settle(struct vf_file *f, struct vf_error *err)
{
	struct stat st;

	if (vf_file_flush(f, err) < 0)
		return -1;
	free(f->block);
	f->block = NULL;
	if (!f->is_stdout && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) && sync_fd(f->fd, f->name, err) < 0)
		return -1;
	return close_checked(f, err);
}

int
vf_file_settle(struct vf_file *f, struct vf_error *err)
{
	if (!f->settled) {
		f->settled = true;
		if (settle(f, err) == 0)
			return 0;
		f->failed = true;
		return -1;
	}
	return f->failed ? vf_error(err, VF_ERR_FAILED, "%s: an earlier write failed", f->name) : 0;
}

static int
commit(struct vf_file *f, struct vf_error *err)
{
	if (vf_file_settle(f, err) < 0)
		return -1;
	if (f->temp == NULL)
		return 0;
	if (rename(f->temp, f->target) < 0)
		return fail(err, f->name, false);
	free(f->temp);
	f->temp = NULL;
	return vf_file_sync_folder(f->target, err);
}

int
vf_file_commit(struct vf_file *f, struct vf_error *err)
{
	if (f->done)
		return 0;
	f->done = true;
	return commit(f, err);
}

void
vf_file_free(struct vf_file *f)
{
	if (f == NULL)
		return;
	if (f->temp != NULL)
		unlink(f->temp);
	if (f->fd >= 0 && f->fd != STDOUT_FILENO)
		close(f->fd);
	free(f->temp);
	free(f->target);
	free(f->name);
	free(f->block);
	free(f);
}

static int
slurp_fd(int fd, const char *path, size_t max, struct vf_buf *buf, struct vf_error *err)
{
	for (;;) {
		size_t want = max - buf->n < BLOCK ? max - buf->n + 1 : BLOCK;
		ssize_t r;

		if (vf_buf_reserve(buf, want) < 0)
			return vf_error_nomem(err);
		r = vf_file_read(fd, buf->p + buf->n, want, path, err);
		if (r <= 0)
			return (int)r;
		buf->n += (size_t)r;
		if (buf->n > max)
			return vf_error(err, VF_ERR_FAILED, "%s: larger than %zu bytes", path, max);
	}
}

int
vf_file_slurp(const char *path, size_t max, struct vf_buf *buf, struct vf_error *err)
{
	int fd, rc;

	vf_buf_clear(buf);
	fd = open_retry(path, O_RDONLY | O_NOCTTY, 0, path, err);
	if (fd < 0)
		return -1;
	rc = slurp_fd(fd, path, max, buf, err);
	close(fd);
	return rc;
}

int
vf_file_spool(const char *dir, struct vf_error *err)
{
	char *path;
	int fd;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Not every file system has O_TMPFILE. */
	if (asprintf(&path, "%s/vf-spool.XXXXXX", dir) < 0)
		return vf_error_nomem(err);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		fail(err, dir, false);
	else
		unlink(path);
	free(path);
	return fd;
}

static int
copy(int from, int to, const char *name, const char *dir, struct vf_error *err)
{
	char *block = malloc(BLOCK);
	ssize_t r;

	if (block == NULL)
		return vf_error_nomem(err);
	while ((r = vf_file_read(from, block, BLOCK, name, err)) > 0)
		if (write_all(to, block, (size_t)r, dir, false, err) < 0) {
			r = -1;
			break;
		}
	free(block);
	return r < 0 ? -1 : 0;
}

int
vf_file_spool_from(int fd, const char *name, const char *dir, struct vf_error *err)
{
	int to;

	if (dir == NULL || *dir == '\0')
		dir = "/tmp";
	to = vf_file_spool(dir, err);
	if (to < 0)
		return -1;
	if (copy(fd, to, name, dir, err) < 0) {
		close(to);
		return -1;
	}
	if (lseek(to, 0, SEEK_SET) < 0) {
		fail(err, dir, false);
		close(to);
		return -1;
	}
	return to;
}

void
vf_file_widen_pipe(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode) && fcntl(fd, F_GETPIPE_SZ) < PIPE)
		fcntl(fd, F_SETPIPE_SZ, PIPE);
}

int
vf_file_lock(int fd, const char *name, uint64_t wait_ms, struct vf_error *err)
{
	const struct timespec nap = { 0, POLL_MS * 1000000L };
	uint64_t waited = 0;
	int patience = PATIENCE;

	while (flock(fd, wait_ms == UINT64_MAX ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(err, name, false);
		/* Who waits without an end has a last line to write; its holders take milliseconds. */
		if (vf_file_stopping() && (wait_ms != UINT64_MAX || patience-- == 0))
			return interrupted(err, name);
		if (wait_ms == UINT64_MAX)
			continue;
		if (waited >= wait_ms)
			return vf_error(err, VF_ERR_TEMPORARY, "%s: locked by another process", name);
		nanosleep(&nap, NULL);
		waited += POLL_MS;
	}
	return 0;
}

int
vf_file_stamp(int fd, const char *name, struct vf_stamp *stamp, struct vf_error *err)
{
	struct stat st;

	if ((fd >= 0 ? fstat(fd, &st) : stat(name, &st)) < 0)
		return fail(err, name, false);
	*stamp = (struct vf_stamp){ 0 };
	if (S_ISREG(st.st_mode))
		*stamp = (struct vf_stamp){ st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
	return 0;
}

bool
vf_stamp_eq(const struct vf_stamp *a, const struct vf_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec
		&& a->mtime.tv_nsec == b->mtime.tv_nsec && a->ctime.tv_sec == b->ctime.tv_sec
		&& a->ctime.tv_nsec == b->ctime.tv_nsec;
}
