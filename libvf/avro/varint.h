/* avro/varint.h -- Avro's long: zigzag, seven bits a byte, the low ones first, at most ten bytes. */
#ifndef VF_AVRO_VARINT_H
#define VF_AVRO_VARINT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VF_VARINT_MAX 10		/* bytes of one */

/*
 * The long at p, which ends before end: how many bytes it takes; 0 when it is
 * cut off by end, -1 when it is none (over ten bytes or 64 bits).
 */
static inline int
vf_varint_get(const unsigned char *p, const unsigned char *end, int64_t *v)
{
	uint64_t bits = 0;

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* Up to eight bytes at once: 7 bits of each byte move together, then 14 of each two, 28 of each four. */
	if (end - p >= 8) {
		uint64_t w, stop;

		memcpy(&w, p, sizeof w);
		stop = ~w & 0x8080808080808080u;
		if (stop != 0) {
			w &= stop - 1;
			w = (w & 0x007f007f007f007fu) | (w & 0x7f007f007f007f00u) >> 1;
			w = (w & 0x00003fff00003fffu) | (w & 0x3fff00003fff0000u) >> 2;
			bits = (w & 0x000000000fffffffu) | (w & 0x0fffffff00000000u) >> 4;
			*v = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
			return __builtin_ctzll(stop) / 8 + 1;
		}
	}
#endif
	for (int i = 0; i < VF_VARINT_MAX; i++) {
		if (p + i >= end)
			return 0;
		if (i == VF_VARINT_MAX - 1 && p[i] > 1)
			return -1;
		bits |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] < 0x80) {
			*v = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
			return i + 1;
		}
	}
	return -1;
}

/* The same for a long among others, most of one byte: what follows it, or NULL when it is cut off or none. */
static inline const unsigned char *
vf_varint_next(const unsigned char *p, const unsigned char *end, int64_t *v)
{
	int n;

	if (p < end && *p < 0x80) {
		*v = (int64_t)(*p >> 1) ^ -(int64_t)(*p & 1);
		return p + 1;
	}
	n = vf_varint_get(p, end, v);
	return n > 0 ? p + n : NULL;
}

/* Writes v at p, which has room for VF_VARINT_MAX bytes; returns how many it took. */
static inline size_t
vf_varint_put(unsigned char *p, int64_t v)
{
	uint64_t bits = (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
	size_t n = 0;

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	/* Up to eight bytes at once: 28 bits move into each half, 14 into each quarter, 7 into each byte. */
	if (bits >= 0x80 && bits < (uint64_t)1 << 56) {
		uint64_t w = (bits & 0x000000000fffffffu) | (bits & 0x00fffffff0000000u) << 4;

		n = (unsigned)(63 - __builtin_clzll(bits)) / 7;
		w = (w & 0x00003fff00003fffu) | (w & 0x0fffc0000fffc000u) << 2;
		w = (w & 0x007f007f007f007fu) | (w & 0x3f803f803f803f80u) << 1;
		w |= 0x8080808080808080u & (((uint64_t)1 << 8 * n) - 1);
		memcpy(p, &w, sizeof w);
		return n + 1;
	}
#endif
	while (bits >= 0x80) {
		p[n++] = (unsigned char)(bits | 0x80);
		bits >>= 7;
	}
	p[n++] = (unsigned char)bits;
	return n;
}

#endif
