/* test-step.c -- how the steps of a wave are tried: names, where a step may run, and how its tries count. */
#include <string.h>

#include "fan/step.h"
#include "tap.h"

static struct vf_error err;

static void
test_names(void)
{
	char longest[66];

	memset(longest, 'n', sizeof(longest));
	longest[64] = '\0';
	ok(vf_step_name_ok("a") && vf_step_name_ok("Send-2_b.c") && vf_step_name_ok(longest),
		"letters, digits, dots, - and _ are names, up to 64");
	longest[64] = 'n';
	longest[65] = '\0';
	ok(!vf_step_name_ok("") && !vf_step_name_ok("a b") && !vf_step_name_ok("a/b") && !vf_step_name_ok("\303\251") &&
		!vf_step_name_ok(longest), "nothing, other characters and 65 are none");
}

static void
test_from(void)
{
	static const char *const bad[] = { "", ",", "planned,", ",planned", "planned,,sent", "planned, sent", "Planned",
		"planned;sent", "planned,over" };
	unsigned from = 0;
	bool none = true;

	ok(vf_step_from_parse("held", &from) && from == 1u << VF_WAVE_HELD, "one state");
	ok(vf_step_from_parse("sent,planned,failed,sent", &from) &&
		from == (1u << VF_WAVE_PLANNED | 1u << VF_WAVE_SENT | 1u << VF_WAVE_FAILED), "several, in any order, one twice");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (vf_step_from_parse(bad[i], &from)) {
			none = false;
			note("'%s' is taken", bad[i]);
		}
	ok(none, "a list with a word that is no state is none");
}

/* The states of a wave in which a step may run, as a set; those where it need not are `already`. */
static unsigned
admitted(const struct vf_step *step, unsigned from, enum vf_wave_state then, unsigned *already)
{
	unsigned run = 0;

	*already = 0;
	for (int i = 0; i < VF_WAVE_NONE; i++) {
		struct vf_status s = { .state = (enum vf_wave_state)i };
		enum vf_step_admission a = vf_step_admit(&s, step, from, then);

		run |= (unsigned)(a == VF_STEP_MAY_RUN) << i;
		*already |= (unsigned)(a == VF_STEP_NEED_NOT_RUN) << i;
	}
	return run;
}

static void
test_admission(void)
{
	const unsigned all = (1u << VF_WAVE_NONE) - 1, halted = 1u << VF_WAVE_HELD | 1u << VF_WAVE_FAILED;
	const unsigned planned = 1u << VF_WAVE_PLANNED, sent = 1u << VF_WAVE_SENT;
	struct vf_step step = { .state = VF_STEP_NEW };
	struct vf_status s = { .state = VF_WAVE_HELD };
	unsigned already;

	ok(admitted(&step, 0, VF_WAVE_NONE, &already) == (all & ~halted) && already == 0,
		"a step starts from all states but held and failed");
	ok(admitted(&step, planned | halted, VF_WAVE_NONE, &already) == (planned | halted) && already == 0,
		"or from those it is said to, whatever they are");
	ok(admitted(&step, planned, VF_WAVE_SENT, &already) == planned && already == sent,
		"it need not run where it would move the wave, though it does not start from there");
	step.state = VF_STEP_EXHAUSTED;
	ok(admitted(&step, 0, VF_WAVE_SENT, &already) == 0 && already == sent, "an exhausted one may not run, but need not either");
	ok(vf_step_admit(&s, &step, 0, VF_WAVE_SENT) == VF_STEP_MUST_BE_RESET, "that it has to be reset comes before where the wave is");
	step.state = VF_STEP_FAILED;
	ok(vf_step_admit(&s, &step, 0, VF_WAVE_SENT) == VF_STEP_NOT_FROM_HERE, "a failed one is only held up by the wave");
}

/* Tries a step `tries` times; every try ends in `exit`. */
static void
run_tries(struct vf_status *s, struct vf_step *step, int tries, int exit)
{
	for (int i = 0; i < tries; i++) {
		struct vf_try t = { .ended = 1060, .exit = exit };

		vf_step_begin(step, 1000);
		step->process.pid = 77;
		t.attempt = step->attempt;
		t.started = step->started;
		if (vf_step_end(s, step, &t, &err) < 0)
			ok(false, "a try is taken: %s", err.text);
	}
}

static void
test_tries(struct vf_status *s)
{
	struct vf_step *move = vf_status_step(s, "move", &err), *stay;

	s->state = VF_WAVE_PREPARED;
	ok(vf_step_enter(s, move, 3, VF_WAVE_SENT) && move->max == 3 && move->from == VF_WAVE_PREPARED,
		"a step that moves the wave knows from where");
	s->state = VF_WAVE_SENDING;
	vf_step_begin(move, 1000);
	ok(move->attempt == 1 && move->state == VF_STEP_RUNNING && move->started == 1000, "a try counts when it begins");
	move->attempt = 0;
	run_tries(s, move, 2, 1);
	ok(move->state == VF_STEP_FAILED && s->state == VF_WAVE_SENDING && move->process.pid == 0,
		"two failures of three tries: failed, the wave stays, nobody runs it");
	run_tries(s, move, 1, 75);
	ok(move->state == VF_STEP_EXHAUSTED && s->state == VF_WAVE_FAILED && move->nhistory == 3 &&
		move->history[2].attempt == 3 && move->history[2].started == 1000,
		"the third one exhausts the step and fails the wave it moves");
	vf_step_reset(s, move);
	ok(move->state == VF_STEP_FAILED && move->attempt == 0 && s->state == VF_WAVE_PREPARED && move->nhistory == 3,
		"a reset gives all tries again, the wave is where it was, the history stays");
	run_tries(s, move, 1, 0);
	ok(move->state == VF_STEP_DONE && s->state == VF_WAVE_PREPARED, "exit 0 makes it done; moving the wave is the caller's");
	stay = vf_status_step(s, "stay", &err);
	ok(vf_step_enter(s, stay, 1, VF_WAVE_NONE) && stay->from == VF_WAVE_NONE, "another moves nothing");
	run_tries(s, stay, 1, 2);
	ok(stay->state == VF_STEP_EXHAUSTED && s->state == VF_WAVE_PREPARED, "a step that moves nothing cannot fail the wave");
	s->state = VF_WAVE_FAILED;
	vf_step_reset(s, stay);
	ok(s->state == VF_WAVE_FAILED, "nor does its reset lift a failure that it did not make");
}

static void
test_rounds(struct vf_status *s)
{
	struct vf_step *step = vf_status_step(s, "rounds", &err), before;

	ok(vf_step_enter(s, step, 2, VF_WAVE_NONE), "a new step has its tries");
	run_tries(s, step, 1, 1);
	ok(vf_step_enter(s, step, 2, VF_WAVE_NONE) && step->attempt == 1, "a round that another process left goes on");
	ok(!vf_step_enter(s, step, 1, VF_WAVE_NONE) && step->max == 1, "of a round with fewer tries none is left");
	run_tries(s, step, 1, 0);
	ok(vf_step_enter(s, step, 1, VF_WAVE_NONE) && step->attempt == 0, "a step that is done starts anew");
	before = *step;
	vf_step_begin(step, 2000);
	step->process.pid = 77;
	vf_step_take_back(step, &before);
	ok(step->attempt == 0 && step->state == VF_STEP_DONE && step->process.pid == 0 && step->nhistory == 2,
		"a try that did not begin after all does not count");
}

static void
test_again(void)
{
	struct vf_step failed = { .state = VF_STEP_FAILED }, exhausted = { .state = VF_STEP_EXHAUSTED };
	bool good = true;

	for (int exit = 1; exit < 256; exit++) {
		bool again = vf_step_try_again(&failed, &(struct vf_try){ .exit = exit });

		if (again != (exit == 1 || exit == 75)) {
			good = false;
			note("exit %d: %d", exit, again);
		}
	}
	ok(good, "of exit statuses 1 and 75 may be others the next time");
	ok(vf_step_try_again(&failed, &(struct vf_try){ .exit = 137, .signal = 9 }), "so may what a signal ended");
	ok(!vf_step_try_again(&exhausted, &(struct vf_try){ .exit = 75 }), "but not when no try is left");
}

int
main(void)
{
	struct vf_status *s = vf_status_load("/nonexistent/status.json", &err);

	if (s == NULL)
		bail_out(err.text);
	test_names();
	test_from();
	test_admission();
	test_tries(s);
	test_rounds(s);
	test_again();
	vf_status_free(s);
	return done_testing();
}
