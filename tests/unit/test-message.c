/* test-message.c -- keys of messages, numbers to send to, and parts of an SMS. */
#include "fan/message.h"

#include "base/buf.h"
#include "tap.h"

static struct vf_buf text;

static const char *
id_of(const char *campaign, const char *wave, const char *channel, const char *fan)
{
	static char hex[VF_MESSAGE_ID_HEX + 1];
	struct vf_message_ids ids;

	vf_message_ids_init(&ids, vf_slice_str(campaign), vf_slice_str(wave), vf_slice_str(channel));
	vf_message_id(&ids, vf_slice_str("someone-else"), hex);
	vf_message_id(&ids, vf_slice_str(fan), hex);
	return hex;
}

static void
test_ids(void)
{
	char other[VF_MESSAGE_ID_HEX + 1];

	/* Python: hashlib.blake2b(b"c1\0w1\0sms\0fan-1", digest_size=16).hexdigest() */
	ok(strcmp(id_of("c1", "w1", "sms", "fan-1"), "bab3e30ec4cbe1c5e8ba96aa97ed589c") == 0, "a key is BLAKE2b-128 of the four, joined by NUL");
	ok(strcmp(id_of("c1", "w1", "email", "fan-1"), "8dd5650ca19ba6b28dc2ecb7988b6b32") == 0, "each channel has its own");
	memcpy(other, id_of("c1", "", "w1sms", "fan-1"), sizeof(other));
	ok(strcmp(id_of("c1w1", "", "sms", "fan-1"), other) != 0, "the parts cannot run together");
}

static bool
phone(const char *s)
{
	return vf_message_phone_ok(vf_slice_str(s));
}

static void
test_phones(void)
{
	ok(phone("+12125550100") && phone("+6834000") && phone("+123456789012345"), "a plus sign and 7 to 15 digits");
	ok(!phone("") && !phone("+") && !phone("12125550100") && !phone("+02125550100") && !phone("+1212555010x") &&
		!phone("+1 2125550100") && !phone("+1234567890123456") && !phone("+683400"), "and nothing else");
}

static bool
measures(enum vf_sms_encoding encoding, uint32_t units, uint32_t segments)
{
	struct vf_sms_size s = vf_sms_measure(vf_buf_slice(&text));
	bool good = s.encoding == encoding && s.units == units && s.segments == segments;

	if (!good)
		note("%s, %" PRIu32 " units, %" PRIu32 " segments", vf_sms_encoding_names[s.encoding], s.units, s.segments);
	return good;
}

/* The text is n times `s`, after what is there. */
static void
add(const char *s, size_t n)
{
	while (n-- > 0)
		vf_buf_add_str(&text, s);
}

static bool
times(const char *s, size_t n, enum vf_sms_encoding encoding, uint32_t units, uint32_t segments)
{
	vf_buf_clear(&text);
	add(s, n);
	return measures(encoding, units, segments);
}

static void
test_sizes(void)
{
	ok(times("", 0, VF_SMS_GSM7, 0, 1), "an empty text is one part");
	ok(times("a", 160, VF_SMS_GSM7, 160, 1) && times("a", 161, VF_SMS_GSM7, 161, 2) &&
		times("a", 306, VF_SMS_GSM7, 306, 2) && times("a", 307, VF_SMS_GSM7, 307, 3),
		"160 septets are one part, then 153 each");
	ok(times("\xc3\xa9", 160, VF_SMS_GSM7, 160, 1) && times("\xce\xa9", 160, VF_SMS_GSM7, 160, 1),
		"letters with accents and Greek capitals are in the alphabet");
	ok(times("\xe2\x82\xac", 80, VF_SMS_GSM7, 160, 1) && times("\xe2\x82\xac", 81, VF_SMS_GSM7, 162, 2),
		"the euro sign takes two septets");
	ok(times("[", 152, VF_SMS_GSM7, 304, 2) && times("[", 153, VF_SMS_GSM7, 306, 3),
		"a two-septet character is not split: 76 fit a part of 153");
	vf_buf_clear(&text);
	add("a", 152);
	add("{", 1);
	add("a", 151);
	ok(measures(VF_SMS_GSM7, 305, 2), "one at a part's end goes to the next");
	add("a", 1);
	ok(measures(VF_SMS_GSM7, 306, 3), "and so a part more is needed than units say");
	ok(times("\xe2\x80\x99", 70, VF_SMS_UCS2, 70, 1) && times("\xe2\x80\x99", 71, VF_SMS_UCS2, 71, 2) &&
		times("\xe2\x80\x99", 134, VF_SMS_UCS2, 134, 2) && times("\xe2\x80\x99", 135, VF_SMS_UCS2, 135, 3),
		"70 UTF-16 units are one part, then 67 each");
	vf_buf_clear(&text);
	add("a", 69);
	add("\xe2\x80\x99", 1);
	ok(measures(VF_SMS_UCS2, 70, 1), "one curly quote makes the whole text UCS-2");
	ok(times("\xf0\x9f\x8e\xab", 35, VF_SMS_UCS2, 70, 1) && times("\xf0\x9f\x8e\xab", 36, VF_SMS_UCS2, 72, 2) &&
		times("\xf0\x9f\x8e\xab", 66, VF_SMS_UCS2, 132, 2) && times("\xf0\x9f\x8e\xab", 67, VF_SMS_UCS2, 134, 3),
		"a surrogate pair is not split: 33 fit a part of 67");
	ok(times("\xc2\xa0", 1, VF_SMS_UCS2, 1, 1) && times("`", 1, VF_SMS_UCS2, 1, 1) && times("\t", 1, VF_SMS_UCS2, 1, 1) &&
		times("\xc3\xa7", 1, VF_SMS_UCS2, 1, 1), "no-break space, grave accent, tab and c with cedilla are not in it");
	vf_buf_clear(&text);
	add("\xff\xc3", 3);
	ok(vf_sms_measure(vf_buf_slice(&text)).units <= 6, "bytes that are no UTF-8 do no harm");
}

/* test-message ask: each line of stdin is a text in hex, answered with encoding, units and segments. */
static int
answer(void)
{
	static char line[16384];
	static unsigned char bytes[sizeof(line) / 2];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		size_t n = strcspn(line, "\n");
		struct vf_sms_size s;

		if (n % 2 != 0 || !vf_hex_get(vf_slice(line, n), bytes, n / 2))
			return 1;
		s = vf_sms_measure(vf_slice((const char *)bytes, n / 2));
		printf("%s %" PRIu32 " %" PRIu32 "\n", vf_sms_encoding_names[s.encoding], s.units, s.segments);
	}
	return fflush(stdout) != 0;
}

int
main(int argc, char **argv)
{
	struct vf_error err;

	if (argc > 1 && strcmp(argv[1], "ask") == 0)
		return answer();
	if (vf_hash_start(&err) < 0)
		bail_out("libsodium");
	test_ids();
	test_phones();
	test_sizes();
	vf_buf_free(&text);
	return done_testing();
}
