/* test-aws-answer.c -- what SQS and Kinesis answer: a verdict for each entry, the messages, and what is no answer. */
#include <string.h>

#include "net/kinesis-answer.h"
#include "net/sqs-answer.h"
#include "tap.h"

/* --- SQS, batches: said as letters: - nothing, d done, r refused, f failed */

static bool
batch(const char *answer, size_t n, const char *want, bool whole)
{
	enum vf_sqs_verdict said[VF_SQS_BATCH];
	bool same = vf_sqs_answer_read(vf_slice_str(answer), n, said) == whole;

	for (size_t i = 0; i < VF_SQS_BATCH; i++)
		same = same && "-drf"[said[i]] == (i < strlen(want) ? want[i] : '-');
	return same;
}

static void
test_batches(void)
{
	ok(batch("{\"Successful\":[{\"Id\":\"0\",\"MessageId\":\"m\"},{\"Id\":\"1\"}]}", 2, "dd", true), "all are done");
	ok(batch("{\"Failed\":[{\"Id\":\"1\",\"SenderFault\":true},{\"Id\":\"2\",\"SenderFault\":false}],\"Successful\":[{\"Id\":\"0\"}]}", 3,
		"drf", true), "one is refused, one failed for now");
	ok(batch("{\"Failed\":[{\"Id\":\"0\",\"Code\":\"x\"},{\"Id\":\"1\",\"SenderFault\":\"true\"},{\"Id\":\"2\",\"SenderFault\":null}]}", 3, "fff",
		true), "whose fault it is has to be said");
	ok(batch("{\"Successful\":[{\"Id\":\"1\"}]}", 3, "-d-", false), "what is said counts, of the others nothing is known");
	ok(batch("{\"Successful\":[{\"Id\":\"0\"},{\"Id\":\"0\"}]}", 2, "d-", false), "an entry named twice does not stand for two");
	ok(batch("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"0\",\"SenderFault\":true}]}", 1, "d", true), "the first word counts");
	ok(batch("{\"Successful\":[{\"Id\":\"2\"},{\"Id\":\"-1\"},{\"Id\":\"x\"},{\"Id\":0},{\"Id\":\"18446744073709551616\"},{},7]}", 2, "", false),
		"entries that were not in the request");
	ok(batch("{\"Successful\":{},\"Failed\":[{\"Id\":\"0\"}]}", 1, "f", true), "a list that is none is passed over");
	ok(batch("", 1, "", false) && batch("[]", 1, "", false) && batch("{\"Successful\":[{\"Id\":\"0\"}]", 1, "", false) &&
		batch("{\"Successful\":[{\"Id\":\"0\"}]} x", 1, "", false) && batch("<html>", 1, "", false), "no answer at all");
	ok(batch("{}", 0, "", true), "of nothing there is nothing to say");
}

/* --- SQS, messages */

static struct vf_buf lines, scratch;
static int left;

static int
take(void *arg, const struct vf_sqs_message *m, struct vf_error *err)
{
	(void)arg;
	if (left-- == 0)
		return vf_error(err, VF_ERR_TEMPORARY, "enough");
	vf_sqs_message_put(&lines, &scratch, m, "R", "U");
	vf_buf_add_char(&lines, '\n');
	return 0;
}

static int
receive(const char *answer, struct vf_error *err)
{
	left = 5;
	vf_buf_clear(&lines);
	return vf_sqs_answer_messages(vf_slice_str(answer), take, NULL, err);
}

/* The body of a message, a text of JSON, as it comes out. */
static bool
body(const char *in, const char *want)
{
	static char answer[1024], line[1024];
	struct vf_error err;

	snprintf(answer, sizeof answer, "{\"Messages\":[{\"MessageId\":\"i\",\"ReceiptHandle\":\"h\",\"Body\":\"%s\"}]}", in);
	snprintf(line, sizeof line, "{\"messageId\":\"i\",\"receiptHandle\":\"h\",\"receivedAt\":\"R\",\"visibleUntil\":\"U\",\"body\":%s}\n", want);
	return receive(answer, &err) == 1 && vf_slice_is(vf_buf_slice(&lines), line);
}

static void
test_messages(void)
{
	struct vf_error err = { 0 };

	ok(body("{\\\"a\\\": [1, 2]}", "{\"a\": [1, 2]}"), "a body of JSON stays as it is");
	ok(body(" \\n{\\\"a\\\":\\r\\n1}\\t", "{\"a\":  1}"), "on one line, without the blanks around it");
	ok(body("\\\"text\\\"", "\"text\"") && body("-1.5e3", "-1.5e3") && body("null", "null"), "JSON is not objects only");
	ok(body("plain", "\"plain\"") && body("", "\"\"") && body(" ", "\" \"") && body("{\\\"a\\\":1", "\"{\\\"a\\\":1\""), "other bodies are texts");
	ok(body("1,\\\"c\\\":2", "\"1,\\\"c\\\":2\"") && body("1}", "\"1}\"") && body("1} {", "\"1} {\"") && body("\\\"a\\\",\\\"b\\\":\\\"\\\"", "\"\\\"a\\\",\\\"b\\\":\\\"\\\"\""),
		"nor can one break out of its place");
	ok(receive("{}", &err) == 0 && receive("{\"Messages\":null}", &err) == 0 && receive("{\"Messages\":[]}", &err) == 0, "no messages");
	ok(receive("{\"Messages\":[{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},{\"MessageId\":null,\"ReceiptHandle\":\"g\",\"Body\":\"2\"}]}", &err) == 2,
		"a message needs no id");
	ok(receive("{\"Messages\":[{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},{\"ReceiptHandle\":\"h\"}]}", &err) == -1 && err.kind == VF_ERR_FAILED &&
		lines.n > 0, "but a body; those before it count");
	err = (struct vf_error){ 0 };
	ok(receive("{\"Messages\":[{\"Body\":\"1\"}]}", &err) == -1 && err.kind == VF_ERR_FAILED, "and a receipt handle");
	ok(receive("{\"Messages\":[7]}", &err) == -1 && receive("{\"Messages\":7}", &err) == -1 && err.kind == VF_ERR_FAILED &&
		receive("", &err) == -1 && err.kind == VF_ERR_FAILED && receive("[]", &err) <= 0, "no answer at all");
	ok(receive("{\"Messages\":[{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},"
		"{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},{\"ReceiptHandle\":\"h\",\"Body\":\"1\"},{\"ReceiptHandle\":\"h\",\"Body\":\"1\"}]}", &err) == -1 &&
		err.kind == VF_ERR_TEMPORARY, "whoever takes them may end it");
}

/* --- Kinesis: taken as digits */

static bool
put(const char *answer, int n, const char *want, const char *error)
{
	bool taken[8] = { true, true, true, true, true, true, true, true };
	char word[VF_KINESIS_WORD] = "of before";
	int sum = vf_kinesis_answer_read(vf_slice_str(answer), n, taken, word), count = 0;
	bool same = strcmp(word, error) == 0;

	for (int i = 0; i < n; i++) {
		same = same && taken[i] == (want != NULL && want[i] == '1');
		count += taken[i];
	}
	return same && sum == (want == NULL ? -1 : count) && taken[n];
}

static void
test_puts(void)
{
	ok(put("{\"FailedRecordCount\":0,\"Records\":[{\"SequenceNumber\":\"1\",\"ShardId\":\"s\"},{\"SequenceNumber\":\"2\"}]}", 2, "11", ""), "all");
	ok(put("{\"Records\":[{\"SequenceNumber\":\"1\"},{\"SequenceNumber\":\"2\",\"ErrorCode\":null}]}", 2, "11", ""), "without a count of failures");
	ok(put("{\"FailedRecordCount\":1,\"Records\":[{\"SequenceNumber\":\"1\"},{\"ErrorCode\":\"InternalFailure\",\"ErrorMessage\":\"m\"},"
		"{\"SequenceNumber\":\"3\"}]}", 3, "101", "InternalFailure"), "one failed");
	ok(put("{\"FailedRecordCount\":2,\"Records\":[{\"ErrorCode\":\"A\"},{\"ErrorCode\":\"ProvisionedThroughputExceededException\"}]}", 2, "00",
		"ProvisionedThroughputExceededEx"), "all failed; the word is the last one's, cut");
	ok(put("{\"FailedRecordCount\":1,\"Records\":[{\"ErrorCode\":\"ab c\\n\"}]}", 1, "0", "ab"), "letters only");
	ok(put("{\"FailedRecordCount\":0,\"Records\":[{\"ErrorCode\":\"A\"}]}", 1, "0", "A"), "each result counts, not the number");
	ok(put("{\"FailedRecordCount\":0,\"Records\":[{\"SequenceNumber\":\"1\"}]}", 2, NULL, ""), "fewer results than records");
	ok(put("{\"FailedRecordCount\":1,\"Records\":[{\"ErrorCode\":\"A\"},{\"SequenceNumber\":\"1\"},{\"SequenceNumber\":\"1\"}]}", 2, NULL, ""), "more");
	ok(put("{\"FailedRecordCount\":1,\"Records\":[{\"ErrorCode\":\"A\"},{}]}", 2, NULL, "") &&
		put("{\"FailedRecordCount\":1,\"Records\":[{\"SequenceNumber\":\"1\"},{\"ErrorCode\":7}]}", 2, NULL, "") &&
		put("{\"FailedRecordCount\":1,\"Records\":[{\"SequenceNumber\":1},{\"ErrorCode\":\"A\"}]}", 2, NULL, ""),
		"a result that says nothing: then none counts");
	ok(put("", 1, NULL, "") && put("{}", 1, NULL, "") && put("[]", 1, NULL, "") && put("{\"FailedRecordCount\":0}", 1, NULL, "") &&
		put("{\"FailedRecordCount\":0,\"Records\":[{\"SequenceNumber\":\"1\"}", 1, NULL, "") && put("<html>", 1, NULL, ""), "no answer at all");
	ok(put("{\"FailedRecordCount\":0,\"Records\":[{\"SequenceNumber\":\"\xff\"}]}", 1, NULL, ""), "nor is what is not UTF-8");
}

int
main(void)
{
	test_batches();
	test_messages();
	test_puts();
	vf_buf_free(&lines);
	vf_buf_free(&scratch);
	return done_testing();
}
