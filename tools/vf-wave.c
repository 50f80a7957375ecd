/* vf-wave -- make the files of a wave: who is told what code, by which channel. */
#include <stdio.h>

#include "base/date.h"
#include "base/text.h"
#include "fan/fan.h"
#include "fan/wave.h"
#include "folder.h"
#include "frame.h"

#define UNSET INT64_MIN

struct options {
	const char *out;
	int64_t notify_date, now;
	bool late, replace;
};

static const struct vf_option options[] = {
	{ "out", 0, VF_PATH, offsetof(struct options, out), "DIR", "the folder to make (needed)" },
	{ "notify-date", 0, VF_DATE, offsetof(struct options, notify_date), "TIME",
		"when the fans are told (the configuration's)" },
	{ "now", 0, VF_DATE, offsetof(struct options, now), "TIME", "judge lateness as of this time" },
	{ "late", 0, VF_FLAG, offsetof(struct options, late), NULL, "even less than a day ahead of the notify date" },
	{ "replace", 0, VF_FLAG, offsetof(struct options, replace), NULL, "replace DIR when it is a wave's folder" },
	{ 0 },
};

static const struct options defaults = { .notify_date = UNSET, .now = UNSET };
enum { MISSING_USER = VF_REJECT_TOOL, NO_CODE, UNREACHABLE };
static const char *const reasons[] = { "missing-user", "no-code", "unreachable", NULL };

static const char *const sets[] = { "campaignId", "waveId", "notifyDate", "validFrom", "validTo", NULL };
enum { CODES, SMS, EMAIL, FILES, MANIFEST = FILES };
static const char *const names[] = { "codes.csv", "sms.csv", "email.csv", "manifest.json", NULL };
static const char *const drops[FILES][4] = {
	[SMS] = { "email", NULL },
	[EMAIL] = { "phone", "phoneConfirmed", "phoneRegion", NULL },
};

struct wave {
	struct vf_run *run;
	struct vf_folder *folder;
	struct vf_out *out[FILES];
	struct vf_window window;
	char notify[VF_DATE_LEN + 1], from[VF_DATE_LEN + 1], to[VF_DATE_LEN + 1];
	struct vf_slice v[5];
	int id, code, code_type, email, phone, tags;	/* columns; -1: there is none */
};

static struct wave wave;		/* outlives run: the folder is renamed when all files in it are committed */

static int
check(struct vf_run *run, void *options_, struct vf_in_options *in)
{
	const struct options *opt = options_;

	(void)in;
	if (run->wave == NULL || run->wave[0] == '\0')
		return vf_error(&run->err, VF_ERR_CONFIG, "--wave ID is needed");
	if (opt->out == NULL)
		return vf_error(&run->err, VF_ERR_CONFIG, "--out DIR is needed");
	return 0;
}

static int
set_window(struct wave *w, const struct options *opt)
{
	const struct vf_wave_config *config = vf_campaign_wave(w->run->campaign, w->run->wave);
	int64_t notify = opt->notify_date, now = opt->now != UNSET ? opt->now : vf_date_now();
	struct vf_error *err = &w->run->err;

	if (notify == UNSET && config == NULL)
		return vf_error(err, VF_ERR_CONFIG, "the configuration has no wave %s: --notify-date is needed", w->run->wave);
	if (notify == UNSET && !config->has_notify_date)
		return vf_error(err, VF_ERR_CONFIG, "the configuration has no notifyDate for wave %s: --notify-date is needed",
			w->run->wave);
	if (notify == UNSET)
		notify = config->notify_date;
	if (!vf_window_init(&w->window, notify))
		return vf_error(err, VF_ERR_CONFIG, "the notify date is too near the year 1970 or 10000");
	vf_date_put(w->notify, w->window.notify);
	vf_date_put(w->from, w->window.from);
	vf_date_put(w->to, w->window.to);
	if (!opt->late && !vf_window_in_time(&w->window, now))
		return vf_error(err, VF_ERR_CONFIG, "the notify date %s is less than 86400 seconds ahead (--late allows it)",
			w->notify);
	return 0;
}

static int
find_columns(struct wave *w)
{
	const struct vf_header *h = vf_in_header(w->run->in);

	if ((w->id = vf_header_need(h, "globalUserId", &w->run->err)) < 0 ||
		(w->code = vf_header_need(h, "code", &w->run->err)) < 0 ||
		(w->code_type = vf_header_need(h, "codeType", &w->run->err)) < 0)
		return -1;
	w->email = vf_header_find(h, "email");
	w->phone = vf_header_find(h, "phone");
	w->tags = vf_header_find(h, "tags");
	if (w->email < 0 && w->phone < 0)
		return vf_error(&w->run->err, VF_ERR_CONFIG, "%s: no column email or phone", h->file);
	return 0;
}

static int
path_in(const struct vf_folder *folder, const char *name, struct vf_buf *path, struct vf_error *err)
{
	vf_buf_clear(path);
	vf_buf_addf(path, "%s/%s", vf_folder_temp(folder), name);
	return vf_buf_terminate(path) < 0 || path->failed ? vf_error_nomem(err) : 0;
}

static int
open_files(struct wave *w, const struct options *opt)
{
	struct vf_buf path = { 0 };
	struct vf_run *run = w->run;

	w->folder = vf_folder_create(opt->out, names, opt->replace, &run->err);
	if (w->folder == NULL)
		return -1;
	for (int i = 0; i < FILES; i++) {
		struct vf_out_options out = {
			.flags = VF_FILE_PRIVATE, .header = vf_in_header(run->in), .sets = sets, .drops = drops[i],
			.digest = true,
		};

		if (path_in(w->folder, names[i], &path, &run->err) < 0)
			break;
		out.path = path.p;
		w->out[i] = vf_output(run, &out);
		if (w->out[i] == NULL)
			break;
	}
	vf_buf_free(&path);
	return w->out[FILES - 1] != NULL ? 0 : -1;
}

static struct vf_slice
value(const struct vf_row *row, int column)
{
	return column >= 0 ? vf_slice_trim(vf_row_value(row, column)) : vf_slice("", 0);
}

/* Why the record is in no file, or 0 and its channels. */
static int
judge(const struct wave *w, const struct vf_row *row, unsigned *channels)
{
	if (row->reject != 0)
		return row->reject;
	if (!vf_fan_id_ok(value(row, w->id)))
		return MISSING_USER;
	if (value(row, w->code).n == 0 || vf_slice_is(value(row, w->code_type), "void"))
		return NO_CODE;
	*channels = vf_wave_channels(value(row, w->email), value(row, w->phone), value(row, w->tags),
		w->run->campaign->sms_unconfirmed);
	return *channels == 0 ? UNREACHABLE : 0;
}

static int
put(struct wave *w, const struct vf_row *row)
{
	const char delimiter = vf_in_delimiter(w->run->in, row->file);
	struct vf_error *err = &w->run->err;
	unsigned channels;
	int why = judge(w, row, &channels);

	if (why != 0)
		return vf_reject(w->run, row, why, NULL);
	if (vf_out_put(w->out[CODES], row, delimiter, w->v, err) < 0)
		return -1;
	if ((channels & VF_CHANNEL_SMS) != 0 && vf_out_put(w->out[SMS], row, delimiter, w->v, err) < 0)
		return -1;
	return (channels & VF_CHANNEL_EMAIL) != 0 ? vf_out_put(w->out[EMAIL], row, delimiter, w->v, err) : 0;
}

/* What the folder holds, and the window: the same input gives the same bytes. */
static int
add_manifest(const struct wave *w, struct vf_buf *b)
{
	static const char *const keys[] = { "campaignId", "waveId", "notifyDate", "validFrom", "validTo" };
	char hex[VF_DIGEST_HEX + 1];

	for (int i = 0; i < 5; i++) {
		vf_buf_addf(b, "%s\"%s\":", i == 0 ? "{" : ",", keys[i]);
		vf_text_add_json(b, w->v[i]);
	}
	vf_buf_add_str(b, ",\"files\":{");
	for (int i = 0; i < FILES; i++) {
		vf_out_digest(w->out[i], hex);
		vf_buf_addf(b, "%s\"%s\":{\"records\":%llu,\"blake2b\":\"%s\"}", i == 0 ? "" : ",", names[i],
			(unsigned long long)vf_out_records(w->out[i]), hex);
	}
	vf_buf_add_str(b, "}}\n");
	return b->failed ? -1 : 0;
}

static int
write_manifest(struct wave *w)
{
	struct vf_buf path = { 0 }, text = { 0 };
	struct vf_error *err = &w->run->err;
	struct vf_file *file = NULL;
	int rc = add_manifest(w, &text) < 0 ? vf_error_nomem(err) : path_in(w->folder, names[MANIFEST], &path, err);

	if (rc == 0)
		file = vf_output_file(w->run, path.p, VF_FILE_PRIVATE);
	if (rc == 0)
		rc = file == NULL ? -1 : vf_file_write(file, text.p, text.n, err);
	vf_buf_free(&path);
	vf_buf_free(&text);
	return rc;
}

static int
work(struct wave *w, const struct options *opt)
{
	struct vf_run *run = w->run;
	const struct vf_row *rows;
	int n;

	if (set_window(w, opt) < 0 || find_columns(w) < 0 || open_files(w, opt) < 0)
		return -1;
	w->v[0] = vf_slice_str(run->campaign->id);
	w->v[1] = vf_slice_str(run->wave);
	w->v[2] = vf_slice_str(w->notify);
	w->v[3] = vf_slice_str(w->from);
	w->v[4] = vf_slice_str(w->to);
	while ((n = vf_in_batch(run->in, &rows, &run->err)) > 0) {
		for (int i = 0; i < n; i++)
			if (put(w, &rows[i]) < 0)
				return -1;
		if (vf_stopping())
			return vf_stopped(run);
	}
	return n < 0 ? -1 : write_manifest(w);
}

static int
run_wave(struct vf_run *run)
{
	int rc;

	wave.run = run;
	rc = work(&wave, run->options);
	vf_stat_u64(run, "sms", wave.out[SMS] != NULL ? vf_out_records(wave.out[SMS]) : 0);
	vf_stat_u64(run, "email", wave.out[EMAIL] != NULL ? vf_out_records(wave.out[EMAIL]) : 0);
	return rc;
}

static int
commit(struct vf_run *run)
{
	return vf_folder_commit(wave.folder, &run->err);
}

static void
cleanup(struct vf_run *run)
{
	(void)run;
	vf_folder_free(wave.folder);
}

static const struct vf_tool tool = {
	.name = "vf-wave",
	.purpose = "Make a wave's folder: codes.csv, sms.csv, email.csv and manifest.json.",
	.options = options,
	.defaults = &defaults,
	.options_size = sizeof(struct options),
	.wants = VF_WANT_CSV | VF_WANT_CAMPAIGN | VF_WANT_WAVE,
	.reasons = reasons,
	.check = check,
	.run = run_wave,
	.commit = commit,
	.cleanup = cleanup,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
