#include "engine/wire/capabilities.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_exchange_online(void **state)
{
	(void)state;
	struct capabilities c;

	capabilities_parse(VIEW("250-SY5P282CA0097.outlook.office365.com Hello [198.51.100.23]\n"
	                        "250-SIZE 157286400\n250-PIPELINING\n250-DSN\n"
	                        "250-ENHANCEDSTATUSCODES\n250-AUTH LOGIN XOAUTH2\n250-8BITMIME\n"
	                        "250-BINARYMIME\n250-CHUNKING\n250 SMTPUTF8"),
	        &c);
	assert_true(c.size);
	assert_int_equal(c.size_max, 157286400);
	assert_true(c.pipelining);
	assert_true(c.dsn);
	assert_true(c.enhancedstatuscodes);
	assert_true(c.eightbitmime);
	assert_true(c.binarymime);
	assert_true(c.chunking);
	assert_true(c.smtputf8);
	assert_false(c.starttls);
	assert_int_equal(c.mechanisms, SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_XOAUTH2));
}

static void test_forms(void **state)
{
	(void)state;
	struct capabilities c;

	capabilities_parse(VIEW("250-mx\n250-auth=LOGIN plain\n250-starttls \n250-size\n"
	                        "250 LIMITS RCPTMAX=20 MAILMAX=5 OTHER=1 RCPTDOMAINMAX=x"),
	        &c);
	assert_int_equal(c.mechanisms, SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_PLAIN));
	assert_true(c.starttls);
	assert_true(c.size);
	assert_int_equal(c.size_max, 0);
	assert_int_equal(c.rcpt_max, 20);
	assert_int_equal(c.mail_max, 5);
	assert_int_equal(c.domain_max, 0);

	capabilities_parse(VIEW("250-mx\n250-SIZE 99999999999999999999999\n250 AUTH"), &c);
	assert_int_equal(c.size_max, 0);
	assert_int_equal(c.mechanisms, 0);
}

static void test_greeting_and_unknown_words_offer_nothing(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "250", "250 STARTTLS", "250-a\n250", "250-a\n250-",
		"250-STARTTLS\n250 PIPELININGX", "250 a\n250 X-DSN CHUNKING",
		"250-a\n250 XAUTH LOGIN" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct capabilities nothing = { 0 };
		struct capabilities c;
		capabilities_parse(view_of(rows[i]), &c);
#define X(field, keyword) assert_false(c.field);
		CAPABILITIES_FLAGS(X)
#undef X
		assert_int_equal(c.mechanisms, nothing.mechanisms);
		assert_int_equal(c.size_max, nothing.size_max);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange_online),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_greeting_and_unknown_words_offer_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
