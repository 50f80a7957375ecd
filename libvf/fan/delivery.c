/* fan/delivery.c -- what became of a wave's notifications, in a value that does not grow. */
#include "fan/delivery.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/date.h"
#include "base/text.h"

#define COUNT_MAX ((uint64_t)1 << 50)		/* of a figure that is read, so that sums of thousands do not overflow */
#define LATENCY_MAX (((uint64_t)1 << 33) - 1)	/* 2 h 23 min, in microseconds: what the last bucket ends with */
#define TIME_MAX INT64_C(253402300799)		/* the year 9999 ends */
#define SUB 64					/* buckets of a power of two */

const char *const vf_delivery_status_names[VF_DELIVERY_STATUSES] = {
	[VF_DELIVERY_SENT] = "sent", [VF_DELIVERY_FAILED] = "failed", [VF_DELIVERY_UNKNOWN] = "unknown",
	[VF_DELIVERY_DEFERRED] = "deferred", [VF_DELIVERY_SUPPRESSED] = "suppressed", [VF_DELIVERY_EXPIRED] = "expired",
	[VF_DELIVERY_UNSENT] = "unsent", [VF_DELIVERY_DRY_RUN] = "dry-run",
};

/* Each divides the next: so a point is never split when steps get longer, and sums stay exact in any order. */
static const int64_t steps[] = { 1, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400, 864000, 8640000, 86400000,
	864000000, INT64_C(8640000000) };

int
vf_delivery_status_of(struct vf_slice word)
{
	for (int i = 0; i < VF_DELIVERY_STATUSES; i++)
		if (vf_slice_is(word, vf_delivery_status_names[i]))
			return i;
	return -1;
}

void
vf_delivery_init(struct vf_delivery *d, const char *channel)
{
	*d = (struct vf_delivery){ .step = steps[0] };
	snprintf(d->channel, sizeof(d->channel), "%s", channel);
}

/* Causes --------------------------------------------------------------------- */

static bool
plain_word(struct vf_slice word)
{
	if (word.n == 0 || word.n > VF_DELIVERY_CAUSE_LEN)
		return false;
	for (size_t i = 0; i < word.n; i++)
		if (!((word.p[i] >= 'a' && word.p[i] <= 'z') || (word.p[i] >= '0' && word.p[i] <= '9') || word.p[i] == '-'))
			return false;
	return true;
}

/* Where the word of this status is counted; the last place of each status that a full table has is its `other`. */
static struct vf_delivery_cause *
find_cause(struct vf_delivery *d, enum vf_delivery_status status, struct vf_slice word)
{
	for (int i = 0; i < d->ncauses; i++)
		if (d->causes[i].status == status && vf_slice_is(word, d->causes[i].word))
			return &d->causes[i];
	return NULL;
}

static void
count_cause(struct vf_delivery *d, enum vf_delivery_status status, struct vf_slice word, uint64_t n)
{
	static const struct vf_slice other = VF_SLICE("other");
	struct vf_delivery_cause *c;

	if (!plain_word(word))
		word = other;
	c = find_cause(d, status, word);
	/* The last places are kept for the `other` of each status. */
	if (c == NULL && !vf_slice_eq(word, other) && d->ncauses >= VF_DELIVERY_CAUSES - VF_DELIVERY_STATUSES) {
		word = other;
		c = find_cause(d, status, word);
	}
	if (c == NULL) {
		c = &d->causes[d->ncauses++];
		*c = (struct vf_delivery_cause){ .status = status };
		memcpy(c->word, word.p, word.n);
	}
	c->n += n;
}

uint64_t
vf_delivery_cause(const struct vf_delivery *d, enum vf_delivery_status status, const char *word)
{
	for (int i = 0; i < d->ncauses; i++)
		if (d->causes[i].status == status && strcmp(d->causes[i].word, word) == 0)
			return d->causes[i].n;
	return 0;
}

uint64_t
vf_delivery_unfit(const struct vf_delivery *d)
{
	return vf_delivery_cause(d, VF_DELIVERY_FAILED, "bad-address") +
		vf_delivery_cause(d, VF_DELIVERY_FAILED, "duplicate-fan") +
		vf_delivery_cause(d, VF_DELIVERY_FAILED, "tm-code");
}

/* Latency -------------------------------------------------------------------- */

/* Values below SUB have a bucket each; above, each power of two has SUB of them. */
static size_t
bucket_of(uint64_t us)
{
	int e;

	if (us > LATENCY_MAX)
		us = LATENCY_MAX;
	if (us < SUB)
		return (size_t)us;
	e = 63 - __builtin_clzll(us) - 6;
	return (size_t)(e + 1) * SUB + (size_t)(us >> e) - SUB;
}

static uint64_t
bucket_low(size_t i)
{
	return i < SUB ? i : (uint64_t)(i % SUB + SUB) << (i / SUB - 1);
}

static void
count_latency(struct vf_delivery *d, uint64_t us)
{
	if (us > LATENCY_MAX)
		us = LATENCY_MAX;
	d->buckets[bucket_of(us)]++;
	d->latency_sum += us;
	if (d->latencies == 0 || us < d->latency_min)
		d->latency_min = us;
	if (us > d->latency_max)
		d->latency_max = us;
	d->latencies++;
}

uint64_t
vf_delivery_quantile(const struct vf_delivery *d, double q)
{
	uint64_t rank, seen = 0, us;

	if (d->latencies == 0)
		return 0;
	rank = (uint64_t)(q * (double)d->latencies);
	if ((double)rank < q * (double)d->latencies)
		rank++;		/* the nearest rank: the first that has q of all at or below it */
	if (rank == 0)
		rank = 1;
	for (size_t i = 0; i < VF_DELIVERY_BUCKETS; i++) {
		seen += d->buckets[i];
		if (seen < rank)
			continue;
		us = i < SUB ? i : (bucket_low(i) + bucket_low(i + 1)) / 2;
		return us < d->latency_min ? d->latency_min : us > d->latency_max ? d->latency_max : us;
	}
	return d->latency_max;
}

/* Time ----------------------------------------------------------------------- */

/* Steps of the next length; two or more old points make a new one. */
static void
coarsen(struct vf_delivery *d)
{
	int64_t next = d->step, start;
	int n = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i] > d->step) {
			next = steps[i];
			break;
		}
	start = d->start - d->start % next;
	for (int i = 0; i < d->npoints; i++) {
		int to = (int)((d->start + i * d->step - start) / next);	/* never beyond i */
		struct vf_delivery_point p = d->points[i];

		d->points[i] = (struct vf_delivery_point){ 0 };
		d->points[to].sent += p.sent;
		d->points[to].failed += p.failed;
		d->points[to].unknown += p.unknown;
		n = to + 1;
	}
	d->start = start;
	d->step = next;
	d->npoints = n;
}

/* The point that `second` falls into; the line is made longer, or coarser, to hold it. */
static struct vf_delivery_point *
point_at(struct vf_delivery *d, int64_t second)
{
	int64_t at, first, last;

	if (d->npoints == 0) {
		d->start = second - second % d->step;
		d->points[0] = (struct vf_delivery_point){ 0 };
		d->npoints = 1;
	}
	for (;; coarsen(d)) {
		at = second - second % d->step;
		first = at < d->start ? at : d->start;
		last = d->start + (d->npoints - 1) * d->step;
		if (at > last)
			last = at;
		if ((last - first) / d->step < VF_DELIVERY_POINTS)
			break;
	}
	if (first < d->start) {
		int by = (int)((d->start - first) / d->step);

		memmove(d->points + by, d->points, (size_t)d->npoints * sizeof(*d->points));
		memset(d->points, 0, (size_t)by * sizeof(*d->points));
		d->start = first;
		d->npoints += by;
	}
	for (; d->start + (d->npoints - 1) * d->step < last; d->npoints++)
		d->points[d->npoints] = (struct vf_delivery_point){ 0 };
	return &d->points[(at - d->start) / d->step];
}

static void
count_pace(struct vf_delivery *d, int64_t ms)
{
	if (d->paced == 0 || ms < d->first_ms)
		d->first_ms = ms;
	if (d->paced == 0 || ms > d->last_ms)
		d->last_ms = ms;
	d->paced++;
}

/* This run's gaps and their time, with those of runs that were merged into it. */
static void
pace(const struct vf_delivery *d, uint64_t *gaps, uint64_t *ms)
{
	*gaps = d->gaps;
	*ms = d->active_ms;
	if (d->paced > 1) {
		*gaps += d->paced - 1;
		*ms += (uint64_t)(d->last_ms - d->first_ms);
	}
}

double
vf_delivery_rate(const struct vf_delivery *d)
{
	uint64_t gaps, ms;

	pace(d, &gaps, &ms);
	return ms == 0 ? 0 : (double)gaps * 1000 / (double)ms;
}

/* Adding --------------------------------------------------------------------- */

static void
count_finished(struct vf_delivery *d, const struct vf_delivery_event *e)
{
	struct vf_delivery_point *p;

	if (e->finished_ms <= 0 || e->finished_ms / 1000 > TIME_MAX)
		return;
	p = point_at(d, e->finished_ms / 1000);
	p->sent += e->status == VF_DELIVERY_SENT;
	p->failed += e->status == VF_DELIVERY_FAILED;
	p->unknown += e->status == VF_DELIVERY_UNKNOWN;
	if (!e->known)
		count_pace(d, e->finished_ms);
}

void
vf_delivery_add(struct vf_delivery *d, const struct vf_delivery_event *e)
{
	char word[16];

	d->results++;
	d->statuses[e->status]++;
	d->attempted += e->attempts > 0;
	d->attempts += e->attempts;
	d->segments += e->segments;
	if (e->cause != NULL) {
		count_cause(d, e->status, vf_slice_str(e->cause), 1);
	} else if (e->status != VF_DELIVERY_SENT && e->status != VF_DELIVERY_DRY_RUN) {
		snprintf(word, sizeof(word), e->http_status > 0 ? "http-%u" : "no-cause", e->http_status);
		count_cause(d, e->status, vf_slice_str(word), 1);
	}
	if (e->latency_us > 0)
		count_latency(d, e->latency_us);
	if (e->attempts > 0 && e->status <= VF_DELIVERY_UNKNOWN)
		count_finished(d, e);
}

static void
merge_latency(struct vf_delivery *d, const struct vf_delivery *from)
{
	if (from->latencies == 0)
		return;
	if (d->latencies == 0 || from->latency_min < d->latency_min)
		d->latency_min = from->latency_min;
	if (from->latency_max > d->latency_max)
		d->latency_max = from->latency_max;
	d->latencies += from->latencies;
	d->latency_sum += from->latency_sum;
	for (size_t i = 0; i < VF_DELIVERY_BUCKETS; i++)
		d->buckets[i] += from->buckets[i];
}

static void
merge_points(struct vf_delivery *d, const struct vf_delivery *from)
{
	if (from->npoints == 0)
		return;
	while (d->step < from->step)
		if (d->npoints > 0)
			coarsen(d);
		else
			d->step = from->step;
	for (int i = 0; i < from->npoints; i++) {
		struct vf_delivery_point *p;

		if ((i > 0 && i + 1 < from->npoints) && from->points[i].sent == 0 && from->points[i].failed == 0 &&
			from->points[i].unknown == 0)
			continue;
		p = point_at(d, from->start + i * from->step);
		p->sent += from->points[i].sent;
		p->failed += from->points[i].failed;
		p->unknown += from->points[i].unknown;
	}
}

void
vf_delivery_merge(struct vf_delivery *d, const struct vf_delivery *from)
{
	uint64_t gaps, ms;

	if (d->channel[0] == '\0')
		memcpy(d->channel, from->channel, sizeof(d->channel));
	d->cumulative |= from->cumulative;
	d->throttled += from->throttled;
	d->results += from->results;
	d->attempted += from->attempted;
	d->attempts += from->attempts;
	d->segments += from->segments;
	for (int i = 0; i < VF_DELIVERY_STATUSES; i++)
		d->statuses[i] += from->statuses[i];
	for (int i = 0; i < from->ncauses; i++)
		count_cause(d, from->causes[i].status, vf_slice_str(from->causes[i].word), from->causes[i].n);
	merge_latency(d, from);
	merge_points(d, from);
	pace(from, &gaps, &ms);
	d->gaps += gaps;
	d->active_ms += ms;
}

/* Writing -------------------------------------------------------------------- */

static void
put_causes(struct vf_buf *b, const struct vf_delivery *d)
{
	const char *before = "";

	vf_buf_add_str(b, ",\"causes\":{");
	for (int s = 0; s < VF_DELIVERY_STATUSES; s++) {
		const char *sep = NULL;

		for (int i = 0; i < d->ncauses; i++) {
			if (d->causes[i].status != (enum vf_delivery_status)s)
				continue;
			if (sep == NULL)
				vf_buf_addf(b, "%s\"%s\":{", before, vf_delivery_status_names[s]);
			vf_buf_addf(b, "%s\"%s\":%" PRIu64, sep != NULL ? sep : "", d->causes[i].word, d->causes[i].n);
			sep = before = ",";
		}
		if (sep != NULL)
			vf_buf_add_char(b, '}');
	}
	vf_buf_add_char(b, '}');
}

static void
put_seconds(struct vf_buf *b, const char *key, uint64_t us)
{
	vf_buf_addf(b, "\"%s\":%" PRIu64 ".%06" PRIu64 ",", key, us / 1000000, us % 1000000);
}

static void
put_latency(struct vf_buf *b, const struct vf_delivery *d)
{
	const char *sep = "";

	if (d->latencies == 0) {
		vf_buf_add_str(b, ",\"latency\":null");
		return;
	}
	vf_buf_addf(b, ",\"latency\":{\"count\":%" PRIu64 ",", d->latencies);
	put_seconds(b, "min", d->latency_min);
	put_seconds(b, "p50", vf_delivery_quantile(d, 0.50));
	put_seconds(b, "p95", vf_delivery_quantile(d, 0.95));
	put_seconds(b, "p99", vf_delivery_quantile(d, 0.99));
	put_seconds(b, "max", d->latency_max);
	put_seconds(b, "sum", d->latency_sum);
	vf_buf_add_str(b, "\"buckets\":[");
	for (size_t i = 0; i < VF_DELIVERY_BUCKETS; i++)
		if (d->buckets[i] > 0) {
			vf_buf_addf(b, "%s[%" PRIu64 ",%" PRIu64 "]", sep, bucket_low(i), d->buckets[i]);
			sep = ",";
		}
	vf_buf_add_str(b, "]}");
}

static void
put_row(struct vf_buf *b, const struct vf_delivery *d, const char *key, size_t offset)
{
	vf_buf_addf(b, ",\"%s\":[", key);
	for (int i = 0; i < d->npoints; i++) {
		const void *n = (const char *)&d->points[i] + offset;

		if (i > 0)
			vf_buf_add_char(b, ',');
		vf_buf_add_u64(b, *(const uint64_t *)n);
	}
	vf_buf_add_char(b, ']');
}

static void
put_timeline(struct vf_buf *b, const struct vf_delivery *d)
{
	char start[VF_DATE_LEN + 1];

	if (d->npoints == 0) {
		vf_buf_add_str(b, ",\"timeline\":null");
		return;
	}
	vf_date_put(start, d->start);
	vf_buf_addf(b, ",\"timeline\":{\"start\":\"%s\",\"step\":%" PRId64, start, d->step);
	put_row(b, d, "sent", offsetof(struct vf_delivery_point, sent));
	put_row(b, d, "failed", offsetof(struct vf_delivery_point, failed));
	put_row(b, d, "unknown", offsetof(struct vf_delivery_point, unknown));
	vf_buf_add_char(b, '}');
}

int
vf_delivery_put(struct vf_buf *b, const struct vf_delivery *d)
{
	uint64_t gaps, ms;

	pace(d, &gaps, &ms);
	vf_buf_add_str(b, "{\"channel\":");
	vf_text_add_json(b, vf_slice_str(d->channel));
	vf_buf_addf(b, ",\"cumulative\":%s,\"results\":%" PRIu64 ",\"attempted\":%" PRIu64 ",\"statuses\":{",
		d->cumulative ? "true" : "false", d->results, d->attempted);
	for (int i = 0; i < VF_DELIVERY_STATUSES; i++)
		vf_buf_addf(b, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", vf_delivery_status_names[i], d->statuses[i]);
	vf_buf_add_char(b, '}');
	put_causes(b, d);
	vf_buf_addf(b, ",\"attempts\":%" PRIu64 ",\"segments\":%" PRIu64 ",\"throttled\":%" PRIu64
		",\"rate\":{\"perSecond\":%.1f,\"gaps\":%" PRIu64 ",\"ms\":%" PRIu64 "}", d->attempts, d->segments,
		d->throttled, vf_delivery_rate(d), gaps, ms);
	put_latency(b, d);
	put_timeline(b, d);
	return vf_buf_add_char(b, '}') < 0 || b->failed ? -1 : 0;
}

/* Reading -------------------------------------------------------------------- */

static int
get_count(const struct vf_json_at *up, const char *key, uint64_t *n, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	int rc = vf_json_get_u64(&at, n, err);

	return rc > 0 && *n > COUNT_MAX ? vf_json_fail(&at, err, "too big for a count") : rc;
}

struct reading {
	struct vf_delivery *d;
	enum vf_delivery_status status;
};

static int
get_status(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_delivery *d = arg;
	int s = vf_delivery_status_of(vf_slice_str(key));

	if (s < 0)
		return vf_json_fail(at, err, "no such status");
	return get_count(at->up, key, &d->statuses[s], err) < 0 ? -1 : 0;
}

static int
get_cause(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct reading *r = arg;
	uint64_t n = 0;

	if (!plain_word(vf_slice_str(key)))
		return vf_json_fail(at, err, "no cause's word");
	if (get_count(at->up, key, &n, err) < 0)
		return -1;
	count_cause(r->d, r->status, vf_slice_str(key), n);
	return 0;
}

static int
get_causes(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct reading r = { .d = arg };
	int s = vf_delivery_status_of(vf_slice_str(key));

	if (s < 0)
		return vf_json_fail(at, err, "no such status");
	r.status = (enum vf_delivery_status)s;
	return vf_json_each(at, get_cause, &r, err);
}

static int
get_seconds(const struct vf_json_at *up, const char *key, double max, uint64_t *us, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	double s = 0;
	int rc = vf_json_get_double(&at, &s, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || !(s >= 0 && s * 1e6 <= max))
		return vf_json_fail(&at, err, rc == 0 ? "missing" : "not a time that can be");
	*us = (uint64_t)(s * 1e6 + 0.5);
	return 0;
}

static int
get_bucket(struct vf_delivery *d, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_json_at low = vf_json_element(at, 0), count = vf_json_element(at, 1);
	uint64_t us = 0, n = 0;
	size_t members = 0;

	if (vf_json_get_array(at, &members, err) < 0)
		return -1;
	if (members != 2)
		return vf_json_fail(at, err, "not two numbers");
	if (vf_json_get_u64(&low, &us, err) < 0 || vf_json_get_u64(&count, &n, err) < 0)
		return -1;
	if (us > LATENCY_MAX || bucket_low(bucket_of(us)) != us)
		return vf_json_fail(&low, err, "no bucket starts there");
	if (n > COUNT_MAX)
		return vf_json_fail(&count, err, "too big for a count");
	d->buckets[bucket_of(us)] += n;
	return 0;
}

static int
get_latency(struct vf_delivery *d, const struct vf_json_at *up, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, "latency"), buckets = vf_json_member(&at, "buckets");
	uint64_t sum = 0;
	size_t n = 0;
	int rc = vf_json_get_object(&at, err);

	if (rc <= 0)
		return rc;
	if (get_count(&at, "count", &d->latencies, err) < 0 ||
		get_seconds(&at, "min", (double)LATENCY_MAX, &d->latency_min, err) < 0 ||
		get_seconds(&at, "max", (double)LATENCY_MAX, &d->latency_max, err) < 0 ||
		get_seconds(&at, "sum", 9007199254740992.0, &d->latency_sum, err) < 0 ||	/* exact up to here */
		vf_json_get_array(&buckets, &n, err) < 0)
		return -1;
	if (n > VF_DELIVERY_BUCKETS)
		return vf_json_fail(&buckets, err, "more buckets than there are");
	for (size_t i = 0; i < n; i++) {
		struct vf_json_at e = vf_json_element(&buckets, i);

		if (get_bucket(d, &e, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < VF_DELIVERY_BUCKETS; i++)
		sum += d->buckets[i];
	return sum != d->latencies ? vf_json_fail(&buckets, err, "not as many as the count says") : 0;
}

static int
get_row(struct vf_delivery *d, const struct vf_json_at *up, const char *key, size_t offset, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	size_t n = 0;

	if (vf_json_get_array(&at, &n, err) < 0)
		return -1;
	if (n == 0 || n > VF_DELIVERY_POINTS || (d->npoints > 0 && (int)n != d->npoints))
		return vf_json_fail(&at, err, "not as many points as a timeline has");
	d->npoints = (int)n;
	for (size_t i = 0; i < n; i++) {
		struct vf_json_at e = vf_json_element(&at, i);
		void *to = (char *)&d->points[i] + offset;
		uint64_t v = 0;

		if (vf_json_get_u64(&e, &v, err) < 0)
			return -1;
		if (v > COUNT_MAX)
			return vf_json_fail(&e, err, "too big for a count");
		*(uint64_t *)to = v;
	}
	return 0;
}

static int
get_timeline(struct vf_delivery *d, const struct vf_json_at *up, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, "timeline"), start = vf_json_member(&at, "start");
	struct vf_json_at step = vf_json_member(&at, "step");
	struct vf_slice text = { "", 0 };
	uint64_t seconds = 0;
	bool good = false;
	int rc = vf_json_get_object(&at, err);

	if (rc <= 0)
		return rc;
	if (vf_json_get_u64(&step, &seconds, err) < 0 || vf_json_get_str(&start, &text, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		good |= steps[i] == (int64_t)seconds;
	if (!good)
		return vf_json_fail(&step, err, "no step of a timeline");
	d->step = (int64_t)seconds;
	if (!vf_date_parse(text, &d->start) || d->start % d->step != 0)
		return vf_json_fail(&start, err, "not where a step starts");
	if (get_row(d, &at, "sent", offsetof(struct vf_delivery_point, sent), err) < 0 ||
		get_row(d, &at, "failed", offsetof(struct vf_delivery_point, failed), err) < 0)
		return -1;
	return get_row(d, &at, "unknown", offsetof(struct vf_delivery_point, unknown), err);
}

static int
get_all(struct vf_delivery *d, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_json_at channel = vf_json_member(at, "channel"), cumulative = vf_json_member(at, "cumulative");
	struct vf_json_at statuses = vf_json_member(at, "statuses"), causes = vf_json_member(at, "causes");
	struct vf_json_at rate = vf_json_member(at, "rate");
	struct vf_slice name = { "", 0 };
	uint64_t sum = 0;

	if (vf_json_get_str(&channel, &name, err) < 0 || vf_json_get_bool(&cumulative, &d->cumulative, err) < 0)
		return -1;
	if (!plain_word(name) || name.n >= sizeof(d->channel))
		return vf_json_fail(&channel, err, "no channel's name");
	memcpy(d->channel, name.p, name.n);
	if (get_count(at, "results", &d->results, err) < 0 || get_count(at, "attempted", &d->attempted, err) < 0 ||
		get_count(at, "attempts", &d->attempts, err) < 0 || get_count(at, "segments", &d->segments, err) < 0 ||
		get_count(at, "throttled", &d->throttled, err) < 0 ||
		vf_json_each(&statuses, get_status, d, err) < 0 || vf_json_each(&causes, get_causes, d, err) < 0 ||
		vf_json_get_object(&rate, err) < 0 || get_count(&rate, "gaps", &d->gaps, err) < 0 ||
		get_count(&rate, "ms", &d->active_ms, err) < 0)
		return -1;
	for (int i = 0; i < VF_DELIVERY_STATUSES; i++)
		sum += d->statuses[i];
	if (sum != d->results || d->attempted > d->results)
		return vf_json_fail(at, err, "the statuses do not make the results");
	return get_latency(d, at, err) < 0 ? -1 : get_timeline(d, at, err);
}

int
vf_delivery_get(struct vf_delivery *d, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_delivery one;
	int rc = vf_json_get_object(at, err);

	if (rc <= 0)
		return rc;
	vf_delivery_init(&one, "");
	if (get_all(&one, at, err) < 0)
		return -1;
	vf_delivery_merge(d, &one);
	return 1;
}
