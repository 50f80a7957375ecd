/* fan/status.c -- the status file of a wave: JSON to a struct and back. */
#include "fan/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#define STATUS_MAX ((size_t)4 << 20)
#define STEPS_MAX 1000

static const char *const wave_states[] = { "planned", "prepared", "triggered", "sending", "partial", "sent", "held",
	"failed" };
static const char *const step_states[] = { "new", "running", "done", "failed", "exhausted" };
static const char *const causes[] = { "interrupted", "lost" };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

const char *
vf_wave_state_name(enum vf_wave_state state)
{
	return wave_states[state];
}

bool
vf_wave_state_parse(struct vf_slice s, enum vf_wave_state *state)
{
	for (size_t i = 0; i < COUNT(wave_states); i++)
		if (vf_slice_is(s, wave_states[i])) {
			*state = (enum vf_wave_state)i;
			return true;
		}
	return false;
}

struct vf_step *
vf_status_find(const struct vf_status *s, const char *name)
{
	for (size_t i = 0; i < s->nsteps; i++)
		if (strcmp(s->steps[i].name, name) == 0)
			return &s->steps[i];
	return NULL;
}

struct vf_step *
vf_status_step(struct vf_status *s, const char *name, struct vf_error *err)
{
	struct vf_step *steps, *step = vf_status_find(s, name);

	if (step != NULL)
		return step;
	steps = reallocarray(s->steps, s->nsteps + 1, sizeof(*steps));
	if (steps != NULL) {
		s->steps = steps;
		step = &steps[s->nsteps];
		*step = (struct vf_step){ .name = strdup(name), .from = VF_WAVE_NONE };
	}
	if (step == NULL || step->name == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	s->nsteps++;
	return step;
}

int
vf_step_remember(struct vf_step *step, const struct vf_try *t, struct vf_error *err)
{
	struct vf_try *history;

	if (step->nhistory == VF_STATUS_HISTORY) {
		memmove(step->history, step->history + 1, (VF_STATUS_HISTORY - 1) * sizeof(*t));
		step->history[VF_STATUS_HISTORY - 1] = *t;
		return 0;
	}
	history = reallocarray(step->history, step->nhistory + 1, sizeof(*history));
	if (history == NULL)
		return vf_error_nomem(err);
	step->history = history;
	history[step->nhistory++] = *t;
	return 0;
}

/* Reading.  An absent date is 0. */
static int
get_date(const struct vf_json_at *up, const char *key, int64_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	struct vf_slice text;
	int rc = vf_json_get_str(&at, &text, err);

	if (rc > 0 && !vf_date_parse(text, to))
		return vf_json_fail(&at, err, "not a date");
	return rc < 0 ? -1 : 0;
}

static int
get_small(const struct vf_json_at *up, const char *key, int *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	uint64_t n = 0;
	int rc = vf_json_get_u64(&at, &n, err);

	if (rc > 0 && n > 255)
		return vf_json_fail(&at, err, "over 255");
	if (rc > 0)
		*to = (int)n;
	return rc < 0 ? -1 : 0;
}

static int
get_u64(const struct vf_json_at *up, const char *key, uint64_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);

	return vf_json_get_u64(&at, to, err) < 0 ? -1 : 0;
}

static int
get_wave_state(const struct vf_json_at *up, const char *key, enum vf_wave_state *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	struct vf_slice text;
	int rc = vf_json_get_str(&at, &text, err);

	if (rc > 0 && !vf_wave_state_parse(text, to))
		return vf_json_fail(&at, err, "no such state");
	return rc;
}

static int
get_step_state(const struct vf_json_at *up, enum vf_step_state *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, "state");
	struct vf_slice text = { NULL, 0 };

	if (vf_json_get_str(&at, &text, err) < 0)
		return -1;
	for (size_t i = VF_STEP_RUNNING; i < COUNT(step_states); i++)
		if (vf_slice_is(text, step_states[i])) {
			*to = (enum vf_step_state)i;
			return 0;
		}
	return vf_json_fail(&at, err, "not running, done, failed or exhausted");
}

/* A short text into room for it. */
static int
get_word(const struct vf_json_at *up, const char *key, char *to, size_t size, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	struct vf_slice text = { NULL, 0 };

	if (vf_json_get_str(&at, &text, err) < 0)
		return -1;
	if (text.n >= size)
		return vf_json_fail(&at, err, "too long");
	if (text.n > 0)
		memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return 0;
}

static int
get_text(const struct vf_json_at *up, const char *key, char **to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(up, key);
	struct vf_slice text;
	int rc = vf_json_get_str(&at, &text, err);

	if (rc <= 0)
		return rc;
	*to = strndup(text.p, text.n);
	return *to == NULL ? vf_error_nomem(err) : 0;
}

static int
load_process(struct vf_process *p, const struct vf_json_at *step, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(step, "process");
	int rc = vf_json_get_object(&at, err);

	if (rc <= 0)
		return rc;
	if (get_u64(&at, "pid", &p->pid, err) < 0 || get_u64(&at, "startTicks", &p->ticks, err) < 0 ||
		get_word(&at, "bootId", p->boot, sizeof(p->boot), err) < 0)
		return -1;
	return get_word(&at, "host", p->host, sizeof(p->host), err);
}

static int
load_try(struct vf_step *step, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_try t = { .exit = -1 };
	char cause[16] = "";

	if (vf_json_get_object(at, err) < 0 || get_u64(at, "attempt", &t.attempt, err) < 0 ||
		get_date(at, "startedAt", &t.started, err) < 0 || get_date(at, "endedAt", &t.ended, err) < 0 ||
		get_small(at, "exit", &t.exit, err) < 0 || get_small(at, "signal", &t.signal, err) < 0 ||
		get_word(at, "cause", cause, sizeof(cause), err) < 0)
		return -1;
	for (size_t i = 0; i < COUNT(causes); i++)
		if (strcmp(cause, causes[i]) == 0)
			t.cause = causes[i];
	return vf_step_remember(step, &t, err);
}

static int
load_step(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_json_at history = vf_json_member(at, "history");
	struct vf_status *s = arg;
	struct vf_step *step;
	size_t n = 0;

	if (vf_json_get_object(at, err) < 0)
		return -1;
	if (s->nsteps == STEPS_MAX)
		return vf_json_fail(at, err, "too many steps");
	step = vf_status_step(s, key, err);
	if (step == NULL || get_step_state(at, &step->state, err) < 0 ||
		get_u64(at, "attempt", &step->attempt, err) < 0 || get_u64(at, "maxAttempts", &step->max, err) < 0 ||
		get_wave_state(at, "from", &step->from, err) < 0 ||
		get_date(at, "startedAt", &step->started, err) < 0 || load_process(&step->process, at, err) < 0 ||
		vf_json_get_array(&history, &n, err) < 0)
		return -1;
	for (size_t i = n > VF_STATUS_HISTORY ? n - VF_STATUS_HISTORY : 0; i < n; i++) {
		struct vf_json_at e = vf_json_element(&history, i);

		if (load_try(step, &e, err) < 0)
			return -1;
	}
	return 0;
}

/* Keys at the top that are not ours are carried along. */
static int
keep_other(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	static const char *const ours[] = { "campaignId", "waveId", "state", "steps", "updatedAt" };
	struct vf_status *s = arg;

	for (size_t i = 0; i < COUNT(ours); i++)
		if (strcmp(key, ours[i]) == 0)
			return 0;
	vf_buf_add_str(&s->others, "  ");
	vf_text_add_json(&s->others, vf_slice_str(key));
	vf_buf_add_char(&s->others, ':');
	vf_json_add(&s->others, at->value);
	vf_buf_add_str(&s->others, ",\n");
	return s->others.failed ? vf_error_nomem(err) : 0;
}

static int
load(struct vf_status *s, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at steps = vf_json_member(root, "steps");
	struct vf_json_at state = vf_json_member(root, "state");
	int rc;

	if (vf_json_get_object(root, err) < 0 || get_text(root, "campaignId", &s->campaign, err) < 0 ||
		get_text(root, "waveId", &s->wave, err) < 0)
		return -1;
	rc = get_wave_state(root, "state", &s->state, err);
	if (rc <= 0)
		return rc == 0 ? vf_json_fail(&state, err, "missing") : -1;
	if (get_date(root, "updatedAt", &s->updated, err) < 0 || vf_json_each(&steps, load_step, s, err) < 0)
		return -1;
	return vf_json_each(root, keep_other, s, err);
}

struct vf_status *
vf_status_load(const char *path, struct vf_error *err)
{
	struct vf_status *s = calloc(1, sizeof(*s));
	struct vf_json *doc;
	struct vf_json_at root;
	struct stat st;
	int rc;

	if (s == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	if (stat(path, &st) < 0 && errno == ENOENT)
		return s;
	doc = vf_json_load(path, STATUS_MAX, err);
	root = vf_json_root(doc, path);
	rc = doc == NULL ? -1 : load(s, &root, err);
	vf_json_free(doc);
	if (rc < 0) {
		vf_status_free(s);
		return NULL;
	}
	return s;
}

void
vf_status_free(struct vf_status *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->nsteps; i++) {
		free(s->steps[i].name);
		free(s->steps[i].history);
	}
	free(s->steps);
	free(s->campaign);
	free(s->wave);
	vf_buf_free(&s->others);
	free(s);
}

/* Writing. */
static void
add_text(struct vf_buf *b, const char *text)
{
	if (text != NULL)
		vf_text_add_json(b, vf_slice_str(text));
	else
		vf_buf_add_str(b, "null");
}

static void
add_date(struct vf_buf *b, int64_t seconds)
{
	char text[VF_DATE_LEN + 1];

	if (seconds == 0) {
		vf_buf_add_str(b, "null");
		return;
	}
	vf_date_put(text, seconds);
	vf_buf_addf(b, "\"%s\"", text);
}

static void
add_exit(struct vf_buf *b, const struct vf_try *t)
{
	if (t == NULL || t->exit < 0)
		vf_buf_add_str(b, ",\"exit\":null");
	else
		vf_buf_addf(b, ",\"exit\":%d", t->exit);
}

static void
add_history(struct vf_buf *b, const struct vf_step *step)
{
	vf_buf_add_str(b, ",\"history\":[");
	for (size_t i = 0; i < step->nhistory; i++) {
		const struct vf_try *t = &step->history[i];

		vf_buf_addf(b, "%s\n      {\"attempt\":%" PRIu64 ",\"startedAt\":", i > 0 ? "," : "", t->attempt);
		add_date(b, t->started);
		vf_buf_add_str(b, ",\"endedAt\":");
		add_date(b, t->ended);
		add_exit(b, t);
		if (t->signal != 0)
			vf_buf_addf(b, ",\"signal\":%d", t->signal);
		if (t->cause != NULL)
			vf_buf_addf(b, ",\"cause\":\"%s\"", t->cause);
		vf_buf_add_char(b, '}');
	}
	vf_buf_add_char(b, ']');
}

static void
add_step(struct vf_buf *b, const struct vf_step *step)
{
	bool running = step->state == VF_STEP_RUNNING;
	const struct vf_try *last = running || step->nhistory == 0 ? NULL : &step->history[step->nhistory - 1];

	vf_buf_add_str(b, "    ");
	add_text(b, step->name);
	vf_buf_addf(b, ":{\"state\":\"%s\",\"attempt\":%" PRIu64 ",\"maxAttempts\":%" PRIu64 ",\"startedAt\":",
		step_states[step->state], step->attempt, step->max);
	add_date(b, step->started);
	vf_buf_add_str(b, ",\"endedAt\":");
	add_date(b, last != NULL ? last->ended : 0);
	add_exit(b, last);
	if (step->from != VF_WAVE_NONE)
		vf_buf_addf(b, ",\"from\":\"%s\"", wave_states[step->from]);
	if (running && step->process.pid != 0) {
		vf_buf_addf(b, ",\"process\":{\"pid\":%" PRIu64 ",\"startTicks\":%" PRIu64 ",\"bootId\":",
			step->process.pid, step->process.ticks);
		add_text(b, step->process.boot);
		vf_buf_add_str(b, ",\"host\":");
		add_text(b, step->process.host);
		vf_buf_add_char(b, '}');
	}
	add_history(b, step);
	vf_buf_add_char(b, '}');
}

int
vf_status_add(struct vf_buf *b, const struct vf_status *s)
{
	const char *comma = "\n";

	vf_buf_add_str(b, "{\n  \"campaignId\":");
	add_text(b, s->campaign);
	vf_buf_add_str(b, ",\n  \"waveId\":");
	add_text(b, s->wave);
	vf_buf_addf(b, ",\n  \"state\":\"%s\",\n  \"steps\":{", wave_states[s->state]);
	for (size_t i = 0; i < s->nsteps; i++) {
		if (s->steps[i].state == VF_STEP_NEW)
			continue;
		vf_buf_add_str(b, comma);
		add_step(b, &s->steps[i]);
		comma = ",\n";
	}
	vf_buf_add_str(b, *comma == ',' ? "\n  },\n" : "},\n");
	vf_buf_add_slice(b, vf_buf_slice(&s->others));
	vf_buf_add_str(b, "  \"updatedAt\":");
	add_date(b, s->updated);
	vf_buf_add_str(b, "\n}\n");
	return b->failed ? -1 : 0;
}

int
vf_status_save(struct vf_status *s, const char *path, struct vf_error *err)
{
	struct vf_buf text = { 0 };
	struct vf_file *file = NULL;
	int rc = -1;

	s->updated = vf_date_now();
	if (vf_status_add(&text, s) < 0)
		vf_error_nomem(err);
	else if ((file = vf_file_create(path, 0, err)) != NULL &&
		vf_file_write(file, text.p, text.n, err) == 0)
		rc = vf_file_commit(file, err);
	vf_file_free(file);
	vf_buf_free(&text);
	return rc;
}
