/*
 * fan/eligible.h -- may this fan take part?  The rules of vf-filter in their
 * order: the first that fails names the reason (DESIGN 4).
 *
 * Fans are judged in groups, so that the look-ups of a group in the large sets
 * (exclusions, opt-outs, counts) overlap.  Nothing is allocated but by the
 * counting sets as they grow, and by libidn2 for an internationalised domain.
 */
#ifndef VF_FAN_ELIGIBLE_H
#define VF_FAN_ELIGIBLE_H

#include <stdint.h>

#include "base/keyset.h"
#include "fan/domains.h"
#include "fan/email.h"
#include "fan/fan.h"
#include "fan/optout.h"
#include "fan/phone.h"

enum vf_reason {
	VF_REASON_NONE,
	VF_REASON_MISSING_USER,
	VF_REASON_EXCLUDED,
	VF_REASON_BAD_EMAIL,
	VF_REASON_BLACKLISTED,
	VF_REASON_DISPOSABLE_DOMAIN,
	VF_REASON_BAD_PHONE,
	VF_REASON_INTL_PHONE,
	VF_REASON_PHONE_UNCONFIRMED,
	VF_REASON_UNREACHABLE,
	VF_REASON_TOO_MANY_PER_PHONE,
	VF_REASON_TOO_MANY_PER_EMAIL,
};
#define VF_REASONS 11
/* The words, NULL-ended: [reason - 1]. */
extern const char *const vf_reason_words[VF_REASONS + 1];

/* The lists of ->domains. */
enum vf_list_kind {
	VF_LIST_WHITE,			/* lifts the next two, nothing else */
	VF_LIST_BLACK,
	VF_LIST_DISPOSABLE,
	VF_LIST_RELAY,			/* real people: a tag, and never disposable */
};

/* How to judge. Everything is borrowed. */
struct vf_rules {
	bool has_email, has_phone, has_confirmed;	/* columns: what is not there is not checked */
	bool allow_intl, require_confirmed, strict_phone;
	char *const *home_regions;
	size_t nhome_regions;
	const char *region;		/* of phone numbers without + */
	struct vf_phone_book *phones;	/* may be NULL without has_phone */
	struct vf_domains *domains;	/* may be NULL without has_email */
	const struct vf_keyset *excluded;	/* NULL: none; a key whose value is 0 is not excluded */
	const struct vf_optout *opted_out;	/* NULL: none */
	uint64_t max_per_phone, max_per_email;	/* UINT64_MAX: any number */
	struct vf_keyset *phone_counts, *email_counts;	/* 4-byte values; needed where there is a maximum */
};

#define VF_FANS_MAX 256			/* in a group */

struct vf_fan {
	/* as in the record, blanks trimmed; what has no column is empty */
	struct vf_slice id, email, phone, confirmed;

	/* the verdict; the rest holds only when reason is VF_REASON_NONE */
	enum vf_reason reason;
	const char *detail;		/* why, in fixed words; or NULL */
	unsigned tags;			/* VF_TAG_* */
	struct vf_email address;	/* ->address is empty when there is none; may point into ->email or ->scratch */
	struct vf_phone number;		/* ->len is 0 when there is none */

	char scratch[VF_EMAIL_MAX];
};

/*
 * Judges n fans, at most VF_FANS_MAX, in the order of the input: that order
 * decides who comes first where a phone or a mailbox may be used so many times
 * only.  Those who passed every rule before a maximum count towards it.
 * Returns 0, or -1 out of memory.
 */
int vf_eligible_judge(struct vf_rules *, struct vf_fan *, size_t n, struct vf_error *);

#endif
