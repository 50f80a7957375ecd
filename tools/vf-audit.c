/* vf-audit -- draw again from the same entrants and say whether the manifest holds. */
#include <inttypes.h>
#include <stdlib.h>

#include "audit.h"
#include "drawing.h"
#include "fan/audit.h"

struct options {
	const char *seed_file, *manifest, *result, *limits;
	uint64_t limit;
};

#define NO_LIMIT UINT64_MAX
static const struct options defaults = { .limit = NO_LIMIT };

static const struct vf_option options[] = {
	{ "manifest", 0, VF_PATH, offsetof(struct options, manifest), "FILE", "the manifest that vf-draw wrote" },
	{ "seed-file", 0, VF_PATH, offsetof(struct options, seed_file), "FILE",
		"the seed, now open: 64 hex digits (or VF_DRAW_SEED)" },
	{ "result", 0, VF_PATH, offsetof(struct options, result), "DRAWN", "the records that vf-draw wrote" },
	{ "limit", 0, VF_U64, offsetof(struct options, limit), "N", "the limit of every market that was announced" },
	{ "limits", 0, VF_PATH, offsetof(struct options, limits), "FILE",
		"CSV market,limit: the limits that were announced" },
	{ 0 },
};

struct audit {
	const struct options *opt;
	struct vf_run *run;
	struct vf_drawing_columns columns;
	struct vf_manifest manifest;
	struct vf_draw *draw;
};

static int
check(struct vf_run *run, void *opt_, struct vf_in_options *in)
{
	const struct options *opt = opt_;

	if (opt->manifest == NULL || opt->result == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--manifest and --result are needed");
	if (opt->limit != NO_LIMIT && opt->limits != NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--limit and --limits do not go together");
	in->digest = true;
	return 0;
}

/* The manifest's draw again: its key is made of what the manifest says, and of the seed. */
static int
new_draw(struct audit *a)
{
	const struct vf_manifest *m = &a->manifest;
	const struct vf_drawing_key of = { a->opt->seed_file, m->campaign, m->wave, m->beacon };
	char commitment[VF_DIGEST_HEX + 1];

	a->draw = vf_drawing_new(a->run, &of, &(struct vf_draw_options){ .one_market = a->columns.market < 0 },
		commitment);
	if (a->draw == NULL || vf_audit_seed(m, commitment, &a->run->err) < 0)
		return -1;
	return 0;
}

static int
set_limits(struct audit *a)
{
	for (size_t i = 0; i < a->manifest.nmarkets; i++)
		if (vf_draw_limit(a->draw, a->manifest.markets[i].name, a->manifest.markets[i].limit,
			    &a->run->err) < 0)
			return -1;
	return 0;
}

/* What --limits or the configuration announced for the manifest's wave: a draw without candidates has it, by market. */
static int
collect_limits(struct audit *a, struct vf_draw *announced)
{
	const struct vf_drawing_limits limits = { false, 0, a->opt->limits };
	const struct vf_wave_config *wave;
	struct vf_draw_twice twice;
	struct vf_slice id = a->manifest.wave;
	char *wave_id = NULL;
	int rc;

	if (id.n > 0 && (wave_id = strndup(id.p, id.n)) == NULL)
		return vf_error_nomem(&a->run->err);
	rc = vf_drawing_wave(a->run, wave_id, &wave);
	free(wave_id);
	if (rc < 0 || vf_drawing_set_limits(a->run, &limits, wave, announced) < 0)
		return -1;
	return vf_draw_finish(announced, &twice, &a->run->err);
}

static int
check_announced(struct audit *a)
{
	const unsigned char k[VF_DIGEST_LEN] = { 0 };	/* nobody competes */
	struct vf_error *err = &a->run->err;
	struct vf_draw *announced;
	int rc;

	if (a->opt->limit != NO_LIMIT)
		return vf_audit_limit(&a->manifest, a->opt->limit, err);
	if (a->opt->limits == NULL && a->run->campaign == NULL)
		return 0;
	if ((announced = vf_draw_new(&(struct vf_draw_options){ .k = k }, err)) == NULL)
		return -1;
	if ((rc = collect_limits(a, announced)) == 0)
		rc = vf_audit_limits(&a->manifest, announced, err);
	vf_draw_free(announced);
	return rc;
}

/* The files given are those of the manifest. */
static int
check_entrants(struct audit *a)
{
	struct vf_manifest given = { 0 };
	int rc = vf_drawing_entrants(a->run, &given);

	if (rc == 0)
		rc = vf_audit_entrants(&a->manifest, given.entrants, given.nentrants, &a->run->err);
	vf_manifest_clear(&given);
	return rc;
}

static void
count_records(struct audit *a)
{
	struct vf_draw_market market;

	for (size_t i = 0; i < vf_draw_markets(a->draw); i++) {
		vf_draw_market(a->draw, i, &market);
		a->run->out_count += market.drawn;
		for (int b = 0; b < VF_DRAW_BANDS; b++)
			a->run->held += market.candidates[b];
		a->run->held -= market.drawn;
	}
}

static int
say_it_holds(struct audit *a)
{
	struct vf_file *out = vf_output_file(a->run, NULL, 0);
	struct vf_buf b = { 0 };
	int rc = -1;

	vf_buf_addf(&b, "the manifest holds: %zu entrants' file%s, %zu market%s, ", a->manifest.nentrants,
		a->manifest.nentrants == 1 ? "" : "s", a->manifest.nmarkets, a->manifest.nmarkets == 1 ? "" : "s");
	vf_buf_addf(&b, "%" PRIu64 " candidates, %" PRIu64 " drawn\n", a->run->out_count + a->run->held,
		a->run->out_count);
	if (out != NULL)
		rc = b.failed ? vf_error_nomem(&a->run->err) : vf_file_write(out, b.p, b.n, &a->run->err);
	vf_buf_free(&b);
	return rc;
}

static int
audit(struct audit *a)
{
	struct vf_manifest *m = &a->manifest;
	struct vf_run *run = a->run;

	if (vf_manifest_load(m, a->opt->manifest, &run->err) < 0)
		return -1;
	/* A draw without a column market has one market, which has no name. */
	if (vf_drawing_columns(run, m->nmarkets != 1 || m->markets[0].name.n > 0, &a->columns) < 0
		|| (run->campaign != NULL && vf_audit_campaign(m, run->campaign, &run->err) < 0))
		return -1;
	if (new_draw(a) < 0 || check_announced(a) < 0 || vf_audit_own_limits(m, &run->err) < 0 || set_limits(a) < 0)
		return -1;
	if (vf_drawing_read(run, &a->columns, a->draw) < 0 || check_entrants(a) < 0
		|| vf_drawing_finish(run, a->draw) < 0 || vf_audit_counts(m, a->draw, &run->err) < 0)
		return -1;
	count_records(a);
	return audit_result(run, a->draw, m, a->opt->result) < 0 ? -1 : say_it_holds(a);
}

static int
run_audit(struct vf_run *run)
{
	struct audit a = { .opt = run->options, .run = run };
	int rc = audit(&a);

	vf_draw_free(a.draw);
	vf_manifest_clear(&a.manifest);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-audit",
	.purpose = "Draw again and say whether the manifest of a draw holds.",
	.operands = "ENTRANTS ...",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV,
	.reasons = vf_drawing_reasons,
	.check = check,
	.run = run_audit,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
