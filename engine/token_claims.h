/*
 * What an access token says of itself, for a diagnosis: Exchange Online refuses a token that is
 * meant for another service with the same bare 535 as an expired one.
 *
 * Nothing is verified: a token is the business of the service that it is for.
 *
 * Thread:  any; pure. Claims are no secret; the token's own bytes are not kept.
 */
#ifndef SLUICE_TOKEN_CLAIMS_H
#define SLUICE_TOKEN_CLAIMS_H

#include "engine/config_value.h"
#include "queue/base/bytes.h"

#define TOKEN_CLAIM_BYTES  128
#define TOKEN_RIGHTS_BYTES 256

struct token_claims {
	bool readable;     /* false: it is no JWT, and all else is empty */
	bool of_app;       /* roles, and no scp */
	int64_t expires_s; /* Unix time; 0: it does not say */
	char audience[TOKEN_CLAIM_BYTES];
	char rights[TOKEN_RIGHTS_BYTES]; /* roles, or scp: by spaces */
	char tenant[TOKEN_CLAIM_BYTES];
	char app[TOKEN_CLAIM_BYTES];
	char user[TOKEN_CLAIM_BYTES]; /* whose it is; empty: an app's */
};

void token_claims_read(struct token_claims *claims, struct view token);
/* Why Exchange Online will refuse it for certain: it is for another service. NULL: it may do. */
const char *token_claims_fault(const struct token_claims *claims);
/* What may be behind a refusal, given that there was one. NULL: nothing that it says. */
const char *token_claims_hint(const struct token_claims *claims, enum oauth_flow flow);

#endif
