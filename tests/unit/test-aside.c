/* test-aside.c -- a job runs once for each start, beside the caller, and its end is told once. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE			/* RTLD_NEXT */
#endif
#include "base/aside.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

static atomic_int runs, overs, hurry;
static bool refused;			/* there are no threads */

int
pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (refused)
		return EAGAIN;
	if (real == NULL) {
		void *symbol = dlsym(RTLD_NEXT, "pthread_create");

		memcpy(&real, &symbol, sizeof(real));
	}
	return real(thread, attr, start, arg);
}

static int
job(void *arg, struct vf_error *err)
{
	const int *fail_at = arg;

	runs++;
	for (int i = 0; i < 300 && !hurry; i++)
		usleep(1000);
	return runs == *fail_at ? vf_error(err, VF_ERR_FAILED, "run %d", *fail_at) : (int)runs;
}

static void
over(void *arg)
{
	(*(atomic_int *)arg)++;
}

static bool
wait_for_end(struct vf_aside *a, int *rc, struct vf_error *err)
{
	for (int i = 0; i < 5000; i++) {
		if (vf_aside_ended(a, rc, err))
			return true;
		usleep(1000);
	}
	return false;
}

int
main(void)
{
	struct vf_error err = { 0 };
	int fail_at = 2, rc = 7;
	struct vf_aside *a = vf_aside_new(job, &fail_at, over, &overs, &err);

	ok(!vf_aside_ended(a, &rc, &err) && rc == 7, "nothing was started, and nothing has ended");
	vf_aside_start(a);
	ok(!vf_aside_ended(a, &rc, &err) && rc == 7, "a job that lasts does not hold the caller");
	hurry = 1;
	ok(wait_for_end(a, &rc, &err) && rc == 1 && runs == 1, "it ends, with what it returned");
	ok(!vf_aside_ended(a, &rc, &err), "which is told once");
	vf_aside_start(a);
	ok(wait_for_end(a, &rc, &err) && rc == -1 && err.kind == VF_ERR_FAILED && strcmp(err.text, "run 2") == 0,
		"an error comes with its words");
	for (int i = 0; i < 1000; i++) {
		vf_aside_start(a);
		if (!wait_for_end(a, &rc, &err) || rc != i + 3)
			ok(false, "start number %d", i + 3);
	}
	hurry = 0;
	vf_aside_start(a);
	vf_aside_wait(a);
	ok(vf_aside_ended(a, &rc, &err) && rc == 1003, "a wait ends with the job");
	vf_aside_wait(a);
	hurry = 1;
	vf_aside_start(a);
	vf_aside_free(a);
	ok(runs == 1004 && overs == 1004, "a job that runs is waited for, and after each somebody is told: %d, %d", runs, overs);
	vf_aside_free(NULL);
	refused = true;
	a = vf_aside_new(job, &fail_at, over, &overs, &err);
	vf_aside_start(a);
	ok(runs == 1005 && overs == 1005 && vf_aside_ended(a, &rc, &err) && rc == 1005,
		"without threads it is done when it was started, and somebody is told all the same");
	vf_aside_wait(a);
	vf_aside_free(a);
	vf_aside_free(vf_aside_new(job, &fail_at, NULL, NULL, &err));
	return done_testing();
}
