/*
 * fan/lot.h -- the candidates of one market: takes them as they come, keeps
 * the best, gives them out in order.  Part of fan/draw; no I/O.
 *
 * The order is band, draw key, id bytes; and, because one id may be there
 * twice, file and line last, so that it is total.
 *
 * A lot keeps every candidate until there are more than 2 x limit (or limit +
 * 64) of them.  Then it is full: from time to time it is cut to the best
 * limit + 1, and takes only what is better than the last of these.
 *
 * Memory: 48 bytes and the line for each that is kept, in blocks that double as
 * they come (lines: up to 64 KiB a block); and 16 bytes each while they are sorted.
 */
#ifndef VF_FAN_LOT_H
#define VF_FAN_LOT_H

#include <stdint.h>

#include "base/error.h"
#include "base/pool.h"
#include "base/slice.h"

struct vf_lot_entry {
	uint64_t key[2];		/* the draw key, its first byte the highest */
	const char *line;		/* the id follows it where it is no part of it */
	uint64_t lineno;
	uint32_t len;			/* of the line */
	uint32_t id;			/* 24 bits: offset of the id from `line`; 8 bits: its length */
	uint16_t file;
	char delimiter;
	uint8_t band;
};

struct vf_lot {
	uint64_t limit;
	struct vf_lot_entry *entries;	/* in the order in which they came, until they are sorted */
	size_t n, room;
	struct vf_lot_lines {
		struct vf_lot_lines *next;
		size_t size;		/* of the block; the lines are behind this head */
	} *first, *last;		/* lines stand in the order of the entries; `last` is being filled */
	size_t used;			/* bytes of `last` */
	bool full;			/* some dropped out: a newcomer has to beat the worst of limit + 1 */
	uint8_t worst_band;
	uint64_t worst_key[2];
};

/* Memory of all lots of a draw, and room to sort one in. Zero it; vf_lot_scratch_free() at the end of all. */
struct vf_lot_scratch {
	struct vf_pool pool;
	struct vf_lot_rank {
		uint64_t rank;		/* the band, then the first 62 bits of the key */
		size_t i;
	} *ranks;
	size_t room;
};

/* Gets each entry that drops out; 0 or -1 with the error. */
typedef int vf_lot_drop(void *, const struct vf_lot_entry *, struct vf_error *);

void vf_lot_scratch_free(struct vf_lot_scratch *);

static inline struct vf_slice
vf_lot_line(const struct vf_lot_entry *e)
{
	return vf_slice(e->line, e->len);
}

static inline struct vf_slice
vf_lot_id(const struct vf_lot_entry *e)
{
	return vf_slice(e->line + (e->id >> 8), e->id & 0xff);
}

/* False when a candidate of this band cannot come in, whatever its key. */
static inline bool
vf_lot_open_to(const struct vf_lot *lot, unsigned band)
{
	return !lot->full || band <= lot->worst_band;
}

/*
 * Takes a candidate in: `entry` has key, lineno, file, delimiter and band; the
 * rest is filled here.  Returns 1 when it was kept for now, 0 when it is
 * behind those kept (drop is not called for it), -1.
 */
int vf_lot_add(struct vf_lot *, const struct vf_lot_entry *, struct vf_slice id, struct vf_slice line,
	struct vf_lot_scratch *, vf_lot_drop *, void *context, struct vf_error *);

/* After the last candidate: those that are left, in order; the best limit + 1 when the lot is full, else all. */
int vf_lot_sort(struct vf_lot *, struct vf_lot_scratch *, vf_lot_drop *, void *context, struct vf_error *);

/*
 * In a sorted lot: a fan who is there twice.  In a full lot this looks at
 * those within the limit, and at the one behind them, who may be the last of
 * them again.  False when there is none; else the two, in the order of the input.
 */
bool vf_lot_twice(const struct vf_lot *, const struct vf_lot_entry *two[2]);

/* Cuts a sorted lot to its limit. */
int vf_lot_cut(struct vf_lot *, vf_lot_drop *, void *context, struct vf_error *);

#endif
