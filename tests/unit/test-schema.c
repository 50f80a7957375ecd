/* test-schema -- avro/schema: what is a schema, its canonical form and fingerprint. */
#include <string.h>

#include "avro/schema.h"
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

/* The Avro project's own cases (share/test/data/schema-tests.txt): a schema, its form, the fingerprint where one is given. */
static const struct {
	const char *text, *canonical;
	int64_t fingerprint;
} published[] = {
	{ "\"null\"", "\"null\"", 7195948357588979594 },
	{ "{\"type\":\"null\"}", "\"null\"", 0 },
	{ "\"boolean\"", "\"boolean\"", -6970731678124411036 },
	{ "{\"type\":\"boolean\"}", "\"boolean\"", 0 },
	{ "\"int\"", "\"int\"", 8247732601305521295 },
	{ "{\"type\":\"int\"}", "\"int\"", 0 },
	{ "\"long\"", "\"long\"", -3434872931120570953 },
	{ "{\"type\":\"long\"}", "\"long\"", 0 },
	{ "\"float\"", "\"float\"", 5583340709985441680 },
	{ "{\"type\":\"float\"}", "\"float\"", 0 },
	{ "\"double\"", "\"double\"", -8181574048448539266 },
	{ "{\"type\":\"double\"}", "\"double\"", 0 },
	{ "\"bytes\"", "\"bytes\"", 5746618253357095269 },
	{ "{\"type\":\"bytes\"}", "\"bytes\"", 0 },
	{ "\"string\"", "\"string\"", -8142146995180207161 },
	{ "{\"type\":\"string\"}", "\"string\"", 0 },
	{ "[  ]", "[]", -1241056759729112623 },
	{ "[ \"int\"  ]", "[\"int\"]", -5232228896498058493 },
	{ "[ \"int\" , {\"type\":\"boolean\"} ]", "[\"int\",\"boolean\"]", 5392556393470105090 },
	{ "{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}", "{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}",
		-4824392279771201922 },
	{ "{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"namespace\":\"x.y\"}",
		"{\"name\":\"x.y.foo\",\"type\":\"record\",\"fields\":[]}", 5916914534497305771 },
	{ "{\"fields\":[], \"type\":\"record\", \"name\":\"a.b.foo\", \"namespace\":\"x.y\"}",
		"{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[]}", -4616218487480524110 },
	{ "{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"doc\":\"Useful info\"}",
		"{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", -4824392279771201922 },
	{ "{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"aliases\":[\"foo\",\"bar\"]}",
		"{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", -4824392279771201922 },
	{ "{\"fields\":[], \"type\":\"record\", \"name\":\"foo\", \"doc\":\"foo\", \"aliases\":[\"foo\",\"bar\"]}",
		"{\"name\":\"foo\",\"type\":\"record\",\"fields\":[]}", -4824392279771201922 },
	{ "{\"fields\":[{\"type\":{\"type\":\"boolean\"}, \"name\":\"f1\"}], \"type\":\"record\", \"name\":\"foo\"}",
		"{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":\"boolean\"}]}", 7843277075252814651 },
	{ "{ \"fields\":[{\"type\":\"boolean\", \"aliases\":[], \"name\":\"f1\", \"default\":\"true\"},\n"
		"            {\"order\":\"descending\",\"name\":\"f2\",\"doc\":\"Hello\",\"type\":\"int\"}],\n"
		"  \"type\":\"record\", \"name\":\"foo\"\n}\n",
		"{\"name\":\"foo\",\"type\":\"record\",\"fields\":[{\"name\":\"f1\",\"type\":\"boolean\"},"
		"{\"name\":\"f2\",\"type\":\"int\"}]}", -4860222112080293046 },
	{ "{\"type\":\"enum\", \"name\":\"foo\", \"symbols\":[\"A1\"]}",
		"{\"name\":\"foo\",\"type\":\"enum\",\"symbols\":[\"A1\"]}", -6342190197741309591 },
	{ "{\"namespace\":\"x.y.z\", \"type\":\"enum\", \"name\":\"foo\", \"doc\":\"foo bar\", \"symbols\":[\"A1\", \"A2\"]}",
		"{\"name\":\"x.y.z.foo\",\"type\":\"enum\",\"symbols\":[\"A1\",\"A2\"]}", -4448647247586288245 },
	{ "{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}", "{\"name\":\"foo\",\"type\":\"fixed\",\"size\":15}",
		1756455273707447556 },
	{ "{\"namespace\":\"x.y.z\", \"type\":\"fixed\", \"name\":\"foo\", \"doc\":\"foo bar\", \"size\":32}",
		"{\"name\":\"x.y.z.foo\",\"type\":\"fixed\",\"size\":32}", -3064184465700546786 },
	{ "{ \"items\":{\"type\":\"null\"}, \"type\":\"array\"}", "{\"type\":\"array\",\"items\":\"null\"}", -589620603366471059 },
	{ "{ \"values\":\"string\", \"type\":\"map\"}", "{\"type\":\"map\",\"values\":\"string\"}", -8732877298790414990 },
	{ "  {\"name\":\"PigValue\",\"type\":\"record\",\n"
		"   \"fields\":[{\"name\":\"value\", \"type\":[\"null\", \"int\", \"long\", \"PigValue\"]}]}\n",
		"{\"name\":\"PigValue\",\"type\":\"record\",\"fields\":[{\"name\":\"value\",\"type\":[\"null\",\"int\",\"long\","
		"\"PigValue\"]}]}", -1759257747318642341 },
};

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
	form_is("{\"type\":\"record\",\"name\":\"\\u0066oo\",\"n\\u0061mespace\":\"a.b\",\"fields\":[{\"name\":\"x\",\"type\":"
		"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}},{\"name\":\"y\",\"type\":\"F\"},{\"name\":\"z\",\"type\":\"a.b.F\"}]}",
		"{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":{\"name\":\"a.b.F\",\"type\":\"fixed\","
		"\"size\":1}},{\"name\":\"y\",\"type\":\"a.b.F\"},{\"name\":\"z\",\"type\":\"a.b.F\"}]}",
		"escapes are read, names are made full, a namespace is inherited");
	form_is("{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
		"\"namespace\":\"\",\"symbols\":[\"S\"]}},{\"name\":\"y\",\"type\":\"E\"}]}",
		"{\"name\":\"a.R\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":{\"name\":\"E\",\"type\":\"enum\","
		"\"symbols\":[\"S\"]}},{\"name\":\"y\",\"type\":\"E\"}]}",
		"a name without namespace is found from inside one");
	form_is("{\"type\":{\"type\":[\"null\",{\"type\":\"string\"}]}}", "[\"null\",\"string\"]", "a schema may stand in another's type");
	form_is("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", "\"long\"", "the form has no logical type");
}

static void
test_bad(void)
{
	char deep[1000] = "";

	is_bad("", "s.avsc:1: empty");
	is_bad("null", "s.avsc: $: not a schema");
	is_bad("7", "s.avsc: $: not a schema");
	is_bad("{}", "s.avsc: $.type: missing");
	is_bad("\"strin\"", "s.avsc: $: no type of this name");
	is_bad("{\"type\":\"strin\"}", "s.avsc: $.type: no type of this name");
	is_bad("{\"type\":\"record\",\"name\":\"r\"}", "s.avsc: $.fields: missing");
	is_bad("{\"type\":\"record\",\"fields\":[]}", "s.avsc: $.name: missing");
	is_bad("{\"type\":\"record\",\"name\":\"1r\",\"fields\":[]}", "s.avsc: $.name: not a name");
	is_bad("{\"type\":\"record\",\"name\":\"string\",\"fields\":[]}", "s.avsc: $.name: not a name");
	is_bad("{\"type\":\"record\",\"name\":\".r\",\"fields\":[]}", "s.avsc: $.name: not a name");
	is_bad("{\"type\":\"record\",\"name\":\"r\\u00e9\",\"fields\":[]}", "s.avsc: $.name: not a name");
	is_bad("{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a..b\",\"fields\":[]}", "s.avsc: $.namespace: not a name");
	is_bad("{\"type\":\"record\",\"name\":\"r\",\"fields\":[null]}", "s.avsc: $.fields[0]: not an object");
	is_bad("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"type\":\"int\"}]}", "s.avsc: $.fields[0].name: missing");
	is_bad("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a.b\",\"type\":\"int\"}]}", "s.avsc: $.fields[0].name: not a name");
	is_bad("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\"}]}", "s.avsc: $.fields[0].type: missing");
	is_bad("{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"},"
		"{\"name\":\"a\",\"type\":\"int\"}]}", "s.avsc: $.fields: two fields of one name");
	is_bad("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\",\"A\"]}", "s.avsc: $.symbols: two symbols of one name");
	is_bad("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A-B\"]}", "s.avsc: $.symbols[0]: not a name");
	is_bad("{\"type\":\"enum\",\"name\":\"e\"}", "s.avsc: $.symbols: missing");
	is_bad("{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "s.avsc: $.size: not a whole number of 0 or more");
	is_bad("{\"type\":\"fixed\",\"name\":\"f\",\"size\":2147483648}", "s.avsc: $.size: too big");
	is_bad("{\"type\":\"fixed\",\"name\":\"f\"}", "s.avsc: $.size: missing");
	is_bad("{\"type\":\"array\"}", "s.avsc: $.items: missing");
	is_bad("{\"type\":\"map\"}", "s.avsc: $.values: missing");
	is_bad("[\"int\",[\"null\"]]", "s.avsc: $[1]: a union in a union");
	is_bad("[\"int\",\"null\",{\"type\":\"int\"}]", "s.avsc: $[2]: two branches of one type");
	is_bad("[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]", "s.avsc: $[1]: two branches of one type");
	is_bad("[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},\"f\"]", "s.avsc: $[1]: two branches of one type");
	is_bad("[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":\"f\",\"size\":1}]",
		"s.avsc: $[1].name: two types of this name");
	is_bad("{\"type\":\"record\",\"name\":\"a.r\",\"fields\":[{\"name\":\"x\",\"type\":\"b.r\"}]}",
		"s.avsc: $.fields[0].type: no type of this name");
	is_bad("{\"type\":\"int\",\"type\":\"long\"}", "s.avsc:1: a key is there twice (column 20)");
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
