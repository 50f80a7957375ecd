#include "base/digester.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define PIECES 16

struct piece {
	struct vf_digest *digest;
	const void *p;
	size_t n;
};

struct vf_digester {
	bool threaded, quit;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, less;
	struct piece pieces[PIECES];		/* a ring: piece number i at i % PIECES */
	uint64_t added, done;
};

static void *
work(void *digester)
{
	struct vf_digester *d = digester;

	pthread_mutex_lock(&d->lock);
	for (;;) {
		struct piece piece;

		while (d->done == d->added && !d->quit)
			pthread_cond_wait(&d->more, &d->lock);
		if (d->done == d->added)
			break;
		piece = d->pieces[d->done % PIECES];
		pthread_mutex_unlock(&d->lock);
		vf_digest_add(piece.digest, piece.p, piece.n);
		pthread_mutex_lock(&d->lock);
		d->done++;
		pthread_cond_signal(&d->less);
	}
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct vf_digester *
vf_digester_new(struct vf_error *err)
{
	struct vf_digester *d = calloc(1, sizeof(*d));
	sigset_t all, before;

	if (d == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	pthread_cond_init(&d->less, NULL);
	/* A signal has to interrupt the caller's reads and writes, so the thread takes none. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	d->threaded = pthread_create(&d->thread, NULL, work, d) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return d;
}

void
vf_digester_free(struct vf_digester *d)
{
	if (d == NULL)
		return;
	if (d->threaded) {
		pthread_mutex_lock(&d->lock);
		d->quit = true;
		pthread_cond_signal(&d->more);
		pthread_mutex_unlock(&d->lock);
		pthread_join(d->thread, NULL);
	}
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->more);
	pthread_cond_destroy(&d->less);
	free(d);
}

uint64_t
vf_digester_add(struct vf_digester *d, struct vf_digest *digest, const void *p, size_t n)
{
	uint64_t ticket;

	if (!d->threaded) {
		vf_digest_add(digest, p, n);
		d->done++;
		return ++d->added;
	}
	pthread_mutex_lock(&d->lock);
	while (d->added - d->done == PIECES)
		pthread_cond_wait(&d->less, &d->lock);
	d->pieces[d->added % PIECES] = (struct piece){ digest, p, n };
	ticket = ++d->added;
	pthread_cond_signal(&d->more);
	pthread_mutex_unlock(&d->lock);
	return ticket;
}

void
vf_digester_wait(struct vf_digester *d, uint64_t ticket)
{
	if (!d->threaded)
		return;
	pthread_mutex_lock(&d->lock);
	while (d->done < ticket)
		pthread_cond_wait(&d->less, &d->lock);
	pthread_mutex_unlock(&d->lock);
}
