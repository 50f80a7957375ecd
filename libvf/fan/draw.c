#include "fan/draw.h"

#include <stdlib.h>

#include "base/blake4.h"
#include "fan/fan.h"
#include "fan/lot.h"

#define GROUP 64		/* fans whose keys are computed at a time */
#define AHEAD 12		/* winners whose lines are on their way from memory */
#define CACHE 1024		/* names of markets found without a keyed hash; a power of two */

struct market {
	char *name;
	size_t name_len;
	uint64_t head;			/* head_of() the name */
	uint64_t hash;
	uint64_t seen[VF_DRAW_BANDS];
	struct vf_lot lot;
};

struct vf_draw {
	unsigned char k[VF_DIGEST_LEN];
	bool one_market, has_limit_all;
	uint64_t limit_all;
	int (*loser)(void *, const struct vf_drawn *, struct vf_error *);
	void *context;

	struct market *markets;
	size_t n, room;
	uint32_t *slots;		/* open addressing: index + 1 of a market, 0 is free; at most half full */
	size_t nslots;
	unsigned char hash_key[crypto_shorthash_KEYBYTES];
	uint32_t cache[CACHE];		/* index + 1 of the market last seen there */

	struct vf_lot_scratch scratch;
	size_t *order;			/* after finish: the markets by name */
	size_t at_market, at_entry;
	struct market *dropping;	/* whose losers drop() gets */
};

bool
vf_draw_seed_parse(struct vf_slice text, unsigned char seed[VF_DRAW_SEED_LEN])
{
	if (text.n == 2 * VF_DRAW_SEED_LEN + 1 && text.p[text.n - 1] == '\n')
		text.n--;
	return text.n == 2 * VF_DRAW_SEED_LEN && vf_hex_get(text, seed, VF_DRAW_SEED_LEN);
}

void
vf_draw_commitment(const unsigned char seed[VF_DRAW_SEED_LEN], char hex[VF_DIGEST_HEX + 1])
{
	unsigned char digest[VF_DIGEST_LEN];

	crypto_generichash_blake2b(digest, sizeof(digest), seed, VF_DRAW_SEED_LEN, NULL, 0);
	vf_hex_put(hex, digest, sizeof(digest));
}

bool
vf_draw_beacon_parse(struct vf_slice text, char out[VF_DRAW_BEACON_MAX + 1])
{
	if (text.n == 0 || text.n > VF_DRAW_BEACON_MAX)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		out[i] = c;
	}
	out[text.n] = '\0';
	return true;
}

void
vf_draw_derive(unsigned char k[VF_DIGEST_LEN], const unsigned char seed[VF_DRAW_SEED_LEN], struct vf_slice campaign,
	struct vf_slice wave, struct vf_slice beacon)
{
	static const char algorithm[] = VF_DRAW_ALGORITHM;
	const struct vf_slice parts[] = { campaign, wave, beacon };
	crypto_generichash_blake2b_state state;

	crypto_generichash_blake2b_init(&state, seed, VF_DRAW_SEED_LEN, VF_DIGEST_LEN);
	crypto_generichash_blake2b_update(&state, (const unsigned char *)algorithm, sizeof(algorithm) - 1);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		crypto_generichash_blake2b_update(&state, (const unsigned char *)"", 1);
		if (parts[i].n > 0)
			crypto_generichash_blake2b_update(&state, (const unsigned char *)parts[i].p, parts[i].n);
	}
	crypto_generichash_blake2b_final(&state, k, VF_DIGEST_LEN);
	sodium_memzero(&state, sizeof(state));
}

void
vf_draw_key(unsigned char key[VF_DRAW_KEY_LEN], const unsigned char k[VF_DIGEST_LEN], struct vf_slice id)
{
	unsigned char keys[1][VF_DRAW_KEY_LEN];

	vf_blake4(keys, k, &id, 1);
	memcpy(key, keys[0], VF_DRAW_KEY_LEN);
}

struct vf_draw *
vf_draw_new(const struct vf_draw_options *options, struct vf_error *err)
{
	struct vf_draw *draw = calloc(1, sizeof(*draw));

	if (draw == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	memcpy(draw->k, options->k, sizeof(draw->k));
	draw->one_market = options->one_market;
	draw->loser = options->loser;
	draw->context = options->context;
	randombytes_buf(draw->hash_key, sizeof(draw->hash_key));
	return draw;
}

void
vf_draw_free(struct vf_draw *draw)
{
	if (draw == NULL)
		return;
	for (size_t i = 0; i < draw->n; i++)
		free(draw->markets[i].name);
	free(draw->markets);
	free(draw->slots);
	free(draw->order);
	vf_lot_scratch_free(&draw->scratch);
	sodium_memzero(draw, sizeof(*draw));
	free(draw);
}

/* Markets */

static uint64_t
hash_name(const struct vf_draw *draw, struct vf_slice name)
{
	uint64_t h;

	crypto_shorthash((unsigned char *)&h, (const unsigned char *)name.p, name.n, draw->hash_key);
	return h;
}

/* The first eight bytes of a name: the whole of most of them. */
static inline uint64_t
head_of(struct vf_slice name)
{
	uint64_t w = 0;

	if (name.n >= sizeof(w))
		memcpy(&w, name.p, sizeof(w));
	else
		for (size_t i = 0; i < name.n; i++)
			w = w << 8 | (unsigned char)name.p[i];
	return w;
}

static inline bool
is_named(const struct market *m, struct vf_slice name, uint64_t head)
{
	if (m->head != head || m->name_len != name.n)
		return false;
	return name.n <= sizeof(head) || memcmp(m->name, name.p, name.n) == 0;
}

/* The slot of a market, or the free one where it would stand. */
static size_t
find_slot(const struct vf_draw *draw, struct vf_slice name, uint64_t hash)
{
	size_t i = (size_t)hash & (draw->nslots - 1);
	uint64_t head = head_of(name);

	for (; draw->slots[i] != 0; i = (i + 1) & (draw->nslots - 1)) {
		const struct market *m = &draw->markets[draw->slots[i] - 1];

		if (m->hash == hash && is_named(m, name, head))
			break;
	}
	return i;
}

static int
grow_slots(struct vf_draw *draw, struct vf_error *err)
{
	size_t n = draw->nslots > 0 ? 2 * draw->nslots : 256;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (slots == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < draw->n; i++) {
		size_t at = (size_t)draw->markets[i].hash & (n - 1);

		while (slots[at] != 0)
			at = (at + 1) & (n - 1);
		slots[at] = (uint32_t)i + 1;
	}
	free(draw->slots);
	draw->slots = slots;
	draw->nslots = n;
	return 0;
}

static int
grow_markets(struct vf_draw *draw, struct vf_error *err)
{
	size_t room = draw->room + draw->room / 2 + 16;
	struct market *p;

	if (room >= UINT32_MAX)
		return vf_error(err, VF_ERR_FAILED, "too many markets");
	if ((p = realloc(draw->markets, room * sizeof(*p))) == NULL)
		return vf_error_nomem(err);
	draw->markets = p;
	draw->room = room;
	return 0;
}

/* The market, added with this limit when it is new; *fresh says so. NULL out of memory. */
static struct market *
add_market(struct vf_draw *draw, struct vf_slice name, uint64_t limit, bool *fresh, struct vf_error *err)
{
	uint64_t hash = hash_name(draw, name);
	struct market *m;
	size_t slot;

	if (2 * (draw->n + 1) > draw->nslots && grow_slots(draw, err) < 0)
		return NULL;
	slot = find_slot(draw, name, hash);
	*fresh = draw->slots[slot] == 0;
	if (!*fresh)
		return &draw->markets[draw->slots[slot] - 1];
	if (draw->n == draw->room && grow_markets(draw, err) < 0)
		return NULL;
	m = &draw->markets[draw->n];
	memset(m, 0, sizeof(*m));
	if ((m->name = malloc(name.n + 1)) == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	if (name.n > 0)
		memcpy(m->name, name.p, name.n);
	m->name_len = name.n;
	m->head = head_of(name);
	m->hash = hash;
	m->lot.limit = limit;
	draw->slots[slot] = (uint32_t)++draw->n;
	return m;
}

int
vf_draw_limit(struct vf_draw *draw, struct vf_slice market, uint64_t limit, struct vf_error *err)
{
	bool fresh;

	if (add_market(draw, market, limit, &fresh, err) == NULL)
		return -1;
	return fresh ? 0 : 1;
}

void
vf_draw_limit_all(struct vf_draw *draw, uint64_t limit)
{
	draw->has_limit_all = true;
	draw->limit_all = limit;
}

/* A cheap place for a name in the cache; a wrong guess costs one comparison. */
static inline size_t
cache_place(struct vf_slice name, uint64_t head)
{
	return (size_t)((head ^ name.n) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (CACHE - 1);
}

/* 1 and the market's number, 0 when it has no limit, -1. */
static int
look_up(struct vf_draw *draw, struct vf_slice name, uint32_t *market, struct vf_error *err)
{
	uint64_t head = head_of(name);
	uint32_t *cached = &draw->cache[cache_place(name, head)];
	struct market *m;
	bool fresh;

	if (*cached != 0 && is_named(&draw->markets[*cached - 1], name, head)) {
		*market = *cached - 1;
		return 1;
	}
	if (draw->has_limit_all) {
		if ((m = add_market(draw, name, draw->limit_all, &fresh, err)) == NULL)
			return -1;
		*market = (uint32_t)(m - draw->markets);
	} else {
		size_t slot = draw->nslots > 0 ? find_slot(draw, name, hash_name(draw, name)) : 0;

		if (draw->nslots == 0 || draw->slots[slot] == 0)
			return 0;
		*market = draw->slots[slot] - 1;
	}
	*cached = *market + 1;
	return 1;
}

/* Candidates */

/* The verdict, and for a candidate its market; -1 out of memory. */
static int
judge(struct vf_draw *draw, const struct vf_draw_fan *fan, uint32_t *market, struct vf_error *err)
{
	struct vf_slice name = draw->one_market ? vf_slice("", 0) : fan->market;
	int rc;

	if (!vf_fan_id_ok(fan->id))
		return VF_DRAW_MISSING_USER;
	if (fan->band >= VF_BANDS)
		return VF_DRAW_BAD_BAND;
	if (fan->band == VF_BAND_NONE)
		return VF_DRAW_BELOW_BANDS;
	if (name.n == 0 && !draw->one_market)
		return VF_DRAW_BAD_MARKET;
	if ((rc = look_up(draw, name, market, err)) < 0)
		return -1;
	return rc > 0 ? VF_DRAW_CANDIDATE : VF_DRAW_NO_LIMIT;
}

/* False when better bands fill the limit, or the band is behind the worst that is kept: then no key is needed. */
static bool
can_be_drawn(const struct market *m, unsigned band)
{
	uint64_t better = 0;

	if (!m->lot.full)
		return true;
	for (unsigned b = 0; b < band; b++)
		better += m->seen[b];
	return better < m->lot.limit && vf_lot_open_to(&m->lot, band);
}

static void
fill_drawn(struct vf_drawn *out, const struct market *m, const struct vf_lot_entry *e)
{
	out->market = vf_slice(m->name, m->name_len);
	out->lineno = e->lineno;
	out->file = e->file;
	out->delimiter = e->delimiter;
	out->band = e->band;
	out->position = 0;
	for (size_t i = 0; i < VF_DRAW_KEY_LEN; i++)
		out->key[i] = (unsigned char)(e->key[i / 8] >> (56 - 8 * (i % 8)));
}

/* A vf_lot_drop: a candidate that was kept for a while is a loser. */
static int
drop(void *context, const struct vf_lot_entry *e, struct vf_error *err)
{
	struct vf_draw *draw = context;
	struct vf_drawn out;

	fill_drawn(&out, draw->dropping, e);
	out.id = vf_lot_id(e);
	out.line = vf_lot_line(e);
	return draw->loser(draw->context, &out, err);
}

/* In the order of bytes; compilers know this for one load. */
static inline uint64_t
big_endian(const unsigned char *p)
{
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32
		| (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

static int
take(struct vf_draw *draw, struct market *m, const struct vf_draw_fan *fan, const struct vf_lot_entry *e,
	struct vf_error *err)
{
	struct vf_drawn out;
	int rc;

	draw->dropping = m;
	rc = vf_lot_add(&m->lot, e, fan->id, fan->line, &draw->scratch, draw->loser != NULL ? drop : NULL, draw, err);
	if (rc != 0 || draw->loser == NULL)
		return rc < 0 ? -1 : 0;
	fill_drawn(&out, m, e);
	out.id = fan->id;
	out.line = fan->line;
	return draw->loser(draw->context, &out, err);
}

/* Keys and entries of all before the first is taken: a processor stalls on reading what it is still writing. */
static int
take_group(struct vf_draw *draw, const struct vf_draw_fan *const *fans, const struct vf_slice *ids,
	const uint32_t *markets, size_t n, struct vf_error *err)
{
	unsigned char keys[GROUP][VF_DRAW_KEY_LEN];
	struct vf_lot_entry entries[GROUP];

	vf_blake4(keys, draw->k, ids, n);
	for (size_t i = 0; i < n; i++)
		entries[i] = (struct vf_lot_entry){ .key = { big_endian(keys[i]), big_endian(keys[i] + 8) },
			.lineno = fans[i]->lineno, .file = fans[i]->file, .delimiter = fans[i]->delimiter,
			.band = fans[i]->band };
	for (size_t i = 0; i < n; i++)
		if (take(draw, &draw->markets[markets[i]], fans[i], &entries[i], err) < 0)
			return -1;
	return 0;
}

static int
add_group(struct vf_draw *draw, struct vf_draw_fan *fans, size_t n, struct vf_error *err)
{
	const struct vf_draw_fan *todo[GROUP];
	uint32_t markets[GROUP];
	struct vf_slice ids[GROUP];
	size_t ntodo = 0;

	for (size_t i = 0; i < n; i++) {
		int verdict = judge(draw, &fans[i], &markets[ntodo], err);
		struct market *m;

		if (verdict < 0)
			return -1;
		fans[i].verdict = (uint8_t)verdict;
		if (verdict != VF_DRAW_CANDIDATE)
			continue;
		m = &draw->markets[markets[ntodo]];
		m->seen[fans[i].band]++;
		if (draw->loser == NULL && !can_be_drawn(m, fans[i].band))
			continue;
		ids[ntodo] = fans[i].id;
		todo[ntodo++] = &fans[i];
	}
	return take_group(draw, todo, ids, markets, ntodo, err);
}

int
vf_draw_add(struct vf_draw *draw, struct vf_draw_fan *fans, size_t n, struct vf_error *err)
{
	for (size_t i = 0; i < n; i += GROUP)
		if (add_group(draw, fans + i, n - i < GROUP ? n - i : GROUP, err) < 0)
			return -1;
	return 0;
}

/* The end */

static int
by_name(const void *a, const void *b, void *context)
{
	const struct market *markets = context;
	const struct market *x = &markets[*(const size_t *)a], *y = &markets[*(const size_t *)b];

	return vf_slice_cmp(vf_slice(x->name, x->name_len), vf_slice(y->name, y->name_len));
}

static int
order_markets(struct vf_draw *draw, struct vf_error *err)
{
	if ((draw->order = malloc((draw->n + 1) * sizeof(*draw->order))) == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < draw->n; i++)
		draw->order[i] = i;
	qsort_r(draw->order, draw->n, sizeof(*draw->order), by_name, draw->markets);
	return 0;
}

int
vf_draw_finish(struct vf_draw *draw, struct vf_draw_twice *twice, struct vf_error *err)
{
	vf_lot_drop *drop_ = draw->loser != NULL ? drop : NULL;
	const struct vf_lot_entry *two[2];

	if (order_markets(draw, err) < 0)
		return -1;
	for (size_t i = 0; i < draw->n; i++) {
		struct market *m = &draw->markets[draw->order[i]];

		draw->dropping = m;
		if (vf_lot_sort(&m->lot, &draw->scratch, drop_, draw, err) < 0)
			return -1;
		if (vf_lot_twice(&m->lot, two)) {
			for (int k = 0; k < 2; k++) {
				twice->file[k] = two[1 - k]->file;
				twice->lineno[k] = two[1 - k]->lineno;
			}
			return 1;
		}
		if (vf_lot_cut(&m->lot, drop_, draw, err) < 0)
			return -1;
	}
	vf_draw_rewind(draw);
	return 0;
}

size_t
vf_draw_markets(const struct vf_draw *draw)
{
	return draw->n;
}

void
vf_draw_market(const struct vf_draw *draw, size_t i, struct vf_draw_market *out)
{
	const struct market *m = &draw->markets[draw->order[i]];

	out->name = vf_slice(m->name, m->name_len);
	out->limit = m->lot.limit;
	memcpy(out->candidates, m->seen, sizeof(out->candidates));
	out->drawn = m->lot.n;
}

void
vf_draw_rewind(struct vf_draw *draw)
{
	draw->at_market = draw->at_entry = 0;
}

bool
vf_draw_next(struct vf_draw *draw, struct vf_drawn *out)
{
	for (; draw->at_market < draw->n; draw->at_market++, draw->at_entry = 0) {
		const struct market *m = &draw->markets[draw->order[draw->at_market]];
		const struct vf_lot_entry *e;

		if (draw->at_entry == m->lot.n)
			continue;
		e = &m->lot.entries[draw->at_entry];
		/* Lines lie in the order in which they came: each is a cache miss or two unless asked for early. */
		if (m->lot.n - draw->at_entry > AHEAD) {
			__builtin_prefetch(e[AHEAD].line);
			__builtin_prefetch(e[AHEAD].line + 64);
		}
		fill_drawn(out, m, e);
		out->id = vf_lot_id(e);
		out->line = vf_lot_line(e);
		out->position = ++draw->at_entry;
		return true;
	}
	return false;
}
