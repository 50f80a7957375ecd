/* child.c -- a command as our child, and which process is which. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOCK_FD 200		/* the least number of the lock in the command */

static int
read_line(const char *path, char *to, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n;

	to[0] = '\0';
	if (f == NULL)
		return -1;
	n = fread(to, 1, size - 1, f);
	fclose(f);
	to[n] = '\0';
	to[strcspn(to, "\n")] = '\0';
	return 0;
}

/* When the process started, in ticks since boot; 0 when there is none, or only its remains. */
static uint64_t
start_ticks(uint64_t pid)
{
	char path[48], stat[1024];
	char *field;
	char *save;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	if (read_line(path, stat, sizeof(stat)) < 0)
		return 0;
	/* `pid (name) state ppid …`: the name may hold anything; the start is the 22nd field. */
	field = strrchr(stat, ')');
	if (field == NULL || (field = strtok_r(field + 1, " ", &save)) == NULL || *field == 'Z' || *field == 'X')
		return 0;
	for (int i = 3; i < 22 && field != NULL; i++)
		field = strtok_r(NULL, " ", &save);
	return field != NULL ? strtoull(field, NULL, 10) : 0;
}

void
vf_process_identify(struct vf_process *p, pid_t pid)
{
	*p = (struct vf_process){ .pid = (uint64_t)pid, .ticks = start_ticks((uint64_t)pid) };
	read_line("/proc/sys/kernel/random/boot_id", p->boot, sizeof(p->boot));
	if (gethostname(p->host, sizeof(p->host) - 1) < 0)
		p->host[0] = '\0';
}

/*
 * True when the process that a status names runs on this machine.  Of another
 * machine, or an earlier boot, nothing can be seen: there the lock decides,
 * which we hold, so that the process counts as gone.
 */
bool
vf_process_alive(const struct vf_process *p)
{
	struct vf_process me;

	vf_process_identify(&me, getpid());
	return p->pid != 0 && p->ticks != 0 && strcmp(p->host, me.host) == 0 && strcmp(p->boot, me.boot) == 0 &&
		start_ticks(p->pid) == p->ticks;
}

/* The child's side: waits until the status names it, then becomes the command; tells errno when it cannot. */
static void
become(char *const *command, int lock, int gate, const sigset_t *mask)
{
	static const int ignored[] = { SIGPIPE, SIGXFSZ };
	char go;
	int cause;

	if (read(gate, &go, 1) != 1)
		_exit(127);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_DFL);
	/*
	 * The command keeps the lock should we be killed, so that no second one
	 * starts beside it; on a number that no script takes for itself.
	 */
	if (fcntl(lock, F_DUPFD, LOCK_FD) < 0)
		fcntl(lock, F_SETFD, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	cause = errno;
	if (write(gate, &cause, sizeof(cause)) < 0)
		_exit(126);
	_exit(127);
}

/* The signals to wait for: the child's end, and those that end us unless they are ignored. */
static void
watched(sigset_t *set)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction old;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaddset(set, ends[i]);
}

/* Waits for the child and passes signals on to it; *caught is the last of them, or 0. */
static int
wait_for(pid_t pid, const sigset_t *set, int *caught)
{
	siginfo_t info;
	int wstatus = 0;

	*caught = 0;
	while (waitpid(pid, &wstatus, WNOHANG) != pid) {
		int sig = sigwaitinfo(set, &info);

		if (sig <= 0 || sig == SIGCHLD)
			continue;
		*caught = sig;
		/* What the terminal sends, it sends to the child too. */
		if (info.si_code != SI_KERNEL)
			kill(pid, sig);
	}
	return wstatus;
}

int
vf_child_fork(struct vf_child *c, char *const *command, int lock, struct vf_error *err)
{
	int gate[2];

	*c = (struct vf_child){ .command = command[0], .gate = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate) < 0)
		return vf_error_errno(err, "socketpair");
	watched(&c->watched);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &c->watched, &c->before);
	c->pid = fork();
	if (c->pid == 0) {
		close(gate[0]);
		become(command, lock, gate[1], &c->before);
	}
	close(gate[1]);
	if (c->pid > 0) {
		c->gate = gate[0];
		return 0;
	}
	vf_error_errno(err, "fork");
	close(gate[0]);
	sigprocmask(SIG_SETMASK, &c->before, NULL);
	return -1;
}

/* Signals are ours again; one that was caught comes to our own handler. */
static void
let_go(const struct vf_child *c)
{
	sigprocmask(SIG_SETMASK, &c->before, NULL);
	if (c->caught != 0)
		raise(c->caught);
}

void
vf_child_cancel(struct vf_child *c)
{
	close(c->gate);
	wait_for(c->pid, &c->watched, &c->caught);
	let_go(c);
}

int
vf_child_run(struct vf_child *c, int *wstatus, struct vf_error *err)
{
	ssize_t n = -1;
	int cause = 0;

	if (send(c->gate, "g", 1, MSG_NOSIGNAL) == 1)
		while ((n = read(c->gate, &cause, sizeof(cause))) < 0 && errno == EINTR)
			;
	close(c->gate);
	*wstatus = wait_for(c->pid, &c->watched, &c->caught);
	let_go(c);
	if (n == (ssize_t)sizeof(cause))
		return vf_error(err, VF_ERR_CONFIG, "%s: %s", c->command, strerror(cause));
	return 0;
}
