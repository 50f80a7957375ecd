/* test-campaign.c -- the campaign configuration: defaults, every field, every refusal by its JSON path. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fan/campaign.h"
#include "tap.h"

static struct vf_error err;
static char path[] = "/tmp/test-campaign.XXXXXX";

static struct vf_campaign *
load(const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
	return vf_campaign_load(path, &err);
}

static void
test_defaults(void)
{
	struct vf_campaign *c = load("{\"id\":\"c1\",\"unknown\":[1,{}]}");
	uint64_t limit;

	ok(c != NULL && strcmp(c->id, "c1") == 0 && c->name == NULL, "an id is all that is needed");
	if (c == NULL)
		return;
	ok(!c->allow_intl_phones && !c->require_confirmed_phone && !c->sms_unconfirmed, "options are off");
	ok(c->nhome_regions == 2 && strcmp(c->home_regions[0], "US") == 0 && strcmp(c->home_regions[1], "CA") == 0,
		"home is US and CA");
	ok(c->code_type == VF_CODE_GENERATED && c->bands.high == 950000 && c->bands.mid == 800000 &&
		c->bands.low == 220000, "generated codes and the bands of the contract");
	ok(c->nmarkets == 0 && c->nwaves == 0 && vf_campaign_wave(c, "w1") == NULL, "no markets, no waves");
	ok(vf_campaign_in_wave(NULL, vf_slice_str("NYC")) && !vf_campaign_limit(c, NULL, vf_slice_str("NYC"), &limit),
		"no wave is for all markets, and there is no limit");
	vf_campaign_free(c);
	vf_campaign_free(NULL);
}

static const char full[] =
	"{\"id\":\"c1\",\"name\":\"Tour\",\"options\":{\"allowIntlPhones\":true,\"requireConfirmedPhone\":true,"
	"\"smsUnconfirmed\":true,\"homeRegions\":[\"GB\"]},\"codeType\":\"TM\","
	"\"bands\":{\"high\":1,\"mid\":0.5,\"low\":0.000001},"
	"\"markets\":[{\"id\":\"NYC\",\"limit\":20000,\"timezone\":\"America/New_York\"},{\"id\":\"S\xc3\xa3o Paulo\"},"
	"{\"id\":\"LAX\",\"limit\":0}],"
	"\"waves\":[{\"id\":\"w1\",\"notifyDate\":\"2026-12-05T15:00:00-05:00\",\"markets\":[\"NYC\",\"LAX\"],"
	"\"limits\":{\"NYC\":5000,\"S\xc3\xa3o Paulo\":7}},{\"id\":\"w2\"}]}";

static void
test_full(void)
{
	struct vf_campaign *c = load(full);
	const struct vf_wave_config *w;
	uint64_t limit = 0;

	ok(c != NULL, "a full configuration is read%s", c != NULL ? "" : err.text);
	if (c == NULL)
		return;
	ok(strcmp(c->name, "Tour") == 0 && c->allow_intl_phones && c->require_confirmed_phone && c->sms_unconfirmed &&
		c->nhome_regions == 1 && strcmp(c->home_regions[0], "GB") == 0, "name and options");
	ok(c->code_type == VF_CODE_TM && c->bands.high == 1000000 && c->bands.mid == 500000 && c->bands.low == 1,
		"code type and bands");
	ok(c->nmarkets == 3 && strcmp(c->markets[0].timezone, "America/New_York") == 0 && c->markets[1].timezone == NULL &&
		!c->markets[1].has_limit && c->markets[2].has_limit, "markets");
	w = vf_campaign_wave(c, "w1");
	ok(w != NULL && w->has_notify_date && w->notify_date == 1796500800, "the notify date is an instant");
	ok(vf_campaign_in_wave(w, vf_slice_str("LAX")) && !vf_campaign_in_wave(w, vf_slice_str("S\xc3\xa3o Paulo")),
		"a wave is for its markets");
	ok(vf_campaign_limit(c, w, vf_slice_str("NYC"), &limit) && limit == 5000, "the wave's limit comes first");
	ok(vf_campaign_limit(c, w, vf_slice_str("LAX"), &limit) && limit == 0, "then the market's, which may be 0");
	ok(vf_campaign_limit(c, vf_campaign_wave(c, "w2"), vf_slice_str("NYC"), &limit) && limit == 20000,
		"another wave has the market's");
	ok(!vf_campaign_limit(c, NULL, vf_slice_str("S\xc3\xa3o Paulo"), &limit) &&
		!vf_campaign_limit(c, NULL, vf_slice_str("XYZ"), &limit), "no limit is no limit");
	w = vf_campaign_wave(c, "w2");
	ok(!w->has_notify_date && vf_campaign_in_wave(w, vf_slice_str("S\xc3\xa3o Paulo")),
		"a wave without markets is for all");
	vf_campaign_free(c);
}

static void
is_bad(const char *rest, const char *want)
{
	char text[1024];
	struct vf_campaign *c;
	const char *colon;

	snprintf(text, sizeof(text), "{\"id\":\"c1\",%s}", rest);
	c = load(text);
	colon = c == NULL ? strstr(err.text, ": ") : NULL;
	ok(colon != NULL && err.kind == VF_ERR_CONFIG && strncmp(err.text, path, strlen(path)) == 0 &&
		strcmp(colon + 2, want) == 0, "%s", want);
	if (colon == NULL || strcmp(colon + 2, want) != 0)
		printf("# got: %s\n", c == NULL ? err.text : "no error");
	vf_campaign_free(c);
}

static void
test_refusals(void)
{
	ok(load("{}") == NULL && strstr(err.text, "$.id: missing") != NULL, "%s", err.text);
	ok(load("{\"id\":5}") == NULL && strstr(err.text, "$.id: not a string") != NULL, "%s", err.text);
	ok(load("{\"id\":\"\"}") == NULL && strstr(err.text, "$.id: empty") != NULL, "%s", err.text);
	ok(load("{\"id\":\"a\\nb\"}") == NULL && strstr(err.text, "$.id: a control character in it") != NULL,
		"an id of two lines is refused");
	ok(load("[]") == NULL && strstr(err.text, "$: not an object") != NULL, "%s", err.text);
	is_bad("\"name\":1", "$.name: not a string");
	is_bad("\"options\":[]", "$.options: not an object");
	is_bad("\"options\":{\"allowIntlPhones\":\"yes\"}", "$.options.allowIntlPhones: not true or false");
	is_bad("\"options\":{\"requireConfirmedPhone\":1}", "$.options.requireConfirmedPhone: not true or false");
	is_bad("\"options\":{\"smsUnconfirmed\":0}", "$.options.smsUnconfirmed: not true or false");
	is_bad("\"options\":{\"homeRegions\":\"US\"}", "$.options.homeRegions: not an array");
	is_bad("\"options\":{\"homeRegions\":[\"US\",\"usa\"]}",
		"$.options.homeRegions[1]: not a region of two capital letters");
	is_bad("\"options\":{\"homeRegions\":[null]}", "$.options.homeRegions[0]: missing");
	is_bad("\"codeType\":\"tm\"", "$.codeType: not generated, external or TM");
	is_bad("\"codeType\":1", "$.codeType: not a string");
	is_bad("\"bands\":{\"high\":\"0.9\"}", "$.bands.high: not a number");
	is_bad("\"bands\":{\"high\":1.1}", "$.bands.high: not above 0 and at most 1");
	is_bad("\"bands\":{\"low\":0}", "$.bands.low: not above 0 and at most 1");
	is_bad("\"bands\":{\"mid\":0.8000001}", "$.bands.mid: more than six decimals");
	is_bad("\"bands\":{\"mid\":0.1}", "$.bands: low, mid and high are not in ascending order");
	is_bad("\"markets\":{}", "$.markets: not an array");
	is_bad("\"markets\":[\"NYC\"]", "$.markets[0]: not an object");
	is_bad("\"markets\":[null]", "$.markets[0]: not an object");
	is_bad("\"markets\":[{\"limit\":5}]", "$.markets[0].id: missing");
	is_bad("\"markets\":[{\"id\":\"\"}]", "$.markets[0].id: empty");
	is_bad("\"markets\":[{\"id\":\"B\"},{\"id\":\"A\"},{\"id\":\"B\"}]",
		"$.markets[2].id: an id that is there already");
	is_bad("\"markets\":[{\"id\":\"A\",\"limit\":-1}]", "$.markets[0].limit: not a whole number of 0 or more");
	is_bad("\"markets\":[{\"id\":\"A\",\"limit\":1.5}]", "$.markets[0].limit: not a whole number of 0 or more");
	is_bad("\"markets\":[{\"id\":\"A\",\"limit\":\"9\"}]", "$.markets[0].limit: not a whole number of 0 or more");
	is_bad("\"markets\":[{\"id\":\"A\",\"timezone\":5}]", "$.markets[0].timezone: not a string");
	is_bad("\"waves\":5", "$.waves: not an array");
	is_bad("\"waves\":[[]]", "$.waves[0]: not an object");
	is_bad("\"waves\":[{}]", "$.waves[0].id: missing");
	is_bad("\"waves\":[{\"id\":\"w\"},{\"id\":\"w\"}]", "$.waves[1].id: an id that is there already");
	is_bad("\"waves\":[{\"id\":\"w\",\"notifyDate\":\"2026-12-05\"}]",
		"$.waves[0].notifyDate: not an RFC 3339 date and time with its offset");
	is_bad("\"waves\":[{\"id\":\"w\",\"notifyDate\":\"2026-12-05T15:00:00\"}]",
		"$.waves[0].notifyDate: not an RFC 3339 date and time with its offset");
	is_bad("\"waves\":[{\"id\":\"w\",\"notifyDate\":\"2026-02-30T15:00:00Z\"}]",
		"$.waves[0].notifyDate: not an RFC 3339 date and time with its offset");
	is_bad("\"waves\":[{\"id\":\"w\",\"notifyDate\":5}]", "$.waves[0].notifyDate: not a string");
	is_bad("\"waves\":[{\"id\":\"w\",\"markets\":[]}]",
		"$.waves[0].markets: empty (leave it out for all markets)");
	is_bad("\"markets\":[{\"id\":\"A\"}],\"waves\":[{\"id\":\"w\",\"markets\":[\"A\",\"B\"]}]",
		"$.waves[0].markets[1]: no such market");
	is_bad("\"markets\":[{\"id\":\"A\"}],\"waves\":[{\"id\":\"w\",\"limits\":{\"B\":5}}]",
		"$.waves[0].limits.B: no such market");
	is_bad("\"waves\":[{\"id\":\"w\",\"limits\":{\"\":5}}]", "$.waves[0].limits[\"\"]: empty");
	is_bad("\"waves\":[{\"id\":\"w\",\"limits\":{\"A\":null}}]",
		"$.waves[0].limits.A: not a whole number of 0 or more");
	is_bad("\"waves\":[{\"id\":\"w\",\"limits\":{\"A\":-5}}]",
		"$.waves[0].limits.A: not a whole number of 0 or more");
	is_bad("\"waves\":[{\"id\":\"w\",\"limits\":[5]}]", "$.waves[0].limits: not an object");
}

/* Where the configuration lists no markets, a wave may name any. */
static void
test_open_markets(void)
{
	struct vf_campaign *c = load("{\"id\":\"c\",\"waves\":[{\"id\":\"w\",\"markets\":[\"A\"],\"limits\":{\"A\":5}}]}");
	uint64_t limit = 0;

	ok(c != NULL && vf_campaign_limit(c, c->waves, vf_slice_str("A"), &limit) && limit == 5,
		"without a list of markets a wave may name any");
	vf_campaign_free(c);
}

/* Many markets are checked in no time, not in the square of it. */
static void
test_many(void)
{
	FILE *f = fopen(path, "w");
	struct vf_campaign *c;

	fprintf(f, "{\"id\":\"c\",\"markets\":[");
	for (int i = 0; i < 200000; i++)
		fprintf(f, "%s{\"id\":\"m%d\"}", i > 0 ? "," : "", i);
	fprintf(f, "],\"waves\":[{\"id\":\"w\",\"markets\":[");
	for (int i = 0; i < 200000; i++)
		fprintf(f, "%s\"m%d\"", i > 0 ? "," : "", 199999 - i);
	fprintf(f, "]}]}");
	fclose(f);
	c = vf_campaign_load(path, &err);
	ok(c != NULL && c->nmarkets == 200000 && c->waves[0].nmarkets == 200000, "200,000 markets");
	vf_campaign_free(c);
}

static void
test_code_types(void)
{
	enum vf_code_type t;

	ok(vf_code_type_parse(vf_slice_str("external"), &t) && t == VF_CODE_EXTERNAL &&
		strcmp(vf_code_type_name(t), "external") == 0, "external");
	ok(vf_code_type_parse(vf_slice_str("TM"), &t) && t == VF_CODE_TM && strcmp(vf_code_type_name(t), "TM") == 0, "TM");
	ok(!vf_code_type_parse(vf_slice_str("void"), &t), "void is no code type of a campaign");
}

int
main(void)
{
	int fd = mkstemp(path);

	if (fd < 0)
		return 99;
	close(fd);
	test_defaults();
	test_full();
	test_refusals();
	test_open_markets();
	test_many();
	test_code_types();
	unlink(path);
	ok(vf_campaign_load(path, &err) == NULL && err.kind == VF_ERR_CONFIG, "no file is a matter of usage");
	return done_testing();
}
