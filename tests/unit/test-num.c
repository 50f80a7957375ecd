/* test-num -- base/num. */
#include "tap.h"

#include <math.h>
#include <stdlib.h>
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

static void
test_i64(void)
{
	static const char *const bad[] = { "", "-", "+1", "--1", " 1", "1.0", "9223372036854775808", "-9223372036854775809" };
	int64_t v = 7;

	ok(vf_num_i64(vf_slice_str("-42"), &v) && v == -42, "i64: -42");
	ok(vf_num_i64(vf_slice_str("0"), &v) && v == 0 && vf_num_i64(vf_slice_str("-0"), &v) && v == 0, "i64: 0 and -0");
	ok(vf_num_i64(vf_slice_str("9223372036854775807"), &v) && v == INT64_MAX, "i64: the largest");
	ok(vf_num_i64(vf_slice_str("-9223372036854775808"), &v) && v == INT64_MIN, "i64: the least");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_num_i64(vf_slice_str(bad[i]), &v), "i64: \"%s\" is none", bad[i]);
}

static void
test_real_syntax(void)
{
	static const char *const bad[] = { "", ".", "-", "+", "e1", "1e", "1e+", "1.2.3", " 1", "1 ", "0x1p3", "inf", "nan", "NAN",
		"infinity", "+Infinity", "-NaN", "1_0", "1,5", "1e400", "-1e400", "1e999999999", "1e9999999999" };
	static const struct {
		const char *text;
		double want;
	} good[] = { { "0", 0 }, { "1", 1 }, { "-1.5", -1.5 }, { "+.5", .5 }, { "5.", 5 }, { "1e3", 1000 }, { "1E-3", .001 },
		{ "0.1", .1 }, { "123456789012345678901234567890", 123456789012345678901234567890.0 }, { "1e-400", 0 },
		{ "4.9e-324", 4.9e-324 }, { "1.7976931348623157e308", 1.7976931348623157e308 }, { "0.000000000000000000000000000001", 1e-30 },
		{ "9007199254740993", 9007199254740992.0 }, { "00000000000000000000000001.5", 1.5 } };
	double v;
	float f;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_num_double(vf_slice_str(bad[i]), &v) && !vf_num_float(vf_slice_str(bad[i]), &f), "real: \"%s\" is refused", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(vf_num_double(vf_slice_str(good[i].text), &v) && memcmp(&v, &good[i].want, sizeof v) == 0, "real: %s", good[i].text);
	ok(vf_num_double(vf_slice_str("NaN"), &v) && isnan(v), "real: NaN");
	ok(vf_num_double(vf_slice_str("-Infinity"), &v) && isinf(v) && v < 0, "real: -Infinity");
	ok(vf_num_double(vf_slice_str("-0"), &v) && v == 0 && signbit(v), "real: minus zero");
	ok(vf_num_float(vf_slice_str("3.4028235e38"), &f) && !vf_num_float(vf_slice_str("3.5e38"), &f), "real: the largest float");
}

static void
test_real_text(void)
{
	static const struct {
		double v;
		const char *want;
	} layout[] = { { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { -1.5, "-1.5" }, { 0.95, "0.95" }, { 0.000001, "0.000001" },
		{ 1e-7, "1e-7" }, { 1.5e-7, "1.5e-7" }, { 123456789012345680000.0, "123456789012345680000" }, { 1e21, "1e+21" },
		{ 1.25e21, "1.25e+21" }, { 5e-324, "5e-324" }, { 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 0.1 + 0.2, "0.30000000000000004" }, { 5.684341886080802e-14, "5.684341886080802e-14" }, { 1e9, "1000000000" },
		{ 999999999.999999, "999999999.999999" }, { 1234567.0000001, "1234567.0000001" }, { 9007199254740993.0, "9007199254740992" },
		{ 0.0000015, "0.0000015" }, { 2.2250738585072014e-308, "2.2250738585072014e-308" } };
	static const struct {
		float v;
		const char *want;
	} floats[] = { { 0.1f, "0.1" }, { 16777216.0f, "16777216" }, { 3.4028235e38f, "3.4028235e+38" }, { 1e-45f, "1e-45" }, { 0.3f, "0.3" },
		{ 1.1754944e-38f, "1.1754944e-38" }, { 123456.7f, "123456.7" } };
	char text[VF_NUM_REAL];

	for (size_t i = 0; i < sizeof layout / sizeof *layout; i++) {
		size_t n = vf_num_put_double(text, layout[i].v);

		ok(vf_slice_is(vf_slice(text, n), layout[i].want), "real: %s is written %.*s", layout[i].want, (int)n, text);
	}
	for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
		size_t n = vf_num_put_float(text, floats[i].v);

		ok(vf_slice_is(vf_slice(text, n), floats[i].want), "float: %s is written %.*s", floats[i].want, (int)n, text);
	}
	ok(vf_slice_is(vf_slice(text, vf_num_put_double(text, (double)NAN)), "NaN") &&
		vf_slice_is(vf_slice(text, vf_num_put_double(text, -(double)INFINITY)), "-Infinity"), "real: the words");
}

static int
digits_of(const char *text, size_t n)
{
	int digits = 0;

	for (size_t i = 0; i < n && text[i] != 'e'; i++)
		if (text[i] >= '0' && text[i] <= '9' && (digits > 0 || text[i] != '0'))
			digits++;
	return digits;
}

/* Any bits, and numbers of few decimals: the text reads back the same by strtod, and no shorter one does. */
static void
test_real_random(void)
{
	unsigned wrong = 0, longer = 0, unread = 0, floats = 0;

	for (int i = 0; i < 100000; i++) {
		char text[VF_NUM_REAL + 1], shorter[40];
		uint64_t bits = tap_random();
		uint32_t half = (uint32_t)tap_random();
		double v, back;
		float f, fback;
		size_t n;
		int digits;

		memcpy(&v, &bits, sizeof v);
		if (i % 2 == 0)
			v = (double)(int64_t)(bits >> tap_below(60)) / (double)(i % 4 == 0 ? 1000000 : 100000000);
		if (isnan(v) || isinf(v))
			continue;
		n = vf_num_put_double(text, v);
		text[n] = '\0';
		back = strtod(text, NULL);
		wrong += memcmp(&back, &v, sizeof v) != 0;
		unread += !vf_num_double(vf_slice(text, n), &back) || memcmp(&back, &v, sizeof v) != 0;
		digits = digits_of(text, n);
		while (digits > 1 && text[n - 1] == '0' && memchr(text, '.', n) == NULL && memchr(text, 'e', n) == NULL)
			n--, digits--;
		if (digits > 1) {
			snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
			longer += strtod(shorter, NULL) == v;
		}
		memcpy(&f, &half, sizeof f);
		if (isnan(f) || isinf(f))
			continue;
		n = vf_num_put_float(text, f);
		text[n] = '\0';
		fback = strtof(text, NULL);
		floats += memcmp(&fback, &f, sizeof f) != 0 || !vf_num_float(vf_slice(text, n), &fback) ||
			memcmp(&fback, &f, sizeof f) != 0;
	}
	ok(wrong == 0, "100,000 doubles read back the same");
	ok(unread == 0, "by our own reader too");
	ok(longer == 0, "none of them has a shorter text");
	ok(floats == 0, "and 100,000 floats");
}

int
main(void)
{
	tap_seed();
	test_i64();
	test_real_syntax();
	test_real_text();
	test_real_random();
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
