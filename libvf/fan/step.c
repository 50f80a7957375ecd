#include "fan/step.h"

#define NAME_LONGEST 64

bool
vf_step_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n <= NAME_LONGEST && name[n] == '\0';
}

bool
vf_step_from_parse(const char *list, unsigned *from)
{
	enum vf_wave_state state;

	*from = 0;
	for (;; list++) {
		size_t n = strcspn(list, ",");

		if (!vf_wave_state_parse(vf_slice(list, n), &state))
			return false;
		*from |= 1u << state;
		list += n;
		if (*list == '\0')
			return true;
	}
}

enum vf_step_admission
vf_step_admit(const struct vf_status *s, const struct vf_step *step, unsigned from, enum vf_wave_state then)
{
	bool here = from == 0 ? s->state != VF_WAVE_HELD && s->state != VF_WAVE_FAILED : (from >> s->state & 1) != 0;

	if (then != VF_WAVE_NONE && s->state == then)
		return VF_STEP_NEED_NOT_RUN;
	if (step->state == VF_STEP_EXHAUSTED)
		return VF_STEP_MUST_BE_RESET;
	return here ? VF_STEP_MAY_RUN : VF_STEP_NOT_FROM_HERE;
}

bool
vf_step_enter(const struct vf_status *s, struct vf_step *step, uint64_t max, enum vf_wave_state then)
{
	if (step->state == VF_STEP_DONE)
		step->attempt = 0;
	step->max = max;
	step->from = then != VF_WAVE_NONE ? s->state : VF_WAVE_NONE;
	return step->attempt < max;
}

void
vf_step_begin(struct vf_step *step, int64_t now)
{
	step->attempt++;
	step->state = VF_STEP_RUNNING;
	step->started = now;
}

void
vf_step_take_back(struct vf_step *step, const struct vf_step *before)
{
	step->attempt = before->attempt;
	step->state = before->state;
	step->process.pid = 0;
}

int
vf_step_end(struct vf_status *s, struct vf_step *step, const struct vf_try *t, struct vf_error *err)
{
	if (vf_step_remember(step, t, err) < 0)
		return -1;
	step->process.pid = 0;
	step->state = t->exit == 0 ? VF_STEP_DONE : step->attempt < step->max ? VF_STEP_FAILED : VF_STEP_EXHAUSTED;
	if (step->state == VF_STEP_EXHAUSTED && step->from != VF_WAVE_NONE)
		s->state = VF_WAVE_FAILED;
	return 0;
}

bool
vf_step_try_again(const struct vf_step *step, const struct vf_try *t)
{
	/* The exit statuses are the tools' own for what failed and what is temporary (DESIGN 3). */
	return step->state == VF_STEP_FAILED && (t->signal != 0 || t->exit == 1 || t->exit == 75);
}

void
vf_step_reset(struct vf_status *s, struct vf_step *step)
{
	if (step->state == VF_STEP_EXHAUSTED && s->state == VF_WAVE_FAILED && step->from != VF_WAVE_NONE)
		s->state = step->from;
	if (step->state == VF_STEP_EXHAUSTED)
		step->state = VF_STEP_FAILED;
	step->attempt = 0;
}
