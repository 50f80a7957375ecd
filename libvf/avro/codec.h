/*
 * avro/codec.h -- what a block's bytes are stored as: null, deflate (raw,
 * RFC 1951) or snappy (with the big-endian CRC-32 of the plain bytes behind it).
 *
 * An inflater or deflater belongs to one thread.  What it returns lies in its
 * own buffer (codec null: it is the input itself) and holds until its next
 * call; the buffer is kept, so that a steady loop does not allocate.
 */
#ifndef VF_AVRO_CODEC_H
#define VF_AVRO_CODEC_H

#include "base/error.h"
#include "base/slice.h"

enum vf_codec { VF_CODEC_NULL, VF_CODEC_DEFLATE, VF_CODEC_SNAPPY };

/* The name in a file's metadata, and its codec; false: not one of ours. */
bool vf_codec_find(struct vf_slice name, enum vf_codec *);
const char *vf_codec_name(enum vf_codec);

struct vf_inflater;

/*
 * max: the most bytes one block may become.  Deflate is inflated by libdeflate,
 * which takes what zlib takes and some streams more that no compressor writes:
 * over 30 distance codes in a table, codes that are reserved, a table of one
 * code asked for its other bit.  strict: by zlib, in twice the time.  What it
 * takes the readers in Java, Python and Node take, who use it themselves.
 * NULL: no memory.
 */
struct vf_inflater *vf_inflater_new(size_t max, bool strict);
void vf_inflater_free(struct vf_inflater *);
/*
 * The plain bytes of a stored block: 0, -1 when it is damaged, 1 when they are
 * more than max, whatever the block says of itself (the error is filled, too).
 * Up to four stray bytes behind a deflate stream are tolerated (python-avro
 * leaves a part of a checksum there), anything else that is not exactly one
 * stream is refused.  The error is the cause alone, without a file.
 */
int vf_inflate(struct vf_inflater *, enum vf_codec, struct vf_slice raw, struct vf_slice *data, struct vf_error *);

struct vf_deflater;

#define VF_DEFLATE_LEVEL 6		/* zlib's own default, and Java's */

/* level is deflate's, 1 to 12. NULL: no memory. */
struct vf_deflater *vf_deflater_new(enum vf_codec, int level);
void vf_deflater_free(struct vf_deflater *);
int vf_deflate(struct vf_deflater *, struct vf_slice data, struct vf_slice *raw, struct vf_error *);

#endif
