/*
 * net/http.h -- HTTP requests, many at once, over connections that are kept:
 * the only module that includes libcurl.
 *
 * One struct vf_http is a pool of connections with an event loop; a process has
 * one.  A call is the caller's struct: it fills the upper half, starts it, and
 * finds the lower half filled when the call comes back from vf_http_next().
 * In between the call and all it points to stay where they are.
 *
 * A request is sent once.  libcurl sends a request again by itself when a kept
 * connection dies under it; here such a call ends, with `left` set, because the
 * service may have acted on what it got.  Redirects are answers like others.
 * Proxies of the environment are not used.  TLS certificates are verified.
 *
 * Nothing is allocated for a call beyond what libcurl does itself: handles are
 * reused, the answer's buffer belongs to the call and is emptied, not freed.
 */
#ifndef VF_NET_HTTP_H
#define VF_NET_HTTP_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct vf_http;

struct vf_http_options {
	unsigned connections;		/* at most so many, and so many calls at once; 0: 1 */
	uint64_t connect_ms;		/* to resolve, connect and shake hands; 0: 10 s */
	uint64_t total_ms;		/* for a call, all in all; 0: 30 s */
	uint64_t quiet_ms;		/* longest time without a byte either way, in whole seconds; 0: as total_ms */
	size_t answer_max;		/* bytes of an answer's body; 0: 64 KiB */
	const char *ca_file;		/* PEM; NULL: the system's */
	const char *proxy;		/* a URL; NULL: none */
	const char *agent;		/* User-Agent; NULL: vf and its version */
	const char *const *headers;	/* `Name: value` of every call, NULL-ended, or NULL */
	bool (*stopping)(void);		/* lets vf_http_perform() give up; or NULL */
};

/* Why there is no whole answer. */
enum vf_http_fault {
	VF_HTTP_OK,
	VF_HTTP_RESOLVE,		/* the host has no address */
	VF_HTTP_CONNECT,		/* nobody listens, or no time to connect */
	VF_HTTP_TLS,			/* no handshake */
	VF_HTTP_CERTIFICATE,		/* the service's is not to be trusted */
	VF_HTTP_TIMEOUT,		/* no answer in time */
	VF_HTTP_RESET,			/* the connection died */
	VF_HTTP_CUT,			/* the answer began and did not end */
	VF_HTTP_GARBLED,		/* what came is no HTTP */
	VF_HTTP_TOO_LONG,		/* the answer is over answer_max (its beginning is kept), or its header over 64 KiB */
	VF_HTTP_LOCAL,			/* no memory, no descriptors, a URL that is none */
	VF_HTTP_FAULTS
};
/* `ok`, `resolve`, `connect`, … `too-long`, `local`: fixed words for results and messages. */
extern const char *const vf_http_fault_names[VF_HTTP_FAULTS];

/* AWS Signature Version 4; text that lives as long as the call. A session token is a header of the call. */
struct vf_http_signer {
	const char *scope;		/* aws:amz:REGION:SERVICE */
	const char *key, *secret;
};

#define VF_HTTP_HEADERS 16		/* of a call's own, at most */

struct vf_http_call {
	const char *method;		/* NULL: POST */
	const char *url;
	struct vf_slice body;		/* none with GET */
	const char *headers[VF_HTTP_HEADERS];	/* `Name: value`, up to the first NULL; before those of the pool */
	const struct vf_http_signer *signer;	/* or NULL */
	void *user;

	unsigned status;		/* of the answer; 0: none came */
	enum vf_http_fault fault;
	bool left;			/* some of the request went out: without an answer nobody knows what became of it */
	int64_t retry_after_ms;		/* from the answer's end on; -1: not asked for */
	struct vf_buf answer;		/* its body, as far as it came */
	uint64_t started_ns, ended_ns;	/* vf_clock_ns() */

	struct vf_http_call *next;	/* the pool's */
	bool done;
};

struct vf_http *vf_http_new(const struct vf_http_options *, struct vf_error *);
/* Calls under way end without an answer and do not come back. NULL is accepted. */
void vf_http_free(struct vf_http *);

/* Is it http:// or https:// with a host, and without a password? VF_ERR_CONFIG names `what`, not the URL. */
int vf_http_check_url(const char *url, const char *what, struct vf_error *);

/* Frees the answer's buffer. */
void vf_http_call_free(struct vf_http_call *);

/* Starts a call; at most `connections` are under way at once. -1 without memory: it did not start. */
int vf_http_start(struct vf_http *, struct vf_http_call *, struct vf_error *);
/* A call that ended, in the order of their ends, or NULL. */
struct vf_http_call *vf_http_next(struct vf_http *);
/* Gives up a call that is under way: it ends here and does not come back; `left` and `started_ns` are right. */
void vf_http_cancel(struct vf_http *, struct vf_http_call *);
/* Calls started and not yet handed back by vf_http_next(). */
unsigned vf_http_active(const struct vf_http *);

/*
 * Moves bytes until a call has ended, fd (-1: none) can be read, wait_ns are
 * over, or a signal came, whichever is first.  *readable tells about fd; what
 * can always be read (a file) is so at once.
 */
int vf_http_wait(struct vf_http *, uint64_t wait_ns, int fd, bool *readable, struct vf_error *);
/* From another thread: the wait that goes on, or the next one, ends. */
void vf_http_wake(struct vf_http *);

/*
 * Start and wait for this one call; others go on meanwhile and come back from
 * vf_http_next() later.  0 whatever came of it; -1: without memory, or
 * VF_ERR_STOPPED when options.stopping said so: the call is given up.
 */
int vf_http_perform(struct vf_http *, struct vf_http_call *, struct vf_error *);

/*
 * `Retry-After` by RFC 9110: seconds, or a date of any of its three forms.
 * Milliseconds from `now` (seconds since 1970); 0 for a date that is past; -1
 * for neither, and at most 10^12.
 */
int64_t vf_http_retry_after(struct vf_slice value, int64_t now);

#endif
