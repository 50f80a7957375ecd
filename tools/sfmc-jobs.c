#include "sfmc.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/json-pick.h"

/*
 * One line: a job, a message with a job in it, or neither: rejected.  1: its job
 * stands in the batch already, and the service must not get both at once.
 */
static int
take_row(struct mailer *m, struct batch *batch, const struct vf_row *row)
{
	const struct vf_json_value *message, *job;
	struct vf_json_value inner[VF_SFMC_MEMBERS];
	const char *lacks;
	char text[64];
	int64_t visible = 0;
	struct job *j;

	if (row->reject != 0)
		return vf_reject(m->run, row, row->reject, NULL);
	message = job = vf_lines_members(m->run->lines, row);
	if (message[VF_SFMC_BODY].kind == VF_JSON_OBJECT) {
		if (!vf_json_pick(message[VF_SFMC_BODY].raw, vf_sfmc_members, VF_SFMC_MEMBERS, inner))
			return vf_reject(m->run, row, BAD_JOB, "body");
		job = inner;
	} else if (message[VF_SFMC_BODY].kind != VF_JSON_ABSENT) {
		return vf_reject(m->run, row, BAD_JOB, "body");
	}
	lacks = vf_sfmc_job_lacks(job);
	if (lacks != NULL)
		return vf_reject(m->run, row, BAD_JOB, lacks);
	if (message[VF_SFMC_VISIBLE].kind == VF_JSON_STRING) {
		sfmc_plain(text, sizeof(text), &message[VF_SFMC_VISIBLE]);
		if (!vf_date_parse_ms(vf_slice_str(text), &visible))
			return vf_reject(m->run, row, BAD_JOB, "visibleUntil");
	}
	if (vf_sfmc_batch_has(&batch->text, job[VF_SFMC_JOB].raw))
		return 1;
	j = &batch->job[batch->text.n];
	*j = (struct job){ .visible_ms = visible, .wave = sfmc_wave(m, job) };
	if (j->wave == NULL || vf_sfmc_batch_add(&batch->text, job, message) < 0)
		return vf_error_nomem(&m->run->err);
	if (visible > 0 && vf_date_now_ms() >= visible) {
		static const struct vf_send nothing;

		/* Somebody else may have it by now: said so, and not sent. */
		j->status = VF_DELIVERY_EXPIRED;
		j->detail = "past-visibility";
		if (sfmc_put_result(m, &nothing, batch, batch->text.n - 1) < 0)
			return -1;
		vf_sfmc_batch_drop(&batch->text);
	}
	return 0;
}

static int
make_batch(struct mailer *m, struct vf_send *s)
{
	struct batch *batch = s->user;

	if (batch == NULL) {
		batch = calloc(1, sizeof(*batch));
		if (batch == NULL)
			return vf_error_nomem(&m->run->err);
		if (m->nbatches % 64 == 0) {
			struct batch **more = reallocarray(m->batches, m->nbatches + 64, sizeof(*more));

			if (more == NULL) {
				free(batch);
				return vf_error_nomem(&m->run->err);
			}
			m->batches = more;
		}
		s->user = m->batches[m->nbatches++] = batch;
	}
	vf_sfmc_batch_clear(&batch->text);
	batch->refused = 0;
	batch->expired = false;
	batch->request_id[0] = '\0';
	return 0;
}

/* Fills the batch from the input as far as that does not wait; 1: it has jobs, 0: the input ended, 2: none yet. */
static int
fill(struct mailer *m, struct batch *batch)
{
	struct vf_error *err = &m->run->err;

	while (!vf_sfmc_batch_full(&batch->text, m->opt->batch)) {
		int rc;

		while (m->row < m->nrows && !vf_sfmc_batch_full(&batch->text, m->opt->batch)) {
			rc = take_row(m, batch, &m->rows[m->row]);
			if (rc != 0)
				return rc;
			m->row++;
		}
		if (m->row < m->nrows)
			break;
		if (m->ended)
			return batch->text.n > 0;
		rc = vf_lines_wait(m->run->lines, 0, err);
		if (rc <= 0)
			return rc < 0 ? -1 : batch->text.n > 0 ? 1 : 2;
		m->row = 0;
		m->nrows = vf_lines_batch(m->run->lines, &m->rows, err);
		if (m->nrows < 0)
			return -1;
		m->ended = m->nrows == 0;
	}
	return 1;
}

/* 0, or -1 with the error filled. */
static int
take_single(struct mailer *m, struct batch *batch)
{
	struct single *one = m->singles;
	int rc;

	m->singles = one->next;
	if (m->singles == NULL)
		m->last_single = &m->singles;
	batch->job[0] = one->job;
	rc = vf_sfmc_batch_copy(&batch->text, vf_slice(one->text, one->head_n), vf_slice(one->text + one->head_n, one->recipient_n),
		one->key_n);
	free(one);
	return rc < 0 ? vf_error_nomem(&m->run->err) : 0;
}

int
sfmc_source(void *arg, struct vf_send *s, int *fd, struct vf_error *err)
{
	struct mailer *m = arg;
	struct batch *batch;
	int rc = 1;

	if (make_batch(m, s) < 0)
		return -1;
	batch = s->user;
	if (m->singles == NULL)
		rc = fill(m, batch);
	else if (take_single(m, batch) < 0)
		return -1;
	if (rc == 2) {
		*fd = vf_lines_fd(m->run->lines);
		return VF_SEND_LATER;
	}
	/* At the end of the input a request under way may still come back to be split. */
	if (rc <= 0)
		return rc == 0 && m->given > 0 ? VF_SEND_LATER : rc;
	if (vf_sfmc_batch_put(&s->text, &batch->text, vf_slice_str(m->opt->definition)) < 0)
		return vf_error_nomem(err);
	s->call.body = vf_buf_slice(&s->text);
	s->weight = (uint32_t)batch->text.n;
	m->given++;
	return 1;
}

int
sfmc_split(struct mailer *m, const struct batch *batch)
{
	for (size_t i = 0; i < batch->text.n; i++) {
		struct vf_slice head = vf_sfmc_batch_head(&batch->text, i), recipient = vf_sfmc_batch_recipient(&batch->text, i);
		struct single *one = malloc(sizeof(*one) + head.n + recipient.n);

		if (one == NULL)
			return vf_error_nomem(&m->run->err);
		one->next = NULL;
		one->job = batch->job[i];
		one->head_n = head.n;
		one->recipient_n = recipient.n;
		one->key_n = vf_sfmc_batch_key(&batch->text, i).n;
		memcpy(one->text, head.p, head.n);
		memcpy(one->text + head.n, recipient.p, recipient.n);
		*m->last_single = one;
		m->last_single = &one->next;
	}
	return 0;
}

bool
sfmc_is_left(const struct mailer *m)
{
	return m->singles != NULL || m->row < m->nrows;
}

int
sfmc_next_left(struct mailer *m, struct batch *batch)
{
	vf_sfmc_batch_clear(&batch->text);
	return m->singles != NULL ? take_single(m, batch) : take_row(m, batch, &m->rows[m->row++]);
}

void
sfmc_jobs_free(struct mailer *m)
{
	while (m->singles != NULL) {
		struct single *one = m->singles;

		m->singles = one->next;
		free(one);
	}
	for (size_t i = 0; i < m->nbatches; i++) {
		vf_sfmc_batch_free(&m->batches[i]->text);
		free(m->batches[i]);
	}
	free(m->batches);
}
