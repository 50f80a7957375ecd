/*
 * fan/optout.h -- who does not want to hear from us, and on which channel.
 *
 * A list is text in the form of fan/domains.h (comments, blanks), each line one
 * of: a phone number, which stops SMS to it; an address, which stops e-mail to
 * it, in whatever case it is written; the id of a fan, which stops both.  What
 * starts with + and holds digits and punctuation only is a phone, what holds an
 * at sign is an address, all else is an id.  With a phone book, digits with
 * punctuation (202-555-0100) that are a number of its region are that phone, and
 * an id as well if they can be one.  Digits alone are an id, and counted when
 * they might be a phone: whoever hands in the list should hear of it.
 *
 * Memory: 16 to 26 bytes an entry.
 */
#ifndef VF_FAN_OPTOUT_H
#define VF_FAN_OPTOUT_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum {
	VF_OPTOUT_SMS = 1 << 0,
	VF_OPTOUT_EMAIL = 1 << 1,
};

struct vf_optout;
struct vf_phone_book;

/* Any of the three may be empty. id is a valid one, email a judged address, phone E.164. */
struct vf_optout_who {
	struct vf_slice id, email, phone;
	unsigned out;			/* VF_OPTOUT_*, filled by vf_optout_find() */
};

struct vf_optout *vf_optout_new(struct vf_error *);
void vf_optout_free(struct vf_optout *);

/* Numbers of texts added from here on are read as this book and region say. The book must live as long. */
void vf_optout_phones(struct vf_optout *, struct vf_phone_book *, const char *region);

/* Lines of digits alone so far that the book takes for a phone: they were taken for ids. */
uint64_t vf_optout_bare(const struct vf_optout *);

/* Adds a text; several may go into one.  A line that is none of the three is VF_ERR_CONFIG, `file:line: cause`. */
int vf_optout_add(struct vf_optout *, struct vf_slice text, const char *file, uint64_t *entries, struct vf_error *);

/* Asks for n fans at once. */
void vf_optout_find(const struct vf_optout *, struct vf_optout_who *, size_t n);

#endif
