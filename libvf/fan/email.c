#include "fan/email.h"

#include <idn2.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/*
 * What a byte may be part of.  Pairs of neighbours are judged by shifting one
 * mask against the other: DOT << 1 is EDGE.
 */
enum {
	LOCAL = 1 << 0,		/* RFC 5322 atext, or the dot between atoms */
	HOST = 1 << 1,		/* letter, digit, hyphen, or the dot between labels */
	DOT = 1 << 2,
	EDGE = 1 << 3,		/* dot or hyphen: two in a row where one is a dot leave a label empty or ill-formed */
	UPPER = 1 << 4,
	HIGH = 1 << 5,
};

static const unsigned char class[256] = {
	['0' ... '9'] = LOCAL | HOST,
	['a' ... 'z'] = LOCAL | HOST,
	['A' ... 'Z'] = LOCAL | HOST | UPPER,
	['-'] = LOCAL | HOST | EDGE,
	['.'] = LOCAL | HOST | DOT | EDGE,
	['!'] = LOCAL, ['#'] = LOCAL, ['$'] = LOCAL, ['%'] = LOCAL, ['&'] = LOCAL, ['\''] = LOCAL,
	['*'] = LOCAL, ['+'] = LOCAL, ['/'] = LOCAL, ['='] = LOCAL, ['?'] = LOCAL, ['^'] = LOCAL,
	['_'] = LOCAL, ['`'] = LOCAL, ['{'] = LOCAL, ['|'] = LOCAL, ['}'] = LOCAL, ['~'] = LOCAL,
	[0x80 ... 0xff] = HIGH,
};

static inline unsigned
class_of(char c)
{
	return class[(unsigned char)c];
}

static bool
local_ok(struct vf_slice s)
{
	unsigned all = LOCAL, pair = 0, prev = DOT;

	for (size_t i = 0; i < s.n; i++) {
		unsigned c = class_of(s.p[i]);

		all &= c;
		pair |= c & prev;
		prev = c;
	}
	return all != 0 && ((pair | prev) & DOT) == 0;
}

/* What one pass over a domain tells. */
struct host {
	unsigned all, any;	/* class bits that every byte has, that some byte has */
	bool ill_paired;	/* a label is empty, or has a hyphen at an end */
	bool hyphens;		/* two hyphens in a row: an xn-- label, perhaps */
};

static struct host
scan_host(struct vf_slice s)
{
	unsigned all = HOST, any = 0, ill = 0, run = 0, prev = DOT | EDGE;

	for (size_t i = 0; i < s.n; i++) {
		unsigned c = class_of(s.p[i]);

		all &= c;
		any |= c;
		ill |= (prev << 1 & c) | (prev & c << 1);
		run |= prev & c;
		prev = c;
	}
	ill |= prev;
	return (struct host){ all, any, (ill & EDGE) != 0, (run & EDGE) != 0 };
}

static bool
has_ace(struct vf_slice s)
{
	for (size_t i = 0; i + 4 <= s.n; i++)
		if ((i == 0 || s.p[i - 1] == '.') && vf_lower(s.p[i]) == 'x' && vf_lower(s.p[i + 1]) == 'n' &&
			s.p[i + 2] == '-' && s.p[i + 3] == '-')
			return true;
	return false;
}

/* Label lengths, number of labels and the last label of a name that scan_host found well formed. */
static enum vf_email_fault
judge_labels(struct vf_slice s, bool one_label)
{
	size_t start = 0;
	bool digits = true;

	for (size_t i = 0; s.n > VF_EMAIL_LABEL_MAX && i <= s.n; i++)
		if (i == s.n || s.p[i] == '.') {
			if (i - start > VF_EMAIL_LABEL_MAX)
				return VF_EMAIL_LABEL_LENGTH;
			start = i + 1;
		}
	for (start = s.n; start > 0 && s.p[start - 1] != '.'; start--)
		digits &= s.p[start - 1] >= '0' && s.p[start - 1] <= '9';
	if (digits)
		return VF_EMAIL_NUMERIC_TLD;
	return start == 0 && !one_label ? VF_EMAIL_ONE_LABEL : VF_EMAIL_OK;
}

/* ASCII only. *changes: it has upper-case letters. *ace: it may have xn-- labels. */
static enum vf_email_fault
judge_ascii(struct vf_slice s, bool one_label, bool *changes, bool *ace)
{
	struct host h = scan_host(s);

	if (h.all == 0 || h.ill_paired)
		return VF_EMAIL_DOMAIN;
	*changes = (h.any & UPPER) != 0;
	*ace = h.hyphens;
	return judge_labels(s, one_label);
}

/*
 * A domain with bytes over 0x7f or xn-- labels, by libidn2.  Its option for
 * the rules of host names would drop foreign bytes silently, so the result is
 * judged again here instead.
 */
static enum vf_email_fault
judge_idn(struct vf_slice s, bool one_label, char scratch[VF_EMAIL_DOMAIN_MAX], struct vf_slice *out)
{
	enum vf_email_fault fault = VF_EMAIL_IDN;
	char text[4 * VF_EMAIL_DOMAIN_MAX + 1];
	uint8_t *found = NULL;
	bool changes, ace;

	if (s.n >= sizeof text)
		return VF_EMAIL_TOO_LONG;
	for (size_t i = 0; i < s.n; i++)
		if ((class_of(s.p[i]) & (HOST | HIGH)) == 0)
			return VF_EMAIL_DOMAIN;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (idn2_lookup_u8((uint8_t *)text, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return VF_EMAIL_IDN;
	*out = vf_slice_str((char *)found);
	if (out->n > VF_EMAIL_DOMAIN_MAX)
		fault = VF_EMAIL_TOO_LONG;
	else if (out->n > 0 && (fault = judge_ascii(*out, one_label, &changes, &ace)) == VF_EMAIL_OK)
		vf_slice_lower(*out, scratch);
	*out = vf_slice_eq(*out, s) ? s : vf_slice(scratch, out->n);
	idn2_free(found);
	return fault;
}

enum vf_email_fault
vf_email_domain(struct vf_slice s, bool one_label, char scratch[VF_EMAIL_DOMAIN_MAX], struct vf_slice *out)
{
	struct host h = scan_host(s);

	if ((h.any & HIGH) != 0 || (h.hyphens && has_ace(s)))
		return judge_idn(s, one_label, scratch, out);
	if (h.all == 0 || h.ill_paired)
		return VF_EMAIL_DOMAIN;
	if (s.n > VF_EMAIL_DOMAIN_MAX)
		return VF_EMAIL_TOO_LONG;
	*out = s;
	if ((h.any & UPPER) != 0)
		*out = vf_slice_lower(s, scratch);
	return judge_labels(s, one_label);
}

#ifdef __SSE2__
/* One bit a byte of an address of 16 to 64 bytes: what stands there. */
struct marks {
	uint64_t at, dot, hyphen, digit, host, local;
};

static inline __m128i
in_range(__m128i v, char first, char last)
{
	__m128i from = _mm_sub_epi8(v, _mm_set1_epi8(first));

	return _mm_cmpeq_epi8(_mm_min_epu8(from, _mm_set1_epi8((char)(last - first))), from);
}

static inline uint64_t
bits(__m128i v, unsigned shift)
{
	return (uint64_t)(uint32_t)_mm_movemask_epi8(v) << shift;
}

static inline void
mark_chunk(struct marks *m, const char *p, unsigned shift)
{
	__m128i v = _mm_loadu_si128((const __m128i *)p);
	__m128i dot = _mm_cmpeq_epi8(v, _mm_set1_epi8('.')), hyphen = _mm_cmpeq_epi8(v, _mm_set1_epi8('-'));
	__m128i digit = in_range(v, '0', '9');
	__m128i host = _mm_or_si128(_mm_or_si128(dot, hyphen), _mm_or_si128(digit, in_range(v, 'a', 'z')));
	__m128i more = _mm_or_si128(in_range(v, 'A', 'Z'),
		_mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('_')), _mm_cmpeq_epi8(v, _mm_set1_epi8('+'))));

	m->at |= bits(_mm_cmpeq_epi8(v, _mm_set1_epi8('@')), shift);
	m->dot |= bits(dot, shift);
	m->hyphen |= bits(hyphen, shift);
	m->digit |= bits(digit, shift);
	m->host |= bits(host, shift);
	m->local |= bits(_mm_or_si128(host, more), shift);
}

/*
 * True for an ordinary address of 16 to 64 bytes that is in normal form: then
 * *local is the length of its local part.  False says only that the long way
 * must be gone.  The last chunk overlaps the one before, so no byte beyond the
 * field is read.
 */
static bool
is_ordinary(struct vf_slice s, size_t *local)
{
	struct marks m = { 0 };
	uint64_t after, ends, last, tld;
	unsigned n = (unsigned)s.n, i;

	if (s.n < 16 || s.n > 64)
		return false;
	for (i = 0; i + 16 < n; i += 16)
		mark_chunk(&m, s.p + i, i);
	mark_chunk(&m, s.p + n - 16, n - 16);
	if (m.at == 0 || (m.at & (m.at - 1)) != 0)
		return false;
	last = (uint64_t)1 << (n - 1);
	after = ~(m.at | (m.at - 1)) & (last | (last - 1));
	ends = m.dot | m.at;
	if ((m.dot & after) == 0 || (m.host & after) != after || (m.local | after | m.at) != (last | (last - 1)))
		return false;
	if ((ends & (ends << 1 | 1)) != 0 || ((ends | m.hyphen) & last) != 0)
		return false;
	if ((m.hyphen & after & (ends << 1 | ends >> 1 | (m.hyphen & after) << 1)) != 0)
		return false;
	tld = after & ~(((uint64_t)2 << (63 - __builtin_clzll(m.dot & after))) - 1);
	*local = (size_t)__builtin_ctzll(m.at);
	return (m.digit & tld) != tld;
}
#else
static bool
is_ordinary(struct vf_slice s, size_t *local)
{
	(void)s;
	(void)local;
	return false;
}
#endif

static void
split(struct vf_email *e, struct vf_slice address, size_t local)
{
	e->address = address;
	e->local = vf_slice(address.p, local);
	e->domain = vf_slice(address.p + local + 1, address.n - local - 1);
}

/* Every address, byte by byte: what the quick look above is not sure of. */
static enum vf_email_fault
judge_any(struct vf_slice field, char scratch[VF_EMAIL_MAX], struct vf_email *e)
{
	const char *at = field.n > 0 ? memchr(field.p, '@', field.n) : NULL;
	char room[VF_EMAIL_DOMAIN_MAX];
	struct vf_slice local, domain;
	enum vf_email_fault fault;
	size_t n;

	if (at == NULL)
		return VF_EMAIL_NO_AT;
	local = vf_slice(field.p, (size_t)(at - field.p));
	if (local.n == 0 || local.n > VF_EMAIL_LOCAL_MAX)
		return VF_EMAIL_LOCAL_LENGTH;
	if (!local_ok(local))
		return VF_EMAIL_LOCAL;
	fault = vf_email_domain(vf_slice(at + 1, field.n - local.n - 1), false, room, &domain);
	if (fault != VF_EMAIL_OK)
		return fault;
	n = local.n + 1 + domain.n;
	if (n > VF_EMAIL_MAX)
		return VF_EMAIL_TOO_LONG;
	if (domain.p == room) {
		memcpy(scratch, field.p, local.n + 1);
		memcpy(scratch + local.n + 1, room, domain.n);
		field.p = scratch;
	}
	split(e, vf_slice(field.p, n), local.n);
	return VF_EMAIL_OK;
}

enum vf_email_fault
vf_email_judge(struct vf_slice field, char scratch[VF_EMAIL_MAX], struct vf_email *e)
{
	size_t local;

	if (!is_ordinary(field, &local))
		return judge_any(field, scratch, e);
	split(e, field, local);
	return VF_EMAIL_OK;
}

static bool
is_gmail(struct vf_slice domain)
{
	return (domain.n == 9 && memcmp(domain.p, "gmail.com", 9) == 0) ||
		(domain.n == 14 && memcmp(domain.p, "googlemail.com", 14) == 0);
}

struct vf_slice
vf_email_mailbox(const struct vf_email *e, char out[VF_EMAIL_MAX])
{
	bool gmail = is_gmail(e->domain);
	struct vf_slice domain = gmail ? vf_slice("gmail.com", 9) : e->domain;
	size_t n = 0;

	for (size_t i = 0; i < e->local.n && !(i > 0 && e->local.p[i] == '+'); i++)
		if (!gmail || e->local.p[i] != '.')
			out[n++] = vf_lower(e->local.p[i]);
	out[n++] = '@';
	memcpy(out + n, domain.p, domain.n);
	return vf_slice(out, n + domain.n);
}

const char *
vf_email_fault_text(enum vf_email_fault fault)
{
	switch (fault) {
	case VF_EMAIL_OK:
		break;
	case VF_EMAIL_NO_AT:
		return "no at sign";
	case VF_EMAIL_TOO_LONG:
		return "longer than 254 bytes";
	case VF_EMAIL_LOCAL_LENGTH:
		return "the part before the at sign is empty or longer than 64 bytes";
	case VF_EMAIL_LOCAL:
		return "a byte or a dot that may not stand before the at sign";
	case VF_EMAIL_DOMAIN:
		return "the domain is not a host name";
	case VF_EMAIL_ONE_LABEL:
		return "the domain has one label only";
	case VF_EMAIL_LABEL_LENGTH:
		return "a label of the domain is longer than 63 bytes";
	case VF_EMAIL_NUMERIC_TLD:
		return "the domain ends in a number";
	case VF_EMAIL_IDN:
		return "not a valid internationalised domain";
	}
	return "valid";
}
