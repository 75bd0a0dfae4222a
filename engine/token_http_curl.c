#include "engine/token_http.h"

#include "engine/io/crypto.h"
#include "queue/base/check.h"
#include "queue/base/clock.h"

#include <assert.h>
#include <curl/curl.h>
#include <malloc.h>
#include <stdlib.h>

#define CONNECT_MS       10000L /* a name, a connection and a handshake take no longer */
#define CONNECTIONS_KEPT 8L     /* idle ones: tokens are asked for once an hour */

struct token_http {
	CURLM *multi;
	struct curl_slist *headers;
};

static bool set_options(const struct token_http *http, struct token_http_request *request);
static bool set_limits(struct token_http_request *request);
static size_t take_body(char *data, size_t size, size_t count, void *argument);
static void finish(struct token_http *http, struct token_http_request *request, CURLcode code);
static void say(struct token_http_request *request, const char *why);

/* The library's memory holds forms and answers: it is wiped before it is given back. */

static void wiping_free(void *memory)
{
	if (memory != NULL)
		crypto_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

static void *wiping_realloc(void *memory, size_t bytes)
{
	void *other = malloc(bytes);

	if (other == NULL || memory == NULL)
		return other;
	const size_t had = malloc_usable_size(memory);
	memcpy(other, memory, had < bytes ? had : bytes);
	wiping_free(memory);
	return other;
}

struct err token_http_create(struct token_http **result)
{
	struct token_http *http = calloc(1, sizeof *http);

	*result = NULL;
	if (http == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup,
	            calloc) != CURLE_OK) {
		free(http);
		return err_make(ERR_NO_MEMORY, 0);
	}
	http->multi = curl_multi_init();
	http->headers = curl_slist_append(NULL, "Accept: application/json");
	if (http->multi == NULL || http->headers == NULL ||
	        curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
	                (long)TOKEN_HTTP_CONNECTIONS_MAX) != CURLM_OK ||
	        curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT) !=
	                CURLM_OK) {
		token_http_destroy(http);
		return err_make(ERR_NO_MEMORY, 0);
	}
	*result = http;
	return err_ok();
}

void token_http_destroy(struct token_http *http)
{
	if (http == NULL)
		return;
	curl_multi_cleanup(http->multi);
	curl_slist_free_all(http->headers);
	curl_global_cleanup();
	free(http);
}

void token_http_begin(struct token_http *http, struct token_http_request *request)
{
	request->done = false;
	request->status = 0;
	request->bytes = 0;
	request->retry_after_s = 0;
	request->why[0] = '\0';
	request->transfer = curl_easy_init();
	if (request->transfer != NULL && set_options(http, request) && set_limits(request) &&
	        curl_multi_add_handle(http->multi, request->transfer) == CURLM_OK)
		return;
	if (request->transfer != NULL)
		curl_easy_cleanup(request->transfer);
	request->transfer = NULL;
	request->done = true;
	if (request->why[0] == '\0')
		say(request, "out of memory");
}

/* An unset option would be a hole: each must be taken. */
#define SET(option, value)                                                                         \
	(error = error == CURLE_OK ? curl_easy_setopt(easy, (option), (value)) : error)

static bool set_options(const struct token_http *http, struct token_http_request *request)
{
	CURL *easy = request->transfer;
	CURLcode error = CURLE_OK;

	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_PROXY, request->proxy == NULL ? "" : request->proxy);
	SET(CURLOPT_NOPROXY, "");
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (request->ca_file != NULL) {
		SET(CURLOPT_CAINFO, request->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTPHEADER, http->headers);
	SET(CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE, (long)request->form.bytes);
	SET(CURLOPT_POSTFIELDS, request->form.data);
	if (error != CURLE_OK)
		say(request, curl_easy_strerror(error));
	return error == CURLE_OK;
}

static bool set_limits(struct token_http_request *request)
{
	CURL *easy = request->transfer;
	CURLcode error = CURLE_OK;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_TIMEOUT_MS, (long)(request->timeout_ns / NS_PER_MS));
	SET(CURLOPT_MAXFILESIZE, (long)request->into.bytes);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, request);
	SET(CURLOPT_PRIVATE, request);
	SET(CURLOPT_ERRORBUFFER, request->why);
	if (error != CURLE_OK)
		say(request, curl_easy_strerror(error));
	return error == CURLE_OK;
}
static_assert(TOKEN_HTTP_WHY_BYTES >= CURL_ERROR_SIZE, "the library writes that much");

/* Fewer bytes than were given end the transfer. */
static size_t take_body(char *data, size_t size, size_t count, void *argument)
{
	struct token_http_request *request = argument;
	const size_t bytes = size * count;

	if (bytes > request->into.bytes - request->bytes)
		return 0;
	memcpy(request->into.data + request->bytes, data, bytes);
	request->bytes += bytes;
	return bytes;
}

void token_http_work(struct token_http *http)
{
	int running;
	int left;
	CURLMsg *message;

	check(curl_multi_perform(http->multi, &running) == CURLM_OK);
	while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
		struct token_http_request *request;

		if (message->msg != CURLMSG_DONE)
			continue;
		const CURLcode code = message->data.result;
		check(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request) ==
		        CURLE_OK);
		finish(http, request, code);
	}
}

static void finish(struct token_http *http, struct token_http_request *request, CURLcode code)
{
	CURL *easy = request->transfer;
	long status = 0;
	curl_off_t retry_after = 0;

	if (code == CURLE_OK) {
		check(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
		check(curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK);
		request->status = (int)status;
		request->retry_after_s = retry_after > 0 ? retry_after : 0;
	} else if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED) {
		say(request, "the answer is too long for one of a token endpoint");
	} else if (request->why[0] == '\0') {
		say(request, curl_easy_strerror(code));
	}
	request->done = true;
	token_http_cancel(http, request);
}

void token_http_cancel(struct token_http *http, struct token_http_request *request)
{
	if (request->transfer == NULL)
		return;
	check(curl_multi_remove_handle(http->multi, request->transfer) == CURLM_OK);
	curl_easy_cleanup(request->transfer);
	request->transfer = NULL;
}

static void say(struct token_http_request *request, const char *why)
{
	struct text text = TEXT_ON(request->why);

	text_put(&text, view_of(why));
	(void)text_string(&text);
}

const char *token_http_library(void)
{
	return LIBCURL_VERSION;
}
