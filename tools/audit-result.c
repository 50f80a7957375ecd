/*
 * audit-result.c -- the draw's result, written again to nowhere, and the file
 * that vf-draw wrote: their digests, and where they part.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "audit.h"
#include "drawing.h"

/* The file, block by block. */
struct reader {
	int fd;
	const char *name;
	char block[64 << 10];
	size_t n, used;
};

struct result {
	struct vf_run *run;
	struct vf_draw *draw;
	struct vf_out *out;		/* to nowhere: for the digest of what the draw writes */
	struct vf_drawing_writer writer;
	struct reader file;
};

static int
result_differs(struct result *r, uint64_t line, const char *cause)
{
	return vf_error(&r->run->err, VF_ERR_FAILED, "result-differs: %s:%" PRIu64 ": %s", r->file.name, line, cause);
}

/* 1 when there are bytes in the block, 0 at the end, -1. */
static int
refill(struct reader *r, struct vf_error *err)
{
	ssize_t got;

	if (r->used < r->n)
		return 1;
	if ((got = vf_file_read(r->fd, r->block, sizeof(r->block), r->name, err)) < 0)
		return -1;
	r->n = (size_t)got;
	r->used = 0;
	return got > 0;
}

/* Whether the next bytes of the file are these: 1, 0 when they are not, -1. */
static int
match(struct reader *r, struct vf_slice text, struct vf_error *err)
{
	while (text.n > 0) {
		size_t n;
		int rc = refill(r, err);

		if (rc <= 0)
			return rc;
		n = r->n - r->used < text.n ? r->n - r->used : text.n;
		if (memcmp(r->block + r->used, text.p, n) != 0)
			return 0;
		r->used += n;
		text.p += n;
		text.n -= n;
	}
	return 1;
}

static int
skip_line(struct reader *r, struct vf_error *err)
{
	int rc;

	while ((rc = refill(r, err)) > 0)
		if (r->block[r->used++] == '\n')
			return 0;
	return rc;
}

/* Which line of the file is the first that the draw does not write; -1 with the error in any case. */
static int
find_difference(struct result *r)
{
	struct vf_error *err = &r->run->err;
	struct vf_buf line = { 0 };
	struct vf_drawn fan;
	uint64_t lineno = 1;
	int rc = skip_line(&r->file, err);

	vf_draw_rewind(r->draw);
	while (rc == 0 && vf_draw_next(r->draw, &fan)) {
		lineno++;
		rc = vf_drawing_render(&r->writer, r->out, fan.line, fan.delimiter, fan.position, &line);
		if (rc == 0 && vf_buf_add_char(&line, '\n') < 0)
			rc = vf_error_nomem(err);
		if (rc == 0 && refill(&r->file, err) == 0)
			rc = result_differs(r, lineno, "the file ends, the draw goes on");
		if (rc == 0 && (rc = match(&r->file, vf_buf_slice(&line), err)) >= 0)
			rc = rc > 0 ? 0 : result_differs(r, lineno, "not the record that the draw puts here");
	}
	if (rc == 0 && refill(&r->file, err) > 0)
		rc = result_differs(r, lineno + 1, "the draw ends, the file goes on");
	vf_buf_free(&line);
	return rc < 0 ? -1 : result_differs(r, 1, "not the header line that the draw writes");
}

static int
digest_file(struct reader *r, char hex[VF_DIGEST_HEX + 1], struct vf_error *err)
{
	struct vf_digest digest;
	ssize_t n;

	vf_digest_init(&digest);
	while ((n = vf_file_read(r->fd, r->block, sizeof(r->block), r->name, err)) > 0)
		vf_digest_add(&digest, r->block, (size_t)n);
	vf_digest_hex(&digest, hex);
	return n < 0 ? -1 : 0;
}

static int
draw_again(struct result *r, char hex[VF_DIGEST_HEX + 1])
{
	const struct vf_out_options out = { .path = "/dev/null", .header = vf_in_header(r->run->in),
		.sets = vf_drawing_sets, .digest = true };

	if ((r->out = vf_out_open(&out, &r->run->err)) == NULL || vf_drawing_writer_init(&r->writer, r->run) < 0
		|| vf_drawing_write(&r->writer, r->draw, r->out) < 0)
		return -1;
	vf_out_digest(r->out, hex);
	return 0;
}

static int
compare(struct result *r, const struct vf_manifest *m)
{
	char again[VF_DIGEST_HEX + 1], given[VF_DIGEST_HEX + 1];
	struct vf_error *err = &r->run->err;

	if (draw_again(r, again) < 0 || digest_file(&r->file, given, err) < 0)
		return -1;
	if (strcmp(again, given) != 0) {
		if (lseek(r->file.fd, 0, SEEK_SET) == 0)
			return find_difference(r);
		return vf_error(err, VF_ERR_FAILED, "result-differs: %s: its bytes are not those of the draw",
			r->file.name);
	}
	if (strcmp(again, m->result.blake2b) != 0 || vf_out_records(r->out) != m->result.records)
		return vf_error(err, VF_ERR_FAILED,
			"result-differs: %s: the result's digest or records are not those of %s", m->path, r->file.name);
	return 0;
}

int
audit_result(struct vf_run *run, struct vf_draw *draw, const struct vf_manifest *m, const char *path)
{
	struct result r = { .run = run, .draw = draw, .file.name = path };
	int rc;

	if ((r.file.fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return vf_error_errno(&run->err, path);
	rc = compare(&r, m);
	close(r.file.fd);
	vf_out_free(r.out);
	vf_drawing_writer_clear(&r.writer);
	return rc;
}
