#include "fan/event.h"

#include "base/date.h"
#include "base/hash.h"
#include "base/num.h"
#include "base/text.h"
#include "fan/fan.h"

#define ID_LEN 16

const char *const vf_event_names[3] = { "selection", "code-assignment", NULL };

static void
feed(crypto_generichash_blake2b_state *state, struct vf_slice s)
{
	if (s.n > 0)
		crypto_generichash_blake2b_update(state, (const unsigned char *)s.p, s.n);
}

/* Each part but the first has a NUL before it. */
static void
event_id(char hex[2 * ID_LEN + 1], const struct vf_slice *parts, int n)
{
	crypto_generichash_blake2b_state state;
	unsigned char hash[ID_LEN];

	crypto_generichash_blake2b_init(&state, NULL, 0, sizeof hash);
	for (int i = 0; i < n; i++) {
		if (i > 0)
			feed(&state, vf_slice("", 1));
		feed(&state, parts[i]);
	}
	crypto_generichash_blake2b_final(&state, hash, sizeof hash);
	vf_hex_put(hex, hash, sizeof hash);
}

static void
add_text(struct vf_buf *out, const char *key, struct vf_slice v)
{
	vf_buf_add_str(out, key);
	if (v.n > 0)
		vf_text_add_json(out, v);
	else
		vf_buf_add_str(out, "null");
}

static void
add_tags(struct vf_buf *out, struct vf_slice tags)
{
	const char *sep = "";

	vf_buf_add_str(out, ",\"tags\":[");
	while (tags.n > 0) {
		const char *semicolon = memchr(tags.p, ';', tags.n);
		size_t n = semicolon != NULL ? (size_t)(semicolon - tags.p) : tags.n;
		struct vf_slice tag = vf_slice_trim(vf_slice(tags.p, n));

		if (tag.n > 0) {
			vf_buf_add_str(out, sep);
			vf_text_add_json(out, tag);
			sep = ",";
		}
		n += semicolon != NULL;
		tags = vf_slice(tags.p + n, tags.n - n);
	}
	vf_buf_add_char(out, ']');
}

static void
begin(struct vf_buf *out, enum vf_event_type type, const struct vf_event *e, const char *id)
{
	vf_buf_add_str(out, "{\"eventId\":\"");
	vf_buf_add_str(out, id);
	vf_buf_add_str(out, "\",\"type\":\"");
	vf_buf_add_str(out, vf_event_names[type]);
	add_text(out, "\",\"campaignId\":", e->campaign);
}

static void
finish(struct vf_buf *out, const struct vf_event *e)
{
	add_text(out, ",\"occurredAt\":", e->occurred_at);
	vf_buf_add_char(out, '}');
}

static enum vf_event_verdict
selection(struct vf_buf *out, const struct vf_event *e)
{
	struct vf_slice parts[8] = { vf_slice_str(vf_event_names[VF_EVENT_SELECTION]), e->campaign, e->wave, e->fan,
		e->market, e->score, e->band, e->tags };
	char id[2 * ID_LEN + 1], score[8];
	uint32_t millionths;

	if (e->score.n > 0) {
		if (!vf_num_millionths(e->score, &millionths))
			return VF_EVENT_BAD_SCORE;
		vf_num_put_millionths(score, millionths);
		parts[5] = vf_slice(score, sizeof score);
	}
	event_id(id, parts, 8);
	begin(out, VF_EVENT_SELECTION, e, id);
	add_text(out, ",\"globalUserId\":", e->fan);
	add_text(out, ",\"market\":", e->market);
	vf_buf_add_str(out, ",\"score\":");
	if (e->score.n > 0)
		vf_buf_add(out, score, sizeof score);
	else
		vf_buf_add_str(out, "null");
	add_text(out, ",\"band\":", e->band);
	add_tags(out, e->tags);
	finish(out, e);
	return VF_EVENT_OK;
}

/* A date in UTC, or nothing; false when it is none. */
static bool
in_utc(struct vf_slice *v, char text[VF_DATE_LEN + 1])
{
	int64_t seconds;

	if (v->n == 0)
		return true;
	if (!vf_date_parse(*v, &seconds))
		return false;
	vf_date_put(text, seconds);
	*v = vf_slice(text, VF_DATE_LEN);
	return true;
}

static enum vf_event_verdict
code_assignment(struct vf_buf *out, const struct vf_event *e)
{
	const struct vf_slice parts[4] = { vf_slice_str(vf_event_names[VF_EVENT_CODE_ASSIGNMENT]), e->campaign, e->wave,
		e->fan };
	char id[2 * ID_LEN + 1], from_text[VF_DATE_LEN + 1], to_text[VF_DATE_LEN + 1];
	struct vf_slice from = e->valid_from, to = e->valid_to;

	if (vf_slice_is(e->code, "TM"))
		return VF_EVENT_TM_CODE;
	if (e->code.n == 0 || vf_slice_is(e->code_type, "void"))
		return VF_EVENT_NO_CODE;
	if (!in_utc(&from, from_text) || !in_utc(&to, to_text))
		return VF_EVENT_BAD_DATE;
	event_id(id, parts, 4);
	begin(out, VF_EVENT_CODE_ASSIGNMENT, e, id);
	add_text(out, ",\"waveId\":", e->wave);
	add_text(out, ",\"globalUserId\":", e->fan);
	add_text(out, ",\"code\":", e->code);
	add_text(out, ",\"codeType\":", e->code_type);
	add_text(out, ",\"validFrom\":", from);
	add_text(out, ",\"validTo\":", to);
	finish(out, e);
	return VF_EVENT_OK;
}

int
vf_event_add(struct vf_buf *out, enum vf_event_type type, const struct vf_event *e, enum vf_event_verdict *verdict)
{
	*verdict = !vf_fan_id_ok(e->fan) ? VF_EVENT_MISSING_USER : type == VF_EVENT_SELECTION ? selection(out, e) :
		code_assignment(out, e);
	return out->failed ? -1 : 0;
}
