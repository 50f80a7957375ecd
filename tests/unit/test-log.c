/* test-log.c -- append files: shared by many writers, or owned by one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "tap.h"

#define WRITERS 6
#define LINES 3000

static struct vf_error err;
static struct vf_buf text;

static bool
holds(const char *path, const char *want)
{
	return vf_file_slurp(path, 64 << 20, &text, &err) == 0 && vf_slice_is(vf_buf_slice(&text), want);
}

static void
put_text(const char *path, const char *s)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(s, f) < 0 || fclose(f) != 0)
		abort();
}

static int
line(struct vf_log *log, const char *s)
{
	return vf_log_line(log, vf_slice_str(s), &err);
}

static void
test_shared(void)
{
	struct vf_log *one = vf_log_shared("shared", "head", &err), *two = vf_log_shared("shared", "head", &err);
	struct stat st;

	ok(stat("shared", &st) == 0 && (st.st_mode & 0777) == 0600 && st.st_size == 0,
		"a log is created 0600, and empty until it has a line");
	line(one, "1");
	ok(holds("shared", ""), "lines are collected");
	ok(vf_log_flush(one, &err) == 0 && holds("shared", "head\n1\n"), "the header comes with the first lines");
	line(two, "2");
	line(one, "3");
	ok(vf_log_close(two, &err) == 0 && vf_log_close(one, &err) == 0 && holds("shared", "head\n1\n2\n3\n"),
		"two writers share a file and its one header");
	ok(vf_log_close(one, &err) == 0, "closing again does nothing");
	vf_log_free(one);
	vf_log_free(two);
	vf_log_free(NULL);
}

/* Lines of one writer: its letter, a number, and filler of a length that depends on both. */
static int
writer(int w)
{
	struct vf_log *log = vf_log_shared("many", "head", &err);
	char s[700];

	for (int i = 0; i < LINES; i++) {
		int n = snprintf(s, sizeof(s), "%c%d:", 'a' + w, i), fill = (w * 31 + i * 7) % 600;

		memset(s + n, 'a' + w, (size_t)fill);
		if (vf_log_line(log, vf_slice(s, (size_t)(n + fill)), &err) < 0)
			return 1;
		if (i % 97 == 0 && vf_log_flush(log, &err) < 0)
			return 1;
	}
	return vf_log_close(log, &err) < 0;
}

/* The next line of p is what writer w wrote as its i-th. */
static bool
is_line(const char *p, size_t n, int w, int i)
{
	char s[32];
	int head = snprintf(s, sizeof(s), "%c%d:", 'a' + w, i), fill = (w * 31 + i * 7) % 600;

	if (n != (size_t)(head + fill) || memcmp(p, s, (size_t)head) != 0)
		return false;
	for (int k = 0; k < fill; k++)
		if (p[head + k] != 'a' + w)
			return false;
	return true;
}

static void
test_many(void)
{
	int next[WRITERS] = { 0 }, total = 0, status;
	bool whole = true, ended = true;

	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0)
			_exit(writer(w));
	while (wait(&status) > 0)
		ended &= status == 0;
	ok(ended, "%d writers at once end well", WRITERS);
	vf_file_slurp("many", 64 << 20, &text, &err);
	ok(text.n > 5 && memcmp(text.p, "head\n", 5) == 0, "their file begins with the header");
	for (const char *p = text.p + 5, *end = text.p + text.n; p < end && whole;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		int w = *p - 'a';

		whole = lf != NULL && w >= 0 && w < WRITERS && is_line(p, (size_t)(lf - p), w, next[w]);
		if (!whole)
			break;
		next[w]++;
		total++;
		p = lf + 1;
	}
	ok(whole && total == WRITERS * LINES, "every line is there, whole, and in its writer's order");
}

static void
test_torn_shared(void)
{
	struct vf_log *log;

	put_text("torn", "head\n1\n2 but to");
	log = vf_log_shared("torn", "head", &err);
	line(log, "3");
	ok(vf_log_close(log, &err) == 0 && holds("torn", "head\n1\n2 but to\n3\n"),
		"a torn last line of a shared log is ended, so that the next one stands alone");
	vf_log_free(log);
}

static void
test_special(void)
{
	struct vf_log *log = vf_log_shared("/dev/null", "head", &err);
	char path[40], got[16] = "";
	int p[2];

	ok(log != NULL && line(log, "x") == 0 && vf_log_close(log, &err) == 0, "/dev/null is a log");
	vf_log_free(log);
	log = vf_log_shared("/dev/full", NULL, &err);
	ok(line(log, "x") == 0 && vf_log_flush(log, &err) < 0 &&
		strcmp(err.text, "/dev/full: No space left on device") == 0, "/dev/full is a full disk");
	ok(vf_log_close(log, &err) == 0 || err.kind == VF_ERR_FAILED, "and it may still be closed");
	vf_log_free(log);
	if (pipe(p) < 0)
		abort();
	snprintf(path, sizeof(path), "/dev/fd/%d", p[1]);
	log = vf_log_shared(path, "head", &err);
	line(log, "x");
	ok(vf_log_close(log, &err) == 0 && read(p[0], got, sizeof(got)) == 7 && memcmp(got, "head\nx\n", 7) == 0,
		"a pipe gets header and lines");
	vf_log_free(log);
	ok(vf_log_shared(".", NULL, &err) == NULL && strcmp(err.text, ".: Is a directory") == 0, "a folder is no log");
	ok(vf_log_owned("/dev/null", NULL, 0, NULL, &err) == NULL && err.kind == VF_ERR_CONFIG,
		"nobody can own /dev/null");
}

/* With no room for all lines, only whole ones are in the file afterwards. */
static int
fill_up(bool owned)
{
	struct rlimit limit = { 5000, 5000 };
	struct vf_log *log = owned ? vf_log_owned("full", "head", 0, NULL, &err) : vf_log_shared("full", "head", &err);
	char s[1000];
	int rc;

	memset(s, 'x', sizeof(s));
	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 3; i++)
		vf_log_line(log, vf_slice(s, sizeof(s)), &err);
	if (vf_log_flush(log, &err) < 0)
		return 2;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (int i = 0; i < 3; i++)
		vf_log_line(log, vf_slice(s, sizeof(s)), &err);
	rc = vf_log_flush(log, &err);
	if (rc == 0 || err.kind != VF_ERR_FAILED)
		return 3;
	if (vf_log_line(log, vf_slice("y", 1), &err) < 0 || vf_log_sync(log, &err) == 0)
		return 4;		/* once failed, it stays failed */
	vf_log_free(log);
	return 0;
}

static void
test_full(void)
{
	for (int owned = 0; owned < 2; owned++) {
		struct stat st;
		int status;

		unlink("full");
		if (fork() == 0)
			_exit(fill_up(owned));
		wait(&status);
		ok(status == 0, "%s log on a full disk fails for good (%d)", owned ? "an owned" : "a shared", status >> 8);
		ok(stat("full", &st) == 0 && st.st_size == 5 + 3 * 1001, "and holds whole lines only");
	}
}

static void
test_owned(void)
{
	struct vf_log *log, *other;
	uint64_t cut = 99;

	log = vf_log_owned("owned", "head", 0, &cut, &err);
	ok(log != NULL && cut == 0 && holds("owned", "head\n"), "an owned log has its header at once");
	other = vf_log_owned("owned", "head", 120, NULL, &err);
	ok(other == NULL && err.kind == VF_ERR_TEMPORARY, "a second owner waits and gives up: %s", err.text);
	line(log, "1");
	ok(vf_log_sync(log, &err) == 0 && holds("owned", "head\n1\n"), "synced lines are in the file");
	line(log, "2");
	vf_log_free(log);
	ok(holds("owned", "head\n1\n"), "lines that were not flushed are lost");
	put_text("owned", "head\n1\n2 but to");
	log = vf_log_owned("owned", "head", 0, &cut, &err);
	ok(log != NULL && cut == 8 && holds("owned", "head\n1\n"), "a torn last line is cut off");
	line(log, "3");
	ok(vf_log_close(log, &err) == 0 && holds("owned", "head\n1\n3\n"), "and the next one stands in its place");
	vf_log_free(log);
	put_text("owned", "hea");
	log = vf_log_owned("owned", "head", 0, &cut, &err);
	ok(log != NULL && cut == 3 && holds("owned", "head\n"), "a torn header is written anew");
	vf_log_free(log);
}

static void
test_long_tail(void)
{
	struct vf_buf b = { 0 };
	struct vf_log *log;
	uint64_t cut = 0;

	vf_buf_add_str(&b, "head\n");
	for (int i = 0; i < 50000; i++)
		vf_buf_add_char(&b, 'x');
	vf_buf_terminate(&b);
	put_text("tail", b.p);
	log = vf_log_owned("tail", "head", 0, &cut, &err);
	ok(log != NULL && cut == 50000 && holds("tail", "head\n"), "a torn line of many blocks is cut off");
	vf_log_free(log);
	vf_buf_free(&b);
}

/* The file is replaced while the second owner waits: it must end up with the new one. */
static void
test_replaced(void)
{
	struct vf_log *log = vf_log_owned("owned", "head", 0, NULL, &err);
	int status;

	fflush(stdout);
	if (fork() == 0) {
		struct vf_log *mine;

		vf_log_free(log);	/* flock: the parent's copy still holds it */
		mine = vf_log_owned("owned", "head", 10000, NULL, &err);
		_exit(mine == NULL || line(mine, "child") < 0 || vf_log_close(mine, &err) < 0);
	}
	usleep(200000);
	put_text("owned.new", "head\nnew\n");
	if (rename("owned.new", "owned") < 0)
		abort();
	usleep(200000);
	vf_log_free(log);
	wait(&status);
	ok(status == 0 && holds("owned", "head\nnew\nchild\n"), "a file replaced during the wait is opened anew");
}

int
main(void)
{
	char dir[] = "/tmp/test-log.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 99;
	fflush(stdout);
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_shared();
	test_many();
	test_torn_shared();
	test_special();
	test_full();
	test_owned();
	test_long_tail();
	test_replaced();
	vf_buf_free(&text);
	if (chdir("/") == 0 && fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	wait(NULL);
	return done_testing();
}
