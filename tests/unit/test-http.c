/* What becomes of a request: answers, faults, whether it left, and that it leaves once. */
#include "net/http.h"

#include <fcntl.h>

#include "base/date.h"
#include "server.h"
#include "tap.h"

static int closed;
static struct vf_http *http;
static struct vf_error err;

/* One call to path; its answer stays until the next. */
static struct vf_http_call *
call(const char *path)
{
	static struct vf_http_call c;
	static char url[256];
	struct vf_buf answer = c.answer;

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server.port, path);
	c = (struct vf_http_call){ .url = url, .body = VF_SLICE("{\"x\":1}"), .answer = answer };
	if (vf_http_perform(http, &c, &err) < 0)
		bail_out(err.text);
	return &c;
}

static void
test_answers(void)
{
	struct vf_http_call *c = call("/status/200/1");

	ok(c->status == 200 && c->fault == VF_HTTP_OK && c->left && vf_slice_is(vf_buf_slice(&c->answer), "{}"), "an answer and its body");
	ok(c->retry_after_ms == -1, "no Retry-After");
	c = call("/status/503/1?retry=7");
	ok(c->status == 503 && c->retry_after_ms == 7000, "Retry-After in seconds");
	c = call("/http10/1");
	ok(c->status == 200 && c->fault == VF_HTTP_OK && vf_slice_is(vf_buf_slice(&c->answer), "old"), "HTTP/1.0");
	c = call("/status/302/1");
	ok(c->status == 302 && c->fault == VF_HTTP_OK, "a redirect is an answer");
	c = call("/big/4096/1");
	ok(c->fault == VF_HTTP_OK && c->answer.n == 4096, "a body as long as allowed");
	c = call("/big/4097/1");
	ok(c->status == 200 && c->fault == VF_HTTP_TOO_LONG && c->answer.n == 4096, "one byte more is too long");
	c = call("/long-header/1");
	ok(c->fault == VF_HTTP_TOO_LONG && c->left, "a header without end is too long");
	c = call("/status/200/1");
	ok(c->status == 200 && c->fault == VF_HTTP_OK && c->answer.n == 2, "and the next call is none the worse");
}

static void
test_faults(void)
{
	static const struct { const char *path; enum vf_http_fault fault; unsigned status; } faults[] = {
		{ "/reset/10", VF_HTTP_RESET, 0 }, { "/reset-head/10", VF_HTTP_CUT, 200 }, { "/half/10", VF_HTTP_CUT, 200 },
		{ "/garbled/10", VF_HTTP_GARBLED, 0 }, { "/slow/900/10", VF_HTTP_TIMEOUT, 0 },
	};
	struct vf_http_call c = { .url = "http://127.0.0.1:1/", .body = VF_SLICE("x") };
	char url[64];

	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		struct vf_http_call *r = call(faults[i].path);

		ok(r->fault == faults[i].fault && r->left && r->status == faults[i].status, "%s: %s, and it left (%s %u)", faults[i].path,
			vf_http_fault_names[faults[i].fault], vf_http_fault_names[r->fault], r->status);
	}
	ok(server.got[10] == 5, "each was sent once");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/", closed);
	c.url = url;
	ok(vf_http_perform(http, &c, &err) == 0 && c.fault == VF_HTTP_CONNECT && !c.left, "nobody listens: it did not leave");
	c.url = "http://no-such-host.invalid/";
	ok(vf_http_perform(http, &c, &err) == 0 && c.fault == VF_HTTP_RESOLVE && !c.left, "no such host: it did not leave");
	c.url = "ftp://127.0.0.1/";
	ok(vf_http_perform(http, &c, &err) == 0 && c.fault != VF_HTTP_OK && !c.left, "another protocol is refused");
	vf_http_call_free(&c);
}

/* A kept connection that dies under a request: libcurl alone would send it once more. */
static void
test_once(void)
{
	struct vf_http_call *c;
	int before;

	for (int i = 0; i < 3; i++) {
		c = call("/status/200/20");
		before = server.connections;
		c = call("/reset-second/21");
		ok(c->fault == VF_HTTP_RESET && c->left && c->status == 0, "a request on a connection that dies ends as reset (%s)",
			vf_http_fault_names[c->fault]);
	}
	ok(server.got[21] == 3, "and was read by the service once (%d in 3)", server.got[21]);
	c = call("/close/22");
	usleep(50000);			/* also until those connections are counted on which nothing was sent */
	before = server.connections;
	c = call("/status/200/23");
	ok(c->status == 200 && server.got[23] == 1 && server.connections == before + 1, "a connection closed while idle is not used again (%u, %s, %d, %d)", c->status, vf_http_fault_names[c->fault], (int)server.got[23], server.connections - before);
}

/* Descriptors stay in the epoll set between calls: one that dies there, and another of its number, must do no harm. */
static void
test_kept(void)
{
	static struct vf_http_call c;
	char url[64];
	bool readable;
	int good = 0, waits = 0;
	uint64_t until;

	call("/close/24");
	until = vf_clock_ns() + 100000000;
	for (uint64_t now; (now = vf_clock_ns()) < until && waits < 1000; waits++)
		(void)vf_http_wait(http, until - now, -1, &readable, &err);
	ok(waits < 10, "a connection closed while idle does not keep the loop busy (%d waits)", waits);
	for (int i = 0; i < 60; i++) {
		/* localhost: a resolver's descriptors, and perhaps those of an address where nobody listens. */
		snprintf(url, sizeof url, "http://%s:%d/%s/25", i % 4 < 2 ? "localhost" : "127.0.0.1", server.port,
			i % 3 == 0 ? "close" : "status/200");
		c.url = url;
		good += vf_http_perform(http, &c, &err) == 0 && c.status == 200;
		usleep(i % 3 == 0 ? 2000 : 0);
	}
	ok(good == 60 && server.got[25] == 60, "connections that come and go under the same numbers all have their answers (%d)", good);
	vf_http_call_free(&c);
}

static void
test_request(void)
{
	struct vf_http_call c = { .body = VF_SLICE("{\"to\":1}"), .headers = { "Idempotency-Key: k1", "X-One: 1" } };
	char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/echo/30", server.port);
	c.url = url;
	ok(vf_http_perform(http, &c, &err) == 0 && c.status == 200 && vf_buf_terminate(&c.answer) == 0, "echo");
	ok(strncmp(c.answer.p, "POST /echo/30 HTTP/1.1\r\n", 24) == 0 && strstr(c.answer.p, "\r\nIdempotency-Key: k1\r\n") != NULL &&
		strstr(c.answer.p, "\r\nX-One: 1\r\n") != NULL && strstr(c.answer.p, "\r\nContent-Type: application/json\r\n") != NULL &&
		strstr(c.answer.p, "\r\n\r\n{\"to\":1}") != NULL && strstr(c.answer.p, "Expect") == NULL,
		"method, headers of the call and of the pool, body");
	c.headers[1] = NULL;
	c.method = "GET";
	ok(vf_http_perform(http, &c, &err) == 0 && vf_buf_terminate(&c.answer) == 0 && strncmp(c.answer.p, "GET ", 4) == 0 &&
		strstr(c.answer.p, "X-One") == NULL && strstr(c.answer.p, "{") == NULL, "GET has no body, and headers do not stick");
	c.method = "PATCH";
	ok(vf_http_perform(http, &c, &err) == 0 && vf_buf_terminate(&c.answer) == 0 && strncmp(c.answer.p, "PATCH ", 6) == 0 &&
		strstr(c.answer.p, "{\"to\":1}") != NULL, "any other method, with a body");
	c.method = NULL;
	c.signer = &(struct vf_http_signer){ "aws:amz:us-east-1:kinesis", "AKIDEXAMPLE", "secret" };
	ok(vf_http_perform(http, &c, &err) == 0 && vf_buf_terminate(&c.answer) == 0 &&
		strstr(c.answer.p, "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") != NULL &&
		strncmp(c.answer.p, "POST ", 5) == 0, "a signed call");
	c.signer = NULL;
	ok(vf_http_perform(http, &c, &err) == 0 && vf_buf_terminate(&c.answer) == 0 && strstr(c.answer.p, "Authorization") == NULL,
		"and the next one unsigned");
	vf_http_call_free(&c);
}

static void
test_many(void)
{
	enum { N = 8 };
	static struct vf_http_call c[N];
	char url[64];
	bool readable = false;
	int done = 0, before = server.connections, pipes[2];
	struct vf_http_call *r;
	uint64_t t;

	snprintf(url, sizeof url, "http://127.0.0.1:%d/slow/100/40", server.port);
	while (server.under_way > 0)		/* those that were not waited for */
		usleep(10000);
	server.under_way_max = 0;
	for (int i = 0; i < N; i++) {
		c[i] = (struct vf_http_call){ .url = url, .body = VF_SLICE("x") };
		if (vf_http_start(http, &c[i], &err) < 0)
			bail_out(err.text);
	}
	ok(vf_http_start(http, &(struct vf_http_call){ .url = url }, &err) < 0, "no more at once than there are connections");
	while (done < N && vf_http_wait(http, 2000000000, -1, &readable, &err) == 0)
		while ((r = vf_http_next(http)) != NULL)
			done += r->status == 200 && r->answer.n == 2;
	ok(done == N && vf_http_active(http) == 0 && server.under_way_max == N, "%d calls at once (%d, %d)", N, done, server.under_way_max);
	ok(server.connections <= before + N, "no more connections than allowed");
	ok(pipe2(pipes, O_CLOEXEC) == 0 && vf_http_wait(http, 1000000, pipes[0], &readable, &err) == 0 && !readable, "an empty pipe cannot be read");
	ok(write(pipes[1], "x", 1) == 1 && vf_http_wait(http, 5000000000, pipes[0], &readable, &err) == 0 && readable, "one with a byte can");
	ok(vf_http_wait(http, 5000000000, open("/dev/null", O_RDONLY | O_CLOEXEC), &readable, &err) == 0, "a device can always be read");
	t = vf_clock_ns();
	ok(vf_http_wait(http, 3300000, -1, &readable, &err) == 0 && vf_clock_ns() - t >= 3300000, "a wait is not shorter than asked for");
	for (int i = 0; i < N; i++)
		vf_http_call_free(&c[i]);
	close(pipes[0]);
	close(pipes[1]);
}

static void
test_dates(void)
{
	static const struct { const char *text; int64_t ms; } values[] = {
		{ "5", 5000 }, { " 0 \r\n", 0 }, { "", -1 }, { "-1", -1 }, { "1.5", -1 }, { "soon", -1 }, { "99999999999999999999", -1 },
		{ "18446744073709551615", 1000000000000 }, { "Sun, 06 Nov 1994 08:49:47 GMT", 10000 },
		{ "Sunday, 06-Nov-94 08:49:47 GMT", 10000 }, { "Sun Nov  6 08:49:47 1994", 10000 }, { "Sun, 06 Nov 1994 08:49:27 GMT", 0 },
		{ "1994-11-06T08:49:47Z", -1 },
	};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		int64_t got = vf_http_retry_after(vf_slice_str(values[i].text), 784111777);

		ok(got == values[i].ms, "Retry-After %zu is %" PRId64 " (%" PRId64 ")", i, values[i].ms, got);
	}
	ok(vf_http_check_url("https://sms.example.com/v1?x=1", "--url", &err) == 0, "a URL");
	ok(vf_http_check_url("ftp://sms.example.com/", "--url", &err) < 0 && vf_http_check_url("sms.example.com", "--url", &err) < 0 &&
		vf_http_check_url("", "--url", &err) < 0 && vf_http_check_url("http://", "--url", &err) < 0, "what is none");
	ok(vf_http_check_url("https://user:secret@sms.example.com/", "--url", &err) < 0 && strstr(err.text, "secret") == NULL,
		"a password in a URL is refused, and not repeated");
}

int
main(void)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };

	if (!server_start(&closed))
		bail_out("no server");
	http = vf_http_new(&(struct vf_http_options){ .connections = 8, .total_ms = 500, .answer_max = 4096, .headers = headers }, &err);
	if (http == NULL)
		bail_out(err.text);
	test_dates();
	test_answers();
	test_faults();
	test_once();
	test_kept();
	test_request();
	test_many();
	vf_http_free(http);
	return done_testing();
}
