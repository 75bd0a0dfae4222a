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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_out_what_it_lacks),
		cmocka_unit_test(test_takes_data_and_bdat),
		cmocka_unit_test(test_keeps_the_order_of_commands),
		cmocka_unit_test(test_refuses_bare_line_feeds),
		cmocka_unit_test(test_demands_tls_and_sign_in),
		cmocka_unit_test(test_endures_long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
