/*
 * base/error.h -- why something failed, as one line of text for a person, and
 * of what kind it is, so that the frame can choose the exit status (DESIGN 3).
 *
 * Functions that can fail take a struct vf_error *, never NULL, and fill it
 * before they return -1 or NULL.  The text is `file:line: cause` where there
 * is a file; it never holds a value from a record (no personal data).
 */
#ifndef VF_BASE_ERROR_H
#define VF_BASE_ERROR_H

enum vf_error_kind {
	VF_ERR_NONE,
	VF_ERR_FAILED,		/* exit 1: input, output or memory failed */
	VF_ERR_CONFIG,		/* exit 2: usage or configuration, nothing was processed */
	VF_ERR_TEMPORARY,	/* exit 75: a lock or a service is busy, safe to run again */
	VF_ERR_STOPPED,		/* the caller's stop flag was seen */
	VF_ERR_PIPE,		/* standard output has no reader any more */
};

struct vf_error {
	enum vf_error_kind kind;
	char text[768];		/* NUL-ended, cut to fit */
};

/* Sets kind and text; always returns -1, so that `return vf_error(...)` reads well. */
int vf_error(struct vf_error *, enum vf_error_kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* `what: strerror(errno)`; kind VF_ERR_PIPE for EPIPE, else VF_ERR_FAILED.  Keeps errno; returns -1. */
int vf_error_errno(struct vf_error *, const char *what);

/* Puts `prefix: ` before the text that is there. Returns -1. */
int vf_error_prefix(struct vf_error *, const char *prefix);

int vf_error_nomem(struct vf_error *);

#endif
