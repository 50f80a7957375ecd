/* base/num.h -- strict text to value: the whole slice must be the value, no blanks, no sign unless said. */
#ifndef VF_BASE_NUM_H
#define VF_BASE_NUM_H

#include <stdint.h>

#include "base/slice.h"

/* Decimal digits only; false for empty, any other byte, or over UINT64_MAX. */
bool vf_num_u64(struct vf_slice, uint64_t *);

/* The same with an optional `-` before the digits. */
bool vf_num_i64(struct vf_slice, int64_t *);

/*
 * A decimal to the nearest double or float, ties to even: an optional sign,
 * digits with an optional point (at least one digit), an optional exponent; or
 * NaN, Infinity, -Infinity.  false: no such number, beyond the finite ones, or
 * over VF_NUM_LONGEST bytes.
 */
#define VF_NUM_LONGEST 1100
bool vf_num_double(struct vf_slice, double *);
bool vf_num_float(struct vf_slice, float *);

/*
 * A decimal in [0, 1] to millionths, rounded half up in integer arithmetic:
 * digits with an optional point (at least one digit), optional sign (+, or -
 * for a zero), optional exponent e or E of at most nine digits.  The unrounded
 * value must lie in [0, 1].  false: no such number.
 */
bool vf_num_millionths(struct vf_slice, uint32_t *);

/*
 * The same for `0.` and six digits only: what most scores are, and exactly what
 * vf_num_put_millionths() writes of them.  false: something else.
 */
static inline bool
vf_num_six_places(struct vf_slice s, uint32_t *out)
{
	uint64_t w = 0;

	if (s.n != sizeof w)
		return false;
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&w, s.p, sizeof w);
#else
	for (int i = 7; i >= 0; i--)
		w = w << 8 | (unsigned char)s.p[i];
#endif
	w ^= 0x3030303030302e30u;			/* digits become 0 to 9, `0.` becomes 0 */
	if ((w & 0xffff) != 0 || ((w | (w + 0x0606060606060000u)) & 0xf0f0f0f0f0f00000u) != 0)
		return false;
	w = (w * 10 + (w >> 8)) & 0x00ff00ff00ff00ffu;	/* pairs of digits, the first of them in the low byte */
	w = (w * 100 + (w >> 16)) & 0x0000ffff0000ffffu;
	*out = (uint32_t)(w * 10000 + (w >> 32));
	return true;
}

/*
 * `10`, `10s`, `5m`, `2h`, `1d`, `250ms` to milliseconds.  Here and in sizes a
 * decimal (`1.5h`, at most 12 places) will do where the result is whole.
 */
bool vf_num_duration_ms(struct vf_slice, uint64_t *);

/* `1200000000`, `1.2GB`, `256KB`, `5MB`: powers of ten (DESIGN 4, vf-merge). */
bool vf_num_size(struct vf_slice, uint64_t *);

/* `00` to `99`, one after the other (no NUL): two digits at a time. */
extern const char vf_num_pairs[200];

/* Writes 0.000000 to 1.000000 (eight bytes, no NUL) for 0 to 1000000 millionths. */
void vf_num_put_millionths(char out[8], uint32_t);

/* Decimal digits of v, no NUL; returns how many (at most 20). */
size_t vf_num_put_u64(char out[20], uint64_t v);

/*
 * The fewest digits that read back as the same number, of several the nearest;
 * no NUL; returns how many bytes.  Laid out as JavaScript does: 0.000001,
 * 123456.5, 1e+21, 1e-7, NaN, -Infinity; but minus zero is -0.
 */
#define VF_NUM_REAL 32
size_t vf_num_put_double(char out[VF_NUM_REAL], double);
size_t vf_num_put_float(char out[VF_NUM_REAL], float);

#endif
