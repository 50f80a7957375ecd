#include "base/sorter.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

#define FAN_IN 64			/* runs merged at a time */
#define READ_BLOCK ((size_t)64 << 10)
#define HEAD 8				/* bytes before a record: the lengths of key and value */

/* A record in memory: the first bytes of its key settle most comparisons. */
struct item {
	uint64_t prefix;
	const char *p;			/* head, key, value */
};

struct run {
	uint64_t at, size;		/* in the spool */
};

/* A run being read. */
struct source {
	uint64_t at, left;
	char *p;
	size_t n, used, size;		/* bytes in p, how many are dealt with, allocated */
	struct item item;		/* the record at hand, in p */
};

struct vf_sorter {
	size_t budget;
	const char *dir;
	char *bytes;
	size_t used, size;
	struct item *items;
	size_t n, room;
	int fd;				/* the spool, or -1 */
	uint64_t end;			/* of what the spool holds */
	struct run *runs;
	size_t nruns, runs_room;
	struct source *sources;		/* those being merged */
	size_t nsources;
	size_t heap[FAN_IN];		/* the sources that have a record, the first in order at the top */
	size_t nheap;
	size_t next;			/* of the items, when nothing was spooled */
	bool started;			/* the record at the top was handed out */
	char out[READ_BLOCK];
	size_t nout;
};

static uint32_t
get32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static struct vf_slice
item_key(const struct item *item)
{
	return vf_slice(item->p + HEAD, get32(item->p));
}

static struct vf_slice
item_value(const struct item *item)
{
	return vf_slice(item->p + HEAD + get32(item->p), get32(item->p + 4));
}

static size_t
item_size(const struct item *item)
{
	return HEAD + (size_t)get32(item->p) + get32(item->p + 4);
}

static uint64_t
prefix_of(struct vf_slice key)
{
	uint64_t w = 0;

	for (size_t i = 0; i < 8; i++)
		w = w << 8 | (i < key.n ? (unsigned char)key.p[i] : 0);
	return w;
}

static int
item_cmp(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->prefix != y->prefix)
		return x->prefix < y->prefix ? -1 : 1;
	return vf_slice_cmp(item_key(x), item_key(y));
}

struct vf_sorter *
vf_sorter_new(size_t budget, const char *dir, struct vf_error *err)
{
	struct vf_sorter *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	s->budget = budget;
	s->dir = dir;
	s->fd = -1;
	return s;
}

static void
free_sources(struct vf_sorter *s)
{
	for (size_t i = 0; i < s->nsources; i++)
		free(s->sources[i].p);
	free(s->sources);
	s->sources = NULL;
	s->nsources = s->nheap = 0;
}

static void
free_items(struct vf_sorter *s)
{
	free(s->bytes);
	free(s->items);
	s->bytes = NULL;
	s->items = NULL;
	s->used = s->size = s->n = s->room = 0;
}

void
vf_sorter_free(struct vf_sorter *s)
{
	if (s == NULL)
		return;
	free_sources(s);
	free_items(s);
	free(s->runs);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* Runs out */

static int
put(struct vf_sorter *s, int fd, const char *p, size_t n, struct vf_error *err)
{
	s->end += n;
	if (n > sizeof(s->out) - s->nout) {
		if (vf_file_write_all(fd, s->out, s->nout, "temporary file", err) < 0)
			return -1;
		s->nout = 0;
	}
	if (n > sizeof(s->out))
		return vf_file_write_all(fd, p, n, "temporary file", err);
	memcpy(s->out + s->nout, p, n);
	s->nout += n;
	return 0;
}

static int
put_done(struct vf_sorter *s, int fd, struct vf_error *err)
{
	size_t n = s->nout;

	s->nout = 0;
	return vf_file_write_all(fd, s->out, n, "temporary file", err);
}

static int
add_run(struct vf_sorter *s, uint64_t at, struct vf_error *err)
{
	if (s->nruns == s->runs_room) {
		size_t room = s->runs_room + s->runs_room / 2 + FAN_IN;
		struct run *p = realloc(s->runs, room * sizeof(*p));

		if (p == NULL)
			return vf_error_nomem(err);
		s->runs = p;
		s->runs_room = room;
	}
	s->runs[s->nruns++] = (struct run){ at, s->end - at };
	return 0;
}

static int
write_run(struct vf_sorter *s, struct vf_error *err)
{
	uint64_t at = s->end;

	if (s->fd < 0 && (s->fd = vf_file_spool(s->dir, err)) < 0)
		return -1;
	qsort(s->items, s->n, sizeof(*s->items), item_cmp);
	for (size_t i = 0; i < s->n; i++)
		if (put(s, s->fd, s->items[i].p, item_size(&s->items[i]), err) < 0)
			return -1;
	if (put_done(s, s->fd, err) < 0)
		return -1;
	s->n = s->used = 0;
	return add_run(s, at, err);
}

/* Records in */

/* The bytes are one block of the budget's size, or of one record's that is longer: items point into it. */
static int
make_room(struct vf_sorter *s, size_t need, struct vf_error *err)
{
	if (s->n > 0 && (need > s->size - s->used || s->used + s->n * sizeof(*s->items) > s->budget)
		&& write_run(s, err) < 0)
		return -1;
	if (need > s->size - s->used) {
		size_t size = need > s->budget ? need : s->budget;

		free(s->bytes);
		if ((s->bytes = malloc(size)) == NULL) {
			s->size = 0;
			return vf_error_nomem(err);
		}
		s->size = size;
	}
	if (s->n == s->room) {
		size_t room = s->room + s->room / 2 + 1024;
		struct item *p = realloc(s->items, room * sizeof(*p));

		if (p == NULL)
			return vf_error_nomem(err);
		s->items = p;
		s->room = room;
	}
	return 0;
}

int
vf_sorter_add(struct vf_sorter *s, struct vf_slice key, struct vf_slice value, struct vf_error *err)
{
	uint32_t lengths[2] = { (uint32_t)key.n, (uint32_t)value.n };
	char *p;

	if (key.n > UINT32_MAX || value.n > UINT32_MAX - key.n)
		return vf_error(err, VF_ERR_FAILED, "a record is too long to sort");
	if (make_room(s, HEAD + key.n + value.n, err) < 0)
		return -1;
	p = s->bytes + s->used;
	memcpy(p, lengths, HEAD);
	memcpy(p + HEAD, key.p, key.n);
	memcpy(p + HEAD + key.n, value.p, value.n);
	s->items[s->n++] = (struct item){ prefix_of(key), p };
	s->used += HEAD + key.n + value.n;
	return 0;
}

/* Runs in */

/* At least `need` bytes not dealt with into the buffer; fewer are there only when the file is shorter than it was. */
static int
fill(struct vf_sorter *s, struct source *src, size_t need, struct vf_error *err)
{
	memmove(src->p, src->p + src->used, src->n - src->used);
	src->n -= src->used;
	src->used = 0;
	if (need > src->size) {
		char *p = realloc(src->p, need);

		if (p == NULL)
			return vf_error_nomem(err);
		src->p = p;
		src->size = need;
	}
	while (src->n < need) {
		size_t want = src->size - src->n;
		ssize_t got;

		if (want > src->left)
			want = (size_t)src->left;
		got = pread(s->fd, src->p + src->n, want, (off_t)src->at);
		if (got < 0 && errno == EINTR && !vf_file_stopping())
			continue;
		if (got < 0 && errno == EINTR)
			return vf_error(err, VF_ERR_STOPPED, "stopped");
		if (got <= 0)
			return got < 0 ? vf_error_errno(err, "temporary file")
				       : vf_error(err, VF_ERR_FAILED, "temporary file: cut short");
		src->n += (size_t)got;
		src->at += (uint64_t)got;
		src->left -= (uint64_t)got;
	}
	return 0;
}

/* 1 and src->item, 0 at the end of the run, -1. */
static int
read_item(struct vf_sorter *s, struct source *src, struct vf_error *err)
{
	struct item item;

	if (src->n == src->used && src->left == 0)
		return 0;
	if (src->n - src->used < HEAD && fill(s, src, HEAD, err) < 0)
		return -1;
	item.p = src->p + src->used;
	if (src->n - src->used < item_size(&item)) {
		if (fill(s, src, item_size(&item), err) < 0)
			return -1;
		item.p = src->p;
	}
	item.prefix = prefix_of(item_key(&item));
	src->item = item;
	src->used += item_size(&item);
	return 1;
}

static bool
heap_before(const struct vf_sorter *s, size_t a, size_t b)
{
	return item_cmp(&s->sources[s->heap[a]].item, &s->sources[s->heap[b]].item) < 0;
}

static void
sift_down(struct vf_sorter *s, size_t i)
{
	for (;;) {
		size_t least = i, t;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->nheap; child++)
			if (heap_before(s, child, least))
				least = child;
		if (least == i)
			return;
		t = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = t;
		i = least;
	}
}

/* Opens n runs and puts each one's first record into the heap. */
static int
open_runs(struct vf_sorter *s, const struct run *runs, size_t n, struct vf_error *err)
{
	if ((s->sources = calloc(n, sizeof(*s->sources))) == NULL)
		return vf_error_nomem(err);
	s->nsources = n;
	for (size_t i = 0; i < n; i++) {
		struct source *src = &s->sources[i];
		int rc;

		src->at = runs[i].at;
		src->left = runs[i].size;
		src->size = READ_BLOCK;
		if ((src->p = malloc(src->size)) == NULL)
			return vf_error_nomem(err);
		if ((rc = read_item(s, src, err)) < 0)
			return -1;
		if (rc > 0)
			s->heap[s->nheap++] = i;
	}
	for (size_t i = s->nheap / 2; i-- > 0;)
		sift_down(s, i);
	s->started = false;
	return 0;
}

/* The record at the top of the heap: 1, 0, -1. The one handed out before is gone. */
static int
next_merged(struct vf_sorter *s, const struct item **item, struct vf_error *err)
{
	if (s->started && s->nheap > 0) {
		int rc = read_item(s, &s->sources[s->heap[0]], err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			s->heap[0] = s->heap[--s->nheap];
		sift_down(s, 0);
	}
	s->started = true;
	if (s->nheap == 0)
		return 0;
	*item = &s->sources[s->heap[0]].item;
	return 1;
}

/* Merges n runs into one at the end of fd. */
static int
merge_group(struct vf_sorter *s, const struct run *runs, size_t n, int fd, struct vf_error *err)
{
	uint64_t at = s->end;
	const struct item *item;
	int rc;

	if (open_runs(s, runs, n, err) < 0)
		return -1;
	while ((rc = next_merged(s, &item, err)) > 0)
		if (put(s, fd, item->p, item_size(item), err) < 0)
			return -1;
	if (rc < 0 || put_done(s, fd, err) < 0)
		return -1;
	free_sources(s);
	return add_run(s, at, err);
}

/* One pass: all runs, in groups, into longer ones in a new spool. */
static int
merge_pass(struct vf_sorter *s, struct vf_error *err)
{
	struct run *runs = s->runs;
	size_t n = s->nruns;
	int fd, rc = 0;

	if ((fd = vf_file_spool(s->dir, err)) < 0)
		return -1;
	s->runs = NULL;
	s->nruns = s->runs_room = 0;
	s->end = 0;
	for (size_t i = 0; i < n && rc == 0; i += FAN_IN)
		rc = merge_group(s, runs + i, n - i < FAN_IN ? n - i : FAN_IN, fd, err);
	free(runs);
	close(s->fd);
	s->fd = fd;
	return rc;
}

int
vf_sorter_finish(struct vf_sorter *s, struct vf_error *err)
{
	if (s->nruns == 0) {
		if (s->n > 0)
			qsort(s->items, s->n, sizeof(*s->items), item_cmp);
		return 0;
	}
	if (s->n > 0 && write_run(s, err) < 0)
		return -1;
	free_items(s);
	while (s->nruns > FAN_IN)
		if (merge_pass(s, err) < 0)
			return -1;
	return open_runs(s, s->runs, s->nruns, err);
}

int
vf_sorter_next(struct vf_sorter *s, struct vf_slice *key, struct vf_slice *value, struct vf_error *err)
{
	const struct item *item;

	if (s->nruns > 0) {
		int rc = next_merged(s, &item, err);

		if (rc <= 0)
			return rc;
	} else {
		if (s->next == s->n)
			return 0;
		item = &s->items[s->next++];
	}
	*key = item_key(item);
	*value = item_value(item);
	return 1;
}
