/* Which lanes hear a report: of a pool the mailbox's own, of a route without sign-in its slice
 * here, of another route none. And a mailbox that was held so is in doubt once it sends again. */
#include "tests/engine/office.h"

#define BARRED "550 5.1.8 Access denied, bad outbound sender AS(42004)"
#define DOWN   "554 5.7.68 TenantInboundAttribution; connector is down"

#define HELLO                                                                                      \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n"                                         \
	"> 250-mail.example\\n250-PIPELINING\\n250 CHUNKING\n"
#define MESSAGE "< MAIL\n< RCPT\n< BDAT\n"
#define TAKEN   "> 250 2.1.0 ok\n> 250 2.1.5 ok\n> 250 2.0.0 taken\n"
#define BYE     "< QUIT\n> 221 bye\nend\n"

static struct rig *pool_begin(struct office *office)
{
	static const char *const none[] = { NULL };
	char routes[2048];

	(void)snprintf(routes, sizeof routes,
	        "tls: {mode: none}}\n"
	        "  - {name: pool, interface: submission, host: 127.0.0.1, identities: [\n"
	        "      {user: a@in.test, secret_file: %s}, {user: b@in.test, secret_file: %s},\n"
	        "      {user: c@in.test, secret_file: %s}]}\n"
	        "  - {name: slice, interface: direct, host: 127.0.0.1, sessions: 4,\n"
	        "     tls: {mode: none}",
	        office->secret, office->secret, office->secret);
	server_start(&office->rig->server, none);
	rig_init_with(office->rig, "accepted_domains: [in.test]", routes, NULL, &office->keeper);
	assert_false(failed(helper_start(&office->keeper.helper)));
	return office->rig;
}

static void hear(struct rig *rig, uint16_t route, int identity, const char *reply)
{
	struct late_sheet sheet = {
		.route = route,
		.signed_in = identity >= 0,
		.identity = identity >= 0 ? (uint16_t)identity : 0,
		.sent = clock_wall(),
	};

	(void)snprintf(sheet.reply, sizeof sheet.reply, "%s", reply);
	dispatch_hear_late(&rig->delivery.dispatch, &sheet);
}

/* Of which lanes of the route nothing may start, as bits. */
static unsigned held(const struct rig *rig, uint16_t route)
{
	const struct dispatch_route *at = &rig->delivery.dispatch.routes[route];
	const struct mono now = loop_now(&rig->delivery.shard.loop);
	unsigned bits = 0;

	for (uint32_t i = 0; i < at->lane_count; i++)
		if (!lane_is_open(at->lanes[i].lane, now))
			bits |= 1U << at->lanes[i].lane->identity;
	return bits;
}

static void test_who_hears(void **state)
{
	struct rig *rig = pool_begin(*state);

	assert_int_equal(rig->delivery.dispatch.routes[1].lane_count, 3);
	hear(rig, 1, 1, BARRED);
	assert_int_equal(held(rig, 0), 0);
	assert_int_equal(held(rig, 1), 1U << 1);
	assert_int_equal(held(rig, 2), 0);
	const struct lane *lane = rig->delivery.dispatch.routes[1].lane_of[1]->lane;
	assert_true(lane->late);
	assert_int_equal(rig->delivery.dispatch.incidents.known.count, 1);
	/* One that is of another shard. */
	hear(rig, 1, 7, BARRED);
	assert_int_equal(held(rig, 1), 1U << 1);
	assert_int_equal(rig->delivery.dispatch.incidents.known.count, 1);
	/* Nobody signed in: the slice that is here. */
	hear(rig, 2, -1, DOWN);
	assert_int_equal(held(rig, 1), 1U << 1);
	assert_true(held(rig, 2) != 0);
	assert_int_equal(rig->delivery.dispatch.incidents.known.count, 2);
}

/* The first that is taken ends nothing; the next waits for a report's time, and ends it. */
static void test_doubt(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE TAKEN MESSAGE TAKEN "quiet\n" MESSAGE TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("", "tls: {mode: none}, sessions: 1, pipeline: 4", scripts);
	struct lane *lane = rig->delivery.dispatch.routes[0].lanes[0].lane;
	const struct list *known = &rig->delivery.dispatch.incidents.known;

	(void)state;
	rig_post(rig, "x\r\n");
	rig_wait(rig, 1);
	rig->delivery.sweep_timer.expired = rig->delivery.dispatch.gate_timer.expired; /* stay */
	hear(rig, 0, -1, BARRED);
	assert_true(lane->late);
	lane->hold.until = loop_now(&rig->delivery.shard.loop); /* it is over */
	rig_post(rig, "x\r\n");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_true(lane->doubted);
	assert_int_equal(known->count, 1);
	assert_false(container_of(list_first(known), struct incidents_entry, link)->over);
	rig_post(rig, "x\r\n");
	rig_turn_for(rig, 20 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 2);
	/* No report has come. */
	lane->hold.until = loop_now(&rig->delivery.shard.loop);
	lane_stir(lane);
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 2, "D");
	assert_false(lane->doubted);
	assert_true(list_is_empty(known) ||
	            container_of(list_first(known), struct incidents_entry, link)->over);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_hears, office_open, office_close),
		cmocka_unit_test(test_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
