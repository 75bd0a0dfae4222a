/*
 * What a token endpoint (RFC 6749 5) or a command says: a token, or why not.
 *
 * Thread:  any; pure. Owns nothing: tokens lie in the memory that the caller gives, and wipes.
 * Never:   takes a token with a blank or control character in it, which no sign-in could carry.
 */
#ifndef SLUICE_TOKEN_REPLY_H
#define SLUICE_TOKEN_REPLY_H

#include "queue/base/bytes.h"

#define TOKEN_REPLY_ERROR_BYTES 64
#define TOKEN_REPLY_TEXT_BYTES  400 /* of the description; what follows are ids */
#define TOKEN_REPLY_ID_BYTES    64  /* a GUID has 36 */

#define TOKEN_LIFETIME_MOST_S 172800 /* two days: longer is taken for that, and asked again */

struct token_reply {
	bool granted;
	struct view access_token;
	struct view refresh_token; /* empty: the old one stays */
	int64_t expires_in_s;      /* 0: it does not say */
	/* refused */
	uint32_t code; /* AADSTS; 0: none */
	char error[TOKEN_REPLY_ERROR_BYTES];
	char description[TOKEN_REPLY_TEXT_BYTES]; /* its first line, without ids */
	char trace_id[TOKEN_REPLY_ID_BYTES];
};

/* An endpoint's body. `memory` for the tokens: as long as the body is enough. False: it is
 * neither of both. */
bool token_reply_parse(struct token_reply *reply, struct view body, struct span memory);
/* A command's output: an endpoint's body, or a token alone. */
bool token_reply_parse_output(struct token_reply *reply, struct view output, struct span memory);

#endif
