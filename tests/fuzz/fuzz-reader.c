/*
 * fuzz-reader.c -- any bytes as a CSV file: every record is handed out once,
 * what was good is written and reads back as the same values, and a second
 * pass changes nothing.  The first byte chooses how the file is handed over.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "record/in.h"
#include "record/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define CHECK(x) do { if (!(x)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); abort(); } } while (0)

static int
file_of(const void *p, size_t n)
{
	int fd = memfd_create("fuzz", 0);

	CHECK(fd >= 0);
	for (size_t done = 0; done < n;) {
		ssize_t w = write(fd, (const char *)p + done, n - done);

		CHECK(w > 0);
		done += (size_t)w;
	}
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* Reads a file through the reader and writes what is good; returns the output, counts the records. */
static struct vf_buf
pass(int fd, char delimiter, uint64_t *good, uint64_t *bad)
{
	static const char *const sets[] = { NULL };
	char path[32], out_path[32];
	const char *paths[1] = { path };
	struct vf_in_options opt = { .paths = paths, .npaths = 1, .delimiter = delimiter };
	struct vf_error err;
	struct vf_buf all = { 0 };
	const struct vf_row *rows;
	struct vf_out *out;
	struct vf_in *in;
	uint64_t line = 0;
	int n, out_fd = memfd_create("out", 0);

	*good = *bad = 0;
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	snprintf(out_path, sizeof out_path, "/dev/fd/%d", out_fd);
	in = vf_in_open(&opt, &err);
	if (in == NULL) {
		CHECK(err.kind == VF_ERR_CONFIG || err.kind == VF_ERR_FAILED);
		close(out_fd);
		return all;
	}
	out = vf_out_open(&(struct vf_out_options){ .path = out_path, .header = vf_in_header(in), .sets = sets }, &err);
	CHECK(out != NULL);
	while ((n = vf_in_batch(in, &rows, &err)) > 0)
		for (int i = 0; i < n; i++) {
			CHECK(rows[i].lineno > line && rows[i].lines >= 1);
			line = rows[i].lineno + rows[i].lines - 1;
			if (rows[i].reject != 0) {
				++*bad;
				continue;
			}
			for (int c = 0; c < vf_in_header(in)->n; c++)
				CHECK(vf_text_utf8(vf_row_value(&rows[i], c)));
			CHECK(vf_out_put(out, &rows[i], vf_in_delimiter(in, 0), NULL, &err) == 0);
			++*good;
		}
	CHECK(n == 0 && vf_in_records(in) == *good + *bad && vf_out_records(out) == *good);
	CHECK(vf_out_commit(out, &err) == 0);
	vf_out_free(out);
	vf_in_free(in);
	CHECK(vf_file_slurp(out_path, (size_t)1 << 30, &all, &err) == 0);
	close(out_fd);
	return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char delimiters[] = { 0, 0, ',', '\t', ';', '|', 'x', ' ' };
	uint64_t good, bad, good2, bad2, lines = 0;
	struct vf_buf one, two;
	struct vf_error err;
	int fd;

	if (size == 0 || vf_hash_start(&err) < 0)
		return 0;
	fd = file_of(data + 1, size - 1);
	one = pass(fd, delimiters[data[0] % sizeof delimiters], &good, &bad);
	close(fd);
	if (one.n > 0) {
		for (size_t i = 0; i < one.n; i++)
			lines += one.p[i] == '\n';
		CHECK(lines == good + 1);		/* one record is one line */
		fd = file_of(one.p, one.n);
		two = pass(fd, ',', &good2, &bad2);
		close(fd);
		CHECK(good2 == good && bad2 == 0);
		CHECK(vf_slice_eq(vf_buf_slice(&one), vf_buf_slice(&two)));
		vf_buf_free(&two);
	}
	vf_buf_free(&one);
	return 0;
}
