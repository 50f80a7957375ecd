/*
 * avro/packer.h -- blocks compressed one after the other, by workers when there
 * are any, and handed on in the order in which they came: the bytes never
 * depend on the number of workers.
 */
#ifndef VF_AVRO_PACKER_H
#define VF_AVRO_PACKER_H

#include <stdint.h>

#include "avro/codec.h"

#define VF_PACKER_THREADS 64		/* the most workers */

/* A stored block, in order; raw holds during the call. 0, or -1 with the error. */
typedef int vf_packer_sink(void *, uint64_t count, struct vf_slice raw, struct vf_error *);

struct vf_packer;

/*
 * threads 0 or 1: the caller's own thread does the work. Workers see no
 * signals. Memory: two blocks, plain and stored, and a compressor's tables
 * (0.4 MB for deflate), for each worker and twice. NULL: no memory.
 */
struct vf_packer *vf_packer_new(enum vf_codec, int level, unsigned threads, vf_packer_sink *, void *);
/* Compresses a block of count records; data is copied when it has to outlive the call. Calls the sink for what is done. */
int vf_packer_put(struct vf_packer *, uint64_t count, struct vf_slice data, struct vf_error *);
/* Until the sink had everything. */
int vf_packer_drain(struct vf_packer *, struct vf_error *);
/* What was not drained is dropped. NULL is accepted. */
void vf_packer_free(struct vf_packer *);

#endif
