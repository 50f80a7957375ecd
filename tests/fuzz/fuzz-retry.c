/* fuzz-retry.c -- any bytes as a Retry-After header: no time to wait, or one within bounds, whatever the clock says. */
#include <stdlib.h>
#include <string.h>

#include "net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int64_t clocks[] = { 0, 784111777, INT64_C(4102444800) };
	char *copy = malloc(n + 1);	/* of the very size, so that a sanitizer sees a read beyond it */

	if (copy == NULL)
		return 0;
	if (n > 0)
		memcpy(copy, data, n);
	copy = realloc(copy, n > 0 ? n : 1);
	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		int64_t ms = vf_http_retry_after(vf_slice(copy, n), clocks[i]);

		if (ms < -1 || ms > INT64_C(1000000000000))
			abort();
	}
	free(copy);
	return 0;
}
