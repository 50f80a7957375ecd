/*
 * fan/domains.h -- which lists hold an address: whitelist, blacklist,
 * disposable domains, relay services, all asked at once.
 *
 * A list is text, one entry a line, blanks around it ignored; `#` starts a
 * comment at the start of a line or after a blank.  Case does not matter, and
 * internationalised domains may be written either way.
 *
 *	jo@example.com		an address
 *	example.com		a domain alone, also written @example.com
 *	.example.com		a domain and everything below it; .zip is one too
 *	*@promo-*.example	a glob, with * and ?, over the whole address
 *
 * Cost: an address of a domain seen lately is one comparison whatever the
 * lists hold; any other domain costs one look into a bitmap for each of its
 * labels (never more than the longest listed name has), and one into the table
 * for what passes it.  Globs that leave the local part open (`*@...`) are
 * matched once for a domain, the others for each address whose domain fits.
 *
 * Memory: 36 to 72 bytes and the name for each entry, the globs, and 132 KiB.
 */
#ifndef VF_FAN_DOMAINS_H
#define VF_FAN_DOMAINS_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"
#include "fan/email.h"

#define VF_DOMAINS_LISTS 8		/* lists in one matcher, numbered from 0 */
#define VF_DOMAINS_GLOBS 1000		/* globs in one text */

enum {
	VF_DOMAINS_BELOW = 1,		/* a domain's line stands for everything below it as well */
};

struct vf_domains;

struct vf_domains *vf_domains_new(struct vf_error *);
void vf_domains_free(struct vf_domains *);

/*
 * Adds a text to a list; several texts may go into one.  *entries, when not
 * NULL, gets the number of its entries.  A line that is none of the forms above
 * is VF_ERR_CONFIG, `file:line: cause`; the matcher is then only good for
 * vf_domains_free().
 */
int vf_domains_add(struct vf_domains *, unsigned list, unsigned flags, struct vf_slice text, const char *file,
	uint64_t *entries, struct vf_error *);

/* The lists that hold a judged address, as a mask (1 << list).  Not const: it remembers the domain. */
unsigned vf_domains_match(struct vf_domains *, const struct vf_email *);

/* The same text without a byte order mark. */
struct vf_slice vf_domains_text(struct vf_slice text);

/* Cuts the next line of a list (comments and blanks gone, maybe empty) off *text; false at the end. */
bool vf_domains_line(struct vf_slice *text, struct vf_slice *line);

/* The word after `# version:` in the comments that open a list; empty when there is none. */
struct vf_slice vf_domains_version(struct vf_slice text);

#endif
