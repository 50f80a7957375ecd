/*
 * net/aws.h -- calls of AWS services that speak JSON (Kinesis, SQS): where they
 * are, who we are, and what their answers mean.
 *
 * Signatures are made by libcurl (SigV4).  Credentials come, in this order,
 * from the environment, a profile of the shared credentials file, or the
 * container's address, whose credentials are fetched again before they expire.
 * The environment is looked up by a function that is handed in.
 */
#ifndef VF_NET_AWS_H
#define VF_NET_AWS_H

#include "net/http.h"
#include "net/sender.h"

struct vf_aws;

struct vf_aws_options {
	const char *service;		/* `kinesis`, `sqs`: of the signature and of the default address */
	const char *region;		/* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's */
	const char *endpoint;		/* NULL: AWS_ENDPOINT_URL, else the service's address in the region */
	const char *json;		/* version of the JSON protocol: `1.0`, `1.1` */
	const char *(*env)(const char *);	/* NULL for what is not set or empty */
	bool (*stopping)(void);		/* lets a fetch of credentials be given up; or NULL */
	const char *container;		/* asked when AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is set; NULL: ECS's address */
};

/*
 * Finds region, endpoint and credentials.  Without any of them, or with a
 * profile that is not there: VF_ERR_CONFIG.  A container that gives no
 * credentials after three tries: VF_ERR_TEMPORARY.
 */
struct vf_aws *vf_aws_open(const struct vf_aws_options *, struct vf_error *);
void vf_aws_free(struct vf_aws *);	/* after all its calls; NULL is accepted */

/*
 * Makes the call one of this service: its url, headers and signer.  target is
 * the header `X-Amz-Target: Kinesis_20131202.PutRecords` and has to live as long
 * as the call.  To be called before every start, since credentials age: they
 * are fetched again when their end is near (a fetch that fails while they still
 * hold is no error).
 */
int vf_aws_prepare(struct vf_aws *, struct vf_http_call *, const char *target, struct vf_error *);

/*
 * What an answer means, as a sender's judge: throttling is AGAIN; a token that
 * has expired too, where a new one can be had; 5xx and no answer UNSURE; who we
 * are not, what is not there, or not ours to do: STOP; else NEVER.
 * Sets detail: the error's name, http-NNN, or the fault.
 */
enum vf_send_verdict vf_aws_judge(struct vf_aws *, struct vf_send *);

/* The words by which services ask for less, in whole answers and in those of parts of a batch. */
bool vf_aws_is_throttle(struct vf_slice error);

#define VF_AWS_ERROR_MAX 31
/* The name of the error an answer tells (`__type` without its namespace); empty when it tells none. */
void vf_aws_error(const struct vf_http_call *, char out[VF_AWS_ERROR_MAX + 1]);

/* For messages: where it is and by which credentials (`environment`, `profile default`, `container`). */
const char *vf_aws_endpoint(const struct vf_aws *);
const char *vf_aws_source(const struct vf_aws *);
uint64_t vf_aws_fetches(const struct vf_aws *);		/* times that credentials were fetched */

#endif
