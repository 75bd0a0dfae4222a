/* Trains that end early: what a lost session, a 421 or a front end at fault does to the messages in
 * it, and to what waits behind them. */
#include "tests/engine/phrases.h"
#include "tests/engine/rig.h"

/* 421: the server ends it. What it had whole and does not answer any more is in doubt. */
static void test_goodbye_in_a_train(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE "< RSET\n" MESSAGE TAKEN RESET
		              "> 421 4.3.2 Service not active\nclose\n",
		HELLO MESSAGE TAKEN MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		rig_post(rig, "x\r\n");
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 0, "D");
	rig_assert_outcomes(rig, 1, "F");
	assert_string_equal(rig_reply(rig, 1, 0), "421 4.3.2 Service not active");
	assert_int_equal(job_tally(rig->settled[1]).in_doubt, 0);
	assert_int_equal(rig->settled[1]->attempts, 0);
	rig_assert_outcomes(rig, 2, "F");
	assert_int_equal(job_tally(rig->settled[2]).in_doubt, 1);
	assert_int_equal(rig->settled[2]->attempts, 1);
	assert_int_equal(atomic_load(&rig->counters.messages_in_doubt), 1);
	rig_send(rig, LETTER_RESUME, NULL);
	rig_again(rig, 1);
	rig_wait(rig, 3);
	rig_again(rig, 1);
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 1, "D");
	rig_assert_outcomes(rig, 2, "D");
	rig_destroy(rig);
}

/* What it answers behind its 421 still counts. */
static void test_answers_behind_a_goodbye(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE "> 421 4.3.2 Service not active\n"
		              "> 503 5.5.1 no\n> 503 5.5.1 no\n" RESET TAKEN "end\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 0, "F");
	rig_assert_outcomes(rig, 1, "D");
	assert_int_equal(atomic_load(&rig->counters.messages_in_doubt), 0);
	rig_destroy(rig);
}

/* One reply too many shifts the others. What is about an address is no answer to the data, so the
 * message is not taken for delivered, nor for lost. */
static void test_one_reply_too_many(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE ENVELOPE "> 250 2.1.5 ok\nend\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(job_tally(rig->settled[0]).in_doubt, 1);
	rig_destroy(rig);
}

/* So is a refusal of RSET. */
static void test_reset_refused(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE ENVELOPE "> 550 5.1.1 who?\n"
		              "> 432 4.3.2 Concurrent connections limit exceeded.\nend\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 0, "B");
	rig_assert_outcomes(rig, 1, "F");
	assert_int_equal(job_tally(rig->settled[1]).in_doubt, 1);
	rig_destroy(rig);
}

static void test_lost_after_the_last_byte(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE TAKEN "close\n",
		HELLO MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_post(rig, "y\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 0, "D");
	assert_int_equal(job_tally(rig->settled[0]).in_doubt, 0);
	/* Not at once again: it may be what ended the session. */
	rig_assert_outcomes(rig, 1, "F");
	assert_int_equal(job_tally(rig->settled[1]).in_doubt, 1);
	assert_int_equal(rig->settled[1]->attempts, 1);
	assert_true(rig->settled[1]->next_attempt.ms > clock_wall().ms);
	assert_int_equal(atomic_load(&rig->counters.messages_in_doubt), 1);
	rig_again(rig, 1);
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_int_equal(job_tally(rig->settled[1]).in_doubt, 1);
	rig_destroy(rig);
}

static void test_lost_before_the_last_byte(void **state)
{
	static const char *const scripts[] = {
		GREET ONLY "PIPELINING\n< MAIL\n< RCPT\n< DATA\n" ENVELOPE "close\n",
		GREET ONLY "PIPELINING\n< MAIL\n< RCPT\n< DATA\n" ENVELOPE
		           "> 354 go\n.\n> 250 2.0.0 taken\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	assert_int_equal(job_tally(rig->settled[0]).in_doubt, 0);
	assert_int_equal(rig->settled[0]->attempts, 0);
	assert_int_equal(rig->settled[0]->restarts, 1);
	rig_destroy(rig);
}

static void test_lost_again_and_again(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN MESSAGE "close\n",
		HELLO MESSAGE TAKEN MESSAGE "close\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN ", pipeline: 1", scripts);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		rig_post(rig, "x\r\n");
	rig_wait(rig, 4);
	assert_int_equal(atomic_load(&rig->counters.messages_in_doubt), 2);
	assert_int_equal(atomic_load(&rig->counters.jobs_delivered), 2);
	rig_destroy(rig);
}

/* A front end at fault: the message waits a moment and so does the lane, the session takes no more,
 * and no failed attempt is counted until that has gone on for a while. */
static void test_fault_of_a_front_end(void **state)
{
#define PRX2  "> 451 4.7.0 Temporary server error. Please try again later. PRX2\n"
#define FAULT HELLO MESSAGE PRX2 "> 503 5.5.2 no\n> 503 5.5.2 no\n" BYE
	static const char *const scripts[] = { FAULT, FAULT, FAULT, FAULT, NULL };
	struct rig *rig = rig_begin("", PLAIN, scripts);
	const struct lane *lane = rig->delivery.dispatch.lanes[0].lane;

	(void)state;
	rig_post(rig, "x\r\n");
	for (unsigned i = 1; i <= JOB_RESTARTS_MAX + 1; i++) {
		rig_wait(rig, 1);
		const struct job *job = rig->settled[0];
		rig_assert_outcomes(rig, 0, "F");
		assert_memory_equal(rig_reply(rig, 0, 0), "451 4.7.0 Temporary", 19);
		assert_true(job->next_attempt.ms - job->last_attempt.ms >= 5000);
		assert_int_equal(lane->door.setbacks, 1);
		if (i <= JOB_RESTARTS_MAX) {
			assert_true(job->next_attempt.ms - job->last_attempt.ms <= 40000);
			assert_int_equal(job->attempts, 0);
			assert_int_equal(job->restarts, i);
			rig_send(rig, LETTER_RESUME, NULL);
			rig_again(rig, 0);
		} else {
			assert_int_equal(job->attempts, 1);
			assert_int_equal(job->restarts, 0);
		}
	}
	rig_destroy(rig);
}

/* The same with a backlog: what stands behind it does not get its turn at once. */
/* Closing right after a 5xx is how some refuse: the next session is opened at once, each time. */
static void test_closed_after_a_refusal(void **state)
{
#define REFUSED HELLO "< MAIL\n< RCPT\n< BDAT\n> 250 ok\n> 550 5.1.1 unknown\nclose\n"
	static const char *const scripts[] = {
		REFUSED,
		REFUSED,
		REFUSED,
		HELLO
		"< MAIL\n< RCPT\n< RCPT\n< BDAT\n> 250 ok\n> 250 ok\n> 550 5.1.1 unknown\nclose\n",
		HELLO MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN, scripts);
	const struct rig_mail two = { .from = "a@c.d", .to = "b@c.d z@c.d", .body = "x\r\n" };
	const struct lane *lane = rig->delivery.dispatch.lanes[0].lane;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		rig_post(rig, "x\r\n");
		rig_wait(rig, i + 1);
		rig_assert_outcomes(rig, i, "B");
		assert_int_equal(lane->door.setbacks, 0);
	}
	rig_mail(rig, &two);
	rig_wait(rig, 4);
	rig_assert_outcomes(rig, 3, "FB"); /* the other is in doubt: its body had gone out */
	rig_post(rig, "x\r\n");
	rig_wait(rig, 5);
	rig_assert_outcomes(rig, 4, "D");
	assert_int_equal(lane->door.setbacks, 0);
	rig_destroy(rig);
}

static void test_fault_shuts_the_door(void **state)
{
	static const char *const scripts[] = { FAULT, NULL };
	struct rig *rig = rig_begin("", PLAIN ", pipeline: 1, sessions: 1", scripts);

	(void)state;
	for (size_t i = 0; i < 5; i++)
		rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_turn_for(rig, 300 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 1);
	assert_int_equal(atomic_load(&rig->counters.sessions_opened), 1);
	rig_stop(rig);
	assert_int_equal(rig->settled_count, 5);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_goodbye_in_a_train),
		cmocka_unit_test(test_answers_behind_a_goodbye),
		cmocka_unit_test(test_one_reply_too_many),
		cmocka_unit_test(test_reset_refused),
		cmocka_unit_test(test_lost_after_the_last_byte),
		cmocka_unit_test(test_lost_before_the_last_byte),
		cmocka_unit_test(test_lost_again_and_again),
		cmocka_unit_test(test_fault_of_a_front_end),
		cmocka_unit_test(test_closed_after_a_refusal),
		cmocka_unit_test(test_fault_shuts_the_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
