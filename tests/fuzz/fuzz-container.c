/* fuzz-container.c -- any bytes as an Avro container: walked, hopped over and from a pipe alike, and merged into a sound one. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "avro/merge.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

static bool
never(void)
{
	return false;
}

/* Blocks and records, or -1. */
static int
walk(struct vf_container *c, int fd, bool hop, uint64_t *records)
{
	struct vf_error err = { 0 };
	struct vf_container_block b;
	struct vf_slice data;
	int rc, n = 0;

	*records = 0;
	if (vf_container_open_fd(c, dup(fd), "fuzz", &err) < 0)
		return -1;
	while ((rc = hop ? vf_container_hop(c, &b, &err) : vf_container_next(c, &b, &err)) > 0) {
		if (!hop && vf_container_data(c, &b, &data, &err) == 0)
			need(data.n <= 1 << 20);
		*records += b.count;
		n++;
	}
	need(rc == 0 || err.text[0] != '\0');
	return rc < 0 ? -1 : n;
}

/* What is merged is sound, and has the records of its source. */
static void
merge(const char *path)
{
	const struct vf_merge_options opt = { .output = NULL, .max_size = 1 << 22, .stopping = never, .digests = true };
	struct vf_error err = { 0 };
	struct vf_merge *m = vf_merge_new(&opt, &err);
	struct vf_merge_file part;

	need(m != NULL);
	if (vf_merge_add(m, path, &err) == 0 && vf_merge_survey(m, &err) == 0 && vf_merge_run(m, &err) == 0) {
		vf_merge_part(m, 0, &part);
		need(vf_merge_parts(m) == 1 && part.records == vf_merge_records_in(m) && part.size <= 1 << 22);
	}
	vf_merge_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct vf_container_options small = { .block_max = 1 << 20, .digest = true };
	static struct vf_container *c;
	struct vf_error err = { 0 };
	uint64_t walked, hopped;
	int fd = memfd_create("fuzz", MFD_CLOEXEC), blocks;
	char path[40];

	if (c == NULL) {
		need(vf_hash_start(&err) == 0);
		c = vf_container_new(&small, &err);
	}
	need(c != NULL && fd >= 0 && (n == 0 || write(fd, data, n) == (ssize_t)n));
	lseek(fd, 0, SEEK_SET);
	blocks = walk(c, fd, false, &walked);
	lseek(fd, 0, SEEK_SET);
	need(walk(c, fd, true, &hopped) == blocks);
	need(blocks < 0 || walked == hopped);
	vf_container_close(c);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	merge(path);
	close(fd);
	return 0;
}
