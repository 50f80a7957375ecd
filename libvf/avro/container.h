/*
 * avro/container.h -- Avro's object container files: walked, and written.
 *
 * A file is a header (magic, metadata, a sync marker of 16 bytes) and blocks
 * (count, size, bytes, the marker again).  Nothing here looks into a datum:
 * that is avro/schema.  Everything a file says of itself is bounded and judged
 * before it is believed; errors are `file: byte N: cause`, kind VF_ERR_FAILED.
 */
#ifndef VF_AVRO_CONTAINER_H
#define VF_AVRO_CONTAINER_H

#include "avro/codec.h"
#include "base/file.h"
#include "base/hash.h"

#define VF_CONTAINER_SYNC 16
#define VF_CONTAINER_HEADER_MAX ((size_t)1 << 20)	/* bytes of metadata, schema included */
#define VF_CONTAINER_META_MAX 1024			/* entries */
#define VF_CONTAINER_BLOCK_MAX ((size_t)128 << 20)	/* bytes of a block, stored and plain */
#define VF_CONTAINER_COUNT_MAX ((uint64_t)INT32_MAX)	/* records of a block */

/*
 * A reader of one file after the other; its buffers are kept from file to file.
 * Memory: 256 KiB, or the largest block, stored and (when it is inflated) plain.
 */
struct vf_container;

struct vf_container_options {
	size_t block_max;		/* 0: VF_CONTAINER_BLOCK_MAX */
	bool digest;			/* vf_container_digest() will be called */
	bool strict;			/* deflate as zlib inflates it (avro/codec.h) */
};

struct vf_container_block {
	uint64_t offset;		/* of its first byte in the file */
	uint64_t count;
	struct vf_slice raw;		/* as stored, under the file's codec: until the next call for this reader */
};

struct vf_container *vf_container_new(const struct vf_container_options *, struct vf_error *);
void vf_container_free(struct vf_container *);	/* closes; NULL is accepted */

/*
 * Opens a file and reads its header.  path "-" is standard input.  The other
 * takes over a descriptor (closed later, unless it is standard input); the file
 * begins at its offset.  Pipes are read as they are.  A folder is refused.
 */
int vf_container_open(struct vf_container *, const char *path, struct vf_error *);
int vf_container_open_fd(struct vf_container *, int fd, const char *name, struct vf_error *);
/* Closes the file (freeing does, too). What follows holds until then. */
void vf_container_close(struct vf_container *);

/* The text of avro.schema; not looked at. */
struct vf_slice vf_container_schema(const struct vf_container *);
enum vf_codec vf_container_codec(const struct vf_container *);
/* The metadata in file order, avro.* included; false behind the last. */
bool vf_container_meta(const struct vf_container *, size_t i, struct vf_slice *key, struct vf_slice *value);

/*
 * The next block, its marker checked: 1, 0 behind the last, -1.  The end is
 * exact: a file that is cut off inside a block or goes on with anything but a
 * block is an error, and so is a regular file that changed while it was read
 * (size, times).  A cut between two blocks cannot be seen in the format.
 */
int vf_container_next(struct vf_container *, struct vf_container_block *, struct vf_error *);
/* The plain bytes of the block that next gave, under the file's codec; until the next call for this reader. */
int vf_container_data(struct vf_container *, const struct vf_container_block *, struct vf_slice *data, struct vf_error *);
/*
 * As next, without reading the bytes: raw has its size and no pointer.  For
 * regular files (vf_container_is_regular); a reader does one or the other.
 */
int vf_container_hop(struct vf_container *, struct vf_container_block *, struct vf_error *);
bool vf_container_is_regular(const struct vf_container *);

/* `file: the block at byte N: cause`, returns -1: about the block that next gave, or any. For what the caller finds inside it. */
int vf_container_block_error(struct vf_error *, const char *file, uint64_t offset, const char *cause);
int vf_container_fail(const struct vf_container *, const struct vf_container_block *, struct vf_error *, const char *cause);

/* What the file was when it was opened. Zero for what is no regular file. */
const struct vf_stamp *vf_container_stamp(const struct vf_container *);
uint64_t vf_container_offset(const struct vf_container *);	/* bytes read so far, header included */
uint64_t vf_container_size(const struct vf_container *);	/* of all bytes of a regular file; 0 where that is not known */
/* After next returned 0: BLAKE2b-256 of all bytes. */
void vf_container_digest(struct vf_container *, char hex[VF_DIGEST_HEX + 1]);

/* A writer into a file of the caller's, who commits or frees that himself. */
struct vf_container_writer;

struct vf_container_writer_options {
	struct vf_slice schema;
	enum vf_codec codec;
	int level;			/* 0: VF_DEFLATE_LEVEL */
	unsigned threads;		/* that compress (avro/mill.h) */
	bool digest;			/* vf_container_writer_digest() will be called */
	const unsigned char *sync;	/* VF_CONTAINER_SYNC bytes; NULL: random ones, as it should be */
	const struct vf_slice (*meta)[2];	/* further entries, key and value */
	size_t nmeta;
};

/* The header goes out (into the file's buffer) at once. The options are not needed afterwards. */
struct vf_container_writer *vf_container_create(struct vf_file *, const struct vf_container_writer_options *,
	struct vf_error *);
/* A block of count records, plain. Without records: nothing happens, an empty block would end the file for some readers. */
int vf_container_put(struct vf_container_writer *, uint64_t count, struct vf_slice data, struct vf_error *);
/* A block whose bytes are stored already, under the writer's codec. */
int vf_container_copy(struct vf_container_writer *, uint64_t count, struct vf_slice raw, struct vf_error *);
/* Everything is with the file, the figures are final. */
int vf_container_finish(struct vf_container_writer *, struct vf_error *);
void vf_container_writer_free(struct vf_container_writer *);	/* NULL is accepted */

/* What is written so far; blocks that workers still have are not in it. */
uint64_t vf_container_writer_bytes(const struct vf_container_writer *);
uint64_t vf_container_writer_records(const struct vf_container_writer *);
uint64_t vf_container_writer_blocks(const struct vf_container_writer *);
/* After finish: BLAKE2b-256 of all bytes. */
void vf_container_writer_digest(struct vf_container_writer *, char hex[VF_DIGEST_HEX + 1]);

/* How many bytes a block takes in a file, and the header of one with these options: sizes known before writing. */
uint64_t vf_container_block_size(uint64_t count, size_t raw);
uint64_t vf_container_header_size(const struct vf_container_writer_options *);

#endif
