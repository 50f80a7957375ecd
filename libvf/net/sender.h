/*
 * net/sender.h -- many requests at a service, at its pace, each with an outcome
 * that can be relied on (DESIGN 4, vf-sms; every tool that talks to a service).
 *
 * vf_sender_run() takes requests from the caller's `source` and gives each back
 * once, with its outcome, through `result`.  In between it keeps at most
 * `concurrency` under way, starts them by the limiter's turns, tries again what
 * the service did not act on (capped exponential backoff, full jitter), holds
 * all back when the service asks to wait (Retry-After), and stops when the
 * caller says so or the service refuses everything.  A request that waits for
 * its next try holds no connection.
 *
 * No signals, no messages, no files: the caller's functions do that.
 */
#ifndef VF_NET_SENDER_H
#define VF_NET_SENDER_H

#include "net/http.h"
#include "net/limiter.h"

enum vf_send_outcome {
	VF_SEND_NONE,			/* under way */
	VF_SEND_SENT,			/* accepted by the service */
	VF_SEND_REFUSED,		/* for good: the same request would be refused again */
	VF_SEND_EXHAUSTED,		/* not acted on, and the tries are spent, or the service knows no such caller */
	VF_SEND_UNKNOWN,		/* it left, and no answer says what became of it */
	VF_SEND_HELD,			/* not acted on: the run ended before its turn, or its next one, came */
};

/* What an answer, or its absence, means for a request. */
enum vf_send_verdict {
	VF_SEND_DONE,			/* SENT */
	VF_SEND_NEVER,			/* REFUSED */
	VF_SEND_UNSURE,			/* UNKNOWN; tried again when `idempotent` */
	VF_SEND_AGAIN,			/* not acted on: tried again, at last EXHAUSTED */
	VF_SEND_STOP,			/* EXHAUSTED at once, and the run ends (VF_ERR_FAILED) */
};

struct vf_send {
	/*
	 * For `source` to fill: url, headers, body (which may point into
	 * ->text), method.  What it points to must stay until `result`.
	 */
	struct vf_http_call call;
	struct vf_buf text;		/* the caller's, for body and headers: cleared for each request, kept by the sender */
	uint32_t weight;		/* units at the limiter; 0 counts as 1 */
	void *user;			/* the caller's; stays with this struct from request to request, first NULL */
	uint64_t id;			/* the caller's */

	unsigned attempts;		/* started so far */
	enum vf_send_outcome outcome;
	char detail[32];		/* a fixed word why: http-503, timeout, … ; empty when SENT with a 2xx */
	uint64_t turn_ns;		/* of the last try: when it was due, vf_clock_ns() */

	struct vf_send *next;		/* the sender's */
	uint64_t due;
	bool unsure;			/* an earlier try may have been acted on */
};

#define VF_SEND_LATER 2
#define VF_SEND_SOON (-2)		/* as *fd: the source did enough for once, answers may have come meanwhile */

struct vf_sender_options {
	struct vf_http *http;		/* with as many connections as `concurrency` or more */
	unsigned concurrency;		/* 0: 1 */
	unsigned waiting;		/* requests beyond those that may wait for their next try; 0: 3 x concurrency */
	double rate;			/* units a second; 0: no limit */
	unsigned retries;		/* tries after the first */
	uint64_t backoff_ms, backoff_max_ms;	/* the first try again comes within, the later ones within twice that and so on; 0: 500, 30000 */
	uint64_t pause_max_ms;		/* a Retry-After over this ends the run (VF_ERR_TEMPORARY); 0: 600000 */
	uint64_t drain_ms;		/* how long to wait for answers when the run is stopped; 0: 20000 */
	uint64_t stop_after;		/* so many outcomes in a row that are not SENT end the run (VF_ERR_FAILED); 0: never */
	bool idempotent;		/* sending twice under one key is harmless */
	void *arg;			/* of all functions */

	/*
	 * The next request: 1; 0: there is none and will be none; -1.
	 * VF_SEND_LATER: none yet; ask again when *fd can be read; with *fd left
	 * at -1, after the next result or a moment; with VF_SEND_SOON, at once.
	 */
	int (*source)(void *arg, struct vf_send *, int *fd, struct vf_error *);
	/*
	 * Before anything of these requests leaves (again: attempts says how often
	 * it did): where intents are written.  0; 1: they leave after `sync`; -1.
	 * Or NULL.
	 */
	int (*prepare)(void *arg, struct vf_send *const *, size_t n, struct vf_error *);
	/*
	 * When it returns 0 what `prepare` wrote is on disk.  It is called in a
	 * thread of the sender's, while the other functions run: answers need not
	 * wait for the disk.  It has ended when vf_sender_run() returns.  NULL where `prepare` never returns 1.
	 */
	int (*sync)(void *arg, struct vf_error *);
	/*
	 * Before each start: headers that age (tokens) are put right. 0; 1: this
	 * one shall not start any more, it comes back HELD (UNKNOWN when an earlier
	 * try may have been acted on); -1.  Or NULL.
	 */
	int (*start)(void *arg, struct vf_send *, struct vf_error *);
	/* May change body and text for the next try, and detail. NULL: vf_send_judge(). */
	enum vf_send_verdict (*judge)(void *arg, struct vf_send *);
	/* Each request that `source` gave comes here once. The struct is the sender's again afterwards. */
	int (*result)(void *arg, struct vf_send *, struct vf_error *);
	/* Before the run sleeps for lack of work, and at least every 250 ms while results come: flush. Or NULL. */
	int (*idle)(void *arg, struct vf_error *);
	bool (*stopping)(void);		/* or NULL */
};

struct vf_sender_counts {
	uint64_t started;		/* requests, tries included */
	uint64_t throttled;		/* answers 429, and others with a Retry-After that were obeyed */
	uint64_t groups;		/* calls of `prepare` */
	unsigned under_way_max;
};

struct vf_sender;

struct vf_sender *vf_sender_new(const struct vf_sender_options *, struct vf_error *);
void vf_sender_free(struct vf_sender *);	/* NULL is accepted */

/*
 * 0: the source ended and all it gave came back.  -1 otherwise: the caller's
 * functions failed (their error), or the run was stopped: VF_ERR_STOPPED by
 * `stopping`, VF_ERR_FAILED and VF_ERR_TEMPORARY as above.  In every case no
 * request is left without its result; those under way had drain_ms to end.
 */
int vf_sender_run(struct vf_sender *, struct vf_error *);

const struct vf_sender_counts *vf_sender_counts(const struct vf_sender *);
struct vf_limiter *vf_sender_limiter(struct vf_sender *);

/*
 * The rules of most services.  2xx: DONE.  409: DONE, it was there already.
 * 408, 425, 429, 503, and faults before anything left: AGAIN.  401, 403, and a
 * certificate that is not to be trusted: STOP.  Another 5xx, and any fault after
 * something left: UNSURE.  All else: NEVER.  Sets detail (vf_send_detail()).
 */
enum vf_send_verdict vf_send_judge(struct vf_send *);
/* `http-404`, or the word of the fault; empty for a whole 2xx answer. */
void vf_send_detail(struct vf_send *);

#endif
