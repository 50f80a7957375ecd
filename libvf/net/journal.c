#include "net/journal.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/file.h"
#include "base/keyset.h"
#include "base/log.h"
#include "base/text.h"

#define MAGIC "vf-journal/1,"
#define INTENT "intent"
#define BLOCK ((size_t)1 << 20)
#define GROUP 256			/* lines whose look-ups overlap */
#define NEAR ((uint64_t)128 << 10)	/* payloads asked for in file order are worth a large read, others are not */
#define SMALL ((size_t)4096)
#define WORDS_MAX (VF_JOURNAL_STATUSES_MAX + 2)

/*
 * What a key maps to: whether it was asked for, its standing (from
 * VF_JOURNAL_NONE on) in five bits, and the offset of its last line.
 */
#define ASKED ((uint64_t)1 << 63)
#define STANDING_SHIFT 58
#define OFFSET_MASK (((uint64_t)1 << STANDING_SHIFT) - 1)

struct vf_journal {
	struct vf_log *log;
	struct vf_keyset *keys;
	const struct vf_journal_status *statuses;
	int nstatuses;
	struct vf_slice words[VF_JOURNAL_STATUSES_MAX];
	uint64_t size;			/* of the file with what is queued */
	uint64_t written;		/* bytes that were written, if not synced */
	uint64_t counts[WORDS_MAX];	/* of the keys as loaded, by standing + 2 */
	bool dirty;
	struct vf_buf line;

	/* A group of lines that are looked up together. */
	struct vf_key group[GROUP];
	uint64_t values[GROUP];
	size_t ngroup;
	uint64_t lineno;		/* of the line after the group's last, from 1 */

	/* A piece of the file, to show payloads. */
	char window[VF_JOURNAL_LINE_MAX + 1];
	uint64_t at;
	size_t n;
};

static inline uint64_t
value_of(int standing, uint64_t offset)
{
	return (uint64_t)(standing - VF_JOURNAL_NONE) << STANDING_SHIFT | offset;
}

static inline int
standing_of(uint64_t value)
{
	return (int)((value & ~ASKED) >> STANDING_SHIFT) + VF_JOURNAL_NONE;
}

static bool
is_final(const struct vf_journal *j, int standing)
{
	return standing >= 0 && j->statuses[standing].final;
}

static bool
key_ok(struct vf_slice key)
{
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] <= ' ' || key.p[i] > '~' || key.p[i] == ',' || key.p[i] == '"')
			return false;
	return key.n > 0 && key.n <= VF_JOURNAL_KEY_MAX;
}

/* Loading */

static int
damaged(const struct vf_journal *j, uint64_t lineno, const char *why, struct vf_error *err)
{
	return vf_error(err, VF_ERR_CONFIG, "%s:%" PRIu64 ": %s", vf_log_path(j->log), lineno, why);
}

/* Looks up the group and judges its lines, first to last. */
static int
settle(struct vf_journal *j, struct vf_error *err)
{
	uint64_t old[GROUP];
	unsigned char fresh[GROUP];
	const uint64_t first = j->lineno - j->ngroup;

	memcpy(old, j->values, j->ngroup * sizeof(*old));
	if (vf_keyset_add(j->keys, j->group, j->ngroup, fresh, old, err) < 0)
		return -1;
	for (size_t i = 0; i < j->ngroup; i++) {
		if (!fresh[i]) {
			unsigned char found;

			/* As it is now: an earlier line of the group may have changed it. */
			vf_keyset_find(j->keys, &j->group[i], 1, &found, &old[i]);
			if (is_final(j, standing_of(old[i])))
				return damaged(j, first + i, "follows a final outcome of its key", err);
			vf_keyset_set(j->keys, j->group[i], j->values[i]);
			j->counts[standing_of(old[i]) - VF_JOURNAL_NONE]--;
		}
		j->counts[standing_of(j->values[i]) - VF_JOURNAL_NONE]++;
	}
	j->ngroup = 0;
	return 0;
}

static int
standing_of_word(const struct vf_journal *j, struct vf_slice word)
{
	for (int i = 0; i < j->nstatuses; i++)
		if (vf_slice_eq(j->words[i], word))
			return i;
	return vf_slice_is(word, INTENT) ? VF_JOURNAL_INTENT : VF_JOURNAL_NONE;
}

/* Splits a line; NULL, or why it is none. An intent's payload is empty. */
static const char *
split(const struct vf_journal *j, struct vf_slice line, int *standing, struct vf_slice *key, struct vf_slice *payload)
{
	const char *end = line.p + line.n, *comma = memchr(line.p, ',', line.n), *second;

	if (line.n > VF_JOURNAL_LINE_MAX)
		return "too long for a journal's line";
	if (comma == NULL)
		return "not a journal's line";
	*standing = standing_of_word(j, vf_slice(line.p, (size_t)(comma - line.p)));
	if (*standing == VF_JOURNAL_NONE)
		return "a status that is not known here";
	second = memchr(comma + 1, ',', (size_t)(end - comma - 1));
	if ((second == NULL) != (*standing == VF_JOURNAL_INTENT))
		return "not a journal's line";
	*key = vf_slice(comma + 1, (size_t)((second != NULL ? second : end) - comma - 1));
	*payload = second != NULL ? vf_slice(second + 1, (size_t)(end - second - 1)) : vf_slice(end, 0);
	if (!key_ok(*key))
		return "not a key";
	return memchr(payload->p, '\0', payload->n) != NULL ? "a NUL byte" : NULL;
}

/* The whole lines of the text, which stands at `offset`: *used bytes. */
static int
load_lines(struct vf_journal *j, struct vf_slice text, uint64_t offset, size_t *used, struct vf_error *err)
{
	const char *p = text.p, *end = text.p + text.n, *lf;

	for (; p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL; p = lf + 1) {
		struct vf_slice key, payload;
		int standing;
		const char *why = split(j, vf_slice(p, (size_t)(lf - p)), &standing, &key, &payload);

		if (why != NULL) {
			/* What an earlier line says is judged first. */
			return settle(j, err) < 0 ? -1 : damaged(j, j->lineno, why, err);
		}
		j->group[j->ngroup] = vf_keyset_key(j->keys, key);
		j->values[j->ngroup++] = value_of(standing, offset + (uint64_t)(p - text.p));
		j->lineno++;
		if (j->ngroup == GROUP && settle(j, err) < 0)
			return -1;
	}
	*used = (size_t)(p - text.p);
	if (text.n - *used > VF_JOURNAL_LINE_MAX)
		return settle(j, err) < 0 ? -1 : damaged(j, j->lineno, "too long for a journal's line", err);
	return 0;
}

/* About how many keys there are, by the lines of the first block: each has an outcome, an intent, or both. */
static uint64_t
guess_keys(struct vf_slice block, uint64_t size)
{
	uint64_t intents = 0, outcomes = 0, most;
	const char *p = block.p, *end = block.p + block.n, *lf;

	for (; p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL; p = lf + 1)
		if ((size_t)(end - p) > sizeof(INTENT) && memcmp(p, INTENT ",", sizeof(INTENT)) == 0)
			intents++;
		else
			outcomes++;
	most = intents > outcomes ? intents : outcomes;
	return block.n > 0 ? (uint64_t)((double)size / (double)block.n * (double)most) : 0;
}

/* The first line is the binding; what else it can be is said in full: ids are no personal data. */
static int
check_binding(const struct vf_journal *j, struct vf_slice block, struct vf_slice binding, struct vf_error *err)
{
	const char *lf = memchr(block.p, '\n', block.n), *path = vf_log_path(j->log);
	struct vf_slice line = vf_slice(block.p, lf != NULL ? (size_t)(lf - block.p) : 0), magic = VF_SLICE(MAGIC);
	char shown[200];
	size_t n;

	if (vf_slice_eq(line, binding))
		return 0;
	if (line.n < magic.n || memcmp(line.p, magic.p, magic.n) != 0)
		return vf_error(err, VF_ERR_CONFIG, "%s:1: not the first line of a journal", path);
	n = line.n - magic.n < sizeof(shown) - 1 ? line.n - magic.n : sizeof(shown) - 1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line.p[magic.n + i];

		shown[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	shown[n] = '\0';
	return vf_error(err, VF_ERR_CONFIG, "%s: the journal of %s (campaign,wave,channel), not of %.*s", path, shown,
		(int)(binding.n - magic.n < sizeof(shown) ? binding.n - magic.n : sizeof(shown)), binding.p + magic.n);
}

static int
load(struct vf_journal *j, const struct vf_journal_options *opt, struct vf_slice binding, char *block,
	struct vf_error *err)
{
	const int fd = vf_log_fd(j->log);
	const char *path = vf_log_path(j->log);
	const off_t end = lseek(fd, 0, SEEK_END);
	size_t n = 0, used = 0;
	uint64_t keys, offset = 0;
	ssize_t r;

	if (end < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return vf_error_errno(err, path);
	while ((r = vf_file_read(fd, block + n, BLOCK - n, path, err)) > 0) {
		n += (size_t)r;
		if (j->keys == NULL) {
			if (check_binding(j, vf_slice(block, n), binding, err) < 0)
				return -1;
			keys = guess_keys(vf_slice(block, n), (uint64_t)end);
			j->keys = vf_keyset_new(8, keys > opt->keys ? keys : opt->keys, err);
			if (j->keys == NULL)
				return -1;
			used = binding.n + 1;
			n -= used;
			memmove(block, block + used, n);
			offset = used;
			j->lineno = 2;
		}
		if (load_lines(j, vf_slice(block, n), offset, &used, err) < 0)
			return -1;
		offset += used;
		n -= used;
		memmove(block, block + used, n);
	}
	if (r < 0)
		return -1;
	if (n > 0 || j->keys == NULL)
		return vf_error(err, VF_ERR_FAILED, "%s: changed while it was locked", path);
	j->size = j->written = offset;
	return settle(j, err);
}

static int
take_statuses(struct vf_journal *j, const struct vf_journal_status *statuses, struct vf_error *err)
{
	j->statuses = statuses;
	for (; statuses[j->nstatuses].word != NULL; j->nstatuses++) {
		if (j->nstatuses == VF_JOURNAL_STATUSES_MAX)
			return vf_error(err, VF_ERR_FAILED, "too many statuses of a journal");
		j->words[j->nstatuses] = vf_slice_str(statuses[j->nstatuses].word);
	}
	return 0;
}

static bool
has_control(struct vf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

/* The first line that this journal must have, and a NUL. */
static int
make_binding(struct vf_buf *b, const struct vf_journal_options *opt, struct vf_error *err)
{
	const struct vf_slice ids[] = { opt->campaign, opt->wave, opt->channel };

	vf_buf_add_str(b, MAGIC);
	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		if (has_control(ids[i]) || ids[i].n > 256)
			return vf_error(err, VF_ERR_CONFIG, "an id that no journal can be bound to: too long, or control characters");
		if (i > 0)
			vf_buf_add_char(b, ',');
		vf_text_add_csv(b, ids[i]);
	}
	return vf_buf_terminate(b) < 0 || b->failed ? vf_error_nomem(err) : 0;
}

static int
open_journal(struct vf_journal *j, const struct vf_journal_options *opt, struct vf_slice binding, uint64_t *cut,
	struct vf_error *err)
{
	char *block;
	int rc;

	if (take_statuses(j, opt->statuses, err) < 0)
		return -1;
	j->log = vf_log_owned(opt->path, binding.p, opt->wait_ms, cut, err);
	if (j->log == NULL)
		return -1;
	block = malloc(BLOCK);
	if (block == NULL)
		return vf_error_nomem(err);
	rc = load(j, opt, binding, block, err);
	free(block);
	return rc;
}

struct vf_journal *
vf_journal_open(const struct vf_journal_options *opt, uint64_t *cut, struct vf_error *err)
{
	struct vf_journal *j = calloc(1, sizeof(*j));
	struct vf_buf binding = { 0 };
	int rc = j != NULL ? make_binding(&binding, opt, err) : vf_error_nomem(err);

	*cut = 0;
	if (rc == 0)
		rc = open_journal(j, opt, vf_buf_slice(&binding), cut, err);
	vf_buf_free(&binding);
	if (rc == 0)
		return j;
	vf_journal_free(j);
	return NULL;
}

void
vf_journal_free(struct vf_journal *j)
{
	if (j == NULL)
		return;
	vf_log_free(j->log);
	vf_keyset_free(j->keys);
	vf_buf_free(&j->line);
	free(j);
}

uint64_t
vf_journal_keys(const struct vf_journal *j)
{
	return vf_keyset_count(j->keys);
}

uint64_t
vf_journal_count(const struct vf_journal *j, int status)
{
	return j->counts[status - VF_JOURNAL_NONE];
}

/* Asking */

static int
ask_group(struct vf_journal *j, struct vf_journal_ask *asks, size_t n, struct vf_error *err)
{
	struct vf_key keys[GROUP];
	uint64_t values[GROUP];
	unsigned char fresh[GROUP];

	for (size_t i = 0; i < n; i++) {
		keys[i] = vf_keyset_key(j->keys, asks[i].key);
		values[i] = ASKED | value_of(VF_JOURNAL_NONE, 0);
	}
	if (vf_keyset_add(j->keys, keys, n, fresh, values, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned char found;

		if (!fresh[i] && (values[i] & ASKED) == 0) {
			/* Asked for earlier in this group? */
			vf_keyset_find(j->keys, &keys[i], 1, &found, &values[i]);
			if ((values[i] & ASKED) == 0)
				vf_keyset_set(j->keys, keys[i], values[i] | ASKED);
		}
		asks[i].again = !fresh[i] && (values[i] & ASKED) != 0;
		asks[i].standing = standing_of(values[i]);
		asks[i].where = values[i] & OFFSET_MASK;
	}
	return 0;
}

int
vf_journal_ask(struct vf_journal *j, struct vf_journal_ask *asks, size_t n, struct vf_error *err)
{
	for (size_t done = 0; done < n; done += GROUP)
		if (ask_group(j, asks + done, n - done < GROUP ? n - done : GROUP, err) < 0)
			return -1;
	return 0;
}

/* The end of the window's line at `where`, or NULL when it is not all there. */
static const char *
window_line(const struct vf_journal *j, uint64_t where)
{
	size_t skip = (size_t)(where - j->at);

	if (where < j->at || where >= j->at + j->n)
		return NULL;
	return memchr(j->window + skip, '\n', j->n - skip);
}

static int
read_window(struct vf_journal *j, uint64_t where, size_t n, struct vf_error *err)
{
	ssize_t r = pread(vf_log_fd(j->log), j->window, n, (off_t)where);

	if (r < 0)
		return vf_error_errno(err, vf_log_path(j->log));
	j->at = where;
	j->n = (size_t)r;
	return 0;
}

int
vf_journal_payload(struct vf_journal *j, uint64_t where, struct vf_slice key, struct vf_slice *payload,
	struct vf_error *err)
{
	const char *end = window_line(j, where), *start;
	struct vf_slice named;
	int standing;

	if (end == NULL) {
		bool near = where >= j->at && where - j->at <= NEAR;

		if (where >= j->written) {
			if (vf_log_flush(j->log, err) < 0)
				return -1;
			j->written = j->size;
		}
		if (read_window(j, where, near ? sizeof(j->window) : SMALL, err) < 0)
			return -1;
		end = window_line(j, where);
		if (end == NULL && !near && read_window(j, where, sizeof(j->window), err) < 0)
			return -1;
		end = window_line(j, where);
	}
	start = j->window + (where - j->at);
	if (end == NULL || split(j, vf_slice(start, (size_t)(end - start)), &standing, &named, payload) != NULL ||
		standing < 0 || !vf_slice_eq(named, key))
		return vf_error(err, VF_ERR_FAILED, "%s: changed while it was locked", vf_log_path(j->log));
	return 0;
}

/* Adding */

static int
misuse(const struct vf_journal *j, const char *what, struct vf_error *err)
{
	return vf_error(err, VF_ERR_FAILED, "%s: %s", vf_log_path(j->log), what);
}

/* Queues the line in ->line, which says that the key stands there now. */
static int
add(struct vf_journal *j, struct vf_slice key, int standing, struct vf_error *err)
{
	struct vf_key k = vf_keyset_key(j->keys, key);
	unsigned char found;
	uint64_t value;

	if (j->line.failed || j->line.n > VF_JOURNAL_LINE_MAX)
		return misuse(j, "a line too long for a journal", err);
	vf_keyset_find(j->keys, &k, 1, &found, &value);
	if (!found)
		return misuse(j, "a key that was not asked for", err);
	if (is_final(j, standing_of(value)))
		return misuse(j, "a line after a final outcome of its key", err);
	if (vf_log_line(j->log, vf_buf_slice(&j->line), err) < 0)
		return -1;
	vf_keyset_set(j->keys, k, (value & ASKED) | value_of(standing, j->size));
	j->size += j->line.n + 1;
	j->dirty = true;
	return 0;
}

int
vf_journal_intent(struct vf_journal *j, struct vf_slice key, struct vf_error *err)
{
	if (!key_ok(key))
		return misuse(j, "not a key", err);
	vf_buf_clear(&j->line);
	vf_buf_add_str(&j->line, INTENT ",");
	vf_buf_add_slice(&j->line, key);
	return add(j, key, VF_JOURNAL_INTENT, err);
}

int
vf_journal_outcome(struct vf_journal *j, struct vf_slice key, int status, struct vf_slice payload, struct vf_error *err)
{
	if (!key_ok(key) || status < 0 || status >= j->nstatuses)
		return misuse(j, "not a key, or not a status", err);
	for (size_t i = 0; i < payload.n; i++)
		if (payload.p[i] == '\n' || payload.p[i] == '\r' || payload.p[i] == '\0')
			return misuse(j, "a payload that is not one line", err);
	vf_buf_clear(&j->line);
	vf_buf_add_slice(&j->line, j->words[status]);
	vf_buf_add_char(&j->line, ',');
	vf_buf_add_slice(&j->line, key);
	vf_buf_add_char(&j->line, ',');
	vf_buf_add_slice(&j->line, payload);
	return add(j, key, status, err);
}

bool
vf_journal_dirty(const struct vf_journal *j)
{
	return j->dirty;
}

int
vf_journal_sync_begin(struct vf_journal *j, struct vf_error *err)
{
	if (vf_log_flush(j->log, err) < 0)
		return -1;
	j->written = j->size;
	j->dirty = false;
	return 0;
}

int
vf_journal_sync_end(struct vf_journal *j, struct vf_error *err)
{
	return vf_log_sync_flushed(j->log, err);
}

int
vf_journal_sync(struct vf_journal *j, struct vf_error *err)
{
	return vf_journal_sync_begin(j, err) < 0 ? -1 : vf_journal_sync_end(j, err);
}

int
vf_journal_close(struct vf_journal *j, struct vf_error *err)
{
	int rc = j->dirty ? vf_journal_sync(j, err) : 0;

	return vf_log_close(j->log, rc < 0 ? &(struct vf_error){ 0 } : err) < 0 ? -1 : rc;
}
