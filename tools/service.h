/* tools/service.h -- what tools that talk to the house's services have in common. */
#ifndef VF_TOOLS_SERVICE_H
#define VF_TOOLS_SERVICE_H

#include "frame.h"
#include "net/journal.h"

/*
 * The header line `Authorization: Bearer TOKEN` into *header, NUL-terminated; nothing when there is no token. The token
 * is in the file, or, when that is NULL, in the environment variable. 0, or -1 with run->err (configuration).
 */
int vf_service_token(struct vf_run *, const char *file, const char *variable, struct vf_buf *header);

/* Raises the soft limit of open files as far as so many connections need it: 0, or -1 with run->err (configuration). */
int vf_service_descriptors(struct vf_run *, uint64_t connections);

/* vf_journal_open(), and a word when a torn last line went. NULL with run->err. */
struct vf_journal *vf_service_journal(struct vf_run *, const struct vf_journal_options *);

#endif
