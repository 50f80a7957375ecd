/*
 * fan/phone-plan.c -- one automaton for all patterns of a calling code, made
 * state by state as numbers lead there.
 *
 * A state is the number of digits read and the set of pattern positions that
 * may follow.  The depth belongs to it because what a number is depends on its
 * length too; it also makes the graph finite whatever the patterns are.
 * All states of all plans live in three tables of fixed size.  When one of
 * them is full everything is forgotten and begins again: real metadata never
 * comes near that, hostile metadata is slow but bounded.
 */
#include <stdlib.h>

#include "fan/phone-book.h"

enum {
	STATES = 1 << 16,
	POSITIONS = 1 << 20,
	HEADS = 1 << 15,
	DEAD = 1,			/* nothing can match any more */
	NO_PLAN = UINT16_MAX,
};

/* What a state was made from; apart from the states, because walking does not need it. */
struct origin {
	uint32_t set, nset;		/* its positions: where in `positions`, how many */
	uint32_t hash, chain;
	uint16_t plan;
	uint8_t depth;
};

struct vf_phone_automaton {
	struct vf_phone_state *states;
	struct origin *origins;
	uint16_t *positions;
	uint32_t *heads;		/* by hash, chained through origins */
	uint32_t nstates, npositions;
	uint32_t stamp, *stamps;	/* positions already in the set that is being made */
	uint16_t *stack;
};

static void
forget(struct vf_phone_book *book)
{
	struct vf_phone_automaton *a = book->automaton;
	uint16_t i;

	for (i = 0; i < book->nplans; i++)
		book->plans[i].root = 0;
	memset(a->heads, 0, HEADS * sizeof(*a->heads));
	a->nstates = DEAD + 1;
	a->npositions = 0;
}

struct vf_phone_automaton *
vf_phone_automaton_new(void)
{
	struct vf_phone_automaton *a = calloc(1, sizeof(*a));
	int d;

	if (a == NULL)
		return NULL;
	a->states = malloc(STATES * sizeof(*a->states));
	a->origins = malloc(STATES * sizeof(*a->origins));
	a->positions = malloc(POSITIONS * sizeof(*a->positions));
	a->heads = calloc(HEADS, sizeof(*a->heads));
	a->stamps = calloc(VF_PATTERN_OPS, sizeof(*a->stamps));
	a->stack = malloc(VF_PATTERN_OPS * sizeof(*a->stack));
	if (a->states == NULL || a->origins == NULL || a->positions == NULL || a->heads == NULL || a->stamps == NULL
	    || a->stack == NULL) {
		vf_phone_automaton_free(a);
		return NULL;
	}
	a->states[DEAD] = (struct vf_phone_state){ .region = VF_PHONE_NONE };
	for (d = 0; d < 10; d++)
		a->states[DEAD].next[d] = DEAD;
	a->nstates = DEAD + 1;
	return a;
}

void
vf_phone_automaton_free(struct vf_phone_automaton *a)
{
	if (a == NULL)
		return;
	free(a->states);
	free(a->origins);
	free(a->positions);
	free(a->heads);
	free(a->stamps);
	free(a->stack);
	free(a);
}

/* Adds to the set at the end of `positions` all that can come next when pc is reached. */
static void
reach(struct vf_phone_automaton *a, const struct vf_pattern_op *ops, uint32_t pc, uint32_t *nset)
{
	uint32_t n = 0;

	for (;;) {
		if (a->stamps[pc] != a->stamp) {
			a->stamps[pc] = a->stamp;
			switch (ops[pc].kind) {
			case VF_PATTERN_SPLIT:
				a->stack[n++] = ops[pc].b;
				pc = ops[pc].a;
				continue;
			case VF_PATTERN_JUMP:
				pc = ops[pc].a;
				continue;
			case VF_PATTERN_ANY:		/* nothing may follow it, too */
				a->positions[a->npositions + (*nset)++] = (uint16_t)pc++;
				continue;
			default:
				a->positions[a->npositions + (*nset)++] = (uint16_t)pc;
			}
		}
		if (n == 0)
			return;
		pc = a->stack[--n];
	}
}

/* Ascending order makes equal sets equal bytes. Large sets are read off the stamps instead. */
static void
sort(struct vf_phone_automaton *a, uint16_t *set, uint32_t n, const struct vf_pattern *p)
{
	uint32_t i, j;

	if (n > 64) {
		for (i = 0, j = 0; i < p->n && j < n; i++)
			if (a->stamps[i] == a->stamp && p->ops[i].kind != VF_PATTERN_SPLIT
			    && p->ops[i].kind != VF_PATTERN_JUMP)
				set[j++] = (uint16_t)i;
		return;
	}
	for (i = 1; i < n; i++) {
		uint16_t v = set[i];

		for (j = i; j > 0 && set[j - 1] > v; j--)
			set[j] = set[j - 1];
		set[j] = v;
	}
}

/* The type of a number of this length by the patterns that match it; libphonenumber's order of asking. */
static uint8_t
type_of(const struct vf_phone_region *r, uint16_t matched, unsigned length)
{
	static const uint8_t order[] = { VF_PHONE_PREMIUM_RATE, VF_PHONE_TOLL_FREE, VF_PHONE_SHARED_COST, VF_PHONE_VOIP,
		VF_PHONE_PERSONAL_NUMBER, VF_PHONE_PAGER, VF_PHONE_UAN, VF_PHONE_VOICEMAIL };
	unsigned types = 0, i;

	if ((matched & 1u << VF_PHONE_GENERAL) == 0 || (r->lengths >> length & 1) == 0)
		return VF_PHONE_UNKNOWN;
	for (i = 1; i < VF_PHONE_TYPES; i++)
		if ((matched >> i & 1) != 0 && (r->type_lengths[i] >> length & 1) != 0)
			types |= 1u << i;
	for (i = 0; i < sizeof(order); i++)
		if ((types >> order[i] & 1) != 0)
			return order[i];
	if ((types >> VF_PHONE_FIXED_LINE & 1) == 0)
		return (types >> VF_PHONE_MOBILE & 1) != 0 ? VF_PHONE_MOBILE : VF_PHONE_UNKNOWN;
	return (types >> VF_PHONE_MOBILE & 1) != 0 ? VF_PHONE_FIXED_LINE_OR_MOBILE : VF_PHONE_FIXED_LINE;
}

/* What a number that ends in this state is. */
static void
conclude(const struct vf_phone_book *book, const struct vf_phone_plan *plan, const uint16_t *set, uint32_t n,
	unsigned depth, struct vf_phone_state *s)
{
	uint16_t matched[VF_PHONE_CODE_REGIONS] = { 0 };
	uint32_t i;

	for (i = 0; i < n; i++) {
		const struct vf_pattern_op *op = &plan->patterns.ops[set[i]];

		if (op->kind == VF_PATTERN_FINAL)
			matched[op->a / VF_PHONE_TAG_KINDS] |= (uint16_t)(1u << op->a % VF_PHONE_TAG_KINDS);
	}
	*s = (struct vf_phone_state){ .region = VF_PHONE_NONE };
	for (i = 0; i < plan->regions; i++) {
		const struct vf_phone_region *r = &book->regions[plan->first + i];
		uint8_t type = type_of(r, matched[i], depth);

		s->general |= (uint32_t)(matched[i] >> VF_PHONE_GENERAL & 1) << i;
		if (s->region == VF_PHONE_NONE
		    && (plan->regions == 1 || (r->has_leading ? (matched[i] >> VF_PHONE_LEADING & 1) != 0 : type != 0))) {
			s->region = (uint8_t)i;
			s->type = type;
		}
	}
}

/* The state of the set at the end of `positions`: one that is there, or a new one; 0 when the tables are full. */
static uint32_t
intern(struct vf_phone_book *book, const struct vf_phone_plan *plan, uint32_t nset, unsigned depth)
{
	struct vf_phone_automaton *a = book->automaton;
	uint16_t *set = a->positions + a->npositions, number = (uint16_t)(plan - book->plans);
	uint32_t hash = 2166136261u ^ (depth << 16 | number), i, at;

	if (nset == 0)
		return DEAD;
	sort(a, set, nset, &plan->patterns);
	for (i = 0; i < nset; i++)
		hash = (hash ^ set[i]) * 16777619u;
	hash ^= hash >> 15;
	for (at = a->heads[hash % HEADS]; at != 0; at = a->origins[at].chain) {
		const struct origin *o = &a->origins[at];

		if (o->hash == hash && o->plan == number && o->depth == depth && o->nset == nset
		    && memcmp(a->positions + o->set, set, nset * sizeof(*set)) == 0)
			return at;
	}
	if (a->nstates == STATES)
		return 0;
	at = a->nstates++;
	a->origins[at] = (struct origin){ a->npositions, nset, hash, a->heads[hash % HEADS], number, (uint8_t)depth };
	a->heads[hash % HEADS] = at;
	a->npositions += nset;
	conclude(book, plan, set, nset, depth, &a->states[at]);
	return at;
}

/* Begins a set; false when there may be no room for it. */
static bool
begin(struct vf_phone_automaton *a)
{
	if (++a->stamp == 0) {
		memset(a->stamps, 0, VF_PATTERN_OPS * sizeof(*a->stamps));
		a->stamp = 1;
	}
	return POSITIONS - a->npositions >= VF_PATTERN_OPS;
}

static uint32_t
root(struct vf_phone_book *book, struct vf_phone_plan *plan)
{
	uint32_t nset = 0;

	if (!begin(book->automaton))
		return 0;
	reach(book->automaton, plan->patterns.ops, plan->start, &nset);
	plan->root = intern(book, plan, nset, 0);
	return plan->root;
}

/* Where a digit leads from a state, for the first time. */
static uint32_t
grow(struct vf_phone_book *book, const struct vf_phone_plan *plan, uint32_t from, unsigned digit)
{
	struct vf_phone_automaton *a = book->automaton;
	const struct vf_pattern_op *ops = plan->patterns.ops;
	struct origin o = a->origins[from];
	uint32_t i, nset = 0, to;

	if (!begin(a))
		return 0;
	for (i = 0; i < o.nset; i++) {
		uint32_t pc = a->positions[o.set + i];

		if (ops[pc].kind == VF_PATTERN_SET && (ops[pc].a >> digit & 1) != 0)
			reach(a, ops, pc + 1, &nset);
		else if (ops[pc].kind == VF_PATTERN_ANY)
			reach(a, ops, pc, &nset);
	}
	to = intern(book, plan, nset, o.depth + 1u);
	a->states[from].next[digit] = to;
	return to;
}

const struct vf_phone_state *
vf_phone_walk(struct vf_phone_book *book, struct vf_phone_plan *plan, const unsigned char *digits, size_t n)
{
	const struct vf_phone_state *states = book->automaton->states;
	uint32_t s, t;
	size_t i;

	if (n > VF_PHONE_NSN_MAX)
		return &states[DEAD];
	for (;;) {
		s = plan->root;
		if (s == 0)
			s = root(book, plan);
		for (i = 0; i < n && s != 0; i++) {
			t = states[s].next[digits[i]];
			s = t != 0 ? t : grow(book, plan, s, digits[i]);
		}
		if (s != 0)
			return &states[s];
		forget(book);		/* the path of one number always fits into empty tables */
	}
}
