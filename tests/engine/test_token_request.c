#include "engine/token_request.h"

#include "engine/io/crypto.h"
#include "engine/wire/base64.h"
#include "tests/engine/io/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#define NOW_S 1795000000

static void assert_form(const struct text *form, const char *wanted)
{
	assert_int_equal(form->bytes, strlen(wanted));
	assert_memory_equal(form->data, wanted, form->bytes);
}

static void test_secret(void **state)
{
	const struct config_oauth oauth = {
		.flow = FLOW_CLIENT_CREDENTIALS,
		.client_id = "11-22",
		.scope = "https://outlook.office365.com/.default",
	};
	const struct token_secrets secrets = { .client_secret = VIEW_INIT("a~b c+d&e=%\xc3\xa4") };
	char memory[1024];
	struct text form = TEXT_ON(memory);

	(void)state;
	assert_true(token_request_write(&form, &oauth, &secrets, NOW_S));
	assert_form(&form, "grant_type=client_credentials&client_id=11-22"
	                   "&scope=https%3A%2F%2Foutlook.office365.com%2F.default"
	                   "&client_secret=a~b%20c%2Bd%26e%3D%25%C3%A4");
	struct text little = text_on(memory, 40);
	assert_false(token_request_write(&little, &oauth, &secrets, NOW_S));
}

static void test_refresh(void **state)
{
	const struct config_oauth oauth = {
		.flow = FLOW_REFRESH_TOKEN,
		.client_id = "app",
		.scope = "x offline_access",
	};
	const struct token_secrets secrets = { .refresh_token = VIEW_INIT("0.A/B") };
	char memory[1024];
	struct text form = TEXT_ON(memory);

	(void)state;
	/* A public app: nothing but its id. */
	assert_true(token_request_write(&form, &oauth, &secrets, NOW_S));
	assert_form(&form, "grant_type=refresh_token&client_id=app&scope=x%20offline_access"
	                   "&refresh_token=0.A%2FB");
}

static struct view read_file(const char *path, char *memory, size_t bytes)
{
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	const struct view text = view_from(memory, fread(memory, 1, bytes, file));
	assert_int_equal(fclose(file), 0);
	return text;
}

static void decode(struct view part, char *memory, size_t bytes)
{
	struct text text = text_on(memory, bytes);

	assert_true(base64_url_decode(&text, part));
	(void)text_string(&text);
}

static void test_assertion(void **state)
{
	struct certificates certificates;
	char paths[2][CERTIFICATES_PATH_BYTES];
	char pem[2][4096];
	char memory[2][8192];
	char part[4096];
	struct text assertion = TEXT_ON(memory[0]);
	struct text another = TEXT_ON(memory[1]);
	struct text signature = TEXT_ON(part);

	(void)state;
	certificates_init(&certificates);
	certificates_make_app(&certificates, "app", 2048, 90, paths[0], paths[1]);
	const struct view certificate = read_file(paths[0], pem[0], sizeof pem[0]);
	const struct view key = read_file(paths[1], pem[1], sizeof pem[1]);
	assert_true(token_assertion_write(
	        &assertion, "app-id", "https://x.test/t", certificate, key, NOW_S));
	const struct view whole = text_view(&assertion);
	const size_t first = view_find(whole, '.');
	const struct view rest = view_skip(whole, first + 1);
	const size_t second = view_find(rest, '.');
	decode(view_first(whole, first), part, sizeof part);
	assert_non_null(strstr(part, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"x5t\":\""));
	assert_non_null(strstr(part, "\"x5t#S256\":\""));
	decode(view_first(rest, second), part, sizeof part);
	assert_non_null(strstr(part, "{\"aud\":\"https://x.test/t\",\"iss\":\"app-id\","
	                             "\"sub\":\"app-id\",\"nbf\":1795000000,"
	                             "\"iat\":1795000000,\"exp\":1795000600,\"jti\":\""));
	assert_true(base64_url_decode(&signature, view_skip(rest, second + 1)));
	assert_true(crypto_verify(
	        certificate, view_first(whole, first + 1 + second), text_view(&signature)));
	/* No two are alike, and none is cut. */
	assert_true(token_assertion_write(
	        &another, "app-id", "https://x.test/t", certificate, key, NOW_S));
	assert_false(view_equal(text_view(&assertion), text_view(&another)));
	struct text little = text_on(memory[1], 600);
	assert_false(token_assertion_write(
	        &little, "app-id", "https://x.test/t", certificate, key, NOW_S));
	another.bytes = 0;
	assert_false(token_assertion_write(
	        &another, "app-id", "https://x.test/t", certificate, certificate, NOW_S));
	assert_false(
	        token_assertion_write(&another, "app-id", "https://x.test/t", key, key, NOW_S));
	certificates_finish(&certificates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_assertion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
