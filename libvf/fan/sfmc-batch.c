/* fan/sfmc-batch.c -- jobs in, a request out. */
#include "fan/sfmc-batch.h"

#include "base/text.h"

static const char head_start[] = "\"jobId\":\"";

const struct vf_slice vf_sfmc_members[VF_SFMC_MEMBERS] = {
	VF_SLICE("jobId"), VF_SLICE("campaignId"), VF_SLICE("campaignName"), VF_SLICE("waveId"), VF_SLICE("waveDate"),
	VF_SLICE("globalUserId"), VF_SLICE("to"), VF_SLICE("subject"), VF_SLICE("html"), VF_SLICE("text"), VF_SLICE("code"),
	VF_SLICE("body"), VF_SLICE("receiptHandle"), VF_SLICE("visibleUntil"),
};

/* What the message's template may use. */
static const struct attribute {
	const char *name;
	enum vf_sfmc_member member;
} attributes[] = {
	{ "HTMLBody", VF_SFMC_HTML }, { "Subject", VF_SFMC_SUBJECT }, { "TextBody", VF_SFMC_TEXT }, { "Code", VF_SFMC_CODE },
	{ "CampaignId", VF_SFMC_CAMPAIGN }, { "CampaignName", VF_SFMC_CAMPAIGN_NAME }, { "WaveId", VF_SFMC_WAVE },
	{ "WaveDate", VF_SFMC_WAVE_DATE },
};

const char *
vf_sfmc_job_lacks(const struct vf_json_value job[VF_SFMC_MEMBERS])
{
	static const enum vf_sfmc_member needed[] = { VF_SFMC_JOB, VF_SFMC_USER, VF_SFMC_TO, VF_SFMC_SUBJECT, VF_SFMC_HTML };

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		if (job[needed[i]].kind != VF_JSON_STRING || job[needed[i]].raw.n == 0)
			return vf_sfmc_members[needed[i]].p;
	/* Answers are compared with the id as it stands here. */
	return job[VF_SFMC_JOB].raw.n > VF_SFMC_KEY_MAX || job[VF_SFMC_JOB].escaped ? vf_sfmc_members[VF_SFMC_JOB].p : NULL;
}

void
vf_sfmc_batch_clear(struct vf_sfmc_batch *b)
{
	b->n = 0;
	vf_buf_clear(&b->heads);
	vf_buf_clear(&b->recipients);
}

void
vf_sfmc_batch_free(struct vf_sfmc_batch *b)
{
	vf_buf_free(&b->heads);
	vf_buf_free(&b->recipients);
	b->n = 0;
}

bool
vf_sfmc_batch_full(const struct vf_sfmc_batch *b, size_t max)
{
	return b->n >= max || b->n == VF_SFMC_BATCH_MAX || b->recipients.n >= VF_SFMC_BATCH_BYTES;
}

static void
add_member(struct vf_buf *b, const char *before, const char *name, const struct vf_json_value *v)
{
	vf_buf_addf(b, "%s\"%s\":\"", before, name);
	vf_buf_add_slice(b, v->raw);
	vf_buf_add_char(b, '"');
}

static int
added(struct vf_sfmc_batch *b, size_t head, size_t recipient, size_t key_n)
{
	if (b->heads.failed || b->recipients.failed)
		return -1;
	b->part[b->n++] = (struct vf_sfmc_part){ .head = head, .head_n = b->heads.n - head, .key_n = key_n,
		.recipient = recipient, .recipient_n = b->recipients.n - recipient };
	return 0;
}

int
vf_sfmc_batch_add(struct vf_sfmc_batch *batch, const struct vf_json_value *job, const struct vf_json_value *message)
{
	static const enum vf_sfmc_member ids[] = { VF_SFMC_CAMPAIGN, VF_SFMC_WAVE, VF_SFMC_USER };
	size_t head = batch->heads.n, recipient = batch->recipients.n;
	struct vf_buf *b = &batch->heads;
	const char *sep = "";

	vf_buf_add_str(b, head_start);
	vf_buf_add_slice(b, job[VF_SFMC_JOB].raw);
	vf_buf_add_char(b, '"');
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++)
		if (job[ids[i]].kind == VF_JSON_STRING)
			add_member(b, ",", vf_sfmc_members[ids[i]].p, &job[ids[i]]);
	if (message[VF_SFMC_RECEIPT].kind == VF_JSON_STRING)
		add_member(b, ",", "receiptHandle", &message[VF_SFMC_RECEIPT]);

	b = &batch->recipients;
	add_member(b, "{", "contactKey", &job[VF_SFMC_USER]);
	add_member(b, ",", "to", &job[VF_SFMC_TO]);
	add_member(b, ",", "messageKey", &job[VF_SFMC_JOB]);
	vf_buf_add_str(b, ",\"attributes\":{");
	for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
		if (job[attributes[i].member].kind == VF_JSON_STRING) {
			add_member(b, sep, attributes[i].name, &job[attributes[i].member]);
			sep = ",";
		}
	vf_buf_add_str(b, "}}");
	return added(batch, head, recipient, job[VF_SFMC_JOB].raw.n);
}

int
vf_sfmc_batch_copy(struct vf_sfmc_batch *b, struct vf_slice head, struct vf_slice recipient, size_t key_n)
{
	size_t head_at = b->heads.n, recipient_at = b->recipients.n;

	vf_buf_add_slice(&b->heads, head);
	vf_buf_add_slice(&b->recipients, recipient);
	return added(b, head_at, recipient_at, key_n);
}

void
vf_sfmc_batch_drop(struct vf_sfmc_batch *b)
{
	b->n--;
	b->heads.n = b->part[b->n].head;
	b->recipients.n = b->part[b->n].recipient;
}

struct vf_slice
vf_sfmc_batch_head(const struct vf_sfmc_batch *b, size_t i)
{
	return vf_slice(b->heads.p + b->part[i].head, b->part[i].head_n);
}

struct vf_slice
vf_sfmc_batch_key(const struct vf_sfmc_batch *b, size_t i)
{
	return vf_slice(b->heads.p + b->part[i].head + sizeof(head_start) - 1, b->part[i].key_n);
}

struct vf_slice
vf_sfmc_batch_recipient(const struct vf_sfmc_batch *b, size_t i)
{
	return vf_slice(b->recipients.p + b->part[i].recipient, b->part[i].recipient_n);
}

bool
vf_sfmc_batch_has(const struct vf_sfmc_batch *b, struct vf_slice key)
{
	for (size_t i = 0; i < b->n; i++)
		if (vf_slice_eq(key, vf_sfmc_batch_key(b, i)))
			return true;
	return false;
}

int
vf_sfmc_batch_put(struct vf_buf *to, const struct vf_sfmc_batch *b, struct vf_slice definition)
{
	vf_buf_add_str(to, "{\"definitionKey\":");
	vf_text_add_json(to, definition);
	vf_buf_add_str(to, ",\"recipients\":[");
	for (size_t i = 0; i < b->n; i++) {
		if (i > 0)
			vf_buf_add_char(to, ',');
		vf_buf_add_slice(to, vf_sfmc_batch_recipient(b, i));
	}
	vf_buf_add_str(to, "]}");
	return to->failed ? -1 : 0;
}
