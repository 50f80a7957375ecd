/* test-out.c -- CSV out: what must be on disk before bytes leave. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

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

/* Lines of a source's own making, among others. */
static void
test_lines(void)
{
	static const char want[] = "code\nx,y\nAAAAAAA\n\"\"\nz\n\"\"\n";
	struct vf_slice code = VF_SLICE("AAAAAAA"), empty = VF_SLICE("");
	struct guard g;
	int writing, rc = 0;
	struct vf_out *out = open_out(&g, &writing, 16);
	char got[100];

	vf_buf_add_str(vf_out_buffer(out), "x");
	vf_buf_add_str(vf_out_buffer(out), ",y");
	rc |= vf_out_line(out, &err);
	rc |= vf_out_put(out, NULL, ',', &code, &err);	/* the block is full */
	rc |= g.calls != 1;
	rc |= vf_out_line(out, &err);
	vf_buf_add_str(vf_out_buffer(out), "z");
	rc |= vf_out_line(out, &err);
	rc |= vf_out_put(out, NULL, ',', &empty, &err);
	rc |= vf_out_commit(out, &err);
	ok(rc == 0 && vf_out_records(out) == 5, "lines of a source's own are counted and collected as others are");
	rc = (int)read(g.fd, got, sizeof got);
	ok(rc == sizeof want - 1 && memcmp(got, want, sizeof want - 1) == 0, "and written as they are; a blank one is one empty field");
	vf_out_free(out);
	close(writing);
	close(g.fd);
}

int
main(void)
{
	test_before();
	test_refused();
	test_lines();
	return done_testing();
}
