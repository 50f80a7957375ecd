/* fan/result.c -- nine columns and back. */
#include "fan/result.h"

#include <inttypes.h>

#include "base/date.h"
#include "base/num.h"
#include "base/text.h"
#include "fan/fan.h"

/* Where a text may be cut so that no character is. */
static struct vf_slice
cut(struct vf_slice s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((unsigned char)s.p[max] & 0xc0) == 0x80)
		max--;
	return vf_slice(s.p, max);
}

static bool
is_plain(struct vf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == ',' || s.p[i] == '"' || s.p[i] == '\\')
			return false;
	return true;
}

/* The service's own word for the message: line ends, NULs and bad bytes as in reject lines, and quoted for CSV. */
static void
add_message_id(struct vf_buf *b, struct vf_slice id)
{
	struct vf_buf escaped = { 0 };

	id = cut(id, VF_RESULT_MESSAGE_ID_MAX);
	if (is_plain(id)) {
		vf_buf_add_slice(b, id);
	} else {
		if (vf_text_add_escaped(&escaped, id) == 0)
			vf_text_add_csv(b, vf_buf_slice(&escaped));
		else
			b->failed = true;
		vf_buf_free(&escaped);
	}
}

int
vf_result_put(struct vf_buf *b, const struct vf_result *r)
{
	char date[VF_DATE_LEN + 1];

	vf_buf_add_slice(b, r->fan);
	vf_buf_add_char(b, ',');
	vf_buf_add_str(b, vf_delivery_status_names[r->status]);
	vf_buf_add_char(b, ',');
	vf_buf_add_u64(b, r->attempts);
	vf_buf_add_char(b, ',');
	if (r->http_status > 0)
		vf_buf_add_u64(b, r->http_status);
	vf_buf_add_char(b, ',');
	if (r->message_id.n > 0)
		add_message_id(b, r->message_id);
	vf_buf_add_char(b, ',');
	if (r->segments > 0)
		vf_buf_add_u64(b, r->segments);
	vf_buf_add_char(b, ',');
	if (r->finished != 0) {
		vf_date_put(date, r->finished);
		vf_buf_add(b, date, VF_DATE_LEN);
	}
	vf_buf_add_char(b, ',');
	if (r->attempts > 0 && r->finished != 0)
		vf_buf_addf(b, "%" PRIu64 ".%06u", r->us / 1000000, (unsigned)(r->us % 1000000));
	vf_buf_add_char(b, ',');
	vf_buf_add_slice(b, r->detail);
	return b->failed ? -1 : 0;
}

/* The next field, and the comma behind it; a quoted one without its outer quotes. */
static bool
field(struct vf_slice *rest, struct vf_slice *value, bool last)
{
	const char *p = rest->p, *end = rest->p + rest->n, *comma;

	if (p < end && *p == '"') {
		for (p++; p < end && (*p != '"' || (p + 1 < end && p[1] == '"')); p++)
			p += *p == '"';
		if (p >= end)
			return false;
		*value = vf_slice(rest->p + 1, (size_t)(p - rest->p - 1));
		p++;
	} else {
		comma = memchr(p, ',', rest->n);
		p = comma != NULL ? comma : end;
		*value = vf_slice(rest->p, (size_t)(p - rest->p));
	}
	if (last)
		return p == end;
	if (p == end || *p != ',')
		return false;
	*rest = vf_slice(p + 1, (size_t)(end - p - 1));
	return true;
}

static bool
number(struct vf_slice s, uint64_t max, uint64_t *v)
{
	*v = 0;
	return s.n == 0 || (vf_num_u64(s, v) && *v <= max);
}

/* `12.345678` in microseconds. */
static bool
seconds(struct vf_slice s, uint64_t *us)
{
	uint64_t whole, part;

	*us = 0;
	if (s.n == 0)
		return true;
	if (s.n < 8 || s.p[s.n - 7] != '.' || !vf_num_u64(vf_slice(s.p, s.n - 7), &whole) ||
		!vf_num_u64(vf_slice(s.p + s.n - 6, 6), &part) || whole > 1000000000)
		return false;
	*us = whole * 1000000 + part;
	return true;
}

bool
vf_result_get(struct vf_slice line, struct vf_result *r)
{
	enum { FAN, STATUS, ATTEMPTS, HTTP, MESSAGE, SEGMENTS, FINISHED, SECONDS, DETAIL, FIELDS };
	struct vf_slice f[FIELDS];
	uint64_t http, segments;
	int status;

	*r = (struct vf_result){ 0 };
	for (int i = 0; i < FIELDS; i++)
		if (!field(&line, &f[i], i == DETAIL))
			return false;
	status = vf_delivery_status_of(f[STATUS]);
	if (status < 0 || !vf_fan_id_ok(f[FAN]) || f[ATTEMPTS].n == 0 || !number(f[ATTEMPTS], 1000000, &r->attempts) ||
		!number(f[HTTP], 999, &http) || !number(f[SEGMENTS], UINT32_MAX, &segments) || !seconds(f[SECONDS], &r->us) ||
		(f[FINISHED].n > 0 && !vf_date_parse(f[FINISHED], &r->finished)) ||
		memchr(f[DETAIL].p, ',', f[DETAIL].n) != NULL || memchr(f[DETAIL].p, '"', f[DETAIL].n) != NULL)
		return false;
	r->fan = f[FAN];
	r->status = (enum vf_delivery_status)status;
	r->http_status = (unsigned)http;
	r->message_id = f[MESSAGE];
	r->segments = (uint32_t)segments;
	r->detail = f[DETAIL];
	return true;
}
