#include "avro-read.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "avro/container.h"
#include "avro/decode.h"
#include "avro/schema.h"
#include "avro/walk.h"

/* A file that is being read, and what its schema was compiled to: kept while files have the same schema. */
struct reader {
	struct vf_run *run;
	bool strict;				/* deflate as zlib inflates it */
	struct vf_container *container;
	struct vf_schema *schema;
	struct vf_walk *walk;
	struct vf_decode *decode;
	struct vf_buf text;			/* of that schema, as the file has it */
	const char *name;			/* of the file */
	struct vf_container_block block;
	struct vf_slice data;			/* of that block, plain and found whole */
};

static int
files(const struct vf_run *run)
{
	return run->noperands > 0 ? run->noperands : 1;
}

static const char *
path(const struct vf_run *run, int file)
{
	return run->noperands > 0 ? run->operands[file] : "-";
}

static bool
is_stdin(const struct vf_run *run, int file)
{
	return strcmp(path(run, file), "-") == 0;
}

static void
close_reader(struct reader *r)
{
	vf_container_free(r->container);
	vf_decode_free(r->decode);
	vf_walk_free(r->walk);
	vf_schema_free(r->schema);
	vf_buf_free(&r->text);
	*r = (struct reader){ .run = r->run };
}

/* Opens a file; its schema is compiled anew when it is not the one before, byte for byte. */
static int
open_file(struct reader *r, int file)
{
	const struct vf_container_options reading = { .strict = r->strict };
	struct vf_error *err = &r->run->err;
	struct vf_slice text;

	r->name = is_stdin(r->run, file) ? "stdin" : path(r->run, file);
	if (r->container == NULL && (r->container = vf_container_new(&reading, err)) == NULL)
		return -1;
	if (vf_container_open(r->container, path(r->run, file), err) < 0)
		return -1;
	text = vf_container_schema(r->container);
	if (r->schema != NULL && vf_slice_eq(text, vf_buf_slice(&r->text)))
		return 0;
	vf_decode_free(r->decode);
	vf_walk_free(r->walk);
	vf_schema_free(r->schema);
	r->decode = NULL;
	r->walk = NULL;
	r->schema = vf_schema_parse(text, r->name, err);
	if (r->schema != NULL)
		r->walk = vf_walk_new(r->schema, err);
	if (r->walk == NULL) {
		err->kind = VF_ERR_FAILED;	/* the file is bad, not the command line */
		vf_schema_free(r->schema);
		r->schema = NULL;
		return -1;
	}
	vf_buf_clear(&r->text);
	return vf_buf_add_slice(&r->text, text) < 0 ? vf_error_nomem(err) : 0;
}

/* The next block, plain in r->data and every record of it found whole: 1, 0, -1. */
static int
next_block(struct reader *r)
{
	struct vf_error *err = &r->run->err, why = { 0 };
	int rc;

	if (vf_stopping())
		return vf_stopped(r->run);
	rc = vf_container_next(r->container, &r->block, err);
	if (rc <= 0)
		return rc;
	if (vf_container_data(r->container, &r->block, &r->data, err) < 0)
		return -1;
	if (vf_walk_block(r->walk, r->block.count, r->data, &why) < 0)
		return vf_container_fail(r->container, &r->block, err, why.text);
	return 1;
}

/* ---- to CSV ---- */

struct decoding {
	struct reader reader;
	struct vf_out *out;
	struct vf_schema *first;		/* the schema that all files must have */
	const char **names;			/* its fields */
	struct vf_slice *values;
	int reason;
};

/* Every schema before the first record, as headers of CSV are. What comes by standard input is compared when it comes. */
static int
compare_schemas(struct decoding *d)
{
	struct reader *r = &d->reader;

	for (int i = 0; i < files(r->run); i++) {
		if (is_stdin(r->run, i) && files(r->run) > 1)
			continue;
		if (open_file(r, i) < 0)
			return -1;
		if (d->first == NULL && (d->first = vf_schema_parse(vf_buf_slice(&r->text), r->name, &r->run->err)) == NULL)
			return -1;
		if (!vf_schema_equal(r->schema, d->first))
			return vf_error(&r->run->err, VF_ERR_CONFIG, "%s: another schema than the files before", r->name);
		if (is_stdin(r->run, i))
			return 0;
		vf_container_close(r->container);
	}
	return 0;
}

static int
open_csv(struct decoding *d)
{
	const struct vf_schema_type *root = vf_schema_root(d->first);
	struct vf_run *run = d->reader.run;
	struct vf_decode *trial = vf_decode_new(d->first, d->reader.name, &run->err);

	vf_decode_free(trial);
	if (trial == NULL)
		return -1;
	d->names = calloc(root->n + 1, sizeof *d->names);
	d->values = calloc(root->n, sizeof *d->values);
	if (d->names == NULL || d->values == NULL)
		return vf_error_nomem(&run->err);
	for (size_t i = 0; i < root->n; i++)
		d->names[i] = root->fields[i].name.p;	/* of a JSON document, where strings end with a NUL */
	d->out = vf_output(run, &(struct vf_out_options){ .sets = d->names, .flags = VF_FILE_PRIVATE });
	return d->out == NULL ? -1 : 0;
}

_Static_assert(VF_DECODE_PAD >= VF_OUT_PAD, "values go from one to the other");

static int
decode_block(struct decoding *d, int file, uint64_t *record)
{
	struct reader *r = &d->reader;
	struct vf_run *run = r->run;
	struct vf_slice rest = r->data;
	size_t size, field;

	for (uint64_t i = 0; i < r->block.count; i++) {
		int rc = vf_decode_next(r->decode, rest, d->values, &size, &field, &run->err);
		struct vf_row row = { .base = rest.p, .len = (uint32_t)size, .size = size, .lineno = ++*record,
			.file = (uint16_t)file };

		if (rc < 0)
			return vf_container_fail(r->container, &r->block, &run->err, run->err.text);
		run->in_count++;
		if (rc == 0 && (rc = vf_out_put_padded(d->out, d->values, &field, &run->err)) < 0)
			return -1;
		if (rc > 0 && vf_reject(run, &row, d->reason, d->names[field]) < 0)
			return -1;
		rest = vf_slice(rest.p + size, rest.n - size);
	}
	return 0;
}

static int
decode_file(struct decoding *d, int file)
{
	struct reader *r = &d->reader;
	uint64_t record = 0;
	int rc;

	if (!vf_schema_equal(r->schema, d->first))
		return vf_error(&r->run->err, VF_ERR_FAILED, "%s: another schema than the files before", r->name);
	if (r->decode == NULL && (r->decode = vf_decode_new(r->schema, r->name, &r->run->err)) == NULL)
		return -1;
	while ((rc = next_block(r)) > 0)
		if (decode_block(d, file, &record) < 0)
			return -1;
	return rc;
}

int
avro_decode(struct vf_run *run, int reason)
{
	struct decoding d = { .reader = { .run = run }, .reason = reason };
	int rc = compare_schemas(&d);

	for (int i = 0; i < files(run) && rc == 0; i++) {
		bool open = is_stdin(run, i) && files(run) == 1;

		if (!open && open_file(&d.reader, i) < 0)
			rc = -1;
		else if (d.first == NULL)	/* only standard input, given more than once */
			d.first = vf_schema_parse(vf_buf_slice(&d.reader.text), d.reader.name, &run->err);
		if (rc == 0 && d.first == NULL)
			rc = -1;
		if (rc == 0 && d.out == NULL)
			rc = open_csv(&d);
		if (rc == 0)
			rc = decode_file(&d, i);
		vf_container_close(d.reader.container);
	}
	close_reader(&d.reader);
	vf_schema_free(d.first);
	free(d.names);
	free(d.values);
	return rc;
}

/* ---- checked ---- */

static const char *const figures[] = { "file", "fingerprint", "codec", "blocks", "records", "bytes", NULL };

/* Reads a whole file; 1: it is damaged, run->err says how. */
static int
check_file(struct reader *r, struct vf_out *out, int file)
{
	char fingerprint[17], text[3][24];
	uint64_t blocks = 0, records = 0;
	struct vf_slice v[6];
	int rc = open_file(r, file);

	while (rc == 0 && (rc = next_block(r)) > 0) {
		blocks++;
		records += r->block.count;
		rc = 0;
		continue;
	}
	if (rc < 0)
		return r->run->err.kind == VF_ERR_FAILED ? 1 : -1;
	vf_schema_fingerprint_hex(r->schema, fingerprint);
	snprintf(text[0], sizeof text[0], "%" PRIu64, blocks);
	snprintf(text[1], sizeof text[1], "%" PRIu64, records);
	snprintf(text[2], sizeof text[2], "%" PRIu64, vf_container_offset(r->container));
	v[0] = vf_slice_str(r->name);
	v[1] = vf_slice(fingerprint, 16);
	v[2] = vf_slice_str(vf_codec_name(vf_container_codec(r->container)));
	for (int i = 0; i < 3; i++)
		v[3 + i] = vf_slice_str(text[i]);
	return vf_out_put(out, NULL, ',', v, &r->run->err);
}

/* All files are looked at, so that one run names all that are damaged. A file is what is counted. */
int
avro_check(struct vf_run *run)
{
	struct reader r = { .run = run, .strict = true };
	struct vf_out *out = vf_output(run, &(struct vf_out_options){ .sets = figures });
	int rc = out == NULL ? -1 : 0;

	for (int i = 0; i < files(run) && rc >= 0; i++) {
		rc = check_file(&r, out, i);
		if (rc >= 0)
			run->in_count++;
		if (rc > 0) {
			vf_warn(run, "%s", run->err.text);
			run->err = (struct vf_error){ 0 };
			run->held++;
			run->exit_status = EXIT_FAILURE;
		}
		if (r.container != NULL)
			vf_container_close(r.container);
	}
	if (run->held > 0)
		vf_stat_u64(run, "damaged", run->held);
	close_reader(&r);
	return rc < 0 ? -1 : 0;
}

/* ---- the schema ---- */

int
avro_print_schema(struct vf_run *run)
{
	struct reader r = { .run = run };
	struct vf_file *out = NULL;
	int rc = open_file(&r, 0);

	if (rc == 0 && (out = vf_output_file(run, run->output, 0)) == NULL)
		rc = -1;
	if (rc == 0) {
		struct vf_slice text = vf_schema_text(r.schema);

		rc = vf_file_write(out, text.p, text.n, &run->err) < 0 || vf_file_write(out, "\n", 1, &run->err) < 0 ? -1 : 0;
	}
	close_reader(&r);
	return rc;
}
