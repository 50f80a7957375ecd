/* net/sqs-answer.c -- SQS's answers, read. */
#include "net/sqs-answer.h"

#include <string.h>

#include "base/json.h"
#include "base/json-pick.h"
#include "base/num.h"
#include "base/text.h"

/* One of the two lists; how many entries it has the first word on. */
static size_t
read_list(const struct vf_json_at *root, const char *name, bool failed, size_t n, enum vf_sqs_verdict *said)
{
	struct vf_json_at list = vf_json_member(root, name);
	struct vf_error ignored;
	size_t count = 0, known = 0;

	if (vf_json_get_array(&list, &count, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct vf_json_at one = vf_json_element(&list, i), id = vf_json_member(&one, "Id"),
			fault = vf_json_member(&one, "SenderFault");
		struct vf_slice s;
		uint64_t at;
		bool ours = false;

		if (vf_json_get_str(&id, &s, &ignored) != 1 || !vf_num_u64(s, &at) || at >= n || said[at] != VF_SQS_SILENT)
			continue;
		(void)vf_json_get_bool(&fault, &ours, &ignored);
		said[at] = !failed ? VF_SQS_DONE : ours ? VF_SQS_REFUSED : VF_SQS_FAILED;
		known++;
	}
	return known;
}

bool
vf_sqs_answer_read(struct vf_slice answer, size_t n, enum vf_sqs_verdict said[VF_SQS_BATCH])
{
	struct vf_error ignored;
	struct vf_json *doc = vf_json_parse(answer, "answer", &ignored);
	struct vf_json_at root;
	size_t known;

	for (size_t i = 0; i < VF_SQS_BATCH; i++)
		said[i] = VF_SQS_SILENT;
	if (doc == NULL)
		return false;
	root = vf_json_root(doc, "answer");
	known = read_list(&root, "Successful", false, n, said);
	known += read_list(&root, "Failed", true, n, said);
	vf_json_free(doc);
	return known == n;
}

int
vf_sqs_answer_messages(struct vf_slice answer, int (*take)(void *, const struct vf_sqs_message *, struct vf_error *),
	void *arg, struct vf_error *err)
{
	struct vf_json *doc = vf_json_parse(answer, "the service's answer", err);
	struct vf_json_at root, list;
	size_t count = 0;
	int rc = 0;

	if (doc == NULL) {
		err->kind = VF_ERR_FAILED;
		return -1;
	}
	root = vf_json_root(doc, "the service's answer");
	list = vf_json_member(&root, "Messages");
	if (vf_json_get_array(&list, &count, err) < 0) {
		err->kind = VF_ERR_FAILED;
		rc = -1;
	}
	for (size_t i = 0; i < count && rc == 0; i++) {
		struct vf_json_at m = vf_json_element(&list, i), id = vf_json_member(&m, "MessageId"),
			handle = vf_json_member(&m, "ReceiptHandle"), body = vf_json_member(&m, "Body");
		struct vf_sqs_message message = { { 0 }, { 0 }, { 0 } };

		if (vf_json_get_str(&id, &message.id, err) < 0 || vf_json_get_str(&handle, &message.handle, err) != 1 ||
			vf_json_get_str(&body, &message.body, err) != 1)
			rc = vf_error(err, VF_ERR_FAILED, "the service's answer holds a message without receipt handle or body");
		else
			rc = take(arg, &message, err);
	}
	vf_json_free(doc);
	return rc == 0 ? (int)count : -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The body as it is when it is JSON, on one line; else as a text. */
static void
put_body(struct vf_buf *line, struct vf_buf *scratch, struct vf_slice body)
{
	static const struct vf_slice names[] = { VF_SLICE("b") };
	struct vf_slice core = body;
	struct vf_json_value v;
	size_t start = line->n;

	while (core.n > 0 && is_blank(core.p[0]))
		core = vf_slice(core.p + 1, core.n - 1);
	while (core.n > 0 && is_blank(core.p[core.n - 1]))
		core.n--;
	vf_buf_clear(scratch);
	vf_buf_add_str(scratch, "{\"b\":");
	vf_buf_add_slice(scratch, core);
	vf_buf_add_char(scratch, '}');
	/* One value and no more: what was picked is all of it. */
	if (!scratch->failed && vf_json_pick(vf_buf_slice(scratch), names, 1, &v) &&
		v.raw.n + (v.kind == VF_JSON_STRING ? 2 : 0) == core.n) {
		vf_buf_add_slice(line, core);
		for (size_t i = start; i < line->n; i++)
			if (line->p[i] == '\n' || line->p[i] == '\r')
				line->p[i] = ' ';
		return;
	}
	vf_text_add_json(line, body);
}

void
vf_sqs_message_put(struct vf_buf *line, struct vf_buf *scratch, const struct vf_sqs_message *m, const char *received,
	const char *until)
{
	vf_buf_add_str(line, "{\"messageId\":");
	vf_text_add_json(line, m->id);
	vf_buf_add_str(line, ",\"receiptHandle\":");
	vf_text_add_json(line, m->handle);
	vf_buf_addf(line, ",\"receivedAt\":\"%s\",\"visibleUntil\":\"%s\",\"body\":", received, until);
	put_body(line, scratch, m->body);
	vf_buf_add_char(line, '}');
}
