#include "base/hash.h"

int
vf_hash_start(struct vf_error *err)
{
	return sodium_init() < 0 ? vf_error(err, VF_ERR_FAILED, "libsodium does not start") : 0;
}

void
vf_digest_init(struct vf_digest *d)
{
	crypto_generichash_blake2b_init(&d->state, NULL, 0, VF_DIGEST_LEN);
	d->bytes = 0;
}

void
vf_digest_add(struct vf_digest *d, const void *p, size_t n)
{
	crypto_generichash_blake2b_update(&d->state, p, n);
	d->bytes += n;
}

void
vf_digest_final(struct vf_digest *d, unsigned char out[VF_DIGEST_LEN])
{
	crypto_generichash_blake2b_final(&d->state, out, VF_DIGEST_LEN);
}

void
vf_digest_hex(struct vf_digest *d, char out[VF_DIGEST_HEX + 1])
{
	unsigned char raw[VF_DIGEST_LEN];

	vf_digest_final(d, raw);
	vf_hex_put(out, raw, sizeof raw);
}

void
vf_hex_put(char *out, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * n] = '\0';
}

static int
digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
		c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
vf_hex_get(struct vf_slice s, unsigned char *out, size_t n)
{
	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit(s.p[2 * i]), low = digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
