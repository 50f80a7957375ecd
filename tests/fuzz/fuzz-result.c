/* fuzz-result.c -- any bytes as a line of results: what is read is written again, and read as the same. */
#include <stdlib.h>
#include <string.h>

#include "fan/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

static bool
within(struct vf_slice part, struct vf_slice whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p + part.n <= whole.p + whole.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *copy = malloc(n + 1);	/* of the very size, so that a sanitizer sees a read beyond it */
	struct vf_buf b = { 0 }, b2 = { 0 }, b3 = { 0 };
	struct vf_result r, again;
	struct vf_slice line;

	if (copy == NULL)
		return 0;
	if (n > 0)
		memcpy(copy, data, n);
	copy = realloc(copy, n > 0 ? n : 1);
	line = vf_slice(copy, memchr(copy, '\n', n) != NULL ? (size_t)((char *)memchr(copy, '\n', n) - copy) : n);
	if (vf_result_get(line, &r)) {
		need(within(r.fan, line) && within(r.message_id, line) && within(r.detail, line) && r.fan.n > 0);
		need(r.status >= 0 && r.status < VF_DELIVERY_STATUSES);
		need(vf_result_put(&b, &r) == 0);
		need(vf_result_get(vf_buf_slice(&b), &again));
		need(again.status == r.status && again.attempts == r.attempts && again.http_status == r.http_status &&
			again.segments == r.segments && vf_slice_eq(again.fan, r.fan) && vf_slice_eq(again.detail, r.detail));
		/* Escaping does not escape twice: but for the message id the two are written alike. */
		r.message_id = again.message_id = vf_slice("", 0);
		need(vf_result_put(&b2, &r) == 0 && vf_result_put(&b3, &again) == 0);
		need(vf_slice_eq(vf_buf_slice(&b2), vf_buf_slice(&b3)));
	}
	free(copy);
	vf_buf_free(&b);
	vf_buf_free(&b2);
	vf_buf_free(&b3);
	return 0;
}
