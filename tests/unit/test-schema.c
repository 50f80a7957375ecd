/* test-schema -- avro/schema: what is a schema, its canonical form and fingerprint. */
#include <string.h>

#include "avro/schema.h"
#include "schemas.h"
#include "tap.h"

static struct vf_error err;

static struct vf_schema *
parse(const char *text)
{
	return vf_schema_parse(vf_slice_str(text), "s.avsc", &err);
}

static void
is_bad(const char *text, const char *want)
{
	struct vf_schema *s = parse(text);

	ok(s == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, want) == 0, "%s", want);
	if (s == NULL && strcmp(err.text, want) != 0)
		note("got: %s", err.text);
	vf_schema_free(s);
}

static void
test_published(void)
{
	for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
		struct vf_schema *s = parse(published[i].text), *again;
		char form[300];

		if (!ok(s != NULL, "published case %zu is a schema", i)) {
			note("%s", err.text);
			continue;
		}
		snprintf(form, sizeof form, "%.*s", (int)vf_schema_canonical(s).n, vf_schema_canonical(s).p);
		ok(strcmp(form, published[i].canonical) == 0, "its form is %s", form);
		ok(published[i].fingerprint == 0 || vf_schema_fingerprint(s) == (uint64_t)published[i].fingerprint,
			"its fingerprint is %016" PRIx64, vf_schema_fingerprint(s));
		again = parse(form);
		ok(again != NULL && vf_schema_equal(s, again), "its form is a schema of the same form");
		vf_schema_free(again);
		vf_schema_free(s);
	}
}

static void
form_is(const char *text, const char *want, const char *what)
{
	struct vf_schema *s = parse(text);

	ok(s != NULL && vf_slice_is(vf_schema_canonical(s), want), "%s", what);
	if (s == NULL)
		note("%s", err.text);
	else if (!vf_slice_is(vf_schema_canonical(s), want))
		note("got: %.*s", (int)vf_schema_canonical(s).n, vf_schema_canonical(s).p);
	vf_schema_free(s);
}

static void
test_names(void)
{
	for (size_t i = 0; i < sizeof formed / sizeof *formed; i++)
		form_is(formed[i].text, formed[i].canonical, formed[i].what);
}

static void
test_bad(void)
{
	char deep[1000] = "";

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		is_bad(refused[i].text, refused[i].want);
	for (int i = 0; i < 70; i++)
		strcat(deep, "{\"type\":");
	ok(parse(deep) == NULL && err.kind == VF_ERR_CONFIG, "70 open objects are none");
	deep[0] = '\0';
	for (int i = 0; i < 70; i++)
		strcat(deep, "[");
	for (int i = 0; i < 70; i++)
		strcat(deep, "]");
	ok(parse(deep) == NULL && strstr(err.text, "nested too deeply") != NULL, "70 unions in each other are refused for their depth");
}

/* Text of the greatest size that asks for the most work: refused or done, in bounded time. */
static void
test_big(void)
{
	struct vf_buf b = { 0 };
	struct vf_schema *s;

	vf_buf_add_str(&b, "[\"null\"");
	for (int i = 0; i < 2001; i++)
		vf_buf_addf(&b, ",{\"type\":\"fixed\",\"name\":\"N%d\",\"size\":1}", i);
	vf_buf_add_str(&b, "]");
	s = vf_schema_parse(vf_buf_slice(&b), "big", &err);
	ok(s == NULL && strcmp(err.text, "big: $[2001]: too many named types") == 0, "2,001 named types are too many");
	vf_schema_free(s);
	vf_buf_clear(&b);
	vf_buf_add_str(&b, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
	for (int i = 0; b.n < VF_SCHEMA_MAX - 100; i++)
		vf_buf_addf(&b, "%s{\"name\":\"n%d\",\"type\":\"int\"}", i > 0 ? "," : "", i);
	vf_buf_add_str(&b, "]}");
	s = vf_schema_parse(vf_buf_slice(&b), "big", &err);
	ok(s != NULL && vf_schema_root(s)->n > 30000, "a mebibyte of fields is a schema");
	vf_schema_free(s);
	while (b.n <= VF_SCHEMA_MAX)
		vf_buf_add_char(&b, ' ');
	s = vf_schema_parse(vf_buf_slice(&b), "big", &err);
	ok(s == NULL && strcmp(err.text, "big: a schema of over 1 MiB") == 0, "a byte more is none");
	vf_schema_free(s);
	vf_buf_free(&b);
}

static void
test_tree(void)
{
	struct vf_schema *s = parse("{\"type\":\"record\",\"name\":\"a.Registration\",\"doc\":\"d\",\"fields\":["
		"{\"name\":\"t\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},"
		"{\"name\":\"u\",\"type\":{\"type\":\"long\",\"logicalType\":7}},"
		"{\"name\":\"v\",\"type\":\"string\",\"default\":\"x\"}]}");
	const struct vf_schema_type *t;
	char hex[17];

	if (!ok(s != NULL, "a record is a schema"))
		return;
	t = vf_schema_root(s);
	ok(t->kind == VF_AVRO_RECORD && t->n == 3 && vf_slice_is(vf_schema_short_name(t), "Registration") &&
		vf_slice_is(t->name, "a.Registration"), "its name, short and full");
	ok(t->fields[0].type->kind == VF_AVRO_UNION && t->fields[0].type->types[1]->millis && !t->fields[1].type->millis,
		"timestamp-millis is kept, a logical type that is none ignored");
	ok(t->fields[0].has_default && t->fields[0].fallback == NULL && !t->fields[1].has_default && t->fields[2].has_default &&
		t->fields[2].fallback != NULL, "a default of null is told from none");
	ok(t->least == 3, "a record takes at least what its fields take");
	ok(vf_slice_is(vf_schema_text(s), "{\"type\":\"record\",\"name\":\"a.Registration\",\"doc\":\"d\",\"fields\":["
		"{\"name\":\"t\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}],\"default\":null},"
		"{\"name\":\"u\",\"type\":{\"type\":\"long\",\"logicalType\":7}},"
		"{\"name\":\"v\",\"type\":\"string\",\"default\":\"x\"}]}"), "its text keeps what the form drops");
	vf_schema_free(s);
	s = parse("\"int\"");
	vf_schema_fingerprint_hex(s, hex);
	ok(strcmp(hex, "8f5c393f1ad57572") == 0, "the fingerprint of int, lowest byte first (%s)", hex);
	ok(vf_schema_short_name(vf_schema_root(s)).n == 0, "int has no short name");
	vf_schema_free(s);
}

static uint64_t
least(const char *text)
{
	struct vf_schema *s = parse(text);
	uint64_t n = s != NULL ? vf_schema_root(s)->least : 777;

	vf_schema_free(s);
	return n;
}

static void
test_least(void)
{
	ok(least("\"null\"") == 0 && least("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"null\"}]}") == 0,
		"null, and a record of nulls, have no bytes");
	ok(least("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"r\"}]}") == VF_SCHEMA_ENDLESS,
		"a record in itself has no end");
	ok(least("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"r\",\"null\"]}]}") == 1 &&
		least("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"r\"}}]}") == 1,
		"one that may be left out has");
	ok(least("[]") == VF_SCHEMA_ENDLESS && least("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}") == VF_SCHEMA_ENDLESS,
		"nothing is of an empty union or enum");
}

int
main(void)
{
	test_published();
	test_names();
	test_bad();
	test_big();
	test_tree();
	test_least();
	return done_testing();
}
