/*
 * One attempt to get a token: by the endpoint or by a command, from the files that the flow wants
 * to the token or the reason why there is none.
 *
 * Thread:  the keeper's. Files are read and the certificate's key is used within
 *          token_fetch_begin(); nothing else waits.
 * Owns:    its memory, a part of a vault, which is wiped at token_fetch_end().
 * Fails:   by its error and text.
 */
#ifndef SLUICE_TOKEN_FETCH_H
#define SLUICE_TOKEN_FETCH_H

#include "engine/config.h"
#include "engine/io/crypto.h"
#include "engine/token_claims.h"
#include "engine/token_command.h"
#include "engine/token_error.h"
#include "engine/token_http.h"
#include "engine/token_reply.h"

#define TOKEN_BYTES_MAX         8192 /* access or refresh token: they have 2 to 3 KB */
#define TOKEN_FETCH_FILE_BYTES  (TOKEN_BYTES_MAX + 3) /* with a line end, and room to see more */
#define TOKEN_FETCH_PEM_BYTES   32768                 /* a chain of ten certificates, or a key */
#define TOKEN_FETCH_FORM_BYTES  65536 /* secret and refresh token, every byte of them escaped */
#define TOKEN_FETCH_REPLY_BYTES 32768 /* access, refresh and id token */
#define TOKEN_FETCH_TEXT_BYTES  512
#define TOKEN_LIFETIME_UNSAID_S 600 /* of a token that does not say when it ends */

/* What one needs of a vault. */
#define TOKEN_FETCH_BYTES                                                                          \
	(2 * TOKEN_FETCH_FILE_BYTES + 2 * TOKEN_FETCH_PEM_BYTES + TOKEN_FETCH_FORM_BYTES +         \
	        2 * TOKEN_FETCH_REPLY_BYTES)

struct token_fetch {
	const struct config_oauth *oauth; /* NULL: nothing is under way */
	struct token_http *http;
	struct span memory; /* TOKEN_FETCH_BYTES */
	struct token_http_request request;
	struct token_command command;
	bool done;
	/* the refresh token's file, as it was read */
	uint8_t digest[CRYPTO_SHA256_BYTES];
	/* the answer; views lie in memory */
	const struct token_error *error;   /* NULL: there is a token */
	char text[TOKEN_FETCH_TEXT_BYTES]; /* the reason, in the endpoint's or the system's words */
	struct token_reply reply;
	struct token_claims claims;
	int64_t lifetime_s;
	int64_t retry_after_s;
};

/* A refresh token that could not be stored goes before the file's, unless the file is another
 * than `digest` tells of. */
struct token_fetch_unsaved {
	struct view token; /* empty: there is none */
	uint8_t digest[CRYPTO_SHA256_BYTES];
};

/* May be done at once. `loud`: a command may speak to the terminal. */
void token_fetch_begin(struct token_fetch *fetch, const struct config_oauth *oauth,
        const struct token_fetch_unsaved *unsaved, bool loud, struct mono now, struct wall wall);
/* After token_http_work(): looks whether it is done. */
void token_fetch_work(struct token_fetch *fetch, struct mono now, struct wall wall);
/* The answer is not needed any more, or the attempt is given up. */
void token_fetch_end(struct token_fetch *fetch);
/* Whether somebody else has stored another refresh token since this one began. */
bool token_fetch_is_outdated(struct token_fetch *fetch);

#endif
