/*
 * fan/pattern.h -- the regular expressions of phone metadata, as programs.
 *
 * The language is what the metadata uses: digits, \d, classes of digits,
 * groups, alternatives, `?` and `{n,m}`; and `$` in prefixes.  There is no
 * unbounded repetition, so a program is a graph without cycles.  A program may hold many
 * patterns: fan/phone-plan.c makes one automaton of all patterns of a calling
 * code, and vf_pattern_prefix() runs a single one with Perl's rules of choice.
 */
#ifndef VF_FAN_PATTERN_H
#define VF_FAN_PATTERN_H

#include <stdint.h>

#include "base/slice.h"

enum vf_pattern_kind {
	VF_PATTERN_SET,			/* a digit whose bit is in `a`, then the next op */
	VF_PATTERN_SPLIT,		/* `a` first, else `b` */
	VF_PATTERN_JUMP,		/* to `a` */
	VF_PATTERN_SAVE,		/* the position is bound number `a` */
	VF_PATTERN_END,			/* only at the end of the digits */
	VF_PATTERN_ANY,			/* any digits up to the end: a set of all, again and again */
	VF_PATTERN_FINAL,		/* matched; `a` is the pattern's tag */
};

struct vf_pattern_op {
	uint8_t kind;
	uint16_t a, b;
};

#define VF_PATTERN_OPS 32000		/* the most a program may have */
#define VF_PATTERN_GROUPS 9

struct vf_pattern {
	struct vf_pattern_op *ops;
	uint32_t n, size;
};

enum vf_pattern_mode {
	VF_PATTERN_WHOLE,		/* all the digits */
	VF_PATTERN_BEGIN,		/* whatever follows */
	VF_PATTERN_PREFIX,		/* for vf_pattern_prefix(): groups are kept, `$` is known */
};

extern const char vf_pattern_nomem[];	/* the cause when memory ran out */

/*
 * Appends the program of text to p and gives its first op in *start, and in
 * *groups (or NULL) how many groups it has.  Returns NULL, or the cause why it
 * is refused; p is then good for vf_pattern_free() only.
 */
const char *vf_pattern_compile(struct vf_pattern *p, struct vf_slice text, enum vf_pattern_mode, uint16_t tag,
	uint16_t *start, unsigned *groups);
/* Appends the choice between two patterns of p, so that one start leads to both. Returns NULL or the cause. */
const char *vf_pattern_either(struct vf_pattern *p, uint16_t a, uint16_t b, uint16_t *start);
void vf_pattern_free(struct vf_pattern *);

/* The digits with which a match from start may begin, as bits; all ten when it may be empty. */
uint16_t vf_pattern_first(const struct vf_pattern *, uint16_t start);

/* A match: its length, and per group where it stands; begin < 0: the group took no part. */
struct vf_pattern_match {
	size_t len;
	int begin[VF_PATTERN_GROUPS + 1], end[VF_PATTERN_GROUPS + 1];
};

/*
 * Matches at the first of n digits (values 0 to 9), as Perl and ECMAScript
 * choose among matches.  Gives up, as no match, after a bounded number of
 * steps that no pattern of real metadata comes near.
 */
bool vf_pattern_prefix(const struct vf_pattern *, uint16_t start, const unsigned char *digits, size_t n,
	struct vf_pattern_match *);

#endif
