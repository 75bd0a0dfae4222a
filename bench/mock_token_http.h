/*
 * The HTTPS of the mock's token endpoint, by libmicrohttpd: a thread of its own, and one a
 * connection, so that one that hangs holds up no other.
 *
 * Thread:  open and close: the program's main one.
 * Owns:    the listening socket and its threads; not the struct mock_token, which outlives it.
 * Fails:   open, by its words.
 */
#ifndef SLUICE_MOCK_TOKEN_HTTP_H
#define SLUICE_MOCK_TOKEN_HTTP_H

#include "bench/mock_token.h"
#include "queue/base/errors.h"

struct mock_token_http;

/* PEM files for TLS. Listens where the token's settings say; `at` tells which port it is. */
MUST_CHECK struct err mock_token_http_open(struct mock_token_http **result,
        struct mock_token *token, const char *certificate_file, const char *key_file,
        struct endpoint *at, struct text *why);
/* NULL is fine. Requests that hang are let go. */
void mock_token_http_close(struct mock_token_http *http);

#endif
