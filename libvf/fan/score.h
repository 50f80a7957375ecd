/* fan/score.h -- what a score or a rank is worth, and which band it falls into (DESIGN 4, vf-score). */
#ifndef VF_FAN_SCORE_H
#define VF_FAN_SCORE_H

#include <stdint.h>

#include "fan/campaign.h"

/* From the best to none; also the order of the draw. */
enum vf_band { VF_BAND_HIGH, VF_BAND_MID, VF_BAND_LOW, VF_BAND_NONE };
#define VF_BANDS 4
extern const char *const vf_band_names[VF_BANDS];

static inline enum vf_band
vf_band_of(const struct vf_bands *bands, uint32_t millionths)
{
	/* Counted, not asked for: scores in random order would mislead a branch. */
	return (enum vf_band)((millionths < bands->high) + (millionths < bands->mid) + (millionths < bands->low));
}

/* false: none of the four words. */
bool vf_band_parse(struct vf_slice, enum vf_band *);

/*
 * Rank r of n (1 is best) as 1 - (r - 1) / n in millionths, cut as an integer
 * division cuts; false when the text is no whole number from 1 to n.
 */
bool vf_score_of_rank(struct vf_slice rank, uint64_t n, uint32_t *millionths);

#endif
