/*
 * tests/unit/schemas.h -- schemas and what is none, for test-schema and test-schema-libavro.
 *
 * Small texts only: they also go through libavro, which has no bound on depth.
 */
#ifndef VF_TESTS_UNIT_SCHEMAS_H
#define VF_TESTS_UNIT_SCHEMAS_H

#include <stdint.h>

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

/* Names and nesting: a schema, its form, what it shows. */
static const struct {
	const char *text, *canonical, *what;
} formed[] = {
	{ "{\"type\":\"record\",\"name\":\"\\u0066oo\",\"n\\u0061mespace\":\"a.b\",\"fields\":[{\"name\":\"x\",\"type\":"
		"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}},{\"name\":\"y\",\"type\":\"F\"},{\"name\":\"z\",\"type\":\"a.b.F\"}]}",
		"{\"name\":\"a.b.foo\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":{\"name\":\"a.b.F\",\"type\":\"fixed\","
		"\"size\":1}},{\"name\":\"y\",\"type\":\"a.b.F\"},{\"name\":\"z\",\"type\":\"a.b.F\"}]}",
		"escapes are read, names are made full, a namespace is inherited" },
	{ "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
		"\"namespace\":\"\",\"symbols\":[\"S\"]}},{\"name\":\"y\",\"type\":\"E\"}]}",
		"{\"name\":\"a.R\",\"type\":\"record\",\"fields\":[{\"name\":\"x\",\"type\":{\"name\":\"E\",\"type\":\"enum\","
		"\"symbols\":[\"S\"]}},{\"name\":\"y\",\"type\":\"E\"}]}",
		"a name without namespace is found from inside one" },
	{ "{\"type\":{\"type\":[\"null\",{\"type\":\"string\"}]}}", "[\"null\",\"string\"]", "a schema may stand in another's type" },
	{ "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", "\"long\"", "the form has no logical type" },
};

/* No schemas, each with our error for it. */
static const struct {
	const char *text, *want;
} refused[] = {
	{ "", "s.avsc:1: empty" },
	{ "null", "s.avsc: $: not a schema" },
	{ "7", "s.avsc: $: not a schema" },
	{ "{}", "s.avsc: $.type: missing" },
	{ "\"strin\"", "s.avsc: $: no type of this name" },
	{ "{\"type\":\"strin\"}", "s.avsc: $.type: no type of this name" },
	{ "{\"type\":\"record\",\"name\":\"r\"}", "s.avsc: $.fields: missing" },
	{ "{\"type\":\"record\",\"fields\":[]}", "s.avsc: $.name: missing" },
	{ "{\"type\":\"record\",\"name\":\"1r\",\"fields\":[]}", "s.avsc: $.name: not a name" },
	{ "{\"type\":\"record\",\"name\":\"string\",\"fields\":[]}", "s.avsc: $.name: not a name" },
	{ "{\"type\":\"record\",\"name\":\".r\",\"fields\":[]}", "s.avsc: $.name: not a name" },
	{ "{\"type\":\"record\",\"name\":\"r\\u00e9\",\"fields\":[]}", "s.avsc: $.name: not a name" },
	{ "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a..b\",\"fields\":[]}", "s.avsc: $.namespace: not a name" },
	{ "{\"type\":\"record\",\"name\":\"r\",\"fields\":[null]}", "s.avsc: $.fields[0]: not an object" },
	{ "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"type\":\"int\"}]}", "s.avsc: $.fields[0].name: missing" },
	{ "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a.b\",\"type\":\"int\"}]}", "s.avsc: $.fields[0].name: not a name" },
	{ "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\"}]}", "s.avsc: $.fields[0].type: missing" },
	{ "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"},"
		"{\"name\":\"a\",\"type\":\"int\"}]}", "s.avsc: $.fields: two fields of one name" },
	{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\",\"A\"]}", "s.avsc: $.symbols: two symbols of one name" },
	{ "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A-B\"]}", "s.avsc: $.symbols[0]: not a name" },
	{ "{\"type\":\"enum\",\"name\":\"e\"}", "s.avsc: $.symbols: missing" },
	{ "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "s.avsc: $.size: not a whole number of 0 or more" },
	{ "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2147483648}", "s.avsc: $.size: too big" },
	{ "{\"type\":\"fixed\",\"name\":\"f\"}", "s.avsc: $.size: missing" },
	{ "{\"type\":\"array\"}", "s.avsc: $.items: missing" },
	{ "{\"type\":\"map\"}", "s.avsc: $.values: missing" },
	{ "[\"int\",[\"null\"]]", "s.avsc: $[1]: a union in a union" },
	{ "[\"int\",\"null\",{\"type\":\"int\"}]", "s.avsc: $[2]: two branches of one type" },
	{ "[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]", "s.avsc: $[1]: two branches of one type" },
	{ "[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},\"f\"]", "s.avsc: $[1]: two branches of one type" },
	{ "[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":\"f\",\"size\":1}]",
		"s.avsc: $[1].name: two types of this name" },
	{ "{\"type\":\"record\",\"name\":\"a.r\",\"fields\":[{\"name\":\"x\",\"type\":\"b.r\"}]}",
		"s.avsc: $.fields[0].type: no type of this name" },
	{ "{\"type\":\"int\",\"type\":\"long\"}", "s.avsc:1: a key is there twice (column 20)" },
};

#endif
