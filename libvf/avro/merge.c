#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "avro/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "avro/mill.h"

#define PARTS_MAX 9999		/* what four digits can name */

struct source {
	char *path;
	int spool;			/* -1, or the unlinked copy of what cannot be read twice */
	struct vf_stamp stamp;
	uint64_t size, records, blocks;
	unsigned char digest[VF_DIGEST_LEN];
	bool refused;
};

struct part {
	char *path;
	struct vf_file *file;		/* NULL: nothing is written */
	uint64_t size, records, blocks;
	unsigned char digest[VF_DIGEST_LEN];
};

struct vf_merge {
	const struct vf_merge_options *opt;
	struct vf_container *reader;
	struct vf_schema *own;		/* the first source's */
	const struct vf_schema *schema;
	struct vf_walk *walk;
	struct vf_buf text;		/* the schema, as the output gets it */
	struct vf_buf first;		/* the schema as the first source has it */
	struct vf_buf meta;		/* the first source's own metadata */
	struct vf_slice (*entries)[2];
	size_t nentries;
	bool begun;			/* the first source was seen */
	enum vf_codec codec;
	struct vf_container_writer_options writing;

	struct source *sources;
	size_t nsources, sources_size, refused;
	bool size_known;		/* all blocks are copied as they are: */
	uint64_t blocks_size;		/* what they have then, those without records too */
	uint64_t header_size, records_in;

	struct part *parts;
	size_t nparts, parts_size;
	struct vf_container_writer *writer;
	struct vf_mill *mill;
	bool output_failed;		/* the error is not the source's */
};

struct vf_merge *
vf_merge_new(const struct vf_merge_options *opt, struct vf_error *err)
{
	const struct vf_container_options reading = { .digest = opt->digests };
	struct vf_merge *m = calloc(1, sizeof(*m));

	if (m == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	m->opt = opt;
	m->size_known = true;
	m->reader = vf_container_new(&reading, err);
	if (m->reader == NULL) {
		vf_merge_free(m);
		return NULL;
	}
	return m;
}

void
vf_merge_free(struct vf_merge *m)
{
	if (m == NULL)
		return;
	vf_mill_free(m->mill);
	vf_container_writer_free(m->writer);
	for (size_t i = 0; i < m->nparts; i++) {
		vf_file_free(m->parts[i].file);
		free(m->parts[i].path);
	}
	for (size_t i = 0; i < m->nsources; i++) {
		if (m->sources[i].spool >= 0)
			close(m->sources[i].spool);
		free(m->sources[i].path);
	}
	free(m->parts);
	free(m->sources);
	free(m->entries);
	vf_walk_free(m->walk);
	vf_schema_free(m->own);
	vf_buf_free(&m->text);
	vf_buf_free(&m->first);
	vf_buf_free(&m->meta);
	vf_container_free(m->reader);
	free(m);
}

/* Stopped, or a fault that is not this source's: the whole run ends. */
static int
refuse(struct vf_merge *m, struct source *s, struct vf_error *err)
{
	if (err->kind != VF_ERR_FAILED || m->output_failed)
		return -1;
	s->refused = true;
	m->refused++;
	if (m->opt->refused != NULL)
		m->opt->refused(m->opt->ctx, err);
	return 0;
}

/* The first look */

static int
open_source(struct source *s, const char *dir, struct vf_error *err)
{
	bool is_stdin = strcmp(s->path, "-") == 0;
	struct stat st;
	int fd;

	if (s->spool >= 0) {
		if (lseek(s->spool, 0, SEEK_SET) < 0 || (fd = fcntl(s->spool, F_DUPFD_CLOEXEC, 3)) < 0)
			return vf_error_errno(err, s->path);
		return fd;
	}
	while ((fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(s->path, O_RDONLY | O_NOCTTY | O_CLOEXEC)) < 0) {
		if (errno != EINTR)
			return vf_error_errno(err, s->path);
		if (vf_file_stopping())
			return vf_error(err, VF_ERR_STOPPED, "%s: interrupted", s->path);
	}
	if (fstat(fd, &st) < 0) {
		close(fd);
		return vf_error_errno(err, s->path);
	}
	if (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && !is_stdin))
		return fd;
	s->spool = vf_file_spool_from(fd, s->path, dir, err);
	close(fd);
	return s->spool < 0 ? -1 : open_source(s, dir, err);
}

/* Its name in messages. */
static const char *
shown(const struct source *s)
{
	return strcmp(s->path, "-") == 0 ? "stdin" : s->path;
}

/* The reader on this source, its header read. */
static int
open_reader(struct vf_merge *m, struct source *s, struct vf_error *err)
{
	int fd = open_source(s, m->opt->spool_dir, err);

	return fd < 0 ? -1 : vf_container_open_fd(m->reader, fd, shown(s), err);
}

static int
check_type(const struct vf_merge *m, const char *path, struct vf_error *err)
{
	const struct vf_schema_type *root = vf_schema_root(m->schema);

	if (m->opt->type == NULL)
		return 0;
	if (root->kind == VF_AVRO_RECORD && vf_slice_is(vf_schema_short_name(root), m->opt->type))
		return 0;
	return vf_error(err, VF_ERR_FAILED, "%s: its schema is not a record %s", path, m->opt->type);
}

/* The first source's own metadata goes into the output, as avro-tools' concat does it. */
static int
keep_metadata(struct vf_merge *m, struct vf_error *err)
{
	struct vf_slice key, value;
	size_t n = 0, at = 0;

	/* Entries may all be empty: offsets are into something even then. */
	vf_buf_reserve(&m->meta, 1);
	for (size_t i = 0; vf_container_meta(m->reader, i, &key, &value); i++)
		if (key.n < 5 || memcmp(key.p, "avro.", 5) != 0) {
			vf_buf_add_slice(&m->meta, key);
			vf_buf_add_slice(&m->meta, value);
			n++;
		}
	m->entries = calloc(n + 1, sizeof(*m->entries));
	if (m->entries == NULL || m->meta.failed)
		return vf_error_nomem(err);
	for (size_t i = 0; vf_container_meta(m->reader, i, &key, &value); i++)
		if (key.n < 5 || memcmp(key.p, "avro.", 5) != 0) {
			m->entries[m->nentries][0] = vf_slice(m->meta.p + at, key.n);
			m->entries[m->nentries++][1] = vf_slice(m->meta.p + at + key.n, value.n);
			at += key.n + value.n;
		}
	return 0;
}

/* What the first source decides: schema, codec, metadata. */
static int
begin(struct vf_merge *m, const char *path, struct vf_error *err)
{
	struct vf_slice text = vf_container_schema(m->reader);

	m->own = vf_schema_parse(text, path, err);
	if (m->own == NULL) {
		err->kind = err->kind == VF_ERR_CONFIG ? VF_ERR_FAILED : err->kind;
		return -1;
	}
	m->schema = m->opt->schema != NULL ? m->opt->schema : m->own;
	if (!vf_schema_equal(m->own, m->schema))
		return vf_error(err, VF_ERR_FAILED, "%s: its schema is not the one of --schema", path);
	if (check_type(m, path, err) < 0)
		return -1;
	m->codec = m->opt->has_codec ? m->opt->codec : vf_container_codec(m->reader);
	vf_buf_add_slice(&m->first, text);
	vf_buf_add_slice(&m->text, m->opt->schema != NULL ? vf_schema_text(m->opt->schema) : text);
	if (m->first.failed || m->text.failed)
		return vf_error_nomem(err);
	if (keep_metadata(m, err) < 0 || (m->walk = vf_walk_new(m->schema, err)) == NULL)
		return -1;
	m->writing = (struct vf_container_writer_options){ .schema = vf_buf_slice(&m->text), .codec = m->codec,
		.digest = m->opt->digests, .meta = m->entries, .nmeta = m->nentries };
	m->header_size = vf_container_header_size(&m->writing);
	m->begun = true;
	return 0;
}

/* Compared by canonical form; most files of one writer have the same text. */
static int
check_schema(const struct vf_merge *m, const char *path, struct vf_error *err)
{
	struct vf_slice text = vf_container_schema(m->reader);
	struct vf_schema *schema;
	char mine[17], theirs[17];
	bool same;

	if (vf_slice_eq(text, vf_buf_slice(&m->first)))
		return 0;
	schema = vf_schema_parse(text, path, err);
	if (schema == NULL) {
		err->kind = err->kind == VF_ERR_CONFIG ? VF_ERR_FAILED : err->kind;
		return -1;
	}
	same = vf_schema_equal(schema, m->schema);
	vf_schema_fingerprint_hex(schema, theirs);
	vf_schema_fingerprint_hex(m->schema, mine);
	vf_schema_free(schema);
	return same ? 0 : vf_error(err, VF_ERR_FAILED, "%s: another schema (fingerprint %s) than %s (%s)", path,
		theirs, m->opt->schema != NULL ? "the one of --schema" : "the first file's", mine);
}

static int
look_at(struct vf_merge *m, struct source *s, struct vf_error *err)
{
	if (m->opt->stopping())
		return vf_error(err, VF_ERR_STOPPED, "interrupted");
	if (open_reader(m, s, err) < 0)
		return -1;
	s->stamp = *vf_container_stamp(m->reader);
	if ((m->begun ? check_schema(m, s->path, err) : begin(m, s->path, err)) < 0)
		return -1;
	m->blocks_size += vf_container_size(m->reader) - vf_container_offset(m->reader);
	if (vf_container_codec(m->reader) != m->codec)
		m->size_known = false;
	return 0;
}

int
vf_merge_add(struct vf_merge *m, const char *path, struct vf_error *err)
{
	struct source *s;
	int rc;

	if (m->nsources == m->sources_size) {
		size_t size = m->sources_size > 0 ? 2 * m->sources_size : 64;
		struct source *p = realloc(m->sources, size * sizeof(*p));

		if (p == NULL)
			return vf_error_nomem(err);
		m->sources = p;
		m->sources_size = size;
	}
	s = &m->sources[m->nsources];
	*s = (struct source){ .path = strdup(path), .spool = -1 };
	if (s->path == NULL)
		return vf_error_nomem(err);
	m->nsources++;
	rc = look_at(m, s, err);
	vf_container_close(m->reader);
	return rc < 0 ? refuse(m, s, err) : 0;
}

static int
by_inode(const void *a_, const void *b_)
{
	const struct source *a = *(const struct source *const *)a_, *b = *(const struct source *const *)b_;

	if (a->stamp.dev != b->stamp.dev)
		return a->stamp.dev < b->stamp.dev ? -1 : 1;
	return (a->stamp.ino > b->stamp.ino) - (a->stamp.ino < b->stamp.ino);
}

/* A file that is given twice would put its records into the output twice. */
static int
check_twice(const struct vf_merge *m, struct vf_error *err)
{
	const struct source **sorted = calloc(m->nsources + 1, sizeof(*sorted));
	int rc = 0;

	if (sorted == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < m->nsources; i++)
		sorted[i] = &m->sources[i];
	qsort(sorted, m->nsources, sizeof(*sorted), by_inode);
	for (size_t i = 1; i < m->nsources && rc == 0; i++)
		if (by_inode(&sorted[i - 1], &sorted[i]) == 0)
			rc = vf_error(err, VF_ERR_CONFIG, "%s: the same file as %s", sorted[i]->path, sorted[i - 1]->path);
	free(sorted);
	return rc;
}

static int
too_large(const struct vf_merge *m, uint64_t size, struct vf_error *err)
{
	return vf_error(err, VF_ERR_FAILED, "the merged file would have %s%" PRIu64 " bytes, more than the %" PRIu64 " of --max-size",
		m->size_known ? "" : "at least ", size, m->opt->max_size);
}

/* From block to block of a source: adds the sizes of those with records. */
static int
hop_over(struct vf_merge *m, struct source *s, uint64_t *size, struct vf_error *err)
{
	struct vf_container_block b;
	int rc = open_reader(m, s, err);

	while (rc == 0 && (rc = vf_container_hop(m->reader, &b, err)) > 0) {
		if (b.count > 0)
			*size += vf_container_block_size(b.count, b.raw.n);
		rc = m->opt->stopping() ? vf_error(err, VF_ERR_STOPPED, "interrupted") : 0;
	}
	vf_container_close(m->reader);
	return rc < 0 ? refuse(m, s, err) : 0;
}

static int
all_accepted(const struct vf_merge *m, struct vf_error *err)
{
	return m->refused == 0 ? 0 : vf_error(err, VF_ERR_FAILED, "%zu of %zu files refused: nothing is written", m->refused,
		m->nsources);
}

/* Where the files together are over the limit, their blocks with records may not be. */
static int
check_size(struct vf_merge *m, struct vf_error *err)
{
	uint64_t size = m->header_size;

	if (size <= m->opt->max_size && m->size_known && !m->opt->split && size + m->blocks_size > m->opt->max_size)
		for (size_t i = 0; i < m->nsources; i++)
			if (hop_over(m, &m->sources[i], &size, err) < 0)
				return -1;
	if (all_accepted(m, err) < 0)
		return -1;
	return size > m->opt->max_size ? too_large(m, size, err) : 0;
}

int
vf_merge_survey(struct vf_merge *m, struct vf_error *err)
{
	return all_accepted(m, err) < 0 || check_twice(m, err) < 0 ? -1 : check_size(m, err);
}

/* The parts of the output */

/* OUT, or with --split OUT.0001.avro; an OUT that ends in .avro gives the number before it. */
static char *
part_path(const struct vf_merge *m, size_t number)
{
	const char *out = m->opt->output;
	size_t n = strlen(out);
	char *path;

	if (!m->opt->split)
		return strdup(out);
	if (n > 5 && strcmp(out + n - 5, ".avro") == 0 && out[n - 6] != '/')
		n -= 5;
	return asprintf(&path, "%.*s.%04zu.avro", (int)n, out, number) < 0 ? NULL : path;
}

/* Its bytes are with the file system and its descriptor is closed: many parts can wait for their names. */
static int
end_part(struct vf_merge *m, struct vf_error *err)
{
	struct part *p = &m->parts[m->nparts - 1];
	char hex[VF_DIGEST_HEX + 1];
	int rc = 0;

	if (m->writer != NULL) {
		if ((rc = vf_container_finish(m->writer, err)) == 0 && m->opt->digests) {
			vf_container_writer_digest(m->writer, hex);
			vf_hex_get(vf_slice(hex, VF_DIGEST_HEX), p->digest, VF_DIGEST_LEN);
		}
		vf_container_writer_free(m->writer);
		m->writer = NULL;
	}
	return rc == 0 && p->file != NULL ? vf_file_settle(p->file, err) : rc;
}

static int
new_part(struct vf_merge *m, struct vf_error *err)
{
	struct part *p;

	if (m->nparts == PARTS_MAX)
		return vf_error(err, VF_ERR_FAILED, "more than %d parts: --max-size is too small", PARTS_MAX);
	if (m->nparts == m->parts_size) {
		size_t size = m->parts_size > 0 ? 2 * m->parts_size : 4;

		if ((p = realloc(m->parts, size * sizeof(*p))) == NULL)
			return vf_error_nomem(err);
		m->parts = p;
		m->parts_size = size;
	}
	p = &m->parts[m->nparts];
	*p = (struct part){ .size = m->header_size };
	m->nparts++;
	if (m->opt->output == NULL)
		return 0;
	if ((p->path = part_path(m, m->nparts)) == NULL)
		return vf_error_nomem(err);
	if ((p->file = vf_file_create(p->path, 0, err)) == NULL)
		return -1;
	m->writer = vf_container_create(p->file, &m->writing, err);
	return m->writer == NULL ? -1 : 0;
}

/* A stored block goes into the current part, or begins the next. */
static int
put_block(struct vf_merge *m, uint64_t count, struct vf_slice raw, struct vf_error *err)
{
	struct part *p = &m->parts[m->nparts - 1];
	uint64_t size = vf_container_block_size(count, raw.n);

	if (p->size + size > m->opt->max_size) {
		if (!m->opt->split)
			return too_large(m, p->size + size, err);
		if (m->header_size + size > m->opt->max_size)
			return vf_error(err, VF_ERR_FAILED, "a block of %" PRIu64 " bytes does not fit into the %" PRIu64 " of --max-size",
				size, m->opt->max_size);
		if (end_part(m, err) < 0 || new_part(m, err) < 0)
			return -1;
		p = &m->parts[m->nparts - 1];
	}
	p->size += size;
	p->records += count;
	p->blocks++;
	return m->writer != NULL ? vf_container_copy(m->writer, count, raw, err) : 0;
}

/*
 * The mill's: blocks in the order of the sources.  After a refusal nothing is
 * written any more: the rest is only looked at.
 */
static int
sink(void *merge, const struct vf_mill_block *b, const struct vf_error *failed, struct vf_error *err)
{
	struct vf_merge *m = merge;
	struct source *s = b->owner;

	if (s->refused)		/* what was on its way behind the fault */
		return 0;
	if (failed != NULL) {
		vf_container_block_error(err, shown(s), b->place, failed->text);
		return refuse(m, s, err);
	}
	s->records += b->count;
	s->blocks++;
	m->records_in += b->count;
	if (m->refused > 0 || b->count == 0 || put_block(m, b->count, b->raw, err) == 0)
		return 0;
	m->output_failed = true;
	return -1;
}

static int
read_blocks(struct vf_merge *m, struct source *s, struct vf_error *err)
{
	enum vf_codec codec = vf_container_codec(m->reader);
	struct vf_container_block b;
	int rc = 0;

	while (!s->refused && (rc = vf_container_next(m->reader, &b, err)) > 0) {
		const struct vf_mill_block block = { .count = b.count, .raw = b.raw, .codec = codec,
			.pack = codec != m->codec && b.count > 0 && m->refused == 0, .owner = s, .place = b.offset };

		if (vf_mill_put(m->mill, &block, err) < 0)
			return -1;
		if (m->opt->stopping())
			return vf_error(err, VF_ERR_STOPPED, "interrupted");
	}
	return s->refused ? 0 : rc;
}

static int
read_source(struct vf_merge *m, struct source *s, struct vf_error *err)
{
	char hex[VF_DIGEST_HEX + 1];

	if (open_reader(m, s, err) < 0)
		return -1;
	if (!vf_stamp_eq(vf_container_stamp(m->reader), &s->stamp) || check_schema(m, s->path, err) < 0)
		return vf_error(err, VF_ERR_FAILED, "%s: the file changed while it was read", s->path);
	if (read_blocks(m, s, err) < 0)
		return -1;
	s->size = vf_container_offset(m->reader);
	if (m->opt->digests && !s->refused) {
		vf_container_digest(m->reader, hex);
		vf_hex_get(vf_slice(hex, VF_DIGEST_HEX), s->digest, VF_DIGEST_LEN);
	}
	return 0;
}

/* The names still stand for the files that were read: who archives the sources by name must not archive others. */
static int
check_unchanged(struct vf_merge *m, struct vf_error *err)
{
	struct vf_stamp now;

	for (size_t i = 0; i < m->nsources; i++) {
		struct source *s = &m->sources[i];

		if (s->spool >= 0 || s->refused)
			continue;
		if (vf_file_stamp(-1, s->path, &now, err) == 0) {
			if (vf_stamp_eq(&now, &s->stamp))
				continue;
			vf_error(err, VF_ERR_FAILED, "%s: the file changed while it was read", s->path);
		}
		if (refuse(m, s, err) < 0)
			return -1;
	}
	return 0;
}

/* A source that cannot be read on: faults of the blocks before come first, those that workers still have, too. */
static int
give_up(struct vf_merge *m, struct source *s, struct vf_error *err)
{
	struct vf_error before;

	if (err->kind != VF_ERR_FAILED || m->output_failed)
		return -1;
	if (vf_mill_drain(m->mill, &before) < 0) {
		*err = before;
		return -1;
	}
	return s->refused ? 0 : refuse(m, s, err);
}

static int
start_mill(struct vf_merge *m, struct vf_error *err)
{
	const struct vf_mill_options opt = { .codec = m->codec, .level = VF_DEFLATE_LEVEL, .block_max = VF_CONTAINER_BLOCK_MAX,
		.strict = m->opt->strict, .walk = m->walk, .threads = m->opt->threads, .sink = sink, .ctx = m };

	m->mill = vf_mill_new(&opt);
	return m->mill != NULL ? 0 : vf_error_nomem(err);
}

int
vf_merge_run(struct vf_merge *m, struct vf_error *err)
{
	if (new_part(m, err) < 0 || start_mill(m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->nsources; i++) {
		int rc = read_source(m, &m->sources[i], err);

		vf_container_close(m->reader);
		if (rc < 0 && give_up(m, &m->sources[i], err) < 0)
			return -1;
	}
	if (vf_mill_drain(m->mill, err) < 0 || check_unchanged(m, err) < 0)
		return -1;
	return all_accepted(m, err) < 0 ? -1 : end_part(m, err);
}

/* The next part of an earlier, longer run would be taken for one of this run's. */
static int
check_stale(const struct vf_merge *m, struct vf_error *err)
{
	char *next;
	int rc = 0;

	if (!m->opt->split || m->nparts == PARTS_MAX)
		return 0;
	if ((next = part_path(m, m->nparts + 1)) == NULL)
		return vf_error_nomem(err);
	if (access(next, F_OK) == 0)
		rc = vf_error(err, VF_ERR_FAILED, "%s: left by an earlier run, which had more parts: remove it", next);
	free(next);
	return rc;
}

int
vf_merge_commit(struct vf_merge *m, struct vf_error *err)
{
	if (m->opt->output == NULL)
		return 0;
	if (check_stale(m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->nparts; i++)
		if (vf_file_commit(m->parts[i].file, err) < 0)
			return -1;
	return 0;
}

size_t
vf_merge_sources(const struct vf_merge *m)
{
	return m->nsources;
}

void
vf_merge_source(const struct vf_merge *m, size_t i, struct vf_merge_file *f)
{
	const struct source *s = &m->sources[i];

	*f = (struct vf_merge_file){ s->path, s->size, s->records, s->blocks, { 0 } };
	memcpy(f->digest, s->digest, VF_DIGEST_LEN);
}

size_t
vf_merge_parts(const struct vf_merge *m)
{
	return m->nparts;
}

void
vf_merge_part(const struct vf_merge *m, size_t i, struct vf_merge_file *f)
{
	const struct part *p = &m->parts[i];

	*f = (struct vf_merge_file){ p->path, p->size, p->records, p->blocks, { 0 } };
	memcpy(f->digest, p->digest, VF_DIGEST_LEN);
}

size_t
vf_merge_refused(const struct vf_merge *m)
{
	return m->refused;
}

uint64_t
vf_merge_records_in(const struct vf_merge *m)
{
	return m->records_in;
}

enum vf_codec
vf_merge_codec(const struct vf_merge *m)
{
	return m->codec;
}

const struct vf_schema *
vf_merge_schema(const struct vf_merge *m)
{
	return m->schema;
}
