#include "record/header.h"

int
vf_header_find(const struct vf_header *h, const char *canon)
{
	for (int i = 0; i < h->n; i++)
		if (vf_slice_is(h->names[i], canon))
			return i;
	return -1;
}

int
vf_header_need(const struct vf_header *h, const char *canon, struct vf_error *err)
{
	int i = vf_header_find(h, canon);

	if (i < 0)
		vf_error(err, VF_ERR_CONFIG, "%s: no column %s (rename one with --column %s=NAME)", h->file, canon,
			canon);
	return i;
}
