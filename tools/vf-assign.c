/* vf-assign -- one code per fan per campaign, once. */
#include <inttypes.h>

#include "assign.h"
#include "base/date.h"
#include "fan/codes.h"
#include "fan/fan.h"
#include "ledger-file.h"

#define GROUP 256			/* fans looked up, and given their codes, while their places are in the cache */
#define BLOCK ((size_t)4 << 20)		/* of output: worth an fdatasync of the ledger before it leaves */
#define RECORD_BYTES 32			/* of a short record: to guess how many there are at most */

struct options {
	struct vf_list codes;
	const char *ledger, *code_type;
	uint64_t lock_wait;
	bool tm;
};

static const struct vf_option options[] = {
	{ "codes", 0, VF_LIST, offsetof(struct options, codes), "FILE",
		"take new codes from column code of this CSV file (repeatable)" },
	{ "ledger", 0, VF_PATH, offsetof(struct options, ledger), "FILE", "the campaign's code ledger (needed)" },
	{ "lock-wait", 0, VF_DURATION, offsetof(struct options, lock_wait), "TIME",
		"wait at most so long for the ledger (60s)" },
	{ "code-type", 0, VF_TEXT, offsetof(struct options, code_type), "TYPE",
		"generated, external or TM (the configuration's, else generated)" },
	{ "tm", 0, VF_FLAG, offsetof(struct options, tm), NULL, "give the placeholder TM (as --code-type TM)" },
	{ 0 },
};

static const struct options defaults = { .lock_wait = 60000 };
static const char *const sets[] = { "code", "codeType", NULL };
enum { MISSING_USER = VF_REJECT_TOOL, NO_CODE };
static const char *const reasons[] = { "missing-user", "no-code", NULL };

struct assigner {
	struct vf_run *run;
	struct vf_out *out;
	struct vf_ledger_file *file;
	struct vf_ledger *ledger;	/* what the file says */
	struct assign_codes *codes;	/* NULL: the placeholder is given */
	struct vf_ledger_line line;	/* of a new assignment: what is the same in all */
	int id;
	uint64_t assigned, kept, other_wave, without;

	/* One batch: asks[k] is about row rows[k]; `given` says where in `text` its new code stands. */
	struct vf_buf text, tail;
	struct vf_ledger_ask asks[VF_BATCH_MAX];
	struct { size_t at, n; } given[VF_BATCH_MAX];
	uint16_t why[VF_BATCH_MAX];
};

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;
	enum vf_code_type type;

	(void)in;
	if (opt->ledger == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--ledger FILE is needed");
	if (opt->code_type != NULL && !vf_code_type_parse(vf_slice_str(opt->code_type), &type))
		return vf_error(&run->err, VF_ERR_CONFIG, "--code-type: generated, external or TM");
	if (opt->tm && opt->code_type != NULL && type != VF_CODE_TM)
		return vf_error(&run->err, VF_ERR_CONFIG, "--tm and --code-type %s exclude each other", opt->code_type);
	return 0;
}

/* The fan of ask k gets a code: its ledger line is queued.  1, 0 when there is no code left, -1. */
static int
give(struct assigner *a, size_t k)
{
	struct vf_slice code = VF_SLICE(VF_CODE_TM_TEXT), line;
	const struct vf_ledger_ask *ask = &a->asks[k];
	size_t at = a->text.n;
	int rc = a->codes == NULL ? 1 : assign_codes_next(a->codes, a->ledger, &code, &a->run->err);

	a->given[k].n = 0;
	if (rc <= 0) {
		vf_ledger_leave(a->ledger, ask);
		return rc;
	}
	vf_buf_add_slice(&a->text, ask->fan);
	vf_buf_add_char(&a->text, ',');
	a->given[k].at = a->text.n;
	a->given[k].n = code.n;
	vf_buf_add_slice(&a->text, code);
	vf_buf_add_slice(&a->text, vf_buf_slice(&a->tail));
	if (a->text.failed)
		return vf_error_nomem(&a->run->err);
	line = vf_slice(a->text.p + at, a->text.n - at);
	vf_ledger_give(a->ledger, ask, code, line.n);
	a->assigned++;
	return vf_ledger_file_add(a->file, line, &a->run->err) < 0 ? -1 : 1;
}

/* `,type,campaign,wave,now` and an LF: how all new lines of this batch end. */
static int
set_tail(struct assigner *a)
{
	char now[VF_DATE_LEN + 1];

	vf_date_put(now, vf_date_now());
	a->line.at = vf_slice_str(now);
	vf_buf_clear(&a->tail);
	if (vf_ledger_put(&a->tail, &a->line) < 0)
		return vf_error_nomem(&a->run->err);
	a->line.at = vf_slice("", 0);
	a->tail.n--;		/* the comma between fan and code, which are empty here */
	memmove(a->tail.p, a->tail.p + 1, a->tail.n);
	return 0;
}

/* Asks [from, from + n) answered: how many got a code, or -1. */
static int
settle_group(struct assigner *a, size_t from, size_t n)
{
	int any = 0, rc;

	if (vf_ledger_ask(a->ledger, a->asks + from, n, &a->run->err) < 0)
		return -1;
	for (size_t k = from; k < from + n; k++) {
		if (a->asks[k].standing == VF_LEDGER_SAME)
			a->given[k] = a->given[from + a->asks[k].where];
		if (a->asks[k].standing != VF_LEDGER_NONE)
			continue;
		rc = give(a, k);
		if (rc < 0)
			return -1;
		any += rc;
	}
	return any;
}

/* All asks answered; every new line is in the ledger, and on disk before a row leaves (see start). */
static int
settle(struct assigner *a, size_t nasks)
{
	int any = 0, rc;

	vf_buf_clear(&a->text);
	if (set_tail(a) < 0)
		return -1;
	for (size_t from = 0; from < nasks; from += GROUP, any += rc) {
		rc = settle_group(a, from, nasks - from < GROUP ? nasks - from : GROUP);
		if (rc < 0)
			return -1;
	}
	return any > 0 ? vf_ledger_file_flush(a->file, &a->run->err) : 0;
}

static int
put(struct assigner *a, const struct vf_row *row, size_t k)
{
	struct vf_slice v[2];
	struct vf_ledger_line line;

	if (a->asks[k].standing == VF_LEDGER_HELD) {
		if (vf_ledger_file_line(a->file, a->asks[k].where, a->asks[k].fan, &line, &a->run->err) < 0)
			return -1;
		v[0] = line.code;
		v[1] = line.type;
		a->kept++;
		a->other_wave += a->run->wave != NULL && !vf_slice_eq(line.wave, a->line.wave);
	} else if (a->given[k].n == 0) {
		a->without++;
		return vf_reject(a->run, row, NO_CODE, NULL);
	} else {
		v[0] = vf_slice(a->text.p + a->given[k].at, a->given[k].n);
		v[1] = a->line.type;
		a->kept += a->asks[k].standing == VF_LEDGER_SAME;
	}
	return vf_out_put(a->out, row, vf_in_delimiter(a->run->in, row->file), v, &a->run->err);
}

static int
assign_batch(struct assigner *a, const struct vf_row *rows, int n)
{
	size_t nasks = 0, k = 0;

	for (int i = 0; i < n; i++) {
		struct vf_slice fan;

		a->why[i] = rows[i].reject;
		if (rows[i].reject != 0)
			continue;
		fan = vf_slice_trim(vf_row_value(&rows[i], a->id));
		if (vf_fan_id_ok(fan))
			a->asks[nasks++].fan = fan;
		else
			a->why[i] = MISSING_USER;
	}
	if (settle(a, nasks) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (a->why[i] != 0 ? vf_reject(a->run, &rows[i], a->why[i], NULL) < 0 : put(a, &rows[i], k++) < 0)
			return -1;
	return 0;
}

/* What is given out is in the ledger: its lines are on disk before the rows that show them leave. */
static int
sync_ledger(void *file, struct vf_error *err)
{
	return vf_ledger_file_sync(file, err);
}

static int
start(struct assigner *a, const struct options *opt)
{
	struct vf_run *run = a->run;
	const struct vf_header *h = vf_in_header(run->in);
	enum vf_code_type type = run->campaign != NULL ? run->campaign->code_type : VF_CODE_GENERATED;
	uint64_t more;

	if (opt->code_type != NULL)
		(void)vf_code_type_parse(vf_slice_str(opt->code_type), &type);
	if (opt->tm)
		type = VF_CODE_TM;
	if (type == VF_CODE_TM ? opt->codes.n > 0 : opt->codes.n == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, type == VF_CODE_TM ? "--codes: the placeholder TM needs no codes" :
			"--codes FILE is needed");
	a->line.type = vf_slice_str(vf_code_type_name(type));
	a->line.campaign = vf_slice_str(run->campaign != NULL ? run->campaign->id : "");
	a->line.wave = vf_slice_str(run->wave != NULL ? run->wave : "");
	if (!vf_ledger_id_ok(a->line.campaign) || !vf_ledger_id_ok(a->line.wave))
		return vf_error(&run->err, VF_ERR_CONFIG, "the id of the campaign or wave cannot stand in a ledger");
	a->id = vf_header_need(h, "globalUserId", &run->err);
	if (a->id < 0)
		return -1;
	if (opt->codes.n > 0 && (a->codes = assign_codes_open(&opt->codes, &run->err)) == NULL)
		return -1;
	more = vf_in_size(run->in) / RECORD_BYTES;
	if (a->codes != NULL && assign_codes_count(a->codes) < more)
		more = assign_codes_count(a->codes);
	a->file = vf_ledger_file_open(run, opt->ledger, a->line.campaign, opt->lock_wait, more);
	if (a->file == NULL)
		return -1;
	a->ledger = vf_ledger_file_state(a->file);
	a->out = vf_output(run, &(struct vf_out_options){ .header = h, .sets = sets, .flags = VF_FILE_PRIVATE, .block = BLOCK,
		.before = sync_ledger, .arg = a->file });
	return a->out == NULL ? -1 : 0;
}

static int
work(struct assigner *a, const struct options *opt)
{
	struct vf_run *run = a->run;
	const struct vf_row *rows;
	int n;

	if (start(a, opt) < 0)
		return -1;
	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		if (assign_batch(a, rows, n) < 0)
			return -1;
		if (vf_stopping())
			return vf_stopped(run);
	}
	if (n == 0 && a->without > 0)
		return vf_error(&run->err, VF_ERR_FAILED, "out of codes: %" PRIu64 " records have none; "
			"what was assigned is in %s, run again with more codes", a->without, opt->ledger);
	return n;
}

static struct assigner assigner;	/* outlives run: the lock is kept until the output is in its place */

static int
run_assign(struct vf_run *run)
{
	struct assigner *a = &assigner;
	struct vf_error err = { 0 };
	int rc;

	a->run = run;
	rc = work(a, run->options);
	/* However it ended: what was assigned stays assigned. */
	if (a->file != NULL && vf_ledger_file_sync(a->file, &err) < 0 && rc == 0) {
		run->err = err;
		rc = -1;
	}
	vf_stat_u64(run, "assigned", a->assigned);
	vf_stat_u64(run, "kept", a->kept);
	vf_stat_u64(run, "otherWave", a->other_wave);
	vf_stat_u64(run, "ledgerLines", a->ledger != NULL ? vf_ledger_lines(a->ledger) : 0);
	return rc;
}

static void
cleanup(struct vf_run *run)
{
	(void)run;
	assign_codes_free(assigner.codes);
	vf_ledger_file_free(assigner.file);
	vf_buf_free(&assigner.text);
	vf_buf_free(&assigner.tail);
}

static const struct vf_tool tool = {
	.name = "vf-assign",
	.purpose = "Give each fan one code of the campaign, once.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT | VF_WANT_WAVE,
	.reasons = reasons,
	.check = check,
	.run = run_assign,
	.cleanup = cleanup,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
