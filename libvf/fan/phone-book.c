/* fan/phone-book.c -- reads phone metadata (the lines of data/phone-metadata.txt) into structures. */
#include <stdlib.h>

#include "fan/phone-book.h"

#define FORMAT "vf-phone-metadata 1"

const char *const vf_phone_type_names[VF_PHONE_TYPES] = { "unknown", "fixed-line", "mobile", "fixed-line-or-mobile",
	"toll-free", "premium-rate", "shared-cost", "voip", "personal-number", "pager", "uan", "voicemail" };

enum key { IDD = VF_PHONE_TYPES, NATIONAL, PREFIX, RULE, LEADING, LENGTHS, GENERAL, KEYS };
static const char *const key_names[KEYS - VF_PHONE_TYPES] = { "idd", "national", "prefix", "rule", "leading", "lengths",
	"general" };

/* Where reading stands. */
struct reader {
	struct vf_phone_book *book;
	struct vf_phone_plan *plan;		/* of the last `code` line, or NULL */
	struct vf_phone_region *region;		/* of the last `region` line since, or NULL */
	unsigned seen;				/* keys of the region so far, as bits */
};

/* The digits of a number from 0 to max; false when it is none. */
static bool
number(struct vf_slice s, unsigned max, unsigned *value)
{
	size_t i;

	*value = 0;
	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*value = 10 * *value + (unsigned)(s.p[i] - '0');
		if (*value > max)
			return false;
	}
	return s.n > 0;
}

/* What stands before the first `at`; *s goes on after it, or is empty when there is none. */
static struct vf_slice
cut(struct vf_slice *s, char at)
{
	const char *p = s->n == 0 ? NULL : memchr(s->p, at, s->n);
	struct vf_slice head = *s;

	if (p == NULL) {
		*s = vf_slice(s->p + s->n, 0);
		return head;
	}
	head.n = (size_t)(p - s->p);
	*s = vf_slice(p + 1, s->n - head.n - 1);
	return head;
}

static const char *
lengths(struct vf_slice s, uint32_t *bits)
{
	unsigned v;

	for (*bits = 0; s.n > 0; *bits |= 1u << v)
		if (!number(cut(&s, ','), VF_PHONE_NSN_MAX, &v) || v < 2)
			return "not a list of lengths from 2 to 17";
	return *bits == 0 ? "not a list of lengths from 2 to 17" : NULL;
}

/* Adds a pattern to the plan's, under the region's tag. */
static const char *
pattern(struct reader *r, struct vf_slice text, enum vf_pattern_mode mode, unsigned kind)
{
	struct vf_phone_plan *plan = r->plan;
	uint32_t before = plan->patterns.n;
	uint16_t start;
	const char *cause = vf_pattern_compile(&plan->patterns, text, mode,
		(uint16_t)(r->region->index * VF_PHONE_TAG_KINDS + kind), &start, NULL);

	if (cause != NULL)
		return cause;
	r->book->nops += plan->patterns.n - before;
	if (r->book->nops > VF_PHONE_OPS)
		return "patterns too large";
	if (before > 0)
		return vf_pattern_either(&plan->patterns, start, plan->start, &plan->start);
	plan->start = start;
	return NULL;
}

static const char *
prefix(struct reader *r, struct vf_slice text, struct vf_phone_prefix *p)
{
	struct vf_pattern *all = &r->book->prefixes;
	unsigned groups;
	const char *cause = vf_pattern_compile(all, text, VF_PATTERN_PREFIX, 0, &p->start, &groups);

	if (cause != NULL)
		return cause;
	p->present = true;
	p->groups = (uint8_t)groups;
	p->first = vf_pattern_first(all, p->start);
	return NULL;
}

/* 268$1: digits and then a group. */
static const char *
rule(struct reader *r, struct vf_slice text)
{
	struct vf_phone_region *region = r->region;
	struct vf_slice head = cut(&text, '$');
	unsigned v;
	size_t i;

	if (!number(text, region->national.groups, &v) || v == 0 || head.n > sizeof(region->head))
		return "not a rule of at most 12 digits and a group of the prefix before it";
	for (i = 0; i < head.n; i++) {
		if (head.p[i] < '0' || head.p[i] > '9')
			return "not a rule of at most 12 digits and a group of the prefix before it";
		region->head[i] = (unsigned char)(head.p[i] - '0');
	}
	region->has_rule = true;
	region->head_len = (uint8_t)head.n;
	region->rule_group = (uint8_t)v;
	return NULL;
}

/* The region that is being read is complete. */
static const char *
end_region(struct reader *r)
{
	if (r->region != NULL && (r->seen & (1u << LENGTHS | 1u << GENERAL)) != (1u << LENGTHS | 1u << GENERAL))
		return "the region before this line has no lengths or no general pattern";
	return NULL;
}

static const char *
code(struct reader *r, struct vf_slice value)
{
	struct vf_phone_book *book = r->book;
	const char *cause = end_region(r);
	unsigned v;

	if (cause != NULL)
		return cause;
	if (r->plan != NULL && r->plan->regions == 0)
		return "the code before this line has no region";
	if (!number(value, 999, &v) || v == 0 || value.p[0] == '0' || book->by_code[v] != 0)
		return "not a calling code, or there twice";
	r->plan = &book->plans[book->nplans];
	r->plan->code = (uint16_t)v;
	r->plan->first = book->nregions;
	r->plan->code_len = (uint8_t)value.n;
	memcpy(r->plan->code_text, value.p, value.n);
	book->by_code[v] = book->nplans++;
	r->region = NULL;
	return NULL;
}

static const char *
region(struct reader *r, struct vf_slice value)
{
	struct vf_phone_book *book = r->book;
	const char *cause = end_region(r);
	uint16_t *slot = NULL;

	if (cause != NULL)
		return cause;
	if (r->plan == NULL)
		return "a region before the first code";
	if (value.n == 2 && value.p[0] >= 'A' && value.p[0] <= 'Z' && value.p[1] >= 'A' && value.p[1] <= 'Z')
		slot = &book->by_name[(value.p[0] - 'A') * 26 + value.p[1] - 'A'];
	if (slot != NULL ? *slot != 0 : !vf_slice_is(value, "001"))
		return "not a region, or there twice";
	if (r->plan->regions == VF_PHONE_CODE_REGIONS || book->nregions == VF_PHONE_REGIONS)
		return "too many regions";
	r->region = &book->regions[book->nregions++];
	memcpy(r->region->name, value.p, value.n);
	r->region->plan = (uint16_t)(r->plan - book->plans);
	r->region->index = (uint8_t)r->plan->regions++;
	if (slot != NULL)
		*slot = book->nregions;
	r->seen = 0;
	return NULL;
}

/* The number of a key that may stand below a region; KEYS when there is no such. */
static unsigned
find_key(struct vf_slice name)
{
	unsigned k;

	for (k = VF_PHONE_UNKNOWN + 1; k < KEYS; k++)
		if (k != VF_PHONE_FIXED_LINE_OR_MOBILE
		    && vf_slice_is(name, k < VF_PHONE_TYPES ? vf_phone_type_names[k] : key_names[k - VF_PHONE_TYPES]))
			break;
	return k;
}

static const char *
attribute(struct reader *r, struct vf_slice name, struct vf_slice value)
{
	unsigned k = find_key(name), v;
	const char *cause;

	if (k == KEYS)
		return "an unknown key";
	if (r->region == NULL)
		return "not below a region";
	if ((r->seen >> k & 1) != 0)
		return "there twice";
	r->seen |= 1u << k;
	switch (k) {
	case IDD:
		return prefix(r, value, &r->region->idd);
	case NATIONAL:				/* for people: parsing goes by `prefix` */
		return number(value, 99999999, &v) ? NULL : "not a number";
	case PREFIX:
		return prefix(r, value, &r->region->national);
	case RULE:
		return rule(r, value);
	case LEADING:
		r->region->has_leading = true;
		return pattern(r, value, VF_PATTERN_BEGIN, VF_PHONE_LEADING);
	case LENGTHS:
		return lengths(value, &r->region->lengths);
	case GENERAL:
		return pattern(r, value, VF_PATTERN_WHOLE, VF_PHONE_GENERAL);
	default:
		cause = lengths(cut(&value, ' '), &r->region->type_lengths[k]);
		return cause != NULL ? cause : pattern(r, value, VF_PATTERN_WHOLE, k);
	}
}

static const char *
version(struct vf_phone_book *book, struct vf_slice value)
{
	size_t i;

	if (value.n == 0 || value.n >= sizeof(book->version))
		return "not a version";
	for (i = 0; i < value.n; i++)
		if ((value.p[i] < '0' || value.p[i] > '9') && value.p[i] != '.')
			return "not a version";
	memcpy(book->version, value.p, value.n);
	return NULL;
}

static const char *
read_line(struct reader *r, size_t n, struct vf_slice line)
{
	struct vf_slice value = line, name;

	if (n == 1)
		return vf_slice_is(line, FORMAT) ? NULL : "not `" FORMAT "'";
	name = cut(&value, ' ');
	if (n == 2)
		return vf_slice_is(name, "version") ? version(r->book, value) : "not a version";
	if (line.n == 0 || line.p[0] == '#')
		return NULL;
	if (vf_slice_is(name, "code"))
		return code(r, value);
	if (vf_slice_is(name, "region"))
		return region(r, value);
	return attribute(r, name, value);
}

static int
read_text(struct vf_phone_book *book, struct vf_slice text, const char *name, struct vf_error *err)
{
	struct reader r = { .book = book };
	const char *cause = NULL;
	size_t n = 0;

	while (cause == NULL && text.n > 0)
		cause = read_line(&r, ++n, cut(&text, '\n'));
	if (cause == NULL && (cause = end_region(&r)) == NULL && (r.plan == NULL || r.plan->regions == 0))
		cause = "no region at the end";
	if (cause == NULL)
		return 0;
	return vf_error(err, cause == vf_pattern_nomem ? VF_ERR_FAILED : VF_ERR_CONFIG, "%s:%zu: %s", name,
		n == 0 ? 1 : n, cause);
}

struct vf_phone_book *
vf_phone_book_new(struct vf_slice text, const char *name, struct vf_error *err)
{
	struct vf_phone_book *book = calloc(1, sizeof(*book));

	if (book == NULL)
		goto nomem;
	book->nplans = 1;
	book->plans = calloc(1000, sizeof(*book->plans));
	book->regions = calloc(VF_PHONE_REGIONS, sizeof(*book->regions));
	book->automaton = vf_phone_automaton_new();
	if (book->plans == NULL || book->regions == NULL || book->automaton == NULL)
		goto nomem;
	if (read_text(book, text, name, err) == 0)
		return book;
	vf_phone_book_free(book);
	return NULL;
nomem:
	vf_phone_book_free(book);
	vf_error_nomem(err);
	return NULL;
}

void
vf_phone_book_free(struct vf_phone_book *book)
{
	uint16_t i;

	if (book == NULL)
		return;
	for (i = 1; book->plans != NULL && i < book->nplans; i++)
		vf_pattern_free(&book->plans[i].patterns);
	vf_pattern_free(&book->prefixes);
	vf_phone_automaton_free(book->automaton);
	free(book->plans);
	free(book->regions);
	free(book);
}

const char *
vf_phone_book_version(const struct vf_phone_book *book)
{
	return book->version;
}
