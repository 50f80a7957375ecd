#include "fan/domains.h"

#include <stdlib.h>

#include "base/buf.h"

#define LINE 64				/* bytes of a cache line: what is remembered of a domain fills one */
#define CACHE 2048			/* domains remembered; a power of two */
#define CACHE_NAME 46			/* longer names are looked up each time */
#define USUAL_LINE 16			/* bytes: to guess the number of entries from the size of a text */
#define SEED UINT64_C(0x9ae16a3b2f90404f)
#define STEP UINT64_C(0x9fb21c651e98df25)

/*
 * One name: a domain, or an address with its domain behind it.  The masks say
 * which lists hold it, and which hold addresses of that domain.
 */
struct entry {
	uint64_t hash;
	uint32_t name;			/* offset into names */
	uint8_t len;			/* 0: a free slot; names are 254 bytes at most */
	uint8_t exact, below, addresses;
};

/* Entries by hash, open addressing, never more than half full, and a bitmap in front that most misses stop at. */
struct table {
	struct entry *slots;
	uint64_t *bitmap;		/* 16 bits a slot */
	uint64_t used;
	unsigned log;			/* slots: 1 << log */
};

/* An at sign in a glob stands for the one of the address, so that each side can be matched alone. */
struct glob {
	uint32_t local, domain;		/* offsets into names; local alone when the glob is for the whole address */
	uint8_t nlocal, ndomain;
	uint8_t lists;
	enum { GLOB_DOMAIN, GLOB_SIDES, GLOB_WHOLE } kind;
};

/* What is known of a domain before the local part is looked at. */
struct verdict {
	uint64_t hash;			/* of the domain: an address' goes on from there */
	uint8_t lists;			/* that hold every address of the domain */
	uint8_t addresses;		/* that hold some addresses of it */
	uint8_t globs;			/* that have globs with a local part whose domain fits */
};

struct remembered {
	struct verdict verdict;
	uint8_t len;			/* 0: free */
	char name[CACHE_NAME + 1];
};
_Static_assert(sizeof(struct remembered) == LINE, "a domain's line");

struct vf_domains {
	struct table table;
	struct vf_buf names;
	struct glob *globs;
	size_t nglobs, globs_room;
	unsigned depth;			/* labels of the longest name with everything below it */
	struct remembered *cache;	/* CACHE of them, each in a cache line of its own */
};

/*
 * Hashes run from the last byte to the first, so that one pass gives the hash
 * of every domain above a name.  The list is the operator's own: a fan can ask
 * for any name, but cannot put one in.
 */
static inline uint64_t
hash_step(uint64_t h, char c)
{
	h = (h ^ (unsigned char)c) * STEP;
	return h ^ h >> 29;
}

static uint64_t
hash_name(struct vf_slice s)
{
	uint64_t h = SEED;

	for (size_t i = s.n; i > 0; i--)
		h = hash_step(h, s.p[i - 1]);
	return h;
}

static inline uint64_t
slot_of(const struct table *t, uint64_t hash)
{
	return hash * STEP >> (64 - t->log);
}

static inline uint64_t
bit_of(const struct table *t, uint64_t hash)
{
	return (hash ^ hash >> 32) * SEED >> (64 - t->log - 4);
}

static int
table_init(struct table *t, unsigned log, struct vf_error *err)
{
	t->log = log;
	t->used = 0;
	t->slots = calloc((size_t)1 << log, sizeof *t->slots);
	t->bitmap = calloc((size_t)1 << log >> 2, sizeof *t->bitmap);
	return t->slots == NULL || t->bitmap == NULL ? vf_error_nomem(err) : 0;
}

static void
table_free(struct table *t)
{
	free(t->slots);
	free(t->bitmap);
}

static void
table_place(struct table *t, const struct entry *e)
{
	uint64_t mask = ((uint64_t)1 << t->log) - 1, i = slot_of(t, e->hash), bit = bit_of(t, e->hash);

	while (t->slots[i].len != 0)
		i = (i + 1) & mask;
	t->slots[i] = *e;
	t->bitmap[bit >> 6] |= (uint64_t)1 << (bit & 63);
	t->used++;
}

/* Room for so many more entries. */
static int
table_reserve(struct table *t, uint64_t more, struct vf_error *err)
{
	struct table bigger;
	unsigned log = t->log;

	while ((t->used + more) * 2 > (uint64_t)1 << log)
		log++;
	if (log == t->log)
		return 0;
	if (table_init(&bigger, log, err) < 0) {
		table_free(&bigger);
		return -1;
	}
	for (uint64_t i = 0; i < (uint64_t)1 << t->log; i++)
		if (t->slots[i].len != 0)
			table_place(&bigger, &t->slots[i]);
	table_free(t);
	*t = bigger;
	return 0;
}

/* False: no entry has this hash. */
static inline bool
may_hold(const struct table *t, uint64_t hash)
{
	uint64_t bit = bit_of(t, hash);

	return (t->bitmap[bit >> 6] >> (bit & 63) & 1) != 0;
}

static struct entry *
find(const struct vf_domains *d, uint64_t hash, struct vf_slice name)
{
	const struct table *t = &d->table;
	uint64_t mask = ((uint64_t)1 << t->log) - 1;

	if (!may_hold(t, hash))
		return NULL;
	for (uint64_t i = slot_of(t, hash); t->slots[i].len != 0; i = (i + 1) & mask)
		if (t->slots[i].hash == hash && t->slots[i].len == name.n &&
			memcmp(d->names.p + t->slots[i].name, name.p, name.n) == 0)
			return &t->slots[i];
	return NULL;
}

static int
keep_name(struct vf_domains *d, struct vf_slice name, uint32_t *offset, struct vf_error *err)
{
	*offset = (uint32_t)d->names.n;
	return vf_buf_add_slice(&d->names, name) < 0 ? vf_error_nomem(err) : 0;
}

/* The entry of a name, made when there is none; NULL out of memory.  It moves with the next call. */
static struct entry *
enter(struct vf_domains *d, struct vf_slice name, struct vf_error *err)
{
	struct entry e = { .hash = hash_name(name), .len = (uint8_t)name.n };
	struct entry *there = find(d, e.hash, name);

	if (there != NULL)
		return there;
	if (table_reserve(&d->table, 1, err) < 0)
		return NULL;
	if (keep_name(d, name, &e.name, err) < 0)
		return NULL;
	table_place(&d->table, &e);
	return find(d, e.hash, name);
}

struct vf_domains *
vf_domains_new(struct vf_error *err)
{
	struct vf_domains *d = calloc(1, sizeof *d);

	if (d == NULL || table_init(&d->table, 8, err) < 0 ||
		(d->cache = aligned_alloc(LINE, CACHE * sizeof *d->cache)) == NULL) {
		vf_error_nomem(err);
		vf_domains_free(d);
		return NULL;
	}
	memset(d->cache, 0, CACHE * sizeof *d->cache);
	vf_buf_init(&d->names, (size_t)UINT32_MAX);
	return d;
}

void
vf_domains_free(struct vf_domains *d)
{
	if (d == NULL)
		return;
	table_free(&d->table);
	vf_buf_free(&d->names);
	free(d->globs);
	free(d->cache);
	free(d);
}

/* With * for any bytes and ? for any one; only the last * is ever gone back to, so the cost is at most n × m steps. */
static bool
glob_match(struct vf_slice g, struct vf_slice s)
{
	size_t i = 0, j = 0, star = SIZE_MAX, from = 0;

	while (j < s.n) {
		if (i < g.n && g.p[i] == '*') {
			star = i++;
			from = j;
		} else if (i < g.n && (g.p[i] == '?' || g.p[i] == s.p[j])) {
			i++;
			j++;
		} else if (star != SIZE_MAX) {
			i = star + 1;
			j = ++from;
		} else {
			return false;
		}
	}
	while (i < g.n && g.p[i] == '*')
		i++;
	return i == g.n;
}

static unsigned
count_labels(struct vf_slice s)
{
	unsigned n = 1;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '.';
	return n;
}

/* `*.example`: a star and plain text that must stand in the domain, for it has no at sign. */
static bool
is_ending(struct vf_slice g)
{
	return g.p[0] == '*' && memchr(g.p, '@', g.n) == NULL && memchr(g.p, '?', g.n) == NULL &&
		memchr(g.p + 1, '*', g.n - 1) == NULL;
}

/* The adders return NULL, or what is wrong with the line; memory is reported through *err, "" then. */
static const char *
add_glob(struct vf_domains *d, uint8_t list, struct vf_slice line, struct vf_error *err)
{
	const char *at = memchr(line.p, '@', line.n);
	char text[VF_EMAIL_MAX];
	struct glob *g;

	if (line.n > sizeof text)
		return "a glob is longer than 254 bytes";
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] <= ' ' || line.p[i] >= 0x7f)
			return "a glob must be printable ASCII without blanks";
	if (at != NULL && memchr(at + 1, '@', (size_t)(line.p + line.n - at - 1)) != NULL)
		return "a glob has two at signs";
	if (d->nglobs == d->globs_room) {
		size_t room = d->globs_room * 2 + 16;
		struct glob *more = realloc(d->globs, room * sizeof *more);

		if (more == NULL) {
			vf_error_nomem(err);
			return "";
		}
		d->globs = more;
		d->globs_room = room;
	}
	vf_slice_lower(line, text);
	g = &d->globs[d->nglobs];
	if (keep_name(d, vf_slice(text, line.n), &g->local, err) < 0)
		return "";
	g->nlocal = (uint8_t)(at != NULL ? at - line.p : (ptrdiff_t)line.n);
	g->domain = g->local + g->nlocal + 1;
	g->ndomain = (uint8_t)(at != NULL ? line.n - g->nlocal - 1 : 0);
	g->kind = at == NULL ? GLOB_WHOLE : g->nlocal == 1 && *line.p == '*' ? GLOB_DOMAIN : GLOB_SIDES;
	if (is_ending(line)) {
		g->domain = g->local;
		g->ndomain = g->nlocal;
		g->kind = GLOB_DOMAIN;
	}
	g->lists = list;
	d->nglobs++;
	return NULL;
}

static const char *
add_address(struct vf_domains *d, uint8_t list, struct vf_slice line, struct vf_error *err)
{
	char scratch[VF_EMAIL_MAX], name[VF_EMAIL_MAX];
	struct entry *entry;
	struct vf_email e;

	if (vf_email_judge(line, scratch, &e) != VF_EMAIL_OK)
		return "not an e-mail address";
	vf_slice_lower(e.address, name);
	entry = enter(d, vf_slice(name, e.address.n), err);
	if (entry == NULL)
		return "";
	entry->exact |= list;
	entry = enter(d, e.domain, err);
	if (entry == NULL)
		return "";
	entry->addresses |= list;
	return NULL;
}

static const char *
add_domain(struct vf_domains *d, uint8_t list, bool below, struct vf_slice line, struct vf_error *err)
{
	char scratch[VF_EMAIL_DOMAIN_MAX];
	bool dotted = line.p[0] == '.';
	struct vf_slice name;
	struct entry *entry;

	if (dotted || line.p[0] == '@')
		line = vf_slice(line.p + 1, line.n - 1);
	if (vf_email_domain(line, dotted, scratch, &name) != VF_EMAIL_OK || name.n > VF_EMAIL_MAX)
		return "not a domain, an address or a glob";
	entry = enter(d, name, err);
	if (entry == NULL)
		return "";
	if (below || dotted) {
		unsigned labels = count_labels(name);

		entry->below |= list;
		d->depth = labels > d->depth ? labels : d->depth;
	} else {
		entry->exact |= list;
	}
	return NULL;
}

bool
vf_domains_line(struct vf_slice *text, struct vf_slice *line)
{
	const char *end;

	if (text->n == 0)
		return false;
	end = memchr(text->p, '\n', text->n);
	*line = vf_slice(text->p, end != NULL ? (size_t)(end - text->p) : text->n);
	text->n -= line->n + (end != NULL);
	text->p += line->n + (end != NULL);
	for (size_t i = 0; (end = memchr(line->p + i, '#', line->n - i)) != NULL; i = (size_t)(end - line->p) + 1)
		if (end == line->p || end[-1] == ' ' || end[-1] == '\t') {
			line->n = (size_t)(end - line->p);
			break;
		}
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	*line = vf_slice_trim(*line);
	return true;
}

struct vf_slice
vf_domains_text(struct vf_slice text)
{
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		return vf_slice(text.p + 3, text.n - 3);
	return text;
}

struct vf_slice
vf_domains_version(struct vf_slice text)
{
	static const char key[] = "# version:";
	struct vf_slice line, rest = vf_domains_text(text), empty = { text.p, 0 };
	const char *from;

	while (rest.n > 0 && rest.p[0] == '#') {
		from = rest.p;
		vf_domains_line(&rest, &line);
		line = vf_slice(from, (size_t)(rest.p - from));
		if (line.n < sizeof key - 1 || memcmp(line.p, key, sizeof key - 1) != 0)
			continue;
		line = vf_slice(line.p + sizeof key - 1, line.n - (sizeof key - 1));
		while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
			line.n--;
		return vf_slice_trim(line);
	}
	return empty;
}

int
vf_domains_add(struct vf_domains *d, unsigned list, unsigned flags, struct vf_slice text, const char *file,
	uint64_t *entries, struct vf_error *err)
{
	uint8_t bit = (uint8_t)(1u << list);
	uint64_t lineno = 0, count = 0, globs = 0;
	struct vf_slice line, rest = vf_domains_text(text);
	const char *wrong;

	if (table_reserve(&d->table, text.n / USUAL_LINE, err) < 0)
		return -1;
	while (vf_domains_line(&rest, &line)) {
		lineno++;
		if (line.n == 0)
			continue;
		count++;
		if (memchr(line.p, '*', line.n) != NULL || memchr(line.p, '?', line.n) != NULL)
			wrong = ++globs > VF_DOMAINS_GLOBS ? "more than 1000 globs in a list"
							  : add_glob(d, bit, line, err);
		else if (line.p[0] != '@' && memchr(line.p, '@', line.n) != NULL)
			wrong = add_address(d, bit, line, err);
		else
			wrong = add_domain(d, bit, (flags & VF_DOMAINS_BELOW) != 0, line, err);
		if (wrong != NULL)
			return *wrong == '\0' ? -1 : vf_error(err, VF_ERR_CONFIG, "%s:%llu: %s", file,
				(unsigned long long)lineno, wrong);
	}
	memset(d->cache, 0, CACHE * sizeof *d->cache);
	if (entries != NULL)
		*entries = count;
	return 0;
}

static struct verdict
look_up(const struct vf_domains *d, struct vf_slice domain)
{
	struct verdict v = { 0 };
	const struct entry *e;
	uint64_t h = SEED;
	unsigned labels = 0;

	for (size_t i = domain.n; i-- > 0;) {
		h = hash_step(h, domain.p[i]);
		if (i > 0 && (domain.p[i - 1] != '.' || ++labels > d->depth))
			continue;
		e = find(d, h, vf_slice(domain.p + i, domain.n - i));
		if (e == NULL)
			continue;
		v.lists |= e->below;
		if (i == 0) {
			v.lists |= e->exact;
			v.addresses = e->addresses;
		}
	}
	v.hash = h;
	for (size_t i = 0; i < d->nglobs; i++) {
		const struct glob *g = &d->globs[i];

		if (g->kind != GLOB_WHOLE && !glob_match(vf_slice(d->names.p + g->domain, g->ndomain), domain))
			continue;
		if (g->kind == GLOB_DOMAIN)
			v.lists |= g->lists;
		else
			v.globs |= g->lists;
	}
	return v;
}

static inline uint64_t
cache_slot(struct vf_slice s)
{
	uint64_t a = 0, b = 0;

	if (s.n >= sizeof a) {
		memcpy(&a, s.p, sizeof a);
		memcpy(&b, s.p + s.n - sizeof b, sizeof b);
	} else {
		memcpy(&a, s.p, 4);
		memcpy(&b, s.p + s.n - 4, 4);
	}
	a = ((a ^ s.n) * STEP ^ b) * SEED;
	return (a ^ a >> 32) * STEP >> 32 & (CACHE - 1);
}

static inline bool
same8(const char *a, const char *b, size_t from, size_t n)
{
	uint64_t x, y, u, v;

	memcpy(&x, a + from, sizeof x);
	memcpy(&y, b + from, sizeof y);
	memcpy(&u, a + n - from - sizeof u, sizeof u);
	memcpy(&v, b + n - from - sizeof v, sizeof v);
	return ((x ^ y) | (u ^ v)) == 0;
}

/* Whether the n bytes are equal; most domains are 8 to 32 bytes long. */
static inline bool
same(const char *a, const char *b, size_t n)
{
	if (n < 8 || n > 32)
		return memcmp(a, b, n) == 0;
	return same8(a, b, 0, n) && (n <= 16 || same8(a, b, 8, n));
}

/* The verdict on a domain, remembered: most fans of a file share a few hundred domains. */
static struct verdict
verdict_on(struct vf_domains *d, struct vf_slice domain)
{
	struct remembered *r;

	if (domain.n < 4 || domain.n > CACHE_NAME)
		return look_up(d, domain);
	r = &d->cache[cache_slot(domain)];
	if (r->len != domain.n || !same(r->name, domain.p, domain.n)) {
		r->verdict = look_up(d, domain);
		memcpy(r->name, domain.p, domain.n);
		r->len = (uint8_t)domain.n;
	}
	return r->verdict;
}

/* The globs that the domain alone does not decide. name is the address, lower-case. */
static bool
glob_fits(const struct vf_domains *d, const struct glob *g, struct vf_slice name, size_t nlocal)
{
	struct vf_slice left = vf_slice(d->names.p + g->local, g->nlocal);
	struct vf_slice right = vf_slice(d->names.p + g->domain, g->ndomain);

	if (g->kind == GLOB_WHOLE)
		return glob_match(left, name);
	return g->kind == GLOB_SIDES && glob_match(left, vf_slice(name.p, nlocal)) &&
		glob_match(right, vf_slice(name.p + nlocal + 1, name.n - nlocal - 1));
}

/* The hash of an address in lower case, from that of its domain. */
static uint64_t
hash_address(uint64_t domain, struct vf_slice local)
{
	uint64_t h = hash_step(domain, '@');

	for (size_t i = local.n; i > 0; i--)
		h = hash_step(h, vf_lower(local.p[i - 1]));
	return h;
}

static unsigned
match_address(const struct vf_domains *d, struct verdict v, const struct vf_email *e)
{
	struct vf_slice name;
	unsigned lists = 0;
	uint64_t h = v.addresses != 0 ? hash_address(v.hash, e->local) : 0;
	bool listed = v.addresses != 0 && may_hold(&d->table, h);
	const struct entry *entry;
	char text[VF_EMAIL_MAX];

	if (!listed && v.globs == 0)
		return 0;
	name = vf_slice_lower(e->address, text);
	if (listed && (entry = find(d, h, name)) != NULL)
		lists = entry->exact;
	for (size_t i = 0; v.globs != 0 && i < d->nglobs; i++) {
		const struct glob *g = &d->globs[i];

		if ((g->lists & ~lists) != 0 && glob_fits(d, g, name, e->local.n))
			lists |= g->lists;
	}
	return lists;
}

unsigned
vf_domains_match(struct vf_domains *d, const struct vf_email *e)
{
	struct verdict v = verdict_on(d, e->domain);

	if ((v.addresses | v.globs) == 0)
		return v.lists;
	return v.lists | match_address(d, v, e);
}
