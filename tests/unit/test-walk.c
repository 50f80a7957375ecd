/* test-walk -- avro/walk: data that are whole and data that are not. */
#include <string.h>

#include "avro/varint.h"
#include "avro/walk.h"
#include "base/hash.h"
#include "tap.h"

static struct vf_error err;

/* Walks count data given as hex digits; the bytes stand at the end of their allocation. */
static int
walk(const char *schema, uint64_t count, const char *hex)
{
	struct vf_schema *s = vf_schema_parse(vf_slice_str(schema), "s", &err);
	struct vf_walk *w = s != NULL ? vf_walk_new(s, &err) : NULL;
	size_t n = strlen(hex) / 2;
	unsigned char *bytes = malloc(n > 0 ? n : 1);
	int rc = -2;

	if (w != NULL && vf_hex_get(vf_slice_str(hex), bytes, n))
		rc = vf_walk_block(w, count, vf_slice((const char *)bytes, n), &err);
	free(bytes);
	vf_walk_free(w);
	vf_schema_free(s);
	return rc;
}

static void
good(const char *schema, uint64_t count, const char *hex)
{
	int rc = walk(schema, count, hex);

	ok(rc == 0, "%s: %s", schema, hex);
	if (rc < 0)
		note("%s", err.text);
}

static void
bad(const char *schema, uint64_t count, const char *hex, const char *want)
{
	int rc = walk(schema, count, hex);

	ok(rc == -1 && err.kind == VF_ERR_FAILED && strcmp(err.text, want) == 0, "%s: %s: %s", schema, hex, want);
	if (rc != -1 || strcmp(err.text, want) != 0)
		note("got %d %s", rc, rc == -1 ? err.text : "");
}

#define LIST "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"v\",\"type\":\"int\"},{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"
#define TREE "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"kids\",\"type\":{\"type\":\"array\",\"items\":\"T\"}}]}"
#define TAGGED "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"tags\",\"type\":" STRINGS "},{\"name\":\"next\",\"type\":[\"null\",\"L\"]}]}"
#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"
#define INTS "{\"type\":\"array\",\"items\":\"int\"}"
#define STRINGS "{\"type\":\"array\",\"items\":\"string\"}"
#define NULLS "{\"type\":\"array\",\"items\":\"null\"}"
#define MAP "{\"type\":\"map\",\"values\":\"boolean\"}"

static void
test_numbers(void)
{
	good("\"int\"", 1, "00");
	good("\"int\"", 2, "feffffff0fffffffff0f");
	bad("\"int\"", 1, "8080808010", "record 1: not a number of its type");
	bad("\"int\"", 1, "8080808080", "record 1: not a number of its type");
	bad("\"int\"", 1, "808080808000", "record 1: not a number of its type");
	good("\"long\"", 1, "ffffffffffffffffff01");
	bad("\"long\"", 1, "ffffffffffffffffff02", "record 1: not a number of its type");
	bad("\"long\"", 1, "80808080808080808080", "record 1: not a number of its type");
	bad("\"long\"", 1, "80", "record 1: not a number of its type");
	good("\"boolean\"", 2, "0001");
	bad("\"boolean\"", 2, "0002", "record 2: not a boolean");
	good("\"double\"", 1, "0000000000000000");
	bad("\"double\"", 1, "00000000000000", "more records than its bytes can hold");
	bad("\"float\"", 1, "0000000000", "1 bytes after the last record");
	good("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", 2, "010203040506");
}

static void
test_strings(void)
{
	good("\"string\"", 1, "00");
	good("\"string\"", 1, "06616263");
	good("\"string\"", 1, "04c3a9");
	bad("\"string\"", 1, "02c3", "record 1: not UTF-8");
	bad("\"string\"", 1, "06eda080", "record 1: not UTF-8");
	bad("\"string\"", 1, "04c080", "record 1: not UTF-8");
	good("\"bytes\"", 1, "04c080");
	bad("\"string\"", 1, "01", "record 1: a length that the block does not hold");
	bad("\"bytes\"", 1, "01", "record 1: a length that the block does not hold");
	bad("\"string\"", 1, "0861626364ff", "1 bytes after the last record");
	bad("\"bytes\"", 1, "80808080808080808001", "record 1: a length that the block does not hold");
	bad("\"string\"", 1, "feffffffffffffffff01", "record 1: a length that the block does not hold");
	bad("\"string\"", 1, "ffffffffffffffffff01", "record 1: a length that the block does not hold");
}

static void
test_choices(void)
{
	good(ENUM, 2, "0002");
	bad(ENUM, 1, "04", "record 1: no symbol of its enum");
	bad(ENUM, 1, "01", "record 1: no symbol of its enum");
	good("[\"null\",\"int\"]", 2, "000207");
	good("[\"int\",\"null\"]", 2, "020007");
	bad("[\"null\",\"int\"]", 1, "01", "record 1: no branch of its union");
	bad("[\"null\",\"int\"]", 1, "0a", "record 1: no branch of its union");
	good("[\"int\",\"string\",\"null\",\"double\"]", 4, "0006020241040600000000000000" "00");
	bad("[\"int\",\"string\",\"double\"]", 1, "0600", "record 1: no branch of its union");
	bad("[\"int\",\"string\",\"double\"]", 1, "0100", "record 1: no branch of its union");
	good("[\"null\",\"string\"]", 2, "00020261");
	good("[\"string\",\"null\"]", 2, "02000261");
	bad("[\"null\",\"string\"]", 1, "04", "record 1: no branch of its union");
	bad("[\"null\",\"string\"]", 1, "0202ff", "record 1: not UTF-8");
	bad("[\"string\",\"null\"]", 1, "000461", "record 1: a length that the block does not hold");
	bad("[]", 1, "00", "more records than its bytes can hold");
	bad("[{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]},\"int\"]", 1, "0000", "record 1: no datum of its type can be");
}

static void
test_blocks(void)
{
	good(INTS, 1, "00");
	good(INTS, 1, "040204020000");
	bad(INTS, 1, "04020402", "record 1: a count that the block does not hold");
	good(INTS, 1, "0304020400");
	bad(INTS, 1, "0306020400", "record 1: a size that its items do not have");
	bad(INTS, 1, "030480010200", "record 1: a size that its items do not have");
	bad(INTS, 1, "0302020400", "record 1: a count that the block does not hold");
	bad(INTS, 1, "0301020400", "record 1: a count that the block does not hold");
	bad(INTS, 1, "ffffffffffffffffff0102", "record 1: a count that the block does not hold");
	bad(INTS, 1, "8080808080808080800102", "record 1: a count that the block does not hold");
	good(STRINGS, 3, "00" "02026100" "04000261020000");
	good(STRINGS, 1, "030802610262" "0102" "00" "00");
	bad(STRINGS, 1, "030602610262" "00", "record 1: a size that its items do not have");
	bad(STRINGS, 1, "02", "record 1: a count that the block does not hold");
	bad(STRINGS, 1, "020261", "record 1: ends in the middle");
	bad(STRINGS, 1, "0402610661", "record 1: a length that the block does not hold");
	bad(STRINGS, 1, "0202ff00", "record 1: not UTF-8");
	bad(STRINGS, 1, "ffffffffffffffffff0100", "record 1: a count that the block does not hold");
	good(MAP, 1, "020261010202620000");
	bad(MAP, 1, "0202ff0100", "record 1: not UTF-8");
	bad(MAP, 1, "02026102", "record 1: not a boolean");
	bad(MAP, 1, "04026101", "record 1: a count that the block does not hold");
	good("{\"type\":\"map\",\"values\":" INTS "}", 1, "0202610400020000");
}

static void
test_nothing(void)
{
	good("\"null\"", 1000000, "");
	bad("\"null\"", (uint64_t)1 << 62, "", "more records than its bytes can hold");
	bad("\"null\"", 1, "00", "bytes where no record is");
	good("\"int\"", 0, "");
	bad("\"int\"", 0, "00", "bytes where no record is");
	good(NULLS, 1, "0600");
	good(NULLS, 1, "050000");
	bad(NULLS, 1, "05020000", "record 1: a size that its items do not have");
	bad(NULLS, 1, "feffffffffffffffff0100", "record 1: too many items without bytes");
	bad(NULLS, 1, "8090df8004", "record 1: too many items without bytes");
	bad("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"r\",\"fields\":[]}}", 1, "8080808080808080400000",
		"record 1: too many items without bytes");
	bad(NULLS, 2, "80808001008080800100", "record 2: too many items without bytes");
}

static void
test_nesting(void)
{
	char hex[8100] = "";

	good(LIST, 1, "0202040206020800");
	bad(LIST, 1, "020204020101", "record 1: no branch of its union");
	bad("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"r\"}]}", 1, "00", "more records than its bytes can hold");
	good(TREE, 1, "0400020000" "00");
	for (int i = 0; i < 990; i++)
		strcat(hex, "0202");
	strcat(hex, "0200");
	good(LIST, 1, hex);
	hex[0] = '\0';
	for (int i = 0; i < 1100; i++)
		strcat(hex, "0202");
	strcat(hex, "0200");
	bad(LIST, 1, hex, "record 1: nested too deeply");
	/* An array of strings is a level, too: 999 calls and it, but not 1000. */
	hex[0] = '\0';
	for (int i = 0; i < 999; i++)
		strcat(hex, "0002");
	strcat(hex, "0000");
	good(TAGGED, 1, hex);
	strcpy(hex + 4 * 999, "00020000");
	bad(TAGGED, 1, hex, "record 1: nested too deeply");
	hex[0] = '\0';
	for (int i = 0; i < 1100; i++)
		strcat(hex, "02");
	strcat(hex, "00");
	bad(TREE, 1, hex, "record 1: nested too deeply");
}

static void
test_fields(void)
{
	const char *schema = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
		"{\"name\":\"inner\",\"type\":{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"x\",\"type\":\"boolean\"}]}},"
		"{\"name\":\"again\",\"type\":[\"null\",\"I\"]},{\"name\":\"last\",\"type\":[\"null\",\"string\"]}]}";

	good(schema, 2, "02410100000261010201020261");
	bad(schema, 1, "024105", "more records than its bytes can hold");
	bad(schema, 1, "0241050000", "record 1: inner: not a boolean");
	bad(schema, 1, "024101020900", "record 1: not a boolean");
	bad(schema, 1, "0241010002", "record 1: last: ends in the middle");
}

/* One schema with everything in it. */
static const char everything[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
	"{\"name\":\"a\",\"type\":\"string\"},{\"name\":\"b\",\"type\":[\"null\",\"long\"]},{\"name\":\"c\",\"type\":" ENUM "},"
	"{\"name\":\"d\",\"type\":[\"int\",\"string\",\"R\",\"null\"]},{\"name\":\"e\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},"
	"{\"name\":\"f\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"E\"]}},{\"name\":\"g\",\"type\":\"double\"},"
	"{\"name\":\"h\",\"type\":\"boolean\"}]}";

static void
put_string(struct vf_buf *b, size_t n)
{
	unsigned char head[VF_VARINT_MAX];

	vf_buf_add(b, head, vf_varint_put(head, (int64_t)n));
	for (size_t i = 0; i < n; i++)
		vf_buf_add_char(b, (char)('a' + tap_below(26)));
}

static void
put_number(struct vf_buf *b, int64_t v)
{
	unsigned char head[VF_VARINT_MAX];

	vf_buf_add(b, head, vf_varint_put(head, v));
}

static void
put_record(struct vf_buf *b, int depth)
{
	size_t n;

	put_string(b, tap_below(200));
	put_number(b, (int64_t)tap_below(2));
	if (b->p[b->n - 1] != 0)
		put_number(b, (int64_t)tap_random() >> tap_below(64));
	put_number(b, (int64_t)tap_below(2));
	n = depth < 3 ? tap_below(4) : 3;
	put_number(b, (int64_t)n);
	if (n == 0)
		put_number(b, (int32_t)tap_random());
	else if (n == 1)
		put_string(b, tap_below(70));
	else if (n == 2)
		put_record(b, depth + 1);
	for (n = tap_below(4); n > 0; n = tap_below(4)) {
		put_number(b, (int64_t)n);
		while (n-- > 0)
			put_string(b, tap_below(20));
	}
	put_number(b, 0);
	for (n = tap_below(3); n > 0; n = tap_below(3)) {
		put_number(b, (int64_t)n);
		while (n-- > 0) {
			put_string(b, tap_below(20));
			put_number(b, (int64_t)tap_below(2));
			if (b->p[b->n - 1] != 0)
				put_number(b, (int64_t)tap_below(2));
		}
	}
	put_number(b, 0);
	vf_buf_add(b, "12345678", 8);
	vf_buf_add_char(b, (char)tap_below(2));
}

static struct vf_walk *
walk_of(const char *schema, struct vf_schema **s)
{
	struct vf_walk *w;

	*s = vf_schema_parse(vf_slice_str(schema), "s", &err);
	w = *s != NULL ? vf_walk_new(*s, &err) : NULL;
	if (w == NULL)
		bail_out("no walk");
	return w;
}

/* Whole blocks are taken; every start of one is refused, and no changed byte breaks the walk. */
static void
test_random(void)
{
	struct vf_schema *s;
	struct vf_walk *w = walk_of(everything, &s);
	unsigned taken = 0, cut = 0, changed = 0, longer = 0;
	struct vf_buf b = { 0 };
	size_t starts = 0;

	for (int round = 0; round < 300; round++) {
		uint64_t n = 1 + tap_below(5);

		vf_buf_clear(&b);
		for (uint64_t i = 0; i < n; i++)
			put_record(&b, 0);
		taken += vf_walk_block(w, n, vf_buf_slice(&b), &err) == 0;
		longer += vf_walk_block(w, n + 1, vf_buf_slice(&b), &err) == 0;
		for (size_t k = 0; k < b.n; k += 1 + tap_below(3)) {
			char *start = malloc(k + 1);

			memcpy(start, b.p, k);
			start = realloc(start, k > 0 ? k : 1);
			cut += vf_walk_block(w, n, vf_slice(start, k), &err) == 0;
			starts++;
			free(start);
			b.p[k] ^= (char)(1 << round % 8);
			changed += vf_walk_block(w, n, vf_buf_slice(&b), &err) == 0;
			b.p[k] ^= (char)(1 << round % 8);
		}
	}
	ok(taken == 300, "300 random blocks are taken");
	ok(cut == 0 && longer == 0, "none of %zu starts of them, nor one record more", starts);
	ok(changed > 0 && changed < starts, "of the changed ones %u were still blocks", changed);
	vf_buf_free(&b);
	vf_walk_free(w);
	vf_schema_free(s);
}

/* A field with 160 more bytes behind it, so that it is looked at eight, 32 or 64 bytes at a time; none of them is ASCII. */
static bool
taken_within(const struct vf_walk *w, const void *field, size_t n)
{
	struct vf_buf b = { 0 };
	unsigned char head[VF_VARINT_MAX];
	bool taken;

	vf_buf_add(&b, field, n);
	vf_buf_add(&b, head, vf_varint_put(head, 160));
	for (int i = 0; i < 80; i++)
		vf_buf_add_str(&b, "\xc3\xa9");
	taken = vf_walk_block(w, 1, vf_buf_slice(&b), &err) == 0;
	vf_buf_free(&b);
	return taken;
}

#define WITHIN(type) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":" type \
	"},{\"name\":\"rest\",\"type\":\"string\"}]}"

/* Every length, whatever the last byte: the longest has a most for it, what is longer is none. */
static void
test_numbers_within(const char *schema, size_t max, unsigned top)
{
	struct vf_schema *s;
	struct vf_walk *w = walk_of(schema, &s);
	unsigned wrong = 0;

	for (size_t n = 1; n <= 12; n++)
		for (unsigned last = 0; last < 0x80; last++) {
			unsigned char bytes[12];

			for (size_t i = 0; i + 1 < n; i++)
				bytes[i] = (unsigned char)(0x80 | tap_below(0x80));
			bytes[n - 1] = (unsigned char)last;
			wrong += taken_within(w, bytes, n) != (n < max || (n == max && last <= top));
		}
	ok(wrong == 0, "numbers of up to %zu bytes in the middle of a block", max);
	vf_walk_free(w);
	vf_schema_free(s);
}

static void
test_strings_within(void)
{
	struct vf_schema *s;
	struct vf_walk *w = walk_of(WITHIN("\"string\""), &s);
	unsigned wrong = 0;

	for (size_t n = 0; n <= 80; n++)
		for (size_t at = 0; at <= n; at++) {
			unsigned char bytes[VF_VARINT_MAX + 80], *p = bytes + vf_varint_put(bytes, (int64_t)n);

			memset(p, 'x', n);
			if (at < n)
				p[at] = 0xff;
			wrong += taken_within(w, bytes, (size_t)(p - bytes) + n) != (at == n);
		}
	ok(wrong == 0, "a byte that is no UTF-8 is found at each place of strings of up to 80 bytes");
	vf_walk_free(w);
	vf_schema_free(s);
}

int
main(void)
{
	tap_seed();
	test_numbers_within(WITHIN("\"int\""), 5, 15);
	test_numbers_within(WITHIN("\"long\""), 10, 1);
	test_strings_within();
	test_numbers();
	test_strings();
	test_choices();
	test_blocks();
	test_nothing();
	test_nesting();
	test_fields();
	test_random();
	return done_testing();
}
