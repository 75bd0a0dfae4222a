#include "engine/token_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static void test_codes(void **state)
{
	static const struct {
		uint32_t code;
		enum token_party whose;
		bool transient;
		const char *word; /* of the meaning or the advice */
	} cases[] = {
		{ 7000215, TOKEN_PARTY_ADMINISTRATOR, false, "not its Secret ID" },
		{ 7000222, TOKEN_PARTY_ADMINISTRATOR, false, "expired" },
		{ 700016, TOKEN_PARTY_OPERATOR, false, "client_id" },
		{ 90002, TOKEN_PARTY_OPERATOR, false, "no such tenant" },
		{ 900023, TOKEN_PARTY_OPERATOR, false, "GUID" },
		{ 65001, TOKEN_PARTY_ADMINISTRATOR, false, "Grant admin consent" },
		{ 700082, TOKEN_PARTY_PERSON, false, "90 days" },
		{ 50173, TOKEN_PARTY_PERSON, false, "password was changed" },
		{ 50126, TOKEN_PARTY_PERSON, false, "wrong" },
		{ 50053, TOKEN_PARTY_ADMINISTRATOR, false, "locked" },
		{ 50057, TOKEN_PARTY_ADMINISTRATOR, false, "disabled" },
		{ 50076, TOKEN_PARTY_PERSON, false, "second factor" },
		{ 50079, TOKEN_PARTY_PERSON, false, "mfasetup" },
		{ 53003, TOKEN_PARTY_ADMINISTRATOR, false, "Conditional Access" },
		{ 50034, TOKEN_PARTY_OPERATOR, false, "no such account" },
		{ 70011, TOKEN_PARTY_OPERATOR, false, "scope" },
		{ 7000112, TOKEN_PARTY_ADMINISTRATOR, false, "Enabled for users to sign-in" },
		{ 700027, TOKEN_PARTY_ADMINISTRATOR, false, "Upload certificate" },
		{ 50196, TOKEN_PARTY_SERVICE, false, "loop" },
		{ 90014, TOKEN_PARTY_OPERATOR, false, "missing" },
		{ 501481, TOKEN_PARTY_OPERATOR, false, "code verifier" },
		{ 90055, TOKEN_PARTY_SERVICE, true, "too many" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct token_error *error =
		        token_error_find(cases[i].code, VIEW("invalid_grant"), 400);

		assert_int_equal(error->code, cases[i].code);
		assert_int_equal(error->whose, cases[i].whose);
		assert_int_equal(error->transient, cases[i].transient);
		assert_true(strstr(error->meaning, cases[i].word) != NULL ||
		            strstr(error->advice, cases[i].word) != NULL);
	}
}

static void test_words(void **state)
{
	(void)state;
	/* A code that no row knows goes by its word. */
	assert_string_equal(
	        token_error_find(12345, VIEW("invalid_scope"), 400)->word, "invalid_scope");
	assert_false(token_error_find(0, VIEW("invalid_client"), 401)->transient);
	assert_true(token_error_find(0, VIEW("temporarily_unavailable"), 400)->transient);
	/* Then by the status. */
	assert_true(token_error_find(0, VIEW(""), 429)->transient);
	assert_true(token_error_find(0, VIEW("invalid_request"), 429)->transient);
	assert_true(token_error_find(0, VIEW(""), 503)->transient);
	assert_true(token_error_find(0, VIEW(""), 200)->transient);
	assert_non_null(strstr(token_error_find(0, VIEW(""), 404)->meaning, "no token endpoint"));
	assert_false(token_error_find(99, VIEW("unheard_of"), 400)->transient);
}

/* Each row says something, and none hides another. */
static void test_table(void **state)
{
	const struct token_error *error;
	size_t count = 0;

	(void)state;
	for (; (error = token_error_at(count)) != NULL; count++) {
		assert_true(error->meaning[0] >= 'a' && error->meaning[0] <= 'z');
		assert_true(strlen(error->advice) > 20);
		assert_ptr_equal(token_error_find(error->code, view_of(error->word), 400), error);
	}
	assert_true(count > 40);
	assert_string_equal(token_party_word(TOKEN_PARTY_SERVICE), "service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
