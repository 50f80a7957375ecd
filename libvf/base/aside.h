/*
 * base/aside.h -- one thing that may take long (fdatasync), done in a thread
 * while the caller goes on; one at a time.
 */
#ifndef VF_BASE_ASIDE_H
#define VF_BASE_ASIDE_H

#include <stdbool.h>

#include "base/error.h"

struct vf_aside;

/*
 * job is what is done, and gets arg; over, when not NULL, is called after each
 * job where that ran, with over_arg, for example to wake who waits.  The thread
 * starts with the first job and takes no signals.  NULL out of memory.
 */
struct vf_aside *vf_aside_new(int (*job)(void *arg, struct vf_error *), void *arg, void (*over)(void *over_arg),
	void *over_arg, struct vf_error *);
void vf_aside_free(struct vf_aside *);		/* waits for a job that runs; NULL is accepted */

/* Does the job once; none may run. Where no thread can be had it is done when this returns. */
void vf_aside_start(struct vf_aside *);
/* Until no job runs: then what it works on may go (what `over` is given, after vf_aside_free()). */
void vf_aside_wait(struct vf_aside *);
/* True, once for each start: the job has ended; *rc is what it returned, *err what it said. */
bool vf_aside_ended(struct vf_aside *, int *rc, struct vf_error *);

#endif
