/*
 * test-avro -- whole Avro files in memory: every start of a small one, every
 * change of one byte, forged counts and sizes, floods.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "avro/container.h"
#include "avro/varint.h"
#include "avro/walk.h"
#include "base/hash.h"
#include "tap.h"

static struct vf_error err;

/* What reading a whole file came to. */
struct outcome {
	bool whole;
	uint64_t records, blocks;
	size_t bytes;			/* of plain data */
};

static struct outcome
read_fd(int fd)
{
	struct vf_container *c = vf_container_new(&(struct vf_container_options){ 0 }, &err);
	struct vf_container_block block;
	struct outcome o = { 0 };
	struct vf_schema *s = NULL;
	struct vf_walk *w = NULL;
	struct vf_slice data;
	int rc = -1;

	if (c == NULL)
		bail_out("no memory");
	if (vf_container_open_fd(c, fd, "t.avro", &err) == 0 && (s = vf_schema_parse(vf_container_schema(c), "t.avro", &err)) != NULL &&
		(w = vf_walk_new(s, &err)) != NULL)
		while ((rc = vf_container_next(c, &block, &err)) > 0) {
			if (vf_container_data(c, &block, &data, &err) < 0 || vf_walk_block(w, block.count, data, &err) < 0) {
				rc = -1;
				break;
			}
			o.records += block.count;
			o.blocks++;
			o.bytes += data.n;
		}
	o.whole = rc == 0;
	vf_walk_free(w);
	vf_schema_free(s);
	vf_container_free(c);
	return o;
}

static struct outcome
read_bytes(const void *p, size_t n)
{
	int fd = memfd_create("t", MFD_CLOEXEC);

	if (fd < 0 || (n > 0 && write(fd, p, n) != (ssize_t)n) || lseek(fd, 0, SEEK_SET) != 0)
		bail_out("no file in memory");
	return read_fd(fd);
}

static const char marker[] = "0123456789abcdef";

static void
add_long(struct vf_buf *b, int64_t v)
{
	unsigned char bytes[VF_VARINT_MAX];

	vf_buf_add(b, bytes, vf_varint_put(bytes, v));
}

static void
add_bytes(struct vf_buf *b, struct vf_slice s)
{
	add_long(b, (int64_t)s.n);
	vf_buf_add_slice(b, s);
}

static void
add_header(struct vf_buf *b, const char *schema, const char *codec)
{
	vf_buf_clear(b);
	vf_buf_add(b, "Obj\1", 4);
	add_long(b, 2);
	add_bytes(b, vf_slice_str("avro.schema"));
	add_bytes(b, vf_slice_str(schema));
	add_bytes(b, vf_slice_str("avro.codec"));
	add_bytes(b, vf_slice_str(codec));
	add_long(b, 0);
	vf_buf_add(b, marker, 16);
}

static void
add_block(struct vf_buf *b, int64_t count, int64_t size, struct vf_slice bytes)
{
	add_long(b, count);
	add_long(b, size);
	vf_buf_add_slice(b, bytes);
	vf_buf_add(b, marker, 16);
}

#define SCHEMA "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"},{\"name\":\"u\",\"type\":[\"null\",\"int\"]}]}"
static const char records[] = "\4ab\0\2c\2\6";		/* {ab, null}, {c, 3} */

/* A file of two blocks of two records, under a codec. */
static void
small_file(struct vf_buf *b, const char *name)
{
	struct vf_deflater *d;
	enum vf_codec codec;
	struct vf_slice raw;

	if (!vf_codec_find(vf_slice_str(name), &codec) || (d = vf_deflater_new(codec, VF_DEFLATE_LEVEL)) == NULL)
		bail_out("no codec");
	add_header(b, SCHEMA, name);
	for (int i = 0; i < 2; i++) {
		if (vf_deflate(d, vf_slice(records, sizeof records - 1), &raw, &err) < 0)
			bail_out(err.text);
		add_block(b, 2, (int64_t)raw.n, raw);
	}
	vf_deflater_free(d);
}

static void
test_starts(const char *codec)
{
	struct vf_buf b = { 0 };
	unsigned whole = 0, wrong = 0;
	struct outcome o;

	small_file(&b, codec);
	o = read_bytes(b.p, b.n);
	ok(o.whole && o.records == 4 && o.blocks == 2, "%s: the file is whole", codec);
	for (size_t n = 0; n < b.n; n++) {
		o = read_bytes(b.p, n);
		whole += o.whole;
		wrong += o.whole && o.records != 2 * o.blocks;
	}
	ok(whole == 2 && wrong == 0, "%s: of %zu starts the two that end with the header or a block are files", codec, b.n);
	vf_buf_free(&b);
}

/* Under a sanitizer a file costs a tenth of a millisecond more: a value in seven does there. */
#ifdef SANITIZERS
enum { VALUES = 7 };
#else
enum { VALUES = 1 };
#endif

/* Every byte of a file, changed to every other value: refused, or still as many records in as many bytes. */
static void
test_changes(const char *codec)
{
	unsigned passed = 0, wrong = 0, in_header = 0;
	struct vf_buf b = { 0 };
	size_t header;

	add_header(&b, SCHEMA, codec);
	header = b.n;
	small_file(&b, codec);
	for (size_t i = 0; i < b.n; i++)
		for (unsigned x = 1; x < 256; x += i < header ? 31 : VALUES) {
			struct outcome o;

			b.p[i] = (char)((unsigned char)b.p[i] ^ x);
			o = read_bytes(b.p, b.n);
			b.p[i] = (char)((unsigned char)b.p[i] ^ x);
			passed += o.whole;
			in_header += o.whole && i < header;
			wrong += o.whole && (o.blocks != 2 || (o.records != 4 && i >= header));
		}
	ok(wrong == 0, "%s: no changed byte makes other blocks or counts", codec);
	note("%s: %u changes left a file: other values (%u in the header: names)", codec, passed, in_header);
	if (strcmp(codec, "snappy") == 0)
		ok(passed == in_header, "snappy: its checksum finds every change in a block");
	vf_buf_free(&b);
}

static void
refused(struct vf_buf *b, const char *what)
{
	ok(!read_bytes(b->p, b->n).whole && err.kind != VF_ERR_NONE && err.text[0] != '\0' && strchr(err.text, '\n') == NULL, "%s: %s", what,
		err.text);
}

static void
test_forged(void)
{
	static const int64_t numbers[] = { -1, INT64_MIN, INT64_MAX, (int64_t)1 << 62, -((int64_t)1 << 62), INT32_MAX, (int64_t)1 << 31 };
	struct vf_slice two = { records, sizeof records - 1 };
	struct vf_buf b = { 0 };
	char what[100];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		snprintf(what, sizeof what, "a count of %" PRId64, numbers[i]);
		add_header(&b, SCHEMA, "null");
		add_block(&b, numbers[i], (int64_t)two.n, two);
		refused(&b, what);
		snprintf(what, sizeof what, "a size of %" PRId64, numbers[i]);
		add_header(&b, SCHEMA, "null");
		add_block(&b, 2, numbers[i], two);
		refused(&b, what);
		snprintf(what, sizeof what, "metadata of %" PRId64 " entries", numbers[i]);
		vf_buf_clear(&b);
		vf_buf_add(&b, "Obj\1", 4);
		add_long(&b, numbers[i]);
		add_bytes(&b, vf_slice_str("avro.schema"));
		add_bytes(&b, vf_slice_str("\"int\""));
		refused(&b, what);
		snprintf(what, sizeof what, "metadata with a key of %" PRId64 " bytes", numbers[i]);
		vf_buf_clear(&b);
		vf_buf_add(&b, "Obj\1", 4);
		add_long(&b, 1);
		add_long(&b, numbers[i]);
		vf_buf_add_str(&b, "avro.schema");
		refused(&b, what);
	}
	add_header(&b, SCHEMA, "null");
	add_block(&b, 3, (int64_t)two.n, two);
	refused(&b, "a record too many");
	add_header(&b, SCHEMA, "null");
	add_block(&b, 1, (int64_t)two.n, two);
	refused(&b, "a record too few");
	add_header(&b, SCHEMA, "lzma");
	refused(&b, "a codec that is none of ours");
	add_header(&b, "{\"type\":\"record\"}", "null");
	refused(&b, "a schema that is none");
	vf_buf_free(&b);
}

/* Small files that ask for much: refused before the work or the memory is spent. */
static void
test_bombs(void)
{
	size_t size = ((size_t)128 << 20) + 1;
	struct vf_deflater *d = vf_deflater_new(VF_CODEC_DEFLATE, 9);
	struct rusage before, after;
	struct vf_slice raw;
	struct vf_buf b = { 0 };
	char *zeros = calloc(1, size);

	if (zeros == NULL || d == NULL || vf_deflate(d, vf_slice(zeros, size), &raw, &err) < 0)
		bail_out("no memory");
	free(zeros);
	getrusage(RUSAGE_SELF, &before);
	add_header(&b, "\"boolean\"", "deflate");
	add_block(&b, (int64_t)size, (int64_t)raw.n, raw);
	refused(&b, "a block of over 128 MiB, deflated to less than one");
	vf_buf_clear(&b);
	add_header(&b, "{\"type\":\"array\",\"items\":\"null\"}", "null");
	add_block(&b, 1, 10, vf_slice("\376\377\377\377\377\377\377\377\377\1", 10));
	refused(&b, "an array of 2^63 - 1 nulls");
	add_header(&b, "\"null\"", "null");
	for (int i = 0; i < 1000; i++)
		add_block(&b, (int64_t)1 << 40, 0, vf_slice("", 0));
	refused(&b, "blocks of a million million nulls");
	add_header(&b, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}", "null");
	add_block(&b, 1, 4, vf_slice("\0\0\0\0", 4));
	refused(&b, "a record that holds itself");
	getrusage(RUSAGE_SELF, &after);
	ok(after.ru_utime.tv_sec - before.ru_utime.tv_sec < 10, "none of them took ten seconds of the processor");
	vf_deflater_free(d);
	vf_buf_free(&b);
}

int
main(void)
{
	static const char *const codecs[] = { "null", "deflate", "snappy" };

	if (vf_hash_start(&err) < 0)
		bail_out(err.text);
	for (size_t i = 0; i < 3; i++) {
		test_starts(codecs[i]);
		test_changes(codecs[i]);
	}
	test_forged();
	test_bombs();
	return done_testing();
}
