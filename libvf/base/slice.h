/* base/slice.h -- borrowed bytes: whoever owns them decides how long they live. */
#ifndef VF_BASE_SLICE_H
#define VF_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct vf_slice {
	const char *p;
	size_t n;
};

/* A string literal as a slice, usable in initialisers. */
#define VF_SLICE(literal) { (literal), sizeof(literal) - 1 }

static inline struct vf_slice
vf_slice(const char *p, size_t n)
{
	return (struct vf_slice){ p, n };
}

/* The bytes of a NUL-ended string, without its NUL. */
static inline struct vf_slice
vf_slice_str(const char *s)
{
	return (struct vf_slice){ s, strlen(s) };
}

static inline bool
vf_slice_eq(struct vf_slice a, struct vf_slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
vf_slice_is(struct vf_slice a, const char *s)
{
	return vf_slice_eq(a, vf_slice_str(s));
}

/* Byte order; a prefix sorts before what it begins. */
static inline int
vf_slice_cmp(struct vf_slice a, struct vf_slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

	return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static inline bool
vf_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ASCII alone, whatever the locale. */
static inline char
vf_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* n bytes of s to out, which may be the same, in lower case; returns them. */
static inline struct vf_slice
vf_slice_lower(struct vf_slice s, char *out)
{
	for (size_t i = 0; i < s.n; i++)
		out[i] = vf_lower(s.p[i]);
	return vf_slice(out, s.n);
}

/* Without the blanks (space and tab) at both ends; most values have none. */
static inline struct vf_slice
vf_slice_trim(struct vf_slice s)
{
	if (s.n == 0 || (!vf_is_blank(s.p[0]) && !vf_is_blank(s.p[s.n - 1])))
		return s;
	while (s.n > 0 && vf_is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && vf_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

#endif
