#include "lists.h"

#include "base/text.h"
#include "ledger-file.h"

#define LIST_MAX ((size_t)1 << 30)
#define GROUP 256			/* ids that are looked up together */

static int
as_config(struct vf_error *err)
{
	if (err->kind == VF_ERR_FAILED)
		err->kind = VF_ERR_CONFIG;
	return -1;
}

int
vf_lists_read(struct vf_lists *l, const char *path, struct vf_slice *text)
{
	struct vf_digest d;

	if (vf_file_slurp(path, LIST_MAX, &l->text, &l->run->err) < 0)
		return as_config(&l->run->err);
	*text = vf_buf_slice(&l->text);
	vf_digest_init(&d);
	vf_digest_add(&d, text->p, text->n);
	vf_digest_hex(&d, l->digest);
	return 0;
}

int
vf_lists_note(struct vf_lists *l, const char *kind, const char *path, struct vf_slice version, uint64_t entries)
{
	struct vf_buf *b = &l->json;

	vf_buf_addf(b, "%s{\"kind\":\"%s\",\"file\":", b->n == 0 ? "[" : ",", kind);
	vf_text_add_json(b, vf_slice_str(path));
	vf_buf_add_str(b, ",\"version\":");
	if (version.n > 0)
		vf_text_add_json(b, version);
	else
		vf_buf_add_str(b, "null");
	vf_buf_addf(b, ",\"blake2b\":\"%s\"", l->digest);
	if (entries != VF_LISTS_UNCOUNTED) {
		vf_buf_add_str(b, ",\"entries\":");
		vf_buf_add_u64(b, entries);
	}
	vf_buf_add_char(b, '}');
	return b->failed ? vf_error_nomem(&l->run->err) : 0;
}

/*
 * The values of keys are numbers of files, from 1, and `void` is 0.  A key that
 * was there gets the number when it is void, or becomes void when this very
 * file had named it.
 */
static int
add_ids(struct vf_keyset *ids, const struct vf_key *keys, const uint64_t *wanted, size_t n, uint64_t number,
	struct vf_error *err)
{
	uint64_t values[GROUP], now;
	unsigned char fresh[GROUP], found;

	memcpy(values, wanted, n * sizeof *values);
	if (vf_keyset_add(ids, keys, n, fresh, values, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (fresh[i])
			continue;
		vf_keyset_find(ids, &keys[i], 1, &found, &now);
		if (now == (wanted[i] == 0 ? number : 0))
			vf_keyset_set(ids, keys[i], wanted[i]);
	}
	return 0;
}

static int
exclude_rows(struct vf_keyset *ids, const struct vf_in *in, const struct vf_row *rows, int n, uint64_t number,
	struct vf_error *err)
{
	int id = vf_header_find(vf_in_header(in), "globalUserId"), type = vf_header_find(vf_in_header(in), "codeType");
	struct vf_key keys[GROUP];
	uint64_t wanted[GROUP];
	size_t k = 0;

	for (int i = 0; i < n; i++) {
		if (rows[i].reject != 0)
			return vf_error(err, VF_ERR_CONFIG, "%s:%llu: a malformed record", vf_in_name(in, 0),
				(unsigned long long)rows[i].lineno);
		keys[k] = vf_keyset_key(ids, vf_slice_trim(vf_row_value(&rows[i], id)));
		wanted[k++] = type >= 0 && vf_slice_is(vf_row_value(&rows[i], type), "void") ? 0 : number;
		if ((k == GROUP || i + 1 == n) && add_ids(ids, keys, wanted, k, number, err) < 0)
			return -1;
		k %= GROUP;
	}
	return 0;
}

static int
exclude_file(struct vf_lists *l, struct vf_keyset *ids, const char *path, uint64_t number)
{
	struct vf_error *err = &l->run->err;
	struct vf_in *in = vf_in_open(&(struct vf_in_options){ .paths = &path, .npaths = 1, .digest = true }, err);
	const struct vf_row *rows;
	int n = -1;

	if (in == NULL)
		return as_config(err);
	if (vf_ledger_file_is(vf_in_header(in)))
		vf_in_whole_lines(in);
	if (vf_header_need(vf_in_header(in), "globalUserId", err) >= 0)
		while ((n = vf_in_batch(in, &rows, err)) > 0)
			if (exclude_rows(ids, in, rows, n, number, err) < 0 || (vf_stopping() && vf_stopped(l->run) < 0)) {
				n = -1;
				break;
			}
	if (n == 0) {
		vf_in_digest(in, 0, l->digest);
		n = vf_lists_note(l, "exclude", path, vf_slice("", 0), vf_in_records(in));
	}
	vf_in_free(in);
	return n;
}

struct vf_keyset *
vf_lists_exclude(struct vf_lists *l, const struct vf_list *paths)
{
	struct vf_keyset *ids = vf_keyset_new(sizeof(uint32_t), 0, &l->run->err);

	for (int i = 0; ids != NULL && i < paths->n; i++)
		if (exclude_file(l, ids, paths->v[i], (uint64_t)i + 1) < 0) {
			vf_keyset_free(ids);
			return NULL;
		}
	if (ids != NULL)
		vf_keyset_seal(ids);
	return ids;
}

void
vf_lists_finish(struct vf_lists *l)
{
	vf_buf_add_str(&l->json, l->json.n == 0 ? "[]" : "]");
	vf_stat_json(l->run, "lists", vf_buf_slice(&l->json));
	vf_buf_free(&l->json);
	vf_buf_free(&l->text);
}
