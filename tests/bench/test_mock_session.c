#include "bench/mock_session.h"

#include "tests/bench/hall.h"

#define MAIL    "MAIL FROM:<a@contoso.com>\r\n"
#define RCPT    "RCPT TO:<b@example.org>\r\n"
#define CONTENT "Message-ID: <1@x>\r\n\r\nText.\r\n"

static const struct mock_settings mx = { .mechanisms = SIGNIN_BIT(SIGNIN_LOGIN) };

static void test_leaves_out_what_it_lacks(void **state)
{
	(void)state;
	static struct hall hall;
	struct mock_settings settings = mx;

	settings.lacks[MOCK_CHUNKING] = true;
	settings.lacks[MOCK_SMTPUTF8] = true;
	hall_open(&hall, settings, false);
	(void)hall_enter(&hall);
	const char *reply = hall_say(&hall, "EHLO client.example\r\n");
	assert_null(strstr(reply, "CHUNKING"));
	assert_holds(reply, "250 BINARYMIME\r\n"); /* last now */
	assert_starts(hall_say(&hall, "BDAT 0 LAST\r\n"), "501 ");
	hall_close(&hall);
}

static void test_takes_data_and_bdat(void **state)
{
	(void)state;
	static struct hall hall;

	hall_open(&hall, mx, false);
	(void)hall_enter(&hall);
	assert_starts(hall_say(&hall, MAIL), "250 2.1.0");
	assert_starts(hall_say(&hall, RCPT), "250 2.1.5");
	assert_starts(hall_say(&hall, "DATA\r\n"), "354 ");
	assert_starts(hall_say(&hall, CONTENT "..dots\r\n.\r\n"), "250 2.6.0 <1@x> [InternalId=1");
	/* a train, of which each message has its answer */
	assert_holds(hall_say_all(&hall,
	                     MAIL RCPT "BDAT 10\r\nMessage-IDBDAT 20 LAST\r\n: <2@x>\r\n\r\nText."
	                               "\r\nab" MAIL RCPT RCPT "BDAT 0 LAST\r\n",
	                     8),
	        "250 2.6.0 <2@x> [InternalId=2");
	assert_int_equal(hall.mock.account.messages, 3);
	assert_int_equal(hall.mock.account.recipients, 4);
	assert_int_equal(hall.mock.account.without_id, 1);
	assert_int_equal(hall.mock.account.duplicates, 0);
	hall_close(&hall);
}

static void test_keeps_the_order_of_commands(void **state)
{
	(void)state;
	static struct hall hall;

	hall_open(&hall, mx, false);
	(void)hall_enter(&hall);
	assert_starts(hall_say(&hall, RCPT), "503 5.5.2");
	assert_starts(hall_say(&hall, "DATA\r\n"), "503 5.5.2");
	assert_starts(hall_say(&hall, "BDAT 4 LAST\r\nabcd"), "503 5.5.2");
	assert_starts(hall_say(&hall, MAIL), "250 ");
	assert_starts(hall_say(&hall, MAIL), "503 5.5.2");
	assert_starts(hall_say(&hall, "BDAT 4 LAST\r\nabcd"), "503 5.5.2");
	assert_starts(hall_say(&hall, "RSET\r\n"), "250 ");
	assert_starts(hall_say(&hall, RCPT), "503 5.5.2");
	assert_starts(hall_say(&hall, "MAIL FROM:<a@contoso.com> SIZE=157286401\r\n"), "552 5.3.4");
	assert_starts(hall_say(&hall, "MAIL FROM:<>\r\n"), "250 ");
	assert_int_equal(hall.mock.account.messages, 0);
	hall_close(&hall);
}

/* Ways to leave the protocol; and 421, which is the end. */
static void test_lies(void **state)
{
	(void)state;
	static struct hall hall;

	hall_open(&hall, mx, false);
	hall_rule(&hall, "stage=mail,lie=extra,reply=250 2.1.5 once more,limit=1");
	hall_rule(&hall, "stage=rcpt,lie=early,reply=250 2.0.0 already,limit=1");
	hall_rule(&hall, "stage=eod,lie=drip,limit=1");
	hall_rule(&hall, "stage=eod,lie=garbage,reply=what?,limit=1");
	hall_rule(&hall, "stage=mail,match=open,lie=open,reply=421 4.3.2 bye,limit=1");
	hall_rule(&hall, "stage=mail,match=closed,reply=421 4.3.2 bye");
	(void)hall_enter(&hall);
	assert_string_equal(
	        hall_say_all(&hall, MAIL, 2), "250 2.1.0 Sender OK\r\n250 2.1.5 once more\r\n");
	assert_string_equal(
	        hall_say_all(&hall, RCPT, 2), "250 2.0.0 already\r\n250 2.1.5 Recipient OK\r\n");
	assert_starts(hall_say(&hall, "BDAT 0 LAST\r\n"), "250 2.6.0 ");
	assert_int_equal(hall.mock.account.messages, 1);
	assert_holds(hall_say_all(&hall, MAIL RCPT, 2), "250 2.1.5 Recipient OK\r\n");
	assert_true(stream_put(&hall.stream, VIEW("BDAT 0 LAST\r\n")));
	hall_turn_until(&hall, strstr(hall.replies, "what?\r\n") != NULL);
	assert_int_equal(hall.mock.account.messages, 1);
	assert_starts(hall_say(&hall, "MAIL FROM:<open@contoso.com>\r\n"), "421 ");
	assert_starts(hall_say(&hall, "NOOP\r\n"), "250 ");
	assert_int_equal(hall.mock.account.closed, 0);
	assert_int_equal(hall.mock.account.lies, 5);
	assert_starts(hall_say(&hall, "MAIL FROM:<closed@contoso.com>\r\n"), "421 ");
	hall_turn_until(&hall, (hall.heard & STREAM_ENDED) != 0);
	assert_int_equal(hall.mock.account.closed, 1);
	hall_close(&hall);
}

static void test_refuses_bare_line_feeds(void **state)
{
	(void)state;
	static struct hall hall;

	hall_open(&hall, mx, false);
	(void)hall_enter(&hall);
	assert_holds(hall_say_all(&hall, MAIL RCPT "DATA\r\n", 3), "354 ");
	assert_starts(hall_say(&hall, "Subject: x\n\r\n.\r\n"), "554 5.6.0");
	assert_int_equal(hall.mock.account.messages, 0);
	hall_close(&hall);
}

static void test_demands_tls_and_sign_in(void **state)
{
	(void)state;
	static struct hall hall;
	static const char *const users[] = { "a@contoso.com:secret" };
	const struct mock_settings settings = { .interface = MOCK_SUBMISSION,
		.mechanisms = SIGNIN_BIT(SIGNIN_LOGIN) | SIGNIN_BIT(SIGNIN_PLAIN),
		.users = users,
		.user_count = 1 };

	hall_open(&hall, settings, true);
	(void)hall_enter(&hall);
	const char *reply = hall_say(&hall, "EHLO client.example\r\n");
	assert_holds(reply, "250-STARTTLS\r\n");
	assert_null(strstr(reply, "AUTH"));
	assert_starts(hall_say(&hall, MAIL), "451 5.7.3 STARTTLS is required");
	assert_starts(hall_say(&hall, "AUTH LOGIN\r\n"), "504 5.7.4");
	assert_starts(hall_say(&hall, "STARTTLS\r\n"), "220 2.0.0");
	hall_secure(&hall);
	reply = hall_say(&hall, "EHLO client.example\r\n");
	assert_null(strstr(reply, "STARTTLS"));
	assert_holds(reply, "250-AUTH ");
	assert_starts(hall_say(&hall, "STARTTLS\r\n"), "503 5.5.2");
	assert_starts(hall_say(&hall, MAIL), "530 5.7.57");
	/* NUL a@contoso.com NUL wrong */
	assert_starts(hall_say(&hall, "AUTH PLAIN AGFAY29udG9zby5jb20Ad3Jvbmc=\r\n"), "535 5.7.3");
	assert_starts(hall_say(&hall, "AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6");
	assert_starts(hall_say(&hall, "*\r\n"), "501 5.5.4");
	assert_starts(hall_say(&hall, "AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6");
	assert_starts(hall_say(&hall, "YUBjb250b3NvLmNvbQ==\r\n"), "334 UGFzc3dvcmQ6");
	assert_starts(hall_say(&hall, "c2VjcmV0\r\n"), "235 2.7.0");
	assert_holds(hall_say_all(&hall, MAIL RCPT "DATA\r\n", 3), "354 ");
	assert_starts(hall_say(&hall, CONTENT ".\r\n"), "250 2.0.0 OK <1@x> [Hostname=");
	assert_holds(hall_say_all(&hall, "MAIL FROM:<>\r\n" RCPT "BDAT 0 LAST\r\n", 3),
	        "550 5.7.60 SMTP; Client does not have permissions");
	const struct mock_identity *identity =
	        mock_account_identity(&hall.mock.account, VIEW("a@contoso.com"));
	assert_int_equal(identity->signins, 1);
	assert_int_equal(identity->messages, 1);
	assert_int_equal(identity->refused, 1);
	assert_int_equal(identity->in_flight, 0);
	hall_close(&hall);
}

static void test_endures_long_lines(void **state)
{
	(void)state;
	static struct hall hall;
	static char line[STREAM_COPIED_MAX + 1];

	memset(line, 'x', STREAM_COPIED_MAX);
	hall_open(&hall, mx, false);
	(void)hall_enter(&hall);
	for (int i = 0; i < 3; i++) {
		hall_turn_until(&hall, stream_room_bytes(&hall.stream) >= STREAM_COPIED_MAX ||
		                               (hall.heard & STREAM_ENDED) != 0);
		if ((hall.heard & STREAM_ENDED) == 0)
			assert_true(stream_put(&hall.stream, view_of(line)));
	}
	hall_turn_until(&hall, (hall.heard & STREAM_ENDED) != 0);
	hall_close(&hall);
}

/* With a tenant: nobody but info@contoso.com signs in, "secret" is the password. */
static struct mock_tenant *make_tenant(double tarpit_s)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	struct mock_tenant *tenant;

	settings.tarpit_s = tarpit_s;
	mock_tenant_create(&tenant, &settings);
	mock_tenant_add_domain(tenant, VIEW("contoso.com"));
	assert_non_null(mock_tenant_add_mailbox(
	        tenant, VIEW("info@contoso.com"), VIEW("secret"), VIEW("")));
	return tenant;
}

static struct mock_settings tenant_settings(struct mock_tenant *tenant)
{
	return (struct mock_settings){ .interface = MOCK_SUBMISSION,
		.tenant = tenant,
		.mechanisms = SIGNIN_BIT(SIGNIN_LOGIN) };
}

static void sign_in(struct hall *hall)
{
	(void)hall_enter(hall);
	assert_starts(hall_say(hall, "EHLO client.example\r\n"), "250-");
	assert_starts(hall_say(hall, "AUTH LOGIN aW5mb0Bjb250b3NvLmNvbQ==\r\n"), "334 ");
	assert_starts(hall_say(hall, "c2VjcmV0\r\n"), "235 2.7.0");
}

#define INFO "MAIL FROM:<info@contoso.com>\r\n"

static void test_a_tenants_greetings(void **state)
{
	(void)state;
	static struct hall hall;
	struct mock_tenant *tenant = make_tenant(0);

	hall_open(&hall, tenant_settings(tenant), false);
	const char *reply = hall_enter(&hall);
	assert_holds(reply, ".outlook.office365.com Microsoft ESMTP MAIL Service ready at ");
	assert_holds(reply, " +0000 [08DE");
	reply = hall_say(&hall, "EHLO client.example\r\n");
	assert_holds(reply, ".outlook.office365.com Hello [127.0.0.1]\r\n250-SIZE 157286400\r\n");
	assert_starts(hall_say(&hall, "AUTH PLAIN AGEAYg==\r\n"), "504 5.7.4");
	assert_starts(hall_say(&hall, "AUTH LOGIN aW5mb0Bjb250b3NvLmNvbQ==\r\n"), "334 ");
	assert_starts(hall_say(&hall, "d3Jvbmc=\r\n"), "535 5.7.");
	assert_starts(hall_say(&hall, INFO), "530 5.7.57");
	hall_close(&hall);
	assert_int_equal(tenant->refused[MOCK_SAYS_PASSWORD_WRONG], 1);
	mock_tenant_destroy(tenant);
}

/* Three at once, and the fourth's refusal comes behind the replies before it. */
static void test_a_tenants_limit_in_flight(void **state)
{
	(void)state;
	static struct hall hall;
	struct mock_tenant *tenant = make_tenant(0);
	struct mock_settings settings = tenant_settings(tenant);
	const struct mock_mailbox *mailbox = tenant->mailboxes[0];

	settings.work_ns = 20 * NS_PER_MS;
	hall_open(&hall, settings, false);
	sign_in(&hall);
	const char *reply = hall_say_all(&hall,
	        INFO RCPT "BDAT 0 LAST\r\n" INFO RCPT "BDAT 0 LAST\r\n" INFO RCPT
	                  "BDAT 0 LAST\r\n" INFO RCPT "BDAT 0 LAST\r\n",
	        12);
	assert_holds(reply, "\r\n432 4.3.2 ");
	assert_int_equal(mailbox->accepted, 3);
	assert_int_equal(mailbox->in_flight_max, 4);
	assert_int_equal(mailbox->in_flight, 0);
	assert_int_equal(mailbox->slots, 0);
	assert_starts(hall_say_all(&hall, INFO RCPT "BDAT 0 LAST\r\n", 3), "250 2.1.0");
	assert_int_equal(mailbox->accepted, 4);
	hall_close(&hall);
	mock_tenant_destroy(tenant);
}

/* What is in flight when a connection is lost is in flight no more. */
static void test_a_tenants_losses(void **state)
{
	(void)state;
	static struct hall hall;
	struct mock_tenant *tenant = make_tenant(3600);
	const struct mock_mailbox *mailbox = tenant->mailboxes[0];

	hall_open(&hall, tenant_settings(tenant), false);
	hall_rule(&hall, "stage=eod,drop=after,limit=1");
	hall_rule(&hall, "stage=eod,drop=before,limit=1");
	hall_rule(&hall, "stage=mail,reply=451 4.7.0 not now,limit=1");
	for (int i = 0; i < 2; i++) {
		sign_in(&hall);
		if (i == 0)
			assert_starts(hall_say(&hall, INFO), "451 4.7.0 not now");
		assert_true(stream_put(&hall.stream, VIEW(INFO RCPT "BDAT 0 LAST\r\n")));
		hall_left(&hall);
	}
	sign_in(&hall);
	/* Refused, and the refusal an hour away. */
	assert_true(stream_put(
	        &hall.stream, VIEW("MAIL FROM:<x@contoso.com>\r\n" RCPT "BDAT 0 LAST\r\n")));
	hall_turn_until(&hall, mailbox->refused[MOCK_SAYS_SEND_AS] == 1);
	assert_int_equal(mailbox->in_flight, 1);
	assert_int_equal(mailbox->slots, 0);
	hall_close(&hall);
	assert_int_equal(mailbox->accepted, 1);
	assert_int_equal(mailbox->tried, 4);
	assert_int_equal(mailbox->in_flight, 0);
	assert_int_equal(mailbox->open, 0);
	assert_int_equal(mailbox->slots, 0);
	assert_int_equal(tenant->in_flight, 0);
	mock_tenant_destroy(tenant);
}

static void test_a_tenants_sessions_end(void **state)
{
	(void)state;
	static struct hall hall;
	struct mock_tenant *tenant = make_tenant(0);

	hall_open(&hall, tenant_settings(tenant), false);
	tenant->settings.idle_s = 0.01;
	(void)hall_enter(&hall);
	hall_left(&hall);
	assert_holds(hall.replies, "\r\n451 4.7.0 Timeout waiting for client input");
	tenant->settings.idle_s = 0;
	tenant->settings.session_s = 0.01;
	(void)hall_enter(&hall);
	hall_left(&hall);
	assert_holds(hall.replies, "\r\n421 4.4.1 Connection timed out. Total session duration: 0");
	tenant->settings.session_s = 0;
	mock_tenant_add_spell(tenant,
	        &(struct mock_spell){ .to_s = 1e6, .probability = 1, .stage = STAGE_CONNECT });
	assert_starts(hall_enter(&hall), "421 4.3.2 ");
	hall_left(&hall);
	hall_close(&hall);
	mock_tenant_destroy(tenant);
}

/* By the mock's own timer: nothing else happens on the loop. */
static void test_a_tenants_limits_change_by_themselves(void **state)
{
	(void)state;
	static struct hall hall;
	struct mock_tenant *tenant = make_tenant(0);

	mock_tenant_add_change(tenant, &(struct mock_change){ .at_s = 0.02,
	                                       .limit = MOCK_LIMIT_MESSAGES,
	                                       .is_factor = true,
	                                       .factor = 0.5 });
	hall_open(&hall, tenant_settings(tenant), false);
	hall_turn_until(&hall, tenant->mailboxes[0]->messages.limit == 15);
	hall_close(&hall);
	mock_tenant_destroy(tenant);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_out_what_it_lacks),
		cmocka_unit_test(test_takes_data_and_bdat),
		cmocka_unit_test(test_keeps_the_order_of_commands),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_refuses_bare_line_feeds),
		cmocka_unit_test(test_demands_tls_and_sign_in),
		cmocka_unit_test(test_endures_long_lines),
		cmocka_unit_test(test_a_tenants_greetings),
		cmocka_unit_test(test_a_tenants_limit_in_flight),
		cmocka_unit_test(test_a_tenants_losses),
		cmocka_unit_test(test_a_tenants_sessions_end),
		cmocka_unit_test(test_a_tenants_limits_change_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
