/* frame.c -- the life of a run: start, open, work, judge, commit, report, exit. */
#include "frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/hash.h"
#include "base/num.h"
#include "frame-impl.h"

enum { EXIT_CONFIG = 2, EXIT_REJECTS = 3, EXIT_TEMPORARY = 75, EXIT_PIPE = 128 + SIGPIPE };

static volatile sig_atomic_t got_signal;

/*
 * A signal that lands between the look at the flag and a blocking call would
 * be slept through: the timer interrupts that call a moment later.
 */
static void
on_signal(int sig)
{
	struct itimerval again = { { 0, 50000 }, { 0, 50000 } };

	if (got_signal == 0)
		got_signal = sig;
	setitimer(ITIMER_REAL, &again, NULL);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

static void
catch_signals(void)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal }, old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
		if (sigaction(sigs[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(sigs[i], &sa, NULL);
	sa.sa_handler = on_alarm;
	sigaction(SIGALRM, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	sigaction(SIGXFSZ, &sa, NULL);
	vf_file_stop_on(&got_signal);
}

/* Ends as the signal would have ended us, so that the shell sees it. */
static void
die_by(int sig)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
}

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
	return got_signal != 0;
}

int
vf_stopped(struct vf_run *run)
{
	return vf_error(&run->err, VF_ERR_STOPPED, "interrupted");
}

uint64_t
vf_frame_in(const struct frame *f)
{
	return f->run.in_count + (f->run.in != NULL ? vf_in_records(f->run.in) : 0) +
		(f->run.lines != NULL ? vf_lines_records(f->run.lines) : 0);
}

uint64_t
vf_frame_out(const struct frame *f)
{
	const struct output *first = &f->outputs[0];

	if (f->noutputs > 0 && first->out != NULL)
		return vf_out_records(first->out);
	return f->noutputs > 0 && first->lines != NULL ? vf_lines_written(first->lines) : f->run.out_count;
}

int
vf_frame_files(const struct frame *f)
{
	if (f->run.own_input)
		return f->argc > 0 ? f->argc : 1;
	return f->run.in != NULL ? vf_in_files(f->run.in) : f->run.lines != NULL ? vf_lines_files(f->run.lines) : 0;
}

const char *
vf_frame_name(const struct frame *f, int file)
{
	if (f->run.own_input)
		return f->argc == 0 || strcmp(f->argv[file], "-") == 0 ? "stdin" : f->argv[file];
	return f->run.in != NULL ? vf_in_name(f->run.in, file) : vf_lines_name(f->run.lines, file);
}

struct vf_out *
vf_output(struct vf_run *run, struct vf_out_options *opt)
{
	struct frame *f = (struct frame *)run;
	struct vf_out *out;

	if (opt->path == NULL)
		opt->path = f->common.output;
	if (f->noutputs == VF_MAX_OUTPUTS) {
		vf_error(&run->err, VF_ERR_FAILED, "too many outputs");
		return NULL;
	}
	out = vf_out_open(opt, &run->err);
	if (out != NULL)
		f->outputs[f->noutputs++].out = out;
	return out;
}

struct vf_lines_out *
vf_output_lines(struct vf_run *run, const char *path, unsigned flags)
{
	struct frame *f = (struct frame *)run;
	struct vf_lines_out *lines;

	if (f->noutputs == VF_MAX_OUTPUTS) {
		vf_error(&run->err, VF_ERR_FAILED, "too many outputs");
		return NULL;
	}
	lines = vf_lines_create(path != NULL ? path : f->common.output, flags, &run->err);
	if (lines != NULL)
		f->outputs[f->noutputs++].lines = lines;
	return lines;
}

struct vf_file *
vf_output_file(struct vf_run *run, const char *path, unsigned flags)
{
	struct frame *f = (struct frame *)run;
	struct vf_file *file;

	if (f->noutputs == VF_MAX_OUTPUTS) {
		vf_error(&run->err, VF_ERR_FAILED, "too many outputs");
		return NULL;
	}
	file = vf_file_create(path, flags, &run->err);
	if (file != NULL)
		f->outputs[f->noutputs++].file = file;
	return file;
}

/* `-` is standard output here too. */
static const char *
log_path(const char *path)
{
	return strcmp(path, "-") == 0 ? "/dev/stdout" : path;
}

/*
 * A file that is read and appended to would never end, and reject lines in the
 * middle of the records are neither.
 */
static int
check_apart(struct frame *f)
{
	bool to_stdout = (f->tool->wants & VF_WANT_OUTPUT) && (f->common.output == NULL || strcmp(f->common.output, "-") == 0);
	const struct { int fd; const char *name; } written[] = {
		{ f->rejects != NULL ? vf_log_fd(f->rejects) : -1, "--rejects" },
		{ f->stats != NULL ? vf_log_fd(f->stats) : -1, "--stats" },
		{ to_stdout ? STDOUT_FILENO : -1, "standard output" },
	};
	struct stat in, out, std;

	if (to_stdout && written[0].fd >= 0 && fstat(written[0].fd, &out) == 0 && fstat(STDOUT_FILENO, &std) == 0 &&
		!S_ISCHR(std.st_mode) && out.st_dev == std.st_dev && out.st_ino == std.st_ino)
		return vf_error(&f->run.err, VF_ERR_CONFIG, "--rejects: standard output has the records; give them -o");
	for (int i = 0; i < vf_frame_files(f); i++) {
		const char *path = i < f->argc ? f->argv[i] : "-";

		if ((strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, &in) : stat(path, &in)) < 0 || !S_ISREG(in.st_mode))
			continue;
		for (size_t k = 0; k < sizeof written / sizeof *written; k++)
			if (written[k].fd >= 0 && fstat(written[k].fd, &out) == 0 && in.st_dev == out.st_dev &&
				in.st_ino == out.st_ino)
				return vf_error(&f->run.err, VF_ERR_CONFIG, "%s: read and, as %s, written to",
					vf_frame_name(f, i), written[k].name);
	}
	return 0;
}

/* All input opened: what is wrong here is wrong before anything was processed. */
static int
open_input(struct frame *f)
{
	struct vf_run *run = &f->run;
	struct vf_in_options in = {
		.paths = (const char *const *)f->argv, .npaths = f->argc,
		.delimiter = (char)(f->common.delimiter != NULL ? f->common.delimiter[0] : 0),
		.aliases = f->common.columns.v, .naliases = f->common.columns.n,
		.spool_dir = vf_env("TMPDIR"),
	};
	struct vf_lines_options lines = { 0 };

	if (f->tool->check != NULL && f->tool->check(run, f->options, &in) < 0)
		return -1;
	if (f->tool->check_lines != NULL && f->tool->check_lines(run, f->options, &lines) < 0)
		return -1;
	if (f->common.rejects != NULL &&
		(f->rejects = vf_log_shared(log_path(f->common.rejects), "tool,file,line,reason,detail,record", &run->err)) == NULL)
		return -1;
	if (run->no_input && f->argc > 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "%s reads no files; see %s --help",
			f->tool->verbs[run->verb], f->tool->name);
	if (run->no_input || run->own_input || (f->tool->wants & VF_WANT_OPERANDS))
		return 0;
	if ((f->tool->wants & VF_WANT_CSV) && (run->in = vf_in_open(&in, &run->err)) == NULL)
		return -1;
	lines.paths = in.paths;
	lines.npaths = in.npaths;
	if ((f->tool->wants & VF_WANT_NDJSON) && (run->lines = vf_lines_open(&lines, &run->err)) == NULL)
		return -1;
	return check_apart(f);
}

static int
check_max_rejects(struct frame *f)
{
	const char *s = f->common.max_rejects;
	char *end;
	uint64_t n;

	if (s == NULL || vf_num_u64(vf_slice_str(s), &n))
		return 0;
	if (s[0] >= '0' && s[0] <= '9' && strspn(s, "0123456789.") + 1 == strlen(s) && strtod(s, &end) <= 100 &&
		strcmp(end, "%") == 0)
		return 0;
	return vf_error(&f->run.err, VF_ERR_CONFIG, "--max-rejects: a whole number or a percentage (1000, 0.5%%)");
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
	if (f->common.stats != NULL && (f->stats = vf_log_shared(log_path(f->common.stats), NULL, &run->err)) == NULL)
		return -1;
	if (check_max_rejects(f) < 0 || take_verb(f) < 0)
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
	return open_input(f);
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

/* All bytes are with the file system before the first name changes: a full disk leaves nothing behind. */
static int
commit(struct frame *f)
{
	for (int i = 0; i < f->noutputs; i++) {
		struct output *o = &f->outputs[i];

		if ((o->out != NULL ? vf_out_flush(o->out, &f->run.err) :
			o->lines != NULL ? vf_lines_flush(o->lines, &f->run.err) :
			vf_file_flush(o->file, &f->run.err)) < 0)
			return -1;
	}
	for (int i = 0; i < f->noutputs; i++) {
		struct output *o = &f->outputs[i];

		if ((o->out != NULL ? vf_out_commit(o->out, &f->run.err) :
			o->lines != NULL ? vf_lines_commit(o->lines, &f->run.err) :
			vf_file_commit(o->file, &f->run.err)) < 0)
			return -1;
	}
	return f->tool->commit != NULL ? f->tool->commit(&f->run) : 0;
}

/* Work, then judgement, then commit: the exit status, or -1 with the error filled. */
static int
work(struct frame *f)
{
	char text[256];

	if (prepare(f) < 0)
		return -1;
	f->progress = f->common.progress;
	if (!f->common.progress && !f->common.no_progress && isatty(STDERR_FILENO)) {
		struct stat st;

		f->progress = fstat(STDOUT_FILENO, &st) == 0 && !S_ISFIFO(st.st_mode);
	}
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
	return commit(f) < 0 ? -1 : f->run.exit_status;
}

static int
status_of(const struct frame *f)
{
	switch (f->run.err.kind) {
	case VF_ERR_CONFIG:
		return EXIT_CONFIG;
	case VF_ERR_TEMPORARY:
		return EXIT_TEMPORARY;
	case VF_ERR_PIPE:
		return EXIT_PIPE;
	case VF_ERR_STOPPED:
		return got_signal == SIGTERM || got_signal == 0 ? EXIT_TEMPORARY : 128 + got_signal;
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
	for (int i = 0; i < f->noutputs; i++) {
		vf_out_free(f->outputs[i].out);
		vf_lines_out_free(f->outputs[i].lines);
		vf_file_free(f->outputs[i].file);
	}
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
		catch_signals();
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
		die_by(status - 128);
	return status;
}
