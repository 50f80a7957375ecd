#include "avro/packer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/buf.h"

/* The slots form a ring: filled at `put`, taken by workers at `take`, handed on and free again at `give`. */
struct slot {
	enum { FREE, FILLED, TAKEN, DONE } state;
	struct vf_deflater *deflater;
	struct vf_buf data;
	uint64_t count;
	struct vf_slice raw;
	int rc;
	struct vf_error err;
};

struct vf_packer {
	vf_packer_sink *sink;
	void *ctx;
	struct slot *slots;
	size_t nslots, put, take, give;
	pthread_t *workers;
	unsigned nworkers;
	pthread_mutex_t lock;
	pthread_cond_t filled, done;
	bool quit;
};

static void *
work(void *packer)
{
	struct vf_packer *p = packer;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct slot *s = &p->slots[p->take];

		if (p->quit)
			break;
		if (s->state != FILLED) {
			pthread_cond_wait(&p->filled, &p->lock);
			continue;
		}
		s->state = TAKEN;
		p->take = (p->take + 1) % p->nslots;
		pthread_mutex_unlock(&p->lock);
		s->rc = vf_deflate(s->deflater, vf_buf_slice(&s->data), &s->raw, &s->err);
		pthread_mutex_lock(&p->lock);
		s->state = DONE;
		pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* As many workers as can be had: with none, the caller's thread does the work. Signals stay with the caller. */
static void
start(struct vf_packer *p, unsigned threads)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->nworkers < threads && pthread_create(&p->workers[p->nworkers], NULL, work, p) == 0)
		p->nworkers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct vf_packer *
vf_packer_new(enum vf_codec codec, int level, unsigned threads, vf_packer_sink *sink, void *ctx)
{
	struct vf_packer *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	if (threads > VF_PACKER_THREADS)
		threads = VF_PACKER_THREADS;
	if (threads < 2 || codec == VF_CODEC_NULL)
		threads = 0;
	p->sink = sink;
	p->ctx = ctx;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->filled, NULL);
	pthread_cond_init(&p->done, NULL);
	p->nslots = threads > 0 ? 2 * (size_t)threads : 1;
	p->slots = calloc(p->nslots, sizeof(*p->slots));
	p->workers = calloc((size_t)threads + 1, sizeof(*p->workers));
	for (size_t i = 0; p->slots != NULL && i < p->nslots; i++)
		if ((p->slots[i].deflater = vf_deflater_new(codec, level)) == NULL) {
			vf_packer_free(p);
			return NULL;
		}
	if (p->slots == NULL || p->workers == NULL) {
		vf_packer_free(p);
		return NULL;
	}
	start(p, threads);
	return p;
}

/* The oldest block, once it is done. */
static int
give(struct vf_packer *p, struct vf_error *err)
{
	struct slot *s = &p->slots[p->give];
	int rc;

	pthread_mutex_lock(&p->lock);
	while (s->state != DONE)
		pthread_cond_wait(&p->done, &p->lock);
	s->state = FREE;	/* nobody fills it before this thread puts again */
	pthread_mutex_unlock(&p->lock);
	p->give = (p->give + 1) % p->nslots;
	rc = s->rc;
	if (rc < 0)
		*err = s->err;
	else
		rc = p->sink(p->ctx, s->count, s->raw, err);
	return rc;
}

static bool
is_free(struct vf_packer *p, const struct slot *s)
{
	bool is;

	pthread_mutex_lock(&p->lock);
	is = s->state == FREE;
	pthread_mutex_unlock(&p->lock);
	return is;
}

int
vf_packer_put(struct vf_packer *p, uint64_t count, struct vf_slice data, struct vf_error *err)
{
	struct slot *s = &p->slots[p->put];

	if (p->nworkers == 0) {
		if (vf_deflate(s->deflater, data, &s->raw, err) < 0)
			return -1;
		return p->sink(p->ctx, count, s->raw, err);
	}
	if (!is_free(p, s) && give(p, err) < 0)
		return -1;
	vf_buf_clear(&s->data);
	if (vf_buf_add_slice(&s->data, data) < 0)
		return vf_error_nomem(err);
	s->count = count;
	pthread_mutex_lock(&p->lock);
	s->state = FILLED;
	pthread_cond_signal(&p->filled);
	pthread_mutex_unlock(&p->lock);
	p->put = (p->put + 1) % p->nslots;
	return 0;
}

int
vf_packer_drain(struct vf_packer *p, struct vf_error *err)
{
	while (p->nworkers > 0 && !is_free(p, &p->slots[p->give]))
		if (give(p, err) < 0)
			return -1;
	return 0;
}

void
vf_packer_free(struct vf_packer *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->filled);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nworkers; i++)
		pthread_join(p->workers[i], NULL);
	for (size_t i = 0; p->slots != NULL && i < p->nslots; i++) {
		vf_deflater_free(p->slots[i].deflater);
		vf_buf_free(&p->slots[i].data);
	}
	free(p->slots);
	free(p->workers);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->filled);
	pthread_cond_destroy(&p->done);
	free(p);
}
