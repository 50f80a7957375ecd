/* test-zone.c -- time zones and hours of the day. What zones say is compared with Python's by tests/zones.py. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/zone.h"
#include "tap.h"

static struct vf_error err;

static int64_t
at(const char *s)
{
	int64_t t;

	if (!vf_date_parse(vf_slice_str(s), &t))
		bail_out(s);
	return t;
}

/* A file of version 2 whose only contents are two types, one change, and this TZ string. */
static struct vf_slice
file(const char *tz, int64_t change)
{
	static struct vf_buf b;
	const unsigned char types[] = { 0, 0, 0x0e, 0x10, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0 };

	vf_buf_clear(&b);
	for (int version = 0; version < 2; version++) {
		unsigned char counts[24] = { [15] = version == 1, [19] = version == 1 ? 2 : 1, [23] = 1 };

		vf_buf_add(&b, "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
		vf_buf_add(&b, counts, 24);
		if (version == 1) {
			for (int i = 7; i >= 0; i--)
				vf_buf_add_char(&b, (char)((uint64_t)change >> (8 * i)));
			vf_buf_add_char(&b, 1);
		}
		vf_buf_add(&b, types, version == 1 ? 12 : 6);
		vf_buf_add_char(&b, '\0');
	}
	vf_buf_addf(&b, "\n%s\n", tz);
	return vf_buf_slice(&b);
}

static struct vf_zone *
zone(const char *tz)
{
	struct vf_zone *z = vf_zone_parse(file(tz, 0), "test", &err);

	return z;
}

static void
test_names(void)
{
	static const char *const good[] = { "UTC", "America/New_York", "Etc/GMT+5", "America/Port-au-Prince", "EST5EDT",
		"America/Argentina/Buenos_Aires" };
	static const char *const bad[] = { "", "/etc/passwd", "../etc/passwd", "America/../UTC", "America//New_York", "UTC/", ".",
		"posix/.", "America/New York", "\xc3\x85land", "1UTC", "-x", "a\nb" };
	bool right = true;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		right &= vf_zone_name_ok(vf_slice_str(good[i]));
	ok(right, "names of zones are good");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		right &= !vf_zone_name_ok(vf_slice_str(bad[i]));
	ok(right, "paths, dots and other characters are not");
	ok(vf_zone_load(NULL, "../../../etc/passwd", &err) == NULL && err.kind == VF_ERR_CONFIG, "and are not opened");
	ok(vf_zone_load(NULL, "Mars/Olympus_Mons", &err) == NULL && err.kind == VF_ERR_CONFIG &&
		strcmp(err.text, "time zone Mars/Olympus_Mons: not in " VF_ZONE_DIR) == 0, "an unknown zone is named");
	ok(vf_zone_load(NULL, "America", &err) == NULL && err.kind == VF_ERR_CONFIG, "a folder is no zone");
}

static void
test_footer(void)
{
	struct vf_zone *z = zone("EST5EDT,M3.2.0,M11.1.0");

	ok(z != NULL && vf_zone_offset(z, -1) == 3600 && vf_zone_offset(z, at("2026-03-08T06:59:59Z")) == -18000 &&
		vf_zone_offset(z, at("2026-03-08T07:00:00Z")) == -14400 &&
		vf_zone_offset(z, at("2026-11-01T05:59:59Z")) == -14400 &&
		vf_zone_offset(z, at("2026-11-01T06:00:00Z")) == -18000, "the second Sunday in March, the first in November");
	ok(z != NULL && vf_zone_next_change(z, at("2026-03-08T06:59:59Z")) == at("2026-03-08T07:00:00Z") &&
		vf_zone_next_change(z, at("2026-03-08T07:00:00Z")) == at("2026-11-01T06:00:00Z") &&
		vf_zone_next_change(z, -5) == 0, "the next change is after an instant, never at it");
	vf_zone_free(z);
	z = zone("<-03>3");
	ok(z != NULL && vf_zone_offset(z, 1) == -10800 && vf_zone_next_change(z, 1) == INT64_MAX, "a zone without summer time");
	vf_zone_free(z);
	z = zone("IST-1GMT0,M10.5.0,M3.5.0/1");
	ok(z != NULL && vf_zone_offset(z, at("2026-07-01T00:00:00Z")) == 3600 &&
		vf_zone_offset(z, at("2026-12-31T23:59:59Z")) == 0 && vf_zone_offset(z, at("2027-01-01T00:00:00Z")) == 0,
		"a summer time that is behind, over the year's end");
	vf_zone_free(z);
	z = zone("EST5EDT,0/0,J365/25");
	ok(z != NULL && vf_zone_offset(z, at("2027-01-01T05:00:00Z")) == -14400 &&
		vf_zone_offset(z, at("2026-12-31T23:00:00Z")) == -14400 && vf_zone_offset(z, at("2028-02-29T12:00:00Z")) == -14400,
		"summer time all the year");
	vf_zone_free(z);
	z = zone("XXX-2YYY,J60/-1:30,J300");
	ok(z != NULL && vf_zone_next_change(z, at("2028-01-01T00:00:00Z")) == at("2028-02-29T20:30:00Z"),
		"Julian days do not count 29 February; a time may be of the day before");
	vf_zone_free(z);
	z = zone("");
	ok(z != NULL && vf_zone_offset(z, 1000) == -1 && vf_zone_offset(z, -1000) == 3600, "without a rule the last change goes on");
	vf_zone_free(z);
}

static void
test_faults(void)
{
	static const char *const bad[] = { "EST", "E5", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
		"EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0", "EST25", "EST5:60", "EST5EDT,J0,J5", "EST5EDT,M3.2.0,M11.1.0x",
		"EST5EDT,M3.2.0/168,M11.1.0", "<-03", "EST99999999999999999999" };
	bool right = true;
	struct vf_slice whole;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (zone(bad[i]) != NULL) {
			note("taken: %s", bad[i]);
			right = false;
		}
	ok(right, "a TZ string that is none is refused");
	whole = file("UTC0", 5);
	for (size_t n = 0; n < whole.n; n++)
		right &= vf_zone_parse(vf_slice(whole.p, n), "test", &err) == NULL && err.kind == VF_ERR_CONFIG;
	ok(right, "a file cut short anywhere is refused");
	for (size_t i = 20; i < 44 + 7 + 44; i++) {
		char copy[256];
		struct vf_zone *z;

		memcpy(copy, whole.p, whole.n);
		copy[i] = (char)0xff;
		z = vf_zone_parse(vf_slice(copy, whole.n), "test", &err);
		vf_zone_free(z);
	}
	ok(true, "counts that are far too large do no harm");
}

static void
test_hours(void)
{
	static const char *const bad[] = { "", "08:00", "8:00-21:00", "08:00-08:00", "08:00-24:01", "24:00-08:00", "08:60-21:00",
		"08.00-21:00", "08:00_21:00", "+8:00-21:00", "08:00-21:00 ", "25:00-26:00" };
	struct vf_zone *ny = zone("EST5EDT,M3.2.0,M11.1.0");
	struct vf_hours day, night, gap;
	bool right = true;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		right &= !vf_hours_parse(vf_slice_str(bad[i]), &day);
	ok(right, "hours are hh:mm-hh:mm and nothing else");
	if (ny == NULL || !vf_hours_parse(vf_slice_str("08:00-21:00"), &day) ||
		!vf_hours_parse(vf_slice_str("22:00-06:30"), &night) || !vf_hours_parse(vf_slice_str("02:30-02:45"), &gap))
		bail_out("hours");
	ok(!vf_hours_open(&day, ny, at("2026-12-05T12:59:59Z")) && vf_hours_open(&day, ny, at("2026-12-05T13:00:00Z")) &&
		vf_hours_open(&day, ny, at("2026-12-06T01:59:59Z")) && !vf_hours_open(&day, ny, at("2026-12-06T02:00:00Z")),
		"hours are local, their end excluded");
	ok(vf_hours_open(&night, NULL, at("2026-12-05T23:59:59Z")) && vf_hours_open(&night, NULL, at("2026-12-05T06:29:59Z")) &&
		!vf_hours_open(&night, NULL, at("2026-12-05T06:30:00Z")) && !vf_hours_open(&night, NULL, at("2026-12-05T21:59:59Z")),
		"hours may go over midnight");
	ok(vf_hours_next(&day, ny, at("2026-12-05T13:00:00Z")) == at("2026-12-05T13:00:00Z") &&
		vf_hours_next(&day, ny, at("2026-12-06T02:00:00Z")) == at("2026-12-06T13:00:00Z") &&
		vf_hours_next(&day, ny, at("2026-12-05T05:00:00Z")) == at("2026-12-05T13:00:00Z"),
		"the next opening is now, today or tomorrow");
	ok(vf_hours_next(&day, ny, at("2026-03-08T02:30:00Z")) == at("2026-03-08T12:00:00Z") &&
		vf_hours_next(&day, ny, at("2026-11-01T02:30:00Z")) == at("2026-11-01T13:00:00Z"),
		"a night is an hour shorter in March and longer in November");
	ok(vf_hours_next(&gap, ny, at("2026-03-08T06:59:00Z")) == at("2026-03-09T06:30:00Z"),
		"hours that a day does not have are open on the next");
	ok(vf_hours_next(&night, ny, at("2026-11-01T15:00:00Z")) == at("2026-11-02T03:00:00Z"), "in the evening of that day");
	ok(vf_hours_parse(vf_slice_str("00:00-24:00"), &day) && vf_hours_open(&day, ny, 12345678), "a day of 24 hours is always open");
	vf_zone_free(ny);
}

static void
test_dates(void)
{
	struct vf_zone *ny = zone("EST5EDT,M3.2.0,M11.1.0");
	char text[VF_ZONE_DATE_LEN + 1];

	vf_zone_date(ny, at("2026-12-05T04:59:59Z"), text);
	ok(strcmp(text, "2026-12-04") == 0, "the date is the local one");
	vf_zone_date(NULL, at("2026-12-05T04:59:59Z"), text);
	ok(strcmp(text, "2026-12-05") == 0, "no zone is UTC");
	vf_zone_free(ny);
}

/* test-zone ask: lines `zone instant [hours]` on stdin, answered with offset, next change, and for hours open and next. */
static int
answer(void)
{
	static char line[256], name[256], last[256], hours[256];
	struct vf_zone *z = NULL;
	long long t;
	int n;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct vf_hours h;

		n = sscanf(line, "%255s %lld %255s", name, &t, hours);
		if (n < 2)
			return 1;
		if (z == NULL || strcmp(name, last) != 0) {
			vf_zone_free(z);
			z = vf_zone_load(getenv("TZDIR"), name, &err);
			if (z == NULL) {
				fprintf(stderr, "%s\n", err.text);
				return 1;
			}
			memcpy(last, name, sizeof(last));
		}
		printf("%d %lld", vf_zone_offset(z, t), (long long)vf_zone_next_change(z, t));
		if (n == 3 && vf_hours_parse(vf_slice_str(hours), &h))
			printf(" %d %lld", vf_hours_open(&h, z, t), (long long)vf_hours_next(&h, z, t));
		putchar('\n');
	}
	vf_zone_free(z);
	return fflush(stdout) != 0;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "ask") == 0)
		return answer();
	test_names();
	test_footer();
	test_faults();
	test_hours();
	test_dates();
	return done_testing();
}
