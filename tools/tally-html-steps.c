/* tally-html-steps.c -- the steps of each run, and whether each read what the one before it wrote. */
#include "tally-html.h"

static void
add_chain(struct vf_buf *b, const struct report *r, size_t first, size_t end)
{
	if (r->nchain < 2)
		return;
	vf_buf_add_str(b, "<p class=\"soft\">");
	for (int i = 0; i + 1 < r->nchain; i++) {
		struct vf_tally_link link = vf_tally_link(&r->tally, first, end, r->chain[i], r->chain[i + 1]);
		bool good = vf_tally_link_ok(link);

		html_text(b, r->chain[i]);
		vf_buf_add_str(b, " wrote ");
		html_count(b, link.out);
		vf_buf_add_str(b, ", ");
		html_text(b, r->chain[i + 1]);
		vf_buf_add_str(b, " read ");
		html_count(b, link.in);
		vf_buf_addf(b, ": <span class=\"%s\">%s</span>%s", good ? "ok" : "no", tally_link_word(link),
			i + 2 < r->nchain ? "; " : ".</p>\n");
	}
}

static void
add_run(struct vf_buf *b, const struct report *r, size_t first, size_t end)
{
	char name[RUN_NAME];

	tally_run_name(name, r->tally.steps[first].run);
	vf_buf_add_str(b, "<h3>");
	html_text(b, name);
	vf_buf_add_str(b, "</h3>\n<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\">wave</th>"
		"<th scope=\"col\">input</th><th scope=\"col\" class=\"n\">in</th><th scope=\"col\" class=\"n\">out</th>"
		"<th scope=\"col\" class=\"n\">rejected</th><th scope=\"col\" class=\"n\">held</th><th scope=\"col\" class=\"n\">time</th>"
		"<th scope=\"col\">check</th></tr></thead>\n<tbody>\n");
	for (size_t i = first; i < end; i++) {
		const struct vf_tally_step *s = &r->tally.steps[i];

		vf_buf_add_str(b, "<tr><th scope=\"row\">");
		html_text(b, s->tool);
		vf_buf_add_str(b, "</th>");
		html_text_cell(b, s->about);
		html_text_cell(b, tally_base_name(s->first_input));
		html_count_cell(b, s->in);
		html_count_cell(b, s->out);
		html_count_cell(b, s->rejected);
		html_count_cell(b, s->unselected + s->deferred);
		html_seconds_cell(b, s->seconds);
		html_word_cell(b, tally_step_word(s), vf_tally_step_ok(s, NULL));
		vf_buf_add_str(b, "</tr>\n");
	}
	vf_buf_add_str(b, "</tbody>\n</table></div>\n");
	add_chain(b, r, first, end);
}

void
html_steps(struct vf_buf *b, const struct report *r)
{
	if (r->tally.nsteps == 0)
		return;
	vf_buf_add_str(b, "<section id=\"steps\"><h2>Every step of every run</h2>\n");
	for (size_t first = 0, end; first < r->tally.nsteps; first = end) {
		end = vf_tally_run_end(&r->tally, first);
		add_run(b, r, first, end);
	}
	vf_buf_add_str(b, "</section>\n");
}
