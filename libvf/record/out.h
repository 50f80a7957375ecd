/*
 * record/out.h -- CSV out: which columns a tool sets is settled once; then each
 * row is its own bytes with the new values put in (DESIGN 2, Writing).
 */
#ifndef VF_RECORD_OUT_H
#define VF_RECORD_OUT_H

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "record/header.h"
#include "record/row.h"

struct vf_out;

struct vf_out_options {
	const char *path;		/* NULL or "-": standard output */
	unsigned flags;			/* VF_FILE_* */
	const struct vf_header *header;	/* of the input, borrowed; NULL for a source */
	const char *const *sets;	/* NULL-ended: replaced where it stands, else appended in this order */
	const char *const *drops;	/* NULL-ended: columns left out; or NULL */
	bool digest;			/* vf_out_digest() will be called */
	bool plain;			/* the caller vouches that none of its values needs quotes */
	size_t block;			/* bytes that are collected before they are written; 0: 256 KiB */
	/* Called each time before bytes leave, for what must be on disk before anybody reads of it; or NULL. */
	int (*before)(void *, struct vf_error *);
	void *arg;			/* for `before` */
};

/* Writes the header line at once (into its buffer). */
struct vf_out *vf_out_open(const struct vf_out_options *, struct vf_error *);

/*
 * One record: v[i] goes into sets[i], quoted where it must be.  A v[i] that
 * points to the row's own raw field costs nothing: without other changes the
 * line is one memcpy.  delimiter is the row's (vf_in_delimiter()): rows of
 * other than comma-separated input are quoted anew.  row NULL for a source.
 * When every set is appended and nothing is dropped, a row of comma-separated
 * input needs no `end` and no `values`: its fields are not looked at.
 */
int vf_out_put(struct vf_out *, const struct vf_row *, char delimiter, const struct vf_slice *v, struct vf_error *);

/*
 * The same for a source whose values come from another format: any text.  From
 * where a value begins VF_OUT_PAD bytes may be read, however short it is.  1:
 * v[*unfit] is not what one line can say, it holds a LF, CR or NUL; no record
 * was put.
 */
#define VF_OUT_PAD 64
int vf_out_put_padded(struct vf_out *, const struct vf_slice *v, size_t *unfit, struct vf_error *);

/* The same bytes into memory (cleared first), without the LF and without counting: what vf_out_put would write. */
int vf_out_render(struct vf_out *, const struct vf_row *, char delimiter, const struct vf_slice *v, struct vf_buf *,
	struct vf_error *);

uint64_t vf_out_records(const struct vf_out *);
int vf_out_flush(struct vf_out *, struct vf_error *);
/* After the last record: BLAKE2b-256 of all bytes written, header included. */
void vf_out_digest(struct vf_out *, char hex[VF_DIGEST_HEX + 1]);
int vf_out_commit(struct vf_out *, struct vf_error *);	/* flush, fsync, rename; stdout: flush, close */
void vf_out_free(struct vf_out *);			/* not committed: the temporary file goes */

#endif
