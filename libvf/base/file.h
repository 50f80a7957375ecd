/*
 * base/file.h -- whole-or-nothing output files, spools, small whole files.
 */
#ifndef VF_BASE_FILE_H
#define VF_BASE_FILE_H

#include <signal.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"

/*
 * An output that appears whole or not at all (DESIGN 3, -o): bytes go to a
 * temporary file in the target's folder; vf_file_commit() flushes, fsyncs and
 * renames it over the target (and fsyncs the folder).  A symbolic link is
 * resolved first.  A target that is there and no regular file (/dev/null, a
 * FIFO, /dev/fd/N) is opened and written in place.  path NULL or "-" is
 * standard output: written in place, closed and checked at commit.
 */
struct vf_file;

enum {
	VF_FILE_PRIVATE = 1,		/* created 0600: codes, phones or addresses inside */
};

struct vf_file *vf_file_create(const char *path, unsigned flags, struct vf_error *);
/* Collected into blocks of 64 KiB and more; short writes and EINTR are dealt with.
 * When *stop (see vf_file_stop_on) is set and a write is interrupted: VF_ERR_STOPPED. */
int vf_file_write(struct vf_file *, const void *, size_t, struct vf_error *);
int vf_file_flush(struct vf_file *, struct vf_error *);
/* All bytes are with the file system and a temporary file is closed, its buffer freed; only commit or free may follow. */
int vf_file_settle(struct vf_file *, struct vf_error *);
int vf_file_commit(struct vf_file *, struct vf_error *);
/* Not committed: the temporary file goes. NULL is accepted. */
void vf_file_free(struct vf_file *);

/* The flag that lets a blocked read or write be given up; one for the process, set once by the frame. */
void vf_file_stop_on(const volatile sig_atomic_t *stop);
bool vf_file_stopping(void);

/* Reads a whole file of at most max bytes into buf (cleared first). */
int vf_file_slurp(const char *path, size_t max, struct vf_buf *, struct vf_error *);

/* An unlinked temporary file in $TMPDIR given as dir (NULL: /tmp), mode 0600: its descriptor, or -1. */
int vf_file_spool(const char *dir, struct vf_error *);
/* The whole of fd from its current offset into a spool, rewound; returns the spool's descriptor. */
int vf_file_spool_from(int fd, const char *name, const char *dir, struct vf_error *);

/* Enlarges a pipe to 1 MiB; quietly nothing when fd is no pipe or it is refused. */
void vf_file_widen_pipe(int fd);

/* All of it, whatever the kernel takes at a time. `name` for the message. */
int vf_file_write_all(int fd, const void *, size_t, const char *name, struct vf_error *);
/*
 * A path that is there and no regular file, opened for writing in place:
 * 1 and *fd, or 0 when it is a regular file or absent, -1 on errors (a folder is one).
 * /dev/fd/N, /dev/stdout, /dev/stderr of this process are duplicated rather
 * than opened anew, whatever they are: so sockets and shared offsets work.
 */
int vf_file_open_special(const char *path, int *fd, struct vf_error *);

/*
 * Takes the exclusive lock of an open file, waiting at most wait_ms (looked at
 * every 50 ms; UINT64_MAX: until it is free), then VF_ERR_TEMPORARY.  This is
 * flock(2): it belongs to the open file, so two descriptors of one process
 * exclude each other and a child that inherits the descriptor keeps it; on NFS
 * (EFS) the kernel makes it a byte-range lock that all clients see.
 */
int vf_file_lock(int fd, const char *name, uint64_t wait_ms, struct vf_error *);

/* Fsyncs the folder that holds path, so that a name new in it stays. */
int vf_file_sync_folder(const char *path, struct vf_error *);

/* What a regular file was at a moment, to see whether it changed since; all zero for anything else. */
struct vf_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

/* Of an open file (name for the message), or of a path when fd is -1. */
int vf_file_stamp(int fd, const char *name, struct vf_stamp *, struct vf_error *);
bool vf_stamp_eq(const struct vf_stamp *, const struct vf_stamp *);

/* Up to n bytes: the count, 0 at the end, -1 with the error (VF_ERR_STOPPED after a signal). */
ssize_t vf_file_read(int fd, void *, size_t n, const char *name, struct vf_error *);

#endif
