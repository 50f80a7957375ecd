/*
 * tools/lists.h -- what a tool reads besides its records: list files and
 * files of ids to leave out, each put on record for the stats line
 * (`lists`: kind, file, version, digest, entries).
 *
 * What cannot be read is a fault of the command line (VF_ERR_CONFIG).
 */
#ifndef VF_TOOLS_LISTS_H
#define VF_TOOLS_LISTS_H

#include "base/buf.h"
#include "base/keyset.h"
#include "frame.h"

#define VF_LISTS_UNCOUNTED UINT64_MAX

struct vf_lists {
	struct vf_run *run;
	struct vf_buf text;		/* of the file that was read last */
	struct vf_buf json;
	char digest[VF_DIGEST_HEX + 1];	/* of that file */
};

/* The whole of a file, at most 1 GiB; it lives until the next call of this module. */
int vf_lists_read(struct vf_lists *, const char *path, struct vf_slice *text);

/* Puts the file that was read last on record. version may be empty, entries VF_LISTS_UNCOUNTED. */
int vf_lists_note(struct vf_lists *, const char *kind, const char *path, struct vf_slice version, uint64_t entries);

/*
 * The ids of ledgers, or of any CSV with globalUserId, as a new set; NULL on
 * failure.  A key whose value is 0 does not count: a line of codeType `void`
 * takes back what its file said of that fan before it, who may get another
 * code.  Memory: 20 to 30 bytes an id.
 */
struct vf_keyset *vf_lists_exclude(struct vf_lists *, const struct vf_list *paths);

/* Writes the record into the stats and frees what was read. */
void vf_lists_finish(struct vf_lists *);

#endif
