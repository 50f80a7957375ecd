/* The rate over every second and over a minute, by a clock of our own. */
#include "net/limiter.h"

#include "tap.h"

#define MS ((uint64_t)1000000)
#define S ((uint64_t)1000000000)
#define STARTS 400000

static uint64_t at[STARTS];
static uint32_t units[STARTS];
static size_t n;

/* The most units that any second (both ends included) holds. */
static uint64_t
busiest(void)
{
	uint64_t sum = 0, most = 0;
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		sum += units[i];
		while (at[i] - at[from] > S)
			sum -= units[from++];
		most = sum > most ? sum : most;
	}
	return most;
}

static uint64_t
total(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += units[i];
	return sum;
}

/*
 * A loop that always has something to send and wakes up late by up to `late`
 * nanoseconds, for a time from `begin` on; weights of 1 to `weight`.
 */
static void
run(double rate, uint64_t late, uint32_t weight, uint64_t begin, uint64_t time)
{
	struct vf_limiter l;
	uint64_t now = begin;

	vf_limiter_init(&l, rate);
	for (n = 0; n < STARTS; n++) {
		uint64_t next = vf_limiter_next(&l);

		if (next > now)
			now = next + (late > 0 ? tap_random() % late : 0);
		else
			now += 100;		/* what a start costs */
		if (now - begin >= time)
			break;
		units[n] = weight > 1 ? 1 + (uint32_t)tap_below(weight) : 1;
		at[n] = now;
		vf_limiter_start(&l, now, units[n]);
	}
}

int
main(void)
{
	static const double rates[] = { 1, 3, 7, 50, 200, 1000, 5000 };
	static const uint64_t begins[] = { 0, 5 * S, (uint64_t)90 * 86400 * S };
	struct vf_limiter l;
	uint64_t now = 100 * S;

	tap_seed();
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		for (size_t b = 0; b < sizeof begins / sizeof *begins; b++) {
			double rate = rates[i];
			uint64_t turn = (uint64_t)(1e9 / rate);

			run(rate, turn * 9 / 10, 1, begins[b], 60 * S);
			ok((double)busiest() <= rate + 1 && (double)n >= rate * 60 * 0.99 && (double)n <= rate * 60 + 1,
				"%g a second, woken up late: %zu in a minute, %" PRIu64 " in the busiest second", rate, n, busiest());
			run(rate, 0, 1, begins[b], 60 * S);
			ok((double)busiest() <= rate + 1 && (double)n >= rate * 60, "%g a second, in time: %zu", rate, n);
			run(rate, 20 * turn, 1, begins[b], 60 * S);
			ok((double)busiest() <= rate + 1, "%g a second, very late: %" PRIu64 " in the busiest", rate, busiest());
			run(rate, turn / 2, 5, begins[b], 60 * S);
			ok((double)busiest() <= rate + 5 && (double)total() >= rate * 60 * 0.99,
				"%g units a second, 1 to 5 at a time: %" PRIu64 " in a minute, %" PRIu64 " in the busiest second", rate,
				total(), busiest());
		}

	vf_limiter_init(&l, 0);
	ok(vf_limiter_next(&l) == 0 && vf_limiter_within(&l, now, 1) == UINT32_MAX, "without a rate everything starts at once");
	vf_limiter_start(&l, now, 1);
	ok(vf_limiter_next(&l) <= now, "and again");
	vf_limiter_pause(&l, now + 3 * S);
	vf_limiter_pause(&l, now + 2 * S);
	ok(vf_limiter_next(&l) == now + 3 * S && vf_limiter_within(&l, now, S) == 0 && vf_limiter_within(&l, now + 3 * S, 0) > 0,
		"the later of two pauses holds, with and without a rate");
	vf_limiter_init(&l, 200);
	ok(vf_limiter_within(&l, now, 25 * MS) == 6 && vf_limiter_within(&l, now, 0) == 1, "how many may start soon");
	vf_limiter_start(&l, now, 1);
	ok(vf_limiter_next(&l) == now + 5 * MS && vf_limiter_within(&l, now, 4 * MS) == 0 && vf_limiter_within(&l, now, 5 * MS) == 1,
		"and when the next turn is");
	vf_limiter_pause(&l, now + S);
	vf_limiter_start(&l, now + S, 1);
	ok(vf_limiter_next(&l) == now + S + 5 * MS, "what a pause kept back does not come all at once");
	vf_limiter_start(&l, now + 10 * S, 3);
	ok(vf_limiter_next(&l) == now + 10 * S + 15 * MS, "three units take three turns");
	return done_testing();
}
