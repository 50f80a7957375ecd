/* fuzz-json.c -- any bytes as a JSON document, a configuration, a wave's status and a stats line: judged, never a crash. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "fan/campaign.h"
#include "fan/status.h"
#include "fan/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
need(bool condition)
{
	if (!condition)
		abort();
}

/* What was read is written so that it reads back as the same text. */
static void
document(struct vf_slice text)
{
	struct vf_buf once = { 0 }, twice = { 0 };
	struct vf_error err = { 0 };
	struct vf_json *doc = vf_json_parse(text, "fuzz", &err), *again;

	if (doc == NULL) {
		need(err.text[0] != '\0');
		return;
	}
	need(vf_json_add(&once, doc) == 0);
	again = vf_json_parse(vf_buf_slice(&once), "fuzz", &err);
	need(again != NULL && vf_json_add(&twice, again) == 0);
	need(vf_slice_eq(vf_buf_slice(&once), vf_buf_slice(&twice)));
	vf_json_free(doc);
	vf_json_free(again);
	vf_buf_free(&once);
	vf_buf_free(&twice);
}

static void
configuration(const char *path)
{
	struct vf_error err = { 0 };
	struct vf_campaign *c = vf_campaign_load(path, &err);

	if (c == NULL) {
		need(err.kind == VF_ERR_CONFIG);
		return;
	}
	need(c->id[0] != '\0' && c->bands.low > 0 && c->bands.low <= c->bands.mid && c->bands.mid <= c->bands.high &&
		c->bands.high <= 1000000);
	for (size_t i = 0; i < c->nwaves; i++)
		need(vf_campaign_wave(c, c->waves[i].id) == &c->waves[i]);
	vf_campaign_free(c);
}

static void
status(const char *path)
{
	struct vf_error err = { 0 };
	struct vf_status *s = vf_status_load(path, &err);
	struct vf_json *doc;
	struct vf_buf text = { 0 };

	if (s == NULL) {
		need(err.kind == VF_ERR_CONFIG);
		return;
	}
	need(vf_status_add(&text, s) == 0);
	doc = vf_json_parse(vf_buf_slice(&text), "fuzz", &err);
	need(doc != NULL);
	vf_json_free(doc);
	vf_buf_free(&text);
	vf_status_free(s);
}

static void
stats(struct vf_slice text)
{
	struct vf_tally t = { 0 };
	struct vf_error err = { 0 };

	for (uint64_t line = 1; line <= 2; line++)
		need(vf_tally_add(&t, text, NULL, "fuzz", line, &err) == 0 || err.kind == VF_ERR_CONFIG);
	vf_tally_settle(&t);
	need(t.nsteps <= 1);
	for (size_t i = 0; i < t.nsteps; i++)
		vf_tally_step_ok(&t.steps[i], NULL);
	vf_tally_clear(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct vf_buf text = { 0 };
	char path[40];

	if (fd < 0 || vf_buf_add(&text, data, n) < 0 || (n > 0 && write(fd, data, n) != (ssize_t)n))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	document(vf_buf_slice(&text));
	configuration(path);
	status(path);
	stats(vf_buf_slice(&text));
	vf_buf_free(&text);
	close(fd);
	return 0;
}
