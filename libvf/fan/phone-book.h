/*
 * fan/phone-book.h -- inside of fan/phone: the metadata as structures
 * (phone-book.c), the automaton of a calling code's patterns (phone-plan.c),
 * and what the judgement (phone.c) asks of both.
 */
#ifndef VF_FAN_PHONE_BOOK_H
#define VF_FAN_PHONE_BOOK_H

#include "fan/pattern.h"
#include "fan/phone.h"

enum {
	VF_PHONE_CODE_REGIONS = 32,	/* the most regions of one calling code; bits of `general` below */
	VF_PHONE_REGIONS = 1000,	/* the most of all */
	VF_PHONE_OPS = 400000,		/* the most pattern ops of all; today's metadata has 52,000 */
	VF_PHONE_NSN_MAX = 17,		/* digits of a national number, as libphonenumber has it */
	VF_PHONE_NONE = 255,		/* no region of the plan */
};

/* What may stand before a national number: a pattern in book->prefixes. */
struct vf_phone_prefix {
	bool present;
	uint8_t groups;
	uint16_t start, first;		/* first: digits it may begin with, as bits */
};

struct vf_phone_region {
	char name[4];
	uint16_t plan;
	uint8_t index;			/* in its plan */
	bool has_leading;
	struct vf_phone_prefix idd, national;
	bool has_rule;			/* when the last group of `national` matched: head and a group replace it */
	uint8_t head_len, rule_group;
	unsigned char head[12];
	uint32_t lengths;		/* possible lengths, as bits */
	uint32_t type_lengths[VF_PHONE_TYPES];
};

/* A calling code. Its regions follow one another in book->regions, the main one first. */
struct vf_phone_plan {
	uint16_t code, first, regions;
	uint8_t code_len;
	char code_text[4];
	struct vf_pattern patterns;	/* of all its regions; `start` leads to each of them */
	uint16_t start;
	uint32_t root;			/* the automaton's first state; 0: not made yet */
};

/* A state of a plan's automaton: a count of digits read, and what may still match. */
struct vf_phone_state {
	uint32_t next[10];		/* 0: not made yet */
	uint32_t general;		/* the regions whose general pattern matches here */
	uint8_t region;			/* whose number it is, or VF_PHONE_NONE */
	uint8_t type;			/* by that region's patterns; not UNKNOWN: valid */
};

struct vf_phone_automaton;

struct vf_phone_book {
	char version[32];
	struct vf_phone_plan *plans;	/* 0 is unused */
	struct vf_phone_region *regions;
	uint16_t nplans, nregions;
	uint32_t nops;			/* of all plans' patterns */
	uint16_t by_code[1000];		/* to plans; 0: no such code */
	uint16_t by_name[26 * 26];	/* to regions + 1; 0: no such region */
	struct vf_pattern prefixes;
	struct vf_phone_automaton *automaton;
};

/* What a pattern's tag says: region index in the plan, and a type, or one of these. */
enum { VF_PHONE_GENERAL = 0, VF_PHONE_LEADING = 15, VF_PHONE_TAG_KINDS = 16 };

struct vf_phone_automaton *vf_phone_automaton_new(void);
void vf_phone_automaton_free(struct vf_phone_automaton *);

/* The state in which n digits (values 0 to 9) of a national number end; good until the next call. */
const struct vf_phone_state *vf_phone_walk(struct vf_phone_book *, struct vf_phone_plan *,
	const unsigned char *digits, size_t n);

#endif
