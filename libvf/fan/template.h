/*
 * fan/template.h -- a message with names in braces, parsed once and rendered
 * for each record.
 *
 * `{{name}}` stands for a value; blanks inside the braces do not count.  In
 * HTML the value is escaped (& < > " '), unless it is written `{{{name}}}`.
 * Two opening braces always open a name, which ends on the same line; a name
 * that is not known, and braces that do not match, are errors of kind
 * VF_ERR_CONFIG, `file:line: cause`.  In plain text so are two closing braces
 * that close nothing; in HTML they are text: style sheets have them.
 *
 * The text must be UTF-8 without NUL.  A byte order mark is dropped.
 */
#ifndef VF_FAN_TEMPLATE_H
#define VF_FAN_TEMPLATE_H

#include "base/buf.h"
#include "base/error.h"

enum {
	VF_TEMPLATE_HTML = 1 << 0,	/* values are escaped for HTML */
	VF_TEMPLATE_JSON = 1 << 1,	/* the result goes between the quotes of a JSON string: all of it is escaped for that */
	VF_TEMPLATE_CHOMP = 1 << 2,	/* one final line end is dropped */
};

struct vf_template;

/*
 * file: what errors call it.  names: what may stand in braces; of two equal
 * names the first counts.  Neither text nor names are needed afterwards.
 * NULL on error.
 */
struct vf_template *vf_template_parse(struct vf_slice text, const char *file, const struct vf_slice *names, size_t nnames,
	unsigned flags, struct vf_error *);
void vf_template_free(struct vf_template *);		/* NULL is accepted */

/* The numbers of the names that it uses, each once, in the order of their first use. */
const uint32_t *vf_template_names(const struct vf_template *, size_t *n);
bool vf_template_uses(const struct vf_template *, size_t name);

/*
 * Appends the message.  values[i] is the value of names[i], UTF-8; only those
 * that are used are looked at.  Allocates only while `out` grows.  Returns 0, or
 * -1 when it does not fit under the cap of `out`, which is as before then.
 */
int vf_template_render(const struct vf_template *, const struct vf_slice *values, struct vf_buf *out);

#endif
