/* filter-lists.c -- the files that the rules hang on, read and put on record. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "filter.h"

struct loader {
	struct filter_lists *lists;
	struct vf_run *run;
	const struct filter_options *opt;
	struct vf_rules *rules;
};

static int
load_domains(struct loader *l, enum vf_list_kind list, const char *path)
{
	static const char *const kinds[] = { "email-whitelist", "email-blacklist", "disposable", "relay" };
	unsigned flags = list == VF_LIST_DISPOSABLE || list == VF_LIST_RELAY ? VF_DOMAINS_BELOW : 0;
	struct vf_slice text;
	uint64_t entries;

	if (vf_lists_read(&l->lists->files, path, &text) < 0 ||
		vf_domains_add(l->lists->domains, list, flags, text, path, &entries, &l->run->err) < 0)
		return -1;
	return vf_lists_note(&l->lists->files, kinds[list], path, vf_domains_version(text), entries);
}

static int
load_all_domains(struct loader *l, enum vf_list_kind list, const struct vf_list *paths)
{
	for (int i = 0; i < paths->n; i++)
		if (load_domains(l, list, paths->v[i]) < 0)
			return -1;
	return 0;
}

static const char *
installed(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", vf_datadir(), name);
	return path;
}

static int
load_emails(struct loader *l)
{
	const struct filter_options *opt = l->opt;
	char path[PATH_MAX];

	l->rules->domains = l->lists->domains = vf_domains_new(&l->run->err);
	if (l->lists->domains == NULL || load_all_domains(l, VF_LIST_WHITE, &opt->whitelist) < 0 ||
		load_all_domains(l, VF_LIST_BLACK, &opt->blacklist) < 0 ||
		load_all_domains(l, VF_LIST_DISPOSABLE, &opt->disposable) < 0)
		return -1;
	if (!l->rules->has_email)
		return 0;
	if (opt->disposable.n == 0 && !opt->no_disposable &&
		load_domains(l, VF_LIST_DISPOSABLE, installed(path, "disposable-domains.txt")) < 0)
		return -1;
	return load_domains(l, VF_LIST_RELAY, installed(path, "relay-domains.txt"));
}

static int
load_phones(struct loader *l)
{
	struct vf_error *err = &l->run->err;
	char room[PATH_MAX];
	struct vf_slice text;
	const char *path;

	if (!l->rules->has_phone)
		return 0;
	path = l->opt->phone_metadata != NULL ? l->opt->phone_metadata : installed(room, "phone-metadata.txt");
	if (vf_lists_read(&l->lists->files, path, &text) < 0)
		return -1;
	l->rules->phones = l->lists->phones = vf_phone_book_new(text, path, err);
	if (l->lists->phones == NULL)
		return -1;
	if (!vf_phone_region_ok(l->lists->phones, l->opt->region))
		return vf_error(err, VF_ERR_CONFIG, "--region: no region of the phone metadata");
	return vf_lists_note(&l->lists->files, "phone-metadata", path,
		vf_slice_str(vf_phone_book_version(l->lists->phones)), VF_LISTS_UNCOUNTED);
}

static int
load_opt_outs(struct loader *l)
{
	const struct vf_list *paths = &l->opt->opt_out;
	struct vf_optout *out;
	struct vf_slice text;
	uint64_t entries;

	if (paths->n == 0)
		return 0;
	l->rules->opted_out = l->lists->opted_out = out = vf_optout_new(&l->run->err);
	if (out == NULL)
		return -1;
	if (l->lists->phones != NULL)
		vf_optout_phones(out, l->lists->phones, l->opt->region);
	for (int i = 0; i < paths->n; i++)
		if (vf_lists_read(&l->lists->files, paths->v[i], &text) < 0 ||
			vf_optout_add(out, text, paths->v[i], &entries, &l->run->err) < 0 ||
			vf_lists_note(&l->lists->files, "opt-out", paths->v[i], vf_domains_version(text), entries) < 0)
			return -1;
	if (vf_optout_bare(out) > 0)
		vf_warn(l->run, "--opt-out: lines of digits alone that may be phones, taken for ids: %" PRIu64
			"; a phone is written with +", vf_optout_bare(out));
	return 0;
}

static int
load_excluded(struct loader *l)
{
	const struct vf_list *paths = &l->opt->exclude;

	if (paths->n == 0)
		return 0;
	l->rules->excluded = l->lists->excluded = vf_lists_exclude(&l->lists->files, paths);
	return l->lists->excluded == NULL ? -1 : 0;
}

int
filter_lists_load(struct filter_lists *lists, const struct filter_options *opt, struct vf_rules *rules)
{
	struct loader l = { lists, lists->files.run, opt, rules };

	if (load_excluded(&l) < 0 || load_emails(&l) < 0 || load_phones(&l) < 0 || load_opt_outs(&l) < 0)
		return -1;
	vf_buf_free(&lists->files.text);	/* of the last file: up to 1 GiB that nobody needs any more */
	return 0;
}

void
filter_lists_finish(struct filter_lists *lists)
{
	vf_lists_finish(&lists->files);
	vf_keyset_free(lists->excluded);
	vf_optout_free(lists->opted_out);
	vf_domains_free(lists->domains);
	vf_phone_book_free(lists->phones);
}
