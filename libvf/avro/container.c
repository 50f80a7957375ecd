#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "avro/container.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avro/mill.h"
#include "avro/varint.h"

#define READ	((size_t)256 << 10)	/* bytes asked for at a time */
#define PAGE	((size_t)4096)
#define KEEP	((size_t)4 << 20)	/* a buffer over this is given back with its file */

static const unsigned char magic[4] = { 'O', 'b', 'j', 1 };

struct meta {
	size_t key, key_len, value, value_len;	/* in text */
};

struct vf_container {
	struct vf_container_options opt;
	char *name;
	int fd;
	bool regular, hopping, eof, done;
	struct vf_stamp stamp;
	uint64_t size;			/* of a regular file, from where it begins for us */

	unsigned char *p;		/* the bytes from start to end are read and not used */
	size_t p_size, start, end;
	uint64_t offset;		/* of p[start] in the file */

	struct vf_buf text;		/* keys and values */
	struct meta meta[VF_CONTAINER_META_MAX];
	size_t nmeta;
	size_t schema;			/* index of avro.schema */
	enum vf_codec codec;
	unsigned char sync[VF_CONTAINER_SYNC];

	struct vf_inflater *inflater;
	struct vf_digest digest;
};

struct vf_container *
vf_container_new(const struct vf_container_options *opt, struct vf_error *err)
{
	struct vf_container *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->opt = *opt;
		if (c->opt.block_max == 0)
			c->opt.block_max = VF_CONTAINER_BLOCK_MAX;
		c->fd = -1;
		c->p_size = READ + PAGE;
		c->p = malloc(c->p_size);
		c->inflater = vf_inflater_new(c->opt.block_max, c->opt.strict);
		vf_buf_init(&c->text, VF_CONTAINER_HEADER_MAX);
	}
	if (c == NULL || c->p == NULL || c->inflater == NULL) {
		vf_error_nomem(err);
		vf_container_free(c);
		return NULL;
	}
	return c;
}

void
vf_container_close(struct vf_container *c)
{
	if (c->fd >= 0 && c->fd != STDIN_FILENO)
		close(c->fd);
	c->fd = -1;
	free(c->name);
	c->name = NULL;
	if (c->p_size > KEEP) {
		unsigned char *p = realloc(c->p, READ + PAGE);

		if (p != NULL) {
			c->p = p;
			c->p_size = READ + PAGE;
		}
	}
}

void
vf_container_free(struct vf_container *c)
{
	if (c == NULL)
		return;
	vf_container_close(c);
	vf_inflater_free(c->inflater);
	vf_buf_free(&c->text);
	free(c->p);
	free(c);
}

static int
fail_at(const struct vf_container *c, uint64_t offset, struct vf_error *err, const char *cause)
{
	return vf_error(err, VF_ERR_FAILED, "%s: byte %" PRIu64 ": %s", c->name, offset, cause);
}

static int
fail(const struct vf_container *c, struct vf_error *err, const char *cause)
{
	return fail_at(c, c->offset, err, cause);
}

int
vf_container_block_error(struct vf_error *err, const char *file, uint64_t offset, const char *cause)
{
	return vf_error(err, VF_ERR_FAILED, "%s: the block at byte %" PRIu64 ": %s", file, offset, cause);
}

int
vf_container_fail(const struct vf_container *c, const struct vf_container_block *b, struct vf_error *err, const char *cause)
{
	return vf_container_block_error(err, c->name, b->offset, cause);
}

/* Room for want bytes from start on: moved to the front, or into a larger buffer. */
static int
make_room(struct vf_container *c, size_t want, struct vf_error *err)
{
	unsigned char *p;

	if (c->start > 0) {
		memmove(c->p, c->p + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
	}
	if (want <= c->p_size)
		return 0;
	p = realloc(c->p, want + PAGE);
	if (p == NULL)
		return vf_error_nomem(err);
	c->p = p;
	c->p_size = want + PAGE;
	return 0;
}

/* How many bytes the buffer shall hold when n are wanted: it grows with those that really come, so that a forged
 * size costs nothing. */
static size_t
room_for(const struct vf_container *c, size_t n)
{
	size_t have = c->end - c->start;

	if (n <= READ)
		return READ;
	if (c->regular && c->size >= c->offset + n)
		return n;
	return n < 2 * have ? n : have < READ ? READ : 2 * have;
}

/* At least n bytes from start on, if the file has them: 1, 0 when it ends before, -1. */
static int
need(struct vf_container *c, size_t n, struct vf_error *err)
{
	while (c->end - c->start < n) {
		size_t room = room_for(c, n);
		ssize_t got;

		if (c->eof)
			return 0;
		if (c->start + room > c->p_size && make_room(c, room, err) < 0)
			return -1;
		got = vf_file_read(c->fd, c->p + c->end, c->p_size - c->end, c->name, err);
		if (got < 0)
			return -1;
		c->eof = got == 0;
		if (c->opt.digest)
			vf_digest_add(&c->digest, c->p + c->end, (size_t)got);
		c->end += (size_t)got;
	}
	return 1;
}

static void
use(struct vf_container *c, size_t n)
{
	c->start += n;
	c->offset += n;
}

static int
cut_off(const struct vf_container *c, struct vf_error *err)
{
	return fail_at(c, c->offset + (c->end - c->start), err, "the file is cut off here");
}

static int
get_long(struct vf_container *c, int64_t *v, struct vf_error *err)
{
	int n;

	if (need(c, VF_VARINT_MAX, err) < 0)
		return -1;
	n = vf_varint_get(c->p + c->start, c->p + c->end, v);
	if (n < 0)
		return fail(c, err, "a number that is none");
	if (n == 0)
		return cut_off(c, err);
	use(c, (size_t)n);
	return 0;
}

/* The header */

static int
get_text(struct vf_container *c, size_t *at, size_t *len, struct vf_error *err)
{
	uint64_t offset = c->offset;
	int64_t n;
	int rc;

	if (get_long(c, &n, err) < 0)
		return -1;
	if (n < 0)
		return fail_at(c, offset, err, "a negative length in the metadata");
	if ((uint64_t)n > VF_CONTAINER_HEADER_MAX || c->text.n + (size_t)n > VF_CONTAINER_HEADER_MAX)
		return fail_at(c, offset, err, "more than 1 MiB of metadata");
	if ((rc = need(c, (size_t)n, err)) <= 0)
		return rc < 0 ? -1 : cut_off(c, err);
	*at = c->text.n;
	*len = (size_t)n;
	if (vf_buf_add(&c->text, c->p + c->start, (size_t)n) < 0)
		return vf_error_nomem(err);
	use(c, (size_t)n);
	return 0;
}

static int
get_entries(struct vf_container *c, int64_t n, struct vf_error *err)
{
	for (; n > 0; n--) {
		struct meta *m = &c->meta[c->nmeta];

		if (c->nmeta == VF_CONTAINER_META_MAX)
			return fail(c, err, "more than 1024 entries of metadata");
		if (get_text(c, &m->key, &m->key_len, err) < 0 || get_text(c, &m->value, &m->value_len, err) < 0)
			return -1;
		c->nmeta++;
	}
	return 0;
}

static int
get_metadata(struct vf_container *c, struct vf_error *err)
{
	for (;;) {
		uint64_t offset = c->offset, begin;
		int64_t n, bytes = -1;

		if (get_long(c, &n, err) < 0)
			return -1;
		if (n == 0)
			return 0;
		if (n < 0 && get_long(c, &bytes, err) < 0)
			return -1;
		if (n < -(int64_t)VF_CONTAINER_META_MAX || n > (int64_t)VF_CONTAINER_META_MAX)
			return fail_at(c, offset, err, "more than 1024 entries of metadata");
		begin = c->offset;
		if (get_entries(c, n < 0 ? -n : n, err) < 0)
			return -1;
		if (n < 0 && (bytes < 0 || c->offset - begin != (uint64_t)bytes))
			return fail_at(c, offset, err, "a part of the metadata has not the size it says");
	}
}

/* The one entry of this name: 1, 0 when there is none, -1 when there are several: readers would differ. */
static int
find_meta(const struct vf_container *c, const char *name, size_t *at, struct vf_error *err)
{
	struct vf_slice key, value;
	int found = 0;

	for (size_t i = 0; vf_container_meta(c, i, &key, &value); i++)
		if (vf_slice_is(key, name)) {
			if (found++ > 0)
				return vf_error(err, VF_ERR_FAILED, "%s: %s is there twice in the metadata", c->name, name);
			*at = i;
		}
	return found;
}

/* A codec's name, as far as it may be shown. */
static int
unknown_codec(const struct vf_container *c, struct vf_slice name, struct vf_error *err)
{
	bool plain = name.n > 0 && name.n <= 20;

	for (size_t i = 0; i < name.n && plain; i++)
		plain = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '-';
	return vf_error(err, VF_ERR_FAILED, "%s: codec %.*s: only null, deflate and snappy are read", c->name,
		plain ? (int)name.n : 1, plain ? name.p : "?");
}

static int
get_header(struct vf_container *c, struct vf_error *err)
{
	struct vf_slice key, value;
	size_t codec;
	int rc;

	if ((rc = need(c, sizeof(magic), err)) < 0)
		return -1;
	if (rc == 0 && c->end == c->start)
		return vf_error(err, VF_ERR_FAILED, "%s: empty: an Avro file has a header", c->name);
	if (rc == 0 || memcmp(c->p + c->start, magic, sizeof(magic)) != 0)
		return vf_error(err, VF_ERR_FAILED, "%s: not an Avro container file", c->name);
	use(c, sizeof(magic));
	if (get_metadata(c, err) < 0)
		return -1;
	if ((rc = need(c, VF_CONTAINER_SYNC, err)) <= 0)
		return rc < 0 ? -1 : cut_off(c, err);
	memcpy(c->sync, c->p + c->start, VF_CONTAINER_SYNC);
	use(c, VF_CONTAINER_SYNC);
	if ((rc = find_meta(c, "avro.schema", &c->schema, err)) <= 0)
		return rc < 0 ? -1 : vf_error(err, VF_ERR_FAILED, "%s: no avro.schema in the metadata", c->name);
	if ((rc = find_meta(c, "avro.codec", &codec, err)) <= 0)
		return rc;
	vf_container_meta(c, codec, &key, &value);
	return vf_codec_find(value, &c->codec) ? 0 : unknown_codec(c, value, err);
}

static int
open_fd(struct vf_container *c, struct vf_error *err)
{
	off_t at = lseek(c->fd, 0, SEEK_CUR);
	struct stat st;

	if (fstat(c->fd, &st) < 0)
		return vf_error_errno(err, c->name);
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		return vf_error_errno(err, c->name);
	}
	if (vf_file_stamp(c->fd, c->name, &c->stamp, err) < 0)
		return -1;
	c->regular = S_ISREG(st.st_mode) && at >= 0;
	c->size = c->regular && st.st_size > at ? (uint64_t)(st.st_size - at) : 0;
	vf_file_widen_pipe(c->fd);
	return get_header(c, err);
}

int
vf_container_open_fd(struct vf_container *c, int fd, const char *name, struct vf_error *err)
{
	vf_container_close(c);
	c->fd = fd;
	c->name = strdup(name);
	c->hopping = c->eof = c->done = c->regular = false;
	c->start = c->end = 0;
	c->offset = 0;
	c->nmeta = 0;
	c->codec = VF_CODEC_NULL;
	vf_buf_clear(&c->text);
	vf_digest_init(&c->digest);
	if (c->name == NULL)
		return vf_error_nomem(err);
	return open_fd(c, err);
}

int
vf_container_open(struct vf_container *c, const char *path, struct vf_error *err)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return vf_container_open_fd(c, STDIN_FILENO, "stdin", err);
	while ((fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC)) < 0) {
		if (errno != EINTR)
			return vf_error_errno(err, path);
		if (vf_file_stopping())
			return vf_error(err, VF_ERR_STOPPED, "%s: interrupted", path);
	}
	return vf_container_open_fd(c, fd, path, err);
}

struct vf_slice
vf_container_schema(const struct vf_container *c)
{
	const struct meta *m = &c->meta[c->schema];

	return vf_slice(c->text.p + m->value, m->value_len);
}

enum vf_codec
vf_container_codec(const struct vf_container *c)
{
	return c->codec;
}

bool
vf_container_meta(const struct vf_container *c, size_t i, struct vf_slice *key, struct vf_slice *value)
{
	const struct meta *m;
	const char *text;

	if (i >= c->nmeta)
		return false;
	m = &c->meta[i];
	text = c->text.p != NULL ? c->text.p : "";	/* one entry, of no bytes at all */
	*key = vf_slice(text + m->key, m->key_len);
	*value = vf_slice(text + m->value, m->value_len);
	return true;
}

/* The blocks */

/* Behind the last block: nothing may have happened to the file meanwhile. */
static int
at_end(struct vf_container *c, struct vf_error *err)
{
	struct vf_stamp now;

	c->done = true;
	if (!c->regular)
		return 0;
	if (vf_file_stamp(c->fd, c->name, &now, err) < 0)
		return -1;
	if (!vf_stamp_eq(&now, &c->stamp) || c->offset != c->size)
		return vf_error(err, VF_ERR_FAILED, "%s: the file changed while it was read", c->name);
	return 0;
}

/* A block's count and size, judged. */
static int
judge(const struct vf_container *c, uint64_t offset, int64_t count, int64_t size, struct vf_error *err)
{
	if (count < 0)
		return fail_at(c, offset, err, "a block with a negative count");
	if ((uint64_t)count > VF_CONTAINER_COUNT_MAX)
		return fail_at(c, offset, err, "a block that says it has more than 2147483647 records");
	if (size < 0)
		return fail_at(c, offset, err, "a block with a negative size");
	if (c->regular && (uint64_t)size > c->size - offset)
		return fail_at(c, offset, err, "a block that is longer than the rest of the file");
	if ((uint64_t)size > c->opt.block_max)
		return vf_error(err, VF_ERR_FAILED, "%s: byte %" PRIu64 ": a block of more than %zu bytes", c->name, offset,
			c->opt.block_max);
	return 0;
}

int
vf_container_next(struct vf_container *c, struct vf_container_block *b, struct vf_error *err)
{
	int64_t count, size;
	int rc;

	if (c->done)
		return 0;
	if ((rc = need(c, 1, err)) <= 0)
		return rc < 0 ? -1 : at_end(c, err);
	b->offset = c->offset;
	if (get_long(c, &count, err) < 0 || get_long(c, &size, err) < 0 || judge(c, b->offset, count, size, err) < 0)
		return -1;
	if ((rc = need(c, (size_t)size + VF_CONTAINER_SYNC, err)) <= 0)
		return rc < 0 ? -1 : cut_off(c, err);
	b->count = (uint64_t)count;
	b->raw = vf_slice((const char *)c->p + c->start, (size_t)size);
	use(c, (size_t)size);
	if (memcmp(c->p + c->start, c->sync, VF_CONTAINER_SYNC) != 0)
		return fail(c, err, "not the file's sync marker behind a block");
	use(c, VF_CONTAINER_SYNC);
	return 1;
}

int
vf_container_data(struct vf_container *c, const struct vf_container_block *b, struct vf_slice *data, struct vf_error *err)
{
	struct vf_error cause;

	if (vf_inflate(c->inflater, c->codec, b->raw, data, &cause) == 0)
		return 0;
	*err = cause;
	return cause.kind == VF_ERR_FAILED ? vf_container_fail(c, b, err, cause.text) : -1;
}

/* Up to n bytes at the reader's place, without moving it: how many there are. */
static ssize_t
peek(struct vf_container *c, unsigned char *p, size_t n, struct vf_error *err)
{
	off_t begin = c->stamp.size - (off_t)c->size;
	size_t have = 0;

	while (have < n) {
		ssize_t got = pread(c->fd, p + have, n - have, begin + (off_t)(c->offset + have));

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return vf_error_errno(err, c->name);
		if (got < 0 && vf_file_stopping())
			return vf_error(err, VF_ERR_STOPPED, "%s: interrupted", c->name);
		if (got > 0)
			have += (size_t)got;
	}
	return (ssize_t)have;
}

/*
 * A block's marker and the next one's count and size lie together: one small
 * read a block.
 */
int
vf_container_hop(struct vf_container *c, struct vf_container_block *b, struct vf_error *err)
{
	unsigned char *p = c->p;	/* the buffer's front holds what was peeked at */
	int64_t v[2];
	ssize_t got;

	if (c->done)
		return 0;
	if (!c->hopping) {
		c->hopping = true;
		c->start = c->end = 0;
	}
	if (c->end - c->start < 2 * VF_VARINT_MAX) {
		if ((got = peek(c, p, 2 * VF_VARINT_MAX, err)) < 0)
			return -1;
		c->start = 0;
		c->end = (size_t)got;
	}
	if (c->end == c->start)
		return at_end(c, err);
	b->offset = c->offset;
	for (int i = 0; i < 2; i++) {
		int n = vf_varint_get(p + c->start, p + c->end, &v[i]);

		if (n <= 0)
			return n < 0 ? fail(c, err, "a number that is none") : cut_off(c, err);
		use(c, (size_t)n);
	}
	if (judge(c, b->offset, v[0], v[1], err) < 0)
		return -1;
	b->count = (uint64_t)v[0];
	b->raw = vf_slice(NULL, (size_t)v[1]);
	c->offset += (uint64_t)v[1];
	if ((got = peek(c, p, VF_CONTAINER_SYNC + 2 * VF_VARINT_MAX, err)) < 0)
		return -1;
	c->start = 0;
	c->end = (size_t)got;
	if (got < VF_CONTAINER_SYNC)
		return cut_off(c, err);
	if (memcmp(p, c->sync, VF_CONTAINER_SYNC) != 0)
		return fail(c, err, "not the file's sync marker behind a block");
	use(c, VF_CONTAINER_SYNC);
	return 1;
}

bool
vf_container_is_regular(const struct vf_container *c)
{
	return c->regular;
}

const struct vf_stamp *
vf_container_stamp(const struct vf_container *c)
{
	return &c->stamp;
}

uint64_t
vf_container_offset(const struct vf_container *c)
{
	return c->offset;
}

uint64_t
vf_container_size(const struct vf_container *c)
{
	return c->size;
}

void
vf_container_digest(struct vf_container *c, char hex[VF_DIGEST_HEX + 1])
{
	vf_digest_hex(&c->digest, hex);
}

/* The writer */

struct vf_container_writer {
	struct vf_file *file;
	struct vf_mill *mill;		/* NULL until something is put */
	enum vf_codec codec;
	int level;
	unsigned threads;
	unsigned char sync[VF_CONTAINER_SYNC];
	uint64_t bytes, records, blocks;
	bool digests;
	struct vf_digest digest;
};

static int
write_bytes(struct vf_container_writer *w, const void *p, size_t n, struct vf_error *err)
{
	w->bytes += n;
	if (w->digests)
		vf_digest_add(&w->digest, p, n);
	return vf_file_write(w->file, p, n, err);
}

static int
write_block(struct vf_container_writer *w, uint64_t count, struct vf_slice raw, struct vf_error *err)
{
	unsigned char head[2 * VF_VARINT_MAX];
	size_t n = vf_varint_put(head, (int64_t)count);

	n += vf_varint_put(head + n, (int64_t)raw.n);
	if (write_bytes(w, head, n, err) < 0 || write_bytes(w, raw.p, raw.n, err) < 0
		|| write_bytes(w, w->sync, VF_CONTAINER_SYNC, err) < 0)
		return -1;
	w->records += count;
	w->blocks++;
	return 0;
}

static int
sink(void *writer, const struct vf_mill_block *b, const struct vf_error *failed, struct vf_error *err)
{
	if (failed == NULL)
		return write_block(writer, b->count, b->raw, err);
	*err = *failed;
	return -1;
}

static void
add_long(struct vf_buf *b, int64_t v)
{
	unsigned char p[VF_VARINT_MAX];

	vf_buf_add(b, p, vf_varint_put(p, v));
}

static void
add_text(struct vf_buf *b, struct vf_slice s)
{
	add_long(b, (int64_t)s.n);
	vf_buf_add_slice(b, s);
}

/* All but the marker. */
static void
add_header(struct vf_buf *b, const struct vf_container_writer_options *opt)
{
	vf_buf_add(b, magic, sizeof(magic));
	add_long(b, (int64_t)opt->nmeta + 2);
	add_text(b, vf_slice_str("avro.schema"));
	add_text(b, opt->schema);
	add_text(b, vf_slice_str("avro.codec"));
	add_text(b, vf_slice_str(vf_codec_name(opt->codec)));
	for (size_t i = 0; i < opt->nmeta; i++) {
		add_text(b, opt->meta[i][0]);
		add_text(b, opt->meta[i][1]);
	}
	add_long(b, 0);
}

struct vf_container_writer *
vf_container_create(struct vf_file *file, const struct vf_container_writer_options *opt, struct vf_error *err)
{
	struct vf_container_writer *w = calloc(1, sizeof(*w));
	struct vf_buf header = { 0 };
	int rc;

	if (w == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	w->file = file;
	w->codec = opt->codec;
	w->level = opt->level != 0 ? opt->level : VF_DEFLATE_LEVEL;
	w->threads = opt->threads;
	w->digests = opt->digest;
	vf_digest_init(&w->digest);
	if (opt->sync != NULL)
		memcpy(w->sync, opt->sync, VF_CONTAINER_SYNC);
	else
		randombytes_buf(w->sync, VF_CONTAINER_SYNC);
	add_header(&header, opt);
	vf_buf_add(&header, w->sync, VF_CONTAINER_SYNC);
	rc = header.failed ? vf_error_nomem(err) : write_bytes(w, header.p, header.n, err);
	vf_buf_free(&header);
	if (rc < 0) {
		free(w);
		return NULL;
	}
	return w;
}

int
vf_container_put(struct vf_container_writer *w, uint64_t count, struct vf_slice data, struct vf_error *err)
{
	const struct vf_mill_options opt = { .codec = w->codec, .level = w->level, .threads = w->threads, .sink = sink, .ctx = w };
	const struct vf_mill_block b = { .count = count, .raw = data, .codec = VF_CODEC_NULL, .pack = true };

	if (count == 0)
		return 0;
	if (w->mill == NULL && (w->mill = vf_mill_new(&opt)) == NULL)
		return vf_error_nomem(err);
	return vf_mill_put(w->mill, &b, err);
}

int
vf_container_copy(struct vf_container_writer *w, uint64_t count, struct vf_slice raw, struct vf_error *err)
{
	if (count == 0)
		return 0;
	if (w->mill != NULL && vf_mill_drain(w->mill, err) < 0)
		return -1;
	return write_block(w, count, raw, err);
}

int
vf_container_finish(struct vf_container_writer *w, struct vf_error *err)
{
	return w->mill != NULL ? vf_mill_drain(w->mill, err) : 0;
}

void
vf_container_writer_free(struct vf_container_writer *w)
{
	if (w == NULL)
		return;
	vf_mill_free(w->mill);
	free(w);
}

uint64_t
vf_container_writer_bytes(const struct vf_container_writer *w)
{
	return w->bytes;
}

uint64_t
vf_container_writer_records(const struct vf_container_writer *w)
{
	return w->records;
}

uint64_t
vf_container_writer_blocks(const struct vf_container_writer *w)
{
	return w->blocks;
}

void
vf_container_writer_digest(struct vf_container_writer *w, char hex[VF_DIGEST_HEX + 1])
{
	vf_digest_hex(&w->digest, hex);
}

uint64_t
vf_container_block_size(uint64_t count, size_t raw)
{
	unsigned char head[2 * VF_VARINT_MAX];
	size_t n = vf_varint_put(head, (int64_t)count);

	return n + vf_varint_put(head + n, (int64_t)raw) + raw + VF_CONTAINER_SYNC;
}

uint64_t
vf_container_header_size(const struct vf_container_writer_options *opt)
{
	struct vf_buf header = { 0 };
	uint64_t n;

	add_header(&header, opt);
	n = header.n + VF_CONTAINER_SYNC;
	vf_buf_free(&header);
	return n;
}
