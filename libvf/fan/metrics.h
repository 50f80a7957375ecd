/*
 * fan/metrics.h -- the success metrics of the pipeline, as far as stats lines
 * tell: target, value, and whether it was reached.  What the lines do not tell
 * is not measured, and says what is missing; nothing is guessed.
 */
#ifndef VF_FAN_METRICS_H
#define VF_FAN_METRICS_H

#include "fan/tally.h"

enum vf_verdict { VF_METRIC_OK, VF_METRIC_MISSED, VF_METRIC_NOT_MEASURED };
extern const char *const vf_verdict_names[3];	/* `ok`, `missed`, `not measured` */

#define VF_METRICS 15

struct vf_metric {
	const char *id, *group, *name, *target;
	enum vf_verdict verdict;
	double number;			/* in the unit of `value`; 0 when not measured */
	char value[32];			/* `99.61 %`, `4.2 s`; "" when not measured */
	char basis[192];		/* of what it was made, or what is missing */
};

/* Of a settled tally. */
void vf_metrics_make(struct vf_metric out[VF_METRICS], const struct vf_tally *);

#endif
