#include "base/num.h"

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

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* `0.` and six digits, all eight bytes at once; false: it is something else. */
static inline bool
six_places(const char *p, uint32_t *out)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	w ^= 0x3030303030302e30u;			/* digits become 0 to 9, `0.` becomes 0 */
	if ((w & 0xffff) != 0 || ((w | (w + 0x0606060606060000u)) & 0xf0f0f0f0f0f00000u) != 0)
		return false;
	w = (w * 10 + (w >> 8)) & 0x00ff00ff00ff00ffu;	/* pairs of digits, the first of them in the low byte */
	w = (w * 100 + (w >> 16)) & 0x0000ffff0000ffffu;
	*out = (uint32_t)(w * 10000 + (w >> 32));
	return true;
}
#else
static inline bool
six_places(const char *p, uint32_t *out)
{
	(void)p;
	(void)out;
	return false;
}
#endif

bool
vf_num_millionths(struct vf_slice s, uint32_t *out)
{
	static const uint32_t scale[] = { 0, 100000, 10000, 1000, 100, 10, 1 };
	uint32_t v = 0;

	if (s.n == 8 && six_places(s.p, out))
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

/* Two digits at a time. */
static const char pairs[200] =
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
	memcpy(&part[1], pairs + 2 * (v / 10000), 2);
	memcpy(&part[2], pairs + 2 * (v / 100 % 100), 2);
	memcpy(&part[3], pairs + 2 * (v % 100), 2);
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
