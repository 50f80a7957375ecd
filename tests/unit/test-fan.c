/* test-fan.c -- ids and tags. */
#include <stdlib.h>

#include "fan/fan.h"
#include "tap.h"

static bool
id(const char *s)
{
	return vf_fan_id_ok(vf_slice_str(s));
}

static void
test_ids(void)
{
	char longest[130];
	bool right = true;

	ok(id("a") && id("nf-000.1_X~!#$%&'()*+/:<=>?@[\\]^`{|}") && id("nullx") && id("Null") && id("undefined1"),
		"printable ASCII is an id");
	ok(!id("") && !id("null") && !id("undefined"), "empty, null and undefined are none");
	memset(longest, 'x', sizeof(longest));
	ok(vf_fan_id_ok(vf_slice(longest, 128)) && !vf_fan_id_ok(vf_slice(longest, 129)), "128 bytes are the most");
	for (int c = 0; c < 256; c++) {
		char s[3] = { 'a', (char)c, 'b' };
		bool want = c > 0x20 && c < 0x7f && c != ',' && c != ';' && c != '"';

		if (vf_fan_id_ok(vf_slice(s, 3)) != want) {
			printf("# byte %d\n", c);
			right = false;
		}
	}
	ok(right, "of all bytes just printable ASCII without space, comma, semicolon and quote");
	ok(!vf_fan_id_ok(vf_slice("a\0b", 3)), "a NUL is no end");
	/* Long ids are looked at 16 bytes at a time: every byte at every place of every length. */
	right = true;
	for (size_t n = 1; n <= 50; n++)
		for (size_t at = 0; at < n; at++)
			for (int c = 0; c < 256; c++) {
				bool want = c > 0x20 && c < 0x7f && c != ',' && c != ';' && c != '"';

				memset(longest, 'x', n);
				longest[at] = (char)c;
				right &= vf_fan_id_ok(vf_slice(longest, n)) == want;
			}
	ok(right, "so it is at every place of ids of 1 to 50 bytes");
}

static void
is_written(const char *old, unsigned mask, const char *want)
{
	struct vf_buf b = { 0 }, again = { 0 };
	bool same;

	vf_tags_write(vf_slice_str(old), mask, &b);
	same = vf_slice_is(vf_buf_slice(&b), want);
	vf_tags_write(vf_buf_slice(&b), mask, &again);
	ok(same, "`%s' becomes `%s'", old, want);
	if (!same)
		printf("# got `%.*s'\n", (int)b.n, b.p);
	ok(vf_slice_eq(vf_buf_slice(&b), vf_buf_slice(&again)), "and stays so");
	vf_buf_free(&b);
	vf_buf_free(&again);
}

static void
test_tags(void)
{
	unsigned all = (1U << VF_TAGS) - 1;

	ok(vf_tags_parse(vf_slice_str("")) == 0 && vf_tags_parse(vf_slice_str("vip;vip2;no-phones")) == 0,
		"words of others are no tags of ours");
	ok(vf_tags_parse(vf_slice_str("vip;email-opt-out;x;no-phone")) == (VF_TAG_EMAIL_OPT_OUT | VF_TAG_NO_PHONE),
		"ours are found anywhere");
	ok(vf_tags_parse(vf_slice_str("a; sms-opt-out ;b")) == VF_TAG_SMS_OPT_OUT, "blanks around a word do not hide it");
	for (int i = 0; i < VF_TAGS; i++)
		ok(vf_tags_parse(vf_slice_str(vf_tag_names[i])) == 1U << i, "%s", vf_tag_names[i]);
	is_written("", 0, "");
	is_written("vip", 0, "vip");
	is_written("", VF_TAG_NO_EMAIL, "no-email");
	is_written("", all, "phone-unconfirmed;phone-unverified;no-phone;no-email;relay-email;sms-opt-out;email-opt-out");
	is_written("no-email;vip;no-phone", VF_TAG_NO_PHONE, "vip;no-phone");
	is_written("z;a", VF_TAG_NO_PHONE | VF_TAG_PHONE_UNCONFIRMED, "z;a;phone-unconfirmed;no-phone");
	is_written("no-phone;no-phone", 0, "");
	is_written("a;;b", VF_TAG_NO_PHONE, "a;;b;no-phone");
	is_written(";", 0, ";");
	is_written(";no-phone", 0, "");
	is_written(";no-phone", VF_TAG_NO_PHONE, ";no-phone");
	is_written("vip; no-phone", 0, "vip");
}

/* Fields of random words: writing what was parsed changes nothing the second time. */
static void
test_random(void)
{
	static const char *const words[] = { "", "vip", "no-phone", "sms-opt-out", " no-email", "x y", "relay-email", ";" };
	unsigned seed = 20261;
	struct vf_buf field = { 0 }, once = { 0 }, twice = { 0 };
	bool same = true;

	srand(seed);
	for (int i = 0; i < 20000 && same; i++) {
		unsigned mask;

		vf_buf_clear(&field);
		for (int n = rand() % 6; n > 0; n--)
			vf_buf_addf(&field, "%s%s", words[rand() % 8], n > 1 ? ";" : "");
		mask = vf_tags_parse(vf_buf_slice(&field));
		vf_tags_write(vf_buf_slice(&field), mask, &once);
		vf_tags_write(vf_buf_slice(&once), mask, &twice);
		same = vf_slice_eq(vf_buf_slice(&once), vf_buf_slice(&twice)) &&
			vf_tags_parse(vf_buf_slice(&once)) == mask;
	}
	ok(same, "20,000 random fields are stable after one pass (seed %u)", seed);
	vf_buf_free(&field);
	vf_buf_free(&once);
	vf_buf_free(&twice);
}

int
main(void)
{
	test_ids();
	test_tags();
	test_random();
	return done_testing();
}
