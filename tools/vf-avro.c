/* vf-avro -- CSV to Avro and back; Avro files checked. */
#include <stdlib.h>

#include "avro-read.h"
#include "avro/container.h"
#include "avro/encode.h"
#include "avro/mill.h"
#include "avro/schema.h"
#include "base/num.h"

#define BLOCK_SIZE_MAX 64000000u

struct options {
	const char *schema, *codec, *block_size;
	uint64_t threads;
	bool decode, check, print_schema;
};

static const struct vf_option options[] = {
	{ "schema", 0, VF_PATH, offsetof(struct options, schema), "FILE", "write Avro records of this schema" },
	{ "codec", 0, VF_TEXT, offsetof(struct options, codec), "CODEC", "null (the default), deflate or snappy" },
	{ "block-size", 0, VF_TEXT, offsetof(struct options, block_size), "SIZE", "bytes of a block before compression; 256KB" },
	{ "threads", 0, VF_U64, offsetof(struct options, threads), "N", "threads that compress; the output is the same" },
	{ "decode", 0, VF_FLAG, offsetof(struct options, decode), NULL, "read Avro, write CSV" },
	{ "check", 0, VF_FLAG, offsetof(struct options, check), NULL, "read whole Avro files, show what they hold" },
	{ "print-schema", 0, VF_FLAG, offsetof(struct options, print_schema), NULL, "show the schema of an Avro file" },
	{ 0 },
};

enum { SCHEMA = VF_REJECT_TOOL };
static const char *const reasons[] = { "schema", NULL };

/* What the options say, understood. */
struct encoder {
	struct vf_run *run;
	struct vf_schema *schema;
	struct vf_encode *encode;
	struct vf_container_writer *writer;
	enum vf_codec codec;
	uint64_t block_size;
	size_t n;				/* fields */
	struct vf_slice *values;		/* of each field, those without a column keep theirs; and one for all that go nowhere */
	struct vf_slice **into;			/* which of them each column's value becomes */
	struct vf_buf block;
	uint64_t count;				/* records in it */
};

static struct encoder encoder = { .codec = VF_CODEC_NULL, .block_size = 256000 };

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;

	if ((opt->schema != NULL) + opt->decode + opt->check + opt->print_schema != 1)
		return vf_error(&run->err, VF_ERR_CONFIG, "one of --schema FILE, --decode, --check and --print-schema is needed");
	run->own_input = opt->schema == NULL;
	if (run->own_input && (opt->codec != NULL || opt->block_size != NULL || opt->threads != 0))
		return vf_error(&run->err, VF_ERR_CONFIG, "--codec, --block-size and --threads go with --schema");
	if (run->own_input && (in->delimiter != 0 || in->naliases > 0))
		return vf_error(&run->err, VF_ERR_CONFIG, "--delimiter and --column go with --schema");
	if (opt->print_schema && in->npaths > 1)
		return vf_error(&run->err, VF_ERR_CONFIG, "--print-schema shows the schema of one file");
	if (in->npaths > UINT16_MAX)
		return vf_error(&run->err, VF_ERR_CONFIG, "at most %d files", UINT16_MAX);
	if (opt->codec != NULL && !vf_codec_find(vf_slice_str(opt->codec), &encoder.codec))
		return vf_error(&run->err, VF_ERR_CONFIG, "--codec: null, deflate or snappy");
	if (opt->block_size != NULL && (!vf_num_size(vf_slice_str(opt->block_size), &encoder.block_size) ||
		encoder.block_size < 1 || encoder.block_size > BLOCK_SIZE_MAX))
		return vf_error(&run->err, VF_ERR_CONFIG, "--block-size: 1 to 64MB");
	if (opt->threads > VF_MILL_THREADS)
		return vf_error(&run->err, VF_ERR_CONFIG, "--threads: at most %d", VF_MILL_THREADS);
	return opt->schema != NULL && (encoder.schema = vf_schema_load(opt->schema, &run->err)) == NULL ? -1 : 0;
}

/* A field that the input has no column for but the command line knows. */
static struct vf_slice
known(const struct vf_run *run, struct vf_slice field)
{
	const char *v = NULL;

	if (vf_slice_is(field, "campaignId") && run->campaign != NULL)
		v = run->campaign->id;
	else if (vf_slice_is(field, "waveId"))
		v = run->wave;
	return v != NULL ? vf_slice_str(v) : vf_slice(NULL, 0);
}

/* Columns that go nowhere are named: somebody may miss them in the lake one day. */
static int
note_ignored(const struct encoder *e, const struct vf_header *h)
{
	struct vf_buf names = { 0 };
	int rc = 0;

	for (int c = 0; c < h->n; c++) {
		if (e->into[c] != &e->values[e->n])
			continue;
		if (names.n > 0)
			vf_buf_add_str(&names, ", ");
		if (names.n > 400) {
			vf_buf_add_str(&names, "...");
			break;
		}
		vf_buf_add_slice(&names, h->names[c]);
	}
	if (vf_buf_terminate(&names) < 0)
		rc = vf_error_nomem(&e->run->err);
	else if (names.n > 0)
		vf_note(e->run, "not in the schema, left out: %s", names.p);
	vf_buf_free(&names);
	return rc;
}

/* Which column each field comes from; what has none comes from the command line, its default, or is null. */
static int
bind(struct encoder *e, const char *schema_name)
{
	const struct vf_schema_type *root = vf_schema_root(e->schema);
	const struct vf_header *h = vf_in_header(e->run->in);
	bool *present;

	e->n = root->kind == VF_AVRO_RECORD ? root->n : 0;
	e->values = calloc(e->n + 1, sizeof *e->values);
	e->into = calloc((size_t)h->n + 1, sizeof *e->into);
	present = calloc(e->n + 1, sizeof *present);
	if (e->values == NULL || e->into == NULL || present == NULL) {
		free(present);
		return vf_error_nomem(&e->run->err);
	}
	for (int c = 0; c < h->n; c++)
		e->into[c] = &e->values[e->n];
	for (size_t i = 0; i < e->n; i++) {
		int c = vf_header_find(h, root->fields[i].name.p);

		if (c >= 0)
			e->into[c] = &e->values[i];
		else
			e->values[i] = known(e->run, root->fields[i].name);
		present[i] = c >= 0 || e->values[i].p != NULL;
	}
	e->encode = vf_encode_new(e->schema, present, schema_name, &e->run->err);
	free(present);
	return e->encode == NULL ? -1 : note_ignored(e, h);
}

static int
put_block(struct encoder *e)
{
	if (vf_container_put(e->writer, e->count, vf_buf_slice(&e->block), &e->run->err) < 0)
		return -1;
	vf_buf_clear(&e->block);
	e->count = 0;
	return 0;
}

/* The row's columns, all of them: a question less for each. */
static void
take_values(const struct encoder *e, const struct vf_row *row, int columns)
{
	const char *from = row->base + row->start;
	const uint32_t *end = row->end;
	struct vf_slice **into = e->into;

	if (row->values != NULL) {
		for (int c = 0; c < columns; c++)
			*into[c] = row->values[c];
		return;
	}
	for (struct vf_slice **last = into + columns; into < last; end++, into++) {
		const char *to = row->base + *end;

		**into = vf_slice(from, (size_t)(to - from));
		from = to + 1;
	}
}

static int
put_rows(struct encoder *e, const struct vf_row *row, int n)
{
	const struct vf_schema_type *root = vf_schema_root(e->schema);
	int columns = vf_in_header(e->run->in)->n, rc;
	size_t field = 0;

	for (; n > 0; n--, row++) {
		if (row->reject != 0) {
			if (vf_reject(e->run, row, row->reject, NULL) < 0)
				return -1;
			continue;
		}
		take_values(e, row, columns);
		rc = vf_encode_put(e->encode, e->values, &e->block, &field);
		if (rc < 0)
			return vf_error_nomem(&e->run->err);
		if (rc > 0) {
			if (vf_reject(e->run, row, SCHEMA, root->fields[field].name.p) < 0)
				return -1;
			continue;
		}
		e->count++;
		if (e->block.n >= e->block_size && put_block(e) < 0)
			return -1;
	}
	return 0;
}

static int
encode(struct encoder *e)
{
	const struct options *opt = e->run->options;
	struct vf_run *run = e->run;
	struct vf_container_writer_options to = { .codec = e->codec, .threads = (unsigned)opt->threads };
	const struct vf_row *rows;
	struct vf_file *file;
	int n;

	if (bind(e, opt->schema) < 0)
		return -1;
	to.schema = vf_schema_text(e->schema);
	file = vf_output_file(run, run->output, VF_FILE_PRIVATE);
	if (file == NULL || (e->writer = vf_container_create(file, &to, &run->err)) == NULL)
		return -1;
	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0)
		if (put_rows(e, rows, n) < 0 || (vf_stopping() && vf_stopped(run) < 0))
			return -1;
	if (n < 0 || (e->count > 0 && put_block(e) < 0) || vf_container_finish(e->writer, &run->err) < 0)
		return -1;
	run->out_count = vf_container_writer_records(e->writer);
	vf_stat_u64(run, "blocks", vf_container_writer_blocks(e->writer));
	vf_stat_u64(run, "bytes", vf_container_writer_bytes(e->writer));
	return 0;
}

static int
run_avro(struct vf_run *run)
{
	const struct options *opt = run->options;

	encoder.run = run;
	if (opt->decode)
		return avro_decode(run, SCHEMA);
	if (opt->check)
		return avro_check(run);
	return opt->print_schema ? avro_print_schema(run) : encode(&encoder);
}

static void
cleanup(struct vf_run *run)
{
	(void)run;
	vf_container_writer_free(encoder.writer);
	vf_encode_free(encoder.encode);
	vf_schema_free(encoder.schema);
	vf_buf_free(&encoder.block);
	free(encoder.values);
	free(encoder.into);
}

static const struct vf_tool tool = {
	.name = "vf-avro",
	.purpose = "Write CSV as Avro, read Avro back as CSV, check Avro files.",
	.options = options,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT | VF_WANT_WAVE,
	.reasons = reasons,
	.check = check,
	.run = run_avro,
	.cleanup = cleanup,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
