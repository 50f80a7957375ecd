/* assign-codes.c -- new codes, one at a time; what the ledger has, or the files had before, is passed over. */
#include <inttypes.h>
#include <stdlib.h>

#include "assign.h"
#include "fan/codes.h"

struct assign_codes {
	struct vf_in *in;
	int column;
	uint64_t count;			/* of records */
	size_t n, next;			/* of the batch at hand */
	struct vf_slice codes[VF_BATCH_MAX];
	unsigned char fresh[VF_BATCH_MAX];
};

/* One batch of the files: 1, 0 at the end, -1. */
static int
read_batch(struct assign_codes *c, struct vf_error *err)
{
	const struct vf_row *row;
	int n = vf_in_batch(c->in, &row, err);

	c->n = c->next = 0;
	for (; n > 0 && c->n < (size_t)n; c->n++, row++) {
		const char *name = vf_in_name(c->in, row->file);

		if (row->reject != 0)
			return vf_error(err, VF_ERR_CONFIG, "%s:%" PRIu64 ": cannot be read as a record", name, row->lineno);
		c->codes[c->n] = vf_slice_trim(vf_row_value(row, c->column));
		if (!vf_code_ok(c->codes[c->n]))
			return vf_error(err, VF_ERR_CONFIG, "%s:%" PRIu64 ": not a code (1 to %d characters of ASCII "
				"without space, comma and quote)", name, row->lineno, VF_CODE_MAX);
		if (vf_slice_is(c->codes[c->n], VF_CODE_TM_TEXT))
			return vf_error(err, VF_ERR_CONFIG, "%s:%" PRIu64 ": the placeholder TM is no code", name, row->lineno);
	}
	return n > 0 ? 1 : n;
}

static int
read_all(struct assign_codes *c, struct vf_error *err)
{
	int rc;

	do
		rc = vf_stopping() ? vf_error(err, VF_ERR_STOPPED, "interrupted") : read_batch(c, err);
	while (rc > 0);
	c->n = c->next = 0;
	c->count = vf_in_records(c->in);
	return rc;
}

struct assign_codes *
assign_codes_open(const struct vf_list *files, struct vf_error *err)
{
	const struct vf_in_options in = {
		.paths = files->v, .npaths = files->n, .rewindable = true, .spool_dir = vf_env("TMPDIR"),
	};
	struct assign_codes *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	if ((c->in = vf_in_open(&in, err)) == NULL
		|| (c->column = vf_header_need(vf_in_header(c->in), "code", err)) < 0
		|| read_all(c, err) < 0 || vf_in_rewind(c->in, err) < 0) {
		assign_codes_free(c);
		return NULL;
	}
	return c;
}

void
assign_codes_free(struct assign_codes *c)
{
	if (c == NULL)
		return;
	vf_in_free(c->in);
	free(c);
}

uint64_t
assign_codes_count(const struct assign_codes *c)
{
	return c->count;
}

int
assign_codes_next(struct assign_codes *c, struct vf_ledger *ledger, struct vf_slice *code, struct vf_error *err)
{
	int rc;

	for (;;) {
		for (; c->next < c->n; c->next++)
			if (c->fresh[c->next]) {
				*code = c->codes[c->next++];
				return 1;
			}
		if ((rc = read_batch(c, err)) == 0)
			return 0;
		if (rc < 0 || vf_ledger_take(ledger, c->codes, c->n, c->fresh, err) < 0)
			return -1;
	}
}
