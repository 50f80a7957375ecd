/* test-sfmc-answer.c -- Marketing Cloud's answers: who was taken, who was not, and what is no answer. */
#include <string.h>

#include "fan/sfmc-answer.h"
#include "tap.h"

static const struct vf_slice keys[] = { VF_SLICE("a"), VF_SLICE("b"), VF_SLICE("c") };
static uint64_t refused[3];
static char id[VF_SFMC_REQUEST_ID];

static bool
reads(const char *answer)
{
	for (int i = 0; i < 3; i++)
		refused[i] = 99;	/* of an earlier answer */
	return vf_sfmc_answer_read(vf_slice_str(answer), keys, 3, refused, id);
}

static bool
are(uint64_t a, uint64_t b, uint64_t c)
{
	return refused[0] == a && refused[1] == b && refused[2] == c;
}

static void
test_answers(void)
{
	ok(reads("{\"requestId\":\"r-1\",\"errorcode\":0,\"responses\":[{\"messageKey\":\"a\"},{\"messageKey\":\"b\"},"
		"{\"messageKey\":\"c\"}]}") && are(0, 0, 0) && strcmp(id, "r-1") == 0, "all were taken");
	ok(reads("{\"requestId\":\"r\",\"responses\":[{\"messageKey\":\"a\",\"errorcode\":0},{\"messageKey\":\"b\",\"errorcode\":108},"
		"{\"messageKey\":\"c\"}]}") && are(0, 108, 0), "one was not");
	ok(reads("{\"requestId\":\"r\",\"errorcode\":109001,\"responses\":[{\"messageKey\":\"a\",\"errorcode\":109110},"
		"{\"messageKey\":\"b\",\"errorcode\":109106}]}") && are(0, 109106, 0), "a duplicate was taken before");
	ok(reads("{\"responses\":[{\"messageKey\":\"c\",\"errorcode\":7},{\"messageKey\":\"a\",\"errorcode\":8}]}") && are(8, 0, 7) &&
		id[0] == '\0', "an element is about the key that it names, wherever it stands");
	ok(reads("{\"responses\":[{},{\"errorcode\":9},{\"messageKey\":null,\"errorcode\":10}]}") && are(0, 9, 10),
		"without a key it is about the recipient at its place");
	ok(reads("{}") && are(0, 0, 0) && reads("{\"requestId\":null,\"responses\":null}") && are(0, 0, 0) &&
		reads("{\"responses\":[]}") && are(0, 0, 0), "who is not named was taken");
	ok(reads("{\"responses\":[{\"messageKey\":\"other\",\"errorcode\":0}]}") && are(0, 0, 0), "that another was taken says nothing");
}

static void
test_no_answers(void)
{
	static const char *const none[] = { "", "[]", "null", "\"x\"", "<html>", "{\"responses\":{}}", "{\"responses\":[1]}",
		"{\"requestId\":5}", "{\"responses\":[null]}", "{\"responses\":[{\"messageKey\":\"b\",\"errorcode\":\"108\"}]}",
		"{\"responses\":[{\"messageKey\":\"b\",\"errorcode\":-1}]}",
		"{\"responses\":[{\"messageKey\":\"a\",\"errorcode\":5},{\"messageKey\":\"other\",\"errorcode\":108}]}",
		"{\"responses\":[{},{},{},{\"errorcode\":108}]}", "{\"requestId\":\"r\",\"requestId\":\"r\"}", "{\"responses\":[" };
	bool good = true;

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (reads(none[i]) || !are(0, 0, 0) || id[0] != '\0') {
			note("%s", none[i]);
			good = false;
		}
	ok(good, "what does not tell who was refused is no answer, and leaves nothing");
}

static void
test_bounds(void)
{
	char answer[400], long_id[200];

	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	snprintf(answer, sizeof(answer), "{\"requestId\":\"%s\"}", long_id);
	ok(reads(answer) && strlen(id) == VF_SFMC_REQUEST_ID - 1, "a long request id is cut");
	ok(vf_sfmc_answer_read(vf_slice_str("{\"responses\":[{}]}"), keys, 0, refused, id) &&
		!vf_sfmc_answer_read(vf_slice_str("{\"responses\":[{\"errorcode\":1,\"messageKey\":\"a\"}]}"), keys, 0, refused, id),
		"nobody was asked for");
}

static uint64_t
code(const char *answer)
{
	return vf_sfmc_answer_code(vf_slice_str(answer));
}

int
main(void)
{
	test_answers();
	test_no_answers();
	test_bounds();
	ok(code("{\"message\":\"m\",\"errorcode\":50100}") == VF_SFMC_THROTTLED && code("{\"errorcode\":50200}") == VF_SFMC_BLOCKED,
		"the code of an error");
	ok(code("{\"errorcode\":109103,\"responses\":[{\"messageKey\":\"a\",\"errorcode\":109110}]}") == VF_SFMC_DUPLICATE &&
		code("{\"errorcode\":109001,\"responses\":[{\"errorcode\":109110},{\"errorcode\":5}]}") == 109001 &&
		code("{\"errorcode\":5,\"responses\":[{\"errorcode\":\"x\"}]}") == 5 && code("{\"errorcode\":5,\"responses\":[]}") == 5,
		"of the only recipient");
	ok(code("") == 0 && code("[50100]") == 0 && code("{\"errorcode\":\"50100\"}") == 0 && code("{\"errorcode\":-5}") == 0 &&
		code("{\"errorcode\":null}") == 0 && code("50100") == 0, "and answers that have none");
	return done_testing();
}
