#include "recipients.h"

#include <stdio.h>

#include "fan/codes.h"
#include "fan/domains.h"
#include "fan/fan.h"

/* Names that are no columns. */
enum { CAMPAIGN_ID, CAMPAIGN_NAME, WAVE_ID, WAVE_DATE, OWN };
static const struct vf_slice own_names[OWN] = {
	VF_SLICE("campaignId"), VF_SLICE("campaignName"), VF_SLICE("waveId"), VF_SLICE("waveDate"),
};

const char *
vf_recipient_fault_word(enum vf_recipient_fault fault)
{
	static const char *const words[] = { NULL, "missing-user", "no-wave", "bad-address", "suppressed", "tm-code", "no-code" };

	return words[fault];
}

static bool
is_sms(const struct vf_recipients *r)
{
	return strcmp(r->channel, "sms") == 0;
}

static int
find_columns(struct vf_recipients *r)
{
	const struct vf_header *h = vf_in_header(r->run->in);
	const struct vf_wave_config *config = r->run->wave != NULL ? vf_campaign_wave(r->run->campaign, r->run->wave) : NULL;
	struct vf_error *err = &r->run->err;

	if ((r->id = vf_header_need(h, "globalUserId", err)) < 0 ||
		(r->to = vf_header_need(h, is_sms(r) ? "phone" : "email", err)) < 0)
		return -1;
	r->code = vf_header_find(h, "code");
	r->code_type = vf_header_find(h, "codeType");
	r->market = vf_header_find(h, "market");
	r->notify = vf_header_find(h, "notifyDate");
	r->wave = r->run->wave == NULL ? vf_header_find(h, "waveId") : -1;
	if (r->run->wave == NULL && r->wave < 0)
		return vf_error(err, VF_ERR_CONFIG, "%s: no column waveId: --wave ID is needed", h->file);
	if (r->notify < 0 && r->run->wave != NULL && (config == NULL || !config->has_notify_date))
		return vf_error(err, VF_ERR_CONFIG, "%s: no column notifyDate, and the configuration has none for wave %s",
			h->file, r->run->wave);
	return 0;
}

static int
list_names(struct vf_recipients *r)
{
	const struct vf_header *h = vf_in_header(r->run->in);

	r->nnames = OWN + (size_t)h->n;
	r->names = calloc(r->nnames, sizeof(*r->names));
	r->values = calloc(r->nnames, sizeof(*r->values));
	r->used = calloc(r->nnames, sizeof(*r->used));
	if (r->names == NULL || r->values == NULL || r->used == NULL)
		return vf_error_nomem(&r->run->err);
	memcpy(r->names, own_names, sizeof(own_names));
	for (int i = 0; i < h->n; i++)
		r->names[OWN + i] = h->names[i];
	r->values[CAMPAIGN_ID] = vf_slice_str(r->run->campaign->id);
	r->values[CAMPAIGN_NAME] = r->campaign_name;
	return 0;
}

static int
load_suppressed(struct vf_recipients *r, const struct vf_list *paths)
{
	struct vf_error *err = &r->run->err;
	struct vf_slice text;
	uint64_t entries;

	if (paths->n == 0)
		return 0;
	r->suppressed = vf_optout_new(err);
	if (r->suppressed == NULL)
		return -1;
	for (int i = 0; i < paths->n; i++)
		if (vf_lists_read(&r->lists, paths->v[i], &text) < 0 ||
			vf_optout_add(r->suppressed, text, paths->v[i], &entries, err) < 0 ||
			vf_lists_note(&r->lists, "suppress", paths->v[i], vf_domains_version(text), entries) < 0)
			return -1;
	return 0;
}

static int
load_zones(struct vf_recipients *r, const char *tz)
{
	const struct vf_campaign *c = r->run->campaign;
	const char *dir = vf_env("TZDIR");
	struct vf_error *err = &r->run->err;

	if (tz != NULL && (r->tz = vf_zone_load(dir, tz, err)) == NULL)
		return vf_error_prefix(err, "--tz");
	r->zones = calloc(c->nmarkets + 1, sizeof(*r->zones));
	if (r->zones == NULL)
		return vf_error_nomem(err);
	for (size_t i = 0; i < c->nmarkets; i++)
		if (c->markets[i].timezone != NULL && (r->zones[i] = vf_zone_load(dir, c->markets[i].timezone, err)) == NULL) {
			char where[64];

			snprintf(where, sizeof(where), "configuration: $.markets[%zu].timezone", i);
			return vf_error_prefix(err, where);
		}
	return 0;
}

int
vf_recipients_open(struct vf_recipients *r, struct vf_run *run, const char *channel, const struct vf_list *suppress,
	const char *tz)
{
	const struct vf_campaign *c = run->campaign;

	*r = (struct vf_recipients){ .run = run, .channel = channel, .lists = { .run = run }, .last_time = INT64_MIN };
	r->campaign_name = vf_slice_str(c->name != NULL ? c->name : c->id);
	vf_stat_ids(run, c->id, run->wave);
	return find_columns(r) < 0 || list_names(r) < 0 || load_suppressed(r, suppress) < 0 || load_zones(r, tz) < 0 ? -1 : 0;
}

void
vf_recipients_free(struct vf_recipients *r)
{
	if (r->run == NULL)
		return;
	for (size_t i = 0; r->zones != NULL && i < r->run->campaign->nmarkets; i++)
		vf_zone_free(r->zones[i]);
	free(r->zones);
	vf_zone_free(r->tz);
	vf_optout_free(r->suppressed);
	vf_lists_finish(&r->lists);
	vf_buf_free(&r->last_wave);
	vf_buf_free(&r->last_notify);
	free(r->names);
	free(r->values);
	free(r->used);
}

struct vf_template *
vf_recipients_template_text(struct vf_recipients *r, struct vf_slice text, const char *name, unsigned flags)
{
	struct vf_template *t = vf_template_parse(text, name, r->names, r->nnames, flags, &r->run->err);
	const uint32_t *used;
	size_t n;

	if (t == NULL)
		return NULL;
	used = vf_template_names(t, &n);
	for (size_t i = 0; i < n; i++) {
		r->used[used[i]] = true;
		r->uses_code |= r->code >= 0 && used[i] == OWN + (uint32_t)r->code;
	}
	return t;
}

struct vf_template *
vf_recipients_template(struct vf_recipients *r, const char *path, unsigned flags)
{
	struct vf_slice text, none = { "", 0 };

	if (vf_lists_read(&r->lists, path, &text) < 0 ||
		vf_lists_note(&r->lists, "template", path, none, VF_LISTS_UNCOUNTED) < 0)
		return NULL;
	return vf_recipients_template_text(r, text, path, flags);
}

static struct vf_slice
field(const struct vf_row *row, int column)
{
	return column >= 0 ? vf_slice_trim(vf_row_value(row, column)) : vf_slice("", 0);
}

/* The recipient's zone: the market's, else --tz. */
static const struct vf_zone *
zone_of(struct vf_recipients *r, const struct vf_row *row)
{
	const struct vf_campaign *c = r->run->campaign;
	struct vf_slice market = field(row, r->market);

	if (market.n == 0)
		return r->tz;
	if (r->last_market >= c->nmarkets || !vf_slice_is(market, c->markets[r->last_market].id))
		for (r->last_market = 0; r->last_market < c->nmarkets; r->last_market++)
			if (vf_slice_is(market, c->markets[r->last_market].id))
				break;
	return r->last_market < c->nmarkets && r->zones[r->last_market] != NULL ? r->zones[r->last_market] : r->tz;
}

/* The notify date as the record has it, else the configuration's; INT64_MIN when there is none. */
static int64_t
notify_of(const struct vf_recipients *r, struct vf_slice wave, struct vf_slice text)
{
	const struct vf_campaign *c = r->run->campaign;
	int64_t t;

	if (text.n > 0)
		return vf_date_parse(text, &t) ? t : INT64_MIN;
	for (size_t i = 0; i < c->nwaves; i++)
		if (vf_slice_is(wave, c->waves[i].id) && c->waves[i].has_notify_date)
			return c->waves[i].notify_date;
	return INT64_MIN;
}

static int
copy(struct vf_buf *to, struct vf_slice s)
{
	vf_buf_clear(to);
	return vf_buf_add_slice(to, s);
}

/* Wave and notify date; what depends on them is made anew when they change. False: there is none. */
static bool
read_wave(struct vf_recipients *r, const struct vf_row *row, struct vf_recipient *out)
{
	struct vf_slice wave = r->run->wave != NULL ? vf_slice_str(r->run->wave) : field(row, r->wave);
	struct vf_slice notify = field(row, r->notify);

	out->new_wave = !r->any || !vf_slice_eq(wave, vf_buf_slice(&r->last_wave)) ||
		!vf_slice_eq(notify, vf_buf_slice(&r->last_notify));
	if (out->new_wave) {
		r->any = copy(&r->last_wave, wave) == 0 && copy(&r->last_notify, notify) == 0;
		r->last_time = wave.n > 0 ? notify_of(r, wave, notify) : INT64_MIN;
		if (r->last_time != INT64_MIN)
			vf_date_put(r->notify_text, r->last_time);
		vf_message_ids_init(&r->ids, vf_slice_str(r->run->campaign->id), wave, vf_slice_str(r->channel));
		r->date[0] = '\0';
	}
	out->wave = wave;
	out->notify = r->last_time;
	memcpy(out->notify_text, r->notify_text, sizeof(out->notify_text));
	return out->notify != INT64_MIN;
}

static enum vf_recipient_fault
judge_address(struct vf_recipients *r, struct vf_recipient *out)
{
	struct vf_optout_who who = { .id = out->id };
	struct vf_email e;

	if (is_sms(r)) {
		if (!vf_message_phone_ok(out->to))
			return VF_RECIPIENT_BAD_ADDRESS;
		who.phone = out->to;
	} else {
		if (vf_email_judge(out->to, r->scratch, &e) != VF_EMAIL_OK)
			return VF_RECIPIENT_BAD_ADDRESS;
		who.email = out->to = e.address;
	}
	if (r->suppressed == NULL)
		return VF_RECIPIENT_OK;
	vf_optout_find(r->suppressed, &who, 1);
	return (who.out & (is_sms(r) ? VF_OPTOUT_SMS : VF_OPTOUT_EMAIL)) != 0 ? VF_RECIPIENT_SUPPRESSED : VF_RECIPIENT_OK;
}

static enum vf_recipient_fault
judge_code(struct vf_recipients *r, const struct vf_row *row, struct vf_recipient *out)
{
	bool tm;

	out->code = field(row, r->code);
	tm = vf_slice_is(field(row, r->code_type), VF_CODE_TM_TEXT) || vf_slice_is(out->code, VF_CODE_TM_TEXT);
	if (tm)
		out->code = vf_slice("", 0);
	if (!r->uses_code)
		return VF_RECIPIENT_OK;
	return tm ? VF_RECIPIENT_TM_CODE : out->code.n == 0 ? VF_RECIPIENT_NO_CODE : VF_RECIPIENT_OK;
}

static void
set_values(struct vf_recipients *r, const struct vf_row *row, const struct vf_recipient *rec)
{
	if (r->used[WAVE_DATE] && (r->date[0] == '\0' || rec->zone != r->date_zone)) {
		vf_zone_date(rec->zone, rec->notify, r->date);
		r->date_zone = rec->zone;
	}
	r->values[WAVE_ID] = rec->wave;
	r->values[WAVE_DATE] = vf_slice(r->date, VF_ZONE_DATE_LEN);
	for (size_t i = OWN; i < r->nnames; i++)
		if (r->used[i])
			r->values[i] = vf_row_value(row, (int)(i - OWN));
	/* The columns that have a meaning are trimmed. */
	if (r->code >= 0)
		r->values[OWN + r->code] = rec->code;
	r->values[OWN + r->id] = rec->id;
	r->values[OWN + r->to] = rec->to;
}

void
vf_recipient_read(struct vf_recipients *r, const struct vf_row *row, struct vf_recipient *out)
{
	enum vf_recipient_fault address, code;

	out->id = field(row, r->id);
	out->to = field(row, r->to);
	out->new_wave = false;
	if (!vf_fan_id_ok(out->id)) {
		out->fault = VF_RECIPIENT_MISSING_USER;
		return;
	}
	if (!read_wave(r, row, out)) {
		out->fault = VF_RECIPIENT_NO_WAVE;
		return;
	}
	out->zone = zone_of(r, row);
	out->has_zone = out->zone != NULL;
	vf_message_id(&r->ids, out->id, out->key);
	address = judge_address(r, out);
	code = judge_code(r, row, out);
	out->fault = address != VF_RECIPIENT_OK ? address : code;
	set_values(r, row, out);
}
