#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"

#define FIRST_SIZE 256

void
vf_buf_init(struct vf_buf *b, size_t max)
{
	*b = (struct vf_buf){ .max = max };
}

void
vf_buf_free(struct vf_buf *b)
{
	free(b->p);
	*b = (struct vf_buf){ 0 };
}

/* Room for `more` bytes, which the cap must allow, and for `spare` after them (a NUL), which it does not count. */
static inline int
make_room(struct vf_buf *b, size_t more, size_t spare)
{
	size_t max = b->max != 0 ? b->max : VF_BUF_MAX, size;
	char *p;

	if (max > PTRDIFF_MAX)
		max = PTRDIFF_MAX;
	if (b->n > max || more > max - b->n)
		goto fail;
	if (more + spare <= b->size - b->n)
		return 0;
	size = b->size < FIRST_SIZE ? FIRST_SIZE : b->size;
	while (size < b->n + more + spare)
		size = size <= max / 2 ? 2 * size : max + spare;
	p = realloc(b->p, size);
	if (p == NULL)
		goto fail;
	b->p = p;
	b->size = size;
	return 0;
fail:
	b->failed = true;
	return -1;
}

int
vf_buf_reserve(struct vf_buf *b, size_t more)
{
	return make_room(b, more, 0);
}

int
vf_buf_add(struct vf_buf *b, const void *p, size_t n)
{
	if (make_room(b, n, 0) < 0)
		return -1;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

int
vf_buf_add_slice(struct vf_buf *b, struct vf_slice s)
{
	return vf_buf_add(b, s.p, s.n);
}

int
vf_buf_add_str(struct vf_buf *b, const char *s)
{
	return vf_buf_add(b, s, strlen(s));
}

int
vf_buf_add_char(struct vf_buf *b, char c)
{
	return vf_buf_add(b, &c, 1);
}

int
vf_buf_add_u64(struct vf_buf *b, uint64_t v)
{
	char digits[20];

	return vf_buf_add(b, digits, vf_num_put_u64(digits, v));
}

int
vf_buf_addf(struct vf_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || make_room(b, (size_t)n, 1) < 0) {
		b->failed = true;
		return -1;
	}
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return 0;
}

int
vf_buf_terminate(struct vf_buf *b)
{
	if (make_room(b, 0, 1) < 0)
		return -1;
	b->p[b->n] = '\0';
	return 0;
}
