/*
 * base/buf.h -- owned bytes that grow, with a cap.
 *
 * A buffer is a value: zero it or vf_buf_init() it, vf_buf_free() it at the
 * end.  vf_buf_clear() empties it and keeps the memory, so a steady loop does
 * not allocate.  Every call that can grow it returns 0, or -1 when the cap or
 * the memory is exhausted; the contents are then as before the call.  After a
 * failure `failed` stays set until vf_buf_clear(), so a writer of many pieces
 * may check once at the end.
 */
#ifndef VF_BASE_BUF_H
#define VF_BASE_BUF_H

#include <stdint.h>
#include <stdlib.h>

#include "base/slice.h"

struct vf_buf {
	char *p;
	size_t n;		/* bytes in use */
	size_t size;		/* bytes allocated */
	size_t max;		/* cap; 0: VF_BUF_MAX */
	bool failed;
};

#define VF_BUF_MAX ((size_t)1 << 30)

void vf_buf_init(struct vf_buf *, size_t max);
void vf_buf_free(struct vf_buf *);		/* frees the bytes and zeroes the value */

static inline void
vf_buf_clear(struct vf_buf *b)
{
	b->n = 0;
	b->failed = false;
}

/* Room for `more` bytes after those in use. */
int vf_buf_reserve(struct vf_buf *, size_t more);

int vf_buf_add(struct vf_buf *, const void *, size_t);
int vf_buf_add_slice(struct vf_buf *, struct vf_slice);
int vf_buf_add_str(struct vf_buf *, const char *);
int vf_buf_add_char(struct vf_buf *, char);
int vf_buf_add_u64(struct vf_buf *, uint64_t);
int vf_buf_addf(struct vf_buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a NUL that `n` does not count, so that ->p is a C string. */
int vf_buf_terminate(struct vf_buf *);

static inline struct vf_slice
vf_buf_slice(const struct vf_buf *b)
{
	return (struct vf_slice){ b->p, b->n };
}

#endif
