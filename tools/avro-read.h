/* tools/avro-read.h -- the ways of vf-avro that read Avro files: to CSV, checked, their schema shown. */
#ifndef VF_TOOLS_AVRO_READ_H
#define VF_TOOLS_AVRO_READ_H

#include "frame.h"

/* All: run->operands (none: standard input), 0 or -1 with the error. */
int avro_decode(struct vf_run *, int reason);	/* reason: of records that a line of CSV cannot say */
int avro_check(struct vf_run *);
int avro_print_schema(struct vf_run *);

#endif
