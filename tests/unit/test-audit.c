/* test-audit.c -- what a manifest is held against: each thing that can differ, and how it is told. */
#include <stdlib.h>
#include <string.h>

#include "fan/audit.h"
#include "tap.h"

static struct vf_error err;

static bool
told(int rc, enum vf_error_kind kind, const char *text)
{
	bool good = rc == -1 && err.kind == kind && strcmp(err.text, text) == 0;

	if (!good)
		note("%d, kind %d: %s", rc, (int)err.kind, err.text);
	return good;
}

/* Two markets: `north` draws all of its 4, `south` 5 of 9. */
static struct vf_manifest_market markets[2];
static struct vf_manifest_file files[2];
static struct vf_manifest manifest;

static void
fresh(void)
{
	static const struct vf_manifest_market two[2] = {
		{ { "north", 5 }, true, true, 6, { 1, 1, 2 }, 4 },
		{ { "south", 5 }, true, true, 5, { 2, 0, 7 }, 5 },
	};
	static const struct vf_manifest_file entrants[2] = { { { "a.csv", 5 }, 10, "aa" }, { { "b.csv", 5 }, 3, "bb" } };

	memcpy(markets, two, sizeof(two));
	memcpy(files, entrants, sizeof(entrants));
	manifest = (struct vf_manifest){ .path = "m.json", .campaign = { "tour", 4 }, .commitment = "c0ffee",
		.bands = VF_BANDS_DEFAULT, .markets = markets, .nmarkets = 2, .entrants = files, .nentrants = 2 };
}

/* A draw with these limits (0: the market has none) and, in each market, n candidates of band high. */
static struct vf_draw *
draw_of(uint64_t north, uint64_t south, size_t n)
{
	static const unsigned char k[VF_DIGEST_LEN];
	struct vf_draw *draw = vf_draw_new(&(struct vf_draw_options){ .k = k }, &err);
	struct vf_draw_twice twice;

	if (draw == NULL || (north > 0 && vf_draw_limit(draw, vf_slice_str("north"), north, &err) < 0) ||
		(south > 0 && vf_draw_limit(draw, vf_slice_str("south"), south, &err) < 0))
		bail_out(err.text);
	for (size_t i = 0; i < 2 * n; i++) {
		char id[24];
		struct vf_draw_fan fan = { .market = vf_slice_str(i % 2 == 0 ? "north" : "south"), .lineno = i + 2,
			.band = 0 };

		snprintf(id, sizeof(id), "fan-%zu", i);
		fan.id = fan.line = vf_slice_str(id);
		if (vf_draw_add(draw, &fan, 1, &err) < 0)
			bail_out(err.text);
	}
	if (vf_draw_finish(draw, &twice, &err) != 0)
		bail_out("a draw does not end");
	return draw;
}

static void
test_seed(void)
{
	fresh();
	ok(vf_audit_seed(&manifest, "c0ffee", &err) == 0, "the seed of the commitment holds");
	ok(told(vf_audit_seed(&manifest, "c0ffef", &err), VF_ERR_FAILED,
		"seed-differs: m.json: the seed's commitment is c0ffef, the manifest's is c0ffee"),
		"another seed: both commitments are told");
}

static void
test_campaign(void)
{
	char id[] = "tour", other[] = "tours";
	struct vf_campaign c = { .id = id, .bands = VF_BANDS_DEFAULT };

	fresh();
	ok(vf_audit_campaign(&manifest, &c, &err) == 0, "the manifest of the campaign holds");
	c.bands.low++;
	ok(told(vf_audit_campaign(&manifest, &c, &err), VF_ERR_FAILED,
		"limits-differ: m.json: the bands are not the configuration's"), "a threshold of the bands is another");
	c.id = other;
	ok(told(vf_audit_campaign(&manifest, &c, &err), VF_ERR_CONFIG, "m.json: the manifest of another campaign"),
		"another campaign comes before the bands, and is a matter of usage");
}

static void
test_own_limits(void)
{
	static const char *const cause =
		"limits-differ: m.json: market south: the number drawn is not what the limit and the candidates give";

	fresh();
	ok(vf_audit_own_limits(&manifest, &err) == 0, "as many are drawn as there are, up to the limit");
	for (int i = -1; i <= 1; i += 2) {
		fresh();
		markets[1].drawn += (uint64_t)i;
		ok(told(vf_audit_own_limits(&manifest, &err), VF_ERR_FAILED, cause), "%s drawn than that",
			i < 0 ? "fewer were" : "more were");
	}
	fresh();
	markets[1].limit = UINT64_MAX;
	markets[1].candidates[0] = markets[1].candidates[2] = (uint64_t)1 << 63;
	markets[1].drawn = 0;		/* what the sum of the candidates is in 64 bits */
	ok(told(vf_audit_own_limits(&manifest, &err), VF_ERR_FAILED, cause), "candidates do not overflow to fewer");
	markets[1].drawn = UINT64_MAX;
	ok(vf_audit_own_limits(&manifest, &err) == 0, "the largest limit is one");
	fresh();
	markets[0].has_limit = false;
	ok(told(vf_audit_own_limits(&manifest, &err), VF_ERR_FAILED, "limits-differ: m.json: market north: has no limit"),
		"a market without a limit");
	fresh();
	markets[0].has_counts = false;
	ok(told(vf_audit_own_limits(&manifest, &err), VF_ERR_FAILED,
		"limits-differ: m.json: market north: has a limit and no counts"), "a market without counts");
	manifest.nmarkets = 0;
	ok(vf_audit_own_limits(&manifest, &err) == 0, "no market, nothing to differ");
}

static void
test_one_limit(void)
{
	fresh();
	ok(told(vf_audit_limit(&manifest, 6, &err), VF_ERR_FAILED,
		"limits-differ: m.json: market south: its limit is not the one announced"),
		"one limit was announced: the first market of another is told");
	markets[1].limit = 6;
	ok(vf_audit_limit(&manifest, 6, &err) == 0, "one limit was announced, and all have it");
}

static void
limits_against(uint64_t north, uint64_t south, const char *text)
{
	struct vf_draw *announced = draw_of(north, south, 0);
	int rc = vf_audit_limits(&manifest, announced, &err);

	ok(text == NULL ? rc == 0 : told(rc, VF_ERR_FAILED, text), "announced north %" PRIu64 ", south %" PRIu64 ": %s", north,
		south, text != NULL ? text : "holds");
	vf_draw_free(announced);
}

static void
test_limits(void)
{
	fresh();
	limits_against(6, 5, NULL);
	limits_against(6, 4, "limits-differ: m.json: market south: its limit is not the one announced");
	limits_against(0, 5, "limits-differ: m.json: market north: has a limit that was not announced");
	limits_against(6, 0, "limits-differ: m.json: market south: has a limit that was not announced");
	manifest.nmarkets = 1;
	limits_against(6, 5, "limits-differ: m.json: market south: its limit was announced and is not there");
	manifest.markets = markets + 1;
	limits_against(6, 5, "limits-differ: m.json: market north: its limit was announced and is not there");
	manifest.nmarkets = 0;
	limits_against(0, 0, NULL);
}

static void
test_long_name(void)
{
	char name[300], text[512];

	fresh();
	memset(name, 'n', sizeof(name));
	markets[0].name = vf_slice(name, sizeof(name));
	markets[0].has_limit = false;
	snprintf(text, sizeof(text), "limits-differ: m.json: market %.100s: has no limit", name);
	ok(told(vf_audit_own_limits(&manifest, &err), VF_ERR_FAILED, text), "of a market's long name the start is told");
}

static void
test_entrants(void)
{
	struct vf_manifest_file given[3] = { { { "x/1.csv", 7 }, 10, "aa" }, { { "x/2.csv", 7 }, 3, "bb" },
		{ { "x/3.csv", 7 }, 1, "cc" } };

	fresh();
	ok(vf_audit_entrants(&manifest, given, 2, &err) == 0, "the same files under other names hold");
	ok(told(vf_audit_entrants(&manifest, given, 3, &err), VF_ERR_FAILED, "entrants-differ: x/3.csv: not in the manifest"),
		"a file too many");
	ok(told(vf_audit_entrants(&manifest, given, 1, &err), VF_ERR_FAILED,
		"entrants-differ: m.json: the manifest's file 2, b.csv, was not given"), "a file too few");
	given[1].blake2b[0] = 'x';
	ok(told(vf_audit_entrants(&manifest, given, 2, &err), VF_ERR_FAILED,
		"entrants-differ: x/2.csv: its bytes are not those of the manifest's digest"), "other bytes");
	given[0].records = 11;
	ok(told(vf_audit_entrants(&manifest, given, 2, &err), VF_ERR_FAILED,
		"entrants-differ: x/1.csv: 11 records, the manifest has 10"), "the first file that differs is told, its records first");
}

static void
test_counts(void)
{
	struct vf_draw *again = draw_of(6, 5, 3);

	fresh();
	for (int i = 0; i < 2; i++)
		memcpy(markets[i].candidates, (uint64_t[VF_DRAW_BANDS]){ 3, 0, 0 }, sizeof(markets[i].candidates));
	ok(vf_audit_counts(&manifest, again, &err) == 0, "the counts are those of the draw");
	markets[1].candidates[0] = 2;
	markets[1].candidates[2] = 1;
	ok(told(vf_audit_counts(&manifest, again, &err), VF_ERR_FAILED,
		"entrants-differ: m.json: market south: its candidates are not those of the entrants"),
		"as many, and in other bands");
	vf_draw_free(again);
}

int
main(void)
{
	if (vf_hash_start(&err) < 0)
		bail_out(err.text);
	test_seed();
	test_campaign();
	test_own_limits();
	test_one_limit();
	test_limits();
	test_long_name();
	test_entrants();
	test_counts();
	return done_testing();
}
