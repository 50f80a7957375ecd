/*
 * test-schema-libavro -- avro/schema beside libavro's parser, on the cases of test-schema.
 *
 * Both take a text or both refuse it, and what both take is the same to both:
 * libavro's tree, written as JSON again, has our canonical form.  Compiled with
 * -iquote instead of -I, since libavro has an <avro/schema.h> too.
 */
#include <avro.h>
#include <string.h>

#include "avro/schema.h"
#include "schemas.h"
#include "tap.h"

/* Where libavro is wrong, by the text; nothing else may differ. */
static struct {
	const char *text, *why;
	bool met;
} known[] = {
	{ .text = "[  ]", .why = "it wants a branch, the specification none" },
	{ .text = "{\"type\":{\"type\":[\"null\",{\"type\":\"string\"}]}}", .why = "it takes only a name as a type" },
	{ .text = "{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":\"enum\",\"name\":\"E\","
		"\"namespace\":\"\",\"symbols\":[\"S\"]}},{\"name\":\"y\",\"type\":\"E\"}]}",
		.why = "it looks for no name outside of the namespace" },
	{ .text = "{\"type\":\"record\",\"name\":\"string\",\"fields\":[]}", .why = "a primitive type's name is taken for a record's" },
	{ .text = "{\"type\":\"record\",\"name\":\".r\",\"fields\":[]}", .why = "the parts of a full name are not looked at" },
	{ .text = "{\"type\":\"record\",\"name\":\"r\",\"namespace\":\"a..b\",\"fields\":[]}", .why = "nor those of a namespace" },
	{ .text = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":\"int\"},"
		"{\"name\":\"a\",\"type\":\"int\"}]}", .why = "two fields may have one name" },
	{ .text = "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"B\",\"A\"]}", .why = "two symbols may" },
	{ .text = "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A-B\"]}", .why = "a symbol may be any text" },
	{ .text = "{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", .why = "a size may be negative" },
	{ .text = "{\"type\":\"fixed\",\"name\":\"f\",\"size\":2147483648}", .why = "and beyond what Java holds; ours is a bound, not a rule" },
	{ .text = "[\"int\",[\"null\"]]", .why = "a union may stand in a union" },
	{ .text = "[\"int\",\"null\",{\"type\":\"int\"}]", .why = "two branches may be of one type" },
	{ .text = "[{\"type\":\"map\",\"values\":\"int\"},{\"type\":\"map\",\"values\":\"long\"}]", .why = "and both be maps" },
	{ .text = "[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},\"f\"]", .why = "or one fixed" },
	{ .text = "{\"type\":\"int\",\"type\":\"long\"}", .why = "the last of two equal keys counts" },
};

/* For LeakSanitizer: libavro loses some of what it refuses; our own leaks still count. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libavro.so";
}

static const char *
why_not(const char *text)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].text, text) == 0) {
			known[i].met = true;
			return known[i].why;
		}
	return NULL;
}

static bool
same_form(avro_schema_t theirs, const struct vf_schema *ours)
{
	char json[4096];
	avro_writer_t w = avro_writer_memory(json, sizeof json);
	struct vf_error err;
	struct vf_schema *again = NULL;
	bool same;

	if (w == NULL)
		bail_out("no memory");
	if (avro_schema_to_json(theirs, w) == 0)
		again = vf_schema_parse(vf_slice(json, (size_t)avro_writer_tell(w)), "libavro", &err);
	same = again != NULL && vf_schema_equal(again, ours);
	if (!same)
		note("libavro's: %.*s", (int)avro_writer_tell(w), json);
	vf_schema_free(again);
	avro_writer_free(w);
	return same;
}

static void
compare(const char *text)
{
	struct vf_error err;
	struct vf_schema *ours = vf_schema_parse(vf_slice_str(text), "ours", &err);
	avro_schema_t theirs = NULL;
	bool taken = avro_schema_from_json_length(text, strlen(text), &theirs) == 0;
	const char *why = why_not(text);
	char line[400];

	/* A line break would end the TAP line. */
	snprintf(line, sizeof line, "%s", text);
	for (char *p = line; *p != '\0'; p++)
		if (*p == '\n' || *p == '#')
			*p = ' ';
	if (why != NULL) {
		note("%s: libavro %s it: %s", line, taken ? "takes" : "refuses", why);
	} else {
		ok(taken == (ours != NULL), "both %s %s", ours != NULL ? "take" : "refuse", line);
		if (taken && ours != NULL)
			ok(same_form(theirs, ours), "to both it is the same");
	}
	if (taken)
		avro_schema_decref(theirs);
	vf_schema_free(ours);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof published / sizeof *published; i++)
		compare(published[i].text);
	for (size_t i = 0; i < sizeof formed / sizeof *formed; i++)
		compare(formed[i].text);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		compare(refused[i].text);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ok(known[i].met, "the exception is a case: %s", known[i].text);
	return done_testing();
}
