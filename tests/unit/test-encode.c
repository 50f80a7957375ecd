/* test-encode -- avro/encode and avro/decode: text to bytes and back. */
#include <string.h>

#include "avro/decode.h"
#include "avro/encode.h"
#include "avro/walk.h"
#include "base/date.h"
#include "base/hash.h"
#include "base/num.h"
#include "tap.h"

static struct vf_error err;

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define MILLIS "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"
#define TAGS "{\"type\":\"array\",\"items\":\"string\"}"
#define ENUM "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"low\",\"mid\",\"high\"]}"

/* One field of a type, its text encoded: as hex digits, or "unfit". */
static const char *
bytes_of(const char *type, const char *value)
{
	static char hex[500];
	struct vf_buf text = { 0 }, out = { 0 };
	const bool present = true;
	struct vf_slice v = vf_slice_str(value);
	struct vf_schema *s;
	struct vf_encode *e;
	size_t field;
	int rc;

	vf_buf_addf(&text, RECORD("{\"name\":\"f\",\"type\":%s}"), type);
	s = vf_schema_parse(vf_buf_slice(&text), "s", &err);
	e = s != NULL ? vf_encode_new(s, &present, "s", &err) : NULL;
	strcpy(hex, err.text);
	if (e != NULL) {
		rc = vf_encode_put(e, &v, &out, &field);
		strcpy(hex, "unfit");
		if (rc == 0)
			vf_hex_put(hex, (unsigned char *)out.p, out.n);
	}
	vf_encode_free(e);
	vf_schema_free(s);
	vf_buf_free(&text);
	vf_buf_free(&out);
	return hex;
}

static void
is(const char *type, const char *value, const char *want)
{
	const char *got = bytes_of(type, value);

	ok(strcmp(got, want) == 0, "%s: \"%s\" is %s", type, value, want);
	if (strcmp(got, want) != 0)
		note("got %s", got);
}

static void
test_values(void)
{
	is("\"string\"", "", "00");
	is("\"string\"", " a ", "06206120");
	is("[\"null\",\"string\"]", "", "00");
	is("[\"null\",\"string\"]", "a", "020261");
	is("[\"string\",\"null\"]", "", "02");
	is("[\"string\",\"null\"]", "a", "000261");
	is("[\"string\"]", "", "0000");
	is("\"bytes\"", "ab", "046162");
	is("\"int\"", "-1", "01");
	is("\"int\"", " 2147483647 ", "feffffff0f");
	is("\"int\"", "2147483648", "unfit");
	is("\"int\"", "", "unfit");
	is("\"int\"", "1.0", "unfit");
	is("[\"null\",\"int\"]", " ", "00");
	is("[\"null\",\"int\"]", "64", "028001");
	is("\"long\"", "-9223372036854775808", "ffffffffffffffffff01");
	is("\"long\"", "9223372036854775808", "unfit");
	is("\"double\"", "0.5", "000000000000e03f");
	is("\"double\"", "half", "unfit");
	is("\"float\"", "0.5", "0000003f");
	is("\"float\"", "1e39", "unfit");
	is("\"boolean\"", "true", "01");
	is("\"boolean\"", "false", "00");
	is("\"boolean\"", "TRUE", "unfit");
	is(ENUM, "high", "04");
	is(ENUM, "none", "unfit");
	is(ENUM, "", "unfit");
	is(MILLIS, "1970-01-01T00:00:01.5Z", "b817");
	is(MILLIS, "1970-01-01T01:00:00+01:00", "00");
	is(MILLIS, "2026-02-29T00:00:00Z", "unfit");
	is(TAGS, "", "00");
	is(TAGS, "a", "02026100");
	is(TAGS, "a;bc;", "060261046263" "0000");
	is("[\"null\"," TAGS "]", "", "00");
	is("[\"null\"," TAGS "]", "a", "0202026100");
	is("\"null\"", "", "s: field f: a type that text cannot be: null");
	is("{\"type\":\"map\",\"values\":\"int\"}", "", "s: field f: a type that text cannot be: map");
	is("[\"int\",\"string\"]", "", "s: field f: a union that text cannot be");
	is("[\"null\",\"int\",\"string\"]", "", "s: field f: a type that text cannot be: union");
}

/* A field without a column, of a type, with a default or none (""). */
static void
absent(const char *type, const char *fallback, const char *want)
{
	struct vf_buf text = { 0 }, out = { 0 };
	const bool present[] = { false, true };
	struct vf_slice v[2] = { { NULL, 0 }, VF_SLICE("x") };
	char hex[200];
	struct vf_schema *s;
	struct vf_encode *e;
	struct vf_walk *w;
	size_t field;

	vf_buf_addf(&text, RECORD("{\"name\":\"f\",\"type\":%s%s%s}," FIELD("g", "\"string\"")), type, *fallback != '\0' ? ",\"default\":" : "",
		fallback);
	s = vf_schema_parse(vf_buf_slice(&text), "s", &err);
	e = s != NULL ? vf_encode_new(s, present, "s", &err) : NULL;
	if (e == NULL) {
		ok(strcmp(err.text, want) == 0, "%s: %s: %s", type, fallback, err.text);
	} else {
		w = vf_walk_new(s, &err);
		ok(vf_encode_put(e, v, &out, &field) == 0 && vf_walk_block(w, 1, vf_buf_slice(&out), &err) == 0, "a whole record");
		vf_hex_put(hex, (unsigned char *)out.p, out.n - 2);
		ok(strcmp(hex, want) == 0, "%s: default %s is %s", type, fallback, hex);
		vf_walk_free(w);
	}
	vf_encode_free(e);
	vf_schema_free(s);
	vf_buf_free(&text);
	vf_buf_free(&out);
}

/* A record that does not fit leaves what was before it, however far it had come. */
static void
test_nothing_left(void)
{
	static const char schema[] = RECORD(FIELD("a", "\"string\"") "," FIELD("b", TAGS) "," FIELD("c", "\"int\""));
	const bool present[] = { true, true, true };
	struct vf_schema *s = vf_schema_parse(vf_slice_str(schema), "s", &err);
	struct vf_encode *e = s != NULL ? vf_encode_new(s, present, "s", &err) : NULL;
	struct vf_buf out = { .max = 100000 };
	char text[70000];
	struct vf_slice v[3] = { VF_SLICE(""), VF_SLICE(""), VF_SLICE("x") };
	size_t field = 9;
	bool kept = true;

	if (e == NULL)
		bail_out(err.text);
	memset(text, ';', sizeof text);
	vf_buf_add_str(&out, "before");
	for (size_t n = 0; n < 10000; n += 97) {
		v[0] = v[1] = vf_slice(text, n);
		kept = kept && vf_encode_put(e, v, &out, &field) == 1 && field == 2 && vf_slice_is(vf_buf_slice(&out), "before");
	}
	ok(kept, "what is appended before a field that does not fit is taken back");
	v[0] = v[1] = vf_slice(text, sizeof text);
	v[2] = (struct vf_slice)VF_SLICE(" 1 ");
	ok(vf_encode_put(e, v, &out, &field) == -1 && vf_slice_is(vf_buf_slice(&out), "before"), "and before the buffer is full");
	vf_buf_clear(&out);
	v[0] = v[1] = vf_slice(text, 20000);
	ok(vf_encode_put(e, v, &out, &field) == 0 && out.n == 3 + 20000 + 3 + 20001 + 1 + 1, "after which it takes what has room");
	vf_buf_free(&out);
	vf_encode_free(e);
	vf_schema_free(s);
}

static void
test_defaults(void)
{
	absent("[\"null\",\"string\"]", "null", "00");
	absent("[\"null\",\"string\"]", "", "00");
	absent("[\"string\",\"null\"]", "", "02");
	absent("[\"string\",\"null\"]", "\"a\"", "000261");
	absent("[\"string\",\"null\"]", "null", "02");
	absent("\"string\"", "", "s: field f: no column, and no default");
	absent("\"string\"", "7", "s: field f: its default is not of its type");
	absent("\"string\"", "\"\"", "00");
	absent("\"int\"", "-2", "03");
	absent("\"int\"", "2147483648", "s: field f: its default is not of its type");
	absent("\"long\"", "2147483648", "8080808010");
	absent("\"double\"", "1", "000000000000f03f");
	absent("\"float\"", "0.5", "0000003f");
	absent("\"boolean\"", "true", "01");
	absent("\"bytes\"", "\"a\\u00ff\"", "0461ff");
	absent("\"bytes\"", "\"\\u0100\"", "s: field f: its default is not of its type");
	absent("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"\\u0001\\u0080\"", "0180");
	absent("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"a\"", "s: field f: its default is not of its type");
	absent(ENUM, "\"mid\"", "02");
	absent(ENUM, "\"none\"", "s: field f: its default is not of its type");
	absent(TAGS, "[]", "00");
	absent(TAGS, "[\"a\",\"b\"]", "040261026200");
	absent("{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", "02026b0200");
	absent("{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("a", "\"int\"") ",{\"name\":\"b\",\"type\":\"int\",\"default\":3}]}",
		"{\"a\":1}", "0206");
	absent("{\"type\":\"record\",\"name\":\"I\",\"fields\":[" FIELD("a", "\"int\"") "]}", "{}", "s: field f: its default is not of its type");
	absent("{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"a\",\"type\":[\"I\",\"null\"],\"default\":{}}]}", "{}",
		"s: field f: its default is not of its type");
	absent("\"null\"", "", "");
}

static const char all[] = RECORD(FIELD("s", "\"string\"") "," FIELD("os", "[\"null\",\"string\"]") "," FIELD("i", "\"int\"") ","
	FIELD("l", "[\"long\",\"null\"]") "," FIELD("f", "\"float\"") "," FIELD("d", "[\"null\",\"double\"]") "," FIELD("b", "\"boolean\"") ","
	FIELD("e", ENUM) "," FIELD("t", MILLIS) "," FIELD("tags", TAGS) "," FIELD("ot", "[\"null\"," TAGS "]") "," FIELD("y", "\"bytes\""));
enum { FIELDS = 12 };

/* A random value of the field, in the form that decoding gives. */
static void
random_value(struct vf_buf *b, int field)
{
	char text[VF_NUM_REAL];
	size_t n = tap_below(80);		/* each way in which short strings are moved, and a long one's */

	vf_buf_clear(b);
	if ((field == 1 || field == 3 || field == 5 || field == 10) && tap_below(3) == 0)
		return;
	switch (field) {
	case 2:
		vf_buf_addf(b, "%d", (int)(int32_t)tap_random());
		break;
	case 3:
		vf_buf_addf(b, "%" PRId64, (int64_t)tap_random() >> tap_below(64));
		break;
	case 4:
		vf_buf_add(b, text, vf_num_put_float(text, (float)(tap_below(1000000)) / 1000));
		break;
	case 5:
		vf_buf_add(b, text, vf_num_put_double(text, (double)tap_random() / (double)(1 + tap_random())));
		break;
	case 6:
		vf_buf_add_str(b, tap_below(2) == 0 ? "true" : "false");
		break;
	case 7:
		vf_buf_add_str(b, tap_below(2) == 0 ? "high" : "low");
		break;
	case 8:
		vf_buf_add(b, text, vf_date_put_ms(text, (int64_t)(tap_random() % 253402300800000u)));
		break;
	case 9:
	case 10:
		for (n = tap_below(5); n > 0; n--)
			vf_buf_addf(b, "t%d%s", (int)tap_below(1000), n > 1 ? ";" : "");
		break;
	default:
		n = tap_below(20) == 0 ? tap_below(3000) : n;
		while (n-- > 0)
			vf_buf_add_str(b, tap_below(10) == 0 ? "\xc3\xa9" : tap_below(2) == 0 ? "," : tap_below(2) == 0 ? "x" : "y");
	}
}

/* A short value, as it is read by who relies on its pad (which sanitizers would tell). */
static struct vf_slice
with_pad(struct vf_slice s, char pad[VF_DECODE_PAD])
{
	if (s.n >= VF_DECODE_PAD)
		return s;
	memcpy(pad, s.p, VF_DECODE_PAD);
	return vf_slice(pad, s.n);
}

static void
test_round_trip(void)
{
	struct vf_schema *s = vf_schema_parse(vf_slice_str(all), "s", &err);
	struct vf_buf values[FIELDS] = { { 0 } }, out = { 0 };
	struct vf_slice v[FIELDS], back[FIELDS];
	char pad[VF_DECODE_PAD];
	bool present[FIELDS];
	struct vf_encode *e;
	struct vf_decode *d;
	struct vf_walk *w;
	unsigned wrong = 0, broken = 0;
	size_t field, size;

	memset(present, true, sizeof present);
	e = s != NULL ? vf_encode_new(s, present, "s", &err) : NULL;
	d = s != NULL ? vf_decode_new(s, "s", &err) : NULL;
	w = s != NULL ? vf_walk_new(s, &err) : NULL;
	if (e == NULL || d == NULL || w == NULL)
		bail_out(err.text);
	for (int round = 0; round < 20000; round++) {
		for (int i = 0; i < FIELDS; i++) {
			random_value(&values[i], i);
			v[i] = vf_buf_slice(&values[i]);
		}
		vf_buf_free(&out);		/* all its room is made anew, and nothing is behind it */
		if (vf_encode_put(e, v, &out, &field) != 0)
			bail_out("does not fit");
		out.p = realloc(out.p, out.n);
		out.size = out.n;
		if (vf_walk_block(w, 1, vf_buf_slice(&out), &err) < 0 ||
			vf_decode_next(d, vf_buf_slice(&out), back, &size, &field, &err) != 0 || size != out.n) {
			wrong++;
			continue;
		}
		for (int i = 0; i < FIELDS; i++)
			wrong += !vf_slice_eq(v[i], with_pad(back[i], pad));
		/* A changed byte: decoding stays inside and agrees with the walk about what is no record at all. */
		out.p[tap_below(out.n)] ^= (char)(1 << tap_below(8));
		if (vf_decode_next(d, vf_buf_slice(&out), back, &size, &field, &err) < 0)
			broken += vf_walk_block(w, 1, vf_buf_slice(&out), &err) == 0;
	}
	ok(wrong == 0, "20,000 records are the same after both ways");
	ok(broken == 0, "what cannot be decoded is refused by the walk");
	for (int i = 0; i < FIELDS; i++)
		vf_buf_free(&values[i]);
	vf_buf_free(&out);
	vf_encode_free(e);
	vf_decode_free(d);
	vf_walk_free(w);
	vf_schema_free(s);
}

/* One field's bytes decoded: its text, or "unfit", or the error. */
static void
text_is(const char *type, const char *hex, const char *want)
{
	struct vf_buf text = { 0 };
	unsigned char bytes[100];
	struct vf_schema *s;
	struct vf_decode *d;
	struct vf_slice v = { NULL, 0 };
	size_t size, field, n = strlen(hex) / 2;
	char got[100] = "";
	int rc;

	vf_buf_addf(&text, RECORD("{\"name\":\"f\",\"type\":%s}"), type);
	s = vf_schema_parse(vf_buf_slice(&text), "s", &err);
	d = s != NULL ? vf_decode_new(s, "s", &err) : NULL;
	strcpy(got, d == NULL ? err.text : "");
	if (d != NULL && vf_hex_get(vf_slice_str(hex), bytes, n)) {
		rc = vf_decode_next(d, vf_slice((const char *)bytes, n), &v, &size, &field, &err);
		snprintf(got, sizeof got, "%.*s", rc == 0 ? (int)v.n : 50, rc == 0 ? v.p : rc == 1 ? "unfit" : err.text);
	}
	ok(strcmp(got, want) == 0, "%s: %s is \"%s\"", type, hex, want);
	if (strcmp(got, want) != 0)
		note("got %s", got);
	vf_decode_free(d);
	vf_schema_free(s);
	vf_buf_free(&text);
}

static void
test_unfit(void)
{
	text_is("\"string\"", "0661" "2c09", "a,\t");
	text_is("\"string\"", "0861", "bytes that are no record");
	text_is("\"string\"", "01", "bytes that are no record");
	text_is("\"bytes\"", "02ff", "unfit");
	text_is("\"bytes\"", "04c3a9", "\xc3\xa9");
	text_is(TAGS, "040261" "023b" "00", "unfit");
	text_is(TAGS, "0402610000", "a;");
	text_is(TAGS, "0308026102620262", "bytes that are no record");
	text_is(TAGS, "0308026102620202630" "0", "a;b;c");
	text_is(TAGS, "020000", "");
	text_is(MILLIS, "feffffffffffffffff01", "unfit");
	text_is(MILLIS, "02", "1970-01-01T00:00:00.001Z");
	text_is("[\"null\",\"int\"]", "04", "bytes that are no record");
	text_is("[\"null\",\"int\"]", "00", "");
	text_is("\"boolean\"", "02", "bytes that are no record");
	text_is("\"double\"", "00", "bytes that are no record");
	text_is(ENUM, "06", "bytes that are no record");
	text_is("\"null\"", "", "");
	text_is("{\"type\":\"map\",\"values\":\"int\"}", "", "s: field f: a type that text cannot be: map");
}

int
main(void)
{
	tap_seed();
	test_values();
	test_nothing_left();
	test_defaults();
	test_round_trip();
	test_unfit();
	return done_testing();
}
