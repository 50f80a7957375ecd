/*
 * fan/message.h -- what SMS and e-mail have in common, and what is SMS's own:
 * the key of a message, numbers that can be sent to, and how many parts a text
 * makes.
 */
#ifndef VF_FAN_MESSAGE_H
#define VF_FAN_MESSAGE_H

#include <stdint.h>

#include "base/hash.h"
#include "base/slice.h"

#define VF_MESSAGE_ID_LEN 16
#define VF_MESSAGE_ID_HEX (2 * VF_MESSAGE_ID_LEN)

/*
 * The key of a message, by which services know it again (Idempotency-Key,
 * jobId, messageKey): BLAKE2b-128, no key, of campaign, wave, channel and fan
 * joined by NUL bytes, in lower-case hex.  None of the four can hold a NUL, so
 * no two messages share their bytes.  The channel is `sms` or `email`.
 *
 * What is the same for many fans is hashed once.
 */
struct vf_message_ids {
	crypto_generichash_blake2b_state state;
};

void vf_message_ids_init(struct vf_message_ids *, struct vf_slice campaign, struct vf_slice wave, struct vf_slice channel);
/* Hex and a NUL. */
void vf_message_id(const struct vf_message_ids *, struct vf_slice fan, char out[VF_MESSAGE_ID_HEX + 1]);

/* True for a number as services want it: a plus sign, then 7 to 15 digits of which the first is not 0. */
bool vf_message_phone_ok(struct vf_slice);

enum vf_sms_encoding { VF_SMS_GSM7, VF_SMS_UCS2 };
extern const char *const vf_sms_encoding_names[2];	/* `GSM-7`, `UCS-2` */

struct vf_sms_size {
	enum vf_sms_encoding encoding;
	uint32_t units;			/* septets, or UTF-16 units */
	uint32_t segments;		/* parts that are sent; 1 for an empty text */
};

/*
 * The size of a text (UTF-8, under 1 GiB) as a phone network sends it.  GSM-7
 * when every character is in the GSM 03.38 alphabet or its extension table,
 * whose characters ^ { } \ [ ~ ] | and form feed and the euro sign take two
 * septets; else UCS-2, where a character beyond U+FFFF takes two units.
 * One part holds 160 septets or 70 units; each of several holds 153 or 67,
 * and no two-unit character is split between two of them: exact, by walking.
 */
struct vf_sms_size vf_sms_measure(struct vf_slice utf8);

/* Septets of a character: 1, 2, or 0 when it is not in the alphabet. */
unsigned vf_sms_septets(uint32_t character);

#endif
