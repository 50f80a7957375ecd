/* tally-html-cells.c -- text, counts and the cells of tables. */
#include <inttypes.h>
#include <stdio.h>

#include "tally-html.h"

void
html_text(struct vf_buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&':
			vf_buf_add_str(b, "&amp;");
			break;
		case '<':
			vf_buf_add_str(b, "&lt;");
			break;
		case '>':
			vf_buf_add_str(b, "&gt;");
			break;
		case '"':
			vf_buf_add_str(b, "&quot;");
			break;
		case '\'':
			vf_buf_add_str(b, "&#39;");
			break;
		default:
			vf_buf_add_char(b, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
		}
}

void
html_count(struct vf_buf *b, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	vf_buf_addf(b, "<data value=\"%s\">", digits);
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			vf_buf_add_char(b, ',');
		vf_buf_add_char(b, digits[i]);
	}
	vf_buf_add_str(b, "</data>");
}

void
html_count_cell(struct vf_buf *b, uint64_t n)
{
	vf_buf_add_str(b, "<td class=\"n\">");
	html_count(b, n);
	vf_buf_add_str(b, "</td>");
}

void
html_seconds_cell(struct vf_buf *b, double s)
{
	vf_buf_addf(b, "<td class=\"n\"><data value=\"%.3f\">%.*f s</data></td>", s, s < 10 ? 3 : 1, s);
}

void
html_percent_cell(struct vf_buf *b, uint64_t n, uint64_t of)
{
	bool few = n > 0 && (double)n * 1000 < (double)of;

	if (of == 0)
		vf_buf_add_str(b, "<td class=\"n none\">\342\200\223</td>");
	else
		vf_buf_addf(b, "<td class=\"n soft\">%s%.1f %%</td>", few ? "&lt; " : "", few ? 0.1 : 100.0 * (double)n / (double)of);
}

void
html_text_cell(struct vf_buf *b, const char *text)
{
	vf_buf_add_str(b, "<td>");
	html_text(b, *text != '\0' ? text : "\342\200\223");
	vf_buf_add_str(b, "</td>");
}

void
html_word_cell(struct vf_buf *b, const char *word, bool good)
{
	vf_buf_addf(b, "<td class=\"%s\">%s %s</td>", good ? "ok" : "no", good ? "\342\234\223" : "\342\234\227", word);
}

void
html_bar_cell(struct vf_buf *b, uint64_t n, uint64_t of, const char *class)
{
	vf_buf_add_str(b, "<td class=\"b\">");
	plot_bar(b, n, of, class);
	vf_buf_add_str(b, "</td>");
}

void
html_group_row(struct vf_buf *b, const char *campaign, const char *wave, int columns)
{
	vf_buf_addf(b, "</tbody>\n<tbody><tr><th scope=\"rowgroup\" colspan=\"%d\">", columns);
	html_text(b, *campaign != '\0' ? campaign : "no campaign");
	if (*wave != '\0') {
		vf_buf_add_str(b, ", wave ");
		html_text(b, wave);
	}
	vf_buf_add_str(b, "</th></tr>\n");
}
