/*
 * fan/email.h -- is this an address that mail can be sent to, how is it
 * written, and which mailbox is it?
 *
 * Accepted is what registration forms accept (FIELD-NOTES 4): a dot-atom, an
 * at sign, a fully qualified host name.  Refused though RFC 5321 or 6531 know
 * them: quoted local parts, comments, address literals, a domain of one label,
 * a final dot, and local parts that are not ASCII (SMTPUTF8: the services that
 * send for us do not take them).  An internationalised domain is accepted
 * and becomes its A-label form by IDNA2008 with the mapping of UTS 46,
 * non-transitional; labels that come as xn-- are checked the same way.
 *
 * Limits in octets, of the address as it will be sent: local part 64, label
 * 63, address 254 (which keeps every domain under its own limit of 255).
 *
 * No function here allocates but libidn2, for the rare domain that needs it.
 */
#ifndef VF_FAN_EMAIL_H
#define VF_FAN_EMAIL_H

#include "base/slice.h"

#define VF_EMAIL_MAX 254
#define VF_EMAIL_LOCAL_MAX 64
#define VF_EMAIL_LABEL_MAX 63
#define VF_EMAIL_DOMAIN_MAX 255

enum vf_email_fault {
	VF_EMAIL_OK,
	VF_EMAIL_NO_AT,
	VF_EMAIL_TOO_LONG,
	VF_EMAIL_LOCAL_LENGTH,
	VF_EMAIL_LOCAL,
	VF_EMAIL_DOMAIN,
	VF_EMAIL_ONE_LABEL,
	VF_EMAIL_LABEL_LENGTH,
	VF_EMAIL_NUMERIC_TLD,
	VF_EMAIL_IDN,
};

struct vf_email {
	struct vf_slice address;	/* as it is to be sent: the local part keeps its case, the domain is lower-case */
	struct vf_slice local, domain;	/* its two parts */
};

/*
 * Judges a field whose blanks are trimmed.  When the address is already in its
 * normal form ->address is the field itself; else it stands in scratch.  On a
 * fault *e is not touched.
 */
enum vf_email_fault vf_email_judge(struct vf_slice field, char scratch[VF_EMAIL_MAX], struct vf_email *e);

/* The same for a domain alone, for lists; a single label (`.zip`) only when one_label. Unchanged: *out is the field. */
enum vf_email_fault vf_email_domain(struct vf_slice field, bool one_label, char scratch[VF_EMAIL_DOMAIN_MAX],
	struct vf_slice *out);

/*
 * The mailbox an address stands for, to count duplicates by and never to send
 * to: lower-case; without the +tag; at gmail.com without dots, and
 * googlemail.com is gmail.com.  A local part that starts with + keeps it.
 * *e is a judged address; the result stands in out.
 */
struct vf_slice vf_email_mailbox(const struct vf_email *e, char out[VF_EMAIL_MAX]);

/* What is wrong, in fixed words without any part of the address. */
const char *vf_email_fault_text(enum vf_email_fault);

#endif
