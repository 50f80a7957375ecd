/*
 * tools/child.h -- a command as our child: made, held at a gate until its start
 * is on record, let go, and waited for.  Signals that would end us meanwhile are
 * passed on to it and come to our own handler once it has ended.
 */
#ifndef VF_TOOLS_CHILD_H
#define VF_TOOLS_CHILD_H

#include <signal.h>
#include <sys/types.h>

#include "base/error.h"
#include "fan/status.h"

/* Names a process so that no other, on whatever machine or after a boot, is taken for it. */
void vf_process_identify(struct vf_process *, pid_t);

/*
 * True when the process that a status names runs on this machine.  Of another
 * machine, or an earlier boot, nothing can be seen: there whoever asks has to
 * hold a lock that the process would have.
 */
bool vf_process_alive(const struct vf_process *);

struct vf_child {
	const char *command;
	pid_t pid;
	int gate;
	int caught;			/* the last signal that was passed on, or 0 */
	sigset_t watched, before;
};

/*
 * Forks a child that waits at the gate.  The command will inherit lock, a file
 * descriptor: should we be killed, nobody else gets that lock before it ends.
 * After 0 either of the next two has to follow.
 */
int vf_child_fork(struct vf_child *, char *const *command, int lock, struct vf_error *);
void vf_child_cancel(struct vf_child *);		/* it goes without having been the command */
/* Lets it become the command, and waits: 0 and its wait status; -1 when it could not become that. */
int vf_child_run(struct vf_child *, int *wstatus, struct vf_error *);

#endif
