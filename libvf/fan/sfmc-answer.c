/* fan/sfmc-answer.c -- Marketing Cloud's answers, read. */
#include "fan/sfmc-answer.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* Whom the element at `place` of `responses` is about; n: nobody. */
static size_t
recipient_of(const struct vf_json_at *e, size_t place, const struct vf_slice *keys, size_t n)
{
	struct vf_json_at at = vf_json_member(e, "messageKey");
	struct vf_slice key;
	struct vf_error ignored;

	if (vf_json_get_str(&at, &key, &ignored) <= 0)
		return place < n ? place : n;
	/* They come in the order that was asked in: so the first look is the last. */
	for (size_t i = 0; i < n; i++)
		if (vf_slice_eq(key, keys[(place + i) % n]))
			return (place + i) % n;
	return n;
}

static bool
read_document(const struct vf_json *doc, const struct vf_slice *keys, size_t n, uint64_t *refused, struct vf_slice *id)
{
	struct vf_json_at root = vf_json_root(doc, "answer"), at = vf_json_member(&root, "requestId");
	struct vf_json_at list = vf_json_member(&root, "responses");
	struct vf_error ignored;
	size_t count = 0;

	if (vf_json_get_object(&root, &ignored) <= 0 || vf_json_get_str(&at, id, &ignored) < 0 ||
		vf_json_get_array(&list, &count, &ignored) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct vf_json_at e = vf_json_element(&list, i), code = vf_json_member(&e, "errorcode");
		uint64_t value = 0;
		size_t who;

		if (vf_json_get_object(&e, &ignored) <= 0 || vf_json_get_u64(&code, &value, &ignored) < 0)
			return false;
		if (value == 0 || value == VF_SFMC_DUPLICATE)
			continue;
		who = recipient_of(&e, i, keys, n);
		if (who == n)
			return false;
		refused[who] = value;
	}
	return true;
}

bool
vf_sfmc_answer_read(struct vf_slice answer, const struct vf_slice *keys, size_t n, uint64_t *refused,
	char request_id[VF_SFMC_REQUEST_ID])
{
	struct vf_error ignored;
	struct vf_json *doc = vf_json_parse(answer, "answer", &ignored);
	struct vf_slice id = { "", 0 };
	bool good;

	memset(refused, 0, n * sizeof(*refused));
	request_id[0] = '\0';
	if (doc == NULL)
		return false;
	good = read_document(doc, keys, n, refused, &id);
	if (good)
		snprintf(request_id, VF_SFMC_REQUEST_ID, "%.*s", (int)(id.n < VF_SFMC_REQUEST_ID ? id.n : VF_SFMC_REQUEST_ID), id.p);
	else
		memset(refused, 0, n * sizeof(*refused));
	vf_json_free(doc);
	return good;
}

uint64_t
vf_sfmc_answer_code(struct vf_slice answer)
{
	struct vf_error ignored;
	struct vf_json *doc = vf_json_parse(answer, "answer", &ignored);
	struct vf_json_at root, at, list, only;
	uint64_t code = 0, of_one = 0;
	size_t count = 0;

	if (doc == NULL)
		return 0;
	root = vf_json_root(doc, "answer");
	at = vf_json_member(&root, "errorcode");
	if (vf_json_get_u64(&at, &code, &ignored) < 0)
		code = 0;
	list = vf_json_member(&root, "responses");
	if (vf_json_get_array(&list, &count, &ignored) > 0 && count == 1) {
		only = vf_json_element(&list, 0);
		at = vf_json_member(&only, "errorcode");
		if (vf_json_get_u64(&at, &of_one, &ignored) > 0 && of_one > 0)
			code = of_one;
	}
	vf_json_free(doc);
	return code;
}
