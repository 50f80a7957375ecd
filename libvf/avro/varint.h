/*
 * avro/varint.h -- Avro's numbers: zig-zag, seven bits a byte, lowest first.
 */
#ifndef VF_AVRO_VARINT_H
#define VF_AVRO_VARINT_H

#include <stdint.h>
#include <string.h>

#define VF_VARINT_MAX 10		/* bytes of a long; of an int 5 */

static inline uint64_t
vf_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t
vf_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Writes v, at most VF_VARINT_MAX bytes, and returns what follows them. */
static inline char *
vf_varint_put(char *p, int64_t v)
{
	uint64_t u = vf_zigzag(v);

	while (u > 0x7f) {
		*p++ = (char)(u | 0x80);
		u >>= 7;
	}
	*p++ = (char)u;
	return p;
}

/* Reads one that ends before end; NULL: it does not, or is over 64 bits. */
static inline const unsigned char *
vf_varint_get(const unsigned char *p, const unsigned char *end, int64_t *v)
{
	uint64_t u = 0;

	for (unsigned shift = 0; p < end; shift += 7) {
		unsigned char b = *p++;

		if (shift == 63 && b > 1)
			return NULL;
		u |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*v = vf_unzigzag(u);
			return p;
		}
	}
	return NULL;
}

#endif
