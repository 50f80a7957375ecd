/* test-codes.c -- alphabets, the code space, and codes that are unbiased and never twice. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/hash.h"
#include "fan/codes.h"
#include "tap.h"

static struct vf_error err;

static int
format(struct vf_code_format *f, const char *alphabet, uint64_t length, const char *prefix)
{
	err.text[0] = '\0';
	return vf_code_format_init(f, alphabet, length, prefix, &err);
}

static bool
refused(const char *alphabet, uint64_t length, const char *prefix)
{
	struct vf_code_format f;

	return format(&f, alphabet, length, prefix) == -1 && err.kind == VF_ERR_CONFIG && err.text[0] != '\0';
}

static void
test_alphabets(void)
{
	const char *name, *symbols, *bad[] = { "ABCA", "aA", "AB,C", "AB\"C", "AB'C", "AB C", "A", "", "AB[", "AB{", "AB\n",
		"AB\xc3\x89", "AB~", "AB`", "AB\\", "AB^", "AB|", "AB\t" };
	struct vf_code_format f;
	int n = 0;

	for (; vf_code_alphabet_name((size_t)n, &name, &symbols); n++) {
		ok(format(&f, name, 12, "") == 0, "alphabet %s is taken", name);
		ok(f.nsymbols == strlen(symbols) && memcmp(f.symbols, symbols, f.nsymbols) == 0, "%s: its characters", name);
	}
	ok(n == 7, "there are seven of them");
	ok(format(&f, "default", 12, "") == 0 && f.nsymbols == 24, "the default has 24 characters");
	for (const char *p = "01OILAEIOUYaeiou"; *p != '\0'; p++)
		ok(f.digit[(unsigned char)*p] < 0, "the default has no %c", *p);
	for (const char *p = "2Z5S8B0D"; *p != '\0'; p += 2)
		ok(f.digit[(unsigned char)p[0]] < 0 || f.digit[(unsigned char)p[1]] < 0, "the default has not both %c and %c",
			p[0], p[1]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(refused(bad[i], 12, ""), "alphabet refused: case %zu", i);
	ok(format(&f, "01", 64, "") == 0, "64 characters");
	ok(format(&f, "01", 60, "AB-x") == 0, "a prefix counts");
	ok(refused("01", 61, "AB-x"), "65 characters are refused");
	ok(refused("01", 0, ""), "a length of 0 is refused");
	ok(refused("01", UINT64_MAX, "AB"), "a length that would wrap is refused");
	ok(refused("01", 12, "A B"), "a space in the prefix is refused");
	ok(refused("01", 12, "A,B"), "a comma in the prefix is refused");
	ok(refused("01", 12, "\xe2\x82\xac"), "a prefix that is no ASCII is refused");
}

static void
test_code_ok(void)
{
	char text[VF_CODE_MAX + 1];

	memset(text, 'x', sizeof(text));
	ok(vf_code_ok(vf_slice(text, VF_CODE_MAX)), "64 bytes are a code");
	ok(!vf_code_ok(vf_slice(text, VF_CODE_MAX + 1)), "65 bytes are none");
	ok(!vf_code_ok(vf_slice(text, 0)), "nothing is none");
	for (int c = 0; c < 256; c++) {
		bool want = c > ' ' && c < 127 && c != ',' && c != '"';

		text[3] = (char)c;
		if (vf_code_ok(vf_slice(text, 8)) != want)
			ok(false, "byte %d in a code", c);
	}
	ok(true, "every byte was tried");
}

static void
test_space(void)
{
	struct vf_code_format f;

	format(&f, "hex", 10, "");
	ok(vf_code_bits(&f) == 40, "ten hex digits are 40 bits");
	ok(vf_code_space_holds(&f, 1024, 30), "2^40 holds 2^10 x 2^30");
	ok(!vf_code_space_holds(&f, 1025, 30), "and not one more");
	ok(vf_code_guess_odds(&f, 1024) == (double)(1 << 30), "one guess in 2^30");
	ok(vf_code_guess_odds(&f, 0) == (double)((uint64_t)1 << 40), "without live codes the whole space");
	format(&f, "digits", 6, "X");
	ok(vf_code_space_holds(&f, 1000000, 0) && !vf_code_space_holds(&f, 1000001, 0), "a million six-digit codes");
	ok(vf_code_bits(&f) > 19.931568 && vf_code_bits(&f) < 19.931569, "19.93 bits");
	format(&f, "default", 12, "");
	ok(vf_code_bits(&f) > 55.01955 && vf_code_bits(&f) < 55.01956, "the default code has 55.02 bits");
	ok(vf_code_space_holds(&f, 10000000, 30), "enough for 10 million codes");
	format(&f, "alnum", 64, "");
	ok(vf_code_space_holds(&f, UINT64_MAX, 60), "a huge space does not wrap");
	format(&f, "01", 1, "");
	ok(vf_code_space_holds(&f, 2, 0) && !vf_code_space_holds(&f, 3, 0), "two codes of one bit");
	ok(vf_code_space_holds(&f, 0, 30), "room for none");
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* n codes of a format, as 16-byte cells; -1 when a draw failed or a line is not what it should be. */
static int
collect(struct vf_codes *c, const struct vf_code_format *f, size_t n, char (*cells)[16])
{
	char text[4096];
	size_t have = 0, line = vf_codes_line(c);

	while (have < n) {
		size_t want = n - have < sizeof(text) / line ? n - have : sizeof(text) / line;
		ssize_t got = vf_codes_make(c, text, want, &err);

		if (got < 0 || (size_t)got > want)
			return -1;
		for (ssize_t i = 0; i < got; i++, have++) {
			const char *p = text + (size_t)i * line;

			if (p[line - 1] != '\n' || memcmp(p, f->prefix, f->nprefix) != 0)
				return -1;
			for (size_t k = f->nprefix; k < line - 1; k++)
				if (f->digit[(unsigned char)p[k]] < 0)
					return -1;
			memset(cells[have], 0, 16);
			memcpy(cells[have], p, line - 1 < 16 ? line - 1 : 16);
		}
	}
	return 0;
}

static bool
all_different(char (*cells)[16], size_t n)
{
	qsort(cells, n, 16, compare);
	for (size_t i = 1; i < n; i++)
		if (memcmp(cells[i - 1], cells[i], 16) == 0)
			return false;
	return true;
}

/* A whole small space is made, each code once; then no more. */
static void
test_exhaust(const char *alphabet, unsigned length, const char *prefix, size_t space)
{
	struct vf_code_format f;
	struct vf_codes *c;
	char (*cells)[16] = calloc(space, 16), text[64];

	format(&f, alphabet, length, prefix);
	c = vf_codes_new(&f, space + 1, &err);
	ok(collect(c, &f, space, cells) == 0 && all_different(cells, space), "all %zu codes of %s x %u, each once", space,
		alphabet, length);
	ok(vf_codes_excluded(c) == 0, "and none of them counts as excluded");
	ok(vf_codes_make(c, text, 1, &err) == 0, "there is no other");
	vf_codes_free(c);
	free(cells);
}

static void
test_exclude(void)
{
	struct vf_slice list[] = { VF_SLICE("X-0"), VF_SLICE("X-7"), VF_SLICE("X-7"), VF_SLICE("X-00"), VF_SLICE("X-A"),
		VF_SLICE("Y-1"), VF_SLICE(""), VF_SLICE("X-"), VF_SLICE("1") };
	struct vf_code_format f;
	struct vf_codes *c;
	char cells[8][16];

	format(&f, "digits", 1, "X-");
	c = vf_codes_new(&f, 100, &err);
	ok(vf_codes_exclude(c, list, sizeof(list) / sizeof(list[0]), &err) == 0, "codes are excluded");
	ok(vf_codes_excluded(c) == 2, "two of them are of this format");
	ok(collect(c, &f, 8, cells) == 0 && all_different(cells, 8), "the other eight are made");
	ok(memcmp(cells[0], "X-1", 3) == 0 && memcmp(cells[7], "X-9", 3) == 0, "and neither of the two");
	vf_codes_free(c);
	format(&f, "TM", 2, "");
	c = vf_codes_new(&f, 0, &err);
	ok(vf_codes_excluded(c) == 1, "the placeholder TM is never made");
	vf_codes_free(c);
}

/* What one maker made, the next is told of: in a space so small that both remember exactly, and in an ample one. */
static void
test_again(const char *alphabet, unsigned length, const char *prefix)
{
	enum { N = 300000 };
	struct vf_code_format f;
	struct vf_codes *c;
	char (*cells)[16] = calloc(2 * N, 16);
	struct vf_slice *list = calloc(N, sizeof(*list));

	format(&f, alphabet, length, prefix);
	c = vf_codes_new(&f, N, &err);
	ok(collect(c, &f, N, cells) == 0, "300,000 codes of %s%s x %u", prefix, alphabet, length);
	ok(vf_codes_make(c, cells[N], 1, &err) == 0, "and no more than were wanted");
	vf_codes_free(c);
	for (int i = 0; i < N; i++)
		list[i] = vf_slice(cells[i], strlen(prefix) + length);
	c = vf_codes_new(&f, N, &err);
	ok(vf_codes_exclude(c, list, N, &err) == 0 && vf_codes_exclude(c, list, N / 2, &err) == 0, "they are excluded");
	ok(vf_codes_excluded(c) == N, "each of them counts once");
	ok(collect(c, &f, N, cells + N) == 0, "300,000 others");
	ok(vf_codes_excluded(c) == N, "are not excluded");
	vf_codes_free(c);
	ok(all_different(cells, 2 * N), "and all 600,000 differ");
	free(list);
	free(cells);
}

/*
 * Each character in each place equally likely.  The draws are truly random:
 * beyond 9 standard deviations something is biased.
 */
static void
test_unbiased(const char *alphabet, unsigned length)
{
	enum { N = 200000 };
	static uint32_t seen[VF_CODE_MAX][96];
	struct vf_code_format f;
	struct vf_codes *c;
	char text[100 * (VF_CODE_MAX + 1)];
	double x = 0, want, freedom, over;

	format(&f, alphabet, length, "");
	c = vf_codes_new(&f, N, &err);
	memset(seen, 0, sizeof(seen));
	for (ssize_t made = 0, tries = 0, n; made < N; made += n) {
		n = vf_codes_make(c, text, 100, &err);
		if (n < 0 || n > 100 || ++tries > N) {
			ok(false, "codes were made: %zd", n);
			break;
		}
		for (size_t k = 0; k < (size_t)n * (length + 1); k++)
			if (k % (length + 1) < length)
				seen[k % (length + 1)][(unsigned char)f.digit[(unsigned char)text[k]]]++;
	}
	vf_codes_free(c);
	want = (double)N / f.nsymbols;
	for (unsigned p = 0; p < length; p++)
		for (unsigned s = 0; s < f.nsymbols; s++)
			x += (seen[p][s] - want) * (seen[p][s] - want) / want;
	freedom = (double)length * (f.nsymbols - 1);
	over = (x - freedom) * (x - freedom) / (2 * freedom);
	ok(over < 81, "%s x %u: chi-square %.1f with %.0f degrees of freedom", alphabet, length, x, freedom);
}

int
main(void)
{
	if (vf_hash_start(&err) < 0)
		return 1;
	test_alphabets();
	test_code_ok();
	test_space();
	test_exhaust("01", 1, "", 2);
	test_exhaust("digits", 4, "P-", 10000);
	test_exhaust("hex", 3, "", 4096);
	test_exclude();
	test_again("digits", 6, "");
	test_again("digits", 7, "");
	test_again("default", 12, "A-");
	test_again("alnum", 15, "");		/* more than 2^64: numbers wrap */
	test_unbiased("default", 12);
	test_unbiased("default", 40);
	test_unbiased("digits", 17);
	test_unbiased("base32-crockford", 24);
	test_unbiased("alnum", 11);
	return done_testing();
}
