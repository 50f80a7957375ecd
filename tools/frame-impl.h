/* tools/frame-impl.h -- what the parts of the frame know about each other; no tool includes it. */
#ifndef VF_TOOLS_FRAME_IMPL_H
#define VF_TOOLS_FRAME_IMPL_H

#include "base/buf.h"
#include "base/log.h"
#include "frame.h"

#define VF_MAX_REASONS 32
#define VF_MAX_OUTPUTS 8

/* The options of every tool. */
struct common {
	bool help, version, progress, no_progress;
	const char *campaign, *output, *delimiter, *stats, *rejects, *max_rejects, *wave, *log;
	struct vf_list columns;
};

struct output {				/* one of the three */
	struct vf_out *out;
	struct vf_lines_out *lines;
	struct vf_file *file;
};

struct frame {
	struct vf_run run;		/* first: a tool's struct vf_run is the frame's */
	const struct vf_tool *tool;
	struct common common;
	void *options;
	char **argv;			/* the operands */
	int argc;

	struct output outputs[VF_MAX_OUTPUTS];
	int noutputs;

	struct vf_log *rejects, *stats;
	uint64_t rejected, reasons[VF_MAX_REASONS];
	struct vf_buf line, record;	/* a reject line in the making */
	struct vf_buf figures;		/* the tool's own part of the stats line: `,"key":value` each */
	char *campaign_id, *wave_id;	/* for the stats line */

	int64_t started_at;
	uint64_t started_ns, progress_ns;
	bool progress, progress_shown, log_json;
};

/* frame-options.c */
int vf_options_parse(struct frame *, int argc, char **argv);	/* 0, or -1 with the error filled */
void vf_options_help(const struct frame *, struct vf_buf *);
void vf_options_free(struct frame *);

/* frame-inputs.c */
int vf_inputs_open(struct frame *);			/* after the tool's checks; 0, or -1 with the error filled */
uint64_t vf_frame_in(const struct frame *);		/* records in */
int vf_frame_files(const struct frame *);		/* operands that are read, CSV or NDJSON */
const char *vf_frame_name(const struct frame *, int file);

/* frame-outputs.c */
uint64_t vf_frame_out(const struct frame *);		/* records out */
int vf_outputs_commit(struct frame *);			/* in the order of opening, once all are flushed */
void vf_outputs_free(struct frame *);			/* what is not committed goes */

/* frame-rejects.c */
const char *vf_reason_name(const struct vf_tool *, int reason);
int vf_rejects_open(struct frame *);			/* --rejects */
int vf_rejects_check(struct frame *);			/* --max-rejects is a number or a percentage */
int vf_rejects_finish(struct frame *, struct vf_error *);
bool vf_rejects_exceeded(const struct frame *, uint64_t in, char *text, size_t size);

/* frame-report.c */
void vf_report(const struct frame *, const char *level, const char *text);	/* one line on stderr */
/* A file of --rejects or --stats, `-` being standard output here too; NULL with the error. */
struct vf_log *vf_frame_log(struct frame *, const char *path, const char *header);
int vf_stats_open(struct frame *);			/* --stats */
int vf_stats_write(struct frame *, int status, struct vf_error *);
void vf_progress_start(struct frame *);			/* there is a bar when asked for, or when somebody sees it */
void vf_progress(struct frame *);
void vf_progress_end(struct frame *);

/* frame-signals.c */
void vf_signals_catch(void);		/* those that end us; the library's reads and writes give up then too */
int vf_signal_caught(void);		/* the first of them, or 0 */
void vf_signal_die(int);		/* as it would have ended us, so that the shell sees it */

#endif
