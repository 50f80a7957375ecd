/*
 * measure -- runs a command; writes "seconds cpu-seconds peak-KiB status" to a file.
 *
 * A program of its own, because a child's peak starts at its parent's: under
 * Python nothing would measure less than Python itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double
since(const struct timespec *a)
{
	struct timespec b;

	clock_gettime(CLOCK_MONOTONIC, &b);
	return (double)(b.tv_sec - a->tv_sec) + (double)(b.tv_nsec - a->tv_nsec) / 1e9;
}

int
main(int argc, char **argv)
{
	struct timespec start;
	struct rusage used;
	double wall;
	int status;
	FILE *report;
	pid_t pid;

	if (argc < 3) {
		fputs("Usage: measure REPORT COMMAND [ARGUMENT]...\n", stderr);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
		perror("measure");
		return 1;
	}
	wall = since(&start);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	report = fopen(argv[1], "w");
	if (report == NULL || fprintf(report, "%.4f %.4f %ld %d\n", wall,
	    seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss, status) < 0 || fclose(report) != 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
