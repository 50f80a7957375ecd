/*
 * net/sqs-answer.h -- what SQS answers: bytes in, a verdict for each entry of a
 * batch out, or the messages that were received.  Any bytes are an answer or
 * are none; nothing is kept between calls.
 */
#ifndef VF_NET_SQS_ANSWER_H
#define VF_NET_SQS_ANSWER_H

#include "base/buf.h"
#include "base/error.h"

#define VF_SQS_BATCH 10			/* the most entries of a request, and messages of an answer */

enum vf_sqs_verdict {
	VF_SQS_SILENT,			/* nothing is said of it: it may be done or not */
	VF_SQS_DONE,
	VF_SQS_REFUSED,			/* the entry is at fault: it would be refused again */
	VF_SQS_FAILED,			/* for now */
};

/*
 * The answer to SendMessageBatch or DeleteMessageBatch whose entries' Ids were
 * 0 to n - 1, n at most VF_SQS_BATCH: said[i] is about entry i.  The first word
 * on an entry counts.  True when there is one on every entry; an answer that
 * leaves some out counts for the others, and one that is no JSON for none.
 */
bool vf_sqs_answer_read(struct vf_slice answer, size_t n, enum vf_sqs_verdict said[VF_SQS_BATCH]);

struct vf_sqs_message {
	struct vf_slice id, handle, body;	/* live as long as the call that hands them out */
};

/*
 * The messages of an answer to ReceiveMessage, each handed to `take`, which
 * returns 0, or -1 to end.  How many there were, or -1: it is no such answer,
 * or one of them has no receipt handle or body (VF_ERR_FAILED; those before it
 * were handed out).
 */
int vf_sqs_answer_messages(struct vf_slice answer, int (*take)(void *, const struct vf_sqs_message *, struct vf_error *),
	void *arg, struct vf_error *);

/*
 * Appends a message as one line of JSON: messageId, receiptHandle, receivedAt,
 * visibleUntil, and the body as it is when it is JSON, else as a text.
 * Memory that was not to be had shows in the buffers.
 */
void vf_sqs_message_put(struct vf_buf *line, struct vf_buf *scratch, const struct vf_sqs_message *, const char *received,
	const char *until);

#endif
