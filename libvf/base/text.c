#include "base/text.h"

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Bytes of the UTF-8 sequence at p (n > 0 left), 0 when there is none (RFC 3629, section 4). */
static size_t
sequence(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t need;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 2;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		need = 3;
		if (p[0] == 0xe0)
			low = 0xa0;
		else if (p[0] == 0xed)
			high = 0x9f;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 4;
		if (p[0] == 0xf0)
			low = 0x90;
		else if (p[0] == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (n < need || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

bool
vf_text_utf8(struct vf_slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n = s.n, step;

	while (n > 0) {
		uint64_t word;

		while (n >= sizeof word) {
			memcpy(&word, p, sizeof word);
			if ((word & 0x8080808080808080u) != 0)
				break;
			p += sizeof word;
			n -= sizeof word;
		}
		while (n > 0 && p[0] < 0x80) {
			p++;
			n--;
		}
		/* Letters that are not ASCII often come in a row. */
		while (n > 0 && p[0] >= 0x80) {
			step = sequence(p, n);
			if (step == 0)
				return false;
			p += step;
			n -= step;
		}
	}
	return true;
}

/* Not zero when one of the eight bytes is c. */
static inline uint64_t
holds(uint64_t w, char c)
{
	const uint64_t ones = 0x0101010101010101u;

	w ^= ones * (unsigned char)c;
	return (w - ones) & ~w & ones * 0x80;
}

static inline bool
special8(uint64_t w)
{
	return (holds(w, ',') | holds(w, '"') | holds(w, '\n') | holds(w, '\r')) != 0;
}

static inline uint64_t
load8(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Fewer than eight bytes in one word, some of them twice. */
static inline uint64_t
load_few(const char *p, size_t n)
{
	uint32_t first, last;

	if (n >= 4) {
		memcpy(&first, p, sizeof first);
		memcpy(&last, p + n - 4, sizeof last);
		return first | (uint64_t)last << 32;
	}
	if (n == 0)
		return 0;
	return (unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 | (uint64_t)(unsigned char)p[n - 1] << 16;
}

#ifdef __SSE2__
static inline __m128i
special16(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i a = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(',')), _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	__m128i b = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));

	return _mm_or_si128(a, b);
}
#endif

/* What is left of the last word or two may have been looked at before. */
bool
vf_text_csv_needs_quotes(struct vf_slice v)
{
	if (v.n < 8)
		return special8(load_few(v.p, v.n));
#ifdef __SSE2__
	if (v.n >= 16) {
		__m128i found = special16(v.p + v.n - 16);

		for (size_t i = 0; i + 16 < v.n; i += 16)
			found = _mm_or_si128(found, special16(v.p + i));
		return _mm_movemask_epi8(found) != 0;
	}
#endif
	for (size_t i = 0; i + 8 < v.n; i += 8)
		if (special8(load8(v.p + i)))
			return true;
	return special8(load8(v.p + v.n - 8));
}

int
vf_text_add_csv(struct vf_buf *b, struct vf_slice v)
{
	const char *from, *end, *quote;
	size_t before = b->n;

	if (!vf_text_csv_needs_quotes(v))
		return vf_buf_add_slice(b, v);
	from = v.p;
	end = v.p + v.n;
	vf_buf_add_char(b, '"');
	while ((quote = memchr(from, '"', (size_t)(end - from))) != NULL) {
		vf_buf_add(b, from, (size_t)(quote + 1 - from));
		vf_buf_add_char(b, '"');		/* every quote twice */
		from = quote + 1;
	}
	vf_buf_add(b, from, (size_t)(end - from));
	if (vf_buf_add_char(b, '"') == 0 && !b->failed)
		return 0;
	b->n = before;
	return -1;
}

/* How text is written where not every byte can stand for itself. */
struct form {
	bool special[128];		/* the ASCII bytes that cannot */
	/* Puts what is written for c, a special byte or one that is no UTF-8; returns how many bytes. */
	size_t (*put)(char out[6], unsigned char c);
};

static size_t
put_json(char out[6], unsigned char c)
{
	static const char shorts[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
	const char *at = c != 0 ? strchr(shorts, c) : NULL;

	if (c >= 0x80) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	if (at != NULL) {
		out[0] = '\\';
		out[1] = letters[at - shorts];
		return 2;
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

static size_t
put_escaped(char out[6], unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";

	out[0] = '\\';
	if (c < 0x80) {
		out[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\0' ? '0' : '\\';
		return 2;
	}
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

static size_t
put_control(char out[6], unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";

	if (c == '\n' || c == '\r')
		return put_escaped(out, c);
	memcpy(out, "\\x", 2);
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

/* Eight bytes of printable ASCII without quote and backslash, which stand for themselves in every form. */
static inline bool
eight_plain(const unsigned char *p)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	uint64_t w, quote, backslash;

	memcpy(&w, p, sizeof w);
	quote = w ^ ones * '"';
	backslash = w ^ ones * '\\';
	return ((w | (w - ones * 0x20) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & high) == 0;
}

/* v, the runs of bytes that stand for themselves in one piece each; on failure b is as before. */
static int
add_in_form(struct vf_buf *b, struct vf_slice v, const struct form *form)
{
	const unsigned char *p = (const unsigned char *)v.p;
	size_t before = b->n, run = 0, step;
	char out[6];

	for (size_t i = 0; i < v.n; i += step) {
		step = 8;
		if (v.n - i >= step && eight_plain(p + i))
			continue;
		step = sequence(p + i, v.n - i);
		if (step > 1 || (step == 1 && !form->special[p[i]]))
			continue;
		step = 1;
		if (vf_buf_add(b, p + run, i - run) < 0 || vf_buf_add(b, out, form->put(out, p[i])) < 0)
			goto fail;
		run = i + 1;
	}
	if (v.n > run && vf_buf_add(b, p + run, v.n - run) < 0)
		goto fail;
	return 0;
fail:
	b->n = before;
	return -1;
}

int
vf_text_add_json(struct vf_buf *b, struct vf_slice v)
{
	static const struct form form = { { [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true }, put_json };
	size_t before = b->n;

	if (vf_buf_add_char(b, '"') == 0 && add_in_form(b, v, &form) == 0 && vf_buf_add_char(b, '"') == 0)
		return 0;
	b->n = before;
	return -1;
}

int
vf_text_add_escaped(struct vf_buf *b, struct vf_slice v)
{
	static const struct form form = { { ['\0'] = true, ['\n'] = true, ['\r'] = true, ['\\'] = true }, put_escaped };

	return add_in_form(b, v, &form);
}

int
vf_text_add_message(struct vf_buf *b, struct vf_slice v)
{
	static const struct form form = { { [0 ... 0x1f] = true, [0x7f] = true }, put_control };

	return add_in_form(b, v, &form);
}

int
vf_text_add_base64(struct vf_buf *b, struct vf_slice v)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)v.p;
	size_t n = v.n;
	char *out;

	if (n == 0)
		return 0;
	if (vf_buf_reserve(b, (n + 2) / 3 * 4) < 0)
		return -1;
	out = b->p + b->n;
	for (; n >= 3; n -= 3, p += 3) {
		*out++ = digits[p[0] >> 2];
		*out++ = digits[(p[0] & 3) << 4 | p[1] >> 4];
		*out++ = digits[(p[1] & 15) << 2 | p[2] >> 6];
		*out++ = digits[p[2] & 63];
	}
	if (n > 0) {
		*out++ = digits[p[0] >> 2];
		*out++ = digits[(p[0] & 3) << 4 | (n > 1 ? p[1] >> 4 : 0)];
		*out++ = n > 1 ? digits[(p[1] & 15) << 2] : '=';
		*out++ = '=';
	}
	b->n = (size_t)(out - b->p);
	return 0;
}
