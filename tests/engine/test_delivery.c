/* The shard as a whole: what goes in by letter comes out by letter. */
#include "tests/engine/rig.h"

#define HELLO                                                                                      \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n"                                         \
	"> 250-mail.example\\n250-PIPELINING\\n250 CHUNKING\n"
#define MESSAGE "< MAIL\n< RCPT\n< BDAT\n"
#define TAKEN   "> 250 2.1.0 ok\n> 250 2.1.5 ok\n> 250 2.0.0 taken\n"

static void test_nothing_to_do(void **state)
{
	struct rig *rig = rig_create();

	(void)state;
	rig_init_with(rig, "", "tls: {mode: none}", NULL, NULL);
	rig_turn_for(rig, 20 * NS_PER_MS);
	rig_destroy(rig);
}

/* However many routes there are: the system's roots are parsed once, and each file. */
static void test_routes_share_what_they_trust(void **state)
{
	struct rig *rig = rig_create();

	(void)state;
	rig_init_with(rig, "",
	        "tls: {mode: required}}\n"
	        "  - {name: second, host: b.example, tls: {mode: required}}\n"
	        "  - {name: plain, host: c.example, tls: {mode: none}}\n"
	        "  - {name: third, host: d.example, tls: {mode: required}",
	        NULL, NULL);
	assert_int_equal(rig->delivery.dispatch.route_count, 4);
	assert_int_equal(rig->roots_parsed, 1);
	rig_destroy(rig);
}

/* Draining: what was not started goes back as it came, replies in flight are waited for. */
static void test_drain(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "quiet\nquiet\n" TAKEN "< QUIT\n> 221 bye\nend\n", NULL
	};
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "", "tls: {mode: none}, sessions: 1, pipeline: 1", NULL, NULL);
	for (size_t i = 0; i < 3; i++)
		rig_mail(
		        rig, &(struct rig_mail){ .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" });
	while (rig->delivery.dispatch.lanes[0].lane->in_flight == 0)
		rig_turn(rig);
	assert_int_equal(rig->settled_count, 0);
	rig_send(rig, LETTER_DRAIN, NULL);
	/* One that crosses the letter on its way. */
	rig_mail(rig, &(struct rig_mail){ .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" });
	rig_turn(rig);
	assert_int_equal(rig->settled_count, 3);
	assert_false(rig->drained);
	rig_wait(rig, 4);
	for (size_t i = 0; i < 3; i++)
		rig_assert_outcomes(rig, i, "P");
	rig_assert_outcomes(rig, 3, "D");
	rig_destroy(rig);
}

/* The time for that is up: what is in flight is in doubt, and comes back all the same. */
static void test_drain_for_too_long(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE "end\n", NULL };
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "drain: 1s", "tls: {mode: none}", NULL, NULL);
	rig_mail(rig, &(struct rig_mail){ .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" });
	rig_turn_for(rig, 30 * NS_PER_MS);
	rig_stop(rig);
	assert_int_equal(rig->settled_count, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(job_tally(rig->settled[0]).in_doubt, 1);
	rig_destroy(rig);
}

/* Nor is a server waited for that never answers QUIT. */
static void test_drain_without_goodbye(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE TAKEN "< QUIT\nend\n", NULL };
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "drain: 1s", "tls: {mode: none}", NULL, NULL);
	rig_mail(rig, &(struct rig_mail){ .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" });
	rig_wait(rig, 1);
	rig_stop(rig);
	rig_assert_outcomes(rig, 0, "D");
	rig_destroy(rig);
}

static void test_abort(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE "end\n", NULL };
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "", "tls: {mode: none}", NULL, NULL);
	for (size_t i = 0; i < 3; i++)
		rig_mail(
		        rig, &(struct rig_mail){ .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" });
	rig_turn(rig);
	delivery_abort(&rig->delivery);
	while (!delivery_is_over(&rig->delivery) && !mono_reached(clock_mono(), until))
		rig_turn(rig);
	rig_turn(rig);
	assert_true(delivery_is_over(&rig->delivery));
	assert_int_equal(rig->settled_count, 3);
	/* The script may not have been reached at all. */
	server_stop(&rig->server);
	rig->server.complaint[0] = '\0';
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_routes_share_what_they_trust),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_for_too_long),
		cmocka_unit_test(test_drain_without_goodbye),
		cmocka_unit_test(test_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
