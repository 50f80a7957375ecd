/* test-domains.c -- fan/domains: list lines, label boundaries, globs, several lists at once. */
#include "fan/domains.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"
#include "tap.h"

static struct vf_error err;

/* A matcher with one list of these lines; NULL (and err) when they are refused. */
static struct vf_domains *
list_of(const char *text, unsigned flags)
{
	struct vf_domains *d = vf_domains_new(&err);

	if (d != NULL && vf_domains_add(d, 0, flags, vf_slice_str(text), "list.txt", NULL, &err) == 0)
		return d;
	vf_domains_free(d);
	return NULL;
}

static unsigned
match(struct vf_domains *d, const char *address)
{
	char scratch[VF_EMAIL_MAX];
	struct vf_email e;

	if (vf_email_judge(vf_slice_str(address), scratch, &e) != VF_EMAIL_OK) {
		printf("# the test asks for something that is no address: %s\n", address);
		exit(1);
	}
	return vf_domains_match(d, &e);
}

static bool
holds(const char *text, unsigned flags, const char *address)
{
	struct vf_domains *d = list_of(text, flags);
	bool first = d != NULL && match(d, address) == 1, again = d != NULL && match(d, address) == 1;

	if (first != again)
		printf("# the second answer for %s differs\n", address);
	vf_domains_free(d);
	return first && again;
}

static const struct {
	const char *line, *address;
	bool holds;
} lines[] = {
	{ "jo@example.com", "jo@example.com", true },
	{ "jo@example.com", "JO@Example.com", true },
	{ "Jo@Example.COM", "jo@example.com", true },
	{ "jo@example.com", "ann@example.com", false },
	{ "jo@example.com", "jo+x@example.com", false },
	{ "jo@example.com", "jo@mail.example.com", false },
	{ "example.com", "jo@example.com", true },
	{ "EXAMPLE.com", "jo@example.com", true },
	{ "example.com", "jo@mail.example.com", false },
	{ "example.com", "jo@notexample.com", false },
	{ "example.com", "jo@example.com.example", false },
	{ "@example.com", "jo@example.com", true },
	{ "@example.com", "jo@mail.example.com", false },
	{ ".example.com", "jo@example.com", true },
	{ ".example.com", "jo@mail.example.com", true },
	{ ".example.com", "jo@a.b.c.example.com", true },
	{ ".example.com", "jo@notexample.com", false },
	{ ".mail.example.com", "jo@example.com", false },
	{ ".zip", "jo@example.zip", true },
	{ ".zip", "jo@example.unzip", false },
	{ "*@promo-*.example", "jo@promo-1.example", true },
	{ "*@promo-*.example", "jo@promo-1.b.example", true },
	{ "*@promo-*.example", "jo@apromo-1.example", false },
	{ "*@promo-*.example", "jo@promo-1.example.com", false },
	{ "*@PROMO-*.example", "jo@Promo-1.example", true },
	{ "promo*@example.com", "Promo7@example.com", true },
	{ "promo*@example.com", "apromo7@example.com", false },
	{ "promo*@*.com", "promo@example.com", true },
	{ "promo*@*.com", "promo@example.org", false },
	{ "jo?@example.com", "jo7@example.com", true },
	{ "jo?@example.com", "jo@example.com", false },
	{ "jo?@example.com", "jo77@example.com", false },
	{ "*.example", "jo@promo.example", true },
	{ "*.example", "jo@promo.example.com", false },
	{ "*promo*", "jo@a.promo.example", true },
	{ "*promo*", "promoter@mail.example", true },
	{ "*promo*", "jo@mail.example", false },
	{ "jo?example.com", "jo@example.com", true },
	{ "*a*b*c*@*.example", "xxaxxbxxc@d.example", true },
	{ "*a*b*c*@*.example", "xxaxxcxxb@d.example", false },
	{ "*", "jo@example.com", true },
	{ "b\xc3\xbc" "cher.example", "jo@xn--bcher-kva.example", true },
	{ "xn--bcher-kva.example", "jo@b\xc3\xbc" "cher.example", true },
	{ "jo@b\xc3\xbc" "cher.example", "jo@xn--bcher-kva.example", true },
	{ "  example.com\t", "jo@example.com", true },
	{ "example.com # since May", "jo@example.com", true },
	{ "example.com\t# since May", "jo@example.com", true },
	{ "# example.com", "jo@example.com", false },
	{ "  # example.com", "jo@example.com", false },
	{ "jo#ann@example.com", "jo#ann@example.com", true },
	{ "example.com\r", "jo@example.com", true },
	{ "\r\nexample.com\r\n\r\n", "jo@example.com", true },
	{ "\xef\xbb\xbf" "example.com", "jo@example.com", true },
	{ "a.example\nexample.com", "jo@example.com", true },
	{ "", "jo@example.com", false },
};

static void
test_lines(void)
{
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		ok(holds(lines[i].line, 0, lines[i].address) == lines[i].holds, "line %zu %s %s", i,
			lines[i].holds ? "holds" : "does not hold", lines[i].address);
}

static void
test_below(void)
{
	static const char list[] = "mailinator.com\n@exact.example\njo@address.example\n";

	ok(holds(list, VF_DOMAINS_BELOW, "x@mailinator.com"), "below: the domain itself");
	ok(holds(list, VF_DOMAINS_BELOW, "x@a.b.mailinator.com"), "below: what is under it");
	ok(!holds(list, VF_DOMAINS_BELOW, "x@notmailinator.com"), "below: only at a label's boundary");
	ok(!holds(list, VF_DOMAINS_BELOW, "x@mailinator.com.example"), "below: only at the end");
	ok(holds(list, VF_DOMAINS_BELOW, "x@a.exact.example"), "below: a line with an at sign, too");
	ok(holds(list, VF_DOMAINS_BELOW, "jo@address.example"), "below: an address is an address");
	ok(!holds(list, VF_DOMAINS_BELOW, "ann@address.example"), "below: and nothing else");
}

static void
test_errors(void)
{
	static const struct {
		const char *text, *line;
	} bad[] = {
		{ "example.com\n\n# fine\nexample\n", "list.txt:4: " },
		{ "jo@", "list.txt:1: " },
		{ "jo@example", "list.txt:1: " },
		{ "a.example\njo ann@example.com", "list.txt:2: " },
		{ "exam_ple.com", "list.txt:1: " },
		{ "example.com.", "list.txt:1: " },
		{ "..example.com", "list.txt:1: " },
		{ "@.example.com", "list.txt:1: " },
		{ ".", "list.txt:1: " },
		{ "@", "list.txt:1: " },
		{ "@@example.com", "list.txt:1: " },
		{ "*@a@b.example", "list.txt:1: " },
		{ "*@b\xc3\xbc" "cher.example", "list.txt:1: " },
		{ "* @example.com", "list.txt:1: " },
		{ "a.example,b.example", "list.txt:1: " },
		{ "example.com secret-remark", "list.txt:1: " },
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct vf_domains *d = list_of(bad[i].text, 0);

		ok(d == NULL && err.kind == VF_ERR_CONFIG && strncmp(err.text, bad[i].line, strlen(bad[i].line)) == 0,
			"bad list %zu is a fault of configuration that names %s", i, bad[i].line);
		ok(strstr(err.text, "secret-remark") == NULL && strstr(err.text, "exam_ple") == NULL,
			"and shows nothing of the line");
		vf_domains_free(d);
	}
}

static void
test_glob_limit(void)
{
	struct vf_domains *d = vf_domains_new(&err);
	struct vf_buf b = { 0 };
	uint64_t entries = 0;

	for (int i = 0; i < VF_DOMAINS_GLOBS; i++)
		vf_buf_addf(&b, "*@g%d-*.example\n", i);
	ok(vf_domains_add(d, 0, 0, vf_buf_slice(&b), "a.txt", &entries, &err) == 0 && entries == 1000,
		"a list may hold 1,000 globs");
	ok(vf_domains_add(d, 1, 0, vf_buf_slice(&b), "b.txt", &entries, &err) == 0, "and so may the next one");
	ok(match(d, "jo@g999-x.example") == 3 && match(d, "jo@g1000-x.example") == 0, "they are all looked at");
	vf_buf_add_str(&b, "*@one-more.example\n");
	ok(vf_domains_add(d, 2, 0, vf_buf_slice(&b), "c.txt", &entries, &err) < 0 && err.kind == VF_ERR_CONFIG &&
		strncmp(err.text, "c.txt:1001: ", 12) == 0, "one more is refused");
	vf_domains_free(d);
	vf_buf_free(&b);
}

static void
test_lists(void)
{
	struct vf_domains *d = vf_domains_new(&err);
	uint64_t entries;

	ok(vf_domains_add(d, 0, 0, vf_slice_str("jo@example.com\n*@*.org\n"), "0", &entries, &err) == 0 && entries == 2,
		"the entries are counted");
	ok(match(d, "jo@example.com") == 1, "a first question");
	ok(vf_domains_add(d, 3, 0, vf_slice_str(".com"), "3", &entries, &err) == 0, "a second list");
	ok(match(d, "jo@example.com") == 9, "an address on two lists is said to be on both, though its domain is known");
	ok(match(d, "ann@example.com") == 8, "its neighbour only on the one that holds the domain");
	ok(vf_domains_add(d, 7, VF_DOMAINS_BELOW, vf_slice_str("example.com\n"), "7", &entries, &err) == 0, "a third");
	ok(match(d, "ann@a.example.com") == 136 && match(d, "ann@b.org") == 1 && match(d, "ann@b.net") == 0,
		"masks are those of the lists");
	vf_domains_free(d);
}

static void
test_version(void)
{
	ok(vf_slice_is(vf_domains_version(vf_slice_str("# a\n# version: 1.2+3 \r\n# b\nexample.com\n")), "1.2+3"),
		"the version stands in the opening comments");
	ok(vf_domains_version(vf_slice_str("example.com\n# version: 1\n")).n == 0, "and nowhere else");
	ok(vf_domains_version(vf_slice_str("")).n == 0, "an empty list has none");
	ok(vf_slice_is(vf_domains_version(vf_slice_str("# version: 7")), "7"), "a missing last line end does not matter");
}

/* Names from few short labels, so that they meet; asked in random order, against a walk through the list. */
static void
random_name(char *out)
{
	static const char *const labels[] = { "a", "b", "aa", "ab", "c-d", "e", "mail", "promo-1", "example" };
	int n = rand() % 3 + 1;

	*out = '\0';
	for (int i = 0; i < n; i++) {
		strcat(out, labels[rand() % 9]);
		strcat(out, ".");
	}
	strcat(out, rand() % 2 != 0 ? "com" : "example");
}

static bool
plain_match(char names[][64], const unsigned char *below, int n, const char *domain)
{
	for (int i = 0; i < n; i++) {
		size_t a = strlen(names[i]), b = strlen(domain);

		if (strcmp(names[i], domain) == 0)
			return true;
		if (below[i] && b > a && domain[b - a - 1] == '.' && strcmp(domain + b - a, names[i]) == 0)
			return true;
	}
	return false;
}

static void
test_random(void)
{
	static char names[300][64];
	unsigned char below[300];
	unsigned seed = (unsigned)time(NULL);
	unsigned long wrong = 0, held = 0, asked = 0;

	if (getenv("VF_TEST_SEED") != NULL)
		seed = (unsigned)strtoul(getenv("VF_TEST_SEED"), NULL, 10);
	printf("# seed %u (VF_TEST_SEED repeats it)\n", seed);
	srand(seed);
	for (int round = 0; round < 60; round++) {
		struct vf_domains *d;
		struct vf_buf b = { 0 };
		int n = rand() % 300;

		for (int i = 0; i < n; i++) {
			random_name(names[i]);
			below[i] = (unsigned char)(rand() % 3 == 0);
			vf_buf_addf(&b, "%s%s\n", below[i] ? "." : "", names[i]);
		}
		vf_buf_terminate(&b);
		d = list_of(b.p, 0);
		for (int q = 0; q < 1000; q++) {
			char address[80] = "jo@";
			bool want;

			random_name(address + 3);
			want = plain_match(names, below, n, address + 3);
			wrong += (match(d, address) == 1) != want;
			held += want;
			asked++;
		}
		vf_domains_free(d);
		vf_buf_free(&b);
	}
	ok(wrong == 0, "%lu random questions are answered as a walk through the list answers them", asked);
	ok(held > asked / 10 && held < asked - asked / 10, "of both kinds enough: %lu held", held);
}

static void
test_many(void)
{
	struct vf_domains *d = vf_domains_new(&err);
	struct vf_buf b = { 0 };
	unsigned long wrong = 0;
	char address[64];

	for (int i = 0; i < 200000; i++)
		vf_buf_addf(&b, "host%d.example\n", 2 * i);
	ok(vf_domains_add(d, 0, VF_DOMAINS_BELOW, vf_buf_slice(&b), "many", NULL, &err) == 0, "200,000 domains");
	for (int i = 0; i < 400000; i++) {
		snprintf(address, sizeof address, i % 3 == 0 ? "jo@a.host%d.example" : "jo@host%d.example", i);
		wrong += match(d, address) != (i % 2 == 0);
	}
	ok(wrong == 0, "each is found, and none between them");
	vf_domains_free(d);
	vf_buf_free(&b);
}

static void
load_data(struct vf_domains *d, unsigned list, const char *name, struct vf_buf *text)
{
	const char *dir = getenv("VF_SRCDIR");
	char path[4096];
	uint64_t entries = 0;

	snprintf(path, sizeof path, "%s/data/%s", dir != NULL ? dir : ".", name);
	ok(vf_file_slurp(path, VF_BUF_MAX, text, &err) == 0 &&
		vf_domains_add(d, list, VF_DOMAINS_BELOW, vf_buf_slice(text), name, &entries, &err) == 0 && entries > 0,
		"%s is a valid list", name);
	ok(vf_domains_version(vf_buf_slice(text)).n > 0, "%s says its version", name);
}

static void
test_installed(void)
{
	static const char *const real[] = { "gmail.com", "googlemail.com", "yahoo.com", "hotmail.com", "outlook.com",
		"icloud.com", "aol.com", "live.com", "msn.com", "comcast.net", "gmx.de", "proton.me", "qq.com" };
	struct vf_domains *d = vf_domains_new(&err);
	struct vf_buf text = { 0 };
	struct vf_slice rest, line;
	unsigned long wrong = 0, relays = 0;
	char address[300];

	load_data(d, 0, "disposable-domains.txt", &text);
	load_data(d, 1, "relay-domains.txt", &text);
	for (rest = vf_buf_slice(&text); vf_domains_line(&rest, &line);) {
		if (line.n == 0)
			continue;
		relays++;
		snprintf(address, sizeof address, "jo@%.*s", (int)line.n, line.p);
		wrong += match(d, address) != 2;
		snprintf(address, sizeof address, "jo@fan.%.*s", (int)line.n, line.p);
		wrong += match(d, address) != 2;
	}
	ok(relays > 10 && wrong == 0, "no relay service, nor anything below one, is on the disposable list");
	ok(match(d, "jo@mailinator.com") == 1 && match(d, "jo@a.b.mailinator.com") == 1, "mailinator.com is");
	for (size_t i = 0; i < sizeof real / sizeof real[0]; i++) {
		snprintf(address, sizeof address, "jo@%s", real[i]);
		ok(match(d, address) == 0, "%s is on neither", real[i]);
	}
	vf_domains_free(d);
	vf_buf_free(&text);
}

int
main(void)
{
	test_lines();
	test_below();
	test_errors();
	test_glob_limit();
	test_lists();
	test_version();
	test_random();
	test_many();
	test_installed();
	return done_testing();
}
