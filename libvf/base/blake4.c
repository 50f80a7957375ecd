#include "base/blake4.h"

#include <sodium.h>
#include <stdint.h>

static void
hash_one(unsigned char out[16], const unsigned char prefix[VF_BLAKE4_PREFIX], struct vf_slice tail)
{
	unsigned char text[VF_BLAKE4_PREFIX + VF_BLAKE4_TAIL_MAX];

	memcpy(text, prefix, VF_BLAKE4_PREFIX);
	if (tail.n > 0)
		memcpy(text + VF_BLAKE4_PREFIX, tail.p, tail.n);
	crypto_generichash_blake2b(out, 16, text, VF_BLAKE4_PREFIX + tail.n, NULL, 0);
}

#if defined(__x86_64__)

#include <immintrin.h>

#define LANES 4
#define WORDS 16			/* of a block */
#define PREFIX_WORDS (VF_BLAKE4_PREFIX / 8)
#define ONE_BLOCK 128			/* prefix and tail up to here take one compression */
#define AVX2 __attribute__((target("avx2")))
#define INLINE __attribute__((always_inline)) inline	/* gcc leaves mix() a function: half the speed */

/* RFC 7693: the initial values, and the order in which the rounds take the words of the block. */
static const uint64_t iv[8] = {
	UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b), UINT64_C(0x3c6ef372fe94f82b),
	UINT64_C(0xa54ff53a5f1d36f1), UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
	UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179),
};
static const unsigned char sigma[12][WORDS] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
	{ 11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4 },
	{ 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8 },
	{ 9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13 },
	{ 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9 },
	{ 12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11 },
	{ 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10 },
	{ 6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5 },
	{ 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0 },
	{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
	{ 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3 },
};

AVX2 static INLINE __m256i
all(uint64_t v)
{
	return _mm256_set1_epi64x((long long)v);
}

/* The mixing function of RFC 7693 on four states at once. */
AVX2 static INLINE void
mix(__m256i v[WORDS], int a, int b, int c, int d, __m256i x, __m256i y)
{
	const __m256i by24 = _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10,
		3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);
	const __m256i by16 = _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9,
		2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);

	v[a] = _mm256_add_epi64(_mm256_add_epi64(v[a], v[b]), x);
	v[d] = _mm256_shuffle_epi32(_mm256_xor_si256(v[d], v[a]), _MM_SHUFFLE(2, 3, 0, 1));
	v[c] = _mm256_add_epi64(v[c], v[d]);
	v[b] = _mm256_shuffle_epi8(_mm256_xor_si256(v[b], v[c]), by24);
	v[a] = _mm256_add_epi64(_mm256_add_epi64(v[a], v[b]), y);
	v[d] = _mm256_shuffle_epi8(_mm256_xor_si256(v[d], v[a]), by16);
	v[c] = _mm256_add_epi64(v[c], v[d]);
	v[b] = _mm256_xor_si256(v[b], v[c]);
	v[b] = _mm256_xor_si256(_mm256_srli_epi64(v[b], 63), _mm256_add_epi64(v[b], v[b]));
}

/* One last block for each of four hashes of 16 bytes: the first two words of the state are all that is wanted. */
AVX2 static void
compress(uint64_t out[2][LANES], const __m256i m[WORDS], __m256i lengths)
{
	const uint64_t parameters = UINT64_C(0x01010000) ^ 16;
	__m256i v[WORDS];

	for (int i = 0; i < 8; i++)
		v[i] = v[i + 8] = all(iv[i]);
	v[0] = all(iv[0] ^ parameters);
	v[12] = _mm256_xor_si256(v[12], lengths);
	v[14] = _mm256_xor_si256(v[14], all(UINT64_MAX));
#pragma GCC unroll 12
	for (int r = 0; r < 12; r++) {
		const unsigned char *s = sigma[r];

		mix(v, 0, 4, 8, 12, m[s[0]], m[s[1]]);
		mix(v, 1, 5, 9, 13, m[s[2]], m[s[3]]);
		mix(v, 2, 6, 10, 14, m[s[4]], m[s[5]]);
		mix(v, 3, 7, 11, 15, m[s[6]], m[s[7]]);
		mix(v, 0, 5, 10, 15, m[s[8]], m[s[9]]);
		mix(v, 1, 6, 11, 12, m[s[10]], m[s[11]]);
		mix(v, 2, 7, 8, 13, m[s[12]], m[s[13]]);
		mix(v, 3, 4, 9, 14, m[s[14]], m[s[15]]);
	}
	v[0] = _mm256_xor_si256(all(iv[0] ^ parameters), _mm256_xor_si256(v[0], v[8]));
	v[1] = _mm256_xor_si256(all(iv[1]), _mm256_xor_si256(v[1], v[9]));
	_mm256_storeu_si256((__m256i *)(void *)out[0], v[0]);
	_mm256_storeu_si256((__m256i *)(void *)out[1], v[1]);
}

/* Word w of a tail, its missing bytes zero.  (A copy of the tail would be read before it is written out.) */
AVX2 static INLINE long long
word_of(struct vf_slice tail, size_t w)
{
	uint64_t v = 0;

	if (8 * w + 8 <= tail.n) {
		memcpy(&v, tail.p + 8 * w, 8);
	} else if (8 * w < tail.n && tail.n >= 8) {
		memcpy(&v, tail.p + tail.n - 8, 8);
		v >>= 8 * (8 * w + 8 - tail.n);
	} else if (8 * w < tail.n) {
		memcpy(&v, tail.p, tail.n);
	}
	return (long long)v;
}

/* Four tails of one block each.  The words stand as x86 has them in memory: BLAKE2b is little-endian too. */
AVX2 static void
hash_four(unsigned char (*out)[16], const unsigned char prefix[VF_BLAKE4_PREFIX], const struct vf_slice *tails)
{
	uint64_t words[2][LANES];
	__m256i m[WORDS], lengths;
	size_t used = 0;

	for (int i = 0; i < LANES; i++)
		if (tails[i].n > used)
			used = tails[i].n;
	used = (used + 7) / 8;
	for (int w = 0; w < PREFIX_WORDS; w++) {
		uint64_t word;

		memcpy(&word, prefix + 8 * w, sizeof(word));
		m[w] = all(word);
	}
	for (size_t w = 0; w < used; w++)
		m[PREFIX_WORDS + w] = _mm256_set_epi64x(word_of(tails[3], w), word_of(tails[2], w), word_of(tails[1], w),
			word_of(tails[0], w));
	for (size_t w = PREFIX_WORDS + used; w < WORDS; w++)
		m[w] = _mm256_setzero_si256();
	lengths = _mm256_set_epi64x((long long)tails[3].n, (long long)tails[2].n, (long long)tails[1].n,
		(long long)tails[0].n);
	compress(words, m, _mm256_add_epi64(all(VF_BLAKE4_PREFIX), lengths));
	for (int i = 0; i < LANES; i++) {
		memcpy(out[i], &words[0][i], 8);
		memcpy(out[i] + 8, &words[1][i], 8);
	}
}

static bool
fits(const struct vf_slice *tails)
{
	for (int i = 0; i < LANES; i++)
		if (tails[i].n > ONE_BLOCK - VF_BLAKE4_PREFIX)
			return false;
	return true;
}

void
vf_blake4(unsigned char (*out)[16], const unsigned char prefix[VF_BLAKE4_PREFIX], const struct vf_slice *tails,
	size_t n)
{
	bool four = __builtin_cpu_supports("avx2");
	size_t i = 0;

	while (i < n) {
		size_t end = i + LANES < n ? i + LANES : n;

		if (four && n - i >= LANES && fits(tails + i))
			hash_four(out + i, prefix, tails + i);
		else
			for (size_t k = i; k < end; k++)
				hash_one(out[k], prefix, tails[k]);
		i = end;
	}
}

#else

void
vf_blake4(unsigned char (*out)[16], const unsigned char prefix[VF_BLAKE4_PREFIX], const struct vf_slice *tails,
	size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash_one(out[i], prefix, tails[i]);
}

#endif
