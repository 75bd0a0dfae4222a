/* Whose word a report's reply is. */
#include "engine/late.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
	const char *reporter;
	const char *remote;
	bool own;
} rows[] = {
	{ "", "", true },
	{ "AM0PR03MB4567.eurprd03.prod.outlook.com", "", true },
	{ "AM0PR03MB4567.eurprd03.prod.outlook.com", "contoso-com.mail.protection.outlook.com",
	        true },
	{ "AM0PR03MB4567.eurprd03.prod.outlook.com", "mx.gmail.example", false },
	{ "AM0PR03MB4567.eurprd03.prod.outlook.com", "outlook.com.evil.example", false },
	{ "mail.fabrikam.com", "", false },
	{ "mail.fabrikam.com", "relay.Contoso.test", true },
	{ "relay.contoso.test", "", true },
	{ "", "notoutlook.com", false },
};

static void test_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ndr ndr = { .report = true };
		struct ndr_recipient recipient = { .action = NDR_FAILED };

		ndr_set(ndr.reporter, sizeof ndr.reporter, view_of(rows[i].reporter));
		ndr_set(recipient.remote, sizeof recipient.remote, view_of(rows[i].remote));
		assert_int_equal(
		        late_is_own(&ndr, &recipient, VIEW("relay.contoso.test")), rows[i].own);
	}
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(late_word(LATE_UNKNOWN), "unknown");
	assert_true(strlen(late_text(LATE_BUSY)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
