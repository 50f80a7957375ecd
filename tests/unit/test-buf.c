/* test-buf -- base/buf and base/error. */
#include "tap.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

static void
test_growing(void)
{
	struct vf_buf b = { 0 };
	char *memory;
	bool same = true;

	for (unsigned i = 0; i < 100000; i++)
		vf_buf_add_char(&b, (char)(i * 7));
	for (unsigned i = 0; i < 100000; i++)
		same &= b.p[i] == (char)(i * 7);
	ok(b.n == 100000 && same && !b.failed, "100,000 bytes added one at a time are all there");
	memory = b.p;
	vf_buf_clear(&b);
	ok(b.n == 0 && vf_buf_add(&b, "abc", 3) == 0 && b.p == memory, "clearing keeps the memory");
	vf_buf_free(&b);
	ok(b.p == NULL && b.n == 0 && b.size == 0, "freeing zeroes the value");
	vf_buf_free(&b);
	ok(true, "a zeroed buffer may be freed");
}

static void
test_pieces(void)
{
	struct vf_buf b;

	vf_buf_init(&b, 0);
	vf_buf_add_str(&b, "a");
	vf_buf_add_slice(&b, vf_slice("bcd", 2));
	vf_buf_add_u64(&b, UINT64_MAX);
	vf_buf_add_u64(&b, 0);
	vf_buf_add(&b, NULL, 0);
	vf_buf_addf(&b, "[%s:%d]", "x", -7);
	ok(vf_slice_is(vf_buf_slice(&b), "abc184467440737095516150[x:-7]"), "text, slices, numbers and formats follow each other");
	ok(vf_buf_terminate(&b) == 0 && strlen(b.p) == b.n, "terminating adds a NUL that is not counted");
	vf_buf_clear(&b);
	ok(vf_buf_terminate(&b) == 0 && strcmp(b.p, "") == 0, "an empty buffer can be terminated");
	vf_buf_free(&b);
	ok(vf_buf_terminate(&b) == 0 && strcmp(b.p, "") == 0, "a buffer without memory can be terminated");
	vf_buf_free(&b);
}

static void
test_format_grows(void)
{
	char text[3001];
	struct vf_buf b = { 0 };

	memset(text, 'y', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	ok(vf_buf_addf(&b, "%s!", text) == 0 && b.n == 3001 && b.p[3000] == '!', "a format longer than the buffer enlarges it");
	vf_buf_free(&b);
}

static void
test_cap(void)
{
	struct vf_buf b;

	vf_buf_init(&b, 300);
	for (int i = 0; i < 30; i++)
		vf_buf_add(&b, "0123456789", 10);
	ok(b.n == 300 && !b.failed, "a buffer can be filled to its cap");
	ok(vf_buf_add_char(&b, 'x') == -1 && b.n == 300 && b.failed, "not a byte goes in over the cap, though memory is left");
	ok(vf_buf_reserve(&b, SIZE_MAX) == -1 && vf_buf_reserve(&b, SIZE_MAX - 300) == -1,
		"no size is large enough to wrap around");
	ok(vf_buf_terminate(&b) == 0 && b.p[300] == '\0', "a full buffer can still be terminated");
	ok(b.failed, "failed stays set");
	vf_buf_clear(&b);
	ok(!b.failed, "clearing takes back failed");
	ok(vf_buf_addf(&b, "%300d", 1) == 0 && b.n == 300, "a format fills the buffer to its cap");
	ok(vf_buf_addf(&b, "%d", 1) == -1 && b.n == 300 && b.failed, "a format over the cap changes nothing");
	vf_buf_free(&b);

	vf_buf_init(&b, 5);
	vf_buf_add_str(&b, "abc");
	ok(vf_buf_add_str(&b, "def") == -1 && vf_slice_is(vf_buf_slice(&b), "abc"), "what does not fit as a whole is left out");
	ok(vf_buf_add_str(&b, "de") == 0 && b.n == 5, "what fits after a failure is taken");
	vf_buf_free(&b);

	vf_buf_init(&b, SIZE_MAX);
	ok(vf_buf_add_str(&b, "abc") == 0 && vf_buf_reserve(&b, SIZE_MAX) == -1, "the largest cap there is does no harm");
	vf_buf_free(&b);
	ok(vf_buf_reserve(&b, VF_BUF_MAX + 1) == -1, "without a cap of its own a buffer has the common one");
	vf_buf_free(&b);
}

static void
test_error(void)
{
	struct vf_error err = { 0 };
	char longer[2000];

	ok(vf_error(&err, VF_ERR_CONFIG, "%s:%d: cause", "a.csv", 7) == -1 && err.kind == VF_ERR_CONFIG &&
		strcmp(err.text, "a.csv:7: cause") == 0, "an error has its kind and text");
	vf_error_prefix(&err, "step");
	ok(strcmp(err.text, "step: a.csv:7: cause") == 0, "a prefix goes before the text");
	vf_error(&err, VF_ERR_FAILED, "again: %s", err.text);
	ok(strcmp(err.text, "again: step: a.csv:7: cause") == 0, "an error may be made from its own text");

	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	vf_error(&err, VF_ERR_FAILED, "%s", longer);
	ok(strlen(err.text) == sizeof err.text - 1, "a text that is too long is cut to fit");
	ok(vf_error_prefix(&err, "p") == -1 && strlen(err.text) == sizeof err.text - 1 &&
		strncmp(err.text, "p: xxx", 6) == 0, "a prefix pushes the end of a full text out");
	vf_error(&err, VF_ERR_FAILED, "the cause");
	vf_error_prefix(&err, longer);
	ok(strstr(err.text, "x: the cause") != NULL, "the longest prefix leaves the cause to be read");

	errno = EPIPE;
	ok(vf_error_errno(&err, "stdout") == -1 && err.kind == VF_ERR_PIPE && errno == EPIPE, "a closed pipe is a kind of its own");
	errno = ENOENT;
	vf_error_errno(&err, "a.csv");
	ok(err.kind == VF_ERR_FAILED && errno == ENOENT && strcmp(err.text, "a.csv: No such file or directory") == 0,
		"other system errors are failures with their words");
	ok(vf_error_nomem(&err) == -1 && err.kind == VF_ERR_FAILED && strcmp(err.text, "out of memory") == 0,
		"lack of memory is an error like any other");
}

int
main(void)
{
	test_growing();
	test_pieces();
	test_format_grows();
	test_cap();
	test_error();
	return done_testing();
}
