#include "fan/wave.h"

#include "base/date.h"
#include "fan/fan.h"

#define LAST_SECOND INT64_C(253402300799)	/* 9999-12-31T23:59:59Z */

bool
vf_window_init(struct vf_window *w, int64_t notify)
{
	if (notify < VF_WAVE_AHEAD || notify > LAST_SECOND)
		return false;
	w->notify = notify;
	w->from = notify - VF_WAVE_AHEAD;
	w->to = vf_date_add_years(notify, 1);
	return w->to <= LAST_SECOND;
}

bool
vf_window_in_time(const struct vf_window *w, int64_t now)
{
	return w->from >= now;
}

unsigned
vf_wave_channels(struct vf_slice email, struct vf_slice phone, struct vf_slice tags, bool sms_unconfirmed)
{
	unsigned mask = vf_tags_parse(tags), channels = 0;
	unsigned no_sms = VF_TAG_SMS_OPT_OUT | (sms_unconfirmed ? 0 : VF_TAG_PHONE_UNCONFIRMED);

	if (phone.n > 0 && (mask & no_sms) == 0)
		channels |= VF_CHANNEL_SMS;
	if (email.n > 0 && (mask & VF_TAG_EMAIL_OPT_OUT) == 0)
		channels |= VF_CHANNEL_EMAIL;
	return channels;
}
