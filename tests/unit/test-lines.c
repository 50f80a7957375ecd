/* test-lines.c -- lines of every kind and damage, the same whatever pieces they arrive in. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <unistd.h>

#include "record/lines.h"
#include "tap.h"

static struct vf_error err;
static const struct vf_slice members[] = { VF_SLICE("id"), VF_SLICE("v") };

/* Rows as text: `line reject size id|` each. */
static bool
read_all(struct vf_lines *l, struct vf_buf *out)
{
	static const char *const why[] = { "ok", "long", "nul", "utf8", "", "", "", "json" };
	const struct vf_row *row;
	int n;

	while ((n = vf_lines_batch(l, &row, &err)) > 0)
		for (; n > 0; n--, row++) {
			vf_buf_addf(out, "%d:%ju %s %ju", row->file, (uintmax_t)row->lineno, why[row->reject],
				(uintmax_t)row->size);
			if (row->reject == 0)
				vf_buf_addf(out, " %.*s", (int)vf_lines_members(l, row)->raw.n,
					vf_lines_members(l, row)->raw.p);
			vf_buf_add_char(out, '|');
		}
	vf_buf_terminate(out);
	return n == 0;
}

static const char *
temp_file(const char *name, const void *p, size_t n)
{
	static char paths[4][256];
	static int next;
	const char *dir = getenv("TMPDIR");
	char *path = paths[next++ % 4];
	int fd;

	snprintf(path, 256, "%s/test-lines.%d.%s", dir != NULL ? dir : "/tmp", (int)getpid(), name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n || close(fd) < 0)
		bail_out("cannot write a temporary file");
	return path;
}

static void
reads(const char *what, const void *p, size_t n, uint32_t max, const char *want)
{
	const char *path = temp_file("in", p, n);
	struct vf_lines *l = vf_lines_open(&(struct vf_lines_options){ .paths = &path, .npaths = 1, .max = max,
		.members = members, .nmembers = 2 }, &err);
	struct vf_buf out = { 0 };

	ok(l != NULL && read_all(l, &out) && strcmp(out.p, want) == 0 && vf_lines_bytes(l) == n, "%s", what);
	if (strcmp(out.p != NULL ? out.p : "", want) != 0)
		note("got %s", out.p != NULL ? out.p : err.text);
	vf_lines_free(l);
	vf_buf_free(&out);
	unlink(path);
}
#define READS(what, text, max, want) reads(what, text, sizeof(text) - 1, max, want)

static void
test_forms(void)
{
	READS("nothing", "", 0, "");
	READS("empty lines alone", "\n\r\n\n", 0, "");
	READS("LF", "{\"id\":1}\n{\"id\":2}\n", 0, "0:1 ok 8 1|0:2 ok 8 2|");
	READS("CRLF, empty lines, no last line end", "{\"id\":1}\r\n\r\n\n{\"id\":2}", 0, "0:1 ok 8 1|0:4 ok 8 2|");
	READS("a byte order mark, or two", "\xef\xbb\xbf\xef\xbb\xbf{\"id\":1}\n\xef\xbb\xbf{}\n", 0, "0:1 ok 8 1|0:2 json 5|");
	READS("what is no object", "1\n[]\n{\"id\":1}x\n{\"id\":1,\"id\":2}\n \n", 0,
		"0:1 json 1|0:2 json 2|0:3 json 9|0:4 json 15|0:5 json 1|");
	READS("worst first: NUL, then UTF-8, then JSON", "\xff\0\n\xff\n{\"id\":\"\0\"}\n{\"id\":\"\xc3\"}\n", 0,
		"0:1 nul 2|0:2 utf8 1|0:3 nul 10|0:4 utf8 10|");
	READS("exactly the limit, with and without CR", "{\"id\":1}\r\n{\"id\":1}\n{\"id\":12}\n{\"id\":12}\r\n{\"id\":12}", 8,
		"0:1 ok 8 1|0:2 ok 8 1|0:3 long 9|0:4 long 9|0:5 long 9|");
	READS("a bare CR at the end is a blank of JSON", "{\"id\":1}\r", 0, "0:1 ok 9 1|");
}

static void
test_long(void)
{
	size_t n = 3 << 20;
	char *p = malloc(n + 32), want[128];

	memset(p, 'x', n);
	memcpy(p, "{\"id\":0}\n", 9);
	p[n] = '\r';
	memcpy(p + n + 1, "\n{\"id\":7}", 9);
	snprintf(want, sizeof want, "0:1 ok 8 0|0:2 long %zu|0:3 ok 8 7|", n - 9);
	reads("a line of 3 MiB is passed over, and reading goes on", p, n + 10, 0, want);
	snprintf(want, sizeof want, "0:1 ok 8 0|0:2 long %zu|", n - 9);
	reads("also when nothing follows it", p, n, 0, want);
	memset(p + 9, ' ', n - 9);
	memcpy(p + n - 8, "{\"id\":9}", 8);
	snprintf(want, sizeof want, "0:1 ok 8 0|0:2 ok %zu 9|0:3 ok 8 7|", n - 9);
	reads("a caller's limit of 4 MiB lets it through", p, n + 10, 4 << 20, want);
	free(p);
}

/* The same text through a pipe in pieces, with a wait before each batch. */
static void
test_pieces(void)
{
	struct vf_buf text = { 0 }, whole = { 0 }, pieces = { 0 };
	int wrong = 0, waits = 0;

	for (int round = 0; round < 60 && wrong == 0; round++) {
		const char *path;
		struct vf_lines *l;
		struct vf_row const *row;
		size_t sent = 0;
		char name[32];
		int fds[2], rc, n;

		vf_buf_clear(&text);
		for (size_t k = tap_below(40); k > 0; k--) {
			static const char *const some[] = { "{\"id\":1}\n", "\r\n", "{\"id\":\"0123456789\"}\r\n", "bad\n",
				"{\"id\":\"0123456789012345678901234567890123456789012345\"}\n", "\xff\n", "{\"v\":[{}],\"id\":2}\n" };

			vf_buf_add_str(&text, some[tap_below(7)]);
			if (tap_below(10) == 0) {
				size_t len = 100 + tap_below(200000);

				vf_buf_reserve(&text, len);
				memset(text.p + text.n, '\r', len);
				text.n += len;
				vf_buf_add_str(&text, "\n");
			}
		}
		if (text.n > 0 && tap_below(3) == 0)
			text.n--;
		path = temp_file("whole", text.p, text.n);
		l = vf_lines_open(&(struct vf_lines_options){ .paths = &path, .npaths = 1, .max = 40, .members = members,
			.nmembers = 2 }, &err);
		vf_buf_clear(&whole);
		if (l == NULL || !read_all(l, &whole))
			bail_out(err.text);
		vf_lines_free(l);
		unlink(path);

		if (pipe2(fds, O_CLOEXEC) < 0)
			bail_out("no pipe");
		snprintf(name, sizeof name, "/dev/fd/%d", fds[0]);
		path = name;
		l = vf_lines_open(&(struct vf_lines_options){ .paths = &path, .npaths = 1, .max = 40, .members = members,
			.nmembers = 2 }, &err);
		vf_buf_clear(&pieces);
		for (;;) {
			rc = vf_lines_wait(l, 0, &err);
			if (rc < 0)
				bail_out(err.text);
			if (rc == 0) {
				size_t len = 1 + tap_below(tap_below(2) == 0 ? 12 : 60000);

				waits++;
				len = len < text.n - sent ? len : text.n - sent;
				if (len == 0) {
					close(fds[1]);
					fds[1] = -1;
				} else if (write(fds[1], text.p + sent, len) != (ssize_t)len) {
					bail_out("short write");
				}
				sent += len;
				continue;
			}
			n = vf_lines_batch(l, &row, &err);
			if (n <= 0)
				break;
			for (; n > 0; n--, row++) {
				vf_buf_addf(&pieces, "%d:%ju %s %ju", row->file, (uintmax_t)row->lineno, row->reject == 0 ? "ok" :
					row->reject == VF_REJECT_TOO_LONG ? "long" : row->reject == VF_REJECT_BAD_UTF8 ? "utf8" :
					"json", (uintmax_t)row->size);
				if (row->reject == 0)
					vf_buf_addf(&pieces, " %.*s", (int)vf_lines_members(l, row)->raw.n,
						vf_lines_members(l, row)->raw.p);
				vf_buf_add_char(&pieces, '|');
			}
		}
		vf_buf_terminate(&pieces);
		if (!vf_slice_eq(vf_buf_slice(&whole), vf_buf_slice(&pieces))) {
			wrong++;
			note("whole  %.600s", whole.p);
			note("pieces %.600s", pieces.p);
		}
		vf_lines_free(l);
		close(fds[0]);
		if (fds[1] >= 0)
			close(fds[1]);
	}
	ok(wrong == 0 && waits > 100, "rows do not depend on the pieces a pipe hands over (%d waits)", waits);
	vf_buf_free(&text);
	vf_buf_free(&whole);
	vf_buf_free(&pieces);
}

static void
test_operands(void)
{
	const char *paths[3] = { temp_file("a", "{\"id\":1}\n", 9), temp_file("b", "", 0), temp_file("c", "\n{\"id\":2}", 9) };
	struct vf_lines *l = vf_lines_open(&(struct vf_lines_options){ .paths = paths, .npaths = 3, .members = members,
		.nmembers = 1 }, &err);
	struct vf_buf out = { 0 };
	const char *missing = "/no/such/file";

	ok(vf_lines_size(l) == 18 && vf_lines_files(l) == 3, "sizes are known");
	ok(read_all(l, &out) && strcmp(out.p, "0:1 ok 8 1|2:2 ok 8 2|") == 0, "operands in turn, an empty one between");
	ok(vf_lines_records(l) == 2 && vf_lines_wait(l, 0, &err) == 1, "the end is no wait");
	vf_lines_free(l);
	vf_buf_free(&out);
	for (int i = 0; i < 3; i++)
		unlink(paths[i]);
	ok(vf_lines_open(&(struct vf_lines_options){ .paths = &missing, .npaths = 1 }, &err) == NULL &&
		strcmp(err.text, "/no/such/file: No such file or directory") == 0, "a missing operand is named at once");
	missing = "/";
	ok(vf_lines_open(&(struct vf_lines_options){ .paths = &missing, .npaths = 1 }, &err) == NULL &&
		strcmp(err.text, "/: Is a directory") == 0, "a folder too");
}

static void
test_out(void)
{
	const char *path = temp_file("out", "", 0);
	struct vf_lines_out *out = vf_lines_create(path, VF_FILE_PRIVATE, &err);
	struct vf_buf back = { 0 };

	ok(vf_lines_put(out, vf_slice_str("{}"), &err) == 0 && vf_lines_put(out, vf_slice_str("{\"a\":1}"), &err) == 0 &&
		vf_lines_written(out) == 2, "lines are counted");
	ok(vf_lines_commit(out, &err) == 0 && vf_file_slurp(path, 100, &back, &err) == 0 &&
		vf_slice_is(vf_buf_slice(&back), "{}\n{\"a\":1}\n"), "and written");
	vf_lines_out_free(out);
	vf_buf_free(&back);
	unlink(path);
}

int
main(void)
{
	tap_seed();
	test_forms();
	test_long();
	test_pieces();
	test_operands();
	test_out();
	return done_testing();
}
