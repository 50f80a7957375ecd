/* vf-filter -- keep the fans who may take part, their address and phone in normal form. */
#include "filter.h"

static const struct filter_options defaults = {
	.region = "US", .max_per_phone = UINT64_MAX, .max_per_email = UINT64_MAX,
};

static const struct vf_option options[] = {
	{ "exclude", 0, VF_LIST, offsetof(struct filter_options, exclude), "FILE",
		"reject the fans of a ledger, or of CSV with globalUserId" },
	{ "opt-out", 0, VF_LIST, offsetof(struct filter_options, opt_out), "FILE",
		"who wants no messages: phones, addresses, ids" },
	{ "email-whitelist", 0, VF_LIST, offsetof(struct filter_options, whitelist), "FILE",
		"lifts blacklisted and disposable-domain" },
	{ "email-blacklist", 0, VF_LIST, offsetof(struct filter_options, blacklist), "FILE",
		"reject these addresses and domains" },
	{ "disposable", 0, VF_LIST, offsetof(struct filter_options, disposable), "FILE",
		"disposable domains, in place of the installed list" },
	{ "no-disposable", 0, VF_FLAG, offsetof(struct filter_options, no_disposable), NULL,
		"let disposable domains through" },
	{ "region", 0, VF_TEXT, offsetof(struct filter_options, region), "REGION",
		"region of phone numbers without + (default US)" },
	{ "phone-metadata", 0, VF_PATH, offsetof(struct filter_options, phone_metadata), "FILE",
		"phone metadata, in place of the installed file" },
	{ "strict-phone", 0, VF_FLAG, offsetof(struct filter_options, strict_phone), NULL,
		"reject numbers that are possible but not assigned" },
	{ "max-per-phone", 0, VF_U64, offsetof(struct filter_options, max_per_phone), "N", "fans who may share a phone" },
	{ "max-per-email", 0, VF_U64, offsetof(struct filter_options, max_per_email), "N", "fans who may share a mailbox" },
	{ 0 },
};

struct filter {
	const struct filter_options *opt;
	struct vf_run *run;
	struct vf_rules rules;
	struct vf_out *out;
	int id, email, phone, confirmed, region, tags;	/* columns, -1: there is none */
	const char *sets[5];
	struct filter_lists lists;
	struct vf_buf words;		/* the tags of a record that brings some along */
	struct vf_buf own[1 << VF_TAGS];	/* the tags of one that does not, by mask */
	uint64_t counts[VF_TAGS];
	struct vf_fan fans[VF_FANS_MAX];
};

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct filter_options *opt = options_;

	(void)in;
	if (opt->no_disposable && opt->disposable.n > 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--disposable and --no-disposable exclude each other");
	if (opt->max_per_phone == 0 || opt->max_per_email == 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--max-per-phone and --max-per-email: at least 1");
	if (strlen(opt->region) != 2 || strspn(opt->region, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 2)
		return vf_error(&run->err, VF_ERR_CONFIG, "--region: two capital letters, as in US");
	return 0;
}

/* The columns there are, and so what is judged and set. */
static int
settle_columns(struct filter *f)
{
	const struct vf_header *h = vf_in_header(f->run->in);
	int n = 0;

	f->id = vf_header_need(h, "globalUserId", &f->run->err);
	if (f->id < 0)
		return -1;
	f->email = vf_header_find(h, "email");
	f->phone = vf_header_find(h, "phone");
	f->confirmed = vf_header_find(h, "phoneConfirmed");
	f->region = vf_header_find(h, "phoneRegion");
	f->tags = vf_header_find(h, "tags");
	if (f->email < 0 && f->phone < 0)
		return vf_error(&f->run->err, VF_ERR_CONFIG, "%s: no column email or phone", h->file);
	f->rules.has_email = f->email >= 0;
	f->rules.has_phone = f->phone >= 0;
	f->rules.has_confirmed = f->confirmed >= 0;
	if (f->rules.has_email)
		f->sets[n++] = "email";
	if (f->rules.has_phone) {
		f->sets[n++] = "phone";
		f->sets[n++] = "phoneRegion";
	}
	f->sets[n] = "tags";
	return 0;
}

static int
settle_rules(struct filter *f)
{
	static char us[] = "US", ca[] = "CA", *const home[] = { us, ca };
	const struct vf_campaign *c = f->run->campaign;
	struct vf_rules *r = &f->rules;

	r->home_regions = c != NULL ? c->home_regions : home;
	r->nhome_regions = c != NULL ? c->nhome_regions : 2;
	r->allow_intl = c != NULL && c->allow_intl_phones;
	r->require_confirmed = c != NULL && c->require_confirmed_phone;
	r->strict_phone = f->opt->strict_phone;
	r->region = f->opt->region;
	r->max_per_phone = f->opt->max_per_phone;
	r->max_per_email = f->opt->max_per_email;
	if (r->max_per_phone != UINT64_MAX && (r->phone_counts = vf_keyset_new(4, 0, &f->run->err)) == NULL)
		return -1;
	if (r->max_per_email != UINT64_MAX && (r->email_counts = vf_keyset_new(4, 0, &f->run->err)) == NULL)
		return -1;
	for (unsigned mask = 0; mask < 1u << VF_TAGS; mask++)
		if (vf_tags_write(vf_slice("", 0), mask, &f->own[mask]) < 0)
			return vf_error_nomem(&f->run->err);
	return 0;
}

static inline struct vf_slice
field(const struct vf_row *row, int column)
{
	struct vf_slice v;

	if (column < 0)
		return vf_slice("", 0);
	v = vf_row_value(row, column);
	return v.n > 0 && (v.p[0] <= ' ' || v.p[v.n - 1] <= ' ') ? vf_slice_trim(v) : v;
}

/* v, or the field as it stands in the record when it means the same: then nothing is copied. */
static struct vf_slice
keep(const struct vf_row *row, int column, struct vf_slice v)
{
	struct vf_slice raw;

	if (column < 0)
		return v;
	raw = vf_row_raw(row, column);
	return v.p != raw.p && vf_slice_eq(v, vf_row_value(row, column)) ? raw : v;
}

static int
put(struct filter *f, const struct vf_row *row, const struct vf_fan *fan)
{
	struct vf_slice v[4], old = f->tags >= 0 ? vf_row_value(row, f->tags) : vf_slice("", 0);
	int n = 0;

	for (unsigned left = fan->tags; left != 0; left &= left - 1)
		f->counts[__builtin_ctz(left)]++;
	if (f->rules.has_email)
		v[n++] = keep(row, f->email, fan->address.address);
	if (f->rules.has_phone) {
		v[n++] = keep(row, f->phone, vf_slice(fan->number.e164, fan->number.len));
		v[n++] = keep(row, f->region, vf_slice_str(fan->number.region));
	}
	v[n] = vf_buf_slice(&f->own[fan->tags]);
	if (old.n > 0) {
		if (vf_tags_write(old, fan->tags, &f->words) < 0)
			return vf_error_nomem(&f->run->err);
		v[n] = vf_buf_slice(&f->words);
	}
	v[n] = keep(row, f->tags, v[n]);
	return vf_out_put(f->out, row, vf_in_delimiter(f->run->in, row->file), v, &f->run->err);
}

/* At most VF_FANS_MAX rows: judged together, then written or rejected in their order. */
static int
filter_rows(struct filter *f, const struct vf_row *rows, int n)
{
	size_t k = 0;

	for (int i = 0; i < n; i++) {
		struct vf_fan *fan = &f->fans[k];

		if (rows[i].reject != 0)
			continue;
		fan->id = field(&rows[i], f->id);
		fan->email = field(&rows[i], f->email);
		fan->phone = field(&rows[i], f->phone);
		fan->confirmed = field(&rows[i], f->confirmed);
		k++;
	}
	if (vf_eligible_judge(&f->rules, f->fans, k, &f->run->err) < 0)
		return -1;
	k = 0;
	for (int i = 0; i < n; i++) {
		const struct vf_fan *fan = &f->fans[k];
		int rc;

		k += rows[i].reject == 0;
		if (rows[i].reject != 0)
			rc = vf_reject(f->run, &rows[i], rows[i].reject, NULL);
		else if (fan->reason != VF_REASON_NONE)
			rc = vf_reject(f->run, &rows[i], VF_REJECT_TOOL + (int)fan->reason - 1, fan->detail);
		else
			rc = put(f, &rows[i], fan);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
filter_all(struct filter *f)
{
	const struct vf_row *rows;
	int n;

	if (settle_columns(f) < 0 || settle_rules(f) < 0 || filter_lists_load(&f->lists, f->opt, &f->rules) < 0)
		return -1;
	f->out = vf_output(f->run, &(struct vf_out_options){ .header = vf_in_header(f->run->in), .sets = f->sets,
					   .flags = VF_FILE_PRIVATE });
	if (f->out == NULL)
		return -1;
	while ((n = vf_in_batch(f->run->in, &rows, &f->run->err)) > 0)
		for (int i = 0; i < n; i += VF_FANS_MAX) {
			if (filter_rows(f, rows + i, n - i < VF_FANS_MAX ? n - i : VF_FANS_MAX) < 0)
				return -1;
			if (vf_stopping())
				return vf_stopped(f->run);
		}
	return n;
}

static int
run(struct vf_run *run)
{
	static struct filter f;
	int rc;

	f.run = f.lists.files.run = run;
	f.opt = run->options;
	rc = filter_all(&f);
	vf_stat_counts(run, "tags", vf_tag_names, f.counts, VF_TAGS);
	filter_lists_finish(&f.lists);
	vf_keyset_free(f.rules.phone_counts);
	vf_keyset_free(f.rules.email_counts);
	for (size_t i = 0; i < 1 << VF_TAGS; i++)
		vf_buf_free(&f.own[i]);
	vf_buf_free(&f.words);
	return rc;
}

static const struct vf_tool tool = {
	.name = "vf-filter",
	.purpose = "Keep the fans who may take part, with address and phone in normal form.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct filter_options),
	.wants = VF_WANT_CSV | VF_WANT_OUTPUT,
	.reasons = vf_reason_words,
	.check = check,
	.run = run,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
