/*
 * tools/ledger-file.h -- a code ledger on disk: locked, read, shown, added to.
 *
 * The lock is held from open to free.  What a ledger says is libvf's
 * fan/ledger; here are the file and its bytes.
 */
#ifndef VF_TOOLS_LEDGER_FILE_H
#define VF_TOOLS_LEDGER_FILE_H

#include "fan/ledger.h"
#include "frame.h"

struct vf_ledger_file;

/* Whether a stream of records is a ledger: then a last line without LF was never acknowledged (vf_in_whole_lines()). */
static inline bool
vf_ledger_file_is(const struct vf_header *h)
{
	return vf_header_find(h, "codeType") >= 0 && vf_header_find(h, "assignedAt") >= 0;
}

/*
 * Made when it is not there.  Waits at most wait_ms for the lock
 * (VF_ERR_TEMPORARY); cuts a torn last line off, and says so; loads all lines.
 * more: how many may be added, to make room for.  Errors go into run->err.
 */
struct vf_ledger_file *vf_ledger_file_open(struct vf_run *, const char *path, struct vf_slice campaign, uint64_t wait_ms,
	uint64_t more);
void vf_ledger_file_free(struct vf_ledger_file *);	/* NULL is accepted */

struct vf_ledger *vf_ledger_file_state(struct vf_ledger_file *);

/* The line of this fan at an offset that vf_ledger_ask() told; valid until the next call. */
int vf_ledger_file_line(struct vf_ledger_file *, uint64_t offset, struct vf_slice fan, struct vf_ledger_line *,
	struct vf_error *);

/* Queues a line, LF included, that vf_ledger_give() was told of. */
int vf_ledger_file_add(struct vf_ledger_file *, struct vf_slice line, struct vf_error *);
/* The lines so far are in the file: vf_ledger_file_line() finds them. */
int vf_ledger_file_flush(struct vf_ledger_file *, struct vf_error *);
/* When it returns 0 all lines so far are on disk. Nothing happens when they are. */
int vf_ledger_file_sync(struct vf_ledger_file *, struct vf_error *);

#endif
