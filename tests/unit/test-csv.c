/* test-csv.c -- our splitting of records and libcsv's must agree, and spans end where DESIGN 2 says. */
#include <csv.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "record/csv.h"
#include "tap.h"

#define ROUNDS 200000

/* What libcsv makes of one record: fields joined by a byte that no record here holds. */
struct heard {
	struct vf_buf fields;
	int n, rows;
};

static void
on_field(void *s, size_t n, void *data)
{
	struct heard *h = data;

	h->n++;
	vf_buf_add(&h->fields, s, n);
	vf_buf_add_char(&h->fields, '\1');
}

static void
on_row(int c, void *data)
{
	(void)c;
	((struct heard *)data)->rows++;
}

static int
no_space(unsigned char c)
{
	(void)c;
	return 0;
}

static bool
ask_libcsv(struct vf_slice line, char delimiter, struct heard *h)
{
	struct csv_parser p;
	bool good;

	vf_buf_clear(&h->fields);
	h->n = h->rows = 0;
	csv_init(&p, CSV_STRICT | CSV_STRICT_FINI);
	csv_set_space_func(&p, no_space);
	csv_set_delim(&p, (unsigned char)delimiter);
	good = csv_parse(&p, line.p, line.n, on_field, on_row, h) == line.n && csv_fini(&p, on_field, on_row, h) == 0;
	csv_free(&p);
	return good;
}

/* One record, both ways; `quotes` lets it hold quotes. */
static bool
agree(struct vf_csv *csv, bool quotes, struct heard *h, struct vf_buf *line, struct vf_buf *ours)
{
	static const char plain[] = "ab ,,;\t|x\xc3\xa9", quoted[] = "a,\"\"\",\" ;b";
	const char *alphabet = quotes ? quoted : plain;
	size_t letters = quotes ? sizeof quoted - 1 : sizeof plain - 1, n = tap_random() % 24 + 1;
	struct vf_error err;
	struct vf_row row;
	bool good;
	int count;

	vf_buf_clear(line);
	for (size_t i = 0; i < n; i++)
		vf_buf_add_char(line, alphabet[tap_random() % letters]);
	good = ask_libcsv(vf_buf_slice(line), ',', h);
	count = vf_csv_row(csv, vf_buf_slice(line), ',', &row, &err);
	vf_buf_clear(ours);
	for (int i = 0; i < count; i++) {
		vf_buf_add_slice(ours, vf_row_value(&row, i));
		vf_buf_add_char(ours, '\1');
	}
	vf_csv_clear(csv);
	if ((count > 0) != good || (good && (count != h->n || !vf_slice_eq(vf_buf_slice(ours), vf_buf_slice(&h->fields))))) {
		printf("# differs: %.*s (%d fields, libcsv %d, %s)\n", (int)line->n, line->p, count, h->n,
			good ? "good" : "bad");
		return false;
	}
	return true;
}

static void
test_agreement(void)
{
	struct vf_buf line = { 0 }, ours = { 0 };
	struct heard heard = { 0 };
	struct vf_error err;
	struct vf_csv *csv = vf_csv_new(&err);
	int differ[2] = { 0 };

	for (int quotes = 0; quotes < 2; quotes++)
		for (int i = 0; i < ROUNDS && differ[quotes] < 5; i++)
			differ[quotes] += !agree(csv, quotes != 0, &heard, &line, &ours);
	ok(differ[0] == 0, "quote-free records: the fields are libcsv's");
	ok(differ[1] == 0, "quoted records: well formed where libcsv says so, with its values");
	vf_buf_free(&line);
	vf_buf_free(&ours);
	vf_buf_free(&heard.fields);
	vf_csv_free(csv);
}

static void
span(const char *text, bool more, enum vf_csv_span want, size_t want_len, uint32_t want_lines, int want_fields)
{
	size_t len = 0;
	uint32_t lines = 0;
	int fields = 0;
	enum vf_csv_span got = vf_csv_span(text, strlen(text), more, ',', &len, &lines, &fields);

	ok(got == want && (got != VF_CSV_WHOLE || (len == want_len && lines == want_lines && fields == want_fields)),
		"span case %d: %d, %zu bytes, %u lines, %d fields", tap_tests + 1, (int)got, len, lines, fields);
}

static void
test_spans(void)
{
	span("\"a\",b\nnext", true, VF_CSV_WHOLE, 5, 1, 2);
	span("\"a\",b\r\nnext", true, VF_CSV_WHOLE, 5, 1, 2);
	span("b,\"a\"\r\nnext", true, VF_CSV_WHOLE, 5, 1, 2);
	span("\"a,\"\"\nb\",c\nnext", true, VF_CSV_WHOLE, 10, 2, 2);
	span("\"a\r\n\r\nb\",c,d\r\n", true, VF_CSV_WHOLE, 12, 3, 3);
	span("\"\"", false, VF_CSV_WHOLE, 2, 1, 1);
	span("\"\"\"\"", false, VF_CSV_WHOLE, 4, 1, 1);
	span("\"a\"", true, VF_CSV_NEED_MORE, 0, 0, 0);
	span("\"a\"\r", true, VF_CSV_NEED_MORE, 0, 0, 0);
	span("\"a\"\r", false, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("\"a\"\rb\n", true, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("\"a", true, VF_CSV_NEED_MORE, 0, 0, 0);
	span("\"a", false, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("\"a\"b,c\n", true, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("a\"b\",c\n", true, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("\"a\" ,c\n", true, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("a,\"b\n\",\"c", false, VF_CSV_BAD_QUOTE, 0, 0, 0);
	span("a,b\r", false, VF_CSV_WHOLE, 4, 1, 2);
}

int
main(void)
{
	tap_seed();
	test_agreement();
	test_spans();
	return done_testing();
}
