#include "queue/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define JOBS  64
#define LINES 3

struct desk {
	struct schedule schedule;
	struct message messages[JOBS];
	struct job jobs[JOBS];
};

/* Ordinary, and what the others are to it. */
#define STREAMS 4
static const struct retry_settings retry = { .give_up_after_ms = 1000 };
static const struct schedule_stream streams[STREAMS] = {
	{ .weight = 1, .retry = &retry },
	{ .weight = 3, .retry = &retry },
	{ .weight = 1, .urgent = true, .retry = &retry },
	{ .weight = 2, .urgent = true, .retry = &retry },
};

static const uint32_t reach_lines[LINES][2] = { { 0, 0 }, { 1, 0 }, { 2, 0 } };

/* Of one who has the line, and the shared one. */
static struct job *first(const struct schedule *schedule, uint32_t line)
{
	const struct schedule_reach reach = { reach_lines[line], line == 0 ? 1 : 2 };

	return schedule_first(schedule, reach, false);
}

static struct job *take(struct schedule *schedule, uint32_t line)
{
	struct job *job = first(schedule, line);

	return job == NULL ? NULL : schedule_take(schedule, job);
}

static int begin(void **state)
{
	struct desk *desk = calloc(1, sizeof *desk);

	assert_non_null(desk);
	assert_false(failed(schedule_init(&desk->schedule, LINES, 1, streams, STREAMS)));
	for (size_t i = 0; i < JOBS; i++) {
		desk->jobs[i].id = i;
		desk->jobs[i].state = JOB_READY;
		desk->jobs[i].message = &desk->messages[i];
	}
	*state = desk;
	return 0;
}

static int end(void **state)
{
	struct desk *desk = *state;

	schedule_finish(&desk->schedule);
	free(desk);
	return 0;
}

static void test_order(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;

	assert_null(take(schedule, 1));
	for (size_t i = 0; i < 6; i++)
		schedule_add(schedule, i % 2 == 0 ? 0 : 1, &desk->jobs[i]);
	assert_int_equal(schedule_waiting(schedule, 0), 3);
	assert_int_equal(schedule_waiting(schedule, 1), 3);
	/* One who has line 1 takes from both in order; who has line 2, the shared ones alone. */
	assert_ptr_equal(first(schedule, 1), &desk->jobs[0]);
	assert_ptr_equal(take(schedule, 1), &desk->jobs[0]);
	assert_ptr_equal(take(schedule, 1), &desk->jobs[1]);
	assert_ptr_equal(take(schedule, 2), &desk->jobs[2]);
	assert_ptr_equal(take(schedule, 2), &desk->jobs[4]);
	assert_null(take(schedule, 2));
	assert_int_equal(desk->jobs[0].state, JOB_SENDING);
	assert_int_equal(schedule->job_count, 2);
}

/* Whatever is taken and put back, in whatever order: they come out by their places. */
static void test_places_are_kept(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;
	struct job *taken[JOBS];
	struct random random;

	random_seed(&random, 7);
	for (size_t i = 0; i < JOBS; i++)
		schedule_add(schedule, 0, &desk->jobs[i]);
	for (unsigned round = 0; round < 200; round++) {
		const size_t count = random_below(&random, JOBS) + 1;

		for (size_t i = 0; i < count; i++) {
			taken[i] = take(schedule, 1);
			assert_non_null(taken[i]);
			assert_true(i == 0 || taken[i - 1]->place < taken[i]->place);
		}
		for (size_t left = count; left > 0; left--) {
			const size_t pick = random_below(&random, left);
			schedule_put_back(schedule, taken[pick]);
			taken[pick] = taken[left - 1];
		}
		assert_int_equal(schedule->job_count, JOBS);
	}
	for (size_t i = 0; i < JOBS; i++)
		assert_ptr_equal(take(schedule, 1), &desk->jobs[i]);
}

static void test_moved(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;
	struct job *jobs = desk->jobs;

	schedule_add(schedule, 0, &jobs[0]);
	schedule_add(schedule, 0, &jobs[1]);
	schedule_add(schedule, 1, &jobs[2]);
	/* One that was put back leaves the right list. */
	schedule_put_back(schedule, take(schedule, 0));
	schedule_move(schedule, 1, &jobs[0]);
	assert_int_equal(jobs[0].state, JOB_READY);
	assert_int_equal(schedule_waiting(schedule, 0), 1);
	assert_int_equal(schedule_waiting(schedule, 1), 2);
	assert_ptr_equal(take(schedule, 0), &jobs[1]);
	assert_null(take(schedule, 0));
	assert_ptr_equal(take(schedule, 1), &jobs[2]);
	assert_ptr_equal(take(schedule, 1), &jobs[0]);
	assert_int_equal(schedule->job_count, 0);
}

static void test_withdrawn(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;

	for (size_t i = 0; i < 4; i++)
		schedule_add(schedule, 0, &desk->jobs[i]);
	schedule_put_back(schedule, take(schedule, 1));
	/* Out of the middle, out of those put back, and the last. */
	static const size_t order[] = { 2, 0, 3, 1 };
	for (size_t i = 0; i < 4; i++) {
		struct job *job = schedule_withdraw(schedule, &desk->jobs[order[i]]);
		assert_int_equal(job->state, JOB_SETTLING);
		assert_false(link_is_linked(&job->link));
	}
	assert_null(schedule_any(schedule));
	assert_int_equal(schedule->job_count, 0);
}

static void test_expired(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;
	uint32_t line = 0;
	size_t found = 0;
	struct job *job;

	for (size_t i = 0; i < 9; i++) {
		desk->messages[i].received = (struct wall){ (int64_t)i * 100 };
		if (i == 8) /* its own time is over, wherever it stands */
			desk->messages[i].received.ms = 399;
		schedule_add(schedule, (uint32_t)(i % LINES), &desk->jobs[i]);
	}
	schedule_put_back(schedule, take(schedule, 2));
	while ((job = schedule_expired(schedule, (struct wall){ 1400 }, &line)) != NULL) {
		assert_true(job->message->received.ms <= 400);
		(void)schedule_withdraw(schedule, job);
		found++;
	}
	assert_int_equal(found, 6);
	assert_int_equal(schedule->job_count, 3);
}

static size_t sweep(struct schedule *schedule, int64_t at_ms)
{
	uint32_t line = 0;
	size_t found = 0;
	struct job *job;

	while ((job = schedule_expired(schedule, (struct wall){ at_ms }, &line)) != NULL) {
		(void)schedule_withdraw(schedule, job);
		found++;
	}
	return found;
}

/* A line whose jobs all have time is passed over, and not for longer than the first of them has,
 * whenever that one came and whatever became of those before it. */
static void test_expires_in_any_order(void **state)
{
	static const int64_t received_ms[] = { 500, 300, 700, 400 };
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;

	for (size_t i = 0; i < 4; i++) {
		desk->messages[i].received.ms = received_ms[i];
		schedule_add(schedule, 0, &desk->jobs[i]);
	}
	assert_int_equal(sweep(schedule, 1299), 0);
	assert_int_equal(schedule->lines[0].expires.ms, 1300);
	(void)schedule_withdraw(schedule, &desk->jobs[1]);
	assert_int_equal(sweep(schedule, 1300), 0);
	assert_int_equal(schedule->lines[0].expires.ms, 1400);
	desk->messages[4].received.ms = 1200;
	desk->messages[4].expire_s = 0;
	desk->messages[5] = desk->messages[4];
	desk->messages[5].received.ms = 200; /* one that has waited on disk comes late */
	schedule_add(schedule, 0, &desk->jobs[4]);
	schedule_add(schedule, 0, &desk->jobs[5]);
	assert_int_equal(schedule->lines[0].expires.ms, 1200);
	assert_int_equal(sweep(schedule, 1399), 1);
	assert_int_equal(sweep(schedule, 1700), 3);
	schedule_put_back(schedule, take(schedule, 0));
	assert_int_equal(sweep(schedule, 2199), 0);
	assert_int_equal(sweep(schedule, 2200), 1);
	assert_int_equal(schedule->lines[0].expires.ms, INT64_MAX);
}

static size_t fill(struct desk *desk, size_t from, size_t count, uint8_t stream)
{
	for (size_t i = from; i < from + count; i++) {
		desk->jobs[i].stream = stream;
		schedule_add(&desk->schedule, 0, &desk->jobs[i]);
	}
	return from + count;
}

/* Urgent ones do not wait for what came before them; one in ten is an ordinary one all the same. */
static void test_urgent_first_and_nobody_starves(void **state)
{
	struct desk *desk = *state;
	size_t ordinary = 0;
	size_t next = fill(desk, 0, 20, 0);

	next = fill(desk, next, 30, 2);
	assert_true(schedule_has_urgent(&desk->schedule, 0));
	for (size_t i = 0; i < 30; i++) {
		struct job *job = take(&desk->schedule, 0);
		assert_int_equal(schedule_is_urgent(&desk->schedule, job), i % 10 != 9);
		ordinary += job->stream == 0;
		/* Within a stream, first come, first served. */
		assert_true(job->stream != 0 || job->id == ordinary - 1);
	}
	assert_int_equal(ordinary, 3);
	/* Where none waits that is ordinary, urgent ones have no end of their run. */
	while (take(&desk->schedule, 0) != NULL)
		continue;
	assert_false(schedule_has_urgent(&desk->schedule, 0));
}

static void test_shares(void **state)
{
	struct desk *desk = *state;
	size_t had[STREAMS] = { 0 };
	size_t next = fill(desk, 0, 20, 0);

	next = fill(desk, next, 40, 1);
	for (size_t i = 0; i < 20; i++)
		had[take(&desk->schedule, 0)->stream]++;
	assert_int_equal(had[0], 5);
	assert_int_equal(had[1], 15);
}

/* A stream that had nothing to send comes back without a claim to what it did not use. */
static void test_no_credit_for_rest(void **state)
{
	struct desk *desk = *state;
	size_t had[STREAMS] = { 0 };
	size_t next = fill(desk, 0, 30, 1);

	for (size_t i = 0; i < 15; i++)
		(void)take(&desk->schedule, 0);
	next = fill(desk, next, 15, 0);
	for (size_t i = 0; i < 8; i++)
		had[take(&desk->schedule, 0)->stream]++;
	assert_true(had[0] <= 3);
	assert_true(had[0] >= 1);
}

static void test_only_the_urgent(void **state)
{
	struct desk *desk = *state;
	const struct schedule_reach reach = { reach_lines[1], 2 };

	(void)fill(desk, 0, 3, 1);
	assert_null(schedule_first(&desk->schedule, reach, true));
	assert_ptr_equal(schedule_first(&desk->schedule, reach, false), &desk->jobs[0]);
	(void)fill(desk, 3, 1, 3);
	assert_ptr_equal(schedule_first(&desk->schedule, reach, true), &desk->jobs[3]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_places_are_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_moved, begin, end),
		cmocka_unit_test_setup_teardown(test_withdrawn, begin, end),
		cmocka_unit_test_setup_teardown(test_expired, begin, end),
		cmocka_unit_test_setup_teardown(test_expires_in_any_order, begin, end),
		cmocka_unit_test_setup_teardown(test_urgent_first_and_nobody_starves, begin, end),
		cmocka_unit_test_setup_teardown(test_shares, begin, end),
		cmocka_unit_test_setup_teardown(test_no_credit_for_rest, begin, end),
		cmocka_unit_test_setup_teardown(test_only_the_urgent, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
