/*
 * net/limiter.h -- so many a second, for a whole process, asked at the moment
 * of sending.
 *
 * Over any second that one cares to look at there are at most rate + w starts'
 * worth of units, w being the weight of one start (rate + 1 where all weigh 1).
 * A start that comes late by less than its turn's length does not put off those
 * after it, so an event loop that wakes up a little late still reaches the rate.
 * Time that nobody used is not saved up.
 *
 * A value that owns nothing.  Times are those of vf_clock_ns(), handed in.
 */
#ifndef VF_NET_LIMITER_H
#define VF_NET_LIMITER_H

#include <stdint.h>

struct vf_limiter {
	double interval;		/* nanoseconds a unit; 0: no limit */
	double due;			/* when the next start's turn is */
	uint64_t paused;		/* nothing starts before */
};

/* units_per_second 0: no limit but the pauses. */
void vf_limiter_init(struct vf_limiter *, double units_per_second);

/* When the next start may be; at or before `now`: at once. */
uint64_t vf_limiter_next(const struct vf_limiter *);

/* A start of so many units (0 counts as 1), at or after vf_limiter_next(). */
void vf_limiter_start(struct vf_limiter *, uint64_t now, uint32_t units);

/* Nothing starts before `until`; the later of two pauses holds. */
void vf_limiter_pause(struct vf_limiter *, uint64_t until);

/* How many units may start from now to now + ns, at least 1 when one may start at once; UINT32_MAX without a limit. */
uint32_t vf_limiter_within(const struct vf_limiter *, uint64_t now, uint64_t ns);

#endif
