/* test-eligible.c -- fan/eligible and fan/optout: the order of the rules, groups, counts, opt-outs. */
#include "fan/eligible.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "tap.h"

static struct vf_error err;
static struct vf_fan fans[VF_FANS_MAX];
static char us[] = "US", *const home[] = { us };

/* Rules for an input of all columns, lists and phone metadata loaded. */
static struct vf_rules
rules(const char *black, const char *white, const char *disposable, const char *relay)
{
	static struct vf_phone_book *book;
	struct vf_rules r = { .has_email = true, .has_phone = true, .has_confirmed = true, .home_regions = home,
		.nhome_regions = 1, .region = "US", .max_per_phone = UINT64_MAX, .max_per_email = UINT64_MAX };
	const char *dir = getenv("VF_SRCDIR"), *const lists[] = { white, black, disposable, relay };
	struct vf_buf text = { 0 };
	char path[4096];

	snprintf(path, sizeof path, "%s/data/phone-metadata.txt", dir != NULL ? dir : ".");
	if (book == NULL && vf_file_slurp(path, VF_BUF_MAX, &text, &err) == 0)
		book = vf_phone_book_new(vf_buf_slice(&text), path, &err);
	r.phones = book;
	r.domains = vf_domains_new(&err);
	for (unsigned i = 0; i < 4 && book != NULL; i++)
		if (vf_domains_add(r.domains, i, i >= VF_LIST_DISPOSABLE ? VF_DOMAINS_BELOW : 0, vf_slice_str(lists[i]),
			"list", NULL, &err) < 0)
			book = NULL;
	if (book == NULL) {
		printf("Bail out! %s\n", err.text);
		exit(1);
	}
	vf_buf_free(&text);
	return r;
}

static void
fan(size_t i, const char *id, const char *email, const char *phone, const char *confirmed)
{
	fans[i].id = vf_slice_str(id);
	fans[i].email = vf_slice_str(email);
	fans[i].phone = vf_slice_str(phone);
	fans[i].confirmed = vf_slice_str(confirmed);
}

/* One fan alone. */
static enum vf_reason
judge(struct vf_rules *r, const char *id, const char *email, const char *phone, const char *confirmed)
{
	fan(0, id, email, phone, confirmed);
	return vf_eligible_judge(r, fans, 1, &err) < 0 ? VF_REASONS + 1 : fans[0].reason;
}

static void
test_order(void)
{
	struct vf_rules r = rules("black.example", "", "black.example\nthrowaway.example", "relay.example");
	struct vf_keyset *gone = vf_keyset_new(4, 0, &err);
	struct vf_key key = vf_keyset_key(gone, vf_slice_str("gone"));
	unsigned char fresh;
	uint64_t one = 1;

	vf_keyset_add(gone, &key, 1, &fresh, &one, &err);
	r.excluded = gone;
	r.require_confirmed = true;
	ok(judge(&r, "a b", "bad", "bad", "no") == VF_REASON_MISSING_USER, "missing-user comes first");
	ok(judge(&r, "gone", "bad", "bad", "no") == VF_REASON_EXCLUDED, "then excluded");
	ok(judge(&r, "f", "bad", "bad", "no") == VF_REASON_BAD_EMAIL, "then bad-email");
	ok(judge(&r, "f", "x@black.example", "bad", "no") == VF_REASON_BLACKLISTED, "then blacklisted");
	ok(judge(&r, "f", "x@throwaway.example", "bad", "no") == VF_REASON_DISPOSABLE_DOMAIN, "then disposable-domain");
	ok(judge(&r, "f", "x@relay.example", "bad", "no") == VF_REASON_BAD_PHONE, "then bad-phone");
	ok(judge(&r, "f", "x@fine.example", "+14165550100", "no") == VF_REASON_INTL_PHONE, "then intl-phone");
	ok(judge(&r, "f", "x@fine.example", "2125550100", "no") == VF_REASON_PHONE_UNCONFIRMED,
		"then phone-unconfirmed");
	ok(judge(&r, "f", "", "", "true") == VF_REASON_PHONE_UNCONFIRMED, "which is said of no phone as well");
	r.require_confirmed = false;
	ok(judge(&r, "f", "", "", "true") == VF_REASON_UNREACHABLE, "then unreachable");
	ok(judge(&r, "f", "x@relay.example", "2125550100", "true") == VF_REASON_NONE &&
		fans[0].tags == VF_TAG_RELAY_EMAIL && vf_slice_is(fans[0].address.address, "x@relay.example") &&
		strcmp(fans[0].number.e164, "+12125550100") == 0, "and a fan who passes them all has a normal form");
	one = vf_keyset_set(gone, key, 0);
	ok(one == 1 && judge(&r, "gone", "x@fine.example", "", "") == VF_REASON_NONE,
		"a key whose value is 0 excludes nobody");
	vf_keyset_free(gone);
	vf_domains_free(r.domains);
}

static void
test_whitelist(void)
{
	struct vf_rules r = rules(".black.example", "good@black.example\nok.throwaway.example", "throwaway.example",
		"relay.throwaway.example");

	ok(judge(&r, "f", "good@black.example", "", "") == VF_REASON_NONE, "a whitelisted address is not blacklisted");
	ok(judge(&r, "f", "bad@black.example", "", "") == VF_REASON_BLACKLISTED, "its neighbour is");
	ok(judge(&r, "f", "x@ok.throwaway.example", "", "") == VF_REASON_NONE, "nor is a whitelisted domain disposable");
	ok(judge(&r, "f", "x@a.ok.throwaway.example", "", "") == VF_REASON_DISPOSABLE_DOMAIN, "what is below it is");
	ok(judge(&r, "f", "x@relay.throwaway.example", "", "") == VF_REASON_NONE && (fans[0].tags & VF_TAG_RELAY_EMAIL),
		"a relay service never is");
	ok(judge(&r, "f", "good@black.example", "555", "") == VF_REASON_BAD_PHONE, "a whitelist lifts no other reason");
	vf_domains_free(r.domains);
}

static void
test_missing_columns(void)
{
	struct vf_rules r = rules("", "", "", "");

	r.require_confirmed = true;
	r.has_confirmed = r.has_phone = false;
	ok(judge(&r, "f", "x@fine.example", "", "") == VF_REASON_NONE && fans[0].tags == 0,
		"without phone columns nothing is said about phones");
	ok(judge(&r, "f", "", "", "") == VF_REASON_UNREACHABLE, "and an empty address leaves no channel");
	r.has_phone = true;
	r.has_email = false;
	ok(judge(&r, "f", "", "2125550100", "") == VF_REASON_NONE && fans[0].tags == 0,
		"without an address column nothing is said about addresses");
	vf_domains_free(r.domains);
}

/* A set of ids, sealed, asked for all of them and for as many others; then added to. */
static void
test_sealed_set(void)
{
	struct vf_keyset *set = vf_keyset_new(4, 0, &err);
	enum { N = 50000, GROUP = 200 };
	unsigned long wrong = 0;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i += GROUP) {
			struct vf_key keys[GROUP];
			unsigned char fresh[GROUP];
			uint64_t values[GROUP];
			char id[16];

			for (int k = 0; k < GROUP; k++) {
				snprintf(id, sizeof id, "f%d", 2 * (round * N + i + k));
				keys[k] = vf_keyset_key(set, vf_slice_str(id));
				values[k] = (uint64_t)(i + k + 1);
			}
			wrong += vf_keyset_add(set, keys, GROUP, fresh, values, &err) < 0;
		}
		vf_keyset_seal(set);
		for (int i = 0; i < 2 * (round + 1) * N; i += GROUP) {
			struct vf_key keys[GROUP];
			unsigned char found[GROUP];
			uint64_t values[GROUP] = { 0 };
			char id[16];

			for (int k = 0; k < GROUP; k++) {
				snprintf(id, sizeof id, "f%d", i + k);
				keys[k] = vf_keyset_key(set, vf_slice_str(id));
			}
			vf_keyset_find(set, keys, GROUP, found, values);
			for (int k = 0; k < GROUP; k++)
				wrong += found[k] != ((i + k) % 2 == 0) ||
					values[k] != (found[k] ? (uint64_t)((i + k) / 2 % N + 1) : 0);
		}
	}
	ok(wrong == 0, "a sealed set has what was added and nothing else, before and after more is added");
	vf_keyset_free(set);
}

/* A number shared by all, in groups of every size, against a plain count. */
static void
test_counts(void)
{
	static char ids[VF_FANS_MAX][8], phones[VF_FANS_MAX][16], emails[VF_FANS_MAX][32];
	unsigned long wrong = 0, kept = 0;
	struct vf_rules r = rules("", "", "", "");
	unsigned phone_uses[50] = { 0 }, email_uses[20] = { 0 };

	r.max_per_phone = 7;
	r.max_per_email = 11;
	r.phone_counts = vf_keyset_new(4, 0, &err);
	r.email_counts = vf_keyset_new(4, 0, &err);
	srand(20261205);
	for (size_t n = 1; n <= VF_FANS_MAX; n += 15) {
		unsigned p[VF_FANS_MAX], e[VF_FANS_MAX];

		for (size_t i = 0; i < n; i++) {
			p[i] = (unsigned)rand() % 50;
			e[i] = (unsigned)rand() % 20;
			snprintf(ids[i], sizeof ids[i], "f%zu", i);
			snprintf(phones[i], sizeof phones[i], "21255501%02u", p[i]);
			snprintf(emails[i], sizeof emails[i], "%s%u+%zu@gmail.com", i % 2 ? "F." : "f", e[i], i);
			fan(i, ids[i], emails[i], phones[i], "true");
		}
		if (vf_eligible_judge(&r, fans, n, &err) < 0)
			wrong++;
		for (size_t i = 0; i < n; i++) {
			enum vf_reason want = VF_REASON_NONE;

			if (phone_uses[p[i]]++ >= 7)
				want = VF_REASON_TOO_MANY_PER_PHONE;
			else if (email_uses[e[i]]++ >= 11)
				want = VF_REASON_TOO_MANY_PER_EMAIL;
			wrong += fans[i].reason != want;
			kept += want == VF_REASON_NONE;
		}
	}
	ok(wrong == 0, "counts are those of a plain count, whatever the groups");
	ok(kept > 150 && kept <= 220, "of both kinds enough: %lu kept, of 20 mailboxes with 11 uses each", kept);
	vf_keyset_free(r.phone_counts);
	vf_keyset_free(r.email_counts);
	vf_domains_free(r.domains);
}

static void
test_opt_outs(void)
{
	struct vf_rules r = rules("", "", "", "");
	struct vf_optout *o = vf_optout_new(&err);
	uint64_t entries = 0;

	ok(vf_optout_add(o, vf_slice_str("# asked\n+1 (212) 555-0100\r\n Jo@Example.com # May\n\nfan-1\n+plus/id=\n"), "o.txt",
		&entries, &err) == 0 && entries == 4, "an opt-out list of phone, address and ids");
	r.opted_out = o;
	ok(judge(&r, "f", "jo@example.com", "(212) 555-0101", "true") == VF_REASON_NONE &&
		fans[0].tags == VF_TAG_EMAIL_OPT_OUT, "an address stops e-mail, whatever its case");
	ok(judge(&r, "f", "ann@example.com", "(212) 555-0100", "true") == VF_REASON_NONE &&
		fans[0].tags == VF_TAG_SMS_OPT_OUT, "a phone stops SMS, however it is written");
	ok(judge(&r, "fan-1", "ann@example.com", "2125550101", "true") == VF_REASON_UNREACHABLE, "an id stops both");
	ok(judge(&r, "+plus/id=", "ann@example.com", "2125550101", "true") == VF_REASON_UNREACHABLE,
		"even one that starts with a plus");
	ok(judge(&r, "f", "jo@example.com", "2125550100", "true") == VF_REASON_UNREACHABLE, "so do phone and address");
	ok(judge(&r, "f", "jo@example.com", "", "") == VF_REASON_UNREACHABLE, "an only channel that is closed is none");
	ok(judge(&r, "f", "fan-1@example.com", "", "") == VF_REASON_NONE, "an id is compared with ids only");
	ok(vf_optout_add(o, vf_slice_str("212-555-0102\n"), "o.txt", &entries, &err) == 0 &&
		judge(&r, "f", "ann@example.com", "2125550102", "true") == VF_REASON_NONE && fans[0].tags == 0,
		"without a book digits without a plus are an id");
	vf_optout_phones(o, r.phones, "US");
	ok(vf_optout_add(o, vf_slice_str("212-555-0103\n(212) 555 0104\n2125550105\n20240101-000123\n"), "o.txt", &entries,
		&err) == 0 && entries == 4, "with one they are read as the field of a phone is");
	ok(judge(&r, "f", "ann@example.com", "2125550103", "true") == VF_REASON_NONE &&
		fans[0].tags == VF_TAG_SMS_OPT_OUT, "with hyphens, a phone");
	ok(judge(&r, "f", "ann@example.com", "2125550104", "true") == VF_REASON_NONE &&
		fans[0].tags == VF_TAG_SMS_OPT_OUT, "with parentheses, a phone");
	ok(judge(&r, "212-555-0103", "ann@example.com", "2125550101", "true") == VF_REASON_UNREACHABLE,
		"and an id, if one can be written so");
	ok(judge(&r, "20240101-000123", "ann@example.com", "2125550101", "true") == VF_REASON_UNREACHABLE,
		"digits that are no phone are an id");
	ok(judge(&r, "f", "ann@example.com", "2125550105", "true") == VF_REASON_NONE && fans[0].tags == 0 &&
		vf_optout_bare(o) == 1, "digits alone are an id, and counted when they may be a phone");
	vf_optout_free(o);
	vf_domains_free(r.domains);
}

static void
test_opt_out_errors(void)
{
	static const char *const bad[] = { "+1 212 555 01x0", "+", "+1", "+0123456789", "+1234567890123456", "+1 234 567 890 123 4567", "jo@nowhere",
		"two words", "a;b", "null", "a\"b" };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct vf_optout *o = vf_optout_new(&err);
		struct vf_buf text = { 0 };
		uint64_t entries;

		vf_buf_addf(&text, "fan-1\n\n%s\nfan-2\n", bad[i]);
		ok(vf_optout_add(o, vf_buf_slice(&text), "o.txt", &entries, &err) < 0 && err.kind == VF_ERR_CONFIG &&
			strncmp(err.text, "o.txt:3: ", 9) == 0 && (strlen(bad[i]) < 4 || strstr(err.text, bad[i] + 1) == NULL),
			"bad opt-out line %zu is named by its number alone", i);
		vf_optout_free(o);
		vf_buf_free(&text);
	}
}

int
main(void)
{
	if (vf_hash_start(&err) < 0)
		return 1;
	test_order();
	test_whitelist();
	test_missing_columns();
	test_sealed_set();
	test_counts();
	test_opt_outs();
	test_opt_out_errors();
	return done_testing();
}
