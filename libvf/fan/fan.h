/* fan/fan.h -- what every tool agrees on about a fan: the id, and the words of `tags`. */
#ifndef VF_FAN_FAN_H
#define VF_FAN_FAN_H

#include "base/buf.h"

/*
 * A valid globalUserId (DESIGN 2): 1 to 128 bytes of printable ASCII without
 * space, comma, semicolon or quote, and neither `null` nor `undefined`.
 * Anything else is rejected `missing-user`.  Blanks around it are the caller's to trim.
 */
bool vf_fan_id_ok(struct vf_slice);

/* The toolkit's own tags, in the order in which they are written. */
enum vf_tag {
	VF_TAG_PHONE_UNCONFIRMED = 1 << 0,
	VF_TAG_PHONE_UNVERIFIED = 1 << 1,
	VF_TAG_NO_PHONE = 1 << 2,
	VF_TAG_NO_EMAIL = 1 << 3,
	VF_TAG_RELAY_EMAIL = 1 << 4,
	VF_TAG_SMS_OPT_OUT = 1 << 5,
	VF_TAG_EMAIL_OPT_OUT = 1 << 6,
};
#define VF_TAGS 7
extern const char *const vf_tag_names[VF_TAGS];

/* The tags of ours in a field `a;b;c`, as a mask. */
unsigned vf_tags_parse(struct vf_slice);

/* The field with our words taken out and those of mask appended in order; others stay in place. Clears out first. */
int vf_tags_write(struct vf_slice old, unsigned mask, struct vf_buf *out);

#endif
