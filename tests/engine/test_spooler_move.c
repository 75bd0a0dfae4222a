/* Jobs that change their route: to a fallback, or since the configuration changed. */
#include "tests/engine/star.h"

#define FAR                                                                                        \
	"  - {name: far, host: 127.0.0.1, tls: {mode: none}, notices_from: n@in.test,\n"           \
	"     sessions: 2, pipeline: 2}\n"
#define INSIDE "  - {name: inside, interface: direct, host: 127.0.0.1, sessions: 2, pipeline: 2}\n"
#define SPARE  "  - {name: spare, host: 127.0.0.1, tls: {mode: none}, sessions: 2, pipeline: 2}\n"

static const char routes[] = "accepted_domains: [in.test]\nroutes:\n" FAR INSIDE SPARE;

/* The oldest lent job comes back: its route is out. */
static void divert(struct star *star, uint16_t to)
{
	assert_true(star->job_count > 0);
	star->jobs[0]->divert = (uint16_t)(to + 1);
	star_settle(star, OWED_PENDING);
}

static void a_job_goes_over_whole(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test", "a@x.test b@in.test", 20000);
	star_turn(&star);
	assert_int_equal(star.jobs[0]->route, 0);
	const uint32_t credit = star.spooler->feed.queues[0].credit_left;
	divert(&star, 2);
	star_turns(&star, 3);
	/* Its credit is the old route's again, and it waits for nothing. */
	assert_int_equal(star.spooler->feed.queues[0].credit_left, credit + 1);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star.jobs[0]->route, 2);
	assert_int_equal(star.jobs[0]->number, 0);
	assert_int_equal(star.jobs[0]->divert, 0);
	assert_int_equal(star.jobs[0]->owed_count, 2);
	assert_int_equal(star.jobs[0]->attempts, 0);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 1);
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(star.spooler->feed.queues[2].credit_left, credit + 1);
	star_close(&star);
}

/* Those that the other route can carry go, the rest waits. */
static void a_job_goes_over_in_part(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test", "a@x.test b@in.test c@y.test d@in.test", 20000);
	star_turn(&star);
	divert(&star, 1);
	star_turns(&star, 3);
	assert_int_equal(star.job_count, 2);
	assert_int_equal(star_messages(&star), 1);
	assert_int_equal(spool_counts(star.spooler->spool).jobs, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct job *job = star.jobs[i];
		const bool inside = job->route == 1;

		assert_int_equal(job->number, inside ? 1 : 0);
		assert_int_equal(job->owed_count, 2);
		assert_int_equal(job_owed_const(job)[0].index, inside ? 1 : 0);
		assert_int_equal(job_owed_const(job)[1].index, inside ? 3 : 2);
	}
	star_restart(&star, routes);
	star_turns(&star, 2);
	assert_int_equal(star.job_count, 2);
	star_settle(&star, OWED_DELIVERED);
	star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	star_close(&star);
}

/* A recipient that has its end stays with it; nothing that can go means that nothing does. */
static void ends_stay(void **state)
{
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test", "a@x.test b@in.test", 100);
	star_turn(&star);
	job_set_outcome(star.jobs[0], 1, OWED_DELIVERED, NULL, &star.shelf);
	star.jobs[0]->divert = 2; /* inside */
	struct job *job = star.jobs[0];
	star.job_count = 0;
	job_enter(job, JOB_SETTLING);
	const struct letter letter = { .kind = LETTER_SETTLE, .job = job };
	star_send(&star, &star.delivery.to_spooler, &letter);
	star_turns(&star, 3);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star.jobs[0]->route, 0);
	assert_int_equal(star.jobs[0]->owed_count, 1);
	assert_int_equal(job_owed_const(star.jobs[0])[0].index, 0);
	star_close(&star);
}

/* What a new configuration parts goes each its way: here three. */
static void a_change_of_rules_parts_them(void **state)
{
	static const char others[] = "accepted_domains: [in.test]\nroutes:\n" INSIDE SPARE
	                             "  - {name: new, host: 127.0.0.1, tls: {mode: none}}\n"
	                             "rules:\n"
	                             "  - {recipient_domain: in.test, route: inside}\n"
	                             "  - {recipient_domain: y.test, route: spare}\n"
	                             "  - {route: new}\n";
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test",
	        "a@x.test b@in.test c@y.test d@in.test e@x.test f@y.test g@y.test", 5000);
	star_turn(&star);
	assert_int_equal(star.job_count, 1);
	/* Its route is no more. */
	star_restart(&star, others);
	star_turns(&star, 6);
	assert_false(star.spooler->orphans);
	assert_int_equal(star.job_count, 3);
	assert_int_equal(spool_counts(star.spooler->spool).jobs, 3);
	uint32_t owed = 0;
	for (size_t i = 0; i < 3; i++) {
		static const uint16_t firsts[] = { 1, 2, 0 };
		const struct job *job = star.jobs[i];
		assert_int_equal(job_owed_const(job)[0].index, firsts[job->route]);
		owed += job->owed_count;
	}
	assert_int_equal(owed, 7);
	while (star.job_count > 0)
		star_settle(&star, OWED_DELIVERED);
	star_turn(&star);
	assert_int_equal(star_messages(&star), 0);
	assert_int_equal(spool_counts(star.spooler->spool).lent, 0);
	star_close(&star);
}

/* Nobody can take it any more: it is kept, and released once somebody can. */
static void what_nobody_takes_is_kept(void **state)
{
	static const char inside[] = "accepted_domains: [in.test]\nroutes:\n" INSIDE;
	struct star star;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test", "a@x.test b@in.test", 100);
	star_turn(&star);
	star_restart(&star, inside);
	star_turns(&star, 4);
	assert_int_equal(star.job_count, 1);
	assert_int_equal(star.jobs[0]->route, 0);
	assert_int_equal(spool_counts(star.spooler->spool).held, 1);
	star_restart(&star, routes);
	star_turns(&star, 2);
	assert_int_equal(star.job_count, 1);

	/* An operator releases it, by the message's id. */
	struct request *request;
	star_assert_ok(request_create(&request));
	request_reset(request, REQUEST_RELEASE);
	request->ids = &star.jobs[0]->id;
	request->ids_count = 1;
	const struct letter letter = { .kind = LETTER_REQUEST, .request = request };
	star_send(&star, &star.requests, &letter);
	for (int i = 0; i < 100 && !request_wait(request, 0); i++)
		star_turn(&star);
	assert_int_equal(request->count, 1);
	request_destroy(request);
	star_turns(&star, 2);
	assert_int_equal(star.job_count, 2);
	assert_int_equal(star.jobs[1]->route, 0);
	assert_int_equal(job_owed_const(star.jobs[1])[0].index, 0);
	star_close(&star);
}

/* Without memory for what parts, it waits as it is. */
static void parting_waits_for_memory(void **state)
{
	struct star star;
	struct chunk *taken = NULL;
	struct chunk *chunk;

	(void)state;
	star_open(&star, routes);
	(void)star_put(&star, "a@in.test",
	        "a@x.test b@in.test c@in.test d@in.test e@in.test f@in.test", 100);
	star_turn(&star);
	while ((chunk = shelf_take(&star.shelf)) != NULL) {
		chunk->next = taken;
		taken = chunk;
	}
	divert(&star, 1);
	/* The spooler's shelf may have some at hand still. */
	struct shelf *near = &star.spooler->shard.shelf;
	while (near->count > 0) {
		chunk = shelf_take(near);
		chunk->next = taken;
		taken = chunk;
	}
	star_turns(&star, 3);
	assert_int_equal(star.spooler->waiting.count, 1);
	assert_int_equal(star.job_count, 0);
	while (taken != NULL) {
		chunk = taken;
		taken = MOVE(chunk->next);
		shelf_give(&star.shelf, chunk);
	}
	shelf_finish(&star.shelf);
	for (int i = 0; i < 1000 && star.job_count < 2; i++) {
		star_turn(&star);
		star_nap(1);
	}
	assert_int_equal(star.job_count, 2);
	star_close(&star);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_goes_over_whole),
		cmocka_unit_test(a_job_goes_over_in_part),
		cmocka_unit_test(ends_stay),
		cmocka_unit_test(a_change_of_rules_parts_them),
		cmocka_unit_test(what_nobody_takes_is_kept),
		cmocka_unit_test(parting_waits_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
