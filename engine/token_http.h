/*
 * HTTPS requests to token endpoints, several at a time. A seam: token_http_curl.c asks real
 * endpoints through libcurl, tests/sim/token_http_sim.c is an endpoint.
 *
 * Only https, never a redirect, certificates checked, no proxy but the request's own, no cookies,
 * nothing of the environment; an answer is cut off where the memory for it ends.
 *
 * Thread:  create and destroy: start-up and its undoing. The rest: a helper's.
 * Owns:    connections; a request is its asker's, and lent from token_http_begin() until it is
 *          done or cancelled.
 * Never:   waits: token_http_work() moves what can be moved. Leaves a form or an answer behind in
 *          memory: the library's is wiped when it is given back.
 * Fails:   a request by its `why`, create by its err.
 */
#ifndef SLUICE_TOKEN_HTTP_H
#define SLUICE_TOKEN_HTTP_H

#include "queue/base/bytes.h"
#include "queue/base/errors.h"

#define TOKEN_HTTP_WHY_BYTES       256
#define TOKEN_HTTP_CONNECTIONS_MAX 64 /* at once; as many as keeper's fetches */

struct token_http;

struct token_http_request {
	const char *url;
	const char *ca_file; /* NULL: the system's roots */
	const char *proxy;   /* NULL: none */
	int64_t timeout_ns;
	struct view form;
	struct span into;
	/* the answer */
	bool done;
	int status; /* of HTTP; 0: none came, and `why` says so */
	size_t bytes;
	int64_t retry_after_s; /* 0: not said */
	char why[TOKEN_HTTP_WHY_BYTES];
	void *transfer; /* the seam's own */
};

MUST_CHECK struct err token_http_create(struct token_http **result);
/* NULL is fine. Nothing is in flight. */
void token_http_destroy(struct token_http *http);

/* May be done at once. */
void token_http_begin(struct token_http *http, struct token_http_request *request);
/* To be called every few milliseconds while requests are in flight. */
void token_http_work(struct token_http *http);
/* Lets go of a request that is not done. */
void token_http_cancel(struct token_http *http, struct token_http_request *request);
/* "7.88.1" */
const char *token_http_library(void);

#endif
