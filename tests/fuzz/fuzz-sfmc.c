/* fuzz-sfmc.c -- any bytes as Marketing Cloud's answer: verdicts for all, or none and no traces. */
#include <stdlib.h>
#include <string.h>

#include "fan/sfmc-answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct vf_slice keys[] = { VF_SLICE("job-1"), VF_SLICE("job-2"), VF_SLICE("job-3") };
	struct vf_slice answer = vf_slice((const char *)data, n);
	uint64_t refused[4] = { 1, 2, 3, 4 }, again[4] = { 0 };
	char id[VF_SFMC_REQUEST_ID], id2[VF_SFMC_REQUEST_ID];
	bool good = vf_sfmc_answer_read(answer, keys, 3, refused, id);

	need(memchr(id, '\0', sizeof(id)) != NULL && refused[3] == 4);
	need(good || (refused[0] == 0 && refused[1] == 0 && refused[2] == 0 && id[0] == '\0'));
	need(vf_sfmc_answer_read(answer, keys, 3, again, id2) == good && memcmp(refused, again, 3 * sizeof(*again)) == 0 &&
		strcmp(id, id2) == 0);
	(void)vf_sfmc_answer_code(answer);
	return 0;
}
