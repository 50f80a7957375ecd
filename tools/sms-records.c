/* Records into messages: what is to be sent, and what is settled without. */
#include <inttypes.h>

#include "base/keyset.h"
#include "base/text.h"
#include "service.h"
#include "sms.h"

#define LOOKS 1024			/* records passed over before answers are looked at again */

static const struct vf_journal_status journal_statuses[] = {
	{ "sent", true }, { "failed", false }, { "again", false }, { "unknown", false }, { NULL, false },
};

static int
set_tail(struct wave *w, const struct vf_recipient *rec)
{
	struct vf_buf *b = &w->tail;

	vf_buf_clear(b);
	vf_buf_add_str(b, ",\"campaignId\":");
	vf_text_add_json(b, vf_slice_str(w->run->campaign->id));
	vf_buf_add_str(b, ",\"campaignName\":");
	vf_text_add_json(b, w->to.campaign_name);
	vf_buf_add_str(b, ",\"waveId\":");
	vf_text_add_json(b, rec->wave);
	vf_buf_addf(b, ",\"waveDate\":\"%s\"", rec->notify_text);
	return b->failed ? vf_error_nomem(&w->run->err) : 0;
}

/* The request of a message whose text is in ->body. */
static int
fill(struct wave *w, const struct vf_recipient *rec, const struct vf_sms_size *size, uint64_t prior, struct vf_send *s)
{
	struct vf_buf *b = &s->text;
	struct job *job = s->user;
	size_t body;

	if (job == NULL)
		s->user = job = &w->jobs[w->njobs++];
	vf_buf_add_str(b, "{\"to\":");
	vf_text_add_json(b, rec->to);
	vf_buf_add_str(b, ",\"body\":");
	vf_text_add_json(b, vf_buf_slice(&w->body));
	vf_buf_add_slice(b, vf_buf_slice(&w->tail));
	if (rec->code.n > 0) {
		vf_buf_add_str(b, ",\"code\":");
		vf_text_add_json(b, rec->code);
	}
	vf_buf_add_str(b, ",\"clientReference\":\"");
	vf_buf_add(b, rec->key, VF_MESSAGE_ID_HEX);
	vf_buf_add(b, "\"}", 2);
	body = b->n;
	vf_buf_add_str(b, "Idempotency-Key: ");
	vf_buf_add(b, rec->key, VF_MESSAGE_ID_HEX + 1);
	if (b->failed)
		return vf_error_nomem(&w->run->err);
	s->call.url = w->opt->url;
	s->call.body = vf_slice(b->p, body);
	s->call.headers[0] = b->p + body;
	s->weight = w->by_segments ? size->segments : 1;
	*job = (struct job){ .nfan = rec->id.n, .prior = prior, .segments = size->segments, .zone = rec->zone, .id = job->id };
	memcpy(job->fan, rec->id.p, rec->id.n);
	return 1;
}

static int
render(struct wave *w, struct vf_sms_size *size)
{
	vf_buf_clear(&w->body);
	if (vf_template_render(w->template, w->to.values, &w->body) < 0)
		return vf_error(&w->run->err, VF_ERR_FAILED, "%s: a message over 1 MiB", w->opt->template);
	*size = vf_sms_measure(vf_buf_slice(&w->body));
	return 0;
}

/* One record: 1 when *s is to be sent, 0 when it is settled, -1. */
static int
take(struct wave *w, const struct vf_row *row, const struct vf_journal_ask *ask, bool again, struct vf_send *s)
{
	struct vf_recipient rec;
	struct vf_sms_size size;
	uint64_t prior = 0;
	int rc;

	if (row->reject != 0)
		return vf_reject(w->run, row, row->reject, NULL);
	vf_recipient_read(&w->to, row, &rec);
	if (rec.fault == VF_RECIPIENT_MISSING_USER)
		return vf_reject(w->run, row, MISSING_USER, NULL);
	if ((rec.new_wave || w->tail.n == 0) && rec.fault != VF_RECIPIENT_NO_WAVE && set_tail(w, &rec) < 0)
		return -1;
	if (again)
		return sms_settle(w, rec.id, VF_DELIVERY_FAILED, "duplicate-fan", 0, NULL);
	if (ask != NULL && (rc = sms_settle_earlier(w, ask, &prior)) != 0)
		return rc < 0 ? -1 : 0;
	if (rec.fault == VF_RECIPIENT_SUPPRESSED)
		return sms_settle(w, rec.id, VF_DELIVERY_SUPPRESSED, "opt-out", prior, NULL);
	if (rec.fault != VF_RECIPIENT_OK)
		return sms_settle(w, rec.id, VF_DELIVERY_FAILED, vf_recipient_fault_word(rec.fault), prior, NULL);
	if (!vf_slice_eq(rec.wave, vf_buf_slice(&w->wave_id)))
		return sms_settle(w, rec.id, VF_DELIVERY_FAILED, "other-wave", prior, NULL);
	if (w->opt->window != NULL && !rec.has_zone)
		return sms_settle(w, rec.id, VF_DELIVERY_FAILED, "no-timezone", prior, NULL);
	if (render(w, &size) < 0)
		return -1;
	if (w->opt->window != NULL && !vf_hours_open(&w->hours, rec.zone, vf_date_now())) {
		sms_note_deferred(w, rec.zone);
		return sms_settle(w, rec.id, VF_DELIVERY_DEFERRED, "window", prior, &size);
	}
	if (w->opt->dry_run)
		return sms_settle(w, rec.id, VF_DELIVERY_DRY_RUN, "", prior, &size);
	return fill(w, &rec, &size, prior, s);
}

static struct vf_slice
column(const struct vf_row *row, int i)
{
	return row->reject == 0 && i >= 0 ? vf_slice_trim(vf_row_value(row, i)) : vf_slice("", 0);
}

/* The wave that all messages are of: --wave, or that of the first record which has one. */
static int
find_wave(struct wave *w)
{
	struct vf_slice id = { "", 0 };

	if (w->run->wave != NULL)
		id = vf_slice_str(w->run->wave);
	for (int i = 0; id.n == 0 && i < w->n; i++)
		id = column(&w->rows[i], w->to.wave);
	if (id.n == 0)
		return 0;
	if (vf_buf_add_slice(&w->wave_id, id) < 0 || vf_buf_terminate(&w->wave_id) < 0)
		return vf_error_nomem(&w->run->err);
	vf_stat_ids(w->run, w->run->campaign->id, w->wave_id.p);
	return 0;
}

static int
open_journal(struct wave *w)
{
	const struct vf_journal_options o = {
		.path = w->opt->journal, .campaign = vf_slice_str(w->run->campaign->id),
		.wave = vf_buf_slice(&w->wave_id), .channel = VF_SLICE("sms"), .statuses = journal_statuses,
		.wait_ms = w->opt->lock_wait,
	};

	w->journal = vf_service_journal(w->run, &o);
	return w->journal == NULL ? -1 : 0;
}

/* Which ids of the batch were there before, in this run or an earlier one. */
static int
ask_batch(struct wave *w)
{
	size_t n = 0;

	for (int i = 0; i < w->n; i++) {
		struct vf_slice id = column(&w->rows[i], w->to.id);

		w->ask_of[i] = -1;
		if (!vf_fan_id_ok(id))
			continue;
		w->ask_of[i] = (int16_t)n;
		w->asks[n++] = (struct vf_journal_ask){ .key = id, .standing = VF_JOURNAL_NONE };
	}
	if (w->journal != NULL)
		return vf_journal_ask(w->journal, w->asks, n, &w->run->err);
	for (size_t i = 0; i < n; i++) {
		struct vf_key key = vf_keyset_key(w->seen, w->asks[i].key);
		unsigned char fresh;

		if (vf_keyset_add(w->seen, &key, 1, &fresh, NULL, &w->run->err) < 0)
			return -1;
		w->asks[i].again = !fresh;
	}
	return 0;
}

int
sms_next_batch(struct wave *w)
{
	w->at = 0;
	w->n = 0;
	w->n = vf_in_batch(w->run->in, &w->rows, &w->run->err);
	if (w->n <= 0) {
		int rc = w->n;

		w->n = 0;
		return rc;
	}
	if (w->wave_id.n == 0 && find_wave(w) < 0)
		return -1;
	if (!w->opt->dry_run && w->journal == NULL && w->wave_id.n > 0 && open_journal(w) < 0)
		return -1;
	return ask_batch(w) < 0 ? -1 : 1;
}

int
sms_take(struct wave *w, struct vf_send *s)
{
	int i = w->at++, k = w->ask_of[i];

	return take(w, &w->rows[i], k >= 0 ? &w->asks[k] : NULL, k >= 0 && w->asks[k].again, s);
}

int
sms_source(void *arg, struct vf_send *s, int *fd, struct vf_error *err)
{
	struct wave *w = arg;
	int rc;

	for (int looks = 0; looks < LOOKS; looks++) {
		if (w->at == w->n) {
			rc = sms_next_batch(w);
			if (rc == VF_IN_LATER) {
				*fd = vf_in_fd(w->run->in);
				return VF_SEND_LATER;
			}
			if (rc == 0)
				return 0;
			if (rc < 0)
				goto failed;
		}
		rc = sms_take(w, s);
		if (rc < 0)
			goto failed;
		if (rc > 0)
			return 1;
	}
	*fd = VF_SEND_SOON;
	return VF_SEND_LATER;
failed:
	*err = w->run->err;
	return -1;
}

/* No message is sent when one would cost more than was said. */
int
sms_check_segments(struct wave *w)
{
	struct vf_run *run = w->run;
	const struct vf_row *rows;
	int n;

	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		for (int i = 0; i < n; i++) {
			struct vf_recipient rec;
			struct vf_sms_size size;

			if (rows[i].reject != 0)
				continue;
			vf_recipient_read(&w->to, &rows[i], &rec);
			if (rec.fault != VF_RECIPIENT_OK)
				continue;
			if (render(w, &size) < 0)
				return -1;
			if (size.segments > w->opt->max_segments)
				return vf_error(&run->err, VF_ERR_CONFIG, "%s:%" PRIu64 ": a message of %" PRIu32
					" segments (%s): more than --max-segments %" PRIu64, vf_in_name(run->in, rows[i].file),
					rows[i].lineno, size.segments, vf_sms_encoding_names[size.encoding], w->opt->max_segments);
		}
		if (vf_stopping())
			return vf_stopped(run);
	}
	return n < 0 ? -1 : vf_in_rewind(run->in, &run->err);
}
