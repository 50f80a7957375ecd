/* tools/audit.h -- what the parts of vf-audit know about each other; no other tool includes it. */
#ifndef VF_TOOLS_AUDIT_H
#define VF_TOOLS_AUDIT_H

#include "fan/manifest.h"
#include "frame.h"

/*
 * audit-result.c: the records that vf-draw wrote into the file `path`, byte for
 * byte, against those that a finished draw gives, and their digest and number
 * against the manifest.  0, or -1 with an error `result-differs: …` that names
 * the first line that is another.
 */
int audit_result(struct vf_run *, struct vf_draw *, const struct vf_manifest *, const char *path);

#endif
