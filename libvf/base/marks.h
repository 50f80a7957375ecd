/*
 * base/marks.h -- has this number surely not been here?  Sixteen bits of each
 * number, in lines of 64 bytes: one cache miss a number, and 3.2 bytes of memory.
 *
 * For who can do without a number and take another: one that was added is
 * always known again, but of others, until as many as expected are there, about
 * one in 1,000 is refused too: it looks like one that was added, or its line is
 * full.
 */
#ifndef VF_BASE_MARKS_H
#define VF_BASE_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vf_marks;

/* expected: numbers to make room for. Much beyond it every number is refused. NULL out of memory. */
struct vf_marks *vf_marks_new(uint64_t expected, struct vf_error *);
void vf_marks_free(struct vf_marks *);

/*
 * For each of n numbers, in order: fresh[i] = 1 when it was surely not there and
 * was added, else 0.  Numbers must be spread over all 64 bits, by a hash whose
 * key nobody knows, where who chooses them may wish for collisions.
 */
void vf_marks_add(struct vf_marks *, const uint64_t *numbers, size_t n, unsigned char *fresh);

#endif
