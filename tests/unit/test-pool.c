/* test-pool.c -- blocks never overlap, keep what is in them, and come back when they were given back. */
#include <stdint.h>
#include <string.h>

#include "base/pool.h"
#include "tap.h"

#define HELD 400

struct held {
	unsigned char *p, fill;
	size_t size;
};

static bool
intact(const struct held *h)
{
	for (size_t i = 0; i < h->size; i++)
		if (h->p[i] != h->fill)
			return false;
	return true;
}

int
main(void)
{
	static struct held held[HELD];
	struct vf_pool pool = { 0 };
	struct vf_error err;
	size_t size = 300, same, before;
	int spoilt = 0, small = 0, crooked = 0;
	void *p, *q;

	tap_seed();
	p = vf_pool_get(&pool, &size, &err);
	ok(p != NULL && size == 512, "a block is a power of two");
	vf_pool_put(&pool, p, size);
	same = 300;
	q = vf_pool_get(&pool, &same, &err);
	ok(q == p, "a block that was given back is given out again");
	vf_pool_put(&pool, q, same);
	vf_pool_put(&pool, NULL, 0);

	for (int round = 0; round < 20000; round++) {
		struct held *h = &held[tap_random() % HELD];

		if (h->p != NULL) {
			spoilt += !intact(h);
			vf_pool_put(&pool, h->p, h->size);
			h->p = NULL;
			continue;
		}
		h->size = 1 + tap_random() % (round % 50 == 0 ? (size_t)1 << 20 : 3000);
		size = h->size;
		h->p = vf_pool_get(&pool, &size, &err);
		small += h->p == NULL || size < h->size;
		crooked += (uintptr_t)h->p % 16 != 0;
		h->size = size;
		h->fill = (unsigned char)round;
		memset(h->p, h->fill, h->size);
	}
	ok(spoilt == 0, "what is in a block stays");
	ok(small == 0, "a block has the room that was asked for");
	ok(crooked == 0, "and stands at a multiple of 16");

	size = (size_t)9 << 20;
	before = pool.taken;
	p = vf_pool_get(&pool, &size, &err);
	ok(p != NULL && size == (size_t)16 << 20 && pool.taken == before + size, "a large block is a region of its own");
	memset(p, 1, size);
	size = SIZE_MAX / 2;
	ok(vf_pool_get(&pool, &size, &err) == NULL, "what no machine has is out of memory");
	vf_pool_free(&pool);
	ok(pool.taken == 0 && pool.regions == NULL, "all blocks go at once");
	return done_testing();
}
