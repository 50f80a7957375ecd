/*
 * base/keyset.h -- have I seen this key?  A set of 96-bit fingerprints, or a
 * map from them to a 32- or 64-bit value.
 *
 * A fingerprint is SipHash-2-4 (128-bit, cut to 96) under a key drawn at
 * random for each set, so nobody can prepare colliding input; the chance of
 * any false match among 10 million keys is below 1e-15.  Keys are looked up
 * and added in groups, so that the cache misses of a group overlap: hash a
 * batch of rows, then ask for all of them at once.
 *
 * Memory: 256 shards that grow by half as they fill, 7/8 full at most; 12 bytes
 * and the value a slot, 5, 4 or 3 of them in a cache line.  15 to 23 bytes a key,
 * 19 to 28 with a 4-byte value, 25 to 38 with an 8-byte one, and up to 1 MiB.
 */
#ifndef VF_BASE_KEYSET_H
#define VF_BASE_KEYSET_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct vf_keyset;

struct vf_key {
	uint64_t a;
	uint32_t b;
};

/* value_size: 0, 4 or 8 bytes a key. expected: keys to make room for, 0 when unknown. */
struct vf_keyset *vf_keyset_new(size_t value_size, uint64_t expected, struct vf_error *);
void vf_keyset_free(struct vf_keyset *);

struct vf_key vf_keyset_key(const struct vf_keyset *, struct vf_slice);

uint64_t vf_keyset_count(const struct vf_keyset *);

/*
 * For each of n keys, in order: fresh[i] = 1 when it was not in the set and was
 * added, else 0.  A key twice in the group is fresh once.  values, when not
 * NULL, gives what a fresh key maps to; for a key that was there values[i] is
 * overwritten with what it maps to.  Returns 0, or -1 out of memory.
 */
int vf_keyset_add(struct vf_keyset *, const struct vf_key *, size_t n, unsigned char *fresh, uint64_t *values,
	struct vf_error *);

/* found[i] = 1 or 0; values, when not NULL, gets the value of each key found. Never fails. */
void vf_keyset_find(const struct vf_keyset *, const struct vf_key *, size_t n, unsigned char *found,
	uint64_t *values);

/*
 * No keys will be added for a while: builds a filter of 2 bytes a key, so that
 * asking for a key that is not there costs one look into it, 98 times in 100.
 * The next vf_keyset_add() drops it.  Without memory for it nothing changes.
 */
void vf_keyset_seal(struct vf_keyset *);

/* Sets the value of a key that is in the set; false when it is not there. */
bool vf_keyset_set(struct vf_keyset *, struct vf_key, uint64_t value);

#endif
