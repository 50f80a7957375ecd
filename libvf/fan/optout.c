#include "fan/optout.h"

#include <stdlib.h>

#include "base/keyset.h"
#include "fan/domains.h"
#include "fan/email.h"
#include "fan/fan.h"

#define GROUP 64			/* fans whose keys are looked up together */
#define E164_MIN 3			/* `+`, and digits */
#define E164_MAX 16

struct vf_optout {
	struct vf_keyset *keys;
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
		for (size_t i = 0; i < text.n; i++)
			both[i + 1] = (char)(text.p[i] + (text.p[i] >= 'A' && text.p[i] <= 'Z' ? 32 : 0));
	return vf_keyset_key(o->keys, vf_slice(both, text.n + 1));
}

static bool
looks_like_phone(struct vf_slice s)
{
	if (s.p[0] != '+')
		return false;
	for (size_t i = 1; i < s.n; i++)
		if ((s.p[i] < '0' || s.p[i] > '9') && strchr(" ().-", s.p[i]) == NULL)
			return false;
	return true;
}

static bool
is_e164(struct vf_slice s)
{
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n >= E164_MIN && s.n <= E164_MAX && s.p[1] != '0';
}

/* What is wrong with a line, or NULL and its key. */
static const char *
key_of_line(const struct vf_optout *o, struct vf_slice line, struct vf_key *key)
{
	char scratch[VF_EMAIL_MAX];
	struct vf_email e;

	if (looks_like_phone(line)) {
		if (!is_e164(line))
			return "a phone number must be written in E.164: + and at most 15 digits";
		*key = key_of(o, PHONE, line);
	} else if (memchr(line.p, '@', line.n) != NULL) {
		if (vf_email_judge(line, scratch, &e) != VF_EMAIL_OK)
			return "not an e-mail address";
		*key = key_of(o, EMAIL, e.address);
	} else {
		if (!vf_fan_id_ok(line))
			return "not a phone number, an address or an id";
		*key = key_of(o, ID, line);
	}
	return NULL;
}

int
vf_optout_add(struct vf_optout *o, struct vf_slice text, const char *file, uint64_t *entries, struct vf_error *err)
{
	struct vf_key keys[GROUP];
	unsigned char fresh[GROUP];
	uint64_t lineno = 0, count = 0;
	struct vf_slice line;
	const char *wrong;
	size_t n = 0;

	text = vf_domains_text(text);
	while (vf_domains_line(&text, &line)) {
		lineno++;
		if (line.n == 0)
			continue;
		wrong = key_of_line(o, line, &keys[n]);
		if (wrong != NULL)
			return vf_error(err, VF_ERR_CONFIG, "%s:%llu: %s", file, (unsigned long long)lineno, wrong);
		count++;
		if (++n == GROUP) {
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
