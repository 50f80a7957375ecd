/*
 * base/json-pick.h -- a few top-level members out of one JSON object, without
 * a tree: for lines by the million, where base/json (jansson) would be the
 * slowest part.
 *
 * The whole text is checked (RFC 8259, one object, nothing but blanks around
 * it), so what is taken is JSON; the members asked for are handed back as they
 * are written.  Keys are compared by what they mean, escapes decoded, and only
 * those of the outermost object count.  Nothing is allocated.
 *
 * Stricter than RFC 8259 in these: a member asked for must not be there twice;
 * no \u0000 and no half of a surrogate pair anywhere; at most
 * VF_JSON_PICK_DEPTH levels.  Numbers are text, of any size.  The text must be
 * UTF-8 (vf_text_utf8), which is not checked again.
 */
#ifndef VF_BASE_JSON_PICK_H
#define VF_BASE_JSON_PICK_H

#include <stdint.h>

#include "base/buf.h"

#define VF_JSON_PICK_DEPTH 512

enum vf_json_kind {
	VF_JSON_ABSENT,
	VF_JSON_NULL,
	VF_JSON_FALSE,
	VF_JSON_TRUE,
	VF_JSON_NUMBER,
	VF_JSON_STRING,
	VF_JSON_ARRAY,
	VF_JSON_OBJECT,
};

struct vf_json_value {
	struct vf_slice raw;		/* as it is written; of a string, what is between its quotes */
	uint8_t kind;			/* enum vf_json_kind */
	bool escaped;			/* a string with a backslash in it */
};

/* true when the text is one object; then out[i] is its member names[i], kind VF_JSON_ABSENT when it has none. */
bool vf_json_pick(struct vf_slice text, const struct vf_slice *names, int n, struct vf_json_value *out);

/*
 * What a string means: its raw bytes when it holds no escape, else decoded
 * behind what is in buf (so several may share one; a buffer that grows moves
 * them).  1, 0 when the value is no string, -1 out of memory.
 */
int vf_json_pick_text(const struct vf_json_value *, struct vf_buf *, struct vf_slice *);

#endif
