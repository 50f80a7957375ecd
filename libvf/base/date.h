/* base/date.h -- instants: RFC 3339 text to seconds since 1970 UTC and back, and civil arithmetic in UTC. */
#ifndef VF_BASE_DATE_H
#define VF_BASE_DATE_H

#include <stdint.h>

#include "base/slice.h"

#define VF_DATE_LEN 20			/* 2026-12-05T20:00:00Z */

/*
 * RFC 3339 date-time: T, t or a space between date and time, Z, z or ±hh:mm at
 * the end, an optional fraction (dropped when whole seconds are asked for).
 * The calendar is checked, leap days included; second 60 is refused; years 1970
 * to 9999, in UTC too.
 */
bool vf_date_parse(struct vf_slice, int64_t *seconds);
bool vf_date_parse_ms(struct vf_slice, int64_t *milliseconds);

/* `YYYY-MM-DDTHH:MM:SSZ` and a NUL; an instant outside the years 0000 to 9999 as the nearest one inside. */
void vf_date_put(char out[VF_DATE_LEN + 1], int64_t seconds);

/* The same with `.mmm` where the milliseconds are not zero, no NUL; returns how many bytes.  0: not in those years. */
#define VF_DATE_MS_LEN 24
size_t vf_date_put_ms(char out[VF_DATE_MS_LEN], int64_t milliseconds);

/* The same UTC date and time `years` later; 29 February becomes 28 February where needed (DESIGN 4, vf-wave). */
int64_t vf_date_add_years(int64_t seconds, int years);

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, m being 1 to 12, and back. */
int64_t vf_date_days(int64_t y, unsigned m, unsigned d);
void vf_date_civil(int64_t days, int64_t *y, unsigned *m, unsigned *d);

/* Wall clock, for stamps; and the monotonic clock in nanoseconds, for rates and time-outs. */
int64_t vf_date_now(void);
int64_t vf_date_now_ms(void);
uint64_t vf_clock_ns(void);

#endif
