/* attempt-tries.c -- a step's tries: the command run, what came of it put into the status, the pause between. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "attempt.h"
#include "base/date.h"
#include "child.h"

/* Runs the command once; its try is on record before the gate opens. caught: the signal that was passed on, or 0. */
static int
run_once(struct attempt *a, int *wstatus, int *caught)
{
	struct vf_error *err = &a->run->err;
	struct vf_child child;
	int rc;

	*caught = 0;
	if (vf_child_fork(&child, a->run->operands, a->lock, err) < 0)
		return -1;
	vf_step_begin(a->step, vf_date_now());
	vf_process_identify(&a->step->process, child.pid);
	if ((rc = attempt_save(a)) < 0)
		vf_child_cancel(&child);
	else
		rc = vf_child_run(&child, wstatus, err);
	*caught = child.caught;
	return rc;
}

/* The command could not be started: the step is as it was before. */
static int
take_back(struct attempt *a, const struct vf_step *before)
{
	struct vf_error cause = a->run->err;

	vf_step_take_back(a->step, before);
	if (attempt_save(a) == 0)
		a->run->err = cause;
	return -1;
}

static void
warn_of(struct attempt *a, const struct vf_try *t, bool again)
{
	const struct vf_step *s = a->step;
	char how[40];

	snprintf(how, sizeof(how), t->signal != 0 ? "signal %d" : "exit %d", t->signal != 0 ? t->signal : t->exit);
	vf_warn(a->run, "step %s: try %" PRIu64 " of %" PRIu64 ": %s%s", s->name, s->attempt, s->max, how,
		s->state == VF_STEP_EXHAUSTED ? ": exhausted" : again ? "" : ": not to be tried again as it is");
}

/* One try: 0, the command's exit status (1 for a signal), and whether another may help; or -1. */
static int
try_once(struct attempt *a, int *status, bool *again)
{
	struct vf_step *s = a->step;
	const struct vf_step before = *s;
	struct vf_try t = { 0 };
	int wstatus = 0, caught;

	if (run_once(a, &wstatus, &caught) < 0)
		return take_back(a, &before);
	t = (struct vf_try){ .attempt = s->attempt, .started = s->started, .ended = vf_date_now() };
	t.signal = WIFSIGNALED(wstatus) ? WTERMSIG(wstatus) : 0;
	t.exit = t.signal != 0 ? 128 + t.signal : WEXITSTATUS(wstatus);
	t.cause = caught != 0 && t.exit != 0 ? "interrupted" : NULL;
	if (vf_step_end(a->status, s, &t, &a->run->err) < 0)
		return -1;
	if (t.exit == 0 && a->opt->then_state != VF_WAVE_NONE)
		a->status->state = a->opt->then_state;
	if (attempt_save(a) < 0)
		return -1;
	*status = t.signal != 0 ? 1 : t.exit;
	*again = vf_step_try_again(s, &t);
	if (t.exit != 0)
		warn_of(a, &t, *again);
	return 0;
}

/* The pause before the next try, which a signal ends. */
static int
pause_for(struct attempt *a)
{
	uint64_t end = vf_clock_ns() + a->opt->wait * 1000000, now;

	while ((now = vf_clock_ns()) < end && !vf_stopping()) {
		uint64_t ns = end - now < 1000000000 ? end - now : 1000000000;
		struct timespec nap = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

		nanosleep(&nap, NULL);
	}
	return vf_stopping() ? vf_stopped(a->run) : 0;
}

int
attempt_tries(struct attempt *a)
{
	bool again = false;
	int status = 0;

	for (;;) {
		if (try_once(a, &status, &again) < 0)
			return -1;
		if (status != 0 && vf_stopping())
			return vf_stopped(a->run);
		if (!again)
			break;
		if (pause_for(a) < 0)
			return -1;
	}
	a->run->exit_status = status;
	return 0;
}
