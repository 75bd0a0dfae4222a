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
	struct schedule_line lines[LINES];
	struct message messages[JOBS];
	struct job jobs[JOBS];
};

static int begin(void **state)
{
	struct desk *desk = calloc(1, sizeof *desk);

	assert_non_null(desk);
	schedule_init(&desk->schedule, desk->lines, LINES);
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
	free(*state);
	return 0;
}

static void test_order(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;

	assert_null(schedule_take(schedule, 1, 0));
	for (size_t i = 0; i < 6; i++)
		schedule_add(schedule, i % 2 == 0 ? 0 : 1, &desk->jobs[i]);
	assert_int_equal(schedule_waiting(schedule, 0), 3);
	assert_int_equal(schedule_waiting(schedule, 1), 3);
	/* One who has line 1 takes from both in order; who has line 2, the shared ones alone. */
	assert_ptr_equal(schedule_first(schedule, 1, 0), &desk->jobs[0]);
	assert_ptr_equal(schedule_take(schedule, 1, 0), &desk->jobs[0]);
	assert_ptr_equal(schedule_take(schedule, 1, 0), &desk->jobs[1]);
	assert_ptr_equal(schedule_take(schedule, 2, 0), &desk->jobs[2]);
	assert_ptr_equal(schedule_take(schedule, 2, 0), &desk->jobs[4]);
	assert_null(schedule_take(schedule, 2, 0));
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
			taken[i] = schedule_take(schedule, 1, 0);
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
		assert_ptr_equal(schedule_take(schedule, 1, 0), &desk->jobs[i]);
}

static void test_withdrawn(void **state)
{
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;

	for (size_t i = 0; i < 4; i++)
		schedule_add(schedule, 0, &desk->jobs[i]);
	schedule_put_back(schedule, schedule_take(schedule, 1, 0));
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
	static const struct retry_settings retry = { .give_up_after_ms = 1000 };
	struct desk *desk = *state;
	struct schedule *schedule = &desk->schedule;
	uint32_t line = 0;
	size_t found = 0;
	struct job *job;

	for (size_t i = 0; i < 9; i++) {
		desk->messages[i].received = (struct wall){ (int64_t)i * 100 };
		schedule_add(schedule, (uint32_t)(i % LINES), &desk->jobs[i]);
	}
	schedule_put_back(schedule, schedule_take(schedule, 2, 1));
	while ((job = schedule_expired(schedule, &retry, (struct wall){ 1400 }, &line)) != NULL) {
		assert_true(job->message->received.ms <= 400);
		(void)schedule_withdraw(schedule, job);
		found++;
	}
	assert_int_equal(found, 5);
	assert_int_equal(schedule->job_count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_places_are_kept, begin, end),
		cmocka_unit_test_setup_teardown(test_withdrawn, begin, end),
		cmocka_unit_test_setup_teardown(test_expired, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
