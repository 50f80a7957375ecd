#include "base/date.h"

#include <time.h>

#include "base/num.h"

#define DAY 86400
#define FIRST (-62167219200)		/* 0000-01-01T00:00:00Z */
#define MARCH 719468			/* days from 0000-03-01 to 1970-01-01 */
#define LAST 253402300799		/* 9999-12-31T23:59:59Z */

/* Days from 0000-03-01 to a date after it. Years start in March here: a leap day is their last. */
static inline uint32_t
days_since(uint32_t y, unsigned m, unsigned d)
{
	static const unsigned short before[] = { 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275 };

	y -= m <= 2;
	return y * 1461 / 4 - y / 100 + y / 400 + before[m - 1] + d - 1;
}

int64_t
vf_date_days(int64_t y, unsigned m, unsigned d)
{
	int64_t era = (y > 0 ? y - 1 : y - 400) / 400;

	return era * 146097 + days_since((uint32_t)(y - era * 400), m, d) - MARCH;
}

/*
 * The date `days` (under 2^28) after 1 March of a year that 400 divides, counted
 * from that year.  Multiplications instead of a division for each leap rule:
 * Neri and Schneider, Euclidean affine functions and their application to
 * calendar algorithms (2022).
 */
static inline void
civil(uint32_t days, uint32_t *y, unsigned *m, unsigned *d)
{
	uint32_t of_centuries = 4 * days + 3, century = of_centuries / 146097;
	uint64_t years = (uint64_t)2939745 * (of_centuries % 146097 | 3);	/* in the upper half; the lower is the part of a year */
	uint32_t of_year = (uint32_t)years / 2939745 / 4, months = 2141 * of_year + 197913;
	bool next = of_year >= 306;		/* January and February */

	*y = century * 100 + (uint32_t)(years >> 32) + next;
	*m = (months >> 16) - (next ? 12 : 0);
	*d = (months & 0xffff) / 2141 + 1;
}

void
vf_date_civil(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t era;
	uint32_t year;

	days += MARCH;
	era = (days >= 0 ? days : days - 146096) / 146097;
	civil((uint32_t)(days - era * 146097), &year, m, d);
	*y = (int64_t)year + era * 400;
}

/* Whole days, and the seconds of the day that is left: before 1970 too. */
static int64_t
split(int64_t seconds, unsigned *rest)
{
	int64_t of_day = seconds % DAY;

	if (of_day < 0)
		of_day += DAY;
	*rest = (unsigned)of_day;
	return (seconds - of_day) / DAY;
}

static bool
leap(int64_t y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static unsigned
month_days(int64_t y, unsigned m)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return m == 2 && leap(y) ? 29 : days[m - 1];
}

/* n digits at s.p[at] as a number. */
static bool
digits(struct vf_slice s, size_t at, size_t n, unsigned *v)
{
	*v = 0;
	if (at + n > s.n)
		return false;
	for (size_t i = at; i < at + n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*v = *v * 10 + (unsigned)(s.p[i] - '0');
	}
	return true;
}

static bool
at_char(struct vf_slice s, size_t at, char a, char b)
{
	return at < s.n && (s.p[at] == a || s.p[at] == b);
}

/* Z or ±hh:mm at the end, in seconds east of UTC. */
static bool
offset(struct vf_slice s, size_t at, int64_t *seconds)
{
	unsigned h, m;

	*seconds = 0;
	if (at_char(s, at, 'Z', 'z'))
		return at + 1 == s.n;
	if (!at_char(s, at, '+', '-') || !digits(s, at + 1, 2, &h) || !at_char(s, at + 3, ':', ':') ||
		!digits(s, at + 4, 2, &m) || at + 6 != s.n || h > 23 || m > 59)
		return false;
	*seconds = (int64_t)(h * 3600 + m * 60) * (s.p[at] == '-' ? -1 : 1);
	return true;
}

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* Eight bytes at p less those of `form`: digits are 0 to 9 then, and what is always the same is 0. */
static inline uint64_t
less(const char *p, const char form[8])
{
	uint64_t w, from;

	memcpy(&w, p, sizeof w);
	memcpy(&from, form, sizeof from);
	return w ^ from;
}

/* With the high bits of those bytes of w that are over their limits, which are under 0x80. */
static inline uint64_t
over(uint64_t w, const char limits[8])
{
	uint64_t most;

	memcpy(&most, limits, sizeof most);
	return (w + (0x7f7f7f7f7f7f7f7fu - most)) | w;
}

/* Byte i of w as tens, the next one as units. */
static inline unsigned
pair(uint64_t w, int i)
{
	return (unsigned)((w * 10 + (w >> 8)) >> 8 * i) & 0xff;
}

/* `YYYY-MM-DDTHH:MM:SSZ`, as most are, read in three pieces; false: it is another form, or no date. */
static inline __attribute__((always_inline)) bool
common_form(const char *p, int64_t *milliseconds)
{
	uint64_t a = less(p, "0000-00-"), b = less(p + 8, "00T00:00"), c = less(p + 12, "0:00:00Z");
	unsigned y, m, d, h, seconds;

	if (((over(a, "\x09\x09\x09\x09\x00\x01\x09\x00") | over(b, "\x03\x09\x00\x02\x09\x00\x05\x09") |
		over(c, "\x09\x00\x05\x09\x00\x05\x09\x00")) & 0x8080808080808080u) != 0)
		return false;
	y = pair(a, 0) * 100 + pair(a, 2);
	m = pair(a, 5);
	d = pair(b, 0);
	h = pair(b, 3);
	seconds = h * 3600 + pair(b, 6) * 60 + pair(c, 5);
	if (y < 1970 || m < 1 || m > 12 || d < 1 || (d > 28 && d > month_days(y, m)) || h > 23)
		return false;
	*milliseconds = ((int64_t)(days_since(y, m, d) - MARCH) * DAY + seconds) * 1000;
	return true;
}
#else
static inline bool
common_form(const char *p, int64_t *milliseconds)
{
	(void)p;
	(void)milliseconds;
	return false;
}
#endif

static __attribute__((noinline)) bool
any_form(struct vf_slice s, int64_t *milliseconds)
{
	unsigned y, m, d, h, min, sec, fraction = 0, weight = 100;
	int64_t east, seconds;
	size_t at = 19;

	if (!digits(s, 0, 4, &y) || !at_char(s, 4, '-', '-') || !digits(s, 5, 2, &m) || !at_char(s, 7, '-', '-') ||
		!digits(s, 8, 2, &d) || !(at_char(s, 10, 'T', 't') || at_char(s, 10, ' ', ' ')) ||
		!digits(s, 11, 2, &h) || !at_char(s, 13, ':', ':') || !digits(s, 14, 2, &min) ||
		!at_char(s, 16, ':', ':') || !digits(s, 17, 2, &sec))
		return false;
	if (y < 1970 || m < 1 || m > 12 || d < 1 || d > month_days(y, m) || h > 23 || min > 59 || sec > 59)
		return false;
	if (at_char(s, at, '.', '.')) {
		size_t first = ++at;

		for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, weight /= 10)
			fraction += (unsigned)(s.p[at] - '0') * weight;
		if (at == first)
			return false;
	}
	if (!offset(s, at, &east))
		return false;
	seconds = vf_date_days(y, m, d) * DAY + (int64_t)(h * 3600 + min * 60 + sec) - east;
	if (seconds < 0 || seconds > LAST)		/* the offset may lead out of the years that count */
		return false;
	*milliseconds = seconds * 1000 + fraction;
	return true;
}

bool
vf_date_parse_ms(struct vf_slice s, int64_t *milliseconds)
{
	return (s.n == VF_DATE_LEN && common_form(s.p, milliseconds)) || any_form(s, milliseconds);
}

bool
vf_date_parse(struct vf_slice s, int64_t *seconds)
{
	int64_t ms;

	if (!vf_date_parse_ms(s, &ms))
		return false;
	*seconds = ms / 1000;
	return true;
}

static inline void
put2(char *out, unsigned v)
{
	memcpy(out, vf_num_pairs + 2 * v, 2);
}

/* The instant so many milliseconds after FIRST in whole seconds, VF_DATE_LEN bytes; returns the milliseconds that are left. */
static inline unsigned
put_instant(char *out, uint64_t since_first)
{
	uint32_t days = (uint32_t)(since_first / (DAY * 1000)), left = (uint32_t)(since_first - (uint64_t)days * DAY * 1000);
	uint32_t seconds = left / 1000, y;
	unsigned m, d;

	civil(days + 146097 - 60, &y, &m, &d);		/* FIRST is 60 days before a 1 March */
	y -= 400;
	memcpy(out, "0000-00-00T00:00:00Z", VF_DATE_LEN);
	put2(out, y / 100);
	put2(out + 2, y % 100);
	put2(out + 5, m);
	put2(out + 8, d);
	put2(out + 11, seconds / 3600);
	put2(out + 14, seconds / 60 % 60);
	put2(out + 17, seconds % 60);
	return left % 1000;
}

void
vf_date_put(char out[VF_DATE_LEN + 1], int64_t seconds)
{
	/* Four digits hold no other year. */
	seconds = seconds < FIRST ? FIRST : seconds > LAST ? LAST : seconds;
	put_instant(out, (uint64_t)(seconds - FIRST) * 1000);
	out[VF_DATE_LEN] = '\0';
}

size_t
vf_date_put_ms(char out[VF_DATE_MS_LEN], int64_t milliseconds)
{
	unsigned part;

	if (milliseconds < FIRST * 1000 || milliseconds > LAST * 1000 + 999)
		return 0;
	part = put_instant(out, (uint64_t)(milliseconds - FIRST * 1000));
	if (part == 0)
		return VF_DATE_LEN;
	out[VF_DATE_LEN - 1] = '.';
	out[VF_DATE_LEN] = (char)('0' + part / 100);
	put2(out + VF_DATE_LEN + 1, part % 100);
	out[VF_DATE_LEN + 3] = 'Z';
	return VF_DATE_MS_LEN;
}

int64_t
vf_date_add_years(int64_t seconds, int years)
{
	int64_t y;
	unsigned m, d, rest;

	vf_date_civil(split(seconds, &rest), &y, &m, &d);
	y += years;
	if (d > month_days(y, m))
		d = month_days(y, m);
	return vf_date_days(y, m, d) * DAY + rest;
}

int64_t
vf_date_now(void)
{
	return (int64_t)time(NULL);
}

int64_t
vf_date_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint64_t
vf_clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
