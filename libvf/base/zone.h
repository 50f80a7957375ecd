/*
 * base/zone.h -- time zones by their IANA names, and hours of the day in them.
 *
 * Read from the system's TZif files (RFC 8536) by a bounded parser of our own:
 * no TZ, no tzset(), nothing of the process changes, and any number of zones
 * can be in use.  Instants are seconds since 1970 UTC, of the years 1970 to 9999.
 */
#ifndef VF_BASE_ZONE_H
#define VF_BASE_ZONE_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#define VF_ZONE_DIR "/usr/share/zoneinfo"
#define VF_ZONE_FILE_MAX ((size_t)64 << 10)

struct vf_zone;

/* Whether this can be the name of a zone: words of letters, digits, _ + and -, with slashes between them. */
bool vf_zone_name_ok(struct vf_slice);

/* The zone of this name from below dir (NULL: VF_ZONE_DIR); NULL with VF_ERR_CONFIG when there is none. */
struct vf_zone *vf_zone_load(const char *dir, const char *name, struct vf_error *);
/* The same from a file's bytes, which are not needed afterwards. */
struct vf_zone *vf_zone_parse(struct vf_slice tzif, const char *name, struct vf_error *);
void vf_zone_free(struct vf_zone *);			/* NULL is accepted */

/* Seconds that local time is ahead of UTC at an instant. NULL is UTC, here and below. */
int32_t vf_zone_offset(const struct vf_zone *, int64_t t);
/* The first instant after t at which the zone's rules change; INT64_MAX when there is none. */
int64_t vf_zone_next_change(const struct vf_zone *, int64_t t);

#define VF_ZONE_DATE_LEN 10			/* 2026-12-05 */

/* The local date at an instant, and a NUL. */
void vf_zone_date(const struct vf_zone *, int64_t t, char out[VF_ZONE_DATE_LEN + 1]);

/* Hours of every local day: from a minute of the day up to and without another; `to` under `from`: over midnight. */
struct vf_hours {
	uint32_t from, to;
};

/* `08:00-21:00`; 24:00 may be the end. False for any other text, and when both are the same. */
bool vf_hours_parse(struct vf_slice, struct vf_hours *);
bool vf_hours_open(const struct vf_hours *, const struct vf_zone *, int64_t t);
/* t when the hours are open then, else the first instant after it at which they are. */
int64_t vf_hours_next(const struct vf_hours *, const struct vf_zone *, int64_t t);

#endif
