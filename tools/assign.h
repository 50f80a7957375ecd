/* tools/assign.h -- what the parts of vf-assign know about each other; no other tool includes it. */
#ifndef VF_TOOLS_ASSIGN_H
#define VF_TOOLS_ASSIGN_H

#include "fan/ledger.h"
#include "frame.h"

/* assign-codes.c: the new codes of --codes, one at a time. */
struct assign_codes;

/*
 * The files are read and judged to their ends before the first code is given:
 * a bad one is found while nothing is done yet.  NULL with the error, which
 * names file and line.
 */
struct assign_codes *assign_codes_open(const struct vf_list *files, struct vf_error *);
void assign_codes_free(struct assign_codes *);		/* NULL is nothing to free */

/* Records of the files: no more codes can come. */
uint64_t assign_codes_count(const struct assign_codes *);

/*
 * The next code that neither the ledger nor the files before this place had;
 * the ledger takes note of it.  Valid until the next call.  1, 0 when there is
 * none left, -1.
 */
int assign_codes_next(struct assign_codes *, struct vf_ledger *, struct vf_slice *code, struct vf_error *);

#endif
