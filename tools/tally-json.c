/* tally-json.c -- the report as one JSON object. */
#include <inttypes.h>

#include "base/text.h"
#include "tally.h"

static void
add_member(struct vf_buf *b, const char *before, const char *key, const char *text)
{
	vf_buf_addf(b, "%s\"%s\":", before, key);
	if (*text != '\0')
		vf_text_add_json(b, vf_slice_str(text));
	else
		vf_buf_add_str(b, "null");
}

static void
add_steps(struct vf_buf *b, const struct vf_tally *t, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &t->steps[i];

		add_member(b, i > first ? ",{" : "{", "tool", s->tool);
		add_member(b, ",", "campaignId", s->campaign);
		add_member(b, ",", "waveId", s->wave);
		vf_buf_addf(b, ",\"input\":%s,\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"rejected\":%" PRIu64
			",\"unselected\":%" PRIu64 ",\"deferred\":%" PRIu64 ",\"reasons\":%s,\"exit\":%" PRIu64
			",\"seconds\":%.3f,\"ok\":%s}", s->input, s->in, s->out, s->rejected, s->unselected,
			s->deferred, s->reasons, s->exit, s->seconds, vf_tally_step_ok(s, NULL) ? "true" : "false");
	}
}

static void
add_chain(struct vf_buf *b, const struct report *r, size_t first, size_t end)
{
	for (int i = 0; i + 1 < r->nchain; i++) {
		struct vf_tally_link link = vf_tally_link(&r->tally, first, end, r->chain[i], r->chain[i + 1]);

		add_member(b, i > 0 ? ",{" : "{", "from", r->chain[i]);
		add_member(b, ",", "to", r->chain[i + 1]);
		vf_buf_addf(b, ",\"out\":%" PRIu64 ",\"in\":%" PRIu64 ",\"ok\":%s}", link.out, link.in,
			vf_tally_link_ok(link) ? "true" : "false");
	}
}

static void
add_overview(struct vf_buf *b, const struct vf_overview *o)
{
	vf_buf_add_str(b, ",\"stages\":[");
	for (size_t i = 0; i < o->nstages; i++) {
		add_member(b, i > 0 ? ",{" : "{", "campaignId", o->stages[i].campaign);
		add_member(b, ",", "waveId", o->stages[i].wave);
		add_member(b, ",", "stage", o->stages[i].name);
		vf_buf_addf(b, ",\"records\":%" PRIu64 "}", o->stages[i].n);
	}
	vf_buf_add_str(b, "],\"reasons\":[");
	for (size_t i = 0; i < o->nwhy; i++) {
		add_member(b, i > 0 ? ",{" : "{", "campaignId", o->why[i].campaign);
		add_member(b, ",", "waveId", o->why[i].wave);
		add_member(b, ",", "tool", o->why[i].tool);
		add_member(b, ",", "reason", o->why[i].word);
		vf_buf_addf(b, ",\"records\":%" PRIu64 "}", o->why[i].n);
	}
	vf_buf_add_char(b, ']');
}

static void
add_deliveries(struct vf_buf *b, const struct vf_tally *t)
{
	vf_buf_add_str(b, ",\"deliveries\":[");
	for (size_t i = 0; i < t->ndeliveries; i++) {
		add_member(b, i > 0 ? ",{" : "{", "campaignId", t->deliveries[i]->campaign);
		add_member(b, ",", "waveId", t->deliveries[i]->wave);
		vf_buf_add_str(b, ",\"delivery\":");
		vf_delivery_put(b, &t->deliveries[i]->d);
		vf_buf_add_char(b, '}');
	}
	vf_buf_add_char(b, ']');
}

static void
add_metrics(struct vf_buf *b, const struct report *r)
{
	vf_buf_add_str(b, ",\"metrics\":[");
	for (int i = 0; i < VF_METRICS; i++) {
		const struct vf_metric *m = &r->metrics[i];

		add_member(b, i > 0 ? ",{" : "{", "id", m->id);
		add_member(b, ",", "group", m->group);
		add_member(b, ",", "metric", m->name);
		add_member(b, ",", "target", m->target);
		add_member(b, ",", "value", m->value);
		if (m->value[0] != '\0')
			vf_buf_addf(b, ",\"number\":%.6g", m->number);
		else
			vf_buf_add_str(b, ",\"number\":null");
		add_member(b, ",", "verdict", vf_verdict_names[m->verdict]);
		add_member(b, ",", "basis", m->basis);
		vf_buf_add_char(b, '}');
	}
	vf_buf_add_char(b, ']');
}

void
tally_json(struct vf_buf *b, const struct report *r)
{
	vf_buf_add_str(b, "{\"runs\":[");
	for (size_t first = 0, end; first < r->tally.nsteps; first = end) {
		end = vf_tally_run_end(&r->tally, first);
		add_member(b, first > 0 ? ",{" : "{", "run", r->tally.steps[first].run);
		vf_buf_add_str(b, ",\"steps\":[");
		add_steps(b, &r->tally, first, end);
		vf_buf_add_str(b, "],\"chain\":[");
		add_chain(b, r, first, end);
		vf_buf_add_str(b, "]}");
	}
	vf_buf_add_char(b, ']');
	add_overview(b, &r->overview);
	add_deliveries(b, &r->tally);
	if (r->opt->metrics)
		add_metrics(b, r);
	vf_buf_addf(b, ",\"ok\":%s,\"violations\":[", r->nviolations == 0 ? "true" : "false");
	for (const char *v = tally_violation(r, NULL), *sep = ""; v != NULL; v = tally_violation(r, v), sep = ",") {
		vf_buf_add_str(b, sep);
		vf_text_add_json(b, vf_slice_str(v));
	}
	vf_buf_add_str(b, "]}\n");
}
