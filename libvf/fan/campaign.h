/* fan/campaign.h -- the campaign configuration (DESIGN 3), read once, all defaults in. */
#ifndef VF_FAN_CAMPAIGN_H
#define VF_FAN_CAMPAIGN_H

#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

enum vf_code_type { VF_CODE_GENERATED, VF_CODE_EXTERNAL, VF_CODE_TM };

/* Thresholds in millionths: a score at or over one is in that band (purpose.md, bands). */
struct vf_bands {
	uint32_t high, mid, low;
};

struct vf_limit {
	char *market;
	uint64_t limit;
};

struct vf_market {
	char *id, *timezone;		/* timezone NULL when absent */
	bool has_limit;
	uint64_t limit;
};

struct vf_wave_config {
	char *id;
	bool has_notify_date;
	int64_t notify_date;		/* seconds since 1970 UTC */
	char **markets;			/* empty: all */
	size_t nmarkets;
	struct vf_limit *limits;
	size_t nlimits;
};

struct vf_campaign {
	char *id, *name;		/* name NULL when absent */
	bool allow_intl_phones, require_confirmed_phone, sms_unconfirmed;
	char **home_regions;		/* default US, CA */
	size_t nhome_regions;
	enum vf_code_type code_type;
	struct vf_bands bands;
	struct vf_market *markets;
	size_t nmarkets;
	struct vf_wave_config *waves;
	size_t nwaves;
};

#define VF_BANDS_DEFAULT { 950000, 800000, 220000 }

/* Unknown keys are ignored; a wrong type, a missing id, an id twice is VF_ERR_CONFIG naming the JSON path. */
struct vf_campaign *vf_campaign_load(const char *path, struct vf_error *);
void vf_campaign_free(struct vf_campaign *);

/* NULL when there is no such wave. */
const struct vf_wave_config *vf_campaign_wave(const struct vf_campaign *, const char *id);
/* True when the wave is for this market; a NULL wave is for all. */
bool vf_campaign_in_wave(const struct vf_wave_config *, struct vf_slice market);
/* The limit of a market in a wave (or NULL): waves[].limits, else markets[].limit; false when there is none. */
bool vf_campaign_limit(const struct vf_campaign *, const struct vf_wave_config *, struct vf_slice market,
	uint64_t *limit);

/* `generated`, `external`, `TM`. */
const char *vf_code_type_name(enum vf_code_type);
bool vf_code_type_parse(struct vf_slice, enum vf_code_type *);

#endif
