#include "bench/mock_token_issue.h"

#include "engine/json_read.h"
#include "engine/json_write.h"
#include "engine/token_claims.h"
#include "engine/wire/base64.h"
#include "queue/base/check.h"

#include <inttypes.h>

#define RESOURCE       "https://outlook.office365.com"
#define PERSON_SCOPE   "https://outlook.office.com/SMTP.Send"
#define TENANT_GUID    "9c1f3a52-0000-4000-8000-00000000c0de"
#define FIELD_BYTES    8192
#define PATH_END       "/oauth2/v2.0/token"
#define ASSERTION_KIND "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static bool judge_path(
        const struct mock_token *token, struct view path, struct mock_token_answer *answer);
static struct mock_token_app *judge_app(struct mock_token *token, struct view path,
        struct view form, int64_t now_s, struct mock_token_answer *answer);
static bool judge_assertion(const struct mock_token *token, const struct mock_token_app *app,
        struct view path, struct view form, int64_t now_s);
static bool assertion_says(
        struct view payload, const struct mock_token_app *app, struct view path, int64_t now_s);
static bool assertion_names(struct view header, struct view certificate);
static void issue_app(struct mock_token *token, const struct mock_token_app *app, struct view form,
        int64_t now_s, struct mock_token_answer *answer);
static void issue_person(struct mock_token *token, const struct mock_token_app *app,
        struct view form, int64_t now_s, struct mock_token_answer *answer);
static struct mock_token_person *find_person(struct mock_token *token, struct view refresh);
static void put_refresh(const struct mock_token *token, const struct mock_token_person *person,
        uint64_t number, struct text *text);
static void put_access(const struct mock_token *token, struct view payload, struct text *text);
static void grant(struct mock_token *token, struct view payload, struct view refresh,
        struct mock_token_answer *answer);

void mock_token_issue(struct mock_token *token, struct view path, struct view form, int64_t now_s,
        struct mock_token_answer *answer)
{
	char memory[MOCK_TOKEN_WORD_BYTES];
	struct text kind = TEXT_ON(memory);

	if (!judge_path(token, path, answer))
		return;
	if (!mock_token_field(form, "grant_type", &kind)) {
		mock_token_refuse(answer, 400, "invalid_request", 900144,
		        "The request body must contain the following parameter: 'grant_type'.");
		return;
	}
	const struct mock_token_app *app = judge_app(token, path, form, now_s, answer);
	if (app == NULL)
		return;
	if (view_equal(text_view(&kind), VIEW("client_credentials")))
		issue_app(token, app, form, now_s, answer);
	else if (view_equal(text_view(&kind), VIEW("refresh_token")))
		issue_person(token, app, form, now_s, answer);
	else
		mock_token_refuse(answer, 400, "unsupported_grant_type", 70003,
		        "The app requested an unsupported grant type.");
}

static bool judge_path(
        const struct mock_token *token, struct view path, struct mock_token_answer *answer)
{
	if (path.bytes < 2 || !view_ends_fold(path, VIEW(PATH_END)))
		return false; /* 404 */
	const struct view tenant =
	        view_from(path.data + 1, path.bytes - 1 - (sizeof(PATH_END) - 1));
	if (token->tenant[0] == '\0' || view_equal_fold(tenant, view_of(token->tenant)))
		return true;
	mock_token_refuse(answer, 400, "invalid_request", 90002,
	        "Tenant not found. Check to make sure you have the correct tenant ID.");
	return false;
}

static struct mock_token_app *judge_app(struct mock_token *token, struct view path,
        struct view form, int64_t now_s, struct mock_token_answer *answer)
{
	char id_memory[MOCK_TOKEN_WORD_BYTES];
	char secret_memory[FIELD_BYTES];
	struct text id = TEXT_ON(id_memory);
	struct text secret = TEXT_ON(secret_memory);
	struct mock_token_app *app = NULL;

	(void)mock_token_field(form, "client_id", &id); /* none is none of ours */
	for (size_t i = 0; i < token->app_count; i++)
		if (view_equal_fold(text_view(&id), view_of(token->apps[i].id)))
			app = &token->apps[i];
	if (app == NULL) {
		mock_token_refuse(answer, 400, "unauthorized_client", 700016,
		        "Application was not found in the directory.");
		return NULL;
	}
	app->requests++;
	if (mock_token_field(form, "client_assertion", &secret)) {
		if (judge_assertion(token, app, path, form, now_s))
			return app;
		mock_token_refuse(answer, 401, "invalid_client", 700027,
		        "Client assertion failed signature validation.");
		return NULL;
	}
	if (mock_token_field(form, "client_secret", &secret)) {
		if (app->secret[0] != '\0' && view_equal(text_view(&secret), view_of(app->secret)))
			return app;
		mock_token_refuse(answer, 401, "invalid_client", 7000215,
		        "Invalid client secret provided. Ensure the secret being sent in the "
		        "request is the client secret value, not the client secret ID.");
		return NULL;
	}
	if (app->secret[0] == '\0' && token->certificate_bytes == 0)
		return app; /* a public one */
	mock_token_refuse(answer, 401, "invalid_client", 7000218,
	        "The request body must contain the following parameter: 'client_assertion' or "
	        "'client_secret'.");
	return NULL;
}

static bool judge_assertion(const struct mock_token *token, const struct mock_token_app *app,
        struct view path, struct view form, int64_t now_s)
{
	const struct view certificate = view_from(token->certificate, token->certificate_bytes);
	char assertion_memory[FIELD_BYTES];
	char kind_memory[MOCK_TOKEN_WORD_BYTES];
	char part_memory[3][FIELD_BYTES];
	struct text assertion = TEXT_ON(assertion_memory);
	struct text kind = TEXT_ON(kind_memory);
	struct text parts[3];

	if (!mock_token_field(form, "client_assertion", &assertion) ||
	        !mock_token_field(form, "client_assertion_type", &kind) ||
	        !view_equal(text_view(&kind), VIEW(ASSERTION_KIND)))
		return false;
	struct view rest = text_view(&assertion);
	size_t signed_bytes = 0;
	for (size_t i = 0; i < 3; i++) {
		const size_t dot = view_find(rest, '.');
		parts[i] = text_on(part_memory[i], FIELD_BYTES);
		if ((dot == rest.bytes) != (i == 2) ||
		        !base64_url_decode(&parts[i], view_first(rest, dot)))
			return false;
		if (i < 2)
			signed_bytes += dot + (i == 0 ? 1 : 0);
		rest = view_skip(rest, i < 2 ? dot + 1 : dot);
	}
	return crypto_verify(certificate, view_first(text_view(&assertion), signed_bytes),
	               text_view(&parts[2])) &&
	       assertion_names(text_view(&parts[0]), certificate) &&
	       assertion_says(text_view(&parts[1]), app, path, now_s);
}

/* The header names the certificate by both thumbprints. */
static bool assertion_names(struct view header, struct view certificate)
{
	uint8_t sha1[CRYPTO_SHA1_BYTES];
	uint8_t sha256[CRYPTO_SHA256_BYTES];
	struct json_reader reader = json_read_object(header);
	struct view key;
	struct view value;
	int right = 0;

	if (!crypto_certificate_prints(certificate, sha1, sha256))
		return false;
	while (json_read_next(&reader, &key, &value)) {
		char memory[2][MOCK_TOKEN_WORD_BYTES];
		struct text wanted = TEXT_ON(memory[0]);
		struct text said = TEXT_ON(memory[1]);

		if (view_equal(key, VIEW("x5t")))
			base64_url_encode(&wanted, view_from(sha1, sizeof sha1));
		else if (view_equal(key, VIEW("x5t#S256")))
			base64_url_encode(&wanted, view_from(sha256, sizeof sha256));
		else if (view_equal(key, VIEW("alg")))
			text_put(&wanted, VIEW("RS256"));
		right += wanted.bytes > 0 && json_read_text(value, &said) &&
		         view_equal(text_view(&wanted), text_view(&said));
	}
	return !reader.bad && right == 3;
}

static bool assertion_says(
        struct view payload, const struct mock_token_app *app, struct view path, int64_t now_s)
{
	struct json_reader reader = json_read_object(payload);
	struct view key;
	struct view value;
	uint64_t number;
	int right = 0;

	while (json_read_next(&reader, &key, &value)) {
		char memory[FIELD_BYTES];
		struct text said = TEXT_ON(memory);

		(void)json_read_text(value, &said); /* numbers are none */
		if (view_equal(key, VIEW("aud")))
			right += view_ends_fold(text_view(&said), path);
		else if (view_equal(key, VIEW("iss")) || view_equal(key, VIEW("sub")))
			right += view_equal_fold(text_view(&said), view_of(app->id));
		else if (view_equal(key, VIEW("exp")) && json_read_u64(value, &number))
			right += (int64_t)number > now_s;
		else if (view_equal(key, VIEW("jti")))
			right += said.bytes > 0;
	}
	return !reader.bad && right == 5;
}

/* Tokens. */

static void issue_app(struct mock_token *token, const struct mock_token_app *app, struct view form,
        int64_t now_s, struct mock_token_answer *answer)
{
	static const struct view ending = VIEW_INIT("/.default");
	char scope_memory[FIELD_BYTES];
	char memory[FIELD_BYTES];
	struct text scope = TEXT_ON(scope_memory);
	struct text payload = TEXT_ON(memory);

	if (!mock_token_field(form, "scope", &scope) || scope.bytes > MOCK_TOKEN_WORD_BYTES ||
	        !view_ends_fold(text_view(&scope), ending)) {
		mock_token_refuse(answer, 400, "invalid_scope", 70011,
		        "The provided value for the input parameter 'scope' is not valid.");
		return;
	}
	text_put(&payload, VIEW("{\"aud\":"));
	json_write_text(&payload, view_first(text_view(&scope), scope.bytes - ending.bytes));
	text_put(&payload, VIEW(",\"appid\":"));
	json_write_text(&payload, view_of(app->id));
	text_format(&payload,
	        ",\"tid\":\"" TENANT_GUID "\",\"roles\":[\"SMTP.SendAsApp\"],\"iat\":%" PRId64
	        ",\"exp\":%" PRId64 ",\"gen\":%" PRIu64 ",\"uti\":%" PRIu64 "}",
	        now_s, now_s + token->lifetime_s, token->generation, token->granted);
	grant(token, text_view(&payload), VIEW(""), answer);
}

static void issue_person(struct mock_token *token, const struct mock_token_app *app,
        struct view form, int64_t now_s, struct mock_token_answer *answer)
{
	char memory[4][FIELD_BYTES];
	struct text scope = TEXT_ON(memory[0]);
	struct text refresh = TEXT_ON(memory[1]);
	struct text payload = TEXT_ON(memory[2]);
	struct text heir = TEXT_ON(memory[3]);

	if (!mock_token_field(form, "scope", &scope) ||
	        !view_contains_fold(text_view(&scope), VIEW(PERSON_SCOPE))) {
		mock_token_refuse(answer, 400, "invalid_scope", 70011,
		        "The provided value for the input parameter 'scope' is not valid.");
		return;
	}
	(void)mock_token_field(form, "refresh_token", &refresh); /* none is nobody's */
	struct mock_token_person *person = find_person(token, text_view(&refresh));
	if (person == NULL) {
		mock_token_refuse(answer, 400, "invalid_grant", 50173,
		        "The provided grant has expired due to it being revoked, a fresh auth "
		        "token is needed.");
		return;
	}
	put_refresh(token, person, ++person->issued, &heir);
	text_put(&payload, VIEW("{\"aud\":\"" RESOURCE "\",\"appid\":"));
	json_write_text(&payload, view_of(app->id));
	text_put(&payload, VIEW(",\"upn\":"));
	json_write_text(&payload, view_of(person->user));
	text_format(&payload,
	        ",\"tid\":\"" TENANT_GUID "\",\"scp\":\"SMTP.Send\",\"iat\":%" PRId64
	        ",\"exp\":%" PRId64 ",\"gen\":%" PRIu64 ",\"uti\":%" PRIu64 "}",
	        now_s, now_s + token->lifetime_s, token->generation, token->granted);
	grant(token, text_view(&payload), text_view(&heir), answer);
}

static struct mock_token_person *find_person(struct mock_token *token, struct view refresh)
{
	for (size_t i = 0; i < token->person_count; i++) {
		struct mock_token_person *person = &token->people[i];

		for (uint64_t back = 0; back < 2 && back <= person->issued; back++) {
			char memory[FIELD_BYTES];
			struct text good = TEXT_ON(memory);

			put_refresh(token, person, person->issued - back, &good);
			if (!person->forgotten && view_equal(text_view(&good), refresh))
				return person;
		}
	}
	return NULL;
}

static void put_refresh(const struct mock_token *token, const struct mock_token_person *person,
        uint64_t number, struct text *text)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char memory[2 * MOCK_TOKEN_WORD_BYTES];
	struct text named = TEXT_ON(memory);

	if (number == 0) {
		text_put(text, view_of(person->initial));
		return;
	}
	text_format(&named, "%s %" PRIu64, person->user, number);
	crypto_hmac_sha256(view_from(token->key, sizeof token->key), text_view(&named), digest);
	text_put(text, VIEW("1.mock-"));
	base64_url_encode(text, view_from(digest, sizeof digest));
}

static void grant(struct mock_token *token, struct view payload, struct view refresh,
        struct mock_token_answer *answer)
{
	struct text text = TEXT_ON(answer->body);

	text_format(&text,
	        "{\"token_type\":\"Bearer\",\"expires_in\":%" PRId64 ",\"ext_expires_in\":%" PRId64
	        ",\"access_token\":\"",
	        token->lifetime_s, token->lifetime_s);
	put_access(token, payload, &text);
	text_put(&text, VIEW("\""));
	if (refresh.bytes > 0)
		text_format(&text, ",\"refresh_token\":\"%.*s\"", VIEW_ARGS(refresh));
	text_put(&text, VIEW("}"));
	check(!text.overflow);
	token->granted++;
	answer->status = 200;
	answer->bytes = text.bytes;
}

static void put_access(const struct mock_token *token, struct view payload, struct text *text)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	const size_t from = text->bytes;

	base64_url_encode(text, VIEW("{\"typ\":\"JWT\",\"alg\":\"HS256\"}"));
	text_put_byte(text, '.');
	base64_url_encode(text, payload);
	crypto_hmac_sha256(view_from(token->key, sizeof token->key),
	        view_from(text->data + from, text->bytes - from), digest);
	text_put_byte(text, '.');
	base64_url_encode(text, view_from(digest, sizeof digest));
}

bool mock_token_is_good(
        struct mock_token *token, struct view user, struct view access_token, int64_t now_s)
{
	char memory[2][FIELD_BYTES];
	struct text payload = TEXT_ON(memory[0]);
	struct text again = TEXT_ON(memory[1]);
	struct token_claims claims;
	struct view key;
	struct view value;
	uint64_t generation = 0;

	const struct view behind = view_skip(access_token, view_find(access_token, '.'));
	if (behind.bytes == 0)
		return false;
	const struct view body = view_skip(behind, 1);
	if (!base64_url_decode(&payload, view_first(body, view_find(body, '.'))))
		return false;
	put_access(token, text_view(&payload), &again);
	if (!view_equal(text_view(&again), access_token))
		return false;
	struct json_reader reader = json_read_object(text_view(&payload));
	while (json_read_next(&reader, &key, &value))
		if (view_equal(key, VIEW("gen")))
			(void)json_read_u64(value, &generation); /* else 0, which is too old */
	token_claims_read(&claims, access_token);
	return generation == token->generation && claims.expires_s > now_s &&
	       strcmp(claims.audience, RESOURCE) == 0 &&
	       (claims.user[0] == '\0' || view_equal_fold(view_of(claims.user), user));
}

/* Words. */

void mock_token_refuse(struct mock_token_answer *answer, int status, const char *error,
        uint32_t code, const char *text)
{
	struct text body = TEXT_ON(answer->body);

	text_format(&body,
	        "{\"error\":\"%s\",\"error_description\":\"AADSTS%u: %s Trace ID: "
	        "0f0e0d0c-0000-4000-8000-000000000001 Correlation ID: "
	        "0f0e0d0c-0000-4000-8000-000000000002 Timestamp: 2026-11-24 03:14:15Z\","
	        "\"error_codes\":[%u],\"trace_id\":\"0f0e0d0c-0000-4000-8000-000000000001\","
	        "\"correlation_id\":\"0f0e0d0c-0000-4000-8000-000000000002\"}",
	        error, code, text, code);
	check(!body.overflow);
	answer->status = status;
	answer->bytes = body.bytes;
}

static int hex_value(char c)
{
	const char low = byte_lower(c);

	if (byte_is_digit(c))
		return c - '0';
	return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

static bool decode(struct view encoded, struct text *value)
{
	struct text copy = *value;

	for (size_t i = 0; i < encoded.bytes; i++) {
		char c = encoded.data[i];

		if (c == '%') {
			if (encoded.bytes - i < 3)
				return false;
			const int high = hex_value(encoded.data[i + 1]);
			const int low = hex_value(encoded.data[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		text_put_byte(&copy, c);
	}
	if (copy.overflow)
		return false;
	*value = copy;
	return true;
}

bool mock_token_field(struct view form, const char *name, struct text *value)
{
	while (form.bytes > 0) {
		const size_t end = view_find(form, '&');
		const struct view field = view_first(form, end);
		const size_t equals = view_find(field, '=');

		if (equals < field.bytes && view_equal(view_first(field, equals), view_of(name)))
			return decode(view_skip(field, equals + 1), value);
		form = view_skip(form, end < form.bytes ? end + 1 : end);
	}
	return false;
}

uint64_t mock_token_number(struct view form, const char *name)
{
	char memory[MOCK_TOKEN_WORD_BYTES];
	struct text value = TEXT_ON(memory);
	uint64_t number = 0;

	if (!mock_token_field(form, name, &value) || !view_to_u64(text_view(&value), &number))
		return 0;
	return number;
}
