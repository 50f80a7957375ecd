/* test-mill.c -- blocks come out in their order, with their faults, whoever inflates, walks and compresses them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE			/* memmem */
#endif
#include <stdlib.h>
#include <string.h>

#include "avro/mill.h"
#include "avro/schema.h"
#include "base/buf.h"
#include "tap.h"

#define LARGE ((size_t)40 << 20)	/* two of them are over VF_MILL_FLIGHT, and so is one of twice the size */

static struct vf_error err;
static struct vf_walk *walk;

/* What the sink was given, one line a block: its place, count, fault or a sum of the bytes. */
struct log {
	struct vf_buf text;
	uint64_t stop_at;	/* the place at which the sink refuses; 0: none */
};

static uint64_t
sum(struct vf_slice s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.n; i += s.n > 100000 ? 4099 : 1)
		h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
	return h ^ s.n;
}

static int
sink(void *ctx, const struct vf_mill_block *b, const struct vf_error *failed, struct vf_error *why)
{
	struct log *log = ctx;

	if (b->owner != log)
		bail_out("not the owner");
	if (b->place == log->stop_at)
		return vf_error(why, VF_ERR_FAILED, "full at %llu", (unsigned long long)b->place);
	vf_buf_addf(&log->text, "%llu:%llu:", (unsigned long long)b->place, (unsigned long long)b->count);
	if (failed != NULL)
		vf_buf_addf(&log->text, "%s\n", failed->text);
	else
		vf_buf_addf(&log->text, "%llx\n", (unsigned long long)sum(b->raw));
	return 0;
}

static struct vf_mill *
new_mill(enum vf_codec codec, unsigned threads, struct log *log)
{
	const struct vf_mill_options opt = { .codec = codec, .level = 1, .block_max = 6 << 20, .walk = walk, .threads = threads,
		.sink = sink, .ctx = log };
	struct vf_mill *m = vf_mill_new(&opt);

	if (m == NULL)
		bail_out("no mill");
	return m;
}

/* n data "bytes" of len bytes each. */
static void
make_data(struct vf_buf *b, size_t n, size_t len)
{
	vf_buf_clear(b);
	for (size_t i = 0; i < n; i++) {
		unsigned char head[10];
		size_t size = 0;
		uint64_t v = 2 * len;

		for (; v >= 0x80; v >>= 7)
			head[size++] = (unsigned char)(v | 0x80);
		head[size++] = (unsigned char)v;
		vf_buf_add(b, head, size);
		if (vf_buf_reserve(b, len) < 0)
			bail_out("no memory");
		memset(b->p + b->n, (int)('a' + tap_random() % 26), len);
		b->n += len;
	}
}

/*
 * A long file: mostly small blocks, some of them with a fault of each kind,
 * one that inflates to 5 MiB (over what workers take), one to 7 (over what is
 * allowed), one without records.
 */
enum { BLOCKS = 300 };

struct input {
	struct vf_mill_block block[BLOCKS];
	struct vf_buf bytes[BLOCKS];
};

static void
make_input(struct input *in, enum vf_codec codec)
{
	struct vf_deflater *d = vf_deflater_new(codec, 1);
	struct vf_buf data = { 0 };
	struct vf_slice raw;

	for (size_t i = 0; i < BLOCKS; i++) {
		size_t n = i == 50 || i == 150 ? 1 : i == 7 ? 0 : 1 + tap_random() % 100;
		size_t len = i == 50 ? (size_t)5 << 20 : i == 150 ? (size_t)7 << 20 : tap_random() % 700;

		make_data(&data, n, len);
		if (d == NULL || vf_deflate(d, vf_buf_slice(&data), &raw, &err) < 0)
			bail_out("not compressed");
		vf_buf_clear(&in->bytes[i]);
		if (vf_buf_add_slice(&in->bytes[i], raw) < 0)
			bail_out("no memory");
		in->block[i] = (struct vf_mill_block){ .count = n + (i == 60 || i == 299), .codec = codec, .place = 1000 + i };
		if (i == 70 && codec != VF_CODEC_NULL)
			in->bytes[i].p[in->bytes[i].n / 2] ^= 0x55;
		if (i == 71)
			in->bytes[i].n /= 2;
		in->block[i].raw = vf_buf_slice(&in->bytes[i]);
	}
	vf_deflater_free(d);
	vf_buf_free(&data);
}

/* All of it through a mill; "" when one call failed, with err. */
static void
run(const struct input *in, enum vf_codec to, bool pack, unsigned threads, struct log *log)
{
	struct vf_mill *m = new_mill(to, threads, log);
	struct vf_buf reader = { 0 };
	int rc = 0;

	vf_buf_clear(&log->text);
	for (size_t i = 0; i < BLOCKS && rc == 0; i++) {
		struct vf_mill_block b = in->block[i];

		/* The caller's buffer is not there any more after the call. */
		vf_buf_clear(&reader);
		if (vf_buf_add_slice(&reader, b.raw) < 0)
			bail_out("no memory");
		b.raw = vf_buf_slice(&reader);
		b.pack = pack && b.count > 0;
		b.owner = log;
		rc = vf_mill_put(m, &b, &err);
		memset(reader.p, 0xa5, reader.n);
	}
	if (rc == 0)
		rc = vf_mill_drain(m, &err);
	if (rc < 0)
		vf_buf_add_str(&log->text, "ended\n");
	vf_mill_free(m);
	vf_buf_free(&reader);
}

static bool
has(const struct log *log, const char *line)
{
	return memmem(log->text.p, log->text.n, line, strlen(line)) != NULL;
}

static size_t
lines(const struct log *log)
{
	size_t n = 0;

	for (size_t i = 0; i < log->text.n; i++)
		n += log->text.p[i] == '\n';
	return n;
}

static void
same_for_all_workers(const struct input *in, enum vf_codec from, enum vf_codec to)
{
	static const unsigned workers[] = { 1, 2, 3, 8, 64 };
	struct log one = { 0 }, many = { 0 };
	const char *a = vf_codec_name(from), *b = from == to ? "itself" : vf_codec_name(to);

	run(in, to, from != to, 0, &one);
	ok(lines(&one) == BLOCKS, "%s to %s: each block comes once", a, b);
	ok(has(&one, "1060:") && has(&one, ":record ") && (from == VF_CODEC_NULL ||
		has(&one, "1150:1:the block inflates to more than 6291456 bytes\n")), "%s to %s: faults are told", a, b);
	for (size_t i = 0; i < sizeof(workers) / sizeof(*workers); i++) {
		run(in, to, from != to, workers[i], &many);
		ok(vf_slice_eq(vf_buf_slice(&one.text), vf_buf_slice(&many.text)), "%s to %s: the same with %u workers", a, b, workers[i]);
	}
	/* A sink that cannot go on ends it where it did without workers, with its own error. */
	one.stop_at = many.stop_at = 1090;
	run(in, to, from != to, 0, &one);
	ok(has(&one, "1089:") && !has(&one, "1091:") && has(&one, "ended\n") && strcmp(err.text, "full at 1090") == 0,
		"%s to %s: the sink's error ends it", a, b);
	err.text[0] = '\0';
	run(in, to, from != to, 4, &many);
	ok(vf_slice_eq(vf_buf_slice(&one.text), vf_buf_slice(&many.text)) && strcmp(err.text, "full at 1090") == 0,
		"%s to %s: with workers at the same block", a, b);
	vf_buf_free(&one.text);
	vf_buf_free(&many.text);
}

/* More than may be in flight: those wait, none is lost or overtaken. */
static void
large_blocks(void)
{
	struct log one = { 0 }, many = { 0 };
	struct vf_buf data = { 0 }, twice = { 0 }, small = { 0 };
	struct vf_mill *m;

	make_data(&data, 1, LARGE);
	make_data(&twice, 2, LARGE);
	make_data(&small, 10, 10);
	for (unsigned threads = 0; threads <= 4; threads += 4) {
		struct log *log = threads == 0 ? &one : &many;

		m = new_mill(VF_CODEC_SNAPPY, threads, log);
		for (size_t i = 0; i < 6; i++) {
			struct vf_mill_block b = { .count = i % 2 == 0 ? 1 : 10, .pack = true, .owner = log, .place = i + 1,
				.raw = vf_buf_slice(i % 2 == 0 ? &data : &small) };

			if (i == 4) {
				b.count = 2;
				b.raw = vf_buf_slice(&twice);
			}
			if (vf_mill_put(m, &b, &err) < 0)
				bail_out(err.text);
		}
		if (vf_mill_drain(m, &err) < 0)
			bail_out(err.text);
		vf_mill_free(m);
	}
	ok(lines(&one) == 6 && vf_slice_eq(vf_buf_slice(&one.text), vf_buf_slice(&many.text)), "blocks of 40 and 80 MiB between small ones");
	/* What workers still have is dropped with them. */
	m = new_mill(VF_CODEC_DEFLATE, 3, &many);
	for (size_t i = 0; i < 20; i++) {
		struct vf_mill_block b = { .count = 10, .pack = true, .owner = &many, .place = 1, .raw = vf_buf_slice(&small) };

		if (vf_mill_put(m, &b, &err) < 0)
			bail_out(err.text);
	}
	vf_mill_free(m);
	vf_mill_free(NULL);
	m = new_mill(VF_CODEC_DEFLATE, 3, &many);
	ok(vf_mill_drain(m, &err) == 0, "nothing to drain");
	vf_mill_free(m);
	vf_buf_free(&one.text);
	vf_buf_free(&many.text);
	vf_buf_free(&data);
	vf_buf_free(&twice);
	vf_buf_free(&small);
}

int
main(void)
{
	static const enum vf_codec codecs[] = { VF_CODEC_NULL, VF_CODEC_DEFLATE, VF_CODEC_SNAPPY };
	static struct input in;
	struct vf_schema *schema = vf_schema_parse(vf_slice_str("\"bytes\""), "schema", &err);

	tap_seed();
	if (schema == NULL || (walk = vf_walk_new(schema, &err)) == NULL)
		bail_out(err.text);
	for (size_t i = 0; i < 3; i++) {
		make_input(&in, codecs[i]);
		for (size_t k = 0; k < 3; k++)
			same_for_all_workers(&in, codecs[i], codecs[k]);
	}
	for (size_t i = 0; i < BLOCKS; i++)
		vf_buf_free(&in.bytes[i]);
	large_blocks();
	vf_walk_free(walk);
	vf_schema_free(schema);
	return done_testing();
}
