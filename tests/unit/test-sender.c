/* Each request comes back once, with the right outcome; the limits hold; stops are clean. */
#include "net/sender.h"

#include <fcntl.h>
#include <stdatomic.h>

#include "base/date.h"
#include "base/hash.h"
#include "server.h"
#include "tap.h"

#define MAX 4000
#define ALL_TAKEN MAX			/* for stop_at: neither is a number of results */
#define ALL_STARTED (MAX + 1)
#define MS ((uint64_t)1000000)

/* One run: what goes in, and what came back. */
static struct {
	char (*urls)[96];
	int n, taken, judged, idle;
	atomic_int results, prepared, synced;	/* looked at in `sync`, which runs in a thread */
	atomic_int meanwhile;		/* results that came during a `sync` */
	atomic_bool at_disk;		/* a `sync` runs */
	int fd;				/* with one, a request can be taken for each byte of it */
	bool no_fd;
	useconds_t prepare_us, sync_us;
	int fail_prepare, fail_sync, fail_result, stop_at;
	enum vf_send_outcome outcome[MAX];
	unsigned attempts[MAX];
	char detail[MAX][32];
	int hold_from;			/* `start` holds these */
	bool early;			/* a request had left before it was prepared, and that on disk */
	int ready[MAX];			/* it was prepared as the how-manieth, from 1 on */
	int later;
	uint64_t turns[MAX];
	int nturns;
} run;

static int closed;
static uint64_t timeout_ms = 20000;	/* short only where it is what is tested */
static struct vf_sender_counts counts;
static struct vf_error err;

static int
source(void *arg, struct vf_send *s, int *fd, struct vf_error *e)
{
	char byte;

	(void)arg;
	(void)e;
	if (run.taken == run.n)
		return 0;
	if (run.fd >= 0 && read(run.fd, &byte, 1) < 1) {
		run.later++;
		*fd = run.no_fd ? -1 : run.fd;
		return VF_SEND_LATER;
	}
	s->id = (uint64_t)run.taken;
	s->call.url = run.urls[run.taken++];
	vf_buf_addf(&s->text, "{\"id\":%d}", (int)s->id);
	s->call.body = vf_buf_slice(&s->text);
	return 1;
}

static int
prepare(void *arg, struct vf_send *const *sends, size_t n, struct vf_error *e)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		run.early = run.early || (sends[i]->attempts == 0 && run.ready[sends[i]->id]);
		run.ready[sends[i]->id] = run.prepared + (int)i + 1;
	}
	run.prepared += (int)n;
	usleep(run.prepare_us);
	if (run.fail_prepare > 0 && run.prepared >= run.fail_prepare)
		return vf_error(e, VF_ERR_FAILED, "journal: No space left on device");
	return 1;
}

static int
sync_to_disk(void *arg, struct vf_error *e)
{
	int written = run.prepared, results = run.results;

	(void)arg;
	run.at_disk = true;
	usleep(run.sync_us);
	run.at_disk = false;
	run.meanwhile += run.results - results;
	if (run.fail_sync > 0 && written >= run.fail_sync)
		return vf_error(e, VF_ERR_FAILED, "journal: Input/output error");
	run.synced = written;
	return 0;
}

static int
before_start(void *arg, struct vf_send *s, struct vf_error *e)
{
	(void)arg;
	(void)e;
	run.early = run.early || run.ready[s->id] == 0 || run.ready[s->id] > run.synced;
	if (run.hold_from > 0 && s->id >= (uint64_t)run.hold_from)
		return 1;
	if (run.nturns < MAX)
		run.turns[run.nturns++] = vf_clock_ns();
	return 0;
}

static int
result(void *arg, struct vf_send *s, struct vf_error *e)
{
	(void)arg;
	run.results++;
	if (run.outcome[s->id] != VF_SEND_NONE)
		run.outcome[s->id] = (enum vf_send_outcome)99;		/* twice */
	else
		run.outcome[s->id] = s->outcome;
	run.attempts[s->id] = s->attempts;
	memcpy(run.detail[s->id], s->detail, sizeof s->detail);
	if (run.fail_result > 0 && run.results >= run.fail_result)
		return vf_error(e, VF_ERR_PIPE, "stdout: Broken pipe");
	return 0;
}

static int
idle(void *arg, struct vf_error *e)
{
	(void)arg;
	(void)e;
	run.idle++;
	return 0;
}

static bool
stopping(void)
{
	if (run.stop_at == ALL_TAKEN)
		return run.taken == run.n;
	if (run.stop_at == ALL_STARTED)
		return run.nturns == run.n;
	return run.stop_at > 0 && run.results >= run.stop_at;
}

static void
clear(void)
{
	char (*urls)[96] = run.urls;

	while (server.under_way > 0)
		usleep(10000);
	memset(&run, 0, sizeof run);
	run.urls = urls;
	run.fd = -1;
	memset((void *)&server.got, 0, sizeof server.got);
	server.under_way_max = 0;
	err = (struct vf_error){ 0 };
}

static void __attribute__((format(printf, 1, 2)))
add(const char *fmt, ...)
{
	char path[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof path, fmt, ap);
	va_end(ap);
	snprintf(run.urls[run.n++], sizeof *run.urls, "http://127.0.0.1:%d%s", server.port, path);
}

static int
go(struct vf_sender_options o)
{
	static struct vf_error e;
	struct vf_http *http = vf_http_new(&(struct vf_http_options){ .connections = o.concurrency, .total_ms = timeout_ms }, &e);
	struct vf_sender *s;
	int rc;

	o.http = http;
	o.source = source;
	o.prepare = prepare;
	o.sync = sync_to_disk;
	o.start = before_start;
	o.result = result;
	o.idle = idle;
	o.stopping = stopping;
	o.backoff_ms = o.backoff_ms != 0 ? o.backoff_ms : 10;
	o.backoff_max_ms = o.backoff_max_ms != 0 ? o.backoff_max_ms : 40;
	s = vf_sender_new(&o, &e);
	if (http == NULL || s == NULL)
		bail_out(e.text);
	rc = vf_sender_run(s, &err);
	run.early = run.early || run.at_disk;
	counts = *vf_sender_counts(s);
	vf_sender_free(s);
	vf_http_free(http);
	return rc;
}

/* All of this outcome? */
static bool
all(enum vf_send_outcome outcome)
{
	for (int i = 0; i < run.taken; i++)
		if (run.outcome[i] != outcome)
			return false;
	return run.results == run.taken;
}

static void
test_outcomes(void)
{
	static const struct { const char *path; enum vf_send_outcome once, idempotent; unsigned tries; const char *detail; } cases[] = {
		{ "/status/200/1", VF_SEND_SENT, VF_SEND_SENT, 1, "" }, { "/status/202/2", VF_SEND_SENT, VF_SEND_SENT, 1, "" },
		{ "/status/409/3", VF_SEND_SENT, VF_SEND_SENT, 1, "http-409" }, { "/status/400/4", VF_SEND_REFUSED, VF_SEND_REFUSED, 1, "http-400" },
		{ "/status/404/5", VF_SEND_REFUSED, VF_SEND_REFUSED, 1, "http-404" }, { "/status/302/6", VF_SEND_REFUSED, VF_SEND_REFUSED, 1, "http-302" },
		{ "/status/408/7", VF_SEND_EXHAUSTED, VF_SEND_EXHAUSTED, 3, "http-408" }, { "/status/425/8", VF_SEND_EXHAUSTED, VF_SEND_EXHAUSTED, 3, "http-425" },
		{ "/status/429/9", VF_SEND_EXHAUSTED, VF_SEND_EXHAUSTED, 3, "http-429" }, { "/status/503/10", VF_SEND_EXHAUSTED, VF_SEND_EXHAUSTED, 3, "http-503" },
		{ "/first/503/11", VF_SEND_SENT, VF_SEND_SENT, 2, "" }, { "/first/500/12", VF_SEND_UNKNOWN, VF_SEND_SENT, 2, "http-500" },
		{ "/status/500/13", VF_SEND_UNKNOWN, VF_SEND_UNKNOWN, 3, "http-500" }, { "/reset/14", VF_SEND_UNKNOWN, VF_SEND_UNKNOWN, 3, "reset" },
		{ "/half/15", VF_SEND_UNKNOWN, VF_SEND_UNKNOWN, 3, "cut" }, { "/garbled/16", VF_SEND_UNKNOWN, VF_SEND_UNKNOWN, 3, "garbled" },
		{ "/slow/700/17", VF_SEND_UNKNOWN, VF_SEND_UNKNOWN, 3, "timeout" }, { "/status/502/18", VF_SEND_UNKNOWN, VF_SEND_UNKNOWN, 3, "http-502" },
	};
	int n = (int)(sizeof cases / sizeof *cases);

	timeout_ms = 500;
	for (int idempotent = 0; idempotent < 2; idempotent++) {
		clear();
		for (int i = 0; i < n; i++)
			add("%s", cases[i].path);
		snprintf(run.urls[run.n++], sizeof *run.urls, "http://127.0.0.1:%d/", closed);
		ok(go((struct vf_sender_options){ .concurrency = 8, .retries = 2, .idempotent = idempotent }) == 0 && run.results == n + 1 && !run.early,
			"all came back, each prepared before it left");
		for (int i = 0; i < n; i++) {
			enum vf_send_outcome want = idempotent ? cases[i].idempotent : cases[i].once;
			unsigned tries = want == VF_SEND_UNKNOWN && !idempotent ? 1 : cases[i].tries;
			const char *detail = want == VF_SEND_SENT && i != 2 ? "" : cases[i].detail;

			ok(run.outcome[i] == want && run.attempts[i] == tries && (unsigned)server.got[i + 1] == tries && strcmp(run.detail[i], detail) == 0,
				"%s%s: outcome %d after %u (%d %u %d %s)", cases[i].path, idempotent ? ", idempotent" : "", (int)want, tries,
				(int)run.outcome[i], run.attempts[i], (int)server.got[i + 1], run.detail[i]);
		}
		ok(run.outcome[n] == VF_SEND_EXHAUSTED && run.attempts[n] == 3 && strcmp(run.detail[n], "connect") == 0, "nobody listens: tried again, then given up");
	}
	timeout_ms = 20000;
}

/* One that the service may have acted on stays unknown when it is refused for lack of service later. */
static void
test_unsure(void)
{
	clear();
	for (int i = 0; i < 20; i++)
		add("/first/500/%d?", 100 + i);
	add("/status/401/130");
	(void)go((struct vf_sender_options){ .concurrency = 30, .retries = 5, .idempotent = true, .backoff_ms = 2000, .backoff_max_ms = 2000 });
	for (int i = 0, odd = 0; i < 20; i++)
		if ((odd += run.outcome[i] != VF_SEND_UNKNOWN && run.outcome[i] != VF_SEND_SENT) > 0 || i == 19)
			ok(odd == 0, "stopped while it waited for its next try, after a 500: unknown, not held (%d)", (int)run.outcome[i]);
	ok(run.outcome[20] == VF_SEND_EXHAUSTED && err.kind == VF_ERR_FAILED && strcmp(err.text, "the service refuses us: http-401") == 0,
		"401 ends the run (%s)", err.text);
}

static void
test_limits(void)
{
	uint64_t begin, most = 0;

	clear();
	for (int i = 0; i < 300; i++)
		add("/slow/20/200");
	ok(go((struct vf_sender_options){ .concurrency = 16 }) == 0 && all(VF_SEND_SENT) && server.under_way_max == 16 && counts.under_way_max == 16,
		"concurrency is reached and never exceeded (%d)", server.under_way_max);

	clear();
	for (int i = 0; i < 150; i++)
		add("/status/200/201");
	begin = vf_clock_ns();
	ok(go((struct vf_sender_options){ .concurrency = 16, .rate = 100 }) == 0 && all(VF_SEND_SENT), "150 at 100 a second");
	for (int i = 0, from = 0; i < run.nturns; i++) {
		while (run.turns[i] - run.turns[from] > 1000 * MS)
			from++;
		most = (uint64_t)(i - from + 1) > most ? (uint64_t)(i - from + 1) : most;
	}
	ok(vf_clock_ns() - begin >= 1480 * MS && most <= 101, "take a second and a half, at most 101 in any second (%" PRIu64 ")", most);
	ok(counts.groups >= 30 && counts.groups <= 100, "they are prepared shortly before they start, a few at a time (%" PRIu64 " groups)", counts.groups);

	clear();
	for (int i = 0; i < 150; i++)
		add("/status/200/203");
	run.prepare_us = 8000;
	begin = vf_clock_ns();
	ok(go((struct vf_sender_options){ .concurrency = 16, .rate = 300 }) == 0 && all(VF_SEND_SENT), "a prepare that takes long");
	ok(counts.groups < 75, "is called for more at a time (%" PRIu64 " groups)", counts.groups);

	clear();
	for (int i = 0; i < 150; i++)
		add("/slow/5/204");
	run.sync_us = 20000;
	ok(go((struct vf_sender_options){ .concurrency = 16 }) == 0 && all(VF_SEND_SENT), "a disk that takes long");
	ok(run.meanwhile >= 50 && !run.early, "answers do not wait for it, and what leaves does (%d)", run.meanwhile);

	clear();
	for (int i = 0; i < 3000; i++)
		add("/status/200/202");
	ok(go((struct vf_sender_options){ .concurrency = 64 }) == 0 && all(VF_SEND_SENT) && server.got[202] == 3000 && counts.groups < 600,
		"3000 as fast as can be, prepared in %" PRIu64 " groups", counts.groups);
	ok(run.idle >= 1, "the caller could flush");
}

static void
test_retry_after(void)
{
	uint64_t first, second;

	clear();
	add("/first/429/300?retry=1");
	for (int i = 0; i < 200; i++)
		add("/slow/10/301");
	ok(go((struct vf_sender_options){ .concurrency = 4, .retries = 3 }) == 0 && all(VF_SEND_SENT), "a 429 with Retry-After");
	first = server.first_ns[300];
	second = server.last_ns[300];
	ok(second - first >= 1000 * MS, "is tried again when the time is over");
	ok(counts.throttled == 1, "and counted");
	for (int i = 1; i < run.nturns; i++)
		if (run.turns[i] - run.turns[i - 1] > 900 * MS)
			goto paused;
	ok(false, "everything waits");
	goto next;
paused:
	ok(true, "everything waits");
next:
	clear();
	add("/status/503/302?retry=3600");
	add("/status/200/303");
	ok(go((struct vf_sender_options){ .concurrency = 1, .retries = 3 }) < 0 && err.kind == VF_ERR_TEMPORARY &&
		strcmp(err.text, "the service asks to wait for 3600 s") == 0 && run.results == run.taken, "too long a pause ends the run (%s)", err.text);
	ok(run.outcome[0] == VF_SEND_HELD && run.attempts[0] == 1, "the request is held");
}

static void
test_stops(void)
{
	int held = 0;

	clear();
	for (int i = 0; i < 100; i++)
		add(i % 10 == 5 ? "/status/200/400" : "/status/400/401");
	ok(go((struct vf_sender_options){ .concurrency = 1, .stop_after = 10 }) == 0 && run.results == 100, "nine failures in a row do not stop");
	clear();
	for (int i = 0; i < 100; i++)
		add(i < 20 ? "/status/200/402" : "/status/400/403");
	ok(go((struct vf_sender_options){ .concurrency = 1, .stop_after = 10 }) < 0 && err.kind == VF_ERR_FAILED && server.got[403] == 10 &&
		strcmp(err.text, "10 failures in a row, the last one: http-400") == 0, "ten do (%s)", err.text);

	clear();
	for (int i = 0; i < 200; i++)
		add("/slow/50/404");
	run.stop_at = 40;
	ok(go((struct vf_sender_options){ .concurrency = 8 }) < 0 && err.kind == VF_ERR_STOPPED && run.results == run.taken, "a stop");
	for (int i = 0; i < run.taken; i++)
		held += run.outcome[i] == VF_SEND_HELD;
	ok(server.got[404] == run.taken - held && server.got[404] <= 40 + 8, "starts nothing more, and waits for those under way (%d held)", held);

	clear();
	for (int i = 0; i < 4; i++)
		add("/slow/350/405");
	run.stop_at = ALL_STARTED;
	ok(go((struct vf_sender_options){ .concurrency = 4, .drain_ms = 100 }) < 0 && err.kind == VF_ERR_STOPPED && run.results == 4, "but not for ever");
	ok(all(VF_SEND_UNKNOWN) && run.attempts[3] == 1, "those given up had left: unknown");

	clear();
	for (int i = 0; i < 400; i++)
		add("/status/200/406");
	run.fail_prepare = 100;
	ok(go((struct vf_sender_options){ .concurrency = 8 }) < 0 && strcmp(err.text, "journal: No space left on device") == 0 &&
		server.got[406] < 100 && run.results == run.taken, "nothing leaves whose intent is not on disk");
	clear();
	for (int i = 0; i < 400; i++)
		add("/status/200/409");
	run.fail_sync = 100;
	ok(go((struct vf_sender_options){ .concurrency = 8 }) < 0 && strcmp(err.text, "journal: Input/output error") == 0 &&
		server.got[409] < 100 && run.results == run.taken, "nor one that the disk did not take");
	clear();
	for (int i = 0; i < 100; i++)
		add("/status/200/410");
	run.sync_us = 300000;
	run.stop_at = ALL_TAKEN;		/* in the middle of a sync */
	ok(go((struct vf_sender_options){ .concurrency = 100 }) < 0 && err.kind == VF_ERR_STOPPED && all(VF_SEND_HELD) && server.got[410] == 0 && !run.early,
		"a stop while the disk is at work holds what it was to take");
	clear();
	for (int i = 0; i < 400; i++)
		add("/status/200/407");
	run.fail_result = 50;
	ok(go((struct vf_sender_options){ .concurrency = 8 }) < 0 && err.kind == VF_ERR_PIPE && run.results == run.taken && server.got[407] < 400,
		"a result that cannot be taken ends the run");
	clear();
	for (int i = 0; i < 100; i++)
		add("/status/200/408");
	run.hold_from = 60;
	ok(go((struct vf_sender_options){ .concurrency = 8 }) == 0 && run.results == 100 && server.got[408] == 60 &&
		run.outcome[59] == VF_SEND_SENT && run.outcome[60] == VF_SEND_HELD && run.outcome[99] == VF_SEND_HELD, "what `start` holds does not leave");
	clear();
	ok(go((struct vf_sender_options){ .concurrency = 8 }) == 0 && run.results == 0, "no requests at all");
}

static void *
feed(void *arg)
{
	for (int i = 0; i < 5; i++) {
		usleep(60000);
		if (write(*(int *)arg, "xxxx", 4) < 0)
			break;
	}
	return NULL;
}

static void
test_slow_source(void)
{
	int pipes[2];
	pthread_t thread;

	for (int no_fd = 0; no_fd < 2; no_fd++) {
		clear();
		if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
			bail_out("pipe");
		for (int i = 0; i < 20; i++)
			add("/slow/30/500");
		run.fd = pipes[0];
		run.no_fd = no_fd;
		pthread_create(&thread, NULL, feed, &pipes[1]);
		ok(go((struct vf_sender_options){ .concurrency = 8 }) == 0 && all(VF_SEND_SENT) && server.got[500] == 20,
			"a source that has none yet is asked again%s", no_fd ? ", without a descriptor too" : "");
		ok(run.later < 200 && run.idle >= 5, "not too often (%d), and the caller flushes meanwhile (%d)", run.later, run.idle);
		pthread_join(thread, NULL);
		close(pipes[0]);
		close(pipes[1]);
	}
}

int
main(void)
{
	run.urls = calloc(MAX, sizeof *run.urls);
	if (run.urls == NULL || vf_hash_start(&err) < 0 || !server_start(&closed))
		bail_out("no server");
	test_outcomes();
	test_unsure();
	test_limits();
	test_retry_after();
	test_stops();
	test_slow_source();
	free(run.urls);
	return done_testing();
}
