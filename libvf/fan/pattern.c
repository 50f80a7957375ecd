/* fan/pattern.c -- the regular expressions of phone metadata, as programs. */
#include <stdlib.h>

#include "fan/pattern.h"

/* Bounds that keep hostile text from costing stack, time or memory; the real metadata stays far below. */
enum { DEPTH = 24, REPEATS = 40, WORK = 4000000, STEPS = 10000, ALL = 0x3ff, NONE = UINT16_MAX };

const char vf_pattern_nomem[] = "out of memory";

struct compiler {
	struct vf_pattern *prog;
	enum vf_pattern_mode mode;
	unsigned groups, depth;
	size_t work;
	const char *cause;
};

static bool
refuse(struct compiler *c, const char *cause)
{
	if (c->cause == NULL)
		c->cause = cause;
	return false;
}

/* Appends an op; returns its place, or -1 with the cause set. */
static int
emit(struct compiler *c, enum vf_pattern_kind kind, unsigned a, unsigned b)
{
	struct vf_pattern *p = c->prog;

	if (p->n == VF_PATTERN_OPS) {
		refuse(c, "patterns too large");
		return -1;
	}
	if (p->n == p->size) {
		uint32_t size = p->size == 0 ? 64 : 2 * p->size;
		struct vf_pattern_op *ops = realloc(p->ops, size * sizeof(*ops));

		if (ops == NULL) {
			refuse(c, vf_pattern_nomem);
			return -1;
		}
		p->ops = ops;
		p->size = size;
	}
	p->ops[p->n] = (struct vf_pattern_op){ (uint8_t)kind, (uint16_t)a, (uint16_t)b };
	return (int)p->n++;
}

/* Where the atom at p ends; NULL when it never does. */
static const char *
atom_end(struct compiler *c, const char *p, const char *end)
{
	const char *from = p;
	unsigned open = 0;

	do {
		if (*p == '\\') {
			if (++p == end)
				return NULL;
		} else if (*p == '[') {
			p = memchr(p, ']', (size_t)(end - p));
			if (p == NULL)
				return NULL;
		} else if (*p == '(') {
			open++;
		} else if (*p == ')') {
			if (open == 0)
				return NULL;
			open--;
		}
		p++;
	} while (open > 0 && p < end);
	c->work += (size_t)(p - from);
	return open > 0 ? NULL : p;
}

/* [2-46-9] as bits; text is what stands between the brackets. */
static bool
class_bits(const char *p, const char *end, unsigned *bits)
{
	*bits = 0;
	while (p < end) {
		int lo = *p++ - '0', hi = lo;

		if (end - p >= 2 && *p == '-') {
			hi = p[1] - '0';
			p += 2;
		}
		if (lo < 0 || hi > 9 || lo > hi)
			return false;
		for (; lo <= hi; lo++)
			*bits |= 1u << lo;
	}
	return *bits != 0;
}

/* The quantifier at *p, if any: how often the atom before it must and may be there. */
static bool
quantifier(const char **p, const char *end, unsigned *min, unsigned *max)
{
	unsigned v[2] = { 0, 0 };
	int k = 0, digits = 0;

	*min = *max = 1;
	if (*p == end || (**p != '?' && **p != '{'))
		return true;
	if (*(*p)++ == '?') {
		*min = 0;
		return true;
	}
	for (; *p < end && **p != '}'; ++*p) {
		if (**p == ',' && k == 0 && digits > 0) {
			k = 1;
			digits = 0;
		} else if (**p >= '0' && **p <= '9' && v[k] <= REPEATS) {
			v[k] = 10 * v[k] + (unsigned)(**p - '0');
			digits++;
		} else {
			return false;
		}
	}
	if (*p == end || digits == 0)
		return false;
	++*p;
	*min = v[0];
	*max = k == 0 ? v[0] : v[1];
	return *max > 0 && *min <= *max && *max <= REPEATS;
}

static bool alternatives(struct compiler *c, const char *p, const char *end);

static bool
group(struct compiler *c, const char *p, const char *end)
{
	unsigned number = 0;
	bool ok;

	if (end - p >= 2 && p[0] == '?' && p[1] == ':') {
		p += 2;
	} else if (c->mode == VF_PATTERN_PREFIX) {
		if (c->groups == VF_PATTERN_GROUPS)
			return refuse(c, "too many groups");
		number = ++c->groups;
		if (emit(c, VF_PATTERN_SAVE, 2 * number, 0) < 0)
			return false;
	}
	if (++c->depth > DEPTH)
		return refuse(c, "groups nested too deep");
	ok = alternatives(c, p, end);
	c->depth--;
	return ok && (number == 0 || emit(c, VF_PATTERN_SAVE, 2 * number + 1, 0) >= 0);
}

/* The atom from p to end, once. */
static bool
atom(struct compiler *c, const char *p, const char *end)
{
	unsigned bits;

	if (*p >= '0' && *p <= '9')
		return emit(c, VF_PATTERN_SET, 1u << (*p - '0'), 0) >= 0;
	if (*p == '\\' && p[1] == 'd')
		return emit(c, VF_PATTERN_SET, ALL, 0) >= 0;
	if (*p == '[' && class_bits(p + 1, end - 1, &bits))
		return emit(c, VF_PATTERN_SET, bits, 0) >= 0;
	if (*p == '(')
		return group(c, p + 1, end - 1);
	if (*p == '$' && c->mode == VF_PATTERN_PREFIX)
		return emit(c, VF_PATTERN_END, 0, 0) >= 0;
	return refuse(c, "not in the language of patterns");
}

/* The atom min to max times; the later ones are tried, and left out when they do not fit. */
static bool
repeat(struct compiler *c, const char *p, const char *end, unsigned min, unsigned max)
{
	int splits[REPEATS];
	unsigned i;

	for (i = 0; i < max; i++) {
		if (i >= min) {
			splits[i] = emit(c, VF_PATTERN_SPLIT, c->prog->n + 1, 0);
			if (splits[i] < 0)
				return false;
		}
		if (!atom(c, p, end))
			return false;
	}
	for (i = min; i < max; i++)
		c->prog->ops[splits[i]].b = (uint16_t)c->prog->n;
	return true;
}

static bool
sequence(struct compiler *c, const char *p, const char *end)
{
	unsigned min, max;

	if (p == end)
		return refuse(c, "an empty alternative");
	while (p < end) {
		const char *stop = atom_end(c, p, end), *next = stop;

		if (stop == NULL)
			return refuse(c, "an unclosed bracket");
		if (c->work > WORK)
			return refuse(c, "patterns too large");
		if (!quantifier(&next, end, &min, &max) || (max > 1 && *p == '$'))
			return refuse(c, "a bad repetition");
		if (!repeat(c, p, stop, min, max))
			return false;
		p = next;
	}
	return true;
}

/* The next `|` of this level, or end; NULL when a bracket is not closed. */
static const char *
branch_end(struct compiler *c, const char *p, const char *end)
{
	while (p != NULL && p < end && *p != '|')
		p = atom_end(c, p, end);
	return p;
}

static bool
alternatives(struct compiler *c, const char *p, const char *end)
{
	struct vf_pattern *prog = c->prog;
	uint32_t jumps = NONE;			/* chained by their targets until these are known */

	for (;;) {
		const char *stop = branch_end(c, p, end);
		int split, jump;

		if (stop == NULL)
			return refuse(c, "an unclosed bracket");
		if (stop == end)
			break;
		if ((split = emit(c, VF_PATTERN_SPLIT, prog->n + 1, 0)) < 0 || !sequence(c, p, stop)
		    || (jump = emit(c, VF_PATTERN_JUMP, jumps, 0)) < 0)
			return false;
		jumps = (uint32_t)jump;
		prog->ops[split].b = (uint16_t)prog->n;
		p = stop + 1;
	}
	if (!sequence(c, p, end))
		return false;
	while (jumps != NONE) {
		uint32_t next = prog->ops[jumps].a;

		prog->ops[jumps].a = (uint16_t)prog->n;
		jumps = next;
	}
	return true;
}

const char *
vf_pattern_compile(struct vf_pattern *p, struct vf_slice text, enum vf_pattern_mode mode, uint16_t tag, uint16_t *start,
	unsigned *groups)
{
	struct compiler c = { .prog = p, .mode = mode };

	*start = (uint16_t)p->n;
	if (text.n == 0)
		return "an empty pattern";
	if (alternatives(&c, text.p, text.p + text.n)
	    && (mode != VF_PATTERN_BEGIN || emit(&c, VF_PATTERN_ANY, 0, 0) >= 0))
		emit(&c, VF_PATTERN_FINAL, tag, 0);
	if (groups != NULL)
		*groups = c.groups;
	return c.cause;
}

const char *
vf_pattern_either(struct vf_pattern *p, uint16_t a, uint16_t b, uint16_t *start)
{
	struct compiler c = { .prog = p };

	*start = (uint16_t)p->n;
	emit(&c, VF_PATTERN_SPLIT, a, b);
	return c.cause;
}

void
vf_pattern_free(struct vf_pattern *p)
{
	free(p->ops);
	*p = (struct vf_pattern){ 0 };
}

/* Adds the first digits of what starts at pc; fuel bounds recursion and time, and all ten are always true enough. */
static unsigned
first(const struct vf_pattern_op *ops, uint32_t pc, unsigned *fuel)
{
	unsigned bits = 0;

	while (*fuel > 0) {
		--*fuel;
		switch (ops[pc].kind) {
		case VF_PATTERN_SET:
			return bits | ops[pc].a;
		case VF_PATTERN_SPLIT:
			bits |= first(ops, ops[pc].a, fuel);
			pc = ops[pc].b;
			break;
		case VF_PATTERN_JUMP:
			pc = ops[pc].a;
			break;
		case VF_PATTERN_SAVE:
			pc++;
			break;
		default:
			return ALL;
		}
	}
	return ALL;
}

uint16_t
vf_pattern_first(const struct vf_pattern *p, uint16_t start)
{
	unsigned fuel = STEPS;

	return (uint16_t)first(p->ops, start, &fuel);
}

struct run {
	const struct vf_pattern_op *ops;
	const unsigned char *digits;
	size_t n;
	int bounds[2 * (VF_PATTERN_GROUPS + 1)];
	size_t len;
	unsigned fuel;			/* bounds time, and with it the depth of recursion */
};

static bool
match(struct run *r, uint32_t pc, size_t at)
{
	while (r->fuel > 0) {
		const struct vf_pattern_op *op = &r->ops[pc];
		int old;

		r->fuel--;
		switch (op->kind) {
		case VF_PATTERN_SET:
			if (at == r->n || (op->a >> r->digits[at] & 1) == 0)
				return false;
			at++;
			pc++;
			break;
		case VF_PATTERN_SPLIT:
			if (match(r, op->a, at))
				return true;
			pc = op->b;
			break;
		case VF_PATTERN_JUMP:
			pc = op->a;
			break;
		case VF_PATTERN_SAVE:
			old = r->bounds[op->a];
			r->bounds[op->a] = (int)at;
			if (match(r, pc + 1, at))
				return true;
			r->bounds[op->a] = old;
			return false;
		case VF_PATTERN_END:
			if (at != r->n)
				return false;
			pc++;
			break;
		default:
			r->len = at;
			return true;
		}
	}
	return false;
}

bool
vf_pattern_prefix(const struct vf_pattern *p, uint16_t start, const unsigned char *digits, size_t n,
	struct vf_pattern_match *m)
{
	struct run r = { .ops = p->ops, .digits = digits, .n = n, .fuel = STEPS };
	int g;

	for (g = 0; g < 2 * (VF_PATTERN_GROUPS + 1); g++)
		r.bounds[g] = -1;
	if (!match(&r, start, 0))
		return false;
	m->len = r.len;
	for (g = 0; g <= VF_PATTERN_GROUPS; g++) {
		m->begin[g] = r.bounds[2 * g];
		m->end[g] = r.bounds[2 * g + 1];
	}
	return true;
}

