/* frame-rejects.c -- records that are not let through: their lines, their reasons' counts, --max-rejects. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "base/text.h"
#include "frame-impl.h"

#define SHOWN 5				/* rejects named on stderr when there is no --rejects */
#define RECORD_SHOWN ((size_t)64 << 10)

static const char *const reader_reasons[VF_REJECT_TOOL] = {
	[VF_REJECT_TOO_LONG] = "too-long", [VF_REJECT_NUL_BYTE] = "nul-byte", [VF_REJECT_BAD_UTF8] = "bad-utf8",
	[VF_REJECT_BAD_QUOTE] = "bad-quote", [VF_REJECT_LINE_BREAK] = "line-break",
	[VF_REJECT_FIELD_COUNT] = "field-count", [VF_REJECT_BAD_JSON] = "bad-json",
};

const char *
vf_reason_name(const struct vf_tool *tool, int reason)
{
	return reason < VF_REJECT_TOOL ? reader_reasons[reason] : tool->reasons[reason - VF_REJECT_TOOL];
}

int
vf_rejects_open(struct frame *f)
{
	if (f->common.rejects == NULL)
		return 0;
	f->rejects = vf_frame_log(f, f->common.rejects, "tool,file,line,reason,detail,record");
	return f->rejects == NULL ? -1 : 0;
}

/* `tool,file,line,reason,detail,record` (DESIGN 2, Rejects). */
static int
add_reject(struct frame *f, const struct vf_row *row, int reason, const char *detail)
{
	struct vf_slice record = vf_row_line(row);
	char number[24];

	if (row->size > RECORD_SHOWN) {
		snprintf(number, sizeof number, "%" PRIu64, row->size);
		detail = number;
		if (record.n > RECORD_SHOWN)
			record.n = RECORD_SHOWN;
	} else if (reason == VF_REJECT_LINE_BREAK) {
		snprintf(number, sizeof number, "%" PRIu32, row->lines);
		detail = number;
	}
	vf_buf_clear(&f->record);
	vf_text_add_escaped(&f->record, vf_slice_str(vf_frame_name(f, row->file)));
	vf_buf_clear(&f->line);
	vf_buf_add_str(&f->line, f->tool->name);
	vf_buf_add_char(&f->line, ',');
	vf_text_add_csv(&f->line, vf_buf_slice(&f->record));
	vf_buf_add_char(&f->line, ',');
	vf_buf_add_u64(&f->line, row->lineno);
	vf_buf_add_char(&f->line, ',');
	vf_buf_add_str(&f->line, vf_reason_name(f->tool, reason));
	vf_buf_add_char(&f->line, ',');
	vf_text_add_csv(&f->line, vf_slice_str(detail != NULL ? detail : ""));
	vf_buf_add_char(&f->line, ',');
	vf_buf_clear(&f->record);
	vf_text_add_escaped(&f->record, record);
	vf_text_add_csv(&f->line, vf_buf_slice(&f->record));
	if (f->line.failed || f->record.failed)
		return vf_error_nomem(&f->run.err);
	return vf_log_line(f->rejects, vf_buf_slice(&f->line), &f->run.err);
}

int
vf_reject(struct vf_run *run, const struct vf_row *row, int reason, const char *detail)
{
	struct frame *f = (struct frame *)run;

	f->rejected++;
	f->reasons[reason]++;
	if (f->rejects != NULL)
		return add_reject(f, row, reason, detail);
	if (f->rejected <= SHOWN)
		vf_note(run, "%s:%" PRIu64 ": rejected: %s", vf_frame_name(f, row->file), row->lineno,
			vf_reason_name(f->tool, reason));
	return 0;
}

/* Reject lines are on their way before any output is; without --rejects a summary goes to stderr. */
int
vf_rejects_finish(struct frame *f, struct vf_error *err)
{
	struct vf_buf b = { 0 };
	const char *sep = "";

	if (f->rejects != NULL)
		return vf_log_flush(f->rejects, err);
	if (f->rejected == 0)
		return 0;
	vf_buf_addf(&b, "%" PRIu64 " rejected:", f->rejected);
	for (int i = 0; i < VF_MAX_REASONS; i++)
		if (f->reasons[i] > 0) {
			vf_buf_addf(&b, "%s %s %" PRIu64, sep, vf_reason_name(f->tool, i), f->reasons[i]);
			sep = ",";
		}
	vf_buf_addf(&b, " (--rejects FILE keeps them)");
	if (vf_buf_terminate(&b) == 0)
		vf_note(&f->run, "%s", b.p);
	vf_buf_free(&b);
	return 0;
}

int
vf_rejects_check(struct frame *f)
{
	const char *s = f->common.max_rejects;
	char *end;
	uint64_t n;

	if (s == NULL || vf_num_u64(vf_slice_str(s), &n))
		return 0;
	if (s[0] >= '0' && s[0] <= '9' && strspn(s, "0123456789.") + 1 == strlen(s) && strtod(s, &end) <= 100 &&
		strcmp(end, "%") == 0)
		return 0;
	return vf_error(&f->run.err, VF_ERR_CONFIG, "--max-rejects: a whole number or a percentage (1000, 0.5%%)");
}

bool
vf_rejects_exceeded(const struct frame *f, uint64_t in, char *text, size_t size)
{
	const char *limit = f->common.max_rejects;
	size_t n = limit != NULL ? strlen(limit) : 0;
	uint64_t count;
	bool over;

	if (limit == NULL)
		return false;
	if (limit[n - 1] == '%')
		over = (double)f->rejected * 100 > strtod(limit, NULL) * (double)in;
	else
		over = vf_num_u64(vf_slice(limit, n), &count) && f->rejected > count;
	if (over)
		snprintf(text, size, "%" PRIu64 " of %" PRIu64 " records rejected: more than --max-rejects %s",
			f->rejected, in, limit);
	return over;
}
