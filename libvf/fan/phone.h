/*
 * fan/phone.h -- is this text a phone number, whose, and of what kind: by
 * phone metadata that the caller hands in as text (data/phone-metadata.txt).
 *
 * The rules are those of Google's libphonenumber -- parse with a default
 * region, isValidNumber, isPossibleNumber, getRegionCodeForNumber,
 * getNumberType, E.164 -- with these conventions on top:
 *
 * - The whole field must be a number: digits (ASCII, full-width, Arabic-Indic
 *   or Extended Arabic-Indic), plus signs only before the first digit, and the
 *   punctuation libphonenumber knows (space, hyphens and dashes, dot, slash,
 *   parentheses, brackets, their full-width forms, no-break and zero-width
 *   spaces).  Letters, extensions, `*`, `#`, `~` and stray text are BAD;
 *   so are more than 250 bytes or 48 digits.
 * - The E.164 form, judged again, gives the same.  (libphonenumber's parse takes
 *   a national prefix off at each reading of a few numbers.)  So a number that
 *   is valid as written after a plus sign is left alone, and one that is not
 *   valid is read until nothing more comes off.
 * - An E.164 number has at most 15 digits, calling code included; longer is BAD.
 * - POSSIBLE is IS_POSSIBLE exactly: a number that can only be dialled locally
 *   (seven digits in the US) is BAD.
 *
 * A book belongs to one thread: judging fills its tables as numbers come.
 * Judging never allocates: vf_phone_book_new() takes 7 MiB of address space,
 * of which US numbers touch about half a MiB and numbers of all the world 2 MiB.
 * The patterns' programs come on top: 0.6 MiB, or 6 MiB for hostile metadata.
 */
#ifndef VF_FAN_PHONE_H
#define VF_FAN_PHONE_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#define VF_PHONE_DIGITS 15		/* E.164: calling code and national number */

enum vf_phone_verdict {
	VF_PHONE_BAD,			/* not a number */
	VF_PHONE_POSSIBLE,		/* of a possible length, but not assigned by the metadata */
	VF_PHONE_VALID,
};

enum vf_phone_type {
	VF_PHONE_UNKNOWN,		/* also every number that is not VALID */
	VF_PHONE_FIXED_LINE,
	VF_PHONE_MOBILE,
	VF_PHONE_FIXED_LINE_OR_MOBILE,	/* cannot be told apart, as in North America */
	VF_PHONE_TOLL_FREE,
	VF_PHONE_PREMIUM_RATE,
	VF_PHONE_SHARED_COST,
	VF_PHONE_VOIP,
	VF_PHONE_PERSONAL_NUMBER,
	VF_PHONE_PAGER,
	VF_PHONE_UAN,
	VF_PHONE_VOICEMAIL,
};
#define VF_PHONE_TYPES 12

/* `fixed-line`, `mobile`, ...: the words of the metadata file and of tests. */
extern const char *const vf_phone_type_names[VF_PHONE_TYPES];

struct vf_phone {
	char e164[VF_PHONE_DIGITS + 2];	/* `+`, digits, NUL; empty when BAD */
	uint8_t len;			/* of e164 */
	/*
	 * Two letters, or 001 for a calling code of no country, and a NUL; empty
	 * when BAD.  A POSSIBLE number that no region of its calling code claims
	 * goes to the default region when that has this calling code, else to the
	 * calling code's main region.
	 */
	char region[4];
	enum vf_phone_type type;
};

struct vf_phone_book;

/*
 * Reads the metadata; `name` is what error texts call it (`name:line: cause`,
 * kind VF_ERR_CONFIG).  The text is not needed afterwards.  NULL on error.
 */
struct vf_phone_book *vf_phone_book_new(struct vf_slice text, const char *name, struct vf_error *);
void vf_phone_book_free(struct vf_phone_book *);		/* NULL is accepted */

/* Of the metadata: `9.0.40`.  Lives as long as the book. */
const char *vf_phone_book_version(const struct vf_phone_book *);

/* Whether numbers of a region (two capital letters) can be judged without `+`. */
bool vf_phone_region_ok(const struct vf_phone_book *, const char *region);

/*
 * Judges a field; blanks around it are ignored.  default_region is that of
 * numbers written without `+`; when it is NULL or unknown such numbers are BAD.
 * Fills *out whatever the verdict.
 */
enum vf_phone_verdict vf_phone_judge(struct vf_phone_book *, struct vf_slice field, const char *default_region,
	struct vf_phone *out);

/* False for kinds that take no SMS whatever the carrier: toll-free and premium-rate numbers. */
bool vf_phone_takes_sms(enum vf_phone_type);

#endif
