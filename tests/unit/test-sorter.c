/* test-sorter.c -- records come out in the byte order of their keys, whatever the budget. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/sorter.h"
#include "tap.h"

static struct vf_error err;

/* Sorts n made-up records; sums of what went in and came out have to agree. */
static bool
try(size_t budget, size_t n, size_t longest, uint64_t random)
{
	struct vf_sorter *s = vf_sorter_new(budget, NULL, &err);
	struct vf_buf last = { 0 }, text = { 0 };
	struct vf_slice key, value;
	uint64_t in = 0, out = 0;
	size_t count = 0;
	bool good = s != NULL;
	int rc = 0;

	for (size_t i = 0; i < n && good; i++) {
		size_t key_len = tap_next(&random) % 12, value_len = tap_next(&random) % (longest + 1);

		vf_buf_clear(&text);
		for (size_t k = 0; k < key_len; k++)
			vf_buf_add_char(&text, (char)(tap_next(&random) % 4 + 254 * (k % 2)));
		for (size_t k = 0; k < value_len; k++)
			vf_buf_add_char(&text, (char)(i + k));
		key = vf_slice(text.p, key_len);
		value = vf_slice(text.p != NULL ? text.p + key_len : NULL, value_len);
		for (size_t k = 0; k < text.n; k++)
			in += (unsigned char)text.p[k] * (k + 1) + key_len;
		good = vf_sorter_add(s, key, value, &err) == 0;
	}
	good = good && vf_sorter_finish(s, &err) == 0;
	while (good && (rc = vf_sorter_next(s, &key, &value, &err)) > 0) {
		good = count++ == 0 || vf_slice_cmp(vf_buf_slice(&last), key) <= 0;
		vf_buf_clear(&last);
		vf_buf_add_slice(&last, key);
		for (size_t k = 0; k < key.n; k++)
			out += (unsigned char)key.p[k] * (k + 1) + key.n;
		for (size_t k = 0; k < value.n; k++)
			out += (unsigned char)value.p[k] * (key.n + k + 1) + key.n;
	}
	vf_sorter_free(s);
	vf_buf_free(&last);
	vf_buf_free(&text);
	return good && rc == 0 && count == n && in == out;
}

int
main(void)
{
	struct vf_sorter *s;
	bool failed = false;
	char value[4000];

	ok(try(1 << 20, 0, 0, 1), "no records at all");
	ok(try(1 << 20, 1, 10, 2), "one record");
	ok(try(1 << 20, 5000, 40, 3), "all within the budget");
	ok(try(1 << 16, 20000, 40, 4), "a few runs");
	ok(try(1 << 10, 20000, 40, 5), "more runs than are merged at a time, in two passes");
	ok(try(200, 30000, 10, 6), "thousands of runs, in three passes");
	ok(try(4096, 300, 200000, 7), "records longer than the budget, and than a block of the reader");

	s = vf_sorter_new(1000, "/nonexistent", &err);
	memset(value, 'v', sizeof(value));
	for (int i = 0; i < 3 && !failed; i++)
		failed = vf_sorter_add(s, vf_slice("k", 1), vf_slice(value, sizeof(value)), &err) < 0;
	ok(failed && err.kind == VF_ERR_FAILED && strstr(err.text, "/nonexistent") != NULL,
		"a folder for temporary files that is not there: %s", err.text);
	vf_sorter_free(s);
	vf_sorter_free(NULL);
	return done_testing();
}
