/*
 * fan/step.h -- how the steps of a wave are tried (DESIGN 4, vf-attempt): when
 * a step may run, and what each try does to it and to its wave.
 *
 * Rules over a status; no I/O, no clock.  The caller runs the command, says
 * when, and saves the status before and after.
 */
#ifndef VF_FAN_STEP_H
#define VF_FAN_STEP_H

#include "fan/status.h"

/* 1 to 64 letters, digits, dots, - and _. */
bool vf_step_name_ok(const char *);

/* `STATE[,...]` as a set, bit 1 << state for each; false when one is no state. */
bool vf_step_from_parse(const char *list, unsigned *from);

enum vf_step_admission {
	VF_STEP_MAY_RUN,
	VF_STEP_NEED_NOT_RUN,		/* the wave is where the step would move it */
	VF_STEP_MUST_BE_RESET,		/* it is exhausted */
	VF_STEP_NOT_FROM_HERE,		/* the wave is in no state that it starts from */
};

/* from: the states of vf_step_from_parse(); 0: all but held and failed. then: where it moves the wave, or VF_WAVE_NONE. */
enum vf_step_admission vf_step_admit(const struct vf_status *, const struct vf_step *, unsigned from,
	enum vf_wave_state then);

/*
 * A new round of at most max tries, or the one that an earlier process left.
 * False when all of them are used up.
 */
bool vf_step_enter(const struct vf_status *, struct vf_step *, uint64_t max, enum vf_wave_state then);

/* A try begins: it counts from here. Who runs it is the caller's to name in step->process. */
void vf_step_begin(struct vf_step *, int64_t now);
/* The try could not begin after all: state and count are those of `before`, a copy of the step. */
void vf_step_take_back(struct vf_step *, const struct vf_step *before);

/*
 * Ends the try that runs: adds it to the history; exit 0 makes the step done,
 * else it has failed, and when no try is left it is exhausted and a wave that
 * it moves is failed.  0 or -1.
 */
int vf_step_end(struct vf_status *, struct vf_step *, const struct vf_try *, struct vf_error *);

/* After vf_step_end(): a try is left, and how this one ended may be another way the next time (a signal, exit 1 or 75). */
bool vf_step_try_again(const struct vf_step *, const struct vf_try *);

/* Gives a step all its tries again; a wave that it made fail goes back to where it was. */
void vf_step_reset(struct vf_status *, struct vf_step *);

#endif
