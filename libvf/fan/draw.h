/*
 * fan/draw.h -- the fair draw (DESIGN 4, vf-draw): slices in, winners out in
 * order.  No I/O.
 *
 * A candidate's draw key is a keyed hash of the globalUserId alone, so the
 * order inside a band is random to anyone without the seed, does not depend
 * on the order of the input, and can be recomputed for one fan alone.
 *
 *	K   = BLAKE2b-256(key = seed, "vf-draw/1" NUL campaign NUL wave NUL beacon)
 *	key = BLAKE2b-128(K, id)
 *
 * Memory: at most 2 x limit (or limit + 64) candidates a market, 48 bytes and
 * the line each, in blocks that double as they come; and about 650 bytes a
 * market, the first blocks included.
 */
#ifndef VF_FAN_DRAW_H
#define VF_FAN_DRAW_H

#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/slice.h"
#include "fan/score.h"

#define VF_DRAW_ALGORITHM "vf-draw/1"
#define VF_DRAW_SEED_LEN 32
#define VF_DRAW_KEY_LEN 16
#define VF_DRAW_BEACON_MAX 1024		/* hex digits */

#define VF_DRAW_BANDS 3			/* those that can be drawn: high, mid, low */

/* What became of a record: in the draw, or why it cannot be (the first that holds, in this order). */
enum vf_draw_verdict {
	VF_DRAW_CANDIDATE,
	VF_DRAW_MISSING_USER,
	VF_DRAW_BAD_BAND,
	VF_DRAW_BELOW_BANDS,
	VF_DRAW_BAD_MARKET,
	VF_DRAW_NO_LIMIT,
};

/* The text of a seed file: 64 hex digits and at most one LF.  Wipe the seed after use. */
bool vf_draw_seed_parse(struct vf_slice text, unsigned char seed[VF_DRAW_SEED_LEN]);
/* BLAKE2b-256 of the 32 bytes, as hex. */
void vf_draw_commitment(const unsigned char seed[VF_DRAW_SEED_LEN], char hex[VF_DIGEST_HEX + 1]);
/* 1 to VF_DRAW_BEACON_MAX hex digits, lower-cased and NUL-ended into out; false: no such text. */
bool vf_draw_beacon_parse(struct vf_slice, char out[VF_DRAW_BEACON_MAX + 1]);
/* K; what is absent is empty.  beacon is lower-case hex.  Wipe K after use. */
void vf_draw_derive(unsigned char k[VF_DIGEST_LEN], const unsigned char seed[VF_DRAW_SEED_LEN],
	struct vf_slice campaign, struct vf_slice wave, struct vf_slice beacon);
void vf_draw_key(unsigned char key[VF_DRAW_KEY_LEN], const unsigned char k[VF_DIGEST_LEN], struct vf_slice id);

/* A record as the caller has it: id, market and band trimmed, everything borrowed for the call. */
struct vf_draw_fan {
	struct vf_slice id, market, line;
	uint64_t lineno;
	uint16_t file;
	char delimiter;				/* of the line; handed back with it */
	uint8_t band;				/* enum vf_band, or VF_BANDS when it is none of the words */
	uint8_t verdict;			/* out: enum vf_draw_verdict */
};

/* A candidate handed back; slices live until the next call on the draw. */
struct vf_drawn {
	struct vf_slice market, id, line;
	uint64_t position;			/* 1 is the market's first; 0 for a loser: not known yet */
	uint64_t lineno;
	uint16_t file;
	char delimiter;
	uint8_t band;
	unsigned char key[VF_DRAW_KEY_LEN];
};

struct vf_draw_market {
	struct vf_slice name;
	uint64_t limit;
	uint64_t candidates[VF_DRAW_BANDS];	/* all of them, drawn or not */
	uint64_t drawn;
};

struct vf_draw;

struct vf_draw_options {
	const unsigned char *k;			/* VF_DIGEST_LEN bytes, copied */
	bool one_market;			/* there are no markets: all candidates compete, in one named "" */
	/*
	 * Called once with each candidate that is not drawn, in no order, from
	 * vf_draw_add() or vf_draw_finish(); 0, or -1 to stop with the error.
	 * NULL: losers are forgotten, and those of a band that can no longer
	 * be drawn are not even hashed.
	 */
	int (*loser)(void *, const struct vf_drawn *, struct vf_error *);
	void *context;
};

/* vf_hash_start() must have been called. */
struct vf_draw *vf_draw_new(const struct vf_draw_options *, struct vf_error *);
void vf_draw_free(struct vf_draw *);		/* wipes K */

/* A market's limit, before the first record; 1 when the market has one already (it stays), 0, -1. */
int vf_draw_limit(struct vf_draw *, struct vf_slice market, uint64_t limit, struct vf_error *);
/* The limit of every market that has none of its own; without this call such a market is no-limit. */
void vf_draw_limit_all(struct vf_draw *, uint64_t limit);

/* Judges n records and takes in the candidates; each gets its verdict. Returns 0 or -1. */
int vf_draw_add(struct vf_draw *, struct vf_draw_fan *, size_t n, struct vf_error *);

/* Two records of one fan in one market: the later line of the input, and the earlier. */
struct vf_draw_twice {
	uint16_t file[2];
	uint64_t lineno[2];
};

/*
 * After the last record: settles who is drawn.  Returns 0, -1, or 1 when a fan
 * is there twice in a market; `twice` says where.  Looked for among all of a
 * market's candidates when there are at most 2 x limit (or limit + 64) of
 * them; in a larger market among those drawn and their like: whoever is drawn
 * was looked for in his band, and among the drawn of the others.  The answer
 * does not depend on the order of the input or on `loser`.
 */
int vf_draw_finish(struct vf_draw *, struct vf_draw_twice *, struct vf_error *);

/* After vf_draw_finish(): markets in byte order, those with a limit and no candidate included. */
size_t vf_draw_markets(const struct vf_draw *);
void vf_draw_market(const struct vf_draw *, size_t, struct vf_draw_market *);
/* The winners: markets in byte order, then position; false at the end. */
bool vf_draw_next(struct vf_draw *, struct vf_drawn *);
void vf_draw_rewind(struct vf_draw *);

#endif
