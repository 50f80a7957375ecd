/*
 * base/pool.h -- memory for many things that grow at once: blocks whose sizes
 * are powers of two, cut from regions of 4 MiB that ask for huge pages.
 *
 * A thing that outgrows its block gets one twice as large and gives the old one
 * back, for another thing to grow into: no page is asked for twice, moved or
 * cleared again.  Memory is what is in use, rounded up, and free blocks.
 */
#ifndef VF_BASE_POOL_H
#define VF_BASE_POOL_H

#include <stddef.h>

#include "base/error.h"

#define VF_POOL_CLASSES (8 * sizeof(size_t) - 2)

struct vf_pool {			/* zero it */
	void *regions;			/* all there are, each pointing to the one before */
	void *free[VF_POOL_CLASSES];	/* blocks of 2^i bytes, each pointing to the next */
	size_t taken;			/* bytes of all regions */
};

/* A block of at least *size bytes, 16-aligned and not cleared; *size becomes what it has. NULL out of memory. */
void *vf_pool_get(struct vf_pool *, size_t *size, struct vf_error *);
/* Back again, with the size it had; NULL is accepted. */
void vf_pool_put(struct vf_pool *, void *, size_t size);
/* All blocks are gone at once. */
void vf_pool_free(struct vf_pool *);

#endif
