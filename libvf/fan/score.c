#include "fan/score.h"

#include "base/num.h"

const char *const vf_band_names[VF_BANDS] = { "high", "mid", "low", "none" };

bool
vf_band_parse(struct vf_slice s, enum vf_band *band)
{
	/* Lengths that compilers know: no call of memcmp, for every record of a draw. */
	if (s.n == 3 && memcmp(s.p, "low", 3) == 0)
		*band = VF_BAND_LOW;
	else if (s.n == 3 && memcmp(s.p, "mid", 3) == 0)
		*band = VF_BAND_MID;
	else if (s.n == 4 && memcmp(s.p, "none", 4) == 0)
		*band = VF_BAND_NONE;
	else if (s.n == 4 && memcmp(s.p, "high", 4) == 0)
		*band = VF_BAND_HIGH;
	else
		return false;
	return true;
}

bool
vf_score_of_rank(struct vf_slice rank, uint64_t n, uint32_t *millionths)
{
	uint64_t r;

	if (!vf_num_u64(rank, &r) || r < 1 || r > n)
		return false;
	*millionths = (uint32_t)((unsigned __int128)(n - r + 1) * 1000000 / n);
	return true;
}
