/*
 * fan/wave.h -- when a wave's codes are valid, whether there is still time to
 * prepare it, and by which channels a fan can be told (DESIGN 4, vf-wave).
 */
#ifndef VF_FAN_WAVE_H
#define VF_FAN_WAVE_H

#include <stdint.h>

#include "base/slice.h"

#define VF_WAVE_AHEAD 86400		/* seconds: how long before the notify date codes become valid */

/* Seconds since 1970 UTC. */
struct vf_window {
	int64_t notify;
	int64_t from;			/* notify - 86,400 s */
	int64_t to;			/* the same UTC date and time one year later; 28 for 29 February */
};

/* False when one of the three lies outside the years 1970 to 9999, which have an RFC 3339 form. */
bool vf_window_init(struct vf_window *, int64_t notify);

/* A wave is in time when its notify date is 86,400 seconds ahead or more. */
bool vf_window_in_time(const struct vf_window *, int64_t now);

enum {
	VF_CHANNEL_SMS = 1,
	VF_CHANNEL_EMAIL = 2,
};

/*
 * How this fan can be told, as a mask; 0: unreachable.  A channel needs an
 * address and no opt-out; SMS also a confirmed phone, unless sms_unconfirmed.
 * email and phone are trimmed, or empty where there is no such column.
 */
unsigned vf_wave_channels(struct vf_slice email, struct vf_slice phone, struct vf_slice tags, bool sms_unconfirmed);

#endif
