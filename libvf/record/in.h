/*
 * record/in.h -- CSV in: every operand in turn, as batches of rows (DESIGN 2, Reading).
 *
 * vf_in_open() reads and compares the headers of all operands before any
 * record.  Errors: an empty input is VF_ERR_FAILED; headers that differ,
 * columns named twice, an alias that is not there: VF_ERR_CONFIG.  A bad
 * record is a row with `reject` set, never an error.
 *
 * Memory: a block of 256 KiB, and the index and rows of a part of it.  A record
 * of up to 1 MiB makes the block grow to 2 MiB; its index then takes at most 8 MiB
 * (a record of delimiters).  With `digest` there are four blocks, so that a thread
 * can digest what was read (base/digester.h) while more is.
 */
#ifndef VF_RECORD_IN_H
#define VF_RECORD_IN_H

#include "base/error.h"
#include "base/hash.h"
#include "record/header.h"
#include "record/row.h"

#define VF_RECORD_MAX ((uint32_t)1 << 20)	/* bytes of a record without its line end */

#define VF_BATCH_MAX 4096			/* rows of a batch, at most */

struct vf_in;

struct vf_in_options {
	const char *const *paths;	/* operands; "-" is standard input */
	int npaths;			/* 0: standard input */
	char delimiter;			/* 0: found in each header */
	const char *const *aliases;	/* CANON=ACTUAL */
	int naliases;
	const char *columns;		/* the header of headerless text, `a,b,c`; NULL: each file has its own */
	bool rewindable;		/* vf_in_rewind() will be called: what cannot seek is spooled at open */
	bool digest;			/* vf_in_digest() will be called: BLAKE2b-256 of each operand's bytes */
	const char *spool_dir;		/* for `rewindable`; NULL: /tmp */
	bool no_wait;			/* vf_in_batch() may say VF_IN_LATER; pipes keep their size */
};

struct vf_in *vf_in_open(const struct vf_in_options *, struct vf_error *);
const struct vf_header *vf_in_header(const struct vf_in *);
/*
 * The next rows, all of one file: >0 how many, 0 at the end, -1.  With
 * options.no_wait also VF_IN_LATER: it would have to wait for vf_in_fd().
 * (The rest of a record of over 1 MiB is waited for all the same.)
 */
#define VF_IN_LATER (-2)
int vf_in_batch(struct vf_in *, const struct vf_row **, struct vf_error *);
int vf_in_fd(const struct vf_in *);		/* to poll after VF_IN_LATER */
void vf_in_free(struct vf_in *);

/* Before the first batch: a last line without LF is no record (a ledger's was never acknowledged). */
void vf_in_whole_lines(struct vf_in *);
int vf_in_rewind(struct vf_in *, struct vf_error *);	/* before the first record again; counts start anew */

uint64_t vf_in_records(const struct vf_in *);	/* rows handed out so far, bad ones included */
uint64_t vf_in_bytes(const struct vf_in *);	/* bytes read so far */
uint64_t vf_in_size(const struct vf_in *);	/* of all operands together, 0 when one has no known size */
int vf_in_files(const struct vf_in *);
const char *vf_in_name(const struct vf_in *, int file);	/* for messages and rejects: the operand, or `stdin` */
char vf_in_delimiter(const struct vf_in *, int file);
/* After the end: the operand's records and the digest of all its bytes. Needs options.digest. */
uint64_t vf_in_file_records(const struct vf_in *, int file);
void vf_in_digest(const struct vf_in *, int file, char hex[VF_DIGEST_HEX + 1]);

#endif
