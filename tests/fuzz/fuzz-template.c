/*
 * fuzz-template.c -- a byte of flags, a template, a NUL byte, and one value
 * for each name: what is rendered for JSON is a JSON string, a value leaves no
 * markup in HTML, and rendering under a small cap is all or nothing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "fan/message.h"
#include "fan/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_json(struct vf_slice text)
{
	struct vf_error err = { 0 };
	struct vf_buf doc = { 0 };
	struct vf_json *json;

	vf_buf_add_str(&doc, "[\"");
	vf_buf_add_slice(&doc, text);
	vf_buf_add_str(&doc, "\"]");
	json = vf_json_parse(vf_buf_slice(&doc), "json", &err);
	/* jansson refuses \u0000 and nothing else that can come here; NUL is none of a value's bytes. */
	if (json == NULL)
		abort();
	vf_json_free(json);
	vf_buf_free(&doc);
}

static void
render(const struct vf_template *t, unsigned flags, const struct vf_slice *values)
{
	struct vf_buf out = { 0 }, small = { .max = 64 };
	struct vf_sms_size size;

	if (vf_template_render(t, values, &out) < 0)
		abort();
	if ((flags & VF_TEMPLATE_JSON) != 0)
		check_json(vf_buf_slice(&out));
	if (vf_template_render(t, values, &small) == 0 ? !vf_slice_eq(vf_buf_slice(&out), vf_buf_slice(&small)) :
		small.n != 0 || out.n <= 64)
		abort();
	size = vf_sms_measure(vf_buf_slice(&out));
	if (size.segments < 1 || size.units > 2 * out.n || size.segments > size.units / 66 + 1)
		abort();
	vf_buf_free(&small);
	vf_buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct vf_slice names[] = { VF_SLICE("a"), VF_SLICE("code") };
	struct vf_error err = { 0 };
	const uint8_t *nul = n > 0 ? memchr(data + 1, '\0', n - 1) : NULL;
	struct vf_slice text, value, values[2];
	struct vf_template *t;

	if (n == 0 || n > 65536)
		return 0;
	text = vf_slice((const char *)data + 1, nul != NULL ? (size_t)(nul - data - 1) : n - 1);
	value = nul != NULL ? vf_slice((const char *)nul + 1, (size_t)(data + n - nul - 1)) : vf_slice("", 0);
	t = vf_template_parse(text, "t", names, 2, data[0] & 7, &err);
	if (t == NULL) {
		if (err.kind != VF_ERR_CONFIG)
			abort();
		return 0;
	}
	if (vf_text_utf8(value) && (value.n == 0 || memchr(value.p, '\0', value.n) == NULL)) {
		values[0] = vf_slice(value.p, 0);
		values[1] = value;
		render(t, data[0] & 7, values);
	}
	vf_template_free(t);
	return 0;
}
