#include "fan/audit.h"

#include <inttypes.h>

/* A name of somebody's file, for a message: "%.*s". */
#define SHOW(slice) (int)((slice).n < 100 ? (slice).n : 100), (slice).p

int
vf_audit_seed(const struct vf_manifest *m, const char *commitment, struct vf_error *err)
{
	if (strcmp(commitment, m->commitment) == 0)
		return 0;
	return vf_error(err, VF_ERR_FAILED, "seed-differs: %s: the seed's commitment is %s, the manifest's is %s",
		m->path, commitment, m->commitment);
}

int
vf_audit_campaign(const struct vf_manifest *m, const struct vf_campaign *c, struct vf_error *err)
{
	if (!vf_slice_is(m->campaign, c->id))
		return vf_error(err, VF_ERR_CONFIG, "%s: the manifest of another campaign", m->path);
	if (memcmp(&c->bands, &m->bands, sizeof(m->bands)) != 0)
		return vf_error(err, VF_ERR_FAILED, "limits-differ: %s: the bands are not the configuration's", m->path);
	return 0;
}

/* Limits */

static int
limits_differ(const struct vf_manifest *m, struct vf_slice market, const char *cause, struct vf_error *err)
{
	return vf_error(err, VF_ERR_FAILED, "limits-differ: %s: market %.*s: %s", m->path, SHOW(market), cause);
}

int
vf_audit_own_limits(const struct vf_manifest *m, struct vf_error *err)
{
	for (size_t i = 0; i < m->nmarkets; i++) {
		const struct vf_manifest_market *market = &m->markets[i];
		uint64_t left = market->limit;

		if (!market->has_limit || !market->has_counts)
			return limits_differ(m, market->name,
				market->has_limit ? "has a limit and no counts" : "has no limit", err);
		for (int b = 0; b < VF_DRAW_BANDS; b++)		/* their sum may be more than 64 bits hold */
			left -= market->candidates[b] < left ? market->candidates[b] : left;
		if (market->drawn != market->limit - left)
			return limits_differ(m, market->name,
				"the number drawn is not what the limit and the candidates give", err);
	}
	return 0;
}

int
vf_audit_limit(const struct vf_manifest *m, uint64_t announced, struct vf_error *err)
{
	for (size_t i = 0; i < m->nmarkets; i++)
		if (m->markets[i].limit != announced)
			return limits_differ(m, m->markets[i].name, "its limit is not the one announced", err);
	return 0;
}

int
vf_audit_limits(const struct vf_manifest *m, const struct vf_draw *announced, struct vf_error *err)
{
	size_t i = 0, j = 0, n = vf_draw_markets(announced);

	/* Both are in byte order. */
	while (i < m->nmarkets || j < n) {
		struct vf_draw_market other = { 0 };
		int c;

		if (j < n)
			vf_draw_market(announced, j, &other);
		c = i == m->nmarkets ? 1 : j == n ? -1 : vf_slice_cmp(m->markets[i].name, other.name);
		if (c < 0)
			return limits_differ(m, m->markets[i].name, "has a limit that was not announced", err);
		if (c > 0)
			return limits_differ(m, other.name, "its limit was announced and is not there", err);
		if (m->markets[i].limit != other.limit)
			return limits_differ(m, other.name, "its limit is not the one announced", err);
		i++;
		j++;
	}
	return 0;
}

/* Entrants */

static int
entrants_differ(struct vf_slice file, const char *cause, struct vf_error *err)
{
	return vf_error(err, VF_ERR_FAILED, "entrants-differ: %.*s: %s", (int)file.n, file.p, cause);
}

int
vf_audit_entrants(const struct vf_manifest *m, const struct vf_manifest_file *given, size_t n, struct vf_error *err)
{
	for (size_t i = 0; i < n && i < m->nentrants; i++) {
		if (given[i].records != m->entrants[i].records)
			return vf_error(err, VF_ERR_FAILED,
				"entrants-differ: %.*s: %" PRIu64 " records, the manifest has %" PRIu64,
				(int)given[i].name.n, given[i].name.p, given[i].records, m->entrants[i].records);
		if (strcmp(given[i].blake2b, m->entrants[i].blake2b) != 0)
			return entrants_differ(given[i].name, "its bytes are not those of the manifest's digest", err);
	}
	if (n > m->nentrants)
		return entrants_differ(given[m->nentrants].name, "not in the manifest", err);
	if (n < m->nentrants)
		return vf_error(err, VF_ERR_FAILED,
			"entrants-differ: %s: the manifest's file %zu, %.*s, was not given", m->path, n + 1,
			SHOW(m->entrants[n].name));
	return 0;
}

int
vf_audit_counts(const struct vf_manifest *m, const struct vf_draw *again, struct vf_error *err)
{
	struct vf_draw_market market;

	for (size_t i = 0; i < m->nmarkets && i < vf_draw_markets(again); i++) {
		vf_draw_market(again, i, &market);
		if (memcmp(market.candidates, m->markets[i].candidates, sizeof(market.candidates)) != 0)
			return vf_error(err, VF_ERR_FAILED,
				"entrants-differ: %s: market %.*s: its candidates are not those of the entrants", m->path,
				SHOW(market.name));
	}
	return 0;
}
