#include "avro/mill.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/buf.h"

#define SLOTS	8		/* a worker's: enough to go on with while the caller reads and writes */

/* What one thread works with; made when it is needed first. */
struct tools {
	struct vf_inflater *inflater;
	struct vf_deflater *deflater;
};

/* The slots form a ring: filled at `put`, taken by workers at `take`, handed on and free again at `give`. */
struct slot {
	enum { FREE, FILLED, TAKEN, DONE } state;
	struct vf_mill_block block;
	struct vf_buf bytes;		/* the block's, later what was made of them */
	size_t weight;			/* bytes it may come to */
	int rc;				/* of grind() */
	struct vf_error err;
};

struct vf_mill {
	struct vf_mill_options opt;
	struct tools here, share;	/* the caller's thread's: for what it does alone, and as one of the workers */
	struct slot *slots;		/* NULL: no workers, or not yet */
	size_t nslots, put, take, give;
	size_t used, flight;		/* slots that are not FREE, and their weight */
	const struct slot *awaited;	/* the one whose end the caller sleeps for */
	pthread_t *workers;		/* without the caller's thread */
	unsigned nworkers;
	pthread_mutex_t lock;
	pthread_cond_t filled, done;
	bool quit;
};

static void
free_tools(struct tools *t)
{
	vf_inflater_free(t->inflater);
	vf_deflater_free(t->deflater);
	*t = (struct tools){ 0 };
}

/*
 * Does what a block needs; raw becomes what is to be stored.  0, -1, or 1 when
 * it inflates to more than max, which is the inflater's from its first use on.
 */
static int
grind(const struct vf_mill *m, struct tools *t, size_t max, struct vf_mill_block *b, struct vf_error *err)
{
	struct vf_slice data = b->raw;
	int rc;

	if (b->codec != VF_CODEC_NULL) {
		if (t->inflater == NULL && (t->inflater = vf_inflater_new(max, m->opt.strict)) == NULL)
			return vf_error_nomem(err);
		if ((rc = vf_inflate(t->inflater, b->codec, b->raw, &data, err)) != 0)
			return rc;
	}
	if (m->opt.walk != NULL && vf_walk_block(m->opt.walk, b->count, data, err) < 0)
		return -1;
	if (!b->pack)
		return 0;
	if (t->deflater == NULL && (t->deflater = vf_deflater_new(m->opt.codec, m->opt.level)) == NULL)
		return vf_error_nomem(err);
	return vf_deflate(t->deflater, data, &b->raw, err);
}

static int
hand_on(const struct vf_mill *m, const struct vf_mill_block *b, int rc, const struct vf_error *why, struct vf_error *err)
{
	return m->opt.sink(m->opt.ctx, b, rc != 0 ? why : NULL, err);
}

/* In the caller's thread. */
static int
grind_here(struct vf_mill *m, struct vf_mill_block b, struct vf_error *err)
{
	struct vf_error why;
	int rc = grind(m, &m->here, m->opt.block_max, &b, &why);

	return hand_on(m, &b, rc, &why, err);
}

/* The workers */

static void
work_on(const struct vf_mill *m, struct tools *t, struct slot *s)
{
	size_t n = s->block.raw.n;

	s->rc = grind(m, t, m->opt.block_max < VF_MILL_INFLATED ? m->opt.block_max : VF_MILL_INFLATED, &s->block, &s->err);
	if (s->rc != 0 || !s->block.pack)
		return;
	/* The tools' own buffer is for their next block; the slot's has served. */
	vf_buf_clear(&s->bytes);
	s->rc = vf_buf_add_slice(&s->bytes, s->block.raw) < 0 ? vf_error_nomem(&s->err) : 0;
	s->block.raw = vf_buf_slice(&s->bytes);
	if (n > VF_MILL_INFLATED)
		free_tools(t);
}

/* The oldest block that nobody has taken, if there is one.  Called and left with the lock held. */
static bool
work_on_next(struct vf_mill *m, struct tools *t)
{
	struct slot *s = &m->slots[m->take];

	if (s->state != FILLED)
		return false;
	s->state = TAKEN;
	m->take = (m->take + 1) % m->nslots;
	pthread_mutex_unlock(&m->lock);
	work_on(m, t, s);
	pthread_mutex_lock(&m->lock);
	s->state = DONE;
	if (s == m->awaited)
		pthread_cond_signal(&m->done);
	return true;
}

static void *
work(void *mill)
{
	struct vf_mill *m = mill;
	struct tools tools = { 0 };

	pthread_mutex_lock(&m->lock);
	while (!m->quit)
		if (!work_on_next(m, &tools))
			pthread_cond_wait(&m->filled, &m->lock);
	pthread_mutex_unlock(&m->lock);
	free_tools(&tools);
	return NULL;
}

/*
 * As many workers as can be had, the caller's thread being one of them: alone
 * it does the work as it comes.  Signals stay with the caller.
 */
static int
start(struct vf_mill *m, struct vf_error *err)
{
	sigset_t all, before;

	m->nslots = SLOTS * (size_t)m->opt.threads;
	m->slots = calloc(m->nslots, sizeof(*m->slots));
	m->workers = calloc(m->opt.threads - 1, sizeof(*m->workers));
	if (m->slots == NULL || m->workers == NULL)
		return vf_error_nomem(err);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (m->nworkers < m->opt.threads - 1 && pthread_create(&m->workers[m->nworkers], NULL, work, m) == 0)
		m->nworkers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return 0;
}

struct vf_mill *
vf_mill_new(const struct vf_mill_options *opt)
{
	struct vf_mill *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->opt = *opt;
	if (m->opt.threads > VF_MILL_THREADS)
		m->opt.threads = VF_MILL_THREADS;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->filled, NULL);
	pthread_cond_init(&m->done, NULL);
	return m;
}

void
vf_mill_free(struct vf_mill *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->quit = true;
	pthread_cond_broadcast(&m->filled);
	pthread_mutex_unlock(&m->lock);
	for (unsigned i = 0; i < m->nworkers; i++)
		pthread_join(m->workers[i], NULL);
	for (size_t i = 0; m->slots != NULL && i < m->nslots; i++)
		vf_buf_free(&m->slots[i].bytes);
	free_tools(&m->here);
	free_tools(&m->share);
	free(m->slots);
	free(m->workers);
	pthread_mutex_destroy(&m->lock);
	pthread_cond_destroy(&m->filled);
	pthread_cond_destroy(&m->done);
	free(m);
}

/* The ring */

/* Sleeps only when there is nothing left to do but what others are at.  With the lock held. */
static void
await(struct vf_mill *m, const struct slot *s)
{
	while (s->state != DONE)
		if (!work_on_next(m, &m->share)) {
			m->awaited = s;
			pthread_cond_wait(&m->done, &m->lock);
			m->awaited = NULL;
		}
}

/* The oldest block, once it is done. A large one was left to this thread, so that there is one of them at a time. */
static int
give(struct vf_mill *m, struct vf_error *err)
{
	struct slot *s = &m->slots[m->give];
	int rc;

	pthread_mutex_lock(&m->lock);
	await(m, s);
	s->state = FREE;	/* nobody fills it before this thread puts again */
	pthread_mutex_unlock(&m->lock);
	rc = s->rc > 0 ? grind_here(m, s->block, err) : hand_on(m, &s->block, s->rc, &s->err, err);
	m->give = (m->give + 1) % m->nslots;
	m->used--;
	m->flight -= s->weight;
	if (s->bytes.size > VF_MILL_FLIGHT / m->nslots)
		vf_buf_free(&s->bytes);
	return rc;
}

int
vf_mill_drain(struct vf_mill *m, struct vf_error *err)
{
	while (m->used > 0)
		if (give(m, err) < 0)
			return -1;
	return 0;
}

/*
 * The older half is handed on together: one sleep for many blocks, while the
 * workers have the younger half to go on with.
 */
static int
give_half(struct vf_mill *m, struct vf_error *err)
{
	size_t n = (m->used + 1) / 2;

	pthread_mutex_lock(&m->lock);
	await(m, &m->slots[(m->give + n - 1) % m->nslots]);
	pthread_mutex_unlock(&m->lock);
	for (; n > 0; n--)
		if (give(m, err) < 0)
			return -1;
	return 0;
}

static int
fill(struct vf_mill *m, const struct vf_mill_block *b, size_t weight, struct vf_error *err)
{
	struct slot *s = &m->slots[m->put];

	vf_buf_clear(&s->bytes);
	if (vf_buf_add_slice(&s->bytes, b->raw) < 0)
		return vf_error_nomem(err);
	s->block = *b;
	s->block.raw = vf_buf_slice(&s->bytes);
	s->weight = weight;
	m->used++;
	m->flight += weight;
	m->put = (m->put + 1) % m->nslots;
	pthread_mutex_lock(&m->lock);
	s->state = FILLED;
	pthread_cond_signal(&m->filled);
	pthread_mutex_unlock(&m->lock);
	return 0;
}

/* Not what is neither inflated nor compressed, and not what is too large. */
static bool
is_for_workers(const struct vf_mill *m, const struct vf_mill_block *b)
{
	if (b->codec == VF_CODEC_NULL)
		return b->pack && m->opt.codec != VF_CODEC_NULL && b->raw.n < VF_MILL_FLIGHT;
	return b->raw.n <= VF_MILL_INFLATED;
}

int
vf_mill_put(struct vf_mill *m, const struct vf_mill_block *b, struct vf_error *err)
{
	bool theirs = m->opt.threads > 1 && is_for_workers(m, b);
	size_t weight = b->codec != VF_CODEC_NULL && b->pack ? VF_MILL_INFLATED : b->raw.n;

	if (theirs && m->slots == NULL && start(m, err) < 0)
		return -1;
	if (!theirs || m->nworkers == 0)
		return vf_mill_drain(m, err) < 0 ? -1 : grind_here(m, *b, err);
	while (m->used == m->nslots || m->flight + weight > VF_MILL_FLIGHT)
		if (give_half(m, err) < 0)
			return -1;
	return fill(m, b, weight, err);
}
