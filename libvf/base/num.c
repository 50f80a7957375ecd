#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool
vf_num_u64(struct vf_slice s, uint64_t *v)
{
	uint64_t sum = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (digit > 9 || __builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum))
			return false;
	}
	*v = sum;
	return true;
}

bool
vf_num_i64(struct vf_slice s, int64_t *v)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t u;

	if (!vf_num_u64(negative ? vf_slice(s.p + 1, s.n - 1) : s, &u) || u > (uint64_t)INT64_MAX + negative)
		return false;
	*v = (int64_t)(negative ? 0 - u : u);
	return true;
}

/* A decimal taken apart: digits with at most one point among them, and what the exponent says. */
struct decimal {
	struct vf_slice mantissa;	/* digits and the point, leading zeros (and a point among them) gone */
	int64_t places;			/* digits before the decimal point; 0 or less: 0.00ddd */
	bool negative;
};

static bool
exponent(struct vf_slice s, int64_t *e)
{
	bool negative = false;
	uint64_t v;

	if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-')) {
		negative = s.p[0] == '-';
		s = vf_slice(s.p + 1, s.n - 1);
	}
	if (s.n > 9 || !vf_num_u64(s, &v))
		return false;
	*e = negative ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool
take_apart(struct vf_slice s, struct decimal *d)
{
	size_t i = 0, digits = 0, before = 0, zeros = 0;
	int64_t e = 0;
	bool point = false;

	*d = (struct decimal){ 0 };
	if (s.n > 0 && (s.p[0] == '+' || s.p[0] == '-'))
		d->negative = s.p[i++] == '-';
	d->mantissa.p = s.p + i;
	for (; i < s.n && (s.p[i] == '.' || (s.p[i] >= '0' && s.p[i] <= '9')); i++) {
		if (s.p[i] == '.') {
			if (point)
				return false;
			point = true;
		} else {
			digits++;
			before += !point;
		}
		if (digits == zeros + (s.p[i] != '.') && (s.p[i] == '0' || s.p[i] == '.')) {
			zeros += s.p[i] == '0';
			d->mantissa.p = s.p + i + 1;
		}
	}
	if (digits == 0)
		return false;
	d->mantissa.n = (size_t)(s.p + i - d->mantissa.p);
	if (i < s.n && ((s.p[i] | 0x20) != 'e' || !exponent(vf_slice(s.p + i + 1, s.n - i - 1), &e)))
		return false;
	d->places = (int64_t)before - (int64_t)zeros + e;
	return true;
}

static bool
all_zeros(struct vf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '0' && s.p[i] != '.')
			return false;
	return true;
}

/* Any decimal; the digits that count are at most the first seven. */
static bool
millionths(struct vf_slice s, uint32_t *out)
{
	struct decimal d;
	int64_t want;
	uint32_t v = 0;

	if (!take_apart(s, &d))
		return false;
	*out = 0;
	if (all_zeros(d.mantissa))
		return true;
	if (d.negative || d.places > 1)
		return false;
	if (d.places == 1) {
		*out = 1000000;
		return d.mantissa.p[0] == '1' && all_zeros(vf_slice(d.mantissa.p + 1, d.mantissa.n - 1));
	}
	want = 6 + d.places;			/* digits that are whole millionths */
	if (want < 0)
		return true;
	for (size_t i = 0; i < d.mantissa.n; i++) {
		if (d.mantissa.p[i] == '.')
			continue;
		if (want-- == 0) {
			v += d.mantissa.p[i] >= '5';
			break;
		}
		v = v * 10 + (uint32_t)(d.mantissa.p[i] - '0');
	}
	for (; want > 0; want--)
		v *= 10;
	*out = v;
	return true;
}

bool
vf_num_millionths(struct vf_slice s, uint32_t *out)
{
	static const uint32_t scale[] = { 0, 100000, 10000, 1000, 100, 10, 1 };
	uint32_t v = 0;

	if (vf_num_six_places(s, out))
		return true;
	/* Most others are 0. and up to six digits. */
	if (s.n >= 3 && s.n <= 8 && s.p[0] == '0' && s.p[1] == '.') {
		size_t i = 2;

		for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			v = v * 10 + (uint32_t)(s.p[i] - '0');
		if (i == s.n) {
			*out = v * scale[s.n - 2];
			return true;
		}
	}
	return millionths(s, out);
}

struct unit {
	const char *name;
	uint64_t factor;
};

/* `1.25GB` with the units given: a decimal, then one of the names; the product must be whole. */
static bool
with_unit(struct vf_slice s, const struct unit *units, uint64_t *out)
{
	uint64_t whole, part = 0, factor, tenths = 1;
	size_t i = 0, point;

	while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	if (!vf_num_u64(vf_slice(s.p, i), &whole))
		return false;
	if (i < s.n && s.p[i] == '.') {
		point = ++i;
		for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && i - point < 12; i++)
			tenths *= 10;
		if (!vf_num_u64(vf_slice(s.p + point, i - point), &part))
			return false;
	}
	for (; units->name != NULL; units++)
		if (vf_slice_is(vf_slice(s.p + i, s.n - i), units->name))
			break;
	if (units->name == NULL)
		return false;
	factor = units->factor;
	if (__builtin_mul_overflow(whole, factor, &whole) || __builtin_mul_overflow(part, factor, &part) ||
		part % tenths != 0 || __builtin_add_overflow(whole, part / tenths, out))
		return false;
	return true;
}

bool
vf_num_duration_ms(struct vf_slice s, uint64_t *out)
{
	static const struct unit units[] = { { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };

	return with_unit(s, units, out);
}

bool
vf_num_size(struct vf_slice s, uint64_t *out)
{
	static const struct unit units[] = { { "", 1 }, { "KB", 1000 }, { "MB", 1000000 }, { "GB", 1000000000 },
		{ NULL, 0 } };

	return with_unit(s, units, out);
}

const char vf_num_pairs[200] =
	"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
	"5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

void
vf_num_put_millionths(char out[8], uint32_t v)
{
	char head[2] = { (char)('0' + v / 1000000), '.' };
	uint16_t part[4];
	uint64_t all;

	v %= 1000000;
	memcpy(&part[0], head, 2);
	memcpy(&part[1], vf_num_pairs + 2 * (v / 10000), 2);
	memcpy(&part[2], vf_num_pairs + 2 * (v / 100 % 100), 2);
	memcpy(&part[3], vf_num_pairs + 2 * (v % 100), 2);
	/* One store: who reads the eight bytes at once right after does not have to wait for four. */
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	all = part[0] | (uint64_t)part[1] << 16 | (uint64_t)part[2] << 32 | (uint64_t)part[3] << 48;
#else
	memcpy(&all, part, sizeof all);
#endif
	memcpy(out, &all, sizeof all);
}

size_t
vf_num_put_u64(char out[20], uint64_t v)
{
	char back[20];
	size_t n = 0;

	do
		back[n++] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	for (size_t i = 0; i < n; i++)
		out[i] = back[n - 1 - i];
	return n;
}

/* A real number read: its first 19 digits and what power of ten they are of. */
struct real {
	uint64_t digits;
	int exponent;
	bool negative, exact;		/* exact: there were no more digits */
};

static bool
read_real(struct vf_slice s, struct real *r)
{
	size_t i = 0, places = 0, seen = 0;
	unsigned kept = 0;
	int64_t e = 0;

	*r = (struct real){ .exact = true };
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		r->negative = s.p[i++] == '-';
	for (size_t point = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

		if (s.p[i] == '.' && point == 0) {
			point = 1;
			continue;
		}
		if (digit > 9)
			break;
		seen++;
		places += point;
		if (kept < 19) {
			r->digits = r->digits * 10 + digit;
			kept += r->digits > 0;
		} else {
			r->exact = false;
		}
	}
	if (seen == 0)
		return false;
	if (i < s.n && ((s.p[i] | 0x20) != 'e' || !exponent(vf_slice(s.p + i + 1, s.n - i - 1), &e)))
		return false;
	r->exponent = (int)(e - (int64_t)places);
	return true;
}

/* strtod and strtof take the words and hexadecimals that we do not, and need a NUL: what comes here is read_real()'s. */
static bool
terminated(struct vf_slice s, char out[VF_NUM_LONGEST + 1])
{
	if (s.n > VF_NUM_LONGEST)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

static bool
word(struct vf_slice s, double *v)
{
	if (vf_slice_is(s, "NaN"))
		*v = (double)NAN;
	else if (vf_slice_is(s, "Infinity"))
		*v = (double)INFINITY;
	else if (vf_slice_is(s, "-Infinity"))
		*v = -(double)INFINITY;
	else
		return false;
	return true;
}

/* Digits and power both exact as doubles: one operation rounds, and so rounds right. */
static bool
any_double(struct vf_slice s, double *v)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
		1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	char text[VF_NUM_LONGEST + 1];
	struct real r;

	if (!read_real(s, &r))
		return word(s, v);
	if (r.exact && r.digits <= (uint64_t)1 << 53 && r.exponent >= -22 && r.exponent <= 22) {
		*v = (double)r.digits;
		*v = r.exponent < 0 ? *v / powers[-r.exponent] : *v * powers[r.exponent];
		*v = r.negative ? -*v : *v;
		return true;
	}
	if (!terminated(s, text))
		return false;
	*v = strtod(text, NULL);
	return !isinf(*v);
}

bool
vf_num_double(struct vf_slice s, double *v)
{
	uint32_t millionths;

	if (!vf_num_six_places(s, &millionths))
		return any_double(s, v);
	*v = (double)millionths / 1e6;
	return true;
}

bool
vf_num_float(struct vf_slice s, float *v)
{
	static const float powers[] = { 1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f };
	char text[VF_NUM_LONGEST + 1];
	struct real r;
	double d;

	if (!read_real(s, &r)) {
		if (!word(s, &d))
			return false;
		*v = (float)d;
		return true;
	}
	if (r.exact && r.digits <= 1 << 24 && r.exponent >= -10 && r.exponent <= 10) {
		*v = (float)r.digits;
		*v = r.exponent < 0 ? *v / powers[-r.exponent] : *v * powers[r.exponent];
		*v = r.negative ? -*v : *v;
		return true;
	}
	if (!terminated(s, text))
		return false;
	*v = strtof(text, NULL);
	return !isinf(*v);
}

/* n significant digits, the first before the point, times 10^(point - n): laid out. */
static size_t
put_digits(char *out, const char *digits, int n, int point)
{
	char *p = out;

	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (point > 0 && point <= 21) {
		for (int i = 0; i < point || i < n; i++) {
			if (i == point)
				*p++ = '.';
			*p++ = i < n ? digits[i] : '0';
		}
		return (size_t)(p - out);
	}
	if (point > -6 && point <= 0) {
		*p++ = '0';
		*p++ = '.';
		for (int i = point; i < 0; i++)
			*p++ = '0';
		memcpy(p, digits, (size_t)n);
		return (size_t)(p - out) + (size_t)n;
	}
	*p++ = digits[0];
	if (n > 1) {
		*p++ = '.';
		memcpy(p, digits + 1, (size_t)n - 1);
		p += n - 1;
	}
	return (size_t)(p - out) + (size_t)sprintf(p, "e%c%d", point > 0 ? '+' : '-', abs(point - 1));
}

/* Tries `digits` digits of v, as they are and (beyond the even spacing of a power of two) with the last one up. */
static bool
tries(double v, int n, bool single, char digits[20], int *point)
{
	char text[40];

	for (int up = 0; up < 2; up++) {
		snprintf(text, sizeof text, "%.*e", n - 1, v);
		digits[0] = text[0];
		memcpy(digits + 1, text + 2, (size_t)n - 1);
		*point = atoi(strchr(text, 'e') + 1) + 1;
		if (up == 1) {
			if (digits[n - 1] == '9')
				return false;
			digits[n - 1]++;
			text[n == 1 ? 0 : n]++;
		}
		if (single ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			return true;
	}
	return false;
}

/* v is positive and finite; single: it is a float. */
static size_t
put_shortest(char *out, double v, bool single)
{
	int n = single ? v < 0x1p-126 ? 1 : 6 : v < 0x1p-1022 ? 1 : 15, most = single ? 9 : 17, point;
	char digits[20];

	while (n < most && !tries(v, n, single, digits, &point))
		n++;
	if (n == most)
		tries(v, n, single, digits, &point);
	return put_digits(out, digits, n, point);
}

/* What is no number, and minus: 0 when a positive finite number is left in *v, else all is said. */
static size_t
put_special(char *out, double *v, size_t *n)
{
	*n = 0;
	if (isnan(*v)) {
		memcpy(out, "NaN", 3);
		return 3;
	}
	if (signbit(*v)) {
		out[(*n)++] = '-';
		*v = -*v;
	}
	if (isinf(*v)) {
		memcpy(out + *n, "Infinity", 8);
		return *n + 8;
	}
	if (*v == 0) {
		out[*n] = '0';
		return *n + 1;
	}
	return 0;
}

/* A whole number of millionths, 1 or more, without zeros at its end. */
static size_t
put_places(char *out, uint64_t millionths)
{
	size_t n = vf_num_put_u64(out, millionths / 1000000);
	uint32_t rest = (uint32_t)(millionths % 1000000);

	if (rest == 0)
		return n;
	out[n] = '.';
	memcpy(out + n + 1, vf_num_pairs + 2 * (rest / 10000), 2);
	memcpy(out + n + 3, vf_num_pairs + 2 * (rest / 100 % 100), 2);
	memcpy(out + n + 5, vf_num_pairs + 2 * (rest % 100), 2);
	n += 7;
	while (out[n - 1] == '0')
		n--;
	return n;
}

/*
 * Most numbers are of few decimals.  Decimals of at most 15 digits (6 for a
 * float) are as many different numbers, so that one of them that reads back
 * right is the shortest.
 */
size_t
vf_num_put_double(char out[VF_NUM_REAL], double v)
{
	size_t n, all = put_special(out, &v, &n);
	uint64_t millionths;

	if (all > 0)
		return all;
	if (v < 1e9) {
		millionths = (uint64_t)(v * 1e6 + 0.5);
		if (millionths > 0 && (double)millionths / 1e6 == v)
			return n + put_places(out + n, millionths);
	}
	return n + put_shortest(out + n, v, false);
}

size_t
vf_num_put_float(char out[VF_NUM_REAL], float f)
{
	double v = (double)f;
	size_t n, all = put_special(out, &v, &n);
	uint64_t millionths;

	if (all > 0)
		return all;
	if (v < 1) {
		millionths = (uint64_t)(v * 1e6 + 0.5);
		if (millionths > 0 && (float)millionths / 1e6f == (float)v)
			return n + put_places(out + n, millionths);
	}
	return n + put_shortest(out + n, v, true);
}
