/*
 * tests/unit/tap.h -- what a unit program says to the TAP driver.
 *
 * ok() for each thing that must hold, named by a sentence about behaviour; at
 * the end `return done_testing();`, which prints the plan and is 1 when a test
 * failed.  Random tests draw from tap_random() after tap_seed(), which prints
 * the seed; VF_TEST_SEED sets it.
 */
#ifndef VF_TESTS_UNIT_TAP_H
#define VF_TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int tap_tests, tap_failures;

#define TAP_USED __attribute__((unused)) static
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

TAP_USED bool __attribute__((format(printf, 4, 5)))
tap_ok(bool holds, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	tap_tests++;
	tap_failures += !holds;
	printf("%sok %d - ", holds ? "" : "not ", tap_tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!holds)
		printf("# failed at %s:%d\n", file, line);
	fflush(stdout);
	return holds;
}

/* A line for the log, beside the tests. */
TAP_USED void __attribute__((format(printf, 1, 2)))
note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* For what makes all further tests meaningless. */
TAP_USED void __attribute__((noreturn))
bail_out(const char *why)
{
	printf("Bail out! %s\n", why);
	exit(1);
}

TAP_USED int
done_testing(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failures > 0 || fflush(stdout) != 0;
}

TAP_USED uint64_t tap_state;

TAP_USED void
tap_seed(void)
{
	const char *given = getenv("VF_TEST_SEED");

	tap_state = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
	note("VF_TEST_SEED=%" PRIu64, tap_state);
}

/* SplitMix64: 64 bits that look random, the same everywhere for a state to start from. */
TAP_USED uint64_t
tap_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

TAP_USED uint64_t
tap_random(void)
{
	return tap_next(&tap_state);
}

/* One of 0 to n - 1. */
TAP_USED size_t
tap_below(size_t n)
{
	return (size_t)(tap_random() % n);
}

#endif
