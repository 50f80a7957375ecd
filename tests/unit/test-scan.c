/* test-scan.c -- the block index against a byte-by-byte look, at every offset and length that matters. */
#include <stdint.h>
#include <stdlib.h>

/* Its insides: every way of looking is tested, whichever this processor would take. */
#include "record/scan.c"
#include "tap.h"

#define LONGEST 400

/* Positions and line ends are exact. */
static bool
index_right(const struct vf_scan *s, const char *p, size_t n, char delimiter)
{
	size_t pos = 0, lines = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] != delimiter && p[i] != '\n')
			continue;
		if (pos >= s->npos || s->pos[pos] != i)
			return false;
		if (p[i] == '\n' && (lines >= s->nlines || s->line[lines++] != pos))
			return false;
		pos++;
	}
	return pos == s->npos && lines == s->nlines;
}

/* A flag must be there where its byte is. */
static bool
flags_right(struct vf_scan *s, const char *p, size_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		unsigned f = vf_scan_flags(s, i, i);
		bool bare = p[i] == '\r' && p[i + 1] != '\n';

		if ((p[i] == '"' && !(f & VF_SCAN_QUOTE)) || (p[i] == '\0' && !(f & VF_SCAN_NUL)) ||
			((unsigned char)p[i] > 0x7f && !(f & VF_SCAN_HIGH)) || (bare && !(f & VF_SCAN_CR)))
			return false;
	}
	return true;
}

/* Chunks without anything unusual carry no flag: the quick way is taken. */
static bool
quiet_is_quiet(struct vf_scan *s, const char *p, size_t n)
{
	s->mark = s->marks;		/* from the start once more */
	for (uint32_t c = 0; c + VF_SCAN_CHUNK <= n; c += VF_SCAN_CHUNK) {
		bool unusual = false;

		for (uint32_t i = c; i < c + VF_SCAN_CHUNK; i++)
			unusual |= p[i] == '"' || p[i] == '\0' || (unsigned char)p[i] > 0x7f ||
				(p[i] == '\r' && (i + 1 == c + VF_SCAN_CHUNK || p[i + 1] != '\n'));
		if (!unusual && vf_scan_flags(s, c, c + VF_SCAN_CHUNK - 1) != 0)
			return false;
	}
	return true;
}

int
main(void)
{
	static const char dense[] = "a,\n\r\"\0\xff;", sparse[] = "abcdefghijklmnop,qrstuvwxyz\n0123456789,ABCDEFG\r\n";
	char block[LONGEST + VF_SCAN_CHUNK + 1];
	struct vf_scan scan = { 0 };
	struct vf_error err;
	void (*ways[4])(struct vf_scan *, const char *, size_t, char) = { vf_scan_block, scan_plain };
	int nways = 2, wrong = 0, unflagged = 0, loud = 0;

	tap_seed();
#ifdef __x86_64__
	if (has_avx2())
		ways[nways++] = scan_256;
	if (has_avx512())
		ways[nways++] = scan_512;
#endif
	ok(vf_scan_reserve(&scan, LONGEST + 1, &err) == 0, "room for a block");
	for (int round = 0; round < 40000; round++) {
		size_t n = tap_random() % (LONGEST + 1);
		bool tight = round % 2 != 0;

		for (size_t i = 0; i < sizeof block; i++)
			block[i] = tight ? dense[tap_random() % (sizeof dense - 1)] :
				sparse[tap_random() % (sizeof sparse - 1)];
		ways[round / 2 % nways](&scan, block, n, ',');
		wrong += !index_right(&scan, block, n, ',');
		unflagged += !flags_right(&scan, block, n);
		loud += !quiet_is_quiet(&scan, block, n);
	}
	ok(wrong == 0, "delimiters and line ends are where they are");
	ok(unflagged == 0, "no quote, NUL, bare CR or high byte goes without its flag");
	ok(loud == 0, "ordinary chunks have no flag");
	vf_scan_free(&scan);
	return done_testing();
}
