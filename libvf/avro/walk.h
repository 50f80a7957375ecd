/*
 * avro/walk.h -- is a block exactly so many data of a schema?
 *
 * The schema is compiled once to a flat program; a walk allocates nothing and
 * takes time in proportion to the bytes, whatever counts they claim.  Checked:
 * every length, count and index, that a varint ends (in 5 bytes for an int, 10
 * for a long) and fits, booleans, UTF-8 of strings, sizes of array and map
 * blocks, nesting, and that the last datum ends with the last byte.
 */
#ifndef VF_AVRO_WALK_H
#define VF_AVRO_WALK_H

#include "avro/schema.h"

#define VF_WALK_DEPTH 1000		/* arrays, maps and recursive records inside each other */
#define VF_WALK_EMPTY_MAX 1048576	/* data and array items of no bytes in one block: readers loop over them */

struct vf_walk;

/* The schema must outlive it. One walk may serve several threads. */
struct vf_walk *vf_walk_new(const struct vf_schema *, struct vf_error *);
void vf_walk_free(struct vf_walk *);

/* 0, or -1 with `record N: FIELD: cause`; kind VF_ERR_FAILED. */
int vf_walk_block(const struct vf_walk *, uint64_t count, struct vf_slice bytes, struct vf_error *);

#endif
