/*
 * How the mock's token endpoint judges a request and makes a token.
 *
 * Thread:  the holder of the lock of struct mock_token.
 */
#ifndef SLUICE_MOCK_TOKEN_ISSUE_H
#define SLUICE_MOCK_TOKEN_ISSUE_H

#include "bench/mock_token.h"

/* POST to the endpoint. */
void mock_token_issue(struct mock_token *token, struct view path, struct view form, int64_t now_s,
        struct mock_token_answer *answer);
/* An answer as Microsoft words it. */
void mock_token_refuse(struct mock_token_answer *answer, int status, const char *error,
        uint32_t code, const char *text);
/* Whether an access token is one of ours, in time, of this generation, for Exchange Online, and
 * the user's or an app's. */
bool mock_token_is_good(
        struct mock_token *token, struct view user, struct view access_token, int64_t now_s);

/* A field of a form, decoded; false: it is not there, or there is no room. */
bool mock_token_field(struct view form, const char *name, struct text *value);
/* A field that is a number; 0: it is none. */
uint64_t mock_token_number(struct view form, const char *name);

#endif
