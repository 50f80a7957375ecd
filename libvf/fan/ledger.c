#include "fan/ledger.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/text.h"
#include "fan/campaign.h"
#include "fan/codes.h"
#include "fan/fan.h"

#define GROUP 256			/* lines whose look-ups overlap */
#define FIELDS 6
#define ID_MAX 256

/*
 * What a fan maps to: 40 bits of offset and 24 bits of the live code's
 * fingerprint; NOTHING when there is no live code; while a group is asked, the
 * number of the ask that may get one.
 */
#define NOTHING UINT64_MAX
#define ASKED ((uint64_t)1 << 63)
#define TAG_BITS 24
#define TAG_MASK (((uint64_t)1 << TAG_BITS) - 1)

struct vf_ledger {
	char *name, *campaign;
	struct vf_slice campaign_id;
	struct vf_keyset *fans, *codes;
	uint64_t size, lines;
	bool header;			/* was read */
	struct vf_buf scratch;
	char at[VF_DATE_LEN];		/* the last assignedAt found good: many lines share it */

	/* A group of lines, void lines apart, that are looked up together. */
	struct pending {
		struct vf_key fan, code;
		uint64_t value;
		bool placeholder;
	} group[GROUP];
	size_t ngroup;
	uint64_t first;			/* line of the file of group[0] */
};

/* A field that starts with a quote, up to its delimiter or the end; false when it is not well formed. */
static bool
unquote(const char **p, const char *end, struct vf_buf *scratch, size_t *at, size_t *n)
{
	const char *q = *p + 1;

	*at = scratch->n;
	for (;; q++) {
		if (q == end)
			return false;
		if (*q == '"' && (++q == end || *q != '"'))
			break;
		vf_buf_add_char(scratch, *q);
	}
	*n = scratch->n - *at;
	*p = q;
	return (q == end || *q == ',') && !scratch->failed;
}

const char *
vf_ledger_parse(struct vf_slice line, struct vf_ledger_line *l, struct vf_buf *scratch)
{
	struct vf_slice *field[FIELDS] = { &l->fan, &l->code, &l->type, &l->campaign, &l->wave, &l->at };
	const char *p = line.p, *end = line.p + line.n;
	size_t at;

	vf_buf_clear(scratch);
	if (line.n > VF_LEDGER_LINE_MAX)
		return "too long for a ledger line";
	if (vf_buf_reserve(scratch, line.n) < 0)	/* so that what points into it stays */
		return "out of memory";
	for (int i = 0; i < FIELDS; i++, p++) {
		if (p < end && *p == '"') {
			if (!unquote(&p, end, scratch, &at, &field[i]->n))
				return "a quoted field is not well formed";
			field[i]->p = scratch->p + at;
		} else {
			const char *comma = memchr(p, ',', (size_t)(end - p));

			*field[i] = vf_slice(p, (size_t)((comma != NULL ? comma : end) - p));
			p += field[i]->n;
		}
		if ((p == end) != (i == FIELDS - 1))
			return "not six fields";
	}
	return NULL;
}

int
vf_ledger_put(struct vf_buf *b, const struct vf_ledger_line *l)
{
	const struct vf_slice field[FIELDS] = { l->fan, l->code, l->type, l->campaign, l->wave, l->at };

	for (int i = 0; i < FIELDS; i++) {
		vf_text_add_csv(b, field[i]);
		vf_buf_add_char(b, i < FIELDS - 1 ? ',' : '\n');
	}
	return b->failed ? -1 : 0;
}

bool
vf_ledger_id_ok(struct vf_slice id)
{
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] < ' ' || id.p[i] == 0x7f)
			return false;
	return id.n <= ID_MAX;
}

struct vf_ledger *
vf_ledger_new(const char *name, struct vf_slice campaign, uint64_t lines, struct vf_error *err)
{
	struct vf_ledger *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->name = strdup(name)) == NULL || (l->campaign = strndup(campaign.p, campaign.n)) == NULL) {
		vf_ledger_free(l);
		vf_error_nomem(err);
		return NULL;
	}
	l->campaign_id = vf_slice(l->campaign, campaign.n);
	l->fans = vf_keyset_new(8, lines, err);
	l->codes = l->fans != NULL ? vf_keyset_new(0, lines, err) : NULL;
	if (l->codes == NULL) {
		vf_ledger_free(l);
		return NULL;
	}
	return l;
}

void
vf_ledger_free(struct vf_ledger *l)
{
	if (l == NULL)
		return;
	vf_keyset_free(l->fans);
	vf_keyset_free(l->codes);
	vf_buf_free(&l->scratch);
	free(l->name);
	free(l->campaign);
	free(l);
}

uint64_t
vf_ledger_size(const struct vf_ledger *l)
{
	return l->size;
}

uint64_t
vf_ledger_lines(const struct vf_ledger *l)
{
	return l->lines;
}

static uint64_t
live(uint64_t offset, struct vf_key code)
{
	return offset << TAG_BITS | (code.a & TAG_MASK);
}

static int
contradiction(const struct vf_ledger *l, uint64_t line, const char *why, struct vf_error *err)
{
	return vf_error(err, VF_ERR_CONFIG, "%s:%" PRIu64 ": %s", l->name, line, why);
}

/* A fan that the map knew: fine only when its code was refused since. */
static bool
again(struct vf_ledger *l, const struct pending *p)
{
	unsigned char found;
	uint64_t value;

	vf_keyset_find(l->fans, &p->fan, 1, &found, &value);
	return found && value == NOTHING && vf_keyset_set(l->fans, p->fan, p->value);
}

/* Looks up the group and judges its lines, first to last. */
static int
settle(struct vf_ledger *l, struct vf_error *err)
{
	struct vf_key fans[GROUP], codes[GROUP];
	uint64_t values[GROUP];
	unsigned char new_fan[GROUP], new_code[GROUP];
	size_t ncodes = 0, k = 0;

	for (size_t i = 0; i < l->ngroup; i++) {
		fans[i] = l->group[i].fan;
		values[i] = l->group[i].value;
		if (!l->group[i].placeholder)
			codes[ncodes++] = l->group[i].code;
	}
	if (vf_keyset_add(l->fans, fans, l->ngroup, new_fan, values, err) < 0 ||
		vf_keyset_add(l->codes, codes, ncodes, new_code, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < l->ngroup; i++) {
		if (!l->group[i].placeholder && !new_code[k++])
			return contradiction(l, l->first + i, "this code stands in an earlier line", err);
		if (!new_fan[i] && !again(l, &l->group[i]))
			return contradiction(l, l->first + i, "this fan has a code by an earlier line", err);
	}
	l->ngroup = 0;
	return 0;
}

/* A refused code: its fan's, and live. */
static int
take_void(struct vf_ledger *l, const struct vf_ledger_line *line, uint64_t lineno, struct vf_error *err)
{
	struct vf_key fan, code;
	unsigned char found, used;
	uint64_t value;

	if (settle(l, err) < 0)
		return -1;
	fan = vf_keyset_key(l->fans, line->fan);
	code = vf_keyset_key(l->codes, line->code);
	vf_keyset_find(l->fans, &fan, 1, &found, &value);
	vf_keyset_find(l->codes, &code, 1, &used, NULL);
	if (!found || value == NOTHING || (value & TAG_MASK) != (code.a & TAG_MASK) ||
		(!used && !vf_slice_is(line->code, VF_CODE_TM_TEXT)))
		return contradiction(l, lineno, "void, but this is not the code that the fan has", err);
	vf_keyset_set(l->fans, fan, NOTHING);
	return 0;
}

static bool
date_ok(struct vf_ledger *l, struct vf_slice at)
{
	int64_t seconds;

	if (at.n == VF_DATE_LEN && memcmp(at.p, l->at, VF_DATE_LEN) == 0)
		return true;
	if (!vf_date_parse(at, &seconds))
		return false;
	if (at.n == VF_DATE_LEN)
		memcpy(l->at, at.p, VF_DATE_LEN);
	return true;
}

/* What is wrong with the line in itself, or NULL. */
static const char *
judge(struct vf_ledger *l, const struct vf_ledger_line *line, bool *is_void, bool *placeholder)
{
	enum vf_code_type type;

	*is_void = vf_slice_is(line->type, "void");
	*placeholder = vf_slice_is(line->code, VF_CODE_TM_TEXT);
	if (!vf_fan_id_ok(line->fan))
		return "not a valid globalUserId";
	if (!vf_code_ok(line->code))
		return "not a code";
	if (!*is_void && !vf_code_type_parse(line->type, &type))
		return "codeType is none of generated, external, TM, void";
	if (!*is_void && (type == VF_CODE_TM) != *placeholder)
		return "codeType TM and the placeholder TM go together";
	if (!vf_slice_eq(line->campaign, l->campaign_id))
		return "belongs to another campaign";
	if (!vf_ledger_id_ok(line->wave))
		return "not a waveId";
	return date_ok(l, line->at) ? NULL : "assignedAt is not a date";
}

static int
take_line(struct vf_ledger *l, struct vf_slice text, struct vf_error *err)
{
	const uint64_t lineno = l->lines + 2;	/* line 1 is the header */
	struct vf_ledger_line line;
	bool is_void, placeholder;
	struct pending *p;
	const char *why = vf_ledger_parse(text, &line, &l->scratch);

	if (why == NULL)
		why = judge(l, &line, &is_void, &placeholder);
	if (why != NULL)	/* an earlier line of the group may be wrong as well: that one is named */
		return settle(l, err) < 0 ? -1 : contradiction(l, lineno, why, err);
	if (is_void)
		return take_void(l, &line, lineno, err);
	if (l->ngroup == GROUP && settle(l, err) < 0)
		return -1;
	if (l->ngroup == 0)
		l->first = lineno;
	p = &l->group[l->ngroup++];
	p->fan = vf_keyset_key(l->fans, line.fan);
	p->code = vf_keyset_key(l->codes, line.code);
	p->value = live(l->size, p->code);
	p->placeholder = placeholder;
	return 0;
}

static int
take_header(struct vf_ledger *l, struct vf_slice text, struct vf_error *err)
{
	if (!vf_slice_is(text, VF_LEDGER_HEADER))
		return contradiction(l, 1, "not a ledger: the header is not " VF_LEDGER_HEADER, err);
	l->header = true;
	return 0;
}

int
vf_ledger_load(struct vf_ledger *l, struct vf_slice text, size_t *used, struct vf_error *err)
{
	const char *p = text.p, *end = text.p + text.n, *lf;

	while ((lf = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL) != NULL) {
		struct vf_slice line = vf_slice(p, (size_t)(lf - p));

		if (!l->header ? take_header(l, line, err) < 0 : take_line(l, line, err) < 0)
			return -1;
		l->lines += l->size > 0;
		l->size += line.n + 1;
		p = lf + 1;
	}
	*used = (size_t)(p - text.p);
	if (end - p > VF_LEDGER_LINE_MAX)
		return contradiction(l, l->lines + 1 + l->header, "too long for a ledger line", err);
	if (l->size > VF_LEDGER_MAX)
		return contradiction(l, l->lines + 1, "a ledger this large cannot be dealt with", err);
	return settle(l, err);
}

/* A fan without a live code that the map knew: the first ask of the group is NONE, later ones are SAME. */
static void
ask_again(struct vf_ledger *l, struct vf_ledger_ask *a, uint64_t i)
{
	unsigned char found;
	uint64_t value;

	vf_keyset_find(l->fans, &a->key, 1, &found, &value);
	if (found && value != NOTHING) {
		a->standing = VF_LEDGER_SAME;
		a->where = value & ~ASKED;
	} else {
		vf_keyset_set(l->fans, a->key, ASKED | i);
		a->standing = VF_LEDGER_NONE;
	}
}

static int
ask_group(struct vf_ledger *l, struct vf_ledger_ask *asks, uint64_t first, size_t n, struct vf_error *err)
{
	struct vf_key keys[GROUP];
	uint64_t values[GROUP];
	unsigned char fresh[GROUP];

	for (size_t i = 0; i < n; i++) {
		keys[i] = asks[i].key = vf_keyset_key(l->fans, asks[i].fan);
		values[i] = ASKED | (first + i);
	}
	if (vf_keyset_add(l->fans, keys, n, fresh, values, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (fresh[i]) {
			asks[i].standing = VF_LEDGER_NONE;
		} else if (values[i] == NOTHING) {
			ask_again(l, &asks[i], first + i);
		} else {
			asks[i].standing = (values[i] & ASKED) != 0 ? VF_LEDGER_SAME : VF_LEDGER_HELD;
			asks[i].where = (values[i] & ASKED) != 0 ? values[i] & ~ASKED : values[i] >> TAG_BITS;
		}
	}
	return 0;
}

int
vf_ledger_ask(struct vf_ledger *l, struct vf_ledger_ask *asks, size_t n, struct vf_error *err)
{
	for (size_t done = 0; done < n; done += GROUP)
		if (ask_group(l, asks + done, done, n - done < GROUP ? n - done : GROUP, err) < 0)
			return -1;
	return 0;
}

int
vf_ledger_take(struct vf_ledger *l, const struct vf_slice *codes, size_t n, unsigned char *fresh, struct vf_error *err)
{
	struct vf_key keys[GROUP];

	for (size_t done = 0; done < n; done += GROUP) {
		size_t group = n - done < GROUP ? n - done : GROUP;

		for (size_t i = 0; i < group; i++)
			keys[i] = vf_keyset_key(l->codes, codes[done + i]);
		if (vf_keyset_add(l->codes, keys, group, fresh + done, NULL, err) < 0)
			return -1;
	}
	return 0;
}

void
vf_ledger_give(struct vf_ledger *l, const struct vf_ledger_ask *a, struct vf_slice code, size_t bytes)
{
	vf_keyset_set(l->fans, a->key, live(l->size, vf_keyset_key(l->codes, code)));
	l->size += bytes;
	l->lines++;
}

void
vf_ledger_leave(struct vf_ledger *l, const struct vf_ledger_ask *a)
{
	vf_keyset_set(l->fans, a->key, NOTHING);
}
