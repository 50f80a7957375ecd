/*
 * fuzz-journal.c -- the bytes after a journal's first line: it is refused with
 * a cause, or opens, answers, takes a line, and opens again with the same answers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "net/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct vf_journal_status statuses[] = { { "sent", true }, { "failed", false }, { NULL, false } };
static char path[64];

static void
remove_file(void)
{
	unlink(path);
}

static struct vf_journal *
open_it(struct vf_error *err)
{
	struct vf_journal_options opt = { .path = path, .campaign = VF_SLICE("c"), .wave = VF_SLICE("w"),
		.channel = VF_SLICE("sms"), .statuses = statuses };
	uint64_t cut;

	return vf_journal_open(&opt, &cut, err);
}

static void
use(struct vf_journal *j)
{
	struct vf_journal_ask asks[] = { { .key = VF_SLICE("f1") }, { .key = VF_SLICE("f2") }, { .key = VF_SLICE("f1") } };
	uint64_t keys = vf_journal_keys(j), counted = 0;
	struct vf_error err = { 0 };
	struct vf_slice payload;

	for (int i = VF_JOURNAL_INTENT; i < 2; i++)
		counted += vf_journal_count(j, i);
	if (counted != keys || vf_journal_ask(j, asks, 3, &err) < 0 || asks[0].again || !asks[2].again)
		abort();
	for (int i = 0; i < 2; i++)
		if (asks[i].standing >= 0 && vf_journal_payload(j, asks[i].where, asks[i].key, &payload, &err) < 0)
			abort();
	if ((vf_journal_outcome(j, asks[0].key, 0, vf_slice_str("x"), &err) < 0) != (asks[0].standing == 0) ||
		vf_journal_close(j, &err) < 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char first[] = "vf-journal/1,c,w,sms\n";
	struct vf_error err = { 0 };
	struct vf_journal *j;
	FILE *f;

	if (path[0] == '\0') {
		snprintf(path, sizeof(path), "/tmp/fuzz-journal.%ld", (long)getpid());
		if (vf_hash_start(&err) < 0 || atexit(remove_file) != 0)
			abort();
	}
	f = fopen(path, "w");
	if (f == NULL || fwrite(first, 1, sizeof(first) - 1, f) != sizeof(first) - 1 || fwrite(data, 1, n, f) != n || fclose(f) != 0)
		abort();
	j = open_it(&err);
	if (j == NULL) {
		if (err.kind != VF_ERR_CONFIG)
			abort();
		return 0;
	}
	use(j);
	vf_journal_free(j);
	j = open_it(&err);
	if (j == NULL || vf_journal_count(j, 0) < 1)
		abort();
	vf_journal_free(j);
	return 0;
}
