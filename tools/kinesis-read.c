/* kinesis-read.c -- vf-kinesis's lines: into the pool, in the order of their keys, or rejected. */
#include "base/json-pick.h"
#include "kinesis.h"

#define KEY_CHARS 256

struct loss {
	struct put *p;
	const char *why;
};

/* The partition key of a line: a text or number of 1 to 256 characters. */
static bool
partition_key(struct put *p, const struct vf_json_value *v, struct vf_slice *key)
{
	size_t chars = 0;

	vf_buf_clear(&p->key);
	if (v->kind == VF_JSON_NUMBER)
		*key = v->raw;
	else if (vf_json_pick_text(v, &p->key, key) != 1)
		return false;
	for (size_t i = 0; i < key->n; i++)
		chars += ((unsigned char)key->p[i] & 0xc0) != 0x80;
	return chars >= 1 && chars <= KEY_CHARS;
}

static int
lost(void *arg, const struct vf_inflight_record *r)
{
	const struct loss *loss = arg;
	struct vf_row row = { .base = r->bytes.p, .len = (uint32_t)r->data, .size = r->data, .lineno = r->lineno, .lines = 1,
		.file = r->file };

	loss->p->undelivered++;
	return vf_reject(loss->p->run, &row, UNDELIVERABLE, loss->why);
}

int
kinesis_lose(struct put *p, struct vf_inflight_record *r, const char *why)
{
	return vf_inflight_lost(p->pool, r, lost, &(struct loss){ p, why });
}

/* One line: rejected, or on its way. */
static int
admit(struct put *p, const struct vf_row *row)
{
	struct vf_slice key = { 0 }, line = vf_row_line(row);
	int rc;

	if (row->reject != 0)
		return vf_reject(p->run, row, row->reject, NULL);
	if (!partition_key(p, vf_lines_members(p->run->lines, row), &key))
		return vf_reject(p->run, row, line.n > RECORD_BYTES ? TOO_LARGE : BAD_KEY, NULL);
	if (line.n + key.n > RECORD_BYTES)
		return vf_reject(p->run, row, TOO_LARGE, NULL);
	rc = vf_inflight_add(p->pool, line, key, row->lineno, row->file, &p->run->err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	p->undelivered++;
	return vf_reject(p->run, row, UNDELIVERABLE, "earlier-lost");
}

int
kinesis_read(struct put *p)
{
	struct vf_run *run = p->run;
	int rc;

	while (!p->unavailable && vf_inflight_ready(p->pool) < BATCH_RECORDS && !vf_inflight_full(p->pool)) {
		if (p->nrows == 0) {
			if (p->ended || (rc = vf_lines_wait(run->lines, 0, &run->err)) == 0)
				break;
			if (rc < 0 || (p->nrows = vf_lines_batch(run->lines, &p->row, &run->err)) < 0)
				return -1;
			p->ended = p->nrows == 0;
			continue;
		}
		p->nrows--;
		if (admit(p, p->row++) < 0)
			return -1;
	}
	return 0;
}

int
kinesis_drop_rest(struct put *p)
{
	struct vf_inflight_record *r;
	int rc = 0;

	while ((r = vf_inflight_take(p->pool)) != NULL)
		if (kinesis_lose(p, r, "stopped") < 0)
			rc = -1;
	for (; p->nrows > 0; p->nrows--, p->row++) {
		p->undelivered += p->row->reject == 0;
		if (vf_reject(p->run, p->row, p->row->reject != 0 ? p->row->reject : UNDELIVERABLE,
			p->row->reject != 0 ? NULL : "stopped") < 0)
			rc = -1;
	}
	return rc;
}
