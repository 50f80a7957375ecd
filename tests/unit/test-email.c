/* test-email.c -- fan/email: what is an address, its normal form, its mailbox. */
#include "fan/email.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"

static const struct {
	const char *field;
	enum vf_email_fault fault;
	const char *address;		/* NULL: as the field */
} cases[] = {
	{ "jo@example.com", VF_EMAIL_OK, NULL },
	{ "a@b.co", VF_EMAIL_OK, NULL },
	{ "a@b.cd", VF_EMAIL_OK, NULL },
	{ "jo.ann+tag@mail.example.co.uk", VF_EMAIL_OK, NULL },
	{ "Jo@EXAMPLE.Com", VF_EMAIL_OK, "Jo@example.com" },
	{ "JO.ANN@example.com", VF_EMAIL_OK, NULL },
	{ "a!#$%&'*+/=?^_`{|}~-z@example.com", VF_EMAIL_OK, NULL },
	{ "-a-@example.com", VF_EMAIL_OK, NULL },
	{ "1@1.example", VF_EMAIL_OK, NULL },
	{ "a@3com.com", VF_EMAIL_OK, NULL },
	{ "a@a-b.example", VF_EMAIL_OK, NULL },
	{ "a@a--b.example", VF_EMAIL_OK, NULL },
	{ "a@ab--cd.example", VF_EMAIL_OK, NULL },
	{ "a@example.c-d", VF_EMAIL_OK, NULL },
	{ "a@example.1a", VF_EMAIL_OK, NULL },

	{ "", VF_EMAIL_NO_AT, NULL },
	{ "jo", VF_EMAIL_NO_AT, NULL },
	{ "jo.example.com", VF_EMAIL_NO_AT, NULL },
	{ "@", VF_EMAIL_LOCAL_LENGTH, NULL },
	{ "@example.com", VF_EMAIL_LOCAL_LENGTH, NULL },
	{ "jo@", VF_EMAIL_DOMAIN, NULL },
	{ "jo@@example.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@ann@example.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.com@", VF_EMAIL_DOMAIN, NULL },

	{ ".jo@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo.@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo..ann@example.com", VF_EMAIL_LOCAL, NULL },
	{ ".@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo ann@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo\tann@example.com", VF_EMAIL_LOCAL, NULL },
	{ "\"jo\"@example.com", VF_EMAIL_LOCAL, NULL },
	{ "\"jo ann\"@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo(comment)@example.com", VF_EMAIL_LOCAL, NULL },
	{ "Jo <jo@example.com>", VF_EMAIL_LOCAL, NULL },
	{ "jo,ann@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo;ann@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo:ann@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo\\ann@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo[ann]@example.com", VF_EMAIL_LOCAL, NULL },
	{ "jo\x7f@example.com", VF_EMAIL_LOCAL, NULL },
	{ "j\xc3\xb6@example.com", VF_EMAIL_LOCAL, NULL },
	{ "mailto:jo@example.com", VF_EMAIL_LOCAL, NULL },

	{ "jo@example", VF_EMAIL_ONE_LABEL, NULL },
	{ "jo@localhost", VF_EMAIL_ONE_LABEL, NULL },
	{ "jo@.example.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.com.", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example..com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@-example.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example-.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.-com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.com-", VF_EMAIL_DOMAIN, NULL },
	{ "jo@exam_ple.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@exam ple.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@exam+ple.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.com ", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.com>", VF_EMAIL_DOMAIN, NULL },
	{ "jo@example.com,ann@example.com", VF_EMAIL_DOMAIN, NULL },
	{ "jo@[192.0.2.1]", VF_EMAIL_DOMAIN, NULL },
	{ "jo@[IPv6:2001:db8::1]", VF_EMAIL_DOMAIN, NULL },
	{ "jo@192.0.2.1", VF_EMAIL_NUMERIC_TLD, NULL },
	{ "jo.something@example.123", VF_EMAIL_NUMERIC_TLD, NULL },
	{ "jo@123", VF_EMAIL_NUMERIC_TLD, NULL },

	{ "jo@b\xc3\xbc" "cher.example", VF_EMAIL_OK, "jo@xn--bcher-kva.example" },
	{ "Jo@B\xc3\x9c" "CHER.Example", VF_EMAIL_OK, "Jo@xn--bcher-kva.example" },
	{ "jo@fa\xc3\x9f.example", VF_EMAIL_OK, "jo@xn--fa-hia.example" },
	{ "jo@cafe\xcc\x81.example", VF_EMAIL_OK, "jo@xn--caf-dma.example" },
	{ "jo@\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", VF_EMAIL_OK,
		"jo@xn--r8jz45g.xn--zckzah" },
	{ "jo@ex\xc2\xad" "ample.com", VF_EMAIL_OK, "jo@example.com" },
	{ "jo@\xef\xbd\x85xample.com", VF_EMAIL_OK, "jo@example.com" },
	{ "jo@xn--bcher-kva.example", VF_EMAIL_OK, NULL },
	{ "jo@XN--BCHER-KVA.example", VF_EMAIL_OK, "jo@xn--bcher-kva.example" },
	{ "jo@xn--a.example", VF_EMAIL_IDN, NULL },
	{ "jo@xn--.example", VF_EMAIL_IDN, NULL },
	{ "jo@example.xn--0", VF_EMAIL_IDN, NULL },
	{ "jo@i\xe2\x9d\xa4.example", VF_EMAIL_IDN, NULL },
	{ "jo@b\xc3\xbc_cher.example", VF_EMAIL_DOMAIN, NULL },
	{ "jo@b\xc3\xbc cher.example", VF_EMAIL_DOMAIN, NULL },
	{ "jo@b\xc3\xbc" "cher..example", VF_EMAIL_DOMAIN, NULL },
	{ "jo@b\xc3\xbc" "cher", VF_EMAIL_ONE_LABEL, NULL },
	{ "jo@b\xc3\xbc" "cher.12", VF_EMAIL_NUMERIC_TLD, NULL },
	{ "jo@\xff\xfe.example", VF_EMAIL_IDN, NULL },
	{ "jo@ex\xef\xbc\xa0" "ample.com", VF_EMAIL_DOMAIN, NULL },
};

static void
test_cases(void)
{
	char scratch[VF_EMAIL_MAX];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vf_slice field = vf_slice_str(cases[i].field);
		const char *want = cases[i].address != NULL ? cases[i].address : cases[i].field;
		struct vf_email e = { 0 };
		enum vf_email_fault fault = vf_email_judge(field, scratch, &e);

		if (cases[i].fault != VF_EMAIL_OK) {
			ok(fault == cases[i].fault && e.address.p == NULL, "case %zu is refused: %s", i,
				vf_email_fault_text(cases[i].fault));
			continue;
		}
		ok(fault == VF_EMAIL_OK && vf_slice_is(e.address, want), "case %zu is accepted as %s", i, want);
		ok(e.local.p == e.address.p && e.domain.p == e.address.p + e.local.n + 1 &&
			e.local.n + 1 + e.domain.n == e.address.n && e.address.p[e.local.n] == '@',
			"case %zu has its parts in its address", i);
		ok((cases[i].address == NULL) == (e.address.p == field.p), "case %zu %s", i,
			cases[i].address == NULL ? "is the field itself" : "stands in the scratch");
	}
}

/* local bytes of a, at sign, then labels of these lengths. */
static size_t
build(char *out, size_t local, const int *labels)
{
	size_t n = local;

	memset(out, 'a', local);
	out[n++] = '@';
	for (; *labels != 0; labels++) {
		memset(out + n, 'b', (size_t)*labels);
		n += (size_t)*labels;
		out[n++] = '.';
	}
	return n - 1;
}

static enum vf_email_fault
judge_built(size_t local, const int *labels, size_t *n)
{
	char field[1024], scratch[VF_EMAIL_MAX];
	struct vf_email e;

	*n = build(field, local, labels);
	return vf_email_judge(vf_slice(field, *n), scratch, &e);
}

static void
test_lengths(void)
{
	static const int l63[] = { 63, 3, 0 }, l64[] = { 64, 3, 0 }, tld63[] = { 3, 63, 0 }, tld64[] = { 3, 64, 0 };
	static const int d189[] = { 63, 63, 61, 0 }, d190[] = { 63, 63, 62, 0 }, d255[] = { 63, 63, 63, 63, 0 };
	size_t n;

	ok(judge_built(64, l63, &n) == VF_EMAIL_OK, "a local part of 64 bytes is accepted");
	ok(judge_built(65, l63, &n) == VF_EMAIL_LOCAL_LENGTH, "one of 65 is not");
	ok(judge_built(1, l63, &n) == VF_EMAIL_OK, "a label of 63 bytes is accepted");
	ok(judge_built(1, l64, &n) == VF_EMAIL_LABEL_LENGTH, "one of 64 is not");
	ok(judge_built(1, tld63, &n) == VF_EMAIL_OK, "a last label of 63 bytes is accepted");
	ok(judge_built(1, tld64, &n) == VF_EMAIL_LABEL_LENGTH, "a last label of 64 is not");
	ok(judge_built(64, d189, &n) == VF_EMAIL_OK && n == 254, "an address of 254 bytes is accepted");
	ok(judge_built(64, d190, &n) == VF_EMAIL_TOO_LONG && n == 255, "one of 255 is not");
	ok(judge_built(1, d255, &n) == VF_EMAIL_TOO_LONG, "a domain of 255 bytes leaves no room for a local part");
	for (size_t local = 1; local <= 60; local++)
		if (judge_built(local, (const int[]){ 1, 2, 0 }, &n) != VF_EMAIL_OK)
			break;
	ok(n == 65, "every length up to 65 bytes is judged alike");
}

static void
test_idn_lengths(void)
{
	char field[2048], scratch[VF_EMAIL_MAX];
	struct vf_email e = { 0 };
	size_t n = 2;

	memcpy(field, "a@", 2);
	for (int i = 0; i < 600; i++) {
		memcpy(field + n, "\xc3\xbc", 2);
		n += 2;
	}
	memcpy(field + n, ".de", 3);
	ok(vf_email_judge(vf_slice(field, n + 3), scratch, &e) == VF_EMAIL_TOO_LONG,
		"an internationalised domain over 1020 bytes is refused before it is converted");
	ok(vf_email_judge(vf_slice(field, 2 + 120), scratch, &e) != VF_EMAIL_OK,
		"so is a label whose ASCII form is over 63 bytes");
	memcpy(field + 2, "\xc3\xbc\0\xc3\xbc.de", 8);
	ok(vf_email_judge(vf_slice(field, 10), scratch, &e) == VF_EMAIL_DOMAIN, "so is one with a NUL");
	ok(vf_email_judge(vf_slice("a\0b@example.com.example", 23), scratch, &e) == VF_EMAIL_LOCAL,
		"a NUL in the local part is refused");
}

/* The rules again, written to be read and not to be fast: ASCII only, no xn-- labels. */
static bool
reference(const char *s, size_t n)
{
	size_t at = 0, start, dots = 0;
	bool digits = true;

	while (at < n && s[at] != '@')
		at++;
	if (at == n || at == 0 || at > 64 || n > 254)
		return false;
	for (size_t i = 0; i < at; i++) {
		if (s[i] == '.' ? i == 0 || i + 1 == at || s[i + 1] == '.' :
			(s[i] < '0' || s[i] > '9') && ((s[i] | 32) < 'a' || (s[i] | 32) > 'z') &&
				(s[i] == '\0' || strchr("!#$%&'*+/=?^_`{|}~-", s[i]) == NULL))
			return false;
	}
	start = at + 1;
	for (size_t i = at + 1; i <= n; i++) {
		if (i < n && s[i] != '.') {
			if ((s[i] < '0' || s[i] > '9') && ((s[i] | 32) < 'a' || (s[i] | 32) > 'z') && s[i] != '-')
				return false;
			continue;
		}
		if (i == start || i - start > 63 || s[start] == '-' || s[i - 1] == '-')
			return false;
		dots += i < n;
		digits = true;
		for (size_t k = start; k < i; k++)
			digits &= s[k] >= '0' && s[k] <= '9';
		start = i + 1;
	}
	return dots > 0 && !digits;
}

static void
test_random(void)
{
	static const char bytes[] = "aaaabcdeZ019..--@_+'\"( \x7f\x01";
	unsigned seed = (unsigned)time(NULL);
	unsigned long wrong = 0, accepted = 0, rounds = 400000;
	char field[96], scratch[VF_EMAIL_MAX];

	if (getenv("VF_TEST_SEED") != NULL)
		seed = (unsigned)strtoul(getenv("VF_TEST_SEED"), NULL, 10);
	printf("# seed %u (VF_TEST_SEED repeats it)\n", seed);
	srand(seed);
	for (unsigned long r = 0; r < rounds; r++) {
		size_t n = (size_t)(rand() % 90) + 1, at = (size_t)rand() % n;
		struct vf_email e;
		bool good, want;

		for (size_t i = 0; i < n; i++)
			field[i] = rand() % 12 != 0 ? "abcdefgh1"[rand() % 9] :
						      bytes[(size_t)rand() % (sizeof bytes - 1)];
		field[at] = '@';
		if (rand() % 4 != 0)
			field[(at + n) / 2] = '.';
		for (size_t i = 0; i + 3 < n; i++)	/* xn-- is another test's */
			if (field[i] == 'x')
				field[i] = 'y';
		want = reference(field, n);
		good = vf_email_judge(vf_slice(field, n), scratch, &e) == VF_EMAIL_OK;
		accepted += good;
		for (size_t i = 0; good && i < e.domain.n; i++)
			if (e.domain.p[i] != (char)(field[at + 1 + i] >= 'A' && field[at + 1 + i] <= 'Z' ?
							    field[at + 1 + i] + 32 : field[at + 1 + i]))
				wrong++;
		wrong += good != want;
	}
	ok(wrong == 0, "%lu random fields are judged as the plain reference does", rounds);
	ok(accepted > rounds / 20 && accepted < rounds - rounds / 20, "of both kinds enough: %lu accepted", accepted);
}

static void
test_mailbox(void)
{
	static const char *const pairs[][2] = {
		{ "Jo@Example.com", "jo@example.com" },
		{ "jo+tag@example.com", "jo@example.com" },
		{ "jo+a+b@example.com", "jo@example.com" },
		{ "j.o@example.com", "j.o@example.com" },
		{ "j.o@gmail.com", "jo@gmail.com" },
		{ "J.O+x.y@GMail.com", "jo@gmail.com" },
		{ "j.o@googlemail.com", "jo@gmail.com" },
		{ "j.o@mail.gmail.com", "j.o@mail.gmail.com" },
		{ "j.o@notgmail.com", "j.o@notgmail.com" },
		{ "+jo@example.com", "+jo@example.com" },
		{ "+jo+x@gmail.com", "+jo@gmail.com" },
		{ "a.+b@gmail.com", "a@gmail.com" },
	};
	char scratch[VF_EMAIL_MAX], out[VF_EMAIL_MAX];

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		struct vf_email e;
		enum vf_email_fault fault = vf_email_judge(vf_slice_str(pairs[i][0]), scratch, &e);

		ok(fault == VF_EMAIL_OK && vf_slice_is(vf_email_mailbox(&e, out), pairs[i][1]),
			"the mailbox of %s is %s", pairs[i][0], pairs[i][1]);
	}
}

static void
test_domain(void)
{
	char scratch[VF_EMAIL_DOMAIN_MAX];
	struct vf_slice out;

	ok(vf_email_domain(vf_slice_str("Example.COM"), false, scratch, &out) == VF_EMAIL_OK &&
		vf_slice_is(out, "example.com"), "a domain alone is lower-cased");
	ok(vf_email_domain(vf_slice_str("zip"), false, scratch, &out) == VF_EMAIL_ONE_LABEL, "one label is refused");
	ok(vf_email_domain(vf_slice_str("zip"), true, scratch, &out) == VF_EMAIL_OK, "unless it is asked for");
	ok(vf_email_domain(vf_slice_str(""), true, scratch, &out) == VF_EMAIL_DOMAIN, "an empty one is refused");
	ok(vf_email_domain(vf_slice_str("a@b.example"), false, scratch, &out) == VF_EMAIL_DOMAIN,
		"an address is no domain");
}

int
main(void)
{
	test_cases();
	test_lengths();
	test_idn_lengths();
	test_random();
	test_mailbox();
	test_domain();
	return done_testing();
}
