/* vf-attempt -- run a command, try it again when that may help, and keep a wave's status. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attempt.h"
#include "base/date.h"
#include "child.h"

#define RETRIES_MAX 1000
#define WAIT_MAX ((uint64_t)366 * 86400 * 1000)

#define AT(member) offsetof(struct options, member)
static const struct vf_option options[] = {
	{ "status", 0, VF_PATH, AT(status), "FILE", "the wave's status file" },
	{ "step", 0, VF_TEXT, AT(step), "NAME", "the step that the command is" },
	{ "from", 0, VF_TEXT, AT(from), "STATE[,...]", "run only when the wave is in this state" },
	{ "then", 0, VF_TEXT, AT(then), "STATE", "the wave's state once the command succeeded" },
	{ "retries", 0, VF_U64, AT(retries), "N", "tries after the first (2)" },
	{ "wait", 0, VF_DURATION, AT(wait), "TIME", "pause between tries (60)" },
	{ "set", 0, VF_TEXT, AT(set), "STATE", "set the wave's state" },
	{ "reset", 0, VF_FLAG, AT(reset), NULL, "give the steps (or --step) all tries again" },
	{ "show", 0, VF_FLAG, AT(show), NULL, "print the status" },
	{ 0 },
};
#undef AT
static const struct options defaults = { .retries = 2, .wait = 60000, .then_state = VF_WAVE_NONE };

static int
usage(struct vf_run *run, const char *text)
{
	return vf_error(&run->err, VF_ERR_CONFIG, "%s; see vf-attempt --help", text);
}

static int
no_state(struct vf_run *run, const char *option)
{
	return vf_error(&run->err, VF_ERR_CONFIG, "--%s: not one of planned, prepared, triggered, sending, partial, "
		"sent, held, failed", option);
}

/* The states that words of options name. */
static int
parse_states(struct vf_run *run, struct options *opt)
{
	if (opt->from != NULL && !vf_step_from_parse(opt->from, &opt->from_states))
		return no_state(run, "from");
	if (opt->then != NULL && !vf_wave_state_parse(vf_slice_str(opt->then), &opt->then_state))
		return no_state(run, "then");
	if (opt->set != NULL && !vf_wave_state_parse(vf_slice_str(opt->set), &opt->set_state))
		return no_state(run, "set");
	return 0;
}

static int
check(struct vf_run *run, void *arg, struct vf_in_options *in)
{
	struct options *opt = arg;
	int jobs = (run->noperands > 0) + (opt->set != NULL) + opt->reset + opt->show;

	(void)in;
	if (opt->status == NULL)
		return usage(run, "--status FILE is needed");
	if (jobs != 1)
		return usage(run, "give a command, or one of --set, --reset, --show");
	if (run->noperands > 0 && opt->step == NULL)
		return usage(run, "--step NAME is needed");
	if (opt->step != NULL && !vf_step_name_ok(opt->step))
		return usage(run, "--step: at most 64 letters, digits, dots, - and _");
	if (opt->retries > RETRIES_MAX)
		return usage(run, "--retries: at most 1000");
	if (opt->wait > WAIT_MAX)
		return usage(run, "--wait: at most a year");
	if (run->wave != NULL && run->campaign != NULL && run->campaign->nwaves > 0 &&
		vf_campaign_wave(run->campaign, run->wave) == NULL)
		return usage(run, "--wave: the campaign has no such wave");
	return parse_states(run, opt);
}

/* The lock is a file of its own: the status file is another one after each change. */
static int
take_lock(struct attempt *a)
{
	struct vf_error *err = &a->run->err;
	char *path;
	int rc;

	if (asprintf(&path, "%s.lock", a->opt->status) < 0)
		return vf_error_nomem(err);
	a->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	rc = a->lock < 0 ? vf_error_errno(err, path) : vf_file_lock(a->lock, path, 0, err);
	if (rc < 0 && err->kind == VF_ERR_TEMPORARY)
		vf_error(err, VF_ERR_TEMPORARY, "%s: another vf-attempt, or the command it ran, is at work",
			a->opt->status);
	free(path);
	return rc;
}

int
attempt_save(struct attempt *a)
{
	return vf_status_save(a->status, a->opt->status, &a->run->err);
}

/* A step that is said to run while its process is gone has failed: nobody saw how. */
static int
settle(struct attempt *a)
{
	for (size_t i = 0; i < a->status->nsteps; i++) {
		struct vf_step *s = &a->status->steps[i];
		struct vf_try t = { s->attempt, s->started, vf_date_now(), -1, 0, "lost" };

		if (s->state != VF_STEP_RUNNING)
			continue;
		if (vf_process_alive(&s->process))
			return vf_error(&a->run->err, VF_ERR_TEMPORARY, "%s: step %s is running as process %" PRIu64,
				a->opt->status, s->name, s->process.pid);
		if (vf_step_end(a->status, s, &t, &a->run->err) < 0)
			return -1;
		vf_warn(a->run, "step %s: try %" PRIu64 " of %" PRIu64 " was lost: its process is gone", s->name,
			s->attempt, s->max);
		if (attempt_save(a) < 0)
			return -1;
	}
	return 0;
}

/* The status is about one campaign and one wave. */
static int
bind_id(struct attempt *a, char **have, const char *want, const char *what)
{
	if (want == NULL)
		return 0;
	if (*have == NULL) {
		*have = strdup(want);
		return *have == NULL ? vf_error_nomem(&a->run->err) : 0;
	}
	if (strcmp(*have, want) != 0)
		return vf_error(&a->run->err, VF_ERR_CONFIG, "%s: the status of another %s", a->opt->status, what);
	return 0;
}

static int
load_status(struct attempt *a)
{
	const struct vf_run *run = a->run;

	a->status = vf_status_load(a->opt->status, &a->run->err);
	if (a->status == NULL ||
		bind_id(a, &a->status->campaign, run->campaign != NULL ? run->campaign->id : NULL, "campaign") < 0 ||
		bind_id(a, &a->status->wave, run->wave, "wave") < 0)
		return -1;
	vf_stat_ids(a->run, a->status->campaign, a->status->wave);
	return 0;
}

/* Where the wave is decides whether the command runs at all: 1 it does, 0 it need not, -1. */
static int
admit(struct attempt *a)
{
	const struct options *opt = a->opt;
	const char *state = vf_wave_state_name(a->status->state);
	struct vf_run *run = a->run;

	switch (vf_step_admit(a->status, a->step, opt->from_states, opt->then_state)) {
	case VF_STEP_NEED_NOT_RUN:
		vf_note(run, "step %s: the wave is %s already", opt->step, state);
		return 0;
	case VF_STEP_MUST_BE_RESET:
		return vf_error(&run->err, VF_ERR_FAILED, "step %s: exhausted after %" PRIu64 " tries; "
			"look into it, then --reset", opt->step, a->step->attempt);
	case VF_STEP_NOT_FROM_HERE:
		return vf_error(&run->err, VF_ERR_CONFIG, "step %s: the wave is %s%s%s", opt->step, state,
			opt->from != NULL ? ", not " : "", opt->from != NULL ? opt->from : "");
	case VF_STEP_MAY_RUN:
		break;
	}
	return 1;
}

static int
attempt(struct attempt *a)
{
	int rc;

	a->step = vf_status_step(a->status, a->opt->step, &a->run->err);
	if (a->step == NULL || (rc = admit(a)) < 0)
		return -1;
	if (rc == 0)
		return 0;
	if (!vf_step_enter(a->status, a->step, a->opt->retries + 1, a->opt->then_state))
		return vf_error(&a->run->err, VF_ERR_FAILED, "step %s: %" PRIu64 " of %" PRIu64 " tries are used up; "
			"look into it, then --reset", a->step->name, a->step->attempt, a->step->max);
	rc = attempt_tries(a);
	vf_stat_str(a->run, "step", a->step->name);
	vf_stat_u64(a->run, "attempt", a->step->attempt);
	vf_stat_str(a->run, "state", vf_wave_state_name(a->status->state));
	return rc;
}

static int
reset(struct attempt *a)
{
	struct vf_status *s = a->status;

	if (a->opt->step != NULL && vf_status_find(s, a->opt->step) == NULL)
		vf_note(a->run, "step %s: not tried yet", a->opt->step);
	for (size_t i = 0; i < s->nsteps; i++)
		if (a->opt->step == NULL || strcmp(s->steps[i].name, a->opt->step) == 0)
			vf_step_reset(s, &s->steps[i]);
	return attempt_save(a);
}

static int
show(struct attempt *a)
{
	struct vf_error *err = &a->run->err;
	struct vf_buf text = { 0 };
	struct vf_file *out;
	int rc = -1;

	if (access(a->opt->status, F_OK) < 0)
		return vf_error_errno(err, a->opt->status);
	if (load_status(a) < 0)
		return -1;
	out = vf_output_file(a->run, NULL, 0);
	if (out != NULL)
		rc = vf_status_add(&text, a->status) < 0 ? vf_error_nomem(err) : vf_file_write(out, text.p, text.n, err);
	vf_buf_free(&text);
	return rc;
}

static int
work(struct attempt *a)
{
	if (a->opt->show)
		return show(a);
	if (take_lock(a) < 0 || load_status(a) < 0 || settle(a) < 0)
		return -1;
	if (a->opt->set != NULL) {
		a->status->state = a->opt->set_state;
		return attempt_save(a);
	}
	return a->opt->reset ? reset(a) : attempt(a);
}

static int
run_attempt(struct vf_run *run)
{
	struct attempt a = { .run = run, .opt = run->options, .lock = -1 };
	int rc = work(&a);

	vf_status_free(a.status);
	if (a.lock >= 0)
		close(a.lock);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-attempt",
	.purpose = "Run a command, try it again when that may help, and keep a wave's status.",
	.operands = "--status FILE (--step NAME -- COMMAND [ARG ...] | --set STATE | --reset | --show)",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_OPERANDS | VF_WANT_COMMAND | VF_WANT_WAVE,
	.check = check,
	.run = run_attempt,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
