/* test-text -- base/text. */
#include "tap.h"

#include <string.h>

#include "base/text.h"

/* What RFC 3629 says, the other way round: decode, then ask whether the shortest form was used. */
static size_t
code_point(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = p[0];
	size_t len = c < 0x80 ? 1 : (c & 0xe0) == 0xc0 ? 2 : (c & 0xf0) == 0xe0 ? 3 : (c & 0xf8) == 0xf0 ? 4 : 0;

	if (len < 2)
		return len;
	if (len > n)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

static bool
plain_utf8(const unsigned char *p, size_t n)
{
	for (size_t i = 0, step; i < n; i += step)
		if ((step = code_point(p + i, n - i)) == 0)
			return false;
	return true;
}

static bool
utf8(const void *p, size_t n)
{
	return vf_text_utf8(vf_slice(p, n));
}

/* All of one to three bytes, and all of four that begin like four. */
static void
test_utf8_all(void)
{
	unsigned long wrong = 0, good = 0;
	unsigned char p[4];

	for (uint32_t i = 0; i < 1u << 24; i++) {
		size_t n = i < 1u << 8 ? 1 : i < 1u << 16 ? 2 : 3;
		bool is;

		for (size_t j = 0; j < n; j++)
			p[j] = (unsigned char)(i >> 8 * j);
		is = utf8(p, n);
		good += is;
		wrong += is != plain_utf8(p, n);
	}
	ok(wrong == 0 && good > 2000000, "all of up to three bytes are judged as RFC 3629 says");
	wrong = good = 0;
	for (uint32_t i = 0; i < 1u << 22; i++) {
		static const unsigned char edges[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xf5, 0xff };
		bool is;

		p[0] = (unsigned char)(0xf0 | (i & 15));
		p[1] = (unsigned char)(i >> 4);
		p[2] = edges[i >> 12 & 15];
		p[3] = edges[i >> 16 & 15];
		is = utf8(p, 4);
		good += is;
		wrong += is != plain_utf8(p, 4);
	}
	ok(wrong == 0 && good > 1000, "so are four bytes with every lead, second byte and edge");
}

/* Every place of a longer text: what skips eight bytes at a time must not skip a fault. */
static void
test_utf8_places(void)
{
	unsigned missed = 0, refused = 0, torn = 0;
	char text[41];

	for (size_t n = 1; n <= 40; n++)
		for (size_t at = 0; at < n; at++) {
			memset(text, 'a', sizeof text);
			text[at] = '\xff';
			missed += utf8(text, n);
			if (at + 2 > n)
				continue;
			memcpy(text + at, "\xc3\xa9", 2);
			refused += !utf8(text, n);
			torn += utf8(text, at + 1);
		}
	ok(missed == 0, "a bad byte is found at each place of texts of 1 to 40 bytes");
	ok(refused == 0, "a letter of two bytes is taken at each place");
	ok(torn == 0, "a letter cut off by the end is found");
	ok(utf8("", 0) && utf8(NULL, 0), "nothing is UTF-8");
	ok(utf8("a\0b", 3), "a NUL is UTF-8");
}

static void
test_utf8_random(void)
{
	const unsigned rounds = 300000;
	unsigned wrong = 0, good = 0;

	for (unsigned i = 0; i < rounds; i++) {
		static const char *const pieces[] = { "a", "abcdefgh", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x8e\xab", "\xed\x9f\xbf", "\xee\x80\x80" };
		char text[80];
		size_t n = 0;

		while (n < 60 && tap_below(12) > 0) {
			const char *piece = pieces[tap_below(sizeof pieces / sizeof *pieces)];

			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
		}
		if (n > 0 && tap_below(3) == 0)
			text[tap_below(n)] = (char)tap_random();
		if (n > 0 && tap_below(8) == 0)
			n--;
		good += utf8(text, n);
		wrong += utf8(text, n) != plain_utf8((unsigned char *)text, n);
	}
	ok(wrong == 0 && good > rounds / 2 && good < rounds, "%u random texts, some damaged, are judged alike", rounds);
}

static bool
csv_is(struct vf_slice v, const char *want, size_t n)
{
	struct vf_buf b = { 0 };
	bool is = vf_text_add_csv(&b, v) == 0 && vf_slice_eq(vf_buf_slice(&b), vf_slice(want, n));

	vf_buf_free(&b);
	return is;
}

static void
test_csv(void)
{
	unsigned wrong = 0;

	for (unsigned c = 0; c < 256; c++) {
		char text[3] = { 'a', (char)c, 'b' }, want[8] = { '"', 'a', (char)c };
		bool quote = c == ',' || c == '"' || c == '\n' || c == '\r';

		memcpy(want + 3, c == '"' ? "\"b\"" : "b\"", 4 - (c != '"'));
		wrong += vf_text_csv_needs_quotes(vf_slice(text, 3)) != quote;
		wrong += !(quote ? csv_is(vf_slice(text, 3), want, c == '"' ? 6 : 5) : csv_is(vf_slice(text, 3), text, 3));
	}
	ok(wrong == 0, "csv: of all bytes comma, quote, CR and LF ask for quotes, and quotes are doubled");
	ok(csv_is(vf_slice("", 0), "", 0), "csv: nothing stays nothing");
	ok(csv_is(vf_slice_str("\""), "\"\"\"\"", 4), "csv: one quote alone");
	ok(csv_is(vf_slice_str(" a;b\t|c "), " a;b\t|c ", 8), "csv: blanks and other delimiters stay bare");
	ok(!vf_text_csv_needs_quotes(vf_slice("abc,", 3)), "csv: what is behind the slice does not count");
	wrong = 0;
	for (size_t n = 1; n <= 40; n++)
		for (size_t at = 0; at < n; at++) {
			char text[40];

			memset(text, 'x', n);
			text[at] = ',';
			wrong += !vf_text_csv_needs_quotes(vf_slice(text, n));
		}
	ok(wrong == 0, "csv: a comma is found at each place of texts of 1 to 40 bytes");
}

static bool
adds(int (*add)(struct vf_buf *, struct vf_slice), struct vf_slice v, const char *want)
{
	struct vf_buf b = { 0 };
	bool is;

	vf_buf_add_str(&b, "[");
	is = add(&b, v) == 0 && b.n == strlen(want) + 1 && memcmp(b.p + 1, want, strlen(want)) == 0 && b.p[0] == '[';
	if (!is)
		note("got %.*s, wanted %s", (int)b.n, b.p, want);
	vf_buf_free(&b);
	return is;
}

static void
test_json(void)
{
	unsigned wrong = 0;

	for (unsigned c = 0; c < 256; c++) {
		static const char shorts[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
		const char *at = c != 0 ? strchr(shorts, (int)c) : NULL;
		char text[3] = { 'a', (char)c, 'b' }, want[16];

		if (at != NULL)
			snprintf(want, sizeof want, "\"a\\%cb\"", letters[at - shorts]);
		else if (c < 0x20)
			snprintf(want, sizeof want, "\"a\\u%04xb\"", c);
		else if (c < 0x80)
			snprintf(want, sizeof want, "\"a%cb\"", (int)c);
		else
			snprintf(want, sizeof want, "\"a\xef\xbf\xbd" "b\"");
		wrong += !adds(vf_text_add_json, vf_slice(text, 3), want);
	}
	ok(wrong == 0, "json: every byte is escaped, kept or replaced as RFC 8259 asks");
	ok(adds(vf_text_add_json, vf_slice("", 0), "\"\""), "json: the empty string");
	ok(adds(vf_text_add_json, vf_slice_str("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x8e\xab/"), "\"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x8e\xab/\""),
		"json: letters that are not ASCII stay as they are");
	ok(adds(vf_text_add_json, vf_slice_str("\xed\xa0\x80\xc3"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""),
		"json: each byte of a surrogate and of a torn letter is replaced");
	ok(adds(vf_text_add_json, vf_slice("\0\x7f\"", 3), "\"\\u0000\x7f\\\"\""), "json: specials side by side and at the ends");
}

static void
test_escaped(void)
{
	unsigned wrong = 0;

	for (unsigned c = 0; c < 256; c++) {
		char text[3] = { 'a', (char)c, 'b' }, want[16];

		if (c == '\n' || c == '\r' || c == '\0' || c == '\\')
			snprintf(want, sizeof want, "a\\%cb", c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\\' ? '\\' : '0');
		else if (c < 0x80)
			snprintf(want, sizeof want, "a%cb", (int)c);
		else
			snprintf(want, sizeof want, "a\\x%02Xb", c);
		wrong += !adds(vf_text_add_escaped, vf_slice(text, 3), want);
	}
	ok(wrong == 0, "escaped: every byte is as DESIGN 2 says, hex digits in upper case");
	ok(adds(vf_text_add_escaped, vf_slice_str("\xc3\xa9\xff\xc3\n\\n"), "\xc3\xa9\\xFF\\xC3\\n\\\\n"),
		"escaped: letters stay, bytes that are none are told");
	ok(adds(vf_text_add_escaped, vf_slice("", 0), ""), "escaped: nothing stays nothing");
	wrong = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct vf_buf b = { 0 };
		char text[64];
		size_t n = tap_below(sizeof text);

		for (size_t j = 0; j < n; j++)
			text[j] = (char)tap_random();
		vf_text_add_escaped(&b, vf_slice(text, n));
		wrong += !utf8(b.p, b.n) || (b.n > 0 && (memchr(b.p, '\n', b.n) != NULL || memchr(b.p, '\r', b.n) != NULL || memchr(b.p, '\0', b.n) != NULL));
		vf_buf_clear(&b);
		vf_text_add_json(&b, vf_slice(text, n));
		wrong += !utf8(b.p, b.n);
		vf_buf_free(&b);
	}
	ok(wrong == 0, "20,000 random texts come out as one line of UTF-8, escaped and as JSON");
}

/* Each byte in each place of a text that is long enough to be taken eight bytes at a time: written as it is alone. */
static void
test_form_places(void)
{
	int (*const add[])(struct vf_buf *, struct vf_slice) = { vf_text_add_json, vf_text_add_escaped };
	struct vf_buf alone = { 0 }, got = { 0 }, want = { 0 };
	unsigned wrong = 0;

	for (unsigned i = 0; i < 2 * 256; i++) {
		char c = (char)(i / 2), text[24];
		size_t quotes = i % 2 == 0;

		vf_buf_clear(&alone);
		add[i % 2](&alone, vf_slice(&c, 1));
		for (size_t at = 0; at < sizeof text; at++) {
			memset(text, ' ' + (int)(at % 2) * ('~' - ' '), sizeof text);
			vf_buf_clear(&want);
			vf_buf_add(&want, "\"", quotes);
			vf_buf_add(&want, text, at);
			vf_buf_add(&want, alone.p + quotes, alone.n - 2 * quotes);
			vf_buf_add(&want, text, sizeof text - at - 1);
			vf_buf_add(&want, "\"", quotes);
			text[at] = c;
			vf_buf_clear(&got);
			add[i % 2](&got, vf_slice(text, sizeof text));
			wrong += !vf_slice_eq(vf_buf_slice(&got), vf_buf_slice(&want));
		}
	}
	vf_buf_free(&alone);
	vf_buf_free(&got);
	vf_buf_free(&want);
	ok(wrong == 0, "json and escaped: every byte is written alike in each place of a longer text");
}

static void
test_full(void)
{
	static const struct vf_slice v = VF_SLICE("ab\n\"cd");
	struct vf_buf b;
	unsigned wrong = 0;
	int (*const add[])(struct vf_buf *, struct vf_slice) = { vf_text_add_csv, vf_text_add_json, vf_text_add_escaped };
	static const size_t need[] = { 9, 10, 7 };

	for (size_t i = 0; i < 3; i++)
		for (size_t cap = 2; cap < 14; cap++) {
			vf_buf_init(&b, cap);
			vf_buf_add_str(&b, "<>");
			wrong += (add[i](&b, v) == 0) != (cap >= need[i] + 2) || b.failed != (cap < need[i] + 2);
			wrong += b.n != (cap < need[i] + 2 ? 2 : need[i] + 2) || memcmp(b.p, "<>", 2) != 0;
			vf_buf_free(&b);
		}
	ok(wrong == 0, "what does not fit under the cap as a whole is not begun");
}

/* Each byte at each place of values of every short length, among bytes that are near the special ones. */
static void
test_needs_quotes(void)
{
	static const char around[] = "-!\v\f#+\x0e\xac\xa2\x8a\x8d\x7f\x01";
	unsigned wrong = 0;
	char text[48];

	for (size_t n = 0; n < sizeof text; n++)
		for (size_t at = 0; at < n; at++)
			for (unsigned c = 0; c < 256; c++) {
				bool special = c == ',' || c == '"' || c == '\n' || c == '\r';

				for (size_t i = 0; i < n; i++)
					text[i] = around[(i + c) % (sizeof around - 1)];
				text[at] = (char)c;
				wrong += vf_text_csv_needs_quotes(vf_slice(text, n)) != special;
			}
	ok(wrong == 0 && !vf_text_csv_needs_quotes(vf_slice("", 0)), "quotes are needed for comma, quote, CR and LF alone, wherever they stand");
}

int
main(void)
{
	test_needs_quotes();
	tap_seed();
	test_utf8_all();
	test_utf8_places();
	test_utf8_random();
	test_csv();
	test_json();
	test_escaped();
	test_form_places();
	test_full();
	return done_testing();
}
