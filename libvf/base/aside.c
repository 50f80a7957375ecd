#include "base/aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum state { IDLE, ASKED, ENDED };

struct vf_aside {
	int (*job)(void *, struct vf_error *);
	void (*over)(void *);
	void *arg, *over_arg;
	bool threaded, quit;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked, ended;
	enum state state;
	int rc;				/* of the last job, and what it said */
	struct vf_error err;
};

/* Called and left with the lock held; the job itself, and `over`, run without it. */
static void
do_job(struct vf_aside *a)
{
	struct vf_error err = { 0 };
	int rc;

	pthread_mutex_unlock(&a->lock);
	rc = a->job(a->arg, &err);
	pthread_mutex_lock(&a->lock);
	a->rc = rc;
	a->err = err;
	a->state = ENDED;
	pthread_cond_signal(&a->ended);
	if (a->over == NULL)
		return;
	pthread_mutex_unlock(&a->lock);
	a->over(a->over_arg);
	pthread_mutex_lock(&a->lock);
}

static void *
work(void *aside)
{
	struct vf_aside *a = aside;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (a->state != ASKED && !a->quit)
			pthread_cond_wait(&a->asked, &a->lock);
		if (a->state != ASKED)
			break;
		do_job(a);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct vf_aside *
vf_aside_new(int (*job)(void *, struct vf_error *), void *arg, void (*over)(void *), void *over_arg,
	struct vf_error *err)
{
	struct vf_aside *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	a->job = job;
	a->arg = arg;
	a->over = over;
	a->over_arg = over_arg;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->asked, NULL);
	pthread_cond_init(&a->ended, NULL);
	return a;
}

void
vf_aside_free(struct vf_aside *a)
{
	if (a == NULL)
		return;
	if (a->threaded) {
		pthread_mutex_lock(&a->lock);
		a->quit = true;
		pthread_cond_signal(&a->asked);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->asked);
	pthread_cond_destroy(&a->ended);
	free(a);
}

static void
start_thread(struct vf_aside *a)
{
	sigset_t all, before;

	/* A signal has to interrupt the caller's waiting, so the thread takes none. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	a->threaded = pthread_create(&a->thread, NULL, work, a) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
vf_aside_start(struct vf_aside *a)
{
	if (!a->threaded)
		start_thread(a);
	pthread_mutex_lock(&a->lock);
	if (a->threaded) {
		a->state = ASKED;
		pthread_cond_signal(&a->asked);
	} else {
		do_job(a);
	}
	pthread_mutex_unlock(&a->lock);
}

void
vf_aside_wait(struct vf_aside *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->state == ASKED)
		pthread_cond_wait(&a->ended, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

bool
vf_aside_ended(struct vf_aside *a, int *rc, struct vf_error *err)
{
	bool ended;

	pthread_mutex_lock(&a->lock);
	ended = a->state == ENDED;
	if (ended) {
		a->state = IDLE;
		*rc = a->rc;
		if (a->rc < 0)
			*err = a->err;
	}
	pthread_mutex_unlock(&a->lock);
	return ended;
}
