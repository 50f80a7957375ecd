#include "fan/codes.h"

#include <sodium.h>
#include <stdlib.h>

#include "base/keyset.h"
#include "base/marks.h"

__extension__ typedef unsigned __int128 wide;

#define GROUP 128			/* codes whose cache misses overlap */
#define AMPLE 2				/* bits of a code space beyond what is wanted, for some codes to be passed over */
#define RANDOM_WORDS 8192		/* 64 KiB of random bytes at a time */
#define CHUNK_LIMIT ((uint64_t)1 << 58)	/* so that fewer than one draw in 64 is thrown away */

static const struct {
	const char *name, *symbols;
} alphabets[] = {
	/* No vowel (nor Y), and one at most of 0 O, 1 I L, 2 Z, 5 S, 8 B. */
	{ "default", "23456789CDFGHJKMNPQRTVWX" },
	{ "digits", "0123456789" },
	{ "hex", "0123456789ABCDEF" },
	{ "letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
	{ "alnum", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" },
	{ "base32", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" },
	{ "base32-crockford", "0123456789ABCDEFGHJKMNPQRSTVWXYZ" },
};

bool
vf_code_alphabet_name(size_t i, const char **name, const char **symbols)
{
	if (i >= sizeof(alphabets) / sizeof(alphabets[0]))
		return false;
	*name = alphabets[i].name;
	*symbols = alphabets[i].symbols;
	return true;
}

bool
vf_code_ok(struct vf_slice s)
{
	if (s.n == 0 || s.n > VF_CODE_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c > '~' || c == ',' || c == '"')
			return false;
	}
	return true;
}

/* ASCII in the basic table of GSM-7 (3GPP TS 23.038), without what would need care in a CSV or a shell: , " ' space. */
static bool
symbol_ok(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c != '\0' && strchr("@$_!#%&()*+-./:;<=>?", c) != NULL);
}

static char
other_case(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int
set_alphabet(struct vf_code_format *f, const char *text, struct vf_error *err)
{
	for (size_t i = 0; i < sizeof(alphabets) / sizeof(alphabets[0]); i++)
		if (strcmp(text, alphabets[i].name) == 0)
			text = alphabets[i].symbols;
	memset(f->digit, -1, sizeof(f->digit));
	for (f->nsymbols = 0; text[f->nsymbols] != '\0'; f->nsymbols++) {
		char c = text[f->nsymbols];

		if (!symbol_ok(c))
			return vf_error(err, VF_ERR_CONFIG, "alphabet: character %u cannot be in a code "
				"(ASCII of GSM-7 basic without comma, quotes and space can)", f->nsymbols + 1);
		if (f->digit[(unsigned char)c] >= 0)
			return vf_error(err, VF_ERR_CONFIG, "alphabet: `%c' is there twice", c);
		if (f->digit[(unsigned char)other_case(c)] >= 0)
			return vf_error(err, VF_ERR_CONFIG, "alphabet: both cases of `%c'", c);
		f->digit[(unsigned char)c] = (int8_t)f->nsymbols;
		f->symbols[f->nsymbols] = c;
	}
	if (f->nsymbols < 2)
		return vf_error(err, VF_ERR_CONFIG, "alphabet: fewer than two characters");
	return 0;
}

int
vf_code_format_init(struct vf_code_format *f, const char *alphabet, uint64_t length, const char *prefix,
	struct vf_error *err)
{
	size_t n = strlen(prefix);

	memset(f, 0, sizeof(*f));
	if (set_alphabet(f, alphabet, err) < 0)
		return -1;
	if (length < 1 || length > VF_CODE_MAX || n > VF_CODE_MAX - length)
		return vf_error(err, VF_ERR_CONFIG, "length: a code has 1 to %d characters, prefix included", VF_CODE_MAX);
	for (size_t i = 0; i < n; i++)
		if (!symbol_ok(prefix[i]))
			return vf_error(err, VF_ERR_CONFIG, "prefix: character %zu cannot be in a code "
				"(ASCII of GSM-7 basic without comma, quotes and space can)", i + 1);
	memcpy(f->prefix, prefix, n);
	f->nprefix = (unsigned)n;
	f->length = (unsigned)length;
	return 0;
}

/* log2 without libm: the whole bits, then one more for each squaring that reaches 2. */
static double
log2_of(unsigned n)
{
	double x = n, bits = 0;

	for (; x >= 2; x /= 2)
		bits++;
	for (double bit = 0.5; bit > 1e-15; bit /= 2) {
		x *= x;
		if (x >= 2) {
			x /= 2;
			bits += bit;
		}
	}
	return bits;
}

double
vf_code_bits(const struct vf_code_format *f)
{
	return f->length * log2_of(f->nsymbols);
}

bool
vf_code_space_holds(const struct vf_code_format *f, uint64_t n, unsigned shift)
{
	wide want = (wide)n << shift, space = 1;

	for (unsigned i = 0; i < f->length && space < want; i++) {
		if (space > ~(wide)0 / f->nsymbols)
			return true;
		space *= f->nsymbols;
	}
	return space >= want;
}

double
vf_code_guess_odds(const struct vf_code_format *f, uint64_t live)
{
	double space = 1;

	for (unsigned i = 0; i < f->length; i++)
		space *= f->nsymbols;
	return space / (live > 0 ? (double)live : 1);
}

/* A run of digits that one random word gives. */
struct chunk {
	unsigned digits;
	uint64_t size;			/* nsymbols ^ digits */
	uint64_t bias;			/* 2^64 mod size */
};

struct vf_codes {
	struct vf_code_format format;
	struct chunk chunks[VF_CODE_MAX];
	unsigned nchunks;
	uint64_t mix;			/* odd and secret: nobody can prepare numbers that crowd the marks */
	uint64_t wanted, made;
	struct vf_keyset *known;	/* excluded, and made without marks */
	struct vf_marks *marks;		/* of what was made, from the first on where the space is ample; or NULL */
	uint64_t random[RANDOM_WORDS];
	size_t at;
	char pairs[2 * VF_CODE_SYMBOLS * VF_CODE_SYMBOLS];	/* every two digits in turn, as characters */
};

/* As few runs of digits as CHUNK_LIMIT lets be, of about the same length. */
static void
cut_chunks(struct vf_codes *c)
{
	const uint64_t n = c->format.nsymbols;
	unsigned most = 0, left = c->format.length;

	for (uint64_t size = n; size <= CHUNK_LIMIT; size *= n)
		most++;
	c->nchunks = (left + most - 1) / most;
	for (unsigned i = 0; i < c->nchunks; i++) {
		struct chunk *k = &c->chunks[i];

		k->digits = left / (c->nchunks - i);
		k->size = 1;
		for (unsigned d = 0; d < k->digits; d++)
			k->size *= n;
		k->bias = -k->size % k->size;
		left -= k->digits;
	}
}

struct vf_codes *
vf_codes_new(const struct vf_code_format *format, uint64_t wanted, struct vf_error *err)
{
	const struct vf_slice tm = VF_SLICE(VF_CODE_TM_TEXT);
	struct vf_codes *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	c->format = *format;
	c->wanted = wanted;
	cut_chunks(c);
	for (unsigned i = 0; i < format->nsymbols * format->nsymbols; i++) {
		c->pairs[2 * i] = format->symbols[i / format->nsymbols];
		c->pairs[2 * i + 1] = format->symbols[i % format->nsymbols];
	}
	randombytes_buf(&c->mix, sizeof(c->mix));
	c->mix |= 1;
	c->at = RANDOM_WORDS;
	c->known = vf_keyset_new(0, vf_code_space_holds(format, wanted, AMPLE) ? 0 : wanted, err);
	if (c->known != NULL && vf_codes_exclude(c, &tm, 1, err) == 0)
		return c;
	vf_codes_free(c);
	return NULL;
}

void
vf_codes_free(struct vf_codes *c)
{
	if (c == NULL)
		return;
	vf_keyset_free(c->known);
	vf_marks_free(c->marks);
	sodium_memzero(c, sizeof(*c));
	free(c);
}

uint64_t
vf_codes_excluded(const struct vf_codes *c)
{
	return vf_keyset_count(c->known) - (c->marks == NULL ? c->made : 0);
}

size_t
vf_codes_line(const struct vf_codes *c)
{
	return c->format.nprefix + c->format.length + 1;
}

/* Could this code have been made here? */
static bool
is_of(const struct vf_code_format *f, struct vf_slice code)
{
	if (code.n != f->nprefix + f->length || memcmp(code.p, f->prefix, f->nprefix) != 0)
		return false;
	for (size_t i = f->nprefix; i < code.n; i++)
		if (f->digit[(unsigned char)code.p[i]] < 0)
			return false;
	return true;
}

int
vf_codes_exclude(struct vf_codes *c, const struct vf_slice *codes, size_t n, struct vf_error *err)
{
	struct vf_key keys[GROUP];
	unsigned char fresh[GROUP];

	while (n > 0) {
		size_t group = n < GROUP ? n : GROUP, found = 0;

		for (size_t i = 0; i < group; i++)
			if (is_of(&c->format, codes[i]))
				keys[found++] = vf_keyset_key(c->known, codes[i]);
		if (vf_keyset_add(c->known, keys, found, fresh, NULL, err) < 0)
			return -1;
		codes += group;
		n -= group;
	}
	return 0;
}

static inline uint64_t
random_word(struct vf_codes *c)
{
	if (c->at == RANDOM_WORDS) {
		unsigned char seed[randombytes_SEEDBYTES];

		randombytes_buf(seed, sizeof(seed));
		randombytes_buf_deterministic(c->random, sizeof(c->random), seed);
		sodium_memzero(seed, sizeof(seed));
		c->at = 0;
	}
	return c->random[c->at++];
}

/*
 * One code's characters at p; returns its number.  With x a random word,
 * x * size / 2^64 is the number (whole part), kept unless the fraction is below
 * `bias`; multiplying the fraction by nsymbols again and again gives the same
 * number's digits, first one first, without a division; here two at a time.
 */
static inline uint64_t
draw(struct vf_codes *c, char *p)
{
	const struct vf_code_format *f = &c->format;
	const uint64_t pairs = (uint64_t)f->nsymbols * f->nsymbols;
	uint64_t number = 0;

	for (unsigned i = 0; i < c->nchunks; i++) {
		const struct chunk *k = &c->chunks[i];
		uint64_t x;
		wide m;

		do {
			x = random_word(c);
			m = (wide)x * k->size;
		} while ((uint64_t)m < k->bias);
		number = number * k->size + (uint64_t)(m >> 64);
		for (unsigned d = k->digits / 2; d > 0; d--, p += 2) {
			m = (wide)x * pairs;
			memcpy(p, &c->pairs[2 * (size_t)(m >> 64)], 2);
			x = (uint64_t)m;
		}
		if (k->digits % 2 != 0)
			*p++ = f->symbols[(size_t)(((wide)x * f->nsymbols) >> 64)];
	}
	return number;
}

/*
 * Which of n codes at `lines` are fresh: with marks, those that surely were not
 * made and are not excluded; without, all that are neither.
 */
static int
judge(struct vf_codes *c, const char *lines, const uint64_t *numbers, size_t n, unsigned char *fresh,
	struct vf_error *err)
{
	const size_t line = vf_codes_line(c);
	struct vf_key keys[GROUP];
	unsigned char known[GROUP];

	if (c->marks != NULL) {
		vf_marks_add(c->marks, numbers, n, fresh);
		if (vf_keyset_count(c->known) == 0)
			return 0;
	}
	for (size_t i = 0; i < n; i++)
		keys[i] = vf_keyset_key(c->known, vf_slice(lines + i * line, line - 1));
	if (c->marks == NULL)
		return vf_keyset_add(c->known, keys, n, fresh, NULL, err);
	vf_keyset_find(c->known, keys, n, known, NULL);
	for (size_t i = 0; i < n; i++)
		fresh[i] = fresh[i] && !known[i];
	return 0;
}

/* Before the first code: how to know what was made, now that all that is excluded is there. */
static int
start(struct vf_codes *c, struct vf_error *err)
{
	uint64_t excluded = vf_keyset_count(c->known);

	if (c->wanted > UINT64_MAX - excluded || !vf_code_space_holds(&c->format, c->wanted + excluded, AMPLE))
		return 0;
	c->marks = vf_marks_new(c->wanted, err);
	if (c->marks == NULL)
		return -1;
	vf_keyset_seal(c->known);
	return 0;
}

ssize_t
vf_codes_make(struct vf_codes *c, char *out, size_t n, struct vf_error *err)
{
	const size_t line = vf_codes_line(c);
	char *to = out;
	uint64_t numbers[GROUP];
	unsigned char fresh[GROUP];

	if (c->made == 0 && c->marks == NULL && start(c, err) < 0)
		return -1;
	if (n > c->wanted - c->made)
		n = (size_t)(c->wanted - c->made);
	for (size_t left = n; left > 0;) {
		size_t group = left < GROUP ? left : GROUP;
		char *from = to;

		for (size_t i = 0; i < group; i++) {
			char *p = from + i * line;

			memcpy(p, c->format.prefix, c->format.nprefix);
			numbers[i] = draw(c, p + c->format.nprefix) * c->mix;
			p[line - 1] = '\n';
		}
		if (judge(c, from, numbers, group, fresh, err) < 0)
			return -1;
		for (size_t i = 0; i < group; i++, from += line) {
			if (fresh[i] && to != from)
				memcpy(to, from, line);
			to += fresh[i] ? line : 0;
		}
		left -= group;
	}
	n = (size_t)(to - out) / line;
	c->made += n;
	return (ssize_t)n;
}
