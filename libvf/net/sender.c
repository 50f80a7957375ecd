/* net/sender.c -- the loop: take, prepare, start, judge, sleep. */
#include "net/sender.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/aside.h"
#include "base/date.h"

#define MS ((uint64_t)1000000)		/* nanoseconds */
/*
 * How long ahead requests are prepared: so that about AHEAD turns are, which is
 * one fdatasync for 7 or 8 requests, and it takes the outcomes since the last
 * one to the disk too.  (One for each was nearly half of the CPU time at 200 a
 * second.)  At least four times what preparing takes, so that a slow disk does
 * not hold up the rate.  No more, since a crash leaves in doubt all that were
 * prepared, beside those under way.
 */
#define AHEAD 10
#define AHEAD_MIN (2 * MS)
#define AHEAD_MAX (50 * MS)
#define LINGER (1 * MS)			/* how long a small group waits to become a larger one */
#define FLUSH (250 * MS)		/* of results, while groups take the outcomes to the disk */
#define MOMENT (20 * MS)		/* until a source without a descriptor is asked again */
#define NEVER UINT64_MAX

struct queue {
	struct vf_send *first, **last;
	unsigned n;
};

struct vf_sender {
	struct vf_sender_options o;
	struct vf_limiter limiter;
	struct vf_sender_counts counts;

	struct vf_send *sends;
	unsigned nsends;
	struct vf_send *free;
	struct queue ready;		/* taken, not prepared */
	struct queue syncing;		/* prepared, and not on disk yet: one group */
	struct queue prepared;		/* may leave */
	struct vf_send **heap;		/* wait for their next try: the first due on top */
	unsigned nheap, under_way;
	struct vf_send **group;		/* room for one call of `prepare` */
	struct vf_aside *disk;		/* calls `sync` */
	uint64_t began;			/* the group: when `prepare` was called */

	bool ended;			/* the source */
	bool dry;			/* the source has none yet */
	int fd;				/* what it waits for; -1: nothing that can be polled */
	uint64_t ahead_min, ahead;	/* AHEAD_MIN to AHEAD_MAX */
	uint64_t linger;		/* when a small group goes all the same; NEVER: there is none */
	uint64_t flushed;
	bool dirty;			/* results since the last `idle` */
	bool made_room;			/* by holding what was to start: there is no answer to wait for */
	uint64_t failures;		/* in a row */

	bool closing;			/* no new starts */
	uint64_t drain;			/* when those under way are given up */
	struct vf_error err;		/* why it is closing */
};

static void
queue_clear(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->n = 0;
}

static void
push(struct queue *q, struct vf_send *s)
{
	s->next = NULL;
	*q->last = s;
	q->last = &s->next;
	q->n++;
}

static struct vf_send *
pop(struct queue *q)
{
	struct vf_send *s = q->first;

	if (s == NULL)
		return NULL;
	q->first = s->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->n--;
	return s;
}

/* Retries go before new requests: they have waited longer. */
static void
push_first(struct queue *q, struct vf_send *s)
{
	s->next = q->first;
	q->first = s;
	if (s->next == NULL)
		q->last = &s->next;
	q->n++;
}

static void
heap_push(struct vf_sender *s, struct vf_send *r)
{
	unsigned i = s->nheap++;

	for (unsigned up; i > 0 && s->heap[up = (i - 1) / 2]->due > r->due; i = up)
		s->heap[i] = s->heap[up];
	s->heap[i] = r;
}

static struct vf_send *
heap_pop(struct vf_sender *s)
{
	struct vf_send *top = s->heap[0], *r = s->heap[--s->nheap];
	unsigned i = 0;

	for (unsigned c; (c = 2 * i + 1) < s->nheap; i = c) {
		if (c + 1 < s->nheap && s->heap[c + 1]->due < s->heap[c]->due)
			c++;
		if (s->heap[c]->due >= r->due)
			break;
		s->heap[i] = s->heap[c];
	}
	s->heap[i] = r;
	return top;
}

static void
wake_up(void *sender)
{
	vf_http_wake(((struct vf_sender *)sender)->o.http);
}

struct vf_sender *
vf_sender_new(const struct vf_sender_options *o, struct vf_error *err)
{
	struct vf_sender *s = calloc(1, sizeof *s);

	if (s == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	s->o = *o;
#define DEFAULT(member, value) (s->o.member = s->o.member != 0 ? s->o.member : (value))
	DEFAULT(concurrency, 1);
	DEFAULT(waiting, 3 * s->o.concurrency);
	DEFAULT(backoff_ms, 500);
	DEFAULT(backoff_max_ms, 30000);
	DEFAULT(pause_max_ms, 600000);
	DEFAULT(drain_ms, 20000);
#undef DEFAULT
	vf_limiter_init(&s->limiter, o->rate);
	s->ahead_min = AHEAD_MIN;
	if (o->rate > 0 && o->rate < AHEAD * 1e9 / AHEAD_MIN)
		s->ahead_min = o->rate > AHEAD * 1e9 / AHEAD_MAX ? (uint64_t)(AHEAD * 1e9 / o->rate) : AHEAD_MAX;
	s->ahead = s->ahead_min;
	queue_clear(&s->ready);
	queue_clear(&s->syncing);
	queue_clear(&s->prepared);
	s->nsends = s->o.concurrency + s->o.waiting;
	s->sends = calloc(s->nsends, sizeof *s->sends);
	s->heap = calloc(s->nsends, sizeof(*s->heap));
	s->group = calloc(s->o.concurrency, sizeof(*s->group));
	if (s->sends == NULL || s->heap == NULL || s->group == NULL) {
		vf_sender_free(s);
		vf_error_nomem(err);
		return NULL;
	}
	s->disk = o->sync != NULL ? vf_aside_new(o->sync, o->arg, wake_up, s, err) : NULL;
	if (o->sync != NULL && s->disk == NULL) {
		vf_sender_free(s);
		return NULL;
	}
	for (unsigned i = s->nsends; i-- > 0; s->free = &s->sends[i]) {
		s->sends[i].next = s->free;
		s->sends[i].outcome = VF_SEND_HELD;
	}
	return s;
}

void
vf_sender_free(struct vf_sender *s)
{
	if (s == NULL)
		return;
	vf_aside_free(s->disk);
	for (unsigned i = 0; s->sends != NULL && i < s->nsends; i++) {
		vf_http_call_free(&s->sends[i].call);
		vf_buf_free(&s->sends[i].text);
	}
	free(s->sends);
	free(s->heap);
	free(s->group);
	free(s);
}

const struct vf_sender_counts *
vf_sender_counts(const struct vf_sender *s)
{
	return &s->counts;
}

struct vf_limiter *
vf_sender_limiter(struct vf_sender *s)
{
	return &s->limiter;
}

/* The first reason to stop is the one that is told. */
static void
close_run(struct vf_sender *s, const struct vf_error *why)
{
	if (s->closing)
		return;
	s->closing = true;
	s->err = *why;
	s->drain = vf_clock_ns() + s->o.drain_ms * MS;
}

static void
give_back(struct vf_sender *s, struct vf_send *r, enum vf_send_outcome outcome)
{
	struct vf_error err = { 0 };

	r->outcome = outcome;
	s->dirty = true;
	s->failures = outcome == VF_SEND_SENT ? 0 : s->failures + (outcome != VF_SEND_HELD);
	if (s->o.result(s->o.arg, r, &err) < 0)
		close_run(s, &err);
	r->next = s->free;
	s->free = r;
	if (s->o.stop_after > 0 && s->failures >= s->o.stop_after && !s->closing) {
		vf_error(&err, VF_ERR_FAILED, "%" PRIu64 " failures in a row, the last one: %s", s->failures,
			r->detail);
		close_run(s, &err);
	}
}

/* What will not be started any more. A try that may have been acted on leaves the outcome unknown. */
static void
hold(struct vf_sender *s, struct vf_send *r)
{
	if (r->detail[0] == '\0')
		snprintf(r->detail, sizeof r->detail, "stopped");
	give_back(s, r, r->unsure ? VF_SEND_UNKNOWN : VF_SEND_HELD);
}

static void
hold_all(struct vf_sender *s)
{
	struct vf_send *r;

	while ((r = pop(&s->prepared)) != NULL)
		hold(s, r);
	while ((r = pop(&s->syncing)) != NULL)
		hold(s, r);
	while ((r = pop(&s->ready)) != NULL)
		hold(s, r);
	while (s->nheap > 0)
		hold(s, heap_pop(s));
}

/* Time is up for those that are still under way. */
static void
give_up(struct vf_sender *s)
{
	for (unsigned i = 0; i < s->nsends && s->under_way > 0; i++) {
		struct vf_send *r = &s->sends[i];

		if (r->outcome != VF_SEND_NONE || r->call.done)
			continue;
		vf_http_cancel(s->o.http, &r->call);
		s->under_way--;
		snprintf(r->detail, sizeof r->detail, "%s", vf_http_fault_names[VF_HTTP_TIMEOUT]);
		r->unsure = r->unsure || r->call.left;
		hold(s, r);
	}
}

void
vf_send_detail(struct vf_send *r)
{
	if (r->call.fault != VF_HTTP_OK)
		snprintf(r->detail, sizeof r->detail, "%s", vf_http_fault_names[r->call.fault]);
	else if (r->call.status < 200 || r->call.status > 299)
		snprintf(r->detail, sizeof r->detail, "http-%u", r->call.status);
	else
		r->detail[0] = '\0';
}

enum vf_send_verdict
vf_send_judge(struct vf_send *r)
{
	const struct vf_http_call *c = &r->call;

	vf_send_detail(r);
	if (c->fault != VF_HTTP_OK)
		return c->left ? VF_SEND_UNSURE : c->fault == VF_HTTP_CERTIFICATE ? VF_SEND_STOP : VF_SEND_AGAIN;
	switch (c->status) {
	case 401:
	case 403:
		return VF_SEND_STOP;
	case 408:
	case 425:
	case 429:
	case 503:
		return VF_SEND_AGAIN;
	case 409:
		return VF_SEND_DONE;
	default:
		return c->status >= 200 && c->status <= 299 ? VF_SEND_DONE : c->status >= 500 && c->status <= 599 ?
			VF_SEND_UNSURE : VF_SEND_NEVER;
	}
}

/* Full jitter: anywhere from now to the bound, so that those that failed together do not come again together. */
static uint64_t
backoff(const struct vf_sender *s, unsigned attempts)
{
	uint64_t bound = s->o.backoff_ms;

	for (unsigned i = 1; i < attempts && bound < s->o.backoff_max_ms; i++)
		bound *= 2;
	if (bound > s->o.backoff_max_ms)
		bound = s->o.backoff_max_ms;
	return (uint64_t)randombytes_uniform((uint32_t)(bound < UINT32_MAX ? bound : UINT32_MAX)) * MS;
}

/* The service asks for a pause: of all. Returns until when. */
static uint64_t
obey(struct vf_sender *s, const struct vf_http_call *c)
{
	uint64_t ms = (uint64_t)c->retry_after_ms, until;
	struct vf_error err;

	s->counts.throttled++;
	if (ms > s->o.pause_max_ms) {
		vf_error(&err, VF_ERR_TEMPORARY, "the service asks to wait for %" PRIu64 " s", (ms + 999) / 1000);
		close_run(s, &err);
		return NEVER;
	}
	until = c->ended_ns + ms * MS;
	vf_limiter_pause(&s->limiter, until);
	return until;
}

static void
try_again(struct vf_sender *s, struct vf_send *r, enum vf_send_outcome at_last)
{
	uint64_t now = vf_clock_ns(), pause = 0;

	if (r->call.fault == VF_HTTP_OK && r->call.retry_after_ms > 0)
		pause = obey(s, &r->call);
	else if (r->call.fault == VF_HTTP_OK && r->call.status == 429)
		s->counts.throttled++;
	if (r->attempts > s->o.retries) {
		give_back(s, r, r->unsure ? VF_SEND_UNKNOWN : at_last);
		return;
	}
	if (s->closing) {
		hold(s, r);
		return;
	}
	r->due = now + backoff(s, r->attempts);
	if (r->due < pause)
		r->due = pause;
	heap_push(s, r);
}

static void
judge(struct vf_sender *s, struct vf_send *r)
{
	enum vf_send_verdict verdict = s->o.judge != NULL ? s->o.judge(s->o.arg, r) : vf_send_judge(r);
	struct vf_error err;

	switch (verdict) {
	case VF_SEND_DONE:
		give_back(s, r, VF_SEND_SENT);
		break;
	case VF_SEND_NEVER:
		give_back(s, r, VF_SEND_REFUSED);
		break;
	case VF_SEND_UNSURE:
		r->unsure = true;
		if (s->o.idempotent)
			try_again(s, r, VF_SEND_UNKNOWN);
		else
			give_back(s, r, VF_SEND_UNKNOWN);
		break;
	case VF_SEND_AGAIN:
		try_again(s, r, VF_SEND_EXHAUSTED);
		break;
	case VF_SEND_STOP:
		vf_error(&err, VF_ERR_FAILED, "the service refuses us: %s", r->detail);
		close_run(s, &err);
		give_back(s, r, r->unsure ? VF_SEND_UNKNOWN : VF_SEND_EXHAUSTED);
		break;
	}
}

static void
harvest(struct vf_sender *s)
{
	struct vf_http_call *call;

	while ((call = vf_http_next(s->o.http)) != NULL) {
		s->under_way--;
		judge(s, call->user);
	}
}

static void
wake(struct vf_sender *s, uint64_t now)
{
	while (s->nheap > 0 && s->heap[0]->due <= now)
		push_first(&s->ready, heap_pop(s));
}

/* How many more could start within ->ahead, beyond those that are prepared or will be soon. */
static unsigned
wanted(const struct vf_sender *s, uint64_t now)
{
	unsigned before = s->prepared.n + s->syncing.n, slots = s->o.concurrency - s->under_way - before;
	uint32_t turns = vf_limiter_within(&s->limiter, now, s->ahead);

	turns = turns > before ? turns - before : 0;
	return turns < slots ? turns : slots;
}

static void
take(struct vf_sender *s, unsigned want)
{
	struct vf_error err = { 0 };

	s->dry = false;
	while (!s->ended && !s->dry && s->ready.n < want && s->free != NULL) {
		struct vf_send *r = s->free;
		void *user = r->user;
		struct vf_buf answer = r->call.answer;
		int rc;

		s->free = r->next;
		vf_buf_clear(&r->text);
		*r = (struct vf_send){ .text = r->text, .user = user, .call.answer = answer };
		s->fd = -1;
		rc = s->o.source(s->o.arg, r, &s->fd, &err);
		if (rc == 1) {
			push(&s->ready, r);
			continue;
		}
		r->outcome = VF_SEND_HELD;
		r->next = s->free;
		s->free = r;
		if (rc < 0)
			close_run(s, &err);
		s->dry = rc == VF_SEND_LATER;
		s->ended = !s->dry;
	}
}

/* The group may leave; how long it took tells how far ahead the next one has to be. */
static void
group_is_prepared(struct vf_sender *s)
{
	struct vf_send *r;

	s->ahead = (3 * s->ahead + 4 * (vf_clock_ns() - s->began)) / 4;
	if (s->ahead < s->ahead_min || s->ahead > AHEAD_MAX)
		s->ahead = s->ahead < s->ahead_min ? s->ahead_min : AHEAD_MAX;
	while ((r = pop(&s->syncing)) != NULL)
		push(&s->prepared, r);
}

/* A group's `sync` has ended, or not. */
static void
look_at_disk(struct vf_sender *s)
{
	struct vf_error err;
	int rc;

	if (s->syncing.n == 0 || !vf_aside_ended(s->disk, &rc, &err))
		return;
	if (rc < 0)
		close_run(s, &err);
	group_is_prepared(s);
}

/* n requests from ready to syncing, or to prepared when there is nothing to sync. */
static void
prepare(struct vf_sender *s, unsigned n)
{
	struct vf_error err = { 0 };
	int rc = 0;

	for (unsigned i = 0; i < n; i++) {
		s->group[i] = pop(&s->ready);
		push(&s->syncing, s->group[i]);
	}
	s->linger = NEVER;
	s->counts.groups++;
	s->began = vf_clock_ns();
	if (s->o.prepare != NULL)
		rc = s->o.prepare(s->o.arg, s->group, n, &err);
	if (rc < 0)
		close_run(s, &err);
	if (rc > 0)
		vf_aside_start(s->disk);
	else
		group_is_prepared(s);
}

/*
 * A group is worth its fdatasync when it is half of what may be under way,
 * or twice what is prepared already and nothing more came for a moment.
 */
static void
prepare_some(struct vf_sender *s, unsigned want, uint64_t now)
{
	unsigned n = s->ready.n < want ? s->ready.n : want;

	if (n == 0 || s->syncing.n > 0)
		return;
	if (s->linger == NEVER)
		s->linger = now + LINGER;
	if (s->o.prepare == NULL || n >= (s->o.concurrency + 1) / 2 || s->under_way + s->prepared.n == 0 ||
		(now >= s->linger && n >= 2 * s->prepared.n))
		prepare(s, n);
}

static void
start(struct vf_sender *s)
{
	struct vf_error err = { 0 };
	struct vf_send *r;
	uint64_t now;
	int rc;

	while (s->prepared.n > 0 && !s->closing && s->under_way < s->o.concurrency) {
		now = vf_clock_ns();
		if (vf_limiter_next(&s->limiter) > now)
			return;
		r = pop(&s->prepared);
		r->call.user = r;
		r->turn_ns = now;
		rc = s->o.start != NULL ? s->o.start(s->o.arg, r, &err) : 0;
		if (rc == 0)
			rc = vf_http_start(s->o.http, &r->call, &err);
		if (rc < 0)
			close_run(s, &err);
		if (rc != 0) {
			s->made_room = true;
			hold(s, r);
			continue;
		}
		vf_limiter_start(&s->limiter, now, r->weight);
		r->attempts++;
		s->counts.started++;
		if (++s->under_way > s->counts.under_way_max)
			s->counts.under_way_max = s->under_way;
	}
}

static void
earlier(uint64_t *a, uint64_t b)
{
	if (b < *a)
		*a = b;
}

/* Until when there is nothing to do but to wait for answers. */
static uint64_t
next_event(const struct vf_sender *s, unsigned want)
{
	uint64_t until = NEVER, turn = vf_limiter_next(&s->limiter);

	if (s->closing)
		return s->drain;
	if (s->under_way < s->o.concurrency && s->prepared.n > 0)
		earlier(&until, turn);
	else if (s->under_way < s->o.concurrency && want == 0 && s->syncing.n == 0)
		earlier(&until, turn > s->ahead ? turn - s->ahead : 0);
	if (s->syncing.n == 0 && s->ready.n > 0 && want > 0 && (want < s->ready.n ? want : s->ready.n) >= 2 * s->prepared.n)
		earlier(&until, s->linger);
	if (s->nheap > 0)
		earlier(&until, s->heap[0]->due);
	return until;
}

static void
sleep_a_while(struct vf_sender *s, unsigned want)
{
	uint64_t now = vf_clock_ns(), until = next_event(s, want);
	bool readable, waits = s->dry && !s->closing && want > s->ready.n;
	struct vf_error err = { 0 };

	if (s->dirty && s->o.idle != NULL) {
		if ((s->dry && s->fd != VF_SEND_SOON) || s->ended || now - s->flushed >= FLUSH) {
			s->dirty = false;
			if (s->o.idle(s->o.arg, &err) < 0)
				close_run(s, &err);
			now = s->flushed = vf_clock_ns();
		} else {
			earlier(&until, s->flushed + FLUSH);
		}
	}
	if (s->made_room)
		earlier(&until, now);
	s->made_room = false;
	if (waits && s->fd < 0)
		earlier(&until, s->fd == VF_SEND_SOON ? now : now + MOMENT);
	if (vf_http_wait(s->o.http, until == NEVER ? NEVER : until > now ? until - now : 0, waits && s->fd >= 0 ? s->fd : -1,
		&readable, &err) < 0)
		close_run(s, &err);
}

static bool
over(const struct vf_sender *s)
{
	return s->under_way == 0 && s->ready.n + s->syncing.n + s->prepared.n == 0 && s->nheap == 0 && (s->closing || s->ended);
}

int
vf_sender_run(struct vf_sender *s, struct vf_error *err)
{
	s->linger = NEVER;
	s->flushed = vf_clock_ns();
	for (;;) {
		uint64_t now = vf_clock_ns();
		unsigned want = 0;

		harvest(s);
		look_at_disk(s);
		if (!s->closing && s->o.stopping != NULL && s->o.stopping()) {
			vf_error(err, VF_ERR_STOPPED, "interrupted");
			close_run(s, err);
		}
		if (!s->closing) {
			wake(s, now);
			want = wanted(s, now);
			take(s, want);
		}
		if (!s->closing)
			prepare_some(s, want, now);
		start(s);
		if (s->closing) {
			hold_all(s);
			if (vf_clock_ns() >= s->drain)
				give_up(s);
		}
		if (over(s))
			break;
		sleep_a_while(s, want);
	}
	/* A run that was stopped may have left a group to the disk: the caller may close its file now. */
	if (s->disk != NULL)
		vf_aside_wait(s->disk);
	if (s->o.idle != NULL && s->o.idle(s->o.arg, err) < 0)
		close_run(s, err);
	if (!s->closing)
		return 0;
	*err = s->err;
	return -1;
}
