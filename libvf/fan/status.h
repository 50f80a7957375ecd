/*
 * fan/status.h -- the status file of a wave (DESIGN 4, vf-attempt): the state
 * of the wave, and of each step how often it was tried and how that ended.
 * By what rules steps are tried is in fan/step.
 *
 * A status owns its texts.  Keys of others at the top level are kept.
 */
#ifndef VF_FAN_STATUS_H
#define VF_FAN_STATUS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum vf_wave_state {
	VF_WAVE_PLANNED,
	VF_WAVE_PREPARED,
	VF_WAVE_TRIGGERED,
	VF_WAVE_SENDING,
	VF_WAVE_PARTIAL,
	VF_WAVE_SENT,
	VF_WAVE_HELD,
	VF_WAVE_FAILED,
	VF_WAVE_NONE,			/* no state: not in a file */
};

enum vf_step_state { VF_STEP_NEW, VF_STEP_RUNNING, VF_STEP_DONE, VF_STEP_FAILED, VF_STEP_EXHAUSTED };

/* Who runs a step: enough to tell a process from a later one of the same number. */
struct vf_process {
	uint64_t pid;			/* 0: nobody */
	uint64_t ticks;			/* its start, in clock ticks since boot */
	char boot[40];			/* id of the boot */
	char host[72];
};

struct vf_try {
	uint64_t attempt;
	int64_t started, ended;		/* seconds since 1970 */
	int exit;			/* -1: nobody saw the end */
	int signal;			/* that ended it, or 0 */
	const char *cause;		/* static: `interrupted`, `lost`; or NULL */
};

#define VF_STATUS_HISTORY 100		/* tries kept, the latest */

struct vf_step {
	char *name;
	enum vf_step_state state;
	uint64_t attempt, max;		/* tries since the last success or reset, and how many there may be */
	enum vf_wave_state from;	/* the wave's state before a step that moves it; else VF_WAVE_NONE */
	int64_t started;
	struct vf_process process;	/* of a running step */
	struct vf_try *history;
	size_t nhistory;
};

struct vf_status {
	char *campaign, *wave;		/* or NULL */
	enum vf_wave_state state;
	struct vf_step *steps;
	size_t nsteps;
	int64_t updated;
	struct vf_buf others;		/* lines `"key":value,` ready to be written */
};

const char *vf_wave_state_name(enum vf_wave_state);
bool vf_wave_state_parse(struct vf_slice, enum vf_wave_state *);

/* A file that is not there is a wave that is planned. What is no status is VF_ERR_CONFIG. */
struct vf_status *vf_status_load(const char *path, struct vf_error *);
void vf_status_free(struct vf_status *);

/* The step of this name, or NULL; and the same made when it is not there (NULL out of memory). */
struct vf_step *vf_status_find(const struct vf_status *, const char *name);
struct vf_step *vf_status_step(struct vf_status *, const char *name, struct vf_error *);

/* Adds a try to the step's history, which drops its oldest for one too many. */
int vf_step_remember(struct vf_step *, const struct vf_try *, struct vf_error *);

/* The file's text; and the file replaced, whole or not at all. */
int vf_status_add(struct vf_buf *, const struct vf_status *);
int vf_status_save(struct vf_status *, const char *path, struct vf_error *);

#endif
