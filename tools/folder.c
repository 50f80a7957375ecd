/* folder.c -- an output folder that appears whole or not at all. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX ".vf-wave."
#define HOST_MAX 64

struct vf_folder {
	char *path;			/* of the target, links resolved */
	char *parent, *temp, *away;	/* away: where the old one goes when it cannot be exchanged */
	const char *const *names;
	bool there;			/* the target is, and may be replaced */
	int lock;			/* the temporary folder, open and locked */
	bool done;
};

/* `.vf-wave.HOST.`: a name of this host that is safe in a path. */
static void
temp_prefix(char out[sizeof(PREFIX) + HOST_MAX + 1])
{
	char host[HOST_MAX] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		strcpy(host, "localhost");
	for (char *p = host; *p != '\0'; p++)
		if (*p == '/' || *p == '.' || (unsigned char)*p <= ' ')
			*p = '_';
	snprintf(out, sizeof(PREFIX) + HOST_MAX + 1, "%s%s.", PREFIX, host);
}

/* A folder and the files in it; what is no file stops it, and stays. */
static void
remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	(void)rmdir(path);
}

/* Whether the run that made this temporary folder is gone: no such process here, and nobody holds the lock. */
static bool
abandoned(const char *path, const char *pid)
{
	char *end;
	long n = strtol(pid, &end, 10);
	bool free_lock;
	int fd;

	if (n <= 0 || (*end != '\0' && strcmp(end, ".old") != 0))
		return false;
	if (n != getpid() && (kill((pid_t)n, 0) == 0 || errno != ESRCH))
		return false;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	free_lock = fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK);
	if (fd >= 0)
		close(fd);
	return free_lock;
}

static void
remove_abandoned(const char *parent)
{
	char prefix[sizeof(PREFIX) + HOST_MAX + 1], *path;
	DIR *dir = opendir(parent);
	struct dirent *e;
	size_t n;

	temp_prefix(prefix);
	n = strlen(prefix);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, prefix, n) != 0 || asprintf(&path, "%s/%s", parent, e->d_name) < 0)
			continue;
		if (abandoned(path, e->d_name + n))
			remove_folder(path);
		free(path);
	}
	if (dir != NULL)
		closedir(dir);
}

static bool
listed(const char *const *names, const char *name)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

/* The folder that is there may go: nothing in it that we did not make. */
static int
check_old(const struct vf_folder *f, enum vf_error_kind kind, struct vf_error *err)
{
	DIR *dir = opendir(f->path);
	struct dirent *e;
	int rc = 0;

	if (dir == NULL)
		return vf_error_errno(err, f->path);
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		struct stat st;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (!listed(f->names, e->d_name) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			rc = vf_error(err, kind, "%s: not replaced: it holds %s, which was not made here", f->path,
				e->d_name);
	}
	closedir(dir);
	return rc;
}

/* path with the links of what exists resolved; and its parent. */
static int
set_paths(struct vf_folder *f, const char *path, struct vf_error *err)
{
	char *copy = strdup(path), *slash;
	size_t n = strlen(path);
	struct stat st;

	if (copy == NULL)
		return vf_error_nomem(err);
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (lstat(copy, &st) == 0) {
		f->there = true;
		f->path = realpath(copy, NULL);
	} else {
		slash = strrchr(copy, '/');
		if (slash != NULL)
			*slash = '\0';
		f->parent = realpath(slash == NULL ? "." : slash == copy ? "/" : copy, NULL);
		if (f->parent != NULL && asprintf(&f->path, "%s%s%s", f->parent, f->parent[1] != '\0' ? "/" : "",
			slash != NULL ? slash + 1 : copy) < 0)
			f->path = NULL;
	}
	free(copy);
	if (f->path == NULL)
		return vf_error_errno(err, path);
	if (f->parent == NULL && (f->parent = strdup(f->path)) != NULL) {
		slash = strrchr(f->parent, '/');
		slash[slash == f->parent] = '\0';
	}
	return f->parent == NULL ? vf_error_nomem(err) : 0;
}

static int
check_target(const struct vf_folder *f, bool replace, struct vf_error *err)
{
	struct stat st;

	if (!f->there)
		return 0;
	if (stat(f->path, &st) < 0)
		return vf_error_errno(err, f->path);
	if (!S_ISDIR(st.st_mode))
		return vf_error(err, VF_ERR_CONFIG, "%s: is there, and no folder", f->path);
	if (!replace)
		return vf_error(err, VF_ERR_CONFIG, "%s: is there already (--replace replaces it)", f->path);
	return check_old(f, VF_ERR_CONFIG, err);
}

static int
make_temp(struct vf_folder *f, struct vf_error *err)
{
	char prefix[sizeof(PREFIX) + HOST_MAX + 1];

	temp_prefix(prefix);
	if (asprintf(&f->temp, "%s/%s%ld", f->parent, prefix, (long)getpid()) < 0) {
		f->temp = NULL;
		return vf_error_nomem(err);
	}
	if (asprintf(&f->away, "%s.old", f->temp) < 0) {
		f->away = NULL;
		free(f->temp);
		f->temp = NULL;
		return vf_error_nomem(err);
	}
	remove_abandoned(f->parent);
	if (mkdir(f->temp, 0700) < 0) {
		vf_error_errno(err, f->temp);
		free(f->temp);
		f->temp = NULL;
		return -1;
	}
	f->lock = open(f->temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->lock < 0)
		return vf_error_errno(err, f->temp);
	(void)flock(f->lock, LOCK_EX | LOCK_NB);	/* a file system that has no locks: the process id decides alone */
	return 0;
}

struct vf_folder *
vf_folder_create(const char *path, const char *const *names, bool replace, struct vf_error *err)
{
	struct vf_folder *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	f->lock = -1;
	f->names = names;
	if (set_paths(f, path, err) == 0 && check_target(f, replace, err) == 0 && make_temp(f, err) == 0)
		return f;
	vf_folder_free(f);
	return NULL;
}

const char *
vf_folder_temp(const struct vf_folder *f)
{
	return f->temp;
}

static bool
no_such_rename(void)
{
	return errno == EINVAL || errno == ENOSYS || errno == ENOTSUP;
}

/* Where nothing is. */
static int
move_in(const struct vf_folder *f, struct vf_error *err)
{
	struct stat st;

	if (renameat2(AT_FDCWD, f->temp, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (no_such_rename() && lstat(f->path, &st) < 0 && errno == ENOENT && rename(f->temp, f->path) == 0)
		return 0;
	return vf_error_errno(err, f->path);
}

static int
exchange(const struct vf_folder *f, struct vf_error *err)
{
	if (check_old(f, VF_ERR_FAILED, err) < 0)
		return -1;
	if (renameat2(AT_FDCWD, f->temp, AT_FDCWD, f->path, RENAME_EXCHANGE) == 0) {
		remove_folder(f->temp);
		return 0;
	}
	if (!no_such_rename() || rename(f->path, f->away) < 0)
		return vf_error_errno(err, f->path);
	if (rename(f->temp, f->path) < 0) {
		vf_error_errno(err, f->path);
		(void)rename(f->away, f->path);
		return -1;
	}
	remove_folder(f->away);
	return 0;
}

static int
sync_folder(int fd, const char *path, struct vf_error *err)
{
	while (fsync(fd) < 0) {
		if (errno == EINVAL || errno == ENOTSUP || errno == EROFS)
			break;
		if (errno != EINTR)
			return vf_error_errno(err, path);
	}
	return 0;
}

int
vf_folder_commit(struct vf_folder *f, struct vf_error *err)
{
	int parent, rc;

	if (sync_folder(f->lock, f->temp, err) < 0)
		return -1;
	if ((f->there ? exchange(f, err) : move_in(f, err)) < 0)
		return -1;
	f->done = true;
	parent = open(f->parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = parent < 0 ? vf_error_errno(err, f->parent) : sync_folder(parent, f->parent, err);
	if (parent >= 0)
		close(parent);
	return rc;
}

void
vf_folder_free(struct vf_folder *f)
{
	if (f == NULL)
		return;
	if (f->temp != NULL && !f->done)
		remove_folder(f->temp);
	if (f->lock >= 0)
		close(f->lock);
	free(f->path);
	free(f->parent);
	free(f->temp);
	free(f->away);
	free(f);
}
