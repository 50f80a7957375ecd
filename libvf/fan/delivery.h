/*
 * fan/delivery.h -- what became of a wave's notifications: how many by status
 * and by cause, how many requests that took, how long the answers took, when
 * they came, and how fast.  It goes into the stats line under `delivery`, and
 * vf-tally reads it back and adds several together.
 *
 * A struct vf_delivery is a value of about 24 KiB that owns nothing: whatever
 * the number of messages, it does not grow.  vf_delivery_init() it, call
 * vf_delivery_add() once for each result, vf_delivery_put() at the end.  Adding
 * two together gives what one would have become that saw both; nothing but the
 * order of the causes, and where more than VF_DELIVERY_CAUSES differ which of
 * them are `other`, depends on the order of calls.  There are no
 * personal data in it: callers give words and numbers only.
 */
#ifndef VF_FAN_DELIVERY_H
#define VF_FAN_DELIVERY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

enum vf_delivery_status {
	VF_DELIVERY_SENT,		/* accepted by the service */
	VF_DELIVERY_FAILED,		/* refused, retries exhausted, or not fit to be requested */
	VF_DELIVERY_UNKNOWN,		/* the request left, no answer came */
	VF_DELIVERY_DEFERRED,		/* outside its window: held */
	VF_DELIVERY_SUPPRESSED,		/* opted out */
	VF_DELIVERY_EXPIRED,		/* a queue's message past its visibility: left to the next who gets it */
	VF_DELIVERY_UNSENT,		/* the run ended before its turn came */
	VF_DELIVERY_DRY_RUN,
	VF_DELIVERY_STATUSES
};
extern const char *const vf_delivery_status_names[VF_DELIVERY_STATUSES];	/* `sent`, …, `dry-run` */
/* -1 for any other word. */
int vf_delivery_status_of(struct vf_slice);

/* One result, as it goes into the results file. */
struct vf_delivery_event {
	enum vf_delivery_status status;
	const char *cause;		/* a fixed kebab-case word; NULL: http-NNN of http_status, else `no-cause` */
	unsigned http_status;		/* 0: none */
	unsigned attempts;		/* requests that were started for it, of earlier runs too; 0: never requested */
	unsigned segments;		/* message parts; 0 where that means nothing */
	uint64_t latency_us;		/* of the request that decided it; 0: not known */
	int64_t finished_ms;		/* wall clock, since 1970; 0: not known */
	bool known;			/* out of the journal, not of this run: counts everywhere but in the rate */
};

#define VF_DELIVERY_CAUSES 64		/* different ones, of all statuses; more are counted as `other` */
#define VF_DELIVERY_CAUSE_LEN 31
#define VF_DELIVERY_BUCKETS 1792
#define VF_DELIVERY_POINTS 200

struct vf_delivery_cause {
	enum vf_delivery_status status;
	char word[VF_DELIVERY_CAUSE_LEN + 1];
	uint64_t n;
};

struct vf_delivery_point {
	uint64_t sent, failed, unknown;
};

struct vf_delivery {
	char channel[16];		/* `sms`, `email-queue`, `email` */
	bool cumulative;		/* set by callers whose results hold those of earlier runs, from a journal */
	uint64_t throttled;		/* set by callers: answers that asked to slow down (429, Retry-After) */

	uint64_t results, statuses[VF_DELIVERY_STATUSES];
	uint64_t attempted;		/* results with one attempt or more */
	uint64_t attempts, segments;
	struct vf_delivery_cause causes[VF_DELIVERY_CAUSES];
	int ncauses;

	/* Latency: bucket width is at most 1/64 of the value, so that a quantile is right within 0.8 %. */
	uint64_t latencies, latency_sum, latency_min, latency_max;
	uint64_t buckets[VF_DELIVERY_BUCKETS];

	/* When requested results finished: `npoints` steps of `step` seconds, the first from `start` on. */
	int64_t start, step;
	int npoints;
	struct vf_delivery_point points[VF_DELIVERY_POINTS];

	/* Of this run alone: gaps between one attempted result and the next, and the time they took. */
	uint64_t gaps, active_ms;
	int64_t first_ms, last_ms;
	uint64_t paced;
};

/* channel: at most 15 bytes, kept. */
void vf_delivery_init(struct vf_delivery *, const char *channel);
void vf_delivery_add(struct vf_delivery *, const struct vf_delivery_event *);
/* Adds the second to the first; the first keeps its channel if it has one. */
void vf_delivery_merge(struct vf_delivery *, const struct vf_delivery *);

/* Microseconds at the quantile (0.5, 0.95, 0.99; nearest rank); 0 when there are no latencies. */
uint64_t vf_delivery_quantile(const struct vf_delivery *, double q);
/* Results a second over the time of this run, or runs, that had any; 0 when fewer than two. */
double vf_delivery_rate(const struct vf_delivery *);
/* How many of a status have this cause. */
uint64_t vf_delivery_cause(const struct vf_delivery *, enum vf_delivery_status, const char *word);
/* Results that no request could have been made for: bad address, second record of a fan, placeholder code. */
uint64_t vf_delivery_unfit(const struct vf_delivery *);

/* The JSON object that goes under `delivery`; 0, or -1 when the buffer is exhausted. */
int vf_delivery_put(struct vf_buf *, const struct vf_delivery *);
/*
 * Reads such an object and adds it; 1, or 0 when there is none, or -1 with the
 * error filled (VF_ERR_CONFIG when it is not what vf_delivery_put() writes; the
 * value is then of no use).
 */
int vf_delivery_get(struct vf_delivery *, const struct vf_json_at *, struct vf_error *);

#endif
