/*
 * fan/result.h -- a line of the results of an SMS wave, written and read again:
 *
 *	globalUserId,status,attempts,httpStatus,messageId,segments,finishedAt,seconds,detail
 *
 * It is what goes into the results file and, the same bytes, into the journal.
 */
#ifndef VF_FAN_RESULT_H
#define VF_FAN_RESULT_H

#include "base/buf.h"
#include "fan/delivery.h"

#define VF_RESULT_HEADER "globalUserId,status,attempts,httpStatus,messageId,segments,finishedAt,seconds,detail"
#define VF_RESULT_MESSAGE_ID_MAX 256	/* bytes of a service's id that are kept */

struct vf_result {
	struct vf_slice fan;		/* a valid id */
	enum vf_delivery_status status;
	uint64_t attempts;		/* requests, of earlier runs too */
	unsigned http_status;		/* of the last answer; 0: none, written empty */
	struct vf_slice message_id;	/* as the service calls it: any text, cut; may be empty */
	uint32_t segments;		/* 0: not rendered, written empty */
	int64_t finished;		/* seconds since 1970; 0: never, written empty */
	uint64_t us;			/* of the last request; written in seconds when attempts > 0 and finished is set */
	struct vf_slice detail;		/* a fixed word, or empty */
};

/* Appends the line without its LF. 0, or -1 when the buffer is exhausted. */
int vf_result_put(struct vf_buf *, const struct vf_result *);

/*
 * Reads one; slices point into the line (a quoted message id without its outer
 * quotes).  False when it is none that vf_result_put() writes.
 */
bool vf_result_get(struct vf_slice line, struct vf_result *);

#endif
