#ifndef _GNU_SOURCE
#define _GNU_SOURCE			/* MADV_HUGEPAGE */
#endif
#include "base/pool.h"

#include <stdint.h>
#include <sys/mman.h>

#define LEAST 8				/* 256 bytes */
#define FIRST 18			/* the first region has 256 KiB: most draws are small */
#define REGION 22			/* the others 4 MiB, or what a larger block takes */
#define HUGE ((size_t)2 << 20)

/* Before the blocks of a region, in a page of its own. */
struct region {
	struct region *before;
	void *map;
	size_t len;
};

/* A free block. */
struct block {
	struct block *next;
};

static unsigned
class_of(size_t size)
{
	unsigned c = LEAST;

	while (c < VF_POOL_CLASSES && (size_t)1 << c < size)
		c++;
	return c;
}

static void
put_free(struct vf_pool *pool, void *p, unsigned c)
{
	struct block *b = p;

	b->next = pool->free[c];
	pool->free[c] = b;
}

/* A new region whose blocks begin at a multiple of 2 MiB: only there can a huge page stand. */
static int
add_region(struct vf_pool *pool, unsigned c, struct vf_error *err)
{
	size_t size = (size_t)1 << c, len = size + HUGE + HUGE;
	unsigned char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned char *blocks;
	struct region *r;

	if (map == MAP_FAILED)
		return vf_error_nomem(err);
	blocks = (unsigned char *)(((uintptr_t)map + HUGE + HUGE - 1) / HUGE * HUGE);
	if (c >= REGION)
		(void)madvise(blocks, size, MADV_HUGEPAGE);
	r = (struct region *)(void *)(blocks - 4096);
	*r = (struct region){ .before = pool->regions, .map = map, .len = len };
	pool->regions = r;
	pool->taken += size;
	put_free(pool, blocks, c);
	return 0;
}

void *
vf_pool_get(struct vf_pool *pool, size_t *size, struct vf_error *err)
{
	unsigned want = class_of(*size), c = want;
	struct block *b;

	while (c < VF_POOL_CLASSES && pool->free[c] == NULL)
		c++;
	if (c >= VF_POOL_CLASSES) {
		c = pool->regions == NULL ? FIRST : REGION;
		if (c < want)
			c = want;
		if (c >= VF_POOL_CLASSES) {
			vf_error_nomem(err);
			return NULL;
		}
		if (add_region(pool, c, err) < 0)
			return NULL;
	}
	b = pool->free[c];
	pool->free[c] = b->next;
	for (; c > want; c--)		/* the upper halves stay free */
		put_free(pool, (unsigned char *)b + ((size_t)1 << (c - 1)), c - 1);
	*size = (size_t)1 << want;
	return b;
}

void
vf_pool_put(struct vf_pool *pool, void *p, size_t size)
{
	if (p != NULL)
		put_free(pool, p, class_of(size));
}

void
vf_pool_free(struct vf_pool *pool)
{
	struct region *before;

	for (struct region *r = pool->regions; r != NULL; r = before) {
		before = r->before;
		munmap(r->map, r->len);
	}
	*pool = (struct vf_pool){ 0 };
}
