/* fan/fan.c -- ids and tags. */
#include "fan/fan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ID_MAX 128

const char *const vf_tag_names[VF_TAGS] = { "phone-unconfirmed", "phone-unverified", "no-phone", "no-email",
	"relay-email", "sms-opt-out", "email-opt-out" };

/* Printable ASCII without space, quote, comma and semicolon; one row is 16 byte values. */
static const unsigned char id_byte[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1,	/* no space, ", comma */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1,	/* no ; */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0,	/* no DEL */
};

#ifdef __SSE2__
/* Whether all of 16 bytes may stand in an id: the table above in six comparisons. */
static inline bool
sixteen_ok(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p), bad;

	bad = _mm_cmplt_epi8(v, _mm_set1_epi8(0x21));		/* signed: bytes over 0x7f too */
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8(',')));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8(';')));
	bad = _mm_or_si128(bad, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
	return _mm_movemask_epi8(bad) == 0;
}
#endif

static bool
bytes_ok(struct vf_slice id)
{
	unsigned char all = 1;
	size_t i = 0;

#ifdef __SSE2__
	for (; id.n - i >= 16; i += 16)
		if (!sixteen_ok(id.p + i))
			return false;
	if (i > 0)			/* the last 16, some of them again */
		return sixteen_ok(id.p + id.n - 16);
#endif
	for (; i < id.n; i++)
		all &= id_byte[(unsigned char)id.p[i]];
	return all != 0;
}

bool
vf_fan_id_ok(struct vf_slice id)
{
	if (id.n == 0 || id.n > ID_MAX || !bytes_ok(id))
		return false;
	return !(id.n == 4 && memcmp(id.p, "null", 4) == 0) && !(id.n == 9 && memcmp(id.p, "undefined", 9) == 0);
}

/* The next word of a;b;c from *rest; false at the end.  An empty field has no word, `;` has two empty ones. */
static bool
next_word(struct vf_slice *rest, struct vf_slice *word)
{
	const char *end;

	if (rest->p == NULL)
		return false;
	end = memchr(rest->p, ';', rest->n);
	*word = vf_slice(rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n);
	*rest = end != NULL ? vf_slice(end + 1, rest->n - word->n - 1) : vf_slice(NULL, 0);
	return true;
}

/* The bit of one of our words, blanks around it aside; 0 for any other. */
static unsigned
tag_bit(struct vf_slice word)
{
	word = vf_slice_trim(word);
	for (unsigned i = 0; i < VF_TAGS; i++)
		if (vf_slice_is(word, vf_tag_names[i]))
			return 1U << i;
	return 0;
}

unsigned
vf_tags_parse(struct vf_slice field)
{
	struct vf_slice word;
	unsigned mask = 0;

	if (field.n == 0)
		return 0;
	while (next_word(&field, &word))
		mask |= tag_bit(word);
	return mask;
}

static void
add_word(struct vf_buf *out, struct vf_slice word, unsigned *words)
{
	if ((*words)++ > 0)
		vf_buf_add_char(out, ';');
	vf_buf_add_slice(out, word);
}

int
vf_tags_write(struct vf_slice old, unsigned mask, struct vf_buf *out)
{
	struct vf_slice word;
	unsigned words = 0;

	vf_buf_clear(out);
	if (old.n > 0)
		while (next_word(&old, &word))
			if (tag_bit(word) == 0)
				add_word(out, word, &words);
	for (unsigned i = 0; i < VF_TAGS; i++)
		if ((mask & 1U << i) != 0)
			add_word(out, vf_slice_str(vf_tag_names[i]), &words);
	return out->failed ? -1 : 0;
}
