#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE			/* madvise */
#endif
#include "base/marks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

__extension__ typedef unsigned __int128 wide;

#define MARKS 32			/* of a line: how many there are, then the marks */
#define EXPECTED 20			/* marks of a line when all numbers expected are there: few lines have more than 31 */
#define GROUP 64			/* lines fetched ahead together */
#define HUGE ((size_t)2 << 20)		/* look-ups are scattered: with huge pages they miss the TLB less often */

struct line {
	uint16_t mark[MARKS];
};

struct vf_marks {
	struct line *lines;
	uint64_t nlines;
};

struct vf_marks *
vf_marks_new(uint64_t expected, struct vf_error *err)
{
	const uint64_t nlines = expected / EXPECTED + 1;
	struct vf_marks *m = malloc(sizeof(*m));
	size_t size;

	if (m == NULL || nlines > (SIZE_MAX - HUGE) / sizeof(*m->lines))
		goto nomem;
	size = (size_t)nlines * sizeof(*m->lines);
	if (size < HUGE) {
		m->lines = aligned_alloc(sizeof(*m->lines), size);
	} else {
		m->lines = aligned_alloc(HUGE, (size + HUGE - 1) / HUGE * HUGE);
		if (m->lines != NULL)
			(void)madvise(m->lines, size, MADV_HUGEPAGE);
	}
	if (m->lines == NULL)
		goto nomem;
	memset(m->lines, 0, size);
	m->nlines = nlines;
	return m;
nomem:
	free(m);
	vf_error_nomem(err);
	return NULL;
}

void
vf_marks_free(struct vf_marks *m)
{
	if (m == NULL)
		return;
	free(m->lines);
	free(m);
}

/* The number's first bits choose its line, the sixteen after them are its mark. */
static inline struct line *
line_of(const struct vf_marks *m, uint64_t number, uint16_t *mark)
{
	wide place = (wide)number * m->nlines;

	*mark = (uint16_t)((uint64_t)place >> 48);
	return &m->lines[place >> 64];
}

/* The count takes part in the comparison: that loop has no exception, and what it costs is one number in 65,536. */
static inline bool
add(struct line *line, uint16_t mark)
{
	unsigned known = 0;

	for (int i = 0; i < MARKS; i++)
		known |= line->mark[i] == mark;
	if (known || line->mark[0] == MARKS - 1)
		return false;
	line->mark[++line->mark[0]] = mark;
	return true;
}

void
vf_marks_add(struct vf_marks *m, const uint64_t *numbers, size_t n, unsigned char *fresh)
{
	struct line *line[GROUP];
	uint16_t mark[GROUP];

	for (size_t at = 0; at < n; at += GROUP) {
		size_t group = n - at < GROUP ? n - at : GROUP;

		for (size_t i = 0; i < group; i++) {
			line[i] = line_of(m, numbers[at + i], &mark[i]);
			__builtin_prefetch(line[i], 1);
		}
		for (size_t i = 0; i < group; i++)
			fresh[at + i] = add(line[i], mark[i]);
	}
}
