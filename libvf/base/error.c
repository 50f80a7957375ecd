#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAUSE_ROOM 256			/* bytes that a prefix leaves to the text it is put before */

int
vf_error(struct vf_error *err, enum vf_error_kind kind, const char *fmt, ...)
{
	char text[sizeof err->text];		/* an argument may be err->text itself */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	err->kind = kind;
	memcpy(err->text, text, strlen(text) + 1);
	return -1;
}

int
vf_error_errno(struct vf_error *err, const char *what)
{
	int e = errno;

	vf_error(err, e == EPIPE ? VF_ERR_PIPE : VF_ERR_FAILED, "%s: %s", what, strerror(e));
	errno = e;
	return -1;
}

int
vf_error_prefix(struct vf_error *err, const char *prefix)
{
	const size_t last = sizeof err->text - 1;
	size_t n = strlen(prefix), text = strlen(err->text);

	/* The end of a long prefix goes before the cause does. */
	if (n > last - CAUSE_ROOM)
		n = last - CAUSE_ROOM;
	if (text > last - n - 2)
		text = last - n - 2;
	memmove(err->text + n + 2, err->text, text);
	memcpy(err->text, prefix, n);
	memcpy(err->text + n, ": ", 2);
	err->text[n + 2 + text] = '\0';
	return -1;
}

int
vf_error_nomem(struct vf_error *err)
{
	return vf_error(err, VF_ERR_FAILED, "out of memory");
}
