/*
 * fuzz-zone.c -- eight bytes of an instant and a TZif file: whatever it says,
 * a change comes after its instant, and the next opening is open and not before.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct vf_hours hours[] = { { 480, 1260 }, { 1320, 390 }, { 150, 165 } };
	struct vf_error err = { 0 };
	struct vf_zone *z;
	int64_t t = 0;

	if (n < 8 || n > VF_ZONE_FILE_MAX)
		return 0;
	for (int i = 0; i < 8; i++)
		t = (int64_t)((uint64_t)t << 8 | data[i]);
	t = (int64_t)((uint64_t)t % 253402300800u);
	z = vf_zone_parse(vf_slice((const char *)data + 8, n - 8), "zone", &err);
	if (z == NULL) {
		if (err.kind != VF_ERR_CONFIG)
			abort();
		return 0;
	}
	if (vf_zone_next_change(z, t) <= t)
		abort();
	for (size_t i = 0; i < sizeof(hours) / sizeof(*hours); i++) {
		int64_t next = vf_hours_next(&hours[i], z, t);

		if (next < t || !vf_hours_open(&hours[i], z, next) || (next > t && vf_hours_open(&hours[i], z, t)))
			abort();
	}
	vf_zone_free(z);
	return 0;
}
