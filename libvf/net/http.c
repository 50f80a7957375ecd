/* net/http.c -- libcurl's multi interface driven by epoll. */
#include "net/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/num.h"

#define ANSWER_MAX ((size_t)64 << 10)
#define HEADER_MAX ((size_t)64 << 10)
#define EVENTS 64			/* taken from epoll at a time */
#define RETRY_AFTER_MAX 1000000000000	/* milliseconds */
#define NS_PER_MS 1000000u

const char *const vf_http_fault_names[VF_HTTP_FAULTS] = {
	"ok", "resolve", "connect", "tls", "certificate", "timeout", "reset", "cut", "garbled", "too-long", "local",
};

enum method { METHOD_NONE, METHOD_POST, METHOD_GET, METHOD_OTHER };

/* An easy handle, used for one call after the other: its options stay set, so each call sets only what differs. */
struct handle {
	CURL *easy;
	struct vf_http *http;
	struct vf_http_call *call;
	struct handle *next;			/* in the list of those free */
	struct curl_slist nodes[VF_HTTP_HEADERS];
	char *url;				/* what the easy handle has */
	enum method method;
	bool signs;
	unsigned requests;			/* how often libcurl was about to send */
	size_t header_bytes;
	bool headed, too_long;			/* the answer's header is whole */
};

/* What epoll and libcurl have to do with a descriptor; a slot of zeroes: nothing. */
struct slot {
	bool kept;			/* a connection's: on_connection() and on_close() tell its life */
	uint32_t set, wanted;		/* EPOLLIN, EPOLLOUT: as the epoll set has it, as libcurl waits for it */
};

struct vf_http {
	CURLM *multi;
	int epoll;
	struct slot *slots;			/* by descriptor */
	size_t nslots;
	struct vf_http_options options;
	struct curl_slist *headers;		/* of every call */
	struct handle *handles, *free;
	unsigned nhandles, active;
	struct vf_http_call *first, **last;	/* ended, not handed back yet */
	uint64_t timer;				/* when libcurl wants to be called; UINT64_MAX: never */
	int fd;					/* the caller's, in the epoll set; -1: none */
	int wake;				/* vf_http_wake() makes it readable */
};

static struct slot *
slot_of(struct vf_http *http, curl_socket_t fd)
{
	size_t n = http->nslots > 0 ? http->nslots : 64;
	struct slot *more;

	if ((size_t)fd < http->nslots)
		return &http->slots[fd];
	while (n <= (size_t)fd)
		n *= 2;
	more = realloc(http->slots, n * sizeof *more);
	if (more == NULL)
		return NULL;
	memset(more + http->nslots, 0, (n - http->nslots) * sizeof *more);
	http->slots = more;
	http->nslots = n;
	return &more[fd];
}

static int
set_events(struct vf_http *http, struct slot *s, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	int op = events == 0 ? EPOLL_CTL_DEL : s->set == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (s->set == events)
		return 0;
	s->set = events;
	return epoll_ctl(http->epoll, op, fd, &e);
}

/*
 * libcurl takes a connection's descriptor away at the end of a call and brings
 * it back for the next: in the epoll set it stays in between, which saves two
 * system calls a call.  Other descriptors (the resolver's) are closed without a
 * word, and the number may be another's soon: they leave the set at once.
 */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	static const uint32_t events[] = {
		[CURL_POLL_NONE] = 0, [CURL_POLL_IN] = EPOLLIN, [CURL_POLL_OUT] = EPOLLOUT,
		[CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT, [CURL_POLL_REMOVE] = 0,
	};
	struct vf_http *http = arg;
	struct slot *s = slot_of(http, fd);

	(void)easy;
	(void)unused;
	if (s == NULL)
		return -1;
	s->wanted = events[what];
	if (what != CURL_POLL_REMOVE)
		return set_events(http, s, fd, s->wanted);
	if (!s->kept)
		(void)set_events(http, s, fd, 0);
	return 0;
}

static int
on_connection(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct slot *s = slot_of(arg, fd);

	(void)purpose;
	if (s == NULL)
		return CURL_SOCKOPT_ERROR;
	*s = (struct slot){ .kept = true };
	return CURL_SOCKOPT_OK;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	struct vf_http *http = arg;
	struct slot *s = slot_of(http, fd);

	if (s != NULL) {
		(void)set_events(http, s, fd, 0);
		*s = (struct slot){ 0 };
	}
	return close(fd);
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct vf_http *http = arg;

	(void)multi;
	http->timer = ms < 0 ? UINT64_MAX : vf_clock_ns() + (uint64_t)ms * NS_PER_MS;
	return 0;
}

/*
 * Called each time when a connection is there and the request is about to be
 * sent.  The second time is libcurl's own second try, on a connection that died
 * after the first: what was sent cannot be called back, so it ends here.
 */
static int
on_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct handle *h = arg;

	(void)ip;
	(void)local_ip;
	(void)port;
	(void)local_port;
	return ++h->requests > 1 ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct handle *h = arg;
	struct vf_buf *b = &h->call->answer;
	size_t room = h->http->options.answer_max - b->n;

	n *= size;
	if (n <= room)
		return vf_buf_add(b, p, n) < 0 ? 0 : n;
	h->too_long = true;
	(void)vf_buf_add(b, p, room);
	return 0;
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	static const char name[] = "retry-after:";
	struct handle *h = arg;

	n *= size;
	h->header_bytes += n;
	if (h->header_bytes > HEADER_MAX) {
		h->too_long = true;
		return 0;
	}
	h->headed = n <= 2 && (p[0] == '\r' || p[0] == '\n');
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0)
		h->call->retry_after_ms = -1;		/* those of a 100 Continue do not count */
	else if (n >= sizeof name - 1 && strncasecmp(p, name, sizeof name - 1) == 0)
		h->call->retry_after_ms = vf_http_retry_after(vf_slice(p + sizeof name - 1, n - (sizeof name - 1)),
			vf_date_now());
	return n;
}

int64_t
vf_http_retry_after(struct vf_slice v, int64_t now)
{
	char text[64];
	uint64_t seconds;
	time_t at;

	while (v.n > 0 && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r'))
		v.n--;
	v = vf_slice_trim(v);
	if (vf_num_u64(v, &seconds))
		return seconds < RETRY_AFTER_MAX / 1000 ? (int64_t)seconds * 1000 : RETRY_AFTER_MAX;
	/* curl_getdate() reads much that is no date of HTTP's: those begin with the name of a day. */
	if (v.n < 24 || v.n >= sizeof text || strchr("SMTWF", v.p[0]) == NULL)
		return -1;
	memcpy(text, v.p, v.n);
	text[v.n] = '\0';
	at = curl_getdate(text, NULL);
	if (at < 0)
		return -1;
	if (at <= now)
		return 0;
	return at - now < RETRY_AFTER_MAX / 1000 ? (at - now) * 1000 : RETRY_AFTER_MAX;
}

int
vf_http_check_url(const char *url, const char *what, struct vf_error *err)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *password = NULL;
	bool ok;

	if (u == NULL)
		return vf_error_nomem(err);
	ok = curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0] != '\0' &&
		(strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	if (ok)
		(void)curl_url_get(u, CURLUPART_PASSWORD, &password, 0);
	curl_url_cleanup(u);
	curl_free(scheme);
	curl_free(host);
	if (password != NULL) {
		curl_free(password);
		return vf_error(err, VF_ERR_CONFIG, "%s: a URL with a password in it", what);
	}
	return ok ? 0 : vf_error(err, VF_ERR_CONFIG, "%s: not a URL of http or https", what);
}

static long
ms_option(uint64_t ms, long otherwise)
{
	return ms == 0 ? otherwise : ms < (uint64_t)1 << 30 ? (long)ms : 1L << 30;
}

/* What all calls have in common; true when libcurl took it all. */
static bool
set_up(struct handle *h)
{
	const struct vf_http_options *o = &h->http->options;
	CURL *e = h->easy;
	bool ok = true;

#define SET(option, value) (ok = curl_easy_setopt(e, (option), (value)) == CURLE_OK && ok)
	SET(CURLOPT_PRIVATE, h);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, o->proxy != NULL ? o->proxy : "");
	SET(CURLOPT_USERAGENT, o->agent != NULL ? o->agent : "vf/" PACKAGE_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT_MS, ms_option(o->connect_ms, 10000));
	SET(CURLOPT_TIMEOUT_MS, ms_option(o->total_ms, 30000));
	/* A body over 1 MB waits for a 100 Continue, so long at most. */
	SET(CURLOPT_EXPECT_100_TIMEOUT_MS, 500L);
	if (o->quiet_ms > 0) {
		SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
		SET(CURLOPT_LOW_SPEED_TIME, (ms_option(o->quiet_ms, 0) + 999) / 1000);
	}
	if (o->ca_file != NULL)
		SET(CURLOPT_CAINFO, o->ca_file);
	SET(CURLOPT_SOCKOPTFUNCTION, on_connection);
	SET(CURLOPT_SOCKOPTDATA, h->http);
	SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
	SET(CURLOPT_CLOSESOCKETDATA, h->http);
	SET(CURLOPT_PREREQFUNCTION, on_request);
	SET(CURLOPT_PREREQDATA, h);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, h);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, h);
	return ok;
}

static int
add_headers(struct vf_http *http, const char *const *headers)
{
	for (; headers != NULL && *headers != NULL; headers++) {
		struct curl_slist *more = curl_slist_append(http->headers, *headers);

		if (more == NULL)
			return -1;
		http->headers = more;
	}
	return 0;
}

static int
add_handles(struct vf_http *http)
{
	http->handles = calloc(http->options.connections, sizeof *http->handles);
	if (http->handles == NULL)
		return -1;
	for (; http->nhandles < http->options.connections; http->nhandles++) {
		struct handle *h = &http->handles[http->nhandles];

		h->http = http;
		h->next = http->free;
		http->free = h;
	}
	return 0;
}

static int
watch_wake(struct vf_http *http)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = http->wake };

	return epoll_ctl(http->epoll, EPOLL_CTL_ADD, http->wake, &e);
}

struct vf_http *
vf_http_new(const struct vf_http_options *o, struct vf_error *err)
{
	struct vf_http *http = calloc(1, sizeof *http);

	if (http == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		free(http);
		vf_error_nomem(err);
		return NULL;
	}
	http->options = *o;
	if (http->options.connections == 0)
		http->options.connections = 1;
	if (http->options.answer_max == 0)
		http->options.answer_max = ANSWER_MAX;
	http->timer = UINT64_MAX;
	http->fd = -1;
	http->last = &http->first;
	http->epoll = epoll_create1(EPOLL_CLOEXEC);
	http->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (http->epoll < 0 || http->wake < 0 || watch_wake(http) < 0) {
		vf_error_errno(err, "epoll");
		vf_http_free(http);
		return NULL;
	}
	http->multi = curl_multi_init();
	if (http->multi == NULL || add_headers(http, o->headers) < 0 || add_handles(http) < 0) {
		vf_http_free(http);
		vf_error_nomem(err);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)http->options.connections);
	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)http->options.connections);
	return http;
}

void
vf_http_free(struct vf_http *http)
{
	if (http == NULL)
		return;
	for (unsigned i = 0; i < http->nhandles; i++) {
		struct handle *h = &http->handles[i];

		if (h->easy == NULL)
			continue;
		if (h->call != NULL)
			curl_multi_remove_handle(http->multi, h->easy);
		curl_easy_cleanup(h->easy);
		free(h->url);
	}
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	if (http->epoll >= 0)
		close(http->epoll);
	if (http->wake >= 0)
		close(http->wake);
	free(http->slots);
	curl_slist_free_all(http->headers);
	free(http->handles);
	free(http);
	curl_global_cleanup();
}

void
vf_http_call_free(struct vf_http_call *call)
{
	vf_buf_free(&call->answer);
}

unsigned
vf_http_active(const struct vf_http *http)
{
	return http->active;
}

/* The call's own headers in nodes of ours (libcurl only reads them), then those of every call. */
static struct curl_slist *
header_list(struct handle *h)
{
	const char *const *from = h->call->headers;
	struct curl_slist **end;
	struct curl_slist *list = NULL;

	end = &list;
	for (int i = 0; i < VF_HTTP_HEADERS && from[i] != NULL; i++) {
		h->nodes[i].data = (char *)(uintptr_t)from[i];
		*end = &h->nodes[i];
		end = &h->nodes[i].next;
	}
	*end = h->http->headers;
	return list;
}

static bool
set_method(struct handle *h)
{
	const char *name = h->call->method;
	enum method m = name == NULL || strcmp(name, "POST") == 0 ? METHOD_POST : strcmp(name, "GET") == 0 ? METHOD_GET :
		METHOD_OTHER;
	CURL *e = h->easy;
	bool ok = true;

	if (m != h->method || m == METHOD_OTHER) {
		h->method = METHOD_NONE;
		SET(CURLOPT_CUSTOMREQUEST, NULL);
		if (m == METHOD_GET) {
			SET(CURLOPT_POSTFIELDS, NULL);
			SET(CURLOPT_HTTPGET, 1L);
		} else {
			SET(CURLOPT_POST, 1L);
		}
		if (m == METHOD_OTHER)
			SET(CURLOPT_CUSTOMREQUEST, name);
		if (ok)
			h->method = m;
	}
	if (m != METHOD_GET) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->call->body.n);
		SET(CURLOPT_POSTFIELDS, h->call->body.n > 0 ? h->call->body.p : "");
	}
	return ok;
}

static bool
set_signer(struct handle *h)
{
	const struct vf_http_signer *s = h->call->signer;
	CURL *e = h->easy;
	bool ok = true;

	if (s == NULL && !h->signs)
		return true;
	h->signs = true;
	SET(CURLOPT_AWS_SIGV4, s != NULL ? s->scope : NULL);
	SET(CURLOPT_USERNAME, s != NULL ? s->key : NULL);
	SET(CURLOPT_PASSWORD, s != NULL ? s->secret : NULL);
	h->signs = s != NULL || !ok;
	return ok;
}

static bool
set_url(struct handle *h)
{
	char *copy;

	if (h->url != NULL && strcmp(h->url, h->call->url) == 0)
		return true;
	copy = strdup(h->call->url);
	if (copy == NULL)
		return false;
	free(h->url);
	h->url = copy;
	if (curl_easy_setopt(h->easy, CURLOPT_URL, copy) == CURLE_OK)
		return true;
	free(h->url);
	h->url = NULL;
	return false;
}
#undef SET

int
vf_http_start(struct vf_http *http, struct vf_http_call *call, struct vf_error *err)
{
	struct handle *h = http->free;

	if (h == NULL)
		return vf_error(err, VF_ERR_FAILED, "more than %u calls at once", http->options.connections);
	if (h->easy == NULL && ((h->easy = curl_easy_init()) == NULL || !set_up(h))) {
		curl_easy_cleanup(h->easy);
		h->easy = NULL;
		return vf_error_nomem(err);
	}
	vf_buf_clear(&call->answer);
	call->status = 0;
	call->fault = VF_HTTP_OK;
	call->left = false;
	call->retry_after_ms = -1;
	call->done = false;
	call->started_ns = vf_clock_ns();
	h->call = call;
	h->requests = 0;
	h->header_bytes = 0;
	h->headed = false;
	h->too_long = false;
	if (!set_url(h) || !set_method(h) || !set_signer(h) ||
		curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, header_list(h)) != CURLE_OK ||
		curl_multi_add_handle(http->multi, h->easy) != CURLM_OK) {
		h->call = NULL;
		return vf_error_nomem(err);
	}
	http->free = h->next;
	http->active++;
	return 0;
}

static enum vf_http_fault
fault_of(CURLcode code, const struct handle *h, bool connected)
{
	switch (code) {
	case CURLE_OK:
		return VF_HTTP_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return VF_HTTP_RESOLVE;
	case CURLE_COULDNT_CONNECT:
		return VF_HTTP_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return connected ? VF_HTTP_TIMEOUT : VF_HTTP_CONNECT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return VF_HTTP_CERTIFICATE;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
		return VF_HTTP_TLS;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_ABORTED_BY_CALLBACK:		/* on_request() */
		return VF_HTTP_RESET;
	case CURLE_PARTIAL_FILE:
		return VF_HTTP_CUT;
	case CURLE_OUT_OF_MEMORY:		/* also libcurl's word for a header line over 100 KB */
		return connected ? VF_HTTP_TOO_LONG : VF_HTTP_LOCAL;
	case CURLE_URL_MALFORMAT:
	case CURLE_FAILED_INIT:
		return VF_HTTP_LOCAL;
	default:
		return h->too_long ? VF_HTTP_TOO_LONG : connected ? VF_HTTP_GARBLED : VF_HTTP_CONNECT;
	}
}

/* The call is over, whatever came: its handle is free for another. */
static struct vf_http_call *
release(struct vf_http *http, struct handle *h)
{
	struct vf_http_call *call = h->call;
	long status = 0, sent = 0;

	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h->easy, CURLINFO_REQUEST_SIZE, &sent);
	call->ended_ns = vf_clock_ns();
	call->status = status > 0 ? (unsigned)status : 0;
	call->left = h->requests > 0 && sent > 0;
	curl_multi_remove_handle(http->multi, h->easy);
	h->call = NULL;
	h->next = http->free;
	http->free = h;
	return call;
}

static void
finish(struct vf_http *http, struct handle *h, CURLcode code)
{
	enum vf_http_fault fault = fault_of(code, h, h->requests > 0);
	struct vf_http_call *call = release(http, h);

	/* A connection that ends after an answer's status line cut the answer short; libcurl finds nothing in it. */
	if (call->status >= 200 && (fault == VF_HTTP_RESET || (fault == VF_HTTP_OK && !h->headed)))
		fault = VF_HTTP_CUT;
	call->fault = fault;
	call->next = NULL;
	call->done = true;
	*http->last = call;
	http->last = &call->next;
}

static void
collect(struct vf_http *http)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(http->multi, &left)) != NULL) {
		CURLcode code = m->data.result;
		struct handle *h;

		if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&h) == CURLE_OK)
			finish(http, h, code);
	}
}

struct vf_http_call *
vf_http_next(struct vf_http *http)
{
	struct vf_http_call *call = http->first;

	if (call == NULL)
		return NULL;
	http->first = call->next;
	if (http->first == NULL)
		http->last = &http->first;
	call->next = NULL;
	http->active--;
	return call;
}

/*
 * The caller's descriptor in the set, or another, or none; *readable when it is
 * one that epoll does not take.  It is put in each time: its number may have
 * been closed and opened again since.
 */
static int
watch(struct vf_http *http, int fd, bool *readable, struct vf_error *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	*readable = false;
	if (http->fd >= 0 && http->fd != fd)
		epoll_ctl(http->epoll, EPOLL_CTL_DEL, http->fd, &e);
	http->fd = -1;
	if (fd < 0)
		return 0;
	if (epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &e) == 0 || errno == EEXIST)
		http->fd = fd;
	else if (errno == EPERM)
		*readable = true;
	else
		return vf_error_errno(err, "epoll");
	return 0;
}

/* epoll counts milliseconds, which is too coarse for a limiter: a short wait ends by the nanosecond. */
static int
wait_events(struct vf_http *http, struct epoll_event *events, uint64_t wait_ns)
{
	if (wait_ns > 0 && wait_ns < 20 * NS_PER_MS) {
		struct timespec ts = { 0, (long)wait_ns };
		struct pollfd p = { .fd = http->epoll, .events = POLLIN };

		if (ppoll(&p, 1, &ts, NULL) <= 0)
			return 0;
		wait_ns = 0;
	}
	return epoll_wait(http->epoll, events, EVENTS,
		wait_ns / NS_PER_MS < 3600000 ? (int)((wait_ns + NS_PER_MS - 1) / NS_PER_MS) : 3600000);
}

/* What epoll tells, to whom it is of interest; *readable: the caller's descriptor was among it. */
static void
dispatch(struct vf_http *http, const struct epoll_event *e, bool *readable)
{
	int what = (e->events & EPOLLIN ? CURL_CSELECT_IN : 0) | (e->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		(e->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	int fd = e->data.fd, running;
	eventfd_t calls;

	if (fd == http->fd)
		*readable = true;
	else if (fd == http->wake)
		(void)eventfd_read(fd, &calls);
	else if ((size_t)fd < http->nslots && http->slots[fd].wanted == 0)
		/* A kept connection between two calls, at its end: the next call will see. */
		(void)set_events(http, &http->slots[fd], fd, 0);
	else
		curl_multi_socket_action(http->multi, fd, what, &running);
}

/* What libcurl left for now: new calls leave, times run out. True when a call ended. */
static bool
run_timer(struct vf_http *http)
{
	struct vf_http_call **last = http->last;
	int running;

	if (http->timer == UINT64_MAX || http->timer > vf_clock_ns())
		return false;
	http->timer = UINT64_MAX;
	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(http);
	return http->last != last;
}

static int
turn(struct vf_http *http, uint64_t wait_ns, int fd, bool *readable, struct vf_error *err)
{
	struct epoll_event events[EVENTS];
	uint64_t now = vf_clock_ns(), until = wait_ns < UINT64_MAX - now ? now + wait_ns : UINT64_MAX, next;
	int n;

	if (watch(http, fd, readable, err) < 0)
		return -1;
	if (run_timer(http) || *readable)
		until = 0;
	next = http->timer < until ? http->timer : until;
	now = vf_clock_ns();
	n = wait_events(http, events, next <= now ? 0 : next == UINT64_MAX ? UINT64_MAX - NS_PER_MS : next - now);
	if (n < 0 && errno != EINTR)
		return vf_error_errno(err, "epoll");
	for (int i = 0; i < n; i++)
		dispatch(http, &events[i], readable);
	collect(http);
	return 0;
}

int
vf_http_wait(struct vf_http *http, uint64_t wait_ns, int fd, bool *readable, struct vf_error *err)
{
	return turn(http, http->first != NULL ? 0 : wait_ns, fd, readable, err);
}

void
vf_http_wake(struct vf_http *http)
{
	(void)eventfd_write(http->wake, 1);
}

void
vf_http_cancel(struct vf_http *http, struct vf_http_call *call)
{
	for (unsigned i = 0; i < http->nhandles; i++) {
		struct handle *h = &http->handles[i];

		if (h->call != call)
			continue;
		release(http, h);
		http->active--;
		return;
	}
}

/* Takes an ended call out of the queue, wherever it is. */
static void
unqueue(struct vf_http *http, struct vf_http_call *call)
{
	struct vf_http_call **p = &http->first;

	while (*p != call)
		p = &(*p)->next;
	*p = call->next;
	if (*p == NULL)
		http->last = p;
	call->next = NULL;
	http->active--;
}

int
vf_http_perform(struct vf_http *http, struct vf_http_call *call, struct vf_error *err)
{
	bool readable;

	if (vf_http_start(http, call, err) < 0)
		return -1;
	while (!call->done) {
		if (http->options.stopping != NULL && http->options.stopping()) {
			vf_http_cancel(http, call);
			return vf_error(err, VF_ERR_STOPPED, "interrupted");
		}
		if (turn(http, UINT64_MAX, -1, &readable, err) < 0) {
			vf_http_cancel(http, call);
			return -1;
		}
	}
	unqueue(http, call);
	return 0;
}
