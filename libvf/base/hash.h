/* base/hash.h -- the hashes the contracts name: BLAKE2b of bytes and files; hex. */
#ifndef VF_BASE_HASH_H
#define VF_BASE_HASH_H

#include <sodium.h>
#include <stdint.h>

#include "base/error.h"
#include "base/slice.h"

#define VF_DIGEST_LEN 32		/* BLAKE2b-256 */
#define VF_DIGEST_HEX (2 * VF_DIGEST_LEN)

/* Call once before any other function of hash or keyset; returns 0 or -1. Safe to call again. */
int vf_hash_start(struct vf_error *);

/* A running BLAKE2b-256 over what is fed to it, and how many bytes that was. */
struct vf_digest {
	crypto_generichash_blake2b_state state;
	uint64_t bytes;
};

void vf_digest_init(struct vf_digest *);
void vf_digest_add(struct vf_digest *, const void *, size_t);
void vf_digest_final(struct vf_digest *, unsigned char out[VF_DIGEST_LEN]);
/* Lower-case hex and a NUL. */
void vf_digest_hex(struct vf_digest *, char out[VF_DIGEST_HEX + 1]);

/* Lower-case hex of n bytes and a NUL: out has 2n + 1 bytes. */
void vf_hex_put(char *out, const unsigned char *, size_t n);
/* Exactly 2n hex digits of either case; false otherwise. */
bool vf_hex_get(struct vf_slice, unsigned char *out, size_t n);

#endif
