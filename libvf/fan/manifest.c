#include "fan/manifest.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/text.h"

#define MANIFEST_MAX ((size_t)256 << 20)

/* Writing */

static int
add_text_member(struct vf_buf *b, const char *key, struct vf_slice value)
{
	vf_buf_addf(b, " \"%s\": ", key);
	vf_text_add_json(b, value);
	return vf_buf_add_str(b, ",\n");
}

/* Millionths as the shortest decimal: 0.95. */
static int
add_threshold(struct vf_buf *b, const char *key, uint32_t millionths)
{
	char text[8];
	size_t n = sizeof(text);

	vf_num_put_millionths(text, millionths);
	while (text[n - 1] == '0' && text[n - 2] != '.')
		n--;
	vf_buf_addf(b, "\"%s\": ", key);
	return vf_buf_add_slice(b, vf_slice(text, n));
}

static int
add_counts(struct vf_buf *b, const struct vf_manifest_market *m)
{
	vf_text_add_json(b, m->name);
	vf_buf_add_str(b, ":{");
	for (int i = 0; i < VF_DRAW_BANDS; i++)
		vf_buf_addf(b, "\"%s\":%ju,", vf_band_names[i], (uintmax_t)m->candidates[i]);
	return vf_buf_addf(b, "\"drawn\":%ju}", (uintmax_t)m->drawn);
}

int
vf_manifest_add_markets(struct vf_buf *b, const struct vf_manifest *manifest)
{
	const char *separator = "";

	vf_buf_add_char(b, '{');
	for (size_t i = 0; i < manifest->nmarkets; i++) {
		if (!manifest->markets[i].has_counts)
			continue;
		vf_buf_add_str(b, separator);
		add_counts(b, &manifest->markets[i]);
		separator = ",";
	}
	return vf_buf_add_char(b, '}');
}

static void
add_limits(struct vf_buf *b, const struct vf_manifest *manifest)
{
	const char *separator = "\n  ";

	vf_buf_add_str(b, " \"limits\": {");
	for (size_t i = 0; i < manifest->nmarkets; i++) {
		if (!manifest->markets[i].has_limit)
			continue;
		vf_buf_add_str(b, separator);
		vf_text_add_json(b, manifest->markets[i].name);
		vf_buf_addf(b, ": %ju", (uintmax_t)manifest->markets[i].limit);
		separator = ",\n  ";
	}
	vf_buf_add_str(b, "},\n");
}

static void
add_market_lines(struct vf_buf *b, const struct vf_manifest *manifest)
{
	const char *separator = "\n  ";

	vf_buf_add_str(b, " \"markets\": {");
	for (size_t i = 0; i < manifest->nmarkets; i++) {
		if (!manifest->markets[i].has_counts)
			continue;
		vf_buf_add_str(b, separator);
		add_counts(b, &manifest->markets[i]);
		separator = ",\n  ";
	}
	vf_buf_add_str(b, "},\n");
}

int
vf_manifest_add(struct vf_buf *b, const struct vf_manifest *m)
{
	vf_buf_add_str(b, "{\n");
	add_text_member(b, "algorithm", vf_slice_str(VF_DRAW_ALGORITHM));
	add_text_member(b, "campaignId", m->campaign);
	add_text_member(b, "waveId", m->wave);
	vf_buf_add_str(b, " \"bands\": {");
	add_threshold(b, "high", m->bands.high);
	vf_buf_add_str(b, ", ");
	add_threshold(b, "mid", m->bands.mid);
	vf_buf_add_str(b, ", ");
	add_threshold(b, "low", m->bands.low);
	vf_buf_add_str(b, "},\n");
	add_limits(b, m);
	add_text_member(b, "commitment", vf_slice_str(m->commitment));
	add_text_member(b, "beacon", m->beacon);
	add_market_lines(b, m);
	vf_buf_add_str(b, " \"entrants\": [");
	for (size_t i = 0; i < m->nentrants; i++) {
		vf_buf_add_str(b, i > 0 ? ",\n  {\"file\": " : "\n  {\"file\": ");
		vf_text_add_json(b, m->entrants[i].name);
		vf_buf_addf(b, ", \"records\": %ju, \"blake2b\": \"%s\"}", (uintmax_t)m->entrants[i].records,
			m->entrants[i].blake2b);
	}
	return vf_buf_addf(b, "],\n \"result\": {\"records\": %ju, \"blake2b\": \"%s\"}\n}\n",
		(uintmax_t)m->result.records, m->result.blake2b);
}

int
vf_manifest_markets(struct vf_manifest *m, const struct vf_draw *draw, struct vf_error *err)
{
	size_t n = vf_draw_markets(draw);

	m->markets = calloc(n + 1, sizeof(*m->markets));
	if (m->markets == NULL)
		return vf_error_nomem(err);
	for (m->nmarkets = 0; m->nmarkets < n; m->nmarkets++) {
		struct vf_manifest_market *to = &m->markets[m->nmarkets];
		struct vf_draw_market from;

		vf_draw_market(draw, m->nmarkets, &from);
		to->name = from.name;
		to->has_limit = to->has_counts = true;
		to->limit = from.limit;
		memcpy(to->candidates, from.candidates, sizeof(to->candidates));
		to->drawn = from.drawn;
	}
	return 0;
}

void
vf_manifest_clear(struct vf_manifest *m)
{
	free(m->markets);
	free(m->entrants);
	vf_json_free(m->document);
	memset(m, 0, sizeof(*m));
}

/* Reading */

static int
need_u64(const struct vf_json_at *parent, const char *key, uint64_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(parent, key);
	int rc = vf_json_get_u64(&at, to, err);

	return rc == 0 ? vf_json_fail(&at, err, "missing") : rc;
}

/* A digest: 64 hex digits, lower-cased. */
static int
need_digest(const struct vf_json_at *parent, const char *key, char to[VF_DIGEST_HEX + 1], struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(parent, key);
	unsigned char bytes[VF_DIGEST_LEN];
	struct vf_slice text;
	int rc = vf_json_get_str(&at, &text, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return vf_json_fail(&at, err, "missing");
	if (!vf_hex_get(text, bytes, sizeof(bytes)))
		return vf_json_fail(&at, err, "not 64 hex digits");
	vf_hex_put(to, bytes, sizeof(bytes));
	return 0;
}

static int
load_algorithm(const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "algorithm");
	struct vf_slice text;
	int rc = vf_json_get_str(&at, &text, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || !vf_slice_is(text, VF_DRAW_ALGORITHM))
		return vf_json_fail(&at, err, "not " VF_DRAW_ALGORITHM);
	return 0;
}

static int
load_texts(struct vf_manifest *m, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at campaign = vf_json_member(root, "campaignId");
	struct vf_json_at wave = vf_json_member(root, "waveId");
	struct vf_json_at beacon = vf_json_member(root, "beacon");
	char hex[VF_DRAW_BEACON_MAX + 1];

	if (vf_json_get_str(&campaign, &m->campaign, err) < 0 || vf_json_get_str(&wave, &m->wave, err) < 0
		|| vf_json_get_str(&beacon, &m->beacon, err) < 0)
		return -1;
	if (m->beacon.n > 0 && (!vf_draw_beacon_parse(m->beacon, hex) || !vf_slice_is(m->beacon, hex)))
		return vf_json_fail(&beacon, err, "not lower-case hex");
	return 0;
}

static int
load_threshold(const struct vf_json_at *bands, const char *key, uint32_t *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(bands, key);
	double value;
	int rc = vf_json_get_double(&at, &value, err);

	if (rc < 0)
		return -1;
	if (rc == 0 || !(value >= 0 && value <= 1))
		return vf_json_fail(&at, err, "not a number from 0 to 1");
	*to = (uint32_t)(value * 1e6 + 0.5);
	return 0;
}

static int
load_bands(struct vf_bands *bands, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "bands");

	if (load_threshold(&at, "high", &bands->high, err) < 0 || load_threshold(&at, "mid", &bands->mid, err) < 0)
		return -1;
	return load_threshold(&at, "low", &bands->low, err);
}

struct markets {
	struct vf_manifest *manifest;
	size_t room;
};

static struct vf_manifest_market *
add_market(struct markets *to, const char *name, struct vf_error *err)
{
	struct vf_manifest *m = to->manifest;

	if (m->nmarkets == to->room) {
		size_t room = to->room + to->room / 2 + 64;
		struct vf_manifest_market *p = realloc(m->markets, room * sizeof(*p));

		if (p == NULL) {
			vf_error_nomem(err);
			return NULL;
		}
		m->markets = p;
		to->room = room;
	}
	memset(&m->markets[m->nmarkets], 0, sizeof(*m->markets));
	m->markets[m->nmarkets].name = vf_slice_str(name);
	return &m->markets[m->nmarkets++];
}

static int
load_limit(void *to, const char *name, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_manifest_market *m = add_market(to, name, err);
	int rc;

	if (m == NULL)
		return -1;
	m->has_limit = true;
	rc = vf_json_get_u64(at, &m->limit, err);
	return rc == 0 ? vf_json_fail(at, err, "not a number") : rc < 0 ? -1 : 0;
}

static int
load_counts(void *to, const char *name, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_manifest_market *m = add_market(to, name, err);

	if (m == NULL)
		return -1;
	m->has_counts = true;
	for (int i = 0; i < VF_DRAW_BANDS; i++)
		if (need_u64(at, vf_band_names[i], &m->candidates[i], err) < 0)
			return -1;
	return need_u64(at, "drawn", &m->drawn, err) < 0 ? -1 : 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct vf_manifest_market *x = a, *y = b;

	return vf_slice_cmp(x->name, y->name);
}

/* One entry a market, of its limit and its counts. */
static void
join_markets(struct vf_manifest *m)
{
	size_t n = 0;

	if (m->nmarkets == 0)
		return;
	qsort(m->markets, m->nmarkets, sizeof(*m->markets), by_name);
	for (size_t i = 1; i < m->nmarkets; i++) {
		struct vf_manifest_market *a = &m->markets[n], *b = &m->markets[i];

		if (!vf_slice_eq(a->name, b->name)) {
			m->markets[++n] = *b;
			continue;
		}
		if (b->has_limit)
			a->limit = b->limit;
		if (b->has_counts) {
			memcpy(a->candidates, b->candidates, sizeof(a->candidates));
			a->drawn = b->drawn;
		}
		a->has_limit = a->has_limit || b->has_limit;
		a->has_counts = a->has_counts || b->has_counts;
	}
	m->nmarkets = n + 1;
}

static int
load_markets(struct vf_manifest *m, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at limits = vf_json_member(root, "limits");
	struct vf_json_at markets = vf_json_member(root, "markets");
	struct markets to = { m, 0 };

	if (limits.value == NULL)
		return vf_json_fail(&limits, err, "missing");
	if (markets.value == NULL)
		return vf_json_fail(&markets, err, "missing");
	if (vf_json_each(&limits, load_limit, &to, err) < 0 || vf_json_each(&markets, load_counts, &to, err) < 0)
		return -1;
	join_markets(m);
	return 0;
}

static int
load_entrants(struct vf_manifest *m, const struct vf_json_at *root, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, "entrants");
	size_t n = 0;
	int rc = vf_json_get_array(&at, &n, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return vf_json_fail(&at, err, "missing");
	if ((m->entrants = calloc(n + 1, sizeof(*m->entrants))) == NULL)
		return vf_error_nomem(err);
	for (; m->nentrants < n; m->nentrants++) {
		struct vf_json_at element = vf_json_element(&at, m->nentrants);
		struct vf_json_at file = vf_json_member(&element, "file");
		struct vf_manifest_file *e = &m->entrants[m->nentrants];

		if (vf_json_get_str(&file, &e->name, err) < 0 || need_u64(&element, "records", &e->records, err) < 0
			|| need_digest(&element, "blake2b", e->blake2b, err) < 0)
			return -1;
	}
	return 0;
}

int
vf_manifest_load(struct vf_manifest *m, const char *path, struct vf_error *err)
{
	struct vf_json_at root, result;

	*m = (struct vf_manifest){ .path = path };
	if ((m->document = vf_json_load(path, MANIFEST_MAX, err)) == NULL)
		return -1;
	root = vf_json_root(m->document, path);
	result = vf_json_member(&root, "result");
	if (vf_json_get_object(&root, err) < 0 || load_algorithm(&root, err) < 0 || load_texts(m, &root, err) < 0
		|| need_digest(&root, "commitment", m->commitment, err) < 0 || load_bands(&m->bands, &root, err) < 0
		|| load_markets(m, &root, err) < 0 || load_entrants(m, &root, err) < 0)
		return -1;
	if (need_u64(&result, "records", &m->result.records, err) < 0)
		return -1;
	return need_digest(&result, "blake2b", m->result.blake2b, err);
}
