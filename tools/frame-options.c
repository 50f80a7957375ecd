/* frame-options.c -- one option table: parsing, --help, and what completion reads. */
#include <getopt.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/num.h"
#include "frame-impl.h"

#define AT(member) offsetof(struct common, member)
static const struct vf_option always[] = {
	{ "campaign", 'c', VF_PATH, AT(campaign), "FILE", "campaign configuration (JSON)" },
	{ "stats", 0, VF_PATH, AT(stats), "FILE", "append one JSON line of counts when the tool ends" },
	{ "log", 0, VF_TEXT, AT(log), "FORMAT", "messages on stderr as text (default) or json" },
	{ "progress", 0, VF_FLAG, AT(progress), NULL, "show a progress bar" },
	{ "no-progress", 0, VF_FLAG, AT(no_progress), NULL, "never show one" },
	{ "help", 'h', VF_FLAG, AT(help), NULL, "show this text" },
	{ "version", 'V', VF_FLAG, AT(version), NULL, "show the version" },
	{ 0 },
};
static const struct vf_option csv_options[] = {
	{ "delimiter", 'd', VF_TEXT, AT(delimiter), "CHAR", "the input's delimiter: one character or `tab'" },
	{ "column", 0, VF_LIST, AT(columns), "CANON=ACTUAL", "read column ACTUAL as CANON" },
	{ 0 },
};
static const struct vf_option rejects_options[] = {
	{ "rejects", 0, VF_PATH, AT(rejects), "FILE", "append the rejected records with their reasons" },
	{ "max-rejects", 0, VF_TEXT, AT(max_rejects), "N|P%", "exit 3 when more are rejected" },
	{ 0 },
};
static const struct vf_option output_options[] = {
	{ "output", 'o', VF_PATH, AT(output), "FILE", "write to FILE, whole or not at all" },
	{ 0 },
};
static const struct vf_option wave_options[] = {
	{ "wave", 0, VF_TEXT, AT(wave), "ID", "the wave of the campaign" },
	{ 0 },
};
#undef AT

#define GROUPS 6			/* tables that hold for a tool, at most */

struct group {
	const struct vf_option *options;
	void *base;
};

/* The tables that hold for this tool, its own first; returns how many. */
static int
groups(struct frame *f, struct group g[GROUPS])
{
	unsigned wants = f->tool->wants;
	int n = 0;

	if (f->tool->options != NULL)
		g[n++] = (struct group){ f->tool->options, f->options };
	if (wants & VF_WANT_WAVE)
		g[n++] = (struct group){ wave_options, &f->common };
	if (wants & VF_WANT_OUTPUT)
		g[n++] = (struct group){ output_options, &f->common };
	if (wants & VF_WANT_CSV)
		g[n++] = (struct group){ csv_options, &f->common };
	if (wants & (VF_WANT_CSV | VF_WANT_NDJSON))
		g[n++] = (struct group){ rejects_options, &f->common };
	g[n++] = (struct group){ always, &f->common };
	return n;
}

static int
add_to_list(struct vf_list *list, const char *value, struct vf_error *err)
{
	const char **v = realloc(list->v, ((size_t)list->n + 1) * sizeof *v);

	if (v == NULL)
		return vf_error_nomem(err);
	list->v = v;
	list->v[list->n++] = value;
	return 0;
}

/* Puts the value where the table says. */
static int
store(const struct vf_option *o, void *base, const char *value, struct vf_error *err)
{
	void *p = (char *)base + o->offset;
	struct vf_slice s = { 0 };
	bool ok = true;

	if (value != NULL)
		s = vf_slice_str(value);
	switch (o->kind) {
	case VF_FLAG:
		*(bool *)p = true;
		break;
	case VF_PATH:
		ok = s.n > 0;
		/* FALLTHROUGH */
	case VF_TEXT:
		*(const char **)p = value;
		break;
	case VF_LIST:
		return add_to_list(p, value, err);
	case VF_U64:
		ok = vf_num_u64(s, p);
		break;
	case VF_DURATION:
		ok = vf_num_duration_ms(s, p);
		break;
	case VF_DATE:
		ok = vf_date_parse(s, p);
		break;
	}
	if (!ok)
		return vf_error(err, VF_ERR_CONFIG, "--%s: %s", o->name, o->kind == VF_PATH ? "an empty file name" :
			o->kind == VF_U64 ? "not a whole number" : o->kind == VF_DATE ?
			"not a date (2026-12-05T15:00:00-05:00)" : "not a duration (90, 90s, 5m, 250ms)");
	return 0;
}

static int
check_common(struct frame *f)
{
	struct common *c = &f->common;

	if (c->help || c->version)
		return 0;
	if (c->log != NULL && strcmp(c->log, "json") != 0 && strcmp(c->log, "text") != 0)
		return vf_error(&f->run.err, VF_ERR_CONFIG, "--log: text or json");
	if ((f->tool->wants & VF_WANT_CAMPAIGN) && c->campaign == NULL)
		return vf_error(&f->run.err, VF_ERR_CONFIG, "-c FILE is needed: the campaign configuration");
	if (c->delimiter != NULL && (strcmp(c->delimiter, "tab") == 0 || strcmp(c->delimiter, "\\t") == 0))
		c->delimiter = "\t";
	if (c->delimiter != NULL && (strlen(c->delimiter) != 1 || strchr("\"\r\n", c->delimiter[0]) != NULL ||
		(unsigned char)c->delimiter[0] > 0x7f))
		return vf_error(&f->run.err, VF_ERR_CONFIG,
			"--delimiter: one ASCII character, no quote or line end");
	return 0;
}

/* What getopt_long could not take, in words. */
static int
usage_error(struct frame *f, int argc, char **argv, const struct option *longs, bool missing)
{
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	char letter[3] = { '-', (char)optopt, '\0' };

	for (const struct option *l = longs; missing && l->name != NULL; l++)
		if (l->val == optopt && optopt >= 256)
			return vf_error(&f->run.err, VF_ERR_CONFIG, "--%s needs a value; see %s --help", l->name,
				f->tool->name);
	if (optopt != 0 && optopt < 256 && strncmp(word, "--", 2) != 0)
		word = letter;
	return vf_error(&f->run.err, VF_ERR_CONFIG, "%s %s; see %s --help", word,
		missing ? "needs a value" : optopt >= 256 ? "takes no value" : "is no option of this tool",
		f->tool->name);
}

int
vf_options_parse(struct frame *f, int argc, char **argv)
{
	const struct vf_option *flat[96];
	void *bases[96];
	struct option longs[97] = { 0 };
	char shorts[128] = "+:";
	struct group g[GROUPS];
	size_t ns = (f->tool->wants & VF_WANT_COMMAND) ? 2 : 1;
	int ngroups = groups(f, g), n = 0, c;

	shorts[ns - 1] = ':';
	for (int i = 0; i < ngroups; i++)
		for (const struct vf_option *o = g[i].options; o->name != NULL && n < 96; o++) {
			flat[n] = o;
			bases[n] = g[i].base;
			longs[n] = (struct option){ o->name, o->kind == VF_FLAG ? no_argument : required_argument,
				NULL, 256 + n };
			n++;
			if (o->letter != 0) {
				shorts[ns++] = (char)o->letter;
				if (o->kind != VF_FLAG)
					shorts[ns++] = ':';
			}
		}
	shorts[ns] = '\0';
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		int k = c - 256;

		if (c == '?' || c == ':')
			return usage_error(f, argc, argv, longs, c == ':');
		for (k = c >= 256 ? c - 256 : 0; c < 256 && flat[k]->letter != c; k++)
			;
		if (store(flat[k], bases[k], optarg, &f->run.err) < 0)
			return -1;
	}
	f->argv = argv + optind;
	f->argc = argc - optind;
	return check_common(f);
}

void
vf_options_help(const struct frame *f, struct vf_buf *b)
{
	const struct vf_tool *t = f->tool;
	struct group g[GROUPS];
	int n = groups((struct frame *)(uintptr_t)f, g);

	vf_buf_addf(b, "Usage: %s [OPTION ...]%s%s\n%s\n\n", t->name,
		t->operands != NULL && t->operands[0] == '\0' ? "" : " ",
		t->operands != NULL ? t->operands : "[FILE ...]", t->purpose);
	for (int i = 0; i < n; i++)
		for (const struct vf_option *o = g[i].options; o->name != NULL; o++) {
			char left[64];

			snprintf(left, sizeof left, "--%s%s%s", o->name, o->arg != NULL ? " " : "",
				o->arg != NULL ? o->arg : "");
			if (o->letter != 0)
				vf_buf_addf(b, "  -%c, %-28s %s\n", o->letter, left, o->help);
			else
				vf_buf_addf(b, "      %-28s %s\n", left, o->help);
		}
	vf_buf_addf(b, "\nExit status: 0 all input accounted for, 1 failed, 2 usage or configuration,\n"
		"3 --max-rejects exceeded, 75 temporary (run again). More: man %s\n", t->name);
}

void
vf_options_free(struct frame *f)
{
	struct group g[GROUPS];
	int n = groups(f, g);

	for (int i = 0; i < n; i++)
		for (const struct vf_option *o = g[i].options; o->name != NULL; o++)
			if (o->kind == VF_LIST)
				free(((struct vf_list *)(void *)((char *)g[i].base + o->offset))->v);
	free(f->options);
}
