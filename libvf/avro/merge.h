/*
 * avro/merge.h -- many containers of one schema become one, or several under a size.
 *
 * Twice to the sources: vf_merge_add() looks at each one's header;
 * vf_merge_survey() sees that all are sound so far and within the limit, for
 * which it hops over the blocks when the files together are not;
 * vf_merge_run() reads them, walks every datum of every block and copies the
 * blocks (or compresses them anew) into temporary files, which vf_merge_commit()
 * names.  A source that is not the same file in the same state all the time is
 * refused.  Memory: a reader's and a writer's buffers, the mill's and its
 * workers', and 200 bytes a source; one source is open at a time.
 */
#ifndef VF_AVRO_MERGE_H
#define VF_AVRO_MERGE_H

#include "avro/container.h"
#include "avro/schema.h"

struct vf_merge;

struct vf_merge_options {
	const char *output;		/* NULL: nothing is written, all else happens */
	const struct vf_schema *schema;	/* that all must have, and the output gets; NULL: the first source's */
	const char *type;		/* short name that the schema's record must have; NULL: any schema */
	bool has_codec;			/* else the first source's */
	enum vf_codec codec;
	unsigned threads;		/* of the mill (avro/mill.h) */
	bool strict;			/* deflate as zlib inflates it (avro/codec.h) */
	uint64_t max_size;		/* of the output, or of each part */
	bool split;			/* OUT.0001.avro and so on, each within max_size */
	bool digests;
	const char *spool_dir;		/* for sources that cannot be read twice */
	/* A source that is refused, with the cause; the others are still looked at. */
	void (*refused)(void *, const struct vf_error *);
	void *ctx;
	bool (*stopping)(void);
};

/* A source or a part of the output, for the manifest. */
struct vf_merge_file {
	const char *path;
	uint64_t size, records, blocks;
	unsigned char digest[VF_DIGEST_LEN];
};

/* The options are borrowed. */
struct vf_merge *vf_merge_new(const struct vf_merge_options *, struct vf_error *);
/* path is copied; "-" is standard input. A refusal is no error (0): vf_merge_survey() tells. */
int vf_merge_add(struct vf_merge *, const char *path, struct vf_error *);
/* After the last source: no source refused, none there twice, and the size, where it is known already, allowed. */
int vf_merge_survey(struct vf_merge *, struct vf_error *);
int vf_merge_run(struct vf_merge *, struct vf_error *);
/* The parts appear under their names, one after the other. */
int vf_merge_commit(struct vf_merge *, struct vf_error *);
void vf_merge_free(struct vf_merge *);		/* what is not committed goes; NULL is accepted */

size_t vf_merge_sources(const struct vf_merge *);
void vf_merge_source(const struct vf_merge *, size_t i, struct vf_merge_file *);
size_t vf_merge_parts(const struct vf_merge *);
void vf_merge_part(const struct vf_merge *, size_t i, struct vf_merge_file *);
size_t vf_merge_refused(const struct vf_merge *);
uint64_t vf_merge_records_in(const struct vf_merge *);	/* of all blocks that were read and are sound */
enum vf_codec vf_merge_codec(const struct vf_merge *);
const struct vf_schema *vf_merge_schema(const struct vf_merge *);	/* NULL before the first source */

#endif
