/*
 * tools/frame.h -- what every command line shares: the option table, inputs,
 * outputs, rejects, stats, progress, signals, and the exit status (DESIGN 3).
 *
 * A tool is one struct vf_tool and a run function.  The frame parses, opens,
 * calls run, judges --max-rejects and conservation, commits the outputs in the
 * order in which they were opened, writes the stats line and exits.  Only the
 * frame prints messages, reads the environment, installs handlers and exits.
 */
#ifndef VF_TOOLS_FRAME_H
#define VF_TOOLS_FRAME_H

#include <stddef.h>

#include "base/error.h"
#include "base/file.h"
#include "fan/campaign.h"
#include "record/in.h"
#include "record/lines.h"
#include "record/out.h"

enum vf_kind {
	VF_FLAG,		/* bool */
	VF_TEXT,		/* const char * */
	VF_PATH,		/* const char * */
	VF_LIST,		/* struct vf_list: may be given again */
	VF_U64,			/* uint64_t */
	VF_DURATION,		/* uint64_t, milliseconds; a bare number is seconds */
	VF_DATE,		/* int64_t, RFC 3339 to seconds since 1970 */
};

struct vf_list {
	const char **v;
	int n;
};

struct vf_option {
	const char *name;
	int letter;		/* 0: long form only */
	enum vf_kind kind;
	size_t offset;		/* into the tool's struct options */
	const char *arg;	/* how --help names the value; NULL for a flag */
	const char *help;
};

enum vf_want {
	VF_WANT_CSV = 1 << 0,		/* CSV operands: -d, --column, --rejects, --max-rejects; run->in is open */
	VF_WANT_OUTPUT = 1 << 1,	/* -o */
	VF_WANT_CAMPAIGN = 1 << 2,	/* -c is required */
	VF_WANT_WAVE = 1 << 3,		/* --wave ID is an option */
	VF_WANT_OPERANDS = 1 << 4,	/* operands are the tool's own: run->operands; run->in is NULL */
	VF_WANT_COMMAND = 1 << 5,	/* with VF_WANT_OPERANDS: parsing stops at the first operand */
	VF_WANT_NDJSON = 1 << 6,	/* NDJSON operands: --rejects, --max-rejects; run->lines is open */
};

struct vf_run {
	const void *options;		/* the tool's struct, filled */
	struct vf_in *in;		/* with VF_WANT_CSV */
	struct vf_lines *lines;		/* with VF_WANT_NDJSON */
	int verb;			/* of tool->verbs, from 0 */
	bool no_input;			/* set by check: this verb reads no operands, nothing is opened */
	bool own_input;			/* set by check: the operands are not CSV this time; records are in in_count */
	const struct vf_campaign *campaign;	/* -c, or NULL */
	const char *wave;		/* --wave, or NULL */
	const char *output;		/* -o, or NULL */
	char *const *operands;
	int noperands;
	uint64_t in_count;		/* for tools without run->in and run->lines: records in */
	uint64_t out_count;		/* for tools without vf_output() and vf_output_lines(): records out */
	uint64_t held;			/* records neither out nor rejected, a class the tool names in its stats */
	int exit_status;		/* when run returned 0 and this is not: the exit status (vf-attempt, vf-audit) */
	struct vf_error err;
};

struct vf_tool {
	const char *name, *purpose;
	const char *operands;			/* for the usage line; NULL: "[FILE ...]" with VF_WANT_CSV */
	/* NULL-ended, or NULL: what the first operand has to be one of; it is run->verb, the rest are operands. */
	const char *const *verbs;
	const struct vf_option *options;	/* ends with a zero entry; or NULL */
	const void *defaults;			/* a struct options to start from; NULL: zeroes */
	size_t options_size;
	unsigned wants;
	const char *const *reasons;		/* NULL-ended: the tool's own reject words, from VF_REJECT_TOOL on */
	/* Cross-option rules and changes to how the input is opened, before any I/O; or NULL. */
	int (*check)(struct vf_run *, void *options, struct vf_in_options *);
	/* The same for a tool of NDJSON: run->verb is set, `options` and how lines are read may be changed; or NULL. */
	int (*check_lines)(struct vf_run *, void *options, struct vf_lines_options *);
	int (*run)(struct vf_run *);		/* 0, or -1 with run->err */
	/* After the judgement, when all outputs are committed: what has to become visible last; or NULL. */
	int (*commit)(struct vf_run *);
	void (*cleanup)(struct vf_run *);	/* always, last: temporaries go; or NULL */
};

int vf_main(int argc, char **argv, const struct vf_tool *);

/* Counts a record that is not let through and writes its reject line. reason: the row's own, or the tool's number.
 * detail: a fixed or numeric text without personal data, or NULL. Returns 0 or -1. */
int vf_reject(struct vf_run *, const struct vf_row *, int reason, const char *detail);

/*
 * Opens an output; the frame owns it, commits it after the judgement (in the
 * order of opening) and frees it.  The first that is opened is the main one:
 * the stats' `out` is its count.  options.path NULL means -o.
 */
struct vf_out *vf_output(struct vf_run *, struct vf_out_options *);
/* The same for NDJSON: vf_lines_put() counts what is out. path NULL means -o. */
struct vf_lines_out *vf_output_lines(struct vf_run *, const char *path, unsigned flags);
/* The same for a file that is no CSV: manifests, text. Commit order is opening order too. */
struct vf_file *vf_output_file(struct vf_run *, const char *path, unsigned flags);

/* The tool's own figures for the stats line, under their own keys; text is quoted. json: ready text of one value. */
void vf_stat_u64(struct vf_run *, const char *key, uint64_t);
void vf_stat_str(struct vf_run *, const char *key, const char *);
void vf_stat_json(struct vf_run *, const char *key, struct vf_slice json);
/* {"name":count,…} of n names. */
void vf_stat_counts(struct vf_run *, const char *key, const char *const *names, const uint64_t *counts, size_t n);
/* Which campaign and wave the stats line is about, where the tool knows better than -c and --wave. */
void vf_stat_ids(struct vf_run *, const char *campaign, const char *wave);

/* A line on stderr that is no failure: `tool: text` (with --log json an object, its level `info`). */
void vf_note(struct vf_run *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same with level `warning`: something does not hold, and somebody should look. */
void vf_warn(struct vf_run *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A signal came: look once per batch; return -1 after vf_stopped() filled the
 * error.  The look also moves the progress bar.
 */
bool vf_stopping(void);
int vf_stopped(struct vf_run *);

/* The installed data folder: VF_DATADIR of the environment, else what configure was told. */
const char *vf_datadir(void);
/* A look-up in the environment for libvf, which never does it itself: TMPDIR, VF_RUN_ID, secrets. */
const char *vf_env(const char *name);

#endif
