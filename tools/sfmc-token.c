/* sfmc-token.c -- Marketing Cloud's access token. */
#include "sfmc-token.h"

#include <stdio.h>

#include "base/date.h"
#include "base/json.h"
#include "base/text.h"

#define SECRET_MAX ((size_t)64 << 10)
#define TRIES 5
#define SECOND UINT64_C(1000000000)
#define MARGIN_MAX (60 * SECOND)	/* renewed that long before its end, or after nine tenths of its life */

/* What stands in the secret's file, else in the environment. */
struct secret {
	struct vf_slice id, secret, account;
};

static int
need(struct vf_slice value, const char *what, struct vf_error *err)
{
	return value.n > 0 ? 0 : vf_error(err, VF_ERR_CONFIG, "%s is needed", what);
}

static int
get(const struct vf_json_at *root, const char *key, struct vf_slice *to, struct vf_error *err)
{
	struct vf_json_at at = vf_json_member(root, key);

	return vf_json_get_str(&at, to, err) < 0 ? -1 : 0;
}

static int
put_request(struct sfmc_token *t, const struct secret *s, struct vf_error *err)
{
	struct vf_buf *b = &t->request;

	if (need(s->id, "a client id (VF_SFMC_CLIENT_ID, or client_id in --secret-file)", err) < 0 ||
		need(s->secret, "a client secret (VF_SFMC_CLIENT_SECRET, or client_secret in --secret-file)", err) < 0)
		return -1;
	vf_buf_add_str(b, "{\"grant_type\":\"client_credentials\",\"client_id\":");
	vf_text_add_json(b, s->id);
	vf_buf_add_str(b, ",\"client_secret\":");
	vf_text_add_json(b, s->secret);
	if (s->account.n > 0) {
		vf_buf_add_str(b, ",\"account_id\":");
		vf_text_add_json(b, s->account);
	}
	return vf_buf_add_char(b, '}') < 0 || b->failed ? vf_error_nomem(err) : 0;
}

static struct vf_slice
from_env(const char *name)
{
	const char *value = vf_env(name);

	return vf_slice_str(value != NULL ? value : "");
}

static int
read_secret(struct sfmc_token *t, const char *file, struct vf_error *err)
{
	struct secret s = { from_env("VF_SFMC_CLIENT_ID"), from_env("VF_SFMC_CLIENT_SECRET"), from_env("VF_SFMC_ACCOUNT_ID") };
	struct vf_json_at root;
	struct vf_json *doc;
	int rc;

	if (file == NULL)
		return put_request(t, &s, err);
	doc = vf_json_load(file, SECRET_MAX, err);
	if (doc == NULL)
		return -1;
	root = vf_json_root(doc, file);
	rc = vf_json_get_object(&root, err) < 0 || get(&root, "client_id", &s.id, err) < 0 ||
		get(&root, "client_secret", &s.secret, err) < 0 || get(&root, "account_id", &s.account, err) < 0 ? -1 :
		put_request(t, &s, err);
	vf_json_free(doc);
	return rc;
}

/* An address without slashes at its end, NUL-ended. */
static int
put_base(struct vf_buf *b, struct vf_slice url, const char *path, const char *what, struct vf_error *err)
{
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	vf_buf_clear(b);
	vf_buf_add_slice(b, url);
	vf_buf_add_str(b, path);
	if (vf_buf_terminate(b) < 0 || b->failed)
		return vf_error_nomem(err);
	return vf_http_check_url(b->p, what, err);
}

int
sfmc_token_init(struct sfmc_token *t, const char *auth_url, const char *rest_url, const char *secret_file,
	struct vf_error *err)
{
	struct vf_slice auth = auth_url != NULL ? vf_slice_str(auth_url) : from_env("VF_SFMC_AUTH_URL");
	struct vf_slice rest = rest_url != NULL ? vf_slice_str(rest_url) : from_env("VF_SFMC_REST_URL");

	*t = (struct sfmc_token){ 0 };
	if (need(auth, "--auth-url URL or VF_SFMC_AUTH_URL", err) < 0 ||
		put_base(&t->url, auth, "/v2/token", "--auth-url", err) < 0)
		return -1;
	t->rest_given = rest.n > 0;
	if (t->rest_given && put_base(&t->rest, rest, "", "--rest-url", err) < 0)
		return -1;
	return read_secret(t, secret_file, err);
}

/* The answer's text is never shown: it holds the token. */
static int
take_answer(struct sfmc_token *t, struct vf_error *err)
{
	struct vf_json *doc = vf_json_parse(vf_buf_slice(&t->call.answer), "token", err);
	struct vf_slice token = { 0 }, rest = { 0 };
	struct vf_json_at root, expires;
	uint64_t seconds = 0, life, margin;
	int rc;

	if (doc == NULL)
		return vf_error(err, VF_ERR_FAILED, "the token's answer is no JSON");
	root = vf_json_root(doc, "token");
	expires = vf_json_member(&root, "expires_in");
	rc = vf_json_get_object(&root, err) < 0 || get(&root, "access_token", &token, err) < 0 ||
		get(&root, "rest_instance_url", &rest, err) < 0 || vf_json_get_u64(&expires, &seconds, err) < 0 ? -1 : 0;
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] >= 0x7f)
			rc = -1;
	if (rc == 0 && token.n > 0 && !t->rest_given && rest.n > 0)
		rc = put_base(&t->rest, rest, "", "rest_instance_url", err);
	if (rc < 0 || token.n == 0 || t->rest.n == 0) {
		vf_json_free(doc);
		return vf_error(err, VF_ERR_FAILED, "the token's answer has no token, or no address of the API (--rest-url)");
	}
	vf_buf_clear(&t->header);
	vf_buf_add_str(&t->header, "Authorization: Bearer ");
	vf_buf_add_slice(&t->header, token);
	vf_json_free(doc);
	if (vf_buf_terminate(&t->header) < 0)
		return vf_error_nomem(err);
	life = (seconds < 86400 ? seconds : 86400) * SECOND;
	margin = life / 10 < MARGIN_MAX ? life / 10 : MARGIN_MAX;
	t->renew_ns = t->call.ended_ns + life - margin;
	t->number++;
	return 0;
}

static int
pause_for(struct vf_http *http, uint64_t ns, struct vf_error *err)
{
	uint64_t until = vf_clock_ns() + ns, now;
	bool readable;

	while ((now = vf_clock_ns()) < until) {
		if (vf_stopping())
			return vf_error(err, VF_ERR_STOPPED, "interrupted");
		if (vf_http_wait(http, until - now, -1, &readable, err) < 0)
			return -1;
	}
	return 0;
}

int
sfmc_token_ready(struct sfmc_token *t, struct vf_http *http, struct vf_error *err)
{
	struct vf_http_call *c = &t->call;

	if (t->renew_ns > vf_clock_ns())
		return 0;
	for (int try = 1;; try++) {
		int64_t wait;

		vf_buf_clear(&c->answer);
		c->url = t->url.p;
		c->body = vf_buf_slice(&t->request);
		c->headers[0] = "Content-Type: application/json";
		if (vf_http_perform(http, c, err) < 0)
			return -1;
		if (c->fault == VF_HTTP_OK && c->status == 200)
			return take_answer(t, err);
		if (c->fault == VF_HTTP_CERTIFICATE || c->fault == VF_HTTP_LOCAL ||
			(c->fault == VF_HTTP_OK && c->status < 500 && c->status != 429 && c->status != 408))
			return c->fault != VF_HTTP_OK ?
				vf_error(err, VF_ERR_FAILED, "no token: %s", vf_http_fault_names[c->fault]) :
				vf_error(err, VF_ERR_FAILED, "no token: http-%u", c->status);
		if (try == TRIES)
			return vf_error(err, VF_ERR_TEMPORARY, "no token after %d tries: %s", TRIES,
				c->fault != VF_HTTP_OK ? vf_http_fault_names[c->fault] : "the service is in trouble");
		wait = c->retry_after_ms >= 0 ? c->retry_after_ms : INT64_C(250) << try;
		if (wait > 60000)
			return vf_error(err, VF_ERR_TEMPORARY, "no token: the service asks to wait for more than a minute");
		if (pause_for(http, (uint64_t)wait * 1000000, err) < 0)
			return -1;
	}
}

void
sfmc_token_free(struct sfmc_token *t)
{
	vf_buf_free(&t->url);
	vf_buf_free(&t->request);
	vf_buf_free(&t->rest);
	vf_buf_free(&t->header);
	vf_http_call_free(&t->call);
}
