#include "bench/mock_token.h"

#include "bench/mock_token_issue.h"
#include "engine/token_reply.h"
#include "engine/token_request.h"
#include "tests/engine/io/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define PATH  "/contoso.com/oauth2/v2.0/token"
#define SCOPE "&scope=https%3A%2F%2Foutlook.office365.com%2F.default"
#define GOOD  "grant_type=client_credentials&client_id=app&client_secret=s3cret" SCOPE
#define NOW_S 1795000000

static struct mock_token tokens;
static struct mock_token_answer answer;

static int begin(void **state)
{
	(void)state;
	mock_token_init(&tokens);
	assert_true(mock_token_set(&tokens, MOCK_TOKEN_OPTION_TENANT, "contoso.com"));
	assert_true(mock_token_set(&tokens, MOCK_TOKEN_OPTION_APP, "app:s3cret"));
	assert_true(mock_token_set(&tokens, MOCK_TOKEN_OPTION_APP, "public"));
	assert_true(mock_token_set(&tokens, MOCK_TOKEN_OPTION_PERSON, "a@contoso.com:first"));
	assert_true(mock_token_set(&tokens, MOCK_TOKEN_OPTION_LIFETIME, "60"));
	return 0;
}

static int end(void **state)
{
	(void)state;
	mock_token_finish(&tokens);
	return 0;
}

static void post(const char *path, const char *form)
{
	mock_token_answer(&tokens, VIEW("POST"), view_of(path), view_of(form), NOW_S, &answer);
}

static void control(const char *action, const char *form)
{
	char path[64];

	snprintf(path, sizeof path, "/mock/%s", action);
	post(path, form);
	assert_int_equal(answer.status, 200);
}

/* The tokens of the last answer; the views lie in `memory`. */
static struct token_reply granted(char *memory, size_t bytes)
{
	struct token_reply reply;

	assert_int_equal(answer.status, 200);
	assert_true(token_reply_parse(
	        &reply, view_from(answer.body, answer.bytes), (struct span){ memory, bytes }));
	assert_true(reply.granted);
	return reply;
}

static void assert_refused(int status, const char *error, uint32_t code)
{
	char memory[4096];
	struct token_reply reply;

	assert_int_equal(answer.status, status);
	assert_true(token_reply_parse(&reply, view_from(answer.body, answer.bytes),
	        (struct span){ memory, sizeof memory }));
	assert_string_equal(reply.error, error);
	assert_int_equal(reply.code, code);
}

static void test_app(void **state)
{
	char memory[8192];

	(void)state;
	post(PATH, GOOD);
	const struct token_reply reply = granted(memory, sizeof memory);
	assert_int_equal(reply.expires_in_s, 60);
	assert_true(mock_token_accepts(&tokens, VIEW("any@x"), reply.access_token, NOW_S));
	assert_true(mock_token_accepts(&tokens, VIEW("any@x"), reply.access_token, NOW_S + 59));
	assert_false(mock_token_accepts(&tokens, VIEW("any@x"), reply.access_token, NOW_S + 60));
	memory[20]++;
	assert_false(mock_token_accepts(&tokens, VIEW("any@x"), reply.access_token, NOW_S));
	assert_false(mock_token_accepts(&tokens, VIEW("any@x"), VIEW("opaque"), NOW_S));
	assert_false(mock_token_accepts(&tokens, VIEW("any@x"), VIEW(""), NOW_S));
	assert_int_equal(tokens.accepted, 2);
	assert_int_equal(tokens.refused, 4);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *path;
		const char *form;
		int status;
		const char *error;
		uint32_t code;
	} cases[] = {
		{ "/other.com/oauth2/v2.0/token", GOOD, 400, "invalid_request", 90002 },
		{ PATH, "client_id=app", 400, "invalid_request", 900144 },
		{ PATH, "grant_type=client_credentials&client_id=x", 400, "unauthorized_client",
		        700016 },
		{ PATH, "grant_type=client_credentials&client_id=app&client_secret=x" SCOPE, 401,
		        "invalid_client", 7000215 },
		{ PATH, "grant_type=client_credentials&client_id=public&client_secret=x" SCOPE, 401,
		        "invalid_client", 7000215 },
		{ PATH, "grant_type=client_credentials&client_id=app" SCOPE, 401, "invalid_client",
		        7000218 },
		{ PATH,
		        "grant_type=client_credentials&client_id=app&client_secret=s3cret&scope="
		        "SMTP.Send",
		        400, "invalid_scope", 70011 },
		{ PATH, "grant_type=password&client_id=public", 400, "unsupported_grant_type",
		        70003 },
		{ PATH, "grant_type=refresh_token&client_id=public&refresh_token=first", 400,
		        "invalid_scope", 70011 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		post(cases[i].path, cases[i].form);
		assert_refused(cases[i].status, cases[i].error, cases[i].code);
	}
	post("/elsewhere", GOOD);
	assert_int_equal(answer.status, 404);
	mock_token_answer(&tokens, VIEW("GET"), VIEW(PATH), VIEW(GOOD), NOW_S, &answer);
	assert_int_equal(answer.status, 404);
	assert_int_equal(tokens.granted, 0);
}

static void refresh(const char *token)
{
	char form[1024];

	snprintf(form, sizeof form,
	        "grant_type=refresh_token&client_id=public&refresh_token=%s&scope="
	        "https%%3A%%2F%%2Foutlook.office.com%%2FSMTP.Send+offline_access",
	        token);
	post(PATH, form);
}

/* The heir is another each time; the last two are good, and none before them. */
static void test_rotation(void **state)
{
	char heirs[3][256];
	char memory[8192];

	(void)state;
	for (int i = 0; i < 3; i++) {
		refresh(i == 0 ? "first" : heirs[i - 1]);
		const struct token_reply reply = granted(memory, sizeof memory);
		snprintf(heirs[i], sizeof heirs[i], "%.*s", VIEW_ARGS(reply.refresh_token));
		assert_true(mock_token_accepts(
		        &tokens, VIEW("A@contoso.com"), reply.access_token, NOW_S));
		assert_false(mock_token_accepts(
		        &tokens, VIEW("b@contoso.com"), reply.access_token, NOW_S));
	}
	refresh("first");
	assert_refused(400, "invalid_grant", 50173);
	refresh(heirs[0]);
	assert_refused(400, "invalid_grant", 50173);
	refresh(heirs[1]);
	assert_int_equal(answer.status, 200);
	control("forget", "");
	refresh(heirs[2]);
	assert_refused(400, "invalid_grant", 50173);
}

static void test_controls(void **state)
{
	char memory[8192];

	(void)state;
	post(PATH, GOOD);
	struct token_reply reply = granted(memory, sizeof memory);
	control("revoke", "");
	assert_false(mock_token_accepts(&tokens, VIEW("a"), reply.access_token, NOW_S));
	control("lifetime", "seconds=7");
	post(PATH, GOOD);
	reply = granted(memory, sizeof memory);
	assert_int_equal(reply.expires_in_s, 7);
	assert_true(mock_token_accepts(&tokens, VIEW("a"), reply.access_token, NOW_S));
	control("rotate", "secret=another");
	post(PATH, GOOD);
	assert_refused(401, "invalid_client", 7000215);
	mock_token_answer(&tokens, VIEW("GET"), VIEW("/mock/account"), VIEW(""), 0, &answer);
	assert_int_equal(answer.status, 200);
	snprintf(memory, sizeof memory, "%.*s", (int)answer.bytes, answer.body);
	assert_string_equal(memory, "{\"requests\":3,\"granted\":2,\"accepted\":1,\"refused\":1,"
	                            "\"apps\":{\"app\":3,\"public\":0},"
	                            "\"people\":{\"a@contoso.com\":0}}\n");
	post("/mock/unheard", "");
	assert_int_equal(answer.status, 404);
	post("/mock/lifetime", "seconds=x");
	assert_int_equal(answer.status, 400);
}

static void test_faults(void **state)
{
	(void)state;
	control("fault", "kind=broken&client=public&times=1");
	control("fault", "kind=busy&times=2&retry_after=5");
	post(PATH, GOOD);
	assert_int_equal(answer.status, 429);
	assert_int_equal(answer.retry_after_s, 5);
	refresh("first");
	assert_int_equal(answer.status, 503);
	post(PATH, GOOD);
	assert_int_equal(answer.status, 429);
	post(PATH, GOOD);
	assert_int_equal(answer.status, 200);
	control("fault", "kind=hang");
	assert_true(mock_token_hangs(&tokens));
	post(PATH, GOOD);
	assert_true(answer.hang);
	control("fault", "kind=none");
	assert_false(mock_token_hangs(&tokens));
	control("fault", "kind=refuse&code=53003&times=1");
	post(PATH, GOOD);
	assert_refused(400, "invalid_request", 53003);
	control("fault", "kind=garbage&times=1");
	post(PATH, GOOD);
	assert_memory_equal(answer.body, "<html>", 6);
	assert_false(mock_token_set(&tokens, MOCK_TOKEN_OPTION_FAULT, "kind=unheard"));
	assert_false(mock_token_set(&tokens, MOCK_TOKEN_OPTION_FAULT, ""));
}

static void test_options(void **state)
{
	(void)state;
	assert_false(mock_token_set(&tokens, MOCK_TOKEN_OPTION_LISTEN, "nowhere"));
	assert_false(mock_token_set(&tokens, MOCK_TOKEN_OPTION_LIFETIME, "0"));
	assert_false(mock_token_set(&tokens, MOCK_TOKEN_OPTION_PERSON, "a@b"));
	assert_false(mock_token_set(&tokens, MOCK_TOKEN_OPTION_CERTIFICATE, "/nonexistent"));
}

static size_t read_file(const char *path, char *memory, size_t bytes)
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	const size_t got = fread(memory, 1, bytes, file);
	assert_int_equal(fclose(file), 0);
	return got;
}

static void test_certificate(void **state)
{
	struct certificates certificates;
	char paths[4][CERTIFICATES_PATH_BYTES];
	char pem[4][4096];
	struct view texts[4];
	char memory[8192];
	struct config_oauth oauth = {
		.flow = FLOW_CLIENT_CREDENTIALS,
		.client_id = "public",
		.token_url = "https://localhost" PATH,
		.scope = "https://outlook.office365.com/.default",
	};

	(void)state;
	certificates_init(&certificates);
	certificates_make_app(&certificates, "one", 2048, 90, paths[0], paths[1]);
	certificates_make_app(&certificates, "two", 2048, 90, paths[2], paths[3]);
	for (size_t i = 0; i < 4; i++)
		texts[i] = view_from(pem[i], read_file(paths[i], pem[i], sizeof pem[i]));
	assert_true(mock_token_set(&tokens, MOCK_TOKEN_OPTION_CERTIFICATE, paths[0]));
	for (size_t i = 0; i < 5; i++) {
		struct text form = TEXT_ON(memory);
		const bool other = i == 1;
		const struct token_secrets secrets = {
			.certificate = texts[other ? 2 : 0],
			.key = texts[other ? 3 : 1],
		};
		/* Another's; too old; for somebody else; as somebody else: all but the first. */
		oauth.token_url = i == 3 ? "https://localhost/x" : "https://localhost" PATH;
		assert_true(token_request_write(
		        &form, &oauth, &secrets, i == 2 ? NOW_S - TOKEN_ASSERTION_S : NOW_S));
		if (i == 4)
			memcpy(strstr(text_string(&form), "client_id=public"), "client_id=app&xx",
			        16);
		post(PATH, text_string(&form));
		if (i == 0)
			assert_int_equal(answer.status, 200);
		else
			assert_refused(401, "invalid_client", 700027);
	}
	certificates_finish(&certificates);
}

static void test_fields(void **state)
{
	char memory[16];
	struct text value = TEXT_ON(memory);

	(void)state;
	assert_true(mock_token_field(VIEW("a=1&b=x%20+y&c="), "b", &value));
	assert_string_equal(text_string(&value), "x  y");
	value.bytes = 0;
	assert_true(mock_token_field(VIEW("a=1&c="), "c", &value));
	assert_int_equal(value.bytes, 0);
	assert_false(mock_token_field(VIEW("ab=1&c"), "b", &value));
	assert_false(mock_token_field(VIEW("b=%2"), "b", &value));
	assert_false(mock_token_field(VIEW("b=%zz"), "b", &value));
	assert_false(mock_token_field(VIEW("b=12345678901234567"), "b", &value));
	assert_int_equal(mock_token_number(VIEW("n=12"), "n"), 12);
	assert_int_equal(mock_token_number(VIEW("n=-1"), "n"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_app),
		TEST(test_refusals),
		TEST(test_rotation),
		TEST(test_controls),
		TEST(test_faults),
		TEST(test_options),
		TEST(test_certificate),
		TEST(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
