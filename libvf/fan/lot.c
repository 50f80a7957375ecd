#include "fan/lot.h"

#include <stdlib.h>

#define FIRST_ENTRIES (4 * sizeof(struct vf_lot_entry))
#define FIRST_LINES 256
#define LINES ((size_t)64 << 10)
#define LINE_MAX_LEN (((uint32_t)1 << 24) - 1)	/* what 24 bits can point over */

void
vf_lot_scratch_free(struct vf_lot_scratch *scratch)
{
	vf_pool_free(&scratch->pool);
	free(scratch->ranks);
	memset(scratch, 0, sizeof(*scratch));
}

static int
key_cmp(const uint64_t a[2], const uint64_t b[2])
{
	int i = a[0] == b[0];

	return (a[i] > b[i]) - (a[i] < b[i]);
}

/* Key, then id: 0 for records of one fan only. */
static int
fan_cmp(const struct vf_lot_entry *a, const struct vf_lot_entry *b)
{
	int c = key_cmp(a->key, b->key);

	return c != 0 ? c : vf_slice_cmp(vf_lot_id(a), vf_lot_id(b));
}

static bool
before_in_input(const struct vf_lot_entry *a, const struct vf_lot_entry *b)
{
	return a->file != b->file ? a->file < b->file : a->lineno < b->lineno;
}

static bool
before(const struct vf_lot_entry *a, const struct vf_lot_entry *b)
{
	int c;

	if (a->band != b->band)
		return a->band < b->band;
	c = fan_cmp(a, b);
	return c != 0 ? c < 0 : before_in_input(a, b);
}

/* A rank settles nearly all comparisons without touching the entries. */
static inline bool
rank_before(const struct vf_lot *lot, const struct vf_lot_rank *a, const struct vf_lot_rank *b)
{
	return a->rank != b->rank ? a->rank < b->rank : before(&lot->entries[a->i], &lot->entries[b->i]);
}

static void
swap(struct vf_lot_rank *a, struct vf_lot_rank *b)
{
	struct vf_lot_rank t = *a;

	*a = *b;
	*b = t;
}

static void
insertion_sort(const struct vf_lot *lot, struct vf_lot_rank *r, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct vf_lot_rank t = r[i];
		size_t j = i;

		for (; j > 0 && rank_before(lot, &t, &r[j - 1]); j--)
			r[j] = r[j - 1];
		r[j] = t;
	}
}

/*
 * Hoare's partition of n >= 3 around the median of three: all of r[0..i) are at
 * or before all of r[i..n), 0 < i < n.  Ranks are bits of a keyed hash: nobody
 * who does not know the seed can prepare a bad order.
 */
static size_t
partition(const struct vf_lot *lot, struct vf_lot_rank *r, size_t n)
{
	struct vf_lot_rank pivot;
	size_t i = 0, j = n - 1;

	if (rank_before(lot, &r[n / 2], &r[0]))
		swap(&r[n / 2], &r[0]);
	if (rank_before(lot, &r[n - 1], &r[0]))
		swap(&r[n - 1], &r[0]);
	if (rank_before(lot, &r[n - 1], &r[n / 2]))
		swap(&r[n - 1], &r[n / 2]);
	pivot = r[n / 2];
	for (;;) {
		do
			i++;
		while (rank_before(lot, &r[i], &pivot));
		do
			j--;
		while (rank_before(lot, &pivot, &r[j]));
		if (i >= j)
			return i;
		swap(&r[i], &r[j]);
	}
}

static void
sort(const struct vf_lot *lot, struct vf_lot_rank *r, size_t n)
{
	while (n > 24) {
		size_t i = partition(lot, r, n);

		/* The shorter part by a call, the longer in the loop: the stack stays at log2(n) frames. */
		if (i <= n - i) {
			sort(lot, r, i);
			r += i;
			n -= i;
		} else {
			sort(lot, r + i, n - i);
			n = i;
		}
	}
	insertion_sort(lot, r, n);
}

/* Moves the element that belongs at k there. */
static void
select_nth(const struct vf_lot *lot, struct vf_lot_rank *r, size_t n, size_t k)
{
	while (n > 24) {
		size_t i = partition(lot, r, n);

		if (k < i) {
			n = i;
		} else {
			r += i;
			n -= i;
			k -= i;
		}
	}
	insertion_sort(lot, r, n);
}

static int
rank_all(const struct vf_lot *lot, struct vf_lot_scratch *scratch, struct vf_error *err)
{
	if (lot->n > scratch->room) {
		struct vf_lot_rank *p = realloc(scratch->ranks, lot->n * sizeof(*p));

		if (p == NULL)
			return vf_error_nomem(err);
		scratch->ranks = p;
		scratch->room = lot->n;
	}
	for (size_t i = 0; i < lot->n; i++) {
		const struct vf_lot_entry *e = &lot->entries[i];

		scratch->ranks[i].rank = (uint64_t)e->band << 62 | e->key[0] >> 2;
		scratch->ranks[i].i = i;
	}
	return 0;
}

static size_t
bytes_of(const struct vf_lot_entry *e)
{
	size_t id_end = (size_t)(e->id >> 8) + (e->id & 0xff);

	return id_end > e->len ? id_end : e->len;
}

static char *
text_of(struct vf_lot_lines *block)
{
	return (char *)(block + 1);
}

static size_t
room_of(const struct vf_lot_lines *block, size_t used)
{
	return block->size - sizeof(*block) - used;
}

/*
 * Moves the lines of the entries up to the front, in their order.  None is
 * written over before it has moved: no line comes to stand behind where it stood.
 */
static void
close_up(struct vf_lot *lot)
{
	struct vf_lot_lines *to = lot->first;
	size_t used = 0;

	for (size_t i = 0; i < lot->n; i++) {
		struct vf_lot_entry *e = &lot->entries[i];
		size_t bytes = bytes_of(e);

		for (; room_of(to, used) < bytes; used = 0)
			to = to->next;
		e->line = memmove(text_of(to) + used, e->line, bytes);
		used += bytes;
	}
	lot->last = to;
	lot->used = used;
}

/* Keeps the best limit + 1, where they stand: entries and lines move up in the order in which they came. */
static int
prune(struct vf_lot *lot, struct vf_lot_scratch *scratch, vf_lot_drop *drop, void *context, struct vf_error *err)
{
	const struct vf_lot_entry *worst;
	size_t n = 0;

	if (rank_all(lot, scratch, err) < 0)
		return -1;
	select_nth(lot, scratch->ranks, lot->n, (size_t)lot->limit);
	worst = &lot->entries[scratch->ranks[lot->limit].i];
	lot->worst_band = worst->band;
	memcpy(lot->worst_key, worst->key, sizeof(lot->worst_key));
	lot->full = true;
	if (drop != NULL)
		for (size_t i = (size_t)lot->limit + 1; i < lot->n; i++)
			if (drop(context, &lot->entries[scratch->ranks[i].i], err) < 0)
				return -1;
	/* Marked first: what is compared with must not have moved. */
	for (size_t i = (size_t)lot->limit + 1; i < lot->n; i++)
		lot->entries[scratch->ranks[i].i].band = UINT8_MAX;
	for (size_t i = 0; i < lot->n; i++)
		if (lot->entries[i].band != UINT8_MAX)
			lot->entries[n++] = lot->entries[i];
	lot->n = n;
	close_up(lot);
	return 0;
}

static size_t
most_entries(const struct vf_lot *lot)
{
	if (lot->limit > SIZE_MAX / 4)
		return SIZE_MAX / 2;
	return (size_t)lot->limit + (lot->limit > 64 ? (size_t)lot->limit : 64);
}

static int
more_entries(struct vf_lot *lot, struct vf_pool *pool, struct vf_error *err)
{
	size_t had = lot->room * sizeof(*lot->entries), size = lot->room > 0 ? 2 * had : FIRST_ENTRIES;
	struct vf_lot_entry *p = vf_pool_get(pool, &size, err);

	if (p == NULL)
		return -1;
	if (had > 0)
		memcpy(p, lot->entries, lot->n * sizeof(*p));
	vf_pool_put(pool, lot->entries, had);
	lot->entries = p;
	lot->room = size / sizeof(*p);
	return 0;
}

/* The next block of lines that takes this many bytes: what a cut left empty, or a new one, put in here. */
static int
more_lines(struct vf_lot *lot, size_t bytes, struct vf_pool *pool, struct vf_error *err)
{
	struct vf_lot_lines *last = lot->last, *block = last != NULL ? last->next : NULL;
	size_t size = last == NULL ? FIRST_LINES : last->size < LINES ? 2 * last->size : LINES;

	if (block == NULL || room_of(block, 0) < bytes) {
		if (size < bytes + sizeof(*block))
			size = bytes + sizeof(*block);
		if ((block = vf_pool_get(pool, &size, err)) == NULL)
			return -1;
		block->size = size;
		block->next = last != NULL ? last->next : NULL;
		if (last != NULL)
			last->next = block;
		else
			lot->first = block;
	}
	lot->last = block;
	lot->used = 0;
	return 0;
}

int
vf_lot_add(struct vf_lot *lot, const struct vf_lot_entry *new, struct vf_slice id, struct vf_slice line,
	struct vf_lot_scratch *scratch, vf_lot_drop *drop, void *context, struct vf_error *err)
{
	uintptr_t offset = (uintptr_t)id.p - (uintptr_t)line.p;
	bool inside = offset <= line.n && id.n <= line.n - offset;
	size_t bytes = line.n + (inside ? 0 : id.n);
	struct vf_lot_entry *e;
	char *text;

	if (!vf_lot_open_to(lot, new->band))
		return 0;
	/* An equal key is the same fan again, or one chance in 2^128: prune() settles that. */
	if (lot->full && new->band == lot->worst_band && key_cmp(new->key, lot->worst_key) > 0)
		return 0;
	if (line.n > LINE_MAX_LEN - UINT8_MAX || id.n > UINT8_MAX)
		return vf_error(err, VF_ERR_FAILED, "a candidate's line is too long for the draw");
	if (lot->n == most_entries(lot) && prune(lot, scratch, drop, context, err) < 0)
		return -1;
	if (lot->n == lot->room && more_entries(lot, &scratch->pool, err) < 0)
		return -1;
	if ((lot->last == NULL || room_of(lot->last, lot->used) < bytes)
		&& more_lines(lot, bytes, &scratch->pool, err) < 0)
		return -1;
	text = text_of(lot->last) + lot->used;
	memcpy(text, line.p, line.n);
	if (!inside)
		memcpy(text + line.n, id.p, id.n);
	lot->used += bytes;
	e = &lot->entries[lot->n++];
	*e = *new;
	e->line = text;
	e->len = (uint32_t)line.n;
	e->id = (uint32_t)((inside ? offset : line.n) << 8 | id.n);
	return 1;
}

/* Puts the entries in the order of the ranks, cycle by cycle. */
static void
reorder(struct vf_lot *lot, struct vf_lot_rank *ranks)
{
	for (size_t i = 0; i < lot->n; i++) {
		struct vf_lot_entry first = lot->entries[i];
		size_t to = i;

		while (ranks[to].i != i) {
			size_t from = ranks[to].i;

			lot->entries[to] = lot->entries[from];
			ranks[to].i = to;
			to = from;
		}
		lot->entries[to] = first;
		ranks[to].i = to;
	}
}

int
vf_lot_sort(struct vf_lot *lot, struct vf_lot_scratch *scratch, vf_lot_drop *drop, void *context,
	struct vf_error *err)
{
	if (lot->full && lot->n > lot->limit && prune(lot, scratch, drop, context, err) < 0)
		return -1;
	if (rank_all(lot, scratch, err) < 0)
		return -1;
	sort(lot, scratch->ranks, lot->n);
	reorder(lot, scratch->ranks);
	return 0;
}

/* The first fan that is in both of two ordered runs of entries; false when there is none. */
static bool
in_both(const struct vf_lot_entry *run[2], const size_t n[2],
	const struct vf_lot_entry *two[2])
{
	for (size_t i = 0, j = 0; i < n[0] && j < n[1];) {
		int c = fan_cmp(&run[0][i], &run[1][j]);

		if (c == 0) {
			two[0] = &run[0][i];
			two[1] = &run[1][j];
			return true;
		}
		if (c < 0)
			i++;
		else
			j++;
	}
	return false;
}

/* Among the first n: each band is a run in the order of keys. */
static bool
twice_across_bands(const struct vf_lot *lot, size_t n, const struct vf_lot_entry *two[2])
{
	size_t starts[4] = { 0, 0, 0, n };

	for (size_t i = 0, band = 0; band < 3; band++) {
		starts[band] = i;
		while (i < n && lot->entries[i].band == band)
			i++;
	}
	for (int a = 0; a < 2; a++)
		for (int b = a + 1; b < 3; b++) {
			const struct vf_lot_entry *runs[2] = { lot->entries + starts[a], lot->entries + starts[b] };
			size_t lengths[2] = { starts[a + 1] - starts[a], starts[b + 1] - starts[b] };

			if (in_both(runs, lengths, two))
				return true;
		}
	return false;
}

bool
vf_lot_twice(const struct vf_lot *lot, const struct vf_lot_entry *two[2])
{
	bool found = false;

	if (lot->n < 2)
		return false;
	for (size_t i = 1; i < lot->n && !found; i++)
		if (lot->entries[i - 1].band == lot->entries[i].band
			&& fan_cmp(&lot->entries[i - 1], &lot->entries[i]) == 0) {
			two[0] = &lot->entries[i - 1];
			two[1] = &lot->entries[i];
			found = true;
		}
	/*
	 * Whether the one behind the limit of a full lot is there depends on the
	 * order of the input when nobody of his band is drawn.
	 */
	if (!found && !twice_across_bands(lot, lot->full && lot->n > lot->limit ? (size_t)lot->limit : lot->n, two))
		return false;
	if (before_in_input(two[1], two[0])) {
		const struct vf_lot_entry *t = two[0];

		two[0] = two[1];
		two[1] = t;
	}
	return true;
}

int
vf_lot_cut(struct vf_lot *lot, vf_lot_drop *drop, void *context, struct vf_error *err)
{
	if (lot->n <= lot->limit)
		return 0;
	for (size_t i = (size_t)lot->limit; i < lot->n && drop != NULL; i++)
		if (drop(context, &lot->entries[i], err) < 0)
			return -1;
	lot->n = (size_t)lot->limit;
	return 0;
}
