/* tools/sfmc-token.h -- Marketing Cloud's access token: fetched, renewed before it ends, and after it was refused. */
#ifndef VF_TOOLS_SFMC_TOKEN_H
#define VF_TOOLS_SFMC_TOKEN_H

#include "frame.h"
#include "net/http.h"

struct sfmc_token {
	struct vf_buf url, request;	/* the token's address, and what is posted to it */
	struct vf_buf rest;		/* where the API is, without a slash at its end; NUL-ended */
	bool rest_given;		/* by the user: the token's answer does not change it */
	struct vf_buf header;		/* `Authorization: Bearer …`, NUL-ended */
	uint64_t renew_ns;		/* vf_clock_ns(): when a new one is due; 0: at once */
	uint64_t number;		/* of the token: how many were fetched */
	struct vf_http_call call;
};

/*
 * auth_url NULL: VF_SFMC_AUTH_URL; rest_url NULL: VF_SFMC_REST_URL, else what the
 * token's answer says.  secret_file: JSON with client_id, client_secret and
 * perhaps account_id; NULL: VF_SFMC_CLIENT_ID, …_CLIENT_SECRET, …_ACCOUNT_ID.
 */
int sfmc_token_init(struct sfmc_token *, const char *auth_url, const char *rest_url, const char *secret_file,
	struct vf_error *);
/* Fetches one when it is due: VF_ERR_FAILED when it is refused, VF_ERR_TEMPORARY when nobody answers. */
int sfmc_token_ready(struct sfmc_token *, struct vf_http *, struct vf_error *);
void sfmc_token_free(struct sfmc_token *);

#endif
