/*
 * fuzz-aws-answer.c -- any bytes as an answer of SQS and of Kinesis: verdicts for
 * all entries or none and no traces; a message is one line of JSON whatever its body.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE			/* memmem */
#endif
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "net/kinesis-answer.h"
#include "net/sqs-answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

static int
take(void *arg, const struct vf_sqs_message *m, struct vf_error *err)
{
	static const char zero[] = "\\u0000";
	struct vf_buf line = { 0 }, scratch = { 0 };
	struct vf_json *doc;

	(void)err;
	++*(int *)arg;
	vf_sqs_message_put(&line, &scratch, m, "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z");
	need(!line.failed && memchr(line.p, '\n', line.n) == NULL && memchr(line.p, '\r', line.n) == NULL);
	doc = vf_json_parse(vf_buf_slice(&line), "line", &(struct vf_error){ 0 });
	/* jansson is stricter than RFC 8259 in some things that a body may hold: NUL, names that are there twice, huge numbers, depth. */
	if (m->body.n > 0 && m->body.p[0] != '{' && m->body.p[0] != '[' && memmem(line.p, line.n, zero, sizeof(zero) - 1) == NULL &&
		(m->body.p[0] < '-' || m->body.p[0] > '9') && strchr(" \t\r\n", m->body.p[0]) == NULL)
		need(doc != NULL);
	vf_json_free(doc);
	vf_buf_free(&line);
	vf_buf_free(&scratch);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct vf_slice answer = vf_slice((const char *)data, n);
	enum vf_sqs_verdict said[VF_SQS_BATCH];
	struct vf_error err = { 0 };
	int known = 0, handed = 0, count;

	if (vf_sqs_answer_read(answer, 3, said))
		for (int i = 0; i < 3; i++)
			need(said[i] != VF_SQS_SILENT);
	for (int i = 3; i < VF_SQS_BATCH; i++)
		need(said[i] == VF_SQS_SILENT);
	count = vf_sqs_answer_messages(answer, take, &handed, &err);
	need(count < 0 ? err.kind == VF_ERR_FAILED : count == handed);
	for (int records = 1; records <= 3; records++) {
		bool taken[4] = { true, true, true, true };
		char word[VF_KINESIS_WORD];

		count = vf_kinesis_answer_read(answer, records, taken, word);
		known = 0;
		for (int i = 0; i < records; i++)
			known += taken[i];
		need(taken[3] && memchr(word, '\0', sizeof word) != NULL && known == (count < 0 ? 0 : count));
	}
	return 0;
}
