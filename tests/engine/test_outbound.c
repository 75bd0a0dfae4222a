/* The session against a server that plays scripts, on loopback: every way a session can go. */
#include "tests/engine/phrases.h"
#include "tests/engine/rig.h"

#include <unistd.h>

static void test_train(void **state)
{
	/* All three are in flight before the first reply. */
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE
		              "< RSET\n" MESSAGE TAKEN RESET TAKEN RESET TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "Subject: 1\r\n\r\none\r\n");
	rig_post(rig, "Subject: 2\r\n\r\n.two\r\n");
	rig_post(rig, "Subject: 3\r\n\r\nthree\r\n");
	rig_wait(rig, 3);
	for (size_t i = 0; i < 3; i++)
		rig_assert_outcomes(rig, i, "D");
	assert_int_equal(atomic_load(&rig->counters.jobs_delivered), 3);
	assert_int_equal(atomic_load(&rig->counters.sessions_opened), 1);
	assert_true(rig->settled[0]->first_attempt.ms > 0);
	rig_destroy(rig);
}

static void test_refused_in_the_middle(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE "< RSET\n" MESSAGE TAKEN RESET ENVELOPE
		              "> 550 5.7.1 spam\n" RESET TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		rig_post(rig, "Subject: x\r\n\r\nbody\r\n");
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 0, "D");
	rig_assert_outcomes(rig, 1, "B");
	rig_assert_outcomes(rig, 2, "D");
	assert_string_equal(rig_reply(rig, 1, 0), "550 5.7.1 spam");
	rig_destroy(rig);
}

static void test_mail_refused_in_the_middle(void **state)
{
	/* What follows a refused MAIL is refused too, and none of it is anybody else's. */
	static const char *const scripts[] = {
		HELLO MESSAGE
		"< RSET\n" MESSAGE "< RSET\n" MESSAGE TAKEN RESET
		"> 550 5.1.8 bad sender\n> 503 5.5.1 no\n> 503 5.5.1 no\n" RESET TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		rig_post(rig, "Subject: x\r\n\r\nbody\r\n");
	rig_wait(rig, 2);
	rig_turn_for(rig, 20 * NS_PER_MS);
	/* 5.1.8 is the sender's own state: the lane is held, and the message keeps its place. */
	assert_int_equal(rig->settled_count, 2);
	rig_assert_outcomes(rig, 0, "D");
	rig_assert_outcomes(rig, 1, "D");
	rig_destroy(rig);
}

static void test_clean_needs_no_reset(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE TAKEN MESSAGE TAKEN BYE, NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_post(rig, "y\r\n");
	rig_wait(rig, 2);
	rig_destroy(rig);
}

static void test_reset_after_failed_chunk(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE ENVELOPE "> 554 5.6.0 bad content\n< RSET\n" MESSAGE RESET TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "B");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	rig_destroy(rig);
}

static void test_data(void **state)
{
	/* The next envelope comes behind the final dot, before the reply to it. */
	static const char *const scripts[] = {
		GREET OFFER
		"PIPELINING\\n250 SIZE\n"
		"< MAIL FROM:<a@contoso.com> SIZE=13\n< RCPT TO:<b@contoso.com>\n< DATA\n"
		"quiet\n" ENVELOPE "> 354 go\n.\n< MAIL\n< RCPT\n< DATA\nquiet\n"
		"> 250 2.0.0 taken\n" ENVELOPE "> 354 go\n.\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, ".one\r\n..\r\ntwo");
	rig_post(rig, "three\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 0, "D");
	rig_assert_outcomes(rig, 1, "D");
	rig_stop(rig);
	assert_non_null(strstr(rig->server.heard, "\r\n..one\r\n...\r\ntwo\r\n.\r\n"));
	rig_destroy(rig);
}

static void test_data_without_recipients(void **state)
{
	/* 354 comes although nobody was accepted: an empty message to nobody ends it. */
	static const char *const scripts[] = {
		GREET ONLY "PIPELINING\n< MAIL\n< RCPT\n< DATA\n> 250 2.1.0 ok\n> 550 5.1.1 who?\n"
		           "> 354 go\n< .\n> 554 5.5.1 no recipients\n< MAIL\n< RCPT\n< DATA\n"
		           "> 250 2.1.0 ok\n> 550 5.1.1 who?\n> 554 5.5.1 no recipients\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "one\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "B");
	assert_string_equal(rig_reply(rig, 0, 0), "550 5.1.1 who?");
	rig_post(rig, "two\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "B");
	rig_destroy(rig);
}

static void test_reset_after_refused_data(void **state)
{
	static const char *const scripts[] = {
		GREET ONLY
		"PIPELINING\n< MAIL\n< RCPT\n< DATA\n> 250 2.1.0 ok\n> 550 5.1.1 who?\n"
		"> 554 5.5.1 no recipients\n< RSET\n< MAIL\n< RCPT\n< DATA\n" RESET ENVELOPE
		"> 354 go\n.\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "one\r\n");
	rig_wait(rig, 1);
	rig_post(rig, "two\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	rig_destroy(rig);
}

static void test_lock_step(void **state)
{
	static const char *const scripts[] = {
		GREET "> 500 5.5.1 what?\n< HELO relay.example\n> 250 mail.example\n"
		      "< MAIL FROM:<a@contoso.com>\nquiet\n> 250 ok\n< RCPT\nquiet\n> 250 ok\n"
		      "< RCPT\nquiet\n> 550 no such user\n< DATA\nquiet\n> 354 go\n.\nquiet\n"
		      "> 250 taken\n"
		      "< MAIL\n> 250 ok\n< RCPT\n> 550 no such user\n< RSET\n> 250 ok\n"
		      "< MAIL\n> 250 ok\n< RCPT\n> 250 ok\n< DATA\n> 354 go\n.\n> 250 taken\n" BYE,
		NULL,
	};
	const struct rig_mail mail = {
		.from = "a@contoso.com",
		.to = "b@contoso.com c@contoso.com",
		.body = "hello\r\n",
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_post(rig, "nobody takes it\r\n");
	rig_post(rig, "somebody does\r\n");
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 0, "DB");
	rig_assert_outcomes(rig, 1, "B");
	rig_assert_outcomes(rig, 2, "D");
	rig_destroy(rig);
}

static void test_partial_recipients(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<b@c.d>\n< RCPT TO:<e@c.d>\n< RCPT TO:<f@c.d>\n< BDAT\n"
		      "> 250 2.1.0 ok\n> 550 5.1.1 who?\n> 250 2.1.5 ok\n> 450 4.2.1 busy\n"
		      "> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	const struct rig_mail mail = {
		.from = "a@c.d", .to = "b@c.d e@c.d f@c.d", .body = "x\r\n"
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "BDF");
	assert_string_equal(rig_reply(rig, 0, 0), "550 5.1.1 who?");
	assert_string_equal(rig_reply(rig, 0, 2), "450 4.2.1 busy");
	assert_int_equal(rig->settled[0]->attempts, 1);
	assert_true(rig->settled[0]->next_attempt.ms > clock_wall().ms);
	rig_destroy(rig);
}

static void test_parameters(void **state)
{
	static const char *const scripts[] = {
		HELLO
		"< MAIL FROM:<a@c.d> SIZE=3 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ\n"
		"< RCPT TO:<b@c.d> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@c.d\n< BDAT 3 LAST\n" TAKEN
		        BYE,
		NULL,
	};
	const struct rig_mail mail = {
		.from = "a@c.d",
		.to = "b@c.d",
		.body = "x\r\n",
		.flags = MESSAGE_8BITMIME | MESSAGE_SMTPUTF8 | MESSAGE_RET_HEADERS,
		.notify = NOTIFY_SUCCESS | NOTIFY_FAILURE,
		.orcpt = "rfc822;b@c.d",
		.envid = "QQ",
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	assert_int_equal(job_owed_const(rig->settled[0])[0].flags & OWED_RELAYED, 0);
	assert_string_equal(rig_reply(rig, 0, 0), "250 2.0.0 taken");
	rig_destroy(rig);
}

/* What the server can't carry is refused here, each with its code. */
static void test_what_can_not_be_carried(void **state)
{
	static const char *const scripts[] = {
		GREET OFFER
		"PIPELINING\\n250-SIZE 20\\n250 CHUNKING\n< MAIL\n< RCPT TO:<b@c.d>\n< BDAT\n" TAKEN
		"< MAIL FROM:<a@c.d> SIZE=16\n< RCPT TO:<b@c.d>\n< BDAT\n" TAKEN
		"< MAIL FROM:<a@c.d>\n< RCPT TO:<b@c.d>\n< DATA\n" ENVELOPE
		"> 354 go\n.\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	static const struct rig_mail mails[] = {
		{ .from = "a@c.d", .to = "b@c.d", .body = "longer than twenty bytes\r\n" },
		{ .from = "\xc3\xa4@c.d",
		        .to = "b@c.d",
		        .body = "x\r\n",
		        .flags = MESSAGE_SMTPUTF8 },
		{ .from = "a@c.d",
		        .to = "b@c.d \xc3\xa4@c.d",
		        .body = "x\r\n",
		        .flags = MESSAGE_SMTPUTF8 },
		/* 8-bit bytes in the header can't be converted. */
		{ .from = "a@c.d",
		        .to = "b@c.d",
		        .body = "S: \xc3\xa4\r\n\r\n\r\n",
		        .flags = MESSAGE_8BIT },
		{ .from = "a@c.d", .to = "b@c.d", .body = "S: 1\r\n\r\nabcdef\r\n" },
		/* The client asked for SMTPUTF8, and nothing of it needs that. */
		{ .from = "a@c.d",
		        .to = "b@c.d",
		        .body = "S: 1\r\n\r\n\xc3\xa4\r\n",
		        .flags = MESSAGE_SMTPUTF8 | MESSAGE_8BIT | MESSAGE_8BITMIME },
		/* This does. */
		{ .from = "a@c.d",
		        .to = "b@c.d",
		        .body = "S: \xc3\xa4\r\n\r\n\r\n",
		        .flags = MESSAGE_SMTPUTF8 | MESSAGE_8BIT | MESSAGE_HEADER_8BIT },
	};
	struct rig *rig = rig_begin("", PLAIN ", pipeline: 1", scripts);

	(void)state;
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++)
		rig_mail(rig, &mails[i]);
	rig_wait(rig, 7);
	rig_assert_outcomes(rig, 0, "B");
	assert_memory_equal(rig_reply(rig, 0, 0), "0 5.3.4 ", 8);
	rig_assert_outcomes(rig, 1, "B");
	assert_memory_equal(rig_reply(rig, 1, 0), "0 5.6.7 ", 8);
	rig_assert_outcomes(rig, 2, "DB");
	assert_memory_equal(rig_reply(rig, 2, 1), "0 5.6.7 ", 8);
	rig_assert_outcomes(rig, 3, "B");
	assert_memory_equal(rig_reply(rig, 3, 0), "0 5.6.3 ", 8);
	rig_assert_outcomes(rig, 4, "D");
	assert_int_not_equal(job_owed_const(rig->settled[4])[0].flags & OWED_RELAYED, 0);
	rig_assert_outcomes(rig, 5, "D");
	rig_assert_outcomes(rig, 6, "B");
	assert_memory_equal(rig_reply(rig, 6, 0), "0 5.6.7 ", 8);
	rig_destroy(rig);
}

/* A report that can't be turned into 7 bits goes as it is: it would be lost otherwise. */
static void test_report_is_not_lost(void **state)
{
	static const char *const scripts[] = {
		GREET ONLY "PIPELINING\n< MAIL FROM:<>\n< RCPT\n< DATA\n" ENVELOPE
		           "> 354 go\n.\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	const struct rig_mail mail = {
		.from = "",
		.to = "b@c.d",
		.body = "S: \xc3\xa4\r\n\r\nx\r\n",
		.flags = MESSAGE_8BIT | MESSAGE_REPORT,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	rig_stop(rig);
	assert_non_null(strstr(rig->server.heard, "S: \xc3\xa4\r\n"));
	rig_destroy(rig);
}

static void test_converted(void **state)
{
	static const char *const scripts[] = {
		GREET OFFER
		"PIPELINING\\n250 CHUNKING\n< MAIL FROM:<a@c.d>\n< RCPT\n< DATA\n" ENVELOPE
		"> 354 go\n.\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	const struct rig_mail mail = {
		.from = "a@c.d",
		.to = "b@c.d",
		.body = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
		        "Content-Transfer-Encoding: 8bit\r\n\r\n.\xc3\xa4\r\n",
		.flags = MESSAGE_8BIT | MESSAGE_8BITMIME,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	rig_stop(rig);
	assert_non_null(strstr(rig->server.heard, "=C3=A4"));
	assert_non_null(strstr(rig->server.heard, "\r\n.."));
	assert_null(strchr(rig->server.heard, '\xc3'));
	rig_destroy(rig);
}

static void test_split(void **state)
{
	/* Too many at once: the rest is due at once, in a transaction of its own. */
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT\n< RCPT\n< BDAT\n> 250 2.1.0 ok\n> 250 2.1.5 ok\n"
		      "> 452 4.5.3 Too many recipients\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	const struct rig_mail mail = { .from = "a@c.d", .to = "b@c.d e@c.d", .body = "x\r\n" };
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "DF");
	assert_int_equal(rig->settled[0]->attempts, 0);
	assert_true(rig->settled[0]->next_attempt.ms <= clock_wall().ms);
	rig_destroy(rig);
}

static void test_recipients_per_message(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<b@c.d>\n< RCPT TO:<e@c.d>\n< BDAT\n> 250 2.1.0 ok\n"
		      "> 250 2.1.5 ok\n> 451 4.2.1 later\n> 250 2.0.0 taken\n"
		      "< MAIL\n< RCPT TO:<f@c.d>\n< BDAT\n" TAKEN BYE,
		NULL,
	};
	const struct rig_mail mail = {
		.from = "a@c.d", .to = "b@c.d e@c.d f@c.d", .body = "x\r\n"
	};
	struct rig *rig = rig_begin("", PLAIN ", recipients_per_message: 2", scripts);

	(void)state;
	rig_mail(rig, &mail);
	rig_wait(rig, 1);
	/* One was told to wait, so the rest went first. */
	rig_assert_outcomes(rig, 0, "DFD");
	rig_destroy(rig);
}

static void test_refusal_then_closed(void **state)
{
	/* The replies that came before the connection broke are used. */
	static const char *const scripts[] = {
		HELLO "< MAIL\n> 250 2.1.0 ok\n> 550 5.1.1 who?\n> 503 5.5.1 no\nclose\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "B");
	assert_string_equal(rig_reply(rig, 0, 0), "550 5.1.1 who?");
	rig_destroy(rig);
}

static void test_throttled(void **state)
{
	/* Held back: the message keeps its place and its attempts, and nothing starts meanwhile. */
	static const char *const scripts[] = {
		HELLO MESSAGE ENVELOPE "> 432 4.3.2 Concurrent connections limit exceeded.\nquiet\n"
		                       "< RSET\n" MESSAGE RESET TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_turn_for(rig, 200 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 0);
	rig_send(rig, LETTER_RESUME, NULL);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	assert_int_equal(rig->settled[0]->attempts, 0);
	rig_destroy(rig);
}

static void test_expires_behind_a_held_lane(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE ENVELOPE "> 432 4.3.2 Concurrent connections limit exceeded.\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("retry: {first: 1s, give_up_after: 2s}", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "B");
	assert_memory_equal(rig_reply(rig, 0, 0), "432 4.3.2 Concurrent", 20);
	assert_int_not_equal(job_owed_const(rig->settled[0])[0].flags & OWED_EXPIRED, 0);
	rig_destroy(rig);
}

static void test_out_of_step(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN "> 250 2.0.0 once more\nend\n",
		HELLO "> 250 unasked\nclose\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_turn_for(rig, 20 * NS_PER_MS);
	rig_post(rig, "x\r\n");
	rig_turn_for(rig, 50 * NS_PER_MS);
	rig_destroy(rig);
}

static void test_greeting_refused(void **state)
{
	static const char *const scripts[] = { "> 554 5.7.1 go away\nend\n", NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_string_equal(rig_reply(rig, 0, 0), "554 5.7.1 go away");
	rig_destroy(rig);
}

/* Ready, and gone before a message was given to it: the lane does not open the next one at once,
 * and the message that waits says why. */
static void test_gone_unasked(void **state)
{
	static const char *const scripts[] = {
		GREET ONLY "CHUNKING\\n421 4.3.2 Service not active\nclose\n",
		HELLO MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);
	const struct lane *lane = rig->delivery.dispatch.lanes[0].lane;

	(void)state;
	rig_post(rig, "x\r\n");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_string_equal(rig_reply(rig, 0, 0), "421 4.3.2 Service not active");
	assert_int_equal(lane->door.setbacks, 1);
	assert_int_equal(atomic_load(&rig->counters.sessions_opened), 1);
	rig_send(rig, LETTER_RESUME, NULL);
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	rig_destroy(rig);
}

static void test_unreachable(void **state)
{
	static const char *const scripts[] = { NULL };
	struct rig *rig = rig_create();
	char wanted[128];

	(void)state;
	server_start(&rig->server, scripts);
	server_stop(&rig->server);
	(void)close(rig->server.listener);
	rig_init_with(rig, "", PLAIN, NULL, NULL);
	rig_post(rig, "x\r\n");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	(void)snprintf(wanted, sizeof wanted, "0 0.0.0 connect to 127.0.0.1:%u: Connection refused",
	        rig->server.port);
	assert_string_equal(rig_reply(rig, 0, 0), wanted);
	/* The other keeps its place until the door opens again. */
	rig_turn_for(rig, 50 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 1);
	rig_send(rig, LETTER_RESUME, NULL);
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "F");
	rig_destroy(rig);
}

static void test_timeout(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "> 250 2.1.0 ok\nend\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN ", timeouts: {command: 1s}", scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_turn_for(rig, 1200 * NS_PER_MS);
	/* All of it had been sent. */
	assert_int_equal(atomic_load(&rig->counters.messages_in_doubt), 1);
	rig_stop(rig);
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(job_tally(rig->settled[0]).in_doubt, 1);
	assert_string_equal(rig_reply(rig, 0, 0), "0 0.0.0 timed out in rcpt");
	rig_destroy(rig);
}

static void test_idle(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN "< QUIT\n> 221 2.0.0 bye\nend\n",
		HELLO MESSAGE TAKEN "> 421 4.4.2 idle for too long\nclose\n",
		HELLO MESSAGE TAKEN "close\n",
		HELLO MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN ", idle: 1s", scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_turn_for(rig, 1200 * NS_PER_MS);
	for (size_t i = 2; i < 5; i++) {
		rig_post(rig, "x\r\n");
		rig_wait(rig, i);
		rig_assert_outcomes(rig, i - 1, "D");
		rig_turn_for(rig, 50 * NS_PER_MS);
	}
	assert_int_equal(atomic_load(&rig->counters.sessions_failed), 0);
	rig_destroy(rig);
}

static void test_messages_per_session(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE TAKEN RESET TAKEN BYE,
		HELLO MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN ", sessions: 1, messages_per_session: 2", scripts);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		rig_post(rig, "x\r\n");
	rig_wait(rig, 3);
	rig_destroy(rig);
}

static void test_lifetime(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN BYE,
		HELLO MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN ", sessions: 1", scripts);

	(void)state;
	/* Less than may be set. */
	struct config_route *route = (struct config_route *)(uintptr_t)rig->config->routes.at;
	route->lifetime_ns = 100 * NS_PER_MS;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_turn_for(rig, 150 * NS_PER_MS);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_int_equal(atomic_load(&rig->counters.sessions_failed), 0);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_train),
		cmocka_unit_test(test_refused_in_the_middle),
		cmocka_unit_test(test_mail_refused_in_the_middle),
		cmocka_unit_test(test_clean_needs_no_reset),
		cmocka_unit_test(test_reset_after_failed_chunk),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_data_without_recipients),
		cmocka_unit_test(test_reset_after_refused_data),
		cmocka_unit_test(test_lock_step),
		cmocka_unit_test(test_partial_recipients),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_what_can_not_be_carried),
		cmocka_unit_test(test_report_is_not_lost),
		cmocka_unit_test(test_converted),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_recipients_per_message),
		cmocka_unit_test(test_refusal_then_closed),
		cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_expires_behind_a_held_lane),
		cmocka_unit_test(test_out_of_step),
		cmocka_unit_test(test_greeting_refused),
		cmocka_unit_test(test_gone_unasked),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_messages_per_session),
		cmocka_unit_test(test_lifetime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
