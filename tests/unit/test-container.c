/* test-container.c -- Avro containers: written and walked again, cut off, forged, damaged, changed meanwhile. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "avro/container.h"
#include "avro/varint.h"
#include "tap.h"

static struct vf_error err;
static struct vf_container *reader;
static const unsigned char sync_marker[VF_CONTAINER_SYNC] = "0123456789abcdef";
static const struct vf_slice schema = VF_SLICE("\"bytes\"");
static char dir[] = "/tmp/vf-container.XXXXXX";
static char path[64];

static void
put_file(const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || vf_file_write_all(fd, p, n, path, &err) < 0 || close(fd) < 0)
		bail_out("cannot write the file");
}

static void
get_file(struct vf_buf *b)
{
	if (vf_file_slurp(path, 1 << 28, b, &err) < 0)
		bail_out(err.text);
}

static void
add_long(struct vf_buf *b, int64_t v)
{
	unsigned char p[VF_VARINT_MAX];

	vf_buf_add(b, p, vf_varint_put(p, v));
}

/* Writes nblocks blocks of block bytes each with the writer. */
static void
write_file(enum vf_codec codec, unsigned threads, size_t nblocks, size_t block)
{
	const struct vf_container_writer_options opt = { .schema = schema, .codec = codec, .threads = threads,
		.sync = sync_marker, .digest = true };
	struct vf_file *file = vf_file_create(path, 0, &err);
	struct vf_container_writer *w = file != NULL ? vf_container_create(file, &opt, &err) : NULL;
	char *data = malloc(block + 1);
	uint64_t state = 7;

	if (w == NULL || data == NULL)
		bail_out(err.text);
	for (size_t i = 0; i < nblocks; i++) {
		for (size_t k = 0; k < block; k++)
			data[k] = (char)('a' + tap_next(&state) % 7);
		if (vf_container_put(w, i + 1, vf_slice(data, block), &err) < 0)
			bail_out(err.text);
	}
	if (vf_container_finish(w, &err) < 0 || vf_file_commit(file, &err) < 0)
		bail_out(err.text);
	vf_container_writer_free(w);
	vf_file_free(file);
	free(data);
}

/* Walks the file at path: how many blocks, or -1 with err; the plain bytes go into all. */
static int
walk(struct vf_buf *all)
{
	struct vf_container_block b;
	struct vf_slice data;
	int rc, n = 0;

	err.text[0] = '\0';
	if (all != NULL)
		vf_buf_clear(all);
	if (vf_container_open(reader, path, &err) < 0)
		return -1;
	while ((rc = vf_container_next(reader, &b, &err)) > 0) {
		if (vf_container_data(reader, &b, &data, &err) < 0)
			return -1;
		if (all != NULL)
			vf_buf_add_slice(all, data);
		n++;
	}
	return rc < 0 ? -1 : n;
}

static int
hop(uint64_t *records, uint64_t *bytes)
{
	struct vf_container_block b;
	int rc, n = 0;

	*records = *bytes = 0;
	if (vf_container_open(reader, path, &err) < 0)
		return -1;
	while ((rc = vf_container_hop(reader, &b, &err)) > 0) {
		*records += b.count;
		*bytes += b.raw.n;
		n++;
	}
	return rc < 0 ? -1 : n;
}

static bool
says(const char *what)
{
	bool is = strstr(err.text, what) != NULL && strncmp(err.text, path, strlen(path)) == 0 && err.kind == VF_ERR_FAILED;

	if (!is)
		note("the error is: %s", err.text);
	return is;
}

static void
test_round_trip(void)
{
	struct vf_buf plain = { 0 }, again = { 0 }, one = { 0 }, four = { 0 };
	uint64_t records, bytes;

	write_file(VF_CODEC_NULL, 0, 9, 100000);
	ok(walk(&plain) == 9 && plain.n == 900000, "what was written is walked: null");
	for (int codec = VF_CODEC_NULL; codec <= VF_CODEC_SNAPPY; codec++) {
		const char *name = vf_codec_name((enum vf_codec)codec);

		write_file((enum vf_codec)codec, 0, 9, 100000);
		get_file(&one);
		ok(walk(&again) == 9 && vf_slice_eq(vf_buf_slice(&plain), vf_buf_slice(&again)), "the plain bytes come back: %s", name);
		ok(vf_container_codec(reader) == (enum vf_codec)codec && vf_slice_eq(vf_container_schema(reader), schema),
			"with codec and schema: %s", name);
		ok(hop(&records, &bytes) == 9 && records == 45, "hopping sees the same blocks: %s", name);
		write_file((enum vf_codec)codec, 4, 9, 100000);
		get_file(&four);
		ok(vf_slice_eq(vf_buf_slice(&one), vf_buf_slice(&four)), "four workers write the same bytes: %s", name);
	}
	write_file(VF_CODEC_DEFLATE, 3, 200, 1000);
	ok(walk(&again) == 200 && again.n == 200000, "many small blocks by workers");
	write_file(VF_CODEC_DEFLATE, 0, 0, 0);
	ok(walk(NULL) == 0, "a file without blocks has none");
	write_file(VF_CODEC_NULL, 0, 3, 9 << 20);
	ok(walk(&again) == 3 && again.n == 27 << 20, "blocks of megabytes");
	vf_buf_free(&plain);
	vf_buf_free(&again);
	vf_buf_free(&one);
	vf_buf_free(&four);
}

static void
test_sizes_known(void)
{
	const struct vf_container_writer_options opt = { .schema = schema, .codec = VF_CODEC_NULL };
	struct stat st;

	write_file(VF_CODEC_NULL, 0, 1, 70000);
	ok(stat(path, &st) == 0 && (uint64_t)st.st_size == vf_container_header_size(&opt) + vf_container_block_size(1, 70000),
		"the size is known before writing");
}

/* A file of one's own making: a header of codec, then what is added. */
static void
craft(struct vf_buf *b, const char *codec)
{
	vf_buf_clear(b);
	vf_buf_add(b, "Obj\1", 4);
	add_long(b, codec != NULL ? 2 : 1);
	add_long(b, 11);
	vf_buf_add_str(b, "avro.schema");
	add_long(b, (int64_t)schema.n);
	vf_buf_add_slice(b, schema);
	if (codec != NULL) {
		add_long(b, 10);
		vf_buf_add_str(b, "avro.codec");
		add_long(b, (int64_t)strlen(codec));
		vf_buf_add_str(b, codec);
	}
	add_long(b, 0);
	vf_buf_add(b, sync_marker, VF_CONTAINER_SYNC);
}

static void
craft_block(struct vf_buf *b, int64_t count, int64_t size, struct vf_slice raw)
{
	add_long(b, count);
	add_long(b, size);
	vf_buf_add_slice(b, raw);
	vf_buf_add(b, sync_marker, VF_CONTAINER_SYNC);
}

static int
crafted(const struct vf_buf *b)
{
	put_file(b->p, b->n);
	return walk(NULL);
}

static void
test_forged_blocks(void)
{
	static const struct { int64_t count, size; const char *says; } forged[] = {
		{ -1, 3, "byte 42: a block with a negative count" },
		{ INT64_MIN, 3, "a negative count" },
		{ (int64_t)1 << 62, 3, "more than 2147483647 records" },
		{ 1, -3, "a negative size" },
		{ 1, INT64_MIN, "a negative size" },
		{ 1, (int64_t)1 << 62, "longer than the rest of the file" },
		{ 1, INT64_MAX, "longer than the rest of the file" },
		{ 1, 4, "cut off" },
		{ 1, 2, "not the file's sync marker" },
		{ 1, 19, "cut off" },
		{ 1, 21, "cut off" },
		{ 1, 22, "longer than the rest" },
	};
	struct vf_buf b = { 0 };

	for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++) {
		craft(&b, NULL);
		craft_block(&b, forged[i].count, forged[i].size, vf_slice_str("abc"));
		ok(crafted(&b) == -1 && says(forged[i].says),
			"count %lld, size %lld: %s", (long long)forged[i].count, (long long)forged[i].size, forged[i].says);
	}
	craft(&b, NULL);
	vf_buf_add(&b, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02 not a long", 22);
	ok(crafted(&b) == -1 && says("a number that is none"), "a count of 65 bits");
	craft(&b, NULL);
	craft_block(&b, 1, 3, vf_slice_str("abc"));
	vf_buf_add_char(&b, 2);
	ok(crafted(&b) == -1 && says("cut off"), "one byte behind the last block");
	craft(&b, NULL);
	craft_block(&b, 0, 0, vf_slice_str(""));
	craft_block(&b, 1, 3, vf_slice_str("abc"));
	ok(crafted(&b) == 2, "a block of nothing is a block");
	vf_buf_free(&b);
}

static void
test_forged_headers(void)
{
	struct vf_buf b = { 0 };

	ok((put_file("", 0), walk(NULL)) == -1 && says("empty"), "an empty file");
	ok((put_file("Obj", 3), walk(NULL)) == -1 && says("not an Avro"), "three bytes");
	ok((put_file("id,score\n", 9), walk(NULL)) == -1 && says("not an Avro"), "another format");
	ok((put_file("Obj\2", 4), walk(NULL)) == -1 && says("not an Avro"), "another version");
	craft(&b, "bzip2");
	ok(crafted(&b) == -1 && says("codec bzip2: only null"), "another codec is named");
	craft(&b, "evil\ncodec");
	ok(crafted(&b) == -1 && says("codec ?: only"), "a codec that cannot be shown is not");
	craft(&b, "null");
	ok(crafted(&b) == 0, "a file of no blocks");

	vf_buf_clear(&b);
	vf_buf_add(&b, "Obj\1", 4);
	add_long(&b, 0);
	vf_buf_add(&b, sync_marker, VF_CONTAINER_SYNC);
	ok(crafted(&b) == -1 && says("no avro.schema"), "no schema");

	vf_buf_clear(&b);
	vf_buf_add(&b, "Obj\1", 4);
	for (int i = 0; i < 2; i++) {
		add_long(&b, 1);
		add_long(&b, 11);
		vf_buf_add_str(&b, "avro.schema");
		add_long(&b, 5);
		vf_buf_add_str(&b, "\"int\"");
	}
	add_long(&b, 0);
	vf_buf_add(&b, sync_marker, VF_CONTAINER_SYNC);
	ok(crafted(&b) == -1 && says("avro.schema is there twice"), "two schemas");

	for (int wrong = 0; wrong < 2; wrong++) {
		vf_buf_clear(&b);
		vf_buf_add(&b, "Obj\1", 4);
		add_long(&b, -1);
		add_long(&b, 18 + wrong);
		add_long(&b, 11);
		vf_buf_add_str(&b, "avro.schema");
		add_long(&b, 5);
		vf_buf_add_str(&b, "\"int\"");
		add_long(&b, 0);
		vf_buf_add(&b, sync_marker, VF_CONTAINER_SYNC);
		ok(crafted(&b) == (wrong ? -1 : 0), "a part of the metadata with its size%s", wrong ? ", a wrong one" : "");
	}

	static const int64_t counts[] = { INT64_MIN, INT64_MAX, 1025, -1025 };
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		vf_buf_clear(&b);
		vf_buf_add(&b, "Obj\1", 4);
		add_long(&b, counts[i]);
		for (int k = 0; k < 3000; k++)
			vf_buf_add(&b, "\0\0", 2);
		ok(crafted(&b) == -1 && says("more than 1024 entries"), "%lld entries", (long long)counts[i]);
	}
	static const int64_t lengths[] = { -1, INT64_MIN, (1 << 20) + 1, (int64_t)1 << 62 };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		vf_buf_clear(&b);
		vf_buf_add(&b, "Obj\1", 4);
		add_long(&b, 1);
		add_long(&b, lengths[i]);
		ok(crafted(&b) == -1 && (says("negative length") || says("more than 1 MiB")), "a key of %lld bytes", (long long)lengths[i]);
	}
	vf_buf_clear(&b);
	vf_buf_add(&b, "Obj\1", 4);
	for (int k = 0; k < 3; k++) {
		static char big[600000];

		add_long(&b, 1);
		add_long(&b, 1);
		vf_buf_add_char(&b, (char)('a' + k));
		add_long(&b, sizeof(big));
		vf_buf_add(&b, big, sizeof(big));
	}
	ok(crafted(&b) == -1 && says("more than 1 MiB"), "values that are 1.8 MB together");
	vf_buf_free(&b);
}

/* Every start of a file: the cuts between blocks are files, all others errors. */
static void
test_cuts(void)
{
	struct vf_buf whole = { 0 };
	int whole_files = 0, errors = 0;

	write_file(VF_CODEC_DEFLATE, 0, 3, 40);
	get_file(&whole);
	for (size_t n = 0; n < whole.n; n++) {
		int rc = (put_file(whole.p, n), walk(NULL));

		whole_files += rc >= 0;
		errors += rc < 0 && strncmp(err.text, path, strlen(path)) == 0;
	}
	ok(whole_files == 3 && errors == (int)whole.n - 3, "of %zu starts of a file only the three cuts between blocks pass", whole.n);
	vf_buf_free(&whole);
}

static void
test_deflate(void)
{
	static const char stored[] = "\1\3\0\374\377abc";	/* one stored block: abc */
	struct vf_buf b = { 0 }, all = { 0 };

	for (int stray = 0; stray <= 5; stray++) {
		char raw[16] = { 0 };

		memcpy(raw, stored, 8);
		craft(&b, "deflate");
		craft_block(&b, 1, 8 + stray, vf_slice(raw, 8 + (size_t)stray));
		put_file(b.p, b.n);
		ok(stray <= 4 ? walk(&all) == 1 && vf_slice_is(vf_buf_slice(&all), "abc") :
			walk(&all) == -1 && says("5 bytes behind the deflate stream"), "%d stray bytes", stray);
	}
	craft(&b, "deflate");
	craft_block(&b, 1, 7, vf_slice(stored, 7));
	ok(crafted(&b) == -1 && says("the block at byte 61: the deflate stream is damaged or cut off"), "a stream that is cut off");
	craft(&b, "deflate");
	craft_block(&b, 0, 0, vf_slice_str(""));
	ok(crafted(&b) == -1 && says("damaged"), "no stream at all");
	vf_buf_free(&b);
	vf_buf_free(&all);
}

static void
test_snappy(void)
{
	struct vf_buf whole = { 0 };
	bool caught = true;
	size_t from;

	write_file(VF_CODEC_SNAPPY, 0, 1, 5000);
	get_file(&whole);
	from = whole.n - VF_CONTAINER_SYNC - 4;
	for (size_t i = from; i < from + 4; i++) {
		whole.p[i] ^= 1;
		put_file(whole.p, whole.n);
		caught = caught && walk(NULL) == -1 && says("checksum");
		whole.p[i] ^= 1;
	}
	ok(caught, "a wrong checksum behind a snappy block");
	craft(&whole, "snappy");
	craft_block(&whole, 1, 3, vf_slice_str("abc"));
	ok(crafted(&whole) == -1 && says("too short"), "no room for the checksum");
	craft(&whole, "snappy");
	craft_block(&whole, 1, 10, vf_slice("\xff\xff\xff\xff\x0f" "abcde", 10));
	ok(crafted(&whole) == -1 && says("inflates to more than"), "a length of 4 GB is not believed");
	vf_buf_free(&whole);
}

/* What inflates to more than the limit, and what says it is longer than it is. */
static void
test_bombs(void)
{
	const struct vf_container_options small = { .block_max = 1 << 20 };
	struct vf_container *before = reader;
	struct vf_deflater *d = vf_deflater_new(VF_CODEC_DEFLATE, 6);
	struct vf_buf b = { 0 };
	struct vf_slice raw;
	char *zeros = calloc(1, 130 << 20);
	int fds[2], status = -1;
	pid_t pid;

	if (d == NULL || zeros == NULL || vf_deflate(d, vf_slice(zeros, 130 << 20), &raw, &err) < 0)
		bail_out("no memory");
	craft(&b, "deflate");
	craft_block(&b, 1, (int64_t)raw.n, raw);
	ok(crafted(&b) == -1 && says("inflates to more than 134217728 bytes"), "130 MiB out of %zu bytes", raw.n);
	reader = vf_container_new(&small, &err);
	if (vf_deflate(d, vf_slice(zeros, (1 << 20) + 1), &raw, &err) < 0)
		bail_out("no memory");
	craft(&b, "deflate");
	craft_block(&b, 1, (int64_t)raw.n, raw);
	ok(crafted(&b) == -1 && says("inflates to more than 1048576"), "one byte over the limit");
	if (vf_deflate(d, vf_slice(zeros, 1 << 20), &raw, &err) < 0)
		bail_out("no memory");
	craft(&b, "deflate");
	craft_block(&b, 1, (int64_t)raw.n, raw);
	ok(crafted(&b) == 1, "exactly the limit");
	vf_container_free(reader);
	reader = before;

	/* From a pipe the size cannot be checked against the file. */
	craft(&b, NULL);
	add_long(&b, 1);
	add_long(&b, 100 << 20);
	vf_buf_add(&b, zeros, 1000);
	if (pipe(fds) < 0 || (pid = fork()) < 0)
		bail_out("no pipe");
	if (pid == 0) {
		close(fds[1]);
		_exit(vf_container_open_fd(reader, fds[0], "pipe", &err) == 0
			&& vf_container_next(reader, &(struct vf_container_block){ 0 }, &err) == -1
			&& strcmp(err.text, "pipe: byte 1047: the file is cut off here") == 0 ? 0 : 1);
	}
	close(fds[0]);
	vf_file_write_all(fds[1], b.p, b.n, "pipe", &err);
	close(fds[1]);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a block of 100 MiB that a pipe does not bring is cut off");
	vf_deflater_free(d);
	vf_buf_free(&b);
	free(zeros);
}

static void
test_changes(void)
{
	struct vf_container_block b;
	struct vf_buf whole = { 0 };
	int fd, rc;

	write_file(VF_CODEC_NULL, 0, 20, 100000);
	get_file(&whole);
	for (int what = 0; what < 4; what++) {
		put_file(whole.p, whole.n);
		rc = vf_container_open(reader, path, &err);
		if (rc == 0)
			rc = vf_container_next(reader, &b, &err);
		usleep(20000);	/* the clock of file times may be as coarse as that */
		fd = open(path, O_WRONLY);
		if (fd < 0 || (what == 0 && ftruncate(fd, (off_t)whole.n - 100) < 0)
			|| (what == 1 && pwrite(fd, whole.p, 30, (off_t)whole.n) != 30)
			|| (what == 2 && pwrite(fd, "z", 1, 1000000) != 1))
			bail_out("cannot change the file");
		close(fd);
		while (rc > 0)
			rc = vf_container_next(reader, &b, &err);
		ok(what == 3 ? rc == 0 : rc == -1, "a file that %s while it is read", what == 0 ? "shrinks" :
			what == 1 ? "grows" : what == 2 ? "is written into" : "stays as it is");
	}
	vf_buf_free(&whole);
}

static void
test_sources(void)
{
	ok(vf_container_open(reader, dir, &err) == -1 && strstr(err.text, "Is a directory") != NULL, "a folder is refused");
	ok(vf_container_open(reader, "/nonexistent/a.avro", &err) == -1 && strstr(err.text, "No such file") != NULL, "an absent file");
	ok(vf_container_open(reader, "/proc/self/mem", &err) == -1 && err.kind == VF_ERR_FAILED, "a read error: %s", err.text);
}

/* Any damage: never a crash, and an error or the same number of blocks. */
static void
test_damage(void)
{
	struct vf_buf whole = { 0 }, b = { 0 };

	tap_seed();
	write_file(VF_CODEC_SNAPPY, 0, 4, 50);
	get_file(&whole);
	for (int i = 0; i < 2000; i++) {
		vf_buf_clear(&b);
		vf_buf_add_slice(&b, vf_buf_slice(&whole));
		for (size_t k = tap_below(4) + 1; k > 0; k--)
			b.p[tap_below(b.n)] = (char)tap_random();
		crafted(&b);
	}
	ok(true, "2000 damaged files are judged");
	vf_buf_free(&whole);
	vf_buf_free(&b);
}

/* Byte by byte, as the specification has it. */
static size_t
slow_varint(unsigned char *p, int64_t v)
{
	uint64_t bits = v < 0 ? ~((uint64_t)v << 1) : (uint64_t)v << 1;
	size_t n = 0;

	do {
		p[n] = (unsigned char)(bits & 0x7f);
		bits >>= 7;
		p[n++] |= bits != 0 ? 0x80 : 0;
	} while (bits != 0);
	return n;
}

/* The longs around every power of two; reading one does not depend on what is behind it. */
static void
test_varint(void)
{
	bool same = true, read = true, cut = true, inside = true;

	for (int i = 0; i < 64 * 6; i++) {
		unsigned char p[VF_VARINT_MAX + 1], want[VF_VARINT_MAX], among[2 * VF_VARINT_MAX];
		int64_t v = (int64_t)(((uint64_t)1 << i / 6) + (uint64_t)(i % 3) - 1), got = 5;
		size_t n;

		v = i % 6 < 3 ? v : (int64_t)~(uint64_t)v;
		p[VF_VARINT_MAX] = 0x5a;
		n = vf_varint_put(p, v);
		same = same && n == slow_varint(want, v) && memcmp(p, want, n) == 0;
		inside = inside && p[VF_VARINT_MAX] == 0x5a;
		read = read && vf_varint_get(p, p + n, &got) == (int)n && got == v;
		memset(among, i % 2 == 0 ? 0xff : 0x7f, sizeof among);
		memcpy(among, p, n);
		got = 5;
		read = read && vf_varint_get(among, among + sizeof among, &got) == (int)n && got == v;
		got = 5;
		read = read && vf_varint_next(among, among + sizeof among, &got) == among + n && got == v;
		for (size_t k = 0; k < n; k++)
			cut = cut && vf_varint_get(p, p + k, &got) == 0;
	}
	ok(same && inside, "longs are written as the specification has them, within ten bytes");
	ok(read, "and read as they were written");
	ok(cut, "and seen to be cut off");
}

int
main(void)
{
	const struct vf_container_options opt = { 0 };

	if (vf_hash_start(&err) < 0 || mkdtemp(dir) == NULL || (reader = vf_container_new(&opt, &err)) == NULL)
		bail_out("cannot start");
	snprintf(path, sizeof(path), "%s/a.avro", dir);
	test_varint();
	test_round_trip();
	test_sizes_known();
	test_forged_blocks();
	test_forged_headers();
	test_cuts();
	test_deflate();
	test_snappy();
	test_bombs();
	test_changes();
	test_sources();
	test_damage();
	vf_container_free(reader);
	unlink(path);
	rmdir(dir);
	return done_testing();
}
