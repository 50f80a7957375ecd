/* Who we are and where the service is, by what the environment says; what the services' errors mean. */
#include "net/aws.h"

#include "base/text.h"
#include "server.h"
#include "tap.h"

static struct { const char *name, *value; } vars[16];
static int nvars;
static struct vf_error err;
static char credentials[] = "/tmp/vf-test-aws.XXXXXX", config[] = "/tmp/vf-test-aws.XXXXXX", token[] = "/tmp/vf-test-aws.XXXXXX";

static const char *
env(const char *name)
{
	for (int i = 0; i < nvars; i++)
		if (strcmp(vars[i].name, name) == 0)
			return vars[i].value;
	return NULL;
}

static void
set(const char *name, const char *value)
{
	vars[nvars].name = name;
	vars[nvars++].value = value;
}

/* Only files of our own, and none of them there unless a test says so. */
static void
reset(void)
{
	nvars = 0;
	set("AWS_REGION", "us-east-1");
}

static void
put_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		bail_out("no temporary file");
}

static void
make_file(char *name)
{
	int fd = mkstemp(name);

	if (fd < 0)
		bail_out("no temporary file");
	close(fd);
}

static struct vf_aws *
open_aws(const char *region, const char *endpoint)
{
	err = (struct vf_error){ 0 };
	return vf_aws_open(&(struct vf_aws_options){ .service = "kinesis", .json = "1.1", .region = region, .endpoint = endpoint,
		.env = env }, &err);
}

/* Whether the credentials found are these. */
static bool
found(const char *source, const char *key, const char *secret, const char *token_header)
{
	struct vf_aws *a = open_aws(NULL, NULL);
	struct vf_http_call c = { 0 };
	bool rc = a != NULL && vf_aws_prepare(a, &c, "X-Amz-Target: X", &err) == 0 && strcmp(vf_aws_source(a), source) == 0 &&
		strcmp(c.signer->key, key) == 0 && strcmp(c.signer->secret, secret) == 0 &&
		(token_header == NULL ? c.headers[2] == NULL : c.headers[2] != NULL && strcmp(c.headers[2], token_header) == 0);

	if (!rc)
		note("%s", a != NULL ? vf_aws_source(a) : err.text);
	vf_aws_free(a);
	return rc;
}

static bool
refused(enum vf_error_kind kind)
{
	struct vf_aws *a = open_aws(NULL, NULL);
	bool rc = a == NULL && err.kind == kind && err.text[0] != '\0';

	vf_aws_free(a);
	return rc;
}

static void
test_environment(void)
{
	reset();
	ok(refused(VF_ERR_CONFIG), "no credentials anywhere");
	set("AWS_ACCESS_KEY_ID", "AKIDONE");
	ok(refused(VF_ERR_CONFIG), "a key without its secret is none");
	set("AWS_SECRET_ACCESS_KEY", "hush/1+=");
	ok(found("environment", "AKIDONE", "hush/1+=", NULL), "key and secret of the environment");
	set("AWS_SESSION_TOKEN", "tok==");
	ok(found("environment", "AKIDONE", "hush/1+=", "X-Amz-Security-Token: tok=="), "and a token");
	vars[nvars - 1].value = "tok\r\nX-Evil: 1";
	ok(refused(VF_ERR_CONFIG) && strstr(err.text, "Evil") == NULL, "no token smuggles a header in, and none is repeated");
}

static void
test_profiles(void)
{
	put_file(credentials, "# ours\n; and theirs\r\n[default]\naws_access_key_id=AKIDDEF\naws_secret_access_key=a=b==\n\n"
		"[  odd one ]\r\n  \t\r\n AWS_secret = indented\r\nAWS_ACCESS_KEY_ID\t =  AKIDODD \r\n#aws_access_key_id = AKIDNOT\r\n"
		"aws_secret_access_key =s3cr3t\r\nnested =\r\n  aws_secret_access_key = nested\r\naws_session_token= t1\r\n"
		"[half]\naws_access_key_id = AKIDHALF\n[last]\naws_access_key_id = AKIDLAST\naws_secret_access_key = end");
	reset();
	set("AWS_SHARED_CREDENTIALS_FILE", credentials);
	ok(found("profile default", "AKIDDEF", "a=b==", NULL), "the default profile; a secret may hold =");
	set("AWS_PROFILE", "odd one");
	ok(found("profile odd one", "AKIDODD", "s3cr3t", "X-Amz-Security-Token: t1"), "spaces, comments, CRLF, nested settings");
	vars[nvars - 1].value = "last";
	ok(found("profile last", "AKIDLAST", "end", NULL), "a last line without its end");
	vars[nvars - 1].value = "half";
	ok(refused(VF_ERR_CONFIG), "a profile without a secret does not take another's");
	vars[nvars - 1].value = "none";
	ok(refused(VF_ERR_CONFIG), "a profile that is not there");
	set("AWS_ACCESS_KEY_ID", "AKIDONE");
	set("AWS_SECRET_ACCESS_KEY", "hush");
	ok(found("environment", "AKIDONE", "hush", NULL), "the environment goes before a profile");
	put_file(credentials, "[default]\naws_access_key_id = AK ID\naws_secret_access_key = x\n");
	reset();
	set("AWS_SHARED_CREDENTIALS_FILE", credentials);
	ok(refused(VF_ERR_CONFIG), "a key with a space in it");
}

static void
test_container(void)
{
	static const char *const far[] = { "http://192.0.2.1/c", "http://localhost.example.com/c", "http://127.0.0.1.example.com/c",
		"http://127.0.0.256/c", "http://127.1/c", "http://[::2]/c", "http://[::1].example.com/c", "http://127.0.0.1@192.0.2.1/c",
		"ftp://127.0.0.1/c", "127.0.0.1/c", "file:///etc/passwd", "http://169.254.170.21/c", "http://169.254.170.2.example.com/c",
		"http://[fd00:ec2::23].example.com/c", "http://[fd00:ec2::24]/c", "http://localhost@192.0.2.1/c",
		"http://localhost:@192.0.2.1/c", "http://127.0.0.1:@192.0.2.1/c", "http://[::1]:x@192.0.2.1/c" };
	char url[64];

	for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
		reset();
		set("AWS_CONTAINER_CREDENTIALS_FULL_URI", far[i]);
		ok(refused(VF_ERR_CONFIG), "not asked for a secret: %s", far[i]);
	}
	reset();
	set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@192.0.2.1/c");
	ok(refused(VF_ERR_CONFIG), "a relative address begins with a slash");
	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/200/1", server.port);
	reset();
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	ok(refused(VF_ERR_CONFIG) && server.got[1] == 1, "this machine is asked; an answer without a key is no credentials");
	put_file(token, "Bearer one\r\nX-Evil: 1\n");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
	ok(refused(VF_ERR_CONFIG) && server.got[1] == 1, "a token of two lines is not sent");
	vars[nvars - 1].value = "/nonexistent/token";
	ok(refused(VF_ERR_CONFIG) && server.got[1] == 1, "a token file that is not there");
	put_file(token, "Bearer one\n");
	vars[nvars - 1].value = token;
	ok(refused(VF_ERR_CONFIG) && server.got[1] == 2, "one line with its end is");
	snprintf(url, sizeof url, "http://localhost:%d/status/500/2", server.port);
	reset();
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
	ok(refused(VF_ERR_TEMPORARY) && server.got[2] == 3, "an address that fails is tried three times");
}

/* A call's key as it is signed now; *a is open. */
static bool
signs_as(struct vf_aws *a, const char *key)
{
	struct vf_http_call c = { 0 };
	bool rc = vf_aws_prepare(a, &c, "X-Amz-Target: X", &err) == 0 && strcmp(c.signer->key, key) == 0;

	if (!rc)
		note("%s", c.signer != NULL ? c.signer->key : err.text);
	return rc;
}

static struct vf_aws *
open_container(const char *relative)
{
	static char host[64];

	snprintf(host, sizeof host, "http://127.0.0.1:%d", server.port);
	put_file(token, "Bearer one\n");
	reset();
	set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", relative);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/never");
	set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token);
	err = (struct vf_error){ 0 };
	return vf_aws_open(&(struct vf_aws_options){ .service = "kinesis", .json = "1.1", .env = env, .container = host }, &err);
}

static void
test_renewal(void)
{
	struct vf_send expired = { .call = { .status = 400, .left = true } };
	struct vf_aws *a = open_container("/credentials/3600/10");

	ok(a != NULL && strcmp(vf_aws_source(a), "container") == 0, "a relative address is asked of the agent, before a full one");
	ok(signs_as(a, "AKID1") && signs_as(a, "AKID1") && vf_aws_fetches(a) == 1, "what holds for an hour is fetched once");
	vf_buf_add_str(&expired.call.answer, "{\"__type\":\"ExpiredTokenException\"}");
	ok(vf_aws_prepare(a, &expired.call, "X-Amz-Target: X", &err) == 0 && vf_aws_judge(a, &expired) == VF_SEND_AGAIN,
		"called expired: tried again");
	ok(signs_as(a, "AKID2") && vf_aws_fetches(a) == 2, "with new ones");
	ok(vf_aws_judge(a, &expired) == VF_SEND_AGAIN && signs_as(a, "AKID2") && vf_aws_fetches(a) == 2,
		"another answer to what was signed before asks for no more");
	vf_aws_free(a);
	vf_http_call_free(&expired.call);
	a = open_container("/credentials/4/11");
	ok(a != NULL && signs_as(a, "AKID1"), "what holds for four seconds holds at first");
	usleep(2100000);
	ok(signs_as(a, "AKID2") && vf_aws_fetches(a) == 2, "and is fetched again at half of its life");
	put_file(token, "Bearer two\n");
	usleep(2100000);
	ok(signs_as(a, "AKID2") && server.got[11] == 5, "three tries that fail while they still hold are no error");
	put_file(token, "Bearer one\n");
	usleep(1100000);
	ok(signs_as(a, "AKID6"), "the token file is read each time");
	vf_aws_free(a);
	put_file(token, "Bearer two\n");
	ok(open_container("/status/401/12") == NULL && err.kind == VF_ERR_TEMPORARY && server.got[12] == 3,
		"an agent that refuses is asked three times");
}

static bool
is_at(const char *region, const char *endpoint, const char *want)
{
	struct vf_aws *a = open_aws(region, endpoint);
	bool rc = a != NULL && strcmp(vf_aws_endpoint(a), want) == 0;

	if (!rc)
		note("%s", a != NULL ? vf_aws_endpoint(a) : err.text);
	vf_aws_free(a);
	return rc;
}

static void
test_places(void)
{
	nvars = 0;
	set("AWS_ACCESS_KEY_ID", "AKIDONE");
	set("AWS_SECRET_ACCESS_KEY", "hush");
	ok(refused(VF_ERR_CONFIG), "no region");
	put_file(config, "[default]\nregion = eu-west-3\n[profile two]\nregion=eu-north-1\n");
	set("AWS_CONFIG_FILE", config);
	ok(is_at(NULL, NULL, "https://kinesis.eu-west-3.amazonaws.com/"), "the region of the configuration file");
	set("AWS_PROFILE", "two");
	ok(is_at(NULL, NULL, "https://kinesis.eu-north-1.amazonaws.com/"), "of its profile");
	set("AWS_DEFAULT_REGION", "us-west-2");
	ok(is_at(NULL, NULL, "https://kinesis.us-west-2.amazonaws.com/"), "AWS_DEFAULT_REGION goes before");
	set("AWS_REGION", "cn-north-1");
	ok(is_at(NULL, NULL, "https://kinesis.cn-north-1.amazonaws.com.cn/"), "AWS_REGION before that; China's domain");
	ok(is_at("us-east-2", NULL, "https://kinesis.us-east-2.amazonaws.com/"), "what is given before all");
	ok(open_aws("us-east-1.example.com/", NULL) == NULL && err.kind == VF_ERR_CONFIG, "a region is no host");
	set("AWS_ENDPOINT_URL", "http://127.0.0.1:5000");
	ok(is_at(NULL, NULL, "http://127.0.0.1:5000/"), "AWS_ENDPOINT_URL, with a slash at its end");
	ok(is_at(NULL, "https://kinesis.example.com/a//", "https://kinesis.example.com/a/"), "what is given before that; one slash");
	ok(open_aws(NULL, "ftp://kinesis.example.com/") == NULL && err.kind == VF_ERR_CONFIG, "an endpoint of another protocol");
}

static void
test_verdicts(void)
{
	static const struct { unsigned status; const char *body; enum vf_send_verdict verdict; const char *detail; } all[] = {
		{ 400, "{\"__type\":\"com.amazonaws.kinesis#ProvisionedThroughputExceededException\"}", VF_SEND_AGAIN,
			"ProvisionedThroughputExceededEx" },
		{ 400, "{\"__type\":\"ThrottlingException\"}", VF_SEND_AGAIN, "ThrottlingException" },
		{ 429, "", VF_SEND_AGAIN, "http-429" }, { 503, "", VF_SEND_AGAIN, "http-503" }, { 500, "", VF_SEND_UNSURE, "http-500" },
		{ 500, "{\"__type\":\"InternalFailure\"}", VF_SEND_UNSURE, "InternalFailure" },
		{ 400, "{\"__type\":\"ResourceNotFoundException\"}", VF_SEND_STOP, "ResourceNotFoundException" },
		{ 400, "{\"__type\":\"UnrecognizedClientException\"}", VF_SEND_STOP, "UnrecognizedClientException" },
		{ 403, "<html>", VF_SEND_STOP, "http-403" },
		{ 400, "{\"__type\":\"ExpiredTokenException\"}", VF_SEND_STOP, "ExpiredTokenException" },
		{ 400, "{\"__type\":\"ValidationException\"}", VF_SEND_NEVER, "ValidationException" },
		{ 400, "{\"__type\":\"Odd 555-0100\"}", VF_SEND_NEVER, "Odd" },
		{ 400, "{\"__type\":\"a\\u0000b\"}", VF_SEND_NEVER, "http-400" },
		{ 400, "{\"__type\":17}", VF_SEND_NEVER, "http-400" }, { 400, "{\"__type\"", VF_SEND_NEVER, "http-400" },
	};
	struct vf_aws *a;

	reset();
	set("AWS_ACCESS_KEY_ID", "AKIDONE");
	set("AWS_SECRET_ACCESS_KEY", "hush");
	if ((a = open_aws(NULL, NULL)) == NULL)
		bail_out(err.text);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct vf_send r = { .call = { .status = all[i].status, .left = true } };
		enum vf_send_verdict verdict;

		vf_buf_add_str(&r.call.answer, all[i].body);
		verdict = vf_aws_judge(a, &r);
		ok(verdict == all[i].verdict && strcmp(r.detail, all[i].detail) == 0, "%u %s (%d %s)", all[i].status, all[i].body,
			(int)verdict, r.detail);
		vf_http_call_free(&r.call);
	}
	ok(!vf_aws_is_throttle(vf_slice_str("Throttl")) && !vf_aws_is_throttle(vf_slice_str("")), "a part of a word is no word");
	vf_aws_free(a);
}

static void
test_base64(void)
{
	static const char *const vectors[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" } };
	struct vf_buf out = { 0 };

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		vf_buf_clear(&out);
		ok(vf_text_add_base64(&out, vf_slice_str(vectors[i][0])) == 0 && vf_slice_is(vf_buf_slice(&out), vectors[i][1]),
			"base64 is \"%s\"", vectors[i][1]);
	}
	vf_buf_free(&out);
}

int
main(void)
{
	int closed;

	make_file(credentials);
	make_file(config);
	make_file(token);
	if (!server_start(&closed))
		bail_out("no server");
	test_base64();
	test_environment();
	test_profiles();
	test_container();
	test_renewal();
	test_places();
	test_verdicts();
	unlink(credentials);
	unlink(config);
	unlink(token);
	return done_testing();
}
