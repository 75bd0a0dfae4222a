/* A gate that closes stops the lanes of all its routes, and opens by one message. */
#include "tests/engine/rig.h"

#define TENANT 0 /* gates, where no tenant is named */
#define SOURCE 1

#define HELLO                                                                                      \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n"                                         \
	"> 250-mail.example\\n250-PIPELINING\\n250 CHUNKING\n"
#define MESSAGE "< MAIL\n< RCPT\n< BDAT\n"
#define TAKEN   "> 250 2.1.0 ok\n> 250 2.1.5 ok\n> 250 2.0.0 taken\n"
#define BLOCKED                                                                                    \
	"> 250 2.1.0 ok\n> 250 2.1.5 ok\n"                                                         \
	"> 550 5.7.705 Access denied, tenant has exceeded threshold\n"
#define BYE "< QUIT\n> 221 bye\nend\n"

/* The time that it is closed for is over. */
static void time_is_up(struct rig *rig)
{
	rig->gates[TENANT].until = clock_mono();
	rig_tell_gate(rig, TENANT, false);
}

static void wait_for_epoch(struct rig *rig, uint32_t epoch)
{
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);

	while (rig->delivery.dispatch.gates.entries[TENANT].gate.epoch < epoch &&
	        !mono_reached(clock_mono(), until))
		rig_turn(rig);
	assert_int_equal(rig->delivery.dispatch.gates.entries[TENANT].gate.epoch, epoch);
}

/* One is let through and refused; later one is let through and taken, and then all go. */
static void test_one_message_finds_out(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE BLOCKED "quiet\n"
		                      "< RSET\n" MESSAGE "quiet\n> 250 reset\n" BLOCKED
		                      "< RSET\n" MESSAGE "quiet\n> 250 reset\n" TAKEN MESSAGE
		                      "< RSET\n" MESSAGE TAKEN "> 250 reset\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", "tls: {mode: none}, sessions: 1, pipeline: 4", scripts);
	const struct lane *lane = &rig->delivery.dispatch.lane_values[0];

	(void)state;
	rig_post(rig, "x\r\n");
	wait_for_epoch(rig, 1);
	assert_true(rig->gates[TENANT].closed);
	assert_string_equal(
	        rig->gates[TENANT].text, "Access denied, tenant has exceeded threshold");
	assert_true(lane->gated);
	rig->delivery.sweep_timer.expired = rig->delivery.dispatch.gate_timer.expired; /* stay */
	rig_post(rig, "x\r\n");
	rig_post(rig, "x\r\n");
	rig_turn_for(rig, 20 * NS_PER_MS);
	time_is_up(rig);
	wait_for_epoch(rig, 2);
	assert_int_equal(rig->gates[TENANT].setbacks, 2);
	time_is_up(rig);
	rig_wait(rig, 3);
	for (size_t i = 0; i < 3; i++)
		rig_assert_outcomes(rig, i, "D");
	assert_false(rig->gates[TENANT].closed);
	assert_false(lane->gated);
	rig_destroy(rig);
}

/* News of another shard: what comes goes back to the disk with the reason. */
static void test_news_of_another_shard(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE TAKEN BYE, NULL };
	struct rig *rig = rig_begin("", "tls: {mode: none}, sessions: 1, pipeline: 4", scripts);
	const struct reply_note note = { .code = 550, .text = VIEW("banned sending IP") };

	(void)state;
	assert_true(gate_refuse(&rig->gates[SOURCE], clock_mono(), 0, 1800 * NS_PER_S, &note,
	        &rig->delivery.shard.random));
	rig->gates[SOURCE].elsewhere = true;
	rig_tell_gate(rig, SOURCE, false);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_string_equal(rig_reply(rig, 0, 0), "550 0.0.0 banned sending IP");
	assert_int_equal(rig->settled[0]->attempts, 0);
	assert_true(rig->settled[0]->next_attempt.ms > clock_wall().ms + 1700 * 1000);
	assert_true(rig->delivery.dispatch.outages[0].refused);
	/* It opens for all, and so does what waits for another route to take over. */
	assert_true(gate_take(&rig->gates[SOURCE], 1));
	rig_tell_gate(rig, SOURCE, false);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_false(rig->delivery.dispatch.outages[0].refused);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message_finds_out),
		cmocka_unit_test(test_news_of_another_shard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
