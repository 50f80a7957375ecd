/* vf-attempt -- run a command, try it again when that may help, and keep a wave's status. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "child.h"
#include "fan/status.h"
#include "frame.h"

#define RETRIES_MAX 1000
#define WAIT_MAX ((uint64_t)366 * 86400 * 1000)

struct options {
	const char *status, *step, *from, *then, *set;
	uint64_t retries, wait;
	bool show, reset;
};

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
static const struct options defaults = { .retries = 2, .wait = 60000 };

struct attempt {
	struct vf_run *run;
	const struct options *opt;
	struct vf_status *status;
	struct vf_step *step;
	enum vf_wave_state then;	/* or VF_WAVE_NONE */
	int lock;
};

static int
usage(struct vf_run *run, const char *text)
{
	return vf_error(&run->err, VF_ERR_CONFIG, "%s; see vf-attempt --help", text);
}

static int
check_state(struct vf_run *run, const char *option, struct vf_slice word, enum vf_wave_state *state)
{
	if (vf_wave_state_parse(word, state))
		return 0;
	return vf_error(&run->err, VF_ERR_CONFIG, "--%s: not one of planned, prepared, triggered, sending, partial, "
		"sent, held, failed", option);
}

/* Goes through --from's states: an error when one is none; *found when `now` is among them. */
static int
check_from(struct vf_run *run, const char *list, enum vf_wave_state now, bool *found)
{
	enum vf_wave_state state;

	*found = false;
	for (;; list++) {
		size_t n = strcspn(list, ",");

		if (check_state(run, "from", vf_slice(list, n), &state) < 0)
			return -1;
		*found |= state == now;
		list += n;
		if (*list == '\0')
			return 0;
	}
}

static bool
step_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n <= 64 && name[n] == '\0';
}

static int
check(struct vf_run *run, void *arg, struct vf_in_options *in)
{
	const struct options *opt = arg;
	int jobs = (run->noperands > 0) + (opt->set != NULL) + opt->reset + opt->show;
	enum vf_wave_state state;
	bool found;

	(void)in;
	if (opt->status == NULL)
		return usage(run, "--status FILE is needed");
	if (jobs != 1)
		return usage(run, "give a command, or one of --set, --reset, --show");
	if (run->noperands > 0 && opt->step == NULL)
		return usage(run, "--step NAME is needed");
	if (opt->step != NULL && !step_name_ok(opt->step))
		return usage(run, "--step: at most 64 letters, digits, dots, - and _");
	if (opt->retries > RETRIES_MAX)
		return usage(run, "--retries: at most 1000");
	if (opt->wait > WAIT_MAX)
		return usage(run, "--wait: at most a year");
	if (run->wave != NULL && run->campaign != NULL && run->campaign->nwaves > 0 &&
		vf_campaign_wave(run->campaign, run->wave) == NULL)
		return usage(run, "--wave: the campaign has no such wave");
	if (opt->from != NULL && check_from(run, opt->from, VF_WAVE_NONE, &found) < 0)
		return -1;
	if (opt->then != NULL && check_state(run, "then", vf_slice_str(opt->then), &state) < 0)
		return -1;
	return opt->set != NULL ? check_state(run, "set", vf_slice_str(opt->set), &state) : 0;
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

static int
save(struct attempt *a)
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
		if (save(a) < 0)
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

/* Puts the try into the status while the child waits at the gate. */
static int
begin(struct attempt *a, pid_t pid)
{
	struct vf_step *s = a->step;

	s->state = VF_STEP_RUNNING;
	s->started = vf_date_now();
	vf_process_identify(&s->process, pid);
	return save(a);
}

/* Runs the command once, the status told before and after. */
static int
run_once(struct attempt *a, int *wstatus, int *caught)
{
	struct vf_error *err = &a->run->err;
	struct vf_child child;
	int rc;

	*caught = 0;
	if (vf_child_fork(&child, a->run->operands, a->lock, err) < 0)
		return -1;
	if ((rc = begin(a, child.pid)) < 0)
		vf_child_cancel(&child);
	else
		rc = vf_child_run(&child, wstatus, err);
	*caught = child.caught;
	return rc;
}

/* The command could not be started: the step is as it was before. */
static int
take_back(struct attempt *a, enum vf_step_state before)
{
	struct vf_error cause = a->run->err;

	a->step->attempt--;
	a->step->state = before;
	a->step->process.pid = 0;
	if (save(a) == 0)
		a->run->err = cause;
	return -1;
}

/* One try: 0 and the command's exit status (1 for a signal) in *exit, whether another may help in *again; -1. */
static int
try_once(struct attempt *a, int *status, bool *again)
{
	struct vf_step *s = a->step;
	enum vf_step_state before = s->state;
	struct vf_try t = { 0 };
	int wstatus = 0, caught;
	char how[40];

	s->attempt++;
	if (run_once(a, &wstatus, &caught) < 0)
		return take_back(a, before);
	t = (struct vf_try){ .attempt = s->attempt, .started = s->started, .ended = vf_date_now() };
	t.signal = WIFSIGNALED(wstatus) ? WTERMSIG(wstatus) : 0;
	t.exit = t.signal != 0 ? 128 + t.signal : WEXITSTATUS(wstatus);
	t.cause = caught != 0 && t.exit != 0 ? "interrupted" : NULL;
	if (vf_step_end(a->status, s, &t, &a->run->err) < 0)
		return -1;
	if (t.exit == 0 && a->then != VF_WAVE_NONE)
		a->status->state = a->then;
	if (save(a) < 0)
		return -1;
	*status = t.signal != 0 ? 1 : t.exit;
	*again = s->state == VF_STEP_FAILED && (t.signal != 0 || t.exit == 1 || t.exit == 75);
	if (t.exit == 0)
		return 0;
	snprintf(how, sizeof(how), t.signal != 0 ? "signal %d" : "exit %d", t.signal != 0 ? t.signal : t.exit);
	vf_warn(a->run, "step %s: try %" PRIu64 " of %" PRIu64 ": %s%s", s->name, s->attempt, s->max, how,
		s->state == VF_STEP_EXHAUSTED ? ": exhausted" : *again ? "" : ": not to be tried again as it is");
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

static int
tries(struct attempt *a)
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

/* Where the wave is decides whether the command runs at all: 1 it does, 0 it need not, -1. */
static int
admit(struct attempt *a)
{
	const struct vf_status *s = a->status;
	struct vf_run *run = a->run;
	bool found = s->state != VF_WAVE_HELD && s->state != VF_WAVE_FAILED;

	if (a->then != VF_WAVE_NONE && s->state == a->then) {
		vf_note(run, "step %s: the wave is %s already", a->opt->step, vf_wave_state_name(s->state));
		return 0;
	}
	if (a->step->state == VF_STEP_EXHAUSTED)
		return vf_error(&run->err, VF_ERR_FAILED, "step %s: exhausted after %" PRIu64 " tries; "
			"look into it, then --reset", a->step->name, a->step->attempt);
	if (a->opt->from != NULL && check_from(run, a->opt->from, s->state, &found) < 0)
		return -1;
	if (!found)
		return vf_error(&run->err, VF_ERR_CONFIG, "step %s: the wave is %s%s%s", a->opt->step,
			vf_wave_state_name(s->state), a->opt->from != NULL ? ", not " : "",
			a->opt->from != NULL ? a->opt->from : "");
	return 1;
}

/* A new round of tries, or the one that an earlier process left. */
static int
attempt(struct attempt *a)
{
	int rc;

	a->then = VF_WAVE_NONE;
	if (a->opt->then != NULL && check_state(a->run, "then", vf_slice_str(a->opt->then), &a->then) < 0)
		return -1;
	a->step = vf_status_step(a->status, a->opt->step, &a->run->err);
	if (a->step == NULL || (rc = admit(a)) < 0)
		return -1;
	if (rc == 0)
		return 0;
	if (a->step->state == VF_STEP_DONE)
		a->step->attempt = 0;
	a->step->max = a->opt->retries + 1;
	a->step->from = a->then != VF_WAVE_NONE ? a->status->state : VF_WAVE_NONE;
	if (a->step->attempt >= a->step->max)
		return vf_error(&a->run->err, VF_ERR_FAILED, "step %s: %" PRIu64 " of %" PRIu64 " tries are used up; "
			"look into it, then --reset", a->step->name, a->step->attempt, a->step->max);
	rc = tries(a);
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
	return save(a);
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
		if (check_state(a->run, "set", vf_slice_str(a->opt->set), &a->status->state) < 0)
			return -1;
		return save(a);
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
