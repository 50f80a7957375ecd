/* fan/metrics.c -- the success metrics, as far as stats lines tell. */
#include "fan/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WAVE_MAX 100000			/* the wave time is promised up to this many fans */
#define RATE 200.0
#define RATE_REACHED (RATE * 0.99)	/* what a limiter of 200 a second lets through over minutes */
#define RATE_MS 10000			/* a rate over less time is none */

const char *const vf_verdict_names[3] = { "ok", "missed", "not measured" };

static const struct vf_metric metrics[VF_METRICS] = {
#define DATA "data processing"
#define CODES "codes"
#define SENDING "notifications"
#define RUNNING "operations"
	{ .id = "scored-file-latency", .group = DATA, .name = "scored file to Kinesis", .target = "< 5 min" },
	{ .id = "data-accuracy", .group = DATA, .name = "records that match the schema", .target = "100 %" },
	{ .id = "merge-success", .group = DATA, .name = "merges that succeeded", .target = "> 99 %" },
	{ .id = "data-loss", .group = DATA, .name = "records lost between in and out", .target = "0" },
	{ .id = "code-uniqueness", .group = CODES, .name = "codes given to one fan only", .target = "100 %" },
	{ .id = "code-assignment", .group = CODES, .name = "valid fans who got a code", .target = "> 99.5 %" },
	{ .id = "code-reservation", .group = CODES, .name = "external reservations made", .target = "> 99 %" },
	{ .id = "sms-attempts", .group = SENDING, .name = "valid numbers an SMS was sent to", .target = "> 98 %" },
	{ .id = "email-queued", .group = SENDING, .name = "e-mail jobs queued", .target = "100 %" },
	{ .id = "wave-time", .group = SENDING, .name = "longest run of a wave of up to 100,000 fans", .target = "< 30 min" },
	{ .id = "send-rate", .group = SENDING, .name = "SMS requests a second, without throttling", .target = "200/s" },
	{ .id = "worker-success", .group = RUNNING, .name = "executions that succeeded", .target = "> 99 %" },
	{ .id = "alert-delay", .group = RUNNING, .name = "longest time from a failure to its alert", .target = "< 1 min" },
	{ .id = "retry-success", .group = RUNNING, .name = "retried steps that succeeded", .target = "> 90 %" },
	{ .id = "detection-time", .group = RUNNING, .name = "mean time to detection", .target = "< 5 min" },
};

static void __attribute__((format(printf, 2, 3)))
basis(struct vf_metric *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m->basis, sizeof(m->basis), fmt, ap);
	va_end(ap);
}

static void
judge(struct vf_metric *m, bool reached)
{
	m->verdict = reached ? VF_METRIC_OK : VF_METRIC_MISSED;
}

/* A share in percent, cut rather than rounded, so that 99.999 % never shows as 100 %. */
static void
share(struct vf_metric *m, uint64_t good, uint64_t all, double above)
{
	double percent = 100.0 * (double)good / (double)all;
	double shown = (double)(uint64_t)(percent * 100) / 100;

	m->number = good == all ? 100 : shown;
	snprintf(m->value, sizeof(m->value), "%.*f %%", m->number == (double)(uint64_t)m->number ? 0 : 2, m->number);
	judge(m, above < 100 ? percent > above : good == all);
}

static void
duration(struct vf_metric *m, double seconds, double below)
{
	m->number = seconds;
	snprintf(m->value, sizeof(m->value), "%.1f s", seconds);
	judge(m, seconds < below);
}

static double
end_of(const struct vf_tally_step *s)
{
	return (double)s->started + s->seconds;
}

static bool
is(const struct vf_tally_step *s, const char *tool)
{
	return strcmp(s->tool, tool) == 0;
}

/* From the start of vf-score to the end of vf-kinesis in the same run; the longest. */
static void
file_latency(struct vf_metric *m, const struct vf_tally *t)
{
	double longest = -1;
	unsigned runs = 0;

	for (size_t first = 0, end; first < t->nsteps; first = end) {
		double from = 0, to = 0;

		end = vf_tally_run_end(t, first);
		for (size_t i = first; i < end; i++) {
			const struct vf_tally_step *s = &t->steps[i];

			if (is(s, "vf-score") && s->started > 0 && (from == 0 || (double)s->started < from))
				from = (double)s->started;
			if (is(s, "vf-kinesis") && s->exit == 0 && end_of(s) > to)
				to = end_of(s);
		}
		if (from == 0 || to < from)
			continue;
		runs++;
		if (to - from > longest)
			longest = to - from;
	}
	if (runs == 0) {
		basis(m, "no run with lines of both vf-score and vf-kinesis");
		return;
	}
	duration(m, longest, 300);
	basis(m, "%u runs, from the start of vf-score to the end of vf-kinesis", runs);
}

static void
data_accuracy(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t good = 0, bad = 0;

	for (size_t i = 0; i < t->nsteps; i++)
		if (is(&t->steps[i], "vf-avro")) {
			good += t->steps[i].out;
			bad += vf_tally_reason(&t->steps[i], "schema");
		}
	if (good + bad == 0) {
		basis(m, "no records in lines of vf-avro");
		return;
	}
	share(m, good, good + bad, 100);
	basis(m, "%" PRIu64 " of %" PRIu64 " records that vf-avro looked at", good, good + bad);
}

/* The last lines of a tool, good ones against all. */
static void
tool_success(struct vf_metric *m, const struct vf_tally *t, const char *tool, double above)
{
	uint64_t good = 0, all = 0;

	for (size_t i = 0; i < t->nsteps; i++)
		if (is(&t->steps[i], tool)) {
			all++;
			good += t->steps[i].exit == 0;
		}
	if (all == 0) {
		basis(m, "no stats line of %s", tool);
		return;
	}
	share(m, good, all, above);
	basis(m, "%" PRIu64 " of %" PRIu64 " runs of %s", good, all, tool);
}

static void
data_loss(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t lost = 0, steps = 0, records = 0;

	for (size_t i = 0; i < t->nsteps; i++) {
		const struct vf_tally_step *s = &t->steps[i];
		uint64_t sum = s->out + s->rejected + s->unselected + s->deferred;

		if (s->exit != 0 || vf_tally_is_source(s))
			continue;
		steps++;
		records += s->in;
		lost += s->in > sum ? s->in - sum : sum - s->in;
	}
	if (steps == 0) {
		basis(m, "no step that succeeded and takes records");
		return;
	}
	m->number = (double)lost;
	snprintf(m->value, sizeof(m->value), "%" PRIu64, lost);
	judge(m, lost == 0);
	basis(m, "%" PRIu64 " records into %" PRIu64 " steps that succeeded", records, steps);
}

static void
code_uniqueness(struct vf_metric *m, const struct vf_tally *t)
{
	const struct vf_tally_step *last = NULL;
	uint64_t codes = 0;

	for (size_t i = 0; i < t->nsteps; i++)
		if (is(&t->steps[i], "vf-assign")) {
			if (last == NULL || t->steps[i].order > last->order)
				last = &t->steps[i];
			codes += t->steps[i].exit == 0 ? t->steps[i].out : 0;
		}
	if (last == NULL || last->exit != 0) {
		basis(m, last == NULL ? "no stats line of vf-assign" : "the last vf-assign failed");
		return;
	}
	share(m, 1, 1, 100);
	basis(m, "%" PRIu64 " codes; vf-assign reads the whole ledger and fails when a code is in it twice", codes);
}

static void
code_assignment(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t good = 0, bad = 0;

	for (size_t i = 0; i < t->nsteps; i++)
		if (is(&t->steps[i], "vf-assign")) {
			good += t->steps[i].out;
			bad += vf_tally_reason(&t->steps[i], "no-code");
		}
	if (good + bad == 0) {
		basis(m, "no fans in lines of vf-assign");
		return;
	}
	share(m, good, good + bad, 99.5);
	basis(m, "%" PRIu64 " of %" PRIu64 " fans with a valid id", good, good + bad);
}

static void
sms_attempts(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t attempted = 0, all = 0;

	for (size_t i = 0; i < t->ndeliveries; i++) {
		const struct vf_delivery *d = &t->deliveries[i]->d;

		if (strcmp(d->channel, "sms") != 0)
			continue;
		attempted += d->attempted;
		all += d->results - d->statuses[VF_DELIVERY_SUPPRESSED] - d->statuses[VF_DELIVERY_DRY_RUN];
		all -= vf_delivery_unfit(d);
	}
	if (all == 0) {
		basis(m, "no SMS in lines of vf-sms");
		return;
	}
	share(m, attempted, all, 98);
	basis(m, "%" PRIu64 " of %" PRIu64 " fans: without invalid numbers and those who opted out", attempted, all);
}

static void
email_queued(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t queued = 0, all = 0;

	for (size_t i = 0; i < t->ndeliveries; i++) {
		const struct vf_delivery *d = &t->deliveries[i]->d;

		if (strcmp(d->channel, "email-queue") == 0) {
			queued += d->statuses[VF_DELIVERY_SENT];
			all += d->results;
		}
	}
	if (all == 0) {
		basis(m, "no jobs in lines of vf-sqs send");
		return;
	}
	share(m, queued, all, 100);
	basis(m, "%" PRIu64 " of %" PRIu64 " jobs", queued, all);
}

/* Tools whose records are the fans of a wave. */
static bool
of_fans(const struct vf_tally_step *s)
{
	return is(s, "vf-assign") || is(s, "vf-wave") || is(s, "vf-sms") || is(s, "vf-email");
}

static void
wave_time(struct vf_metric *m, const struct vf_tally *t)
{
	double longest = -1;
	unsigned runs = 0;

	for (size_t first = 0, end; first < t->nsteps; first = end) {
		end = vf_tally_run_end(t, first);
		/* One wave of the run after the other: that of each step which is the first with it. */
		for (size_t i = first; i < end; i++) {
			const char *wave = t->steps[i].about;
			double from = 0, to = 0;
			uint64_t fans = 0;
			bool earlier = false, any = false;

			for (size_t k = first; k < end; k++) {
				const struct vf_tally_step *s = &t->steps[k];

				if (strcmp(s->about, wave) != 0)
					continue;
				earlier = k < i;
				if (earlier)
					break;
				from = s->started > 0 && (from == 0 || (double)s->started < from) ? (double)s->started : from;
				to = end_of(s) > to ? end_of(s) : to;
				any |= of_fans(s) && s->exit == 0;
				fans = of_fans(s) && s->in > fans ? s->in : fans;
			}
			if (earlier || *wave == '\0' || !any || from == 0 || to < from || fans > WAVE_MAX)
				continue;
			runs++;
			longest = to - from > longest ? to - from : longest;
		}
	}
	if (runs == 0) {
		basis(m, "no run that prepared or sent a wave of up to 100,000 fans");
		return;
	}
	duration(m, longest, 1800);
	basis(m, "%u runs that prepared or sent a wave, each from its first step to its last", runs);
}

static void
send_rate(struct vf_metric *m, const struct vf_tally *t)
{
	double slowest = 0;
	uint64_t throttled = 0;
	unsigned waves = 0;

	for (size_t i = 0; i < t->ndeliveries; i++) {
		const struct vf_delivery *d = &t->deliveries[i]->d;
		double rate = vf_delivery_rate(d);

		if (strcmp(d->channel, "sms") != 0 || d->active_ms < RATE_MS)
			continue;
		slowest = waves++ == 0 || rate < slowest ? rate : slowest;
		throttled += d->throttled;
	}
	if (waves == 0) {
		basis(m, "no wave of SMS that was sent for ten seconds or more");
		return;
	}
	m->number = slowest;
	snprintf(m->value, sizeof(m->value), "%.1f/s", slowest);
	judge(m, slowest >= RATE_REACHED && throttled == 0);
	basis(m, "the slowest of %u waves; %" PRIu64 " answers asked to slow down", waves, throttled);
}

static void
worker_success(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t all = t->lines - t->left;

	if (all == 0) {
		basis(m, "no stats lines");
		return;
	}
	share(m, all - t->failed, all, 99);
	basis(m, "%" PRIu64 " of %" PRIu64 " executions of a tool, tries that were repeated included", all - t->failed, all);
}

static void
retry_success(struct vf_metric *m, const struct vf_tally *t)
{
	uint64_t good = 0, all = 0;

	for (size_t i = 0; i < t->nsteps; i++)
		if (is(&t->steps[i], "vf-attempt") && t->steps[i].attempt > 1) {
			all++;
			good += t->steps[i].exit == 0;
		}
	if (all == 0) {
		basis(m, "no line of vf-attempt with a second try");
		return;
	}
	share(m, good, all, 90);
	basis(m, "%" PRIu64 " of %" PRIu64 " steps that were tried again", good, all);
}

static void
alerts(struct vf_metric *delay, struct vf_metric *detection, const struct vf_tally *t)
{
	struct vf_tally_alerts sum = { 0 };

	for (size_t i = 0; i < t->nsteps; i++) {
		const struct vf_tally_alerts *a = &t->steps[i].alerts;

		sum.sent += a->sent;
		sum.failed += a->failed;
		sum.timed += a->timed;
		sum.detection_sum += a->detection_sum;
		sum.lag_max = a->lag_max > sum.lag_max ? a->lag_max : sum.lag_max;
	}
	if (sum.timed == 0) {
		basis(delay, sum.failed > 0 ? "no alert could be sent" : "no line of vf-slack with an alert that was sent");
		basis(detection, "%s", delay->basis);
		if (sum.failed > 0)
			delay->verdict = VF_METRIC_MISSED;
		return;
	}
	duration(delay, sum.lag_max, 60);
	if (sum.failed > 0)
		delay->verdict = VF_METRIC_MISSED;
	basis(delay, "%" PRIu64 " alerts that Slack took, %" PRIu64 " that it did not; from the end of the failed step", sum.sent,
		sum.failed);
	duration(detection, sum.detection_sum / (double)sum.timed, 300);
	basis(detection, "%" PRIu64 " failed steps, from their start to the alert", sum.timed);
}

void
vf_metrics_make(struct vf_metric out[VF_METRICS], const struct vf_tally *t)
{
	memcpy(out, metrics, sizeof(metrics));
	for (int i = 0; i < VF_METRICS; i++)
		out[i].verdict = VF_METRIC_NOT_MEASURED;
	file_latency(&out[0], t);
	data_accuracy(&out[1], t);
	tool_success(&out[2], t, "vf-merge", 99);
	data_loss(&out[3], t);
	code_uniqueness(&out[4], t);
	code_assignment(&out[5], t);
	tool_success(&out[6], t, "vf-pacman", 99);
	sms_attempts(&out[7], t);
	email_queued(&out[8], t);
	wave_time(&out[9], t);
	send_rate(&out[10], t);
	worker_success(&out[11], t);
	alerts(&out[12], &out[14], t);
	retry_success(&out[13], t);
}
