#include "sfmc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/json-pick.h"
#include "base/text.h"

#define WAVES_MAX 256			/* that a stats line tells apart */

void
sfmc_plain(char *to, size_t size, const struct vf_json_value *v)
{
	struct vf_buf b = { 0 };
	struct vf_slice s = { "", 0 };

	to[0] = '\0';
	if (vf_json_pick_text(v, &b, &s) == 1 && s.n < size)
		snprintf(to, size, "%.*s", (int)s.n, s.p);
	vf_buf_free(&b);
}

struct wave *
sfmc_wave(struct mailer *m, const struct vf_json_value *job)
{
	char campaign[sizeof(((struct wave *)0)->campaign)], name[sizeof(((struct wave *)0)->wave)];
	struct wave *w;

	sfmc_plain(campaign, sizeof(campaign), &job[VF_SFMC_CAMPAIGN]);
	sfmc_plain(name, sizeof(name), &job[VF_SFMC_WAVE]);
	for (size_t i = m->nwaves; i-- > 0;)
		if (strcmp(m->waves[i]->wave, name) == 0 && strcmp(m->waves[i]->campaign, campaign) == 0)
			return m->waves[i];
	if (m->nwaves == WAVES_MAX)
		return m->waves[WAVES_MAX - 1];
	if (m->waves == NULL && (m->waves = calloc(WAVES_MAX, sizeof(struct wave *))) == NULL)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	if (m->nwaves < WAVES_MAX - 1) {
		memcpy(w->campaign, campaign, sizeof(campaign));
		memcpy(w->wave, name, sizeof(name));
	}
	vf_delivery_init(&w->d, "email");
	m->waves[m->nwaves++] = w;
	return w;
}

void
sfmc_results_free(struct mailer *m)
{
	for (size_t i = 0; i < m->nwaves; i++)
		free(m->waves[i]);
	free(m->waves);
	vf_buf_free(&m->line);
}

void
sfmc_put_stats(struct mailer *m)
{
	struct vf_buf b = { 0 };

	if (m->sender != NULL && m->nwaves > 0)
		m->waves[0]->d.throttled = vf_sender_counts(m->sender)->throttled;
	vf_buf_add_char(&b, '[');
	for (size_t i = 0; i < m->nwaves; i++) {
		struct wave *w = m->waves[i];

		vf_buf_add_str(&b, i > 0 ? ",{\"campaignId\":" : "{\"campaignId\":");
		vf_text_add_json(&b, vf_slice_str(w->campaign));
		vf_buf_add_str(&b, ",\"waveId\":");
		vf_text_add_json(&b, vf_slice_str(w->wave));
		vf_buf_add_str(&b, ",\"delivery\":");
		vf_delivery_put(&b, &w->d);
		vf_buf_add_char(&b, '}');
	}
	vf_buf_add_char(&b, ']');
	if (!b.failed)
		vf_stat_json(m->run, "deliveries", vf_buf_slice(&b));
	vf_stat_u64(m->run, "tokens", m->token.number);
	vf_buf_free(&b);
}

int
sfmc_put_result(struct mailer *m, const struct vf_send *s, const struct batch *batch, size_t i)
{
	const struct job *j = &batch->job[i];
	struct vf_delivery_event e = { .status = j->status, .http_status = s->call.status, .attempts = s->attempts,
		.finished_ms = vf_date_now_ms() };
	const char *detail = j->detail != NULL ? j->detail : j->status == VF_DELIVERY_SENT ? "" : s->detail;
	char at[VF_DATE_LEN + 1];
	struct vf_buf *b = &m->line;

	if (s->attempts > 0)
		e.latency_us = (s->call.ended_ns - s->call.started_ns) / 1000;
	if (*detail != '\0')
		e.cause = detail;
	vf_delivery_add(&j->wave->d, &e);
	vf_date_put(at, e.finished_ms / 1000);
	vf_buf_clear(b);
	vf_buf_add_char(b, '{');
	vf_buf_add_slice(b, vf_sfmc_batch_head(&batch->text, i));
	vf_buf_addf(b, ",\"status\":\"%s\",\"httpStatus\":", vf_delivery_status_names[j->status]);
	if (s->attempts > 0 && s->call.status > 0)
		vf_buf_add_u64(b, s->call.status);
	else
		vf_buf_add_str(b, "null");
	vf_buf_add_str(b, ",\"requestId\":");
	vf_text_add_json(b, vf_slice_str(s->attempts > 0 ? batch->request_id : ""));
	if (j->errorcode > 0)
		vf_buf_addf(b, ",\"errorcode\":%" PRIu64, j->errorcode);
	vf_buf_addf(b, ",\"attempts\":%u,\"finishedAt\":\"%s\"", s->attempts, at);
	if (s->attempts > 0)
		vf_buf_addf(b, ",\"seconds\":%" PRIu64 ".%06" PRIu64, e.latency_us / 1000000, e.latency_us % 1000000);
	vf_buf_addf(b, ",\"detail\":\"%s\"}", detail);
	return b->failed ? vf_error_nomem(&m->run->err) : vf_lines_put(m->out, vf_buf_slice(b), &m->run->err);
}

/* A 2xx names those that were not taken; an earlier answer may have said otherwise. False: it is no such answer. */
static bool
read_answer(struct batch *batch, struct vf_slice answer)
{
	struct vf_slice keys[VF_SFMC_BATCH_MAX];
	uint64_t refused[VF_SFMC_BATCH_MAX];
	bool good;

	for (size_t i = 0; i < batch->text.n; i++)
		keys[i] = vf_sfmc_batch_key(&batch->text, i);
	good = vf_sfmc_answer_read(answer, keys, batch->text.n, refused, batch->request_id);
	for (size_t i = 0; i < batch->text.n; i++) {
		struct job *j = &batch->job[i];

		j->errorcode = refused[i];
		j->detail = refused[i] > 0 ? "refused" : NULL;
		if (refused[i] > 0)
			j->status = VF_DELIVERY_FAILED;
	}
	return good;
}

enum vf_send_verdict
sfmc_judge(void *arg, struct vf_send *s)
{
	struct mailer *m = arg;
	struct batch *batch = s->user;
	enum vf_send_verdict verdict = vf_send_judge(s);
	uint64_t code = 0;

	if (s->call.fault == VF_HTTP_OK && s->call.status >= 400)
		code = vf_sfmc_answer_code(vf_buf_slice(&s->call.answer));
	if (code == VF_SFMC_THROTTLED || code == VF_SFMC_BLOCKED) {	/* throttled, or blocked for a while, whatever the status */
		snprintf(s->detail, sizeof(s->detail), "sfmc-%" PRIu64, code);
		return VF_SEND_AGAIN;
	}
	/* An earlier try, or an earlier run, whose answer was lost. */
	if (code == VF_SFMC_DUPLICATE && batch->text.n == 1)
		return VF_SEND_DONE;
	/* A token may end before its time: a second one that is refused too tells that it is not the token. */
	if (s->call.fault == VF_HTTP_OK && s->call.status == 401 && batch->refused++ == 0) {
		if (batch->token == m->token.number)
			m->token.renew_ns = 0;
		return VF_SEND_AGAIN;
	}
	if (verdict == VF_SEND_DONE && s->call.status < 300 && !read_answer(batch, vf_buf_slice(&s->call.answer))) {
		snprintf(s->detail, sizeof(s->detail), "bad-answer");
		return VF_SEND_UNSURE;
	}
	return verdict;
}

int
sfmc_result(void *arg, struct vf_send *s, struct vf_error *err)
{
	static const enum vf_delivery_status of[] = { [VF_SEND_SENT] = VF_DELIVERY_SENT, [VF_SEND_REFUSED] = VF_DELIVERY_FAILED,
		[VF_SEND_EXHAUSTED] = VF_DELIVERY_FAILED, [VF_SEND_UNKNOWN] = VF_DELIVERY_UNKNOWN,
		[VF_SEND_HELD] = VF_DELIVERY_UNSENT };
	struct mailer *m = arg;
	struct batch *batch = s->user;

	(void)err;
	m->given--;
	if (s->outcome == VF_SEND_REFUSED && batch->text.n > 1 && s->call.status == 400)
		return sfmc_split(m, batch);
	for (size_t i = 0; i < batch->text.n; i++) {
		struct job *j = &batch->job[i];

		if (s->outcome != VF_SEND_SENT || j->errorcode == 0)
			j->status = of[s->outcome];
		if (s->outcome == VF_SEND_HELD) {
			j->status = batch->expired ? VF_DELIVERY_EXPIRED : VF_DELIVERY_UNSENT;
			j->detail = batch->expired ? "past-visibility" : "stopped";
		}
		if (sfmc_put_result(m, s, batch, i) < 0)
			return -1;
	}
	return 0;
}
