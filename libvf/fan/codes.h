/*
 * fan/codes.h -- access codes: how they may look, how hard they are to guess,
 * and making them at random, no two alike.  No I/O.
 *
 * A code is a prefix and `length` random characters of an alphabet.  The
 * characters are drawn from libsodium's generator (ChaCha20 under a fresh
 * random seed for each 64 KiB), each equally likely: 64 random bits give the
 * digits of a number below alphabet^k, and draws that would favour some
 * numbers are thrown away (Lemire's method).
 *
 * Never is one code made twice.  Where the space is ample (at least four times
 * what is excluded and wanted), what was made is remembered by marks, which
 * refuse about one in 1,000 new codes: it is passed over, each with the same
 * chance, and another is drawn.  In a smaller space, and for what is excluded,
 * fingerprints tell exactly, so that the last code can be had.
 */
#ifndef VF_FAN_CODES_H
#define VF_FAN_CODES_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/slice.h"

#define VF_CODE_MAX 64			/* bytes of a code, prefix included */
#define VF_CODE_SYMBOLS 64		/* more than an alphabet of one case can have */
#define VF_CODE_TM_TEXT "TM"		/* the placeholder: not a code of anybody's own */

/* What a code may be, whoever made it: 1 to 64 bytes of printable ASCII without space, comma and double quote. */
bool vf_code_ok(struct vf_slice);

struct vf_code_format {
	char symbols[VF_CODE_SYMBOLS];	/* the alphabet, in the order given */
	unsigned nsymbols;
	unsigned length;		/* random characters */
	char prefix[VF_CODE_MAX];
	unsigned nprefix;
	int8_t digit[256];		/* of a byte: its place in symbols, or -1 */
};

/*
 * alphabet is a name (vf_code_alphabet_name()) or the characters themselves.
 * Characters must be ASCII and GSM-7 basic, so that they cost one septet in an
 * SMS; no comma, quote or space; none twice; not both cases of a letter.  The
 * prefix is of the same characters, and may repeat them.  Errors are VF_ERR_CONFIG.
 */
int vf_code_format_init(struct vf_code_format *, const char *alphabet, uint64_t length, const char *prefix,
	struct vf_error *);

/* The named alphabets in turn: false when there is no i-th. */
bool vf_code_alphabet_name(size_t i, const char **name, const char **symbols);

/* Bits of randomness in a code: log2 of the code space. */
double vf_code_bits(const struct vf_code_format *);
/* The code space has at least n x 2^shift codes; exact. shift is at most 60. */
bool vf_code_space_holds(const struct vf_code_format *, uint64_t n, unsigned shift);
/* With `live` valid codes, one guess in so many hits one of them. */
double vf_code_guess_odds(const struct vf_code_format *, uint64_t live);

/*
 * The maker: remembers what it made and what is excluded.  Memory: 3 bytes for
 * each code wanted (16 where the space is not ample), 15 to 23 for each that is
 * excluded.  vf_hash_start() must have been called.
 */
struct vf_codes;

/* wanted: how many will be made in all. NULL out of memory. */
struct vf_codes *vf_codes_new(const struct vf_code_format *, uint64_t wanted, struct vf_error *);
void vf_codes_free(struct vf_codes *);		/* wipes the random bytes left */

/* These codes are never made: said before the first is.  What this format cannot make is passed over. */
int vf_codes_exclude(struct vf_codes *, const struct vf_slice *, size_t n, struct vf_error *);
/* Different codes of this format that are excluded: the space must hold these and those that are wanted. */
uint64_t vf_codes_excluded(const struct vf_codes *);

/*
 * Up to n new codes, of those that are still wanted, as lines of
 * vf_codes_line() bytes, LF included, into out.  Returns how many (0 is
 * possible: all of a small draw were known), -1 out of memory.  When the space
 * is exhausted it returns 0 for ever: compare vf_codes_excluded() before.
 */
ssize_t vf_codes_make(struct vf_codes *, char *out, size_t n, struct vf_error *);
size_t vf_codes_line(const struct vf_codes *);

#endif
