/* test-notice.c -- what people are told: limits, escapes, masks, and failures that become one line. */
#include "fan/notice.h"

#include "base/json.h"
#include "tap.h"

static struct vf_error err;

static void
mask_is(const char *in, const char *want)
{
	struct vf_buf b = { 0 };

	vf_notice_mask(&b, vf_slice_str(in));
	if (!ok(vf_slice_is(vf_buf_slice(&b), want), "%s", want))
		note("%.*s", (int)b.n, b.p);
	vf_buf_free(&b);
}

static void
test_mask(void)
{
	mask_is("", "");
	mask_is("exit status 1", "exit status 1");
	mask_is("run 261125T205107-99152972.wave-w1", "run 261125T205107-99152972.wave-w1");
	mask_is("to jo@example.com failed", "to [address] failed");
	mask_is("<jo.o'x+tag@example.com>, a@b", "<[address]>, [address]");
	mask_is("jo@", "jo@");
	mask_is("@here", "@here");
	mask_is("call +1 212 555 0123 now", "call [number] now");
	mask_is("+12125550123,+442071838750", "[number],[number]");
	mask_is("x+12125550123", "x[number]");
	mask_is("(+1) 212", "(+1) 212");
	mask_is("a+b", "a+b");
	mask_is("+", "+");
	mask_is("a\033[2Jb\n", "a?[2Jb?");
}

/* The message is what Slack takes, however much went in; 1 when it is. */
static bool
fits(struct vf_slice json)
{
	struct vf_json *doc = vf_json_parse(json, "m", &err);
	struct vf_json_at root, blocks, text;
	struct vf_slice s = { "", 0 };
	size_t n = 0, total = 0;
	bool good = doc != NULL;

	if (!good)
		return false;
	root = vf_json_root(doc, "m");
	text = vf_json_member(&root, "text");
	good = vf_json_get_str(&text, &s, &err) == 1 && s.n > 0 && s.n <= 4000;
	blocks = vf_json_member(&root, "blocks");
	good = good && vf_json_get_array(&blocks, &n, &err) == 1 && n >= 1 && n <= 50;
	for (size_t i = 0; good && i < n; i++) {
		struct vf_json_at block = vf_json_element(&blocks, i), inner = vf_json_member(&block, "text");
		struct vf_json_at value = vf_json_member(&inner, "text");

		good = vf_json_get_str(&value, &s, &err) == 1 && s.n > 0 && s.n <= (i == 0 ? 180 : 3000);
		for (size_t k = 0; good && i > 0 && k < s.n; k++)
			good = s.p[k] != '<' && s.p[k] != '>';
		total += s.n;
	}
	vf_json_free(doc);
	return good && total < 10000;
}

static void
take(struct vf_tally *t, const char *tool, const char *wave, unsigned in, unsigned out, unsigned status)
{
	struct vf_buf b = { 0 };

	vf_buf_addf(&b, "{\"tool\":\"%s\",\"waveId\":\"%s\",\"campaignId\":\"<c>&\",\"input\":[\"%u\"],\"in\":%u,\"out\":%u,"
		"\"rejected\":%u,\"reasons\":{\"jo@example.com\":%u},\"exit\":%u}", tool, wave, (unsigned)t->lines, in, out, in - out,
		in - out, status);
	if (vf_tally_add(t, vf_buf_slice(&b), NULL, "st", 1, &err) < 0)
		bail_out(err.text);
	vf_buf_free(&b);
}

static void
text_is(const struct vf_notice *n, const char *name, const char *want)
{
	struct vf_buf text = { 0 }, json = { 0 };

	if (vf_notice_text(&text, n) < 0 || vf_notice_json(&json, n) < 0)
		bail_out("no memory");
	if (!ok(vf_slice_is(vf_buf_slice(&text), want), "%s", name))
		note("%.*s", (int)text.n, text.p);
	ok(fits(vf_buf_slice(&json)), "%s: Slack takes it", name);
	vf_buf_free(&text);
	vf_buf_free(&json);
}

static void
test_text(void)
{
	struct vf_tally t = { 0 };
	struct vf_notice n = { .tally = &t };

	text_is(&n, "nothing", "vf: summary\n");
	n.step = "fetch";
	n.reason = "no file of jo@example.com";
	text_is(&n, "a step and its reason", "ALERT: a step failed\n\342\234\227 step fetch: no file of [address]\n");
	n = (struct vf_notice){ .tally = &t, .title = "night run", .texts = { VF_SLICE("one"), VF_SLICE("two <b>") }, .ntexts = 2 };
	text_is(&n, "text under a title", "vf: night run\none\ntwo <b>\n");
	take(&t, "vf-score", "", 100, 90, 0);
	take(&t, "vf-sms", "w", 12345, 12345, 75);
	take(&t, "vf-sms", "w", 5, 4, 75);
	take(&t, "vf-x", "", 1, 0, 141);
	vf_tally_settle(&t);
	n = (struct vf_notice){ .tally = &t };
	ok(vf_notice_alert(&n), "a step that failed makes an alert");
	text_is(&n, "failures of one tool are one line", "ALERT: <c>&\n\342\234\227 vf-sms, wave w (2 times): exit 75; in 12,350, out 12,349, rejected 1 ([address] 1)\n"
		"\342\200\242 vf-score, wave w: in 100, out 90, rejected 10 ([address] 10)\n"
		"\342\200\242 vf-x, wave w: in 1, out 0, rejected 1 ([address] 1)\n");
	vf_tally_clear(&t);
}

static void
test_limits(void)
{
	static char big[40000];
	struct vf_tally t = { 0 };
	struct vf_notice n = { .tally = &t, .title = big, .step = big, .reason = big };
	struct vf_buf json = { 0 };
	char tool[64];
	bool good = true;

	for (size_t i = 0; i < sizeof(big) - 1; i++)
		big[i] = "&<>\"\\a \001"[tap_below(8)];
	for (int i = 0; i < VF_NOTICE_TEXTS; i++)
		n.texts[i] = vf_slice(big + tap_below(1000), tap_below(30000));
	n.ntexts = 100000;
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(tool, sizeof(tool), "vf-%u", i);
		take(&t, tool, i % 2 > 0 ? "a" : "b", 10, 9, i % 3);
	}
	vf_tally_settle(&t);
	ok(vf_notice_json(&json, &n) == 0 && fits(vf_buf_slice(&json)), "a flood becomes one message that Slack takes");
	ok(vf_buf_terminate(&json) == 0 && strstr(json.p, " more lines\"") != NULL, "and says that there is more");
	for (int i = 0; i < 300; i++) {	/* lines of all lengths, so that sections end everywhere; two- to four-byte characters */
		size_t count = tap_below(60);
		struct vf_buf text[60] = { 0 };

		n = (struct vf_notice){ .tally = &(struct vf_tally){ 0 }, .ntexts = count };
		for (size_t k = 0; k < count; k++) {
			for (size_t c = tap_below(900); c > 0; c--)
				vf_buf_add_str(&text[k], (const char *[]){ "&", "a", "\303\244", "\342\202\254", "\360\237\232\250" }[tap_below(5)]);
			n.texts[k] = vf_buf_slice(&text[k]);
		}
		vf_buf_clear(&json);
		good = good && vf_notice_json(&json, &n) == 0 && fits(vf_buf_slice(&json)) && vf_buf_terminate(&json) == 0 &&
			strstr(json.p, "\357\277\275") == NULL;
		for (size_t k = 0; k < count; k++)
			vf_buf_free(&text[k]);
	}
	ok(good, "so does any text, without a character cut in two");
	vf_tally_clear(&t);
	vf_buf_free(&json);
}

int
main(void)
{
	tap_seed();
	test_mask();
	test_text();
	test_limits();
	return done_testing();
}
