/* test-json.c -- documents, checked getters, paths in errors, and writing back. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "tap.h"

static struct vf_error err;

static struct vf_json *
parse(const char *text)
{
	return vf_json_parse(vf_slice_str(text), "t.json", &err);
}

static void
is_bad(struct vf_slice text, const char *want)
{
	struct vf_json *doc = vf_json_parse(text, "t.json", &err);

	ok(doc == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, want) == 0, "%s", want);
	if (doc == NULL && strcmp(err.text, want) != 0)
		printf("# got: %s\n", err.text);
	vf_json_free(doc);
}

static void
test_syntax(void)
{
	static const char nul[] = "{\"a\":\"x\\u0000y\"}";
	struct vf_json *doc;
	char *deep = malloc(200001);

	is_bad(vf_slice_str(""), "t.json:1: empty");
	is_bad(vf_slice_str(" \t"), "t.json:1: empty");
	is_bad(vf_slice_str("{\"a\":1,\n\"secret\" 2}"), "t.json:2: not JSON (column 10)");
	is_bad(vf_slice_str("{\"a\":1,\"a\":2}"), "t.json:1: a key is there twice (column 10)");
	is_bad(vf_slice_str("{\"a\":[1,2"), "t.json:1: ends in the middle (column 9)");
	is_bad(vf_slice_str("{} {}"), "t.json:1: more text after the end (column 4)");
	is_bad(vf_slice_str("{\"a\":\"\xff\"}"), "t.json:1: not UTF-8 (column 6)");
	is_bad(vf_slice_str("{\"a\":99999999999999999999}"), "t.json:1: a number is too big (column 25)");
	is_bad(vf_slice_str("5"), "t.json:1: not JSON (column 1)");
	ok(vf_json_parse(vf_slice(nul, sizeof(nul) - 1), "t.json", &err) == NULL, "a NUL inside a text is refused");
	ok(vf_json_parse(vf_slice("{}\0", 3), "t.json", &err) == NULL, "a NUL after the end is refused");
	memset(deep, '[', 200000);
	deep[200000] = '\0';
	ok(parse(deep) == NULL && strstr(err.text, "nested too deeply") != NULL, "200,000 open brackets: %s", err.text);
	free(deep);
	doc = parse("\xef\xbb\xbf{}");
	ok(doc != NULL, "a byte order mark is no fault");
	vf_json_free(doc);
	vf_json_free(NULL);
}

static void
test_getters(void)
{
	struct vf_json *doc = parse("{\"s\":\"x\",\"n\":7,\"d\":0.5,\"b\":true,\"z\":null,\"a\":[1,{\"k v\":\"y\"}],"
		"\"neg\":-1}");
	struct vf_json_at root = vf_json_root(doc, "t.json");
	struct vf_json_at s = vf_json_member(&root, "s"), n = vf_json_member(&root, "n");
	struct vf_json_at d = vf_json_member(&root, "d"), b = vf_json_member(&root, "b");
	struct vf_json_at z = vf_json_member(&root, "z"), none = vf_json_member(&root, "none");
	struct vf_json_at a = vf_json_member(&root, "a"), a1 = vf_json_element(&a, 1);
	struct vf_json_at a9 = vf_json_element(&a, 9), kv = vf_json_member(&a1, "k v");
	struct vf_json_at neg = vf_json_member(&root, "neg"), under = vf_json_member(&s, "x");
	struct vf_slice text = { NULL, 0 };
	uint64_t u = 0;
	double f = 0;
	bool flag = false;
	size_t count = 0;

	ok(vf_json_get_str(&s, &text, &err) == 1 && vf_slice_is(text, "x"), "a text");
	ok(vf_json_get_u64(&n, &u, &err) == 1 && u == 7, "a whole number");
	ok(vf_json_get_double(&d, &f, &err) == 1 && fabs(f - 0.5) < 1e-15, "a fraction");
	ok(vf_json_get_double(&n, &f, &err) == 1 && fabs(f - 7) < 1e-15, "a whole number where a fraction may be");
	ok(vf_json_get_bool(&b, &flag, &err) == 1 && flag, "true");
	ok(vf_json_get_array(&a, &count, &err) == 1 && count == 2, "an array and its length");
	ok(vf_json_get_object(&a1, &err) == 1 && vf_json_get_object(&root, &err) == 1, "objects");
	ok(vf_json_get_str(&kv, &text, &err) == 1 && vf_slice_is(text, "y"), "a text further down");
	u = 3;
	ok(vf_json_get_u64(&z, &u, &err) == 0 && vf_json_get_u64(&none, &u, &err) == 0 &&
		vf_json_get_u64(&a9, &u, &err) == 0 && vf_json_get_u64(&under, &u, &err) == 0 && u == 3,
		"null and absent leave the value as it is");
	ok(vf_json_get_str(&n, &text, &err) < 0 && err.kind == VF_ERR_CONFIG &&
		strcmp(err.text, "t.json: $.n: not a string") == 0, "%s", err.text);
	ok(vf_json_get_u64(&d, &u, &err) < 0 && strcmp(err.text, "t.json: $.d: not a whole number of 0 or more") == 0,
		"%s", err.text);
	ok(vf_json_get_u64(&neg, &u, &err) < 0, "a negative number is no count");
	ok(vf_json_get_bool(&n, &flag, &err) < 0 && strcmp(err.text, "t.json: $.n: not true or false") == 0, "%s",
		err.text);
	ok(vf_json_get_double(&s, &f, &err) < 0 && strcmp(err.text, "t.json: $.s: not a number") == 0, "%s", err.text);
	ok(vf_json_get_array(&s, &count, &err) < 0 && strcmp(err.text, "t.json: $.s: not an array") == 0, "%s",
		err.text);
	ok(vf_json_get_object(&a, &err) < 0 && strcmp(err.text, "t.json: $.a: not an object") == 0, "%s", err.text);
	ok(vf_json_get_u64(&kv, &u, &err) < 0 &&
		strcmp(err.text, "t.json: $.a[1][\"k v\"]: not a whole number of 0 or more") == 0, "%s", err.text);
	vf_json_free(doc);
}

static int
collect(void *arg, const char *key, const struct vf_json_at *at, struct vf_error *e)
{
	struct vf_buf *b = arg;
	uint64_t n = 0;

	if (vf_json_get_u64(at, &n, e) < 0)
		return -1;
	return vf_buf_addf(b, "%s=%d;", key, (int)n);
}

static void
test_each(void)
{
	struct vf_json *doc = parse("{\"o\":{\"z\":1,\"a\":2,\"m\":null},\"bad\":{\"x\":1,\"y\":\"2\",\"w\":3},\"s\":\"\"}");
	struct vf_json_at root = vf_json_root(doc, "t.json");
	struct vf_json_at o = vf_json_member(&root, "o"), bad = vf_json_member(&root, "bad");
	struct vf_json_at s = vf_json_member(&root, "s"), none = vf_json_member(&root, "none");
	struct vf_buf b = { 0 };

	ok(vf_json_each(&o, collect, &b, &err) == 0 && vf_slice_is(vf_buf_slice(&b), "z=1;a=2;m=0;"),
		"keys come in the order of the file");
	ok(vf_json_each(&bad, collect, &b, &err) < 0 &&
		strcmp(err.text, "t.json: $.bad.y: not a whole number of 0 or more") == 0, "%s", err.text);
	ok(vf_json_each(&none, collect, &b, &err) == 0 && vf_json_each(&s, collect, &b, &err) < 0,
		"an absent object has no keys, a text is none");
	vf_buf_free(&b);
	vf_json_free(doc);
}

static void
test_add(void)
{
	static const char text[] = "{\"z\":[1,-2,0.95,0.1,1e+100,true,false,null],\"a\":{},\"e\":[],"
		"\"s\":\"\xc3\xa9 \\\"q\\\" \\\\\"}";
	struct vf_json *doc = parse(text);
	struct vf_buf b = { 0 };

	ok(vf_json_add(&b, doc) == 0 && vf_slice_is(vf_buf_slice(&b), text), "what was read is written back");
	printf("# %.*s\n", (int)b.n, b.p);
	vf_buf_clear(&b);
	ok(vf_json_add(&b, NULL) == 0 && vf_slice_is(vf_buf_slice(&b), "null"), "nothing is null");
	vf_buf_free(&b);
	vf_json_free(doc);
}

static void
test_load(void)
{
	char path[] = "/tmp/test-json.XXXXXX";
	int fd = mkstemp(path);
	struct vf_json *doc = NULL;

	ok(fd >= 0 && write(fd, "{\"a\":1}\n", 8) == 8 && (doc = vf_json_load(path, 8, &err)) != NULL, "a file is read");
	vf_json_free(doc);
	ok(vf_json_load(path, 7, &err) == NULL && err.kind == VF_ERR_CONFIG, "one that is too large is not");
	close(fd);
	unlink(path);
	ok(vf_json_load(path, 9, &err) == NULL && err.kind == VF_ERR_CONFIG &&
		strstr(err.text, "No such file or directory") != NULL, "one that is not there is a matter of usage");
	ok(vf_json_load("/", 9, &err) == NULL && strcmp(err.text, "/: Is a directory") == 0, "so is a folder");
}

int
main(void)
{
	test_syntax();
	test_getters();
	test_each();
	test_add();
	test_load();
	return done_testing();
}
