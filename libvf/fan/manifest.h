/*
 * fan/manifest.h -- the draw's manifest (DESIGN 4, vf-draw): what was drawn
 * from what, under which rules; written by vf-draw, checked by vf-audit.
 *
 *	{"algorithm","campaignId","waveId","bands","limits","commitment","beacon",
 *	 "markets":{M:{"high","mid","low","drawn"}},
 *	 "entrants":[{"file","records","blake2b"}],"result":{"records","blake2b"}}
 *
 * Texts that are absent are empty.  A market with a limit and no candidate is
 * in `limits` and, with zeros, in `markets`.  The market of a draw without a
 * column market is named "".
 */
#ifndef VF_FAN_MANIFEST_H
#define VF_FAN_MANIFEST_H

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "fan/campaign.h"
#include "fan/draw.h"

struct vf_manifest_file {
	struct vf_slice name;			/* empty for the result */
	uint64_t records;
	char blake2b[VF_DIGEST_HEX + 1];	/* lower-case hex */
};

/* A market of `limits`, of `markets`, or of both. */
struct vf_manifest_market {
	struct vf_slice name;
	bool has_limit, has_counts;
	uint64_t limit, candidates[VF_DRAW_BANDS], drawn;
};

/* Slices point into the document it was loaded from, or are the maker's. */
struct vf_manifest {
	const char *path;			/* when it was loaded, from where; borrowed */
	struct vf_slice campaign, wave, beacon;
	char commitment[VF_DIGEST_HEX + 1];
	struct vf_bands bands;
	struct vf_manifest_market *markets;	/* in byte order */
	size_t nmarkets;
	struct vf_manifest_file *entrants;
	size_t nentrants;
	struct vf_manifest_file result;
	struct vf_json *document;		/* when it was loaded */
};

/* Errors are VF_ERR_CONFIG and name the JSON path. Clear it in any case. */
int vf_manifest_load(struct vf_manifest *, const char *path, struct vf_error *);
void vf_manifest_clear(struct vf_manifest *);	/* frees markets and entrants too: they are malloc()ed */

/* Limits and counts of a finished draw; names are borrowed from it. */
int vf_manifest_markets(struct vf_manifest *, const struct vf_draw *, struct vf_error *);

/* The document as text, one line a market and an entrants' file. */
int vf_manifest_add(struct vf_buf *, const struct vf_manifest *);
/* {M:{"high","mid","low","drawn"}} alone, on one line. */
int vf_manifest_add_markets(struct vf_buf *, const struct vf_manifest *);

#endif
