/*
 * avro/mill.h -- blocks are inflated, walked and compressed, by workers when
 * there are any, and handed on in the order in which they came: neither the
 * bytes nor the first fault that is found depend on the number of workers.
 * The caller's thread is one of them: where it would have to wait, it works.
 */
#ifndef VF_AVRO_MILL_H
#define VF_AVRO_MILL_H

#include "avro/codec.h"
#include "avro/walk.h"

#define VF_MILL_THREADS 64			/* the most of them */
/* What is larger is no work for workers but for the caller's own thread, one block at a time. */
#define VF_MILL_INFLATED ((size_t)4 << 20)	/* bytes of a block that is inflated, stored and plain */
#define VF_MILL_FLIGHT ((size_t)64 << 20)	/* bytes of all blocks that workers have */

struct vf_mill_block {
	uint64_t count;			/* records */
	struct vf_slice raw;		/* stored under codec; for the sink what is to be stored */
	enum vf_codec codec;
	bool pack;			/* compressed anew, under the mill's codec; else raw is handed on as it is */
	void *owner;			/* the caller's own, with the place: for his messages */
	uint64_t place;
};

/*
 * A block, in order; raw holds during the call.  failed is the cause, alone,
 * when it does not inflate, walk or compress, else NULL.  0, or -1 with the
 * error: the call that led here returns it, and only vf_mill_free() may follow.
 */
typedef int vf_mill_sink(void *, const struct vf_mill_block *, const struct vf_error *failed, struct vf_error *);

struct vf_mill_options {
	enum vf_codec codec;		/* of what is compressed */
	int level;			/* deflate's */
	size_t block_max;		/* bytes that a block may inflate to */
	bool strict;			/* deflate as zlib inflates it (avro/codec.h) */
	const struct vf_walk *walk;	/* that every block must pass; NULL: none is looked into */
	unsigned threads;		/* workers, the caller's thread included; 0 or 1: nothing but that */
	vf_mill_sink *sink;
	void *ctx;
};

struct vf_mill;

/*
 * Threads begin with the first block that has to be inflated or compressed;
 * they see no signals.  Memory without them: the largest block, plain and
 * compressed, as far as it is made.  With them besides: four times
 * VF_MILL_FLIGHT at the most for blocks on their way (buffers of twice their
 * size, kept ones, what large plain blocks become); and for each worker
 * VF_MILL_INFLATED, where it inflates, twice where it compresses too, with a
 * compressor's tables (0.4 MB for deflate).  Blocks of 64 KB come to 1 MB a
 * worker.  The options are copied, the walk is borrowed.  NULL: no memory.
 */
struct vf_mill *vf_mill_new(const struct vf_mill_options *);
/* The block's bytes are copied when they have to outlive the call. Calls the sink for what is done. */
int vf_mill_put(struct vf_mill *, const struct vf_mill_block *, struct vf_error *);
/* Until the sink had everything. */
int vf_mill_drain(struct vf_mill *, struct vf_error *);
/* What was not drained is dropped. NULL is accepted. */
void vf_mill_free(struct vf_mill *);

#endif
