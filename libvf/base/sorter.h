/*
 * base/sorter.h -- more records than memory, in the byte order of their keys.
 *
 * Records are collected up to a budget, sorted and written as a run to an
 * unlinked temporary file; runs are merged, 64 at a time.  Memory: the budget
 * while records are added; while they are read 64 x 64 KiB, or 64 x the
 * longest record.  Disk: the records and 8 bytes each, twice that when there
 * are more than 64 runs.  What fits the budget never touches the disk.
 */
#ifndef VF_BASE_SORTER_H
#define VF_BASE_SORTER_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

struct vf_sorter;

/* dir: for the temporary files, NULL: /tmp; borrowed until vf_sorter_free(). */
struct vf_sorter *vf_sorter_new(size_t budget, const char *dir, struct vf_error *);
void vf_sorter_free(struct vf_sorter *);

/* Key and value are copied; together under 4 GiB. Equal keys come out in no set order. */
int vf_sorter_add(struct vf_sorter *, struct vf_slice key, struct vf_slice value, struct vf_error *);
/* After the last record, before the first is read. */
int vf_sorter_finish(struct vf_sorter *, struct vf_error *);
/* The next record: 1, 0 at the end, -1. The slices live until the next call. */
int vf_sorter_next(struct vf_sorter *, struct vf_slice *key, struct vf_slice *value, struct vf_error *);

#endif
