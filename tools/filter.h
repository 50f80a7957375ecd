/* tools/filter.h -- what the parts of vf-filter know about each other; no other tool includes it. */
#ifndef VF_TOOLS_FILTER_H
#define VF_TOOLS_FILTER_H

#include "fan/eligible.h"
#include "lists.h"

struct filter_options {
	struct vf_list exclude, whitelist, blacklist, disposable, opt_out;
	bool no_disposable, strict_phone;
	const char *region, *phone_metadata;
	uint64_t max_per_phone, max_per_email;
};

/* What the rules hang on: lists of addresses and domains, phone metadata, opt-outs, fans to leave out. */
struct filter_lists {
	struct vf_lists files;		/* its run is set before anything else */
	struct vf_keyset *excluded;
	struct vf_optout *opted_out;
	struct vf_domains *domains;
	struct vf_phone_book *phones;
};

/*
 * filter-lists.c: reads what the options name, or else what is installed, as
 * far as rules->has_email and has_phone ask for it, and lets the rules point to
 * it.  0, or -1 with the error of the run.
 */
int filter_lists_load(struct filter_lists *, const struct filter_options *, struct vf_rules *);
/* Puts what was read, nothing included, on record in the stats; frees it. */
void filter_lists_finish(struct filter_lists *);

#endif
