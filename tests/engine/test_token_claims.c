#include "engine/token_claims.h"

#include "engine/wire/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static struct token_claims read_payload(const char *payload)
{
	char memory[16384];
	struct text token = TEXT_ON(memory);
	struct token_claims claims;

	text_put(&token, VIEW("e30."));
	base64_url_encode(&token, view_of(payload));
	text_put(&token, VIEW(".c2ln"));
	token_claims_read(&claims, text_view(&token));
	return claims;
}

static void test_an_apps(void **state)
{
	const struct token_claims claims = read_payload(
	        "{\"aud\":\"https://outlook.office365.com\",\"roles\":[\"Mail.Read\","
	        "\"SMTP.SendAsApp\"],\"tid\":\"t\",\"appid\":\"a\",\"exp\":1795000000}");

	(void)state;
	assert_true(claims.readable);
	assert_true(claims.of_app);
	assert_string_equal(claims.audience, "https://outlook.office365.com");
	assert_string_equal(claims.rights, "Mail.Read SMTP.SendAsApp");
	assert_string_equal(claims.tenant, "t");
	assert_string_equal(claims.app, "a");
	assert_string_equal(claims.user, "");
	assert_int_equal(claims.expires_s, 1795000000);
	assert_null(token_claims_fault(&claims));
	assert_non_null(strstr(
	        token_claims_hint(&claims, FLOW_CLIENT_CREDENTIALS), "New-ServicePrincipal"));
}

static void test_a_persons(void **state)
{
	const struct token_claims claims =
	        read_payload("{\"aud\":\"https://outlook.office.com\",\"scp\":\"Mail.Send "
	                     "SMTP.Send\",\"upn\":\"a@b.c\"}");

	(void)state;
	assert_false(claims.of_app);
	assert_string_equal(claims.rights, "Mail.Send SMTP.Send");
	assert_string_equal(claims.user, "a@b.c");
	assert_null(token_claims_hint(&claims, FLOW_REFRESH_TOKEN));
}

static void test_diagnoses(void **state)
{
	static const struct {
		const char *payload;
		enum oauth_flow flow;
		const char *fault; /* NULL: none */
		const char *hint;
	} cases[] = {
		{ "{\"aud\":\"https://graph.microsoft.com\"}", FLOW_COMMAND, "Microsoft Graph",
		        "Microsoft Graph" },
		{ "{\"aud\":\"https://graph.microsoft.com/\"}", FLOW_COMMAND, "Microsoft Graph",
		        "Microsoft Graph" },
		{ "{\"aud\":\"00000003-0000-0000-c000-000000000000\"}", FLOW_CLIENT_CREDENTIALS,
		        "Microsoft Graph", "Microsoft Graph" },
		{ "{\"aud\":\"https://management.azure.com\"}", FLOW_FILE, "another service",
		        "another service" },
		{ "{\"aud\":\"00000002-0000-0ff1-ce00-000000000000\"}", FLOW_COMMAND, NULL, NULL },
		{ "{\"aud\":\"x\",\"scp\":\"Mail.Send\"}", FLOW_FILE, NULL, "no scope SMTP.Send" },
		{ "{\"aud\":\"x\",\"roles\":[\"Mail.Send\"]}", FLOW_CLIENT_CREDENTIALS, NULL,
		        "no role SMTP.SendAsApp" },
		{ "{\"aud\":\"x\",\"roles\":[\"SMTP.SendAsAppX\"]}", FLOW_CLIENT_CREDENTIALS, NULL,
		        "no role SMTP.SendAsApp" },
		{ "{\"aud\":\"x\"}", FLOW_CLIENT_CREDENTIALS, NULL, "RBAC for Applications" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct token_claims claims = read_payload(cases[i].payload);
		const char *fault = token_claims_fault(&claims);
		const char *hint = token_claims_hint(&claims, cases[i].flow);

		assert_true(claims.readable);
		assert_int_equal(fault == NULL, cases[i].fault == NULL);
		assert_int_equal(hint == NULL, cases[i].hint == NULL);
		if (fault != NULL)
			assert_non_null(strstr(fault, cases[i].fault));
		if (hint != NULL)
			assert_non_null(strstr(hint, cases[i].hint));
	}
}

static void test_opaque(void **state)
{
	static const char *const tokens[] = { "", "opaque", "a.b", "..", "a.!.c", "a.e30",
		"e30.eyJ9.x", "e30.W10.x" };
	struct token_claims claims;

	(void)state;
	for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
		token_claims_read(&claims, view_of(tokens[i]));
		assert_false(claims.readable);
		assert_string_equal(claims.audience, "");
		assert_null(token_claims_fault(&claims));
		assert_null(token_claims_hint(&claims, FLOW_CLIENT_CREDENTIALS));
	}
}

/* What is too long is left out, and the rest is read. */
static void test_long_claims(void **state)
{
	char payload[4096];
	struct text text = TEXT_ON(payload);

	(void)state;
	text_put(&text, VIEW("{\"aud\":\""));
	for (int i = 0; i < TOKEN_CLAIM_BYTES; i++)
		text_put_byte(&text, 'x');
	text_put(&text, VIEW("\",\"roles\":[\""));
	for (int i = 0; i < TOKEN_RIGHTS_BYTES; i++)
		text_put_byte(&text, 'y');
	text_put(&text, VIEW("\",\"SMTP.SendAsApp\"],\"tid\":\"t\"}"));
	const struct token_claims claims = read_payload(text_string(&text));
	assert_true(claims.readable);
	assert_string_equal(claims.audience, "");
	assert_string_equal(claims.rights, "SMTP.SendAsApp");
	assert_string_equal(claims.tenant, "t");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_apps),
		cmocka_unit_test(test_a_persons),
		cmocka_unit_test(test_diagnoses),
		cmocka_unit_test(test_opaque),
		cmocka_unit_test(test_long_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
