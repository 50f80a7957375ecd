/* test-date -- base/date. */
#include "tap.h"

#include <string.h>

#include "base/date.h"

static void
test_known(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 }, { "1970-01-01T00:00:00.001Z", 1 }, { "2026-12-05T20:00:00Z", 1796500800000 },
		{ "2026-12-05t20:00:00z", 1796500800000 }, { "2026-12-05 20:00:00Z", 1796500800000 },
		{ "2026-12-05T21:00:00+01:00", 1796500800000 }, { "2026-12-05T14:30:00-05:30", 1796500800000 },
		{ "2026-12-06T19:59:00+23:59", 1796500800000 }, { "2026-12-05T20:00:00-00:00", 1796500800000 },
		{ "2000-02-29T00:00:00Z", 951782400000 }, { "2000-03-01T00:00:00Z", 951868800000 }, { "2024-02-29T23:59:59.999Z", 1709251199999 },
		{ "2038-01-19T03:14:08Z", 2147483648000 }, { "2100-03-01T00:00:00Z", 4107542400000 }, { "9999-12-31T23:59:59.999999Z", 253402300799999 },
		{ "2026-12-05T20:00:00.5Z", 1796500800500 }, { "2026-12-05T20:00:00.1239999999999999999999999Z", 1796500800123 },
		{ "1969-12-31T23:00:00-01:00", -1 },	/* refused: the year written counts too */
		{ "1970-01-01T01:00:00+01:00", 0 },
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t ms = 5, s = 5;
		bool is = vf_date_parse_ms(vf_slice_str(good[i].text), &ms), whole = vf_date_parse(vf_slice_str(good[i].text), &s);

		if (good[i].ms < 0)
			ok(!is && !whole, "%s is refused", good[i].text);
		else
			ok(is && whole && ms == good[i].ms && s == ms / 1000, "%s is %" PRId64 " ms", good[i].text, good[i].ms);
	}
}

static void
test_refused(void)
{
	static const char *const bad[] = { "", "2026-12-05", "2026-12-05T20:00:00", "2026-12-05T20:00Z", "2026-12-05T20:00:00 Z", "2026-12-05T20:00:00Z ",
		" 2026-12-05T20:00:00Z", "2026-12-05T20:00:00.Z", "2026-12-05T20:00:00,5Z", "2026-12-05T20:00:60Z", "2026-12-05T20:60:00Z", "2026-12-05T24:00:00Z",
		"2026-13-05T20:00:00Z", "2026-00-05T20:00:00Z", "2026-12-00T20:00:00Z", "2026-12-32T20:00:00Z", "2026-11-31T20:00:00Z", "2026-02-29T20:00:00Z",
		"2100-02-29T00:00:00Z", "2024-02-30T00:00:00Z", "26-12-05T20:00:00Z", "02026-12-05T20:00:00Z", "2026-1-05T20:00:00Z", "2026-12-5T20:00:00Z",
		"2026/12/05T20:00:00Z", "2026-12-05_20:00:00Z", "2026-12-05T20.00.00Z", "20261205T200000Z", "2026-12-05T20:00:00+0100", "2026-12-05T20:00:00+01",
		"2026-12-05T20:00:00+1:00", "2026-12-05T20:00:00+24:00", "2026-12-05T20:00:00+01:60", "2026-12-05T20:00:00+01:00x", "2026-12-05T20:00:00*01:00",
		"2026-12-05T20:00:00UTC", "2026-12-05T-1:00:00Z", "2026-12-05T+1:00:00Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "-2026-12-05T20:00:00Z",
		"1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-12-05T20:00:00", "2026-W49-6T20:00:00Z", "2026-12-05T20:00:00+01:0" };
	unsigned beginnings = 0;
	int64_t s;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(!vf_date_parse(vf_slice_str(bad[i]), &s), "\"%s\" is refused", bad[i]);
	ok(!vf_date_parse(vf_slice("2026-12-05T20:00:00Z\0", 21), &s), "a NUL behind it is refused");
	for (size_t n = 0; n < VF_DATE_LEN; n++)
		beginnings += vf_date_parse(vf_slice("2026-12-05T20:00:00Z", n), &s);
	ok(beginnings == 0, "no beginning of a date is a date");
}

/* In each place of a date every byte but a few must be refused; none may be taken for a date that is written otherwise. */
static void
test_bytes(void)
{
	unsigned wrong = 0;
	int64_t s;

	for (size_t at = 0; at < VF_DATE_LEN; at++)
		for (unsigned c = 0; c < 256; c++) {
			char text[] = "2026-12-05T20:00:00Z", back[VF_DATE_LEN + 1];

			text[at] = (char)c;
			if (!vf_date_parse(vf_slice(text, VF_DATE_LEN), &s))
				continue;
			if (at == 10 && (c == 't' || c == ' '))
				text[at] = 'T';
			if (at == 19 && c == 'z')
				text[at] = 'Z';
			vf_date_put(back, s);
			wrong += strcmp(text, back) != 0;
		}
	ok(wrong == 0, "no byte in any place makes a date that is another one");
}

/* Counts through all the days of 10,000 years, by the rule for leap years only; what is before 1970 is not read. */
static void
test_every_day(void)
{
	static const unsigned lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned wrong = 0, y = 0, m = 1, d = 1;
	int64_t days = -719528;

	for (; y <= 9999; days++) {
		unsigned leap = y % 400 == 0 || (y % 4 == 0 && y % 100 != 0), of_day = (unsigned)((days + 719528) * 7919 % 86400);
		char want[64], got[VF_DATE_LEN + 1];
		int64_t s = -1;

		snprintf(want, sizeof want, "%04u-%02u-%02uT%02u:%02u:%02uZ", y, m, d, of_day / 3600, of_day / 60 % 60, of_day % 60);
		vf_date_put(got, days * 86400 + of_day);
		wrong += strcmp(want, got) != 0;
		wrong += vf_date_parse(vf_slice_str(want), &s) != (y >= 1970) || (y >= 1970 && s != days * 86400 + of_day);
		wrong += vf_date_days(y, m, d) != days;
		if (++d > lengths[m - 1] + (m == 2 ? leap : 0)) {
			d = 1;
			if (++m > 12) {
				m = 1;
				y++;
			}
		}
	}
	ok(wrong == 0 && days == 2932897, "every day of 0000 to 9999 is written and read as the calendar counts it");
}

static void
test_offsets(void)
{
	unsigned wrong = 0;
	int64_t base, s;

	vf_date_parse(vf_slice_str("2024-02-29T12:34:56Z"), &base);
	for (int minutes = -1439; minutes <= 1439; minutes++) {
		char text[64];

		snprintf(text, sizeof text, "2024-02-29T12:34:56%c%02d:%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60, abs(minutes) % 60);
		wrong += !vf_date_parse(vf_slice_str(text), &s) || s != base - minutes * 60;
	}
	ok(wrong == 0, "every offset of less than a day is taken off");
}

static bool
years_later(const char *from, int years, const char *want)
{
	char got[VF_DATE_LEN + 1];
	int64_t s;

	if (!vf_date_parse(vf_slice_str(from), &s))
		return false;
	vf_date_put(got, vf_date_add_years(s, years));
	return strcmp(got, want) == 0;
}

static void
test_years(void)
{
	ok(years_later("2026-12-05T20:00:00Z", 1, "2027-12-05T20:00:00Z"), "a year later is the same date and time");
	ok(years_later("2024-02-29T10:00:00Z", 1, "2025-02-28T10:00:00Z"), "29 February becomes 28 February");
	ok(years_later("2024-02-29T10:00:00Z", 4, "2028-02-29T10:00:00Z"), "29 February stays where there is one");
	ok(years_later("2096-02-29T23:59:59Z", 4, "2100-02-28T23:59:59Z"), "2100 has no 29 February");
	ok(years_later("2023-02-28T10:00:00Z", 1, "2024-02-28T10:00:00Z"), "28 February stays in a leap year");
	ok(years_later("2024-02-29T10:00:00Z", -1, "2023-02-28T10:00:00Z"), "a year before");
	ok(years_later("1999-12-31T23:59:59Z", 1, "2000-12-31T23:59:59Z"), "the last second of a year");
	ok(years_later("1970-03-01T00:00:01Z", -2, "1968-03-01T00:00:01Z"), "to before 1970");
}

static bool
put_is(int64_t seconds, const char *want)
{
	char got[VF_DATE_LEN + 1];

	vf_date_put(got, seconds);
	return strcmp(got, want) == 0;
}

static void
test_outside(void)
{
	ok(put_is(-1, "1969-12-31T23:59:59Z"), "the second before 1970 is written");
	ok(put_is(-62167219200, "0000-01-01T00:00:00Z"), "the first second of year 0 is written");
	ok(put_is(-62167219201, "0000-01-01T00:00:00Z") && put_is(INT64_MIN, "0000-01-01T00:00:00Z"), "what is before it is written as it");
	ok(put_is(253402300800, "9999-12-31T23:59:59Z") && put_is(INT64_MAX, "9999-12-31T23:59:59Z"), "what is after year 9999 is written as its end");
}

static void
test_clocks(void)
{
	uint64_t first = vf_clock_ns();
	char now[VF_DATE_LEN + 1];

	vf_date_put(now, vf_date_now());
	ok(vf_clock_ns() >= first && first > 0, "the clock does not go back");
	ok(strcmp(now, "2024-01-01T00:00:00Z") > 0, "the time of day is after this was written");
}

static void
test_put_ms(void)
{
	static const struct {
		int64_t ms;
		const char *want;
	} cases[] = { { 0, "1970-01-01T00:00:00Z" }, { 1, "1970-01-01T00:00:00.001Z" }, { 1796504400120, "2026-12-05T21:00:00.120Z" },
		{ -1, "1969-12-31T23:59:59.999Z" }, { 253402300799999, "9999-12-31T23:59:59.999Z" }, { -62167219200000, "0000-01-01T00:00:00Z" },
		{ 253402300800000, "" }, { -62167219200001, "" }, { INT64_MAX, "" }, { INT64_MIN, "" } };
	char text[VF_DATE_MS_LEN];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(vf_slice_is(vf_slice(text, vf_date_put_ms(text, cases[i].ms)), cases[i].want), "ms: %" PRId64 " is \"%s\"", cases[i].ms,
			cases[i].want);
}

/* The usual form is read eight bytes at a time: with one byte changed it is judged as a form that is not. */
static void
test_forms_agree(void)
{
	unsigned wrong = 0, good = 0;

	for (int day = 0; day < 3000; day++) {
		char text[VF_DATE_LEN + 1];

		vf_date_put(text, (int64_t)day * 86400 * 97 + day * 7919 % 86400);
		for (size_t at = 0; at < VF_DATE_LEN; at++)
			for (unsigned k = 0; k < 3; k++) {
				static const char digits[] = "0123456789/:TZ-\xb1@";
				char usual[VF_DATE_LEN], other[VF_DATE_LEN + 2];
				int64_t a = -1, b = -1;
				bool is;

				memcpy(usual, text, VF_DATE_LEN);
				usual[at] = digits[((unsigned)day + at * 5 + k * 7) % (sizeof digits - 1)];
				memcpy(other, usual, VF_DATE_LEN - 1);	/* the same with a fraction of nothing */
				memcpy(other + VF_DATE_LEN - 1, ".0", 2);
				other[VF_DATE_LEN + 1] = usual[VF_DATE_LEN - 1];
				is = vf_date_parse_ms(vf_slice(usual, sizeof usual), &a);
				wrong += is != vf_date_parse_ms(vf_slice(other, sizeof other), &b) || a != b;
				good += is;
			}
	}
	ok(wrong == 0 && good > 10000 && good < 170000, "the usual form and a longer one are judged alike (%u of 180,000 are dates)", good);
}

int
main(void)
{
	test_forms_agree();
	test_put_ms();
	test_known();
	test_refused();
	test_bytes();
	test_every_day();
	test_offsets();
	test_years();
	test_outside();
	test_clocks();
	return done_testing();
}
