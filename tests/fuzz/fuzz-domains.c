/*
 * fuzz-domains.c -- a list, a NUL byte, and addresses, one a line, to ask it
 * for: the second answer is the first, and a second matcher gives the same.
 * The same text is read as an opt-out list.
 */
#include <stdint.h>
#include <stdlib.h>

#include "fan/domains.h"
#include "fan/optout.h"
#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
ask(struct vf_domains *d, struct vf_domains *other, struct vf_slice addresses)
{
	char scratch[VF_EMAIL_MAX];
	struct vf_slice line;
	struct vf_email e;

	while (vf_domains_line(&addresses, &line)) {
		unsigned lists;

		if (vf_email_judge(line, scratch, &e) != VF_EMAIL_OK)
			continue;
		lists = vf_domains_match(d, &e);
		if ((lists & ~5u) != 0 || vf_domains_match(d, &e) != lists || vf_domains_match(other, &e) != lists)
			abort();
	}
}

static void
read_opt_outs(struct vf_slice list)
{
	struct vf_error err = { 0 };
	struct vf_optout *o;
	uint64_t entries;

	if (vf_hash_start(&err) < 0 || (o = vf_optout_new(&err)) == NULL)
		return;
	if (vf_optout_add(o, list, "list", &entries, &err) < 0 && err.kind == VF_ERR_NONE)
		abort();
	vf_optout_free(o);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const uint8_t *end = n > 0 ? memchr(data, '\0', n) : NULL;
	struct vf_slice list = vf_slice((const char *)data, end != NULL ? (size_t)(end - data) : n), rest;
	struct vf_error err = { 0 };
	struct vf_domains *d = vf_domains_new(&err), *other = vf_domains_new(&err);

	rest = vf_slice(list.p + list.n, n - list.n);
	if (rest.n > 0)
		rest = vf_slice(rest.p + 1, rest.n - 1);
	if (d != NULL && other != NULL && n < 65536) {
		if (vf_domains_add(d, 0, 0, list, "list", NULL, &err) == 0 &&
			vf_domains_add(d, 2, VF_DOMAINS_BELOW, list, "list", NULL, &err) == 0 &&
			vf_domains_add(other, 2, VF_DOMAINS_BELOW, list, "list", NULL, &err) == 0 &&
			vf_domains_add(other, 0, 0, list, "list", NULL, &err) == 0)
			ask(d, other, rest);
		else if (err.kind == VF_ERR_NONE)
			abort();
		(void)vf_domains_version(list);
	}
	vf_domains_free(d);
	vf_domains_free(other);
	read_opt_outs(list);
	return 0;
}
