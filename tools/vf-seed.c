/* vf-seed -- make the secret seed of a draw, or print its commitment. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "drawing.h"

static int
write_seed(int fd, const char *path, struct vf_error *err)
{
	unsigned char seed[VF_DRAW_SEED_LEN];
	char text[2 * VF_DRAW_SEED_LEN + 1];
	int rc;

	randombytes_buf(seed, sizeof(seed));
	vf_hex_put(text, seed, sizeof(seed));
	text[sizeof(text) - 1] = '\n';
	rc = vf_file_write_all(fd, text, sizeof(text), path, err);
	if (rc == 0 && fsync(fd) < 0)
		rc = vf_error_errno(err, path);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	return rc;
}

/* The folder's entry for path has to last too. */
static int
sync_folder(const char *path, struct vf_error *err)
{
	const char *slash = strrchr(path, '/');
	struct vf_buf folder = { 0 };
	int fd, rc = 0;

	if (slash == NULL)
		vf_buf_add_char(&folder, '.');
	else
		vf_buf_add(&folder, path, (size_t)(slash - path) + 1);
	if (vf_buf_terminate(&folder) < 0)
		return vf_error_nomem(err);
	fd = open(folder.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems cannot sync a folder (EINVAL): then there is nothing more to do. */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		rc = vf_error_errno(err, folder.p);
	if (fd >= 0)
		close(fd);
	vf_buf_free(&folder);
	return rc;
}

static int
new_seed(struct vf_run *run, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc;

	if (fd < 0 && errno == EEXIST)
		return vf_error(&run->err, VF_ERR_CONFIG, "%s: is there already; a seed is never replaced", path);
	if (fd < 0)
		return vf_error_errno(&run->err, path);
	rc = write_seed(fd, path, &run->err);
	if (close(fd) < 0 && rc == 0)
		rc = vf_error_errno(&run->err, path);
	if (rc == 0)
		rc = sync_folder(path, &run->err);
	if (rc < 0)
		unlink(path);
	return rc;
}

static int
print_commitment(struct vf_run *run, const char *path)
{
	unsigned char seed[VF_DRAW_SEED_LEN];
	char line[VF_DIGEST_HEX + 1];
	struct vf_file *out;

	if (vf_drawing_seed(run, path, seed) < 0)
		return -1;
	vf_draw_commitment(seed, line);
	sodium_memzero(seed, sizeof(seed));
	line[VF_DIGEST_HEX] = '\n';
	if ((out = vf_output_file(run, NULL, 0)) == NULL)
		return -1;
	return vf_file_write(out, line, sizeof(line), &run->err);
}

static int
run_seed(struct vf_run *run)
{
	if (run->noperands == 2 && strcmp(run->operands[0], "new") == 0)
		return new_seed(run, run->operands[1]);
	if (run->noperands == 2 && strcmp(run->operands[0], "commit") == 0)
		return print_commitment(run, run->operands[1]);
	return vf_error(&run->err, VF_ERR_CONFIG, "new FILE or commit FILE; see vf-seed --help");
}

static const struct vf_tool tool = {
	.name = "vf-seed",
	.purpose = "Make the secret seed of a draw, or print the commitment to publish for it.",
	.operands = "new FILE | commit FILE",
	.wants = VF_WANT_OPERANDS,
	.run = run_seed,
};

int
main(int argc, char **argv)
{
	return vf_main(argc, argv, &tool);
}
