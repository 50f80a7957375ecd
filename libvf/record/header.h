/* record/header.h -- the column names of a stream, canonical names put in by --column CANON=ACTUAL. */
#ifndef VF_RECORD_HEADER_H
#define VF_RECORD_HEADER_H

#include "base/error.h"
#include "base/slice.h"

struct vf_header {
	int n;
	struct vf_slice *names;		/* unquoted, NUL-ended all the same */
	const char *file;		/* of the first operand, for messages */
};

/* Index of a column, or -1. */
int vf_header_find(const struct vf_header *, const char *canon);
/* The same; absent is an error (VF_ERR_CONFIG) that names the file and the column. */
int vf_header_need(const struct vf_header *, const char *canon, struct vf_error *);

#endif
