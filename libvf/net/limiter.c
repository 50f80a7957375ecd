/* net/limiter.c -- evenly spaced turns. */
#include "net/limiter.h"

#define NS_PER_S 1e9

/*
 * Turns lie at least an interval (times its weight) apart, and a start falls
 * into its own turn: from `due` to just before the next turn, or, when that is
 * over, the turn is moved to where the start is.  So the starts of a second
 * have their turns in a second and one interval more.
 */
void
vf_limiter_init(struct vf_limiter *l, double units_per_second)
{
	*l = (struct vf_limiter){ .interval = units_per_second > 0 ? NS_PER_S / units_per_second : 0 };
}

uint64_t
vf_limiter_next(const struct vf_limiter *l)
{
	uint64_t due = (uint64_t)l->due;

	/* Rounded up: a start is never before its turn. */
	due += (double)due < l->due;
	return due > l->paused ? due : l->paused;
}

void
vf_limiter_start(struct vf_limiter *l, uint64_t now, uint32_t units)
{
	double turn = l->interval * (units > 0 ? units : 1);

	if (l->interval <= 0)
		return;
	l->due = ((double)now - l->due < l->interval ? l->due : (double)now) + turn;
}

void
vf_limiter_pause(struct vf_limiter *l, uint64_t until)
{
	if (until > l->paused)
		l->paused = until;
}

uint32_t
vf_limiter_within(const struct vf_limiter *l, uint64_t now, uint64_t ns)
{
	uint64_t next = vf_limiter_next(l), from = next > now ? next : now;
	double n;

	if (now + ns < from)
		return 0;
	if (l->interval <= 0)
		return UINT32_MAX;
	n = (double)(now + ns - from) / l->interval + 1;
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}
