#include "queue/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define AT(seconds) ((struct mono){ (int64_t)((seconds) * (double)NS_PER_S) })

static struct random dice;

static struct lane fresh(void)
{
	struct lane lane;

	random_seed(&dice, 1);
	lane_init(&lane, 0, 0);
	return lane;
}

static void test_open(void **state)
{
	struct lane lane = fresh();

	(void)state;
	assert_int_equal(lane_room(&lane, AT(0)), UINT32_MAX);
	assert_true(lane_door_open(&lane, AT(0), 7));
	assert_true(lane_wanted(&lane, AT(0)).ns == MONO_NEVER.ns);
}

static void test_held(void **state)
{
	struct lane lane = fresh();
	bool news;

	(void)state;
	news = lane_hold(&lane, AT(0), 30 * NS_PER_S, &dice);
	assert_true(news);
	assert_int_equal(lane_room(&lane, AT(29)), 0);
	assert_true(lane.hold.until.ns >= AT(30).ns);
	assert_true(lane.hold.until.ns <= AT(36).ns);
	assert_true(lane_wanted(&lane, AT(0)).ns == lane.hold.until.ns);
	/* Then carefully: one at a time, until one succeeds. */
	assert_int_equal(lane_room(&lane, AT(36)), 1);
	lane.in_flight = 1;
	assert_int_equal(lane_room(&lane, AT(36)), 0);
	lane_succeed(&lane);
	assert_int_equal(lane_room(&lane, AT(36)), UINT32_MAX - 1);
	/* Sessions may be opened all the while. */
	assert_true(lane_door_open(&lane, AT(1), 0));
}

static void test_a_train_is_one_setback(void **state)
{
	struct lane lane = fresh();

	(void)state;
	for (int i = 0; i < 16; i++) {
		const bool news = lane_hold(&lane, AT(i * 0.1), 30 * NS_PER_S, &dice);
		assert_int_equal(news, i == 0);
	}
	assert_int_equal(lane.hold.setbacks, 1);
	/* But the longest wait counts. */
	(void)lane_hold(&lane, AT(2), 300 * NS_PER_S, &dice);
	assert_int_equal(lane_room(&lane, AT(300)), 0);
}

static void test_holds_grow(void **state)
{
	struct lane lane = fresh();
	double at = 0;
	double wait = 30;

	(void)state;
	for (int i = 0; i < 12; i++) {
		const bool news = lane_hold(&lane, AT(at), 30 * NS_PER_S, &dice);
		assert_true(news);
		assert_int_equal(lane_room(&lane, AT(at + wait - 1)), 0);
		at += wait * 1.2 + 1;
		assert_int_equal(lane_room(&lane, AT(at)), 1);
		wait = wait * 2 > 3600 ? 3600 : wait * 2;
	}
	/* What a server asks for beyond an hour stands. */
	(void)lane_hold(&lane, AT(at), 7200 * NS_PER_S, &dice);
	assert_int_equal(lane_room(&lane, AT(at + 7199)), 0);
}

static void test_door(void **state)
{
	struct lane lane = fresh();
	double at = 0;
	double wait = 1;

	(void)state;
	for (int i = 0; i < 10; i++) {
		const int64_t wait_ns = lane_shut(&lane, AT(at), LANE_DOOR_MOST_NS, &dice);
		assert_true(wait_ns >= AT(wait).ns);
		assert_true(wait_ns <= AT(wait * 1.2).ns);
		assert_false(lane_door_open(&lane, AT(at + wait - 0.1), 0));
		/* Sessions that stand go on. */
		assert_int_equal(lane_room(&lane, AT(at)), UINT32_MAX);
		/* Another failure meanwhile is no further setback. */
		(void)lane_shut(&lane, AT(at + 0.1), LANE_DOOR_MOST_NS, &dice);
		at += wait * 1.2 + 0.1;
		/* Then one at a time. */
		assert_true(lane_door_open(&lane, AT(at), 0));
		assert_false(lane_door_open(&lane, AT(at), 1));
		wait = wait * 2 > 60 ? 60 : wait * 2;
	}
	/* A server that names a shorter time need not be left alone for longer. */
	assert_true(lane_shut(&lane, AT(at), 5 * NS_PER_S, &dice) <= 6 * NS_PER_S);
	at += 6;
	lane_succeed(&lane);
	assert_true(lane_door_open(&lane, AT(at), 5));
}

static void test_resumed(void **state)
{
	struct lane lane = fresh();

	(void)state;
	(void)lane_hold(&lane, AT(0), 3600 * NS_PER_S, &dice);
	(void)lane_shut(&lane, AT(0), LANE_DOOR_MOST_NS, &dice);
	lane.reauths = 1;
	lane_resume(&lane);
	assert_int_equal(lane_room(&lane, AT(0)), UINT32_MAX);
	assert_true(lane_door_open(&lane, AT(0), 3));
	assert_int_equal(lane.reauths, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_a_train_is_one_setback),
		cmocka_unit_test(test_holds_grow),
		cmocka_unit_test(test_door),
		cmocka_unit_test(test_resumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
