/* test-keyset -- base/keyset. */
#include "tap.h"

#include <string.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "base/keyset.h"

#define MANY 100000
#define BATCH 500

static struct vf_error err;

static struct vf_keyset *
new_set(size_t value_size, uint64_t expected)
{
	struct vf_keyset *set = vf_keyset_new(value_size, expected, &err);

	if (set == NULL)
		bail_out(err.text);
	return set;
}

static struct vf_key
number(const struct vf_keyset *set, uint64_t i)
{
	char text[32];

	return vf_keyset_key(set, vf_slice(text, (size_t)snprintf(text, sizeof text, "fan-%" PRIu64, i)));
}

/* Keys from..to-1 in batches; values, when asked for, are 3i + 1.  Returns how many were fresh. */
static uint64_t
add(struct vf_keyset *set, uint64_t from, uint64_t to, bool with_values)
{
	struct vf_key keys[BATCH];
	unsigned char fresh[BATCH];
	uint64_t values[BATCH], sum = 0;

	while (from < to) {
		size_t n = to - from < BATCH ? (size_t)(to - from) : BATCH;

		for (size_t i = 0; i < n; i++) {
			keys[i] = number(set, from + i);
			values[i] = 3 * (from + i) + 1;
		}
		if (vf_keyset_add(set, keys, n, fresh, with_values ? values : NULL, &err) < 0)
			bail_out(err.text);
		for (size_t i = 0; i < n; i++)
			sum += fresh[i];
		from += n;
	}
	return sum;
}

static uint64_t
count_found(const struct vf_keyset *set, uint64_t from, uint64_t to, uint64_t *wrong_values)
{
	struct vf_key keys[BATCH];
	unsigned char found[BATCH];
	uint64_t values[BATCH], sum = 0;

	while (from < to) {
		size_t n = to - from < BATCH ? (size_t)(to - from) : BATCH;

		for (size_t i = 0; i < n; i++) {
			keys[i] = number(set, from + i);
			values[i] = 7;
		}
		vf_keyset_find(set, keys, n, found, wrong_values != NULL ? values : NULL);
		for (size_t i = 0; i < n; i++) {
			sum += found[i];
			if (wrong_values != NULL)
				*wrong_values += values[i] != (found[i] ? 3 * (from + i) + 1 : 7);
		}
		from += n;
	}
	return sum;
}

/* Sets of each slot size, grown from nothing, made large enough, and made for a tenth of what comes. */
static void
test_many(size_t value_size, uint64_t expected)
{
	struct vf_keyset *set = new_set(value_size, expected);
	uint64_t wrong = 0, *values = value_size > 0 ? &wrong : NULL;

	ok(add(set, 0, MANY, value_size > 0) == MANY && vf_keyset_count(set) == MANY,
		"value of %zu bytes, made for %" PRIu64 ": %d keys are all new", value_size, expected, MANY);
	ok(count_found(set, 0, MANY, values) == MANY && wrong == 0, "all of them are found again, with their values");
	ok(count_found(set, MANY, 2 * MANY, values) == 0 && wrong == 0, "no other key is, and its value is left alone");
	ok(add(set, MANY / 2, MANY + 1000, value_size > 0) == 1000 && vf_keyset_count(set) == MANY + 1000,
		"added again, only those that were not there are new");
	vf_keyset_free(set);
}

static void
test_twice_in_a_group(void)
{
	struct vf_keyset *set = new_set(8, 0);
	struct vf_key keys[200];
	unsigned char fresh[200];
	uint64_t values[200];
	unsigned wrong = 0;

	for (size_t i = 0; i < 200; i++) {
		keys[i] = number(set, i % 10);
		values[i] = 1000 + i;
	}
	ok(vf_keyset_add(set, keys, 200, fresh, values, &err) == 0 && vf_keyset_count(set) == 10, "200 keys, ten different, are ten keys");
	for (size_t i = 0; i < 200; i++)
		wrong += fresh[i] != (i < 10) || values[i] != 1000 + i % 10;
	ok(wrong == 0, "the first of each is new, the others get its value");
	ok(vf_keyset_add(set, keys, 0, fresh, values, &err) == 0 && vf_keyset_count(set) == 10, "a group of none adds none");
	vf_keyset_free(set);
}

static void
test_values(void)
{
	struct vf_keyset *small = new_set(4, 0), *large = new_set(8, 0), *none = new_set(0, 0);
	struct vf_key key = number(large, 1), other = number(small, 1);
	uint64_t v = UINT64_MAX - 5;
	unsigned char fresh, found;

	vf_keyset_add(large, &key, 1, &fresh, &v, &err);
	v = 0;
	vf_keyset_find(large, &key, 1, &found, &v);
	ok(found && v == UINT64_MAX - 5, "eight bytes hold 64 bits");
	ok(vf_keyset_set(large, key, 17), "the value of a key that is there can be set");
	v = 99;
	vf_keyset_add(large, &key, 1, &fresh, &v, &err);
	ok(!fresh && v == 17, "adding it again gives the value set");
	v = UINT32_MAX;
	vf_keyset_add(small, &other, 1, &fresh, &v, &err);
	v = 0;
	vf_keyset_find(small, &other, 1, &found, &v);
	ok(found && v == UINT32_MAX, "four bytes hold 32 bits");
	other = number(large, 2);
	ok(!vf_keyset_set(large, other, 1) && vf_keyset_count(large) == 1, "setting a key that is not there adds nothing");
	vf_keyset_add(large, &other, 1, &fresh, NULL, &err);
	v = 5;
	vf_keyset_find(large, &other, 1, &found, &v);
	ok(found && v == 0, "a key added without a value has 0");
	key = number(none, 1);
	vf_keyset_add(none, &key, 1, &fresh, NULL, &err);
	ok(fresh && vf_keyset_set(none, key, 1) && vf_keyset_count(none) == 1, "a set without values takes none and stays whole");
	vf_keyset_free(small);
	vf_keyset_free(large);
	vf_keyset_free(none);
}

static bool
same(struct vf_key a, struct vf_key b)
{
	return a.a == b.a && a.b == b.b;
}

static void
test_keys(void)
{
	struct vf_keyset *set = new_set(0, 0), *other = new_set(0, 0);
	struct vf_slice ab = vf_slice_str("ab");

	ok(same(vf_keyset_key(set, ab), vf_keyset_key(set, vf_slice("abc", 2))), "the same bytes have the same key");
	ok(!same(vf_keyset_key(set, ab), vf_keyset_key(other, ab)), "in another set they have another");
	ok(!same(vf_keyset_key(set, ab), vf_keyset_key(set, vf_slice("ab\0", 3))), "a NUL counts");
	vf_keyset_free(set);
	vf_keyset_free(other);
}

/* Keys made by hand, all for one bucket or for the last of a shard: the search must go on, and round the end. */
static void
test_crowded(unsigned top, uint32_t middle, const char *where)
{
	struct vf_keyset *set = new_set(4, 0);
	unsigned wrong = 0;

	for (uint32_t i = 0; i < 5000; i++) {
		struct vf_key key = { (uint64_t)top << 56 | (uint64_t)middle << 24 | (i & 0xffffff), i + 1 };
		uint64_t v = i;
		unsigned char fresh;

		if (vf_keyset_add(set, &key, 1, &fresh, &v, &err) < 0)
			bail_out(err.text);
		wrong += !fresh;
	}
	for (uint32_t i = 0; i < 6000; i++) {
		struct vf_key key = { (uint64_t)top << 56 | (uint64_t)middle << 24 | (i & 0xffffff), i + 1 };
		uint64_t v = 0;
		unsigned char found;

		vf_keyset_find(set, &key, 1, &found, &v);
		wrong += found != (i < 5000) || (found && v != i);
	}
	ok(wrong == 0, "5,000 keys that all belong into %s are kept apart", where);
	vf_keyset_free(set);
}

/* A part of a key alone must not decide: one half zero, and halves that differ in one bit. */
static void
test_near(void)
{
	struct vf_keyset *set = new_set(0, 0);
	unsigned wrong = 0, n = 0;
	unsigned char fresh;

	for (int bit = -1; bit < 96; bit++) {
		struct vf_key key = { bit >= 0 && bit < 64 ? (uint64_t)1 << bit : 0, bit >= 64 ? (uint32_t)1 << (bit - 64) : 0 };

		if (bit < 0)
			continue;	/* all zero is no key */
		vf_keyset_add(set, &key, 1, &fresh, NULL, &err);
		wrong += !fresh;
		n++;
		vf_keyset_add(set, &key, 1, &fresh, NULL, &err);
		wrong += fresh;
	}
	ok(wrong == 0 && vf_keyset_count(set) == n && n == 96, "keys of a single bit are all different");
	vf_keyset_free(set);
}

/* Against a plain list: random adds, finds and sets of few keys, so that all cases come often. */
static void
test_model(void)
{
	enum { KEYS = 3000, ROUNDS = 200000 };
	static bool there[KEYS];
	static uint64_t value[KEYS];
	struct vf_keyset *set = new_set(8, 0);
	unsigned wrong = 0, n = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t k = tap_below(KEYS);
		struct vf_key key = number(set, k);
		uint64_t v = tap_random(), old = v;
		unsigned char is;

		switch (tap_below(3)) {
		case 0:
			wrong += vf_keyset_add(set, &key, 1, &is, &v, &err) < 0 || is == there[k] || v != (is ? old : value[k]);
			n += !there[k];
			there[k] = true;
			value[k] = v;
			break;
		case 1:
			vf_keyset_find(set, &key, 1, &is, &v);
			wrong += is != there[k] || v != (is ? value[k] : old);
			break;
		default:
			wrong += vf_keyset_set(set, key, v) != there[k];
			if (there[k])
				value[k] = v;
		}
	}
	ok(wrong == 0 && vf_keyset_count(set) == n, "%d random calls answer as a plain list does", ROUNDS);
	vf_keyset_free(set);
}

/* With the address space cut, growing must fail as an error, and the set stay as it was. */
static void
test_no_memory(void)
{
	struct vf_keyset *set = new_set(0, 0);
	struct rlimit was, now;
	uint64_t n = 0, left;
	struct vf_key key;
	unsigned char fresh;
	int rc = 0;

	if (getrlimit(RLIMIT_AS, &was) != 0)
		bail_out("getrlimit");
	now = was;
	now.rlim_cur = 1 << 20;
	if (setrlimit(RLIMIT_AS, &now) != 0)
		bail_out("setrlimit");
	for (; rc == 0 && n < 1000000; n += rc == 0) {
		key = number(set, n);
		rc = vf_keyset_add(set, &key, 1, &fresh, NULL, &err);
	}
	ok(vf_keyset_new(0, 1u << 24, &err) == NULL && err.kind == VF_ERR_FAILED, "a set too large for the memory is an error");
	setrlimit(RLIMIT_AS, &was);
	left = count_found(set, 0, n, NULL);
	ok(rc < 0 && err.kind == VF_ERR_FAILED, "memory at an end is an error");
	ok(left == n && vf_keyset_count(set) == n && add(set, n, n + 10000, false) == 10000, "the keys stay, and it goes on when there is memory again");
	vf_keyset_free(set);
}

int
main(void)
{
	tap_seed();
	if (vf_hash_start(&err) < 0)
		bail_out(err.text);
	for (size_t value_size = 0; value_size <= 8; value_size += 4) {
		test_many(value_size, 0);
		test_many(value_size, MANY / 10);
		test_many(value_size, MANY);
	}
	test_twice_in_a_group();
	test_values();
	test_keys();
	test_crowded(0, 0, "the first bucket of a shard");
	test_crowded(255, 0xffffffff, "the last bucket of the last shard");
	test_crowded(7, 0x80000000, "a bucket in the middle");
	test_near();
	test_model();
	test_no_memory();
	ok(vf_keyset_new(0, UINT64_MAX, &err) == NULL && err.kind == VF_ERR_FAILED, "room for 2^64 keys is refused");
	vf_keyset_free(NULL);
	return done_testing();
}
