/* How a stream's mail is spread over time. */
#include "engine/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR   INT64_C(3600000)
#define MINUTE INT64_C(60000)
#define DAY    (24 * HOUR)
/* 2026-03-02, a Monday, 00:00 UTC. */
#define MIDNIGHT INT64_C(1772409600000)

static struct wall at(int64_t ms)
{
	return (struct wall){ MIDNIGHT + ms };
}

static const struct config_stream by_six = {
	.pace = { .count = LIMIT_NONE },
	.finish_by = 18 * 60 + 1,
};

/* Lends what waits as soon as it may, until `until`; gives how many, and when the last went. */
static uint64_t lend(struct pace *pace, int64_t from, int64_t until, int64_t *last)
{
	uint64_t lent = 0;

	for (int64_t now = from; now < until && pace->waiting > 0; now += 1000) {
		pace_look(pace, at(now));
		while (pace->waiting > 0 && pace_next_us(pace, at(now), 0) <= at(now).ms * 1000) {
			pace_leave(pace);
			pace_lent(pace, at(now));
			*last = now;
			lent++;
		}
	}
	return lent;
}

static int as_utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	return 0;
}

static void test_as_they_come(void **state)
{
	struct pace pace;

	(void)state;
	pace_init(&pace, NULL);
	pace_lent(&pace, at(0));
	assert_true(pace_next_us(&pace, at(0), 1) <= at(0).ms * 1000);
}

static void test_apart(void **state)
{
	const struct config_stream stream = { .pace = {
		                                      .count = 300, .period_ns = 60 * NS_PER_S } };
	struct pace pace;

	(void)state;
	pace_init(&pace, &stream);
	pace_lent(&pace, at(0));
	assert_int_equal(pace_next_us(&pace, at(0), 1), at(200).ms * 1000);
	/* A clock that is set back stops nothing for longer. */
	assert_int_equal(pace_next_us(&pace, at(-HOUR), 1), at(-HOUR + 200).ms * 1000);
}

static void test_evenly_until_six(void **state)
{
	struct pace pace;
	int64_t last = 0;

	(void)state;
	pace_init(&pace, &by_six);
	pace_set(&pace, at(8 * HOUR), 0, 0);
	for (int i = 0; i < 1000; i++)
		pace_wait(&pace);
	assert_in_range(lend(&pace, 8 * HOUR, 13 * HOUR, &last), 490, 510);
	assert_in_range(lend(&pace, 13 * HOUR, 18 * HOUR, &last), 490, 510);
	assert_int_equal(pace.waiting, 0);
	assert_in_range(last, 18 * HOUR - 5 * MINUTE, 18 * HOUR);
}

/* What comes in meanwhile is spread over what is left of the day. */
static void test_more_comes(void **state)
{
	struct pace pace;
	int64_t last = 0;

	(void)state;
	pace_init(&pace, &by_six);
	pace_set(&pace, at(16 * HOUR), 100, 0);
	(void)lend(&pace, 16 * HOUR, 17 * HOUR, &last);
	for (int i = 0; i < 1000; i++)
		pace_wait(&pace);
	(void)lend(&pace, 17 * HOUR, 18 * HOUR, &last);
	assert_int_equal(pace.waiting, 0);
	assert_in_range(last, 18 * HOUR - 2 * MINUTE, 18 * HOUR);
}

/* It could not be sent in time: then it goes at once, and what came later has the next day. */
static void test_what_is_left(void **state)
{
	struct pace pace;
	int64_t last = 0;

	(void)state;
	pace_init(&pace, &by_six);
	pace_set(&pace, at(17 * HOUR), 500, 0);
	pace_look(&pace, at(18 * HOUR));
	for (int i = 0; i < 100; i++)
		pace_wait(&pace);
	assert_int_equal(lend(&pace, 18 * HOUR + 1000, 18 * HOUR + 2000, &last), 500);
	(void)lend(&pace, 18 * HOUR + 2000, DAY + 18 * HOUR, &last);
	assert_int_equal(pace.waiting, 0);
	assert_in_range(last, DAY + 17 * HOUR, DAY + 18 * HOUR);
}

/* Counted after a restart: what was due on a day that is over does not wait for the next. */
static void test_counted(void **state)
{
	struct pace pace;
	int64_t last = 0;

	(void)state;
	pace_init(&pace, &by_six);
	assert_int_equal(pace_day(&pace, at(10 * HOUR)).ms, at(18 * HOUR - DAY).ms);
	assert_int_equal(pace_day(&pace, at(19 * HOUR)).ms, at(18 * HOUR).ms);
	pace_set(&pace, at(19 * HOUR), 30, 20);
	assert_int_equal(lend(&pace, 19 * HOUR, 19 * HOUR + 1000, &last), 20);
}

/* A first one needs no company; the second waits for half of what is left. */
static void test_a_single_one(void **state)
{
	struct pace pace;

	(void)state;
	pace_init(&pace, &by_six);
	pace_set(&pace, at(8 * HOUR), 0, 0);
	assert_true(pace_next_us(&pace, at(8 * HOUR), 1) <= at(8 * HOUR).ms * 1000);
	pace_lent(&pace, at(8 * HOUR));
	assert_int_equal(pace_next_us(&pace, at(8 * HOUR), 1), at(13 * HOUR).ms * 1000);
}

/* Local time, and a day of 23 hours: clocks went forward on 2026-03-29 at 01:00 UTC. */
static void test_local_time(void **state)
{
	struct pace pace;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	pace_init(&pace, &by_six);
	pace_set(&pace, at(26 * DAY + 20 * HOUR), 1, 0); /* the 28th, 21:00 */
	assert_int_equal(pace.ends.ms, at(27 * DAY + 16 * HOUR).ms);
	as_utc(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_they_come),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_evenly_until_six),
		cmocka_unit_test(test_more_comes),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_counted),
		cmocka_unit_test(test_a_single_one),
		cmocka_unit_test(test_local_time),
	};

	return cmocka_run_group_tests(tests, as_utc, NULL);
}
