#include "bench/mock_mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct mock_periods periods = { 60, 86400, 600 };
static struct mock_mailbox mailbox;

static int setup(void **state)
{
	(void)state;
	mock_mailbox_init(&mailbox, VIEW("a@contoso.com"), VIEW("secret"), VIEW(""), &periods);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mock_mailbox_finish(&mailbox);
	return 0;
}

static struct mono at(int64_t ns)
{
	return (struct mono){ ns };
}

static void test_begins_as_documented(void **state)
{
	(void)state;
	assert_int_equal(mailbox.connections, 3);
	assert_int_equal(mailbox.messages.limit, 30);
	assert_int_equal(mailbox.messages.taken.length_ns, 60);
	assert_int_equal(mailbox.recipients.limit, 10000);
	assert_int_equal(mailbox.recipients.taken.length_ns, 86400);
	assert_null(mailbox.token);
	assert_false(mock_mailbox_token_expired(&mailbox, at(INT64_MAX - 1)));
}

static void test_names(void **state)
{
	(void)state;
	assert_true(mock_mailbox_may_send_as(&mailbox, VIEW("A@Contoso.com")));
	assert_false(mock_mailbox_may_send_as(&mailbox, VIEW("b@contoso.com")));
	assert_false(mock_mailbox_may_send_as(&mailbox, VIEW("")));
	mock_mailbox_allow(&mailbox, VIEW("b@contoso.com"));
	mock_mailbox_allow(&mailbox, VIEW("@fabrikam.com"));
	assert_true(mock_mailbox_may_send_as(&mailbox, VIEW("b@contoso.com")));
	assert_true(mock_mailbox_may_send_as(&mailbox, VIEW("x@FABRIKAM.com")));
	assert_false(mock_mailbox_may_send_as(&mailbox, VIEW("@fabrikam.com")));
	assert_false(mock_mailbox_may_send_as(&mailbox, VIEW("x@not.fabrikam.com")));
	mock_mailbox_allow(&mailbox, VIEW("*"));
	assert_true(mock_mailbox_may_send_as(&mailbox, VIEW("x@not.fabrikam.com")));
	assert_false(mock_mailbox_may_send_as(&mailbox, VIEW("")));
}

static void test_limits_change(void **state)
{
	(void)state;
	mock_mailbox_first_limit(&mailbox, MOCK_LIMIT_MESSAGES, 40);
	mock_mailbox_scale_limit(&mailbox, MOCK_LIMIT_MESSAGES, 0.5);
	assert_int_equal(mailbox.messages.limit, 20);
	mock_mailbox_scale_limit(&mailbox, MOCK_LIMIT_MESSAGES, 0.5); /* of the first, again */
	assert_int_equal(mailbox.messages.limit, 20);
	mock_mailbox_scale_limit(&mailbox, MOCK_LIMIT_MESSAGES, 1);
	assert_int_equal(mailbox.messages.limit, 40);
	mock_mailbox_first_limit(&mailbox, MOCK_LIMIT_RECIPIENTS, MOCK_NONE);
	mock_mailbox_scale_limit(&mailbox, MOCK_LIMIT_RECIPIENTS, 0.5);
	assert_true(mailbox.recipients.limit == MOCK_NONE);
	mock_mailbox_set_limit(&mailbox, MOCK_LIMIT_CONNECTIONS, 1);
	assert_int_equal(mailbox.connections, 1);
	assert_int_equal(mailbox.connections_first, 3);
}

static void test_strikes_bar_it(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		mock_mailbox_strike(&mailbox, MOCK_STRIKE_SEND_AS, at(i), 3, at(5000));
	mock_mailbox_strike(&mailbox, MOCK_STRIKE_MANY, at(2), 3, at(5000));      /* another kind */
	mock_mailbox_strike(&mailbox, MOCK_STRIKE_SEND_AS, at(601), 3, at(5000)); /* they are old */
	assert_int_equal(mock_mailbox_bar(&mailbox, at(601)), MOCK_SAYS_NOTHING);
	mock_mailbox_strike(&mailbox, MOCK_STRIKE_SEND_AS, at(602), 3, at(5000));
	mock_mailbox_strike(&mailbox, MOCK_STRIKE_SEND_AS, at(603), 3, at(5000));
	assert_int_equal(mock_mailbox_bar(&mailbox, at(4999)), MOCK_SAYS_BARRED_SEND_AS);
	assert_int_equal(mailbox.bars, 1);
	assert_int_equal(mock_mailbox_bar(&mailbox, at(5000)), MOCK_SAYS_NOTHING);
}

static void test_counts_what_is_in_flight(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		mock_mailbox_opened(&mailbox);
	for (int i = 0; i < 4; i++)
		mock_mailbox_entered(&mailbox);
	mock_mailbox_gave_up(&mailbox);
	for (int i = 0; i < 4; i++)
		mock_mailbox_left(&mailbox);
	assert_int_equal(mailbox.open, 0);
	assert_int_equal(mailbox.open_max, 5);
	assert_int_equal(mailbox.in_flight, 0);
	assert_int_equal(mailbox.in_flight_max, 4);
	assert_int_equal(mailbox.connections_over, 1); /* the fourth */
	mailbox.counts_mail = true;
	for (int i = 0; i < 5; i++)
		mock_mailbox_opened(&mailbox);
	assert_int_equal(mailbox.connections_over, 3);
	for (int i = 0; i < 5; i++)
		mock_mailbox_gave_up(&mailbox);
}

static void test_slots(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(mock_mailbox_take_slot(&mailbox));
	assert_false(mock_mailbox_take_slot(&mailbox));
	mailbox.connections = 1;
	mock_mailbox_give_slot(&mailbox);
	mock_mailbox_give_slot(&mailbox);
	assert_false(mock_mailbox_take_slot(&mailbox));
	mock_mailbox_give_slot(&mailbox);
	assert_true(mock_mailbox_take_slot(&mailbox));
}

static void test_tokens_expire(void **state)
{
	(void)state;
	mock_mailbox_set_token(&mailbox, VIEW("first"), at(10));
	mock_mailbox_set_token(&mailbox, VIEW("second"), at(20));
	assert_string_equal(mailbox.token, "second");
	assert_false(mock_mailbox_token_expired(&mailbox, at(19)));
	assert_true(mock_mailbox_token_expired(&mailbox, at(20)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_begins_as_documented, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strikes_bar_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts_what_is_in_flight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tokens_expire, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
