/*
 * fan/tally.h -- stats lines in, verdict out: does every step account for its
 * records, and does each read what the one before it wrote (DESIGN 2, Conservation)?
 *
 * Use: vf_tally_add() each line, vf_tally_settle() once, then look at the
 * steps and ask.  The tally owns all texts.  Memory: about 600 bytes a line,
 * and 24 KiB for each wave that a line has delivery figures of.
 */
#ifndef VF_FAN_TALLY_H
#define VF_FAN_TALLY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "fan/delivery.h"

struct vf_tally_count {
	char *name;
	uint64_t n;
};

/* What vf-slack says of the alerts it sent: how long after the failed step's end, and after its start, they were there. */
struct vf_tally_alerts {
	uint64_t sent, failed, timed;
	double lag_sum, lag_max, detection_sum;
};

struct vf_tally_step {
	char *tool, *run, *campaign, *wave;	/* "" when absent */
	char *input;			/* the stats line's `input` as JSON text: null, or an array of names */
	char *first_input;		/* the first of the names; "" when there is none */
	size_t ninputs;
	char *reasons;			/* as JSON text */
	struct vf_tally_count *why;	/* the same, taken apart */
	size_t nwhy;
	uint64_t in, out, rejected;
	uint64_t unselected, deferred;	/* the classes of records held back */
	uint64_t reasoned;		/* sum of the reasons' counts */
	uint64_t exit;
	double seconds;
	int64_t started;		/* since 1970; 0 when absent */
	uint64_t attempt;		/* vf-attempt: tries it took */
	uint64_t sms, email;		/* vf-wave: records in its two files */
	struct vf_tally_alerts alerts;	/* vf-slack */
	const char *about;		/* once settled: its wave, else the only wave of its run, else "" */
	const char *file;		/* where the line stands; borrowed */
	uint64_t line;
	size_t order, run_order;	/* of the line, and of the first line of its run, among all lines */
};

/* Delivery figures of a line: its `delivery`, or one of its `deliveries`. */
struct vf_tally_delivery {
	char *tool, *campaign, *wave, *input;
	size_t order;
	struct vf_delivery d;
};

struct vf_tally {
	struct vf_tally_step *steps;
	size_t nsteps, size;
	struct vf_tally_delivery **deliveries;
	size_t ndeliveries, deliveries_size;
	uint64_t lines;			/* good ones */
	uint64_t failed;		/* of them, with another exit than 0; those whose reader went away (141) are neither */
	uint64_t left;
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
 *
 * Delivery figures are about a wave, not about a run.  Of the cumulative ones
 * (the tool has a journal, its results hold those of earlier runs) of one tool,
 * campaign, wave and input those with the most results count, of equals the
 * last; all others do.  What counts is added up by campaign, wave and channel,
 * in that order.
 */
void vf_tally_settle(struct vf_tally *);

/* How many records the step rejected for this reason. */
uint64_t vf_tally_reason(const struct vf_tally_step *, const char *word);

/* A step that makes records: nothing went in, and there is nothing to account for. */
bool vf_tally_is_source(const struct vf_tally_step *);

/* True when the step's records add up; else why not is appended, when cause is not NULL. */
bool vf_tally_step_ok(const struct vf_tally_step *, struct vf_buf *cause);

/* The sums for two neighbours of a chain over the steps [first, end) of one run. */
struct vf_tally_link vf_tally_link(const struct vf_tally *, size_t first, size_t end, const char *from, const char *to);
bool vf_tally_link_ok(struct vf_tally_link);

/* The end of the run whose first step is `first`. */
size_t vf_tally_run_end(const struct vf_tally *, size_t first);

void vf_tally_clear(struct vf_tally *);

#endif
