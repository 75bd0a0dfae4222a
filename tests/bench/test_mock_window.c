#include "bench/mock_window.h"

#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#define LENGTH 100

static struct mono at(int64_t ns)
{
	return (struct mono){ ns };
}

static void test_half_open(void **state)
{
	struct mock_window window;

	(void)state;
	mock_window_init(&window, LENGTH);
	mock_window_add(&window, at(0), 1);
	mock_window_add(&window, at(99), 2);
	assert_int_equal(mock_window_count(&window, at(99)), 3);
	/* Exactly one length later the first is gone: no half-open window holds both. */
	assert_int_equal(mock_window_count(&window, at(100)), 2);
	mock_window_add(&window, at(100), 1);
	assert_int_equal(window.count_max, 3);
	assert_int_equal(mock_window_count(&window, at(1000)), 0);
	assert_int_equal(window.count_max, 3);
	mock_window_finish(&window);
}

static void test_one_instant_is_one_event(void **state)
{
	struct mock_window window;

	(void)state;
	mock_window_init(&window, LENGTH);
	for (int i = 0; i < 1000; i++)
		mock_window_add(&window, at(5), 1);
	assert_int_equal(window.used, 1);
	assert_int_equal(window.count, 1000);
	mock_window_add(&window, at(5), 0);
	assert_int_equal(window.used, 1);
	mock_window_finish(&window);
}

static void test_time_does_not_go_back(void **state)
{
	struct mock_window window;

	(void)state;
	mock_window_init(&window, LENGTH);
	mock_window_add(&window, at(500), 1); /* ahead: a delayed one */
	mock_window_add(&window, at(450), 1);
	assert_int_equal(mock_window_count(&window, at(450)), 2);
	assert_int_equal(mock_window_count(&window, at(599)), 2);
	assert_int_equal(mock_window_count(&window, at(600)), 0);
	mock_window_finish(&window);
}

struct past {
	int64_t at;
	uint64_t count;
};

static uint64_t recount(const struct past *past, size_t used, int64_t now)
{
	uint64_t count = 0;

	for (size_t i = 0; i < used; i++)
		if (past[i].at > now - LENGTH && past[i].at <= now)
			count += past[i].count;
	return count;
}

/* Against a plain list of everything that ever happened. */
static void test_counts_as_a_list_would(void **state)
{
	static struct past past[3000];
	struct mock_window window;
	struct random random;
	uint64_t most = 0;
	int64_t now = 0;

	(void)state;
	random_seed(&random, 1);
	mock_window_init(&window, LENGTH);
	for (size_t i = 0; i < 3000; i++) {
		now += (int64_t)random_below(&random, i % 500 < 250 ? 3 : 60);
		past[i] = (struct past){ now, 1 + random_below(&random, 5) };
		mock_window_add(&window, at(now), past[i].count);
		const uint64_t count = recount(past, i + 1, now);
		most = count > most ? count : most;
		assert_int_equal(mock_window_count(&window, at(now)), count);
		assert_int_equal(window.count_max, most);
	}
	mock_window_finish(&window);
}

/* What was delayed until there was room never passes the limit, and comes no later than it must. */
static void test_room_is_the_first_moment(void **state)
{
	static struct past past[2000];
	const uint64_t limit = 30;
	struct mock_window window;
	struct random random;
	int64_t now = 0;

	(void)state;
	random_seed(&random, 2);
	mock_window_init(&window, LENGTH);
	for (size_t i = 0; i < 2000; i++) {
		const uint64_t count = 1 + random_below(&random, 4);
		now += (int64_t)random_below(&random, 8);
		const struct mono room = mock_window_room(&window, at(now), count, limit);
		const int64_t earliest = i == 0 || past[i - 1].at < now ? now : past[i - 1].at;
		assert_true(room.ns >= earliest);
		if (room.ns > earliest)
			assert_true(recount(past, i, room.ns - 1) + count > limit);
		past[i] = (struct past){ room.ns, count };
		mock_window_add(&window, room, count);
		assert_true(recount(past, i + 1, room.ns) <= limit);
	}
	assert_int_equal(window.count_max, limit);
	assert_int_equal(mock_window_room(&window, at(now), 31, limit).ns, INT64_MAX);
	assert_int_equal(mock_window_room(&window, at(now), 31, MOCK_WINDOW_UNLIMITED).ns, now);
	mock_window_finish(&window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_one_instant_is_one_event),
		cmocka_unit_test(test_time_does_not_go_back),
		cmocka_unit_test(test_counts_as_a_list_would),
		cmocka_unit_test(test_room_is_the_first_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
