#include "net/inflight.h"

#include <sodium.h>
#include <stdlib.h>

#define KEEP ((size_t)64 << 10)		/* memory that a record keeps for the next one */

struct vf_inflight {
	unsigned char seed[crypto_shorthash_KEYBYTES];
	struct vf_inflight_record **buckets;	/* of the records that hold their key, by its hash */
	size_t mask;
	struct vf_inflight_record *free;
	struct vf_inflight_record *first, **last;	/* ready */
	size_t ready, count, bytes, max_count, max_bytes;
};

struct vf_inflight *
vf_inflight_new(size_t records, size_t bytes, struct vf_error *err)
{
	struct vf_inflight *f = calloc(1, sizeof *f);
	size_t n = 64;

	while (n < 2 * records)
		n *= 2;
	if (f == NULL || (f->buckets = calloc(n, sizeof(*f->buckets))) == NULL) {
		free(f);
		vf_error_nomem(err);
		return NULL;
	}
	f->mask = n - 1;
	f->last = &f->first;
	f->max_count = records;
	f->max_bytes = bytes;
	crypto_shorthash_keygen(f->seed);
	return f;
}

static void
free_list(struct vf_inflight_record *r, bool chained)
{
	while (r != NULL) {
		struct vf_inflight_record *next = chained ? r->chain : r->next;

		if (chained)
			free_list(r->waiting, false);
		vf_buf_free(&r->bytes);
		free(r);
		r = next;
	}
}

void
vf_inflight_free(struct vf_inflight *f)
{
	if (f == NULL)
		return;
	/* Each record is free, holds its key in a bucket, or waits for one that does. */
	for (size_t i = 0; i <= f->mask; i++)
		free_list(f->buckets[i], true);
	free_list(f->free, false);
	free(f->buckets);
	free(f);
}

/* Two keys of one hash are taken for one: then the later waits without need. */
static struct vf_inflight_record **
find(struct vf_inflight *f, uint64_t hash)
{
	struct vf_inflight_record **at = &f->buckets[hash & f->mask];

	while (*at != NULL && (*at)->hash != hash)
		at = &(*at)->chain;
	return at;
}

static void
push_ready(struct vf_inflight *f, struct vf_inflight_record *r)
{
	r->next = NULL;
	*f->last = r;
	f->last = &r->next;
	f->ready++;
}

static struct vf_inflight_record *
new_record(struct vf_inflight *f)
{
	struct vf_inflight_record *r = f->free;

	if (r == NULL)
		return calloc(1, sizeof *r);
	f->free = r->next;
	return r;
}

static void
give_back(struct vf_inflight *f, struct vf_inflight_record *r)
{
	f->count--;
	f->bytes -= r->bytes.n;
	if (r->bytes.size > KEEP)
		vf_buf_free(&r->bytes);
	r->next = f->free;
	f->free = r;
}

int
vf_inflight_add(struct vf_inflight *f, struct vf_slice data, struct vf_slice key, uint64_t lineno, uint16_t file,
	struct vf_error *err)
{
	struct vf_inflight_record *r, **holder;
	unsigned char digest[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(digest, (const unsigned char *)key.p, key.n, f->seed);
	memcpy(&hash, digest, sizeof hash);
	holder = find(f, hash);
	if (*holder != NULL && (*holder)->lost)
		return 0;
	r = new_record(f);
	if (r == NULL)
		return vf_error_nomem(err);
	vf_buf_clear(&r->bytes);
	vf_buf_add_slice(&r->bytes, data);
	if (vf_buf_add_slice(&r->bytes, key) < 0 || r->bytes.failed) {
		vf_buf_free(&r->bytes);
		free(r);
		return vf_error_nomem(err);
	}
	r->data = data.n;
	r->lineno = lineno;
	r->file = file;
	r->hash = hash;
	r->next = r->chain = r->waiting = NULL;
	r->last = &r->waiting;
	r->lost = false;
	f->count++;
	f->bytes += r->bytes.n;
	if (*holder != NULL) {
		*(*holder)->last = r;
		(*holder)->last = &r->next;
	} else {
		*holder = r;
		push_ready(f, r);
	}
	return 1;
}

bool
vf_inflight_full(const struct vf_inflight *f)
{
	return f->count >= f->max_count || f->bytes >= f->max_bytes;
}

struct vf_inflight_record *
vf_inflight_peek(const struct vf_inflight *f)
{
	return f->first;
}

struct vf_inflight_record *
vf_inflight_take(struct vf_inflight *f)
{
	struct vf_inflight_record *r = f->first;

	if (r == NULL)
		return NULL;
	f->first = r->next;
	if (f->first == NULL)
		f->last = &f->first;
	f->ready--;
	return r;
}

size_t
vf_inflight_ready(const struct vf_inflight *f)
{
	return f->ready;
}

size_t
vf_inflight_count(const struct vf_inflight *f)
{
	return f->count;
}

void
vf_inflight_delivered(struct vf_inflight *f, struct vf_inflight_record *r)
{
	struct vf_inflight_record **holder = find(f, r->hash), *heir = r->waiting;

	if (heir == NULL) {
		*holder = r->chain;
	} else {
		/* The longest waiting one holds the key now, and the others wait for it. */
		heir->chain = r->chain;
		heir->waiting = heir->next;
		heir->last = heir->waiting != NULL ? r->last : &heir->waiting;
		*holder = heir;
		push_ready(f, heir);
	}
	give_back(f, r);
}

int
vf_inflight_lost(struct vf_inflight *f, struct vf_inflight_record *r, int (*lost)(void *, const struct vf_inflight_record *),
	void *arg)
{
	struct vf_inflight_record *next = r->waiting, *w;
	int rc = lost(arg, r);

	while ((w = next) != NULL) {
		next = w->next;
		if (rc == 0)
			rc = lost(arg, w);
		give_back(f, w);
	}
	/* It stays in its place, without its bytes, as the mark of the key. */
	r->waiting = NULL;
	r->lost = true;
	f->count--;
	f->bytes -= r->bytes.n;
	vf_buf_free(&r->bytes);
	return rc;
}
