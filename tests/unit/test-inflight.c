/* test-inflight.c -- at most one record of a key on its way, in order, none lost or made up. */
#include "net/inflight.h"
#include "tap.h"

static struct vf_error err;

struct tally {
	unsigned lost;
	uint64_t last;
	bool ordered;
};

static int
count(void *arg, const struct vf_inflight_record *r)
{
	struct tally *t = arg;

	t->ordered = t->ordered && r->lineno > t->last;
	t->last = r->lineno;
	t->lost++;
	return 0;
}

static int
add(struct vf_inflight *f, const char *data, const char *key, uint64_t line)
{
	return vf_inflight_add(f, vf_slice_str(data), vf_slice_str(key), line, 0, &err);
}

static void
test_order(void)
{
	struct vf_inflight *f = vf_inflight_new(4, 100, &err);
	struct vf_inflight_record *a1, *b1, *a2;
	struct tally t = { .ordered = true };

	ok(add(f, "A1", "a", 1) == 1 && add(f, "A2", "a", 2) == 1 && add(f, "B1", "b", 3) == 1, "three of two keys");
	ok(vf_inflight_count(f) == 3 && vf_inflight_ready(f) == 2 && !vf_inflight_full(f), "two are ready");
	a1 = vf_inflight_take(f);
	b1 = vf_inflight_take(f);
	ok(vf_slice_is(vf_inflight_data(a1), "A1") && vf_slice_is(vf_inflight_key(a1), "a") &&
		vf_slice_is(vf_inflight_data(b1), "B1") && vf_inflight_take(f) == NULL, "the first of each key");
	ok(add(f, "A3", "a", 4) == 1 && vf_inflight_full(f), "four are all it holds");
	vf_inflight_delivered(f, a1);
	a2 = vf_inflight_take(f);
	ok(vf_slice_is(vf_inflight_data(a2), "A2") && vf_inflight_take(f) == NULL, "then the next of that key");
	ok(vf_inflight_lost(f, a2, count, &t) == 0 && t.lost == 2 && t.ordered, "a loss takes along what waited for it");
	ok(add(f, "A4", "a", 5) == 0 && add(f, "B2", "b", 6) == 1, "and what comes later of that key");
	vf_inflight_delivered(f, b1);
	ok(vf_inflight_ready(f) == 1 && vf_inflight_count(f) == 1, "other keys go on");
	ok(add(f, "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", "c",
		7) == 1 && vf_inflight_full(f), "100 bytes are all it holds, too");
	vf_inflight_free(f);
	vf_inflight_free(NULL);
}

static size_t
key_of(const struct vf_inflight_record *r)
{
	struct vf_slice key = vf_inflight_key(r);
	size_t k = 0;

	for (size_t i = 0; i < key.n; i++)
		k = 10 * k + (size_t)(key.p[i] - '0');
	return k;
}

/* Against a plain model: what is on its way, and the last line delivered of each key. */
static void
test_random(void)
{
	struct vf_inflight *f = vf_inflight_new(300, 1 << 20, &err);
	struct vf_inflight_record *out[300];
	uint64_t last[20] = { 0 }, line = 0, delivered = 0, lost = 0, refused = 0;
	bool busy[20] = { false }, right = true;
	size_t n = 0;

	for (int step = 0; step < 200000; step++) {
		size_t what = tap_below(3);

		if (what == 0 && !vf_inflight_full(f)) {
			char key[8];

			snprintf(key, sizeof key, "%zu", tap_below(20));
			line++;
			refused += add(f, "data", key, line) == 0;
		} else if (what == 1 && n < 300) {
			struct vf_inflight_record *r = vf_inflight_take(f);
			size_t k;

			if (r == NULL)
				continue;
			k = key_of(r);
			right = right && !busy[k] && r->lineno > last[k];
			busy[k] = true;
			last[k] = r->lineno;
			out[n++] = r;
		} else if (n > 0) {
			size_t i = tap_below(n), k;
			struct vf_inflight_record *r = out[i];

			k = key_of(r);
			out[i] = out[--n];
			busy[k] = false;
			if (tap_below(20000) == 0) {
				struct tally t = { .ordered = true };

				vf_inflight_lost(f, r, count, &t);
				lost += t.lost;
				right = right && t.ordered;
			} else {
				vf_inflight_delivered(f, r);
				delivered++;
			}
		}
	}
	ok(right && delivered > 1000, "200,000 random steps: one of a key at a time, in order");
	ok(line == delivered + lost + refused + vf_inflight_count(f), "%ju in, %ju delivered, %ju lost, %ju refused, %zu left",
		(uintmax_t)line, (uintmax_t)delivered, (uintmax_t)lost, (uintmax_t)refused, vf_inflight_count(f));
	vf_inflight_free(f);
}

int
main(void)
{
	tap_seed();
	test_order();
	test_random();
	return done_testing();
}
