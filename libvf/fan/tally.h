/*
 * fan/tally.h -- stats lines in, verdict out: does every step account for its
 * records, and does each read what the one before it wrote (DESIGN 2, Conservation)?
 *
 * Use: vf_tally_add() each line, vf_tally_settle() once, then look at the
 * steps and ask.  The tally owns all texts.  Memory: about 500 bytes a line.
 */
#ifndef VF_FAN_TALLY_H
#define VF_FAN_TALLY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

struct vf_tally_step {
	char *tool, *run, *campaign, *wave;	/* "" when absent */
	char *input;			/* the stats line's `input` as JSON text: null, or an array of names */
	char *first_input;		/* the first of the names; "" when there is none */
	size_t ninputs;
	char *reasons;			/* as JSON text */
	uint64_t in, out, rejected;
	uint64_t unselected, deferred;	/* the classes of records held back */
	uint64_t reasoned;		/* sum of the reasons' counts */
	uint64_t exit;
	double seconds;
	const char *file;		/* where the line stands; borrowed */
	uint64_t line;
	size_t order, run_order;	/* of the line, and of the first line of its run, among all lines */
};

struct vf_tally {
	struct vf_tally_step *steps;
	size_t nsteps, size;
	uint64_t lines;			/* good ones */
};

/* From one tool of a chain to the next, in one run. */
struct vf_tally_link {
	uint64_t out, in;		/* sum over the waves and inputs of the step */
	bool from, to;			/* there are lines of it */
};

/*
 * Takes one line.  What is no stats line is VF_ERR_CONFIG with `where: cause`;
 * `where` is made of file and line.  run not NULL: lines of other runs are left out.
 * Lines of vf-tally itself are left out too.
 */
int vf_tally_add(struct vf_tally *, struct vf_slice text, const char *run, const char *file, uint64_t line,
	struct vf_error *);

/*
 * Of one tool, run, campaign, wave and input the last line counts: the others
 * go.  The steps are then grouped by run, in the order in which they were read.
 */
void vf_tally_settle(struct vf_tally *);

/* True when the step's records add up; else why not is appended, when cause is not NULL. */
bool vf_tally_step_ok(const struct vf_tally_step *, struct vf_buf *cause);

/* The sums for two neighbours of a chain over the steps [first, end) of one run. */
struct vf_tally_link vf_tally_link(const struct vf_tally *, size_t first, size_t end, const char *from, const char *to);
bool vf_tally_link_ok(struct vf_tally_link);

/* The end of the run whose first step is `first`. */
size_t vf_tally_run_end(const struct vf_tally *, size_t first);

void vf_tally_clear(struct vf_tally *);

#endif
