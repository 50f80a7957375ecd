#include "record/scan.h"

#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What one chunk holds, a bit for each byte. */
struct masks {
	uint64_t delimiter, lf, cr;
	unsigned flags;			/* all but VF_SCAN_CR */
};

int
vf_scan_reserve(struct vf_scan *s, size_t n, struct vf_error *err)
{
	struct vf_scan fresh = { .room = n };

	if (n <= s->room)
		return 0;
	fresh.pos = malloc((n + 8) * sizeof *fresh.pos);
	fresh.line = malloc((n + 1) * sizeof *fresh.line);
	fresh.flags = malloc(n / VF_SCAN_CHUNK + 2);
	if (fresh.pos == NULL || fresh.line == NULL || fresh.flags == NULL) {
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
	free(s->flags);
	*s = (struct vf_scan){ 0 };
}

#ifdef __SSE2__
static inline uint64_t
mask16(__m128i v, __m128i x)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, x));
}

static inline uint64_t
equal_mask(const __m128i v[4], char c)
{
	__m128i x = _mm_set1_epi8(c);

	return mask16(v[0], x) | mask16(v[1], x) << 16 | mask16(v[2], x) << 32 | mask16(v[3], x) << 48;
}

static inline bool
any_equal(const __m128i v[4], char c)
{
	__m128i x = _mm_set1_epi8(c);

	return _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v[0], x), _mm_cmpeq_epi8(v[1], x)),
		_mm_or_si128(_mm_cmpeq_epi8(v[2], x), _mm_cmpeq_epi8(v[3], x)))) != 0;
}

static inline struct masks
look(const char *p, char delimiter)
{
	__m128i v[4], low, all;
	struct masks m = { 0 };

	v[0] = _mm_loadu_si128((const __m128i *)(const void *)p);
	v[1] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));
	v[2] = _mm_loadu_si128((const __m128i *)(const void *)(p + 32));
	v[3] = _mm_loadu_si128((const __m128i *)(const void *)(p + 48));
	m.delimiter = equal_mask(v, delimiter);
	m.lf = equal_mask(v, '\n');
	/* One test for the rare ones: the smallest byte is 0, or some byte is a quote or a CR. */
	low = _mm_min_epu8(_mm_min_epu8(v[0], v[1]), _mm_min_epu8(v[2], v[3]));
	all = _mm_or_si128(_mm_or_si128(v[0], v[1]), _mm_or_si128(v[2], v[3]));
	if (_mm_movemask_epi8(_mm_cmpeq_epi8(low, _mm_setzero_si128())) != 0)
		m.flags |= VF_SCAN_NUL;
	if (_mm_movemask_epi8(all) != 0)
		m.flags |= VF_SCAN_HIGH;
	if (any_equal(v, '"'))
		m.flags |= VF_SCAN_QUOTE;
	if (any_equal(v, '\r'))
		m.cr = equal_mask(v, '\r');
	return m;
}
#else
static inline struct masks
look(const char *p, char delimiter)
{
	struct masks m = { 0 };

	for (int i = 0; i < VF_SCAN_CHUNK; i++) {
		uint64_t bit = (uint64_t)1 << i;
		unsigned char c = (unsigned char)p[i];

		if (c == (unsigned char)delimiter)
			m.delimiter |= bit;
		else if (c == '\n')
			m.lf |= bit;
		else if (c == '\r')
			m.cr |= bit;
		if (c == '"')
			m.flags |= VF_SCAN_QUOTE;
		else if (c == 0)
			m.flags |= VF_SCAN_NUL;
		else if (c > 0x7f)
			m.flags |= VF_SCAN_HIGH;
	}
	return m;
}
#endif

static inline unsigned
count_bits(uint64_t m)
{
	m -= m >> 1 & 0x5555555555555555u;
	m = (m & 0x3333333333333333u) + (m >> 2 & 0x3333333333333333u);
	m = (m + (m >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (unsigned)(m * 0x0101010101010101u >> 56);
}

/*
 * The offsets of the set bits; returns how many.  Eight at a time, needed or
 * not: most chunks have fewer, so that the loop's end is guessed right, which
 * saves more than it costs.  Up to seven places behind the last are scribbled on.
 */
static inline unsigned
put_positions(uint32_t *pos, uint64_t bits, uint32_t at)
{
	const uint64_t end = (uint64_t)1 << 63;		/* so that there is a lowest bit */
	unsigned n = count_bits(bits);

	for (unsigned i = 0; i < n; i += 8)
		for (unsigned k = 0; k < 8; k++) {
			pos[i + k] = at + (uint32_t)__builtin_ctzll(bits | end);
			bits &= bits - 1;
		}
	return n;
}

/* VF_SCAN_CR for the chunk, and for the one before when its last byte is a CR and no LF comes first here. */
static inline void
flag_bare_cr(unsigned char *flags, struct masks *m, uint64_t *pending)
{
	if ((*pending & ~m->lf & 1) != 0) {
		flags[-1] |= VF_SCAN_CR;
		m->flags |= VF_SCAN_CR;
	}
	*pending = m->cr >> 63;
	if ((m->cr & ~(m->lf >> 1) & ~((uint64_t)1 << 63)) != 0)
		m->flags |= VF_SCAN_CR;
}

void
vf_scan_block(struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	unsigned char *flags = s->flags;
	uint32_t *pos = s->pos, *line = s->line;
	uint64_t pending_cr = 0;	/* 1: the last byte of the chunk before is a CR */
	uint32_t npos = 0;

	for (size_t at = 0; at < n; at += VF_SCAN_CHUNK) {
		struct masks m = look(p + at, delimiter);
		uint64_t both;

		if (n - at < VF_SCAN_CHUNK) {
			uint64_t inside = ((uint64_t)1 << (n - at)) - 1;

			m.delimiter &= inside;
			m.lf &= inside;
			m.cr &= inside;
		}
		if ((m.cr | pending_cr) != 0)
			flag_bare_cr(flags, &m, &pending_cr);
		*flags++ = (unsigned char)m.flags;
		both = m.delimiter | m.lf;
		for (uint64_t lf = m.lf; lf != 0; lf &= lf - 1)
			*line++ = npos + count_bits(both & ((lf & -lf) - 1));
		npos += put_positions(pos + npos, both, (uint32_t)at);
	}
	if (pending_cr != 0)
		flags[-1] |= VF_SCAN_CR;
	*flags = 0;
	s->npos = npos;
	s->nlines = (size_t)(line - s->line);
}
