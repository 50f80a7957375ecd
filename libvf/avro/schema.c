#include "avro/schema.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

const char *const vf_schema_kind_names[VF_AVRO_KINDS + 1] = { "null", "boolean", "int", "long", "float", "double", "bytes",
	"string", "record", "enum", "fixed", "array", "map", "union", NULL };

/* A type, and what it owns besides. */
struct node {
	struct vf_schema_type type;
	char *owned;			/* its full name */
	struct node *next;
};

struct vf_schema {
	struct vf_json *doc;		/* names, symbols and defaults are its */
	struct node *nodes;		/* the newest first: inner types before those around them */
	const struct vf_schema_type *root;
	const struct vf_schema_type **named;
	size_t nnamed;
	struct vf_buf text, canonical;
};

/* Where a type stands: for names without a namespace of their own, and against nesting without end. */
struct scope {
	struct vf_slice space;
	int depth;
};

static const struct vf_schema_type *type_of(struct vf_schema *, const struct vf_json_at *, struct scope,
	struct vf_error *);

static struct vf_schema_type *
new_type(struct vf_schema *s, enum vf_schema_kind kind, struct vf_error *err)
{
	struct node *node = calloc(1, sizeof *node);

	if (node == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	node->type.kind = kind;
	node->next = s->nodes;
	s->nodes = node;
	return &node->type;
}

static void *
new_array(size_t n, size_t size, struct vf_error *err)
{
	void *p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
		vf_error_nomem(err);
	return p;
}

/* [A-Za-z_][A-Za-z0-9_]*, once, or several joined by dots. */
static bool
is_name(struct vf_slice s, bool dots)
{
	bool start = true;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

		if (!letter && !(start ? false : (c >= '0' && c <= '9') || (dots && c == '.')))
			return false;
		start = c == '.';
	}
	return s.n > 0 && !start;
}

static int
primitive(struct vf_slice name)
{
	for (int i = VF_AVRO_NULL; i <= VF_AVRO_STRING; i++)
		if (vf_slice_is(name, vf_schema_kind_names[i]))
			return i;
	return -1;
}

static struct vf_slice
short_name(struct vf_slice full)
{
	for (size_t i = full.n; i > 0; i--)
		if (full.p[i - 1] == '.')
			return vf_slice(full.p + i, full.n - i);
	return full;
}

/* What stands before the last dot. */
static struct vf_slice
space_of(struct vf_slice full)
{
	struct vf_slice tail = short_name(full);

	return vf_slice(full.p, tail.n < full.n ? full.n - tail.n - 1 : 0);
}

/* Is full `space.name`, or `name` where space is empty? */
static bool
is_full(struct vf_slice full, struct vf_slice space, struct vf_slice name)
{
	if (space.n == 0)
		return vf_slice_eq(full, name);
	return full.n == space.n + 1 + name.n && memcmp(full.p, space.p, space.n) == 0 && full.p[space.n] == '.' &&
		memcmp(full.p + space.n + 1, name.p, name.n) == 0;
}

static const struct vf_schema_type *
find_named(const struct vf_schema *s, struct vf_slice space, struct vf_slice name)
{
	for (size_t i = 0; i < s->nnamed; i++)
		if (is_full(s->named[i]->name, space, name))
			return s->named[i];
	return NULL;
}

/* The type that a name stands for. */
static const struct vf_schema_type *
by_name(struct vf_schema *s, const struct vf_json_at *at, struct vf_slice name, struct scope in, struct vf_error *err)
{
	const struct vf_schema_type *type;
	int kind = primitive(name);

	if (kind >= 0)
		return new_type(s, (enum vf_schema_kind)kind, err);
	type = find_named(s, memchr(name.p, '.', name.n) != NULL ? vf_slice("", 0) : in.space, name);
	/* Java writes a name that has no namespace as it is, even where an enclosing type has one. */
	if (type == NULL)
		type = find_named(s, vf_slice("", 0), name);
	if (type == NULL)
		vf_json_fail(at, err, "no type of this name");
	return type;
}

/* Compares for qsort; what repeats stands side by side afterwards. */
static int
by_bytes(const void *a, const void *b)
{
	return vf_slice_cmp(*(const struct vf_slice *)a, *(const struct vf_slice *)b);
}

static int
all_differ(const struct vf_json_at *at, struct vf_slice *names, size_t n, const char *cause, struct vf_error *err)
{
	qsort(names, n, sizeof *names, by_bytes);
	for (size_t i = 1; i < n; i++)
		if (vf_slice_eq(names[i - 1], names[i]))
			return vf_json_fail(at, err, cause);
	return 0;
}

/* Finds the full name of a record, enum or fixed and enters it; *in becomes the scope of what stands inside. */
static int
enter(struct vf_schema *s, const struct vf_json_at *at, struct vf_schema_type *type, struct scope *in, struct vf_error *err)
{
	struct vf_json_at name_at = vf_json_member(at, "name"), space_at = vf_json_member(at, "namespace");
	struct vf_slice name, space = in->space;
	struct node *node = (struct node *)type;
	int rc = vf_json_get_str(&name_at, &name, err);

	if (rc <= 0)
		return rc < 0 ? -1 : vf_json_fail(&name_at, err, "missing");
	if (vf_json_get_str(&space_at, &space, err) < 0)
		return -1;
	if (!is_name(name, true) || primitive(name) >= 0)
		return vf_json_fail(&name_at, err, "not a name");
	if (memchr(name.p, '.', name.n) != NULL)
		space = vf_slice("", 0);
	else if (space.n > 0 && !is_name(space, true))
		return vf_json_fail(&space_at, err, "not a name");
	if (find_named(s, space, name) != NULL)
		return vf_json_fail(&name_at, err, "two types of this name");
	if (s->nnamed == VF_SCHEMA_NAMED_MAX)
		return vf_json_fail(at, err, "too many named types");
	node->owned = malloc(space.n + name.n + 2);
	if (node->owned == NULL)
		return vf_error_nomem(err);
	if (space.n > 0) {
		memcpy(node->owned, space.p, space.n);
		node->owned[space.n++] = '.';
	}
	memcpy(node->owned + space.n, name.p, name.n);
	type->name = vf_slice(node->owned, space.n + name.n);
	type->named = s->nnamed;
	s->named[s->nnamed++] = type;
	in->space = space_of(type->name);
	return 0;
}

/* Notes whether an object has `default`, which may be null. */
static int
find_default(void *field_, const char *key, const struct vf_json_at *at, struct vf_error *err)
{
	struct vf_schema_field *field = field_;

	(void)err;
	if (strcmp(key, "default") == 0) {
		field->has_default = true;
		field->fallback = at->value;
	}
	return 0;
}

static int
field_of(struct vf_schema *s, const struct vf_json_at *at, struct vf_schema_field *field, struct scope in,
	struct vf_error *err)
{
	struct vf_json_at name_at, type_at;
	int rc = vf_json_get_object(at, err);

	if (rc <= 0)
		return rc < 0 ? -1 : vf_json_fail(at, err, "not an object");
	name_at = vf_json_member(at, "name");
	type_at = vf_json_member(at, "type");
	rc = vf_json_get_str(&name_at, &field->name, err);
	if (rc <= 0)
		return rc < 0 ? -1 : vf_json_fail(&name_at, err, "missing");
	if (!is_name(field->name, false))
		return vf_json_fail(&name_at, err, "not a name");
	field->type = type_of(s, &type_at, in, err);
	return field->type == NULL ? -1 : vf_json_each(at, find_default, field, err) < 0 ? -1 : 0;
}

/* An array that must be there. */
static int
list(const struct vf_json_at *at, size_t *n, struct vf_error *err)
{
	int rc = vf_json_get_array(at, n, err);

	return rc > 0 ? 0 : rc < 0 ? -1 : vf_json_fail(at, err, "missing");
}

static int
record(struct vf_schema *s, const struct vf_json_at *at, struct vf_schema_type *type, struct scope in, struct vf_error *err)
{
	struct vf_json_at fields_at = vf_json_member(at, "fields");
	struct vf_slice *names;
	size_t n;
	int rc;

	if (enter(s, at, type, &in, err) < 0 || list(&fields_at, &n, err) < 0)
		return -1;
	type->fields = new_array(n, sizeof *type->fields, err);
	if (type->fields == NULL)
		return -1;
	for (; type->n < n; type->n++) {
		struct vf_json_at each = vf_json_element(&fields_at, type->n);

		if (field_of(s, &each, &type->fields[type->n], in, err) < 0)
			return -1;
	}
	names = new_array(n, sizeof *names, err);
	if (names == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		names[i] = type->fields[i].name;
	rc = all_differ(&fields_at, names, n, "two fields of one name", err);
	free(names);
	return rc;
}

static int
enumeration(struct vf_schema *s, const struct vf_json_at *at, struct vf_schema_type *type, struct scope in,
	struct vf_error *err)
{
	struct vf_json_at symbols_at = vf_json_member(at, "symbols");
	struct vf_slice *sorted;
	size_t n;
	int rc;

	if (enter(s, at, type, &in, err) < 0 || list(&symbols_at, &n, err) < 0)
		return -1;
	type->symbols = new_array(n, sizeof *type->symbols, err);
	if (type->symbols == NULL)
		return -1;
	for (; type->n < n; type->n++) {
		struct vf_json_at each = vf_json_element(&symbols_at, type->n);

		rc = vf_json_get_str(&each, &type->symbols[type->n], err);
		if (rc < 0)
			return -1;
		if (rc == 0 || !is_name(type->symbols[type->n], false))
			return vf_json_fail(&each, err, "not a name");
	}
	sorted = new_array(n, sizeof *sorted, err);
	if (sorted == NULL)
		return -1;
	memcpy(sorted, type->symbols, n * sizeof *sorted);
	rc = all_differ(&symbols_at, sorted, n, "two symbols of one name", err);
	free(sorted);
	return rc;
}

static int
fixed(struct vf_schema *s, const struct vf_json_at *at, struct vf_schema_type *type, struct scope in, struct vf_error *err)
{
	struct vf_json_at size_at = vf_json_member(at, "size");
	uint64_t size;
	int rc;

	if (enter(s, at, type, &in, err) < 0)
		return -1;
	rc = vf_json_get_u64(&size_at, &size, err);
	if (rc <= 0)
		return rc < 0 ? -1 : vf_json_fail(&size_at, err, "missing");
	if (size > INT32_MAX)
		return vf_json_fail(&size_at, err, "too big");
	type->n = (size_t)size;
	return 0;
}

/* An array's items or a map's values. */
static int
contents(struct vf_schema *s, const struct vf_json_at *at, const char *key, struct vf_schema_type *type, struct scope in,
	struct vf_error *err)
{
	struct vf_json_at inner = vf_json_member(at, key);

	type->types = new_array(1, sizeof *type->types, err);
	if (type->types == NULL)
		return -1;
	type->types[0] = type_of(s, &inner, in, err);
	type->n = type->types[0] != NULL;
	return type->n > 0 ? 0 : -1;
}

static int
branches(struct vf_schema *s, const struct vf_json_at *at, struct vf_schema_type *type, size_t n, struct scope in,
	struct vf_error *err)
{
	unsigned seen = 0;

	type->types = new_array(n, sizeof *type->types, err);
	if (type->types == NULL)
		return -1;
	for (; type->n < n; type->n++) {
		struct vf_json_at each = vf_json_element(at, type->n);
		const struct vf_schema_type *branch = type_of(s, &each, in, err);

		if (branch == NULL)
			return -1;
		if (branch->kind == VF_AVRO_UNION)
			return vf_json_fail(&each, err, "a union in a union");
		if (branch->name.n == 0 && (seen & 1u << branch->kind) != 0)
			return vf_json_fail(&each, err, "two branches of one type");
		for (size_t i = 0; branch->name.n > 0 && i < type->n; i++)
			if (type->types[i] == branch)
				return vf_json_fail(&each, err, "two branches of one type");
		seen |= 1u << branch->kind;
		type->types[type->n] = branch;
	}
	return 0;
}

/* What an object describes whose `type` is a word. */
static const struct vf_schema_type *
described(struct vf_schema *s, const struct vf_json_at *at, struct vf_slice word, struct scope in, struct vf_error *err)
{
	struct vf_json_at logical_at = vf_json_member(at, "logicalType"), type_at = vf_json_member(at, "type");
	struct vf_schema_type *type;
	struct vf_error ignored = { 0 };
	struct vf_slice logical;
	int kind = primitive(word), rc = 0;

	for (int i = VF_AVRO_RECORD; kind < 0 && i <= VF_AVRO_MAP; i++)
		if (vf_slice_is(word, vf_schema_kind_names[i]))
			kind = i;
	if (kind < 0)
		return by_name(s, &type_at, word, in, err);
	type = new_type(s, (enum vf_schema_kind)kind, err);
	if (type == NULL)
		return NULL;
	/* A logical type that is unknown, or of a wrong type, is to be ignored. */
	type->millis = kind == VF_AVRO_LONG && vf_json_get_str(&logical_at, &logical, &ignored) > 0 &&
		vf_slice_is(logical, "timestamp-millis");
	switch (type->kind) {
	case VF_AVRO_RECORD:
		rc = record(s, at, type, in, err);
		break;
	case VF_AVRO_ENUM:
		rc = enumeration(s, at, type, in, err);
		break;
	case VF_AVRO_FIXED:
		rc = fixed(s, at, type, in, err);
		break;
	case VF_AVRO_ARRAY:
		rc = contents(s, at, "items", type, in, err);
		break;
	case VF_AVRO_MAP:
		rc = contents(s, at, "values", type, in, err);
		break;
	default:
		break;
	}
	return rc < 0 ? NULL : type;
}

/* Any schema: a name, a union, an object; NULL with the error. */
static const struct vf_schema_type *
type_of(struct vf_schema *s, const struct vf_json_at *at, struct scope in, struct vf_error *err)
{
	struct vf_json_at inner;
	struct vf_error ignored = { 0 };
	struct vf_schema_type *type;
	struct vf_slice word;
	size_t n;

	if (at->value == NULL) {
		vf_json_fail(at, err, "missing");
		return NULL;
	}
	if (in.depth++ == VF_SCHEMA_DEPTH) {
		vf_json_fail(at, err, "nested too deeply");
		return NULL;
	}
	if (vf_json_get_str(at, &word, &ignored) > 0)
		return by_name(s, at, word, in, err);
	if (vf_json_get_array(at, &n, &ignored) > 0) {
		type = new_type(s, VF_AVRO_UNION, err);
		return type == NULL || branches(s, at, type, n, in, err) < 0 ? NULL : type;
	}
	if (vf_json_get_object(at, &ignored) <= 0) {
		vf_json_fail(at, err, "not a schema");
		return NULL;
	}
	inner = vf_json_member(at, "type");
	if (inner.value != NULL && vf_json_get_str(&inner, &word, &ignored) > 0)
		return described(s, at, word, in, err);
	return type_of(s, &inner, in, err);
}

static uint64_t
add(uint64_t a, uint64_t b)
{
	return __builtin_add_overflow(a, b, &a) ? VF_SCHEMA_ENDLESS : a;
}

static uint64_t
least_of(const struct vf_schema_type *t)
{
	static const unsigned char bytes[] = { [VF_AVRO_BOOLEAN] = 1, [VF_AVRO_INT] = 1, [VF_AVRO_LONG] = 1, [VF_AVRO_FLOAT] = 4,
		[VF_AVRO_DOUBLE] = 8, [VF_AVRO_BYTES] = 1, [VF_AVRO_STRING] = 1, [VF_AVRO_ENUM] = 1, [VF_AVRO_ARRAY] = 1,
		[VF_AVRO_MAP] = 1 };
	uint64_t least = 0;

	switch (t->kind) {
	case VF_AVRO_RECORD:
		for (size_t i = 0; i < t->n; i++)
			least = add(least, t->fields[i].type->least);
		return least;
	case VF_AVRO_UNION:
		least = VF_SCHEMA_ENDLESS;
		for (size_t i = 0; i < t->n; i++)
			if (t->types[i]->least < least)
				least = t->types[i]->least;
		return add(least, 1);
	case VF_AVRO_ENUM:
		return t->n > 0 ? 1 : VF_SCHEMA_ENDLESS;
	case VF_AVRO_FIXED:
		return t->n;
	default:
		return bytes[t->kind];
	}
}

/*
 * The shortest datum of each type, from "endless" downwards until nothing
 * changes.  One round settles what is defined where it is used; a chain of
 * names takes a round for each, and there are at most VF_SCHEMA_NAMED_MAX.
 */
static void
measure(struct vf_schema *s)
{
	bool changed = true;

	for (struct node *n = s->nodes; n != NULL; n = n->next)
		n->type.least = VF_SCHEMA_ENDLESS;
	while (changed) {
		changed = false;
		for (struct node *n = s->nodes; n != NULL; n = n->next) {
			uint64_t least = least_of(&n->type);

			changed |= least != n->type.least;
			n->type.least = least;
		}
	}
}

static void
add_name(struct vf_buf *out, struct vf_slice name)
{
	vf_buf_add_char(out, '"');
	vf_buf_add_slice(out, name);
	vf_buf_add_char(out, '"');
}

static void add_canonical(struct vf_buf *out, const struct vf_schema_type *t, bool *seen);

static void
add_fields(struct vf_buf *out, const struct vf_schema_type *t, bool *seen)
{
	vf_buf_add_str(out, ",\"fields\":[");
	for (size_t i = 0; i < t->n; i++) {
		vf_buf_add_str(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		add_name(out, t->fields[i].name);
		vf_buf_add_str(out, ",\"type\":");
		add_canonical(out, t->fields[i].type, seen);
		vf_buf_add_char(out, '}');
	}
	vf_buf_add_char(out, ']');
}

static void
add_named(struct vf_buf *out, const struct vf_schema_type *t, bool *seen)
{
	if (seen[t->named]) {
		add_name(out, t->name);
		return;
	}
	seen[t->named] = true;
	vf_buf_add_str(out, "{\"name\":");
	add_name(out, t->name);
	vf_buf_addf(out, ",\"type\":\"%s\"", vf_schema_kind_names[t->kind]);
	if (t->kind == VF_AVRO_RECORD) {
		add_fields(out, t, seen);
	} else if (t->kind == VF_AVRO_ENUM) {
		vf_buf_add_str(out, ",\"symbols\":[");
		for (size_t i = 0; i < t->n; i++) {
			if (i > 0)
				vf_buf_add_char(out, ',');
			add_name(out, t->symbols[i]);
		}
		vf_buf_add_char(out, ']');
	} else {
		vf_buf_addf(out, ",\"size\":%zu", t->n);
	}
	vf_buf_add_char(out, '}');
}

/* Names are ASCII, so that nothing needs escapes. */
static void
add_canonical(struct vf_buf *out, const struct vf_schema_type *t, bool *seen)
{
	switch (t->kind) {
	case VF_AVRO_RECORD:
	case VF_AVRO_ENUM:
	case VF_AVRO_FIXED:
		add_named(out, t, seen);
		break;
	case VF_AVRO_ARRAY:
	case VF_AVRO_MAP:
		vf_buf_add_str(out, t->kind == VF_AVRO_ARRAY ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
		add_canonical(out, t->types[0], seen);
		vf_buf_add_char(out, '}');
		break;
	case VF_AVRO_UNION:
		vf_buf_add_char(out, '[');
		for (size_t i = 0; i < t->n; i++) {
			if (i > 0)
				vf_buf_add_char(out, ',');
			add_canonical(out, t->types[i], seen);
		}
		vf_buf_add_char(out, ']');
		break;
	default:
		add_name(out, vf_slice_str(vf_schema_kind_names[t->kind]));
		break;
	}
}

static int
write_forms(struct vf_schema *s, struct vf_error *err)
{
	bool *seen = new_array(s->nnamed, sizeof *seen, err);

	if (seen == NULL)
		return -1;
	add_canonical(&s->canonical, s->root, seen);
	free(seen);
	return vf_json_add(&s->text, s->doc) < 0 || s->canonical.failed ? vf_error_nomem(err) : 0;
}

struct vf_schema *
vf_schema_parse(struct vf_slice text, const char *name, struct vf_error *err)
{
	struct vf_schema *s;
	struct vf_json_at at;

	if (text.n > VF_SCHEMA_MAX) {
		vf_error(err, VF_ERR_CONFIG, "%s: a schema of over 1 MiB", name);
		return NULL;
	}
	s = new_array(1, sizeof *s, err);
	if (s == NULL)
		return NULL;
	s->named = new_array(VF_SCHEMA_NAMED_MAX, sizeof *s->named, err);
	s->doc = s->named != NULL ? vf_json_parse_any(text, name, err) : NULL;
	if (s->doc != NULL) {
		at = vf_json_root(s->doc, name);
		s->root = type_of(s, &at, (struct scope){ 0 }, err);
	}
	if (s->root == NULL || write_forms(s, err) < 0) {
		vf_schema_free(s);
		return NULL;
	}
	measure(s);
	return s;
}

struct vf_schema *
vf_schema_load(const char *path, struct vf_error *err)
{
	struct vf_buf text = { 0 };
	struct vf_schema *s = NULL;

	if (vf_file_slurp(path, VF_SCHEMA_MAX, &text, err) == 0)
		s = vf_schema_parse(vf_buf_slice(&text), path, err);
	else if (err->kind == VF_ERR_FAILED)
		err->kind = VF_ERR_CONFIG;
	vf_buf_free(&text);
	return s;
}

void
vf_schema_free(struct vf_schema *s)
{
	struct node *next;

	if (s == NULL)
		return;
	for (struct node *n = s->nodes; n != NULL; n = next) {
		next = n->next;
		free(n->type.fields);
		free(n->type.symbols);
		free(n->type.types);
		free(n->owned);
		free(n);
	}
	vf_json_free(s->doc);
	vf_buf_free(&s->text);
	vf_buf_free(&s->canonical);
	free(s->named);
	free(s);
}

const struct vf_schema_type *
vf_schema_root(const struct vf_schema *s)
{
	return s->root;
}

size_t
vf_schema_named(const struct vf_schema *s)
{
	return s->nnamed;
}

struct vf_slice
vf_schema_short_name(const struct vf_schema_type *t)
{
	return short_name(t->name);
}

struct vf_slice
vf_schema_text(const struct vf_schema *s)
{
	return vf_buf_slice(&s->text);
}

struct vf_slice
vf_schema_canonical(const struct vf_schema *s)
{
	return vf_buf_slice(&s->canonical);
}

bool
vf_schema_equal(const struct vf_schema *a, const struct vf_schema *b)
{
	return vf_slice_eq(vf_schema_canonical(a), vf_schema_canonical(b));
}

/* CRC-64-AVRO of the specification, a bit at a time: a schema is short and looked at once a file. */
uint64_t
vf_schema_fingerprint(const struct vf_schema *s)
{
	const uint64_t empty = 0xc15d213aa4d7a795u;
	uint64_t sum = empty;

	for (size_t i = 0; i < s->canonical.n; i++) {
		sum ^= (unsigned char)s->canonical.p[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (empty & -(sum & 1));
	}
	return sum;
}

void
vf_schema_fingerprint_hex(const struct vf_schema *s, char out[17])
{
	uint64_t sum = vf_schema_fingerprint(s);
	unsigned char bytes[8];

	for (size_t i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(sum >> 8 * i);
	vf_hex_put(out, bytes, sizeof bytes);
}
