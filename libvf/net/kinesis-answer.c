/* net/kinesis-answer.c -- Kinesis's answers to PutRecords, read. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "net/kinesis-answer.h"

#include <string.h>

#include "base/json.h"
#include "base/json-pick.h"
#include "base/text.h"

/* Letters only, whatever the service wrote. */
static void
take_word(char word[VF_KINESIS_WORD], struct vf_slice error)
{
	size_t n = 0;

	while (n < VF_KINESIS_WORD - 1 && n < error.n && ((error.p[n] | 0x20) >= 'a' && (error.p[n] | 0x20) <= 'z')) {
		word[n] = error.p[n];
		n++;
	}
	word[n] = '\0';
}

/* Results with a sequence number, by the look of it: nearly all answers tell of no failure and need no tree. */
static int
count_results(struct vf_slice text)
{
	static const char word[] = "\"SequenceNumber\"";
	const char *at;
	int n = 0;

	while ((at = memmem(text.p, text.n, word, sizeof(word) - 1)) != NULL) {
		n++;
		at += sizeof(word) - 1;
		text = vf_slice(at, text.n - (size_t)(at - text.p));
	}
	return n;
}

static int
read_results(const struct vf_json *doc, int n, bool *taken, char word[VF_KINESIS_WORD])
{
	struct vf_json_at root = vf_json_root(doc, "answer"), results = vf_json_member(&root, "Records");
	struct vf_error ignored;
	size_t count = 0;
	int sum = 0;

	if (vf_json_get_array(&results, &count, &ignored) != 1 || count != (size_t)n)
		return -1;
	for (int i = 0; i < n; i++) {
		struct vf_json_at one = vf_json_element(&results, (size_t)i), code = vf_json_member(&one, "ErrorCode"),
			sequence = vf_json_member(&one, "SequenceNumber");
		struct vf_slice error = { 0 }, s = { 0 };

		if (vf_json_get_str(&code, &error, &ignored) < 0 || vf_json_get_str(&sequence, &s, &ignored) < 0 ||
			(error.n == 0 && s.n == 0))
			return -1;
		taken[i] = error.n == 0;
		if (taken[i])
			sum++;
		else
			take_word(word, error);
	}
	return sum;
}

int
vf_kinesis_answer_read(struct vf_slice answer, int n, bool *taken, char word[VF_KINESIS_WORD])
{
	static const struct vf_slice names[] = { VF_SLICE("FailedRecordCount") };
	struct vf_json_value failed;
	struct vf_error ignored;
	struct vf_json *doc;
	int rc = -1;

	word[0] = '\0';
	for (int i = 0; i < n; i++)
		taken[i] = false;
	if (!vf_text_utf8(answer) || !vf_json_pick(answer, names, 1, &failed))
		return -1;
	if (vf_slice_is(failed.raw, "0") && count_results(answer) == n) {
		for (int i = 0; i < n; i++)
			taken[i] = true;
		return n;
	}
	doc = vf_json_parse(answer, "answer", &ignored);
	if (doc != NULL)
		rc = read_results(doc, n, taken, word);
	vf_json_free(doc);
	if (rc < 0) {
		word[0] = '\0';
		for (int i = 0; i < n; i++)
			taken[i] = false;
	}
	return rc;
}
