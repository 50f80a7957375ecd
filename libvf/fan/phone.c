/* fan/phone.c -- judges a phone number. */
#include "fan/phone-book.h"

enum {
	BYTES_MAX = 250,
	DIGITS_MAX = 48,	/* prefixes and 17 digits are far from this */
	ROOM = 80,		/* DIGITS_MAX, and a rule's head twice */
};

/* What a byte or character is in a number; 0 to 9 are digits. */
enum { PUNCTUATION = 10, PLUS, STRAY, WIDE };

/* Digits as values: those of the field, or what is left of them. */
struct digits {
	unsigned char v[ROOM];
	size_t at, n;		/* n of them, from v[at] on */
	bool plus;		/* a plus sign came first */
};

/* A parsed number: its plan and national number. */
struct number {
	struct vf_phone_plan *plan;
	struct digits nsn;
};

#define X STRAY
#define P PUNCTUATION
static const unsigned char classes[256] = {
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	P, X, X, X, X, X, X, X, P, P, X, PLUS, X, P, P, P, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, P, X, P, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, WIDE, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, WIDE, X, WIDE, X, X, X, X,
	X, X, WIDE, WIDE, X, X, X, X, X, X, X, X, X, X, X, WIDE, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
#undef X
#undef P

/* What a character outside ASCII is. */
static unsigned
class_of(uint32_t c)
{
	static const uint16_t marks[] = { 0x00a0, 0x00ad, 0x200b, 0x2060, 0x2212, 0x3000, 0x30fc, 0xff08, 0xff09, 0xff3b,
		0xff3d };
	size_t i;

	if (c >= 0x0660 && c <= 0x0669)		/* Arabic-Indic */
		return c - 0x0660;
	if (c >= 0x06f0 && c <= 0x06f9)		/* Extended Arabic-Indic */
		return c - 0x06f0;
	if (c >= 0xff10 && c <= 0xff19)		/* full-width */
		return c - 0xff10;
	if (c == 0xff0b)
		return PLUS;
	if ((c >= 0x2010 && c <= 0x2015) || (c >= 0xff0d && c <= 0xff0f))
		return PUNCTUATION;
	for (i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (c == marks[i])
			return PUNCTUATION;
	return STRAY;
}

/* The class of the character of two or three bytes at *p, which moves on to its last byte. */
static unsigned
wide_class(const unsigned char **p, const unsigned char *end)
{
	const unsigned char *s = *p;

	if (*s < 0xe0) {
		if (end - s < 2 || (s[1] & 0xc0) != 0x80)
			return STRAY;
		*p += 1;
		return class_of((uint32_t)(*s & 0x1f) << 6 | (s[1] & 0x3f));
	}
	if (end - s < 3 || (s[1] & 0xc0) != 0x80 || (s[2] & 0xc0) != 0x80)
		return STRAY;
	*p += 2;
	return class_of((uint32_t)(*s & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f));
}

/*
 * The digits of a field, when that is a number in writing: plus signs side by
 * side and before the first digit, punctuation anywhere, three digits or more.
 */
static bool
scan(struct vf_slice field, struct digits *d)
{
	const unsigned char *p = (const unsigned char *)field.p, *end = p + field.n;
	bool plus = false, apart = false;	/* apart: something came since the plus sign */
	size_t n = 0;

	if (field.n > BYTES_MAX)
		return false;
	for (; p < end; p++) {
		unsigned c = classes[*p];

		if (c == WIDE)
			c = wide_class(&p, end);
		if (c < 10) {
			if (n == DIGITS_MAX)
				return false;
			d->v[n++] = (unsigned char)c;
		} else if (c == PUNCTUATION) {
			apart = plus;
		} else if (c == PLUS && n == 0 && !apart) {
			plus = true;
		} else {
			return false;
		}
	}
	d->at = 0;
	d->n = n;
	d->plus = plus;
	return n >= 3;
}

enum fit { TOO_SHORT, FITS, TOO_LONG, BETWEEN };

/* How n digits compare with a region's possible lengths. */
static enum fit
fit(const struct vf_phone_region *r, size_t n)
{
	if (n > VF_PHONE_NSN_MAX || r->lengths >> n == 0)
		return TOO_LONG;
	if ((r->lengths >> n & 1) != 0)
		return FITS;
	return (r->lengths & ((1u << n) - 1)) == 0 ? TOO_SHORT : BETWEEN;
}

static bool
may_begin(const struct vf_phone_prefix *p, const struct digits *d)
{
	return p->present && d->n > 0 && (p->first >> d->v[d->at] & 1) != 0;
}

static void
drop(struct digits *d, size_t n)
{
	d->at += n;
	d->n -= n;
}

/* Whether a region's general pattern matches all the digits. */
static bool
general(struct vf_phone_book *book, const struct vf_phone_region *r, const struct digits *d)
{
	return (vf_phone_walk(book, &book->plans[r->plan], d->v + d->at, d->n)->general >> r->index & 1) != 0;
}

/* Puts the rule's head and group in the place of the match. */
static void
apply_rule(const struct vf_phone_region *r, const struct digits *from, const struct vf_pattern_match *m,
	struct digits *to)
{
	const unsigned char *digits = from->v + from->at;
	int begin = m->begin[r->rule_group], end = m->end[r->rule_group];
	size_t group = begin < 0 || end < begin ? 0 : (size_t)(end - begin);

	*to = (struct digits){ .n = r->head_len };
	memcpy(to->v, r->head, r->head_len);
	memcpy(to->v + to->n, digits + (group > 0 ? begin : 0), group);
	to->n += group;
	memcpy(to->v + to->n, digits + m->len, from->n - m->len);
	to->n += from->n - m->len;
}

/* Takes the national prefix off, unless that makes a number that matches one that does not. */
static void
strip_national(struct vf_phone_book *book, const struct vf_phone_region *r, struct digits *d)
{
	struct vf_pattern_match m;
	struct digits rest;
	unsigned last = r->national.groups;

	if (!may_begin(&r->national, d) || !vf_pattern_prefix(&book->prefixes, r->national.start, d->v + d->at, d->n, &m))
		return;
	if (r->has_rule && m.begin[last] >= 0 && m.end[last] > m.begin[last]) {
		apply_rule(r, d, &m, &rest);
	} else {
		rest = *d;
		drop(&rest, m.len);
	}
	if (!general(book, r, d) || general(book, r, &rest))
		*d = rest;
}

/* Takes the region's international prefix off; what follows it never begins with 0. */
static bool
strip_international(const struct vf_phone_book *book, const struct vf_phone_region *r, struct digits *d)
{
	struct vf_pattern_match m;

	if (!may_begin(&r->idd, d) || !vf_pattern_prefix(&book->prefixes, r->idd.start, d->v + d->at, d->n, &m)
	    || (m.len < d->n && d->v[d->at + m.len] == 0))
		return false;
	drop(d, m.len);
	return true;
}

/* Takes a calling code off the front. */
static struct vf_phone_plan *
take_code(struct vf_phone_book *book, struct digits *d)
{
	unsigned code = 0;
	size_t n;

	if (d->v[d->at] == 0)
		return NULL;
	for (n = 1; n <= 3 && n <= d->n; n++) {
		code = 10 * code + d->v[d->at + n - 1];
		if (book->by_code[code] != 0) {
			drop(d, n);
			return &book->plans[book->by_code[code]];
		}
	}
	return NULL;
}

/*
 * A number without plus sign: one with the region's international prefix
 * (*plan becomes another's), one that begins with the region's calling code
 * though nobody said so (*plan becomes the region's), or a national one (NULL).
 */
static bool
find_code(struct vf_phone_book *book, const struct vf_phone_region *r, struct digits *d, struct vf_phone_plan **plan)
{
	struct vf_phone_plan *own = &book->plans[r->plan];
	struct digits rest;
	size_t i;

	*plan = NULL;
	if (strip_international(book, r, d)) {
		if (d->n > 2)
			*plan = take_code(book, d);
		return *plan != NULL;
	}
	for (i = 0; i < own->code_len; i++)
		if (i >= d->n || d->v[d->at + i] != own->code_text[i] - '0')
			return true;
	rest = *d;
	drop(&rest, own->code_len);
	strip_national(book, r, &rest);
	if ((!general(book, r, d) && general(book, r, &rest)) || fit(r, d->n) == TOO_LONG) {
		*d = rest;
		*plan = own;
	}
	return true;
}

/* Which plan the digits belong to, and what is left without calling code; r is the default region or NULL. */
static bool
find_plan(struct vf_phone_book *book, const struct vf_phone_region *r, struct number *number)
{
	struct digits *d = &number->nsn;

	if (!d->plus)
		return r != NULL && find_code(book, r, d, &number->plan);
	number->plan = take_code(book, d);
	if (number->plan != NULL)
		return true;
	/* No calling code begins so: read it as if the plus were not there. */
	d->plus = false;
	return r != NULL && find_code(book, r, d, &number->plan) && number->plan != NULL;
}

static bool
valid(struct vf_phone_book *book, const struct number *number)
{
	const struct digits *d = &number->nsn;

	return vf_phone_walk(book, number->plan, d->v + d->at, d->n)->type != VF_PHONE_UNKNOWN;
}

/* Takes the national prefix off a number when what is left is long enough; true when that changed it. */
static bool
shorten(struct vf_phone_book *book, const struct vf_phone_region *r, struct digits *d)
{
	struct digits rest;
	enum fit how;

	if (!may_begin(&r->national, d))
		return false;
	rest = *d;
	strip_national(book, r, &rest);
	how = fit(r, rest.n);
	if (how == TOO_SHORT || how == BETWEEN
	    || (rest.n == d->n && memcmp(rest.v + rest.at, d->v + d->at, d->n) == 0))
		return false;
	*d = rest;
	return true;
}

/*
 * Parses as libphonenumber does; false when it would refuse.  Two things are
 * added, so that the E.164 form, read again, is itself: a number that is valid
 * as written after a plus sign is left alone, and one that is not valid loses
 * prefixes until it has no more.
 */
static bool
parse(struct vf_phone_book *book, const struct vf_phone_region *r, struct number *number)
{
	const struct vf_phone_region *main_region;
	int rounds = VF_PHONE_NSN_MAX;

	if (!find_plan(book, r, number))
		return false;
	if (number->plan == NULL)
		number->plan = &book->plans[r->plan];
	else
		r = &book->regions[number->plan->first];
	main_region = &book->regions[number->plan->first];
	if (number->nsn.n < 2)
		return false;
	if (may_begin(&r->national, &number->nsn) && !(number->nsn.plus && valid(book, number)))
		shorten(book, r, &number->nsn);
	while (rounds-- > 0 && number->nsn.n + number->plan->code_len <= VF_PHONE_DIGITS
		&& may_begin(&main_region->national, &number->nsn) && !valid(book, number)
		&& shorten(book, main_region, &number->nsn))
		;
	return number->nsn.n >= 2 && number->nsn.n + number->plan->code_len <= VF_PHONE_DIGITS;
}

static void
put(const struct number *number, const struct vf_phone_region *r, struct vf_phone *out)
{
	const struct vf_phone_plan *plan = number->plan;
	const unsigned char *digits = number->nsn.v + number->nsn.at;
	char *p = out->e164;
	size_t i;

	*p++ = '+';
	memcpy(p, plan->code_text, plan->code_len);
	p += plan->code_len;
	for (i = 0; i < number->nsn.n; i++)
		*p++ = (char)('0' + digits[i]);
	*p = '\0';
	out->len = (uint8_t)(p - out->e164);
	memcpy(out->region, r->name, sizeof(out->region));
}

static const struct vf_phone_region *
find_region(const struct vf_phone_book *book, const char *name)
{
	unsigned a, b, i;

	if (name == NULL || name[0] == '\0')
		return NULL;
	a = (unsigned char)name[0] - 'A';
	b = (unsigned char)name[1] - 'A';
	if (a >= 26 || b >= 26 || name[2] != '\0')
		return NULL;
	i = book->by_name[a * 26 + b];
	return i == 0 ? NULL : &book->regions[i - 1];
}

bool
vf_phone_region_ok(const struct vf_phone_book *book, const char *region)
{
	return find_region(book, region) != NULL;
}

enum vf_phone_verdict
vf_phone_judge(struct vf_phone_book *book, struct vf_slice field, const char *default_region, struct vf_phone *out)
{
	const struct vf_phone_region *home = find_region(book, default_region), *whose, *main_region;
	const struct vf_phone_state *state;
	struct number number;

	out->e164[0] = out->region[0] = '\0';
	out->len = 0;
	out->type = VF_PHONE_UNKNOWN;
	number.plan = NULL;
	if (!scan(vf_slice_trim(field), &number.nsn) || !parse(book, home, &number))
		return VF_PHONE_BAD;
	state = vf_phone_walk(book, number.plan, number.nsn.v + number.nsn.at, number.nsn.n);
	main_region = &book->regions[number.plan->first];
	if (state->type == VF_PHONE_UNKNOWN && fit(main_region, number.nsn.n) != FITS)
		return VF_PHONE_BAD;
	if (state->region != VF_PHONE_NONE)
		whose = main_region + state->region;
	else
		whose = home != NULL && &book->plans[home->plan] == number.plan ? home : main_region;
	put(&number, whose, out);
	out->type = state->type;
	return state->type != VF_PHONE_UNKNOWN ? VF_PHONE_VALID : VF_PHONE_POSSIBLE;
}

bool
vf_phone_takes_sms(enum vf_phone_type type)
{
	return type != VF_PHONE_TOLL_FREE && type != VF_PHONE_PREMIUM_RATE;
}
