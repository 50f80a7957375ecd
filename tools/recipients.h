/*
 * tools/recipients.h -- what vf-sms and vf-email have in common: a record as
 * the recipient of a message, the values its template may use, its wave and
 * time zone, and whether the fan opted out.
 *
 * Templates may use campaignId, campaignName, waveId, waveDate (the notify date
 * in the recipient's time zone, YYYY-MM-DD), and every column of the records.
 */
#ifndef VF_TOOLS_RECIPIENTS_H
#define VF_TOOLS_RECIPIENTS_H

#include "base/date.h"
#include "base/zone.h"
#include "fan/email.h"
#include "fan/message.h"
#include "fan/optout.h"
#include "fan/template.h"
#include "frame.h"
#include "lists.h"

enum vf_recipient_fault {
	VF_RECIPIENT_OK,
	VF_RECIPIENT_MISSING_USER,
	VF_RECIPIENT_NO_WAVE,		/* no wave, or no notify date that can be read */
	VF_RECIPIENT_BAD_ADDRESS,
	VF_RECIPIENT_SUPPRESSED,
	VF_RECIPIENT_TM_CODE,		/* a template uses {{code}}, and the record has the placeholder */
	VF_RECIPIENT_NO_CODE,		/* ... or none */
};

/* One record; slices live as long as the row, or until the next vf_recipient_read(). */
struct vf_recipient {
	enum vf_recipient_fault fault;	/* of several the first; what comes after missing-user and no-wave has all fields set */
	struct vf_slice id, to, code;	/* code is empty for the placeholder */
	struct vf_slice wave;
	int64_t notify;
	bool has_zone;			/* the market's or --tz: else `zone` is NULL, UTC */
	const struct vf_zone *zone;
	char notify_text[VF_DATE_LEN + 1];	/* RFC 3339 UTC */
	char key[VF_MESSAGE_ID_HEX + 1];
	bool new_wave;			/* wave or notify date differ from those of the recipient before */
};

struct vf_recipients {
	struct vf_run *run;
	const char *channel;		/* `sms` or `email` */
	struct vf_slice campaign_name;	/* the name, or the id when there is none */
	bool uses_code;			/* some template does */

	struct vf_slice *names, *values;	/* of templates: ours, then the columns */
	size_t nnames;
	bool *used;
	int id, to, code, code_type, wave, notify, market;	/* columns; -1: there is none */

	struct vf_optout *suppressed;	/* or NULL */
	struct vf_lists lists;
	struct vf_zone **zones;		/* of the configuration's markets; NULL where a market has none */
	struct vf_zone *tz;		/* --tz, or NULL */
	size_t last_market;

	/* What is the same in most records in a row. */
	struct vf_buf last_wave, last_notify;
	struct vf_message_ids ids;
	bool any;			/* the above are set */
	int64_t last_time;		/* of last_notify, or INT64_MIN */
	const struct vf_zone *date_zone;
	char date[VF_ZONE_DATE_LEN + 1], notify_text[VF_DATE_LEN + 1];
	char scratch[VF_EMAIL_MAX];
};

/*
 * Finds the columns, loads the opt-out lists and the zones, and notes campaign and
 * wave for the stats.  What is missing is VF_ERR_CONFIG, before the first record.
 * tz: a zone's name for records whose market has none, or NULL.  After 0 or -1: vf_recipients_free().
 */
int vf_recipients_open(struct vf_recipients *, struct vf_run *, const char *channel, const struct vf_list *suppress,
	const char *tz);
void vf_recipients_free(struct vf_recipients *);	/* writes the lists into the stats, too */

/* A template of a file, put on record in the stats; and of a text, called `name` in messages. NULL on error. */
struct vf_template *vf_recipients_template(struct vf_recipients *, const char *path, unsigned flags);
struct vf_template *vf_recipients_template_text(struct vf_recipients *, struct vf_slice text, const char *name, unsigned flags);

/* Judges a row without `reject`, and sets ->values for the templates. */
void vf_recipient_read(struct vf_recipients *, const struct vf_row *, struct vf_recipient *);

/* `bad-address`, …; NULL for VF_RECIPIENT_OK. */
const char *vf_recipient_fault_word(enum vf_recipient_fault);

#endif
