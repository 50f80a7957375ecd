/*
 * fuzz-tally.c -- stats lines as somebody may have written them: whatever they
 * say, the report's figures are made of them without harm, and what was taken
 * as delivery figures is the same after it was written and read again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "fan/metrics.h"
#include "fan/overview.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
need(bool holds)
{
	if (!holds)
		abort();
}

static void
check_delivery(const struct vf_delivery *d)
{
	struct vf_buf a = { 0 }, b = { 0 };
	static struct vf_delivery back;
	struct vf_error err;
	struct vf_json *doc;
	struct vf_json_at root;

	/* What was merged of several may be more than one line may say. */
	if (vf_delivery_put(&a, d) < 0 || (doc = vf_json_parse(vf_buf_slice(&a), "a", &err)) == NULL)
		abort();
	root = vf_json_root(doc, "a");
	vf_delivery_init(&back, "");
	if (vf_delivery_get(&back, &root, &err) == 1) {
		need(vf_delivery_put(&b, &back) == 0 && vf_slice_eq(vf_buf_slice(&a), vf_buf_slice(&b)));
	}
	vf_json_free(doc);
	vf_buf_free(&a);
	vf_buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vf_slice text = { (const char *)data, size };
	struct vf_metric metrics[VF_METRICS];
	struct vf_overview o;
	struct vf_tally t = { 0 };
	struct vf_error err;
	uint64_t line = 0;

	while (text.n > 0) {
		const char *lf = memchr(text.p, '\n', text.n);
		size_t n = lf != NULL ? (size_t)(lf - text.p) : text.n;

		if (vf_tally_add(&t, vf_slice(text.p, n), NULL, "f", ++line, &err) == 0 && t.ndeliveries > 0)
			check_delivery(&t.deliveries[t.ndeliveries - 1]->d);
		text.p += n + (lf != NULL);
		text.n -= n + (lf != NULL);
	}
	vf_tally_settle(&t);
	vf_metrics_make(metrics, &t);
	for (int i = 0; i < VF_METRICS; i++)
		need(metrics[i].basis[0] != '\0' && (metrics[i].verdict == VF_METRIC_NOT_MEASURED || metrics[i].value[0] != '\0' ||
			strcmp(metrics[i].id, "alert-delay") == 0));
	need(vf_overview_make(&o, &t, &err) == 0);
	vf_overview_clear(&o);
	vf_tally_clear(&t);
	return 0;
}
