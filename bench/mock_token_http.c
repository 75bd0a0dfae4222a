#include "bench/mock_token_http.h"

#include "engine/secret_file.h"
#include "queue/base/check.h"
#include "queue/base/clock.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define CONNECTIONS_MAX 256
#define TIMEOUT_S       120
#define HANG_LOOK_NS    (10 * NS_PER_MS) /* how often a request looks whether it still hangs */

struct mock_token_http {
	struct mock_token *token;
	struct MHD_Daemon *daemon;
	atomic_bool closing;
	char certificate[MOCK_TOKEN_PEM_BYTES];
	char key[MOCK_TOKEN_PEM_BYTES];
};

/* One request. */
struct exchange {
	size_t bytes;
	bool too_long;
	char form[MOCK_TOKEN_BODY_BYTES];
	struct mock_token_answer answer;
};

static bool read_pem(const char *path, char *into, struct text *why);
static struct MHD_Daemon *start(struct mock_token_http *http, const struct sockaddr *address);
static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *data, size_t *bytes, void **state);
static void hang(struct mock_token_http *http);
static enum MHD_Result reply(
        struct MHD_Connection *connection, const struct mock_token_answer *answer);
static void completed(void *argument, struct MHD_Connection *connection, void **state,
        enum MHD_RequestTerminationCode code);

struct err mock_token_http_open(struct mock_token_http **result, struct mock_token *token,
        const char *certificate_file, const char *key_file, struct endpoint *at, struct text *why)
{
	struct sockaddr_in6 address = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(token->listen.port),
	};
	struct mock_token_http *http = calloc(1, sizeof *http);

	*result = NULL;
	if (http == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	http->token = token;
	atomic_init(&http->closing, false);
	if (!read_pem(certificate_file, http->certificate, why) ||
	        !read_pem(key_file, http->key, why)) {
		free(http);
		return err_make(ERR_NOT_FOUND, 0);
	}
	struct sockaddr_in address4 = {
		.sin_family = AF_INET,
		.sin_port = address.sin6_port,
	};
	memcpy(&address.sin6_addr, token->listen.address, sizeof address.sin6_addr);
	memcpy(&address4.sin_addr, token->listen.address + 12, sizeof address4.sin_addr);
	const bool ipv4 = endpoint_is_ipv4(&token->listen);
	http->daemon = start(http,
	        ipv4 ? (const struct sockaddr *)&address4 : (const struct sockaddr *)&address);
	if (http->daemon == NULL) {
		text_put(why, VIEW("the token endpoint can't listen, or TLS can't be set up"));
		free(http);
		return err_make(ERR_SYSTEM, 0);
	}
	const union MHD_DaemonInfo *info =
	        MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
	check(info != NULL);
	*at = token->listen;
	at->port = info->port;
	*result = http;
	return err_ok();
}

static bool read_pem(const char *path, char *into, struct text *why)
{
	size_t bytes;
	const struct err err =
	        secret_file_read(path, (struct span){ into, MOCK_TOKEN_PEM_BYTES - 1 }, &bytes);

	if (failed(err)) {
		text_format(why, "%s: %s", path, secret_file_why(err));
		return false;
	}
	into[bytes] = '\0';
	return true;
}

static struct MHD_Daemon *start(struct mock_token_http *http, const struct sockaddr *address)
{
	sigset_t all;
	sigset_t before;
	const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
	                       MHD_USE_TLS | (address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);

	/* Its threads inherit the mask: signals are the main thread's. */
	check(sigfillset(&all) == 0);
	check(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
	struct MHD_Daemon *daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, http,
	        MHD_OPTION_SOCK_ADDR, address, MHD_OPTION_HTTPS_MEM_CERT, http->certificate,
	        MHD_OPTION_HTTPS_MEM_KEY, http->key, MHD_OPTION_CONNECTION_LIMIT,
	        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
	        MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
	check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return daemon;
}

/* Called once a request for its head, then for each part of its body, then at its end. */
static enum MHD_Result handle(void *argument, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *data, size_t *bytes, void **state)
{
	struct mock_token_http *http = argument;
	struct exchange *exchange = *state;

	(void)version;
	if (exchange == NULL) {
		*state = calloc(1, sizeof *exchange);
		return *state == NULL ? MHD_NO : MHD_YES;
	}
	if (*bytes > 0) {
		if (*bytes > sizeof exchange->form - exchange->bytes) {
			exchange->too_long = true;
		} else {
			memcpy(exchange->form + exchange->bytes, data, *bytes);
			exchange->bytes += *bytes;
		}
		*bytes = 0;
		return MHD_YES;
	}
	if (exchange->too_long)
		exchange->answer.status = 413;
	else
		mock_token_answer(http->token, view_of(method), view_of(url),
		        view_from(exchange->form, exchange->bytes), clock_wall().ms / 1000,
		        &exchange->answer);
	if (exchange->answer.hang) {
		hang(http);
		exchange->answer.status = 503;
	}
	return reply(connection, &exchange->answer);
}

static void hang(struct mock_token_http *http)
{
	const struct timespec moment = { .tv_nsec = HANG_LOOK_NS };

	while (!atomic_load(&http->closing) && mock_token_hangs(http->token))
		(void)nanosleep(&moment, NULL);
}

static enum MHD_Result reply(
        struct MHD_Connection *connection, const struct mock_token_answer *answer)
{
	/* It takes what it does not change, and does not say so. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
	        answer->bytes, (void *)(uintptr_t)answer->body, MHD_RESPMEM_MUST_COPY);
	char seconds[24];

	if (response == NULL)
		return MHD_NO;
	(void)snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)answer->retry_after_s);
	enum MHD_Result result = MHD_add_response_header(
	        response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json; charset=utf-8");
	if (result == MHD_YES && answer->retry_after_s > 0)
		result = MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	if (result == MHD_YES && answer->status == MHD_HTTP_FOUND)
		result = MHD_add_response_header(
		        response, MHD_HTTP_HEADER_LOCATION, "https://127.0.0.1:1/elsewhere");
	if (result == MHD_YES)
		result = MHD_queue_response(connection, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static void completed(void *argument, struct MHD_Connection *connection, void **state,
        enum MHD_RequestTerminationCode code)
{
	(void)argument;
	(void)connection;
	(void)code;
	free(*state);
	*state = NULL;
}

void mock_token_http_close(struct mock_token_http *http)
{
	if (http == NULL)
		return;
	atomic_store(&http->closing, true);
	MHD_stop_daemon(http->daemon);
	free(http);
}
