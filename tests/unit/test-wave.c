/* test-wave.c -- the window of a wave, the one-day rule, and who is told by which channel. */
#include "base/date.h"
#include "fan/wave.h"
#include "tap.h"

static int64_t
at(const char *text)
{
	int64_t seconds = -1;

	if (!vf_date_parse(vf_slice_str(text), &seconds))
		ok(false, "%s is a date", text);
	return seconds;
}

static void
window(const char *notify, const char *from, const char *to)
{
	char a[VF_DATE_LEN + 1] = "", b[VF_DATE_LEN + 1] = "";
	struct vf_window w;

	if (vf_window_init(&w, at(notify))) {
		vf_date_put(a, w.from);
		vf_date_put(b, w.to);
	}
	ok(strcmp(a, from) == 0 && strcmp(b, to) == 0, "told at %s: valid from %s to %s", notify, a, b);
}

static void
test_windows(void)
{
	struct vf_window w;

	window("2026-12-05T15:00:00-05:00", "2026-12-04T20:00:00Z", "2027-12-05T20:00:00Z");
	/* The clocks of New York change on 14 March and 7 November 2027: a day is 86,400 s all the same. */
	window("2027-03-14T12:00:00-04:00", "2027-03-13T16:00:00Z", "2028-03-14T16:00:00Z");
	window("2027-11-07T12:00:00-05:00", "2027-11-06T17:00:00Z", "2028-11-07T17:00:00Z");
	window("2027-03-14T03:00:00-04:00", "2027-03-13T07:00:00Z", "2028-03-14T07:00:00Z");
	/* Leap days, by the date in UTC. */
	window("2028-02-29T12:00:00Z", "2028-02-28T12:00:00Z", "2029-02-28T12:00:00Z");
	window("2028-02-29T23:00:00-05:00", "2028-02-29T04:00:00Z", "2029-03-01T04:00:00Z");
	window("2028-03-01T00:30:00+01:00", "2028-02-28T23:30:00Z", "2029-02-28T23:30:00Z");
	window("2027-02-28T00:00:00Z", "2027-02-27T00:00:00Z", "2028-02-28T00:00:00Z");
	window("2028-03-01T00:00:00Z", "2028-02-29T00:00:00Z", "2029-03-01T00:00:00Z");
	window("2099-02-28T23:59:59Z", "2099-02-27T23:59:59Z", "2100-02-28T23:59:59Z");
	window("2096-02-29T00:00:00Z", "2096-02-28T00:00:00Z", "2097-02-28T00:00:00Z");
	window("2026-12-31T23:59:59Z", "2026-12-30T23:59:59Z", "2027-12-31T23:59:59Z");
	window("1970-01-02T00:00:00Z", "1970-01-01T00:00:00Z", "1971-01-02T00:00:00Z");
	window("9998-12-31T23:59:59Z", "9998-12-30T23:59:59Z", "9999-12-31T23:59:59Z");
	ok(!vf_window_init(&w, at("1970-01-01T23:59:59Z")), "a window that would begin in 1969 is none");
	ok(!vf_window_init(&w, at("9999-01-01T00:00:00Z")), "nor one that would end in the year 10000");
	ok(!vf_window_init(&w, INT64_MAX) && !vf_window_init(&w, INT64_MIN), "nor one that would overflow");
}

static void
test_in_time(void)
{
	struct vf_window w;

	ok(vf_window_init(&w, at("2027-03-14T12:00:00-04:00")), "a wave");
	ok(vf_window_in_time(&w, at("2027-03-13T16:00:00Z")), "exactly 86,400 s ahead is in time");
	ok(!vf_window_in_time(&w, at("2027-03-13T16:00:01Z")), "one second less is late");
	ok(vf_window_in_time(&w, at("2027-01-01T00:00:00Z")), "months ahead is in time");
	ok(!vf_window_in_time(&w, at("2027-03-15T00:00:00Z")), "afterwards is late");
}

static void
channels(const char *email, const char *phone, const char *tags, bool unconfirmed, unsigned want)
{
	unsigned got = vf_wave_channels(vf_slice_str(email), vf_slice_str(phone), vf_slice_str(tags), unconfirmed);

	ok(got == want, "e-mail %s, phone %s, tags `%s'%s: %u", *email != '\0' ? "yes" : "no", *phone != '\0' ? "yes" : "no", tags,
		unconfirmed ? ", smsUnconfirmed" : "", got);
}

int
main(void)
{
	const unsigned both = VF_CHANNEL_SMS | VF_CHANNEL_EMAIL;

	test_windows();
	test_in_time();
	channels("a@example.com", "+12125550100", "", false, both);
	channels("a@example.com", "", "", false, VF_CHANNEL_EMAIL);
	channels("", "+12125550100", "", false, VF_CHANNEL_SMS);
	channels("", "", "", false, 0);
	channels("a@example.com", "+12125550100", "sms-opt-out", false, VF_CHANNEL_EMAIL);
	channels("a@example.com", "+12125550100", "email-opt-out", false, VF_CHANNEL_SMS);
	channels("a@example.com", "+12125550100", "vip;sms-opt-out;email-opt-out", false, 0);
	channels("a@example.com", "+12125550100", "phone-unconfirmed", false, VF_CHANNEL_EMAIL);
	channels("a@example.com", "+12125550100", "phone-unconfirmed", true, both);
	channels("", "+12125550100", "phone-unconfirmed", false, 0);
	channels("", "+12125550100", "phone-unconfirmed;sms-opt-out", true, 0);
	channels("a@example.com", "+12125550100", "phone-unverified;relay-email;vip", false, both);
	channels("a@example.com", "+12125550100", "not-sms-opt-out", false, both);
	return done_testing();
}
