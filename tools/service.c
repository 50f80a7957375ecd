/* Credentials, connections and journals of tools that talk to the house's services. */
#include <inttypes.h>
#include <sys/resource.h>

#include "service.h"

#define TOKEN_MAX ((size_t)8 << 10)
#define SPARE_FDS 64			/* besides the connections: files, and what libcurl uses */

int
vf_service_token(struct vf_run *run, const char *file, const char *variable, struct vf_buf *header)
{
	struct vf_error *err = &run->err;
	struct vf_buf text = { 0 };
	const char *from = file != NULL ? file : variable;
	struct vf_slice token = { "", 0 };
	int rc = 0;

	if (file != NULL) {
		rc = vf_file_slurp(from, TOKEN_MAX, &text, err);
		if (rc < 0)
			err->kind = VF_ERR_CONFIG;
		token = vf_buf_slice(&text);
		while (token.n > 0 && (token.p[token.n - 1] == '\n' || token.p[token.n - 1] == '\r'))
			token.n--;
	} else if (vf_env(variable) != NULL) {
		token = vf_slice_str(vf_env(variable));
	}
	for (size_t i = 0; rc == 0 && i < token.n; i++)
		if (token.p[i] <= ' ' || token.p[i] > '~')
			rc = vf_error(err, VF_ERR_CONFIG, "%s: not a token: one line of printable ASCII without blanks", from);
	if (rc == 0 && file != NULL && token.n == 0)
		rc = vf_error(err, VF_ERR_CONFIG, "%s: empty", from);
	if (rc == 0 && token.n > 0 && (vf_buf_add_str(header, "Authorization: Bearer ") < 0 ||
		vf_buf_add_slice(header, token) < 0 || vf_buf_terminate(header) < 0))
		rc = vf_error_nomem(err);
	vf_buf_free(&text);
	return rc;
}

int
vf_service_descriptors(struct vf_run *run, uint64_t connections)
{
	rlim_t need = (rlim_t)connections + SPARE_FDS;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= need)
		return 0;
	r.rlim_cur = r.rlim_max < need ? r.rlim_max : need;
	if (r.rlim_cur < need || setrlimit(RLIMIT_NOFILE, &r) < 0)
		return vf_error(&run->err, VF_ERR_CONFIG, "--concurrency %" PRIu64 ": only %ju open files are allowed",
			connections, (uintmax_t)r.rlim_max);
	return 0;
}

struct vf_journal *
vf_service_journal(struct vf_run *run, const struct vf_journal_options *o)
{
	uint64_t cut;
	struct vf_journal *journal = vf_journal_open(o, &cut, &run->err);

	if (journal != NULL && cut > 0)
		vf_note(run, "%s: a last line of %" PRIu64 " bytes was torn, and is cut off", o->path, cut);
	return journal;
}
