/* tools/tally-html.h -- what the parts of vf-tally's HTML page know about each other. */
#ifndef VF_TOOLS_TALLY_HTML_H
#define VF_TOOLS_TALLY_HTML_H

#include "tally.h"

/* tally-html-style.c */
extern const char html_style[];

/* tally-html-cells.c: appended; class and word are our own, text is anybody's. */

/* Fit for an element or a quoted attribute. */
void html_text(struct vf_buf *, const char *text);
/* For people, with its value for programs. */
void html_count(struct vf_buf *, uint64_t);
void html_count_cell(struct vf_buf *, uint64_t);
void html_seconds_cell(struct vf_buf *, double);
void html_percent_cell(struct vf_buf *, uint64_t n, uint64_t of);
void html_text_cell(struct vf_buf *, const char *text);
void html_word_cell(struct vf_buf *, const char *word, bool good);
void html_bar_cell(struct vf_buf *, uint64_t n, uint64_t of, const char *class);
/* `campaign, wave w` over a group of rows, in a body of its own. */
void html_group_row(struct vf_buf *, const char *campaign, const char *wave, int columns);

/* tally-html-delivery.c: the section of one channel and wave. n: its number on the page. */
void html_delivery(struct vf_buf *, const struct vf_tally_delivery *, size_t n);

/* tally-html-steps.c: the section of all runs. */
void html_steps(struct vf_buf *, const struct report *);

/* tally-plot.c: inline SVG, with title and desc. id: of the plot, unique in the page. */
void plot_time(struct vf_buf *, const struct vf_delivery *, const char *id);
void plot_latency(struct vf_buf *, const struct vf_delivery *, const char *id);
void plot_bar(struct vf_buf *, uint64_t n, uint64_t of, const char *class);

#endif
