/* What became of each message: its result line, the journal's outcome, the counts. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "sms.h"

static int
put_line(struct wave *w, struct vf_slice line)
{
	struct vf_error *err = &w->run->err;

	return vf_file_write(w->out, line.p, line.n, err) < 0 ? -1 : vf_file_write(w->out, "\n", 1, err);
}

/* Counts a result; the detail of one that was sent is no cause. */
static void
count(struct wave *w, const struct vf_result *r, int64_t finished_ms, bool known)
{
	char cause[VF_DELIVERY_CAUSE_LEN + 1];

	snprintf(cause, sizeof(cause), "%.*s", (int)r->detail.n, r->detail.p);
	vf_delivery_add(&w->delivery, &(struct vf_delivery_event){ .status = r->status,
		.cause = cause[0] != '\0' ? cause : NULL, .http_status = r->http_status, .attempts = (unsigned)r->attempts,
		.segments = r->segments, .latency_us = r->us, .finished_ms = finished_ms, .known = known });
	if (r->status == VF_DELIVERY_DEFERRED)
		w->run->held++;
	else
		w->run->out_count++;
	w->unknown += r->status == VF_DELIVERY_UNKNOWN;
}

/* Adds the message itself, in a dry run: its encoding, and its text on one line. */
static void
add_message(struct vf_buf *b, const struct vf_buf *body, const struct vf_sms_size *size)
{
	struct vf_buf text = { 0 };

	vf_buf_add_char(b, ',');
	if (size != NULL) {
		vf_buf_add_str(b, vf_sms_encoding_names[size->encoding]);
		if (vf_text_add_escaped(&text, vf_buf_slice(body)) < 0)
			b->failed = true;
	}
	vf_buf_add_char(b, ',');
	vf_text_add_csv(b, vf_buf_slice(&text));
	vf_buf_free(&text);
}

int
sms_settle(struct wave *w, struct vf_slice fan, enum vf_delivery_status status, const char *detail, uint64_t attempts,
	const struct vf_sms_size *size)
{
	struct vf_result r = { .fan = fan, .status = status, .attempts = attempts, .detail = vf_slice_str(detail),
		.segments = size != NULL ? size->segments : 0 };

	vf_buf_clear(&w->line);
	vf_result_put(&w->line, &r);
	if (w->opt->dry_run)
		add_message(&w->line, &w->body, size);
	if (w->line.failed)
		return vf_error_nomem(&w->run->err);
	count(w, &r, 0, false);
	return put_line(w, vf_buf_slice(&w->line));
}

/* The line that the journal has: it goes out as it is. */
static int
settle_known(struct wave *w, const struct vf_journal_ask *ask, struct vf_slice line)
{
	struct vf_result r;

	if (!vf_result_get(line, &r) || !vf_slice_eq(r.fan, ask->key))
		return vf_error(&w->run->err, VF_ERR_CONFIG, "%s: a line of it is no result of this tool", w->opt->journal);
	w->known++;
	count(w, &r, r.finished * 1000, true);
	return put_line(w, line);
}

int
sms_settle_earlier(struct wave *w, const struct vf_journal_ask *ask, uint64_t *prior)
{
	struct vf_slice line;
	struct vf_result r;

	if (ask->standing == VF_JOURNAL_NONE)
		return 0;
	if (ask->standing == VF_JOURNAL_INTENT) {
		/* It may have left, and the run that sent it was killed. */
		*prior = 1;
		if (w->opt->idempotent)
			return 0;
		w->known++;
		return sms_settle(w, ask->key, VF_DELIVERY_UNKNOWN, "interrupted", 1, NULL) < 0 ? -1 : 1;
	}
	if (vf_journal_payload(w->journal, ask->where, ask->key, &line, &w->run->err) < 0)
		return -1;
	if (ask->standing == SENT || (ask->standing == FAILED && !w->opt->retry_failed) ||
		(ask->standing == UNKNOWN && !w->opt->idempotent))
		return settle_known(w, ask, line) < 0 ? -1 : 1;
	*prior = vf_result_get(line, &r) ? r.attempts : 0;
	return 0;
}

void
sms_note_deferred(struct wave *w, const struct vf_zone *zone)
{
	int64_t next = vf_hours_next(&w->hours, zone, vf_date_now());

	if (w->next_window == 0 || next < w->next_window)
		w->next_window = next;
}

int
sms_result(void *arg, struct vf_send *s, struct vf_error *err)
{
	static const struct { enum vf_delivery_status status; int journal; } of[] = {
		[VF_SEND_SENT] = { VF_DELIVERY_SENT, SENT }, [VF_SEND_REFUSED] = { VF_DELIVERY_FAILED, FAILED },
		[VF_SEND_EXHAUSTED] = { VF_DELIVERY_FAILED, AGAIN }, [VF_SEND_UNKNOWN] = { VF_DELIVERY_UNKNOWN, UNKNOWN },
		[VF_SEND_HELD] = { VF_DELIVERY_UNSENT, AGAIN },
	};
	struct wave *w = arg;
	struct job *job = s->user;
	bool held = s->outcome == VF_SEND_HELD, asked = s->attempts > 0;
	int64_t now = vf_date_now_ms();
	struct vf_result r = { .fan = vf_slice(job->fan, job->nfan), .status = of[s->outcome].status,
		.attempts = job->prior + s->attempts, .http_status = asked ? s->call.status : 0, .message_id = job->message_id,
		.segments = job->segments, .finished = asked ? now / 1000 : 0, .detail = vf_slice_str(s->detail) };

	if (asked && s->call.ended_ns > s->call.started_ns)
		r.us = (s->call.ended_ns - s->call.started_ns) / 1000;
	if (held && job->outside) {
		r.status = VF_DELIVERY_DEFERRED;
		sms_note_deferred(w, job->zone);
	}
	w->again += s->outcome == VF_SEND_EXHAUSTED;
	vf_buf_clear(&w->line);
	vf_result_put(&w->line, &r);
	if (w->line.failed)
		return vf_error_nomem(err);
	/* The journal's line goes to the disk with the next group; until then the intent there says `unknown'. */
	if (job->intended && vf_journal_outcome(w->journal, r.fan, of[s->outcome].journal, vf_buf_slice(&w->line), err) < 0)
		return -1;
	count(w, &r, asked ? now : 0, false);
	if (put_line(w, vf_buf_slice(&w->line)) == 0)
		return 0;
	*err = w->run->err;
	return -1;
}
