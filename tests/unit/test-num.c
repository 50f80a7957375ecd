/* test-num -- base/num. */
#include "tap.h"

#include <string.h>

#include "base/buf.h"
#include "base/num.h"

static void
test_u64(void)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "-0", "1.0", "0x1", "1e3", "18446744073709551616",
		"18446744073709551620", "28446744073709551615", "99999999999999999999999", "1,000", "\xd9\xa1" };
	uint64_t v = 77;

	ok(vf_num_u64(vf_slice_str("0"), &v) && v == 0, "u64: 0");
	ok(vf_num_u64(vf_slice_str("00042"), &v) && v == 42, "u64: leading zeros are digits");
	ok(vf_num_u64(vf_slice_str("18446744073709551615"), &v) && v == UINT64_MAX, "u64: the largest");
	ok(vf_num_u64(vf_slice("123", 2), &v) && v == 12, "u64: the slice ends the number");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_num_u64(vf_slice_str(bad[i]), &v), "u64: \"%s\" is none", bad[i]);
	ok(!vf_num_u64(vf_slice("1\0", 2), &v), "u64: a NUL is no digit");
}

static void
test_u64_text(void)
{
	static const uint64_t values[] = { 0, 1, 9, 10, 99, 100, 12345678901, UINT64_MAX };
	char text[20], want[21];

	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		size_t n = vf_num_put_u64(text, values[i]);

		snprintf(want, sizeof want, "%" PRIu64, values[i]);
		ok(vf_slice_is(vf_slice(text, n), want), "u64: %s is written", want);
	}
}

static void
test_millionths_table(void)
{
	static const struct {
		const char *text;
		uint32_t want;
	} good[] = {
		{ "0", 0 }, { "1", 1000000 }, { "0.5", 500000 }, { ".5", 500000 }, { "1.", 1000000 }, { "0.", 0 }, { ".0", 0 },
		{ "+0.5", 500000 }, { "-0", 0 }, { "-0.000", 0 }, { "-0e5", 0 }, { "+.5e0", 500000 }, { "1.000", 1000000 },
		{ "0.9499995", 950000 }, { "0.94999949999999", 949999 }, { "9.499995e-1", 950000 }, { "9499995E-7", 950000 },
		{ "0.00000050", 1 }, { "0.0000005", 1 }, { "0.0000004999999999", 0 }, { "0.00000049", 0 }, { "5e-7", 1 },
		{ "4.9e-7", 0 }, { "5e-8", 0 }, { "1e-400000000", 0 }, { "1e-999999999", 0 }, { "0e999999999", 0 },
		{ "0.9999995", 1000000 }, { "0.9999994999", 999999 }, { "0.99999999999999999999", 1000000 },
		{ "0.1e1", 1000000 }, { "10e-1", 1000000 }, { "0.001e3", 1000000 }, { "1e0", 1000000 }, { "1e-0", 1000000 },
		{ "1e+0", 1000000 }, { "1E-1", 100000 }, { "00000000001.0", 1000000 }, { "000.25", 250000 },
		{ "0.123456", 123456 }, { "0.12345", 123450 }, { "0.1234565", 123457 }, { "0.1234564", 123456 },
		{ "0.000001", 1 }, { "0.000000", 0 }, { "1.000000", 1000000 }, { "0.999999", 999999 }, { "0.01e1", 100000 },
		{ "12.5e-2", 125000 }, { "0.22", 220000 }, { "0.2199995", 220000 }, { "0.21999949", 219999 },
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint32_t v = 7777777;
		bool is = vf_num_millionths(vf_slice_str(good[i].text), &v);

		ok(is && v == good[i].want, "millionths: %s is %u (got %s %u)", good[i].text, good[i].want, is ? "true" : "false", v);
	}
}

static void
test_millionths_refused(void)
{
	static const char *const bad[] = { "", ".", "e5", "+", "-", "+.", "-.e1", " 0.5", "0.5 ", "0x1", "nan", "inf", "NaN",
		"-0.1", "-1", "-1e-9", "-0.0000001", "1.0000000001", "1.1", "2", "1e1", "10", "0.2e1", "1e999999999", "1e9999999999",
		"0e0000000000", "0.5e", "0.5e+", "0.5e-", "0.5e1.0", "0..5", "0.5.", "1.2.3", "0,5", "0.5f", "0.5e 1", "--0", "+-0",
		"0.12345x", "0.12345/", "0.12345:", "0x123456", "0:123456", "1.000001", "0.1234\xb2", "\xb0.123456", "1_0", "0.5e-1234567890" };
	uint32_t v;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_num_millionths(vf_slice_str(bad[i]), &v), "millionths: \"%s\" is refused", bad[i]);
	ok(!vf_num_millionths(vf_slice("0.5\0", 4), &v), "millionths: a NUL is refused");
	ok(vf_num_millionths(vf_slice("0.1234567", 4), &v) && v == 120000, "millionths: the slice ends the number");
}

/* Every millionth, as the common form, as a long form and back. */
static void
test_millionths_all(void)
{
	unsigned wrong[3] = { 0 };
	uint32_t v;

	for (uint32_t i = 0; i <= 1000000; i++) {
		char text[8], want[16], longer[32];

		vf_num_put_millionths(text, i);
		snprintf(want, sizeof want, "%u.%06u", i / 1000000, i % 1000000);
		wrong[0] += memcmp(text, want, 8) != 0;
		wrong[1] += !vf_num_millionths(vf_slice(text, 8), &v) || v != i;
		snprintf(longer, sizeof longer, "%u%se-6", i, i % 2 == 0 ? ".000" : "");
		wrong[2] += !vf_num_millionths(vf_slice_str(longer), &v) || v != i;
	}
	ok(wrong[0] == 0, "all 1,000,001 values are written with six places");
	ok(wrong[1] == 0, "all of them are read back");
	ok(wrong[2] == 0, "all of them are read with an exponent");
}

/* In each place of the common form, each of the 255 other bytes must be refused or mean what the slow way says. */
static void
test_millionths_bytes(void)
{
	unsigned wrong = 0;

	for (size_t at = 0; at < 8; at++)
		for (unsigned c = 0; c < 256; c++) {
			char text[] = "0.123456", slow[] = "00.123456";
			uint32_t a = 0, b = 0;
			bool is;

			text[at] = slow[at + 1] = (char)c;
			is = vf_num_millionths(vf_slice(text, 8), &a);
			if (at == 0 && (c == '+' || c == '-' || c == '.'))
				continue;	/* a zero before these makes another number */
			wrong += is != vf_num_millionths(vf_slice(slow, 9), &b) || (is && a != b);
		}
	ok(wrong == 0, "the short way and the long way judge every byte alike");
}

/* Appends k / 10^places (k below 2^63) as digits, shifted by a random exponent, with zeros to no effect. */
static void
random_form(struct vf_buf *b, uint64_t k, int places)
{
	char digits[64];
	int n, point;
	size_t zeros = tap_below(4);

	vf_buf_clear(b);
	if (tap_below(4) == 0)
		vf_buf_add_char(b, '+');
	while (zeros-- > 0)
		vf_buf_add_char(b, '0');
	n = snprintf(digits, sizeof digits, "%0*" PRIu64, 1 + (int)tap_below(25), k);
	point = (int)tap_below((size_t)n + 1);
	vf_buf_add(b, digits, (size_t)point);
	if (point < n || tap_below(2) == 0)
		vf_buf_add_char(b, '.');
	vf_buf_add(b, digits + point, (size_t)(n - point));
	for (zeros = point < n ? tap_below(30) : 0; zeros > 0; zeros--)
		vf_buf_add_char(b, '0');
	vf_buf_addf(b, "%c%d", tap_below(2) == 0 ? 'e' : 'E', n - point - places);
}

/* The value, rounded by arithmetic on the number itself. */
static void
test_millionths_random(void)
{
	const unsigned rounds = 300000;
	unsigned wrong = 0, inside = 0, halves = 0;
	struct vf_buf b = { 0 };

	for (unsigned i = 0; i < rounds; i++) {
		int places = 6 + (int)tap_below(12);
		uint64_t unit = 1, k, want;
		uint32_t v = 0;
		bool is;

		for (int j = 6; j < places; j++)
			unit *= 10;
		k = tap_random() % (unit * 1010000);
		if (tap_below(3) == 0)		/* at, or one beside, the half between two millionths */
			k = tap_below(1000000) * unit + unit / 2 + (unit > 1 ? tap_below(3) : 0) - (unit > 1);
		halves += unit > 1 && k % unit == unit / 2;
		want = k / unit + (unit > 1 && k % unit >= unit / 2);
		random_form(&b, k, places);
		is = vf_num_millionths(vf_buf_slice(&b), &v);
		inside += is;
		if (is != (k <= unit * 1000000) || (is && v != want)) {
			wrong++;
			note("%.*s: %u, wanted %" PRIu64, (int)b.n, b.p, v, want);
		}
	}
	vf_buf_free(&b);
	ok(wrong == 0, "%u random decimals are rounded half up", rounds);
	ok(inside > rounds / 2 && inside < rounds && halves > 1000, "some were over 1 and some were exact halves");
}

/* A number as long as a record may be: the end of it decides. */
static void
test_millionths_long(void)
{
	enum { LEN = 1 << 20 };
	char *text = malloc(LEN);
	uint32_t v;

	if (text == NULL)
		bail_out("no memory");
	memset(text, '0', LEN);
	memcpy(text, "1.", 2);
	ok(vf_num_millionths(vf_slice(text, LEN), &v) && v == 1000000, "1 and a million zeros is 1");
	text[LEN - 1] = '1';
	ok(!vf_num_millionths(vf_slice(text, LEN), &v), "the least bit more is over 1");
	memset(text, '9', LEN);
	memcpy(text, "0.", 2);
	ok(vf_num_millionths(vf_slice(text, LEN), &v) && v == 1000000, "nines without an end round up to 1");
	memcpy(text, "0.0000004", 9);
	ok(vf_num_millionths(vf_slice(text, LEN), &v) && v == 0, "just below a half is rounded down");
	memset(text, '0', LEN);
	text[LEN - 1] = '1';
	ok(vf_num_millionths(vf_slice(text, LEN), &v) && v == 1000000, "zeros before the number do not count");
	free(text);
}

static void
test_duration(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = { { "10", 10000 }, { "10s", 10000 }, { "5m", 300000 }, { "2h", 7200000 }, { "1d", 86400000 }, { "250ms", 250 },
		{ "0", 0 }, { "1.5h", 5400000 }, { "0.25s", 250 }, { "18446744073709551615ms", UINT64_MAX } };
	static const char *const bad[] = { "", "s", "ms", "10 s", " 10", "10S", "10sec", "-1", "1.0001s", "0.5ms", "1.s", ".5s", "1e3",
		"18446744073709551616ms", "18446744073709551615s", "213503982335d", "1h30m", "1.1234567890123s" };
	uint64_t v;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(vf_num_duration_ms(vf_slice_str(good[i].text), &v) && v == good[i].want, "duration: %s", good[i].text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_num_duration_ms(vf_slice_str(bad[i]), &v), "duration: \"%s\" is refused", bad[i]);
}

static void
test_size(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = { { "1200000000", 1200000000 }, { "1.2GB", 1200000000 }, { "256KB", 256000 }, { "5MB", 5000000 }, { "0", 0 },
		{ "0.001KB", 1 }, { "18446744073709551615", UINT64_MAX }, { "18446744073GB", 18446744073000000000u } };
	static const char *const bad[] = { "", "GB", "1 GB", "1gb", "1G", "1KiB", "1.5", "1.0001KB", "-1", "18446744074GB", "1.GB", "1TB" };
	uint64_t v;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(vf_num_size(vf_slice_str(good[i].text), &v) && v == good[i].want, "size: %s", good[i].text);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_num_size(vf_slice_str(bad[i]), &v), "size: \"%s\" is refused", bad[i]);
}

int
main(void)
{
	tap_seed();
	test_u64();
	test_u64_text();
	test_millionths_table();
	test_millionths_refused();
	test_millionths_all();
	test_millionths_bytes();
	test_millionths_random();
	test_millionths_long();
	test_duration();
	test_size();
	return done_testing();
}
