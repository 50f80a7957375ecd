/* test-journal.c -- what was sent, after a crash too. Runs in a folder of its own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/hash.h"
#include "net/journal.h"
#include "tap.h"

enum { SENT, FAILED, UNKNOWN };
static const struct vf_journal_status statuses[] = { { "sent", true }, { "failed", false }, { "unknown", false }, { NULL, false } };

#define BINDING "vf-journal/1,c1,w1,sms\n"

static struct vf_error err;
static struct vf_buf text;

static struct vf_journal *
open_as(const char *path, const char *campaign, const char *wave, const char *channel, uint64_t *cut)
{
	struct vf_journal_options opt = { .path = path, .campaign = vf_slice_str(campaign), .wave = vf_slice_str(wave),
		.channel = vf_slice_str(channel), .statuses = statuses, .wait_ms = 0 };
	uint64_t ignored;

	return vf_journal_open(&opt, cut != NULL ? cut : &ignored, &err);
}

static struct vf_journal *
open_it(const char *path)
{
	return open_as(path, "c1", "w1", "sms", NULL);
}

static void
put_text(const char *path, const char *s, size_t n)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(s, 1, n, f) != n || fclose(f) != 0)
		abort();
}

static bool
holds(const char *path, const char *want)
{
	return vf_file_slurp(path, 1 << 20, &text, &err) == 0 && vf_slice_is(vf_buf_slice(&text), want);
}

static struct vf_journal_ask
ask(struct vf_journal *j, const char *key)
{
	struct vf_journal_ask a = { .key = vf_slice_str(key) };

	if (vf_journal_ask(j, &a, 1, &err) < 0)
		bail_out(err.text);
	return a;
}

static int
standing(struct vf_journal *j, const char *key)
{
	return ask(j, key).standing;
}

static bool
payload_is(struct vf_journal *j, const char *key, const char *want)
{
	struct vf_journal_ask a = ask(j, key);
	struct vf_slice payload;

	return vf_journal_payload(j, a.where, vf_slice_str(key), &payload, &err) == 0 && vf_slice_is(payload, want);
}

static int
intent(struct vf_journal *j, const char *key)
{
	return vf_journal_intent(j, vf_slice_str(key), &err);
}

static int
outcome(struct vf_journal *j, const char *key, int status, const char *payload)
{
	return vf_journal_outcome(j, vf_slice_str(key), status, vf_slice_str(payload), &err);
}

static void
test_life(void)
{
	struct vf_journal *j = open_it("life");
	struct stat st;

	ok(j != NULL && stat("life", &st) == 0 && (st.st_mode & 0777) == 0600 && holds("life", BINDING),
		"a new journal is 0600 and bound by its first line");
	ok(standing(j, "f1") == VF_JOURNAL_NONE && !ask(j, "f2").again && ask(j, "f2").again && ask(j, "f1").again,
		"nothing is known; the second ask says so");
	ok(!vf_journal_dirty(j) && intent(j, "f1") == 0 && intent(j, "f2") == 0 && vf_journal_dirty(j) &&
		holds("life", BINDING) && vf_journal_sync(j, &err) == 0 && !vf_journal_dirty(j) &&
		holds("life", BINDING "intent,f1\nintent,f2\n"), "intents are on disk after the sync");
	ok(outcome(j, "f1", SENT, "f1,sent,1,202,\"a,b\"") == 0 && payload_is(j, "f1", "f1,sent,1,202,\"a,b\""),
		"an outcome can be shown before it is synced");
	ok(standing(j, "f1") == SENT && standing(j, "f2") == VF_JOURNAL_INTENT, "standings follow");
	ok(intent(j, "f1") < 0 && err.kind == VF_ERR_FAILED && outcome(j, "f1", FAILED, "") < 0, "nothing follows a final outcome");
	ok(intent(j, "f3") < 0 && intent(j, "a b") < 0 && intent(j, "") < 0 && intent(j, "a,b") < 0 &&
		outcome(j, "f2", 3, "") < 0 && outcome(j, "f2", FAILED, "two\nlines") < 0, "misuse is refused");
	ok(open_it("life") == NULL && err.kind == VF_ERR_TEMPORARY, "a journal has one owner");
	ok(vf_journal_close(j, &err) == 0, "closing writes what is queued");
	vf_journal_free(j);
	vf_journal_free(NULL);

	j = open_it("life");
	ok(j != NULL && vf_journal_keys(j) == 2 && vf_journal_count(j, SENT) == 1 && vf_journal_count(j, FAILED) == 0 &&
		vf_journal_count(j, VF_JOURNAL_INTENT) == 1, "after a restart keys are counted by their standing");
	ok(standing(j, "f1") == SENT && payload_is(j, "f1", "f1,sent,1,202,\"a,b\"") && standing(j, "f2") == VF_JOURNAL_INTENT &&
		standing(j, "f3") == VF_JOURNAL_NONE, "and stand where they stood");
	ok(outcome(j, "f2", UNKNOWN, "f2,unknown") == 0 && intent(j, "f2") == 0 && outcome(j, "f2", FAILED, "f2,failed") == 0 &&
		payload_is(j, "f2", "f2,failed") && vf_journal_close(j, &err) == 0, "the last outcome counts");
	vf_journal_free(j);
	j = open_it("life");
	ok(j != NULL && standing(j, "f2") == FAILED && payload_is(j, "f2", "f2,failed") && vf_journal_count(j, FAILED) == 1 &&
		vf_journal_count(j, VF_JOURNAL_INTENT) == 0 && vf_journal_count(j, UNKNOWN) == 0, "after another restart too");
	ok(intent(j, "f2") == 0 && vf_journal_close(j, &err) == 0, "it is tried again");
	vf_journal_free(j);
	j = open_it("life");
	ok(j != NULL && standing(j, "f2") == VF_JOURNAL_INTENT, "an intent after an outcome makes it unknown again");
	vf_journal_free(j);
}

static void
test_binding(void)
{
	struct vf_journal *j = open_as("bound", "c,1", "w1", "sms", NULL);

	vf_journal_free(j);
	ok(holds("bound", "vf-journal/1,\"c,1\",w1,sms\n"), "ids are quoted where they must be");
	j = open_as("bound", "c,1", "w1", "sms", NULL);
	ok(j != NULL, "and read back");
	vf_journal_free(j);
	ok(open_as("bound", "c,1", "w2", "sms", NULL) == NULL && err.kind == VF_ERR_CONFIG &&
		strcmp(err.text, "bound: the journal of \"c,1\",w1,sms (campaign,wave,channel), not of \"c,1\",w2,sms") == 0,
		"another wave's journal is refused, naming it");
	ok(open_as("bound", "c,1", "w1", "email", NULL) == NULL && open_as("bound", "c", "1,w1", "sms", NULL) == NULL,
		"and another channel's");
	ok(open_as("x", "c\n1", "w1", "sms", NULL) == NULL && err.kind == VF_ERR_CONFIG && access("x", F_OK) < 0,
		"an id with a line break binds nothing");
	put_text("other", "globalUserId,code\n", 18);
	ok(open_it("other") == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, "other:1: not the first line of a journal") == 0 &&
		holds("other", "globalUserId,code\n"), "a file of another kind is left as it is");
	ok(open_it(".") == NULL, "a folder is no journal");
}

/* The journal of these lines is refused with this cause. */
static bool
refused(const char *lines, size_t n, const char *cause)
{
	struct vf_buf b = { 0 };
	struct vf_journal *j;
	bool good;

	vf_buf_add_str(&b, BINDING);
	vf_buf_add(&b, lines, n);
	put_text("bad", b.p, b.n);
	j = open_it("bad");
	good = j == NULL && err.kind == VF_ERR_CONFIG && strcmp(err.text, cause) == 0 && vf_file_slurp("bad", 8 << 20, &text, &err) == 0 &&
		vf_slice_eq(vf_buf_slice(&text), vf_buf_slice(&b));
	if (!good)
		note("%s", j == NULL ? err.text : "taken");
	vf_journal_free(j);
	vf_buf_free(&b);
	return good;
}

#define REFUSED(lines, cause) refused(lines, sizeof(lines) - 1, cause)

static void
test_damage(void)
{
	struct vf_buf b = { 0 };

	ok(REFUSED("intent,f1\nsent,f1,x\nintent,f1\n", "bad:4: follows a final outcome of its key") &&
		REFUSED("sent,f1,x\nsent,f1,x\n", "bad:3: follows a final outcome of its key"), "contradictions are named by line");
	ok(REFUSED("intent,f1\nqueued,f1,x\n", "bad:3: a status that is not known here"), "an unknown status");
	ok(REFUSED("garbage\n", "bad:2: not a journal's line") && REFUSED("sent,f1\n", "bad:2: not a journal's line") &&
		REFUSED("intent,f1,x\n", "bad:2: not a journal's line") && REFUSED("\nintent,f1\n", "bad:2: not a journal's line"),
		"lines of another form");
	ok(REFUSED("intent,f 1\n", "bad:2: not a key") && REFUSED("intent,\n", "bad:2: not a key") &&
		REFUSED("sent,,x\n", "bad:2: not a key") && REFUSED("sent,\xc3\xa9,x\n", "bad:2: not a key"), "keys that are none");
	ok(REFUSED("intent,f1\nsent,f1,x\0y\n", "bad:3: a NUL byte"), "NULs that a file system left");
	ok(REFUSED("sent,f1,x\nsent,f1,x\nwhat\n", "bad:3: follows a final outcome of its key"), "the first fault is named");
	vf_buf_add_str(&b, "sent,f1,");
	while (b.n <= VF_JOURNAL_LINE_MAX)
		vf_buf_add_char(&b, 'x');
	vf_buf_add_str(&b, "\n");
	ok(refused(b.p, b.n, "bad:2: too long for a journal's line"), "a line that is too long");
	vf_buf_clear(&b);
	vf_buf_add_str(&b, "intent,f1\n");
	for (int i = 0; i < 3 << 20; i++)
		vf_buf_add_char(&b, 'x');
	vf_buf_add_char(&b, '\n');
	ok(refused(b.p, b.n, "bad:3: too long for a journal's line"), "or much too long");
	vf_buf_free(&b);
}

/* A journal cut at every byte: the torn line goes, all before it stays. */
static void
test_torn(void)
{
	static const char whole[] = BINDING "intent,f1\nsent,f1,f1,sent,1\nintent,f2\n";
	bool right = true;

	for (size_t n = 0; n < sizeof(whole); n++) {
		struct vf_journal *j;
		uint64_t cut = 99;
		size_t kept = n;

		put_text("torn", whole, n < sizeof(whole) - 1 ? n : sizeof(whole) - 1);
		while (kept > 0 && whole[kept - 1] != '\n' && kept < sizeof(whole))
			kept--;
		j = open_as("torn", "c1", "w1", "sms", &cut);
		if (n < sizeof(whole) - 1)
			right &= j != NULL && cut == n - kept &&
				(standing(j, "f1") == SENT) == (kept >= strlen(BINDING "intent,f1\nsent,f1,f1,sent,1\n"));
		right &= j != NULL && (n < strlen(BINDING "intent,f1\n") || standing(j, "f1") != VF_JOURNAL_NONE);
		vf_journal_free(j);
	}
	ok(right, "a journal torn at any byte keeps its whole lines");
}

/* A full disk is an error, and what was not written is not there. */
static void
test_full(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit small = { 4096, 4096 };
		struct vf_journal *j = open_it("full");
		int rc = 0, i = 0;
		char key[32];

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &small);
		for (; rc == 0 && i < 1000; i++) {
			snprintf(key, sizeof(key), "fan-%d", i);
			ask(j, key);
			rc = intent(j, key) < 0 || vf_journal_sync(j, &err) < 0 ? -1 : 0;
		}
		_exit(rc < 0 && i > 100 && err.kind == VF_ERR_FAILED && vf_journal_sync(j, &err) < 0 ? 7 : 1);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7,
		"a full disk is an error, and remains one");
}

/* Many keys against a plain array: random intents and outcomes, with restarts between. */
static void
test_random(void)
{
	enum { KEYS = 5000, ROUNDS = 5 };
	static int want[KEYS], version[KEYS];
	char key[32], line[64];
	bool right = true;

	for (int i = 0; i < KEYS; i++)
		want[i] = VF_JOURNAL_NONE;
	for (int round = 0; round < ROUNDS; round++) {
		struct vf_journal *j = open_it("random");
		uint64_t known = 0, sent = 0;

		if (j == NULL)
			bail_out(err.text);
		for (int i = 0; i < KEYS; i++) {
			known += want[i] != VF_JOURNAL_NONE;
			sent += want[i] == SENT;
		}
		right &= vf_journal_keys(j) == known && vf_journal_count(j, SENT) == sent;
		for (int i = 0; i < KEYS; i++) {
			struct vf_journal_ask a;

			snprintf(key, sizeof(key), "fan-%d", i);
			a = ask(j, key);
			right &= a.standing == want[i] && !a.again;
			if (a.standing >= 0) {
				struct vf_slice payload;

				snprintf(line, sizeof(line), "%s,%d", key, version[i]);
				right &= vf_journal_payload(j, a.where, vf_slice_str(key), &payload, &err) == 0 &&
					vf_slice_is(payload, line);
			}
		}
		for (int n = 0; n < 2 * KEYS; n++) {
			size_t i = tap_below(KEYS);

			snprintf(key, sizeof(key), "fan-%zu", i);
			if (want[i] == SENT)
				continue;
			want[i] = (int)tap_below(4) - 1;
			snprintf(line, sizeof(line), "%s,%d", key, ++version[i]);
			if ((want[i] < 0 ? intent(j, key) : outcome(j, key, want[i], line)) < 0)
				right = false;
			if (tap_below(100) == 0)
				right &= vf_journal_sync(j, &err) == 0;
		}
		right &= vf_journal_close(j, &err) == 0;
		vf_journal_free(j);
	}
	ok(right, "%d keys stand where a plain array says, over %d restarts", KEYS, ROUNDS);
}

/* test-journal load FILE: opens it and says how many keys, how long that took, and how much memory. */
static int
measure(const char *path)
{
	uint64_t start = vf_clock_ns();
	struct vf_journal *j = open_it(path);
	struct rusage use;

	if (j == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	getrusage(RUSAGE_SELF, &use);
	printf("%" PRIu64 " keys in %.3f s, %ld KiB\n", vf_journal_keys(j), (double)(vf_clock_ns() - start) / 1e9, use.ru_maxrss);
	vf_journal_free(j);
	return 0;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/test-journal.XXXXXX", command[64];

	if (vf_hash_start(&err) < 0)
		bail_out("libsodium");
	if (argc > 2 && strcmp(argv[1], "load") == 0)
		return measure(argv[2]);
	tap_seed();
	if (mkdtemp(dir) == NULL || chdir(dir) < 0)
		bail_out("no folder");
	test_life();
	test_binding();
	test_damage();
	test_torn();
	test_full();
	test_random();
	vf_buf_free(&text);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ok(system(command) == 0, "the folder is removed");
	return done_testing();
}
