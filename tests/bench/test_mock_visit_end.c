#include "tests/bench/visitor.h"

/* A mailbox's limits */

static void test_three_in_flight_from_the_end_of_data(void **state)
{
	static struct mock_visit visits[5];

	(void)state;
	tenant_make(plain());
	for (int i = 0; i < 5; i++) {
		enters_as_mailbox(&visits[i]);
		assert_int_equal(mail(&visits[i], USER, 1), MOCK_SAYS_NOTHING);
		assert_int_equal(rcpt(&visits[i], "x@example.org", 1), MOCK_SAYS_NOTHING);
	}
	for (int i = 0; i < 5; i++) /* who comes late gets nothing, not who began late */
		assert_int_equal(data(&visits[4 - i], "", 2),
		        i < 3 ? MOCK_SAYS_NOTHING : MOCK_SAYS_CONCURRENT);
	assert_int_equal(mailbox->slots, 3);
	for (int i = 0; i < 2; i++)
		mock_visit_answered(&visits[i], false);
	for (int i = 2; i < 5; i++)
		take_and_answer(&visits[i], 2);
	assert_int_equal(mailbox->in_flight_max, 5);
	assert_int_equal(mailbox->connections_over, 2);
	assert_int_equal(mailbox->accepted, 3);
	assert_int_equal(mailbox->refused[MOCK_SAYS_CONCURRENT], 2);
	assert_int_equal(sends(&visits[0], 3), MOCK_SAYS_NOTHING);
}

static void test_or_from_mail_on(void **state)
{
	static struct mock_visit visits[4];
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.counts = MOCK_COUNTS_MAIL;
	tenant_make(settings);
	for (int i = 0; i < 4; i++) {
		enters_as_mailbox(&visits[i]);
		assert_int_equal(mail(&visits[i], USER, 1), MOCK_SAYS_NOTHING);
		assert_int_equal(rcpt(&visits[i], "x@example.org", 1), MOCK_SAYS_NOTHING);
	}
	/* The fourth was one too many at its MAIL, and hears of it at its end. */
	assert_int_equal(data(&visits[3], "", 2), MOCK_SAYS_CONCURRENT);
	mock_visit_answered(&visits[3], false);
	mock_visit_reset(&visits[0]); /* RSET frees a place */
	assert_int_equal(mail(&visits[0], USER, 3), MOCK_SAYS_NOTHING);
	assert_int_equal(rcpt(&visits[0], "x@example.org", 3), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(data(&visits[i], "", 3), MOCK_SAYS_NOTHING);
		take_and_answer(&visits[i], 3);
	}
	assert_int_equal(mailbox->connections_over, 1);
	assert_int_equal(mailbox->open_max, 4);
}

static void test_thirty_in_any_minute(void **state)
{
	(void)state;
	tenant_make(plain());
	enters_as_mailbox(&visit);
	for (int i = 0; i < 30; i++)
		assert_int_equal(sends(&visit, i), MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 59.9), MOCK_SAYS_RATE);
	assert_int_equal(sends(&visit, 60), MOCK_SAYS_NOTHING); /* the first is a minute old */
	assert_int_equal(sends(&visit, 60.5), MOCK_SAYS_RATE);
	mock_tenant_set_limit(tenant, mailbox, MOCK_LIMIT_MESSAGES, 15);
	assert_int_equal(sends(&visit, 61), MOCK_SAYS_RATE);
	assert_int_equal(sends(&visit, 77), MOCK_SAYS_NOTHING); /* 12 of the first, and one */
	assert_int_equal(mailbox->messages.taken.count_max, 30);
	assert_int_equal(mailbox->messages.tried.count_max, 32);
	assert_int_equal(mailbox->messages.over, 5);
	assert_true(mock_tenant_over(tenant) > 0);
}

static void test_or_delayed(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.rate = MOCK_RATE_DELAYS;
	tenant_make(settings);
	enters_as_mailbox(&visit);
	for (int i = 0; i < 30; i++) {
		assert_int_equal(sends(&visit, 0), MOCK_SAYS_NOTHING);
		assert_int_equal(mock_visit_delay_ns(&visit, MOCK_SAYS_NOTHING), 0);
	}
	assert_int_equal(sends(&visit, 20), MOCK_SAYS_NOTHING);
	assert_int_equal(mock_visit_delay_ns(&visit, MOCK_SAYS_NOTHING), 40 * NS_PER_S);
	assert_int_equal(mailbox->messages.taken.count_max, 30);
	/* Too long to wait for. */
	mock_tenant_set_limit(tenant, mailbox, MOCK_LIMIT_MESSAGES, 0);
	assert_int_equal(sends(&visit, 21), MOCK_SAYS_RATE);
	mock_tenant_set_limit(tenant, mailbox, MOCK_LIMIT_MESSAGES, 1);
	for (int i = 0; i < 8; i++)
		assert_int_equal(sends(&visit, 61), MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 61), MOCK_SAYS_RATE);
}

static void test_recipients_a_day(void **state)
{
	(void)state;
	tenant_make(plain());
	mock_mailbox_first_limit(mailbox, MOCK_LIMIT_RECIPIENTS, 3);
	enters_as_mailbox(&visit);
	assert_int_equal(mail(&visit, USER, 0), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rcpt(&visit, "x@example.org", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(data(&visit, "", 0), MOCK_SAYS_NOTHING);
	take_and_answer(&visit, 0);
	assert_int_equal(mail(&visit, USER, 3600), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rcpt(&visit, "x@example.org", 3600), MOCK_SAYS_NOTHING);
	assert_int_equal(data(&visit, "", 3600), MOCK_SAYS_DAILY);
	mock_visit_reset(&visit);
	mock_visit_answered(&visit, false);
	assert_int_equal(sends(&visit, 7200), MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 86399), MOCK_SAYS_DAILY);
	assert_int_equal(sends(&visit, 86400), MOCK_SAYS_NOTHING);
	assert_int_equal(mailbox->recipients.taken.count_max, 3);
	assert_int_equal(mailbox->recipients.tried.count_max, 6);
	assert_int_equal(mailbox->recipients_accepted, 4);
}

static void test_recipients_of_a_message(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.recipients_message = 2;
	settings.strikes = 1;
	tenant_make(settings);
	enters_as_mailbox(&visit);
	assert_int_equal(mail(&visit, USER, 0), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 4; i++)
		assert_int_equal(rcpt(&visit, "x@example.org", 0),
		        i < 2 ? MOCK_SAYS_NOTHING : MOCK_SAYS_RECIPIENTS_MANY);
	assert_int_equal(data(&visit, "", 0), MOCK_SAYS_BARRED_MANY); /* that was an error */
	mock_visit_reset(&visit);
	mock_visit_answered(&visit, false);
	assert_int_equal(mailbox->bars, 1);
}

/* Names */

static void test_send_as(void **state)
{
	char room[4096];
	struct text text = TEXT_ON(room);

	(void)state;
	tenant_make(plain());
	mock_mailbox_allow(mailbox, VIEW("sales@contoso.com"));
	enters_as_mailbox(&visit);
	assert_int_equal(
	        message(&visit, "sales@contoso.com", "x@example.org", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(
	        message(&visit, "noreply@contoso.com", "x@example.org", 0), MOCK_SAYS_SEND_AS);
	assert_int_equal(message(&visit, "", "x@example.org", 0), MOCK_SAYS_SEND_AS);
	/* The header is looked at as well. */
	assert_int_equal(mail(&visit, USER, 0), MOCK_SAYS_NOTHING);
	assert_int_equal(rcpt(&visit, "x@example.org", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(
	        data(&visit, "From: Boss <boss@contoso.com>\r\n\r\n", 0), MOCK_SAYS_SEND_AS);
	for (int i = 0; i < 20 && !view_contains_fold(text_view(&text), VIEW("SendAsDenied"));
	        i++) {
		text.bytes = 0;
		mock_visit_put(&visit, &text, MOCK_SAYS_SEND_AS, second(0), (struct wall){ 0 });
	}
	assert_true(view_contains_fold(text_view(&text),
	        VIEW("554 5.2.252 SendAsDenied; info@contoso.com not allowed to send as "
	             "boss@contoso.com; STOREDRV")));
	mock_visit_reset(&visit);
	mock_visit_answered(&visit, false);
}

static void test_repeated_errors_bar_the_mailbox(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.strikes = 3;
	settings.bar_s = 1000;
	settings.bar = MOCK_BAR_AUTH;
	tenant_make(settings);
	enters_as_mailbox(&visit);
	for (int i = 0; i < 3; i++)
		assert_int_equal(message(&visit, "noreply@contoso.com", "x@example.org", i),
		        MOCK_SAYS_SEND_AS);
	assert_int_equal(sends(&visit, 3), MOCK_SAYS_BARRED_SEND_AS);
	enters(&other, MOCK_SUBMISSION, "192.0.2.1:1000");
	assert_int_equal(signin(&other, SIGNIN_LOGIN, "secret", 4), MOCK_SAYS_BARRED_SEND_AS);
	assert_int_equal(signin(&other, SIGNIN_LOGIN, "secret", 1002), MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 1002), MOCK_SAYS_NOTHING);
}

static void test_states_of_a_mailbox(void **state)
{
	(void)state;
	tenant_make(plain());
	enters_as_mailbox(&visit);
	mailbox->state = MOCK_MAILBOX_FULL;
	for (int i = 0; i < 10; i++)
		assert_int_equal(sends(&visit, 0), MOCK_SAYS_MAILBOX_FULL);
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_BARRED_FULL);
	mailbox->barred = MOCK_SAYS_NOTHING;
	mailbox->state = MOCK_MAILBOX_LOGON_FAILS;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_LOGON_FAILED);
	mailbox->state = MOCK_MAILBOX_SUSPENDED;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_SUSPENDED);
}

/* The tenant */

static void test_external_recipients_are_refused_late(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.external_per_day = 2;
	tenant_make(settings);
	enters_as_mailbox(&visit);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sends(&visit, i), MOCK_SAYS_NOTHING); /* 250 to all */
	assert_int_equal(message(&visit, USER, "colleague@contoso.com", 3), MOCK_SAYS_NOTHING);
	assert_int_equal(tenant->late, 1);
	assert_int_equal(mailbox->late, 1);
	assert_int_equal(mailbox->accepted, 4);
	assert_int_equal(tenant->external.taken.count_max, 2);
	assert_int_equal(tenant->external.tried.count_max, 3);
	assert_int_equal(strncmp(tenant->bounces[0].reply, "550 5.7.233 ", 12), 0);
	assert_string_equal(tenant->bounces[0].recipients, "x@example.org\n");
	assert_string_equal(tenant->bounces[0].sender, USER);
	tenant->settings.external_refusal = MOCK_REFUSAL_SESSION;
	assert_int_equal(sends(&visit, 4), MOCK_SAYS_EXTERNAL_QUOTA);
	assert_int_equal(message(&visit, USER, "colleague@contoso.com", 4), MOCK_SAYS_NOTHING);
	assert_int_equal(tenant->late, 1);
	assert_int_equal(sends(&visit, 86400), MOCK_SAYS_NOTHING);
}

/* Besides, senders below onmicrosoft.com have a limit of their own. */
static void test_onmicrosoft_senders(void **state)
{
	struct mock_tenant_settings settings = plain();

	(void)state;
	settings.onmicrosoft_per_day = 2;
	settings.external_refusal = MOCK_REFUSAL_SESSION;
	tenant_make(settings);
	enters_as_mailbox(&visit);
	mock_mailbox_allow(mailbox, VIEW("*"));
	for (int i = 0; i < 2; i++)
		assert_int_equal(message(&visit, "a@contoso.onmicrosoft.com", "x@example.org", i),
		        MOCK_SAYS_NOTHING);
	assert_int_equal(message(&visit, "a@contoso.onmicrosoft.com", "x@example.org", 2),
	        MOCK_SAYS_ONMICROSOFT_QUOTA);
	assert_int_equal(message(&visit, "a@contoso.onmicrosoft.com", "colleague@contoso.com", 3),
	        MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 4), MOCK_SAYS_NOTHING);
	assert_int_equal(tenant->onmicrosoft.taken.count_max, 2);
	assert_int_equal(tenant->onmicrosoft.over, 1);
	assert_int_equal(mock_tenant_over(tenant), 1);
	assert_int_equal(tenant->external.taken.count_max, 3);
}

static void test_banned_senders(void **state)
{
	(void)state;
	tenant_make(plain());
	mock_tenant_ban(tenant, VIEW(USER));
	enters_as_mailbox(&visit);
	assert_int_equal(message(&visit, USER, "colleague@contoso.com", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(strncmp(tenant->bounces[0].reply, "550 5.1.8 ", 10), 0);
	assert_string_equal(tenant->bounces[0].recipients, "colleague@contoso.com\n");
	tenant->settings.banned_refusal = MOCK_REFUSAL_SESSION;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_SENDER_BANNED);
	tenant->settings.blocked = true;
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_TENANT_BLOCKED);
}

static void test_hve_is_internal_and_unlimited(void **state)
{
	(void)state;
	tenant_make(plain());
	enters(&visit, MOCK_HVE, "192.0.2.1:1000");
	assert_int_equal(signin(&visit, SIGNIN_LOGIN, "secret", 0), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 100; i++)
		assert_int_equal(
		        message(&visit, USER, "colleague@contoso.com", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(sends(&visit, 0), MOCK_SAYS_NOT_ACCEPTED);
	assert_int_equal(mail(&visit, USER, 0), MOCK_SAYS_NOTHING);
	for (int i = 0; i < 50; i++)
		assert_int_equal(rcpt(&visit, "colleague@contoso.com", 0), MOCK_SAYS_NOTHING);
	assert_int_equal(rcpt(&visit, "colleague@contoso.com", 0), MOCK_SAYS_RECIPIENTS_MANY);
	mock_visit_reset(&visit);
	assert_int_equal(mailbox->messages.tried.count_max, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_three_in_flight_from_the_end_of_data),
		TEST(test_or_from_mail_on),
		TEST(test_thirty_in_any_minute),
		TEST(test_or_delayed),
		TEST(test_recipients_a_day),
		TEST(test_recipients_of_a_message),
		TEST(test_send_as),
		TEST(test_repeated_errors_bar_the_mailbox),
		TEST(test_states_of_a_mailbox),
		TEST(test_external_recipients_are_refused_late),
		TEST(test_onmicrosoft_senders),
		TEST(test_banned_senders),
		TEST(test_hve_is_internal_and_unlimited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
