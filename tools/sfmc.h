/* tools/sfmc.h -- what the parts of vf-sfmc know about each other; no other tool includes it. */
#ifndef VF_TOOLS_SFMC_H
#define VF_TOOLS_SFMC_H

#include "fan/delivery.h"
#include "fan/sfmc-answer.h"
#include "fan/sfmc-batch.h"
#include "frame.h"
#include "net/sender.h"
#include "sfmc-token.h"

struct options {
	const char *definition, *auth_url, *rest_url, *secret_file, *ca_file;
	uint64_t batch, concurrency, rate, timeout, retries, stop_after;
};

enum { BAD_JOB = VF_REJECT_TOOL };

/* Of one message, until its result is written; its text is in the batch. */
struct job {
	int64_t visible_ms;		/* 0: for ever */
	struct wave *wave;
	enum vf_delivery_status status;
	const char *detail;		/* a word that lives long, or NULL: the request's */
	uint64_t errorcode;		/* of the recipient */
};

/* What one request carries; stays with the sender's struct. */
struct batch {
	struct vf_sfmc_batch text;
	struct job job[VF_SFMC_BATCH_MAX];
	unsigned refused;		/* tokens */
	uint64_t token;			/* which one it went with */
	bool expired;
	char request_id[VF_SFMC_REQUEST_ID];
};

/* Figures of one wave. */
struct wave {
	char campaign[136], wave[136];
	struct vf_delivery d;
};

/* One recipient of a request that was refused as a whole: it is asked for alone. */
struct single {
	struct single *next;
	struct job job;
	size_t head_n, recipient_n, key_n;
	char text[];			/* its head, then its recipient */
};

struct mailer {
	struct vf_run *run;
	const struct options *opt;
	struct vf_http *http;
	struct vf_sender *sender;
	struct sfmc_token token;
	struct vf_buf url, line;
	struct vf_lines_out *out;
	const struct vf_row *rows;
	int nrows, row;
	bool ended;
	struct single *singles, **last_single;
	size_t given;			/* batches whose result is not back */
	struct batch **batches;
	size_t nbatches;
	struct wave **waves;
	size_t nwaves;
};

/* sfmc-jobs.c: lines into requests. */

/* The sender's function. */
int sfmc_source(void *mailer, struct vf_send *, int *fd, struct vf_error *);
/* A request of many that is refused for good may be so for one of them: each is asked for alone. 0, -1. */
int sfmc_split(struct mailer *, const struct batch *);
/* The next job that was read and not given to the sender, alone in the batch; none when it is rejected. 0, -1. */
int sfmc_next_left(struct mailer *, struct batch *);
bool sfmc_is_left(const struct mailer *);
void sfmc_jobs_free(struct mailer *);

/* sfmc-results.c: what became of them, by message and by wave. */

/* A short string's meaning as C text; empty when it is none, or too long. */
void sfmc_plain(char *to, size_t size, const struct vf_json_value *);
/* The figures of a job's wave; of more waves than a line may tell the last place has the rest. NULL: no memory. */
struct wave *sfmc_wave(struct mailer *, const struct vf_json_value *job);
void sfmc_put_stats(struct mailer *);
/* The result line of the i-th job of a batch. 0, -1. */
int sfmc_put_result(struct mailer *, const struct vf_send *, const struct batch *, size_t i);
/* The sender's functions. */
enum vf_send_verdict sfmc_judge(void *mailer, struct vf_send *);
int sfmc_result(void *mailer, struct vf_send *, struct vf_error *);
void sfmc_results_free(struct mailer *);

#endif
