/*
 * fan/notice.h -- what people are told of a run: an alert, or a summary, as
 * plain text and as the body of a Slack webhook's request.
 *
 * Whatever goes in, one message comes out that Slack takes: at most 9,000 bytes
 * of text in at most a dozen sections of at most 2,900, with & < > escaped;
 * what does not fit is counted.  Failures of the same tool and wave are one
 * line.  Texts of others have e-mail addresses and phone numbers taken out.
 */
#ifndef VF_FAN_NOTICE_H
#define VF_FAN_NOTICE_H

#include "fan/tally.h"

#define VF_NOTICE_TEXTS 200		/* lines of text that are kept; more are counted */

struct vf_notice {
	const struct vf_tally *tally;	/* settled */
	const char *title;		/* NULL: made of the campaign */
	const char *step, *reason;	/* of an alert; or NULL */
	bool alert;			/* it is one although no step failed */
	struct vf_slice texts[VF_NOTICE_TEXTS];
	size_t ntexts;			/* may be more than are kept */
};

/* Does it tell of a failure: said so, or a step that failed or lost records? */
bool vf_notice_alert(const struct vf_notice *);

/* As lines, and as JSON `{"text","blocks"}`. 0, or -1 without memory. */
int vf_notice_text(struct vf_buf *, const struct vf_notice *);
int vf_notice_json(struct vf_buf *, const struct vf_notice *);

/*
 * The text without what may be personal: a word with an @ inside becomes
 * `[address]`, a + and seven digits or more `[number]`; control characters `?`.
 */
int vf_notice_mask(struct vf_buf *, struct vf_slice);

#endif
