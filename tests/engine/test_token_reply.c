#include "engine/token_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static char memory[4096];

static bool parse(struct token_reply *reply, const char *body)
{
	return token_reply_parse(reply, view_of(body), (struct span){ memory, sizeof memory });
}

static void assert_view(struct view view, const char *wanted)
{
	assert_int_equal(view.bytes, strlen(wanted));
	assert_memory_equal(view.data, wanted, view.bytes);
}

static void test_granted(void **state)
{
	struct token_reply reply;

	(void)state;
	assert_true(parse(&reply, "{\"token_type\":\"Bearer\",\"expires_in\":3599,"
	                          "\"ext_expires_in\":3599,\"access_token\":\"eyJ0.a.b\","
	                          "\"refresh_token\":\"0.AX\\/8\"}"));
	assert_true(reply.granted);
	assert_view(reply.access_token, "eyJ0.a.b");
	assert_view(reply.refresh_token, "0.AX/8");
	assert_int_equal(reply.expires_in_s, 3599);
	/* Older endpoints put it in quotes; none is none; too much is bounded. */
	assert_true(parse(&reply, "{\"access_token\":\"t\",\"expires_in\":\"60\"}"));
	assert_int_equal(reply.expires_in_s, 60);
	assert_int_equal(reply.refresh_token.bytes, 0);
	assert_true(parse(&reply, "{\"access_token\":\"t\"}"));
	assert_int_equal(reply.expires_in_s, 0);
	assert_true(parse(&reply, "{\"access_token\":\"t\",\"expires_in\":99999999999}"));
	assert_int_equal(reply.expires_in_s, TOKEN_LIFETIME_MOST_S);
}

static void test_refused(void **state)
{
	struct token_reply reply;

	(void)state;
	assert_true(parse(&reply,
	        "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid "
	        "client secret provided. Trace ID: 1-2 Correlation ID: 3 Timestamp: now\","
	        "\"error_codes\":[7000215],\"trace_id\":\"1-2\",\"correlation_id\":\"3\"}"));
	assert_false(reply.granted);
	assert_string_equal(reply.error, "invalid_client");
	assert_int_equal(reply.code, 7000215);
	assert_string_equal(reply.description, "AADSTS7000215: Invalid client secret provided.");
	assert_string_equal(reply.trace_id, "1-2");
	/* Ids on lines of their own; no code at all. */
	assert_true(parse(&reply, "{\"error\":\"x\",\"error_description\":\"AADSTS50126: no\\r\\n"
	                          "Trace ID: 1\"}"));
	assert_string_equal(reply.description, "AADSTS50126: no");
	assert_int_equal(reply.code, 50126);
	assert_true(parse(&reply, "{\"error\":\"invalid_scope\"}"));
	assert_int_equal(reply.code, 0);
	assert_string_equal(reply.description, "");
	/* Both: the error counts. */
	assert_true(parse(&reply, "{\"error\":\"x\",\"access_token\":\"t\"}"));
	assert_false(reply.granted);
}

static void test_long_description(void **state)
{
	char body[8192];
	struct text text = TEXT_ON(body);
	struct token_reply reply;

	(void)state;
	text_put(&text, VIEW("{\"error\":\"x\",\"error_description\":\"AADSTS53003: "));
	for (int i = 0; i < 5000; i++)
		text_put_byte(&text, 'y');
	text_put(&text, VIEW("\"}"));
	assert_true(parse(&reply, text_string(&text)));
	assert_int_equal(reply.code, 53003);
	assert_int_equal(strlen(reply.description), TOKEN_REPLY_TEXT_BYTES - 1);
}

static void test_neither(void **state)
{
	static const char *const bodies[] = {
		"",
		"{}",
		"<html>",
		"[]",
		"{\"access_token\":\"a b\"}",
		"{\"access_token\":\"a\\nb\"}",
		"{\"access_token\":\"\"}",
		"{\"access_token\":7}",
		"{\"access_token\":\"t\"",
		"{\"access_token\":\"\\u00e4\"}",
		"{\"error\":{}}",
	};
	struct token_reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
		assert_false(parse(&reply, bodies[i]));
	assert_false(token_reply_parse(
	        &reply, VIEW("{\"access_token\":\"abcdef\"}"), (struct span){ memory, 5 }));
}

static void test_output(void **state)
{
	const struct span span = { memory, sizeof memory };
	struct token_reply reply;

	(void)state;
	assert_true(token_reply_parse_output(&reply, VIEW("eyJ.a.b\n"), span));
	assert_view(reply.access_token, "eyJ.a.b");
	assert_int_equal(reply.expires_in_s, 0);
	assert_true(token_reply_parse_output(
	        &reply, VIEW("{\"access_token\":\"t\",\"expires_in\":60}\r\n"), span));
	assert_view(reply.access_token, "t");
	assert_true(token_reply_parse_output(&reply, VIEW("{\"error\":\"x\"}"), span));
	assert_false(reply.granted);
	assert_false(token_reply_parse_output(&reply, VIEW(""), span));
	assert_false(token_reply_parse_output(&reply, VIEW("\n"), span));
	assert_false(token_reply_parse_output(&reply, VIEW("two words"), span));
	assert_false(token_reply_parse_output(&reply, VIEW("abc"), (struct span){ memory, 2 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_granted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_description),
		cmocka_unit_test(test_neither),
		cmocka_unit_test(test_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
