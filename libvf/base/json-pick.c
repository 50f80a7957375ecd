#include "base/json-pick.h"

struct cursor {
	const char *p, *end;
};

static void
skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool
take(struct cursor *c, char what)
{
	if (c->p == c->end || *c->p != what)
		return false;
	c->p++;
	return true;
}

/* Four hex digits at p, or -1. */
static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char d = p[i];

		if (d >= '0' && d <= '9')
			v = v * 16 + (d - '0');
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			v = v * 16 + ((d | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/*
 * The escape whose backslash is at p: how many bytes it takes, 0 when it is
 * none, and its meaning as UTF-8 in out.
 */
static size_t
escape(const char *p, const char *end, char out[4], size_t *nout)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int v, low;

	if (end - p < 2)
		return 0;
	if (p[1] != 'u') {
		at = memchr(from, p[1], sizeof(from) - 1);
		if (at == NULL)
			return 0;
		out[0] = to[at - from];
		*nout = 1;
		return 2;
	}
	v = hex4(p + 2, end);
	if (v <= 0 || (v >= 0xdc00 && v <= 0xdfff))
		return 0;
	if (v < 0x80) {
		out[0] = (char)v;
		*nout = 1;
	} else if (v < 0x800) {
		out[0] = (char)(0xc0 | v >> 6);
		out[1] = (char)(0x80 | (v & 0x3f));
		*nout = 2;
	} else if (v < 0xd800 || v > 0xdfff) {
		out[0] = (char)(0xe0 | v >> 12);
		out[1] = (char)(0x80 | (v >> 6 & 0x3f));
		out[2] = (char)(0x80 | (v & 0x3f));
		*nout = 3;
	} else {
		if (end - p < 12 || p[6] != '\\' || p[7] != 'u')
			return 0;
		low = hex4(p + 8, end);
		if (low < 0xdc00 || low > 0xdfff)
			return 0;
		v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
		out[0] = (char)(0xf0 | v >> 18);
		out[1] = (char)(0x80 | (v >> 12 & 0x3f));
		out[2] = (char)(0x80 | (v >> 6 & 0x3f));
		out[3] = (char)(0x80 | (v & 0x3f));
		*nout = 4;
		return 12;
	}
	return 6;
}

/* Nonzero when one of the eight bytes is a quote, a backslash or below a blank; bytes over 0x7f may say so too. */
static uint64_t
special8(const char *p)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
	uint64_t w, quote, backslash;

	memcpy(&w, p, sizeof w);
	quote = w ^ (ones * '"');
	backslash = w ^ (ones * '\\');
	return ((w - ones * 0x20) | (quote - ones) | (backslash - ones) | w) & highs;
}

/* A string at the cursor, quotes included: true and what is between them. */
static bool
string(struct cursor *c, struct vf_slice *raw, bool *escaped)
{
	const char *start;
	size_t n, nout;
	char out[4];

	*escaped = false;
	if (!take(c, '"'))
		return false;
	start = c->p;
	for (;;) {
		while (c->end - c->p >= 8 && special8(c->p) == 0)
			c->p += 8;
		if (c->p == c->end || (unsigned char)*c->p < 0x20)
			return false;
		if (*c->p == '"')
			break;
		if (*c->p == '\\') {
			n = escape(c->p, c->end, out, &nout);
			if (n == 0)
				return false;
			*escaped = true;
			c->p += n;
		} else {
			c->p++;
		}
	}
	*raw = vf_slice(start, (size_t)(c->p - start));
	c->p++;
	return true;
}

/* Does the key mean these bytes? */
static bool
means(struct vf_slice raw, bool escaped, struct vf_slice name)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	size_t at = 0, nout;
	char out[4];

	if (!escaped)
		return vf_slice_eq(raw, name);
	while (p < end) {
		if (*p == '\\') {
			p += escape(p, end, out, &nout);
		} else {
			out[0] = *p++;
			nout = 1;
		}
		if (name.n - at < nout || memcmp(name.p + at, out, nout) != 0)
			return false;
		at += nout;
	}
	return at == name.n;
}

static size_t
digits(struct cursor *c)
{
	const char *start = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - start);
}

static bool
number(struct cursor *c)
{
	take(c, '-');
	if (!take(c, '0') && digits(c) == 0)
		return false;
	if (take(c, '.') && digits(c) == 0)
		return false;
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		c->p++;
		if (!take(c, '+'))
			take(c, '-');
		return digits(c) > 0;
	}
	return true;
}

static bool
word(struct cursor *c, const char *what, size_t n)
{
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, what, n) != 0)
		return false;
	c->p += n;
	return true;
}

/* A value that holds no others. */
static bool
scalar(struct cursor *c, struct vf_json_value *v)
{
	const char *start = c->p;
	bool ok;

	v->escaped = false;
	switch (c->p < c->end ? *c->p : '\0') {
	case '"':
		v->kind = VF_JSON_STRING;
		return string(c, &v->raw, &v->escaped);
	case 'n':
		v->kind = VF_JSON_NULL;
		ok = word(c, "null", 4);
		break;
	case 't':
		v->kind = VF_JSON_TRUE;
		ok = word(c, "true", 4);
		break;
	case 'f':
		v->kind = VF_JSON_FALSE;
		ok = word(c, "false", 5);
		break;
	default:
		v->kind = VF_JSON_NUMBER;
		ok = number(c);
	}
	v->raw = vf_slice(start, (size_t)(c->p - start));
	return ok;
}

/* Where the text stands while it is walked: which of the open brackets are objects. */
struct walk {
	struct cursor c;
	uint64_t object[VF_JSON_PICK_DEPTH / 64];
	int depth;
	const struct vf_slice *names;
	int n;
	struct vf_json_value *out, *want;	/* want: the member whose value comes next is this one */
	const char *start;			/* of the wanted array or object that is open */
};

static bool
in_object(const struct walk *w)
{
	return (w->object[(w->depth - 1) / 64] >> ((w->depth - 1) % 64) & 1) != 0;
}

static bool
open_bracket(struct walk *w, bool object)
{
	uint64_t bit = (uint64_t)1 << (w->depth % 64);

	if (w->depth == VF_JSON_PICK_DEPTH)
		return false;
	if (object)
		w->object[w->depth / 64] |= bit;
	else
		w->object[w->depth / 64] &= ~bit;
	w->depth++;
	w->c.p++;
	skip_blanks(&w->c);
	return true;
}

/* A key, its colon, and whether its value is wanted. */
static bool
key(struct walk *w)
{
	struct vf_slice raw;
	bool escaped;

	if (!string(&w->c, &raw, &escaped))
		return false;
	for (int i = 0; w->depth == 1 && i < w->n; i++)
		if (means(raw, escaped, w->names[i])) {
			if (w->out[i].kind != VF_JSON_ABSENT)
				return false;
			w->want = &w->out[i];
			break;
		}
	skip_blanks(&w->c);
	if (!take(&w->c, ':'))
		return false;
	skip_blanks(&w->c);
	return true;
}

/* After a value: closes what ends here, up to the next value's start. false: not JSON. */
static bool
after_value(struct walk *w)
{
	for (;;) {
		bool object = in_object(w);

		skip_blanks(&w->c);
		if (take(&w->c, ',')) {
			skip_blanks(&w->c);
			return object ? key(w) : true;
		}
		if (!take(&w->c, object ? '}' : ']'))
			return false;
		w->depth--;
		if (w->depth == 1 && w->want != NULL) {
			w->want->raw = vf_slice(w->start, (size_t)(w->c.p - w->start));
			w->want->kind = object ? VF_JSON_OBJECT : VF_JSON_ARRAY;
			w->want->escaped = false;
			w->want = NULL;
		}
		if (w->depth == 0)
			return true;
	}
}

bool
vf_json_pick(struct vf_slice text, const struct vf_slice *names, int n, struct vf_json_value *out)
{
	struct walk w = { .names = names, .n = n, .out = out };
	struct vf_json_value v;

	for (int i = 0; i < n; i++)
		out[i] = (struct vf_json_value){ .kind = VF_JSON_ABSENT };
	if (text.n == 0)
		return false;
	w.c.p = text.p;
	w.c.end = text.p + text.n;
	skip_blanks(&w.c);
	if (w.c.p == w.c.end || *w.c.p != '{')
		return false;
	do {
		/* At the start of a value. */
		if (w.c.p < w.c.end && (*w.c.p == '{' || *w.c.p == '[')) {
			bool object = *w.c.p == '{';
			char close = object ? '}' : ']';

			if (w.depth == 1)
				w.start = w.c.p;
			if (!open_bracket(&w, object))
				return false;
			if (w.c.p == w.c.end || *w.c.p != close) {
				if (object && !key(&w))
					return false;
				continue;
			}
		} else {
			if (!scalar(&w.c, &v))
				return false;
			if (w.depth == 1 && w.want != NULL) {
				*w.want = v;
				w.want = NULL;
			}
		}
		if (!after_value(&w))
			return false;
	} while (w.depth > 0);
	skip_blanks(&w.c);
	return w.c.p == w.c.end;
}

int
vf_json_pick_text(const struct vf_json_value *v, struct vf_buf *buf, struct vf_slice *text)
{
	const char *p, *end;
	size_t before = buf->n, nout;
	char out[4];

	if (v->kind != VF_JSON_STRING)
		return 0;
	*text = v->raw;
	if (!v->escaped)
		return 1;
	p = v->raw.p;
	end = p + v->raw.n;
	while (p < end) {
		const char *bs = memchr(p, '\\', (size_t)(end - p));
		size_t plain = (size_t)((bs != NULL ? bs : end) - p);

		vf_buf_add(buf, p, plain);
		p += plain;
		if (bs != NULL) {
			p += escape(p, end, out, &nout);
			vf_buf_add(buf, out, nout);
		}
	}
	if (buf->failed)
		return -1;
	*text = vf_slice(buf->p + before, buf->n - before);
	return 1;
}
