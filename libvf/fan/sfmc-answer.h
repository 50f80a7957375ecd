/*
 * fan/sfmc-answer.h -- what Marketing Cloud's messaging API answers: bytes in,
 * a verdict for each recipient out.  Any bytes are an answer or are none;
 * nothing is kept between calls.
 */
#ifndef VF_FAN_SFMC_ANSWER_H
#define VF_FAN_SFMC_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define VF_SFMC_REQUEST_ID 64		/* bytes that are kept of a request's id, with its NUL */

enum {
	VF_SFMC_THROTTLED = 50100,	/* too many requests: come again */
	VF_SFMC_BLOCKED = 50200,	/* for a while: come again */
	VF_SFMC_DUPLICATE = 109110,	/* of a recipient: this messageKey was taken in the last 72 hours */
};

/*
 * The answer to a request that was taken (2xx): who of its recipients was not.
 * keys are the messageKeys that were asked for, in that order; refused[i]
 * becomes the errorcode of the i-th, 0 for one who was taken, now or by an
 * earlier request (VF_SFMC_DUPLICATE): an answer names those who were not, and
 * may name the others.  An element is about the key that it names, else about
 * the recipient at its place.  The keys must differ: of two alike nobody knows
 * whether either was taken.
 *
 * False when that cannot be told: it is no such answer, an errorcode is no
 * number, or a refusal is about nobody that was asked for.  Then all of refused
 * is 0, and request_id is empty.
 */
bool vf_sfmc_answer_read(struct vf_slice answer, const struct vf_slice *keys, size_t n, uint64_t *refused,
	char request_id[VF_SFMC_REQUEST_ID]);

/* The errorcode of an answer that is an error: its only recipient's, where it tells of one; 0: it has none. */
uint64_t vf_sfmc_answer_code(struct vf_slice answer);

#endif
