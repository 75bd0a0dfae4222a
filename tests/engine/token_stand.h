/*
 * A token endpoint for tests: the mock's, over real HTTPS on a free port of loopback, with an
 * authority of our own.
 *
 * Thread:  the test's; the endpoint has its own.
 */
#ifndef SLUICE_TESTS_TOKEN_STAND_H
#define SLUICE_TESTS_TOKEN_STAND_H

#include "bench/mock_token_http.h"
#include "queue/base/clock.h"
#include "tests/engine/io/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#define TOKEN_STAND_SECRET   "s3cret of an app"
#define TOKEN_STAND_PATIENCE (20 * NS_PER_S)

struct token_stand {
	struct certificates certificates;
	char leaf[CERTIFICATES_PATH_BYTES];
	struct mock_token tokens;
	struct mock_token_http *http;
	struct endpoint at;
	char url[256]; /* of tenant contoso.com */
};

static inline void token_stand_open(struct token_stand *stand)
{
	static const struct certificate_wish wish = {
		.file = "leaf.pem",
		.name = "localhost",
		.address = "127.0.0.1",
		.valid_from_days = -1,
		.valid_until_days = 1,
	};
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	certificates_init(&stand->certificates);
	certificates_make(&stand->certificates, &wish, stand->leaf);
	mock_token_init(&stand->tokens);
	assert_true(mock_token_set(&stand->tokens, MOCK_TOKEN_OPTION_LISTEN, "127.0.0.1:0"));
	assert_true(
	        mock_token_set(&stand->tokens, MOCK_TOKEN_OPTION_APP, "app:" TOKEN_STAND_SECRET));
	assert_true(mock_token_set(&stand->tokens, MOCK_TOKEN_OPTION_APP, "public"));
	assert_true(mock_token_set(&stand->tokens, MOCK_TOKEN_OPTION_TENANT, "contoso.com"));
	assert_false(failed(mock_token_http_open(&stand->http, &stand->tokens, stand->leaf,
	        stand->certificates.key, &stand->at, &why)));
	snprintf(stand->url, sizeof stand->url,
	        "https://localhost:%u/contoso.com/oauth2/v2.0/token", stand->at.port);
}

static inline void token_stand_close(struct token_stand *stand)
{
	mock_token_http_close(stand->http);
	mock_token_finish(&stand->tokens);
	certificates_finish(&stand->certificates);
}

/* As POST /mock/ACTION does. */
static inline void token_stand_say(struct token_stand *stand, const char *action, const char *form)
{
	static struct mock_token_answer answer;
	char path[64];

	snprintf(path, sizeof path, "/mock/%s", action);
	mock_token_answer(&stand->tokens, VIEW("POST"), view_of(path), view_of(form), 0, &answer);
	assert_int_equal(answer.status, 200);
}

static inline uint64_t token_stand_requests(struct token_stand *stand)
{
	assert_int_equal(pthread_mutex_lock(&stand->tokens.lock), 0);
	const uint64_t requests = stand->tokens.requests;
	assert_int_equal(pthread_mutex_unlock(&stand->tokens.lock), 0);
	return requests;
}

static inline void token_stand_pause(void)
{
	const struct timespec moment = { .tv_nsec = NS_PER_MS };

	(void)nanosleep(&moment, NULL);
}

#endif
