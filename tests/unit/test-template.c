/* test-template.c -- messages with names in braces. */
#include "fan/template.h"
#include "tap.h"

static struct vf_error err;
static struct vf_buf out;

enum { NAME, CODE, QUOTED, BRACES };
static const struct vf_slice names[] = { VF_SLICE("firstName"), VF_SLICE("code"), VF_SLICE("a b"), VF_SLICE("code") };
static const struct vf_slice values[] = {
	VF_SLICE("Zo\xc3\xab <&'\"> {{code}}"), VF_SLICE("ABC234"), VF_SLICE("back\\slash\ttab\x01"), VF_SLICE("no"),
};

/* The text parsed and rendered is `want`; NULL: it is refused, and *why is the cause. */
static bool
gives(const char *text, unsigned flags, const char *want, const char *why)
{
	struct vf_template *t = vf_template_parse(vf_slice_str(text), "t.txt", names, 4, flags, &err);
	bool good;

	if (t == NULL) {
		good = want == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, why) == 0;
		if (!good)
			note("%s", err.text);
		return good;
	}
	vf_buf_clear(&out);
	good = vf_template_render(t, values, &out) == 0 && want != NULL && vf_slice_is(vf_buf_slice(&out), want);
	if (!good)
		note("%.*s", (int)out.n, out.p);
	vf_template_free(t);
	return good;
}

static void
test_rendering(void)
{
	ok(gives("", 0, "", NULL) && gives("plain } { text", 0, "plain } { text", NULL), "a text without names is itself");
	ok(gives("{{code}}", 0, "ABC234", NULL) && gives("Your {{code}}{{ code }}!", 0, "Your ABC234ABC234!", NULL),
		"a name in braces is its value, of two equal names the first");
	ok(gives("{{ a b }}", 0, "back\\slash\ttab\x01", NULL), "blanks at its ends are not part of a name");
	ok(gives("Hi {{firstName}}", 0, "Hi Zo\xc3\xab <&'\"> {{code}}", NULL), "a value is not looked at for names");
	ok(gives("<b>{{firstName}}</b>", VF_TEMPLATE_HTML, "<b>Zo\xc3\xab &lt;&amp;&#39;&quot;&gt; {{code}}</b>", NULL),
		"values are escaped in HTML, the template is not");
	ok(gives("{{{firstName}}}", VF_TEMPLATE_HTML, "Zo\xc3\xab <&'\"> {{code}}", NULL) &&
		gives("{{{code}}}", 0, "ABC234", NULL), "three braces: the value as it is");
	ok(gives("a{b:c}}\n{{code}}", VF_TEMPLATE_HTML, "a{b:c}}\nABC234", NULL), "a style sheet's braces close in HTML");
	ok(gives("\xef\xbb\xbfx\n", 0, "x\n", NULL), "a byte order mark is dropped");
	ok(gives("x\n", VF_TEMPLATE_CHOMP, "x", NULL) && gives("x\r\n", VF_TEMPLATE_CHOMP, "x", NULL) &&
		gives("x\n\n", VF_TEMPLATE_CHOMP, "x\n", NULL) && gives("\n", VF_TEMPLATE_CHOMP, "", NULL),
		"one final line end is dropped when that is asked for");
}

static void
test_json(void)
{
	ok(gives("\"{{firstName}}\"\n\\{{a b}}\x02", VF_TEMPLATE_JSON, "\\\"Zo\xc3\xab <&'\\\"> {{code}}\\\"\\n\\\\back\\\\slash\\ttab\\u0001\\u0002",
		NULL), "for a JSON string template and values are escaped");
	ok(gives("<a href=\"{{firstName}}\">{{{firstName}}}", VF_TEMPLATE_JSON | VF_TEMPLATE_HTML,
		"<a href=\\\"Zo\xc3\xab &lt;&amp;&#39;&quot;&gt; {{code}}\\\">Zo\xc3\xab <&'\\\"> {{code}}", NULL),
		"HTML in a JSON string is escaped for both");
}

static void
test_faults(void)
{
	ok(gives("a\nb {{cod}}", 0, NULL, "t.txt:2: {{cod}}: no column and no value of this name"),
		"an unknown name is an error that names line and name");
	ok(gives("{{code", 0, NULL, "t.txt:1: braces open that do not close on this line") &&
		gives("\n{{code\n}}", 0, NULL, "t.txt:2: braces open that do not close on this line"),
		"a name ends on its line");
	ok(gives("{{code}", 0, NULL, "t.txt:1: not as many braces close as open") &&
		gives("{{{code}}", 0, NULL, "t.txt:1: not as many braces close as open") &&
		gives("{{code}}}", 0, NULL, "t.txt:1: not as many braces close as open") &&
		gives("{{co{{de}}", 0, NULL, "t.txt:1: not as many braces close as open"), "braces match in number");
	ok(gives("{{{{code}}}}", 0, NULL, "t.txt:1: more than three braces open"), "four braces mean nothing");
	ok(gives("{{ }}", 0, NULL, "t.txt:1: no name between the braces"), "an empty name is none");
	ok(gives("a\n\n{code}}", 0, NULL, "t.txt:3: braces close that were not opened"),
		"in plain text braces that close nothing are an error");
	ok(gives("a\n\xff", 0, NULL, "t.txt:2: not UTF-8"), "a template is UTF-8");
	ok(vf_template_parse(vf_slice("a\nb\0c", 5), "t", names, 4, 0, &err) == NULL && strcmp(err.text, "t:2: a NUL byte") == 0,
		"a template holds no NUL");
	ok(gives("{{a\tname of more than forty bytes, \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9}}", 0, NULL,
		"t.txt:1: {{a?name of more than forty bytes, \xc3\xa9\xc3\xa9\xc3\xa9}}: no column and no value of this name"),
		"an unknown name is shown cut, at a character's end, without control characters");
}

static void
test_names(void)
{
	struct vf_template *t = vf_template_parse(vf_slice_str("{{a b}}{{code}}{{a b}}"), "t", names, 4, 0, &err);
	const uint32_t *used;
	size_t n;

	used = vf_template_names(t, &n);
	ok(n == 2 && used[0] == QUOTED && used[1] == CODE, "it tells the names that it uses, each once");
	ok(vf_template_uses(t, CODE) && !vf_template_uses(t, NAME) && !vf_template_uses(t, BRACES), "and whether it uses one");
	vf_template_free(t);
	vf_template_free(NULL);
}

static void
test_bound(void)
{
	const struct vf_slice name = VF_SLICE("x");
	struct vf_template *t = vf_template_parse(vf_slice_str("<{{x}}>"), "t", &name, 1, VF_TEMPLATE_HTML, &err);
	struct vf_buf small = { .max = 20 };
	struct vf_slice v = VF_SLICE("0123456789abcdef"), amp = VF_SLICE("&&&&"), less = VF_SLICE("&&&");

	vf_buf_add_str(&small, "++");
	ok(vf_template_render(t, &v, &small) == 0 && vf_slice_is(vf_buf_slice(&small), "++<0123456789abcdef>"),
		"what just fits is rendered though its guess does not fit");
	small.n = 2;
	ok(vf_template_render(t, &amp, &small) < 0 && small.n == 2, "what does not fit is not rendered at all");
	vf_buf_clear(&small);
	ok(vf_template_render(t, &less, &small) == 0 && vf_slice_is(vf_buf_slice(&small), "<&amp;&amp;&amp;>"),
		"afterwards the buffer is as good as before");
	vf_buf_free(&small);
	vf_template_free(t);
}

int
main(void)
{
	test_rendering();
	test_json();
	test_faults();
	test_names();
	test_bound();
	vf_buf_free(&out);
	return done_testing();
}
