/* test-file.c -- whole-or-nothing files, what is written in place, spools, locks. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "tap.h"

static struct vf_error err;
static volatile sig_atomic_t stop;

static void
on_alarm(int sig)
{
	(void)sig;
}

/* Interrupts what blocks, again and again. */
static void
alarms(bool on)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, on ? 20000 : 0 }, { 0, on ? 20000 : 0 } };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static int
entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n - 2;
}

static bool
holds(const char *path, const char *text)
{
	struct vf_buf b = { 0 };
	bool same = vf_file_slurp(path, 1 << 20, &b, &err) == 0 && vf_slice_is(vf_buf_slice(&b), text);

	vf_buf_free(&b);
	return same;
}

static void
put_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static int
make(const char *path, const char *text, unsigned flags)
{
	struct vf_file *f = vf_file_create(path, flags, &err);
	int rc = -1;

	if (f != NULL && vf_file_write(f, text, strlen(text), &err) == 0)
		rc = vf_file_commit(f, &err);
	vf_file_free(f);
	return rc;
}

static void
test_whole_or_nothing(void)
{
	struct vf_file *f;

	mkdir("a", 0700);
	put_text("a/f", "old");
	f = vf_file_create("a/f", 0, &err);
	ok(f != NULL && vf_file_write(f, "new", 3, &err) == 0 && vf_file_flush(f, &err) == 0 && holds("a/f", "old"),
		"before the commit the old file stands");
	ok(entries("a") == 2, "the temporary file is in the target's folder");
	ok(vf_file_commit(f, &err) == 0 && holds("a/f", "new") && entries("a") == 1, "the commit replaces it");
	ok(vf_file_commit(f, &err) == 0, "a second commit does nothing");
	vf_file_free(f);
	f = vf_file_create("a/f", 0, &err);
	vf_file_write(f, "x", 1, &err);
	vf_file_free(f);
	ok(holds("a/f", "new") && entries("a") == 1, "without a commit nothing changes and no temporary file stays");
	vf_file_free(NULL);
	umask(027);
	ok(make("a/g", "", 0) == 0 && mode_of("a/g") == 0640, "a new file follows the umask");
	ok(make("a/p", "", VF_FILE_PRIVATE) == 0 && mode_of("a/p") == 0600, "a private file is 0600");
	umask(022);
	unlink("a/g");
	unlink("a/p");
}

static void
test_links(void)
{
	struct stat st;

	mkdir("l", 0700);
	put_text("l/target", "old");
	if (symlink("target", "l/link") < 0 || symlink("link", "l/link2") < 0 || symlink("none", "l/dangling") < 0 ||
		symlink("loop", "l/loop") < 0)
		abort();
	ok(make("l/link2", "new", 0) == 0 && holds("l/target", "new") && lstat("l/link", &st) == 0 &&
		S_ISLNK(st.st_mode), "a link to a link stays, its target is replaced");
	ok(make("l/dangling", "made", 0) == 0 && holds("l/none", "made"), "what a dangling link names is created");
	ok(make("l/loop", "x", 0) < 0 && strcmp(err.text, "l/loop: Too many levels of symbolic links") == 0,
		"a loop of links is an error");
}

static void
test_bad_targets(void)
{
	char longname[400];

	ok(make("l", "x", 0) < 0 && strcmp(err.text, "l: Is a directory") == 0, "a folder is an error: %s", err.text);
	ok(make("none/f", "x", 0) < 0 && strcmp(err.text, "none/f: No such file or directory") == 0,
		"a folder that is not there is an error");
	ok(make("none/", "x", 0) < 0, "a name that ends in a slash is an error");
	ok(make("", "x", 0) < 0, "an empty name is an error");
	memset(longname, 'n', 255);
	longname[255] = '\0';
	ok(make(longname, "x", 0) == 0 && holds(longname, "x"), "a name of 255 bytes works");
	unlink(longname);
	memset(longname, 'n', 256);
	longname[256] = '\0';
	ok(make(longname, "x", 0) < 0, "a name of 256 bytes is an error");
}

static void
test_in_place(void)
{
	char path[40], got[8] = "";
	int p[2], sv[2];
	struct stat st;
	pid_t pid;

	ok(make("/dev/null", "x", 0) == 0 && stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode),
		"/dev/null is written to, not replaced");
	ok(make("/dev/full", "x", 0) < 0 && strcmp(err.text, "/dev/full: No space left on device") == 0,
		"/dev/full is a full disk");
	mkfifo("fifo", 0600);
	pid = fork();
	if (pid == 0) {
		alarms(true);	/* opening a FIFO waits, and is tried again after signals */
		_exit(make("fifo", "hello", 0) == 0 ? 0 : 1);
	}
	usleep(100000);
	ok(holds("fifo", "hello") && stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode), "a FIFO is written to, not replaced");
	waitpid(pid, &p[0], 0);
	ok(p[0] == 0, "and its writer ended well");
	if (pipe(p) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		abort();
	snprintf(path, sizeof(path), "/dev/fd/%d", p[1]);
	ok(make(path, "pipe", 0) == 0 && read(p[0], got, 4) == 4 && strcmp(got, "pipe") == 0, "/dev/fd/N may be a pipe");
	snprintf(path, sizeof(path), "/dev/fd/%d", sv[1]);
	ok(make(path, "sock", 0) == 0 && read(sv[0], got, 4) == 4 && strcmp(got, "sock") == 0,
		"/dev/fd/N may be a socket");
	put_text("shared", "begin ");
	p[0] = open("shared", O_WRONLY | O_APPEND);
	snprintf(path, sizeof(path), "/dev/fd/%d", p[0]);
	ok(make(path, "end", 0) == 0 && holds("shared", "begin end"), "/dev/fd/N keeps the offset of a regular file");
}

/* Runs fn in a child whose standard output is fd (-1: closed); returns its exit status. */
static int
with_stdout(int fd, int (*fn)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		signal(SIGPIPE, SIG_IGN);
		close(STDOUT_FILENO);
		if (fd >= 0)
			dup2(fd, STDOUT_FILENO);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int
commit_stdout(void)
{
	struct vf_file *f = vf_file_create(NULL, 0, &err);
	int rc = vf_file_write(f, "x", 1, &err) < 0 || vf_file_commit(f, &err) < 0;
	int reused = open("/dev/null", O_RDONLY);

	if (rc != 0)
		return (int)err.kind + 10;
	if (reused != STDOUT_FILENO)
		return 1;	/* it was not closed */
	vf_file_free(f);
	return fcntl(STDOUT_FILENO, F_GETFD) < 0 ? 2 : 0;	/* it was closed twice */
}

static void
test_stdout(void)
{
	int p[2], full = open("/dev/full", O_WRONLY);

	if (pipe(p) < 0)
		abort();
	ok(with_stdout(p[1], commit_stdout) == 0, "standard output is closed at the commit, and once");
	close(p[0]);
	ok(with_stdout(p[1], commit_stdout) == 10 + VF_ERR_PIPE, "a reader that went away is VF_ERR_PIPE");
	ok(with_stdout(full, commit_stdout) == 10 + VF_ERR_FAILED, "a full disk behind it is a failure");
	ok(with_stdout(-1, commit_stdout) == 10 + VF_ERR_FAILED, "a closed standard output is a failure");
	close(p[1]);
	close(full);
}

/* Bytes 0, 1, 2, … in pieces of all sizes come out whole. */
static void
test_blocks(void)
{
	static unsigned char data[3 << 20];
	static const size_t pieces[] = { 1, 7, 262143, 262144, 262145, 600000, 65536, 3 };
	struct vf_file *f = vf_file_create("blocks", 0, &err);
	struct vf_buf b = { 0 };
	size_t at = 0;
	bool good = f != NULL;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 2654435761U >> 13);
	for (size_t i = 0; at < sizeof(data); i++) {
		size_t n = pieces[i % 8] < sizeof(data) - at ? pieces[i % 8] : sizeof(data) - at;

		good &= vf_file_write(f, data + at, n, &err) == 0;
		at += n;
	}
	good &= vf_file_commit(f, &err) == 0;
	vf_file_free(f);
	ok(good && vf_file_slurp("blocks", sizeof(data), &b, &err) == 0 && b.n == sizeof(data) &&
		memcmp(b.p, data, b.n) == 0, "pieces of all sizes come out in order");
	ok(vf_file_slurp("blocks", sizeof(data) - 1, &b, &err) < 0 && strstr(err.text, "blocks: larger than") != NULL,
		"slurp stops at its limit");
	ok(vf_file_slurp("l", 10, &b, &err) < 0 && strcmp(err.text, "l: Is a directory") == 0, "slurp of a folder fails");
	vf_buf_free(&b);
}

static int
over_the_limit(void)
{
	static char data[1 << 20];
	struct rlimit limit = { 300000, 300000 };
	struct vf_file *f;
	int rc;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	f = vf_file_create("a/f", 0, &err);
	rc = vf_file_write(f, data, sizeof(data), &err);
	rc = rc < 0 && vf_file_commit(f, &err) < 0 && strstr(err.text, "a/f: ") == err.text;
	vf_file_free(f);
	return rc ? 0 : 1;
}

static void
test_full(void)
{
	ok(with_stdout(-1, over_the_limit) == 0 && holds("a/f", "new") && entries("a") == 1,
		"after a failed write there is no commit: the old file stays");
}

static void
test_signals(void)
{
	static char data[1 << 20];
	int p[2];
	char path[40];
	struct vf_file *f;

	if (pipe(p) < 0)
		abort();
	alarms(true);
	stop = 1;
	ok(vf_file_read(p[0], data, 1, "in", &err) < 0 && err.kind == VF_ERR_STOPPED, "a blocked read gives up");
	snprintf(path, sizeof(path), "/dev/fd/%d", p[1]);
	f = vf_file_create(path, 0, &err);
	ok(vf_file_write(f, data, sizeof(data), &err) < 0 && err.kind == VF_ERR_STOPPED, "so does a blocked write");
	vf_file_free(f);
	f = vf_file_create("fifo", 0, &err);
	ok(f == NULL && err.kind == VF_ERR_STOPPED, "so does a FIFO that waits for its reader");
	stop = 0;
	alarms(false);
	close(p[0]);
	close(p[1]);
}

static void
test_spool(void)
{
	char got[8] = "";
	struct stat st;
	int fd, from;

	put_text("src", "0123456");
	from = open("src", O_RDONLY);
	lseek(from, 3, SEEK_SET);
	fd = vf_file_spool_from(from, "src", ".", &err);
	ok(fd >= 0 && read(fd, got, 8) == 4 && strcmp(got, "3456") == 0, "a spool holds the rest of its source, rewound");
	ok(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0777) == 0600, "it has no name and is private");
	close(fd);
	close(from);
	ok(vf_file_spool("none", &err) < 0 && strcmp(err.text, "none: No such file or directory") == 0,
		"a spool folder that is not there is an error");
}

static void
test_pipe_and_lock(void)
{
	int p[2], one, two;

	if (pipe(p) < 0)
		abort();
	vf_file_widen_pipe(p[0]);
	ok(fcntl(p[1], F_GETPIPE_SZ) >= 1 << 16, "a pipe is widened");
	vf_file_widen_pipe(open("src", O_RDONLY));
	one = open("src", O_RDWR);
	two = open("src", O_RDWR);
	ok(vf_file_lock(one, "src", 0, &err) == 0, "a free lock is taken");
	ok(vf_file_lock(two, "src", 100, &err) < 0 && err.kind == VF_ERR_TEMPORARY,
		"a second descriptor of the same process has to wait");
	close(one);
	ok(vf_file_lock(two, "src", 0, &err) == 0, "closing gives it back");
	one = open("src", O_RDWR);
	stop = 1;
	ok(vf_file_lock(one, "src", 60000, &err) < 0 && err.kind == VF_ERR_STOPPED, "the stop flag ends the wait");
	stop = 0;
}

int
main(void)
{
	char dir[] = "/tmp/test-file.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		return 99;
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	vf_file_stop_on(&stop);
	test_whole_or_nothing();
	test_links();
	test_bad_targets();
	test_in_place();
	test_stdout();
	test_blocks();
	test_full();
	test_signals();
	test_spool();
	test_pipe_and_lock();
	if (chdir("/") == 0 && fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	wait(NULL);
	return done_testing();
}
