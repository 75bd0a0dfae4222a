/* Who carries what: lanes, sessions and their bounds. */
#include "tests/engine/office.h"

#define HELLO                                                                                      \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n"                                         \
	"> 250-mail.example\\n250-PIPELINING\\n250 CHUNKING\n"
#define MESSAGE "< MAIL\n< RCPT\n< BDAT\n"
#define TAKEN   "> 250 2.1.0 ok\n> 250 2.1.5 ok\n> 250 2.0.0 taken\n"
#define BYE     "< QUIT\n> 221 bye\nend\n"

static const struct rig_mail plain = { .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" };

static void test_sessions_are_bounded(void **state)
{
	/* The server plays one after the other, so the first to be ready takes all. */
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN MESSAGE TAKEN MESSAGE TAKEN MESSAGE TAKEN MESSAGE TAKEN MESSAGE
		        TAKEN "close\n",
		HELLO "close\n",
		HELLO BYE,
		NULL,
	};
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "", "tls: {mode: none}, sessions: 3, pipeline: 1", NULL, NULL);
	for (size_t i = 0; i < 6; i++)
		rig_mail(rig, &plain);
	rig_turn(rig);
	assert_int_equal(rig->delivery.dispatch.sessions.taken, 3);
	rig_wait(rig, 6);
	for (size_t i = 0; i < 6; i++)
		rig_assert_outcomes(rig, i, "D");
	rig_turn_for(rig, 100 * NS_PER_MS);
	assert_int_equal(atomic_load(&rig->counters.sessions_opened), 3);
	rig_destroy(rig);
}

static void test_one_session_is_enough(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE "< RSET\n" MESSAGE TAKEN "> 250 ok\n" TAKEN MESSAGE TAKEN BYE, NULL
	};
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "", "tls: {mode: none}, sessions: 20, pipeline: 16", NULL, NULL);
	rig_mail(rig, &plain);
	rig_mail(rig, &plain);
	rig_wait(rig, 2);
	rig_mail(rig, &plain);
	rig_wait(rig, 3);
	assert_int_equal(atomic_load(&rig->counters.sessions_opened), 1);
	rig_destroy(rig);
}

/* The next message finds the session that has none without looking at the others. */
static void test_idle_sessions_are_known(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE TAKEN MESSAGE TAKEN BYE, NULL };
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, "", "tls: {mode: none}, sessions: 20, pipeline: 16", NULL, NULL);
	const struct list *idle = &rig->delivery.dispatch.lanes[0].lane->idle;
	for (size_t i = 1; i <= 2; i++) {
		rig_mail(rig, &plain);
		rig_turn(rig);
		assert_int_equal(idle->count, 0); /* on its way, or with a message */
		rig_wait(rig, i);
		assert_int_equal(idle->count, 1);
	}
	rig_stop(rig);
	assert_int_equal(idle->count, 0);
	rig_destroy(rig);
}

/* With identities. */

static void office_route(struct office *office, const char *more)
{
	char route[1024];

	(void)snprintf(route, sizeof route,
	        "tls: {mode: required, ca_file: %s}, %s, identities: "
	        "[{user: a@c.d, secret_file: %s}, {user: b@c.d, secret_file: %s}]",
	        office->certificates.authority, more, office->secret, office->secret);
	rig_init_with(office->rig, "", route, NULL, &office->keeper);
	assert_false(failed(helper_start(&office->keeper.helper)));
}

/* Mail in a mailbox's own name waits for that mailbox; any other is anyone's. */
static void test_own_names(void **state)
{
	static const struct {
		const char *from;
		uint32_t line;
	} cases[] = {
		{ "a@c.d", 1 },
		{ "B@C.D", 2 },
		{ "c@c.d", 0 },
		{ "", 0 },
	};
	struct office *office = *state;
	struct dispatch *dispatch = &office->rig->delivery.dispatch;

	office_route(office, "sessions: 2");
	assert_int_equal(dispatch->schedule->line_count, 3);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct rig_mail mail = {
			.from = cases[i].from, .to = "x@y.z", .body = "x\r\n"
		};
		struct job *job = rig_job(office->rig, &mail);
		dispatch_add(dispatch, job);
		assert_int_equal(job->line, cases[i].line);
	}
}

/* One session for two mailboxes: the idle one gives way. */
static void test_place_for_another(void **state)
{
#define SECURE                                                                                     \
	"> 220 mail.example\n< EHLO relay.example\n> 250-mail.example\\n250 STARTTLS\n"            \
	"< STARTTLS\n> 220 go\ntls\n< EHLO relay.example\n"                                        \
	"> 250-mail.example\\n250-PIPELINING\\n250-CHUNKING\\n250 AUTH PLAIN\n"
	static const char *const scripts[] = {
		/* \0a@c.d\0s3cret, \0b@c.d\0s3cret */
		SECURE "< AUTH PLAIN AGFAYy5kAHMzY3JldA==\n> 235 2.7.0 hi\n" MESSAGE TAKEN BYE,
		SECURE "< AUTH PLAIN AGJAYy5kAHMzY3JldA==\n> 235 2.7.0 hi\n" MESSAGE TAKEN BYE,
		NULL,
	};
	struct office *office = *state;
	const struct rig_mail mails[] = {
		{ .from = "a@c.d", .to = "x@y.z", .body = "x\r\n" },
		{ .from = "b@c.d", .to = "x@y.z", .body = "x\r\n" },
	};

	server_start(&office->rig->server, scripts);
	office_route(office, "sessions: 1");
	for (size_t i = 0; i < 2; i++) {
		rig_mail(office->rig, &mails[i]);
		rig_wait(office->rig, i + 1);
		rig_assert_outcomes(office->rig, i, "D");
		assert_true(office->rig->delivery.dispatch.sessions.taken <= 1);
	}
}

/* A mailbox does what its limits allow, and no more; what it may do is on disk before. */
static void test_limits(void **state)
{
	static const char *const scripts[] = {
		SECURE "< AUTH PLAIN AGFAYy5kAHMzY3JldA==\n> 235 2.7.0 hi\n" MESSAGE TAKEN MESSAGE
		        TAKEN MESSAGE TAKEN BYE,
		NULL,
	};
	struct office *office = *state;
	struct rig *rig = office->rig;
	const struct rig_mail mail = { .from = "a@c.d", .to = "x@y.z", .body = "x\r\n" };

	server_start(&rig->server, scripts);
	office_route(office,
	        "stop: 100%, connections: 1, messages_per_minute: 3/1h, recipients_per_day: none");
	for (size_t i = 0; i < 5; i++)
		rig_mail(rig, &mail);
	rig_wait(rig, 1);
	assert_true(rig->notes > 0);
	rig_turn_for(rig, 200 * NS_PER_MS);
	/* The burst of a small limit is one; the next comes at its pace, far from here. */
	assert_int_equal(rig->settled_count, 1);
	struct throttle *throttle = rig->delivery.dispatch.lanes[0].lane->throttle;
	assert_int_equal(throttle->in_flight, 0);
	throttle->pace_until.ns = INT64_MIN;
	lane_stir(rig->delivery.dispatch.lanes[0].lane);
	rig_wait(rig, 2);
	throttle->pace_until.ns = INT64_MIN;
	lane_stir(rig->delivery.dispatch.lanes[0].lane);
	rig_wait(rig, 3);
	throttle->pace_until.ns = INT64_MIN;
	lane_stir(rig->delivery.dispatch.lanes[0].lane);
	rig_turn_for(rig, 100 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 3);
	assert_int_equal(throttle_look(throttle, loop_now(&rig->delivery.shard.loop), true, 1),
	        THROTTLE_MESSAGES);
	assert_int_equal(rig->delivery.dispatch.lanes[0].state, DISPATCH_LANE_TIMED);
	assert_int_equal(rig->delivery.schedule.job_count, 2);
}

#define OFFICE_TEST(name) cmocka_unit_test_setup_teardown(name, office_open, office_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions_are_bounded),
		cmocka_unit_test(test_one_session_is_enough),
		cmocka_unit_test(test_idle_sessions_are_known),
		OFFICE_TEST(test_own_names),
		OFFICE_TEST(test_place_for_another),
		OFFICE_TEST(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
