/*
 * test-phone.c -- fan/phone against the golden file of google-libphonenumber's
 * answers (tests/oracles/phones.mjs), and what it does with other metadata.
 *
 * test-phone [FILE ...]: only judges the lines of FILE, for larger comparisons.
 */
#include "fan/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

struct text {
	char *p;
	size_t n;
};

static struct text
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct text t = { malloc(1 << 27), 0 };

	if (f == NULL || t.p == NULL) {
		printf("Bail out! %s cannot be read\n", path);
		exit(1);
	}
	t.n = fread(t.p, 1, 1 << 27, f);
	fclose(f);
	t.p = realloc(t.p, t.n + 1);
	return t;
}

static struct text
read_source(const char *path)
{
	const char *top = getenv("VF_SRCDIR");
	char full[4096];

	snprintf(full, sizeof(full), "%s/%s", top == NULL ? "." : top, path);
	return read_file(full);
}

static struct vf_phone_book *
book_of(const char *text, struct vf_error *err)
{
	return vf_phone_book_new(vf_slice_str(text), "metadata", err);
}

/* ---- the golden file ---- */

enum { INPUT, HOME, VERDICT, E164, REGION, TYPE, FIELDS };
static const char *const verdicts[] = { "bad", "possible", "valid" };

/* Cuts a line at its tabs; NUL-ends the fields. */
static bool
split(char *line, char *fields[FIELDS])
{
	int i;

	for (i = 0; i < FIELDS; i++) {
		fields[i] = line;
		line = line == NULL ? NULL : strchr(line, '\t');
		if (line != NULL)
			*line++ = '\0';
	}
	return fields[TYPE] != NULL;
}

struct tally {
	size_t lines, of[3], wrong[FIELDS], unstable;
};

/* Notes a field that differs; the first few with their line. */
static void
expect(struct tally *t, int field, const char *got, char *const fields[FIELDS])
{
	if (strcmp(got, fields[field]) == 0)
		return;
	if (t->wrong[field]++ < 5)
		printf("# line %zu, `%s' in %s: %s, not %s\n", t->lines, fields[INPUT], fields[HOME], got, fields[field]);
}

static void
judge_line(struct vf_phone_book *book, char *line, struct tally *t)
{
	char *fields[FIELDS];
	struct vf_phone phone, again;
	enum vf_phone_verdict v;

	t->lines++;
	if (!split(line, fields)) {
		t->wrong[INPUT]++;
		return;
	}
	v = vf_phone_judge(book, vf_slice_str(fields[INPUT]), fields[HOME], &phone);
	t->of[v]++;
	expect(t, VERDICT, verdicts[v], fields);
	expect(t, E164, phone.e164, fields);
	expect(t, REGION, phone.region, fields);
	expect(t, TYPE, v == VF_PHONE_VALID ? vf_phone_type_names[phone.type] : "", fields);
	if (v != VF_PHONE_BAD
	    && (vf_phone_judge(book, vf_slice(phone.e164, phone.len), fields[HOME], &again) != v
		|| strcmp(again.e164, phone.e164) != 0 || strcmp(again.region, phone.region) != 0
		|| again.type != phone.type || phone.len != strlen(phone.e164))
	    && t->unstable++ < 5)
		printf("# line %zu, `%s' in %s: its E.164 form is judged differently\n", t->lines, fields[INPUT],
			fields[HOME]);
}

static struct tally
judge_text(struct vf_phone_book *book, struct text text)
{
	struct tally t = { 0 };
	char *p = text.p, *end;

	text.p[text.n] = '\0';
	for (; (end = strchr(p, '\n')) != NULL; p = end + 1) {
		*end = '\0';
		judge_line(book, p, &t);
	}
	return t;
}

static struct tally
test_golden(struct vf_phone_book *book, struct text text, const char *name)
{
	struct tally t = judge_text(book, text);

	printf("# %s: %zu numbers, %zu bad, %zu possible, %zu valid\n", name, t.lines, t.of[VF_PHONE_BAD],
		t.of[VF_PHONE_POSSIBLE], t.of[VF_PHONE_VALID]);
	ok(t.wrong[INPUT] == 0, "%s: every line has six fields", name);
	ok(t.wrong[VERDICT] == 0, "%s: verdicts agree (%zu differ)", name, t.wrong[VERDICT]);
	ok(t.wrong[E164] == 0, "%s: E.164 forms agree (%zu differ)", name, t.wrong[E164]);
	ok(t.wrong[REGION] == 0, "%s: regions agree (%zu differ)", name, t.wrong[REGION]);
	ok(t.wrong[TYPE] == 0, "%s: types agree (%zu differ)", name, t.wrong[TYPE]);
	ok(t.unstable == 0, "%s: an E.164 form is judged as itself (%zu are not)", name, t.unstable);
	free(text.p);
	return t;
}

static void
test_golden_file(struct vf_phone_book *book)
{
	struct tally t = test_golden(book, read_source("tests/data/phones.golden.tsv"), "golden");

	ok(t.lines >= 20000 && 3 * (t.of[VF_PHONE_BAD] + t.of[VF_PHONE_POSSIBLE]) >= t.lines,
		"the golden file has 20,000 numbers or more, a third of them not valid");
}

/* ---- the field and the default region ---- */

static void
test_field(struct vf_phone_book *book)
{
	struct vf_phone phone;
	char nul[] = "212555\0000123";

	ok(vf_phone_judge(book, vf_slice_str(" \t212-555-0123\t "), "US", &phone) == VF_PHONE_VALID,
		"blanks around a number do not count");
	ok(vf_phone_judge(book, vf_slice_str("212\t555\t0123"), "US", &phone) == VF_PHONE_BAD && phone.len == 0
		&& phone.e164[0] == '\0' && phone.region[0] == '\0' && phone.type == VF_PHONE_UNKNOWN,
		"a bad number leaves nothing of the number before it");
	ok(vf_phone_judge(book, vf_slice(nul, sizeof(nul) - 1), "US", &phone) == VF_PHONE_BAD, "a NUL is no number");
	ok(vf_phone_judge(book, vf_slice("\xc2", 1), "US", &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice("212555012\xef\xbc", 11), "US", &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice("212555\xe2\x28\xa1", 9), "US", &phone) == VF_PHONE_BAD,
		"torn and broken UTF-8 is bad, not read beyond");
	ok(vf_phone_judge(book, vf_slice_str("+12125550123"), NULL, &phone) == VF_PHONE_VALID
		&& vf_phone_judge(book, vf_slice_str("2125550123"), NULL, &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice_str("2125550123"), "us", &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice_str("2125550123"), "001", &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice_str("2125550123"), "U", &phone) == VF_PHONE_BAD,
		"without a default region only numbers with a plus sign are numbers");
	ok(vf_phone_region_ok(book, "US") && vf_phone_region_ok(book, "GB") && !vf_phone_region_ok(book, "ZZ")
		&& !vf_phone_region_ok(book, "us") && !vf_phone_region_ok(book, "USA") && !vf_phone_region_ok(book, "")
		&& !vf_phone_region_ok(book, "001") && !vf_phone_region_ok(book, NULL),
		"a default region is two capital letters of the metadata");
	ok(strncmp(vf_phone_book_version(book), "9.", 2) == 0, "the version of the metadata is known");
	ok(!vf_phone_takes_sms(VF_PHONE_TOLL_FREE) && !vf_phone_takes_sms(VF_PHONE_PREMIUM_RATE)
		&& vf_phone_takes_sms(VF_PHONE_MOBILE) && vf_phone_takes_sms(VF_PHONE_FIXED_LINE_OR_MOBILE),
		"toll-free and premium-rate numbers take no SMS");
}

/* ---- other metadata ---- */

#define HEAD "vf-phone-metadata 1\nversion 1.2\n"
#define BODY "code 1\nregion US\nlengths 10\ngeneral \\d{10}\n"

static const struct {
	const char *text, *error;
} broken[] = {
	{ "", "metadata:1: no region at the end" },
	{ "vf-phone-metadata 2\n", "metadata:1: not `vf-phone-metadata 1'" },
	{ "vf-phone-metadata 1\n", "metadata:1: no region at the end" },
	{ "vf-phone-metadata 1\ncode 1\n", "metadata:2: not a version" },
	{ "vf-phone-metadata 1\nversion 1;2\n", "metadata:2: not a version" },
	{ "vf-phone-metadata 1\nversion 111111111111111111111111111111111\n", "metadata:2: not a version" },
	{ HEAD, "metadata:2: no region at the end" },
	{ HEAD "region US\n", "metadata:3: a region before the first code" },
	{ HEAD "lengths 10\n", "metadata:3: not below a region" },
	{ HEAD "code 1\nlengths 10\n", "metadata:4: not below a region" },
	{ HEAD "code 1\n", "metadata:3: no region at the end" },
	{ HEAD "code 1\ncode 2\n", "metadata:4: the code before this line has no region" },
	{ HEAD "code 0\n", "metadata:3: not a calling code, or there twice" },
	{ HEAD "code 01\n", "metadata:3: not a calling code, or there twice" },
	{ HEAD "code 1000\n", "metadata:3: not a calling code, or there twice" },
	{ HEAD "code x\n", "metadata:3: not a calling code, or there twice" },
	{ HEAD "code\n", "metadata:3: not a calling code, or there twice" },
	{ HEAD BODY "code 1\n", "metadata:7: not a calling code, or there twice" },
	{ HEAD BODY "region US\n", "metadata:7: not a region, or there twice" },
	{ HEAD BODY "region usa\n", "metadata:7: not a region, or there twice" },
	{ HEAD BODY "region\n", "metadata:7: not a region, or there twice" },
	{ HEAD "code 1\nregion US\nlengths 10\n",
		"metadata:5: the region before this line has no lengths or no general pattern" },
	{ HEAD "code 1\nregion US\ngeneral 1\nregion CA\n",
		"metadata:6: the region before this line has no lengths or no general pattern" },
	{ HEAD BODY "colour blue\n", "metadata:7: an unknown key" },
	{ HEAD BODY "unknown 10 1\n", "metadata:7: an unknown key" },
	{ HEAD BODY "fixed-line-or-mobile 10 1\n", "metadata:7: an unknown key" },
	{ HEAD BODY "lengths 10\n", "metadata:7: there twice" },
	{ HEAD BODY "mobile\n", "metadata:7: not a list of lengths from 2 to 17" },
	{ HEAD BODY "mobile 1 1\n", "metadata:7: not a list of lengths from 2 to 17" },
	{ HEAD BODY "mobile 18 1\n", "metadata:7: not a list of lengths from 2 to 17" },
	{ HEAD BODY "mobile 10,,9 1\n", "metadata:7: not a list of lengths from 2 to 17" },
	{ HEAD BODY "mobile 99999999999999999999 1\n", "metadata:7: not a list of lengths from 2 to 17" },
	{ HEAD BODY "mobile 10\n", "metadata:7: an empty pattern" },
	{ HEAD BODY "mobile 10 (1\n", "metadata:7: an unclosed bracket" },
	{ HEAD BODY "mobile 10 1)\n", "metadata:7: an unclosed bracket" },
	{ HEAD BODY "mobile 10 [1\n", "metadata:7: an unclosed bracket" },
	{ HEAD BODY "mobile 10 1\\\n", "metadata:7: an unclosed bracket" },
	{ HEAD BODY "mobile 10 []\n", "metadata:7: not in the language of patterns" },
	{ HEAD BODY "mobile 10 [3-1]\n", "metadata:7: not in the language of patterns" },
	{ HEAD BODY "mobile 10 [1-]\n", "metadata:7: not in the language of patterns" },
	{ HEAD BODY "mobile 10 \\w\n", "metadata:7: not in the language of patterns" },
	{ HEAD BODY "mobile 10 1*\n", "metadata:7: not in the language of patterns" },
	{ HEAD BODY "mobile 10 1$\n", "metadata:7: not in the language of patterns" },
	{ HEAD BODY "mobile 10 1||2\n", "metadata:7: an empty alternative" },
	{ HEAD BODY "mobile 10 ()\n", "metadata:7: an empty alternative" },
	{ HEAD BODY "mobile 10 1{2\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 1{}\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 1{0}\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 1{3,2}\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 1{41}\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 1{1,2,3}\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 1{9999999999999999999999}\n", "metadata:7: a bad repetition" },
	{ HEAD BODY "mobile 10 (((1{40}){40}){40}){40}\n", "metadata:7: patterns too large" },
	{ HEAD BODY "mobile 10 ((((((((((((((((((((((((((1))))))))))))))))))))))))))\n",
		"metadata:7: groups nested too deep" },
	{ HEAD BODY "prefix (1)(1)(1)(1)(1)(1)(1)(1)(1)(1)\n", "metadata:7: too many groups" },
	{ HEAD BODY "prefix (1){12}\n", "metadata:7: too many groups" },
	{ HEAD BODY "rule 9$1\n", "metadata:7: not a rule of at most 12 digits and a group of the prefix before it" },
	{ HEAD BODY "prefix (1)\nrule 9$2\n",
		"metadata:8: not a rule of at most 12 digits and a group of the prefix before it" },
	{ HEAD BODY "prefix (1)\nrule 9$0\n",
		"metadata:8: not a rule of at most 12 digits and a group of the prefix before it" },
	{ HEAD BODY "prefix (1)\nrule 1234567890123$1\n",
		"metadata:8: not a rule of at most 12 digits and a group of the prefix before it" },
	{ HEAD BODY "prefix (1)\nrule 9-$1\n",
		"metadata:8: not a rule of at most 12 digits and a group of the prefix before it" },
	{ HEAD BODY "national a\n", "metadata:7: not a number" },
};

static void
test_broken(void)
{
	size_t i;

	for (i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct vf_error err = { 0 };
		struct vf_phone_book *book = book_of(broken[i].text, &err);

		ok(book == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, broken[i].error) == 0,
			"broken metadata is refused: %s", broken[i].error);
		if (book == NULL && strcmp(err.text, broken[i].error) != 0)
			printf("# %s\n", err.text);
		vf_phone_book_free(book);
	}
}

/* A text cut anywhere is refused, or is the metadata of fewer regions; never worse. */
static void
test_cut(struct text text)
{
	struct vf_phone phone;
	struct vf_error err;
	size_t n, refused = 0, read = 0;

	for (n = 0; n < text.n; n += n < 1500 ? 7 : 4999) {
		char *copy = malloc(n + 1);
		struct vf_phone_book *book;

		memcpy(copy, text.p, n);
		book = vf_phone_book_new(vf_slice(copy, n), "metadata", &err);
		free(copy);
		refused += book == NULL;
		if (book != NULL) {
			read++;
			vf_phone_judge(book, vf_slice_str("2125550123"), "US", &phone);
		}
		vf_phone_book_free(book);
	}
	ok(refused > 0 && read > 0, "metadata cut at any place is read or refused (%zu, %zu)", read, refused);
}

static enum vf_phone_type
type_in(const char *patterns, const char *number)
{
	char text[2048];
	struct vf_error err = { 0 };
	struct vf_phone_book *book;
	struct vf_phone phone;

	snprintf(text, sizeof(text), HEAD "code 1\nregion US\nlengths 9,10\ngeneral \\d{9,11}\n%s", patterns);
	book = book_of(text, &err);
	if (book == NULL)
		return VF_PHONE_TYPES;
	vf_phone_judge(book, vf_slice_str(number), "US", &phone);
	vf_phone_book_free(book);
	return phone.type;
}

/* The order of asking: each type is found among all that come after it. */
static void
test_type_order(void)
{
	static const enum vf_phone_type order[] = { VF_PHONE_PREMIUM_RATE, VF_PHONE_TOLL_FREE, VF_PHONE_SHARED_COST,
		VF_PHONE_VOIP, VF_PHONE_PERSONAL_NUMBER, VF_PHONE_PAGER, VF_PHONE_UAN, VF_PHONE_VOICEMAIL,
		VF_PHONE_FIXED_LINE };
	char patterns[1024];
	size_t i, k, wrong = 0;

	for (i = 0; i < sizeof(order) / sizeof(*order); i++) {
		patterns[0] = '\0';
		for (k = i; k < sizeof(order) / sizeof(*order); k++) {
			strcat(patterns, vf_phone_type_names[order[k]]);
			strcat(patterns, " 10 \\d{10}\n");
		}
		wrong += type_in(patterns, "2125550123") != order[i];
	}
	ok(wrong == 0, "of several types the first in libphonenumber's order counts (%zu wrong)", wrong);
	ok(type_in("fixed-line 10 2\\d{9}\nmobile 10 \\d{10}\n", "2125550123") == VF_PHONE_FIXED_LINE_OR_MOBILE
		&& type_in("fixed-line 10 2\\d{9}\nmobile 10 \\d{10}\n", "3125550123") == VF_PHONE_MOBILE,
		"a number that is both fixed-line and mobile is fixed-line-or-mobile");
	ok(type_in("mobile 9 \\d{9,10}\n", "212555012") == VF_PHONE_MOBILE
		&& type_in("mobile 9 \\d{9,10}\n", "2125550123") == VF_PHONE_UNKNOWN
		&& type_in("mobile 9,10,11 \\d{9,11}\n", "21255501234") == VF_PHONE_UNKNOWN,
		"a type's and the region's lengths count, not only the patterns");
}

/* Types by the seventh digit from the end: the states, which must remember seven digits, fill the tables. */
static void
test_full_tables(void)
{
	static const char text[] = HEAD "code 1\nregion US\nlengths 8,9,10,11,12,13,14\ngeneral \\d{8,14}\n"
		"mobile 8,9,10,11,12,13,14 \\d{1,7}1\\d{6}\nvoip 8,9,10,11,12,13,14 \\d{1,7}2\\d{6}\n"
		"pager 8,9,10,11,12,13,14 \\d{1,7}3\\d{6}\nuan 8,9,10,11,12,13,14 \\d{1,7}4\\d{6}\n";
	static const enum vf_phone_type types[] = { VF_PHONE_UNKNOWN, VF_PHONE_MOBILE, VF_PHONE_VOIP, VF_PHONE_PAGER,
		VF_PHONE_UAN };
	struct vf_error err = { 0 };
	struct vf_phone_book *book = book_of(text, &err);
	unsigned seed = (unsigned)time(NULL);
	size_t i, wrong = 0;

	printf("# seed %u\n", seed);
	srand(seed);
	for (i = 0; book != NULL && i < 200000; i++) {
		char number[17] = "+1";
		size_t n = 8 + (size_t)rand() % 7, k;
		struct vf_phone phone;
		enum vf_phone_type type;

		for (k = 0; k < n; k++)
			number[2 + k] = (char)('0' + rand() % 5);
		type = types[number[2 + n - 7] - '0'];
		vf_phone_judge(book, vf_slice(number, n + 2), NULL, &phone);
		wrong += phone.type != type || strncmp(phone.e164, number, n + 2) != 0;
	}
	ok(book != NULL && wrong == 0, "numbers are judged right when the tables fill up again and again (%zu wrong)",
		wrong);
	vf_phone_book_free(book);
}

/* A rule that makes numbers longer each time must come to an end. */
static void
test_growing_rule(void)
{
	static const char text[] = HEAD "code 1\nregion US\nprefix (1?)(\\d)\nrule 123456789012$2\nlengths 2\n"
		"general 55\n";
	struct vf_error err = { 0 };
	struct vf_phone_book *book = book_of(text, &err);
	struct vf_phone phone;
	char digits[49];

	memset(digits, '1', 48);
	digits[48] = '\0';
	ok(book != NULL && vf_phone_judge(book, vf_slice_str(digits), "US", &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice_str("+1112"), "US", &phone) == VF_PHONE_BAD
		&& vf_phone_judge(book, vf_slice_str("555"), "US", &phone) == VF_PHONE_BAD,
		"a rule that only makes numbers longer ends");
	vf_phone_book_free(book);
}

int
main(int argc, char **argv)
{
	struct text metadata = read_source("data/phone-metadata.txt");
	struct vf_error err = { 0 };
	struct vf_phone_book *book = vf_phone_book_new(vf_slice(metadata.p, metadata.n), "phone-metadata.txt", &err);
	int i;

	ok(book != NULL, "the installed metadata is read%s%s", book == NULL ? ": " : "", err.text);
	for (i = 1; book != NULL && i < argc; i++)
		test_golden(book, read_file(argv[i]), argv[i]);
	if (book != NULL && argc == 1) {
		test_golden_file(book);
		test_field(book);
		test_broken();
		test_cut(metadata);
		test_type_order();
		test_full_tables();
		test_growing_rule();
	}
	vf_phone_book_free(book);
	free(metadata.p);
	return done_testing();
}
