/* What each outcome does to recipients, job, lanes and session; and when a job comes to an end. */
#include "tests/engine/rig.h"

#include <unistd.h>

struct court {
	struct rig *rig;
	struct judge *judge;
	struct lane lanes[2]; /* peers on the one route */
	struct throttle throttles[2];
};

static struct court court_open(const char *top)
{
	struct court court = { .rig = rig_create() };

	rig_init_with(court.rig, top, "tls: {mode: none}", NULL, NULL);
	court.judge = &court.rig->delivery.judge;
	return court;
}

static void court_lanes(struct court *court)
{
	for (size_t i = 0; i < 2; i++) {
		rig_no_limits(&court->throttles[i]);
		lane_init(&court->lanes[i], 0, 0, &court->throttles[i]);
		court->lanes[i].reach = rig_reach;
		court->lanes[i].peers = court->lanes;
		court->lanes[i].peer_count = 2;
	}
	for (uint32_t i = 0; i < court->judge->gates->count; i++) {
		const struct gate_news open = { .index = i };
		(void)gates_hear(court->judge->gates, &open);
	}
}

static struct job *court_job(struct court *court, const char *to, int64_t age_ms)
{
	const struct rig_mail mail = {
		.from = "a@c.d",
		.to = to,
		.body = "x\r\n",
		.age_ms = age_ms,
	};
	struct schedule *schedule = &court->rig->delivery.schedule;

	schedule_add(schedule, 0, rig_job(court->rig, &mail));
	struct job *job = schedule_take(schedule, schedule_first(schedule, rig_reach, false));
	for (size_t i = 0; i < job->owed_count; i++)
		job_owed(job)[i].mark = OWED_ACCEPTED;
	return job;
}

static void court_hear(struct judge_case *it, struct reply *reply, enum stage stage,
        enum outcome outcome, enum scope scope)
{
	*reply = (struct reply){
		.code = outcome == OUTCOME_PROCEED ? 250 : 450,
		.enhanced = { 4, 7, 1 },
		.whole = VIEW("450 4.7.1 so be it"),
	};
	judge_case_hear(it, stage, reply, VIEW("mail.example"));
	it->verdict.outcome = outcome;
	it->verdict.scope = scope;
	it->verdict.wait_s = VERDICT_NO_WAIT;
}

/* Settles what is on its way back. */
static void court_collect(struct court *court)
{
	struct letter letter;

	while (mailbox_take(&court->rig->settles, &letter))
		court->rig->settled[court->rig->settled_count++] = letter.job;
}

static bool held(struct court *court, size_t lane)
{
	return !lane_is_open(&court->lanes[lane], loop_now(&court->rig->delivery.shard.loop));
}

struct row {
	enum outcome outcome;
	enum scope scope;
	const char *result; /* as rig_outcomes(); "" : put back */
	bool lane_held;
	bool route_held;
	bool retire;
	uint32_t attempts;
};

static const struct row rows[] = {
	{ OUTCOME_PROCEED, SCOPE_CONNECTION, "D", false, false, false, 0 },
	{ OUTCOME_RECONNECT, SCOPE_CONNECTION, "F", false, false, true, 0 },
	{ OUTCOME_RETRY_OTHER_SESSION, SCOPE_CONNECTION, "F", false, false, true, 0 },
	{ OUTCOME_RETRY_OTHER_SESSION, SCOPE_ROUTE, "F", false, false, true, 0 },
	/* Said of the mail: another session would hear it too. */
	{ OUTCOME_RETRY_OTHER_SESSION, SCOPE_MESSAGE, "F", false, false, false, 1 },
	{ OUTCOME_RETRY_OTHER_SESSION, SCOPE_RECIPIENT, "F", false, false, false, 1 },
	{ OUTCOME_BACKOFF_IDENTITY, SCOPE_IDENTITY, "", true, false, false, 0 },
	{ OUTCOME_BACKOFF_TENANT, SCOPE_TENANT, "", true, true, false, 0 },
	{ OUTCOME_BACKOFF_ROUTE, SCOPE_ROUTE, "", true, true, false, 0 },
	{ OUTCOME_BACKOFF_RECIPIENT, SCOPE_RECIPIENT, "F", false, false, false, 1 },
	{ OUTCOME_PAUSE_IDENTITY, SCOPE_IDENTITY, "", true, false, false, 0 },
	{ OUTCOME_PAUSE_ROUTE, SCOPE_ROUTE, "", true, true, false, 0 },
	{ OUTCOME_PAUSE_TENANT, SCOPE_TENANT, "", true, true, false, 0 },
	{ OUTCOME_BOUNCE_RECIPIENT, SCOPE_RECIPIENT, "B", false, false, false, 0 },
	{ OUTCOME_BOUNCE_MESSAGE, SCOPE_MESSAGE, "B", false, false, false, 0 },
	{ OUTCOME_REFRESH_TOKEN, SCOPE_IDENTITY, "", false, false, true, 0 },
	{ OUTCOME_REAUTH, SCOPE_IDENTITY, "", false, false, true, 0 },
	{ OUTCOME_FAIL_CONFIG, SCOPE_IDENTITY, "", true, false, false, 0 },
	{ OUTCOME_FAIL_CONFIG, SCOPE_ROUTE, "", true, true, false, 0 },
	{ OUTCOME_FAIL_CONFIG, SCOPE_SOURCE_IP, "", true, true, false, 0 },
	/* One recipient's or one message's trouble stops nobody else. */
	{ OUTCOME_FAIL_CONFIG, SCOPE_RECIPIENT, "F", false, false, false, 0 },
	{ OUTCOME_FAIL_CONFIG, SCOPE_MESSAGE, "F", false, false, false, 0 },
	/* Split, though it was alone: not for good, for the code is 450. */
	{ OUTCOME_SPLIT_RECIPIENTS, SCOPE_MESSAGE, "F", false, false, false, 1 },
};

static void test_outcomes(void **state)
{
	struct court court = court_open("");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		struct judgement judgement = { 0 };
		struct judge_case it;
		struct reply reply;
		const size_t before = court.rig->settled_count;

		court_lanes(&court);
		struct job *job = court_job(&court, "b@c.d", 0);
		court_hear(&it, &reply, STAGE_EOD, row->outcome, row->scope);
		assert_int_equal(judge_lane(court.judge, court.lanes, &it, NULL), row->retire);
		judge_recipients(
		        court.judge, court.lanes, job, 1U << OWED_ACCEPTED, &it, &judgement);
		judge_transaction(court.judge, court.lanes, job, &judgement);
		court_collect(&court);
		assert_int_equal(held(&court, 0), row->lane_held);
		assert_int_equal(held(&court, 1), row->route_held);
		if (row->result[0] == '\0') {
			assert_int_equal(court.rig->settled_count, before);
			assert_int_equal(job->state, JOB_READY);
			assert_int_equal(job->attempts, 0);
			judge_return(court.judge, job);
			court_collect(&court);
			continue;
		}
		assert_int_equal(court.rig->settled_count, before + 1);
		rig_assert_outcomes(court.rig, before, row->result);
		assert_int_equal(job->attempts, row->attempts);
	}
	rig_destroy(court.rig);
}

/* Lost with its session: it keeps its place so many times. */
static void test_restarts_are_bounded(void **state)
{
	struct court court = court_open("");
	struct job *job = court_job(&court, "b@c.d", 0);

	(void)state;
	court_lanes(&court);
	for (unsigned i = 0; i <= JOB_RESTARTS_MAX; i++) {
		const struct judgement judgement = { .restarted = true };
		struct judge_case it;

		assert_int_equal(court.rig->settled_count, 0);
		judge_case_say(&it, STAGE_MAIL, VIEW("connection reset"));
		judge_remark(court.judge, job, &it);
		judge_transaction(court.judge, court.lanes, job, &judgement);
		court_collect(&court);
		if (i < JOB_RESTARTS_MAX)
			assert_ptr_equal(
			        schedule_take(court.judge->schedule,
			                schedule_first(court.judge->schedule, rig_reach, false)),
			        job);
	}
	assert_int_equal(court.rig->settled_count, 1);
	rig_assert_outcomes(court.rig, 0, "F");
	assert_int_equal(job->attempts, 1);
	rig_destroy(court.rig);
}

/* One doubt is one failed attempt. */
static void test_doubt_counts(void **state)
{
	struct court court = court_open("");
	struct job *job = court_job(&court, "b@c.d", 0);
	struct judgement judgement = { .restarted = true };

	(void)state;
	court_lanes(&court);
	judge_in_doubt(court.judge, court.lanes, job, &judgement);
	judge_transaction(court.judge, court.lanes, job, &judgement);
	court_collect(&court);
	rig_assert_outcomes(court.rig, 0, "F");
	assert_int_equal(job->attempts, 1);
	assert_int_equal(job_tally(job).in_doubt, 1);
	assert_true(job->next_attempt.ms > clock_wall().ms + 10000);
	rig_destroy(court.rig);
}

/* Faults of front ends in a row, without a message taken: the door stays shut for longer each time,
 * but not for long; success on a session that stands opens it. */
static void test_faults_in_a_row(void **state)
{
	struct court court = court_open("");
	struct lane *lane = court.lanes;
	struct throttle_ticket ticket;
	const struct judge_origin origin = { &ticket, 0 };
	const struct mono now = loop_now(&court.rig->delivery.shard.loop);
	int64_t least = 5 * NS_PER_S;
	struct judge_case it;
	struct reply reply;

	(void)state;
	court_lanes(&court);
	assert_int_equal(throttle_admit(lane->throttle, now, true, 1, &ticket), THROTTLE_FREE);
	for (int i = 0; i < 8; i++) {
		court_hear(&it, &reply, STAGE_EOD, OUTCOME_RETRY_OTHER_SESSION, SCOPE_CONNECTION);
		lane->door.until = now;
		(void)judge_lane(court.judge, lane, &it, &origin);
		/* The rest of its train says nothing new. */
		(void)judge_lane(court.judge, lane, &it, &origin);
		assert_int_equal(lane->door.setbacks, i + 1);
		assert_true(lane->door.until.ns - now.ns >= least);
		assert_true(lane->door.until.ns - now.ns <= 36 * NS_PER_S);
		least = least * 2 > 30 * NS_PER_S ? 30 * NS_PER_S : least * 2;
	}
	assert_false(held(&court, 0));
	assert_true(lane_door_open(&court.lanes[1], now, 0));
	assert_false(judge_taken(court.judge, lane, &ticket, lane->epoch, 0));
	assert_true(lane_door_open(lane, now, 3));
	rig_destroy(court.rig);
}

/* Too many recipients, though it is one: never, if the server says so for good. */
static void test_split_of_one_for_good(void **state)
{
	struct court court = court_open("");
	struct job *job = court_job(&court, "b@c.d", 0);
	struct judgement judgement = { 0 };
	struct judge_case it;
	struct reply reply;

	(void)state;
	court_lanes(&court);
	court_hear(&it, &reply, STAGE_RCPT, OUTCOME_SPLIT_RECIPIENTS, SCOPE_MESSAGE);
	it.verdict.code = 550;
	judge_recipients(court.judge, court.lanes, job, 1U << OWED_ACCEPTED, &it, &judgement);
	judge_transaction(court.judge, court.lanes, job, &judgement);
	court_collect(&court);
	rig_assert_outcomes(court.rig, 0, "B");
	rig_destroy(court.rig);
}

/* The judge takes this for its configuration: the lanes sign in. */
static struct config *court_identities(struct court *court, const char *identity)
{
	char text[512];

	(void)snprintf(text, sizeof text,
	        "spool: {path: .}\n"
	        "routes: [{host: a.test, tls: {mode: required}, identities: [{user: u, %s}]}]\n",
	        identity);
	struct config *config = rig_config(text);
	court->judge->shard->config = config;
	return config;
}

static void court_close(struct court *court, struct config *config)
{
	court->judge->shard->config = court->rig->config;
	config_destroy(config);
	rig_destroy(court->rig);
}

static void test_reauth_once(void **state)
{
	struct court court = court_open("");
	struct judge_case it;
	struct reply reply;

	(void)state;
	struct config *config = court_identities(&court, "oauth: {command: [/bin/true]}");
	court_lanes(&court);
	court_hear(&it, &reply, STAGE_AUTH, OUTCOME_REFRESH_TOKEN, SCOPE_IDENTITY);
	assert_true(judge_lane(court.judge, court.lanes, &it, NULL));
	assert_false(held(&court, 0));
	assert_true(judge_lane(court.judge, court.lanes, &it, NULL));
	assert_true(held(&court, 0));
	assert_false(held(&court, 1));
	/* As long as a pause, not the seconds that the verdict names for the second try. */
	assert_true(court.lanes[0].hold.until.ns >=
	            loop_now(&court.rig->delivery.shard.loop).ns + 3600 * NS_PER_S);
	court_close(&court, config);
}

/* A password is the same again, and repeats lock the account. What is said later on a session is no
 * failed sign-in. */
static void test_no_reauth_with_a_password(void **state)
{
	struct court court = court_open("");
	char path[] = "sluice-judge-XXXXXX";
	char identity[64];
	struct judge_case it;
	struct reply reply;

	(void)state;
	const int fd = mkstemp(path);
	assert_int_equal(write(fd, "s3cret", 6), 6);
	(void)close(fd);
	(void)snprintf(identity, sizeof identity, "secret_file: %s", path);
	struct config *config = court_identities(&court, identity);
	(void)unlink(path);
	court_lanes(&court);
	court_hear(&it, &reply, STAGE_MAIL, OUTCOME_REAUTH, SCOPE_IDENTITY);
	assert_true(judge_lane(court.judge, court.lanes, &it, NULL));
	assert_false(held(&court, 0));
	court_lanes(&court);
	court_hear(&it, &reply, STAGE_AUTH, OUTCOME_REAUTH, SCOPE_IDENTITY);
	assert_true(judge_lane(court.judge, court.lanes, &it, NULL));
	assert_true(held(&court, 0));
	assert_false(held(&court, 1));
	court_close(&court, config);
}

/* A refusal for the sake of one of the mailbox's limits cuts that, once for all that were under
 * way, and holds the lane for moments only; success lets it grow. */
static void test_learns_limits(void **state)
{
	static const struct {
		enum cause cause;
		enum throttle_kind kind;
	} limits[] = {
		{ CAUSE_CONCURRENT_CONNECTIONS, THROTTLE_OF_IN_FLIGHT },
		{ CAUSE_SENDER_RATE, THROTTLE_OF_MESSAGES },
		{ CAUSE_RECIPIENT_RATE_DAILY, THROTTLE_OF_RECIPIENTS },
	};
	const struct throttle_settings mailbox = {
		.in_flight = 3,
		.messages = { 30, 60 * NS_PER_S },
		.recipients = { 100, 3600 * NS_PER_S },
		.stop = 1,
	};
	struct court court = court_open("");
	const struct mono now = loop_now(&court.rig->delivery.shard.loop);

	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		struct throttle_ticket tickets[3];
		struct judge_case it;
		struct reply reply;

		court_lanes(&court);
		throttle_init(&court.throttles[0], &mailbox);
		const uint64_t before = throttle_limit(&court.throttles[0], limits[i].kind);
		for (int j = 0; j < 3; j++)
			assert_int_equal(
			        throttle_admit(&court.throttles[0], now, true, 10, &tickets[j]),
			        THROTTLE_FREE);
		const struct judge_origin origins[] = { { &tickets[0], court.lanes[0].epoch },
			{ &tickets[1], court.lanes[0].epoch } };
		court_hear(&it, &reply, STAGE_EOD, OUTCOME_BACKOFF_IDENTITY, SCOPE_IDENTITY);
		it.verdict.cause = limits[i].cause;
		assert_false(judge_lane(court.judge, court.lanes, &it, &origins[0]));
		const uint64_t cut = throttle_limit(&court.throttles[0], limits[i].kind);
		assert_true(cut < before);
		assert_false(judge_lane(court.judge, court.lanes, &it, &origins[1]));
		assert_int_equal(throttle_limit(&court.throttles[0], limits[i].kind), cut);
		assert_true(held(&court, 0));
		assert_false(held(&court, 1));
		assert_int_equal(court.lanes[0].hold.setbacks, 1);
		if (limits[i].kind != THROTTLE_OF_RECIPIENTS)
			assert_true(court.lanes[0].hold.until.ns < now.ns + 3 * NS_PER_S);
		/* The third was taken all the same: it began before, and ends no hold. */
		(void)judge_taken(court.judge, court.lanes, &tickets[2], origins[0].epoch, 0);
		assert_true(held(&court, 0));
	}
	rig_destroy(court.rig);
}

/* Each recipient has its own end, and what is held back does not hold the others. */
static void test_own_ends(void **state)
{
	static const enum outcome outcomes[] = {
		OUTCOME_PROCEED,
		OUTCOME_BOUNCE_RECIPIENT,
		OUTCOME_BACKOFF_RECIPIENT,
		OUTCOME_BACKOFF_IDENTITY,
	};
	struct court court = court_open("");
	struct judgement judgement = { .relayed = true };
	struct job *job = court_job(&court, "b@c.d e@c.d f@c.d g@c.d", 0);

	(void)state;
	court_lanes(&court);
	for (size_t i = 0; i < 4; i++) {
		struct judge_case it;
		struct reply reply;
		court_hear(&it, &reply, STAGE_EOD, outcomes[i], SCOPE_IDENTITY);
		judge_recipient(court.judge, court.lanes, job, i, VIEW("x@c.d"), &it, &judgement);
	}
	judge_transaction(court.judge, court.lanes, job, &judgement);
	court_collect(&court);
	rig_assert_outcomes(court.rig, 0, "DBFF");
	assert_int_equal(job_owed(job)[0].flags, OWED_RELAYED);
	assert_int_equal(job->attempts, 1);
	rig_destroy(court.rig);
}

static void test_split_halves(void **state)
{
	struct court court = court_open("");
	struct job *job = court_job(&court, "b@c.d e@c.d f@c.d g@c.d", 0);
	struct judgement judgement = { 0 };
	struct judge_case it;
	struct reply reply;

	(void)state;
	court_lanes(&court);
	court_hear(&it, &reply, STAGE_RCPT, OUTCOME_SPLIT_RECIPIENTS, SCOPE_MESSAGE);
	judge_recipients(court.judge, court.lanes, job, 1U << OWED_ACCEPTED, &it, &judgement);
	judge_transaction(court.judge, court.lanes, job, &judgement);
	court_collect(&court);
	assert_int_equal(court.rig->settled_count, 0);
	assert_int_equal(job->at_once, 2);
	judge_return(court.judge, job);
	rig_destroy(court.rig);
}

/* Too many at once, though it was one: it bounces if that is for good. Who was not asked is not
 * meant. */
static void test_split_spares_the_unasked(void **state)
{
	struct court court = court_open("");
	struct job *job = court_job(&court, "b@c.d e@f.g", 0);
	struct judgement judgement = { 0 };
	struct judge_case it;
	struct reply reply;

	(void)state;
	court_lanes(&court);
	job_owed(job)[1].mark = OWED_UNASKED;
	court_hear(&it, &reply, STAGE_RCPT, OUTCOME_SPLIT_RECIPIENTS, SCOPE_MESSAGE);
	it.verdict.code = 550;
	judge_recipients(court.judge, court.lanes, job, 1U << OWED_ACCEPTED, &it, &judgement);
	judge_transaction(court.judge, court.lanes, job, &judgement);
	court_collect(&court);
	rig_assert_outcomes(court.rig, 0, "BF");
	rig_destroy(court.rig);
}

/* What makes a route out, and what does not. */
static void test_outages(void **state)
{
	static const struct {
		enum outcome outcome;
		enum scope scope;
		bool out;
	} cases[] = {
		{ OUTCOME_PAUSE_ROUTE, SCOPE_ROUTE, true },
		{ OUTCOME_PAUSE_ROUTE, SCOPE_SOURCE_IP, true },
		{ OUTCOME_FAIL_CONFIG, SCOPE_ROUTE, true },
		{ OUTCOME_FAIL_CONFIG, SCOPE_SOURCE_IP, true },
		{ OUTCOME_FAIL_CONFIG, SCOPE_TENANT, false },
		{ OUTCOME_FAIL_CONFIG, SCOPE_IDENTITY, false },
		{ OUTCOME_FAIL_CONFIG, SCOPE_RECIPIENT, false },
		{ OUTCOME_BACKOFF_ROUTE, SCOPE_ROUTE, false },
		{ OUTCOME_PAUSE_TENANT, SCOPE_TENANT, false },
		{ OUTCOME_PAUSE_IDENTITY, SCOPE_IDENTITY, false },
		{ OUTCOME_BOUNCE_MESSAGE, SCOPE_MESSAGE, false },
		{ OUTCOME_RECONNECT, SCOPE_CONNECTION, false },
	};
	struct court court = court_open("");
	const struct loop *loop = &court.rig->delivery.shard.loop;
	struct outage *outage = &court.judge->outages[0];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct judge_case it;
		struct reply reply;

		court_lanes(&court);
		court_hear(&it, &reply, STAGE_RCPT, cases[i].outcome, cases[i].scope);
		(void)judge_lane(court.judge, court.lanes, &it, NULL);
		assert_int_equal(outage_is_on(outage, loop_now(loop), 0), cases[i].out);
		struct throttle_ticket ticket;
		assert_int_equal(
		        throttle_admit(&court.throttles[0], loop_now(loop), true, 1, &ticket),
		        THROTTLE_FREE);
		(void)judge_taken(court.judge, court.lanes, &ticket, court.lanes[0].epoch, 0);
		throttle_end(&court.throttles[0], &ticket);
		assert_false(outage_is_on(outage, loop_now(loop), 0));
	}
	/* No session could be made; until something is answered. */
	struct judge_case it;
	judge_case_say(&it, STAGE_CONNECT, VIEW("connect: no route to host"));
	judge_useless(court.judge, court.lanes, &it);
	assert_true(outage_is_on(outage, loop_now(loop), 0));
	assert_false(outage_is_on(outage, loop_now(loop), NS_PER_S));
	judge_answer(court.judge, court.lanes);
	assert_false(outage_is_on(outage, loop_now(loop), 0));
	rig_destroy(court.rig);
}

/* Its time is over: it bounces, and what was said last stays as the server said it. */
static void test_expired(void **state)
{
	struct court court = court_open("retry: {give_up_after: 60s}");
	struct job *job = court_job(&court, "b@c.d", 61 * 1000);
	struct judgement judgement = { 0 };
	struct judge_case it;
	struct reply reply;

	(void)state;
	court_lanes(&court);
	court_hear(&it, &reply, STAGE_EOD, OUTCOME_BACKOFF_RECIPIENT, SCOPE_RECIPIENT);
	judge_recipients(court.judge, court.lanes, job, 1U << OWED_ACCEPTED, &it, &judgement);
	judge_transaction(court.judge, court.lanes, job, &judgement);
	court_collect(&court);
	rig_assert_outcomes(court.rig, 0, "B");
	assert_string_equal(rig_reply(court.rig, 0, 0), "450 4.7.1 so be it");
	assert_int_equal(job_owed(job)[0].flags, OWED_EXPIRED);

	/* The sweep, of one that was never tried. */
	const struct rig_mail mail = {
		.from = "a@c.d",
		.to = "b@c.d",
		.body = "x\r\n",
		.age_ms = 61 * 1000,
	};
	schedule_add(court.judge->schedule, 0, rig_job(court.rig, &mail));
	judge_sweep(court.judge);
	court_collect(&court);
	rig_assert_outcomes(court.rig, 1, "B");
	assert_string_equal(rig_reply(court.rig, 1, 0), "0 0.0.0 it waited too long for a session");
	assert_int_equal(job_owed(court.rig->settled[1])[0].flags, OWED_EXPIRED);
	rig_destroy(court.rig);
}

/* No session can be made: the one in front is deferred, the others keep their places. */
static void test_session(void **state)
{
	struct court court = court_open("");
	const struct rig_mail mail = { .from = "a@c.d", .to = "b@c.d", .body = "x\r\n" };
	struct judge_case it;

	(void)state;
	court_lanes(&court);
	for (size_t i = 0; i < 3; i++)
		schedule_add(court.judge->schedule, 0, rig_job(court.rig, &mail));
	judge_case_say(&it, STAGE_CONNECT, VIEW("connect to 192.0.2.1:25: Connection refused"));
	judge_session(court.judge, court.lanes, &it);
	court_collect(&court);
	assert_int_equal(court.rig->settled_count, 1);
	assert_string_equal(
	        rig_reply(court.rig, 0, 0), "0 0.0.0 connect to 192.0.2.1:25: Connection refused");
	assert_int_equal(court.rig->settled[0]->attempts, 1);
	assert_int_equal(court.judge->schedule->job_count, 2);
	assert_false(lane_door_open(&court.lanes[0], loop_now(&court.rig->delivery.shard.loop), 0));
	assert_true(lane_door_open(&court.lanes[1], loop_now(&court.rig->delivery.shard.loop), 0));
	/* A front end's fault blames nobody, and another one is tried soon. */
	const bool parsed = judge_case_repeat(&it, STAGE_AUTH,
	        VIEW("451 4.7.0 Temporary server error. Please try again later. PRX4"), VIEW("x"));
	assert_true(parsed);
	judge_session(court.judge, court.lanes, &it);
	court_collect(&court);
	assert_int_equal(court.rig->settled_count, 2);
	assert_int_equal(court.rig->settled[1]->attempts, 0);
	assert_in_range(court.rig->settled[1]->next_attempt.ms -
	                        loop_wall(&court.rig->delivery.shard.loop).ms,
	        5000, 36000);
	/* While another session stands, nobody is deferred. */
	court.lanes[0].standing = 1;
	judge_session(court.judge, court.lanes, &it);
	court_collect(&court);
	assert_int_equal(court.rig->settled_count, 2);
	rig_destroy(court.rig);
}

static struct late_sheet court_sheet(const struct court *court, const char *reply, int64_t age_ms)
{
	struct late_sheet sheet = {
		.used = true,
		.sent = { loop_wall(&court->rig->delivery.shard.loop).ms - age_ms },
		.sender = "a@c.d",
	};

	(void)snprintf(sheet.reply, sizeof sheet.reply, "%s", reply);
	return sheet;
}

/* A report that the tenant is blocked holds the route's lanes; one of its external recipients only
 * those. Of what was sent before a hold it says no
 * more, also when that is over. */
static void test_late(void **state)
{
	static const char quota[] = "550 5.7.233 - Your message can't be sent because your tenant "
	                            "has exceeded its daily limit";
	static const char tenant[] = "550 5.7.705 Access denied, tenant has exceeded threshold";
	static const char barred[] = "550 5.1.8 Access denied, bad outbound sender AS(42004)";
	static const char *const idle[] = { "550 5.1.10 RESOLVER.ADR.RecipientNotFound; no",
		"421 4.3.2 System not accepting network messages", "535 5.7.3 no", "", "none" };
	struct court court = court_open("");
	const struct mono now = loop_now(&court.rig->delivery.shard.loop);

	(void)state;
	court_lanes(&court);
	for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++) {
		const struct late_sheet sheet = court_sheet(&court, idle[i], 0);
		judge_late(court.judge, &court.lanes[0], &sheet);
		assert_true(lane_is_open(&court.lanes[0], now));
		assert_true(lane_door_open(&court.lanes[0], now, 0));
		assert_false(court.lanes[0].refused);
	}
	const struct late_sheet used_up = court_sheet(&court, quota, 5000);
	struct portions_entry *external = &court.rig->delivery.dispatch.portions.entries[0];
	judge_late(court.judge, &court.lanes[0], &used_up);
	assert_true(lane_is_open(&court.lanes[0], now));
	assert_true(external->exhausted);
	assert_true(external->late);
	assert_true(now.ns - external->began.ns >= 5 * NS_PER_S);
	assert_int_equal(court.judge->incidents->known.count, 1);
	const struct late_sheet first = court_sheet(&court, tenant, 5000);
	judge_late(court.judge, &court.lanes[0], &first);
	assert_false(lane_is_open(&court.lanes[0], now));
	assert_false(lane_is_open(&court.lanes[1], now));
	assert_int_equal(court.judge->incidents->known.count, 2);
	/* A mailbox's own matter: once for what was sent before. */
	court_lanes(&court);
	const struct late_sheet before = court_sheet(&court, barred, 5000);
	judge_late(court.judge, &court.lanes[0], &before);
	assert_false(lane_is_open(&court.lanes[0], now));
	assert_true(lane_is_open(&court.lanes[1], now));
	assert_int_equal(court.judge->incidents->known.count, 3);
	const uint32_t epoch = court.lanes[0].epoch;
	court.lanes[0].hold.until = now; /* it is over */
	judge_late(court.judge, &court.lanes[0], &before);
	assert_int_equal(court.lanes[0].epoch, epoch);
	assert_true(lane_is_open(&court.lanes[0], now));
	court.lanes[0].held.ns -= 1; /* and this was sent after it */
	const struct late_sheet after = court_sheet(&court, barred, 0);
	judge_late(court.judge, &court.lanes[0], &after);
	assert_int_equal(court.lanes[0].epoch, epoch + 1);
	rig_destroy(court.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_spares_the_unasked),
		cmocka_unit_test(test_outages),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_restarts_are_bounded),
		cmocka_unit_test(test_doubt_counts),
		cmocka_unit_test(test_faults_in_a_row),
		cmocka_unit_test(test_split_of_one_for_good),
		cmocka_unit_test(test_reauth_once),
		cmocka_unit_test(test_no_reauth_with_a_password),
		cmocka_unit_test(test_learns_limits),
		cmocka_unit_test(test_own_ends),
		cmocka_unit_test(test_split_halves),
		cmocka_unit_test(test_expired),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
