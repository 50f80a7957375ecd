/*
 * record/lines.h -- NDJSON: one JSON object a line, in as batches of rows and
 * out through a counted file, with the limits and the manners of the CSV reader
 * (DESIGN 2): LF and CRLF, a byte order mark, a missing last line end; empty
 * lines are skipped and not counted.
 *
 * A bad line is a row with `reject` set, never an error: too-long, nul-byte,
 * bad-utf8, and bad-json for what is no JSON object by base/json-pick.  A row's
 * bytes, and the members picked from it, live until the next vf_lines_batch()
 * or vf_lines_wait(); it has no fields.  An empty input is a valid empty stream.
 *
 * Memory: a block of 256 KiB that grows to twice the longest line, and the
 * picked members of a batch.
 */
#ifndef VF_RECORD_LINES_H
#define VF_RECORD_LINES_H

#include "base/error.h"
#include "base/file.h"
#include "base/json-pick.h"
#include "record/row.h"

#define VF_LINES_MAX ((uint32_t)1 << 20)	/* bytes of a line without its end, unless the caller wants other */
#define VF_LINES_BATCH 1024			/* rows of a batch, at most */

struct vf_lines;

struct vf_lines_options {
	const char *const *paths;	/* operands; "-" is standard input */
	int npaths;			/* 0: standard input */
	uint32_t max;			/* 0: VF_LINES_MAX; at most 64 MiB */
	const struct vf_slice *members;	/* top-level members to pick from each line, borrowed; NULL: none */
	int nmembers;
};

/* Opens what has to be opened early: a missing operand is an error before anything was read. */
struct vf_lines *vf_lines_open(const struct vf_lines_options *, struct vf_error *);
/* The next rows, all of one file: >0 how many, 0 at the end, -1. */
int vf_lines_batch(struct vf_lines *, const struct vf_row **, struct vf_error *);
/* The members of a good row of the last batch, in the order of options.members. */
const struct vf_json_value *vf_lines_members(const struct vf_lines *, const struct vf_row *);
void vf_lines_free(struct vf_lines *);

/*
 * Waits at most ms for the next batch: 1 when vf_lines_batch() would not wait
 * for input (the end is no wait), 0 not yet, -1.  With 0 ms it asks "would the
 * next read block?": a tool that talks to a service flushes, or looks after
 * what is in flight, whenever it would.  vf_lines_fd() is what to poll
 * meanwhile, beside the tool's own sockets; -1 when nothing is open.
 */
int vf_lines_wait(struct vf_lines *, int ms, struct vf_error *);
int vf_lines_fd(const struct vf_lines *);

uint64_t vf_lines_records(const struct vf_lines *);	/* rows handed out so far, bad ones included */
uint64_t vf_lines_bytes(const struct vf_lines *);	/* bytes read so far */
uint64_t vf_lines_size(const struct vf_lines *);	/* of all operands together, 0 when one has no known size */
int vf_lines_files(const struct vf_lines *);
const char *vf_lines_name(const struct vf_lines *, int file);	/* for messages and rejects */

/* NDJSON out: a file of lines that are counted. */
struct vf_lines_out;

/* path NULL or "-": standard output. flags: VF_FILE_*. */
struct vf_lines_out *vf_lines_create(const char *path, unsigned flags, struct vf_error *);
/* One record: text without a line end, which the caller vouches is one JSON object on one line. */
int vf_lines_put(struct vf_lines_out *, struct vf_slice text, struct vf_error *);
int vf_lines_flush(struct vf_lines_out *, struct vf_error *);
uint64_t vf_lines_written(const struct vf_lines_out *);
int vf_lines_commit(struct vf_lines_out *, struct vf_error *);	/* flush, fsync, rename; stdout: flush, close */
void vf_lines_out_free(struct vf_lines_out *);			/* not committed: the temporary file goes */

#endif
