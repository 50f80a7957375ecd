/* vf-events -- what the streams are told: a line of JSON for each fan. */
#include "base/date.h"
#include "fan/event.h"
#include "frame.h"

struct options {
	int64_t now;
};

static const struct options defaults = { .now = INT64_MIN };

static const struct vf_option options[] = {
	{ "now", 0, VF_DATE, offsetof(struct options, now), "T", "the events' occurredAt; default: now" },
	{ 0 },
};

static const char *const reasons[] = { "missing-user", "bad-score", "no-code", "tm-code", "bad-date", NULL };

/* Where the members of an event come from. */
static const struct {
	const char *column;
	size_t offset;
} members[] = {
	{ "globalUserId", offsetof(struct vf_event, fan) },
	{ "market", offsetof(struct vf_event, market) },
	{ "score", offsetof(struct vf_event, score) },
	{ "band", offsetof(struct vf_event, band) },
	{ "tags", offsetof(struct vf_event, tags) },
	{ "code", offsetof(struct vf_event, code) },
	{ "codeType", offsetof(struct vf_event, code_type) },
	{ "validFrom", offsetof(struct vf_event, valid_from) },
	{ "validTo", offsetof(struct vf_event, valid_to) },
	{ "waveId", offsetof(struct vf_event, wave) },		/* last: --wave stands in for it */
};
enum { MEMBERS = sizeof members / sizeof members[0] };

static int
find_columns(struct vf_run *run, int columns[MEMBERS])
{
	const struct vf_header *h = vf_in_header(run->in);

	if (vf_header_need(h, "globalUserId", &run->err) < 0)
		return -1;
	if (run->verb == VF_EVENT_CODE_ASSIGNMENT && vf_header_need(h, "code", &run->err) < 0)
		return -1;
	for (int i = 0; i < MEMBERS; i++)
		columns[i] = vf_header_find(h, members[i].column);
	if (run->wave != NULL)
		columns[MEMBERS - 1] = -1;
	return 0;
}

/* One record: written, or rejected. */
static int
put(struct vf_run *run, const struct vf_row *row, const int *columns, struct vf_event *e, struct vf_buf *line,
	struct vf_lines_out *out)
{
	enum vf_event_verdict verdict;

	if (row->reject != 0)
		return vf_reject(run, row, row->reject, NULL);
	for (int i = 0; i < MEMBERS; i++)
		if (columns[i] >= 0) {
			struct vf_slice v = vf_slice_trim(vf_row_value(row, columns[i]));

			memcpy((char *)e + members[i].offset, &v, sizeof v);
		}
	vf_buf_clear(line);
	if (vf_event_add(line, (enum vf_event_type)run->verb, e, &verdict) < 0)
		return vf_error_nomem(&run->err);
	if (verdict != VF_EVENT_OK)
		return vf_reject(run, row, VF_REJECT_TOOL + (int)verdict - 1, NULL);
	return vf_lines_put(out, vf_buf_slice(line), &run->err);
}

static int
run_events(struct vf_run *run)
{
	const struct options *opt = run->options;
	struct vf_event e = { .campaign = vf_slice_str(run->campaign->id) };
	struct vf_buf line = { 0 };
	struct vf_lines_out *out;
	const struct vf_row *rows;
	char now[VF_DATE_LEN + 1];
	int columns[MEMBERS], n = -1;

	vf_date_put(now, opt->now != INT64_MIN ? opt->now : vf_date_now());
	e.occurred_at = vf_slice(now, VF_DATE_LEN);
	if (run->wave != NULL)
		e.wave = vf_slice_str(run->wave);
	if (find_columns(run, columns) < 0 || (out = vf_output_lines(run, NULL, VF_FILE_PRIVATE)) == NULL)
		return -1;
	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		for (int i = 0; i < n; i++)
			if (put(run, &rows[i], columns, &e, &line, out) < 0) {
				vf_buf_free(&line);
				return -1;
			}
		if (vf_stopping()) {
			n = vf_stopped(run);
			break;
		}
	}
	vf_stat_str(run, "type", vf_event_names[run->verb]);
	vf_buf_free(&line);
	return n;
}

static const struct vf_tool tool = {
	.name = "vf-events",
	.purpose = "Make the events of a selection or a code assignment: a line of JSON for each fan.",
	.operands = "selection|code-assignment [FILE ...]",
	.verbs = vf_event_names,
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT | VF_WANT_CAMPAIGN | VF_WANT_WAVE,
	.reasons = reasons,
	.run = run_events,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
