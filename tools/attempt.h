/* tools/attempt.h -- what the parts of vf-attempt know about each other; no other tool includes it. */
#ifndef VF_TOOLS_ATTEMPT_H
#define VF_TOOLS_ATTEMPT_H

#include "fan/step.h"
#include "frame.h"

struct options {
	const char *status, *step, *from, *then, *set;
	uint64_t retries, wait;
	bool show, reset;
	/* What from, then and set say; by check(). */
	unsigned from_states;
	enum vf_wave_state then_state, set_state;
};

struct attempt {
	struct vf_run *run;
	const struct options *opt;
	struct vf_status *status;
	struct vf_step *step;
	int lock;			/* an open file, which the command inherits */
};

/* vf-attempt.c: the status file, as it is now. */
int attempt_save(struct attempt *);

/*
 * attempt-tries.c: runs the command, again and after a pause when that may
 * help, until it succeeds or no try is left.  The status file tells each try
 * before it starts and when it has ended.  0, and the command's status in
 * run->exit_status; -1 when a command or the file failed, or a signal came.
 */
int attempt_tries(struct attempt *);

#endif
