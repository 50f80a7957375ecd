#include "record/scan.h"

#include <stdlib.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define INLINE inline __attribute__((always_inline))	/* each way of looking gets a loop of its own */

int
vf_scan_reserve(struct vf_scan *s, size_t n, struct vf_error *err)
{
	struct vf_scan fresh = { .room = n };

	if (n <= s->room)
		return 0;
	fresh.pos = malloc((n + VF_SCAN_CHUNK) * sizeof *fresh.pos);
	fresh.line = malloc((n + 1) * sizeof *fresh.line);
	fresh.marks = malloc((n / VF_SCAN_CHUNK + 2) * sizeof *fresh.marks);
	if (fresh.pos == NULL || fresh.line == NULL || fresh.marks == NULL) {
		vf_scan_free(&fresh);
		return vf_error_nomem(err);
	}
	vf_scan_free(s);
	*s = fresh;
	return 0;
}

void
vf_scan_free(struct vf_scan *s)
{
	free(s->pos);
	free(s->line);
	free(s->marks);
	*s = (struct vf_scan){ 0 };
}

/* What stands where in a chunk, a bit for each byte. */
struct marks {
	uint64_t ends;			/* delimiters and LFs: the ends of fields */
	uint64_t lf;
	bool unusual;			/* a NUL, a quote, a CR or a high byte: one answer for all that is rare */
};

/* How chunks are looked at: in plain C, with SSE2 (every x86-64 has it), with AVX2, or with AVX-512. */
struct way {
	struct marks (*look)(const char *, char delimiter);
	unsigned (*count)(uint64_t bits);
	/* Puts down the offsets of the bits, n of them, as counted from `at`; may scribble on the 63 places behind. */
	void (*put)(uint32_t *pos, uint64_t bits, unsigned n, uint32_t at);
};

#ifdef __SSE2__
static inline uint64_t
places(const __m128i v[4], char c)
{
	__m128i x = _mm_set1_epi8(c);
	uint64_t bits = 0;

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++)
		bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v[i], x)) << 16 * i;
	return bits;
}

static INLINE struct marks
look(const char *p, char delimiter)
{
	__m128i v[4], any = _mm_setzero_si128(), least = _mm_set1_epi8(-1);
	struct marks m;

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		least = _mm_min_epu8(least, v[i]);
		any = _mm_or_si128(any, v[i]);
		any = _mm_or_si128(any, _mm_cmpeq_epi8(v[i], _mm_set1_epi8('"')));
		any = _mm_or_si128(any, _mm_cmpeq_epi8(v[i], _mm_set1_epi8('\r')));
	}
	m.unusual = _mm_movemask_epi8(_mm_or_si128(any, _mm_cmpeq_epi8(least, _mm_setzero_si128()))) != 0;
	m.lf = places(v, '\n');
	m.ends = places(v, delimiter) | m.lf;
	return m;
}

/* What exactly is unusual about a chunk.  A CR at its end is taken for a bare one. */
static unsigned
flags_of(const char *p, uint64_t lf)
{
	unsigned flags = 0;
	uint64_t high = 0;
	__m128i v[4];

#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		v[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		high |= (uint64_t)(uint32_t)_mm_movemask_epi8(v[i]);
	}
	flags |= high != 0 ? VF_SCAN_HIGH : 0;
	flags |= places(v, '"') != 0 ? VF_SCAN_QUOTE : 0;
	flags |= places(v, '\0') != 0 ? VF_SCAN_NUL : 0;
	flags |= (places(v, '\r') & ~(lf >> 1)) != 0 ? VF_SCAN_CR : 0;
	return flags;
}
#else
static INLINE struct marks
look(const char *p, char delimiter)
{
	struct marks m = { 0 };

	for (int i = 0; i < VF_SCAN_CHUNK; i++) {
		m.lf |= (uint64_t)(p[i] == '\n') << i;
		m.ends |= (uint64_t)(p[i] == delimiter || p[i] == '\n') << i;
		m.unusual |= p[i] == '"' || p[i] == '\r' || p[i] == 0 || (unsigned char)p[i] > 0x7f;
	}
	return m;
}

static unsigned
flags_of(const char *p, uint64_t lf)
{
	unsigned flags = 0;

	for (int i = 0; i < VF_SCAN_CHUNK; i++) {
		unsigned char c = (unsigned char)p[i];

		flags |= c == '"' ? VF_SCAN_QUOTE : 0;
		flags |= c == 0 ? VF_SCAN_NUL : 0;
		flags |= c > 0x7f ? VF_SCAN_HIGH : 0;
		flags |= c == '\r' && (lf >> 1 >> i & 1) == 0 ? VF_SCAN_CR : 0;
	}
	return flags;
}
#endif

static INLINE unsigned
count(uint64_t m)
{
	m -= m >> 1 & 0x5555555555555555u;
	m = (m & 0x3333333333333333u) + (m >> 2 & 0x3333333333333333u);
	m = (m + (m >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(m * 0x0101010101010101u >> 56);
}

/*
 * Eight at a time, needed or not: most chunks have fewer, so that the loop's
 * end is guessed right, which saves more than it costs.
 */
static INLINE void
put(uint32_t *pos, uint64_t bits, unsigned n, uint32_t at)
{
	const uint64_t end = (uint64_t)1 << 63;		/* so that there is a lowest bit */

	for (unsigned i = 0; i < n; i += 8)
#pragma GCC unroll 8
		for (unsigned k = 0; k < 8; k++) {
			pos[i + k] = at + (uint32_t)__builtin_ctzll(bits | end);
			bits &= bits - 1;
		}
}

static INLINE void
scan(struct vf_scan *s, const char *p, size_t n, char delimiter, struct way way)
{
	struct vf_scan_mark *mark = s->marks;
	uint32_t *pos = s->pos, *line = s->line;
	uint32_t npos = 0;

	for (size_t at = 0; at < n; at += VF_SCAN_CHUNK) {
		struct marks m = way.look(p + at, delimiter);
		unsigned count;

		if (m.unusual) {
			mark->end = (uint32_t)at + VF_SCAN_CHUNK;
			mark->flags = flags_of(p + at, m.lf);
			mark += mark->flags != 0;
		}
		if (n - at < VF_SCAN_CHUNK) {
			uint64_t inside = ((uint64_t)1 << (n - at)) - 1;

			m.ends &= inside;
			m.lf &= inside;
		}
		/* The first is put down whether it is there or not: whether there is one is hard to guess. */
		*line = npos + way.count(m.ends & ((m.lf & -m.lf) - 1));
		line += m.lf != 0;
		while ((m.lf &= m.lf - 1) != 0)
			*line++ = npos + way.count(m.ends & ((m.lf & -m.lf) - 1));
		count = way.count(m.ends);
		way.put(pos + npos, m.ends, count, (uint32_t)at);
		npos += count;
	}
	*mark = (struct vf_scan_mark){ .end = UINT32_MAX };
	s->mark = s->marks;
	s->npos = npos;
	s->nlines = (size_t)(line - s->line);
}

static void
scan_plain(struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	scan(s, p, n, delimiter, (struct way){ look, count, put });
}

#ifdef __x86_64__
#define AVX2 __attribute__((target("avx2,bmi,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,popcnt")))

AVX2 static INLINE uint64_t
mask_256(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

AVX2 static INLINE __m256i
either_256(__m256i low, __m256i high, char c)
{
	__m256i x = _mm256_set1_epi8(c);

	return _mm256_or_si256(_mm256_cmpeq_epi8(low, x), _mm256_cmpeq_epi8(high, x));
}

AVX2 static INLINE uint64_t
places_256(__m256i low, __m256i high, char c)
{
	__m256i x = _mm256_set1_epi8(c);

	return mask_256(_mm256_cmpeq_epi8(low, x), _mm256_cmpeq_epi8(high, x));
}

AVX2 static INLINE struct marks
look_256(const char *p, char delimiter)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32));
	__m256i any = _mm256_or_si256(_mm256_or_si256(low, high), either_256(low, high, '\0'));
	struct marks m;

	any = _mm256_or_si256(any, _mm256_or_si256(either_256(low, high, '"'), either_256(low, high, '\r')));
	m.unusual = _mm256_movemask_epi8(any) != 0;
	m.lf = places_256(low, high, '\n');
	m.ends = places_256(low, high, delimiter) | m.lf;
	return m;
}

/* AVX-512's, too. */
AVX2 static INLINE unsigned
count_popcnt(uint64_t bits)
{
	return (unsigned)__builtin_popcountll(bits);
}

/* Puts down one place; of no bit the lowest is 64. */
AVX2 static INLINE uint64_t
put_lowest(uint32_t *pos, uint64_t bits, uint32_t at)
{
	*pos = at + (uint32_t)_tzcnt_u64(bits);
	return _blsr_u64(bits);
}

/* As put(); but six come first, which is enough for most chunks. */
AVX2 static INLINE void
put_256(uint32_t *pos, uint64_t bits, unsigned n, uint32_t at)
{
#pragma GCC unroll 6
	for (unsigned k = 0; k < 6; k++)
		bits = put_lowest(pos + k, bits, at);
	for (unsigned i = 6; i < n; i += 8)
#pragma GCC unroll 8
		for (unsigned k = 0; k < 8; k++)
			bits = put_lowest(pos + i + k, bits, at);
}

AVX2 static void
scan_256(struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	scan(s, p, n, delimiter, (struct way){ look_256, count_popcnt, put_256 });
}

AVX512 static INLINE struct marks
look_512(const char *p, char delimiter)
{
	__m512i v = _mm512_loadu_si512(p);
	struct marks m;

	m.lf = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n'));
	m.ends = m.lf | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(delimiter));
	/* Signed: high bytes are below 0. */
	m.unusual = (_mm512_cmple_epi8_mask(v, _mm512_setzero_si512())
		| _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"'))
		| _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r'))) != 0;
	return m;
}

/* The numbers of the places 0 to 63, those without a bit pressed out; sixteen at a time made wide. */
AVX512 static INLINE void
put_512(uint32_t *pos, uint64_t bits, unsigned n, uint32_t at)
{
	static const unsigned char numbers[VF_SCAN_CHUNK] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
		17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
		43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63 };
	__m512i all = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(numbers));

	for (unsigned i = 0; i < n; i += 16) {
		__m512i wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(all));

		_mm512_storeu_si512(pos + i, _mm512_add_epi32(wide, _mm512_set1_epi32((int)at)));
		all = _mm512_alignr_epi32(all, all, 4);
	}
}

AVX512 static void
scan_512(struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	scan(s, p, n, delimiter, (struct way){ look_512, count_popcnt, put_512 });
}

static bool
has_avx512(void)
{
	return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2");
}

static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

void
vf_scan_block(struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	(has_avx512() ? scan_512 : has_avx2() ? scan_256 : scan_plain)(s, p, n, delimiter);
}
#else
void
vf_scan_block(struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	scan_plain(s, p, n, delimiter);
}
#endif
