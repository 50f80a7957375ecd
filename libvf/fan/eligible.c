#include "fan/eligible.h"

const char *const vf_reason_words[VF_REASONS + 1] = {
	"missing-user", "excluded", "bad-email", "blacklisted", "disposable-domain", "bad-phone", "intl-phone",
	"phone-unconfirmed", "unreachable", "too-many-per-phone", "too-many-per-email", NULL,
};

static enum vf_reason
fail(struct vf_fan *f, enum vf_reason reason, const char *detail)
{
	f->reason = reason;
	f->detail = detail;
	return reason;
}

static bool
on_list(unsigned lists, enum vf_list_kind kind)
{
	return (lists >> kind & 1) != 0;
}

static enum vf_reason
judge_email(const struct vf_rules *r, struct vf_fan *f)
{
	enum vf_email_fault fault;
	unsigned lists;

	if (!r->has_email)
		return VF_REASON_NONE;
	if (f->email.n == 0) {
		f->tags |= VF_TAG_NO_EMAIL;
		return VF_REASON_NONE;
	}
	fault = vf_email_judge(f->email, f->scratch, &f->address);
	if (fault != VF_EMAIL_OK)
		return fail(f, VF_REASON_BAD_EMAIL, vf_email_fault_text(fault));
	lists = vf_domains_match(r->domains, &f->address);
	if (lists == 0)
		return VF_REASON_NONE;
	if (on_list(lists, VF_LIST_BLACK) && !on_list(lists, VF_LIST_WHITE))
		return fail(f, VF_REASON_BLACKLISTED, NULL);
	if (on_list(lists, VF_LIST_RELAY))
		f->tags |= VF_TAG_RELAY_EMAIL;
	else if (on_list(lists, VF_LIST_DISPOSABLE) && !on_list(lists, VF_LIST_WHITE))
		return fail(f, VF_REASON_DISPOSABLE_DOMAIN, NULL);
	return VF_REASON_NONE;
}

static bool
is_home(const struct vf_rules *r, const char *region)
{
	for (size_t i = 0; i < r->nhome_regions; i++)
		if (strcmp(r->home_regions[i], region) == 0)
			return true;
	return false;
}

static enum vf_reason
judge_phone(const struct vf_rules *r, struct vf_fan *f)
{
	enum vf_phone_verdict verdict;

	if (!r->has_phone)
		return VF_REASON_NONE;
	if (f->phone.n == 0) {
		f->tags |= VF_TAG_NO_PHONE;
		return VF_REASON_NONE;
	}
	verdict = vf_phone_judge(r->phones, f->phone, r->region, &f->number);
	if (verdict == VF_PHONE_BAD)
		return fail(f, VF_REASON_BAD_PHONE, "not a phone number");
	if (!vf_phone_takes_sms(f->number.type))
		return fail(f, VF_REASON_BAD_PHONE, "a toll-free or premium-rate number");
	if (verdict == VF_PHONE_POSSIBLE) {
		if (r->strict_phone)
			return fail(f, VF_REASON_BAD_PHONE, "not assigned by the phone metadata");
		f->tags |= VF_TAG_PHONE_UNVERIFIED;
	}
	if (!r->allow_intl && !is_home(r, f->number.region))
		return fail(f, VF_REASON_INTL_PHONE, NULL);
	return VF_REASON_NONE;
}

static bool
is_true(struct vf_slice s)
{
	return s.n == 4 && (s.p[0] | 32) == 't' && (s.p[1] | 32) == 'r' && (s.p[2] | 32) == 'u' &&
		(s.p[3] | 32) == 'e';
}

/* A phone that is not there is not confirmed. */
static enum vf_reason
judge_confirmed(const struct vf_rules *r, struct vf_fan *f)
{
	if (!r->has_confirmed || (is_true(f->confirmed) && (!r->has_phone || f->phone.n > 0)))
		return VF_REASON_NONE;
	f->tags |= VF_TAG_PHONE_UNCONFIRMED;
	return r->require_confirmed ? fail(f, VF_REASON_PHONE_UNCONFIRMED, NULL) : VF_REASON_NONE;
}

/* A valid id, and none that is excluded. */
static void
judge_ids(const struct vf_rules *r, struct vf_fan *fans, size_t n)
{
	struct vf_key keys[VF_FANS_MAX];
	uint64_t values[VF_FANS_MAX];
	unsigned char found[VF_FANS_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct vf_fan *f = &fans[i];

		f->reason = VF_REASON_NONE;
		f->detail = NULL;
		f->tags = 0;
		f->address.address = vf_slice(f->scratch, 0);
		f->number.len = 0;
		f->number.region[0] = '\0';
		if (!vf_fan_id_ok(f->id))
			fail(f, VF_REASON_MISSING_USER, NULL);
		else if (r->excluded != NULL)
			keys[k++] = vf_keyset_key(r->excluded, f->id);
	}
	if (k == 0)
		return;
	vf_keyset_find(r->excluded, keys, k, found, values);
	for (size_t i = n; i-- > 0;)
		if (fans[i].reason == VF_REASON_NONE && found[--k] && values[k] != 0)
			fail(&fans[i], VF_REASON_EXCLUDED, NULL);
}

static void
ask_opt_outs(const struct vf_rules *r, struct vf_fan *fans, size_t n)
{
	struct vf_optout_who who[VF_FANS_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (fans[i].reason == VF_REASON_NONE)
			who[k++] = (struct vf_optout_who){ .id = fans[i].id, .email = fans[i].address.address,
				.phone = vf_slice(fans[i].number.e164, fans[i].number.len) };
	vf_optout_find(r->opted_out, who, k);
	for (size_t i = n; i-- > 0;)
		if (fans[i].reason == VF_REASON_NONE) {
			k--;
			if ((who[k].out & VF_OPTOUT_SMS) != 0)
				fans[i].tags |= VF_TAG_SMS_OPT_OUT;
			if ((who[k].out & VF_OPTOUT_EMAIL) != 0)
				fans[i].tags |= VF_TAG_EMAIL_OPT_OUT;
		}
}

/* A channel is an address that is there and that its owner did not close. */
static void
judge_reach(const struct vf_rules *r, struct vf_fan *fans, size_t n)
{
	if (r->opted_out != NULL)
		ask_opt_outs(r, fans, n);
	for (size_t i = 0; i < n; i++) {
		struct vf_fan *f = &fans[i];
		bool email = f->address.address.n > 0 && (f->tags & VF_TAG_EMAIL_OPT_OUT) == 0;
		bool phone = f->number.len > 0 && (f->tags & VF_TAG_SMS_OPT_OUT) == 0;

		if (f->reason == VF_REASON_NONE && !email && !phone)
			fail(f, VF_REASON_UNREACHABLE, f->tags & (VF_TAG_EMAIL_OPT_OUT | VF_TAG_SMS_OPT_OUT) ?
					"opted out" : "no e-mail and no phone");
	}
}

/* Counts each key of the group and fails who[i] where its count was at the maximum already. */
static int
count(struct vf_keyset *counts, uint64_t max, const struct vf_key *keys, struct vf_fan **who, size_t n,
	enum vf_reason reason, struct vf_error *err)
{
	uint64_t values[VF_FANS_MAX];
	unsigned char fresh[VF_FANS_MAX], found;

	for (size_t i = 0; i < n; i++)
		values[i] = 1;
	if (vf_keyset_add(counts, keys, n, fresh, values, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (fresh[i])
			continue;
		/* The value may have changed since, for a key that is in the group twice. */
		vf_keyset_find(counts, &keys[i], 1, &found, &values[i]);
		if (values[i] >= max)
			fail(who[i], reason, NULL);
		else if (values[i] < UINT32_MAX)
			vf_keyset_set(counts, keys[i], values[i] + 1);
	}
	return 0;
}

static int
count_phones(struct vf_rules *r, struct vf_fan *fans, size_t n, struct vf_error *err)
{
	struct vf_key keys[VF_FANS_MAX];
	struct vf_fan *who[VF_FANS_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (fans[i].reason == VF_REASON_NONE && fans[i].number.len > 0) {
			who[k] = &fans[i];
			keys[k++] = vf_keyset_key(r->phone_counts, vf_slice(fans[i].number.e164, fans[i].number.len));
		}
	return count(r->phone_counts, r->max_per_phone, keys, who, k, VF_REASON_TOO_MANY_PER_PHONE, err);
}

static int
count_emails(struct vf_rules *r, struct vf_fan *fans, size_t n, struct vf_error *err)
{
	struct vf_key keys[VF_FANS_MAX];
	struct vf_fan *who[VF_FANS_MAX];
	char mailbox[VF_EMAIL_MAX];
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (fans[i].reason == VF_REASON_NONE && fans[i].address.address.n > 0) {
			who[k] = &fans[i];
			keys[k++] = vf_keyset_key(r->email_counts, vf_email_mailbox(&fans[i].address, mailbox));
		}
	return count(r->email_counts, r->max_per_email, keys, who, k, VF_REASON_TOO_MANY_PER_EMAIL, err);
}

int
vf_eligible_judge(struct vf_rules *r, struct vf_fan *fans, size_t n, struct vf_error *err)
{
	judge_ids(r, fans, n);
	for (size_t i = 0; i < n; i++)
		if (fans[i].reason == VF_REASON_NONE && judge_email(r, &fans[i]) == VF_REASON_NONE &&
			judge_phone(r, &fans[i]) == VF_REASON_NONE)
			judge_confirmed(r, &fans[i]);
	judge_reach(r, fans, n);
	if (r->max_per_phone != UINT64_MAX && count_phones(r, fans, n, err) < 0)
		return -1;
	if (r->max_per_email != UINT64_MAX && count_emails(r, fans, n, err) < 0)
		return -1;
	return 0;
}
