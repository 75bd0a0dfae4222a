/* What becomes of a message that was sent and not answered, by its route's policy. */
#include "tests/engine/phrases.h"
#include "tests/engine/rig.h"

static const char *const lost[] = { HELLO MESSAGE "close\n", NULL };

static void it_is_sent_again_later(void **state)
{
	struct rig *rig = rig_begin("", PLAIN ", in_doubt_delay: 1h", lost);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	const struct job *job = rig->settled[0];
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(job_tally(job).in_doubt, 1);
	assert_false(job->held);
	assert_int_equal(job->attempts, 1);
	assert_true(job->next_attempt.ms - clock_wall().ms > 3500 * 1000);
	rig_destroy(rig);
}

/* The delay is a least one: who failed often waits longer. */
static void as_any_failed_attempt_without_a_delay(void **state)
{
	struct rig *rig =
	        rig_begin("retry: {first: 20m, most: 1h}", PLAIN ", in_doubt_delay: 0s", lost);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	assert_true(rig->settled[0]->next_attempt.ms - clock_wall().ms > 900 * 1000);
	rig_destroy(rig);
}

static void it_is_held(void **state)
{
	struct rig *rig = rig_begin("", PLAIN ", in_doubt: hold", lost);

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	const struct job *job = rig->settled[0];
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(job_tally(job).in_doubt, 1);
	assert_true(job->held);
	assert_non_null(strstr(rig_reply(rig, 0, 0), "it may have arrived, and is held"));
	assert_int_equal(atomic_load(&rig->counters.messages_in_doubt), 1);
	rig_destroy(rig);
}

/* Its end is the operator's: it does not bounce, for it may have arrived. */
static void what_is_held_does_not_expire(void **state)
{
	struct rig *rig =
	        rig_begin("retry: {give_up_after: 60s, most: 60s}", PLAIN ", in_doubt: hold", lost);

	(void)state;
	rig_mail(rig, &(struct rig_mail){ .from = "a@contoso.com",
	                      .to = "b@contoso.com",
	                      .body = "x\r\n",
	                      .age_ms = 3600 * 1000 });
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_true(rig->settled[0]->held);
	rig_destroy(rig);
}

/* Who was refused has his end; who was not is held. */
static void the_others_have_their_ends(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL FROM:<a@c.d>\n< RCPT TO:<b@c.d>\n< RCPT TO:<no@c.d>\n< BDAT\n"
		      "> 250 2.1.0 ok\n> 250 2.1.5 ok\n> 550 5.1.1 User unknown\nclose\n",
		NULL,
	};
	struct rig *rig = rig_begin("", PLAIN ", in_doubt: hold", scripts);

	(void)state;
	rig_mail(rig, &(struct rig_mail){ .from = "a@c.d", .to = "b@c.d no@c.d", .body = "x\r\n" });
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "FB");
	assert_true(rig->settled[0]->held);
	assert_int_equal(job_tally(rig->settled[0]).in_doubt, 1);
	assert_non_null(strstr(rig_reply(rig, 0, 1), "550 5.1.1"));
	rig_destroy(rig);
}

/* What a stream says counts more; what it does not say is the route's. */
static void as_its_stream_says(void **state)
{
	static const char streams[] = "streams: [{name: codes, in_doubt_delay: 1s},"
	                              " {name: orders, in_doubt: hold}]";
	static const bool held[] = { false, true };

	(void)state;
	for (uint8_t i = 0; i < 2; i++) {
		struct rig *rig = rig_begin(streams, PLAIN ", in_doubt_delay: 1h", lost);
		rig_mail(rig, &(struct rig_mail){ .from = "a@contoso.com",
		                      .to = "b@contoso.com",
		                      .body = "x\r\n",
		                      .stream = (uint8_t)(i + 1) });
		rig_wait(rig, 1);
		const struct job *job = rig->settled[0];
		rig_assert_outcomes(rig, 0, "F");
		assert_int_equal(job->held, held[i]);
		assert_true(held[i] || job->next_attempt.ms - clock_wall().ms < 600 * 1000);
		rig_destroy(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_sent_again_later),
		cmocka_unit_test(as_any_failed_attempt_without_a_delay),
		cmocka_unit_test(it_is_held),
		cmocka_unit_test(what_is_held_does_not_expire),
		cmocka_unit_test(the_others_have_their_ends),
		cmocka_unit_test(as_its_stream_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
