#include "engine/token_fetch.h"

#include "engine/secret_file.h"
#include "engine/token_request.h"
#include "queue/base/check.h"

#include <stdio.h>

/* The parts of its memory. */
struct places {
	struct span secret;
	struct span refresh;
	struct span certificate;
	struct span key;
	struct span form;
	struct span answer;
	struct span tokens;
};

/* Faults that no endpoint tells of. */
static const struct token_error file_fault = { 0, "file", TOKEN_PARTY_OPERATOR, false,
	"a file can't be read",
	"Mend the file (`sluice check` says what is wrong), then `sluice queue retry --all`." };
static const struct token_error key_fault = { 0, "key", TOKEN_PARTY_OPERATOR, false,
	"the key can't sign for the certificate",
	"Set certificate and key to a pair in PEM (`sluice check` says what is wrong)." };
static const struct token_error network_fault = { 0, "unreachable", TOKEN_PARTY_OPERATOR, true,
	"the token endpoint can't be reached",
	"Look at the network, name resolution, proxy and ca_file; it is tried again by itself." };
static const struct token_error command_fault = { 0, "command", TOKEN_PARTY_OPERATOR, true,
	"the command gives no token",
	"Run `sluice token --identity USER` as the service's user: it shows what the command "
	"says." };
static const struct token_error old_fault = { 0, "expired", TOKEN_PARTY_OPERATOR, true,
	"the token has expired already",
	"Let the command give a fresh token; compare this machine's clock (`timedatectl`)." };
static const struct token_error long_fault = { 0, "too_long", TOKEN_PARTY_SERVICE, false,
	"the token is too long to sign in with",
	"Take the app out of groups that add claims to its tokens." };

static struct places places_of(const struct token_fetch *fetch);
static bool read_secrets(struct token_fetch *fetch, const struct token_fetch_unsaved *unsaved,
        struct token_secrets *secrets);
static bool read_file(
        struct token_fetch *fetch, const char *path, struct span into, struct view *result);
static void ask_endpoint(
        struct token_fetch *fetch, const struct token_fetch_unsaved *unsaved, struct wall wall);
static void hear_endpoint(struct token_fetch *fetch, struct wall wall);
static void hear_command(struct token_fetch *fetch, struct wall wall);
static void take_token(struct token_fetch *fetch, struct wall wall);
static void fail(struct token_fetch *fetch, const struct token_error *error, const char *format,
        ...) __attribute__((format(printf, 3, 4)));

void token_fetch_begin(struct token_fetch *fetch, const struct config_oauth *oauth,
        const struct token_fetch_unsaved *unsaved, bool loud, struct mono now, struct wall wall)
{
	check(fetch->oauth == NULL);
	check(fetch->memory.bytes == TOKEN_FETCH_BYTES);
	fetch->oauth = oauth;
	fetch->done = false;
	fetch->error = NULL;
	fetch->text[0] = '\0';
	fetch->reply = (struct token_reply){ 0 };
	fetch->retry_after_s = 0;
	if (oauth->flow == FLOW_COMMAND) {
		fetch->command = (struct token_command){
			.words = oauth->command.at,
			.loud = loud,
			.deadline = mono_after(now, oauth->timeout_ns),
			.into = places_of(fetch).answer,
		};
		token_command_begin(&fetch->command);
		if (fetch->command.done)
			hear_command(fetch, wall);
	} else {
		ask_endpoint(fetch, unsaved, wall);
	}
}

static struct places places_of(const struct token_fetch *fetch)
{
	char *at = fetch->memory.data;
	struct places places = {
		.secret = { at, TOKEN_FETCH_FILE_BYTES },
		.refresh = { at + TOKEN_FETCH_FILE_BYTES, TOKEN_FETCH_FILE_BYTES },
	};

	at += (size_t)2 * TOKEN_FETCH_FILE_BYTES;
	places.certificate = (struct span){ at, TOKEN_FETCH_PEM_BYTES };
	places.key = (struct span){ at + TOKEN_FETCH_PEM_BYTES, TOKEN_FETCH_PEM_BYTES };
	at += (size_t)2 * TOKEN_FETCH_PEM_BYTES;
	places.form = (struct span){ at, TOKEN_FETCH_FORM_BYTES };
	at += TOKEN_FETCH_FORM_BYTES;
	places.answer = (struct span){ at, TOKEN_FETCH_REPLY_BYTES };
	places.tokens = (struct span){ at + TOKEN_FETCH_REPLY_BYTES, TOKEN_FETCH_REPLY_BYTES };
	return places;
}

/* The endpoint. */

static void ask_endpoint(
        struct token_fetch *fetch, const struct token_fetch_unsaved *unsaved, struct wall wall)
{
	const struct config_oauth *oauth = fetch->oauth;
	const struct places places = places_of(fetch);
	struct text form = text_on(places.form.data, places.form.bytes);
	struct token_secrets secrets = { 0 };

	if (!read_secrets(fetch, unsaved, &secrets))
		return;
	if (!token_request_write(&form, oauth, &secrets, wall.ms / 1000)) {
		fail(fetch, &key_fault, "%s and %s", oauth->certificate, oauth->key);
		return;
	}
	fetch->request = (struct token_http_request){
		.url = oauth->token_url,
		.ca_file = oauth->ca_file,
		.proxy = oauth->proxy,
		.timeout_ns = oauth->timeout_ns,
		.form = text_view(&form),
		.into = places.answer,
	};
	token_http_begin(fetch->http, &fetch->request);
	if (fetch->request.done)
		hear_endpoint(fetch, wall);
}

/* Anew for each attempt, so that a changed secret needs no restart. */
static bool read_secrets(struct token_fetch *fetch, const struct token_fetch_unsaved *unsaved,
        struct token_secrets *secrets)
{
	const struct config_oauth *oauth = fetch->oauth;
	const struct places places = places_of(fetch);

	if (oauth->client_secret_file != NULL && !read_file(fetch, oauth->client_secret_file,
	                                                 places.secret, &secrets->client_secret))
		return false;
	if (oauth->certificate != NULL &&
	        (!read_file(fetch, oauth->certificate, places.certificate, &secrets->certificate) ||
	                !read_file(fetch, oauth->key, places.key, &secrets->key)))
		return false;
	if (oauth->flow != FLOW_REFRESH_TOKEN)
		return true;
	if (!read_file(fetch, oauth->refresh_token_file, places.refresh, &secrets->refresh_token))
		return false;
	crypto_sha256(secrets->refresh_token, fetch->digest);
	if (unsaved->token.bytes > 0 &&
	        memcmp(unsaved->digest, fetch->digest, sizeof fetch->digest) == 0)
		secrets->refresh_token = unsaved->token;
	return true;
}

static bool read_file(
        struct token_fetch *fetch, const char *path, struct span into, struct view *result)
{
	size_t bytes;
	const struct err err = secret_file_read(path, into, &bytes);

	if (failed(err)) {
		fail(fetch, &file_fault, "%s: %s", path, secret_file_why(err));
		return false;
	}
	*result = view_from(into.data, bytes);
	return true;
}

void token_fetch_work(struct token_fetch *fetch, struct mono now, struct wall wall)
{
	if (fetch->oauth == NULL || fetch->done)
		return;
	if (fetch->oauth->flow == FLOW_COMMAND) {
		token_command_work(&fetch->command, now);
		if (fetch->command.done)
			hear_command(fetch, wall);
	} else if (fetch->request.done) {
		hear_endpoint(fetch, wall);
	}
}

static void hear_endpoint(struct token_fetch *fetch, struct wall wall)
{
	const struct token_http_request *request = &fetch->request;
	const struct places places = places_of(fetch);
	struct token_reply *reply = &fetch->reply;

	fetch->retry_after_s = request->retry_after_s;
	if (request->status == 0) {
		fail(fetch, &network_fault, "%s: %s", request->url, request->why);
		return;
	}
	const bool heard = token_reply_parse(
	        reply, view_from(places.answer.data, request->bytes), places.tokens);
	if (heard && reply->granted && request->status / 100 == 2) {
		take_token(fetch, wall);
		return;
	}
	if (!heard)
		*reply = (struct token_reply){ 0 };
	const struct token_error *error =
	        token_error_find(reply->code, view_of(reply->error), request->status);
	if (reply->description[0] != '\0')
		fail(fetch, error, "%s", reply->description);
	else if (reply->error[0] != '\0')
		fail(fetch, error, "%s answers %d, %s", request->url, request->status,
		        reply->error);
	else
		fail(fetch, error, "%s answers %d", request->url, request->status);
}

/* The command. */

static void hear_command(struct token_fetch *fetch, struct wall wall)
{
	const struct token_command *command = &fetch->command;
	const struct places places = places_of(fetch);

	if (!command->fine) {
		fail(fetch, &command_fault, "%s: %s", command->words[0], command->why);
		return;
	}
	if (!token_reply_parse_output(
	            &fetch->reply, view_from(places.answer.data, command->bytes), places.tokens)) {
		fail(fetch, &command_fault,
		        "%s: it prints neither a token nor a JSON object "
		        "with access_token",
		        command->words[0]);
		return;
	}
	if (!fetch->reply.granted) {
		fail(fetch, token_error_find(fetch->reply.code, view_of(fetch->reply.error), 400),
		        "%s",
		        fetch->reply.description[0] != '\0' ? fetch->reply.description
		                                            : fetch->reply.error);
		return;
	}
	take_token(fetch, wall);
}

/* Both. */

static void take_token(struct token_fetch *fetch, struct wall wall)
{
	const int64_t now_s = wall.ms / 1000;

	token_claims_read(&fetch->claims, fetch->reply.access_token);
	const size_t bytes[] = { fetch->reply.access_token.bytes,
		fetch->reply.refresh_token.bytes };
	if (bytes[0] > TOKEN_BYTES_MAX || bytes[1] > TOKEN_BYTES_MAX) {
		fail(fetch, &long_fault, "it has %zu bytes",
		        bytes[0] > bytes[1] ? bytes[0] : bytes[1]);
		return;
	}
	fetch->lifetime_s = fetch->reply.expires_in_s;
	if (fetch->lifetime_s == 0 && fetch->claims.expires_s > 0) {
		fetch->lifetime_s = fetch->claims.expires_s - now_s;
		if (fetch->lifetime_s <= 0) {
			fail(fetch, &old_fault, "it ended %lld s ago",
			        (long long)-fetch->lifetime_s);
			return;
		}
	}
	if (fetch->lifetime_s == 0)
		fetch->lifetime_s = TOKEN_LIFETIME_UNSAID_S;
	if (fetch->lifetime_s > TOKEN_LIFETIME_MOST_S)
		fetch->lifetime_s = TOKEN_LIFETIME_MOST_S;
	fetch->done = true;
}

static void fail(
        struct token_fetch *fetch, const struct token_error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(fetch->text, sizeof fetch->text, format, args);
	va_end(args);
	fetch->error = error;
	fetch->done = true;
}

bool token_fetch_is_outdated(struct token_fetch *fetch)
{
	const struct places places = places_of(fetch);
	uint8_t digest[CRYPTO_SHA256_BYTES];
	size_t bytes;

	if (fetch->oauth->flow != FLOW_REFRESH_TOKEN ||
	        failed(secret_file_read(fetch->oauth->refresh_token_file, places.refresh, &bytes)))
		return false;
	crypto_sha256(view_from(places.refresh.data, bytes), digest);
	return memcmp(digest, fetch->digest, sizeof digest) != 0;
}

void token_fetch_end(struct token_fetch *fetch)
{
	if (fetch->oauth == NULL)
		return;
	if (fetch->oauth->flow == FLOW_COMMAND)
		token_command_cancel(&fetch->command);
	else
		token_http_cancel(fetch->http, &fetch->request);
	crypto_wipe(fetch->memory.data, fetch->memory.bytes);
	fetch->oauth = NULL;
}
