/* fuzz-email.c -- any bytes as an e-mail field: what is accepted is accepted again, unchanged, with the same mailbox. */
#include <stdint.h>
#include <stdlib.h>

#include "fan/email.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char scratch[VF_EMAIL_MAX], scratch2[VF_EMAIL_MAX], box[VF_EMAIL_MAX], box2[VF_EMAIL_MAX];
	char *field = malloc(n + 1);	/* of the very size, so that a sanitizer sees a read beyond it */
	struct vf_email e, again;
	struct vf_slice mailbox;

	if (field == NULL)
		return 0;
	if (n > 0)
		memcpy(field, data, n);
	field = realloc(field, n > 0 ? n : 1);
	if (vf_email_judge(vf_slice(field, n), scratch, &e) == VF_EMAIL_OK) {
		need(e.address.n <= VF_EMAIL_MAX && e.local.n >= 1 && e.local.n <= VF_EMAIL_LOCAL_MAX);
		need(e.address.n == e.local.n + 1 + e.domain.n);
		need(memchr(e.address.p, '@', e.address.n) == e.local.p + e.local.n);
		for (size_t i = 0; i < e.address.n; i++)
			need(e.address.p[i] > ' ' && e.address.p[i] < 0x7f);
		for (size_t i = 0; i < e.domain.n; i++)
			need(e.domain.p[i] < 'A' || e.domain.p[i] > 'Z');
		need(vf_email_judge(e.address, scratch2, &again) == VF_EMAIL_OK);
		need(again.address.p == e.address.p && again.address.n == e.address.n);
		mailbox = vf_email_mailbox(&e, box);
		need(mailbox.n <= VF_EMAIL_MAX);
		if (vf_email_judge(mailbox, scratch2, &again) == VF_EMAIL_OK)
			need(vf_slice_eq(vf_email_mailbox(&again, box2), mailbox));
	}
	free(field);
	return 0;
}
