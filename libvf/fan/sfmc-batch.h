/*
 * fan/sfmc-batch.h -- e-mail jobs as one request to Marketing Cloud's messaging
 * API: which members a job has, what it must have, the recipient that it
 * becomes, and the ids that its result line begins with.  Text goes through as
 * it came: it is JSON already.
 */
#ifndef VF_FAN_SFMC_BATCH_H
#define VF_FAN_SFMC_BATCH_H

#include "base/buf.h"
#include "base/json-pick.h"

#define VF_SFMC_BATCH_MAX 500			/* recipients with attributes that the service takes at once */
#define VF_SFMC_BATCH_BYTES ((size_t)2 << 20)	/* of a request, beyond which it is full */
#define VF_SFMC_KEY_MAX 100			/* of a messageKey */

/* Members of a job, and of a queue's message around it. */
enum vf_sfmc_member {
	VF_SFMC_JOB, VF_SFMC_CAMPAIGN, VF_SFMC_CAMPAIGN_NAME, VF_SFMC_WAVE, VF_SFMC_WAVE_DATE, VF_SFMC_USER, VF_SFMC_TO,
	VF_SFMC_SUBJECT, VF_SFMC_HTML, VF_SFMC_TEXT, VF_SFMC_CODE, VF_SFMC_BODY, VF_SFMC_RECEIPT, VF_SFMC_VISIBLE,
	VF_SFMC_MEMBERS
};
extern const struct vf_slice vf_sfmc_members[VF_SFMC_MEMBERS];

/* Where a job's parts stand in its batch's buffers. */
struct vf_sfmc_part {
	size_t head, head_n;		/* `"jobId":"…","campaignId":…` */
	size_t key_n;			/* of the job's id, without quotes */
	size_t recipient, recipient_n;
};

/* Starts as { 0 }; owns its buffers. */
struct vf_sfmc_batch {
	struct vf_sfmc_part part[VF_SFMC_BATCH_MAX];
	size_t n;
	struct vf_buf heads, recipients;
};

/* The name of a member without which, or as it is, the job cannot be sent; NULL: it can. */
const char *vf_sfmc_job_lacks(const struct vf_json_value job[VF_SFMC_MEMBERS]);

void vf_sfmc_batch_clear(struct vf_sfmc_batch *);
void vf_sfmc_batch_free(struct vf_sfmc_batch *);
bool vf_sfmc_batch_full(const struct vf_sfmc_batch *, size_t max);
/* Adds a job that lacks nothing, of this message (the job itself where there is none); 0, or -1 without memory. */
int vf_sfmc_batch_add(struct vf_sfmc_batch *, const struct vf_json_value *job, const struct vf_json_value *message);
/* Adds one of another batch. */
int vf_sfmc_batch_copy(struct vf_sfmc_batch *, struct vf_slice head, struct vf_slice recipient, size_t key_n);
/* Takes the last one out again. */
void vf_sfmc_batch_drop(struct vf_sfmc_batch *);
bool vf_sfmc_batch_has(const struct vf_sfmc_batch *, struct vf_slice key);

/* Of the i-th; good until the batch changes. */
struct vf_slice vf_sfmc_batch_head(const struct vf_sfmc_batch *, size_t i);
struct vf_slice vf_sfmc_batch_key(const struct vf_sfmc_batch *, size_t i);
struct vf_slice vf_sfmc_batch_recipient(const struct vf_sfmc_batch *, size_t i);

/* Appends the request's body; 0, or -1 without memory. */
int vf_sfmc_batch_put(struct vf_buf *, const struct vf_sfmc_batch *, struct vf_slice definition);

#endif
