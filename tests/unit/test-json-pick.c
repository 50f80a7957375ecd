/* test-json-pick.c -- members of a line, what counts as one, and what jansson says about the same bytes. */
#include <jansson.h>

#include "base/json-pick.h"
#include "base/text.h"
#include "tap.h"

static const struct vf_slice names[] = { VF_SLICE("id"), VF_SLICE("n"), VF_SLICE("\xc3\xa9\xf0\x9f\x98\x80"), VF_SLICE("") };
#define NAMES 4

static bool
pick(const char *text, struct vf_json_value out[NAMES])
{
	return vf_json_pick(vf_slice_str(text), names, NAMES, out);
}

static bool
raw_is(const struct vf_json_value *v, enum vf_json_kind kind, const char *raw)
{
	return v->kind == kind && vf_slice_is(v->raw, raw);
}

static void
test_members(void)
{
	struct vf_json_value v[NAMES];
	struct vf_buf buf = { 0 };
	struct vf_slice text, second;

	ok(pick("{\"id\":\"x y\",\"n\":-1.5e+3}", v) && raw_is(&v[0], VF_JSON_STRING, "x y") &&
		raw_is(&v[1], VF_JSON_NUMBER, "-1.5e+3") && v[2].kind == VF_JSON_ABSENT, "a string and a number");
	ok(pick(" { \"n\" : null , \"id\" : true } ", v) && v[1].kind == VF_JSON_NULL && v[0].kind == VF_JSON_TRUE,
		"blanks are passed over");
	ok(pick("{\"n\":false,\"id\":{\"id\":[1,{\"n\":2}]},\"x\":0}", v) && v[1].kind == VF_JSON_FALSE &&
		raw_is(&v[0], VF_JSON_OBJECT, "{\"id\":[1,{\"n\":2}]}"), "an object is taken with its brackets");
	ok(pick("{\"id\":[],\"n\":[ {} , \"]\" ]}", v) && raw_is(&v[0], VF_JSON_ARRAY, "[]") &&
		raw_is(&v[1], VF_JSON_ARRAY, "[ {} , \"]\" ]"), "an array too");
	ok(pick("{\"a\":{\"id\":\"forged\"},\"b\":[{\"id\":1}],\"c\":\"\\\"id\\\":2\"}", v) && v[0].kind == VF_JSON_ABSENT,
		"a key further inside, or inside a text, never matches");
	ok(pick("{\"\\u0069d\":1}", v) && raw_is(&v[0], VF_JSON_NUMBER, "1"), "a key counts by what it means");
	ok(pick("{\"\\u00e9\\uD83D\\ude00\":1,\"\":2}", v) && raw_is(&v[2], VF_JSON_NUMBER, "1") &&
		raw_is(&v[3], VF_JSON_NUMBER, "2"), "beyond ASCII too, and the empty one");
	ok(pick("{\"i\":1,\"idd\":2,\"\\u0069\":3,\"id\\u0064\":4}", v) && v[0].kind == VF_JSON_ABSENT,
		"a longer or shorter key is another");
	ok(!pick("{\"id\":1,\"id\":1}", v) && !pick("{\"id\":1,\"\\u0069d\":2}", v) && !pick("{\"id\":{},\"id\":null}", v),
		"a wanted key twice is refused");
	ok(pick("{\"x\":1,\"x\":1}", v), "another key twice is not looked at");
	ok(pick("{\"id\":\"a\\n\\\"\\\\\\/\\b\\f\\r\\t\\u0041\\u20ac\\ud83d\\ude00z\",\"n\":\"\\u00e9\"}", v) &&
		vf_json_pick_text(&v[0], &buf, &text) == 1 &&
		vf_slice_is(text, "a\n\"\\/\b\f\r\tA\xe2\x82\xac\xf0\x9f\x98\x80z") &&
		vf_json_pick_text(&v[1], &buf, &second) == 1 && vf_slice_is(second, "\xc3\xa9"), "escapes are decoded");
	ok(pick("{\"id\":\"plain\"}", v) && vf_json_pick_text(&v[0], &buf, &text) == 1 && text.p == v[0].raw.p,
		"a text without escapes is not copied");
	ok(pick("{\"id\":1}", v) && vf_json_pick_text(&v[0], &buf, &text) == 0, "a number is no text");
	ok(pick("{}", v) && v[0].kind == VF_JSON_ABSENT, "an empty object");
	ok(vf_json_pick(vf_slice_str("{\"id\":1}"), NULL, 0, NULL), "nothing asked for: only judged");
	vf_buf_free(&buf);
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"", " ", "[]", "1", "\"x\"", "null", "{", "}", "{}}", "{} {}", "{}x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
		"{,}", "{a:1}", "{'a':1}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":+1}", "{\"a\":1e}", "{\"a\":1e+}",
		"{\"a\":-}", "{\"a\":tru}", "{\"a\":nul}", "{\"a\":True}", "{\"a\":NaN}", "{\"a\":1 2}", "{\"a\":[1}",
		"{\"a\":[1,]}", "{\"a\":{\"b\":1]}", "{\"a\":\"x}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u000g\"}",
		"{\"a\":\"\\u0000\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800x\"}", "{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\\udc00\"}", "{\"a\":\"\t\"}", "{\"a\":\"1234567\t\"}", "{\"a\":1}//", "{\"a\":/**/1}",
		"{\"a\":\"\\\"}", "{\"a\":\"x\"\"y\"}", "{\"a\" 1}", "{\"a\"::1}", "{1:1}", "{\"a\":0x1}", "\xef\xbb\xbf{}",
	};
	struct vf_json_value v[NAMES];
	char deep[VF_JSON_PICK_DEPTH * 2 + 16];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!pick(bad[i], v), "refused: %s", bad[i]);
	for (int depth = VF_JSON_PICK_DEPTH - 1; depth <= VF_JSON_PICK_DEPTH; depth++) {
		int n = snprintf(deep, sizeof deep, "{\"id\":");

		memset(deep + n, '[', (size_t)depth);
		memset(deep + n + depth, ']', (size_t)depth);
		strcpy(deep + n + 2 * depth, "}");
		ok(pick(deep, v) == (depth < VF_JSON_PICK_DEPTH), "%d brackets in an object", depth);
	}
}

/* Half of it JSON: from pieces that make sense in a row more often than not. */
static void
make(struct vf_buf *b)
{
	static const char *const pieces[] = {
		"{", "}", "[", "]", ":", ",", "\"id\"", "\"n\"", "\"\\u0069d\"", "\"\"", "1", "-0", "0.5e-3", "true", "false",
		"null", " ", "\"a\\\\\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"\xc3\xa9 long enough for words\"", "\"x", "\\",
		"\"\\u00e9\\ud83d\\ude00\"", "\t", "{\"id\":1}", "{\"n\":\"x\"}", "01", "1.", "\x01", "{}",
	};
	size_t n = 1 + tap_below(12);

	vf_buf_clear(b);
	if (tap_below(4) != 0) {
		/* An object of members, perhaps damaged in one place afterwards. */
		static const char *const values[] = { "1", "null", "\"x\\ny\"", "[1,{\"id\":2}]", "{\"n\":[]}", "-1e9", "\"\\u0041\"" };
		static const char *const keys[] = { "\"id\"", "\"n\"", "\"k\"", "\"\\u006e\"", "\"\"", "\"i d\"" };

		vf_buf_add_char(b, '{');
		for (size_t i = 0; i < n; i++) {
			if (i > 0)
				vf_buf_add_char(b, ',');
			vf_buf_add_str(b, keys[tap_below(6)]);
			vf_buf_add_str(b, tap_below(8) == 0 ? " : " : ":");
			vf_buf_add_str(b, values[tap_below(7)]);
		}
		vf_buf_add_char(b, '}');
		if (tap_below(2) == 0)
			b->p[tap_below(b->n)] = tap_below(2) == 0 ? (char)tap_below(128) : "\"\\{}[],:0e"[tap_below(10)];
		return;
	}
	while (n-- > 0)
		vf_buf_add_str(b, pieces[tap_below(sizeof pieces / sizeof pieces[0])]);
}

static int
count_key(json_t *doc, struct vf_slice name)
{
	return json_object_getn(doc, name.p, name.n) != NULL;
}

/* The value that was picked, read by jansson, is the value jansson found. */
static bool
same_value(const struct vf_json_value *v, json_t *theirs)
{
	struct vf_buf buf = { 0 };
	struct vf_slice text;
	json_t *ours;
	bool same;

	if (theirs == NULL)
		return v->kind == VF_JSON_ABSENT;
	if (v->kind == VF_JSON_STRING) {
		same = json_is_string(theirs) && vf_json_pick_text(v, &buf, &text) == 1 &&
			vf_slice_eq(text, vf_slice(json_string_value(theirs), json_string_length(theirs)));
		vf_buf_free(&buf);
		return same;
	}
	ours = json_loadb(v->raw.p, v->raw.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	same = ours != NULL && json_equal(ours, theirs);
	json_decref(ours);
	return same;
}

static void
test_against_jansson(void)
{
	struct vf_json_value v[NAMES];
	struct vf_buf b = { 0 };
	int wrong = 0, good = 0, twice = 0, rounds = 200000;
	json_error_t e;

	for (int round = 0; round < rounds && wrong < 5; round++) {
		bool ours, same = true;
		json_t *doc, *strict;

		make(&b);
		if (!vf_text_utf8(vf_buf_slice(&b)))
			continue;
		ours = vf_json_pick(vf_buf_slice(&b), names, NAMES, v);
		doc = json_loadb(b.p, b.n, JSON_DECODE_INT_AS_REAL, &e);
		strict = json_loadb(b.p, b.n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
		if (doc == NULL && json_error_code(&e) == json_error_numeric_overflow)
			continue;
		if (ours) {
			same = json_is_object(doc);
			for (int i = 0; i < NAMES && same; i++)
				same = same_value(&v[i], json_object_getn(doc, names[i].p, names[i].n));
			good++;
		} else if (json_is_object(doc)) {
			/* Refused though it is JSON: then a wanted key is there twice. */
			bool any = false;

			for (int i = 0; i < NAMES; i++)
				any = any || count_key(doc, names[i]);
			same = any && strict == NULL;
			twice++;
		}
		if (!same) {
			wrong++;
			note("differs: %.*s", (int)b.n, b.p);
		}
		json_decref(doc);
		json_decref(strict);
	}
	ok(wrong == 0 && good > rounds / 10 && twice > rounds / 100, "%d random texts: jansson agrees (%d good, %d with a key twice)",
		rounds, good, twice);
	vf_buf_free(&b);
}

int
main(void)
{
	tap_seed();
	test_members();
	test_refused();
	test_against_jansson();
	return done_testing();
}
