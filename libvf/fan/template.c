/*
 * fan/template.c -- literals and names in turn.  Literals are escaped for JSON
 * when they are parsed, so that rendering copies them whole; a value is a few
 * bytes that go through one table.
 */
#include "fan/template.h"

#include <stdio.h>

#include "base/text.h"

#define NAME_MAX_SHOWN 40
#define GROWTH 6			/* the most that one byte of a value becomes: &quot; or \u0001 */

/* How one byte of a value is written; len 0: as it is. */
struct form {
	uint8_t len;
	char text[7];
};

/* A literal, and the name that follows it; the last part has none. */
struct part {
	size_t at, n;			/* in ->literals */
	uint32_t name;
	bool raw;			/* {{{name}}} */
	bool last;
};

struct vf_template {
	struct vf_buf literals;
	struct part *parts;
	size_t nparts, room;
	uint32_t *names;		/* used */
	size_t nnames;
	struct form escaped[256], raw[256];
};

/* What is being parsed. */
struct parser {
	struct vf_template *t;
	const char *file;
	const struct vf_slice *names;
	size_t nnames;
	unsigned flags, line;
	struct vf_error *err;
};

static void
set_form(struct form *f, const char *text)
{
	f->len = (uint8_t)strlen(text);
	memcpy(f->text, text, f->len);
}

static void
set_forms(struct vf_template *t, unsigned flags)
{
	static const struct { unsigned char c; const char *text; } json[] = {
		{ '"', "\\\"" }, { '\\', "\\\\" }, { '\b', "\\b" }, { '\f', "\\f" }, { '\n', "\\n" }, { '\r', "\\r" },
		{ '\t', "\\t" },
	}, html[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\'', "&#39;" } };
	char text[sizeof "\\u0000"];

	if ((flags & VF_TEMPLATE_JSON) != 0) {
		for (unsigned c = 0; c < 0x20; c++) {
			snprintf(text, sizeof(text), "\\u%04x", c);
			set_form(&t->raw[c], text);
		}
		for (size_t i = 0; i < sizeof(json) / sizeof(*json); i++)
			set_form(&t->raw[json[i].c], json[i].text);
	}
	memcpy(t->escaped, t->raw, sizeof(t->raw));
	/* None of these holds a byte that JSON would write otherwise. */
	if ((flags & VF_TEMPLATE_HTML) != 0)
		for (size_t i = 0; i < sizeof(html) / sizeof(*html); i++)
			set_form(&t->escaped[html[i].c], html[i].text);
}

static int
fail(const struct parser *p, const char *cause)
{
	return vf_error(p->err, VF_ERR_CONFIG, "%s:%u: %s", p->file, p->line, cause);
}

static int
fail_name(const struct parser *p, struct vf_slice name)
{
	char shown[NAME_MAX_SHOWN + 1];
	size_t n = name.n < NAME_MAX_SHOWN ? name.n : NAME_MAX_SHOWN;

	while (n > 0 && n < name.n && ((unsigned char)name.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		shown[i] = (unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f ? '?' : name.p[i];
	shown[n] = '\0';
	return vf_error(p->err, VF_ERR_CONFIG, "%s:%u: {{%s}}: no column and no value of this name", p->file, p->line, shown);
}

static int
add_part(struct parser *p, struct vf_slice literal, const uint32_t *name, bool raw)
{
	struct vf_template *t = p->t;
	size_t at = t->literals.n;

	if (t->nparts == t->room) {
		size_t room = 2 * t->room + 8;
		struct part *parts = reallocarray(t->parts, room, sizeof(*parts));

		if (parts == NULL)
			return vf_error_nomem(p->err);
		t->parts = parts;
		t->room = room;
	}
	if ((p->flags & VF_TEMPLATE_JSON) == 0) {
		if (vf_buf_add_slice(&t->literals, literal) < 0)
			return vf_error_nomem(p->err);
	} else {
		if (vf_text_add_json(&t->literals, literal) < 0)
			return vf_error_nomem(p->err);
		/* Without its quotes. */
		t->literals.n -= 2;
		memmove(t->literals.p + at, t->literals.p + at + 1, t->literals.n - at);
	}
	t->parts[t->nparts++] = (struct part){ .at = at, .n = t->literals.n - at, .name = name != NULL ? *name : 0,
		.raw = raw, .last = name == NULL };
	return 0;
}

/* Puts the name among those that are used. */
static int
note_use(struct parser *p, uint32_t name)
{
	uint32_t *names;

	if (vf_template_uses(p->t, name))
		return 0;
	names = reallocarray(p->t->names, p->t->nnames + 1, sizeof(*names));
	if (names == NULL)
		return vf_error_nomem(p->err);
	p->t->names = names;
	names[p->t->nnames++] = name;
	return 0;
}

static size_t
count_braces(struct vf_slice s, size_t at, char brace)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] == brace)
		n++;
	return n;
}

/* The name in braces at `at`, which holds `{{`: *end after its last brace. */
static int
parse_name(struct parser *p, struct vf_slice text, size_t at, size_t *end, uint32_t *name, bool *raw)
{
	size_t open = count_braces(text, at, '{'), from = at + open, to = from;
	struct vf_slice s;

	if (open > 3)
		return fail(p, "more than three braces open");
	while (to < text.n && text.p[to] != '{' && text.p[to] != '}' && text.p[to] != '\n')
		to++;
	if (to == text.n || text.p[to] == '\n')
		return fail(p, "braces open that do not close on this line");
	if (text.p[to] == '{' || count_braces(text, to, '}') != open)
		return fail(p, "not as many braces close as open");
	s = vf_slice_trim(vf_slice(text.p + from, to - from));
	if (s.n == 0)
		return fail(p, "no name between the braces");
	*end = to + open;
	*raw = open == 3;
	for (*name = 0; *name < p->nnames; ++*name)
		if (vf_slice_eq(p->names[*name], s))
			return note_use(p, *name);
	return fail_name(p, s);
}

static int
parse(struct parser *p, struct vf_slice text)
{
	size_t from = 0, at = 0, end = 0;
	uint32_t name = 0;
	bool raw = false;

	while (at < text.n) {
		bool two = at + 1 < text.n && text.p[at] == text.p[at + 1];

		if (text.p[at] == '{' && two) {
			if (parse_name(p, text, at, &end, &name, &raw) < 0 ||
				add_part(p, vf_slice(text.p + from, at - from), &name, raw) < 0)
				return -1;
			from = at = end;
			continue;
		}
		if (text.p[at] == '}' && two && (p->flags & VF_TEMPLATE_HTML) == 0)
			return fail(p, "braces close that were not opened");
		p->line += text.p[at] == '\n';
		at++;
	}
	return add_part(p, vf_slice(text.p + from, text.n - from), NULL, false);
}

/* The line of the first byte that is no UTF-8, or NUL: the text is not valid up to there. */
static int
check_text(struct parser *p, struct vf_slice text)
{
	const char *line = text.p, *end = text.p + text.n, *lf;

	for (; line < end; line = lf + 1, p->line++) {
		lf = memchr(line, '\n', (size_t)(end - line));
		if (lf == NULL)
			lf = end;
		if (!vf_text_utf8(vf_slice(line, (size_t)(lf - line))))
			return fail(p, "not UTF-8");
		if (memchr(line, '\0', (size_t)(lf - line)) != NULL)
			return fail(p, "a NUL byte");
	}
	p->line = 1;
	return 0;
}

static struct vf_slice
chomp(struct vf_slice text)
{
	if (text.n > 0 && text.p[text.n - 1] == '\n')
		text.n -= text.n > 1 && text.p[text.n - 2] == '\r' ? 2 : 1;
	return text;
}

struct vf_template *
vf_template_parse(struct vf_slice text, const char *file, const struct vf_slice *names, size_t nnames, unsigned flags,
	struct vf_error *err)
{
	struct parser p = { .file = file, .names = names, .nnames = nnames, .flags = flags, .line = 1, .err = err };

	p.t = calloc(1, sizeof(*p.t));
	if (p.t == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		text = vf_slice(text.p + 3, text.n - 3);
	if ((flags & VF_TEMPLATE_CHOMP) != 0)
		text = chomp(text);
	set_forms(p.t, flags);
	if (check_text(&p, text) == 0 && parse(&p, text) == 0)
		return p.t;
	vf_template_free(p.t);
	return NULL;
}

void
vf_template_free(struct vf_template *t)
{
	if (t == NULL)
		return;
	vf_buf_free(&t->literals);
	free(t->parts);
	free(t->names);
	free(t);
}

const uint32_t *
vf_template_names(const struct vf_template *t, size_t *n)
{
	*n = t->nnames;
	return t->names;
}

bool
vf_template_uses(const struct vf_template *t, size_t name)
{
	for (size_t i = 0; i < t->nnames; i++)
		if (t->names[i] == name)
			return true;
	return false;
}

static size_t
size_of(const struct form *forms, struct vf_slice v)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		uint8_t len = forms[(unsigned char)v.p[i]].len;

		n += len > 0 ? len : 1;
	}
	return n;
}

static char *
put(char *to, const struct form *forms, struct vf_slice v)
{
	for (size_t i = 0; i < v.n; i++) {
		const struct form *f = &forms[(unsigned char)v.p[i]];

		if (f->len == 0) {
			*to++ = v.p[i];
		} else {
			memcpy(to, f->text, f->len);
			to += f->len;
		}
	}
	return to;
}

static const struct form *
forms_of(const struct vf_template *t, const struct part *part)
{
	return part->raw ? t->raw : t->escaped;
}

/* Room for the whole message: first by a guess that is never too small, and where that is too much, exactly. */
static int
make_room(const struct vf_template *t, const struct vf_slice *values, struct vf_buf *out)
{
	const bool failed = out->failed;
	size_t n = t->literals.n;

	for (const struct part *p = t->parts; !p->last; p++)
		n += GROWTH * values[p->name].n;
	if (vf_buf_reserve(out, n) == 0)
		return 0;
	out->failed = failed;
	n = t->literals.n;
	for (const struct part *p = t->parts; !p->last; p++)
		n += size_of(forms_of(t, p), values[p->name]);
	return vf_buf_reserve(out, n);
}

int
vf_template_render(const struct vf_template *t, const struct vf_slice *values, struct vf_buf *out)
{
	const struct part *p = t->parts;
	char *to;

	if (make_room(t, values, out) < 0)
		return -1;
	if (out->p == NULL)
		return 0;		/* nothing was reserved: the message is empty */
	for (to = out->p + out->n;; p++) {
		if (p->n > 0)
			memcpy(to, t->literals.p + p->at, p->n);
		to += p->n;
		if (p->last)
			break;
		to = put(to, forms_of(t, p), values[p->name]);
	}
	out->n = (size_t)(to - out->p);
	return 0;
}
