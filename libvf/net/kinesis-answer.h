/*
 * net/kinesis-answer.h -- what Kinesis answers to PutRecords: bytes in, a
 * verdict for each record out.  Any bytes are an answer or are none; nothing is
 * kept between calls.
 */
#ifndef VF_NET_KINESIS_ANSWER_H
#define VF_NET_KINESIS_ANSWER_H

#include <stdbool.h>

#include "base/slice.h"

#define VF_KINESIS_WORD 32		/* bytes that are kept of an error's name, with its NUL */

/*
 * The answer to a request of n records: taken[i] says whether the stream has
 * the i-th, word becomes the name of the last error, letters only, or empty.
 * How many it has; -1 when the answer is not one about these n records: then
 * none is taken, and word is empty.
 */
int vf_kinesis_answer_read(struct vf_slice answer, int n, bool *taken, char word[VF_KINESIS_WORD]);

#endif
