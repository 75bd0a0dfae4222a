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

static void post(struct rig *rig, const char *to)
{
	const struct rig_mail mail = { .from = "a@in.test", .to = to, .body = "x\r\n" };

	rig_mail(rig, &mail);
}

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

static bool any_incident(const struct rig *rig)
{
	const struct list *known = &rig->delivery.dispatch.incidents.known;

	list_each(link, known)
		if (!container_of(link, struct incidents_entry, link)->over)
			return true;
	return false;
}

/* Closed by a report: the one that is taken leaves it, and its incident, as they are. */
static void test_doubt(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN MESSAGE TAKEN "quiet\n" MESSAGE TAKEN BYE,
		NULL,
	};
	static const char blocked[] = "550 5.7.705 Access denied, tenant has exceeded threshold";
	struct rig *rig = rig_begin("", "tls: {mode: none}, sessions: 1, pipeline: 4", scripts);
	const struct gate *gate = &rig->gates[TENANT];
	struct late_sheet sheet = { .sent = clock_wall() };

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	memcpy(sheet.reply, blocked, sizeof blocked);
	rig->delivery.sweep_timer.expired = rig->delivery.dispatch.gate_timer.expired; /* stay */
	dispatch_hear_late(&rig->delivery.dispatch, &sheet);
	wait_for_epoch(rig, 1);
	assert_true(gate->late);
	assert_true(any_incident(rig));
	time_is_up(rig);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_true(gate->doubted);
	assert_true(any_incident(rig));
	rig_post(rig, "x\r\n");
	rig_turn_for(rig, 20 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 2);
	/* No report has come. */
	assert_true(gate_pass(&rig->gates[TENANT], gate->until));
	rig_tell_gate(rig, TENANT, false);
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 2, "D");
	assert_false(any_incident(rig));
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
	assert_int_equal(gate_take(&rig->gates[SOURCE], clock_mono(), 1), GATE_OPENED);
	rig_tell_gate(rig, SOURCE, false);
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_false(rig->delivery.dispatch.outages[0].refused);
	rig_destroy(rig);
}

/* A recipient who gets no more: his mail goes back to the disk in words, without a try of its own;
 * other mail, and others' part of it, goes on. Then one message finds out. */
static void test_a_recipient_gets_no_more(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<ann@out.test>\n< BDAT\n> 250 ok\n> 250 ok\n"
		      "> 550 5.2.122 The recipient has exceeded their limit for messages per hour\n"
		      "< RSET\n< MAIL\n< RCPT TO:<ben@out.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 ok\n> 250 taken\n"
		      "< MAIL\n< RCPT TO:<ANN@out.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 taken\n"
		      "< MAIL\n< RCPT TO:<ann@out.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 taken\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin(
	        "", "tls: {mode: none}, sessions: 1, pipeline: 1, group_by_domain: false", scripts);
	const uint32_t gate = gate_plan_recipients(rig->config, 0);

	(void)state;
	post(rig, "ann@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	post(rig, "ann@out.test");
	post(rig, "Ann@out.test ben@out.test");
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 1, "F");
	assert_int_equal(rig->settled[1]->attempts, 0);
	assert_string_equal(rig_reply(rig, 1, 0),
	        "0 0.0.0 ann@out.test gets no more for now: The recipient has exceeded their "
	        "limit for messages per hour");
	rig_assert_outcomes(rig, 2, "FD");
	/* The time is up: leave is asked for, and has to come first. */
	assert_true(rig->gates[gate].closed);
	rig->gates[gate].until = clock_mono();
	rig_tell_gate(rig, gate, false);
	post(rig, "ANN@out.test");
	rig_wait(rig, 4);
	rig_assert_outcomes(rig, 3, "F");
	post(rig, "ANN@out.test");
	rig_wait(rig, 5);
	rig_assert_outcomes(rig, 4, "D");
	post(rig, "ann@out.test");
	rig_wait(rig, 6);
	rig_assert_outcomes(rig, 5, "D");
	assert_false(rig->gates[gate].closed);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_message_finds_out),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_news_of_another_shard),
		cmocka_unit_test(test_a_recipient_gets_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
