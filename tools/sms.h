/* tools/sms.h -- what the parts of vf-sms know about each other; no other tool includes it. */
#ifndef VF_TOOLS_SMS_H
#define VF_TOOLS_SMS_H

#include "fan/fan.h"
#include "fan/result.h"
#include "frame.h"
#include "net/journal.h"
#include "net/sender.h"
#include "recipients.h"

struct options {
	const char *url, *template, *journal, *rate_unit, *window, *tz, *token_file, *ca_file;
	struct vf_list suppress;
	uint64_t concurrency, rate, timeout, retries, stop_after, max_segments, lock_wait;
	bool idempotent, retry_failed, dry_run;
};

enum { MISSING_USER = VF_REJECT_TOOL };

/* What the journal knows of a message; AGAIN: it was not acted on, the next run sends it. */
enum { SENT, FAILED, AGAIN, UNKNOWN };

/* A message under way: what its result line needs. */
struct job {
	char fan[VF_JOURNAL_KEY_MAX];
	size_t nfan;
	uint64_t prior;			/* tries of earlier runs */
	uint32_t segments;
	const struct vf_zone *zone;
	bool intended;			/* the journal has its intent */
	bool outside;			/* its window had closed when its turn came */
	struct vf_slice message_id;	/* in the answer, or in id */
	struct vf_buf id;
};

struct wave {
	struct vf_run *run;
	const struct options *opt;
	struct vf_recipients to;
	struct vf_template *template;
	struct vf_hours hours;
	bool by_segments;
	struct vf_buf wave_id;		/* of the journal, and so of all messages */
	struct vf_journal *journal;
	struct vf_keyset *seen;		/* without a journal */
	struct vf_http *http;
	struct vf_sender *sender;
	struct job *jobs;
	size_t njobs, jobs_max;
	struct vf_file *out;
	struct vf_buf token, line, body, tail;	/* tail: of the request, the same for a wave */
	struct vf_delivery delivery;
	uint64_t known, unknown, again;	/* results out of the journal; left to look after, and to send */
	int64_t next_window;		/* the first time at which a deferred message may go; 0: none is */

	/* The batch at hand: ask[i] is about row i when it is to be asked. */
	const struct vf_row *rows;
	int n, at;
	struct vf_journal_ask asks[VF_BATCH_MAX];
	int16_t ask_of[VF_BATCH_MAX];	/* -1: none */
};

/* sms-results.c. Each is 0, or -1 with run->err. */

/* A result without a request, or of a dry run (size, and the text in ->body). */
int sms_settle(struct wave *, struct vf_slice fan, enum vf_delivery_status, const char *detail, uint64_t attempts,
	const struct vf_sms_size *size);
/* What an earlier run left: 1 when that settles it, 0 when it is to be sent after *prior tries, -1. */
int sms_settle_earlier(struct wave *, const struct vf_journal_ask *, uint64_t *prior);
/* A message waits for its window, which opens in this zone. */
void sms_note_deferred(struct wave *, const struct vf_zone *);
/* The sender's word on a message: to the journal, then to the results. */
int sms_result(void *wave, struct vf_send *, struct vf_error *);

/* sms-records.c */

/* As vf_in_batch(). */
int sms_next_batch(struct wave *);
/* The batch's next record: 1 when *s is to be sent, 0 when it is settled, -1. */
int sms_take(struct wave *, struct vf_send *s);
/* The sender's source: records until one is to be sent. */
int sms_source(void *wave, struct vf_send *, int *fd, struct vf_error *);
/* Reads the whole input, and rewinds it: -1 when a message has more segments than --max-segments. */
int sms_check_segments(struct wave *);

#endif
