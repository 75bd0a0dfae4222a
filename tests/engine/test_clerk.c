/* What each verb does to a job, the notes about lent jobs, and the walk through the queue. */
#include "engine/clerk.h"
#include "queue/verdict.h"
#include "tests/queue/spool_tools.h"

static struct tools tools;
static struct clerk *clerk;
static struct request *request;

static const struct wall now = { 5000 };

static void what_each_verb_does(void **state)
{
	static const struct {
		enum request_verb verb;
		bool held;
		bool applies;
		bool held_after;
		int64_t next_after;
		enum owed_outcome outcome;
	} rows[] = {
		{ REQUEST_RETRY, false, true, false, 5000, OWED_PENDING },
		{ REQUEST_RETRY, true, false, true, 9000, OWED_PENDING },
		{ REQUEST_HOLD, false, true, true, 9000, OWED_PENDING },
		{ REQUEST_HOLD, true, false, true, 9000, OWED_PENDING },
		{ REQUEST_RELEASE, true, true, false, 5000, OWED_PENDING },
		{ REQUEST_RELEASE, false, false, false, 9000, OWED_PENDING },
		{ REQUEST_BOUNCE, false, true, false, 9000, OWED_BOUNCED },
		{ REQUEST_BOUNCE, true, true, true, 9000, OWED_BOUNCED },
		{ REQUEST_REMOVE, false, true, false, 9000, OWED_REMOVED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct job job = tools_job(&tools, 1, 3, 10, 0, 9000);
		struct reply_note note;

		job.held = rows[i].held;
		assert_int_equal(
		        clerk_apply(&job, rows[i].verb, now, &tools.shelf), rows[i].applies);
		assert_int_equal(job.held, rows[i].held_after);
		assert_int_equal(job.next_attempt.ms, rows[i].next_after);
		assert_int_equal(job_tally(&job).of[rows[i].outcome], 3);
		assert_int_equal(job_reply(&job, 0, &note), rows[i].outcome != OWED_PENDING);
		job_clear(&job, &tools.shelf);
	}
}

/* An end is an end, and what a server said last stands. */
static void a_bounce_keeps_what_is_decided(void **state)
{
	struct job job = tools_job(&tools, 1, 3, 10, 0, 9000);
	const struct reply_note said = { .code = 451, .text = VIEW("not now") };
	struct reply_note note;

	(void)state;
	job_set_outcome(&job, 0, OWED_DELIVERED, NULL, &tools.shelf);
	job_set_outcome(&job, 1, OWED_DEFERRED, &said, &tools.shelf);
	assert_true(clerk_apply(&job, REQUEST_BOUNCE, now, &tools.shelf));
	assert_int_equal(job_owed(&job)[0].outcome, OWED_DELIVERED);
	assert_int_equal(job_owed(&job)[1].outcome, OWED_BOUNCED);
	assert_true(job_reply(&job, 1, &note));
	assert_int_equal(note.code, 451);
	assert_true(job_reply(&job, 2, &note));
	assert_int_equal(note.code, 0);
	job_clear(&job, &tools.shelf);
}

static void notes(void **state)
{
	enum request_verb verb;

	(void)state;
	*clerk = (struct clerk){ 0 };
	for (uint64_t id = 1; id <= CLERK_ACTS_MAX; id++)
		assert_true(clerk_note(clerk, (struct spool_place){ id, 0 }, REQUEST_HOLD));
	assert_false(clerk_note(clerk, (struct spool_place){ 1, 1 }, REQUEST_HOLD));
	/* The later word counts, and needs no more room. */
	assert_true(clerk_note(clerk, (struct spool_place){ 7, 0 }, REQUEST_REMOVE));
	assert_true(clerk_take_note(clerk, (struct spool_place){ 7, 0 }, &verb));
	assert_int_equal(verb, REQUEST_REMOVE);
	assert_false(clerk_take_note(clerk, (struct spool_place){ 7, 0 }, &verb));
	assert_false(clerk_take_note(clerk, (struct spool_place){ 8, 1 }, &verb));
	for (uint64_t id = 1; id <= CLERK_ACTS_MAX; id++)
		assert_int_equal(
		        clerk_take_note(clerk, (struct spool_place){ id, 0 }, &verb), id != 7);
	assert_int_equal(clerk->act_count, 0);
}

/* A request's answer waits for what it noted itself; messages are counted, not jobs. */
static void what_is_awaited(void **state)
{
	const struct mono begun = { 1000 };
	const struct spool_place places[] = { { 5, 0 }, { 6, 0 }, { 5, 1 } };
	enum request_verb verb;

	(void)state;
	*clerk = (struct clerk){ 0 };
	clerk_await(clerk, begun);
	assert_false(clerk_awaits(clerk, begun));
	for (size_t i = 0; i < 3; i++)
		assert_true(clerk_note(clerk, places[i], REQUEST_HOLD));
	clerk_await(clerk, begun);
	assert_true(clerk_awaits(clerk, mono_after(begun, CLERK_WAIT_NS - 1)));
	assert_false(clerk_awaits(clerk, mono_after(begun, CLERK_WAIT_NS)));
	assert_int_equal(clerk_forsake(clerk), 2);
	assert_false(clerk_awaits(clerk, begun));
	assert_int_equal(clerk->act_count, 3);
	/* The next request asks for one of them, too. */
	assert_true(clerk_note(clerk, places[1], REQUEST_REMOVE));
	assert_true(clerk_note(clerk, places[1], REQUEST_REMOVE));
	assert_true(clerk_awaits(clerk, begun));
	assert_true(clerk_take_note(clerk, places[0], &verb));
	assert_true(clerk_awaits(clerk, begun));
	assert_true(clerk_take_note(clerk, places[1], &verb));
	assert_false(clerk_awaits(clerk, begun));
	assert_true(clerk_take_note(clerk, places[2], &verb));
	assert_int_equal(clerk_forsake(clerk), 0);
}

static void the_walk(void **state)
{
	struct spool_place place;

	(void)state;
	*clerk = (struct clerk){ 0 };
	request_reset(request, REQUEST_LIST);
	request->after = 1;
	clerk_begin(clerk, request);
	assert_true(clerk_next(clerk, tools.spool, &place));
	assert_int_equal(place.id, 2);
	clerk_again(clerk);
	assert_true(clerk_next(clerk, tools.spool, &place));
	assert_int_equal(place.id, 2);
	assert_true(clerk_next(clerk, tools.spool, &place));
	assert_int_equal(place.id, 5);
	assert_false(clerk_next(clerk, tools.spool, &place));
}

static void by_ids(void **state)
{
	const uint64_t ids[] = { 5, 3, 0, 1, 1 };
	const uint64_t wanted[] = { 5, 1, 1 };
	struct spool_place place;

	(void)state;
	*clerk = (struct clerk){ 0 };
	request_reset(request, REQUEST_HOLD);
	request->ids = ids;
	request->ids_count = 5;
	clerk_begin(clerk, request);
	for (size_t i = 0; i < 3; i++) {
		assert_true(clerk_next(clerk, tools.spool, &place));
		assert_int_equal(place.id, wanted[i]);
		clerk_again(clerk);
		assert_true(clerk_next(clerk, tools.spool, &place));
		assert_int_equal(place.id, wanted[i]);
	}
	assert_false(clerk_next(clerk, tools.spool, &place));
}

static void rows(void **state)
{
	struct job job = tools_job(&tools, 9, 2, 10, 1, 9000);
	const struct reply_note said = { .code = 451, .text = VIEW("not now") };

	(void)state;
	*clerk = (struct clerk){ 0 };
	request_reset(request, REQUEST_LIST);
	clerk_begin(clerk, request);
	job_set_outcome(&job, 1, OWED_DEFERRED, &said, &tools.shelf);
	assert_true(clerk_put_row(clerk, tools.spool, &job, false, now));
	assert_true(clerk_put_row(clerk, tools.spool, &job, true, now));
	assert_true(clerk_put_row(clerk, tools.spool, &job, false, (struct wall){ 9000 }));
	job.held = true;
	clerk->why_held = VIEW("so it is");
	assert_true(clerk_put_row(clerk, tools.spool, &job, false, now));
	assert_true(clerk_put_damaged(clerk, (struct spool_place){ 10, 0 }));
	static const char *const states[] = { "deferred", "active", "queued", "held", "damaged" };
	for (size_t i = 0; i < 5; i++)
		assert_true(view_equal(request->rows[i].state, view_of(states[i])));
	assert_true(view_equal(request->rows[0].reply, VIEW("not now")));
	assert_true(view_equal(request->rows[0].route, VIEW("direct")));
	assert_int_equal(request->rows[0].recipients_count, 2);
	assert_int_equal(request->rows[0].next_attempt.ms, 9000);
	assert_int_equal(request->rows[3].next_attempt.ms, 0);
	/* What a server said comes first; of a recipient it said nothing of, the hold's reason. */
	assert_true(view_equal(request->rows[3].reply, VIEW("not now")));
	assert_true(view_equal(request->rows[3].recipients[0].reply, VIEW("so it is")));
	assert_int_equal(request->rows[0].recipients[0].reply.bytes, 0);
	assert_false(request->rows[3].in_doubt);
	request->filter.in_doubt = true;
	assert_false(clerk_takes(clerk, tools.spool, &job));
	job_owed(&job)[1].flags |= OWED_IN_DOUBT;
	assert_true(clerk_takes(clerk, tools.spool, &job));
	request_reset(request, REQUEST_LIST);
	assert_true(clerk_put_row(clerk, tools.spool, &job, false, now));
	assert_true(request->rows[0].in_doubt);
	job_clear(&job, &tools.shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_each_verb_does),
		cmocka_unit_test(a_bounce_keeps_what_is_decided),
		cmocka_unit_test(notes),
		cmocka_unit_test(what_is_awaited),
		cmocka_unit_test(the_walk),
		cmocka_unit_test(by_ids),
		cmocka_unit_test(rows),
	};

	clerk = calloc(1, sizeof *clerk);
	if (clerk == NULL || failed(request_create(&request)))
		return 1;
	tools_start(&tools);
	tools_open(&tools);
	tools_put(&tools, 1, 1, 10, 0, 1);
	tools_put(&tools, 2, 1, 10, 0, 1);
	tools_put(&tools, 5, 1, 10, 0, 1);
	const int status = cmocka_run_group_tests(tests, NULL, NULL);
	tools_stop(&tools);
	request_destroy(request);
	free(clerk);
	return status;
}
