/* inflate-avro -- zlib alone over the deflated blocks of Avro files: what looking into each of them costs at least. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { SYNC = 16 };

static unsigned char out[1 << 20];
static uint64_t total;

static int64_t
take_long(const unsigned char **p, const unsigned char *end)
{
	uint64_t v = 0;

	for (int shift = 0; *p < end && shift < 64; shift += 7) {
		unsigned char c = *(*p)++;

		v |= (uint64_t)(c & 127) << shift;
		if (c < 128)
			return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
	}
	fputs("inflate-avro: not an Avro file\n", stderr);
	exit(1);
}

/* Behind the map of the header: keys and values are the same to us. */
static void
skip_header(const unsigned char **p, const unsigned char *end)
{
	int64_t n, size;

	if (end - *p < 4 || memcmp(*p, "Obj\1", 4) != 0)
		end = *p;
	for (*p += 4; (n = take_long(p, end)) != 0;) {
		if (n < 0) {
			n = -n;
			take_long(p, end);
		}
		for (n *= 2; n > 0; n--) {
			size = take_long(p, end);
			*p += size >= 0 && size < end - *p ? size : end - *p;
		}
	}
	*p += SYNC;
}

static int
inflate_all(z_stream *z, const unsigned char *p, const unsigned char *end)
{
	skip_header(&p, end);
	while (p < end) {
		int64_t size;
		int rc;

		take_long(&p, end);
		size = take_long(&p, end);
		if (size < 0 || size > end - p - SYNC)
			return -1;
		z->next_in = (unsigned char *)(uintptr_t)p;
		z->avail_in = (uInt)size;
		inflateReset(z);
		do {
			z->next_out = out;
			z->avail_out = sizeof out;
			rc = inflate(z, Z_NO_FLUSH);
			total += sizeof out - z->avail_out;
		} while (rc == Z_OK && z->avail_out == 0);
		if (rc != Z_STREAM_END)
			return -1;
		p += size + SYNC;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	z_stream z = { 0 };

	if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
		return 1;
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		struct stat st;
		unsigned char *p = MAP_FAILED;

		if (fd >= 0 && fstat(fd, &st) == 0)
			p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (p == MAP_FAILED || inflate_all(&z, p, p + st.st_size) < 0) {
			fprintf(stderr, "inflate-avro: %s: cannot be read\n", argv[i]);
			return 1;
		}
		munmap(p, (size_t)st.st_size);
		close(fd);
	}
	inflateEnd(&z);
	fprintf(stderr, "%llu bytes\n", (unsigned long long)total);
	return 0;
}
