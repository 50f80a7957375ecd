/* test-hash -- base/hash. */
#include "tap.h"

#include <string.h>

#include "base/hash.h"

/* Digests of other programs: `b2sum -l 256`. */
static void
test_known(void)
{
	static const struct {
		const char *text, *want;
	} known[] = {
		{ "", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8" },
		{ "abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319" },
		{ "The quick brown fox jumps over the lazy dog", "01718cec35cd3d796dd00020e0bfecb473ad23457d063b75eff29c0ffa2e58a9" },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		char hex[VF_DIGEST_HEX + 1];
		struct vf_digest d;

		vf_digest_init(&d);
		vf_digest_add(&d, known[i].text, strlen(known[i].text));
		vf_digest_hex(&d, hex);
		ok(strcmp(hex, known[i].want) == 0 && d.bytes == strlen(known[i].text), "\"%s\" has the digest that b2sum gives", known[i].text);
	}
}

static void
test_pieces(void)
{
	unsigned char whole[VF_DIGEST_LEN], pieces[VF_DIGEST_LEN], data[1000];
	unsigned wrong = 0;
	struct vf_digest d;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)(i * 31);
	vf_digest_init(&d);
	vf_digest_add(&d, data, sizeof data);
	vf_digest_final(&d, whole);
	for (size_t step = 1; step <= sizeof data; step += 13) {
		vf_digest_init(&d);
		for (size_t at = 0; at < sizeof data; at += step) {
			vf_digest_add(&d, data + at, sizeof data - at < step ? sizeof data - at : step);
			vf_digest_add(&d, NULL, 0);
		}
		wrong += d.bytes != sizeof data;
		vf_digest_final(&d, pieces);
		wrong += memcmp(whole, pieces, sizeof whole) != 0;
	}
	ok(wrong == 0, "the pieces in which bytes come do not matter");
	data[999] ^= 1;
	vf_digest_init(&d);
	vf_digest_add(&d, data, sizeof data);
	vf_digest_final(&d, pieces);
	ok(memcmp(whole, pieces, sizeof whole) != 0, "one bit makes another digest");
}

static void
test_hex(void)
{
	static const unsigned char raw[] = { 0x00, 0x09, 0xaf, 0xf0, 0xff };
	unsigned char back[6];
	unsigned wrong = 0;
	char hex[11];

	vf_hex_put(hex, raw, sizeof raw);
	ok(strcmp(hex, "0009aff0ff") == 0, "hex is in lower case and ends with a NUL");
	ok(vf_hex_get(vf_slice_str("0009aFf0Ff"), back, 5) && memcmp(raw, back, 5) == 0, "either case is read");
	ok(!vf_hex_get(vf_slice_str("0009aff0f"), back, 5) && !vf_hex_get(vf_slice_str("0009aff0ff0"), back, 5) &&
		!vf_hex_get(vf_slice_str("0009aff0ff"), back, 6), "any other length is refused");
	ok(vf_hex_get(vf_slice("", 0), back, 0), "no digits are no bytes");
	for (unsigned at = 0; at < 2; at++)
		for (unsigned c = 0; c < 256; c++) {
			char two[2] = { '7', '7' };
			bool is = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

			two[at] = (char)c;
			wrong += vf_hex_get(vf_slice(two, 2), back, 1) != is;
			if (is) {
				char lower[3];

				vf_hex_put(lower, back, 1);
				wrong += lower[at] != (c >= 'A' && c <= 'F' ? (char)(c + 32) : (char)c) || lower[1 - at] != '7';
			}
		}
	ok(wrong == 0, "of all bytes only the hex digits are taken, each for its value");
}

int
main(void)
{
	struct vf_error err;

	ok(vf_hash_start(&err) == 0 && vf_hash_start(&err) == 0, "the library starts, twice if asked");
	test_known();
	test_pieces();
	test_hex();
	return done_testing();
}
