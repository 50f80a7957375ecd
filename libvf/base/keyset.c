#ifndef _GNU_SOURCE
#define _GNU_SOURCE			/* mremap */
#endif
#include "base/keyset.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SHARDS 256
#define FIRST_BUCKETS 16		/* of a shard whose number of keys is unknown */
#define PAGE_BUCKETS 64			/* a shard that has grown is a multiple of 4 KiB */
#define FILTER_BITS 16			/* of the filter, for each key */
#define GROUP 64			/* keys whose buckets are fetched ahead together */
#define KEY_LEN 12			/* bytes of a fingerprint in its slot; all zero: empty */
#define BUCKET 64			/* one cache line: 5, 4 or 3 slots with values of 0, 4 or 8 bytes */

/*
 * A key belongs into the first bucket with room, from the bucket that its hash
 * names on; a bucket fills from its front and keys are never removed, so an
 * empty slot ends a search.  The bucket named grows with the hash: a shard is
 * enlarged by walking the old and the new buckets in the same order.
 */
struct shard {
	unsigned char *buckets;
	uint32_t size, count, limit;	/* buckets; keys; keys at which it grows */
	bool own;			/* a mapping of its own; else a part of the set's region */
};

struct vf_keyset {
	struct shard shards[SHARDS];
	size_t value_size, slot_len;
	uint64_t count;
	unsigned char *region;		/* the shards as they began, in one piece */
	size_t region_len;
	unsigned char *old;		/* what is in a shard while it is enlarged in place */
	size_t old_len;
	uint64_t *filter;		/* after vf_keyset_seal(): two bits a key, both in one word; or NULL */
	uint64_t filter_words;
	unsigned char secret[crypto_shorthash_siphashx24_KEYBYTES];
};

/* A shard is full at 7/8 of its slots: most searches still end in their first bucket. */
static uint32_t
limit_of(uint64_t buckets, size_t slot_len)
{
	uint64_t slots = buckets * (BUCKET / slot_len);

	return (uint32_t)(slots - slots / 8);
}

static unsigned char *
map(size_t len)
{
	unsigned char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

struct vf_keyset *
vf_keyset_new(size_t value_size, uint64_t expected, struct vf_error *err)
{
	size_t slot_len = KEY_LEN + value_size, per = BUCKET / slot_len;
	uint64_t slots = expected / SHARDS + expected / SHARDS / 5, buckets = slots / per + FIRST_BUCKETS;
	struct vf_keyset *set = calloc(1, sizeof *set);

	if (set == NULL || slots > UINT32_MAX / 2)
		goto nomem;
	set->value_size = value_size;
	set->slot_len = slot_len;
	set->region_len = (size_t)buckets * SHARDS * BUCKET;
	set->region = map(set->region_len);
	if (set->region == NULL)
		goto nomem;
	/* Look-ups are scattered: with huge pages they miss the TLB less often. */
	(void)madvise(set->region, set->region_len, MADV_HUGEPAGE);
	randombytes_buf(set->secret, sizeof set->secret);
	for (size_t i = 0; i < SHARDS; i++) {
		set->shards[i].buckets = set->region + i * (size_t)buckets * BUCKET;
		set->shards[i].size = (uint32_t)buckets;
		set->shards[i].limit = limit_of(buckets, slot_len);
	}
	return set;
nomem:
	free(set);
	vf_error_nomem(err);
	return NULL;
}

static void
drop_filter(struct vf_keyset *set)
{
	if (set->filter != NULL)
		munmap(set->filter, set->filter_words * sizeof *set->filter);
	set->filter = NULL;
}

void
vf_keyset_free(struct vf_keyset *set)
{
	if (set == NULL)
		return;
	drop_filter(set);
	for (size_t i = 0; i < SHARDS; i++)
		if (set->shards[i].own)
			munmap(set->shards[i].buckets, (size_t)set->shards[i].size * BUCKET);
	munmap(set->region, set->region_len);
	free(set->old);
	sodium_memzero(set->secret, sizeof set->secret);
	free(set);
}

/* The first 96 bits of a 128-bit hash; the one that means `empty` becomes another. */
static struct vf_key
cut(const unsigned char hash[crypto_shorthash_siphashx24_BYTES])
{
	struct vf_key key;

	memcpy(&key.a, hash, sizeof key.a);
	memcpy(&key.b, hash + sizeof key.a, sizeof key.b);
	if (key.a == 0 && key.b == 0)
		key.b = 1;
	return key;
}

struct vf_key
vf_keyset_key(const struct vf_keyset *set, struct vf_slice s)
{
	unsigned char hash[crypto_shorthash_siphashx24_BYTES];

	crypto_shorthash_siphashx24(hash, (const unsigned char *)s.p, s.n, set->secret);
	return cut(hash);
}

uint64_t
vf_keyset_count(const struct vf_keyset *set)
{
	return set->count;
}

static inline size_t
shard_of(const struct vf_key *key)
{
	return key->a >> 56;
}

/* 32 bits of the hash, which the choice of the shard did not use, scaled to the shard's size. */
static inline unsigned char *
first_bucket(const struct shard *shard, const struct vf_key *key)
{
	uint64_t i = ((key->a >> 24 & 0xffffffff) * shard->size) >> 32;

	return shard->buckets + i * BUCKET;
}

static inline struct vf_key
slot_key(const unsigned char *slot)
{
	struct vf_key key;

	memcpy(&key.a, slot, sizeof key.a);
	memcpy(&key.b, slot + sizeof key.a, sizeof key.b);
	return key;
}

static inline bool
is_empty(struct vf_key key)
{
	return (key.a | key.b) == 0;
}

/*
 * The slot that holds the key, or the empty one where it goes: there always is
 * one.  All slots of a bucket are compared before anything is decided: where a
 * bucket ends is not for the processor to guess.  With len known when this is
 * compiled in, the inner loop is gone.
 */
static inline __attribute__((always_inline)) unsigned char *
probe_len(size_t len, const struct shard *shard, const struct vf_key *key, bool *found)
{
	unsigned char *bucket = first_bucket(shard, key), *end = shard->buckets + (size_t)shard->size * BUCKET;

	for (;;) {
		unsigned same = 0, empty = 0;

		for (unsigned j = 0; j < BUCKET / len; j++) {
			struct vf_key there = slot_key(bucket + j * len);

			same |= (unsigned)(((there.a ^ key->a) | (there.b ^ key->b)) == 0) << j;
			empty |= (unsigned)is_empty(there) << j;
		}
		*found = same != 0;
		if ((same | empty) != 0)
			return bucket + (unsigned)__builtin_ctz(same != 0 ? same : empty) * len;
		bucket += BUCKET;
		if (bucket == end)
			bucket = shard->buckets;
	}
}

static inline __attribute__((always_inline)) unsigned char *
probe(size_t len, const struct shard *shard, const struct vf_key *key, bool *found)
{
	if (len == KEY_LEN)
		return probe_len(KEY_LEN, shard, key, found);
	if (len == KEY_LEN + sizeof(uint32_t))
		return probe_len(KEY_LEN + sizeof(uint32_t), shard, key, found);
	return probe_len(KEY_LEN + sizeof(uint64_t), shard, key, found);
}

/* Half as much again, in whole pages; the bytes keep their place in the shard, the new ones are zero. */
static int
enlarge(struct shard *shard)
{
	uint64_t size = ((uint64_t)shard->size + shard->size / 2) / PAGE_BUCKETS * PAGE_BUCKETS;
	size_t len = (size_t)shard->size * BUCKET;
	unsigned char *p;

	if (size <= shard->size)
		size = shard->size / PAGE_BUCKETS * PAGE_BUCKETS + PAGE_BUCKETS;
	if (size > UINT32_MAX / (BUCKET / KEY_LEN))
		return -1;
	if (shard->own) {
		p = mremap(shard->buckets, len, (size_t)size * BUCKET, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			return -1;
	} else {
		p = map((size_t)size * BUCKET);
		if (p == NULL)
			return -1;
		memcpy(p, shard->buckets, len);
	}
	shard->buckets = p;
	shard->size = (uint32_t)size;
	shard->own = true;
	return 0;
}

/* Enlarges a shard in place: only its old contents are copied, into memory that all shards share. */
static int
grow(struct vf_keyset *set, struct shard *shard, struct vf_error *err)
{
	size_t len = (size_t)shard->size * BUCKET, slot_len = set->slot_len;
	unsigned char *old = set->old;
	bool found;

	if (len > set->old_len) {
		old = realloc(old, len);
		if (old == NULL)
			return vf_error_nomem(err);
		set->old = old;
		set->old_len = len;
	}
	memcpy(old, shard->buckets, len);
	if (enlarge(shard) < 0)
		return vf_error_nomem(err);
	memset(shard->buckets, 0, len);
	shard->limit = limit_of(shard->size, slot_len);
	for (const unsigned char *bucket = old; bucket < old + len; bucket += BUCKET)
		for (size_t at = 0; at + slot_len <= BUCKET; at += slot_len) {
			struct vf_key key = slot_key(bucket + at);

			if (is_empty(key))
				break;
			memcpy(probe(slot_len, shard, &key, &found), bucket + at, slot_len);
		}
	return 0;
}

static inline void
put_value(const struct vf_keyset *set, unsigned char *slot, uint64_t v)
{
	uint32_t small = (uint32_t)v;

	if (set->value_size == sizeof v)
		memcpy(slot + KEY_LEN, &v, sizeof v);
	else if (set->value_size == sizeof small)
		memcpy(slot + KEY_LEN, &small, sizeof small);
}

static inline uint64_t
get_value(const struct vf_keyset *set, const unsigned char *slot)
{
	uint64_t v = 0;
	uint32_t small;

	if (set->value_size == sizeof v) {
		memcpy(&v, slot + KEY_LEN, sizeof v);
	} else if (set->value_size == sizeof small) {
		memcpy(&small, slot + KEY_LEN, sizeof small);
		v = small;
	}
	return v;
}

static inline int
add_one(struct vf_keyset *set, const struct vf_key *key, unsigned char *fresh, uint64_t *value, struct vf_error *err)
{
	struct shard *shard = &set->shards[shard_of(key)];
	unsigned char *slot;
	bool found;

	if (shard->count == shard->limit && grow(set, shard, err) < 0)
		return -1;
	slot = probe(set->slot_len, shard, key, &found);
	*fresh = !found;
	if (found) {
		if (value != NULL)
			*value = get_value(set, slot);
		return 0;
	}
	memcpy(slot, &key->a, sizeof key->a);
	memcpy(slot + sizeof key->a, &key->b, sizeof key->b);
	if (value != NULL)
		put_value(set, slot, *value);
	shard->count++;
	set->count++;
	return 0;
}

/* Inlined always: as a function that "does nothing", gcc takes the call away before it is inlined. */
static inline __attribute__((always_inline)) void
fetch(const struct vf_keyset *set, const struct vf_key *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(first_bucket(&set->shards[shard_of(&keys[i])], &keys[i]));
}

int
vf_keyset_add(struct vf_keyset *set, const struct vf_key *keys, size_t n, unsigned char *fresh, uint64_t *values,
	struct vf_error *err)
{
	drop_filter(set);
	for (size_t from = 0; from < n; from += GROUP) {
		size_t to = n - from < GROUP ? n : from + GROUP;

		/* A shard that grows meanwhile makes some of these useless, not wrong. */
		fetch(set, keys + from, to - from);
		for (size_t i = from; i < to; i++)
			if (add_one(set, &keys[i], &fresh[i], values != NULL ? &values[i] : NULL, err) < 0)
				return -1;
	}
	return 0;
}

/* The filter's word of a key, by bits of the hash that the table does not use; and the key's bits in it. */
static inline uint64_t *
filter_word(const struct vf_keyset *set, const struct vf_key *key)
{
	return &set->filter[(key->b * set->filter_words) >> 32];
}

static inline uint64_t
filter_bits(const struct vf_key *key)
{
	return (uint64_t)1 << (key->a & 63) | (uint64_t)1 << (key->a >> 6 & 63);
}

void
vf_keyset_seal(struct vf_keyset *set)
{
	uint64_t words = set->count * FILTER_BITS / 64 + 1;

	drop_filter(set);
	if (words > UINT32_MAX)
		return;
	set->filter = (uint64_t *)(void *)map(words * sizeof *set->filter);
	if (set->filter == NULL)
		return;
	set->filter_words = words;
	(void)madvise(set->filter, words * sizeof *set->filter, MADV_HUGEPAGE);
	for (size_t s = 0; s < SHARDS; s++)
		for (size_t b = 0; b < set->shards[s].size; b++)
			for (size_t at = 0; at + set->slot_len <= BUCKET; at += set->slot_len) {
				struct vf_key key = slot_key(set->shards[s].buckets + b * BUCKET + at);

				if (is_empty(key))
					break;
				*filter_word(set, &key) |= filter_bits(&key);
			}
}

/* Which of at most GROUP keys may be there: their numbers into maybe; returns how many. found of the others is 0. */
static size_t
pass_filter(const struct vf_keyset *set, const struct vf_key *keys, size_t n, unsigned char *found,
	unsigned char maybe[GROUP])
{
	size_t k = 0;

	for (size_t i = 0; set->filter != NULL && i < n; i++)
		__builtin_prefetch(filter_word(set, &keys[i]));
	for (size_t i = 0; i < n; i++) {
		found[i] = 0;
		maybe[k] = (unsigned char)i;
		k += set->filter == NULL || (~*filter_word(set, &keys[i]) & filter_bits(&keys[i])) == 0;
	}
	return k;
}

void
vf_keyset_find(const struct vf_keyset *set, const struct vf_key *keys, size_t n, unsigned char *found, uint64_t *values)
{
	unsigned char maybe[GROUP];

	for (size_t from = 0; from < n; from += GROUP) {
		size_t left = pass_filter(set, keys + from, n - from < GROUP ? n - from : GROUP, found + from, maybe);

		for (size_t k = 0; k < left; k++)
			fetch(set, &keys[from + maybe[k]], 1);
		for (size_t k = 0; k < left; k++) {
			size_t i = from + maybe[k];
			bool there;
			const unsigned char *slot = probe(set->slot_len, &set->shards[shard_of(&keys[i])], &keys[i], &there);

			found[i] = there;
			if (there && values != NULL)
				values[i] = get_value(set, slot);
		}
	}
}

bool
vf_keyset_set(struct vf_keyset *set, struct vf_key key, uint64_t value)
{
	bool found;
	unsigned char *slot = probe(set->slot_len, &set->shards[shard_of(&key)], &key, &found);

	if (found)
		put_value(set, slot, value);
	return found;
}
