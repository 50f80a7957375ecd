/* vf-merge -- many Avro files of one schema become one; every record is checked on the way. */
#include <inttypes.h>
#include <stdio.h>

#include "avro/merge.h"
#include "avro/mill.h"
#include "base/num.h"
#include "base/text.h"
#include "frame.h"

#define LIST_MAX ((size_t)64 << 20)	/* bytes of a --files-from list */
#define NAMED 20			/* refused files named on stderr */

struct options {
	const char *type, *max_size, *codec, *schema, *manifest, *files_from;
	bool split, dry_run, strict;
	uint64_t threads;
};

static const struct options defaults = { .max_size = "1.2GB", .threads = 1 };

static const struct vf_option options[] = {
	{ "type", 0, VF_TEXT, offsetof(struct options, type), "KIND", "the kind of record: registration" },
	{ "max-size", 0, VF_TEXT, offsetof(struct options, max_size), "SIZE",
		"the most bytes of the merged file: 1200000000, 1.2GB (1.2GB)" },
	{ "split", 0, VF_FLAG, offsetof(struct options, split), NULL, "several files, each within --max-size" },
	{ "codec", 0, VF_TEXT, offsetof(struct options, codec), "CODEC", "null, deflate or snappy (the first file's)" },
	{ "schema", 0, VF_PATH, offsetof(struct options, schema), "FILE", "the schema that all files must have (the first file's)" },
	{ "manifest", 0, VF_PATH, offsetof(struct options, manifest), "FILE", "keep what was merged into what, with digests" },
	{ "files-from", 0, VF_PATH, offsetof(struct options, files_from), "FILE", "more files: their names, one a line" },
	{ "strict", 0, VF_FLAG, offsetof(struct options, strict), NULL, "refuse what zlib does not inflate; slower" },
	{ "dry-run", 0, VF_FLAG, offsetof(struct options, dry_run), NULL, "check everything, write nothing" },
	{ "threads", 0, VF_U64, offsetof(struct options, threads), "N", "threads that inflate, check and compress (1)" },
	{ 0 },
};

/* The kinds of DESIGN 4, and the record each one's schema is. */
static const struct { const char *type, *record; } types[] = { { "registration", "Registration" } };

struct merging {
	struct vf_merge_options opt;
	struct vf_merge *merge;
	struct vf_schema *schema;
	struct vf_file *manifest;
	struct vf_error refused;	/* the last one */
	size_t nrefused;
	struct vf_run *run;
};

static struct merging merging;		/* outlives run: the names appear when everything is judged */

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;
	struct vf_merge_options *m = &merging.opt;

	(void)in;
	for (size_t i = 0; opt->type != NULL && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(opt->type, types[i].type) == 0)
			m->type = types[i].record;
	if (opt->type != NULL && m->type == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--type: registration is the only one");
	if (!vf_num_size(vf_slice_str(opt->max_size), &m->max_size) || m->max_size == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--max-size: a size is needed (1200000000, 1.2GB)");
	if (opt->codec != NULL && !vf_codec_find(vf_slice_str(opt->codec), &m->codec))
		return vf_error(&run->err, VF_ERR_CONFIG, "--codec: null, deflate or snappy");
	if (opt->threads == 0 || opt->threads > VF_MILL_THREADS)
		return vf_error(&run->err, VF_ERR_CONFIG, "--threads: 1 to %d", VF_MILL_THREADS);
	if (run->output == NULL && !opt->dry_run)
		return vf_error(&run->err, VF_ERR_CONFIG, "-o FILE is needed, or --dry-run");
	if (opt->split && run->output != NULL && strcmp(run->output, "-") == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--split needs a name for -o");
	if (opt->dry_run && opt->manifest != NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--dry-run and --manifest do not go together");
	if (run->noperands == 0 && opt->files_from == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "no files to merge");
	m->output = opt->dry_run ? NULL : run->output;
	m->has_codec = opt->codec != NULL;
	m->threads = (unsigned)opt->threads;
	m->split = opt->split;
	m->strict = opt->strict;
	m->digests = opt->manifest != NULL;
	m->spool_dir = vf_env("TMPDIR");
	m->stopping = vf_stopping;
	return 0;
}

/* The first few are named at once; the last one is the run's own error when it is the only one. */
static void
refused(void *ctx, const struct vf_error *err)
{
	struct merging *m = ctx;

	if (m->nrefused > 0 && m->nrefused < NAMED)
		vf_warn(m->run, "%s", m->refused.text);
	m->refused = *err;
	m->nrefused++;
}

/* The names in a list: lines that end in LF or CRLF, empty ones skipped. */
static int
add_list(struct merging *m, const char *path)
{
	struct vf_error *err = &m->run->err;
	struct vf_buf list = { .max = LIST_MAX + 1 };
	int rc = vf_file_slurp(strcmp(path, "-") == 0 ? "/dev/stdin" : path, LIST_MAX, &list, err);
	size_t at = 0;

	while (rc == 0 && at < list.n) {
		char *line = list.p + at, *lf = memchr(line, '\n', list.n - at);
		size_t n = lf != NULL ? (size_t)(lf - line) : list.n - at;
		char *name;

		at += n + 1;
		if (n > 0 && line[n - 1] == '\r')
			n--;
		if (memchr(line, '\0', n) != NULL)
			rc = vf_error(err, VF_ERR_CONFIG, "%s: a NUL byte in a name", path);
		else if (n > 0 && (name = strndup(line, n)) == NULL)
			rc = vf_error_nomem(err);
		else if (n > 0) {
			rc = vf_merge_add(m->merge, name, err);
			free(name);
		}
	}
	vf_buf_free(&list);
	return rc;
}

static void
add_file(struct vf_buf *b, const struct vf_merge_file *f)
{
	char hex[VF_DIGEST_HEX + 1];

	vf_hex_put(hex, f->digest, VF_DIGEST_LEN);
	vf_buf_add_str(b, "{\"path\":");
	vf_text_add_json(b, vf_slice_str(f->path));
	vf_buf_addf(b, ",\"size\":%" PRIu64 ",\"records\":%" PRIu64 ",\"blake2b\":\"%s\"}", f->size, f->records, hex);
}

static void
add_files(struct vf_buf *b, const struct vf_merge *m, size_t n, void (*get)(const struct vf_merge *, size_t, struct vf_merge_file *))
{
	struct vf_merge_file f;

	for (size_t i = 0; i < n; i++) {
		get(m, i, &f);
		vf_buf_add_str(b, i > 0 ? ",\n" : "\n");
		add_file(b, &f);
	}
}

static int
write_manifest(struct merging *m, const char *path)
{
	struct vf_buf b = { 0 };
	char fingerprint[17];
	int rc;

	vf_schema_fingerprint_hex(vf_merge_schema(m->merge), fingerprint);
	vf_buf_addf(&b, "{\"schema\":\"%s\",\"codec\":\"%s\",\"outputs\":[", fingerprint, vf_codec_name(vf_merge_codec(m->merge)));
	add_files(&b, m->merge, vf_merge_parts(m->merge), vf_merge_part);
	vf_buf_add_str(&b, "],\"sources\":[");
	add_files(&b, m->merge, vf_merge_sources(m->merge), vf_merge_source);
	vf_buf_add_str(&b, "]}\n");
	m->manifest = vf_file_create(path, 0, &m->run->err);
	rc = m->manifest == NULL ? -1 : b.failed ? vf_error_nomem(&m->run->err) :
		vf_file_write(m->manifest, b.p, b.n, &m->run->err);
	vf_buf_free(&b);
	return rc < 0 ? -1 : vf_file_settle(m->manifest, &m->run->err);
}

static void
report(struct merging *m)
{
	uint64_t bytes_in = 0, bytes_out = 0;
	struct vf_merge_file f;

	for (size_t i = 0; i < vf_merge_sources(m->merge); i++) {
		vf_merge_source(m->merge, i, &f);
		bytes_in += f.size;
	}
	m->run->in_count = vf_merge_records_in(m->merge);
	for (size_t i = 0; i < vf_merge_parts(m->merge) && vf_merge_refused(m->merge) == 0; i++) {
		vf_merge_part(m->merge, i, &f);
		bytes_out += f.size;
		m->run->out_count += f.records;
	}
	vf_stat_u64(m->run, "files", vf_merge_sources(m->merge));
	vf_stat_u64(m->run, "refused", vf_merge_refused(m->merge));
	vf_stat_u64(m->run, "bytesIn", bytes_in);
	vf_stat_u64(m->run, "bytes", bytes_out);
	vf_stat_u64(m->run, "parts", vf_merge_refused(m->merge) == 0 ? vf_merge_parts(m->merge) : 0);
}

static int
merge(struct merging *m, const struct options *opt)
{
	struct vf_run *run = m->run;
	struct vf_error *err = &run->err;

	if (opt->schema != NULL && (m->opt.schema = m->schema = vf_schema_load(opt->schema, err)) == NULL)
		return -1;
	if ((m->merge = vf_merge_new(&m->opt, err)) == NULL)
		return -1;
	for (int i = 0; i < run->noperands; i++)
		if (vf_merge_add(m->merge, run->operands[i], err) < 0)
			return -1;
	if (opt->files_from != NULL && add_list(m, opt->files_from) < 0)
		return -1;
	if (vf_merge_sources(m->merge) == 0)
		return vf_error(err, VF_ERR_CONFIG, "%s: no files to merge", opt->files_from);
	if (vf_merge_survey(m->merge, err) < 0 || vf_merge_run(m->merge, err) < 0)
		return -1;
	return opt->manifest != NULL ? write_manifest(m, opt->manifest) : 0;
}

static int
run_merge(struct vf_run *run)
{
	struct merging *m = &merging;
	int rc;

	m->run = run;
	m->opt.refused = refused;
	m->opt.ctx = m;
	rc = merge(m, run->options);
	if (m->merge != NULL)
		report(m);
	if (rc < 0 && run->err.kind == VF_ERR_FAILED && m->nrefused == 1)
		run->err = m->refused;
	else if (rc < 0 && m->nrefused > 1)
		vf_warn(run, "%s", m->refused.text);
	if (rc == 0 && run->in_count != run->out_count)
		rc = vf_error(&run->err, VF_ERR_FAILED, "records do not add up: %" PRIu64 " in, %" PRIu64 " out", run->in_count,
			run->out_count);
	return rc;
}

/* Data first, the manifest last. */
static int
commit(struct vf_run *run)
{
	struct merging *m = &merging;

	if (vf_merge_commit(m->merge, &run->err) < 0)
		return -1;
	return m->manifest != NULL ? vf_file_commit(m->manifest, &run->err) : 0;
}

static void
cleanup(struct vf_run *run)
{
	(void)run;
	vf_merge_free(merging.merge);
	vf_schema_free(merging.schema);
	vf_file_free(merging.manifest);
}

static const struct vf_tool tool = {
	.name = "vf-merge",
	.purpose = "Merge Avro files of one schema into one, every record checked.",
	.operands = "FILE ...",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_OPERANDS | VF_WANT_OUTPUT,
	.check = check,
	.run = run_merge,
	.commit = commit,
	.cleanup = cleanup,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
