/* What counts in a tenant's quota waits where that is used up, with the reason, and nothing else
 * does; a message takes from mailbox and quota together, or from none. */
#include "tests/engine/office.h"

#define TENANT                                                                                     \
	"accepted_domains: [in.test]\n"                                                            \
	"tenants: [{name: contoso, external_recipients_per_day: 50}]\n"                            \
	"streams: [{name: codes, urgent: true, sender: otp@in.test}]\n"
#define ROUTE "tls: {mode: none}, sessions: 1, pipeline: 1"
#define HELLO                                                                                      \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n"                                         \
	"> 250-mail.example\\n250-PIPELINING\\n250 CHUNKING\n"
#define TAKEN "> 250 2.0.0 taken\n"
#define BYE   "< QUIT\n> 221 bye\nend\n"

static void post(struct rig *rig, const char *from, const char *to)
{
	const struct rig_mail mail = { .from = from, .to = to, .body = "x\r\n" };

	rig_mail(rig, &mail);
}

static const struct portion *portion_of(const struct rig *rig)
{
	return &rig->delivery.dispatch.portions.entries[0].portion;
}

/* Asked for once, spent as far as the server took it, and told of. */
static void test_spent_and_told(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT\n< RCPT\n< RCPT\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 550 5.1.1 unknown\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE ", group_by_domain: false", scripts);

	(void)state;
	rig->quota = 10;
	post(rig, "a@in.test", "x@out.test y@out.test z@in.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "DBD");
	assert_int_equal(rig->portions_asked, 1);
	assert_int_equal(portion_of(rig)->spent, 1);
	assert_int_equal(portion_of(rig)->pots[PORTION_ANY], 1);
	assert_int_equal(portion_of(rig)->open, 0);
	rig_stop(rig); /* what was not needed goes back */
	assert_int_equal(rig->portions_spent, 1);
	assert_int_equal(rig->portions_back, 1);
	assert_int_equal(rig->quota, 9);
	rig_destroy(rig);
}

/* What nobody takes for a while goes back too. */
static void test_it_comes_back(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT\n< BDAT\n> 250 ok\n> 550 5.1.1 unknown\n> 503 no\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE, scripts);
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);

	(void)state;
	rig->quota = 10;
	post(rig, "a@in.test", "x@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "B");
	while (rig->quota < 10 && !mono_reached(clock_mono(), until))
		rig_turn(rig);
	assert_int_equal(rig->quota, 10);
	assert_int_equal(rig->portions_spent, 0);
	rig_destroy(rig);
}

/* Used up: it goes back to the disk, in words, without blame, and what is behind it goes on. */
static void test_used_up(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<z@in.test>\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE, scripts);

	(void)state;
	for (int i = 0; i < 3; i++)
		post(rig, "a@in.test", "x@out.test");
	post(rig, "a@in.test", "z@in.test");
	rig_wait(rig, 4);
	for (size_t i = 0; i < 3; i++) {
		const struct job *job = rig->settled[i];
		const int64_t wait_ms = job->next_attempt.ms - clock_wall().ms;

		rig_assert_outcomes(rig, i, "F");
		assert_string_equal(rig_reply(rig, i, 0),
		        "0 0.0.0 tenant contoso has sent to as many external recipients as it may "
		        "for now (external_recipients_per_day, 50)");
		assert_int_equal(job->attempts, 0);
		assert_true(wait_ms > 1700 * 1000);
		assert_true(wait_ms <= 3601 * 1000);
	}
	rig_assert_outcomes(rig, 3, "D");
	assert_int_equal(rig->portions_asked, 1); /* it is known for how long */
	/* An operator's word asks again. */
	rig_send(rig, LETTER_RESUME, NULL);
	rig_turn(rig);
	post(rig, "a@in.test", "x@out.test");
	rig_wait(rig, 5);
	assert_int_equal(rig->portions_asked, 2);
	rig_destroy(rig);
}

/* Of a message to both the internal recipients go; the rest comes back, and waits. */
static void test_mixed(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<y@in.test>\n< RCPT TO:<z@in.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE ", group_by_domain: false", scripts);

	(void)state;
	post(rig, "a@in.test", "x@out.test y@in.test w@out.test z@in.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "FDFD");
	assert_int_equal(rig->settled[0]->attempts, 0);
	rig_destroy(rig);
}

/* The same where a transaction's recipients are of one domain, as the preset has it: not that of
 * the first. */
static void test_mixed_by_domain(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<y@in.test>\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE, scripts);

	(void)state;
	post(rig, "a@in.test", "x@out.test y@in.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "FD");
	rig_destroy(rig);
}

/* A large message takes what is left, so that small ones don't pass it for ever. */
static void test_what_is_left(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<v@out.test>\n< RCPT TO:<w@out.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE, scripts);

	(void)state;
	rig->quota = 2;
	post(rig, "a@in.test", "v@out.test w@out.test x@out.test y@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "DDFF");
	rig_stop(rig);
	assert_int_equal(rig->portions_spent, 2);
	rig_destroy(rig);
}

/* Reports are not counted (reference.md, 3.2). */
static void test_reports_go(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL FROM:<>\n< RCPT\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE, scripts);

	(void)state;
	post(rig, "", "x@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	assert_int_equal(rig->portions_asked, 0);
	rig_destroy(rig);
}

/* The server says that the tenant is at its limit, which we did not know of: external mail waits,
 * other mail goes on. */
static void test_the_server_says_so(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<x@out.test>\n< BDAT\n> 250 ok\n> 250 ok\n"
		      "> 550 5.7.233 - Your message can't be sent because your tenant has exceeded "
		      "its daily limit for sending email to external recipients\n"
		      "< RSET\n< MAIL\n< RCPT TO:<z@in.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("accepted_domains: [in.test]\n", ROUTE, scripts);

	(void)state;
	rig->quota = 0;
	post(rig, "a@in.test", "x@out.test");
	post(rig, "a@in.test", "y@out.test");
	post(rig, "a@in.test", "z@in.test");
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 2, "D");
	for (size_t i = 0; i < 2; i++) {
		rig_assert_outcomes(rig, i, "F");
		assert_int_equal(rig->settled[i]->attempts, 0);
		assert_string_equal(rig_reply(rig, i, 0),
		        "0 0.0.0 the tenant has sent to as many external recipients as it may for "
		        "now, says the server");
	}
	assert_int_equal(rig->exhausted, 1);
	assert_int_equal(rig->incidents_told, 1);
	rig_destroy(rig);
}

#define ONMICROSOFT     "a@contoso.onmicrosoft.com"
#define ONMICROSOFT_ROW 1

/* Of a sender in an onmicrosoft.com domain so much may go; mail of others takes nothing of it. */
static void test_onmicrosoft(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<v@out.test>\n< RCPT TO:<z@in.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 ok\n" TAKEN
		      "< MAIL\n< RCPT TO:<x@out.test>\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE ", group_by_domain: false", scripts);

	(void)state;
	rig->quota = 10;
	rig->totals[ONMICROSOFT_ROW] = 1;
	post(rig, ONMICROSOFT, "v@out.test w@out.test z@in.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "DFD");
	post(rig, ONMICROSOFT, "x@out.test");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "F");
	assert_string_equal(rig_reply(rig, 1, 0),
	        "0 0.0.0 tenant contoso has sent to as many external recipients from "
	        "onmicrosoft.com addresses as it may for now (onmicrosoft_recipients_per_day, "
	        "100)");
	assert_int_equal(rig->settled[1]->attempts, 0);
	post(rig, "a@in.test", "x@out.test");
	rig_wait(rig, 3);
	rig_assert_outcomes(rig, 2, "D");
	rig_stop(rig);
	assert_int_equal(rig->portions_spent, 3); /* one of this, two of all external ones */
	rig_destroy(rig);
}

/* The server says that such mail is at its limit, before we thought so. */
static void test_the_server_says_so_of_onmicrosoft(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<x@out.test>\n< BDAT\n> 250 ok\n> 250 ok\n> 550 5.7.236\n"
		      "< RSET\n< MAIL\n< RCPT TO:<y@out.test>\n< BDAT\n"
		      "> 250 ok\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig =
	        rig_begin("accepted_domains: [in.test]\n"
	                  "tenants: [{name: contoso, onmicrosoft_recipients_per_day: none}]\n",
	                ROUTE, scripts);

	(void)state;
	post(rig, ONMICROSOFT, "x@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	assert_int_equal(rig->settled[0]->attempts, 0);
	assert_string_equal(rig_reply(rig, 0, 0),
	        "0 0.0.0 tenant contoso has sent to as many external recipients from "
	        "onmicrosoft.com addresses as it may for now, says the server");
	post(rig, "a@in.test", "y@out.test");
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	assert_int_equal(rig->exhausted, 1);
	assert_int_equal(rig->incidents_told, 1);
	rig_destroy(rig);
}

/* Said of mail that does not count there, it is the tenant's as a whole: nothing is tried again at
 * once. */
static void test_of_another_sender(void **state)
{
	static const char *const scripts[] = {
		HELLO
		"< MAIL\n< RCPT TO:<x@out.test>\n< BDAT\n> 250 ok\n> 250 ok\n> 550 5.7.236\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("accepted_domains: [in.test]\n", ROUTE, scripts);
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);

	(void)state;
	post(rig, "a@in.test", "x@out.test");
	while (lane_is_open(&rig->delivery.dispatch.lane_values[0], clock_mono()) &&
	        !mono_reached(clock_mono(), until))
		rig_turn(rig);
	assert_false(lane_is_open(&rig->delivery.dispatch.lane_values[0], clock_mono()));
	assert_int_equal(rig->exhausted, 0);
	rig_destroy(rig);
}

/* Where internal mail is refused by the same words they mean the tenant as a whole. */
static void test_of_internal_mail(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT TO:<z@in.test>\n< BDAT\n> 250 ok\n> 250 ok\n"
		      "> 550 5.7.233 external recipients\n" BYE,
		NULL,
	};
	struct rig *rig = rig_begin("accepted_domains: [in.test]\n", ROUTE, scripts);
	const struct mono until = mono_after(clock_mono(), RIG_PATIENCE_NS);

	(void)state;
	post(rig, "a@in.test", "z@in.test");
	while (lane_is_open(&rig->delivery.dispatch.lane_values[0], clock_mono()) &&
	        !mono_reached(clock_mono(), until))
		rig_turn(rig);
	assert_false(lane_is_open(&rig->delivery.dispatch.lane_values[0], clock_mono()));
	assert_int_equal(rig->exhausted, 0);
	rig_destroy(rig);
}

/* A route's own limits: what is short makes its lane wait, and nothing is taken of the others. */
static void test_of_the_route(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL\n< RCPT\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN
		      "< MAIL\n< RCPT\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin("",
	        ROUTE ", messages_per_minute: 2/1h, stop: 100%, total: {connections: 1, "
	              "recipients_per_day: 50}",
	        scripts);
	struct portions_entry *entries = rig->delivery.dispatch.portions.entries;

	(void)state;
	rig->totals[2] = 50; /* recipients */
	rig->totals[3] = 2;  /* messages */
	rig->totals[4] = 1;  /* at once */
	for (int i = 0; i < 3; i++)
		post(rig, "a@in.test", "x@out.test");
	rig_wait(rig, 2);
	rig_turn_for(rig, 50 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 2);
	rig_assert_outcomes(rig, 0, "D");
	rig_assert_outcomes(rig, 1, "D");
	for (uint32_t i = 1; i < rig->delivery.dispatch.portions.count; i++)
		assert_int_equal(entries[i].portion.open, 0);
	assert_int_equal(rig->delivery.dispatch.lanes[0].state, DISPATCH_LANE_TIMED);
	rig_destroy(rig);
}

/* All or none. */

static void office_quota(struct office *office, const char *more)
{
	char route[1024];

	(void)snprintf(route, sizeof route,
	        "tls: {mode: required, ca_file: %s}, sessions: 2, pipeline: 1, %s, identities: "
	        "[{user: a@in.test, secret_file: %s}]",
	        office->certificates.authority, more, office->secret);
	rig_init_with(office->rig, TENANT, route, NULL, &office->keeper);
	assert_false(failed(helper_start(&office->keeper.helper)));
}

#define OFFICE_HELLO                                                                               \
	"> 220 mail.example ESMTP\n< EHLO relay.example\n> 250-mail.example\\n250 STARTTLS\n"      \
	"< STARTTLS\n> 220 go\ntls\n< EHLO relay.example\n"                                        \
	"> 250-mail.example\\n250-PIPELINING\\n250-CHUNKING\\n250 AUTH PLAIN\n"                    \
	"< AUTH PLAIN\n> 235 welcome\n"

static void await_place(struct rig *rig, uint32_t lane)
{
	struct dispatch *dispatch = &rig->delivery.dispatch;
	struct portions_entry *cap = &dispatch->portions.entries[2];
	struct dispatch_lane *at = &dispatch->routes[0].lanes[lane];

	assert_int_equal(cap->row->unit, QUOTA_IN_FLIGHT);
	assert_int_equal(at->state, DISPATCH_LANE_IDLE);
	list_remove(&dispatch->routes[0].idle, &at->link);
	at->state = DISPATCH_LANE_ASKING;
	at->asks = cap;
	list_push_last(&cap->waiting, &at->link);
	if (!link_is_linked(&cap->link))
		list_push_last(&dispatch->portions.busy, &cap->link);
}

/* A place that is given back is for whoever waits longest, before the one who had it; and wakes no
 * more of them than there are places. */
static void test_places_go_round(void **state)
{
	struct office *office = *state;
	struct rig *rig = office->rig;
	struct dispatch *dispatch = &rig->delivery.dispatch;
	char route[1024];

	(void)snprintf(route, sizeof route,
	        "tls: {mode: required, ca_file: %s}, sessions: 4, total: {connections: 2}, "
	        "identities: [{user: a@in.test, secret_file: %s}, {user: b@in.test, secret_file: "
	        "%s}, {user: c@in.test, secret_file: %s}]",
	        office->certificates.authority, office->secret, office->secret, office->secret);
	rig_init_with(rig, "", route, NULL, &office->keeper);
	assert_false(failed(helper_start(&office->keeper.helper)));
	rig_turn_for(rig, 5 * NS_PER_MS);
	struct dispatch_lane *lanes = dispatch->routes[0].lanes;
	struct portions_entry *cap = &dispatch->portions.entries[2];
	await_place(rig, 1);
	await_place(rig, 2);
	cap->portion.pots[PORTION_ANY] = 1;
	lane_stir(lanes[0].lane);
	dispatch_start_jobs(dispatch);
	/* They had nothing to send, so the order of their looks is that of the idle. */
	assert_ptr_equal(list_first(&dispatch->routes[0].idle), &lanes[1].link);
	assert_int_equal(lanes[0].state, DISPATCH_LANE_IDLE);
	assert_int_equal(lanes[2].state, DISPATCH_LANE_ASKING);
	/* The place is free still: the next one looks, soon. */
	assert_true(dispatch->more);
	cap->portion.pots[PORTION_ANY] = 0;
	dispatch_start_jobs(dispatch);
	assert_int_equal(lanes[2].state, DISPATCH_LANE_ASKING);
	assert_false(dispatch->more);
	assert_true(cap->asking); /* and whoever waits is not forgotten */
	assert_int_equal(cap->sheet.needed, 1);
	rig->totals[2] = 2;
	rig_turn_for(rig, 50 * NS_PER_MS);
	assert_int_equal(lanes[2].state, DISPATCH_LANE_IDLE);
}

/* A mailbox that may send no more asks for nothing of the quota, and keeps none of it. */
static void test_the_mailbox_is_short(void **state)
{
	static const char *const scripts[] = {
		OFFICE_HELLO "< MAIL\n< RCPT\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct office *office = *state;
	struct rig *rig = office->rig;

	server_start(&rig->server, scripts);
	office_quota(office, "messages_per_minute: 1/1h, stop: 100%");
	rig->quota = 10;
	post(rig, "a@in.test", "x@out.test");
	post(rig, "a@in.test", "x@out.test y@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "D");
	rig_turn_for(rig, 50 * NS_PER_MS);
	assert_int_equal(rig->settled_count, 1);
	assert_int_equal(portion_of(rig)->open, 0);
	assert_int_equal(portion_of(rig)->pots[PORTION_ANY], 0);
	assert_int_equal(portion_of(rig)->wanted[PORTION_ANY], 0);
	assert_int_equal(rig->quota, 9);
}

/* A quota that is used up costs the mailbox nothing. */
static void test_the_quota_is_short(void **state)
{
	static const char *const scripts[] = {
		OFFICE_HELLO
		"< MAIL\n< RCPT TO:<z@in.test>\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct office *office = *state;
	struct rig *rig = office->rig;

	server_start(&rig->server, scripts);
	office_quota(office, "recipients_per_day: 10, messages_per_minute: 10");
	for (int i = 0; i < 20; i++)
		post(rig, "a@in.test", "x@out.test y@out.test");
	post(rig, "a@in.test", "z@in.test");
	rig_wait(rig, 21);
	rig_assert_outcomes(rig, 20, "D");
	struct throttle *throttle = rig->delivery.dispatch.lane_values[0].throttle;
	const int64_t now_ns = loop_now(&rig->delivery.shard.loop).ns;
	assert_int_equal(throttle->in_flight, 0);
	assert_int_equal(window_used(&throttle->messages, now_ns), 1);
	assert_int_equal(window_used(&throttle->recipients, now_ns), 1);
	assert_int_equal(portion_of(rig)->open, 0);
}

/* Urgent mail has a part that ordinary mail leaves. */
static void test_urgent_mail(void **state)
{
	static const char *const scripts[] = {
		HELLO "< MAIL FROM:<otp@in.test>\n< RCPT\n< BDAT\n> 250 ok\n> 250 ok\n" TAKEN BYE,
		NULL,
	};
	struct rig *rig = rig_begin(TENANT, ROUTE, scripts);
	const struct rig_mail mail = { .from = "otp@in.test", .to = "x@out.test", .body = "x\r\n" };

	(void)state;
	post(rig, "a@in.test", "x@out.test");
	rig_wait(rig, 1);
	rig_assert_outcomes(rig, 0, "F");
	rig->quota = 1; /* the spooler has it for urgent mail alone */
	struct job *job = rig_job(rig, &mail);
	job->stream = 1;
	rig_send(rig, LETTER_JOB, job);
	rig_wait(rig, 2);
	rig_assert_outcomes(rig, 1, "D");
	rig_destroy(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spent_and_told),
		cmocka_unit_test(test_it_comes_back),
		cmocka_unit_test(test_used_up),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_mixed_by_domain),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_reports_go),
		cmocka_unit_test(test_urgent_mail),
		cmocka_unit_test(test_the_server_says_so),
		cmocka_unit_test(test_onmicrosoft),
		cmocka_unit_test(test_the_server_says_so_of_onmicrosoft),
		cmocka_unit_test(test_of_another_sender),
		cmocka_unit_test(test_of_internal_mail),
		cmocka_unit_test(test_of_the_route),
		cmocka_unit_test_setup_teardown(test_places_go_round, office_open, office_close),
		cmocka_unit_test_setup_teardown(
		        test_the_mailbox_is_short, office_open, office_close),
		cmocka_unit_test_setup_teardown(test_the_quota_is_short, office_open, office_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
