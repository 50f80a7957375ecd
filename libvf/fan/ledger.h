/*
 * fan/ledger.h -- one code per fan per campaign, once: what the code ledger
 * (DESIGN 4, vf-assign) says, and what may be added to it.  No I/O: the
 * caller reads the file and appends the lines.
 *
 * A line is `globalUserId,code,codeType,campaignId,waveId,assignedAt`:
 *
 * - codeType generated or external: from here on the fan has this code.  It
 *   stands in no other such line, and the fan has no other live code.
 * - TM: the same, but the code is the placeholder `TM`, which anybody may have.
 * - void: this fan's live code was refused by its owner.  The code stays used;
 *   the fan has none and may get another.
 *
 * All lines are of one campaign.  Anything else is a contradiction: an error of
 * kind VF_ERR_CONFIG, `name:line: cause`, with no value of the line in it.
 *
 * Memory: a fan's fingerprint with 8 bytes (where the line of the live code
 * stands, and 24 bits of that code's fingerprint) and a code's fingerprint:
 * about 44 bytes a line.  See base/keyset for the chance of a false match; a
 * void line for a code that is not its fan's is taken for a good one with a
 * chance of 2^-24.
 */
#ifndef VF_FAN_LEDGER_H
#define VF_FAN_LEDGER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/keyset.h"

#define VF_LEDGER_HEADER "globalUserId,code,codeType,campaignId,waveId,assignedAt"
#define VF_LEDGER_LINE_MAX 4096		/* bytes of a line without its LF; longer is no ledger line */
#define VF_LEDGER_MAX ((uint64_t)1 << 39)	/* bytes of a ledger that can be dealt with: 512 GiB */

struct vf_ledger_line {
	struct vf_slice fan, code, type, campaign, wave, at;
};

/*
 * Splits a line (no LF) into its fields; those that are quoted are unquoted
 * into scratch, which is cleared first.  NULL, or why it is no ledger line.
 */
const char *vf_ledger_parse(struct vf_slice line, struct vf_ledger_line *, struct vf_buf *scratch);

/* Appends the line and an LF; values are quoted where they must be. */
int vf_ledger_put(struct vf_buf *, const struct vf_ledger_line *);

/* True when an id of a campaign or wave can stand in a line: no control characters, at most 256 bytes. */
bool vf_ledger_id_ok(struct vf_slice);

struct vf_ledger;

/* name: of the file, for messages; both strings are copied. lines: about how many are expected, 0 when unknown. */
struct vf_ledger *vf_ledger_new(const char *name, struct vf_slice campaign, uint64_t lines, struct vf_error *);
void vf_ledger_free(struct vf_ledger *);

/* The next bytes of the file from its start, header line first.  Takes the whole lines among them: *used bytes. */
int vf_ledger_load(struct vf_ledger *, struct vf_slice text, size_t *used, struct vf_error *);

uint64_t vf_ledger_size(const struct vf_ledger *);	/* bytes loaded and given */
uint64_t vf_ledger_lines(const struct vf_ledger *);	/* of which lines, without the header */

/* A fan's standing, asked in groups: the order of the asks is the order of their records. */
enum vf_ledger_standing {
	VF_LEDGER_NONE,			/* no live code: may be given one */
	VF_LEDGER_HELD,			/* has a live code: its line stands at offset `where` */
	VF_LEDGER_SAME,			/* the same fan as ask number `where` of this group, which is NONE */
};

struct vf_ledger_ask {
	struct vf_slice fan;		/* in; need not outlive vf_ledger_ask() */
	enum vf_ledger_standing standing;
	uint64_t where;
	struct vf_key key;
};

/* At most UINT32_MAX asks. Each that is NONE must then be given a code or left. */
int vf_ledger_ask(struct vf_ledger *, struct vf_ledger_ask *, size_t n, struct vf_error *);

/* fresh[i] = 1 for a code that no line ever had and nobody took; it counts as used from now on. Else 0. */
int vf_ledger_take(struct vf_ledger *, const struct vf_slice *codes, size_t n, unsigned char *fresh, struct vf_error *);

/* The fan of this ask has this code now; its line of `bytes` (LF included) is the next of the file. */
void vf_ledger_give(struct vf_ledger *, const struct vf_ledger_ask *, struct vf_slice code, size_t bytes);
/* The fan of this ask gets none. */
void vf_ledger_leave(struct vf_ledger *, const struct vf_ledger_ask *);

#endif
