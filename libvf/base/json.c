/* base/json.c -- JSON documents through jansson; a struct vf_json * is a json_t * by another name. */
#include "base/json.h"

#include <jansson.h>

#include "base/file.h"
#include "base/num.h"
#include "base/text.h"

#define DEPTH 32		/* of a path in an error text; jansson itself stops at 2048 levels */

static const json_t *
unwrap(const struct vf_json *v)
{
	return (const json_t *)(const void *)v;
}

/* jansson's own texts quote what they stumbled over, so that we say it ourselves. */
static const char *
cause_of(const json_error_t *e)
{
	switch (json_error_code(e)) {
	case json_error_out_of_memory:
		return "out of memory";
	case json_error_stack_overflow:
		return "nested too deeply";
	case json_error_invalid_utf8:
		return "not UTF-8";
	case json_error_premature_end_of_input:
		return "ends in the middle";
	case json_error_end_of_input_expected:
		return "more text after the end";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a NUL character";
	case json_error_duplicate_key:
		return "a key is there twice";
	case json_error_numeric_overflow:
		return "a number is too big";
	default:
		return "not JSON";
	}
}

static struct vf_json *
parse(struct vf_slice text, size_t flags, const char *name, struct vf_error *err)
{
	json_error_t e;
	json_t *doc;

	if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) {
		text.p += 3;
		text.n -= 3;
	}
	if (vf_slice_trim(text).n == 0) {
		vf_error(err, VF_ERR_CONFIG, "%s:1: empty", name);
		return NULL;
	}
	doc = json_loadb(text.p, text.n, flags | JSON_REJECT_DUPLICATES, &e);
	if (doc == NULL) {
		if (json_error_code(&e) == json_error_out_of_memory)
			vf_error_nomem(err);
		else
			vf_error(err, VF_ERR_CONFIG, "%s:%d: %s (column %d)", name, e.line > 0 ? e.line : 1,
				cause_of(&e), e.column > 0 ? e.column : 1);
		return NULL;
	}
	return (struct vf_json *)(void *)doc;
}

struct vf_json *
vf_json_parse(struct vf_slice text, const char *name, struct vf_error *err)
{
	return parse(text, 0, name, err);
}

struct vf_json *
vf_json_parse_any(struct vf_slice text, const char *name, struct vf_error *err)
{
	return parse(text, JSON_DECODE_ANY, name, err);
}

struct vf_json *
vf_json_load(const char *path, size_t max, struct vf_error *err)
{
	struct vf_buf buf = { 0 };
	struct vf_json *doc = NULL;

	if (vf_file_slurp(path, max, &buf, err) == 0)
		doc = vf_json_parse(vf_buf_slice(&buf), path, err);
	else if (err->kind == VF_ERR_FAILED)
		err->kind = VF_ERR_CONFIG;
	vf_buf_free(&buf);
	return doc;
}

void
vf_json_free(struct vf_json *v)
{
	json_decref((json_t *)(void *)v);
}

struct vf_json_at
vf_json_root(const struct vf_json *v, const char *file)
{
	return (struct vf_json_at){ .file = file, .value = v };
}

static const struct vf_json *
wrap(const json_t *v)
{
	return json_is_null(v) ? NULL : (const struct vf_json *)(const void *)v;
}

struct vf_json_at
vf_json_member(const struct vf_json_at *at, const char *key)
{
	return (struct vf_json_at){ .up = at, .key = key, .value = wrap(json_object_get(unwrap(at->value), key)) };
}

struct vf_json_at
vf_json_element(const struct vf_json_at *at, size_t index)
{
	return (struct vf_json_at){ .up = at, .index = index, .value = wrap(json_array_get(unwrap(at->value), index)) };
}

static bool
plain_key(const char *key)
{
	if (*key == '\0' || (*key >= '0' && *key <= '9'))
		return false;
	for (; *key != '\0'; key++)
		if (!((*key >= 'a' && *key <= 'z') || (*key >= 'A' && *key <= 'Z') || (*key >= '0' && *key <= '9') ||
			    *key == '_'))
			return false;
	return true;
}

static void
add_step(struct vf_buf *path, const struct vf_json_at *at)
{
	if (at->key == NULL) {
		vf_buf_addf(path, "[%zu]", at->index);
	} else if (plain_key(at->key)) {
		vf_buf_addf(path, ".%s", at->key);
	} else {
		vf_buf_add_char(path, '[');
		vf_text_add_json(path, vf_slice_str(at->key));
		vf_buf_add_char(path, ']');
	}
}

int
vf_json_fail(const struct vf_json_at *at, struct vf_error *err, const char *cause)
{
	const struct vf_json_at *steps[DEPTH];
	struct vf_buf path = { 0 };
	int n = 0;

	for (; at->up != NULL; at = at->up)
		if (n < DEPTH)
			steps[n++] = at;
	while (n > 0)
		add_step(&path, steps[--n]);
	vf_buf_terminate(&path);
	vf_error(err, VF_ERR_CONFIG, "%s: $%s: %s", at->file != NULL ? at->file : "json",
		path.p != NULL && !path.failed ? path.p : "", cause);
	vf_buf_free(&path);
	return -1;
}

int
vf_json_get_str(const struct vf_json_at *at, struct vf_slice *s, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	if (!json_is_string(v))
		return vf_json_fail(at, err, "not a string");
	*s = vf_slice(json_string_value(v), json_string_length(v));
	return 1;
}

int
vf_json_get_bool(const struct vf_json_at *at, bool *b, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	if (!json_is_boolean(v))
		return vf_json_fail(at, err, "not true or false");
	*b = json_is_true(v);
	return 1;
}

int
vf_json_get_u64(const struct vf_json_at *at, uint64_t *n, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return vf_json_fail(at, err, "not a whole number of 0 or more");
	*n = (uint64_t)json_integer_value(v);
	return 1;
}

int
vf_json_get_i64(const struct vf_json_at *at, int64_t *n, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v))
		return vf_json_fail(at, err, "not a whole number");
	*n = json_integer_value(v);
	return 1;
}

int
vf_json_get_double(const struct vf_json_at *at, double *d, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	if (!json_is_number(v))
		return vf_json_fail(at, err, "not a number");
	*d = json_number_value(v);
	return 1;
}

int
vf_json_get_array(const struct vf_json_at *at, size_t *count, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	if (!json_is_array(v))
		return vf_json_fail(at, err, "not an array");
	*count = json_array_size(v);
	return 1;
}

int
vf_json_get_object(const struct vf_json_at *at, struct vf_error *err)
{
	const json_t *v = unwrap(at->value);

	if (v == NULL)
		return 0;
	return json_is_object(v) ? 1 : vf_json_fail(at, err, "not an object");
}

int
vf_json_each(const struct vf_json_at *at, int (*fn)(void *, const char *, const struct vf_json_at *, struct vf_error *),
	void *arg, struct vf_error *err)
{
	json_t *v = (json_t *)(uintptr_t)(const void *)at->value;
	int rc = vf_json_get_object(at, err);

	if (rc <= 0)
		return rc;
	for (void *i = json_object_iter(v); i != NULL; i = json_object_iter_next(v, i)) {
		const char *key = json_object_iter_key(i);
		struct vf_json_at child = { .up = at, .key = key, .value = wrap(json_object_iter_value(i)) };

		if (fn(arg, key, &child, err) < 0)
			return -1;
	}
	return 0;
}

static int add_value(struct vf_buf *out, const json_t *v);

static int
add_array(struct vf_buf *out, const json_t *v)
{
	vf_buf_add_char(out, '[');
	for (size_t i = 0; i < json_array_size(v); i++) {
		if (i > 0)
			vf_buf_add_char(out, ',');
		add_value(out, json_array_get(v, i));
	}
	return vf_buf_add_char(out, ']');
}

static int
add_object(struct vf_buf *out, json_t *v)
{
	char comma = '{';

	if (json_object_size(v) == 0)
		return vf_buf_add_str(out, "{}");
	for (void *i = json_object_iter(v); i != NULL; i = json_object_iter_next(v, i)) {
		vf_buf_add_char(out, comma);
		vf_text_add_json(out, vf_slice_str(json_object_iter_key(i)));
		vf_buf_add_char(out, ':');
		add_value(out, json_object_iter_value(i));
		comma = ',';
	}
	return vf_buf_add_char(out, '}');
}

static int
add_value(struct vf_buf *out, const json_t *v)
{
	char text[VF_NUM_REAL];

	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return add_object(out, (json_t *)(uintptr_t)(const void *)v);
	case JSON_ARRAY:
		return add_array(out, v);
	case JSON_STRING:
		return vf_text_add_json(out, vf_slice(json_string_value(v), json_string_length(v)));
	case JSON_INTEGER:
		return vf_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	case JSON_REAL:
		return vf_buf_add(out, text, vf_num_put_double(text, json_real_value(v)));
	case JSON_TRUE:
		return vf_buf_add_str(out, "true");
	case JSON_FALSE:
		return vf_buf_add_str(out, "false");
	case JSON_NULL:
	default:
		return vf_buf_add_str(out, "null");
	}
}

int
vf_json_add(struct vf_buf *out, const struct vf_json *v)
{
	if (v == NULL)
		return vf_buf_add_str(out, "null");
	add_value(out, unwrap(v));
	return out->failed ? -1 : 0;
}
