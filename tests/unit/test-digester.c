/* test-digester.c -- what a thread digests is what a plain digest says, for several at a time. */
#include <stdlib.h>
#include <string.h>

#include "base/digester.h"
#include "tap.h"

#define DIGESTS 3
#define BYTES ((size_t)3 << 20)

int
main(void)
{
	struct vf_digest plain[DIGESTS], fed[DIGESTS];
	char want[VF_DIGEST_HEX + 1], got[VF_DIGEST_HEX + 1];
	unsigned char *bytes = malloc(BYTES);
	struct vf_digester *d = NULL;
	struct vf_error err;
	uint64_t ticket = 0, tickets = 0;

	tap_seed();
	ok(vf_hash_start(&err) == 0 && bytes != NULL && (d = vf_digester_new(&err)) != NULL, "a digester");
	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)tap_random();
	for (int i = 0; i < DIGESTS; i++) {
		vf_digest_init(&plain[i]);
		vf_digest_init(&fed[i]);
	}
	vf_digester_wait(d, 0);
	for (size_t at = 0; at < BYTES;) {
		size_t n = tap_random() % 20000, i = tap_random() % DIGESTS;

		if (n > BYTES - at)
			n = BYTES - at;
		vf_digest_add(&plain[i], bytes + at, n);
		ticket = vf_digester_add(d, &fed[i], bytes + at, n);
		tickets++;
		at += n;
	}
	ok(ticket == tickets, "tickets count from 1");
	vf_digester_wait(d, ticket);
	for (int i = 0; i < DIGESTS; i++) {
		vf_digest_hex(&plain[i], want);
		vf_digest_hex(&fed[i], got);
		ok(strcmp(want, got) == 0 && plain[i].bytes == fed[i].bytes, "digest %d is that of its bytes", i);
	}
	/* Bytes may change as soon as their ticket was waited for. */
	vf_digest_init(&plain[0]);
	vf_digest_init(&fed[0]);
	for (int round = 0; round < 2000; round++) {
		memset(bytes, round, 1000);
		vf_digest_add(&plain[0], bytes, 1000);
		vf_digester_wait(d, vf_digester_add(d, &fed[0], bytes, 1000));
	}
	vf_digest_hex(&plain[0], want);
	vf_digest_hex(&fed[0], got);
	ok(strcmp(want, got) == 0, "nothing is read after its ticket was waited for");
	for (int i = 0; i < 5; i++)
		vf_digester_add(d, &fed[1], bytes, BYTES);
	vf_digester_free(d);
	ok(fed[1].bytes > 5 * BYTES, "what is on its way is finished before the end");
	vf_digester_free(NULL);
	free(bytes);
	return done_testing();
}
