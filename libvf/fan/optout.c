#include "fan/optout.h"

#include <stdlib.h>

#include "base/keyset.h"
#include "fan/domains.h"
#include "fan/email.h"
#include "fan/fan.h"
#include "fan/phone.h"

#define GROUP 64			/* fans whose keys are looked up together */
#define E164_MIN 3			/* `+`, and digits */
#define E164_MAX 16

struct vf_optout {
	struct vf_keyset *keys;
	struct vf_phone_book *book;	/* or NULL */
	const char *region;
	uint64_t bare;
};

/* The kind is part of a key: an id that reads like an address is no address. */
enum kind { ID = 'i', EMAIL = 'e', PHONE = 'p' };

struct vf_optout *
vf_optout_new(struct vf_error *err)
{
	struct vf_optout *o = calloc(1, sizeof *o);

	if (o == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	o->keys = vf_keyset_new(0, 0, err);
	if (o->keys != NULL)
		return o;
	free(o);
	return NULL;
}

void
vf_optout_free(struct vf_optout *o)
{
	if (o == NULL)
		return;
	vf_keyset_free(o->keys);
	free(o);
}

/* text is at most VF_EMAIL_MAX bytes long: ids and phones are shorter. Addresses are the same in whatever case. */
static struct vf_key
key_of(const struct vf_optout *o, enum kind kind, struct vf_slice text)
{
	char both[VF_EMAIL_MAX + 1];

	both[0] = (char)kind;
	if (kind != EMAIL)
		memcpy(both + 1, text.p, text.n);
	else
		vf_slice_lower(text, both + 1);
	return vf_keyset_key(o->keys, vf_slice(both, text.n + 1));
}

void
vf_optout_phones(struct vf_optout *o, struct vf_phone_book *book, const char *region)
{
	o->book = book;
	o->region = region;
}

uint64_t
vf_optout_bare(const struct vf_optout *o)
{
	return o->bare;
}

/* Whether it may be a phone: digits and their punctuation, a plus before them or not. */
static bool
looks_like_phone(struct vf_slice s, bool *plus, bool *bare)
{
	size_t i;

	*plus = s.p[0] == '+';
	*bare = !*plus;
	for (i = *plus; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9') {
			if (strchr(" ().-/", s.p[i]) == NULL)
				return false;
			*bare = false;
		}
	return true;
}

/* The digits behind a plus, without what stands between them; false when that is no E.164. */
static bool
plain_e164(struct vf_slice s, struct vf_phone *phone)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (i == 0 || (s.p[i] >= '0' && s.p[i] <= '9')) {
			if (n == E164_MAX)
				return false;
			phone->e164[n++] = s.p[i];
		}
	phone->len = (uint8_t)n;
	return n >= E164_MIN && phone->e164[1] != '0';
}

/* What is wrong with a line, or NULL and its keys: one, or two when it may be a phone as well as an id. */
static const char *
keys_of_line(struct vf_optout *o, struct vf_slice line, struct vf_key keys[2], size_t *n)
{
	bool plus, bare, phone_like = looks_like_phone(line, &plus, &bare), is_phone;
	char scratch[VF_EMAIL_MAX];
	struct vf_phone phone;
	struct vf_email e;

	*n = 0;
	is_phone = phone_like && o->book != NULL && vf_phone_judge(o->book, line, o->region, &phone) != VF_PHONE_BAD;
	if (bare && is_phone) {
		o->bare++;
		is_phone = false;
	}
	if (plus && phone_like && !is_phone) {
		if (!plain_e164(line, &phone))
			return "not a phone number: + and at most 15 digits";
		is_phone = true;
	}
	if (is_phone)
		keys[(*n)++] = key_of(o, PHONE, vf_slice(phone.e164, phone.len));
	if (plus && is_phone)
		return NULL;
	if (memchr(line.p, '@', line.n) != NULL) {
		if (vf_email_judge(line, scratch, &e) != VF_EMAIL_OK)
			return "not an e-mail address";
		keys[(*n)++] = key_of(o, EMAIL, e.address);
	} else if (vf_fan_id_ok(line)) {
		keys[(*n)++] = key_of(o, ID, line);
	} else if (!is_phone) {
		return "not a phone number, an address or an id";
	}
	return NULL;
}

int
vf_optout_add(struct vf_optout *o, struct vf_slice text, const char *file, uint64_t *entries, struct vf_error *err)
{
	struct vf_key keys[GROUP + 1];		/* a line may have two */
	unsigned char fresh[GROUP + 1];
	uint64_t lineno = 0, count = 0;
	struct vf_slice line;
	const char *wrong;
	size_t n = 0, more;

	text = vf_domains_text(text);
	while (vf_domains_line(&text, &line)) {
		lineno++;
		if (line.n == 0)
			continue;
		wrong = keys_of_line(o, line, &keys[n], &more);
		if (wrong != NULL)
			return vf_error(err, VF_ERR_CONFIG, "%s:%llu: %s", file, (unsigned long long)lineno, wrong);
		count++;
		n += more;
		if (n >= GROUP) {
			if (vf_keyset_add(o->keys, keys, n, fresh, NULL, err) < 0)
				return -1;
			n = 0;
		}
	}
	*entries = count;
	if (vf_keyset_add(o->keys, keys, n, fresh, NULL, err) < 0)
		return -1;
	vf_keyset_seal(o->keys);
	return 0;
}

static void
find_group(const struct vf_optout *o, struct vf_optout_who *who, size_t n)
{
	struct vf_key keys[3 * GROUP];
	unsigned char found[3 * GROUP];
	unsigned char stops[3 * GROUP], fan[3 * GROUP];
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		who[i].out = 0;
		if (who[i].id.n > 0) {
			stops[k] = VF_OPTOUT_SMS | VF_OPTOUT_EMAIL;
			fan[k] = (unsigned char)i;
			keys[k++] = key_of(o, ID, who[i].id);
		}
		if (who[i].email.n > 0) {
			stops[k] = VF_OPTOUT_EMAIL;
			fan[k] = (unsigned char)i;
			keys[k++] = key_of(o, EMAIL, who[i].email);
		}
		if (who[i].phone.n > 0) {
			stops[k] = VF_OPTOUT_SMS;
			fan[k] = (unsigned char)i;
			keys[k++] = key_of(o, PHONE, who[i].phone);
		}
	}
	vf_keyset_find(o->keys, keys, k, found, NULL);
	while (k-- > 0)
		if (found[k])
			who[fan[k]].out |= stops[k];
}

void
vf_optout_find(const struct vf_optout *o, struct vf_optout_who *who, size_t n)
{
	for (size_t i = 0; i < n; i += GROUP)
		find_group(o, who + i, n - i < GROUP ? n - i : GROUP);
}
