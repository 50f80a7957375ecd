/* tools/tally.h -- what the parts of vf-tally know about each other; no other tool includes it. */
#ifndef VF_TOOLS_TALLY_H
#define VF_TOOLS_TALLY_H

#include "base/buf.h"
#include "fan/metrics.h"
#include "fan/overview.h"
#include "fan/tally.h"
#include "frame.h"

#define CHAIN_MAX 64

struct options {
	const char *expect, *run, *html;
	bool json, metrics;
};

struct report {
	struct vf_run *run;
	const struct options *opt;
	struct vf_tally tally;
	struct vf_overview overview;
	struct vf_metric metrics[VF_METRICS];
	char *chain_text, *chain[CHAIN_MAX];
	int nchain;
	struct vf_buf violations;	/* texts, each with a NUL at its end */
	uint64_t nviolations, bad_lines;
};

/* vf-tally.c: `run ID`, or `no run`, fit to be shown. */
#define RUN_NAME 64
void tally_run_name(char name[RUN_NAME], const char *run);
/* The texts of what does not hold: the first, and the one after; NULL at the end. */
const char *tally_violation(const struct report *, const char *last);
/* `ok`, `FAILED` or `LOST`. */
const char *tally_step_word(const struct vf_tally_step *);
/* `ok`, `LOST` or `MISSING`. */
const char *tally_link_word(struct vf_tally_link);

/* A path's last part, for a table. */
const char *tally_base_name(const char *path);

/* The report in each form, appended; a buffer that failed is the caller's to see. */
void tally_table(struct vf_buf *, const struct report *);
void tally_json(struct vf_buf *, const struct report *);
void tally_html(struct vf_buf *, const struct report *);

#endif
