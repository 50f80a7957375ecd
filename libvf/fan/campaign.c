/* fan/campaign.c -- the campaign configuration: JSON to a struct, every rule checked, errors by JSON path. */
#include "fan/campaign.h"

#include <math.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/json.h"

#define CONFIG_MAX ((size_t)16 << 20)

/* What is being read. */
struct loader {
	struct vf_campaign *campaign;
	struct vf_wave_config *wave;
	const char **markets;		/* ids of campaign->markets, sorted */
};

static const char *const code_types[] = { "generated", "external", "TM" };

const char *
vf_code_type_name(enum vf_code_type type)
{
	return code_types[type];
}

bool
vf_code_type_parse(struct vf_slice s, enum vf_code_type *type)
{
	for (size_t i = 0; i < sizeof(code_types) / sizeof(*code_types); i++)
		if (vf_slice_is(s, code_types[i])) {
			*type = (enum vf_code_type)i;
			return true;
		}
	return false;
}

/* Ids and market names become CSV fields, and one record is one line. */
static bool
has_control(struct vf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

static int
check_name(const struct vf_json_at *at, struct vf_slice s, struct vf_error *err)
{
	if (s.n == 0)
		return vf_json_fail(at, err, "empty");
	return has_control(s) ? vf_json_fail(at, err, "a control character in it") : 0;
}

static int
copy(struct vf_slice s, char **to, struct vf_error *err)
{
	*to = strndup(s.p, s.n);
	return *to == NULL ? vf_error_nomem(err) : 0;
}

/* A text without control characters into *to, NULL when it is absent: 1, 0 or -1. */
static int
get_text(const struct vf_json_at *at, char **to, struct vf_error *err)
{
	struct vf_slice s;
	int rc = vf_json_get_str(at, &s, err);

	if (rc <= 0)
		return rc;
	if (check_name(at, s, err) < 0 || copy(s, to, err) < 0)
		return -1;
	return 1;
}

static int
need_text(const struct vf_json_at *at, char **to, struct vf_error *err)
{
	int rc = get_text(at, to, err);

	return rc == 0 ? vf_json_fail(at, err, "missing") : rc;
}

static int
need_object(const struct vf_json_at *at, struct vf_error *err)
{
	int rc = vf_json_get_object(at, err);

	return rc == 0 ? vf_json_fail(at, err, "not an object") : rc;
}

/* Zeroed room for an array's elements; NULL when it is absent or empty (*n is 0) or on error (*n is 0, -1 in *rc). */
static void *
get_elements(const struct vf_json_at *at, size_t size, size_t *n, int *rc, struct vf_error *err)
{
	void *v = NULL;

	*n = 0;
	*rc = vf_json_get_array(at, n, err);
	if (*rc <= 0 || *n == 0)
		return NULL;
	v = calloc(*n, size);
	if (v == NULL) {
		*n = 0;
		*rc = vf_error_nomem(err);
	}
	return v;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * Sorts the ids of an array's elements, so that a configuration of any size is
 * checked in no time; one that is there twice is an error that names the later.
 */
static int
sort_ids(const struct vf_json_at *at, const char **ids, size_t n, struct vf_error *err)
{
	const char *twice = NULL;

	qsort(ids, n, sizeof(*ids), compare_texts);
	for (size_t i = 1; i < n && twice == NULL; i++)
		if (strcmp(ids[i - 1], ids[i]) == 0)
			twice = ids[i];
	for (size_t i = n; twice != NULL && i-- > 0;) {
		struct vf_json_at e = vf_json_element(at, i);
		struct vf_json_at id = vf_json_member(&e, "id");
		struct vf_slice s = { NULL, 0 };

		if (vf_json_get_str(&id, &s, err) > 0 && vf_slice_is(s, twice))
			return vf_json_fail(&id, err, "an id that is there already");
	}
	return 0;
}

static bool
is_region(const char *s)
{
	return s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'A' && s[1] <= 'Z' && s[2] == '\0';
}

static int
load_regions(struct vf_campaign *c, const struct vf_json_at *at, struct vf_error *err)
{
	int rc;

	c->home_regions = get_elements(at, sizeof(*c->home_regions), &c->nhome_regions, &rc, err);
	if (rc < 0)
		return -1;
	if (rc == 0) {
		c->home_regions = calloc(2, sizeof(*c->home_regions));
		if (c->home_regions == NULL)
			return vf_error_nomem(err);
		c->nhome_regions = 2;
		return copy(vf_slice_str("US"), &c->home_regions[0], err) < 0 ||
				copy(vf_slice_str("CA"), &c->home_regions[1], err) < 0 ? -1 : 0;
	}
	for (size_t i = 0; i < c->nhome_regions; i++) {
		struct vf_json_at e = vf_json_element(at, i);

		if (need_text(&e, &c->home_regions[i], err) < 0)
			return -1;
		if (!is_region(c->home_regions[i]))
			return vf_json_fail(&e, err, "not a region of two capital letters");
	}
	return 0;
}

static int
load_options(struct vf_campaign *c, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "options");
	struct vf_json_at intl = vf_json_member(&at, "allowIntlPhones");
	struct vf_json_at confirmed = vf_json_member(&at, "requireConfirmedPhone");
	struct vf_json_at unconfirmed = vf_json_member(&at, "smsUnconfirmed");
	struct vf_json_at regions = vf_json_member(&at, "homeRegions");

	if (vf_json_get_object(&at, err) < 0 || vf_json_get_bool(&intl, &c->allow_intl_phones, err) < 0 ||
		vf_json_get_bool(&confirmed, &c->require_confirmed_phone, err) < 0 ||
		vf_json_get_bool(&unconfirmed, &c->sms_unconfirmed, err) < 0)
		return -1;
	return load_regions(c, &regions, err);
}

static int
load_code_type(struct vf_campaign *c, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "codeType");
	struct vf_slice s;
	int rc = vf_json_get_str(&at, &s, err);

	if (rc > 0 && !vf_code_type_parse(s, &c->code_type))
		return vf_json_fail(&at, err, "not generated, external or TM");
	return rc < 0 ? -1 : 0;
}

/* A threshold in (0, 1] with at most six decimals. */
static int
load_threshold(const struct vf_json_at *bands, const char *key, uint32_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(bands, key);
	double d, millionths;
	int rc = vf_json_get_double(&at, &d, err);

	if (rc <= 0)
		return rc;
	if (!(d > 0 && d <= 1))
		return vf_json_fail(&at, err, "not above 0 and at most 1");
	millionths = nearbyint(d * 1e6);
	/* A decimal of six digits is off by less than 1e-9 after the product; a seventh digit by 0.1. */
	if (millionths < 1 || fabs(d * 1e6 - millionths) > 1e-6)
		return vf_json_fail(&at, err, "more than six decimals");
	*to = (uint32_t)millionths;
	return 0;
}

static int
load_bands(struct vf_campaign *c, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "bands");

	if (vf_json_get_object(&at, err) < 0 || load_threshold(&at, "high", &c->bands.high, err) < 0 ||
		load_threshold(&at, "mid", &c->bands.mid, err) < 0 ||
		load_threshold(&at, "low", &c->bands.low, err) < 0)
		return -1;
	if (c->bands.low > c->bands.mid || c->bands.mid > c->bands.high)
		return vf_json_fail(&at, err, "low, mid and high are not in ascending order");
	return 0;
}

static int
load_market(struct vf_market *m, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_json_at id = vf_json_member(at, "id");
	struct vf_json_at limit = vf_json_member(at, "limit");
	struct vf_json_at timezone = vf_json_member(at, "timezone");
	int rc;

	if (need_object(at, err) < 0 || need_text(&id, &m->id, err) < 0)
		return -1;
	rc = vf_json_get_u64(&limit, &m->limit, err);
	m->has_limit = rc > 0;
	return rc < 0 || get_text(&timezone, &m->timezone, err) < 0 ? -1 : 0;
}

static int
load_markets(struct loader *l, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "markets");
	struct vf_campaign *c = l->campaign;
	int rc;

	c->markets = get_elements(&at, sizeof(*c->markets), &c->nmarkets, &rc, err);
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < c->nmarkets; i++) {
		struct vf_json_at e = vf_json_element(&at, i);

		if (load_market(&c->markets[i], &e, err) < 0)
			return -1;
	}
	l->markets = calloc(c->nmarkets + 1, sizeof(*l->markets));
	if (l->markets == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < c->nmarkets; i++)
		l->markets[i] = c->markets[i].id;
	return sort_ids(&at, l->markets, c->nmarkets, err);
}

/* Markets that a wave names have to be known, where the configuration lists any. */
static int
check_known(const struct loader *l, const struct vf_json_at *at, const char *market, struct vf_error *err)
{
	if (check_name(at, vf_slice_str(market), err) < 0)
		return -1;
	if (l->campaign->nmarkets > 0 &&
		bsearch(&market, l->markets, l->campaign->nmarkets, sizeof(*l->markets), compare_texts) == NULL)
		return vf_json_fail(at, err, "no such market");
	return 0;
}

static int
load_wave_markets(struct loader *l, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_wave_config *w = l->wave;
	int rc;

	w->markets = get_elements(at, sizeof(*w->markets), &w->nmarkets, &rc, err);
	if (rc < 0)
		return -1;
	/* Absent is all of them; an empty list could be meant either way. */
	if (rc > 0 && w->nmarkets == 0)
		return vf_json_fail(at, err, "empty (leave it out for all markets)");
	for (size_t i = 0; i < w->nmarkets; i++) {
		struct vf_json_at e = vf_json_element(at, i);

		if (need_text(&e, &w->markets[i], err) < 0 || check_known(l, &e, w->markets[i], err) < 0)
			return -1;
	}
	return 0;
}

static int
load_limit(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	const struct loader *l = arg;
	struct vf_wave_config *w = l->wave;
	struct vf_limit *limits;
	uint64_t n;
	int rc;

	if (check_known(l, at, key, err) < 0)
		return -1;
	rc = vf_json_get_u64(at, &n, err);
	if (rc <= 0)
		return rc == 0 ? vf_json_fail(at, err, "not a whole number of 0 or more") : -1;
	limits = reallocarray(w->limits, w->nlimits + 1, sizeof(*limits));
	if (limits == NULL)
		return vf_error_nomem(err);
	w->limits = limits;
	limits[w->nlimits].limit = n;
	if (copy(vf_slice_str(key), &limits[w->nlimits].market, err) < 0)
		return -1;
	w->nlimits++;
	return 0;
}

static int
load_notify_date(struct vf_wave_config *w, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_slice s;
	int rc = vf_json_get_str(at, &s, err);

	if (rc > 0 && !vf_date_parse(s, &w->notify_date))
		return vf_json_fail(at, err, "not an RFC 3339 date and time with its offset");
	w->has_notify_date = rc > 0;
	return rc < 0 ? -1 : 0;
}

static int
load_wave(struct loader *l, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_json_at id = vf_json_member(at, "id");
	struct vf_json_at date = vf_json_member(at, "notifyDate");
	struct vf_json_at markets = vf_json_member(at, "markets");
	struct vf_json_at limits = vf_json_member(at, "limits");

	if (need_object(at, err) < 0 || need_text(&id, &l->wave->id, err) < 0 ||
		load_notify_date(l->wave, &date, err) < 0 || load_wave_markets(l, &markets, err) < 0)
		return -1;
	return vf_json_each(&limits, load_limit, l, err);
}

static int
load_waves(struct loader *l, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "waves");
	struct vf_campaign *c = l->campaign;
	const char **ids;
	int rc;

	c->waves = get_elements(&at, sizeof(*c->waves), &c->nwaves, &rc, err);
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < c->nwaves; i++) {
		struct vf_json_at e = vf_json_element(&at, i);

		l->wave = &c->waves[i];
		if (load_wave(l, &e, err) < 0)
			return -1;
	}
	ids = calloc(c->nwaves + 1, sizeof(*ids));
	if (ids == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < c->nwaves; i++)
		ids[i] = c->waves[i].id;
	rc = sort_ids(&at, ids, c->nwaves, err);
	free(ids);
	return rc;
}

static int
load(struct loader *l, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at id = vf_json_member(root, "id");
	struct vf_json_at name = vf_json_member(root, "name");
	struct vf_campaign *c = l->campaign;

	if (vf_json_get_object(root, err) < 0)
		return -1;
	if (need_text(&id, &c->id, err) < 0 || get_text(&name, &c->name, err) < 0 ||
		load_options(c, root, err) < 0 || load_code_type(c, root, err) < 0 ||
		load_bands(c, root, err) < 0 || load_markets(l, root, err) < 0)
		return -1;
	return load_waves(l, root, err);
}

struct vf_campaign *
vf_campaign_load(const char *path, struct vf_error *err)
{
	struct vf_json *doc = vf_json_load(path, CONFIG_MAX, err);
	struct vf_json_at root = vf_json_root(doc, path);
	struct loader l = { 0 };

	if (doc == NULL)
		return NULL;
	l.campaign = calloc(1, sizeof(*l.campaign));
	if (l.campaign == NULL) {
		vf_error_nomem(err);
	} else {
		l.campaign->bands = (struct vf_bands)VF_BANDS_DEFAULT;
		if (load(&l, &root, err) < 0) {
			vf_campaign_free(l.campaign);
			l.campaign = NULL;
		}
	}
	free(l.markets);
	vf_json_free(doc);
	return l.campaign;
}

static void
free_texts(char **v, size_t n)
{
	for (size_t i = 0; v != NULL && i < n; i++)
		free(v[i]);
	free(v);
}

static void
free_wave(struct vf_wave_config *w)
{
	for (size_t i = 0; i < w->nlimits; i++)
		free(w->limits[i].market);
	free(w->limits);
	free_texts(w->markets, w->nmarkets);
	free(w->id);
}

void
vf_campaign_free(struct vf_campaign *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->nmarkets; i++) {
		free(c->markets[i].id);
		free(c->markets[i].timezone);
	}
	free(c->markets);
	for (size_t i = 0; i < c->nwaves; i++)
		free_wave(&c->waves[i]);
	free(c->waves);
	free_texts(c->home_regions, c->nhome_regions);
	free(c->id);
	free(c->name);
	free(c);
}

const struct vf_wave_config *
vf_campaign_wave(const struct vf_campaign *c, const char *id)
{
	for (size_t i = 0; i < c->nwaves; i++)
		if (strcmp(c->waves[i].id, id) == 0)
			return &c->waves[i];
	return NULL;
}

bool
vf_campaign_in_wave(const struct vf_wave_config *w, struct vf_slice market)
{
	if (w == NULL || w->nmarkets == 0)
		return true;
	for (size_t i = 0; i < w->nmarkets; i++)
		if (vf_slice_is(market, w->markets[i]))
			return true;
	return false;
}

bool
vf_campaign_limit(const struct vf_campaign *c, const struct vf_wave_config *w, struct vf_slice market, uint64_t *limit)
{
	for (size_t i = 0; w != NULL && i < w->nlimits; i++)
		if (vf_slice_is(market, w->limits[i].market)) {
			*limit = w->limits[i].limit;
			return true;
		}
	for (size_t i = 0; i < c->nmarkets; i++)
		if (vf_slice_is(market, c->markets[i].id)) {
			*limit = c->markets[i].limit;
			return c->markets[i].has_limit;
		}
	return false;
}
