/*
 * fan/overview.h -- what a campaign came to, over all its runs: how many were
 * left after each stage, and why the others are not among them.
 *
 * Made of a settled tally, which it points into and which has to live as long.
 * Steps that failed are left out; of a tool, campaign, wave and input the last
 * good line counts, whatever its run, so that what was run again is not there
 * twice.
 */
#ifndef VF_FAN_OVERVIEW_H
#define VF_FAN_OVERVIEW_H

#include "fan/tally.h"

struct vf_stage {
	const char *campaign, *wave;	/* wave "": of the campaign, before any */
	const char *name;		/* `scored`, `eligible`, …, `e-mail sent` */
	uint64_t n;
};

struct vf_why {
	const char *campaign, *wave, *tool, *word;
	uint64_t n;
};

struct vf_overview {
	struct vf_stage *stages;	/* by campaign, then wave, then as they follow each other */
	size_t nstages;
	struct vf_why *why;		/* by campaign, wave and tool; the most frequent first */
	size_t nwhy;
};

int vf_overview_make(struct vf_overview *, const struct vf_tally *, struct vf_error *);
void vf_overview_clear(struct vf_overview *);

#endif
