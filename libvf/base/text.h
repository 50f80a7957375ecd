/* base/text.h -- UTF-8 check, CSV and JSON quoting, and how a record is shown in a reject line. */
#ifndef VF_BASE_TEXT_H
#define VF_BASE_TEXT_H

#include "base/buf.h"

/* RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF.  ASCII runs cost an eighth. */
bool vf_text_utf8(struct vf_slice);

/* True when v must be quoted in comma-separated output: comma, quote, CR or LF in it. */
bool vf_text_csv_needs_quotes(struct vf_slice v);

/* v as one CSV field: as it is, or quoted with quotes doubled. */
int vf_text_add_csv(struct vf_buf *, struct vf_slice v);

/* v between double quotes with JSON escapes (RFC 8259); bytes that are no UTF-8 become U+FFFD. */
int vf_text_add_json(struct vf_buf *, struct vf_slice v);

/* v in base64 (RFC 4648, section 4), padded, without line ends. */
int vf_text_add_base64(struct vf_buf *, struct vf_slice v);

/*
 * v with LF, CR, NUL, backslash and bytes that are no UTF-8 written \n \r \0 \\ \xHH
 * (DESIGN 2, rejects); HH are two hex digits, A to F in upper case.
 */
int vf_text_add_escaped(struct vf_buf *, struct vf_slice v);

/* v for people, as one line that a terminal only shows: controls and bytes that are no UTF-8 as \n \r \xHH. */
int vf_text_add_message(struct vf_buf *, struct vf_slice v);

#endif
