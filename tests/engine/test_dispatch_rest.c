/* Mail behind a hold that lasts goes back to the disk with the reason, and leaves its place to mail
 * that can be sent. */
#include "tests/engine/office.h"

#define MINUTES(count) ((count)*60 * NS_PER_S)

static void rest_open(struct office *office, const char *more)
{
	char route[1024];

	(void)snprintf(route, sizeof route,
	        "tls: {mode: required, ca_file: %s}, %s, identities: "
	        "[{user: a@c.d, secret_file: %s}, {user: b@c.d, secret_file: %s}]",
	        office->certificates.authority, more, office->secret, office->secret);
	rig_init_with(office->rig, "", route, NULL, &office->keeper);
	assert_false(failed(helper_start(&office->keeper.helper)));
	/* Nothing is to be opened by itself. */
	for (uint32_t i = 0; i < 2; i++)
		office->rig->delivery.dispatch.lane_values[i].door.until = MONO_NEVER;
}

static struct lane *rest_hold(struct office *office, uint32_t index, int64_t wait_ns)
{
	struct delivery *delivery = &office->rig->delivery;
	struct lane *lane = &delivery->dispatch.lane_values[index];
	const struct lane_wait wait = { wait_ns, wait_ns, false };
	const struct reply_note note = {
		.code = 550,
		.status = { 5, 2, 252 },
		.server = VIEW("mail.example"),
		.text = VIEW("Sender throttled due to continuous send as denied errors."),
	};
	const struct mono now = loop_now(&delivery->shard.loop);

	(void)lane_hold(lane, now, lane->epoch, &wait, &delivery->shard.random);
	lane_say(lane, now, loop_wall(&delivery->shard.loop), &note);
	return lane;
}

static void rest_post(struct office *office, const char *from)
{
	const struct rig_mail mail = { .from = from, .to = "x@y.z", .body = "x\r\n" };

	rig_mail(office->rig, &mail);
}

static void rest_assert(
        struct office *office, size_t settled, const char *reply, int64_t least_s, bool rests)
{
	const struct job *job = office->rig->settled[settled];
	const int64_t wait_ms = job->next_attempt.ms - clock_wall().ms;

	rig_assert_outcomes(office->rig, settled, "F");
	assert_string_equal(rig_reply(office->rig, settled, 0), reply);
	assert_int_equal(job->attempts, 0);
	assert_int_equal(job->rests, rests);
	assert_true(wait_ms > (least_s - 60) * 1000);
	assert_true(wait_ms < (least_s * 6 / 5 + 1) * 1000);
}

static const char barred[] =
        "550 5.2.252 Sender throttled due to continuous send as denied errors.";

/* Mail in the name of a mailbox that is held goes, in its order and to one time; others wait for
 * their own mailbox, which is only shut out for now. */
static void test_own_mail_of_a_held_mailbox(void **state)
{
	struct office *office = *state;

	rest_open(office, "sessions: 2");
	for (size_t i = 0; i < 40; i++)
		rest_post(office, "a@c.d");
	rest_post(office, "b@c.d");
	rest_post(office, "anyone@c.d");
	rig_turn_for(office->rig, 50 * NS_PER_MS);
	assert_int_equal(office->rig->settled_count, 0);
	(void)rest_hold(office, 0, MINUTES(30));
	rig_wait(office->rig, 40);
	for (size_t i = 0; i < 40; i++) {
		rest_assert(office, i, barred, 1800, false);
		assert_int_equal(office->rig->settled[i]->id, i + 1);
		assert_int_equal(office->rig->settled[i]->next_attempt.ms,
		        office->rig->settled[0]->next_attempt.ms);
	}
	assert_int_equal(office->rig->delivery.schedule.job_count, 2);
	/* What comes later does not even wait for the sweep. */
	rest_post(office, "a@c.d");
	rig_turn(office->rig);
	assert_int_equal(office->rig->settled_count, 41);
	assert_int_equal(office->rig->settled[40]->next_attempt.ms,
	        office->rig->settled[0]->next_attempt.ms);
	/* An operator's word opens it. */
	rig_send(office->rig, LETTER_RESUME, NULL);
	rig_turn(office->rig);
	office->rig->delivery.dispatch.lane_values[0].door.until = MONO_NEVER;
	office->rig->delivery.dispatch.lane_values[1].door.until = MONO_NEVER;
	rest_post(office, "a@c.d");
	rig_turn(office->rig);
	assert_int_equal(office->rig->settled_count, 41);
}

/* What anyone may send goes back when nobody can for long, and the spooler hears that. */
static void test_all_are_held(void **state)
{
	struct office *office = *state;

	rest_open(office, "sessions: 2");
	for (size_t i = 0; i < 3; i++)
		rest_post(office, "anyone@c.d");
	(void)rest_hold(office, 0, MINUTES(30));
	(void)rest_hold(office, 1, MINUTES(1) / 2);
	rig_turn_for(office->rig, 1200 * NS_PER_MS);
	/* One of them is back in a moment. */
	assert_int_equal(office->rig->settled_count, 0);
	(void)rest_hold(office, 1, MINUTES(10));
	rig_wait(office->rig, 3);
	for (size_t i = 0; i < 3; i++)
		rest_assert(office, i, barred, 600, true);
	rest_post(office, "anyone@c.d");
	rig_turn(office->rig);
	assert_int_equal(office->rig->settled_count, 4);
	rest_assert(office, 3, barred, 600, true);
}

/* So does the own mail of a mailbox that has used up its day; but it is asked again before long. */
static void test_used_up(void **state)
{
	struct office *office = *state;

	rest_open(office, "sessions: 2, recipients_per_day: 100/1d");
	struct delivery *delivery = &office->rig->delivery;
	struct throttle *throttle = delivery->dispatch.lane_values[0].throttle;
	const struct mono now = loop_now(&delivery->shard.loop);
	struct throttle_ticket ticket;

	for (;;) {
		const enum throttle_reason reason = throttle_admit(throttle, now, true, 1, &ticket);
		if (reason == THROTTLE_RECORD) {
			lane_stir(&delivery->dispatch.lane_values[0]);
			ledger_look(&delivery->dispatch.ledger, delivery->dispatch.lanes[0].entry);
			rig_turn_for(office->rig, 5 * NS_PER_MS);
			continue;
		}
		if (reason != THROTTLE_FREE)
			break;
		throttle_write(throttle, now, &ticket);
		throttle_end(throttle, &ticket);
	}
	rest_post(office, "a@c.d");
	rest_post(office, "b@c.d");
	rig_wait(office->rig, 1);
	rest_assert(
	        office, 0, "0 0.0.0 the mailbox has sent as much as it may for now", 900, false);
	assert_int_equal(delivery->schedule.job_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		        test_own_mail_of_a_held_mailbox, office_open, office_close),
		cmocka_unit_test_setup_teardown(test_all_are_held, office_open, office_close),
		cmocka_unit_test_setup_teardown(test_used_up, office_open, office_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
