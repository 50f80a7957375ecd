/* test-status.c -- the status file of a wave: what is read, written and kept. */
#include <stdlib.h>
#include <unistd.h>

#include "base/date.h"
#include "fan/status.h"
#include "tap.h"

static struct vf_error err;
static char folder[4096], path[4200];

/* A status as it is in the file, with what other programs may have put there. */
static const char *const full =
	"{\"theirs\":{\"b\":[1,null]},\"campaignId\":\"c1\",\"waveId\":\"w1\",\"state\":\"prepared\",\"steps\":{"
	"\"prepare\":{\"state\":\"done\",\"attempt\":2,\"maxAttempts\":3,\"startedAt\":\"2026-11-24T10:05:00Z\","
	"\"from\":\"planned\",\"history\":["
	"{\"attempt\":1,\"startedAt\":\"2026-11-24T10:00:00Z\",\"endedAt\":\"2026-11-24T10:01:00Z\",\"exit\":null,"
	"\"signal\":9,\"cause\":\"lost\"},"
	"{\"attempt\":2,\"startedAt\":\"2026-11-24T10:05:00Z\",\"endedAt\":\"2026-11-24T10:06:00Z\",\"exit\":0}]},"
	"\"send \\\"it\\\"\":{\"state\":\"running\",\"attempt\":1,\"maxAttempts\":3,\"startedAt\":\"2026-11-24T11:00:00Z\","
	"\"process\":{\"pid\":4711,\"startTicks\":99,\"bootId\":\"b\",\"host\":\"h\"}}},"
	"\"updatedAt\":\"2026-11-24T11:00:00Z\"}";

static bool
put(const char *text)
{
	FILE *f = fopen(path, "w");
	bool good = f != NULL && fputs(text, f) >= 0;

	return f != NULL && fclose(f) == 0 && good;
}

static void
test_names(void)
{
	enum vf_wave_state state = VF_WAVE_NONE;
	bool all = true;

	for (int i = 0; i < VF_WAVE_NONE; i++)
		all &= vf_wave_state_parse(vf_slice_str(vf_wave_state_name((enum vf_wave_state)i)), &state) &&
			state == (enum vf_wave_state)i;
	ok(all, "every state of a wave is read back from its name");
	ok(!vf_wave_state_parse(vf_slice_str("Sent"), &state) && !vf_wave_state_parse(vf_slice_str("sent "), &state) &&
		!vf_wave_state_parse(vf_slice(NULL, 0), &state) && state == VF_WAVE_FAILED,
		"other words are no state and leave the value alone");
}

static void
test_absent(void)
{
	struct vf_status *s;

	unlink(path);
	s = vf_status_load(path, &err);
	ok(s != NULL && s->state == VF_WAVE_PLANNED && s->nsteps == 0 && s->campaign == NULL,
		"a file that is not there is a planned wave without steps");
	vf_status_free(s);
	vf_status_free(NULL);
}

static void
test_steps(void)
{
	struct vf_status *s = vf_status_load(path, &err);
	struct vf_step *step = vf_status_step(s, "move", &err);
	bool latest = true;

	ok(step != NULL && step->state == VF_STEP_NEW && step->from == VF_WAVE_NONE, "a new step is new, and moves nothing");
	ok(vf_status_step(s, "move", &err) == step && vf_status_find(s, "move") == step && s->nsteps == 1,
		"the same name is the same step");
	ok(vf_status_find(s, "mov") == NULL, "another name is none");
	for (uint64_t i = 1; i <= VF_STATUS_HISTORY + 5; i++)
		latest &= vf_step_remember(step, &(struct vf_try){ .attempt = i, .exit = 1 }, &err) == 0;
	latest &= step->nhistory == VF_STATUS_HISTORY;
	for (size_t i = 0; latest && i < VF_STATUS_HISTORY; i++)
		latest = step->history[i].attempt == i + 6;
	ok(latest, "of many tries the latest are kept, in order");
	vf_status_free(s);
}

static void
test_read(void)
{
	struct vf_status *s = put(full) ? vf_status_load(path, &err) : NULL;
	struct vf_step *step;
	int64_t started = 0;

	if (!ok(s != NULL, "a status is read"))
		return;
	ok(s->state == VF_WAVE_PREPARED && s->nsteps == 2 && strcmp(s->campaign, "c1") == 0 && strcmp(s->wave, "w1") == 0,
		"state, campaign, wave and the number of steps");
	step = vf_status_find(s, "prepare");
	vf_date_parse(vf_slice_str("2026-11-24T10:00:00Z"), &started);
	ok(step != NULL && step->state == VF_STEP_DONE && step->attempt == 2 && step->max == 3 &&
		step->from == VF_WAVE_PLANNED && step->nhistory == 2, "a step that is done");
	ok(step != NULL && step->history[0].exit == -1 && step->history[0].signal == 9 &&
		step->history[0].started == started && strcmp(step->history[0].cause, "lost") == 0 &&
		step->history[1].exit == 0 && step->history[1].cause == NULL, "its tries: one nobody saw the end of, one good");
	step = vf_status_find(s, "send \"it\"");
	ok(step != NULL && step->state == VF_STEP_RUNNING && step->process.pid == 4711 && step->process.ticks == 99 &&
		strcmp(step->process.boot, "b") == 0 && strcmp(step->process.host, "h") == 0 && step->from == VF_WAVE_NONE,
		"a step that runs, and who runs it");
	vf_status_free(s);
}

static void
test_round_trip(void)
{
	struct vf_status *s = put(full) ? vf_status_load(path, &err) : NULL, *again = NULL;
	struct vf_buf one = { 0 }, two = { 0 };

	if (s == NULL || vf_status_step(s, "idle", &err) == NULL || vf_status_save(s, path, &err) < 0 ||
		(again = vf_status_load(path, &err)) == NULL) {
		ok(false, "a status is saved and read again: %s", err.text);
		vf_status_free(s);
		return;
	}
	ok(again->nsteps == 2 && vf_status_find(again, "idle") == NULL, "a step that was never tried is not written");
	ok(llabs((long long)(vf_date_now() - again->updated)) < 3600, "saving says when");
	vf_status_add(&one, s);
	vf_status_add(&two, again);
	vf_buf_terminate(&two);
	ok(!one.failed && !two.failed && vf_slice_eq(vf_buf_slice(&one), vf_buf_slice(&two)),
		"what was read from what was written is written alike");
	ok(two.p != NULL && strstr(two.p, "\"theirs\":{\"b\":[1,null]}") != NULL, "keys of others are carried along");
	ok(two.p != NULL && strstr(two.p, "\"exit\":null,\"signal\":9,\"cause\":\"lost\"}") != NULL,
		"how a try ended is in the text");
	vf_buf_free(&one);
	vf_buf_free(&two);
	vf_status_free(again);
	vf_status_free(s);
	ok(vf_status_load(folder, &err) == NULL && err.kind != VF_ERR_NONE, "a folder is no status");
}

static void
refuse(const char *text, const char *cause)
{
	struct vf_status *s = put(text) ? vf_status_load(path, &err) : NULL;

	ok(s == NULL && err.kind == VF_ERR_CONFIG && strstr(err.text, cause) != NULL, "refused: %s", cause);
	if (s != NULL || strstr(err.text, cause) == NULL)
		printf("# %s\n", s != NULL ? "it was taken" : err.text);
	vf_status_free(s);
}

int
main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%s/test-status.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(folder) == NULL) {
		perror(folder);
		return 99;
	}
	snprintf(path, sizeof(path), "%s/status.json", folder);
	test_names();
	test_absent();
	test_steps();
	test_read();
	test_round_trip();
	refuse("", "status.json");
	refuse("[]", "$: not an object");
	refuse("{\"steps\":{}}", "$.state: missing");
	refuse("{\"state\":\"over\"}", "$.state: no such state");
	refuse("{\"state\":\"sent\",\"steps\":[]}", "$.steps");
	refuse("{\"state\":\"sent\",\"steps\":{\"a\":{}}}", "$.steps.a.state: not running, done, failed or exhausted");
	refuse("{\"state\":\"sent\",\"steps\":{\"a\":{\"state\":\"new\"}}}", "$.steps.a.state");
	refuse("{\"state\":\"sent\",\"steps\":{\"a\":{\"state\":\"done\",\"attempt\":-1}}}", "$.steps.a.attempt");
	refuse("{\"state\":\"sent\",\"steps\":{\"a\":{\"state\":\"done\",\"startedAt\":\"noon\"}}}",
		"$.steps.a.startedAt: not a date");
	refuse("{\"state\":\"sent\",\"steps\":{\"a\":{\"state\":\"done\",\"history\":[{\"exit\":256}]}}}",
		"$.steps.a.history[0].exit: over 255");
	refuse("{\"state\":\"sent\",\"steps\":{\"a\":{\"state\":\"running\",\"process\":"
		"{\"bootId\":\"0123456789012345678901234567890123456789\"}}}}", "$.steps.a.process.bootId: too long");
	unlink(path);
	rmdir(folder);
	return done_testing();
}
