/* frame.c -- the life of a run: start, open, work, judge, commit, report, exit. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/date.h"
#include "base/hash.h"
#include "frame-impl.h"

enum { EXIT_CONFIG = 2, EXIT_REJECTS = 3, EXIT_TEMPORARY = 75, EXIT_PIPE = 128 + SIGPIPE };

/* A standard descriptor that is closed must not become some file that we open. */
static void
hold_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

const char *
vf_env(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

const char *
vf_datadir(void)
{
	const char *dir = vf_env("VF_DATADIR");

	return dir != NULL ? dir : VF_PKGDATADIR;
}

/* The only frame of the process: vf_stopping() has no argument to find it by. */
static struct frame *the_frame;

bool
vf_stopping(void)
{
	if (the_frame != NULL)
		vf_progress(the_frame);
	return vf_signal_caught() != 0;
}

int
vf_stopped(struct vf_run *run)
{
	return vf_error(&run->err, VF_ERR_STOPPED, "interrupted");
}

/* The first operand says what to do, where the tool can do several things. */
static int
take_verb(struct frame *f)
{
	const char *const *verbs = f->tool->verbs;
	int i = 0;

	if (verbs == NULL)
		return 0;
	while (f->argc > 0 && verbs[i] != NULL && strcmp(verbs[i], f->argv[0]) != 0)
		i++;
	if (f->argc == 0 || verbs[i] == NULL)
		return vf_error(&f->run.err, VF_ERR_CONFIG, "%s; see %s --help",
			f->argc == 0 ? "what to do is missing" : "the first operand is nothing this tool can do",
			f->tool->name);
	f->run.verb = i;
	f->argv++;
	f->argc--;
	return 0;
}

static int
prepare(struct frame *f)
{
	struct vf_run *run = &f->run;
	struct vf_campaign *campaign;

	if (vf_hash_start(&run->err) < 0)
		return -1;
	if (vf_stats_open(f) < 0 || vf_rejects_check(f) < 0 || take_verb(f) < 0)
		return -1;
	if (f->common.campaign != NULL) {
		campaign = vf_campaign_load(f->common.campaign, &run->err);
		if (campaign == NULL)
			return -1;
		run->campaign = campaign;
	}
	vf_stat_ids(run, run->campaign != NULL ? run->campaign->id : NULL, f->common.wave);
	run->wave = f->common.wave;
	run->output = f->common.output;
	run->operands = f->argv;
	run->noperands = f->argc;
	run->options = f->options;
	return vf_inputs_open(f);
}

/* No record may be lost: what was read is written, rejected or held back. */
static int
check_conservation(struct frame *f)
{
	uint64_t in = vf_frame_in(f), out = vf_frame_out(f);

	if (!(f->tool->wants & (VF_WANT_CSV | VF_WANT_NDJSON)) || f->run.no_input || in == out + f->rejected + f->run.held)
		return 0;
	return vf_error(&f->run.err, VF_ERR_FAILED,
		"records do not add up: %" PRIu64 " in, %" PRIu64 " out, %" PRIu64 " rejected, %" PRIu64 " held back", in,
		out, f->rejected, f->run.held);
}

/* Work, then judgement, then commit: the exit status, or -1 with the error filled. */
static int
work(struct frame *f)
{
	char text[256];

	if (prepare(f) < 0)
		return -1;
	vf_progress_start(f);
	if (f->tool->run(&f->run) < 0) {
		struct vf_error ignored;

		vf_progress_end(f);
		if (f->run.err.kind != VF_ERR_PIPE)
			(void)vf_rejects_finish(f, &ignored);
		return -1;
	}
	vf_progress_end(f);
	if (vf_rejects_finish(f, &f->run.err) < 0 || check_conservation(f) < 0)
		return -1;
	if (vf_rejects_exceeded(f, vf_frame_in(f), text, sizeof text)) {
		vf_report(f, "error", text);
		return EXIT_REJECTS;
	}
	if (vf_outputs_commit(f) < 0 || (f->tool->commit != NULL && f->tool->commit(&f->run) < 0))
		return -1;
	return f->run.exit_status;
}

static int
status_of(const struct frame *f)
{
	int sig = vf_signal_caught();

	switch (f->run.err.kind) {
	case VF_ERR_CONFIG:
		return EXIT_CONFIG;
	case VF_ERR_TEMPORARY:
		return EXIT_TEMPORARY;
	case VF_ERR_PIPE:
		return EXIT_PIPE;
	case VF_ERR_STOPPED:
		return sig == SIGTERM || sig == 0 ? EXIT_TEMPORARY : 128 + sig;
	case VF_ERR_NONE:
	case VF_ERR_FAILED:
		break;
	}
	return EXIT_FAILURE;
}

/* Temporary files go, the stats line is written, in any case. */
static int
finish(struct frame *f, int status)
{
	struct vf_error err = { 0 };

	if (f->tool->cleanup != NULL)
		f->tool->cleanup(&f->run);
	if (vf_stats_write(f, status, &err) < 0) {
		vf_report(f, "error", err.text);
		status = status == 0 ? EXIT_FAILURE : status;
	}
	vf_outputs_free(f);
	vf_in_free(f->run.in);
	vf_lines_free(f->run.lines);
	vf_log_free(f->rejects);
	vf_log_free(f->stats);
	vf_campaign_free((struct vf_campaign *)(uintptr_t)f->run.campaign);
	vf_buf_free(&f->line);
	vf_buf_free(&f->record);
	vf_buf_free(&f->figures);
	free(f->campaign_id);
	free(f->wave_id);
	vf_options_free(f);
	return status;
}

/* --help and --version are data too: on a full disk they fail. */
static int
show(struct frame *f)
{
	struct vf_buf b = { 0 };
	int rc;

	if (f->common.help)
		vf_options_help(f, &b);
	else
		vf_buf_addf(&b, "%s (vf) %s\n", f->tool->name, PACKAGE_VERSION);
	rc = vf_file_write_all(STDOUT_FILENO, b.p, b.n, "stdout", &f->run.err);
	if (rc == 0 && close(STDOUT_FILENO) < 0)
		rc = vf_error_errno(&f->run.err, "stdout");
	vf_buf_free(&b);
	return rc;
}

int
vf_main(int argc, char **argv, const struct vf_tool *tool)
{
	struct frame f = { .tool = tool };
	int status;

	hold_standard_fds();
	f.started_at = vf_date_now();
	f.started_ns = vf_clock_ns();
	f.options = calloc(1, tool->options_size + 1);
	if (f.options == NULL) {
		vf_error_nomem(&f.run.err);
		status = -1;
	} else {
		if (tool->defaults != NULL)
			memcpy(f.options, tool->defaults, tool->options_size);
		vf_signals_catch();
		status = vf_options_parse(&f, argc, argv);
	}
	f.log_json = f.common.log != NULL && strcmp(f.common.log, "json") == 0;
	the_frame = &f;
	if (status == 0)
		status = f.common.help || f.common.version ? show(&f) : work(&f);
	if (status < 0) {
		status = status_of(&f);
		if (status == EXIT_TEMPORARY && f.run.err.kind == VF_ERR_STOPPED)
			vf_report(&f, "error", "interrupted by SIGTERM: the output is not complete");
		else if (f.run.err.kind != VF_ERR_PIPE && f.run.err.kind != VF_ERR_STOPPED)
			vf_report(&f, "error", f.run.err.text);
	}
	status = finish(&f, status);
	the_frame = NULL;
	if (status > 128 && status == status_of(&f))
		vf_signal_die(status - 128);
	return status;
}
