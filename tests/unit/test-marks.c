/* test-marks.c -- a number that was added is known for ever; few others are. */
#include <stdlib.h>

#include "base/marks.h"
#include "tap.h"

static struct vf_error err;

/* SplitMix64 (Steele, Lea, Flood 2014): a number for each i, no two alike. */
static uint64_t
number(uint64_t i)
{
	uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Adds the numbers of [from, from + n), `at_once` at a time, and says in is[] which were fresh; returns how many. */
static uint64_t
add(struct vf_marks *m, uint64_t from, uint64_t n, size_t at_once, unsigned char *is)
{
	uint64_t numbers[1000], fresh = 0;

	for (uint64_t done = 0; done < n;) {
		size_t k = n - done < at_once ? (size_t)(n - done) : at_once;

		for (size_t i = 0; i < k; i++)
			numbers[i] = number(from + done + i);
		vf_marks_add(m, numbers, k, is + done);
		for (size_t i = 0; i < k; i++)
			fresh += is[done + i];
		done += k;
	}
	return fresh;
}

static void
test_known(uint64_t n, size_t at_once)
{
	struct vf_marks *m = vf_marks_new(n, &err);
	unsigned char *was = malloc(n), *is = malloc(n);
	uint64_t fresh = add(m, 0, n, at_once, was), again = 0, others;

	ok(fresh >= n - n / 500, "%llu of %llu numbers are new, %zu at a time", (unsigned long long)fresh,
		(unsigned long long)n, at_once);
	add(m, 0, n, at_once, is);
	for (uint64_t i = 0; i < n; i++)
		again += was[i] && is[i];
	ok(again == 0, "and then none of them is");
	others = add(m, n, n / 8, at_once, is);
	ok(others >= n / 8 - n / 160, "%llu of %llu others are", (unsigned long long)others, (unsigned long long)(n / 8));
	vf_marks_free(m);
	free(was);
	free(is);
}

/* A line that is full takes no more, and writes nowhere else. */
static void
test_full(void)
{
	static unsigned char is[100000];
	struct vf_marks *m = vf_marks_new(0, &err);
	uint64_t fresh = add(m, 0, sizeof(is), 1000, is);

	ok(fresh == 31, "one line takes 31 numbers: %llu", (unsigned long long)fresh);
	ok(add(m, 0, sizeof(is), 1000, is) == 0, "and then no more");
	vf_marks_free(m);
	vf_marks_free(NULL);
}

/* The same number twice in one group is new once. */
static void
test_twice(void)
{
	struct vf_marks *m = vf_marks_new(10, &err);
	const uint64_t numbers[] = { number(1), number(2), number(1), number(2), number(3) };
	unsigned char fresh[5];

	vf_marks_add(m, numbers, 5, fresh);
	ok(fresh[0] == 1 && fresh[1] == 1 && fresh[2] == 0 && fresh[3] == 0 && fresh[4] == 1, "twice in a group");
	vf_marks_add(m, numbers, 0, fresh);
	vf_marks_free(m);
	ok(vf_marks_new(UINT64_MAX, &err) == NULL && err.kind == VF_ERR_FAILED, "more than memory can hold is refused");
}

int
main(void)
{
	test_known(1, 1);
	test_known(1000, 7);
	test_known(100000, 64);
	test_known(3000000, 1000);
	test_full();
	test_twice();
	return done_testing();
}
