/*
 * net/journal.h -- what was sent, as far as can be known after a crash: an
 * owned append file (base/log) with a line before a request may leave and a
 * line with its outcome.
 *
 *	vf-journal/1,CAMPAIGN,WAVE,CHANNEL	the first line binds the file
 *	intent,KEY				the request may be on its way
 *	STATUS,KEY,PAYLOAD			its outcome; the payload is the caller's line, commas and all
 *
 * A key is 1 to 128 bytes of printable ASCII without space, comma or quote: a
 * fan's id, or a message's hex.  STATUS is one of the words that the caller
 * names.  Per key the last line counts: an intent that no outcome follows is a
 * request of which nobody knows what became.  After an outcome that is final
 * nothing may follow for its key.  A line that is none of these, or that
 * contradicts an earlier one, makes the file unusable: VF_ERR_CONFIG,
 * `path:line: cause`, with no value of the line in it.  A torn last line was
 * never acknowledged and is cut off.
 *
 * The caller's order is: vf_journal_intent() for a group, vf_journal_sync(),
 * the requests leave, vf_journal_outcome() as they come; outcomes reach the
 * disk with the next group's sync, or at vf_journal_close().
 *
 * Memory: 24 to 38 bytes a key (base/keyset with 8-byte values).
 */
#ifndef VF_NET_JOURNAL_H
#define VF_NET_JOURNAL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define VF_JOURNAL_KEY_MAX 128
#define VF_JOURNAL_LINE_MAX ((size_t)64 << 10)	/* of any line, without its LF */
#define VF_JOURNAL_STATUSES_MAX 16

struct vf_journal;

struct vf_journal_status {
	const char *word;		/* lower-case letters and hyphens, not `intent`; NULL ends the list */
	bool final;			/* nothing may come after it: the message was taken */
};

struct vf_journal_options {
	const char *path;		/* made when it is not there, 0600 */
	struct vf_slice campaign, wave, channel;	/* a file bound to others is VF_ERR_CONFIG that names them */
	const struct vf_journal_status *statuses;	/* borrowed for the journal's life */
	uint64_t wait_ms;		/* for the lock, then VF_ERR_TEMPORARY */
	uint64_t keys;			/* about how many there will be in all, to make room for; 0 when unknown */
};

/* Locks, repairs and loads; *cut: bytes of the torn line that went. NULL on error (VF_ERR_STOPPED after a signal). */
struct vf_journal *vf_journal_open(const struct vf_journal_options *, uint64_t *cut, struct vf_error *);
/* Writes and syncs what is queued, and gives the lock back; -1 when that failed. Free it all the same. */
int vf_journal_close(struct vf_journal *, struct vf_error *);
void vf_journal_free(struct vf_journal *);		/* NULL is accepted; lines not flushed are lost */

uint64_t vf_journal_keys(const struct vf_journal *);
/* How many keys of the file as it was loaded stand at this status (number in the list), or at VF_JOURNAL_INTENT. */
uint64_t vf_journal_count(const struct vf_journal *, int status);

enum {
	VF_JOURNAL_NONE = -2,		/* no line is about this key */
	VF_JOURNAL_INTENT = -1,		/* an intent alone: unknown; from 0 on the outcome's number in the list */
};

struct vf_journal_ask {
	struct vf_slice key;		/* in; need not outlive the call */
	int standing;			/* in the file as it is now */
	uint64_t where;			/* of the outcome's line */
	bool again;			/* this key was asked for before, since the journal was opened: a second record */
};

/* In the order of their records; keys are taken note of, so that the second ask of one says `again`. 0 or -1. */
int vf_journal_ask(struct vf_journal *, struct vf_journal_ask *, size_t n, struct vf_error *);

/* The payload of the outcome at `where`, which an ask told; valid until the next call of this function. */
int vf_journal_payload(struct vf_journal *, uint64_t where, struct vf_slice key, struct vf_slice *payload, struct vf_error *);

/* Queued; the key was asked for before. payload: without LF, CR and NUL. A misuse is VF_ERR_FAILED. */
int vf_journal_intent(struct vf_journal *, struct vf_slice key, struct vf_error *);
int vf_journal_outcome(struct vf_journal *, struct vf_slice key, int status, struct vf_slice payload, struct vf_error *);

/* True when something was queued since the last sync. */
bool vf_journal_dirty(const struct vf_journal *);
/* When it returns 0 all lines so far are on disk. */
int vf_journal_sync(struct vf_journal *, struct vf_error *);
/*
 * The same in two steps.  The first writes; when the second returns 0 what was
 * written before is on disk, and that one may run in another thread while the
 * functions above, but for opening, closing and freeing, run here.
 */
int vf_journal_sync_begin(struct vf_journal *, struct vf_error *);
int vf_journal_sync_end(struct vf_journal *, struct vf_error *);

#endif
