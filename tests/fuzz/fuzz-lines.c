/*
 * fuzz-lines.c -- any bytes as NDJSON: every byte is in a row, a line end, a
 * byte order mark or an empty line; and on each line jansson agrees about what
 * is JSON and about the members picked.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "record/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const struct vf_slice names[] = { VF_SLICE("id"), VF_SLICE("n") };

static void
need(bool condition)
{
	if (!condition)
		abort();
}

static size_t
depth(struct vf_slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '[' || s.p[i] == '{';
	return n;
}

static void
member(const struct vf_json_value *v, json_t *theirs)
{
	struct vf_buf buf = { 0 };
	struct vf_slice text = { 0 };
	json_t *ours;

	if (theirs == NULL) {
		need(v->kind == VF_JSON_ABSENT);
		return;
	}
	if (v->kind == VF_JSON_STRING) {
		need(json_is_string(theirs) && vf_json_pick_text(v, &buf, &text) == 1);
		need(vf_slice_eq(text, vf_slice(json_string_value(theirs), json_string_length(theirs))));
		vf_buf_free(&buf);
		return;
	}
	ours = json_loadb(v->raw.p, v->raw.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
	need(ours != NULL && json_equal(ours, theirs));
	json_decref(ours);
}

static void
line(const struct vf_row *row, const struct vf_json_value *v)
{
	struct vf_slice s = vf_row_line(row);
	json_error_t e;
	json_t *doc;

	if (row->reject != 0 && row->reject != VF_REJECT_BAD_JSON)
		return;
	if (depth(s) > VF_JSON_PICK_DEPTH)
		return;
	doc = json_loadb(s.p, s.n, JSON_DECODE_INT_AS_REAL, &e);
	if (doc == NULL && json_error_code(&e) == json_error_numeric_overflow)
		return;
	if (row->reject == 0) {
		need(json_is_object(doc));
		for (int i = 0; i < 2; i++)
			member(&v[i], json_object_getn(doc, names[i].p, names[i].n));
	} else if (json_is_object(doc)) {
		json_t *strict = json_loadb(s.p, s.n, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, NULL);

		need(strict == NULL && (json_object_get(doc, "id") != NULL || json_object_get(doc, "n") != NULL));
	}
	json_decref(doc);
}

/* How many rows there should be, and their bytes: the plain way. */
static void
expect(const uint8_t *p, size_t n, uint64_t *rows, uint64_t *bytes)
{
	while (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	while (n > 0) {
		const uint8_t *lf = memchr(p, '\n', n);
		size_t len = lf != NULL ? (size_t)(lf - p) : n, size = len;

		if (lf != NULL && len > 0 && p[len - 1] == '\r')
			size--;
		*rows += size > 0;
		*bytes += size;
		len += lf != NULL;
		p += len;
		n -= len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC), rows;
	const struct vf_row *row;
	uint64_t bytes = 0, last = 0, count = 0, want_bytes = 0, want_count = 0;
	struct vf_error err = { 0 };
	struct vf_lines *l;
	char name[40];
	const char *path = name;

	if (fd < 0 || (n > 0 && write(fd, data, n) != (ssize_t)n))
		abort();
	expect(data, n, &want_count, &want_bytes);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	l = vf_lines_open(&(struct vf_lines_options){ .paths = &path, .npaths = 1, .max = 4096, .members = names,
		.nmembers = 2 }, &err);
	need(l != NULL);
	while ((rows = vf_lines_batch(l, &row, &err)) > 0)
		for (; rows > 0; rows--, row++) {
			need(row->size > 0 && row->lineno > last);
			need((row->size > 4096) == (row->reject == VF_REJECT_TOO_LONG));
			last = row->lineno;
			bytes += row->size;
			count++;
			line(row, vf_lines_members(l, row));
		}
	need(rows == 0 && vf_lines_bytes(l) == n && bytes == want_bytes && count == want_count);
	vf_lines_free(l);
	close(fd);
	return 0;
}
