/* test-sfmc-batch.c -- jobs as a request: what a job needs, the request's text, the ids of its results. */
#include <string.h>

#include "fan/sfmc-batch.h"
#include "tap.h"

static struct vf_sfmc_batch b, b2;
static struct vf_json_value job[VF_SFMC_MEMBERS];

static bool
pick(const char *text)
{
	return vf_json_pick(vf_slice_str(text), vf_sfmc_members, VF_SFMC_MEMBERS, job);
}

static const char *
lacks(const char *text)
{
	const char *name = pick(text) ? vf_sfmc_job_lacks(job) : "no JSON";

	return name != NULL ? name : "";
}

#define WHOLE "\"globalUserId\":\"f1\",\"to\":\"a@example.com\",\"subject\":\"S\",\"html\":\"<b>\\\"x\\\"</b>\""

static void
test_needs(void)
{
	char text[400];

	ok(strcmp(lacks("{\"jobId\":\"j1\"," WHOLE "}"), "") == 0, "a whole job");
	ok(strcmp(lacks("{" WHOLE "}"), "jobId") == 0 && strcmp(lacks("{\"jobId\":\"\"," WHOLE "}"), "jobId") == 0 &&
		strcmp(lacks("{\"jobId\":7," WHOLE "}"), "jobId") == 0 && strcmp(lacks("{\"jobId\":\"a\\n\"," WHOLE "}"), "jobId") == 0,
		"an id that is none, empty, a number, or escaped");
	snprintf(text, sizeof(text), "{\"jobId\":\"%0100d\"," WHOLE "}", 1);
	ok(strcmp(lacks(text), "") == 0, "an id of 100 bytes");
	snprintf(text, sizeof(text), "{\"jobId\":\"%0101d\"," WHOLE "}", 1);
	ok(strcmp(lacks(text), "jobId") == 0, "and none of 101");
	ok(strcmp(lacks("{\"jobId\":\"j\",\"globalUserId\":\"f\",\"to\":\"a\",\"subject\":\"S\",\"html\":null}"), "html") == 0 &&
		strcmp(lacks("{\"jobId\":\"j\",\"globalUserId\":\"f\",\"subject\":\"S\",\"html\":\"h\"}"), "to") == 0, "others by name");
}

static void
test_request(void)
{
	static const char first[] = "{\"contactKey\":\"f1\",\"to\":\"a@example.com\",\"messageKey\":\"j1\",\"attributes\":{"
		"\"HTMLBody\":\"<b>\\\"x\\\"</b>\",\"Subject\":\"S\",\"CampaignId\":\"c\\\"1\"}}";
	static const char head[] = "\"jobId\":\"j1\",\"campaignId\":\"c\\\"1\",\"globalUserId\":\"f1\",\"receiptHandle\":\"r==\"";
	struct vf_buf text = { 0 };
	char want[1000];

	ok(pick("{\"jobId\":\"j1\",\"campaignId\":\"c\\\"1\",\"receiptHandle\":\"r==\"," WHOLE "}") &&
		vf_sfmc_batch_add(&b, job, job) == 0 && vf_slice_is(vf_sfmc_batch_recipient(&b, 0), first) &&
		vf_slice_is(vf_sfmc_batch_head(&b, 0), head) && vf_slice_is(vf_sfmc_batch_key(&b, 0), "j1"),
		"a recipient, and the ids of its result, as they came");
	ok(pick("{\"jobId\":\"j2\"," WHOLE "}") && vf_sfmc_batch_add(&b, job, job) == 0 && b.n == 2 &&
		vf_sfmc_batch_has(&b, vf_slice_str("j1")) && vf_sfmc_batch_has(&b, vf_slice_str("j2")) &&
		!vf_sfmc_batch_has(&b, vf_slice_str("j")), "it knows its keys");
	snprintf(want, sizeof(want), "{\"definitionKey\":\"d\\\"1\",\"recipients\":[%s,%.*s]}", first,
		(int)vf_sfmc_batch_recipient(&b, 1).n, vf_sfmc_batch_recipient(&b, 1).p);
	ok(vf_sfmc_batch_put(&text, &b, vf_slice_str("d\"1")) == 0 && vf_slice_is(vf_buf_slice(&text), want), "the request");
	ok(vf_sfmc_batch_copy(&b2, vf_sfmc_batch_head(&b, 0), vf_sfmc_batch_recipient(&b, 0), 2) == 0 &&
		vf_slice_is(vf_sfmc_batch_key(&b2, 0), "j1") && vf_slice_is(vf_sfmc_batch_recipient(&b2, 0), first), "one alone");
	vf_sfmc_batch_drop(&b);
	vf_buf_clear(&text);
	snprintf(want, sizeof(want), "{\"definitionKey\":\"d\",\"recipients\":[%s]}", first);
	ok(!vf_sfmc_batch_has(&b, vf_slice_str("j2")) && vf_sfmc_batch_put(&text, &b, vf_slice_str("d")) == 0 &&
		vf_slice_is(vf_buf_slice(&text), want), "the last one is out again");
	vf_buf_free(&text);
}

static void
test_full(void)
{
	ok(vf_sfmc_batch_full(&b, 1) && !vf_sfmc_batch_full(&b, 2), "full by what the caller wants");
	while (!vf_sfmc_batch_full(&b, 100000) && vf_sfmc_batch_add(&b, job, job) == 0)
		;
	ok(b.n == VF_SFMC_BATCH_MAX, "or by what the service takes");
	vf_sfmc_batch_clear(&b);
	vf_buf_reserve(&b.recipients, VF_SFMC_BATCH_BYTES);
	b.recipients.n = VF_SFMC_BATCH_BYTES;
	ok(vf_sfmc_batch_full(&b, 500), "or by its bytes");
}

int
main(void)
{
	test_needs();
	test_request();
	test_full();
	vf_sfmc_batch_free(&b);
	vf_sfmc_batch_free(&b2);
	return done_testing();
}
