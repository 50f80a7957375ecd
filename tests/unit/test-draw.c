/*
 * test-draw.c -- keys against Python's hashlib, the order, the bounds, what
 * does not depend on the order of the input, and that chances are equal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/blake4.h"
#include "base/file.h"
#include "fan/draw.h"
#include "fan/manifest.h"
#include "tap.h"

static struct vf_error err;

static void
seed_of(unsigned char seed[VF_DRAW_SEED_LEN], unsigned char first)
{
	for (unsigned i = 0; i < VF_DRAW_SEED_LEN; i++)
		seed[i] = (unsigned char)(first + i);
}

/*
 * python3 -c 'import hashlib
 * seed = bytes(range(32))
 * k = hashlib.blake2b(b"vf-draw/1\0spring-tour\0w1\0c0ffee", key=seed, digest_size=32).digest()
 * print(hashlib.blake2b(seed, digest_size=32).hexdigest(), k.hex())
 * print(hashlib.blake2b(k + b"fan-1", digest_size=16).hexdigest())'
 */
static void
test_vectors(void)
{
	static const struct {
		const char *campaign, *wave, *beacon, *k;
	} ks[] = {
		{ "spring-tour", "w1", "c0ffee",
			"c0ac0849e907c77cbb09c2c4fb20d44649644b608b35361e7e1863c96437fea0" },
		{ "spring-tour", "w1", "",
			"643d6189d782e08c0e16c82c468dfd1d02654f46db2cf52654050e6d012d9c1d" },
		{ "spring-tour", "", "",
			"6c67c590b2402a8e6671bc6544c8e5499f0e4484f02f549cf7721b47860c8ac1" },
		{ "", "w1", "",
			"10978f4cafca81577fde57b2bf64da458a985787dba8a1f64e87f6ea45cfe56e" },
		{ "", "", "",
			"339cfce29928e306a285c0158dd2b54e8f72d1b8efab98e488399bc0af6b7c2b" },
	};
	static const struct {
		const char *id, *key;
	} keys[] = {
		{ "a",
			"52d10407ab68918ad16b636d0b0d3610" },
		{ "fan-1",
			"5b8d629039a6306dbbeb550bb06cd384" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			"c40323cd713d2d53d19dbac4e7dcdd73" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			"5be4c1a290006d57e70dbd3bdc97502e" },
		{ "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy",
			"f3cbc0c12cde3e1ff10fbb146683b383" },
	};
	unsigned char seed[VF_DRAW_SEED_LEN], k[VF_DIGEST_LEN], key[VF_DRAW_KEY_LEN];
	char hex[VF_DIGEST_HEX + 1];

	seed_of(seed, 0);
	vf_draw_commitment(seed, hex);
	ok(strcmp(hex, "cb2f5160fc1f7e05a55ef49d340b48da2e5a78099d53393351cd579dd42503d6") == 0, "the commitment is BLAKE2b-256 of the seed's bytes");
	for (size_t i = 0; i < sizeof(ks) / sizeof(ks[0]); i++) {
		vf_draw_derive(k, seed, vf_slice_str(ks[i].campaign), vf_slice_str(ks[i].wave), vf_slice_str(ks[i].beacon));
		vf_hex_put(hex, k, sizeof(k));
		ok(strcmp(hex, ks[i].k) == 0, "K of campaign '%s', wave '%s', beacon '%s' is hashlib's", ks[i].campaign,
			ks[i].wave, ks[i].beacon);
	}
	vf_draw_derive(k, seed, vf_slice_str("spring-tour"), vf_slice_str("w1"), vf_slice_str("c0ffee"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		vf_draw_key(key, k, vf_slice_str(keys[i].id));
		vf_hex_put(hex, key, sizeof(key));
		ok(strcmp(hex, keys[i].key) == 0, "the draw key of an id of %zu bytes is hashlib's", strlen(keys[i].id));
	}
}

/* Four at a time, or one by one: groups of every size and tails of every length. */
static void
test_blake4(void)
{
	unsigned char prefix[VF_BLAKE4_PREFIX], text[VF_BLAKE4_PREFIX + VF_BLAKE4_TAIL_MAX], bytes[1024], out[12][16],
		expected[16];
	uint64_t state = 7;
	bool same = true;

	for (size_t i = 0; i < sizeof(prefix); i++)
		prefix[i] = (unsigned char)tap_next(&state);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)tap_next(&state);
	for (size_t round = 0; round < 2000; round++) {
		size_t n = round % 13, longest = round % 2 == 0 ? 97 : VF_BLAKE4_TAIL_MAX + 1;
		struct vf_slice tails[12];

		for (size_t i = 0; i < n; i++)
			tails[i] = vf_slice((const char *)bytes + tap_next(&state) % 800, tap_next(&state) % longest);
		vf_blake4(out, prefix, tails, n);
		for (size_t i = 0; i < n; i++) {
			memcpy(text, prefix, sizeof(prefix));
			memcpy(text + sizeof(prefix), tails[i].p, tails[i].n);
			crypto_generichash_blake2b(expected, 16, text, sizeof(prefix) + tails[i].n, NULL, 0);
			same = same && memcmp(expected, out[i], 16) == 0;
		}
	}
	ok(same, "hashes in groups are libsodium's, for every length of id and size of group");
}

static void
test_texts(void)
{
	unsigned char seed[VF_DRAW_SEED_LEN];
	char text[70], beacon[VF_DRAW_BEACON_MAX + 1], longest[VF_DRAW_BEACON_MAX + 2];

	memset(text, 'a', sizeof(text));
	text[64] = '\n';
	ok(vf_draw_seed_parse(vf_slice(text, 64), seed) && seed[31] == 0xaa, "a seed of 64 hex digits is read");
	ok(vf_draw_seed_parse(vf_slice(text, 65), seed), "one line end may follow");
	text[65] = '\n';
	ok(!vf_draw_seed_parse(vf_slice(text, 66), seed), "two may not");
	ok(!vf_draw_seed_parse(vf_slice(text, 63), seed), "63 digits are no seed");
	text[64] = 'a';
	ok(!vf_draw_seed_parse(vf_slice(text, 65), seed), "65 digits are no seed");
	text[3] = 'g';
	ok(!vf_draw_seed_parse(vf_slice(text, 64), seed), "a letter that is no digit is refused");
	ok(!vf_draw_seed_parse(vf_slice("", 0), seed), "an empty text is no seed");
	ok(vf_draw_beacon_parse(vf_slice_str("AB09cdEF1"), beacon) && strcmp(beacon, "ab09cdef1") == 0,
		"a beacon is lower-cased");
	ok(!vf_draw_beacon_parse(vf_slice_str("0x1f"), beacon) && !vf_draw_beacon_parse(vf_slice_str(""), beacon)
		&& !vf_draw_beacon_parse(vf_slice_str("1f "), beacon), "a beacon is hex digits and nothing else");
	memset(longest, '7', sizeof(longest));
	ok(vf_draw_beacon_parse(vf_slice(longest, VF_DRAW_BEACON_MAX), beacon)
		&& !vf_draw_beacon_parse(vf_slice(longest, VF_DRAW_BEACON_MAX + 1), beacon), "a beacon has a greatest length");
}

/* Draws in memory */

struct loser {
	uint64_t count;
	struct vf_buf ids;		/* `market:id ` each */
};

static int
note_loser(void *loser, const struct vf_drawn *fan, struct vf_error *e)
{
	struct loser *l = loser;

	(void)e;
	l->count++;
	if (!vf_slice_is(fan->line, "") && fan->position == 0) {
		vf_buf_add_slice(&l->ids, fan->market);
		vf_buf_add_char(&l->ids, ':');
		vf_buf_add_slice(&l->ids, fan->id);
		vf_buf_add_char(&l->ids, ' ');
	}
	return 0;
}

static struct vf_draw *
start(unsigned char first, struct loser *loser)
{
	unsigned char seed[VF_DRAW_SEED_LEN], k[VF_DIGEST_LEN];

	seed_of(seed, first);
	vf_draw_derive(k, seed, vf_slice_str("c"), vf_slice_str("w"), vf_slice_str(""));
	return vf_draw_new(&(struct vf_draw_options){ .k = k, .loser = loser != NULL ? note_loser : NULL, .context = loser },
		&err);
}

static enum vf_draw_verdict
add(struct vf_draw *draw, const char *market, const char *id, uint8_t band, uint64_t lineno)
{
	struct vf_draw_fan fan = { .id = vf_slice_str(id), .market = vf_slice_str(market), .line = vf_slice_str(id),
		.lineno = lineno, .band = band, .delimiter = ',' };

	if (vf_draw_add(draw, &fan, 1, &err) < 0)
		abort();
	return (enum vf_draw_verdict)fan.verdict;
}

/* `market:id@position ` of all who are drawn. */
static void
list(struct vf_draw *draw, struct vf_buf *out)
{
	struct vf_drawn fan;

	vf_buf_clear(out);
	vf_draw_rewind(draw);
	while (vf_draw_next(draw, &fan)) {
		vf_buf_add_slice(out, fan.market);
		vf_buf_add_char(out, ':');
		vf_buf_add_slice(out, fan.line);
		vf_buf_addf(out, "@%ju ", (uintmax_t)fan.position);
	}
	vf_buf_terminate(out);
}

static void
test_verdicts(void)
{
	struct vf_draw *draw = start(1, NULL);
	struct vf_draw_market market;
	struct vf_draw_twice twice;
	struct vf_drawn fan;

	vf_draw_limit(draw, vf_slice_str("B"), 2, &err);
	ok(vf_draw_limit(draw, vf_slice_str("B"), 3, &err) == 1, "a second limit of a market is told");
	vf_draw_limit(draw, vf_slice_str("A"), 0, &err);
	vf_draw_limit(draw, vf_slice_str("empty"), 9, &err);
	ok(add(draw, "B", "x", VF_BAND_HIGH, 2) == VF_DRAW_CANDIDATE, "a fan with a market that has a limit is a candidate");
	ok(add(draw, "A", "x", VF_BAND_HIGH, 3) == VF_DRAW_CANDIDATE, "one fan may be in two markets");
	ok(add(draw, "B", "y z", VF_BAND_HIGH, 4) == VF_DRAW_MISSING_USER, "a bad id is missing-user");
	ok(add(draw, "B", "y", VF_BANDS, 5) == VF_DRAW_BAD_BAND, "an unknown band is bad-band");
	ok(add(draw, "nowhere", "y", VF_BAND_NONE, 6) == VF_DRAW_BELOW_BANDS, "band none is below-bands in any market");
	ok(add(draw, "", "y", VF_BAND_LOW, 7) == VF_DRAW_BAD_MARKET, "an empty market is bad-market");
	ok(add(draw, "b", "y", VF_BAND_LOW, 8) == VF_DRAW_NO_LIMIT, "a market without limit is no-limit");
	ok(vf_draw_finish(draw, &twice, &err) == 0 && vf_draw_markets(draw) == 3, "markets with a limit are all there");
	vf_draw_market(draw, 0, &market);
	ok(vf_slice_is(market.name, "A") && market.candidates[0] == 1 && market.drawn == 0, "a limit of 0 draws nobody");
	vf_draw_market(draw, 1, &market);
	ok(vf_slice_is(market.name, "B") && market.limit == 2 && market.drawn == 1, "the first limit stays");
	vf_draw_market(draw, 2, &market);
	ok(market.candidates[0] + market.candidates[1] + market.candidates[2] + market.drawn == 0,
		"a market without candidates has zeros");
	ok(vf_draw_next(draw, &fan) && vf_slice_is(fan.id, "x") && fan.lineno == 2 && !vf_draw_next(draw, &fan),
		"only winners are handed out");
	vf_draw_free(draw);
}

/* Who stands where, found the slow way: every key sorted. */
struct naive {
	char id[16], market[4];
	unsigned char key[VF_DRAW_KEY_LEN];
	uint8_t band;
	uint64_t lineno;
};

static int
naive_cmp(const void *a, const void *b)
{
	const struct naive *x = a, *y = b;
	int c = strcmp(x->market, y->market);

	if (c == 0)
		c = x->band - y->band;
	if (c == 0)
		c = memcmp(x->key, y->key, sizeof(x->key));
	return c != 0 ? c : strcmp(x->id, y->id);
}

#define FANS 3000

static void
make_fans(struct naive *fans, uint64_t random)
{
	unsigned char seed[VF_DRAW_SEED_LEN], k[VF_DIGEST_LEN];

	seed_of(seed, 1);
	vf_draw_derive(k, seed, vf_slice_str("c"), vf_slice_str("w"), vf_slice_str(""));
	for (unsigned i = 0; i < FANS; i++) {
		uint64_t r = tap_next(&random);

		snprintf(fans[i].id, sizeof(fans[i].id), "fan-%u", i);
		snprintf(fans[i].market, sizeof(fans[i].market), "M%u", (unsigned)(r % 3));
		fans[i].band = (uint8_t)((r >> 8) % 3);
		fans[i].lineno = i + 2;
		vf_draw_key(fans[i].key, k, vf_slice_str(fans[i].id));
	}
}

static void
shuffle(struct naive *fans, uint64_t *random)
{
	for (size_t i = FANS - 1; i > 0; i--) {
		size_t j = (size_t)(tap_next(random) % (i + 1));
		struct naive t = fans[i];

		fans[i] = fans[j];
		fans[j] = t;
	}
}

/* Draws the fans in the order in which they stand; to `got` the winners, to loser (or NULL) the rest. */
static int
draw_fans(const struct naive *fans, uint64_t limit, struct loser *loser, struct vf_buf *got, struct vf_draw_twice *twice)
{
	struct vf_draw *draw = start(1, loser);
	int rc;

	vf_draw_limit_all(draw, limit);
	for (size_t i = 0; i < FANS; i++)
		if (add(draw, fans[i].market, fans[i].id, fans[i].band, fans[i].lineno) != VF_DRAW_CANDIDATE)
			abort();
	rc = vf_draw_finish(draw, twice, &err);
	if (rc == 0)
		list(draw, got);
	vf_draw_free(draw);
	return rc;
}

static void
expect_order(const struct naive *sorted, uint64_t limit, struct vf_buf *out)
{
	uint64_t position = 0;

	vf_buf_clear(out);
	for (size_t i = 0; i < FANS; i++) {
		position = i > 0 && strcmp(sorted[i].market, sorted[i - 1].market) == 0 ? position + 1 : 1;
		if (position <= limit)
			vf_buf_addf(out, "%s:%s@%ju ", sorted[i].market, sorted[i].id, (uintmax_t)position);
	}
	vf_buf_terminate(out);
}

static void
test_order(void)
{
	static const uint64_t limits[] = { 0, 1, 2, 30, 100, 332, 333, 400, 999, 1000, 5000, UINT64_MAX };
	static struct naive fans[FANS], sorted[FANS];
	struct vf_buf got = { 0 }, expected = { 0 };
	struct vf_draw_twice twice;
	uint64_t random = 20261124;

	make_fans(fans, random);
	memcpy(sorted, fans, sizeof(fans));
	qsort(sorted, FANS, sizeof(sorted[0]), naive_cmp);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct loser loser = { 0 };
		bool same = true;

		expect_order(sorted, limits[i], &expected);
		for (int round = 0; round < 6; round++) {
			if (round > 0)
				shuffle(fans, &random);
			same = same && draw_fans(fans, limits[i], round % 2 == 0 ? &loser : NULL, &got, &twice) == 0
				&& got.n == expected.n && memcmp(got.p, expected.p, got.n) == 0;
		}
		ok(same, "limit %ju: the winners are the first of all keys sorted, in any order of the input, with losers or without",
			(uintmax_t)limits[i]);
		vf_buf_free(&loser.ids);
	}
	vf_buf_free(&got);
	vf_buf_free(&expected);
}

static size_t
count_words(const struct vf_buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->p[i] == ' ';
	return n;
}

static void
test_losers(void)
{
	static struct naive fans[FANS];
	struct vf_buf got = { 0 }, word = { 0 };
	struct vf_draw_twice twice;
	struct loser loser = { 0 };
	size_t twice_there = 0;

	make_fans(fans, 3);
	draw_fans(fans, 150, &loser, &got, &twice);
	vf_buf_terminate(&loser.ids);
	ok(count_words(&got) == 450 && loser.count == FANS - 450, "every candidate is a winner or a loser");
	for (size_t i = 0; i < FANS; i++) {
		bool won, lost;

		vf_buf_clear(&word);
		vf_buf_addf(&word, "%s:%s@", fans[i].market, fans[i].id);
		vf_buf_terminate(&word);
		won = strstr(got.p, word.p) != NULL;
		word.p[word.n - 1] = ' ';
		lost = strstr(loser.ids.p, word.p) != NULL;
		twice_there += won == lost;
	}
	ok(twice_there == 0, "and none is both, or neither");
	vf_buf_free(&got);
	vf_buf_free(&word);
	vf_buf_free(&loser.ids);
}

/* The list of a lower limit is the beginning of each market's list of a higher one. */
static void
test_raised_limit(void)
{
	static struct naive fans[FANS];
	struct vf_buf low = { 0 }, high = { 0 };
	struct vf_draw_twice twice;
	size_t missing = 0, n = 0;

	make_fans(fans, 11);
	draw_fans(fans, 100, NULL, &low, &twice);
	draw_fans(fans, 700, NULL, &high, &twice);
	for (char *w = strtok(low.p, " "); w != NULL; w = strtok(NULL, " ")) {
		struct vf_buf word = { 0 };

		vf_buf_addf(&word, "%s ", w);
		vf_buf_terminate(&word);
		missing += strstr(high.p, word.p) == NULL;
		n++;
		vf_buf_free(&word);
	}
	ok(n == 300 && missing == 0, "a raised limit keeps all earlier winners and positions");
	vf_buf_free(&low);
	vf_buf_free(&high);
}

/* Duplicates */

static void
test_twice(void)
{
	static struct naive fans[FANS];
	struct vf_draw_twice twice;
	struct vf_buf got = { 0 };
	struct vf_draw *draw = start(1, NULL);
	uint64_t random = 99;
	bool same = true, named = true;

	vf_draw_limit_all(draw, 5);
	add(draw, "A", "x", VF_BAND_HIGH, 2);
	add(draw, "B", "x", VF_BAND_HIGH, 3);
	add(draw, "A", "y", VF_BAND_LOW, 4);
	add(draw, "A", "x", VF_BAND_LOW, 5);
	ok(vf_draw_finish(draw, &twice, &err) == 1 && twice.lineno[0] == 5 && twice.lineno[1] == 2,
		"one fan twice in a market is found across bands, the later line first");
	vf_draw_free(draw);

	draw = start(1, NULL);
	vf_draw_limit_all(draw, 0);
	add(draw, "A", "x", VF_BAND_MID, 2);
	add(draw, "A", "x", VF_BAND_MID, 9);
	ok(vf_draw_finish(draw, &twice, &err) == 1 && twice.lineno[0] == 9 && twice.lineno[1] == 2,
		"and among those who are not drawn, where the market is small");
	vf_draw_free(draw);

	/* A large market: many fans thrice, so that some of them are drawn. */
	make_fans(fans, 5);
	for (size_t i = 0; i < 40; i++) {
		memcpy(fans[1000 + i].id, fans[i].id, sizeof(fans[i].id));
		memcpy(fans[2000 + i].id, fans[i].id, sizeof(fans[i].id));
		memcpy(fans[1000 + i].market, fans[i].market, sizeof(fans[i].market));
		memcpy(fans[2000 + i].market, fans[i].market, sizeof(fans[i].market));
		fans[1000 + i].band = fans[i].band;
		if (i % 2 == 0)
			fans[2000 + i].band = fans[i].band;
	}
	for (uint64_t limit = 1; limit < 480; limit += 7) {
		int first = draw_fans(fans, limit, NULL, &got, &twice);
		struct vf_draw_twice a = twice, b;

		for (int round = 0; round < 4; round++) {
			struct loser loser = { 0 };

			shuffle(fans, &random);
			same = same && draw_fans(fans, limit, round % 2 == 0 ? &loser : NULL, &got, &b) == first;
			named = named && (first == 0 || (a.lineno[0] == b.lineno[0] && a.lineno[1] == b.lineno[1]
				&& b.lineno[0] > b.lineno[1]));
			vf_buf_free(&loser.ids);
		}
		if (limit == 477)
			ok(first == 1, "duplicates of a large market are found when they are drawn");
	}
	ok(same, "whether a duplicate is an error does not depend on the order of the input, or on losers being kept");
	ok(named, "the same two lines are named in any order of the input");
	vf_buf_free(&got);
}

/* In a market far over its limit the last who is drawn stands there again: next to himself, behind the limit. */
static void
test_twice_at_the_limit(void)
{
	static struct naive fans[FANS], sorted[FANS];
	struct vf_draw_twice twice;
	struct vf_buf got = { 0 };
	uint64_t random = 4;
	size_t found = 0, tried = 0;

	make_fans(fans, 8);
	for (size_t i = 0; i < FANS; i++)
		strcpy(fans[i].market, "A");
	memcpy(sorted, fans, sizeof(fans));
	qsort(sorted, FANS, sizeof(sorted[0]), naive_cmp);
	for (uint64_t limit = 1; limit < 1200; limit += 37) {
		static struct naive more[FANS];

		memcpy(more, fans, sizeof(fans));
		shuffle(more, &random);
		/* In place of a fan who is not drawn. */
		for (size_t i = 0; i < FANS; i++)
			if (strcmp(more[i].id, sorted[FANS - 1].id) == 0) {
				more[i] = sorted[limit - 1];
				more[i].lineno = FANS + 2;
			}
		tried++;
		found += draw_fans(more, limit, NULL, &got, &twice) == 1 && twice.lineno[0] == FANS + 2
			&& twice.lineno[1] == sorted[limit - 1].lineno;
	}
	ok(found == tried, "the last winner again is found, at %zu limits", tried);
	vf_buf_free(&got);
}

/* Bands high fill the limit, and the best of band mid is one of them: he is drawn once, in any order of the input. */
static void
test_twice_behind_the_limit(void)
{
	enum { LIMIT = 20, MIDS = 200 };
	static struct naive fans[FANS];
	const struct naive *best = &fans[LIMIT];
	bool same = true;

	make_fans(fans, 8);
	for (size_t i = LIMIT + 1; i < LIMIT + MIDS; i++)
		if (memcmp(fans[i].key, best->key, sizeof(best->key)) < 0)
			best = &fans[i];
	for (int mids_first = 0; mids_first < 2; mids_first++) {
		struct vf_draw *draw = start(1, NULL);
		struct vf_draw_twice twice;

		vf_draw_limit_all(draw, LIMIT);
		for (size_t i = 0; i < LIMIT + MIDS; i++) {
			size_t k = mids_first ? LIMIT + MIDS - 1 - i : i;

			add(draw, "A", k == 0 ? best->id : fans[k].id, k < LIMIT ? VF_BAND_HIGH : VF_BAND_MID, i);
		}
		same = same && vf_draw_finish(draw, &twice, &err) == 0;
		vf_draw_free(draw);
	}
	ok(same, "a fan drawn in one band and behind the limit in another is no error, whichever comes first");
}

/* Many markets, hostile names, many records that are worse than the worst: nothing is stored for them. */
static void
test_many_markets(void)
{
	struct vf_draw *draw = start(1, NULL);
	struct vf_draw_twice twice;
	struct vf_drawn fan;
	char name[64], id[32], last[64] = "";
	uint64_t n = 0;
	bool ordered = true;

	vf_draw_limit_all(draw, 1);
	for (unsigned i = 0; i < 30000; i++) {
		snprintf(name, sizeof(name), i % 3 == 0 ? "%u" : i % 3 == 1 ? "a long name that begins alike %u" : "\xc3\xa9,\"%u",
			i / 3);
		snprintf(id, sizeof(id), "fan-%u", i);
		add(draw, name, id, VF_BAND_MID, i + 2);
		add(draw, name, "rival", VF_BAND_LOW, i + 100000);
	}
	ok(vf_draw_finish(draw, &twice, &err) == 0 && vf_draw_markets(draw) == 30000, "30,000 markets are told apart");
	for (; vf_draw_next(draw, &fan); n++) {
		ordered = ordered && vf_slice_cmp(vf_slice_str(last), fan.market) < 0 && fan.position == 1
			&& fan.band == VF_BAND_MID;
		snprintf(last, sizeof(last), "%.*s", (int)fan.market.n, fan.market.p);
	}
	ok(n == 30000 && ordered, "and come out in byte order");
	vf_draw_free(draw);
}

/*
 * Chances: 400 fans of one band, 40 places, 2,000 fixed seeds: how often each is
 * drawn.  Without replacement the counts have the variance of a binomial, and
 * the sum of squares, with (n - 1) / n, is a chi-square of n - 1 degrees:
 * 399 with a deviation of 28.2.  Fixed seeds: it is the same number every time.
 */
static void
test_chances(void)
{
	enum { N = 400, LIMIT = 40, SEEDS = 2000 };
	static unsigned drawn[N];
	static unsigned first[N];
	double expected = (double)SEEDS * LIMIT / N, p = (double)LIMIT / N, chi = 0, chi_first = 0;

	for (unsigned s = 0; s < SEEDS; s++) {
		unsigned char seed[VF_DRAW_SEED_LEN] = { (unsigned char)s, (unsigned char)(s >> 8) }, k[VF_DIGEST_LEN];
		struct vf_draw_fan fans[N];
		char ids[N][8];
		struct vf_draw_twice twice;
		struct vf_draw *draw;
		struct vf_drawn fan;

		vf_draw_derive(k, seed, vf_slice_str("chances"), vf_slice_str(""), vf_slice_str(""));
		draw = vf_draw_new(&(struct vf_draw_options){ .k = k, .one_market = true }, &err);
		vf_draw_limit_all(draw, LIMIT);
		for (unsigned i = 0; i < N; i++) {
			snprintf(ids[i], sizeof(ids[i]), "f%u", i);
			fans[i] = (struct vf_draw_fan){ .id = vf_slice_str(ids[i]), .line = vf_slice_str(ids[i]), .lineno = i,
				.band = VF_BAND_LOW };
		}
		vf_draw_add(draw, fans, N, &err);
		vf_draw_finish(draw, &twice, &err);
		while (vf_draw_next(draw, &fan)) {
			drawn[fan.lineno]++;
			first[fan.lineno] += fan.position == 1;
		}
		vf_draw_free(draw);
	}
	for (unsigned i = 0; i < N; i++) {
		chi += (drawn[i] - expected) * (drawn[i] - expected) / (expected * (1 - p)) * (N - 1) / N;
		chi_first += (first[i] - (double)SEEDS / N) * (first[i] - (double)SEEDS / N) / ((double)SEEDS / N);
	}
	ok(chi > 399 - 3 * 28.2 && chi < 399 + 3 * 28.2, "every fan of a band is drawn equally often: chi-square %.0f of 399 +- 28",
		chi);
	ok(chi_first > 399 - 3 * 28.2 && chi_first < 399 + 3 * 28.2,
		"every fan of a band is first equally often: chi-square %.0f of 399 +- 28", chi_first);
}

/* A manifest read back is what was written. */
static void
test_manifest(void)
{
	struct vf_manifest m = { .campaign = vf_slice_str("c\"1"), .wave = vf_slice_str(""), .beacon = vf_slice_str("ab"),
		.bands = VF_BANDS_DEFAULT }, back;
	struct vf_manifest_file entrant = { .name = vf_slice_str("a,b\n.csv"), .records = 12 };
	struct vf_draw *draw = start(1, NULL);
	struct vf_buf text = { 0 }, again = { 0 };
	struct vf_draw_twice twice;
	char path[] = "test-draw.XXXXXX";
	int fd = mkstemp(path);

	vf_draw_limit(draw, vf_slice_str("NYC"), 7, &err);
	vf_draw_limit(draw, vf_slice_str("\xc3\xa9\t\""), 0, &err);
	add(draw, "NYC", "x", VF_BAND_LOW, 2);
	vf_draw_finish(draw, &twice, &err);
	vf_manifest_markets(&m, draw, &err);
	memset(m.commitment, '0', VF_DIGEST_HEX);
	memset(m.result.blake2b, '1', VF_DIGEST_HEX);
	memset(entrant.blake2b, 'e', VF_DIGEST_HEX);
	m.entrants = &entrant;
	m.nentrants = 1;
	vf_manifest_add(&text, &m);
	ok(fd >= 0 && vf_file_write_all(fd, text.p, text.n, path, &err) == 0 && vf_manifest_load(&back, path, &err) == 0,
		"a manifest is read back");
	ok(back.nmarkets == 2 && back.markets[0].has_limit && back.markets[0].has_counts && back.markets[0].limit == 7
		&& back.markets[0].candidates[2] == 1 && back.markets[0].drawn == 1 && back.bands.mid == 800000,
		"with its markets and bands");
	vf_manifest_add(&again, &back);
	ok(again.n == text.n && memcmp(again.p, text.p, text.n) == 0, "and written again is the same text");
	vf_manifest_clear(&back);
	m.entrants = NULL;
	vf_manifest_clear(&m);
	vf_draw_free(draw);
	vf_buf_free(&text);
	vf_buf_free(&again);
	close(fd);
	unlink(path);
}

int
main(void)
{
	if (vf_hash_start(&err) < 0)
		return 1;
	test_vectors();
	test_blake4();
	test_texts();
	test_verdicts();
	test_order();
	test_losers();
	test_raised_limit();
	test_twice();
	test_twice_at_the_limit();
	test_twice_behind_the_limit();
	test_many_markets();
	test_chances();
	test_manifest();
	return done_testing();
}
