/*
 * replay.c -- runs a fuzz target over its corpus, for compilers without
 * libFuzzer and for `make check`: replay-NAME takes tests/fuzz/corpus/NAME
 * below VF_SRCDIR, or the files it is given.  Each input in full, and cut
 * short in 64 places.
 */
#include <dirent.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
feed(const char *path)
{
	static uint8_t bytes[1 << 21];
	FILE *f = fopen(path, "rb");
	size_t n, step;

	if (f == NULL) {
		ok(false, "%s can be read", path);
		return;
	}
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	step = n / 64 + 1;
	for (size_t k = 0; k < n; k += step) {
		uint8_t *cut = malloc(k + 1);	/* its end is the end of the allocation, for the sanitizers */

		memcpy(cut, bytes, k);
		cut = realloc(cut, k > 0 ? k : 1);
		LLVMFuzzerTestOneInput(cut, k);
		free(cut);
	}
	LLVMFuzzerTestOneInput(bytes, n);
	ok(true, "%s is judged, and every start of it", path);
}

static int
corpus(const char *program)
{
	const char *top = getenv("VF_SRCDIR"), *name = strstr(program, "replay-");
	char folder[4096], path[8192];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
		name != NULL ? name + strlen("replay-") : "");
	dir = opendir(folder);
	if (!ok(dir != NULL, "there is a corpus"))
		return done_testing();
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
			feed(path);
		}
	closedir(dir);
	ok(tap_tests > 1, "it holds inputs");
	return done_testing();
}

int
main(int argc, char **argv)
{
	if (argc == 1)
		return corpus(basename(argv[0]));
	for (int i = 1; i < argc; i++)
		feed(argv[i]);
	return done_testing();
}
