/* What a shard knows of incidents: when they begin and end, what the spooler hears of them, and
 * where mail goes that a mailbox may not send. */
#include "tests/engine/office.h"

#include "engine/judge_inner.h"

#define HOUR_NS (3600 * NS_PER_S)

static const struct rig_mail shared = {
	.from = "s@c.d",
	.to = "x@y.z",
	.body = "From: Shared <s@c.d>\r\n\r\nx\r\n",
};

struct bureau {
	struct rig *rig;
	struct dispatch *dispatch;
	struct incidents *incidents;
	struct lane *lanes; /* of a@c.d and b@c.d */
	struct message *message;
	struct job *job;
	struct reply reply;
	struct judge_case it;
};

static void bureau_open(struct bureau *bureau, void **state)
{
	struct office *office = *state;
	char route[1024];

	(void)snprintf(route, sizeof route,
	        "tls: {mode: required, ca_file: %s}, identities: "
	        "[{user: a@c.d, secret_file: %s}, {user: b@c.d, secret_file: %s}]",
	        office->certificates.authority, office->secret, office->secret);
	rig_init_with(office->rig, "accepted_domains: [c.d]\n", route, NULL, &office->keeper);
	assert_false(failed(helper_start(&office->keeper.helper)));
	bureau->rig = office->rig;
	bureau->dispatch = &bureau->rig->delivery.dispatch;
	bureau->incidents = &bureau->dispatch->incidents;
	bureau->lanes = bureau->dispatch->lane_values;
	loop_begin(&bureau->rig->delivery.shard.loop);
	bureau->job = rig_job(bureau->rig, &shared);
	bureau->message = bureau->job->message;
	bureau->reply = (struct reply){
		.code = 550,
		.enhanced = { 5, 7, 60 },
		.whole = VIEW("550 5.7.60 SMTP; Client does not have permissions to send as this "
		              "sender"),
	};
	judge_case_hear(&bureau->it, STAGE_EOD, &bureau->reply, VIEW("mail.example"));
}

static void bureau_close(struct bureau *bureau)
{
	struct job *job = bureau->job;

	if (job != NULL) {
		job->state = JOB_FREE;
		job_clear(job, &bureau->rig->shelf);
		free(job);
	}
}

static void pass(struct bureau *bureau, int64_t ns)
{
	struct loop *loop = &bureau->rig->delivery.shard.loop;

	loop->now = mono_after(loop->now, ns);
}

static int64_t bar(struct bureau *bureau, size_t lane)
{
	return incidents_bar_ns(
	        bureau->incidents, &bureau->lanes[lane], bureau->message, VIEW("s@c.d"));
}

/* Hands over what there is to tell; the number of letters. */
static size_t told(struct bureau *bureau)
{
	struct letter letter;
	size_t count = 0;

	incidents_work(bureau->incidents);
	while (mailbox_take(&bureau->rig->settles, &letter)) {
		assert_int_equal(letter.kind, LETTER_INCIDENT);
		bureau->rig->incident = letter.sheet->incident;
		bureau->rig->incidents_over += letter.sheet->over;
		incidents_told(bureau->incidents, letter.sheet);
		count++;
	}
	return count;
}

static void test_a_refused_pair(void **state)
{
	struct bureau bureau;

	bureau_open(&bureau, state);
	assert_int_equal(bar(&bureau, 0), 0);
	incidents_refuse(bureau.incidents, &bureau.lanes[0], &bureau.it, VIEW("S@C.D"));
	assert_int_equal(bar(&bureau, 0), HOUR_NS);
	assert_int_equal(bar(&bureau, 1), 0);
	assert_int_equal(incidents_bar_ns(bureau.incidents, &bureau.lanes[0], bureau.message,
	                         VIEW("other@c.d")),
	        HOUR_NS); /* From says it is */
	/* The rest of a train is no setback. */
	pass(&bureau, NS_PER_S);
	incidents_refuse(bureau.incidents, &bureau.lanes[0], &bureau.it, VIEW("s@c.d"));
	assert_int_equal(bar(&bureau, 0), HOUR_NS - NS_PER_S);
	/* One message tries; then each refusal doubles the wait, up to a day. */
	for (int64_t hours = 2; hours < 64; hours *= 2) {
		pass(&bureau, 24 * HOUR_NS);
		assert_int_equal(bar(&bureau, 0), 0);
		incidents_try(bureau.incidents, &bureau.lanes[0], bureau.message, VIEW("s@c.d"));
		assert_int_equal(bar(&bureau, 0), INCIDENTS_PROBE_NS);
		incidents_refuse(bureau.incidents, &bureau.lanes[0], &bureau.it, VIEW("s@c.d"));
		assert_int_equal(bar(&bureau, 0), (hours < 24 ? hours : 24) * HOUR_NS);
	}
	incidents_resume(bureau.incidents);
	assert_int_equal(bar(&bureau, 0), 0);
	/* Taken by the other one says nothing; by this one, all. */
	incidents_taken(bureau.incidents, &bureau.lanes[1], 0, bureau.message, VIEW("s@c.d"));
	assert_int_equal(bureau.incidents->pairs, 1);
	incidents_taken(bureau.incidents, &bureau.lanes[0], 0, bureau.message, VIEW("s@c.d"));
	assert_int_equal(bureau.incidents->pairs, 0);
	assert_int_equal(told(&bureau), 1);
	assert_int_equal(bureau.rig->incidents_over, 1);
	assert_int_equal(bureau.rig->incident.count, 7);
	assert_string_equal(bureau.rig->incident.sender, "S@C.D");
	assert_int_equal(bureau.incidents->entries.taken, 0);
	bureau_close(&bureau);
}

static void test_a_storm_is_a_letter_a_second(void **state)
{
	struct bureau bureau;

	bureau_open(&bureau, state);
	for (int i = 0; i < 100; i++)
		incidents_raise(bureau.incidents, &bureau.lanes[0], &bureau.it, false);
	assert_int_equal(told(&bureau), 1);
	assert_int_equal(bureau.rig->incident.count, 100);
	assert_string_equal(bureau.rig->incident.identity, "a@c.d");
	for (int i = 0; i < 100; i++) {
		incidents_raise(bureau.incidents, &bureau.lanes[0], &bureau.it, false);
		assert_int_equal(told(&bureau), 0);
	}
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 1);
	assert_int_equal(bureau.rig->incident.count, 100);
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 0);
	bureau_close(&bureau);
}

static void test_they_end_when_mail_flows(void **state)
{
	struct bureau bureau;

	bureau_open(&bureau, state);
	struct lane *lanes = bureau.lanes;
	incidents_raise(bureau.incidents, &lanes[0], &bureau.it, false);
	bureau.it.verdict.cause = CAUSE_IP_BLOCKED;
	bureau.it.verdict.scope = SCOPE_SOURCE_IP;
	incidents_raise(bureau.incidents, &lanes[0], &bureau.it, true);
	assert_int_equal(told(&bureau), 2);
	assert_string_equal(bureau.rig->incident.identity, "");
	assert_int_equal(bureau.rig->incident.scope, SCOPE_SOURCE_IP);
	/* What began before says nothing; another mailbox speaks for the route. */
	lanes[0].epoch = 1;
	lanes[1].epoch = 1;
	incidents_taken(bureau.incidents, &lanes[1], 0, bureau.message, VIEW("s@c.d"));
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 0);
	incidents_taken(bureau.incidents, &lanes[1], 1, bureau.message, VIEW("s@c.d"));
	assert_int_equal(told(&bureau), 1);
	assert_int_equal(bureau.rig->incident.cause, CAUSE_IP_BLOCKED);
	incidents_taken(bureau.incidents, &lanes[0], 1, bureau.message, VIEW("s@c.d"));
	assert_int_equal(told(&bureau), 1);
	assert_int_equal(bureau.rig->incidents_over, 2);
	bureau_close(&bureau);
}

/* What stands in the way of mail to outside alone does not end with mail to our own; unless it is
 * so old that nobody sends such mail any more. */
static void test_of_mail_to_outside(void **state)
{
	static const struct rig_mail inside = { .from = "s@c.d", .to = "x@c.d", .body = "x\r\n" };
	struct bureau bureau;

	bureau_open(&bureau, state);
	struct lane *lane = bureau.lanes;
	struct job *job = rig_job(bureau.rig, &inside);
	bureau.it.verdict.cause = CAUSE_RELAY_DENIED;
	bureau.it.verdict.scope = SCOPE_RECIPIENT;
	incidents_raise(bureau.incidents, lane, &bureau.it, true);
	bureau.it.verdict.cause = CAUSE_TENANT_RATE;
	bureau.it.verdict.scope = SCOPE_TENANT;
	bureau.reply.whole = VIEW("550 5.7.233 your tenant has exceeded its daily limit");
	incidents_raise(bureau.incidents, lane, &bureau.it, true);
	assert_int_equal(told(&bureau), 2);
	incidents_taken(bureau.incidents, lane, lane->epoch, job->message, VIEW("s@c.d"));
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 0);
	incidents_taken(bureau.incidents, lane, lane->epoch, bureau.message, VIEW("s@c.d"));
	assert_int_equal(told(&bureau), 2);
	assert_int_equal(bureau.rig->incidents_over, 2);
	incidents_raise(bureau.incidents, lane, &bureau.it, true);
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 1);
	struct incidents_entry *entry =
	        container_of(list_first(&bureau.incidents->known), struct incidents_entry, link);
	/* Nor does mail of other senders where only some are meant. */
	entry->incident.cause = CAUSE_MOERA_RATE;
	incidents_taken(bureau.incidents, lane, lane->epoch, bureau.message, VIEW("s@c.d"));
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 0);
	entry->incident.last.ms -= INCIDENTS_OLD_MS;
	incidents_taken(bureau.incidents, lane, lane->epoch, job->message, VIEW("s@c.d"));
	pass(&bureau, NS_PER_S);
	assert_int_equal(told(&bureau), 1);
	assert_int_equal(bureau.rig->incidents_over, 3);
	job->state = JOB_FREE;
	job_clear(job, &bureau.rig->shelf);
	free(job);
	bureau_close(&bureau);
}

static void test_bounded(void **state)
{
	struct bureau bureau;
	char name[32];

	bureau_open(&bureau, state);
	for (int i = 0; i < INCIDENTS_MAX + 10; i++) {
		(void)snprintf(name, sizeof name, "s%d@c.d", i);
		incidents_refuse(bureau.incidents, &bureau.lanes[0], &bureau.it, view_of(name));
	}
	assert_int_equal(bureau.incidents->pairs, INCIDENTS_MAX);
	/* No more letters are under way than there are sheets. */
	incidents_work(bureau.incidents);
	assert_int_equal(bureau.incidents->sheets.taken, INCIDENT_SHEETS);
	size_t count = told(&bureau);
	for (size_t i = 0; i < INCIDENTS_MAX && bureau.incidents->wanting > 0; i++)
		count += told(&bureau);
	assert_int_equal(count, INCIDENTS_MAX);
	bureau_close(&bureau);
}

/* The other mailbox's own line; or, where that may not either, back to the spooler, unblamed. */
static void test_detour(void **state)
{
	struct bureau bureau;
	struct letter letter;

	bureau_open(&bureau, state);
	struct dispatch *dispatch = bureau.dispatch;
	struct dispatch_lane *lanes = dispatch->lanes;
	dispatch_add(dispatch, bureau.job);
	assert_int_equal(bureau.job->line, 0);
	assert_ptr_equal(dispatch_first(dispatch, &lanes[0], false), bureau.job);
	incidents_refuse(bureau.incidents, &bureau.lanes[0], &bureau.it, VIEW("s@c.d"));
	assert_null(dispatch_first(dispatch, &lanes[0], false));
	assert_int_equal(bureau.job->line, 2);
	assert_int_equal(lanes[1].state, DISPATCH_LANE_READY);
	assert_ptr_equal(dispatch_first(dispatch, &lanes[1], false), bureau.job);
	assert_null(dispatch_first(dispatch, &lanes[1], true));
	pass(&bureau, HOUR_NS / 2);
	incidents_refuse(bureau.incidents, &bureau.lanes[1], &bureau.it, VIEW("s@c.d"));
	assert_null(dispatch_first(dispatch, &lanes[1], false));
	assert_true(mailbox_take(&bureau.rig->settles, &letter));
	assert_int_equal(letter.kind, LETTER_SETTLE);
	struct job *job = letter.job;
	assert_ptr_equal(job, bureau.job);
	assert_int_equal(job_owed(job)[0].outcome, OWED_DEFERRED);
	assert_int_equal(job->attempts, 0);
	/* Until the first of them may try. */
	assert_in_range(job->wait_s, 1800, 1801);
	struct reply_note note;
	assert_true(job_reply(job, 0, &note));
	assert_true(view_equal(note.text, bureau.reply.whole));
	bureau_close(&bureau);
}

static void test_a_bound_sender_has_no_other(void **state)
{
	struct bureau bureau;
	const struct rig_mail own = { .from = "a@c.d", .to = "x@y.z", .body = "x\r\n" };
	struct letter letter;

	bureau_open(&bureau, state);
	bureau_close(&bureau);
	bureau.job = rig_job(bureau.rig, &own);
	dispatch_add(bureau.dispatch, bureau.job);
	incidents_refuse(bureau.incidents, &bureau.lanes[0], &bureau.it, VIEW("a@c.d"));
	assert_null(dispatch_first(bureau.dispatch, bureau.dispatch->lanes, false));
	assert_true(mailbox_take(&bureau.rig->settles, &letter));
	assert_int_equal(job_owed(letter.job)[0].outcome, OWED_DEFERRED);
	bureau_close(&bureau);
}

/* Refused as a sender, a mailbox's message keeps its place; three times in a while stop it. */
static void test_the_judge_keeps_the_message(void **state)
{
	struct bureau bureau;

	bureau_open(&bureau, state);
	struct judge *judge = bureau.dispatch->judge;
	for (int i = 1; i <= (int)strikes_budget(STRIKE_SENDER); i++) {
		judge_denied(judge, &bureau.lanes[0], &bureau.it, bureau.message, VIEW("s@c.d"));
		assert_true(view_equal(bureau.it.denied, VIEW("s@c.d")));
		assert_int_equal(judge_act_of(&bureau.it), ACT_HOLD);
		assert_int_equal(judge_gate_of(&bureau.it), GATE_PAIR);
		assert_false(judge_lane(judge, &bureau.lanes[0], &bureau.it, NULL));
		assert_int_equal(lane_is_open(&bureau.lanes[0], loop_now(&judge->shard->loop)),
		        i < (int)strikes_budget(STRIKE_SENDER));
	}
	assert_int_equal(bureau.incidents->pairs, 1);
	/* Another cause is what it was. */
	bureau.it.denied = VIEW("");
	bureau.it.verdict.cause = CAUSE_BAD_CONTENT;
	judge_denied(judge, &bureau.lanes[0], &bureau.it, bureau.message, VIEW("s@c.d"));
	assert_int_equal(bureau.it.denied.bytes, 0);
	assert_int_equal(judge_act_of(&bureau.it), ACT_BOUNCE);
	bureau_close(&bureau);
}

/* Names. */

static void test_names(void **state)
{
	static const struct {
		const char *header;
		const char *from;
		const char *reply;
		const char *blamed;
	} cases[] = {
		{ "Subject: x\r\nFrom: A <f@c.d>\r\n\r\n", "f@c.d", "550 no", "f@c.d" },
		{ "from:\r\n f@c.d\r\n\r\n", "f@c.d", "550 no", "f@c.d" },
		{ "From: <A@C.D>\r\n\r\n", "A@C.D", "550 no", "s@c.d" },
		{ "From: f@c.d\r\n\r\n", "f@c.d", "554 x not allowed to send as S@c.d; y",
		        "s@c.d" },
		{ "From: f@c.d\r\n\r\n", "f@c.d", "554 x not allowed to send as z@c.d; y",
		        "f@c.d" },
		{ "From: root\r\n\r\n", "", "550 no", "s@c.d" },
		{ "From: <f@c.d\r\n\r\n", "", "550 no", "s@c.d" },
		{ "From: <>\r\n\r\n", "", "550 no", "s@c.d" },
		{ "Subject: x\r\n\r\nFrom: f@c.d\r\n", "", "550 no", "s@c.d" },
	};
	struct bureau bureau;

	bureau_open(&bureau, state);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct rig_mail mail = {
			.from = "s@c.d", .to = "x@y.z", .body = cases[i].header
		};
		struct incidents_names names;
		bureau_close(&bureau);
		bureau.job = rig_job(bureau.rig, &mail);
		incidents_names_read(&names, bureau.job->message, VIEW("s@c.d"));
		assert_true(view_equal(incidents_names_from(&names), view_of(cases[i].from)));
		const struct view blamed =
		        incidents_names_blame(&names, VIEW("a@c.d"), view_of(cases[i].reply));
		assert_true(view_equal(blamed, view_of(cases[i].blamed)));
	}
	bureau_close(&bureau);
}

/* What stands in From is not what is sent. */
static void test_names_of_an_open_author(void **state)
{
	const struct rig_mail mail = {
		.from = "s@c.d", .to = "x@y.z", .body = "From: f@c.d\r\n\r\n", .author = "f@c.d"
	};
	struct incidents_names names;
	struct bureau bureau;

	bureau_open(&bureau, state);
	bureau_close(&bureau);
	bureau.job = rig_job(bureau.rig, &mail);
	incidents_names_read(&names, bureau.job->message, VIEW("m@c.d"));
	assert_int_equal(incidents_names_from(&names).bytes, 0);
	assert_true(incidents_names_have(&names, VIEW("m@c.d")));
	assert_false(incidents_names_have(&names, VIEW("f@c.d")));
	const struct view blamed = incidents_names_blame(&names, VIEW("m@c.d"), VIEW("550 no"));
	assert_true(view_equal(blamed, VIEW("m@c.d")));
	bureau_close(&bureau);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, office_open, office_close)
	const struct CMUnitTest tests[] = {
		TEST(test_a_refused_pair),
		TEST(test_a_storm_is_a_letter_a_second),
		TEST(test_they_end_when_mail_flows),
		TEST(test_of_mail_to_outside),
		TEST(test_bounded),
		TEST(test_detour),
		TEST(test_a_bound_sender_has_no_other),
		TEST(test_the_judge_keeps_the_message),
		TEST(test_names),
		TEST(test_names_of_an_open_author),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
