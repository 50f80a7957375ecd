#include "base/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"

#define DAY 86400
#define NAME_MAX_LEN 64
#define OFFSET_MIN (-89999)		/* RFC 8536, section 3.2 */
#define OFFSET_MAX 93599
#define TYPES_MAX 256

/* A day of the year, by the rule of a TZ string, and a time on it, in seconds that may lie outside the day. */
struct rule {
	enum { JULIAN, ZERO_BASED, MONTH } kind;
	unsigned month, week, day;	/* day: of the year, or of the week from Sunday */
	int32_t time;
};

/* What follows the last change in the file. */
struct footer {
	bool present, has_dst;
	int32_t std, dst;		/* offsets */
	struct rule start, end;		/* of dst */
};

struct vf_zone {
	size_t n;
	int64_t *times;			/* changes, ascending */
	int32_t *offsets;		/* from times[i] on */
	int32_t first;			/* before times[0] */
	struct footer footer;
};

struct change {
	int64_t at;
	int32_t offset;
};

bool
vf_zone_name_ok(struct vf_slice s)
{
	bool start = true;

	if (s.n == 0 || s.n > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && (start || !((c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '/')))
			return false;
		start = c == '/';
	}
	return !start;
}

/* The TZ string at the end of a file */

/* Digits up to `max`. */
static bool
number(struct vf_slice *s, unsigned max, unsigned *v)
{
	size_t n = 0;

	*v = 0;
	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
		*v = *v * 10 + (unsigned)(s->p[n] - '0');
		if (*v > max)
			return false;
	}
	*s = vf_slice(s->p + n, s->n - n);
	return n > 0;
}

static bool
take(struct vf_slice *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = vf_slice(s->p + 1, s->n - 1);
	return true;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool
hms(struct vf_slice *s, unsigned max_hours, int32_t *v)
{
	bool negative = take(s, '-');
	unsigned h, m = 0, sec = 0;

	if (!negative)
		take(s, '+');
	if (!number(s, max_hours, &h) || (take(s, ':') && (!number(s, 59, &m) || (take(s, ':') && !number(s, 59, &sec)))))
		return false;
	*v = (int32_t)(h * 3600 + m * 60 + sec);
	if (negative)
		*v = -*v;
	return true;
}

/* `EST` or `<-03>`. */
static bool
abbreviation(struct vf_slice *s)
{
	bool quoted = take(s, '<');
	size_t n = 0;

	for (; n < s->n; n++) {
		char c = s->p[n];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!letter && !(quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-')))
			break;
	}
	*s = vf_slice(s->p + n, s->n - n);
	return n >= 3 && (!quoted || take(s, '>'));
}

static bool
rule(struct vf_slice *s, struct rule *r)
{
	if (take(s, 'J')) {
		r->kind = JULIAN;
		if (!number(s, 365, &r->day) || r->day == 0)
			return false;
	} else if (take(s, 'M')) {
		r->kind = MONTH;
		if (!number(s, 12, &r->month) || r->month == 0 || !take(s, '.') || !number(s, 5, &r->week) ||
			r->week == 0 || !take(s, '.') || !number(s, 6, &r->day))
			return false;
	} else {
		r->kind = ZERO_BASED;
		if (!number(s, 365, &r->day))
			return false;
	}
	r->time = 2 * 3600;
	return !take(s, '/') || hms(s, 167, &r->time);
}

/* An empty string says that nothing is known of the time after the last change. */
static bool
parse_footer(struct vf_slice s, struct footer *f)
{
	if (s.n == 0)
		return true;
	/* The sign of POSIX: west is positive. */
	if (!abbreviation(&s) || !hms(&s, 24, &f->std))
		return false;
	f->std = -f->std;
	f->present = true;
	if (s.n == 0)
		return true;
	f->has_dst = true;
	f->dst = f->std + 3600;
	if (!abbreviation(&s))
		return false;
	if (s.n > 0 && s.p[0] != ',') {
		if (!hms(&s, 24, &f->dst))
			return false;
		f->dst = -f->dst;
	}
	return take(&s, ',') && rule(&s, &f->start) && take(&s, ',') && rule(&s, &f->end) && s.n == 0;
}

/* Local seconds since 1970 of a rule in a year. */
static int64_t
when(const struct rule *r, int64_t year)
{
	int64_t first = vf_date_days(year, 1, 1), days;

	if (r->kind == ZERO_BASED) {
		days = first + r->day;
	} else if (r->kind == JULIAN) {
		/* 29 February is never counted. */
		days = first + r->day - 1 + (r->day >= 60 && vf_date_days(year, 3, 1) - first == 60);
	} else {
		int64_t month = vf_date_days(year, r->month, 1);
		int64_t next = r->month < 12 ? vf_date_days(year, r->month + 1, 1) : vf_date_days(year + 1, 1, 1);
		int64_t weekday = ((month + 4) % 7 + 7) % 7;	/* 1970-01-01 was a Thursday */

		days = month + ((int64_t)r->day + 7 - weekday) % 7 + 7 * (int64_t)(r->week - 1);
		while (days >= next)
			days -= 7;
	}
	return days * DAY + r->time;
}

/* The changes of the years around t by the footer, in order: six of them. */
static void
changes_around(const struct footer *f, int64_t t, struct change c[6])
{
	unsigned m, d;
	int64_t year;

	vf_date_civil(t >= 0 ? t / DAY : -((-t + DAY - 1) / DAY), &year, &m, &d);
	for (int i = 0; i < 3; i++) {
		struct change start = { when(&f->start, year - 1 + i) - f->std, f->dst };
		struct change end = { when(&f->end, year - 1 + i) - f->dst, f->std };

		c[2 * i] = start;
		c[2 * i + 1] = end;
	}
	for (int i = 1; i < 6; i++)
		for (int k = i; k > 0; k--) {
			/* An end and a start at one instant: the new summer time begins. */
			bool swap = c[k - 1].at > c[k].at || (c[k - 1].at == c[k].at && c[k - 1].offset == f->dst);
			struct change x = c[k];

			if (!swap)
				break;
			c[k] = c[k - 1];
			c[k - 1] = x;
		}
}

static int32_t
footer_offset(const struct footer *f, int64_t t)
{
	struct change c[6];
	int32_t offset;

	if (!f->has_dst)
		return f->std;
	changes_around(f, t, c);
	offset = c[0].offset == f->dst ? f->std : f->dst;
	for (int i = 0; i < 6 && c[i].at <= t; i++)
		offset = c[i].offset;
	return offset;
}

/* Files */

static uint32_t
get_u32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
get_time(const unsigned char *p, size_t len)
{
	if (len == 4)
		return (int32_t)get_u32(p);
	return (int64_t)((uint64_t)get_u32(p) << 32 | get_u32(p + 4));
}

#define HEADER 44

/* A header and its block of data, whose times have `len` bytes. */
struct block {
	const unsigned char *times, *indexes, *types;
	size_t ntimes, ntypes, len;
};

/* Finds the block at *s and moves past it; false when it does not fit. */
static bool
find_block(struct vf_slice *s, size_t len, struct block *b)
{
	const unsigned char *p = (const unsigned char *)s->p;
	uint64_t isut, isstd, leap, times, types, chars, size;

	if (s->n < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	isut = get_u32(p + 20);
	isstd = get_u32(p + 24);
	leap = get_u32(p + 28);
	times = get_u32(p + 32);
	types = get_u32(p + 36);
	chars = get_u32(p + 40);
	/* Counts of 32 bits times at most 12: no overflow. */
	size = times * len + times + types * 6 + chars + leap * (len + 4) + isstd + isut;
	if (size > s->n - HEADER || types == 0 || types > TYPES_MAX || leap != 0)
		return false;
	*b = (struct block){ .times = p + HEADER, .indexes = p + HEADER + times * len,
		.types = p + HEADER + times * len + times, .ntimes = times, .ntypes = types, .len = len };
	*s = vf_slice(s->p + HEADER + size, s->n - HEADER - size);
	return true;
}

static bool
get_offset(const struct block *b, unsigned type, int32_t *offset)
{
	if (type >= b->ntypes)
		return false;
	*offset = (int32_t)get_u32(b->types + 6 * type);
	return *offset >= OFFSET_MIN && *offset <= OFFSET_MAX;
}

static int
fill(struct vf_zone *z, const struct block *b, struct vf_error *err)
{
	z->times = calloc(b->ntimes + 1, sizeof(*z->times));
	z->offsets = calloc(b->ntimes + 1, sizeof(*z->offsets));
	if (z->times == NULL || z->offsets == NULL)
		return vf_error_nomem(err);
	if (!get_offset(b, 0, &z->first))
		return 1;
	for (; z->n < b->ntimes; z->n++) {
		z->times[z->n] = get_time(b->times + z->n * b->len, b->len);
		if (!get_offset(b, b->indexes[z->n], &z->offsets[z->n]))
			return 1;
		if (z->n > 0 && z->times[z->n] <= z->times[z->n - 1])
			return 1;
	}
	return 0;
}

/* 0, 1 when this is no TZif file that can be used, -1 out of memory. */
static int
parse(struct vf_zone *z, struct vf_slice s, struct vf_error *err)
{
	struct block b;
	const char *end;
	int rc;

	if (s.n < HEADER || !find_block(&s, 4, &b))
		return 1;
	/* From version 2 on a second block has all times in 64 bits, and a TZ string between two LFs. */
	if (b.times[4 - HEADER] == '\0')
		return fill(z, &b, err);
	if (!find_block(&s, 8, &b))
		return 1;
	rc = fill(z, &b, err);
	if (rc != 0)
		return rc;
	end = s.n > 1 && s.p[0] == '\n' ? memchr(s.p + 1, '\n', s.n - 1) : NULL;
	return end != NULL && parse_footer(vf_slice(s.p + 1, (size_t)(end - s.p - 1)), &z->footer) ? 0 : 1;
}

struct vf_zone *
vf_zone_parse(struct vf_slice tzif, const char *name, struct vf_error *err)
{
	struct vf_zone *z = calloc(1, sizeof(*z));
	int rc = z != NULL ? parse(z, tzif, err) : vf_error_nomem(err);

	if (rc == 0)
		return z;
	if (rc > 0)
		vf_error(err, VF_ERR_CONFIG, "time zone %s: its file is damaged, or not of a form that can be read", name);
	vf_zone_free(z);
	return NULL;
}

struct vf_zone *
vf_zone_load(const char *dir, const char *name, struct vf_error *err)
{
	char path[1024];
	struct vf_buf text = { 0 };
	struct vf_zone *z = NULL;
	int n;

	if (!vf_zone_name_ok(vf_slice_str(name))) {
		vf_error(err, VF_ERR_CONFIG, "not the name of a time zone (such as America/New_York)");
		return NULL;
	}
	n = snprintf(path, sizeof(path), "%s/%s", dir != NULL ? dir : VF_ZONE_DIR, name);
	if (n < 0 || (size_t)n >= sizeof(path) || access(path, R_OK) < 0)
		vf_error(err, VF_ERR_CONFIG, "time zone %s: not in %s", name, dir != NULL ? dir : VF_ZONE_DIR);
	else if (vf_file_slurp(path, VF_ZONE_FILE_MAX, &text, err) < 0)
		err->kind = VF_ERR_CONFIG;
	else
		z = vf_zone_parse(vf_buf_slice(&text), name, err);
	vf_buf_free(&text);
	return z;
}

void
vf_zone_free(struct vf_zone *z)
{
	if (z == NULL)
		return;
	free(z->times);
	free(z->offsets);
	free(z);
}

/* How many changes are at or before t. */
static size_t
changes_until(const struct vf_zone *z, int64_t t)
{
	size_t from = 0, to = z->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (z->times[mid] <= t)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

int32_t
vf_zone_offset(const struct vf_zone *z, int64_t t)
{
	size_t n;

	if (z == NULL)
		return 0;
	n = changes_until(z, t);
	if (n == z->n && z->footer.present)
		return footer_offset(&z->footer, t);
	return n > 0 ? z->offsets[n - 1] : z->first;
}

int64_t
vf_zone_next_change(const struct vf_zone *z, int64_t t)
{
	struct change c[6];
	size_t n;

	if (z == NULL)
		return INT64_MAX;
	n = changes_until(z, t);
	if (n < z->n)
		return z->times[n];
	if (z->footer.has_dst) {
		changes_around(&z->footer, t, c);
		for (int i = 0; i < 6; i++)
			if (c[i].at > t)
				return c[i].at;
	}
	return INT64_MAX;
}

void
vf_zone_date(const struct vf_zone *z, int64_t t, char out[VF_ZONE_DATE_LEN + 1])
{
	char text[VF_DATE_LEN + 1];

	vf_date_put(text, t + vf_zone_offset(z, t));
	memcpy(out, text, VF_ZONE_DATE_LEN);
	out[VF_ZONE_DATE_LEN] = '\0';
}

/* Hours */

/* hh:mm at s.p as a minute of the day, up to 24:00. */
static bool
minute(struct vf_slice s, uint32_t *v)
{
	unsigned h, m;
	struct vf_slice hour = vf_slice(s.p, 2), min = vf_slice(s.p + 3, 2);

	if (s.p[2] != ':' || !number(&hour, 24, &h) || hour.n > 0 || !number(&min, 59, &m) || min.n > 0)
		return false;
	*v = h * 60 + m;
	return *v <= 24 * 60;
}

bool
vf_hours_parse(struct vf_slice s, struct vf_hours *h)
{
	struct vf_hours v;

	if (s.n != sizeof("08:00-21:00") - 1 || s.p[5] != '-' || !minute(vf_slice(s.p, 5), &v.from) ||
		!minute(vf_slice(s.p + 6, 5), &v.to) || v.from == 24 * 60 || v.from == v.to)
		return false;
	*h = v;
	return true;
}

/* Seconds of the local day. */
static int64_t
of_day(const struct vf_zone *z, int64_t t)
{
	int64_t s = (t + vf_zone_offset(z, t)) % DAY;

	return s < 0 ? s + DAY : s;
}

bool
vf_hours_open(const struct vf_hours *h, const struct vf_zone *z, int64_t t)
{
	int64_t s = of_day(z, t), from = (int64_t)h->from * 60, to = (int64_t)h->to * 60;

	return from < to ? s >= from && s < to : s >= from || s < to;
}

int64_t
vf_hours_next(const struct vf_hours *h, const struct vf_zone *z, int64_t t)
{
	while (!vf_hours_open(h, z, t)) {
		int64_t s = of_day(z, t), from = (int64_t)h->from * 60;
		int64_t next = t + from - s + (s >= from ? DAY : 0), change = vf_zone_next_change(z, t);

		/* The clocks change before they show that time, or at it: they may jump over it. */
		if (change > next)
			return next;
		t = change;
	}
	return t;
}
