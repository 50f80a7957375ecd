/* vf-audit -- draw again from the same entrants and say whether the manifest holds. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "drawing.h"
#include "fan/manifest.h"

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
	struct vf_out *out;		/* to nowhere: the digest of the draw, drawn again */
	struct vf_drawing_writer writer;
};

#define SHOW(slice) (int)((slice).n < 100 ? (slice).n : 100), (slice).p

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

/* The seed */

static int
new_draw(struct audit *a)
{
	unsigned char seed[VF_DRAW_SEED_LEN], k[VF_DIGEST_LEN];
	const struct vf_manifest *m = &a->manifest;
	char commitment[VF_DIGEST_HEX + 1];

	if (vf_drawing_seed(a->run, a->opt->seed_file, seed) < 0)
		return -1;
	vf_draw_commitment(seed, commitment);
	vf_draw_derive(k, seed, m->campaign, m->wave, m->beacon);
	sodium_memzero(seed, sizeof(seed));
	if (strcmp(commitment, m->commitment) == 0)
		a->draw = vf_draw_new(&(struct vf_draw_options){ .k = k, .one_market = a->columns.market < 0 },
			&a->run->err);
	else
		vf_error(&a->run->err, VF_ERR_FAILED,
			"seed-differs: %s: the seed's commitment is %s, the manifest's is %s", a->opt->manifest,
			commitment, m->commitment);
	sodium_memzero(k, sizeof(k));
	return a->draw == NULL ? -1 : 0;
}

/* The limits */

static int
limits_differ(struct audit *a, struct vf_slice market, const char *cause)
{
	return vf_error(&a->run->err, VF_ERR_FAILED, "limits-differ: %s: market %.*s: %s", a->opt->manifest,
		SHOW(market), cause);
}

/* By itself: as many were drawn as its own limit and candidates say. */
static int
check_own_limits(struct audit *a)
{
	for (size_t i = 0; i < a->manifest.nmarkets; i++) {
		const struct vf_manifest_market *m = &a->manifest.markets[i];
		uint64_t left = m->limit;

		if (!m->has_limit || !m->has_counts)
			return limits_differ(a, m->name, m->has_limit ? "has a limit and no counts" : "has no limit");
		for (int b = 0; b < VF_DRAW_BANDS; b++)
			left -= m->candidates[b] < left ? m->candidates[b] : left;
		if (m->drawn != m->limit - left)
			return limits_differ(a, m->name,
				"the number drawn is not what the limit and the candidates give");
	}
	return 0;
}

static int
compare_limits(struct audit *a, const struct vf_draw *announced)
{
	const struct vf_manifest *m = &a->manifest;
	size_t i = 0, j = 0, n = vf_draw_markets(announced);

	while (i < m->nmarkets || j < n) {
		struct vf_draw_market other = { 0 };
		int c;

		if (j < n)
			vf_draw_market(announced, j, &other);
		c = i == m->nmarkets ? 1 : j == n ? -1 : vf_slice_cmp(m->markets[i].name, other.name);
		if (c < 0)
			return limits_differ(a, m->markets[i].name, "has a limit that was not announced");
		if (c > 0)
			return limits_differ(a, other.name, "its limit was announced and is not there");
		if (m->markets[i].limit != other.limit)
			return limits_differ(a, other.name, "its limit is not the one announced");
		i++;
		j++;
	}
	return 0;
}

static int
check_campaign(struct audit *a)
{
	const struct vf_campaign *c = a->run->campaign;
	const struct vf_manifest *m = &a->manifest;

	if (c == NULL)
		return 0;
	if (!vf_slice_is(m->campaign, c->id))
		return vf_error(&a->run->err, VF_ERR_CONFIG, "%s: the manifest of another campaign", a->opt->manifest);
	if (memcmp(&c->bands, &m->bands, sizeof(m->bands)) != 0)
		return vf_error(&a->run->err, VF_ERR_FAILED,
			"limits-differ: %s: the bands are not the configuration's", a->opt->manifest);
	return 0;
}

/* Against those that were announced: an empty draw collects them. */
static int
check_announced_limits(struct audit *a)
{
	const struct vf_drawing_limits limits = { false, 0, a->opt->limits };
	const unsigned char k[VF_DIGEST_LEN] = { 0 };
	const struct vf_manifest *m = &a->manifest;
	const struct vf_wave_config *wave;
	char *wave_id = NULL;
	struct vf_draw *announced;
	struct vf_draw_twice twice;
	int rc;

	for (size_t i = 0; i < m->nmarkets && a->opt->limit != NO_LIMIT; i++)
		if (m->markets[i].limit != a->opt->limit)
			return limits_differ(a, m->markets[i].name, "its limit is not the one announced");
	if (a->opt->limit != NO_LIMIT || (a->opt->limits == NULL && a->run->campaign == NULL))
		return 0;
	if (m->wave.n > 0 && (wave_id = strndup(m->wave.p, m->wave.n)) == NULL)
		return vf_error_nomem(&a->run->err);
	rc = vf_drawing_wave(a->run, wave_id, &wave);
	free(wave_id);
	if (rc < 0 || (announced = vf_draw_new(&(struct vf_draw_options){ .k = k }, &a->run->err)) == NULL)
		return -1;
	if ((rc = vf_drawing_set_limits(a->run, &limits, wave, announced)) == 0
		&& (rc = vf_draw_finish(announced, &twice, &a->run->err)) == 0)
		rc = compare_limits(a, announced);
	vf_draw_free(announced);
	return rc;
}

/* The entrants */

static int
entrants_differ(struct audit *a, const char *file, const char *cause)
{
	return vf_error(&a->run->err, VF_ERR_FAILED, "entrants-differ: %s: %s", file, cause);
}

/* The manifest's files and those given, in their order: the names may differ. */
static int
check_entrants(struct audit *a)
{
	const struct vf_manifest *m = &a->manifest;
	size_t n = (size_t)vf_in_files(a->run->in);
	char hex[VF_DIGEST_HEX + 1];

	for (size_t i = 0; i < n && i < m->nentrants; i++) {
		const char *name = vf_in_name(a->run->in, (int)i);

		if (vf_in_file_records(a->run->in, (int)i) != m->entrants[i].records)
			return vf_error(&a->run->err, VF_ERR_FAILED,
				"entrants-differ: %s: %" PRIu64 " records, the manifest has %" PRIu64, name,
				vf_in_file_records(a->run->in, (int)i), m->entrants[i].records);
		vf_in_digest(a->run->in, (int)i, hex);
		if (strcmp(hex, m->entrants[i].blake2b) != 0)
			return entrants_differ(a, name, "its bytes are not those of the manifest's digest");
	}
	if (n > m->nentrants)
		return entrants_differ(a, vf_in_name(a->run->in, (int)m->nentrants), "not in the manifest");
	if (n < m->nentrants)
		return vf_error(&a->run->err, VF_ERR_FAILED,
			"entrants-differ: %s: the manifest's file %zu, %.*s, was not given", a->opt->manifest, n + 1,
			SHOW(m->entrants[n].name));
	return 0;
}

/* The manifest's counts are those of its own entrants. */
static int
check_counts(struct audit *a)
{
	const struct vf_manifest *m = &a->manifest;
	struct vf_draw_market market;

	for (size_t i = 0; i < m->nmarkets && i < vf_draw_markets(a->draw); i++) {
		vf_draw_market(a->draw, i, &market);
		if (memcmp(market.candidates, m->markets[i].candidates, sizeof(market.candidates)) != 0)
			return vf_error(&a->run->err, VF_ERR_FAILED,
				"entrants-differ: %s: market %.*s: its candidates are not those of the entrants",
				a->opt->manifest, SHOW(market.name));
	}
	return 0;
}

/* The result */

static int
result_differs(struct audit *a, uint64_t line, const char *cause)
{
	return vf_error(&a->run->err, VF_ERR_FAILED, "result-differs: %s:%" PRIu64 ": %s", a->opt->result, line,
		cause);
}

/* DRAWN, block by block. */
struct reader {
	int fd;
	const char *name;
	char block[64 << 10];
	size_t n, used;
};

/* 1 when there are bytes in the block, 0 at the end, -1. */
static int
refill(struct reader *r, struct vf_error *err)
{
	ssize_t got;

	if (r->used < r->n)
		return 1;
	if ((got = vf_file_read(r->fd, r->block, sizeof(r->block), r->name, err)) < 0)
		return -1;
	r->n = (size_t)got;
	r->used = 0;
	return got > 0;
}

/* Whether the next bytes of the file are these: 1, 0 when they are not, -1. */
static int
match(struct reader *r, struct vf_slice text, struct vf_error *err)
{
	while (text.n > 0) {
		size_t n;
		int rc = refill(r, err);

		if (rc <= 0)
			return rc;
		n = r->n - r->used < text.n ? r->n - r->used : text.n;
		if (memcmp(r->block + r->used, text.p, n) != 0)
			return 0;
		r->used += n;
		text.p += n;
		text.n -= n;
	}
	return 1;
}

static int
skip_line(struct reader *r, struct vf_error *err)
{
	int rc;

	while ((rc = refill(r, err)) > 0)
		if (r->block[r->used++] == '\n')
			return 0;
	return rc;
}

/* Which line of DRAWN is the first that the draw does not write. */
static int
find_difference(struct audit *a, struct reader *r)
{
	struct vf_error *err = &a->run->err;
	struct vf_buf line = { 0 };
	struct vf_drawn fan;
	uint64_t lineno = 1;
	int rc = skip_line(r, err);

	vf_draw_rewind(a->draw);
	while (rc == 0 && vf_draw_next(a->draw, &fan)) {
		lineno++;
		rc = vf_drawing_render(&a->writer, a->out, fan.line, fan.delimiter, fan.position, &line);
		if (rc == 0 && vf_buf_add_char(&line, '\n') < 0)
			rc = vf_error_nomem(err);
		if (rc == 0 && refill(r, err) == 0)
			rc = result_differs(a, lineno, "the file ends, the draw goes on");
		if (rc == 0 && (rc = match(r, vf_buf_slice(&line), err)) >= 0)
			rc = rc > 0 ? 0 : result_differs(a, lineno, "not the record that the draw puts here");
	}
	if (rc == 0 && refill(r, err) > 0)
		rc = result_differs(a, lineno + 1, "the draw ends, the file goes on");
	vf_buf_free(&line);
	return rc < 0 ? -1 : result_differs(a, 1, "not the header line that the draw writes");
}

static int
digest_result(struct audit *a, struct reader *r, char hex[VF_DIGEST_HEX + 1])
{
	struct vf_digest digest;
	ssize_t n;

	vf_digest_init(&digest);
	while ((n = vf_file_read(r->fd, r->block, sizeof(r->block), r->name, &a->run->err)) > 0)
		vf_digest_add(&digest, r->block, (size_t)n);
	vf_digest_hex(&digest, hex);
	return n < 0 ? -1 : 0;
}

/* The draw, written to nowhere: its digest. */
static int
draw_again(struct audit *a, char hex[VF_DIGEST_HEX + 1])
{
	const struct vf_out_options out = { .path = "/dev/null", .header = vf_in_header(a->run->in),
		.sets = vf_drawing_sets, .digest = true };
	struct vf_drawn fan;

	if ((a->out = vf_out_open(&out, &a->run->err)) == NULL || vf_drawing_writer_init(&a->writer, a->run) < 0)
		return -1;
	while (vf_draw_next(a->draw, &fan)) {
		if (vf_drawing_put(&a->writer, a->out, fan.line, fan.delimiter, fan.position) < 0)
			return -1;
		if (fan.position % 4096 == 0 && vf_stopping())
			return vf_stopped(a->run);
	}
	vf_out_digest(a->out, hex);
	return 0;
}

static int
check_result(struct audit *a)
{
	char again[VF_DIGEST_HEX + 1], given[VF_DIGEST_HEX + 1];
	const struct vf_manifest_file *result = &a->manifest.result;
	struct reader r = { .name = a->opt->result };
	int rc;

	if ((r.fd = open(r.name, O_RDONLY | O_CLOEXEC)) < 0)
		return vf_error_errno(&a->run->err, r.name);
	rc = draw_again(a, again);
	if (rc == 0)
		rc = digest_result(a, &r, given);
	if (rc == 0 && strcmp(again, given) != 0)
		rc = lseek(r.fd, 0, SEEK_SET) == 0 ? find_difference(a, &r) :
			vf_error(&a->run->err, VF_ERR_FAILED, "result-differs: %s: its bytes are not those of the draw",
				r.name);
	else if (rc == 0 && (strcmp(again, result->blake2b) != 0 || vf_out_records(a->out) != result->records))
		rc = vf_error(&a->run->err, VF_ERR_FAILED,
			"result-differs: %s: the result's digest or records are not those of %s", a->opt->manifest,
			r.name);
	close(r.fd);
	return rc;
}

/* The whole */

static int
set_limits(struct audit *a)
{
	for (size_t i = 0; i < a->manifest.nmarkets; i++)
		if (vf_draw_limit(a->draw, a->manifest.markets[i].name, a->manifest.markets[i].limit,
			    &a->run->err) < 0)
			return -1;
	return 0;
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
	struct vf_draw_market market;

	if (vf_manifest_load(&a->manifest, a->opt->manifest, &a->run->err) < 0)
		return -1;
	/* A draw without a column market has one market, which has no name. */
	if (vf_drawing_columns(a->run, a->manifest.nmarkets != 1 || a->manifest.markets[0].name.n > 0, &a->columns) < 0
		|| check_campaign(a) < 0)
		return -1;
	if (new_draw(a) < 0 || check_announced_limits(a) < 0 || check_own_limits(a) < 0 || set_limits(a) < 0)
		return -1;
	if (vf_drawing_read(a->run, &a->columns, a->draw) < 0 || check_entrants(a) < 0
		|| vf_drawing_finish(a->run, a->draw) < 0 || check_counts(a) < 0)
		return -1;
	for (size_t i = 0; i < vf_draw_markets(a->draw); i++) {
		vf_draw_market(a->draw, i, &market);
		a->run->out_count += market.drawn;
		for (int b = 0; b < VF_DRAW_BANDS; b++)
			a->run->held += market.candidates[b];
		a->run->held -= market.drawn;
	}
	return check_result(a) < 0 ? -1 : say_it_holds(a);
}

static int
run_audit(struct vf_run *run)
{
	struct audit a = { .opt = run->options, .run = run };
	int rc = audit(&a);

	vf_out_free(a.out);
	vf_drawing_writer_clear(&a.writer);
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
