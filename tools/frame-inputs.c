/* frame-inputs.c -- what a tool reads: its operands opened as the tool wants them, counted and named. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frame-impl.h"

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
int
vf_inputs_open(struct frame *f)
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
	if (vf_rejects_open(f) < 0)
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

uint64_t
vf_frame_in(const struct frame *f)
{
	return f->run.in_count + (f->run.in != NULL ? vf_in_records(f->run.in) : 0) +
		(f->run.lines != NULL ? vf_lines_records(f->run.lines) : 0);
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
