/* frame-report.c -- what a run says of itself: messages, the stats line, progress. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/text.h"
#include "frame-impl.h"

void
vf_report(const struct frame *f, const char *level, const char *text)
{
	struct vf_buf b = { 0 };
	char now[VF_DATE_LEN + 1];
	struct vf_error ignored;

	if (f->log_json) {
		vf_date_put(now, vf_date_now());
		vf_buf_addf(&b, "{\"time\":\"%s\",\"tool\":\"%s\",\"level\":\"%s\",\"message\":", now, f->tool->name,
			level);
		vf_text_add_json(&b, vf_slice_str(text));
		vf_buf_add_str(&b, "}\n");
	} else {
		vf_buf_addf(&b, "%s: ", f->tool->name);
		vf_text_add_message(&b, vf_slice_str(text));	/* a file's name may hold anything */
		vf_buf_add_char(&b, '\n');
	}
	vf_file_write_all(STDERR_FILENO, b.p, b.n, "stderr", &ignored);
	vf_buf_free(&b);
}

__attribute__((format(printf, 3, 0))) static void
report_args(struct vf_run *run, const char *level, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof text, fmt, ap);
	vf_progress_end((struct frame *)run);
	vf_report((struct frame *)run, level, text);
}

void
vf_note(struct vf_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_args(run, "info", fmt, ap);
	va_end(ap);
}

void
vf_warn(struct vf_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_args(run, "warning", fmt, ap);
	va_end(ap);
}

struct vf_log *
vf_frame_log(struct frame *f, const char *path, const char *header)
{
	return vf_log_shared(strcmp(path, "-") == 0 ? "/dev/stdout" : path, header, &f->run.err);
}

/* The stats line */

static void
add_key(struct vf_buf *b, const char *key)
{
	vf_buf_add_char(b, ',');
	vf_text_add_json(b, vf_slice_str(key));
	vf_buf_add_char(b, ':');
}

static void
add_text(struct vf_buf *b, const char *key, const char *value)
{
	add_key(b, key);
	if (value != NULL)
		vf_text_add_json(b, vf_slice_str(value));
	else
		vf_buf_add_str(b, "null");
}

void
vf_stat_u64(struct vf_run *run, const char *key, uint64_t v)
{
	struct frame *f = (struct frame *)run;

	add_key(&f->figures, key);
	vf_buf_add_u64(&f->figures, v);
}

void
vf_stat_str(struct vf_run *run, const char *key, const char *v)
{
	add_text(&((struct frame *)run)->figures, key, v);
}

void
vf_stat_json(struct vf_run *run, const char *key, struct vf_slice json)
{
	struct frame *f = (struct frame *)run;

	add_key(&f->figures, key);
	vf_buf_add_slice(&f->figures, json);
}

static void
add_counts(struct vf_buf *b, const char *const *names, const uint64_t *counts, size_t n, bool zeros)
{
	bool first = true;

	vf_buf_add_char(b, '{');
	for (size_t i = 0; i < n; i++) {
		if (names[i] == NULL || (!zeros && counts[i] == 0))
			continue;
		if (!first)
			vf_buf_add_char(b, ',');
		first = false;
		vf_text_add_json(b, vf_slice_str(names[i]));
		vf_buf_add_char(b, ':');
		vf_buf_add_u64(b, counts[i]);
	}
	vf_buf_add_char(b, '}');
}

void
vf_stat_counts(struct vf_run *run, const char *key, const char *const *names, const uint64_t *counts, size_t n)
{
	struct frame *f = (struct frame *)run;

	add_key(&f->figures, key);
	add_counts(&f->figures, names, counts, n, true);
}

void
vf_stat_ids(struct vf_run *run, const char *campaign, const char *wave)
{
	struct frame *f = (struct frame *)run;

	free(f->campaign_id);
	free(f->wave_id);
	f->campaign_id = campaign != NULL ? strdup(campaign) : NULL;
	f->wave_id = wave != NULL ? strdup(wave) : NULL;
}

/* The operands as a JSON array: which input the counts are about. */
static void
add_inputs(const struct frame *f, struct vf_buf *b)
{
	add_key(b, "input");
	vf_buf_add_char(b, '[');
	for (int i = 0; i < vf_frame_files(f); i++) {
		if (i > 0)
			vf_buf_add_char(b, ',');
		vf_text_add_json(b, vf_slice_str(vf_frame_name(f, i)));
	}
	vf_buf_add_char(b, ']');
}

int
vf_stats_open(struct frame *f)
{
	if (f->common.stats == NULL)
		return 0;
	f->stats = vf_frame_log(f, f->common.stats, NULL);
	return f->stats == NULL ? -1 : 0;
}

int
vf_stats_write(struct frame *f, int status, struct vf_error *err)
{
	const char *names[VF_MAX_REASONS] = { 0 };
	char started[VF_DATE_LEN + 1];
	struct vf_buf b = { 0 };
	int rc;

	if (f->stats == NULL)
		return 0;
	for (int i = 1; i < VF_REJECT_TOOL; i++)
		names[i] = vf_reason_name(f->tool, i);
	for (int i = VF_REJECT_TOOL; f->tool->reasons != NULL && i < VF_MAX_REASONS; i++) {
		names[i] = f->tool->reasons[i - VF_REJECT_TOOL];
		if (names[i] == NULL)
			break;
	}
	vf_date_put(started, f->started_at);
	vf_buf_addf(&b, "{\"tool\":\"%s\",\"version\":\"%s\"", f->tool->name, PACKAGE_VERSION);
	add_text(&b, "run", vf_env("VF_RUN_ID"));
	add_text(&b, "campaignId", f->campaign_id);
	add_text(&b, "waveId", f->wave_id);
	vf_buf_addf(&b, ",\"startedAt\":\"%s\",\"seconds\":%.3f", started,
		(double)(vf_clock_ns() - f->started_ns) / 1e9);
	add_inputs(f, &b);
	vf_buf_addf(&b, ",\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"reasons\":",
		vf_frame_in(f), vf_frame_out(f), f->rejected);
	add_counts(&b, names, f->reasons, VF_MAX_REASONS, false);
	vf_buf_addf(&b, ",\"exit\":%d", status);
	vf_buf_add_slice(&b, vf_buf_slice(&f->figures));
	vf_buf_add_char(&b, '}');
	rc = b.failed ? vf_error_nomem(err) : vf_log_line(f->stats, vf_buf_slice(&b), err);
	if (rc == 0)
		rc = vf_log_flush(f->stats, err);
	vf_buf_free(&b);
	return rc;
}

/* Progress */

void
vf_progress_start(struct frame *f)
{
	struct stat st;

	f->progress = f->common.progress;
	if (!f->common.progress && !f->common.no_progress && isatty(STDERR_FILENO))
		f->progress = fstat(STDOUT_FILENO, &st) == 0 && !S_ISFIFO(st.st_mode);
}

/* A bar on stderr, at most five times a second, once the work has taken two seconds. */
void
vf_progress(struct frame *f)
{
	uint64_t now, done, size;
	double seconds, rate;
	char left[64] = "", line[160];
	struct vf_error ignored;
	int n;

	if (!f->progress || (f->run.in == NULL && f->run.lines == NULL))
		return;
	now = vf_clock_ns();
	if (now - f->started_ns < 2000000000u || now - f->progress_ns < 200000000u)
		return;
	f->progress_ns = now;
	done = f->run.in != NULL ? vf_in_bytes(f->run.in) : vf_lines_bytes(f->run.lines);
	size = f->run.in != NULL ? vf_in_size(f->run.in) : vf_lines_size(f->run.lines);
	seconds = (double)(now - f->started_ns) / 1e9;
	rate = (double)done / seconds;
	if (size > 0 && done <= size && rate > 0)
		snprintf(left, sizeof left, "  %3.0f %%  ETA %.0f s", 100 * (double)done / (double)size,
			(double)(size - done) / rate);
	n = snprintf(line, sizeof line, "\r%s: %" PRIu64 " records  %.1f MB  %.1f MB/s%s\033[K", f->tool->name,
		f->run.in != NULL ? vf_in_records(f->run.in) : vf_lines_records(f->run.lines), (double)done / 1e6, rate / 1e6, left);
	if (n > 0)
		vf_file_write_all(STDERR_FILENO, line, (size_t)n, "stderr", &ignored);
	f->progress_shown = true;
}

void
vf_progress_end(struct frame *f)
{
	struct vf_error ignored;

	if (f->progress_shown)
		vf_file_write_all(STDERR_FILENO, "\r\033[K", 4, "stderr", &ignored);
	f->progress_shown = false;
}
