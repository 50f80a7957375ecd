/*
 * base/digester.h -- digests beside the work: a thread feeds bytes to running
 * digests, in the order in which they were handed over, while the caller goes
 * on.  Where no thread can be had the caller does it.  Signals stay with the
 * caller's threads.
 */
#ifndef VF_BASE_DIGESTER_H
#define VF_BASE_DIGESTER_H

#include "base/hash.h"

struct vf_digester;

struct vf_digester *vf_digester_new(struct vf_error *);
/* Waits for what was handed over. NULL is accepted. */
void vf_digester_free(struct vf_digester *);

/*
 * Bytes and digest are borrowed until vf_digester_wait() returned for the
 * ticket that this returns, or for a later one; tickets count from 1.  At most
 * 16 pieces are on their way: the next waits.
 */
uint64_t vf_digester_add(struct vf_digester *, struct vf_digest *, const void *, size_t);
/* Until the piece of this ticket and all before it are digested; 0: returns at once. */
void vf_digester_wait(struct vf_digester *, uint64_t ticket);

#endif
