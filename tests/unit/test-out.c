/* test-out.c -- CSV out: what must be on disk before bytes leave; values from other formats. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "record/out.h"
#include "tap.h"

static struct vf_error err;

/* A pipe's reading end, and how often bytes were about to leave. */
struct guard {
	int fd, calls, in_pipe;
	bool refuse;
};

static int
waiting(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	return n;
}

static int
before(void *arg, struct vf_error *e)
{
	struct guard *g = arg;

	g->calls++;
	g->in_pipe = waiting(g->fd);
	return g->refuse ? vf_error(e, VF_ERR_FAILED, "the ledger's disk is full") : 0;
}

static struct vf_out *
open_out(struct guard *g, int *writing, size_t block)
{
	static const char *const sets[] = { "code", NULL };
	char path[32];
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	*g = (struct guard){ .fd = fds[0] };
	*writing = fds[1];
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[1]);
	return vf_out_open(&(struct vf_out_options){ .path = path, .sets = sets, .block = block, .before = before, .arg = g }, &err);
}

static void
test_before(void)
{
	struct vf_slice code = VF_SLICE("AAAAAAA");
	struct guard g;
	int writing;
	struct vf_out *out = open_out(&g, &writing, 80);
	int rc = 0;

	for (int i = 0; i < 9; i++)
		rc |= vf_out_put(out, NULL, ',', &code, &err);
	ok(rc == 0 && g.calls == 0 && waiting(g.fd) == 0, "rows are collected: nothing leaves, nothing is asked for");
	ok(vf_out_put(out, NULL, ',', &code, &err) == 0 && g.calls == 1 && g.in_pipe == 0, "the block is full: asked before a byte leaves");
	ok(vf_out_flush(out, &err) == 0 && g.calls == 1 && waiting(g.fd) == 85, "once for what it was asked for");
	rc = vf_out_put(out, NULL, ',', &code, &err);
	ok(rc == 0 && vf_out_commit(out, &err) == 0 && g.calls == 2 && g.in_pipe == 85 && waiting(g.fd) == 93, "and before the last bytes");
	vf_out_free(out);
	close(writing);
	close(g.fd);
}

static void
test_refused(void)
{
	struct vf_slice code = VF_SLICE("AAAAAAA");
	struct guard g;
	int writing;
	struct vf_out *out = open_out(&g, &writing, 0);

	g.refuse = true;
	ok(vf_out_put(out, NULL, ',', &code, &err) == 0 && vf_out_commit(out, &err) < 0 && err.kind == VF_ERR_FAILED &&
		waiting(g.fd) == 0, "what is not on disk keeps the rows back");
	vf_out_free(out);
	close(writing);
	close(g.fd);
}

/* The line that says two values. */
static void
line_of(const struct vf_slice v[2], struct vf_buf *line)
{
	vf_buf_clear(line);
	vf_text_add_csv(line, v[0]);
	vf_buf_add_char(line, ',');
	vf_text_add_csv(line, v[1]);
	vf_buf_add_char(line, '\n');
}

/* Is exactly this in the pipe? */
static bool
holds(int fd, struct vf_slice want)
{
	static char got[8192];
	ssize_t n = waiting(fd) > 0 ? read(fd, got, sizeof got) : 0;

	return n >= 0 && vf_slice_eq(vf_slice(got, (size_t)n), want);
}

/* Short values are looked at many bytes at a time: each length, with each byte that counts in each place, before what does not. */
static void
test_padded(void)
{
	static const char *const sets[] = { "a", "b", NULL };
	static const char odd[] = { ',', '"', '\n', '\r', '\0', '\t', '\x0c', '\x0e', ' ', '\x80' };
	struct vf_buf want = { 0 };
	struct vf_slice v[2] = { { NULL, 0 }, { NULL, 0 } };
	char text[100 + VF_OUT_PAD], rest[100 + VF_OUT_PAD], path[32];
	unsigned wrong = 0, n = 0, puts = 0;
	struct vf_out *out;
	size_t unfit;
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	snprintf(path, sizeof path, "/dev/fd/%d", fds[1]);
	out = vf_out_open(&(struct vf_out_options){ .path = path, .sets = sets }, &err);
	ok(vf_out_flush(out, &err) == 0 && holds(fds[0], (struct vf_slice)VF_SLICE("a,b\n")), "the header comes first");
	memset(rest, ',', sizeof rest);
	for (size_t length = 0; length < 100; length++)
		for (size_t at = 0; at <= length; at++)
			for (size_t k = 0; k < (at < length ? sizeof odd : 1); k++, n++) {
				bool breaks = at < length && (odd[k] == '\n' || odd[k] == '\r' || odd[k] == '\0');
				size_t first = n % 2, other = (size_t)n * 7 % 100;
				int rc;

				memset(text, 'x', length);
				memset(text + length, ',', sizeof text - length);
				if (at < length)
					text[at] = odd[k];
				v[first] = vf_slice(text, length);
				v[1 - first] = vf_slice(rest, other);
				line_of(v, &want);
				unfit = 9;
				rc = vf_out_put_padded(out, v, &unfit, &err);
				puts += rc == 0;
				wrong += vf_out_flush(out, &err) < 0 || (breaks ? rc != 1 || unfit != first : rc != 0) ||
					!holds(fds[0], breaks ? vf_slice("", 0) : vf_buf_slice(&want));
			}
	ok(wrong == 0 && n > 40000, "%u values of up to 99 bytes: quoted, refused or as they are", n);
	ok(vf_out_records(out) == puts, "those that were put are counted");
	vf_out_free(out);
	vf_buf_free(&want);
	close(fds[0]);
	close(fds[1]);
}

/* One empty value alone would be a blank line; a long one needs more room than a record is begun with. */
static void
test_padded_ends(void)
{
	static char text[5000] = "";
	struct vf_slice v = vf_slice(text, 0);
	struct vf_buf want = { 0 };
	struct vf_out *out;
	struct guard g;
	int writing, rc;
	size_t unfit;

	out = open_out(&g, &writing, 16);
	rc = vf_out_put_padded(out, &v, &unfit, &err);
	ok(rc == 0 && vf_out_flush(out, &err) == 0 && holds(g.fd, (struct vf_slice)VF_SLICE("code\n\"\"\n")), "an empty value alone is quoted");
	memset(text, '"', 300);
	v.n = 300;
	vf_text_add_csv(&want, v);
	vf_buf_add_char(&want, '\n');
	rc = vf_out_put_padded(out, &v, &unfit, &err);
	ok(rc == 0 && g.calls == 2 && vf_out_flush(out, &err) == 0 && holds(g.fd, vf_buf_slice(&want)), "nothing but quotes is twice as long, and fills the block");
	memset(text, 'x', sizeof text);
	v.n = sizeof text;
	vf_buf_clear(&want);
	vf_buf_add_slice(&want, v);
	vf_buf_add_char(&want, '\n');
	rc = vf_out_put_padded(out, &v, &unfit, &err);
	ok(rc == 0 && vf_out_flush(out, &err) == 0 && holds(g.fd, vf_buf_slice(&want)), "a long value is whole");
	vf_out_free(out);
	vf_buf_free(&want);
	close(writing);
	close(g.fd);
}

int
main(void)
{
	test_before();
	test_refused();
	test_padded();
	test_padded_ends();
	return done_testing();
}
