/*
 * base/log.h -- append files of whole lines that several processes may share:
 * stats, rejects, ledger, journal (DESIGN 2).
 *
 * Shared logs (stats, rejects) take the lock for each write.  Owned logs
 * (ledger, journal) take it at open and keep it until vf_log_free().
 */
#ifndef VF_BASE_LOG_H
#define VF_BASE_LOG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct vf_log;

/*
 * header, when not NULL, is written under the lock when the file's size is 0.
 * Lines are collected and written by whole lines; a file that is not regular
 * (/dev/null, /dev/stderr) is written to without locks or headers' checks.
 * Created 0600.
 */
struct vf_log *vf_log_shared(const char *path, const char *header, struct vf_error *);

/*
 * Waits at most wait_ms for the lock (then VF_ERR_TEMPORARY); after locking the
 * path is compared with the open inode and reopened when it was replaced.  A
 * last line without LF was never acknowledged: it is cut off; *cut tells how
 * many bytes went.  After this call vf_log_fd() may be read from offset 0.
 */
struct vf_log *vf_log_owned(const char *path, const char *header, uint64_t wait_ms, uint64_t *cut,
	struct vf_error *);
int vf_log_fd(const struct vf_log *);
const char *vf_log_path(const struct vf_log *);

/* Adds one line; line has no LF. Written at the latest by vf_log_flush(). */
int vf_log_line(struct vf_log *, struct vf_slice line, struct vf_error *);
int vf_log_flush(struct vf_log *, struct vf_error *);
/* Flush, then fdatasync: when it returns 0 every line so far is on disk. */
int vf_log_sync(struct vf_log *, struct vf_error *);
/* The second half of it: it may run in another thread while lines are added and flushed here. */
int vf_log_sync_flushed(struct vf_log *, struct vf_error *);
/* Flushes and closes; returns -1 when that failed. */
int vf_log_close(struct vf_log *, struct vf_error *);
void vf_log_free(struct vf_log *);	/* lines not flushed are lost */

#endif
