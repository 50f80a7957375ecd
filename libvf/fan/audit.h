/*
 * fan/audit.h -- what a draw's manifest is held against (DESIGN 4, vf-audit):
 * the seed, the campaign, the limits, the entrants and their counts.  No I/O:
 * the caller has read the entrants, drawn again, and compares the result.
 *
 * Each check returns 0 when it holds, else -1 with VF_ERR_FAILED and a text
 * `seed-differs: …`, `limits-differ: …` or `entrants-differ: …` that names the
 * file and, where it is one, the market.  A manifest that was loaded is taken
 * as anybody's: nothing of it is trusted.
 */
#ifndef VF_FAN_AUDIT_H
#define VF_FAN_AUDIT_H

#include "fan/manifest.h"

/* commitment: of the seed that is now open. */
int vf_audit_seed(const struct vf_manifest *, const char *commitment, struct vf_error *);

/* The bands are the configuration's; the manifest of another campaign is VF_ERR_CONFIG. */
int vf_audit_campaign(const struct vf_manifest *, const struct vf_campaign *, struct vf_error *);

/* By itself: each market has a limit, and as many were drawn as this and its candidates give. */
int vf_audit_own_limits(const struct vf_manifest *, struct vf_error *);
/* What was announced is one limit for every market; or the limits of a finished draw, for its markets and no others. */
int vf_audit_limit(const struct vf_manifest *, uint64_t announced, struct vf_error *);
int vf_audit_limits(const struct vf_manifest *, const struct vf_draw *announced, struct vf_error *);

/* The files that were read, in the manifest's order: records and digests are its own, the names may differ. */
int vf_audit_entrants(const struct vf_manifest *, const struct vf_manifest_file *given, size_t n, struct vf_error *);
/* The candidates of each market are those that a finished draw counted. */
int vf_audit_counts(const struct vf_manifest *, const struct vf_draw *again, struct vf_error *);

#endif
