/* test-ledger.c -- what a ledger may say, what contradicts it, and who may get which code. */
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "fan/ledger.h"
#include "tap.h"

#define H VF_LEDGER_HEADER "\n"
#define TAIL ",generated,c1,w1,2026-12-01T10:00:00Z\n"

static struct vf_error err;

/* Loads a text in pieces of `step` bytes, as a tool does. NULL when it was refused. */
static struct vf_ledger *
load(const char *text, size_t step)
{
	struct vf_ledger *l = vf_ledger_new("led.csv", vf_slice_str("c1"), 0, &err);
	size_t n = strlen(text), at = 0, have = 0, used;

	err = (struct vf_error){ 0 };
	while (l != NULL && have < n) {
		have = have + step < n ? have + step : n;
		if (vf_ledger_load(l, vf_slice(text + at, have - at), &used, &err) < 0) {
			vf_ledger_free(l);
			return NULL;
		}
		at += used;
	}
	return l;
}

static void
is_good(const char *what, const char *text, uint64_t lines)
{
	for (size_t step = 1; step < 10000; step *= 13) {
		struct vf_ledger *l = load(text, step);

		ok(l != NULL && vf_ledger_lines(l) == lines && vf_ledger_size(l) == strlen(text), "%s, %zu bytes at a time: %s",
			what, step, err.text);
		vf_ledger_free(l);
	}
}

static void
is_bad(const char *what, const char *text, const char *message)
{
	for (size_t step = 1; step < 10000; step *= 13) {
		struct vf_ledger *l = load(text, step);

		ok(l == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, message) == 0, "%s, %zu bytes at a time: %s", what,
			step, err.text);
		vf_ledger_free(l);
	}
}

static void
test_lines(void)
{
	is_good("a header alone", H, 0);
	is_good("two fans", H "f1,A1" TAIL "f2,A2" TAIL, 2);
	is_good("quoted fields", H "\"f1\",\"A1\",\"generated\",\"c1\",\"w,\"\"1\"\"\",\"2026-12-01T10:00:00Z\"\n", 1);
	is_good("a placeholder for many", H "f1,TM,TM,c1,w1,2026-12-01T10:00:00Z\nf2,TM,TM,c1,,2026-12-01T10:00:00+01:00\n", 2);
	is_good("a refused code and another", H "f1,A1" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\nf1,A2" TAIL, 3);
	is_good("refused twice", H "f1,A1" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\nf1,A2" TAIL
		"f1,A2,void,c1,w1,2026-12-02T10:00:00Z\n", 4);
	is_good("a refused placeholder", H "f1,TM,TM,c1,w1,2026-12-01T10:00:00Z\nf1,TM,void,c1,w1,2026-12-02T10:00:00Z\nf1,A2"
		TAIL, 3);

	is_bad("another header", "globalUserId,code\nf1,A1\n", "led.csv:1: not a ledger: the header is not " VF_LEDGER_HEADER);
	is_bad("CRLF", VF_LEDGER_HEADER "\r\n", "led.csv:1: not a ledger: the header is not " VF_LEDGER_HEADER);
	is_bad("a code for two fans", H "f1,A1" TAIL "f2,A1" TAIL, "led.csv:3: this code stands in an earlier line");
	is_bad("a line twice", H "f1,A1" TAIL "f1,A1" TAIL, "led.csv:3: this code stands in an earlier line");
	is_bad("a fan with two codes", H "f1,A1" TAIL "f2,A2" TAIL "f1,A3" TAIL, "led.csv:4: this fan has a code by an earlier line");
	is_bad("a code and a placeholder", H "f1,A1" TAIL "f1,TM,TM,c1,w1,2026-12-01T10:00:00Z\n",
		"led.csv:3: this fan has a code by an earlier line");
	is_bad("two placeholders", H "f1,TM,TM,c1,w1,2026-12-01T10:00:00Z\nf1,TM,TM,c1,w1,2026-12-01T10:00:00Z\n",
		"led.csv:3: this fan has a code by an earlier line");
	is_bad("a refused code given again", H "f1,A1" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\nf1,A1" TAIL,
		"led.csv:4: this code stands in an earlier line");
	is_bad("a refused code for another fan", H "f1,A1" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\nf2,A1" TAIL,
		"led.csv:4: this code stands in an earlier line");
	is_bad("two codes after a refusal", H "f1,A1" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\nf1,A2" TAIL "f1,A3" TAIL,
		"led.csv:5: this fan has a code by an earlier line");
	is_bad("void of another's code", H "f1,A1" TAIL "f2,A2" TAIL "f1,A2,void,c1,w1,2026-12-02T10:00:00Z\n",
		"led.csv:4: void, but this is not the code that the fan has");
	is_bad("void twice", H "f1,A1" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\nf1,A1,void,c1,w1,2026-12-02T10:00:00Z\n",
		"led.csv:4: void, but this is not the code that the fan has");
	is_bad("void of nothing", H "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\n",
		"led.csv:2: void, but this is not the code that the fan has");
	is_bad("void of a placeholder that is none", H "f1,A1" TAIL "f1,TM,void,c1,w1,2026-12-02T10:00:00Z\n",
		"led.csv:3: void, but this is not the code that the fan has");
	is_bad("another campaign", H "f1,A1" TAIL "f2,A2,generated,c2,w1,2026-12-01T10:00:00Z\n",
		"led.csv:3: belongs to another campaign");
	is_bad("no campaign", H "f2,A2,generated,,w1,2026-12-01T10:00:00Z\n", "led.csv:2: belongs to another campaign");
	is_bad("an unknown type", H "f1,A1,Generated,c1,w1,2026-12-01T10:00:00Z\n",
		"led.csv:2: codeType is none of generated, external, TM, void");
	is_bad("TM as a code", H "f1,TM" TAIL, "led.csv:2: codeType TM and the placeholder TM go together");
	is_bad("a code of type TM", H "f1,A1,TM,c1,w1,2026-12-01T10:00:00Z\n",
		"led.csv:2: codeType TM and the placeholder TM go together");
	is_bad("no date", H "f1,A1,generated,c1,w1,yesterday\n", "led.csv:2: assignedAt is not a date");
	is_bad("29 February 2027", H "f1,A1,generated,c1,w1,2027-02-29T00:00:00Z\n", "led.csv:2: assignedAt is not a date");
	is_bad("five fields", H "f1,A1,generated,c1,2026-12-01T10:00:00Z\n", "led.csv:2: not six fields");
	is_bad("seven fields", H "f1,A1,generated,c1,w1,2026-12-01T10:00:00Z,\n", "led.csv:2: not six fields");
	is_bad("an empty line", H "\n", "led.csv:2: not six fields");
	is_bad("an open quote", H "\"f1,A1" TAIL, "led.csv:2: a quoted field is not well formed");
	is_bad("text after a quote", H "\"f1\"x,A1" TAIL, "led.csv:2: a quoted field is not well formed");
	is_bad("no fan", H ",A1" TAIL, "led.csv:2: not a valid globalUserId");
	is_bad("no code", H "f1," TAIL, "led.csv:2: not a code");
	is_bad("a CR at the end", H "f1,A1,generated,c1,w1,2026-12-01T10:00:00Z\r\n", "led.csv:2: assignedAt is not a date");
	is_bad("the first of two faults", H "f1,A1" TAIL "f2,A1" TAIL "f3,A3" TAIL "nonsense\n",
		"led.csv:3: this code stands in an earlier line");
}

static void
test_long(void)
{
	size_t n = VF_LEDGER_LINE_MAX + 1;
	char *text = malloc(sizeof(H) + n + 1);
	struct vf_ledger *l;
	size_t used;

	strcpy(text, H);
	memset(text + sizeof(H) - 1, 'x', n);
	text[sizeof(H) - 1 + n] = '\0';
	is_bad("a line without end", text, "led.csv:2: too long for a ledger line");
	l = vf_ledger_new("led.csv", vf_slice_str("c1"), 0, &err);
	text[sizeof(H) - 2 + n] = '\0';
	ok(vf_ledger_load(l, vf_slice_str(text), &used, &err) == 0 && used == sizeof(H) - 1, "the longest that may yet end is waited for");
	vf_ledger_free(l);
	free(text);
}

static void
test_put(void)
{
	struct vf_ledger_line l = { VF_SLICE("f1"), VF_SLICE("A1"), VF_SLICE("external"), VF_SLICE("c,\"1\""), VF_SLICE("w 1"),
		VF_SLICE("2026-12-01T10:00:00Z") }, back;
	struct vf_buf b = { 0 }, scratch = { 0 };

	ok(vf_ledger_put(&b, &l) == 0 && vf_slice_is(vf_buf_slice(&b), "f1,A1,external,\"c,\"\"1\"\"\",w 1,2026-12-01T10:00:00Z\n"),
		"a line is quoted where it must be");
	ok(vf_ledger_parse(vf_slice(b.p, b.n - 1), &back, &scratch) == NULL && vf_slice_eq(back.campaign, l.campaign) &&
		vf_slice_eq(back.fan, l.fan) && vf_slice_eq(back.at, l.at), "and reads back the same");
	ok(vf_ledger_id_ok(vf_slice_str("2027 \xc3\xa9, \"w\"")) && vf_ledger_id_ok(vf_slice_str("")), "ids that can stand in a line");
	ok(!vf_ledger_id_ok(vf_slice_str("a\nb")) && !vf_ledger_id_ok(vf_slice("a\0b", 3)), "and ids that cannot");
	vf_buf_free(&b);
	vf_buf_free(&scratch);
}

static struct vf_ledger_ask
ask(const char *fan)
{
	return (struct vf_ledger_ask){ .fan = vf_slice_str(fan) };
}

static void
test_asks(void)
{
	struct vf_ledger *l = load(H "f1,A1" TAIL "f2,A2" TAIL "f2,A2,void,c1,w1,2026-12-02T10:00:00Z\n", 4096);
	struct vf_ledger_ask a[] = { ask("f3"), ask("f1"), ask("f2"), ask("f3"), ask("f2"), ask("f4"), ask("f4") };
	struct vf_slice codes[] = { VF_SLICE("A2"), VF_SLICE("A3"), VF_SLICE("A3"), VF_SLICE("A4") };
	unsigned char fresh[4];
	uint64_t size = vf_ledger_size(l);

	ok(vf_ledger_take(l, codes, 4, fresh, &err) == 0 && !fresh[0] && fresh[1] && !fresh[2] && fresh[3],
		"a refused code is used; a code twice is fresh once");
	ok(vf_ledger_ask(l, a, 7, &err) == 0, "seven records ask");
	ok(a[0].standing == VF_LEDGER_NONE, "a new fan has none");
	ok(a[1].standing == VF_LEDGER_HELD && a[1].where == sizeof(H) - 1, "a fan of the ledger has the code of his line");
	ok(a[2].standing == VF_LEDGER_NONE, "a fan whose code was refused may get another");
	ok(a[3].standing == VF_LEDGER_SAME && a[3].where == 0, "the same new fan again");
	ok(a[4].standing == VF_LEDGER_SAME && a[4].where == 2, "the same refused fan again");
	ok(a[5].standing == VF_LEDGER_NONE && a[6].standing == VF_LEDGER_SAME && a[6].where == 5, "and another one");
	vf_ledger_give(l, &a[0], codes[1], 40);
	vf_ledger_give(l, &a[2], codes[3], 50);
	vf_ledger_leave(l, &a[5]);
	ok(vf_ledger_size(l) == size + 90 && vf_ledger_lines(l) == 5, "the ledger grew by two lines");
	ok(vf_ledger_ask(l, a, 7, &err) == 0, "they ask again");
	ok(a[0].standing == VF_LEDGER_HELD && a[0].where == size && a[3].standing == VF_LEDGER_HELD && a[3].where == size,
		"the new fan has his line");
	ok(a[2].standing == VF_LEDGER_HELD && a[2].where == size + 40, "so has the one whose code was refused");
	ok(a[5].standing == VF_LEDGER_NONE && a[6].standing == VF_LEDGER_SAME, "who got none may still get one");
	vf_ledger_free(l);
}

/* Random runs of many records in groups of all sizes, against a plain table of who has what. */
static void
test_random(unsigned seed)
{
	enum { FANS = 500, ROUNDS = 200 };
	static uint64_t line_of[FANS];
	static char names[FANS][8];
	static struct vf_ledger_ask a[2000];
	struct vf_ledger *l = load(H, 4096);
	unsigned code = 0, wrong = 0;

	srand(seed);
	memset(line_of, 0, sizeof(line_of));
	for (int i = 0; i < FANS; i++)
		snprintf(names[i], sizeof(names[i]), "f%d", i);
	for (int round = 0; round < ROUNDS; round++) {
		static int who[2000], first[FANS];
		size_t n = (size_t)(rand() % (round % 10 == 0 ? 2000 : 40)) + 1;

		for (size_t i = 0; i < n; i++) {
			who[i] = rand() % FANS;
			a[i] = ask(names[who[i]]);
		}
		if (vf_ledger_ask(l, a, n, &err) < 0)
			wrong++;
		memset(first, -1, sizeof(first));
		for (size_t i = 0; i < n; i++) {
			int f = who[i];
			enum vf_ledger_standing want = line_of[f] != 0 ? VF_LEDGER_HELD : first[f] >= 0 ? VF_LEDGER_SAME : VF_LEDGER_NONE;

			wrong += a[i].standing != want;
			wrong += want == VF_LEDGER_HELD && a[i].where != line_of[f];
			wrong += want == VF_LEDGER_SAME && a[i].where != (uint64_t)first[f];
			if (first[f] < 0)
				first[f] = (int)i;
		}
		for (size_t i = 0; i < n; i++) {
			char text[16];

			if (a[i].standing != VF_LEDGER_NONE)
				continue;
			if (rand() % 3 == 0) {
				vf_ledger_leave(l, &a[i]);
				continue;
			}
			snprintf(text, sizeof(text), "C%u", code++);
			line_of[who[i]] = vf_ledger_size(l);
			vf_ledger_give(l, &a[i], vf_slice_str(text), (size_t)(rand() % 100) + 20);
		}
	}
	ok(wrong == 0, "%d rounds of random records, seed %u: %u wrong answers", ROUNDS, seed, wrong);
	vf_ledger_free(l);
}

/* Damaged ledgers are taken or refused with a line, whatever the damage. */
static void
test_damage(unsigned seed)
{
	static const char good[] = H "f1,A1" TAIL "f2,A2" TAIL "f1,A1,void,c1,w1,2026-12-02T10:00:00Z\n\"f1\",\"A3\"" TAIL
		"f3,TM,TM,c1,\"w,\"\"1\",2026-12-01T10:00:00Z\n";
	unsigned taken = 0, refused = 0;

	srand(seed);
	for (int round = 0; round < 5000; round++) {
		char text[sizeof(good)];
		size_t n = sizeof(good) - 1, used;
		struct vf_ledger *l = vf_ledger_new("led.csv", vf_slice_str("c1"), 0, &err);
		int rc;

		memcpy(text, good, sizeof(good));
		for (int k = rand() % 4; k > 0; k--)
			text[(size_t)rand() % n] = "\",\n\0 xAf1\xff"[rand() % 10];
		if (rand() % 4 == 0)
			n = (size_t)rand() % n + 1;
		err = (struct vf_error){ 0 };
		rc = vf_ledger_load(l, vf_slice(text, n), &used, &err);
		taken += rc == 0 && used <= n;
		refused += rc == -1 && err.kind == VF_ERR_CONFIG && strncmp(err.text, "led.csv:", 8) == 0;
		vf_ledger_free(l);
	}
	ok(taken + refused == 5000 && taken > 500 && refused > 500, "5,000 damaged ledgers, seed %u: %u taken, %u refused", seed, taken,
		refused);
}

int
main(void)
{
	const char *seed = getenv("VF_TEST_SEED");
	unsigned from;

	if (vf_hash_start(&err) < 0)
		return 1;
	test_lines();
	test_long();
	test_put();
	test_asks();
	randombytes_buf(&from, sizeof(from));
	if (seed != NULL)
		from = (unsigned)strtoul(seed, NULL, 10);
	for (unsigned i = 0; i < 5; i++)
		test_random(from + i);
	test_damage(from);
	return done_testing();
}
