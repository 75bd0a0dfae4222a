/* What a route that is out hands on, what it keeps, and how it comes back. */
#include "tests/engine/rig.h"

#define HELLO                                                                                      \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n"                                         \
	"> 250-mail.example\\n250-PIPELINING\\n250 CHUNKING\n"
#define MESSAGE "< MAIL\n< RCPT\n< BDAT\n"
#define TAKEN   "> 250 2.1.0 ok\n> 250 2.1.5 ok\n> 250 2.0.0 taken\n"
#define REFUSED                                                                                    \
	"> 250 2.1.0 ok\n> 550 5.7.64 TenantAttribution; Relay Access Denied\n"                    \
	"> 503 5.5.1 no recipients\n"
#define BYE "< QUIT\n> 221 bye\nend\n"

#define TOP "accepted_domains: [in.test]"
/* The rig's one route, and those behind it: spare takes all, inside its own. */
#define ROUTE(fallback)                                                                            \
	"name: far, tls: {mode: none}, sessions: 1, pipeline: 1, fallback: " fallback              \
	", fallback_after: 0s}\n"                                                                  \
	"  - {name: spare, host: 127.0.0.1, port: 1}\n"                                            \
	"  - {name: inside, interface: direct, host: 127.0.0.1, port: 1, fallback: spare"

static const struct rig_mail outside = { .from = "a@in.test", .to = "b@x.test", .body = "x\r\n" };
static const struct rig_mail inside = { .from = "a@in.test", .to = "b@in.test", .body = "x\r\n" };

static void assert_diverted(struct rig *rig, size_t settled, uint16_t route)
{
	const struct job *job = rig->settled[settled];

	assert_int_equal(job->divert, route + 1);
	assert_int_equal(job->attempts, 0);
	assert_int_equal(job_tally(job).of[OWED_PENDING], job->owed_count);
	assert_true(job->next_attempt.ms <= clock_wall().ms);
}

/* Refused for what is no fault of the mail: it goes over, and so does what comes after it; once
 * a message is taken, all is as before. */
static void refused_for_the_routes_sake(void **state)
{
	static const char *const scripts[] = {
		HELLO MESSAGE REFUSED "< RSET\n" MESSAGE "> 250 ok\n" TAKEN
		                      "< MAIL\n< RCPT\n< BDAT\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TOP, ROUTE("spare"), scripts);

	(void)state;
	rig_mail(rig, &outside);
	rig_wait(rig, 1);
	assert_diverted(rig, 0, 1);
	rig_mail(rig, &outside);
	rig_wait(rig, 2);
	assert_diverted(rig, 1, 1);
	assert_int_equal(atomic_load(&rig->counters.jobs_diverted), 2);
	/* Its gates open: one message finds out, and the other does not wait for that. */
	rig_send(rig, LETTER_RESUME, NULL);
	rig_mail(rig, &outside);
	rig_mail(rig, &outside);
	rig_wait(rig, 4);
	const bool first = rig->settled[2]->divert == 0;
	rig_assert_outcomes(rig, first ? 2 : 3, "D");
	assert_diverted(rig, first ? 3 : 2, 1);
	/* It is back. */
	rig_mail(rig, &outside);
	rig_wait(rig, 5);
	rig_assert_outcomes(rig, 4, "D");
	assert_int_equal(rig->settled[4]->divert, 0);
	rig_destroy(rig);
}

static void what_can_not_be_reached(void **state)
{
	static const char *const scripts[] = { "close\n", NULL };
	struct rig *rig = rig_begin(TOP, ROUTE("spare"), scripts);

	(void)state;
	/* The first is deferred with what was said of the session; then the route is out. */
	rig_mail(rig, &outside);
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(rig->settled[0]->divert, 0);
	rig_mail(rig, &outside);
	rig_wait(rig, 2);
	assert_diverted(rig, 1, 1);
	rig_destroy(rig);
}

/* What the other route can't carry waits for this one; the rest goes. */
static void only_what_it_can_carry(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE REFUSED "close\n", NULL };
	struct rig *rig = rig_begin(TOP, ROUTE("inside"), scripts);
	const struct rig_mail both = {
		.from = "a@in.test", .to = "b@x.test c@in.test", .body = "x\r\n"
	};

	(void)state;
	rig_mail(rig, &inside);
	rig_wait(rig, 1);
	assert_diverted(rig, 0, 2);
	rig_mail(rig, &outside);
	rig_mail(rig, &both);
	rig_wait(rig, 2);
	assert_diverted(rig, 1, 2);
	assert_int_equal(rig->settled[1]->owed_count, 2);
	rig_turn_for(rig, 50 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 2);
	assert_int_equal(rig->delivery.schedule.job_count, 1);
	rig_stop(rig);
	rig_assert_outcomes(rig, 2, "P");
	assert_int_equal(rig->settled[2]->divert, 0);
	rig_destroy(rig);
}

/* The next of the chain that is not out too. */
static void along_the_chain(void **state)
{
	static const char *const scripts[] = { HELLO MESSAGE REFUSED "close\n", NULL };
	struct rig *rig = rig_begin(TOP, ROUTE("inside"), scripts);

	(void)state;
	outage_refuse(&rig->delivery.dispatch.outages[2]);
	rig_mail(rig, &outside);
	rig_wait(rig, 1);
	assert_diverted(rig, 0, 1);
	outage_refuse(&rig->delivery.dispatch.outages[1]);
	rig_mail(rig, &outside);
	rig_turn_for(rig, 20 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 1); /* all are: it waits where it is */
	rig_destroy(rig);
}

/* It is given its time. */
static void not_at_once(void **state)
{
	static const char *const scripts[] = { "close\n", NULL };
	struct rig *rig = rig_create();

	(void)state;
	server_start(&rig->server, scripts);
	rig_init_with(rig, TOP,
	        "name: far, tls: {mode: none}, fallback: spare, fallback_after: 1d}\n"
	        "  - {name: spare, host: 127.0.0.1, port: 1",
	        NULL, NULL);
	rig_mail(rig, &outside);
	rig_wait(rig, 1);
	rig_mail(rig, &outside);
	rig_turn_for(rig, 20 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 1);
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_for_the_routes_sake),
		cmocka_unit_test(what_can_not_be_reached),
		cmocka_unit_test(only_what_it_can_carry),
		cmocka_unit_test(along_the_chain),
		cmocka_unit_test(not_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
