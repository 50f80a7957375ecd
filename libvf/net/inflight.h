/*
 * net/inflight.h -- records on their way to a stream, at most one of each key
 * at a time: later ones of a key wait for the earlier, so that they arrive in
 * order even when the service takes a batch in part (DESIGN 4, vf-kinesis).
 *
 * Records are copied in, wait until their key is free, are taken in the order
 * in which they became ready, and end as delivered or lost.  After a loss the
 * key stays lost: what comes later of it must not overtake, and is lost too.
 *
 * Memory: up to `records` records and `bytes` of their bytes, whichever is
 * reached first; after that vf_inflight_full().  And 100 bytes for each lost key.
 */
#ifndef VF_NET_INFLIGHT_H
#define VF_NET_INFLIGHT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct vf_inflight_record {
	struct vf_buf bytes;		/* the data, then the key */
	size_t data;			/* bytes of the data */
	uint64_t lineno;		/* the caller's, with file */
	uint16_t file;

	/* the pool's */
	uint64_t hash;
	struct vf_inflight_record *next, *chain, *waiting, **last;
	bool lost;
};

static inline struct vf_slice
vf_inflight_data(const struct vf_inflight_record *r)
{
	return vf_slice(r->bytes.p, r->data);
}

static inline struct vf_slice
vf_inflight_key(const struct vf_inflight_record *r)
{
	return vf_slice(r->bytes.p + r->data, r->bytes.n - r->data);
}

struct vf_inflight;

struct vf_inflight *vf_inflight_new(size_t records, size_t bytes, struct vf_error *);
void vf_inflight_free(struct vf_inflight *);

/* 1: taken in; 0: its key is lost; -1 out of memory. Not to be called when full. */
int vf_inflight_add(struct vf_inflight *, struct vf_slice data, struct vf_slice key, uint64_t lineno, uint16_t file,
	struct vf_error *);
bool vf_inflight_full(const struct vf_inflight *);

/* The record that is next, not taken, or NULL; and takes it. */
struct vf_inflight_record *vf_inflight_peek(const struct vf_inflight *);
struct vf_inflight_record *vf_inflight_take(struct vf_inflight *);
size_t vf_inflight_ready(const struct vf_inflight *);		/* records that could be taken */
size_t vf_inflight_count(const struct vf_inflight *);		/* records that have not ended */

/* The end of a record that was taken; it is the pool's again. */
void vf_inflight_delivered(struct vf_inflight *, struct vf_inflight_record *);
/*
 * The same; those that waited for it are handed to `lost` in order, as the
 * record itself was: it returns 0, or -1 which is passed on (all end all the same).
 */
int vf_inflight_lost(struct vf_inflight *, struct vf_inflight_record *,
	int (*lost)(void *, const struct vf_inflight_record *), void *arg);

#endif
