#include "avro/codec.h"

#include <libdeflate.h>
#include <limits.h>
#include <snappy-c.h>
#include <stdint.h>
#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

#define FIRST_SIZE	((size_t)64 << 10)
#define STRAY		4	/* bytes behind a deflate stream that are let pass */
#define CRC		4	/* bytes behind a snappy block */

static const char *const names[] = { [VF_CODEC_NULL] = "null", [VF_CODEC_DEFLATE] = "deflate",
	[VF_CODEC_SNAPPY] = "snappy" };

bool
vf_codec_find(struct vf_slice name, enum vf_codec *codec)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (vf_slice_is(name, names[i])) {
			*codec = (enum vf_codec)i;
			return true;
		}
	return false;
}

const char *
vf_codec_name(enum vf_codec codec)
{
	return names[codec];
}

/* Bytes whose old contents are of no use when more are needed: never copied. */
struct scratch {
	char *p;
	size_t size;
};

static int
scratch_size(struct scratch *s, size_t size)
{
	if (size <= s->size)
		return 0;
	free(s->p);
	s->p = malloc(size);
	s->size = s->p != NULL ? size : 0;
	return s->p != NULL ? 0 : -1;
}

struct vf_inflater {
	size_t max;
	bool strict;
	struct scratch out;
	struct libdeflate_decompressor *deflate;	/* made when it is needed first, one of the two */
	z_stream *zlib;
};

struct vf_inflater *
vf_inflater_new(size_t max, bool strict)
{
	struct vf_inflater *in = calloc(1, sizeof(*in));

	if (in != NULL) {
		in->max = max;
		in->strict = strict;
	}
	return in;
}

void
vf_inflater_free(struct vf_inflater *in)
{
	if (in == NULL)
		return;
	libdeflate_free_decompressor(in->deflate);
	if (in->zlib != NULL)
		inflateEnd(in->zlib);
	free(in->zlib);
	free(in->out.p);
	free(in);
}

static int
too_big(const struct vf_inflater *in, struct vf_error *err)
{
	vf_error(err, VF_ERR_FAILED, "the block inflates to more than %zu bytes", in->max);
	return 1;
}

/* What became of a stream and a buffer. */
enum result { WHOLE, DAMAGED, MORE_THAN_FITS, NO_MEMORY };

static enum result
by_libdeflate(struct vf_inflater *in, struct vf_slice raw, size_t size, size_t *used, size_t *got)
{
	if (in->deflate == NULL && (in->deflate = libdeflate_alloc_decompressor()) == NULL)
		return NO_MEMORY;
	switch (libdeflate_deflate_decompress_ex(in->deflate, raw.p, raw.n, in->out.p, size, used, got)) {
	case LIBDEFLATE_SUCCESS:
		return WHOLE;
	case LIBDEFLATE_INSUFFICIENT_SPACE:
		return MORE_THAN_FITS;
	default:
		return DAMAGED;
	}
}

static enum result
by_zlib(struct vf_inflater *in, struct vf_slice raw, size_t size, size_t *used, size_t *got)
{
	z_stream *z = in->zlib;
	int rc;

	if (raw.n > UINT_MAX || size > UINT_MAX)	/* zlib's own measure; no container has such blocks */
		return MORE_THAN_FITS;
	if (z == NULL) {
		if ((z = calloc(1, sizeof(*z))) == NULL || inflateInit2(z, -MAX_WBITS) != Z_OK) {
			free(z);
			return NO_MEMORY;
		}
		in->zlib = z;
	}
	inflateReset(z);
	z->next_in = (const Bytef *)raw.p;
	z->avail_in = (uInt)raw.n;
	z->next_out = (Bytef *)in->out.p;
	z->avail_out = (uInt)size;
	rc = inflate(z, Z_FINISH);
	*used = raw.n - z->avail_in;
	*got = size - z->avail_out;
	if (rc == Z_STREAM_END)
		return WHOLE;
	if (rc == Z_MEM_ERROR)
		return NO_MEMORY;
	return rc == Z_BUF_ERROR && z->avail_out == 0 ? MORE_THAN_FITS : DAMAGED;
}

/* The stream does not tell its size: the buffer doubles until it is enough, and stays that large. */
static int
inflate_deflate(struct vf_inflater *in, struct vf_slice raw, struct vf_slice *data, struct vf_error *err)
{
	size_t used, got, size = in->out.size > 0 ? in->out.size : in->max < FIRST_SIZE ? in->max : FIRST_SIZE;
	enum result rc;

	for (;;) {
		if (scratch_size(&in->out, size) < 0)
			return vf_error_nomem(err);
		rc = (in->strict ? by_zlib : by_libdeflate)(in, raw, size, &used, &got);
		if (rc != MORE_THAN_FITS)
			break;
		if (size >= in->max)
			return too_big(in, err);
		size = size <= in->max / 2 ? 2 * size : in->max;
	}
	if (rc == NO_MEMORY)
		return vf_error_nomem(err);
	if (rc == DAMAGED && in->strict && in->zlib->msg != NULL)
		return vf_error(err, VF_ERR_FAILED, "the deflate stream is damaged: %s", in->zlib->msg);
	if (rc == DAMAGED)
		return vf_error(err, VF_ERR_FAILED, "the deflate stream is damaged or cut off");
	if (raw.n - used > STRAY)
		return vf_error(err, VF_ERR_FAILED, "%zu bytes behind the deflate stream", raw.n - used);
	*data = vf_slice(in->out.p, got);
	return 0;
}

static uint32_t
big_endian(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int
inflate_snappy(struct vf_inflater *in, struct vf_slice raw, struct vf_slice *data, struct vf_error *err)
{
	size_t n;

	if (raw.n < CRC)
		return vf_error(err, VF_ERR_FAILED, "the snappy block is too short for its checksum");
	raw.n -= CRC;
	if (snappy_uncompressed_length(raw.p, raw.n, &n) != SNAPPY_OK)
		return vf_error(err, VF_ERR_FAILED, "the snappy block is damaged or cut off");
	if (n > in->max)
		return too_big(in, err);
	if (scratch_size(&in->out, n > 0 ? n : 1) < 0)
		return vf_error_nomem(err);
	if (snappy_uncompress(raw.p, raw.n, in->out.p, &n) != SNAPPY_OK)
		return vf_error(err, VF_ERR_FAILED, "the snappy block is damaged or cut off");
	if (libdeflate_crc32(0, in->out.p, n) != big_endian(raw.p + raw.n))
		return vf_error(err, VF_ERR_FAILED, "the snappy block's checksum does not match");
	*data = vf_slice(in->out.p, n);
	return 0;
}

int
vf_inflate(struct vf_inflater *in, enum vf_codec codec, struct vf_slice raw, struct vf_slice *data, struct vf_error *err)
{
	switch (codec) {
	case VF_CODEC_DEFLATE:
		return inflate_deflate(in, raw, data, err);
	case VF_CODEC_SNAPPY:
		return inflate_snappy(in, raw, data, err);
	case VF_CODEC_NULL:
		break;
	}
	if (raw.n > in->max)
		return too_big(in, err);
	*data = raw;
	return 0;
}

struct vf_deflater {
	enum vf_codec codec;
	struct scratch out;
	struct libdeflate_compressor *deflate;
};

struct vf_deflater *
vf_deflater_new(enum vf_codec codec, int level)
{
	struct vf_deflater *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->codec = codec;
	if (codec == VF_CODEC_DEFLATE && (d->deflate = libdeflate_alloc_compressor(level)) == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
vf_deflater_free(struct vf_deflater *d)
{
	if (d == NULL)
		return;
	libdeflate_free_compressor(d->deflate);
	free(d->out.p);
	free(d);
}

static int
deflate_snappy(struct vf_deflater *d, struct vf_slice data, struct vf_slice *raw, struct vf_error *err)
{
	size_t n = snappy_max_compressed_length(data.n);
	uint32_t crc = libdeflate_crc32(0, data.p, data.n);

	if (scratch_size(&d->out, n + CRC) < 0)
		return vf_error_nomem(err);
	if (snappy_compress(data.p, data.n, d->out.p, &n) != SNAPPY_OK)
		return vf_error(err, VF_ERR_FAILED, "snappy does not take a block of %zu bytes", data.n);
	for (int i = 0; i < CRC; i++)
		d->out.p[n++] = (char)(crc >> (24 - 8 * i));
	*raw = vf_slice(d->out.p, n);
	return 0;
}

int
vf_deflate(struct vf_deflater *d, struct vf_slice data, struct vf_slice *raw, struct vf_error *err)
{
	size_t n;

	switch (d->codec) {
	case VF_CODEC_SNAPPY:
		return deflate_snappy(d, data, raw, err);
	case VF_CODEC_DEFLATE:
		n = libdeflate_deflate_compress_bound(d->deflate, data.n);
		if (scratch_size(&d->out, n) < 0)
			return vf_error_nomem(err);
		n = libdeflate_deflate_compress(d->deflate, data.p, data.n, d->out.p, n);
		if (n == 0)	/* not within its own bound: does not happen */
			return vf_error(err, VF_ERR_FAILED, "libdeflate does not take a block of %zu bytes", data.n);
		*raw = vf_slice(d->out.p, n);
		return 0;
	case VF_CODEC_NULL:
		break;
	}
	*raw = data;
	return 0;
}
