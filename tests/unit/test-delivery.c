/* test-delivery.c -- what became of a wave: counts, causes, latency, timeline and rate, against naive recounts. */
#include "fan/delivery.h"
#include "tap.h"

#define EVENTS 20000
#define NOON INT64_C(1796058000000)	/* some day, in milliseconds */

static struct vf_error err;
static struct vf_delivery_event events[EVENTS];

static const char *const words[] = { NULL, NULL, NULL, "timeout", "reset", "bad-address", "duplicate-fan" };

/* A wave that lasts `ms`, in no order. */
static void
make_events(int n, int64_t ms)
{
	for (int i = 0; i < n; i++) {
		struct vf_delivery_event *e = &events[i];

		*e = (struct vf_delivery_event){ .status = (enum vf_delivery_status)tap_below(VF_DELIVERY_STATUSES) };
		if (tap_below(3) > 0)
			e->status = VF_DELIVERY_SENT;
		if (e->status != VF_DELIVERY_SENT)
			e->cause = words[tap_below(sizeof(words) / sizeof(*words))];
		if (e->status > VF_DELIVERY_UNKNOWN)
			continue;
		e->http_status = (unsigned)(e->status == VF_DELIVERY_SENT ? 200 : 400 + tap_below(10));
		e->attempts = (unsigned)(1 + tap_below(4));
		e->segments = (unsigned)(1 + tap_below(3));
		e->latency_us = (uint64_t)1 << tap_below(28);
		e->latency_us += tap_below((size_t)e->latency_us);
		e->finished_ms = NOON + (int64_t)tap_below((size_t)ms);
	}
}

static int
by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void
check_quantiles(const struct vf_delivery *d, int n)
{
	static const double at[] = { 0.01, 0.5, 0.95, 0.99, 0.999, 1 };
	static uint64_t all[EVENTS];
	size_t count = 0;
	double worst = 0;

	for (int i = 0; i < n; i++)
		if (events[i].latency_us > 0)
			all[count++] = events[i].latency_us;
	qsort(all, count, sizeof(*all), by_size);
	for (size_t i = 0; count > 0 && i < sizeof(at) / sizeof(*at); i++) {
		double rank = at[i] * (double)count, want, got = (double)vf_delivery_quantile(d, at[i]), off;
		size_t k = (size_t)rank;

		k += (double)k < rank;
		want = (double)all[k > 0 ? k - 1 : 0];
		off = got > want ? (got - want) / want : (want - got) / want;
		if (off > worst)
			worst = off;
	}
	ok(worst <= 0.008, "quantiles of %zu latencies are right within 0.8 %% (%.2f %%)", count, worst * 100);
}

static void
check_timeline(const struct vf_delivery *d, int n)
{
	uint64_t sent = 0, failed = 0, unknown = 0, wrong = 0, finished = 0;
	static struct vf_delivery_point points[VF_DELIVERY_POINTS];

	memset(points, 0, sizeof(points));
	for (int i = 0; i < n; i++) {
		int64_t k = (events[i].finished_ms / 1000 - d->start) / d->step;

		if (events[i].finished_ms == 0)
			continue;
		finished++;
		if (events[i].finished_ms / 1000 < d->start || k < 0 || k >= d->npoints) {
			wrong++;
			continue;
		}
		points[k].sent += events[i].status == VF_DELIVERY_SENT;
		points[k].failed += events[i].status == VF_DELIVERY_FAILED;
		points[k].unknown += events[i].status == VF_DELIVERY_UNKNOWN;
	}
	for (int i = 0; i < d->npoints; i++) {
		wrong += memcmp(&points[i], &d->points[i], sizeof(points[i])) != 0;
		sent += d->points[i].sent;
		failed += d->points[i].failed;
		unknown += d->points[i].unknown;
	}
	ok(wrong == 0 && (d->npoints > 0) == (finished > 0) && d->npoints <= VF_DELIVERY_POINTS && d->start % d->step == 0,
		"%d points of %" PRId64 " s hold what finished in them", d->npoints, d->step);
	ok(sent == d->statuses[VF_DELIVERY_SENT] && failed == d->statuses[VF_DELIVERY_FAILED] &&
		unknown == d->statuses[VF_DELIVERY_UNKNOWN], "and all that was requested is in one");
}

static void
check_counts(const struct vf_delivery *d, int n)
{
	uint64_t statuses[VF_DELIVERY_STATUSES] = { 0 }, attempted = 0, attempts = 0, segments = 0, by_word = 0, causes = 0;

	for (int i = 0; i < n; i++) {
		statuses[events[i].status]++;
		attempted += events[i].attempts > 0;
		attempts += events[i].attempts;
		segments += events[i].segments;
		by_word += events[i].status == VF_DELIVERY_FAILED && events[i].cause != NULL &&
			strcmp(events[i].cause, "timeout") == 0;
	}
	for (int i = 0; i < d->ncauses; i++)
		if (d->causes[i].status == VF_DELIVERY_FAILED)
			causes += d->causes[i].n;
	ok(d->results == (uint64_t)n && memcmp(statuses, d->statuses, sizeof(statuses)) == 0 && d->attempted == attempted &&
		d->attempts == attempts && d->segments == segments, "%d results are counted by status", n);
	ok(causes == statuses[VF_DELIVERY_FAILED] && vf_delivery_cause(d, VF_DELIVERY_FAILED, "timeout") == by_word,
		"the causes of the failed make the failed");
}

/* Text without its rate, which tells of runs and differs when one becomes two. */
static void
put_sorted(struct vf_buf *b, const struct vf_delivery *d)
{
	char *rate, *end;

	vf_buf_clear(b);
	if (vf_delivery_put(b, d) < 0 || vf_buf_terminate(b) < 0)
		bail_out("no memory");
	rate = strstr(b->p, ",\"rate\":{");
	end = strchr(rate, '}');
	memset(rate, ' ', (size_t)(end + 1 - rate));
}

static int
read_back(struct vf_delivery *d, struct vf_slice text)
{
	struct vf_json *doc = vf_json_parse(text, "d", &err);
	struct vf_json_at root;
	int rc = -1;

	if (doc == NULL)
		return -1;
	root = vf_json_root(doc, "d");
	rc = vf_delivery_get(d, &root, &err);
	vf_json_free(doc);
	return rc;
}

static void
test_random(int n, int64_t ms)
{
	static struct vf_delivery whole, parts[3], sum, back;
	struct vf_buf a = { 0 }, b = { 0 };
	int order = (int)tap_below(3);

	make_events(n, ms);
	vf_delivery_init(&whole, "sms");
	for (int i = 0; i < 3; i++)
		vf_delivery_init(&parts[i], "sms");
	/* So that causes are met in the same order everywhere: their order is the only thing that may differ. */
	for (int i = 0; i < n; i++)
		vf_delivery_add(&whole, &events[i]);
	for (int i = 0; i < n; i++)
		vf_delivery_add(&parts[tap_below(3)], &events[i]);
	check_counts(&whole, n);
	check_quantiles(&whole, n);
	check_timeline(&whole, n);

	vf_delivery_init(&sum, "");
	for (int i = 0; i < 3; i++)
		vf_delivery_merge(&sum, &parts[(i + order) % 3]);
	check_counts(&sum, n);
	ok(strcmp(sum.channel, "sms") == 0 && sum.latencies == whole.latencies && sum.latency_sum == whole.latency_sum &&
		sum.latency_min == whole.latency_min && sum.latency_max == whole.latency_max &&
		memcmp(sum.buckets, whole.buckets, sizeof(sum.buckets)) == 0, "three parts have the latencies of the whole");
	ok(sum.start == whole.start && sum.step == whole.step && sum.npoints == whole.npoints &&
		memcmp(sum.points, whole.points, (size_t)sum.npoints * sizeof(*sum.points)) == 0, "and its timeline");

	put_sorted(&a, &whole);
	vf_buf_clear(&b);
	vf_delivery_init(&back, "");
	if (vf_delivery_put(&b, &whole) < 0 || read_back(&back, vf_buf_slice(&b)) != 1)
		ok(false, "it is read back: %s", err.text);
	ok(vf_delivery_rate(&back) == vf_delivery_rate(&whole), "its rate is the same after it was written and read");
	put_sorted(&b, &back);
	ok(vf_slice_eq(vf_buf_slice(&a), vf_buf_slice(&b)), "so is the rest, byte for byte");
	note("%d results are %zu bytes", n, a.n);
	vf_buf_free(&a);
	vf_buf_free(&b);
}

static void
test_small(void)
{
	static struct vf_delivery d, two;
	struct vf_delivery_event e = { .status = VF_DELIVERY_SENT, .attempts = 1, .latency_us = 1234567, .finished_ms = NOON };
	struct vf_buf b = { 0 };

	vf_delivery_init(&d, "email-queue");
	ok(vf_delivery_quantile(&d, 0.5) == 0 && vf_delivery_rate(&d) == 0, "nothing has no quantile and no rate");
	ok(vf_delivery_put(&b, &d) == 0 && vf_buf_terminate(&b) == 0 && strstr(b.p, "\"latency\":null,\"timeline\":null}") != NULL,
		"nothing is written as null");
	vf_delivery_init(&two, "");
	ok(read_back(&two, vf_buf_slice(&b)) == 1 && two.results == 0 && strcmp(two.channel, "email-queue") == 0,
		"and read back");
	vf_delivery_add(&d, &e);
	ok(vf_delivery_quantile(&d, 0.5) == 1234567 && vf_delivery_quantile(&d, 0.99) == 1234567, "one latency is each quantile");
	ok(vf_delivery_rate(&d) == 0, "one result is no rate");
	for (int i = 1; i <= 400; i++) {
		e.finished_ms = NOON + i * 5;
		vf_delivery_add(&d, &e);
	}
	ok(vf_delivery_rate(&d) == 200, "400 gaps in 2 s are 200 a second");
	e.finished_ms = NOON - 3600000;
	e.known = true;
	vf_delivery_add(&d, &e);
	ok(vf_delivery_rate(&d) == 200 && d.statuses[VF_DELIVERY_SENT] == 402, "what the journal knew counts, but not in the rate");
	vf_delivery_merge(&two, &d);
	vf_delivery_merge(&two, &d);
	ok(vf_delivery_rate(&two) == 200, "two runs at 200 a second are at 200 a second");
	e = (struct vf_delivery_event){ .status = VF_DELIVERY_FAILED, .cause = "bad-address", .finished_ms = NOON };
	vf_delivery_add(&two, &e);
	e.cause = "tm-code";
	vf_delivery_add(&two, &e);
	e.cause = "timeout";
	vf_delivery_add(&two, &e);
	ok(vf_delivery_unfit(&two) == 2 && two.attempted == 804, "what could not be requested is told from what was");
	vf_buf_free(&b);
}

static void
test_edges(void)
{
	static struct vf_delivery d;
	struct vf_delivery_event e = { .status = VF_DELIVERY_FAILED, .attempts = 1, .latency_us = UINT64_MAX };
	struct vf_buf b = { 0 };
	char word[64];
	uint64_t sum = 0;

	vf_delivery_init(&d, "sms");
	for (unsigned i = 0; i < 500; i++) {
		e.http_status = 100 + i;
		vf_delivery_add(&d, &e);
	}
	for (int i = 0; i < 500; i++) {
		snprintf(word, sizeof(word), "word-%d", i);
		e.cause = word;
		e.status = (enum vf_delivery_status)(i % VF_DELIVERY_STATUSES);
		vf_delivery_add(&d, &e);
	}
	for (int i = 0; i < d.ncauses; i++)
		sum += d.causes[i].n;
	ok(d.ncauses <= VF_DELIVERY_CAUSES && sum == 1000 && vf_delivery_cause(&d, VF_DELIVERY_FAILED, "other") > 0,
		"of a thousand causes some are counted as other, and none is lost");
	ok(vf_delivery_cause(&d, VF_DELIVERY_FAILED, "http-100") == 1, "a cause without a word is the answer's status");
	e.cause = "+12125550123";
	e.status = VF_DELIVERY_FAILED;
	vf_delivery_add(&d, &e);
	ok(vf_delivery_cause(&d, VF_DELIVERY_FAILED, "+12125550123") == 0, "what is no plain word is never kept");
	ok(vf_delivery_put(&b, &d) == 0 && vf_delivery_quantile(&d, 0.5) == d.latency_max, "a latency beyond all is the longest");
	vf_buf_free(&b);

	vf_delivery_init(&d, "sms");
	e = (struct vf_delivery_event){ .status = VF_DELIVERY_SENT, .attempts = 1 };
	e.finished_ms = 1000;
	vf_delivery_add(&d, &e);
	e.finished_ms = INT64_C(253402300799999);
	vf_delivery_add(&d, &e);
	e.finished_ms = INT64_MAX;
	vf_delivery_add(&d, &e);
	e.finished_ms = INT64_MIN;
	vf_delivery_add(&d, &e);
	ok(d.npoints <= VF_DELIVERY_POINTS && d.points[0].sent == 1 && d.points[d.npoints - 1].sent == 1 && d.results == 4,
		"1970 and 9999 fit into one timeline; times beyond are none");
}

static void
refuse(const char *text, const char *cause)
{
	static struct vf_delivery d;
	int rc;

	vf_delivery_init(&d, "");
	rc = read_back(&d, vf_slice_str(text));
	ok(rc < 0 && err.kind == VF_ERR_CONFIG && strstr(err.text, cause) != NULL, "refused: %s", cause);
	if (rc >= 0 || strstr(err.text, cause) == NULL)
		note("%s: %s", rc < 0 ? err.text : "taken", text);
}

static void
test_refused(void)
{
	static struct vf_delivery d;
	struct vf_json *doc = vf_json_parse(vf_slice_str("{\"delivery\":null}"), "d", &err);
	struct vf_json_at root, at;

	vf_delivery_init(&d, "");
	root = vf_json_root(doc, "d");
	at = vf_json_member(&root, "delivery");
	ok(vf_delivery_get(&d, &at, &err) == 0, "null is none");
	at = vf_json_member(&root, "absent");
	ok(vf_delivery_get(&d, &at, &err) == 0, "so is what is not there");
	vf_json_free(doc);
	refuse("[]", "not an object");
	refuse("{}", "$.channel: no channel's name");
	refuse("{\"channel\":\"a b\"}", "$.channel");
	refuse("{\"channel\":\"aaaaaaaaaaaaaaaa\"}", "$.channel");
	refuse("{\"channel\":\"sms\",\"results\":1}", "the statuses do not make the results");
	refuse("{\"channel\":\"sms\",\"results\":1,\"attempted\":2,\"statuses\":{\"sent\":1}}", "do not make the results");
	refuse("{\"channel\":\"sms\",\"statuses\":{\"gone\":1}}", "$.statuses.gone: no such status");
	refuse("{\"channel\":\"sms\",\"causes\":{\"failed\":{\"A b\":1}}}", "no cause's word");
	refuse("{\"channel\":\"sms\",\"causes\":{\"failed\":{\"a\":-1}}}", "$.causes.failed.a");
	refuse("{\"channel\":\"sms\",\"throttled\":9223372036854775807}", "too big for a count");
	refuse("{\"channel\":\"sms\",\"latency\":{\"count\":1}}", "$.latency.min: missing");
	refuse("{\"channel\":\"sms\",\"latency\":{\"count\":1,\"min\":-1,\"max\":1,\"sum\":1}}", "$.latency.min: not a time");
	refuse("{\"channel\":\"sms\",\"latency\":{\"count\":1,\"min\":1,\"max\":1,\"sum\":1e300}}", "$.latency.sum: not a time");
	refuse("{\"channel\":\"sms\",\"latency\":{\"count\":1,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[[129,1]]}}",
		"$.latency.buckets[0][0]: no bucket starts there");
	refuse("{\"channel\":\"sms\",\"latency\":{\"count\":2,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[[128,1]]}}",
		"$.latency.buckets: not as many as the count says");
	refuse("{\"channel\":\"sms\",\"latency\":{\"count\":2,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[[128]]}}", "not two numbers");
	refuse("{\"channel\":\"sms\",\"timeline\":{\"start\":\"2026-12-05T20:00:00Z\",\"step\":7}}", "$.timeline.step");
	refuse("{\"channel\":\"sms\",\"timeline\":{\"start\":\"2026-12-05T20:00:01Z\",\"step\":5}}", "$.timeline.start");
	refuse("{\"channel\":\"sms\",\"timeline\":{\"start\":\"2026-12-05T20:00:00Z\",\"step\":5,\"sent\":[]}}", "not as many points");
	refuse("{\"channel\":\"sms\",\"timeline\":{\"start\":\"2026-12-05T20:00:00Z\",\"step\":5,\"sent\":[1,2],\"failed\":[1]}}",
		"$.timeline.failed: not as many points");
}

int
main(void)
{
	tap_seed();
	test_random(EVENTS, 60000);
	test_random(EVENTS, 1800000);
	test_random(3000, INT64_C(86400000) * 40);
	test_random(7, 5000);
	for (int i = 0; i < 20; i++)
		test_random((int)(1 + tap_below(300)), (int64_t)1 << (10 + tap_below(32)));
	test_small();
	test_edges();
	test_refused();
	for (int i = 0; i < VF_DELIVERY_STATUSES; i++)
		ok(vf_delivery_status_of(vf_slice_str(vf_delivery_status_names[i])) == i, "%s", vf_delivery_status_names[i]);
	ok(vf_delivery_status_of(vf_slice_str("sen")) < 0, "no status");
	return done_testing();
}
