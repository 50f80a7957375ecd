#include "net/aws.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/date.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/json-pick.h"

#define FILE_MAX ((size_t)1 << 20)	/* of a credentials or token file */
#define MARGIN 300			/* seconds before their end at which credentials are fetched again, at most */
#define TRIES 3
#define ECS "169.254.170.2"

/* One set of credentials; an older one stays until the end, since calls under way may point into it. */
struct credentials {
	struct credentials *older;
	char *key, *secret, *token_header;	/* the last NULL without a token */
	struct vf_http_signer signer;
};

struct vf_aws {
	struct vf_aws_options o;
	char *region, *endpoint, *scope, *type_header;
	char source[160];
	struct credentials *now;
	struct vf_http *http;		/* for the container's credentials; NULL: they do not change */
	char *url;			/* where those are */
	int64_t expires, renew;		/* seconds since 1970; INT64_MAX: never */
	uint64_t asked_ns;		/* when they were last asked for */
	uint64_t fetches;
	bool stale;			/* the service called them expired */
};

static char *
copy(struct vf_slice s)
{
	char *p = malloc(s.n + 1);

	if (p != NULL) {
		if (s.n > 0)
			memcpy(p, s.p, s.n);
		p[s.n] = '\0';
	}
	return p;
}

static char *
joined(const char *a, const char *b, const char *c, const char *d)
{
	size_t n = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
	char *p = malloc(n);

	if (p != NULL)
		snprintf(p, n, "%s%s%s%s", a, b, c, d);
	return p;
}

/* What may stand in a header or a signature: visible ASCII, some of it. */
static bool
is_word(struct vf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

static int
take_credentials(struct vf_aws *a, struct vf_slice key, struct vf_slice secret, struct vf_slice token, struct vf_error *err)
{
	struct credentials *c;

	if (!is_word(key) || !is_word(secret) || (token.n > 0 && !is_word(token)) || memchr(key.p, ':', key.n) != NULL)
		return vf_error(err, VF_ERR_CONFIG, "AWS credentials (%s): empty, or not made of visible characters", a->source);
	c = calloc(1, sizeof *c);
	if (c == NULL)
		return vf_error_nomem(err);
	c->key = copy(key);
	c->secret = copy(secret);
	if (token.n > 0) {
		char *text = copy(token);

		c->token_header = text != NULL ? joined("X-Amz-Security-Token: ", text, "", "") : NULL;
		free(text);
	}
	c->signer = (struct vf_http_signer){ .scope = a->scope, .key = c->key, .secret = c->secret };
	c->older = a->now;
	a->now = c;
	if (c->key == NULL || c->secret == NULL || (token.n > 0 && c->token_header == NULL))
		return vf_error_nomem(err);
	a->stale = false;
	return 0;
}

/* --- profiles ---------------------------------------------------------------------------------------------------- */

struct profile {
	struct vf_slice key, secret, token, region;
};

static bool
is_key(struct vf_slice s, const char *want)
{
	struct vf_slice w = vf_slice_str(want);

	if (s.n != w.n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (tolower((unsigned char)s.p[i]) != w.p[i])
			return false;
	return true;
}

/* The settings of a profile in an INI text; sections are `[NAME]`, in the configuration file `[profile NAME]`. */
static bool
read_profile(struct vf_slice text, const char *name, struct profile *p)
{
	bool inside = false, found = false;

	while (text.n > 0) {
		const char *lf = memchr(text.p, '\n', text.n), *eq;
		size_t n = lf != NULL ? (size_t)(lf - text.p) : text.n;
		struct vf_slice line = vf_slice(text.p, n), k, v;
		bool indented = n > 0 && vf_is_blank(text.p[0]);

		n += lf != NULL;
		text = vf_slice(text.p + n, text.n - n);
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		line = vf_slice_trim(line);
		if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';')
			continue;
		if (line.p[0] == '[' && line.p[line.n - 1] == ']') {
			line = vf_slice_trim(vf_slice(line.p + 1, line.n - 2));
			if (line.n > 8 && memcmp(line.p, "profile ", 8) == 0)
				line = vf_slice_trim(vf_slice(line.p + 8, line.n - 8));
			inside = vf_slice_is(line, name);
			found = found || inside;
			continue;
		}
		eq = memchr(line.p, '=', line.n);
		/* An indented line belongs to a nested setting. */
		if (!inside || indented || eq == NULL)
			continue;
		k = vf_slice_trim(vf_slice(line.p, (size_t)(eq - line.p)));
		v = vf_slice_trim(vf_slice(eq + 1, line.n - (size_t)(eq + 1 - line.p)));
		if (is_key(k, "aws_access_key_id"))
			p->key = v;
		else if (is_key(k, "aws_secret_access_key"))
			p->secret = v;
		else if (is_key(k, "aws_session_token"))
			p->token = v;
		else if (is_key(k, "region"))
			p->region = v;
	}
	return found;
}

/* A file of the AWS tools, named by the environment or in the home folder: 1, 0 when it is not there, -1. */
static int
read_aws_file(struct vf_aws *a, const char *variable, const char *name, struct vf_buf *text, struct vf_error *err)
{
	const char *path = a->o.env(variable), *home = a->o.env("HOME");
	char *made = NULL;
	int rc;

	if (path == NULL && home == NULL)
		return 0;
	if (path == NULL && (path = made = joined(home, "/.aws/", name, "")) == NULL)
		return vf_error_nomem(err);
	rc = vf_file_slurp(path, FILE_MAX, text, err);
	if (rc < 0 && errno == ENOENT)
		rc = 0;
	else if (rc == 0)
		rc = 1;
	else
		err->kind = VF_ERR_CONFIG;
	free(made);
	return rc;
}

static const char *
profile_name(const struct vf_aws *a)
{
	const char *name = a->o.env("AWS_PROFILE");

	return name != NULL ? name : "default";
}

/* 1 when the profile has credentials, 0 when there are none, -1. */
static int
from_profile(struct vf_aws *a, struct vf_error *err)
{
	struct profile p = { 0 };
	struct vf_buf text = { 0 };
	int rc = read_aws_file(a, "AWS_SHARED_CREDENTIALS_FILE", "credentials", &text, err);

	if (rc == 1 && (!read_profile(vf_buf_slice(&text), profile_name(a), &p) || p.key.n == 0 || p.secret.n == 0))
		rc = 0;
	if (rc == 0 && a->o.env("AWS_PROFILE") != NULL)
		rc = vf_error(err, VF_ERR_CONFIG, "AWS_PROFILE: the shared credentials file has no such profile with keys");
	if (rc == 1) {
		snprintf(a->source, sizeof a->source, "profile %s", profile_name(a));
		rc = take_credentials(a, p.key, p.secret, p.token, err) < 0 ? -1 : 1;
	}
	vf_buf_free(&text);
	return rc;
}

/* --- the container's address ------------------------------------------------------------------------------------- */

/*
 * http:// is for this machine alone, and for the agents of ECS and EKS on it
 * (botocore allows the same): the answer is a secret.
 */
static bool
is_local(const char *url)
{
	static const char *const names[] = { "localhost", ECS, "169.254.170.23", "[fd00:ec2::23]", "[::1]" };
	const char *host = url + strlen("http://");
	size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	int octets, at = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (n == strlen(names[i]) && strncmp(host, names[i], n) == 0)
			return host[n] == '\0' || strchr(":/?#", host[n]) != NULL;
	if (strncmp(host, "127.", 4) != 0)
		return false;
	for (octets = 0; octets < 4; octets++) {
		int value = 0, digits = 0;

		for (; host[at] >= '0' && host[at] <= '9' && digits < 3; at++, digits++)
			value = value * 10 + (host[at] - '0');
		if (digits == 0 || value > 255 || (octets < 3 && host[at++] != '.'))
			return false;
	}
	return (size_t)at == n;
}

/* The header that lets us ask: from a file, read each time since it is replaced, or from the environment. */
static int
authorization(struct vf_aws *a, char **header, struct vf_error *err)
{
	const char *path = a->o.env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = a->o.env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct vf_buf text = { 0 };
	struct vf_slice s = { 0 };
	int rc = 0;

	*header = NULL;
	if (path != NULL) {
		if (vf_file_slurp(path, FILE_MAX, &text, err) < 0) {
			vf_buf_free(&text);
			err->kind = VF_ERR_CONFIG;
			return -1;
		}
		s = vf_buf_slice(&text);
	} else if (token != NULL) {
		s = vf_slice_str(token);
	}
	while (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	for (size_t i = 0; i < s.n && rc == 0; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			rc = vf_error(err, VF_ERR_CONFIG, "the container's authorization token is no line of visible characters");
	if (rc == 0 && s.n > 0) {
		char *value = copy(s);

		*header = value != NULL ? joined("Authorization: ", value, "", "") : NULL;
		free(value);
		rc = *header != NULL ? 0 : vf_error_nomem(err);
	}
	vf_buf_free(&text);
	return rc;
}

static int
read_answer(struct vf_aws *a, struct vf_slice text, struct vf_error *err)
{
	struct vf_json *doc = vf_json_parse(text, "container credentials", err);
	struct vf_slice key = { 0 }, secret = { 0 }, token = { 0 }, expiration = { 0 };
	struct vf_json_at root, at;
	int64_t now = vf_date_now(), expires = INT64_MAX;
	int rc = -1;

	if (doc == NULL)
		return -1;
	root = vf_json_root(doc, "container credentials");
	if ((at = vf_json_member(&root, "AccessKeyId"), vf_json_get_str(&at, &key, err)) < 0 ||
		(at = vf_json_member(&root, "SecretAccessKey"), vf_json_get_str(&at, &secret, err)) < 0 ||
		(at = vf_json_member(&root, "Token"), vf_json_get_str(&at, &token, err)) < 0 ||
		(at = vf_json_member(&root, "Expiration"), vf_json_get_str(&at, &expiration, err)) < 0)
		goto done;
	if (expiration.n > 0 && !vf_date_parse(expiration, &expires)) {
		vf_error(err, VF_ERR_CONFIG, "container credentials: $.Expiration: not a date");
		goto done;
	}
	if (take_credentials(a, key, secret, token, err) < 0)
		goto done;
	a->expires = expires;
	a->renew = INT64_MAX;
	/* Those that live briefly are not fetched all the time: at half of their life. */
	if (expires != INT64_MAX)
		a->renew = expires - now > 2 * MARGIN ? expires - MARGIN : now + (expires > now ? (expires - now) / 2 : 0);
	rc = 0;
done:
	vf_json_free(doc);
	return rc;
}

static int
fetch_once(struct vf_aws *a, struct vf_error *err)
{
	struct vf_http_call call = { .method = "GET", .url = a->url };
	char *header;
	int rc = -1;

	if (authorization(a, &header, err) < 0)
		return -1;
	call.headers[0] = header;
	a->fetches++;
	if (vf_http_perform(a->http, &call, err) < 0)
		rc = -1;
	else if (call.fault != VF_HTTP_OK)
		vf_error(err, VF_ERR_TEMPORARY, "container credentials: %s", vf_http_fault_names[call.fault]);
	else if (call.status != 200)
		vf_error(err, VF_ERR_TEMPORARY, "container credentials: http-%u", call.status);
	else
		rc = read_answer(a, vf_buf_slice(&call.answer), err);
	vf_http_call_free(&call);
	free(header);
	return rc;
}

static int
fetch(struct vf_aws *a, struct vf_error *err)
{
	a->asked_ns = vf_clock_ns();
	for (int i = 0;; i++) {
		struct timespec pause = { .tv_nsec = 100000000L << i };

		if (fetch_once(a, err) == 0)
			return 0;
		if (i + 1 == TRIES || err->kind != VF_ERR_TEMPORARY || (a->o.stopping != NULL && a->o.stopping()))
			return -1;
		nanosleep(&pause, NULL);
	}
}

static int
from_container(struct vf_aws *a, struct vf_error *err)
{
	const char *relative = a->o.env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = a->o.env("AWS_CONTAINER_CREDENTIALS_FULL_URI");

	if (relative == NULL && full == NULL)
		return 0;
	snprintf(a->source, sizeof a->source, "container");
	if (relative != NULL && relative[0] != '/')
		return vf_error(err, VF_ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: does not begin with a slash");
	if (relative == NULL && (vf_http_check_url(full, "AWS_CONTAINER_CREDENTIALS_FULL_URI", err) < 0))
		return -1;
	if (relative == NULL && strncmp(full, "https://", 8) != 0 && (strncmp(full, "http://", 7) != 0 || !is_local(full)))
		return vf_error(err, VF_ERR_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https:// nor of this machine");
	a->url = relative == NULL ? joined(full, "", "", "") :
		joined(a->o.container != NULL ? a->o.container : "http://" ECS, relative, "", "");
	if (a->url == NULL)
		return vf_error_nomem(err);
	a->http = vf_http_new(&(struct vf_http_options){ .connections = 1, .connect_ms = 2000, .total_ms = 5000,
		.stopping = a->o.stopping }, err);
	return a->http == NULL || fetch(a, err) < 0 ? -1 : 1;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static int
find_credentials(struct vf_aws *a, struct vf_error *err)
{
	const char *key = a->o.env("AWS_ACCESS_KEY_ID"), *secret = a->o.env("AWS_SECRET_ACCESS_KEY");
	const char *token = a->o.env("AWS_SESSION_TOKEN");
	int rc;

	if (key != NULL && secret != NULL) {
		snprintf(a->source, sizeof a->source, "environment");
		return take_credentials(a, vf_slice_str(key), vf_slice_str(secret), vf_slice_str(token != NULL ? token : ""), err);
	}
	if ((rc = from_profile(a, err)) != 0 || (rc = from_container(a, err)) != 0)
		return rc < 0 ? -1 : 0;
	return vf_error(err, VF_ERR_CONFIG, "no AWS credentials: neither in the environment, nor a profile, nor a container's");
}

static int
find_region(struct vf_aws *a, struct vf_error *err)
{
	const char *given = a->o.region;
	struct profile p = { 0 };
	struct vf_buf text = { 0 };
	int rc = 0;

	if (given == NULL)
		given = a->o.env("AWS_REGION");
	if (given == NULL)
		given = a->o.env("AWS_DEFAULT_REGION");
	if (given != NULL) {
		p.region = vf_slice_str(given);
	} else if ((rc = read_aws_file(a, "AWS_CONFIG_FILE", "config", &text, err)) == 1) {
		read_profile(vf_buf_slice(&text), profile_name(a), &p);
	}
	if (rc >= 0 && p.region.n == 0)
		rc = vf_error(err, VF_ERR_CONFIG, "no AWS region: --region, AWS_REGION, AWS_DEFAULT_REGION or the profile's");
	for (size_t i = 0; i < p.region.n && rc >= 0; i++)
		if (!isalnum((unsigned char)p.region.p[i]) && p.region.p[i] != '-')
			rc = vf_error(err, VF_ERR_CONFIG, "the AWS region is no word of letters, digits and hyphens");
	if (rc >= 0 && (a->region = copy(p.region)) == NULL)
		rc = vf_error_nomem(err);
	vf_buf_free(&text);
	return rc < 0 ? -1 : 0;
}

static int
find_endpoint(struct vf_aws *a, struct vf_error *err)
{
	const char *given = a->o.endpoint, *what = "--endpoint-url";
	size_t n;

	if (given == NULL) {
		given = a->o.env("AWS_ENDPOINT_URL");
		what = "AWS_ENDPOINT_URL";
	}
	if (given != NULL && vf_http_check_url(given, what, err) < 0)
		return -1;
	if (given != NULL)
		a->endpoint = joined(given, "", "", "");
	else
		a->endpoint = joined("https://", a->o.service, ".", "");
	if (given == NULL && a->endpoint != NULL) {
		char *host = a->endpoint;

		a->endpoint = joined(host, a->region, ".amazonaws.com", strncmp(a->region, "cn-", 3) == 0 ? ".cn" : "");
		free(host);
	}
	if (a->endpoint == NULL)
		return vf_error_nomem(err);
	/* One slash at the end: a path is signed as it is. */
	n = strlen(a->endpoint);
	while (n > 0 && a->endpoint[n - 1] == '/')
		a->endpoint[--n] = '\0';
	given = a->endpoint;
	a->endpoint = joined(given, "/", "", "");
	free((char *)(uintptr_t)given);
	return a->endpoint == NULL ? vf_error_nomem(err) : 0;
}

struct vf_aws *
vf_aws_open(const struct vf_aws_options *o, struct vf_error *err)
{
	struct vf_aws *a = calloc(1, sizeof *a);

	if (a == NULL) {
		vf_error_nomem(err);
		return NULL;
	}
	a->o = *o;
	a->expires = a->renew = INT64_MAX;
	if (find_region(a, err) < 0 || find_endpoint(a, err) < 0)
		goto fail;
	a->scope = joined("aws:amz:", a->region, ":", o->service);
	a->type_header = joined("Content-Type: application/x-amz-json-", o->json, "", "");
	if (a->scope == NULL || a->type_header == NULL) {
		vf_error_nomem(err);
		goto fail;
	}
	if (find_credentials(a, err) == 0)
		return a;
fail:
	vf_aws_free(a);
	return NULL;
}

void
vf_aws_free(struct vf_aws *a)
{
	if (a == NULL)
		return;
	while (a->now != NULL) {
		struct credentials *c = a->now;

		a->now = c->older;
		if (c->secret != NULL)
			sodium_memzero(c->secret, strlen(c->secret));
		free(c->key);
		free(c->secret);
		free(c->token_header);
		free(c);
	}
	vf_http_free(a->http);
	free(a->url);
	free(a->region);
	free(a->endpoint);
	free(a->scope);
	free(a->type_header);
	free(a);
}

/* Fetches again when it is time, at most once a second; only without any that hold it is an error. */
static int
renew(struct vf_aws *a, struct vf_error *err)
{
	int64_t now = vf_date_now();
	struct vf_error mine = { 0 };

	if (a->http == NULL || (!a->stale && now < a->renew))
		return 0;
	if (!a->stale && now < a->expires && vf_clock_ns() - a->asked_ns < 1000000000u)
		return 0;
	if (fetch(a, &mine) == 0 || (!a->stale && now < a->expires))
		return 0;
	*err = mine;
	return -1;
}

int
vf_aws_prepare(struct vf_aws *a, struct vf_http_call *call, const char *target, struct vf_error *err)
{
	int n = 0;

	if (renew(a, err) < 0)
		return -1;
	call->url = a->endpoint;
	call->headers[n++] = a->type_header;
	call->headers[n++] = target;
	if (a->now->token_header != NULL)
		call->headers[n++] = a->now->token_header;
	call->headers[n] = NULL;
	call->signer = &a->now->signer;
	return 0;
}

/* --- answers ------------------------------------------------------------------------------------------------------ */

void
vf_aws_error(const struct vf_http_call *call, char out[VF_AWS_ERROR_MAX + 1])
{
	static const struct vf_slice names[] = { VF_SLICE("__type") };
	struct vf_slice text = vf_buf_slice(&call->answer), s;
	struct vf_json_value v;
	const char *hash;
	size_t n = 0;

	out[0] = '\0';
	if (!vf_json_pick(text, names, 1, &v) || v.kind != VF_JSON_STRING)
		return;
	s = v.raw;
	while ((hash = memchr(s.p, '#', s.n)) != NULL)
		s = vf_slice(hash + 1, s.n - (size_t)(hash + 1 - s.p));
	/* A word of the service's own, and nothing else, gets into results and messages. */
	for (size_t i = 0; i < s.n && n < VF_AWS_ERROR_MAX && (isalnum((unsigned char)s.p[i]) || s.p[i] == '.'); i++)
		out[n++] = s.p[i];
	out[n] = '\0';
}

static bool
one_of(struct vf_slice word, const char *const *list)
{
	for (; *list != NULL; list++) {
		struct vf_slice s = vf_slice_str(*list);

		/* Names are cut to VF_AWS_ERROR_MAX. */
		if (s.n > VF_AWS_ERROR_MAX)
			s.n = VF_AWS_ERROR_MAX;
		if (word.n >= s.n && memcmp(word.p, s.p, s.n) == 0 && (word.n == s.n || s.n == VF_AWS_ERROR_MAX))
			return true;
	}
	return false;
}

bool
vf_aws_is_throttle(struct vf_slice error)
{
	static const char *const words[] = { "ProvisionedThroughputExceededException", "ThrottlingException", "Throttling",
		"ThrottledException", "RequestThrottledException", "RequestThrottled", "TooManyRequestsException",
		"RequestLimitExceeded", "LimitExceededException", "KMSThrottlingException", "BandwidthLimitExceeded",
		"SlowDown", "PriorRequestNotComplete", "EC2ThrottledException", NULL };

	return one_of(error, words);
}

enum vf_send_verdict
vf_aws_judge(struct vf_aws *a, struct vf_send *r)
{
	static const char *const expired[] = { "ExpiredTokenException", "ExpiredToken", "RequestExpired", NULL };
	static const char *const refused[] = { "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException",
		"SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired",
		"ResourceNotFoundException", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
		"KMSAccessDeniedException", "KMSDisabledException", "KMSNotFoundException", "KMSOptInRequired",
		"UnknownOperationException", "InvalidAction", "InvalidAddress", "InvalidSecurity", NULL };
	const struct vf_http_call *c = &r->call;
	char error[VF_AWS_ERROR_MAX + 1];
	struct vf_slice word;

	if (c->fault != VF_HTTP_OK || (c->status >= 200 && c->status <= 299))
		return vf_send_judge(r);
	vf_aws_error(c, error);
	word = vf_slice_str(error);
	if (word.n > 0)
		snprintf(r->detail, sizeof r->detail, "%s", error);
	else
		vf_send_detail(r);
	if (vf_aws_is_throttle(word) || c->status == 429 || c->status == 408)
		return VF_SEND_AGAIN;
	if (one_of(word, expired)) {
		/* Answers to calls that were signed before a renewal do not ask for another. */
		if (a->http != NULL && c->signer == &a->now->signer)
			a->stale = true;
		return a->http != NULL ? VF_SEND_AGAIN : VF_SEND_STOP;
	}
	if (c->status >= 500)
		return c->status == 503 ? VF_SEND_AGAIN : VF_SEND_UNSURE;
	return one_of(word, refused) || c->status == 401 || c->status == 403 || c->status == 404 ? VF_SEND_STOP :
		VF_SEND_NEVER;
}

const char *
vf_aws_endpoint(const struct vf_aws *a)
{
	return a->endpoint;
}

const char *
vf_aws_source(const struct vf_aws *a)
{
	return a->source;
}

uint64_t
vf_aws_fetches(const struct vf_aws *a)
{
	return a->fetches;
}
