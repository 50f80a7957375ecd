#include "fan/message.h"

const char *const vf_sms_encoding_names[2] = { "GSM-7", "UCS-2" };

static void
feed(crypto_generichash_blake2b_state *state, struct vf_slice s, bool nul)
{
	if (s.n > 0)
		crypto_generichash_blake2b_update(state, (const unsigned char *)s.p, s.n);
	if (nul)
		crypto_generichash_blake2b_update(state, (const unsigned char *)"", 1);
}

void
vf_message_ids_init(struct vf_message_ids *ids, struct vf_slice campaign, struct vf_slice wave, struct vf_slice channel)
{
	crypto_generichash_blake2b_init(&ids->state, NULL, 0, VF_MESSAGE_ID_LEN);
	feed(&ids->state, campaign, true);
	feed(&ids->state, wave, true);
	feed(&ids->state, channel, true);
}

void
vf_message_id(const struct vf_message_ids *ids, struct vf_slice fan, char out[VF_MESSAGE_ID_HEX + 1])
{
	crypto_generichash_blake2b_state state = ids->state;
	unsigned char hash[VF_MESSAGE_ID_LEN];

	feed(&state, fan, false);
	crypto_generichash_blake2b_final(&state, hash, sizeof(hash));
	vf_hex_put(out, hash, sizeof(hash));
}

bool
vf_message_phone_ok(struct vf_slice s)
{
	if (s.n < 8 || s.n > 16 || s.p[0] != '+' || s.p[1] == '0')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* GSM 03.38: septets of the characters below U+0100. */
static const unsigned char septets[256] = {
	['\n'] = 1, ['\f'] = 2, ['\r'] = 1,
	[' '] = 1, ['!'] = 1, ['"'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['('] = 1, [')'] = 1,
	['*'] = 1, ['+'] = 1, [','] = 1, ['-'] = 1, ['.'] = 1, ['/'] = 1, ['0' ... '9'] = 1, [':'] = 1, [';'] = 1,
	['<'] = 1, ['='] = 1, ['>'] = 1, ['?'] = 1, ['@'] = 1, ['A' ... 'Z'] = 1, ['['] = 2, ['\\'] = 2, [']'] = 2,
	['^'] = 2, ['_'] = 1, ['a' ... 'z'] = 1, ['{'] = 2, ['|'] = 2, ['}'] = 2, ['~'] = 2,
	[0xa1] = 1, [0xa3] = 1, [0xa4] = 1, [0xa5] = 1, [0xa7] = 1, [0xbf] = 1,
	[0xc4] = 1, [0xc5] = 1, [0xc6] = 1, [0xc7] = 1, [0xc9] = 1, [0xd1] = 1, [0xd6] = 1, [0xd8] = 1, [0xdc] = 1,
	[0xdf] = 1, [0xe0] = 1, [0xe4] = 1, [0xe5] = 1, [0xe6] = 1, [0xe8] = 1, [0xe9] = 1, [0xec] = 1, [0xf1] = 1,
	[0xf2] = 1, [0xf6] = 1, [0xf8] = 1, [0xf9] = 1, [0xfc] = 1,
};

unsigned
vf_sms_septets(uint32_t c)
{
	if (c < 0x100)
		return septets[c];
	switch (c) {
	case 0x393: case 0x394: case 0x398: case 0x39b: case 0x39e:
	case 0x3a0: case 0x3a3: case 0x3a6: case 0x3a8: case 0x3a9:
		return 1;
	case 0x20ac:
		return 2;
	default:
		return 0;
	}
}

/* The next character of s, which is UTF-8; the bytes of what is none count one by one. */
static uint32_t
next_character(struct vf_slice *s)
{
	const unsigned char *p = (const unsigned char *)s->p;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
	uint32_t c = p[0];

	if (n > s->n)
		n = 1;
	if (n > 1)
		c = p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*s = vf_slice(s->p + n, s->n - n);
	return c;
}

/* A text taken character by character into parts of so many units. */
struct parts {
	uint32_t single, several;	/* units of a message of one part, and of each of several */
	uint32_t units, full, used;	/* all units; parts that are full; units used of the next */
};

static inline void
take(struct parts *p, uint32_t units)
{
	p->units += units;
	if (p->used + units > p->several) {
		p->full++;
		p->used = 0;
	}
	p->used += units;
}

static uint32_t
count(const struct parts *p)
{
	return p->units <= p->single ? 1 : p->full + 1;
}

struct vf_sms_size
vf_sms_measure(struct vf_slice text)
{
	struct parts gsm = { .single = 160, .several = 153 }, ucs = { .single = 70, .several = 67 };
	struct vf_slice rest = text;

	while (rest.n > 0) {
		unsigned n = vf_sms_septets(next_character(&rest));

		if (n == 0)
			goto ucs2;
		take(&gsm, n);
	}
	return (struct vf_sms_size){ VF_SMS_GSM7, gsm.units, count(&gsm) };
ucs2:
	for (rest = text; rest.n > 0;)
		take(&ucs, next_character(&rest) > 0xffff ? 2 : 1);
	return (struct vf_sms_size){ VF_SMS_UCS2, ucs.units, count(&ucs) };
}
