/* A token endpoint in the simulator: it gives a token after a moment of simulated time, and at
 * times it is slow, busy, broken, or gone. The token is what the mailboxes of the world's tenant
 * take for one: their password. */
#include "engine/token_http.h"

#include "queue/base/check.h"
#include "queue/base/clock.h"
#include "queue/base/random.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MOST_NS (2 * NS_PER_S)
#define LIFETIME_LEAST 30 /* seconds: short, so that tokens are renewed within a world's life */
#define LIFETIME_RANGE 600

struct token_http {
	struct random random;
	struct token_http_request *requests[TOKEN_HTTP_CONNECTIONS_MAX];
	struct mono due[TOKEN_HTTP_CONNECTIONS_MAX];
	bool hangs[TOKEN_HTTP_CONNECTIONS_MAX];
};

struct err token_http_create(struct token_http **result)
{
	struct token_http *http = calloc(1, sizeof *http);

	check(http != NULL);
	/* By the world's own time: the same seed meets the same endpoint. */
	random_seed(&http->random, (uint64_t)clock_mono().ns);
	*result = http;
	return err_ok();
}

void token_http_destroy(struct token_http *http)
{
	free(http);
}

void token_http_begin(struct token_http *http, struct token_http_request *request)
{
	size_t at = 0;

	while (http->requests[at] != NULL) {
		at++;
		check(at < TOKEN_HTTP_CONNECTIONS_MAX);
	}
	request->done = false;
	request->transfer = &http->requests[at];
	http->requests[at] = request;
	/* One in ten never answers. */
	const int64_t wait_ns = (int64_t)random_below(&http->random, ANSWER_MOST_NS);
	http->hangs[at] = random_below(&http->random, 10) == 0;
	http->due[at] = mono_after(clock_mono(), http->hangs[at] ? request->timeout_ns : wait_ns);
}

static void answer(struct token_http *http, struct token_http_request *request, bool in_time)
{
	const uint64_t lifetime = LIFETIME_LEAST + random_below(&http->random, LIFETIME_RANGE);
	const uint64_t mood = random_below(&http->random, 10);

	request->done = true;
	request->transfer = NULL;
	request->status = in_time ? 200 : 0;
	if (!in_time) {
		(void)snprintf(request->why, sizeof request->why, "timed out");
	} else if (mood == 0) {
		request->status = 429;
		request->retry_after_s = 1 + (int64_t)random_below(&http->random, 20);
	} else if (mood == 1) {
		request->status = 503;
	} else {
		const int bytes = snprintf(request->into.data, request->into.bytes,
		        "{\"token_type\":\"Bearer\",\"expires_in\":%llu,"
		        "\"access_token\":\"secret\"}",
		        (unsigned long long)lifetime);
		request->bytes = (size_t)bytes;
	}
}

void token_http_work(struct token_http *http)
{
	for (size_t i = 0; i < TOKEN_HTTP_CONNECTIONS_MAX; i++) {
		struct token_http_request *request = http->requests[i];
		const struct mono now = clock_mono();

		if (request == NULL || !mono_reached(now, http->due[i]))
			continue;
		http->requests[i] = NULL;
		answer(http, request, !http->hangs[i]);
	}
}

void token_http_cancel(struct token_http *http, struct token_http_request *request)
{
	(void)http;
	if (request->transfer == NULL)
		return;
	*(struct token_http_request **)request->transfer = NULL;
	request->transfer = NULL;
}

const char *token_http_library(void)
{
	return "simulated";
}
