/* By what we sign in, and what is said where there is nothing. */
#include "engine/mechanism.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_first_that_both_know(void **state)
{
	static const struct {
		enum identity_auth auth;
		unsigned offered;
		enum signin_mechanism chosen;
	} rows[] = {
		{ IDENTITY_AUTH_PASSWORD, SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_PLAIN),
		        SIGNIN_PLAIN },
		{ IDENTITY_AUTH_PASSWORD, SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_XOAUTH2),
		        SIGNIN_LOGIN },
		{ IDENTITY_AUTH_PASSWORD, SIGNIN_BIT(SIGNIN_XOAUTH2), SIGNIN_NONE },
		{ IDENTITY_AUTH_LOGIN, SIGNIN_BIT(SIGNIN_PLAIN), SIGNIN_NONE },
		{ IDENTITY_AUTH_PLAIN, SIGNIN_BIT(SIGNIN_PLAIN), SIGNIN_PLAIN },
		{ IDENTITY_AUTH_XOAUTH2, SIGNIN_BIT(SIGNIN_XOAUTH2), SIGNIN_XOAUTH2 },
		{ IDENTITY_AUTH_XOAUTH2, 0, SIGNIN_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(mechanism_choose(rows[i].auth, rows[i].offered), rows[i].chosen);
}

static void what_is_offered_is_said(void **state)
{
	char memory[128];
	struct text text = TEXT_ON(memory);

	(void)state;
	mechanism_put_lack(
	        &text, IDENTITY_AUTH_PLAIN, SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_XOAUTH2));
	assert_string_equal(text_string(&text),
	        "the server offers LOGIN, XOAUTH2, and the identity's `auth` is plain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_both_know),
		cmocka_unit_test(what_is_offered_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
