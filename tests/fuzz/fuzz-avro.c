/*
 * fuzz-avro -- a container file: its header, schema, blocks, walk, and records
 * as text and back.
 *
 * The input is the file.  What the walk takes must decode, and what decodes
 * into text must encode and decode to the same text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "avro/container.h"
#include "avro/decode.h"
#include "avro/encode.h"
#include "avro/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The records of a fuzzed block that are looked at: one of the largest block would take too long. */
#define RECORDS 1000
#define FIELDS 64

static void
need(bool holds)
{
	if (!holds)
		abort();
}

struct ways {
	const struct vf_schema *schema;
	struct vf_walk *walk;
	struct vf_decode *decode, *again;
	struct vf_encode *encode;
};

/* Text of a record, encoded, is a record of the same text. */
static void
around(struct ways *w, const struct vf_slice *values, size_t n)
{
	struct vf_slice back[FIELDS];
	struct vf_error err = { 0 };
	struct vf_buf out = { 0 };
	size_t size, field;
	int rc = vf_encode_put(w->encode, values, &out, &field);

	/* An instant before 1970 is written, but not read. */
	if (rc == 0) {
		need(vf_walk_block(w->walk, 1, vf_buf_slice(&out), &err) == 0);
		need(vf_decode_next(w->again, vf_buf_slice(&out), back, &size, &field, &err) == 0 && size == out.n);
		for (size_t i = 0; i < n; i++)
			need(vf_slice_eq(values[i], back[i]));
	}
	vf_buf_free(&out);
}

static void
records(struct ways *w, uint64_t count, struct vf_slice bytes)
{
	const struct vf_schema_type *root = vf_schema_root(w->schema);
	struct vf_slice values[FIELDS];
	struct vf_error err = { 0 };
	size_t size, field;

	for (uint64_t i = 0; i < count && i < RECORDS; i++) {
		int rc = vf_decode_next(w->decode, bytes, values, &size, &field, &err);

		need(rc >= 0 && size <= bytes.n);
		if (rc == 0 && w->encode != NULL && w->again != NULL)
			around(w, values, root->n);
		bytes = vf_slice(bytes.p + size, bytes.n - size);
	}
}

static void
blocks(struct vf_container *c, struct ways *w)
{
	struct vf_container_block block;
	struct vf_error err = { 0 };
	struct vf_slice data;

	while (vf_container_next(c, &block, &err) > 0)
		if (vf_container_data(c, &block, &data, &err) == 0 && vf_walk_block(w->walk, block.count, data, &err) == 0 &&
			w->decode != NULL)
			records(w, block.count, data);
}

static void
file(struct vf_container *c)
{
	struct vf_error err = { 0 };
	struct vf_schema *s = vf_schema_parse(vf_container_schema(c), "fuzz", &err), *form;
	struct ways w = { .schema = s };
	bool present[FIELDS];

	if (s == NULL) {
		need(err.kind == VF_ERR_CONFIG);
		return;
	}
	form = vf_schema_parse(vf_schema_canonical(s), "form", &err);
	need(form != NULL && vf_schema_equal(s, form));
	vf_schema_free(form);
	memset(present, true, sizeof present);
	w.walk = vf_walk_new(s, &err);
	if (vf_schema_root(s)->n <= FIELDS) {
		w.decode = vf_decode_new(s, "fuzz", &err);
		w.again = vf_decode_new(s, "fuzz", &err);
		w.encode = vf_encode_new(s, present, "fuzz", &err);
	}
	if (w.walk != NULL)
		blocks(c, &w);
	vf_walk_free(w.walk);
	vf_decode_free(w.decode);
	vf_decode_free(w.again);
	vf_encode_free(w.encode);
	vf_schema_free(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct vf_error err = { 0 };
	struct vf_container *c = vf_container_new(&(struct vf_container_options){ .block_max = 1 << 20 }, &err);

	if (fd < 0 || c == NULL || (n > 0 && write(fd, data, n) != (ssize_t)n) || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (vf_container_open_fd(c, fd, "fuzz", &err) == 0)
		file(c);
	vf_container_free(c);
	return 0;
}
