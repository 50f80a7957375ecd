/*
 * fan/event.h -- what the streams are told about a fan, as one line of JSON
 * (DESIGN 4, vf-events).
 *
 * An event's id is BLAKE2b-128, no key, in lower-case hex, of these joined by
 * NUL bytes: type, campaign, wave (empty when there is none), fan; and for a
 * selection also market, score (its eight bytes, 0.950000), band, and tags (a;b;c).
 * Time is no part of it: the same facts told again are the same event, and a
 * correction is another one.
 */
#ifndef VF_FAN_EVENT_H
#define VF_FAN_EVENT_H

#include <stdint.h>

#include "base/buf.h"

enum vf_event_type { VF_EVENT_SELECTION, VF_EVENT_CODE_ASSIGNMENT };
extern const char *const vf_event_names[3];	/* `selection`, `code-assignment`, NULL */

/* Slices without blanks around them; an empty one is null in JSON, but for tags: []. */
struct vf_event {
	struct vf_slice campaign, wave, fan;
	struct vf_slice market, score, band, tags;
	struct vf_slice code, code_type, valid_from, valid_to;
	struct vf_slice occurred_at;
};

/* Why a record makes no event. */
enum vf_event_verdict {
	VF_EVENT_OK,
	VF_EVENT_MISSING_USER,
	VF_EVENT_BAD_SCORE,		/* a score that is no decimal number from 0 to 1 */
	VF_EVENT_NO_CODE,		/* no code, or one of codeType void */
	VF_EVENT_TM_CODE,		/* the placeholder TM */
	VF_EVENT_BAD_DATE,		/* validFrom or validTo that is no RFC 3339 date */
};

/*
 * Judges the event, and appends its JSON without a line end to out when it is
 * one; scores are written with six decimals and dates in UTC.  *verdict says
 * which; -1 is out of memory.
 */
int vf_event_add(struct vf_buf *out, enum vf_event_type, const struct vf_event *, enum vf_event_verdict *verdict);

#endif
