/* test-codec.c -- what is inflated, by libdeflate and (strict) by zlib: the same, but for streams that only libdeflate takes. */
#include <string.h>

#include "avro/codec.h"
#include "tap.h"

#define MAX ((size_t)1 << 20)	/* what a stream may inflate to here */
#define LITS 288
#define DISTS 32

static struct vf_inflater *fast, *strict;

/* A stream under construction (RFC 1951: numbers come lowest bit first, codes highest bit first). */
struct stream {
	unsigned char p[8192];
	size_t bits;
};

static void
put(struct stream *s, unsigned value, unsigned n)
{
	for (; n > 0; n--, value >>= 1, s->bits++)
		s->p[s->bits / 8] |= (unsigned char)((value & 1) << s->bits % 8);
}

static void
put_code(struct stream *s, unsigned code, unsigned n)
{
	while (n-- > 0)
		put(s, code >> n & 1, 1);
}

static struct vf_slice
bytes(const struct stream *s)
{
	return vf_slice((const char *)s->p, (s->bits + 7) / 8);
}

/* The codes of a table's lengths, as RFC 1951 numbers them. */
static void
number(const unsigned char *lengths, size_t n, unsigned *codes)
{
	unsigned code = 0;

	for (unsigned len = 1; len <= 15; len++, code <<= 1)
		for (size_t i = 0; i < n; i++)
			if (lengths[i] == len)
				codes[i] = code++;
}

/* A last block's tables, each length in four bits: 0 to 15 have codes of their own, repeats are not used. */
static void
put_tables(struct stream *s, const unsigned char *lits, unsigned nlits, const unsigned char *dists, unsigned ndists)
{
	put(s, 1, 1);
	put(s, 2, 2);
	put(s, nlits - 257, 5);
	put(s, ndists - 1, 5);
	put(s, 19 - 4, 4);
	for (unsigned i = 0; i < 19; i++)
		put(s, i < 3 ? 0 : 4, 3);
	for (unsigned i = 0; i < nlits; i++)
		put_code(s, lits[i], 4);
	for (unsigned i = 0; i < ndists; i++)
		put_code(s, dists[i], 4);
}

static bool
inflates(struct vf_inflater *in, struct vf_slice raw, struct vf_slice *data)
{
	struct vf_error err = { 0 };
	int rc = vf_inflate(in, VF_CODEC_DEFLATE, raw, data, &err);

	if (rc != 0 && err.text[0] == '\0')
		bail_out("an error without a cause");
	return rc == 0;
}

enum taken { BY_NONE, BY_LIBDEFLATE, BY_BOTH };

static void
is_taken(enum taken by, const struct stream *s, const char *want, const char *what)
{
	struct vf_slice a = { 0 }, b = { 0 };
	bool loose = inflates(fast, bytes(s), &a), exact = inflates(strict, bytes(s), &b);

	ok(loose == (by != BY_NONE) && exact == (by == BY_BOTH), "%s: taken by %s", what,
		by == BY_NONE ? "neither" : by == BY_BOTH ? "both" : "libdeflate alone");
	if (by != BY_NONE)
		ok(vf_slice_is(a, want) && (!exact || vf_slice_is(b, want)), "%s: it is %s", what, want);
}

/* `A`, then one of its bits each for more A and for the end. */
static void
is_taken_with(enum taken by, const unsigned char *lits, unsigned nlits, const unsigned char *dists, unsigned ndists, const char *what)
{
	struct stream s = { 0 };
	unsigned codes[LITS] = { 0 };

	put_tables(&s, lits, nlits, dists, ndists);
	number(lits, nlits, codes);
	put_code(&s, codes['A'], lits['A']);
	put_code(&s, codes['A'], lits['A']);
	put_code(&s, codes[256], lits[256]);
	is_taken(by, &s, "AA", what);
}

static void
tables(void)
{
	unsigned char lits[LITS] = { ['A'] = 1, [256] = 1 }, dists[DISTS] = { 0 };

	is_taken_with(BY_BOTH, lits, 257, dists, 1, "no distance codes");
	is_taken_with(BY_BOTH, lits, 286, dists, 30, "as many codes as zlib allows");
	is_taken_with(BY_LIBDEFLATE, lits, 287, dists, 1, "287 literal codes");
	is_taken_with(BY_LIBDEFLATE, lits, 288, dists, 1, "288 literal codes");
	is_taken_with(BY_LIBDEFLATE, lits, 257, dists, 31, "31 distance codes");
	is_taken_with(BY_LIBDEFLATE, lits, 257, dists, 32, "32 distance codes");
	dists[0] = 1;
	is_taken_with(BY_BOTH, lits, 257, dists, 1, "one distance code");
	dists[0] = 2;
	is_taken_with(BY_NONE, lits, 257, dists, 1, "one distance code of two bits");
	dists[0] = dists[1] = dists[2] = 1;
	is_taken_with(BY_NONE, lits, 257, dists, 3, "three codes of one bit");
	memset(dists, 0, sizeof(dists));
	lits['A'] = lits[256] = 2;
	is_taken_with(BY_NONE, lits, 257, dists, 1, "half a table");
	lits[256] = 0;
	is_taken_with(BY_NONE, lits, 257, dists, 1, "no code for the end");
}

/* What stands in the stream although no symbol of the table says it. */
static void
reserved(void)
{
	static const unsigned char lits[LITS] = { ['A'] = 2, [256] = 2, [257] = 1 }, one[DISTS] = { [0] = 1 };
	struct stream s = { 0 };

	put_tables(&s, lits, 258, one, 1);
	put_code(&s, 2, 2);		/* A */
	put_code(&s, 0, 1);		/* three bytes */
	put_code(&s, 0, 1);		/* from one back */
	put_code(&s, 3, 2);
	is_taken(BY_BOTH, &s, "AAAA", "a table of one distance code");

	s = (struct stream){ 0 };
	put_tables(&s, lits, 258, one, 1);
	put_code(&s, 2, 2);
	put_code(&s, 0, 1);
	put_code(&s, 1, 1);		/* by the bit that the one code does not have */
	put_code(&s, 3, 2);
	is_taken(BY_LIBDEFLATE, &s, "AAAA", "a table of one distance code, asked for its other bit");

	/* Fixed tables: 0x30 + literal in 8 bits, lengths from 257 in 7, from 280 in 8 from 0xc0 on, distances in 5. */
	s = (struct stream){ 0 };
	put(&s, 1, 1);
	put(&s, 1, 2);
	put_code(&s, 0x30 + 'A', 8);
	put_code(&s, 1, 7);
	put_code(&s, 2, 5);
	put_code(&s, 0, 7);
	is_taken(BY_NONE, &s, "", "from before the beginning");
}

/* Reserved distance and length codes, in fixed tables: what libdeflate makes of them is its own. */
static void
reserved_in_fixed_tables(void)
{
	for (unsigned dist = 30; dist < 32; dist++) {
		struct stream s = { 0 };
		struct vf_slice data;

		put(&s, 1, 1);
		put(&s, 1, 2);
		for (unsigned i = 0; i < 300; i++)
			put_code(&s, 0x30 + 'A', 8);
		put_code(&s, 1, 7);
		put_code(&s, dist, 5);
		put_code(&s, 0, 7);
		ok(!inflates(strict, bytes(&s), &data), "distance code %u is refused, strictly", dist);
	}
	for (unsigned len = 286; len < 288; len++) {
		struct stream s = { 0 };
		struct vf_slice data;

		put(&s, 1, 1);
		put(&s, 1, 2);
		put_code(&s, 0x30 + 'A', 8);
		put_code(&s, 0xc0 + len - 280, 8);
		put_code(&s, 0, 5);
		put_code(&s, 0, 7);
		ok(!inflates(strict, bytes(&s), &data), "length code %u is refused, strictly", len);
	}
}

/* What zlib takes libdeflate takes, too, and makes the same of it. */
static bool
agree(struct vf_slice raw, size_t *taken)
{
	struct vf_slice a = { 0 }, b = { 0 };

	if (!inflates(strict, raw, &b))
		return true;
	(*taken)++;
	return inflates(fast, raw, &a) && vf_slice_eq(a, b);
}

/* A whole table: a code is split in two, again and again, until there are n. The lengths go to symbols of all. */
static void
make_table(unsigned char *lengths, unsigned all, unsigned n)
{
	unsigned char leaf[LITS] = { 0 };

	memset(lengths, 0, all);
	for (unsigned have = 1; have < n; ) {
		unsigned i = (unsigned)(tap_random() % have);

		if (leaf[i] < 15)
			leaf[have++] = ++leaf[i];
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned symbol = (unsigned)(tap_random() % all);

		while (lengths[symbol] > 0)
			symbol = (symbol + 1) % all;
		lengths[symbol] = leaf[i] > 0 ? leaf[i] : 1;
	}
}

static unsigned
pick(const unsigned char *lengths, unsigned n)
{
	unsigned symbol;

	do
		symbol = (unsigned)(tap_random() % n);
	while (lengths[symbol] == 0);
	return symbol;
}

static unsigned
extra_bits(unsigned code, unsigned first, unsigned each)
{
	return code < first ? 0 : (code - first) / each + 1;
}

/* Random tables, most of them sound, and random symbols under them: distances may be too far, codes reserved. */
static void
random_tables(void)
{
	size_t taken = 0, rounds = 5000;
	bool same = true;

	for (size_t i = 0; i < rounds && same; i++) {
		unsigned char lits[LITS], dists[DISTS];
		unsigned codes[LITS] = { 0 }, dist_codes[DISTS] = { 0 }, symbol;
		unsigned nlits = 257 + (unsigned)(tap_random() % 30), ndists = 1 + (unsigned)(tap_random() % 31);
		struct stream s = { 0 };

		make_table(lits, nlits, 2 + (unsigned)(tap_random() % 200));
		make_table(dists, ndists, 1 + (unsigned)(tap_random() % ndists));
		if (lits[256] == 0) {
			symbol = pick(lits, nlits);
			lits[256] = lits[symbol];
			lits[symbol] = 0;
		}
		if (tap_random() % 8 == 0)
			lits[pick(lits, nlits)] = (unsigned char)(1 + tap_random() % 15);
		put_tables(&s, lits, nlits, dists, ndists);
		number(lits, nlits, codes);
		number(dists, ndists, dist_codes);
		for (unsigned k = (unsigned)(tap_random() % 60); k > 0; k--) {
			symbol = pick(lits, nlits);
			if (symbol == 256 || (symbol > 256 && k % 4 > 0))
				continue;
			put_code(&s, codes[symbol], lits[symbol]);
			if (symbol < 256)
				continue;
			put(&s, (unsigned)tap_random(), symbol == 285 ? 0 : extra_bits(symbol - 257, 8, 4));
			symbol = pick(dists, ndists);
			put_code(&s, dist_codes[symbol], dists[symbol]);
			put(&s, tap_random() % 2 == 0 ? 0 : (unsigned)tap_random(), extra_bits(symbol, 4, 2));
		}
		put_code(&s, codes[256], lits[256]);
		same = agree(bytes(&s), &taken);
	}
	ok(same && taken > rounds / 10, "random tables: what zlib takes, libdeflate takes, with the same bytes (%zu of %zu)", taken, rounds);
}

/* A sound stream with some bits changed, or a part of it. */
static void
damaged_streams(void)
{
	static char text[3000];
	struct vf_deflater *deflaters[12];
	size_t taken = 0, rounds = 5000;
	bool same = true;

	for (int i = 0; i < 12; i++)
		if ((deflaters[i] = vf_deflater_new(VF_CODEC_DEFLATE, i + 1)) == NULL)
			bail_out("no memory");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)("etaoin shrdlu,0123456789@."[tap_random() % 26]);
	for (size_t i = 0; i < rounds && same; i++) {
		struct vf_error err = { 0 };
		struct vf_slice raw;
		struct stream s = { 0 };
		size_t n;

		if (vf_deflate(deflaters[tap_random() % 12], vf_slice(text, tap_random() % sizeof(text)), &raw, &err) < 0)
			bail_out("not compressed");
		n = tap_random() % 3 == 0 && raw.n > 0 ? tap_random() % raw.n : raw.n;
		memcpy(s.p, raw.p, n);
		for (size_t k = tap_random() % 4; k > 0 && n > 0; k--)
			s.p[tap_random() % (tap_random() % 2 == 0 && n > 60 ? 60 : n)] ^= (unsigned char)(1u << tap_random() % 8);
		same = agree(vf_slice((const char *)s.p, n), &taken);
	}
	for (int i = 0; i < 12; i++)
		vf_deflater_free(deflaters[i]);
	ok(same && taken > rounds / 10, "damaged streams: what zlib takes, libdeflate takes, with the same bytes (%zu of %zu)", taken, rounds);
}

/* Exactly as much as is allowed, one byte more, and what lies behind a stream. */
static void
limits(void)
{
	static char zeros[MAX + 1];
	struct vf_deflater *d = vf_deflater_new(VF_CODEC_DEFLATE, 6);
	struct vf_error err = { 0 };
	struct vf_slice raw, data;
	char behind[8192];

	for (int i = 0; i < 2; i++) {
		struct vf_inflater *in = i == 0 ? fast : strict;
		const char *name = i == 0 ? "libdeflate" : "zlib";

		if (d == NULL || vf_deflate(d, vf_slice(zeros, MAX), &raw, &err) < 0 || raw.n + 5 > sizeof(behind))
			bail_out("not compressed");
		ok(inflates(in, raw, &data) && data.n == MAX, "%s: as much as is allowed", name);
		memset(behind, 0xff, sizeof(behind));
		memcpy(behind, raw.p, raw.n);
		ok(inflates(in, vf_slice(behind, raw.n + 4), &data) && data.n == MAX, "%s: four stray bytes", name);
		ok(!inflates(in, vf_slice(behind, raw.n + 5), &data), "%s: five are too many", name);
		ok(!inflates(in, vf_slice(behind, raw.n - 1), &data), "%s: cut off", name);
		ok(!inflates(in, vf_slice(behind, 0), &data), "%s: nothing is no stream", name);
		if (vf_deflate(d, vf_slice(zeros, MAX + 1), &raw, &err) < 0)
			bail_out("not compressed");
		ok(vf_inflate(in, VF_CODEC_DEFLATE, raw, &data, &err) == 1, "%s: one byte too many", name);
	}
	vf_deflater_free(d);
}

int
main(void)
{
	tap_seed();
	fast = vf_inflater_new(MAX, false);
	strict = vf_inflater_new(MAX, true);
	if (fast == NULL || strict == NULL)
		bail_out("no memory");
	tables();
	reserved();
	reserved_in_fixed_tables();
	random_tables();
	damaged_streams();
	limits();
	vf_inflater_free(fast);
	vf_inflater_free(strict);
	return done_testing();
}
