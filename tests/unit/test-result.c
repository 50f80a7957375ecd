/* A result line is read as it was written, and nothing else is taken for one. */
#include "fan/result.h"

#include "tap.h"

static struct vf_buf b;

static struct vf_slice
put(const struct vf_result *r)
{
	vf_buf_clear(&b);
	if (vf_result_put(&b, r) < 0)
		bail_out("no memory");
	return vf_buf_slice(&b);
}

static void
test_lines(void)
{
	static const struct { struct vf_result r; const char *line; } cases[] = {
		{ { .fan = VF_SLICE("nf1"), .status = VF_DELIVERY_SENT, .attempts = 2, .http_status = 202, .message_id = VF_SLICE("m-1"),
			.segments = 1, .finished = 1795642624, .us = 1234567, .detail = VF_SLICE("") },
			"nf1,sent,2,202,m-1,1,2026-11-25T21:37:04Z,1.234567," },
		{ { .fan = VF_SLICE("nf1"), .status = VF_DELIVERY_FAILED, .detail = VF_SLICE("bad-address") }, "nf1,failed,0,,,,,,bad-address" },
		{ { .fan = VF_SLICE("nf1"), .status = VF_DELIVERY_SENT, .attempts = 1, .http_status = 200,
			.message_id = VF_SLICE("a,\"b\"\n\\"), .finished = 1795642624 },
			"nf1,sent,1,200,\"a,\"\"b\"\"\\n\\\\\",,2026-11-25T21:37:04Z,0.000000," },
	};
	struct vf_result got;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vf_slice line = put(&cases[i].r);

		ok(vf_slice_is(line, cases[i].line), "line %zu is written (%.*s)", i, (int)line.n, line.p);
		ok(vf_result_get(line, &got) && vf_slice_eq(got.fan, cases[i].r.fan) && got.status == cases[i].r.status &&
			got.attempts == cases[i].r.attempts && got.http_status == cases[i].r.http_status && got.us == cases[i].r.us &&
			got.segments == cases[i].r.segments && got.finished == cases[i].r.finished &&
			vf_slice_eq(got.detail, cases[i].r.detail), "and read");
	}
}

static void
test_long_id(void)
{
	char id[1024];
	struct vf_result r = { .fan = VF_SLICE("nf1"), .status = VF_DELIVERY_SENT, .attempts = 1, .message_id = { id, sizeof id } }, got;

	memset(id, 'x', sizeof id);
	ok(vf_result_get(put(&r), &got) && got.message_id.n == VF_RESULT_MESSAGE_ID_MAX, "a long id is cut");
	for (size_t i = 1; i + 1 < sizeof id; i += 2)
		memcpy(id + i, "\xc3\xa9", 2);
	ok(vf_result_get(put(&r), &got) && got.message_id.n == VF_RESULT_MESSAGE_ID_MAX - 1, "between characters");
	memset(id, '\xff', sizeof id);
	ok(vf_result_get(put(&r), &got) && memchr(b.p, '\xff', b.n) == NULL && memchr(b.p, '\n', b.n) == NULL, "what is no text is escaped");
}

/* Any change of a byte gives a line that is refused or reads as one that is written the same. */
static void
test_damage(void)
{
	struct vf_result r = { .fan = VF_SLICE("nf1"), .status = VF_DELIVERY_UNKNOWN, .attempts = 3, .http_status = 500,
		.message_id = VF_SLICE("a\"b"), .segments = 2, .finished = 1795642624, .us = 15, .detail = VF_SLICE("http-500") };
	struct vf_slice line = put(&r);
	char copy[256];
	struct vf_result got;
	bool bounded = true;
	int taken = 0;

	for (size_t i = 0; i < line.n; i++)
		for (int c = 0; c < 256; c++) {
			memcpy(copy, line.p, line.n);
			copy[i] = (char)c;
			if (!vf_result_get(vf_slice(copy, line.n), &got))
				continue;
			taken++;
			bounded = bounded && got.detail.p + got.detail.n == copy + line.n && got.fan.p == copy;
		}
	ok(bounded && taken > 0, "a changed byte never reads beyond the line (%d taken)", taken);
	for (size_t n = 0; n < line.n; n++)
		bounded = bounded && (!vf_result_get(vf_slice(line.p, n), &got) || got.detail.n < r.detail.n);
	ok(bounded, "nor does a cut one");
	ok(!vf_result_get(vf_slice("", 0), &got) && !vf_result_get(vf_slice_str("nf1,sent,1,202,\"m,1,,,"), &got) &&
		!vf_result_get(vf_slice_str("nf1,gone,1,,,,,,"), &got) && !vf_result_get(vf_slice_str("nf1,sent,,,,,,,"), &got) &&
		!vf_result_get(vf_slice_str("nf1,sent,1,,,,,1.5,"), &got) && !vf_result_get(vf_slice_str("nf1,sent,1,,,,,,,"), &got) &&
		!vf_result_get(vf_slice_str(",sent,1,,,,,,"), &got), "what is no result is refused");
}

int
main(void)
{
	test_lines();
	test_long_id();
	test_damage();
	vf_buf_free(&b);
	return done_testing();
}
