/*
 * What is asked of a token endpoint: the form of RFC 6749 4.4 and 6, and an app's assertion
 * (RFC 7523, signed RS256) where it has a certificate instead of a secret.
 *
 * Thread:  any; pure but for random bytes. Owns nothing: the caller wipes what it is given here.
 */
#ifndef SLUICE_TOKEN_REQUEST_H
#define SLUICE_TOKEN_REQUEST_H

#include "engine/config.h"
#include "queue/base/bytes.h"

#define TOKEN_ASSERTION_S 600 /* how long an assertion is good: clocks may differ by minutes */

/* What the files hold that the flow wants; the others are empty. */
struct token_secrets {
	struct view client_secret;
	struct view certificate; /* PEM */
	struct view key;         /* PEM */
	struct view refresh_token;
};

/* The form for the flow. False: there is no room, or the key can't sign. */
bool token_request_write(struct text *form, const struct config_oauth *oauth,
        const struct token_secrets *secrets, int64_t now_s);
/* "HEADER.PAYLOAD.SIGNATURE", for `audience`, the endpoint. */
bool token_assertion_write(struct text *assertion, const char *client_id, const char *audience,
        struct view certificate, struct view key, int64_t now_s);

#endif
