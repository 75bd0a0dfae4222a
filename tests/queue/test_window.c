/* The count in no half-open interval of the length exceeds the limit, however it comes; little of
 * the limit is lost to slots; what is given back or kept over a restart counts right. */
#include "queue/window.h"
#include "queue/base/check.h"
#include "queue/base/clock.h"
#include "queue/base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define EVENTS_MAX 200000
#define MINUTE_NS  (60 * NS_PER_S)

static int64_t events[EVENTS_MAX];
static size_t event_count;

/* The most events within any [a, a + length): it begins with one of them. */
static size_t most_within(int64_t length_ns)
{
	size_t most = 0;
	size_t first = 0;

	for (size_t last = 0; last < event_count; last++) {
		while (events[last] - events[first] >= length_ns)
			first++;
		if (last - first + 1 > most)
			most = last - first + 1;
	}
	return most;
}

static void take_all(struct window *window, int64_t now_ns)
{
	uint64_t room = window_room(window, now_ns);

	if (room == 0)
		return;
	check(event_count + room <= EVENTS_MAX);
	(void)window_add(window, now_ns, (uint32_t)room);
	while (room-- > 0)
		events[event_count++] = now_ns;
}

static void test_greedy_never_exceeds(void **state)
{
	static const struct {
		uint64_t limit;
		int64_t length_ns;
	} rows[] = {
		{ 1, NS_PER_S },
		{ 30, MINUTE_NS },
		{ 30, NS_PER_S },
		{ 30, 7 },
		{ 7, 1001 },
		{ 10000, 86400 * NS_PER_S },
	};
	static struct window window;
	struct random random;

	(void)state;
	random_seed(&random, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const int64_t length = rows[i].length_ns;
		int64_t now = -5 * length; /* before the machine started, and over zero */

		event_count = 0;
		window_init(&window, rows[i].limit, length);
		while (now < 5 * length) {
			take_all(&window, now);
			/* Mostly as soon as there is room, now and then later. */
			const int64_t when = window_when(&window, now, WINDOW_NONE, 1);
			assert_true(when > now);
			now = when;
			if (random_below(&random, 4) == 0)
				now += (int64_t)random_below(&random, (uint64_t)length / 3 + 1);
		}
		assert_int_equal(most_within(length), rows[i].limit);
	}
}

static void test_time_says_when_there_is_room(void **state)
{
	static struct window window;
	struct random random;
	int64_t now = 0;

	(void)state;
	random_seed(&random, 2);
	window_init(&window, 100, MINUTE_NS);
	for (int i = 0; i < 20000; i++) {
		const uint32_t wanted = 1 + (uint32_t)random_below(&random, 100);
		const int64_t when = window_when(&window, now, WINDOW_NONE, wanted);
		assert_true(when >= now);
		if (when > now) {
			struct window before = window;
			assert_true(window_room(&before, when - 1) < wanted);
		}
		now = when + (int64_t)random_below(&random, NS_PER_S);
		assert_true(window_room(&window, now) >= wanted);
		(void)window_add(&window, now, wanted);
	}
	assert_true(window_when(&window, now, WINDOW_NONE, 101) == INT64_MAX);
	assert_true(window_when(&window, now, 50, 51) == INT64_MAX);
}

static void test_little_is_lost(void **state)
{
	static struct window window;
	int64_t now = 12345;

	(void)state;
	event_count = 0;
	window_init(&window, 30, MINUTE_NS);
	while (now < 1000 * MINUTE_NS) {
		take_all(&window, now);
		now = window_when(&window, now, WINDOW_NONE, 1);
	}
	/* 30,000 would be all of it. */
	assert_true(event_count >= 29900);
	assert_true(event_count <= 30030);
}

static void test_gives_back(void **state)
{
	static struct window window;

	(void)state;
	window_init(&window, 10, 1000);
	const struct window_stamp first = window_add(&window, 0, 6);
	const struct window_stamp second = window_add(&window, 500, 4);
	assert_int_equal(window_room(&window, 500), 0);
	window_give_back(&window, first, 2);
	assert_int_equal(window_room(&window, 500), 2);
	window_give_back(&window, second, 4);
	assert_int_equal(window_room(&window, 500), 6);
	/* Forgotten: nothing can be given back any more. */
	assert_int_equal(window_room(&window, 1200), 10);
	window_give_back(&window, first, 4);
	assert_int_equal(window_room(&window, 1200), 10);
	/* Long after. */
	(void)window_add(&window, 1200, 10);
	assert_int_equal(window_used(&window, INT64_MAX / 2), 0);
}

static void test_no_limit(void **state)
{
	static struct window window;
	size_t cursor = 0;
	int64_t at;
	uint32_t count;

	(void)state;
	window_init(&window, WINDOW_NONE, 0);
	assert_false(window_is_limited(&window));
	window_give_back(&window, window_add(&window, 5, 5), 5);
	window_restore(&window, 5, 5);
	assert_true(window_room(&window, 5) == WINDOW_NONE);
	assert_true(window_when(&window, 5, WINDOW_NONE, 77) == 5);
	assert_false(window_next(&window, &cursor, &at, &count));
}

static void test_lower_limits(void **state)
{
	static struct window window;

	(void)state;
	window_init(&window, 100, 1000);
	(void)window_add(&window, 0, 90);
	assert_int_equal(window_room(&window, 0), 10);
	assert_int_equal(window_room_under(&window, 0, 98), 8);
	assert_int_equal(window_room_under(&window, 0, 50), 0);
	assert_int_equal(window_room_under(&window, 0, 500), 10);
	/* What was not foreseen counts too. */
	(void)window_add(&window, 0, 20);
	assert_int_equal(window_used(&window, 0), 110);
	assert_int_equal(window_room(&window, 0), 0);
}

/* Kept on disk and read back by a machine whose clock began anew. */
static void test_restores(void **state)
{
	static struct window window;
	static struct window again;
	struct random random;
	const int64_t length = 86400 * NS_PER_S;
	const int64_t shift = 3 * length; /* between the two clocks */
	int64_t now = 10 * length;
	size_t cursor = 0;
	int64_t at;
	uint32_t count;

	(void)state;
	random_seed(&random, 3);
	window_init(&window, 10000, length);
	for (int i = 0; i < 3000; i++) {
		now += (int64_t)random_below(&random, (uint64_t)length / 2000);
		(void)window_add(&window, now, (uint32_t)random_below(&random, 4));
	}
	window_init(&again, 10000, length);
	assert_int_equal(window_used(&again, now - shift), 0);
	while (window_next(&window, &cursor, &at, &count)) {
		assert_true(count > 0);
		window_restore(&again, at - shift, count);
	}
	/* The slot's end lies in the next slot, or is now: later, never earlier. */
	assert_int_equal(window_used(&again, now - shift), window_used(&window, now));
	for (int i = 0; i < 600; i++) {
		now += length / 500;
		assert_true(window_used(&again, now - shift) >= window_used(&window, now));
	}
	assert_int_equal(window_used(&again, now - shift), 0);
	window_restore(&again, now - shift - 3 * length, 5); /* long ago */
	assert_int_equal(window_used(&again, now - shift), 0);
	window_restore(&again, now - shift + length, 5); /* a clock that was set back */
	assert_int_equal(window_used(&again, now - shift), 5);
}

/* Whatever comes, is given back and is forgotten: what it lists is what it counts. */
static void test_lists_what_counts(void **state)
{
	static struct window window;
	struct window_stamp stamps[16] = { 0 };
	uint32_t counts[16] = { 0 };
	struct random random;
	int64_t now = -WINDOW_SLOTS * 1000;

	(void)state;
	random_seed(&random, 7);
	window_init(&window, 1000000, (WINDOW_SLOTS - 1) * 10);
	for (size_t i = 0; i < 20000; i++) {
		const size_t at = i % 16;
		size_t cursor = 0;
		uint64_t sum = 0;
		uint16_t listed = 0;
		int64_t ends = INT64_MIN;
		int64_t at_ns;
		uint32_t count;

		now += (int64_t)random_below(&random, random_below(&random, 50) == 0 ? 9000 : 60);
		if (random_below(&random, 2) == 0)
			window_give_back(&window, stamps[at], counts[at]);
		counts[at] = (uint32_t)random_below(&random, 3);
		stamps[at] = window_add(&window, now, counts[at]);
		for (; window_next(&window, &cursor, &at_ns, &count); listed++) {
			assert_true(count > 0);
			assert_true(at_ns > ends);
			assert_true(at_ns > now - window.slot_ns * (WINDOW_SLOTS - 1));
			ends = at_ns;
			sum += count;
		}
		assert_int_equal(sum, window_used(&window, now));
		assert_int_equal(listed, window_filled_count(&window));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greedy_never_exceeds),
		cmocka_unit_test(test_time_says_when_there_is_room),
		cmocka_unit_test(test_little_is_lost),
		cmocka_unit_test(test_gives_back),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_lower_limits),
		cmocka_unit_test(test_restores),
		cmocka_unit_test(test_lists_what_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
